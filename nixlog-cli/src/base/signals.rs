//! Signals that are left alone.

use std::fs;

/// Returns the signals that were ignored when nixlog was started, where the system tells as Linux does.
/// To catch one would be to take that from the command: a program starts with nothing caught.
pub(crate) fn ignored() -> Vec<i32> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0);
    (1..=64)
        .filter(|number| mask >> (number - 1) & 1 == 1)
        .collect()
}
