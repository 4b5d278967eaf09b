//! The result of `critical-path`, laid out.

use std::cmp::Reverse;
use std::collections::HashSet;

use super::{
    BuilderPhaseOnPathView, BuilderPhaseTimeView, CriticalPathResult, PathStepView, StructuralView,
    UnitTimesView, WaitView,
};
use crate::analysis::critical_path::Wait;
use crate::analysis::slots::SlotsSource;
use crate::report::coverage::{coverage, next_of_path};
use crate::report::document::Document;
use crate::report::envelope::Report;
use crate::report::evaluation_waits::WaitedFor;
use crate::report::format::{duration, harmless, plural};
use crate::report::table::{Cell, Columns, Names, Table, Weight, plain, weight};
use crate::report::words::{evaluation_waits, next, notes, shell_word, with_failures};
use crate::timeline::{End, Part, UnitKind};

/// What to show of the critical path.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Options {
    /// How units are called.
    pub names: Names,
    /// How many steps or units to list, those that matter most; 0 for all. Default: 20.
    pub top: usize,
    /// The longest path of the graph in place of the chain as it happened; default: no.
    pub structural: bool,
    /// With `structural`, list units with at most this share of the span as slack; default: none but
    /// the path itself.
    pub near: Option<f64>,
    /// Each build's phases below it; default: no.
    pub by_builder_phase: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            names: Names::default(),
            top: 20,
            structural: false,
            near: None,
            by_builder_phase: false,
        }
    }
}

/// Lays out the result of `critical-path`.
pub(super) fn document(report: &Report<CriticalPathResult>, options: &Options) -> Document {
    let result = &report.result;
    let mut notes = notes(&report.diagnostics);
    notes.extend(coverage(&result.coverage));
    let Some(wall) = result.wall_ns else {
        return Document {
            verdict: "no critical path: the log has no timestamps".to_owned(),
            notes,
            next: next(&report.input, "critical-path"),
            ..Document::default()
        };
    };
    match &result.structural {
        Some(structural) if options.structural => {
            structural_document(report, structural, options, notes)
        }
        None if options.structural => Document {
            verdict: "no longest path: dependencies are unknown".to_owned(),
            notes,
            next: next(&report.input, "doctor"),
            ..Document::default()
        },
        _ => observed(report, wall, options, notes),
    }
}

fn observed(
    report: &Report<CriticalPathResult>,
    wall: u64,
    options: &Options,
    mut notes: Vec<String>,
) -> Document {
    let result = &report.result;
    let mut tables = vec![step_table(result, wall, options)];
    tables.extend(builder_phase_table(result));
    notes.extend(evaluation_waits(&result.evaluation_waits));
    if has_wait(result, Wait::Slot) {
        let slots = plural(u64::from(result.slots), "slot");
        let source = match result.slots_source {
            SlotsSource::Seen => "the most builds seen at once",
            _ => "`max-jobs` of the recorded run",
        };
        notes.push(format!(
            "waits for a slot are inferred, since Nix logs none: {slots}, {source}"
        ));
    }
    if result.steps.iter().any(|step| step.candidates > 0) {
        notes.push(
            "any of several: the log does not say when they ended, so any of them may have been at work"
                .to_owned(),
        );
    }
    Document {
        verdict: with_failures(verdict(result, wall), &report.input),
        tables,
        notes,
        next: next_step(report),
        ..Document::default()
    }
}

fn has_wait(result: &CriticalPathResult, reason: Wait) -> bool {
    let mut waits = result.steps.iter().flat_map(|step| &step.waits);
    waits.any(|wait| wait.reason == reason)
}

