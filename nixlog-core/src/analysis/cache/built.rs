//! Why what was built did not come from a cache, as far as the log and the derivations prove it.

use std::collections::HashSet;

use super::answers::{Answers, CacheAnswer};
use super::settings::CacheSettings;
use crate::graph::DerivationGraph;
use crate::names::named;
use crate::timeline::{CacheEvent, CacheFault, Name, Source, Timeline, Unit};

named! {
    /// Why something was built and not fetched.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    #[non_exhaustive]
    pub enum Why {
        /// Nix was told to use no cache.
        Disabled = "substitution-disabled",
        /// The derivation says `allowSubstitutes = false`: no cache is asked for it.
        NotAllowed = "not-allowed",
        /// No cache that was asked has it.
        Absent = "absent",
        /// A cache has it, without a signature by a trusted key.
        NotSigned = "not-signed",
        /// A cache has it, and its download failed.
        DownloadFailed = "download-failed",
        /// A cache did not answer, and no other one has it.
        Unanswered = "unanswered",
        /// A cache has it, and it was built all the same: something that it refers to could not be fetched,
        /// or Nix was told to build it again.
        Present = "present",
        /// The log has no question about it. Nix remembers answers, for an hour if they were no.
        NotAsked = "not-asked",
        /// The log does not tell.
        Unknown = "unknown",
    }
}

/// Something that was built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Built {
    /// Index into [`Timeline::units`].
    pub unit: usize,
    /// A cache was asked for it.
    pub is_asked: bool,
    /// Its derivation is not known: the questions were found by its name.
    pub by_name: bool,
    /// Why it was built.
    pub why: Why,
}

/// Finds out why things were built, in the order of their units.
pub(super) fn built(
    timeline: &Timeline,
    source: &Source,
    graph: &DerivationGraph,
    answers: &Answers,
    settings: Option<&CacheSettings>,
) -> Vec<Built> {
    let refused: HashSet<Name> = failed(timeline, |fault| fault == CacheFault::NotSigned);
    let broken: HashSet<Name> = failed(timeline, |fault| fault != CacheFault::NotSigned);
    let always = source.recording.is_on("always-allow-substitutes");
    let why = |(unit, build): (usize, &Unit)| {
        let asked = answers.made_by(timeline, graph, build);
        let node = graph.find(timeline.name(build.subject));
        let node = node.map(|node| graph.node(node)).filter(|it| it.is_known());
        let said = || {
            let questions = asked.iter().flat_map(|path| &answers.by_path[path]);
            questions.map(|&question| answers.questions[question].answer)
        };
        let why = if settings.is_some_and(|set| set.is_off) && asked.is_empty() {
            Why::Disabled
        } else if asked.is_empty() {
            match node {
                // Some Nix asks for it all the same where it is told to.
                Some(node) if !node.allows_substitutes && always != Some(true) => Why::NotAllowed,
                Some(node) if node.outputs.iter().any(|it| it.path.is_some()) => {
                    match answers.questions.is_empty() {
                        true => Why::Unknown,
                        false => Why::NotAsked,
                    }
                }
                _ => Why::Unknown,
            }
        } else if asked.iter().any(|path| broken.contains(path)) {
            Why::DownloadFailed
        } else if asked.iter().any(|path| refused.contains(path)) {
            Why::NotSigned
        } else if said().any(|it| it == CacheAnswer::Unclear) {
            Why::Unknown
        } else if asked.iter().any(|path| is_nowhere(answers, *path)) {
            match said().any(|it| it == CacheAnswer::Unanswered) {
                true => Why::Unanswered,
                false => Why::Absent,
            }
        } else {
            Why::Present
        };
        Built {
            unit,
            is_asked: !asked.is_empty(),
            by_name: node.is_none() && !asked.is_empty(),
            why,
        }
    };
    let units = timeline.units().iter().enumerate();
    let builds = units.filter(|(_, unit)| unit.started && unit.kind.is_derivation());
    builds.map(why).collect()
}

/// Tells whether no cache has a path, of those that were asked.
fn is_nowhere(answers: &Answers, path: Name) -> bool {
    let mut questions = answers.by_path[&path].iter();
    questions.all(|&question| answers.questions[question].answer != CacheAnswer::Hit)
}

/// Returns the paths that a cache has, and that could not be had from it.
fn failed(timeline: &Timeline, counts: impl Fn(CacheFault) -> bool) -> HashSet<Name> {
    let remarks = timeline.cache_remarks().iter();
    let failed = remarks.filter(|remark| match remark.event {
        CacheEvent::Failed(fault) => counts(fault) && !remark.is_query,
        _ => false,
    });
    failed.filter_map(|remark| remark.path).collect()
}
