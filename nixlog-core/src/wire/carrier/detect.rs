//! Finds out what wraps a log, by a vote over its first lines.
//!
//! A line votes for each form that it has. A vote is strong where a line of Nix's protocol
//! follows the stamp: `@nix {`. Strong votes decide; without one, those of lines in which a sentence
//! follows that only Nix writes, at once or inside of another carrier; without any, the first form in
//! the list (from the most special to the most general) that most lines have. A build's output
//! may well begin with numbers or dates, but most of its lines do not.
//!
//! What is inside is looked at again: a CI's stamps may stand before `BuildKit`'s, and those before the
//! name of a host. There, only what Nix says is a vote.
//!
//! Some forms have several meanings, and the numbers tell which:
//!
//! - `00:00:05` is `ts -s` where the times start near zero and never fall, `ts -i` where most are
//!   zero and they fall about as often as they rise, else a time of day. `ts -s` of a build that
//!   started a day ago, or a time of day shortly past midnight, is told wrongly, but the
//!   differences between lines come out right. Only zeros say nothing: not sure.
//! - `5.123456` is likewise `ts -s '%.s'`, `ts -i '%.s'` or, past 10^9, seconds since 1970.
//! - `61040528` is nanoseconds since the start, unless all numbers look like a count since 1970
//!   and lie close together.
//! - A date with a zone is named by its digits: GitHub writes seven, Docker nine, `kubectl` drops
//!   zeros at the end. All are read alike.

use super::prefix::Cut;
use super::speech::{Speech, speech};
use super::{
    Carrier, Unwrapped, asciinema, buildkit, buildkite, container, generic, github, gitlab,
    journald, journald_export, journald_json, line_above, names, teamcity,
};

/// How much of the input is looked at.
const SAMPLE: usize = 64 << 10;

/// Below this, a time "near zero" may be one since the start: no evaluation takes longer.
const NEAR_ZERO: u64 = 600 * 1_000_000_000;

/// The range of counts of seconds since 1970 that we take for such: 2001 to 2096.
const ERA: std::ops::Range<u64> = 1_000_000_000..4_000_000_000;

/// What a log is wrapped in.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Detected {
    /// The carrier.
    pub carrier: Carrier,
    /// The carriers inside of it, from the outermost on.
    pub inside: Vec<Carrier>,
    /// Whether a line of Nix's protocol, or the header of a format, says so. If not, more lines
    /// may lead to another answer.
    pub sure: bool,
}

impl Detected {
    const fn new(carrier: Carrier, sure: bool) -> Self {
        Self {
            carrier,
            inside: Vec::new(),
            sure,
        }
    }
}

/// Says whether a line is a record, and what a question about its payload is answered with.
type Look = fn(&[u8], fn(&[u8]) -> Option<Speech>) -> Option<Option<Speech>>;

/// A form of line.
#[derive(Clone, Copy)]
enum Form {
    /// A carrier's own: how to cut it, and whose it is.
    Cut(Cut, Carrier),
    /// A carrier's own, with the payload in JSON.
    Json(Look, Carrier),
    /// A carrier's own, of which only some lines have a time, or none.
    Text(fn(&[u8]) -> Option<&[u8]>, Carrier),
    /// A date and time.
    DateTime,
    /// A time of day or since something.
    Hms,
    /// Seconds with a fraction.
    Decimal,
    /// A whole number.
    Integer,
}

