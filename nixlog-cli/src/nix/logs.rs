//! Build logs that Nix stored, one file for each derivation, overwritten by its next build.

use std::collections::VecDeque;
use std::fs::{self, File, Metadata};
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use nixlog_core::analysis::reconstruction::LogFacts;

use crate::base::unpack::unpack;

/// How much of a log is read at most, unpacked: builders have filled disks.
const MAX_BYTES: u64 = 1 << 28;

/// The longest piece of a line that is kept in one.
const MAX_LINE: u64 = 4096;

/// Where a log may be: Nix looks in a folder by the first two characters of the hash, and in old stores
/// there is none.
pub(crate) fn candidates(folder: &Path, drv: &str) -> Vec<PathBuf> {
    let mut names = vec![folder.join(drv)];
    if let Some((first, rest)) = drv.split_at_checked(2) {
        names.insert(0, folder.join(first).join(rest));
    }
    let packed = |path: &PathBuf| {
        let mut packed = path.clone().into_os_string();
        packed.push(".bz2");
        PathBuf::from(packed)
    };
    names
        .iter()
        .flat_map(|path| [packed(path), path.clone()])
        .collect()
}

/// Finds the log of a derivation, given by the base name of its `.drv`.
pub(crate) fn find(folder: &Path, drv: &str) -> Option<(PathBuf, LogFacts)> {
    candidates(folder, drv)
        .into_iter()
        .find_map(|path| Some((facts(&path.metadata().ok()?)?, path)))
        .map(|(facts, path)| (path, facts))
}

fn facts(metadata: &Metadata) -> Option<LogFacts> {
    metadata.is_file().then(|| LogFacts {
        born: metadata.created().ok().and_then(nanos),
        modified: metadata.modified().ok().and_then(nanos),
        bytes: Some(metadata.len()),
        told: None,
    })
}

/// Returns nanoseconds since 1970.
pub(crate) fn nanos(time: SystemTime) -> Option<i64> {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_nanos()).ok(),
        Err(before) => i64::try_from(before.duration().as_nanos())
            .ok()
            .map(|nanos| -nanos),
    }
}

/// Lists the derivations whose logs were written since an instant, by the base names of their `.drv`.
/// A folder that is not there has none.
pub(crate) fn written_since(folder: &Path, since: i64) -> io::Result<Vec<(String, LogFacts)>> {
    let mut all = Vec::new();
    let top = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(all),
        top => top?,
    };
    for entry in top {
        let entry = entry?;
        let name = entry.file_name();
        let Some(first) = name.to_str() else { continue };
        if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            all.extend(recent(&entry, first.to_owned(), since));
            continue;
        }
        // Nobody but root may forbid a look into one of them.
        for entry in fs::read_dir(entry.path()).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let drv = name.to_str().map(|rest| format!("{first}{rest}"));
            all.extend(drv.and_then(|drv| recent(&entry, drv, since)));
        }
    }
    all.sort_by(|(one, _), (other, _)| one.cmp(other));
    all.dedup_by(|(one, _), (other, _)| one == other);
    Ok(all)
}

fn recent(entry: &fs::DirEntry, name: String, since: i64) -> Option<(String, LogFacts)> {
    let name = match name.strip_suffix(".bz2") {
        Some(name) => name.to_owned(),
        None => name,
    };
    if !name.ends_with(".drv") {
        return None;
    }
    let facts = facts(&entry.metadata().ok()?)?;
    (facts.modified? >= since).then_some((name, facts))
}

/// What a stored log says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct LogText {
    /// Its last lines.
    pub(crate) tail: Vec<String>,
    /// The builder phases it names, in order.
    pub(crate) phases: Vec<String>,
    /// How many seconds each phase took that says so.
    pub(crate) seconds: Vec<u64>,
    /// Its stdenv is new enough to tell of every phase that takes half a minute.
    pub(crate) tells: bool,
}

/// Hands out the lines of a log, one after the other.
pub(crate) fn each_line(path: &Path, mut each: impl FnMut(&str)) -> io::Result<()> {
    let bytes = unpack(BufReader::new(File::open(path)?))?.bytes;
    let mut lines = BufReader::new(bytes.take(MAX_BYTES));
    let mut line = Vec::new();
    loop {
        line.clear();
        // A log that is cut off is as good up to there, and what is too long to be a line is several.
        let mut piece = lines.by_ref().take(MAX_LINE);
        if piece.read_until(b'\n', &mut line).unwrap_or(0) == 0 {
            return Ok(());
        }
        each(&String::from_utf8_lossy(line.trim_ascii_end()));
    }
}

