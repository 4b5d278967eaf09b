//! `nixlog graph`, and where derivations come from.

use std::fs;
use std::io::Write as _;

use insta::assert_snapshot;
use rusqlite::Connection;

use crate::program::{DIAMOND, SLOW, command, file, folder, nixlog, recording, root, run};

const DIAMOND_DRVS: &str = "2.26.3-diamond-build-v.drvs.tar.gz";
const DIAMOND_JSON: &str = "2.26.3-diamond-build-v.derivations.json";
const SLOW_DRVS: &str = "2.34.8-subst-subst-slow.drvs.tar.gz";
const SLOW_INFOS: &str = "2.34.8-subst-subst-slow.path-info.json.zst";

/// Returns the edges by name, dependent first.
fn edges(args: &[&str]) -> Vec<String> {
    let ran = nixlog(&[args, &["--json"]].concat());
    assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""), "{args:?}");
    let json = ran.json();
    let nodes = json["result"]["nodes"].as_array().expect("nodes");
    let name = |place: &serde_json::Value| {
        let place = usize::try_from(place.as_u64().expect("an index")).expect("a small one");
        nodes[place]["name"].as_str().expect("a name").to_owned()
    };
    let edges = json["result"]["edges"].as_array().expect("edges").iter();
    let mut edges: Vec<_> = edges
        .map(|edge| format!("{} {}", name(&edge[0]), name(&edge[1])))
        .collect();
    edges.sort();
    edges
}

const DIAMOND_EDGES: [&str; 4] = [
    "diamond-b-1.0 diamond-a-1.0",
    "diamond-c-1.0 diamond-a-1.0",
    "diamond-d-1.0 diamond-b-1.0",
    "diamond-d-1.0 diamond-c-1.0",
];

#[test]
fn every_format() {
    let with = |format: &str| {
        nixlog(&[
            "graph",
            DIAMOND,
            "--derivations",
            DIAMOND_DRVS,
            "--format",
            format,
        ])
        .result()
    };
    for format in ["text", "md", "csv", "dot", "graphml"] {
        assert_snapshot!(format!("graph_{format}"), with(format));
    }
    let slow = [
        "graph",
        SLOW,
        "--derivations",
        SLOW_DRVS,
        "--derivations",
        SLOW_INFOS,
    ];
    assert_snapshot!("graph_slow", nixlog(&slow).result());
}

#[test]
fn derivations_come_in_many_forms() {
    let folder = folder();
    let tar = recording(DIAMOND_DRVS);
    let unpacked = folder.path().join("drvs");
    fs::create_dir(&unpacked).expect("a folder");
    let gzip = flate2::read::GzDecoder::new(tar.as_slice());
    tar::Archive::new(gzip)
        .unpack(&unpacked)
        .expect("an archive");
    let json = recording(DIAMOND_JSON);
    let zst = file(
        &folder,
        "shown",
        &zstd::encode_all(json.as_slice(), 1).expect("in memory"),
    );
    let unpacked = unpacked.to_str().expect("a plain name").to_owned();
    for derivations in [DIAMOND_DRVS, DIAMOND_JSON, &zst, &unpacked] {
        assert_eq!(
            edges(&["graph", DIAMOND, "--derivations", derivations]),
            DIAMOND_EDGES
        );
        assert_eq!(
            edges(&["graph", "--derivations", derivations]),
            DIAMOND_EDGES
        );
    }
    let mut files: Vec<_> = fs::read_dir(&unpacked)
        .expect("a folder")
        .flatten()
        .collect();
    files.sort_by_key(fs::DirEntry::file_name);
    let one = files.iter().map(|entry| entry.path().display().to_string());
    let one = one
        .filter(|path| path.ends_with("-diamond-b-1.0.drv"))
        .collect::<String>();
    // Of what it names and nobody has, at least the name is known.
    assert_eq!(
        edges(&["graph", "--derivations", &one, "--all"]),
        DIAMOND_EDGES[..1]
    );
}

