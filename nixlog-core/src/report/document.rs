//! A view laid out for people: one verdict, tables, notes, and the next command worth running.
//!
//! The printing formats know this and nothing else, so all of them show the same.

use super::format::{self, bytes, count, duration, harmless, percent, plural};
use super::view::{
    Diagnostic, DoctorResult, Input, PhaseView, PhasesResult, PlanView, Report, SlowestResult,
    TotalView, UnitView,
};

/// A result laid out for people.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Document {
    /// The answer in one line.
    pub verdict: String,
    /// The tables, the main one first.
    pub tables: Vec<Table>,
    /// What to know about the numbers.
    pub notes: Vec<String>,
    /// The next command worth running.
    pub next: Option<String>,
}

/// One table.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Table {
    /// A heading; the main table has none.
    pub title: Option<&'static str>,
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows.
    pub rows: Vec<Row>,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Column {
    /// The name for programs, with its unit.
    pub key: &'static str,
    /// The heading for people.
    pub title: &'static str,
    /// How its cells are set.
    pub align: Align,
    /// In a narrow terminal, columns with a higher number go first; 0 always stays.
    pub rank: u8,
}

/// How the cells of a column are set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// A row of a table.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Row {
    /// How important the row is.
    pub weight: Weight,
    /// One cell for each column.
    pub cells: Vec<Cell>,
}

/// How important a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Weight {
    /// As any other.
    #[default]
    Plain,
    /// A part of the row above it.
    Part,
    /// The sum.
    Total,
    /// Something went wrong.
    Bad,
}

/// A cell: what programs get, and what people read.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Cell {
    /// Text from us or, made harmless, from the log.
    Text(String),
    /// A length of time in nanoseconds.
    Nanos(u64),
    /// A fraction of 1.
    Share(f64),
    /// A number of things.
    Count(u64),
    /// Bytes.
    Bytes(u64),
    /// Not known.
    Unknown,
}

impl Cell {
    fn nanos(value: Option<u64>) -> Self {
        value.map_or(Self::Unknown, Self::Nanos)
    }

    fn share(value: Option<f64>) -> Self {
        value.map_or(Self::Unknown, Self::Share)
    }

    fn text(value: &str) -> Self {
        if value.is_empty() {
            Self::Unknown
        } else {
            Self::Text(harmless(value).into_owned())
        }
    }

    /// Returns what people read.
    #[must_use]
    pub fn for_people(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Nanos(nanos) => duration(*nanos),
            Self::Share(share) => percent(*share),
            Self::Count(n) => count(*n),
            Self::Bytes(n) => bytes(*n),
            Self::Unknown => "–".to_owned(),
        }
    }

    /// Returns what programs read: whole units, an empty field for what is not known.
    #[must_use]
    pub fn for_programs(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Nanos(n) | Self::Count(n) | Self::Bytes(n) => n.to_string(),
            Self::Share(share) => format!("{share:.6}"),
            Self::Unknown => String::new(),
        }
    }
}

/// How names are shown.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Options {
    /// Store paths in place of names; default: no.
    pub full_paths: bool,
}

impl Options {
    /// Makes options.
    #[must_use]
    pub const fn new(full_paths: bool) -> Self {
        Self { full_paths }
    }
}

fn column(key: &'static str, title: &'static str, align: Align, rank: u8) -> Column {
    Column {
        key,
        title,
        align,
        rank,
    }
}

/// Lays out the result of `phases`.
#[must_use]
pub fn phases(report: &Report<PhasesResult>) -> Document {
    let result = &report.result;
    let timed = result.wall_ns.is_some();
    let mut tables = vec![phase_table(result, timed)];
    if !result.builder_phases.is_empty() {
        tables.push(builder_phase_table(result, timed));
    }
    if result
        .outcomes
        .iter()
        .any(|outcome| outcome.outcome != "succeeded")
    {
        tables.push(outcome_table(result));
    }
    let mut notes = notes(&report.diagnostics);
    if let Some(error) = &result.evaluation_error {
        notes.insert(0, format!("evaluation failed: {}", harmless(error)));
    }
    notes.extend(announced(&result.plan));
    if timed {
        notes.insert(0, "wall: each instant split among the phases active in it; adds up to the wall time. busy: any of it active. work: sum of its spans.".to_owned());
    } else {
        notes.extend(how_to_stamp(&report.input));
    }
    let source = shell_word(&report.input.source);
    let next = if timed {
        format!("nixlog slowest {source}")
    } else {
        format!("nixlog doctor {source}")
    };
    let next = (report.input.source != "-").then_some(next);
    Document {
        verdict: phases_verdict(report),
        tables,
        notes,
        next,
    }
}

