//! A socket that Nix writes its log to (`json-log-path`).

use std::io;
use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use crate::base::output;

/// A socket for `json-log-path`, in a folder that goes with it.
pub(crate) struct Socket {
    listener: UnixListener,
    path: PathBuf,
    _folder: Option<TempDir>,
}

impl Socket {
    /// Makes one in a folder of its own, which nobody else may enter.
    pub(crate) fn own() -> io::Result<Self> {
        let mut builder = tempfile::Builder::new();
        builder.prefix("nixlog-");
        // A path of a socket has a hundred bytes, so the shortest place that there is.
        let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
        let folder = match runtime.filter(|folder| folder.is_dir()) {
            Some(runtime) => builder.tempdir_in(runtime).or_else(|_| builder.tempdir())?,
            None => builder.tempdir()?,
        };
        let path = folder.path().join("log");
        let listener = UnixListener::bind(&path)?;
        Ok(Self {
            listener,
            path,
            _folder: Some(folder),
        })
    }

    /// Makes one at a place that somebody named. What a killed nixlog left there is removed; nothing else
    /// is.
    pub(crate) fn at(path: &Path) -> io::Result<Self> {
        let bound = UnixListener::bind(path);
        let is_taken = |error: &io::Error| error.kind() == io::ErrorKind::AddrInUse;
        let is_deaf = || {
            // A file that is no socket refuses a connection, too.
            let is_socket = path
                .symlink_metadata()
                .is_ok_and(|metadata| metadata.file_type().is_socket());
            let refused = || UnixStream::connect(path).map_err(|error| error.kind());
            is_socket && matches!(refused(), Err(io::ErrorKind::ConnectionRefused))
        };
        let listener = match bound {
            Err(error) if is_taken(&error) && is_deaf() => {
                std::fs::remove_file(path)?;
                UnixListener::bind(path)?
            }
            bound => bound?,
        };
        Ok(Self {
            listener,
            path: path.to_owned(),
            _folder: None,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Iterates over the processes that connect, for ever.
    pub(crate) fn connections(
        &self,
    ) -> io::Result<impl Iterator<Item = UnixStream> + Send + 'static> {
        /// Where too many files are open, one must be closed before the next can be.
        const PAUSE: Duration = Duration::from_millis(100);
        let listener = self.listener.try_clone()?;
        let mut is_told = false;
        let next = move || match listener.accept() {
            Ok((stream, _)) => {
                is_told = false;
                Some(stream)
            }
            Err(error) => {
                if !is_told {
                    output::warning(&format!(
                        "cannot accept a connection ({error}); nixlog keeps trying"
                    ));
                }
                is_told = true;
                thread::sleep(PAUSE);
                None
            }
        };
        Ok(std::iter::repeat_with(next).flatten())
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.path));
    }
}
