//! How many slots there were, told from what ran.

use crate::time::{Interval, Nanos};

/// Returns the largest number that ran at once, where an end may have been reported late by as much as
/// `late`: a slot is given to the next before everybody has read that the last one is done.
///
/// That is what was used, and so a lower bound of what there was: it is the number of slots only where
/// more was ready than could run at some time.
#[must_use]
pub fn slots_seen(runs: impl IntoIterator<Item = Interval>, late: Nanos) -> u32 {
    let mut changes = Vec::new();
    let mut most = 0;
    for run in runs {
        let (start, length) = (run.start(), run.length());
        // Of what is shorter than that, half is believed.
        let sure = Nanos::new((length - late).get().max(length.get() / 2));
        most = 1;
        // Who took no time was never there together with others.
        if sure > Nanos::ZERO {
            changes.push((start, true));
            changes.push((start + sure, false));
        }
    }
    // Ends come first where stamps are equal.
    changes.sort_unstable();
    let mut running = 0_u32;
    for (_, starts) in changes {
        if starts {
            running += 1;
            most = most.max(running);
        } else {
            running = running.saturating_sub(1);
        }
    }
    most
}