#[test]
fn the_local_store_is_looked_into() {
    let folder = folder();
    let store = folder.path().join("store");
    fs::create_dir(&store).expect("a folder");
    let tar = recording(SLOW_DRVS);
    let gzip = flate2::read::GzDecoder::new(tar.as_slice());
    tar::Archive::new(gzip).unpack(&store).expect("an archive");
    let state = folder.path().join("state");
    fs::create_dir_all(state.join("db")).expect("a folder");
    let database = Connection::open(state.join("db/db.sqlite")).expect("a database");
    database
        .execute_batch(
            "PRAGMA journal_mode = wal;
             CREATE TABLE ValidPaths (id integer primary key, path text unique, narSize integer, deriver text);
             CREATE TABLE Refs (referrer integer, reference integer);",
        )
        .expect("tables");
    let infos =
        zstd::decode_all(fs::File::open(root().join("corpus").join(SLOW_INFOS)).expect("there"));
    let infos: serde_json::Value = serde_json::from_slice(&infos.expect("whole")).expect("JSON");
    let infos = infos.as_object().expect("by path");
    for path in infos.keys() {
        let insert = "INSERT INTO ValidPaths (path, narSize) VALUES (?1, 1)";
        database.execute(insert, [path]).expect("a row");
    }
    for (path, info) in infos {
        for reference in info["references"].as_array().expect("references") {
            let insert = "INSERT INTO Refs SELECT a.id, b.id FROM ValidPaths a, ValidPaths b WHERE a.path = ?1 AND b.path = ?2";
            let reference = reference.as_str().expect("a path");
            database
                .execute(insert, [path.as_str(), reference])
                .expect("a row");
        }
    }
    let given = [
        "graph",
        SLOW,
        "--derivations",
        SLOW_DRVS,
        "--derivations",
        SLOW_INFOS,
    ];
    let from_store = run(command(&["graph", SLOW, "--json"])
        .env("NIX_STORE_DIR", &store)
        .env("NIX_STATE_DIR", &state));
    let (from_store, given) = (
        from_store.json(),
        nixlog(&[&given[..], &["--json"]].concat()).json(),
    );
    assert_eq!(from_store["result"]["source"], "store");
    assert_eq!(from_store["result"]["nodes"], given["result"]["nodes"]);
    assert_eq!(from_store["result"]["edges"], given["result"]["edges"]);
    let without =
        run(command(&["graph", SLOW, "--json", "--no-store"]).env("NIX_STORE_DIR", &store));
    assert_eq!(without.json()["result"]["source"], "log");
}

#[test]
fn without_derivations_nothing_is_made_up() {
    let ran = nixlog(&["graph", DIAMOND, "--json"]);
    let json = ran.json();
    let result = &json["result"];
    assert_eq!(result["source"], "log");
    assert_eq!(result["edges"].as_array().map(Vec::len), Some(0));
    for field in ["depth", "widest", "span_ns"] {
        assert!(result[field].is_null(), "{field}");
    }
    for node in result["nodes"].as_array().expect("nodes") {
        assert_eq!(node["ran"], true);
        assert!(node["duration_ns"].is_u64());
        for field in [
            "direct_dependents",
            "transitive_dependents",
            "on_longest_chain",
        ] {
            assert!(node[field].is_null(), "{field}");
        }
    }
    let implied = &result["implied"];
    assert_eq!(
        (implied["builds"].as_u64(), implied["pairs"].as_u64()),
        (Some(4), Some(12))
    );
    assert_snapshot!("graph_unknown", nixlog(&["graph", DIAMOND]).result());
}

