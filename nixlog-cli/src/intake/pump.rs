//! Reads an input in blocks to its end: the one loop for files, pipes, sockets and commands.

use std::io::{self, Read};
use std::ops::ControlFlow;

use nixlog_core::wire::block::{Block, Blocks};

/// What becomes of a block: a buffer for the next one, or nobody wants more.
pub(crate) type Next = ControlFlow<(), Vec<u8>>;

/// Hands on an input block by block, as it comes.
///
/// # Errors
///
/// Why the input could not be read to its end. What was read of it is handed on before, half a line too.
pub(crate) fn pump(input: impl Read, mut take: impl FnMut(Block) -> Next) -> io::Result<()> {
    let mut blocks = Blocks::new(input);
    let mut buffer = Vec::new();
    loop {
        match blocks.next_block(buffer) {
            Ok(Some(block)) => match take(block) {
                ControlFlow::Continue(next) => buffer = next,
                ControlFlow::Break(()) => return Ok(()),
            },
            Ok(None) => return Ok(()),
            Err(error) => {
                if let Some(rest) = blocks.into_rest() {
                    // There is no more, wanted or not.
                    drop(take(rest));
                }
                return Err(error);
            }
        }
    }
}

/// Says that an input could not be read to its end, after so many bytes.
pub(crate) fn broken_off(what: &str, n_bytes: u64, error: &io::Error) -> String {
    format!("{what} breaks off after {n_bytes} bytes ({error})")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Gives some bytes, and then an error.
    pub(crate) struct Breaks(pub(crate) &'static [u8]);

    impl Read for Breaks {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() {
                return Err(io::ErrorKind::ConnectionReset.into());
            }
            self.0.read(out)
        }
    }

    #[test]
    fn what_came_before_an_error_is_handed_on() {
        for (input, want) in [
            (&b"one\ntwo\nhal"[..], &["one\ntwo\n", "hal"][..]),
            (b"one\n", &["one\n"]),
            (b"hal", &["hal"]),
            (b"", &[]),
        ] {
            let mut got = Vec::new();
            let read = pump(Breaks(input), |block| {
                got.push(String::from_utf8_lossy(block.as_bytes()).into_owned());
                Next::Continue(block.into_buffer())
            });
            let kind = read.map_err(|error| error.kind());
            assert_eq!(kind, Err(io::ErrorKind::ConnectionReset));
            assert_eq!(got, want);
        }
    }

    #[test]
    fn nothing_is_read_that_nobody_wants() {
        let mut n_blocks = 0;
        let read = pump(Breaks(b"one\n"), |_| {
            n_blocks += 1;
            Next::Break(())
        });
        assert!(read.is_ok() && n_blocks == 1);
    }
}
