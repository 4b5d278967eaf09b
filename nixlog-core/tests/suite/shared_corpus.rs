//! All recordings of `../shared/corpus`, where it is present: the project's own are a few of them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use nixlog_core::analysis::phases::phases;
use nixlog_core::time::Nanos;
use nixlog_core::timeline::{Outcome, Timeline};
use serde_json::Value;

use crate::charts;
use crate::outcomes::disagreements;
use crate::recordings::{Recording, files_in, read, recordings_in};
use crate::thinning;

/// Where the workspace is: as cargo says when the test runs, since the binary may have moved.
fn corpus() -> PathBuf {
    let manifest = std::env::var("CARGO_MANIFEST_DIR");
    let manifest = manifest.unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_owned());
    Path::new(&manifest).join("../../shared/corpus")
}

/// Returns the files with the graphs of real nixpkgs; none where there is no corpus.
pub(crate) fn dags() -> Vec<PathBuf> {
    let dir = corpus().join("dags");
    let files = if dir.is_dir() {
        files_in(&dir)
    } else {
        Vec::new()
    };
    let is_dag = |path: &PathBuf| path.to_string_lossy().ends_with(".dag.json");
    files.into_iter().filter(is_dag).collect()
}

/// Returns the folders with recordings; none where there is no corpus.
pub(crate) fn folders() -> Vec<PathBuf> {
    let corpus = corpus();
    if !corpus.is_dir() {
        return Vec::new();
    }
    let versions = files_in(&corpus).into_iter().filter(|path| path.is_dir());
    let dirs = versions.flat_map(|version| files_in(&version));
    dirs.filter(|path| path.is_dir()).collect()
}

/// Writes past the test's captured output, so that it is seen without asking.
pub(crate) fn say(text: &str) {
    writeln!(io::stderr(), "{text}").expect("standard error");
}

/// What was checked, and what is wrong.
#[derive(Default)]
struct Tally {
    recordings: usize,
    lines: u64,
    /// Lines that a thinned recording leaves out.
    thinned: u64,
    with_truth: usize,
    builds: usize,
    builder_phases: usize,
    wrong: Vec<String>,
}

fn check(recording: &Recording, tally: &Mutex<Tally>) {
    let bytes = recording.bytes();
    let log = read(&recording.name, &bytes);
    let timeline = &log.1;
    let phases = phases(timeline);
    let sum: Nanos = phases
        .phases
        .iter()
        .filter_map(|phase| phase.total.wall)
        .sum();
    let mut wrong = charts::disagreements(&log);
    if timeline.facts().lines > 1 && phases.wall.is_none() {
        wrong.push("no wall time".to_owned());
    }
    if phases.wall.is_some_and(|wall| wall != sum) {
        wrong.push(format!("wall {:?}, phases sum to {sum:?}", phases.wall));
    }
    let (thinned_wrong, thinned) = thinning::disagreements(&bytes);
    wrong.extend(thinned_wrong);
    let (mut n_builds, mut n_phases) = (0, 0);
    if let Some(truth) = &recording.truth {
        let (outcomes, n) = disagreements(timeline, truth);
        wrong.extend(outcomes);
        wrong.extend(missing(timeline, truth));
        n_builds = n;
        n_phases = builder_phases(timeline, truth, &mut wrong);
    }
    let mut tally = tally.lock().expect("no thread panics with it");
    tally.recordings += 1;
    tally.lines += timeline.facts().lines;
    tally.thinned += thinned;
    tally.with_truth += usize::from(recording.truth.is_some());
    tally.builds += n_builds;
    tally.builder_phases += n_phases;
    let name = recording.path.display();
    tally
        .wrong
        .extend(wrong.into_iter().map(|what| format!("{name}: {what}")));
}

/// Returns the builds that took place, and that the log speaks of, but that are no units.
fn missing(timeline: &Timeline, truth: &Value) -> Vec<String> {
    let units = timeline.units().iter();
    let started = units.filter(|unit| unit.started && unit.kind.is_derivation());
    let paths: BTreeSet<&str> = started.map(|unit| timeline.name(unit.subject)).collect();
    // A status line on a terminal names one of the running builds at a time.
    let in_bar = paths.iter().any(|path| !path.starts_with('/'));
    let nodes = truth["nodes"].as_object().expect("the truth has nodes");
    let built = nodes.values().filter(|node| node["built"] == true);
    let drvs = built.filter_map(|node| node["drv"].as_str());
    // Some logs are of a command that only asks about a build.
    drvs.filter(|drv| !paths.is_empty() && !in_bar && !paths.contains(drv))
        .map(|drv| format!("{drv} was built, but is no unit"))
        .collect()
}

/// Compares the builder phases of the builds that succeeded; returns of how many.
fn builder_phases(timeline: &Timeline, truth: &Value, wrong: &mut Vec<String>) -> usize {
    let units: BTreeMap<&str, _> = timeline
        .units()
        .iter()
        .filter(|unit| unit.kind.is_derivation() && !unit.phases.is_empty())
        .map(|unit| (timeline.name(unit.subject), unit))
        .collect();
    let mut n_compared = 0;
    for node in truth["nodes"].as_object().expect("nodes").values() {
        let unit = node["drv"].as_str().and_then(|drv| units.get(drv));
        let (Some(unit), Some(0), Some(1)) = (unit, node["exit"].as_i64(), node["runs"].as_i64())
        else {
            continue;
        };
        if unit.outcome != Outcome::Succeeded {
            continue;
        }
        n_compared += 1;
        let want: Vec<_> = node["phases"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|phase| phase["name"].as_str())
            .collect();
        let got: Vec<_> = unit
            .phases
            .iter()
            .map(|phase| timeline.name(phase.name))
            .collect();
        if got != want {
            wrong.push(format!(
                "{}: builder phases {got:?}, not {want:?}",
                node["drv"]
            ));
        }
    }
    n_compared
}

#[test]
fn every_shared_recording_holds() {
    let corpus = corpus();
    // Written past the test's captured output, so that it is seen without asking.
    let mut out = io::stderr();
    if !corpus.is_dir() {
        writeln!(out, "skipped: there is no {}", corpus.display()).expect("standard error");
        return;
    }
    let started = Instant::now();
    let dirs = files_in(&corpus).into_iter().filter(|path| path.is_dir());
    let dirs = dirs
        .flat_map(|version| files_in(&version))
        .filter(|path| path.is_dir());
    let recordings: Vec<_> = dirs.flat_map(|dir| recordings_in(&dir)).collect();
    let (tally, next) = (Mutex::new(Tally::default()), AtomicUsize::new(0));
    let n_threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..n_threads {
            scope.spawn(|| {
                while let Some(recording) = recordings.get(next.fetch_add(1, Ordering::Relaxed)) {
                    check(recording, &tally);
                }
            });
        }
    });
    let tally = tally.into_inner().expect("no thread panics with it");
    let seconds = started.elapsed().as_secs();
    writeln!(
        out,
        "{} shared recordings read, {} lines, {} of them left out when thinned, in {seconds} s; {} with truth: {} builds and {} builders' phases compared, {} disagree",
        tally.recordings,
        tally.lines,
        tally.thinned,
        tally.with_truth,
        tally.builds,
        tally.builder_phases,
        tally.wrong.len(),
    )
    .expect("standard error");
    assert!(
        tally.recordings > 100,
        "only {} recordings",
        tally.recordings
    );
    assert!(tally.wrong.is_empty(), "\n{}", tally.wrong.join("\n"));
}
