//! A log from its bytes to answers, step by step.
//!
//! ```text
//! bytes ──read──▶ Log ──explain──────────▶ Explained ──▶ analyses, reports
//!   or blocks     what ran  with_derivations   what waited for what, and why
//!   with arrivals
//! ```
//!
//! Each step takes the one before by value, so that none can be left out: what is only known at the end of
//! a log, or once its derivations are there, is known to every answer.
//!
//! ```
//! let log = br#"0.5 @nix {"action":"start","fields":["/nix/store/7ajh8plhm64ypnph30js1a3lq6zsyxqr-hello-2.12.drv","",1,1],"id":4294967296,"level":3,"parent":0,"text":"building","type":105}
//! 2.5 @nix {"action":"stop","id":4294967296}
//! "#;
//! let log = nixlog_core::read(log).explain();
//! let steps = log.path.steps(&log.timeline);
//! let build = steps.iter().filter_map(|step| step.unit).last().expect("a build");
//! let drv = log.timeline.name(log.timeline.units()[build].subject);
//! assert!(drv.ends_with("-hello-2.12.drv"));
//! ```

use std::io::{self, Read};
use std::ops::{Deref, DerefMut};

use crate::analysis::critical_path::{CriticalPath, critical_path};
use crate::analysis::nix_rules::NixRules;
use crate::analysis::past_run::PastRun;
use crate::analysis::run_graph::RunGraph;
use crate::analysis::slots::{KnownSlots, Slots};
use crate::analysis::under_way::ended_by;
use crate::drv::{Derivation, PathInfo};
use crate::graph::{DerivationGraph, GraphBuilder};
use crate::recording::{Contents, SideLine};
use crate::report::envelope::{Answer, Input, Report};
use crate::time::Stamp;
use crate::timeline::{
    Issue, IssueCode, Severity, Source, Timeline, TimelineBuilder, WatchBuilds, WatchEvaluation,
};
use crate::wire::block::{Block, Blocks};
use crate::wire::{Body, Line, LogReader};

/// Reads a whole log, in whatever carrier it is; a recording brings its derivations along.
#[must_use]
pub fn read(bytes: &[u8]) -> Log {
    let mut reading = Reading::new(LogReader::new(None));
    // What is in memory can be read to its end.
    drop(reading.all(bytes));
    reading.finish("-", None)
}

/// Reads a whole log from a reader, block by block.
///
/// # Errors
///
/// Passes on what the reader says.
pub fn read_from(bytes: impl Read) -> io::Result<Log> {
    let mut reading = Reading::new(LogReader::new(None));
    reading.all(bytes)?;
    Ok(reading.finish("-", None))
}

/// A log that is being read.
#[derive(Debug)]
pub struct Reading {
    reader: LogReader,
    builder: TimelineBuilder,
    contents: Contents,
    /// The derivations of a recording.
    graph: GraphBuilder,
}

impl Reading {
    /// Begins to read with a reader, which may know the carrier.
    #[must_use]
    pub fn new(reader: LogReader) -> Self {
        Self {
            reader,
            builder: TimelineBuilder::default(),
            contents: Contents::default(),
            graph: GraphBuilder::default(),
        }
    }

    /// Lets somebody watch the logs of builds, from now on.
    pub fn watch_builds(&mut self, watcher: impl WatchBuilds + 'static) {
        self.builder.watch(watcher);
    }

    /// Lets somebody watch the evaluator, from now on.
    pub fn watch_evaluation(&mut self, watcher: impl WatchEvaluation + 'static) {
        self.builder.watch_evaluation(watcher);
    }

    /// Keeps the recipes of the derivations that a recording has, from now on, and of those that are found
    /// for it later.
    pub fn keep_recipes(&mut self) {
        self.graph.keep_recipes();
    }

    /// Takes in all that an input has, of which nobody knows when it arrived.
    ///
    /// # Errors
    ///
    /// Passes on what the reader says.
    pub fn all(&mut self, input: impl Read) -> io::Result<()> {
        let mut blocks = Blocks::new(input);
        let mut buffer = Vec::new();
        while let Some(block) = blocks.next_block(buffer)? {
            self.block(&block, None, |_| {});
            buffer = block.into_buffer();
        }
        Ok(())
    }

