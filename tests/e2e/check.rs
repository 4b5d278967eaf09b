//! `check`: limits, in every format, from the command line and from files; and who is told.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{self, Receiver};
use std::thread;

use serde_json::Value;

use crate::compare::{five, log, nixlog};
use crate::program::{DIAMOND, Ran, command, file, folder, run};
use crate::schema::{faults, recordings, schema};

/// Real logs of any kind make a report that is what its schema says.
#[test]
fn any_log_can_be_checked() {
    let schema = schema("check");
    for other in &recordings() {
        let limits = [
            "--max-wall",
            "1h",
            "--max-regress",
            "10%",
            "--max-unit",
            "diamond-*=1s",
        ];
        let words = ["check", other, "--json", "--baseline", DIAMOND];
        let ran = nixlog(&[&words[..], &limits].concat());
        assert!(matches!(ran.status, Some(0 | 1)), "{other}");
        assert_eq!(faults(&schema, &ran.json()), [""; 0], "{other}");
    }
}

fn verdicts(ran: &Ran) -> Vec<(String, String)> {
    let report = ran.json();
    let checks = report["result"]["checks"].as_array().expect("a list");
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    checks
        .iter()
        .map(|it| (text(&it["name"]), text(&it["verdict"])))
        .collect()
}

fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter()
        .map(|&(a, b)| (a.to_owned(), b.to_owned()))
        .collect()
}

#[test]
fn limits_hold_or_not() {
    let folder = folder();
    let a = five(&folder, "a", 10_000, "1.0");
    let b = five(&folder, "b", 12_000, "1.0");
    let one = b.split(',').next().expect("five").to_owned();
    let check = |run: &str, more: &[&str]| nixlog(&[&["check", run, "--json"], more].concat());
    let all = [
        "--max-wall",
        "15s",
        "--max-phase",
        "building=1m",
        "--max-unit",
        "sec*=11s",
        "--max-unit",
        "none=1s",
    ];
    let ran = check(
        &one,
        &[
            &all[..],
            &["--min-hit-rate", "70%", "--max-regress", "5%:1s"],
        ]
        .concat(),
    );
    assert_eq!(ran.status, Some(1));
    assert_eq!(faults(&schema("check"), &ran.json()), [""; 0]);
    let want = pairs(&[
        ("wall", "fail"),
        ("building", "ok"),
        ("regression", "skip"),
        ("hit-rate", "skip"),
        ("unit:sec*", "fail"),
        ("unit:none", "skip"),
    ]);
    assert_eq!(verdicts(&ran), want);
    // A run against five: their noise tells.
    for (run, limit, want) in [
        (&one, "10%:1s", ("fail", Some(1))),
        (&one, "20%:1s", ("ok", Some(0))),
        (&one, "10%:1m", ("ok", Some(0))),
        (&b, "10%:1s", ("fail", Some(1))),
        (&a, "0%", ("ok", Some(0))),
    ] {
        let ran = check(run, &["--max-regress", limit, "--baseline", &a]);
        let got = verdicts(&ran).remove(0).1;
        assert_eq!((got.as_str(), ran.status), want, "{run} {limit}");
    }
    let skipped = ["--max-unit", "none=1s"];
    assert_eq!(check(&one, &skipped).status, Some(0));
    assert_eq!(
        check(&one, &[&skipped[..], &["--strict"]].concat()).status,
        Some(1)
    );
    // Without any limit, nothing was asked.
    let said = nixlog(&["check", &one]).refused();
    assert!(said.contains("there are no limits to check"), "{said}");
    nixlog(&["check", &one, "--max-phase", "lunch=1s"]).refused();
}

