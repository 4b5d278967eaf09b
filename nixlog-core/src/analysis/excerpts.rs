//! What is kept of the logs of builds for the case that they fail: the last lines, and those that name a
//! cause.
//!
//! Nobody knows which builds fail while they run, and a log may have very many builds: of those that have
//! been silent for long, and of which no message says that they failed, nothing is kept.

use std::collections::{HashMap, VecDeque};

use foldhash::fast::FixedState;

use crate::build_log::causes::{Finder, LogLine};
use crate::names::named;
use crate::store_path::{base_name, name_of};
use crate::timeline::{BuildLine, PhaseBegins, WatchBuilds};

/// So many of a log's last lines are kept.
const MOST_TAIL: usize = 25;

/// When so many bytes have been kept of builds of which none is known to have failed, half of them go.
const MOST_BYTES: usize = 16 << 20;

/// So many bytes are kept of builds that are known to have failed.
const MOST_FAILED_BYTES: usize = 64 << 20;

type Map<K, V> = HashMap<K, V, FixedState>;

named! {
    /// Where lines of a build's log come from.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum LogSource, default Log {
        /// From the log itself.
        Log = "log",
        /// From Nix's message about the failure, which quotes the last ones: nobody knows their numbers.
        Message = "message",
        /// From the log that Nix stored of the build.
        Store = "store",
    }
}

/// What is kept of the log of one build.
#[derive(Debug, Clone, Default)]
pub struct Excerpt {
    /// The base name of the derivation, as far as it was known.
    drv: Box<str>,
    tail: Tail,
    finder: Finder,
    /// The last builder phase that began.
    phase: Box<str>,
    /// Where the lines come from.
    pub source: LogSource,
}

impl Excerpt {
    /// Returns the last lines.
    #[must_use]
    pub fn tail(&self) -> Vec<LogLine> {
        let lines = self.tail.iter();
        lines
            .map(|(number, text)| LogLine::new(number, text))
            .collect()
    }

    /// Returns what names a cause.
    #[must_use]
    pub fn finder(&self) -> &Finder {
        &self.finder
    }

    /// Takes in a line; returns by how many bytes more are kept now.
    pub fn line(&mut self, number: u64, raw: &str, text: &str) -> usize {
        if self.finder.wants(raw) {
            self.finder.line(number, text);
        }
        let before = self.tail.bytes();
        self.tail
            .push(number, &text[..text.floor_char_boundary(LogLine::MOST + 1)]);
        self.tail.bytes().saturating_sub(before)
    }

    /// Takes in that a builder phase begins: what came before it did not end the build.
    pub fn phase(&mut self, name: &str) {
        if *self.phase != *name {
            self.phase = name.into();
            self.finder.clear();
        }
    }

    fn bytes(&self) -> usize {
        size_of::<Self>() + self.tail.bytes()
    }
}

/// The last lines of a log, one behind the other in one text: most builds succeed, and nobody ever reads them.
#[derive(Debug, Clone, Default)]
struct Tail {
    text: String,
    /// Where the first line begins that still counts.
    start: usize,
    /// Their numbers and lengths.
    lines: VecDeque<(u64, usize)>,
}

impl Tail {
    fn push(&mut self, number: u64, line: &str) {
        if self.lines.len() == MOST_TAIL
            && let Some((_, length)) = self.lines.pop_front()
        {
            self.start += length;
            if self.start > self.text.len() / 2 {
                self.text.drain(..self.start);
                self.start = 0;
            }
        }
        self.text.push_str(line);
        self.lines.push_back((number, line.len()));
    }

    fn iter(&self) -> impl Iterator<Item = (u64, &str)> {
        let mut rest = &self.text[self.start..];
        self.lines.iter().map(move |&(number, length)| {
            let (line, behind) = rest.split_at(length);
            rest = behind;
            (number, line)
        })
    }

    fn bytes(&self) -> usize {
        self.text.capacity() + self.lines.capacity() * size_of::<(u64, usize)>()
    }
}

