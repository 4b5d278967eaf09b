//! A timeline as a drawing: lanes from top to bottom, time from left to right, counters below.
//!
//! SVG that needs nothing else: colours follow the reader's choice of dark or light, and each unit
//! says what it is when it is pointed at. What is too small to be seen is drawn together, so that a
//! picture grows with its size and not with the log. [`html`](super::html) draws the same rows.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::io::{self, Write};

use super::axis::Scale;
use super::envelope::Report;
use super::format::{bytes, duration, plural, xml};
use super::unit::{BuilderPhaseView, UnitView};
use super::verbs::critical_path::SegmentKind;
use super::verbs::timeline::{
    Counter, CounterView, LaneView, PlacedView, StepView, TimelineResult,
};
use crate::analysis::lanes::Group;
use crate::timeline::{End, Outcome, UnitKind};

/// How wide the drawing is.
const WIDTH: u32 = 1200;

/// How wide what stands beside the lanes is, on the left and on the right.
const LEFT: u32 = 150;
const RIGHT: u32 = 110;

/// How wide the lanes are.
pub(super) const PLOT: u32 = WIDTH - LEFT - RIGHT;

/// How far the marks of the axis are apart at least.
const MARK_WIDTH: usize = 80;

/// How high a line of text is.
const LINE: f64 = 22.0;

/// How high a counter is.
const COUNTER: f64 = 36.0;

/// Beyond so many units, less is said of each.
const FEW_UNITS: usize = 1000;

/// Units less wide than this are drawn together with their neighbours.
const NARROW: f64 = 1.0;

/// Builder phases are drawn in bars that are at least so wide, by bars that are at least so high their
/// names too.
const PHASES_WIDTH: f64 = 40.0;
const NAMES_HEIGHT: f64 = 28.0;

/// Colours and letters; also for the page around the drawing.
pub(super) const STYLE: &str = include_str!("style.css");

/// What is said of a unit without an end, in text too.
const OPEN: &str = "still running when the log stops";

/// Comes before the name of what failed; the script does the same.
const FAILED: &str = "✗ ";

/// Writes the drawing. With lines of text above it, it stands alone, and says below what its colours mean.
pub(super) fn write(
    report: &Report<TimelineResult>,
    above: &[&str],
    out: &mut dyn Write,
) -> io::Result<()> {
    let result = &report.result;
    let wall = result.wall_ns.unwrap_or(0);
    let top = 24.0 + LINE * above.len() as f64;
    let (bands, height) = bands(result, top);
    let whole = height + if above.is_empty() { 0.0 } else { LINE };
    writeln!(
        out,
        r#"<svg id="chart" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {whole}" width="{WIDTH}" height="{whole}">"#
    )?;
    writeln!(out, "<style>\n{STYLE}</style>")?;
    // A picture has the paper's colour only if it brings it along.
    writeln!(
        out,
        r#"<rect width="100%" height="100%" style="fill:var(--bg)"/>"#
    )?;
    let mut y = 0.0;
    for (line, class) in above.iter().zip(["v", "a"]) {
        y += LINE;
        writeln!(
            out,
            r#"<text class="{class}" x="12" y="{y}">{}</text>"#,
            xml(line)
        )?;
    }
    if !above.is_empty() {
        explain(result, height, out)?;
    }
    axis(wall, top, height, out)?;
    for band in &bands {
        let y = two(band.text_y);
        for (class, x, text) in [
            ("l", LEFT - 8, &band.label),
            ("r", WIDTH - RIGHT + 8, &band.remark),
        ] {
            if !text.is_empty() {
                writeln!(
                    out,
                    r#"<text class="{class}" x="{x}" y="{y}">{}</text>"#,
                    xml(text)
                )?;
            }
        }
    }
    let bottom = height - top;
    writeln!(
        out,
        r#"<svg id="p" x="{LEFT}" y="{top}" width="{PLOT}" height="{bottom}"><g id="u">"#
    )?;
    let few = result.units <= FEW_UNITS;
    let plot = Plot {
        wall,
        most_phases: if few { 20 } else { 2 },
        // A page has them once already.
        is_titled: few || !above.is_empty(),
    };
    for band in &bands {
        match band.holds {
            Holds::Steps(steps) => plot.steps(steps, band, out)?,
            Holds::Lanes(lanes) => plot.lanes(lanes, band, out)?,
            Holds::Counter(_) => {}
        }
    }
    writeln!(out, "</g><g>")?;
    for band in &bands {
        if let Holds::Counter(counter) = band.holds {
            plot.counter(counter, band, out)?;
        }
    }
    writeln!(out, "</g></svg>\n</svg>")
}

