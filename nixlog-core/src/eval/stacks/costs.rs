//! What each function, file, module … cost, itself and with what it called.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use super::keys::{By, Keys, NONE, Names};
use super::reader::Facts;
use super::texts::Texts;
use super::{Sink, Unit};

/// How many callers of a key are kept in the end, those that cost most.
const CALLERS: usize = 8;

/// How many pairs of a key and its caller are counted, for each table: about 9 MB.
const PAIRS: usize = 400_000;

/// Adds up costs by keys.
///
/// Each position of the stack remembers what had been spent when its call began, so a call costs what has been
/// spent between its begin and its end; nothing is done for calls that go on. Of calls of one key within each
/// other only the outermost counts, so that no cost counts twice.
#[derive(Debug)]
pub struct Costs<'n> {
    tables: Vec<Adding<'n>>,
    frames_on_stack: Vec<u32>,
    spent: u64,
}

/// What a profile says, by each kind of keys that was asked for.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Profile {
    /// What costs are counted in.
    pub unit: Unit,
    /// All of it.
    pub total: u64,
    /// What else is known of it, and what could not be read.
    pub facts: Facts,
    /// In the order in which they were asked for.
    pub tables: Vec<Table>,
}

/// Costs by one kind of keys. The own costs of all rows add up to the profile's total.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Table {
    /// What the keys are.
    pub by: By,
    /// Those with the highest inclusive cost first.
    pub rows: Vec<Row>,
    /// There were more pairs of callers and called than are counted: those that appeared first are exact, and
    /// others are in no row's callers.
    pub callers_left_out: bool,
}

/// What one key cost.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Row {
    /// The key; `None` for what belongs to none, since neither the call nor any of its callers has one.
    pub name: Option<String>,
    /// What was spent in it and in no other key that it called.
    pub own: u64,
    /// What was spent in it and in all that it called; however often it is on a stack, it counts once.
    pub inclusive: u64,
    /// How many calls have this key of their own; `None` where samples do not tell.
    pub calls: Option<u64>,
    /// Who called it: the nearest other key above its outermost call, those first who made it cost most, and at
    /// most eight. What they lack to `inclusive` has other callers.
    pub callers: Vec<Caller>,
}

/// Who called a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Caller {
    /// Its row in the same table; `None` where nothing with a key calls.
    pub row: Option<usize>,
    /// What the called key cost, with all that it called, on behalf of this one.
    pub inclusive: u64,
}

impl Profile {
    /// Returns the costs by one kind of keys; `None` where they were not asked for.
    #[must_use]
    pub fn table(&self, by: By) -> Option<&Table> {
        self.tables.iter().find(|table| table.by == by)
    }
}

/// A table that is being added up.
#[derive(Debug)]
struct Adding<'n> {
    keys: Keys<'n>,
    counts: Vec<Counts>,
    stack: Vec<Position>,
    pairs: HashMap<(u32, u32), u64, FixedState>,
    callers_left_out: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    own: u64,
    inclusive: u64,
    calls: u64,
    on_stack: u32,
}

/// A call that goes on.
#[derive(Debug, Clone, Copy)]
struct Position {
    /// The key, or that of the nearest caller that has one.
    key: u32,
    is_outermost: bool,
    /// What had been spent when it began.
    spent: u64,
}

impl<'n> Costs<'n> {
    /// Begins to add up by each of the kinds.
    #[must_use]
    pub fn new(by: &[By], names: &'n dyn Names) -> Self {
        let adding = |&by| Adding {
            keys: Keys::new(by, names),
            counts: vec![Counts::default()],
            stack: Vec::new(),
            pairs: HashMap::default(),
            callers_left_out: false,
        };
        Self {
            tables: by.iter().map(adding).collect(),
            frames_on_stack: Vec::new(),
            spent: 0,
        }
    }
}

