//! What caches gave, what they cost, and why the rest was built.
//!
//! A question (activity 109) and the download of the `.narinfo` inside it are one unit, as are a substitution
//! (108), its copy (100) and its download (101): nothing that is nested counts twice. What a build hook tells
//! of is left out: a remote machine asks and fetches for itself.

mod answers;
mod built;
mod settings;

use std::collections::{BTreeMap, HashMap, HashSet};

use indexmap::IndexMap;

pub use answers::CacheAnswer;
use answers::{Answers, Question};
pub use built::{Built, Why};
pub use settings::{CacheSettings, Finding, Oddity};

use super::critical_path::CriticalPath;
use crate::graph::DerivationGraph;
use crate::intervals;
use crate::time::{Interval, Nanos};
use crate::timeline::{
    CacheEvent, CacheFault, End, Name, Outcome, Part, Source, Timeline, Unit, UnitKind,
};

/// What caches did in one log.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct CacheUse<'a> {
    /// The caches, in the order in which they were first used.
    pub substituters: Vec<Substituter<'a>>,
    /// How many store paths came from them.
    pub substituted: usize,
    /// What was built, and why.
    pub built: Vec<Built>,
    /// Substituted over substituted and built that a cache was asked for; `None` where the log does not tell
    /// what caches were asked for.
    pub hit_rate: Option<f64>,
    /// Questions, and what they cost in vain.
    pub order: Option<Order>,
    /// Stores that paths were copied to.
    pub uploads: Vec<Upload<'a>>,
    /// Post-build hooks, which mostly push to a cache; `None` where none ran.
    pub hooks: Option<Transfers>,
    /// What Nix was set to; `None` where nobody asked.
    pub settings: Option<CacheSettings>,
}

/// What one cache did.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Substituter<'a> {
    /// Its address, as the log has it.
    pub uri: &'a str,
    /// Questions about paths, however often each was tried.
    pub asked: usize,
    /// It has the path.
    pub hit: usize,
    /// It has not.
    pub missed: usize,
    /// It did not answer.
    pub unanswered: usize,
    /// The log does not tell what it answered.
    pub unclear: usize,
    /// Looks whether a path is there that ask for no more than that.
    pub checked: usize,
    /// What failed for good, by kind: questions, downloads, and paths that were refused.
    pub failures: BTreeMap<CacheFault, usize>,
    /// Transfers that were tried again.
    pub retries: usize,
    /// How often Nix did not use it any more for some time.
    pub disabled: usize,
    /// When nothing arrived although a download had begun.
    pub stalls: Vec<Interval>,
    /// Paths that came from it.
    pub downloads: Transfers,
    /// How long each answered question took, sorted.
    pub latencies: Vec<Nanos>,
    /// For how long any question to it was under way.
    pub asking: Option<Nanos>,
    /// How much of the critical path lies in questions to it; `None` without a path.
    pub critical_asking: Option<Nanos>,
}

/// Paths that were moved, or hooks that ran.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transfers {
    /// How many arrived.
    pub paths: usize,
    /// How many failed.
    pub failed: usize,
    /// Bytes on the wire, those that were of no use among them.
    pub wire_bytes: Option<u64>,
    /// Bytes of the unpacked archives that arrived.
    pub unpacked_bytes: Option<u64>,
    /// For how long any of them was under way; of downloads, without unpacking.
    pub busy: Option<Nanos>,
    /// How much of the critical path lies in them; `None` without a path.
    pub critical: Option<Nanos>,
}

impl Transfers {
    /// Returns the bytes per second of busy time.
    #[must_use]
    pub fn bandwidth(&self) -> Option<u64> {
        let busy = self.busy?.get();
        let bytes = u128::from(self.wire_bytes?) * 1_000_000_000;
        let per_second = bytes.checked_div(u128::from(busy))?;
        u64::try_from(per_second).ok()
    }
}

/// What the order of caches costs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Order {
    /// Caches that were asked and had nothing, as indices into [`CacheUse::substituters`].
    pub never_had: Vec<usize>,
    /// For how long any question was under way that a cache answered with no.
    pub in_vain: Option<Nanos>,
    /// How much of the critical path lies in such questions.
    pub critical_in_vain: Option<Nanos>,
    /// The sum of what all questions took about paths that some cache had.
    pub asked: Option<Nanos>,
    /// A cheaper order, as indices, and what the same sum would be at most; `None` where there is none.
    pub better: Option<(Vec<usize>, Nanos)>,
}

