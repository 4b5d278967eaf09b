//! GitHub Actions: the raw log, and what `gh run view --log` prints.
//!
//! `##[group]…` and its like are payload: they are lines of the log. `gh` prints one job after the
//! other, though they ran side by side: their lines are put in the order of their times.

use memchr::memchr;

use super::prefix::whole;
use super::{Decode, IssueKind, LARGEST_LINE, Time, Unwrapped, generic};

/// Takes `JOB\tSTEP\t2022-06-20T09:27:57.8718342Z text` apart: the job, the time, the text. A byte order
/// mark before the stamp is the one that the step's own file began with.
fn parts(raw: &[u8]) -> Option<(&[u8], Time, &[u8])> {
    let (job, step) = raw.split_at(memchr(b'\t', raw)?);
    let stamped = &step[1 + memchr(b'\t', &step[1..])? + 1..];
    let (time, payload) = generic::date_time(stamped)?;
    Some((job, time, payload))
}

/// Cuts a line; for the detector.
pub(super) fn cli(raw: &[u8]) -> Option<(Time, &[u8])> {
    parts(raw).map(|(_, time, payload)| (time, payload))
}

/// Decodes what `gh run view --log` prints.
#[derive(Debug, Default)]
pub(super) struct GithubCli {
    jobs: Vec<Job>,
    /// The job of the last line.
    job: usize,
    lines: Vec<Held>,
    text: Vec<u8>,
    /// It was too much: lines go on as they come.
    is_full: bool,
}

#[derive(Debug)]
struct Job {
    name: Vec<u8>,
    /// The latest of its times.
    latest: i64,
}

/// A line that waits for those of other jobs.
#[derive(Debug)]
struct Held {
    /// Its place in time: none of a job is before the one above it.
    place: i64,
    time: Option<Time>,
    number: u64,
    job: usize,
    start: usize,
    end: usize,
}

impl GithubCli {
    /// Notes whose line it is; returns its place in time.
    fn place(&mut self, job: &[u8], time: Time) -> i64 {
        let at = match time {
            Time::Unix(at) | Time::Civil(at) => at,
            _ => i64::MIN,
        };
        let known = self.jobs.get(self.job).is_some_and(|own| own.name == job);
        if !known {
            let known = self.jobs.iter().position(|own| own.name == job);
            self.job = known.unwrap_or_else(|| {
                let name = job.to_vec();
                self.jobs.push(Job { name, latest: at });
                self.jobs.len() - 1
            });
        }
        let job = &mut self.jobs[self.job];
        job.latest = job.latest.max(at);
        job.latest
    }

    fn hand_on(&mut self, out: &mut Unwrapped) {
        self.lines.sort_by_key(|line| line.place);
        for line in self.lines.drain(..) {
            let payload = &self.text[line.start..line.end];
            out.in_strand(line.job, |out| {
                out.push_from(line.number, line.time, payload);
            });
        }
        self.text.clear();
    }
}

impl Decode for GithubCli {
    fn line(&mut self, raw: &[u8], out: &mut Unwrapped) {
        let (time, payload) = match parts(raw) {
            Some((job, time, payload)) => {
                self.place(job, time);
                (Some(time), payload)
            }
            None => (None, raw),
        };
        let job = if self.jobs.is_empty() {
            0
        } else {
            self.job + 1
        };
        if self.is_full {
            out.in_strand(job, |out| match time {
                Some(_) => out.push(time, payload),
                None => whole(raw, out),
            });
            return;
        }
        if time.is_none() && !matches!(raw, [] | b"\r") {
            out.note(IssueKind::Unstamped);
        }
        let start = self.text.len();
        self.text.extend_from_slice(payload);
        self.lines.push(Held {
            place: self.jobs.get(self.job).map_or(i64::MIN, |job| job.latest),
            time,
            number: out.number(),
            job,
            start,
            end: self.text.len(),
        });
        if self.text.len() > LARGEST_LINE {
            out.note(IssueKind::NotInOrder);
            self.is_full = true;
            self.hand_on(out);
        }
    }

    fn finish(&mut self, out: &mut Unwrapped) {
        self.hand_on(out);
    }
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

    #[test]
    fn jobs_are_put_side_by_side() {
        let (mut decoder, mut out) = (GithubCli::default(), Unwrapped::new());
        for raw in [
            "a\tx\t2022-06-20T09:00:00Z 1",
            "a\tx\t2022-06-20T09:00:09Z 2",
            "a\tx\t2022-06-20T09:00:08Z late",
            "no stamp",
            "b\tx\t2022-06-20T09:00:05Z 3",
            "b\tx\t2022-06-20T09:00:10Z 4",
        ] {
            out.at_line(out.number() + 1);
            decoder.line(raw.as_bytes(), &mut out);
        }
        decoder.finish(&mut out);
        assert_eq!(out.text(), b"1\n3\n2\nlate\nno stamp\n4\n");
        let lines: Vec<_> = out
            .lines()
            .iter()
            .map(|line| (line.number, line.strand))
            .collect();
        assert_eq!(lines, [(1, 1), (5, 2), (2, 1), (3, 1), (4, 1), (6, 2)]);
        assert_eq!(out.issues().len(), 1);
    }
}
