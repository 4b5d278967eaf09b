//! Who watches the logs of builds sees each line of them once, of the right build.

use std::collections::BTreeMap;

use nixlog_core::time::Stamp;
use nixlog_core::timeline::{BuildLine, TimelineBuilder, WatchBuilds, Watched};
use nixlog_core::wire::LogReader;
use serde_json::Value;

use crate::recordings::corpus;

/// All lines that were seen: the build, when, which of its log, and the text.
#[derive(Debug, Default)]
struct Seen(Vec<(u32, Option<Stamp>, u64, String)>);

impl WatchBuilds for Seen {
    fn line(&mut self, line: &BuildLine<'_>) {
        let text = line.text.decode().into_owned();
        self.0.push((line.build, line.at, line.number, text));
    }
}

/// Returns the texts of all lines of builds' logs, as a plain JSON parser reads them.
fn lines_of(log: &[u8]) -> Vec<String> {
    let log = String::from_utf8_lossy(log);
    let events = log
        .lines()
        .filter_map(|line| line.find("{\"action\"").map(|at| &line[at..]));
    let events = events.filter_map(|json| serde_json::from_str::<Value>(json).ok());
    let lines = events.filter(|event| event["action"] == "result" && event["type"] == 101);
    lines
        .filter_map(|event| Some(event["fields"][0].as_str()?.to_owned()))
        .collect()
}

#[test]
fn each_line_is_seen_once_and_belongs_to_its_unit() {
    let mut n_compared = 0;
    for recording in corpus() {
        let bytes = recording.bytes();
        let seen = Watched::new(Seen::default());
        let mut builder = TimelineBuilder::default();
        builder.watch(seen.clone());
        let mut reader = LogReader::new(None);
        for line in reader.block(&bytes, None) {
            builder.push(&line);
        }
        for line in reader.finish() {
            builder.push(&line);
        }
        let timeline = builder.finish();
        let Seen(seen) = seen.take();
        let mut by_build: BTreeMap<u32, u64> = BTreeMap::new();
        for &(build, at, number, _) in &seen {
            let n = by_build.entry(build).or_default();
            *n += 1;
            assert_eq!(number, *n, "{}", recording.name);
            let unit = timeline
                .units()
                .iter()
                .find(|it| it.activity == Some(build));
            let unit = unit.unwrap_or_else(|| panic!("{}: a line of nobody", recording.name));
            assert!(at >= unit.start, "{}", recording.name);
        }
        for unit in timeline.units() {
            let n = unit
                .activity
                .and_then(|build| by_build.get(&build).copied());
            assert_eq!(unit.log_lines, n.unwrap_or_default(), "{}", recording.name);
        }
        if !timeline.is_text() {
            let texts: Vec<String> = seen.into_iter().map(|(.., text)| text).collect();
            n_compared += texts.len();
            // A builder that prints events of its own may print lines of nobody.
            if !recording.name.contains("weird") {
                assert!(texts == lines_of(&bytes), "{}", recording.name);
            }
        }
    }
    assert!(n_compared > 100, "only {n_compared} lines");
}
