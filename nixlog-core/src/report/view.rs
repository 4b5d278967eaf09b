//! The JSON contract: results with names filled in and units in the names of fields.
//!
//! Every `--format json` prints one [`Report`]. Fields may be added; none is renamed or removed within
//! a version. Unknown is `null`, never 0 and never missing. Durations are whole nanoseconds, sizes
//! bytes, shares fractions of 1.

use jiff::Timestamp;
use serde::Serialize;

use crate::analysis::phases::{Phases, Total};
use crate::analysis::slowest::Slowest;
use crate::analysis::sufficiency::Answerable;
use crate::store_path::{name_of, pname_of};
use crate::time::{Nanos, Stamp};
use crate::timeline::{Issue, Name, Outcome, Source, Tally, Timeline, Unit, UnitKind};

/// One result and what it was made from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report<R> {
    /// `nixlog.<verb>/<version>`.
    pub schema: &'static str,
    /// The version of nixlog that made it.
    pub nixlog_version: &'static str,
    /// The log.
    pub input: Input,
    /// What a reader of the result should know.
    pub diagnostics: Vec<Diagnostic>,
    /// The result.
    pub result: R,
}

/// A log, as far as it was read.
#[derive(Debug, Clone, PartialEq, Serialize)]
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
    pub clock: &'static str,
    /// What the lines are wrapped in.
    pub carrier: &'static str,
    /// `gzip`, `zstd`, `xz`, `bzip2`; `null` where it is not compressed.
    pub compression: Option<&'static str>,
    /// `nix`, `lix` or `determinate`.
    pub dialect: &'static str,
    /// The exact version, where the log holds it.
    pub nix_version: Option<String>,
    /// The versions that fit what the log shows, for people.
    pub nix_versions: String,
    /// The log does not stop in the middle of something.
    pub complete: bool,
    /// The wall clock at the start, RFC 3339.
    pub started_at: Option<String>,
    /// From the start to the last stamp.
    pub wall_ns: Option<u64>,
}

/// Something that a reader of the result should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Diagnostic {
    /// `info` or `warning`.
    pub severity: &'static str,
    /// A stable word for programs.
    pub code: &'static str,
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
            severity: issue.severity.name(),
            code: issue.code,
            count: issue.count,
            first_line: issue.first_line,
            message: issue.message.clone(),
        }
    }
}

/// Wraps a result with what it was made from.
#[must_use]
pub fn report<R>(
    schema: &'static str,
    source: &Source,
    timeline: &Timeline,
    result: R,
) -> Report<R> {
    Report {
        schema,
        nixlog_version: env!("CARGO_PKG_VERSION"),
        input: input(source, timeline),
        diagnostics: diagnostics(source, timeline),
        result,
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
        carrier: source.carrier,
        compression: source.compression,
        dialect: facts.evidence.dialect().name(),
        nix_version: None,
        nix_versions: facts.evidence.to_string(),
        complete: !timeline.is_cut() && !source.is_cut,
        started_at: source.started_at.and_then(rfc3339),
        wall_ns: timeline.wall().map(|wall| wall.length().get()),
    }
}

fn rfc3339(unix_ns: i64) -> Option<String> {
    Timestamp::from_nanosecond(i128::from(unix_ns))
        .ok()
        .map(|instant| instant.to_string())
}

fn diagnostics(source: &Source, timeline: &Timeline) -> Vec<Diagnostic> {
    let issues = source.issues.iter().chain(timeline.issues());
    issues.map(Diagnostic::from).collect()
}

/// The result of `phases`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PhasesResult {
    /// The whole wall time.
    pub wall_ns: Option<u64>,
    /// The phases that occurred.
    pub phases: Vec<PhaseView>,
    /// Builder phases, those with the most work first.
    pub builder_phases: Vec<BuilderPhaseTotalView>,
    /// Derivations by how they ended.
    pub outcomes: Vec<OutcomeView>,
    /// What Nix announced.
    pub plan: PlanView,
    /// What the evaluator gave up with.
    pub evaluation_error: Option<String>,
}

/// One phase.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PhaseView {
    /// Its name.
    pub phase: &'static str,
    /// Its measures.
    #[serde(flatten)]
    pub total: TotalView,
    /// How many units it consists of.
    pub units: usize,
    /// Its parts, where it has several.
    pub parts: Vec<PartView>,
}

