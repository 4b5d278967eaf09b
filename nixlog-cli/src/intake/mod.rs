//! How a log comes in: from a file, a pipe, a socket, or a command that is run.

pub(crate) mod arguments;
pub(crate) mod capture;
pub(crate) mod input;
pub(crate) mod listen;
pub(crate) mod load;
pub(crate) mod pump;
pub(crate) mod run;
pub(crate) mod socket;