/// Says below the drawing what its colours mean.
fn explain(result: &TimelineResult, top: f64, out: &mut dyn Write) -> io::Result<()> {
    let mut x = LEFT;
    for (class, meaning) in legend(result) {
        let height = match class {
            "c" => 4,
            "o" => 0,
            _ => 10,
        };
        writeln!(
            out,
            r#"<rect x="{x}" y="{}" width="10" height="{height}" style="fill:var(--{class})"/><text x="{}" y="{}">{meaning}</text>"#,
            top + 14.0 - f64::from(height),
            x + 14,
            top + 13.0,
        )?;
        // A character takes about six points.
        x += 34 + 6 * u32::try_from(meaning.chars().count()).unwrap_or(0);
    }
    Ok(())
}

/// Returns what each colour means, by its letter: those that are in the drawing.
pub(super) fn legend(
    result: &TimelineResult,
) -> impl Iterator<Item = (&'static str, &'static str)> {
    let units = || result.lanes.iter().flat_map(|lane| &lane.units);
    let mut used: BTreeSet<&str> = units()
        .map(|placed| class(SegmentKind::Unit(placed.unit.kind)))
        .collect();
    if units().any(is_failed) {
        used.insert("x");
    }
    if units().any(is_open) {
        used.insert("o");
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
        ("x", "✗ failed"),
        ("o", "» still running when the log stops"),
        ("c", "on the critical path"),
    ];
    colors
        .into_iter()
        .filter(move |(class, _)| used.contains(class))
}

/// One row of the drawing.
pub(super) struct Band<'a> {
    /// Within the plot.
    pub(super) y: f64,
    pub(super) height: f64,
    text_y: f64,
    pub(super) label: String,
    pub(super) remark: String,
    pub(super) holds: Holds<'a>,
}

