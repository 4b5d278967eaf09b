//! One file per verb, and the list of them.

mod ab;
mod advise;
mod baseline;
mod bottlenecks;
mod builds;
mod cache;
mod cache_candidates;
mod cat;
mod check;
mod compare;
pub(crate) mod completions;
mod critical_path;
mod doctor;
mod eta;
mod eval;
mod failures;
mod flamegraph;
mod gate;
mod graph;
mod history;
mod impact;
mod import;
mod inside;
mod lint;
mod log;
mod machines;
mod man;
mod parallelism;
mod phases;
mod profile;
mod rebuilds;
mod reconstruct;
mod record;
mod run;
mod runs;
mod schema;
mod silence;
mod slowest;
mod timeline;
mod trends;
mod what_if;

use std::process::{ExitCode, Termination as _};

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
                  Exit status: 0 fine; 1 the answer of `check`, `gate` or `lint --strict` is no; 2 wrong use, or an input that is no log; `run` has its command's own."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// Makes the command line and its answer of a list: each module has its `Args`, and `run`.
macro_rules! verbs {
    ($($(#[$attribute:meta])* $module:ident: $Name:ident,)*) => {
        #[derive(Debug, Subcommand)]
        enum Command {
            $($(#[$attribute])* $Name($module::Args),)*
        }

        /// Runs the verb that the command line names.
        pub(crate) fn run(cli: Cli) -> Result<ExitCode, CliError> {
            match cli.command {
                $(Command::$Name(args) => $module::run(&args).map(|done| done.report()),)*
            }
        }
    };
}

// All verbs, in the order of the help. The tests read their names from the program.
verbs! {
    run: Run,
    record: Record,
    reconstruct: Reconstruct,
    phases: Phases,
    slowest: Slowest,
    builds: Builds,
    inside: Inside,
    log: Log,
    silence: Silence,
    eval: Eval,
    profile: Profile,
    critical_path: CriticalPath,
    bottlenecks: Bottlenecks,
    parallelism: Parallelism,
    what_if: WhatIf,
    advise: Advise,
    cache: Cache,
    cache_candidates: CacheCandidates,
    rebuilds: Rebuilds,
    eta: Eta,
    impact: Impact,
    gate: Gate,
    failures: Failures,
    machines: Machines,
    compare: Compare,
    check: Check,
    ab: Ab,
    timeline: Timeline,
    graph: Graph,
    flamegraph: Flamegraph,
    doctor: Doctor,
    lint: Lint,
    runs: Runs,
    history: History,
    baseline: Baseline,
    trends: Trends,
    cat: Cat,
    import: Import,
    schema: Schema,
    completions: Completions,
    // Who makes a package needs it, and nobody else.
    #[command(hide = true)]
    man: Man,
}
