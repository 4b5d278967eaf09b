//! The titles of activities.

use nom::Parser as _;
use nom::branch::alt;
use nom::bytes::complete::{tag, take_until};
use nom::character::complete::{char, u64 as number};
use nom::combinator::{opt, rest};
use nom::sequence::{delimited, preceded, terminated};

use super::grammar::{between, goal, quoted, start, unquoted};

/// What the title of an activity says.
///
/// Made by [`activity`]. An activity of a known kind tells the same in its fields; titles matter
/// for kind 0, for 111, and in logs without JSON, where a started activity is its title and `...`.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActivityNote<'a> {
    // Evaluation and its inputs.
    /// `evaluating derivation 'FLAKE#attr'` (≥ 2.11). Lasts through the builds that evaluation
    /// itself needs.
    EvaluatingDerivation {
        /// The installable.
        attr: &'a str,
    },
    /// `evaluating 'packages.x86_64-linux'` (`nix flake show`, `nix search`).
    EvaluatingAttr {
        /// The attribute path; empty for the root.
        attr: &'a str,
    },
    /// `evaluating flake` (`nix flake check`, `nix flake show`).
    EvaluatingFlake,
    /// `checking flake output 'checks'`, `checking derivation packages.x86_64-linux.p0`,
    /// `checking NixOS configuration '…'` (`nix flake check`).
    CheckingFlake {
        /// The output or the attribute path.
        attr: &'a str,
    },
    /// `running 2 flake checks`: the builds of `nix flake check`.
    RunningFlakeChecks {
        /// How many; not told in Nix ≤ 2.8.
        count: Option<u64>,
    },
    /// `copying 'S' to the store`; up to 2.18 only `copying 'S'`.
    CopyingToStore {
        /// The file or directory.
        path: &'a str,
    },
    /// `hashing 'S'`: as copying, without the copy.
    HashingPath {
        /// The file or directory.
        path: &'a str,
    },
    /// `fetching Git repository 'U'`.
    FetchingGit {
        /// The repository.
        uri: &'a str,
    },
    /// `fetching Mercurial repository 'U'`.
    FetchingMercurial {
        /// The repository.
        uri: &'a str,
    },
    /// `fetching github input 'github:o/r'`, of whatever scheme.
    FetchingInput {
        /// The input's URL.
        uri: &'a str,
    },
    /// `unpacking 'github:o/r/…' into the Git cache` (≥ 2.21).
    UnpackingIntoGitCache {
        /// The input's URL.
        uri: &'a str,
    },
    /// `fetching submodules of …`, `copying submodules of …`, `making temporary clone of …`.
    Submodules,
    /// `getting Git revision count of 'S'`.
    CountingRevisions {
        /// The repository.
        path: &'a str,
    },

    // Builds.
    /// `building 'D'`, with `on 'M'` for a remote build.
    Building {
        /// The derivation.
        drv: &'a str,
        /// The machine's URI; `None` for a build on this one.
        machine: Option<&'a str>,
    },
    /// `checking outputs of 'D'` (`--check`, `--rebuild`).
    Checking {
        /// The derivation.
        drv: &'a str,
        /// The machine's URI; `None` for a build on this one.
        machine: Option<&'a str>,
    },
    /// `repairing outputs of 'D'` (`--repair`).
    Repairing {
        /// The derivation.
        drv: &'a str,
        /// The machine's URI; `None` for a build on this one.
        machine: Option<&'a str>,
    },
    /// `running post-build-hook 'H'`.
    PostBuildHook {
        /// The program.
        program: &'a str,
    },
    /// `resolved derivation: 'D' -> 'E'`: a content-addressed derivation got its inputs.
    Resolved {
        /// The derivation of the plan.
        drv: &'a str,
        /// The one that is built.
        resolved: &'a str,
    },

    // Waiting.
    /// `waiting for lock on 'P', 'Q'`: somebody else is at the same.
    WaitingForLock {
        /// The list of paths, quotes and all.
        paths: &'a str,
    },
    /// `waiting for a machine to build 'D'`.
    WaitingForMachine {
        /// The derivation.
        drv: &'a str,
    },
    /// `waiting for a free build user ID for 'D'` (≥ 2.19), `waiting for UID to build 'D'` (before).
    WaitingForBuildUser {
        /// The derivation.
        drv: &'a str,
    },

    // Remote machines and stores.
    /// `connecting to 'M'`.
    ConnectingTo {
        /// The machine's URI.
        machine: &'a str,
    },
    /// `waiting for the upload lock to 'M'`.
    WaitingForUploadLock {
        /// The machine's URI.
        machine: &'a str,
    },
    /// `copying dependencies to 'M'`.
    CopyingDependencies {
        /// The machine's URI.
        machine: &'a str,
    },
    /// `copying outputs from 'M'`.
    CopyingOutputs {
        /// The machine's URI.
        machine: &'a str,
    },
    /// `daemon connection` (Lix).
    DaemonConnection,
    /// `remote store ssh://…` (Lix).
    RemoteStore {
        /// The store's URI.
        uri: &'a str,
    },

    // Paths and caches.
    /// `copying path 'P' from 'U'`, `… to 'U'`, `… from 'A' to 'B'`.
    CopyingPath {
        /// The store path.
        path: &'a str,
        /// Where it comes from; `None` for this store.
        from: Option<&'a str>,
        /// Where it goes; `None` for this store.
        to: Option<&'a str>,
    },
    /// `copying 12 paths`.
    CopyingPaths {
        /// How many.
        count: u64,
    },
    /// `downloading 'U'`.
    Downloading {
        /// The file.
        uri: &'a str,
    },
    /// `uploading 'U'`.
    Uploading {
        /// The file.
        uri: &'a str,
    },
    /// `querying info about missing paths`.
    QueryingMissing,
    /// `querying info about 'P' on 'U'`.
    QueryingPath {
        /// The store path.
        path: &'a str,
        /// The cache.
        uri: &'a str,
    },
    /// `checking 'P'` (`nix store verify`).
    VerifyingPath {
        /// The store path.
        path: &'a str,
    },
    /// `optimising path 'P'` (`nix store optimise`).
    OptimisingPath {
        /// The store path.
        path: &'a str,
    },

    /// Anything else.
    Other,
}