/// Reads a log, keeping its last lines.
pub(crate) fn read(path: &Path, n_lines: usize) -> io::Result<LogText> {
    let mut text = LogText::default();
    let mut tail = VecDeque::with_capacity(n_lines);
    each_line(path, |line| {
        // stdenv says it for people and for Nix.
        if let Some(phase) = phase_of(line)
            && text.phases.last().is_none_or(|last| last != phase)
        {
            text.phases.push(phase.to_owned());
        }
        if line.starts_with("@nix ") {
            return;
        }
        let seconds = seconds_of(line);
        // Before 20.09 it told of no phase how long it took, and before 23.11 it had no such headings.
        text.tells |= seconds.is_some() || line.starts_with("Running phase: ");
        text.seconds.extend(seconds);
        if tail.len() == n_lines {
            tail.pop_front();
        }
        tail.push_back(line.to_owned());
    })?;
    text.tail = tail.into();
    Ok(text)
}

/// Returns the phase that stdenv says begins: for Nix, or for people.
pub(crate) fn phase_of(line: &str) -> Option<&str> {
    if let Some(json) = line.strip_prefix("@nix ") {
        let (_, rest) = json.split_once("\"phase\"")?;
        return rest.split('"').nth(1).filter(|_| json.contains("setPhase"));
    }
    line.strip_prefix("Running phase: ")
}

/// Returns the seconds that stdenv says a phase took: `buildPhase completed in 1 hours 3 minutes 2 seconds`.
fn seconds_of(line: &str) -> Option<u64> {
    let (phase, took) = line.split_once(" completed in ")?;
    if phase.is_empty() || phase.contains(' ') {
        return None;
    }
    let mut words = took.split(' ');
    let mut seconds: u64 = 0;
    while let Some(number) = words.next() {
        let unit = match words.next()? {
            "hours" | "hour" => 3600,
            "minutes" | "minute" => 60,
            "seconds" | "second" => 1,
            _ => return None,
        };
        let count: u64 = number.parse().ok()?;
        seconds = seconds.checked_add(count.checked_mul(unit)?)?;
    }
    Some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_as_stdenv_writes_them() {
        let cases = [
            ("buildPhase completed in 3 minutes 2 seconds", Some(182)),
            ("checkPhase completed in 30 seconds", Some(30)),
            (
                "buildPhase completed in 2 hours 1 minutes 5 seconds",
                Some(7265),
            ),
            ("tests completed in 3.2 s", None),
            ("the build completed in 5 seconds", None),
            (" completed in 5 seconds", None),
            ("x completed in 5", None),
            ("x completed in 99999999999999999999 hours", None),
        ];
        for (line, seconds) in cases {
            assert_eq!(seconds_of(line), seconds, "{line}");
        }
    }

    #[test]
    fn phases_and_the_last_lines() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("log");
        let text = b"Running phase: unpackPhase\n@nix { \"action\":  \"setPhase\", \"phase\": \"unpackPhase\" }\none\n\
                    @nix {\"action\":\"setPhase\",\"phase\":\"buildPhase\"}\ntwo\r\n\xff\nlast";
        fs::write(&path, text)?;
        let read = read(&path, 2)?;
        assert_eq!(read.phases, ["unpackPhase", "buildPhase"]);
        assert!(read.tells && read.seconds.is_empty());
        assert_eq!(read.tail.len(), 2);
        assert_eq!(read.tail[1], "last");
        Ok(())
    }

    #[test]
    fn where_logs_are() {
        let found = candidates(Path::new("/l"), "9rdy-x.drv");
        let found: Vec<_> = found.iter().map(|path| path.to_string_lossy()).collect();
        assert_eq!(
            found,
            [
                "/l/9r/dy-x.drv.bz2",
                "/l/9r/dy-x.drv",
                "/l/9rdy-x.drv.bz2",
                "/l/9rdy-x.drv"
            ]
        );
    }
}