#[test]
fn selections() {
    let all = ["graph", "--derivations", SLOW_DRVS];
    let with = |more: &[&str]| edges(&[&all[..], more].concat());
    let n_all = with(&[]).len();
    assert!(with(&["--reduce"]).len() < n_all);
    let around = nixlog(&[&all[..], &["--around", "libpng", "--json"]].concat()).json();
    let names = around["result"]["nodes"].as_array().expect("nodes").len();
    assert!((2..20).contains(&names), "{names}");
    let few = nixlog(&[
        "graph",
        SLOW,
        "--derivations",
        SLOW_DRVS,
        "--top",
        "5",
        "--json",
    ])
    .json();
    assert_eq!(few["result"]["nodes"].as_array().map(Vec::len), Some(5));
    let none = nixlog(&[&all[..], &["--around", "no-such-name"]].concat()).result();
    assert!(none.starts_with("none of 40 nodes matches\n"), "{none}");
}

#[test]
fn what_cannot_be_read_is_said() {
    let folder = folder();
    let refused = |bytes: &[u8], name: &str| {
        let path = file(&folder, name, bytes);
        let said = nixlog(&["graph", "--derivations", &path]).refused();
        said.replace(folder.path().to_str().expect("a plain name"), "FOLDER")
    };
    assert_snapshot!(
        "graph_errors",
        [
            refused(b"Derive([", "cut.drv"),
            refused(b"{\"/nix/store/x.drv\":{\"outputs\":[]}}", "odd.json"),
            refused(
                b"{\"/nix/store/x\":{\"narHash\":\"\",\"narSize\":1}}",
                "info.json"
            ),
            refused(b"{}", "empty.json"),
            refused(b"\x7fELF", "program"),
            nixlog(&["graph", "--derivations", "no-such-file"]).refused(),
        ]
        .join("\n")
    );
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(b"Derive([],[],[],\"\",\"\",[],[])")
        .expect("in memory");
    let mut gzip = gzip.finish().expect("in memory");
    gzip.truncate(gzip.len() - 9);
    assert!(refused(&gzip, "x.drv.gz").contains("it is cut off"));
}

#[test]
fn bad_files_among_good_ones_are_counted() {
    let folder = folder();
    let bad = "0".repeat(32);
    file(&folder, &format!("{bad}-bad.drv"), b"Derive(");
    file(&folder, "read me", b"nothing of interest");
    let all = recording(DIAMOND_JSON);
    file(&folder, "good.json", &all);
    let path = folder.path().to_str().expect("a plain name");
    let said = nixlog(&["graph", "--derivations", path]).result();
    assert!(said.starts_with("4 nodes, 4 edges"), "{said}");
    assert!(
        said.contains("warning: unreadable files, such as"),
        "{said}"
    );
}

#[test]
fn derivations_in_a_circle_are_told() {
    let json = r#"{"a.drv":{"outputs":{},"inputDrvs":{"b.drv":["out"]}},"b.drv":{"outputs":{},"inputDrvs":{"a.drv":["out"]}}}"#;
    let folder = folder();
    let path = file(&folder, "circle.json", json.as_bytes());
    let said = nixlog(&["graph", "--derivations", &path]).result();
    assert!(said.starts_with("2 nodes, 1 edge:"), "{said}");
    assert!(said.contains("dependency cycle"), "{said}");
}

/// Names that would break out of a string, a tag or a line.
#[test]
fn hostile_names_stay_names() {
    let json = r#"{"x-\"]; evil [label=\"<b>&\\\u001b[31m\n.drv":{"outputs":{}}}"#;
    let folder = folder();
    let path = file(&folder, "hostile.json", json.as_bytes());
    let with = |format| nixlog(&["graph", "--derivations", &path, "--format", format]).result();
    let dot = with("dot");
    let label = r#"label="x-\"]; evil [label=\"<b>&\\\\u{1b}[31m\\n.drv""#;
    assert!(dot.contains(label), "{dot}");
    let graphml = with("graphml");
    assert!(
        graphml.contains(r#"x-"]; evil [label="&lt;b&gt;&amp;\\u{1b}[31m\n.drv"#),
        "{graphml}"
    );
}
