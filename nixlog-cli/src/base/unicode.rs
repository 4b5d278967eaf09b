//! UTF-16, which Windows writes where somebody redirects a log there, and byte order marks.

use std::io::{self, Cursor, Read};

/// How many bytes tell what a text is in: without a mark, four characters of ASCII.
const HEAD: usize = 8;

/// What a text is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    /// UTF-8 behind a mark; or anything else, which is not our business.
    Bytes { mark: usize },
    /// The low byte comes first.
    Little { mark: usize },
    /// The high byte comes first.
    Big { mark: usize },
}

impl Encoding {
    fn of(head: &[u8]) -> Self {
        match head {
            [0xef, 0xbb, 0xbf, ..] => Self::Bytes { mark: 3 },
            [0xff, 0xfe, ..] => Self::Little { mark: 2 },
            [0xfe, 0xff, ..] => Self::Big { mark: 2 },
            _ if head.len() < HEAD => Self::Bytes { mark: 0 },
            _ if is_ascii_in(head, 1) => Self::Little { mark: 0 },
            _ if is_ascii_in(head, 0) => Self::Big { mark: 0 },
            _ => Self::Bytes { mark: 0 },
        }
    }
}

/// Tells whether text in ASCII may begin so, two bytes each, of which that at `zero` is zero.
fn is_ascii_in(head: &[u8], zero: usize) -> bool {
    let mut bytes = head.iter().enumerate();
    bytes.all(|(at, &byte)| (at % 2 == zero) == (byte == 0) && byte < 0x80)
}

/// Tells whether more bytes may tell more.
fn is_open(head: &[u8]) -> bool {
    let marks = [&[0xef, 0xbb, 0xbf][..], &[0xff, 0xfe], &[0xfe, 0xff]];
    let in_mark = |mark: &[u8]| head.len() < mark.len() && mark.starts_with(head);
    let plain = head.len() < HEAD && (is_ascii_in(head, 1) || is_ascii_in(head, 0));
    marks.into_iter().any(in_mark) || plain
}

/// Hands on UTF-16 as UTF-8, and everything else as it is, less the mark in front.
///
/// A live stream is not held up: the first two bytes nearly always tell.
pub(crate) fn decoded(mut bytes: impl Read + Send + 'static) -> Box<dyn Read + Send> {
    let mut head = Vec::with_capacity(HEAD);
    while is_open(&head) {
        let mut next = [0];
        match bytes.read(&mut next) {
            Ok(0) => break,
            Ok(_) => head.push(next[0]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // Whoever reads hears of it where it happened.
            Err(error) => return Box::new(Cursor::new(head).chain(Broken(Some(error)))),
        }
    }
    let encoding = Encoding::of(&head);
    let (Encoding::Bytes { mark } | Encoding::Little { mark } | Encoding::Big { mark }) = encoding;
    head.drain(..mark);
    let bytes = Cursor::new(head).chain(bytes);
    match encoding {
        Encoding::Bytes { .. } => Box::new(bytes),
        Encoding::Little { .. } => Box::new(Utf16::new(bytes, u16::from_le_bytes)),
        Encoding::Big { .. } => Box::new(Utf16::new(bytes, u16::from_be_bytes)),
    }
}

/// Fails once.
struct Broken(Option<io::Error>);

impl Read for Broken {
    fn read(&mut self, _out: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

/// Reads UTF-16 as UTF-8. What is no character becomes U+FFFD.
struct Utf16<R> {
    bytes: R,
    unit: fn([u8; 2]) -> u16,
    /// What was read and is no whole character yet.
    rest: Vec<u8>,
    text: Cursor<String>,
}

impl<R: Read> Utf16<R> {
    fn new(bytes: R, unit: fn([u8; 2]) -> u16) -> Self {
        let (rest, text) = (Vec::new(), Cursor::default());
        Self {
            bytes,
            unit,
            rest,
            text,
        }
    }

    /// Reads more; returns whether there was any.
    fn fill(&mut self) -> io::Result<bool> {
        const CHUNK: usize = 64 * 1024;
        let held = self.rest.len();
        self.rest.resize(held + CHUNK, 0);
        let got = self.bytes.read(&mut self.rest[held..]);
        self.rest
            .truncate(held + got.as_ref().map_or(0, |&got| got));
        let ended = got? == 0;
        let mut units: Vec<u16> = self
            .rest
            .chunks_exact(2)
            .map(|pair| (self.unit)([pair[0], pair[1]]))
            .collect();
        let odd = self.rest.len() % 2;
        // The first half of a character waits for the second.
        if !ended && matches!(units.last(), Some(0xd800..=0xdbff)) {
            units.pop();
        }
        let used = units.len() * 2;
        self.rest.drain(..used);
        let mut text: String = char::decode_utf16(units)
            .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect();
        if ended && odd > 0 {
            text.push(char::REPLACEMENT_CHARACTER);
            self.rest.clear();
        }
        let more = !ended || !text.is_empty();
        self.text = Cursor::new(text);
        Ok(more)
    }
}

impl<R: Read> Read for Utf16<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let n = self.text.read(out)?;
            if n > 0 || out.is_empty() || !self.fill()? {
                return Ok(n);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives out a few bytes at a time.
    struct Trickle(Cursor<Vec<u8>>, usize);

    impl Read for Trickle {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let n = out.len().min(self.1);
            self.0.read(&mut out[..n])
        }
    }

    #[test]
    fn every_encoding_reads_as_utf_8() -> io::Result<()> {
        let text = "building 'x'...\r\n❄ \u{1f9ca} done\n".repeat(100);
        let units = |mark: &str, bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
            let text = format!("{mark}{text}");
            text.encode_utf16().flat_map(bytes).collect()
        };
        for bytes in [
            text.clone().into_bytes(),
            format!("\u{feff}{text}").into_bytes(),
            units("", u16::to_le_bytes),
            units("", u16::to_be_bytes),
            units("\u{feff}", u16::to_le_bytes),
            units("\u{feff}", u16::to_be_bytes),
        ] {
            for step in [1, 3, 7, 100_000] {
                let mut read = String::new();
                decoded(Trickle(Cursor::new(bytes.clone()), step)).read_to_string(&mut read)?;
                assert_eq!(read, text);
            }
        }
        Ok(())
    }

    #[test]
    fn what_is_cut_or_short_is_kept() -> io::Result<()> {
        for (bytes, want) in [
            (&b"\xff\xfea\0\x3d\xd8"[..], "a\u{fffd}"),
            (b"\xfe\xff\0a\0", "a\u{fffd}"),
            (b"\xff\xfe", ""),
            (b"a", "a"),
            (b"a\0b\0", "a\0b\0"),
            (b"", ""),
        ] {
            let mut read = String::new();
            decoded(Cursor::new(bytes.to_vec())).read_to_string(&mut read)?;
            assert_eq!(read, want);
        }
        Ok(())
    }
}
