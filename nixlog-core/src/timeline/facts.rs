//! What a log is, apart from what it tells: counts, gaps, things that nobody knows.

use std::collections::BTreeMap;

use super::activity::Row;
use super::issue::{Issue, IssueCode, Severity};
use super::model::{Name, Plan};
use crate::wire::dialect::Evidence;
use crate::wire::event::{ActivityKind, Event, Message, ResultKind};
use crate::wire::message::Note;
use crate::wire::{Body, Line, ParseError};

/// How often something occurred, and where first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// How often.
    pub count: u64,
    /// The line of the first.
    pub first_line: u64,
}

impl Tally {
    fn add(&mut self, line: u64) {
        if self.count == 0 {
            self.first_line = line;
        }
        self.count += 1;
    }
}

/// Counts of what a log holds.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Lines in all.
    pub lines: u64,
    /// Records of Nix's event stream.
    pub events: u64,
    /// Of those, records that builders write, not Nix: which phase begins.
    pub(super) by_builders: u64,
    /// Lines of plain text.
    pub text_lines: u64,
    /// Lines that look like records but are none.
    pub malformed: Tally,
    /// Why the first of them is none.
    pub malformed_reason: Option<ParseError>,
    /// The numbers of the first of them.
    pub malformed_lines: Vec<u64>,
    /// The number of the last of them.
    last_malformed: u64,
    /// Actions, activities, results and keys that this nixlog does not know, by name.
    pub unknown: BTreeMap<String, Tally>,
    /// Stops of activities that never started.
    pub orphan_stops: Tally,
    /// Results of activities that never started.
    pub orphan_results: Tally,
    /// Starts of activities that were open already.
    pub duplicate_starts: Tally,
    /// How often an evaluator says that it begins with a file.
    pub evaluated_files: u64,
    /// What gives the version away.
    pub evidence: Evidence,
    /// Determinate Nix's build results, as raw JSON.
    pub(super) build_results: Vec<String>,
    /// Builds that Determinate Nix says gave another hash.
    pub(super) hash_mismatches: Vec<Row>,
}

/// How many line numbers of unreadable lines are kept.
const KEPT_LINES: usize = 20;

impl Facts {
    /// Counts a record.
    #[inline]
    pub(super) fn record(&mut self, line: &Line<'_>) {
        self.lines = line.number;
        self.events += 1;
        if let Some(key) = line.unknown_key {
            self.unknown_key(key);
        }
    }

    #[cold]
    fn unknown_key(&mut self, key: &str) {
        self.unknown(format!("key `{key}`"));
    }

    /// Counts a record, and looks at what it gives away.
    pub(super) fn event(&mut self, line: &Line<'_>) {
        self.record(line);
        match &line.body {
            Body::Event(Event::Progress(_) | Event::Stop(_)) => {}
            Body::Event(Event::Start(start)) => {
                self.evidence.start(start);
                if start.kind.name().is_none() {
                    self.unknown_kind(start.kind);
                }
            }
            Body::Event(Event::Result(result)) => self.evidence.result(result),
            Body::Event(Event::SetPhase(_)) => self.by_builders += 1,
            Body::Event(Event::Unknown { action }) => {
                self.unknown(format!("action `{}`", action.decode()));
            }
            _ => {}
        }
    }

    pub(super) fn text(&mut self, line: &Line<'_>) {
        self.lines = line.number;
        self.text_lines += 1;
    }

    /// Counts a line that is no part of the log.
    pub(super) fn side(&mut self, line: &Line<'_>) {
        self.lines = line.number;
    }

    pub(super) fn malformed(&mut self, line: &Line<'_>, error: ParseError) {
        self.lines = line.number;
        self.malformed.add(line.number);
        self.last_malformed = line.number;
        self.malformed_reason.get_or_insert(error);
        if self.malformed_lines.len() < KEPT_LINES {
            self.malformed_lines.push(line.number);
        }
    }

    pub(super) fn note(&mut self, note: &Note<'_>, message: Option<&Message<'_>>) {
        self.evaluated_files += u64::from(matches!(note, Note::EvaluatingFile { .. }));
        if let Some(message) = message {
            self.evidence.message(message, note);
        }
    }

    fn unknown(&mut self, what: String) {
        let line = self.lines;
        self.unknown.entry(what).or_default().add(line);
    }

    #[cold]
    fn unknown_kind(&mut self, kind: ActivityKind) {
        self.unknown(format!("activity type {}", kind.0));
    }

    pub(super) fn unknown_result(&mut self, kind: ResultKind) {
        self.unknown(format!("result type {}", kind.0));
    }

    pub(super) fn orphan_stop(&mut self) {
        self.orphan_stops.add(self.lines);
    }

    pub(super) fn orphan_result(&mut self) {
        self.orphan_results.add(self.lines);
    }

