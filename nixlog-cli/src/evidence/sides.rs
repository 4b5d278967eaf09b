//! Runs that are to be compared, as the command line names them.

use std::cmp::Reverse;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use nixlog_core::analysis::past_run::PastRun;
use nixlog_core::report::verbs::compare;
use nixlog_core::statistics::LEVEL;
use nixlog_core::statistics::rank_sum::least_p;

use crate::archive::baselines::Stored;
use crate::archive::history::{History, Which};
use crate::archive::runs::select::{self, Selected, is_last};
use crate::archive::runs::{EXTENSION, Place};
use crate::base::arguments::ColorWhen;
use crate::base::error::CliError;
use crate::base::output;
use crate::evidence::derivations::GraphArgs;
use crate::evidence::history::{open, past_run};
use crate::evidence::{explained, read};
use crate::intake::arguments::InputArgs;
use crate::intake::input::unreadable;

/// Returns the baselines; warns of those that cannot be read.
pub(crate) fn baselines_of(place: &Place) -> Result<Vec<Stored>, CliError> {
    let problem = |path: &Path, error: io::Error| {
        output::warning(&format!(
            "`{}` cannot be read as a baseline: {error}",
            path.display()
        ));
    };
    place.list_baselines(problem).map_err(|error| {
        let folder = place.baselines();
        CliError::new(format!(
            "cannot read the baselines in `{}`",
            folder.display()
        ))
        .because(error)
    })
}

/// Nobody counts further back.
const FAR: usize = 10_000;

/// The word for the default baseline of a project.
const BASELINE: &str = "baseline";

/// One side of a comparison: runs that count as repeats of each other.
pub(crate) struct Side {
    /// As the command line has it.
    pub(crate) word: String,
    /// The newest first.
    pub(crate) runs: Vec<PastRun>,
    /// Where the log of its newest run is, where there is one.
    pub(crate) log: Option<PathBuf>,
}

/// How many runs are asked how far apart repeats lie.
const REPEATS: usize = 30;

impl Side {
    /// Returns it as reports name it.
    pub(crate) fn named(&self) -> compare::Side<'_> {
        compare::Side::new(&self.word, &self.runs)
    }

    /// Returns its newest run.
    pub(crate) fn newest(&self) -> Option<&PastRun> {
        self.runs.first()
    }
}

/// Finds runs by what the command line says.
pub(crate) struct Sides {
    place: Place,
    pub(crate) history: History,
}

impl Sides {
    /// Opens the history.
    pub(crate) fn open() -> Result<Self, CliError> {
        let place = Place::known()?;
        let history = open(&place)?;
        Ok(Self { place, history })
    }

    /// Opens the history; where it cannot be used, says so: files can be compared without it.
    pub(crate) fn open_or_warn() -> Result<Self, CliError> {
        let place = Place::known()?;
        let history = match open(&place) {
            Ok(history) => history,
            Err(error) => {
                let history = History::empty(&place).map_err(|_| error)?;
                output::warning(
                    "the history cannot be used, so only files can be compared: `nixlog history` says why",
                );
                history
            }
        };
        Ok(Self { place, history })
    }

    /// Returns the newest runs that can be compared with a run, and came before it, with their units.
    pub(crate) fn before(&self, run: &PastRun, most: usize) -> Result<Vec<PastRun>, CliError> {
        let which = Which {
            before: run.started_at,
            limit: Some(most),
            ..Which::like(run)
        };
        self.filled(&which)
    }

    /// Returns the latest comparable runs of a project, else of that which was built last, with their units.
    pub(crate) fn latest(
        &self,
        project: Option<&str>,
        most: usize,
    ) -> Result<Vec<PastRun>, CliError> {
        let newest = self.newest(project)?;
        let newest = newest.ok_or_else(|| match project {
            None => none_yet(),
            Some(name) => CliError::new(format!("no run of the project `{name}` is recorded"))
                .hint("to see all projects: nixlog history"),
        })?;
        let runs = self.filled(&Which {
            limit: Some(most),
            ..Which::like(&newest)
        })?;
        if runs.is_empty() {
            let project = newest.project.as_deref().unwrap_or("unknown");
            return Err(CliError::new(format!(
                "no run of the project `{project}` can be compared: none succeeded, or has times of its own"
            ))
            .hint("to see them: nixlog history"));
        }
        Ok(runs)
    }

