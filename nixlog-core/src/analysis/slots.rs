//! Who takes a slot of which pool, and how many slots each pool had: decided here, for every report.
//!
//! A log does not say how many slots there were. The recorded settings do; where they are not at hand,
//! it is the largest number seen running at once. That is what was used, and so a lower bound: it is
//! the number of slots only where at some time more was ready than could run.

use super::late::surely;
use super::nix_rules::NixRules;
use super::run_graph::is_node;
use crate::intervals::concurrency;
use crate::names::named;
use crate::time::Interval;
use crate::timeline::{Name, Part, Timeline, Unit, UnitKind};

/// `max-substitution-jobs`, as Nix has it since 2.16 (`settings.hh`); before, substitutions and builds
/// shared `max-jobs`.
const SUBSTITUTION_SLOTS: u32 = 16;

/// What a unit takes one place of while it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pool {
    /// Build slots of this machine: `max-jobs`.
    Local,
    /// Build slots of a remote machine: its `maxJobs`.
    Machine(Name),
    /// Substitution slots: `max-substitution-jobs`.
    Substitution,
}

/// What is known of the slots, where it is not to be told from the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct KnownSlots {
    /// `max-jobs` of this machine; default: the most builds seen running at once. Where more than this
    /// were seen, these count.
    pub local: Option<u32>,
    /// Where that is from; default: somebody said so.
    pub source: SlotsSource,
    /// `max-substitution-jobs`; default: what Nix has by itself. Where more than this were seen, these
    /// count.
    pub substitution: Option<u32>,
    /// How many build users there are; default: as many as were seen at work, where any build waited for
    /// one.
    pub build_users: Option<u32>,
    /// By which rules Nix went; default: as the log tells.
    pub rules: Option<NixRules>,
}

/// How many build users there are. Each local build needs one of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct BuildUsers {
    /// How many.
    pub count: u32,
    /// The recording says so; else so many were at work while a build waited for one.
    pub recorded: bool,
}

named! {
    /// Where the number of local slots comes from.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    #[non_exhaustive]
    pub enum SlotsSource, default Given {
        /// Somebody said so.
        Given = "given",
        /// `max-jobs` of the recorded run.
        Settings = "settings",
        /// So many builds were seen running at once.
        Seen = "seen",
    }
}

impl KnownSlots {
    /// Makes it from `max-jobs`, if somebody gave it.
    #[must_use]
    pub const fn new(local: Option<u32>) -> Self {
        Self {
            local,
            source: SlotsSource::Given,
            substitution: None,
            build_users: None,
            rules: None,
        }
    }

    /// Makes it from `max-jobs` and `max-substitution-jobs` as a recording has them, if it does.
    #[must_use]
    pub const fn recorded(local: Option<u32>, substitution: Option<u32>) -> Self {
        Self {
            local,
            source: SlotsSource::Settings,
            substitution,
            build_users: None,
            rules: None,
        }
    }

    /// Returns it with the number of build users, if it is known.
    #[must_use]
    pub const fn with_build_users(mut self, build_users: Option<u32>) -> Self {
        self.build_users = build_users;
        self
    }

    /// Returns it with the rules of a Nix, if its version is known.
    #[must_use]
    pub const fn with_rules(mut self, rules: Option<NixRules>) -> Self {
        self.rules = rules;
        self
    }
}

/// The pools of a build, and how many slots each had.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Slots {
    /// The pools that something took a slot of, with their slots, in order.
    pools: Vec<(Pool, u32)>,
    source: SlotsSource,
    /// Substitutions take build slots.
    shared: bool,
    build_users: Option<BuildUsers>,
    rules: NixRules,
}

impl Slots {
    /// Counts the slots. Takes O(n log n).
    #[must_use]
    pub fn new(timeline: &Timeline, known: KnownSlots) -> Self {
        let (_, newest) = timeline.facts().evidence.minor_versions();
        let mut slots = Self {
            shared: newest.is_some_and(|minor| minor < 16),
            source: SlotsSource::Seen,
            pools: Vec::new(),
            build_users: None,
            rules: known.rules.unwrap_or_else(|| NixRules::of_log(timeline)),
        };
        let ran = timeline.units().iter().filter(|unit| unit.started);
        let mut ran: Vec<(Pool, Option<Interval>)> = ran
            .filter_map(|unit| Some((slots.pool_of(unit)?, unit.interval())))
            .collect();
        ran.sort_unstable();
        let count = |of_pool: &[(Pool, Option<Interval>)]| {
            let pool = of_pool[0].0;
            let seen = most_at_once(of_pool.iter().filter_map(|&(_, interval)| interval)).max(1);
            let known = match pool {
                Pool::Local => known.local.unwrap_or(0),
                Pool::Substitution => known.substitution.unwrap_or(SUBSTITUTION_SLOTS),
                Pool::Machine(_) => 0,
            };
            (pool, seen.max(known))
        };
        let of_pools = ran.chunk_by(|one, next| one.0 == next.0);
        let counted: Vec<(Pool, u32)> = of_pools.map(count).collect();
        slots.build_users = slots.build_users(timeline, known);
        slots.pools = counted;
        if known.local.is_some() && slots.of(Pool::Local) == known.local {
            slots.source = known.source;
        }
        slots
    }

