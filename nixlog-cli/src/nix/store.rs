//! Where the store is, and which of its paths a name means.

use std::env;
use std::fs;
use std::path::{Component, Path, PathBuf};

use nixlog_core::store_path::StorePath;

/// Where Nix keeps things, unless it is told otherwise.
const STORE_DIR: &str = "/nix/store";
const STATE_DIR: &str = "/nix/var/nix";
const LOG_DIR: &str = "/nix/var/log/nix";

/// How many links may lead to a store path. A kernel allows as many.
const MAX_LINKS: usize = 40;

/// A store and what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Store {
    /// What store paths begin with, in derivations and in the database.
    dir: PathBuf,
    /// Where the files are.
    real_dir: PathBuf,
    state_dir: PathBuf,
    log_dir: PathBuf,
    /// What is in front of everything, for another root.
    root: Option<PathBuf>,
}

/// What a path has to do with the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resolved {
    /// The base name of the store path that it is in.
    pub(crate) base: String,
    /// A link led there.
    pub(crate) linked: bool,
    /// It is something inside of the store path.
    pub(crate) inside: bool,
}

impl Store {
    /// Finds the store of this machine, or the one below another root.
    pub(crate) fn find(root: Option<&Path>) -> Self {
        if let Some(root) = root {
            // Without a working directory there are no relative paths to anything.
            let root = std::path::absolute(root).unwrap_or_else(|_| root.to_owned());
            let below = |dir: &str| root.join(dir.trim_start_matches('/'));
            return Self {
                dir: PathBuf::from(STORE_DIR),
                real_dir: below(STORE_DIR),
                state_dir: below(STATE_DIR),
                log_dir: below(LOG_DIR),
                root: Some(root),
            };
        }
        let told = |name: &str, dir: &str| {
            let told = env::var_os(name).filter(|told| !told.is_empty());
            told.map_or_else(|| PathBuf::from(dir), PathBuf::from)
        };
        let dir = told("NIX_STORE_DIR", STORE_DIR);
        Self {
            real_dir: dir.clone(),
            dir,
            state_dir: told("NIX_STATE_DIR", STATE_DIR),
            log_dir: told("NIX_LOG_DIR", LOG_DIR),
            root: None,
        }
    }

    /// Returns the other root, if it is one.
    pub(crate) fn root(&self) -> Option<&Path> {
        self.root.as_deref()
    }

    /// Returns the path of the database.
    pub(crate) fn database(&self) -> PathBuf {
        self.state_dir.join("db/db.sqlite")
    }

    /// Returns the folder that build logs are in.
    pub(crate) fn logs(&self) -> PathBuf {
        self.log_dir.join("drvs")
    }

    /// Returns where the file of a store path is, given by its base name.
    pub(crate) fn file(&self, base: &str) -> PathBuf {
        self.real_dir.join(base)
    }

    /// Returns a store path as Nix writes it, given by its base name.
    pub(crate) fn path(&self, base: &str) -> String {
        self.dir.join(base).to_string_lossy().into_owned()
    }

    /// Returns the folder that the files are in.
    pub(crate) fn files(&self) -> &Path {
        &self.real_dir
    }

    /// Finds the store path that a path is in or leads to.
    ///
    /// Links are followed by hand: those below another root lead to where they would be if that were `/`.
    pub(crate) fn resolve(&self, path: &Path) -> Option<Resolved> {
        let mut path = std::path::absolute(path).ok()?;
        let mut linked = false;
        for _ in 0..MAX_LINKS {
            if let Some((base, inside)) = self.base_of(&path) {
                return Some(Resolved {
                    base,
                    linked,
                    inside,
                });
            }
            path = self.follow(&path)?;
            linked = true;
        }
        None
    }

    /// Returns the base name of the store path that a path is in, going by its name alone, and whether the
    /// path goes on inside.
    fn base_of(&self, path: &Path) -> Option<(String, bool)> {
        let rest = path
            .strip_prefix(&self.dir)
            .or_else(|_| path.strip_prefix(&self.real_dir));
        let mut parts = rest.ok()?.components();
        let Component::Normal(base) = parts.next()? else {
            return None;
        };
        let base = base.to_str()?;
        StorePath::parse(base)?;
        Some((base.to_owned(), parts.next().is_some()))
    }

    /// Follows the first link in a path; `None` where there is none.
    fn follow(&self, path: &Path) -> Option<PathBuf> {
        let mut before = PathBuf::new();
        let mut parts = path.components();
        while let Some(part) = parts.next() {
            if part == Component::ParentDir {
                before.pop();
                continue;
            }
            before.push(part);
            let Ok(target) = fs::read_link(&before) else {
                continue;
            };
            let target = match (&self.root, target.is_absolute()) {
                (Some(root), true) if self.base_of(&target).is_none() => {
                    root.join(target.strip_prefix("/").unwrap_or(&target))
                }
                (_, true) => target,
                (_, false) => before.parent()?.join(target),
            };
            return Some(target.join(parts.as_path()));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_links_lead_to_store_paths() -> std::io::Result<()> {
        let base = "7ajh8plhm64ypnph30js1a3lq6zsyxqr-hello";
        let folder = tempfile::tempdir()?;
        let root = folder.path().join("mnt");
        fs::create_dir_all(root.join("nix/store").join(base))?;
        fs::create_dir_all(root.join("run"))?;
        let link = |target: &str, name: &str| std::os::unix::fs::symlink(target, root.join(name));
        link(&format!("/nix/store/{base}"), "run/current-system")?;
        link("/run/current-system", "absolute")?;
        link("run/../absolute", "relative")?;
        link("loop", "loop")?;
        let store = Store::find(Some(&root));
        let here = store.file(base);
        let found = |linked, inside| Some((linked, inside));
        let cases = [
            (
                PathBuf::from(format!("/nix/store/{base}")),
                found(false, false),
            ),
            (
                PathBuf::from(format!("/nix/store/{base}/bin/sh")),
                found(false, true),
            ),
            (here.join("share"), found(false, true)),
            (root.join("run/current-system"), found(true, false)),
            (root.join("run/current-system/sw/bin"), found(true, true)),
            (root.join("absolute"), found(true, false)),
            (root.join("relative"), found(true, false)),
            (root.join("loop"), None),
            (root.join("nowhere"), None),
            (PathBuf::from("/nix/store"), None),
            (PathBuf::from("/nix/store/.links"), None),
        ];
        for (path, expected) in cases {
            let expected = expected.map(|(linked, inside)| Resolved {
                base: base.to_owned(),
                linked,
                inside,
            });
            assert_eq!(store.resolve(&path), expected, "{}", path.display());
        }
        Ok(())
    }
}