/// Says what the wall time consists of.
fn verdict(result: &CriticalPathResult, wall: u64) -> String {
    let sum = |wanted: &dyn Fn(&PathStepView) -> bool| -> u64 {
        let steps = result.steps.iter().filter(|step| wanted(step));
        steps.map(|step| step.took_ns).sum()
    };
    let kind = |step: &PathStepView| step.unit.as_ref().map(|unit| unit.kind);
    let of_evaluation = |step: &PathStepView| kind(step) == Some(UnitKind::Evaluation);
    let of_any = |step: &PathStepView| step.candidates > 0;
    let of_builds = |step: &PathStepView| kind(step) == Some(UnitKind::Build);
    // A build that its hook interrupts is several steps.
    let builds = result.steps.iter().filter(|step| of_builds(step));
    let builds: HashSet<_> = builds
        .filter_map(|step| Some((&step.unit.as_ref()?.path, step.unit.as_ref()?.start_ns)))
        .collect();
    let waited = |wait: Wait| -> u64 {
        let waits = result.steps.iter().flat_map(|step| &step.waits);
        let same = waits.filter(|other| other.reason == wait);
        same.map(|wait| wait.duration_ns).sum()
    };
    let waits = Wait::ALL.map(|wait| {
        let what = match wait {
            Wait::Nix => wait.words().to_owned(),
            Wait::Unknown => "waiting for reasons unknown".to_owned(),
            _ => format!("waiting for {}", wait.words()),
        };
        (waited(wait), what)
    });
    let rest = sum(&|step| !of_evaluation(step) && !of_builds(step) && !of_any(step));
    let parts = [
        (sum(&of_evaluation), "evaluation".to_owned()),
        (
            sum(&of_builds),
            format!("in a chain of {}", plural(builds.len() as u64, "build")),
        ),
        (rest, "fetching and copying".to_owned()),
        (
            sum(&of_any),
            "in units whose ends are not in this log".to_owned(),
        ),
    ];
    // What does not even round to one in two hundred is not worth a word.
    let parts = parts.into_iter().chain(waits);
    let worth = parts.filter(|(time, _)| *time > wall / 200);
    let parts: Vec<String> = worth
        .map(|(time, what)| format!("{} {what}", duration(time)))
        .collect();
    match parts.as_slice() {
        [] => format!("{} wall", duration(wall)),
        parts => format!("{} wall: {}", duration(wall), parts.join(", ")),
    }
}

/// A row of the steps.
enum Line<'a> {
    Step(&'a PathStepView),
    /// A builder phase of the step above.
    Phase(&'a BuilderPhaseTimeView),
    Hidden(Hidden),
    Total {
        waited: u64,
        took: u64,
    },
}

fn step_table(result: &CriticalPathResult, wall: u64, options: &Options) -> Table {
    let mut lines = Vec::new();
    let mut hidden = Hidden::default();
    for (step, shown) in result.steps.iter().zip(shown(&result.steps, options.top)) {
        if !shown {
            hidden.add(step);
            continue;
        }
        lines.extend(hidden.take());
        lines.push(Line::Step(step));
        if options.by_builder_phase {
            lines.extend(step.builder_phases.iter().map(Line::Phase));
        }
    }
    lines.extend(hidden.take());
    let waited = result.steps.iter().map(|step| step.waited_ns).sum();
    lines.push(Line::Total {
        waited,
        took: wall - waited,
    });
    let names = options.names;
    let mut columns = Columns::<Line<'_>>::new();
    columns
        .number("ready_ns", "ready at", |line| match line {
            Line::Step(step) => Cell::Nanos(step.ready_ns),
            Line::Hidden(hidden) => Cell::Nanos(hidden.ready),
            Line::Phase(_) | Line::Total { .. } => Cell::Unknown,
        })
        .rank(1);
    columns
        .text("kind", "kind", |line| match line {
            Line::Step(step) => Cell::text(kind(step)),
            _ => Cell::Unknown,
        })
        .rank(3);
    columns
        .text("name", "step", move |line| match line {
            Line::Step(step) => name(step, names),
            Line::Phase(phase) => Cell::text(&format!("  {}", phase.name)),
            Line::Hidden(hidden) => {
                Cell::Text(format!("({})", plural(hidden.n_steps, "shorter step")))
            }
            Line::Total { .. } => Cell::text("total"),
        })
        .keeps(names.full_paths);
    columns
        .text("path", "path", |line| match line {
            Line::Step(step) => Cell::text(step.unit.as_ref().map_or("", |unit| &unit.path)),
            _ => Cell::Unknown,
        })
        .for_programs();
    columns.number("waited_ns", "waited", |line| match line {
        Line::Step(PathStepView { waited_ns: 0, .. })
        | Line::Hidden(Hidden { waited: 0, .. })
        | Line::Phase(_) => Cell::Unknown,
        Line::Step(step) => Cell::Nanos(step.waited_ns),
        Line::Hidden(Hidden { waited, .. }) | Line::Total { waited, .. } => Cell::Nanos(*waited),
    });
    columns.number("duration_ns", "took", |line| match line {
        Line::Step(step) => took(step),
        Line::Phase(phase) => Cell::Nanos(phase.critical_ns),
        Line::Hidden(Hidden { took, .. }) | Line::Total { took, .. } => Cell::Nanos(*took),
    });
    columns.number("saving_ns", "if free", |line| match line {
        Line::Step(step) => Cell::nanos(step.saving_ns),
        _ => Cell::Unknown,
    });
    columns
        .text("waited_for", "waited for", |line| match line {
            Line::Step(step) => import(step, result)
                .map_or_else(|| reasons(&step.waits), |import| Cell::text(&import)),
            Line::Hidden(hidden) => hidden.reasons(),
            Line::Phase(_) | Line::Total { .. } => Cell::Unknown,
        })
        .rank(2);

    let weight = |line: &Line<'_>| match line {
        Line::Step(step) => step
            .unit
            .as_ref()
            .map_or(Weight::Plain, |unit| weight(unit.outcome)),
        Line::Phase(_) => Weight::Plain,
        Line::Hidden(_) => Weight::Part,
        Line::Total { .. } => Weight::Total,
    };
    Table::new(columns, lines, weight).legend([(
        "saving_ns",
        "what the longest path would save if the step took no time",
    )])
}

