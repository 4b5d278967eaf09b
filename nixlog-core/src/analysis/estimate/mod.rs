//! How long a build will take, before it begins.
//!
//! What is to be done is simulated many times on the slots that there are, each time with other durations, drawn
//! from what was seen in past runs. What lies between the tenth and the ninetieth of a hundred such runs is the
//! range. The same plan and the same history give the same numbers.
//!
//! ```text
//! history ──► usual durations ─┐
//! dry run, derivations ──► plan ┴──► 500 simulated runs ──► P10 P50 P90
//! ```

mod backtest;
mod plan;
mod random;
#[cfg(test)]
mod tests;
mod usual;

use std::collections::HashMap;

use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};

pub use self::backtest::{Backtest, Case, backtest};
pub use self::plan::{Plan, Planned};
pub use self::usual::{Basis, Usual};
use self::usual::{Expected, float, float64};
use super::simulation::{self, Pool, Task, simulate};
use crate::time::Nanos;
use crate::timeline::UnitKind;

/// What stands for the run as a whole, where each thing has its number.
const RUN: u32 = u32::MAX;

/// So many deviations from what is expected are drawn at most.
const FARTHEST: f64 = 2.5;

/// So often a duration is drawn for what has already run for some time, and that far apart.
const TRIES: u32 = 8;
const AGAIN: u32 = 100_003;

/// So many simulated tasks are worth it to find out what is uncertain.
const EFFORT: usize = 4_000_000;

/// So many things are looked at for that.
const MOST: usize = 20;

/// On what, and how thoroughly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// Builds at once.
    pub slots: u32,
    /// Substitutions at once.
    pub substitution_slots: u32,
    /// How many runs are simulated.
    pub samples: u32,
    /// Another number gives other runs.
    pub seed: u64,
    /// Find out what is uncertain, too: it takes most of the time.
    pub attribute: bool,
}

impl Options {
    /// Builds on so many slots, with 16 for substitutions as Nix has by itself.
    #[must_use]
    pub const fn new(slots: u32) -> Self {
        Self {
            slots,
            substitution_slots: 16,
            samples: 500,
            seed: 1,
            attribute: true,
        }
    }
}

/// A range: nine of ten are below the last, and one of ten is below the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Range {
    /// One of ten is shorter.
    pub p10: Nanos,
    /// Half of them are shorter.
    pub p50: Nanos,
    /// One of ten is longer.
    pub p90: Nanos,
}

/// How long it will take.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Estimate {
    /// From the first start to the last end, after evaluation; `None` where nobody knows anything of how long
    /// builds take, or there is nothing to do.
    pub makespan: Option<Range>,
    /// The sum of all durations.
    pub work: Option<Range>,
    /// What is to be done, one by one, in the order of the plan.
    pub units: Vec<UnitEstimate>,
    /// Bytes to download: as Nix said, else as they were in the past, where all were.
    pub download_bytes: Option<u64>,
}

/// How long one thing will take.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct UnitEstimate {
    /// Its node in the plan.
    pub node: u32,
    /// How long; `None` where nothing of its kind was ever seen.
    pub range: Option<Range>,
    /// What that rests on.
    pub basis: Basis,
    /// How many of that were seen.
    pub seen: usize,
    /// In which share of the simulated runs it is on the chain that explains the makespan.
    pub on_path: f64,
    /// Which share of the variance of the makespan would go if its duration were known; `None` where it was not
    /// looked at.
    pub uncertainty: Option<f64>,
}

/// Estimates how long it takes to do what is planned. Takes O(s · (n + m) log n) for s samples.
#[must_use]
pub fn estimate(plan: &Plan, usual: &Usual, options: &Options) -> Estimate {
    let model = Model::new(plan, usual, options);
    let n_tasks = plan.tasks().count();
    let is_unknown = plan
        .tasks()
        .any(|(node, task)| task.kind != UnitKind::Substitution && model.of(node).is_none());
    let samples: Vec<(Nanos, Nanos, Vec<u32>)> = match n_tasks == 0 || is_unknown {
        true => Vec::new(),
        false => (0..options.samples)
            .into_par_iter()
            .map(|sample| model.run(sample, None))
            .collect(),
    };
    let mut on_path = vec![0_usize; plan.len()];
    for (_, _, chain) in &samples {
        for &node in chain {
            on_path[node as usize] += 1;
        }
    }
    let makespans: Vec<Nanos> = samples.iter().map(|it| it.0).collect();
    let mut units: Vec<UnitEstimate> = plan
        .tasks()
        .map(|(node, _)| {
            let expected = model.of(node);
            UnitEstimate {
                node,
                range: expected.and_then(|_| model.unit(node)),
                basis: expected.map_or(Basis::None, |it| it.basis),
                seen: expected.map_or(0, |it| it.seen),
                on_path: float(on_path[node as usize]) / float(samples.len().max(1)),
                uncertainty: None,
            }
        })
        .collect();
    if options.attribute {
        model.uncertainty(&makespans, &mut units);
    }
    Estimate {
        makespan: range(makespans),
        work: range(samples.iter().map(|it| it.1).collect()),
        units,
        download_bytes: model.download_bytes,
    }
}

