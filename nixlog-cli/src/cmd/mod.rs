//! One file per verb.

pub(crate) mod bottlenecks;
pub(crate) mod cache_candidates;
pub(crate) mod cat;
pub(crate) mod completions;
pub(crate) mod critical_path;
pub(crate) mod doctor;
pub(crate) mod graph;
pub(crate) mod import;
pub(crate) mod man;
pub(crate) mod parallelism;
pub(crate) mod phases;
pub(crate) mod reconstruct;
pub(crate) mod record;
pub(crate) mod run;
pub(crate) mod runs;
pub(crate) mod slowest;
pub(crate) mod timeline;
pub(crate) mod what_if;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::base::error::CliError;

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
    Run(run::Args),
    Record(record::Args),
    Reconstruct(reconstruct::Args),
    Phases(phases::Args),
    Slowest(slowest::Args),
    #[command(name = "critical-path")]
    CriticalPath(critical_path::Args),
    Bottlenecks(bottlenecks::Args),
    Parallelism(parallelism::Args),
    WhatIf(what_if::Args),
    CacheCandidates(cache_candidates::Args),
    Timeline(timeline::Args),
    Graph(graph::Args),
    Doctor(doctor::Args),
    Runs(runs::Args),
    Cat(cat::Args),
    Import(import::Args),
    Completions(completions::Args),
    #[command(hide = true)]
    Man(man::Args),
}

/// Runs the verb that the command line names.
pub(crate) fn run(cli: Cli) -> Result<ExitCode, CliError> {
    let done = match cli.command {
        Command::Run(args) => return run::run(&args),
        Command::Record(args) => record::run(&args),
        Command::Reconstruct(args) => reconstruct::run(&args),
        Command::Phases(args) => phases::run(&args),
        Command::Slowest(args) => slowest::run(&args),
        Command::CriticalPath(args) => critical_path::run(&args),
        Command::Bottlenecks(args) => bottlenecks::run(&args),
        Command::Parallelism(args) => parallelism::run(&args),
        Command::WhatIf(args) => what_if::run(&args),
        Command::CacheCandidates(args) => cache_candidates::run(&args),
        Command::Timeline(args) => timeline::run(&args),
        Command::Graph(args) => graph::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Runs(args) => runs::run(&args),
        Command::Cat(args) => cat::run(&args),
        Command::Import(args) => import::run(&args),
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => man::run(&args),
    };
    done.map(|()| ExitCode::SUCCESS)
}
