//! Reads the logs of Nix builds and tells where the time went.
//!
//! Nix tells what it does as a stream of events, without times and without dependencies. This crate
//! reads that stream in every form in which it is found, puts the times to it that the log's carrier
//! (or whoever watches it) supplies, and answers questions about it. It opens no file, reads no clock
//! and prints nothing: bytes and stamps come in through arguments.
//!
//! ```
//! use nixlog_core::analysis::phases::phases;
//!
//! let log = br#"0.5 @nix {"action":"start","fields":["/nix/store/7ajh8plhm64ypnph30js1a3lq6zsyxqr-hello-2.12.drv","",1,1],"id":4294967296,"level":3,"parent":0,"text":"building","type":105}
//! 2.5 @nix {"action":"stop","id":4294967296}
//! "#;
//! let log = nixlog_core::read(log);
//! let building = &phases(&log.timeline).phases[0];
//! assert_eq!(building.phase.name(), "building");
//! assert_eq!(building.total.busy.map(|busy| busy.get()), Some(2_000_000_000));
//! ```
//!
//! The layers, lowest first: the words ([`ids`], [`time`], [`json_str`], [`store_path`]); [`wire`], from
//! bytes to borrowed events; [`recording`], what nixlog's own recordings hold beside a log; [`drv`], from
//! bytes to borrowed derivations; [`eval`], what the evaluator tells of itself; [`build_log`], what the lines of
//! builders mean; [`statistics`], what
//! repeated measurements tell; [`timeline`], from events to
//! what ran and when; [`graph`], from derivations to what depends on what; [`analysis`], from both to answers;
//! [`report`], from answers to text, Markdown, CSV, JSON and pictures; [`log`], all the steps in their order.
//! [`lint`] reads Nix files, not logs.
//!
//! One feature, off by default: `lint` parses Nix files, with the crate `rnix`. Without it, `lint` has the types
//! of what is found, and nothing that finds it.
#![forbid(unsafe_code)]

pub use log::read;

pub mod analysis;
pub mod build_log;
pub mod dialect;
pub mod drv;
pub mod eval;
pub mod graph;
pub mod ids;
pub mod intervals;
pub mod json_str;
pub mod lint;
pub mod log;
mod names;
pub mod recording;
pub mod report;
pub mod statistics;
pub mod store_path;
pub mod time;
pub mod timeline;
pub mod wire;
