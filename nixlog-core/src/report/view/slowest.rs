//! The result of `slowest`, and how units are shown.

use serde::Serialize;

use super::imports::{EvaluationWaitView, evaluation_waits};
use super::nanos;
use crate::analysis::critical_path::CriticalPath;
use crate::analysis::slowest::Slowest;
use crate::store_path::{name_of, pname_of};
use crate::time::Stamp;
use crate::timeline::{Name, Timeline, Unit, UnitKind};

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
    /// When evaluation stood still for the store, and for what.
    pub evaluation_waits: Vec<EvaluationWaitView>,
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
    /// By when it had certainly ended, where the end is unknown or only estimated.
    pub end_at_most_ns: Option<u64>,
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
    /// Lines of its log; `null` in a reconstruction, which has only the last ones.
    pub log_lines: Option<u64>,
    /// Bytes of its log; `null` in a reconstruction.
    pub log_bytes: Option<u64>,
    /// Builder phases in order.
    pub builder_phases: Vec<BuilderPhaseView>,
    /// Where the time of a remote build went; `null` when local.
    pub parts: Option<RemotePartsView>,
    /// Whether it is on the critical path.
    pub on_critical_path: Option<bool>,
    /// Evaluation stood still until it was there.
    pub evaluation_waited: bool,
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

/// Makes the result of `slowest`. `path` is `None` where it is not known what depends on what, `wanted`
/// chooses among the units, `top` cuts the list (0: no cut).
#[must_use]
pub fn slowest(
    timeline: &Timeline,
    slowest: &Slowest,
    path: Option<&CriticalPath>,
    wanted: impl Fn(&UnitView) -> bool,
    top: usize,
) -> SlowestResult {
    let mut total_duration = None;
    let (mut total_units, mut unknown_durations) = (0, 0);
    let mut units = Vec::new();
    let on_path = path.map(CriticalPath::by_unit);
    for &index in &slowest.units {
        let mut view = unit_view(timeline, &timeline.units()[index]);
        view.on_critical_path = on_path.as_ref().map(|on_path| on_path.contains_key(&index));
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
        evaluation_waits: evaluation_waits(timeline),
    }
}

pub(super) fn unit_view(timeline: &Timeline, unit: &Unit) -> UnitView {
    let text = |name: Name| timeline.name(name).to_owned();
    let path = timeline.name(unit.subject);
    let name = unit_name(unit.kind, path);
    let stamp = |stamp: Option<Stamp>| stamp.map(Stamp::as_nanos);
    let all_lines = !timeline.is_reconstructed();
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
        end_at_most_ns: stamp(unit.end_at_most),
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
        log_lines: all_lines.then_some(unit.log_lines),
        log_bytes: all_lines.then_some(unit.log_bytes),
        builder_phases: phases.collect(),
        parts: unit.remote.as_deref().map(|remote| RemotePartsView {
            waiting_ns: nanos(remote.waiting),
            upload_ns: nanos(remote.upload),
            build_ns: nanos(remote.build),
            download_ns: nanos(remote.download),
        }),
        on_critical_path: None,
        evaluation_waited: timeline.import_of(unit).is_some(),
    }
}

/// Returns what to call a unit: the name in its store path, else the text as it is.
pub(super) fn unit_name(kind: UnitKind, subject: &str) -> &str {
    match kind {
        UnitKind::InputFetch | UnitKind::SourceImport if !subject.ends_with(".narinfo") => subject,
        _ => name_of(subject),
    }
}
