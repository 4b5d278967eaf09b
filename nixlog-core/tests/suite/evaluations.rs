//! What the evaluator was at, held against logs whose truth is known since they were made from it, and
//! against real ones.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use nixlog_core::analysis::evaluation::{Evaluation, EvaluationLog};
use nixlog_core::log::{Log, Reading};
use nixlog_core::report::verbs::eval::{EvalResult, Material, result};
use nixlog_core::timeline::Watched;
use nixlog_core::wire::LogReader;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::recordings::{recording, recordings_in};
use crate::shared_corpus::{folders, say};
use crate::simulated_nix::drv;

fn read(bytes: &[u8]) -> (Log, EvaluationLog) {
    let mut reading = Reading::new(LogReader::new(None));
    let watched = Watched::new(EvaluationLog::default());
    reading.watch_evaluation(watched.clone());
    reading.all(bytes).expect("bytes in memory");
    (reading.finish("-", None), watched.take())
}

fn answer(bytes: &[u8], top: usize) -> EvalResult {
    let (log, said) = read(bytes);
    let material = Material {
        log: Some((&log.timeline, &said)),
        top,
        ..Material::default()
    };
    result(material, |_, _| Vec::new())
}

/// What an evaluator does next.
#[derive(Debug, Clone)]
enum Step {
    /// It begins with a file, one of a few, and works for so long.
    File(u8, u64),
    /// It stands still for a build that takes so long, and works for so long afterwards.
    Import(u64, u64),
    /// It stands still while a source is copied, and works for so long afterwards.
    Source(u64, u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..5u8, 0..50u64).prop_map(|(file, works)| Step::File(file, works)),
        (1..50u64, 1..50u64).prop_map(|(takes, works)| Step::Import(takes, works)),
        (1..50u64, 0..50u64).prop_map(|(takes, works)| Step::Source(takes, works)),
    ]
}

/// What is true of a log.
#[derive(Debug, Default, PartialEq)]
struct Truth {
    /// How long each file was the last that had begun while evaluation worked.
    files: BTreeMap<String, u64>,
    working: u64,
    blocked: u64,
    /// The builds that were waited for, each with the file that had begun last.
    imports: Vec<(u64, Option<String>)>,
}

