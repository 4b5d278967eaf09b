//! Import from derivation: what evaluation waited for comes before what it asked for afterwards.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use nixlog_core::analysis::makespan::Makespan;
use nixlog_core::analysis::run_graph::RunGraph;
use nixlog_core::analysis::slots::{KnownSlots, Slots};
use nixlog_core::analysis::structural::structural;
use nixlog_core::analysis::what_if::{Assumptions, Change, Questions};
use nixlog_core::report::evaluation_waits::{WaitedFor, evaluation_waits};
use nixlog_core::time::Nanos;
use nixlog_core::timeline::Timeline;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::recordings::{recording, timeline};
use crate::simulated_nix::drv;
use crate::truth_graph::{from_edges, from_truth};

/// One build: what it needs among those before it in its stage, and how long it takes.
#[derive(Debug, Clone)]
struct Job {
    deps: BTreeSet<usize>,
    takes: u64,
}

/// What evaluation asks for in one call, and for how long it works before that.
#[derive(Debug, Clone)]
struct Stage {
    evaluation: u64,
    jobs: Vec<Job>,
}

const STEP: u64 = 100_000_000;

/// A log of stages that evaluation waited for one after the other, with a slot for everybody.
struct Log {
    text: String,
    now: u64,
    next_id: u64,
}

impl Log {
    fn new() -> Self {
        Self {
            text: String::new(),
            now: 0,
            next_id: 0,
        }
    }

    fn say(&mut self, record: &str) {
        writeln!(self.text, "{} @nix {record}", self.now * STEP).expect("a String takes any text");
    }

    fn start(&mut self, pid: u64, kind: u32, rest: &str) -> u64 {
        let id = (pid << 32) + self.next_id;
        self.next_id += 1;
        self.say(&format!(
            r#"{{"action":"start","id":{id},"level":3,"parent":0,"text":"","type":{kind}{rest}}}"#
        ));
        id
    }