/// All forms, from the most special to the most general.
const FORMS: [Form; 21] = [
    Form::Cut(buildkite::cut, Carrier::Buildkite),
    Form::Json(container::docker_json_payload, Carrier::DockerJson),
    Form::Json(journald_json::payload, Carrier::JournaldJson),
    Form::Cut(container::cri, Carrier::Cri),
    Form::Cut(gitlab::cut, Carrier::Gitlab),
    Form::Cut(github::cli, Carrier::GithubCli),
    Form::Cut(container::kubectl_prefixed, Carrier::Kubectl),
    Form::Cut(container::compose, Carrier::DockerLogs),
    Form::Cut(
        |raw| journald::cut(raw, journald::iso),
        Carrier::JournaldIso,
    ),
    Form::Cut(
        |raw| journald::cut(raw, journald::unix),
        Carrier::JournaldUnix,
    ),
    Form::Cut(
        |raw| journald::cut(raw, journald::full),
        Carrier::JournaldFull,
    ),
    Form::Cut(
        |raw| journald::cut(raw, journald::monotonic),
        Carrier::JournaldMonotonic,
    ),
    Form::Cut(
        |raw| journald::cut(raw, journald::short),
        Carrier::JournaldShort,
    ),
    Form::Text(buildkit::payload, Carrier::Buildkit),
    Form::Cut(teamcity::cut, Carrier::Teamcity),
    Form::Cut(generic::month_day, Carrier::TsDefault),
    Form::DateTime,
    Form::Hms,
    Form::Decimal,
    Form::Integer,
    Form::Text(names::payload, Carrier::Names),
];

impl Form {
    /// Returns whether the line has this form, and if so, what Nix says in it.
    fn vote(self, raw: &[u8], hear: fn(&[u8]) -> Option<Speech>) -> Option<Option<Speech>> {
        let payload = match self {
            Self::Json(look, _) => return look(raw, hear),
            other => other.payload(raw)?,
        };
        Some(hear(payload))
    }

    /// Returns what is inside of a line of this form, where it stands there as it is.
    fn payload(self, raw: &[u8]) -> Option<&[u8]> {
        Some(match self {
            Self::Cut(cut, _) => cut(raw)?.1,
            Self::Json(..) => return None,
            Self::Text(payload, _) => payload(raw)?,
            Self::DateTime => generic::date_time(raw)?.1,
            Self::Hms => generic::hms(raw)?.1,
            Self::Decimal => decimal(raw)?.1,
            Self::Integer => generic::integer(raw)?.1,
        })
    }

    /// Tells which of its meanings the form has, and whether that is sure.
    fn resolve<'a>(self, lines: impl Iterator<Item = &'a [u8]>) -> (Carrier, bool) {
        match self {
            Self::Cut(_, carrier) | Self::Json(_, carrier) | Self::Text(_, carrier) => {
                (carrier, true)
            }
            Self::DateTime => (date_time(lines), true),
            Self::Hms => {
                let times: Vec<u64> = lines.filter_map(generic::hms).map(|cut| cut.0).collect();
                match since(&times, |ns, _| ns < 1_000_000_000) {
                    // One line cannot tell what its time counts from.
                    Since::Start => {
                        let told = times.len() > 1 && times.iter().any(|&ns| ns > 0);
                        (Carrier::TsElapsed, told)
                    }
                    Since::PreviousLine => (Carrier::TsInterval, times.len() > 1),
                    Since::Elsewhere => (Carrier::TimeOfDay, true),
                }
            }
            Self::Decimal => {
                let times: Vec<u64> = lines.filter_map(decimal).map(|cut| cut.0).collect();
                let in_era = |ns: &u64| ERA.contains(&(ns / 1_000_000_000));
                let carrier = match since(&times, |ns, largest| ns <= largest / 8) {
                    _ if times.iter().all(in_era) => Carrier::UnixSeconds,
                    Since::PreviousLine => Carrier::SecondsInterval,
                    Since::Start | Since::Elsewhere => Carrier::Seconds,
                };
                (carrier, carrier == Carrier::UnixSeconds || times.len() > 1)
            }
            Self::Integer => {
                let counts: Vec<u64> = lines
                    .filter_map(generic::integer)
                    .map(|cut| cut.0)
                    .collect();
                (integer(&counts), true)
            }
        }
    }
}

/// Votes over the first lines. `sample` holds whole physical lines from the very start of the
/// input; at most 64 KiB of it are looked at. Lines without a stamp among others are fine.
#[must_use]
pub fn detect(sample: &[u8]) -> Detected {
    let sample = sample.strip_prefix(b"\xef\xbb\xbf").unwrap_or(sample);
    let mut head = &sample[..sample.len().min(SAMPLE)];
    if head.len() < sample.len()
        && let Some(end) = memchr::memrchr(b'\n', head)
    {
        head = &head[..end];
    }
    let mut found = match header(head) {
        Some(carrier) => Detected::new(carrier, true),
        None => Votes::count(head).decide(head),
    };
    found.inside = inside(found.carrier, head);
    found
}

