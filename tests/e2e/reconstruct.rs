//! `nixlog reconstruct`: stores that the tests make themselves, and one by real Nix where there is one.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::Connection;
use serde_json::Value;

use crate::program::{Ran, command, folder, run};
use crate::verbs::reports;

/// The tables of a store's database, as far as anybody reads them.
const SCHEMA: &str = "
    CREATE TABLE ValidPaths (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, path TEXT UNIQUE NOT NULL,
        hash TEXT NOT NULL, registrationTime INTEGER NOT NULL, deriver TEXT, narSize INTEGER,
        ultimate INTEGER, sigs TEXT, ca TEXT);
    CREATE TABLE Refs (referrer INTEGER NOT NULL, reference INTEGER NOT NULL,
        PRIMARY KEY (referrer, reference));
    CREATE TABLE DerivationOutputs (drv INTEGER NOT NULL, id TEXT NOT NULL, path TEXT NOT NULL,
        PRIMARY KEY (drv, id));";

/// A store below a root of its own.
struct Store {
    folder: tempfile::TempDir,
    database: Connection,
    /// What its paths begin with.
    dir: String,
}

/// The times of a file, in nanoseconds since 1970.
#[derive(Debug, Clone, Copy)]
struct Times {
    born: u128,
    modified: u128,
}

/// A path with a hash that is made of its name.
fn base(name: &str) -> String {
    let sum = name
        .bytes()
        .fold(7_u64, |sum, byte| sum * 31 % 99_999_989 + u64::from(byte));
    format!("{sum:032}-{name}")
}

impl Store {
    fn new() -> Self {
        let folder = folder();
        for below in [
            "nix/store",
            "nix/var/nix/db",
            "nix/var/log/nix/drvs",
            "runs",
        ] {
            fs::create_dir_all(folder.path().join(below)).expect("a writable temporary folder");
        }
        let path = folder.path().join("nix/var/nix/db/db.sqlite");
        let database = Connection::open(path).expect("a new database");
        // As Nix has it: rows stay beside the file while somebody has it open.
        database
            .execute_batch("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;")
            .and_then(|()| database.execute_batch(SCHEMA))
            .expect("a schema");
        Self {
            folder,
            database,
            dir: "/nix/store".to_owned(),
        }
    }

    /// A store whose paths are where they say, as that of this machine.
    fn in_place() -> Self {
        let store = Self::new();
        let dir = store.file("").display().to_string();
        Self {
            dir: dir.trim_end_matches('/').to_owned(),
            ..store
        }
    }

    /// Returns a path of the store.
    fn path(&self, name: &str) -> String {
        format!("{}/{}", self.dir, base(name))
    }

    fn root(&self) -> &Path {
        self.folder.path()
    }

    fn file(&self, base: &str) -> PathBuf {
        self.root().join("nix/store").join(base)
    }

