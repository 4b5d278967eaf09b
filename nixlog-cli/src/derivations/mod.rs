//! Where derivations come from: files that the command line names, or the local store.

mod archive;
pub(crate) mod sizes;
mod store;

use std::collections::BTreeSet;
use std::path::PathBuf;

use nixlog_core::graph::{DerivationGraph, GraphBuilder};
use nixlog_core::timeline::{Issue, Severity, Timeline, UnitKind};

use crate::error::CliError;

/// Where derivations are.
#[derive(Debug, Default, clap::Args)]
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

/// Where a graph comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// From `--derivations`, and the store for what was missing there.
    Given,
    /// From the recording itself.
    Recording,
    /// From the local store.
    Store,
    /// No derivation was found.
    None,
}

impl Origin {
    /// Returns the name, as in JSON; `None` for no origin.
    pub(crate) const fn name(self) -> Option<&'static str> {
        match self {
            Self::Given => Some("given"),
            Self::Recording => Some("recording"),
            Self::Store => Some("store"),
            Self::None => None,
        }
    }
}

/// Derivations and what is known about them.
#[derive(Debug)]
pub(crate) struct Derivations {
    pub(crate) graph: DerivationGraph,
    pub(crate) origin: Origin,
    /// What a reader of the result should know.
    pub(crate) issues: Vec<Issue>,
}

/// What was found, piece by piece.
#[derive(Debug, Default)]
struct Collected {
    builder: GraphBuilder,
    issues: Vec<Issue>,
}

impl Collected {
    /// Notes something that could not be read; the first of its kind speaks for all.
    fn trouble(&mut self, code: &'static str, message: impl FnOnce() -> String) {
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
    let (graph, circular) = collected.builder.finish_without_cycles();
    let mut issues = collected.issues;
    if let Some(&(from, to)) = circular.first() {
        let (from, to) = (graph.base_name(from), graph.base_name(to));
        issues.push(Issue {
            severity: Severity::Warning,
            code: "circular-derivations",
            count: circular.len() as u64,
            first_line: None,
            message: format!(
                "dependency cycle between derivations, which Nix never writes; ignored: `{from}` depends on `{to}`"
            ),
        });
    }
    Ok(Derivations {
        graph,
        origin,
        issues,
    })
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
