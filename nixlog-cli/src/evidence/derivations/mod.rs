//! Where derivations come from: files that the command line names, or the local store.

mod archive;
mod store;

use std::collections::BTreeSet;
use std::path::PathBuf;

use nixlog_core::graph::GraphBuilder;
use nixlog_core::log::{Derivations, Origin};
use nixlog_core::timeline::{Issue, IssueCode, Timeline, UnitKind};

use crate::base::error::CliError;

/// Where derivations are.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct GraphArgs {
    /// Read derivations from `.drv` files, a folder or archive of them, or the output of `nix
    /// derivation show -r` or `nix path-info -r --json`; repeatable
    ///
    /// Files may be compressed. What they do not contain is looked up in the local store.
    #[arg(long, value_name = "PATH", help_heading = "Derivations")]
    pub(crate) derivations: Vec<PathBuf>,

    /// Do not read derivations, references and sizes from the local store
    ///
    /// The store is the one that the log names, unless `NIX_STORE_DIR` and `NIX_STATE_DIR` are set.
    #[arg(long, help_heading = "Derivations")]
    pub(crate) no_store: bool,
}

impl GraphArgs {
    /// Returns what `--derivations` names, for commands to suggest.
    pub(crate) fn words(&self) -> Vec<String> {
        let paths = self.derivations.iter();
        paths.map(|path| path.display().to_string()).collect()
    }
}

/// What was found, piece by piece.
#[derive(Debug, Default)]
struct Collected {
    builder: GraphBuilder,
    issues: Vec<Issue>,
}

impl Collected {
    /// Notes something that could not be read; the first of its kind speaks for all.
    fn trouble(&mut self, code: IssueCode, message: impl FnOnce() -> String) {
        Issue::warn(&mut self.issues, code, message);
    }
}

/// Finds the derivations of a log, and what they depend on; of one that names none, those that are given.
///
/// What is given counts first, then what a recording brought along, then the local store. Nothing found
/// is no error: the graph is empty.
pub(crate) fn find(
    args: &GraphArgs,
    brought: GraphBuilder,
    timeline: &Timeline,
) -> Result<Derivations, CliError> {
    let mut origin = match (args.derivations.is_empty(), brought.is_empty()) {
        (false, _) => Origin::Given,
        (true, false) => Origin::Recording,
        (true, true) => Origin::None,
    };
    let mut collected = Collected {
        builder: brought,
        issues: Vec::new(),
    };
    for path in &args.derivations {
        archive::read(path, &mut collected)?;
    }
    if !args.no_store {
        let found = store::read(&wanted(timeline), &mut collected);
        if origin == Origin::None && found > 0 {
            origin = Origin::Store;
        }
    }
    let mut found = Derivations::new(collected.builder, origin);
    found.issues.splice(0..0, collected.issues);
    Ok(found)
}

/// Finds the derivations that are given, and these with all that they need, in the local store.
pub(crate) fn of(args: &GraphArgs, paths: &[String]) -> Result<Derivations, CliError> {
    into(GraphBuilder::default(), args, paths)
}

/// The same, with what somebody has already.
pub(crate) fn into(
    builder: GraphBuilder,
    args: &GraphArgs,
    paths: &[String],
) -> Result<Derivations, CliError> {
    let mut collected = Collected {
        builder,
        issues: Vec::new(),
    };
    for path in &args.derivations {
        archive::read(path, &mut collected)?;
    }
    if !args.no_store {
        let mut wanted = Wanted::default();
        wanted.derivations.extend(paths.iter().map(String::as_str));
        store::read(&wanted, &mut collected);
    }
    let mut found = Derivations::new(collected.builder, Origin::Given);
    found.issues.splice(0..0, collected.issues);
    Ok(found)
}

/// What a log names: derivations, and the store paths that were substituted.
#[derive(Debug, Default)]
struct Wanted<'a> {
    derivations: BTreeSet<&'a str>,
    paths: BTreeSet<&'a str>,
}

fn wanted(timeline: &Timeline) -> Wanted<'_> {
    let mut wanted = Wanted::default();
    for unit in timeline.units() {
        for name in [Some(unit.subject), unit.planned].into_iter().flatten() {
            let path = timeline.name(name);
            if path.ends_with(".drv") && path.starts_with('/') {
                wanted.derivations.insert(path);
            } else if unit.kind == UnitKind::Substitution && path.starts_with('/') {
                wanted.paths.insert(path);
            }
        }
    }
    wanted
}
