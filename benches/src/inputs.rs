//! The logs that the benches read: from a seed always, real ones where they are at hand.

use std::fs::File;
use std::path::Path;

use crate::generator::{Mix, generate, generate_stamped};

/// A log to read, with the name that its measurements carry.
#[derive(Debug)]
pub struct Input {
    /// A short name without spaces.
    pub name: &'static str,
    /// The whole log.
    pub text: String,
}

/// Large enough to leave the processor's caches, small enough for many samples.
const GENERATED_BYTES: usize = 8 << 20;

/// Fixed, so that figures of different days are about the same bytes.
const SEED: u64 = 2_026;

/// Real logs beside the repository; nothing fails where they are missing.
const REAL: &[(&str, &str)] = &[
    (
        "real-download",
        "../shared/corpus/external/nom-shell-452e7d5.nix-log.zst",
    ),
    (
        "real-build",
        "../shared/corpus/nix-2.26.3/big-nixpkgs-shaped/build.raw.log.zst",
    ),
];

/// Returns every input, the generated ones first.
#[must_use]
pub fn all() -> Vec<Input> {
    let mut inputs = generated();
    inputs.extend(real());
    inputs
}

/// Generates a log of each mix, and two as nixlog records them, with a stamp before each line.
#[must_use]
pub fn generated() -> Vec<Input> {
    let input = |name, text| Input { name, text };
    let plain = |mix| generate(mix, SEED, GENERATED_BYTES);
    let stamped = |mix| generate_stamped(mix, SEED, GENERATED_BYTES);
    vec![
        input("build", plain(Mix::Build)),
        input("download", plain(Mix::Download)),
        input("escapes", plain(Mix::Escapes)),
        input("build-stamped", stamped(Mix::Build)),
        input("download-stamped", stamped(Mix::Download)),
    ]
}

/// Reads the real logs that are there.
#[must_use]
pub fn real() -> Vec<Input> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let read = |(name, path): &(&'static str, &str)| {
        let file = File::open(root.join(path)).ok()?;
        let bytes = zstd::decode_all(file).ok()?;
        let text = String::from_utf8(bytes).ok()?;
        Some(Input { name, text })
    };
    REAL.iter().filter_map(read).collect()
}
