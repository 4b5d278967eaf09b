//! `nixlog run`: the command is what it is without us, and its recording is there afterwards.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::program::{DIAMOND, FAIL, Ran, command, file, folder, run, unstamped};
use crate::stand_in::Script;

/// Prepares a run that is saved in a folder of its own.
pub(crate) fn saving(folder: &TempDir, args: &[&str]) -> Command {
    let mut command = command(args);
    command
        .env_remove("NIXLOG_NO_SAVE")
        .env("NIXLOG_DIR", folder.path())
        .env_remove("NIX_CONFIG");
    command
}

/// Returns the files of the recordings in a folder, oldest first.
pub(crate) fn recordings(folder: &TempDir) -> Vec<PathBuf> {
    let files = fs::read_dir(folder.path().join("runs")).expect("there are runs");
    let mut files: Vec<PathBuf> = files
        .map(|file| file.expect("a file").path())
        // One that has only just been made is hidden until it is locked.
        .filter(|path| {
            !path
                .file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with('.'))
        })
        .collect();
    files.sort();
    files
}

/// Returns the only recording in a folder.
pub(crate) fn only_recording(folder: &TempDir) -> PathBuf {
    let mut files = recordings(folder);
    let file = files.pop().expect("there is a recording");
    assert_eq!(files, Vec::<PathBuf>::new());
    file
}

/// Reads a recording's text.
pub(crate) fn text_of(path: &Path) -> String {
    let file = fs::File::open(path).expect("it is there");
    let mut text = Vec::new();
    let mut decoder = zstd::Decoder::new(file).expect("a decoder");
    // One that was cut off ends in an error, after all that it has.
    drop(decoder.read_to_end(&mut text));
    String::from_utf8(text).expect("the tests' logs are text")
}

/// Returns what a report says of a recording.
pub(crate) fn report(path: &Path, verb: &str) -> Value {
    let path = path.to_str().expect("a plain path");
    run(&mut command(&[verb, path, "--json"])).json()
}

pub(crate) fn plain(path: &Path) -> &str {
    path.to_str().expect("temporary folders have plain names")
}

/// What each of Nix's commands may end with, and what it prints as its result, comes through.
#[test]
fn status_and_result_are_the_commands_own() {
    for (log, status) in [(DIAMOND, 0), (FAIL, 1), (FAIL, 100), (FAIL, 102)] {
        let nix = Script::replay(log, 50.0)
            .stdout("/nix/store/x\n")
            .status(status);
        let nix = nix.program("nix-build");
        let folder = folder();
        let ran = run(&mut saving(
            &folder,
            &["run", "--", plain(nix.path()), "-A", "foo"],
        ));
        assert_eq!(ran.status, Some(i32::from(status)), "{ran:?}");
        assert_eq!(ran.stdout, "/nix/store/x\n");
        assert_eq!(
            nix.args(),
            ["--log-format", "internal-json", "-v", "-A", "foo"]
        );
        assert!(
            ran.stderr.contains("nixlog: recorded as run "),
            "{}",
            ran.stderr
        );
        let report = report(&only_recording(&folder), "phases");
        assert_eq!(report["input"]["clock"], "recorded");
        assert_eq!(report["input"]["run"]["via"], "run");
        assert_eq!(report["input"]["run"]["exit_status"], status);
        assert_eq!(report["input"]["run"]["command"][2], "foo");
        assert!(report["input"]["wall_ns"].as_u64() > Some(0));
    }
}

/// A failed build is explained when it ends, even to whoever wants to hear nothing else.
#[test]
fn what_failed_is_told_at_the_end() {
    const WHY: &str = "make: *** [Makefile:42: node.o] Error 1";
    for (log, quiet) in [(FAIL, false), (FAIL, true), (DIAMOND, false)] {
        let nix = Script::replay(log, 50.0).status(u8::from(log == FAIL));
        let nix = nix.program("nix-build");
        let mut args = vec!["run", "--", plain(nix.path())];
        if quiet {
            args.insert(1, "--quiet");
        }
        let stderr = run(&mut saving(&folder(), &args)).stderr;
        let told = stderr
            .rfind("2 failed; 5 derivations")
            .map(|at| &stderr[at..]);
        assert_eq!(told.is_some(), log == FAIL, "{stderr}");
        if let Some(told) = told {
            assert!(
                told.contains("libwayland-1.8.5: exit code 7 in fixupPhase"),
                "{told}"
            );
            assert!(told.contains(WHY), "{told}");
            assert_eq!(
                told.contains("nixlog: next: nixlog failures"),
                !quiet,
                "{told}"
            );
        }
    }
}

#[test]
fn a_signal_gives_128_and_its_number() {
    let folder = folder();
    let ran = run(&mut saving(
        &folder,
        &["run", "--", "sh", "-c", "kill -TERM $$"],
    ));
    assert_eq!(ran.status, Some(143), "{ran:?}");
    let report = report(&only_recording(&folder), "doctor");
    assert_eq!(report["input"]["run"]["signal"], 15);
    assert!(report["input"]["run"]["exit_status"].is_null());
}

