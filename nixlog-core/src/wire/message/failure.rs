//! Why a build failed.

use std::fmt;

/// Why a build failed, as far as Nix's words tell.
///
/// [`Display`](fmt::Display) gives a short text for people: `exit code 1`, `timed out after 2 s`.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure<'a> {
    /// The builder ended with this exit code. After a remote build it is always 1: the true one is
    /// in [`Note::RemoteBuildFailed`](super::Note::RemoteBuildFailed).
    Exit(i32),
    /// A signal ended the builder.
    Signal {
        /// The signal's number.
        number: i32,
        /// What the system calls it: `Killed`, `Segmentation fault`.
        name: &'a str,
    },
    /// The builder `died abnormally`: neither exit code nor signal.
    Died,
    /// The build took longer than the setting `timeout`.
    TimedOut {
        /// The setting.
        seconds: u64,
    },
    /// The builder printed nothing for longer than the setting `max-silent-time`.
    Silent {
        /// The setting.
        seconds: u64,
    },
    /// The builder printed more than the setting `max-build-log-size`.
    LogTooLong {
        /// The setting.
        bytes: u64,
    },
    /// A fixed-output derivation made something else than it should.
    HashMismatch {
        /// The hash that was asked for.
        specified: &'a str,
        /// The hash of what was made.
        got: &'a str,
    },
    /// The builder succeeded without making one of its outputs.
    MissingOutput {
        /// The output's name; its path in Nix ≤ 2.3.
        output: &'a str,
    },
    /// Building again (`--check`, `--rebuild`) gave something else.
    NotDeterministic,
    /// Dependencies failed, so this was not even tried.
    Dependency {
        /// How many.
        count: u64,
    },
    /// Its outputs, or what they refer to, could not be fetched, and it may not be built instead.
    Substitutes,
    /// No machine for this system type.
    Platform {
        /// The system that the derivation is for.
        required: &'a str,
        /// The system that there is.
        current: &'a str,
    },
    /// No machine with these system features.
    Features {
        /// The features that the derivation asks for, as Nix lists them.
        required: &'a str,
        /// The features that there are.
        available: &'a str,
    },
    /// Nothing may be built here (`max-jobs = 0`), and no remote machine takes it.
    NoSlot,
    /// It failed earlier, and Nix remembered.
    Cached,
    /// It failed on a remote builder, which did not say how (Lix).
    Remote,
    /// The builder succeeded, and Nix does not take what it has made: an output check, a cycle.
    Refused(&'a str),
    /// Its builder could not be started: an input that does not exist, no build user.
    NotStarted(&'a str),
    /// Another reason, as Nix words it.
    Other(&'a str),
}

impl Failure<'_> {
    /// Tells whether the derivation itself was tried: neither a dependency nor the lack of a
    /// machine kept it from being built.
    #[must_use]
    pub const fn was_tried(self) -> bool {
        !matches!(
            self,
            Self::Dependency { .. }
                | Self::Substitutes
                | Self::Platform { .. }
                | Self::Features { .. }
                | Self::NoSlot
                | Self::Cached
        )
    }
}

impl fmt::Display for Failure<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Exit(code) => write!(f, "exit code {code}"),
            Self::Signal { number, name } => write!(f, "signal {number} ({name})"),
            Self::Died => f.write_str("died abnormally"),
            Self::TimedOut { seconds } => write!(f, "timed out after {seconds} s"),
            Self::Silent { seconds } => write!(f, "silent for {seconds} s"),
            Self::LogTooLong { bytes } => write!(f, "log longer than {bytes} bytes"),
            Self::HashMismatch { .. } => f.write_str("hash mismatch"),
            Self::MissingOutput { output } => write!(f, "output `{output}` missing"),
            Self::NotDeterministic => f.write_str("not deterministic"),
            Self::Dependency { count: 1 } => f.write_str("1 dependency failed"),
            Self::Dependency { count } => write!(f, "{count} dependencies failed"),
            Self::Substitutes => f.write_str("its substitutes failed"),
            Self::Platform { required, .. } => write!(f, "no machine for {required}"),
            Self::Features { required, .. } => write!(f, "no machine with {required}"),
            Self::NoSlot => f.write_str("no machine may build it"),
            Self::Cached => f.write_str("failed earlier"),
            Self::Remote => f.write_str("failed on the remote builder"),
            Self::Refused(reason) | Self::NotStarted(reason) | Self::Other(reason) => {
                f.write_str(reason)
            }
        }
    }
}