    /// Returns runs that tell how far apart repeats lie, where two sides are too small for a test: those of the
    /// history, or of the first side where it has more.
    pub(crate) fn repeats(&self, a: &Side, b: &Side) -> Result<Vec<PastRun>, CliError> {
        if least_p(a.runs.len(), b.runs.len()) <= LEVEL {
            return Ok(Vec::new());
        }
        let known = match b.newest().filter(|run| run.project.is_some()) {
            Some(run) => self.before(run, REPEATS)?,
            None => Vec::new(),
        };
        match known.len() >= a.runs.len() {
            true => Ok(known),
            false => Ok(a.runs.clone()),
        }
    }

    fn filled(&self, which: &Which) -> Result<Vec<PastRun>, CliError> {
        let runs = self.history.whole_runs(which);
        runs.map_err(|error| self.history.error(error))
    }

    /// Finds what a word means: `last~0..5`, a run, a file, or several of them with commas in between.
    pub(crate) fn find(&self, word: &str) -> Result<Side, CliError> {
        if let Some(range) = range(word) {
            return self.range(word, range?);
        }
        if let Some(side) = self.baseline(word)? {
            return Ok(side);
        }
        if word.contains(',') && !Path::new(word).exists() {
            let mut all = Side {
                word: word.to_owned(),
                runs: Vec::new(),
                log: None,
            };
            let mut logs = Vec::new();
            for word in word.split(',').filter(|word| !word.is_empty()) {
                let side = self.find(word)?;
                logs.extend(
                    side.newest()
                        .map(|run| run.id.clone())
                        .zip(side.log.clone()),
                );
                all.runs.extend(side.runs);
            }
            all.runs.sort_by_key(|run| Reverse(run.started_at));
            let newest = all.runs.first().map(|run| &run.id);
            let log = logs.into_iter().find(|(id, _)| Some(id) == newest);
            all.log = log.map(|(_, log)| log);
            return Ok(all);
        }
        self.one(word)
    }

    /// Finds the baseline that a word means: its name, or `baseline` for the default one. Of several projects
    /// that of the newest run. A run or a file of the same name comes first.
    fn baseline(&self, word: &str) -> Result<Option<Side>, CliError> {
        let is_default = word == BASELINE;
        if !is_default && (Path::new(word).exists() || select::run(word).is_ok()) {
            return Ok(None);
        }
        let all = baselines_of(&self.place)?;
        let fits = |it: &&Stored| match is_default {
            true => it.header.is_default,
            false => it.header.name == word,
        };
        let mut found: Vec<&Stored> = all.iter().filter(fits).collect();
        if found.len() > 1 {
            let project = self.newest(None)?.and_then(|run| run.project);
            found.retain(|it| it.header.project == project);
        }
        let Some(stored) = found.first() else {
            return match is_default {
                false => Ok(None),
                true => Err(CliError::new("there is no baseline of this project")
                    .hint("to set one: nixlog baseline set main last")),
            };
        };
        let baseline = stored.load().map_err(|error| {
            CliError::new(format!("cannot read the baseline `{}`", stored.header.name))
                .because(error)
        })?;
        let log = baseline.runs.first().and_then(|run| self.log_of(&run.id));
        Ok(Some(Side {
            word: stored.header.name.clone(),
            runs: baseline.runs,
            log,
        }))
    }

    /// Returns the newest run, of a project if one is named; without its units.
    fn newest(&self, project: Option<&str>) -> Result<Option<PastRun>, CliError> {
        let newest = Which {
            project: project.map(str::to_owned),
            limit: Some(1),
            ..Which::default()
        };
        let found = self
            .history
            .runs(&newest)
            .map_err(|error| self.history.error(error))?;
        Ok(found.into_iter().next())
    }

