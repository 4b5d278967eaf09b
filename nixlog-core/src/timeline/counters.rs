//! When builds really ended: the counters know what a late `stop` hides.
//!
//! Up to Nix 2.29 the build activity of a requested derivation stays open until the whole call
//! ends (the goal object is kept alive; `Worker::run`'s caller holds it). The Builds counters,
//! however, tick at once: `running` falls, `done` or `failed` rises. A tick that no stop follows is
//! an *orphan*; at the end, orphans are matched with the builds that stopped too late.
//!
//! ```text
//! start a · start b · log a · tick ✓ (a, orphan) · log b · tick ✓ · stop b · stop a
//!                                                        └──── more stops than ticks: both late
//! ```
//!
//! A build cannot have ended before its last sign of life. So orphans are dealt out in order of
//! time: to the build whose stop follows right behind, else to the one that fell silent last: of
//! those that are silent for good, the one that spoke last is the likeliest to have just ended. With
//! one candidate that is exact.

use std::collections::BTreeSet;

use super::activity::{Activities, Activity, Row};
use crate::time::{Nanos, Stamp};
use crate::wire::event::Progress;

/// One build ended, say the counters.
#[derive(Debug, Clone, Copy)]
struct Tick {
    at: Option<Stamp>,
    event: u64,
    success: bool,
}

/// The counters of the builds of one call.
#[derive(Debug, Default)]
struct Counter {
    done: u64,
    failed: u64,
    /// The last ticks, with neither a start nor a stop among them.
    ticks: Vec<Tick>,
    /// Builds that stopped since those ticks.
    stops: Vec<Row>,
    orphans: Vec<Tick>,
    late: Vec<Row>,
}

/// The counters of all calls.
#[derive(Debug, Default)]
pub(super) struct Counters(Vec<Counter>);

impl Counters {
    /// Adds the counters of a call; returns their index.
    pub(super) fn add(&mut self) -> Option<u32> {
        self.0.push(Counter::default());
        u32::try_from(self.0.len() - 1).ok()
    }

    /// Takes in new counters of a call.
    #[inline]
    pub(super) fn progress(
        &mut self,
        counter: u32,
        now: Progress,
        at: Option<Stamp>,
        event: u64,
        activities: &mut Activities,
    ) {
        let counter = &mut self.0[counter as usize];
        if counter.done != now.done || counter.failed != now.failed {
            counter.tick(now, at, event, activities);
        }
    }

    /// A build that these counters count has started.
    pub(super) fn started(&mut self, counter: u32, activities: &mut Activities) {
        self.0[counter as usize].settle(activities, true);
    }

    /// A build that these counters count has stopped.
    pub(super) fn stopped(&mut self, counter: u32, build: Row) {
        self.0[counter as usize].stops.push(build);
    }

    /// Matches late stops with the ticks that nothing followed.
    pub(super) fn finish(&mut self, activities: &mut Activities) {
        for counter in &mut self.0 {
            counter.settle(activities, false);
            counter.resolve(activities);
        }
    }
}

impl Counter {
    fn tick(&mut self, now: Progress, at: Option<Stamp>, event: u64, activities: &mut Activities) {
        if !self.stops.is_empty() {
            self.settle(activities, true);
        }
        let ended = [
            (now.done, self.done, true),
            (now.failed, self.failed, false),
        ];
        for (now, before, success) in ended {
            // Each tick is one build; a damaged log may jump, and then tells nothing of builds.
            let n_ended = now.saturating_sub(before).min(64);
            self.ticks
                .extend((0..n_ended).map(|_| Tick { at, event, success }));
        }
        self.done = now.done;
        self.failed = now.failed;
    }

    /// Decides what the last stops mean: each the tick before it, or nothing certain. Late stops
    /// come when the call ends, so not while it `goes_on`.
    fn settle(&mut self, activities: &mut Activities, goes_on: bool) {
        if let Some(n_orphans) = self.ticks.len().checked_sub(self.stops.len()) {
            // What ends together ticks one after the other, and then stops, last tick first.
            let ticks = self.ticks[n_orphans..].iter().rev();
            let mut pairs = self.stops.iter().zip(ticks);
            let prompt = |(&build, &tick)| !activities.get(build).stops_late(tick);
            // Which of several failed is for the messages to say.
            let mut two = self.ticks.windows(2);
            let alike = two.all(|two| two[0].success == two[1].success);
            if alike && (goes_on || pairs.all(prompt)) {
                let ticks = self.ticks.drain(n_orphans..).rev();
                for (build, tick) in self.stops.drain(..).zip(ticks) {
                    activities.get_mut(build).verdict = Some(tick.success);
                }
            }
        }
        self.late.append(&mut self.stops);
        self.orphans.append(&mut self.ticks);
    }

