//! `inside`: where the time went within one build, or within all of them.

mod layout;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::analysis::inside::{Inside, Silence, Step, StepOrder, Took};
use crate::build_log::steps::{StepKind, Tool};
use crate::report::document::Document;
use crate::report::envelope::{Answer, Input, Report, nanos, share};
use crate::report::table::{Names, limit};
use crate::report::unit::{UnitView, unit_view};
use crate::time::{Nanos, Stamp};
use crate::timeline::Timeline;

/// How many of the others that match are named.
const MOST_OTHERS: usize = 10;

/// The result of `inside`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct InsideResult {
    /// The build; `null` where nothing matches, or where several are summed up.
    pub unit: Option<UnitView>,
    /// How many builds match. Only the longest is looked into, unless they are summed up.
    pub matching: usize,
    /// The names of others that match, the longest first; not all of many.
    pub others: Vec<String>,
    /// How many jobs the tools of the build were told to run at once; `null` where no line says.
    pub jobs: Option<u32>,
    /// What the steps are sorted by.
    pub sort: StepOrder,
    /// How many steps there are, listed or not.
    pub total_steps: usize,
    /// How many more there are that there was no room for.
    pub left_out_steps: u64,
    /// The steps.
    pub steps: Vec<StepView>,
    /// What the time was spent on. With `untold_ns` they add up to the time of the builds.
    pub kinds: Vec<KindView>,
    /// The same by tool: which told that the time was spent so.
    pub tools: Vec<ToolView>,
    /// The time of which neither a step nor a builder phase tells what it was spent on.
    pub untold_ns: Option<u64>,
    /// The time of the builds.
    pub work_ns: Option<u64>,
    /// When the build printed nothing, the longest first.
    pub silences: Vec<SilenceView>,
}

/// A step of a build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct StepView {
    /// The build, where several are summed up.
    pub build: Option<String>,
    /// What told of it.
    pub tool: Tool,
    /// What it was for.
    pub kind: StepKind,
    /// What the tool calls it.
    pub name: String,
    /// When it began. Where `took_is` is `at-least`, it may have begun earlier.
    pub start_ns: Option<u64>,
    /// When it was over.
    pub end_ns: Option<u64>,
    /// The end is an upper bound.
    pub bounded: bool,
    /// How long it took, as far as is known.
    pub took_ns: Option<u64>,
    /// What that is.
    pub took_is: Took,
    /// The line of the build's log that told of it, from 1.
    pub line: u64,
}

/// What time was spent on.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct KindView {
    /// On what.
    pub kind: StepKind,
    /// How many steps.
    pub steps: usize,
    /// How much time: an instant belongs to all steps then at work in equal parts. Where no step is at work it
    /// belongs to the builder phase, if that is for one kind of thing.
    pub wall_ns: Option<u64>,
    /// The same as a fraction of the time of the builds.
    pub share: Option<f64>,
}

/// What told that time was spent on something.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct ToolView {
    /// Which tool; `null`: the builder phase.
    pub tool: Option<Tool>,
    /// On what.
    pub kind: StepKind,
    /// How many steps.
    pub steps: usize,
    /// How much time.
    pub wall_ns: Option<u64>,
    /// The same as a fraction of the time of the builds.
    pub share: Option<f64>,
}

/// A stretch of time in which a build printed no line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct SilenceView {
    /// When the line before it came.
    pub start_ns: u64,
    /// When the next came, or the build ended.
    pub end_ns: u64,
    /// For how long.
    pub duration_ns: u64,
    /// The number of the line before it; 0 where nothing was printed yet.
    pub after_line: u64,
    /// That line.
    pub after: String,
}

impl Answer for InsideResult {
    const SCHEMA: &'static str = "nixlog.inside/1";
    type From = Input;
    type Options = Names;

    fn document(report: &Report<Self>, names: &Names) -> Document {
        layout::document(report, *names)
    }
}

/// What to show of builds.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Listing {
    /// In which order steps are listed.
    pub sort: StepOrder,
    /// How many steps to list; 0 for all.
    pub top: usize,
    /// Sum all builds up, in place of looking into the longest.
    pub sum: bool,
}

impl Listing {
    /// Lists steps in an order.
    #[must_use]
    pub const fn new(sort: StepOrder, top: usize, sum: bool) -> Self {
        Self { sort, top, sum }
    }
}

