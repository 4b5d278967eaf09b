//! `compare`: two sides of runs, what became slower, and whether that is more than chance.

mod layout;

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;

use super::eval_compare::EvalCompareResult;
use super::rebuilds::RebuildsResult;
use crate::analysis::comparison::{Comparison, LoneUnit, UnitChange};
use crate::analysis::measures::{Measure, MeasureUnit};
use crate::analysis::past_run::{PastRun, PastUnit};
use crate::report::document::Document;
use crate::report::envelope::{Answer, Report};
use crate::report::measured::{DifferenceView, SideView};
use crate::report::table::{Names, limit};
use crate::timeline::UnitKind;

/// The result of `compare`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct CompareResult {
    /// The two sides: what there was, and what there is.
    pub sides: Vec<SideView>,
    /// Numbers of whole runs: wall time, phases, the critical path, the cache.
    pub measures: Vec<MeasureView>,
    /// How many units both sides have, listed or not.
    pub total_units: usize,
    /// What both sides have: first where there is a difference, the largest first.
    pub units: Vec<UnitChangeView>,
    /// How many units only the second side has, listed or not.
    pub total_new: usize,
    /// What only the second side has, the longest first.
    pub new: Vec<LoneUnitView>,
    /// How many units only the first side has, listed or not.
    pub total_gone: usize,
    /// What only the first side has, the longest first.
    pub gone: Vec<LoneUnitView>,
    /// What units were matched by; never by hash.
    pub matched_by: Vec<&'static str>,
    /// How many packages have several units of one kind, and not equally many in all runs: which of them is which
    /// is told by their order.
    pub uneven: usize,
    /// The least p that so many runs can have.
    pub least_p: f64,
    /// How many more runs of each side it takes before any difference can count at 5 %.
    pub more_needed: MoreNeeded,
    /// What else differs between the sides: machine, system, Nix, project, slots.
    pub context: Vec<ContextView>,
    /// Why the newest run of the second side built what it built, and that of the first did not; `null` where
    /// one of their recordings is gone.
    pub rebuilds: Option<RebuildsResult>,
    /// What differs between the evaluations, of two folders of `nixlog profile`; `null` for all else.
    pub evaluation: Option<EvalCompareResult>,
}

/// How many more runs each side needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct MoreNeeded {
    /// Of the first side.
    pub a: usize,
    /// Of the second side.
    pub b: usize,
}

/// A number of whole runs.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct MeasureView {
    /// Which: `wall`, a phase, `critical-` and a phase, `evaluator`, `hit-rate`, `downloaded`, `built`,
    /// `substituted`.
    pub name: String,
    /// Which, for the layout.
    #[serde(skip)]
    pub measure: Measure,
    /// What it counts.
    pub unit: MeasureUnit,
    /// How it differs.
    #[serde(flatten)]
    pub of: DifferenceView,
}

/// A unit that both sides have.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct UnitChangeView {
    /// The unit, as it is on the second side.
    pub unit: PastUnitView,
    /// What it was called on the first side, where that is something else: another version.
    pub was: Option<String>,
    /// Its derivation or store path is another one than on the first side.
    pub changed: bool,
    /// How its durations differ, in nanoseconds. The p is corrected for how many units are compared (Benjamini and
    /// Hochberg).
    #[serde(flatten)]
    pub of: DifferenceView,
    /// By how much more of the critical path lies in it; `null` where the path is not known of a side.
    pub critical_difference_ns: Option<i64>,
}

/// A unit that only one side has.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct LoneUnitView {
    /// The unit.
    pub unit: PastUnitView,
    /// In how many runs of its side it is.
    pub runs: usize,
    /// The median of its durations.
    pub duration_ns: Option<u64>,
    /// The median of how much of the critical path lies in it.
    pub critical_ns: Option<u64>,
    /// What the other side did with the same package in its place: fetched what is built here.
    pub otherwise: Option<UnitKind>,
}

/// A unit of a run of which no log is at hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct PastUnitView {
    /// What kind of thing.
    pub kind: UnitKind,
    /// Its name without hash.
    pub name: String,
    /// The name without version.
    pub pname: String,
    /// The `.drv`, the store path, the address.
    pub path: String,
    /// The system of its derivation, where that is known.
    pub system: Option<String>,
    /// The outputs of its derivation; empty where they are not known.
    pub outputs: Vec<String>,
}

impl PastUnitView {
    /// Makes a unit readable.
    #[must_use]
    pub fn new(unit: &PastUnit) -> Self {
        Self {
            kind: unit.kind,
            name: unit.name.clone(),
            pname: unit.pname.clone(),
            path: unit.path.clone(),
            system: unit.system.clone(),
            outputs: unit.outputs.clone(),
        }
    }
}