/// A store that paths were copied to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Upload<'a> {
    /// Its address.
    pub uri: &'a str,
    /// What was copied.
    pub copies: Transfers,
}

/// Finds out what caches did. `path` is `None` where it is not known what depends on what. Takes
/// O(n log n) for n units.
#[must_use]
pub fn cache_use<'a>(
    timeline: &'a Timeline,
    source: &Source,
    graph: &DerivationGraph,
    path: Option<&CriticalPath>,
) -> CacheUse<'a> {
    let on_path = path.map(CriticalPath::by_unit);
    let critical = |unit: usize| {
        let on_path = on_path.as_ref()?;
        Some(on_path.get(&unit).copied().unwrap_or_default())
    };
    let settings = CacheSettings::new(source);
    let answers = Answers::new(timeline, graph);
    let mut questions = answers.questions.iter().peekable();
    let mut caches = Caches::default();
    let mut downloads: HashMap<&str, Sums> = HashMap::new();
    let mut uploads: IndexMap<&str, Sums> = IndexMap::new();
    let mut hooks = None;
    let mut paths: HashSet<Name> = HashSet::new();
    let machines: HashSet<Name> = timeline
        .units()
        .iter()
        .filter_map(|it| it.machine)
        .collect();
    for (index, unit) in timeline.units().iter().enumerate() {
        if !unit.started || unit.by_hook {
            continue;
        }
        let elsewhere = |store: Option<Name>| {
            let store = store.filter(|store| !machines.contains(store))?;
            Some(timeline.name(store)).filter(|uri| !is_this_store(uri))
        };
        let sums = match unit.kind {
            UnitKind::Query => {
                match questions.next_if(|it| it.unit == index) {
                    Some(question) => caches.question(timeline, question, critical(index)),
                    None => caches.file(timeline, unit, critical(index)),
                }
                continue;
            }
            UnitKind::Substitution => {
                if arrived(unit) {
                    paths.insert(unit.subject);
                }
                // Nobody remembers where those of a reconstruction come from.
                let Some(uri) = elsewhere(unit.source) else {
                    continue;
                };
                caches.place(uri);
                downloads.entry(uri).or_default()
            }
            UnitKind::Copy => match (elsewhere(unit.target), elsewhere(unit.source)) {
                (Some(store), _) => uploads.entry(store).or_default(),
                (None, Some(store)) => {
                    caches.place(store);
                    downloads.entry(store).or_default()
                }
                (None, None) => continue,
            },
            UnitKind::PostBuildHook => hooks.get_or_insert_default(),
            _ => continue,
        };
        sums.add(unit, critical(index));
    }
    let said = caches.remarks(timeline);
    let substituters = caches.finish(downloads, &said);
    let built = built::built(timeline, source, graph, &answers, settings.as_ref());
    let is_told = !answers.questions.is_empty() || built.is_empty();
    let wanted = paths.len() + built.iter().filter(|it| it.is_asked).count();
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 paths")]
    let hit_rate = (is_told && wanted > 0).then(|| paths.len() as f64 / wanted as f64);
    let upload = |(uri, sums): (_, Sums)| Upload {
        uri,
        copies: sums.total(),
    };
    CacheUse {
        order: order(timeline, &substituters, &answers, critical),
        substituters,
        substituted: paths.len(),
        built,
        hit_rate: hit_rate.filter(|_| !timeline.is_reconstructed()),
        uploads: uploads.into_iter().map(upload).collect(),
        hooks: hooks.map(Sums::total),
        settings,
    }
}

/// The file in which a cache says what it is.
const INFO: &str = "nix-cache-info";

/// Tells whether an address is that of the store at hand.
fn is_this_store(uri: &str) -> bool {
    matches!(
        uri,
        "" | "local" | "daemon" | "auto" | "local://" | "unix://"
    )
}

/// Tells whether a path came, as far as the log tells: in a log for people, it tells nothing of ends.
fn arrived(unit: &Unit) -> bool {
    match unit.outcome {
        Outcome::Succeeded => true,
        Outcome::Unknown => unit.end_kind != End::Open,
        _ => false,
    }
}

