//! `nixlog reconstruct`.

use std::io::{self, Seek as _};
use std::path::PathBuf;

use nixlog_core::analysis::reconstruction::Session;
use nixlog_core::report::view::SessionView;
use nixlog_core::report::{document, view};
use nixlog_core::time::Nanos;

use crate::cli::{ColorArgs, Format};
use crate::error::CliError;
use crate::reconstruct::{Reconstruction, Request, reconstruct};
use crate::{load, output, recorder, selection};

/// Make a recording of a build that nobody recorded, from what the store remembers
///
/// The store has the time of every build: the file of its log was made when the builder started and
/// written when it ended. What was fetched tells by its own files. All verbs can then be used as on any
/// recording; what is not known (evaluation, waiting) is left out and said.
///
/// Asks Nix to evaluate where WHAT is an installable, and never to build.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A `.drv`, a store path or a link to one (`./result`, `/run/current-system`), or an installable
    /// (`nixpkgs#hello`); without it, all that this machine built or fetched in the time of `--since`
    #[arg(value_name = "WHAT", required_unless_present = "since")]
    what: Option<String>,

    /// WHAT is an attribute of this file of Nix expressions
    #[arg(long, short, value_name = "FILE", requires = "what")]
    file: Option<String>,

    /// Only what ended in this time: `2h`, `3d`
    #[arg(long, value_name = "TIME", value_parser = selection::duration)]
    since: Option<Nanos>,

    /// Where nothing ran for longer than this, one build ended and another began [default: 5m; with
    /// --since alone, all is one]
    #[arg(long, value_name = "TIME", value_parser = selection::duration)]
    gap: Option<Nanos>,

    /// Keep a recording of each session, not only of the latest
    #[arg(long, conflicts_with = "output")]
    all: bool,

    /// Another root, such as /mnt: the store in ROOT/nix/store
    #[arg(long, value_name = "ROOT")]
    store: Option<PathBuf>,

    /// Write the recording of the latest session to FILE, not among the runs
    #[arg(long, short, value_name = "FILE", help_heading = "Output")]
    output: Option<PathBuf>,

    /// How many sessions to list; 0 for all
    #[arg(long, value_name = "N", default_value = "10", value_parser = selection::top, help_heading = "Output")]
    top: usize,

    /// How to print the summary
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "text",
        help_heading = "Output"
    )]
    format: Format,

    /// Short for `--format json`
    #[arg(long, help_heading = "Output", conflicts_with = "format")]
    json: bool,

    #[command(flatten)]
    color: ColorArgs,
}

pub(crate) fn run(args: &Args) -> Result<(), CliError> {
    let found = reconstruct(&Request {
        what: args.what.as_deref(),
        file: args.file.as_deref(),
        root: args.store.as_deref(),
        since: args.since,
        gap: args.gap,
    })?;
    let n_kept = if args.all { found.sessions.len() } else { 1 };
    let mut sessions: Vec<SessionView> = found
        .sessions
        .iter()
        .skip(n_kept)
        .map(|session| view::session(session, None, None))
        .collect();
    let mut latest = Vec::new();
    // The earliest first, so that the latest becomes the last run.
    for session in found.sessions[..n_kept].iter().rev() {
        latest.clear();
        sessions.insert(0, keep(args, &found, session, &mut latest)?);
    }
    let name = match &args.output {
        Some(path) => path.display().to_string(),
        None => "last".to_owned(),
    };
    let mut log = load::recording(&name, &latest)?;
    log.timeline
        .tell_fixed_outputs(|path| found.is_fixed_output(path));
    log.source.issues.extend(found.issues().iter().cloned());
    let report = log.report("nixlog.reconstruct/1", view::reconstruct(sessions));
    let document = document::reconstruct(&report, args.top);
    let format = if args.json { Format::Json } else { args.format };
    output::print(args.color.when, |style, out| {
        output::render(format, style, &report, &document, out)
    })
}

/// Keeps the recording of a session where it was asked for. `text` becomes what is in it.
fn keep(
    args: &Args,
    found: &Reconstruction,
    session: &Session,
    text: &mut Vec<u8>,
) -> Result<SessionView, CliError> {
    let Some(path) = &args.output else {
        let kept = recorder::keep(|id| {
            *text = found.recording(session, Some(id))?;
            Ok(&*text)
        });
        let kept = kept.map_err(|error| {
            CliError::new("cannot keep the recording among the runs")
                .because(error)
                .hint("`-o FILE` writes it to a file, `NIXLOG_DIR` names another folder")
        })?;
        let path = kept.path.display().to_string();
        return Ok(view::session(session, Some(kept.id), Some(path)));
    };
    output::write_file(path, |out| {
        *text = found.recording(session, None)?;
        // A recording ends with its own length, so it is put together apart.
        let mut packed = tempfile::tempfile()?;
        recorder::pack(packed.try_clone()?, text)?;
        packed.rewind()?;
        io::copy(&mut packed, out)?;
        Ok(())
    })?;
    Ok(view::session(
        session,
        None,
        Some(path.display().to_string()),
    ))
}
