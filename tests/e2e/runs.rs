//! Recorded runs: how to come back to them, and how they come and go.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::thread;

use insta::assert_snapshot;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::program::{DIAMOND, FAIL, REMOTE, Ran, command, feed, folder, recording, root, run};
use crate::stand_in::Script;
use crate::verbs::reports;

/// A folder of runs of its own.
pub(crate) struct Home {
    pub(crate) folder: TempDir,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self { folder: folder() }
    }

    /// Returns a home in which the recordings were piped into nixlog, one after the other.
    pub(crate) fn with(names: &[&str]) -> Self {
        let home = Self::new();
        for name in names {
            home.record(&recording(name));
        }
        home
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = command(args);
        command
            .env("NIXLOG_DIR", self.folder.path())
            .env_remove("NIXLOG_NO_SAVE");
        command
    }

    pub(crate) fn nixlog(&self, args: &[&str]) -> Ran {
        run(&mut self.command(args))
    }

    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let ran = self.nixlog(&[args, &["--json"]].concat());
        assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""), "{args:?}");
        ran.json()
    }

    pub(crate) fn spawn(&self, args: &[&str]) -> Child {
        let mut command = self.command(args);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.spawn().expect("nixlog starts")
    }

    pub(crate) fn piped(&self, args: &[&str], input: &[u8]) -> Output {
        feed(self.spawn(args), input)
    }

    /// Pipes a log into nixlog.
    pub(crate) fn record(&self, log: &[u8]) {
        let output = self.piped(&["phases", "--quiet"], log);
        assert!(output.status.success(), "{output:?}");
    }

    /// Returns what `runs list` tells of all runs.
    pub(crate) fn runs(&self) -> Vec<Value> {
        let report = self.json(&["runs", "list", "--top", "0"]);
        let runs = report["result"]["runs"].as_array();
        runs.expect("a list").clone()
    }

    pub(crate) fn ids(&self) -> Vec<String> {
        let runs = self.runs();
        let id = |run: &Value| run["id"].as_str().expect("an id").to_owned();
        runs.iter().map(id).collect()
    }

    /// Puts something among the recordings.
    pub(crate) fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let folder = self.folder.path().join("runs");
        fs::create_dir_all(&folder).expect("the temporary folder takes folders");
        let path = folder.join(name);
        fs::write(&path, bytes).expect("the temporary folder takes files");
        path
    }

    /// Puts a recording among the runs that is the same each time; returns its id.
    pub(crate) fn kept(&self, n: u8, header: &Value, end: Option<&Value>) -> String {
        let id = format!("0198c9f{n:x}-5e2a-7000-8000-000000a{n:x}b{n:x}c{n:x}");
        let mut header = header.clone();
        header["id"] = id.as_str().into();
        let bytes = recorded(&header, &recording(DIAMOND), end);
        self.file(&format!("{id}.nixlog.zst"), &bytes);
        id
    }

    /// Takes out what is different each time.
    pub(crate) fn masked(&self, text: &str) -> String {
        let mut text = text.replace(&self.folder.path().display().to_string(), "HOME");
        for (n, id) in self.ids().iter().enumerate() {
            let masked = format!("0198c9f4-5e2a-7000-8000-00000000000{n:x}");
            text = text.replace(id, &masked);
            text = text.replace(short(id), short(&masked));
        }
        text
    }
}

/// Returns the digits of an id that people are shown.
pub(crate) fn short(id: &str) -> &str {
    &id[id.len() - 6..]
}

/// Makes a recording of a stamped log: frames, and behind the last one the place of it.
pub(crate) fn recorded(header: &Value, log: &[u8], end: Option<&Value>) -> Vec<u8> {
    let side = |stamp: u64, kind: &str, fields: &Value| {
        let fields = fields.to_string();
        format!("{stamp} @nixlog {{\"type\":\"{kind}\",{}\n", &fields[1..]).into_bytes()
    };
    let frame = |text: &[u8]| zstd::encode_all(text, 3).expect("memory takes it");
    let mut bytes = frame(&side(0, "header", header));
    bytes.extend(frame(log));
    if let Some(end) = end {
        let place = bytes.len() as u64;
        bytes.extend(frame(&side(
            end["duration_ns"].as_u64().unwrap_or(0),
            "end",
            end,
        )));
        bytes.extend([0x50, 0x2a, 0x4d, 0x18, 16, 0, 0, 0]);
        bytes.extend(b"nixlog/1");
        bytes.extend(place.to_le_bytes());
    }
    bytes
}