/// As in a shell.
#[test]
fn what_is_no_program_gives_127_or_126() {
    let folder = folder();
    let ran = run(&mut saving(&folder, &["run", "--", "/nonexistent/nix"]));
    assert_eq!((ran.status, ran.stdout.as_str()), (Some(127), ""));
    insta::assert_snapshot!(ran.stderr, @"
    error: cannot run `/nonexistent/nix`
    caused by: No such file or directory (os error 2)
    hint: is it in the search path?
    ");
    let path = file(&folder, "plain.txt", b"no program");
    let ran = run(&mut saving(&folder, &["run", "--", &path]));
    assert_eq!(ran.status, Some(126), "{ran:?}");
    // Nothing ran, so nothing was recorded.
    assert_eq!(recordings(&folder), Vec::<PathBuf>::new());
}

pub(crate) fn signal(child: &Child, name: &str) {
    let command = format!("kill -{name} {}", child.id());
    let status = Command::new("sh").args(["-c", &command]).status();
    assert!(status.expect("sh is there").success());
}

pub(crate) fn spawned(command: &mut Command) -> Child {
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("nixlog starts")
}

/// Waits until something has come so far; however slow the machine is, not for ever.
pub(crate) fn wait_until(mut has_come: impl FnMut() -> bool) {
    for _ in 0..6000 {
        if has_come() {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("it never came");
}

pub(crate) fn wait_for(path: &Path) {
    wait_until(|| path.exists());
}

/// The command gets the signal, once, ends as it likes, and the report comes.
#[test]
fn an_interrupt_is_the_commands() {
    let folder = folder();
    let (up, count) = (folder.path().join("up"), folder.path().join("count"));
    let script = format!(
        "trap 'echo one >> {count}' INT; : > {up}; sleep 1 & wait $!; sleep 1 & wait $!; exit 7",
        count = count.display(),
        up = up.display()
    );
    let child = spawned(&mut saving(&folder, &["run", "--", "sh", "-c", &script]));
    wait_for(&up);
    signal(&child, "INT");
    let ran = Ran::from(child.wait_with_output().expect("nixlog ends"));
    assert_eq!(ran.status, Some(7), "{ran:?}");
    assert_eq!(fs::read_to_string(&count).expect("it was caught"), "one\n");
    assert!(
        ran.stderr.contains("exit status 7 after "),
        "{}",
        ran.stderr
    );
}

/// A recording that cannot be written costs one warning, and nothing else.
#[test]
fn a_failure_to_record_is_no_failure() {
    let place = folder();
    let path = file(&place, "a-file", b"");
    let nix = Script::replay(DIAMOND, 50.0)
        .stdout("out\n")
        .program("nix-build");
    let mut command = saving(&place, &["run", "--", plain(nix.path())]);
    let ran = run(command.env("NIXLOG_DIR", path));
    assert_eq!(
        (ran.status, ran.stdout.as_str()),
        (Some(0), "out\n"),
        "{ran:?}"
    );
    let warnings = ran
        .stderr
        .lines()
        .filter(|line| line.starts_with("warning: "));
    assert_eq!(warnings.count(), 1, "{}", ran.stderr);
    assert!(ran.stderr.contains(": 4 built"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("next: "), "{}", ran.stderr);
}

/// What was there a second before is there.
#[test]
fn a_killed_nixlog_leaves_what_it_had() {
    let folder = folder();
    let mut child = saving(&folder, &["record", "-q", "--no-thin"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("nixlog starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let log = unstamped(DIAMOND);
    stdin.write_all(&log).expect("nixlog reads");
    let runs = folder.path().join("runs");
    wait_for(&runs);
    // However slow the machine is, at some time the log is written, although nothing follows.
    let n_lines = log.iter().filter(|&&byte| byte == b'\n').count();
    let is_written = || {
        let newest = recordings(&folder).pop();
        newest.is_some_and(|path| text_of(&path).lines().count() > n_lines)
    };
    wait_until(is_written);
    signal(&child, "KILL");
    child.wait().expect("nixlog ends");
    let path = only_recording(&folder);
    assert!(path.to_string_lossy().ends_with(".nixlog.zst.part"));
    let report = report(&path, "phases");
    let codes: Vec<_> = report["diagnostics"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|each| each["code"].as_str().expect("a word"))
        .collect();
    assert!(codes.contains(&"recording-cut"), "{codes:?}");
    assert_eq!(report["result"]["outcomes"][0]["count"], 4);
}

/// The log in a recording is the log, and so is what `--tee` hands on.
#[test]
fn a_piped_log_is_recorded_as_it_is() {
    let folder = folder();
    let mut log = unstamped(FAIL);
    log.extend_from_slice(b"@nixlog {\"type\":\"end\",\"exit_status\":0}\nno line feed");
    let args = ["record", "--no-thin", "--tee"];
    let mut child = spawned(saving(&folder, &args).stdin(Stdio::piped()));
    let mut stdin = child.stdin.take().expect("a pipe");
    let writer = thread::spawn({
        let log = log.clone();
        move || stdin.write_all(&log).expect("nixlog reads")
    });
    let output = child.wait_with_output().expect("nixlog ends");
    writer.join().expect("it was written");
    assert_eq!(output.stdout, log);
    let text = text_of(&only_recording(&folder));
    let lines = text
        .lines()
        .map(|line| line.split_once(' ').expect("a stamp").1);
    let logged: Vec<&str> = lines
        .filter(|line| !line.starts_with("@nixlog "))
        .map(|line| line.strip_prefix("@nixlog=").unwrap_or(line))
        .collect();
    assert_eq!(logged.join("\n").into_bytes(), log);
    assert!(text.ends_with("\"unterminated\":true}\n"));
}

/// What Nix writes to `json-log-path` is recorded, from as many processes as there are.
#[test]
fn a_socket_takes_in_every_nix() {
    let folder = folder();
    let told = folder.path().join("told");
    let done = folder.path().join("done");
    let script = format!(
        "echo \"$NIX_CONFIG\" > {told}.new; mv {told}.new {told}; while [ ! -e {done} ]; do sleep 0.05; done; echo result; echo noise >&2; exit 3",
        told = told.display(),
        done = done.display()
    );
    let args = ["run", "--capture", "socket", "--", "sh", "-c", &script];
    let mut command = saving(&folder, &args);
    let child = spawned(command.env("NIX_CONFIG", "cores = 1"));
    wait_for(&told);
    let config = fs::read_to_string(&told).expect("it was told");
    let path = config
        .trim_end()
        .strip_prefix("cores = 1\njson-log-path = ");
    let path = path.expect("what was set before is kept");
    let log: Vec<u8> = unstamped(DIAMOND)
        .split_inclusive(|&byte| byte == b'\n')
        .filter_map(|line| line.strip_prefix(b"@nix "))
        .collect::<Vec<_>>()
        .concat();
    for _ in 0..2 {
        let mut stream = UnixStream::connect(path).expect("somebody listens");
        stream.write_all(&log).expect("somebody reads");
    }
    fs::write(&done, "").expect("the folder is ours");
    let ran = Ran::from(child.wait_with_output().expect("nixlog ends"));
    assert_eq!(
        (ran.status, ran.stdout.as_str()),
        (Some(3), "result\n"),
        "{ran:?}"
    );
    assert!(ran.stderr.starts_with("noise\n"), "{}", ran.stderr);
    let report = report(&only_recording(&folder), "phases");
    assert_eq!(report["result"]["outcomes"][0]["count"], 8, "{report:#}");
}

/// With Nix on this machine: a build, and what failed.
#[test]
fn with_a_real_nix() {
    let has_nix = Command::new("nix-build").arg("--version").output();
    if !has_nix.is_ok_and(|output| output.status.success()) {
        // `.ci/run` installs Nix where it can, and says so where it cannot.
        return;
    }
    let folder = folder();
    let expression = file(
        &folder,
        "default.nix",
        br#"let make = name: script: builtins.derivation {
              inherit name; system = builtins.currentSystem; builder = "/bin/sh";
              args = [ "-c" script ]; time = toString builtins.currentTime; };
            in { good = make "good-1.0" "echo hello; echo x > $out"; bad = make "bad-1.0" "exit 3"; }"#,
    );
    let place = |name: &str| folder.path().join("nix").join(name);
    let nix = |attribute: &str| {
        let mut command = saving(
            &folder,
            &[
                "run",
                "--",
                "nix-build",
                &expression,
                "-A",
                attribute,
                "--no-out-link",
            ],
        );
        // A store of its own: the tests may run as anybody, and leave nothing behind.
        command
            .env("NIX_STORE_DIR", place("store"))
            .env("NIX_STATE_DIR", place("state"))
            .env("NIX_LOG_DIR", place("log"))
            .env("NIX_CONF_DIR", place("conf"))
            .env("HOME", folder.path())
            .env("NIX_REMOTE", "local")
            .env(
                "NIX_CONFIG",
                "sandbox = false\nsubstituters =\nbuild-users-group =",
            );
        run(&mut command)
    };
    let good = nix("good");
    assert_eq!(good.status, Some(0), "{}", good.stderr);
    assert!(good.stdout.ends_with("-good-1.0\n"), "{good:?}");
    let bad = nix("bad");
    assert_eq!(bad.status, Some(100), "{}", bad.stderr);
    assert!(bad.stderr.contains("1 failed: bad-1.0"), "{}", bad.stderr);
    let recordings = recordings(&folder);
    assert_eq!(recordings.len(), 2);
    let report = report(&recordings[0], "slowest");
    let units = report["result"]["units"].as_array().expect("a list");
    let good = units
        .iter()
        .find(|unit| unit["name"] == "good-1.0")
        .expect("it was built");
    assert_eq!(good["outcome"], "succeeded");
    assert!(report["input"]["nix_version"].is_string(), "{report:#}");
}
