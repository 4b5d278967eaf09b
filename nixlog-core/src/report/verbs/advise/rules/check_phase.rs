//! Tests that the build waits for.

use super::super::{Advice, Case, ChangeView, Confidence, StepKind};
use super::names;
use crate::analysis::what_if::Change;
use crate::report::format::{duration, harmless};
use crate::time::Nanos;
use crate::timeline::Name;

/// The builder phases that run tests.
const PHASES: [&str; 2] = ["checkPhase", "installCheckPhase"];

/// How many of them are told.
const MOST_SHOWN: usize = 5;

pub(super) fn rule(case: &Case<'_>) -> Vec<Advice> {
    let timeline = case.timeline;
    let (mut units, mut changes, mut evidence) = (Vec::new(), Vec::new(), Vec::new());
    for phase in PHASES {
        let spent = |unit: usize| {
            let phases = timeline.units()[unit].phases.iter();
            let mut phases = phases
                .filter(|it| timeline.name(it.name) == phase)
                .peekable();
            let name = phases.peek()?.name;
            let took: Nanos = phases.filter_map(|it| Some(it.interval?.length())).sum();
            Some((unit, took, name)).filter(|&(_, took, _)| case.is_worth(took))
        };
        let mut heavy: Vec<(usize, Nanos, Name)> =
            (0..timeline.units().len()).filter_map(spent).collect();
        heavy.sort_by_key(|&(unit, took, _)| (std::cmp::Reverse(took), unit));
        let Some(&(_, _, name)) = heavy.first() else {
            continue;
        };
        let of_phase: Vec<usize> = heavy.iter().map(|&(unit, _, _)| unit).collect();
        evidence.extend(heavy.iter().take(MOST_SHOWN).map(|&(unit, took, _)| {
            format!(
                "{phase} of {}: {}",
                harmless(&case.brief(unit).name),
                duration(took.get())
            )
        }));
        units.extend(
            of_phase
                .iter()
                .copied()
                .filter(|unit| !units.contains(unit))
                .collect::<Vec<_>>(),
        );
        changes.push(Change::SkipPhase(of_phase, name));
    }
    if units.is_empty() {
        return Vec::new();
    }
    let Some((_, saving)) = case
        .ask(&changes, true)
        .filter(|(_, it)| case.is_worth(it.likely))
    else {
        return Vec::new();
    };
    let title = format!("Run the tests of {} elsewhere", names(case, &units));
    let text =
        "doCheck = false; doInstallCheck = false; and the tests as a derivation of their own \
                (passthru.tests) that CI builds beside the rest"
            .to_owned();
    let mut advice = Advice::new(
        "tests-elsewhere",
        StepKind::Deeper,
        title,
        ChangeView::Expression { text },
    );
    advice.evidence = evidence;
    advice.confidence = Confidence::High;
    advice.caveats.push(
        "a changed derivation has another hash: caches do not have it, and all that needs it is built once more"
            .to_owned(),
    );
    advice.saving = Some(saving);
    advice.units = units;
    advice.changes = changes;
    vec![advice]
}