/// Returns the shape of a recording that was read: enough to tell one from another.
fn units(report: &Value) -> usize {
    report["result"]["units"].as_array().expect("a list").len()
}

#[test]
fn without_an_input_it_is_the_last_run() {
    let home = Home::with(&[REMOTE, DIAMOND]);
    let text = home.nixlog(&["phases"]).result();
    let first = text.lines().next().unwrap_or_default();
    assert!(
        first.starts_with(&format!("run {}", short(&home.ids()[0]))),
        "{first}"
    );
    let want = run(&mut command(&["phases", DIAMOND])).result();
    let (_, report) = text.split_once('\n').expect("there is more");
    let verdict = |text: &str| text.lines().next().unwrap_or_default().to_owned();
    assert_eq!(verdict(report), verdict(&want));
    assert!(text.ends_with("next: nixlog slowest\n"), "{text}");
    let report = home.json(&["slowest", "--top", "0"]);
    assert_eq!(
        (report["input"]["source"].as_str(), units(&report)),
        (Some("last"), 7)
    );
    assert_eq!(report["input"]["run"]["id"], home.ids()[0].as_str());
    // Closed, standard input gives nothing either.
    let closed = format!("exec {} phases <&-", env!("CARGO_BIN_EXE_nixlog"));
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &closed])
        .env("NIXLOG_DIR", home.folder.path())
        .env("COLUMNS", "80");
    assert_eq!(run(&mut shell).result(), text);
}

/// Every verb that reads a log, so that none opens files by itself.
#[test]
fn every_verb_takes_a_run() {
    let home = Home::with(&[DIAMOND]);
    for verb in reports() {
        let report = home.json(&verb.about(&["last"]));
        assert_eq!(report["input"]["source"], "last", "{verb:?}");
        assert_eq!(report["input"]["run"]["via"], "pipe", "{verb:?}");
    }
}

#[test]
fn words_that_mean_a_run() {
    let home = Home::with(&[REMOTE, FAIL, DIAMOND]);
    let ids = home.ids();
    let id_of = |word: &str| {
        let report = home.json(&["phases", word]);
        assert_eq!(report["input"]["source"], word);
        report["input"]["run"]["id"].as_str().map(str::to_owned)
    };
    for (word, n) in [("last", 0), ("last~0", 0), ("last~1", 1), ("last~2", 2)] {
        assert_eq!(id_of(word).as_ref(), Some(&ids[n]), "{word}");
    }
    for id in &ids {
        assert_eq!(id_of(id).as_ref(), Some(id));
        assert_eq!(id_of(&id[..15]).as_ref(), Some(id));
        assert_eq!(id_of(short(id)).as_ref(), Some(id));
        assert_eq!(id_of(&id.replace('-', "")).as_ref(), Some(id));
    }
    let named = home.nixlog(&["runs", "rename", "last~2", "before the upgrade"]);
    assert_eq!((named.status, named.stdout.as_str()), (Some(0), ""));
    assert_snapshot!(home.masked(&named.stderr), @"nixlog: run 000002 is now called before the upgrade");
    assert_eq!(id_of("before the upgrade").as_ref(), Some(&ids[2]));
    let text = home.nixlog(&["phases", "before the upgrade"]).result();
    let (first, next) = (text.lines().next().unwrap_or_default(), text.lines().last());
    assert!(first.contains("(before the upgrade)"), "{first}");
    assert_eq!(next, Some("next: nixlog slowest 'before the upgrade'"));
    let report = home.json(&["phases", "last~2"]);
    assert_eq!(report["input"]["run"]["name"], "before the upgrade");
}