    fn stop(&mut self, id: u64) {
        self.say(&format!(r#"{{"action":"stop","id":{id}}}"#));
    }

    /// Writes a call of a process that builds some of the jobs, numbered from `first`.
    fn call(&mut self, pid: u64, first: usize, jobs: &[Job]) {
        let call = self.start(pid, 102, "");
        let ends = ends(jobs, None);
        let mut events: Vec<(u64, bool, usize)> = Vec::new();
        for (job, &end) in ends.iter().enumerate() {
            events.push((end - jobs[job].takes, true, job));
            events.push((end, false, job));
        }
        // What takes no time starts before it ends.
        events.sort_by_key(|&(at, starts, job)| {
            let instant = jobs[job].takes == 0;
            (at, instant, instant && !starts, starts, job)
        });
        let (begin, mut ids) = (self.now, vec![0; jobs.len()]);
        for (at, starts, job) in events {
            self.now = begin + at;
            if starts {
                let drv = drv(first + job);
                ids[job] = self.start(pid, 105, &format!(r#","fields":["{drv}","",1,1]"#));
            } else {
                self.stop(ids[job]);
            }
        }
        self.stop(call);
    }
}

/// Returns when each job of a stage ends, with one of them taking no time.
fn ends(jobs: &[Job], free: Option<usize>) -> Vec<u64> {
    let mut ends: Vec<u64> = Vec::new();
    for (number, job) in jobs.iter().enumerate() {
        let ready = job.deps.iter().map(|&dep| ends[dep]).max().unwrap_or(0);
        ends.push(ready + if free == Some(number) { 0 } else { job.takes });
    }
    ends
}

fn stages() -> impl Strategy<Value = Vec<Stage>> {
    let job = (vec(any::<Index>(), 0..3), 1_u64..40);
    let stage = (0_u64..30, vec(job, 1..5));
    vec(stage, 1..5).prop_map(|stages| {
        let stages = stages.into_iter().map(|(evaluation, jobs)| {
            let jobs = jobs
                .into_iter()
                .enumerate()
                .map(|(number, (deps, takes))| Job {
                    deps: match number {
                        0 => BTreeSet::new(),
                        _ => deps.iter().map(|dep| dep.index(number)).collect(),
                    },
                    takes,
                });
            Stage {
                evaluation,
                jobs: jobs.collect(),
            }
        });
        stages.collect()
    })
}

fn log_of(stages: &[Stage]) -> Timeline {
    let mut log = Log::new();
    log.now = 1;
    let mut first = 0;
    for stage in stages {
        log.now += stage.evaluation;
        log.call(4242, first, &stage.jobs);
        first += stage.jobs.len();
    }
    timeline(log.text.as_bytes())
}

fn graph_of(timeline: &Timeline, stages: &[Stage]) -> RunGraph {
    let mut first = 0;
    let mut edges: Vec<(String, Vec<String>)> = Vec::new();
    for stage in stages {
        for (number, job) in stage.jobs.iter().enumerate() {
            let needs = job.deps.iter().map(|&dep| drv(first + dep));
            edges.push((drv(first + number), needs.collect()));
        }
        first += stage.jobs.len();
    }
    let edges = edges.iter();
    let edges = edges.map(|(path, needs)| (&**path, needs.iter().map(|need| &**need).collect()));
    RunGraph::new(timeline, &from_edges(edges))
}

proptest! {
    /// The naive twin knows that stages follow each other, and adds them up.
    #[test]
    fn stages_follow_each_other(stages in stages()) {
        let timeline = log_of(&stages);
        prop_assert_eq!(timeline.imports().len(), stages.len() - 1);
        let run = graph_of(&timeline, &stages);
        let length = |stage: &Stage, free| ends(&stage.jobs, free).into_iter().max().unwrap_or(0);
        let span: u64 = stages.iter().map(|stage| length(stage, None)).sum();
        let evaluation: u64 = stages[1..].iter().map(|stage| stage.evaluation).sum();
        let structural = structural(&run);
        prop_assert_eq!(structural.span, Nanos::new(span * STEP));

        let slots = u32::try_from(run.nodes().len()).expect("few");
        let slots = Slots::new(&timeline, KnownSlots::new(Some(slots)));
        let makespan = Makespan::new(&timeline, &run, &slots).expect("it ran");
        let whole = Nanos::new((span + evaluation) * STEP);
        prop_assert_eq!(makespan.replay().measured, whole);
        // Of two that end at once, nobody can tell how long the second one ran itself.
        let all_apart = stages.iter().all(|stage| {
            let ends = ends(&stage.jobs, None);
            ends.iter().collect::<BTreeSet<_>>().len() == ends.len()
        });
        if all_apart {
            prop_assert_eq!(makespan.baseline().makespan, whole);
        }
        let questions = Questions::new(&timeline, &run, &makespan, Assumptions::default());

        let mut first = 0;
        for stage in &stages {
            for (number, job) in stage.jobs.iter().enumerate() {
                let path = drv(first + number);
                let mut units = timeline.units().iter();
                let unit = units.position(|unit| timeline.name(unit.subject) == path);
                let unit = unit.expect("it ran");
                let saved = Nanos::new((length(stage, None) - length(stage, Some(number))) * STEP);
                let times = structural.units.iter().find(|times| times.unit == unit);
                let times = times.expect("a node");
                prop_assert_eq!(times.saving, saved, "{}", path);
                prop_assert!(saved == Nanos::ZERO || times.slack == Nanos::ZERO);
                if all_apart {
                    let answer = questions.ask(&[Change::Speedup(vec![unit], 1e12)]);
                    prop_assert_eq!(answer.predicted, whole - saved, "{}", path);
                }
                // Who waits for it: those of its stage that need it, and all of the stages after.
                let own = (number + 1..stage.jobs.len()).filter(|&other| needs(&stage.jobs, other, number));
                let later = timeline.units().iter().filter(|unit| unit.kind.is_derivation()).count()
                    - first - stage.jobs.len();
                let node = run.node_of(unit).expect("a node");
                prop_assert_eq!(run.waiting_for(node).len(), own.count() + later);
                let direct = stage.jobs.iter().filter(|other| other.deps.contains(&number)).count();
                prop_assert_eq!(run.direct_dependents(node).len(), direct);
                prop_assert!(job.takes > 0);
            }
            first += stage.jobs.len();
        }
    }
}

fn needs(jobs: &[Job], job: usize, other: usize) -> bool {
    let mut deps = jobs[job].deps.iter();
    deps.any(|&dep| dep == other || needs(jobs, dep, other))
}

fn one(takes: u64) -> [Job; 1] {
    [Job {
        deps: BTreeSet::new(),
        takes,
    }]
}

/// Returns the calls for which evaluation stood still, and until which call what came after counts.
fn imports(log: &Log) -> Vec<(u32, std::ops::Range<u32>)> {
    let timeline = timeline(log.text.as_bytes());
    let imports = timeline.imports().iter();
    imports
        .map(|import| (import.call, import.before.clone()))
        .collect()
}

#[test]
fn what_is_proved_counts() {
    let sign = r#"{"action":"msg","level":4,"msg":"evaluating file '/etc/nixos/x.nix'"}"#;
    // The last call: nobody says that evaluation went on.
    let mut log = Log::new();
    log.call(1, 0, &one(5));
    assert_eq!(imports(&log), []);
    // `nix eval`: it did, and nothing was asked for any more.
    log.say(sign);
    assert_eq!(imports(&log), [(0, 1..1)]);
    // A call in between that had nothing to do is none that was waited for.
    log.call(1, 1, &[]);
    log.call(1, 1, &one(3));
    assert_eq!(imports(&log), [(0, 1..3)]);
    log.call(1, 2, &one(3));
    assert_eq!(imports(&log), [(0, 1..3), (2, 3..4)]);
    // Another command need not have waited for this one.
    log.call(2, 3, &one(3));
    assert_eq!(imports(&log), [(0, 1..3), (2, 3..4)]);
}

#[test]
fn a_failed_call_is_tried_again_by_nobody_who_evaluates() {
    let mut log = Log::new();
    log.call(1, 0, &one(5));
    let drv = drv(0);
    log.say(&format!(
        r#"{{"action":"msg","level":0,"msg":"error: builder for '{drv}' failed with exit code 1","raw_msg":"builder for '{drv}' failed with exit code 1"}}"#
    ));
    log.call(1, 1, &one(5));
    assert_eq!(imports(&log), []);
}

#[test]
fn calls_that_overlap_tell_nothing() {
    let mut log = Log::new();
    log.call(1, 0, &one(5));
    let open = log.start(2, 102, "");
    log.call(1, 1, &one(5));
    log.stop(open);
    log.call(1, 2, &one(5));
    assert_eq!(imports(&log), []);
}

/// Four builds that evaluation waited for one after the other, then five more: all of the first four
/// are critical.
#[test]
fn a_recorded_chain_of_imports_is_a_chain() {
    let recording = recording("2.26.3-ifd-ifd-v");
    let timeline = timeline(&recording.bytes());
    let graph = recording.truth.as_ref().map(from_truth).unwrap_or_default();
    let run = RunGraph::new(&timeline, &graph);
    let structural = structural(&run);
    let waits = evaluation_waits(&timeline);
    assert_eq!(waits.len(), 4);
    for wait in &waits {
        assert_eq!(wait.reason, WaitedFor::Import);
        let [unit] = &wait.units[..] else {
            panic!("one build each: {wait:?}");
        };
        assert!(unit.name.starts_with("generated-"), "{}", unit.name);
        let times = structural
            .units
            .iter()
            .find(|times| timeline.name(timeline.units()[times.unit].subject) == unit.path);
        let saving = times.map(|times| times.saving.get());
        assert_eq!(saving, unit.duration_ns, "{}", unit.name);
    }
}
