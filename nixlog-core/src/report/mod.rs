//! Results made readable: one set of views, several renderings of them.
//!
//! A verb's room in [`verbs`] holds its result, whose types are the JSON contract, what makes it, and its
//! layout as a [`document`]: a verdict, tables and notes, which [`text`], [`markdown`] and [`csv`] print.
//! So every format shows the same numbers. A timeline can also be drawn ([`html`], [`svg`], [`chrome`]),
//! and so can a graph ([`dot`], [`graphml`]), what changes over time ([`line_chart`]) and the stacks of an
//! evaluation ([`flame_graph`]).
//!
//! ```
//! use nixlog_core::analysis::phases::phases;
//! use nixlog_core::report::text::Style;
//! use nixlog_core::report::{json, text, verbs};
//!
//! let log = nixlog_core::read(b"").explain();
//! let result = verbs::phases::result(&log.timeline, &phases(&log.timeline));
//! let report = log.report(result);
//! let (mut for_programs, mut for_people) = (Vec::new(), Vec::new());
//! json::write(&report, &mut for_programs)?;
//! text::write(&report.document(&()), &Style::default(), &mut for_people)?;
//! assert_eq!(report.schema, "nixlog.phases/1");
//! assert!(for_people.starts_with(b"this log is empty"));
//! # Ok::<(), std::io::Error>(())
//! ```

mod axis;
pub mod chrome;
pub mod closing;
pub mod coverage;
pub mod csv;
pub mod document;
pub mod dot;
mod drawing;
pub mod envelope;
pub mod estimated;
pub mod evaluation_waits;
pub mod flame_graph;
pub mod format;
pub mod github;
pub mod graphml;
pub mod html;
pub mod json;
pub mod junit;
pub mod line_chart;
pub mod markdown;
pub mod measured;
pub mod sarif;
pub mod simulated;
mod sparkline;
pub mod svg;
pub mod table;
pub mod text;
pub mod unit;
mod unit_table;
pub mod verbs;
mod words;
