//! Caches that are asked over HTTP, on this machine: good ones, and all that can be wrong with them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use serde_json::Value;

use crate::program::{command, folder, nixlog, recording, run};

const DERIVATIONS: &str = "2.34.8-subst-subst-slow.drvs.tar.gz";

/// How a server answers.
#[derive(Debug, Clone)]
enum Answer {
    /// Status, further lines of the head, body.
    Says(u16, &'static str, Vec<u8>),
    /// It never says anything.
    Hangs,
    /// It closes the connection.
    Closes,
}

impl Answer {
    fn ok(body: &str) -> Self {
        Self::Says(200, "", body.as_bytes().to_vec())
    }

    fn no() -> Self {
        Self::Says(404, "", b"no such file".to_vec())
    }
}

/// Serves files, each connection in a thread that ends with it; returns the address.
fn serve(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let answer = Arc::new(answer);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = Arc::clone(&answer);
            thread::spawn(move || drop(connection(stream, &*answer)));
        }
    });
    format!("http://{address}")
}

fn connection(stream: TcpStream, answer: &dyn Fn(&str) -> Answer) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut stream = stream;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut first = None;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let line = line.trim_end().to_ascii_lowercase();
            if let Some(range) = line.strip_prefix("range: bytes=0-") {
                first = range.parse::<usize>().ok().map(|last| last + 1);
            }
            if line.is_empty() {
                break;
            }
        }
        match answer(path.trim_start_matches('/')) {
            Answer::Says(status, head, mut body) => {
                let mut status = status;
                if let (Some(first), 200) = (first, status) {
                    body.truncate(first);
                    status = 206;
                }
                let length = body.len();
                let mut reply =
                    format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n{head}\r\n")
                        .into_bytes();
                reply.extend(body);
                stream.write_all(&reply)?;
            }
            Answer::Hangs => thread::park(),
            Answer::Closes => return Ok(()),
        }
    }
}

const INFO: &str = "StoreDir: /nix/store\nWantMassQuery: 1\nPriority: 40\n";

/// Returns what a cache has that has these paths.
fn files(paths: impl IntoIterator<Item = String>) -> BTreeMap<String, String> {
    let narinfo = |path: String| {
        let hash = path.rsplit('/').next().unwrap_or_default()[..32].to_owned();
        let info = format!(
            "StorePath: {path}\nURL: nar/{hash}.nar\nCompression: none\nFileSize: 1000\nNarHash: sha256:0\nNarSize: 1000\n"
        );
        (format!("{hash}.narinfo"), info)
    };
    let mut files: BTreeMap<String, String> = paths.into_iter().map(narinfo).collect();
    files.insert("nix-cache-info".to_owned(), INFO.to_owned());
    files
}

fn serve_files(files: BTreeMap<String, String>) -> String {
    serve(move |path| match files.get(path) {
        Some(body) => Answer::ok(body),
        None if path.starts_with("nar/") => Answer::Says(200, "", vec![7; 3 << 20]),
        None => Answer::no(),
    })
}

/// The outputs of a recording, and those that were in its cache.
fn truth() -> (BTreeSet<String>, BTreeSet<String>) {
    let truth: Value =
        serde_json::from_slice(&recording("2.34.8-subst-subst-slow.truth.json")).expect("JSON");
    let nodes = truth["nodes"].as_object().expect("nodes");
    let outputs = |node: &Value| -> Vec<String> {
        let outputs = node["outputs"].as_object().expect("outputs");
        outputs
            .values()
            .map(|it| it.as_str().expect("a path").to_owned())
            .collect()
    };
    let all = nodes.values().flat_map(outputs).collect();
    let there = truth["in_cache"].as_array().expect("a list");
    let there = there.iter().filter_map(Value::as_str);
    (all, there.flat_map(|key| outputs(&nodes[key])).collect())
}

fn coverage(caches: &[&str], more: &[&str]) -> Value {
    let mut args = vec![
        "cache",
        "coverage",
        "--derivations",
        DERIVATIONS,
        "--no-store",
        "--json",
    ];
    for cache in caches {
        args.extend(["--from", cache]);
    }
    args.extend(more);
    // The caches here are for the usual one.
    let ran = run(command(&args).env_remove("NIX_STORE_DIR"));
    assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""), "{ran:?}");
    ran.json()["result"].clone()
}

