//! Numbers over time as lines: a picture, or a page with it and the tables below.

use std::io::{self, Write};

use super::document::Document;
use super::envelope::Report;
use super::format::xml;
use super::measured::cell;
use super::table::{Align, Table};
use super::verbs::trends::{SeriesView, TrendsResult};

/// The picture's width, and that of the margin in which numbers stand.
const WIDTH: f64 = 960.0;
const MARGIN: f64 = 90.0;

/// The height of a series, of its title, and of what lies between two.
const HEIGHT: f64 = 110.0;
const TITLE: f64 = 30.0;
const GAP: f64 = 18.0;

/// What is said above the series takes so much.
const HEAD: f64 = 30.0;

const STYLE: &str = "\
svg,body{--bg:#fff;--fg:#1f2328;--faint:#656d76;--line:#d0d7de;--point:#0969da;--change:#bc4c00}\
@media(prefers-color-scheme:dark){svg,body{--bg:#0d1117;--fg:#e6edf3;--faint:#8d96a0;--line:#30363d;--point:#4493f8;--change:#f0883e}}\
svg{background:var(--bg);font:13px ui-sans-serif,system-ui,sans-serif;fill:var(--fg)}\
.h{font-size:15px;font-weight:600}.t{font-weight:600}.f{fill:var(--faint);font-size:11px}\
.a{stroke:var(--line)}.p{fill:var(--point)}.l{stroke:var(--point);stroke-width:2;fill:none}\
.c{stroke:var(--change);stroke-dasharray:4 3}.d{fill:var(--change);font-size:11px}";

const PAGE: &str = "\
body{margin:16px;font:14px ui-sans-serif,system-ui,sans-serif;background:var(--bg);color:var(--fg)}\
svg{width:100%;min-width:640px;height:auto}h1{font-size:17px;overflow-wrap:anywhere}h2{font-size:15px}\
.w{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}\
th,td{text-align:left;padding:3px 14px 3px 0;border-bottom:1px solid var(--line);white-space:nowrap}\
.r{text-align:right}p{color:var(--faint);overflow-wrap:anywhere}";

/// Writes a picture of trends.
///
/// # Errors
///
/// Passes on what the output says.
pub fn svg(
    report: &Report<TrendsResult, ()>,
    document: &Document,
    out: &mut dyn Write,
) -> io::Result<()> {
    open(report, HEAD, out)?;
    writeln!(out, "<style>{STYLE}</style>")?;
    writeln!(out, "<title>{}</title>", xml(&document.verdict))?;
    writeln!(
        out,
        "<text class=\"h\" x=\"8\" y=\"20\">{}</text>",
        xml(&document.verdict)
    )?;
    lines(report, HEAD, out)?;
    writeln!(out, "</svg>")
}

/// Begins a picture that has so much above its series.
fn open(report: &Report<TrendsResult, ()>, head: f64, out: &mut dyn Write) -> io::Result<()> {
    let n = report.result.series.len() as f64;
    let height = n * (TITLE + HEIGHT + GAP) + head;
    writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" role=\"img\">"
    )
}

/// Draws all series below each other.
fn lines(report: &Report<TrendsResult, ()>, head: f64, out: &mut dyn Write) -> io::Result<()> {
    for (place, series) in report.result.series.iter().enumerate() {
        let top = head + place as f64 * (TITLE + HEIGHT + GAP);
        one(series, top, out)?;
    }
    Ok(())
}

/// Writes a page of trends: the picture, and the tables.
///
/// # Errors
///
/// Passes on what the output says.
pub fn html(
    report: &Report<TrendsResult, ()>,
    document: &Document,
    out: &mut dyn Write,
) -> io::Result<()> {
    let verdict = xml(&document.verdict);
    writeln!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{verdict}</title>\n\
         <style>{STYLE}{PAGE}</style>\n</head>\n<body>\n<h1>{verdict}</h1>"
    )?;
    writeln!(out, "<div class=\"w\">")?;
    open(report, 0.0, out)?;
    lines(report, 0.0, out)?;
    writeln!(out, "</svg></div>")?;
    for table in document.tables.iter().filter(|table| table.is_shown()) {
        rows(table, out)?;
    }
    for note in &document.notes {
        writeln!(out, "<p>{}</p>", xml(note))?;
    }
    writeln!(out, "</body>\n</html>")
}

