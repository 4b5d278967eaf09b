//! The history: what is kept of each recorded run, in one `SQLite` file.
//!
//! It is an index over recordings, and its rows outlive them. Any number of nixlogs write to it at once; each
//! run is one transaction, so that a killed nixlog leaves no half of one. What could not be written then is
//! written when somebody next asks the history: the recording is still there.

mod elsewhere;
mod load;
mod store;

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nixlog_core::timeline::{End, Outcome};
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::runs::Place;
use crate::base::error::CliError;
use crate::base::output;

pub(crate) use load::{ProjectRow, Which};

/// The tables, as `nixlog history sql` prints them.
pub(crate) const SCHEMA: &str = include_str!("schema.sql");

/// The version of the tables.
const VERSION: i64 = 1;

/// What marks the file as nixlog's: `nxlg`.
const APPLICATION: i64 = 0x6e78_6c67;

/// How long a nixlog waits for others that write: each needs some milliseconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long rows are kept.
const KEEP_DAYS: u64 = 730;

/// An open history.
pub(crate) struct History {
    connection: Connection,
    path: PathBuf,
}

/// What is wrong with a history.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// A newer nixlog wrote it: the version of its tables.
    Newer(i64),
    /// It is another program's.
    Foreign,
    /// It is damaged, or no database at all.
    Damaged(String),
    /// It cannot be opened, read or written.
    Failed(String),
}

impl Trouble {
    fn new(error: &rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Damaged(error.to_string())
            }
            _ => Self::Failed(error.to_string()),
        }
    }

    /// Says it for whoever asked the history.
    pub(crate) fn error(&self, path: &Path) -> CliError {
        let path = path.display();
        match self {
            Self::Newer(version) => CliError::new(format!(
                "the history `{path}` was written by a newer nixlog (its tables have version {version}, this one knows {VERSION})"
            ))
            .hint("use that nixlog, or another folder: `NIXLOG_DIR`"),
            Self::Foreign => CliError::new(format!("`{path}` is the database of another program"))
                .hint("use another folder: `NIXLOG_DIR`"),
            Self::Damaged(why) => CliError::new(format!("the history `{path}` is damaged"))
                .because(io::Error::other(why.clone()))
                .hint("to make it anew from the recordings: nixlog history rebuild"),
            Self::Failed(why) => CliError::new(format!("cannot use the history `{path}`"))
                .because(io::Error::other(why.clone())),
        }
    }

    /// Says it in one line, for whoever recorded a run.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Newer(version) => {
                format!("a newer nixlog wrote it (version {version} of its tables)")
            }
            Self::Foreign => "it is the database of another program".to_owned(),
            Self::Damaged(why) => {
                format!("it is damaged ({why}): `nixlog history rebuild` makes it anew")
            }
            Self::Failed(why) => why.clone(),
        }
    }
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        Self::new(&error)
    }
}

impl History {
    /// Returns where the history of a place lies.
    pub(crate) fn path_in(place: &Place) -> PathBuf {
        place.root().join("history.sqlite")
    }

    /// Opens the history, and makes it where there is none.
    pub(crate) fn open(place: &Place) -> Result<Self, Trouble> {
        let path = Self::path_in(place);
        let failed = |error: io::Error| Trouble::Failed(error.to_string());
        super::runs::make_folder(place.root()).map_err(failed)?;
        if !path.exists() {
            make(place, &path)?;
        }
        let connection = connect(&path)?;
        connection.busy_timeout(PATIENCE)?;
        let history = Self { connection, path };
        history.check()?;
        Ok(history)
    }

    /// Opens the history where there is one that can be used.
    pub(crate) fn if_any() -> Option<Self> {
        let place = Place::find().ok()?;
        let is_there = Self::path_in(&place).is_file();
        is_there.then(|| Self::open(&place).ok())?
    }

    /// Makes one without any run, which nothing is written of.
    pub(crate) fn empty(place: &Place) -> Result<Self, Trouble> {
        let connection = Connection::open_in_memory()?;
        make_tables(&connection)?;
        Ok(Self {
            connection,
            path: Self::path_in(place),
        })
    }

    /// Opens the history for whoever asks it, with an error to print.
    pub(crate) fn known(place: &Place) -> Result<Self, CliError> {
        Self::open(place).map_err(|trouble| trouble.error(&Self::path_in(place)))
    }

