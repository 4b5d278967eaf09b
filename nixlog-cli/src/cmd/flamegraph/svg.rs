//! A flame graph as an image that zooms and searches by itself, drawn by `inferno`.
//!
//! It is here and not in the core, since not everybody who reads profiles wants inferno's licence (CDDL-1.0).

use std::io::{self, Write};

use inferno::flamegraph::{Direction, Options, TextTruncateDirection, from_lines};

use nixlog_core::eval::stacks::Unit;
use nixlog_core::eval::stacks::tree::CallTree;
use nixlog_core::report::flame_graph::label;
use nixlog_core::report::format::harmless;

/// More boxes than this make a page slow.
pub(super) const MOST: usize = 20_000;

/// What takes less of all is too narrow to be seen.
pub(super) const LEAST_SHARE: f64 = 0.0001;

/// How to draw.
#[derive(Debug, Clone, Default)]
pub(super) struct Drawing {
    /// What stands on top.
    pub(super) title: String,
    /// What stands below it.
    pub(super) subtitle: String,
    /// How wide it is, in pixels; default: as wide as the window.
    pub(super) width: Option<usize>,
    /// Calls stand on their callers, as flames do; else they hang from them.
    pub(super) grows_up: bool,
}

/// Draws a tree; with another one `before`, calls that themselves cost more now are red, and
/// those that cost less are blue.
pub(super) fn write(
    tree: &CallTree,
    before: Option<&CallTree>,
    drawing: &Drawing,
    out: &mut dyn Write,
) -> io::Result<()> {
    let tree = tree.narrowed(MOST, LEAST_SHARE);
    let own_before = before.map(|before| before.own_in(&tree));
    let mut lines = Vec::new();
    let mut path = String::new();
    let mut ends = Vec::new();
    for (at, call) in tree.calls.iter().enumerate() {
        ends.truncate(call.depth.saturating_sub(1));
        path.truncate(ends.last().copied().unwrap_or(0));
        if call.depth > 0 {
            if !ends.is_empty() {
                path.push(';');
            }
            path.push_str(&boxed(tree.name(call)));
            ends.push(path.len());
        }
        let before = own_before.as_ref().map(|own| own[at]);
        if at == 0 && call.own == 0 {
            // What is gone altogether has no box, and would make all other differences look small.
            continue;
        }
        if call.own == 0 && before.unwrap_or(0) == 0 {
            continue;
        }
        let path = if path.is_empty() { "(none)" } else { &path };
        lines.push(match before {
            None => format!("{path} {}", call.own),
            Some(before) => format!("{path} {before} {}", call.own),
        });
    }
    let mut options = Options::default();
    options.title = harmless(&drawing.title).into_owned();
    options.subtitle = Some(harmless(&drawing.subtitle).into_owned());
    options.image_width = drawing.width;
    options.direction = match drawing.grows_up {
        true => Direction::Straight,
        false => Direction::Inverted,
    };
    options.text_truncate_direction = TextTruncateDirection::Right;
    options.min_width = LEAST_SHARE * 100.0;
    options.hash = true;
    // It takes lines only in the order of their bytes, or as a chart of time, the last first. The former would tear
    // apart what has longer names beside it: `f 1`, `f' 1`, `f;g 1`.
    options.flame_chart = true;
    match tree.unit {
        Unit::Samples => options.count_name = "samples".to_owned(),
        Unit::Nanoseconds => {
            options.count_name = "ms".to_owned();
            options.factor = 1e-6;
        }
    }
    from_lines(&mut options, lines.iter().rev().map(String::as_str), out)
}

/// Returns what stands in a box. A number at the end, or a `;`, would mean something else there.
fn boxed(name: &str) -> String {
    let mut label = label(name).replace(';', ",");
    if let Some(space) = label.rfind(' ')
        && label[space + 1..].parse::<f64>().is_ok()
    {
        label.replace_range(space..=space, "\u{a0}");
    }
    label
}
