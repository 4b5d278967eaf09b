//! `cache`: what caches gave, what they cost, and why the rest was built.

mod layout;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::analysis::address::is_local;
use crate::analysis::cache::{
    CacheSettings, CacheUse, Oddity, Order, Substituter, Transfers, Why, quantile,
};
use crate::report::document::Document;
use crate::report::envelope::{Answer, Input, Report, nanos, share};
use crate::report::table::{Names, limit};
use crate::report::unit::{UnitBrief, brief};
use crate::store_path::pname_of;
use crate::time::Nanos;
use crate::timeline::{CacheFault, Outcome, Timeline, UnitKind};

/// The result of `cache`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct CacheResult {
    /// Store paths that came from caches, over these and the builds that a cache was asked for; `null` where
    /// the log does not tell what caches were asked for.
    pub hit_rate: Option<f64>,
    /// How many store paths came from caches.
    pub substituted_paths: usize,
    /// How many builds ran.
    pub builds: usize,
    /// For how many of them a cache was asked; `null` where the log does not tell.
    pub builds_asked_for: Option<usize>,
    /// For how many of these that is known by their name only: their derivations are not known.
    pub builds_by_name: usize,
    /// The caches, in the order in which they were first used.
    pub substituters: Vec<SubstituterView>,
    /// Why what was built did not come from a cache; the most frequent reason first.
    pub reasons: Vec<ReasonView>,
    /// What the order of the caches costs; `null` where fewer than two were asked.
    pub order: Option<OrderView>,
    /// Stores that paths were copied to.
    pub uploads: Vec<UploadView>,
    /// Post-build hooks, which mostly push to a cache; `null` where none ran.
    pub post_build_hooks: Option<TransfersView>,
    /// What Nix was set to; `null` where the recording does not tell.
    pub settings: Option<SettingsView>,
    /// What caches saved; `null` where nothing is known of how long what came takes to build.
    pub ledger: Option<LedgerView>,
}

/// What caches saved: work that was not done here, by how long such builds usually take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct LedgerView {
    /// How many packages came from caches.
    pub packages: usize,
    /// Of how many of them it is known how long they usually take to build; only these are counted below.
    pub known: usize,
    /// How long building them usually takes, one after the other.
    pub building_ns: u64,
    /// How long fetching them took, one after the other.
    pub fetching_ns: u64,
    /// How many of them took longer to fetch than they usually take to build.
    pub slower_than_building: usize,
    /// The packages, those that take longest to build first.
    pub worth: Vec<WorthView>,
}

/// A package that came from a cache.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct WorthView {
    /// The name without version.
    pub pname: String,
    /// How many of its paths came.
    pub paths: usize,
    /// Bytes on the wire.
    pub bytes: Option<u64>,
    /// How long fetching it took.
    pub fetching_ns: Option<u64>,
    /// How long building it usually takes.
    pub building_ns: Option<u64>,
}

/// What one cache did.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct SubstituterView {
    /// Its address.
    pub uri: String,
    /// It is on this machine, and may be a proxy for another one.
    pub local: bool,
    /// Questions about paths; `null`, as all about them, where the log has none of them.
    pub asked: Option<usize>,
    /// It has the path.
    pub hit: Option<usize>,
    /// It has not.
    pub missed: Option<usize>,
    /// It did not answer.
    pub unanswered: Option<usize>,
    /// The log does not tell what it answered.
    pub unclear: Option<usize>,
    /// Looks whether a path is there that ask for no more than that.
    pub checked: Option<usize>,
    /// What failed for good: questions, downloads, and paths that were refused.
    pub failed: usize,
    /// The same by kind.
    pub failures: Vec<FailuresView>,
    /// Transfers that were tried again.
    pub retries: usize,
    /// How often Nix did not use it any more for some time.
    pub disabled: usize,
    /// How often nothing arrived for at least five seconds although a download had begun.
    pub stalls: Option<usize>,
    /// For how long that was, in all.
    pub stalled_ns: Option<u64>,
    /// The longest of them.
    pub longest_stall_ns: Option<u64>,
    /// Paths that came from it.
    pub paths: usize,
    /// Downloads that failed.
    pub failed_paths: usize,
    /// Bytes on the wire of all downloads, those that were of no use among them.
    pub bytes: Option<u64>,
    /// That over the same of all caches.
    pub bytes_share: Option<f64>,
    /// Bytes of the unpacked archives that came.
    pub unpacked_bytes: Option<u64>,
    /// For how long any download was under way.
    pub busy_ns: Option<u64>,
    /// Bytes per second of that time.
    pub bandwidth_bps: Option<u64>,
    /// For how long any question was under way.
    pub asking_ns: Option<u64>,
    /// How long half of the questions took at most.
    pub latency_p50_ns: Option<u64>,
    /// How long nine of ten questions took at most.
    pub latency_p90_ns: Option<u64>,
    /// How long the longest took.
    pub latency_max_ns: Option<u64>,
    /// How much of the critical path lies in its downloads and in questions to it; `null` where it is not
    /// known what depends on what.
    pub critical_ns: Option<u64>,
    /// How much of that lies in questions.
    pub critical_asking_ns: Option<u64>,
}

