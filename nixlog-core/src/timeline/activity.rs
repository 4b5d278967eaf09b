//! The activities of a log while it is read: one row each, found by Nix's number.

use super::Map;
use super::model::Name;
use crate::ids::ActivityId;
use crate::time::{Interval, Stamp};

/// A row in the table of activities.
pub(super) type Row = u32;

/// What an activity means for the timeline; finer than its kind, since much of Nix's work comes
/// as kind 0 with nothing but a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// A derivation is built; [`Activity::subject`] is the `.drv`.
    Build,
    /// What a remote daemon says of a build that [`Activity::outer`] stands for.
    NestedBuild,
    Substitute,
    CopyPath,
    /// A file is downloaded.
    Transfer,
    /// A file is uploaded.
    SendFile,
    Query,
    Hook,
    Optimise,
    Verify,
    /// One call that makes paths valid.
    Call,
    /// The same, inside a remote builder.
    NestedCall,
    /// The counters of a call's builds.
    Builds,
    /// The counters of a call's substitutions.
    Fetches,
    /// `copying N paths`: a frame around copies.
    CopyFrame,
    InputFetch,
    SourceImport,
    /// `evaluating derivation …`: open for as long as a flake's attribute is evaluated.
    Evaluating,
    /// Another sign that the evaluator works.
    EvaluationSign,
    /// `querying info about missing paths`: the evaluator has handed over.
    Handover,
    Connecting,
    UploadLock,
    Upload,
    Download,
    WaitLock,
    WaitMachine,
    WaitUser,
    Other,
}

/// One activity.
#[derive(Debug, Clone)]
pub(super) struct Activity {
    pub(super) id: ActivityId,
    pub(super) role: Role,
    /// The row of the parent, where it is known and not Nix's root.
    pub(super) parent: Option<Row>,
    /// The path, the address, the text.
    pub(super) subject: Option<Name>,
    /// The machine of a build, the substituter, the store that a copy comes from.
    pub(super) source: Option<Name>,
    /// The store that a copy goes to.
    pub(super) target: Option<Name>,
    pub(super) start: Option<Stamp>,
    pub(super) stop: Option<Stamp>,
    /// The number of the event that started it, among all events.
    pub(super) started: u64,
    /// The number of the event that stopped it; zero while it is open.
    pub(super) stopped: u64,
    /// The number of the event in which it last showed life: a line of its log, a phase.
    pub(super) alive: u64,
    pub(super) first_sign: Option<Stamp>,
    /// When something of it arrived last, since its first byte.
    pub(super) moved: Option<Stamp>,
    /// Progress, in the unit of its kind.
    pub(super) done: u64,
    pub(super) expected: u64,
    pub(super) log_lines: u64,
    pub(super) log_bytes: u64,
    /// The build that this one, told by a remote daemon, is a part of.
    pub(super) outer: Option<Row>,
    /// The counters (an index into `Counters`) that count this build, or that this activity is.
    pub(super) counter: Option<u32>,
    /// When the counters say that it ended, where its own stop came too late.
    pub(super) counted_end: Option<Stamp>,
    /// The counters say that it succeeded or failed.
    pub(super) verdict: Option<bool>,
    /// Nix told of its builder phases.
    pub(super) told_phases: bool,
    /// A file was transferred inside it: a fixed-output derivation.
    pub(super) fetched: bool,
    /// It was announced again without having done anything (Determinate Nix): not a unit.
    pub(super) superseded: bool,
}