    /// Matches ticks and builds. Takes O(n log n) for n of them.
    fn resolve(&mut self, activities: &mut Activities) {
        let mut late = std::mem::take(&mut self.late);
        late.sort_by_key(|&build| activities.get(build).alive);
        let mut late = late.into_iter().peekable();
        let mut silent = Silent::default();
        let mut unmatched = Vec::new();
        for tick in std::mem::take(&mut self.orphans) {
            while let Some(build) = late.next_if(|&build| activities.get(build).alive <= tick.event)
            {
                silent.add(build, activities.get(build));
            }
            match silent.take(tick, activities) {
                Some(build) => activities.get_mut(build).ended(tick),
                None => unmatched.push(tick),
            }
        }
        let rest = late.chain(silent.rest()).collect();
        deal_out(unmatched, rest, activities);
    }
}

/// Builds that will not show life any more, and whose end no tick has told yet.
#[derive(Default)]
struct Silent {
    by_stop: BTreeSet<(u64, Row)>,
    by_last_sign: BTreeSet<(u64, Row)>,
    /// Those that a message calls failed.
    failed: BTreeSet<(u64, Row)>,
    /// Those that stopped before a tick could fit.
    expired: Vec<Row>,
}

impl Silent {
    fn add(&mut self, row: Row, build: &Activity) {
        if build.verdict == Some(false) {
            self.failed.insert((build.stopped, row));
        } else {
            self.by_stop.insert((build.stopped, row));
            self.by_last_sign.insert((build.alive, row));
        }
    }

    /// Takes the build that a tick speaks of.
    fn take(&mut self, tick: Tick, activities: &Activities) -> Option<Row> {
        self.expire(tick, activities);
        if !tick.success
            && let Some((_, row)) = self.failed.pop_first()
        {
            return Some(row);
        }
        let &(_, next) = self.by_stop.first()?;
        // A stop right behind the tick is its own. A failure that no message names ends the call:
        // the failed build stops first, and then those that are cut off with it.
        let own = !tick.success || !activities.get(next).stops_late(tick);
        let row = if own {
            next
        } else {
            self.by_last_sign.last()?.1
        };
        self.remove(row, activities.get(row));
        Some(row)
    }

    /// Drops the builds that had stopped before the tick.
    fn expire(&mut self, tick: Tick, activities: &Activities) {
        while let Some(&(stopped, row)) = self.by_stop.first()
            && stopped <= tick.event
        {
            self.remove(row, activities.get(row));
            self.expired.push(row);
        }
    }

    fn remove(&mut self, row: Row, build: &Activity) {
        self.by_stop.remove(&(build.stopped, row));
        self.by_last_sign.remove(&(build.alive, row));
    }

    /// Returns the builds that are left.
    fn rest(self) -> impl Iterator<Item = Row> {
        let left = self
            .by_stop
            .into_iter()
            .chain(self.failed)
            .map(|(_, row)| row);
        left.chain(self.expired)
    }
}

/// Gives ticks that fit no build the builds that fit no tick, in the order of their stops.
///
/// Where two builds end at nearly the same time, the stop of one may follow the tick of the other.
/// All of them have ended, and their own stops tell when well enough.
fn deal_out(mut ticks: Vec<Tick>, mut builds: Vec<Row>, activities: &mut Activities) {
    ticks.sort_by_key(|tick| tick.event);
    builds.sort_by_key(|&build| activities.get(build).stopped);
    let mut ticks = ticks.into_iter().peekable();
    for build in builds {
        let build = activities.get_mut(build);
        if let Some(tick) = ticks.next_if(|tick| tick.event < build.stopped) {
            build.verdict = build.verdict.or(Some(tick.success));
        }
    }
}

/// A stop so soon after its tick is not late; Nix is busy with other things in between.
const PROMPT: Nanos = Nanos::new(50_000_000);

/// The same in lines of the log, where it has no times.
const PROMPT_EVENTS: u64 = 64;

impl Activity {
    /// Tells whether a build stopped long after the counters said that it ended.
    fn stops_late(&self, tick: Tick) -> bool {
        match self.stop.zip(tick.at) {
            Some((stop, at)) => stop.since(at) > PROMPT,
            None => self.stopped.saturating_sub(tick.event) > PROMPT_EVENTS,
        }
    }

    /// Takes over what the counters say of a build.
    fn ended(&mut self, tick: Tick) {
        self.verdict = Some(tick.success);
        if self.stops_late(tick) {
            self.counted_end = tick.at;
        }
    }
}
