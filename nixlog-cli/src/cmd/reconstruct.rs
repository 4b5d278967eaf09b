//! `nixlog reconstruct`.

use std::io::{self, Seek as _};
use std::path::PathBuf;

use clap::ValueHint;
use nixlog_core::analysis::reconstruction::Session;
use nixlog_core::report::verbs::reconstruct::{self, SessionView};
use nixlog_core::time::Nanos;

use crate::archive::recorder;
use crate::base::arguments::{ColorArgs, Format};
use crate::base::error::CliError;
use crate::base::{output, selection};
use crate::evidence::read;
use crate::evidence::reconstruct::{Reconstruction, Request, reconstruct};

/// Reconstruct a build that was not recorded, from the local store
///
/// The files of the build logs and of the fetched paths tell when each build and download began and
/// ended. All verbs then work as on any recording. Evaluation and waiting are not known, and the
/// reports say so.
///
/// If WHAT is an installable, Nix evaluates it, but builds nothing.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What was built: a `.drv`, a store path, a link to one (`./result`, `/run/current-system`) or an
    /// installable (`nixpkgs#hello`); without it, everything built or fetched since `--since`
    #[arg(value_name = "WHAT", value_hint = ValueHint::AnyPath, required_unless_present = "since")]
    what: Option<String>,

    /// WHAT is an attribute of this Nix file
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "what")]
    file: Option<String>,

    /// Only what ended this recently: `2h`, `3d`
    #[arg(long, value_name = "TIME", value_parser = selection::duration)]
    since: Option<Nanos>,

    /// How long nothing must run for a new session to begin [default: 5m; with --since alone, all is
    /// one session]
    #[arg(long, value_name = "TIME", value_parser = selection::duration)]
    gap: Option<Nanos>,

    /// Keep a recording of every session, not only of the one that built WHAT
    #[arg(long, conflicts_with = "output")]
    all: bool,

    /// Use the store below another root: ROOT/nix/store
    #[arg(long, value_name = "ROOT")]
    store: Option<PathBuf>,

    /// Write the recording to FILE instead of adding it to the runs
    #[arg(long, short, value_name = "FILE", help_heading = "Output")]
    output: Option<PathBuf>,

    /// How many sessions to list; 0 for all
    #[arg(long, value_name = "N", default_value = "10", value_parser = selection::top, help_heading = "Output")]
    top: usize,

    /// Output format of the summary
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
    let all = found.sessions.iter();
    let mut sessions: Vec<SessionView> = all
        .map(|session| reconstruct::session(session, None, None))
        .collect();
    let mut latest = Vec::new();
    // The earliest first, and what was asked for last, so that it becomes the last run.
    let others = (0..found.sessions.len()).rev();
    let others = others.filter(|&place| args.all && place != found.chosen);
    for place in others.chain([found.chosen]) {
        latest.clear();
        sessions[place] = keep(args, &found, &found.sessions[place], &mut latest)?;
    }
    sessions[found.chosen].asked_for = args.what.is_some();
    let name = match &args.output {
        Some(path) => path.display().to_string(),
        None => "last".to_owned(),
    };
    let mut log = read::recording(&name, &latest);
    log.timeline
        .tell_fixed_outputs(|path| found.is_fixed_output(path));
    log.source.issues.extend(found.issues().iter().cloned());
    let report = log.report(reconstruct::result(sessions));
    let format = if args.json { Format::Json } else { args.format };
    output::print(args.color.when, |style, out| {
        output::render(format, style, &report, &args.top, out)
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
            CliError::new("cannot add the recording to the runs")
                .because(error)
                .hint("`-o FILE` writes it to a file; `NIXLOG_DIR` sets another folder")
        })?;
        let path = kept.path.display().to_string();
        return Ok(reconstruct::session(session, Some(kept.id), Some(path)));
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
    Ok(reconstruct::session(
        session,
        None,
        Some(path.display().to_string()),
    ))
}