/// Chooses the longest steps. A fold of one step would take the room of that step, so it is shown.
fn shown(steps: &[PathStepView], top: usize) -> Vec<bool> {
    let mut longest: Vec<usize> = (0..steps.len()).collect();
    longest.sort_by_key(|&place| Reverse(steps[place].took_ns + steps[place].waited_ns));
    let mut shown = vec![top == 0; steps.len()];
    for &place in longest.iter().take(top) {
        shown[place] = true;
    }
    let lonely = |place: usize| {
        let before = place == 0 || shown[place - 1];
        before && shown.get(place + 1).copied().unwrap_or(true)
    };
    (0..steps.len())
        .map(|place| shown[place] || lonely(place))
        .collect()
}

/// Says for what evaluation stood still just before a step of it.
fn import(step: &PathStepView, result: &CriticalPathResult) -> Option<String> {
    step.unit
        .as_ref()
        .filter(|unit| unit.kind == UnitKind::Evaluation)?;
    let between = step.ready_ns..=step.ready_ns + step.waited_ns;
    let mut waits = result.evaluation_waits.iter();
    let wait = waits.find(|wait| between.contains(&wait.end_ns))?;
    let unit = wait.units.last()?;
    Some(match wait.reason {
        WaitedFor::Import => format!("import from derivation: {}", unit.name),
        WaitedFor::Store => unit.name.clone(),
    })
}

fn name(step: &PathStepView, names: Names) -> Cell {
    match &step.unit {
        Some(_) if step.units > 1 => Cell::Text(plural(step.units as u64, "query")),
        Some(unit) => unit.called(names),
        None if step.candidates > 0 => {
            Cell::Text(format!("any of {}", plural(step.candidates as u64, "unit")))
        }
        None => Cell::text(step.part.map_or("until the end", Part::name)),
    }
}

fn kind(step: &PathStepView) -> &'static str {
    match (&step.unit, step.part) {
        (Some(unit), _) => unit.kind.name(),
        (None, None) => "wait",
        (None, Some(part)) if step.candidates > 0 => part.name(),
        (None, Some(_)) => "",
    }
}

