//! Caches that cost more than they give.

use super::super::{Advice, Case, ChangeView, Confidence, Saving, StepKind};
use crate::analysis::cache::Substituter;
use crate::report::format::{duration, harmless, plural};
use crate::time::{Interval, Nanos};

/// With fewer questions, one run says nothing of a cache.
const LEAST_ASKED: usize = 10;

pub(super) fn rule(case: &Case<'_>) -> Vec<Advice> {
    let mut all = Vec::new();
    let order = case.caches.order.as_ref();
    let never: Vec<&Substituter<'_>> = order
        .into_iter()
        .flat_map(|order| &order.never_had)
        .filter_map(|&at| case.caches.substituters.get(at))
        .filter(|it| it.asked >= LEAST_ASKED)
        .collect();
    for it in &never {
        all.extend(never_had(case, it));
    }
    for it in &case.caches.substituters {
        all.extend(fails(case, it));
        all.extend(stalls(case, it));
    }
    all
}

/// A cache that never had anything.
fn never_had(case: &Case<'_>, it: &Substituter<'_>) -> Option<Advice> {
    let critical = it.critical_asking.filter(|&it| case.is_worth(it))?;
    let uri = harmless(it.uri).into_owned();
    let title = format!("Do not ask {uri}: it had nothing");
    let text = format!("take {uri} out of `substituters`, or ask it last (`{uri}?priority=100`)");
    let mut advice = Advice::new(
        "cache-without-hits",
        StepKind::Quick,
        title,
        ChangeView::Other { text },
    );
    advice.evidence = vec![
        format!("0 of {} were there", plural(it.asked as u64, "path")),
        format!(
            "{} of the critical path lies in questions to it",
            duration(critical.get())
        ),
    ];
    advice.confidence = Confidence::Medium;
    advice.caveats.push("one run does not tell that it never has anything: `nixlog trends`, `nixlog cache` of other runs".to_owned());
    advice.saving = Some(Saving::at_most(critical));
    Some(advice)
}

/// A cache that does not answer.
fn fails(case: &Case<'_>, it: &Substituter<'_>) -> Option<Advice> {
    let n_failed: usize = it.failures.values().sum();
    if n_failed + it.disabled == 0 {
        return None;
    }
    let uri = harmless(it.uri).into_owned();
    let title = format!("Mend or remove {uri}");
    let text = format!("see what it answers: `nixlog cache`, `curl -I {uri}/nix-cache-info`");
    let mut advice = Advice::new(
        "cache-fails",
        StepKind::Quick,
        title,
        ChangeView::Other { text },
    );
    advice.evidence.extend(
        it.failures
            .iter()
            .map(|(fault, n)| format!("{}: {n}×", fault.name())),
    );
    if it.disabled > 0 {
        advice
            .evidence
            .push(format!("Nix gave up on it for a while {}×", it.disabled));
    }
    if it.retries > 0 {
        advice.evidence.push(format!(
            "{} were tried again",
            plural(it.retries as u64, "transfer")
        ));
    }
    let critical = it.critical_asking.filter(|&it| case.is_worth(it));
    advice.saving = critical.map(Saving::at_most);
    advice.confidence = Confidence::Medium;
    Some(advice)
}

/// Downloads that stood still.
fn stalls(case: &Case<'_>, it: &Substituter<'_>) -> Option<Advice> {
    let stood: Nanos = it.stalls.iter().copied().map(Interval::length).sum();
    if !case.is_worth(stood) {
        return None;
    }
    let uri = harmless(it.uri).into_owned();
    let title = format!(
        "Downloads from {uri} stood still for {}",
        duration(stood.get())
    );
    let change = ChangeView::Setting {
        name: "stalled-download-timeout".to_owned(),
        value: "30".to_owned(),
        safe: true,
    };
    let mut advice = Advice::new("stalled-downloads", StepKind::Quick, title, change);
    advice.evidence = vec![format!(
        "{} without a byte",
        plural(it.stalls.len() as u64, "stretch").replace("stretchs", "stretches")
    )];
    advice.confidence = Confidence::Low;
    advice
        .caveats
        .push("a shorter time-out tries again sooner; it does not mend the network".to_owned());
    Some(advice)
}
