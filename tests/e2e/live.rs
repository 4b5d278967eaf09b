//! In a pipe, while the build runs.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStderr, ChildStdin, Command};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::program::{DIAMOND, REMOTE, Ran, piped, recording, spawn, unstamped};

const START: &[u8] = br#"@nix {"action":"start","fields":["/nix/store/7ajh8plhm64ypnph30js1a3lq6zsyxqr-hello-2.12.drv","",1,1],"id":1,"level":3,"parent":0,"text":"building '/nix/store/7ajh8plhm64ypnph30js1a3lq6zsyxqr-hello-2.12.drv'","type":105}
"#;
const STOP: &[u8] = b"@nix {\"action\":\"stop\",\"id\":1}\n";
const PAUSE: Duration = Duration::from_millis(250);

struct Live {
    child: Child,
    stdin: ChildStdin,
    stderr: BufReader<ChildStderr>,
}

impl Live {
    fn new(args: &[&str]) -> Self {
        let mut child = spawn(args);
        let stdin = child.stdin.take().expect("a pipe");
        let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        Self {
            child,
            stdin,
            stderr,
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        self.stdin.write_all(bytes).expect("nixlog reads");
    }

    /// Waits for the next line that is passed on: nixlog is up, and has read so far.
    fn echoed(&mut self) -> String {
        let mut line = String::new();
        self.stderr
            .read_line(&mut line)
            .expect("nixlog writes text");
        line
    }

    fn end(mut self) -> Ran {
        drop(self.stdin);
        let mut stderr = String::new();
        self.stderr
            .read_to_string(&mut stderr)
            .expect("nixlog writes text");
        let mut ran = Ran::from(self.child.wait_with_output().expect("nixlog ends"));
        ran.stderr = stderr;
        ran
    }
}

fn wall(report: &Value) -> Duration {
    Duration::from_nanos(report["input"]["wall_ns"].as_u64().expect("timed"))
}

#[test]
fn lines_are_stamped_as_they_arrive() {
    let mut live = Live::new(&["slowest", "--json"]);
    live.write(START);
    assert!(live.echoed().starts_with("building '/nix/store/"));
    thread::sleep(PAUSE);
    live.write(STOP);
    let ran = live.end();
    let report = ran.json();
    assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""));
    assert_eq!(report["input"]["clock"], "arrival");
    assert!(report["input"]["started_at"].is_string());
    assert!(wall(&report) >= PAUSE, "{report:#}");
    let build = &report["result"]["units"][0];
    assert_eq!(build["name"], "hello-2.12");
    let took = build["duration_ns"].as_u64().map(Duration::from_nanos);
    assert!(took >= Some(PAUSE), "{build:#}");
}

/// The build starts when nixlog does. What passes before its first line is evaluation.
#[test]
fn the_time_before_the_first_line_counts() {
    // Where the machine is so busy that nixlog takes a quarter of a second to start, try again.
    let mut attempts = (0..5).map(|_| {
        let mut live = Live::new(&["phases", "--json", "--quiet"]);
        thread::sleep(PAUSE);
        live.write(&unstamped(DIAMOND));
        live.end().json()
    });
    let found = attempts.find(|report| wall(report) >= PAUSE / 5);
    let report = found.expect("the first line comes at some time after the start");
    let first = &report["result"]["phases"][0];
    assert_eq!(first["phase"], "evaluation");
    let evaluation = first["wall_ns"].as_u64().map(Duration::from_nanos);
    assert!(evaluation >= Some(PAUSE / 5), "{report:#}");
}

/// Half a line is not a line; its second half may come much later.
#[test]
fn a_line_may_come_in_pieces() {
    let mut live = Live::new(&["phases", "--json"]);
    let (first, second) = START.split_at(40);
    live.write(first);
    live.write(second);
    assert!(live.echoed().starts_with("building '/nix/store/"));
    live.write(&STOP[..STOP.len() - 1]);
    let report = live.end().json();
    assert_eq!(report["input"]["events"], 2);
    assert_eq!(report["input"]["complete"], true);
}

#[test]
fn stamps_in_the_pipe_win_over_arrival() {
    let ran = piped(&["phases", "--json"], &recording(DIAMOND));
    let report = ran.json();
    assert_eq!(report["input"]["clock"], "carrier");
    assert_eq!(report["input"]["wall_ns"], 2_620_465_491_u64);
}

#[test]
fn a_stored_log_in_a_pipe_is_found_out() {
    let ran = piped(&["phases", "--json", "--quiet"], &unstamped(REMOTE));
    let report = ran.json();
    let codes: Vec<_> = report["diagnostics"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|each| each["code"].as_str().expect("a word"))
        .collect();
    assert!(codes.contains(&"replayed"), "{codes:?}");
}

fn interrupt(live: &Live) {
    let command = format!("kill -INT {}", live.child.id());
    let status = Command::new("sh")
        .args(["-c", &command])
        .status()
        .expect("sh is there");
    assert!(status.success());
}

#[test]
fn the_first_interrupt_is_for_the_build() {
    let mut live = Live::new(&["phases"]);
    live.write(START);
    live.echoed();
    interrupt(&live);
    live.write(
        b"@nix {\"action\":\"msg\",\"level\":0,\"msg\":\"error: interrupted by the user\"}\n",
    );
    assert_eq!(live.echoed(), "error: interrupted by the user\n");
    let ran = live.end();
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert!(ran.stdout.contains("1 interrupted"), "{}", ran.stdout);
}

#[cfg(unix)]
#[test]
fn the_second_interrupt_is_for_nixlog() {
    use std::os::unix::process::ExitStatusExt as _;
    let mut live = Live::new(&["phases"]);
    live.write(START);
    live.echoed();
    interrupt(&live);
    // So that the two signals are not one.
    live.write(b"still here\n");
    assert_eq!(live.echoed(), "still here\n");
    interrupt(&live);
    let output = live.child.wait_with_output().expect("nixlog ends");
    assert_eq!(output.status.signal(), Some(2), "{output:?}");
    assert_eq!(output.stdout, b"");
}

#[test]
fn tee_hands_the_log_on_while_it_comes() {
    let mut child = spawn(&["phases", "--tee"]);
    let mut stdin = child.stdin.take().expect("a pipe");
    let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
    stdin.write_all(START).expect("nixlog reads");
    let mut line = Vec::new();
    stdout.read_until(b'\n', &mut line).expect("nixlog writes");
    assert_eq!(line, START);
    // Whoever reads behind nixlog may leave; the report does not depend on that.
    drop(stdout);
    stdin.write_all(STOP).expect("nixlog reads");
    drop(stdin);
    let ran = Ran::from(child.wait_with_output().expect("nixlog ends"));
    assert_eq!(ran.status, Some(0));
    assert!(
        ran.stderr.contains("wall: ") && ran.stderr.contains("1 build"),
        "{}",
        ran.stderr
    );
}
