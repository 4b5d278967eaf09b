//! HTML: the drawing in a page of its own, with zoom and search.
//!
//! One file that loads nothing: it may be sent by mail, and opened in ten years. Without scripts it
//! is the drawing, and what each unit says when it is pointed at. What comes from the log is text in
//! the page, never a part of a script.

use std::collections::BTreeSet;
use std::io::{self, Write};

use super::document::Document;
use super::drawing;
use super::format::xml;
use super::view::{Report, TimelineResult};

const PAGE_STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Writes a page with a timeline; `document` has what is said above and below it.
///
/// # Errors
///
/// Passes on what the output says.
pub fn write(
    report: &Report<TimelineResult>,
    document: &Document,
    out: &mut dyn Write,
) -> io::Result<()> {
    let source = xml(&report.input.source);
    write!(
        out,
        r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>{source}: timeline</title>
<style>
{PAGE_STYLE}</style>
</head>
<body>
<h1>{}</h1>
<p class="s">{source}</p>
"#,
        xml(&document.verdict)
    )?;
    if document.chart.is_some() {
        writeln!(out, "{CONTROLS}")?;
        writeln!(out, r#"<div id="c">"#)?;
        drawing::write(report, None, out)?;
        let legend = legend(&report.result);
        writeln!(out, "</div>\n<p class=\"g\">{legend}</p>")?;
    }
    if !document.notes.is_empty() {
        writeln!(out, "<ul>")?;
        for note in &document.notes {
            writeln!(out, "<li>{}</li>", xml(note))?;
        }
        writeln!(out, "</ul>")?;
    }
    writeln!(
        out,
        r#"<p class="s">nixlog {}</p>"#,
        xml(report.nixlog_version)
    )?;
    if document.chart.is_some() {
        writeln!(out, "<script>\n{SCRIPT}</script>")?;
    }
    writeln!(out, "</body>\n</html>")
}

/// Without scripts they would do nothing: the script shows them.
const CONTROLS: &str = r#"<div id="t" hidden><input id="q" type="search" placeholder="search names" aria-label="search names"> <button id="in" title="zoom in (+)">+</button> <button id="out" title="zoom out (-)">−</button> <button id="all" title="show all (0)">all</button> <span id="m">drag to zoom in, shift-drag to move, double-click for all</span></div>"#;

/// What each colour means, those that are in the drawing.
fn legend(result: &TimelineResult) -> String {
    let units = || result.lanes.iter().flat_map(|lane| &lane.units);
    let mut used: BTreeSet<&str> = units()
        .map(|placed| drawing::class(placed.unit.kind))
        .collect();
    if units().any(drawing::is_failed) {
        used.insert("x");
    }
    if !result.critical_path.is_empty() {
        used.insert("c");
    }
    let colors = [
        ("e", "evaluation"),
        ("i", "inputs"),
        ("b", "build"),
        ("f", "substitution, source fetch"),
        ("q", "query"),
        ("k", "copy"),
        ("h", "post-build hook"),
        ("x", "failed"),
        ("c", "on the critical path"),
    ];
    let shown = colors.iter().filter(|(class, _)| used.contains(class));
    shown
        .map(|(class, meaning)| format!(r#"<i class="{class}"></i>{meaning} "#))
        .collect()
}
