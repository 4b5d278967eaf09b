//! What costs are added up by: from a frame to a key.

use std::borrow::Cow;

use super::frame::{Frame, Place, What};
use super::texts::Texts;
use crate::names::named;
use crate::store_path::StorePath;

named! {
    /// What costs are added up by.
    ///
    /// Where a key comes from a frame's place, it tells where calls are made **from**: see [`Frame`]. A frame that
    /// has no key of its own belongs to the nearest caller that has one: a function of the language to the file
    /// that calls it, a function of nixpkgs' `lib` to the module on whose behalf it works.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
    pub enum By {
        /// Each frame as it is written in the profile.
        Frame = "frame",
        /// The function called, by its name: functions of one name count as one. One without a name is known by
        /// the place that calls it.
        Function = "function",
        /// The file that calls.
        File = "file",
        /// The line that calls.
        Place = "place",
        /// The flake input, store path or tree of the file that calls.
        Input = "input",
        /// The module of NixOS, Home Manager or nix-darwin that calls, or on whose behalf is called.
        Module = "module",
        /// The option whose definition calls, or on whose behalf is called.
        Option = "option",
        /// The innermost derivation that is being made.
        Derivation = "derivation",
    }
}

/// Names that no profile has in it: who knows the lock file or the sources can give them.
pub trait Names {
    /// Returns the name of an input by its root: `«github:owner/repo/rev»`, a store path, the top of a tree that
    /// looks like nixpkgs, or the directory of a file that is in none of these.
    fn input(&self, root: &str) -> Option<String> {
        let _ = root;
        None
    }

    /// Returns the option that is defined at a place in a file.
    fn option(&self, file: &str, line: u32, column: u32) -> Option<String> {
        let _ = (file, line, column);
        None
    }
}

/// Knows no name.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoNames;

impl Names for NoNames {}

/// The key of a stack's part that has none.
pub(super) const NONE: u32 = 0;

/// The keys of all frames, each decided once.
pub(super) struct Keys<'n> {
    by: By,
    names: &'n dyn Names,
    /// Key n has the name n - 1. Frames are their own keys.
    texts: Texts,
    of_frames: Vec<Key>,
}

/// What is known of a frame.
#[derive(Clone, Copy)]
struct Key {
    key: u32,
    /// It counts only where the module system makes the call.
    only_for_modules: bool,
    is_module_system: bool,
}

impl<'n> Keys<'n> {
    pub(super) fn new(by: By, names: &'n dyn Names) -> Self {
        Self {
            by,
            names,
            texts: Texts::default(),
            of_frames: Vec::new(),
        }
    }

    pub(super) const fn by(&self) -> By {
        self.by
    }

    /// Returns how many keys there are, [`NONE`] among them.
    pub(super) fn len(&self) -> usize {
        1 + match self.by {
            By::Frame => self.of_frames.len(),
            _ => self.texts.len(),
        }
    }

    /// Returns the name of a key; `None` for [`NONE`].
    pub(super) fn name<'a>(&'a self, key: u32, frames: &'a Texts) -> Option<Cow<'a, str>> {
        let number = key.checked_sub(1)?;
        Some(match self.by {
            By::Frame => frames.text(number),
            _ => self.texts.text(number),
        })
    }

    /// Returns the key of a frame that `caller` calls; [`NONE`] where it has no key of its own.
    pub(super) fn key(&mut self, frame: u32, caller: Option<u32>, frames: &Texts) -> u32 {
        while self.of_frames.len() <= frame as usize && self.of_frames.len() < frames.len() {
            let number = u32::try_from(self.of_frames.len()).unwrap_or(u32::MAX);
            let key = self.decide(number, &frames.text(number));
            self.of_frames.push(key);
        }
        let known = |frame: u32| self.of_frames.get(frame as usize);
        match known(frame) {
            Some(key) if !key.only_for_modules => key.key,
            Some(key) if caller.and_then(known).is_some_and(|by| by.is_module_system) => key.key,
            _ => NONE,
        }
    }

    /// Decides the key of a new frame.
    fn decide(&mut self, number: u32, text: &str) -> Key {
        let frame = Frame::parse(text);
        let mut key = Key {
            key: NONE,
            only_for_modules: false,
            is_module_system: false,
        };
        let place = frame.place;
        let name = match self.by {
            By::Frame => {
                key.key = number.saturating_add(1);
                return key;
            }
            By::Function => function(frame, text),
            By::File => place.map(|place| Cow::Borrowed(place.file)),
            By::Place => place.map(|place| Cow::Borrowed(place.file_and_line())),
            By::Derivation => match frame.what {
                What::Derivation(name) => Some(Cow::Borrowed(name)),
                _ => None,
            },
            By::Input => place.and_then(|place| root(place.file)).map(|root| {
                let named = self.names.input(root);
                named.map_or_else(|| Cow::Borrowed(label(root)), Cow::Owned)
            }),
            By::Option => place.and_then(
                |Place {
                     file, line, column, ..
                 }| { self.names.option(file, line, column).map(Cow::Owned) },
            ),
            By::Module => place.and_then(|place| {
                key.is_module_system = place.file.ends_with("/lib/modules.nix");
                key.only_for_modules = !is_module(place.file);
                let may_be = !key.only_for_modules || may_be_module(place.file);
                may_be.then_some(Cow::Borrowed(place.file))
            }),
        };
        if let Some(name) = name {
            key.key = self.texts.number(name.as_bytes()).saturating_add(1);
        }
        key
    }
}

