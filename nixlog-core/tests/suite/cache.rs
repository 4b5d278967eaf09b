//! What caches were asked and gave: against the ground truth, and against what logs cannot say.

use std::collections::{BTreeMap, BTreeSet};

use nixlog_core::analysis::cache::{CacheUse, Why, cache_use};
use nixlog_core::graph::{DerivationGraph, GraphBuilder, NodeKind};
use nixlog_core::timeline::{CacheFault, Source, Timeline};
use serde_json::Value;

use crate::recordings::{recording, timeline};
use crate::truth_graph::from_truth;

/// What a log says by itself of one cache: paths it was asked for, and bytes of archives that came from it.
#[derive(Debug, Default)]
struct Raw {
    asked: Vec<String>,
    fetched: BTreeSet<String>,
    bytes: u64,
}

/// Reads the questions and the downloads of a log line by line.
fn raw(bytes: &[u8]) -> BTreeMap<String, Raw> {
    let mut caches: BTreeMap<String, Raw> = BTreeMap::new();
    let mut downloads: BTreeMap<u64, (String, u64)> = BTreeMap::new();
    for line in String::from_utf8_lossy(bytes).lines() {
        let Some((_, json)) = line.split_once("@nix ") else {
            continue;
        };
        let event: Value = serde_json::from_str(json).expect("JSON");
        let field = |at: usize| event["fields"][at].as_str().unwrap_or_default().to_owned();
        match (event["action"].as_str(), event["type"].as_u64()) {
            (Some("start"), Some(109)) => {
                caches.entry(field(1)).or_default().asked.push(field(0));
            }
            (Some("start"), Some(108)) => {
                caches.entry(field(1)).or_default().fetched.insert(field(0));
            }
            (Some("start"), Some(101)) => {
                let id = event["id"].as_u64().expect("a number");
                if let Some((cache, _)) = field(0).split_once("/nar/") {
                    downloads.insert(id, (cache.to_owned(), 0));
                }
            }
            (Some("result"), Some(105)) => {
                let id = event["id"].as_u64().expect("a number");
                if let Some((_, bytes)) = downloads.get_mut(&id) {
                    *bytes = event["fields"][0].as_u64().expect("a number");
                }
            }
            _ => {}
        }
    }
    for (cache, bytes) in downloads.into_values() {
        caches.entry(cache).or_default().bytes += bytes;
    }
    caches
}

#[test]
fn caches_of_recordings_are_as_the_truth_has_them() {
    for name in ["2.34.8-subst-subst-slow", "2.8.0-subst-subst-part"] {
        let recording = recording(name);
        let truth = recording.truth.as_ref().expect("the truth");
        let bytes = recording.bytes();
        let timeline = timeline(&bytes);
        let graph = from_truth(truth);
        let found = cache_use(&timeline, &Source::default(), &graph, None);
        let nodes = truth["nodes"].as_object().expect("nodes");
        let in_cache = truth["in_cache"].as_array().expect("a list");
        let in_cache: BTreeSet<&str> = in_cache
            .iter()
            .filter_map(Value::as_str)
            .flat_map(|key| nodes[key]["outputs"].as_object().expect("outputs").values())
            .filter_map(Value::as_str)
            .collect();
        let raw = raw(&bytes);
        assert_eq!(found.substituters.len(), raw.len(), "{name}");
        for cache in &found.substituters {
            let raw = &raw[cache.uri];
            let has = |path: &&String| in_cache.contains(path.as_str());
            let hit = raw.asked.iter().filter(has).count();
            assert!(hit > 0 && hit < raw.asked.len(), "{name}");
            assert_eq!((cache.asked, cache.hit), (raw.asked.len(), hit), "{name}");
            assert_eq!(cache.missed, raw.asked.len() - hit, "{name}");
            assert_eq!((cache.unclear, cache.unanswered), (0, 0), "{name}");
            assert_eq!(cache.downloads.paths, raw.fetched.len(), "{name}");
            assert_eq!(cache.downloads.wire_bytes, Some(raw.bytes), "{name}");
            assert_eq!(cache.latencies.len(), raw.asked.len(), "{name}");
            assert!(cache.failures.is_empty(), "{name}");
        }
        let built = nodes.values().filter(|node| node["built"] == true).count();
        let fetched: usize = raw.values().map(|cache| cache.fetched.len()).sum();
        assert_eq!(
            (found.built.len(), found.substituted),
            (built, fetched),
            "{name}"
        );
        assert!(found.built.iter().all(|it| it.why == Why::Absent), "{name}");
        let want = fetched as f64 / (fetched + built) as f64;
        assert_eq!(found.hit_rate, Some(want), "{name}");
    }
}