/// Finds the carriers inside of one that is known.
pub(crate) fn within(carrier: Carrier, sample: &[u8]) -> Detected {
    let mut found = Detected::new(carrier, false);
    found.inside = inside(carrier, sample);
    found
}

/// Finds the carriers inside of one, from the outermost on.
fn inside(carrier: Carrier, sample: &[u8]) -> Vec<Carrier> {
    /// More than anybody has been seen to put around each other.
    const DEEPEST: usize = 3;
    let mut inside = Vec::new();
    let mut outer = carrier.decoder();
    let mut text = sample.to_vec();
    while let Some(mut decoder) = outer
        && inside.len() < DEEPEST
    {
        let mut out = Unwrapped::new();
        for line in text
            .strip_suffix(b"\n")
            .unwrap_or(&text)
            .split(|&byte| byte == b'\n')
        {
            decoder.line(line, &mut out);
        }
        decoder.finish(&mut out);
        text = out.text().to_vec();
        let votes = Votes::count(&text);
        let found = (votes.heard(1) > 0 || votes.heard(0) > 0).then(|| votes.decide(&text).carrier);
        // Numbers alone are too little to go by where there are stamps already.
        let found = found.filter(|&found| !matches!(found, Carrier::None | Carrier::Nanos));
        outer = found.and_then(|found| {
            inside.push(found);
            found.decoder()
        });
    }
    inside
}

/// Votes of each form: of all lines, of those in which Nix says a sentence, of those with a record.
struct Votes {
    n_lines: usize,
    /// The same for lines without any wrapping.
    bare: [usize; 2],
    has_section: bool,
    /// Lines that are nothing but a date and time.
    stamps: usize,
    of_forms: [[usize; 3]; FORMS.len()],
}

/// Lines that say something.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|&byte| byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .filter(|line| !line.is_empty())
}

/// Hears what Nix says in a text, at once or inside of another carrier.
fn hear(text: &[u8]) -> Option<Speech> {
    speech(text).or_else(|| {
        let mut payloads = FORMS.iter().filter_map(|form| form.payload(text));
        let is_said = payloads.any(|payload| speech(payload).is_some());
        is_said.then_some(Speech::Sentence)
    })
}

impl Votes {
    fn count(text: &[u8]) -> Self {
        let mut votes = Self {
            n_lines: 0,
            bare: [0; 2],
            has_section: false,
            stamps: 0,
            of_forms: [[0; 3]; FORMS.len()],
        };
        for line in lines(text) {
            votes.n_lines += 1;
            if let Some(said) = speech(line) {
                votes.bare[usize::from(said == Speech::Record)] += 1;
            }
            votes.has_section |= gitlab::has_section(line);
            votes.stamps += usize::from(line_above::stamp(line).is_some());
            for (form, [all, sentences, records]) in FORMS.iter().zip(&mut votes.of_forms) {
                if let Some(said) = form.vote(line, hear) {
                    *all += 1;
                    *sentences += usize::from(said == Some(Speech::Sentence));
                    *records += usize::from(said == Some(Speech::Record));
                }
            }
        }
        votes
    }

    /// Returns the most votes of lines in which Nix says something.
    fn heard(&self, kind: usize) -> usize {
        let votes = self.of_forms.iter().map(|votes| votes[1 + kind]);
        votes.max().unwrap_or(0)
    }

