//! The store's database, read only.

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};

use nixlog_core::drv::PathInfo;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Row};

/// An open database, and the folder that its copy is in.
pub(crate) struct Database {
    connection: Connection,
    _copy: Option<tempfile::TempDir>,
    /// It was read as if nobody wrote to it: its latest rows may be missing.
    pub(crate) may_miss: bool,
}

/// What it means that [`Database::may_miss`] is set.
pub(crate) const MAY_MISS: &str = "the store's database was read without its latest rows: \
     paths registered in the last minutes may be missing";

/// A valid path, as the database has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ValidPath {
    pub(crate) path: String,
    /// Seconds since 1970.
    pub(crate) registered: Option<i64>,
    /// The `.drv` that made it; may be one of several, and may be gone.
    pub(crate) deriver: Option<String>,
    /// It was built on this machine.
    pub(crate) built_here: bool,
    /// Rows of very old stores have none.
    pub(crate) nar_bytes: Option<u64>,
}

const COLUMNS: &str = "path, registrationTime, deriver, ultimate, narSize";

impl ValidPath {
    fn new(row: &Row<'_>) -> rusqlite::Result<Self> {
        let nar_bytes: Option<i64> = row.get(4)?;
        Ok(Self {
            path: row.get(0)?,
            registered: row.get(1)?,
            deriver: row.get(2)?,
            built_here: row.get::<_, Option<i64>>(3)? == Some(1),
            nar_bytes: nar_bytes
                .and_then(|size| u64::try_from(size).ok())
                .filter(|&size| size > 0),
        })
    }
}

impl Database {
    /// Opens the database for reading.
    ///
    /// A live one has its latest rows in a second file, which can be read only with a third that this
    /// user may not be allowed to make. Where so, all of them are copied first. Where there is no room
    /// for that either, it is read as if it never changed, which misses what is in the second file.
    pub(crate) fn open(path: &Path) -> rusqlite::Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let refused = match Connection::open_with_flags(path, flags).and_then(readable) {
            Ok(connection) => return Ok(Self::new(connection, None)),
            Err(error) => error,
        };
        if let Some((connection, copy)) = copied(path) {
            return Ok(Self::new(connection, Some(copy)));
        }
        let flags = flags | OpenFlags::SQLITE_OPEN_URI;
        let connection = Connection::open_with_flags(immutable(path), flags).and_then(readable);
        Ok(Self {
            may_miss: with_suffix(path, "-wal")
                .metadata()
                .is_ok_and(|wal| wal.len() > 0),
            ..Self::new(connection.map_err(|_| refused)?, None)
        })
    }

    fn new(connection: Connection, copy: Option<tempfile::TempDir>) -> Self {
        Self {
            connection,
            _copy: copy,
            may_miss: false,
        }
    }

    /// Looks paths up, with what they refer to; those that are not in the store are left out.
    pub(crate) fn path_infos<'a>(
        &self,
        paths: impl IntoIterator<Item = &'a str>,
    ) -> rusqlite::Result<Vec<PathInfo<'a>>> {
        let mut valid_path = self
            .connection
            .prepare("SELECT id, narSize, deriver FROM ValidPaths WHERE path = ?1")?;
        let mut references = self.connection.prepare(
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

    /// Looks paths up; those that are not valid are left out.
    pub(crate) fn valid_paths<'a>(
        &self,
        paths: impl IntoIterator<Item = &'a str>,
    ) -> rusqlite::Result<Vec<ValidPath>> {
        let query = format!("SELECT {COLUMNS} FROM ValidPaths WHERE path = ?1");
        let mut query = self.connection.prepare(&query)?;
        let mut all = Vec::new();
        for path in paths {
            all.extend(query.query_row([path], ValidPath::new).optional()?);
        }
        Ok(all)
    }

    /// Finds all paths that were registered since a second. Reads the whole table.
    pub(crate) fn registered_since(&self, second: i64) -> rusqlite::Result<Vec<ValidPath>> {
        let query =
            format!("SELECT {COLUMNS} FROM ValidPaths WHERE registrationTime >= ?1 ORDER BY path");
        let mut query = self.connection.prepare(&query)?;
        query.query_map([second], ValidPath::new)?.collect()
    }

    /// Finds all paths that somebody made, for derivations that do not say what they make. Reads the whole
    /// table.
    pub(crate) fn made_by(
        &self,
        is_wanted: impl Fn(&str) -> bool,
    ) -> rusqlite::Result<Vec<ValidPath>> {
        let query =
            format!("SELECT {COLUMNS} FROM ValidPaths WHERE deriver IS NOT NULL ORDER BY path");
        let mut query = self.connection.prepare(&query)?;
        let all = query.query_map([], ValidPath::new)?;
        let wanted = |path: &rusqlite::Result<ValidPath>| match path {
            Ok(path) => path.deriver.as_deref().is_some_and(&is_wanted),
            Err(_) => true,
        };
        all.filter(wanted).collect()
    }

    /// Finds the derivations that make a path: its deriver, then all whose output it is. Some of them may
    /// be gone.
    pub(crate) fn derivers(&self, path: &str) -> rusqlite::Result<Vec<String>> {
        let mut query = self.connection.prepare(
            "SELECT deriver FROM ValidPaths WHERE path = ?1 AND deriver IS NOT NULL \
             UNION ALL \
             SELECT v.path FROM DerivationOutputs d JOIN ValidPaths v ON v.id = d.drv WHERE d.path = ?1",
        )?;
        query.query_map([path], |row| row.get(0))?.collect()
    }
}