/// How often something failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct FailuresView {
    /// How.
    pub kind: CacheFault,
    /// How often.
    pub count: usize,
}

/// Builds that ran for the same reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct ReasonView {
    /// Why.
    pub reason: Why,
    /// How many.
    pub count: usize,
    /// The sum of their durations, as far as known.
    pub duration_ns: Option<u64>,
    /// The longest of them.
    pub units: Vec<UnitBrief>,
}

/// What the order of the caches costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct OrderView {
    /// Caches that were asked and had nothing.
    pub never_had: Vec<String>,
    /// For how long any question was under way that a cache answered with no.
    pub in_vain_ns: Option<u64>,
    /// How much of the critical path lies in such questions.
    pub critical_in_vain_ns: Option<u64>,
    /// The sum of what all questions took about paths that some cache had.
    pub asked_ns: Option<u64>,
    /// A cheaper order; `null` where none is known.
    pub better: Option<Vec<String>>,
    /// What the same sum would be in that order, at most, by the latencies of this log.
    pub better_ns: Option<u64>,
}

/// A store that paths were copied to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct UploadView {
    /// Its address.
    pub uri: String,
    /// What was copied.
    #[serde(flatten)]
    pub copies: TransfersView,
}

/// Paths that were moved, or hooks that ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct TransfersView {
    /// How many succeeded, as far as the log tells.
    pub count: usize,
    /// How many failed.
    pub failed: usize,
    /// Bytes on the wire.
    pub bytes: Option<u64>,
    /// Bytes of the unpacked archives.
    pub unpacked_bytes: Option<u64>,
    /// For how long any of them was under way.
    pub busy_ns: Option<u64>,
    /// How much of the critical path lies in them; `null` where it is not known what depends on what.
    pub critical_ns: Option<u64>,
}

/// What Nix was set to, as far as caches go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct SettingsView {
    /// A cache is used at all.
    pub substitute: bool,
    /// The caches.
    pub substituters: Option<Vec<String>>,
    /// The names of the trusted keys.
    pub trusted_keys: Option<Vec<String>>,
    /// Paths need a signature.
    pub require_sigs: Option<bool>,
    /// Connections at once.
    pub http_connections: Option<u64>,
    /// Substitutions at once.
    pub max_substitution_jobs: Option<u64>,
    /// For how many seconds Nix remembers that a cache has nothing.
    pub negative_ttl_s: Option<u64>,
    /// For how many seconds Nix waits for a connection; 0 for as long as it takes.
    pub connect_timeout_s: Option<u64>,
    /// What does not fit together.
    pub findings: Vec<FindingView>,
}

/// Something odd about the settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct FindingView {
    /// What.
    pub finding: Oddity,
    /// The cache, or the name of the key.
    pub about: String,
}

impl Answer for CacheResult {
    const SCHEMA: &'static str = "nixlog.cache/1";
    type From = Input;
    type Options = Names;

    fn document(report: &Report<Self>, names: &Names) -> Document {
        layout::document(report, *names)
    }
}