    fn decide(&self, text: &[u8]) -> Detected {
        let unwrapped = if self.has_section {
            Carrier::Gitlab // Its sections have times.
        } else {
            Carrier::None
        };
        let [sentences, records] = [0, 1].map(|kind| self.heard(kind));
        if self.bare[1] > 0 && self.bare[1] >= records {
            return Detected::new(unwrapped, true);
        }
        let dated = FORMS.iter().position(|form| matches!(form, Form::DateTime));
        let dated = dated.map_or(0, |at| self.of_forms[at][0]);
        if records == 0
            && self.stamps >= 2
            && self.stamps == dated
            && self.stamps * 3 >= self.n_lines
        {
            return Detected::new(Carrier::LineAbove, false);
        }
        if records == 0 && self.bare[0] > 0 && self.bare[0] >= sentences {
            return Detected::new(unwrapped, self.has_section);
        }
        let is_chosen = |[all, said, recorded]: &[usize; 3]| {
            if records > 0 {
                *recorded == records
            } else if sentences > 0 {
                *said == sentences
            } else {
                *all * 2 > self.n_lines
            }
        };
        match self.of_forms.iter().position(is_chosen) {
            Some(at) => {
                let (carrier, sure) = FORMS[at].resolve(lines(text));
                Detected::new(carrier, sure && records > 0)
            }
            None => Detected::new(unwrapped, self.has_section),
        }
    }
}

/// Tells a format by its header.
fn header(head: &[u8]) -> Option<Carrier> {
    if head.starts_with(b"Script started on ") {
        return Some(Carrier::Script);
    }
    let mut lines = head
        .split(|&byte| byte == b'\n')
        // Comments may precede the header of asciinema's version 3.
        .skip_while(|line| line.trim_ascii().is_empty() || line.starts_with(b"#"));
    let first = lines.next()?;
    match asciinema::version(first) {
        Some(2) => return Some(Carrier::AsciinemaV2),
        Some(_) => return Some(Carrier::AsciinemaV3),
        None => {}
    }
    if journald_export::starts_entry(first) {
        return Some(Carrier::JournaldExport);
    }
    asciinema::is_v1(head).then_some(Carrier::AsciinemaV1)
}

/// Cuts seconds that have a fraction; whole numbers are another form.
fn decimal(raw: &[u8]) -> Option<(u64, &[u8])> {
    let (seconds, payload) = generic::seconds_parts(raw)?;
    (seconds.digits > 0).then_some((seconds.nanos, payload))
}

/// Names a carrier by how it writes a date and time.
fn date_time<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Carrier {
    let (mut n, mut seven, mut nine, mut fewer, mut zulu, mut ts) = (0, 0, 0, 0, 0, 0);
    for line in lines {
        let Some((stamp, _)) = generic::date_time_parts(line) else {
            continue;
        };
        n += 1;
        zulu += usize::from(stamp.zulu);
        match stamp.digits {
            7 => seven += 1,
            9 => nine += 1,
            1..=8 => fewer += 1,
            _ => {}
        }
        let plain = !line.starts_with(b"[") && stamp.has_t && !stamp.has_zone();
        ts += usize::from(plain);
    }
    if zulu == n && seven * 10 >= n * 9 {
        Carrier::GithubActions
    } else if zulu == n && nine == n {
        Carrier::DockerLogs
    } else if nine * 2 > n && nine + seven + fewer == n {
        Carrier::Kubectl
    } else if ts * 2 > n {
        Carrier::TsIso
    } else {
        Carrier::DateTime
    }
}

/// What a row of times counts from.
enum Since {
    Start,
    PreviousLine,
    Elsewhere,
}

/// `is_small` says whether a time is next to nothing, given the largest.
fn since(times: &[u64], is_small: fn(u64, u64) -> bool) -> Since {
    let (Some(&first), Some(&largest)) = (times.first(), times.iter().max()) else {
        return Since::Elsewhere;
    };
    let steps = || times.windows(2).map(|pair| pair[0].cmp(&pair[1]));
    let falls = steps().filter(|step| step.is_gt()).count();
    let rises = steps().filter(|step| step.is_lt()).count();
    // Intervals are mostly next to nothing, and fall about as often as they rise.
    let small = times.iter().filter(|&&ns| is_small(ns, largest)).count();
    if falls > 0 && falls * 3 >= rises && small * 2 > times.len() && first < NEAR_ZERO {
        return Since::PreviousLine;
    }
    // A fall to near zero is a second recording, see the clock.
    let falls_far = times
        .windows(2)
        .any(|pair| pair[0] > pair[1] && pair[1] >= NEAR_ZERO);
    if first < NEAR_ZERO && !falls_far {
        Since::Start
    } else {
        Since::Elsewhere
    }
}

