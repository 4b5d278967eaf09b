//! What would be built and fetched, before anything is: Nix's own dry run, or all of some derivations.

use std::io::Read as _;
use std::path::Path;

use nixlog_core::analysis::estimate::Plan;
use nixlog_core::graph::{DerivationGraph, GraphBuilder, NodeIdx, NodeKind};
use nixlog_core::log::{Derivations, Log};
use nixlog_core::timeline::Issue;

use crate::base::error::CliError;
use crate::base::unpack::unpack;
use crate::evidence::derivations::{self, GraphArgs};
use crate::nix::dry_run;

/// What would be done.
pub(crate) struct Found {
    pub(crate) plan: Plan,
    /// What a reader should know.
    pub(crate) issues: Vec<Issue>,
}

/// Finds out what there is to do for an installable: a `.drv`, what `nix build` takes, the output of a dry run
/// as a file or `-`. Without one, all derivations that are given.
pub(crate) fn plan(installable: Option<&str>, args: &GraphArgs) -> Result<Found, CliError> {
    let Some(installable) = installable else {
        return all(derivations::of(args, &[])?);
    };
    let (is_given, said) = match installable {
        "-" => {
            let mut said = Vec::new();
            let read = std::io::stdin().read_to_end(&mut said);
            read.map_err(|error| CliError::new("cannot read standard input").because(error))?;
            (true, said)
        }
        file if is_saved(file) => {
            let failed = |error| CliError::new(format!("cannot read `{file}`")).because(error);
            let mut said = Vec::new();
            let opened = std::fs::File::open(file).and_then(unpack);
            let read = opened.and_then(|mut unpacked| unpacked.bytes.read_to_end(&mut said));
            read.map_err(failed)?;
            (true, said)
        }
        installable => {
            let asked = [installable.to_owned()];
            (false, dry_run::of_installables(&asked)?)
        }
    };
    let log = nixlog_core::read(&said);
    let planned = log.timeline.plan();
    let says_nothing = planned.builds.is_none() && planned.fetches.is_none();
    if is_given && says_nothing && !log.timeline.is_nix() && !said.is_empty() {
        return Err(
            CliError::new(format!("no dry run of Nix in `{installable}`"))
                .hint("`nix build --dry-run … 2> FILE` writes one"),
        );
    }
    of_dry_run(&log, args)
}

/// Plans what Nix says in a dry run that it would do. If it says nothing, there is nothing to do.
pub(crate) fn of_dry_run(log: &Log, args: &GraphArgs) -> Result<Found, CliError> {
    let timeline = &log.timeline;
    let said = timeline.plan();
    let builds = timeline.planned_builds().flatten();
    let builds: Vec<String> = builds.map(|&it| timeline.name(it).to_owned()).collect();
    let fetches = timeline.planned_fetches().iter();
    let fetches: Vec<&str> = fetches.map(|&it| timeline.name(it)).collect();
    // What is to be built is known, even where its derivation is not at hand.
    let mut builder = GraphBuilder::default();
    for path in &builds {
        builder.node(path);
    }
    let found = derivations::into(builder, args, &builds)?;
    let graph = found.graph();
    let nodes: Vec<NodeIdx> = builds.iter().filter_map(|path| graph.find(path)).collect();
    let mut plan = Plan::new(graph, &nodes, fetches.iter().copied());
    plan.download_bytes = said.download_bytes;
    plan.unpacked_bytes = said.unpacked_bytes;
    Ok(Found {
        plan,
        issues: found.issues,
    })
}

/// Plans to build all of some derivations, as if nothing of them was there.
fn all(found: Derivations) -> Result<Found, CliError> {
    let nodes = derivations_of(found.graph());
    if nodes.is_empty() {
        return Err(CliError::new("no derivation to build")
            .hint("name a `.drv` of this store, what `nix build` takes, or --derivations FILE"));
    }
    Ok(Found {
        plan: Plan::new(found.graph(), &nodes, []),
        issues: found.issues,
    })
}

/// Returns the derivations that are at hand.
pub(crate) fn derivations_of(graph: &DerivationGraph) -> Vec<NodeIdx> {
    let at_hand = |&node: &NodeIdx| graph.node(node).kind == NodeKind::Derivation;
    graph.nodes().filter(at_hand).collect()
}

/// Tells whether this is a file that somebody saved, and nothing of the store.
fn is_saved(word: &str) -> bool {
    let is_derivation = word.ends_with(".drv");
    !is_derivation
        && nixlog_core::store_path::innermost(word).is_none()
        && Path::new(word).is_file()
}
