//! `nixlog record`.

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;

use nixlog_core::report::closing::Ending;

use crate::base::arguments::ColorArgs;
use crate::base::error::CliError;
use crate::base::output;
use crate::display::closing;
use crate::evidence::{forecast, history};
use crate::intake::arguments::{InputArgs, SaveArgs, WrappingArgs};
use crate::intake::{listen, load};

/// Record builds from a pipe or a socket
///
/// nix build … --log-format internal-json -v |& nixlog record
///
/// The build's output is passed on to standard error, as plain Nix would show it. With `--socket`, each
/// Nix (2.30 or later) with the setting `json-log-path = PATH` gets a recording of its own, until
/// Ctrl-C.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Listen on a socket at PATH
    #[arg(long, value_name = "PATH", conflicts_with = "tee")]
    socket: Option<PathBuf>,

    /// Listen on a socket at a path that nixlog chooses and prints
    #[arg(long, conflicts_with_all = ["socket", "tee"])]
    listen: bool,

    /// The format that wraps the lines, if nixlog does not detect it
    #[arg(long, value_name = "NAME", conflicts_with_all = ["socket", "listen"])]
    carrier: Option<String>,

    /// Do not pass the log on, and show only errors
    #[arg(long, short)]
    quiet: bool,

    /// On a terminal, show the build logs too
    #[arg(long, short = 'L', conflicts_with = "quiet")]
    print_build_logs: bool,

    /// Pass the raw log on to standard output
    ///
    /// For another tool: nix build … |& nixlog record --tee | nom --json
    #[arg(long)]
    tee: bool,

    /// Record all progress results, not only a few per second
    #[arg(long)]
    no_thin: bool,

    #[command(flatten)]
    color: ColorArgs,
}

pub(crate) fn run(args: &Args) -> Result<(), CliError> {
    let save = SaveArgs::on(args.no_thin);
    if args.listen || args.socket.is_some() {
        return listen::listen(args.socket.as_deref(), save, args.quiet, history::remember);
    }
    if io::stdin().is_terminal() {
        return Err(
            CliError::new("nothing to record: standard input is a terminal")
                .hint("pipe a build in: nix build … --log-format internal-json -v |& nixlog record")
                .hint("or let nixlog run it: nixlog run -- nix build …"),
        );
    }
    let input = InputArgs {
        input: Some(PathBuf::from("-")),
        wrapping: WrappingArgs {
            carrier: args.carrier.clone(),
            timing: None,
        },
        quiet: args.quiet,
        print_build_logs: args.print_build_logs,
        tee: args.tee,
        save,
    };
    let loaded = load::load(&input, args.color.when, |_, display| {
        if let Some(display) = display {
            forecast::ahead(display, None);
        }
    })?;
    let Some(saved) = loaded.saved else {
        if !loaded.is_news {
            return Err(CliError::new(
                "nothing was recorded: the input is a file, compressed, or already a recording",
            )
            .hint("to add an existing log to the runs: nixlog import FILE"));
        }
        // Why there is none was said, unless there was nothing to record.
        if !loaded.log.timeline.is_nix() {
            output::warning("nothing was recorded: the input is not a Nix log");
        }
        return Ok(());
    };
    if !args.quiet {
        let ending = Ending::new(loaded.duration_ns, None, None);
        closing::say(
            &loaded.log.source,
            &loaded.log.timeline,
            ending,
            Some(&saved),
        );
    }
    history::remember(&saved);
    Ok(())
}
