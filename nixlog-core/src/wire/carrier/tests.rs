//! The carriers together: one recording in every wrapper, and nonsense in every decoder.

use proptest::prelude::*;

use super::clock::{Clock, ClockIssues};
use super::detect::detect;
use super::*;

/// The recording itself: nanoseconds and payload.
const NANOS: &[u8] = include_bytes!("../../../tests/fixtures/carrier/nanos.log");

/// When the recording began, in nanoseconds since 1970.
const START: u64 = 1_795_291_706_614_449_188;

/// How much slower the lines were written for the fixtures that tools made.
const SLOWER: u64 = 3;

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("../../../tests/fixtures/carrier/", $name)).as_slice()
    };
}

fn recording() -> Vec<(u64, &'static [u8])> {
    let lines = NANOS
        .strip_suffix(b"\n")
        .unwrap_or(NANOS)
        .split(|&b| b == b'\n');
    lines
        .map(|line| stamp::integer(line).expect("a stamp"))
        .map(|(ns, rest)| (ns, &rest[1..]))
        .collect()
}

fn decode(mut decoder: Box<dyn Decode>, input: &[u8]) -> Unwrapped {
    let mut out = Unwrapped::new();
    let input = input.strip_suffix(b"\n").unwrap_or(input);
    for (number, line) in (1..).zip(input.split(|&byte| byte == b'\n')) {
        out.at_line(number);
        decoder.line(line, &mut out);
    }
    decoder.finish(&mut out);
    out
}

fn stamps(out: &Unwrapped) -> (Vec<u64>, Clock) {
    let mut clock = Clock::new();
    if let Some(started_at) = out.started_at() {
        clock.set_started_at(started_at);
    }
    let stamps = out.lines().iter().filter_map(|line| {
        clock.at_line(line.number);
        Some(clock.stamp(line.time?).as_nanos())
    });
    let stamps = stamps.collect();
    (stamps, clock)
}

fn payloads(out: &Unwrapped) -> Vec<&[u8]> {
    let text = out.text().strip_suffix(b"\n").expect("lines end");
    text.split(|&byte| byte == b'\n').collect()
}

/// From what the stamps of a fixture count, and to how many nanoseconds they are cut off.
#[derive(Clone, Copy)]
enum Count {
    Start(u64),
    FirstLine(u64),
    /// Made by a real tool: from the start, and how far off the clock may be.
    Live(u64),
}

fn check(carrier: Carrier, decoder: Box<dyn Decode>, input: &[u8], count: Count) {
    let name = carrier.name();
    let detected = detect(input);
    assert_eq!((detected.carrier, detected.sure), (carrier, true), "{name}");

    let out = decode(decoder, input);
    let recording = recording();
    let mut got = payloads(&out);
    let mut lines = out.lines().to_vec();
    if carrier == Carrier::Gitlab {
        // The section's title is a line of its own.
        assert_eq!(got.remove(0), b"Executing \"step_script\"");
        lines.remove(0);
    }
    let want: Vec<_> = recording.iter().map(|line| line.1).collect();
    for (got, want) in got.iter().zip(&want) {
        assert_eq!(
            String::from_utf8_lossy(got),
            String::from_utf8_lossy(want),
            "{name}"
        );
    }
    assert_eq!(got, want, "{name}");
    assert_eq!(out.issues(), [], "{name}");
    assert!(lines.is_sorted_by_key(|line| line.number), "{name}");

    let (stamps, clock) = stamps(&out);
    let stamps = &stamps[stamps.len() - recording.len()..];
    assert_eq!(clock.issues(), ClockIssues::default(), "{name}");
    let first = recording[0].0;
    for (&stamp, &(ns, _)) in stamps.iter().zip(&recording) {
        match count {
            Count::Start(unit) => assert_eq!(stamp, ns / unit * unit, "{name}"),
            Count::FirstLine(unit) => {
                let cut = |ns: u64| (START + ns) / unit * unit;
                assert_eq!(stamp, cut(ns) - cut(first), "{name}");
            }
            Count::Live(off) => {
                let want = ns * SLOWER;
                assert!(stamp.abs_diff(want) <= off, "{name}: {stamp} for {want}");
            }
        }
    }
    let starts_at = clock.started_at().map(i64::cast_unsigned);
    if let (Count::FirstLine(unit), Some(at)) = (count, starts_at) {
        assert_eq!(at, (START + first) / unit * unit, "{name}");
    }
}

