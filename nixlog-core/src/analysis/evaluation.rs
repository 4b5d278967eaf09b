//! Evaluation as the log tells it: how long it worked, what it stood still for, and which files came
//! when.
//!
//! Nix says when it begins with a file, never when it is done with it, and evaluates lazily: what a file
//! says may be evaluated long after the next one has begun. So the time until the next file is an upper
//! bound for the loading of a file, and no more is claimed.

use indexmap::{IndexMap, IndexSet};

use crate::eval::stats::{EvaluationStats, StatsLines};
use crate::intervals::{length, less, union};
use crate::time::{Interval, Nanos, Stamp};
use crate::timeline::{EvaluatorSign, Timeline, UnitKind, WatchEvaluation};

/// What the evaluator said of its work while a log was read.
#[derive(Debug, Default)]
pub struct EvaluationLog {
    /// Files, derivations and whatever else has a name, each once.
    names: IndexSet<Box<str>>,
    files: Vec<Begun>,
    derivations: Vec<Begun>,
    /// What was copied, as what, and how large it is.
    copies: IndexMap<Box<str>, Copied>,
    /// What Nix announced that it would import, and after how many files.
    imports: Vec<(u32, usize)>,
    warnings: IndexMap<Box<str>, u64>,
    /// The last line that may be a warning, of a log without events.
    last_line: String,
    attributes: AttributeCache,
    is_dirty: bool,
    lines: StatsLines,
    /// What evaluators printed at their end.
    pub stats: Vec<EvaluationStats>,
    /// Function calls that were entered.
    pub calls: u64,
}

/// Something that began: by its name, and when.
type Begun = (u32, Option<Stamp>);

/// How often the evaluation cache was asked, where the log tells (`-vvv`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AttributeCache {
    /// Attributes that came from it.
    pub hits: u64,
    /// Attributes that did not.
    pub misses: u64,
}

/// What is known of a source that was copied into the store.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Copied {
    /// The store path that it became.
    pub path: Option<Box<str>>,
    /// How large it is.
    pub bytes: Option<u64>,
}

impl EvaluationLog {
    /// So many different warnings are kept.
    const MOST_WARNINGS: usize = 1_000;

    fn name(&mut self, name: &str) -> u32 {
        let place = match self.names.get_index_of(name) {
            Some(place) => place,
            None => self.names.insert_full(name.into()).0,
        };
        u32::try_from(place).unwrap_or(u32::MAX)
    }

    fn text_of(&self, name: u32) -> &str {
        self.names.get_index(name as usize).map_or("", |name| name)
    }

    fn copied(&mut self, source: &str) -> &mut Copied {
        self.copies.entry(source.into()).or_default()
    }

    /// Returns what is known of a source that was copied into the store.
    #[must_use]
    pub fn copy_of(&self, source: &str) -> Option<&Copied> {
        let own = self.copies.get(source);
        own.or_else(|| self.copies.get(source.trim_end_matches('/')))
    }

    /// Returns the warnings, in their order, and how often each was printed.
    #[must_use]
    pub fn warnings(&self) -> impl ExactSizeIterator<Item = (&str, u64)> {
        self.warnings.iter().map(|(text, count)| (&**text, *count))
    }

    /// Returns what is known of the evaluation cache; `None` where the log does not tell.
    #[must_use]
    pub fn attributes(&self) -> Option<AttributeCache> {
        Some(self.attributes).filter(|cache| cache.hits + cache.misses > 0)
    }

    /// Returns the statistics of the evaluator that worked most: of several, it is the one that somebody
    /// waited for.
    #[must_use]
    pub fn most(&self) -> Option<&EvaluationStats> {
        self.stats.iter().max_by_key(|stats| stats.cpu_ns)
    }

    /// Tells whether there is anything of an evaluator.
    #[must_use]
    pub fn is_something(&self) -> bool {
        !self.stats.is_empty() || !self.files.is_empty() || self.calls > 0
    }

    /// Tells whether Nix said that the tree has changes of which nothing is cached.
    #[must_use]
    pub fn is_dirty(&self) -> bool {
        self.is_dirty
    }

    /// Tells whether Nix announced that it would build a derivation for an import.
    #[must_use]
    pub fn announced(&self, drv: &str) -> bool {
        let name = self.names.get_index_of(drv);
        self.imports
            .iter()
            .any(|(it, _)| Some(*it as usize) == name)
    }

    /// Returns the file that had begun last at an instant: what asked for something then is in it, or in
    /// one before it.
    #[must_use]
    pub fn file_at(&self, at: Stamp) -> Option<&str> {
        let n_begun = self.files.partition_point(|(_, begun)| *begun <= Some(at));
        let (file, begun) = self.files.get(n_begun.checked_sub(1)?)?;
        begun.is_some().then(|| self.text_of(*file))
    }
}

