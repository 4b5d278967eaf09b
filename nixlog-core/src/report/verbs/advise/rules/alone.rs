//! Builds that run alone while everything else waits for them.

use super::super::{Advice, Case, ChangeView, Confidence, StepKind};
use crate::analysis::bottlenecks::bottlenecks;
use crate::analysis::structural::structural;
use crate::analysis::what_if::Change;
use crate::report::format::{duration, harmless};

/// A build has to run alone for this share of the wall time: a twentieth.
const SHARE: u64 = 20;

/// How many of them are told.
const MOST: usize = 2;

pub(super) fn rule(case: &Case<'_>) -> Vec<Advice> {
    let Some((makespan, _)) = case.simulated else {
        return Vec::new();
    };
    let chain = structural(case.run);
    let found = bottlenecks(case.timeline, case.run, case.path, &chain, Some(makespan));
    let n_builds = case
        .timeline
        .units()
        .iter()
        .filter(|unit| unit.kind.is_derivation() && unit.started)
        .count();
    // Where there is one build, it runs alone whatever anybody does.
    if n_builds < 2 {
        return Vec::new();
    }
    let long = found.units.iter().filter(|it| {
        // What evaluation stood still for has a rule of its own.
        let unit = &case.timeline.units()[it.unit];
        let is_build = unit.kind.is_derivation() && case.timeline.import_of(unit).is_none();
        is_build && it.solo.get().saturating_mul(SHARE) >= case.wall().get()
    });
    let mut all = Vec::new();
    for it in long {
        let changes = vec![Change::Speedup(vec![it.unit], 2.0)];
        let Some((_, saving)) = case
            .ask(&changes, true)
            .filter(|(_, it)| case.is_worth(it.likely))
        else {
            continue;
        };
        let name = harmless(&case.brief(it.unit).name).into_owned();
        let text = format!(
            "look inside: `nixlog inside {name}`; let it use more processors (`enableParallelBuilding`, \
             `cores`), or split it"
        );
        let title = format!(
            "Make {name} faster: nothing else could run for {}",
            duration(it.solo.get())
        );
        let mut advice = Advice::new(
            "runs-alone",
            StepKind::Deeper,
            title,
            ChangeView::Other { text },
        );
        advice.evidence = vec![format!(
            "twice as fast is what is simulated; without it at all it would be {}",
            it.saving
                .map_or_else(|| "?".to_owned(), |saving| duration(saving.get()))
        )];
        advice.confidence = Confidence::Medium;
        advice.saving = Some(saving);
        advice.units = vec![it.unit];
        advice.changes = changes;
        all.push(advice);
        if all.len() == MOST {
            break;
        }
    }
    all
}
