//! A timeline as a drawing: lanes from top to bottom, time from left to right, counters below.
//!
//! SVG that needs nothing else: colours follow the reader's choice of dark or light, and each unit
//! says what it is when it is pointed at. [`html`](super::html) puts a page around it.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::io::{self, Write};

use super::axis::Scale;
use super::envelope::Report;
use super::format::{bytes, duration, xml};
use super::unit::BuilderPhaseView;
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
const RIGHT: u32 = 90;

/// How wide the lanes are.
pub(super) const PLOT: u32 = WIDTH - LEFT - RIGHT;

/// How far the marks of the axis are apart at least.
const MARK_WIDTH: usize = 80;

/// How high a line of text is.
const LINE: f64 = 22.0;

/// How high a counter is.
const COUNTER: f64 = 36.0;

/// Beyond so many units, less is said of each: a page of 5,000 has to stay below a mebibyte.
const FEW_UNITS: usize = 1000;

/// Colours and letters; also for the page around the drawing.
pub(super) const STYLE: &str = include_str!("style.css");

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
        r#"<svg id="chart" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {whole}" width="{WIDTH}" height="{whole}" data-wall="{wall}" data-plot="{PLOT}">"#
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
        writeln!(
            out,
            r#"<text class="l" x="{}" y="{}">{}</text><text class="r" x="{}" y="{}">{}</text>"#,
            LEFT - 8,
            two(band.text_y),
            xml(&band.label),
            WIDTH - RIGHT + 8,
            two(band.text_y),
            xml(&band.remark),
        )?;
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
    };
    for band in &bands {
        match band.holds {
            Holds::Steps(steps) => plot.steps(steps, band, out)?,
            Holds::Lane(number, lane) => plot.lane(number, lane, band, out)?,
            Holds::Counter(_) => {}
        }
    }
    writeln!(out, r#"</g><g id="k">"#)?;
    for band in &bands {
        if let Holds::Counter(counter) = band.holds {
            plot.counter(counter, band, out)?;
        }
    }
    writeln!(out, "</g></svg>\n</svg>")
}

/// Says below the drawing what its colours mean.
fn explain(result: &TimelineResult, top: f64, out: &mut dyn Write) -> io::Result<()> {
    let (mut x, y) = (LEFT, top + 4.0);
    for (class, meaning) in legend(result) {
        let (fill, stroke) = match class {
            "c" => ("none", "var(--c)"),
            class => (&*format!("var(--{class})"), "none"),
        };
        writeln!(
            out,
            r#"<rect x="{x}" y="{y}" width="10" height="10" style="fill:{fill};stroke:{stroke}"/><text x="{}" y="{}">{meaning}</text>"#,
            x + 14,
            y + 9.0,
        )?;
        // A character takes about six points.
        x += 34 + 6 * u32::try_from(meaning.len()).unwrap_or(0);
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
    colors
        .into_iter()
        .filter(move |(class, _)| used.contains(class))
}

/// One row of the drawing.
struct Band<'a> {
    /// Within the plot.
    y: f64,
    height: f64,
    text_y: f64,
    label: String,
    remark: String,
    holds: Holds<'a>,
}

