//! The command line, as clap sees it. No logic.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::{ArgValueCandidates, ArgValueCompleter, CompletionCandidate};
use nixlog_core::recording::Thinning;
use nixlog_core::wire::Carrier;

use crate::cmd;
use crate::runs::complete;

/// Show where the time of a Nix build goes
///
/// Reads the log of a build, live from a pipe or from a file, and reports what took how long and why.
#[derive(Debug, Parser)]
#[command(
    name = "nixlog",
    version,
    max_term_width = 100,
    arg_required_else_help = true,
    after_help = "Run a build, and look at it afterwards:\n\n    \
                  nixlog run -- nix build .#foo\n    \
                  nixlog critical-path\n\n\
                  Or in a pipe:\n\n    \
                  nix build .#foo --log-format internal-json -v |& nixlog phases\n\n\
                  Exit status: 0 fine; 2 wrong use, or an input that is no log; `run` has its command's own."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Run(cmd::run::Args),
    Record(cmd::record::Args),
    Reconstruct(cmd::reconstruct::Args),
    Phases(cmd::phases::Args),
    Slowest(cmd::slowest::Args),
    #[command(name = "critical-path")]
    CriticalPath(cmd::critical_path::Args),
    Bottlenecks(cmd::bottlenecks::Args),
    Parallelism(cmd::parallelism::Args),
    WhatIf(cmd::what_if::Args),
    CacheCandidates(cmd::cache_candidates::Args),
    Timeline(cmd::timeline::Args),
    Graph(cmd::graph::Args),
    Doctor(cmd::doctor::Args),
    Runs(cmd::runs::Args),
    Cat(cmd::cat::Args),
    Import(cmd::import::Args),
    Completions(cmd::completions::Args),
    #[command(hide = true)]
    Man(cmd::man::Args),
}

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
#[derive(Debug, Args)]
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

impl InputArgs {
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

/// How a result is printed. `F` is the formats that a verb has: those that all have, and its own.
#[derive(Debug, Args)]
pub(crate) struct OutputArgs<F: Formats = Format> {
    /// Output format
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "text",
        help_heading = "Output"
    )]
    pub(crate) format: F,

    /// Short for `--format json`
    #[arg(long, help_heading = "Output", conflicts_with = "format")]
    pub(crate) json: bool,

    /// Write to FILE, atomically
    #[arg(long, short, value_name = "FILE", help_heading = "Output")]
    pub(crate) output: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) color: ColorArgs,
}

impl<F: Formats> OutputArgs<F> {
    /// Tells whether the result is for programs.
    pub(crate) fn is_json(&self) -> bool {
        self.json || self.format == F::JSON
    }
}

/// Whether output is coloured.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct ColorArgs {
    /// When to use colour
    #[arg(
        long = "color",
        value_name = "WHEN",
        default_value = "auto",
        help_heading = "Output"
    )]
    pub(crate) when: ColorWhen,
}

/// The formats of one verb. Each verb names its own, so that its help lists them and no others.
pub(crate) trait Formats: ValueEnum + Copy + PartialEq + Send + Sync + 'static {
    /// What `--json` is short for.
    const JSON: Self;
}

impl Formats for Format {
    const JSON: Self = Self::Json;
}

/// The formats that every verb has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Tables for people
    Text,
    /// One JSON object, stable and versioned
    Json,
    /// Markdown
    #[value(alias = "markdown")]
    Md,
    /// The main table, in nanoseconds and bytes
    Csv,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorWhen {
    /// On a terminal, unless `NO_COLOR` is set
    Auto,
    Always,
    Never,
}
