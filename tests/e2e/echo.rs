//! What is passed on while a build runs.

use std::io::Write as _;
use std::process::Stdio;
use std::thread;

use insta::assert_snapshot;

use crate::program::{FAIL, Ran, command, piped, spawn, unstamped};

/// A build that says everything that a build can say, and what Nix says of it.
const TALK: &str = r#"@nix {"action":"msg","level":4,"msg":"evaluating file '/home/dev/default.nix'"}
@nix {"action":"start","fields":["/nix/store/7ajh8plhm64ypnph30js1a3lq6zsyxqr-hello-2.12.drv","",1,1],"id":1,"level":3,"parent":0,"text":"building '/nix/store/7ajh8plhm64ypnph30js1a3lq6zsyxqr-hello-2.12.drv'","type":105}
@nix {"action":"result","fields":["unpackPhase"],"id":1,"type":104}
@nix {"action":"result","fields":["cc\t-c \"hello.c\" \\temp"],"id":1,"type":101}
@nix {"action":"result","fields":["\u001b[31mred\u001b[0m \u001b]0;title\u0007\u001b[2J bell\u0007 \u202eback"],"id":1,"type":101}
@nix {"action":"result","fields":[1,4,0,0],"id":1,"type":105}
plain line of a tool, with a	tab
@nix {"action":"msg","level":0,"msg":"\u001b[31;1merror:\u001b[0m builder for '\u001b[35;1m/nix/store/7ajh8plhm64ypnph30js1a3lq6zsyxqr-hello-2.12.drv\u001b[0m' failed with exit code 1;\n       last 1 log lines:\n       > no rule"}
@nix {"action":"stop","id":1}
@nix {"action":"start","id":2,"level":6,"parent":0,"text":"a detail that was not asked for","type":0}
@nix {"action":"start","id":
"#;

#[test]
fn readable_and_harmless() {
    let ran = piped(&["phases"], TALK.as_bytes());
    assert_eq!(ran.status, Some(0));
    assert!(ran.stdout.contains("wall: "), "{}", ran.stdout);
    assert_snapshot!(ran.stderr, @r#"
    evaluating file '/home/dev/default.nix'
    building '/nix/store/7ajh8plhm64ypnph30js1a3lq6zsyxqr-hello-2.12.drv'...
    hello> cc	-c "hello.c" \temp
    hello> red  bell\u{7} \u{202e}back
    plain line of a tool, with a	tab
    error: builder for '/nix/store/7ajh8plhm64ypnph30js1a3lq6zsyxqr-hello-2.12.drv' failed with exit code 1;
           last 1 log lines:
           > no rule
    @nix {"action":"start","id":
    "#);
}

#[test]
fn colors_are_kept_where_they_are_wanted_and_nothing_else() {
    let ran = piped(&["phases", "--color", "always"], TALK.as_bytes());
    let line = |start: &str| {
        ran.stderr
            .lines()
            .find(|line| line.starts_with(start))
            .map(str::to_owned)
    };
    assert_eq!(
        line("hello> \u{1b}").as_deref(),
        Some("hello> \u{1b}[31mred\u{1b}[0m  bell\\u{7} \\u{202e}back\u{1b}[0m")
    );
    assert!(
        line("\u{1b}[31;1merror:\u{1b}[0m builder for").is_some(),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_real_build_reads_like_plain_nix() {
    let log = unstamped(FAIL);
    let ran = piped(&["phases"], &log);
    assert_eq!(ran.status, Some(0));
    assert!(
        !ran.stderr.contains("@nix") && !ran.stderr.contains("\"action\""),
        "{}",
        ran.stderr
    );
    assert!(
        ran.stderr
            .lines()
            .any(|line| line.starts_with("go-poppler> ")),
        "{}",
        ran.stderr
    );
    assert!(
        ran.stderr.contains("error: builder for '/nix/store/"),
        "{}",
        ran.stderr
    );
    let odd = |c: char| c.is_control() && c != '\n' && c != '\t';
    assert!(!ran.stderr.contains(odd));
}

#[test]
fn build_output_is_folded_in_ci() {
    let mut command = command(&["phases", "--no-save"]);
    command
        .env("GITHUB_ACTIONS", "true")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("nixlog starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(TALK.as_bytes()).expect("nixlog reads");
    stdin
        .write_all(b"::error::says a build\n")
        .expect("nixlog reads");
    drop(stdin);
    let ran = Ran::from(child.wait_with_output().expect("nixlog ends"));
    let commands = ran.stderr.lines().filter(|line| line.starts_with("::"));
    let commands: Vec<_> = commands.collect();
    let fold = ["::group::build output from 0s on", "::endgroup::"];
    assert_eq!(commands, [fold, fold].concat(), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("\n\\::error::says a build\n"),
        "{}",
        ran.stderr
    );
    let (in_fold, behind) = ran.stderr.split_once("::endgroup::\n").expect("a fold");
    assert!(in_fold.contains("hello> cc"), "{in_fold}");
    assert!(behind.starts_with("nixlog: hello-2.12 failed"), "{behind}");
}

#[test]
fn quiet_passes_nothing_on() {
    for quiet in ["--quiet", "-q"] {
        let ran = piped(&["phases", quiet], TALK.as_bytes());
        assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""));
    }
}

#[test]
fn tee_hands_on_the_very_bytes() {
    let log = [
        unstamped(FAIL).as_slice(),
        b"\xff\xfe\x00 no text\r\nno end",
    ]
    .concat();
    let mut child = spawn(&["phases", "--tee"]);
    let mut stdin = child.stdin.take().expect("a pipe");
    let bytes = log.clone();
    let writer = thread::spawn(move || stdin.write_all(&bytes));
    let output = child.wait_with_output().expect("nixlog ends");
    writer.join().expect("no panic").expect("nixlog reads all");
    assert!(
        output.stdout == log,
        "{} bytes of {}",
        output.stdout.len(),
        log.len()
    );
    let report = String::from_utf8(output.stderr).expect("reports are text");
    assert!(report.contains("(15 builds, 2 failed)"), "{report}");
    assert!(!report.contains("go-poppler> "), "{report}");
}
