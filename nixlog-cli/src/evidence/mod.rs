//! What is known of a build apart from its log: its derivations, and what the store remembers.

pub(crate) mod derivations;
pub(crate) mod explained;
pub(crate) mod forecast;
pub(crate) mod globs;
pub(crate) mod history;
pub(crate) mod past;
pub(crate) mod plan;
pub(crate) mod profiles;
pub(crate) mod read;
pub(crate) mod reconstruct;
pub(crate) mod sides;
pub(crate) mod sizes;
pub(crate) mod slots;
pub(crate) mod sources;
pub(crate) mod stored_logs;
