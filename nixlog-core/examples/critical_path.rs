//! The critical path of a log: `cargo run -p nixlog-core --example critical_path -- build.log`.
//!
//! The file is a log in any carrier, or a recording that `zstdcat` has unpacked. A recording knows what
//! depends on what; without that, the path says only what was at work when.

#![expect(
    clippy::disallowed_methods,
    reason = "the core opens nothing and reads no clock; a program does"
)]

use std::fs::File;
use std::io::{self, Write as _};
use std::time::Duration;

use nixlog_core::time::Nanos;

fn main() -> io::Result<()> {
    let path = std::env::args().nth(1).ok_or_else(|| {
        let usage = "name a log: critical_path build.log";
        io::Error::new(io::ErrorKind::InvalidInput, usage)
    })?;
    let log = nixlog_core::log::read_from(File::open(path)?)?.explain();
    let mut out = io::stdout().lock();
    for step in log.path.steps(&log.timeline) {
        let name = step.unit.map_or("–", |unit| {
            log.timeline.name(log.timeline.units()[unit].subject)
        });
        let (waited, took) = (seconds(step.waited()), seconds(step.took));
        writeln!(out, "{waited:8.2} s waited  {took:8.2} s at work  {name}")?;
        for (wait, (length, _)) in &step.waits {
            let length = seconds(*length);
            writeln!(out, "{length:8.2} s of that: {}", wait.name())?;
        }
    }
    Ok(())
}

fn seconds(length: Nanos) -> f64 {
    Duration::from(length).as_secs_f64()
}