/// Says in one line where the time went.
fn phases_verdict(report: &Report<PhasesResult>) -> String {
    let result = &report.result;
    let n_of = |name: &str| {
        result
            .outcomes
            .iter()
            .find(|each| each.outcome == name)
            .map_or(0, |each| each.count)
    };
    let n_builds: usize =
        result.outcomes.iter().map(|each| each.count).sum::<usize>() - n_of("dependency-failed");
    let n_failed = n_of("failed") + n_of("timed-out") + n_of("hash-mismatch");
    let mut builds = plural(n_builds as u64, "build");
    if n_failed > 0 {
        builds = format!("{builds}, {n_failed} failed");
    }
    if n_of("interrupted") > 0 {
        builds = format!("{builds}, {} interrupted", n_of("interrupted"));
    }
    if report.input.lines == 0 {
        return "this log is empty".to_owned();
    }
    let Some(wall) = result.wall_ns else {
        let lines = plural(report.input.lines, "line");
        return format!("{lines} without timestamps: {builds}; durations are not in this log");
    };
    let timed = |phase: &&PhaseView| phase.total.wall_ns.is_some();
    if result
        .phases
        .iter()
        .filter(timed)
        .all(|phase| phase.phase == "waiting")
    {
        return format!(
            "{} wall, and nothing in this log says what took it",
            duration(wall)
        );
    }
    let mut phases: Vec<_> = result
        .phases
        .iter()
        .filter(|phase| phase.total.wall_ns.is_some_and(|wall| wall > 0))
        .collect();
    phases.sort_by_key(|phase| std::cmp::Reverse(phase.total.wall_ns));
    let largest: Vec<String> = phases
        .iter()
        .take(3)
        .filter_map(|phase| {
            Some(format!(
                "{:.0} % {}",
                phase.total.share? * 100.0,
                phase.phase
            ))
        })
        .collect();
    if largest.is_empty() {
        return format!("{} wall: {builds}", duration(wall));
    }
    format!("{} wall: {} ({builds})", duration(wall), largest.join(", "))
}

fn phase_table(result: &PhasesResult, timed: bool) -> Table {
    let mut columns = vec![column("phase", "phase", Align::Left, 0)];
    if timed {
        columns.push(column("wall_ns", "wall", Align::Right, 0));
        columns.push(column("share", "share", Align::Right, 0));
        columns.push(column("busy_ns", "busy", Align::Right, 1));
        columns.push(column("work_ns", "work", Align::Right, 2));
    }
    columns.push(column("units", "units", Align::Right, 1));
    let cells = |name: String, total: &TotalView, units: Cell| {
        let mut cells = vec![Cell::Text(name)];
        if timed {
            cells.push(Cell::nanos(total.wall_ns));
            cells.push(Cell::share(total.share));
            cells.push(Cell::nanos(total.busy_ns));
            cells.push(Cell::nanos(total.work_ns));
        }
        cells.push(units);
        cells
    };
    let mut rows = Vec::new();
    for phase in &result.phases {
        let units = if phase.units > 0 {
            Cell::Count(phase.units as u64)
        } else {
            Cell::Unknown
        };
        rows.push(Row {
            weight: Weight::Plain,
            cells: cells(phase.phase.to_owned(), &phase.total, units),
        });
        for part in &phase.parts {
            rows.push(Row {
                weight: Weight::Part,
                cells: cells(part.part.to_owned(), &part.total, Cell::Unknown),
            });
        }
    }
    if timed {
        let total = TotalView {
            wall_ns: result.wall_ns,
            share: Some(1.0),
            busy_ns: None,
            work_ns: None,
            critical_ns: None,
        };
        rows.push(Row {
            weight: Weight::Total,
            cells: cells("total".to_owned(), &total, Cell::Unknown),
        });
    }
    Table {
        title: None,
        columns,
        rows,
    }
}

/// How many builder phases are listed; builders may invent as many as they like.
const BUILDER_PHASES: usize = 16;

