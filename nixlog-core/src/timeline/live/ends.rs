//! What ends, and how.

use super::super::blame::Blamed;
use super::Live;
use super::build::Build;
use super::model::FailedBuild;
use super::open::{Kind, Slot};
use super::ticks::{Moment, Tick};
use crate::time::Stamp;
use crate::wire::message::Failure;

/// For so many builds room is kept: about as many as run at once.
const SPARE: usize = 32;

/// A build that has stopped, and is one of several of which one has failed.
#[derive(Debug)]
pub(super) struct Undecided {
    build: Build,
    /// The number of the counters that count it.
    call: u64,
    /// When the counters say that one failed, if its stop came right behind.
    tick: Option<Moment>,
    stopped: Moment,
}

/// Finds the one that fits best; of several alike, nobody knows which it is.
fn best<T>(candidates: impl Iterator<Item = (T, Option<usize>)>) -> Option<T> {
    let mut best: Option<(T, usize)> = None;
    let mut alike = false;
    for (candidate, fit) in candidates.filter_map(|(candidate, fit)| Some((candidate, fit?))) {
        let known = best.as_ref().map(|&(_, fit)| fit);
        alike = known == Some(fit) || alike && known > Some(fit);
        if known < Some(fit) {
            best = Some((candidate, fit));
        }
    }
    best.filter(|_| !alike).map(|(candidate, _)| candidate)
}

impl Live {
    /// Takes in the end of an activity.
    pub(super) fn stop(&mut self, id: u64) {
        let Some((slot, activity)) = self.open.take(id) else {
            return;
        };
        match activity.kind {
            Kind::Build(build) => self.build_stopped(slot, id, *build),
            Kind::Builds(ticks) => {
                self.calls.retain(|&(_, call)| call != id);
                self.decide_at_end(id);
                self.builds.add(ticks.done, ticks.failed, ticks.planned);
            }
            Kind::Fetches { failed, planned } => self.fetches.add(activity.done, failed, planned),
            Kind::Call { download, unpacked } => {
                self.download_bytes = self.download_bytes.saturating_add(download);
                self.unpacked_bytes = self.unpacked_bytes.saturating_add(unpacked);
                self.evaluation.call_ended(self.now);
            }
            Kind::Attribute => self.evaluation.attribute_ended(self.now),
            _ => {}
        }
        self.evaluation.forget();
    }

    fn build_stopped(&mut self, slot: Slot, id: u64, build: Build) {
        if build.machine.is_some() && self.remote.get(&build.drv) == Some(&(slot, id)) {
            self.remote.remove(&build.drv);
        }
        if let Some(call) = build.call
            && let Some(build) = self.counted_build_stopped(call, build)
            && self.spare.len() < SPARE
        {
            self.spare.push(build.into_tail().emptied());
        }
    }

    /// Finds out whether a build has failed that a call counts; returns it where that is known.
    fn counted_build_stopped(&mut self, call: u64, build: Build) -> Option<Build> {
        let moment = self.moment();
        let Some(ticks) = self.open.ticks_mut(call) else {
            return Some(build);
        };
        if build.failed {
            ticks.gone();
            return Some(build);
        }
        let tick = ticks.stopped(build.alive, moment);
        let is_in_doubt = self.undecided.iter().any(|other| other.call == call);
        match tick {
            Some(Tick { success: true, .. }) => return Some(build),
            // The counters say that one failed, and no other can be it.
            Some(tick) if !is_in_doubt && !self.might_be_another(call, tick) => {
                self.failed.push(build.failure(tick.when.at, None));
                return Some(build);
            }
            // Cut off, perhaps because another one failed.
            None if !is_in_doubt => return Some(build),
            _ => {}
        }
        self.undecided.push(Undecided {
            build,
            call,
            tick: tick.map(|tick| tick.when),
            stopped: moment,
        });
        None
    }

    /// Tells whether any open build of a call may be the one that a tick is about.
    fn might_be_another(&self, call: u64, tick: Tick) -> bool {
        let mut builds = self.open.builds();
        builds.any(|(_, build)| {
            build.call == Some(call) && !build.failed && build.alive <= tick.when.event
        })
    }

