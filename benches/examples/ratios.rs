//! Prints how nixlog's stages compare with the readers to beat, in one run:
//! `cargo run --release -p nixlog-benches --example ratios -- [--rounds N] [FILE…]`.
//!
//! Every round runs every stage, so that whatever else the machine does hits all of them alike; a
//! ratio is the median of the ratios within each round. What counts is processor time, since a
//! machine that builds something else besides is the rule, and within a round the best of three.
//! Files are measured besides the usual logs.

use std::env;
use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::io::{self, Write as _};

use rustix::time::{ClockId, clock_gettime};

use nixlog_benches::{baseline, inputs, stages};

/// A name and what to run on a log.
type Stage = (&'static str, fn(&str));

const STAGES: [Stage; 8] = [
    ("newlines", |log| {
        black_box(baseline::newlines(log.as_bytes()));
    }),
    ("serde_json", |log| {
        black_box(baseline::parse(log));
    }),
    ("in place", |log| {
        black_box(baseline::parse_in_place(log));
    }),
    ("events", |log| {
        black_box(stages::events(log));
    }),
    ("timeline", |log| {
        black_box(stages::timeline(log));
    }),
    ("phases", |log| {
        black_box(stages::phases(log));
    }),
    ("live", |log| {
        black_box(stages::live(log));
    }),
    ("pending", |log| {
        black_box(stages::pending(log));
    }),
];

const NEWLINES: usize = 0;
const SERDE_JSON: usize = 1;
const IN_PLACE: usize = 2;
const EVENTS: usize = 3;
const TIMELINE: usize = 4;
const PHASES: usize = 5;
const LIVE: usize = 6;
const PENDING: usize = 7;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args: Vec<String> = env::args().skip(1).collect();
    let mut rounds = 15;
    if args.first().is_some_and(|arg| arg == "--rounds") {
        rounds = args.get(1).ok_or("--rounds needs a number")?.parse()?;
        args.drain(..2);
    }
    let mut logs: Vec<(String, String)> = Vec::new();
    for input in inputs::all() {
        logs.push((input.name.to_owned(), input.text));
    }
    for path in args {
        let name = path.rsplit('/').next().unwrap_or(&path).to_owned();
        logs.push((name, fs::read_to_string(path)?));
    }
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "| log | newlines GB/s | serde_json GB/s | events GB/s | events × serde_json | × in place \
         | events ÷ newlines | timeline ÷ events | phases ÷ events \
         | live ÷ events | pending ÷ events |"
    )?;
    writeln!(out, "|---|---|---|---|---|---|---|---|---|---|---|")?;
    for (name, log) in &logs {
        row(&mut out, name, log, &Rounds::run(log, rounds))?;
    }
    Ok(())
}

/// How long each stage took in each round, in seconds.
struct Rounds(Vec<[f64; STAGES.len()]>);

impl Rounds {
    fn run(log: &str, rounds: usize) -> Self {
        let round = |_| STAGES.map(|(_, run)| best_of_three(|| run(black_box(log))));
        // The first round warms up.
        Self((0..=rounds).map(round).skip(1).collect())
    }

    /// Returns the median of what `value` makes of the times of a round.
    fn median(&self, value: impl Fn(&[f64; STAGES.len()]) -> f64) -> f64 {
        let mut values: Vec<f64> = self.0.iter().map(value).collect();
        values.sort_unstable_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
    }
}

fn best_of_three(run: impl Fn()) -> f64 {
    let time = |_| {
        let start = processor_time();
        run();
        processor_time() - start
    };
    (0..3).map(time).fold(f64::INFINITY, f64::min)
}

/// Returns how long this thread has been running, in seconds.
#[expect(clippy::cast_precision_loss, reason = "nanoseconds of an hour fit")]
fn processor_time() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn row(out: &mut impl io::Write, name: &str, log: &str, rounds: &Rounds) -> io::Result<()> {
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let gigabytes = log.len() as f64 / 1e9;
    let speed = |stage: usize| gigabytes / rounds.median(|times| times[stage]);
    let ratio = |of: usize, to: usize| rounds.median(|times| times[of] / times[to]);
    writeln!(
        out,
        "| {name} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} | {:.0} % | {:.2} | {:.2} | {:.2} | {:.2} |",
        speed(NEWLINES),
        speed(SERDE_JSON),
        speed(EVENTS),
        ratio(SERDE_JSON, EVENTS),
        ratio(IN_PLACE, EVENTS),
        100.0 * ratio(NEWLINES, EVENTS),
        ratio(TIMELINE, EVENTS),
        ratio(PHASES, EVENTS),
        ratio(LIVE, EVENTS),
        ratio(PENDING, EVENTS),
    )
}
