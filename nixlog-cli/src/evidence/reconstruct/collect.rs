//! Collects what the store knows: derivations, paths, and the times of files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use nixlog_core::analysis::reconstruction::{Facts, LogFacts, Options, PathFacts, Told, suspects};
use nixlog_core::drv::{Derivation, PathInfo};
use nixlog_core::graph::{DerivationGraph, GraphBuilder, NodeIdx};
use nixlog_core::store_path::base_name;
use nixlog_core::time::Nanos;
use nixlog_core::timeline::{Issue, IssueCode};
use rayon::prelude::*;

use crate::base::error::CliError;
use crate::nix::database::{Database, MAY_MISS, ValidPath};
use crate::nix::derivations::{Sink, read_missing};
use crate::nix::logs;
use crate::nix::store::Store;

/// Everything that the store knows about what was asked for.
pub(super) struct Known {
    pub(super) graph: DerivationGraph,
    pub(super) facts: Facts,
    /// The `.drv` files, by base name.
    pub(super) files: BTreeMap<String, Vec<u8>>,
    /// What paths that were not built here refer to.
    pub(super) infos: Vec<PathInfo<'static>>,
    pub(super) logs: BTreeMap<NodeIdx, PathBuf>,
    pub(super) issues: Vec<Issue>,
}

/// What to look for.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    /// Base names of derivations.
    pub(super) derivations: BTreeSet<String>,
    /// Base names of paths whose derivations are gone: what they refer to stands in.
    pub(super) paths: BTreeSet<String>,
    /// Everything since then, in nanoseconds since 1970.
    pub(super) since: Option<i64>,
}

/// Opens the database of a store.
pub(super) fn database(store: &Store) -> Result<Database, CliError> {
    let path = store.database();
    Database::open(&path).map_err(|error| {
        let failed = CliError::new(format!(
            "cannot read the store's database `{}`",
            path.display()
        ));
        let failed = failed.because(error);
        match path.exists() {
            true => failed,
            false => failed.hint("this machine may have no Nix store; `--store ROOT` names another root, such as /mnt"),
        }
    })
}

/// What was read so far.
struct Collector<'a> {
    store: &'a Store,
    database: &'a Database,
    builder: GraphBuilder,
    files: BTreeMap<String, Vec<u8>>,
    /// Base names of paths to look up.
    paths: BTreeSet<String>,
    /// Derivations whose outputs are known only by what they made.
    floating: BTreeSet<String>,
    valid: BTreeMap<String, ValidPath>,
    infos: Vec<PathInfo<'static>>,
    issues: Vec<Issue>,
}

/// Collects what is known. Nothing here fails but the database: what else cannot be read is told.
pub(super) fn collect(
    store: &Store,
    database: &Database,
    wanted: &Wanted,
    options: &Options,
) -> Result<Known, CliError> {
    let mut collector = Collector {
        store,
        database,
        builder: GraphBuilder::default(),
        files: BTreeMap::new(),
        paths: wanted.paths.clone(),
        floating: BTreeSet::new(),
        valid: BTreeMap::new(),
        infos: Vec::new(),
        issues: Vec::new(),
    };
    if database.may_miss {
        collector.issue(IssueCode::DatabaseMayMissRows, MAY_MISS.to_owned());
    }
    for drv in &wanted.derivations {
        collector.builder.node(drv);
    }
    let read = collector.read(wanted);
    read.map_err(|error| {
        CliError::new(format!(
            "cannot read the store's database `{}`",
            store.database().display()
        ))
        .because(error)
    })?;
    Ok(collector.finish(options))
}

