//! What can be told from a log, what cannot, and what would supply the rest.

use super::run_graph::Coverage;
use crate::names::named;
use crate::timeline::{End, Issue, IssueCode, Outcome, Timeline, UnitKind};

/// One question, and whether the log answers it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answerable {
    /// What is asked, in a few words.
    pub question: &'static str,
    /// How far the log answers it.
    pub extent: Extent,
    /// Why not wholly.
    pub why: Option<String>,
    /// What to do about it: a command, or what to change.
    pub fix: Option<&'static str>,
}

named! {
    /// How far a log answers a question.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Extent {
        /// Wholly.
        Whole = "yes",
        /// In part: some numbers are inferred or missing.
        Partial = "partly",
        /// Not at all.
        None = "no",
    }
}

/// How to get a log with times.
pub const HOW_TO_STAMP: &str = "nixlog run -- nix build …";

/// How to get a log with events.
pub const HOW_TO_GET_EVENTS: &str = "add `--log-format internal-json -v` to the Nix command";

/// How to get signs of evaluation into a log: a line for each file.
pub const HOW_TO_SEE_EVALUATION: &str =
    "if the command evaluates, record it with `nixlog run`, or add `-v` to it (with Lix `-vvv`)";

/// How to get at what store paths refer to.
pub const HOW_TO_GET_REFERENCES: &str =
    "nix path-info -r --json INSTALLABLE > paths.json, then add `--derivations paths.json`";

/// How to get at what depends on what.
pub const HOW_TO_GET_DERIVATIONS: &str = "nix derivation show -r INSTALLABLE > derivations.json, then add `--derivations derivations.json`";

/// Tells what the log answers, with as much as is known of what depends on what.
#[must_use]
pub fn sufficiency(timeline: &Timeline, coverage: &Coverage) -> Vec<Answerable> {
    let answers = vec![
        durations(timeline),
        evaluation(timeline),
        files(timeline),
        ends(timeline),
        outcomes(timeline),
        builder_phases(timeline),
        sources(timeline),
        dependencies(coverage),
    ];
    if timeline.is_nix() {
        return answers;
    }
    let why = if timeline.facts().is_log_of_one_build() {
        "this is the log of one build, as `nix log` prints it: no line says when anything starts or ends"
    } else {
        "no Nix build in this log"
    };
    let nothing = |answer: Answerable| Answerable {
        extent: Extent::None,
        why: Some(why.to_owned()),
        fix: Some(HOW_TO_STAMP),
        ..answer
    };
    answers.into_iter().map(nothing).collect()
}

fn answer(
    question: &'static str,
    extent: Extent,
    why: Option<String>,
    fix: Option<&'static str>,
) -> Answerable {
    Answerable {
        question,
        extent,
        why,
        fix,
    }
}

fn durations(timeline: &Timeline) -> Answerable {
    let question = "where the time went (phases, slowest)";
    if timeline.wall().is_none() {
        let why = "the lines have no timestamps; order, counts and outcomes are known".to_owned();
        return answer(question, Extent::None, Some(why), Some(HOW_TO_STAMP));
    }
    if timeline.is_text() {
        let why = "plain output tells when things start, but not when they end".to_owned();
        return answer(
            question,
            Extent::Partial,
            Some(why),
            Some(HOW_TO_GET_EVENTS),
        );
    }
    if timeline.is_reconstructed() {
        let why = "only builds and fetches; the store keeps no trace of evaluation and waiting"
            .to_owned();
        return answer(question, Extent::Partial, Some(why), Some(HOW_TO_STAMP));
    }
    if timeline.is_cut() {
        let why =
            "the log stops while something still runs; that counts up to the last line".to_owned();
        return answer(question, Extent::Partial, Some(why), None);
    }
    answer(question, Extent::Whole, None, None)
}

fn evaluation(timeline: &Timeline) -> Answerable {
    let question = "how long evaluation took";
    if timeline.wall().is_none() {
        return answer(
            question,
            Extent::None,
            Some("the lines have no timestamps".to_owned()),
            Some(HOW_TO_STAMP),
        );
    }
    let mut units = timeline.units().iter();
    if timeline.is_reconstructed() {
        let why = "the store keeps no trace of it".to_owned();
        return answer(question, Extent::None, Some(why), Some(HOW_TO_STAMP));
    }
    if !units.any(|unit| unit.kind == UnitKind::Evaluation) {
        let why = "no line of this log comes from an evaluation".to_owned();
        return answer(
            question,
            Extent::None,
            Some(why),
            Some(HOW_TO_SEE_EVALUATION),
        );
    }
    answer(question, Extent::Whole, None, None)
}

fn files(timeline: &Timeline) -> Answerable {
    let question = "which files evaluation was at (eval)";
    if timeline.facts().evaluated_files == 0 {
        let why = "no line names a file".to_owned();
        return answer(
            question,
            Extent::None,
            Some(why),
            Some(HOW_TO_SEE_EVALUATION),
        );
    }
    if timeline.wall().is_none() {
        let why = "which, but not for how long: the lines have no timestamps".to_owned();
        return answer(question, Extent::Partial, Some(why), Some(HOW_TO_STAMP));
    }
    answer(question, Extent::Whole, None, None)
}

