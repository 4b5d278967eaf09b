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

use crate::cli::{Cli, Command};
use crate::error::CliError;

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
