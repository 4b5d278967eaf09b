//! What a recording must stand: odd input, odd places, and whoever does not want to wait.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::program::{
    DIAMOND, Ran, command, file, folder, interruptible, recording, run, unstamped,
};
use crate::run::{
    only_recording, plain, recordings, saving, signal, spawned, text_of, wait_for, wait_until,
};

/// A log of `nix-build` as people read it: nothing in its lines proves what is wrapped around them.
const HUMAN: &str = "2.8.0-mixed-small-human-nix-build.ts.log.zst";

/// Puts a stamp of GitHub's in front of each line of a recording of the corpus.
fn as_on_github(name: &str) -> String {
    let text = String::from_utf8(recording(name)).expect("the corpus' logs are text");
    let lines = text.lines().map(|line| {
        let (nanos, line) = line.split_once(' ').expect("a stamp");
        let nanos: u64 = nanos.parse().expect("a stamp");
        let (seconds, rest) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
        format!("2026-11-25T10:00:{seconds:02}.{:07}Z {line}\n", rest / 100)
    });
    lines.collect()
}

/// Whoever stamped the lines knows better when they came; so does the recording.
#[test]
fn stamped_lines_are_recorded_with_their_stamps() {
    for log in [DIAMOND, HUMAN] {
        let log = as_on_github(log);
        for is_slow in [false, true] {
            let folder = folder();
            let mut child = spawned(saving(&folder, &["phases", "--json"]).stdin(Stdio::piped()));
            let mut stdin = child.stdin.take().expect("a pipe");
            let writer = thread::spawn({
                let log = log.clone();
                move || {
                    for (number, line) in log.split_inclusive('\n').enumerate() {
                        stdin.write_all(line.as_bytes()).expect("nixlog reads");
                        // So that lines come one by one.
                        if is_slow && number < 5 {
                            thread::sleep(Duration::from_millis(10));
                        }
                    }
                }
            });
            let live = Ran::from(child.wait_with_output().expect("nixlog ends")).json();
            writer.join().expect("all was written");
            let path = only_recording(&folder);
            let back = run(&mut command(&["phases", plain(&path), "--json"])).json();
            assert_eq!(live["result"], back["result"]);
            assert_eq!(back["input"]["clock"], "carrier");
            assert_eq!(live["input"]["started_at"], back["input"]["started_at"]);
            assert!(!text_of(&path).contains("2026-11-25T10:00:01"));
        }
    }
}

/// Lines of which too few came to tell are recorded all the same.
#[test]
fn a_short_log_is_recorded_when_it_ends() {
    let folder = folder();
    let mut child = spawned(saving(&folder, &["record", "-q"]).stdin(Stdio::piped()));
    let log = "12:00:00 building '/nix/store/1ajh8plhm64ypnph30js1a3lq6zsyxqr-a.drv'...\n";
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(log.as_bytes()).expect("nixlog reads");
    drop(stdin);
    let ran = Ran::from(child.wait_with_output().expect("nixlog ends"));
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert!(text_of(&only_recording(&folder)).contains("\n0 building '"));
}

