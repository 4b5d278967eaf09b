//! The binary as users run it.

mod readme;
