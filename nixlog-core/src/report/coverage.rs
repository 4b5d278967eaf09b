//! How much is known of what depends on what.

use schemars::JsonSchema;
use serde::Serialize;

use super::envelope::Input;
use super::words::next;
use crate::analysis::run_graph::Coverage;

/// How much of what ran the derivations at hand explain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct CoverageView {
    /// Builds and source fetches that ran.
    pub builds: usize,
    /// Those of them whose derivation is at hand, or one that stands in.
    pub known_builds: usize,
    /// Those for which one of the same name, of another build, stands in.
    pub builds_by_name: usize,
    /// Substitutions that ran.
    pub substitutions: usize,
    /// Those of them whose references are known.
    pub known_substitutions: usize,
    /// Those of them that a derivation at hand makes.
    pub made_substitutions: usize,
    /// Where the derivations at hand are mostly of another build, and so count for nothing: how many
    /// builds have their own among them; else `null`.
    pub ignored_builds: Option<usize>,
    /// Builds and substitutions of which no end is known; what needs all durations is unknown then.
    pub unknown_ends: usize,
}

impl CoverageView {
    /// Tells whether nothing is known of what depends on what, as [`Coverage::is_nothing`].
    #[must_use]
    pub const fn is_nothing(&self) -> bool {
        let known = self.known_builds + self.known_substitutions + self.made_substitutions;
        self.builds + self.substitutions > 1 && known == 0
    }
}

impl From<Coverage> for CoverageView {
    fn from(coverage: Coverage) -> Self {
        Self {
            builds: coverage.builds,
            known_builds: coverage.known_builds,
            builds_by_name: coverage.builds_by_name,
            substitutions: coverage.substitutions,
            known_substitutions: coverage.known_substitutions,
            made_substitutions: coverage.made_substitutions,
            ignored_builds: coverage.ignored_builds,
            unknown_ends: coverage.unknown_ends,
        }
    }
}

/// Says how to get to know what depends on what, where nothing of it is known.
pub(super) fn coverage(coverage: &CoverageView) -> Option<String> {
    (coverage.is_nothing() && coverage.ignored_builds.is_none()).then(|| {
        "dependencies unknown: no derivations found; add them with `--derivations FILE`, from `nix derivation show -r`".to_owned()
    })
}

/// Returns the next command worth running after one that needs to know what depends on what: where that
/// is not known, how to get to know it.
pub(super) fn next_of_path(input: &Input, coverage: &CoverageView, verb: &str) -> Option<String> {
    let verb = if coverage.is_nothing() {
        "doctor"
    } else {
        verb
    };
    next(input, verb)
}
