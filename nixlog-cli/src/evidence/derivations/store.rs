//! The local store: `.drv` files, and the references of substituted paths.

use std::env;
use std::io;
use std::path::{Path, PathBuf};

use nixlog_core::drv::Derivation;
use nixlog_core::graph::GraphBuilder;
use nixlog_core::timeline::IssueCode;

use super::{Collected, Wanted};
use crate::nix::database::Database;
use crate::nix::derivations::{Sink, read_missing};
use crate::nix::store::Store;

/// Reads the derivations that are wanted and still missing, and all that they need; then the
/// references of the paths that are wanted. Returns how many were found.
pub(super) fn read(wanted: &Wanted<'_>, collected: &mut Collected) -> usize {
    let first = wanted.derivations.iter().chain(&wanted.paths).next();
    let Some(files) = first.and_then(|path| store_dir(path)) else {
        return 0;
    };
    for path in &wanted.derivations {
        collected.builder.node(path);
    }
    let mut found = Found {
        collected,
        n_found: 0,
    };
    read_missing(&files, &mut found);
    let n_found = found.n_found;
    n_found + references(wanted, collected)
}

/// Returns the folder of a store path, or the one that `NIX_STORE_DIR` names.
fn store_dir(path: &str) -> Option<PathBuf> {
    let told = env::var_os("NIX_STORE_DIR").map(PathBuf::from);
    told.or_else(|| Path::new(path).parent().map(Path::to_owned))
}

/// Counts what is found.
struct Found<'a> {
    collected: &'a mut Collected,
    n_found: usize,
}

impl Sink for Found<'_> {
    fn builder(&mut self) -> &mut GraphBuilder {
        &mut self.collected.builder
    }

    fn found(&mut self, _: &str, _: &Derivation<'_>, _: &[u8]) {
        self.n_found += 1;
    }

    fn unreadable(&mut self, path: &Path, error: &io::Error) {
        self.collected
            .trouble(IssueCode::UnreadableDerivations, || {
                let path = path.display();
                format!("unreadable derivations, such as `{path}`: {error}")
            });
    }
}

/// Reads what substituted paths refer to. A store without a database is none.
fn references(wanted: &Wanted<'_>, collected: &mut Collected) -> usize {
    if wanted.paths.is_empty() {
        return 0;
    }
    let path = Store::find(None).database();
    if !path.exists() {
        return 0;
    }
    let open = Database::open(&path);
    let may_miss = open.as_ref().is_ok_and(|database| database.may_miss);
    let paths = wanted.paths.iter().copied();
    let found = match open.and_then(|database| database.path_infos(paths)) {
        Ok(all) => {
            for info in &all {
                collected.builder.add_path_info(info);
            }
            all.len()
        }
        Err(error) => {
            collected.trouble(IssueCode::UnreadableDatabase, || {
                let path = path.display();
                format!("cannot read the store's database `{path}` ({error}): the references of substituted paths are unknown")
            });
            0
        }
    };
    if may_miss {
        collected.trouble(IssueCode::DatabaseMayMissRows, || {
            crate::nix::database::MAY_MISS.to_owned()
        });
    }
    found
}
