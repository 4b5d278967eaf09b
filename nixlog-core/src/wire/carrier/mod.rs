//! What wraps a line and gives it a time: `ts`, CI systems, journald, containers, terminals.
//!
//! A carrier's decoder takes physical lines and hands on *payload* lines, each with the [`Time`]
//! that the carrier wrote. It knows nothing of Nix. [`clock::Clock`] turns those times into
//! [`Stamp`](crate::time::Stamp)s. One file per carrier; [`detect`](detect::detect) votes.
