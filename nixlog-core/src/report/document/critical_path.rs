//! The result of `critical-path`, laid out.

use std::cmp::Reverse;
use std::collections::HashSet;

use super::super::format::{duration, harmless, plural};
use super::super::view::{
    CriticalPathResult, PathStepView, Report, StructuralView, UnitBrief, UnitTimesView, WaitView,
};
use super::words::{
    coverage, evaluation_waits, next, next_of_path, notes, shell_word, waited_for, with_failures,
};
use super::{Align, Cell, Column, Document, Row, Table, Weight, column};
use crate::analysis::critical_path::Wait;

/// What to show of the critical path.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct PathOptions {
    /// Store paths in place of names; default: no.
    pub full_paths: bool,
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

impl Default for PathOptions {
    fn default() -> Self {
        Self {
            full_paths: false,
            top: 20,
            structural: false,
            near: None,
            by_builder_phase: false,
        }
    }
}

/// Lays out the result of `critical-path`.
#[must_use]
pub fn critical_path(report: &Report<CriticalPathResult>, options: &PathOptions) -> Document {
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
    options: &PathOptions,
    mut notes: Vec<String>,
) -> Document {
    let result = &report.result;
    let mut tables = vec![step_table(result, wall, options)];
    tables.extend(builder_phase_table(result));
    notes.extend(evaluation_waits(&result.evaluation_waits));
    if has_wait(result, "slot") {
        let slots = plural(u64::from(result.slots), "slot");
        let source = match result.slots_source {
            "seen" => "the most builds seen at once",
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

fn has_wait(result: &CriticalPathResult, reason: &str) -> bool {
    let mut waits = result.steps.iter().flat_map(|step| &step.waits);
    waits.any(|wait| wait.reason == reason)
}

/// Says what the wall time consists of.
fn verdict(result: &CriticalPathResult, wall: u64) -> String {
    let sum = |wanted: &dyn Fn(&PathStepView) -> bool| -> u64 {
        let steps = result.steps.iter().filter(|step| wanted(step));
        steps.map(|step| step.took_ns).sum()
    };
    let kind = |step: &PathStepView| step.unit.as_ref().map_or("", |unit| unit.kind);
    let of_evaluation = |step: &PathStepView| kind(step) == "evaluation";
    let of_any = |step: &PathStepView| step.candidates > 0;
    let of_builds = |step: &PathStepView| kind(step) == "build";
    // A build that its hook interrupts is several steps.
    let builds = result.steps.iter().filter(|step| of_builds(step));
    let builds: HashSet<_> = builds
        .filter_map(|step| Some((&step.unit.as_ref()?.path, step.unit.as_ref()?.start_ns)))
        .collect();
    let waited = |wait: Wait| -> u64 {
        let waits = result.steps.iter().flat_map(|step| &step.waits);
        let same = waits.filter(|other| other.reason == wait.name());
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

fn step_table(result: &CriticalPathResult, wall: u64, options: &PathOptions) -> Table {
    let name = Column {
        keeps: options.full_paths,
        ..column("name", "step", Align::Left, 0)
    };
    let path = Column {
        for_programs: true,
        ..column("path", "path", Align::Left, 9)
    };
    let columns = vec![
        column("ready_ns", "ready at", Align::Right, 1),
        column("kind", "kind", Align::Left, 3),
        name,
        path,
        column("waited_ns", "waited", Align::Right, 0),
        column("duration_ns", "took", Align::Right, 0),
        column("saving_ns", "if free", Align::Right, 0),
        column("waited_for", "waited for", Align::Left, 2),
    ];
    let mut rows = Vec::new();
    let mut hidden = Hidden::default();
    for (step, shown) in result.steps.iter().zip(shown(&result.steps, options.top)) {
        if !shown {
            hidden.add(step);
            continue;
        }
        rows.extend(hidden.row());
        rows.push(step_row(step, result, options));
        if options.by_builder_phase {
            rows.extend(step.builder_phases.iter().map(|phase| {
                let mut cells = vec![Cell::Unknown; 8];
                cells[2] = Cell::text(&format!("  {}", phase.name));
                cells[5] = Cell::Nanos(phase.critical_ns);
                Row {
                    weight: Weight::Plain,
                    cells,
                }
            }));
        }
    }
    rows.extend(hidden.row());
    let waited = result.steps.iter().map(|step| step.waited_ns).sum();
    let mut total = vec![Cell::Unknown; 8];
    total[2] = Cell::Text("total".to_owned());
    total[4] = Cell::Nanos(waited);
    total[5] = Cell::Nanos(wall - waited);
    rows.push(Row {
        weight: Weight::Total,
        cells: total,
    });
    Table {
        columns,
        rows,
        legend: vec![(
            "saving_ns",
            "what the longest path would save if the step took no time",
        )],
        ..Table::default()
    }
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
        .filter(|unit| unit.kind == "evaluation")?;
    let between = step.ready_ns..=step.ready_ns + step.waited_ns;
    let mut waits = result.evaluation_waits.iter();
    let wait = waits.find(|wait| between.contains(&wait.end_ns))?;
    let unit = wait.units.last()?;
    Some(match wait.reason {
        "import-from-derivation" => format!("import from derivation: {}", unit.name),
        _ => unit.name.clone(),
    })
}

fn step_row(step: &PathStepView, result: &CriticalPathResult, options: &PathOptions) -> Row {
    let unit = step.unit.as_ref();
    let path = unit.map_or("", |unit| &unit.path);
    let name = match unit {
        Some(_) if step.units > 1 => plural(step.units as u64, "query"),
        Some(unit) if options.full_paths => unit.path.clone(),
        Some(unit) => unit.name.clone(),
        None if step.candidates > 0 => {
            format!("any of {}", plural(step.candidates as u64, "unit"))
        }
        None => step.part.unwrap_or("until the end").to_owned(),
    };
    let failed = unit.is_some_and(|unit| !matches!(unit.outcome, "succeeded" | "unknown"));
    let took = match unit {
        None if step.part.is_none() => Cell::Unknown,
        None if step.candidates > 0 => Cell::AboutNanos(step.took_ns),
        // No end is known, so that all up to its bound is booked on it.
        Some(unit) if unit.end.is_none() => Cell::AtMostNanos(step.took_ns),
        Some(unit) if unit.end == Some("inferred") && unit.kind != "evaluation" => {
            Cell::AboutNanos(step.took_ns)
        }
        _ => Cell::Nanos(step.took_ns),
    };
    Row {
        weight: if failed { Weight::Bad } else { Weight::Plain },
        cells: vec![
            Cell::Nanos(step.ready_ns),
            match unit {
                Some(unit) => Cell::text(unit.kind),
                None if step.candidates > 0 => Cell::text(step.part.unwrap_or_default()),
                None if step.part.is_some() => Cell::Unknown,
                None => Cell::text("wait"),
            },
            Cell::text(&name),
            Cell::text(path),
            Cell::nanos(Some(step.waited_ns).filter(|&waited| waited > 0)),
            took,
            Cell::nanos(step.saving_ns),
            import(step, result).map_or_else(|| reasons(&step.waits), |import| Cell::text(&import)),
        ],
    }
}

/// Says what was waited for: where that are several things, each with its time.
fn reasons(waits: &[WaitView]) -> Cell {
    let words = |wait: &WaitView| match (wait.reason, &wait.unit) {
        ("slot", Some(unit)) => format!("{}, freed by {}", waited_for(wait.reason), unit.name),
        _ => waited_for(wait.reason).to_owned(),
    };
    let times = waits.iter().map(|wait| (wait.reason, wait.duration_ns));
    match (listed(times), waits) {
        (Some(several), _) => Cell::text(&several),
        (None, [wait, ..]) => Cell::text(&words(wait)),
        (None, []) => Cell::Unknown,
    }
}

/// Lists several reasons with their times, the longest first; `None` where there is only one that is
/// worth a word.
fn listed(waits: impl Iterator<Item = (&'static str, u64)> + Clone) -> Option<String> {
    let whole: u64 = waits.clone().map(|(_, time)| time).sum();
    let worth = waits.filter(|&(_, time)| time >= whole / 50);
    let each = worth.map(|(reason, time)| format!("{} {}", duration(time), waited_for(reason)));
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
    waits: Vec<(&'static str, u64)>,
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

    fn row(&mut self) -> Option<Row> {
        let mut hidden = std::mem::take(self);
        hidden.waits.sort_by_key(|&(_, time)| Reverse(time));
        let longest = hidden.waits.first();
        let longest = longest.map(|&(reason, _)| waited_for(reason).to_owned());
        let waited_for = listed(hidden.waits.iter().copied()).or(longest);
        let waited_for = waited_for.map_or(Cell::Unknown, Cell::Text);
        (hidden.n_steps > 0).then(|| Row {
            weight: Weight::Part,
            cells: vec![
                Cell::Nanos(hidden.ready),
                Cell::Unknown,
                Cell::Text(format!("({})", plural(hidden.n_steps, "shorter step"))),
                Cell::Unknown,
                Cell::nanos(Some(hidden.waited).filter(|&waited| waited > 0)),
                Cell::Nanos(hidden.took),
                Cell::Unknown,
                waited_for,
            ],
        })
    }
}

fn builder_phase_table(result: &CriticalPathResult) -> Option<Table> {
    let rows = result.builder_phases.iter().map(|phase| Row {
        weight: Weight::Plain,
        cells: vec![
            Cell::text(&phase.name),
            Cell::Nanos(phase.critical_ns),
            Cell::nanos(phase.saving_ns),
        ],
    });
    let rows: Vec<Row> = rows.collect();
    (!rows.is_empty()).then(|| Table {
        title: Some("Builder phases on the path"),
        columns: vec![
            column("builder_phase", "builder phase", Align::Left, 0),
            column("critical_ns", "on path", Align::Right, 0),
            column("saving_ns", "if free", Align::Right, 0),
        ],
        rows,
        ..Table::default()
    })
}

/// Suggests to try out what would save most.
fn next_step(report: &Report<CriticalPathResult>) -> Option<String> {
    let result = &report.result;
    let is_build =
        |step: &&PathStepView| step.unit.as_ref().is_some_and(|unit| unit.kind == "build");
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
    options: &PathOptions,
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
    let name = |unit: &UnitBrief| match options.full_paths {
        true => Cell::text(&unit.path),
        false => Cell::text(&unit.name),
    };
    let rows = units.iter().map(|times| Row {
        weight: Weight::Plain,
        cells: vec![
            Cell::Text(times.unit.kind.to_owned()),
            name(&times.unit),
            Cell::text(&times.unit.path),
            Cell::nanos(times.unit.duration_ns),
            Cell::Nanos(times.slack_ns),
            Cell::Nanos(times.drag_ns),
            half_the_time(times),
            Cell::Nanos(times.earliest_start_ns),
            Cell::Nanos(times.latest_finish_ns),
        ],
    });
    let table = Table {
        columns: vec![
            column("kind", "kind", Align::Left, 2),
            Column {
                keeps: options.full_paths,
                ..column("name", "name", Align::Left, 0)
            },
            Column {
                for_programs: true,
                ..column("path", "path", Align::Left, 9)
            },
            column("duration_ns", "took", Align::Right, 0),
            column("slack_ns", "slack", Align::Right, 0),
            column("drag_ns", "if free", Align::Right, 0),
            column("saving_half_ns", "if twice as fast", Align::Right, 2),
            column("earliest_start_ns", "earliest start", Align::Right, 3),
            column("latest_finish_ns", "latest end", Align::Right, 4),
        ],
        rows: rows.collect(),
        ..Table::default()
    };
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
