//! The JSON contract: what every report has around its result.
//!
//! Every `--format json` prints one [`Report`]. Fields may be added; none is renamed or removed within
//! a version. Unknown is `null`, never 0 and never missing. Durations are whole nanoseconds, sizes
//! bytes, shares fractions of 1.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::document::Document;
use super::words::heading;
use crate::dialect::Dialect;
use crate::time::Nanos;
use crate::timeline::{
    Clock, Issue, IssueCode, Outcome, Severity, Source, Timeline, Unit, UnitKind,
};

/// The result of a verb.
pub trait Answer: Serialize + JsonSchema + Sized {
    /// `nixlog.<verb>/<version>`.
    const SCHEMA: &'static str;

    /// What it was made from: an [`Input`], perhaps none, or `()` where no log is ever read.
    type From: About + Serialize + JsonSchema;

    /// How it can be laid out.
    type Options;

    /// Lays it out for people.
    fn document(report: &Report<Self, Self::From>, options: &Self::Options) -> Document;
}

/// What a report was made from.
pub trait About {
    /// Says which recorded run it is about, if it is about one.
    fn heading(&self) -> Option<String>;
}

impl About for Input {
    fn heading(&self) -> Option<String> {
        heading(self)
    }
}

impl About for Option<Input> {
    fn heading(&self) -> Option<String> {
        self.as_ref().and_then(heading)
    }
}

impl About for () {
    fn heading(&self) -> Option<String> {
        None
    }
}

/// One result and what it was made from.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Report<R, From = Input> {
    /// `nixlog.<verb>/<version>`.
    pub schema: &'static str,
    /// The version of nixlog that made it.
    pub nixlog_version: &'static str,
    /// The log; `null` where none was read.
    pub input: From,
    /// What a reader of the result should know.
    pub diagnostics: Vec<Diagnostic>,
    /// The result.
    pub result: R,
}

/// A log, as far as it was read.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct Input {
    /// The file's name, or `-`.
    pub source: String,
    /// Lines read.
    pub lines: u64,
    /// Bytes read, after decompression.
    pub bytes: u64,
    /// Records of Nix's event stream.
    pub events: u64,
    /// Where the times come from: `arrival`, `recorded`, `carrier`, `reconstructed`, `none`.
    pub clock: Clock,
    /// What the lines are wrapped in.
    pub carrier: String,
    /// `gzip`, `zstd`, `xz`, `bzip2`; `null` where it is not compressed.
    pub compression: Option<&'static str>,
    /// `nix`, `lix` or `determinate`.
    pub dialect: Dialect,
    /// The exact version, where the log holds it.
    pub nix_version: Option<String>,
    /// The versions that fit what the log shows, for people.
    pub nix_versions: String,
    /// Some of it is Nix's at all.
    pub is_nix: bool,
    /// The log does not stop in the middle of something.
    pub complete: bool,
    /// The user or a signal ended the build, as far as Nix said so.
    pub interrupted: bool,
    /// Where what depends on what is known from: `given`, `store`; `null` where it is not known, or was
    /// not asked for.
    pub graph: Option<&'static str>,
    /// The derivations that were named beside the log.
    pub derivations: Vec<String>,
    /// How the recording came about; `null` where the log is none of nixlog's own.
    pub run: Option<RunView>,
    /// What failed, for the first line of every report; programs find it in the units.
    #[serde(skip)]
    pub failed: Failed,
    /// The wall clock at the start, RFC 3339.
    pub started_at: Option<String>,
    /// From the start to the last stamp.
    pub wall_ns: Option<u64>,
}

/// How much failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Failed {
    /// Derivations that failed by themselves, those of which nobody knows which they are among them.
    pub builds: usize,
    /// Store paths that could not be fetched or copied.
    pub paths: usize,
    /// The evaluator gave up, and not for a build.
    pub evaluation: bool,
    /// The command gave up, and nothing of which the log tells has failed.
    pub command: bool,
}

/// A recorded run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct RunView {
    /// Its id.
    pub id: Option<String>,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// How the log came in: `run`, `pipe`, `socket`, `import`, `reconstruct`.
    pub via: String,
    /// The command line; empty where it is not known.
    pub command: Vec<String>,
    /// The working directory.
    pub cwd: Option<String>,
    /// The machine's name.
    pub host: Option<String>,
    /// The machine's kernel.
    pub kernel: Option<String>,
    /// The processors that could be used.
    pub cores: Option<u64>,
    /// Main memory.
    pub memory_bytes: Option<u64>,
    /// What Nix was set to, as far as it matters here; empty where nobody asked.
    pub settings: BTreeMap<String, Value>,
    /// The command's exit status.
    pub exit_status: Option<i32>,
    /// The signal that ended the command.
    pub signal: Option<i32>,
}

/// Something that a reader of the result should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct Diagnostic {
    /// `info` or `warning`.
    pub severity: Severity,
    /// A stable word for programs.
    pub code: IssueCode,
    /// How often it occurred.
    pub count: u64,
    /// The line of the first.
    pub first_line: Option<u64>,
    /// What it is and what it means.
    pub message: String,
}

impl From<&Issue> for Diagnostic {
    fn from(issue: &Issue) -> Self {
        Self {
            severity: issue.severity,
            code: issue.code,
            count: issue.count,
            first_line: issue.first_line,
            message: issue.message.clone(),
        }
    }
}

