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

use clap::{CommandFactory as _, Parser as _};
use clap_complete::CompleteEnv;

fn main() -> ExitCode {
    // A shell asks what a line may go on with; then the process ends here.
    CompleteEnv::with_factory(cli::Cli::command)
        .var(cmd::completions::VARIABLE)
        .complete();
    let cli = cli::Cli::parse();
    match cmd::run(cli) {
        Ok(status) => status,
        Err(error) => error.report(),
    }
}
