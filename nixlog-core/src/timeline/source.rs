//! Where a log comes from: what is known of it apart from its lines.

use super::issue::{Issue, IssueCode, Severity};
use crate::names::named;
use crate::recording::Contents;
use crate::time::Nanos;
use crate::wire::carrier::IssueKind;
use crate::wire::{Carrier, ClockKind, LogReader};

/// What is known of a log apart from its lines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Source {
    /// The file's name, or `-`.
    pub name: String,
    /// How it was compressed.
    pub compression: Option<&'static str>,
    /// What its lines are wrapped in, from the outside on: `github-actions+buildkit`.
    pub carrier: String,
    /// Where its times come from.
    pub clock: Clock,
    /// Bytes read, after decompression.
    pub bytes: u64,
    /// The wall clock at its start, in nanoseconds since 1970.
    pub started_at: Option<i64>,
    /// Where what depends on what is known from: `given`, `store`; `None` where it is not.
    pub graph: Option<&'static str>,
    /// The derivations that were named beside the log, as the command line has them.
    pub derivations: Vec<String>,
    /// What a recording says of itself; empty for any other log.
    pub recording: Contents,
    /// What the run is called, where it has a name.
    pub run_name: Option<String>,
    /// Reading broke off.
    pub is_cut: bool,
    /// What went wrong with the input, the carrier and the clock.
    pub issues: Vec<Issue>,
}

named! {
    /// Where the times of a log come from.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Clock, default None {
        /// Each line was stamped when it arrived here.
        Arrival = "arrival",
        /// nixlog stamped each line when it recorded them.
        Recorded = "recorded",
        /// What the log is wrapped in has a time with each line.
        Carrier = "carrier",
        /// The store's traces tell.
        Reconstructed = "reconstructed",
        /// There are none.
        None = "none",
    }
}

impl From<ClockKind> for Clock {
    fn from(kind: ClockKind) -> Self {
        match kind {
            ClockKind::Arrival => Self::Arrival,
            ClockKind::Carrier => Self::Carrier,
            ClockKind::None => Self::None,
        }
    }
}

impl Source {
    /// Takes over what a reader knows when it has read everything. `arrival_started_at`: the wall
    /// clock when the first line could have arrived, where somebody watched.
    #[must_use]
    pub fn new(name: &str, reader: &LogReader, arrival_started_at: Option<i64>) -> Self {
        let clock = reader.clock_kind();
        let arrival = if clock == ClockKind::Arrival {
            arrival_started_at
        } else {
            None
        };
        let mut source = Self {
            name: name.to_owned(),
            compression: None,
            carrier: reader.carriers(),
            clock: clock.into(),
            bytes: reader.n_bytes(),
            started_at: reader.started_at().or(arrival),
            graph: None,
            derivations: Vec::new(),
            recording: Contents::default(),
            run_name: None,
            is_cut: false,
            issues: Vec::new(),
        };
        source.text_issues(reader);
        source.timing_issue(reader);
        source.clock_issues(reader);
        source.carrier_issues(reader);
        source
    }

    /// Takes over what a recording says of itself. A log that is no recording has nothing to say.
    pub fn take_recording(&mut self, contents: Contents) {
        let Some(header) = &contents.header else {
            return;
        };
        self.clock = match header.clock.as_str() {
            "reconstructed" => Clock::Reconstructed,
            "carrier" => Clock::Carrier,
            _ => Clock::Recorded,
        };
        self.started_at = header.started_at_unix_ns.or(self.started_at);
        if contents.unreadable > 0 {
            let message = "unreadable side lines of the recording; the log itself is complete";
            self.add(
                Severity::Warning,
                IssueCode::UnreadableSideLine,
                contents.unreadable,
                None,
                message,
            );
        }
        if contents.end.is_none() {
            let message = "the recording has no end: nixlog was killed or the file was cut; the report covers what was written";
            self.add(Severity::Warning, IssueCode::RecordingCut, 1, None, message);
        }
        self.recording = contents;
    }

    fn text_issues(&mut self, reader: &LogReader) {
        if let Some(not_utf8) = reader.not_utf8() {
            let message = "lines with invalid UTF-8; the bad bytes are replaced by U+FFFD";
            self.add(
                Severity::Info,
                IssueCode::NotUtf8,
                not_utf8.count,
                Some(not_utf8.first_line),
                message,
            );
        }
    }

    /// The times of a typescript are in a file of their own.
    fn timing_issue(&mut self, reader: &LogReader) {
        if reader.carrier() == Carrier::Script && reader.clock_kind() == ClockKind::None {
            let message = "the times of a typescript are in its timing file: add `--timing FILE`";
            self.add(
                Severity::Warning,
                IssueCode::TimingFileMissing,
                1,
                None,
                message,
            );
        }
    }

    fn clock_issues(&mut self, reader: &LogReader) {
        let issues = reader.clock_issues();
        let backward = issues.backward;
        if backward.count > 0 {
            let message = format!(
                "timestamps that went back, by up to {} s; replaced by the one before",
                seconds(backward.largest)
            );
            let line = Some(backward.first_line);
            self.add(
                Severity::Warning,
                IssueCode::ClockBackward,
                backward.count,
                line,
                &message,
            );
        }
        if issues.daylight_saving.is_some() {
            let message =
                "local time went back by an hour; taken as the end of daylight saving time";
            self.add(
                Severity::Info,
                IssueCode::ClockDaylightSaving,
                1,
                issues.daylight_saving,
                message,
            );
        }
        if issues.restarts > 0 {
            let message =
                "timestamps that restart near zero; taken as further recordings in the same file";
            self.add(
                Severity::Info,
                IssueCode::ClockRestarted,
                issues.restarts,
                issues.first_restart,
                message,
            );
        }
    }

    fn carrier_issues(&mut self, reader: &LogReader) {
        for issue in reader.carrier_issues() {
            let (code, message) = match issue.kind {
                IssueKind::Unstamped => (
                    IssueCode::CarrierUnstampedLine,
                    "lines without a timestamp; read as they are",
                ),
                IssueKind::BadRecord => (
                    IssueCode::CarrierBadRecord,
                    "records in another form than the carrier's; read as text",
                ),
                IssueKind::NoPayload => (
                    IssueCode::CarrierNoPayload,
                    "records without text: it was lost before nixlog read the log",
                ),
                IssueKind::Unfinished => (
                    IssueCode::CarrierUnfinishedLine,
                    "split lines whose last part is missing",
                ),
                IssueKind::TooLong => (
                    IssueCode::CarrierTooLong,
                    "split lines that are too long to join",
                ),
                IssueKind::Unnamed => (
                    IssueCode::CarrierUnnamedLine,
                    "lines without the name that others have in front; read as they are",
                ),
                IssueKind::NotInOrder => (
                    IssueCode::CarrierNotInOrder,
                    "the log is too large to put its jobs side by side: times of all but the first are those of its end",
                ),
            };
            let line = Some(issue.first_line);
            self.add(Severity::Info, code, issue.count, line, message);
        }
    }

    fn add(
        &mut self,
        severity: Severity,
        code: IssueCode,
        count: u64,
        first_line: Option<u64>,
        message: &str,
    ) {
        let message = message.to_owned();
        self.issues.push(Issue {
            severity,
            code,
            count,
            first_line,
            message,
        });
    }
}

/// Shows seconds with three decimals.
fn seconds(length: Nanos) -> String {
    let millis = length.get() / 1_000_000;
    format!("{}.{:03}", millis / 1000, millis % 1000)
}