impl<R: Answer<From = Input>> Report<R> {
    /// Wraps a result with what it was made from.
    #[must_use]
    pub fn new(source: &Source, timeline: &Timeline, result: R) -> Self {
        let issues = source.issues.iter().chain(timeline.issues());
        Self::with(input(source, timeline), issues, result)
    }
}

impl<R: Answer<From = Option<Input>>> Report<R, Option<Input>> {
    /// Wraps a result with the log that it was made from, if one was read, and with what else is to be
    /// said.
    #[must_use]
    pub fn of_any(log: Option<(&Source, &Timeline)>, issues: &[Issue], result: R) -> Self {
        let own = log.map(|(source, timeline)| source.issues.iter().chain(timeline.issues()));
        let issues = issues.iter().chain(own.into_iter().flatten());
        Self::with(
            log.map(|(source, timeline)| input(source, timeline)),
            issues,
            result,
        )
    }
}

impl<R: Answer<From = ()>> Report<R, ()> {
    /// Wraps a result for which no log was read.
    #[must_use]
    pub fn without_log(issues: &[Issue], result: R) -> Self {
        Self::with((), issues, result)
    }
}

impl<R: Answer> Report<R, R::From> {
    fn with<'a>(input: R::From, issues: impl IntoIterator<Item = &'a Issue>, result: R) -> Self {
        Self {
            schema: R::SCHEMA,
            nixlog_version: env!("CARGO_PKG_VERSION"),
            input,
            diagnostics: issues.into_iter().map(Diagnostic::from).collect(),
            result,
        }
    }

    /// Lays it out for people, with the run first that it is about.
    #[must_use]
    pub fn document(&self, options: &R::Options) -> Document {
        Document {
            heading: self.input.heading(),
            ..R::document(self, options)
        }
    }
}

fn input(source: &Source, timeline: &Timeline) -> Input {
    let facts = timeline.facts();
    Input {
        source: source.name.clone(),
        lines: facts.lines,
        bytes: source.bytes,
        events: facts.events,
        clock: source.clock,
        carrier: source.carrier.clone(),
        compression: source.compression,
        dialect: facts.evidence.dialect(),
        nix_version: nix_version(source),
        nix_versions: facts.evidence.to_string(),
        is_nix: timeline.is_nix(),
        complete: !timeline.is_cut() && !source.is_cut,
        interrupted: timeline.is_interrupted(),
        graph: source.graph,
        derivations: source.derivations.clone(),
        run: run(source),
        failed: failed(timeline),
        started_at: source.started_at.and_then(rfc3339),
        wall_ns: timeline.wall().map(|wall| wall.length().get()),
    }
}

fn failed(timeline: &Timeline) -> Failed {
    let units = || timeline.units().iter();
    let bad = || units().filter(|unit| unit.outcome.is_failure());
    let is_path = |unit: &&Unit| matches!(unit.kind, UnitKind::Substitution | UnitKind::Copy);
    // To have asked for it is not to have it.
    let came = |path| {
        let mut tries = units().filter(is_path).filter(|unit| unit.subject == path);
        tries.any(|unit| unit.outcome == Outcome::Succeeded)
    };
    let n_builds = bad().filter(|unit| unit.kind.is_derivation()).count();
    Failed {
        builds: n_builds + timeline.untold_failures().len(),
        paths: bad()
            .filter(is_path)
            .filter(|unit| !came(unit.subject))
            .count(),
        evaluation: bad().any(|unit| unit.kind == UnitKind::Evaluation),
        command: timeline.gave_up().is_some(),
    }
}

fn run(source: &Source) -> Option<RunView> {
    let header = source.recording.header.as_deref()?;
    let end = source.recording.end.as_ref();
    Some(RunView {
        id: header.id.clone(),
        name: source.run_name.clone(),
        via: header.via.clone(),
        command: header.command.clone(),
        cwd: header.cwd.clone(),
        host: header.host.clone(),
        kernel: header.kernel.clone(),
        cores: header.cores,
        memory_bytes: header.memory_bytes,
        settings: source
            .recording
            .settings
            .as_ref()
            .map(|settings| settings.settings.clone())
            .unwrap_or_default(),
        exit_status: end.and_then(|end| end.exit_status),
        signal: end.and_then(|end| end.signal),
    })
}

/// Returns the number in what `nix --version` prints: `nix (Nix) 2.34.8`.
fn nix_version(source: &Source) -> Option<String> {
    let version = source.recording.nix_version()?.split_whitespace().last()?;
    version
        .starts_with(|c: char| c.is_ascii_digit())
        .then(|| version.to_owned())
}

/// Writes an instant, in nanoseconds since 1970; `None` where it is beyond all calendars.
#[must_use]
pub fn rfc3339(unix_ns: i64) -> Option<String> {
    Timestamp::from_nanosecond(i128::from(unix_ns))
        .ok()
        .map(|instant| instant.to_string())
}

pub(super) fn nanos(length: Option<Nanos>) -> Option<u64> {
    length.map(Nanos::get)
}

/// Returns a part of a whole as a fraction of 1; `None` where either is not known.
#[expect(
    clippy::cast_precision_loss,
    reason = "a share needs no more than 52 bits"
)]
pub(super) fn share(part: Option<u64>, whole: Option<u64>) -> Option<f64> {
    let (part, whole) = part.zip(whole)?;
    (whole > 0).then(|| part as f64 / whole as f64)
}
