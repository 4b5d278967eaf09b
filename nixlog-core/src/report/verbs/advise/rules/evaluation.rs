//! What evaluation stood still for.

use super::super::{Advice, Case, ChangeView, Confidence, Saving, StepKind};
use super::names;
use crate::analysis::what_if::Change;
use crate::report::format::{bytes, duration, harmless};
use crate::time::Nanos;
use crate::timeline::UnitKind;

pub(super) fn rule(case: &Case<'_>) -> Vec<Advice> {
    let all = [imports(case), sources(case), inputs(case), dirty(case)];
    all.into_iter().flatten().collect()
}

/// Import from derivation.
fn imports(case: &Case<'_>) -> Option<Advice> {
    let timeline = case.timeline;
    let builds = |place: usize| {
        let units = timeline.units().iter().enumerate();
        units.filter(move |(_, unit)| {
            unit.kind.is_derivation() && timeline.import_of(unit) == Some(place)
        })
    };
    let waits = timeline.imports().iter().enumerate();
    let waits: Vec<_> = waits
        .filter(|(place, _)| builds(*place).next().is_some())
        .collect();
    let waited: Nanos = waits.iter().map(|(_, wait)| wait.interval.length()).sum();
    if !case.is_worth(waited) {
        return None;
    }
    // What evaluation asked for ends last.
    let last = |place: usize| builds(place).max_by_key(|(index, unit)| (unit.end, *index));
    let asked_for: Vec<usize> = waits
        .iter()
        .filter_map(|(place, _)| Some(last(*place)?.0))
        .collect();
    let title = format!("Evaluate without importing {}", names(case, &asked_for));
    let text = "write what is generated into the repository, or generate it before evaluation; \
                `allow-import-from-derivation = false` shows each place"
        .to_owned();
    let mut advice = Advice::new(
        "import-from-derivation",
        StepKind::Deeper,
        title,
        ChangeView::Expression { text },
    );
    let times = match waits.len() {
        1 => "once".to_owned(),
        n => format!("{n} times"),
    };
    advice.evidence = vec![format!(
        "evaluation stood still {times}, {} in all, until what it imports was built",
        duration(waited.get())
    )];
    let (_, said) = case.evaluation;
    let files = waits
        .iter()
        .filter_map(|(_, wait)| said.file_at(wait.interval.start()));
    let mut files: Vec<&str> = files.collect();
    files.dedup();
    advice.evidence.extend(
        files
            .first()
            .map(|file| format!("the last file before the first: {}", harmless(file))),
    );
    advice.confidence = Confidence::Medium;
    let built: Vec<usize> = waits
        .iter()
        .flat_map(|(place, _)| builds(*place))
        .map(|(unit, _)| unit)
        .collect();
    let changes = vec![Change::Remove(built)];
    let caveat = match case.ask(&changes, true) {
        Some((_, saving)) => {
            advice.saving = Some(saving);
            advice.changes = changes;
            "simulated without these builds: what makes their contents then takes its time elsewhere"
        }
        None => {
            advice.saving = Some(Saving::at_most(waited));
            "what is still built, but later and beside others, takes some of it back"
        }
    };
    advice.caveats.push(caveat.to_owned());
    advice.units = asked_for;
    Some(advice)
}

/// Local sources on their way into the store.
fn sources(case: &Case<'_>) -> Option<Advice> {
    let (evaluation, said) = case.evaluation;
    let units = case.timeline.units().iter().enumerate();
    let sources = units.filter(|(_, unit)| unit.kind == UnitKind::SourceImport);
    let (unit, longest) = sources.max_by_key(|(_, unit)| unit.duration())?;
    let took = longest.duration().filter(|&took| case.is_worth(took))?;
    let source = case.timeline.name(longest.subject);
    let name = harmless(source.trim_end_matches('/')).into_owned();
    let title = format!("Copy less of {name} into the store");
    let text = "select what the build needs: lib.fileset.toSource, lib.cleanSource, a git repository for a \
                flake; keep build outputs out of it"
        .to_owned();
    let mut advice = Advice::new(
        "large-source",
        StepKind::Deeper,
        title,
        ChangeView::Expression { text },
    );
    let size = said
        .copy_of(source)
        .and_then(|copied| copied.bytes)
        .or(longest.nar_bytes);
    let size = size
        .map(|size| format!(" ({})", bytes(size)))
        .unwrap_or_default();
    advice.evidence = vec![
        format!("copying or hashing it took {}{size}", duration(took.get())),
        format!(
            "all sources together: {}",
            duration(evaluation.source_imports.get())
        ),
    ];
    advice.confidence = Confidence::Medium;
    advice
        .caveats
        .push("how much of it can be left out is not known".to_owned());
    advice.saving = Some(Saving::at_most(took.min(evaluation.source_imports)));
    advice.units = vec![unit];
    Some(advice)
}

/// Flake inputs and other fetches.
fn inputs(case: &Case<'_>) -> Option<Advice> {
    let (evaluation, _) = case.evaluation;
    if !case.is_worth(evaluation.input_fetches) {
        return None;
    }
    let units = case.timeline.units().iter().enumerate();
    let fetches = units.filter(|(_, unit)| unit.kind == UnitKind::InputFetch);
    let mut fetches: Vec<usize> = fetches.map(|(index, _)| index).collect();
    fetches.sort_by_key(|&unit| std::cmp::Reverse(case.timeline.units()[unit].duration()));
    let title = "Keep fetched inputs from one run to the next".to_owned();
    let text = "keep ~/.cache/nix and the store between CI runs; drop inputs that nothing uses, let others \
                follow one (`inputs.x.follows`)"
        .to_owned();
    let mut advice = Advice::new(
        "input-fetches",
        StepKind::Configuration,
        title,
        ChangeView::Other { text },
    );
    advice.evidence = fetches
        .iter()
        .take(3)
        .filter_map(|&unit| {
            let brief = case.brief(unit);
            Some(format!(
                "{}: {}",
                harmless(&brief.name),
                duration(brief.duration_ns?)
            ))
        })
        .collect();
    advice.confidence = Confidence::Medium;
    advice.saving = Some(Saving::at_most(evaluation.input_fetches));
    advice.units = fetches;
    Some(advice)
}

/// A flake with changes that are not committed.
fn dirty(case: &Case<'_>) -> Option<Advice> {
    let (evaluation, said) = case.evaluation;
    let working = evaluation
        .working
        .filter(|&it| said.is_dirty() && case.is_worth(it))?;
    let mut advice = Advice::new(
        "dirty-tree",
        StepKind::Quick,
        "Commit, and Nix keeps the evaluation".to_owned(),
        ChangeView::Command {
            text: "git commit".to_owned(),
        },
    );
    advice.evidence = vec![format!(
        "evaluation worked for {}; of a tree with changes Nix keeps nothing for the next time",
        duration(working.get())
    )];
    advice.confidence = Confidence::Low;
    advice.caveats.push(
        "it helps the second time that the same is evaluated, and only for flakes".to_owned(),
    );
    Some(advice)
}
