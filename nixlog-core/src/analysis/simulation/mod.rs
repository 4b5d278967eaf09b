//! What a build would have taken: list scheduling on a number of slots, with Nix's own time.
//!
//! The model is Nix's `Worker` (`src/libstore/build/worker.cc`). One thread of Nix does everything
//! but the building itself: it notices that a builder ended, registers what it made, looks for what
//! can start, takes locks, starts builders. While it does one thing it does nothing else, so its time
//! is serial and can be what limits a build of thousands of small derivations:
//!
//! ```text
//! Nix's thread ██s██┐  ██s██┐                ██f██ ██s██┐     ██f██
//! slot 1            └────builder A───────────┘waits     └── C ──┘
//! slot 2                    └──────builder B────────────────┘waits
//!              s: start cost   f: finish cost
//! ```
//!
//! It works in rounds, and so does [`simulate`]:
//!
//! 1. What ended (or was released) by now is finished, in the order of rank; each frees its slot.
//! 2. Those that had been waiting for a slot start, in the [`Order`]'s order, as far as slots go.
//! 3. Then those that became ready in step 1 may start too, if slots are left. In other orders than
//!    [`Order::Nix`] steps 2 and 3 are one.
//! 4. Only then does it look again at what has ended; if nothing has, it sleeps until something does.
//!
//! The slot is held from when Nix begins to start a task until it has finished it.
//!
//! [`recorded`] makes the input of that from what was measured; [`bounds`] and [`sweep`]
//! answer the questions around it. Nothing here knows a log or a derivation.
//!
//! # Limits
//!
//! Durations stay what they were measured to be. In fact they depend on the load: on a machine with
//! fewer cores than slots, builders slow each other down, and no schedule tells by how much. Locks
//! of other processes, and what makes a remote machine accept or refuse, are not modelled.
//! Nix from 2.35 on starts what waits in an order that no log tells: [`over_orders`] tries several.

mod bounds;
mod engine;
mod order;
mod pauses;
mod recorded;
mod sweep;
#[cfg(test)]
mod tests;

pub use bounds::{Bounds, bounds};
pub use engine::{Cause, Schedule, simulate, without_each};
pub use pauses::pauses;
pub use recorded::{Measured, Recorded, Run, recorded};
pub use sweep::{SchedulingLoss, Step, Sweep, over_orders, scheduling_loss, sweep};

use crate::graph::Dag;
use crate::time::Nanos;

/// What is to be done.
#[derive(Debug, Clone, Copy)]
pub struct Workload<'a> {
    /// What needs what, from dependent to dependency.
    pub dag: &'a Dag,
    /// One task for each node.
    pub tasks: &'a [Task],
}

/// One thing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Task {
    /// How long the builder (or the transfer) runs, without what Nix's own thread adds.
    pub duration: Nanos,
    /// How long Nix's thread is busy with starting it.
    pub start_cost: Nanos,
    /// How long Nix's thread is busy with it after it ended.
    pub finish_cost: Nanos,
    /// How long it is then stopped by a post-build hook, which is not Nix's own time.
    pub hook: Nanos,
    /// Which of [`Options::pools`] it takes a slot of.
    pub pool: u16,
    /// Its place in the order of Nix's keys: substitutions, then builds by name, then by path.
    pub rank: u32,
    /// Its place in the order in which things started in the recording.
    pub recorded: u32,
    /// It cannot start before this time after the beginning.
    pub release: Nanos,
    /// How long after its dependencies are done it can start at the earliest: what no log tells, such
    /// as a query or a lock, and what keeps neither Nix's thread nor a slot.
    pub hold: Nanos,
    /// The same where [`Pool::cap`] is what limits its pool: when it was asked for again what that counts.
    pub poll: Nanos,
}

impl Task {
    /// The pool of what needs no slot: one that is never listed, so it has no limit.
    pub const NO_POOL: u16 = u16::MAX;

    /// Returns the task as if there were nothing to do, so that it holds nobody up.
    #[must_use]
    pub fn free(self) -> Self {
        Self {
            duration: Nanos::ZERO,
            start_cost: Nanos::ZERO,
            finish_cost: Nanos::ZERO,
            hook: Nanos::ZERO,
            hold: Nanos::ZERO,
            poll: Nanos::ZERO,
            pool: Self::NO_POOL,
            ..self
        }
    }
}

/// A number of slots that tasks share: the local ones, those of one machine, those for substitutions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Pool {
    /// How many there are; zero for no limit.
    pub slots: u32,
    /// How many can be in use at once for another reason, whatever the slots; zero for no limit.
    pub cap: u32,
    /// The cap is larger than in the recording: nobody knows who would still wait for it, and until when.
    pub is_cap_raised: bool,
}

impl Pool {
    /// As many slots as are asked for.
    pub const UNLIMITED: Self = Self::new(0);

