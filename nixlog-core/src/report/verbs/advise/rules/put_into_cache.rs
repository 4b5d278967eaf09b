//! Builds that are worth having in a cache.

use super::super::{Advice, Case, ChangeView, Confidence, StepKind};
use super::names;
use crate::analysis::cache_candidates::cache_candidates;
use crate::analysis::what_if::Change;
use crate::report::format::{duration, plural};

/// So many builds are proposed together.
const MOST: usize = 5;

pub(super) fn rule(case: &Case<'_>) -> Vec<Advice> {
    let Some((_, questions)) = case.simulated else {
        return Vec::new();
    };
    let picks = cache_candidates(case.run, questions, case.candidates, MOST);
    // The last ones may save next to nothing more.
    let worth: Vec<usize> = picks
        .iter()
        .filter(|pick| case.is_worth(pick.saving))
        .map(|pick| pick.unit)
        .collect();
    if worth.is_empty() {
        return Vec::new();
    }
    let changes = vec![Change::Cached(worth.clone())];
    let Some((answer, saving)) = case.ask(&changes, true) else {
        return Vec::new();
    };
    let paths: Vec<String> = worth.iter().map(|&unit| case.brief(unit).path).collect();
    let title = format!("Put {} into a cache", names(case, &worth));
    let text = format!(
        "nix copy --to CACHE {}",
        paths
            .iter()
            .map(|path| format!("{path}^*"))
            .collect::<Vec<_>>()
            .join(" ")
    );
    let mut advice = Advice::new(
        "put-into-cache",
        StepKind::Configuration,
        title,
        ChangeView::Command { text },
    );
    advice.evidence = worth
        .iter()
        .map(|&unit| {
            let took = case.timeline.units()[unit]
                .duration()
                .map_or(0, |it| it.get());
            format!(
                "{} was built here: {}",
                case.brief(unit).name,
                duration(took)
            )
        })
        .collect();
    let gone = answer.gone.len();
    if gone > 0 {
        advice.evidence.push(format!(
            "{} would not be needed any more",
            plural(gone as u64, "unit")
        ));
    }
    if answer.unknown_downloads > 0 {
        advice.confidence = Confidence::Medium;
        advice.caveats.push(format!(
            "{} counted as nothing: size or bandwidth is not known",
            plural(answer.unknown_downloads as u64, "download")
        ));
        advice
            .missing_input
            .push("`--derivations` with `nix path-info -r --json`".to_owned());
    }
    advice.saving = Some(saving);
    advice.units = worth;
    advice.changes = changes;
    vec![advice]
}
