//! What moves on a terminal: one line of totals, and what runs.

use console::{measure_text_width, truncate_str};
use nixlog_core::report::format::{bytes, plural};
use nixlog_core::store_path::name_of;
use nixlog_core::time::Stamp;
use nixlog_core::timeline::live::{Live, RunningBuild, Task, TaskKind, Totals};

use super::ahead::{Foresight, Left};
use super::echo::printable;
use super::screen::Size;
use super::words;

/// How it is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    pub(super) color: bool,
    pub(super) ascii: bool,
}

/// Who knows how long things usually take, if anybody does.
pub(super) type Ahead<'a> = Option<&'a dyn Foresight>;

/// Between columns.
const GAP: usize = 2;

/// The last line of a build's log is shown where there is room for so much of it.
const WORTHWHILE: usize = 24;

/// A name is not cut shorter than that, nor given more room than the other.
const NAME: (usize, usize) = (16, 48);

/// No line is wider: a terminal that becomes narrower breaks what is wider, and then the whole frame must
/// still fit on it, so that it can be taken off. Three lines where there was one do.
const WIDEST: usize = 120;

/// Returns the lines of a frame: fewer than a third of what the terminal has.
pub(super) fn lines(
    live: &Live,
    now: Stamp,
    ahead: Ahead<'_>,
    style: Style,
    size: Size,
) -> Vec<String> {
    // A terminal moves on to the next line only when one more character comes; to leave the last
    // column free is safe with all of them.
    let columns = size.columns.saturating_sub(1).clamp(1, WIDEST);
    let most = (size.lines / 3).saturating_sub(1).max(1);
    let left = ahead.and_then(|ahead| ahead.left(now));
    let mut lines = vec![totals(live, now, left, style, columns)];
    lines.extend(rows(live, now, ahead, style, columns, most - 1));
    lines
}

/// Writes the line of totals: as many of its parts as fit, the least important left out first.
fn totals(live: &Live, now: Stamp, left: Option<Left>, style: Style, columns: usize) -> String {
    let totals = live.totals(now);
    let separator = if style.ascii { " | " } else { " · " };
    let mut parts = parts(&totals, now, left, style);
    loop {
        let widths: usize = parts
            .iter()
            .map(|part| measure_text_width(&part.text))
            .sum();
        let separators = separator.chars().count() * parts.len().saturating_sub(1);
        if widths + separators <= columns || parts.len() == 1 {
            break;
        }
        let least = parts.iter().enumerate().max_by_key(|(_, part)| part.rank);
        let Some((least, _)) = least else { break };
        parts.remove(least);
    }
    let texts: Vec<_> = parts
        .iter()
        .map(|part| paint(style, part.look, &cut(&part.text, columns, style)))
        .collect();
    texts.join(&paint(style, Look::Faint, separator))
}

/// A part of the line of totals.
struct Part {
    text: String,
    look: Look,
    /// The lower, the more important.
    rank: u8,
}

fn parts(totals: &Totals, now: Stamp, left: Option<Left>, style: Style) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut add = |rank, look, text: String| parts.push(Part { text, look, rank });
    let files = totals.evaluated_files.map(|files| plural(files, "file"));
    let derivations = totals
        .evaluated_derivations
        .map(|drvs| plural(drvs, "derivation"));
    if let Some(evaluated) = derivations.or(files) {
        add(5, Look::Plain, format!("{evaluated} evaluated"));
    }
    let (builds, fetches) = (totals.builds, totals.fetches);
    if words::is_any(&fetches) {
        let (done, verb) = if totals.is_text {
            (fetches.started, "fetches started")
        } else {
            (fetches.done, "fetched")
        };
        add(
            3,
            Look::Plain,
            format!("{} {verb}", words::of(done, fetches.expected)),
        );
        let counted = if totals.download.done > 0 {
            totals.download
        } else {
            totals.unpacked
        };
        let rate = totals
            .rate_bps
            .map_or_else(String::new, |rate| format!(" {}/s", bytes(rate)));
        if counted.done > 0 {
            let arrow = if style.ascii { "" } else { "↓ " };
            add(
                4,
                Look::Plain,
                format!("{arrow}{}{rate}", words::of_bytes(counted)),
            );
        }
    }
    if words::is_any(&builds) {
        let (done, verb) = if totals.is_text {
            (builds.started, "builds started")
        } else {
            (builds.done, "built")
        };
        add(
            1,
            Look::Strong,
            format!("{} {verb}", words::of(done, builds.expected)),
        );
        if builds.running > 0 {
            add(2, Look::Plain, format!("{} running", builds.running));
        }
        if builds.failed > 0 {
            add(1, Look::Bad, format!("{} failed", builds.failed));
        }
    }
    if let Some(left) = left {
        add(1, Look::Plain, words::left(left, style.ascii));
    }
    add(0, Look::Plain, words::clock(now.since(Stamp::ZERO)));
    parts
}