fn counts(result: &Value, cache: usize) -> [u64; 4] {
    ["asked", "present", "absent", "failed"]
        .map(|name| result["caches"][cache][name].as_u64().expect("a number"))
}

#[test]
fn coverage_is_what_the_caches_have() {
    let (all, there) = truth();
    let (n, has) = (all.len() as u64, there.len() as u64);
    let empty = serve_files(files([]));
    let half = serve_files(files(there.iter().cloned()));
    let result = coverage(&[&empty, &half], &["--top", "0"]);
    assert_eq!(result["paths"], n);
    assert_eq!(result["paths_in_caches"], has);
    assert_eq!(counts(&result, 0), [n, 0, n, 0]);
    assert_eq!(counts(&result, 1), [n, has, n - has, 0]);
    assert_eq!(result["lookups"], 2 * n);
    assert_eq!(
        (&result["paths_unknown"], &result["caches"][1]["only_here"]),
        (&0.into(), &has.into())
    );
    // What the recorded build built, without the answers of the machine's own store.
    let missing = result["missing"].as_array().expect("a list");
    assert_eq!(result["to_build"], missing.len());
    let built: BTreeSet<&str> = missing
        .iter()
        .filter_map(|it| it["path"].as_str())
        .collect();
    let truth: Value =
        serde_json::from_slice(&recording("2.34.8-subst-subst-slow.truth.json")).expect("JSON");
    let nodes = truth["nodes"].as_object().expect("nodes").values();
    let want: BTreeSet<&str> = nodes
        .filter(|node| node["built"] == true)
        .filter_map(|node| node["drv"].as_str())
        .collect();
    assert_eq!(built, want);
    let needed: Vec<u64> = missing
        .iter()
        .filter_map(|it| it["transitive_dependents"].as_u64())
        .collect();
    assert!(
        needed.is_sorted_by(|a, b| a >= b) && needed[0] > 0,
        "{needed:?}"
    );
}

/// What a cache does wrong is neither a yes nor a no.
#[test]
fn coverage_of_caches_that_are_broken() {
    let (all, there) = truth();
    let n = all.len() as u64;
    let lying = serve(|path| match path {
        "nix-cache-info" => Answer::ok(INFO),
        _ => {
            Answer::ok("StorePath: /nix/store/7ajh8plhm64ypnph30js1a3lq6zsyxqr-other\nURL: nar/x\n")
        }
    });
    let page = serve(|path| match path {
        "nix-cache-info" => Answer::ok(INFO),
        _ => Answer::ok("<html>please log in</html>"),
    });
    let broken = serve(|path| match path {
        "nix-cache-info" => Answer::ok(INFO),
        _ => Answer::Says(503, "", b"try later".to_vec()),
    });
    let elsewhere = serve(|_| Answer::ok("StoreDir: /gnu/store\n"));
    let forbidding = serve(|path| match path {
        "nix-cache-info" => Answer::ok(INFO),
        _ => Answer::Says(403, "", Vec::new()),
    });
    let closing = serve(|_| Answer::Closes);
    let files = files(there.iter().cloned());
    let target = serve_files(files);
    let head: &'static str = format!("Location: {target}/").leak();
    let redirecting = serve(move |path| {
        let head: &'static str = format!("{head}{path}\r\n").leak();
        Answer::Says(302, head, Vec::new())
    });
    let caches = [
        &lying,
        &page,
        &broken,
        &elsewhere,
        &forbidding,
        &closing,
        &redirecting,
    ];
    let caches: Vec<&str> = caches
        .iter()
        .map(|it| it.as_str())
        .chain(["s3://bucket"])
        .collect();
    let result = coverage(&caches, &[]);
    for cache in 0..3 {
        assert_eq!(counts(&result, cache), [n, 0, 0, n], "{cache}");
    }
    assert_eq!(counts(&result, 3), [0; 4]);
    assert_eq!(counts(&result, 4), [n, 0, n, 0]);
    assert_eq!(counts(&result, 5), [0; 4]);
    let has = there.len() as u64;
    assert_eq!(counts(&result, 6), [n, has, n - has, 0]);
    let error = |cache: usize| {
        result["caches"][cache]["error"]
            .as_str()
            .unwrap_or_default()
    };
    assert!(error(0).contains("another path"), "{}", error(0));
    assert!(error(1).contains("no `.narinfo`"), "{}", error(1));
    assert!(error(2).contains("503"), "{}", error(2));
    assert!(error(3).contains("/gnu/store"), "{}", error(3));
    assert_ne!(error(5), "");
    let unsupported = result["caches"][7]["unsupported"].as_str();
    assert!(
        unsupported.is_some_and(|why| why.contains("s3://")),
        "{unsupported:?}"
    );
    assert_eq!(result["paths_unknown"], n - has);
    let missing = result["missing"].as_array().expect("a list");
    assert!(missing.iter().all(|it| it["unknown"] == true));
}

