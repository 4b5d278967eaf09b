//! `nixlog cache coverage`.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nixlog_core::analysis::address::is_local;
use nixlog_core::analysis::coverage::{coverage, outputs};
use nixlog_core::graph::DerivationGraph;
use nixlog_core::report::envelope::Report;
use nixlog_core::report::table::Names;
use nixlog_core::report::verbs::cache_coverage::{
    CacheCoverageResult, CoveringCacheView, MissingView,
};
use nixlog_core::store_path::{StorePath, base_name, name_of};
use ureq::config::IpFamily;

use super::{configured, seconds};
use crate::base::arguments::OutputArgs;
use crate::base::error::CliError;
use crate::base::output::{self, Stream};
use crate::base::selection::top;
use crate::base::terminal;
use crate::evidence::derivations::{self, GraphArgs};
use crate::nix::binary_cache::{Client, Part, Place, field};
use crate::nix::installable;
use crate::nix::store::Store;

/// After so many failures one after the other, a cache is not asked any more.
const PATIENCE: usize = 5;

/// How often it is shown how many questions have been asked.
const PAINT: Duration = Duration::from_millis(200);

/// Show which paths of a closure are in which cache, before anything is built
///
/// Asks each cache for each output of all derivations, and says what would be fetched and what would be built
/// into an empty store. What is missing is ranked by how many others need it. Evaluates where it has to, and
/// builds nothing.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What to build: a `.drv`, a store path, or what `nix build` takes (`.#foo`, `nixpkgs#hello`)
    #[arg(value_name = "INSTALLABLE", required_unless_present = "derivations")]
    installable: Option<String>,

    /// Caches to ask, repeatable; by default those that Nix is set to use
    #[arg(long, value_name = "URL")]
    from: Vec<String>,

    /// How many questions may be under way at once
    #[arg(long, value_name = "N", default_value_t = 25, value_parser = clap::value_parser!(u16).range(1..=256))]
    connections: u16,

    /// How long any question may take, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    timeout: Duration,

    /// How many derivations to list; 0 for all
    #[arg(
        long,
        value_name = "N",
        default_value_t = 20,
        value_parser = top,
        help_heading = "Selection"
    )]
    top: usize,

    #[command(flatten)]
    graph: GraphArgs,

    /// Show store paths instead of names
    #[arg(long, help_heading = "Output")]
    full_paths: bool,

    #[command(flatten)]
    output: OutputArgs,
}

/// What a cache said of a path.
#[derive(Debug, Clone)]
enum Said {
    Present { bytes: Option<u64> },
    Absent,
    Failed(String),
}

pub(super) fn run(args: &Args) -> Result<(), CliError> {
    let urls = match args.from.is_empty() {
        true => configured()?,
        false => args.from.clone(),
    };
    let roots = match args.installable.as_deref() {
        None => Vec::new(),
        Some(drv) if drv.ends_with(".drv") && drv.starts_with('/') => vec![drv.to_owned()],
        Some(installable) => installable::derivations(None, None, installable)?,
    };
    let found = derivations::of(&args.graph, &roots)?;
    let graph = found.graph();
    let paths = outputs(graph);
    if graph.nodes().all(|node| !graph.node(node).is_derivation()) {
        return Err(CliError::new("no derivation to ask for")
            .hint("name a `.drv` of this store, or --derivations FILE"));
    }
    let caches: Vec<Cache> = urls
        .iter()
        .map(|uri| Cache::new(uri, args.timeout))
        .collect();
    let since = Instant::now();
    let client = Client::new(args.timeout, args.connections.into(), IpFamily::Any);
    let said = ask(&client, &caches, &paths, args.connections.into());
    let took = since.elapsed();
    let mut result = result(graph, &paths, &caches, &said, args.top);
    result.took_ns = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
    let per_second = (result.lookups as u128 * 1_000_000_000).checked_div(took.as_nanos());
    let per_second = per_second.and_then(|it| u64::try_from(it).ok());
    result.lookups_per_second = per_second.filter(|_| result.lookups > 0);
    let report = Report::without_log(&found.issues, result);
    let names = Names::new(args.full_paths);
    output::write(&args.output, Stream::Output, &report, &names)
}

