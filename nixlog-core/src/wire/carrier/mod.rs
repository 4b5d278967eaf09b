//! What wraps a line and gives it a time: `ts`, CI systems, journald, containers, terminals.
//!
//! A carrier's decoder takes physical lines and hands on *payload* lines, each with the [`Time`]
//! that the carrier wrote. It knows nothing of Nix, but for two things: journald cuts long lines,
//! and only the `@nix {…}` of a cut line tells that it goes on; and the name of a host is known by
//! what Nix says behind it. [`clock::Clock`] turns the times into
//! [`Stamp`](crate::time::Stamp)s. One file per family; [`detect`](detect::detect) votes.
//!
//! Three rules hold for all of them:
//!
//! - The payload is handed on byte for byte, except for the wrapper's own encoding and one `\r`
//!   at its end. A line that does not have the carrier's form is handed on whole, without a time.
//! - A line that came in pieces carries the time of its *last* piece: that is when a reader at
//!   the other end of the pipe would have seen the line, and thus when nixlog itself would have
//!   stamped it. Its number is that of its first piece, where a person would look for it. On a
//!   terminal, each state of a status line is a line, with the time at which it was drawn.
//! - Memory is bounded: a line in pieces is handed on unfinished once it exceeds 16 MiB.

pub mod clock;
pub mod detect;

mod asciinema;
mod buildkit;
mod buildkite;
mod container;
mod generic;
mod github;
mod gitlab;
mod join;
mod journald;
mod journald_export;
mod journald_json;
mod kind;
mod line_above;
mod months;
mod names;
mod onion;
mod partial;
mod prefix;
mod script;
mod speech;
mod stamp;
mod teamcity;
mod terminal;
#[cfg(test)]
mod tests;
mod unwrapped;

pub use kind::Carrier;
pub(super) use onion::Onion;
pub use script::script;
pub use unwrapped::{Issue, IssueKind, Unwrapped, UnwrappedLine};

/// Takes physical lines, hands on payload lines.
pub trait Decode: Send {
    /// Takes one physical line: without its `\n`, with its `\r` if it has one.
    ///
    /// Call [`Unwrapped::at_line`] before, so that the payload lines know their number.
    fn line(&mut self, raw: &[u8], out: &mut Unwrapped);

    /// Hands on what was held back, such as a line whose end never came.
    fn finish(&mut self, out: &mut Unwrapped);
}

/// The time that a carrier wrote, before the clock makes a stamp of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Time {
    /// Nanoseconds since the recording started: `ts -s`, asciinema, `script`.
    Elapsed(u64),
    /// Nanoseconds since the previous line: `ts -i`.
    Interval(u64),
    /// Nanoseconds since something that is not the start of the recording, such as the boot of
    /// the machine: `journalctl -o short-monotonic`.
    Uptime(u64),
    /// Nanoseconds since 1970-01-01T00:00:00Z.
    Unix(i64),
    /// A local date and time with no zone: nanoseconds since 1970-01-01T00:00:00 in that zone.
    Civil(i64),
    /// A local date with no year, and a time: `Nov 21 19:58:52`.
    MonthDay {
        /// January is 1.
        month: u8,
        /// The first is 1.
        day: u8,
        /// Nanoseconds since midnight.
        of_day: u64,
    },
    /// A local time with no date: nanoseconds since midnight.
    TimeOfDay(u64),
}

/// The largest line that is put together from pieces.
const LARGEST_LINE: usize = 16 << 20;
