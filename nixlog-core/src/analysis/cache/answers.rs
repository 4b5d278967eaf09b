//! What caches answered. A log has the questions, and how many bytes came; what came of them shows in what
//! Nix did next: it asks one cache after the other, until one has the path.

use std::collections::{HashMap, HashSet};

use crate::graph::DerivationGraph;
use crate::store_path::{base_name, name_of};
use crate::time::Nanos;
use crate::timeline::{CacheEvent, End, Name, Outcome, Timeline, Unit, UnitKind};

/// Shorter than this is no `.narinfo`: the four lines that each must have are longer.
const SHORTEST: u64 = 100;

/// What a cache answered when it was asked for a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheAnswer {
    /// It has the path.
    Hit,
    /// It has not.
    Missed,
    /// It did not answer.
    Unanswered,
    /// The log does not tell.
    Unclear,
}

/// One cache, asked for one path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Question {
    /// Index into [`Timeline::units`].
    pub(super) unit: usize,
    pub(super) path: Name,
    pub(super) cache: Name,
    pub(super) answer: CacheAnswer,
}

impl Question {
    /// Returns how long the answer took, where there was one and its end is known.
    pub(super) fn latency(&self, unit: &Unit) -> Option<Nanos> {
        let is_answered = self.answer != CacheAnswer::Unanswered && unit.end_kind == End::Measured;
        unit.duration().filter(|_| is_answered)
    }
}

/// All questions of a log, and what is needed to judge them.
pub(super) struct Answers {
    /// In the order of their units.
    pub(super) questions: Vec<Question>,
    /// The questions about each path, in order.
    pub(super) by_path: HashMap<Name, Vec<usize>>,
    /// Paths by their base names.
    pub(super) by_base_name: HashMap<Box<str>, Name>,
    /// Paths by the names in them.
    pub(super) by_name: HashMap<Box<str>, Vec<Name>>,
}

impl Answers {
    pub(super) fn new(timeline: &Timeline, graph: &DerivationGraph) -> Self {
        let mut answers = Self {
            questions: Vec::new(),
            by_path: HashMap::new(),
            by_base_name: HashMap::new(),
            by_name: HashMap::new(),
        };
        for (index, unit) in timeline.units().iter().enumerate() {
            let (UnitKind::Query, Some(cache), false) = (unit.kind, unit.source, unit.by_hook)
            else {
                continue;
            };
            let questions = answers.by_path.entry(unit.subject).or_default();
            if questions.is_empty() {
                let path = base_name(timeline.name(unit.subject));
                answers.by_base_name.insert(path.into(), unit.subject);
                let named = answers.by_name.entry(name_of(path).into());
                named.or_default().push(unit.subject);
            }
            questions.push(answers.questions.len());
            answers.questions.push(Question {
                unit: index,
                path: unit.subject,
                cache,
                answer: CacheAnswer::Unclear,
            });
        }
        answers.judge(timeline, graph);
        answers
    }

    /// Returns the paths that a build makes, of those that caches were asked for; by its name where its
    /// derivation is not known.
    pub(super) fn made_by(
        &self,
        timeline: &Timeline,
        graph: &DerivationGraph,
        build: &Unit,
    ) -> Vec<Name> {
        let drv = timeline.name(build.subject);
        let node = graph.find(drv).map(|node| graph.node(node));
        match node.filter(|node| node.is_known()) {
            Some(node) => {
                let paths = node.outputs.iter().filter_map(|it| it.path.as_deref());
                let asked = paths.filter_map(|path| self.by_base_name.get(path));
                asked.copied().collect()
            }
            None => self.by_name.get(name_of(drv)).cloned().unwrap_or_default(),
        }
    }

    fn judge(&mut self, timeline: &Timeline, graph: &DerivationGraph) {
        let units = timeline.units();
        let mut taken: HashSet<(Name, Name)> = HashSet::new();
        let mut built: HashSet<Name> = HashSet::new();
        let mut any_failed = false;
        for unit in units.iter().filter(|unit| unit.started) {
            match unit.kind {
                UnitKind::Substitution | UnitKind::Copy => {
                    taken.extend(unit.source.map(|cache| (unit.subject, cache)));
                    any_failed |= unit.outcome != Outcome::Succeeded;
                }
                UnitKind::Build | UnitKind::SourceFetch => {
                    built.extend(self.made_by(timeline, graph, unit));
                }
                _ => {}
            }
        }
        let mut told: HashMap<(Name, Name), CacheAnswer> = HashMap::new();
        for remark in timeline.cache_remarks() {
            let (Some(path), Some(cache)) = (remark.path, remark.cache) else {
                continue;
            };
            let answer = match remark.event {
                // What is refused or breaks off was there.
                CacheEvent::Failed(_) if !remark.is_query => CacheAnswer::Hit,
                CacheEvent::Failed(_) => CacheAnswer::Unanswered,
                CacheEvent::Answered(200..=299) if remark.is_query => CacheAnswer::Hit,
                // S3 answers so where there is nothing.
                CacheEvent::Answered(403 | 404 | 410) if remark.is_query => CacheAnswer::Missed,
                _ => continue,
            };
            told.insert((path, cache), answer);
        }
        let remarks = timeline.cache_remarks().iter();
        let disabled: HashSet<Name> = remarks
            .filter(|remark| remark.event == CacheEvent::Disabled)
            .filter_map(|remark| remark.cache)
            .collect();
        let planned: HashSet<Name> = timeline.planned_fetches().iter().copied().collect();
        let mut last_asked: HashMap<Name, Name> = HashMap::new();
        for question in &self.questions {
            last_asked.insert(question.path, question.cache);
        }
        // What each cache is known to say where it has nothing: its size.
        let mut refusals: HashMap<Name, HashSet<u64>> = HashMap::new();
        for question in &mut self.questions {
            let unit = &units[question.unit];
            let key = (question.path, question.cache);
            let is_last = last_asked.get(&question.path) == Some(&question.cache);
            question.answer = if taken.contains(&key) {
                CacheAnswer::Hit
            } else if let Some(&told) = told.get(&key) {
                told
            } else if unit.wire_bytes.is_none() && disabled.contains(&question.cache) {
                // Nix knows what it would hear, and does not even try.
                CacheAnswer::Unanswered
            } else if !is_last {
                CacheAnswer::Missed
            } else if unit.end_kind == End::Open {
                CacheAnswer::Unclear
            } else if unit.wire_bytes.is_some_and(|bytes| bytes < SHORTEST) {
                CacheAnswer::Missed
            } else if planned.contains(&question.path) {
                CacheAnswer::Hit
            } else if built.contains(&question.path) && !any_failed {
                CacheAnswer::Missed
            } else {
                CacheAnswer::Unclear
            };
            if let (CacheAnswer::Missed, Some(bytes)) = (question.answer, unit.wire_bytes) {
                refusals.entry(question.cache).or_default().insert(bytes);
            }
        }
        for question in &mut self.questions {
            let unit = &units[question.unit];
            let refusals = refusals.get(&question.cache);
            if let (CacheAnswer::Unclear, Some(bytes), Some(refusals)) =
                (question.answer, unit.wire_bytes, refusals)
                && unit.end_kind != End::Open
            {
                question.answer = match refusals.contains(&bytes) {
                    true => CacheAnswer::Missed,
                    false => CacheAnswer::Hit,
                };
            }
        }
    }
}
