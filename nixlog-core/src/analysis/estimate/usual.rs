//! How long things usually take, from past runs.
//!
//! Durations are looked at as logarithms: a build takes half as long or twice as long, rarely a minute more or
//! less. What is expected of the next one is Student's t around the mean of what was seen, wider the less was
//! seen (the predictive distribution of a normal with unknown variance; Gelman and others, Bayesian Data
//! Analysis, §3.3). How far things of one version, versions of one package, and packages of one family differ is
//! learnt from the whole history, so that a thing seen once is not taken for certain. What was never seen takes
//! what one of its family takes, or one of all packages: those follow no formula, and one of them is drawn.

use std::collections::{BTreeMap, HashMap};

use crate::analysis::past_run::{PastRun, PastUnit};
use crate::names::named;
use crate::statistics::sample::median;
use crate::store_path::pname_of;
use crate::time::Nanos;
use crate::timeline::{End, Outcome, Phase, UnitKind};

named! {
    /// What an estimate rests on; each is wider than the one before.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Basis {
        /// The same package in the same version.
        SameVersion = "same-version",
        /// The same package in other versions.
        SamePackage = "same-package",
        /// Packages of the same family, or downloads in general by their size.
        Similar = "similar",
        /// All packages, or nothing.
        None = "none",
    }
}

/// How many things that vary as usual are added to those that were seen, so that few do not look certain.
const PRIOR: f64 = 4.0;

/// By how much things of one version, versions, and packages differ where the history does not tell: standard
/// deviations of natural logarithms.
const WITHIN: f64 = 0.15;
const VERSIONS: f64 = 0.35;
const PACKAGES: f64 = 1.2;

/// By how much the simulation of a whole run is off besides: the replay of recordings says some percent.
const MODEL: f64 = 0.04;

/// So many packages make a family.
const FAMILY: usize = 3;

/// So many others are enough to draw from.
const OTHERS: usize = 8;

/// So many samples with the same number of slots are enough to leave the others alone.
const SAME_SLOTS: usize = 3;

/// Downloads below this tell how long the shortest takes, those above how fast they are.
const SMALL: u64 = 64 * 1024;

/// What is expected of a duration: the logarithm of its seconds.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Expected {
    pub(super) mean: f64,
    pub(super) scale: f64,
    /// Of Student's t.
    pub(super) degrees: f64,
    pub(super) basis: Basis,
    /// How many were seen.
    pub(super) seen: usize,
    /// What others of its kind take, sorted, where there are enough to draw from them: they follow no formula.
    pub(super) others: Vec<f64>,
}

/// How long things usually take.
#[derive(Debug, Clone, Default)]
pub struct Usual {
    /// By kind and package: its versions.
    packages: HashMap<(UnitKind, String), Vec<Version>>,
    /// By kind and family: what each of its packages takes.
    families: HashMap<(UnitKind, String), Vec<f64>>,
    /// By kind: what each package takes.
    all: HashMap<UnitKind, Vec<f64>>,
    within: f64,
    versions: f64,
    /// By how much whole runs differ.
    runs: f64,
    downloads: Option<Downloads>,
    /// By run: its slots, and the time of Nix's own for each thing that it did, in seconds.
    steps: Vec<(Option<u32>, f64)>,
    n_runs: usize,
}

/// One version of a package.
#[derive(Debug, Clone)]
struct Version {
    name: String,
    system: Option<String>,
    samples: Vec<Sample>,
    bytes: Option<u64>,
}

#[derive(Debug, Clone, Copy)]
struct Sample {
    log: f64,
    run: usize,
    slots: Option<u32>,
}

/// How long downloads take by their size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Downloads {
    /// How long the smallest take, in seconds.
    pub(super) shortest: f64,
    /// Bytes per second of one download.
    pub(super) rate: f64,
    /// Bytes per second of all that run at once.
    pub(super) total_rate: f64,
    scale: f64,
    seen: usize,
}

