//! Logs without `internal-json`: what `nix-build` and `nix build` print for people.
//!
//! Formats `raw`, `raw-with-logs` (the default of `nix-build`), `bar-with-logs` (`nix build -L`)
//! and `bar`, the status line that a terminal recording holds in all of its states. Such a log
//! tells when builds and copies start, never when they end; [`HumanReader`] finds what there is.

mod activation;
mod bar;
mod ci;
mod event;
mod nom;
mod reader;

#[cfg(test)]
mod tests;

pub use bar::{BarBuild, BarFetch, BarStatus, Tally};
pub use event::HumanEvent;
pub use reader::HumanReader;