impl WatchEvaluation for EvaluationLog {
    fn sign(&mut self, sign: &EvaluatorSign<'_>, at: Option<Stamp>) {
        match *sign {
            EvaluatorSign::File(file) => {
                let file = self.name(file);
                self.files.push((file, at));
            }
            EvaluatorSign::Instantiated { name, .. } => {
                let name = self.name(name);
                self.derivations.push((name, at));
            }
            EvaluatorSign::Copied { source, path } => {
                self.copied(source).path = Some(path.into());
            }
            EvaluatorSign::CopiedLarge { source, bytes } => {
                self.copied(source).bytes = Some(bytes);
            }
            EvaluatorSign::Import { drv } => {
                let drv = self.name(drv);
                self.imports.push((drv, self.files.len()));
            }
            EvaluatorSign::Warning(text) => {
                let text = match text {
                    "" => std::mem::take(&mut self.last_line),
                    text => text.to_owned(),
                };
                if self.warnings.len() < Self::MOST_WARNINGS {
                    *self.warnings.entry(text.trim().into()).or_default() += 1;
                }
            }
            EvaluatorSign::Attribute { is_cached } => match is_cached {
                true => self.attributes.hits += 1,
                false => self.attributes.misses += 1,
            },
            EvaluatorSign::DirtyTree => self.is_dirty = true,
            EvaluatorSign::Call { entered, .. } => self.calls += u64::from(entered),
        }
    }

    fn text(&mut self, line: &str) {
        self.stats.extend(self.lines.push(line));
        if line.contains("warning:") {
            line.clone_into(&mut self.last_line);
        }
    }
}

/// What a log tells of evaluation.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Evaluation {
    /// For how long it worked; `None` without timestamps, or where there was none.
    pub working: Option<Nanos>,
    /// For how long it stood still.
    pub blocked: Option<Nanos>,
    /// Of that, for imports from derivations and for what came from caches.
    pub imports: Nanos,
    /// Of that, for flake inputs and other fetches.
    pub input_fetches: Nanos,
    /// Of that, for local sources on their way into the store.
    pub source_imports: Nanos,
    /// The files, in the order in which they first came.
    pub files: Vec<FileTime>,
    /// The derivations that were made, in the order in which they first came.
    pub derivations: Vec<FileTime>,
}

/// How long it took from the beginning of a file until the next one began; of a derivation, from the one
/// before to it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileTime {
    /// The file, as Nix names it; the name of a derivation.
    pub name: Box<str>,
    /// When it first began, of a derivation when it was there.
    pub begun: Option<Stamp>,
    /// How often it began.
    pub count: u64,
    /// For how long evaluation worked until the next one; `None` without timestamps.
    pub time: Option<Nanos>,
    /// The stretches in which it did.
    pub stretches: Vec<Interval>,
}

impl Evaluation {
    /// Puts together what a timeline knows and what the evaluator said. Takes O(n log n).
    #[must_use]
    pub fn new(timeline: &Timeline, log: &EvaluationLog) -> Self {
        let units = timeline.units().iter();
        let unit = units.clone().find(|unit| unit.kind == UnitKind::Evaluation);
        let of = |kind: UnitKind| -> Vec<Interval> {
            let units = units.clone().filter(|unit| unit.kind == kind);
            units.filter_map(|unit| unit.interval()).collect()
        };
        let imports: Vec<Interval> = timeline.imports().iter().map(|it| it.interval).collect();
        let fetches = of(UnitKind::InputFetch);
        let sources = of(UnitKind::SourceImport);
        let whole = unit.and_then(|unit| unit.interval());
        let all = [&imports[..], &fetches, &sources].concat();
        let working: Vec<Interval> = unit
            .into_iter()
            .flat_map(|unit| unit.stretches.iter().map(|stretch| stretch.interval))
            .collect();
        let working = union(&working);
        let ended = whole.map(Interval::end);
        Self {
            working: unit.and_then(|unit| unit.at_work),
            blocked: whole.map(|_| length(&all)),
            imports: length(&imports),
            // Each instant counts once: what is fetched while a build is waited for keeps nobody longer.
            input_fetches: length(&less(&union(&fetches), &imports)),
            source_imports: length(&less(&union(&sources), &[imports, fetches].concat())),
            files: times(log, &log.files, &working, ended, false),
            derivations: times(log, &log.derivations, &working, ended, true),
        }
    }
}

/// Gives each name the time in which evaluation worked until the next one began, or since the one before
/// was there.
fn times(
    log: &EvaluationLog,
    begun: &[Begun],
    working: &[Interval],
    ended: Option<Stamp>,
    since_the_one_before: bool,
) -> Vec<FileTime> {
    let mut times: IndexMap<u32, FileTime> = IndexMap::new();
    let start = working.first().map(|stretch| stretch.start());
    for (at, &(name, stamp)) in begun.iter().enumerate() {
        let other = match since_the_one_before {
            true => at.checked_sub(1).map_or(start, |before| begun[before].1),
            false => begun.get(at + 1).map_or(ended, |next| next.1),
        };
        let (from, to) = match since_the_one_before {
            true => (other, stamp),
            false => (stamp, other),
        };
        let interval = from.zip(to).and_then(|(from, to)| Interval::new(from, to));
        let first = working.partition_point(|stretch| Some(stretch.end()) <= from);
        let stretches = interval.into_iter().flat_map(|interval| {
            let rest = working[first..].iter();
            rest.map_while(move |stretch| stretch.clip(interval))
        });
        let time = times.entry(name).or_insert_with(|| FileTime {
            name: log.text_of(name).into(),
            begun: stamp,
            count: 0,
            time: stamp.map(|_| Nanos::ZERO),
            stretches: Vec::new(),
        });
        time.count += 1;
        for stretch in stretches.filter(|stretch| stretch.length() > Nanos::ZERO) {
            time.time = time.time.map(|time| time + stretch.length());
            time.stretches.push(stretch);
        }
    }
    times.into_values().collect()
}