    /// Writes a derivation with one output; returns its path.
    fn drv(&self, name: &str, needs: &[&str]) -> String {
        let needs = needs
            .iter()
            .map(|name| format!(r#"("{}.drv",["out"])"#, self.path(name)));
        let text = format!(
            r#"Derive([("out","{}","","")],[{}],[],"x86_64-linux","/bin/sh",[],[])"#,
            self.path(name),
            needs.collect::<Vec<_>>().join(",")
        );
        let drv = format!("{}.drv", base(name));
        fs::write(self.file(&drv), text).expect("a writable store");
        format!("{}/{drv}", self.dir)
    }

    fn log_file(&self, name: &str) -> PathBuf {
        let drv = format!("{}.drv", base(name));
        let folder = self.root().join("nix/var/log/nix/drvs").join(&drv[..2]);
        fs::create_dir_all(&folder).expect("a writable log folder");
        folder.join(format!("{}.bz2", &drv[2..]))
    }

    /// Writes a log as Nix does: the file at the start, its text at the end.
    fn log(&self, name: &str, took: Duration, text: &str) -> Times {
        let path = self.log_file(name);
        let mut file = File::create(&path).expect("a writable log folder");
        thread::sleep(took);
        let mut packed = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        packed
            .write_all(text.as_bytes())
            .expect("memory takes everything");
        file.write_all(&packed.finish().expect("memory takes everything"))
            .expect("room for a log");
        times(&path)
    }

    /// Registers a path, as built here or not.
    fn register(&self, name: &str, second: u128, built_here: bool) {
        let (path, drv) = (self.path(name), format!("{}.drv", self.path(name)));
        self.database
            .execute(
                "INSERT INTO ValidPaths (path, hash, registrationTime, deriver, narSize, ultimate)
                 VALUES (?1, 'sha256:0', ?2, ?3, 120, ?4)",
                rusqlite::params![
                    path,
                    i64::try_from(second).expect("seconds"),
                    drv,
                    built_here.then_some(1)
                ],
            )
            .expect("a new path");
    }

    /// Builds something: a derivation, a log, an output.
    fn build(&self, name: &str, needs: &[&str], took: u64) -> Times {
        self.drv(name, needs);
        let times = self.log(name, Duration::from_millis(took), "a line\n");
        fs::write(self.file(&base(name)), "an output").expect("a writable store");
        self.register(name, times.modified / 1_000_000_000, true);
        times
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = command(args);
        command
            .current_dir(self.root())
            .env("NIXLOG_DIR", self.root().join("runs"))
            .env("NIX_STORE_DIR", "/nonexistent");
        command
    }

    fn nixlog(&self, args: &[&str]) -> Ran {
        run(&mut self.command(args))
    }

    /// Reconstructs what a name means; returns what the recording then says of each unit.
    fn units(&self, args: &[&str]) -> Vec<Value> {
        let args = [&["reconstruct", "--store", ".", "-o", "x.nixlog.zst"], args].concat();
        self.nixlog(&args).result();
        let ran = self.nixlog(&[
            "slowest",
            "x.nixlog.zst",
            "--top",
            "0",
            "--json",
            "--no-store",
        ]);
        ran.json()["result"]["units"]
            .as_array()
            .expect("a list")
            .clone()
    }
}

fn nanos(time: std::io::Result<SystemTime>) -> Option<u128> {
    Some(time.ok()?.duration_since(UNIX_EPOCH).ok()?.as_nanos())
}

fn times(path: &Path) -> Times {
    let metadata = path.metadata().expect("it was just made");
    let modified = nanos(metadata.modified()).expect("every file system has those");
    // Where files have no times of birth, there is nothing to find.
    let born = nanos(metadata.created()).unwrap_or(modified);
    Times { born, modified }
}

#[expect(clippy::print_stdout, reason = "so that nobody takes it for passed")]
fn skipped(why: &str) {
    println!("skipped: {why}");
}

/// Tells whether files here know when they were made. Where not, most of this cannot be tested.
fn has_births() -> bool {
    let there = folder()
        .path()
        .metadata()
        .is_ok_and(|metadata| metadata.created().is_ok());
    if !there {
        skipped("the file system of the temporary folder has no times of birth");
    }
    there
}

fn unit<'a>(units: &'a [Value], name: &str) -> &'a Value {
    let found = units.iter().find(|unit| unit["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {units:?}"))
}

fn took(unit: &Value) -> u128 {
    u128::from(
        unit["duration_ns"]
            .as_u64()
            .unwrap_or_else(|| panic!("{unit:?}")),
    )
}

#[test]
fn builds_have_the_times_of_their_logs() {
    if !has_births() {
        return;
    }
    let store = Store::new();
    let one = store.build("one-1.0", &[], 60);
    let two = store.build("two-2.0", &["one-1.0"], 40);
    let path = store.path("two-2.0");
    let units = store.units(&[&path]);
    for (name, times) in [("one-1.0", one), ("two-2.0", two)] {
        let unit = unit(&units, name);
        assert_eq!(took(unit), times.modified - times.born, "{unit:?}");
        assert_eq!(
            (&unit["end"], &unit["outcome"]),
            (&"measured".into(), &"succeeded".into())
        );
        // What is not read is not known, and not none.
        assert_eq!(
            (&unit["log_lines"], &unit["kind"]),
            (&Value::Null, &"build".into())
        );
    }
    // The derivations came along: nothing of the store is needed any more.
    let path = store
        .nixlog(&["critical-path", "x.nixlog.zst", "--json", "--no-store"])
        .json();
    assert_eq!(path["input"]["clock"], "reconstructed");
    let steps: Vec<&Value> = path["result"]["segments"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|segment| segment["kind"] == "build")
        .map(|segment| &segment["unit"]["name"])
        .collect();
    assert_eq!(steps, ["one-1.0", "two-2.0"]);
    let all: u64 = path["result"]["segments"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|segment| {
            segment["end_ns"].as_u64().unwrap_or(0) - segment["start_ns"].as_u64().unwrap_or(0)
        })
        .sum();
    // A path that was registered in a later second than its log was written shows that Nix went on until then.
    let registered: i64 = store
        .database
        .query_row("SELECT max(registrationTime) FROM ValidPaths", [], |row| {
            row.get(0)
        })
        .expect("there are paths");
    let registered = u128::from(registered.unsigned_abs()) * 1_000_000_000;
    assert_eq!(u128::from(all), two.modified.max(registered) - one.born);
}

