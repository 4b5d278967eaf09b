//! Reads the logs of Nix builds and tells where the time went.
#![forbid(unsafe_code)]

pub mod ids;
pub mod json_str;
pub mod store_path;
pub mod time;
pub mod timeline;
pub mod wire;
