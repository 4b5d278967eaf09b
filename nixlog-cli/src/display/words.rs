//! How instants and counts are written while they change: whole seconds, so that nothing jitters.

use nixlog_core::report::format::{self, bytes};
use nixlog_core::store_path::name_of;
use nixlog_core::time::{Nanos, Stamp};
use nixlog_core::timeline::live::{Bytes, Count, FailedBuild, Latest, Task, TaskKind};

use super::ahead::Left;

/// Writes how long something takes: `38s`, `4m 41s`, `1h 02m`.
pub(super) fn clock(length: Nanos) -> String {
    let seconds = length.get() / 1_000_000_000;
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h {:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

/// Writes how long something still takes: `about 6m left (4m–9m)`.
pub(super) fn left(left: Left, ascii: bool) -> String {
    let (low, high) = (rough(left.low), rough(left.high));
    let middle = rough(left.middle);
    if low == high {
        return format!("about {middle} left");
    }
    let dash = if ascii { "-" } else { "–" };
    format!("about {middle} left ({low}{dash}{high})")
}

/// Writes a length of time that nobody knows to the second.
fn rough(length: Nanos) -> String {
    let seconds = length.get() / 1_000_000_000;
    match seconds {
        0..10 => format!("{}s", seconds.max(1)),
        10..60 => format!("{}s", (seconds + 2) / 5 * 5),
        60..3_600 => format!("{}m", (seconds + 30) / 60),
        _ => format!("{}h {:02}m", seconds / 3_600, seconds / 60 % 60),
    }
}

/// Writes how long ago something was; nothing where that is not known.
pub(super) fn since(then: Option<Stamp>, now: Stamp) -> String {
    then.map_or_else(String::new, |then| clock(now.since(then)))
}

/// Shorter silence is not worth a word.
const SILENCE: Nanos = Nanos::new(10_000_000_000);

/// Writes for how long something has been silent, if for long.
pub(super) fn silence(last_sign: Option<Stamp>, now: Stamp) -> Option<String> {
    let silent = now.since(last_sign?);
    (silent >= SILENCE).then(|| clock(silent))
}

/// Writes `41/63`, or `41` while nothing is known of the others.
pub(super) fn of(done: u64, expected: Option<u64>) -> String {
    match expected {
        Some(expected) => format!("{done}/{}", expected.max(done)),
        None => done.to_string(),
    }
}

/// Writes `12.4 MiB/95.0 MiB`, or how much has come.
pub(super) fn of_bytes(counted: Bytes) -> String {
    match counted.expected {
        Some(expected) if expected > counted.done => {
            format!("{}/{}", bytes(counted.done), bytes(expected))
        }
        _ => bytes(counted.done),
    }
}

/// Returns the name inside a store path, made harmless.
pub(super) fn name(path: &str) -> String {
    format::harmless(name_of(path)).into_owned()
}

/// Returns a machine or a substituter without what is the same for all, made harmless.
pub(super) fn place(uri: &str) -> String {
    let name = uri.split_once("://").map_or(uri, |(_, name)| name);
    let name = name.split('?').next().unwrap_or(name);
    let name = name.trim_end_matches('/');
    format::harmless(if name.is_empty() { uri } else { name }).into_owned()
}

/// Tells whether anything is, was or will be counted.
pub(super) const fn is_any(count: &Count) -> bool {
    count.started > 0 || count.done > 0 || count.failed > 0 || count.expected.is_some()
}

/// What a task is, in a word or two.
pub(super) const fn task(kind: TaskKind) -> &'static str {
    match kind {
        TaskKind::Query => "asking",
        TaskKind::Substitution => "fetching",
        TaskKind::Copy | TaskKind::SourceImport => "copying",
        TaskKind::Download => "downloading",
        TaskKind::InputFetch => "fetching input",
        TaskKind::PostBuildHook => "post-build hook",
        TaskKind::Store => "store",
        TaskKind::Connecting => "connecting",
        TaskKind::ToMachine => "uploading to",
        TaskKind::FromMachine => "copying from",
        TaskKind::UploadLock => "waiting to upload to",
        TaskKind::Lock => "waiting for a lock",
        TaskKind::Machine => "waiting for a machine",
        TaskKind::BuildUser => "waiting for a build user",
        _ => "busy",
    }
}

/// What a task is about: a place, or the name of what is in the store.
pub(super) fn subject(task: &Task<'_>) -> String {
    match task.kind {
        TaskKind::Query
        | TaskKind::Connecting
        | TaskKind::ToMachine
        | TaskKind::FromMachine
        | TaskKind::UploadLock => place(task.subject),
        _ => name(task.subject),
    }
}

/// What a log for people says has started last.
pub(super) fn latest(latest: &Latest<'_>) -> String {
    let what = latest.kind.map_or("building", task);
    format!("{what} {}", name(latest.subject))
}

/// What is said when a build has failed: one line, and the last lines of its log.
pub(super) fn failure(failed: &FailedBuild, mark: &str) -> String {
    let mut out = format!("{mark}{} failed", name(&failed.drv));
    if let Some(phase) = &failed.phase {
        out.push_str(" in ");
        out.push_str(phase);
    }
    if let Some(machine) = &failed.machine {
        out.push_str(" on ");
        out.push_str(&place(machine));
    }
    if let (Some(started), Some(ended)) = (failed.started, failed.ended) {
        out.push_str(" after ");
        out.push_str(&clock(ended.since(started)));
    }
    if let Some(reason) = &failed.reason {
        out.push_str(": ");
        out.push_str(reason);
    }
    for line in &failed.tail {
        out.push_str("\n    > ");
        out.push_str(line);
    }
    if failed.log_lines > failed.tail.len() as u64 {
        let lines = format::plural(failed.log_lines, "line");
        for part in ["\n    all ", &lines, ": nix log ", &failed.drv] {
            out.push_str(part);
        }
    }
    out
}

/// Takes from one of Nix's messages what it quotes of a build's log, which has been shown.
pub(super) fn without_tail(text: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    // `For full logs, run:`, and the command on a line of its own.
    let mut in_hint = false;
    for line in text.lines() {
        let bare = nixlog_core::wire::ansi::strip(line);
        let bare = bare.trim_start();
        let is_header =
            bare.to_ascii_lowercase().starts_with("last ") && bare.ends_with("log lines:");
        let is_hint = bare.starts_with("For full logs, run");
        let is_command =
            in_hint && (bare.starts_with("nix log ") || bare.starts_with("nix-store -l "));
        in_hint = is_hint && bare.ends_with(':');
        if !(is_header || is_hint || is_command || bare.starts_with("> ") || bare == ">") {
            kept.push(line);
        }
    }
    kept.join("\n")
}