#[derive(Clone, Copy)]
enum Holds<'a> {
    Steps(&'a [StepView]),
    /// With its place in [`TimelineResult::lanes`].
    Lane(usize, &'a LaneView),
    Counter(&'a CounterView),
}

/// Stacks the rows; returns how high the whole drawing is.
fn bands(result: &TimelineResult, top: f64) -> (Vec<Band<'_>>, f64) {
    const GAP: f64 = 7.0;
    let (mut bands, mut y) = (Vec::new(), 6.0);
    let mut add = |y: &mut f64, height: f64, texts: (String, String), holds| {
        bands.push(Band {
            y: *y,
            height,
            text_y: top + *y + height.min(18.0) / 2.0 + 4.0,
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
    let mut number = 0;
    let groups = result
        .lanes
        .chunk_by(|a, b| a.group == b.group && a.machine == b.machine);
    for lanes in groups {
        let each = matches!(
            lanes[0].group,
            Group::Builds | Group::Evaluation | Group::Activation
        );
        let height = if each {
            18.0
        } else {
            height_of_many(lanes.len())
        };
        for (index, lane) in lanes.iter().enumerate() {
            let texts = match (each, index) {
                (true, _) => (label(lane), remark(lane, result.wall_ns)),
                (false, 0) => (label_of_many(lanes), String::new()),
                (false, _) => Default::default(),
            };
            add(&mut y, height, texts, Holds::Lane(number, lane));
            number += 1;
        }
        // A label needs its place, however thin the lanes are.
        let drawn = height * lanes.len() as f64;
        y += GAP + (14.0 - drawn).max(0.0);
    }
    for counter in &result.counters {
        y += GAP;
        let (name, peak) = match counter.counter {
            Counter::RunningBuilds => ("running builds", format!("peak {}", counter.peak)),
            Counter::RunningDownloads => ("running downloads", format!("peak {}", counter.peak)),
            Counter::Transferred => ("transferred", format!("{}/s", bytes(counter.peak))),
        };
        let texts = (name.to_owned(), peak);
        add(&mut y, COUNTER, texts, Holds::Counter(counter));
    }
    (bands, (top + y + 12.0).ceil())
}

/// Dozens of lanes are drawn thin, hundreds thinner: they never take more than a few hundred points.
fn height_of_many(n_lanes: usize) -> f64 {
    match n_lanes {
        0..=4 => 12.0,
        5..=40 => 6.0,
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
}

/// Something drawn as a bar.
struct Bar<'a> {
    class: &'static str,
    start: u64,
    end: u64,
    name: &'a str,
    /// What is said when it is pointed at, in XML.
    says: &'a str,
    marks: &'static str,
    shows: Shows,
}

/// Which unit a bar shows, so that a search counts each once.
#[derive(Clone, Copy)]
enum Shows {
    /// One that no other bar shows.
    Unit,
    /// The one at this place of this lane, which other bars may show too.
    Place(usize, usize),
    /// None: a wait, or a unit that is not drawn on a lane.
    Nothing,
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
        begin(band, r#" id="cp""#, out)?;
        for step in steps {
            let took = duration(step.end_ns.saturating_sub(step.start_ns));
            let name = match step.kind {
                SegmentKind::Wait => format!("wait: {}", step.name),
                _ => step.name.clone(),
            };
            let bar = Bar {
                class: class(step.kind),
                start: step.start_ns,
                end: step.end_ns,
                name: &name,
                says: &format!("{}\n{} · {took}", xml(&name), step.kind.name()),
                marks: "",
                shows: step
                    .place
                    .map_or(Shows::Nothing, |(lane, place)| Shows::Place(lane, place)),
            };
            self.bar(&bar, band.height, out)?;
        }
        writeln!(out, "</g>")
    }

    fn lane(
        self,
        number: usize,
        lane: &LaneView,
        band: &Band<'_>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        begin(band, "", out)?;
        for (position, placed) in lane.units.iter().enumerate() {
            let says = says(placed, self.most_phases);
            let marks = match (is_failed(placed), placed.unit.on_critical_path) {
                (true, Some(true)) => " x c",
                (true, _) => " x",
                (false, Some(true)) => " c",
                (false, _) => "",
            };
            let is_repeated =
                placed.unit.on_critical_path == Some(true) || lane.group == Group::Evaluation;
            let shows = match is_repeated {
                true => Shows::Place(number, position),
                false => Shows::Unit,
            };
            let whole = Bar {
                class: class(SegmentKind::Unit(placed.unit.kind)),
                start: placed.drawn_start_ns,
                end: placed.drawn_end_ns,
                name: &placed.unit.name,
                says: &says,
                marks,
                shows,
            };
            if lane.group != Group::Evaluation || placed.stretches.is_empty() {
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

    fn bar(self, bar: &Bar<'_>, height: f64, out: &mut dyn Write) -> io::Result<()> {
        // Wide enough to be seen.
        let x = self.x(bar.start);
        let width = (self.x(bar.end) - x).max(0.3);
        let drawn = if height > 3.0 { height - 2.0 } else { height };
        let thin = if width < 2.0 { " t" } else { "" };
        let (shown_x, shown_width) = (two(x), two(width));
        write!(out, r#"<path class="{}{thin}{}""#, bar.class, bar.marks)?;
        match bar.shows {
            Shows::Unit => {}
            Shows::Place(lane, place) => write!(out, " data-u=\"{lane}.{place}\"")?,
            Shows::Nothing => write!(out, " data-u=\"\"")?,
        }
        write!(
            out,
            r#" d="M{shown_x} 0h{shown_width}v{}h-{shown_width}z"><title>{}</title></path>"#,
            two(drawn),
            bar.says,
        )?;
        if height > 14.0 && width > 24.0 {
            // Not by colour alone.
            let name = if bar.marks.contains('x') {
                clip(&format!("{FAILED}{}", bar.name), width)
            } else {
                clip(bar.name, width)
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

    fn counter(
        self,
        counter: &CounterView,
        band: &Band<'_>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        // The highest value of each column: a counter may change more often than there is room for.
        let mut columns = vec![0_u64; PLOT as usize];
        let scale = Scale::new(self.wall, PLOT as usize);
        let until = counter.at_ns.iter().skip(1).copied().chain([self.wall]);
        for ((&at, until), &value) in counter.at_ns.iter().zip(until).zip(&counter.values) {
            if value > 0 {
                let columns = &mut columns[scale.cell(at)..=scale.cell(until.saturating_sub(1))];
                columns
                    .iter_mut()
                    .for_each(|column| *column = value.max(*column));
            }
        }
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

fn begin(band: &Band<'_>, id: &str, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, r#"<g{id} transform="translate(0,{})">"#, two(band.y))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a drawing needs no more than 52 bits"
)]
fn fraction(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

/// Names the colour of a kind, in one letter: there are thousands of them.
const fn class(kind: SegmentKind) -> &'static str {
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

/// Says what a unit was, in XML.
fn says(placed: &PlacedView, most_phases: usize) -> String {
    let unit = &placed.unit;
    let took = unit.duration_ns.map_or_else(String::new, duration);
    let mut says = format!("{}\n{} · {took}", xml(&unit.name), unit.kind.name());
    // What goes without saying is left out: there are thousands of them.
    if !matches!(unit.outcome, Outcome::Succeeded | Outcome::Unknown) {
        says.extend([" · ", unit.outcome.name()]);
    }
    if let Some(reason) = &unit.reason {
        says.extend([": ", &xml(reason)]);
    }
    if let (End::Open | End::Inferred, Some(end)) = (unit.end, unit.end.name())
        && unit.kind != UnitKind::Evaluation
    {
        says.extend([" · end ", end]);
    }
    if unit.evaluation_waited {
        says.push_str(" · evaluation waited for it");
    }
    if let Some(size) = unit.bytes.filter(|&size| size > 0) {
        says.extend([" · ", &bytes(size)]);
    }
    for source in [&unit.machine, &unit.source].into_iter().flatten() {
        says.extend([" · ", &xml(source)]);
    }
    if let Some(parts) = &unit.parts {
        let parts = [
            ("waiting", parts.waiting_ns),
            ("upload", parts.upload_ns),
            ("build", parts.build_ns),
            ("download", parts.download_ns),
        ];
        for (part, took) in parts {
            if let Some(took) = took {
                says.extend(["\n", part, " ", &duration(took)]);
            }
        }
    }
    for phase in longest(&unit.builder_phases, most_phases) {
        if let Some(took) = phase.duration_ns.filter(|&took| took > 0) {
            says.extend(["\n", &xml(&phase.name), " ", &duration(took)]);
        }
    }
    says
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
