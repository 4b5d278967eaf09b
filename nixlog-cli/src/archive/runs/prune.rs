//! Removes runs that nobody is likely to come back to.
//!
//! What has a name stays, what is being written stays, and so does the run that was just written. Of
//! the rest, newest first, as many stay as the limits allow.

use std::env;
use std::fs;
use std::io;
use std::time::{Duration, SystemTime};

use uuid::Uuid;

use nixlog_core::report::verbs::runs::PruneReason;

use super::list::Run;
use super::place::{Place, Recorded};
use super::summary::is_being_written;
use crate::base::output;
use crate::base::selection::size;

/// A recording that is not complete, and that was written to so recently, may well be under way: where
/// a file system has no locks, nobody can tell.
const MAY_BE_RUNNING: Duration = Duration::from_secs(600);

const DAY: u64 = 86_400;

/// How much may stay; `None`: no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// For so long after it was last written to.
    pub(crate) age: Option<Duration>,
    /// So many runs.
    pub(crate) runs: Option<u64>,
    /// So many bytes of recordings.
    pub(crate) bytes: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            age: Some(Duration::from_secs(30 * DAY)),
            runs: Some(100),
            bytes: Some(1 << 30),
        }
    }
}

impl Limits {
    /// Reads the limits that the environment sets; says what it cannot read, and takes the default.
    pub(crate) fn from_environment() -> Self {
        Self::read(|name| env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
    }

    fn read(variable: impl Fn(&str) -> Option<String>) -> Self {
        let told = |name: &str, expected: &str, read: fn(&str) -> Option<u64>| {
            let text = variable(name).filter(|text| !text.is_empty())?;
            let limit = unlimited(&text).or_else(|| read(&text).map(limit));
            if limit.is_none() {
                output::warning(&format!(
                    "`{name}` is not {expected}, nor `unlimited`; the default is used"
                ));
            }
            limit
        };
        let number = |text: &str| text.trim().parse().ok();
        let default = Self::default();
        let days = told("NIXLOG_KEEP_DAYS", "a number of days", number);
        let runs = told("NIXLOG_KEEP_RUNS", "a number of runs", number);
        let bytes = told("NIXLOG_KEEP_BYTES", "a size such as `1GiB`", |text| {
            size(text.trim(), "").ok()
        });
        let age = |days: u64| Duration::from_secs(days.saturating_mul(DAY));
        Self {
            age: days.map_or(default.age, |days| days.map(age)),
            runs: runs.unwrap_or(default.runs),
            bytes: bytes.unwrap_or(default.bytes),
        }
    }
}

/// Zero is no limit.
pub(crate) fn limit(limit: u64) -> Option<u64> {
    (limit > 0).then_some(limit)
}

/// Reads the word for no limit.
pub(crate) fn unlimited(text: &str) -> Option<Option<u64>> {
    text.trim()
        .eq_ignore_ascii_case("unlimited")
        .then_some(None)
}

/// A run, as far as it matters for whether it stays.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Candidate {
    /// Since it was last written to.
    age: Duration,
    bytes: u64,
    fate: Fate,
}

/// What may become of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It may go.
    Open,
    /// It stays; it counts, if it is within the limits at all.
    Stays,
    /// It stays, and does not count.
    Exempt,
}

/// Decides which runs go. They come newest first; what does not fit goes, and what is older and does fit
/// stays: one huge recording does not cost all others.
fn beyond(candidates: &[Candidate], limits: Limits) -> Vec<(usize, PruneReason)> {
    let (mut n_kept, mut bytes) = (0_u64, 0_u64);
    let mut beyond = Vec::new();
    for (place, candidate) in candidates.iter().enumerate() {
        if candidate.fate == Fate::Exempt {
            continue;
        }
        let with_it = bytes.saturating_add(candidate.bytes);
        let reason = if limits.age.is_some_and(|limit| candidate.age > limit) {
            Some(PruneReason::Age)
        } else if limits.runs.is_some_and(|limit| n_kept >= limit) {
            Some(PruneReason::Runs)
        } else if limits.bytes.is_some_and(|limit| with_it > limit) {
            Some(PruneReason::Bytes)
        } else {
            None
        };
        match reason {
            Some(reason) if candidate.fate == Fate::Open => beyond.push((place, reason)),
            Some(_) => {}
            None => {
                n_kept += 1;
                bytes = with_it;
            }
        }
    }
    beyond
}

/// What pruning came to.
#[derive(Debug, Default)]
pub(crate) struct Pruned {
    /// Newest first.
    pub(crate) removed: Vec<(Run, PruneReason)>,
    pub(crate) removed_bytes: u64,
    pub(crate) kept_runs: usize,
    pub(crate) kept_bytes: u64,
    pub(crate) named_runs: usize,
}