/// What is no live log is not recorded, and nobody is left to think that it was.
#[test]
fn record_says_what_it_cannot_record() {
    let folder = folder();
    let log = unstamped(DIAMOND);
    let stored = file(&folder, "build.log", &log);
    let mut from_file = saving(&folder, &["record", "-q"]);
    from_file.stdin(File::open(stored).expect("it is there"));
    insta::assert_snapshot!(run(&mut from_file).refused(), @r"
    error: nothing was recorded: the input is a file, compressed, or already a recording
    hint: to add an existing log to the runs: nixlog import FILE
    ");
    let packed = zstd::encode_all(log.as_slice(), 0).expect("memory takes everything");
    let recorded = b"0 @nixlog {\"type\":\"header\",\"format\":1}\n1 building\n";
    for bytes in [packed.as_slice(), recorded] {
        let mut child = spawned(saving(&folder, &["record", "-q"]).stdin(Stdio::piped()));
        let mut stdin = child.stdin.take().expect("a pipe");
        stdin.write_all(bytes).expect("nixlog reads");
        drop(stdin);
        let ran = Ran::from(child.wait_with_output().expect("nixlog ends"));
        assert!(ran.refused().starts_with("error: nothing was recorded: "));
    }
    assert!(!folder.path().join("runs").exists());
}

/// A file that is in the way of a socket is somebody's.
#[test]
fn a_socket_takes_nobodys_file_away() {
    let folder = folder();
    let path = file(&folder, "notes.txt", b"mine");
    let mut child = spawned(&mut saving(&folder, &["record", "--socket", &path]));
    wait_until(|| child.try_wait().is_ok_and(|status| status.is_some()));
    let ran = Ran::from(child.wait_with_output().expect("it has ended"));
    let said = ran.refused();
    assert!(said.starts_with("error: cannot listen on `"), "{said}");
    assert!(said.contains("hint: the path exists already"), "{said}");
    assert_eq!(fs::read(path).expect("it is still there"), b"mine");
}

/// Where no more files can be opened, those who connect wait, and somebody is told.
#[test]
fn connections_that_cannot_be_accepted_are_told_of() {
    let folder = folder();
    let path = format!("{}/log", folder.path().display());
    let script = format!(
        "ulimit -n 24; exec {} record --socket {path}",
        env!("CARGO_BIN_EXE_nixlog")
    );
    let said = folder.path().join("said");
    let mut listening = interruptible("sh");
    let mut child = listening
        .args(["-c", &script])
        .env("NIXLOG_DIR", folder.path())
        .stderr(File::create(&said).expect("the folder is ours"))
        .spawn()
        .expect("it starts");
    wait_until(|| UnixStream::connect(&path).is_ok());
    let connect = |_| UnixStream::connect(&path).expect("it waits to be accepted");
    let streams: Vec<UnixStream> = (0..24).map(connect).collect();
    wait_until(|| {
        let said = fs::read_to_string(&said).expect("it is there");
        said.contains("warning: cannot accept a connection (Too many open files")
    });
    drop(streams);
    signal(&child, "INT");
    assert_eq!(child.wait().expect("nixlog ends").code(), Some(0));
}

/// Whoever is connected when the listening ends is recorded as far as it came, and nothing is left lying
/// about.
#[test]
fn listening_ends_without_remains() {
    let folder = folder();
    let place = folder.path().join("tmp");
    fs::create_dir(&place).expect("the folder is ours");
    let mut listening = saving(&folder, &["record", "--listen", "-q"]);
    listening
        .env_remove("XDG_RUNTIME_DIR")
        .env("TMPDIR", &place);
    let child = spawned(&mut listening);
    let socket = || {
        let own = fs::read_dir(&place).ok()?.next()?.ok()?.path().join("log");
        own.exists().then_some(own)
    };
    wait_until(|| socket().is_some());
    let socket = socket().expect("it was there");
    let log: Vec<u8> = unstamped(DIAMOND);
    let streams: Vec<UnixStream> = (0..2)
        .map(|_| {
            let mut stream = UnixStream::connect(&socket).expect("somebody listens");
            stream.write_all(&log).expect("somebody reads");
            stream
        })
        .collect();
    let n_lines = log.iter().filter(|&&byte| byte == b'\n').count();
    // The clients stay connected: all is written although nothing ends.
    wait_until(|| {
        let runs = folder.path().join("runs");
        runs.exists()
            && recordings(&folder)
                .iter()
                .filter(|path| text_of(path).lines().count() > n_lines / 2)
                .count()
                == 2
    });
    signal(&child, "INT");
    let ran = Ran::from(child.wait_with_output().expect("nixlog ends"));
    drop(streams);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    for path in recordings(&folder) {
        assert!(text_of(&path).contains("\"type\":\"end\""), "{path:?}");
    }
    assert_eq!(fs::read_dir(&place).expect("it is there").count(), 0);
}

/// What a build prints is no reason to wait for something that never comes.
#[test]
fn a_named_derivation_that_is_a_pipe_is_not_waited_for() {
    let folder = folder();
    let path = folder
        .path()
        .join("7ajh8plhm64ypnph30js1a3lq6zsyxqr-trap.drv");
    let script = format!("mkfifo {0} && echo {0} >&2", plain(&path));
    let mut command = saving(&folder, &["run", "-q", "--", "sh", "-c", &script]);
    let mut child = spawned(command.env_remove("NIX_STORE_DIR"));
    wait_until(|| child.try_wait().is_ok_and(|status| status.is_some()));
    assert_eq!(child.wait().expect("it has ended").code(), Some(0));
}

/// When the command has ended, whoever does not want to wait for the rest need not.
#[test]
fn the_second_signal_after_the_end_ends_nixlog() {
    let folder = folder();
    let program = |name: &str, script: &str| {
        let path = file(&folder, name, script.as_bytes());
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(&path, mode).expect("the file is ours");
        path
    };
    // The settings are waited for as long as this Nix does not answer.
    program("nix", "#!/bin/sh\nexec sleep 60\n");
    let ended = folder.path().join("ended");
    let path = program(
        "nix-build",
        &format!("#!/bin/sh\n: > '{}'\n", ended.display()),
    );
    let mut child = spawned(&mut saving(&folder, &["run", "--", &path]));
    wait_for(&ended);
    wait_until(|| {
        let is_over = child.try_wait().is_ok_and(|status| status.is_some());
        if !is_over {
            signal(&child, "INT");
        }
        is_over
    });
    assert_eq!(child.wait().expect("it has ended").signal(), Some(2));
}

/// `nohup nixlog run -- nix build`: what is ignored outside is ignored inside.
#[test]
fn what_was_ignored_stays_ignored() {
    let folder = folder();
    let mut shell = std::process::Command::new("sh");
    let script = format!(
        "trap '' HUP; exec {:?} run -q -- sh -c 'kill -HUP $$; exit 7'",
        env!("CARGO_BIN_EXE_nixlog")
    );
    shell.args(["-c", &script]).env("NIXLOG_DIR", folder.path());
    let ran = run(&mut shell);
    assert_eq!(ran.status, Some(7), "{ran:?}");
}

/// Lines that are no text, in all ways that there are, come back as they were.
#[test]
fn odd_lines_are_recorded_as_they_are() {
    let folder = folder();
    let mut log = unstamped(DIAMOND);
    let long = "x".repeat(3 << 20);
    let odd: [&[u8]; 6] = [
        b"\r\n",
        b"\n\n\n",
        b"nul \0 and \x1b[31m and \r over\n",
        b"\xff\xfe not UTF-8\n",
        long.as_bytes(),
        b"\n7 @nixlog {\"type\":\"end\"}\r\n@nixlog\n@nixlog=\n@nixlog {}",
    ];
    log.extend(odd.concat());
    let mut child = spawned(saving(&folder, &["record", "-q", "--no-thin"]).stdin(Stdio::piped()));
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(&log).expect("nixlog reads");
    drop(stdin);
    let ran = Ran::from(child.wait_with_output().expect("nixlog ends"));
    assert_eq!(ran.status, Some(0), "{ran:?}");
    let path = only_recording(&folder);
    let bytes = zstd::decode_all(File::open(&path).expect("it is there")).expect("it is whole");
    let lines = bytes
        .strip_suffix(b"\n")
        .expect("the end has a line feed")
        .split(|&byte| byte == b'\n');
    let logged: Vec<&[u8]> = lines
        .filter_map(|line| match nixlog_core::recording::recorded_line(line) {
            nixlog_core::recording::RecordedLine::Log(_, text) => Some(text),
            nixlog_core::recording::RecordedLine::Side(_) => None,
        })
        .collect();
    assert!(logged.join(&b'\n') == log, "it is the same log");
    let report: Value = run(&mut command(&["doctor", plain(&path), "--json"])).json();
    assert_eq!(report["input"]["complete"], true);
}

/// A disk may be full from the start, or in the middle; the build does not notice.
#[test]
fn a_full_disk_costs_one_warning() {
    // A limit on the size of files, in units of half a kibibyte, is as good as a full disk.
    for (limit, is_there) in [(0, false), (8, true)] {
        let folder = folder();
        let script = format!(
            "trap '' XFSZ; ulimit -f {limit}; exec {:?} run -- \
             sh -c 'echo first >&2; sleep 1; od /dev/urandom | head -n 2000 >&2; echo out; exit 5'",
            env!("CARGO_BIN_EXE_nixlog")
        );
        let mut shell = std::process::Command::new("sh");
        shell
            .args(["-c", &script])
            .env_remove("NIXLOG_NO_SAVE")
            .env("NIXLOG_DIR", folder.path());
        let ran = run(&mut shell);
        assert_eq!(
            (ran.status, ran.stdout.as_str()),
            (Some(5), "out\n"),
            "{ran:?}"
        );
        let warnings = ran
            .stderr
            .lines()
            .filter(|line| line.starts_with("warning: "));
        assert_eq!(warnings.count(), 1, "{}", ran.stderr);
        let files = recordings(&folder);
        assert_eq!(files.len(), usize::from(is_there), "{files:?}");
        for path in files {
            let text = text_of(&path);
            assert!(text.starts_with("0 @nixlog {"), "{text}");
            assert!(text.ends_with('\n'), "{text}");
        }
    }
}
