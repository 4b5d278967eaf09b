//! Bytes to borrowed values: carriers, lines, events. Knows every form that a Nix log comes in,
//! and nothing of what the events mean together.

pub mod ansi;
pub mod block;
mod canonical;
pub mod carrier;
pub mod detail;
pub mod dialect;
pub mod event;
mod general;
mod glance;
pub mod human;
mod json;
pub mod message;
mod nanos;
mod reader;
mod scan;
#[cfg(test)]
mod tests;

pub use carrier::Carrier;
pub use general::ParseError;
pub use glance::{progress_line, stop_line};
pub use nanos::is_header;
pub use reader::{ClockKind, LogReader, NotUtf8};
pub use scan::{Body, Line, Lines};

/// Iterates over the lines of a text that is wholly in memory and has no carrier.
#[must_use]
pub fn scan(text: &str) -> Lines<'_> {
    Lines::new(text, 1, scan::Stamps::Same(None))
}
