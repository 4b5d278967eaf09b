//! `rebuilds`: why things were built this time, and not last time.

mod layout;

pub(super) use layout::{root_section, root_table, roots_in_short};

use std::collections::{BTreeMap, HashMap, HashSet};

use schemars::JsonSchema;
use serde::Serialize;

use crate::analysis::cache::{Built, Why};
use crate::analysis::rebuilds::{Became, Change, Ran, Rebuilds, Root, Side};
use crate::graph::NodeIdx;
use crate::names::named;
use crate::report::document::Document;
use crate::report::envelope::{Answer, Input, Report, nanos, rfc3339};
use crate::report::table::{Names, limit};
use crate::report::unit::{UnitBrief, brief};
use crate::store_path::{name_of, pname_of};
use crate::timeline::{Source, Timeline};

/// The result of `rebuilds`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct RebuildsResult {
    /// What it was compared with; `null` where it is about one run alone.
    pub before: Option<BeforeView>,
    /// How many derivations were built, downloads of sources among them.
    pub builds: usize,
    /// How many derivations differ by themselves, and are the reason why something was built.
    pub total_roots: usize,
    /// How many of these were built themselves.
    pub built_roots: usize,
    /// How many were built because roots newly need them, or because they are sources of roots.
    pub needed: usize,
    /// How many were built only because something below them differs.
    pub follow: usize,
    /// How many of those follow from several roots.
    pub shared: usize,
    /// The sum of all durations that are known.
    pub work_ns: Option<u64>,
    /// How many have no known duration.
    pub unknown_durations: usize,
    /// What differs by itself; those behind most of what was built first.
    pub roots: Vec<RootView>,
    /// How many were built although nothing differs, or nobody knows what.
    pub total_unexplained: usize,
    /// Why those came from no cache, the most frequent reason first; listed or not.
    pub cache_reasons: Vec<CacheReasonView>,
    /// Those; without another run to compare with, all that was built. What took longest first.
    pub unexplained: Vec<UnexplainedView>,
}

/// The run that another one was compared with.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct BeforeView {
    /// The file's name, or what stands for the run.
    pub source: String,
    /// The run's id.
    pub id: Option<String>,
    /// The wall clock at its start, RFC 3339.
    pub started_at: Option<String>,
    /// How many derivations of it are known.
    pub derivations: usize,
}

/// A derivation that differs by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct RootView {
    /// The derivation.
    pub unit: RebuiltView,
    /// It was built itself. If not, it came from a cache or was there, and what depends on it was built.
    pub built: bool,
    /// The `.drv` that it was before; `null` if there was none like it.
    pub old_path: Option<String>,
    /// What became of it: `changed`, `new`, or `unknown` where one of the two is not at hand.
    pub became: Became,
    /// What differs.
    pub changes: Vec<ChangeView>,
    /// What was built because it needs it, and did not before: its sources that have changed among them.
    pub needed: Vec<RebuiltView>,
    /// What was built because it depends on this.
    pub cascade: Vec<RebuiltView>,
    /// The sum of the durations of all that was built because of it, as far as they are known. What has
    /// several roots counts for each.
    pub cost_ns: Option<u64>,
    /// How many of these have no known duration.
    pub unknown_durations: usize,
    /// How many were built because of it and no other root.
    pub alone: usize,
    /// The sum of the durations of those.
    pub alone_ns: Option<u64>,
}

/// Something that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct ChangeView {
    /// A variable of the builder's environment, or `builder`, `args`, `system`, `input`, `inputs`, `source`,
    /// `derivation`.
    pub what: String,
    /// What of the old value is gone, without hashes, and cut if it is long; `null` for nothing.
    pub old: Option<String>,
    /// What of the new value was not there; `null` for nothing.
    pub new: Option<String>,
}