    /// A message says that a build failed.
    pub(super) fn build_failed(&mut self, drv: &str, failure: Failure<'_>) {
        if !failure.was_tried() {
            return;
        }
        let reason = || Some(failure.to_string());
        let blamed = Blamed::of(drv);
        let open = self.open.builds();
        let open = open.map(|(activity, build)| (activity.id, blamed.fits(&build.drv)));
        if let Some(id) = best(open) {
            return self.tell(id, reason());
        }
        let undecided = self
            .undecided
            .iter()
            .map(|other| blamed.fits(&other.build.drv));
        if let Some(at) = best(undecided.enumerate()) {
            self.decide(at, reason());
        }
    }

    /// A message says that a build failed, but not which.
    pub(super) fn some_build_failed(&mut self, failure: Failure<'_>) {
        if !failure.was_tried() {
            return;
        }
        let first = self.undecided.iter().position(|other| other.tick.is_some());
        if let Some(at) = first {
            self.decide(at, Some(failure.to_string()));
        }
    }

    /// Tells of a build that has stopped that it has failed.
    fn decide(&mut self, at: usize, reason: Option<String>) {
        let decided = self.undecided.remove(at);
        let ended = decided.tick.unwrap_or(decided.stopped);
        self.failed.push(decided.build.failure(ended.at, reason));
    }

    /// Decides about the builds of a call that ends: as many failed as stopped.
    fn decide_at_end(&mut self, call: u64) {
        let mut own = self.undecided.iter().filter(|other| other.call == call);
        if own.all(|other| other.tick.is_some()) {
            while let Some(at) = self.undecided.iter().position(|other| other.call == call) {
                self.decide(at, None);
            }
        }
    }

    /// Decides about builds that stopped a while ago, and their call goes on: where a failure ends
    /// the call, all builds stop at once.
    fn decide_by_time(&mut self, now: Moment) {
        let open = &self.open;
        let mut decided = Vec::new();
        self.undecided.retain(|other| {
            let goes_on = open.has(other.call) && !other.stopped.is_prompt(now);
            if goes_on && let Some(tick) = other.tick {
                decided.push(other.build.failure(tick.at, None));
            }
            !goes_on
        });
        self.failed.append(&mut decided);
    }

    /// Tells of an open build that it has failed.
    fn tell(&mut self, id: u64, reason: Option<String>) {
        let now = self.now;
        let Some(build) = self
            .open
            .find(id)
            .and_then(|slot| self.open.build_mut(slot, id))
        else {
            return;
        };
        if build.failed {
            return;
        }
        build.failed = true;
        let call = build.call;
        let mut failed = build.failure(now, reason);
        let ticks = call.and_then(|call| self.open.ticks_mut(call));
        let tick = ticks.and_then(super::ticks::Ticks::take_failure);
        failed.ended = tick.and_then(|tick| tick.when.at).or(failed.ended);
        self.failed.push(failed);
    }

    /// Takes the builds that have failed since this was last asked, in the order in which that
    /// became known. Which build it was that failed may show only later, from what Nix says.
    pub fn take_failures(&mut self, now: Stamp) -> Vec<FailedBuild> {
        let now = Moment {
            at: Some(now),
            event: self.events,
        };
        let lone = self.open.ticks().filter_map(|(call, ticks)| {
            let tick = ticks.lone_failure()?;
            // Its stop, or a word from Nix, may be on the way.
            if tick.when.is_prompt(now) {
                return None;
            }
            let mut builds = self.open.builds().filter(|(_, build)| {
                build.call == Some(call) && !build.failed && build.alive <= tick.when.event
            });
            let (only, another) = (builds.next(), builds.next());
            only.filter(|_| another.is_none())
                .map(|(activity, _)| activity.id)
        });
        for id in lone.collect::<Vec<_>>() {
            self.tell(id, None);
        }
        self.decide_by_time(now);
        std::mem::take(&mut self.failed)
    }
}