/// What transfers amount to.
#[derive(Default)]
struct Sums {
    transfers: Transfers,
    spans: Vec<Interval>,
}

impl Sums {
    fn add(&mut self, unit: &Unit, critical: Option<Nanos>) {
        let add = |sum: &mut Option<u64>, more: Option<u64>| {
            if let Some(more) = more {
                *sum = Some(sum.unwrap_or_default().saturating_add(more));
            }
        };
        let sums = &mut self.transfers;
        add(&mut sums.wire_bytes, unit.wire_bytes);
        if arrived(unit) {
            sums.paths += 1;
            add(&mut sums.unpacked_bytes, unit.nar_bytes);
        }
        sums.failed += usize::from(unit.outcome.is_failure());
        if let Some(critical) = critical {
            *sums.critical.get_or_insert_default() += critical;
        }
        let downloads = unit
            .stretches
            .iter()
            .filter(|it| it.part == Part::Downloads);
        let before = self.spans.len();
        self.spans.extend(downloads.map(|it| it.interval));
        if self.spans.len() == before {
            self.spans.extend(unit.interval());
        }
    }

    fn total(self) -> Transfers {
        Transfers {
            busy: (!self.spans.is_empty()).then(|| intervals::length(&self.spans)),
            ..self.transfers
        }
    }
}