fn rows(table: &Table, out: &mut dyn Write) -> io::Result<()> {
    if let Some(title) = table.title {
        writeln!(out, "<h2>{}</h2>", xml(title))?;
    }
    let columns = table.columns_for_people();
    let class = |column: usize| match table.columns[column].align {
        Align::Right => " class=\"r\"",
        Align::Left => "",
    };
    write!(out, "<div class=\"w\"><table><tr>")?;
    for &column in &columns {
        let title = xml(table.columns[column].title);
        write!(out, "<th{}>{title}</th>", class(column))?;
    }
    writeln!(out, "</tr>")?;
    for row in &table.rows {
        write!(out, "<tr>")?;
        for &column in &columns {
            let text = row.cells[column].for_people();
            write!(out, "<td{}>{}</td>", class(column), xml(&text))?;
        }
        writeln!(out, "</tr>")?;
    }
    writeln!(out, "</table></div>")?;
    match table.legend_of(&columns) {
        Some(legend) => writeln!(out, "<p>{}</p>", xml(&legend)),
        None => Ok(()),
    }
}

/// Draws one series; all have the same runs below each other.
fn one(series: &SeriesView, top: f64, out: &mut dyn Write) -> io::Result<()> {
    let values = || series.points.iter().map(|point| point.value.0);
    let (least, most) = (
        values().fold(f64::MAX, f64::min),
        values().fold(0.0, f64::max),
    );
    // What lies close together is to be told apart: then the axis does not begin at nothing.
    let base = (2.0 * least - most).max(0.0);
    let base = if base < most { base } else { 0.0 };
    let range = if most > base { most - base } else { 1.0 };
    let n = series.points.len();
    let right = WIDTH - 12.0;
    let x = |place: usize| {
        let steps = n.saturating_sub(1).max(1) as f64;
        MARGIN + (right - MARGIN) * place as f64 / steps
    };
    let (upper, lower) = (top + TITLE, top + TITLE + HEIGHT);
    let y = |value: f64| lower - HEIGHT * ((value - base) / range).clamp(0.0, 1.0);
    let label = |value: f64| {
        let cell = cell(series.unit, Some(super::measured::Number(value)));
        xml(&cell.for_people())
    };
    writeln!(
        out,
        "<text class=\"t\" x=\"8\" y=\"{:.1}\">{}</text>",
        top + 14.0,
        xml(&series.measure)
    )?;
    for value in [most, base] {
        let at = y(value);
        writeln!(
            out,
            "<line class=\"a\" x1=\"{MARGIN}\" x2=\"{right}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
             <text class=\"f\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            MARGIN - 6.0,
            at + 4.0,
            label(value)
        )?;
    }
    let places: Vec<usize> = series
        .changes
        .iter()
        .filter_map(|change| series.points.iter().position(|it| it.run == change.run))
        .collect();
    for (place, change) in places.iter().zip(&series.changes) {
        let at = x(*place);
        writeln!(
            out,
            "<line class=\"c\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{upper:.1}\" y2=\"{lower:.1}\"/>\
             <text class=\"d\" x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"{}\">{}</text>",
            upper - 3.0,
            if at > WIDTH / 2.0 { "end" } else { "start" },
            xml(&change.words())
        )?;
    }
    // The median between changes.
    let starts = std::iter::once(0).chain(places.iter().copied());
    let ends = places.iter().copied().chain([n]);
    let levels = series.changes.iter().map(|change| change.before.0);
    let levels = levels.chain([series.now.0]);
    for ((start, end), level) in starts.zip(ends).zip(levels) {
        let (from, to, at) = (x(start), x(end.saturating_sub(1)), y(level));
        writeln!(
            out,
            "<line class=\"l\" x1=\"{from:.1}\" x2=\"{to:.1}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>"
        )?;
    }
    for (place, point) in series.points.iter().enumerate() {
        writeln!(
            out,
            "<circle class=\"p\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\"><title>{}</title></circle>",
            x(place),
            y(point.value.0),
            xml(&series.point_words(place))
        )?;
    }
    Ok(())
}
