//! How large what was built is: the local store knows, where nothing else does.

use std::collections::HashMap;

use nixlog_core::analysis::what_if::Assumptions;
use nixlog_core::store_path::base_name;

use crate::evidence::derivations::GraphArgs;
use crate::evidence::explained::Explained;
use crate::nix::database::Database;
use crate::nix::store::Store;

/// Returns the sizes of what the builds of a log made: as path infos have them, else the local store.
pub(crate) fn assumptions(log: &Explained, args: &GraphArgs) -> Assumptions {
    let sizes = match args.no_store {
        true => HashMap::new(),
        false => from_store(log),
    };
    Assumptions::new(&log.run, &log.graph, |base| sizes.get(base).copied())
}

/// Looks outputs up in the store's database. What cannot be read there stays unknown.
fn from_store(log: &Explained) -> HashMap<String, u64> {
    let path = Store::find(None).database();
    let built = log.run.nodes().iter().filter_map(|node| {
        let unit = &log.timeline.units()[node.unit?];
        let (folder, _) = log.timeline.name(unit.subject).rsplit_once('/')?;
        Some((folder, log.graph.node(node.node?)))
    });
    let outputs = built.flat_map(|(folder, node)| {
        let paths = node.outputs.iter().filter_map(|it| it.path.as_deref());
        paths.map(move |base| format!("{folder}/{base}"))
    });
    let outputs: Vec<String> = outputs.collect();
    if outputs.is_empty() || !path.exists() {
        return HashMap::new();
    }
    let outputs = outputs.iter().map(String::as_str);
    let found = Database::open(&path).and_then(|database| database.valid_paths(outputs));
    let found = found.unwrap_or_default().into_iter();
    found
        .filter_map(|it| Some((base_name(&it.path).to_owned(), it.nar_bytes?)))
        .collect()
}