/// Writes the log of an evaluator, and what is true of it. It begins with a file, and ends with another and
/// a build that is none of evaluation's.
fn log(steps: &[Step]) -> (String, Truth) {
    let (mut text, mut truth) = (String::new(), Truth::default());
    let (mut now, mut id, mut file) = (0u64, 1u64 << 32, None::<String>);
    let mut say = |now: u64, record: String| {
        writeln!(text, "{now} @nix {record}").expect("a String takes any text");
    };
    let start = |id: u64, kind: u32, text: &str, fields: &str| {
        format!(
            r#"{{"action":"start","id":{id},"level":5,"parent":0,"text":"{text}","type":{kind}{fields}}}"#
        )
    };
    let stop = |id: u64| format!(r#"{{"action":"stop","id":{id}}}"#);
    let built = |number: usize| format!(r#","fields":["{}","",1,1]"#, drv(number));
    let ends = [Step::File(0, 7)];
    for (place, step) in ends.iter().chain(steps).chain(&ends).enumerate() {
        let works = match *step {
            Step::File(name, works) => {
                let name = format!("/f{name}.nix");
                say(
                    now,
                    format!(r#"{{"action":"msg","level":4,"msg":"evaluating file '{name}'"}}"#),
                );
                truth.files.entry(name.clone()).or_default();
                file = Some(name);
                works
            }
            Step::Import(takes, works) => {
                truth.imports.push((takes, file.clone()));
                truth.blocked += takes;
                say(now, start(id, 102, "", ""));
                say(now, start(id + 1, 105, "", &built(place)));
                now += takes;
                say(now, stop(id + 1));
                say(now, stop(id));
                works
            }
            Step::Source(takes, works) => {
                truth.blocked += takes;
                say(
                    now,
                    start(id, 0, &format!("copying '/src{place}' to the store"), ""),
                );
                now += takes;
                say(now, stop(id));
                works
            }
        };
        id += 2;
        now += works;
        truth.working += works;
        if let Some(file) = &file {
            *truth.files.entry(file.clone()).or_default() += works;
        }
    }
    say(now, start(id, 102, "", ""));
    say(now, start(id + 1, 105, "", &built(900)));
    say(now + 100, stop(id + 1));
    say(now + 100, stop(id));
    (text, truth)
}

proptest! {
    #[test]
    fn time_is_of_the_file_that_had_begun_last(steps in vec(step(), 0..30)) {
        let (text, truth) = log(&steps);
        let told = answer(text.as_bytes(), 0);
        prop_assert_eq!(told.wall_ns, Some(truth.working));
        prop_assert_eq!(told.blocked_ns, Some(truth.blocked));
        let files: BTreeMap<String, u64> = told
            .files
            .iter()
            .map(|file| (file.path.clone(), file.until_next_ns.expect("stamps")))
            .collect();
        prop_assert_eq!(&files, &truth.files);
        let waits: Vec<_> = told
            .waits
            .iter()
            .map(|it| (it.wait.duration_ns, it.last_file.clone()))
            .collect();
        prop_assert_eq!(waits, truth.imports);
        prop_assert_eq!(told.ifd.len(), told.waits.len());
        prop_assert!(told.ifd.iter().all(|it| it.asked_for && it.unit.name.starts_with("job-")));
    }
}

#[test]
fn imports_of_a_real_log_are_told_with_their_times() {
    let bytes = recording("2.26.3-ifd-ifd-v").bytes();
    let told = answer(&bytes, 0);
    let names: Vec<&str> = told.ifd.iter().map(|it| &*it.unit.name).collect();
    assert_eq!(
        names,
        [
            "generated-0.nix",
            "generated-1.nix",
            "generated-2.nix",
            "generated-3.nix"
        ]
    );
    let waited: u64 = told.waits.iter().map(|it| it.wait.duration_ns).sum();
    let blocked = told.blocked.expect("it has times");
    assert_eq!(blocked.store_ns, waited);
    assert!(told.wall_ns < told.blocked_ns);
    // What Nix calls `default.nix` was there before the first; what was generated, before the others.
    let before: Vec<_> = told
        .waits
        .iter()
        .map(|it| it.last_file.as_deref())
        .collect();
    assert!(
        before[0].is_some_and(|file| file.ends_with("/default.nix")),
        "{before:?}"
    );
    assert!(
        before[1].is_some_and(|file| file.ends_with("-generated-0.nix")),
        "{before:?}"
    );
}

/// Holds every real log with its files named against what `grep` finds in it.
#[test]
fn no_file_of_a_real_log_is_lost() {
    let mut n_checked = 0;
    for folder in folders() {
        for recording in recordings_in(&folder) {
            let bytes = recording.bytes();
            let text = String::from_utf8_lossy(&bytes);
            let events = text.lines().filter(|line| line.contains("@nix "));
            let named: Vec<&str> = events
                .filter_map(|line| line.split("\"evaluating file '").nth(1))
                .filter_map(|rest| rest.split("'\"").next())
                .collect();
            if named.is_empty() {
                continue;
            }
            let (log, said) = read(&bytes);
            let told = Evaluation::new(&log.timeline, &said);
            let counted: u64 = told.files.iter().map(|file| file.count).sum();
            assert_eq!(counted, named.len() as u64, "{}", recording.name);
            let names: BTreeSet<&str> = named.into_iter().collect();
            assert_eq!(told.files.len(), names.len(), "{}", recording.name);
            let all: u64 = told
                .files
                .iter()
                .filter_map(|file| Some(file.time?.get()))
                .sum();
            let working = told.working.unwrap_or_default().get();
            assert!(all <= working, "{}: {all} of {working}", recording.name);
            n_checked += 1;
        }
    }
    say(&format!("{n_checked} logs that name files"));
}

#[test]
fn statistics_in_the_middle_of_a_log_are_found() {
    let stats = "{\n  \"cpuTime\": 0.5,\n  \"nrThunks\": 7\n}\n";
    let build = r#"@nix {"action":"msg","level":4,"msg":"evaluating file '/a.nix'"}"#;
    let told = answer(format!("{build}\n{stats}{build}\n").as_bytes(), 0);
    let found = told.stats.expect("statistics");
    assert_eq!((found.cpu_ns, found.thunks), (Some(500_000_000), Some(7)));
    assert_eq!((told.evaluators, told.wall_ns), (1, None));
    assert_eq!(told.files.len(), 1);
    assert_eq!(told.files[0].until_next_ns, None);
}
