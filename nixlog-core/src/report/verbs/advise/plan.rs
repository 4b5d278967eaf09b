//! The plan: what each step saves after those before it.

use super::{Advice, Case, PlanStepView, SavingBasis, StepKind};
use crate::analysis::what_if::Change;
use crate::time::Nanos;

/// Makes the plan; returns what all of it saves together, too. What is simulated is simulated together with
/// all steps before it. What is estimated is evaluation's, which no build runs beside: it comes on top.
pub(super) fn plan(case: &Case<'_>, all: &[Advice]) -> (Vec<PlanStepView>, Option<u64>) {
    let mut changes: Vec<Change> = Vec::new();
    let (mut simulated, mut estimated) = (Nanos::ZERO, Nanos::ZERO);
    let mut is_known = false;
    let mut steps = Vec::new();
    for step in StepKind::ALL {
        let advice: Vec<usize> = (0..all.len()).filter(|&at| all[at].step == step).collect();
        if advice.is_empty() {
            continue;
        }
        let of_step = || advice.iter().map(|&at| &all[at]);
        changes.extend(of_step().flat_map(|it| it.changes.iter().cloned()));
        let is_simulated = of_step().any(|it| !it.changes.is_empty());
        let so_far = match is_simulated {
            true => case
                .ask(&changes, false)
                .map_or(simulated, |(_, saving)| saving.likely.max(simulated)),
            false => simulated,
        };
        let alone = of_step().filter(|it| it.changes.is_empty());
        let more: Nanos = alone
            .filter_map(|it| it.saving)
            .filter(|saving| saving.basis == SavingBasis::Estimated)
            .map(|saving| saving.likely)
            .sum();
        let has_saving = of_step().any(|it| it.saving.is_some());
        is_known |= has_saving;
        steps.push(PlanStepView {
            step,
            advice,
            saving_ns: has_saving.then(|| ((so_far - simulated) + more).get()),
            estimated_ns: more.get(),
        });
        simulated = so_far;
        estimated += more;
    }
    let together = (simulated + estimated).min(case.wall()).get();
    (steps, is_known.then_some(together))
}
