//! Derivations of real builds: files and JSON say the same, and the same as the ground truth.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nixlog_core::analysis::drawing;
use nixlog_core::analysis::implied_graph::implied_graph;
use nixlog_core::analysis::run_graph::RunGraph;
use nixlog_core::drv::{Derivation, OutputKind, Shown, path_infos, shown};
use nixlog_core::graph::{DerivationGraph, Direction, GraphBuilder, NodeKind, closure, transitive};
use nixlog_core::time::Nanos;
use nixlog_core::timeline::{Timeline, TimelineBuilder};
use serde_json::Value;

use crate::recordings::{files_in, timeline, unpacked};
use crate::shared_corpus;

/// The derivations of a recording, in the forms that it has.
struct Recorded {
    name: String,
    files: Vec<(String, Vec<u8>)>,
    json: Option<Vec<u8>>,
    infos: Option<Vec<u8>>,
    truth: Option<Value>,
    log: Option<Vec<u8>>,
}

fn recorded_in(dir: &Path) -> Vec<Recorded> {
    let read = |name: &str, kind: &str| {
        let paths = ["", ".zst"].map(|packed| dir.join(format!("{name}.{kind}{packed}")));
        paths
            .iter()
            .find(|path| path.exists())
            .map(|path| unpacked(path))
    };
    let archives = files_in(dir).into_iter().filter_map(|path| {
        let name = path.file_name()?.to_str()?.strip_suffix(".drvs.tar.gz")?;
        Some((name.to_owned(), path))
    });
    archives
        .map(|(name, path)| Recorded {
            files: files(&path),
            json: read(&name, "derivations.json"),
            infos: read(&name, "path-info.json"),
            log: read(&name, "ts.log"),
            truth: read(&name, "truth.json")
                .map(|truth| serde_json::from_slice(&truth).expect("the truth is JSON")),
            name,
        })
        .collect()
}

fn files(archive: &PathBuf) -> Vec<(String, Vec<u8>)> {
    let bytes = std::fs::read(archive).expect("a readable archive");
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(bytes.as_slice()));
    let entries = archive.entries().expect("an archive");
    let entries = entries.map(|entry| {
        let mut entry = entry.expect("a whole archive");
        let name = entry.path().expect("a name").display().to_string();
        let mut file = Vec::new();
        entry.read_to_end(&mut file).expect("a whole archive");
        (name, file)
    });
    entries.filter(|(name, _)| name.ends_with(".drv")).collect()
}

/// Everything that a derivation says, whichever form it came in.
fn normal_file(path: &str, derivation: &Derivation<'_>) -> String {
    let attributes = derivation.attributes();
    let outputs: Vec<_> = derivation
        .outputs
        .iter()
        .map(|output| {
            (
                output.name.to_string(),
                base(&output.path.to_text()),
                output.kind(),
            )
        })
        .collect();
    let inputs: BTreeSet<_> = derivation
        .inputs
        .iter()
        .map(|input| {
            let outputs: Vec<_> = input.outputs.iter().map(|name| name.to_string()).collect();
            (base(&input.path.to_text()), outputs)
        })
        .collect();
    let sources: BTreeSet<_> = derivation
        .sources
        .iter()
        .map(|path| base(&path.to_text()))
        .collect();
    let args: Vec<_> = derivation.args.iter().map(|arg| arg.to_string()).collect();
    let env: BTreeMap<_, _> = derivation
        .env
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_string()))
        .collect();
    let (system, builder) = (derivation.system, derivation.builder);
    let path = base(path);
    format!(
        "{path} {outputs:?} {inputs:?} {sources:?} {system} {builder} {args:?} {env:?} {attributes:?}"
    )
}