    /// Returns the error for what went wrong with a question.
    #[expect(clippy::needless_pass_by_value, reason = "it ends here")]
    pub(crate) fn error(&self, trouble: Trouble) -> CliError {
        trouble.error(&self.path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Refuses a file that is not ours, or not of our version.
    fn check(&self) -> Result<(), Trouble> {
        let number = |name| -> rusqlite::Result<i64> {
            self.connection
                .pragma_query_value(None, name, |row| row.get(0))
        };
        match (number("user_version")?, number("application_id")?) {
            (VERSION, APPLICATION) => {}
            (version, APPLICATION) => return Err(Trouble::Newer(version)),
            _ => {
                let count = "SELECT count(*) FROM sqlite_schema";
                let n_tables: i64 = self.connection.query_row(count, [], |row| row.get(0))?;
                return Err(match n_tables {
                    0 => Trouble::Damaged("it is empty".to_owned()),
                    _ => Trouble::Foreign,
                });
            }
        }
        // A crash of the machine may cost the last runs, and those are written again.
        self.connection
            .pragma_update(None, "synchronous", "NORMAL")?;
        Ok(())
    }

    /// Removes a history that was set aside; tells whether it is gone.
    pub(crate) fn remove_file(aside: &Path) -> bool {
        for suffix in ["-wal", "-shm"] {
            drop(fs::remove_file(with_suffix(aside, suffix)));
        }
        fs::remove_file(aside).is_ok()
    }

    /// Moves a history away that cannot be used, so that it can be made anew; returns where it is now.
    pub(crate) fn set_aside(place: &Place) -> io::Result<Option<PathBuf>> {
        let path = Self::path_in(place);
        if !path.exists() {
            return Ok(None);
        }
        let aside = path.with_extension(format!("damaged-{}", uuid::Uuid::now_v7()));
        fs::rename(&path, &aside)?;
        for suffix in ["-wal", "-shm"] {
            drop(fs::rename(
                with_suffix(&path, suffix),
                with_suffix(&aside, suffix),
            ));
        }
        Ok(Some(aside))
    }
}

/// Says that a run is not in the history, and that nothing else is lost.
pub(crate) fn not_written(trouble: &Trouble) {
    output::warning(&format!(
        "the history was not updated: {}; the recording is complete, and is added the next time that the history is asked",
        trouble.words()
    ));
}

/// Returns for how long rows are kept, in nanoseconds; `None` for ever.
fn kept_for() -> Option<i64> {
    let told = env::var("NIXLOG_KEEP_HISTORY_DAYS").ok();
    let days = match told.as_deref().map(str::trim) {
        Some("unlimited" | "0") => return None,
        Some(text) => text.parse().unwrap_or(KEEP_DAYS),
        None => KEEP_DAYS,
    };
    i64::try_from(days.saturating_mul(86_400_000_000_000)).ok()
}

const ENDS: [End; 4] = [End::Unknown, End::Measured, End::Inferred, End::Open];

fn end_number(end: End) -> i64 {
    match end {
        End::Unknown => 0,
        End::Measured => 1,
        End::Inferred => 2,
        End::Open => 3,
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(path, flags)
}

/// Makes an empty history. It appears as a whole, so that of many nixlogs that make one at once, the first wins,
/// and no other needs to wait for it.
fn make(place: &Place, path: &Path) -> Result<(), Trouble> {
    let failed = |error: io::Error| Trouble::Failed(error.to_string());
    // Nobody else may read it.
    let file = tempfile::Builder::new()
        .prefix(".history-")
        .tempfile_in(place.root())
        .map_err(failed)?;
    let connection = connect(file.path())?;
    // Readers and a writer do not hold each other up; where the file system cannot do that, they do.
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    make_tables(&connection)?;
    connection
        .close()
        .map_err(|(_, error)| Trouble::new(&error))?;
    match file.persist_noclobber(path) {
        Err(error) if error.error.kind() != io::ErrorKind::AlreadyExists => {
            Err(failed(error.error))
        }
        _ => Ok(()),
    }
}

fn make_tables(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("BEGIN")?;
    connection.execute_batch(SCHEMA)?;
    for end in ENDS {
        let row = (end_number(end), end.name());
        connection.execute("INSERT INTO ends VALUES (?1, ?2)", row)?;
    }
    for (number, outcome) in (0_i64..).zip(Outcome::ALL) {
        let row = (number, outcome.name());
        connection.execute("INSERT INTO outcomes VALUES (?1, ?2)", row)?;
    }
    connection.pragma_update(None, "application_id", APPLICATION)?;
    connection.pragma_update(None, "user_version", VERSION)?;
    connection.execute_batch("COMMIT")
}
