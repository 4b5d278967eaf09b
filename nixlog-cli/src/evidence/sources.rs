//! What is large in a source that was copied into the store, as it is on this machine now.

use std::fs;
use std::path::{Path, PathBuf};

use nixlog_core::report::verbs::eval::DirectoryView;

/// So many files of a source are looked at: about as many as can be in a few seconds.
const MOST_FILES: u64 = 2_000_000;

/// An entry this much larger than the rest of its directory stands for it.
const MOST_OF_IT: u64 = 80;

/// Lists what is large in a source, the largest first; nothing where it is not here. The copy in the store
/// is what was copied; the source itself may have changed since.
pub(crate) fn largest(source: &str, store_path: Option<&str>) -> Vec<DirectoryView> {
    let candidates = [store_path, Some(source)].into_iter().flatten();
    let mut candidates = candidates.map(Path::new);
    let Some(root) = candidates.find(|path| path.is_absolute() && path.is_dir()) else {
        return Vec::new();
    };
    let mut left = MOST_FILES;
    let mut entries = entries(root, &mut left);
    entries.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.path.cmp(&b.path)));
    let view = |entry: Entry| {
        let entry = entry.narrowed();
        let path = entry.path.strip_prefix(root).unwrap_or(&entry.path);
        DirectoryView {
            path: path.display().to_string(),
            bytes: entry.bytes,
            files: entry.files,
        }
    };
    match left {
        // The sums would be too small, and nobody knows by how much.
        0 => Vec::new(),
        _ => entries.into_iter().map(view).take(10).collect(),
    }
}

/// A file, or a directory and what is largest in it.
struct Entry {
    path: PathBuf,
    bytes: u64,
    files: u64,
    largest: Option<Box<Self>>,
}

impl Entry {
    /// Returns the innermost directory that has nearly all of it.
    fn narrowed(self) -> Self {
        match self.largest {
            Some(inner) if inner.files > 1 && inner.bytes * 100 >= self.bytes * MOST_OF_IT => {
                inner.narrowed()
            }
            _ => self,
        }
    }
}

/// Measures what is in a directory; links are not followed.
fn entries(directory: &Path, left: &mut u64) -> Vec<Entry> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if *left == 0 {
            break;
        }
        *left -= 1;
        let Ok(metadata) = entry.metadata() else {
            continue;
        };
        found.push(match metadata.is_dir() {
            false => Entry {
                path: entry.path(),
                bytes: metadata.len(),
                files: 1,
                largest: None,
            },
            true => {
                let inside = entries(&entry.path(), left);
                Entry {
                    path: entry.path(),
                    bytes: inside.iter().map(|it| it.bytes).sum(),
                    files: inside.iter().map(|it| it.files).sum(),
                    largest: inside.into_iter().max_by_key(|it| it.bytes).map(Box::new),
                }
            }
        });
    }
    found
}
