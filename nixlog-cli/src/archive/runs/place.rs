//! Where recorded runs lie: one file each, named by an id that sorts by time.
//!
//! ```text
//! $XDG_STATE_HOME/nixlog/runs/0198c9f4-….nixlog.zst        a complete recording
//!                        runs/0198ca02-….nixlog.zst.part   one that is being written, or was cut off
//!                        names/before-upgrade              → ../runs/0198c9f4-….nixlog.zst
//! ```
//!
//! Writers need no lock among each other: ids are unique, a file appears under its name only when it is
//! complete, and names are links, which are made and replaced in one step. Only who names runs and who
//! prunes them take turns, so that no run goes while it gets its name. Whoever writes a recording holds
//! a lock on its file, so that others can tell a run from a wreck.

use std::env;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use nixlog_core::report::format::{bytes, short_id};
use uuid::Uuid;

/// What the name of a recording ends in.
pub(crate) const EXTENSION: &str = ".nixlog.zst";

/// What is added to that until it is complete.
pub(crate) const PARTIAL: &str = ".part";

/// The folder of nixlog's own state.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    root: PathBuf,
}

/// A recording that is being written.
#[derive(Debug)]
pub(crate) struct NewRun {
    pub(crate) id: Uuid,
    /// Open for writing, and locked.
    pub(crate) file: File,
    /// Where it is until it is complete.
    partial: PathBuf,
    path: PathBuf,
}

impl Place {
    /// Finds the folder: `NIXLOG_DIR`, else the one for nixlog in `XDG_STATE_HOME`.
    ///
    /// # Errors
    ///
    /// Where neither these nor a home directory are known.
    pub(crate) fn find() -> io::Result<Self> {
        let told = |name| {
            env::var_os(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        // A relative path in an XDG variable is to be passed over, says the specification.
        let state = || told("XDG_STATE_HOME").filter(|path| path.is_absolute());
        let home = || env::home_dir().map(|home| home.join(".local/state"));
        let root = told("NIXLOG_DIR")
            .or_else(|| state().or_else(home).map(|state| state.join("nixlog")))
            .ok_or_else(|| io::Error::other("there is no home directory: set `NIXLOG_DIR`"))?;
        Ok(Self { root })
    }

    /// Takes a folder for nixlog's own.
    #[cfg(test)]
    pub(crate) fn at(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    /// Returns the folder that all of it is in.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the folder of the recordings.
    pub(crate) fn runs(&self) -> PathBuf {
        self.root.join("runs")
    }

    /// Returns the folder of the names.
    pub(crate) fn names(&self) -> PathBuf {
        self.root.join("names")
    }

    /// Begins a recording.
    pub(crate) fn create(&self) -> io::Result<NewRun> {
        self.create_as(Uuid::now_v7())
    }

    /// Begins a recording that has an id.
    pub(crate) fn create_as(&self, id: Uuid) -> io::Result<NewRun> {
        let runs = self.runs();
        make_folder(&runs)?;
        let name = format!("{id}{EXTENSION}");
        let (path, partial) = (runs.join(&name), runs.join(format!("{name}{PARTIAL}")));
        if partial.exists() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        // Nobody sees the file before it is locked, else it would look like a wreck.
        let unseen = runs.join(format!(".{name}"));
        let file = private().create_new(true).open(&unseen)?;
        // File systems without locks exist; then an unfinished run looks like a wreck.
        drop(file.try_lock());
        fs::rename(&unseen, &partial)?;
        Ok(NewRun {
            id,
            file,
            partial,
            path,
        })
    }
}

impl NewRun {
    /// Gives the recording its name, now that it is complete.
    pub(crate) fn complete(self) -> io::Result<(PathBuf, File)> {
        fs::rename(&self.partial, &self.path)?;
        Ok((self.path, self.file))
    }

    /// Removes a recording of nothing.
    pub(crate) fn discard(self) {
        drop(fs::remove_file(&self.partial));
    }
}

/// A recording that is complete.
#[derive(Debug)]
pub(crate) struct Recorded {
    pub(crate) id: String,
    pub(crate) path: PathBuf,
    pub(crate) bytes: u64,
    /// Open for reading, where it was just written: somebody else may remove it soon.
    pub(crate) file: Option<File>,
}

impl Recorded {
    /// Returns what people call the run.
    pub(crate) fn title(&self) -> String {
        let id = short_id(&self.id);
        format!("run {id} ({})", bytes(self.bytes))
    }
}

/// Opens files for writing that nobody else may read: a log shows what is built, and how.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options
}

/// Makes a folder, and those above it, for nobody else to read.
pub(crate) fn make_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(path)
}