    pub(super) fn duplicate_start(&mut self) {
        self.duplicate_starts.add(self.lines);
    }

    pub(super) fn build_result(&mut self, payload: &str) {
        self.build_results.push(payload.to_owned());
    }

    pub(super) fn hash_mismatch(&mut self, build: Row) {
        self.hash_mismatches.push(build);
    }

    /// Tells whether no record is Nix's, though there are some: a build's own log, as `nix log` prints it.
    #[must_use]
    pub fn is_log_of_one_build(&self) -> bool {
        self.by_builders > 0 && self.by_builders == self.events
    }

    /// Tells whether the last line is half a record.
    pub(super) fn ends_in_a_cut(&self) -> bool {
        self.malformed.count > 0 && self.last_malformed == self.lines
    }

    /// Returns the issues that the counts amount to.
    pub(super) fn issues(&self) -> Vec<Issue> {
        let mut issues = Vec::new();
        let mut add = |severity, code, tally: Tally, message: String| {
            if tally.count > 0 {
                let first_line = Some(tally.first_line);
                issues.push(Issue {
                    severity,
                    code,
                    count: tally.count,
                    first_line,
                    message,
                });
            }
        };
        let reason = self
            .malformed_reason
            .map_or_else(String::new, |reason| format!(" ({reason})"));
        add(
            Severity::Warning,
            IssueCode::MalformedLine,
            self.malformed,
            format!("unreadable records{reason}; ignored"),
        );
        add(
            Severity::Warning,
            IssueCode::StopWithoutStart,
            self.orphan_stops,
            "activities that stop without a start: the beginning of the log is missing".to_owned(),
        );
        add(
            Severity::Warning,
            IssueCode::ResultWithoutStart,
            self.orphan_results,
            "results of activities that are not running".to_owned(),
        );
        add(
            Severity::Warning,
            IssueCode::StartTwice,
            self.duplicate_starts,
            "activities that start twice; the first is taken to end at the second start".to_owned(),
        );
        for (what, &tally) in &self.unknown {
            let message = format!("{what} is unknown to this version of nixlog; ignored");
            add(Severity::Info, IssueCode::Unknown, tally, message);
        }
        issues
    }
}

/// Adds up what Nix says it will do.
#[derive(Debug, Default)]
pub(super) struct PlanReader {
    plan: Plan,
    /// A header without a count: its items are counted.
    open: Option<Counted>,
    /// The derivations of each announcement, in its order.
    builds: Vec<Vec<Name>>,
    /// The paths to fetch, of all announcements.
    fetches: Vec<Name>,
    /// What the last header was one of.
    items: Counted,
}

#[derive(Debug, Clone, Copy, Default)]
enum Counted {
    Builds,
    Fetches,
    #[default]
    Nothing,
}

impl PlanReader {
    pub(super) fn header(&mut self, note: &Note<'_>) {
        let add = |sum: &mut Option<u64>, more: Option<u64>| {
            if let Some(more) = more {
                *sum = Some(sum.unwrap_or(0).saturating_add(more));
            }
        };
        self.open = Some(Counted::Nothing);
        self.items = match note {
            Note::PlanBuild { .. } => Counted::Builds,
            Note::PlanFetch { .. } => Counted::Fetches,
            _ => Counted::Nothing,
        };
        match *note {
            Note::PlanBuild { count } => {
                self.builds.push(Vec::new());
                add(&mut self.plan.builds, count);
                if count.is_none() {
                    self.open = Some(Counted::Builds);
                }
            }
            Note::PlanFetch {
                count,
                download_bytes,
                unpacked_bytes,
            } => {
                add(&mut self.plan.fetches, count);
                add(&mut self.plan.download_bytes, download_bytes);
                add(&mut self.plan.unpacked_bytes, unpacked_bytes);
                if count.is_none() {
                    self.open = Some(Counted::Fetches);
                }
            }
            _ => {}
        }
    }

    pub(super) fn item(&mut self, name: impl FnOnce() -> Name) {
        match (self.items, self.builds.last_mut()) {
            (Counted::Builds, Some(builds)) => builds.push(name()),
            (Counted::Fetches, _) => self.fetches.push(name()),
            _ => {}
        }
        let sum = match self.open {
            Some(Counted::Builds) => &mut self.plan.builds,
            Some(Counted::Fetches) => &mut self.plan.fetches,
            _ => return,
        };
        *sum = Some(sum.unwrap_or(0) + 1);
    }

    pub(super) fn plan(&self) -> Plan {
        self.plan
    }

    pub(super) fn builds(&mut self) -> Vec<Vec<Name>> {
        std::mem::take(&mut self.builds)
    }

    pub(super) fn fetches(&mut self) -> Vec<Name> {
        std::mem::take(&mut self.fetches)
    }
}