/// A derivation that was built because another one differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct RebuiltView {
    /// Its name without hash.
    pub name: String,
    /// The name without version.
    pub pname: String,
    /// The `.drv`.
    pub path: String,
    /// How long it took; `null` where it is not known, or was not built.
    pub duration_ns: Option<u64>,
    /// How many roots are below it.
    pub roots: u32,
}

named! {
    /// What is known of a build that nothing explains.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    #[non_exhaustive]
    pub enum Unexplained {
        /// The same was built before, and failed.
        FailedBefore = "failed-before",
        /// The same was built before: what it made has been lost since, or it is another store.
        BuiltBefore = "built-before",
        /// The same was there before, or came from a cache.
        NotBuiltBefore = "not-built-before",
        /// Its derivation is not known.
        NoDerivation = "no-derivation",
    }
}

/// How often something did not come from a cache for a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct CacheReasonView {
    /// The reason.
    pub reason: Why,
    /// How many builds.
    pub count: usize,
}

/// A build that nothing explains.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct UnexplainedView {
    /// The build.
    pub unit: UnitBrief,
    /// What is known; `null` where there is nothing to compare with.
    pub reason: Option<Unexplained>,
    /// Why it was not fetched from a cache.
    pub cache: Why,
}

impl Answer for RebuildsResult {
    const SCHEMA: &'static str = "nixlog.rebuilds/1";
    type From = Input;
    type Options = Names;

    fn document(report: &Report<Self>, names: &Names) -> Document {
        layout::document(report, *names)
    }
}