/// Excerpts by the builds that they are of.
#[derive(Debug, Default)]
struct Kept {
    by_build: Map<u32, Excerpt>,
    /// The last build of each derivation.
    by_drv: Map<Box<str>, u32>,
    /// The last build of each name in such a path.
    by_name: Map<Box<str>, u32>,
}

impl Kept {
    fn put(&mut self, build: u32, excerpt: Excerpt) {
        self.by_drv.insert(excerpt.drv.clone(), build);
        let name = name_of(&excerpt.drv);
        if !name.is_empty() {
            self.by_name.insert(name.into(), build);
        }
        self.by_build.insert(build, excerpt);
    }

    fn take(&mut self, build: u32) -> Option<Excerpt> {
        self.by_build.remove(&build)
    }

    /// Finds the build that a message names: by derivation, or by the path of an output.
    fn find(&self, subject: &str) -> Option<u32> {
        let base = base_name(subject);
        if let Some(&build) = self.by_drv.get(base) {
            return Some(build);
        }
        if base.ends_with(".drv") {
            return None;
        }
        // The longest name that fits is the likeliest: an output's own part is short.
        let name = name_of(subject);
        let mut ends = name.match_indices('-').map(|(at, _)| at).rev();
        let build = self.by_name.get(name);
        let build = build.or_else(|| ends.find_map(|end| self.by_name.get(&name[..end])));
        build.copied()
    }
}

/// Watches the logs of builds, and keeps what would explain a failure.
#[derive(Debug, Default)]
pub struct Excerpts {
    /// Those that had lines lately.
    young: Kept,
    /// Those that had their last line before.
    old: Kept,
    /// Those of which a message said that they failed.
    failed: Kept,
    bytes: usize,
    failed_bytes: usize,
}

impl Excerpts {
    /// Returns what was kept of a build's log.
    #[must_use]
    pub fn of(&self, build: u32) -> Option<&Excerpt> {
        let mut all = [&self.failed, &self.young, &self.old].into_iter();
        all.find_map(|kept| kept.by_build.get(&build))
    }

    /// Adds what is known of a build's log from elsewhere.
    pub fn add(&mut self, build: u32, excerpt: Excerpt) {
        self.failed.put(build, excerpt);
    }

    /// Returns how many bytes of lines are kept.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let all = [&self.failed, &self.young, &self.old];
        let excerpts = all.iter().flat_map(|kept| kept.by_build.values());
        excerpts.map(Excerpt::bytes).sum()
    }

    /// Finds a build's excerpt where new lines go.
    fn excerpt(&mut self, build: u32, drv: &str) -> &mut Excerpt {
        if self.failed.by_build.contains_key(&build) {
            return self.failed.by_build.entry(build).or_default();
        }
        if !self.young.by_build.contains_key(&build) {
            let excerpt = self.old.take(build).unwrap_or_else(|| Excerpt {
                drv: base_name(drv).into(),
                ..Excerpt::default()
            });
            self.bytes += excerpt.bytes();
            self.young.put(build, excerpt);
        }
        self.young.by_build.entry(build).or_default()
    }
}

impl WatchBuilds for Excerpts {
    fn line(&mut self, line: &BuildLine<'_>) {
        let text = line.text.plain();
        let excerpt = self.excerpt(line.build, line.drv);
        self.bytes += excerpt.line(line.number, line.text.raw(), &text);
        if self.bytes > MOST_BYTES {
            self.old = std::mem::take(&mut self.young);
            self.bytes = 0;
        }
    }

    fn phase(&mut self, phase: &PhaseBegins<'_>) {
        for kept in [&mut self.young, &mut self.old, &mut self.failed] {
            if let Some(excerpt) = kept.by_build.get_mut(&phase.build) {
                excerpt.phase(phase.name);
            }
        }
    }

    fn failed(&mut self, subject: Option<&str>) {
        let Some(subject) = subject else { return };
        for kept in [&mut self.young, &mut self.old] {
            if self.failed_bytes < MOST_FAILED_BYTES
                && let Some(build) = kept.find(subject)
                && let Some(excerpt) = kept.take(build)
            {
                self.failed_bytes += excerpt.bytes();
                self.failed.put(build, excerpt);
                return;
            }
        }
    }
}
