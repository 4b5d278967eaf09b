//! Bytes in, lines out: whatever happens to the bytes, and however they come.

use std::io::{self, Read};
use std::path::Path;
use std::sync::OnceLock;

use nixlog_core::analysis::phases::phases;
use nixlog_core::time::Nanos;
use nixlog_core::timeline::Timeline;
use nixlog_core::wire::block::Blocks;
use nixlog_core::wire::{Carrier, LogReader};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::recordings::{OwnedLine, carrier_of, corpus, files_in, fold, lines, timeline};
use crate::simulated_nix;

/// Enough of each log that all of its forms occur; the rest is more of the same.
const ENOUGH: usize = 48 << 10;

/// A log and how it is to be read.
#[derive(Debug, Clone)]
struct Input {
    name: String,
    bytes: Vec<u8>,
    carrier: Carrier,
    /// The times of `script` are in a file of their own.
    timing: Option<Vec<u8>>,
}

impl Input {
    /// Makes a reader that has to find out what it reads.
    fn reader(&self) -> LogReader {
        match &self.timing {
            Some(timing) => LogReader::with_script_timing(timing),
            None => LogReader::new(None),
        }
    }

    /// Makes a reader that was told.
    fn reader_that_knows(&self) -> LogReader {
        match &self.timing {
            Some(timing) => LogReader::with_script_timing(timing),
            None => LogReader::new(Some(self.carrier)),
        }
    }
}

/// The beginning of every recording, every carrier's fixture, and a few logs made up here.
fn inputs() -> &'static [Input] {
    static INPUTS: OnceLock<Vec<Input>> = OnceLock::new();
    INPUTS.get_or_init(|| {
        let recordings = corpus().into_iter().map(|recording| {
            let mut bytes = recording.bytes();
            let end = bytes.iter().skip(ENOUGH).position(|&byte| byte == b'\n');
            bytes.truncate(
                end.map_or(bytes.len(), |end| ENOUGH + end + 1)
                    .min(2 * ENOUGH),
            );
            (recording.name, bytes, None)
        });
        let simulated = (0..4).map(|seed| {
            let plan = simulated_nix::Plan::from_seed(seed);
            (
                format!("simulated {seed}"),
                plan.run().log.into_bytes(),
                None,
            )
        });
        let all = recordings.chain(fixtures()).chain(simulated);
        all.map(|(name, bytes, timing)| Input {
            carrier: carrier_of(&bytes),
            name,
            bytes,
            timing,
        })
        .collect()
    })
}

/// Returns the name, the bytes and the timing of every carrier's fixture.
fn fixtures() -> Vec<(String, Vec<u8>, Option<Vec<u8>>)> {
    let dir = Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fixtures/carrier"
    ));
    let read = |path: &Path| std::fs::read(path).expect("a readable fixture");
    let logs = files_in(dir).into_iter().filter(|path| {
        let kind = path.extension().unwrap_or_default();
        kind != "py" && kind != "timing"
    });
    let fixtures: Vec<_> = logs
        .map(|path| {
            let name = path.file_name().expect("a file").to_string_lossy();
            let timing = path.with_extension("timing");
            let timing = timing.exists().then(|| read(&timing));
            (name.into_owned(), read(&path), timing)
        })
        .collect();
    assert!(fixtures.len() > 25, "the fixtures are gone");
    fixtures
}

fn input() -> impl Strategy<Value = &'static Input> {
    any::<Index>().prop_map(|index| index.get(inputs()))
}

/// Gives out as many bytes at a time as the steps say, over and over.
struct Trickle<'a> {
    bytes: &'a [u8],
    steps: std::iter::Cycle<std::slice::Iter<'a, usize>>,
    interrupt: bool,
}

impl Read for Trickle<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let step = *self.steps.next().expect("some steps");
        self.interrupt = !self.interrupt;
        if self.interrupt && step.is_multiple_of(3) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let (now, later) = self
            .bytes
            .split_at(step.min(self.bytes.len()).min(out.len()));
        out[..now.len()].copy_from_slice(now);
        self.bytes = later;
        Ok(now.len())
    }
}

/// Reads a log block by block, as its bytes come.
fn lines_in_blocks(reader: &mut LogReader, bytes: &[u8], steps: &[usize]) -> Vec<OwnedLine> {
    let mut blocks = Blocks::new(Trickle {
        bytes,
        steps: steps.iter().cycle(),
        interrupt: false,
    });
    let (mut lines, mut buffer) = (Vec::new(), Vec::new());
    while let Some(block) = blocks.next_block(buffer).expect("no read fails for good") {
        lines.extend(reader.checked_block(&block, None).map(OwnedLine::from));
        buffer = block.into_buffer();
    }
    lines.extend(reader.finish().map(OwnedLine::from));
    lines
}

