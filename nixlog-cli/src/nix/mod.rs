//! The Nix on this machine.

pub(crate) mod settings;
