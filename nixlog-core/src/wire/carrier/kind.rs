//! The carriers by name, and the decoder of each.

use super::asciinema::{Document, Events};
use super::buildkit::Buildkit;
use super::buildkite::Buildkite;
use super::container::{Containers, Cri, DockerJson};
use super::github::GithubCli;
use super::gitlab::Gitlab;
use super::journald::{self, Journald};
use super::journald_export::JournaldExport;
use super::journald_json::JournaldJson;
use super::line_above::LineAbove;
use super::names::Names;
use super::prefix::{Cut, Prefix};
use super::script::Script;
use super::{Decode, generic, teamcity};

/// What wraps the lines of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Carrier {
    /// No wrapper and no times.
    None,
    /// `61040528 text`: nanoseconds since the start; nixlog's own recording.
    Nanos,
    /// `1.001376 text`, `[   12.345678] text`, `ts -s '%.s'`: seconds since the start.
    Seconds,
    /// `0.001376 text`, `ts -i '%.s'`: seconds since the previous line.
    SecondsInterval,
    /// `Nov 21 19:58:52 text`: `ts` as it comes, local and without a year.
    TsDefault,
    /// `2026-11-21T19:58:52.123456 text`: `ts '%Y-%m-%dT%H:%M:%.S'`, local.
    TsIso,
    /// `00:00:05 text`: `ts -s`, since the start.
    TsElapsed,
    /// `00:00:05 text`: `ts -i`, since the previous line.
    TsInterval,
    /// `14:30:00.123 text`: a local time with no date.
    TimeOfDay,
    /// `[2024-05-30 14:30:00] text`, `2024-05-30T14:30:00Z text`: a date and time of any form.
    DateTime,
    /// `1717079400.123 text`: seconds since 1970.
    UnixSeconds,
    /// `1717079400123 text`: milliseconds since 1970.
    UnixMillis,
    /// `1717079400123456 text`: microseconds since 1970.
    UnixMicros,
    /// `1717079400123456789 text`: nanoseconds since 1970.
    UnixNanos,
    /// `2022-06-20T09:27:57.8718342Z text`: the raw log of GitHub Actions, or of Azure Pipelines.
    GithubActions,
    /// `JOB\tSTEP\t2022-06-20T09:27:57.8718342Z text`: `gh run view --log`.
    GithubCli,
    /// `2024-05-30T14:30:00.000000Z 00O text`, or sections only: a GitLab job log.
    Gitlab,
    /// `Sep 08 17:20:30 host unit[123]: text`: `journalctl -o short`, `short-precise`.
    JournaldShort,
    /// `2023-09-08T17:20:30+0200 host unit[123]: text`: `journalctl -o short-iso`.
    JournaldIso,
    /// `1694186430.655028 host unit[123]: text`: `journalctl -o short-unix`.
    JournaldUnix,
    /// `Fri 2023-09-08 17:20:30 CEST host unit[123]: text`: `journalctl -o short-full`,
    /// `with-unit`.
    JournaldFull,
    /// `[   12.345678] host unit[123]: text`: `journalctl -o short-monotonic`, `short-delta`.
    JournaldMonotonic,
    /// `journalctl -o export`.
    JournaldExport,
    /// `journalctl -o json`, `json-seq`, `json-sse`.
    JournaldJson,
    /// `{"log":"text\n","stream":"stderr","time":"…"}`: Docker's log files.
    DockerJson,
    /// `2014-09-16T06:17:46.000000000Z text`: `docker logs -t`, `docker compose logs -t`.
    DockerLogs,
    /// `2016-10-06T00:17:09.669794202Z stdout F text`: the log files of containerd and CRI-O.
    Cri,
    /// `2016-10-06T00:17:09.66Z text`: `kubectl logs --timestamps`, also with `--prefix`.
    Kubectl,
    /// An asciinema recording of version 1.
    AsciinemaV1,
    /// An asciinema recording of version 2.
    AsciinemaV2,
    /// An asciinema recording of version 3.
    AsciinemaV3,
    /// A typescript of `script`; its times are in a second file, see
    /// [`script`](super::script()).
    Script,
    /// `ESC _bk;t=1745322209921 BEL text`: a Buildkite log.
    Buildkite,
    /// `#11 6.120 text`: the plain progress of `BuildKit`, seconds since each step began.
    Buildkit,
    /// `[14:52:19]W: [Step 1/2] text`: a `TeamCity` build log, local and without a date.
    Teamcity,
    /// `2025-Jan-13 15:35:03.700143`, and the text on the next line: pasted from a browser.
    LineAbove,
    /// `alpha | text`, `[alpha] text`: the name of a host or service before each line, and no time.
    Names,
}

/// How a carrier is read.
enum Reader {
    /// By the line scanner itself.
    Scanner,
    /// As a stamp before each line.
    Stamp(Cut),
    /// By a decoder that remembers something.
    Make(fn() -> Box<dyn Decode>),
}

struct Row {
    carrier: Carrier,
    name: &'static str,
    reader: Reader,
}

const fn row(carrier: Carrier, name: &'static str, reader: Reader) -> Row {
    Row {
        carrier,
        name,
        reader,
    }
}