#[test]
fn every_way_to_name_it_leads_to_the_same() {
    if !has_births() {
        return;
    }
    let store = Store::new();
    store.build("one-1.0", &[], 30);
    let path = store.path("one-1.0");
    symlink(&path, store.root().join("result")).expect("a writable temporary folder");
    let here = store.file(&base("one-1.0")).display().to_string();
    let drv = format!("{path}.drv");
    let expected = store.units(&[&path]);
    for name in [
        "./result",
        "result",
        &here,
        &drv,
        &format!("{path}/share/x"),
    ] {
        assert_eq!(store.units(&[name]), expected, "{name}");
    }
    assert_eq!(store.units(&["--since", "1h"]), expected);
}

#[test]
fn every_verb_takes_what_was_built() {
    if !has_births() {
        return;
    }
    let store = Store::in_place();
    store.build("one-1.0", &[], 30);
    let here = store.path("one-1.0");
    let link = |target: &str, name: &str| {
        symlink(target, store.root().join(name)).expect("a writable temporary folder");
    };
    let clock = |name: &str| {
        let mut command = store.command(&["slowest", name, "--json"]);
        command
            .env("NIX_STORE_DIR", &store.dir)
            .env("NIX_STATE_DIR", store.root().join("nix/var/nix"))
            .env("NIX_LOG_DIR", store.root().join("nix/var/log/nix"));
        run(&mut command).json()["input"]["clock"].clone()
    };
    link(&here, "result");
    for name in ["result", "./result", &format!("{here}.drv")] {
        assert_eq!(clock(name), "reconstructed", "{name}");
    }
    // But files in the store are what they are.
    let logs = store.file(&base("logs"));
    fs::create_dir(&logs).expect("a writable store");
    let log = logs.join("build.log").display().to_string();
    fs::write(&log, "3 @nix {\"action\":\"stop\",\"id\":1}\n").expect("a writable store");
    link(&log, "log");
    for name in ["log", &log] {
        assert_eq!(clock(name), "carrier", "{name}");
    }
}

#[test]
fn what_failed_shows_how_it_ended() {
    if !has_births() {
        return;
    }
    let store = Store::new();
    store.build("one-1.0", &[], 20);
    let drv = store.drv("bad-1.0", &["one-1.0"]);
    let text = "Running phase: buildPhase\nfirst\n\u{1b}[31mno luck\u{1b}[0m\n";
    store.log("bad-1.0", Duration::from_millis(20), text);
    let units = store.units(&[&drv]);
    let bad = unit(&units, "bad-1.0");
    assert_eq!(
        (&bad["outcome"], &bad["reason"]),
        (&"failed".into(), &"its outputs are not in the store".into())
    );
    assert_eq!(bad["builder_phases"][0]["name"], "buildPhase");
    assert_eq!(bad["builder_phases"][0]["duration_ns"], Value::Null);
    let text =
        zstd::decode_all(File::open(store.root().join("x.nixlog.zst")).expect("it was written"));
    let text = String::from_utf8(text.expect("whole")).expect("UTF-8");
    assert!(text.contains("no luck"), "{text}");
    // Once something ran on it, it must have been there: it was deleted since.
    store.build("top-1.0", &["bad-1.0"], 10);
    let units = store.units(&[&store.path("top-1.0")]);
    assert_eq!(unit(&units, "bad-1.0")["outcome"], "succeeded");
}

#[test]
fn what_was_tried_before_starts_after_what_it_needs() {
    if !has_births() {
        return;
    }
    let store = Store::new();
    // The first try makes the log, and fails.
    store.log("two-1.0", Duration::from_millis(5), "no\n");
    thread::sleep(Duration::from_millis(150));
    let one = store.build("one-1.0", &[], 20);
    let two = store.build("two-1.0", &["one-1.0"], 30);
    assert!(two.born < one.born, "the file is the same");
    let units = store.units(&[&store.path("two-1.0")]);
    let tried = unit(&units, "two-1.0");
    // What it needs was there once that was written.
    let ready = times(&store.file(&base("one-1.0")))
        .modified
        .max(one.modified);
    assert_eq!(
        (took(tried), &tried["end"]),
        (two.modified - ready, &"inferred".into())
    );
    let said = store.nixlog(&["slowest", "x.nixlog.zst"]).result();
    assert!(
        said.contains("an earlier try had made") && said.contains('~'),
        "{said}"
    );
}