/// One part of a phase.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PartView {
    /// Its name.
    pub part: &'static str,
    /// Its measures.
    #[serde(flatten)]
    pub total: TotalView,
}

/// The measures of a phase or a part.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TotalView {
    /// Its share of the wall clock; those of all phases add up to the wall time.
    pub wall_ns: Option<u64>,
    /// The same as a fraction of the wall time.
    pub share: Option<f64>,
    /// For how long any of it was active.
    pub busy_ns: Option<u64>,
    /// The sum of its spans.
    pub work_ns: Option<u64>,
    /// How much of the critical path lies in it.
    pub critical_ns: Option<u64>,
}

/// How much time builders spent in the phases of one name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BuilderPhaseTotalView {
    /// The phase's name.
    pub name: String,
    /// In how many builds it occurred.
    pub builds: usize,
    /// For how long any builder was in it.
    pub busy_ns: Option<u64>,
    /// The sum over all builders.
    pub work_ns: Option<u64>,
    /// How much of the critical path lies in it.
    pub critical_ns: Option<u64>,
}

/// How many derivations ended in one way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct OutcomeView {
    /// How they ended.
    pub outcome: &'static str,
    /// How many.
    pub count: usize,
}

/// What Nix announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PlanView {
    /// Derivations to build.
    pub builds: Option<u64>,
    /// Paths to fetch.
    pub fetches: Option<u64>,
    /// Bytes to download.
    pub download_bytes: Option<u64>,
    /// Bytes unpacked.
    pub unpacked_bytes: Option<u64>,
}

/// Makes the result of `phases`.
#[must_use]
pub fn phases(timeline: &Timeline, phases: &Phases) -> PhasesResult {
    let view = |total: &Total| TotalView {
        wall_ns: nanos(total.wall),
        share: share(total.wall, phases.wall),
        busy_ns: nanos(total.busy),
        work_ns: nanos(total.work),
        critical_ns: None,
    };
    let phase_views = phases.phases.iter().map(|phase| PhaseView {
        phase: phase.phase.name(),
        total: view(&phase.total),
        units: phase.n_units,
        parts: phase
            .parts
            .iter()
            .map(|(part, total)| PartView {
                part: part.name(),
                total: view(total),
            })
            .collect(),
    });
    let builder_phases = phases
        .builder_phases
        .iter()
        .map(|phase| BuilderPhaseTotalView {
            name: timeline.name(phase.name).to_owned(),
            builds: phase.n_builds,
            busy_ns: nanos(phase.busy),
            work_ns: nanos(phase.work),
            critical_ns: None,
        });
    let outcomes = phases.outcomes.iter().map(|(outcome, &count)| OutcomeView {
        outcome: outcome.name(),
        count,
    });
    let plan = timeline.plan();
    PhasesResult {
        wall_ns: nanos(phases.wall),
        phases: phase_views.collect(),
        builder_phases: builder_phases.collect(),
        outcomes: outcomes.collect(),
        plan: PlanView {
            builds: plan.builds,
            fetches: plan.fetches,
            download_bytes: plan.download_bytes,
            unpacked_bytes: plan.unpacked_bytes,
        },
        evaluation_error: evaluation_error(timeline),
    }
}

fn evaluation_error(timeline: &Timeline) -> Option<String> {
    let mut units = timeline.units().iter();
    let failed =
        |unit: &&Unit| unit.kind == UnitKind::Evaluation && unit.outcome == Outcome::Failed;
    units
        .find(failed)?
        .reason
        .as_ref()
        .map(|reason| reason.text.clone())
}

fn nanos(length: Option<Nanos>) -> Option<u64> {
    length.map(Nanos::get)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a share needs no more than 52 bits"
)]
fn share(part: Option<Nanos>, whole: Option<Nanos>) -> Option<f64> {
    let (part, whole) = part.zip(whole)?;
    (whole > Nanos::ZERO).then(|| part.get() as f64 / whole.get() as f64)
}

/// The result of `slowest`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SlowestResult {
    /// How many units there are of the kinds asked for, listed or not.
    pub total_units: usize,
    /// How many of them have no known duration.
    pub unknown_durations: usize,
    /// The sum of all durations that are known.
    pub total_duration_ns: Option<u64>,
    /// The units, the longest first.
    pub units: Vec<UnitView>,
}

