//! What the verbs that estimate a build beforehand have in common: ranges, and what they rest on.

use schemars::JsonSchema;
use serde::Serialize;

use super::format::{bytes, count, duration, harmless, percent, plural};
use super::table::{Cell, Columns, Names, Table, limit, plain};
use crate::analysis::estimate::{Basis, Estimate, Plan, Range, UnitEstimate};
use crate::names::named;
use crate::store_path::pname_of;
use crate::timeline::UnitKind;

/// A share of the uncertainty below this is not worth a word.
const WORTH_TELLING: f64 = 0.25;

/// How long something will take that has not begun.
#[derive(Debug, Clone, PartialEq, Default, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct EstimateView {
    /// One run of ten takes less; `null` where nobody knows anything of how long builds take.
    pub p10_ns: Option<u64>,
    /// Half of all runs take less. After evaluation, from the first start to the last end.
    pub p50_ns: Option<u64>,
    /// One run of ten takes more.
    pub p90_ns: Option<u64>,
    /// The sum of all durations, of which half of all runs take less.
    pub work_ns: Option<u64>,
    /// How many derivations are to be built, downloads of sources among them.
    pub builds: usize,
    /// How many of these nobody knows what they need: they are estimated as if they waited for nothing.
    pub builds_without_derivation: usize,
    /// How many store paths are to be fetched.
    pub fetches: usize,
    /// Bytes to download; `null` where Nix did not say so and nobody has seen all of them.
    pub download_bytes: Option<u64>,
    /// Bytes unpacked.
    pub unpacked_bytes: Option<u64>,
    /// How many of what is to be fetched nobody knows how long it takes: it counts as nothing.
    pub fetches_without_estimate: usize,
    /// Build slots; `null` where nothing is planned.
    pub slots: Option<u32>,
    /// Where their number comes from.
    pub slots_source: Option<PlannedSlots>,
    /// How many past runs it is estimated from.
    pub runs: usize,
    /// How many runs were simulated.
    pub samples: u32,
    /// How many are to be built or fetched, listed or not.
    pub total_units: usize,
    /// What is to be done; what takes longest first.
    pub units: Vec<UnitEstimateView>,
}

named! {
    /// Where the number of build slots comes from, before anything is built.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum PlannedSlots {
        /// Somebody said so.
        Given = "given",
        /// Nix is set to it.
        Settings = "settings",
        /// As many as there are processors.
        Cores = "cores",
    }
}

/// How long one thing will take.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct UnitEstimateView {
    /// A build, a source fetch or a substitution.
    pub kind: UnitKind,
    /// Its name without hash.
    pub name: String,
    /// The name without version.
    pub pname: String,
    /// The base name of its `.drv`, or of its store path.
    pub path: String,
    /// One of ten takes less; `null` where nothing of its kind was ever seen.
    pub p10_ns: Option<u64>,
    /// Half of them take less.
    pub p50_ns: Option<u64>,
    /// One of ten takes more.
    pub p90_ns: Option<u64>,
    /// What that rests on: `same-version`, `same-package`, `similar`, `none`.
    pub basis: Basis,
    /// How many of that were seen.
    pub seen: usize,
    /// In which share of the simulated runs it held up the end.
    pub on_path: f64,
    /// Which share of the variance of the whole would go if its duration were known; `null` where it was not
    /// looked at.
    pub uncertainty: Option<f64>,
}

impl EstimateView {
    /// Puts what was estimated in the order in which people look for it; so many units, or all for 0.
    #[must_use]
    pub fn new(plan: &Plan, estimate: &Estimate, top: usize) -> Self {
        let range = |range: Option<Range>| match range {
            Some(range) => [range.p10, range.p50, range.p90].map(|it| Some(it.get())),
            None => [None; 3],
        };
        let [p10_ns, p50_ns, p90_ns] = range(estimate.makespan);
        let view = |it: &UnitEstimate| {
            let task = plan.task(it.node)?;
            let [p10_ns, p50_ns, p90_ns] = range(it.range);
            Some(UnitEstimateView {
                kind: task.kind,
                pname: pname_of(&task.name).to_owned(),
                name: task.name.clone(),
                path: task.path.clone(),
                p10_ns,
                p50_ns,
                p90_ns,
                basis: it.basis,
                seen: it.seen,
                on_path: it.on_path,
                uncertainty: it.uncertainty,
            })
        };
        let mut units: Vec<UnitEstimateView> = estimate.units.iter().filter_map(view).collect();
        units.sort_by(|a, b| b.p50_ns.cmp(&a.p50_ns).then_with(|| a.name.cmp(&b.name)));
        let is_fetch = |it: &&UnitEstimateView| it.kind == UnitKind::Substitution;
        let fetches = units.iter().filter(is_fetch);
        let [_, work_ns, _] = range(estimate.work);
        let mut view = Self {
            p10_ns,
            p50_ns,
            p90_ns,
            work_ns,
            builds: plan.count(UnitKind::is_derivation),
            builds_without_derivation: plan.unknown,
            fetches: fetches.clone().count(),
            download_bytes: estimate.download_bytes,
            unpacked_bytes: plan.unpacked_bytes,
            fetches_without_estimate: fetches.filter(|it| it.p50_ns.is_none()).count(),
            total_units: units.len(),
            ..Self::default()
        };
        units.truncate(limit(top, units.len()));
        view.units = units;
        view
    }

