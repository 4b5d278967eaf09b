//! From what was measured to a workload: Nix's own time apart from the builders'.
//!
//! A log has one line when Nix has started a builder and one when Nix is done with it. Nix's thread
//! does one thing at a time, so the time between two such lines is all its own, unless it slept:
//!
//! ```text
//!        end of A     start of B          end of C
//! ─────────┤▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒├───────z z z────┤▒▒▒▒▒┤───
//!            start cost of B     asleep      finish cost of C
//! ```
//!
//! - *Start cost*: from the line before, or from when the last dependency ended if that is later, to
//!   the start. Nix does not sleep while it could start something, so all of that is work. This is
//!   kept for each task: it differs by ten times within a build.
//! - *Finish cost*: at most the time since the line before, but how much of that Nix slept does not
//!   show. It is cut off at a share of the mean start cost of the pool: 0.6, up to 1.2 where most ends
//!   come hard upon another line and so were hardly slept before.
//! - *The builder's own time*: where Nix slept before it took up the end, up to then. Else the builder
//!   had to wait for Nix: it ended somewhere between the last time Nix looked and found it running,
//!   and the time when it was taken up. Where in between is the same share for all, in quarters from
//!   the earliest, and the first with which the replay is off by at most 2 %. Where Nix had not looked
//!   since the start, the earliest is half way.
//! - *Hold*: Nix does not sleep while something is ready and there is a slot. What started only after
//!   such a sleep had waited for something that the log does not tell until the end of that sleep. How
//!   long a sleep must be for that: 10 ms, or two starts; less where the replay is too short otherwise.
//! - *Poll*: who waits for something that a cap counts (a build user) asks again every few seconds. The log
//!   says until when; it is a hold as long as the cap is what limits the pool.
//! - *Pauses*: where nothing runs for long, it is not Nix's thread but something that no line tells
//!   (evaluation, a query, a lock). A task of its own, which needs all before and which all after needs.
//!
//! # How exact
//!
//! Against the builders' own clocks in 82 recordings of Nix 2.8, 2.26 and 2.34. The costs add up to
//! within 5 % of the truth where Nix's thread is what limits the build (2,900 builders of a few
//! milliseconds each). The finish costs are up to half too high where it is idle and they do not
//! matter. The share of 0.6 is theirs: from 0.45 to 0.7 over the recordings with an idle Nix.
//!
//! With the builders' true ends in place of the estimate, the largest recordings replay to within
//! 0.5 %: it is the estimates that are inexact, not the model. With the estimates:
//!
//! | recordings | replay, recorded order | replay, Nix's order |
//! | --- | --- | --- |
//! | 9 of a chain or a fan | 0.0 % | 0.0 % |
//! | 16 of 150 builds (two of 67), `-j 1` to `-j 8` | −0.3 … +0.1 % | −3.8 … +1.4 % |
//! | 5 of 136 to 2,908 builds, Nix the limit | −1.9 … 0.0 % | −1.4 … +0.5 % |
//! | 24 of 20 to 40 builds, 0.7 to 4 s | −1.9 … +0.4 % | −3.9 … +12.5 % |
//! | 24 with substitutions, 1 to 9 s | −1.9 … +1.7 % | −9.5 … +6.3 % |
//! | 4 on remote machines | −1.5 … +0.3 % | −0.8 … +4.4 % |
//!
//! Without counting shorter sleeps where the replay is too short, those with substitutions are off by
//! as much as −5.0 %, and one on remote machines by −3.6 %.
//!
//! Short builds depend on who came first by a millisecond, so Nix's order is off by a whole build
//! there. One graph of 150 builds at `-j 1`, 2, 4, 8 and with its six slowest already there, each
//! predicted from each other on two versions of Nix: all 32 within 1.5 %.
//!
//! The replay in the recorded order is no measure of how good a prediction is: costs, holds and pauses
//! come from the recording that is replayed, and the share above is chosen by it. The limits here (0.6,
//! 2 %, what counts as sleep or pause) were set with these recordings too. The replay in Nix's order
//! chooses less, and the predictions from one recording to another nothing but the limits.
//!
//! Those 32 are of builders that sleep. Where builders compete for two cores, with a load of others,
//! predictions between -j 1 and -j 8 of 400 to 500 short builds were off by tens of per cent, and by
//! more from many slots to few: the builders themselves took up to 2.5 times as long.

use std::collections::HashSet;