impl std::fmt::Debug for Keys<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keys({}, {})", self.by.name(), self.len())
    }
}

/// Returns the name of the function that a frame calls.
fn function<'a>(frame: Frame<'a>, text: &'a str) -> Option<Cow<'a, str>> {
    Some(match frame.what {
        What::Lambda(name) => Cow::Borrowed(name),
        What::Primop(name) => Cow::Owned(format!("primop {name}")),
        What::Derivation(_) => Cow::Borrowed("primop derivationStrict"),
        What::Anonymous | What::Functor if frame.place.is_some() => Cow::Borrowed(text),
        What::Anonymous | What::Functor => return None,
    })
}

/// Returns the root of the input that a file belongs to; `None` for what is Nix itself.
///
/// It is `«…»` at the front, the store path, or what is above the first directory named as the top directories
/// of nixpkgs are. Of any other file it is the directory.
fn root(file: &str) -> Option<&str> {
    if let Some(virtual_file) = file.strip_prefix('«') {
        let end = virtual_file.find('»')? + '«'.len_utf8() + '»'.len_utf8();
        let root = &file[..end];
        return (root != "«nix-internal»" && root != "«none»").then_some(root);
    }
    let mut end = 0;
    for part in file.split_inclusive('/') {
        let directory = part.strip_suffix('/')?;
        if StorePath::parse(directory).is_some() {
            return Some(&file[..end + directory.len()]);
        }
        let is_nixos = directory == "nixos" && {
            let rest = &file[end + part.len()..];
            let inside = ["modules/", "lib/", "tests/", "default.nix", "maintainers/"];
            inside.iter().any(|name| rest.starts_with(name))
        };
        if end > 1 && (matches!(directory, "pkgs" | "lib") || is_nixos) {
            break;
        }
        end += part.len();
        if !file[end..].contains('/') {
            break;
        }
    }
    let root = file[..end].trim_end_matches('/');
    Some(if root.is_empty() { "/" } else { root })
}

/// Returns how a root is shown that has no name: without quotes and without the store's directory.
fn label(root: &str) -> &str {
    let inside = root
        .strip_prefix('«')
        .and_then(|root| root.strip_suffix('»'));
    if let Some(inside) = inside.filter(|inside| inside.contains(':')) {
        return inside;
    }
    StorePath::parse(root).map_or(root, StorePath::base_name)
}

/// Tells whether a file is a module by its path: it lies in a directory `modules`, as those of NixOS, Home
/// Manager and nix-darwin do, and not below `pkgs`.
fn is_module(file: &str) -> bool {
    let mut directories = file.split('/').rev().skip(1);
    directories.any(|directory| directory == "modules")
        && !file.split('/').any(|directory| directory == "pkgs")
}

/// Tells whether a file may be a module where the module system calls from nowhere else: not a part of Nix,
/// and neither a library nor a package.
fn may_be_module(file: &str) -> bool {
    let mut directories = file.split('/');
    file.starts_with(['/', '«'])
        && !file.starts_with("«nix-internal»")
        && !file.starts_with("«none»")
        && !directories.any(|directory| matches!(directory, "lib" | "pkgs"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_of_inputs() {
        let store = "/nix/store/7ajh8plhm64ypnph30js1a3lq6zsyxqr-source";
        let cases = [
            (
                "«github:NixOS/nixpkgs/45cd»/lib/lists.nix",
                Some("«github:NixOS/nixpkgs/45cd»"),
            ),
            ("«nix-internal»/derivation-internal.nix", None),
            ("«none»", None),
            ("«string»", Some("«string»")),
            ("«half", None),
            (
                "/home/dev/nixpkgs/pkgs/top-level/stage.nix",
                Some("/home/dev/nixpkgs"),
            ),
            (
                "/home/dev/nixpkgs/nixos/modules/misc/lib.nix",
                Some("/home/dev/nixpkgs"),
            ),
            (
                "/home/dev/nixpkgs/nixos/default.nix",
                Some("/home/dev/nixpkgs"),
            ),
            ("/etc/nixos/configuration.nix", Some("/etc/nixos")),
            ("/home/dev/sys/hosts/a.nix", Some("/home/dev/sys/hosts")),
            ("/home/dev/proj/lib/a.nix", Some("/home/dev/proj")),
            ("/x.nix", Some("/")),
            ("/lib/x.nix", Some("/lib")),
        ];
        for (file, want) in cases {
            assert_eq!(root(file), want, "{file}");
        }
        assert_eq!(root(&format!("{store}/nixos/lib/x.nix")), Some(store));
        assert_eq!(label(store), &store[11..]);
        assert_eq!(label("«github:o/r/1»"), "github:o/r/1");
        assert_eq!(label("«string»"), "«string»");
        assert_eq!(label("/home/dev/nixpkgs"), "/home/dev/nixpkgs");
    }

    #[test]
    fn modules_by_their_paths() {
        for file in [
            "/n/nixos/modules/misc/documentation.nix",
            "«github:nix-community/home-manager/1»/modules/programs/git.nix",
            "/home/dev/conf/modules/web/default.nix",
        ] {
            assert!(is_module(file), "{file}");
        }
        for file in [
            "/n/lib/modules.nix",
            "/n/pkgs/x/modules/a.nix",
            "/n/pkgs/development/haskell-modules/default.nix",
            "modules",
        ] {
            assert!(!is_module(file), "{file}");
        }
    }
}
