//! Several logs that a carrier has mixed into one: of hosts, jobs or steps that ran side by side.
//!
//! Each has its own evaluator and its own sentences for people, which must not be read into one another.
//! While lines of one are read, what is known of the others is parked.

use super::Map;
use super::builder::TimelineBuilder;
use super::evaluation::EvaluationTracker;
use super::facts::Facts;
use super::human::HumanLog;
use super::issue::{Issue, IssueCode, Severity};
use super::model::{Outcome, Reason};
use crate::intervals::union;
use crate::time::{Interval, Stamp};

/// The strands of a log.
#[derive(Debug, Default)]
pub(super) struct Strands {
    now: u32,
    /// Events of this strand up to the last change of strands, and of all.
    before: (u64, u64),
    parked: Map<u32, Parked>,
}

/// What is known of a strand of which no line is being read.
#[derive(Debug, Default)]
struct Parked {
    human: HumanLog,
    evaluation: EvaluationTracker,
    events: u64,
}

impl Parked {
    fn is_nix(&self) -> bool {
        self.events > 0 || self.human.saw_nix()
    }
}

impl Strands {
    /// Returns the strand whose lines are being read.
    pub(super) fn now(&self) -> u32 {
        self.now
    }

    /// Returns how many events this strand has had.
    pub(super) fn events(&self, facts: &Facts) -> u64 {
        let (own, all) = self.before;
        own + (facts.events - all)
    }
}

/// Goes on with another strand.
#[cold]
pub(super) fn switch(builder: &mut TimelineBuilder, strand: u32) {
    let events = builder.strands.events(&builder.facts);
    // What came before the first name may have been its evaluation.
    let is_first = builder.strands.now == 0 && builder.strands.parked.is_empty();
    let since = if is_first {
        Some(Stamp::ZERO)
    } else {
        builder.now
    };
    let new = || Parked {
        evaluation: EvaluationTracker::since(since),
        ..Parked::default()
    };
    let mut next = builder.strands.parked.remove(&strand).unwrap_or_else(new);
    next.human.follow(&mut builder.human);
    let parked = Parked {
        human: std::mem::replace(&mut builder.human, next.human),
        evaluation: std::mem::replace(&mut builder.evaluation, next.evaluation),
        events,
    };
    let strands = &mut builder.strands;
    strands.parked.insert(strands.now, parked);
    strands.now = strand;
    strands.before = (next.events, builder.facts.events);
}

/// What the strands come to.
pub(super) struct Ended {
    /// When the last that Nix ran in ended: what comes after that step of a CI job is no build.
    pub(super) last: Option<Stamp>,
    /// When evaluators were at work, and what one gave up with.
    pub(super) evaluation: Vec<Interval>,
    pub(super) failure: Option<(Outcome, Reason)>,
    /// After so many calls the evaluator showed that it went on; with several evaluators, nobody can tell.
    pub(super) proved_after: usize,
    /// A line for people was Nix's.
    pub(super) saw_text: bool,
    pub(super) issue: Option<Issue>,
}

/// Ends all strands.
pub(super) fn end(builder: &mut TimelineBuilder) -> Ended {
    HumanLog::finish(builder);
    let mut others: Vec<u32> = builder.strands.parked.keys().copied().collect();
    others.sort_unstable();
    for strand in others {
        switch(builder, strand);
        HumanLog::finish(builder);
    }
    let mut own = Parked {
        events: builder.strands.events(&builder.facts),
        evaluation: std::mem::take(&mut builder.evaluation),
        human: std::mem::take(&mut builder.human),
    };
    builder.human.follow(&mut own.human);
    let strands = &mut builder.strands;
    strands.parked.insert(strands.now, own);
    let mut all: Vec<(u32, Parked)> = strands.parked.drain().collect();
    all.sort_unstable_by_key(|(strand, _)| *strand);

    let with_nix = all.iter().filter(|(_, strand)| strand.is_nix());
    let ends: Option<Vec<_>> = with_nix
        .clone()
        .map(|(_, strand)| strand.human.ended(strand.events))
        .collect();
    let last = ends.unwrap_or_default().into_iter().max();
    let last = last.unwrap_or(builder.now);
    let n_nix = with_nix.count();
    let message = "hosts, jobs or steps in which Nix ran; their lines are told apart by what stands before them";
    let issue = (n_nix > 1).then(|| Issue {
        severity: Severity::Info,
        code: IssueCode::SeveralLogs,
        count: n_nix as u64,
        first_line: None,
        message: message.to_owned(),
    });
    let (mut evaluation, mut failure, mut saw_text) = (Vec::new(), None, false);
    let mut proved_after = 0;
    for (_, mut strand) in all {
        if n_nix < 2 {
            proved_after = strand.evaluation.proved_after().max(proved_after);
        }
        failure = failure.or(strand.evaluation.failure());
        evaluation.extend(strand.evaluation.finish(last));
        saw_text |= strand.human.saw_nix();
    }
    if n_nix > 1 {
        evaluation = union(&evaluation);
    }
    Ended {
        last,
        evaluation,
        failure,
        proved_after,
        saw_text,
        issue,
    }
}
