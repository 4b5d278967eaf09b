//! Derivations of real builds: files and JSON say the same, and the same as the ground truth.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use nixlog_core::drv::{Derivation, OutputKind, Shown, path_infos, shown};
use nixlog_core::graph::{DerivationGraph, Direction, GraphBuilder, NodeKind, transitive};
use nixlog_core::time::Nanos;
use serde_json::Value;

use crate::recordings::{files_in, unpacked};
use crate::shared_corpus;

/// The derivations of a recording, in the forms that it has.
struct Recorded {
    name: String,
    files: Vec<(String, Vec<u8>)>,
    json: Option<Vec<u8>>,
    infos: Option<Vec<u8>>,
    truth: Option<Value>,
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
    wrong: Vec<String>,
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