/// Reads the title of an activity, with or without the `...` that logs without JSON put behind it.
/// Escape sequences must be gone.
///
/// # Examples
///
/// ```
/// use nixlog_core::wire::message::{ActivityNote, activity};
///
/// let title = "waiting for a machine to build '/nix/store/x.drv'";
/// let drv = "/nix/store/x.drv";
/// assert_eq!(activity(title), ActivityNote::WaitingForMachine { drv });
/// ```
#[must_use]
pub fn activity(text: &str) -> ActivityNote<'_> {
    let text = text.strip_suffix("...").unwrap_or(text);
    let note = match text.as_bytes() {
        [b'b' | b'r', ..] => build(text).or_else(|| other_build(text)),
        [b'c', b'h', ..] => checking(text),
        [b'c', b'o', b'p', ..] => copying(text),
        [b'c', b'o', b'n', ..] => between(text, "connecting to ", "")
            .map(|machine| ActivityNote::ConnectingTo { machine }),
        [b'e', ..] => evaluating(text),
        [b'w', ..] => waiting(text),
        [b'f', ..] => fetching(text),
        [b'q', ..] => querying(text),
        [b'd' | b'g' | b'h' | b'm' | b'o' | b'u', ..] => simple(text),
        _ => None,
    };
    note.unwrap_or(ActivityNote::Other)
}

/// `building 'D'`, `checking outputs of 'D'`, `repairing outputs of 'D'`, each with ` on 'M'`.
///
/// Lix's `main` prints `building 'D'on ssh://host`.
fn build(text: &str) -> Option<ActivityNote<'_>> {
    let verb = alt((
        tag("building "),
        tag("checking outputs of "),
        tag("repairing outputs of "),
    ));
    let machine = preceded((opt(char(' ')), tag("on ")), rest.map(unquoted));
    let (verb, drv, machine, tail) = start((verb, goal, opt(machine), rest), text)?;
    // A builder may say `building 'x' with …`.
    if !tail.is_empty() || !drv.ends_with(".drv") {
        return None;
    }
    Some(match verb {
        "building " => ActivityNote::Building { drv, machine },
        "checking outputs of " => ActivityNote::Checking { drv, machine },
        _ => ActivityNote::Repairing { drv, machine },
    })
}

/// `running post-build-hook 'H'`, `running 2 flake checks`, `resolved derivation: …`,
/// `remote store …`.
fn other_build(text: &str) -> Option<ActivityNote<'_>> {
    if let Some(program) = between(text, "running post-build-hook ", "") {
        return Some(ActivityNote::PostBuildHook { program });
    }
    let checks = delimited(
        tag("running "),
        opt(terminated(number, char(' '))),
        tag("flake checks"),
    );
    if let Some(count) = start(checks, text) {
        return Some(ActivityNote::RunningFlakeChecks { count });
    }
    let resolved = (
        preceded(tag("resolved derivation: "), quoted),
        preceded(tag(" -> "), quoted),
    );
    if let Some((drv, resolved)) = start(resolved, text) {
        return Some(ActivityNote::Resolved { drv, resolved });
    }
    let uri = text.strip_prefix("remote store ")?;
    Some(ActivityNote::RemoteStore { uri: unquoted(uri) })
}