fn builder_phase_table(result: &PhasesResult, timed: bool) -> Table {
    let mut columns = vec![column("builder_phase", "builder phase", Align::Left, 0)];
    if timed {
        columns.push(column("work_ns", "work", Align::Right, 0));
        columns.push(column("busy_ns", "busy", Align::Right, 1));
    }
    columns.push(column("builds", "builds", Align::Right, 1));
    let rows = result
        .builder_phases
        .iter()
        .take(BUILDER_PHASES)
        .map(|phase| {
            let mut cells = vec![Cell::text(&phase.name)];
            if timed {
                cells.push(Cell::nanos(phase.work_ns));
                cells.push(Cell::nanos(phase.busy_ns));
            }
            cells.push(Cell::Count(phase.builds as u64));
            Row {
                weight: Weight::Plain,
                cells,
            }
        });
    Table {
        title: Some("Inside the builders"),
        columns,
        rows: rows.collect(),
    }
}

fn outcome_table(result: &PhasesResult) -> Table {
    let columns = vec![
        column("outcome", "outcome", Align::Left, 0),
        column("derivations", "derivations", Align::Right, 0),
    ];
    let rows = result.outcomes.iter().map(|outcome| Row {
        weight: weight(outcome.outcome),
        cells: vec![
            Cell::Text(outcome.outcome.to_owned()),
            Cell::Count(outcome.count as u64),
        ],
    });
    Table {
        title: Some("Derivations"),
        columns,
        rows: rows.collect(),
    }
}

/// Tells how much a reader should mind an outcome.
fn weight(outcome: &str) -> Weight {
    if matches!(outcome, "succeeded" | "unknown") {
        Weight::Plain
    } else {
        Weight::Bad
    }
}

/// Lays out the result of `slowest`.
#[must_use]
pub fn slowest(report: &Report<SlowestResult>, options: Options) -> Document {
    let result = &report.result;
    let any = |has: fn(&UnitView) -> bool| result.units.iter().any(has);
    let timed = report.input.wall_ns.is_some();
    let machines = any(|unit| unit.machine.is_some());
    let phases = any(|unit| !unit.builder_phases.is_empty());
    let logs = any(|unit| unit.log_lines > 0);
    let sizes = any(|unit| unit.bytes.is_some());
    let mut columns = vec![column("rank", "#", Align::Right, 0)];
    let mut add = |wanted: bool, key, title, align, rank| {
        if wanted {
            columns.push(column(key, title, align, rank));
        }
    };
    add(timed, "duration_ns", "took", Align::Right, 0);
    add(timed, "share", "of wall", Align::Right, 3);
    add(true, "kind", "kind", Align::Left, 2);
    add(true, "name", "name", Align::Left, 0);
    add(machines, "machine", "machine", Align::Left, 3);
    add(true, "outcome", "outcome", Align::Left, 1);
    add(
        phases,
        "longest_builder_phase",
        "longest builder phase",
        Align::Left,
        4,
    );
    add(logs, "log_lines", "log lines", Align::Right, 6);
    add(sizes, "bytes", "transferred", Align::Right, 5);
    let rows = result.units.iter().zip(1..).map(|(unit, rank)| {
        let mut cells = vec![Cell::Count(rank)];
        let mut add = |wanted: bool, cell: Cell| {
            if wanted {
                cells.push(cell);
            }
        };
        add(timed, Cell::nanos(unit.duration_ns));
        add(
            timed,
            Cell::share(share(unit.duration_ns, report.input.wall_ns)),
        );
        add(true, Cell::Text(unit.kind.to_owned()));
        add(
            true,
            Cell::text(if options.full_paths {
                &unit.path
            } else {
                &unit.name
            }),
        );
        add(
            machines,
            Cell::text(unit.machine.as_deref().unwrap_or("local")),
        );
        add(true, Cell::Text(outcome(unit)));
        add(
            phases,
            longest_phase(unit).map_or(Cell::Unknown, |text| Cell::text(&text)),
        );
        add(
            logs,
            if unit.log_lines > 0 {
                Cell::Count(unit.log_lines)
            } else {
                Cell::Unknown
            },
        );
        add(sizes, unit.bytes.map_or(Cell::Unknown, Cell::Bytes));
        Row {
            weight: weight(unit.outcome),
            cells,
        }
    });
    let rows = rows.collect();
    let mut notes = notes(&report.diagnostics);
    let n_more = result.total_units - result.units.len();
    if n_more > 0 {
        notes.insert(
            0,
            format!(
                "{} more; `--top 0` lists all",
                plural(n_more as u64, "unit")
            ),
        );
    }
    if !timed {
        notes.extend(how_to_stamp(&report.input));
    }
    let next = (report.input.source != "-")
        .then(|| format!("nixlog phases {}", shell_word(&report.input.source)));
    Document {
        verdict: slowest_verdict(report),
        tables: vec![Table {
            title: None,
            columns,
            rows,
        }],
        notes,
        next,
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a share needs no more than 52 bits"
)]
fn share(part: Option<u64>, whole: Option<u64>) -> Option<f64> {
    let (part, whole) = part.zip(whole)?;
    (whole > 0).then(|| part as f64 / whole as f64)
}