fn took(step: &PathStepView) -> Cell {
    match &step.unit {
        None if step.part.is_none() => Cell::Unknown,
        None if step.candidates > 0 => Cell::AboutNanos(step.took_ns),
        // No end is known, so that all up to its bound is booked on it.
        Some(unit) if unit.end == End::Unknown => Cell::AtMostNanos(step.took_ns),
        Some(unit) if unit.end == End::Inferred && unit.kind != UnitKind::Evaluation => {
            Cell::AboutNanos(step.took_ns)
        }
        _ => Cell::Nanos(step.took_ns),
    }
}

/// Says what was waited for: where that are several things, each with its time.
fn reasons(waits: &[WaitView]) -> Cell {
    let times = waits.iter().map(|wait| (wait.reason, wait.duration_ns));
    match (listed(times), waits) {
        (Some(several), _) => Cell::text(&several),
        (None, [wait, ..]) => Cell::text(&match (wait.reason, &wait.unit) {
            (Wait::Slot, Some(unit)) => {
                format!("{}, freed by {}", wait.reason.words(), unit.name)
            }
            (reason, _) => reason.words().to_owned(),
        }),
        (None, []) => Cell::Unknown,
    }
}

/// Lists several reasons with their times, the longest first; `None` where there is only one that is
/// worth a word.
fn listed(waits: impl Iterator<Item = (Wait, u64)> + Clone) -> Option<String> {
    let whole: u64 = waits.clone().map(|(_, time)| time).sum();
    let worth = waits.filter(|&(_, time)| time >= whole / 50);
    let each = worth.map(|(reason, time)| format!("{} {}", duration(time), reason.words()));
    let each: Vec<String> = each.collect();
    (each.len() > 1).then(|| each.join(", "))
}

/// Steps that are too short to be listed, between two that are.
#[derive(Default)]
struct Hidden {
    n_steps: u64,
    ready: u64,
    took: u64,
    waited: u64,
    /// For how long they waited for what.
    waits: Vec<(Wait, u64)>,
}

impl Hidden {
    fn add(&mut self, step: &PathStepView) {
        if self.n_steps == 0 {
            self.ready = step.ready_ns;
        }
        self.n_steps += 1;
        self.took += step.took_ns;
        self.waited += step.waited_ns;
        for wait in &step.waits {
            match self
                .waits
                .iter_mut()
                .find(|(reason, _)| *reason == wait.reason)
            {
                Some((_, time)) => *time += wait.duration_ns,
                None => self.waits.push((wait.reason, wait.duration_ns)),
            }
        }
    }

    /// Ends the fold, if there is anything in it.
    fn take<'a>(&mut self) -> Option<Line<'a>> {
        let mut hidden = std::mem::take(self);
        hidden.waits.sort_by_key(|&(_, time)| Reverse(time));
        (hidden.n_steps > 0).then_some(Line::Hidden(hidden))
    }

    fn reasons(&self) -> Cell {
        let longest = self.waits.first();
        let longest = longest.map(|(reason, _)| reason.words().to_owned());
        let several = listed(self.waits.iter().copied());
        several.or(longest).map_or(Cell::Unknown, Cell::Text)
    }
}

fn builder_phase_table(result: &CriticalPathResult) -> Option<Table> {
    let mut columns = Columns::<&BuilderPhaseOnPathView>::new();
    columns.text("builder_phase", "builder phase", |phase| {
        Cell::text(&phase.name)
    });
    columns.number("critical_ns", "on path", |phase| {
        Cell::Nanos(phase.critical_ns)
    });
    columns.number("saving_ns", "if free", |phase| Cell::nanos(phase.saving_ns));

    let table = Table::new(columns, &result.builder_phases, plain);
    (!result.builder_phases.is_empty()).then(|| table.titled("Builder phases on the path"))
}