/// A cache that is asked, and how often it failed in a row.
struct Cache {
    uri: String,
    place: Place,
    /// Why it is not asked.
    refused: Option<String>,
    failures: AtomicUsize,
}

impl Cache {
    /// Finds out whether this is a cache, and for which store, as Nix does.
    fn new(uri: &str, deadline: Duration) -> Self {
        let place = Place::of(uri);
        let client = Client::new(deadline, 1, IpFamily::Any);
        let refused = match client.get(&place, "nix-cache-info", Part::Whole) {
            Err(why) => Some(why),
            Ok(reply) if !reply.found => Some("no `nix-cache-info`: not a binary cache".to_owned()),
            Ok(reply) => match field(&reply.body, "StoreDir") {
                None => Some("not a binary cache".to_owned()),
                Some(dir) if Path::new(dir) != Store::find(None).files() => {
                    Some(format!("a cache for stores in {dir}"))
                }
                Some(_) => None,
            },
        };
        Self {
            uri: uri.to_owned(),
            place,
            refused,
            failures: AtomicUsize::new(0),
        }
    }

    fn ask(&self, client: &Client, path: &str) -> Said {
        if self.failures.load(Ordering::Relaxed) >= PATIENCE {
            return Said::Failed(format!(
                "not asked any more after {PATIENCE} failures in a row"
            ));
        }
        let said = self.said(client, path);
        match said {
            Said::Failed(_) => self.failures.fetch_add(1, Ordering::Relaxed),
            _ => self.failures.swap(0, Ordering::Relaxed),
        };
        said
    }

    fn said(&self, client: &Client, path: &str) -> Said {
        let Some(parsed) = StorePath::parse(path) else {
            return Said::Failed("not a store path".to_owned());
        };
        let file = format!("{}.narinfo", parsed.hash());
        match client.get(&self.place, &file, Part::Whole) {
            Err(why) => Said::Failed(why),
            Ok(reply) if reply.is_no() => Said::Absent,
            Ok(reply) if !reply.found => {
                let status = reply.status.unwrap_or_default();
                Said::Failed(format!("HTTP status {status}"))
            }
            Ok(reply) => match field(&reply.body, "StorePath").map(base_name) {
                Some(about) if about == path => Said::Present {
                    bytes: field(&reply.body, "FileSize").and_then(|it| it.parse().ok()),
                },
                Some(_) => Said::Failed("an answer about another path".to_owned()),
                None => Said::Failed("an answer that is no `.narinfo`".to_owned()),
            },
        }
    }
}

/// Asks all caches for all paths; what each said, cache by cache.
fn ask(
    client: &Client,
    caches: &[Cache],
    paths: &[&str],
    threads: usize,
) -> Vec<Vec<Option<Said>>> {
    let asked: Vec<usize> = (0..caches.len())
        .filter(|&it| caches[it].refused.is_none())
        .collect();
    let total = asked.len() * paths.len();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut said = Vec::new();
        loop {
            let turn = next.fetch_add(1, Ordering::Relaxed);
            if turn >= total {
                return said;
            }
            let (cache, path) = (asked[turn % asked.len()], turn / asked.len());
            said.push((cache, path, caches[cache].ask(client, paths[path])));
        }
    };
    let mut all = vec![vec![None; paths.len()]; caches.len()];
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.min(total)).map(|_| scope.spawn(work)).collect();
        if terminal::can_move() {
            while workers.iter().any(|worker| !worker.is_finished()) {
                thread::sleep(PAINT);
                let asked = next.load(Ordering::Relaxed).min(total);
                terminal::write(format!("\r{asked} of {total} questions asked\x1b[K").as_bytes());
            }
            terminal::write(b"\r\x1b[K");
        }
        for worker in workers {
            for (cache, path, said) in worker.join().into_iter().flatten() {
                all[cache][path] = Some(said);
            }
        }
    });
    all
}

