//! The result of `doctor`, laid out.

use serde_json::Value;

use super::{AnswerView, DoctorResult};
use crate::analysis::sufficiency::Extent;
use crate::dialect::Dialect;
use crate::report::document::Document;
use crate::report::envelope::{Report, RunView};
use crate::report::format::{bytes, count, duration, plural};
use crate::report::table::{self, Cell, Columns, Table, Weight};
use crate::report::words::{self, shell_word};
use crate::timeline::Clock;

/// Lays out the result of `doctor`.
pub(super) fn document(report: &Report<DoctorResult>) -> Document {
    let (input, result) = (&report.input, &report.result);
    let gaps = result
        .answers
        .iter()
        .filter(|answer| answer.fix.is_some() || answer.answer == Extent::None);
    let complete = if input.interrupted {
        "the log of an interrupted build"
    } else if result.complete {
        "a complete log"
    } else {
        "a log that is cut off"
    };
    let clock = match result.clock {
        Clock::None => "no timestamps".to_owned(),
        Clock::Recorded => "stamped by nixlog on arrival".to_owned(),
        Clock::Reconstructed => "reconstructed from the store".to_owned(),
        Clock::Arrival => "stamped on arrival".to_owned(),
        Clock::Carrier if result.carrier == "nanos" => "stamped in nanoseconds".to_owned(),
        Clock::Carrier => format!("stamped by {}", result.carrier),
    };
    let gaps = match gaps.count() {
        0 => "it answers every question".to_owned(),
        n => {
            let lack = if n == 1 { "lacks" } else { "lack" };
            let all = result.answers.len();
            format!("{n} of {all} questions {lack} information")
        }
    };
    let verdict = if input.is_nix {
        format!("{complete}, by {}, {clock}; {gaps}", writer(report, " "))
    } else {
        "no Nix build in this log".to_owned()
    };
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
        ("carrier", result.carrier.clone()),
        ("clock", clock),
        ("written by", writer(report, ", ")),
        (
            "complete",
            if result.complete {
                "yes".to_owned()
            } else {
                "no: it stops while something still runs".to_owned()
            },
        ),
    ];
    facts.extend(input.run.as_ref().map(recorded).unwrap_or_default());
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
        .map(|kind| format!("{} {}", count(kind.count as u64), kind.kind.name()))
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
    let mut notes = fixes(&result.answers);
    notes.extend(words::notes(&report.diagnostics));
    Document {
        verdict,
        tables: vec![table::facts(facts, false), answer_table(&result.answers)],
        notes,
        next: words::next(input, "phases"),
        ..Document::default()
    }
}

fn answer_table(answers: &[AnswerView]) -> Table {
    let mut columns = Columns::<&AnswerView>::new();
    columns.text("question", "question", |it| Cell::text(it.question));
    columns.text("answer", "answer", |it| Cell::text(it.answer.name()));
    columns
        .text("why", "why", |it| {
            Cell::text(it.why.as_deref().unwrap_or_default())
        })
        .wraps();

    let weight = |it: &&AnswerView| match it.answer {
        Extent::None => Weight::Bad,
        Extent::Whole | Extent::Partial => Weight::Plain,
    };
    Table::new(columns, answers, weight).titled("What this log answers")
}

/// Says what would answer what the log does not, each remedy once.
fn fixes(answers: &[AnswerView]) -> Vec<String> {
    let mut fixes: Vec<(&str, Vec<&str>)> = Vec::new();
    for answer in answers {
        let Some(fix) = answer.fix else { continue };
        match fixes.iter_mut().find(|(known, _)| *known == fix) {
            Some((_, questions)) => questions.push(answer.question),
            None => fixes.push((fix, vec![answer.question])),
        }
    }
    let note = |(fix, questions): (&str, Vec<&str>)| match questions[..] {
        [question] => format!("{question}: {fix}"),
        _ => format!("for {} of these questions: {fix}", questions.len()),
    };
    fixes.into_iter().map(note).collect()
}

/// Names the Nix that wrote the log: exactly where the recording says it.
fn writer(report: &Report<DoctorResult>, between: &str) -> String {
    let version = report.input.nix_version.as_ref();
    let version = version.unwrap_or(&report.result.nix_versions);
    format!("{}{between}{version}", dialect_name(report.result.dialect))
}

/// What a recording tells of the run.
fn recorded(run: &RunView) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    let via = match run.via.as_str() {
        "run" => "by `nixlog run`",
        "pipe" => "from a pipe",
        "socket" => "from a socket",
        "import" => "imported",
        "reconstruct" => "reconstructed",
        other => other,
    };
    let id = run.id.as_deref().unwrap_or_default();
    facts.push(("recorded", format!("{via} {id}").trim().to_owned()));
    if !run.command.is_empty() {
        let words: Vec<String> = run.command.iter().map(|word| shell_word(word)).collect();
        facts.push(("command", words.join(" ")));
    }
    facts.extend(run.cwd.clone().map(|cwd| ("in", cwd)));
    let machine = [
        run.host.clone(),
        run.cores.map(|cores| plural(cores, "core")),
        run.memory_bytes.map(bytes),
        run.kernel.clone(),
    ];
    let machine: Vec<String> = machine.into_iter().flatten().collect();
    if !machine.is_empty() {
        facts.push(("machine", machine.join(", ")));
    }
    let shown = ["max-jobs", "cores", "http-connections", "substituters"];
    let settings = shown.into_iter().filter_map(|name| {
        let value = match run.settings.get(name)? {
            Value::String(text) => text.clone(),
            Value::Array(values) => {
                let words = values.iter().filter_map(Value::as_str);
                words.collect::<Vec<_>>().join(" ")
            }
            value => value.to_string(),
        };
        (!value.is_empty()).then(|| format!("{name} {value}"))
    });
    let settings: Vec<String> = settings.collect();
    if !settings.is_empty() {
        facts.push(("settings", settings.join(", ")));
    }
    let ended = match (run.exit_status, run.signal) {
        (_, Some(signal)) => Some(format!("by signal {signal}")),
        (Some(status), None) => Some(format!("with exit status {status}")),
        (None, None) => None,
    };
    facts.extend(ended.map(|ended| ("ended", ended)));
    facts
}

const fn dialect_name(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Lix => "Lix",
        Dialect::Determinate => "Determinate Nix",
        Dialect::Nix => "Nix",
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
        "{} (in line {}{more})",
        count(result.unreadable.count),
        lines.join(", ")
    )
}
