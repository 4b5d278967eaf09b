//! `cache coverage`: which paths of a closure are in which cache, before anything is built.

mod layout;

use schemars::JsonSchema;
use serde::Serialize;

use crate::report::document::Document;
use crate::report::envelope::{Answer, Report};
use crate::report::table::Names;

/// The result of `cache coverage`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct CacheCoverageResult {
    /// Outputs of all derivations of the closure whose paths are known.
    pub paths: usize,
    /// Those of them that some cache has.
    pub paths_in_caches: usize,
    /// Those of which that is not known: no cache has them, and one did not answer.
    pub paths_unknown: usize,
    /// Derivations with outputs whose paths are known only after the build: no cache was asked.
    pub derivations_without_paths: usize,
    /// Paths that would be fetched into an empty store.
    pub to_fetch: usize,
    /// Bytes of these to download, as far as known.
    pub to_fetch_bytes: Option<u64>,
    /// Derivations that would be built.
    pub to_build: usize,
    /// The caches, in the order in which they were named.
    pub caches: Vec<CoveringCacheView>,
    /// What would be built; what most others need comes first.
    pub missing: Vec<MissingView>,
    /// Questions that were answered.
    pub lookups: usize,
    /// How long asking took.
    pub took_ns: u64,
    /// Answers per second.
    pub lookups_per_second: Option<u64>,
}

/// What one cache has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct CoveringCacheView {
    /// Its address.
    pub uri: String,
    /// It is on this machine, and may be a proxy for another one.
    pub local: bool,
    /// Why it was not asked at all.
    pub unsupported: Option<String>,
    /// Paths that it was asked for.
    pub asked: usize,
    /// It has them.
    pub present: usize,
    /// Those of them that no cache named before it has.
    pub only_here: usize,
    /// It has not.
    pub absent: usize,
    /// It did not answer, or what it said makes no sense.
    pub failed: usize,
    /// The first of its failures.
    pub error: Option<String>,
    /// Bytes of what it has, as it says itself.
    pub bytes: Option<u64>,
}

/// A derivation that would be built.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct MissingView {
    /// Its name without hash.
    pub name: String,
    /// The `.drv`.
    pub path: String,
    /// How many others that would be built need it, directly or not.
    pub transitive_dependents: usize,
    /// Some of its outputs are in a cache.
    pub in_part: bool,
    /// A cache may have it: one did not answer.
    pub unknown: bool,
    /// It says `allowSubstitutes = false`: Nix asks no cache for it.
    pub not_substituted: bool,
    /// It is a source, or another download whose hash is known beforehand.
    pub is_fixed_output: bool,
}

impl Answer for CacheCoverageResult {
    const SCHEMA: &'static str = "nixlog.cache-coverage/1";
    type From = ();
    type Options = Names;

    fn document(report: &Report<Self, ()>, names: &Names) -> Document {
        layout::document(report, *names)
    }
}