/// Estimates what is left of a plan of which something runs already: `elapsed` says for how long, by the base name
/// of its path. `None` where nobody knows how long some of it takes, or nothing is left.
#[must_use]
pub fn remaining(
    plan: &Plan,
    usual: &Usual,
    options: &Options,
    elapsed: &HashMap<&str, Nanos>,
) -> Option<Range> {
    let mut model = Model::new(plan, usual, options);
    for (node, task) in plan.tasks() {
        if task.kind != UnitKind::Substitution && model.of(node).is_none() {
            return None;
        }
        if let Some(&elapsed) = elapsed.get(&*task.path) {
            model.elapsed[node as usize] = Some(elapsed);
            // It has its slot.
            model.tasks[node as usize].rank = 0;
        }
    }
    let samples = (0..options.samples).into_par_iter();
    range(samples.map(|sample| model.run(sample, None).0).collect())
        .filter(|_| plan.tasks().next().is_some())
}

/// What is drawn from, node by node.
struct Model<'a> {
    plan: &'a Plan,
    options: &'a Options,
    tasks: Vec<Task>,
    expected: Vec<Option<Expected>>,
    /// For how long it has run already.
    elapsed: Vec<Option<Nanos>>,
    runs_differ: f64,
    download_bytes: Option<u64>,
    /// What all downloads together take at least, in seconds.
    downloads: f64,
}

impl<'a> Model<'a> {
    fn new(plan: &'a Plan, usual: &Usual, options: &'a Options) -> Self {
        let fetches = plan
            .tasks()
            .filter(|(_, it)| it.kind == UnitKind::Substitution);
        let sizes: Vec<(u32, Option<u64>)> = fetches
            .map(|(node, it)| (node, usual.bytes(it.kind, &it.name, it.pname())))
            .collect();
        let known: u64 = sizes.iter().filter_map(|(_, bytes)| *bytes).sum();
        let n_unknown = sizes.iter().filter(|(_, bytes)| bytes.is_none()).count();
        let total = plan.download_bytes;
        let total = total.or((n_unknown == 0 && !sizes.is_empty()).then_some(known));
        // What is not known shares what is left of what Nix said.
        let left = total.map(|total| float64(total.saturating_sub(known)));
        let rest = left.map(|left| left / float(n_unknown.max(1)));
        let mut expected: Vec<Option<Expected>> = vec![None; plan.len()];
        for (node, bytes) in sizes {
            let basis = match bytes {
                Some(_) => Basis::SamePackage,
                None => Basis::Similar,
            };
            let bytes = bytes.map(float64).or(rest);
            let downloads = usual.downloads().zip(bytes);
            expected[node as usize] = downloads.map(|(it, bytes)| it.expected(bytes, basis));
        }
        for (node, it) in plan.tasks() {
            if it.kind != UnitKind::Substitution {
                expected[node as usize] = usual.expected(
                    it.kind,
                    &it.name,
                    it.pname(),
                    it.system.as_deref(),
                    Some(options.slots),
                );
            }
        }
        let step = Nanos::new(usual::nanos(usual.step(options.slots) / 2.0));
        let mut tasks = plan.simulated();
        for task in tasks.iter_mut().filter(|task| task.pool == 0) {
            (task.start_cost, task.finish_cost) = (step, step);
        }
        let downloads = total.zip(usual.downloads());
        Self {
            elapsed: vec![None; plan.len()],
            plan,
            options,
            tasks,
            expected,
            runs_differ: usual.runs_differ(),
            download_bytes: total,
            downloads: downloads.map_or(0.0, |(bytes, it)| float64(bytes) / it.total_rate),
        }
    }

    fn of(&self, node: u32) -> Option<&Expected> {
        self.expected[node as usize].as_ref()
    }

