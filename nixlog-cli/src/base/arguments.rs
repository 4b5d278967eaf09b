//! What the command line says about a result: in which format, where to, and in colour or not.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// How a result is printed. `F` is the formats that a verb has: those that all have, and its own.
#[derive(Debug, Clone, Args)]
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
