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
//! time, each to the build that fell silent last before it: of those that are silent for good, the
//! one that spoke last is the likeliest to have just ended. With one candidate that is exact.

use super::activity::{Activities, Row};
use crate::time::Stamp;
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
    /// Ticks since the last build started or the last other tick.
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
        self.0[counter as usize].settle(activities);
    }

    /// A build that these counters count has stopped.
    pub(super) fn stopped(&mut self, counter: u32, build: Row) {
        self.0[counter as usize].stops.push(build);
    }

    /// Matches late stops with the ticks that nothing followed.
    pub(super) fn finish(&mut self, activities: &mut Activities) {
        for counter in &mut self.0 {
            counter.settle(activities);
            counter.resolve(activities);
        }
    }
}

impl Counter {
    fn tick(&mut self, now: Progress, at: Option<Stamp>, event: u64, activities: &mut Activities) {
        self.settle(activities);
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

    /// Decides what the stops since the last ticks mean: each tick its stop, or nothing certain.
    fn settle(&mut self, activities: &mut Activities) {
        let n_stops = self.stops.len();
        if n_stops <= self.ticks.len() {
            for (build, tick) in self.stops.drain(..).zip(self.ticks.drain(..n_stops)) {
                activities.get_mut(build).verdict = Some(tick.success);
            }
        }
        self.late.append(&mut self.stops);
        self.orphans.append(&mut self.ticks);
    }

    fn resolve(&mut self, activities: &mut Activities) {
        let mut late = std::mem::take(&mut self.late);
        late.sort_by_key(|&build| activities.get(build).alive);
        let mut late = late.into_iter().peekable();
        let mut silent: Vec<Row> = Vec::new();
        for tick in std::mem::take(&mut self.orphans) {
            while let Some(build) = late.next_if(|&build| activities.get(build).alive <= tick.event)
            {
                silent.push(build);
            }
            let Some(position) = pick(&silent, tick, activities) else {
                continue;
            };
            let build = activities.get_mut(silent.remove(position));
            build.counted_end = tick.at;
            build.verdict = Some(tick.success);
        }
    }
}

/// Picks the build that a tick speaks of, among those that are silent for good.
fn pick(silent: &[Row], tick: Tick, activities: &Activities) -> Option<usize> {
    let verdict = |row: Row| activities.get(row).verdict;
    let open = |row: Row| activities.get(row).stopped > tick.event;
    if tick.success {
        return silent
            .iter()
            .rposition(|&row| open(row) && verdict(row) != Some(false));
    }
    let told = silent
        .iter()
        .rposition(|&row| open(row) && verdict(row) == Some(false));
    if told.is_some() {
        return told;
    }
    // A failure that no message names ends the call: the failed build stops first, and then those
    // that are cut off with it.
    let unnamed = silent
        .iter()
        .enumerate()
        .filter(|&(_, &row)| open(row) && verdict(row).is_none());
    unnamed
        .min_by_key(|&(_, &row)| activities.get(row).stopped)
        .map(|(position, _)| position)
}
