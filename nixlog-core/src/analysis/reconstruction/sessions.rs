//! Stretches of time in which something ran, cut where nothing did.

use super::facts::Facts;
use super::run::Run;
use crate::graph::DerivationGraph;

/// A stretch of time in which something ran all along, or nothing for no longer than the gap.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Session {
    /// The first sign of a run, in nanoseconds since 1970.
    pub start: i64,
    /// The last sign of one.
    pub end: i64,
    /// What ran, by its first sign.
    pub runs: Vec<Run>,
    /// The first derivation or source that was written right before or in this time: evaluation was
    /// at work then.
    pub written_since: Option<i64>,
    /// The longest time in which nothing is known to have run, with its start and end.
    pub pause: Option<(i64, i64)>,
}

/// Returns when derivations and sources were written: the evaluator's only traces.
pub(super) fn writings(graph: &DerivationGraph, facts: &Facts) -> Vec<i64> {
    let is_written = |path: &str| path.ends_with(".drv") || graph.maker(path).is_none();
    let written = facts
        .paths
        .iter()
        .filter(|(path, fact)| fact.deriver.is_none() && is_written(path));
    let mut at: Vec<i64> = written
        .filter_map(|(_, fact)| Some(fact.second()?.0))
        .collect();
    at.sort_unstable();
    at
}

/// What the cut goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Piece {
    from: i64,
    until: i64,
    /// An index of a run; none for a writing.
    run: Option<usize>,
}

/// Cuts at gaps in which there was no sign of anything, the latest first. Takes O(n log n).
pub(super) fn cut(mut runs: Vec<Run>, writings: &[i64], gap: Option<i64>) -> Vec<Session> {
    runs.sort_by(|one, next| order(one).cmp(&order(next)));
    let mut pieces: Vec<Piece> = writings
        .iter()
        .map(|&at| Piece {
            from: at,
            until: at,
            run: None,
        })
        .collect();
    pieces.extend(runs.iter().enumerate().filter_map(|(place, run)| {
        let from = run.first_sign()?;
        Some(Piece {
            from,
            until: run.last_sign()?.max(from),
            run: Some(place),
        })
    }));
    pieces.sort_unstable();
    let mut sessions = Vec::new();
    let mut runs: Vec<Option<Run>> = runs.into_iter().map(Some).collect();
    let mut open = 0;
    while open < pieces.len() {
        let mut end = pieces[open].until;
        let mut next = open + 1;
        while let Some(piece) = pieces.get(next)
            && gap.is_none_or(|gap| piece.from.saturating_sub(end) <= gap)
        {
            end = end.max(piece.until);
            next += 1;
        }
        sessions.extend(session(&pieces[open..next], &mut runs));
        open = next;
    }
    sessions.reverse();
    sessions
}

/// By the first sign; then so that the same facts give the same order.
fn order(run: &Run) -> impl Ord + '_ {
    (run.first_sign(), run.last_sign(), &run.subject)
}

/// Makes a session of what no gap cuts; `None` where nothing ran.
fn session(pieces: &[Piece], runs: &mut [Option<Run>]) -> Option<Session> {
    let of_runs = || pieces.iter().filter(|piece| piece.run.is_some());
    let start = of_runs().map(|piece| piece.from).min()?;
    let end = of_runs().map(|piece| piece.until).max()?;
    let written = pieces.iter().find(|piece| piece.run.is_none());
    let mut pause: Option<(i64, i64)> = None;
    let mut until = start;
    for piece in of_runs() {
        let length = |(from, until): (i64, i64)| until.saturating_sub(from);
        let silent = (until, piece.from);
        if piece.from > until && pause.is_none_or(|longest| length(silent) > length(longest)) {
            pause = Some(silent);
        }
        until = until.max(piece.until);
    }
    Some(Session {
        start,
        end,
        runs: of_runs()
            .filter_map(|piece| runs.get_mut(piece.run?)?.take())
            .collect(),
        written_since: written.map(|piece| piece.from).filter(|&at| at < end),
        pause,
    })
}
