//! What is on this machine of Nix: the store, its database, stored logs, and the command itself.

pub(crate) mod binary_cache;
pub(crate) mod database;
pub(crate) mod derivations;
pub(crate) mod dry_run;
pub(crate) mod installable;
pub(crate) mod logs;
pub(crate) mod program;
pub(crate) mod settings;
pub(crate) mod store;
pub(crate) mod version;