#[test]
fn a_path_from_elsewhere_has_an_end() {
    let store = Store::new();
    store.drv("one-1.0", &[]);
    store.register("one-1.0", 1_700_000_000, false);
    store.drv("two-1.0", &["one-1.0"]);
    store.register("two-1.0", 1_700_000_007, false);
    let units = store.units(&[&store.path("two-1.0")]);
    for name in ["one-1.0", "two-1.0"] {
        let unit = unit(&units, name);
        assert_eq!(
            (&unit["kind"], &unit["duration_ns"]),
            (&"substitution".into(), &Value::Null)
        );
        assert_eq!(
            (&unit["start_ns"], &unit["source"]),
            (&Value::Null, &Value::Null)
        );
        assert_eq!(unit["unpacked_bytes"], 120);
    }
    assert_eq!(unit(&units, "two-1.0")["end_ns"], 7_000_000_000_u64);
    // No verb makes up what is not known.
    for verb in reports() {
        let asked = verb.about(&["x.nixlog.zst", "--no-store"]);
        let said = store.nixlog(&asked).result();
        assert!(
            said.contains("whose start is not known"),
            "{verb:?}: {said}"
        );
        assert!(!said.contains("Nix itself"), "{verb:?}: {said}");
    }
    let said = store.nixlog(&["critical-path", "x.nixlog.zst"]).result();
    assert!(
        said.contains("7.00s wall: 7.00s waiting for reasons unknown"),
        "{said}"
    );
}

#[test]
fn what_was_unpacked_has_the_times_of_its_file() {
    if !has_births() {
        return;
    }
    let store = Store::new();
    // A folder, touched for the last time when it is complete; and a file that is another one's twin.
    let folder = store.file(&base("folder-1.0"));
    fs::create_dir(&folder).expect("a writable store");
    thread::sleep(Duration::from_millis(30));
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o555)).expect("it is ours");
    let metadata = folder.metadata().expect("it was just made");
    let changed = metadata.ctime() * 1_000_000_000 + metadata.ctime_nsec();
    let changed = u128::try_from(changed).expect("after 1970");
    fs::write(store.file("older"), "text").expect("a writable store");
    fs::hard_link(store.file("older"), store.file(&base("twin-1.0")))
        .expect("a file system with links");
    for name in ["folder-1.0", "twin-1.0"] {
        store.register(name, changed / 1_000_000_000, false);
    }
    store.drv("folder-1.0", &[]);
    let drv = store.drv("twin-1.0", &["folder-1.0"]);
    let units = store.units(&[&drv]);
    assert_eq!(
        took(unit(&units, "folder-1.0")),
        changed - times(&folder).born
    );
    assert_eq!(unit(&units, "folder-1.0")["end"], "measured");
    assert_eq!(unit(&units, "twin-1.0")["duration_ns"], Value::Null);
}

