//! A report of one's own: how long the builds of each package took, in all.
//! `cargo run -p nixlog-core --example custom_report -- build.log`

#![expect(
    clippy::disallowed_methods,
    reason = "the core opens nothing and reads no clock; a program does"
)]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write as _};
use std::time::Duration;

use nixlog_core::store_path::{name_of, pname_of};
use nixlog_core::time::Nanos;

fn main() -> io::Result<()> {
    let path = std::env::args().nth(1).ok_or_else(|| {
        let usage = "name a log: custom_report build.log";
        io::Error::new(io::ErrorKind::InvalidInput, usage)
    })?;
    let log = nixlog_core::log::read_from(File::open(path)?)?;
    let mut took: BTreeMap<&str, (usize, Nanos)> = BTreeMap::new();
    let builds = log.timeline.units().iter();
    for unit in builds.filter(|unit| unit.kind.is_derivation()) {
        // Where the log does not tell when a build ended, there is nothing to add.
        if let Some(interval) = unit.interval() {
            let name = pname_of(name_of(log.timeline.name(unit.subject)));
            let (n, sum) = took.entry(name).or_default();
            *n += 1;
            *sum += interval.length();
        }
    }
    let mut out = io::stdout().lock();
    for (name, (n, sum)) in took {
        writeln!(out, "{:8.2} s in {n} builds of {name}", seconds(sum))?;
    }
    Ok(())
}

fn seconds(length: Nanos) -> f64 {
    Duration::from(length).as_secs_f64()
}
