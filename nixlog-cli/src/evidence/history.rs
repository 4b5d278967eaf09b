//! The history as an index over recordings: puts runs into it, and finds those that the command line names.

use std::fs::File;
use std::io;
use std::path::PathBuf;

use nixlog_core::analysis::past_run::PastRun;

use crate::archive::history::{History, Trouble, not_written};
use crate::archive::runs::{Place, Recorded, Run};
use crate::base::error::CliError;
use crate::base::output;
use crate::base::unpack::unpack;

/// Puts a run into the history that was just recorded. What fails costs one warning.
pub(crate) fn remember(recorded: &Recorded) {
    let written = || {
        let failed = |error: io::Error| Trouble::Failed(error.to_string());
        let place = Place::find().map_err(failed)?;
        let file = match &recorded.file {
            Some(file) => file.try_clone(),
            None => File::open(&recorded.path),
        };
        let past = past_run(&recorded.id, file.map_err(failed)?).map_err(failed)?;
        History::open(&place)?.add(&past)
    };
    if let Err(trouble) = written() {
        not_written(&trouble);
    }
}

/// Reads a recording, and keeps of it what the history keeps.
pub(crate) fn past_run(id: &str, mut file: File) -> io::Result<PastRun> {
    // Who wrote it left off at its end.
    io::Seek::rewind(&mut file)?;
    let log = nixlog_core::log::read_from(unpack(file)?.bytes)?;
    if log.source.recording.header.is_none() {
        let why = "it does not begin like a recording";
        return Err(io::Error::new(io::ErrorKind::InvalidData, why));
    }
    Ok(log.explain().past_run(id))
}

/// Opens the history, and adds the recordings that are not in it: an older nixlog made them, or nobody could
/// write when they were made.
pub(crate) fn open(place: &Place) -> Result<History, CliError> {
    let mut history = History::known(place)?;
    if let Err(trouble) = catch_up(&mut history, place) {
        output::warning(&format!(
            "some recorded runs are missing in the history: {}",
            trouble.words()
        ));
    }
    Ok(history)
}

/// Adds the recordings that a history lacks; returns how many.
fn catch_up(history: &mut History, place: &Place) -> Result<usize, Trouble> {
    let mut n_added = 0;
    let runs = place.list().unwrap_or_default();
    for run in runs.iter().rev() {
        let id = run.id.to_string();
        if history.knows(&id)? || !run.has_ended() {
            continue;
        }
        let added = match past_run_of(run) {
            Ok(past) => history.add(&past).map(usize::from),
            // It may be gone by now.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => history.leave_out(&id, &error.to_string()).map(|()| 0),
        };
        n_added += added?;
    }
    Ok(n_added)
}

fn past_run_of(run: &Run) -> io::Result<PastRun> {
    let (file, _) = run.open()?;
    past_run(&run.id.to_string(), file)
}

/// What came of making the history anew.
pub(crate) struct Rebuilt {
    /// Where the old file is now.
    pub(crate) aside: Option<PathBuf>,
    /// How many runs were read from their recordings.
    pub(crate) read: usize,
    /// How many runs without a recording were taken over.
    pub(crate) kept: usize,
}

/// Makes the history anew: from the recordings and, for runs that have none, from its own rows as far as they
/// can be read.
pub(crate) fn rebuild(place: &Place) -> Result<Rebuilt, CliError> {
    let mut kept = Vec::new();
    let damaged = match History::open(place) {
        Ok(old) => {
            let recorded: Vec<String> = place
                .list()
                .unwrap_or_default()
                .iter()
                .map(|run| run.id.to_string())
                .collect();
            let (rows, is_whole) = old.salvage();
            kept.extend(rows.into_iter().filter(|run| !recorded.contains(&run.id)));
            !is_whole
        }
        Err(Trouble::Damaged(_)) => true,
        Err(trouble) => return Err(trouble.error(&History::path_in(place))),
    };
    let failed =
        |error: io::Error| Trouble::Failed(error.to_string()).error(&History::path_in(place));
    let aside = History::set_aside(place).map_err(failed)?;
    let mut history = History::known(place)?;
    history
        .add_all(&kept)
        .map_err(|error| history.error(error))?;
    let read = catch_up(&mut history, place).map_err(|error| history.error(error))?;
    // What could be read of it is in the new one, so it is no use any more.
    let aside = aside.filter(|aside| damaged || !History::remove_file(aside));
    Ok(Rebuilt {
        aside,
        read,
        kept: kept.len(),
    })
}
