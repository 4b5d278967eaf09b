//! What is going on at one instant, in plain data.

use std::borrow::Cow;

use crate::time::Stamp;

/// How many of something are done, under way and to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Count {
    /// Started so far; in a log for people this is all that is known.
    pub started: u64,
    /// Done, as the log counts them.
    pub done: u64,
    /// Under way.
    pub running: u64,
    /// Failed.
    pub failed: u64,
    /// All that there will be: as announced, else as Nix estimates. `None` while nothing is known.
    pub expected: Option<u64>,
}

/// How many bytes have come, of how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Bytes {
    /// So far.
    pub done: u64,
    /// In all; `None` while nothing is known.
    pub expected: Option<u64>,
}

/// How far everything is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Totals {
    /// Derivations.
    pub builds: Count,
    /// Store paths that come from elsewhere.
    pub fetches: Count,
    /// What has come from caches, as it goes over the wire.
    pub download: Bytes,
    /// The same as it is in the store.
    pub unpacked: Bytes,
    /// Bytes per second over the last seconds, over the wire where the log tells that, else
    /// unpacked; `None` where nothing has been coming for a while.
    pub rate_bps: Option<u64>,
    /// Files that the evaluator read; `None` where the log has none of them.
    pub evaluated_files: Option<u64>,
    /// Derivations that the evaluator made; `None` where the log has none of them.
    pub evaluated_derivations: Option<u64>,
    /// The log is for people, and tells what starts but not what ends.
    pub is_text: bool,
}

/// That the evaluator is at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Evaluating<'a> {
    /// Since when.
    pub since: Option<Stamp>,
    /// The file that it read last, or the attribute that it is asked for.
    pub what: Option<&'a str>,
}

/// A build that is under way.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunningBuild<'a> {
    /// The derivation.
    pub drv: &'a str,
    /// The machine; `None` when local.
    pub machine: Option<&'a str>,
    /// The builder phase.
    pub phase: Option<&'a str>,
    /// When it started.
    pub since: Option<Stamp>,
    /// When it last printed something or changed its phase.
    pub last_sign: Option<Stamp>,
    /// The last line of its log.
    pub last_line: Option<Cow<'a, str>>,
    /// The number of lines in its log.
    pub log_lines: u64,
}

/// What a [`Task`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TaskKind {
    /// Caches are asked what they have.
    Query,
    /// A store path comes from a substituter.
    Substitution,
    /// A store path is copied between stores.
    Copy,
    /// A file is downloaded for something else than a substitution.
    Download,
    /// An input of the evaluation is fetched.
    InputFetch,
    /// A local path is copied into the store.
    SourceImport,
    /// The post-build hook runs.
    PostBuildHook,
    /// The store is optimised or verified.
    Store,
    /// A machine is connected to.
    Connecting,
    /// What a build needs is copied to a machine.
    ToMachine,
    /// What a build made is copied from a machine.
    FromMachine,
    /// Somebody else uploads to the machine.
    UploadLock,
    /// Somebody else has the lock on a store path.
    Lock,
    /// No machine is free.
    Machine,
    /// No build user is free.
    BuildUser,
}

impl TaskKind {
    /// Tells whether this is waiting for somebody, rather than work.
    #[must_use]
    pub const fn is_wait(self) -> bool {
        matches!(
            self,
            Self::UploadLock | Self::Lock | Self::Machine | Self::BuildUser
        )
    }
}

/// Something other than a build that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Task<'a> {
    /// What it is.
    pub kind: TaskKind,
    /// What it is about: a store path, an address, a machine, a derivation.
    pub subject: &'a str,
    /// Where it comes from, or goes to.
    pub place: Option<&'a str>,
    /// When it started.
    pub since: Option<Stamp>,
    /// The bytes, where it is counted in bytes.
    pub bytes: Option<Bytes>,
    /// How many of these there are: queries are told together.
    pub count: usize,
}

/// A build that has failed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FailedBuild {
    /// The derivation.
    pub drv: String,
    /// The machine; `None` when local.
    pub machine: Option<String>,
    /// The builder phase in which it failed.
    pub phase: Option<String>,
    /// When it started.
    pub started: Option<Stamp>,
    /// When the log says that it failed.
    pub ended: Option<Stamp>,
    /// Why, where Nix has said so by now.
    pub reason: Option<String>,
    /// The number of lines in its log.
    pub log_lines: u64,
    /// The last of them.
    pub tail: Vec<String>,
}
