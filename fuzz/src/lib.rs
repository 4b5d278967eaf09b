//! What the fuzz targets share: every report of a log, in every format.

use std::collections::BTreeMap;
use std::io::{self, Write};

use nixlog_core::analysis::bottlenecks::bottlenecks;
use nixlog_core::analysis::cache::cache_use;
use nixlog_core::analysis::drawing::{self, drawing};
use nixlog_core::analysis::excerpts::Excerpts;
use nixlog_core::analysis::failures::failures;
use nixlog_core::analysis::implied_graph::implied_graph;
use nixlog_core::analysis::inside::{Inside, StepOrder, Traces};
use nixlog_core::analysis::lanes::lanes;
use nixlog_core::analysis::machines::machines;
use nixlog_core::analysis::makespan::Makespan;
use nixlog_core::analysis::parallelism::parallelism;
use nixlog_core::analysis::phases::phases;
use nixlog_core::analysis::selection::{Selection, select};
use nixlog_core::analysis::structural::{structural, without_builder_phases};
use nixlog_core::analysis::sufficiency::sufficiency;
use nixlog_core::log::{Explained, Reading};
use nixlog_core::report::envelope::{Answer, Report};
use nixlog_core::report::table::Names;
use nixlog_core::report::text::Style;
use nixlog_core::report::unit::{UnitBrief, UnitView};
use nixlog_core::report::verbs;
use nixlog_core::report::{
    chrome, csv, dot, github, graphml, html, json, junit, markdown, svg, text,
};
use nixlog_core::timeline::{WatchBuilds, Watched};
use nixlog_core::wire::LogReader;

/// Reads a log and makes every report of it, in every format.
///
/// # Panics
///
/// Where nixlog does, which is what is looked for.
pub fn every_report(log: &[u8]) {
    every_report_of(&nixlog_core::read(log).explain()).expect("nowhere takes all");
    reports_of_lines(log).expect("nowhere takes all");
}

/// Makes the reports for which the lines of builds are watched while the log is read.
fn reports_of_lines(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::sink();
    let (log, excerpts) = watched::<Excerpts>(bytes)?;
    let found = failures(&log.timeline, &log.graph, &excerpts);
    let report = log.report(verbs::failures::result(&log.timeline, &found, |_| true, 0));
    for options in [
        verbs::failures::Options::new(Names::new(true)),
        verbs::failures::Options::brief(),
    ] {
        common(&report, &options, &mut out)?;
    }
    junit::write(&report, &mut out)?;
    github::write(&report, &mut out)?;

    let (log, mut traces) = watched::<Traces>(bytes)?;
    let units: Vec<usize> = (0..log.timeline.units().len()).collect();
    let inside = |&unit: &usize| {
        let inside = Inside::new(&log.timeline, &log.timeline.units()[unit], &mut traces)?;
        Some((unit, inside))
    };
    let insides: BTreeMap<usize, Inside> = units.iter().filter_map(inside).collect();
    for sum in [false, true] {
        let listing = verbs::inside::Listing::new(StepOrder::Duration, 0, sum);
        let result = verbs::inside::result(&log.timeline, &units, &insides, listing);
        common(&log.report(result), &Names::new(true), &mut out)?;
    }
    let result = verbs::silence::result(&log.timeline, &units, &insides, 0, 0);
    common(&log.report(result), &Names::new(true), &mut out)
}

/// Reads a log while somebody watches.
fn watched<T: WatchBuilds + Default + 'static>(bytes: &[u8]) -> io::Result<(Explained, T)> {
    let watcher = Watched::<T>::default();
    let mut reading = Reading::new(LogReader::new(None));
    reading.watch_builds(watcher.clone());
    reading.all(bytes)?;
    let log = reading.finish("-", None).explain();
    Ok((log, watcher.take()))
}

/// A few slots are enough to see all that a sweep does.
const MOST_SLOTS: u32 = 8;