    /// Makes a pool; zero slots are no limit.
    #[must_use]
    pub const fn new(slots: u32) -> Self {
        Self {
            slots,
            cap: 0,
            is_cap_raised: false,
        }
    }

    /// Returns how many can be in use at once; zero for no limit.
    #[must_use]
    pub const fn limit(self) -> u32 {
        match (self.slots, self.cap) {
            (0, cap) => cap,
            (slots, 0) => slots,
            (slots, cap) if cap < slots => cap,
            (slots, _) => slots,
        }
    }
}

/// Who goes first where several are ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Order {
    /// As Nix up to 2.34 does: by [`Task::rank`], and what became ready by an end comes after what had
    /// been waiting for a slot when it came.
    #[default]
    Nix,
    /// As Nix does from 2.35 on: in no particular order, so that each seed stands for another one; seed
    /// zero for that of the recording. What became ready by an end comes late, as in [`Nix`](Self::Nix).
    Arbitrary {
        /// Which of the orders.
        seed: u32,
    },
    /// As it was recorded: by [`Task::recorded`].
    Recorded,
    /// The longest chain of what is left first, whatever Nix would do.
    CriticalPathFirst,
    /// First ready, first started; among those that became ready at once, by rank.
    FirstReady,
}

/// How much time Nix's own thread takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Overhead {
    /// What each task says.
    #[default]
    PerTask,
    /// None at all.
    None,
    /// The same for each task.
    Constant {
        /// For starting it.
        start: Nanos,
        /// For finishing it.
        finish: Nanos,
    },
}

impl Overhead {
    /// Returns what starting and finishing a task cost, its hook included; nothing where it needs no slot.
    #[must_use]
    pub fn of(self, task: &Task) -> (Nanos, Nanos) {
        if task.pool == Task::NO_POOL {
            return (Nanos::ZERO, Nanos::ZERO);
        }
        let (start, finish) = match self {
            Self::PerTask => (task.start_cost, task.finish_cost),
            Self::None => (Nanos::ZERO, Nanos::ZERO),
            Self::Constant { start, finish } => (start, finish),
        };
        (start, finish + task.hook)
    }
}

/// On what, and in which order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Options {
    /// The slots; a pool that is not listed has no limit. Default: none, so there is no limit at all.
    pub pools: Vec<Pool>,
    /// Who goes first; default: [`Order::Nix`].
    pub order: Order,
    /// Nix's own time; default: [`Overhead::PerTask`].
    pub overhead: Overhead,
}

impl Options {
    /// Makes options with these pools and the defaults.
    #[must_use]
    pub fn new(pools: Vec<Pool>) -> Self {
        Self {
            pools,
            ..Self::default()
        }
    }

    /// Returns them with another order.
    #[must_use]
    pub fn with_order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    /// Returns them with another overhead.
    #[must_use]
    pub fn with_overhead(mut self, overhead: Overhead) -> Self {
        self.overhead = overhead;
        self
    }

    /// Returns them with another number of slots in one pool; the pools before it that are not listed
    /// are listed without limit.
    #[must_use]
    pub fn with_slots(mut self, pool: u16, slots: u32) -> Self {
        let pool = usize::from(pool);
        if self.pools.len() <= pool {
            self.pools.resize(pool + 1, Pool::UNLIMITED);
        }
        self.pools[pool].slots = slots;
        self
    }

    /// Returns them with another cap of one pool, if that is listed; zero for none.
    #[must_use]
    pub fn with_cap(mut self, pool: u16, cap: u32) -> Self {
        if let Some(pool) = self.pools.get_mut(usize::from(pool)) {
            pool.is_cap_raised |= cap == 0 || cap > pool.cap;
            pool.cap = cap;
        }
        self
    }

    /// Returns the cap of a pool; zero for none.
    #[must_use]
    pub fn cap(&self, pool: u16) -> u32 {
        self.pools.get(usize::from(pool)).map_or(0, |pool| pool.cap)
    }

    /// Tells whether the cap of a pool is what limits it, and not its slots.
    #[must_use]
    pub fn is_capped(&self, pool: u16) -> bool {
        let pool = self.pools.get(usize::from(pool));
        pool.is_some_and(|pool| pool.cap > 0 && pool.limit() != pool.slots)
    }

    /// Returns how long after its dependencies are done a task can start at the earliest.
    #[must_use]
    pub fn hold(&self, task: &Task) -> Nanos {
        let pool = self.pools.get(usize::from(task.pool));
        match pool.is_some_and(|pool| !pool.is_cap_raised) && self.is_capped(task.pool) {
            true => task.hold + task.poll,
            false => task.hold,
        }
    }

    /// Returns the slots of a pool; `None` without limit.
    #[must_use]
    pub fn slots(&self, pool: u16) -> Option<u32> {
        let pool = self.pools.get(usize::from(pool))?;
        (pool.limit() > 0).then_some(pool.limit())
    }
}
