//! Which Nix is at hand.

use std::fmt;

/// What `nix --version` tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NixVersion {
    pub(crate) major: u32,
    pub(crate) minor: u32,
    /// It is Lix, whose numbers mean something else.
    pub(crate) is_lix: bool,
}

impl NixVersion {
    /// Reads `nix (Nix) 2.34.8`, `nix (Lix, like Nix) 2.94.2`, `nix (Determinate Nix 3.8.2) 2.30.1`.
    pub(crate) fn parse(printed: &str) -> Option<Self> {
        let number = printed.split_whitespace().last()?;
        let mut parts = number.split(|c: char| !c.is_ascii_digit());
        Some(Self {
            major: parts.next()?.parse().ok()?,
            minor: parts.next()?.parse().ok()?,
            is_lix: printed.contains("Lix"),
        })
    }

    /// Tells whether its evaluator has a profiler: Nix since 2.30, Determinate Nix with it, Lix not.
    pub(crate) const fn has_eval_profiler(self) -> bool {
        self.has_json_log_path()
    }

    /// Tells whether it has the setting `json-log-path`: Nix since 2.30, Determinate Nix with it, Lix not.
    pub(crate) const fn has_json_log_path(self) -> bool {
        !self.is_lix && (self.major > 2 || (self.major == 2 && self.minor >= 30))
    }
}

impl fmt::Display for NixVersion {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lix = if self.is_lix { "Lix " } else { "" };
        write!(out, "{lix}{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        let cases = [
            ("nix (Nix) 2.34.8\n", Some((2, 34, true))),
            ("nix (Nix) 2.8.0", Some((2, 8, false))),
            ("nix (Nix) 2.31pre20250901_abcdef", Some((2, 31, true))),
            ("nix (Lix, like Nix) 2.94.2", Some((2, 94, false))),
            ("nix (Determinate Nix 3.8.2) 2.30.1", Some((2, 30, true))),
            ("command not found", None),
            ("", None),
        ];
        for (printed, want) in cases {
            let version = NixVersion::parse(printed);
            let got = version.map(|v| (v.major, v.minor, v.has_json_log_path()));
            assert_eq!(got, want, "{printed}");
        }
    }
}
