//! Which of the open builds of a call have ended, as its counters say.
//!
//! The same riddle as in `counters`, but now rather than at the end: up to Nix 2.29 the activity of
//! a requested build stays open until the whole call ends, while the counters tick at once. A tick
//! that a stop follows is that build's. The others are dealt out, each time somebody asks, by what
//! is known by then: to the build that showed life last before the tick. If it shows life again, it
//! is running after all, and the tick is another's.

use std::collections::VecDeque;

use crate::time::{Nanos, Stamp};
use crate::wire::event::Progress;

/// A stop so soon after a tick belongs to it; Nix is busy with other things in between.
const PROMPT: Nanos = Nanos::new(50_000_000);

/// The same in events, where the log has no times.
const PROMPT_EVENTS: u64 = 64;

/// An instant, in time and in the order of the log.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Moment {
    pub(super) at: Option<Stamp>,
    pub(super) event: u64,
}

impl Moment {
    /// Tells whether this came right before `later`.
    pub(super) fn is_prompt(self, later: Self) -> bool {
        match later.at.zip(self.at) {
            Some((later, at)) => later.since(at) <= PROMPT,
            None => later.event.saturating_sub(self.event) <= PROMPT_EVENTS,
        }
    }
}

/// One build ended, say the counters.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tick {
    pub(super) when: Moment,
    pub(super) success: bool,
}

/// The counters of the builds of one call.
#[derive(Debug, Default)]
pub(super) struct Ticks {
    pub(super) done: u64,
    pub(super) failed: u64,
    pub(super) expected: u64,
    /// How many were announced for this call.
    pub(super) planned: Option<u64>,
    /// Failures that a message told before the counters did.
    early: u64,
    /// Open builds that these counters count.
    open: usize,
    /// The ticks that no stop has followed, in order. Never more than there are open builds.
    ticks: VecDeque<Tick>,
}

impl Ticks {
    /// Makes the counters of a call that begins, for which so many builds were announced.
    pub(super) fn new(planned: Option<u64>) -> Self {
        Self {
            planned,
            ..Self::default()
        }
    }

    /// Takes in new counters.
    #[inline]
    pub(super) fn progress(&mut self, now: Progress, when: Moment) {
        self.expected = now.expected;
        if self.done != now.done || self.failed != now.failed {
            self.tick(now, when);
        }
    }

    fn tick(&mut self, now: Progress, when: Moment) {
        let failed = now.failed.saturating_sub(self.failed);
        let told = failed.min(self.early);
        self.early -= told;
        let done = now.done.saturating_sub(self.done);
        for (n, success) in [(done, true), (failed - told, false)] {
            // Of a jump, as damaged logs have them, no more than there can be.
            let n = usize::try_from(n).unwrap_or(usize::MAX).min(self.open);
            let tick = Tick { when, success };
            self.ticks.extend((0..n).map(|_| tick));
        }
        self.forget();
        (self.done, self.failed) = (now.done, now.failed);
    }

    /// Takes the tick of a build that stops, and that last showed life in the event `alive`.
    pub(super) fn stopped(&mut self, alive: u64, when: Moment) -> Option<Tick> {
        self.open = self.open.saturating_sub(1);
        let first = self.ticks.partition_point(|tick| tick.when.event < alive);
        let last = self.ticks.len().checked_sub(1)?;
        let prompt = last >= first && self.ticks[last].when.is_prompt(when);
        let tick = self.ticks.remove(if prompt { last } else { first });
        self.forget();
        tick
    }

    /// A build that these counters count has started.
    pub(super) fn started(&mut self) {
        self.open += 1;
    }

    /// A build whose tick was taken before, or that never had one, is open no more.
    pub(super) fn gone(&mut self) {
        self.open = self.open.saturating_sub(1);
        self.forget();
    }

    /// Takes the last failure, since a message has said whose it is; the next one, where the
    /// counters have not moved yet.
    pub(super) fn take_failure(&mut self) -> Option<Tick> {
        let Some(last) = self.ticks.iter().rposition(|tick| !tick.success) else {
            self.early += 1;
            return None;
        };
        self.ticks.remove(last)
    }

    /// Ticks without a build are of no use.
    fn forget(&mut self) {
        let surplus = self.ticks.len().saturating_sub(self.open);
        self.ticks.drain(..surplus);
    }

    /// Returns the tick that no stop has followed, if it is the only one, and a failure.
    pub(super) fn lone_failure(&self) -> Option<Tick> {
        let mut ticks = self.ticks.iter();
        let tick = ticks.next().filter(|tick| !tick.success)?;
        ticks.next().is_none().then_some(*tick)
    }

    /// Returns which of the open builds have ended, each given as the event in which it last showed
    /// life and something to know it by. Takes O(n log n) for n of them.
    pub(super) fn ended<T: Copy + Ord>(&self, mut open: Vec<(u64, T)>) -> Vec<T> {
        if self.ticks.is_empty() {
            return Vec::new();
        }
        open.sort_unstable();
        let mut open = open.into_iter().peekable();
        let (mut silent, mut ended) = (Vec::new(), Vec::new());
        for tick in &self.ticks {
            while let Some((_, build)) = open.next_if(|&(alive, _)| alive <= tick.when.event) {
                silent.push(build);
            }
            ended.extend(silent.pop());
        }
        ended
    }
}
