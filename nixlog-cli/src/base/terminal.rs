//! The terminal: how wide it is, and whether it wants colour, and what it can show. Nothing else looks at it.

use std::env;
use std::io::{self, IsTerminal, Write as _};

use crate::base::arguments::ColorWhen;

/// Tells whether somebody looks at what is written.
pub(crate) fn is_terminal(stream: &impl IsTerminal) -> bool {
    stream.is_terminal()
}

/// Returns how many columns text should fit; `None` where nothing limits it.
pub(crate) fn width(stream: &impl IsTerminal) -> Option<usize> {
    let told = env::var("COLUMNS")
        .ok()
        .and_then(|columns| columns.parse().ok())
        .filter(|&columns| columns > 0);
    if told.is_some() || !stream.is_terminal() {
        return told;
    }
    terminal_size::terminal_size().map(|(width, _)| usize::from(width.0))
}

/// Returns how many columns and lines the terminal has that standard error is; what is usual where it
/// does not tell.
pub(crate) fn size() -> (usize, usize) {
    told_size().unwrap_or((80, 24))
}

fn told_size() -> Option<(usize, usize)> {
    let (width, height) = terminal_size::terminal_size_of(io::stderr())?;
    Some((usize::from(width.0), usize::from(height.0)))
}

/// Tells whether lines of standard error can be painted over.
pub(crate) fn can_move() -> bool {
    let can_move = env::var_os("TERM").is_some_and(|term| term != "dumb" && !term.is_empty());
    // Where nobody knows how large a terminal is, nobody knows where its bottom is.
    can_move && io::stderr().is_terminal() && told_size().is_some()
}

/// Writes to standard error, all at once. Whether anybody reads it is not asked.
pub(crate) fn write(bytes: &[u8]) {
    let mut out = io::stderr().lock();
    drop(out.write_all(bytes).and_then(|()| out.flush()));
}

/// Tells whether the locale is one without UTF-8. Where none is set, as in many containers, it is not
/// known, and what nixlog prints is UTF-8 anyway.
pub(crate) fn is_ascii() -> bool {
    let set = |name| env::var(name).ok().filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set);
    locale.is_some_and(|locale| {
        let locale = locale.to_ascii_lowercase();
        !locale.contains("utf-8") && !locale.contains("utf8")
    })
}

/// Tells whether to use colour (<https://no-color.org>, <https://bixense.com/clicolors>).
pub(crate) fn color(when: ColorWhen, stream: &impl IsTerminal) -> bool {
    let set = |name| env::var_os(name).is_some_and(|value| !value.is_empty() && value != "0");
    match when {
        ColorWhen::Always => true,
        ColorWhen::Never => false,
        ColorWhen::Auto if env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) => false,
        ColorWhen::Auto if set("CLICOLOR_FORCE") || set("FORCE_COLOR") => true,
        ColorWhen::Auto => {
            stream.is_terminal() && env::var_os("TERM").is_none_or(|term| term != "dumb")
        }
    }
}
