//! The recordings that tests read, and the plain way to read one.

use std::fs;
use std::path::{Path, PathBuf};

use nixlog_core::timeline::{Source, Timeline, TimelineBuilder};
use nixlog_core::wire::{Carrier, Line, LogReader};
use serde_json::Value;

/// A log, unpacked, with its ground truth where there is one.
#[derive(Debug)]
pub(crate) struct Recording {
    /// The file's name without `.ts.log` and what follows.
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    pub(crate) truth: Option<Value>,
}

impl Recording {
    /// Returns the log's bytes.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        unpacked(&self.path)
    }
}

/// Returns all recordings of the project, in the order of their names.
pub(crate) fn corpus() -> Vec<Recording> {
    let dir = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../corpus"));
    let recordings = recordings_in(dir);
    assert!(recordings.len() >= 12, "the recordings are gone");
    recordings
}

/// Returns one recording of the project.
pub(crate) fn recording(name: &str) -> Recording {
    let mut all = corpus().into_iter();
    all.find(|recording| recording.name == name)
        .unwrap_or_else(|| panic!("corpus/ has no {name}"))
}

/// Returns the recordings directly below a directory, in the order of their names.
pub(crate) fn recordings_in(dir: &Path) -> Vec<Recording> {
    let mut found: Vec<_> = files_in(dir)
        .into_iter()
        .filter_map(|path| {
            let file = path.file_name()?.to_str()?;
            let name = file
                .strip_suffix(".zst")
                .unwrap_or(file)
                .strip_suffix(".ts.log")?
                .to_owned();
            let truth = ["truth.json", "truth.json.zst"]
                .map(|kind| dir.join(format!("{name}.{kind}")))
                .into_iter()
                .find(|path| path.exists())
                .map(|path| serde_json::from_slice(&unpacked(&path)).expect("truth is JSON"));
            Some(Recording { name, path, truth })
        })
        .collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

/// Returns what is in a directory, in the order of the names.
pub(crate) fn files_in(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    let mut paths: Vec<_> = entries
        .map(|entry| entry.expect("a readable entry").path())
        .collect();
    paths.sort();
    paths
}

pub(crate) fn unpacked(path: &Path) -> Vec<u8> {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    if path.extension().is_some_and(|extension| extension == "zst") {
        zstd::decode_all(&bytes[..]).expect("a whole zstd file")
    } else {
        bytes
    }
}

/// Reads a whole log at once.
pub(crate) fn read(name: &str, bytes: &[u8]) -> (Source, Timeline) {
    let mut reader = LogReader::new(None);
    let timeline = fold(&mut reader, bytes);
    (Source::new(name, &reader, None), timeline)
}

/// Reads a whole log at once, of which only the timeline matters.
pub(crate) fn timeline(bytes: &[u8]) -> Timeline {
    fold(&mut LogReader::new(None), bytes)
}

/// Reads a whole log at once with the given reader.
pub(crate) fn fold(reader: &mut LogReader, bytes: &[u8]) -> Timeline {
    let mut builder = TimelineBuilder::default();
    for line in reader.block(bytes, None) {
        builder.push(&line);
    }
    for line in reader.finish() {
        builder.push(&line);
    }
    builder.finish()
}

/// A line that outlives its block, for comparisons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OwnedLine {
    pub(crate) number: u64,
    pub(crate) stamp: Option<u64>,
    /// Everything that it holds, as text.
    pub(crate) body: String,
}

impl From<Line<'_>> for OwnedLine {
    fn from(line: Line<'_>) -> Self {
        Self {
            number: line.number,
            stamp: line.stamp.map(|stamp| stamp.as_nanos()),
            body: format!("{:?} {:?}", line.body, line.unknown_key),
        }
    }
}

/// Reads all lines of a log at once.
pub(crate) fn lines(reader: &mut LogReader, bytes: &[u8]) -> Vec<OwnedLine> {
    let mut lines: Vec<_> = reader.block(bytes, None).map(OwnedLine::from).collect();
    lines.extend(reader.finish().map(OwnedLine::from));
    lines
}

/// Returns the carrier that a log is found to have.
pub(crate) fn carrier_of(bytes: &[u8]) -> Carrier {
    let mut reader = LogReader::new(None);
    let n_lines = reader.block(bytes, None).count() + reader.finish().count();
    assert!(n_lines > 0, "an empty log");
    reader.carrier()
}
