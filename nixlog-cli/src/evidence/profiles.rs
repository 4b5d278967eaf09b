//! Profiles of evaluation: files of their own, which may be gigabytes.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use nixlog_core::eval::lock::Lock;
use nixlog_core::eval::stacks::{By, Costs, Kind, Names, Profile, Reader, Sink};
use nixlog_core::eval::stats::EvaluationStats;
use nixlog_core::lint::syntax::attribute_at;

use crate::base::error::CliError;
use crate::base::{output, unpack};
use crate::intake::input::{self, quoted};
use crate::intake::pump::broken_off;

/// What the evaluator says of itself, in a folder that `nixlog profile` leaves.
pub(crate) const STATS: &str = "nix-stats.json";

/// What Nix's profiler has written, in such a folder.
pub(crate) const PROFILE: &str = "eval.profile";

/// Reads what an evaluator says of itself.
pub(crate) fn stats(path: &Path) -> Result<EvaluationStats, CliError> {
    let text = unpack::text(path)?;
    EvaluationStats::parse(&text).map_err(|error| {
        CliError::new(format!("`{}` has no statistics of an evaluator: {error}", path.display()))
            .hint("Nix prints them with NIX_SHOW_STATS=1, and writes them to the file that NIX_SHOW_STATS_PATH names")
    })
}

/// A flake's lock file, and what is in it.
pub(crate) struct LockFile {
    pub(crate) path: PathBuf,
    pub(crate) lock: Lock,
    text: String,
}

impl LockFile {
    pub(crate) fn read(path: &Path) -> Result<Self, CliError> {
        let text = unpack::text(path)?;
        let lock = Lock::parse(&text).map_err(|error| {
            let path = path.display();
            CliError::new(format!("`{path}` is no lock file of a flake: {error}"))
        })?;
        let path = path.to_owned();
        Ok(Self { path, lock, text })
    }

    /// Tells whether a tree in the store is the flake itself: it has the same lock file.
    fn is_of(&self, root: &str) -> bool {
        let own = Path::new(root).join("flake.lock");
        root.starts_with("/nix/store/")
            && fs::read_to_string(own).is_ok_and(|text| text == self.text)
    }
}

/// Names the roots of files after the inputs of the flake, and places in files after the options that are
/// defined there, where the files are here.
pub(crate) struct InputNames<'a> {
    lock: Option<&'a LockFile>,
    sources: RefCell<HashMap<String, Option<String>>>,
}

impl<'a> InputNames<'a> {
    pub(crate) fn new(lock: Option<&'a LockFile>) -> Self {
        Self {
            lock,
            sources: RefCell::default(),
        }
    }

    /// Finds a file on this machine: newer versions of Nix read inputs without a store path.
    fn on_disk(&self, file: &str) -> Option<PathBuf> {
        if file.starts_with('/') {
            return Some(PathBuf::from(file));
        }
        let (_, within) = file.split_once("»/")?;
        let input = self.lock?.lock.owner(file)?;
        Some(Path::new(input.store_path.as_ref()?).join(within))
    }
}

impl Names for InputNames<'_> {
    fn input(&self, root: &str) -> Option<String> {
        let file = self.lock?;
        let input = file.lock.owner(root).map(|input| input.path.clone());
        input.or_else(|| file.is_of(root).then(|| "self".to_owned()))
    }

    fn option(&self, file: &str, line: u32, column: u32) -> Option<String> {
        let mut sources = self.sources.borrow_mut();
        let read = || fs::read_to_string(self.on_disk(file)?).ok();
        let source = sources.entry(file.to_owned()).or_insert_with(read);
        attribute_at(source.as_deref()?, line, column)
    }
}

/// Reads a profile, or traced function calls, and adds them up by everything.
pub(crate) fn read(path: &Path, names: &InputNames<'_>) -> Result<Profile, CliError> {
    const BY: [By; 6] = [
        By::File,
        By::Function,
        By::Input,
        By::Module,
        By::Option,
        By::Derivation,
    ];
    let (read, name) = fed(path, Costs::new(&BY, names))?;
    // An empty profile is one of an evaluation that was short; other text is none.
    let is_other = read.facts.bad_lines.saturating_mul(2) > read.facts.lines;
    let is_nothing = read.facts.stacks == 0 && read.facts.lines > 0;
    if is_other || is_nothing {
        let what = format!("{} is no profile of an evaluation", quoted(&name));
        return Err(CliError::new(what).hint(WHAT_A_PROFILE_IS));
    }
    Ok(read)
}

/// What can be read here.
pub(crate) const WHAT_A_PROFILE_IS: &str = "a profile is what `--eval-profiler flamegraph` writes, \
    `FRAME;FRAME COUNT` on each line, or the log of `--trace-function-calls`";

/// Reads a profile block by block; returns what comes of it, and what the file is called.
pub(crate) fn fed<S: Sink>(path: &Path, sink: S) -> Result<(S::Result, String), CliError> {
    const BLOCK: usize = 1 << 20;
    let mut input = input::open(Some(path))?.begin()?;
    let name = input.name;
    let mut block = Vec::with_capacity(BLOCK);
    let (mut n_bytes, mut sink) = (0, Some(sink));
    let mut reader = None;
    loop {
        block.clear();
        let read = (&mut input.bytes)
            .take(BLOCK as u64)
            .read_to_end(&mut block);
        n_bytes += block.len() as u64;
        if let Some(sink) = sink.take() {
            reader = Some(Reader::new(Kind::of(&block), sink));
        }
        if let Some(reader) = &mut reader {
            reader.feed(&block);
        }
        match read {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) if n_bytes == 0 => return Err(input::unreadable(&name, error)),
            Err(error) => {
                output::warning(&broken_off(&quoted(&name), n_bytes, &error));
                break;
            }
        }
    }
    let read = reader.map(Reader::finish);
    read.map(|read| (read, name))
        .ok_or_else(input::nothing_piped)
}