impl Collector<'_> {
    fn read(&mut self, wanted: &Wanted) -> rusqlite::Result<()> {
        if let Some(since) = wanted.since {
            self.recent(since)?;
        }
        self.references()?;
        read_missing(self.store.files(), self);
        self.outputs()?;
        let copied: Vec<String> = self
            .valid
            .values()
            .filter(|path| !path.built_here && path.deriver.is_some())
            .map(|path| path.path.clone())
            .collect();
        self.path_infos(&copied)?;
        Ok(())
    }

    /// Takes in all that was built or registered since an instant.
    fn recent(&mut self, since: i64) -> rusqlite::Result<()> {
        match logs::written_since(&self.store.logs(), since) {
            Ok(all) => {
                for (drv, _) in all {
                    self.builder.node(&drv);
                }
            }
            Err(error) => {
                let message = format!(
                    "the folder of build logs `{}` cannot be read: {error}",
                    self.store.logs().display()
                );
                self.issue(IssueCode::UnreadableLogs, message);
            }
        }
        for path in self
            .database
            .registered_since(since.div_euclid(1_000_000_000))?
        {
            if let (true, Some(deriver)) = (path.built_here, &path.deriver) {
                self.builder.node(deriver);
            }
            self.valid.insert(base_name(&path.path).to_owned(), path);
        }
        Ok(())
    }

    /// Follows what paths refer to, whose derivations are gone.
    fn references(&mut self) -> rusqlite::Result<()> {
        let mut next: Vec<String> = self
            .paths
            .iter()
            .map(|base| self.store.path(base))
            .collect();
        while !next.is_empty() {
            let first = self.infos.len();
            self.path_infos(&next)?;
            next.clear();
            for info in &self.infos[first..] {
                if let Some(deriver) = &info.deriver {
                    self.builder.node(deriver);
                }
                for reference in &info.references {
                    if self.paths.insert(base_name(reference).to_owned()) {
                        next.push(reference.clone().into_owned());
                    }
                }
            }
        }
        Ok(())
    }

    fn path_infos(&mut self, paths: &[String]) -> rusqlite::Result<()> {
        for info in self.database.path_infos(paths.iter().map(String::as_str))? {
            self.builder.add_path_info(&info);
            let owned = |text: &str| std::borrow::Cow::Owned(text.to_owned());
            self.infos.push(PathInfo::new(
                info.path.into_owned(),
                info.nar_bytes,
                info.references.iter().map(|path| owned(path)).collect(),
                info.deriver.as_deref().map(owned),
            ));
        }
        Ok(())
    }

    /// Looks up the outputs and sources of all derivations, and these themselves.
    fn outputs(&mut self) -> rusqlite::Result<()> {
        let missing = self
            .paths
            .iter()
            .filter(|base| !self.valid.contains_key(*base));
        let missing: Vec<String> = missing.map(|base| self.store.path(base)).collect();
        let mut valid = self
            .database
            .valid_paths(missing.iter().map(String::as_str))?;
        if !self.floating.is_empty() {
            let floating = &self.floating;
            valid.extend(
                self.database
                    .made_by(|drv| floating.contains(base_name(drv)))?,
            );
        }
        for path in valid {
            self.valid.insert(base_name(&path.path).to_owned(), path);
        }
        Ok(())
    }

    fn finish(mut self, options: &Options) -> Known {
        let (graph, circular) = std::mem::take(&mut self.builder).finish_without_cycles();
        if !circular.is_empty() {
            let message =
                "derivations need each other in a circle, which Nix never makes".to_owned();
            self.issue(IssueCode::CircularDerivations, message);
        }
        let mut facts = Facts::default();
        let store = self.store;
        let paths: Vec<(&String, PathFacts)> = self
            .valid
            .par_iter()
            .map(|(base, path)| (base, path_facts(store, base, path)))
            .collect();
        for (base, fact) in paths {
            facts.path(base, fact);
        }
        let folder = store.logs();
        let derivations: Vec<NodeIdx> = graph
            .nodes()
            .filter(|&node| graph.node(node).is_derivation())
            .collect();
        let found: Vec<_> = derivations
            .par_iter()
            .filter_map(|&node| {
                let (path, fact) = logs::find(&folder, graph.base_name(node))?;
                Some((node, path, fact))
            })
            .collect();
        let mut logs = BTreeMap::new();
        for (node, path, fact) in found {
            facts.log(node, fact);
            logs.insert(node, path);
        }
        let suspects = suspects(&graph, &facts, options);
        let told: Vec<_> = suspects
            .par_iter()
            .filter_map(|node| Some((*node, told(logs.get(node)?)?)))
            .collect();
        for (node, told) in told {
            if let Some(fact) = facts.log_mut(node) {
                *fact = LogFacts {
                    told: Some(told),
                    ..*fact
                };
            }
        }
        Known {
            graph,
            facts,
            files: self.files,
            infos: self.infos,
            logs,
            issues: self.issues,
        }
    }

    /// Notes something that a reader of the result should know; the first of its kind speaks for all.
    fn issue(&mut self, code: IssueCode, message: String) {
        Issue::warn(&mut self.issues, code, || message);
    }
}

