//! What runs are called: links beside them, one for each name.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;

use nixlog_core::report::format::{harmless, short_id};
use uuid::Uuid;

use super::list::Run;
use super::place::{EXTENSION, Place, make_folder};
use super::select::{is_id, is_last};

use crate::base::error::CliError;

/// The longest name; file systems take a little more.
const LONGEST: usize = 100;

/// The names of runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Names(BTreeMap<String, Uuid>);

/// Why a run did not get a name.
#[derive(Debug)]
pub(crate) enum Refused {
    /// The name belongs to another run.
    Taken(Uuid),
    /// There is something of that name which is no name.
    Foreign,
    /// The run is gone.
    Gone,
    Io(io::Error),
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Names {
    /// Returns the run of that name.
    pub(crate) fn get(&self, name: &str) -> Option<Uuid> {
        self.0.get(name).copied()
    }

    /// Returns the name of a run; of several, the first in the alphabet.
    pub(crate) fn of(&self, id: Uuid) -> Option<&str> {
        self.all_of(id).next()
    }

    /// Returns all names.
    pub(crate) fn all(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    fn all_of(&self, id: Uuid) -> impl Iterator<Item = &str> {
        let mut all = self.0.iter();
        std::iter::from_fn(move || all.find(|(_, named)| **named == id))
            .map(|(name, _)| name.as_str())
    }
}

impl FromIterator<(String, Uuid)> for Names {
    fn from_iter<I: IntoIterator<Item = (String, Uuid)>>(names: I) -> Self {
        Self(names.into_iter().collect())
    }
}

/// Says what is wrong with a name; `None` where a run may be called so.
pub(crate) fn objection(name: &str) -> Option<&'static str> {
    let odd = |c: char| c.is_control() || c == '/' || c == '#';
    if name.is_empty() {
        Some("a name has at least one character")
    } else if name.len() > LONGEST {
        Some("a name has at most 100 bytes")
    } else if name.starts_with(['-', '.']) {
        Some("a name begins with neither `-` nor `.`")
    } else if name.contains(odd) {
        Some("a name has no `/`, no `#` and no control characters: it would be a path or a package")
    } else if is_last(name) {
        Some("`last` is always the run that was recorded last")
    } else if is_id(name) {
        Some("it could be the beginning of an id")
    } else {
        None
    }
}

impl Place {
    /// Returns all names. Where their folder cannot be read, there are none: nothing depends on them
    /// but convenience.
    pub(crate) fn read_names(&self) -> Names {
        self.try_read_names().unwrap_or_default()
    }

