//! Compressed bytes: gzip, zstd, xz, bzip2, told by how they begin.

use std::fs::File;
use std::io::{self, Chain, Cursor, Read};
use std::path::Path;

use bzip2::read::MultiBzDecoder;
use flate2::read::MultiGzDecoder;
use liblzma::read::XzDecoder;

use crate::base::error::CliError;
use crate::base::unicode;

/// The longest of the magic numbers below.
const MAGIC_SIZE: usize = 6;

/// Bytes as they were before somebody compressed them.
pub(crate) struct Unpacked {
    /// In UTF-8, unless they are no text.
    pub(crate) bytes: Box<dyn Read + Send>,
    /// How they were compressed.
    pub(crate) compression: Option<&'static str>,
}

/// Looks at the first bytes, and puts the decompressor and the decoder in front that they ask for.
pub(crate) fn unpack(mut bytes: impl Read + Send + 'static) -> io::Result<Unpacked> {
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
    Ok(Unpacked {
        bytes: unicode::decoded(reader(format, bytes)?),
        compression: format.map(Compression::name),
    })
}

/// Opens a file that is named beside a log, compressed or not; `-` is standard input.
pub(crate) fn open(path: &Path) -> Result<Box<dyn Read + Send>, CliError> {
    let cannot = |error| CliError::new(format!("cannot read `{}`", path.display())).because(error);
    let unpacked = match path.as_os_str() == "-" {
        true => unpack(io::stdin()),
        false => File::open(path).and_then(unpack),
    };
    Ok(unpacked.map_err(cannot)?.bytes)
}

/// Reads all of it as text.
pub(crate) fn text(path: &Path) -> Result<String, CliError> {
    let mut text = Vec::new();
    let read = open(path)?.read_to_end(&mut text);
    read.map_err(|error| {
        CliError::new(format!("cannot read `{}`", path.display())).because(error)
    })?;
    Ok(String::from_utf8(text)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
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
        let mut input = unpack(Cursor::new(bytes))?;
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
            let mut input = unpack(Cursor::new(bytes))?;
            let mut all = Vec::new();
            input.bytes.read_to_end(&mut all)?;
            assert_eq!((all.as_slice(), input.compression), (bytes, None));
        }
        Ok(())
    }
}
