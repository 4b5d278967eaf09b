//! What the reader of a report should know about the log.

use crate::names::named;

named! {
    /// How serious an issue is.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Severity {
        /// Worth knowing.
        Info = "info",
        /// Some of the result may be wrong or missing.
        Warning = "warning",
    }
}

named! {
    /// What there can be to know: the table of all codes.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    #[non_exhaustive]
    pub enum IssueCode {
        /// Records of Nix that cannot be read.
        MalformedLine = "malformed-line",
        /// Activities that stop without a start.
        StopWithoutStart = "stop-without-start",
        /// Results of activities that are not running.
        ResultWithoutStart = "result-without-start",
        /// Activities that start twice.
        StartTwice = "start-twice",
        /// Something that this version of nixlog does not know.
        Unknown = "unknown",
        /// Lines with invalid UTF-8.
        NotUtf8 = "not-utf8",
        /// The input could not be read to its end.
        InputCut = "input-cut",
        /// The log has no times.
        NoTimestamps = "no-timestamps",
        /// Timestamps that went back.
        ClockBackward = "clock-backward",
        /// Local time that went back by an hour.
        ClockDaylightSaving = "clock-daylight-saving",
        /// Timestamps that start again near zero.
        ClockRestarted = "clock-restarted",
        /// Timestamps in whole seconds.
        ClockCoarse = "clock-coarse",
        /// A typescript without its timing file.
        TimingFileMissing = "timing-file-missing",
        /// A log that came in faster than a build writes it.
        Replayed = "replayed",
        /// Lines without the timestamp that others have.
        CarrierUnstampedLine = "carrier-unstamped-line",
        /// Records in another form than the carrier's.
        CarrierBadRecord = "carrier-bad-record",
        /// Records whose text was lost.
        CarrierNoPayload = "carrier-no-payload",
        /// Split lines whose last part is missing.
        CarrierUnfinishedLine = "carrier-unfinished-line",
        /// Split lines that are too long to join.
        CarrierTooLong = "carrier-too-long",
        /// Lines without the name that others have in front.
        CarrierUnnamedLine = "carrier-unnamed-line",
        /// Jobs that could not be put side by side.
        CarrierNotInOrder = "carrier-not-in-order",
        /// Several hosts, jobs or steps in which Nix ran.
        SeveralLogs = "several-logs",
        /// Side lines of a recording that cannot be read.
        UnreadableSideLine = "unreadable-side-line",
        /// A recording without its end.
        RecordingCut = "recording-cut",
        /// A run that still goes on.
        RunUnfinished = "run-unfinished",
        /// Builds whose end is estimated.
        EndInferred = "end-inferred",
        /// Builds that had not ended when the log stops.
        EndOpen = "end-open",
        /// Builds whose end is unknown.
        EndUnknown = "end-unknown",
        /// Failures of which the log does not say what failed.
        FailureUntold = "failure-untold",
        /// Builds that may be source fetches.
        FixedOutputUnknown = "fixed-output-unknown",
        /// Remote builds whose parts are not told apart.
        RemotePartsUnknown = "remote-parts-unknown",
        /// No derivations were found.
        NoDerivations = "no-derivations",
        /// Builds whose derivation was not found.
        MissingDerivations = "missing-derivations",
        /// Substituted paths whose references are unknown.
        MissingReferences = "missing-references",
        /// Derivations of another build.
        DerivationsOfAnotherBuild = "derivations-of-another-build",
        /// Derivations that depend on each other in a circle.
        CircularDerivations = "circular-derivations",
        /// Derivations that cannot be read.
        UnreadableDerivations = "unreadable-derivations",
        /// The store's database cannot be read.
        UnreadableDatabase = "unreadable-database",
        /// The newest rows of the database could not be read.
        DatabaseMayMissRows = "database-may-miss-rows",
        /// Stored build logs that cannot be read.
        UnreadableLogs = "unreadable-logs",
        /// Made from what the store remembers.
        Reconstructed = "reconstructed",
        /// Nothing tells when what was asked for was built or fetched.
        NotMadeHere = "not-made-here",
        /// Builds whose log an earlier try had made.
        EarlierTry = "earlier-try",
        /// Builds of what was there already.
        BuiltAgain = "built-again",
        /// Builds whose start the file system does not tell.
        NoBirth = "no-birth",
        /// Builds whose log was copied from elsewhere.
        CopiedLog = "copied-log",
        /// Builds without a log.
        NoLog = "no-log",
        /// Builds whose log was never finished.
        UnfinishedLog = "unfinished-log",
        /// Paths from elsewhere whose start is not known.
        NoStart = "no-start",
        /// A recording that cannot be read.
        DamagedRun = "damaged-run",
    }
}

/// Something about the log that its reader should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// How serious it is.
    pub severity: Severity,
    /// What it is about.
    pub code: IssueCode,
    /// How often it occurred.
    pub count: u64,
    /// The line of the first.
    pub first_line: Option<u64>,
    /// What it is and what it means, for people.
    pub message: String,
}

impl Issue {
    /// Makes a warning about something that occurred once, not in a line of its own.
    #[must_use]
    pub fn warning(code: IssueCode, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            code,
            count: 1,
            first_line: None,
            message: message.into(),
        }
    }

    /// Adds a warning, or counts it where there is one of its kind: the first speaks for all.
    pub fn warn(issues: &mut Vec<Self>, code: IssueCode, message: impl FnOnce() -> String) {
        match issues.iter_mut().find(|issue| issue.code == code) {
            Some(issue) => issue.count += 1,
            None => issues.push(Self::warning(code, message())),
        }
    }
}
