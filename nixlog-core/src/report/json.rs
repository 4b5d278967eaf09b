//! JSON: the views as they are.

use std::io::{self, Write};

use serde::Serialize;

/// Writes one JSON object and a line feed.
///
/// # Errors
///
/// Passes on what the output says.
pub fn write(view: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, view)?;
    out.write_all(b"\n")
}
