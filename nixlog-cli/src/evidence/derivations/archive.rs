//! Derivations in files, folders and archives.

use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::Path;

use nixlog_core::drv::{Derivation, path_infos, shown};
use nixlog_core::timeline::IssueCode;

use super::Collected;
use crate::base::error::CliError;
use crate::base::unpack::unpack;

/// What each file may be, for whoever gave us another.
const KINDS: &str = "give a `.drv` file, a folder or tar archive of them, or the JSON of \
                     `nix derivation show -r` or `nix path-info -r --json`";

/// Reads whatever a path has. What is named on the command line must be readable; what lies in a
/// folder or an archive may be anything, and is counted where it cannot be read.
pub(super) fn read(path: &Path, collected: &mut Collected) -> Result<(), CliError> {
    let failed = |error: io::Error| {
        let failed = CliError::new(format!("cannot read derivations from `{}`", path.display()));
        failed.because(error).hint(KINDS)
    };
    let before = collected.builder.len();
    if path.is_dir() {
        folder(path, collected).map_err(failed)?;
    } else {
        let read = File::open(path).and_then(|file| contents(file).map_err(broken));
        let name = name_of(path);
        match read.map_err(failed)? {
            Contents::Archive(bytes) => {
                archive(bytes, collected).map_err(broken).map_err(failed)?;
            }
            Contents::File(bytes) => add(&name, &bytes, collected).map_err(failed)?,
        }
    }
    if collected.builder.len() == before {
        let why = format!("there are no derivations in `{}`", path.display());
        return Err(CliError::new(why).hint(KINDS));
    }
    Ok(())
}

/// Says of an input that could be opened why it could not be read.
fn broken(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => io::Error::other("it is cut off"),
        _ => error,
    }
}

fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

/// What a file holds, unpacked.
enum Contents {
    Archive(Box<dyn Read>),
    File(Vec<u8>),
}

/// Where tar has its magic number, and what it is.
const TAR: (usize, &[u8]) = (257, b"ustar");

fn contents(file: impl Read + Send + 'static) -> io::Result<Contents> {
    let mut bytes = unpack(BufReader::new(file))?.bytes;
    let mut head = Vec::new();
    bytes.by_ref().take(512).read_to_end(&mut head)?;
    if head
        .get(TAR.0..)
        .is_some_and(|rest| rest.starts_with(TAR.1))
    {
        return Ok(Contents::Archive(Box::new(
            io::Cursor::new(head).chain(bytes),
        )));
    }
    bytes.read_to_end(&mut head)?;
    Ok(Contents::File(head))
}

/// Reads the derivations in a folder, and the archives and JSON files among them. Other files are
/// left alone: the folder may be the store itself.
fn folder(path: &Path, collected: &mut Collected) -> io::Result<()> {
    let mut files: Vec<_> = fs::read_dir(path)?.collect::<io::Result<_>>()?;
    files.sort_by_key(fs::DirEntry::file_name);
    for file in files {
        let name = file.file_name().to_string_lossy().into_owned();
        if !is_of_interest(&name) {
            continue;
        }
        let read = File::open(file.path()).and_then(contents);
        let added = match read {
            Ok(Contents::Archive(bytes)) => archive(bytes, collected),
            Ok(Contents::File(bytes)) => add(&name, &bytes, collected),
            Err(error) => Err(error),
        };
        if let Err(error) = added {
            unreadable(&name, &error, collected);
        }
    }
    Ok(())
}

fn archive(bytes: Box<dyn Read>, collected: &mut Collected) -> io::Result<()> {
    let mut archive = tar::Archive::new(bytes);
    let mut buffer = Vec::new();
    for entry in archive.entries()? {
        let mut entry = entry?;
        let name = name_of(&entry.path()?);
        if !entry.header().entry_type().is_file() || !is_of_interest(&name) {
            continue;
        }
        buffer.clear();
        entry.read_to_end(&mut buffer)?;
        if let Err(error) = add(&name, &buffer, collected) {
            unreadable(&name, &error, collected);
        }
    }
    Ok(())
}

/// Tells whether a file in a folder or an archive is worth opening.
fn is_of_interest(name: &str) -> bool {
    let packed = [".gz", ".zst", ".xz", ".bz2"];
    let plain = packed
        .iter()
        .find_map(|suffix| name.strip_suffix(suffix))
        .unwrap_or(name);
    [".drv", ".json", ".tar", ".tgz"]
        .iter()
        .any(|suffix| plain.ends_with(suffix))
}

fn unreadable(name: &str, error: &io::Error, collected: &mut Collected) {
    collected.trouble(IssueCode::UnreadableDerivations, || {
        format!("unreadable files, such as `{name}`: {error}")
    });
}

/// Adds one file, unpacked.
fn add(name: &str, bytes: &[u8], collected: &mut Collected) -> io::Result<()> {
    let builder = &mut collected.builder;
    match bytes.trim_ascii_start().first() {
        Some(b'{' | b'[') => {
            let derivations = shown(bytes);
            for derivation in derivations.iter().flatten() {
                builder.add_shown(derivation);
            }
            if derivations.as_ref().is_ok_and(|all| !all.is_empty()) {
                return Ok(());
            }
            // Of path infos in one object (`--json-format 2` and later), no key says that they are no
            // derivations.
            let infos = path_infos(bytes);
            for info in infos.iter().flatten() {
                builder.add_path_info(info);
            }
            match (derivations, infos) {
                (Ok(_), _) | (_, Ok(_)) => Ok(()),
                // What it was meant to be has the better word on what is wrong. All path infos have hashes.
                (_, Err(not_infos)) if contains(bytes, b"\"narHash\"") => {
                    Err(io::Error::other(not_infos))
                }
                (Err(not_shown), _) => Err(io::Error::other(not_shown)),
            }
        }
        Some(b'D') => {
            let derivation = Derivation::parse(bytes).map_err(io::Error::other)?;
            let name = name.split_once(".drv").map_or(name, |(name, _)| name);
            builder.add_derivation(&format!("{name}.drv"), &derivation);
            Ok(())
        }
        _ => Err(io::Error::other("neither a derivation nor JSON")),
    }
}

/// Tells whether bytes have a piece in them.
fn contains(bytes: &[u8], piece: &[u8]) -> bool {
    bytes.windows(piece.len()).any(|window| window == piece)
}
