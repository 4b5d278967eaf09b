//! What happened inside builds, as far as their lines tell: the steps of their tools, what these were for, and
//! when nothing was printed.
//!
//! Tools differ in what they tell. One that does one thing at a time tells both ends of each step. One that runs
//! several at once tells when each begins (make, Cargo) or when it is over (Ninja), not both; what is unknown of
//! such a step stays unknown. Where the time went is told even so, by when the tool went on to the next:
//!
//! ```text
//! make    a▕▔▔▔▔▔▔▔▔▏b▕▔▔▔▏c        until the next begins: a, then b
//! ninja            ▕a▁▁▁▁▏b▁▁▏c     since the one before was over: at least as long as it took
//! ```

mod trace;

use std::collections::BTreeMap;

pub use trace::{Silence, Step, Took, Trace, Traces};

use crate::build_log::steps::{StepKind, Tool};
use crate::names::named;
use crate::time::{Interval, Nanos, Stamp};
use crate::timeline::{Timeline, Unit};

named! {
    /// In which order steps are listed.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum StepOrder {
        /// Those that took longest first.
        Duration = "duration",
        /// Those that began first, first.
        Start = "start",
    }
}

/// What told that time went into something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpentOn {
    /// What the time was spent on.
    pub kind: StepKind,
    /// Which tool told so; `None`: only the builder phase did.
    pub tool: Option<Tool>,
}

/// How much of a build's time went into something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spent {
    /// How many steps.
    pub steps: usize,
    /// Their share of the time: an instant belongs to all steps then at work in equal parts.
    pub wall: Nanos,
}

/// What happened inside one build.
#[derive(Debug)]
#[non_exhaustive]
pub struct Inside {
    /// What is kept of its lines.
    pub trace: Trace,
    /// Where its time went; without times only how many steps there were.
    pub spent: BTreeMap<SpentOn, Spent>,
    /// The rest of its time.
    pub untold: Option<Nanos>,
}

impl Inside {
    /// Takes what is known of a unit's inside out of what was kept of the log; `None` where it printed nothing.
    #[must_use]
    pub fn new(timeline: &Timeline, unit: &Unit, traces: &mut Traces) -> Option<Self> {
        let trace = traces.take(unit)?;
        let phases = unit.phases.iter().filter_map(|phase| {
            let kind = kind_of_phase(timeline.name(phase.name))?;
            Some((phase.interval?, kind))
        });
        let (spent, untold) = spent(unit.interval(), &trace, phases);
        Some(Self {
            trace,
            spent,
            untold,
        })
    }

    /// Returns the steps in an order, as indices.
    #[must_use]
    pub fn sorted(&self, order: StepOrder) -> Vec<usize> {
        let steps = self.trace.steps();
        let mut sorted: Vec<usize> = (0..steps.len()).collect();
        match order {
            StepOrder::Duration => sorted.sort_by_key(|&step| std::cmp::Reverse(steps[step].took)),
            StepOrder::Start => {
                sorted.sort_by_key(|&step| (steps[step].start.is_none(), steps[step].start));
            }
        }
        sorted
    }
}

/// What a builder phase of stdenv is for, where that is one thing.
fn kind_of_phase(phase: &str) -> Option<StepKind> {
    match phase {
        "configurePhase" => Some(StepKind::Configure),
        "checkPhase" | "installCheckPhase" => Some(StepKind::Test),
        "installPhase" => Some(StepKind::Install),
        "fixupPhase" => Some(StepKind::Fixup),
        "unpackPhase" | "patchPhase" => Some(StepKind::Other),
        _ => None,
    }
}

/// Divides a build's time among what it was spent on, to the nanosecond.
fn spent(
    whole: Option<Interval>,
    trace: &Trace,
    phases: impl Iterator<Item = (Interval, StepKind)>,
) -> (BTreeMap<SpentOn, Spent>, Option<Nanos>) {
    let mut spent: BTreeMap<SpentOn, Spent> = BTreeMap::new();
    // What begins and ends at an instant: a step, or, where no step is at work, a phase.
    let mut edges: Vec<(Stamp, bool, bool, SpentOn)> = Vec::new();
    let mut edge = |interval: Interval, is_step: bool, cause: SpentOn| {
        let within = whole.and_then(|whole| interval.clip(whole));
        let Some(within) = within.filter(|within| within.length() > Nanos::ZERO) else {
            return;
        };
        edges.push((within.start(), true, is_step, cause));
        edges.push((within.end(), false, is_step, cause));
    };
    for step in trace.steps() {
        let cause = SpentOn {
            kind: step.kind,
            tool: Some(step.tool),
        };
        spent.entry(cause).or_default().steps += 1;
        if let Some(interval) = step.at_work() {
            edge(interval, true, cause);
        }
    }
    for (interval, kind) in phases {
        edge(interval, false, SpentOn { kind, tool: None });
    }
    edges.sort_unstable_by_key(|&(at, begins, ..)| (at, begins));
    let mut active: [BTreeMap<SpentOn, u64>; 2] = Default::default();
    let Some(whole) = whole else {
        return (spent, None);
    };
    let mut untold = 0;
    let mut now = whole.start();
    let ends = [(whole.end(), false, true, None)];
    let edges = edges
        .into_iter()
        .map(|(at, begins, is_step, cause)| (at, begins, is_step, Some(cause)));
    for (at, begins, is_step, cause) in edges.chain(ends) {
        let length = at.since(now).get();
        now = now.max(at);
        let [phases, steps] = &active;
        let told = if steps.is_empty() { phases } else { steps };
        let n: u64 = told.values().sum();
        if n == 0 {
            untold += length;
        }
        let mut left = length;
        for (place, (cause, times)) in told.iter().enumerate() {
            let part = match place + 1 == told.len() {
                true => left,
                // Below the length, which is 64 bits.
                false => u64::try_from(u128::from(length) * u128::from(*times) / u128::from(n))
                    .unwrap_or(left),
            };
            left -= part;
            spent.entry(*cause).or_default().wall += Nanos::new(part);
        }
        let Some(cause) = cause else {
            break;
        };
        let active = &mut active[usize::from(is_step)];
        let times = active.entry(cause).or_default();
        match begins {
            true => *times += 1,
            false => *times = times.saturating_sub(1),
        }
        if *times == 0 {
            active.remove(&cause);
        }
    }
    (spent, Some(Nanos::new(untold)))
}
