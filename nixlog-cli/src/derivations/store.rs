//! The local store: `.drv` files, and the references of substituted paths.

use std::borrow::Cow;
use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use nixlog_core::drv::{Derivation, PathInfo};
use nixlog_core::graph::GraphBuilder;
use rayon::prelude::*;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _};

use super::{Collected, Wanted};

/// Where Nix keeps its database, unless `NIX_STATE_DIR` says otherwise.
const STATE_DIR: &str = "/nix/var/nix";

/// Reads the derivations that are wanted and still missing, and all that they need; then the
/// references of the paths that are wanted. Returns how many were found.
pub(super) fn read(wanted: &Wanted<'_>, collected: &mut Collected) -> usize {
    let first = wanted.derivations.iter().chain(&wanted.paths).next();
    let Some(store) = first.and_then(|path| store_dir(path)) else {
        return 0;
    };
    for path in &wanted.derivations {
        collected.builder.node(path);
    }
    derivations(&store, collected) + references(wanted, collected)
}

/// Returns the folder of a store path, or the one that `NIX_STORE_DIR` names.
fn store_dir(path: &str) -> Option<PathBuf> {
    let told = env::var_os("NIX_STORE_DIR").map(PathBuf::from);
    told.or_else(|| Path::new(path).parent().map(Path::to_owned))
}

/// Reads missing derivations, then those that these need, until there are no more.
///
/// Reading is nearly all of it: on several threads, a level of the graph at a time.
fn derivations(store: &Path, collected: &mut Collected) -> usize {
    let (mut found, mut seen) = (0, 0);
    loop {
        let missing: Vec<PathBuf> = collected
            .builder
            .missing(seen)
            .map(|base| store.join(base))
            .collect();
        seen = collected.builder.len();
        if missing.is_empty() {
            return found;
        }
        let files: Vec<io::Result<Vec<u8>>> = missing.par_iter().map(fs::read).collect();
        for (path, file) in missing.iter().zip(files) {
            let added = match file {
                Ok(bytes) => add(path, &bytes, &mut collected.builder),
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => Err(error),
            };
            match added {
                Ok(()) => found += 1,
                Err(error) => collected.trouble("unreadable-derivations", || {
                    let path = path.display();
                    format!("derivations that could not be read, such as `{path}`: {error}")
                }),
            }
        }
    }
}

fn add(path: &Path, bytes: &[u8], builder: &mut GraphBuilder) -> io::Result<()> {
    let derivation = Derivation::parse(bytes).map_err(io::Error::other)?;
    builder.add_derivation(&path.to_string_lossy(), &derivation);
    Ok(())
}

/// Reads what substituted paths refer to. A store without a database is none.
fn references(wanted: &Wanted<'_>, collected: &mut Collected) -> usize {
    if wanted.paths.is_empty() {
        return 0;
    }
    let state =
        env::var_os("NIX_STATE_DIR").map_or_else(|| PathBuf::from(STATE_DIR), PathBuf::from);
    let database = state.join("db/db.sqlite");
    if !database.exists() {
        return 0;
    }
    let paths = wanted.paths.iter().copied();
    match open(&database).and_then(|open| path_infos(&open.connection, paths)) {
        Ok(all) => {
            for info in &all {
                collected.builder.add_path_info(info);
            }
            all.len()
        }
        Err(error) => {
            collected.trouble("unreadable-database", || {
                let path = database.display();
                format!("the store's database `{path}` cannot be read ({error}): what substituted paths refer to is not known")
            });
            0
        }
    }
}

/// Opens the database for reading.
///
/// A live one has its latest rows in a second file, which can be read only with a third that this
/// user may not be allowed to make. Where so, all of them are copied first.
fn open(path: &Path) -> rusqlite::Result<Database> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let is_readable = |connection: &Connection| {
        connection.query_row("SELECT count(*) FROM Refs WHERE referrer = 0", [], |_| {
            Ok(())
        })
    };
    let direct = Connection::open_with_flags(path, flags);
    let refused = match direct.and_then(|connection| {
        is_readable(&connection)?;
        Ok(connection)
    }) {
        Ok(connection) => {
            return Ok(Database {
                connection,
                _copy: None,
            });
        }
        Err(error) => error,
    };
    let Ok(copy) = tempfile::tempdir() else {
        return Err(refused);
    };
    let target = copy.path().join("db.sqlite");
    if fs::copy(path, &target).is_err() {
        return Err(refused);
    }
    // Not there where nothing is pending.
    let with_suffix = |path: &Path, suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    drop(fs::copy(
        with_suffix(path, "-wal"),
        with_suffix(&target, "-wal"),
    ));
    let connection = Connection::open(&target)?;
    is_readable(&connection)?;
    Ok(Database {
        connection,
        _copy: Some(copy),
    })
}

/// An open database, and the folder that its copy is in.
struct Database {
    connection: Connection,
    _copy: Option<tempfile::TempDir>,
}

/// Looks paths up; those that are not in the store are left out.
fn path_infos<'a>(
    connection: &Connection,
    paths: impl IntoIterator<Item = &'a str>,
) -> rusqlite::Result<Vec<PathInfo<'a>>> {
    let mut valid_path =
        connection.prepare("SELECT id, narSize, deriver FROM ValidPaths WHERE path = ?1")?;
    let mut references = connection.prepare(
        "SELECT path FROM Refs JOIN ValidPaths ON id = reference WHERE referrer = ?1 ORDER BY path",
    )?;
    let mut all = Vec::new();
    for path in paths {
        let row = valid_path.query_row([path], |row| {
            let nar_size: Option<i64> = row.get(1)?;
            Ok((
                row.get::<_, i64>(0)?,
                nar_size,
                row.get::<_, Option<String>>(2)?,
            ))
        });
        let Some((id, nar_size, deriver)) = row.optional()? else {
            continue;
        };
        let referenced =
            references.query_map([id], |row| row.get::<_, String>(0).map(Cow::from))?;
        // Rows of very old stores have no size.
        let nar_bytes = nar_size.and_then(|size| u64::try_from(size).ok());
        all.push(PathInfo::new(
            path,
            nar_bytes.filter(|&size| size > 0),
            referenced.collect::<Result<_, _>>()?,
            deriver.map(Cow::from),
        ));
    }
    Ok(all)
}
