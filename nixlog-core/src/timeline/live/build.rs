//! An open build.

use super::model::{FailedBuild, RunningBuild};
use super::tail::Tail;
use super::ticks::Moment;
use crate::time::Stamp;

/// An open build, or one that has stopped and of which it is not known yet how it ended.
#[derive(Debug)]
pub(super) struct Build {
    pub(super) drv: Box<str>,
    pub(super) machine: Option<Box<str>>,
    since: Option<Stamp>,
    /// The number of the event in which it last showed life.
    pub(super) alive: u64,
    pub(super) last_sign: Option<Stamp>,
    phase: Option<Box<str>>,
    /// Nix told of its builder phases, so that its lines need not.
    told_phases: bool,
    log_lines: u64,
    tail: Tail,
    /// The number of the counters that count it.
    pub(super) call: Option<u64>,
    /// Its failure was told, and its tick taken.
    pub(super) failed: bool,
}

impl Build {
    /// Makes a build that starts, counted by the counters with the number `call`.
    pub(super) fn new(
        drv: &str,
        machine: Option<Box<str>>,
        call: Option<u64>,
        now: Moment,
        tail: Tail,
    ) -> Self {
        Self {
            drv: drv.into(),
            machine,
            since: now.at,
            alive: now.event,
            last_sign: None,
            phase: None,
            told_phases: false,
            log_lines: 0,
            tail,
            call,
            failed: false,
        }
    }

    /// Returns the room for the last lines, for another build.
    pub(super) fn into_tail(self) -> Tail {
        self.tail
    }

    /// Returns since when it has been running.
    pub(super) fn since(&self) -> Option<Stamp> {
        self.since
    }

    /// Notes that it shows life.
    #[inline]
    fn sign(&mut self, now: Moment) {
        self.alive = now.event;
        self.last_sign = now.at.or(self.last_sign);
    }

    /// Takes in a line of its log: the inside of a JSON string.
    #[inline]
    pub(super) fn line(&mut self, raw: &str, now: Moment) {
        self.sign(now);
        self.log_lines += 1;
        self.tail.push(raw);
        // `showPhaseHeader` in nixpkgs' `setup.sh`.
        if !self.told_phases
            && let Some(phase) = raw.strip_prefix("Running phase: ")
        {
            self.phase = Some(phase.into());
        }
    }

    /// Takes in that a builder phase begins.
    pub(super) fn phase(&mut self, phase: &str, now: Moment) {
        self.sign(now);
        self.told_phases = true;
        self.phase = Some(phase.into());
    }

    /// Returns what is to be known while it runs.
    pub(super) fn running(&self) -> RunningBuild<'_> {
        RunningBuild {
            drv: &self.drv,
            machine: self.machine.as_deref(),
            phase: self.phase.as_deref(),
            since: self.since,
            last_sign: self.last_sign.or(self.since),
            last_line: self.tail.last(),
            log_lines: self.log_lines,
        }
    }

    /// Returns what is to be known once it failed.
    pub(super) fn failure(&self, ended: Option<Stamp>, reason: Option<String>) -> FailedBuild {
        FailedBuild {
            drv: self.drv.to_string(),
            machine: self.machine.as_deref().map(str::to_owned),
            phase: self.phase.as_deref().map(str::to_owned),
            started: self.since,
            ended,
            reason,
            log_lines: self.log_lines,
            tail: self.tail.to_lines(),
        }
    }
}
