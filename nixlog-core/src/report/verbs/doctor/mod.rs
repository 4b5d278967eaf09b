//! `doctor`: what a log is, and what it answers.

mod layout;

use schemars::JsonSchema;
use serde::Serialize;

use crate::analysis::sufficiency::{Answerable, Extent};
use crate::dialect::Dialect;
use crate::report::document::Document;
use crate::report::envelope::{Answer, Input, Report};
use crate::timeline::{Clock, Source, Tally, Timeline, Unit, UnitKind};

/// The result of `doctor`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct DoctorResult {
    /// Whether the carrier was named or found.
    pub carrier: String,
    /// Where the times come from.
    pub clock: Clock,
    /// `nix`, `lix` or `determinate`.
    pub dialect: Dialect,
    /// The versions that fit what the log shows.
    pub nix_versions: String,
    /// The log does not stop in the middle of something.
    pub complete: bool,
    /// Lines of plain text.
    pub text_lines: u64,
    /// Lines that look like records but cannot be read, and the numbers of the first of them.
    pub unreadable: UnreadableView,
    /// Actions, types and keys that this nixlog does not know.
    pub unknown: Vec<UnknownView>,
    /// Units by kind.
    pub units: Vec<KindView>,
    /// What the log answers.
    pub answers: Vec<AnswerView>,
}

/// Lines that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct UnreadableView {
    /// How many.
    pub count: u64,
    /// The numbers of the first of them.
    pub first_lines: Vec<u64>,
}

/// Something that this nixlog does not know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct UnknownView {
    /// What it is.
    pub what: String,
    /// How often it occurred.
    pub count: u64,
    /// The line of the first.
    pub first_line: u64,
}

/// How many units there are of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct KindView {
    /// The kind.
    pub kind: UnitKind,
    /// How many.
    pub count: usize,
    /// How many of them failed by themselves: not those that were cut off, or could not start.
    pub failed: usize,
}

/// One question, and whether the log answers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct AnswerView {
    /// What is asked.
    pub question: &'static str,
    /// How far the log answers it.
    pub answer: Extent,
    /// Why not wholly.
    pub why: Option<String>,
    /// What to do about it.
    pub fix: Option<&'static str>,
}

/// Counts units by kind.
pub(in crate::report) fn kinds(timeline: &Timeline) -> Vec<KindView> {
    let kinds = UnitKind::ALL.into_iter().filter_map(|kind| {
        let of_kind = || {
            timeline
                .units()
                .iter()
                .filter(move |unit| unit.kind == kind)
        };
        let failed = |unit: &&Unit| unit.outcome.is_failure();
        let count = of_kind().count();
        (count > 0).then(|| KindView {
            kind,
            count,
            failed: of_kind().filter(failed).count(),
        })
    });
    kinds.collect()
}

impl Answer for DoctorResult {
    const SCHEMA: &'static str = "nixlog.doctor/1";
    type From = Input;
    type Options = ();

    fn document(report: &Report<Self>, (): &()) -> Document {
        layout::document(report)
    }
}

/// Makes the result of `doctor`.
#[must_use]
pub fn result(source: &Source, timeline: &Timeline, answers: &[Answerable]) -> DoctorResult {
    let facts = timeline.facts();
    let unknown = |(what, tally): (&String, &Tally)| UnknownView {
        what: what.clone(),
        count: tally.count,
        first_line: tally.first_line,
    };
    DoctorResult {
        carrier: source.carrier.clone(),
        clock: source.clock,
        dialect: facts.evidence.dialect(),
        nix_versions: facts.evidence.to_string(),
        complete: !timeline.is_cut() && !source.is_cut,
        text_lines: facts.text_lines,
        unreadable: UnreadableView {
            count: facts.malformed.count,
            first_lines: facts.malformed_lines.clone(),
        },
        unknown: facts.unknown.iter().map(unknown).collect(),
        units: kinds(timeline),
        answers: answers
            .iter()
            .map(|answer| AnswerView {
                question: answer.question,
                answer: answer.extent,
                why: answer.why.clone(),
                fix: answer.fix,
            })
            .collect(),
    }
}
