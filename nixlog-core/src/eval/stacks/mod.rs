//! Profiles of evaluation: stacks of calls, with what each of them cost.
//!
//! Nix has two: the sampling profiler (`--eval-profiler flamegraph`) writes one line per stack with a number of
//! samples, and `--trace-function-calls` writes a line with the time whenever a function is entered or left.
//! [`Reader`] reads both, block by block, and turns them into the same three steps: a call begins, a call ends,
//! and so much was spent in the innermost one. What is made of the steps is a [`Sink`]'s: [`Costs`] adds them up by
//! function, file, module and so on, and [`Tree`](tree::Tree) keeps the stacks themselves, to be drawn.
//!
//! ```
//! use nixlog_core::eval::stacks::{By, Costs, Kind, NoNames, Reader};
//!
//! let profile = b"/a.nix:1:1:f;/a.nix:2:3:primop map 3\n/a.nix:1:1:f 1\n";
//! let mut reader = Reader::new(Kind::of(profile), Costs::new(&[By::Function], &NoNames));
//! reader.feed(profile);
//! let profile = reader.finish();
//! let f = &profile.table(By::Function).expect("asked for").rows[0];
//! assert_eq!((f.name.as_deref(), f.own, f.inclusive), (Some("f"), 1, 4));
//! ```
//!
//! Memory grows with the number of distinct frames and keys, and with the deepest stack, never with the number
//! of stacks: see [`Costs`].

pub mod costs;
pub mod frame;
mod function_calls;
mod keys;
pub mod reader;
mod samples;
#[cfg(test)]
mod tests;
mod texts;
pub mod tree;

pub use costs::{Caller, Costs, Profile, Row, Table};
pub use frame::{Frame, Place, What};
pub use keys::{By, Names, NoNames};
pub use reader::{Facts, Kind, Reader};
pub use texts::Texts;

use crate::names::named;

named! {
    /// What costs are counted in.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub enum Unit {
        /// How often the profiler found the evaluator there: a share of all is an estimate.
        Samples = "samples",
        /// Measured nanoseconds.
        Nanoseconds = "nanoseconds",
    }
}

/// What is made of the steps of a profile.
pub trait Sink {
    /// What comes out of it.
    type Result;

    /// A call begins, made by the innermost one so far.
    fn push(&mut self, frame: u32, frames: &Texts);

    /// The innermost call ends.
    fn pop(&mut self);

    /// So much was spent in the innermost call. All of it together fits into 64 bits.
    fn add(&mut self, cost: u64, frames: &Texts);

    /// There is no more; all calls have ended.
    fn finish(self, frames: &Texts, facts: Facts) -> Self::Result;
}
