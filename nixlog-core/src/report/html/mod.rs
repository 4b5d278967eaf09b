//! HTML: a timeline as a page, with zoom, search and what needs what.
//!
//! One file that loads nothing: it may be sent by mail, and opened in ten years. The script draws it from
//! `data`, as much as can be seen at once; without scripts the page has the drawing. What comes from the
//! log is text in the page, never a part of a script.

mod data;

use std::io::{self, Write};

use super::document::{Document, subject};
use super::drawing;
use super::envelope::{Input, Report};
use super::format::{duration, plural, xml};
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
{}{PAGE_STYLE}</style>
</head>
<body>
<h1>{}</h1>
<p class="s">{about}</p>
"#,
        drawing::STYLE,
        xml(&document.verdict)
    )?;
    let mut notes: Vec<String> = document.notes.iter().map(|note| xml(note)).collect();
    if document.chart.is_some() {
        writeln!(out, "{CONTROLS}\n<noscript>")?;
        drawing::write(report, &[], out)?;
        let legend = legend(&report.result);
        write!(
            out,
            "</noscript>\n<p class=\"g\">{legend}</p>\n{TABLES}\n<pre id=\"d\" hidden>"
        )?;
        if let Some(shortest) = data::write(&report.result, out)? {
            let shortest = duration(shortest);
            notes.push(format!(
                "builder phases are in this page for units of {shortest} and more"
            ));
        }
        writeln!(out, "</pre>")?;
    }
    if !notes.is_empty() {
        let notes: String = notes
            .iter()
            .map(|note| format!("<li>{note}</li>\n"))
            .collect();
        writeln!(out, "<ul>\n{notes}</ul>")?;
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
const CONTROLS: &str = r#"<div id="t" hidden><input id="q" type="search" placeholder="search names" aria-label="search names"> <button id="in" title="zoom in (+)" aria-label="zoom in">+</button> <button id="out" title="zoom out (-)" aria-label="zoom out">−</button> <button id="all" title="show all (0)">all</button> <span id="m" role="status">drag to zoom in, shift-drag to move, double-click for all, click to pin</span></div>
<div id="c" hidden tabindex="0" role="application" aria-label="timeline: the arrow keys go from unit to unit, Enter pins one, Escape lets go, + and - zoom, 0 shows all" aria-describedby="h"><canvas id="v"></canvas></div>"#;

/// The script fills them, so that nothing is in the page twice.
const TABLES: &str = r#"<section id="pin" hidden aria-label="pinned unit" aria-live="polite"></section>
<section id="tables" hidden><div><h2>Critical path</h2><table id="path"></table></div><div><h2>Units</h2><table id="units"></table></div></section>"#;

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