fn result(
    graph: &DerivationGraph,
    paths: &[&str],
    caches: &[Cache],
    said: &[Vec<Option<Said>>],
    top: usize,
) -> CacheCoverageResult {
    let place = |path: &str| paths.binary_search(&path).ok();
    let size = |path: usize| {
        said.iter().find_map(|cache| match cache[path] {
            Some(Said::Present { bytes }) => Some(bytes),
            _ => None,
        })
    };
    let has = |path: &str| place(path).is_some_and(|path| size(path).is_some());
    let is_unknown = |path: usize| {
        let failed = |(cache, said): (&Cache, &Vec<Option<Said>>)| {
            cache.refused.is_some() || matches!(said[path], Some(Said::Failed(_)))
        };
        size(path).is_none() && caches.iter().zip(said).any(failed)
    };
    let found = coverage(graph, has);
    let mut result = CacheCoverageResult::default();
    result.paths = paths.len();
    result.paths_in_caches = (0..paths.len()).filter(|&it| size(it).is_some()).count();
    result.paths_unknown = (0..paths.len()).filter(|&it| is_unknown(it)).count();
    let without = |it: &nixlog_core::graph::NodeIdx| {
        let node = graph.node(*it);
        node.is_derivation() && node.outputs.iter().any(|output| output.path.is_none())
    };
    result.derivations_without_paths = graph.nodes().filter(without).count();
    result.to_fetch = found.fetched.len();
    let sizes = found.fetched.iter().filter_map(|path| size(place(path)?)?);
    result.to_fetch_bytes = sizes.clone().next().map(|_| sizes.sum());
    result.to_build = found.built.len();
    for (at, cache) in caches.iter().enumerate() {
        let mut view = CoveringCacheView::default();
        view.uri.clone_from(&cache.uri);
        view.local = is_local(&cache.uri);
        match &cache.place {
            Place::Unsupported(why) => view.unsupported = Some(why.clone()),
            _ => view.error.clone_from(&cache.refused),
        }
        for (path, said_of) in said[at].iter().enumerate() {
            let Some(said_of) = said_of else { continue };
            view.asked += 1;
            match said_of {
                Said::Present { bytes } => {
                    view.present += 1;
                    let others = &said[..at];
                    let has = |other: &Vec<Option<Said>>| {
                        matches!(other[path], Some(Said::Present { .. }))
                    };
                    view.only_here += usize::from(!others.iter().any(has));
                    if let Some(bytes) = bytes {
                        *view.bytes.get_or_insert_default() += bytes;
                    }
                }
                Said::Absent => view.absent += 1,
                Said::Failed(why) => {
                    view.failed += 1;
                    view.error.get_or_insert_with(|| why.clone());
                }
            }
        }
        result.lookups += view.present + view.absent;
        result.caches.push(view);
    }
    let shown = match top {
        0 => found.built.len(),
        top => top,
    };
    let store = Store::find(None);
    result.missing = found
        .built
        .iter()
        .take(shown)
        .map(|build| {
            let node = graph.node(build.node);
            let base = graph.base_name(build.node);
            let outputs = node.outputs.iter().filter_map(|it| it.path.as_deref());
            let mut view = MissingView::default();
            name_of(base).clone_into(&mut view.name);
            view.path = store.path(base);
            view.transitive_dependents = build.dependents;
            view.in_part = build.in_part;
            view.unknown = outputs.filter_map(place).any(is_unknown);
            view.not_substituted = !node.allows_substitutes;
            view.is_fixed_output = node.is_fixed_output;
            view
        })
        .collect();
    result
}
