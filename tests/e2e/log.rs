//! `nixlog log`: the log of one build comes back.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::Stdio;
use std::thread;

use serde_json::{Value, json};

use crate::program::{DIAMOND, Ran, nixlog, piped, unstamped};
use crate::runs::Home;

/// The lines of a build and the builder phase that each is in, as a plain JSON parser reads them.
fn truth(name: &str) -> Vec<(Option<String>, String)> {
    let log = String::from_utf8(unstamped(DIAMOND)).expect("text");
    let (mut id, mut phase, mut lines) = (Value::Null, None, Vec::new());
    for line in log.lines().filter_map(|line| line.strip_prefix("@nix ")) {
        let event: Value = serde_json::from_str(line).expect("JSON");
        let text = |value: &Value| value.as_str().map(str::to_owned);
        if event["action"] == "start" && event["type"] == 105 {
            let drv = text(&event["fields"][0]).unwrap_or_default();
            if drv.ends_with(&format!("-{name}.drv")) {
                id = event["id"].clone();
            }
        } else if event["action"] == "result" && event["id"] == id {
            match event["type"].as_u64() {
                Some(104) => phase = text(&event["fields"][0]),
                Some(101) => {
                    lines.push((phase.clone(), text(&event["fields"][0]).expect("a line")));
                }
                _ => {}
            }
        }
    }
    lines
}

fn lines<'a>(of: impl Iterator<Item = &'a String>) -> String {
    of.flat_map(|line| [line, "\n"]).collect()
}

#[test]
fn all_lines_come_back_and_those_of_one_phase() {
    let truth = truth("diamond-b-1.0");
    assert!(truth.len() > 5, "{truth:?}");
    let all = lines(truth.iter().map(|(_, line)| line));
    for name in ["diamond-b", "diamond-b-1.0", "*mond-b*"] {
        assert_eq!(nixlog(&["log", name, DIAMOND]).result(), all, "{name}");
    }
    let of_phase = truth
        .iter()
        .filter(|(phase, _)| phase.as_deref() == Some("buildPhase"));
    let built = lines(of_phase.map(|(_, line)| line));
    assert!(!built.is_empty() && built.len() < all.len());
    let ran = nixlog(&["log", "diamond-b", DIAMOND, "--phase", "buildPhase"]);
    assert_eq!(ran.result(), built);
    // The same for programs.
    let ran = nixlog(&["log", "diamond-b", DIAMOND, "--jsonl"]).result();
    let objects: Vec<Value> = ran
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let told = objects.iter().map(|object| {
        (
            object["phase"].as_str().map(str::to_owned),
            object["text"].as_str().unwrap_or_default().to_owned(),
        )
    });
    assert_eq!(told.collect::<Vec<_>>(), truth);
    assert!(
        objects
            .iter()
            .zip(1..)
            .all(|(object, number)| object["line"] == json!(number) && object["at_ns"].is_u64())
    );
}

#[test]
fn times_stand_before_lines_where_there_are_any() {
    let stamped = nixlog(&["log", "diamond-b", DIAMOND, "--timestamps"]).result();
    let times = stamped
        .lines()
        .map(|line| line[..9].trim().parse::<f64>().expect("seconds"));
    assert!(times.is_sorted(), "{stamped}");
    let objects = piped(
        &["log", "diamond-b", "-", "--timestamps"],
        &unstamped(DIAMOND),
    )
    .result();
    assert_eq!(objects.lines().count(), stamped.lines().count());
}

#[test]
fn a_name_may_match_none_or_several() {
    let none = nixlog(&["log", "nothing", DIAMOND]);
    assert_eq!(none.status, Some(2));
    assert!(
        none.stderr.contains("matches no build that printed a line"),
        "{}",
        none.stderr
    );
    let several = nixlog(&["log", "diamond-*", DIAMOND]);
    assert_eq!(several.status, Some(0));
    assert_eq!(
        several.stdout,
        lines(truth("diamond-a-1.0").iter().map(|(_, line)| line))
    );
    assert!(
        several.stderr.contains("3 other builds match, such as "),
        "{}",
        several.stderr
    );
}

/// What a run that still goes on prints comes as soon as it is recorded, and the end is that of the run.
#[test]
fn a_run_that_goes_on_is_followed_to_its_end() {
    const START: &str = r#"@nix {"action":"start","fields":["/nix/store/7ajh8plhm64ypnph30js1a3lq6zsyxqr-hello.drv","",1,1],"id":7,"level":3,"parent":0,"text":"building","type":105}"#;
    let line = |text: &str| {
        format!("@nix {{\"action\":\"result\",\"fields\":[\"{text}\"],\"id\":7,\"type\":101}}\n")
    };
    let home = Home::new();
    let mut build = home.spawn(&["phases", "--quiet"]);
    let mut stdin = build.stdin.take().expect("a pipe");
    write!(stdin, "{START}\n{}", line("first")).expect("nixlog reads");
    // The header is written at once, by another thread.
    let id = loop {
        if let Some(run) = home.runs().first().filter(|run| run["via"] == "pipe") {
            break run["id"].as_str().expect("an id").to_owned();
        }
        thread::yield_now();
    };
    let mut command = home.command(&["log", "hello", &id, "--follow"]);
    let mut following = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("nixlog starts");
    let mut out = BufReader::new(following.stdout.take().expect("a pipe"));
    let mut first = String::new();
    out.read_line(&mut first).expect("a line");
    assert_eq!(first, "first\n");
    assert!(following.try_wait().expect("ours").is_none());
    write!(stdin, "{}", line("second")).expect("nixlog reads");
    drop(stdin);
    let mut rest = String::new();
    out.read_to_string(&mut rest).expect("text");
    assert_eq!(rest, "second\n");
    assert!(following.wait().expect("it ends").success());
    let ended = Ran::from(build.wait_with_output().expect("it ends"));
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
}
