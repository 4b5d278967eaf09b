//! Which lines of a failed build's log name the cause.
//!
//! The first error in a log of 10,000 lines is rarely among the last 25. [`RULES`] know how compilers, linkers,
//! test runners and their like word an error, and how many lines belong to it; a [`Finder`] goes through a log
//! once and keeps the few that matter.

mod rules;
#[cfg(test)]
mod tests;

pub use rules::RULES;

use std::collections::VecDeque;
use std::sync::LazyLock;

use regex::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};

/// How well a line explains why a build failed. The greater, the better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Weight {
    /// What another error led to: `make: *** [all] Error 2`.
    Consequence,
    /// It sounds like an error, and nothing more is known.
    Hint,
    /// It names what failed: a test, a target, a file.
    Failure,
    /// It says why.
    Cause,
}

/// Which lines belong to an error besides the one that begins it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// None.
    Line,
    /// So many that follow.
    After(u8),
    /// Those that follow and are indented or empty.
    Indented,
    /// Those that follow, up to an empty one.
    Paragraph,
    /// Those that follow and are indented, and the first that is not: that one says what went wrong. The
    /// last ones matter most.
    Traceback,
    /// Those that follow and begin with the same characters.
    Begins(&'static str),
}

/// What an error means for the build as a whole, beyond that it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// Memory ran out.
    OutOfMemory,
    /// The disk is full.
    DiskFull,
}

/// How a tool words an error.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Rule {
    /// Who says it: `gcc`, `ld`, `cargo`; or what it is about.
    pub tool: &'static str,
    /// How well it explains.
    pub weight: Weight,
    /// A regular expression over the line, without color.
    pub pattern: &'static str,
    /// What belongs to it.
    pub extent: Extent,
    /// Which line says best what went wrong.
    pub headline: Headline,
    /// What it means.
    pub meaning: Option<Meaning>,
}

/// All patterns; the first that fits a line is its rule.
static PATTERNS: LazyLock<RegexSet> = LazyLock::new(|| {
    let patterns = RULES.iter().map(|rule| rule.pattern);
    RegexSetBuilder::new(patterns)
        .unicode(true)
        .build()
        .expect("the tests compile each pattern")
});

/// What every line has in it that fits a rule, if the rule says why: most lines have none
/// of it, and need no closer look.
static SIGNS: LazyLock<Regex> = LazyLock::new(|| {
    RegexBuilder::new(rules::SIGNS)
        .case_insensitive(true)
        .unicode(false)
        .build()
        .expect("the tests compile the pattern")
});

/// Returns the rule that a line fits, if it fits one. The line is without color.
#[must_use]
pub fn rule_of(line: &str) -> Option<&'static Rule> {
    if !may_fit(line) {
        return None;
    }
    let first = PATTERNS.matches(line).iter().next()?;
    RULES.get(first)
}

/// Tells whether a line may fit a rule; the line may have color and escapes in it.
#[must_use]
pub fn may_fit(raw: &str) -> bool {
    SIGNS.is_match(raw)
}

/// A line of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogLine {
    /// Its place in its build's log, from 1.
    pub number: u64,
    /// The line, without color; its end is cut off where it is very long.
    pub text: Box<str>,
}

impl LogLine {
    /// So many bytes of a line are kept.
    pub const MOST: usize = 1000;

    /// Makes one.
    #[must_use]
    pub fn new(number: u64, text: &str) -> Self {
        let text = text.trim_end();
        let cut = text.floor_char_boundary(Self::MOST);
        let text = match cut == text.len() {
            true => text.into(),
            false => format!("{}…", &text[..cut]).into(),
        };
        Self { number, text }
    }
}

/// Which of its lines says best what went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Headline {
    /// The first.
    First,
    /// The first says where, and the second what.
    Both,
    /// The last.
    Last,
}

/// An error in a log, with the lines that belong to it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Cause {
    /// The rule that its first line fits.
    pub rule: &'static Rule,
    /// Its lines. Of a long one the end is missing; of a traceback lines in the middle.
    pub lines: VecDeque<LogLine>,
}

