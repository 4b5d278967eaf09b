//! Where bytes come from: a file or standard input, plain or compressed.

use std::fs::File;
use std::io::{self, Chain, Cursor, Read};
use std::path::Path;

use bzip2::read::MultiBzDecoder;
use flate2::read::MultiGzDecoder;
use liblzma::read::XzDecoder;
use nixlog_core::analysis::sufficiency::HOW_TO_STAMP;
use nixlog_core::wire::Carrier;

use crate::error::CliError;
use crate::runs::select::{self, Chosen, Selected};
use crate::unicode;

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
    let stdin = Stdin::look();
    match select::input(path, stdin != Stdin::Nothing)? {
        Selected::Stdin => Ok(Opened {
            name: "-".to_owned(),
            live: stdin != Stdin::File,
            bytes: Box::new(io::stdin()),
            run: None,
        }),
        Selected::File(path) => open_file(&path),
        Selected::Run(chosen) => open_run(chosen),
    }
}

impl Opened {
    /// Waits for the first bytes, and puts the decompressor in front that they ask for.
    pub(crate) fn begin(self) -> Result<Input, CliError> {
        let name = self.name.clone();
        decompress(self.name, self.bytes, self.live).map_err(|error| unreadable(&name, error))
    }
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

fn open_file(path: &Path) -> Result<Opened, CliError> {
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

fn open_run(chosen: Chosen) -> Result<Opened, CliError> {
    let is_running = chosen.run.is_running();
    let (file, _) = chosen
        .run
        .open()
        .map_err(|error| unreadable(&chosen.word, error))?;
    Ok(Opened {
        name: chosen.word,
        bytes: Box::new(file),
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

/// Unpacks what may be compressed, whatever it is.
pub(crate) fn unpacked(bytes: impl Read + Send + 'static) -> io::Result<Box<dyn Read + Send>> {
    decompress(String::new(), bytes, false).map(|input| input.bytes)
}

/// The longest of the magic numbers below.
const MAGIC_SIZE: usize = 6;

/// Looks at the first bytes, and puts the decompressor and the decoder in front that they ask for.
fn decompress(
    name: String,
    mut bytes: impl Read + Send + 'static,
    live: bool,
) -> io::Result<Input> {
    let mut head = Vec::with_capacity(MAGIC_SIZE);
    // A live stream is not held up: as soon as no magic number fits, that is that.
    while head.len() < MAGIC_SIZE && could_be_magic(&head) {
        let mut next = [0];
        match bytes.read(&mut next) {
            Ok(0) => break,
            Ok(_) => head.push(next[0]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let format = Compression::ALL
        .into_iter()
        .find(|format| head.starts_with(format.magic()));
    let bytes = Cursor::new(head).chain(bytes);
    let (live, compression) = (live && format.is_none(), format.map(Compression::name));
    Ok(Input {
        name,
        bytes: unicode::decoded(reader(format, bytes)?),
        compression,
        live,
    })
}

fn reader<R: Read + Send + 'static>(
    format: Option<Compression>,
    bytes: Chain<Cursor<Vec<u8>>, R>,
) -> io::Result<Box<dyn Read + Send>> {
    Ok(match format {
        None => Box::new(bytes),
        Some(Compression::Gzip) => Box::new(MultiGzDecoder::new(bytes)),
        Some(Compression::Zstd) => Box::new(zstd::Decoder::new(bytes)?),
        Some(Compression::Xz) => Box::new(XzDecoder::new_multi_decoder(bytes)),
        Some(Compression::Bzip2) => Box::new(MultiBzDecoder::new(bytes)),
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compression {
    Gzip,
    Zstd,
    Xz,
    Bzip2,
}

impl Compression {
    const ALL: [Self; 4] = [Self::Gzip, Self::Zstd, Self::Xz, Self::Bzip2];

    const fn magic(self) -> &'static [u8] {
        match self {
            Self::Gzip => &[0x1f, 0x8b],
            Self::Zstd => &[0x28, 0xb5, 0x2f, 0xfd],
            Self::Xz => &[0xfd, b'7', b'z', b'X', b'Z', 0],
            Self::Bzip2 => b"BZh",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Xz => "xz",
            Self::Bzip2 => "bzip2",
        }
    }
}

fn could_be_magic(head: &[u8]) -> bool {
    Compression::ALL.into_iter().any(|format| {
        let magic = format.magic();
        head.len() < magic.len() && magic.starts_with(head)
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn read(bytes: Vec<u8>) -> io::Result<(String, Option<&'static str>)> {
        let mut input = decompress("test".to_owned(), Cursor::new(bytes), false)?;
        let mut text = String::new();
        input.bytes.read_to_string(&mut text)?;
        Ok((text, input.compression))
    }

    #[test]
    fn finds_the_compression_in_the_first_bytes() -> io::Result<()> {
        let text = "@nix {\"action\":\"stop\",\"id\":1}\n".repeat(1000);
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(text.as_bytes())?;
        let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 1);
        xz.write_all(text.as_bytes())?;
        let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        bzip2.write_all(text.as_bytes())?;
        let cases = [
            (text.clone().into_bytes(), None),
            (gzip.finish()?, Some("gzip")),
            (zstd::encode_all(text.as_bytes(), 1)?, Some("zstd")),
            (xz.finish()?, Some("xz")),
            (bzip2.finish()?, Some("bzip2")),
        ];
        for (bytes, compression) in cases {
            // Files that were appended to have several members.
            let twice = [bytes.clone(), bytes.clone()].concat();
            assert_eq!(read(bytes)?, (text.clone(), compression));
            assert_eq!(read(twice)?, (text.repeat(2), compression));
        }
        Ok(())
    }

    #[test]
    fn short_inputs_are_plain() -> io::Result<()> {
        for bytes in [&b""[..], b"B", b"BZ", b"(", b"\x1f", b"\xfd7zX"] {
            let mut input = decompress(
                "test".to_owned(),
                bytes.to_vec().leak() as &'static [u8],
                false,
            )?;
            let mut all = Vec::new();
            input.bytes.read_to_end(&mut all)?;
            assert_eq!((all.as_slice(), input.compression), (bytes, None));
        }
        Ok(())
    }
}
