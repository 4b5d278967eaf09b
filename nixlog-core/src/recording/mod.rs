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
//!
//! ```
//! use nixlog_core::recording::{Contents, End, Header, Pending, SideLine, Thinning};
//! use nixlog_core::time::Stamp;
//! use nixlog_core::timeline::TimelineBuilder;
//! use nixlog_core::wire::{Body, LogReader};
//!
//! // Whoever records adds lines as they come, and writes what is pending now and then.
//! let mut pending = Pending::new(Thinning::On);
//! pending.side(&SideLine::Header(Box::new(Header {
//!     command: vec!["nix".to_owned(), "build".to_owned()],
//!     ..Header::default()
//! })));
//! let start = br#"@nix {"action":"start","fields":["/nix/store/7ajh8plhm64ypnph30js1a3lq6zsyxqr-hello-2.12.drv","",1,1],"id":4294967296,"level":3,"parent":0,"text":"building","type":105}
//! "#;
//! pending.lines(start, Stamp::from_nanos(500_000_000));
//! pending.lines(
//!     b"@nix {\"action\":\"stop\",\"id\":4294967296}\n",
//!     Stamp::from_nanos(2_500_000_000),
//! );
//! pending.side(&SideLine::End(End { exit_status: Some(0), ..End::default() }));
//! let mut file = Vec::new();
//! pending.take(&mut file);
//!
//! // Whoever reads sees the log; what else the recording knows stands between its lines.
//! let mut reader = LogReader::new(None);
//! let mut builder = TimelineBuilder::default();
//! let mut contents = Contents::default();
//! for line in reader.block(&file, None) {
//!     builder.push(&line);
//!     if let Body::Side(json) = line.body {
//!         contents.push(json);
//!     }
//! }
//! let timeline = builder.finish();
//! let build = &timeline.units()[0];
//! assert_eq!(build.duration().map(|took| took.get()), Some(2_000_000_000));
//! assert_eq!(contents.header.map(|header| header.command.join(" ")), Some("nix build".to_owned()));
//! assert_eq!(contents.end.and_then(|end| end.exit_status), Some(0));
//! ```

mod contents;
mod lines;
mod pending;
mod project;
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