impl Cause {
    /// Returns what says best what went wrong.
    #[must_use]
    pub fn headline(&self) -> String {
        let text = |line: Option<&'_ LogLine>| -> String {
            line.map_or_else(String::new, |line| line.text.trim().to_owned())
        };
        let first = text(self.lines.front());
        match self.rule.headline {
            Headline::First => first,
            Headline::Last => text(self.lines.back()),
            Headline::Both => format!("{first} {}", text(self.lines.get(1)))
                .trim_end()
                .to_owned(),
        }
    }
}

/// So many errors of the same weight are kept, from the first on.
const MOST_CAUSES: usize = 3;

/// So many lines of an error are kept.
const MOST_LINES: usize = 10;

/// Errors of the same weight.
#[derive(Debug, Clone, Default)]
struct SameWeight {
    first: Vec<Cause>,
    n: u64,
}

/// Goes through a log and keeps the errors that explain the most.
#[derive(Debug, Clone, Default)]
pub struct Finder {
    by_weight: [SameWeight; 4],
    /// The error whose lines may go on, where it is kept.
    open: Option<Open>,
    meaning: Option<Meaning>,
}

/// An error whose lines may go on.
#[derive(Debug, Clone, Copy)]
struct Open {
    extent: Extent,
    weight: Weight,
    /// So many lines of it came so far.
    n: u8,
    /// It is among those that are kept.
    kept: bool,
}

impl Finder {
    /// Tells whether the next line has to be shown to [`line`](Self::line): it belongs to an error, or may
    /// begin one. The line may have color and escapes in it.
    #[must_use]
    pub fn wants(&self, raw: &str) -> bool {
        self.open.is_some() || may_fit(raw)
    }

    /// Takes in the next line, without color. Lines that it does not [want](Self::wants) may be left out.
    pub fn line(&mut self, number: u64, text: &str) {
        let rule = rule_of(text);
        if let Some(open) = self.open {
            let is_better = rule.is_some_and(|rule| rule.weight > open.weight);
            if !is_better && self.goes_on(open, number, text) {
                return;
            }
            self.open = None;
        }
        let Some(rule) = rule else { return };
        self.meaning = self.meaning.or(rule.meaning);
        let same = &mut self.by_weight[rule.weight as usize];
        same.n += 1;
        let kept = same.first.len() < MOST_CAUSES;
        if kept {
            same.first.push(Cause {
                rule,
                lines: VecDeque::from([LogLine::new(number, text)]),
            });
        }
        self.open = (rule.extent != Extent::Line).then_some(Open {
            extent: rule.extent,
            weight: rule.weight,
            n: 1,
            kept,
        });
    }

    /// Takes in a line that may belong to the error before it; returns whether it does.
    fn goes_on(&mut self, mut open: Open, number: u64, text: &str) -> bool {
        let is_empty = text.trim().is_empty();
        let is_indented = text.starts_with([' ', '\t']);
        let (belongs, ends) = match open.extent {
            Extent::Line => (false, true),
            Extent::After(n) => (open.n <= n, open.n >= n),
            Extent::Indented => (is_indented || is_empty, false),
            Extent::Paragraph => (!is_empty, false),
            Extent::Traceback => (!is_empty, !is_indented),
            Extent::Begins(begin) => (text.starts_with(begin), false),
        };
        if !belongs {
            return false;
        }
        if open.kept {
            let same = &mut self.by_weight[open.weight as usize];
            if let Some(cause) = same.first.last_mut() {
                add(cause, LogLine::new(number, text));
            }
        }
        open.n = open.n.saturating_add(1);
        self.open = Some(open).filter(|_| !ends);
        true
    }

    /// Forgets all: what comes now has nothing to do with what came before.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Returns the errors that explain the most, in the order of the log, and how many there were of the
    /// like.
    #[must_use]
    pub fn causes(&self) -> (&[Cause], u64) {
        let best = self.by_weight.iter().rev().find(|same| same.n > 0);
        best.map_or((&[], 0), |same| (&same.first, same.n))
    }

    /// Returns what the errors mean for the build as a whole.
    #[must_use]
    pub fn meaning(&self) -> Option<Meaning> {
        self.meaning
    }
}

/// Adds a line to an error, as long as there is room; of a traceback the last lines matter.
fn add(cause: &mut Cause, line: LogLine) {
    if cause.lines.len() < MOST_LINES {
        cause.lines.push_back(line);
    } else if cause.rule.extent == Extent::Traceback {
        cause.lines.remove(1);
        cause.lines.push_back(line);
    }
}