use super::{Options, Order, Pool, Task, Workload, pauses, simulate};
use crate::graph::Dag;
use crate::time::{Interval, Nanos, Stamp};

/// How long nothing must run at the least for it to be a pause: what stamps are off by in the worst
/// case, and so much more than what Nix takes for one start.
const LEAST_PAUSE: Nanos = Nanos::new(50_000_000);
const PAUSE_IN_STARTS: u64 = 8;

/// How long Nix must have slept at the least for it to count as having had nothing to do, when it is
/// also twice what a start takes: less may be a finish that took longer than others.
const LEAST_SLEEP: Nanos = Nanos::new(10_000_000);

/// No shorter sleep is told from a finish that took longer than others, even where the replay is too short
/// without.
const SHORTEST_SLEEP: Nanos = Nanos::new(500_000);

/// A replay is good enough where it is off by at most this part of the makespan.
const GOOD_REPLAY: u64 = 50;

/// One task as it ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// From Nix's line that it started to the line that it was done.
    pub interval: Interval,
    /// The pool whose slot it took.
    pub pool: u16,
    /// Its place in the order of Nix's keys.
    pub rank: u32,
    /// For how long before its end a post-build hook stopped all of Nix.
    pub hook: Nanos,
    /// Until when it waited for one of the things that [`Pool::cap`] counts, if it did.
    pub capped_until: Option<Stamp>,
}

/// A workload made from what ran.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recorded {
    /// The graph of the runs and, after them, of the pauses.
    pub dag: Dag,
    /// The tasks: one for each run, in their order, then one for each pause.
    pub tasks: Vec<Task>,
    /// What was found on the way.
    pub measured: Measured,
}

/// Nix's own time, as measured.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Measured {
    /// From the first start to the last end.
    pub makespan: Nanos,
    /// All start costs together.
    pub starting: Nanos,
    /// All finish costs together; estimated.
    pub finishing: Nanos,
    /// Half of the starts cost at most this.
    pub start_median: Nanos,
    /// Nine of ten starts cost at most this.
    pub start_p90: Nanos,
    /// What the costliest start cost.
    pub start_max: Nanos,
    /// What the simulation makes of the recorded order on the same pools: to be held against
    /// [`makespan`](Self::makespan), and to be shown beside every prediction.
    pub replayed: Nanos,
    /// The pauses, in order of time.
    pub pauses: Vec<Interval>,
}

impl Recorded {
    /// Returns the workload that a simulation runs.
    #[must_use]
    pub fn workload(&self) -> Workload<'_> {
        Workload {
            dag: &self.dag,
            tasks: &self.tasks,
        }
    }

    /// Returns by how much the replay is off.
    fn off(&self) -> u64 {
        self.measured
            .replayed
            .get()
            .abs_diff(self.measured.makespan.get())
    }

    /// Tells whether the replay is so much too short that it is not good enough.
    fn is_too_short(&self) -> bool {
        self.measured.replayed < self.measured.makespan
            && self.off() > self.measured.makespan.get() / GOOD_REPLAY
    }

    /// Chooses where between the bounds the builders ended: as early as makes the replay come out.
    fn settle(&mut self, own: &[Own], pools: &[Pool]) {
        let options = Options::new(pools.to_vec()).with_order(Order::Recorded);
        let mut best: Option<(u64, u64, Nanos)> = None;
        for quarters in 0..=4 {
            self.take(own, quarters);
            let replayed = simulate(&self.workload(), &options).makespan;
            let off = replayed.get().abs_diff(self.measured.makespan.get());
            if best.is_none_or(|(least, ..)| off < least) {
                best = Some((off, quarters, replayed));
            }
            if off <= self.measured.makespan.get() / GOOD_REPLAY {
                break;
            }
        }
        if let Some((_, quarters, replayed)) = best {
            self.take(own, quarters);
            self.measured.replayed = replayed;
        }
    }

    fn take(&mut self, own: &[Own], quarters: u64) {
        for (task, own) in self.tasks.iter_mut().zip(own) {
            let more = (own.latest - own.earliest).get();
            let more = more / 4 * quarters + more % 4 * quarters / 4;
            task.duration = own.earliest + Nanos::new(more);
        }
    }
}

/// A line of Nix's about a run.
#[derive(Debug, Clone, Copy)]
pub(super) enum Event {
    Start(Stamp, usize),
    End(Stamp, usize),
}