#[derive(Clone, Copy)]
pub(super) enum Holds<'a> {
    Steps(&'a [StepView]),
    /// Several where there are more than can be told apart.
    Lanes(&'a [LaneView]),
    Counter(&'a CounterView),
}

/// More lanes than this are drawn thin, each or together.
const MOST_HIGH: usize = 64;

/// More rows than this of one group are more than a screen.
const MOST_ROWS: usize = 240;

/// Stacks the rows; returns how high the whole drawing is.
pub(super) fn bands(result: &TimelineResult, top: f64) -> (Vec<Band<'_>>, f64) {
    const GAP: f64 = 7.0;
    let (mut bands, mut y) = (Vec::new(), 6.0);
    let mut add = |y: &mut f64, height: f64, texts: (String, String), holds| {
        bands.push(Band {
            y: *y,
            height,
            text_y: top + *y + height.clamp(10.0, 20.0) / 2.0 + 4.0,
            label: texts.0,
            remark: texts.1,
            holds,
        });
        *y += height;
    };
    if !result.critical_path.is_empty() {
        let texts = ("critical path".to_owned(), String::new());
        add(&mut y, 20.0, texts, Holds::Steps(&result.critical_path));
        y += GAP;
    }
    let builds = result
        .lanes
        .iter()
        .filter(|lane| lane.group == Group::Builds);
    let high = height_of_builds(builds.count());
    let groups = result
        .lanes
        .chunk_by(|a, b| a.group == b.group && a.machine == b.machine);
    for lanes in groups {
        let each = matches!(
            lanes[0].group,
            Group::Builds | Group::Evaluation | Group::Activation
        ) && lanes.len() <= MOST_HIGH;
        let height = match lanes[0].group {
            Group::Builds if each => high,
            _ if each => 18.0,
            _ => height_of_many(lanes.len()),
        };
        let rows = lanes.chunks(lanes.len().div_ceil(MOST_ROWS));
        let before = y;
        for (index, row) in rows.enumerate() {
            let texts = match (each, index) {
                (true, _) => (label(&row[0]), remark(&row[0], result.wall_ns)),
                (false, 0) => (label_of_many(lanes), String::new()),
                (false, _) => Default::default(),
            };
            add(&mut y, height, texts, Holds::Lanes(row));
        }
        // A label needs its place, however thin the lanes are.
        y += GAP + (14.0 - (y - before)).max(0.0);
    }
    for counter in &result.counters {
        y += GAP;
        let (name, peak) = match counter.counter {
            Counter::RunningBuilds => ("running builds", counter.peak.to_string()),
            Counter::RunningDownloads => ("running downloads", counter.peak.to_string()),
            Counter::Transferred => ("transfer rate", format!("{}/s", bytes(counter.peak))),
        };
        let texts = (name.to_owned(), format!("peak {peak}"));
        add(&mut y, COUNTER, texts, Holds::Counter(counter));
    }
    (bands, (top + y + 12.0).ceil())
}

/// Few rows have room for names, and for builder phases below them.
fn height_of_builds(n_lanes: usize) -> f64 {
    match n_lanes {
        0..=8 => 32.0,
        9..=16 => 26.0,
        _ => 18.0,
    }
}

/// Dozens of lanes are drawn thin, hundreds thinner: they never take more than a few hundred points.
fn height_of_many(n_lanes: usize) -> f64 {
    match n_lanes {
        0..=4 => 18.0,
        5..=12 => 12.0,
        13..=40 => 6.0,
        n => (240.0 / n as f64).max(1.0),
    }
}

fn label(lane: &LaneView) -> String {
    const LONGEST: usize = 20;
    match (&lane.machine, lane.group) {
        (Some(machine), _) => {
            let name = machine
                .split_once("://")
                .map_or(machine.as_str(), |(_, name)| name);
            let cut: String = name.chars().take(LONGEST).collect();
            format!("{cut} {}", lane.slot)
        }
        (None, Group::Builds) => format!("slot {}", lane.slot),
        (None, group) if lane.slot == 1 => group.name().to_owned(),
        (None, group) => format!("{} {}", group.name(), lane.slot),
    }
}

fn label_of_many(lanes: &[LaneView]) -> String {
    match lanes.last().map_or(0, |lane| lane.slot) {
        1 => lanes[0].group.name().to_owned(),
        n => format!("{} ×{n}", lanes[0].group.name()),
    }
}

/// Says how long the evaluator worked, or how much of the time a slot was in use.
fn remark(lane: &LaneView, wall: Option<u64>) -> String {
    if lane.group == Group::Evaluation {
        let took = lane
            .units
            .iter()
            .filter_map(|placed| placed.unit.duration_ns);
        return duration(took.sum());
    }
    let busy = lane.busy_ns;
    let whole = u128::from(wall.unwrap_or(0).max(1));
    format!("{}% busy", (u128::from(busy) * 200 + whole) / (whole * 2))
}

fn axis(wall: u64, top: f64, height: f64, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, r#"<g id="a">"#)?;
    let scale = Scale::new(wall, PLOT as usize);
    for (at, text) in scale.ticks(MARK_WIDTH) {
        let x = LEFT as usize + at;
        writeln!(
            out,
            r#"<path class="g" d="M{x} {top}V{height}"/><text class="a" x="{}" y="{}">{text}</text>"#,
            x + 3,
            top - 5.0,
        )?;
    }
    writeln!(out, "</g>")?;
    writeln!(
        out,
        r#"<path class="g" d="M{LEFT} {top}h{PLOT}V{height}h-{PLOT}z"/>"#
    )
}

/// Where the lanes are drawn.
#[derive(Clone, Copy)]
struct Plot {
    wall: u64,
    /// How many builder phases are told of each build.
    most_phases: usize,
    /// Each unit says what it is.
    is_titled: bool,
}

/// Something drawn as a bar.
struct Bar<'a> {
    class: &'static str,
    start: u64,
    end: u64,
    name: &'a str,
    /// What is said when it is pointed at, in XML.
    says: &'a str,
    is_failed: bool,
    is_open: bool,
    is_critical: bool,
    phases: &'a [BuilderPhaseView],
}

impl Plot {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a drawing needs no more than 52 bits"
    )]
    fn x(self, at: u64) -> f64 {
        at as f64 * f64::from(PLOT) / self.wall.max(1) as f64
    }

    fn steps(self, steps: &[StepView], band: &Band<'_>, out: &mut dyn Write) -> io::Result<()> {
        begin(band, out)?;
        let (narrow, wide): (Vec<_>, Vec<_>) = steps
            .iter()
            .partition(|step| self.is_narrow(step.start_ns, step.end_ns));
        let narrow = narrow.iter().map(|step| (step.start_ns, step.end_ns));
        self.together(narrow.collect(), "w", "step", band.height, out)?;
        for step in wide {
            let took = duration(step.end_ns.saturating_sub(step.start_ns));
            let name = step_name(step);
            let bar = Bar {
                class: class(step.kind),
                start: step.start_ns,
                end: step.end_ns,
                name: &name,
                says: &format!("{}\n{} · {took}", xml(&name), step.kind.name()),
                is_failed: false,
                is_open: false,
                is_critical: false,
                phases: &[],
            };
            self.bar(&bar, band.height, out)?;
        }
        writeln!(out, "</g>")
    }

    fn lanes(self, lanes: &[LaneView], band: &Band<'_>, out: &mut dyn Write) -> io::Result<()> {
        begin(band, out)?;
        let units = || lanes.iter().flat_map(|lane| &lane.units);
        let drawn = |placed: &PlacedView| (placed.drawn_start_ns, placed.drawn_end_ns);
        // What failed is never one of many, and on a row with several lanes nothing else is alone.
        let is_alone = |placed: &&PlacedView| {
            let (start, end) = drawn(placed);
            is_failed(placed) || (lanes.len() == 1 && !self.is_narrow(start, end))
        };
        let many = units().filter(|placed| !is_alone(placed)).map(drawn);
        let class_of_all = units()
            .next()
            .map_or("k", |placed| class(SegmentKind::Unit(placed.unit.kind)));
        self.together(many.collect(), class_of_all, "unit", band.height, out)?;
        for placed in units().filter(is_alone) {
            let says = says(placed, self.most_phases);
            let (start, end) = drawn(placed);
            let whole = Bar {
                class: class(SegmentKind::Unit(placed.unit.kind)),
                start,
                end,
                name: &placed.unit.name,
                says: &says,
                is_failed: is_failed(placed),
                is_open: is_open(placed),
                is_critical: placed.unit.on_critical_path == Some(true),
                phases: &placed.unit.builder_phases,
            };
            if lanes[0].group != Group::Evaluation || placed.stretches.is_empty() {
                self.bar(&whole, band.height, out)?;
                continue;
            }
            // The evaluator goes on and off.
            for stretch in &placed.stretches {
                let part = Bar {
                    start: stretch.start_ns,
                    end: stretch.end_ns,
                    ..whole
                };
                self.bar(&part, band.height, out)?;
            }
        }
        writeln!(out, "</g>")
    }

    fn title(self, says: &str) -> String {
        match self.is_titled {
            true => format!("<title>{says}</title>"),
            false => String::new(),
        }
    }

    fn is_narrow(self, start: u64, end: u64) -> bool {
        self.x(end) - self.x(start) < NARROW
    }

    /// Draws as one what touches, or nearly does.
    fn together(
        self,
        mut all: Vec<(u64, u64)>,
        class: &str,
        one: &str,
        height: f64,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        all.sort_unstable();
        let mut all = all.into_iter().peekable();
        while let Some((start, mut end)) = all.next() {
            let mut n = 1;
            while let Some((_, next)) = all.next_if(|&(next, _)| self.is_narrow(end, next)) {
                end = end.max(next);
                n += 1;
            }
            let (x, width) = (two(self.x(start)), two(self.x(end) - self.x(start)));
            let width = if width == "0" { "0.3" } else { &width };
            let (height, n) = (two(drawn_height(height)), plural(n, one));
            let title = self.title(&n);
            writeln!(
                out,
                r#"<path class="{class} t" d="M{x} 0h{width}v{height}h-{width}z">{title}</path>"#
            )?;
        }
        Ok(())
    }

    fn bar(self, bar: &Bar<'_>, height: f64, out: &mut dyn Write) -> io::Result<()> {
        // Wide enough to be seen.
        let x = self.x(bar.start);
        let width = (self.x(bar.end) - x).max(0.3);
        let drawn = drawn_height(height);
        let thin = if width < 2.0 { " t" } else { "" };
        let class = if bar.is_failed { "x" } else { bar.class };
        let (shown_x, shown_width) = (two(x), two(width));
        write!(
            out,
            r#"<path class="{class}{thin}" d="M{shown_x} 0h{shown_width}v{}h-{shown_width}z">{}</path>"#,
            two(drawn),
            self.title(bar.says),
        )?;
        if width >= PHASES_WIDTH && height > 14.0 {
            self.phases(bar, drawn, out)?;
        }
        // Below the bar, so that its own colour shows.
        if bar.is_critical {
            let line = (drawn / 5.0).clamp(1.0, 4.0);
            write!(
                out,
                r#"<path class="c t" d="M{shown_x} {}h{shown_width}v{}h-{shown_width}z"/>"#,
                two(drawn - line),
                two(line),
            )?;
        }
        if height > 14.0 && width > 24.0 {
            // Not by colour alone.
            let failed = if bar.is_failed { FAILED } else { "" };
            let name = clip(
                &format!("{failed}{}", bar.name),
                width - if bar.is_open { 12.0 } else { 0.0 },
            );
            let name = if bar.is_open {
                format!("{name} »")
            } else {
                name
            };
            write!(
                out,
                r#"<text class="n" x="{}" y="12">{}</text>"#,
                two(x + 4.0),
                xml(&name)
            )?;
        }
        writeln!(out)
    }

    /// Draws the builder phases inside a bar, every other one darker.
    fn phases(self, bar: &Bar<'_>, height: f64, out: &mut dyn Write) -> io::Result<()> {
        let timed = bar.phases.iter().filter_map(|phase| {
            let start = phase.start_ns?.clamp(bar.start, bar.end);
            let end = start.saturating_add(phase.duration_ns?).min(bar.end);
            (!self.is_narrow(start, end)).then_some((phase, start, end))
        });
        for (number, (phase, start, end)) in timed.enumerate() {
            let (x, width) = (self.x(start), self.x(end) - self.x(start));
            let (shown_x, shown_width) = (two(x), two(width));
            let title = format!(
                "{}\n{} {}",
                bar.says,
                xml(&phase.name),
                duration(end - start)
            );
            let odd = if number % 2 == 1 { " o" } else { "" };
            write!(
                out,
                r#"<path class="p{odd}" d="M{shown_x} 0h{shown_width}v{}h-{shown_width}z">{}</path>"#,
                two(height),
                self.title(&title),
            )?;
            let name = clip(&phase.name, width);
            if height >= NAMES_HEIGHT && name.chars().count() > 2 {
                let (x, y) = (two(x + 4.0), two(height - 6.0));
                write!(
                    out,
                    r#"<text class="n o" x="{x}" y="{y}">{}</text>"#,
                    xml(&name)
                )?;
            }
        }
        Ok(())
    }

    fn counter(
        self,
        counter: &CounterView,
        band: &Band<'_>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let columns = columns(counter, self.wall);
        let base = band.y + band.height;
        write!(out, r#"<path class="y" d="M0 {}"#, two(base))?;
        let mut x = 0;
        for alike in columns.chunk_by(|a, b| a == b) {
            let share = fraction(alike[0], counter.peak);
            x += alike.len();
            write!(out, "V{}H{x}", two(base - share * band.height))?;
        }
        writeln!(out, r#"V{}z"/>"#, two(base))
    }
}

/// Returns the highest value of each column: a counter may change more often than there is room for.
pub(super) fn columns(counter: &CounterView, wall: u64) -> Vec<u64> {
    let mut columns = vec![0_u64; PLOT as usize];
    let scale = Scale::new(wall, PLOT as usize);
    let until = counter.at_ns.iter().skip(1).copied().chain([wall]);
    for ((&at, until), &value) in counter.at_ns.iter().zip(until).zip(&counter.values) {
        if value > 0 {
            let columns = &mut columns[scale.cell(at)..=scale.cell(until.saturating_sub(1))];
            columns
                .iter_mut()
                .for_each(|column| *column = value.max(*column));
        }
    }
    columns
}

fn begin(band: &Band<'_>, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, r#"<g transform="translate(0,{})">"#, two(band.y))
}

/// Rows that are not very thin stand apart.
fn drawn_height(height: f64) -> f64 {
    if height > 3.0 { height - 2.0 } else { height }
}

/// Returns what to call a step of the critical path.
pub(super) fn step_name(step: &StepView) -> String {
    match step.kind {
        SegmentKind::Wait => format!("wait: {}", step.name),
        _ => step.name.clone(),
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a drawing needs no more than 52 bits"
)]
fn fraction(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

/// Names the colour of a kind, in one letter: there are thousands of them.
pub(super) const fn class(kind: SegmentKind) -> &'static str {
    let SegmentKind::Unit(kind) = kind else {
        return "w";
    };
    match kind {
        UnitKind::Build => "b",
        UnitKind::SourceFetch | UnitKind::Substitution => "f",
        UnitKind::Query => "q",
        UnitKind::Evaluation => "e",
        UnitKind::InputFetch | UnitKind::SourceImport => "i",
        UnitKind::PostBuildHook => "h",
        UnitKind::Copy | UnitKind::Optimise | UnitKind::Verify | UnitKind::Activation => "k",
    }
}

/// Tells whether a unit did not do what it should, and by its own fault.
pub(super) fn is_failed(placed: &PlacedView) -> bool {
    placed.unit.outcome.is_failure()
}

/// Tells whether it is not known when a unit ended. The evaluator has no end of its own.
pub(super) fn is_open(placed: &PlacedView) -> bool {
    placed.unit.end == End::Open && placed.unit.kind != UnitKind::Evaluation
}

/// Says what a unit was, in XML.
fn says(placed: &PlacedView, most_phases: usize) -> String {
    let unit = &placed.unit;
    let took = unit.duration_ns.map_or_else(String::new, duration);
    let mut says = format!("{}\n{} · {took}", xml(&unit.name), unit.kind.name());
    for fact in facts(unit) {
        says.extend([" · ", &xml(&fact)]);
    }
    if let Some(size) = unit.bytes.filter(|&size| size > 0) {
        says.extend([" · ", &bytes(size)]);
    }
    for source in [&unit.machine, &unit.source].into_iter().flatten() {
        says.extend([" · ", &xml(source)]);
    }
    for phase in longest(&unit.builder_phases, most_phases) {
        if let Some(took) = phase.duration_ns.filter(|&took| took > 0) {
            says.extend(["\n", &xml(&phase.name), " ", &duration(took)]);
        }
    }
    says
}

/// Says what is remarkable about a unit. What goes without saying is left out: there are thousands of
/// them.
pub(super) fn facts(unit: &UnitView) -> Vec<String> {
    let mut facts = Vec::new();
    if !matches!(unit.outcome, Outcome::Succeeded | Outcome::Unknown) {
        let reason = unit.reason.as_ref();
        let reason = reason.map_or_else(String::new, |reason| format!(": {reason}"));
        facts.push(format!("{}{reason}", unit.outcome.name()));
    }
    match unit.end {
        _ if unit.kind == UnitKind::Evaluation => {}
        End::Open => facts.push(OPEN.to_owned()),
        End::Inferred => facts.push("end inferred".to_owned()),
        _ => {}
    }
    if unit.evaluation_waited {
        facts.push("evaluation waited for it".to_owned());
    }
    if let Some(parts) = &unit.parts {
        let parts = [
            ("waiting", parts.waiting_ns),
            ("upload", parts.upload_ns),
            ("build", parts.build_ns),
            ("download", parts.download_ns),
        ];
        let known = parts
            .into_iter()
            .filter_map(|(part, took)| Some(format!("{part} {}", duration(took?))));
        facts.extend(known);
    }
    facts
}

/// Returns the phases that took longest, in the order in which they came.
fn longest(phases: &[BuilderPhaseView], most: usize) -> Vec<&BuilderPhaseView> {
    let mut longest: Vec<(usize, &BuilderPhaseView)> = phases.iter().enumerate().collect();
    longest.sort_by_key(|&(index, phase)| (Reverse(phase.duration_ns), index));
    longest.truncate(most);
    longest.sort_by_key(|&(index, _)| index);
    longest.into_iter().map(|(_, phase)| phase).collect()
}

/// Cuts a name to a width: a character takes about six points.
fn clip(name: &str, width: f64) -> String {
    let mut room = (width - 8.0) / 6.0;
    let mut out = String::new();
    let mut rest = name.chars();
    while let Some(c) = rest.next() {
        room -= 1.0;
        if room < 0.0 || (room < 1.0 && rest.clone().next().is_some()) {
            out.push('…');
            break;
        }
        out.push(c);
    }
    out
}

/// Writes a number with at most two decimals, and no more than it needs.
fn two(number: f64) -> String {
    let text = format!("{number:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" {
        "0".to_owned()
    } else {
        text.to_owned()
    }
}
