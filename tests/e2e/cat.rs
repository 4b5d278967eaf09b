//! `nixlog cat`: the log comes back.

use std::fs;
use std::process::Command;

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::program::{
    DIAMOND, FAIL, REMOTE, Ran, SLOW, command, file, folder, piped, recording, run, unstamped,
};
use crate::runs::{Home, recorded};

/// Returns what standard output of a run is, that went well.
fn bytes(command: &mut Command) -> Vec<u8> {
    let output = command.output().expect("nixlog starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), &*stderr), (Some(0), ""));
    output.stdout
}

/// What is piped in comes out again, whatever it is: text that is no UTF-8, lines that look like ours, a
/// last line without its end.
#[test]
fn a_recorded_log_comes_back_byte_for_byte() {
    let odd = [
        &b"@nix {\"action\":\"msg\",\"level\":0,\"msg\":\"x\"}\n"[..],
        b"@nixlog {\"type\":\"end\",\"exit_status\":7}\n@nixlog=quoted\n\n12 @nix {}\r\n\xff\x00\x1b[2J\n",
        b"the last line",
    ]
    .concat();
    let whole = [&odd, &b"\n"[..]].concat();
    for log in [
        odd,
        whole,
        unstamped(DIAMOND),
        unstamped(FAIL),
        unstamped(SLOW),
    ] {
        let home = Home::new();
        let output = home.piped(&["phases", "--quiet", "--no-thin"], &log);
        assert!(output.status.success(), "{output:?}");
        assert!(bytes(&mut home.command(&["cat"])) == log);
        assert!(bytes(&mut home.command(&["cat", "last", "--raw"])) == log);
    }
}

/// The prefixes of other carriers come off, too.
#[test]
fn any_log_is_taken_out_of_its_wrapping() {
    let folder = folder();
    for name in [DIAMOND, REMOTE, SLOW] {
        let log = unstamped(name);
        assert!(bytes(&mut command(&["cat", name])) == log, "{name}");
        let github: Vec<u8> = recording(name)
            .split_inclusive(|&byte| byte == b'\n')
            .flat_map(|line| {
                let text = line
                    .splitn(2, |&byte| byte == b' ')
                    .nth(1)
                    .unwrap_or_default();
                [b"2026-11-21T19:41:12.3891904Z ", text].concat()
            })
            .collect();
        let path = file(&folder, "github.log", &github);
        let read = bytes(&mut command(&["cat", &path, "--carrier", "github-actions"]));
        assert!(read == log, "{name}");
        // A log that nothing is wrapped around is there already.
        let path = file(&folder, "plain.log", &log[..log.len() - 1]);
        assert!(
            bytes(&mut command(&["cat", &path])) == log[..log.len() - 1],
            "{name}"
        );
        let live = piped(&["cat"], &log);
        assert!(live.result().into_bytes() == log, "{name}");
    }
}

/// Stamped in any unit, it is a log with the same times.
#[test]
fn stamps_are_those_of_the_log() {
    let home = Home::new();
    let header = json!({
        "format": 1, "via": "run", "clock": "recorded",
        "started_at": "2026-11-21T19:41:12.389190426Z", "started_at_unix_ns": 1_795_290_072_389_190_426_i64,
    });
    home.kept(1, &header, Some(&json!({"duration_ns": 2_631_000_000_u64})));
    let stamped = bytes(&mut home.command(&["cat", "--stamped"]));
    assert!(stamped == recording(DIAMOND));
    assert!(bytes(&mut home.command(&["cat", "--stamped=ns"])) == stamped);
    let folder = folder();
    let want = home.json(&["phases", DIAMOND])["result"]["phases"].clone();
    for (unit, start) in [("s", Value::Null), ("iso", header["started_at"].clone())] {
        let log = bytes(&mut home.command(&["cat", &format!("--stamped={unit}")]));
        let line = log.split(|&byte| byte == b'\n').next().unwrap_or_default();
        let line = String::from_utf8_lossy(&line[..line.len().min(40)]).into_owned();
        assert_snapshot!(format!("cat_stamped_{unit}"), line);
        let path = file(&folder, "stamped.log", &log);
        let report = home.json(&["phases", &path]);
        if start.is_null() {
            assert_eq!(report["result"]["phases"], want, "{unit}");
        } else {
            // Where a log has instants, its first line is the start: only evaluation came before it.
            let busy = |phases: &Value, n: usize| phases[n]["busy_ns"].clone();
            let phases = &report["result"]["phases"];
            assert!(
                (1..4).all(|n| busy(phases, n) == busy(&want, n)),
                "{phases:#}"
            );
            let first = report["input"]["started_at"].as_str().unwrap_or_default();
            assert!(first.starts_with("2026-11-21T19:41:12"), "{first}");
        }
    }
    let mut said = home.nixlog(&["cat", DIAMOND, "--stamped=iso"]).refused();
    let path = file(&folder, "plain.log", &unstamped(DIAMOND));
    let plain = home.nixlog(&["cat", &path, "--stamped"]).refused();
    said += &plain.replace(&path, "plain.log");
    assert_snapshot!("cat_refused", said);
}

/// For people it is what they would have seen.
#[test]
fn for_people() {
    for name in [REMOTE, FAIL] {
        let live = piped(&["phases"], &unstamped(name));
        let shown = run(&mut command(&["cat", "--human", name])).result();
        assert!(shown.lines().count() > 40 && live.stderr == shown, "{name}");
    }
    let folder = folder();
    let path = file(&folder, "odd.log", b"\x1b[31mred\x1b[0m \x1b]0;owned\x07\n");
    let human = |color| run(&mut command(&["cat", "--human", "--color", color, &path])).result();
    assert_eq!(human("never"), "red \n");
    assert_eq!(human("always"), "\u{1b}[31mred\u{1b}[0m \u{1b}[0m\n");
}

#[test]
fn a_cut_recording_reads_up_to_the_cut() {
    let log = recording(REMOTE);
    let whole = recorded(
        &json!({"format": 1, "via": "run", "clock": "recorded"}),
        &log,
        None,
    );
    let folder = folder();
    let raw = unstamped(REMOTE);
    let mut lengths = Vec::new();
    for part in 1..8 {
        let path = file(&folder, "cut.nixlog.zst", &whole[..whole.len() * part / 8]);
        let ran = Ran::from(command(&["cat", &path]).output().expect("nixlog starts"));
        assert_eq!(ran.status, Some(0), "{}", ran.stderr);
        assert!(raw.starts_with(ran.stdout.trim_end().as_bytes()));
        assert!(
            ran.stderr
                .starts_with("warning: the input breaks off after "),
            "{}",
            ran.stderr
        );
        lengths.push(ran.stdout.len());
    }
    assert!(
        lengths.is_sorted() && lengths[6] > raw.len() / 2,
        "{lengths:?}"
    );
}

#[test]
fn whoever_reads_may_leave() {
    let folder = folder();
    let big = unstamped(SLOW).repeat(20);
    let path = file(&folder, "big.log", &big);
    let script = format!(
        "{} cat {path} 2>{}/said | head -n 1; echo ${{PIPESTATUS[0]}}",
        env!("CARGO_BIN_EXE_nixlog"),
        folder.path().display()
    );
    let output = Command::new("bash").args(["-c", &script]).output();
    // Where bash is missing, so is this test.
    let Ok(output) = output else { return };
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(printed.lines().last(), Some("0"), "{printed}");
    let said = fs::read_to_string(folder.path().join("said"));
    assert_eq!(said.ok().as_deref(), Some(""));
}

/// A terminal is not written to by a build.
#[cfg(target_os = "linux")]
#[test]
fn on_a_terminal() {
    let folder = folder();
    let path = file(&folder, "odd.log", b"\x1b]0;owned\x07 \tx\n");
    let script = format!("{} cat {path}", env!("CARGO_BIN_EXE_nixlog"));
    let run = Command::new("script")
        .args(["-qec", &script, "/dev/null"])
        .output();
    // Where `script` is missing, so is this test.
    let Ok(output) = run else { return };
    let shown = String::from_utf8_lossy(&output.stdout).replace("\r\n", "\n");
    assert_eq!(shown, "\\u{1b}]0;owned\\u{7} \tx\n");
}
