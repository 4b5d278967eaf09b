//! A small Nix: builds a random graph on a few slots and writes the log that Nix would.
//!
//! It knows when each build really ended, which is what the real one does not tell.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

/// Nanoseconds in a step of the simulation: what is a step apart is not at the same time.
pub(crate) const STEP: u64 = 100_000_000;

/// One derivation. All times are in steps.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) deps: BTreeSet<usize>,
    /// How long its builder works.
    pub(crate) takes: u64,
    /// When it prints a line, counted from its start; those after its end never come.
    pub(crate) prints: BTreeSet<u64>,
    pub(crate) fails: bool,
    /// It was asked for by name.
    pub(crate) requested: bool,
}

/// What to build, and how Nix behaves.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) jobs: Vec<Job>,
    pub(crate) slots: usize,
    /// Up to Nix 2.29, what was requested stops when all is done, newest first.
    pub(crate) stops_late: bool,
    /// From Nix 2.34 on, the message about a failure comes after the stop.
    pub(crate) message_after_stop: bool,
    /// What ends at the same instant is counted first, and then stops.
    pub(crate) batches: bool,
    /// How long Nix takes after the last build.
    pub(crate) epilogue: u64,
}

/// A build as it really was.
#[derive(Debug, Clone)]
pub(crate) struct Built {
    pub(crate) drv: String,
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// Its last line, or its start.
    pub(crate) last_sign: u64,
    /// When the log says that it stopped.
    pub(crate) stop: u64,
    pub(crate) fails: bool,
    /// The log says it too late.
    pub(crate) late: bool,
    /// The places of its last sign and of its end in the log.
    pub(crate) sign_line: usize,
    pub(crate) end_line: usize,
}

/// What a run wrote, and what was.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) log: String,
    /// In the order in which they ended.
    pub(crate) built: Vec<Built>,
    /// Those that were not built, since something they need failed.
    pub(crate) blocked: Vec<String>,
}

/// Returns the path of a derivation.
pub(crate) fn drv(number: usize) -> String {
    format!("/nix/store/{number:032}-job-{number}.drv")
}

impl Plan {
    /// Makes a plan that is the same each time.
    pub(crate) fn from_seed(seed: u64) -> Self {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut next = |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % below
        };
        let jobs = (0..12_usize).map(|number| Job {
            deps: (0..number).filter(|_| next(4) == 0).collect(),
            takes: 1 + next(100),
            prints: (0..next(6)).map(|_| next(100)).collect(),
            fails: next(8) == 0,
            requested: next(2) == 0,
        });
        Self {
            jobs: jobs.collect(),
            slots: 3,
            stops_late: seed.is_multiple_of(2),
            message_after_stop: seed % 4 == 1,
            batches: seed.is_multiple_of(3),
            epilogue: 1,
        }
    }

    /// Builds it all, as far as failures allow, and writes the log.
    pub(crate) fn run(&self) -> Run {
        let mut nix = Nix::new(self);
        nix.start();
        nix.work();
        nix.end();
        let blocked = nix.blocked().map(drv).collect();
        Run {
            log: nix.log,
            built: nix.built,
            blocked,
        }
    }
}

/// Plans of up to eight jobs. Times are small, so that much happens at once.
pub(crate) fn plan() -> impl Strategy<Value = Plan> {
    let job = (
        vec(any::<Index>(), 0..3),
        0_u64..40,
        proptest::collection::btree_set(0_u64..40, 0..5),
        proptest::bool::weighted(0.15),
        proptest::bool::weighted(0.4),
    );
    let shape = (1_usize..5, any::<[bool; 3]>(), 0_u64..4);
    (vec(job, 1..9), shape).prop_map(
        |(jobs, (slots, [stops_late, message_after_stop, batches], epilogue))| {
            let jobs = jobs.into_iter().enumerate();
            let jobs = jobs.map(|(number, (deps, takes, prints, fails, requested))| Job {
                deps: match number {
                    0 => BTreeSet::new(),
                    _ => deps.iter().map(|dep| dep.index(number)).collect(),
                },
                takes,
                prints,
                fails,
                requested,
            });
            Plan {
                jobs: jobs.collect(),
                slots,
                stops_late,
                // Nix that stops late prints the message first.
                message_after_stop: message_after_stop && !stops_late,
                batches,
                epilogue,
            }
        },
    )
}

#[derive(Debug, Clone, Copy)]
struct Running {
    job: usize,
    start: u64,
    last_sign: u64,
    sign_line: usize,
}

struct Nix<'a> {
    plan: &'a Plan,
    log: String,
    n_lines: usize,
    now: u64,
    waiting: BTreeSet<usize>,
    running: Vec<Running>,
    done: BTreeSet<usize>,
    failed: BTreeSet<usize>,
    built: Vec<Built>,
    /// The activities that stop next, each with the message that follows.
    stopping: Vec<(u64, Option<String>)>,
    /// The builds whose stop is still to come, with their place in `built`.
    late: Vec<(usize, usize)>,
}

/// The first number of this process's activities.
const BASE: u64 = 4242 << 32;

impl<'a> Nix<'a> {
    fn new(plan: &'a Plan) -> Self {
        Self {
            plan,
            log: String::new(),
            n_lines: 0,
            now: 5,
            waiting: (0..plan.jobs.len()).collect(),
            running: Vec::new(),
            done: BTreeSet::new(),
            failed: BTreeSet::new(),
            built: Vec::new(),
            stopping: Vec::new(),
            late: Vec::new(),
        }
    }

