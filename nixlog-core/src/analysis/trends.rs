//! How the runs of a project change over time, and which packages cost the most over all of them.

use std::cmp::Reverse;
use std::collections::HashMap;

use super::measures::{Measure, MeasureUnit};
use super::past_run::PastRun;
use crate::statistics::change_points::change_points;
use crate::timeline::{Phase, UnitKind};

/// A change of a length of time counts where it is at least this part of the wall time: so much nobody notices.
const LEAST_OF_WALL: f64 = 0.01;

/// The runs of a project over time.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Trends {
    /// Numbers of whole runs.
    pub series: Vec<Series>,
    /// The packages that were on the critical path, those with most to save first.
    pub packages: Vec<PackageTrend>,
    /// Of how many runs the critical path is known.
    pub with_path: usize,
}

/// One number over time.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Series {
    /// Which.
    pub measure: Measure,
    /// Runs, as places, and what it was in them; the oldest first.
    pub points: Vec<(usize, f64)>,
    /// Where it changed for good.
    pub changes: Vec<Change>,
}

/// A run from which on a number is another one.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Change {
    /// The first run that is different, as a place.
    pub run: usize,
    /// The run before it.
    pub previous: usize,
    /// The median before, since the last change.
    pub before: f64,
    /// The median from then on, up to the next change.
    pub after: f64,
    /// How unlikely it is by chance.
    pub confidence: f64,
}

impl Change {
    /// Returns how many times as large it is; `None` where it was nothing.
    #[must_use]
    pub fn ratio(&self) -> Option<f64> {
        (self.before > 0.0).then(|| self.after / self.before)
    }
}

/// What a package costs over all runs.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PackageTrend {
    /// What kind of thing it is.
    pub kind: UnitKind,
    /// The package.
    pub pname: String,
    /// In how many runs there was one.
    pub runs: usize,
    /// In how many of them it was on the critical path.
    pub on_critical_path: usize,
    /// How much of the critical path lay in it, on average over the runs where it was on it.
    pub mean_critical: f64,
    /// What would be saved without it, on average over all runs of which the critical path is known, with a slot
    /// for everything.
    pub saving: f64,
    /// How much of the critical path lay in it in each run, the oldest first; `None` where there was none.
    pub critical: Vec<Option<f64>>,
}

/// Follows runs of one project, the oldest first. Takes O(n log n) for n units of all runs, and for each measure
/// what its change points take.
#[must_use]
pub fn trends(runs: &[PastRun]) -> Trends {
    let mut series: Vec<Series> = measures()
        .filter_map(|measure| {
            let places = (0..).zip(runs);
            let points: Vec<(usize, f64)> = places
                .filter_map(|(place, run)| Some((place, measure.of(run)?)))
                .collect();
            let is_there = points.iter().any(|&(_, value)| value > 0.0);
            is_there.then(|| Series {
                changes: changes(&points),
                measure,
                points,
            })
        })
        .collect();
    let wall = series.iter().find(|it| it.measure == Measure::Wall);
    let least = wall.map(|wall| LEAST_OF_WALL * wall.level());
    for one in &mut series {
        if one.measure.unit() == MeasureUnit::Nanoseconds
            && let Some(least) = least
        {
            one.changes
                .retain(|it| (it.after - it.before).abs() >= least);
        }
    }
    let with_path = runs.iter().filter(|run| run.path_known).count();
    Trends {
        series,
        packages: packages(runs, with_path),
        with_path,
    }
}

/// What is followed: not what other measures are made of.
fn measures() -> impl Iterator<Item = Measure> {
    let phases = Phase::ALL.into_iter().map(Measure::Phase);
    let others = [Measure::HitRate, Measure::Downloaded];
    std::iter::once(Measure::Wall).chain(phases).chain(others)
}

impl Series {
    /// Returns what it is now: the median since its last change, else of all.
    #[must_use]
    pub fn level(&self) -> f64 {
        match self.changes.last() {
            Some(change) => change.after,
            None => {
                let values: Vec<f64> = self.points.iter().map(|&(_, value)| value).collect();
                crate::statistics::sample::median(&values).unwrap_or_default()
            }
        }
    }
}

fn changes(points: &[(usize, f64)]) -> Vec<Change> {
    let values: Vec<f64> = points.iter().map(|&(_, value)| value).collect();
    let found = change_points(&values).into_iter();
    let change = found.map(|it| Change {
        run: points[it.at].0,
        previous: points[it.at.saturating_sub(1)].0,
        before: it.before,
        after: it.after,
        confidence: it.confidence,
    });
    change.collect()
}

/// What is summed up of a package.
#[derive(Debug, Default)]
struct Sums {
    /// Of each run in which there is one: how much of the critical path, and what would be saved.
    runs: Vec<(usize, f64, f64)>,
}