fn normal_json(shown: &Shown<'_>) -> String {
    let attributes = shown.attributes();
    let outputs: Vec<_> = shown
        .outputs
        .iter()
        .map(|output| {
            let path = output.path.as_deref().unwrap_or_default();
            (output.name.to_string(), base(path), output.kind)
        })
        .collect();
    let inputs: BTreeSet<_> = shown
        .inputs
        .iter()
        .map(|input| {
            let outputs: Vec<_> = input.outputs.iter().map(ToString::to_string).collect();
            (base(&input.path), outputs)
        })
        .collect();
    let sources: BTreeSet<_> = shown.sources.iter().map(|path| base(path)).collect();
    let args: Vec<_> = shown.args.iter().map(ToString::to_string).collect();
    let env: BTreeMap<_, _> = shown
        .env
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_string()))
        .collect();
    let (system, builder) = (&shown.system, &shown.builder);
    let path = base(&shown.path);
    format!(
        "{path} {outputs:?} {inputs:?} {sources:?} {system} {builder} {args:?} {env:?} {attributes:?}"
    )
}

fn base(path: &str) -> String {
    path.rsplit('/').next().unwrap_or(path).to_owned()
}

/// What was compared, and what is wrong.
#[derive(Default)]
struct Tally {
    recordings: usize,
    derivations: usize,
    with_json: usize,
    with_truth: usize,
    nodes: usize,
    implied: Implied,
    wrong: Vec<String>,
}

/// What logs alone tell, against what is so.
#[derive(Debug, Default)]
struct Implied {
    logs: usize,
    /// Dependencies between builds of the same log, direct or not.
    dependencies: usize,
    proven: usize,
    direct: usize,
    proven_direct: usize,
    pairs: u64,
    excluded_by_time: u64,
    excluded_by_plan: u64,
}

impl Tally {
    fn check(&mut self, recorded: &Recorded) {
        self.recordings += 1;
        let name = &recorded.name;
        let mut builder = GraphBuilder::default();
        let mut normal = BTreeSet::new();
        for (path, file) in &recorded.files {
            match Derivation::parse(file) {
                Ok(derivation) => {
                    self.derivations += 1;
                    normal.insert(normal_file(path, &derivation));
                    builder.add_derivation(path, &derivation);
                }
                Err(error) => self.wrong.push(format!("{name}: {path}: {error}")),
            }
        }
        let graph = builder.clone().finish().expect("no cycle");
        if let Some(json) = &recorded.json {
            self.with_json += 1;
            self.check_json(name, json, &normal, &graph);
        }
        if let Some(truth) = &recorded.truth {
            self.with_truth += 1;
            self.check_truth(name, &graph, truth);
        }
        if let Some(log) = &recorded.log {
            self.check_implied(name, &graph, &timeline(log));
        }
        if let Some(infos) = &recorded.infos {
            let infos = path_infos(infos).expect("path infos");
            for info in &infos {
                builder.add_path_info(info);
            }
            let graph = builder.finish().expect("no cycle");
            let wrong = infos.iter().filter(|info| {
                let told: BTreeSet<_> = info.references.iter().map(|path| base(path)).collect();
                let found = graph.references(&info.path).into_iter().flatten();
                let mut found: BTreeSet<_> = found.map(str::to_owned).collect();
                found.extend(told.get(&base(&info.path)).cloned());
                found != told
            });
            let wrong = wrong.map(|info| format!("{name}: references of {}", info.path));
            self.wrong.extend(wrong);
        }
    }

    fn check_json(
        &mut self,
        name: &str,
        json: &[u8],
        from_files: &BTreeSet<String>,
        graph: &DerivationGraph,
    ) {
        let all = shown(json).expect("derivations");
        let from_json: BTreeSet<_> = all.iter().map(normal_json).collect();
        for only in from_json.symmetric_difference(from_files) {
            self.wrong.push(format!("{name}: only in one form: {only}"));
        }
        let mut builder = GraphBuilder::default();
        for one in &all {
            builder.add_shown(one);
        }
        let other = builder.finish().expect("no cycle");
        if edges(&other) != edges(graph) {
            self.wrong
                .push(format!("{name}: the graphs of files and JSON differ"));
        }
    }