/// Makes the result of `cache`; `top` says how many builds to name for each reason, 0 for all.
#[must_use]
pub fn result(timeline: &Timeline, caches: &CacheUse<'_>, top: usize) -> CacheResult {
    // A log for people has no questions, and nobody remembers those of a reconstruction.
    let has_questions = !timeline.is_text() && !timeline.is_reconstructed();
    let asked_for = caches.built.iter().filter(|it| it.is_asked).count();
    let total: Option<u64> = caches
        .substituters
        .iter()
        .filter_map(|cache| cache.downloads.wire_bytes)
        .reduce(u64::saturating_add);
    let substituter = |cache: &Substituter<'_>| substituter(timeline, cache, has_questions, total);
    let settings = caches.settings.as_ref();
    CacheResult {
        hit_rate: caches.hit_rate,
        substituted_paths: caches.substituted,
        builds: caches.built.len(),
        builds_asked_for: has_questions.then_some(asked_for),
        builds_by_name: caches.built.iter().filter(|it| it.by_name).count(),
        substituters: caches.substituters.iter().map(substituter).collect(),
        reasons: reasons(timeline, caches, top),
        order: caches.order.as_ref().map(|it| order(caches, it)),
        uploads: caches
            .uploads
            .iter()
            .map(|upload| UploadView {
                uri: upload.uri.to_owned(),
                copies: transfers(&upload.copies),
            })
            .collect(),
        post_build_hooks: caches.hooks.as_ref().map(transfers),
        settings: settings.map(settings_view),
        ledger: None,
    }
}

impl CacheResult {
    /// Adds what the caches saved: `usual` tells how long a package usually takes to build. So many packages are
    /// named; 0 for all.
    pub fn add_ledger(
        &mut self,
        timeline: &Timeline,
        usual: impl Fn(&str) -> Option<Nanos>,
        top: usize,
    ) {
        let units = timeline.units().iter();
        let came = units.filter(|unit| {
            let is_one = unit.kind == UnitKind::Substitution && unit.started && !unit.by_hook;
            is_one && unit.outcome == Outcome::Succeeded
        });
        // Several outputs are made by one build.
        let mut packages: BTreeMap<&str, WorthView> = BTreeMap::new();
        for unit in came {
            let pname = pname_of(timeline.unit_name(unit));
            let package = packages.entry(pname).or_insert_with(|| WorthView {
                pname: pname.to_owned(),
                paths: 0,
                bytes: None,
                fetching_ns: None,
                building_ns: nanos(usual(pname)),
            });
            let add = |sum: &mut Option<u64>, more: Option<u64>| {
                *sum = more.map(|more| sum.unwrap_or_default() + more).or(*sum);
            };
            package.paths += 1;
            add(&mut package.bytes, unit.wire_bytes);
            add(&mut package.fetching_ns, nanos(unit.duration()));
        }
        let total = packages.len();
        let known = packages.into_values().filter(|it| it.building_ns.is_some());
        let mut known: Vec<WorthView> = known.collect();
        if known.is_empty() {
            return;
        }
        known.sort_by(|a, b| (b.building_ns, &a.pname).cmp(&(a.building_ns, &b.pname)));
        let sum = |of: fn(&WorthView) -> Option<u64>| known.iter().filter_map(of).sum();
        let is_slower = |it: &&WorthView| it.fetching_ns > it.building_ns;
        self.ledger = Some(LedgerView {
            packages: total,
            known: known.len(),
            building_ns: sum(|it| it.building_ns),
            fetching_ns: sum(|it| it.fetching_ns),
            slower_than_building: known.iter().filter(is_slower).count(),
            worth: known[..limit(top, known.len())].to_vec(),
        });
    }
}

