//! The simulation itself: rounds of Nix's thread, from one end to the next.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};

use super::order::Places;
use super::{Options, Order, Task, Workload};
use crate::time::Nanos;

/// When everything would have run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Schedule {
    /// When each task starts, after the beginning.
    pub start: Vec<Nanos>,
    /// When Nix is done with it.
    pub finish: Vec<Nanos>,
    /// What let it start.
    pub cause: Vec<Cause>,
    /// When the last one is done.
    pub makespan: Nanos,
    /// For how long Nix's own thread was busy.
    pub overhead: Nanos,
}

/// What a task's start came upon. What lies between that and the start is Nix's own time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Cause {
    /// The beginning.
    #[default]
    Beginning,
    /// Its release.
    Release,
    /// The end of this dependency, the last it waited for.
    Dependency(u32),
    /// The end of this task, whose slot it took: it was ready before.
    Slot(u32),
}

impl Cause {
    /// Returns the task whose end it was.
    #[must_use]
    pub const fn task(self) -> Option<u32> {
        match self {
            Self::Dependency(task) | Self::Slot(task) => Some(task),
            Self::Beginning | Self::Release => None,
        }
    }
}

impl Schedule {
    /// Returns the chain of tasks that explains the makespan, the first to start first: each started
    /// upon the end of the one before it, whether it needed it or only its slot.
    #[must_use]
    pub fn chain(&self) -> Vec<u32> {
        let ends = (0..).zip(&self.finish);
        let last = ends.max_by_key(|&(task, &end): &(u32, _)| (end, Reverse(task)));
        let mut at = last.map(|(task, _)| task);
        let mut chain = Vec::new();
        while let Some(task) = at {
            chain.push(task);
            at = self.cause[task as usize].task();
        }
        chain.reverse();
        chain
    }
}

/// Runs the workload on the slots. Takes O((V + E) log V), and the same input gives the same schedule,
/// however its nodes are numbered, as long as ranks differ.
///
/// # Panics
///
/// Where the workload has not exactly one task for each node.
#[must_use]
pub fn simulate(workload: &Workload<'_>, options: &Options) -> Schedule {
    let places = Places::new(workload, options);
    run(workload, options, &places)
}

/// Returns for each of these tasks the makespan if its builder took no time: Nix's own time with it stays,
/// and its place in the line too. Until such a task starts, all is as it is with it, so that one simulation
/// leads up to each of them. Takes O((V + E) log V) for each.
///
/// # Panics
///
/// As [`simulate`].
#[must_use]
pub fn without_each(workload: &Workload<'_>, options: &Options, tasks: &[u32]) -> Vec<Nanos> {
    let places = Places::new(workload, options);
    let mut engine = Engine::new(workload, options, &places);
    engine.run();
    // What takes no slot may be done as soon as it is ready, and so is free from the beginning.
    let round = |&task: &u32| match workload.tasks[task as usize].pool {
        Task::NO_POOL => 0,
        _ => engine.rounds[task as usize],
    };
    let mut order: Vec<(u32, usize)> = tasks.iter().map(round).zip(0..).collect();
    order.sort_unstable();
    let mut makespans = vec![Nanos::ZERO; tasks.len()];
    // The same number of tasks, early and late ones, for each thread.
    let n_threads = rayon::current_num_threads();
    let found: Vec<Vec<(usize, Nanos)>> = (0..n_threads)
        .into_par_iter()
        .map(|thread| {
            let mut engine = Engine::new(workload, options, &places);
            let own = order.iter().skip(thread).step_by(n_threads);
            let without = own.map(|&(round, place)| {
                while engine.round < round && engine.step() {}
                let mut other = engine.clone();
                other.free = Some(tasks[place]);
                other.run();
                (place, other.out.makespan)
            });
            without.collect()
        })
        .collect();
    for (place, makespan) in found.into_iter().flatten() {
        makespans[place] = makespan;
    }
    makespans
}

/// Runs the workload with places that were made before, for this workload, order and overhead.
pub(super) fn run(workload: &Workload<'_>, options: &Options, places: &Places) -> Schedule {
    let mut engine = Engine::new(workload, options, places);
    engine.run();
    engine.out
}

fn missing(workload: &Workload<'_>) -> Vec<u32> {
    let count = |node| workload.dag.edge_range(node).len();
    let counts = (0..).take(workload.tasks.len()).map(count);
    let count = counts.map(|n| u32::try_from(n).expect("a graph's edges are counted with 32 bits"));
    count.collect()
}

/// A pool in the course of things.
#[derive(Debug, Clone)]
struct PoolState {
    /// How many more may start; `None` without limit.
    free: Option<u32>,
    /// Who is ready, by place in the line.
    waiting: BinaryHeap<Reverse<u32>>,
    /// Who left the slots that are free, the first to leave first; those never used are not in it.
    left: VecDeque<u32>,
    /// How many slots were never used.
    unused: u32,
}

