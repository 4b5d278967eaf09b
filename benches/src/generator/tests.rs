use std::collections::HashSet;

use serde_json::Value;

use nixlog_core::graph::{CriticalPathMethod, Dag};

use super::{Mix, generate, generate_stamped, graph};

const MIXES: [Mix; 3] = [Mix::Build, Mix::Download, Mix::Escapes];

fn events(log: &str) -> impl Iterator<Item = Value> {
    log.lines().map(|line| {
        let json = line.strip_prefix("@nix ").expect("Nix's prefix");
        serde_json::from_str(json).expect("valid JSON")
    })
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    for mix in MIXES {
        assert_eq!(generate(mix, 7, 100_000), generate(mix, 7, 100_000));
        assert_ne!(generate(mix, 7, 100_000), generate(mix, 8, 100_000));
    }
}

#[test]
fn the_length_is_about_what_was_asked_for() {
    for mix in MIXES {
        for bytes in [200_000, 2_000_000] {
            let len = generate(mix, 1, bytes).len();
            let range = bytes * 85 / 100..bytes * 115 / 100;
            assert!(range.contains(&len), "{mix:?}: {len} for {bytes}");
        }
    }
}

#[test]
fn the_mix_is_that_of_real_logs() {
    for (mix, kind, share, line_bytes) in [
        (Mix::Build, 101, 82..87, 138..152),
        (Mix::Escapes, 101, 80..90, 130..230),
        (Mix::Download, 105, 97..100, 88..98),
    ] {
        let log = generate(mix, 3, 2_000_000);
        let n_lines = log.lines().count();
        let of_kind = events(&log).filter(|e| e["action"] == "result" && e["type"] == kind);
        let percent = of_kind.count() * 100 / n_lines;
        assert!(share.contains(&percent), "{mix:?}: {percent} %");
        let average = log.len() / n_lines;
        assert!(line_bytes.contains(&average), "{mix:?}: {average} B a line");
    }
    let log = generate(Mix::Escapes, 3, 2_000_000);
    let n_escapes = log.matches('\\').count();
    assert!(n_escapes * 12 > log.len(), "{n_escapes} in {}", log.len());
}

#[test]
fn the_keys_stand_in_the_order_of_nix() {
    for mix in MIXES {
        for line in generate(mix, 5, 100_000).lines() {
            let json = line.strip_prefix("@nix ").expect("Nix's prefix");
            // serde_json's map is sorted, so a line in another order or with spaces differs.
            let value: Value = serde_json::from_str(json).expect("valid JSON");
            assert_eq!(value.to_string(), json);
        }
    }
}

#[test]
fn every_story_is_whole() {
    for mix in MIXES {
        let mut open = HashSet::new();
        let mut progress = 0;
        for event in events(&generate(mix, 11, 400_000)) {
            let id = event["id"].as_u64();
            match event["action"].as_str().expect("an action") {
                "start" => {
                    let parent = event["parent"].as_u64().expect("a parent");
                    assert!(parent == 0 || open.contains(&parent), "{event}");
                    assert!(open.insert(id.expect("an id")), "{event}");
                }
                "stop" => assert!(open.remove(&id.expect("an id")), "{event}"),
                "result" => {
                    assert!(open.contains(&id.expect("an id")), "{event}");
                    let done = event["fields"][0].as_u64();
                    let of = event["fields"][1].as_u64();
                    if event["type"] == 105 {
                        assert!(done <= of, "{event}");
                        progress += 1;
                    }
                }
                "msg" => assert!(event["msg"].is_string(), "{event}"),
                other => panic!("{other}"),
            }
        }
        assert!(open.is_empty(), "{mix:?}: {open:?}");
        assert!(progress > 0, "{mix:?}");
    }
}

#[test]
fn stamps_rise_and_change_nothing_else() {
    for mix in MIXES {
        let stamped = generate_stamped(mix, 2, 100_000);
        let mut last = 0;
        let mut bare = String::new();
        for line in stamped.lines() {
            let (stamp, line) = line.split_once(' ').expect("a stamp");
            let stamp: u64 = stamp.parse().expect("nanoseconds");
            assert!(last <= stamp, "{stamp} after {last}");
            last = stamp;
            bare.push_str(line);
            bare.push('\n');
        }
        assert!(last > 31_548_576, "{mix:?}: no time passed");
        assert_eq!(bare, generate(mix, 2, 100_000));
    }
}

#[test]
fn graphs_have_no_cycle_and_are_deep() {
    for n_nodes in [0, 1, 2, 10, 100, 1000, 10_000] {
        let graph = graph(n_nodes, 10, 7);
        assert_eq!(graph.durations.len(), n_nodes);
        let dag = Dag::new(n_nodes, graph.edges).expect("no cycle");
        let cpm = CriticalPathMethod::new(&dag, &graph.durations);
        let depth = cpm.longest_path(None).len();
        assert!(depth * 16 >= n_nodes.min(3000), "{n_nodes}: {depth} levels");
        assert!(n_nodes < 1000 || dag.n_edges() > 8 * n_nodes);
    }
}