impl Usual {
    /// Learns from past runs. What failed, and what nobody saw end, tells nothing.
    #[must_use]
    pub fn new<'a>(runs: impl IntoIterator<Item = &'a PastRun>) -> Self {
        Self::but_for(runs, |_| false)
    }

    /// The same, but for the units that are to be forgotten.
    pub(super) fn but_for<'a>(
        runs: impl IntoIterator<Item = &'a PastRun>,
        is_forgotten: impl Fn(&PastUnit) -> bool,
    ) -> Self {
        let mut usual = Self::default();
        let (mut transfers, mut rates) = (Vec::new(), Vec::new());
        for (number, run) in runs.into_iter().filter(|run| run.timed).enumerate() {
            usual.n_runs = number + 1;
            let units = run.units.iter().filter(|unit| is_whole(unit));
            for unit in units.filter(|unit| !is_forgotten(unit)) {
                if let Some(seconds) = seconds(unit.duration_ns) {
                    usual.add(unit, seconds, number, run.slots);
                    if let Some(bytes) = unit.bytes.filter(|_| unit.kind == UnitKind::Substitution)
                    {
                        transfers.push((bytes, seconds));
                    }
                }
            }
            let waiting = run.phase(Phase::Waiting);
            let waiting = waiting.and_then(|it| seconds(it.wall_ns));
            if let Some(waiting) = waiting.filter(|_| !run.units.is_empty()) {
                let step = waiting / float(run.units.len());
                usual.steps.push((run.slots, step));
            }
            for cache in &run.substituters {
                if let Some((bytes, busy)) = cache.bytes.zip(seconds(cache.busy_ns)) {
                    rates.push(float64(bytes) / busy);
                }
            }
        }
        usual.downloads = downloads(&transfers, &rates);
        usual.spreads();
        usual
    }

    fn add(&mut self, unit: &PastUnit, seconds: f64, run: usize, slots: Option<u32>) {
        let versions = self
            .packages
            .entry((unit.kind, unit.pname.clone()))
            .or_default();
        let mut known = versions.iter_mut();
        let known = known.find(|it| it.name == unit.name && it.system == unit.system);
        let sample = Sample {
            log: seconds.ln(),
            run,
            slots,
        };
        match known {
            Some(version) => {
                version.samples.push(sample);
                version.bytes = unit.bytes.or(version.bytes);
            }
            None => versions.push(Version {
                name: unit.name.clone(),
                system: unit.system.clone(),
                samples: vec![sample],
                bytes: unit.bytes,
            }),
        }
    }

    /// Learns by how much things differ.
    fn spreads(&mut self) {
        let (mut within, mut versions) = (Spread::default(), Spread::default());
        // By how much each run is off, over all that it did.
        let mut off: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
        for ((kind, pname), all) in &self.packages {
            let means: Vec<f64> = all.iter().map(Version::mean).collect();
            versions.add(&means);
            for version in all {
                let logs: Vec<f64> = version.samples.iter().map(|it| it.log).collect();
                within.add(&logs);
                if logs.len() > 1 {
                    let mean = version.mean();
                    for sample in &version.samples {
                        off.entry(sample.run).or_default().push(sample.log - mean);
                    }
                }
            }
            let Some(usual) = mean(&means) else { continue };
            self.all.entry(*kind).or_default().push(usual);
            for version in all.iter().take(1) {
                if let Some(family) = family(&version.name, pname) {
                    let family = self.families.entry((*kind, family)).or_default();
                    family.push(usual);
                }
            }
        }
        self.within = within.deviation(WITHIN);
        self.versions = versions.deviation(VERSIONS);
        // What all of a run have in common: how far the means of runs are apart, less what is chance.
        let means: Vec<(f64, usize)> = off
            .values()
            .filter_map(|all| Some((mean(all)?, all.len())))
            .collect();
        let mut runs = Spread::default();
        runs.add(&means.iter().map(|(mean, _)| *mean).collect::<Vec<_>>());
        let chance = means.iter().map(|&(_, n)| self.within.powi(2) / float(n));
        let chance = mean(&chance.collect::<Vec<_>>()).unwrap_or(0.0);
        self.runs = (runs.variance() - chance).max(0.0).sqrt().min(self.within);
        for list in self.families.values_mut().chain(self.all.values_mut()) {
            list.sort_by(f64::total_cmp);
        }
    }

    /// Returns how many runs it was learnt from.
    #[must_use]
    pub fn n_runs(&self) -> usize {
        self.n_runs
    }

    /// Returns the time of Nix's own for each thing that it does, in seconds: on as many slots, if that was seen.
    pub(super) fn step(&self, slots: u32) -> f64 {
        let of = |alike: bool| {
            let steps = self.steps.iter();
            let steps = steps.filter(|(seen, _)| !alike || *seen == Some(slots));
            let steps: Vec<f64> = steps.map(|&(_, step)| step).collect();
            median(&steps)
        };
        of(true).or_else(|| of(false)).unwrap_or(0.0)
    }

    /// Returns by how much whole runs differ from what is simulated.
    pub(super) fn runs_differ(&self) -> f64 {
        self.runs.hypot(MODEL)
    }

    pub(super) fn downloads(&self) -> Option<Downloads> {
        self.downloads
    }

    /// Returns how many bytes a download had, in the same version or else in another one.
    pub(super) fn bytes(&self, kind: UnitKind, name: &str, pname: &str) -> Option<u64> {
        let versions = self.packages.get(&(kind, pname.to_owned()))?;
        let same = versions.iter().find(|it| it.name == name);
        let all = same.into_iter().chain(versions.iter().rev());
        all.filter_map(|version| version.bytes).next()
    }

    /// Returns how long a package usually takes, by its name with version; `None` where it was never seen.
    #[must_use]
    pub fn typical(&self, kind: UnitKind, name: &str) -> Option<Nanos> {
        let expected = self.expected(kind, name, pname_of(name), None, None)?;
        matches!(expected.basis, Basis::SameVersion | Basis::SamePackage)
            .then(|| Nanos::new(nanos(expected.mean.exp())))
    }

    /// Returns what is expected of a build; `None` where no build was ever seen. `slots`: on how many at once.
    pub(super) fn expected(
        &self,
        kind: UnitKind,
        name: &str,
        pname: &str,
        system: Option<&str>,
        slots: Option<u32>,
    ) -> Option<Expected> {
        let of = |version: &&Version| match (version.system.as_deref(), system) {
            (Some(is), Some(wanted)) => is == wanted,
            _ => true,
        };
        // A download of a source is told from a build by its derivation, which not every past run had.
        let kinds = match kind {
            UnitKind::Build => [kind, UnitKind::SourceFetch],
            _ => [kind, UnitKind::Build],
        };
        let known = kinds.iter();
        let known = known.filter_map(|&kind| self.packages.get(&(kind, pname.to_owned())));
        let known = known.take(1).flatten();
        let known: Vec<&Version> = known.collect();
        let here: Vec<&Version> = known.iter().copied().filter(of).collect();
        let same: Vec<&Version> = here.iter().copied().filter(|it| it.name == name).collect();
        if !same.is_empty() {
            let samples: Vec<Sample> = same.iter().flat_map(|it| &it.samples).copied().collect();
            let alike = samples
                .iter()
                .filter(|it| it.slots == slots && slots.is_some());
            let alike: Vec<f64> = alike.map(|it| it.log).collect();
            let logs = match alike.len() {
                n if n >= SAME_SLOTS => alike,
                _ => samples.iter().map(|it| it.log).collect(),
            };
            // What whole runs differ by comes on top, for all of a run at once.
            let own = (self.within.powi(2) - self.runs.powi(2)).max(1e-8);
            return predicted(&logs, own.sqrt(), 0.0, Basis::SameVersion);
        }
        let versions = if here.is_empty() { known } else { here };
        let means: Vec<f64> = versions.iter().map(|version| version.mean()).collect();
        if !means.is_empty() {
            return predicted(&means, self.versions, self.within, Basis::SamePackage);
        }
        let more = (self.within.powi(2) + self.versions.powi(2)).sqrt();
        let family = family(name, pname).and_then(|it| self.families.get(&(kind, it)));
        if let Some(family) = family.filter(|family| family.len() >= FAMILY) {
            return among(family, PACKAGES / 2.0, more, Basis::Similar);
        }
        let all = kinds.iter().find_map(|kind| self.all.get(kind))?;
        among(all, PACKAGES, more, Basis::None)
    }
}