    /// Returns all names.
    ///
    /// # Errors
    ///
    /// Where their folder is there and cannot be read.
    pub(crate) fn try_read_names(&self) -> io::Result<Names> {
        let entries = match fs::read_dir(self.names()) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Names::default()),
            Err(error) => return Err(error),
        };
        let mut names = BTreeMap::new();
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name().into_string().ok();
            let name = name.filter(|name| objection(name).is_none());
            names.extend(name.zip(target(&entry.path())));
        }
        Ok(Names(names))
    }

    /// Gives a run a name, in place of the ones it has; with `force` also one that another run has.
    pub(crate) fn set_name(&self, run: &Run, name: &str, force: bool) -> Result<(), Refused> {
        make_folder(&self.names())?;
        let _turn = self.turn();
        if run.open().is_err() {
            return Err(Refused::Gone);
        }
        let link = self.names().join(name);
        let to = Path::new("../runs").join(format!("{}{EXTENSION}", run.id));
        match symlink(&to, &link) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let owner = target(&link).ok_or(Refused::Foreign)?;
                let is_free = owner == run.id || !self.list()?.iter().any(|run| run.id == owner);
                if !is_free && !force {
                    return Err(Refused::Taken(owner));
                }
                // A name that begins with a dot is none.
                let passing = self.names().join(format!(".{}", Uuid::now_v7()));
                symlink(&to, &passing)?;
                fs::rename(&passing, &link)?;
            }
            Err(error) => return Err(error.into()),
        }
        let names = self.try_read_names()?;
        for other in names.all_of(run.id).filter(|other| *other != name) {
            self.remove_name(other)?;
        }
        Ok(())
    }

    /// Takes all names of a run away; returns them.
    pub(crate) fn remove_names(&self, run: &Run) -> io::Result<Vec<String>> {
        let _turn = self.turn();
        let names = self.try_read_names()?;
        let removed: Vec<String> = names.all_of(run.id).map(str::to_owned).collect();
        removed.iter().try_for_each(|name| self.remove_name(name))?;
        Ok(removed)
    }

    /// Waits for its turn, until the result is dropped. Where the file system has no locks, there are no
    /// turns: two that name runs at once may then get in each other's way.
    pub(super) fn turn(&self) -> Option<File> {
        let file = self.turns().ok()?;
        file.lock().ok().map(|()| file)
    }

    /// Takes its turn if it is nobody else's.
    pub(super) fn turn_now(&self) -> Option<File> {
        let file = self.turns().ok()?;
        match file.try_lock() {
            Err(fs::TryLockError::WouldBlock) => None,
            Ok(()) | Err(fs::TryLockError::Error(_)) => Some(file),
        }
    }

    fn turns(&self) -> io::Result<File> {
        let mut options = File::options();
        options.create(true).truncate(false).write(true);
        options.open(self.runs().with_file_name("lock"))
    }

    fn remove_name(&self, name: &str) -> io::Result<()> {
        match fs::remove_file(self.names().join(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }
}

/// Returns the run that a link leads to, whether it is there or not.
fn target(link: &Path) -> Option<Uuid> {
    let target = fs::read_link(link).ok()?;
    let id = target.file_name()?.to_str()?.strip_suffix(EXTENSION)?;
    Uuid::try_parse(id).ok()
}

/// Gives a run a name, or says why it cannot have it.
pub(crate) fn set_name(place: &Place, run: &Run, name: &str, force: bool) -> Result<(), CliError> {
    let refused = || CliError::new(format!("a run cannot be called `{}`", harmless(name)));
    if let Some(objection) = objection(name) {
        return Err(refused().hint(objection));
    }
    place.set_name(run, name, force).map_err(|why| match why {
        Refused::Taken(owner) => {
            let owner = owner.to_string();
            let owner = short_id(&owner);
            CliError::new(format!("run {owner} is already called `{name}`"))
                .hint("`--force` takes the name from it")
        }
        Refused::Foreign => {
            let path = place.names().join(name);
            refused().hint(format!(
                "`{}` is in the way, and was not made by nixlog",
                path.display()
            ))
        }
        Refused::Gone => CliError::new(format!("run {} was just removed", run.short_id())),
        Refused::Io(error) => refused().because(error),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_mean_something_else_are_refused() {
        for name in [
            "baseline",
            "before-upgrade",
            "2026-11 new laptop",
            "ä",
            "cafés",
            "abc",
            "x~1",
        ] {
            assert_eq!(objection(name), None, "{name}");
        }
        let long = "x".repeat(101);
        for name in [
            "",
            "last",
            "last~1",
            "-x",
            "-",
            ".",
            "..",
            ".x",
            "a/b",
            ".#foo",
            "nixpkgs#foo",
            "cafe",
            "0198c9f4",
            "0198c9f4-5e2a",
            "a\nb",
            "a\u{1b}[2Jb",
            &long,
        ] {
            assert!(objection(name).is_some(), "{name:?}");
        }
    }

    #[test]
    fn a_run_has_one_name_and_a_name_one_run() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let place = Place::at(folder.path());
        for _ in 0..2 {
            place.create()?.complete()?;
        }
        let [new, old] = &place.list()?[..] else {
            panic!("two runs");
        };
        let named = |name| place.read_names().get(name);
        assert!(place.set_name(old, "a", false).is_ok() && named("a") == Some(old.id));
        assert!(
            place.set_name(old, "a", false).is_ok(),
            "it has the name already"
        );
        let refused = place.set_name(new, "a", false);
        assert!(matches!(refused, Err(Refused::Taken(id)) if id == old.id));
        assert!(place.set_name(old, "b", false).is_ok());
        assert_eq!((named("a"), named("b")), (None, Some(old.id)));
        assert!(place.set_name(new, "b", true).is_ok() && named("b") == Some(new.id));
        assert_eq!(place.read_names().of(old.id), None);
        // The name of a run that is gone is free.
        fs::remove_file(new.path())?;
        assert_eq!(named("b"), Some(new.id));
        assert!(place.set_name(old, "b", false).is_ok() && named("b") == Some(old.id));
        assert!(matches!(
            place.set_name(new, "c", false),
            Err(Refused::Gone)
        ));
        assert_eq!(place.remove_names(old)?, ["b"]);
        assert_eq!(place.read_names(), Names::default());
        Ok(())
    }

    #[test]
    fn what_is_no_link_to_a_run_is_no_name() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let place = Place::at(folder.path());
        place.create()?.complete()?;
        make_folder(&place.names())?;
        fs::write(place.names().join("file"), "")?;
        symlink("/etc/passwd", place.names().join("passwd"))?;
        assert_eq!(place.read_names(), Names::default());
        for name in ["file", "passwd"] {
            let refused = place.set_name(&place.list()?[0], name, true);
            assert!(matches!(refused, Err(Refused::Foreign)), "{name}");
        }
        Ok(())
    }
}
