//! Runs the program, and says what came of it.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;

use serde_json::Value;

/// A small log with stamps: four builds, no text.
pub(crate) const DIAMOND: &str = "2.26.3-diamond-build-v.ts.log";
/// 40 builds, most of them on two remote machines.
pub(crate) const REMOTE: &str = "2.26.3-remote-ssh-ng-mixed.ts.log.zst";
/// Downloads from a slow cache, and builds.
pub(crate) const SLOW: &str = "2.34.8-subst-subst-slow.ts.log.zst";
/// Two builds fail.
pub(crate) const FAIL: &str = "2.26.3-fail-fail-dep-keep-going.ts.log.zst";

/// What came of a run.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// Returns standard output of a run that went well and printed nothing else.
    pub(crate) fn result(self) -> String {
        assert_eq!(
            (self.status, self.stderr.as_str()),
            (Some(0), ""),
            "{self:?}"
        );
        self.stdout
    }

    /// Returns what a run says that was refused.
    pub(crate) fn refused(self) -> String {
        assert_eq!(
            (self.status, self.stdout.as_str()),
            (Some(2), ""),
            "{self:?}"
        );
        self.stderr
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).expect("`--json` prints JSON")
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("what nixlog prints is UTF-8");
        Self {
            status: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

/// The top of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Prepares a run among the recordings, 80 columns wide, with nothing in the environment that
/// matters.
pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = interruptible(env!("CARGO_BIN_EXE_nixlog"));
    for name in [
        "NO_COLOR",
        "CLICOLOR_FORCE",
        "FORCE_COLOR",
        "TERM",
        "GITHUB_ACTIONS",
        "GITLAB_CI",
    ] {
        command.env_remove(name);
    }
    command
        .args(args)
        .env("COLUMNS", "80")
        .env("LC_ALL", "C.UTF-8")
        // What this machine has in its store is nothing to the tests.
        .env("NIX_STORE_DIR", "/nonexistent")
        .env("NIX_STATE_DIR", "/nonexistent")
        // Nor are the runs that somebody recorded on it; tests of those set a folder of their own.
        .env("NIXLOG_DIR", "/nonexistent/nixlog")
        .env("NIXLOG_NO_SAVE", "1")
        .current_dir(root().join("corpus"))
        .stdin(Stdio::null());
    command
}

/// Starts a program with SIGINT as it is for one that a person starts.
///
/// Who runs the tests in the background of a script has it ignored, and so has all that starts from
/// there: a shell cannot even catch it then (POSIX, `trap`).
pub(crate) fn interruptible(program: &str) -> Command {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    if ignored.is_none_or(|mask| mask & (1 << (2 - 1)) == 0) {
        return Command::new(program);
    }
    // By its place: tests change PATH.
    let mut command = Command::new("/usr/bin/env");
    command.args(["--default-signal=INT", program]);
    command
}

pub(crate) fn run(command: &mut Command) -> Ran {
    command.output().expect("nixlog starts").into()
}

/// Runs nixlog to its end.
pub(crate) fn nixlog(args: &[&str]) -> Ran {
    run(&mut command(args))
}

/// Runs nixlog with `input` in a pipe.
pub(crate) fn piped(args: &[&str], input: &[u8]) -> Ran {
    feed(spawn(args), input).into()
}

/// Writes `input` into a program, and reads all that it says meanwhile.
pub(crate) fn feed(mut child: Child, input: &[u8]) -> Output {
    let mut stdin = child.stdin.take().expect("standard input is a pipe");
    thread::scope(|scope| {
        // Whoever refuses its arguments does not read.
        scope.spawn(move || drop(stdin.write_all(input)));
        child.wait_with_output().expect("nixlog ends")
    })
}

/// Starts nixlog with pipes all around.
pub(crate) fn spawn(args: &[&str]) -> Child {
    let mut command = command(args);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.spawn().expect("nixlog starts")
}

/// Reads a recording.
pub(crate) fn recording(name: &str) -> Vec<u8> {
    let path = root().join("corpus").join(name);
    let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    if name.ends_with(".zst") {
        return zstd::decode_all(bytes.as_slice()).expect("the recording is whole");
    }
    bytes
}

/// Takes the stamps off: the log as Nix wrote it.
pub(crate) fn unstamped(name: &str) -> Vec<u8> {
    let bytes = recording(name);
    let lines = bytes.split_inclusive(|&byte| byte == b'\n');
    let bare = |line: &[u8]| {
        let space = line
            .iter()
            .position(|&byte| byte == b' ')
            .map_or(0, |at| at + 1);
        line[space..].to_vec()
    };
    lines.flat_map(bare).collect()
}

/// Puts a file into a folder; returns its path.
pub(crate) fn file(folder: &tempfile::TempDir, name: &str, bytes: &[u8]) -> String {
    let path = folder.path().join(name);
    File::create(&path)
        .and_then(|mut file| file.write_all(bytes))
        .expect("the temporary folder takes files");
    path.to_str()
        .expect("temporary folders have plain names")
        .to_owned()
}

pub(crate) fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("there is a place for temporary files")
}
