//! `nixlog runs rm`.

use clap_complete::ArgValueCompleter;

use crate::archive::runs::select::{self, Chosen};
use crate::archive::runs::{Place, complete, remove};
use crate::base::error::CliError;
use crate::base::output;

/// Remove runs for good, with their names
///
/// nixlog runs rm last~1 before-upgrade
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// `last`, `last~2` …, a name, or an id (four digits do)
    #[arg(value_name = "RUN", required = true, add = ArgValueCompleter::new(complete::runs))]
    runs: Vec<String>,
}

pub(super) fn run(args: &Args) -> Result<(), CliError> {
    // All are found before one goes: `last~1` means what it meant when it was typed.
    let mut chosen: Vec<Chosen> = Vec::new();
    for word in &args.runs {
        let found = select::run(word)?;
        if found.run.is_running() {
            return Err(CliError::new(format!("the run `{word}` still goes on"))
                .hint("nothing was removed: end it first"));
        }
        if chosen.iter().all(|before| before.run.id != found.run.id) {
            chosen.push(found);
        }
    }
    let place = Place::known()?;
    for Chosen { run, name, .. } in &chosen {
        remove(&place, run).map_err(|error| {
            let path = run.path().display();
            CliError::new(format!("cannot remove `{path}`")).because(error)
        })?;
        let called = name.as_ref().map(|name| format!(" ({name})"));
        let called = called.unwrap_or_default();
        output::note(&format!("run {}{called} is removed", run.short_id()));
    }
    Ok(())
}
