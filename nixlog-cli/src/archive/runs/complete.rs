//! What a shell completes: words that mean runs.
//!
//! Where something cannot be read, there is nothing to complete, and nothing is said.

use std::ffi::OsStr;

use clap_complete::engine::{CompletionCandidate, PathCompleter, ValueCompleter as _};

use nixlog_core::report::format::harmless;

use super::list::Run;
use super::select::{LAST, Store};

/// So many ids are offered before the first digit of one; names are all offered.
const MOST_IDS: usize = 10;

/// Completes a word that means a log: a run, or a file.
pub(crate) fn inputs(word: &OsStr) -> Vec<CompletionCandidate> {
    let mut all = runs(word);
    all.extend(PathCompleter::any().complete(word));
    all
}

/// Completes a word that means a run.
pub(crate) fn runs(word: &OsStr) -> Vec<CompletionCandidate> {
    let (Some(word), Ok(store)) = (word.to_str(), Store::open()) else {
        return Vec::new();
    };
    candidates(word, &store)
}

fn candidates(word: &str, store: &Store) -> Vec<CompletionCandidate> {
    let last = store.runs.first().map(|run| (LAST.to_owned(), run));
    let named = store.names.all().filter_map(|name| {
        let id = store.names.get(name)?;
        let run = store.runs.iter().find(|run| run.id == id)?;
        Some((name.to_owned(), run))
    });
    let most = if word.is_empty() {
        MOST_IDS
    } else {
        usize::MAX
    };
    let ids = store.runs.iter().map(|run| (run.short_id(), run));
    let all = last.into_iter().chain(named).chain(ids.take(most));
    all.filter(|(value, _)| value.starts_with(word))
        .map(|(value, run)| CompletionCandidate::new(value).help(command(run).map(Into::into)))
        .collect()
}

/// Returns the command that was run, from the first line of the recording.
fn command(run: &Run) -> Option<String> {
    let command = run.summary().ok()?.header?.command.join(" ");
    (!command.is_empty()).then(|| harmless(&command).to_string())
}