impl PoolState {
    fn new(slots: u32) -> Self {
        Self {
            free: (slots > 0).then_some(slots),
            waiting: BinaryHeap::new(),
            left: VecDeque::new(),
            unused: slots,
        }
    }

    /// Returns the place of who goes next, if there is a slot for it.
    fn next(&self) -> Option<u32> {
        if self.free == Some(0) {
            return None;
        }
        self.waiting.peek().map(|&Reverse(place)| place)
    }

    /// Takes a slot; returns who had it before.
    fn take(&mut self) -> Option<u32> {
        let free = self.free.as_mut()?;
        *free -= 1;
        if self.unused > 0 {
            self.unused -= 1;
            return None;
        }
        self.left.pop_front()
    }

    fn give_back(&mut self, task: u32) {
        if let Some(free) = &mut self.free {
            *free += 1;
            self.left.push_back(task);
        }
    }
}

/// How a place in the line is given out.
#[derive(Debug, Clone)]
enum Line<'a> {
    Places(&'a Places),
    /// By arrival; who came at which place.
    Arrival(Vec<u32>),
}

#[derive(Debug, Clone)]
struct Engine<'a> {
    workload: &'a Workload<'a>,
    options: &'a Options,
    pools: Vec<PoolState>,
    /// Who goes next in each pool that has a slot for it, by place in the line; and some that did once.
    fronts: BinaryHeap<Reverse<(u32, usize)>>,
    order: Line<'a>,
    places: &'a Places,
    /// How many dependencies of each task are not done.
    missing: Vec<u32>,
    /// When each task became ready, its hold and release included once that was looked at.
    ready: Vec<u64>,
    held: Vec<bool>,
    running: BinaryHeap<Reverse<(u64, u32)>>,
    releases: BinaryHeap<Reverse<(u64, u32)>>,
    /// The one whose builder takes no time.
    free: Option<u32>,
    /// How often Nix's thread has looked for what ended, and in which of these rounds each task started.
    round: u32,
    rounds: Vec<u32>,
    /// Where Nix's thread is.
    now: u64,
    busy: u64,
    out: Schedule,
}

impl<'a> Engine<'a> {
    fn new(workload: &'a Workload<'a>, options: &'a Options, places: &'a Places) -> Self {
        let n_tasks = workload.tasks.len();
        assert_eq!(n_tasks, workload.dag.len(), "one task for each node");
        let n_pools = workload.tasks.iter().map(|task| task.pool);
        // One pool more, without limit, stands for all that are not listed.
        let listed = usize::from(n_pools.max().unwrap_or(0)).min(options.pools.len());
        let pool =
            |pool: usize| PoolState::new(options.pools.get(pool).map_or(0, |pool| pool.limit()));
        Self {
            workload,
            options,
            pools: (0..=listed).map(pool).collect(),
            fronts: BinaryHeap::new(),
            order: match options.order {
                Order::FirstReady => Line::Arrival(Vec::with_capacity(n_tasks)),
                _ => Line::Places(places),
            },
            places,
            missing: missing(workload),
            ready: vec![0; n_tasks],
            held: vec![false; n_tasks],
            running: BinaryHeap::new(),
            releases: BinaryHeap::new(),
            free: None,
            round: 0,
            rounds: vec![0; n_tasks],
            now: 0,
            busy: 0,
            out: Schedule {
                start: vec![Nanos::ZERO; n_tasks],
                finish: vec![Nanos::ZERO; n_tasks],
                cause: vec![Cause::Beginning; n_tasks],
                ..Schedule::default()
            },
        }
    }

    fn run(&mut self) {
        while self.step() {}
        self.out.overhead = Nanos::new(self.busy);
    }

    /// Lets Nix's thread look once; returns whether there is anything left to look for.
    fn step(&mut self) -> bool {
        let (mut ended, mut woken) = (Vec::new(), Vec::new());
        if self.round == 0 {
            let tasks = (0..).zip(&self.missing).filter(|&(_, &n)| n == 0);
            woken.extend(tasks.map(|(task, _)| task));
        } else {
            let Some(next) = self.next_event() else {
                return false;
            };
            self.now = self.now.max(next);
            self.collect(&mut ended, &mut woken);
            for task in ended {
                self.end(task, &mut woken);
            }
            if matches!(self.options.order, Order::Nix | Order::Arbitrary { .. }) {
                self.start_waiting();
            }
        }
        self.arrive(&mut woken);
        self.start_waiting();
        self.round += 1;
        true
    }

    fn duration(&self, task: u32) -> Nanos {
        match self.free {
            Some(free) if free == task => Nanos::ZERO,
            _ => self.task(task).duration,
        }
    }

    fn next_event(&self) -> Option<u64> {
        let end = self.running.peek().map(|&Reverse((time, _))| time);
        let release = self.releases.peek().map(|&Reverse((time, _))| time);
        [end, release].into_iter().flatten().min()
    }

