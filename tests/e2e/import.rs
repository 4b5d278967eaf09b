//! `nixlog import`: runs that were recorded by somebody else.

use std::fs::{self, File};
use std::io::Write as _;
use std::process::{Command, Stdio};

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::program::{DIAMOND, FAIL, REMOTE, Ran, SLOW, feed, file, folder, recording, unstamped};
use crate::run::wait_until;
use crate::runs::{Home, recorded, short};

/// Imports a file; returns the run.
fn import(home: &Home, args: &[&str]) -> Value {
    let before = home.ids();
    let ran = home.nixlog(&[&["import"], args].concat());
    assert_eq!((ran.status, ran.stdout.as_str()), (Some(0), ""), "{ran:?}");
    let mut runs = home.runs().into_iter();
    let new = runs.find(|run| !before.iter().any(|id| run["id"] == id.as_str()));
    let new = new.unwrap_or_else(|| panic!("{ran:?}"));
    let id = new["id"].as_str().unwrap_or_default();
    assert!(
        ran.stderr
            .contains(&format!("imported as run {} (", short(id))),
        "{ran:?}"
    );
    new
}

#[test]
fn an_imported_log_answers_as_the_log_does() {
    for name in [DIAMOND, REMOTE, FAIL, SLOW] {
        let home = Home::new();
        let run = import(&home, &[name]);
        assert_eq!(
            (&run["via"], &run["state"]),
            (&"import".into(), &"complete".into())
        );
        // Nothing is known of the machine that built.
        assert_eq!((&run["host"], &run["cwd"]), (&Value::Null, &Value::Null));
        for verb in ["phases", "slowest", "timeline", "critical-path"] {
            let (log, kept) = (home.json(&[verb, name]), home.json(&[verb]));
            assert_eq!(kept["result"], log["result"], "{verb} {name}");
            assert_eq!(kept["input"]["clock"], "carrier");
            assert_eq!(kept["input"]["wall_ns"], log["input"]["wall_ns"]);
            assert_eq!(kept["input"]["complete"], log["input"]["complete"]);
        }
        assert_eq!(run["wall_ns"], home.json(&["phases"])["input"]["wall_ns"]);
        let shown = home.json(&["runs", "show"]);
        assert_eq!(shown["result"]["carrier"], "nanos");
        let from = shown["result"]["imported_from"]
            .as_str()
            .unwrap_or_default();
        assert!(from.starts_with('/') && from.ends_with(name), "{from}");
        // All of it is there, on request.
        import(&home, &[name, "--no-thin"]);
        let raw = home.command(&["cat"]).output().expect("nixlog starts");
        assert!(raw.stdout == unstamped(name), "{name}");
    }
}

#[test]
fn what_a_log_does_not_say_can_be_said() {
    let home = Home::new();
    let run = import(
        &home,
        &[
            DIAMOND,
            "--start",
            "2026-11-21T20:41:12.5+01:00",
            "--name",
            "nightly",
            "--command",
            "nix build '.#a b' -j 3 --option access-tokens github.com=SECRET",
        ],
    );
    assert_eq!(run["started_at"], "2026-11-21T19:41:12.5Z");
    assert_eq!(run["name"], "nightly");
    let words = [
        "nix",
        "build",
        ".#a b",
        "-j",
        "3",
        "--option",
        "access-tokens",
        "***",
    ];
    assert_eq!(run["command"], json!(words));
    let report = home.json(&[
        "bottlenecks",
        "nightly",
        "--derivations",
        "2.26.3-diamond-build-v.drvs.tar.gz",
    ]);
    assert_eq!(report["result"]["slots_source"], "settings");
    assert_eq!(report["input"]["started_at"], "2026-11-21T19:41:12.5Z");
    let mut local = home.command(&["import", DIAMOND, "--start", "2026-11-21 19:41"]);
    let ran = crate::program::run(local.env("TZ", "UTC-3"));
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert_eq!(home.runs()[0]["started_at"], "2026-11-21T16:41:00Z");
}

/// The dates of a CI come along, and the last line without its end.
#[test]
fn other_carriers() {
    let folder = folder();
    let mut github = Vec::new();
    for (n, line) in unstamped(DIAMOND)
        .split_inclusive(|&byte| byte == b'\n')
        .enumerate()
    {
        let second = n / 10;
        write!(github, "2026-11-21T19:41:{second:02}.3891904Z ").expect("memory takes it");
        github.extend_from_slice(line);
    }
    github.pop();
    let path = file(&folder, "github.log", &github);
    let home = Home::new();
    let run = import(&home, &[&path, "--no-thin"]);
    assert_eq!(run["started_at"], "2026-11-21T19:41:00.3891904Z");
    let log = home.json(&["phases", &path]);
    let kept = home.json(&["phases"]);
    assert_eq!(kept["result"], log["result"]);
    assert_eq!(kept["input"]["started_at"], log["input"]["started_at"]);
    let raw = home
        .command(&["cat"])
        .output()
        .expect("nixlog starts")
        .stdout;
    let whole = unstamped(DIAMOND);
    assert!(raw == whole[..whole.len() - 1]);
    let stamped = home.nixlog(&["cat", "--stamped=iso"]).result();
    assert!(
        stamped.starts_with("2026-11-21T19:41:00.389190400Z @nix "),
        "{stamped}"
    );
}