/// One row per carrier, in the order of the enum.
const TABLE: &[Row] = {
    use Carrier as C;
    use Reader::{Make, Scanner, Stamp};
    &[
        row(C::None, "none", Scanner),
        row(C::Nanos, "nanos", Scanner),
        row(C::Seconds, "seconds", Stamp(generic::elapsed)),
        row(
            C::SecondsInterval,
            "seconds-interval",
            Stamp(generic::interval),
        ),
        row(C::TsDefault, "ts", Stamp(generic::month_day)),
        row(C::TsIso, "ts-iso", Stamp(generic::date_time)),
        row(C::TsElapsed, "ts-elapsed", Stamp(generic::elapsed)),
        row(C::TsInterval, "ts-interval", Stamp(generic::interval)),
        row(C::TimeOfDay, "time-of-day", Stamp(generic::time_of_day)),
        row(C::DateTime, "date-time", Stamp(generic::date_time)),
        row(C::UnixSeconds, "unix", Stamp(generic::unix_seconds)),
        row(C::UnixMillis, "unix-millis", Stamp(generic::unix_millis)),
        row(C::UnixMicros, "unix-micros", Stamp(generic::unix_micros)),
        row(C::UnixNanos, "unix-nanos", Stamp(generic::unix_nanos)),
        row(
            C::GithubActions,
            "github-actions",
            Stamp(generic::date_time),
        ),
        row(
            C::GithubCli,
            "github-cli",
            Make(|| Box::<GithubCli>::default()),
        ),
        row(C::Gitlab, "gitlab", Make(|| Box::<Gitlab>::default())),
        row(
            C::JournaldShort,
            "journald-short",
            Make(|| Box::new(Journald::new(journald::short))),
        ),
        row(
            C::JournaldIso,
            "journald-iso",
            Make(|| Box::new(Journald::new(journald::iso))),
        ),
        row(
            C::JournaldUnix,
            "journald-unix",
            Make(|| Box::new(Journald::new(journald::unix))),
        ),
        row(
            C::JournaldFull,
            "journald-full",
            Make(|| Box::new(Journald::new(journald::full))),
        ),
        row(
            C::JournaldMonotonic,
            "journald-monotonic",
            Make(|| Box::new(Journald::new(journald::monotonic))),
        ),
        row(
            C::JournaldExport,
            "journald-export",
            Make(|| Box::<JournaldExport>::default()),
        ),
        row(
            C::JournaldJson,
            "journald-json",
            Make(|| Box::<JournaldJson>::default()),
        ),
        row(
            C::DockerJson,
            "docker-json",
            Make(|| Box::<DockerJson>::default()),
        ),
        row(
            C::DockerLogs,
            "docker-logs",
            Make(|| Box::new(Containers::docker())),
        ),
        row(C::Cri, "cri", Make(|| Box::<Cri>::default())),
        row(
            C::Kubectl,
            "kubectl",
            Make(|| Box::new(Containers::kubectl())),
        ),
        row(
            C::AsciinemaV1,
            "asciinema-v1",
            Make(|| Box::<Document>::default()),
        ),
        row(
            C::AsciinemaV2,
            "asciinema-v2",
            Make(|| Box::new(Events::new(false))),
        ),
        row(
            C::AsciinemaV3,
            "asciinema-v3",
            Make(|| Box::new(Events::new(true))),
        ),
        row(C::Script, "script", Make(|| Box::<Script>::default())),
        row(
            C::Buildkite,
            "buildkite",
            Make(|| Box::<Buildkite>::default()),
        ),
        row(C::Buildkit, "buildkit", Make(|| Box::<Buildkit>::default())),
        row(C::Teamcity, "teamcity", Stamp(teamcity::cut)),
        row(
            C::LineAbove,
            "line-above",
            Make(|| Box::<LineAbove>::default()),
        ),
        row(C::Names, "names", Make(|| Box::<Names>::default())),
    ]
};

/// The carriers alone, for those who list them.
const ALL: [Carrier; TABLE.len()] = {
    let mut all = [Carrier::None; TABLE.len()];
    let mut at = 0;
    while at < all.len() {
        all[at] = TABLE[at].carrier;
        at += 1;
    }
    all
};

impl Carrier {
    /// Returns the name that `--carrier` takes and JSON shows: `ts`, `github-actions`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// Returns the carrier with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let row = TABLE.iter().find(|row| row.name == name)?;
        Some(row.carrier)
    }

    /// Returns all carriers, `None` first.
    #[must_use]
    pub fn all() -> &'static [Self] {
        &ALL
    }

    /// Makes a decoder. `None` for [`Carrier::None`] and [`Carrier::Nanos`]: the line scanner
    /// reads those two itself, without a copy.
    #[must_use]
    pub fn decoder(self) -> Option<Box<dyn Decode>> {
        match self.row().reader {
            Reader::Scanner => None,
            Reader::Stamp(cut) => Some(Box::new(Prefix(cut))),
            Reader::Make(make) => Some(make()),
        }
    }

    fn row(self) -> &'static Row {
        // The table has one row per carrier, in their order: a test holds it.
        &TABLE[self as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_is_in_order_and_names_are_kebab_case() {
        for (at, row) in TABLE.iter().enumerate() {
            assert_eq!(row.carrier as usize, at);
            assert_eq!(Carrier::from_name(row.name), Some(row.carrier));
            assert!(
                row.name
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            );
            let by_scanner = matches!(row.carrier, Carrier::None | Carrier::Nanos);
            assert_eq!(row.carrier.decoder().is_none(), by_scanner);
        }
        assert_eq!(Carrier::Names as usize + 1, TABLE.len());
        assert_eq!(Carrier::from_name("nope"), None);
    }
}
