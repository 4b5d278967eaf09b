//! `nixlog`: the profiler for Nix builds.
#![forbid(unsafe_code)]

mod capture;
mod cli;
mod cmd;
mod derivations;
mod error;
mod explained;
mod globs;
mod input;
mod listen;
mod live;
mod load;
mod nix;
mod output;
mod reconstruct;
mod recorder;
mod run;
mod runs;
mod selection;
mod term;
mod unicode;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match cmd::run(cli) {
        Ok(status) => status,
        Err(error) => error.report(),
    }
}
