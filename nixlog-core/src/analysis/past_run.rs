//! What is kept of a run, to be compared with others: plain data without the log.
//!
//! It is what a history stores and what is handed from machine to machine, so it has a stored form of its
//! own: JSON with these names. Fields may be added; readers take what is missing as unknown.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::cache::{cache_use, quantile};
use super::critical_path::CriticalPath;
use super::phases::{Phases, phases};
use super::run_graph::RunGraph;
use super::slots::SlotsSource;
use super::structural::structural;
use crate::graph::DerivationGraph;
use crate::store_path::pname_of;
use crate::time::Nanos;
use crate::timeline::{Clock, End, Outcome, Phase, Source, Timeline, Unit, UnitKind};

/// A run, as far as it can be compared with others.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PastRun {
    /// The run's id, or the name of the file that it was read from.
    pub id: String,
    /// When it started, in nanoseconds since 1970.
    pub started_at: Option<i64>,
    /// What was built, without what changes from run to run; `None` where the command is not known.
    pub project: Option<String>,
    /// The system that was built on: that of the settings, else that of most derivations.
    pub system: Option<String>,
    /// The machine's name.
    pub host: Option<String>,
    /// The Nix that built, as it names itself.
    pub nix_version: Option<String>,
    /// The command line.
    pub command: Vec<String>,
    /// The revision that was checked out where it ran.
    pub revision: Option<String>,
    /// When the newest input of the `flake.lock` there was changed, in seconds since 1970.
    pub inputs_modified: Option<i64>,
    /// The command's exit status.
    pub exit_status: Option<i32>,
    /// The log has its end.
    pub complete: bool,
    /// Its times are good for comparing: neither reconstructed nor missing.
    pub timed: bool,
    /// How long it took.
    pub wall_ns: Option<u64>,
    /// How many builds could run at once here; `None` where that is only what was seen.
    pub slots: Option<u32>,
    /// The critical path rests on derivations.
    pub path_known: bool,
    /// The phases that occurred.
    pub phases: Vec<PastPhase>,
    /// The builder phases that occurred.
    pub builder_phases: Vec<PastBuilderPhase>,
    /// How many paths came from caches.
    pub substituted: u64,
    /// How many builds there were although a cache was asked; `None` where that is not known.
    pub built_asked: Option<u64>,
    /// The caches.
    pub substituters: Vec<PastSubstituter>,
    /// The evaluation.
    pub evaluation: PastEvaluation,
    /// What took time, in the order of their starts: builds, source fetches, substitutions, input fetches,
    /// source imports and copies.
    pub units: Vec<PastUnit>,
}

/// One phase of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastPhase {
    /// Which phase.
    pub phase: Phase,
    /// Its share of the wall clock.
    pub wall_ns: Option<u64>,
    /// For how long any of it was active.
    pub busy_ns: Option<u64>,
    /// The sum of its spans.
    pub work_ns: Option<u64>,
    /// How much of the critical path lies in it; `None` where that is not known.
    pub critical_ns: Option<u64>,
    /// How many units it consists of.
    pub units: u64,
}

/// The builder phases of one name, over a whole run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastBuilderPhase {
    /// Its name.
    pub name: String,
    /// The sum over all builders.
    pub work_ns: Option<u64>,
    /// How much of the critical path lies in it; `None` where that is not known.
    pub critical_ns: Option<u64>,
}

/// What a cache did in a run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PastSubstituter {
    /// Its address.
    pub uri: String,
    /// How many paths it was asked for.
    pub asked: u64,
    /// How many of them it had.
    pub hit: u64,
    /// How many of them it did not have.
    pub missed: u64,
    /// What failed.
    pub failed: u64,
    /// How many paths came from it.
    pub paths: u64,
    /// Bytes that went over the wire.
    pub bytes: Option<u64>,
    /// Bytes of the unpacked archives.
    pub unpacked_bytes: Option<u64>,
    /// For how long anything came from it.
    pub busy_ns: Option<u64>,
    /// How long half of its answers took at most.
    pub latency_p50_ns: Option<u64>,
}

/// The evaluation of a run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PastEvaluation {
    /// For how long the evaluator was at work.
    pub wall_ns: Option<u64>,
    /// For how long it stood still for the store.
    pub blocked_ns: Option<u64>,
    /// How often.
    pub blocked: u64,
}

/// A unit of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastUnit {
    /// What kind of thing.
    pub kind: UnitKind,
    /// Its name without version.
    pub pname: String,
    /// Its name without hash.
    pub name: String,
    /// The system of its derivation, where that is known.
    pub system: Option<String>,
    /// The outputs of its derivation, where that is known.
    pub outputs: Vec<String>,
    /// The `.drv`, the store path, the address.
    pub path: String,
    /// The remote machine; `None` when local.
    pub machine: Option<String>,
    /// The cache, or the store that a copy comes from.
    pub substituter: Option<String>,
    /// Bytes that went over the wire.
    pub bytes: Option<u64>,
    /// Bytes of the unpacked archive.
    pub unpacked_bytes: Option<u64>,
    /// How long it took.
    pub duration_ns: Option<u64>,
    /// How the end is known.
    pub end: End,
    /// How it ended.
    pub outcome: Outcome,
    /// How much of the critical path lies in it; `None` where that is not known.
    pub critical_ns: Option<u64>,
    /// What would be saved without it, with a slot for everything; `None` where that is not known.
    pub saving_ns: Option<u64>,
    /// Its builder phases and how long they took.
    pub builder_phases: Vec<(String, Option<u64>)>,
}