/// A thing that took time and that others waited for.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct UnitView {
    /// What kind of thing.
    pub kind: &'static str,
    /// Its name without hash.
    pub name: String,
    /// The name without version.
    pub pname: String,
    /// The `.drv`, the store path, the address.
    pub path: String,
    /// The derivation of the plan, where a content-addressed one was resolved.
    pub planned_path: Option<String>,
    /// The remote machine; `null` when local.
    pub machine: Option<String>,
    /// The substituter, or the store that a copy comes from.
    pub source: Option<String>,
    /// When it started.
    pub start_ns: Option<u64>,
    /// When it ended.
    pub end_ns: Option<u64>,
    /// How long it took; for evaluation, how long the evaluator was working in between.
    pub duration_ns: Option<u64>,
    /// How the end is known: `measured`, `inferred`, `open`.
    pub end: Option<&'static str>,
    /// How it ended.
    pub outcome: &'static str,
    /// Why it failed.
    pub reason: Option<String>,
    /// The builder's exit status.
    pub exit_code: Option<i32>,
    /// The signal that ended the builder.
    pub signal: Option<i32>,
    /// Bytes that went over the wire.
    pub bytes: Option<u64>,
    /// Bytes of the unpacked archive.
    pub unpacked_bytes: Option<u64>,
    /// Lines of its log.
    pub log_lines: u64,
    /// Bytes of its log.
    pub log_bytes: u64,
    /// Builder phases in order.
    pub builder_phases: Vec<BuilderPhaseView>,
    /// Where the time of a remote build went; `null` when local.
    pub parts: Option<RemotePartsView>,
    /// Whether it is on the critical path.
    pub on_critical_path: Option<bool>,
}

/// One builder phase of one build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BuilderPhaseView {
    /// Its name.
    pub name: String,
    /// When it started.
    pub start_ns: Option<u64>,
    /// How long it took.
    pub duration_ns: Option<u64>,
}

/// Where the time of a remote build went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RemotePartsView {
    /// Waiting for the upload lock and for a slot there.
    pub waiting_ns: Option<u64>,
    /// Copying the dependencies there.
    pub upload_ns: Option<u64>,
    /// The builder at work.
    pub build_ns: Option<u64>,
    /// Copying the outputs back.
    pub download_ns: Option<u64>,
}

/// Makes the result of `slowest`. `wanted` chooses among the units, `top` cuts the list (0: no cut).
#[must_use]
pub fn slowest(
    timeline: &Timeline,
    slowest: &Slowest,
    wanted: impl Fn(&UnitView) -> bool,
    top: usize,
) -> SlowestResult {
    let mut total_duration = None;
    let (mut total_units, mut unknown_durations) = (0, 0);
    let mut units = Vec::new();
    for unit in slowest.units.iter().map(|&index| &timeline.units()[index]) {
        let view = unit_view(timeline, unit);
        if !wanted(&view) {
            continue;
        }
        total_units += 1;
        match view.duration_ns {
            Some(took) => {
                total_duration = Some(u64::saturating_add(total_duration.unwrap_or(0), took));
            }
            None => unknown_durations += 1,
        }
        if top == 0 || units.len() < top {
            units.push(view);
        }
    }
    SlowestResult {
        total_units,
        unknown_durations,
        total_duration_ns: total_duration,
        units,
    }
}

fn unit_view(timeline: &Timeline, unit: &Unit) -> UnitView {
    let text = |name: Name| timeline.name(name).to_owned();
    let path = timeline.name(unit.subject);
    let name = unit_name(unit.kind, path);
    let stamp = |stamp: Option<Stamp>| stamp.map(Stamp::as_nanos);
    let phases = unit.phases.iter().map(|phase| BuilderPhaseView {
        name: text(phase.name),
        start_ns: phase.interval.map(|interval| interval.start().as_nanos()),
        duration_ns: phase.interval.map(|interval| interval.length().get()),
    });
    UnitView {
        kind: unit.kind.name(),
        pname: pname_of(name).to_owned(),
        name: name.to_owned(),
        path: path.to_owned(),
        planned_path: unit.planned.map(text),
        machine: unit.machine.map(text),
        source: unit.source.map(text),
        start_ns: stamp(unit.start),
        end_ns: stamp(unit.end),
        duration_ns: nanos(unit.duration()),
        end: unit.end_kind.name(),
        outcome: unit.outcome.name(),
        reason: unit
            .reason
            .as_ref()
            .map(|reason| reason.text.clone())
            .filter(|text| !text.is_empty()),
        exit_code: unit.reason.as_ref().and_then(|reason| reason.exit_code),
        signal: unit.reason.as_ref().and_then(|reason| reason.signal),
        bytes: unit.wire_bytes,
        unpacked_bytes: unit.nar_bytes,
        log_lines: unit.log_lines,
        log_bytes: unit.log_bytes,
        builder_phases: phases.collect(),
        parts: unit.remote.as_deref().map(|remote| RemotePartsView {
            waiting_ns: nanos(remote.waiting),
            upload_ns: nanos(remote.upload),
            build_ns: nanos(remote.build),
            download_ns: nanos(remote.download),
        }),
        on_critical_path: None,
    }
}