/// Compares line by line, so that a failure shows the first that differs and not all of them.
fn same(got: &[OwnedLine], want: &[OwnedLine], what: &str) -> Result<(), TestCaseError> {
    for (got, want) in got.iter().zip(want) {
        prop_assert_eq!(got, want, "{}", what);
    }
    prop_assert_eq!(got.len(), want.len(), "lines of {}", what);
    Ok(())
}

/// Checks what has to hold of any timeline, whatever was read.
fn sound(timeline: &Timeline) -> Result<(), TestCaseError> {
    let phases = phases(timeline);
    let sum: Nanos = phases
        .phases
        .iter()
        .filter_map(|phase| phase.total.wall)
        .sum();
    prop_assert_eq!(sum, phases.wall.unwrap_or_default());
    for unit in timeline.units() {
        if let (Some(start), Some(end)) = (unit.start, unit.end) {
            prop_assert!(start <= end, "{:?}", unit);
        }
        let wall = timeline.wall();
        let inside = |end| wall.is_some_and(|wall| end <= wall.end());
        prop_assert!(unit.end.is_none_or(inside), "{:?}", unit);
        for stretch in &unit.stretches {
            prop_assert!(inside(stretch.interval.end()), "{:?}", unit);
        }
    }
    Ok(())
}

/// Splits a text into its lines, each with its line feed.
fn whole_lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split_inclusive(|&byte| byte == b'\n')
}

/// Where one line alone says less than all of them: a number may be an instant or a length.
///
/// Today the first lines are read by the guess of the moment, and that guess is wrong when a first
/// read brings one line of these. Files come in larger blocks.
const FIRST_LINE_MISLEADS: [&str; 2] = ["seconds-interval.log", "ts-interval.log"];

#[test]
fn every_log_reads_the_same_in_one_piece_and_in_many() {
    for input in inputs() {
        let want = lines(&mut input.reader(), &input.bytes);
        let misleads = FIRST_LINE_MISLEADS.contains(&input.name.as_str());
        for step in [1, 7, 64, 1000, 4096, 1 << 20] {
            if input.bytes.len() / step > 5000 {
                continue;
            }
            let got = lines_in_blocks(&mut input.reader(), &input.bytes, &[step]);
            let what = format!("{}, {step} bytes at a time", input.name);
            match same(&got, &want, &what) {
                Ok(()) => assert!(!misleads || step > 64, "{what} reads right at last"),
                Err(_) if misleads && step < 1000 => {}
                Err(error) => panic!("{error}"),
            }
        }
    }
}