#[test]
fn sessions_are_listed_and_kept() {
    let store = Store::new();
    // Substitutions of two days, without files.
    for (name, second) in [
        ("one-1.0", 1_700_000_000),
        ("two-1.0", 1_700_090_000),
        ("three-1.0", 1_700_090_030),
    ] {
        store.register(name, second, false);
    }
    store.drv("one-1.0", &[]);
    store.drv("two-1.0", &["one-1.0"]);
    let drv = store.drv("three-1.0", &["two-1.0"]);
    let ran = store
        .nixlog(&["reconstruct", &drv, "--store", ".", "--json"])
        .json();
    let sessions = ran["result"]["sessions"].as_array().expect("a list");
    assert_eq!(sessions.len(), 2);
    assert_eq!(
        (&sessions[0]["substitutions"], &sessions[0]["wall_ns"]),
        (&2.into(), &30_000_000_000_u64.into())
    );
    assert_eq!(
        (&sessions[0]["started_at"], &sessions[1]["run"]),
        (&"2023-11-15T23:13:20Z".into(), &Value::Null)
    );
    let path = PathBuf::from(sessions[0]["path"].as_str().expect("a path"));
    assert!(path.starts_with(store.root().join("runs")) && path.exists());
    // Each as a run of its own, or all as one.
    let ran = store
        .nixlog(&["reconstruct", &drv, "--store", ".", "--json", "--all"])
        .json();
    let sessions = ran["result"]["sessions"].as_array().expect("a list");
    let ids: Vec<&str> = sessions
        .iter()
        .filter_map(|session| session["run"].as_str())
        .collect();
    assert!(
        ids.len() == 2 && ids[0] > ids[1],
        "the latest was kept last: {ids:?}"
    );
    let ran = store
        .nixlog(&["reconstruct", &drv, "--store", ".", "--json", "--gap", "2d"])
        .json();
    assert_eq!(ran["result"]["sessions"].as_array().map(Vec::len), Some(1));
    let said = store
        .nixlog(&[
            "reconstruct",
            &drv,
            "--store",
            ".",
            "--gap",
            "2d",
            "-o",
            "x",
        ])
        .result();
    assert!(
        said.contains("nothing ran for 25h 00m") && said.contains("`--gap 5m`"),
        "{said}"
    );
    let said = store
        .nixlog(&["reconstruct", &drv, "--store", ".", "-o", "x"])
        .result();
    assert!(
        said.starts_with("run, 2023-11-15 23:13:20 UTC: nixlog reconstruct --store .\n"),
        "{said}"
    );
    assert!(
        said.contains("2 paths fetched in 30.0s, on 2023-11-15 from 23:13:20 to 23:13:50 UTC"),
        "{said}"
    );
    assert!(
        said.contains("only the latest session was recorded"),
        "{said}"
    );
}

#[test]
fn the_session_that_made_it_is_shown() {
    let store = Store::new();
    // What it needs was fetched again a day later, and something else that it needs never.
    for (name, second) in [("one-1.0", 1_700_090_000), ("two-1.0", 1_700_000_000)] {
        store.register(name, second, false);
    }
    store.drv("one-1.0", &[]);
    store.drv("two-1.0", &["one-1.0"]);
    let drv = store.drv("three-1.0", &["two-1.0"]);
    let path = store.path("two-1.0");
    for what in [&path, &format!("{path}.drv")] {
        let ran = store
            .nixlog(&["reconstruct", what, "--store", ".", "--json"])
            .json();
        let sessions = ran["result"]["sessions"].as_array().expect("a list");
        let asked_for: Vec<(&Value, bool)> = sessions
            .iter()
            .map(|session| (&session["asked_for"], session["path"].is_string()))
            .collect();
        assert_eq!(asked_for, [(&false.into(), false), (&true.into(), true)]);
        let said = store
            .nixlog(&["reconstruct", what, "--store", ".", "-o", "x"])
            .result();
        assert!(said.contains("on 2023-11-14 from 22:13:20"), "{said}");
        assert!(
            said.contains("only the session that built what was asked for was recorded"),
            "{said}"
        );
    }
    // Where nothing tells of itself, that is said, and the latest of what it needs is shown.
    let said = store
        .nixlog(&["reconstruct", &drv, "--store", ".", "-o", "x"])
        .result();
    assert!(said.contains("on 2023-11-15 from 23:13:20"), "{said}");
    assert!(said.contains("nothing tells when"), "{said}");
}

#[test]
fn what_cannot_be_told_is_said() {
    let store = Store::new();
    let drv = store.drv("one-1.0", &[]);
    let refused = |args: &[&str]| {
        store
            .nixlog(&[&["reconstruct", "--store", "."], args].concat())
            .refused()
    };
    let said = refused(&[&drv]);
    assert!(said.contains("the build times of"), "{said}");
    let said = refused(&["/nix/store/00000000000000000000000000000000-nothing"]);
    assert!(said.contains("the store knows nothing of"), "{said}");
    let said = refused(&["--since", "2h"]);
    assert!(
        said.contains("nothing was built or fetched in that time"),
        "{said}"
    );
    let said = store
        .nixlog(&["reconstruct", &drv, "--store", "nowhere"])
        .refused();
    assert!(
        said.contains("nowhere/nix/var/nix/db/db.sqlite") && said.contains("--store ROOT"),
        "{said}"
    );
    let said = store.nixlog(&["reconstruct"]).refused();
    assert!(said.contains("<WHAT>"), "{said}");
    let said = run(store
        .command(&["reconstruct", "nixpkgs#hello", "--store", "."])
        .env("PATH", "/nonexistent"));
    let said = said.refused();
    assert!(said.contains("no `nix` on the PATH"), "{said}");
}