#[test]
fn one_recording_in_every_wrapper() {
    use Carrier as C;
    use Count::{FirstLine, Live, Start};
    const S: u64 = 1_000_000_000;
    const MILLI: u64 = 1_000_000;
    const MICRO: u64 = 1_000;
    for (carrier, input, count) in [
        (C::Seconds, fixture!("seconds.log"), Start(MICRO)),
        // Perl needs a moment to start, and each stamp is rounded.
        (
            C::SecondsInterval,
            fixture!("seconds-interval.log"),
            Live(S),
        ),
        (C::TsDefault, fixture!("ts.log"), Live(2 * S)),
        (C::TsIso, fixture!("ts-iso.log"), Live(S)),
        (C::TsElapsed, fixture!("ts-elapsed.log"), Live(2 * S)),
        (C::TsInterval, fixture!("ts-interval.log"), Live(2 * S)),
        (C::TimeOfDay, fixture!("time-of-day.log"), FirstLine(MILLI)),
        (C::DateTime, fixture!("date-time.log"), FirstLine(MILLI)),
        (C::UnixSeconds, fixture!("unix.log"), FirstLine(MILLI)),
        (C::UnixMillis, fixture!("unix-millis.log"), FirstLine(MILLI)),
        (C::UnixMicros, fixture!("unix-micros.log"), FirstLine(MICRO)),
        (C::UnixNanos, fixture!("unix-nanos.log"), FirstLine(1)),
        (
            C::GithubActions,
            fixture!("github-actions.log"),
            FirstLine(100),
        ),
        (C::GithubCli, fixture!("github-cli.log"), FirstLine(100)),
        (C::Gitlab, fixture!("gitlab.log"), FirstLine(MICRO)),
        (
            C::JournaldShort,
            fixture!("journald-short.log"),
            FirstLine(S),
        ),
        (
            C::JournaldIso,
            fixture!("journald-iso.log"),
            FirstLine(MICRO),
        ),
        (
            C::JournaldUnix,
            fixture!("journald-unix.log"),
            FirstLine(MICRO),
        ),
        (
            C::JournaldFull,
            fixture!("journald-full.log"),
            FirstLine(MICRO),
        ),
        (
            C::JournaldExport,
            fixture!("journald-export.log"),
            FirstLine(MICRO),
        ),
        (
            C::JournaldJson,
            fixture!("journald-json.log"),
            FirstLine(MICRO),
        ),
        (C::DockerJson, fixture!("docker-json.log"), FirstLine(1)),
        (C::DockerLogs, fixture!("docker-logs.log"), FirstLine(1)),
        (C::Cri, fixture!("cri.log"), FirstLine(1)),
        (C::Kubectl, fixture!("kubectl.log"), FirstLine(1)),
        (C::AsciinemaV1, fixture!("asciinema-v1.json"), Start(MICRO)),
        (C::AsciinemaV2, fixture!("asciinema-v2.cast"), Start(MICRO)),
        (C::AsciinemaV3, fixture!("asciinema-v3.cast"), Start(MICRO)),
        (C::Buildkite, fixture!("buildkite.log"), FirstLine(MILLI)),
    ] {
        let decoder = carrier.decoder().expect("all but two have one");
        check(carrier, decoder, input, count);
    }
    for (typescript, timing) in [
        (
            fixture!("script-classic.log"),
            fixture!("script-classic.timing"),
        ),
        (
            fixture!("script-advanced.log"),
            fixture!("script-advanced.timing"),
        ),
    ] {
        check(C::Script, script(timing), typescript, Live(S));
    }
}

/// Uptimes and boots: the first stamp is not cut off as those of the wall clock are.
#[test]
fn monotonic_journal() {
    let carrier = Carrier::JournaldMonotonic;
    let input = fixture!("journald-monotonic.log");
    assert_eq!(detect(input).carrier, carrier);
    let out = decode(carrier.decoder().expect("has one"), input);
    let recording = recording();
    let want: Vec<_> = recording.iter().map(|line| line.1).collect();
    assert_eq!(payloads(&out), want);
    let first = recording[0].0 / 1000;
    let want: Vec<_> = recording
        .iter()
        .map(|line| (line.0 / 1000 - first) * 1000)
        .collect();
    assert_eq!(stamps(&out).0, want);
}

#[test]
fn what_the_scanner_reads_itself_is_detected() {
    for (input, carrier) in [
        (NANOS, Carrier::Nanos),
        (fixture!("none.log"), Carrier::None),
        (b"0 @nixlog {}\n", Carrier::Nanos),
    ] {
        let detected = detect(input);
        assert_eq!((detected.carrier, detected.sure), (carrier, true));
    }
}

#[test]
fn started_at_is_taken_from_headers() {
    for input in [
        fixture!("asciinema-v2.cast"),
        fixture!("asciinema-v3.cast"),
        fixture!("script-classic.log"),
    ] {
        let decoder = detect(input).carrier.decoder().expect("has one");
        assert!(decode(decoder, input).started_at().is_some());
    }
}

