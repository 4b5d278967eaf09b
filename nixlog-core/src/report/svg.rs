//! SVG: the chart as a picture that needs nothing else.

use std::io::{self, Write};

use super::document::{Document, subject};
use super::drawing;
use super::envelope::Report;
use super::verbs::timeline::TimelineResult;

/// Writes a picture of a timeline; `document` has what is said above it.
///
/// # Errors
///
/// Passes on what the output says.
pub fn write(
    report: &Report<TimelineResult>,
    document: &Document,
    out: &mut dyn Write,
) -> io::Result<()> {
    let of = subject(&report.input);
    drawing::write(report, &[&document.verdict, &of], out)
}