/// Makes the result of `rebuilds`. `before` is the run to compare with, and what is known of its log; `caches`
/// tells why what was built did not come from a cache. So many roots and unexplained builds are listed; 0 for
/// all.
#[must_use]
pub fn result(
    after: &Ran<'_>,
    before: Option<(&Source, &Ran<'_>)>,
    caches: &[Built],
    top: usize,
) -> RebuildsResult {
    let units = after.timeline.units();
    let took = |node: NodeIdx| {
        let unit = after.built.get(&node)?;
        nanos(units[*unit].duration())
    };
    let built = caches.iter().map(|it| units[it.unit].duration());
    let mut result = RebuildsResult {
        builds: caches.len(),
        unknown_durations: built.clone().filter(Option::is_none).count(),
        work_ns: nanos(built.flatten().reduce(|a, b| a + b)),
        ..RebuildsResult::default()
    };
    // By unit: what is known of those that nothing explains.
    let mut unexplained: HashMap<usize, Option<Unexplained>> = HashMap::new();
    match before {
        None => unexplained.extend(caches.iter().map(|it| (it.unit, None))),
        Some((source, before)) => {
            result.before = Some(before_view(source, before));
            let found = after.rebuilds(before);
            result.total_roots = found.roots.len();
            result.built_roots = found.roots.iter().filter(|root| root.is_built).count();
            result.needed = found.n_needed;
            result.follow = found.n_follow;
            result.shared = found.n_shared;
            let most = limit(top, found.roots.len());
            let store = store(after.timeline);
            let roots = found.roots[..most].iter();
            result.roots = roots
                .map(|root| root_view(root, &found, &before.side, &after.side, store, took))
                .collect();
            for &(node, old) in &found.unexplained {
                let was = old.and_then(|old| before.built.get(&old));
                let was = was.map(|&unit| before.timeline.units()[unit].outcome.is_failure());
                let reason = match was {
                    Some(true) => Unexplained::FailedBefore,
                    Some(false) => Unexplained::BuiltBefore,
                    None => Unexplained::NotBuiltBefore,
                };
                if let Some(&unit) = after.built.get(&node) {
                    unexplained.insert(unit, Some(reason));
                }
            }
            let known: HashSet<usize> = after.built.values().copied().collect();
            let unknown = caches.iter().filter(|it| !known.contains(&it.unit));
            let again = |unit: usize| {
                let subject = units[unit].subject;
                known.iter().any(|&other| units[other].subject == subject)
            };
            let unknown = unknown.filter(|it| !again(it.unit));
            let reason = Some(Unexplained::NoDerivation);
            unexplained.extend(unknown.map(|it| (it.unit, reason)));
        }
    }
    result.total_unexplained = unexplained.len();
    let listed = caches.iter().filter_map(|it| {
        Some(UnexplainedView {
            reason: *unexplained.get(&it.unit)?,
            unit: brief(after.timeline, it.unit),
            cache: it.why,
        })
    });
    result.unexplained = listed.collect();
    let mut reasons: BTreeMap<Why, usize> = BTreeMap::new();
    for build in &result.unexplained {
        *reasons.entry(build.cache).or_default() += 1;
    }
    let reasons = reasons.into_iter();
    result.cache_reasons = reasons
        .map(|(reason, count)| CacheReasonView { reason, count })
        .collect();
    result
        .cache_reasons
        .sort_by_key(|it| std::cmp::Reverse(it.count));
    let by_time = |it: &UnexplainedView| std::cmp::Reverse(it.unit.duration_ns);
    result.unexplained.sort_by_key(by_time);
    let most = limit(top, result.unexplained.len());
    result.unexplained.truncate(most);
    result
}

/// Returns the folder of the store that derivations are in.
fn store(timeline: &Timeline) -> &str {
    let units = timeline.units().iter().filter(|it| it.kind.is_derivation());
    let mut folders = units.filter_map(|it| timeline.name(it.subject).rsplit_once('/'));
    folders.next().map_or("/nix/store", |(folder, _)| folder)
}

fn before_view(source: &Source, before: &Ran<'_>) -> BeforeView {
    let header = source.recording.header.as_deref();
    BeforeView {
        source: source.name.clone(),
        id: header.and_then(|header| header.id.clone()),
        started_at: source.started_at.and_then(rfc3339),
        derivations: before.side.derivations().count(),
    }
}

/// Describes a root; the derivations are in this store, and `took` tells of a derivation of the new side how long it takes.
pub(in crate::report::verbs) fn root_view(
    root: &Root,
    found: &Rebuilds,
    old: &Side<'_>,
    new: &Side<'_>,
    store: &str,
    took: impl Fn(NodeIdx) -> Option<u64>,
) -> RootView {
    let view = |node: NodeIdx| {
        let path = new.graph.base_name(node);
        let name = name_of(path);
        RebuiltView {
            name: name.to_owned(),
            pname: pname_of(name).to_owned(),
            path: format!("{store}/{path}"),
            duration_ns: took(node),
            roots: found.roots_behind(node),
        }
    };
    let own = root.is_built.then_some(root.node);
    let with_own = own.iter().chain(&root.needed).copied();
    let of_others = root.cascade.iter().copied();
    let alone = of_others
        .clone()
        .filter(|&node| found.roots_behind(node) == 1);
    let sum = |nodes: &mut dyn Iterator<Item = NodeIdx>| {
        let known = nodes.filter_map(&took);
        known.reduce(u64::saturating_add)
    };
    let all = with_own.clone().chain(of_others);
    let alone = with_own.chain(alone);
    RootView {
        unit: view(root.node),
        built: root.is_built,
        old_path: root
            .old
            .map(|old_node| old.graph.base_name(old_node).to_owned()),
        became: root.became,
        changes: root.changes.iter().map(change_view).collect(),
        needed: root.needed.iter().map(|&node| view(node)).collect(),
        cascade: root.cascade.iter().map(|&node| view(node)).collect(),
        cost_ns: sum(&mut all.clone()),
        unknown_durations: all.filter(|&node| took(node).is_none()).count(),
        alone: alone.clone().count(),
        alone_ns: sum(&mut alone.clone()),
    }
}

fn change_view(change: &Change) -> ChangeView {
    ChangeView {
        what: change.what.clone(),
        old: change.old.clone(),
        new: change.new.clone(),
    }
}
