//! A byte stream to blocks of whole lines.
//!
//! UTF-8 is checked once for a block and never again: the strings of all events are slices of it.

use std::io::{self, Read};

/// How much one read asks for. Large enough that per-block work vanishes, small enough that a few
/// blocks stay in the second-level cache.
pub const BLOCK_SIZE: usize = 256 * 1024;

/// How much a pipe gives at once; to make room for more would be to fill it with zeros each time.
const PIPE_SIZE: usize = 64 * 1024;

/// The longest line that is kept in one piece; build logs with lines of megabytes exist.
pub const LINE_CAP: usize = 16 * 1024 * 1024;

/// Whole lines; only the very last one of an input may lack its line feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// Valid UTF-8, as nearly every block is.
    Text(String),
    /// Some of the lines are not UTF-8.
    Bytes(Vec<u8>),
}

impl Block {
    /// Checks a buffer of whole lines.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        match String::from_utf8(bytes) {
            Ok(text) => Self::Text(text),
            Err(error) => Self::Bytes(error.into_bytes()),
        }
    }

    /// Returns the bytes of the block.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }

    /// Gives the buffer back, for the next block.
    #[must_use]
    pub fn into_buffer(self) -> Vec<u8> {
        match self {
            Self::Text(text) => text.into_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }
}

/// Cuts a byte stream into [`Block`]s.
#[derive(Debug)]
pub struct Blocks<R> {
    input: R,
    /// The beginning of a line whose end has not come yet.
    carry: Vec<u8>,
    /// How much the next read asks for.
    ask: usize,
    ended: bool,
}

impl<R: Read> Blocks<R> {
    /// Reads from `input`.
    pub const fn new(input: R) -> Self {
        Self {
            input,
            carry: Vec::new(),
            ask: PIPE_SIZE,
            ended: false,
        }
    }

    /// Returns the next block, as soon as it has a whole line: a live stream is not held up.
    /// `buffer` is used again if it comes from an earlier block. `None` at the end.
    ///
    /// A line longer than [`LINE_CAP`] is cut there.
    ///
    /// # Errors
    ///
    /// Passes on what the input says, but for an interrupted read, which is tried again. What was
    /// read before the error comes first.
    pub fn next_block(&mut self, mut buffer: Vec<u8>) -> io::Result<Option<Block>> {
        // A buffer that comes back is written over, not cleared: to fill it with zeros first would
        // be a twentieth of all the work on a log that is read from a file.
        let mut filled = self.carry.len();
        if buffer.len() < filled {
            buffer.resize(filled, 0);
        }
        buffer[..filled].copy_from_slice(&self.carry);
        self.carry.clear();
        let mut searched = 0;
        while !self.ended {
            let room = filled + self.ask;
            if buffer.len() < room {
                buffer.resize(room, 0);
            }
            let got = match self.input.read(&mut buffer[filled..room]) {
                Ok(got) => got,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    buffer.truncate(filled);
                    self.carry = buffer;
                    return Err(error);
                }
            };
            self.ask = if got < self.ask {
                PIPE_SIZE
            } else {
                BLOCK_SIZE
            };
            filled += got;
            self.ended = got == 0;
            if let Some(newline) = memchr::memrchr(b'\n', &buffer[searched..filled]) {
                let end = searched + newline + 1;
                self.carry.extend_from_slice(&buffer[end..filled]);
                filled = end;
                break;
            }
            searched = filled;
            if searched >= LINE_CAP {
                break;
            }
        }
        buffer.truncate(filled);
        Ok((!buffer.is_empty()).then(|| Block::new(buffer)))
    }

    /// Returns what was read of a line whose end never came, after an error.
    #[must_use]
    pub fn into_rest(self) -> Option<Block> {
        (!self.carry.is_empty()).then(|| Block::new(self.carry))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives out at most `step` bytes at a time.
    struct Trickle<'a>(&'a [u8], usize);

    impl Read for Trickle<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let (now, later) = self.0.split_at(self.1.min(self.0.len()).min(out.len()));
            out[..now.len()].copy_from_slice(now);
            self.0 = later;
            Ok(now.len())
        }
    }

    #[test]
    fn blocks_are_whole_lines_and_tile_the_input() -> io::Result<()> {
        let input = b"one\n\ntwo three\n\xff four\nlast without newline";
        for step in 1..input.len() + 1 {
            let mut blocks = Blocks::new(Trickle(input, step));
            let (mut seen, mut buffer) = (Vec::new(), b"what a buffer held before".to_vec());
            while let Some(block) = blocks.next_block(buffer)? {
                seen.extend_from_slice(block.as_bytes());
                let whole = block.as_bytes().ends_with(b"\n") || seen.len() == input.len();
                assert!(whole, "step {step}: a block ends within a line");
                buffer = block.into_buffer();
            }
            assert_eq!(seen, input, "step {step}");
        }
        Ok(())
    }
}
