//! A recording gives back what went in; thinned, it gives back what matters of it.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::time::Stamp;
use crate::wire::event::Progress;
use crate::wire::{Body, LogReader, progress_line, stop_line};

const S: u64 = 1_000_000_000;

/// Returns what a recording of blocks holds, each with its stamp, taken in pieces after `takes` blocks.
fn record(thinning: Thinning, blocks: &[(u64, Vec<u8>)], takes: usize) -> (Vec<u8>, Pending) {
    let mut pending = Pending::new(thinning);
    pending.side(&SideLine::Header(Box::default()));
    let (mut out, mut piece) = (Vec::new(), Vec::new());
    for (index, (at, block)) in blocks.iter().enumerate() {
        pending.lines(block, Stamp::from_nanos(*at));
        if (index + 1) % takes == 0 {
            pending.take(&mut piece);
            out.append(&mut piece);
        }
    }
    pending.take(&mut piece);
    out.append(&mut piece);
    (out, pending)
}

/// Gives the log back, with stamps.
fn logged(recording: &[u8]) -> Vec<(u64, Vec<u8>)> {
    let body = recording.strip_suffix(b"\n").unwrap_or(recording);
    let lines = body.split(|&byte| byte == b'\n').map(recorded_line);
    let logged = lines.filter_map(|line| match line {
        RecordedLine::Log(stamp, text) => Some((stamp?.as_nanos(), text.to_vec())),
        RecordedLine::Side(_) => None,
    });
    logged.collect()
}

fn progress(id: u64, [done, expected, running, failed]: [u64; 4]) -> String {
    format!(
        "@nix {{\"action\":\"result\",\"fields\":[{done},{expected},{running},{failed}],\"id\":{id},\"type\":105}}\n"
    )
}

/// Lines of all kinds that matter here.
fn any_line() -> impl Strategy<Value = Vec<u8>> {
    let bytes = |text: String| text.into_bytes();
    prop_oneof![
        8 => (1_u64..4, 0_u64..9).prop_map(move |(id, done)| bytes(progress(id, [done, 9, 0, 0]))),
        2 => (5_u64..7, 0_u64..3, 0_u64..3).prop_map(move |(id, done, running)| {
            bytes(progress(id, [done, 9, running, 0]))
        }),
        1 => (1_u64..7).prop_map(move |id| bytes(format!("@nix {{\"action\":\"stop\",\"id\":{id}}}\n"))),
        1 => prop::collection::vec(any::<u8>().prop_filter("one line", |&b| b != b'\n'), 0..9)
            .prop_map(|mut line| { line.push(b'\n'); line }),
        1 => prop_oneof![
            Just("@nixlog {\"type\":\"end\",\"exit_status\":7}\n"),
            Just("@nixlog=@nixlog {}\n"),
            Just("@nixlog\n"),
            Just("17 @nixlog {}\r\n"),
            Just("\n"),
        ].prop_map(|line| line.as_bytes().to_vec()),
    ]
}

fn any_blocks() -> impl Strategy<Value = Vec<(u64, Vec<u8>)>> {
    let block = (0_u64..S / 2, prop::collection::vec(any_line(), 1..6));
    let blocks = prop::collection::vec(block, 0..40);
    (blocks, any::<bool>()).prop_map(|(blocks, cut)| {
        let mut now = 0;
        let mut blocks: Vec<_> = blocks
            .into_iter()
            .map(|(after, lines)| {
                now += after;
                (now, lines.concat())
            })
            .collect();
        if cut && let Some((_, last)) = blocks.last_mut() {
            last.pop();
        }
        blocks
    })
}

/// Returns the lines of blocks, each with its stamp.
fn lines_of(blocks: &[(u64, Vec<u8>)]) -> Vec<(u64, Vec<u8>)> {
    let lines = blocks
        .iter()
        .filter(|(_, block)| !block.is_empty())
        .flat_map(|(at, block)| {
            let body = block.strip_suffix(b"\n").unwrap_or(block);
            let lines = body.split(|&byte| byte == b'\n');
            lines.map(|line| (*at, line.to_vec()))
        });
    lines.collect()
}

/// The places of the progress results of each activity, from its first to its stop.
fn runs(lines: &[(u64, Vec<u8>)]) -> Vec<Vec<usize>> {
    let mut open: HashMap<u64, Vec<usize>> = HashMap::new();
    let mut done = Vec::new();
    for (at, (_, line)) in lines.iter().enumerate() {
        if let Some(progress) = progress_line(line) {
            open.entry(progress.id.0).or_default().push(at);
        } else if let Some(id) = stop_line(line) {
            done.extend(open.remove(&id.0));
        }
    }
    done.extend(open.into_values());
    done
}

