//! `nixlog`: the profiler for Nix builds.
#![forbid(unsafe_code)]

mod archive;
mod base;
mod cmd;
mod display;
mod evidence;
mod intake;
mod nix;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};
use clap_complete::CompleteEnv;

fn main() -> ExitCode {
    // A shell asks what a line may go on with; then the process ends here.
    CompleteEnv::with_factory(cmd::Cli::command)
        .var(cmd::completions::VARIABLE)
        .complete();
    let cli = cmd::Cli::parse();
    match cmd::run(cli) {
        Ok(status) => status,
        Err(error) => error.report(),
    }
}