/// What units of several runs have in common: by it they are matched, and never by hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnitKey<'a> {
    /// What kind of thing.
    pub kind: UnitKind,
    /// Its name without version.
    pub pname: &'a str,
    /// The system of its derivation; `None` where that is not known.
    pub system: Option<&'a str>,
    /// The outputs of its derivation; empty where they are not known.
    pub outputs: &'a [String],
}

impl PastUnit {
    /// Makes a unit that succeeded, and of which nothing else is known.
    #[must_use]
    pub fn seen(kind: UnitKind, name: &str, system: Option<&str>, duration_ns: u64) -> Self {
        Self {
            kind,
            pname: pname_of(name).to_owned(),
            name: name.to_owned(),
            system: system.map(str::to_owned),
            outputs: Vec::new(),
            path: String::new(),
            machine: None,
            substituter: None,
            bytes: None,
            unpacked_bytes: None,
            duration_ns: Some(duration_ns),
            end: End::Measured,
            outcome: Outcome::Succeeded,
            critical_ns: None,
            saving_ns: None,
            builder_phases: Vec::new(),
        }
    }

    /// Returns what it is matched by.
    #[must_use]
    pub fn key(&self) -> UnitKey<'_> {
        UnitKey {
            kind: self.kind,
            pname: &self.pname,
            system: self.system.as_deref(),
            outputs: &self.outputs,
        }
    }
}

impl PastRun {
    /// Keeps what is worth it of a log. `known`: the critical path rests on derivations. Takes
    /// O((n + m) log n) for n units and m dependencies.
    #[must_use]
    pub fn new(
        id: &str,
        source: &Source,
        timeline: &Timeline,
        graph: &DerivationGraph,
        run: &RunGraph,
        path: &CriticalPath,
        known: bool,
    ) -> Self {
        let header = source.recording.header.as_deref();
        let end = source.recording.end.as_ref();
        let known_path = known.then_some(path);
        let mut totals = phases(timeline);
        totals.explain(path);
        if let Some(path) = known_path {
            totals.book(timeline, path);
        }
        let caches = cache_use(timeline, source, graph, known_path);
        let settings = source.recording.setting("system");
        let set_system = settings.as_ref().and_then(serde_json::Value::as_str);
        let units = units(timeline, graph, run, known_path);
        Self {
            id: id.to_owned(),
            started_at: source.started_at,
            project: source.recording.project(),
            system: set_system.map(str::to_owned).or_else(|| most(&units)),
            host: header.and_then(|header| header.host.clone()),
            nix_version: source.recording.nix_version().map(str::to_owned),
            command: header
                .map(|header| header.command.clone())
                .unwrap_or_default(),
            revision: header.and_then(|header| header.revision.clone()),
            inputs_modified: header.and_then(|header| header.inputs_modified),
            exit_status: end.and_then(|end| end.exit_status),
            complete: !source.is_cut && !timeline.is_cut() && (header.is_none() || end.is_some()),
            timed: !matches!(source.clock, Clock::None | Clock::Reconstructed),
            wall_ns: totals.wall.map(Nanos::get),
            slots: (path.slots > 0 && path.slots_source != SlotsSource::Seen).then_some(path.slots),
            path_known: known,
            builder_phases: builder_phases(timeline, &totals),
            phases: past_phases(&totals),
            substituted: caches.substituted as u64,
            built_asked: caches
                .hit_rate
                .map(|_| caches.built.iter().filter(|it| it.is_asked).count() as u64),
            substituters: caches.substituters.iter().map(substituter).collect(),
            evaluation: evaluation(timeline),
            units,
        }
    }

    /// Returns the cache hit rate; `None` where no cache was asked for anything, or nobody knows.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 paths")]
    pub fn hit_rate(&self) -> Option<f64> {
        let all = self.substituted + self.built_asked?;
        (all > 0).then(|| self.substituted as f64 / all as f64)
    }

    /// Tells whether it can be compared with others: it is complete, has succeeded as far as anybody knows,
    /// and has times of its own.
    #[must_use]
    pub fn is_comparable(&self) -> bool {
        self.timed
            && self.complete
            && self.wall_ns.is_some()
            && self.exit_status.unwrap_or_default() == 0
    }

    /// Returns a phase; `None` where it did not occur.
    #[must_use]
    pub fn phase(&self, phase: Phase) -> Option<&PastPhase> {
        self.phases.iter().find(|it| it.phase == phase)
    }
}