    fn say(&mut self, record: &str) -> usize {
        writeln!(self.log, "{} @nix {record}", self.now * STEP).expect("a String takes any text");
        self.n_lines += 1;
        self.n_lines
    }

    fn start(&mut self) {
        for (number, kind) in [(0, 102), (1, 104), (2, 103)] {
            let id = BASE + number;
            self.say(&format!(
                r#"{{"action":"start","id":{id},"level":0,"parent":0,"text":"","type":{kind}}}"#
            ));
        }
        self.count();
    }

    fn count(&mut self) {
        let (done, failed) = (self.done.len(), self.failed.len());
        let (all, running) = (self.plan.jobs.len(), self.running.len());
        let id = BASE + 1;
        self.say(&format!(
            r#"{{"action":"result","fields":[{done},{all},{running},{failed}],"id":{id},"type":105}}"#
        ));
    }

    fn id(job: usize) -> u64 {
        BASE + 10 + job as u64
    }

    fn stop(&mut self, id: u64) {
        self.say(&format!(r#"{{"action":"stop","id":{id}}}"#));
    }

    /// Starts what can be started.
    fn fill(&mut self) {
        while self.running.len() < self.plan.slots {
            let ready = |job: &&usize| self.plan.jobs[**job].deps.is_subset(&self.done);
            let Some(job) = self.waiting.iter().find(ready).copied() else {
                return;
            };
            self.waiting.remove(&job);
            let (drv, id) = (drv(job), Self::id(job));
            let sign_line = self.say(&format!(
                r#"{{"action":"start","fields":["{drv}","",1,1],"id":{id},"level":3,"parent":0,"text":"building '{drv}'","type":105}}"#
            ));
            self.running.push(Running {
                job,
                start: self.now,
                last_sign: self.now,
                sign_line,
            });
            self.count();
        }
    }

    fn work(&mut self) {
        self.fill();
        while let Some((at, prints, running)) = self.next() {
            self.now = at;
            if prints {
                let id = Self::id(self.running[running].job);
                let line = self.say(&format!(
                    r#"{{"action":"result","fields":["cc -c x.c"],"id":{id},"type":101}}"#
                ));
                self.running[running].last_sign = at;
                self.running[running].sign_line = line;
            } else {
                self.finish(running);
                let more = self.next().filter(|next| next.0 == at && !next.1);
                if !self.plan.batches || more.is_none() {
                    self.stop_prompt();
                    self.fill();
                }
            }
        }
    }

    /// Stops what has ended and does not stop late, last tick first as in the recordings.
    fn stop_prompt(&mut self) {
        for (id, message) in std::mem::take(&mut self.stopping).into_iter().rev() {
            self.stop(id);
            if let Some(message) = message {
                self.say(&message);
            }
        }
    }

    /// Returns what happens next: when, whether it is a line (else an end), and to which build.
    fn next(&self) -> Option<(u64, bool, usize)> {
        let running = self.running.iter().enumerate();
        let events = running.map(|(index, build)| {
            let job = &self.plan.jobs[build.job];
            let end = build.start + job.takes;
            let mut prints = job.prints.iter().map(|after| build.start + after);
            let line = prints.find(|&at| at > build.last_sign && at <= end);
            match line {
                Some(at) => (at, true, index),
                None => (end, false, index),
            }
        });
        // At the same instant, lines come before ends.
        events.min_by_key(|&(at, line, index)| (at, !line, index))
    }

    fn finish(&mut self, running: usize) {
        let build = self.running.remove(running);
        let job = &self.plan.jobs[build.job];
        let (drv, id) = (drv(build.job), Self::id(build.job));
        if job.fails {
            self.failed.insert(build.job);
        } else {
            self.done.insert(build.job);
        }
        let end_line = self.n_lines + 1;
        self.count();
        let message = format!("builder for '{drv}' failed with exit code 3");
        let message = format!(
            r#"{{"action":"msg","column":null,"file":null,"level":0,"line":null,"msg":"error: {message}","raw_msg":"{message}"}}"#
        );
        if job.fails && !self.plan.message_after_stop {
            self.say(&message);
        }
        let late = self.plan.stops_late && job.requested;
        if late {
            self.late.push((build.job, self.built.len()));
        } else {
            let after = job.fails && self.plan.message_after_stop;
            self.stopping.push((id, after.then_some(message)));
        }
        self.built.push(Built {
            drv,
            start: build.start,
            end: self.now,
            last_sign: build.last_sign,
            stop: self.now,
            fails: job.fails,
            late,
            sign_line: build.sign_line,
            end_line,
        });
    }

    fn blocked(&self) -> impl Iterator<Item = usize> {
        self.waiting.iter().copied()
    }

    fn end(&mut self) {
        self.now += self.plan.epilogue;
        let blocked: Vec<_> = self.blocked().collect();
        for job in blocked {
            let message = format!(
                "1 dependencies of derivation '{}' failed to build",
                drv(job)
            );
            self.say(&format!(
                r#"{{"action":"msg","column":null,"file":null,"level":0,"line":null,"msg":"error: {message}","raw_msg":"{message}"}}"#
            ));
        }
        let mut late = std::mem::take(&mut self.late);
        late.sort_unstable_by_key(|&(job, _)| std::cmp::Reverse(job));
        for (job, index) in late {
            self.built[index].stop = self.now;
            self.stop(Self::id(job));
        }
        for number in [2, 1, 0] {
            self.stop(BASE + number);
        }
    }
}
