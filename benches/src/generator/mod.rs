//! Logs in Nix's shape with the mix of real ones, and graphs: the same for the same seed.
//!
//! The proportions were counted on recordings: of a build-heavy log, 84 % of the lines are build
//! log lines and a line has 145 bytes; of a development shell fetched from a cache (a million
//! lines), 98 % are progress results, eight of ten on the activity of the line before, and a line
//! has 93 bytes. Every log tells a whole story: what starts stops, counters count, progress ends at
//! its total.

mod build;
mod derivations;
mod download;
mod graph;
mod rng;
mod stream;
mod words;

pub use derivations::{File, derivations};
pub use graph::{Graph, graph};
use rng::Rng;
use stream::Stream;

/// What a log consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mix {
    /// Builds that print what compilers print: mostly build log lines.
    Build,
    /// Paths from a binary cache: nearly all progress results, with integers of 7 to 10 digits.
    Download,
    /// Builds that print quotes, backslashes and colors: every seventh byte begins an escape.
    Escapes,
}

/// Generates a log of about `bytes` bytes, as Nix writes it.
#[must_use]
pub fn generate(mix: Mix, seed: u64, bytes: usize) -> String {
    tell(mix, seed, bytes, Stream::plain(bytes))
}

/// Generates the same log with `<nanoseconds since the start> ` before each line.
///
/// The stamps are not part of `bytes`, so that the story is the same as without them.
#[must_use]
pub fn generate_stamped(mix: Mix, seed: u64, bytes: usize) -> String {
    tell(mix, seed, bytes, Stream::stamped(bytes))
}

fn tell(mix: Mix, seed: u64, bytes: usize, mut stream: Stream) -> String {
    let mut rng = Rng::new(seed);
    match mix {
        Mix::Build => build::tell(&mut stream, &mut rng, bytes, words::log_line),
        Mix::Escapes => build::tell(&mut stream, &mut rng, bytes, words::escaped_line),
        Mix::Download => download::tell(&mut stream, &mut rng, bytes),
    }
    stream.finish()
}

#[cfg(test)]
mod tests;
