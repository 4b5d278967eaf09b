//! A stand-in for Nix: a program that prints a recording at the pace at which it was recorded.
//!
//! It is a script for `sh`, written for each test, so that it needs nothing built, can be called
//! `nix`, and can be interrupted like the real one.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use crate::program::{folder, recording};

/// Shorter pauses are left out: to start `sleep` takes about as long.
const SHORTEST: Duration = Duration::from_millis(20);

/// What a stand-in is to do; [`program`](Self::program) makes it.
#[derive(Debug)]
pub(crate) struct Script {
    recording: Vec<u8>,
    speed: f64,
    stdout: String,
    status: u8,
    on_interrupt: Option<(String, u8)>,
}

impl Script {
    /// Replays a recording of the corpus, `speed` times as fast as it was.
    pub(crate) fn replay(name: &str, speed: f64) -> Self {
        Self::lines(&recording(name), speed)
    }

    /// Replays lines that each begin with nanoseconds since the start.
    pub(crate) fn lines(stamped: &[u8], speed: f64) -> Self {
        Self {
            recording: stamped.to_vec(),
            speed,
            stdout: String::new(),
            status: 0,
            on_interrupt: None,
        }
    }

    /// Prints this on standard output at the end.
    pub(crate) fn stdout(mut self, text: &str) -> Self {
        text.clone_into(&mut self.stdout);
        self
    }

    /// Ends with this exit status.
    pub(crate) fn status(mut self, status: u8) -> Self {
        self.status = status;
        self
    }

    /// On SIGINT, prints this on standard error and ends with this exit status.
    pub(crate) fn on_interrupt(mut self, text: &str, status: u8) -> Self {
        self.on_interrupt = Some((text.to_owned(), status));
        self
    }

    /// Makes the program, as `name` in a folder of its own.
    pub(crate) fn program(&self, name: &str) -> StandIn {
        let folder = folder();
        let path = folder.path().join(name);
        let script = self.script(folder.path());
        fs::write(&path, script).expect("the temporary folder takes files");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("the file is ours");
        StandIn { folder, path }
    }

    fn script(&self, folder: &Path) -> String {
        let in_folder = |name: &str| folder.join(name).display().to_string();
        let file = |name: &str, bytes: &[u8]| {
            fs::write(folder.join(name), bytes).expect("the temporary folder takes files");
            in_folder(name)
        };
        let mut script = format!(
            "#!/bin/sh\nprintf '%s\\n' \"$@\" > '{}'\n",
            in_folder("args")
        );
        if let Some((text, status)) = &self.on_interrupt {
            let text = file("interrupted", text.as_bytes());
            writeln!(script, "trap \"cat '{text}' >&2; exit {status}\" INT").expect("a string");
        }
        for (index, (pause, bytes)) in self.pieces().into_iter().enumerate() {
            // In the background, so that an interrupt does not wait for it, and without the pipes,
            // so that nobody waits for it afterward.
            let pause = pause.as_secs_f64();
            writeln!(
                script,
                "sleep {pause:.3} >/dev/null 2>&1 & wait $!\ncat '{}' >&2",
                file(&index.to_string(), &bytes)
            )
            .expect("a string");
        }
        let stdout = file("stdout", self.stdout.as_bytes());
        writeln!(script, "cat '{stdout}'\nexit {}", self.status).expect("a string");
        script
    }

    /// Cuts the recording where it pauses: for how long, and what comes then, without stamps.
    fn pieces(&self) -> Vec<(Duration, Vec<u8>)> {
        let mut pieces = Vec::new();
        let (mut at, mut pause, mut piece) = (Duration::ZERO, Duration::ZERO, Vec::new());
        for line in self.recording.split_inclusive(|&byte| byte == b'\n') {
            let space = line.iter().position(|&byte| byte == b' ');
            let stamp = space.and_then(|space| str::from_utf8(&line[..space]).ok()?.parse().ok());
            let stamp = stamp.map_or(at, |nanos| Duration::from_nanos(nanos).div_f64(self.speed));
            let waited = stamp.saturating_sub(at);
            if waited >= SHORTEST {
                at = stamp;
                pieces.push((pause, std::mem::take(&mut piece)));
                pause = waited;
            }
            piece.extend_from_slice(&line[space.map_or(0, |space| space + 1)..]);
        }
        pieces.push((pause, piece));
        pieces
    }
}

/// The program; gone when this is dropped.
#[derive(Debug)]
pub(crate) struct StandIn {
    folder: TempDir,
    path: PathBuf,
}

impl StandIn {
    /// Returns where the program is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns what the program was called with, once it runs.
    pub(crate) fn args(&self) -> Vec<String> {
        let args = fs::read_to_string(self.folder.path().join("args")).expect("it was started");
        args.lines().map(str::to_owned).collect()
    }
}

mod tests {
    use std::io::{BufRead as _, BufReader};
    use std::process::{Command, Stdio};
    use std::time::Instant;

    use super::*;
    use crate::program::{DIAMOND, Ran, interruptible, run, unstamped};

    #[test]
    fn it_prints_the_recording_at_its_pace() {
        let nix = Script::replay(DIAMOND, 10.0)
            .stdout("/nix/store/x\n")
            .status(100)
            .program("nix");
        let before = Instant::now();
        let ran = run(Command::new(nix.path()).args(["build", "a b"]));
        // Of 2.6 seconds a tenth, less what is too short to be told.
        assert!(before.elapsed() >= Duration::from_millis(200));
        assert_eq!(ran.status, Some(100));
        assert_eq!(ran.stdout, "/nix/store/x\n");
        assert_eq!(ran.stderr.as_bytes(), unstamped(DIAMOND));
        assert_eq!(nix.args(), ["build", "a b"]);
    }

    #[test]
    fn it_can_be_interrupted() {
        let nix = Script::lines(b"0 begins\n3600000000000 never comes\n", 1.0)
            .on_interrupt("error: interrupted by the user\n", 1)
            .program("nix");
        let path = nix.path().to_str().expect("a plain path");
        let mut child = interruptible(path)
            .stderr(Stdio::piped())
            .spawn()
            .expect("the script starts");
        let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut line = String::new();
        stderr.read_line(&mut line).expect("it writes text");
        assert_eq!(line, "begins\n");
        let kill = format!("kill -INT {}", child.id());
        let killed = Command::new("sh").args(["-c", &kill]).status();
        assert!(killed.expect("sh is there").success());
        stderr.read_line(&mut line).expect("it writes text");
        assert_eq!(line, "begins\nerror: interrupted by the user\n");
        let ran = Ran::from(child.wait_with_output().expect("it ends"));
        assert_eq!((ran.status, ran.stdout.as_str()), (Some(1), ""));
    }
}
