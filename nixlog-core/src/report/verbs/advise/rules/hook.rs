//! Post-build hooks on the critical path.

use super::super::{Advice, Case, ChangeView, Confidence, Saving, StepKind};
use crate::report::format::{duration, plural};

pub(super) fn rule(case: &Case<'_>) -> Vec<Advice> {
    let Some(hooks) = &case.caches.hooks else {
        return Vec::new();
    };
    let Some(critical) = hooks.critical.filter(|&it| case.is_worth(it)) else {
        return Vec::new();
    };
    let text =
        "let the hook put paths into a queue and return at once, and upload from there".to_owned();
    let title = "Do not wait for the post-build hook".to_owned();
    let mut advice = Advice::new(
        "post-build-hook",
        StepKind::Configuration,
        title,
        ChangeView::Other { text },
    );
    advice.evidence = vec![format!(
        "{} of the hook, {} of them on the critical path",
        plural((hooks.paths + hooks.failed) as u64, "run"),
        duration(critical.get())
    )];
    advice.caveats.push(
        "Nix up to 2.34 starts nothing while a hook runs; Nix 2.35 goes on beside it".to_owned(),
    );
    advice.confidence = Confidence::Medium;
    advice.saving = Some(Saving::at_most(critical));
    vec![advice]
}