impl Version {
    fn mean(&self) -> f64 {
        let logs: Vec<f64> = self.samples.iter().map(|it| it.log).collect();
        centre(&logs)
    }
}

impl Downloads {
    /// Returns what is expected of a download of so many bytes.
    pub(super) fn expected(self, bytes: f64, basis: Basis) -> Expected {
        Expected {
            mean: (self.shortest + bytes / self.rate).ln(),
            scale: self.scale,
            degrees: PRIOR + float(self.seen),
            basis,
            seen: self.seen,
            others: Vec::new(),
        }
    }
}

/// Returns what is expected of the next one after these, where such things usually differ by so much, and
/// something else comes on top; `None` after none.
fn predicted(seen: &[f64], usual: f64, more: f64, basis: Basis) -> Option<Expected> {
    let n = float(seen.len());
    let mean = (!seen.is_empty()).then(|| centre(seen))?;
    let squares: f64 = seen.iter().map(|log| (log - mean).powi(2)).sum();
    let variance = (PRIOR * usual.powi(2) + squares) / (PRIOR + n - 1.0);
    Some(Expected {
        mean,
        scale: (variance * (1.0 + 1.0 / n) + more.powi(2)).sqrt(),
        degrees: PRIOR + n - 1.0,
        basis,
        seen: seen.len(),
        others: Vec::new(),
    })
}

/// The same for one of which only others of its kind were seen.
fn among(others: &[f64], usual: f64, more: f64, basis: Basis) -> Option<Expected> {
    let mut expected = predicted(others, usual, more, basis)?;
    if others.len() >= OTHERS {
        expected.others = others.to_vec();
        expected.scale = more;
    }
    Some(expected)
}