/// Returns all lines in the order of time; where stamps are equal, ends come first, but not before
/// their own starts.
pub(super) fn events(runs: &[Run]) -> Vec<Event> {
    let mut events = Vec::with_capacity(2 * runs.len());
    for (index, run) in runs.iter().enumerate() {
        let (start, end) = (run.interval.start(), run.interval.end());
        let instant = u8::from(start == end);
        events.push((start, 1, run.rank, index, Event::Start(start, index)));
        events.push((end, 2 * instant, run.rank, index, Event::End(end, index)));
    }
    events.sort_unstable_by_key(|&(at, kind, rank, index, _)| (at, kind, rank, index));
    events.into_iter().map(|(.., event)| event).collect()
}

/// Makes a workload from what ran on these pools. The graph has one node for each run.
///
/// # Panics
///
/// Where there is not exactly one run for each node.
#[must_use]
pub fn recorded(dag: &Dag, runs: &[Run], pools: &[Pool]) -> Recorded {
    assert_eq!(dag.len(), runs.len(), "one run for each node");
    let events = events(runs);
    let mut ready = ready(dag, runs);
    let polls = polls(runs, &mut ready);
    let mut gaps = Gaps::new(runs, &ready, &events);
    let median = quantile(&gaps.starts, 50);
    let least = LEAST_PAUSE.max(Nanos::new(median.get().saturating_mul(PAUSE_IN_STARTS)));
    let mut pauses = pauses(runs, least);
    // What ends such a wait explains the time before it.
    let capped = runs.iter().filter(|run| run.capped_until.is_some());
    let capped: HashSet<Stamp> = capped.map(|run| run.interval.start()).collect();
    pauses.retain(|pause| !capped.contains(&pause.end()));
    let ready = gaps.cut_pauses(&events, &pauses, median, ready);
    let finish_costs = finish_costs(runs, &gaps);
    // Where Nix's thread is nearly always busy, what looks like sleep is a finish that took long.
    let begin = runs.iter().map(|run| run.interval.start()).min();
    let end = runs.iter().map(|run| run.interval.end()).max();
    let makespan = end.zip(begin).map(|(end, begin)| end.since(begin));
    let makespan = makespan.unwrap_or_default();
    let starting: Nanos = gaps.starts.iter().copied().sum();
    let finishing: Nanos = finish_costs.iter().copied().sum();
    let least_sleep = if (starting + finishing).get() / 2 > makespan.get() / 3 {
        makespan
    } else {
        LEAST_SLEEP.max(median + median)
    };
    // When Nix took an end up, its hook had yet to run.
    let costs = finish_costs.iter().zip(runs);
    let ending: Vec<Nanos> = costs.map(|(&cost, run)| cost + run.hook).collect();
    let watch = Watch::new(runs, pools, &events, &ready, &ending, least_sleep);

    let mut order: Vec<usize> = (0..runs.len()).collect();
    order.sort_unstable_by_key(|&index| {
        let run = &runs[index];
        (run.interval.start(), run.interval.end(), run.rank, index)
    });
    let mut tasks: Vec<Task> = Vec::with_capacity(runs.len() + pauses.len());
    for (index, run) in runs.iter().enumerate() {
        tasks.push(Task {
            start_cost: gaps.starts[index],
            finish_cost: finish_costs[index],
            hook: run.hook,
            pool: run.pool,
            rank: run.rank,
            hold: watch.holds[index],
            poll: polls[index],
            ..Task::default()
        });
    }
    for (place, &index) in (0..).zip(&order) {
        tasks[index].recorded = place;
    }
    let dag = with_pauses(dag, runs, &order, &pauses, &mut tasks, median);

    let mut recorded = Recorded {
        dag,
        tasks,
        measured: Measured {
            makespan,
            starting,
            finishing,
            start_median: quantile(&gaps.starts, 50),
            start_p90: quantile(&gaps.starts, 90),
            start_max: quantile(&gaps.starts, 100),
            replayed: Nanos::ZERO,
            pauses,
        },
    };
    recorded.settle(&watch.own, pools);
    // In builds of a second or two, many short sleeps are as much as a long one.
    let mut shorter = least_sleep;
    while recorded.is_too_short() && shorter > SHORTEST_SLEEP {
        shorter = Nanos::new(shorter.get() / 4);
        let watch = Watch::new(runs, pools, &events, &ready, &ending, shorter);
        let mut other = recorded.clone();
        for (task, &hold) in other.tasks.iter_mut().zip(&watch.holds) {
            task.hold = hold;
        }
        other.settle(&watch.own, pools);
        if other.off() < recorded.off() {
            recorded = other;
        }
    }
    recorded
}