/// A file is a file, whatever runs are called; `last` is always a run.
#[test]
fn files_and_runs_of_one_name() {
    let home = Home::with(&[REMOTE]);
    let here = folder();
    for name in ["baseline", "last"] {
        fs::write(here.path().join(name), recording(DIAMOND)).expect("a file");
    }
    fs::create_dir(here.path().join("folder")).expect("a folder");
    for name in ["baseline", "folder"] {
        home.nixlog(&["runs", "rename", "last", name]);
        let word = if name == "folder" { "folder" } else { "last" };
        let carrier = |word: &str| {
            let mut command = home.command(&["phases", word, "--json"]);
            run(command.current_dir(here.path())).json()["input"]["run"]["via"].clone()
        };
        assert_eq!(carrier(word), "pipe");
        assert_eq!(carrier("./last"), Value::Null);
        if name == "baseline" {
            assert_eq!(carrier("baseline"), Value::Null);
        }
    }
}

#[test]
fn words_that_mean_nothing() {
    let home = Home::with(&[DIAMOND]);
    home.nixlog(&["runs", "rename", "last", "baseline"]);
    let mut said = String::new();
    for word in ["last~1", "basline", "ffffffff", "nothing-like-it", "last~x"] {
        said += &home.nixlog(&["phases", word]).refused();
    }
    let path = home.runs()[0]["path"].as_str().map(PathBuf::from);
    let path = path.expect("a path");
    // Two runs of one millisecond.
    let mut twin = home.ids()[0].clone();
    let last = if twin.ends_with('0') { "1" } else { "0" };
    twin.replace_range(35.., last);
    fs::copy(&path, path.with_file_name(format!("{twin}.nixlog.zst"))).expect("a copy");
    let ambiguous = home.nixlog(&["phases", &twin[..13]]).refused();
    assert!(
        home.ids().iter().all(|id| ambiguous.contains(id)),
        "{ambiguous}"
    );
    assert!(
        ambiguous.contains("is the beginning of 2 ids\n"),
        "{ambiguous}"
    );
    fs::remove_file(&path).expect("the file is there");
    let gone = home.nixlog(&["phases", "baseline"]);
    // The twin is not the run that had the name.
    said += &gone.refused();
    said += &home.nixlog(&["runs", "path", "basline"]).refused();
    assert_snapshot!("runs_unknown", said);
}

#[test]
fn without_runs() {
    let home = Home::new();
    assert_snapshot!("runs_none", home.nixlog(&["phases"]).refused());
    assert_snapshot!("runs_none_last", home.nixlog(&["phases", "last"]).refused());
    assert_eq!(
        home.nixlog(&["runs", "show"]).refused(),
        home.nixlog(&["phases", "last"]).refused()
    );
    assert_snapshot!(
        "runs_none_list",
        home.masked(&home.nixlog(&["runs", "list"]).result())
    );
    assert_eq!(home.runs(), [] as [Value; 0]);
    assert_eq!(home.json(&["runs", "prune"])["result"]["kept_runs"], 0);
}

/// Returns a home with runs that are the same each time.
fn home_with_fixed_runs() -> Home {
    let home = Home::new();
    let header = |command: &[&str], hour: u8| {
        json!({
            "format": 1, "nixlog_version": "0.1.0", "via": "run", "clock": "recorded", "command": command,
            "cwd": "/home/dev/diamond", "host": "laptop", "started_at": format!("2026-11-21T{hour:02}:41:12.389190426Z"),
            "started_at_unix_ns": 1_795_221_672_389_190_426_i64 + i64::from(hour) * 3_600_000_000_000,
        })
    };
    let end = |status: Value, signal: Value| json!({"exit_status": status, "signal": signal, "duration_ns": 2_631_000_000_u64});
    let build = &["nix", "build", ".#diamond"];
    home.kept(1, &header(build, 1), Some(&end(0.into(), Value::Null)));
    home.kept(2, &header(build, 2), Some(&end(1.into(), Value::Null)));
    home.kept(
        3,
        &header(
            &["nixos-rebuild", "switch", "--flake", "/etc/nixos#a laptop"],
            3,
        ),
        None,
    );
    home.kept(4, &header(build, 4), Some(&end(Value::Null, 2.into())));
    home.kept(
        5,
        &header(&["nix", "build", "a\u{1b}[2Jb"], 5),
        Some(&end(Value::Null, Value::Null)),
    );
    let renamed = home.nixlog(&["runs", "rename", "last~3", "broken"]);
    assert_eq!(renamed.status, Some(0));
    home
}

