//! Timelines as charts: lanes, and what each format makes of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;

use nixlog_core::analysis::critical_path::Wait;
use nixlog_core::analysis::lanes::{CriticalStep, Group, Lanes, lanes};
use nixlog_core::analysis::late::surely;
use nixlog_core::analysis::run_graph::RunGraph;
use nixlog_core::graph::DerivationGraph;
use nixlog_core::report::document::Document;
use nixlog_core::report::envelope::Report;
use nixlog_core::report::text::Style;
use nixlog_core::report::verbs::timeline::{Options, TimelineResult, result};
use nixlog_core::report::{chrome, html, markdown, svg, text};
use nixlog_core::time::{Interval, Stamp};
use nixlog_core::timeline::{Source, Timeline, UnitKind};
use serde_json::Value;

use crate::recordings::{corpus, read, recording};
use crate::truth_graph::from_truth;

/// Makes the report of a log.
fn report(
    (source, timeline): &(Source, Timeline),
    critical: &[CriticalStep],
) -> Report<TimelineResult> {
    let lanes = lanes(timeline);
    let result = result(timeline, &lanes, critical, None, |_| true);
    Report::new(source, timeline, result)
}

fn printed(write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> String {
    let mut out = Vec::new();
    write(&mut out).expect("a vector takes all");
    String::from_utf8(out).expect("what is printed is UTF-8")
}

fn options(width: usize) -> Options {
    let mut options = Options::default();
    options.width = width;
    options
}

fn in_text(document: &Document) -> String {
    printed(|out| text::write(document, &Style::default(), out))
}

/// One build for each name, one after the other on four slots, the third of them failing.
fn log_of(names: &[&str]) -> Vec<u8> {
    let mut log = String::new();
    let mut lines: Vec<(u64, String)> = Vec::new();
    for (at, name) in (0_u64..).zip(names) {
        let path = format!("/nix/store/7ajh8plhm64ypnph30js1a3lq6zsyxqr-{name}.drv");
        let path = Value::from(path);
        let start = at / 4 * 100_000_000 + at % 4 * 1_000_000;
        let record = format!(
            r#"{{"action":"start","fields":[{path},"",1,1],"id":{},"level":3,"parent":0,"text":{path},"type":105}}"#,
            at + 1
        );
        lines.push((start, record));
        let usual = ["unpack", "patch", "configure", "check", "install", "fixup"];
        let usual = usual.map(|name| format!("{name}Phase"));
        let phases = usual.iter().map(String::as_str).chain([*name]);
        for (phase, offset) in phases.zip((0_u64..).step_by(10_000_000)) {
            let record = format!(
                r#"{{"action":"result","fields":[{}],"id":{},"type":104}}"#,
                Value::from(phase),
                at + 1
            );
            lines.push((start + 10_000_000 + offset, record));
        }
        let stop = format!(r#"{{"action":"stop","id":{}}}"#, at + 1);
        lines.push((start + 90_000_000, stop));
    }
    lines.sort_by_key(|line| line.0);
    for (at, record) in lines {
        writeln!(log, "{at} @nix {record}").expect("a String takes any text");
    }
    log.into_bytes()
}

/// A chain through all builds of a log, with a wait before each.
fn chain(timeline: &Timeline) -> Vec<CriticalStep> {
    let mut steps = Vec::new();
    let mut at = Stamp::ZERO;
    for (index, unit) in timeline.units().iter().enumerate() {
        let interval = unit.start.zip(unit.end);
        let Some((start, end)) = interval.filter(|(start, _)| *start >= at) else {
            continue;
        };
        if unit.kind != UnitKind::Build {
            continue;
        }
        steps.push(CriticalStep {
            interval: Interval::new(at, start).expect("in order"),
            unit: None,
            label: "for <a> slot".to_owned(),
            kind: None,
            reason: Some(Wait::Slot),
        });
        steps.push(CriticalStep {
            interval: Interval::new(start, end).expect("in order"),
            unit: Some(index),
            label: String::new(),
            kind: Some(unit.kind),
            reason: None,
        });
        at = end;
    }
    steps
}

/// Says what is wrong with lanes.
fn wrong(timeline: &Timeline, lanes: &Lanes) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut places = vec![0; timeline.units().len()];
    let mut most: BTreeMap<(Group, Option<&str>), usize> = BTreeMap::new();
    for lane in &lanes.lanes {
        let machine = lane.machine.map(|name| timeline.name(name));
        *most.entry((lane.group, machine)).or_default() += 1;
        for pair in lane.units.windows(2) {
            if pair[0].interval.end() > pair[1].interval.start() {
                wrong.push(format!("{pair:?} overlap"));
            }
        }
        for placed in &lane.units {
            places[placed.unit] += 1;
            let unit = &timeline.units()[placed.unit];
            let sure = unit.interval().map(surely);
            let is_cut = sure.is_some_and(|sure| placed.interval.end() < sure.end());
            if unit.start != Some(placed.interval.start()) || is_cut {
                wrong.push(format!("{unit:?} is drawn at {placed:?}"));
            }
        }
    }
    for (unit, n) in timeline.units().iter().zip(places) {
        let timed = unit.start.zip(unit.end).is_some();
        if n != usize::from(timed) {
            wrong.push(format!("{unit:?} is on {n} lanes"));
        }
    }
    for ((group, machine), n_lanes) in most {
        let mut intervals: Vec<_> = timeline
            .units()
            .iter()
            .filter(|unit| Group::of(unit.kind) == group)
            .filter(|unit| {
                unit.machine
                    .filter(|_| group == Group::Builds)
                    .map(|name| timeline.name(name))
                    == machine
            })
            .filter_map(|unit| Some(surely(unit.interval()?)))
            .collect();
        intervals.sort_by_key(|interval| interval.start());
        let at_once = |at: usize| {
            let start = intervals[at].start();
            1 + intervals[..at]
                .iter()
                .filter(|interval| interval.end() > start)
                .count()
        };
        let most = (0..intervals.len()).map(at_once).max();
        if most != Some(n_lanes) {
            wrong.push(format!(
                "{group:?} {machine:?}: {n_lanes} lanes, {most:?} at once"
            ));
        }
    }
    wrong
}

/// Says what is wrong with a log's lanes and with the trace of them.
pub(crate) fn disagreements(log: &(Source, Timeline)) -> Vec<String> {
    let mut all = wrong(&log.1, &lanes(&log.1));
    all.extend(wrong_in_trace(&trace(&report(log, &chain(&log.1)))));
    all
}

#[test]
fn lanes_of_the_recordings_hold() {
    for recording in corpus() {
        let (_, timeline) = read(&recording.name, &recording.bytes());
        let wrong = wrong(&timeline, &lanes(&timeline));
        assert!(wrong.is_empty(), "{}: {wrong:#?}", recording.name);
    }
}

/// A process and a thread.
type Thread = (u64, u64);

/// A slice of a trace, in nanoseconds, and its place in the file.
#[derive(Clone, Copy)]
struct Slice {
    start: u128,
    end: u128,
    index: usize,
}

/// One end of an arrow.
struct Arrow {
    at: u128,
    kind: char,
    thread: Thread,
}

/// Says what is wrong with a trace: what Perfetto's importer would count as an error, and more.
fn wrong_in_trace(trace: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let (mut named, mut processes) = (BTreeSet::new(), BTreeSet::new());
    let mut slices: BTreeMap<Thread, Vec<Slice>> = BTreeMap::new();
    let mut arrows: BTreeMap<u64, Vec<Arrow>> = BTreeMap::new();
    let mut counters: HashMap<(u64, String), u128> = HashMap::new();
    // Exact, so that touching slices do not overlap by a rounding.
    let nanos = |value: &Value| -> u128 {
        let text = value.to_string();
        let (whole, rest) = text.split_once('.').unwrap_or((&text, ""));
        let whole: u128 = whole.parse().expect("a number without exponent");
        let rest: u128 = format!("{rest:0<3}").parse().expect("three decimals");
        whole * 1000 + rest
    };
    for (index, event) in trace["traceEvents"]
        .as_array()
        .expect("a list")
        .iter()
        .enumerate()
    {
        let pid = event["pid"].as_u64().expect("a process");
        let name = event["name"].as_str().expect("a name");
        let tid = event["tid"].as_u64();
        match event["ph"].as_str().expect("a kind") {
            "M" => match name {
                "process_name" => drop(processes.insert(pid)),
                "thread_name" => drop(named.insert((pid, tid.expect("a thread")))),
                "process_sort_index" | "thread_sort_index" => {
                    if !event["args"]["sort_index"].is_u64() {
                        wrong.push(format!("no index: {event}"));
                    }
                }
                _ => wrong.push(format!("unknown: {event}")),
            },
            "X" => {
                let start = nanos(&event["ts"]);
                let thread = (pid, tid.expect("a thread"));
                slices.entry(thread).or_default().push(Slice {
                    start,
                    end: start + nanos(&event["dur"]),
                    index,
                });
            }
            "C" => {
                let last = counters.entry((pid, name.to_owned())).or_default();
                let at = nanos(&event["ts"]);
                if at < *last
                    || !event["args"]
                        .as_object()
                        .expect("values")
                        .values()
                        .all(Value::is_u64)
                {
                    wrong.push(format!("a counter: {event}"));
                }
                *last = at;
            }
            kind @ ("s" | "t" | "f") => {
                let id = event["id"].as_u64().expect("an id");
                if kind != "s" && event["bp"] != "e" {
                    wrong.push(format!("binds to the next slice: {event}"));
                }
                let thread = (pid, tid.expect("a thread"));
                arrows.entry(id).or_default().push(Arrow {
                    at: nanos(&event["ts"]),
                    kind: kind.chars().next().unwrap_or_default(),
                    thread,
                });
            }
            _ => wrong.push(format!("unknown: {event}")),
        }
    }
    for (thread, slices) in &mut slices {
        if !named.contains(thread) || !processes.contains(&thread.0) || thread.0 == thread.1 {
            wrong.push(format!("{thread:?} has no name, or that of its process"));
        }
        // As importers do: by start, else in the order of the file.
        slices.sort_by_key(|slice| (slice.start, slice.index));
        let mut open: Vec<u128> = Vec::new();
        for &Slice { start, end, index } in slices.iter() {
            open.retain(|&until| until > start);
            if open.last().is_some_and(|&until| end > until) {
                wrong.push(format!("{thread:?}: slice {index} ({start} to {end}) is neither in nor after the one before"));
            }
            open.push(end);
        }
    }
    let threads: BTreeSet<u64> = named.iter().map(|&(_, tid)| tid).collect();
    if threads.len() != named.len() {
        wrong.push("a thread is in two processes".to_owned());
    }
    for (id, mut arrow) in arrows {
        arrow.sort_by_key(|end| end.at);
        let kinds: String = arrow.iter().map(|end| end.kind).collect();
        let inner = kinds
            .strip_prefix('s')
            .and_then(|kinds| kinds.strip_suffix('f'));
        if inner.is_none_or(|inner| inner.contains(|c| c != 't')) {
            wrong.push(format!("arrow {id} goes {kinds}"));
        }
        for Arrow { at, thread, .. } in arrow {
            let within = |slice: &Slice| slice.start <= at && at <= slice.end;
            if !slices
                .get(&thread)
                .is_some_and(|slices| slices.iter().any(within))
            {
                wrong.push(format!("arrow {id} has no slice at {at} on {thread:?}"));
            }
        }
    }
    wrong
}

fn trace(report: &Report<TimelineResult>) -> Value {
    let trace = printed(|out| chrome::write(report, out));
    serde_json::from_str(&trace).expect("a trace is JSON")
}

#[test]
fn traces_of_the_recordings_are_valid() {
    for recording in corpus() {
        let log = read(&recording.name, &recording.bytes());
        for critical in [Vec::new(), chain(&log.1)] {
            let report = report(&log, &critical);
            let wrong = wrong_in_trace(&trace(&report));
            assert!(wrong.is_empty(), "{}: {wrong:#?}", recording.name);
        }
    }
}

#[test]
fn what_is_wrong_in_a_trace_is_noticed() {
    let cases = [
        r#"{"ph":"X","name":"a","pid":1,"tid":9,"ts":0,"dur":5},{"ph":"X","name":"b","pid":1,"tid":9,"ts":4.999,"dur":1}"#,
        r#"{"ph":"X","name":"a","pid":1,"tid":8,"ts":0,"dur":5}"#,
        r#"{"ph":"X","name":"a","pid":1,"tid":9,"ts":0,"dur":5},{"ph":"s","name":"a","id":1,"pid":1,"tid":9,"ts":0}"#,
        r#"{"ph":"Q","name":"a","pid":1,"tid":9,"ts":0,"dur":5}"#,
    ];
    let names = r#"{"ph":"M","name":"process_name","pid":1,"args":{"name":"p"}},{"ph":"M","name":"thread_name","pid":1,"tid":9,"args":{"name":"t"}}"#;
    for case in cases {
        let trace = format!(r#"{{"traceEvents":[{names},{case}]}}"#);
        let trace = serde_json::from_str(&trace).expect("a case is JSON");
        assert_eq!(wrong_in_trace(&trace).len(), 1, "{case}");
    }
}

#[test]
fn the_critical_path_has_its_own_track_and_arrows() {
    let log = read(
        "log",
        &log_of(&[
            "a-1", "b-1", "c-1", "d-1", "e-1", "f-1", "g-1", "h-1", "i-1",
        ]),
    );
    let critical = chain(&log.1);
    let with = report(&log, &critical);
    let trace = trace(&with);
    let events = trace["traceEvents"].as_array().expect("a list");
    let of =
        |kind: &str| -> Vec<&Value> { events.iter().filter(|event| event["ph"] == kind).collect() };
    let track: Vec<_> = of("X")
        .into_iter()
        .filter(|event| event["pid"] == 1)
        .collect();
    assert_eq!(track.len(), critical.len());
    let arrows = [of("s").len(), of("t").len(), of("f").len()];
    assert_eq!(arrows, [1, critical.len() / 2 - 2, 1]);
    assert_eq!(
        with.result.lanes[0].units[0].unit.on_critical_path,
        Some(true)
    );
    let chart = in_text(&with.document(&options(80)));
    let row = chart
        .lines()
        .find(|line| line.starts_with("critical"))
        .expect("a row of its own");
    assert!(row.contains("▐a-1") && row.contains("▐e-1"), "{chart}");
    let drawn = printed(|out| svg::write(&with, &with.document(&options(80)), out));
    assert!(
        drawn.contains("critical path") && drawn.contains("class=\"c t\""),
        "{drawn}"
    );
    // None known: no row, no track, no arrows.
    let without = report(&log, &[]);
    let trace = printed(|out| chrome::write(&without, out));
    assert!(
        !trace.contains("critical") && !trace.contains(r#""ph":"s""#),
        "{trace}"
    );
    let chart = in_text(&without.document(&options(80)));
    assert!(!chart.contains("critical"), "{chart}");
}

/// Says why a text is not well-formed XML, of the kind that is written here: elements, attributes
/// in double quotes, no comments.
fn not_xml(text: &str) -> Option<String> {
    let mut open: Vec<&str> = Vec::new();
    let entities = |text: &str| {
        let known = ["amp;", "lt;", "gt;", "quot;", "#39;"];
        let mut after = text.split('&').skip(1);
        after.all(|rest| known.iter().any(|entity| rest.starts_with(entity)))
    };
    let forbidden =
        |c: char| (c < ' ' && !"\n\r\t".contains(c)) || c == '\u{fffe}' || c == '\u{ffff}';
    if text.contains(forbidden) {
        return Some("a character that XML does not have".to_owned());
    }
    let mut pieces = text.split('<');
    pieces.next();
    for piece in pieces {
        let Some((tag, content)) = piece.split_once('>') else {
            return Some(format!("no end: {piece}"));
        };
        let in_style = open.last() == Some(&"style") || tag.starts_with("style");
        if !entities(content) || (content.contains('>') && !in_style) {
            return Some(format!("not escaped: {content}"));
        }
        if let Some(name) = tag.strip_prefix('/') {
            if open.pop() != Some(name) {
                return Some(format!("`{name}` is not open"));
            }
            continue;
        }
        let name = tag.split([' ', '/']).next().unwrap_or_default();
        let attributes = tag.strip_suffix('/').unwrap_or(tag)[name.len()..].to_owned();
        if attributes.matches('"').count() % 2 != 0 || !entities(&attributes) {
            return Some(format!("quotes: {tag}"));
        }
        if !tag.ends_with('/') {
            open.push(name);
        }
    }
    (!open.is_empty()).then(|| format!("never closed: {open:?}"))
}

/// Takes the drawing out of a page.
fn drawing(page: &str) -> &str {
    let start = page.find("<svg").expect("a drawing");
    let end = page.rfind("</svg>").expect("a whole one");
    &page[start..end + "</svg>".len()]
}

#[test]
fn names_are_text_in_every_format() {
    let hostile = [
        "</title></svg><script>alert(1)</script>",
        "\" onload=\"alert(1)",
        "' onload='alert(1)",
        "]]>&amp;<!--",
        "--></style>",
        "\u{1b}[31m\u{202e}\u{0}\u{ffff}",
        "```\n# not a heading",
        "画像-1.0",
    ];
    let log = read("</h1>\"'&.log", &log_of(&hostile));
    let report = report(&log, &chain(&log.1));
    assert!(report.result.units >= hostile.len());
    let document = report.document(&options(100));
    let picture = printed(|out| svg::write(&report, &document, out));
    assert_eq!(not_xml(&picture), None, "{picture}");
    let page = printed(|out| html::write(&report, &document, out));
    assert_eq!(not_xml(drawing(&page)), None, "{page}");
    // As often as in any page; what the log brings is text.
    let plain = html_of_a_plain_log();
    for tag in ["<script", "</script", "<svg", "<style", "<h1"] {
        assert_eq!(
            page.matches(tag).count(),
            plain.matches(tag).count(),
            "{tag}"
        );
    }
    assert!(
        page.contains("&lt;/svg&gt;&lt;script&gt;alert(1)"),
        "{page}"
    );
    assert!(
        !page.contains(" onload=\"") && !page.contains("<!--"),
        "{page}"
    );
    let wrong = wrong_in_trace(&trace(&report));
    assert!(wrong.is_empty(), "{wrong:#?}");
    let chart = in_text(&document);
    assert!(!chart.contains(['\u{1b}', '\u{202e}', '\u{0}']), "{chart}");
    let noted = printed(|out| markdown::write(&document, out));
    assert_eq!(
        noted.lines().filter(|line| line.starts_with("```")).count(),
        2,
        "{noted}"
    );
}

fn html_of_a_plain_log() -> String {
    let log = read("log", &log_of(&["a-1", "b-1"]));
    let report = report(&log, &[]);
    let document = report.document(&options(100));
    printed(|out| html::write(&report, &document, out))
}

#[test]
fn what_is_not_xml_is_noticed() {
    for odd in [
        "<a>",
        "<a></b>",
        "<a>&</a>",
        "<a b=\"></a>",
        "<a>\u{1}</a>",
        "<a>></a>",
    ] {
        assert!(not_xml(odd).is_some(), "{odd}");
    }
    assert_eq!(not_xml("<a b=\"c\"><d/>&lt;</a>"), None);
}

#[test]
fn pages_load_nothing_and_stay_small() {
    let names: Vec<String> = (0..5000)
        .map(|n| format!("python3.13-some-package-{n}.{}", n % 7))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let log = read("log", &log_of(&names));
    // No path has more steps than a build has layers.
    let mut critical = chain(&log.1);
    critical.truncate(200);
    let report = report(&log, &critical);
    let document = report.document(&options(100));
    let page = printed(|out| html::write(&report, &document, out));
    assert!(page.len() < 1 << 20, "{} bytes", page.len());
    let without_namespace = page.replace("http://www.w3.org/2000/svg", "");
    for outside in ["http:", "https:", "src=", "@import", "url(", "<link"] {
        assert!(!without_namespace.contains(outside), "{outside}");
    }
}

fn page_of(report: &Report<TimelineResult>) -> String {
    let document = report.document(&options(100));
    printed(|out| html::write(report, &document, out))
}

/// Returns the lines that a page's script reads, as fields.
fn lines_of(page: &str) -> Vec<Vec<&str>> {
    let (_, data) = page.split_once("<pre id=\"d\" hidden>").expect("data");
    let (data, _) = data.split_once("</pre>").expect("its end");
    data.lines()
        .map(|line| line.split('\t').collect())
        .collect()
}

fn is_unit(line: &[&str]) -> bool {
    line[0].starts_with(|c: char| c.is_ascii_digit())
}

#[test]
fn a_page_has_each_unit_once_where_it_is_drawn() {
    for recording in corpus() {
        let log = read(&recording.name, &recording.bytes());
        let report = report(&log, &chain(&log.1));
        let page = page_of(&report);
        let lines = lines_of(&page);
        let (mut units, mut last, mut steps) = (Vec::new(), 0, Vec::new());
        for line in &lines {
            match line[0] {
                "lane" => last = 0,
                "step" if !line[5].is_empty() => steps.push(line),
                _ if is_unit(line) => {
                    let [gap, length] =
                        [1, 2].map(|field| line[field].parse::<u64>().expect("a number"));
                    units.push((
                        line[3].replace("&amp;", "&"),
                        last + gap,
                        last + gap + length,
                    ));
                    last += gap + length;
                }
                _ => {}
            }
        }
        let drawn = report.result.lanes.iter().flat_map(|lane| &lane.units);
        let drawn: Vec<_> = drawn
            .map(|placed| {
                let [start, end] = [placed.drawn_start_ns, placed.drawn_end_ns].map(|at| at / 1000);
                (placed.unit.name.clone(), start, end)
            })
            .collect();
        assert_eq!(units, drawn, "{}", recording.name);
        for step in steps {
            let place: usize = step[5].parse().expect("a number");
            assert_eq!(units[place].0, step[4], "{}", recording.name);
        }
    }
}

/// A page of 100,000 units is to be opened like any other: a few dozen bytes for each, whatever they did.
#[test]
fn a_unit_takes_a_hundred_bytes_of_a_page() {
    let sizes = [1000, 21_000].map(|n| {
        let names: Vec<String> = (0..n)
            .map(|n| format!("python3.13-some-package-{n}.{}", n % 7))
            .collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let log = read("log", &log_of(&names));
        let report = report(&log, &[]);
        page_of(&report).len()
    });
    assert!(sizes[1] - sizes[0] < 20_000 * 100, "{sizes:?}");
}

/// Units that all run at once have a lane each, but a page is no higher than a screen for them, and a
/// picture holds no more than can be told apart.
#[test]
fn crowds_are_drawn_together() {
    let mut log = String::new();
    for n in 0..5000_u32 {
        let at = u64::from(n) * 1_000_000;
        let path = format!("/nix/store/7ajh8plhm64ypnph30js1a3lq6zsyxqr-n{n}.drv");
        writeln!(log, r#"{at} @nix {{"action":"start","fields":["{path}","",1,1],"id":{},"level":3,"parent":0,"text":"","type":105}}"#, n + 1)
            .expect("a String takes any text");
    }
    let log = read("log", log.as_bytes());
    let report = report(&log, &[]);
    assert!(report.result.lanes.len() > 4900);
    let picture = printed(|out| svg::write(&report, &Document::default(), out));
    assert!(picture.len() < 100_000, "{} bytes", picture.len());
    let page = page_of(&report);
    let height: f64 = lines_of(&page)[0][2].parse().expect("a number");
    assert!(height < 400.0, "{height}");
}

/// What a unit needs is told by number; what is not known is told as that.
#[test]
fn pages_know_what_needs_what() {
    let recording = recording("2.26.3-diamond-build-v");
    let truth = recording.truth.as_ref().expect("the truth");
    let log = read(&recording.name, &recording.bytes());
    let needs = |graph: &DerivationGraph| -> Vec<(String, Option<Vec<String>>)> {
        let run = RunGraph::new(&log.1, graph);
        let result = result(&log.1, &lanes(&log.1), &[], Some(&run), |_| true);
        let report = Report::new(&log.0, &log.1, result);
        let page = page_of(&report);
        let lines = lines_of(&page);
        let nodes: Vec<_> = lines
            .iter()
            .filter(|line| is_unit(line) || line[0] == "between")
            .collect();
        let numbers = |text: &str| -> Vec<usize> {
            let numbers = text.split_whitespace().map(str::parse);
            numbers.map(|number| number.expect("a number")).collect()
        };
        let through = |to: usize| match is_unit(nodes[to]) {
            true => vec![to],
            false => numbers(nodes[to][1]),
        };
        let told = |line: &Vec<&str>| {
            let told = line
                .iter()
                .skip(4)
                .find_map(|field| field.strip_prefix('n'))?;
            let names = (!told.starts_with('?')).then(|| {
                let needs = numbers(told).into_iter().flat_map(through);
                let names: BTreeSet<_> = needs.map(|to| nodes[to][3].to_owned()).collect();
                names.into_iter().collect()
            });
            Some((line[3].to_owned(), names))
        };
        let all: BTreeMap<_, _> = lines
            .iter()
            .filter(|line| is_unit(line))
            .filter_map(told)
            .collect();
        all.into_iter().collect()
    };
    let name = |letter: char| format!("diamond-{letter}-1.0");
    let units = [('a', ""), ('b', "a"), ('c', "a"), ('d', "bc")];
    let want = units.map(|(unit, needs)| (name(unit), Some(needs.chars().map(name).collect())));
    assert_eq!(needs(&from_truth(truth)), want);
    assert_eq!(
        needs(&DerivationGraph::default()),
        units.map(|(unit, _)| (name(unit), None))
    );
}

#[test]
fn recordings_are_drawn_in_every_format() {
    for recording in corpus() {
        let log = read(&recording.name, &recording.bytes());
        let report = report(&log, &chain(&log.1));
        for (width, ascii) in [(40, true), (80, false), (200, false)] {
            let mut options = options(width);
            options.ascii = ascii;
            let document = report.document(&options);
            let chart = document.chart.as_ref().expect("the recordings have times");
            for line in &chart.lines {
                let text: String = line.iter().map(|piece| piece.text.as_str()).collect();
                // Labels and remarks are not cut: below 60 columns a chart may stick out.
                assert!(
                    text.chars().count() <= width.max(60),
                    "{}: {text}",
                    recording.name
                );
                assert!(!ascii || text.is_ascii(), "{}: {text}", recording.name);
            }
            let picture = printed(|out| svg::write(&report, &document, out));
            assert_eq!(not_xml(&picture), None, "{}", recording.name);
        }
    }
}

/// As many slots as the build had, in a recording with a known number.
#[test]
fn slots_are_those_of_the_build() {
    let recording = recording("2.26.3-interrupt-sigkill");
    let (_, timeline) = read(&recording.name, &recording.bytes());
    let lanes = lanes(&timeline);
    let slots = lanes
        .lanes
        .iter()
        .filter(|lane| lane.group == Group::Builds);
    assert_eq!(slots.count(), 4);
}
