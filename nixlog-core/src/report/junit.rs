//! `JUnit` XML: each derivation is a test case. CI systems show which failed, with the lines that say why.

use std::collections::{HashMap, HashSet};
use std::io::{self, Write};

use super::envelope::Report;
use super::format::xml;
use super::unit::UnitBrief;
use super::verbs::check::CheckResult;
use super::verbs::failures::{FailureView, FailuresResult};
use crate::analysis::limits::Answer;
use crate::timeline::Outcome;

/// Writes a result.
///
/// # Errors
///
/// Passes on what the output says.
pub fn write(report: &Report<FailuresResult>, out: &mut dyn Write) -> io::Result<()> {
    let result = &report.result;
    let failures = result.units.iter();
    let failures: HashMap<&str, &FailureView> =
        failures.map(|it| (it.unit.path.as_str(), it)).collect();
    // Derivations that never started are units only where Nix names them.
    let known = result.derivations.iter();
    let known: HashSet<&str> = known.map(|unit| unit.path.as_str()).collect();
    let never = result.not_built.iter();
    let never: Vec<&String> = never
        .filter(|path| !known.contains(path.as_str()))
        .collect();
    let others: Vec<&FailureView> = result
        .units
        .iter()
        .filter(|it| !it.unit.kind.is_derivation())
        .collect();
    let unnamed: Vec<&String> = result.untold.iter().chain(&result.gave_up).collect();
    let n_skipped = result.derivations.iter();
    let n_skipped = n_skipped.filter(|unit| skipped(unit).is_some()).count() + never.len();
    let n_failed = result
        .derivations
        .iter()
        .filter(|unit| unit.outcome.is_failure());
    let command = report.input.run.as_ref().map(|run| run.command.join(" "));
    let name = command.filter(|words| !words.is_empty());
    let suite = Suite {
        name: name.as_deref().unwrap_or(&report.input.source),
        tests: result.derivations.len() + never.len() + others.len() + unnamed.len(),
        failures: n_failed.count() + others.len(),
        errors: unnamed.len(),
        skipped: n_skipped,
        time: report.input.wall_ns,
        started_at: report.input.started_at.as_deref(),
    };
    suite.begin(out)?;
    for unit in &result.derivations {
        case(unit.kind.name(), &unit.name, unit.duration_ns, out)?;
        match (failures.get(unit.path.as_str()), skipped(unit)) {
            (Some(failed), _) if unit.outcome.is_failure() => failure(failed, out)?,
            (_, Some(why)) => writeln!(out, "><skipped message=\"{why}\"/></testcase>")?,
            (None, _) if unit.outcome.is_failure() => {
                writeln!(out, "><failure type=\"unknown\"/></testcase>")?;
            }
            _ => writeln!(out, "/>")?,
        }
    }
    for path in never {
        case("build", crate::store_path::name_of(path), None, out)?;
        writeln!(out, "><skipped message=\"{NEEDS}\"/></testcase>")?;
    }
    for it in others {
        case(it.unit.kind.name(), &it.unit.name, it.unit.duration_ns, out)?;
        failure(it, out)?;
    }
    for words in unnamed {
        case("command", "nix", None, out)?;
        writeln!(out, "><error message=\"{}\"/></testcase>", xml(words))?;
    }
    end(out)
}

/// Writes which limits hold, each as a test case.
///
/// # Errors
///
/// Passes on what the output says.
pub fn write_check(report: &Report<CheckResult, ()>, out: &mut dyn Write) -> io::Result<()> {
    let result = &report.result;
    let counted = |verdict| {
        let of = result.checks.iter().filter(|it| it.verdict == verdict);
        of.count()
    };
    // What counts as failed is one.
    let (skipped, more) = match result.strict {
        true => (0, counted(Answer::Skip)),
        false => (counted(Answer::Skip), 0),
    };
    let name = format!("nixlog check {}", result.side.name);
    let suite = Suite {
        name: &name,
        tests: result.checks.len(),
        failures: counted(Answer::Fail) + more,
        errors: 0,
        skipped,
        time: None,
        started_at: None,
    };
    suite.begin(out)?;
    for it in &result.checks {
        case("check", &it.name, None, out)?;
        let line = xml(&it.line());
        match it.verdict {
            Answer::Skip if !result.strict => {
                writeln!(out, "><skipped message=\"{line}\"/></testcase>")?;
            }
            Answer::Ok => writeln!(out, "/>")?,
            Answer::Skip | Answer::Fail => writeln!(
                out,
                "><failure type=\"limit\" message=\"{line}\"/></testcase>"
            )?,
        }
    }
    end(out)
}

/// What a suite of test cases says of itself.
struct Suite<'a> {
    name: &'a str,
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
    time: Option<u64>,
    started_at: Option<&'a str>,
}

impl Suite<'_> {
    fn begin(&self, out: &mut dyn Write) -> io::Result<()> {
        let counts = format!(
            r#"tests="{}" failures="{}" errors="{}" skipped="{}"{}"#,
            self.tests,
            self.failures,
            self.errors,
            self.skipped,
            time(self.time)
        );
        writeln!(out, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
        writeln!(out, r#"<testsuites name="nixlog" {counts}>"#)?;
        let at = self.started_at;
        let at = at.map_or_else(String::new, |at| format!(r#" timestamp="{}""#, xml(at)));
        let name = xml(self.name);
        writeln!(out, r#"  <testsuite name="{name}" {counts}{at}>"#)
    }
}

fn end(out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "  </testsuite>\n</testsuites>")
}

const NEEDS: &str = "something that it needs failed";

/// Says why a derivation is neither good nor bad.
fn skipped(unit: &UnitBrief) -> Option<&'static str> {
    match unit.outcome {
        Outcome::DependencyFailed => Some(NEEDS),
        Outcome::Interrupted => Some("interrupted"),
        Outcome::Unknown => Some("the log does not tell how it ended"),
        _ => None,
    }
}

fn case(kind: &str, name: &str, took: Option<u64>, out: &mut dyn Write) -> io::Result<()> {
    let (name, time) = (xml(name), time(took));
    write!(
        out,
        r#"    <testcase classname="{kind}" name="{name}"{time}"#
    )
}

/// Writes a length of time in seconds; what is not known is left out.
fn time(nanos: Option<u64>) -> String {
    nanos.map_or_else(String::new, |nanos| {
        let (seconds, millis) = (nanos / 1_000_000_000, nanos / 1_000_000 % 1000);
        format!(r#" time="{seconds}.{millis:03}""#)
    })
}

fn failure(failed: &FailureView, out: &mut dyn Write) -> io::Result<()> {
    let kind = failed.failure.name();
    let reason = xml(failed.unit.reason.as_deref().unwrap_or("failed"));
    write!(out, r#"><failure type="{kind}" message="{reason}">"#)?;
    let causes = failed.causes.iter().flat_map(|cause| &cause.lines);
    for line in causes {
        writeln!(out, "{}", xml(&line.text))?;
    }
    if failed.causes.is_empty() {
        write!(
            out,
            "{}",
            xml_lines(failed.message.as_deref().unwrap_or_default())
        )?;
    }
    write!(out, "</failure>")?;
    if !failed.log_tail.is_empty() {
        write!(out, "<system-out>")?;
        for line in &failed.log_tail {
            writeln!(out, "{}", xml(&line.text))?;
        }
        write!(out, "</system-out>")?;
    }
    writeln!(out, "</testcase>")
}

/// Makes several lines harmless, and leaves them several.
fn xml_lines(text: &str) -> String {
    text.lines()
        .map(|line| format!("{}\n", xml(line)))
        .collect()
}
