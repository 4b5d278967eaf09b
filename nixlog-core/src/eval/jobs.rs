//! What nix-eval-jobs prints: a JSON object for each attribute.
//!
//! Source: nix-eval-jobs' `worker.cc`. Attributes that share work have it billed to the one that forces
//! it first, and several workers run at once.

use serde::Deserialize;

/// One attribute.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Job {
    /// The attribute, as a path with dots.
    pub attr: String,
    /// Why it could not be evaluated.
    #[serde(default)]
    pub error: Option<String>,
    /// The derivation's name.
    #[serde(default)]
    pub name: Option<String>,
    /// The derivation.
    #[serde(default)]
    pub drv_path: Option<String>,
    /// Whether its outputs are `local`, `cached`, or `notBuilt`; with `--check-cache-status`.
    #[serde(default)]
    pub cache_status: Option<String>,
    /// The same of older versions.
    #[serde(default)]
    is_cached: Option<bool>,
    /// What it cost (autumn 2026).
    #[serde(default)]
    pub stats: JobStats,
    /// Derivations that would be built for it.
    #[serde(default)]
    needed_builds: Option<Vec<String>>,
    /// Paths that would be fetched for it.
    #[serde(default)]
    needed_substitutes: Option<Vec<String>>,
}

/// What the evaluation of an attribute cost; what is shared is billed to whoever forces it first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(from = "WireStats")]
#[non_exhaustive]
pub struct JobStats {
    /// How long it took, in nanoseconds.
    pub wall_ns: Option<u64>,
    /// Bytes that were allocated.
    pub allocated_bytes: Option<u64>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireStats {
    wall_ms: Option<f64>,
    alloc_bytes: Option<u64>,
}

impl From<WireStats> for JobStats {
    fn from(wire: WireStats) -> Self {
        let wall = wire.wall_ms.map(|ms| ms / 1e3);
        let wall = wall.and_then(|seconds| std::time::Duration::try_from_secs_f64(seconds).ok());
        Self {
            wall_ns: wall.and_then(|wall| u64::try_from(wall.as_nanos()).ok()),
            allocated_bytes: wire.alloc_bytes,
        }
    }
}

impl Job {
    /// Reads a line; `None` for one that is none.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        serde_json::from_str(line).ok()
    }

    /// Returns the state of its outputs: `local`, `cached`, `notBuilt`; `None` where nobody asked.
    #[must_use]
    pub fn cache_status(&self) -> Option<&str> {
        let older = self.is_cached.map(|is_cached| match is_cached {
            true => "cached",
            false => "notBuilt",
        });
        self.cache_status.as_deref().or(older)
    }

    /// Returns how many derivations would be built for it.
    #[must_use]
    pub fn needed_builds(&self) -> Option<usize> {
        self.needed_builds.as_ref().map(Vec::len)
    }

    /// Returns how many paths would be fetched for it.
    #[must_use]
    pub fn needed_substitutes(&self) -> Option<usize> {
        self.needed_substitutes.as_ref().map(Vec::len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_of_either_age_is_read() {
        let new = r#"{"attr":"hello","attrPath":["hello"],"cacheStatus":"notBuilt","drvPath":"/nix/store/x-hello.drv","name":"hello-1","neededBuilds":["/nix/store/x-hello.drv"],"neededSubstitutes":[],"outputs":{"out":null},"stats":{"wallMs":12.5,"allocBytes":4096},"system":"x86_64-linux"}"#;
        let job = Job::parse(new).expect("a job");
        assert_eq!(job.cache_status(), Some("notBuilt"));
        assert_eq!(job.stats.wall_ns, Some(12_500_000));
        assert_eq!(job.stats.allocated_bytes, Some(4096));
        assert_eq!(
            (job.needed_builds(), job.needed_substitutes()),
            (Some(1), Some(0))
        );
        let old = Job::parse(r#"{"attr":"a","isCached":true}"#).expect("a job");
        assert_eq!(
            (old.cache_status(), old.stats.wall_ns),
            (Some("cached"), None)
        );
        let failed = Job::parse(r#"{"attr":"a","error":"attribute 'x' missing"}"#).expect("a job");
        assert!(failed.error.is_some());
        assert_eq!(Job::parse("warning: x"), None);
        assert_eq!(Job::parse(r#"{"name":"no attribute"}"#), None);
    }
}
