//! The same rules, tick by tick, with nothing but lists and loops.

use super::super::{Options, Order, Task, Workload};
use crate::time::Nanos;

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Something it needs is not done.
    Blocked,
    /// It may start from this tick on, when Nix looks.
    Held(u64),
    /// In line, with the number it drew.
    InLine(usize),
    Running(u64),
    Done,
}

struct Twin<'a> {
    workload: &'a Workload<'a>,
    options: &'a Options,
    state: Vec<State>,
    clock: u64,
    start: Vec<u64>,
    finish: Vec<u64>,
    drawn: usize,
}

/// Returns starts and finishes.
pub(super) fn simulate(workload: &Workload<'_>, options: &Options) -> (Vec<Nanos>, Vec<Nanos>) {
    let n = workload.tasks.len();
    let mut twin = Twin {
        workload,
        options,
        state: vec![State::Blocked; n],
        clock: 0,
        start: vec![0; n],
        finish: vec![0; n],
        drawn: 0,
    };
    twin.queue_up(Vec::new());
    twin.start_all();
    while twin.state.iter().any(|&state| state != State::Done) {
        let mut ended =
            twin.all(|state| matches!(state, State::Running(until) if until <= twin.clock));
        let released = twin.all(|state| matches!(state, State::Held(until) if until <= twin.clock));
        if ended.is_empty() && released.is_empty() {
            twin.clock += 1;
            continue;
        }
        ended.sort_by_key(|&task| (workload.tasks[task].rank, task));
        for task in ended {
            twin.clock += options.overhead.of(&workload.tasks[task]).1.get();
            twin.state[task] = State::Done;
            twin.finish[task] = twin.clock;
        }
        if matches!(options.order, Order::Nix | Order::Arbitrary { .. }) {
            twin.start_all();
        }
        twin.queue_up(released);
        twin.start_all();
    }
    let nanos = |times: Vec<u64>| times.into_iter().map(Nanos::new).collect();
    (nanos(twin.start), nanos(twin.finish))
}

impl Twin<'_> {
    fn all(&self, is: impl Fn(State) -> bool) -> Vec<usize> {
        let tasks = 0..self.state.len();
        tasks.filter(|&task| is(self.state[task])).collect()
    }

    fn needs(&self, task: usize) -> Vec<usize> {
        let node = u32::try_from(task).expect("few nodes");
        let needs = self.workload.dag.dependencies(node).iter();
        needs.map(|&other| other as usize).collect()
    }

    fn queue_up(&mut self, mut ready: Vec<usize>) {
        // What is free is done at once, and may make others ready in turn.
        loop {
            let mut more = false;
            for task in self.all(|state| state == State::Blocked) {
                let needs = self.needs(task);
                if needs.iter().any(|&other| self.state[other] != State::Done) {
                    continue;
                }
                more = true;
                let Task { hold, release, .. } = self.workload.tasks[task];
                let ended = needs.iter().map(|&other| self.finish[other]).max();
                let from = (ended.unwrap_or(0) + hold.get()).max(release.get());
                self.state[task] = State::Held(from);
                if from <= self.clock {
                    ready.push(task);
                }
            }
            let free = |&task: &usize| {
                let task = &self.workload.tasks[task];
                task.pool == Task::NO_POOL && task.duration == Nanos::ZERO
            };
            let (done, rest): (Vec<usize>, Vec<usize>) = ready.into_iter().partition(free);
            for &task in &done {
                self.state[task] = State::Done;
                self.start[task] = self.clock;
                self.finish[task] = self.clock;
            }
            ready = rest;
            if !more && done.is_empty() {
                break;
            }
        }
        ready.sort_by_key(|&task| (self.workload.tasks[task].rank, task));
        for task in ready {
            self.state[task] = State::InLine(self.drawn);
            self.drawn += 1;
        }
    }

    fn has_slot(&self, task: usize) -> bool {
        let pool = self.workload.tasks[task].pool;
        let Some(slots) = self.options.slots(pool) else {
            return true;
        };
        let running = self.all(|state| matches!(state, State::Running(_)));
        let here = running
            .iter()
            .filter(|&&other| self.workload.tasks[other].pool == pool);
        here.count() < slots as usize
    }

    fn tail(&self, task: usize) -> u64 {
        let others = 0..self.state.len();
        let rest = others.filter(|&other| self.needs(other).contains(&task));
        let of = &self.workload.tasks[task];
        let (start, finish) = self.options.overhead.of(of);
        let own = of.hold.get() + start.get() + of.duration.get() + finish.get();
        own + rest.map(|other| self.tail(other)).max().unwrap_or(0)
    }

    fn start_all(&mut self) {
        loop {
            let line = self.all(|state| matches!(state, State::InLine(_)));
            let first = line
                .into_iter()
                .filter(|&task| self.has_slot(task))
                .min_by_key(|&task| {
                    let of = &self.workload.tasks[task];
                    let (first, second) = match (self.options.order, self.state[task]) {
                        (Order::FirstReady, State::InLine(drawn)) => (drawn as u64, 0),
                        (Order::CriticalPathFirst, _) => (u64::MAX - self.tail(task), of.rank),
                        (Order::Recorded | Order::Arbitrary { .. }, _) => {
                            (u64::from(of.recorded), of.rank)
                        }
                        _ => (u64::from(of.rank), 0),
                    };
                    (first, second, task)
                });
            let Some(task) = first else { return };
            self.clock += self.options.overhead.of(&self.workload.tasks[task]).0.get();
            self.start[task] = self.clock;
            self.state[task] =
                State::Running(self.clock + self.workload.tasks[task].duration.get());
        }
    }
}
