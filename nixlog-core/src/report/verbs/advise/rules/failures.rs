//! What a failure stopped.

use super::super::{Advice, Case, ChangeView, Confidence, StepKind};
use crate::report::format::plural;
use crate::timeline::Outcome;

pub(super) fn rule(case: &Case<'_>) -> Vec<Advice> {
    let units = || case.timeline.units().iter();
    let failed = units()
        .filter(|unit| unit.kind.is_derivation() && unit.outcome.is_failure())
        .count();
    let cut: Vec<usize> = units()
        .enumerate()
        .filter(|(_, unit)| {
            unit.kind.is_derivation() && unit.started && unit.outcome == Outcome::Interrupted
        })
        .map(|(index, _)| index)
        .collect();
    // Whoever stopped it himself knows.
    if failed == 0 || cut.is_empty() || case.timeline.is_interrupted() {
        return Vec::new();
    }
    let change = ChangeView::Setting {
        name: "keep-going".to_owned(),
        value: "true".to_owned(),
        safe: false,
    };
    let title = "Let other builds go on when one fails".to_owned();
    let mut advice = Advice::new("keep-going", StepKind::Quick, title, change);
    advice.evidence = vec![format!(
        "{} were cut off since another failed: their work is lost",
        plural(cut.len() as u64, "build")
    )];
    advice.confidence = Confidence::Medium;
    advice
        .caveats
        .push("the command ends later when something fails".to_owned());
    advice.units = cut;
    vec![advice]
}
