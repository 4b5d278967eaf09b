//! What is kept of the lines of builds while a log is read: steps and silences, never lines.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use foldhash::fast::FixedState;

use crate::build_log::steps::{self, Says, Sign, StepKind, Tool};
use crate::names::named;
use crate::time::{Interval, Nanos, Stamp};
use crate::timeline::{BuildLine, PhaseBegins, Unit, WatchBuilds};

/// The most steps that are kept of one build. LLVM has 7,000, Chromium 60,000.
const MOST_STEPS: usize = 100_000;
/// The most steps that are kept of all builds together: 200 MB of them.
const MOST_STEPS_IN_ALL: usize = 1_000_000;
/// The most bytes that are kept of a name or a line.
const MOST_BYTES: usize = 200;
/// So many silences are kept of one build, the longest.
const MOST_SILENCES: usize = 5;
/// How many of the steps that began last are looked at for one that is over.
const SEARCHED: usize = 200;

named! {
    /// What the time is that a step is said to have taken.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Took {
        /// As long as it took.
        Exactly = "exactly",
        /// Its end is not told: it took no longer.
        AtMost = "at-most",
        /// Its beginning is not told: it took no less.
        AtLeast = "at-least",
        /// Others ran beside it, and its end is not told: how long it was until the next one began.
        UntilNext = "until-next",
    }
}

/// A step of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step {
    /// What told of it.
    pub tool: Tool,
    /// What it was for.
    pub kind: StepKind,
    /// What the tool calls it.
    pub name: String,
    /// The line that told of it, from 1.
    pub line: u64,
    /// When it began, or by when it had begun; `None` where nothing tells.
    pub start: Option<Stamp>,
    /// When it was over.
    pub end: Option<Stamp>,
    /// The end is an upper bound.
    pub bounded: bool,
    /// How long it took, as far as is known.
    pub took: Option<Nanos>,
    /// What that is.
    pub took_is: Took,
}

impl Step {
    /// Returns when it was, as far as lines tell, certainly or most likely at work: from when it began, up to
    /// its end or to where the tool went on to something else.
    #[must_use]
    pub fn at_work(&self) -> Option<Interval> {
        let start = self.start?;
        match self.took_is {
            Took::UntilNext => {
                let end = start.as_nanos().saturating_add(self.took?.get());
                Interval::new(start, Stamp::from_nanos(end))
            }
            _ => Interval::new(start, self.end?),
        }
    }
}

/// A stretch of time in which a build printed no line.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Silence {
    /// When.
    pub interval: Interval,
    /// The number of the line before it; 0 where nothing was printed yet.
    pub after_line: u64,
    /// That line, as the builder wrote it without colors, cut where it is long.
    pub after: Box<str>,
}

/// What is kept of the lines of one build.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Trace {
    steps: Vec<Step>,
    /// Steps that there was no room for.
    left_out: u64,
    silences: Vec<Silence>,
    jobs: Option<u32>,
    /// The step under way of a tool that does one thing at a time, by its place.
    sequential: Option<usize>,
    /// Other steps under way, by their places.
    open: BTreeMap<(Tool, StepKind), Vec<usize>>,
    /// What each tool last told of, and when.
    marks: BTreeMap<Tool, Option<Stamp>>,
    last_tool: Option<Tool>,
    /// The last step of each tool whose next one tells how long it was until then.
    before: BTreeMap<Tool, usize>,
    last_line: u64,
    last_at: Option<Stamp>,
    last_text: String,
}

/// What is kept of the lines of all builds. Watches a log while it is read.
#[derive(Debug, Default)]
pub struct Traces {
    builds: HashMap<u32, Trace, FixedState>,
    n_steps: usize,
    /// Only silences are asked for.
    without_steps: bool,
}

impl WatchBuilds for Traces {
    fn line(&mut self, line: &BuildLine<'_>) {
        let trace = self.builds.entry(line.build).or_default();
        let before = trace.steps.len();
        let text = line.text.plain();
        trace.silent_until(line.at);
        if !self.without_steps
            && let Some(sign) = steps::read(&text)
        {
            let is_full = self.n_steps >= MOST_STEPS_IN_ALL || before >= MOST_STEPS;
            trace.told(&sign, line, &text, is_full);
        }
        trace.printed(line, &text);
        self.n_steps += trace.steps.len() - before;
    }

    fn phase(&mut self, phase: &PhaseBegins<'_>) {
        let trace = self.builds.entry(phase.build).or_default();
        trace.phase(phase.at);
    }
}

impl Traces {
    /// Keeps nothing but silences.
    #[must_use]
    pub fn of_silences() -> Self {
        Self {
            without_steps: true,
            ..Self::default()
        }
    }

    /// Ends the build of a unit and takes out what is known of it; `None` where it printed nothing.
    pub(super) fn take(&mut self, unit: &Unit) -> Option<Trace> {
        let mut trace = self.builds.remove(&unit.activity?)?;
        trace.finish(unit);
        Some(trace)
    }
}

