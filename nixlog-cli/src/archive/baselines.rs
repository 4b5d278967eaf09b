//! Baselines: runs under a name, for others to be compared with.
//!
//! Each is a file of its own, with all that is kept of its runs: a header line and a line of JSON for each run,
//! compressed with zstd. So a baseline needs neither the history nor the recordings, is never pruned, and can be
//! taken to another machine as it is; several files one after the other are one, too.

use std::collections::HashSet;
use std::fs;
use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use nixlog_core::analysis::past_run::PastRun;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::runs::{Place, make_folder};
use crate::base::clock::unix_nanos;
use crate::base::unpack::unpack;

/// The version of the files.
const FORMAT: u32 = 1;

/// What the name of a file ends in.
const EXTENSION: &str = ".baseline.zst";

/// How well they are compressed.
const LEVEL: i32 = 9;

/// The first line of a baseline.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Header {
    /// The version of the form: what marks the line as a header.
    nixlog_baseline: u32,
    pub(crate) project: Option<String>,
    pub(crate) name: String,
    /// It is meant where none is named.
    pub(crate) is_default: bool,
    /// In nanoseconds since 1970.
    pub(crate) set_at: Option<i64>,
    /// The ids of its runs, the newest first.
    pub(crate) runs: Vec<String>,
}

/// A baseline.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Baseline {
    pub(crate) header: Header,
    /// The newest first.
    pub(crate) runs: Vec<PastRun>,
}

/// A baseline by its file.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) header: Header,
    path: PathBuf,
}

impl Baseline {
    /// Makes one of runs, the newest first.
    pub(crate) fn new(name: &str, is_default: bool, runs: Vec<PastRun>) -> Self {
        Self {
            header: Header {
                nixlog_baseline: FORMAT,
                project: runs.first().and_then(|run| run.project.clone()),
                name: name.to_owned(),
                is_default,
                set_at: unix_nanos(),
                runs: runs.iter().map(|run| run.id.clone()).collect(),
            },
            runs,
        }
    }

    /// Writes it, compressed.
    pub(crate) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut packed = zstd::Encoder::new(out, LEVEL)?;
        serde_json::to_writer(&mut packed, &self.header)?;
        packed.write_all(b"\n")?;
        for run in &self.runs {
            serde_json::to_writer(&mut packed, run)?;
            packed.write_all(b"\n")?;
        }
        packed.finish().map(drop)
    }
}

/// Reads all baselines of a file.
pub(crate) fn read(file: impl Read + Send + 'static) -> io::Result<Vec<Baseline>> {
    let wrong = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
    let mut found: Vec<Baseline> = Vec::new();
    let lines = BufReader::new(unpack(file)?.bytes).lines();
    for (number, line) in (1..).zip(lines) {
        let line = line?;
        if line.starts_with("{\"nixlog_baseline\":") {
            let header: Header = serde_json::from_str(&line)
                .map_err(|error| wrong(format!("line {number} is no header: {error}")))?;
            if header.nixlog_baseline > FORMAT {
                return Err(wrong("a newer nixlog wrote it".to_owned()));
            }
            found.push(Baseline {
                header,
                runs: Vec::new(),
            });
            continue;
        }
        let Some(baseline) = found.last_mut() else {
            return Err(wrong("it does not begin like a baseline".to_owned()));
        };
        let run = serde_json::from_str(&line)
            .map_err(|error| wrong(format!("line {number} is no run: {error}")))?;
        baseline.runs.push(run);
    }
    for Baseline { header, runs } in &found {
        let (want, n) = (header.runs.len(), runs.len());
        if want != n {
            return Err(wrong(format!(
                "`{}` has {n} of its {want} runs",
                header.name
            )));
        }
    }
    Ok(found)
}

impl Place {
    /// Returns the folder of the baselines.
    pub(crate) fn baselines(&self) -> PathBuf {
        self.root().join("baselines")
    }

    /// Returns the baselines, by project and name, without their runs. A file that cannot be read is passed over,
    /// and told by `problem`.
    pub(crate) fn list_baselines(
        &self,
        mut problem: impl FnMut(&Path, io::Error),
    ) -> io::Result<Vec<Stored>> {
        let entries = match fs::read_dir(self.baselines()) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut found = Vec::new();
        for entry in entries {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            if !name.is_some_and(|name| name.ends_with(EXTENSION)) {
                continue;
            }
            match header(&path) {
                Ok(header) => found.push(Stored { header, path }),
                // Somebody else has just set it anew.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => problem(&path, error),
            }
        }
        // The file of an older one of the same name may be about to go.
        found.sort_by(|a, b| (key(&a.header), &b.path).cmp(&(key(&b.header), &a.path)));
        found.dedup_by(|later, kept| key(&later.header) == key(&kept.header));
        Ok(found)
    }

