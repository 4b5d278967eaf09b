//! What a build that runs still takes: what Nix has announced, less what is done, simulated with durations as past
//! runs had them.
//!
//! A thread of its own reads the history and the derivations, and simulates; whoever shows the build only asks
//! what it has come to. Without a history there is no estimate.

use std::collections::{HashMap, HashSet};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use nixlog_core::analysis::estimate::{Options, Plan, Range, Usual, remaining};
use nixlog_core::graph::{GraphBuilder, NodeIdx};
use nixlog_core::log::Derivations;
use nixlog_core::store_path::base_name;
use nixlog_core::time::{Nanos, Stamp};
use nixlog_core::timeline::UnitKind;
use nixlog_core::timeline::live::Live;
use nixlog_core::wire::detail::Detail;
use nixlog_core::wire::event::Event;
use nixlog_core::wire::message::{self, Note};
use nixlog_core::wire::{Body, Line, ansi};

use crate::archive::history::{History, Which};
use crate::archive::recorder;
use crate::archive::runs::Place;
use crate::display::{Display, Foresight, Left};
use crate::evidence::derivations::{self, GraphArgs};
use crate::evidence::slots::SlotArgs;

/// So many of the latest runs are taken.
const RUNS: usize = 100;

/// So many runs are simulated each time.
const SAMPLES: u32 = 100;

/// What is left is asked for so often.
const EVERY: Nanos = Nanos::new(2_000_000_000);

/// The thread rests for so many times as long as it was at work.
const REST: u32 = 30;

/// Gives a display what past runs tell, where there are any. `command` is what runs; without it, whoever writes to
/// our standard input is asked for it.
pub(crate) fn ahead(display: &mut Display, command: Option<Vec<String>>) {
    let Ok(place) = Place::find() else {
        return;
    };
    if !History::path_in(&place).is_file() {
        return;
    }
    let shared = Arc::new(Mutex::new(Shared::default()));
    let (ask, asked) = mpsc::channel();
    thread::spawn({
        let shared = Arc::clone(&shared);
        move || answer(&place, command, &asked, &shared)
    });
    display.foresee(Forecast {
        ask,
        shared,
        planned: Vec::new(),
        fetches: Vec::new(),
        list: List::None,
        over: HashSet::new(),
        open: HashMap::new(),
        due: Stamp::ZERO,
    });
}

/// What the thread has come to.
#[derive(Default)]
struct Shared {
    usual: Option<Arc<Usual>>,
    /// What was left, and when.
    left: Option<(Stamp, Range)>,
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is left at an instant.
struct Question {
    at: Stamp,
    /// The derivations that are not built; and for how long those have run that run.
    builds: Vec<(String, Option<Nanos>)>,
    /// The paths that are not fetched.
    fetches: Vec<String>,
}

/// Follows a build, and asks what is left of it.
struct Forecast {
    ask: Sender<Question>,
    shared: Arc<Mutex<Shared>>,
    planned: Vec<String>,
    fetches: Vec<String>,
    /// Which list of a plan is being read.
    list: List,
    /// The derivations that are built, and the paths that are fetched.
    over: HashSet<String>,
    /// What runs, by the number of its activity.
    open: HashMap<u64, String>,
    due: Stamp,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum List {
    None,
    Builds,
    Fetches,
}

impl Forecast {
    fn note(&mut self, note: &Note<'_>) {
        match *note {
            Note::PlanBuild { .. } => self.list = List::Builds,
            Note::PlanFetch { .. } => self.list = List::Fetches,
            Note::PlanUnknown => self.list = List::None,
            Note::PlanItem { path } => match self.list {
                List::Builds => self.planned.push(path.to_owned()),
                List::Fetches => self.fetches.push(path.to_owned()),
                List::None => {}
            },
            _ => {}
        }
    }
}

impl Foresight for Forecast {
    fn line(&mut self, line: &Line<'_>) {
        match &line.body {
            Body::Event(Event::Start(start)) => {
                let subject = match start.detail() {
                    Detail::Build { drv, .. } => drv,
                    Detail::Substitute { path, .. } => path,
                    _ => return,
                };
                self.open.insert(start.id.0, subject.decode().into_owned());
            }
            Body::Event(Event::Stop(id)) => {
                self.over.extend(self.open.remove(&id.0));
            }
            Body::Event(Event::Message(message)) => {
                let text = message.text.decode();
                self.note(&message::read(&ansi::strip(&text)));
            }
            _ => {}
        }
    }