/// From one machine to another, as a file or through a pipe.
#[test]
fn a_recording_is_copied_as_it_is() {
    let (here, there) = (Home::new(), Home::new());
    here.record(&recording(FAIL));
    let id = here.ids()[0].clone();
    let exported = here
        .command(&["runs", "export", "-o", "-"])
        .output()
        .expect("nixlog starts")
        .stdout;
    let ran = Ran::from(feed(
        there.spawn(&["import", "-", "--name", "theirs"]),
        &exported,
    ));
    assert_eq!((ran.status, ran.stdout.as_str()), (Some(0), ""), "{ran:?}");
    assert_eq!(there.ids(), [id.as_str()]);
    let path = there.nixlog(&["runs", "path", "theirs"]).result();
    assert!(fs::read(path.trim_end()).is_ok_and(|bytes| bytes == exported));
    let folder = folder();
    let path = file(&folder, "run.nixlog.zst", &exported);
    let again = there.nixlog(&["import", &path]);
    assert_eq!(again.status, Some(0), "{again:?}");
    assert!(
        again.stderr.contains("is already among the runs\n"),
        "{}",
        again.stderr
    );
    assert_eq!(there.ids().len(), 1);
    // However it was packed, its end is soon found.
    let text = zstd::decode_all(exported.as_slice()).expect("it is whole");
    let level_19 = zstd::encode_all(text.as_slice(), 19).expect("memory takes it");
    for (n, bytes) in [text.clone(), level_19].iter().enumerate() {
        let other = Home::new();
        let path = file(&folder, &format!("packed-{n}"), bytes);
        let run = import(&other, &[&path]);
        assert_eq!(
            (&run["id"], &run["state"]),
            (&id.as_str().into(), &"complete".into())
        );
        assert_eq!(run["wall_ns"], here.runs()[0]["wall_ns"]);
        let path = run["path"].as_str().unwrap_or_default();
        let kept = fs::read(path).and_then(|bytes| zstd::decode_all(bytes.as_slice()));
        assert!(kept.is_ok_and(|kept| kept == text));
    }
}

#[test]
fn a_cut_recording_is_copied_up_to_the_cut() {
    let header = json!({"format": 1, "via": "run", "clock": "recorded"});
    let folder = folder();
    let whole = recorded(&header, &recording(REMOTE), None);
    let text = zstd::decode_all(whole.as_slice()).expect("it is whole");
    let line = text.len() / 2
        - text[..text.len() / 2]
            .iter()
            .rev()
            .position(|&b| b == b'\n')
            .unwrap_or(0);
    for (name, bytes) in [
        ("cut.zst", &whole[..whole.len() / 2]),
        ("cut", &text[..line]),
    ] {
        let home = Home::new();
        let path = file(&folder, name, bytes);
        let run = import(&home, &[&path]);
        assert_eq!(
            (&run["state"], &run["wall_ns"]),
            (&"cut-off".into(), &Value::Null)
        );
        let report = home.json(&["phases"]);
        assert!(
            report["input"]["wall_ns"].as_u64() > Some(1_000_000_000),
            "{report:#}"
        );
    }
}

#[test]
fn refused() {
    let home = Home::new();
    let folder = folder();
    import(&home, &[DIAMOND, "--name", "taken"]);
    let plain = file(&folder, "plain.log", &unstamped(DIAMOND));
    let other = file(&folder, "other.log", b"1 no\n2 build\n");
    let header = json!({"format": 1, "via": "run", "clock": "recorded"});
    let ours = file(
        &folder,
        "ours.nixlog.zst",
        &recorded(&header, &recording(DIAMOND), None),
    );
    let missing = folder.path().join("missing").display().to_string();
    let here = folder.path().display().to_string();
    let mut said = String::new();
    for args in [
        &[plain.as_str()][..],
        &[&other],
        &[&missing],
        &[&here],
        &[DIAMOND, "--name", "last"],
        &[DIAMOND, "--name", "taken"],
        &[DIAMOND, "--start", "yesterday"],
        &[DIAMOND, "--command", "nix build 'x"],
        &[DIAMOND, "--carrier", "pigeon"],
        &[&ours, "--start", "2026-11-21T19:41:12Z"],
        &["last"],
    ] {
        let refused = home.nixlog(&[&["import"], args].concat()).refused();
        said.extend([&args.join(" ").replace(&here, "FOLDER"), "\n"]);
        said += &refused.replace(&here, "FOLDER");
    }
    assert_snapshot!("import_refused", said);
    assert_eq!(home.ids().len(), 1);
    let leftovers = fs::read_dir(home.folder.path().join("runs")).map(Iterator::count);
    assert_eq!(leftovers.ok(), Some(1));
}

/// A log is read twice. What happens only the second time is no end of it.
#[test]
fn what_breaks_off_the_second_time_is_refused() {
    let home = Home::new();
    let path = home.folder.path().join("log");
    let made = Command::new("mkfifo").arg(&path).status();
    assert!(made.is_ok_and(|status| status.success()));
    let path = path.to_str().expect("temporary folders have plain names");
    let mut importing = home.command(&["import", path]);
    importing.stderr(Stdio::piped());
    // Open in both directions, it takes what a pipe holds; the rest goes only to somebody who reads.
    let both = File::options().read(true).write(true).open(path);
    let mut first = both.expect("it is there");
    let child = importing.spawn().expect("nixlog starts");
    first.write_all(&recording(REMOTE)).expect("it is read");
    drop(first);
    // Then nixlog has closed it, and begun a run.
    let runs = home.folder.path().join("runs");
    let begun = || fs::read_dir(&runs).is_ok_and(|mut runs| runs.next().is_some());
    wait_until(begun);
    fs::write(path, b"\x1f\x8b\x08\x00").expect("it is read again");
    let ran = Ran::from(child.wait_with_output().expect("nixlog ends"));
    assert_eq!(ran.status, Some(2), "{ran:?}");
    let want = format!("error: cannot read `{path}`\ncaused by: unexpected end of file\n");
    assert_eq!(ran.stderr, want);
    assert!(!begun(), "nothing is left of it");
}
