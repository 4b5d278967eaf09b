//! Whom an error blames: it names a derivation, its base name, the path of an output, or a file in one.

use crate::store_path::{innermost, name_of};

/// What an error names.
#[derive(Debug, Clone, Copy)]
pub(super) enum Blamed<'a> {
    /// A derivation, by its base name.
    Derivation(&'a str),
    /// An output, by the name in its path: that of the derivation, and `-dev` and the like behind it.
    Output(&'a str),
    /// What is no store path.
    Other(&'a str),
}

impl<'a> Blamed<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        match innermost(text) {
            Some(path) if path.base_name().ends_with(".drv") => Self::Derivation(path.base_name()),
            Some(path) => Self::Output(path.name()),
            None => Self::Other(text),
        }
    }

    /// Tells how well a derivation fits; `None` where it does not.
    pub(super) fn fits(self, drv: &str) -> Option<usize> {
        match self {
            Self::Derivation(base_name) => {
                let same = drv
                    .strip_suffix(base_name)
                    .is_some_and(|folder| folder.is_empty() || folder.ends_with('/'));
                same.then_some(usize::MAX)
            }
            Self::Output(output) => {
                let name = name_of(drv);
                let behind = output.strip_prefix(name)?;
                (behind.is_empty() || behind.starts_with('-')).then_some(name.len())
            }
            Self::Other(text) => (drv == text).then_some(usize::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_derivation_is_blamed_by_any_of_its_names() {
        let drv = "/nix/store/7ajh8plhm64ypnph30js1a3lq6zsyxqr-tool-1.0.drv";
        let other = "/nix/store/8ajh8plhm64ypnph30js1a3lq6zsyxqr-tool-1.0.drv";
        let out = "/nix/store/iaddlmk85rsykjpx54glm9vnzh66ixbw-tool-1.0";
        let cases = [
            (drv.to_owned(), true, false),
            (drv.replace("/nix/store/", ""), true, false),
            (out.to_owned(), true, true),
            (format!("{out}-dev/include/x.h"), true, true),
            (format!("{drv}.chroot/root{out}-dev"), true, true),
            (format!("{out}.1"), false, false),
            (
                "/nix/store/iaddlmk85rsykjpx54glm9vnzh66ixbw-too".to_owned(),
                false,
                false,
            ),
        ];
        for (named, this, that) in &cases {
            let blamed = Blamed::of(named);
            assert_eq!(blamed.fits(drv).is_some(), *this, "{named}");
            assert_eq!(blamed.fits(other).is_some(), *that, "{named}");
        }
        // The longer name is the better one.
        let longer = Blamed::of("/nix/store/iaddlmk85rsykjpx54glm9vnzh66ixbw-tool-1.0-doc");
        assert!(longer.fits("tool-1.0-doc") > longer.fits("tool-1.0"));
    }
}
