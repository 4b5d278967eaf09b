//! How each derivation of each recording ended, against the builders' own word.

use std::collections::BTreeMap;

use nixlog_core::time::Nanos;
use nixlog_core::timeline::{End, Outcome, Timeline, Unit, UnitKind};
use serde_json::Value;

use crate::recordings::{Recording, corpus, recording, timeline};

/// Returns the units that are derivations, by the name in their path.
fn derivations(timeline: &Timeline) -> BTreeMap<&str, &Unit> {
    let units = timeline.units().iter();
    units
        .filter(|unit| unit.kind.is_derivation())
        .map(|unit| {
            (
                nixlog_core::store_path::name_of(timeline.name(unit.subject)),
                unit,
            )
        })
        .collect()
}

fn outcomes(timeline: &Timeline) -> Vec<(&str, Outcome)> {
    let derivations = derivations(timeline).into_iter();
    derivations
        .map(|(name, unit)| (name, unit.outcome))
        .collect()
}

/// Compares a timeline with the truth; returns what does not agree, and how many builds were
/// looked at.
pub(crate) fn disagreements(timeline: &Timeline, truth: &Value) -> (Vec<String>, usize) {
    let units: BTreeMap<&str, &Unit> = timeline
        .units()
        .iter()
        .filter(|unit| unit.kind.is_derivation())
        .map(|unit| (timeline.name(unit.subject), unit))
        .collect();
    let nodes = truth["nodes"].as_object().expect("the truth has nodes");
    let (mut wrong, mut n_checked) = (Vec::new(), 0);
    for node in nodes.values() {
        let drv = node["drv"].as_str().expect("a node has a derivation");
        let (Some(unit), Some(built)) = (units.get(drv), node["built"].as_bool()) else {
            continue;
        };
        n_checked += 1;
        let outcome = unit.outcome;
        // A builder without an exit status was stopped: by a time limit, a signal, a failure.
        let right = match (built, node["exit"].as_i64()) {
            (true, Some(0)) => matches!(outcome, Outcome::Succeeded),
            (true, Some(_)) => matches!(outcome, Outcome::Failed | Outcome::HashMismatch),
            (true, None) => matches!(
                outcome,
                Outcome::TimedOut | Outcome::Interrupted | Outcome::Unknown | Outcome::Failed
            ),
            (false, _) => !unit.started && outcome == Outcome::DependencyFailed,
        };
        // Nix stopped for another reason before it had seen that the builder was through.
        let unseen = outcome == Outcome::Interrupted && at_the_end(timeline, unit);
        // The builder was through, but what Nix runs then failed.
        let hooked = outcome != Outcome::Succeeded
            && timeline
                .units()
                .iter()
                .any(|hook| hook.kind == UnitKind::PostBuildHook && hook.subject == unit.subject);
        // A text says neither when nor how builds end.
        let unsaid = timeline.is_text() && outcome == Outcome::Unknown;
        // Nix was killed before it could say so.
        let unheard = unit.end_kind == End::Open && outcome == Outcome::Unknown;
        if !(right || unsaid || unheard || unseen || hooked) {
            let (exit, started) = (&node["exit"], unit.started);
            wrong.push(format!(
                "{drv}: built {built}, exit {exit}, but {outcome:?}, started {started}"
            ));
        }
    }
    (wrong, n_checked)
}

/// Tells whether a unit stopped when everything did.
fn at_the_end(timeline: &Timeline, unit: &Unit) -> bool {
    const SOON: Nanos = Nanos::new(500_000_000);
    let end = timeline.wall().map(|wall| wall.end()).zip(unit.end);
    end.is_some_and(|(last, end)| last.since(end) <= SOON)
}

fn check(recording: &Recording) -> usize {
    let Some(truth) = &recording.truth else {
        return 0;
    };
    let (wrong, n_checked) = disagreements(&timeline(&recording.bytes()), truth);
    assert!(
        wrong.is_empty(),
        "{}:\n{}",
        recording.name,
        wrong.join("\n")
    );
    n_checked
}

#[test]
fn outcomes_are_those_of_the_builders() {
    let n_checked: usize = corpus().iter().map(check).sum();
    assert!(n_checked > 300, "only {n_checked} builds were compared");
}