fn packages(runs: &[PastRun], with_path: usize) -> Vec<PackageTrend> {
    let whole = |number: Option<u64>| number.unwrap_or_default() as f64;
    let mut sums: HashMap<(UnitKind, &str), Sums> = HashMap::new();
    for (place, run) in (0..).zip(runs).filter(|(_, run)| run.path_known) {
        for unit in &run.units {
            let sums = sums.entry((unit.kind, &unit.pname)).or_default();
            let (critical, saving) = (whole(unit.critical_ns), whole(unit.saving_ns));
            match sums.runs.last_mut() {
                Some(last) if last.0 == place => {
                    last.1 += critical;
                    // Without all of them at once more may be saved, and less is never claimed to be.
                    last.2 = last.2.max(saving);
                }
                _ => sums.runs.push((place, critical, saving)),
            }
        }
    }
    let package = |((kind, pname), sums): ((UnitKind, &str), Sums)| {
        let on_path = sums.runs.iter().filter(|&&(_, critical, _)| critical > 0.0);
        let on_path: Vec<f64> = on_path.map(|&(_, critical, _)| critical).collect();
        let saving: f64 = sums.runs.iter().map(|&(_, _, saving)| saving).sum();
        let mut critical = vec![None; runs.len()];
        for &(place, of_run, _) in &sums.runs {
            critical[place] = Some(of_run);
        }
        (!on_path.is_empty()).then(|| PackageTrend {
            kind,
            pname: pname.to_owned(),
            runs: sums.runs.len(),
            on_critical_path: on_path.len(),
            mean_critical: on_path.iter().sum::<f64>() / on_path.len() as f64,
            saving: saving / with_path.max(1) as f64,
            critical,
        })
    };
    let mut packages: Vec<PackageTrend> = sums.into_iter().filter_map(package).collect();
    packages.sort_by(|a, b| {
        let of_all = |it: &PackageTrend| it.mean_critical * it.on_critical_path as f64;
        b.saving
            .total_cmp(&a.saving)
            .then(of_all(b).total_cmp(&of_all(a)))
            .then_with(|| a.pname.cmp(&b.pname))
            .then(a.kind.cmp(&b.kind))
    });
    packages.sort_by_key(|it| Reverse(it.saving > 0.0));
    packages
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::past_run::{PastPhase, PastUnit};
    use crate::statistics::random::Random;
    use crate::timeline::{End, Outcome};

    /// Runs of one build whose times are given in seconds, within 2 %.
    fn runs(seconds: &[u64]) -> Vec<PastRun> {
        let mut random = Random::new(7);
        let runs = seconds.iter().enumerate().map(|(place, &seconds)| {
            let noise = random.below(40_000_000) as u64;
            let wall = seconds * (980_000_000 + noise);
            PastRun {
                id: place.to_string(),
                wall_ns: Some(wall),
                path_known: true,
                phases: vec![PastPhase {
                    phase: Phase::Building,
                    wall_ns: Some(wall),
                    busy_ns: None,
                    work_ns: None,
                    critical_ns: None,
                    units: 1,
                }],
                units: vec![unit("slow", wall, wall / 2), unit("never", 0, 0)],
                ..PastRun::default()
            }
        });
        runs.collect()
    }

    fn unit(pname: &str, critical: u64, saving: u64) -> PastUnit {
        PastUnit {
            kind: UnitKind::Build,
            pname: pname.to_owned(),
            name: pname.to_owned(),
            system: None,
            outputs: Vec::new(),
            path: String::new(),
            machine: None,
            substituter: None,
            bytes: None,
            unpacked_bytes: None,
            duration_ns: Some(critical),
            end: End::Measured,
            outcome: Outcome::Succeeded,
            critical_ns: Some(critical),
            saving_ns: Some(saving),
            builder_phases: Vec::new(),
        }
    }

    #[test]
    fn a_change_is_found_where_it_is() {
        let seconds = [vec![100; 20], vec![112; 15]].concat();
        let found = trends(&runs(&seconds));
        let wall = &found.series[0];
        assert_eq!(wall.measure, Measure::Wall);
        assert_eq!(wall.changes.len(), 1);
        let change = wall.changes[0];
        assert_eq!((change.run, change.previous), (20, 19));
        let ratio = change.ratio().expect("more than nothing");
        assert!((ratio - 1.12).abs() < 0.02, "{ratio}");
        assert!((wall.level() / 112e9 - 1.0).abs() < 0.02);
    }

    #[test]
    fn packages_are_ranked_by_what_they_cost() {
        let found = trends(&runs(&[10; 8]));
        assert_eq!(found.packages.len(), 1, "one was never on the path");
        let slow = &found.packages[0];
        assert_eq!((slow.runs, slow.on_critical_path), (8, 8));
        assert!((slow.mean_critical / 10e9 - 1.0).abs() < 0.02);
        assert!((slow.saving / 5e9 - 1.0).abs() < 0.02);
        assert!(found.series.iter().all(|series| series.changes.is_empty()));
    }

    #[test]
    fn nothing_comes_of_nothing() {
        assert_eq!(trends(&[]), Trends::default());
        let untimed = [PastRun::default()];
        let found = trends(&untimed);
        assert!(found.series.is_empty() && found.packages.is_empty());
    }
}