/// Tells nanoseconds since the start from counts since 1970, which lie close together: within a
/// day or so, and are not all the same.
///
/// A burst of lines between one and four seconds after the start looks like seconds since 1970,
/// but its steps are thousands of nanoseconds, and nothing is written once an hour.
fn integer(counts: &[u64]) -> Carrier {
    const LONG_STEP: u64 = 1_000;
    let mut steps: Vec<u64> = counts
        .windows(2)
        .map(|pair| pair[0].abs_diff(pair[1]))
        .filter(|&step| step > 0)
        .collect();
    steps.sort_unstable();
    let step = steps.get(steps.len() / 2).copied().unwrap_or(0);
    const CLOSE: u64 = 100_000;
    let smallest = counts.iter().copied().min().unwrap_or(0);
    let largest = counts.iter().copied().max().unwrap_or(0);
    for (unit, carrier) in [
        (1, Carrier::UnixSeconds),
        (1_000, Carrier::UnixMillis),
        (1_000_000, Carrier::UnixMicros),
        (1_000_000_000, Carrier::UnixNanos),
    ] {
        let in_era = |count: u64| ERA.contains(&(count / unit));
        let close = largest - smallest < CLOSE * unit;
        let in_era = in_era(smallest) && in_era(largest);
        // Seconds since 1970 look like nanoseconds since the start; the others are too large.
        let told = smallest < largest || unit > 1;
        if in_era && close && told && step < LONG_STEP * unit {
            return carrier;
        }
    }
    Carrier::Nanos
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stamps before lines of Nix, and what they are.
    fn name(stamps: &[&str]) -> &'static str {
        let sample: String = stamps
            .iter()
            .map(|stamp| format!("{stamp}@nix {{\"action\":\"stop\",\"id\":1}}\n"))
            .collect();
        let detected = detect(sample.as_bytes());
        assert!(detected.sure, "{stamps:?}");
        detected.carrier.name()
    }

    #[test]
    fn stamps() {
        for (stamps, want) in [
            (&["", "\x1b[31m", "<3>"][..], "none"),
            (&["0 ", "61040528 ", "1795291706 "], "nanos"),
            (&["1717079400 ", "1717079401 "], "unix"),
            (&["1717079400 ", "1717079400 "], "nanos"),
            (&["1717079400 ", "1717083411 ", "1717090213 "], "nanos"),
            (&["1717079400123 ", "1717079401123 "], "unix-millis"),
            (&["1717079400123456 ", "1717079401123456 "], "unix-micros"),
            (
                &["1717079400123456789 ", "1717079401123456789 "],
                "unix-nanos",
            ),
            (&["1717079400.123 ", "1717079400.123 "], "unix"),
            (&["0.5 ", "2.5 ", "2.7 ", "0.1 ", "0.2 ", "0.3 "], "seconds"),
            (
                &["0.000001 ", "2.5 ", "0.000002 ", "0.000001 "],
                "seconds-interval",
            ),
            (&["[    0.500000] ", "[   12.345678] "], "seconds"),
            (&["Nov 21 19:58:52 <3>", "Nov  1 19:58:52 \x1b[0m"], "ts"),
            (&["2026-11-21T19:58:52.123456 "], "ts-iso"),
            (&["2026-11-21T19:58:52 "], "ts-iso"),
            (&["[2024-05-30 14:30:00] "], "date-time"),
            (&["2024-05-30 14:30:00,123 "], "date-time"),
            (&["2024-05-30T14:30:00Z "], "date-time"),
            (&["2024-05-30T14:30:00.123456Z "], "date-time"),
            (&["2024-05-30T14:30:00.1234567Z "], "github-actions"),
            (&["2024-05-30T14:30:00.123456789Z "], "docker-logs"),
            (&["web-1  | 2024-05-30T14:30:00.123456789Z "], "docker-logs"),
            (
                &[
                    "2024-05-30T14:30:00.123456789Z ",
                    "2024-05-30T14:30:00.12345678Z ",
                    "2024-05-30T14:30:00.123456789Z ",
                ],
                "kubectl",
            ),
            (&["[pod/a/b] 2024-05-30T14:30:00.12Z "], "kubectl"),
            (&["2024-05-30T14:30:00.12Z stderr F "], "cri"),
            (&["2024-05-30T14:30:00.000000Z 00O "], "gitlab"),
            (&["a b\tc d\t2024-05-30T14:30:00.1234567Z "], "github-cli"),
            (&["00:00:00 ", "00:00:05 ", "00:00:05 "], "ts-elapsed"),
            (
                &["00:00:00 ", "00:00:05 ", "00:00:00 ", "00:00:00 "],
                "ts-interval",
            ),
            (&["00:00:01 ", "00:00:40 ", "00:00:02 "], "ts-elapsed"),
            (&["14:30:00 ", "14:30:01 "], "time-of-day"),
            (&["23:59:00.123 ", "00:00:01.123 "], "time-of-day"),
            (&["Sep 08 17:20:30 host nix[1]: "], "journald-short"),
            (&["2023-09-08T17:20:30+0200 host nix[1]: "], "journald-iso"),
            (&["1694186430.655028 host nix[1]: "], "journald-unix"),
            (
                &["Fri 2023-09-08 17:20:30 CEST host nix[1]: "],
                "journald-full",
            ),
            (&["[   12.345678] host nix[1]: "], "journald-monotonic"),
            (&["\x1b_bk;t=1745322209921\x07"], "buildkite"),
        ] {
            assert_eq!(name(stamps), want, "{stamps:?}");
        }
    }

    #[test]
    fn headers() {
        for (sample, want) in [
            (r#"{"version":2,"width":80,"height":24}"#, "asciinema-v2"),
            ("# x\n{\"version\":3,\"term\":{}}\n", "asciinema-v3"),
            ("{\n \"version\": 1,\n \"stdout\": [", "asciinema-v1"),
            ("Script started on 2026-11-21 19:58:52+00:00\n", "script"),
            ("__CURSOR=s=1\n__REALTIME_TIMESTAMP=1\n", "journald-export"),
            ("x\n\x1b[0Ksection_start:1717079400:a\r\x1b[0Kb\n", "gitlab"),
            ("section_start:1717079400:a\r\x1b[0K\n@nix {}\n", "gitlab"),
        ] {
            let detected = detect(sample.as_bytes());
            assert!(detected.sure, "{sample}");
            assert_eq!(detected.carrier.name(), want, "{sample}");
        }
    }

    #[test]
    fn output_that_begins_with_numbers_does_not_win() {
        for sample in [
            "",
            "building\n12 warnings\n2024-05-30 14:30:00 started\n[1/5] CC\n",
            "12 warnings\n@nix {}\n13 warnings\n14 warnings\n",
            "{}\n{\"a\":1}\n",
            "{\"action\":\"stop\"}\n1.5 x\n2.5 x\n",
            "00:00:00\n",
        ] {
            let carrier = detect(sample.as_bytes()).carrier;
            let want = if sample.len() == 9 {
                "ts-elapsed"
            } else {
                "none"
            };
            assert_eq!(carrier.name(), want, "{sample}");
        }
        let weak = detect(b"1.5 a\n2.5 b\nc\n");
        assert_eq!((weak.carrier, weak.sure), (Carrier::Seconds, false));
    }

    #[test]
    fn only_the_head_is_read() {
        let mut sample = b"1.5 a\n".repeat(20_000);
        sample.extend_from_slice(b"@nix {\n");
        assert_eq!(detect(&sample).carrier, Carrier::Seconds);
        let long = vec![b'x'; 2 * SAMPLE];
        assert_eq!(detect(&long).carrier, Carrier::None);
    }
}
