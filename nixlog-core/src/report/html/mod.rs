//! HTML: the drawing in a page of its own, with zoom and search.
//!
//! One file that loads nothing: it may be sent by mail, and opened in ten years. Without scripts it
//! is the drawing, and what each unit says when it is pointed at. What comes from the log is text in
//! the page, never a part of a script.

use std::io::{self, Write};

use super::document::{Document, subject};
use super::drawing;
use super::envelope::{Input, Report};
use super::format::{plural, xml};
use super::verbs::timeline::TimelineResult;

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
    let of = subject(&report.input);
    let facts = facts(&report.input);
    let about: Vec<&str> = [&*of, &facts]
        .into_iter()
        .filter(|line| !line.is_empty())
        .collect();
    let about = about.iter().map(|line| xml(line)).collect::<Vec<_>>();
    let (of, about) = (xml(&of), about.join("<br>"));
    write!(
        out,
        r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>{of}: timeline</title>
<style>
{PAGE_STYLE}</style>
</head>
<body>
<h1>{}</h1>
<p class="s">{about}</p>
"#,
        xml(&document.verdict)
    )?;
    if document.chart.is_some() {
        writeln!(out, "{CONTROLS}")?;
        writeln!(out, r#"<div id="c">"#)?;
        drawing::write(report, &[], out)?;
        let legend = legend(&report.result);
        writeln!(out, "</div>\n<p class=\"g\">{legend}</p>\n{TABLES}")?;
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

/// The script fills them from the drawing, so that nothing is in the page twice.
const TABLES: &str = r#"<section id="tables" hidden><div><h2>Critical path</h2><table id="path"></table></div><div><h2>Units</h2><table id="all-units"></table></div></section>"#;

/// What each colour means.
fn legend(result: &TimelineResult) -> String {
    drawing::legend(result)
        .map(|(class, meaning)| format!(r#"<i class="{class}"></i>{meaning} "#))
        .collect()
}

/// Says on what it ran, and how it ended, as far as that is known.
fn facts(input: &Input) -> String {
    let run = input.run.as_ref();
    let told = |text: &&str| text.contains(|c: char| c.is_ascii_digit());
    let version = input.nix_version.as_deref().or(Some(&*input.nix_versions));
    let exit = run.and_then(|run| run.exit_status);
    let signal = run.and_then(|run| run.signal);
    let host = run.and_then(|run| run.host.as_deref());
    let cores = run.and_then(|run| run.cores);
    let parts = [
        version.filter(told).map(|version| format!("Nix {version}")),
        exit.map(|status| format!("exit status {status}")),
        signal.map(|signal| format!("ended by signal {signal}")),
        host.map(|host| format!("on {host}")),
        cores.map(|cores| plural(cores, "core")),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    parts.join(" · ")
}