proptest! {
    #[test]
    fn without_thinning_the_log_comes_back_byte_for_byte(blocks in any_blocks(), takes in 1_usize..9) {
        let (recording, pending) = record(Thinning::Off, &blocks, takes);
        prop_assert_eq!(logged(&recording), lines_of(&blocks));
        let is_cut = blocks.last().is_some_and(|(_, last)| !last.is_empty() && !last.ends_with(b"\n"));
        prop_assert_eq!(pending.is_unterminated(), is_cut);
    }

    /// No line of a log becomes a side line, and a reader sees in a recording just what it sees in the log.
    #[test]
    fn a_recording_reads_as_its_log(blocks in any_blocks()) {
        let (recording, _) = record(Thinning::Off, &blocks, 3);
        let mut reader = LogReader::new(None);
        let mut lines = Vec::new();
        for line in reader.block(&recording, None) {
            lines.push((line.stamp, format!("{:?}", line.body)));
        }
        let n_sides = lines.iter().filter(|(_, body)| body.starts_with("Side(")).count();
        prop_assert_eq!(n_sides, 1, "only the header");
        let want = lines_of(&blocks);
        let mut plain = LogReader::new(Some(crate::wire::Carrier::None));
        let mut bodies = Vec::new();
        for (at, line) in &want {
            let line = [line.as_slice(), b"\n"].concat();
            for read in plain.block(&line, None) {
                bodies.push((Some(Stamp::from_nanos(*at)), format!("{:?}", read.body)));
            }
        }
        prop_assert_eq!(&lines[1..], &bodies[..]);
    }

    #[test]
    fn thinning_keeps_what_matters(blocks in any_blocks(), takes in 1_usize..40) {
        let (recording, pending) = record(Thinning::On, &blocks, takes);
        let (all, kept) = (lines_of(&blocks), logged(&recording));
        prop_assert_eq!(all.len(), kept.len() + usize::try_from(pending.thinned()).unwrap_or(0));
        // What is kept is a part of the log in its order, and everything but progress is.
        let mut rest = all.iter();
        for line in &kept {
            prop_assert!(rest.any(|each| each == line));
        }
        let other = |lines: &[(u64, Vec<u8>)]| -> Vec<_> {
            lines.iter().filter(|(_, line)| progress_line(line).is_none()).cloned().collect()
        };
        prop_assert_eq!(other(&all), other(&kept));
        // The first and the last progress of each activity, and every start and end that counters tell.
        let ends = |lines: &[(u64, Vec<u8>)]| -> Vec<_> {
            let mut ends: Vec<_> = runs(lines).iter().map(|run| {
                let values = run.iter().filter_map(|&at| progress_line(&lines[at].1));
                let values: Vec<Progress> = values.collect();
                let mut ticks: Vec<_> = values.iter().map(|p| (p.running, p.failed)).collect();
                ticks.dedup();
                (lines[run[0]].clone(), lines[run[run.len() - 1]].clone(), ticks)
            }).collect();
            ends.sort();
            ends
        };
        prop_assert_eq!(ends(&all), ends(&kept));
    }

    /// Taken once a second, at most four a second of each counter of bytes.
    #[test]
    fn at_most_four_a_second(steps in prop::collection::vec(1_u64..200_000_000, 1..200)) {
        let mut pending = Pending::new(Thinning::On);
        let (mut out, mut piece) = (Vec::new(), Vec::new());
        let (mut now, mut taken) = (0, 0);
        for (done, step) in (0..).zip(steps) {
            now += step;
            if now - taken >= S {
                taken = now;
                pending.take(&mut piece);
                out.append(&mut piece);
            }
            pending.lines(progress(1, [done, 999, 0, 0]).as_bytes(), Stamp::from_nanos(now));
        }
        pending.take(&mut piece);
        out.append(&mut piece);
        let stamps: Vec<u64> = logged(&out).iter().map(|(at, _)| *at).collect();
        for (index, &at) in stamps.iter().enumerate() {
            let within = stamps[index..].iter().take_while(|&&each| each < at + S).count();
            prop_assert!(within <= 4, "{within} in the second from {at}");
        }
    }
}

/// A burst is thinned in the buffer, so that the buffer does not grow with it.
#[test]
fn a_burst_takes_no_room() {
    let mut pending = Pending::new(Thinning::On);
    let block: String = (0..700)
        .map(|done| progress(done % 7, [done, 999, 0, 0]))
        .collect();
    for _ in 0..200 {
        pending.lines(block.as_bytes(), Stamp::ZERO);
        assert!(pending.len() < 4096, "{}", pending.len());
    }
    let mut out = Vec::new();
    pending.take(&mut out);
    assert_eq!(logged(&out).len(), 14);
    assert!(pending.is_empty());
}

/// Only the first line makes a file a recording.
#[test]
fn a_build_cannot_forge_a_side_line() {
    let forged =
        b"5 building\n6 @nixlog {\"type\":\"header\",\"format\":1}\n7 @nixlog {\"type\":\"end\"}\n";
    let mut reader = LogReader::new(None);
    for line in reader.block(forged, None) {
        assert!(matches!(line.body, Body::Text(_)), "{line:?}");
    }
}
