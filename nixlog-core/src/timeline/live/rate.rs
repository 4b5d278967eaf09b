//! How fast bytes come, over the last seconds.

use std::collections::VecDeque;

use super::model::Bytes;
use crate::time::{Nanos, Stamp};

/// How far back the rate looks: long enough to be steady, short enough to show a stall.
const WINDOW: Nanos = Nanos::new(5_000_000_000);

/// How often the sum is noted. Smaller steps cost time, larger ones make the window ragged.
const STEP: Nanos = Nanos::new(250_000_000);

/// Bytes that come, of how many, and how fast.
#[derive(Debug, Default)]
pub(super) struct Flow {
    /// What has come, less what had to be fetched again.
    pub(super) done: u64,
    /// All that ever came; never falls.
    received: u64,
    /// The sum at some instants of the window, the oldest first.
    samples: VecDeque<(Stamp, u64)>,
    /// From when on the sum is to be noted again.
    due: Stamp,
}

impl Flow {
    /// Takes in that a count has moved.
    #[inline]
    pub(super) fn moved(&mut self, from: u64, to: u64, now: Option<Stamp>) {
        if from == to {
            return;
        }
        if let Some(now) = now
            && now >= self.due
        {
            self.sample(now);
        }
        self.done = self.done.saturating_sub(from).saturating_add(to);
        self.received = self.received.saturating_add(to.saturating_sub(from));
    }

    /// Notes the sum before a change: what comes from now on counts from here.
    #[cold]
    fn sample(&mut self, now: Stamp) {
        self.due = now + STEP;
        while let Some(&(at, _)) = self.samples.front()
            && now.since(at) > WINDOW
        {
            self.samples.pop_front();
        }
        self.samples.push_back((now, self.received));
    }

    /// Returns what has come, of how many.
    pub(super) fn bytes(&self, expected: u64) -> Bytes {
        Bytes {
            done: self.done,
            expected: Some(expected).filter(|&expected| expected > 0),
        }
    }

    /// Returns the bytes per second; `None` where nothing came within the window.
    pub(super) fn rate_bps(&self, now: Stamp) -> Option<u64> {
        let in_window = |&&(at, _): &&(Stamp, u64)| now.since(at) <= WINDOW;
        let &(since, before) = self.samples.iter().find(in_window)?;
        // A first sample says nothing of how long it took.
        let nanos = now.since(since).max(STEP).get();
        let bytes = u128::from(self.received - before);
        let rate = bytes * 1_000_000_000 / u128::from(nanos);
        u64::try_from(rate).ok().filter(|&rate| rate > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Stamp {
        Stamp::from_nanos(millis * 1_000_000)
    }

    #[test]
    fn a_steady_stream_has_a_steady_rate() {
        let mut flow = Flow::default();
        assert_eq!(flow.rate_bps(at(0)), None);
        for step in 0..1000 {
            flow.moved(step * 1000, (step + 1) * 1000, Some(at(step * 10)));
        }
        let rate = flow.rate_bps(at(10_000)).expect("bytes came");
        assert!((99_000..=101_000).contains(&rate), "{rate}");
        assert!(flow.samples.len() <= 21, "{}", flow.samples.len());
        // A stall brings it down, and then there is none.
        assert!(flow.rate_bps(at(13_000)) < Some(60_000));
        assert_eq!(flow.rate_bps(at(16_000)), None);
        assert_eq!(
            flow.bytes(0),
            Bytes {
                done: 1_000_000,
                expected: None
            }
        );
    }

    #[test]
    fn what_is_fetched_again_is_received_twice() {
        let mut flow = Flow::default();
        flow.moved(0, 500, Some(at(0)));
        flow.moved(500, 0, Some(at(100)));
        flow.moved(0, 800, Some(at(200)));
        assert_eq!((flow.done, flow.received), (800, 1300));
        // A damaged log may count down from what it never counted up to.
        flow.moved(u64::MAX, 0, None);
        assert_eq!(flow.done, 0);
    }
}