    /// Returns which pool a unit takes a slot of, as the Nix that wrote the log has it; `None` for what
    /// takes no slot.
    #[must_use]
    pub fn pool_of(&self, unit: &Unit) -> Option<Pool> {
        match unit.kind {
            UnitKind::Substitution if self.shared => Some(Pool::Local),
            UnitKind::Substitution => Some(Pool::Substitution),
            kind if is_node(kind) => Some(unit.machine.map_or(Pool::Local, Pool::Machine)),
            _ => None,
        }
    }

    /// Counts the build users: as recorded, else as many as were at work where a build waited for one.
    fn build_users(&self, timeline: &Timeline, known: KnownSlots) -> Option<BuildUsers> {
        let units = timeline.units().iter();
        let builds = units.filter(|unit| unit.started && unit.kind.is_derivation());
        let local = builds.filter(|unit| self.pool_of(unit) == Some(Pool::Local));
        let seen = most_at_once(local.filter_map(Unit::interval));
        let mut fillers = timeline.fillers().iter();
        let waited = fillers.any(|filler| filler.stretch.part == Part::BuildUser);
        let (count, recorded) = match known.build_users {
            Some(count) => (count.max(seen), true),
            None => (seen, false),
        };
        ((recorded || waited) && count > 0).then_some(BuildUsers { count, recorded })
    }

    /// Returns how many build users there are, where that is known.
    #[must_use]
    pub fn users(&self) -> Option<BuildUsers> {
        self.build_users
    }

    /// Returns by which rules Nix started what was to be built.
    #[must_use]
    pub fn rules(&self) -> NixRules {
        self.rules
    }

    /// Returns the pools that something took a slot of, with their slots.
    #[must_use]
    pub fn pools(&self) -> &[(Pool, u32)] {
        &self.pools
    }

    /// Returns the slots of a pool; `None` where nothing took one.
    #[must_use]
    pub fn of(&self, pool: Pool) -> Option<u32> {
        let found = self.pools.binary_search_by_key(&pool, |&(other, _)| other);
        found.ok().map(|place| self.pools[place].1)
    }

    /// Returns the slots of this machine; zero where nothing was built here.
    #[must_use]
    pub fn local(&self) -> u32 {
        self.of(Pool::Local).unwrap_or(0)
    }

    /// Returns them with another number of slots on this machine, if anything was built here.
    #[must_use]
    pub fn with_local(mut self, slots: u32) -> Self {
        let local = self
            .pools
            .iter_mut()
            .filter(|(pool, _)| *pool == Pool::Local);
        local.for_each(|(_, n)| *n = slots);
        self.source = SlotsSource::Given;
        self
    }

    /// Returns where the number of local slots comes from.
    #[must_use]
    pub fn source(&self) -> SlotsSource {
        self.source
    }

    /// Returns the pool that substitutions take slots of.
    #[must_use]
    pub fn of_substitutions(&self) -> Pool {
        match self.shared {
            true => Pool::Local,
            false => Pool::Substitution,
        }
    }
}

/// Returns the largest number that certainly ran at once.
fn most_at_once(runs: impl Iterator<Item = Interval>) -> u32 {
    let mut n_runs = 0;
    let sure = runs.inspect(|_| n_runs += 1).map(surely);
    let most = concurrency(sure).into_iter().map(|(_, n)| n).max();
    // Who took no time was never there together with others.
    let most = most.unwrap_or(0).max(usize::from(n_runs > 0));
    u32::try_from(most).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Stamp;

    #[test]
    fn slots_in_spite_of_late_ends() {
        let run = |start: u64, end: u64| {
            let at = |ms: u64| Stamp::from_nanos(ms * 1_000_000);
            Interval::new(at(start), at(end)).expect("in order")
        };
        // The second starts before the end of the first is written.
        let late = [run(0, 103), run(100, 200), run(200, 300), run(200, 200)];
        assert_eq!(most_at_once(late.into_iter()), 1);
        let both = [run(0, 120), run(100, 200)];
        assert_eq!(most_at_once(both.into_iter()), 2);
        // Half of what is short is certain.
        let short = [run(0, 4), run(1, 5)];
        assert_eq!(most_at_once(short.into_iter()), 2);
        assert_eq!(most_at_once([run(7, 7)].into_iter()), 1);
        assert_eq!(most_at_once([].into_iter()), 0);
    }
}