/// Lines with bits of every form in them, so that decoders get further than the first byte.
fn nonsense() -> impl Strategy<Value = Vec<u8>> {
    let bit = prop_oneof![
        prop::sample::select(vec![
            &b"2024-05-30T14:30:00.123456Z"[..],
            b" 00O ",
            b" 00E+",
            b" stdout P ",
            b" stderr F ",
            b"Nov 21 19:58:52 ",
            b"00:00:05 ",
            b"99999999999999999999 ",
            b"1717079400.5 ",
            b"[",
            b"]",
            b"\xef\xbb\xbf",
            b"\t",
            b"\r",
            b"\0",
            b"host unit[1]: ",
            b"@nix {\"action\":\"msg\",\"msg\":\"",
            b"\"}",
            b"section_start:1717079400:x\r\x1b[0K",
            b"\x1b[0K",
            b"\x1b_bk;t=1\x07",
            b"{\"log\":\"a",
            b"\",\"time\":\"2024-05-30T14:30:00Z\"}",
            b"{\"__REALTIME_TIMESTAMP\":\"1\",\"MESSAGE\":\"",
            b"MESSAGE",
            b"__REALTIME_TIMESTAMP=1",
            b"{\"version\":2,\"width\":1,\"timestamp\":1e300}",
            b"[1e300,\"o\",\"a\\nb\"]",
            b"{\"version\":1,\"stdout\":[[1,\"a\"],",
            b"Script started on ",
            b"O 0.1 4",
            b"#11 6.1 ",
            b"[14:52:19]W:\t [Step 1/2] ",
            b"2025-Jan-13 15:35:03 ",
            b"alpha | ",
            b"building '/nix/store/2r92n2zfwywjrahb1p8zhkypdj1rhzfd-etc.drv'...",
        ])
        .prop_map(<[u8]>::to_vec),
        prop::collection::vec(any::<u8>(), 0..12),
        Just(b"\n".to_vec()),
    ];
    prop::collection::vec(bit, 0..40).prop_map(|bits| bits.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn any_bytes_are_read_by_any_decoder(input in nonsense(), timing in nonsense()) {
        drop(detect(&input));
        let decoders = Carrier::all().iter().filter_map(|carrier| carrier.decoder());
        for decoder in decoders.chain([script(&timing)]) {
            let out = decode(decoder, &input);
            let lines = out.text().iter().filter(|&&byte| byte == b'\n').count();
            prop_assert_eq!(lines, out.lines().len());
            prop_assert!(stamps(&out).0.is_sorted());
        }
    }

    #[test]
    fn prefixes_hand_on_every_line_once(
        mut payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..20),
        stamped in prop::collection::vec(any::<bool>(), 20),
    ) {
        for payload in &mut payloads {
            // What would end the line, or is dropped at its end.
            payload.retain(|&byte| byte != b'\n' && byte != b'\r');
        }
        for (carrier, stamp) in [
            (Carrier::Seconds, "1.5 "),
            (Carrier::TsDefault, "Nov 21 19:58:52 "),
            (Carrier::DateTime, "2024-05-30 14:30:00 "),
            (Carrier::TsElapsed, "00:00:05 "),
            (Carrier::UnixMillis, "1717079400123 "),
            (Carrier::GithubCli, "job\tstep\t2024-05-30T14:30:00.1234567Z "),
            (Carrier::Gitlab, "2024-05-30T14:30:00.000000Z 00O "),
            (Carrier::JournaldUnix, "1717079400.123 host nix[1]: "),
            (Carrier::Cri, "2024-05-30T14:30:00.12Z stdout F "),
            (Carrier::Buildkite, "\u{1b}_bk;t=1745322209921\u{7}"),
        ] {
            let (mut input, mut want) = (Vec::new(), Vec::new());
            for (payload, &stamped) in payloads.iter().zip(&stamped) {
                // A line without a stamp must not look as though it had one.
                input.extend_from_slice(if stamped { stamp } else { "- " }.as_bytes());
                want.extend_from_slice(if stamped { "" } else { "- " }.as_bytes());
                for text in [&mut input, &mut want] {
                    text.extend_from_slice(payload);
                    text.push(b'\n');
                }
            }
            let out = decode(carrier.decoder().expect("has one"), &input);
            prop_assert_eq!(out.text(), want, "{}", carrier.name());
            let times = out.lines().iter().map(|line| line.time.is_some());
            prop_assert!(times.eq(stamped.iter().copied().take(payloads.len())));
        }
    }
}