#[test]
fn every_format_of_a_check_says_the_same() {
    let folder = folder();
    let log = file(&folder, "x.log", log(&[("x-1.0", 9000)]).as_bytes());
    let of = |format: &str| {
        let ran = nixlog(&[
            "check",
            &log,
            "--max-wall",
            "5s",
            "--max-unit",
            "none=1s",
            "--format",
            format,
        ]);
        assert_eq!(ran.status, Some(1), "{format}");
        ran.stdout
    };
    let text = of("text");
    assert!(
        text.starts_with("failed: wall; 0 limits hold; skipped: unit:none"),
        "{text}"
    );
    assert!(text.contains("FAIL  wall"), "{text}");
    assert!(
        of("md").contains("FAIL") && of("csv").starts_with("verdict,check,value,limit,unit,why")
    );
    let github = of("github");
    assert!(
        github.starts_with("::error title=nixlog check%3A wall::wall: 9.00s, limit ≤ 5.00s"),
        "{github}"
    );
    assert!(
        github.contains("\n::notice title=nixlog check%3A unit%3Anone::"),
        "{github}"
    );
    let junit = of("junit");
    assert_eq!(junit, of("gitlab"));
    assert!(
        junit.contains(r#"tests="2" failures="1" errors="0" skipped="1""#),
        "{junit}"
    );
    assert!(
        junit.contains(r#"<testcase classname="check" name="wall"><failure "#),
        "{junit}"
    );
}

#[test]
fn limits_of_the_project_are_found() {
    let folder = folder();
    let log = file(&folder, "x.log", log(&[("x-1.0", 9000)]).as_bytes());
    let below = folder.path().join("a/b");
    std::fs::create_dir_all(&below).expect("a folder");
    let config = file(&folder, "nixlog.toml", b"[check]\nmax-wall = \"5s\"\n");
    let there = |more: &[&str]| {
        let mut command = command(&[&["check", &log], more].concat());
        let home = folder.path().join("home");
        run(command.current_dir(&below).env("NIXLOG_DIR", home))
    };
    // Above is looked at only within a repository.
    assert_eq!(there(&[]).status, Some(2));
    std::fs::create_dir(folder.path().join(".git")).expect("a folder");
    assert_eq!(there(&[]).status, Some(1));
    assert_eq!(
        there(&["--max-wall", "10s"]).status,
        Some(0),
        "the command line goes first"
    );
    assert_eq!(
        nixlog(&["check", &log, "--config", &config]).status,
        Some(1)
    );
    let odd = file(&folder, "odd.toml", b"[check]\nmax-wal = \"5s\"\n");
    let said = nixlog(&["check", &log, "--config", &odd]).refused();
    assert!(said.contains("max-wal"), "{said}");
}

/// A server that takes one request, answers with a status, and hands over what it was sent.
fn hook(status: &'static str) -> (String, Receiver<(String, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a caller");
        let mut reader = BufReader::new(stream.try_clone().expect("a stream"));
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).expect("a line") == 0 {
                break;
            }
        }
        let lower = head.to_ascii_lowercase();
        let length = lower
            .split("content-length:")
            .nth(1)
            .and_then(|it| it.lines().next());
        let length = length.and_then(|it| it.trim().parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        reader.read_exact(&mut body).expect("a body");
        write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").expect("an answer");
        let body = String::from_utf8(body).expect("text");
        sender.send((head, body)).expect("somebody waits");
    });
    (address.to_string(), receiver)
}

#[test]
fn others_are_told_and_secrets_are_kept() {
    let folder = folder();
    let log = file(&folder, "x.log", log(&[("x-1.0", 9000)]).as_bytes());
    let told = |url: &str| nixlog(&["check", &log, "--max-wall", "5s", "--notify", url]);
    let (address, got) = hook("200 OK");
    let ran = told(&format!("http://{address}/s3cret?token=s3cret"));
    assert_eq!((ran.status, ran.stderr.as_str()), (Some(1), ""));
    let (head, body) = got.recv().expect("a request");
    assert!(
        head.starts_with("POST /s3cret?token=s3cret HTTP/1.1"),
        "{head}"
    );
    let report: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(
        (&report["schema"], &report["result"]["passed"]),
        (&Value::from("nixlog.check/1"), &Value::from(false))
    );

    let (address, got) = hook("200 OK");
    told(&format!("slack+http://{address}/s3cret"));
    let (_, body) = got.recv().expect("a request");
    let text: Value = serde_json::from_str(&body).expect("JSON");
    let text = text["text"].as_str().expect("text");
    assert!(
        text.contains("failed: wall") && text.contains("wall: 9.00s, limit ≤ 5.00s"),
        "{text}"
    );

    let (address, got) = hook("200 OK");
    told(&format!("ntfy+http://{address}/s3cret"));
    let (head, body) = got.recv().expect("a request");
    assert!(
        head.to_ascii_lowercase()
            .contains("title: nixlog check failed"),
        "{head}"
    );
    assert!(body.contains("failed: wall"), "{body}");

    let (address, _got) = hook("403 Forbidden");
    let refused = told(&format!("http://user:s3cret@{address}/s3cret"));
    let nobody = TcpListener::bind("127.0.0.1:0")
        .expect("a port")
        .local_addr()
        .expect("bound");
    let unreachable = told(&format!("slack+http://{nobody}/s3cret"));
    for ran in [
        refused,
        unreachable,
        told("https://exa mple.org/s3cret"),
        told("s3cret"),
    ] {
        assert!(
            !ran.stderr.contains("s3cret") && !ran.stdout.contains("s3cret"),
            "{}",
            ran.stderr
        );
        assert_eq!(
            ran.stderr
                .lines()
                .next()
                .map(|line| line.starts_with("warning: ")),
            Some(ran.status == Some(1))
        );
    }
}
