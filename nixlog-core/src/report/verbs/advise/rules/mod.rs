//! The rules: each looks at one thing, and says nothing where it cannot prove it.

mod alone;
mod caches;
mod check_phase;
mod evaluation;
mod failures;
mod hook;
mod jobs;
mod put_into_cache;

use std::collections::BTreeSet;

use super::{Advice, Case, NotAssessedView};
use crate::analysis::sufficiency::{HOW_TO_GET_DERIVATIONS, HOW_TO_STAMP};
use crate::report::format::harmless;
use crate::timeline::UnitKind;

/// A rule.
type Rule = fn(&Case<'_>) -> Vec<Advice>;

/// All rules.
pub(super) const ALL: [Rule; 8] = [
    put_into_cache::rule,
    jobs::rule,
    check_phase::rule,
    alone::rule,
    evaluation::rule,
    caches::rule,
    hook::rule,
    failures::rule,
];

/// Says what no rule could look at.
pub(super) fn not_assessed(case: &Case<'_>) -> Vec<NotAssessedView> {
    let mut all = Vec::new();
    let mut add = |what: &str, supply: &str| {
        all.push(NotAssessedView {
            what: what.to_owned(),
            supply: supply.to_owned(),
        });
    };
    if case.timeline.wall().is_none() {
        add("anything that has to do with time", HOW_TO_STAMP);
        return all;
    }
    let has_builds = case
        .timeline
        .units()
        .iter()
        .any(|it| it.kind.is_derivation());
    if case.simulated.is_none() && has_builds {
        add(
            "what other settings and caches would save",
            HOW_TO_GET_DERIVATIONS,
        );
    }
    if case.source.recording.settings.is_none() && has_builds {
        add(
            "what Nix is set to",
            "record the build: `nixlog run -- COMMAND`",
        );
    }
    let (evaluation, said) = case.evaluation;
    let has_evaluation = case
        .timeline
        .units()
        .iter()
        .any(|it| it.kind == UnitKind::Evaluation);
    if has_evaluation
        && evaluation.working.is_some_and(|it| case.is_worth(it))
        && said.most().is_none()
    {
        add(
            "why evaluation takes long",
            "`nixlog profile --eval-only -- COMMAND`, then `nixlog eval`",
        );
    }
    all
}

/// How many names a title has.
const MOST_NAMED: usize = 3;

/// Lists names, the first few of them.
fn names(case: &Case<'_>, units: &[usize]) -> String {
    let pnames: BTreeSet<String> = units.iter().map(|&unit| case.brief(unit).pname).collect();
    let name = |&unit: &usize| {
        let unit = case.brief(unit);
        // What has one name for several is no name.
        let name = if pnames.len() == units.len() {
            unit.pname
        } else {
            unit.name
        };
        harmless(&name).into_owned()
    };
    let shown = match units.len() {
        n if n <= MOST_NAMED + 1 => n,
        _ => MOST_NAMED,
    };
    let mut named: Vec<String> = units[..shown].iter().map(name).collect();
    if units.len() > shown {
        named.push(format!("{} more", units.len() - shown));
    }
    match named.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, first)) => format!("{} and {last}", first.join(", ")),
        None => String::new(),
    }
}