    /// Returns what reads it.
    #[must_use]
    pub fn reader(&self) -> &LogReader {
        &self.reader
    }

    /// Takes in whole lines and when they arrived, if somebody watched; `each` sees those that are lines
    /// of the log.
    pub fn block(
        &mut self,
        block: &Block,
        arrival: Option<Stamp>,
        mut each: impl FnMut(&Line<'_>),
    ) {
        for line in self.reader.checked_block(block, arrival) {
            self.builder.push(&line);
            match line.body {
                Body::Side(json) => side(json, &mut self.contents, &mut self.graph),
                _ => each(&line),
            }
        }
    }

    /// Takes in what the reader still holds back, where somebody wants to see it.
    pub fn end(&mut self, mut each: impl FnMut(&Line<'_>)) {
        for line in self.reader.finish() {
            self.builder.push(&line);
            each(&line);
        }
    }

    /// Says when the command ended, or its log.
    pub fn ends_at(&mut self, end: Stamp) {
        self.builder.ends_at(end);
    }

    /// Returns what came of it. `started_at`: the wall clock in nanoseconds since 1970 when the first line
    /// could have arrived, where somebody watched.
    #[must_use]
    pub fn finish(mut self, name: &str, started_at: Option<i64>) -> Log {
        self.end(|_| {});
        let mut source = Source::new(name, &self.reader, started_at);
        source.take_recording(self.contents);
        Log {
            source,
            timeline: self.builder.finish(),
            brought: self.graph,
        }
    }
}

/// Takes in a side line of a recording.
fn side(json: &str, contents: &mut Contents, graph: &mut GraphBuilder) {
    match contents.push(json) {
        Some(SideLine::Derivation(record)) => {
            let file = record.file();
            let parsed = file
                .as_deref()
                .and_then(|file| Derivation::parse(file).ok());
            match parsed {
                Some(derivation) => {
                    graph.add_derivation(&record.path, &derivation);
                }
                None => contents.unreadable += 1,
            }
        }
        Some(SideLine::PathInfo(record)) => {
            graph.add_path_info(&PathInfo::new(
                record.path,
                record.nar_bytes,
                record.references,
                record.deriver,
            ));
        }
        _ => {}
    }
}

/// A log that has been read: what ran, and when.
#[derive(Debug)]
pub struct Log {
    /// What is known of the log itself.
    pub source: Source,
    /// What ran.
    pub timeline: Timeline,
    /// The derivations that the log brought along: those of a recording.
    pub brought: GraphBuilder,
}

impl Log {
    /// Wraps a result with what it was made from.
    pub fn report<R: Answer<From = Input>>(&self, result: R) -> Report<R> {
        Report::new(&self.source, &self.timeline, result)
    }

    /// Returns the slots: as somebody says, else as the recording says, else as were seen.
    #[must_use]
    pub fn slots(&self, max_jobs: Option<u32>) -> Slots {
        let recording = &self.source.recording;
        let known = match max_jobs {
            Some(_) => KnownSlots::new(max_jobs),
            None => KnownSlots::recorded(recording.max_jobs(), recording.max_substitution_jobs()),
        };
        let rules = recording.nix_version().and_then(NixRules::of_version);
        let known = known.with_build_users(recording.build_users());
        Slots::new(&self.timeline, known.with_rules(rules))
    }

    /// Tells the timeline which builds were downloads of sources; returns the graph of the derivations, where
    /// more is asked of them.
    pub fn tell_fixed_outputs(&mut self, derivations: GraphBuilder) -> DerivationGraph {
        let (graph, _) = derivations.finish_without_cycles();
        self.timeline
            .tell_fixed_outputs(|path| graph.is_fixed_output(path));
        graph
    }

    /// Explains it with the derivations that it brought along; without any, what waited for what is not
    /// known, and no answer pretends to know it.
    #[must_use]
    pub fn explain(mut self) -> Explained {
        let brought = std::mem::take(&mut self.brought);
        let origin = match brought.is_empty() {
            true => Origin::None,
            false => Origin::Recording,
        };
        self.with_derivations(Derivations::new(brought, origin))
    }

    /// Explains it with these derivations, in place of those that it brought along.
    #[must_use]
    pub fn with_derivations(mut self, derivations: Derivations) -> Explained {
        let Derivations {
            graph,
            origin,
            issues,
        } = derivations;
        self.source.graph = origin.name();
        self.source.issues.extend(issues);
        self.timeline
            .tell_fixed_outputs(|path| graph.is_fixed_output(path));
        let mut run = RunGraph::new(&self.timeline, &graph);
        let slots = self.slots(None);
        if run.coverage().unknown_ends > 0 {
            let bounds = ended_by(&self.timeline, &run, &slots);
            self.timeline.tell_ended_by(bounds);
            run = RunGraph::new(&self.timeline, &graph);
        }
        self.source.issues.extend(run.issues(&self.timeline));
        let path = critical_path(&self.timeline, &run, &slots);
        Explained {
            log: self,
            graph,
            run,
            path,
        }
    }
}

/// Where derivations come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Somebody gave them.
    Given,
    /// From the recording itself.
    Recording,
    /// From the local store.
    Store,
    /// There are none.
    None,
}

impl Origin {
    /// Returns the name, as in JSON; `None` for no origin.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::Given => Some("given"),
            Self::Recording => Some("recording"),
            Self::Store => Some("store"),
            Self::None => None,
        }
    }
}

