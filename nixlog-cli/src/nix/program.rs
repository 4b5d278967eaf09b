//! Which programs are Nix's.

use std::ffi::OsStr;
use std::path::Path;

/// What a program is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The `nix` command.
    Nix,
    /// `nix-build` and its like: they take a log format, but know no `json-log-path`.
    Legacy,
    /// A script around Nix, which may hand a log format on.
    Wrapper,
    Other,
}

/// Programs of Nix with a single purpose.
const LEGACY: [&str; 7] = [
    "nix-build",
    "nix-shell",
    "nix-env",
    "nix-store",
    "nix-instantiate",
    "nix-collect-garbage",
    "nix-copy-closure",
];

/// Scripts around Nix.
pub(crate) const WRAPPERS: [&str; 4] = [
    "nixos-rebuild",
    "nixos-rebuild-ng",
    "home-manager",
    "darwin-rebuild",
];

/// Tells whether a command line is one of Nix's, or of a script around it, as other processes show it:
/// a script's own name comes behind its interpreter's.
pub(crate) fn nix_program(words: &[String]) -> Option<&OsStr> {
    let mut words = words.iter().take(2).map(OsStr::new);
    words.find(|word| kind(word) != Kind::Other)
}

/// Tells what a program is, by its name.
pub(crate) fn kind(program: &OsStr) -> Kind {
    let name = Path::new(program).file_name().and_then(OsStr::to_str);
    match name {
        Some("nix") => Kind::Nix,
        Some(name) if LEGACY.contains(&name) => Kind::Legacy,
        Some(name) if WRAPPERS.contains(&name) => Kind::Wrapper,
        _ => Kind::Other,
    }
}
