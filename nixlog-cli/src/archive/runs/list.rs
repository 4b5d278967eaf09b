//! Which runs there are.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use nixlog_core::report::format::short_id;
use uuid::Uuid;

use super::place::{EXTENSION, PARTIAL, Place};
use super::summary::is_being_written;

/// A recorded run, by its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) id: Uuid,
    path: PathBuf,
    /// It was not complete when the folder was read.
    is_partial: bool,
}

impl Place {
    /// Returns all runs, newest first. What else lies in the folder is passed over; without a folder
    /// there are none.
    ///
    /// # Errors
    ///
    /// Where the folder cannot be read.
    pub(crate) fn list(&self) -> io::Result<Vec<Run>> {
        let folder = self.runs();
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut runs = BTreeMap::new();
        for entry in entries {
            let name = entry?.file_name();
            let Some((id, is_partial)) = name.to_str().and_then(parse) else {
                continue;
            };
            let path = folder.join(&name);
            let run = Run {
                id,
                path,
                is_partial,
            };
            // A run that completes while the folder is read may show under both names.
            match runs.get(&id) {
                Some(Run {
                    is_partial: false, ..
                }) => {}
                _ => drop(runs.insert(id, run)),
            }
        }
        Ok(runs.into_values().rev().collect())
    }
}

/// Reads the name of a recording's file: the run's id, and whether it is not complete.
fn parse(name: &str) -> Option<(Uuid, bool)> {
    let (name, is_partial) = match name.strip_suffix(PARTIAL) {
        Some(name) => (name, true),
        None => (name, false),
    };
    let id = name.strip_suffix(EXTENSION)?;
    // Only what we write ourselves: a UUID has other spellings.
    let uuid = Uuid::try_parse(id).ok()?;
    (uuid.to_string() == id).then_some((uuid, is_partial))
}

impl Run {
    /// Makes a run without a file.
    #[cfg(test)]
    pub(crate) fn of(id: Uuid) -> Self {
        Self {
            id,
            path: PathBuf::new(),
            is_partial: false,
        }
    }

    /// Returns where the recording is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the id as people use it.
    pub(crate) fn short_id(&self) -> String {
        short_id(&self.id.to_string()).to_owned()
    }

    /// Opens the recording; also tells whether it is not complete.
    pub(crate) fn open(&self) -> io::Result<(File, bool)> {
        match File::open(&self.path) {
            // It has been completed since the folder was read.
            Err(error) if self.is_partial && error.kind() == io::ErrorKind::NotFound => {
                Ok((File::open(self.path.with_extension(""))?, false))
            }
            opened => Ok((opened?, self.is_partial)),
        }
    }

    /// Tells whether the run has ended and left something to be read.
    pub(crate) fn has_ended(&self) -> bool {
        let opened = self.open();
        opened.is_ok_and(|(file, is_partial)| {
            let is_empty = || file.metadata().is_ok_and(|metadata| metadata.len() == 0);
            !is_partial || !(is_empty() || is_being_written(&file))
        })
    }

    /// Tells whether somebody still writes the recording.
    pub(crate) fn is_running(&self) -> bool {
        self.is_partial
            && self
                .open()
                .is_ok_and(|(file, is_partial)| is_partial && is_being_written(&file))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_named_as_ours_are_runs() {
        let id = "0198c9f4-5e2a-7000-8000-000000000001";
        let uuid = Uuid::try_parse(id).ok();
        let cases = [
            (format!("{id}.nixlog.zst"), uuid.map(|id| (id, false))),
            (format!("{id}.nixlog.zst.part"), uuid.map(|id| (id, true))),
            (id.to_owned(), None),
            (format!("{id}.nixlog"), None),
            (format!("{}.nixlog.zst", id.to_uppercase()), None),
            (format!("{}.nixlog.zst", id.replace('-', "")), None),
            (format!("{{{id}}}.nixlog.zst"), None),
            (".nixlog.zst".to_owned(), None),
            ("build.nixlog.zst".to_owned(), None),
        ];
        for (name, want) in cases {
            assert_eq!(parse(&name), want, "{name}");
        }
    }

    #[test]
    fn the_newest_run_comes_first() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let place = Place::at(folder.path());
        assert_eq!(place.list()?, []);
        let (first, second) = (place.create()?, place.create()?);
        let ids = [second.id, first.id];
        let (completed, _) = first.complete()?;
        fs::write(place.runs().join("other"), "")?;
        let runs = place.list()?;
        assert_eq!(runs.iter().map(|run| run.id).collect::<Vec<_>>(), ids);
        assert_eq!(runs[1].path(), completed);
        let running: Vec<bool> = runs.iter().map(Run::is_running).collect();
        assert_eq!(running, [true, false]);
        // A listing may be older than what it lists.
        let older = runs[0].clone();
        let partial = place
            .runs()
            .join(format!("{}{EXTENSION}{PARTIAL}", second.id));
        second.complete()?;
        assert!(older.path() == partial && !older.is_running());
        assert!(!older.open()?.1);
        Ok(())
    }

    #[test]
    fn whoever_is_gone_holds_no_lock() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let place = Place::at(folder.path());
        drop(place.create()?);
        let runs = place.list()?;
        assert!(runs.len() == 1 && !runs[0].is_running());
        Ok(())
    }
}