    /// Finds one run.
    fn one(&self, word: &str) -> Result<Side, CliError> {
        let is_file = Path::new(word).exists() && !is_last(word);
        let selected = select::input(Some(Path::new(word)), false);
        let (id, log) = match selected {
            Ok(Selected::Run(chosen)) => (
                chosen.run.id.to_string(),
                Some(chosen.run.path().to_owned()),
            ),
            // A run whose recording was pruned has its row still.
            Ok(Selected::File(_)) | Err(_) if !is_file => match self.pruned(word)? {
                Some(id) => (id, None),
                None => {
                    selected?;
                    return Err(unreadable(word, io::ErrorKind::NotFound.into()));
                }
            },
            _ => {
                let log = read::log(&InputArgs::of_file(word.into()), ColorWhen::Auto)?;
                let log = explained::join(log, &GraphArgs::default())?;
                let id = log
                    .source
                    .recording
                    .header
                    .as_ref()
                    .and_then(|header| header.id.clone());
                let past = log.past_run(id.as_deref().unwrap_or(word));
                return Ok(Side {
                    word: word.to_owned(),
                    runs: vec![past],
                    log: Some(word.into()),
                });
            }
        };
        let run = self
            .history
            .run(&id)
            .map_err(|error| self.history.error(error))?;
        let run = match (run, &log) {
            (Some(run), _) => run,
            // It goes on, or is too damaged for the history.
            (None, Some(path)) => File::open(path)
                .and_then(|file| past_run(&id, file))
                .map_err(|error| unreadable(word, error))?,
            (None, None) => return Err(CliError::new(format!("there is no run `{word}`"))),
        };
        Ok(Side {
            word: word.to_owned(),
            runs: vec![run],
            log,
        })
    }

    /// Finds a run whose recording is gone: by the beginning of its id, or as so many before the last.
    fn pruned(&self, word: &str) -> Result<Option<String>, CliError> {
        if is_last(word) {
            let before: usize = word
                .strip_prefix("last~")
                .map_or(Some(0), |number| number.parse().ok())
                .filter(|&before| before < FAR)
                .unwrap_or(FAR);
            let which = Which {
                limit: Some(before.saturating_add(1)),
                ..Which::default()
            };
            let runs = self.history.runs(&which);
            let runs = runs.map_err(|error| self.history.error(error))?;
            return Ok(runs.into_iter().nth(before).map(|run| run.id));
        }
        if !select::is_id(word) {
            return Ok(None);
        }
        let failed = |error| self.history.error(error);
        let ids = self
            .history
            .ids(&word.to_ascii_lowercase())
            .map_err(failed)?;
        match &ids[..] {
            [] => Ok(None),
            [id] => Ok(Some(id.clone())),
            several => {
                let mut error = CliError::new(format!("`{word}` is the beginning of several ids"));
                for id in several {
                    error = error.hint(id.clone());
                }
                Err(error)
            }
        }
    }

    /// Returns comparable runs of the project that was built last.
    fn range(&self, word: &str, (from, to): (usize, usize)) -> Result<Side, CliError> {
        let newest = self.newest(None)?;
        let Some(newest) = &newest else {
            return Err(none_yet());
        };
        let which = Which {
            limit: Some(to),
            ..Which::like(newest)
        };
        let mut runs = self.filled(&which)?;
        let n_runs = runs.len();
        if n_runs <= from {
            let project = newest.project.as_deref().unwrap_or("unknown");
            return Err(CliError::new(format!(
                "there is no `{word}`: {n_runs} comparable runs of the project `{project}` are recorded"
            ))
            .hint("only runs count that succeeded, of the project that was built last, on this machine")
            .hint("to see them: nixlog history"));
        }
        let runs = runs.split_off(from);
        if runs.len() < to - from {
            output::warning(&format!("`{word}` has only {} runs", runs.len()));
        }
        let log = runs.first().and_then(|run| self.log_of(&run.id));
        Ok(Side {
            word: word.to_owned(),
            runs,
            log,
        })
    }

    /// Returns where the recording of a run is; `None` where it is gone.
    pub(crate) fn log_of(&self, id: &str) -> Option<PathBuf> {
        let name = format!("{id}{EXTENSION}");
        Some(self.place.runs().join(name)).filter(|path| path.is_file())
    }
}

fn none_yet() -> CliError {
    CliError::new("no run is recorded yet").hint("to record one: nixlog run -- nix build …")
}

/// Reads `last~A..B`: from the A-th before the last run to the one before the B-th, so B - A runs.
fn range(word: &str) -> Option<Result<(usize, usize), CliError>> {
    let (from, to) = word.strip_prefix("last~")?.split_once("..")?;
    let wrong = || {
        CliError::new(format!("`{word}` is no range of runs"))
            .hint("`last~0..5`: the last five runs; `last~5..10`: the five before them")
    };
    let read = from.parse().ok().zip(to.parse().ok());
    Some(match read {
        Some((from, to)) if from < to => Ok((from, to)),
        _ => Err(wrong()),
    })
}
