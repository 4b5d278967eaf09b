//! The texts of Nix: what its messages and its activities' titles say.
//!
//! Nix has no error codes in its log. What failed, how, and where is told in words, and the words
//! changed over the versions: 2.4, 2.23, 2.29, 2.33 and 2.34 each reworded something. [`read()`]
//! knows them all, of Nix, Lix and Determinate Nix, and [`activity()`] knows the titles of the
//! activities whose fields do not tell the same. Both borrow from the text and allocate nothing;
//! a text that they do not know is [`Note::Other`] or [`ActivityNote::Other`], never an error.
//!
//! The texts come without color: [`strip`](super::ansi::strip) first.

mod activity;
mod build;
mod failure;
pub(crate) mod grammar;
mod log_lines;
mod note;
mod plan;
mod read;
mod refusal;

#[cfg(test)]
mod tests;

pub use activity::{ActivityNote, activity};
pub use failure::Failure;
pub use log_lines::{LogTail, log_tail, phase_footer, phase_header};
pub use note::{Note, TransferFault};
pub use read::{read, read_error};
