//! Where bytes come from: a file or standard input, plain or compressed.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use nixlog_core::analysis::sufficiency::HOW_TO_STAMP;
use nixlog_core::wire::Carrier;

use crate::archive::runs::follow::Following;
use crate::archive::runs::select::{self, Chosen, Selected};
use crate::base::error::CliError;
use crate::base::unpack::unpack;

/// Says how to come by something to read.
fn record() -> String {
    format!("record a build: {HOW_TO_STAMP}")
}

/// A log of which nothing has been read yet.
pub(crate) struct Opened {
    name: String,
    bytes: Box<dyn Read + Send>,
    /// Not a file: lines may come while they are written.
    pub(crate) live: bool,
    /// The recorded run that it is.
    pub(crate) run: Option<FromRun>,
}

/// What is known of a recorded run before it is read.
#[derive(Debug, Clone)]
pub(crate) struct FromRun {
    pub(crate) name: Option<String>,
    pub(crate) is_running: bool,
}

/// A log whose first bytes have come.
pub(crate) struct Input {
    /// What to call it.
    pub(crate) name: String,
    /// Its bytes, decompressed.
    pub(crate) bytes: Box<dyn Read + Send>,
    /// How it was compressed.
    pub(crate) compression: Option<&'static str>,
    /// Lines come while they are written, so that their arrival tells the time.
    pub(crate) live: bool,
}

/// Opens what the command line names; without a name, standard input where something is piped in, else
/// the last run.
pub(crate) fn open(path: Option<&Path>) -> Result<Opened, CliError> {
    opened(path, false)
}

/// The same; of a run that still goes on, its end is only where it ends.
pub(crate) fn follow(path: Option<&Path>) -> Result<Opened, CliError> {
    opened(path, true)
}

fn opened(path: Option<&Path>, follow: bool) -> Result<Opened, CliError> {
    let stdin = Stdin::look();
    match select::input(path, stdin != Stdin::Nothing)? {
        Selected::Stdin => Ok(Opened {
            name: "-".to_owned(),
            live: stdin != Stdin::File,
            bytes: Box::new(io::stdin()),
            run: None,
        }),
        Selected::File(path) => open_file(&path),
        Selected::Run(chosen) => open_run(chosen, follow),
    }
}

impl Opened {
    /// Waits for the first bytes, and puts the decompressor in front that they ask for.
    pub(crate) fn begin(self) -> Result<Input, CliError> {
        let unpacked = unpack(self.bytes).map_err(|error| unreadable(&self.name, error))?;
        Ok(Input {
            name: self.name,
            // What comes compressed was not stamped when it was written.
            live: self.live && unpacked.compression.is_none(),
            compression: unpacked.compression,
            bytes: unpacked.bytes,
        })
    }
}

/// Tells whether somebody gives nixlog something on standard input.
pub(crate) fn is_piped() -> bool {
    Stdin::look() != Stdin::Nothing
}

/// Says that a log cannot be read, and what could be read in its place.
pub(crate) fn unreadable(name: &str, error: io::Error) -> CliError {
    let kind = error.kind();
    let failed = CliError::new(format!("cannot read {}", quoted(name))).because(error);
    match kind {
        io::ErrorKind::NotFound => failed.hint(format!("name a log file, or {}", record())),
        io::ErrorKind::IsADirectory => failed.hint("name a log file inside the folder"),
        _ => failed,
    }
}

/// Says that nothing came through the pipe: `nix build | nixlog` is easily typed, and passes on what
/// Nix prints as its result.
pub(crate) fn nothing_piped() -> CliError {
    CliError::new("standard input is empty").hint(
        "Nix logs to standard error: `nix build … |& nixlog phases`, or `2>&1 |` if the shell has no `|&`",
    )
}

/// Returns what the command line says that the lines are wrapped in.
pub(crate) fn carrier(name: Option<&str>) -> Result<Option<Carrier>, CliError> {
    let Some(name) = name else {
        return Ok(None);
    };
    // What is inside of the outermost, the lines tell.
    let outermost = name.split('+').next().unwrap_or_default();
    let known = Carrier::from_name(outermost).ok_or_else(|| {
        let names: Vec<&str> = Carrier::all()
            .iter()
            .map(|carrier| carrier.name())
            .collect();
        CliError::new(format!("unknown carrier `{name}`"))
            .hint(format!("known carriers: {}", names.join(", ")))
            .hint("without `--carrier`, nixlog detects the format")
    });
    known.map(Some)
}

/// Names an input in an error.
pub(crate) fn quoted(name: &str) -> String {
    if name == "-" {
        return "standard input".to_owned();
    }
    format!("`{name}`")
}

/// The recording in a folder that `nixlog profile` leaves; the folder stands for it.
pub(crate) const PROFILED: &str = "build.nixlog.zst";

fn open_file(path: &Path) -> Result<Opened, CliError> {
    let inside = path.join(PROFILED);
    let path = if inside.is_file() { &inside } else { path };
    let name = path.display().to_string();
    let opened = File::open(path).and_then(|file| {
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(io::Error::from(io::ErrorKind::IsADirectory));
        }
        Ok((file, !metadata.is_file()))
    });
    let (file, live) = opened.map_err(|error| unreadable(&name, error))?;
    Ok(Opened {
        name,
        bytes: Box::new(file),
        live,
        run: None,
    })
}

fn open_run(chosen: Chosen, follow: bool) -> Result<Opened, CliError> {
    let is_running = chosen.run.is_running();
    let (file, _) = chosen
        .run
        .open()
        .map_err(|error| unreadable(&chosen.word, error))?;
    Ok(Opened {
        name: chosen.word,
        bytes: match follow {
            true => Box::new(Following(file)),
            false => Box::new(file),
        },
        live: false,
        run: Some(FromRun {
            name: chosen.name,
            is_running,
        }),
    })
}

/// What standard input is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stdin {
    /// A pipe or a socket: lines may come while they are written.
    Pipe,
    /// A file that somebody redirected, or another thing with a name: nothing arrives live.
    File,
    /// A terminal, `/dev/null`, closed: nobody gives nixlog anything.
    Nothing,
}

impl Stdin {
    fn look() -> Self {
        use std::os::fd::AsFd as _;
        use std::os::unix::fs::FileTypeExt as _;
        let duplicate = io::stdin().as_fd().try_clone_to_owned();
        let metadata = duplicate.map(File::from).and_then(|file| file.metadata());
        match metadata.map(|metadata| metadata.file_type()) {
            Ok(kind) if kind.is_fifo() || kind.is_socket() => Self::Pipe,
            Ok(kind) if !kind.is_char_device() => Self::File,
            _ => Self::Nothing,
        }
    }
}