/// One row: what runs.
struct Row {
    symbol: &'static str,
    look: Look,
    name: String,
    /// The builder phase, the bytes.
    state: String,
    /// The machine, the substituter.
    place: String,
    elapsed: String,
    /// How long it usually takes.
    usual: String,
    /// The last line of its log, or the file that is read.
    line: String,
    /// Of a line that is too long, the end says more.
    keeps_end: bool,
}

/// Makes the rows: at most `most`, the last of them telling how many are left out.
fn rows(
    live: &Live,
    now: Stamp,
    ahead: Ahead<'_>,
    style: Style,
    columns: usize,
    most: usize,
) -> Vec<String> {
    let evaluating = evaluating(live, now, style);
    let (builds, tasks) = (live.builds(), live.tasks());
    let shown = |task: &&Task<'_>| task.kind != TaskKind::SourceImport || evaluating.is_none();
    let tasks: Vec<_> = tasks.iter().filter(shown).collect();
    let all = usize::from(evaluating.is_some()) + builds.len() + tasks.len();
    let room = if all > most {
        most.saturating_sub(1)
    } else {
        most
    };
    let mut rows: Vec<Row> = evaluating.into_iter().take(room).collect();
    let room = room - rows.len();
    // Builds are what takes long; of other things a few are shown even among many builds.
    let n_tasks = tasks
        .len()
        .min((room / 4).max(room.saturating_sub(builds.len())));
    let n_builds = builds.len().min(room - n_tasks);
    rows.extend(
        builds
            .iter()
            .take(n_builds)
            .map(|each| build(each, now, ahead, style)),
    );
    rows.extend(
        tasks
            .iter()
            .take(n_tasks)
            .map(|each| task(each, now, style)),
    );
    let left = all - rows.len();
    let mut lines = laid_out(&rows, columns, style);
    if left > 0 && most > 0 {
        let more = format!("{} and {left} more", if style.ascii { "..." } else { "…" });
        lines.push(paint(
            style,
            Look::Faint,
            &cut(&format!("  {more}"), columns, style),
        ));
    }
    lines
}

fn evaluating(live: &Live, now: Stamp, style: Style) -> Option<Row> {
    let Some(evaluating) = live.evaluating() else {
        let latest = live.latest()?;
        let silent = words::silence(latest.last_line, now);
        return Some(Row {
            symbol: if style.ascii { ">" } else { "▸" },
            look: Look::Building,
            name: words::latest(&latest),
            state: silent.map_or_else(String::new, |silent| format!("silent for {silent}")),
            place: String::new(),
            elapsed: words::since(latest.since, now),
            usual: String::new(),
            line: String::new(),
            keeps_end: false,
        });
    };
    let what = evaluating.what.map_or_else(String::new, printable);
    Some(Row {
        symbol: if style.ascii { "*" } else { "∗" },
        look: Look::Evaluation,
        name: "evaluating".to_owned(),
        state: String::new(),
        place: String::new(),
        elapsed: words::since(evaluating.since, now),
        usual: String::new(),
        line: what,
        keeps_end: true,
    })
}

fn build(build: &RunningBuild<'_>, now: Stamp, ahead: Ahead<'_>, style: Style) -> Row {
    let line = build.last_line.as_deref().unwrap_or_default();
    let line = nixlog_core::wire::ansi::strip(line);
    let name = name_of(build.drv);
    let name = name.strip_suffix(".drv").unwrap_or(name);
    let usual = ahead.and_then(|ahead| ahead.usual(name)).map(words::clock);
    Row {
        symbol: if style.ascii { ">" } else { "▸" },
        look: Look::Building,
        name: words::name(build.drv),
        state: build.phase.map_or_else(String::new, printable),
        place: build.machine.map_or_else(String::new, words::place),
        elapsed: words::since(build.since, now),
        usual: usual.map_or_else(String::new, |usual| format!("~ {usual}")),
        line: printable(line.trim()),
        keeps_end: false,
    }
}

fn task(task: &Task<'_>, now: Stamp, style: Style) -> Row {
    let (symbol, look) = match task.kind {
        kind if kind.is_wait() => (["=", "⏸"], Look::Faint),
        TaskKind::Query => (["?", "?"], Look::Fetching),
        TaskKind::Substitution
        | TaskKind::Download
        | TaskKind::InputFetch
        | TaskKind::FromMachine => (["v", "↓"], Look::Fetching),
        TaskKind::ToMachine => (["^", "↑"], Look::Fetching),
        _ => (["-", "·"], Look::Faint),
    };
    let counted = task.bytes.map(words::of_bytes);
    let state = match (task.kind, counted) {
        (TaskKind::Substitution | TaskKind::Download | TaskKind::Copy, Some(counted)) => counted,
        (TaskKind::Query, _) => plural(task.count as u64, "query"),
        (kind, _) => words::task(kind).to_owned(),
    };
    Row {
        symbol: symbol[usize::from(!style.ascii)],
        look,
        name: words::subject(task),
        state,
        place: task.place.map_or_else(String::new, words::place),
        elapsed: words::since(task.since, now),
        usual: String::new(),
        line: String::new(),
        keeps_end: false,
    }
}