impl Activity {
    /// Makes the row of an activity of which nothing is known but its start.
    pub(super) fn new(
        id: ActivityId,
        parent: Option<Row>,
        start: Option<Stamp>,
        event: u64,
    ) -> Self {
        Self {
            id,
            role: Role::Other,
            parent,
            subject: None,
            source: None,
            target: None,
            start,
            stop: None,
            started: event,
            stopped: 0,
            alive: event,
            first_sign: None,
            moved: None,
            done: 0,
            expected: 0,
            log_lines: 0,
            log_bytes: 0,
            outer: None,
            counter: None,
            counted_end: None,
            verdict: None,
            told_phases: false,
            fetched: false,
            superseded: false,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.stopped == 0
    }

    /// Tells whether it ever showed life.
    pub(super) fn was_alive(&self) -> bool {
        self.alive > self.started
    }

    /// Returns when it ended; where it is open, when the step of a CI job did in which it ran, else `last`.
    pub(super) fn end(&self, last: Option<Stamp>) -> Option<Stamp> {
        let last = if self.is_open() { last } else { None };
        self.stop.or(last)
    }

    /// Returns when the activity was open; up to `last` where it still is.
    pub(super) fn interval(&self, last: Option<Stamp>) -> Option<Interval> {
        Interval::new(self.start?, self.end(last)?)
    }
}

/// All activities of a log, and which of them are open.
#[derive(Debug, Default)]
pub(super) struct Activities {
    rows: Vec<Activity>,
    open: Map<u64, Row>,
    /// The one asked for last: most lines name the same activity as the line before.
    last: Option<(u64, Row)>,
    /// The same of progress, which otherwise alternates with the lines of a build's log.
    last_counting: Option<(u64, Row)>,
}

impl Activities {
    pub(super) fn rows(&self) -> &[Activity] {
        &self.rows
    }

    /// Returns how many have started so far.
    pub(super) fn n_rows(&self) -> Row {
        Row::try_from(self.rows.len()).unwrap_or(Row::MAX)
    }

    pub(super) fn rows_mut(&mut self) -> &mut [Activity] {
        &mut self.rows
    }

    pub(super) fn get(&self, row: Row) -> &Activity {
        &self.rows[row as usize]
    }

    pub(super) fn get_mut(&mut self, row: Row) -> &mut Activity {
        &mut self.rows[row as usize]
    }

    /// Notes that a build is alive, with the number of the event that shows it; returns it, or the
    /// build that it is a part of.
    #[inline]
    pub(super) fn alive(
        &mut self,
        row: Row,
        now: Option<Stamp>,
        event: u64,
    ) -> (Row, &mut Activity) {
        let build = self.get(row).outer.unwrap_or(row);
        let activity = self.get_mut(build);
        activity.alive = event;
        if activity.first_sign.is_none() {
            activity.first_sign = now;
        }
        (build, activity)
    }

    /// Adds an activity. One that is still open under the same number is left as it is: the log
    /// will not say more of it.
    pub(super) fn start(&mut self, activity: Activity) -> (Row, Option<Row>) {
        let row =
            Row::try_from(self.rows.len()).expect("fewer than 2^32 activities fit into memory");
        let id = activity.id.0;
        self.rows.push(activity);
        self.last = Some((id, row));
        self.last_counting = None;
        (row, self.open.insert(id, row))
    }

    /// Adds something that has no number, and that no other line will speak of.
    pub(super) fn add(&mut self, activity: Activity) -> Row {
        let row =
            Row::try_from(self.rows.len()).expect("fewer than 2^32 activities fit into memory");
        self.rows.push(activity);
        row
    }

    /// Finds the open activity with a number.
    #[inline]
    pub(super) fn find(&mut self, id: ActivityId) -> Option<Row> {
        if let Some((last, row)) = self.last
            && last == id.0
        {
            return Some(row);
        }
        let row = *self.open.get(&id.0)?;
        self.last = Some((id.0, row));
        Some(row)
    }

    /// Finds the open activity with a number, for progress.
    #[inline]
    pub(super) fn find_counting(&mut self, id: ActivityId) -> Option<Row> {
        if let Some((last, row)) = self.last_counting
            && last == id.0
        {
            return Some(row);
        }
        let row = *self.open.get(&id.0)?;
        self.last_counting = Some((id.0, row));
        Some(row)
    }

    /// Closes the open activity with a number.
    pub(super) fn stop(&mut self, id: ActivityId) -> Option<Row> {
        self.last = None;
        self.last_counting = None;
        self.open.remove(&id.0)
    }

    /// Says that nothing of a strand that is open goes on after `now`, unless a line says so yet.
    pub(super) fn step_ends(&mut self, now: Option<Stamp>, strand: u32) {
        for (&id, &row) in &self.open {
            if ActivityId(id).is_in_strand(strand) {
                self.rows[row as usize].stop = now;
            }
        }
    }

    /// Iterates over the open activities, in no order.
    pub(super) fn open(&self) -> impl Iterator<Item = Row> + '_ {
        self.open.values().copied()
    }
}