    /// Writes a baseline, in place of one of the same name. The first of a project is its default.
    pub(crate) fn set_baseline(&self, mut baseline: Baseline) -> io::Result<Baseline> {
        let folder = self.baselines();
        make_folder(&folder)?;
        let others = self.list_baselines(|_, _| {})?;
        let of_project = || {
            let project = &baseline.header.project;
            others
                .iter()
                .filter(move |it| it.header.project == *project)
        };
        let same: Vec<Stored> = of_project()
            .filter(|it| it.header.name == baseline.header.name)
            .cloned()
            .collect();
        let default: Vec<Stored> = of_project()
            .filter(|it| it.header.is_default && it.header.name != baseline.header.name)
            .cloned()
            .collect();
        let was_default = same.iter().any(|it| it.header.is_default);
        baseline.header.is_default |= was_default || default.is_empty();
        write_new(&folder, &baseline)?;
        for old in same {
            old.remove()?;
        }
        if baseline.header.is_default {
            for old in default {
                let mut other = old.load()?;
                other.header.is_default = false;
                write_new(&folder, &other)?;
                old.remove()?;
            }
        }
        Ok(baseline)
    }

    /// Returns the ids of all runs that a baseline has: their recordings stay.
    pub(crate) fn runs_of_baselines(&self) -> io::Result<HashSet<String>> {
        let mut failure = None;
        let found = self.list_baselines(|_, error| failure = Some(error))?;
        match failure {
            Some(error) => Err(error),
            None => Ok(found.into_iter().flat_map(|it| it.header.runs).collect()),
        }
    }
}

impl Stored {
    /// Reads the runs, too.
    pub(crate) fn load(&self) -> io::Result<Baseline> {
        let file = fs::File::open(&self.path)?;
        let mut found = read(file)?;
        match found.len() {
            1 => Ok(found.remove(0)),
            n => {
                let why = format!("`{}` has {n} baselines", self.path.display());
                Err(io::Error::new(io::ErrorKind::InvalidData, why))
            }
        }
    }

    pub(crate) fn remove(&self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }
}

fn key(header: &Header) -> (&Option<String>, &str) {
    (&header.project, &header.name)
}

fn header(path: &Path) -> io::Result<Header> {
    let mut line = String::new();
    BufReader::new(unpack(fs::File::open(path)?)?.bytes).read_line(&mut line)?;
    serde_json::from_str(&line).map_err(io::Error::from)
}

/// Writes a file that is there as a whole, or not at all. Later files have later names.
fn write_new(folder: &Path, baseline: &Baseline) -> io::Result<()> {
    let mut file = tempfile::Builder::new().tempfile_in(folder)?;
    baseline.write(file.as_file_mut())?;
    file.as_file().sync_all()?;
    let path = folder.join(format!("{}{EXTENSION}", Uuid::now_v7()));
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(id: &str, project: &str) -> PastRun {
        PastRun {
            id: id.to_owned(),
            project: Some(project.to_owned()),
            wall_ns: Some(7),
            ..PastRun::default()
        }
    }

    fn names(place: &Place) -> Vec<(String, String, bool)> {
        let found = place.list_baselines(|path, error| panic!("{}: {error}", path.display()));
        let found = found.expect("a folder").into_iter();
        found
            .map(|it| {
                let header = it.header;
                (
                    header.project.unwrap_or_default(),
                    header.name,
                    header.is_default,
                )
            })
            .collect()
    }

    #[test]
    fn one_of_a_project_is_its_default() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let place = Place::at(folder.path());
        assert!(names(&place).is_empty());
        let set = |name: &str, is_default, project: &str| {
            let runs = vec![run(name, project), run("x", project)];
            place.set_baseline(Baseline::new(name, is_default, runs))
        };
        set("one", false, "p")?;
        set("two", false, "p")?;
        set("one", false, "q")?;
        let all = |one, two| {
            let of = |project: &str, name: &str, is| (project.to_owned(), name.to_owned(), is);
            vec![
                of("p", "one", one),
                of("p", "two", two),
                of("q", "one", true),
            ]
        };
        assert_eq!(names(&place), all(true, false));
        set("two", true, "p")?;
        assert_eq!(names(&place), all(false, true));
        // Set anew, it stays what it was.
        set("two", false, "p")?;
        assert_eq!(names(&place), all(false, true));
        assert_eq!(place.runs_of_baselines()?.len(), 3);
        let stored = place.list_baselines(|_, _| {})?;
        let loaded = stored[0].load()?;
        assert_eq!(loaded.runs, [run("one", "p"), run("x", "p")]);
        stored[0].remove()?;
        assert_eq!(names(&place).len(), 2);
        Ok(())
    }

    #[test]
    fn what_is_cut_or_foreign_is_told() -> io::Result<()> {
        let one = Baseline::new("a", true, vec![run("1", "p"), run("2", "p")]);
        let mut file = Vec::new();
        one.write(&mut file)?;
        let other = Baseline::new("b", true, vec![run("3", "q")]);
        other.write(&mut file)?;
        assert_eq!(read(io::Cursor::new(file.clone()))?, [one, other]);
        let plain = zstd::decode_all(&file[..])?;
        let lines: Vec<&[u8]> = plain.split_inclusive(|&byte| byte == b'\n').collect();
        let cases = [
            (lines[..2].concat(), "has 1 of its 2 runs"),
            (lines[1].to_vec(), "does not begin like a baseline"),
            ([lines[0], b"{]\n"].concat(), "line 2 is no run"),
            (b"{\"nixlog_baseline\":9,\"project\":null,\"name\":\"x\",\"is_default\":true,\"set_at\":null,\"runs\":[]}\n".to_vec(), "newer"),
        ];
        for (text, want) in cases {
            let said = read(io::Cursor::new(text)).expect_err(want).to_string();
            assert!(said.contains(want), "{said}");
        }
        Ok(())
    }
}
