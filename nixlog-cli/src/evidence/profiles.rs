//! Profiles of evaluation: files of their own, which may be gigabytes.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use nixlog_core::eval::lock::Lock;
use nixlog_core::eval::stacks::{By, Costs, Kind, Names, Profile, Reader};

use crate::base::error::CliError;
use crate::base::unpack;

/// A flake's lock file, and what is in it.
pub(crate) struct LockFile {
    pub(crate) path: PathBuf,
    pub(crate) lock: Lock,
    text: String,
}

impl LockFile {
    pub(crate) fn read(path: &Path) -> Result<Self, CliError> {
        let text = unpack::text(path)?;
        let lock = Lock::parse(&text).map_err(|error| {
            let path = path.display();
            CliError::new(format!("`{path}` is no lock file of a flake: {error}"))
        })?;
        let path = path.to_owned();
        Ok(Self { path, lock, text })
    }

    /// Tells whether a tree in the store is the flake itself: it has the same lock file.
    fn is_of(&self, root: &str) -> bool {
        let own = Path::new(root).join("flake.lock");
        root.starts_with("/nix/store/")
            && fs::read_to_string(own).is_ok_and(|text| text == self.text)
    }
}

/// Names the roots of files after the inputs of the flake.
pub(crate) struct InputNames<'a>(Option<&'a LockFile>);

impl<'a> InputNames<'a> {
    pub(crate) const fn new(lock: Option<&'a LockFile>) -> Self {
        Self(lock)
    }
}

impl Names for InputNames<'_> {
    fn input(&self, root: &str) -> Option<String> {
        let file = self.0?;
        let input = file.lock.owner(root).map(|input| input.path.clone());
        input.or_else(|| file.is_of(root).then(|| "self".to_owned()))
    }
}

/// Reads a profile, or traced function calls, and adds them up by everything.
pub(crate) fn read(path: &Path, names: &InputNames<'_>) -> Result<Profile, CliError> {
    const BLOCK: usize = 1 << 20;
    let mut file = unpack::open(path)?;
    let mut block = vec![0; BLOCK];
    let mut reader = None;
    loop {
        let n = match file.read(&mut block) {
            Ok(0) => break,
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                return Err(
                    CliError::new(format!("cannot read `{}`", path.display())).because(error)
                );
            }
        };
        let begun = || {
            let by = [
                By::File,
                By::Function,
                By::Input,
                By::Module,
                By::Option,
                By::Derivation,
            ];
            Reader::new(Kind::of(&block[..n]), Costs::new(&by, names))
        };
        reader.get_or_insert_with(begun).feed(&block[..n]);
    }
    let by_default = || Reader::new(Kind::Samples, Costs::new(&[], names));
    let read = reader.unwrap_or_else(by_default).finish();
    // An empty profile is one of an evaluation that was short; other text is none.
    if read.total == 0 && read.facts.bad_lines > 0 {
        let what = format!("`{}` is no profile of an evaluation", path.display());
        return Err(CliError::new(what)
            .hint("Nix writes one with `--eval-profiler flamegraph`: stacks with `;` in between, and a count"));
    }
    Ok(read)
}
