//! By which rules the Nix that wrote a log starts builds: they depend on its version.
//!
//! Up to 2.34, whoever waits for a slot is tried by name whenever one is freed (`CompareGoalPtrs` in
//! Nix's `goal.cc`), and a post-build hook stops all of Nix until it is done. From 2.35 on, as many are
//! woken as there are slots, in the order in which their container has them (by address), and the hook
//! runs beside everything else, without a slot: only what needs the build waits for it.

use crate::names::named;
use crate::timeline::Timeline;

/// The first minor version of Nix 2 with the new rules.
const NEW: u8 = 35;

/// The rules of one Nix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct NixRules {
    /// Builds that wait for a slot start in no particular order.
    pub any_order: bool,
    /// Nothing else happens while a post-build hook runs.
    pub hook_blocks: bool,
    /// How that is known.
    pub source: RulesSource,
}

named! {
    /// How it is known by which rules Nix went.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    #[non_exhaustive]
    pub enum RulesSource, default Assumed {
        /// The recording has the version of Nix.
        Recorded = "recorded",
        /// The lines of the log give it away.
        Log = "log",
        /// Nothing tells; those of the versions up to 2.34 are assumed.
        Assumed = "assumed",
    }
}

impl Default for NixRules {
    /// Those of the versions up to 2.34, since most are.
    fn default() -> Self {
        Self::new(false, RulesSource::Assumed)
    }
}

impl NixRules {
    const fn new(is_new: bool, source: RulesSource) -> Self {
        Self {
            any_order: is_new,
            hook_blocks: !is_new,
            source,
        }
    }

    /// Tells them from what `nix --version` printed: `nix (Nix) 2.34.8`, `nix (Determinate Nix 3.22.0)
    /// 2.35.1`, `nix (Lix, like Nix) 2.93.0`. `None` where it has no number.
    #[must_use]
    pub fn of_version(printed: &str) -> Option<Self> {
        let mut numbers = printed.split_whitespace().last()?.split('.');
        let major: u32 = numbers.next()?.parse().ok()?;
        let minor = numbers.next()?;
        let digits = minor.find(|c: char| !c.is_ascii_digit());
        let minor: u32 = minor[..digits.unwrap_or(minor.len())].parse().ok()?;
        // Lix counts on from 2.90, and has kept what Nix did when it left.
        let is_new = !printed.contains("Lix") && (major, minor) >= (2, u32::from(NEW));
        Some(Self::new(is_new, RulesSource::Recorded))
    }

    /// Tells them from the lines of a log, as far as these give the version away.
    #[must_use]
    pub fn of_log(timeline: &Timeline) -> Self {
        let evidence = timeline.facts().evidence;
        let (at_least, at_most) = evidence.minor_versions();
        let is_old = evidence.dialect().name() == "lix" || at_most.is_some_and(|most| most < NEW);
        let is_new = !is_old && at_least.is_some_and(|least| least >= NEW);
        match is_old || is_new {
            true if !evidence.is_mixed() => Self::new(is_new, RulesSource::Log),
            _ => Self::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        for (printed, any_order) in [
            ("nix (Nix) 2.3.16", Some(false)),
            ("nix (Nix) 2.34.8", Some(false)),
            ("nix (Nix) 2.35.0", Some(true)),
            ("nix (Nix) 2.36.0pre20260801_abcdef", Some(true)),
            ("nix (Nix) 2.35pre20260801", Some(true)),
            ("nix (Determinate Nix 3.8.5) 2.30.2", Some(false)),
            ("nix (Determinate Nix 3.22.0) 2.35.1", Some(true)),
            ("nix (Lix, like Nix) 2.93.0", Some(false)),
            ("nix (Nix) 3.0.1", Some(true)),
            ("nix", None),
            ("", None),
        ] {
            let rules = NixRules::of_version(printed);
            assert_eq!(rules.map(|rules| rules.any_order), any_order, "{printed}");
            let blocks = rules.map(|rules| rules.hook_blocks);
            assert_eq!(blocks, any_order.map(|any| !any), "{printed}");
        }
    }
}