fn ends(timeline: &Timeline) -> Answerable {
    let question = "when each build ended";
    let builds = || {
        timeline
            .units()
            .iter()
            .filter(|unit| unit.kind.is_derivation() && unit.started)
    };
    let n_builds = builds().count();
    if timeline.is_text() && n_builds > 0 {
        let why = "plain output does not tell when a build ends".to_owned();
        return answer(question, Extent::None, Some(why), Some(HOW_TO_GET_EVENTS));
    }
    if timeline.wall().is_none() && n_builds > 0 {
        let why = "the order is known, the times are not".to_owned();
        return answer(question, Extent::Partial, Some(why), Some(HOW_TO_STAMP));
    }
    let n_inferred = builds()
        .filter(|unit| unit.end_kind == End::Inferred)
        .count();
    let n_open = builds().filter(|unit| unit.end_kind == End::Open).count();
    if n_open > 0 {
        let why = format!("{n_open} of {n_builds} builds have no end: the log stops early");
        return answer(question, Extent::Partial, Some(why), None);
    }
    if n_inferred > 0 && timeline.is_reconstructed() {
        let why = format!("{n_inferred} of {n_builds} ends are estimated: see the notes");
        return answer(question, Extent::Partial, Some(why), None);
    }
    if n_inferred > 0 {
        let why = format!(
            "{n_inferred} of {n_builds} ends are inferred from counters: Nix up to 2.29 logs the end of a requested build late"
        );
        return answer(
            question,
            Extent::Partial,
            Some(why),
            Some("use Nix 2.30 or later"),
        );
    }
    answer(question, Extent::Whole, None, None)
}

fn outcomes(timeline: &Timeline) -> Answerable {
    let question = "how each build ended";
    let builds = || {
        timeline
            .units()
            .iter()
            .filter(|unit| unit.kind.is_derivation())
    };
    let n_unknown = builds()
        .filter(|unit| unit.outcome == Outcome::Unknown)
        .count();
    if n_unknown > 0 {
        let why = format!(
            "{n_unknown} of {} outcomes are not in the log",
            builds().count()
        );
        return answer(question, Extent::Partial, Some(why), None);
    }
    answer(question, Extent::Whole, None, None)
}

fn builder_phases(timeline: &Timeline) -> Answerable {
    let question = "builder phases (unpackPhase, buildPhase …)";
    let builds = || {
        timeline
            .units()
            .iter()
            .filter(|unit| unit.kind == UnitKind::Build && unit.started)
    };
    if timeline.is_reconstructed() {
        let why = "the build logs name them, but not their times".to_owned();
        return answer(question, Extent::None, Some(why), Some(HOW_TO_STAMP));
    }
    let n_without = builds().filter(|unit| unit.phases.is_empty()).count();
    match (n_without, builds().count()) {
        (_, 0) => answer(question, Extent::Whole, None, None),
        (0, _) if timeline.wall().is_none() => {
            let why = "the order is known, the times are not".to_owned();
            answer(question, Extent::Partial, Some(why), Some(HOW_TO_STAMP))
        }
        (0, _) => answer(question, Extent::Whole, None, None),
        (n_without, n_builds) => {
            let (reason, fix) = if timeline.is_text() {
                ("plain output seldom names them", Some(HOW_TO_GET_EVENTS))
            } else {
                ("only stdenv builders do", None)
            };
            let why = format!("{n_without} of {n_builds} builds report none: {reason}");
            let extent = if n_without == n_builds {
                Extent::None
            } else {
                Extent::Partial
            };
            answer(question, extent, Some(why), fix)
        }
    }
}

/// Critical path, savings, what-ifs: all of them need to know what depends on what.
fn dependencies(coverage: &Coverage) -> Answerable {
    let question = "what depends on what (critical-path, what-if)";
    let n_known = coverage.known_builds + coverage.known_substitutions;
    let n_all = coverage.builds + coverage.substitutions;
    if n_all <= 1 || n_known == n_all {
        let why = (coverage.builds_by_name > 0).then(|| {
            let n = coverage.builds_by_name;
            format!(
                "{n} of {} builds use a derivation of the same name, from another build",
                coverage.builds
            )
        });
        let extent = match why {
            Some(_) => Extent::Partial,
            None => Extent::Whole,
        };
        return answer(question, extent, why, None);
    }
    if coverage.is_nothing() {
        let why = match coverage.ignored_builds {
            Some(_) => {
                "Nix does not log dependencies, and the derivations found are of another build"
            }
            None => "Nix does not log dependencies, and no derivations were found",
        };
        let why = why.to_owned();
        return answer(
            question,
            Extent::None,
            Some(why),
            Some(HOW_TO_GET_DERIVATIONS),
        );
    }
    let mut missing = Vec::new();
    let n_builds = coverage.builds - coverage.known_builds;
    let n_paths = coverage.substitutions - coverage.known_substitutions;
    if n_builds > 0 {
        missing.push(format!(
            "derivations of {n_builds} of {} builds",
            coverage.builds
        ));
    }
    if n_paths > 0 {
        missing.push(format!(
            "references of {n_paths} of {} substituted paths",
            coverage.substitutions
        ));
    }
    let fix = match n_builds {
        0 => HOW_TO_GET_REFERENCES,
        _ => HOW_TO_GET_DERIVATIONS,
    };
    let why = format!("not found: {}", missing.join(" and "));
    answer(question, Extent::Partial, Some(why), Some(fix))
}

fn sources(timeline: &Timeline) -> Answerable {
    let question = "which builds are downloads of sources";
    let is_unknown = |issue: &Issue| issue.code == IssueCode::FixedOutputUnknown;
    if !timeline.issues().iter().any(is_unknown) {
        return answer(question, Extent::Whole, None, None);
    }
    let why = "without the `.drv` files, only builtin fetchers are known; other source fetches count as builds";
    answer(question, Extent::Partial, Some(why.to_owned()), None)
}
