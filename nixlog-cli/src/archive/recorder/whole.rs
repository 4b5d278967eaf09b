//! Recordings that are there as a whole, and so need no thread to write them.

use std::fs::File;
use std::io;

use uuid::Uuid;

use super::FRAME;
use crate::archive::frames::Frames;
use crate::archive::runs::{self, NewRun, Place, Recorded};

/// Keeps a recording among the runs. `make` makes its text for the id that it gets.
pub(crate) fn keep<T: AsRef<[u8]>>(
    make: impl FnOnce(&str) -> io::Result<T>,
) -> io::Result<Recorded> {
    let run = Place::find()?.create()?;
    let id = run.id.to_string();
    let packed = make(&id).and_then(|text| pack(run.file.try_clone()?, text.as_ref()));
    completed(run, id, packed)
}

/// The content of a recording's file.
pub(crate) enum Packed {
    /// As it is to be written.
    As(File),
    /// The text, to be packed.
    Not(Vec<u8>),
}

/// Keeps a copy of a recording among the runs, under the id that it has, if it has one.
pub(crate) fn keep_copy(
    place: &Place,
    id: Option<Uuid>,
    content: impl FnOnce() -> io::Result<Packed>,
) -> io::Result<Recorded> {
    let run = place.create_as(id.unwrap_or_else(Uuid::now_v7))?;
    let id = run.id.to_string();
    let copied = content().and_then(|content| match content {
        Packed::As(mut file) => io::copy(&mut file, &mut &run.file),
        Packed::Not(text) => pack(run.file.try_clone()?, &text),
    });
    completed(run, id, copied)
}

/// Completes a run if all of it could be written, or leaves nothing behind.
fn completed(run: NewRun, id: String, written: io::Result<u64>) -> io::Result<Recorded> {
    match written {
        Ok(bytes) => {
            let (path, file) = run.complete()?;
            let file = Some(file);
            let recorded = Recorded {
                id,
                path,
                bytes,
                file,
            };
            runs::prune_after_saving(&recorded);
            Ok(recorded)
        }
        Err(error) => {
            run.discard();
            Err(error)
        }
    }
}

/// Writes the text of a recording, whose last line is its end, into an empty file. Returns how long that
/// is then.
pub(crate) fn pack(file: File, text: &[u8]) -> io::Result<u64> {
    let mut frames = Frames::new(file)?;
    let lines = text.strip_suffix(b"\n").unwrap_or(text);
    let last = memchr::memrchr(b'\n', lines).map_or(0, |at| at + 1);
    let (mut rest, last) = text.split_at(last);
    while !rest.is_empty() {
        let whole = match rest.get(..FRAME) {
            Some(head) => memchr::memrchr(b'\n', head).or_else(|| memchr::memchr(b'\n', rest)),
            None => None,
        };
        let (frame, more) = rest.split_at(whole.map_or(rest.len(), |at| at + 1));
        frames.frame(frame)?;
        rest = more;
    }
    frames.last_frame(last)?;
    Ok(frames.length())
}

#[cfg(test)]
mod tests {
    use std::io::{Seek as _, SeekFrom};

    use super::*;
    use crate::archive::frames::{first_frame, last_frame};

    #[test]
    fn all_of_it_comes_back() -> io::Result<()> {
        let long = [&b"x".repeat(2 * FRAME)[..], b"\n"].concat();
        let many = b"0 a line\n".repeat(FRAME / 4);
        for text in [
            &b"0 head\n1 end\n"[..],
            b"0 end\n",
            &[&long[..], &many, b"0 head\n", &long, b"9 end\n"].concat(),
        ] {
            let mut file = tempfile::tempfile()?;
            let length = pack(file.try_clone()?, text)?;
            assert_eq!(file.metadata()?.len(), length);
            let last = last_frame(&mut file)?.unwrap_or_default();
            assert!(last.ends_with(b" end\n") && last.len() < 10);
            assert!(text.starts_with(&first_frame(&mut file)?));
            file.seek(SeekFrom::Start(0))?;
            assert_eq!(zstd::decode_all(&file)?, text);
        }
        Ok(())
    }
}
