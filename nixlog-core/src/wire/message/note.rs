//! What a message of Nix can say.

use super::failure::Failure;

/// What was wrong with the transfer of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransferFault {
    /// The server answered with this status.
    Http(u16),
    /// No answer in time, or it stopped coming.
    TimedOut,
    /// No connection: no such host, nobody listens.
    Unreachable,
    /// The connection broke off.
    Truncated,
    /// Something else.
    Other,
}

/// What a message of Nix says.
///
/// Made by [`read`](super::read()). Many messages mean nothing to a profiler, and those are
/// [`Other`](Self::Other). Paths and URIs are as Nix prints them, without quotes.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Note<'a> {
    // The plan.
    /// `these 4 derivations will be built:`; the [items](Self::PlanItem) follow.
    PlanBuild {
        /// How many; `None` in Nix ≤ 2.3, which does not count.
        count: Option<u64>,
    },
    /// `these 2 paths will be fetched (0.3 KiB download, 293.2 KiB unpacked):`.
    PlanFetch {
        /// How many; `None` in Nix ≤ 2.3, which does not count.
        count: Option<u64>,
        /// The size of the downloads, compressed, as exact as the text (two decimals of MiB).
        download_bytes: Option<u64>,
        /// The size of what is in them.
        unpacked_bytes: Option<u64>,
    },
    /// `don't know how to build these paths:`.
    PlanUnknown,
    /// One path of the plan: a derivation to build, or an output to fetch.
    PlanItem {
        /// The store path.
        path: &'a str,
    },

    // Signs that the evaluator works.
    /// `evaluating file 'F'` (level 4; level 6 in Lix).
    EvaluatingFile {
        /// The file, or what stands for one: `<nix/fetchurl.nix>`, `«nix-internal»/…`.
        path: &'a str,
    },
    /// `instantiated 'NAME' -> 'D'` (level 5): the evaluator made a derivation.
    Instantiated {
        /// The derivation's name.
        name: &'a str,
        /// Its `.drv`.
        drv: &'a str,
    },
    /// `derivation evaluated to D` (level 3, `nix flake check`).
    EvaluatedTo {
        /// The derivation.
        drv: &'a str,
    },
    /// `copied source 'S' -> 'P'` (level 5), or `copied 'S' to 'P'` (level 6, ≥ 2.24). One copy can
    /// print both.
    CopiedSource {
        /// What was copied.
        source: &'a str,
        /// The store path that it became.
        path: &'a str,
    },
    /// `copied large path 'S' to the store (12.3 MiB)` (≥ 2.23, `warn-large-path-threshold`).
    CopiedLargePath {
        /// What was copied.
        source: &'a str,
        /// How large it is.
        bytes: u64,
    },
    /// `evaluation warning: …` of `builtins.warn` (≥ 2.23), and `trace: warning: …` of nixpkgs.
    /// The mark is in `msg` only: `raw_msg` is the bare text.
    EvaluationWarning,
    /// `trace: …` of `builtins.trace`.
    Trace,
    /// `using cached string attribute 'x'` (level 6): a hit in the flake evaluation cache.
    UsingEvalCache {
        /// The attribute path; empty for the root.
        attribute: &'a str,
    },
    /// `evaluating uncached attribute 'x'` (level 6): a miss in the flake evaluation cache.
    EvaluatingAttribute {
        /// The attribute path; empty for the root.
        attribute: &'a str,
    },
    /// `cached failure of attribute 'x'`: the cache replays an error.
    CachedFailure {
        /// The attribute path.
        attribute: &'a str,
    },
    /// `function-trace entered F:L:C at NS` of `--trace-function-calls`.
    FunctionTrace {
        /// Entered, else exited.
        entered: bool,
        /// Where the call stands.
        position: &'a str,
        /// When, in nanoseconds since the Unix epoch.
        epoch_ns: u64,
    },
    /// `using revision REV of repo 'U'` (level 4): a Git input is locked.
    UsingRevision {
        /// The commit.
        revision: &'a str,
        /// The repository.
        uri: &'a str,
    },
    /// `Git tree 'S' is dirty`: nothing that comes of it is cached.
    DirtyTree,
    /// `updating lock file 'F':` or `creating lock file 'F':`.
    LockFile {
        /// The lock file.
        path: &'a str,
        /// Created, else updated.
        created: bool,
    },
    /// `built 'D^out' during evaluation due to an import from derivation` (≥ 2.30, printed
    /// *before* that build), `building 'D' during evaluation due to the use of …` (Lix ≥ 2.95).
    ImportFromDerivation {
        /// The derivation that evaluation waits for.
        drv: &'a str,
    },
    /// Evaluation needed a build, and `allow-import-from-derivation` forbids it.
    ImportFromDerivationForbidden {
        /// The derivation.
        drv: &'a str,
    },

    // Builds.
    /// A build failed.
    BuildFailed {
        /// What the text names: the derivation, its base name (Lix), the path of one of its outputs,
        /// or a file in one, perhaps below the root of a sandbox. `None` where the text has none:
        /// timeouts since Nix 2.34, and builds that could not be started.
        drv: Option<&'a str>,
        /// Why.
        failure: Failure<'a>,
    },
    /// `build of 'A', 'B' failed`: the last words, after each failure was told by itself.
    BuildsFailed,
    /// `build of 'D' on 'M' failed: …`. An ordinary failure of D with exit code 1 follows.
    RemoteBuildFailed {
        /// The derivation.
        drv: &'a str,
        /// The machine's URI.
        machine: &'a str,
        /// The machine's own error, which [`read`](super::read()) reads: the true reason, log tail
        /// and all.
        detail: &'a str,
    },
    /// `cannot build on 'M': …`: the machine cannot be reached, the next one is tried.
    CannotBuildOn {
        /// The machine's URI.
        machine: &'a str,
        /// Why not.
        detail: &'a str,
    },
    /// `Failed to find a machine for remote build!`. A warning only where it cannot be built here.
    NoMachine {
        /// The derivation.
        drv: Option<&'a str>,
    },
    /// `somebody is hogging the upload lock for 'M', continuing...`.
    UploadLockHogged {
        /// The machine's URI.
        machine: &'a str,
    },
    /// `program 'H' failed with exit code 1`: a program that Nix ran for itself, mostly the
    /// post-build hook.
    ProgramFailed {
        /// The program.
        program: &'a str,
        /// How it ended.
        failure: Failure<'a>,
    },
    /// `interrupted by the user`: Ctrl-C, or a signal that asks to end.
    Interrupted,
    /// `builder for 'D' terminated with status N, user CPU X.XXXs, system CPU Y.YYYs` (level 6,
    /// with `use-cgroups`).
    BuilderCpu {
        /// The derivation.
        drv: &'a str,
        /// What `wait` returned: not an exit code (256 is exit code 1).
        status: i32,
        /// CPU time in user mode.
        user_ns: u64,
        /// CPU time in the kernel.
        system_ns: u64,
    },
    /// `note: keeping build directory 'P'` (`--keep-failed`).
    KeptBuildDirectory {
        /// The directory.
        path: &'a str,
    },

    // Substitution and downloads.
    /// `unable to download 'U': …`, `unable to upload 'U': …`.
    DownloadFailed {
        /// What was asked for.
        uri: &'a str,
        /// Nix tries again, else it gave up.
        retrying: bool,
        /// What was wrong.
        fault: TransferFault,
    },
    /// `finished download of 'U'; curl status = …, HTTP status = 200, body = N bytes, duration = X
    /// s` (level 6).
    DownloadFinished {
        /// What was asked for.
        uri: &'a str,
        /// The HTTP status; 0 where there was no answer.
        http_status: Option<u64>,
        /// Bytes of the body.
        bytes: Option<u64>,
        /// How long it took, to the hundredth of a second.
        nanos: Option<u64>,
    },
    /// `disabling binary cache 'U' for 60 seconds`.
    CacheDisabled {
        /// The cache.
        uri: &'a str,
        /// For how long.
        seconds: u64,
    },
    /// `substituter 'U' is disabled`: asked while [disabled](Self::CacheDisabled).
    SubstituterDisabled {
        /// The cache.
        uri: &'a str,
    },
    /// `file 'x' does not exist in binary cache 'U'`.
    MissingInCache {
        /// The file.
        file: &'a str,
        /// The cache.
        uri: &'a str,
    },
    /// The path has no signature that is trusted, and is built instead.
    NotSigned {
        /// The store path.
        path: &'a str,
        /// The cache, where the text names one.
        uri: Option<&'a str>,
    },
    /// `NAR for 'P' fetched from 'U' is incomplete`.
    IncompleteNar {
        /// The store path.
        path: &'a str,
        /// The cache.
        uri: &'a str,
    },
    /// `hash mismatch importing path 'P'`: the cache has something else than it says.
    HashMismatchImporting {
        /// The store path.
        path: &'a str,
    },
    /// `asked 'U' for 'P' but got 'Q'`.
    WrongPath {
        /// The cache.
        uri: &'a str,
        /// What was asked for.
        path: &'a str,
    },
    /// `binary cache 'U' is for Nix stores with prefix 'X', not 'Y'`.
    WrongStoreDir {
        /// The cache.
        uri: &'a str,
    },
    /// `path 'P' is required, but there is no substituter that can build it`. At level 6 it only
    /// says that the path has to be built.
    NoSubstituter {
        /// The store path.
        path: &'a str,
    },
    /// `substitution of path 'P' succeeded` (level 5).
    SubstitutionSucceeded {
        /// The store path.
        path: &'a str,
    },
    /// `ignoring untrusted substituter 'U', you are not a trusted user.`
    UntrustedSubstituter {
        /// The cache.
        uri: &'a str,
    },
    /// `ignoring the client-specified setting 'X', because it is a restricted setting and …`.
    RestrictedSetting {
        /// The setting.
        name: &'a str,
    },

    // The store.
    /// Waits for one of the store's own locks: `waiting for the big Nix store lock...`.
    WaitingForStore,
    /// The evaluator waits for another process: `waiting for another Nix process to finish fetching
    /// input 'X'...`.
    WaitingForInput,
    /// `running auto-GC to free N bytes`.
    AutoGc {
        /// How much is to be freed.
        bytes: u64,
    },
    /// `SQLite database 'P' is busy`.
    DatabaseBusy {
        /// The database.
        path: &'a str,
    },

    /// Anything else.
    Other,
}
