//! More builds at once.

use super::super::{Advice, Case, ChangeView, Confidence, StepKind};
use crate::analysis::slots::SlotsSource;
use crate::analysis::what_if::Change;
use crate::report::format::duration;

/// Without knowing how many processors there are, at most so many times as many jobs are tried.
const MOST_TIMES: u32 = 4;

pub(super) fn rule(case: &Case<'_>) -> Vec<Advice> {
    let Some((makespan, questions)) = case.simulated else {
        return Vec::new();
    };
    let now = makespan.local_slots();
    let header = case.source.recording.header.as_ref();
    let cores = header.and_then(|header| header.cores);
    let cores = cores.and_then(|cores| u32::try_from(cores).ok());
    let most = cores.unwrap_or(now.saturating_mul(MOST_TIMES));
    if now == 0 || makespan.local_pool().is_none() || most <= now {
        return Vec::new();
    }
    let tried: Vec<(u32, u64)> = steps(now, most)
        .map(|slots| {
            (
                slots,
                questions.ask(&[Change::LocalSlots(slots)]).predicted.get(),
            )
        })
        .collect();
    let best = tried
        .iter()
        .map(|&(_, predicted)| predicted)
        .min()
        .unwrap_or(0);
    // The fewest jobs that give nearly all of it.
    let enough = best.saturating_add(best / 100);
    let Some(&(slots, _)) = tried.iter().find(|&&(_, predicted)| predicted <= enough) else {
        return Vec::new();
    };
    let changes = vec![Change::LocalSlots(slots)];
    let Some((answer, saving)) = case
        .ask(&changes, false)
        .filter(|(_, it)| case.is_worth(it.likely))
    else {
        return Vec::new();
    };
    let change = ChangeView::Setting {
        name: "max-jobs".to_owned(),
        value: slots.to_string(),
        // What is set is not known where it is not recorded.
        safe: makespan.slots_source() != SlotsSource::Seen,
    };
    let title = format!("Build {slots} derivations at once in place of {now}");
    let mut advice = Advice::new("max-jobs", StepKind::Quick, title, change);
    advice.evidence = vec![format!(
        "simulated with {slots} jobs: {} in place of {}",
        duration(answer.predicted.get()),
        duration(answer.baseline.get())
    )];
    if cores.is_none() {
        advice
            .caveats
            .push("how many processors the machine has is not recorded".to_owned());
    }
    if let Some(cores) = cores {
        advice
            .evidence
            .push(format!("the machine has {cores} processors"));
    }
    advice.confidence = match cores {
        Some(_) => Confidence::Medium,
        None => Confidence::Low,
    };
    advice.caveats.push(
        "each build counts with the time that it took: builds that use several processors slow each other down"
            .to_owned(),
    );
    if makespan.slots_source() == SlotsSource::Seen {
        advice.caveats.push(format!(
            "max-jobs is not recorded: {now} is the most that were seen at once"
        ));
        advice
            .missing_input
            .push("`nixlog run` records what Nix is set to".to_owned());
    }
    if let Some(free) = answer.with_build_users {
        advice.caveats.push(format!(
            "build users hold some of it back: with as many as there are slots it is {}",
            duration(free.get())
        ));
    }
    advice.saving = Some(saving);
    advice.changes = changes;
    vec![advice]
}

/// Tries numbers of jobs: one by one at first, then in larger steps.
fn steps(now: u32, most: u32) -> impl Iterator<Item = u32> {
    let mut next = Some(now);
    std::iter::from_fn(move || {
        let slots = next?.saturating_add((next? / 4).max(1)).min(most);
        next = (slots < most).then_some(slots);
        Some(slots)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_numbers_are_tried_up_to_the_most() {
        assert_eq!(steps(1, 4).collect::<Vec<_>>(), [2, 3, 4]);
        assert_eq!(
            steps(4, 16).collect::<Vec<_>>(),
            [5, 6, 7, 8, 10, 12, 15, 16]
        );
        assert_eq!(steps(3, 4).collect::<Vec<_>>(), [4]);
    }
}