fn substituter(
    timeline: &Timeline,
    cache: &Substituter<'_>,
    has_questions: bool,
    total: Option<u64>,
) -> SubstituterView {
    let of_questions = |count: usize| has_questions.then_some(count);
    let latency = |hundredths| nanos(quantile(&cache.latencies, hundredths));
    let timed = timeline.wall().is_some();
    let stalls = || cache.stalls.iter().map(|stall| stall.length());
    let (bytes, downloads) = (cache.downloads.wire_bytes, &cache.downloads);
    let critical = [downloads.critical, cache.critical_asking];
    SubstituterView {
        uri: cache.uri.to_owned(),
        local: is_local(cache.uri),
        asked: of_questions(cache.asked),
        hit: of_questions(cache.hit),
        missed: of_questions(cache.missed),
        unanswered: of_questions(cache.unanswered),
        unclear: of_questions(cache.unclear),
        checked: of_questions(cache.checked),
        failed: cache.failures.values().sum(),
        failures: cache
            .failures
            .iter()
            .map(|(&kind, &count)| FailuresView { kind, count })
            .collect(),
        retries: cache.retries,
        disabled: cache.disabled,
        stalls: timed.then_some(cache.stalls.len()),
        stalled_ns: timed.then(|| stalls().sum::<Nanos>().get()),
        longest_stall_ns: nanos(stalls().max()),
        paths: downloads.paths,
        failed_paths: downloads.failed,
        bytes,
        bytes_share: share(bytes, total),
        unpacked_bytes: downloads.unpacked_bytes,
        busy_ns: nanos(downloads.busy),
        bandwidth_bps: downloads.bandwidth(),
        asking_ns: nanos(cache.asking),
        latency_p50_ns: latency(50),
        latency_p90_ns: latency(90),
        latency_max_ns: latency(100),
        critical_ns: nanos(critical.into_iter().flatten().reduce(|a, b| a + b)),
        critical_asking_ns: nanos(cache.critical_asking),
    }
}

fn reasons(timeline: &Timeline, caches: &CacheUse<'_>, top: usize) -> Vec<ReasonView> {
    let mut by_reason: BTreeMap<Why, Vec<usize>> = BTreeMap::new();
    for built in &caches.built {
        by_reason.entry(built.why).or_default().push(built.unit);
    }
    let took = |&unit: &usize| timeline.units()[unit].duration();
    let view = |(reason, mut units): (Why, Vec<usize>)| {
        units.sort_by_key(|unit| std::cmp::Reverse(took(unit)));
        let total = units.iter().filter_map(took).reduce(|a, b| a + b);
        ReasonView {
            reason,
            count: units.len(),
            duration_ns: nanos(total),
            units: units[..limit(top, units.len())]
                .iter()
                .map(|&unit| brief(timeline, unit))
                .collect(),
        }
    };
    let mut views: Vec<ReasonView> = by_reason.into_iter().map(view).collect();
    views.sort_by_key(|view| std::cmp::Reverse(view.count));
    views
}

fn order(caches: &CacheUse<'_>, order: &Order) -> OrderView {
    let names = |places: &[usize]| {
        let uris = places.iter().map(|&it| caches.substituters[it].uri);
        uris.map(str::to_owned).collect()
    };
    OrderView {
        never_had: names(&order.never_had),
        in_vain_ns: nanos(order.in_vain),
        critical_in_vain_ns: nanos(order.critical_in_vain),
        asked_ns: nanos(order.asked),
        better: order.better.as_ref().map(|(order, _)| names(order)),
        better_ns: nanos(order.better.as_ref().map(|&(_, sum)| sum)),
    }
}

fn transfers(transfers: &Transfers) -> TransfersView {
    TransfersView {
        count: transfers.paths,
        failed: transfers.failed,
        bytes: transfers.wire_bytes,
        unpacked_bytes: transfers.unpacked_bytes,
        busy_ns: nanos(transfers.busy),
        critical_ns: nanos(transfers.critical),
    }
}

fn settings_view(settings: &CacheSettings) -> SettingsView {
    SettingsView {
        substitute: !settings.is_off,
        substituters: settings.substituters.clone(),
        trusted_keys: settings.keys.clone(),
        require_sigs: settings.require_sigs,
        http_connections: settings.http_connections,
        max_substitution_jobs: settings.max_substitution_jobs,
        negative_ttl_s: settings.negative_ttl_s,
        connect_timeout_s: settings.connect_timeout_s,
        findings: settings
            .findings
            .iter()
            .map(|it| FindingView {
                finding: it.oddity,
                about: it.about.clone(),
            })
            .collect(),
    }
}
