//! What Nix was set to, as far as caches go, and what does not fit together in it.

use serde_json::Value;

use crate::analysis::address;
use crate::names::named;
use crate::timeline::Source;

named! {
    /// What is odd about the settings.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    #[non_exhaustive]
    pub enum Oddity {
        /// No trusted key is named after the host of this cache, as keys mostly are.
        NoKey = "no-key",
        /// No cache has the host that this key is named after.
        NoSubstituter = "no-substituter",
    }
}

/// Something odd about the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// What.
    pub oddity: Oddity,
    /// The cache, or the name of the key.
    pub about: String,
}

/// What Nix was set to, as far as caches go.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct CacheSettings {
    /// No cache is used: `substitute` is off, or there is none.
    pub is_off: bool,
    /// The caches, in the order of the setting; `None` where it is not known.
    pub substituters: Option<Vec<String>>,
    /// The names of the keys that are trusted.
    pub keys: Option<Vec<String>>,
    /// Paths need a signature.
    pub require_sigs: Option<bool>,
    /// Connections at once.
    pub http_connections: Option<u64>,
    /// Substitutions at once.
    pub max_substitution_jobs: Option<u64>,
    /// For how many seconds Nix remembers that a cache has nothing.
    pub negative_ttl_s: Option<u64>,
    /// For how many seconds Nix waits for a connection; 0 for as long as it takes.
    pub connect_timeout_s: Option<u64>,
    /// What does not fit together.
    pub findings: Vec<Finding>,
}

impl CacheSettings {
    /// Takes them from a recording and its command line; `None` where nobody asked Nix.
    pub(super) fn new(source: &Source) -> Option<Self> {
        let recording = &source.recording;
        recording.settings.as_ref()?;
        let list = |name: &str| {
            let value = recording.setting(name)?;
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect();
            Some(match value {
                Value::Array(items) => items
                    .iter()
                    .filter_map(Value::as_str)
                    .map(str::to_owned)
                    .collect(),
                value => words(value.as_str()?),
            })
        };
        let number = |name: &str| match recording.setting(name)? {
            Value::String(text) => text.parse().ok(),
            value => value.as_u64(),
        };
        let substituters: Option<Vec<String>> = list("substituters");
        let keys: Option<Vec<String>> = list("trusted-public-keys");
        let keys = keys.map(|keys| {
            let name = |key: String| key.split(':').next().unwrap_or_default().to_owned();
            keys.into_iter().map(name).collect::<Vec<_>>()
        });
        let is_off = recording.is_on("substitute") == Some(false)
            || substituters.as_ref().is_some_and(Vec::is_empty);
        let require_sigs = recording.is_on("require-sigs");
        let findings = match (&substituters, &keys) {
            (Some(caches), Some(keys)) if require_sigs != Some(false) && !is_off => {
                findings(caches, keys)
            }
            _ => Vec::new(),
        };
        Some(Self {
            is_off,
            require_sigs,
            http_connections: number("http-connections"),
            max_substitution_jobs: number("max-substitution-jobs"),
            negative_ttl_s: number("narinfo-cache-negative-ttl"),
            connect_timeout_s: number("connect-timeout"),
            findings,
            substituters,
            keys,
        })
    }
}

/// Compares caches and keys by the convention that a key is named after the host that it signs for.
fn findings(caches: &[String], keys: &[String]) -> Vec<Finding> {
    let hosts: Vec<(&str, &String)> = caches
        .iter()
        .filter_map(|cache| Some((host(cache)?, cache)))
        .collect();
    let is_for = |key: &str, host: &str| {
        let name = key
            .rsplit_once('-')
            .map_or(key, |(name, number)| match number.parse::<u64>() {
                Ok(_) => name,
                Err(_) => key,
            });
        name == host
    };
    let finding = |oddity, about: &String| Finding {
        oddity,
        about: about.clone(),
    };
    let lonely_caches = hosts
        .iter()
        .filter(|(host, _)| !keys.iter().any(|key| is_for(key, host)))
        .map(|&(_, cache)| finding(Oddity::NoKey, cache));
    let lonely_keys = keys
        .iter()
        .filter(|key| !hosts.iter().any(|(host, _)| is_for(key, host)))
        .map(|key| finding(Oddity::NoSubstituter, key));
    lonely_caches.chain(lonely_keys).collect()
}

/// Returns the host of an address on the network.
fn host(uri: &str) -> Option<&str> {
    let is_web = uri.starts_with("https://") || uri.starts_with("http://");
    Some(address::host(uri)).filter(|host| is_web && !host.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_named_after_hosts() {
        let list = |words: &[&str]| words.iter().map(|&it| it.to_owned()).collect::<Vec<_>>();
        let caches = list(&[
            "https://cache.nixos.org/",
            "https://mine.example.org:8080/x?priority=3",
            "daemon",
            "s3://bucket",
        ]);
        let keys = list(&["cache.nixos.org-1", "gone.cachix.org-1"]);
        let found: Vec<_> = findings(&caches, &keys)
            .into_iter()
            .map(|it| (it.oddity, it.about))
            .collect();
        assert_eq!(
            found,
            [
                (
                    Oddity::NoKey,
                    "https://mine.example.org:8080/x?priority=3".to_owned()
                ),
                (Oddity::NoSubstituter, "gone.cachix.org-1".to_owned()),
            ]
        );
        assert_eq!(findings(&caches[..1], &keys[..1]), []);
    }
}