/// Makes the result of `inside` of the builds that match, the longest first, with what is known of those that
/// printed anything.
#[must_use]
pub fn result(
    timeline: &Timeline,
    matching: &[usize],
    insides: &BTreeMap<usize, Inside>,
    listing: Listing,
) -> InsideResult {
    let looked_into = match listing.sum {
        true => matching,
        false => &matching[..matching.len().min(1)],
    };
    let single = looked_into.first().filter(|_| !listing.sum);
    let unit_name = |unit: &usize| timeline.unit_name(&timeline.units()[*unit]).to_owned();
    let of = || {
        looked_into
            .iter()
            .filter_map(|unit| Some((*unit, insides.get(unit)?)))
    };
    let durations = looked_into
        .iter()
        .filter_map(|unit| timeline.units()[*unit].duration());
    let work = durations
        .reduce(|a, b| a + b)
        .filter(|work| *work > Nanos::ZERO);
    let total_steps = of().map(|(_, inside)| inside.trace.steps().len()).sum();
    let mut steps: Vec<(usize, &Step)> = Vec::new();
    for (unit, inside) in of() {
        let sorted = inside.sorted(listing.sort).into_iter();
        let most = limit(listing.top, sorted.len());
        steps.extend(
            sorted
                .take(most)
                .map(|step| (unit, &inside.trace.steps()[step])),
        );
    }
    if listing.sum {
        match listing.sort {
            StepOrder::Duration => steps.sort_by_key(|(_, step)| std::cmp::Reverse(step.took)),
            StepOrder::Start => steps.sort_by_key(|(_, step)| (step.start.is_none(), step.start)),
        }
    }
    steps.truncate(limit(listing.top, steps.len()));
    let view = |(unit, step): (usize, &Step)| StepView {
        build: listing.sum.then(|| unit_name(&unit)),
        ..step_view(step)
    };
    let mut tools: BTreeMap<(Option<Tool>, StepKind), (usize, Nanos)> = BTreeMap::new();
    let mut kinds: BTreeMap<StepKind, (usize, Nanos)> = BTreeMap::new();
    for (cause, spent) in of().flat_map(|(_, inside)| &inside.spent) {
        let by_tool = tools.entry((cause.tool, cause.kind)).or_default();
        let by_kind = kinds.entry(cause.kind).or_default();
        for sum in [by_tool, by_kind] {
            sum.0 += spent.steps;
            sum.1 += spent.wall;
        }
    }
    let wall = |wall: Nanos| work.map(|_| wall.get());
    let share = |wall: Nanos| share(Some(wall.get()), work.map(Nanos::get));
    let mut kinds: Vec<KindView> = kinds
        .into_iter()
        .map(|(kind, (steps, spent))| KindView {
            kind,
            steps,
            wall_ns: wall(spent),
            share: share(spent),
        })
        .collect();
    kinds.sort_by_key(|kind| std::cmp::Reverse(kind.wall_ns));
    let mut tools: Vec<ToolView> = tools
        .into_iter()
        .map(|((tool, kind), (steps, spent))| ToolView {
            tool,
            kind,
            steps,
            wall_ns: wall(spent),
            share: share(spent),
        })
        .collect();
    tools.sort_by_key(|tool| std::cmp::Reverse(tool.wall_ns));
    let inside = single.and_then(|unit| insides.get(unit));
    let silences = inside
        .map(|inside| inside.trace.silences())
        .unwrap_or_default();
    // Of a build that printed nothing, nothing is told.
    let untold = |unit: &usize| match insides.get(unit) {
        Some(inside) => inside.untold,
        None => timeline.units()[*unit].duration(),
    };
    InsideResult {
        unit: single.map(|unit| unit_view(timeline, &timeline.units()[*unit])),
        matching: matching.len(),
        others: matching
            .iter()
            .skip(1)
            .take(MOST_OTHERS)
            .map(unit_name)
            .collect(),
        jobs: inside.and_then(|inside| inside.trace.jobs()),
        sort: listing.sort,
        total_steps,
        left_out_steps: of().map(|(_, inside)| inside.trace.left_out()).sum(),
        steps: steps.into_iter().map(view).collect(),
        kinds,
        tools,
        untold_ns: nanos(looked_into.iter().filter_map(untold).reduce(|a, b| a + b)),
        work_ns: nanos(work),
        silences: silences.iter().map(silence_view).collect(),
    }
}

fn step_view(step: &Step) -> StepView {
    StepView {
        build: None,
        tool: step.tool,
        kind: step.kind,
        name: step.name.clone(),
        start_ns: step.start.map(Stamp::as_nanos),
        end_ns: step.end.map(Stamp::as_nanos),
        bounded: step.bounded,
        took_ns: nanos(step.took),
        took_is: step.took_is,
        line: step.line,
    }
}

pub(in crate::report::verbs) fn silence_view(silence: &Silence) -> SilenceView {
    SilenceView {
        start_ns: silence.interval.start().as_nanos(),
        end_ns: silence.interval.end().as_nanos(),
        duration_ns: silence.interval.length().get(),
        after_line: silence.after_line,
        after: silence.after.to_string(),
    }
}
