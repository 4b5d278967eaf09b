//! The folder of a profile.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Zoned;

use crate::base::error::CliError;
use crate::base::output;

/// A folder that is there.
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Makes it: the one that is named, else a new one that is named after the time.
    pub(super) fn create(named: Option<&Path>) -> Result<Self, CliError> {
        let path = match named {
            Some(path) => {
                let is_empty =
                    fs::read_dir(path).map_or(true, |mut entries| entries.next().is_none());
                if !is_empty || path.is_file() {
                    let what = format!("`{}` is there, and not empty", path.display());
                    return Err(CliError::new(what)
                        .hint("a profile gets a folder of its own: name another one, or none"));
                }
                // Nix reads its name in a line of its configuration.
                if path.to_string_lossy().contains(char::is_control) {
                    return Err(CliError::new(
                        "the folder's name has control characters in it",
                    ));
                }
                path.to_owned()
            }
            None => fresh(
                &Path::new("nix-profiles").join(Zoned::now().strftime("%Y%m%d-%H%M%S").to_string()),
            ),
        };
        let failed = |error: io::Error| {
            CliError::new(format!("cannot make the folder `{}`", path.display())).because(error)
        };
        fs::create_dir_all(&path).map_err(failed)?;
        if named.is_none() && Path::new("flake.nix").exists() && !Path::new(".git").exists() {
            output::warning(
                "the folder lies in the flake, which is no git repository: each profile changes what is \
                 evaluated; `-o DIR` names a folder outside of it",
            );
        }
        // Nix runs elsewhere, maybe.
        let path = path.canonicalize().map_err(failed)?;
        Ok(Self(path))
    }

    /// Returns the place of a file in it.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

/// Two may begin in the same second.
fn fresh(path: &Path) -> PathBuf {
    let numbered = |n: u32| match n {
        1 => path.to_owned(),
        n => PathBuf::from(format!("{}-{n}", path.display())),
    };
    let mut all = (1..).map(numbered);
    all.find(|path| !path.exists())
        .unwrap_or_else(|| path.to_owned())
}
