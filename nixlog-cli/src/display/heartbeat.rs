//! Where nothing moves: now and then a line that says what runs, and how long it has been silent.

use nixlog_core::report::format::bytes;
use nixlog_core::time::{Nanos, Stamp};
use nixlog_core::timeline::live::{Live, Totals};

use super::ahead::Left;
use super::echo::printable;
use super::words;

/// How often it comes, whatever else is printed: a build that hangs is found among nine that talk, and
/// a line in half a minute is no burden.
pub(super) const EVERY: Nanos = Nanos::new(30_000_000_000);

/// So many of what runs are named.
const NAMED: usize = 3;

/// Makes the line.
pub(super) fn line(live: &Live, now: Stamp, left: Option<Left>) -> String {
    let totals = live.totals(now);
    let mut parts = counts(&totals);
    if let Some(evaluating) = live.evaluating() {
        let what = evaluating.what.map(words::name);
        let what = what.map_or_else(String::new, |what| format!(" {what}"));
        parts.push(format!(
            "evaluating{what} ({})",
            words::since(evaluating.since, now)
        ));
    }
    if let Some(latest) = live.latest() {
        let silent = words::silence(latest.last_line, now);
        let silent = silent.map_or_else(String::new, |silent| format!(", silent for {silent}"));
        let since = words::since(latest.since, now);
        parts.push(format!(
            "latest: {} ({since} ago{silent})",
            words::latest(&latest)
        ));
    }
    parts.extend(left.map(|left| words::left(left, false)));
    parts.extend(running(live, now));
    if parts.is_empty() {
        parts.push("nothing runs".to_owned());
    }
    format!(
        "nixlog: {}  {}",
        words::clock(now.since(Stamp::ZERO)),
        parts.join(", ")
    )
}

fn counts(totals: &Totals) -> Vec<String> {
    let mut parts = Vec::new();
    let (builds, fetches) = (totals.builds, totals.fetches);
    let (built, fetched) = match totals.is_text {
        true => (builds.started, fetches.started),
        false => (builds.done, fetches.done),
    };
    if words::is_any(&builds) {
        let built = words::of(built, builds.expected);
        parts.push(match totals.is_text {
            true => format!("{built} builds started"),
            false => format!("built {built}"),
        });
    }
    if builds.failed > 0 {
        parts.push(format!("failed {}", builds.failed));
    }
    if words::is_any(&fetches) {
        let counted = match totals.download.done {
            0 => totals.unpacked.done,
            done => done,
        };
        let counted = Some(counted).filter(|&counted| counted > 0);
        let counted = counted.map_or_else(String::new, |counted| format!(" ({})", bytes(counted)));
        let fetched = words::of(fetched, fetches.expected);
        parts.push(match totals.is_text {
            true => format!("{fetched} fetches started"),
            false => format!("fetched {fetched}{counted}"),
        });
    }
    parts
}

/// Says what runs, and what waits.
fn running(live: &Live, now: Stamp) -> Option<String> {
    let (builds, tasks) = (live.builds(), live.tasks());
    let builds_named = builds.iter().map(|build| {
        let mut about: Vec<String> = Vec::new();
        about.extend(build.phase.map(printable));
        about.extend(
            build
                .machine
                .map(|machine| format!("on {}", words::place(machine))),
        );
        about.push(words::since(build.since, now));
        about.extend(match build.last_sign {
            // From its start on.
            sign if sign == build.since => words::silence(sign, now).map(|_| "silent".to_owned()),
            sign => words::silence(sign, now).map(|length| format!("silent for {length}")),
        });
        format!("{} ({})", words::name(build.drv), about.join(", "))
    });
    let tasks_named = tasks.iter().map(|task| {
        let counted = task
            .bytes
            .map(|bytes| format!(", {}", words::of_bytes(bytes)));
        let since = words::since(task.since, now);
        let what = words::task(task.kind);
        format!(
            "{what} {} ({since}{})",
            words::subject(task),
            counted.unwrap_or_default()
        )
    });
    let named: Vec<_> = builds_named.chain(tasks_named).take(NAMED).collect();
    let left = (builds.len() + tasks.len()).saturating_sub(NAMED);
    if named.is_empty() {
        return None;
    }
    let more = if left > 0 {
        format!(" and {left} more")
    } else {
        String::new()
    };
    Some(format!("running: {}{more}", named.join(", ")))
}