    /// Nothing that a log rules out is so, and all that it proves is.
    fn check_implied(&mut self, name: &str, graph: &DerivationGraph, timeline: &Timeline) {
        let implied = implied_graph(timeline);
        let tally = &mut self.implied;
        tally.logs += 1;
        tally.pairs += implied.pairs;
        tally.excluded_by_time += implied.excluded_by_time;
        tally.excluded_by_plan += implied.excluded_by_plan;
        tally.proven += implied.proven.len();
        let units = timeline.units().iter().enumerate();
        let started = units.filter(|(_, unit)| unit.started && unit.kind.is_derivation());
        let nodes: BTreeMap<u32, usize> = started
            .filter_map(|(index, unit)| Some((graph.find(timeline.name(unit.subject))?.0, index)))
            .collect();
        for (&node, &unit) in &nodes {
            let needs = closure(graph.dag(), &[node], Direction::Dependencies);
            let needed = needs.iter().filter_map(|other| nodes.get(other));
            for &other in needed.filter(|&&other| other != unit) {
                tally.dependencies += 1;
                if implied.is_excluded(unit, other) {
                    let [from, to] =
                        [unit, other].map(|unit| timeline.name(timeline.units()[unit].subject));
                    self.wrong
                        .push(format!("{name}: ruled out, but {from} needs {to}"));
                }
            }
            let direct = graph.dag().dependencies(node).iter();
            tally.direct += direct.filter(|other| nodes.contains_key(other)).count();
            let own = implied
                .proven
                .iter()
                .filter(|proof| proof.dependent == unit);
            for proof in own {
                let path = timeline.name(timeline.units()[proof.dependency].subject);
                let found = graph.find(path).map(|node| node.0);
                let is_direct =
                    found.is_some_and(|to| graph.dag().dependencies(node).contains(&to));
                tally.proven_direct += usize::from(proof.is_direct);
                let is_so = found.is_some_and(|to| needs.binary_search(&to).is_ok());
                if !is_so || (proof.is_direct && !is_direct) {
                    let from = timeline.name(timeline.units()[unit].subject);
                    self.wrong
                        .push(format!("{name}: proven, but {from} does not need {path}"));
                }
            }
        }
    }

    /// The truth names the builds as they were planned, apart from what surrounds them.
    fn check_truth(&mut self, name: &str, graph: &DerivationGraph, truth: &Value) {
        let nodes = truth["nodes"].as_object().expect("nodes");
        let path = |id: &str| nodes[id]["drv"].as_str().map(base).unwrap_or_default();
        let all = edges(graph);
        let known: BTreeSet<String> = nodes.keys().map(|id| path(id)).collect();
        let lengths = vec![Nanos::ZERO; graph.len()];
        let reach = transitive(graph.dag(), Direction::Dependents, &lengths);
        for (id, truth) in nodes {
            self.nodes += 1;
            let own = path(id);
            let Some(node) = graph.find(&own) else {
                self.wrong.push(format!("{name}: {own} is no node"));
                continue;
            };
            if graph.node(node).kind != NodeKind::Derivation {
                self.wrong.push(format!("{name}: {own} was not read"));
            }
            let deps = truth["deps"].as_array().expect("deps");
            let want: BTreeSet<String> = deps.iter().filter_map(Value::as_str).map(path).collect();
            let got: BTreeSet<String> = all[&own].intersection(&known).cloned().collect();
            if got != want {
                self.wrong
                    .push(format!("{name}: {own} needs {got:?}, not {want:?}"));
            }
            let direct = graph.dag().dependents(node.0).len() as u64;
            let in_all = u64::from(reach[node.0 as usize].n_nodes);
            let counts = (
                truth["dependents_direct"].as_u64(),
                truth["dependents_transitive"].as_u64(),
            );
            if counts != (Some(direct), Some(in_all)) {
                self.wrong.push(format!(
                    "{name}: {own} has {direct} and {in_all} dependents, not {counts:?}"
                ));
            }
        }
    }
}

fn edges(graph: &DerivationGraph) -> BTreeMap<String, BTreeSet<String>> {
    let needs = |node| {
        graph
            .dependencies(node)
            .map(|(to, _)| graph.base_name(to).to_owned())
    };
    let nodes = graph.nodes();
    nodes
        .map(|node| (graph.base_name(node).to_owned(), needs(node).collect()))
        .collect()
}