/// Returns the smallest of the lengths that so many percent do not exceed.
fn quantile(lengths: &[Nanos], percent: usize) -> Nanos {
    let mut sorted = lengths.to_vec();
    let place = (sorted.len() * percent).div_ceil(100).max(1) - 1;
    if place >= sorted.len() {
        return Nanos::ZERO;
    }
    *sorted.select_nth_unstable(place).1
}

/// What lies before each line: for starts since anything could be started, for ends since the last line.
struct Gaps {
    starts: Vec<Nanos>,
    ends: Vec<Nanos>,
}

impl Gaps {
    fn new(runs: &[Run], ready: &[Option<Stamp>], events: &[Event]) -> Self {
        let mut gaps = Self {
            starts: vec![Nanos::ZERO; runs.len()],
            ends: vec![Nanos::ZERO; runs.len()],
        };
        let mut before = None;
        for &event in events {
            match event {
                Event::Start(at, index) => {
                    let since = before.max(ready[index]).unwrap_or(at);
                    gaps.starts[index] = at.since(since);
                    before = Some(at);
                }
                Event::End(at, index) => {
                    gaps.ends[index] = at.since(before.unwrap_or(at)) - runs[index].hook;
                    before = Some(at);
                }
            }
        }
        gaps
    }

    /// Takes what belongs to a pause off the start that ends it, and returns when everything was
    /// ready, which is not before the last pause.
    fn cut_pauses(
        &mut self,
        events: &[Event],
        pauses: &[Interval],
        start_cost: Nanos,
        mut ready: Vec<Option<Stamp>>,
    ) -> Vec<Option<Stamp>> {
        let mut ahead = pauses.iter().peekable();
        let mut last = None;
        for event in events {
            let Event::Start(at, index) = *event else {
                continue;
            };
            if let Some(pause) = ahead.next_if(|pause| pause.end() == at) {
                self.starts[index] = self.starts[index].min(start_cost);
                last = Some(pause.start() + (pause.length() - start_cost));
            }
            ready[index] = ready[index].max(last);
        }
        ready
    }
}

/// Returns when the last dependency of each run ended.
fn ready(dag: &Dag, runs: &[Run]) -> Vec<Option<Stamp>> {
    let needed = |node| dag.dependencies(node).iter();
    let end = |&other: &u32| runs[other as usize].interval.end();
    let nodes = (0..).take(runs.len());
    nodes.map(|node| needed(node).map(end).max()).collect()
}

/// Returns for how long each run waited for what a cap counts, and makes it ready only then.
fn polls(runs: &[Run], ready: &mut [Option<Stamp>]) -> Vec<Nanos> {
    let begin = runs.iter().map(|run| run.interval.start()).min();
    let polls = runs.iter().zip(ready).map(|(run, ready)| {
        let since = ready.or(begin);
        let until = run.capped_until.min(Some(run.interval.start()));
        *ready = (*ready).max(until);
        until
            .zip(since)
            .map_or(Nanos::ZERO, |(until, since)| until.since(since))
    });
    polls.collect()
}

/// Estimates the finish costs, pool by pool.
fn finish_costs(runs: &[Run], gaps: &Gaps) -> Vec<Nanos> {
    #[derive(Clone, Copy, Default)]
    struct Sum {
        n: u64,
        starts: u64,
        hard_upon: u64,
    }
    let n_pools = runs.iter().map(|run| usize::from(run.pool) + 1).max();
    let mut sums = vec![Sum::default(); n_pools.unwrap_or(0)];
    for (run, start) in runs.iter().zip(&gaps.starts) {
        let sum = &mut sums[usize::from(run.pool)];
        sum.n += 1;
        sum.starts = sum.starts.saturating_add(start.get());
    }
    for (run, end) in runs.iter().zip(&gaps.ends) {
        let sum = &mut sums[usize::from(run.pool)];
        sum.hard_upon += u64::from(end.get() < sum.starts / sum.n);
    }
    let cost = |(run, end): (&Run, &Nanos)| {
        let sum = sums[usize::from(run.pool)];
        let mean = u128::from(sum.starts / sum.n);
        let cut = mean * 6 * u128::from(sum.n + sum.hard_upon) / (10 * u128::from(sum.n));
        let cut = Nanos::new(u64::try_from(cut).unwrap_or(u64::MAX));
        (run.interval.length() - run.hook).min(*end).min(cut)
    };
    runs.iter().zip(&gaps.ends).map(cost).collect()
}

