//! `nixlog runs export`.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use nixlog_core::report::format::bytes;

use super::RunArg;
use crate::archive::runs::{EXTENSION, select};
use crate::base::error::CliError;
use crate::base::output;
use crate::intake::input;

/// Copy the recording of a run to a file
///
/// Every verb reads such a file. `nixlog import FILE` adds it to the runs of another machine.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    run: RunArg,

    /// The file, or `-` for standard output; default: the run's name or id, in this folder
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> Result<(), CliError> {
    let chosen = select::run(&args.run.run)?;
    let (mut file, _) = chosen
        .run
        .open()
        .map_err(|error| input::unreadable(&args.run.run, error))?;
    if args.output.as_deref() == Some(Path::new("-")) {
        let mut out = io::stdout().lock();
        let copied = io::copy(&mut file, &mut out).and_then(|_| out.flush());
        return copied.map_err(|error| CliError::output("standard output", error));
    }
    let path = match &args.output {
        Some(path) => path.clone(),
        None => {
            let name = chosen.name.unwrap_or_else(|| chosen.run.short_id());
            let path = PathBuf::from(format!("{name}{EXTENSION}"));
            if path.exists() {
                let there = CliError::new(format!("`{}` exists already", path.display()));
                return Err(there.hint("`-o FILE` names another file, or replaces it"));
            }
            path
        }
    };
    let mut n_bytes = 0;
    output::write_file(&path, |out| {
        n_bytes = io::copy(&mut file, out)?;
        Ok(())
    })?;
    output::note(&format!("{} ({})", path.display(), bytes(n_bytes)));
    Ok(())
}
