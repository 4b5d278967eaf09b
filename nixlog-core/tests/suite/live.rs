//! What is seen while a build runs, against what is known of it afterwards.

use std::collections::{BTreeMap, BTreeSet};

use nixlog_core::ids::ActivityId;
use nixlog_core::time::Stamp;
use nixlog_core::timeline::live::Live;
use nixlog_core::timeline::{Outcome, Timeline, TimelineBuilder, Unit, UnitKind};
use nixlog_core::wire::detail::Detail;
use nixlog_core::wire::event::{Event, Level, Message};
use nixlog_core::wire::message::{self, Note};
use nixlog_core::wire::{Body, Line, LogReader, ansi};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::recordings::{Recording, corpus, recording, recordings_in};
use crate::shared_corpus::{folders, say};

/// The end of time: everything has come to pass.
const LATE: Stamp = Stamp::from_nanos(u64::MAX);

fn each_line(bytes: &[u8], mut each: impl FnMut(&Line<'_>)) {
    let mut reader = LogReader::new(None);
    for line in reader.block(bytes, None) {
        each(&line);
    }
    for line in reader.finish() {
        each(&line);
    }
}

/// Follows a whole log, asking for failures now and then; returns what has failed, too.
fn follow(bytes: &[u8]) -> (Live, Vec<String>) {
    let (mut live, mut failed, mut n) = (Live::default(), Vec::new(), 0_u64);
    let names = |builds: Vec<_>| -> Vec<String> {
        builds
            .into_iter()
            .map(|failed: nixlog_core::timeline::live::FailedBuild| failed.drv)
            .collect()
    };
    each_line(bytes, |line| {
        live.push(line);
        n += 1;
        if n.is_multiple_of(100) {
            failed.extend(names(live.take_failures(line.stamp.unwrap_or_default())));
        }
    });
    failed.extend(names(live.take_failures(LATE)));
    (live, failed)
}

fn timeline(bytes: &[u8]) -> Timeline {
    let mut builder = TimelineBuilder::default();
    each_line(bytes, |line| builder.push(line));
    builder.finish()
}

/// Compares the counts at the end of a log.
fn disagreements(bytes: &[u8]) -> Vec<String> {
    let (live, failed) = follow(bytes);
    let timeline = timeline(bytes);
    let totals = live.totals(LATE);
    let mut wrong = Vec::new();
    let mut compare = |what: &str, got: u64, want: usize| {
        if got != want as u64 {
            wrong.push(format!("{what}: {got} seen, {want} were"));
        }
    };
    let derivations = || {
        let units = timeline.units().iter();
        units.filter(|unit| unit.started && unit.kind.is_derivation())
    };
    let n = |outcome| derivations().filter(|unit| unit.outcome == outcome).count();
    let failed_outcomes = [Outcome::Failed, Outcome::TimedOut, Outcome::HashMismatch];
    if timeline.is_text() {
        // A status line on a terminal names builds that no line says have started.
        if live.latest().is_some() {
            compare("started", totals.builds.started, derivations().count());
        }
        return wrong;
    }
    let units = || timeline.units().iter();
    let failed_of =
        |kind| units().any(|unit| unit.kind == kind && failed_outcomes.contains(&unit.outcome));
    // The counters count what never started, too: without its inputs, or without a machine.
    let never_started = units().any(|unit| !unit.started && unit.outcome == Outcome::Failed)
        || failed_of(UnitKind::Substitution);
    let n_failed: usize = failed_outcomes.into_iter().map(n).sum();
    compare("built", totals.builds.done, n(Outcome::Succeeded));
    // A failed hook ends the call before the counters move.
    if !never_started && !failed_of(UnitKind::PostBuildHook) {
        compare("failed", totals.builds.failed, n_failed);
        compare("told", failed.len() as u64, n_failed);
    }
    if !failed_of(UnitKind::Substitution) {
        let fetched = |unit: &&Unit| {
            unit.kind == UnitKind::Substitution && unit.outcome == Outcome::Succeeded
        };
        compare(
            "fetched",
            totals.fetches.done,
            units().filter(fetched).count(),
        );
    }
    // Whoever is told of failures is told of those that failed, once each.
    let told: BTreeSet<&str> = failed.iter().map(String::as_str).collect();
    compare("told twice", failed.len() as u64, told.len());
    for drv in told {
        let unit = derivations().find(|unit| timeline.name(unit.subject) == drv);
        let outcome = unit.map(|unit| unit.outcome);
        if !matches!(
            outcome,
            Some(Outcome::Failed | Outcome::TimedOut | Outcome::HashMismatch)
        ) {
            wrong.push(format!("told that {drv} failed: {outcome:?}"));
        }
    }
    if !timeline.is_cut() && live.open() > 0 {
        wrong.push(format!("{} still open", live.open()));
    }
    wrong
}

/// All recordings that are here: the project's own, and the shared ones where there are any.
fn all() -> Vec<Recording> {
    let shared = folders().into_iter().flat_map(|dir| recordings_in(&dir));
    corpus().into_iter().chain(shared).collect()
}

#[test]
fn the_counts_at_the_end_are_those_of_the_timeline() {
    let (mut n, mut wrong) = (0, Vec::new());
    for recording in all() {
        n += 1;
        for what in disagreements(&recording.bytes()) {
            wrong.push(format!("{}: {what}", recording.path.display()));
        }
    }
    say(&format!(
        "{n} recordings followed live, {} disagree",
        wrong.len()
    ));
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// A build as the naive recomputation knows it.
struct Seen {
    id: ActivityId,
    drv: String,
    machine: Option<String>,
    call: Option<ActivityId>,
    /// The index of the build that this one is a part of.
    outer: Option<usize>,
    alive: u64,
    open: bool,
    failed: bool,
}

/// One build of a call ended, say its counters.
struct Tick {
    call: ActivityId,
    at: Option<Stamp>,
    event: u64,
    success: bool,
}

/// Everything of a log that says which builds run, without thought of time or memory.
#[derive(Default)]
struct Naive {
    event: u64,
    builds: Vec<Seen>,
    /// Open calls: their counters, `done` and `failed`, and failures that were told too early.
    calls: Vec<(ActivityId, [u64; 3])>,
    open: BTreeSet<ActivityId>,
    ticks: Vec<Tick>,
}

impl Naive {
    fn push(&mut self, line: &Line<'_>) {
        let Body::Event(event) = &line.body else {
            return;
        };
        self.event += 1;
        match event {
            Event::Start(start) => {
                assert!(
                    !self.open.contains(&start.id),
                    "the recordings have no twins"
                );
                let has_parent = start
                    .parent
                    .is_some_and(|parent| self.open.contains(&parent));
                self.open.insert(start.id);
                match start.detail() {
                    Detail::Builds if !has_parent => self.calls.push((start.id, [0; 3])),
                    Detail::Build { drv, machine } => {
                        let machine = machine.map(|machine| machine.to_string());
                        self.start(start.id, &drv.decode(), machine, has_parent);
                    }
                    _ => {}
                }
            }
            Event::Stop(id) => self.stop(*id, line.stamp),
            Event::Progress(progress) => {
                let n_open = self.own(progress.id).count();
                let Some((id, counts)) = self.calls.iter_mut().find(|(id, _)| *id == progress.id)
                else {
                    return;
                };
                let done = progress.done.saturating_sub(counts[0]);
                let failed = progress.failed.saturating_sub(counts[1]);
                let told = failed.min(counts[2]);
                *counts = [progress.done, progress.failed, counts[2] - told];
                for (n, success) in [(done, true), (failed - told, false)] {
                    for _ in 0..n.min(n_open as u64) {
                        let (call, at, event) = (*id, line.stamp, self.event);
                        self.ticks.push(Tick {
                            call,
                            at,
                            event,
                            success,
                        });
                    }
                }
                self.forget(progress.id);
            }
            Event::Result(result) if result.kind.0 == 101 || result.kind.0 == 104 => {
                self.alive(result.id);
            }
            Event::Message(message) => self.message(message),
            _ => {}
        }
    }

    /// Returns the open builds that a call counts, those that were told to have failed, too.
    fn own(&self, call: ActivityId) -> impl Iterator<Item = usize> + '_ {
        let builds = self.builds.iter().enumerate();
        let own = builds.filter(move |(_, build)| build.open && build.call == Some(call));
        own.map(|(index, _)| index)
    }

    fn forget(&mut self, call: ActivityId) {
        let n_open = self.own(call).count();
        while self.ticks.iter().filter(|tick| tick.call == call).count() > n_open {
            let first = self.ticks.iter().position(|tick| tick.call == call);
            self.ticks.remove(first.expect("there are more than that"));
        }
    }

    fn start(&mut self, id: ActivityId, drv: &str, machine: Option<String>, has_parent: bool) {
        let outer = self.builds.iter().rposition(|build| {
            let is_remote = build.open && build.machine.is_some() && build.drv == drv;
            is_remote && has_parent && machine.is_none()
        });
        let own = self
            .calls
            .iter()
            .rev()
            .find(|(call, _)| call.pid() == id.pid());
        let call = own.or(self.calls.last()).map(|(call, _)| *call);
        self.builds.push(Seen {
            id,
            drv: drv.to_owned(),
            machine,
            call: call.filter(|_| outer.is_none()),
            outer,
            alive: self.event,
            open: true,
            failed: false,
        });
        if let Some(outer) = outer {
            self.builds[outer].alive = self.event;
        }
    }

    fn alive(&mut self, id: ActivityId) {
        let found = self
            .builds
            .iter()
            .rposition(|build| build.open && build.id == id);
        let Some(index) = found else { return };
        let index = self.builds[index].outer.unwrap_or(index);
        self.builds[index].alive = self.event;
    }

    fn stop(&mut self, id: ActivityId, at: Option<Stamp>) {
        self.open.remove(&id);
        self.calls.retain(|(call, _)| *call != id);
        let found = self
            .builds
            .iter()
            .rposition(|build| build.open && build.id == id);
        let Some(index) = found else { return };
        self.builds[index].open = false;
        let Seen {
            alive,
            call: Some(call),
            failed,
            ..
        } = self.builds[index]
        else {
            return;
        };
        if !failed {
            let own = |tick: &Tick| tick.call == call && tick.event >= alive;
            let first = self.ticks.iter().position(own);
            let last = self.ticks.iter().rposition(own);
            let soon = |tick: &Tick| match at.zip(tick.at) {
                Some((at, tick)) => at.since(tick).get() <= 50_000_000,
                None => self.event - tick.event <= 64,
            };
            let prompt = last.filter(|&last| soon(&self.ticks[last]));
            if let Some(taken) = prompt.or(first) {
                self.ticks.remove(taken);
            }
        }
        self.forget(call);
    }

    fn message(&mut self, message: &Message<'_>) {
        let bare = message.raw.filter(|_| message.level == Level::ERROR);
        let text = bare.unwrap_or(message.text).decode();
        let plain = ansi::strip(&text);
        let (drv, failure) = match message::read(&plain) {
            Note::BuildFailed {
                drv: Some(drv),
                failure,
            } => (drv, failure),
            Note::RemoteBuildFailed { drv, detail, .. } => match message::read(detail) {
                Note::BuildFailed { failure, .. } => (drv, failure),
                _ => return,
            },
            _ => return,
        };
        let build = self.builds.iter_mut().find(|build| {
            build.open && build.outer.is_none() && build.drv == drv && failure.was_tried()
        });
        let Some(build) = build.filter(|build| !build.failed) else {
            return;
        };
        build.failed = true;
        let call = build.call;
        let last = self
            .ticks
            .iter()
            .rposition(|tick| Some(tick.call) == call && !tick.success);
        match (
            last,
            self.calls.iter_mut().find(|(id, _)| Some(*id) == call),
        ) {
            (Some(last), _) => drop(self.ticks.remove(last)),
            (None, Some((_, counts))) => counts[2] += 1,
            (None, None) => {}
        }
    }

    /// Returns the builds that run: those that are open, less one for each tick, the one that showed
    /// life last before it.
    fn running(&self) -> BTreeMap<&str, usize> {
        let mut running: Vec<usize> = (0..self.builds.len())
            .filter(|&index| {
                let build = &self.builds[index];
                build.open && build.outer.is_none() && !build.failed
            })
            .collect();
        for (call, _) in &self.calls {
            for tick in self.ticks.iter().filter(|tick| tick.call == *call) {
                let silent = running.iter().filter(|&&index| {
                    let build = &self.builds[index];
                    build.call == Some(*call) && build.alive <= tick.event
                });
                let ended =
                    silent.max_by_key(|&&index| (self.builds[index].alive, self.builds[index].id));
                if let Some(&ended) = ended {
                    running.retain(|&index| index != ended);
                }
            }
        }
        let mut names = BTreeMap::new();
        for index in running {
            *names.entry(self.builds[index].drv.as_str()).or_default() += 1;
        }
        names
    }
}

/// Reads the first `n` lines of a log both ways.
fn both(bytes: &[u8], n: usize) -> (Live, Naive) {
    let (mut live, mut naive, mut left) = (Live::default(), Naive::default(), n);
    each_line(bytes, |line| {
        if left > 0 {
            left -= 1;
            live.push(line);
            naive.push(line);
        }
    });
    (live, naive)
}

fn n_lines(bytes: &[u8]) -> usize {
    bytes.iter().filter(|&&byte| byte == b'\n').count()
}

/// The logs that the project has, without stamps of anything else than the recorder.
fn logs() -> Vec<(String, Vec<u8>)> {
    let all = corpus().into_iter();
    all.map(|recording| (recording.name.clone(), recording.bytes()))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn at_any_cut_what_runs_is_what_is_open_and_has_not_ended(cuts in vec(any::<Index>(), 17..18)) {
        for ((name, bytes), cut) in logs().iter().zip(cuts) {
            let n = cut.index(n_lines(bytes) + 1);
            let (live, naive) = both(bytes, n);
            let mut got: BTreeMap<&str, usize> = BTreeMap::new();
            let builds = live.builds();
            for build in &builds {
                *got.entry(build.drv).or_default() += 1;
            }
            prop_assert_eq!(got, naive.running(), "{} after {} lines", name, n);
            prop_assert_eq!(live.totals(LATE).builds.running, builds.len() as u64);
        }
    }

    #[test]
    fn whatever_comes_in_whatever_order_is_taken(
        log in any::<Index>(),
        swaps in vec((any::<Index>(), any::<Index>()), 0..200),
        doubled in vec(any::<Index>(), 0..50),
        damaged in vec((any::<Index>(), any::<u8>()), 0..50),
        cut in any::<Index>(),
    ) {
        let logs = logs();
        let (name, bytes) = log.get(&logs);
        let mut lines: Vec<Vec<u8>> = bytes.split_inclusive(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect();
        for (a, b) in swaps {
            let (a, b) = (a.index(lines.len()), b.index(lines.len()));
            lines.swap(a, b);
        }
        for again in doubled {
            let line = again.get(&lines).clone();
            lines.push(line);
        }
        let mut bytes = lines.concat();
        for (at, byte) in damaged {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(cut.index(bytes.len()));
        let mut live = Live::default();
        let mut n = 0;
        // A damaged line may have no stamp; time goes on all the same.
        let mut now = Stamp::ZERO;
        each_line(&bytes, |line| {
            live.push(line);
            n += 1;
            now = now.max(line.stamp.unwrap_or_default());
            if n % 97 == 0 {
                let totals = live.totals(now);
                assert_eq!(totals.builds.running, live.builds().len() as u64, "{name}");
                let n_shown = live.tasks().len() + live.builds().len();
                assert!(n_shown <= live.open(), "{name}");
                live.take_failures(now);
                assert!(live.evaluating().is_none_or(|at| at.since <= Some(now)), "{name}");
            }
        });
    }
}

/// Afterwards it is known better what ran: how often was what was shown wrong?
#[test]
fn what_is_seen_is_what_was() {
    let (mut shown, mut ran, mut agreed) = (0, 0, 0);
    for recording in all() {
        let bytes = recording.bytes();
        let timeline = timeline(&bytes);
        let (Some(wall), false) = (timeline.wall(), timeline.is_text()) else {
            continue;
        };
        let mut live = Live::default();
        let step = wall.length().get() / 40 + 1;
        let mut due = 0;
        each_line(&bytes, |line| {
            let Some(now) = line.stamp else { return };
            // Just before the line, after a pause: what ends together is not a matter of taste.
            if now.as_nanos() >= due && now.since(live.now().unwrap_or(now)).get() > 5_000_000 {
                due = now.as_nanos() + step;
                let at = live.now().unwrap_or(now);
                let units = timeline.units().iter().filter(|unit| {
                    let runs = unit.start.is_some_and(|start| start <= at) && unit.end > Some(at);
                    runs && unit.started && unit.kind.is_derivation()
                });
                let was: BTreeSet<&str> = units.map(|unit| timeline.name(unit.subject)).collect();
                let seen: BTreeSet<&str> = live.builds().iter().map(|build| build.drv).collect();
                shown += seen.len();
                ran += was.len();
                agreed += seen.intersection(&was).count();
            }
            live.push(line);
        });
    }
    say(&format!(
        "{shown} builds shown at some instant, {ran} ran, {agreed} of them the same"
    ));
    assert!(shown - agreed <= shown / 100, "{agreed} of {shown}");
    assert!(ran - agreed <= ran / 100, "{agreed} of {ran}");
}

/// A failure is told while the build goes on, with the end of its log.
#[test]
fn a_failure_is_told_at_once_with_its_last_lines() {
    let bytes = recording("2.26.3-fail-fail-dep-keep-going").bytes();
    let mut live = Live::default();
    let mut failures = Vec::new();
    each_line(&bytes, |line| {
        live.push(line);
        let now = line.stamp.unwrap_or_default();
        for failed in live.take_failures(now) {
            failures.push((now, failed));
        }
    });
    assert_eq!(failures.len(), 2);
    for (told, failed) in failures {
        let ended = failed.ended.expect("the log has stamps");
        assert!(told.since(ended).get() < 100_000_000, "{failed:#?}");
        assert!(
            failed.started < Some(ended) && failed.phase.is_some(),
            "{failed:#?}"
        );
        assert!(failed.reason.is_some(), "{failed:#?}");
        let n = usize::try_from(failed.log_lines)
            .expect("few lines")
            .min(25);
        assert!(n > 0 && failed.tail.len() == n, "{failed:#?}");
    }
}