/// Lays the rows out in columns. What does not fit is left out: the log's last line first, then the
/// place, what is usual, and the state.
fn laid_out(rows: &[Row], columns: usize, style: Style) -> Vec<String> {
    let widest = |of: fn(&Row) -> &str| {
        let widths = rows.iter().map(|row| measure_text_width(of(row)));
        widths.max().unwrap_or(0)
    };
    let with_gap = |width: usize| if width > 0 { width + GAP } else { 0 };
    // The symbol and a space.
    let mut left = columns.saturating_sub(2);
    let elapsed = widest(|row| &row.elapsed);
    left = left.saturating_sub(with_gap(elapsed));
    let name = widest(|row| &row.name).clamp(1, NAME.1);
    let mut take = |wanted: usize| {
        let needed = with_gap(wanted);
        let fits = needed > 0 && left >= needed + name.min(NAME.0.max(columns / 3));
        if fits {
            left -= needed;
        }
        if fits { wanted } else { 0 }
    };
    let state = take(widest(|row| &row.state).min(columns / 3));
    let usual = take(widest(|row| &row.usual));
    let place = take(widest(|row| &row.place).min(columns / 4));
    let name = name.min(left);
    left -= name;
    let line = left.saturating_sub(GAP);
    let line = if line >= WORTHWHILE { line } else { 0 };
    rows.iter()
        .map(|row| {
            let mut out = paint(style, row.look, row.symbol);
            out.push(' ');
            out.push_str(&paint(style, Look::Strong, &pad(&row.name, name, style)));
            let mut cell = |width: usize, look, text: String| {
                if width > 0 {
                    out.push_str(&" ".repeat(GAP));
                    out.push_str(&paint(style, look, &text));
                }
            };
            cell(state, Look::Plain, pad(&row.state, state, style));
            cell(place, Look::Copying, pad(&row.place, place, style));
            cell(elapsed, Look::Plain, format!("{:>elapsed$}", row.elapsed));
            cell(usual, Look::Faint, pad(&row.usual, usual, style));
            let text = match row.keeps_end {
                true => cut_start(&row.line, line, style),
                false => cut(&row.line, line, style),
            };
            cell(line, Look::Faint, text);
            out.truncate(out.trim_end().len());
            out
        })
        .collect()
}

/// What text looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    Plain,
    Strong,
    Faint,
    Bad,
    Evaluation,
    Building,
    Fetching,
    Copying,
}

/// Colours a text, where colours are wanted; the same ones as in reports.
fn paint(style: Style, look: Look, text: &str) -> String {
    let theme = nixlog_core::report::text::Theme::TERMINAL;
    let start = match look {
        Look::Strong => theme.strong,
        Look::Faint => theme.faint,
        Look::Bad => theme.bad,
        Look::Evaluation => theme.evaluation,
        Look::Building => theme.building,
        Look::Fetching => theme.fetching,
        Look::Copying => theme.copying,
        Look::Plain => "",
    };
    if !style.color || start.is_empty() || text.trim().is_empty() {
        return text.to_owned();
    }
    format!("{start}{text}{}", theme.reset)
}

/// Cuts a text that is too wide.
fn cut(text: &str, columns: usize, style: Style) -> String {
    let mark = if style.ascii { "~" } else { "…" };
    // A tab is as wide as it likes.
    let text = text.replace('\t', " ");
    truncate_str(&text, columns, mark).into_owned()
}

/// Cuts the beginning of a text that is too wide.
fn cut_start(text: &str, columns: usize, style: Style) -> String {
    let width = measure_text_width(text);
    if width <= columns {
        return text.to_owned();
    }
    let mark = if style.ascii { "~" } else { "…" };
    let mut end = text;
    while measure_text_width(end) + 1 > columns {
        let mut chars = end.chars();
        if chars.next().is_none() {
            break;
        }
        end = chars.as_str();
    }
    format!("{mark}{end}")
}

/// Cuts a text, or fills it up, to be as wide as the others.
fn pad(text: &str, columns: usize, style: Style) -> String {
    let text = cut(text, columns, style);
    let missing = columns.saturating_sub(measure_text_width(&text));
    text + &" ".repeat(missing)
}