/// Suggests to try out what would save most.
fn next_step(report: &Report<CriticalPathResult>) -> Option<String> {
    let result = &report.result;
    let is_build = |step: &&PathStepView| {
        step.unit
            .as_ref()
            .is_some_and(|unit| unit.kind == UnitKind::Build)
    };
    let last = result.steps.iter().rfind(is_build);
    // The last build is what was asked for: with it in a cache, nothing would be left to do.
    let last = last.and_then(|step| step.unit.as_ref());
    let builds = result.steps.iter().filter(is_build);
    let best = builds
        .filter(|step| step.unit.as_ref() != last && step.saving_ns > Some(0))
        .max_by_key(|step| step.saving_ns);
    match (
        best.and_then(|step| step.unit.as_ref()),
        next(&report.input, "what-if"),
    ) {
        (Some(unit), Some(command)) => {
            let name = shell_word(&harmless(&unit.pname));
            Some(format!("{command} --cached {name}"))
        }
        _ if result.coverage.builds + result.coverage.substitutions < 2 => {
            next(&report.input, "phases")
        }
        _ => next_of_path(&report.input, &result.coverage, "bottlenecks"),
    }
}

/// Returns what half of its time would save.
fn half_the_time(times: &UnitTimesView) -> Cell {
    let half = times.curve.iter().find(|faster| faster.percent == 50);
    Cell::nanos(half.map(|half| half.saving_ns))
}

fn structural_document(
    report: &Report<CriticalPathResult>,
    structural: &StructuralView,
    options: &Options,
    mut notes: Vec<String>,
) -> Document {
    let most = options.near.map(|near| structural.span_ns as f64 * near);
    let near = |times: &&UnitTimesView| match most {
        Some(most) => times.slack_ns as f64 <= most,
        None => times.on_longest_path,
    };
    let mut units: Vec<&UnitTimesView> = structural.units.iter().filter(near).collect();
    if options.near.is_none() {
        units.sort_by_key(|times| times.earliest_start_ns);
    }
    let n_units = units.len();
    if options.top > 0 && n_units > options.top {
        // The path is told in order; of what is near it, the nearest matter.
        let mut longest: Vec<&UnitTimesView> = units.clone();
        if options.near.is_none() {
            longest.sort_by_key(|times| Reverse(times.unit.duration_ns));
        }
        longest.truncate(options.top);
        let kept: HashSet<&str> = longest.iter().map(|times| &*times.unit.path).collect();
        units.retain(|times| kept.contains(&*times.unit.path));
        notes.push(format!(
            "{} of {n_units} units; `--top 0` lists all",
            units.len()
        ));
    }
    let mut columns = Columns::<&UnitTimesView>::new();
    columns
        .text("kind", "kind", |times| Cell::text(times.unit.kind.name()))
        .rank(2);
    columns.names(options.names, "name", |times| times.unit.names());
    columns.number("duration_ns", "took", |times| {
        Cell::nanos(times.unit.duration_ns)
    });
    columns.number("slack_ns", "slack", |times| Cell::Nanos(times.slack_ns));
    columns.number("drag_ns", "if free", |times| Cell::Nanos(times.drag_ns));
    columns
        .number("saving_half_ns", "if twice as fast", |times| {
            half_the_time(times)
        })
        .rank(2);
    columns
        .number("earliest_start_ns", "earliest start", |times| {
            Cell::Nanos(times.earliest_start_ns)
        })
        .rank(3);
    columns
        .number("latest_finish_ns", "latest end", |times| {
            Cell::Nanos(times.latest_finish_ns)
        })
        .rank(4);

    let table = Table::new(columns, units, plain);
    notes.insert(
        0,
        "durations as measured, unlimited slots, without evaluation".to_owned(),
    );
    let parallelism = structural
        .parallelism
        .map(|by| format!(" (parallelism {by:.1})"));
    Document {
        verdict: format!(
            "{} with unlimited slots: a chain of {}, of {} of work{}",
            duration(structural.span_ns),
            plural(structural.path.len() as u64, "unit"),
            duration(structural.work_ns),
            parallelism.unwrap_or_default(),
        ),
        tables: vec![table],
        notes,
        next: next(&report.input, "parallelism"),
        ..Document::default()
    }
}