#[test]
fn a_damaged_store_costs_no_more_than_it_must() {
    if !has_births() {
        return;
    }
    let store = Store::new();
    store.build("one-1.0", &[], 20);
    store.build("two-1.0", &["one-1.0"], 20);
    fs::write(store.file(&format!("{}.drv", base("one-1.0"))), "Derive([")
        .expect("a writable store");
    fs::write(store.log_file("two-1.0"), "no bzip2").expect("a writable log folder");
    let path = store.path("two-1.0");
    let ran = store
        .nixlog(&["reconstruct", &path, "--store", ".", "--json"])
        .json();
    assert_eq!(ran["result"]["sessions"][0]["builds"], 2);
    let codes: Vec<&Value> = ran["diagnostics"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|d| &d["code"])
        .collect();
    assert!(
        codes.contains(&&Value::from("unreadable-derivations")),
        "{codes:?}"
    );
}

/// Derivations that tell how long they ran: `a` and `c`, `b` on `a`, `top` on all.
const NIX: &str = r#"let
  make = name: deps: time: derivation {
    inherit name deps;
    system = builtins.currentSystem;
    builder = "/bin/sh";
    args = [ "-c" "PATH=/bin:/usr/bin; date +%s%N > $truth/${name}; sleep ${time}; echo $deps > $out; date +%s%N >> $truth/${name}" ];
    truth = builtins.getEnv "TRUTH";
  };
  a = make "a" [ ] "0.4";
  b = make "b" [ a ] "0.3";
  c = make "c" [ ] "0.2";
in make "top" [ a b c ] "0.1"
"#;

/// With real Nix, in a store of its own: the same builds, and durations as the builders tell them.
#[test]
fn real_nix_is_told_within_what_a_machine_makes_of_it() {
    let nix = Command::new("nix-build")
        .arg("--version")
        .stdout(Stdio::null())
        .status();
    if !nix.is_ok_and(|status| status.success()) {
        skipped("there is no Nix here");
        return;
    }
    if !has_births() {
        return;
    }
    let folder = folder();
    let root = folder.path().canonicalize().expect("it was just made");
    let truth = root.join("truth");
    fs::create_dir(&truth).expect("a writable temporary folder");
    fs::write(root.join("default.nix"), NIX).expect("a writable temporary folder");
    let with_store = |command: &mut Command| {
        command
            .current_dir(&root)
            .env("NIX_STORE_DIR", root.join("store"))
            .env("NIX_STATE_DIR", root.join("var/nix"))
            .env("NIX_LOG_DIR", root.join("var/log"))
            .env("NIX_CONF_DIR", &root)
            .env(
                "NIX_CONFIG",
                "sandbox = false\nbuild-users-group =\nsubstituters =\nmax-jobs = 2",
            )
            .env("NIXLOG_DIR", root.join("runs"))
            .env("TRUTH", &truth)
            .env_remove("NIX_REMOTE");
    };
    let mut nix = Command::new("nix-build");
    with_store(nix.args(["--out-link", "result"]));
    let built = nix.output().expect("it started before");
    assert!(
        built.status.success(),
        "{}",
        String::from_utf8_lossy(&built.stderr)
    );
    let mut slowest = command(&["slowest", "result", "--json", "--top", "0"]);
    with_store(&mut slowest);
    let json = run(&mut slowest).json();
    let units = json["result"]["units"].as_array().expect("a list");
    assert_eq!(units.len(), 4, "{units:?}");
    for name in ["a", "b", "c", "top"] {
        let unit = unit(units, name);
        let told = fs::read_to_string(truth.join(name)).expect("the builder wrote it");
        let told: Vec<u128> = told
            .lines()
            .map(|line| line.parse().expect("nanoseconds"))
            .collect();
        // How much longer Nix itself takes depends on what else runs here; the builder ran in between.
        assert!(
            took(unit) + 20_000_000 >= told[1] - told[0],
            "{unit:?} {told:?}"
        );
        assert_eq!(
            (&unit["outcome"], &unit["end"]),
            (&"succeeded".into(), &"measured".into())
        );
    }
    let mut path = command(&["critical-path", "result", "--json"]);
    with_store(&mut path);
    let json = run(&mut path).json();
    let segments = json["result"]["segments"].as_array().expect("a list");
    let steps = segments.iter().filter(|segment| segment["kind"] == "build");
    let steps: Vec<&Value> = steps.map(|segment| &segment["unit"]["name"]).collect();
    assert_eq!(steps, ["a", "b", "top"]);
}