/// How long a builder ran itself: between these two.
#[derive(Debug, Clone, Copy, Default)]
struct Own {
    earliest: Nanos,
    latest: Nanos,
}

/// What is seen by following Nix's thread from line to line.
struct Watch {
    own: Vec<Own>,
    /// For how long each run must have waited for something that is not in the log.
    holds: Vec<Nanos>,
}

impl Watch {
    fn new(
        runs: &[Run],
        pools: &[Pool],
        events: &[Event],
        ready: &[Option<Stamp>],
        finish_costs: &[Nanos],
        least_sleep: Nanos,
    ) -> Self {
        let mut watch = Self {
            own: vec![Own::default(); runs.len()],
            holds: vec![Nanos::ZERO; runs.len()],
        };
        let n_pools = runs.iter().map(|run| usize::from(run.pool) + 1).max();
        let mut running = vec![0_u32; n_pools.unwrap_or(0)];
        // When Nix last woke from a sleep during which the pool had a free slot.
        let mut woke: Vec<Option<Stamp>> = vec![None; running.len()];
        let slots = |pool: usize| pools.get(pool).map_or(0, |pool| pool.limit());
        let Some(&(Event::Start(begin, _) | Event::End(begin, _))) = events.first() else {
            return watch;
        };
        // When Nix last looked what had ended, and when before that.
        let (mut look, mut look_before) = (begin, begin);
        let mut before = begin;
        let mut was_start = true;
        for &event in events {
            match event {
                Event::Start(at, index) => {
                    let pool = usize::from(runs[index].pool);
                    let ready = ready[index].unwrap_or(begin);
                    if let Some(woke) = woke[pool] {
                        watch.holds[index] = woke.since(ready);
                    }
                    running[pool] += 1;
                    before = at;
                    was_start = true;
                }
                Event::End(at, index) => {
                    let start = runs[index].interval.start();
                    let taken_up = before + (at.since(before) - finish_costs[index]);
                    let slept = taken_up.since(before);
                    if was_start || slept > Nanos::ZERO {
                        look_before = look;
                        look = taken_up;
                    }
                    let latest = look.min(taken_up).since(start);
                    let earliest = if slept > Nanos::ZERO {
                        latest
                    } else if look_before > start {
                        look_before.since(start).min(latest)
                    } else {
                        Nanos::new(latest.get() / 2)
                    };
                    watch.own[index] = Own { earliest, latest };
                    if slept >= least_sleep {
                        for (pool, woke) in woke.iter_mut().enumerate() {
                            if slots(pool) == 0 || running[pool] < slots(pool) {
                                *woke = Some(taken_up);
                            }
                        }
                    }
                    let pool = usize::from(runs[index].pool);
                    running[pool] = running[pool].saturating_sub(1);
                    before = at;
                    was_start = false;
                }
            }
        }
        watch
    }
}

/// Adds a task for each pause, between what ran before it and what ran after it.
fn with_pauses(
    dag: &Dag,
    runs: &[Run],
    order: &[usize],
    pauses: &[Interval],
    tasks: &mut Vec<Task>,
    start_cost: Nanos,
) -> Dag {
    if pauses.is_empty() {
        return dag.clone();
    }
    let number = |n: usize| u32::try_from(n).expect("a graph's nodes are counted with 32 bits");
    let mut edges = Vec::with_capacity(dag.n_edges() + 2 * runs.len() + pauses.len());
    for node in (0..).take(runs.len()) {
        edges.extend(dag.dependencies(node).iter().map(|&other| (node, other)));
    }
    let mut next = 0;
    for &index in order {
        while pauses
            .get(next)
            .is_some_and(|pause| pause.end() <= runs[index].interval.start())
        {
            next += 1;
            if next > 1 {
                edges.push((number(runs.len() + next - 1), number(runs.len() + next - 2)));
            }
        }
        if next > 0 {
            edges.push((number(index), number(runs.len() + next - 1)));
        }
        if next < pauses.len() {
            edges.push((number(runs.len() + next), number(index)));
        }
    }
    // Something may have run before what it is said to need; then the order of time is not to be had.
    let Ok(with_pauses) = Dag::new(runs.len() + pauses.len(), edges) else {
        return dag.clone();
    };
    tasks.extend(pauses.iter().map(|pause| Task {
        duration: pause.length() - start_cost,
        pool: Task::NO_POOL,
        ..Task::default()
    }));
    with_pauses
}