impl Trace {
    /// Returns the steps, in the order of the lines that told of them.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Returns for how many steps there was no room.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Returns the longest silences, the longest first.
    #[must_use]
    pub fn silences(&self) -> &[Silence] {
        &self.silences
    }

    /// Returns how many jobs the tools were told to run at once.
    #[must_use]
    pub fn jobs(&self) -> Option<u32> {
        self.jobs
    }

    /// Takes in what a tool says of a step.
    fn told(&mut self, sign: &Sign<'_>, line: &BuildLine<'_>, text: &str, is_full: bool) {
        // Ninja counts from 1 again: another run of it, which begins after the line before.
        if sign.tool == Tool::Ninja && text.starts_with("[1/") {
            self.marks.insert(Tool::Ninja, self.last_at);
        }
        self.sign(sign, line.number, line.at, is_full);
        self.marks.insert(sign.tool, line.at);
        self.last_tool = Some(sign.tool);
    }

    /// Remembers a line as the last one.
    fn printed(&mut self, line: &BuildLine<'_>, text: &str) {
        self.last_line = line.number;
        self.last_at = line.at.or(self.last_at);
        self.last_text.clear();
        self.last_text.push_str(clip(text));
    }

    fn sign(&mut self, sign: &Sign<'_>, number: u64, at: Option<Stamp>, is_full: bool) {
        let since = match self.last_tool == Some(sign.tool) {
            true => self.marks.get(&sign.tool).copied().flatten(),
            false => self.last_at,
        };
        let mut step = Step {
            tool: sign.tool,
            kind: sign.kind,
            name: String::new(),
            line: number,
            start: at,
            end: at,
            bounded: false,
            took: sign.took,
            took_is: Took::Exactly,
        };
        match sign.says {
            Says::Begins | Says::BeginsBeside | Says::BeginsTold => {
                self.end_sequential(at);
                self.next_begins(sign.tool, at);
                step.end = None;
                step.bounded = true;
                let is_alone = sign.says == Says::Begins
                    || sign.says == Says::BeginsBeside && self.jobs == Some(1);
                step.took_is = match sign.says {
                    Says::BeginsBeside if !is_alone => Took::UntilNext,
                    _ => Took::AtMost,
                };
                let Some(place) = self.push(step, sign.name, is_full) else {
                    return;
                };
                if is_alone {
                    self.sequential = Some(place);
                    return;
                }
                if sign.says == Says::BeginsBeside {
                    self.before.insert(sign.tool, place);
                }
                let open = self.open.entry((sign.tool, sign.kind));
                open.or_default().push(place);
            }
            Says::Answers => {
                self.end_sequential(self.last_at);
                step.start = self.last_at;
                self.push(step, sign.name, is_full);
            }
            Says::Ended | Says::EndedBeside => {
                self.end_sequential(self.last_at);
                if self.told_over(sign, at) {
                    return;
                }
                if let Some(took) = sign.took {
                    let start = |at: Stamp| at.as_nanos().saturating_sub(took.get());
                    step.start = at.map(|at| Stamp::from_nanos(start(at)));
                    // The line may have waited for others.
                    step.bounded = sign.says == Says::EndedBeside;
                } else {
                    step.start = since;
                    if sign.says == Says::EndedBeside && self.jobs != Some(1) {
                        step.took_is = Took::AtLeast;
                    }
                }
                self.push(step, sign.name, is_full);
            }
            Says::Continues => {
                let last = self.steps.last_mut();
                if let Some(last) = last.filter(|last| last.tool == sign.tool) {
                    last.end = at;
                }
            }
            Says::Closes => {
                if !self.told_over(sign, at) {
                    self.target_built(sign, at);
                }
            }
            Says::ClosesAll => {
                let kinds = match sign.kind {
                    StepKind::Other => &StepKind::ALL[..],
                    kind => &[kind],
                };
                for kind in kinds {
                    for place in self.open.remove(&(sign.tool, *kind)).unwrap_or_default() {
                        let step = &mut self.steps[place];
                        match step.took_is {
                            Took::UntilNext => step.over(at),
                            _ => step.told_over(at, None),
                        }
                    }
                }
                self.before.remove(&sign.tool);
            }
            Says::Works => self.end_sequential(at),
            Says::Took => {
                // Of what is told one by one, nothing has to be told again.
                let is_told = |step: &Step| step.end.is_some() && step.name.contains("::");
                let tail = &self.steps[self.steps.len().saturating_sub(SEARCHED)..];
                if !tail.iter().any(is_told) {
                    (step.start, step.end) = (None, None);
                    self.push(step, sign.name, is_full);
                }
            }
            Says::Flags => {
                self.end_sequential(at);
                self.jobs = steps::jobs(sign.name).or(self.jobs);
            }
        }
    }

    /// Ends the step of a tool that does one thing at a time.
    fn end_sequential(&mut self, at: Option<Stamp>) {
        if let Some(place) = self.sequential.take() {
            self.steps[place].over(at);
        }
    }

    /// Notes how long it was until the next step of a tool began.
    fn next_begins(&mut self, tool: Tool, at: Option<Stamp>) {
        if let Some(place) = self.before.remove(&tool) {
            let step = &mut self.steps[place];
            step.took = length(step.start, at);
        }
    }

