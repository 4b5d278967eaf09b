//! What the command line says about a log: where it comes from, what wraps it, and whether it is recorded.

use std::path::PathBuf;

use clap::Args;
use clap_complete::{ArgValueCandidates, ArgValueCompleter, CompletionCandidate};
use nixlog_core::recording::Thinning;
use nixlog_core::wire::Carrier;

use crate::archive::runs::complete;
use crate::base::output::Stream;

/// What the lines of a log are wrapped in.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct WrappingArgs {
    /// The format that wraps the lines, if nixlog does not detect it
    ///
    /// `none`, `nanos`, `ts`, `github-actions`, `gitlab`, `journald-json`, `docker-logs` … An unknown
    /// name lists them all.
    #[arg(long, value_name = "NAME", help_heading = "Input", add = ArgValueCandidates::new(carriers))]
    pub(crate) carrier: Option<String>,

    /// The timing file of a typescript, from `script --timing`
    #[arg(
        long,
        value_name = "FILE",
        help_heading = "Input",
        conflicts_with = "carrier"
    )]
    pub(crate) timing: Option<PathBuf>,
}

/// Completes the name of a carrier.
fn carriers() -> Vec<CompletionCandidate> {
    let all = Carrier::all().iter();
    all.map(|carrier| CompletionCandidate::new(carrier.name()))
        .collect()
}

/// Where the log comes from.
#[derive(Debug, Clone, Args)]
pub(crate) struct InputArgs {
    /// The log: a file, `-` for standard input, or a recorded run (`last`, `last~2`, its name or id);
    /// or what was built: a store path, a link to one, a `.drv` or an installable (`nixpkgs#hello`)
    ///
    /// Default: standard input if it is a pipe, else the last run. Files may be compressed with gzip,
    /// zstd, xz or bzip2. For what was built, the build is reconstructed from the local store: see
    /// `nixlog reconstruct`.
    #[arg(value_name = "INPUT", add = ArgValueCompleter::new(complete::inputs))]
    pub(crate) input: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) wrapping: WrappingArgs,

    /// With a pipe: do not pass the log on
    #[arg(long, short, help_heading = "Input")]
    pub(crate) quiet: bool,

    /// With a pipe: show the build logs on a terminal too
    #[arg(long, short = 'L', help_heading = "Input", conflicts_with = "quiet")]
    pub(crate) print_build_logs: bool,

    /// With a pipe: pass the raw log on to standard output, and print the report to standard error
    ///
    /// For another tool: nix build … |& nixlog phases --tee | nom --json
    #[arg(long, help_heading = "Input", conflicts_with = "output")]
    pub(crate) tee: bool,

    #[command(flatten)]
    pub(crate) save: SaveArgs,
}

impl From<&InputArgs> for Stream {
    fn from(input: &InputArgs) -> Self {
        match input.tee {
            // Standard output has the log itself.
            true => Self::Error,
            false => Self::Output,
        }
    }
}

impl InputArgs {
    /// Names another input, which is read alike.
    pub(crate) fn with(&self, input: PathBuf) -> Self {
        Self {
            input: Some(input),
            wrapping: self.wrapping.clone(),
            ..*self
        }
    }

    /// Names an input that is a file.
    pub(crate) const fn of_file(path: PathBuf) -> Self {
        Self {
            input: Some(path),
            wrapping: WrappingArgs {
                carrier: None,
                timing: None,
            },
            quiet: true,
            print_build_logs: false,
            tee: false,
            save: SaveArgs {
                off: true,
                on: false,
                no_thin: false,
            },
        }
    }
}

/// Whether and how what comes in live is recorded.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct SaveArgs {
    /// Do not record live input; `NIXLOG_NO_SAVE=1` in the environment does the same
    #[arg(long = "no-save", help_heading = "Recording")]
    off: bool,

    /// Recording is what was asked for.
    #[arg(skip)]
    on: bool,

    /// Record all progress results, not only a few per second: up to ten times the size, and no report
    /// needs them
    #[arg(long, help_heading = "Recording")]
    pub(crate) no_thin: bool,
}

impl SaveArgs {
    /// Tells whether progress is thinned.
    pub(crate) const fn thinning(self) -> Thinning {
        match self.no_thin {
            true => Thinning::Off,
            false => Thinning::On,
        }
    }

    /// For a verb that does nothing but record.
    pub(crate) const fn on(no_thin: bool) -> Self {
        Self {
            off: false,
            on: true,
            no_thin,
        }
    }

    /// Tells whether nothing is to be recorded.
    ///
    /// The variable is not clap's: it would stand in every line of usage as if it had been typed.
    pub(crate) fn is_off(self) -> bool {
        let is_set = |value: std::ffi::OsString| {
            let no = ["", "0", "false", "no", "off"];
            !no.iter().any(|no| value.eq_ignore_ascii_case(no))
        };
        let is_unwanted = || std::env::var_os("NIXLOG_NO_SAVE").is_some_and(is_set);
        self.off || (!self.on && is_unwanted())
    }
}