#[test]
fn lists() {
    let home = home_with_fixed_runs();
    home.file("notes.txt", b"not a run");
    home.file(
        "0198c9f0-5e2a-7000-8000-0000000000aa.nixlog.zst",
        b"not zstd",
    );
    home.file("0198c9f6-5e2a-7000-8000-0000000000bb.nixlog.zst.part", b"");
    let list = |args: &[&str]| {
        let mut command = home.command(&[&["runs", "list"], args].concat());
        let text = run(command.env("COLUMNS", "100")).result();
        let folder = home.folder.path().display().to_string();
        text.replace('\r', "").replace(&folder, "HOME")
    };
    // How wide the folder's name is would show in how the text wraps.
    let text = list(&[]);
    let (table, notes) = text.split_once("\n\nwarning: ").expect("a run is damaged");
    assert_snapshot!("runs_list", table);
    let notes: Vec<&str> = notes.split_whitespace().collect();
    assert!(
        notes
            .join(" ")
            .contains("cannot be read: its beginning is unreadable"),
        "{notes:?}"
    );
    assert_snapshot!("runs_list_csv", list(&["--format", "csv"]));
    assert_snapshot!("runs_list_md", list(&["--format", "md", "--top", "3"]));
    assert_snapshot!("runs_list_json", list(&["--json", "--filter", "^broken$"]));
    assert!(list(&["--filter", "no such thing"]).contains("none of 7 runs matches `--filter`\n"));
    // Nothing was written of the newest: there is nothing to come back to.
    assert_eq!(
        home.json(&["phases"])["input"]["run"]["id"],
        home.ids()[1].as_str()
    );
}

#[test]
fn what_is_known_of_a_run() {
    let home = home_with_fixed_runs();
    let show = |word: &str| {
        let mut command = home.command(&["runs", "show", word]);
        let text = run(command.env("COLUMNS", "100")).result();
        text.replace(&home.folder.path().display().to_string(), "HOME")
    };
    assert_snapshot!("runs_show", show("broken"));
    assert_snapshot!("runs_show_cut", show("last~2"));
    let report = home.json(&["runs", "show", "broken"]);
    assert_eq!(report["schema"], "nixlog.runs-show/1");
    assert_eq!(report["result"]["run"], home.runs()[3]);
    home.file(
        "0198c9f0-5e2a-7000-8000-0000000000aa.nixlog.zst",
        b"not zstd",
    );
    let said = home.nixlog(&["runs", "show", "0198c9f0"]).refused();
    let said = said.replace(&home.folder.path().display().to_string(), "HOME");
    assert_snapshot!("runs_show_damaged", said);
}

/// `max-jobs` is known from the command line of a run, and need not be given again.
#[test]
fn slots_of_a_recorded_run() {
    let home = Home::new();
    let header = json!({
        "format": 1, "via": "run", "clock": "recorded", "command": ["nix", "build", "-j", "3"],
    });
    home.kept(1, &header, None);
    let derivations = ["--derivations", "2.26.3-diamond-build-v.drvs.tar.gz"];
    let what_if = ["what-if", "last", "--max-jobs", "4"];
    for args in [
        &["bottlenecks"][..],
        &["parallelism"],
        &["cache-candidates"],
        &what_if,
    ] {
        let report = home.json(&[args, &derivations].concat());
        let result = &report["result"];
        let slots = (result["slots"].as_u64(), result["slots_source"].as_str());
        assert_eq!(slots, (Some(3), Some("settings")), "{args:?}");
    }
    let text = home
        .nixlog(&[&["bottlenecks"], &derivations[..]].concat())
        .result();
    assert!(
        text.contains("3 slots: `max-jobs` of the recorded run\n"),
        "{text}"
    );
    let given = home.json(&[&["bottlenecks", "--max-jobs", "5"], &derivations[..]].concat());
    assert_eq!(given["result"]["slots_source"], "given");
}