/// Removes what is beyond the limits that the environment sets. For after each run that was recorded:
/// says nothing, and costs the run nothing.
pub(crate) fn prune_after_saving(run: &Recorded) {
    let Ok(place) = Place::find() else {
        return;
    };
    // Whoever else prunes now does it for us, too.
    let Some(_turn) = place.turn_now() else {
        return;
    };
    let just_written = Uuid::try_parse(&run.id).ok();
    let limits = Limits::from_environment();
    // What cannot be removed now is tried again after the next run.
    if let Ok(pruning) = Pruning::new(&place, limits, just_written, SystemTime::now()) {
        drop(pruning.go(|run| run.remove()));
    }
}

/// Removes what is beyond limits, and returns what was removed.
pub(crate) fn prune(place: &Place, limits: Limits, dry_run: bool) -> io::Result<Pruned> {
    let _turn = place.turn();
    let pruning = Pruning::new(place, limits, None, SystemTime::now())?;
    match dry_run {
        true => pruning.go(|_| Ok(())),
        false => pruning.go(Run::remove),
    }
}

/// Removes a run and its names.
pub(crate) fn remove(place: &Place, run: &Run) -> io::Result<()> {
    run.remove()?;
    place.remove_names(run).map(drop)
}

/// Which runs go.
struct Pruning {
    /// Newest first, by when they were last written to: what was imported just now is not old.
    runs: Vec<(Run, Candidate)>,
    beyond: Vec<(usize, PruneReason)>,
    named_runs: usize,
}

impl Pruning {
    fn new(
        place: &Place,
        limits: Limits,
        just_written: Option<Uuid>,
        now: SystemTime,
    ) -> io::Result<Self> {
        // If the names cannot be read, nobody knows what has one.
        let names = place.try_read_names()?;
        let runs = place.list()?;
        let compared = place.runs_of_baselines()?;
        let is_named =
            |run: &Run| names.of(run.id).is_some() || compared.contains(&run.id.to_string());
        let named_runs = runs.iter().filter(|run| is_named(run)).count();
        let candidate = |run: Run| {
            // It may be gone since the folder was read.
            let (file, is_partial) = run.open().ok()?;
            let metadata = file.metadata().ok()?;
            let modified = metadata.modified().ok();
            let age = modified.and_then(|modified| now.duration_since(modified).ok());
            let age = age.unwrap_or_default();
            let may_be_running = is_partial && (age < MAY_BE_RUNNING || is_being_written(&file));
            let fate = if may_be_running || is_named(&run) {
                Fate::Exempt
            } else if just_written == Some(run.id) {
                Fate::Stays
            } else {
                Fate::Open
            };
            let bytes = metadata.len();
            Some((run, Candidate { age, bytes, fate }))
        };
        let mut runs: Vec<_> = runs.into_iter().filter_map(candidate).collect();
        // Stable: runs of one age keep the order of their ids.
        runs.sort_by_key(|(_, candidate)| candidate.age);
        let candidates: Vec<Candidate> = runs.iter().map(|(_, it)| it.clone()).collect();
        Ok(Self {
            beyond: beyond(&candidates, limits),
            runs,
            named_runs,
        })
    }

    fn go(self, remove: impl Fn(&Run) -> io::Result<()>) -> io::Result<Pruned> {
        let mut pruned = Pruned {
            named_runs: self.named_runs,
            ..Pruned::default()
        };
        let mut failure = None;
        for (place, (run, candidate)) in self.runs.into_iter().enumerate() {
            let reason = self.beyond.iter().find(|(beyond, _)| *beyond == place);
            let removed = reason.map(|(_, reason)| (reason, remove(&run)));
            match removed {
                Some((reason, Ok(()))) => {
                    pruned.removed_bytes += candidate.bytes;
                    pruned.removed.push((run, *reason));
                    continue;
                }
                Some((_, Err(error))) => failure = failure.or(Some(error)),
                None => {}
            }
            pruned.kept_runs += 1;
            pruned.kept_bytes += candidate.bytes;
        }
        failure.map_or(Ok(pruned), Err)
    }
}

