//! `nixlog runs rename`.

use clap_complete::ArgValueCompleter;

use crate::archive::runs::select::{self, Chosen};
use crate::archive::runs::{Place, complete, set_name};
use crate::base::error::CliError;
use crate::base::output;

/// Give a run a name, or remove it
///
/// nixlog runs rename last before-upgrade
///
/// Runs with a name are never pruned.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// `last`, `last~2` …, its name, or its id (four digits do)
    #[arg(value_name = "RUN", add = ArgValueCompleter::new(complete::runs))]
    run: String,

    /// The new name
    #[arg(value_name = "NAME", required_unless_present = "remove")]
    name: Option<String>,

    /// Remove the run's name
    #[arg(long, conflicts_with_all = ["name", "force"])]
    remove: bool,

    /// Take the name from the run that has it
    #[arg(long, short)]
    force: bool,
}

pub(super) fn run(args: &Args) -> Result<(), CliError> {
    let chosen = select::run(&args.run)?;
    let place = Place::known()?;
    match args.name.as_deref().filter(|name| !name.is_empty()) {
        Some(name) => give(&place, &chosen, name, args.force),
        None => take(&place, &chosen),
    }
}

fn take(place: &Place, chosen: &Chosen) -> Result<(), CliError> {
    let run = &chosen.run;
    let removed = place.remove_names(run).map_err(|error| {
        CliError::new(format!("cannot remove the name of run {}", run.short_id())).because(error)
    })?;
    output::note(&match removed.as_slice() {
        [] => format!("run {} has no name", run.short_id()),
        names => format!(
            "run {} is no longer called {}",
            run.short_id(),
            names.join(", ")
        ),
    });
    Ok(())
}

/// Gives a run a name, and says so.
fn give(place: &Place, chosen: &Chosen, name: &str, force: bool) -> Result<(), CliError> {
    set_name(place, &chosen.run, name, force)?;
    output::note(&format!(
        "run {} is now called {name}",
        chosen.run.short_id()
    ));
    Ok(())
}
