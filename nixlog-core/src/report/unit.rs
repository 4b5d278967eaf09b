//! Units as reports show them: in full, and in few words.

use schemars::JsonSchema;
use serde::Serialize;

use super::envelope::nanos;
use super::table::{Cell, Names};
use crate::analysis::critical_path::CriticalPath;
use crate::store_path::pname_of;
use crate::time::Stamp;
use crate::timeline::{End, Name, Outcome, Timeline, Unit, UnitKind};

/// A thing that took time and that others waited for.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct UnitView {
    /// What kind of thing.
    pub kind: UnitKind,
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
    pub end: End,
    /// By when it had certainly ended, where the end is unknown or only estimated.
    pub end_at_most_ns: Option<u64>,
    /// How it ended.
    pub outcome: Outcome,
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
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

/// A unit, in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct UnitBrief {
    /// What kind of thing.
    pub kind: UnitKind,
    /// Its name without hash.
    pub name: String,
    /// The name without version.
    pub pname: String,
    /// The `.drv`, the store path, the address.
    pub path: String,
    /// The remote machine; `null` when local.
    pub machine: Option<String>,
    /// When it started.
    pub start_ns: Option<u64>,
    /// When it ended.
    pub end_ns: Option<u64>,
    /// How long it took.
    pub duration_ns: Option<u64>,
    /// How the end is known: `measured`, `inferred`, `open`.
    pub end: End,
    /// By when it had certainly ended, where the end is unknown or only estimated.
    pub end_at_most_ns: Option<u64>,
    /// How it ended.
    pub outcome: Outcome,
    /// Evaluation stood still until it was there.
    pub evaluation_waited: bool,
}

impl UnitBrief {
    /// Returns how it is called.
    pub(super) fn called(&self, names: Names) -> Cell {
        names.of(&self.name, &self.path)
    }

    /// Returns its name and its path.
    pub(super) fn names(&self) -> (&str, &str) {
        (&self.name, &self.path)
    }
}

/// Describes a unit of a timeline, by its index.
///
/// # Panics
///
/// Where the timeline has no such unit.
#[must_use]
pub fn brief(timeline: &Timeline, index: usize) -> UnitBrief {
    let unit = &timeline.units()[index];
    let path = timeline.name(unit.subject);
    let name = timeline.unit_name(unit);
    UnitBrief {
        kind: unit.kind,
        name: name.to_owned(),
        pname: pname_of(name).to_owned(),
        path: path.to_owned(),
        machine: unit
            .machine
            .map(|machine| timeline.name(machine).to_owned()),
        start_ns: unit.start.map(Stamp::as_nanos),
        end_ns: unit.end.map(Stamp::as_nanos),
        duration_ns: nanos(unit.duration()),
        end: unit.end_kind,
        end_at_most_ns: unit.end_at_most.map(Stamp::as_nanos),
        outcome: unit.outcome,
        evaluation_waited: timeline.import_of(unit).is_some(),
    }
}

/// The units of a list, and what is summed over those that were asked for, listed or not.
pub(super) struct Listed {
    /// All that were asked for, as indices.
    pub(super) wanted: Vec<usize>,
    /// The first of them.
    pub(super) units: Vec<UnitView>,
    pub(super) unknown_durations: usize,
    pub(super) total_duration_ns: Option<u64>,
}

/// Lists the first `most` of the units, given as indices, that `wanted` chooses. `path` is `None` where it is
/// not known what depends on what.
pub(super) fn listed(
    timeline: &Timeline,
    units: &[usize],
    path: Option<&CriticalPath>,
    wanted: impl Fn(&UnitView) -> bool,
    most: usize,
) -> Listed {
    let mut listed = Listed {
        wanted: Vec::new(),
        units: Vec::new(),
        unknown_durations: 0,
        total_duration_ns: None,
    };
    let on_path = path.map(CriticalPath::by_unit);
    for &index in units {
        let mut view = unit_view(timeline, &timeline.units()[index]);
        view.on_critical_path = on_path.as_ref().map(|on_path| on_path.contains_key(&index));
        if !wanted(&view) {
            continue;
        }
        listed.wanted.push(index);
        match view.duration_ns {
            Some(took) => {
                let total = listed.total_duration_ns.unwrap_or_default();
                listed.total_duration_ns = Some(total.saturating_add(took));
            }
            None => listed.unknown_durations += 1,
        }
        if listed.units.len() < most {
            listed.units.push(view);
        }
    }
    listed
}

/// Describes a unit in full; not yet whether it is on the critical path.
pub(super) fn unit_view(timeline: &Timeline, unit: &Unit) -> UnitView {
    let text = |name: Name| timeline.name(name).to_owned();
    let path = timeline.name(unit.subject);
    let name = timeline.unit_name(unit);
    let stamp = |stamp: Option<Stamp>| stamp.map(Stamp::as_nanos);
    let all_lines = !timeline.is_reconstructed();
    let phases = unit.phases.iter().map(|phase| BuilderPhaseView {
        name: text(phase.name),
        start_ns: phase.interval.map(|interval| interval.start().as_nanos()),
        duration_ns: phase.interval.map(|interval| interval.length().get()),
    });
    UnitView {
        kind: unit.kind,
        pname: pname_of(name).to_owned(),
        name: name.to_owned(),
        path: path.to_owned(),
        planned_path: unit.planned.map(text),
        machine: unit.machine.map(text),
        source: unit.source.map(text),
        start_ns: stamp(unit.start),
        end_ns: stamp(unit.end),
        duration_ns: nanos(unit.duration()),
        end: unit.end_kind,
        end_at_most_ns: stamp(unit.end_at_most),
        outcome: unit.outcome,
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