#[test]
fn what_was_interrupted() {
    let recording = recording("2.34.8-interrupt-sigint");
    let timeline = timeline(&recording.bytes());
    assert!(timeline.is_interrupted());
    let interrupted = cut_off(&recording);
    assert_eq!(interrupted.len(), 4);
    for (drv, unit) in units_of(&timeline, &interrupted) {
        assert_eq!(
            (unit.outcome, unit.end_kind),
            (Outcome::Interrupted, End::Measured),
            "{drv}"
        );
    }
}

#[test]
fn what_was_killed_says_nothing() {
    let recording = recording("2.26.3-interrupt-sigkill");
    let timeline = timeline(&recording.bytes());
    assert!(timeline.is_cut() && !timeline.is_interrupted());
    let killed = cut_off(&recording);
    assert_eq!(killed.len(), 4);
    for (drv, unit) in units_of(&timeline, &killed) {
        assert_eq!(
            (unit.outcome, unit.end_kind),
            (Outcome::Unknown, End::Open),
            "{drv}"
        );
        assert_eq!(unit.end, timeline.wall().map(|wall| wall.end()));
    }
}

/// Returns the derivations whose builders did not get to an end.
fn cut_off(recording: &Recording) -> Vec<&str> {
    let truth = recording.truth.as_ref().expect("a truth");
    let nodes = truth["nodes"].as_object().expect("nodes").values();
    let cut_off = nodes.filter(|node| node["built"] == true && node["exit"].is_null());
    cut_off.filter_map(|node| node["drv"].as_str()).collect()
}

fn units_of<'a>(timeline: &'a Timeline, drvs: &[&'a str]) -> Vec<(&'a str, &'a Unit)> {
    let find = |drv: &&'a str| {
        let mut units = timeline.units().iter();
        let unit = units.find(|unit| timeline.name(unit.subject) == *drv);
        (
            *drv,
            unit.unwrap_or_else(|| panic!("{drv} is not in the log")),
        )
    };
    drvs.iter().map(find).collect()
}

#[test]
fn what_failed_and_what_that_held_up() {
    let recording = recording("2.26.3-fail-fail-dep-keep-going");
    let timeline = timeline(&recording.bytes());
    let truth = recording.truth.as_ref().expect("a truth");
    for node in truth["nodes"].as_object().expect("nodes").values() {
        let drv = node["drv"].as_str().expect("a derivation");
        let unit = timeline
            .units()
            .iter()
            .find(|unit| timeline.name(unit.subject) == drv);
        let unit = unit.unwrap_or_else(|| panic!("{drv} is not in the log"));
        match node["exit"].as_i64() {
            Some(0) => assert_eq!((unit.outcome, &unit.reason), (Outcome::Succeeded, &None)),
            Some(code) => {
                let told = unit.reason.as_ref().and_then(|reason| reason.exit_code);
                assert_eq!(
                    (unit.outcome, told.map(i64::from)),
                    (Outcome::Failed, Some(code))
                );
            }
            None => assert_eq!(
                (unit.outcome, unit.started),
                (Outcome::DependencyFailed, false)
            ),
        }
    }
}

#[test]
fn what_was_silent_for_too_long() {
    let timeline = timeline(&recording("2.34.8-timeout-max-silent-keep-going").bytes());
    let reason = |unit: &Unit| unit.reason.as_ref().map(|reason| reason.text.clone());
    let derivations = derivations(&timeline);
    assert_eq!(
        outcomes(&timeline),
        [
            ("quick-1.0", Outcome::Succeeded),
            ("slow-1.0", Outcome::TimedOut)
        ]
    );
    let reason = reason(derivations["slow-1.0"]).expect("a reason");
    assert!(reason.contains("1 s"), "{reason}");
}

#[test]
fn what_has_another_hash_than_it_says() {
    let timeline = timeline(&recording("2.34.8-fod-fod-mismatch-keep-going").bytes());
    let derivations = derivations(&timeline);
    let told: Vec<_> = derivations
        .iter()
        .map(|(name, unit)| (*name, unit.kind, unit.outcome, unit.started))
        .collect();
    assert_eq!(
        told,
        [
            (
                "bad-src.tar.gz",
                UnitKind::SourceFetch,
                Outcome::HashMismatch,
                true
            ),
            (
                "user-1.0",
                UnitKind::Build,
                Outcome::DependencyFailed,
                false
            ),
        ]
    );
}