fn past_phases(totals: &Phases) -> Vec<PastPhase> {
    let phases = totals.phases.iter().map(|phase| PastPhase {
        phase: phase.phase,
        wall_ns: phase.total.wall.map(Nanos::get),
        busy_ns: phase.total.busy.map(Nanos::get),
        work_ns: phase.total.work.map(Nanos::get),
        critical_ns: phase.total.critical.map(Nanos::get),
        units: phase.n_units as u64,
    });
    phases.collect()
}

fn builder_phases(timeline: &Timeline, totals: &Phases) -> Vec<PastBuilderPhase> {
    let phases = totals.builder_phases.iter().map(|phase| PastBuilderPhase {
        name: timeline.name(phase.name).to_owned(),
        work_ns: phase.work.map(Nanos::get),
        critical_ns: phase.critical.map(Nanos::get),
    });
    phases.collect()
}

fn substituter(cache: &super::cache::Substituter<'_>) -> PastSubstituter {
    PastSubstituter {
        uri: cache.uri.to_owned(),
        asked: cache.asked as u64,
        hit: cache.hit as u64,
        missed: cache.missed as u64,
        failed: cache.failures.values().sum::<usize>() as u64,
        paths: cache.downloads.paths as u64,
        bytes: cache.downloads.wire_bytes,
        unpacked_bytes: cache.downloads.unpacked_bytes,
        busy_ns: cache.downloads.busy.map(Nanos::get),
        latency_p50_ns: quantile(&cache.latencies, 50).map(Nanos::get),
    }
}

fn evaluation(timeline: &Timeline) -> PastEvaluation {
    let is_it = |unit: &&Unit| unit.kind == UnitKind::Evaluation;
    let at_work = timeline.units().iter().find(is_it).and_then(Unit::duration);
    let imports = timeline.imports();
    let blocked: Nanos = imports.iter().map(|import| import.interval.length()).sum();
    PastEvaluation {
        wall_ns: at_work.map(Nanos::get),
        blocked_ns: timeline.wall().map(|_| blocked.get()),
        blocked: imports.len() as u64,
    }
}

/// Tells whether units of a kind are kept.
const fn is_kept(kind: UnitKind) -> bool {
    matches!(
        kind,
        UnitKind::Build
            | UnitKind::SourceFetch
            | UnitKind::Substitution
            | UnitKind::InputFetch
            | UnitKind::SourceImport
            | UnitKind::Copy
    )
}

fn units(
    timeline: &Timeline,
    graph: &DerivationGraph,
    run: &RunGraph,
    path: Option<&CriticalPath>,
) -> Vec<PastUnit> {
    let on_path = path.map(CriticalPath::by_unit);
    let savings: HashMap<usize, Nanos> = match path {
        Some(_) => structural(run)
            .units
            .iter()
            .map(|it| (it.unit, it.saving))
            .collect(),
        None => HashMap::new(),
    };
    let mut places: Vec<usize> = (0..timeline.units().len())
        .filter(|&place| {
            let unit = &timeline.units()[place];
            unit.started && !unit.by_hook && is_kept(unit.kind)
        })
        .collect();
    places.sort_by_key(|&place| timeline.units()[place].start);
    let past = |place: usize| {
        let unit = &timeline.units()[place];
        let subject = timeline.name(unit.subject);
        let name = timeline.unit_name(unit);
        let node = graph.find(subject).map(|index| graph.node(index));
        let node = node.filter(|node| node.is_derivation() && node.is_known());
        let text = |name| timeline.name(name).to_owned();
        let duration = unit.duration();
        let critical = on_path
            .as_ref()
            .map(|on_path| on_path.get(&place).copied().unwrap_or_default());
        PastUnit {
            kind: unit.kind,
            pname: pname_of(name).to_owned(),
            name: name.to_owned(),
            system: node.map(|node| node.system.to_string()),
            outputs: node
                .map(|node| {
                    node.outputs
                        .iter()
                        .map(|output| output.name.to_string())
                        .collect()
                })
                .unwrap_or_default(),
            path: subject.to_owned(),
            machine: unit.machine.map(text),
            substituter: unit.source.map(text),
            bytes: unit.wire_bytes,
            unpacked_bytes: unit.nar_bytes,
            duration_ns: duration.map(Nanos::get),
            end: unit.end_kind,
            outcome: unit.outcome,
            critical_ns: critical.map(Nanos::get),
            saving_ns: savings.get(&place).map(|saving| saving.get()),
            builder_phases: unit
                .phases
                .iter()
                .map(|phase| (text(phase.name), phase.interval.map(|it| it.length().get())))
                .collect(),
        }
    };
    places.into_iter().map(past).collect()
}

/// Returns the system of most derivations.
fn most(units: &[PastUnit]) -> Option<String> {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for system in units.iter().filter_map(|unit| unit.system.as_deref()) {
        match counts.iter_mut().find(|(other, _)| *other == system) {
            Some((_, n)) => *n += 1,
            // Downloads are built by no machine.
            None if system != "builtin" => counts.push((system, 1)),
            None => {}
        }
    }
    let most = counts.into_iter().max_by_key(|&(_, n)| n)?;
    Some(most.0.to_owned())
}