#[test]
fn names() {
    let home = Home::with(&[REMOTE, DIAMOND]);
    let rename = |args: &[&str]| {
        let ran = home.nixlog(&[&["runs", "rename"], args].concat());
        home.masked(&format!("{:?}\n{}", ran.status, ran.stderr))
    };
    let mut said = String::new();
    for args in [
        &["last", "baseline"][..],
        &["last~1", "baseline"],
        &["last~1", "baseline", "--force"],
        &["last~1", "other"],
        &["last", "last"],
        &["last", "cafe"],
        &["last", "../x"],
        &["last", "a\u{1b}[2Jb"],
        &["other", ""],
        &["last", "--remove"],
        &["nobody", "x"],
        &["last"],
    ] {
        said.extend([
            &args.join(" ").escape_debug().to_string(),
            " ",
            &rename(args),
        ]);
    }
    assert_snapshot!("runs_rename", said);
    assert!(home.runs().iter().all(|run| run["name"].is_null()));
}

/// A pipe that is still open, and then whoever read it is killed.
#[test]
fn runs_under_way_and_wrecks() {
    const LINE: &[u8] = b"@nix {\"action\":\"msg\",\"level\":0,\"msg\":\"still here\"}\n";
    let home = Home::with(&[DIAMOND]);
    let ended = home.ids()[0].clone();
    let mut child = home.spawn(&["phases"]);
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(LINE).expect("nixlog reads");
    let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
    stderr.read_line(&mut String::new()).expect("nixlog writes");
    // The header is written at once, by another thread.
    let running = loop {
        let runs = home.runs();
        if runs.len() == 2 && runs[0]["via"] == "pipe" {
            break runs[0].clone();
        }
        thread::yield_now();
    };
    assert_eq!(running["state"], "running");
    assert_eq!(
        (&running["complete"], &running["wall_ns"]),
        (&Value::Bool(false), &Value::Null)
    );
    let id = running["id"].as_str().expect("an id");
    assert_eq!(home.json(&["doctor"])["input"]["run"]["id"], ended.as_str());
    let codes = |word: &str| -> Vec<String> {
        let report = home.json(&["doctor", word]);
        let diagnostics = report["diagnostics"].as_array().expect("a list").iter();
        diagnostics
            .map(|each| each["code"].as_str().unwrap_or_default().to_owned())
            .collect()
    };
    let unfinished = codes(id);
    assert!(
        unfinished.contains(&"run-unfinished".to_owned()),
        "{unfinished:?}"
    );
    assert!(
        !unfinished.contains(&"recording-cut".to_owned()),
        "{unfinished:?}"
    );
    // Not even no room at all costs a run that goes on.
    let pruned = home.json(&["runs", "prune", "--older-than", "1ns"]);
    assert_eq!(
        pruned["result"]["removed"].as_array().map(Vec::len),
        Some(1)
    );
    assert_eq!(home.ids(), [id]);
    assert_eq!(
        home.json(&["doctor"])["input"]["run"]["id"],
        id,
        "there is nothing else"
    );
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    let wreck = &home.runs()[0];
    assert_eq!(
        (&wreck["state"], &wreck["wall_ns"]),
        (&"cut-off".into(), &Value::Null)
    );
    let cut = codes("last");
    assert!(cut.contains(&"recording-cut".to_owned()), "{cut:?}");
    let shown = home.nixlog(&["runs", "show"]).result();
    assert!(
        shown.contains("cut off") && shown.contains("stops early"),
        "{shown}"
    );
}