fn slowest_verdict(report: &Report<SlowestResult>) -> String {
    let result = &report.result;
    let units = plural(result.total_units as u64, "unit");
    let Some(first) = result.units.first() else {
        return "nothing in this log matches".to_owned();
    };
    let Some((took, total)) = first.duration_ns.zip(result.total_duration_ns) else {
        return format!("{units}; how long they took is not in this log");
    };
    let name = harmless(&first.name);
    let took = duration(took);
    match result.unknown_durations {
        0 => format!(
            "{name} took longest: {took}; {units} took {} together",
            duration(total)
        ),
        n => format!(
            "{name} took longest of what is known: {took}; {n} of {units} have no known end"
        ),
    }
}

/// Says how a unit ended, with the reason, and whether its end is known.
fn outcome(unit: &UnitView) -> String {
    let mut text = match unit.reason.as_deref() {
        Some(reason) if unit.outcome == "failed" => format!("failed: {}", harmless(reason)),
        Some(reason) if unit.outcome == "timed-out" => harmless(reason).into_owned(),
        _ => unit.outcome.to_owned(),
    };
    match unit.end {
        Some("open") => text += " (still open)",
        Some("inferred") if matches!(unit.kind, "build" | "source-fetch") => {
            text += " (end inferred)";
        }
        _ => {}
    }
    text
}

/// Returns the builder phase that took longest, all its occurrences together.
fn longest_phase(unit: &UnitView) -> Option<String> {
    let phases = &unit.builder_phases;
    let total = |name: &str| {
        let same = phases.iter().filter(|phase| phase.name == name);
        same.filter_map(|phase| phase.duration_ns).sum::<u64>()
    };
    // Builders have a dozen phases; one that prints thousands is not worth a sum for each.
    if phases.len() > 200 {
        return None;
    }
    let longest = phases.iter().max_by_key(|phase| total(&phase.name))?;
    let took = phases
        .iter()
        .any(|phase| phase.duration_ns.is_some())
        .then(|| total(&longest.name));
    Some(match took {
        Some(took) => format!("{} {}", longest.name, duration(took)),
        None => longest.name.clone(),
    })
}