fn every_report_of(log: &Explained) -> io::Result<()> {
    let mut out = io::sink();
    let names = Names::new(true);
    let all = |_: &UnitView| true;

    let mut found = phases(&log.timeline);
    found.explain(&log.path);
    if let Some(path) = log.known_path() {
        found.book(&log.timeline, path);
    }
    let result = verbs::phases::result(&log.timeline, &found);
    common(&log.report(result), &(), &mut out)?;

    let found = select(&log.timeline, &Selection::default());
    let result = verbs::slowest::result(&log.timeline, &found, log.known_path(), all, 0);
    common(&log.report(result), &names, &mut out)?;

    let listing = verbs::builds::Listing::default();
    let result = verbs::builds::result(&log.timeline, log.known_path(), &listing, all);
    common(&log.report(result), &names, &mut out)?;

    let longest = structural(&log.run);
    let without = without_builder_phases(&log.timeline, &log.run, &longest);
    let result =
        verbs::critical_path::result(&log.timeline, &log.run, &log.path, &longest, &without);
    let report = log.report(result);
    for structural in [false, true] {
        let mut options = verbs::critical_path::Options::default();
        options.structural = structural;
        options.by_builder_phase = !structural;
        common(&report, &options, &mut out)?;
    }

    let makespan = Makespan::new(&log.timeline, &log.run, &log.slots(None));
    let makespan = makespan.as_ref();
    let found = bottlenecks(&log.timeline, &log.run, &log.path, &longest, makespan);
    let listed = verbs::bottlenecks::Listed::new(|_: &UnitBrief| true, None, 0);
    let result = verbs::bottlenecks::result(&log.timeline, &log.run, &found, makespan, &listed);
    common(&log.report(result), &names, &mut out)?;

    let found =
        makespan.map(|makespan| parallelism(&log.timeline, &log.run, makespan, Some(MOST_SLOTS)));
    let result = verbs::parallelism::result(&log.timeline, &log.run, makespan, found.as_ref());
    let options = verbs::parallelism::Options::default();
    common(&log.report(result), &options, &mut out)?;

    let caches = cache_use(&log.timeline, &log.source, &log.graph, log.known_path());
    let result = verbs::cache::result(&log.timeline, &caches, 0);
    common(&log.report(result), &names, &mut out)?;

    let found = machines(
        &log.timeline,
        &log.source,
        &log.graph,
        &log.slots(None),
        log.known_path(),
    );
    let result = verbs::machines::result(&log.timeline, &found);
    common(&log.report(result), &(), &mut out)?;

    let answers = sufficiency(&log.timeline, &log.run.coverage());
    let result = verbs::doctor::result(&log.source, &log.timeline, &answers);
    common(&log.report(result), &(), &mut out)?;

    let options = drawing::Options::default();
    let drawn = drawing(&log.timeline, &log.graph, &log.run, &options);
    let origin = log.source.graph;
    let implied = origin.is_none().then(|| implied_graph(&log.timeline));
    let result = verbs::graph::result(
        &log.timeline,
        &log.graph,
        &drawn,
        (origin, implied.as_ref()),
        (&longest.path, Some(longest.span)),
        "/nix/store",
    );
    let report = log.report(result);
    common(&report, &verbs::graph::Options::default(), &mut out)?;
    dot::write(&report, true, &mut out)?;
    graphml::write(&report, &mut out)?;

    let path = log.known_path().map(|path| path.chart(&log.timeline));
    let (path, run) = (path.unwrap_or_default(), log.is_known().then_some(&log.run));
    let lanes = lanes(&log.timeline);
    let result = verbs::timeline::result(&log.timeline, &lanes, &path, run, |_| true);
    let report = log.report(result);
    let options = verbs::timeline::Options::default();
    common(&report, &options, &mut out)?;
    let document = report.document(&options);
    chrome::write(&report, &mut out)?;
    svg::write(&report, &document, &mut out)?;
    html::write(&report, &document, &mut out)
}

/// Writes the formats that every report has.
fn common<A: Answer>(
    report: &Report<A, A::From>,
    options: &A::Options,
    out: &mut dyn Write,
) -> io::Result<()> {
    let document = report.document(options);
    json::write(report, out)?;
    text::write(&document, &Style::default(), out)?;
    markdown::write(&document, out)?;
    csv::write(&document, out)
}