    /// Returns it with what it was made with.
    #[must_use]
    pub const fn with(
        mut self,
        slots: u32,
        slots_source: PlannedSlots,
        runs: usize,
        samples: u32,
    ) -> Self {
        self.slots = Some(slots);
        self.slots_source = Some(slots_source);
        self.runs = runs;
        self.samples = samples;
        self
    }

    /// Says in few words how long it takes: `about 14m (11m–21m)`; `None` where nobody knows.
    #[must_use]
    pub fn in_short(&self) -> Option<String> {
        let ((p10, p50), p90) = self.p10_ns.zip(self.p50_ns).zip(self.p90_ns)?;
        Some(format!(
            "about {} ({}–{})",
            duration(p50),
            duration(p10),
            duration(p90)
        ))
    }

    /// Says what is to be done: `12 builds, 30 paths to fetch (1.20 GiB)`.
    pub(super) fn to_do(&self) -> String {
        let mut parts = Vec::new();
        if self.builds > 0 {
            parts.push(plural(self.builds as u64, "build"));
        }
        if self.fetches > 0 {
            let size = self.download_bytes.map(|it| format!(" ({})", bytes(it)));
            let paths = plural(self.fetches as u64, "path");
            parts.push(format!("{paths} to fetch{}", size.unwrap_or_default()));
        }
        match parts.is_empty() {
            true => "nothing to build or fetch".to_owned(),
            false => parts.join(", "),
        }
    }

    /// Says what the numbers rest on.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut said = Vec::new();
        let source = match self.slots_source {
            Some(PlannedSlots::Settings) => "as Nix is set",
            Some(PlannedSlots::Cores) => "one for each processor",
            Some(PlannedSlots::Given) | None => "as given",
        };
        if self.p50_ns.is_some() {
            let runs = plural(self.runs as u64, "past run");
            let slots = plural(u64::from(self.slots.unwrap_or(0)), "build slot");
            let samples = count(u64::from(self.samples));
            said.push(format!(
                "estimated from {runs}: {samples} simulated on {slots} ({source}); eight of ten are in the range. Evaluation and questions to caches come before it"
            ));
        } else if self.builds > 0 {
            said.push(
                "no past run tells how long builds take: record some with `nixlog run`".to_owned(),
            );
        }
        if self.builds_without_derivation > 0 && self.builds > 1 {
            let builds = plural(self.builds_without_derivation as u64, "build");
            said.push(format!(
                "{builds} without a derivation: what they wait for is not known, and it may take longer"
            ));
        }
        if self.fetches_without_estimate > 0 {
            let paths = plural(self.fetches_without_estimate as u64, "path");
            said.push(format!(
                "how fast downloads are is not known: {paths} to fetch count as nothing"
            ));
        }
        let mut units: Vec<&UnitEstimateView> = self.units.iter().collect();
        units.sort_by(|a, b| {
            b.uncertainty
                .unwrap_or(0.0)
                .total_cmp(&a.uncertainty.unwrap_or(0.0))
        });
        if let Some((unit, share)) = units
            .first()
            .and_then(|unit| Some((unit, unit.uncertainty?)))
            .filter(|&(_, share)| share >= WORTH_TELLING)
        {
            let name = harmless(&unit.name);
            let seen = match (unit.basis, unit.seen) {
                (Basis::SameVersion, 1) => "seen once".to_owned(),
                (Basis::SameVersion, n) => format!("seen {n} times"),
                (Basis::SamePackage, _) => "seen in other versions only".to_owned(),
                (Basis::Similar, n) => format!("never seen; a guess from {n} similar ones"),
                (Basis::None, n) => format!("never seen; a guess from all {n} packages"),
            };
            said.push(format!(
                "{} of the uncertainty is {name} ({seen})",
                percent(share)
            ));
        }
        said
    }

    /// Makes the table of what is to be done.
    pub(super) fn table(&self, names: Names) -> Table {
        let mut columns = Columns::<&UnitEstimateView>::new();
        columns.names(names, "name", |it| (&*it.name, &*it.path));
        columns
            .text("kind", "kind", |it| Cell::text(it.kind.name()))
            .rank(1);
        columns.number("p50_ns", "about", |it| Cell::nanos(it.p50_ns));
        columns
            .number("p10_ns", "from", |it| Cell::nanos(it.p10_ns))
            .rank(1);
        columns.number("p90_ns", "to", |it| Cell::nanos(it.p90_ns));
        columns.text("basis", "from what", |it| Cell::text(it.basis.name()));
        columns
            .number("seen", "seen", |it| Cell::number(it.seen))
            .rank(2);
        columns
            .number("on_path", "on the path", |it| Cell::Share(it.on_path))
            .rank(1);
        columns
            .number("uncertainty", "uncertainty", |it| {
                Cell::share(it.uncertainty)
            })
            .rank(3);
        Table::new(columns, &self.units, plain).legend([
            (
                "on_path",
                "in how many of the simulated runs it held up the end",
            ),
            (
                "uncertainty",
                "share of the variance that would go if it were known",
            ),
        ])
    }
}