/// Lays out the result of `doctor`.
#[must_use]
pub fn doctor(report: &Report<DoctorResult>) -> Document {
    let (input, result) = (&report.input, &report.result);
    let unsure = result
        .answers
        .iter()
        .filter(|answer| answer.answer != "yes")
        .count();
    let complete = if result.complete {
        "complete"
    } else {
        "cut off"
    };
    let clock = match result.clock {
        "none" => "no timestamps".to_owned(),
        "arrival" => "stamped on arrival".to_owned(),
        _ => format!("stamped by {}", result.carrier),
    };
    let verdict = format!(
        "a {complete} log of {} {}, {clock}; {unsure} of {} questions not answered in full",
        dialect_name(result.dialect),
        result.nix_versions,
        result.answers.len()
    );
    let mut facts = vec![
        ("input", input.source.clone()),
        (
            "lines",
            format!(
                "{} ({}), {} events, {} of text",
                count(input.lines),
                bytes(input.bytes),
                count(input.events),
                count(result.text_lines)
            ),
        ),
        (
            "compression",
            input.compression.unwrap_or("none").to_owned(),
        ),
        ("carrier", result.carrier.to_owned()),
        ("clock", clock),
        (
            "written by",
            format!("{}, {}", dialect_name(result.dialect), result.nix_versions),
        ),
        (
            "complete",
            if result.complete {
                "yes".to_owned()
            } else {
                "no: it stops while something is under way".to_owned()
            },
        ),
    ];
    facts.extend(input.wall_ns.map(|wall| ("wall time", duration(wall))));
    facts.extend(
        input
            .started_at
            .clone()
            .map(|started_at| ("started at", started_at)),
    );
    let units: Vec<String> = result
        .units
        .iter()
        .map(|kind| format!("{} {}", count(kind.count as u64), kind.kind))
        .collect();
    facts.push((
        "units",
        if units.is_empty() {
            "none".to_owned()
        } else {
            units.join(", ")
        },
    ));
    facts.push(("unreadable lines", unreadable(result)));
    let unknown: Vec<String> = result
        .unknown
        .iter()
        .map(|each| format!("{} ({}×, line {})", each.what, each.count, each.first_line))
        .collect();
    facts.push((
        "unknown",
        if unknown.is_empty() {
            "none".to_owned()
        } else {
            unknown.join(", ")
        },
    ));
    let facts = facts.into_iter().map(|(fact, value)| Row {
        weight: Weight::Plain,
        cells: vec![Cell::Text(fact.to_owned()), Cell::text(&value)],
    });
    let answers = result.answers.iter().map(|answer| Row {
        weight: if answer.answer == "no" {
            Weight::Bad
        } else {
            Weight::Plain
        },
        cells: vec![
            Cell::Text(answer.question.to_owned()),
            Cell::Text(answer.answer.to_owned()),
            Cell::text(answer.why.as_deref().unwrap_or_default()),
        ],
    });
    let mut notes: Vec<String> = result
        .answers
        .iter()
        .filter_map(|answer| Some(format!("{}: {}", answer.question, answer.fix?)))
        .collect();
    notes.extend(self::notes(&report.diagnostics));
    let tables = vec![
        Table {
            title: None,
            columns: vec![
                column("fact", "fact", Align::Left, 0),
                column("value", "value", Align::Left, 0),
            ],
            rows: facts.collect(),
        },
        Table {
            title: Some("What this log answers"),
            columns: vec![
                column("question", "question", Align::Left, 0),
                column("answer", "answer", Align::Left, 0),
                column("why", "why not wholly", Align::Left, 0),
            ],
            rows: answers.collect(),
        },
    ];
    Document {
        verdict,
        tables,
        notes,
        next: None,
    }
}

fn dialect_name(dialect: &str) -> &'static str {
    match dialect {
        "lix" => "Lix",
        "determinate" => "Determinate Nix",
        _ => "Nix",
    }
}

fn unreadable(result: &DoctorResult) -> String {
    if result.unreadable.count == 0 {
        return "none".to_owned();
    }
    let lines: Vec<String> = result
        .unreadable
        .first_lines
        .iter()
        .map(u64::to_string)
        .collect();
    let more = if result.unreadable.count > lines.len() as u64 {
        ", …"
    } else {
        ""
    };
    format!(
        "{} (lines {}{more})",
        count(result.unreadable.count),
        lines.join(", ")
    )
}

/// Words what a reader should know.
fn notes(diagnostics: &[Diagnostic]) -> Vec<String> {
    let note = |diagnostic: &Diagnostic| {
        let times = if diagnostic.count > 1 {
            format!("{}× ", count(diagnostic.count))
        } else {
            String::new()
        };
        let line = diagnostic.first_line.map_or_else(String::new, |line| {
            format!(" (first in line {})", format::count(line))
        });
        format!(
            "{}: {times}{}{line}",
            diagnostic.severity,
            harmless(&diagnostic.message)
        )
    };
    diagnostics.iter().map(note).collect()
}

/// Says what Nix announced before it began.
fn announced(plan: &PlanView) -> Option<String> {
    let builds = plan
        .builds
        .map(|n| format!("{} to build", plural(n, "derivation")));
    let fetches = plan.fetches.map(|n| {
        let sizes = plan.download_bytes.zip(plan.unpacked_bytes);
        let sizes = sizes.map(|(download, unpacked)| {
            format!(
                " ({} to download, {} unpacked)",
                bytes(download),
                bytes(unpacked)
            )
        });
        format!(
            "{} to fetch{}",
            plural(n, "path"),
            sizes.unwrap_or_default()
        )
    });
    let parts: Vec<String> = builds.into_iter().chain(fetches).collect();
    (!parts.is_empty()).then(|| format!("announced by Nix: {}", parts.join(", ")))
}

/// Says how to get a log with times.
fn how_to_stamp(input: &Input) -> Option<String> {
    let how = "to get times, let nixlog read the build while it runs: nix build … --log-format internal-json -v |& nixlog phases";
    (input.clock == "none").then(|| how.to_owned())
}

/// Quotes a file name for the shell where it needs to be.
fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./+=:,@~".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", harmless(text).replace('\'', "'\\''"))
}