#[test]
fn what_evaluation_had_to_build() {
    let timeline = timeline(&recording("2.26.3-ifd-ifd-v").bytes());
    assert!(
        outcomes(&timeline)
            .iter()
            .all(|(_, outcome)| *outcome == Outcome::Succeeded)
    );
    let evaluation = timeline
        .units()
        .iter()
        .find(|unit| unit.kind == UnitKind::Evaluation);
    let evaluation = evaluation.expect("it evaluates");
    // Four builds, one after another, each in a call of its own; the evaluator waits meanwhile.
    let gaps: Vec<_> = evaluation
        .stretches
        .windows(2)
        .map(|pair| (pair[0].interval.end(), pair[1].interval.start()))
        .collect();
    let during = derivations(&timeline)
        .into_values()
        .filter(|unit| {
            let inside = |gap: &&(_, _)| unit.start >= Some(gap.0) && unit.end <= Some(gap.1);
            gaps.iter().any(|gap| inside(&gap))
        })
        .count();
    assert_eq!(during, 4);
    for unit in derivations(&timeline).values() {
        let stretch = &evaluation.stretches;
        let both = stretch.iter().any(|stretch| {
            unit.stretches.iter().any(|build| {
                let common = build.interval.clip(stretch.interval);
                common.is_some_and(|common| common.length().get() > 0)
            })
        });
        assert!(
            !both,
            "{} is built while the evaluator works",
            timeline.name(unit.subject)
        );
    }
}

/// Without `-v` nothing says that the evaluator goes on after the build that it had to wait for.
#[test]
fn what_evaluation_does_between_two_calls() {
    let log = concat!(
        "10 @nix {\"action\":\"start\",\"id\":4294967296,\"level\":0,\"parent\":0,\"text\":\"\",\"type\":102}\n",
        "25 @nix {\"action\":\"stop\",\"id\":4294967296}\n",
        "32 @nix {\"action\":\"start\",\"id\":4294967297,\"level\":0,\"parent\":0,\"text\":\"\",\"type\":102}\n",
        "40 @nix {\"action\":\"stop\",\"id\":4294967297}\n",
        "60 @nix {\"action\":\"msg\",\"level\":3,\"msg\":\"the end\"}\n",
    );
    let timeline = timeline(log.as_bytes());
    let units = timeline.units().iter();
    let stretches = units.flat_map(|unit| &unit.stretches);
    let stretches: Vec<_> = stretches
        .map(|stretch| {
            (
                stretch.interval.start().as_nanos(),
                stretch.interval.end().as_nanos(),
            )
        })
        .collect();
    assert_eq!(stretches, [(0, 10), (25, 32)]);
}

#[test]
fn what_builders_print_changes_nothing() {
    let timeline = timeline(&recording("2.34.8-weird-output-root").bytes());
    let told: Vec<_> = derivations(&timeline)
        .into_iter()
        .map(|(name, unit)| (name.to_owned(), unit.outcome, unit.log_lines))
        .collect();
    assert!(
        told.iter()
            .all(|(_, outcome, _)| *outcome == Outcome::Succeeded),
        "{told:?}"
    );
    let lines = |name: &str| {
        told.iter()
            .find(|told| told.0.contains(name))
            .map(|told| told.2)
    };
    assert_eq!(lines("many"), Some(20_000), "{told:?}");
    // A builder that prints `@nix` lines speaks to Nix, not to us.
    assert_eq!(told.len(), 11, "{told:?}");
}

/// Before Nix 2.18 nothing in the log says which download is for which path.
#[test]
fn what_was_downloaded_for_which_path() {
    for name in ["2.8.0-subst-subst-part", "2.34.8-subst-subst-slow"] {
        let timeline = timeline(&recording(name).bytes());
        let units = timeline.units().iter();
        let substitutions: Vec<_> = units
            .filter(|unit| unit.kind == UnitKind::Substitution)
            .collect();
        assert_eq!(substitutions.len(), 20, "{name}");
        for unit in substitutions {
            let path = timeline.name(unit.subject);
            let (wire, nar) = (unit.wire_bytes, unit.nar_bytes.unwrap_or(0));
            // What the paths hold cannot be compressed; the smallest copies do not say their size.
            let close = wire.is_some_and(|wire| wire.abs_diff(nar) < 3000);
            assert!(close, "{name}: {path}: {wire:?} bytes for {nar}");
        }
    }
}