#[test]
fn pruning() {
    let home = Home::with(&[DIAMOND, REMOTE, FAIL, DIAMOND, REMOTE]);
    let ids = home.ids();
    home.nixlog(&["runs", "rename", "last~4", "baseline"]);
    let prune = |args: &[&str]| {
        let ran = home.nixlog(&[&["runs", "prune"], args].concat());
        let verdict = ran.result().lines().next().unwrap_or_default().to_owned();
        verdict.split(" (").next().unwrap_or_default().to_owned()
    };
    assert_eq!(prune(&[]), "nothing to remove: 5 runs");
    assert_eq!(prune(&["--keep", "2", "--dry-run"]), "2 runs");
    assert_eq!(home.ids(), ids);
    assert_eq!(
        prune(&["--keep", "0", "--max-size", "unlimited"]),
        "nothing to remove: 5 runs"
    );
    let report = home.json(&["runs", "prune", "--keep", "2"]);
    assert_eq!(report["schema"], "nixlog.runs-prune/1");
    let removed = report["result"]["removed"].as_array().expect("a list");
    let removed: Vec<_> = removed
        .iter()
        .map(|it| (&it["run"]["id"], &it["reason"]))
        .collect();
    let runs = Value::from("runs");
    assert_eq!(
        removed,
        [
            (&Value::from(&*ids[2]), &runs),
            (&Value::from(&*ids[3]), &runs)
        ]
    );
    assert_eq!(home.ids(), [&*ids[0], &ids[1], &ids[4]]);
    // What was just recorded stays, however small the limit is.
    let mut tight = home.command(&["phases", "--quiet"]);
    tight
        .env("NIXLOG_KEEP_BYTES", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::null());
    let mut child = tight.spawn().expect("nixlog starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(&recording(DIAMOND)).expect("nixlog reads");
    drop(stdin);
    assert!(child.wait().expect("it ends").success());
    let left = home.ids();
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(left[1] == ids[4] && !ids.contains(&left[0]));
    let said = home
        .nixlog(&["runs", "prune", "--older-than", "30"])
        .refused();
    assert!(said.contains("expected a number and a unit"), "{said}");
    let mut odd = home.command(&["runs", "prune"]);
    odd.env("NIXLOG_KEEP_DAYS", "soon")
        .env("NIXLOG_KEEP_RUNS", "unlimited");
    assert_snapshot!("runs_prune_odd", run(&mut odd).stderr);
}

#[test]
fn exports() {
    let home = Home::with(&[DIAMOND]);
    let here = folder();
    let path = home.nixlog(&["runs", "path"]).result();
    let bytes = fs::read(path.trim_end()).expect("the recording is there");
    let export = |args: &[&str]| {
        let mut command = home.command(&[&["runs", "export"], args].concat());
        command
            .current_dir(here.path())
            .output()
            .expect("nixlog starts")
    };
    assert_eq!(export(&["last", "-o", "-"]).stdout, bytes);
    let ids = home.ids();
    let id = short(&ids[0]);
    assert!(export(&[]).status.success());
    let exported = here.path().join(format!("{id}.nixlog.zst"));
    assert_eq!(fs::read(&exported).expect("it was written"), bytes);
    let again = Ran::from(export(&[])).refused();
    assert_snapshot!("runs_export_again", home.masked(&again));
    home.nixlog(&["runs", "rename", "last", "mine"]);
    assert!(export(&[]).status.success());
    assert!(here.path().join("mine.nixlog.zst").is_file());
    // Every verb reads it.
    let path = exported.display().to_string();
    let report = run(&mut command(&["phases", &path, "--json"])).json();
    assert_eq!(report["input"]["run"]["id"], home.ids()[0].as_str());
}

/// Many at once record, name, prune and list. Nobody is told of anything but good runs, and no name is
/// lost.
#[test]
fn many_at_once() {
    let home = Home::new();
    let log = recording(DIAMOND);
    let (home, log) = (&home, &log);
    thread::scope(|scope| {
        for writer in 0..4 {
            scope.spawn(move || {
                for n in 0..4 {
                    let mut record = home.command(&["phases", "--quiet", "--json"]);
                    record.env("NIXLOG_KEEP_RUNS", "3");
                    record
                        .stdin(Stdio::piped())
                        .stdout(Stdio::piped())
                        .stderr(Stdio::piped());
                    let child = record.spawn().expect("nixlog starts");
                    let ran = Ran::from(feed(child, log));
                    assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""));
                    let name = format!("writer {writer} run {n}");
                    // Somebody else's run may be the last, and may be pruned meanwhile.
                    let ran = home.nixlog(&["runs", "rename", "last", &name]);
                    let named = ran.status == Some(0);
                    assert!(named || ran.stderr.contains("was just removed"), "{ran:?}");
                }
            });
        }
        for _ in 0..2 {
            scope.spawn(move || {
                for _ in 0..10 {
                    home.json(&["runs", "prune", "--keep", "2"]);
                    for run in home.runs() {
                        assert!(
                            ["complete", "running"]
                                .contains(&run["state"].as_str().unwrap_or_default()),
                            "{run:#}"
                        );
                        assert!(run["problem"].is_null());
                    }
                }
            });
        }
    });
    home.json(&["runs", "prune", "--keep", "2"]);
    let runs = home.runs();
    let named: Vec<_> = runs.iter().filter_map(|run| run["name"].as_str()).collect();
    assert!(
        !named.is_empty() && runs.len() <= named.len() + 2,
        "{named:?} of {}",
        runs.len()
    );
    // A name leads to a run that is there.
    let names = fs::read_dir(home.folder.path().join("names")).expect("there are names");
    let mut n_names = 0;
    for name in names {
        let name = name.expect("an entry").file_name();
        let word = name.to_str().expect("a name");
        assert!(named.contains(&word), "{word}");
        n_names += 1;
        assert_eq!(home.json(&["phases", word])["input"]["run"]["name"], word);
    }
    assert_eq!(n_names, named.len());
    assert!(root().is_dir());
}

