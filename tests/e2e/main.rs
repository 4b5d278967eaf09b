//! The binary as users run it: wiring, help, errors, exit codes, pipes.

mod ab;
mod advise;
mod builds;
mod caches;
mod cat;
mod check;
mod compare;
mod completions;
mod contract;
mod critical_path;
mod echo;
mod errors;
#[cfg(unix)]
mod estimates;
mod evaluation;
mod flamegraph;
mod graph;
mod help;
mod history;
mod import;
mod lint;
mod live;
mod log;
mod output;
mod predictions;
#[cfg(unix)]
mod profile;
mod program;
mod readme;
mod rebuilds;
mod reconstruct;
mod recording;
mod reports;
mod run;
mod runs;
mod schema;
mod selection;
#[cfg(unix)]
mod stand_in;
#[cfg(unix)]
mod terminal;
mod timeline;
mod verbs;
mod words;
mod wrapped;