/// Something about the runs that is not the same on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct ContextView {
    /// What: `host`, `system`, `nix`, `project`, `slots`.
    pub what: &'static str,
    /// What it is on the first side; several where its runs differ.
    pub a: Vec<String>,
    /// What it is on the second side.
    pub b: Vec<String>,
}

impl Answer for CompareResult {
    const SCHEMA: &'static str = "nixlog.compare/1";
    type From = ();
    type Options = Names;

    fn document(report: &Report<Self, ()>, names: &Names) -> Document {
        layout::document(report, *names)
    }
}

/// Some runs, and what they are called.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Side<'a> {
    /// What was asked for.
    pub name: &'a str,
    /// The runs.
    pub runs: &'a [PastRun],
}

impl<'a> Side<'a> {
    /// Makes a side.
    #[must_use]
    pub const fn new(name: &'a str, runs: &'a [PastRun]) -> Self {
        Self { name, runs }
    }
}

/// Makes the result of `compare`. `wanted` chooses among the units, of which `top` are listed; 0 for all.
#[must_use]
pub fn result(
    sides: [Side<'_>; 2],
    comparison: &Comparison<'_>,
    top: usize,
    wanted: impl Fn(&PastUnit) -> bool,
) -> CompareResult {
    let [a, b] = sides;
    let measures = comparison.measures.iter().map(|it| MeasureView {
        name: it.measure.name(),
        measure: it.measure,
        unit: it.measure.unit(),
        of: DifferenceView::new(&it.difference, it.measure.unit()),
    });
    let units = comparison.units.iter();
    let units: Vec<&UnitChange<'_>> = units.filter(|it| wanted(it.after)).collect();
    let (total_new, new) = lone(&comparison.new, top, &wanted);
    let (total_gone, gone) = lone(&comparison.gone, top, &wanted);
    let most = limit(top, units.len());
    let (more_a, more_b) = comparison.more_needed;
    CompareResult {
        sides: vec![SideView::new(a.name, a.runs), SideView::new(b.name, b.runs)],
        measures: measures.collect(),
        total_units: units.len(),
        units: units[..most].iter().map(|it| change(it)).collect(),
        total_new,
        new,
        total_gone,
        gone,
        matched_by: match comparison.by_outputs {
            true => vec!["kind", "pname", "system", "outputs"],
            false => vec!["kind", "pname"],
        },
        uneven: comparison.uneven,
        least_p: comparison.least_p,
        more_needed: MoreNeeded {
            a: more_a,
            b: more_b,
        },
        context: context(a.runs, b.runs),
        rebuilds: None,
        evaluation: None,
    }
}

fn change(it: &UnitChange<'_>) -> UnitChangeView {
    let was = (it.before.name != it.after.name).then(|| it.before.name.clone());
    UnitChangeView {
        unit: PastUnitView::new(it.after),
        was,
        changed: it.is_changed,
        of: DifferenceView::new(&it.difference, MeasureUnit::Nanoseconds),
        critical_difference_ns: it.critical.map(whole),
    }
}

fn lone(
    all: &[LoneUnit<'_>],
    top: usize,
    wanted: impl Fn(&PastUnit) -> bool,
) -> (usize, Vec<LoneUnitView>) {
    let all: Vec<_> = all.iter().filter(|it| wanted(it.unit)).collect();
    let view = |it: &&LoneUnit<'_>| LoneUnitView {
        unit: PastUnitView::new(it.unit),
        runs: it.runs,
        duration_ns: it.duration.map(|nanos| whole(nanos).unsigned_abs()),
        critical_ns: it.critical.map(|nanos| whole(nanos).unsigned_abs()),
        otherwise: it.otherwise,
    };
    let listed = all[..limit(top, all.len())].iter().map(view).collect();
    (all.len(), listed)
}

#[expect(clippy::cast_possible_truncation, reason = "`as` saturates")]
const fn whole(nanos: f64) -> i64 {
    nanos.round() as i64
}

/// Finds out what else is not the same on both sides.
fn context(a: &[PastRun], b: &[PastRun]) -> Vec<ContextView> {
    type Of = fn(&PastRun) -> Option<String>;
    let all: [(&'static str, Of); 5] = [
        ("project", |run| run.project.clone()),
        ("host", |run| run.host.clone()),
        ("system", |run| run.system.clone()),
        ("nix", |run| run.nix_version.clone()),
        ("slots", |run| run.slots.map(|slots| slots.to_string())),
    ];
    let differing = all.into_iter().filter_map(|(what, of)| {
        let known = |runs: &[PastRun]| -> BTreeSet<String> { runs.iter().filter_map(of).collect() };
        let (a, b) = (known(a), known(b));
        // What is not known of a side may well be the same.
        let differs = !a.is_empty() && !b.is_empty() && a != b;
        differs.then(|| ContextView {
            what,
            a: a.into_iter().collect(),
            b: b.into_iter().collect(),
        })
    });
    differing.collect()
}