/// Derivations and what is known about them.
#[derive(Debug)]
pub struct Derivations {
    graph: DerivationGraph,
    origin: Origin,
    /// What a reader of the result should know.
    pub issues: Vec<Issue>,
}

impl Derivations {
    /// Returns what there is and what it needs.
    #[must_use]
    pub fn graph(&self) -> &DerivationGraph {
        &self.graph
    }

    /// Takes derivations; where they depend on each other in a circle, which Nix never writes, it says so
    /// and ignores an edge.
    #[must_use]
    pub fn new(builder: GraphBuilder, origin: Origin) -> Self {
        let (graph, circular) = builder.finish_without_cycles();
        let issue = circular.first().map(|&(from, to)| {
            let (from, to) = (graph.base_name(from), graph.base_name(to));
            Issue {
                severity: Severity::Warning,
                code: IssueCode::CircularDerivations,
                count: circular.len() as u64,
                first_line: None,
                message: format!(
                    "dependency cycle between derivations, which Nix never writes; ignored: `{from}` depends on `{to}`"
                ),
            }
        });
        Self {
            issues: issue.into_iter().collect(),
            graph,
            origin,
        }
    }
}

/// A log with what depends on what in it.
#[derive(Debug)]
pub struct Explained {
    /// The log, whose ends its derivations may have told.
    pub log: Log,
    /// Derivations and what they need; empty where none were found.
    pub graph: DerivationGraph,
    /// What ran, and what of it needed what.
    pub run: RunGraph,
    /// The chain that explains the wall clock.
    pub path: CriticalPath,
}

impl Deref for Explained {
    type Target = Log;

    fn deref(&self) -> &Log {
        &self.log
    }
}

impl DerefMut for Explained {
    fn deref_mut(&mut self) -> &mut Log {
        &mut self.log
    }
}

impl Explained {
    /// Tells whether anything is known of what depends on what.
    #[must_use]
    pub fn is_known(&self) -> bool {
        !self.run.coverage().is_nothing()
    }

    /// Keeps what is worth it to be compared with other runs.
    #[must_use]
    pub fn past_run(&self, id: &str) -> PastRun {
        PastRun::new(
            id,
            &self.log.source,
            &self.log.timeline,
            &self.graph,
            &self.run,
            &self.path,
            self.is_known(),
        )
    }

    /// Returns the chain, where it is known what depends on what: else it is not worth much.
    #[must_use]
    pub fn known_path(&self) -> Option<&CriticalPath> {
        self.is_known().then_some(&self.path)
    }
}
