//! Bytes to borrowed values: carriers, lines, events. Knows every form that a Nix log comes in,
//! and nothing of what the events mean together.

pub mod ansi;
pub mod carrier;
pub mod human;
pub mod message;