const A: &str = "/nix/store/7ajh8plhm64ypnph30js1a3lq6zsyxqr-a";
const B: &str = "/nix/store/8ajh8plhm64ypnph30js1a3lq6zsyxqr-b";

/// A log that is put together of starts, progress and stops.
#[derive(Debug, Default)]
struct Log {
    lines: Vec<String>,
    id: u64,
    at: u64,
}

impl Log {
    fn start(&mut self, kind: u32, parent: u64, fields: &str) -> u64 {
        (self.id, self.at) = (self.id + 1, self.at + 1_000_000);
        let (at, id) = (self.at, self.id);
        self.lines.push(format!(
            r#"{at} @nix {{"action":"start","fields":[{fields}],"id":{id},"level":3,"parent":{parent},"text":"","type":{kind}}}"#
        ));
        id
    }

    fn stop(&mut self, id: u64) {
        self.at += 1_000_000;
        let at = self.at;
        self.lines
            .push(format!(r#"{at} @nix {{"action":"stop","id":{id}}}"#));
    }

    fn says(&mut self, message: &str) {
        let at = self.at;
        self.lines.push(format!(
            r#"{at} @nix {{"action":"msg","level":1,"msg":"{message}"}}"#
        ));
    }

    /// Asks a cache for a path; `bytes` come back.
    fn asks(&mut self, path: &str, cache: &str, bytes: Option<u64>, parent: u64) {
        let question = self.start(109, parent, &format!(r#""{path}","{cache}""#));
        if let Some(bytes) = bytes {
            let hash = &path[11..43];
            let file = format!(r#""{cache}/{hash}.narinfo""#);
            let transfer = self.start(101, question, &file);
            let at = self.at;
            self.lines.push(format!(
                r#"{at} @nix {{"action":"result","fields":[{bytes},{bytes},0,0],"id":{transfer},"type":105}}"#
            ));
            self.stop(transfer);
        }
        self.stop(question);
    }

    fn builds(&mut self, path: &str) {
        let build = self.start(105, 0, &format!(r#""{path}.drv","",1,1"#));
        self.stop(build);
    }

    fn timeline(&self) -> Timeline {
        timeline(self.lines.join("\n").as_bytes())
    }
}

/// Returns asked, hit, missed, unanswered and unclear of a cache.
fn answers(found: &CacheUse<'_>, uri: &str) -> [usize; 5] {
    let mut caches = found.substituters.iter();
    let cache = caches.find(|it| it.uri == uri).expect("the cache");
    [
        cache.asked,
        cache.hit,
        cache.missed,
        cache.unanswered,
        cache.unclear,
    ]
}

fn used<'a>(timeline: &'a Timeline, graph: &DerivationGraph) -> CacheUse<'a> {
    cache_use(timeline, &Source::default(), graph, None)
}

fn why(found: &CacheUse<'_>) -> Vec<Why> {
    found.built.iter().map(|it| it.why).collect()
}

/// Bytes that came prove nothing: servers say in many words that they have nothing.
#[test]
fn a_long_refusal_is_no_hit() {
    let mut log = Log::default();
    log.asks(A, "http://c", Some(146), 0);
    log.builds(A);
    log.asks(B, "http://c", Some(500), 0);
    let timeline = log.timeline();
    let found = used(&timeline, &DerivationGraph::default());
    assert_eq!(answers(&found, "http://c"), [2, 1, 1, 0, 0]);
    assert_eq!(why(&found), [Why::Absent]);
    assert!(found.built[0].by_name);
    // With nothing to compare it with, nobody knows.
    let mut log = Log::default();
    log.asks(B, "http://c", Some(500), 0);
    let timeline = log.timeline();
    let found = used(&timeline, &DerivationGraph::default());
    assert_eq!(answers(&found, "http://c"), [1, 0, 0, 0, 1]);
    assert_eq!(found.hit_rate, None);
}

/// Who is asked next tells what the one before had.
#[test]
fn the_order_of_caches() {
    let mut log = Log::default();
    log.asks(A, "http://empty", Some(300), 0);
    log.asks(A, "http://full", Some(400), 0);
    let substitution = log.start(108, 0, &format!(r#""{A}","http://full""#));
    log.stop(substitution);
    let timeline = log.timeline();
    let found = used(&timeline, &DerivationGraph::default());
    assert_eq!(answers(&found, "http://empty"), [1, 0, 1, 0, 0]);
    assert_eq!(answers(&found, "http://full"), [1, 1, 0, 0, 0]);
    let order = found.order.expect("two caches");
    assert_eq!(order.never_had, [0]);
    // Each question took three steps of a millisecond.
    let millis = |nanos: Option<nixlog_core::time::Nanos>| nanos.map(|it| it.get() / 1_000_000);
    assert_eq!(
        (millis(order.asked), millis(order.in_vain)),
        (Some(4), Some(2))
    );
    let (better, then) = order.better.expect("the other order");
    assert_eq!((better, then.get()), (vec![1, 0], 2_000_000));
}

#[test]
fn failures_of_questions_and_of_downloads() {
    let mut log = Log::default();
    log.asks(A, "http://c", Some(0), 0);
    log.says("error: unable to download 'http://c/7ajh8plhm64ypnph30js1a3lq6zsyxqr.narinfo': HTTP error 503");
    log.says("disabling binary cache 'http://c' for 60 seconds");
    log.asks(B, "http://c", None, 0);
    log.builds(A);
    log.builds(B);
    let timeline = log.timeline();
    let found = used(&timeline, &DerivationGraph::default());
    assert_eq!(answers(&found, "http://c"), [2, 0, 0, 2, 0]);
    let cache = &found.substituters[0];
    assert_eq!(cache.failures, [(CacheFault::ServerError, 1)].into());
    assert_eq!((cache.disabled, cache.latencies.len()), (1, 0));
    assert_eq!(why(&found), [Why::Unanswered, Why::Unanswered]);
    assert_eq!(found.hit_rate, Some(0.0));

    let mut log = Log::default();
    log.asks(A, "http://c", Some(400), 0);
    log.says(&format!("warning: ignoring substitute for '{A}' from 'http://c', as it's not signed by any of the keys in 'trusted-public-keys'"));
    log.builds(A);
    let timeline = log.timeline();
    let found = used(&timeline, &DerivationGraph::default());
    assert_eq!(answers(&found, "http://c"), [1, 1, 0, 0, 0]);
    assert_eq!(why(&found), [Why::NotSigned]);
}

/// What nobody asked for, and why.
#[test]
fn what_no_cache_was_asked_for() {
    let mut log = Log::default();
    log.builds(A);
    let timeline = log.timeline();
    let drv = format!("{A}.drv");
    let graph = |allows_substitutes: bool| {
        let mut builder = GraphBuilder::default();
        let node = builder.node(&drv);
        builder.node_mut(node).kind = NodeKind::Derivation;
        builder.node_mut(node).allows_substitutes = allows_substitutes;
        builder.output(node, "out", Some(A));
        builder.finish().expect("no cycle")
    };
    assert_eq!(
        why(&used(&timeline, &DerivationGraph::default())),
        [Why::Unknown]
    );
    assert_eq!(why(&used(&timeline, &graph(false))), [Why::NotAllowed]);
    let graph = graph(true);
    let found = used(&timeline, &graph);
    // Nobody was asked for anything: the log may not tell of questions at all.
    assert_eq!((why(&found), found.hit_rate), (vec![Why::Unknown], None));
    log.asks(B, "http://c", Some(0), 0);
    let timeline = log.timeline();
    assert_eq!(why(&used(&timeline, &graph)), [Why::NotAsked]);
    let mut source = Source::default();
    source
        .recording
        .push(r#"{"type":"header","command":["nix","build","--no-substitute"]}"#);
    source
        .recording
        .push(r#"{"type":"settings","settings":{"substitute":true}}"#);
    let found = cache_use(&timeline, &source, &graph, None);
    assert_eq!(why(&found), [Why::Disabled]);
}

/// A remote machine asks and fetches for itself.
#[test]
fn what_a_build_hook_tells_of_does_not_count() {
    let mut log = Log::default();
    let call = log.start(102, 0, "");
    log.asks(A, "http://c", Some(400), call);
    let substitution = log.start(108, call, &format!(r#""{A}","http://c""#));
    log.stop(substitution);
    let timeline = log.timeline();
    let found = used(&timeline, &DerivationGraph::default());
    assert!(found.substituters.is_empty(), "{:?}", found.substituters);
    assert_eq!((found.substituted, found.hit_rate), (0, None));
}
