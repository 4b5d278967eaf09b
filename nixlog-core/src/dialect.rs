//! The families of Nix.

use crate::names::named;

named! {
    /// The family that a Nix belongs to.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub enum Dialect, default Nix {
        /// Nix itself, or nothing that tells it apart.
        Nix = "nix",
        /// Lix.
        Lix = "lix",
        /// Determinate Nix.
        Determinate = "determinate",
    }
}
