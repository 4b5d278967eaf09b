//! A recording answers as the log does that it was made of, thinned or not, to the nanosecond.

use nixlog_core::analysis::phases::phases;
use nixlog_core::analysis::selection::{Selection, select};
use nixlog_core::recording::{Header, Pending, SideLine, Thinning};
use nixlog_core::report::verbs;
use nixlog_core::time::Stamp;
use nixlog_core::timeline::Timeline;
use nixlog_core::wire::LogReader;
use serde_json::{Value, json};

use crate::recordings::{corpus, fold};

/// How much waits until it is written: about as often as the program writes.
const FRAME: u64 = 700_000_000;

/// Makes a recording of a log, as nixlog does when it imports one.
fn record(log: &[u8], thinning: Thinning) -> (Vec<u8>, u64) {
    let mut pending = Pending::new(thinning);
    pending.side(&SideLine::Header(Box::<Header>::default()));
    let (mut recording, mut piece) = (Vec::new(), Vec::new());
    let mut written = Stamp::ZERO;
    let mut take = |pending: &mut Pending| {
        pending.take(&mut piece);
        recording.append(&mut piece);
    };
    let mut line = |stamp: Option<Stamp>, line: &[u8]| {
        let stamp = stamp.unwrap_or(Stamp::ZERO);
        if stamp.since(written).get() > FRAME {
            take(&mut pending);
            written = stamp;
        }
        pending.lines(&[line, b"\n"].concat(), stamp);
    };
    let mut reader = LogReader::new(None);
    reader.payloads(log, None, &mut line);
    reader.last_payloads(&mut line);
    take(&mut pending);
    (recording, pending.thinned())
}

/// Returns all that is told of a log but how many lines it has.
fn answers(timeline: &Timeline) -> Value {
    let phases = verbs::phases::result(timeline, &phases(timeline));
    let slowest = select(timeline, &Selection::default());
    let slowest = verbs::slowest::result(timeline, &slowest, None, |_| true, 0);
    json!({
        "phases": phases, "slowest": slowest, "wall": timeline.wall().map(|wall| wall.length().get()),
        "is_cut": timeline.is_cut(), "is_nix": timeline.is_nix(),
    })
}

/// Returns what a recording says otherwise than its log, and how many lines were left out.
pub(crate) fn disagreements(log: &[u8]) -> (Vec<String>, u64) {
    let mut reader = LogReader::new(None);
    let timeline = fold(&mut reader, log);
    // Without times, recording is not importing: what counts is arrival.
    if timeline.wall().is_none() {
        return (Vec::new(), 0);
    }
    let want = answers(&timeline);
    let mut wrong = Vec::new();
    let mut thinned = 0;
    for thinning in [Thinning::Off, Thinning::On] {
        let (recording, n) = record(log, thinning);
        thinned = n;
        let mut reader = LogReader::new(None);
        let got = answers(&fold(&mut reader, &recording));
        for part in ["phases", "slowest", "wall", "is_cut", "is_nix"] {
            if got[part] != want[part] {
                wrong.push(format!(
                    "recorded with thinning {thinning:?}, {part} differ"
                ));
            }
        }
    }
    (wrong, thinned)
}

#[test]
fn thinning_changes_no_answer() {
    let mut all = 0;
    for recording in corpus() {
        let (wrong, thinned) = disagreements(&recording.bytes());
        assert_eq!(wrong, [] as [String; 0], "{}", recording.name);
        all += thinned;
    }
    assert!(all > 1000, "only {all} lines were left out");
}