#[test]
fn derivations_of_our_own_recordings() {
    let mut tally = Tally::default();
    for recorded in recorded_in(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../corpus"))) {
        tally.check(&recorded);
    }
    assert!(tally.wrong.is_empty(), "\n{}", tally.wrong.join("\n"));
    assert_eq!(
        (tally.recordings, tally.with_json, tally.with_truth),
        (3, 3, 3)
    );
}

#[test]
fn derivations_of_every_shared_recording() {
    let mut tally = Tally::default();
    for dir in shared_corpus::folders() {
        for recorded in recorded_in(&dir) {
            tally.check(&recorded);
        }
    }
    shared_corpus::say(&format!(
        "{} recordings with {} derivations: {} compared with JSON, {} with the truth ({} nodes), {} wrong",
        tally.recordings,
        tally.derivations,
        tally.with_json,
        tally.with_truth,
        tally.nodes,
        tally.wrong.len()
    ));
    shared_corpus::say(&format!("{:?}", tally.implied));
    assert!(tally.wrong.is_empty(), "\n{}", tally.wrong.join("\n"));
}

#[test]
fn every_kind_of_output_is_told_apart_in_both_forms() {
    let file = br#"Derive([("out","/nix/store/x","sha256","1ee4")],[],[],"s","b",[],[("out","/nix/store/x")])"#;
    let file = Derivation::parse(file).expect("well-formed");
    let json = br#"{"x.drv":{"outputs":{"out":{"hash":"sha256-","method":"flat"}},"env":{"out":"/nix/store/x"},"system":"s","builder":"b"}}"#;
    let json = shown(json).expect("well-formed");
    assert_eq!(normal_file("x.drv", &file), normal_json(&json[0]));
    assert_eq!(json[0].outputs[0].kind, OutputKind::Fixed);
}

/// Graphs of real nixpkgs, in a form of their own: nodes by number, dependencies first.
#[test]
fn graphs_of_nixpkgs() {
    for path in shared_corpus::dags() {
        let started = Instant::now();
        let json = std::fs::read(&path).expect("a readable file");
        let json: Value = serde_json::from_slice(&json).expect("JSON");
        let nodes = json["nodes"].as_array().expect("nodes");
        let name = |place: usize| {
            let name = nodes[place]["name"].as_str().expect("a name");
            format!("{place:032}-{name}.drv")
        };
        let mut builder = GraphBuilder::default();
        let mut n_edges = BTreeSet::new();
        for (place, json) in nodes.iter().enumerate() {
            let node = builder.node(&name(place));
            builder.node_mut(node).kind = NodeKind::Derivation;
            for output in json["outputs"].as_array().expect("outputs") {
                builder.output(node, output.as_str().expect("a name"), None);
            }
            for dependency in json["deps"].as_array().expect("deps") {
                let to = usize::try_from(dependency[0].as_u64().expect("a number")).expect("small");
                let on = builder.node(&name(to));
                builder.depend(node, on, dependency[1].as_str());
                n_edges.insert((place, to));
            }
        }
        let graph = builder.finish().expect("no cycle");
        assert_eq!(graph.len(), nodes.len());
        assert_eq!(graph.dag().n_edges(), n_edges.len());
        let root = usize::try_from(json["root"].as_u64().expect("a number")).expect("small");
        let root = graph.find(&name(root)).expect("added");
        assert_eq!(graph.dag().dependents(root.0), [0; 0]);
        let all = closure(graph.dag(), &[root.0], Direction::Dependencies);
        assert_eq!(all.len(), graph.len(), "the root needs everything");
        let timeline = TimelineBuilder::default().finish();
        let run = RunGraph::new(&timeline, &graph);
        let mut options = drawing::Options::default();
        options.all = true;
        options.reduce = true;
        let drawing = drawing::drawing(&timeline, &graph, &run, &options);
        assert_eq!(drawing.nodes.len(), graph.len());
        let again = closure(&drawing.dag, &[root.0], Direction::Dependencies);
        assert_eq!(again, all, "nothing is out of reach for having fewer edges");
        let took = started.elapsed();
        assert!(
            took < Duration::from_secs(20),
            "{}: {took:?}",
            path.display()
        );
    }
}
