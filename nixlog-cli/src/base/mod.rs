//! What everything else stands on: errors, arguments, the terminal, the output.

pub(crate) mod arguments;
pub(crate) mod clock;
pub(crate) mod error;
pub(crate) mod held;
pub(crate) mod http;
pub(crate) mod notify;
pub(crate) mod output;
pub(crate) mod selection;
pub(crate) mod signals;
pub(crate) mod terminal;
mod unicode;
pub(crate) mod unpack;