    /// Ends the step of a name; tells whether there is one.
    fn told_over(&mut self, sign: &Sign<'_>, at: Option<Stamp>) -> bool {
        let Some(open) = self.open.get_mut(&(sign.tool, sign.kind)) else {
            return false;
        };
        let searched = open.len().saturating_sub(SEARCHED);
        let is_it = |place: &usize| self.steps[*place].name == clip(sign.name);
        let Some(found) = open[searched..].iter().rposition(is_it) else {
            return false;
        };
        let place = open.remove(searched + found);
        self.steps[place].told_over(at, sign.took);
        true
    }

    /// Ends what makes up a target of `CMake` that is built now: `Built target x`.
    fn target_built(&mut self, sign: &Sign<'_>, at: Option<Stamp>) {
        let folder = format!("CMakeFiles/{}.dir/", sign.name);
        for kind in [StepKind::Compile, StepKind::Link] {
            let Some(open) = self.open.get_mut(&(sign.tool, kind)) else {
                continue;
            };
            let tail = open.split_off(open.len().saturating_sub(SEARCHED));
            for place in tail {
                let step = &mut self.steps[place];
                let file = step.name.rsplit('/').next().unwrap_or_default();
                let stem = file.strip_prefix("lib").unwrap_or(file);
                let rest = file
                    .strip_prefix(sign.name)
                    .or(stem.strip_prefix(sign.name));
                let is_linked = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
                if kind == StepKind::Link && is_linked {
                    step.told_over(at, None);
                    if self.before.get(&sign.tool) == Some(&place) {
                        self.before.remove(&sign.tool);
                    }
                } else if kind == StepKind::Compile && step.name.contains(&folder) {
                    step.end = at;
                } else {
                    open.push(place);
                }
            }
        }
    }

    /// A builder phase begins: nothing of the one before goes on.
    fn phase(&mut self, at: Option<Stamp>) {
        self.silent_until(at);
        self.end_all(at);
        self.last_at = at.or(self.last_at);
    }

    fn end_all(&mut self, at: Option<Stamp>) {
        self.end_sequential(at);
        for place in std::mem::take(&mut self.open).into_values().flatten() {
            self.steps[place].over(at);
        }
        self.before.clear();
        self.marks.clear();
        self.last_tool = None;
    }

    fn finish(&mut self, unit: &Unit) {
        if self.last_at.is_some() {
            self.silent_until(unit.end);
        }
        let start = unit.start.filter(|_| self.last_at.is_some());
        self.end_all(unit.end.max(self.last_at));
        for step in &mut self.steps {
            // A test that took longer than the build did not.
            step.start = step.start.max(start.filter(|_| step.start.is_some()));
            if step.took.is_none() {
                step.took = length(step.start, step.end);
            }
        }
        self.silences
            .sort_by_key(|silence| (Reverse(silence.interval.length()), silence.interval.start()));
    }

    /// Notes that nothing was printed since the line before.
    fn silent_until(&mut self, at: Option<Stamp>) {
        let Some(interval) = self
            .last_at
            .zip(at)
            .and_then(|(since, at)| Interval::new(since, at))
        else {
            return;
        };
        let shortest = match self.silences.len() {
            n if n < MOST_SILENCES => Nanos::ZERO,
            _ => self.silences[0].interval.length(),
        };
        if interval.length() <= shortest {
            return;
        }
        let silence = Silence {
            interval,
            after_line: self.last_line,
            after: self.last_text.as_str().into(),
        };
        // Sorted, the shortest first.
        let place = self
            .silences
            .partition_point(|other| other.interval.length() < interval.length());
        self.silences.insert(place, silence);
        if self.silences.len() > MOST_SILENCES {
            self.silences.remove(0);
        }
    }

    /// Keeps a step, if there is room; returns its place.
    fn push(&mut self, mut step: Step, name: &str, is_full: bool) -> Option<usize> {
        if is_full {
            self.left_out += 1;
            return None;
        }
        clip(name).clone_into(&mut step.name);
        self.steps.push(step);
        Some(self.steps.len() - 1)
    }
}

impl Step {
    /// It is over at the latest now: something begins that does not begin before.
    fn over(&mut self, at: Option<Stamp>) {
        self.end = at;
        if self.took.is_none() {
            self.took = length(self.start, at);
        }
    }

    /// It is over now: a line says so.
    fn told_over(&mut self, at: Option<Stamp>, took: Option<Nanos>) {
        self.end = at;
        self.bounded = false;
        self.took_is = Took::Exactly;
        self.took = took.or_else(|| length(self.start, at));
    }
}

fn length(start: Option<Stamp>, end: Option<Stamp>) -> Option<Nanos> {
    let interval = start
        .zip(end)
        .and_then(|(start, end)| Interval::new(start, end));
    interval.map(Interval::length)
}

/// Cuts a text to what is kept of it.
fn clip(text: &str) -> &str {
    let end = text.floor_char_boundary(MOST_BYTES);
    &text[..end]
}