/// Caches by their address, and when questions to them were under way.
#[derive(Default)]
struct Caches<'a>(IndexMap<&'a str, (Substituter<'a>, Vec<Interval>)>);

impl<'a> Caches<'a> {
    fn place(&mut self, uri: &'a str) -> usize {
        let new = Substituter {
            uri,
            ..Substituter::default()
        };
        let entry = self.0.entry(uri);
        let place = entry.index();
        entry.or_insert((new, Vec::new()));
        place
    }

    fn at(&mut self, uri: &'a str) -> &mut (Substituter<'a>, Vec<Interval>) {
        let place = self.place(uri);
        &mut self.0[place]
    }

    fn question(&mut self, timeline: &'a Timeline, question: &Question, critical: Option<Nanos>) {
        let unit = &timeline.units()[question.unit];
        let (cache, spans) = self.at(timeline.name(question.cache));
        cache.asked += 1;
        match question.answer {
            CacheAnswer::Hit => cache.hit += 1,
            CacheAnswer::Missed => cache.missed += 1,
            CacheAnswer::Unanswered => cache.unanswered += 1,
            CacheAnswer::Unclear => cache.unclear += 1,
        }
        cache.latencies.extend(question.latency(unit));
        cache.add_critical_asking(critical);
        spans.extend(unit.interval());
    }

    /// Takes in a file that was asked for by itself: what the cache says of itself, or a look whether a path
    /// is there.
    fn file(&mut self, timeline: &'a Timeline, unit: &Unit, critical: Option<Nanos>) {
        let Some((uri, file)) = timeline.name(unit.subject).rsplit_once('/') else {
            return;
        };
        let (cache, spans) = self.at(uri);
        cache.checked += usize::from(file != INFO);
        cache.add_critical_asking(critical);
        spans.extend(unit.interval());
    }

    /// Takes in what messages say, and stalls; returns of how many failed downloads of each cache they tell.
    fn remarks(&mut self, timeline: &'a Timeline) -> HashMap<&'a str, usize> {
        let mut said: HashMap<&str, usize> = HashMap::new();
        for remark in timeline.cache_remarks() {
            let info = remark.file.and_then(|file| {
                let (uri, file) = timeline.name(file).rsplit_once('/')?;
                (file == INFO).then_some(uri)
            });
            let uri = remark.cache.map(|uri| timeline.name(uri)).or(info);
            let Some(uri) = uri else { continue };
            let (cache, _) = self.at(uri);
            match remark.event {
                CacheEvent::Retried(_) => cache.retries += 1,
                CacheEvent::Failed(fault) => {
                    *cache.failures.entry(fault).or_default() += 1;
                    if !remark.is_query && fault != CacheFault::NotSigned {
                        *said.entry(uri).or_default() += 1;
                    }
                }
                CacheEvent::Disabled => cache.disabled += 1,
                CacheEvent::Stalled(stall) => cache.stalls.push(stall),
                CacheEvent::Answered(_) => {}
            }
        }
        said
    }

    fn finish(
        self,
        mut downloads: HashMap<&str, Sums>,
        said: &HashMap<&str, usize>,
    ) -> Vec<Substituter<'a>> {
        let finish = |(uri, (mut cache, spans)): (&str, (Substituter<'a>, Vec<Interval>))| {
            cache.latencies.sort_unstable();
            cache.asking = (!spans.is_empty()).then(|| intervals::length(&spans));
            cache.downloads = downloads.remove(uri).unwrap_or_default().total();
            // The counters may be all that tells of one.
            let said = said.get(uri).copied().unwrap_or_default();
            let untold = cache.downloads.failed.saturating_sub(said);
            if untold > 0 {
                let fault = match cache.disabled {
                    0 => CacheFault::Other,
                    _ => CacheFault::Disabled,
                };
                *cache.failures.entry(fault).or_default() += untold;
            }
            cache
        };
        self.0.into_iter().map(finish).collect()
    }
}

impl Substituter<'_> {
    fn add_critical_asking(&mut self, critical: Option<Nanos>) {
        if let Some(critical) = critical {
            *self.critical_asking.get_or_insert_default() += critical;
        }
    }
}

/// Finds out what the order of the caches cost; `None` where fewer than two were asked.
fn order(
    timeline: &Timeline,
    caches: &[Substituter<'_>],
    answers: &Answers,
    critical: impl Fn(usize) -> Option<Nanos>,
) -> Option<Order> {
    let asked: Vec<usize> = (0..caches.len())
        .filter(|&it| caches[it].asked > 0)
        .collect();
    if asked.len() < 2 {
        return None;
    }
    let place: HashMap<&str, usize> = (0..).zip(caches).map(|(at, it)| (it.uri, at)).collect();
    let is_missed = |it: &&Question| it.answer == CacheAnswer::Missed;
    let missed = || answers.questions.iter().filter(is_missed);
    let spans: Vec<Interval> = missed()
        .filter_map(|it| timeline.units()[it.unit].interval())
        .collect();
    let median: Vec<Option<Nanos>> = caches
        .iter()
        .map(|cache| quantile(&cache.latencies, 50))
        .collect();
    // What is known of each path that some cache had: who has it, and who was asked.
    let found: HashMap<Name, usize> = answers
        .questions
        .iter()
        .filter(|it| it.answer == CacheAnswer::Hit)
        .map(|it| (it.path, place[timeline.name(it.cache)]))
        .collect();
    let took = answers
        .questions
        .iter()
        .filter(|it| found.contains_key(&it.path))
        .map(|it| it.latency(&timeline.units()[it.unit]));
    let now: Option<Nanos> = took.sum();
    // Whoever says yes more often in the same time comes first.
    let mut by_yield = asked.clone();
    by_yield.sort_by_key(|&it| {
        let cost = u128::from(median[it].unwrap_or_default().get()) * caches[it].asked as u128;
        let hits = (caches[it].hit as u128).max(1);
        (caches[it].hit == 0, cost / hits)
    });
    let cost_of = |holder: usize| -> Option<Nanos> {
        let before = by_yield.iter().take_while(|&&it| it != holder);
        before.chain([&holder]).map(|&it| median[it]).sum()
    };
    let then: Option<Nanos> = found.values().map(|&holder| cost_of(holder)).sum();
    let better = now.zip(then).filter(|(now, then)| then < now);
    Some(Order {
        never_had: asked
            .iter()
            .copied()
            .filter(|&it| caches[it].missed > 0 && caches[it].missed == caches[it].asked)
            .collect(),
        in_vain: (!spans.is_empty()).then(|| intervals::length(&spans)),
        critical_in_vain: missed().map(|it| critical(it.unit)).sum(),
        asked: now,
        better: better.map(|(_, then)| (by_yield, then)),
    })
}

/// Returns the value below which so many hundredths of sorted values lie.
#[must_use]
pub fn quantile(sorted: &[Nanos], hundredths: usize) -> Option<Nanos> {
    let rank = (sorted.len() * hundredths).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}
