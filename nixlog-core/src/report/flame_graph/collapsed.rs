//! Collapsed stacks: `FRAME;FRAME;… COUNT`, what other tools draw flame graphs from.

use std::io::{self, Write};

use crate::eval::stacks::tree::CallTree;

/// Writes each stack once.
///
/// # Errors
///
/// Returns what the writer returns.
pub fn write(tree: &CallTree, out: &mut dyn Write) -> io::Result<()> {
    let mut path = String::new();
    let mut ends = Vec::new();
    for call in &tree.calls {
        ends.truncate(call.depth.saturating_sub(1));
        path.truncate(ends.last().copied().unwrap_or(0));
        if call.depth > 0 {
            if !ends.is_empty() {
                path.push(';');
            }
            // Only the places of traced calls have it: in samples it separates frames.
            path.extend(tree.name(call).chars().map(|c| match c {
                ';' | '\n' => ',',
                c => c,
            }));
            ends.push(path.len());
        }
        if call.own > 0 {
            let path = if path.is_empty() { "(none)" } else { &path };
            writeln!(out, "{path} {}", call.own)?;
        }
    }
    Ok(())
}
