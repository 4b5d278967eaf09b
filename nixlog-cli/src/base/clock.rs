//! What time it is.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use nixlog_core::time::Stamp;

/// Returns the wall clock in nanoseconds since 1970.
pub(crate) fn unix_nanos() -> Option<i64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_nanos()).ok()
}

/// Returns the time since the start.
pub(crate) fn now(start: Instant) -> Stamp {
    Stamp::from_nanos(u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX))
}