/// Returns the mean, or where there are enough the median: one slow day does not move it.
fn centre(logs: &[f64]) -> f64 {
    match logs.len() {
        0..5 => mean(logs).unwrap_or(0.0),
        _ => median(logs).unwrap_or(0.0),
    }
}

/// Sums of squares over several groups.
#[derive(Debug, Default)]
struct Spread {
    squares: f64,
    degrees: f64,
}

impl Spread {
    fn add(&mut self, group: &[f64]) {
        let Some(mean) = mean(group) else { return };
        self.squares += group.iter().map(|it| (it - mean).powi(2)).sum::<f64>();
        self.degrees += float(group.len() - 1);
    }

    fn variance(&self) -> f64 {
        match self.degrees > 0.0 {
            true => self.squares / self.degrees,
            false => 0.0,
        }
    }

    /// Returns the standard deviation, with as much of the usual one as few groups leave room for.
    fn deviation(&self, usual: f64) -> f64 {
        let squares = self.squares + PRIOR * usual.powi(2);
        (squares / (self.degrees + PRIOR)).sqrt()
    }
}

/// Learns how long downloads take.
fn downloads(transfers: &[(u64, f64)], rates: &[f64]) -> Option<Downloads> {
    let small = transfers.iter().filter(|(bytes, _)| *bytes < SMALL);
    let small: Vec<f64> = small.map(|&(_, seconds)| seconds).collect();
    let shortest = transfers.iter().map(|&(_, seconds)| seconds);
    let shortest = shortest.fold(f64::INFINITY, f64::min);
    let shortest = median(&small).unwrap_or(shortest);
    let large = transfers.iter().filter(|(bytes, _)| *bytes >= SMALL);
    let each: Vec<f64> = large
        .map(|&(bytes, seconds)| float64(bytes) / (seconds - shortest).max(seconds / 10.0))
        .collect();
    // Where only small ones were seen, they say how fast it is at least.
    let rate = median(&each).or_else(|| {
        let mut all: Vec<f64> = transfers
            .iter()
            .map(|&(bytes, seconds)| float64(bytes.max(1)) / seconds)
            .collect();
        all.sort_by(f64::total_cmp);
        all.last().copied()
    })?;
    let mut off = Spread::default();
    let logs: Vec<f64> = transfers
        .iter()
        .map(|&(bytes, seconds)| (seconds / (shortest + float64(bytes) / rate)).ln())
        .collect();
    off.add(&logs);
    Some(Downloads {
        shortest,
        rate,
        total_rate: median(rates).unwrap_or(rate).max(rate),
        scale: off.deviation(VERSIONS),
        seen: transfers.len(),
    })
}

/// Tells whether a unit tells how long such a thing takes.
fn is_whole(unit: &PastUnit) -> bool {
    matches!(unit.outcome, Outcome::Succeeded | Outcome::Unknown) && unit.end != End::Open
}

/// Returns what packages of one family have in common: the ending of a file, or the first word of the name
/// without its numbers: `python3.12-requests` is one of `python`. A name of one word is in no family.
fn family(name: &str, pname: &str) -> Option<String> {
    if let Some((_, ending)) = name.rsplit_once('.')
        && (1..9).contains(&ending.len())
        && ending.bytes().all(|byte| byte.is_ascii_alphabetic())
    {
        return Some(format!(".{ending}"));
    }
    let (first, _) = pname.split_once('-')?;
    let letters = first.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    (!letters.is_empty()).then(|| letters.to_owned())
}

fn seconds(nanos: Option<u64>) -> Option<f64> {
    let nanos = nanos?;
    // What is too short to be measured takes a microsecond.
    Some(float64(nanos.max(1000)) / 1e9)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` saturates"
)]
pub(super) fn nanos(seconds: f64) -> u64 {
    (seconds * 1e9) as u64
}

#[expect(
    clippy::cast_precision_loss,
    reason = "an estimate needs no more than 52 bits"
)]
pub(super) fn float(n: usize) -> f64 {
    n as f64
}

#[expect(
    clippy::cast_precision_loss,
    reason = "an estimate needs no more than 52 bits"
)]
pub(super) fn float64(n: u64) -> f64 {
    n as f64
}

/// Returns the value that such a share of sorted ones is below; `None` of none.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "from 0 to the number of values"
)]
pub(super) fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    sorted.get((share * float(sorted.len())) as usize).copied()
}

fn mean(all: &[f64]) -> Option<f64> {
    (!all.is_empty()).then(|| all.iter().sum::<f64>() / float(all.len()))
}