    /// Moves what ended, and what was released, up to now.
    fn collect(&mut self, ended: &mut Vec<u32>, released: &mut Vec<u32>) {
        for (from, to) in [
            (&mut self.running, &mut *ended),
            (&mut self.releases, released),
        ] {
            while let Some(&Reverse((time, task))) = from.peek()
                && time <= self.now
            {
                to.push(task);
                from.pop();
            }
        }
        ended.sort_unstable_by_key(|&task| (self.task(task).rank, task));
    }

    fn task(&self, task: u32) -> &Task {
        &self.workload.tasks[task as usize]
    }

    fn pool(&self, task: u32) -> usize {
        usize::from(self.task(task).pool).min(self.pools.len() - 1)
    }

    /// Notes who goes next in a pool in which that may be another than before.
    fn front(&mut self, pool: usize) {
        let next = self.pools[pool].next();
        self.fronts.extend(next.map(|place| Reverse((place, pool))));
    }

    fn spend(&mut self, cost: Nanos) {
        self.now = self.now.saturating_add(cost.get());
        self.busy = self.busy.saturating_add(cost.get());
    }

    fn end(&mut self, task: u32, woken: &mut Vec<u32>) {
        let (_, cost) = self.options.overhead.of(self.task(task));
        self.spend(cost);
        let pool = self.pool(task);
        self.pools[pool].give_back(task);
        self.front(pool);
        self.done(task, woken);
    }

    /// Notes that a task is done, and wakes whatever needed nothing else.
    fn done(&mut self, task: u32, woken: &mut Vec<u32>) {
        let now = Nanos::new(self.now);
        self.out.finish[task as usize] = now;
        self.out.makespan = self.out.makespan.max(now);
        let dag = self.workload.dag;
        for &dependent in dag.dependents(task) {
            let missing = &mut self.missing[dependent as usize];
            *missing -= 1;
            if *missing == 0 {
                self.ready[dependent as usize] = self.now;
                self.out.cause[dependent as usize] = Cause::Dependency(task);
                woken.push(dependent);
            }
        }
    }

    /// Puts those that became ready in line, and those that are not released yet aside.
    ///
    /// What needs neither a slot nor time is done at once, as if it had been there all along: what
    /// needs it must not come after others for that.
    fn arrive(&mut self, woken: &mut Vec<u32>) {
        let mut arrived = Vec::new();
        while let Some(task) = woken.pop() {
            if !std::mem::replace(&mut self.held[task as usize], true) {
                let of = self.task(task);
                let (hold, release) = (self.options.hold(of).get(), of.release.get());
                let ready = &mut self.ready[task as usize];
                *ready = ready.saturating_add(hold);
                if release > *ready {
                    *ready = release;
                    self.out.cause[task as usize] = Cause::Release;
                }
                if *ready > self.now {
                    self.releases.push(Reverse((*ready, task)));
                    continue;
                }
            }
            let of = self.task(task);
            if of.pool == Task::NO_POOL && self.duration(task) == Nanos::ZERO {
                self.out.start[task as usize] = Nanos::new(self.now);
                self.done(task, woken);
            } else {
                arrived.push(task);
            }
        }
        if matches!(self.order, Line::Arrival(_)) {
            arrived.sort_unstable_by_key(|&task| self.places.of[task as usize]);
        }
        for task in arrived {
            let place = match &mut self.order {
                Line::Places(places) => places.of[task as usize],
                Line::Arrival(came) => {
                    came.push(task);
                    u32::try_from(came.len() - 1).expect("no more than there are tasks")
                }
            };
            let pool = self.pool(task);
            self.pools[pool].waiting.push(Reverse(place));
            if self.pools[pool].next() == Some(place) {
                self.front(pool);
            }
        }
    }

    /// Starts those in line as far as there are slots, over all pools in the order of their places.
    fn start_waiting(&mut self) {
        while let Some(Reverse((place, pool))) = self.fronts.pop() {
            let of_pool = &mut self.pools[pool];
            if of_pool.next() != Some(place) {
                continue;
            }
            of_pool.waiting.pop();
            let before = of_pool.take();
            self.front(pool);
            let task = match &self.order {
                Line::Places(places) => places.at[place as usize],
                Line::Arrival(came) => came[place as usize],
            };
            if let Some(before) = before
                && self.out.finish[before as usize].get() > self.ready[task as usize]
            {
                self.out.cause[task as usize] = Cause::Slot(before);
            }
            let (cost, _) = self.options.overhead.of(self.task(task));
            self.spend(cost);
            self.out.start[task as usize] = Nanos::new(self.now);
            self.rounds[task as usize] = self.round;
            let end = self.now.saturating_add(self.duration(task).get());
            self.running.push(Reverse((end, task)));
        }
    }
}
