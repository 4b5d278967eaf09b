//! GitHub Actions: the raw log, and what `gh run view --log` prints.
//!
//! `##[group]…` and its like are payload: they are lines of the log. Several jobs may follow one
//! another in the output of `gh`; their clocks overlap, and the clock clamps them.

use memchr::memchr;

use super::{Time, generic};

/// Cuts `JOB\tSTEP\t2022-06-20T09:27:57.8718342Z text`. A byte order mark before the stamp is the
/// one that the step's own file began with.
pub(super) fn cli(raw: &[u8]) -> Option<(Time, &[u8])> {
    let step = &raw[memchr(b'\t', raw)? + 1..];
    let stamped = &step[memchr(b'\t', step)? + 1..];
    generic::date_time(stamped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_job_and_step() {
        let time = Time::Unix(1_655_717_277_871_834_200);
        let stamped = "2022-06-20T09:27:57.8718342Z ##[group]Run\tx";
        for raw in [
            format!("build (x86)\tRun nix\t{stamped}"),
            format!("build\tUNKNOWN STEP\t\u{feff}{stamped}"),
        ] {
            assert_eq!(cli(raw.as_bytes()), Some((time, &b"##[group]Run\tx"[..])));
        }
        assert_eq!(cli(b"build\tno stamp"), None);
        let raw = format!("\u{feff}{stamped}");
        assert!(generic::date_time(raw.as_bytes()).is_some());
    }
}