/// Returns what to call a unit: the name in its store path, else the text as it is.
fn unit_name(kind: UnitKind, subject: &str) -> &str {
    match kind {
        UnitKind::InputFetch | UnitKind::SourceImport if !subject.ends_with(".narinfo") => subject,
        _ => name_of(subject),
    }
}

/// The result of `doctor`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct DoctorResult {
    /// Whether the carrier was named or found.
    pub carrier: &'static str,
    /// Where the times come from.
    pub clock: &'static str,
    /// `nix`, `lix` or `determinate`.
    pub dialect: &'static str,
    /// The versions that fit what the log shows.
    pub nix_versions: String,
    /// The log does not stop in the middle of something.
    pub complete: bool,
    /// Lines of plain text.
    pub text_lines: u64,
    /// Lines that look like records but cannot be read, and the numbers of the first of them.
    pub unreadable: UnreadableView,
    /// Actions, types and keys that this nixlog does not know.
    pub unknown: Vec<UnknownView>,
    /// Units by kind.
    pub units: Vec<KindView>,
    /// What the log answers.
    pub answers: Vec<AnswerView>,
}

/// Lines that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct UnreadableView {
    /// How many.
    pub count: u64,
    /// The numbers of the first of them.
    pub first_lines: Vec<u64>,
}

/// Something that this nixlog does not know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct UnknownView {
    /// What it is.
    pub what: String,
    /// How often it occurred.
    pub count: u64,
    /// The line of the first.
    pub first_line: u64,
}

/// How many units there are of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct KindView {
    /// The kind.
    pub kind: &'static str,
    /// How many.
    pub count: usize,
    /// How many of them failed in one way or another.
    pub failed: usize,
}

/// One question, and whether the log answers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AnswerView {
    /// What is asked.
    pub question: &'static str,
    /// `yes`, `partly` or `no`.
    pub answer: &'static str,
    /// Why not wholly.
    pub why: Option<String>,
    /// What to do about it.
    pub fix: Option<&'static str>,
}

/// Makes the result of `doctor`.
#[must_use]
pub fn doctor(source: &Source, timeline: &Timeline, answers: &[Answerable]) -> DoctorResult {
    let facts = timeline.facts();
    let kinds = UnitKind::ALL.into_iter().filter_map(|kind| {
        let of_kind = || {
            timeline
                .units()
                .iter()
                .filter(move |unit| unit.kind == kind)
        };
        let failed = |unit: &&Unit| !matches!(unit.outcome, Outcome::Succeeded | Outcome::Unknown);
        let count = of_kind().count();
        (count > 0).then(|| KindView {
            kind: kind.name(),
            count,
            failed: of_kind().filter(failed).count(),
        })
    });
    let unknown = |(what, tally): (&String, &Tally)| UnknownView {
        what: what.clone(),
        count: tally.count,
        first_line: tally.first_line,
    };
    DoctorResult {
        carrier: source.carrier,
        clock: source.clock,
        dialect: facts.evidence.dialect().name(),
        nix_versions: facts.evidence.to_string(),
        complete: !timeline.is_cut() && !source.is_cut,
        text_lines: facts.text_lines,
        unreadable: UnreadableView {
            count: facts.malformed.count,
            first_lines: facts.malformed_lines.clone(),
        },
        unknown: facts.unknown.iter().map(unknown).collect(),
        units: kinds.collect(),
        answers: answers
            .iter()
            .map(|answer| AnswerView {
                question: answer.question,
                answer: answer.extent.name(),
                why: answer.why.clone(),
                fix: answer.fix,
            })
            .collect(),
    }
}
