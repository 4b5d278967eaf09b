//! `BuildKit`'s plain progress: `#11 6.120 text`, the step's number and the seconds since it began.
//!
//! `docker build --progress=plain` and all that is built on `BuildKit`. Steps run side by side, each with
//! a clock of its own: a step is placed where it was first heard of, and what its lines say counts from
//! there.

use super::prefix::whole;
use super::speech::colors;
use super::{Decode, Time, Unwrapped, stamp};

/// A line taken apart.
struct Parts<'a> {
    step: u64,
    /// Nanoseconds since the step began.
    elapsed: Option<u64>,
    /// A line of what runs in the step. `BuildKit`'s own are handed on whole.
    is_output: bool,
    payload: &'a [u8],
}

fn parts(raw: &[u8]) -> Option<Parts<'_>> {
    let (step, rest) = stamp::integer(colors(raw).strip_prefix(b"#")?)?;
    let said = stamp::gap(rest)?;
    if let Some((elapsed, rest)) = seconds(said)
        && let Some(payload) = stamp::gap(rest)
    {
        let (elapsed, is_output) = (Some(elapsed), true);
        return Some(Parts {
            step,
            elapsed,
            is_output,
            payload,
        });
    }
    let done = said.strip_prefix(b"DONE ").and_then(seconds);
    Some(Parts {
        step,
        elapsed: done.map(|(elapsed, _)| elapsed),
        is_output: false,
        payload: raw,
    })
}

/// Reads `6.120`, and `1023.`: `BuildKit` cuts the digits after the fifth sign.
fn seconds(text: &[u8]) -> Option<(u64, &[u8])> {
    let (stamp, rest) = stamp::seconds(text)?;
    if stamp.digits > 0 {
        return Some((stamp.nanos, rest));
    }
    Some((stamp.nanos, rest.strip_prefix(b".")?))
}

/// Cuts a line of what runs in a step; for the detector.
pub(super) fn payload(raw: &[u8]) -> Option<&[u8]> {
    let parts = parts(raw)?;
    parts.is_output.then_some(parts.payload)
}

/// Decodes `BuildKit`'s plain progress.
#[derive(Debug, Default)]
pub(super) struct Buildkit {
    /// The steps, and when they were first heard of.
    steps: Vec<(u64, u64)>,
    latest: u64,
}

/// No build has so many steps; later ones share the place of the last.
const MAX_STEPS: usize = 4096;

impl Decode for Buildkit {
    fn line(&mut self, raw: &[u8], out: &mut Unwrapped) {
        let Some(parts) = parts(raw) else {
            whole(raw, out);
            return;
        };
        let known = self.steps.iter().position(|&(step, _)| step == parts.step);
        let at = known.unwrap_or_else(|| {
            if self.steps.len() < MAX_STEPS {
                self.steps.push((parts.step, self.latest));
            }
            self.steps.len() - 1
        });
        let since = self.steps[at].1;
        let time = parts.elapsed.map(|elapsed| since.saturating_add(elapsed));
        self.latest = self.latest.max(time.unwrap_or(0));
        out.in_strand(at + 1, |out| {
            out.push(time.map(Time::Elapsed), parts.payload);
        });
    }

    fn finish(&mut self, _out: &mut Unwrapped) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_placed_one_after_the_other() {
        let (mut decoder, mut out) = (Buildkit::default(), Unwrapped::new());
        for raw in [
            "#5 [internal] load",
            "#5 DONE 0.5s",
            "#11 [build 3/5] RUN nix build",
            "#11 6.120 a",
            "#12 [web 1/2] RUN b",
            "#12 1.25",
            "#11 1023. c",
            "#11 ERROR: d",
            "------",
            "6.120 e",
        ] {
            decoder.line(raw.as_bytes(), &mut out);
        }
        assert_eq!(
            out.text(),
            b"#5 [internal] load\n#5 DONE 0.5s\n#11 [build 3/5] RUN nix build\na\n#12 [web 1/2] RUN b\n\nc\n#11 ERROR: d\n------\n6.120 e\n"
        );
        let at = |millis: u64| Some(Time::Elapsed(millis * 1_000_000));
        let times: Vec<_> = out.lines().iter().map(|line| line.time).collect();
        let want = [
            None,
            at(500),
            None,
            at(6_620),
            None,
            at(7_870),
            at(1_023_500),
            None,
            None,
            None,
        ];
        assert_eq!(times, want);
        let strands: Vec<_> = out.lines().iter().map(|line| line.strand).collect();
        assert_eq!(strands, [1, 1, 2, 2, 3, 3, 2, 2, 0, 0]);
        for raw in ["#", "#x 1.0 a", "# 1.0 a", "#1a", "1.0 a"] {
            assert!(parts(raw.as_bytes()).is_none(), "{raw}");
        }
    }
}