fn readable(connection: Connection) -> rusqlite::Result<Connection> {
    let query = "SELECT count(*) FROM Refs WHERE referrer = 0";
    connection.query_row(query, [], |_| Ok(()))?;
    Ok(connection)
}

/// Copies a database, with the rows that are pending.
fn copied(path: &Path) -> Option<(Connection, tempfile::TempDir)> {
    let copy = tempfile::tempdir().ok()?;
    let target = copy.path().join("db.sqlite");
    fs::copy(path, &target).ok()?;
    let (from, to) = (with_suffix(path, "-wal"), with_suffix(&target, "-wal"));
    // Not there where nothing is pending; half of it would be worse than none.
    if from.exists() {
        fs::copy(from, to).ok()?;
    }
    let connection = Connection::open(&target).and_then(readable).ok()?;
    Some((connection, copy))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Makes the address of a database that never changes.
fn immutable(path: &Path) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/.-_".contains(&byte);
    let bytes = path.as_os_str().as_encoded_bytes().iter();
    let encoded = bytes.map(|&byte| match plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02x}"),
    });
    let encoded: String = encoded.collect();
    format!("file:{encoded}?immutable=1")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A database with one path, under a name that an address has to spell out.
    fn database(folder: &Path) -> rusqlite::Result<(PathBuf, Connection)> {
        let path = folder.join("a b?c%.sqlite");
        let connection = Connection::open(&path)?;
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;
             CREATE TABLE ValidPaths (id INTEGER PRIMARY KEY, path TEXT, registrationTime INTEGER,
                 deriver TEXT, narSize INTEGER, ultimate INTEGER);
             CREATE TABLE Refs (referrer INTEGER, reference INTEGER);
             PRAGMA wal_checkpoint(TRUNCATE);
             INSERT INTO ValidPaths VALUES (1, '/nix/store/x', 7, '/nix/store/x.drv', 0, 1);",
        )?;
        Ok((path, connection))
    }

    #[test]
    fn rows_that_are_pending_are_read() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let (path, _writer) = database(folder.path())?;
        let expected = ValidPath {
            path: "/nix/store/x".to_owned(),
            registered: Some(7),
            deriver: Some("/nix/store/x.drv".to_owned()),
            built_here: true,
            nar_bytes: None,
        };
        let database = Database::open(&path)?;
        assert!(!database.may_miss);
        assert_eq!(
            database.registered_since(7)?,
            std::slice::from_ref(&expected)
        );
        assert_eq!(database.registered_since(8)?, []);
        assert_eq!(database.made_by(|drv| drv.ends_with("x.drv"))?, [expected]);
        // The same by a copy; and without them where nothing else is left.
        let (copy, _folder) = copied(&path).ok_or("no copy")?;
        let count = |connection: &Connection| {
            let query = "SELECT count(*) FROM ValidPaths";
            connection.query_row(query, [], |row| row.get::<_, i64>(0))
        };
        assert_eq!(count(&copy)?, 1);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        let frozen = Connection::open_with_flags(immutable(&path), flags)?;
        assert_eq!(count(&frozen)?, 0);
        Ok(())
    }
}
