//! Profiles of evaluations: what samples tell of time, and real profiles.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use nixlog_core::eval::stacks::tree::Tree;
use nixlog_core::eval::stacks::{By, Costs, Facts, Kind, NoNames, Profile, Reader, Sink, Texts};
use nixlog_core::statistics::proportion;
use nixlog_core::statistics::random::Random;

use crate::shared_corpus::folders;

fn read<S: Sink>(sink: S, text: &[u8]) -> S::Result {
    let mut reader = Reader::new(Kind::of(text), sink);
    for block in text.chunks(4099) {
        reader.feed(block);
    }
    reader.finish()
}

/// Samples a program as Nix does: at the first call after the interval is over.
fn sampled(random: &mut Random, share: f64, seconds: f64) -> String {
    let mut text = String::new();
    let (mut now, mut next) = (0.0, random.fraction() / 99.0);
    while now < seconds {
        let name = if random.fraction() < share { "f" } else { "g" };
        if now >= next {
            text += &["/m.nix:1:1:main;/m.nix:2:2:", name, " 1\n"].concat();
            next = now + 1.0 / 99.0;
        }
        now += 0.0004 + 0.0004 * random.fraction();
    }
    text
}

#[test]
fn the_share_of_a_function_lies_in_the_interval_that_is_told() {
    for (seed, share, seconds) in [(1, 0.3, 8.0), (2, 0.05, 12.0), (3, 0.6, 0.3)] {
        let mut random = Random::new(seed);
        let held = (0..300)
            .filter(|_| {
                let text = sampled(&mut random, share, seconds);
                let profile = read(Costs::new(&[By::Function], &NoNames), text.as_bytes());
                let rows = &profile.tables[0].rows;
                let f = rows.iter().find(|row| row.name.as_deref() == Some("f"));
                let own = f.map_or(0, |row| row.own);
                let (low, high) = proportion::interval(own, profile.total).expect("some samples");
                low <= share && share <= high
            })
            .count();
        // 95 % of 300, and four standard deviations.
        assert!(
            (270..300).contains(&held),
            "{share} of {seconds} s: {held} of 300"
        );
    }
}

/// Ten profiles that Nix 2.34.8 made of `ratio.nix`, where `three` does three times the work of `one`.
#[test]
fn the_share_that_a_real_nix_samples_is_the_one_that_the_work_has() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/profiles");
    for n in 1..=10 {
        let text = fs::read(folder.join(format!("ratio-{n}.profile"))).expect("a fixture");
        let profile = read(Costs::new(&[By::Function], &NoNames), &text);
        assert_eq!(profile.facts.bad_lines, 0);
        let rows = &profile.tables[0].rows;
        let inclusive = |name: &str| {
            let row = rows.iter().find(|row| row.name.as_deref() == Some(name));
            row.expect("it is sampled").inclusive
        };
        let (three, one) = (inclusive("three"), inclusive("one"));
        assert!(
            three + one > 200 && three + one <= profile.total,
            "{three} and {one}"
        );
        let (low, high) = proportion::interval(three, three + one).expect("some samples");
        assert!(low <= 0.75 && 0.75 <= high, "{n}: {three} and {one}");
        assert!(high - low < 0.12, "{n}: {low} to {high} says nothing");
    }
}

/// Keeps whole stacks and counts them, as nobody should.
#[derive(Default)]
struct Twin {
    stack: Vec<String>,
    stacks: BTreeMap<Vec<String>, u64>,
}

impl Sink for Twin {
    type Result = BTreeMap<Vec<String>, u64>;

    fn push(&mut self, frame: u32, frames: &Texts) {
        self.stack.push(frames.text(frame).into_owned());
    }

    fn pop(&mut self) {
        self.stack.pop();
    }

    fn add(&mut self, cost: u64, _: &Texts) {
        *self.stacks.entry(self.stack.clone()).or_default() += cost;
    }

    fn finish(self, _: &Texts, _: Facts) -> Self::Result {
        self.stacks
    }
}

/// Returns what a profile says when it is split line by line.
fn split(text: &str) -> BTreeMap<Vec<String>, u64> {
    let mut stacks: BTreeMap<Vec<String>, u64> = BTreeMap::new();
    for line in text.lines() {
        let (stack, count) = line.rsplit_once(' ').expect("a count");
        let stack = stack.split(';').map(str::to_owned).collect();
        *stacks.entry(stack).or_default() += count.parse::<u64>().expect("a number");
    }
    stacks
}

#[test]
fn real_profiles_add_up() {
    let mut n_profiles = 0;
    for folder in folders() {
        for path in crate::recordings::files_in(&folder) {
            let name = path.to_string_lossy().into_owned();
            if !name.ends_with(".profile") && !name.ends_with(".profile.zst") {
                continue;
            }
            let bytes = fs::read(&path).expect("a readable file");
            let bytes = match name.ends_with(".zst") {
                true => zstd::decode_all(&*bytes).expect("zstd"),
                false => bytes,
            };
            let text = String::from_utf8(bytes).expect("UTF-8");
            n_profiles += 1;
            let stacks = split(&text);
            assert_eq!(read(Twin::default(), text.as_bytes()), stacks, "{name}");
            let total: u64 = stacks.values().sum();
            let by: Vec<By> = By::ALL.into_iter().collect();
            let profile: Profile = read(Costs::new(&by, &NoNames), text.as_bytes());
            assert_eq!(
                (profile.total, profile.facts.bad_lines),
                (total, 0),
                "{name}"
            );
            for table in &profile.tables {
                let own: u64 = table.rows.iter().map(|row| row.own).sum();
                assert_eq!(own, total, "{name} by {}", table.by.name());
                for row in &table.rows {
                    assert!(
                        row.own <= row.inclusive && row.inclusive <= total,
                        "{row:?}"
                    );
                    let callers: u64 = row.callers.iter().map(|caller| caller.inclusive).sum();
                    assert!(callers <= row.inclusive, "{row:?}");
                }
            }
            // By frame, the naive way: each frame once a stack.
            for row in &profile.table(By::Frame).expect("asked for").rows {
                let frame = row.name.as_ref().expect("a frame");
                let on = stacks.iter().filter(|(stack, _)| stack.contains(frame));
                assert_eq!(
                    on.map(|(_, count)| count).sum::<u64>(),
                    row.inclusive,
                    "{frame}"
                );
            }
            let tree = read(Tree::new(By::Frame, &NoNames), text.as_bytes());
            let own: Vec<u64> = tree
                .calls
                .iter()
                .map(|call| call.own)
                .filter(|&own| own > 0)
                .collect();
            assert_eq!(
                (own.len(), own.iter().sum::<u64>()),
                (stacks.len(), total),
                "{name}"
            );
        }
    }
    assert!(
        folders().is_empty() || n_profiles >= 4,
        "{n_profiles} profiles"
    );
}
