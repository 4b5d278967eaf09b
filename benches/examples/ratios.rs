//! Prints how nixlog's stages compare with the readers to beat, in one run:
//! `cargo run --release -p nixlog-benches --example ratios -- [--rounds N] [FILE…]`.
//!
//! Every round runs every stage once, so that whatever else the machine does hits all of them
//! alike, and the median over the rounds is taken. What counts is processor time, since a machine
//! that builds something else besides is the rule. Files are measured besides the usual logs.

use std::env;
use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::io::{self, Write as _};

use rustix::time::{ClockId, clock_gettime};

use nixlog_benches::{baseline, inputs, stages};

/// A name and what to run on a log.
type Stage = (&'static str, fn(&str));

const STAGES: [Stage; 6] = [
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
];

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
         | events ÷ newlines | timeline ÷ events | phases ÷ events |"
    )?;
    writeln!(out, "|---|---|---|---|---|---|---|---|---|")?;
    for (name, log) in &logs {
        row(&mut out, name, log, &medians(log, rounds))?;
    }
    Ok(())
}

/// Returns the median time of each stage, in seconds.
fn medians(log: &str, rounds: usize) -> [f64; STAGES.len()] {
    let mut times = [const { Vec::new() }; STAGES.len()];
    for round in 0..=rounds {
        for ((_, run), times) in STAGES.iter().zip(&mut times) {
            let start = processor_time();
            run(black_box(log));
            // The first round warms up.
            if round > 0 {
                times.push(processor_time() - start);
            }
        }
    }
    times.map(|mut times: Vec<f64>| {
        times.sort_unstable_by(f64::total_cmp);
        times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
    })
}

/// Returns how long this thread has been running, in seconds.
#[expect(clippy::cast_precision_loss, reason = "nanoseconds of an hour fit")]
fn processor_time() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn row(
    out: &mut impl io::Write,
    name: &str,
    log: &str,
    [newlines, serde, in_place, events, timeline, phases]: &[f64; STAGES.len()],
) -> io::Result<()> {
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let gigabytes = log.len() as f64 / 1e9;
    writeln!(
        out,
        "| {name} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} | {:.0} % | {:.2} | {:.2} |",
        gigabytes / newlines,
        gigabytes / serde,
        gigabytes / events,
        serde / events,
        in_place / events,
        100.0 * newlines / events,
        timeline / events,
        phases / events,
    )
}