impl Run {
    /// Removes the recording. Somebody else may have done so.
    fn remove(&self) -> io::Result<()> {
        match fs::remove_file(self.path()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn limits_of_the_environment() {
        let set = |days: &str, runs: &str, bytes: &str| {
            let values = [days, runs, bytes].map(str::to_owned);
            Limits::read(move |name| {
                let place = ["NIXLOG_KEEP_DAYS", "NIXLOG_KEEP_RUNS", "NIXLOG_KEEP_BYTES"]
                    .iter()
                    .position(|each| *each == name)?;
                Some(values[place].clone())
            })
        };
        let default = Limits::default();
        assert_eq!(Limits::read(|_| None), default);
        assert_eq!(set("", "", ""), default);
        // What cannot be read is as if it were not there.
        assert_eq!(set("soon", "-1", "1 furlong"), default);
        let unlimited = Limits {
            age: None,
            runs: None,
            bytes: None,
        };
        assert_eq!(set("0", "unlimited", "0"), unlimited);
        assert_eq!(set("Unlimited", "0", "0B"), unlimited);
        let some = Limits {
            age: Some(Duration::from_secs(2 * DAY)),
            runs: Some(3),
            bytes: Some(5 << 20),
        };
        assert_eq!(set("2", " 3 ", "5MiB"), some);
    }

    fn candidate(age: u64, bytes: u64, fate: Fate) -> Candidate {
        Candidate {
            age: Duration::from_secs(age),
            bytes,
            fate,
        }
    }

    const FATES: [Fate; 4] = [Fate::Open, Fate::Open, Fate::Stays, Fate::Exempt];

    fn any_limits() -> impl Strategy<Value = Limits> {
        let limit = || prop::option::of(1_u64..12);
        (limit(), limit(), limit()).prop_map(|(age, runs, bytes)| Limits {
            age: age.map(Duration::from_secs),
            runs,
            bytes,
        })
    }

    proptest! {
        #[test]
        fn what_stays_is_within_the_limits_and_as_much_as_can_be(
            mut runs in prop::collection::vec((0_u64..14, 0_u64..9, 0_usize..4), 0..20),
            limits in any_limits(),
        ) {
            runs.sort_unstable();
            let all: Vec<_> = runs
                .iter()
                .map(|&(age, bytes, fate)| candidate(age, bytes, FATES[fate]))
                .collect();
            let gone = beyond(&all, limits);
            for &(place, _) in &gone {
                prop_assert_eq!(all[place].fate, Fate::Open);
            }
            let fits = |kept: &[usize]| {
                let bytes: u64 = kept.iter().map(|&place| all[place].bytes).sum();
                let mut ages = kept.iter().map(|&place| all[place].age);
                limits.runs.is_none_or(|limit| kept.len() as u64 <= limit)
                    && limits.bytes.is_none_or(|limit| bytes <= limit)
                    && limits.age.is_none_or(|limit| ages.all(|age| age <= limit))
            };
            let is_gone = |place: usize| gone.iter().any(|&(each, _)| each == place);
            // What counts: all that stays, unless it stays for another reason than that it fits.
            let mut kept = Vec::new();
            for (place, it) in all.iter().enumerate() {
                let with_it = [&kept[..], &[place]].concat();
                match it.fate {
                    Fate::Exempt => {}
                    Fate::Stays if !fits(&with_it) => {}
                    Fate::Open if is_gone(place) => prop_assert!(!fits(&with_it), "{} would fit", place),
                    Fate::Open | Fate::Stays => kept = with_it,
                }
            }
            prop_assert!(fits(&kept));
        }
    }

    #[test]
    fn a_huge_run_does_not_cost_the_others() {
        let limits = Limits {
            bytes: Some(10),
            ..Limits::default()
        };
        let all = [
            candidate(0, 11, Fate::Open),
            candidate(1, 5, Fate::Open),
            candidate(2, 5, Fate::Open),
        ];
        assert_eq!(beyond(&all, limits), [(0, PruneReason::Bytes)]);
        let just_written = [candidate(0, 11, Fate::Stays), candidate(1, 5, Fate::Open)];
        assert_eq!(beyond(&just_written, limits), []);
        // It counts, so that no more stay than were asked for.
        let limits = Limits {
            runs: Some(2),
            ..Limits::default()
        };
        let all = [
            candidate(0, 1, Fate::Stays),
            candidate(1, 1, Fate::Open),
            candidate(2, 1, Fate::Open),
        ];
        assert_eq!(beyond(&all, limits), [(2, PruneReason::Runs)]);
    }

    /// Names, runs under way and the run just written stay, whatever the limits.
    #[test]
    fn what_must_stay_stays() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let place = Place::at(folder.path());
        let new = || place.create();
        let running = new()?;
        let (wreck, named, old, just_written) = (new()?.id, new()?, new()?, new()?);
        let ids = [running.id, wreck, named.id, just_written.id];
        for run in [named, old, just_written] {
            run.complete()?;
        }
        let run = |id: Uuid| {
            place
                .list()
                .map(|runs| runs.into_iter().find(|run| run.id == id))
        };
        let named = run(ids[2])?.expect("it was just made");
        assert!(place.set_name(&named, "baseline", false).is_ok());
        let limits = Limits {
            age: Some(Duration::from_secs(60)),
            ..Limits::default()
        };
        let in_a_minute = SystemTime::now() + Duration::from_secs(120);
        let pruning = Pruning::new(&place, limits, Some(ids[3]), in_a_minute)?;
        let pruned = pruning.go(Run::remove)?;
        assert_eq!(
            (pruned.removed.len(), pruned.kept_runs, pruned.named_runs),
            (1, 4, 1)
        );
        let mut left: Vec<Uuid> = place.list()?.iter().map(|run| run.id).collect();
        left.reverse();
        let mut want = ids;
        want.sort_unstable();
        assert_eq!(left, want);
        // A wreck goes when it is surely one.
        let tomorrow = SystemTime::now() + Duration::from_secs(DAY);
        let pruned = Pruning::new(&place, limits, None, tomorrow)?.go(Run::remove)?;
        assert_eq!(pruned.removed.len(), 2);
        assert!(run(running.id)?.is_some() && run(ids[2])?.is_some());
        Ok(())
    }
}
