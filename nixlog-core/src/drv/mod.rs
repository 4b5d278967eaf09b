//! Derivations and store paths as Nix writes them down.
//!
//! [`Derivation::parse`] reads a `.drv` file; [`shown`] the JSON of `nix derivation show`, of every
//! version; [`path_infos`] that of `nix path-info`. All borrow from what they read, and none knows
//! what a graph is.

mod aterm;
mod attributes;
mod json;
mod list;
mod path_info;
mod show;
mod text;

#[cfg(test)]
mod tests;

pub use aterm::{Derivation, Dynamic, Input, Output, OutputKind, ParseError, ParseErrorKind};
pub use attributes::{Attributes, STRUCTURED};
pub use json::JsonError;
pub use list::{Element, Iter, List};
pub use path_info::{PathInfo, path_infos};
pub use show::{Shown, ShownInput, ShownOutput, shown};
pub use text::Text;