fn checking(text: &str) -> Option<ActivityNote<'_>> {
    if let Some(build) = build(text) {
        return Some(build);
    }
    if let Some(path) = between(text, "checking ", "") {
        return Some(ActivityNote::VerifyingPath { path });
    }
    let what = alt((
        tag("flake output "),
        tag("derivation "),
        tag("app "),
        tag("overlay "),
        tag("NixOS module "),
        tag("NixOS configuration "),
        tag("Hydra job "),
        tag("template "),
        tag("bundler "),
    ));
    let attr = start(preceded((tag("checking "), what), rest), text)?;
    let attr = unquoted(attr);
    Some(ActivityNote::CheckingFlake { attr })
}

fn copying(text: &str) -> Option<ActivityNote<'_>> {
    let rest = text.strip_prefix("copying ")?;
    if let Some(path) = rest.strip_prefix("path ") {
        let from = opt(preceded(tag(" from "), quoted));
        let to = opt(preceded(tag(" to "), quoted));
        let (path, from, to) = start((quoted, from, to), path)?;
        return Some(ActivityNote::CopyingPath { path, from, to });
    }
    if let Some(machine) = between(rest, "dependencies to ", "") {
        return Some(ActivityNote::CopyingDependencies { machine });
    }
    if let Some(machine) = between(rest, "outputs from ", "") {
        return Some(ActivityNote::CopyingOutputs { machine });
    }
    if rest.starts_with("submodules of ") {
        return Some(ActivityNote::Submodules);
    }
    if let Some(count) = start(terminated(number, tag(" paths")), rest) {
        return Some(ActivityNote::CopyingPaths { count });
    }
    between(rest, "", " to the store")
        .or_else(|| between(rest, "", "").filter(|path| path.starts_with('/')))
        .map(|path| ActivityNote::CopyingToStore { path })
}

fn evaluating(text: &str) -> Option<ActivityNote<'_>> {
    if let Some(attr) = between(text, "evaluating derivation ", "") {
        return Some(ActivityNote::EvaluatingDerivation { attr });
    }
    if text == "evaluating flake" {
        return Some(ActivityNote::EvaluatingFlake);
    }
    between(text, "evaluating ", "").map(|attr| ActivityNote::EvaluatingAttr { attr })
}

fn waiting(text: &str) -> Option<ActivityNote<'_>> {
    let rest = text.strip_prefix("waiting for ")?;
    if let Some(paths) = rest.strip_prefix("lock on ") {
        return Some(ActivityNote::WaitingForLock { paths });
    }
    if let Some(drv) = between(rest, "a machine to build ", "") {
        return Some(ActivityNote::WaitingForMachine { drv });
    }
    if let Some(machine) = between(rest, "the upload lock to ", "") {
        return Some(ActivityNote::WaitingForUploadLock { machine });
    }
    between(rest, "a free build user ID for ", "")
        .or_else(|| between(rest, "UID to build ", ""))
        .map(|drv| ActivityNote::WaitingForBuildUser { drv })
}

fn fetching(text: &str) -> Option<ActivityNote<'_>> {
    let rest = text.strip_prefix("fetching ")?;
    if let Some(uri) = between(rest, "Git repository ", "") {
        return Some(ActivityNote::FetchingGit { uri });
    }
    if let Some(uri) = between(rest, "Mercurial repository ", "") {
        return Some(ActivityNote::FetchingMercurial { uri });
    }
    if rest.starts_with("submodules of ") {
        return Some(ActivityNote::Submodules);
    }
    let scheme = terminated(take_until(" input "), tag(" input "));
    let (_, uri) = start((scheme, quoted), rest)?;
    Some(ActivityNote::FetchingInput { uri })
}

fn querying(text: &str) -> Option<ActivityNote<'_>> {
    let rest = text.strip_prefix("querying info about ")?;
    if rest == "missing paths" {
        return Some(ActivityNote::QueryingMissing);
    }
    let (path, uri) = start((quoted, preceded(tag(" on "), quoted)), rest)?;
    Some(ActivityNote::QueryingPath { path, uri })
}

/// A verb and a name, and nothing else.
fn simple(text: &str) -> Option<ActivityNote<'_>> {
    if text == "daemon connection" {
        return Some(ActivityNote::DaemonConnection);
    }
    if text.starts_with("making temporary clone of ") {
        return Some(ActivityNote::Submodules);
    }
    if let Some(uri) = between(text, "unpacking ", " into the Git cache") {
        return Some(ActivityNote::UnpackingIntoGitCache { uri });
    }
    // All of these are quoted; without quotes it is a builder's `downloading foo`.
    let (verb, name) = text.split_at(text.find(['\'', '"'])?);
    let name = between(name, "", "")?;
    match verb {
        "downloading " => Some(ActivityNote::Downloading { uri: name }),
        "uploading " => Some(ActivityNote::Uploading { uri: name }),
        "hashing " => Some(ActivityNote::HashingPath { path: name }),
        "optimising path " => Some(ActivityNote::OptimisingPath { path: name }),
        "getting Git revision count of " => Some(ActivityNote::CountingRevisions { path: name }),
        _ => None,
    }
}
