//! nixlog's own recordings: the log itself, a stamp before each line, and side lines in between.
//!
//! ```text
//! 0 @nixlog {"type":"header","format":1,"command":["nix","build",".#foo"], …}
//! 61040528 @nix {"action":"start", …}
//! 61040528 building '/nix/store/…-foo.drv'...
//! 61090113 @nixlog {"type":"derivation","path":"/nix/store/…-foo.drv","aterm":"Derive(…)"}
//! 99000000 @nixlog={"a line of the log itself that begins like a side line"}
//! 99100000 @nixlog {"type":"end","exit_status":0, …}
//! ```
//!
//! Stamps are nanoseconds since the start. What follows a stamp is a line of the log, byte for byte;
//! only a line that begins with `@nixlog` is quoted, so that a build cannot forge a side line. A file
//! is a recording if its first line is a header. Compressed, it is a row of zstd frames.
//!
//! This module knows the form, not files: [`Pending`] collects and thins the lines of the next frame,
//! [`Contents`] collects what side lines say.

mod contents;
mod lines;
mod pending;
mod side;
#[cfg(test)]
mod tests;

pub use contents::Contents;
pub use lines::{RecordedLine, recorded_line};
pub use pending::{Pending, Thinning};
pub use side::{
    Certainty, DerivationRecord, End, FORMAT, Header, PathInfoRecord, Settings, SideLine,
    UnitRecord,
};

/// What a side line begins with, behind its stamp.
pub const MARK: &str = "@nixlog ";

/// What a line of the log that itself begins like a side line is quoted with.
pub const QUOTE: &str = "@nixlog=";

/// What side lines and quoted lines begin with.
const BEGINNING: &[u8] = b"@nixlog";
