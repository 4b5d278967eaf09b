//! Follows a build: `cargo run -p nixlog-core --example live -- nix-build --log-format internal-json …`.
//!
//! Nix writes its log to standard error. Each block of it gets the time at which it arrived; the library
//! itself reads no clock.

#![expect(
    clippy::disallowed_methods,
    reason = "the core opens nothing and reads no clock; a program does"
)]

use std::io::{self, Write as _};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nixlog_core::analysis::phases::phases;
use nixlog_core::log::Reading;
use nixlog_core::time::{Nanos, Stamp};
use nixlog_core::timeline::live::Live;
use nixlog_core::wire::LogReader;
use nixlog_core::wire::block::Blocks;

fn main() -> io::Result<()> {
    let mut words = std::env::args_os().skip(1);
    let program = words.next().ok_or_else(|| {
        let usage = "name a command: live nix-build --log-format internal-json";
        io::Error::new(io::ErrorKind::InvalidInput, usage)
    })?;
    let start = Instant::now();
    let mut child = Command::new(program)
        .args(words)
        .stderr(Stdio::piped())
        .spawn()?;
    let log = child
        .stderr
        .take()
        .ok_or_else(|| io::Error::other("no pipe"))?;

    let mut reading = Reading::new(LogReader::new(None));
    let mut live = Live::default();
    let mut out = io::stdout().lock();
    let (mut blocks, mut buffer) = (Blocks::new(log), Vec::new());
    let now = || {
        let nanos = u64::try_from(start.elapsed().as_nanos());
        Stamp::from_nanos(nanos.unwrap_or(u64::MAX))
    };
    let mut n_running = 0;
    while let Some(block) = blocks.next_block(buffer)? {
        reading.block(&block, Some(now()), |line| live.push(line));
        let running = live.totals(now()).builds.running;
        if running != n_running {
            writeln!(out, "{running} builds running")?;
            n_running = running;
        }
        buffer = block.into_buffer();
    }
    reading.ends_at(now());
    child.wait()?;

    let log = reading.finish("-", None);
    for phase in phases(&log.timeline).phases {
        if let Some(wall) = phase.total.wall {
            writeln!(out, "{:8.2} s {}", seconds(wall), phase.phase.name())?;
        }
    }
    Ok(())
}

fn seconds(length: Nanos) -> f64 {
    Duration::from(length).as_secs_f64()
}