/// A person looks for line 17 where their editor shows line 17.
#[test]
fn numbers_are_those_of_the_file() {
    let mut n_exact = 0;
    for input in inputs() {
        let lines = lines(&mut input.reader(), &input.bytes);
        let numbers: Vec<_> = lines.iter().map(|line| line.number).collect();
        let n_lines = whole_lines(&input.bytes).count() as u64;
        let name = &input.name;
        assert!(numbers.is_sorted(), "{name}");
        assert!(
            numbers.iter().all(|number| (1..=n_lines).contains(number)),
            "{name}"
        );
        // The others take several lines for one, or have several in one.
        if numbers.len() as u64 == n_lines {
            assert!((1..=n_lines).eq(numbers), "{name}");
            n_exact += 1;
        }
    }
    assert!(n_exact > 35, "only {n_exact} of {}", inputs().len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_chunking_reads_the_same(input in input(), steps in vec(1_usize..3000, 1..8), cut in any::<Index>()) {
        let steps: Vec<_> = steps.into_iter().chain([600]).collect();
        let bytes = &input.bytes[..=cut.index(input.bytes.len())];
        let want = lines(&mut input.reader_that_knows(), bytes);
        let got = lines_in_blocks(&mut input.reader_that_knows(), bytes, &steps);
        same(&got, &want, &input.name)?;
    }

    #[test]
    fn a_cut_log_reads_up_to_the_cut(input in input(), cut in any::<Index>()) {
        let whole = lines(&mut input.reader_that_knows(), &input.bytes);
        let bytes = &input.bytes[..cut.index(input.bytes.len())];
        let mut cut = lines(&mut input.reader_that_knows(), bytes);
        // The line in which the cut lies may read as anything; with a carrier, it may lie in the
        // second piece of a line.
        let n_cut = if matches!(input.carrier, Carrier::Nanos | Carrier::None) { 1 } else { 2 };
        for _ in 0..n_cut {
            let last = cut.last().map_or(0, |line| line.number);
            cut.retain(|line| line.number < last);
        }
        same(&cut, &whole[..cut.len()], &input.name)?;
        let n_lines = bytes.iter().filter(|&&byte| byte == b'\n').count();
        if input.carrier == Carrier::Nanos {
            let n_numbers = cut.iter().map(|line| line.number).max().unwrap_or(0);
            prop_assert!(n_numbers + 1 >= n_lines as u64, "lines were lost");
        }
        sound(&timeline(bytes))?;
    }

    #[test]
    fn plain_lines_in_between_change_no_event(
        input in input(),
        plain in vec((any::<Index>(), select(vec![
            "", " ", "hello", "  two spaces", "make: *** [all] Error 1", "@ni", "@nixx {}", "{\"a\": [1]}",
            "{\"action\"", "-1 @nix {", "gr\u{fc}n \u{1b}[31mred\u{1b}[0m", "\u{0}\u{7f}", "[1/7] cc x.c", "\u{fffd}",
        ])), 1..40),
    ) {
        if !matches!(input.carrier, Carrier::Nanos | Carrier::None) {
            return Ok(());
        }
        let original: Vec<_> = whole_lines(&input.bytes).collect();
        let mut mixed: Vec<Vec<u8>> = original.iter().map(|line| line.to_vec()).collect();
        for (at, text) in &plain {
            mixed.insert(at.index(mixed.len()), format!("{text}\n").into_bytes());
        }
        let mixed = mixed.concat();
        let events = |bytes: &[u8]| {
            let mut lines = lines(&mut input.reader(), bytes);
            lines.retain(|line| line.body.starts_with("Event"));
            lines.into_iter().map(|line| (line.stamp, line.body)).collect::<Vec<_>>()
        };
        let (got, want) = (events(&mixed), events(&input.bytes));
        for (got, want) in got.iter().zip(&want) {
            prop_assert_eq!(got, want, "{}", &input.name);
        }
        prop_assert_eq!(got.len(), want.len(), "{}", &input.name);
        if !want.is_empty() {
            let (mixed, alone) = (timeline(&mixed), timeline(&input.bytes));
            prop_assert_eq!(phases(&mixed), phases(&alone), "{}", &input.name);
        }
    }

    #[test]
    fn damage_changes_nothing_before_it(
        input in input(),
        from in any::<Index>(),
        damage in vec((any::<Index>(), any::<u8>(), 0_u8..3), 1..60),
    ) {
        let from = from.index(input.bytes.len());
        let mut bytes = input.bytes.clone();
        for (at, byte, how) in damage {
            let length = bytes.len() - from;
            if length == 0 {
                break;
            }
            let at = from + at.index(length);
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => { bytes.remove(at); }
            }
        }
        let whole = lines(&mut input.reader_that_knows(), &input.bytes);
        let got = lines(&mut input.reader_that_knows(), &bytes);
        // A carrier may put a line together from several; it has the number of its first piece.
        let sound_up_to = whole_lines(&input.bytes[..from]).filter(|line| line.ends_with(b"\n")).count() as u64;
        let before = |lines: &[OwnedLine]| {
            let mut before: Vec<_> = lines.iter().take_while(|line| line.number <= sound_up_to).cloned().collect();
            let last = before.last().map_or(0, |line| line.number);
            if !matches!(input.carrier, Carrier::Nanos | Carrier::None) {
                before.retain(|line| line.number < last);
            }
            before
        };
        let (whole, got) = (before(&whole), before(&got));
        if matches!(input.carrier, Carrier::Nanos | Carrier::None) {
            prop_assert_eq!(got.len(), whole.len(), "{}", &input.name);
        }
        let n = got.len().min(whole.len());
        same(&got[..n], &whole[..n], &input.name)?;
        sound(&timeline(&bytes))?;
        sound(&fold(&mut input.reader_that_knows(), &bytes))?;
    }

    #[test]
    fn lines_in_any_order_fold_into_something_sound(input in input(), swaps in vec((any::<Index>(), any::<Index>()), 1..200)) {
        let mut mixed: Vec<_> = whole_lines(&input.bytes).collect();
        for (a, b) in swaps {
            let (a, b) = (a.index(mixed.len()), b.index(mixed.len()));
            mixed.swap(a, b);
        }
        sound(&timeline(&mixed.concat()))?;
    }
}