impl Sink for Collector<'_> {
    fn builder(&mut self) -> &mut GraphBuilder {
        &mut self.builder
    }

    fn found(&mut self, base: &str, derivation: &Derivation<'_>, file: &[u8]) {
        self.paths.insert(base.to_owned());
        for output in derivation.outputs {
            let path = output.path.to_text();
            if path.is_empty() {
                self.floating.insert(base.to_owned());
            } else {
                self.paths.insert(base_name(&path).to_owned());
            }
        }
        for source in derivation.sources {
            self.paths.insert(base_name(&source.to_text()).to_owned());
        }
        self.files.insert(base.to_owned(), file.to_owned());
    }

    fn unreadable(&mut self, path: &Path, error: &io::Error) {
        let message = format!(
            "derivations that could not be read, such as `{}`: {error}",
            path.display()
        );
        self.issue(IssueCode::UnreadableDerivations, message);
    }
}

/// Joins what the database says of a path with what its file says. Sources and derivations are only
/// dated: nobody waits for them.
fn path_facts(store: &Store, base: &str, path: &ValidPath) -> PathFacts {
    let mut facts = PathFacts::default();
    facts.registered = path.registered;
    facts.built_here = path.built_here;
    facts.deriver = path.deriver.as_deref().map(|drv| base_name(drv).into());
    facts.nar_bytes = path.nar_bytes;
    if path.deriver.is_some()
        && let Ok(metadata) = fs::symlink_metadata(store.file(base))
    {
        // A file may be the same as an older one elsewhere in the store: then it is that one.
        if metadata.nlink() == 1 || metadata.is_dir() {
            facts.born = metadata.created().ok().and_then(logs::nanos);
        }
        facts.changed = changed(&metadata);
    }
    facts
}

/// Returns when a file was changed last, be it its name or its rights.
fn changed(metadata: &fs::Metadata) -> Option<i64> {
    let seconds = metadata.ctime().checked_mul(1_000_000_000)?;
    seconds.checked_add(metadata.ctime_nsec())
}

/// How long a phase may take and not tell, in stdenv, which counts whole seconds; and what is outside of
/// all phases, at most.
const UNTOLD: Nanos = Nanos::new(31_000_000_000);

/// Reads in a log how long its build took; `None` where it does not tell.
fn told(log: &Path) -> Option<Told> {
    let text = logs::read(log, 0).ok()?;
    if !text.tells {
        return None;
    }
    let seconds = |n: u64| Nanos::new(n.saturating_mul(1_000_000_000));
    let n_told = text.seconds.len() as u64;
    let n_untold = (text.phases.len() as u64).saturating_sub(n_told) + 1;
    let at_least: Nanos = text.seconds.iter().map(|&took| seconds(took)).sum();
    // Each was rounded down.
    let rounded = seconds(n_told);
    let untold = Nanos::new(UNTOLD.get().saturating_mul(n_untold));
    Some(Told {
        at_least,
        at_most: at_least + rounded + untold,
    })
}
