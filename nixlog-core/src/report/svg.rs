//! SVG: the chart as a picture that needs nothing else.

use std::io::{self, Write};

use super::document::Document;
use super::drawing;
use super::view::{Report, TimelineResult};

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
    drawing::write(report, Some(&document.verdict), out)
}