impl Sink for Costs<'_> {
    type Result = Profile;

    fn push(&mut self, frame: u32, frames: &Texts) {
        let caller = self.frames_on_stack.last().copied();
        self.frames_on_stack.push(frame);
        for table in &mut self.tables {
            table.push(frame, caller, frames, self.spent);
        }
    }

    fn pop(&mut self) {
        self.frames_on_stack.pop();
        for table in &mut self.tables {
            table.pop(self.spent);
        }
    }

    fn add(&mut self, cost: u64, _: &Texts) {
        self.spent += cost;
        for table in &mut self.tables {
            let key = table.stack.last().map_or(NONE, |position| position.key);
            let counts = &mut table.counts[key as usize];
            counts.own += cost;
            if table.stack.is_empty() {
                counts.inclusive += cost;
            }
        }
    }

    fn finish(self, frames: &Texts, facts: Facts) -> Profile {
        let tables = self.tables.into_iter();
        Profile {
            unit: facts.unit,
            total: self.spent,
            tables: tables
                .map(|table| table.finish(frames, facts.unit))
                .collect(),
            facts,
        }
    }
}

impl Adding<'_> {
    fn push(&mut self, frame: u32, caller: Option<u32>, frames: &Texts, spent: u64) {
        let above = self.stack.last().map_or(NONE, |position| position.key);
        let own = self.keys.key(frame, caller, frames);
        let key = if own == NONE { above } else { own };
        if self.counts.len() < self.keys.len() {
            self.counts.resize(self.keys.len(), Counts::default());
        }
        let counts = &mut self.counts[key as usize];
        let is_outermost = counts.on_stack == 0;
        counts.on_stack += 1;
        counts.calls += u64::from(own != NONE);
        self.stack.push(Position {
            key,
            is_outermost,
            spent,
        });
    }

    fn pop(&mut self, spent: u64) {
        let Some(position) = self.stack.pop() else {
            return;
        };
        let counts = &mut self.counts[position.key as usize];
        counts.on_stack -= 1;
        let cost = spent - position.spent;
        if !position.is_outermost || cost == 0 {
            return;
        }
        counts.inclusive += cost;
        let caller = self.stack.last().map_or(NONE, |above| above.key);
        if let Some(pair) = self.pairs.get_mut(&(position.key, caller)) {
            *pair += cost;
        } else if self.pairs.len() < PAIRS {
            self.pairs.insert((position.key, caller), cost);
        } else {
            self.callers_left_out = true;
        }
    }

    fn finish(self, frames: &Texts, unit: Unit) -> Table {
        let (keys, counts) = (&self.keys, &self.counts);
        let name = |key: u32| keys.name(key, frames);
        let mut order: Vec<u32> = (0..)
            .zip(counts)
            .filter(|(_, counts)| counts.inclusive > 0 || counts.calls > 0)
            .map(|(key, _)| key)
            .collect();
        order.sort_by(|&a, &b| {
            let cost = |key: u32| (counts[key as usize].inclusive, counts[key as usize].own);
            cost(b).cmp(&cost(a)).then_with(|| name(a).cmp(&name(b)))
        });
        let mut rows: Vec<Row> = order
            .iter()
            .map(|&key| {
                let counts = counts[key as usize];
                Row {
                    name: name(key).map(Into::into),
                    own: counts.own,
                    inclusive: counts.inclusive,
                    calls: (unit == Unit::Nanoseconds).then_some(counts.calls),
                    callers: Vec::new(),
                }
            })
            .collect();
        let mut row_of = vec![None; counts.len()];
        for (row, &key) in order.iter().enumerate() {
            row_of[key as usize] = Some(row);
        }
        for ((key, caller), inclusive) in self.pairs {
            let row = (caller != NONE).then(|| row_of[caller as usize]).flatten();
            if let Some(called) = row_of[key as usize] {
                rows[called].callers.push(Caller { row, inclusive });
            }
        }
        for row in &mut rows {
            row.callers
                .sort_unstable_by_key(|caller| (u64::MAX - caller.inclusive, caller.row));
            row.callers.truncate(CALLERS);
            row.callers.shrink_to_fit();
        }
        Table {
            by: self.keys.by(),
            rows,
            callers_left_out: self.callers_left_out,
        }
    }
}