#[test]
fn a_cache_in_a_folder() {
    let (all, there) = truth();
    let folder = folder();
    for (name, body) in files(there.iter().cloned()) {
        std::fs::write(folder.path().join(name), body).expect("a file");
    }
    let path = folder.path().to_str().expect("a plain name");
    let result = coverage(&[&format!("file://{path}")], &[]);
    let (n, has) = (all.len() as u64, there.len() as u64);
    assert_eq!(counts(&result, 0), [n, has, n - has, 0]);
}

fn probe(caches: &[&str], more: &[&str]) -> Value {
    let mut args = vec!["cache", "probe", "--json", "--timeout", "1"];
    args.extend(more);
    args.extend(caches);
    let ran = nixlog(&args);
    assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""), "{ran:?}");
    ran.json()["result"]["caches"].clone()
}

#[test]
fn a_probe_of_caches() {
    let path = "/nix/store/7ajh8plhm64ypnph30js1a3lq6zsyxqr-x";
    let files = files([path.to_owned()]);
    let good = serve(move |file| match files.get(file) {
        Some(body) => Answer::Says(200, "Via: 1.1 somebody\r\n", body.as_bytes().to_vec()),
        None if file.starts_with("nar/") => Answer::Says(200, "", vec![7; 3 << 20]),
        None => Answer::no(),
    });
    let hanging = serve(|_| Answer::Hangs);
    let always = serve(|_| Answer::ok(INFO));
    let found = probe(
        &[&good, &hanging, &always, "s3://bucket"],
        &["--path", path],
    );
    let good = &found[0];
    assert_eq!(
        (&good["store_dir"], &good["priority"]),
        (&"/nix/store".into(), &40.into())
    );
    assert_eq!(
        (&good["absent"]["status"], &good["present"]["status"]),
        (&404.into(), &200.into())
    );
    assert_eq!(good["headers"][0]["value"], "1.1 somebody");
    assert_eq!(good["local"], true);
    // The archive has no more than three MiB.
    for (range, bytes) in [(0, 1 << 20), (1, 3 << 20)] {
        let range = &good["ranges"][range];
        assert_eq!(
            (&range["request"]["status"], &range["request"]["bytes"]),
            (&206.into(), &bytes.into())
        );
        assert!(range["bandwidth_bps"].as_u64().is_some_and(|it| it > 0));
    }
    for name in ["info", "info_again", "absent", "present", "ipv4"] {
        assert!(good[name]["took_ns"].as_u64().is_some(), "{name}: {good}");
        assert_eq!(good[name]["error"], Value::Null, "{name}");
    }
    // It listens on no address of that kind.
    assert_ne!(good["ipv6"]["error"], Value::Null);
    assert_eq!(found[1]["info"]["error"], "no answer in time");
    assert_eq!(
        (&found[1]["absent"], &found[1]["store_dir"]),
        (&Value::Null, &Value::Null)
    );
    let absent = found[2]["absent"]["error"].as_str();
    assert!(
        absent.is_some_and(|it| it.contains("cannot be")),
        "{absent:?}"
    );
    assert!(found[3]["unsupported"].as_str().is_some());
}

#[test]
fn logs_that_are_called_as_the_verbs_are() {
    let folder = folder();
    let log = recording("2.26.3-diamond-build-v.ts.log");
    std::fs::write(folder.path().join("probe"), log).expect("a file");
    let ran = run(command(&["cache", "./probe", "--no-store"]).current_dir(folder.path()));
    assert!(ran.result().starts_with("no cache was asked"));
    let said = nixlog(&["cache", "coverage"]).refused();
    assert!(said.contains("INSTALLABLE"), "{said}");
    let said = nixlog(&["cache", "probe", "--timeout", "0"]).refused();
    assert!(said.contains("timeout"), "{said}");
}
