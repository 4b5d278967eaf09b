//! A recording's file: a row of whole zstd frames, so that a file that stops anywhere reads up to there.
//!
//! The last line of a complete recording is in a frame of its own, and behind it comes a frame that
//! decompressors skip, with the place of that last one: who wants to know how a run ended need not read
//! all of it.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::time::{Duration, Instant};

use zstd::bulk::Compressor;

/// Fast enough for the livest log; higher levels gain a tenth.
const LEVEL: i32 = 3;

/// Begins a frame that decompressors skip (RFC 8878, 3.1.2).
const SKIPPABLE: [u8; 4] = 0x184D_2A50_u32.to_le_bytes();

/// Begins the content of ours.
const INDEX: [u8; 8] = *b"nixlog/1";

/// The whole frame: magic number, length, content.
const INDEX_SIZE: usize = 4 + 4 + 16;

/// The part of its time that the writer may spend on waiting for the disk.
const SYNC_SHARE: u32 = 20;

/// Writes frames.
pub(super) struct Frames {
    file: File,
    compressor: Compressor<'static>,
    compressed: Vec<u8>,
    /// How long the file is, up to the last whole frame.
    length: u64,
    /// When the disk may be asked again to have it all.
    next_sync: Option<Instant>,
}

impl Frames {
    pub(super) fn new(file: File) -> io::Result<Self> {
        let mut compressor = Compressor::new(LEVEL)?;
        compressor.include_checksum(true)?;
        Ok(Self {
            file,
            compressor,
            compressed: Vec::new(),
            length: 0,
            next_sync: None,
        })
    }

    /// Writes one frame. What a full disk took of it is taken back, so that what was there stays whole.
    pub(super) fn frame(&mut self, text: &[u8]) -> io::Result<()> {
        self.compressed.clear();
        let bound = zstd::zstd_safe::compress_bound(text.len());
        self.compressed.reserve(bound);
        self.compressor
            .compress_to_buffer(text, &mut self.compressed)?;
        // One burst of lines needs no buffer for the rest of a long build.
        let compressed = std::mem::take(&mut self.compressed);
        let written = self.append(&compressed);
        if compressed.capacity() <= 1 << 20 {
            self.compressed = compressed;
        }
        written
    }

    /// Writes the last frame and the place of it.
    pub(super) fn last_frame(&mut self, text: &[u8]) -> io::Result<()> {
        let place = self.length;
        self.frame(text)?;
        let mut index = Vec::with_capacity(INDEX_SIZE);
        index.extend_from_slice(&SKIPPABLE);
        index.extend_from_slice(&16_u32.to_le_bytes());
        index.extend_from_slice(&INDEX);
        index.extend_from_slice(&place.to_le_bytes());
        self.append(&index)?;
        self.file.sync_data()
    }

    /// Has the disk keep what was written, unless it was so slow the last time that the build would
    /// notice.
    pub(super) fn sync(&mut self) {
        let now = Instant::now();
        if self.next_sync.is_some_and(|next| now < next) {
            return;
        }
        // Where the file cannot be synced, a power cut costs more; there is nothing to be done.
        drop(self.file.sync_data());
        let took = now.elapsed();
        let pause = took.saturating_mul(SYNC_SHARE).min(Duration::from_secs(60));
        self.next_sync = Some(now + pause);
    }

    /// Returns how long the file is.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let written = self.file.write_all(bytes);
        match written {
            Ok(()) => self.length += bytes.len() as u64,
            Err(_) => drop(self.file.set_len(self.length)),
        }
        written
    }
}

/// Returns the text of a complete recording's last frame; `None` where the recording is not complete.
pub(crate) fn last_frame(file: &mut File) -> io::Result<Option<Vec<u8>>> {
    let length = file.metadata()?.len();
    let Some(at) = length.checked_sub(INDEX_SIZE as u64) else {
        return Ok(None);
    };
    let mut index = [0; INDEX_SIZE];
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(&mut index)?;
    let (head, place) = index.split_at(INDEX_SIZE - 8);
    if head[..4] != SKIPPABLE || head[8..] != INDEX {
        return Ok(None);
    }
    let place = u64::from_le_bytes(place.try_into().unwrap_or_default());
    if place >= at {
        return Ok(None);
    }
    file.seek(SeekFrom::Start(place))?;
    let mut text = Vec::new();
    zstd::Decoder::new(file.take(at - place))?
        .take(LONGEST)
        .read_to_end(&mut text)?;
    Ok(Some(text))
}

/// Returns the beginning of a recording, as much as its first frame has.
pub(crate) fn first_frame(file: &mut File) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(0))?;
    let mut text = Vec::new();
    let mut first = zstd::Decoder::new(file)?.single_frame().take(LONGEST);
    first.read_to_end(&mut text)?;
    Ok(text)
}

/// More than a header or an end ever has.
const LONGEST: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_read_in_part_and_whole() -> io::Result<()> {
        let mut file = tempfile::tempfile()?;
        let mut frames = Frames::new(file.try_clone()?)?;
        frames.frame(b"first\n")?;
        frames.frame(&b"second\n".repeat(100_000))?;
        assert_eq!(last_frame(&mut file)?, None);
        frames.last_frame(b"last\n")?;
        assert_eq!(last_frame(&mut file)?.as_deref(), Some(&b"last\n"[..]));
        assert_eq!(first_frame(&mut file)?, b"first\n");
        assert_eq!(file.metadata()?.len(), frames.length());
        file.seek(SeekFrom::Start(0))?;
        let all = zstd::decode_all(&file)?;
        assert_eq!(all.len(), 6 + 700_000 + 5);
        Ok(())
    }

    #[test]
    fn other_files_are_not_complete_recordings() -> io::Result<()> {
        for bytes in [&b""[..], b"short", &[0; 24], &[0x50; 99]] {
            let mut file = tempfile::tempfile()?;
            file.write_all(bytes)?;
            assert_eq!(last_frame(&mut file)?, None);
        }
        Ok(())
    }
}
