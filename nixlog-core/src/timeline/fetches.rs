//! Which substitutions succeeded: their own activities do not say, the counters of the call do.
//!
//! A substitution's activity ends in the thread that copies; the counters of the call's `CopyPaths`
//! activity move when the main thread has looked at the result (`PathSubstitutionGoal::finished`). So
//! here, unlike with builds, the tick follows the stop.

use std::collections::VecDeque;

use super::Set;
use super::activity::{Activities, Row};
use super::failures::Failures;
use super::model::Name;
use crate::wire::event::Progress;

/// What happened to the substitutions of one call, in order.
#[derive(Debug, Clone, Copy)]
enum Step {
    Stopped(Row),
    Ticked { success: bool },
}

/// The counters of the substitutions of one call.
#[derive(Debug, Default)]
struct Counter {
    done: u64,
    failed: u64,
    steps: Vec<Step>,
    n_stopped: u64,
}

/// The counters of all calls.
#[derive(Debug, Default)]
pub(super) struct Fetches(Vec<Counter>);

impl Fetches {
    /// Adds the counters of a call; returns their index.
    pub(super) fn add(&mut self) -> Option<u32> {
        self.0.push(Counter::default());
        u32::try_from(self.0.len() - 1).ok()
    }

    /// A substitution that these counters count has stopped.
    pub(super) fn stopped(&mut self, counter: u32, substitution: Row) {
        let counter = &mut self.0[counter as usize];
        counter.steps.push(Step::Stopped(substitution));
        counter.n_stopped += 1;
    }

    /// Takes in new counters of a call.
    #[inline]
    pub(super) fn progress(&mut self, counter: u32, now: Progress) {
        let counter = &mut self.0[counter as usize];
        if counter.done != now.done || counter.failed != now.failed {
            counter.tick(now);
        }
    }

    /// Gives each substitution its verdict, now that all messages are known.
    pub(super) fn finish(&self, failures: &Failures, activities: &mut Activities) {
        for counter in &self.0 {
            counter.resolve(failures, activities);
        }
    }
}

impl Counter {
    fn tick(&mut self, now: Progress) {
        let more = |now: u64, before: u64| now.saturating_sub(before).min(self.n_stopped);
        let (n_failed, n_done) = (more(now.failed, self.failed), more(now.done, self.done));
        let failed = (0..n_failed).map(|_| Step::Ticked { success: false });
        let done = (0..n_done).map(|_| Step::Ticked { success: true });
        self.steps.extend(failed.chain(done));
        self.done = now.done;
        self.failed = now.failed;
    }

    fn resolve(&self, failures: &Failures, activities: &mut Activities) {
        let mut waiting: VecDeque<Row> = VecDeque::new();
        // A path that failed at one substituter may come from the next one.
        let mut seen: Set<Name> = Set::default();
        for &step in &self.steps {
            let success = match step {
                Step::Stopped(row) => {
                    waiting.push_back(row);
                    continue;
                }
                Step::Ticked { success } => success,
            };
            let is_bad = |row: &Row| {
                let path = activities.get(*row).subject;
                path.is_some_and(|path| failures.of_path(path).is_some() && !seen.contains(&path))
            };
            // Few have stopped before their results are looked at, so the search is short.
            let fits = waiting.iter().position(|row| is_bad(row) != success);
            let row = match (fits, success) {
                (Some(position), _) => waiting.remove(position),
                (None, false) => waiting.pop_front(),
                (None, true) => None,
            };
            if let Some(row) = row {
                let activity = activities.get_mut(row);
                activity.verdict = Some(success);
                seen.extend(activity.subject);
            }
        }
    }
}
