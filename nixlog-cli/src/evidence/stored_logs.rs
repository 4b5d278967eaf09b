//! Logs that Nix stored, for builds of whose log the recording has nothing.

use nixlog_core::analysis::excerpts::{Excerpt, Excerpts, LogSource};
use nixlog_core::log::Log;
use nixlog_core::store_path::base_name;
use nixlog_core::wire::ansi;

use crate::nix::logs;
use crate::nix::store::Store;

/// So many logs are read.
const MOST: usize = 50;

/// How much later than the log ends a stored one may have been written: Nix stores it when a build ends, and
/// whoever stamps lines may have begun late.
const LATE: i64 = 10_000_000_000;

/// Reads the stored logs of builds that failed, where nothing of theirs is in the log itself: plain output
/// without `-L` has only what Nix quotes. A log of another build of the same derivation was written at
/// another time, and is none of this one's.
pub(crate) fn add(log: &Log, excerpts: &mut Excerpts) {
    let Some((since, wall)) = log.source.started_at.zip(log.timeline.wall()) else {
        return;
    };
    let length = i64::try_from(wall.length().get()).unwrap_or(i64::MAX);
    let until = since.saturating_add(length).saturating_add(LATE);
    let folder = Store::find(None).logs();
    let units = log.timeline.units().iter();
    let failed = units.filter(|unit| {
        unit.outcome.is_failure() && unit.kind.is_derivation() && unit.machine.is_none()
    });
    for unit in failed.take(MOST) {
        let Some(build) = unit.activity.filter(|&build| excerpts.of(build).is_none()) else {
            continue;
        };
        let drv = base_name(log.timeline.name(unit.subject));
        let Some((path, facts)) = logs::find(&folder, drv) else {
            continue;
        };
        if !facts.modified.is_some_and(|at| at >= since && at <= until) {
            continue;
        }
        let mut excerpt = Excerpt::default();
        excerpt.source = LogSource::Store;
        let mut number = 0;
        let read = logs::each_line(&path, |line| {
            if let Some(phase) = logs::phase_of(line) {
                excerpt.phase(phase);
            }
            if !line.starts_with("@nix ") {
                number += 1;
                excerpt.line(number, line, &ansi::strip(line));
            }
        });
        // What Nix quotes is still there.
        if read.is_ok() && number > 0 {
            excerpts.add(build, excerpt);
        }
    }
}
