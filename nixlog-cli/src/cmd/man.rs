//! `nixlog man`.

use std::path::{Path, PathBuf};
use std::{fs, io};

use clap::{Command, CommandFactory as _, ValueHint};
use clap_mangen::Man;

use crate::base::error::CliError;
use crate::cmd::Cli;

/// Write the man pages of nixlog and of each verb, for packages
///
/// nixlog man ~/.local/share/man/man1
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The folder; it is made if it is not there
    #[arg(value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    folder: PathBuf,
}

pub(crate) fn run(args: &Args) -> Result<(), CliError> {
    let mut nixlog = Cli::command().disable_help_subcommand(true);
    nixlog.build();
    fs::create_dir_all(&args.folder)
        .and_then(|()| write(&nixlog, &args.folder))
        .map_err(|error| {
            let folder = args.folder.display();
            CliError::new(format!("cannot write the man pages into `{folder}`"))
                .because(error)
                .hint("name a folder that you may write to: `nixlog man ~/.local/share/man/man1`")
        })
}

/// Writes the page of a command, and those of the ones below it.
fn write(command: &Command, folder: &Path) -> io::Result<()> {
    let shown = command.get_subcommands().filter(|verb| !verb.is_hide_set());
    for verb in shown {
        write(verb, folder)?;
    }
    let version = concat!("nixlog ", env!("CARGO_PKG_VERSION"));
    Man::new(command.clone())
        .source(version)
        .generate_to(folder)?;
    Ok(())
}