/// One wall time, wherever it is told: until the command has ended, whatever its log tells.
#[test]
fn the_wall_time_is_the_same_everywhere() {
    let log = b"0 building '/nix/store/7ajh8plhm64ypnph30js1a3lq6zsyxqr-hello-2.12.drv'...\n\
        300000000 /nix/store/8ajh8plhm64ypnph30js1a3lq6zsyxqr-hello-2.12\n";
    let nix = Script::lines(log, 1.0).program("nix-build");
    let home = Home::with(&[]);
    let program = nix.path().to_str().expect("a plain path");
    let script = "\"$0\"; sleep 0.3";
    let commands = [
        vec!["run", "--", "sh", "-c", script, program],
        vec![
            "run",
            "--capture",
            "lines",
            "--",
            "sh",
            "-c",
            script,
            program,
        ],
    ];
    for args in commands {
        run(&mut home.command(&args));
        let wall = home.runs()[0]["wall_ns"].as_u64();
        assert!(wall > Some(600_000_000), "{wall:?}");
        for verb in ["phases", "critical-path", "slowest"] {
            assert_eq!(
                home.json(&[verb])["input"]["wall_ns"].as_u64(),
                wall,
                "{verb}"
            );
        }
        let phases = &home.json(&["phases"])["result"];
        assert_eq!(phases["wall_ns"].as_u64(), wall);
        let path = &home.json(&["critical-path"])["result"];
        let segments = path["segments"].as_array().expect("a list");
        let end = segments.last().map(|last| last["end_ns"].as_u64());
        assert_eq!(end, Some(wall));
    }
    // What is read live is told as it will be told afterwards.
    let script = format!(
        "(\"$0\"; sleep 0.3) 2>&1 | {} phases --json",
        env!("CARGO_BIN_EXE_nixlog")
    );
    let mut command = Command::new("sh");
    command
        .args(["-c", &script, program])
        .env("NIXLOG_DIR", home.folder.path())
        .env_remove("NIXLOG_NO_SAVE");
    let live = run(&mut command).json();
    assert_eq!(live["input"]["wall_ns"], home.runs()[0]["wall_ns"]);
    assert_eq!(
        live["input"]["wall_ns"],
        home.json(&["phases"])["input"]["wall_ns"]
    );
}

#[test]
fn rm_removes_what_is_named() {
    let home = Home::with(&[DIAMOND, REMOTE, DIAMOND]);
    let ids = home.ids();
    home.nixlog(&["runs", "rename", "last~2", "old"]);
    // Nothing goes where one is not there.
    home.nixlog(&["runs", "rm", "last", "nonsense"]).refused();
    assert_eq!(home.ids(), ids);
    assert_eq!(home.nixlog(&["runs", "rm"]).status, Some(2));
    let removed = home.nixlog(&["runs", "rm", "last", "last~2", "old"]);
    assert_eq!(removed.status, Some(0), "{removed:?}");
    assert_snapshot!(
        removed.stderr.replace(short(&ids[0]), "NEW").replace(short(&ids[2]), "OLD"),
        @r"
    nixlog: run NEW is removed
    nixlog: run OLD (old) is removed
    "
    );
    assert_eq!(home.ids(), [&*ids[1]]);
    // The name is free.
    let named = home.nixlog(&["runs", "rename", "last", "old"]);
    assert_eq!(named.status, Some(0), "{named:?}");
}