    fn tick(&mut self, live: &Live, now: Stamp) {
        if now < self.due || self.planned.is_empty() {
            return;
        }
        self.due = now + EVERY;
        let running: HashMap<&str, Option<Stamp>> = live
            .builds()
            .iter()
            .map(|build| (build.drv, build.since))
            .collect();
        let is_left = |path: &&String| !self.over.contains(*path);
        let left = self.planned.iter().filter(is_left);
        let builds = left.map(|drv| {
            let since = running.get(drv.as_str()).copied().flatten();
            (drv.clone(), since.map(|since| now.since(since)))
        });
        let question = Question {
            at: now,
            builds: builds.collect(),
            fetches: self.fetches.iter().filter(is_left).cloned().collect(),
        };
        // Where the thread has given up, there is no estimate.
        drop(self.ask.send(question));
    }

    fn usual(&self, name: &str) -> Option<Nanos> {
        let shared = lock(&self.shared);
        shared.usual.as_ref()?.typical(UnitKind::Build, name)
    }

    fn left(&self, now: Stamp) -> Option<Left> {
        let (at, range) = lock(&self.shared).left?;
        let passed = now.since(at);
        Some(Left {
            middle: range.p50 - passed,
            low: range.p10 - passed,
            high: range.p90 - passed,
        })
    }
}

/// Answers questions until nobody asks any more. What fails is an estimate less, and nobody's trouble.
fn answer(
    place: &Place,
    command: Option<Vec<String>>,
    asked: &Receiver<Question>,
    shared: &Mutex<Shared>,
) -> Option<()> {
    let history = History::open(place).ok()?;
    let which = Which {
        limit: Some(RUNS),
        comparable: true,
        ..Which::default()
    };
    let runs = history.whole_runs(&which).ok()?;
    if runs.is_empty() {
        return None;
    }
    let usual = Arc::new(Usual::new(&runs));
    lock(shared).usual = Some(Arc::clone(&usual));
    drop(runs);
    // Whoever writes to a pipe is known once something has come.
    let first = asked.recv().ok()?;
    let command = command.or_else(|| recorder::writer_of_stdin().map(|(command, _)| command));
    let (slots, _) = SlotArgs::default().find_for(command.unwrap_or_default());
    let mut options = Options::new(slots);
    options.samples = SAMPLES;
    let mut next = Some(first);
    let mut known: Option<(HashSet<String>, Derivations)> = None;
    while let Some(mut question) = next.take().or_else(|| asked.recv().ok()) {
        // Only the latest one matters.
        while let Ok(later) = asked.try_recv() {
            question = later;
        }
        let started = Instant::now();
        let is_known = known
            .as_ref()
            .is_some_and(|(names, _)| question.builds.iter().all(|(drv, _)| names.contains(drv)));
        if !is_known {
            known = Some(read(&question)?);
        }
        let (_, found) = known.as_ref()?;
        let left = left(&question, found, &usual, &options);
        lock(shared).left = left.map(|range| (question.at, range));
        thread::sleep(started.elapsed() * REST);
    }
    Some(())
}

/// Reads the derivations of what is to be built.
fn read(question: &Question) -> Option<(HashSet<String>, Derivations)> {
    let names: Vec<String> = question.builds.iter().map(|(drv, _)| drv.clone()).collect();
    let mut builder = GraphBuilder::default();
    for name in &names {
        builder.node(name);
    }
    let found = derivations::into(builder, &GraphArgs::default(), &names).ok()?;
    Some((names.into_iter().collect(), found))
}

fn left(
    question: &Question,
    found: &Derivations,
    usual: &Usual,
    options: &Options,
) -> Option<Range> {
    let graph = found.graph();
    let builds = question.builds.iter();
    let nodes: Vec<NodeIdx> = builds.filter_map(|(drv, _)| graph.find(drv)).collect();
    let fetches = question.fetches.iter().map(String::as_str);
    let plan = Plan::new(graph, &nodes, fetches);
    let elapsed: HashMap<&str, Nanos> = question
        .builds
        .iter()
        .filter_map(|(drv, elapsed)| Some((base_name(drv), (*elapsed)?)))
        .collect();
    remaining(&plan, usual, options, &elapsed)
}