    /// Draws the duration of one thing, in one of the runs.
    fn draw(&self, sample: u32, node: u32) -> Nanos {
        let Some(expected) = self.of(node) else {
            return Nanos::ZERO;
        };
        let seed = self.options.seed;
        let own = random::student(expected.degrees, seed, sample, node);
        let common = random::normal(seed, sample, RUN) * self.runs_differ;
        // What is farther out says more of the tail of the formula than of any build.
        let own = own.clamp(-FARTHEST, FARTHEST) * expected.scale;
        let place = random::uniform(seed, sample, node, 2);
        let other = usual::quantile(&expected.others, place);
        let centre = other.unwrap_or(expected.mean);
        Nanos::new(usual::nanos((centre + own + common).exp()))
    }

    /// Draws what is left of one thing, which may run already: of all the durations that it can have only those
    /// count that are longer than it has run.
    fn left(&self, sample: u32, node: u32) -> Nanos {
        let Some(elapsed) = self.elapsed[node as usize] else {
            return self.draw(sample, node);
        };
        let samples = (0..TRIES).map(|again| sample.wrapping_add(again * AGAIN));
        let mut drawn = samples.map(|sample| self.draw(sample, node));
        let longer = drawn.find(|&it| it > elapsed);
        // Longer than anything that was expected: the longer it has run, the longer it will.
        longer.map_or(Nanos::new(elapsed.get() / 4), |it| it - elapsed)
    }

    /// Simulates one of the runs: the makespan, the work, and the chain that explains it. `fixed`: what takes as
    /// long as expected.
    fn run(&self, sample: u32, fixed: Option<u32>) -> (Nanos, Nanos, Vec<u32>) {
        let mut tasks = self.tasks.clone();
        for (node, task) in (0..).zip(&mut tasks) {
            task.duration = match (fixed == Some(node), self.of(node)) {
                (true, Some(expected)) => Nanos::new(usual::nanos(expected.mean.exp())),
                _ => self.left(sample, node),
            };
        }
        let pool = Pool::new;
        let pools = vec![
            pool(self.options.slots),
            pool(self.options.substitution_slots),
        ];
        let options = simulation::Options::new(pools);
        let schedule = simulate(&self.plan.workload(&tasks), &options);
        let work = tasks.iter().map(|task| task.duration).sum();
        // All downloads at once are no faster than the line.
        let least = Nanos::new(usual::nanos(self.downloads));
        (schedule.makespan.max(least), work, schedule.chain())
    }

    fn unit(&self, node: u32) -> Option<Range> {
        let samples = 0..self.options.samples;
        range(samples.map(|sample| self.draw(sample, node)).collect())
    }

    /// Finds out which things make the makespan uncertain: those that vary most on the path.
    fn uncertainty(&self, makespans: &[Nanos], units: &mut [UnitEstimate]) {
        let all = variance(makespans);
        if all <= 0.0 || units.is_empty() {
            return;
        }
        let width = |unit: &UnitEstimate| {
            let range = unit.range?;
            Some((range.p90 - range.p10).get()).filter(|_| unit.on_path > 0.0)
        };
        let mut order: Vec<usize> = (0..units.len())
            .filter(|&it| width(&units[it]).is_some())
            .collect();
        order.sort_by_key(|&it| std::cmp::Reverse(width(&units[it])));
        let each = makespans.len() * self.plan.len();
        order.truncate(MOST.min(EFFORT / each.max(1)).max(1));
        let left: Vec<f64> = order
            .iter()
            .map(|&it| {
                let node = units[it].node;
                let samples = (0..self.options.samples).into_par_iter();
                let makespans: Vec<Nanos> = samples.map(|it| self.run(it, Some(node)).0).collect();
                variance(&makespans)
            })
            .collect();
        for (it, left) in order.into_iter().zip(left) {
            units[it].uncertainty = Some((1.0 - left / all).clamp(0.0, 1.0));
        }
    }
}

fn variance(all: &[Nanos]) -> f64 {
    let n = float(all.len().max(1));
    let seconds = || all.iter().map(|it| float64(it.get()) / 1e9);
    let mean = seconds().sum::<f64>() / n;
    seconds().map(|it| (it - mean).powi(2)).sum::<f64>() / n
}

/// Returns the range of some lengths of time; `None` of none.
fn range(mut all: Vec<Nanos>) -> Option<Range> {
    all.sort_unstable();
    let last = all.len().checked_sub(1)?;
    let at = |percent: usize| all[(last * percent + 50) / 100];
    Some(Range {
        p10: at(10),
        p50: at(50),
        p90: at(90),
    })
}
