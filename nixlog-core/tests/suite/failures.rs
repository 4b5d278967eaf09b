//! Who failed, and why, in logs for people and in events: small logs in the words of Nix's sources.

use nixlog_core::timeline::{Outcome, Timeline, Unit, UnitKind};

use crate::recordings::timeline;

const TOOL: &str = "/nix/store/x8l5i34yws4jm9vi6nj1791xr3rjqr3g-tool-1.0.drv";
const OTHER: &str = "/nix/store/y8l5i34yws4jm9vi6nj1791xr3rjqr3g-other-2.0.drv";
const OUT: &str = "/nix/store/iaddlmk85rsykjpx54glm9vnzh66ixbw-tool-1.0";

/// Puts paths in their places.
fn fill(template: &str) -> String {
    template
        .replace("<D>", TOOL)
        .replace("<E>", OTHER)
        .replace("<P>", OUT)
}

fn read(log: &str) -> Timeline {
    timeline(fill(log).as_bytes())
}

/// Returns the name, the outcome and the reason of all that is a unit of one of these kinds.
fn told(timeline: &Timeline, kinds: &[UnitKind]) -> Vec<(String, Outcome, String)> {
    let units = timeline.units().iter();
    let units = units.filter(|unit| kinds.contains(&unit.kind));
    let reason = |unit: &Unit| unit.reason.as_ref().map(|reason| reason.text.clone());
    units
        .map(|unit| {
            let name = nixlog_core::store_path::name_of(timeline.name(unit.subject));
            (
                name.to_owned(),
                unit.outcome,
                reason(unit).unwrap_or_default(),
            )
        })
        .collect()
}

fn builds(timeline: &Timeline) -> Vec<(String, Outcome, String)> {
    told(timeline, &[UnitKind::Build, UnitKind::SourceFetch])
}

fn outcomes(timeline: &Timeline) -> Vec<(String, Outcome)> {
    let builds = builds(timeline).into_iter();
    builds.map(|(name, outcome, _)| (name, outcome)).collect()
}

/// Two builds, and what is said after.
fn plain(said: &str) -> Timeline {
    read(&format!(
        "1.0 these 2 derivations will be built:\n1.0   <D>\n1.0   <E>\n1.1 building '<E>'...\n1.2 building '<D>'...\n9.0 {}\n",
        said.replace('\n', "\n9.0 ")
    ))
}

#[test]
fn a_refused_build_has_failed() {
    let cases = [
        (
            "error: output '<P>-lib' is not allowed to refer to the following paths:\n         /nix/store/x",
            Outcome::Failed,
        ),
        (
            "error: cycle detected in build of '<D>' in the references of output 'a' from output 'b'",
            Outcome::Failed,
        ),
        (
            "error: suspicious ownership or permission on '<D>.chroot/root<P>' for output 'out'; rejecting this build output",
            Outcome::Failed,
        ),
        (
            "error: invalid ownership on file '<P>/bin/x'",
            Outcome::Failed,
        ),
        (
            "error: failed to build attribute 'a', build of '<D>^*' failed: Cannot build '<D>'.\n       Reason: builder failed with exit code 1.",
            Outcome::Failed,
        ),
        (
            "error: derivation 'x8l5i34yws4jm9vi6nj1791xr3rjqr3g-tool-1.0.drv' may not be deterministic: outputs differ",
            Outcome::Failed,
        ),
        // In a box, as some tools print errors.
        (
            "┃ error: builder for '<D>' failed with exit code 1",
            Outcome::Failed,
        ),
        // Up to 2.3 without a mark.
        (
            "builder for '<D>' failed with exit code 1; last 10 log lines:\n  x",
            Outcome::Failed,
        ),
        (
            "output '<P>' is not allowed to refer to the following paths:",
            Outcome::Failed,
        ),
        (
            "hash mismatch in fixed-output derivation '<P>':\n  wanted: sha256:a\n  got:    sha256:b",
            Outcome::HashMismatch,
        ),
    ];
    for (said, outcome) in cases {
        let timeline = plain(said);
        let want = [
            ("other-2.0".to_owned(), Outcome::Unknown),
            ("tool-1.0".to_owned(), outcome),
        ];
        assert_eq!(outcomes(&timeline), want, "{said}");
        assert!(timeline.untold_failures().is_empty(), "{said}");
    }
}

#[test]
fn what_a_builder_says_is_no_failure() {
    for said in [
        // Of a derivation that nobody builds here.
        "builder for '/nix/store/08l5i34yws4jm9vi6nj1791xr3rjqr3g-inner.drv' failed with exit code 1",
        "note: cycle detected in build of '<D>'",
        "error: expected `;`",
        "timed out after 3 seconds",
    ] {
        let timeline = plain(said);
        let unknown = |name: &str| (name.to_owned(), Outcome::Unknown);
        assert_eq!(
            outcomes(&timeline),
            [unknown("other-2.0"), unknown("tool-1.0")],
            "{said}"
        );
        assert!(timeline.untold_failures().is_empty(), "{said}");
    }
}

#[test]
fn of_several_nobody_knows_which() {
    let said = "error: timed out after 2 seconds";
    let timeline = plain(said);
    assert_eq!(timeline.untold_failures(), ["timed out after 2 s"]);
    assert!(
        outcomes(&timeline)
            .iter()
            .all(|(_, outcome)| *outcome == Outcome::Unknown)
    );
    // The only one it can be.
    let timeline = read(&format!("1.2 building '<D>'...\n9.0 {said}\n9.1 {said}\n"));
    let want = (
        "tool-1.0".to_owned(),
        Outcome::TimedOut,
        "timed out after 2 s".to_owned(),
    );
    assert_eq!(builds(&timeline), [want]);
    assert!(timeline.untold_failures().is_empty());
    // Two that bear the name.
    let twin = TOOL.replace("/x8", "/z8");
    let log = format!(
        "1.0 building '<D>'...\n1.1 building '{twin}'...\n9.0 error: output '<P>' is not allowed to refer to the following paths:\n"
    );
    let timeline = read(&log);
    assert!(
        outcomes(&timeline)
            .iter()
            .all(|(_, outcome)| *outcome == Outcome::Unknown)
    );
    assert_eq!(timeline.untold_failures().len(), 1);
}

#[test]
fn what_never_started_can_fail_too() {
    let timeline = read(
        "1.1 building '<E>'...\n9.0 error: derivation '<D>' requires non-existent output 'x' from input derivation '<E>'\n",
    );
    let want = [
        ("other-2.0".to_owned(), Outcome::Unknown),
        ("tool-1.0".to_owned(), Outcome::Failed),
    ];
    assert_eq!(outcomes(&timeline), want);
    let timeline = read(
        "1.0 these 2 paths will be fetched (1.00 MiB download, 4.00 MiB unpacked):\n1.0   <P>\n9.0 error: path '<P>' is required, but there is no substituter that can build it\n",
    );
    let told = told(&timeline, &[UnitKind::Substitution]);
    let reason = "no substituter has it".to_owned();
    assert_eq!(told, [("tool-1.0".to_owned(), Outcome::Failed, reason)]);
    // Without the mark it says that the path is going to be built.
    let timeline = read(
        "1.0 path '<P>' is required, but there is no substituter that can build it\n1.1 building '<D>'...\n",
    );
    assert_eq!(
        outcomes(&timeline),
        [("tool-1.0".to_owned(), Outcome::Unknown)]
    );
}

#[test]
fn each_try_has_its_own_end() {
    let timeline = read(
        "0.1 building '<D>'...\n5.0 error: builder for '<D>' failed with exit code 1;\n5.0        last 1 log lines:\n5.0        > x\n6.0 building '<D>'...\n9.0 <P>\n",
    );
    let try_of = |outcome| ("tool-1.0".to_owned(), outcome);
    assert_eq!(
        outcomes(&timeline),
        [try_of(Outcome::Failed), try_of(Outcome::Unknown)]
    );
}

/// One call that builds the tool, with these numbers in front of its ids.
fn call(at: u64, ids: u64, done: bool, error: &str) -> String {
    let (done, failed) = (u8::from(done), u8::from(!done));
    let mut log = Vec::new();
    let mut line = |at: u64, json: String| log.push(format!("{at}000000000 @nix {json}\n"));
    for (n, kind) in [(1, 102), (2, 104), (3, 103)] {
        line(
            at,
            format!(
                r#"{{"action":"start","id":{ids}{n},"level":0,"parent":0,"text":"","type":{kind}}}"#
            ),
        );
    }
    line(
        at,
        format!(
            r#"{{"action":"start","fields":["<D>","",1,1],"id":{ids}4,"level":3,"parent":0,"text":"building","type":105}}"#
        ),
    );
    line(
        at + 4,
        format!(r#"{{"action":"result","fields":[{done},1,0,{failed}],"id":{ids}2,"type":105}}"#),
    );
    for n in [4, 3, 2, 1] {
        line(at + 4, format!(r#"{{"action":"stop","id":{ids}{n}}}"#));
    }
    if !error.is_empty() {
        line(
            at + 4,
            format!(
                r#"{{"action":"msg","column":null,"file":null,"level":0,"line":null,"msg":"error: {error}","raw_msg":"{error}"}}"#
            ),
        );
    }
    log.concat()
}

#[test]
fn a_silent_try_is_a_try() {
    let first = call(1, 1, false, "builder for '<D>' failed with exit code 1");
    let timeline = read(&format!("{first}{}", call(10, 7, true, "")));
    let try_of = |outcome| ("tool-1.0".to_owned(), outcome);
    assert_eq!(
        outcomes(&timeline),
        [try_of(Outcome::Failed), try_of(Outcome::Succeeded)]
    );
    // And nobody said why the first one failed.
    let timeline = read(&format!(
        "{}{}",
        call(1, 1, false, ""),
        call(10, 7, true, "")
    ));
    assert_eq!(
        outcomes(&timeline),
        [try_of(Outcome::Failed), try_of(Outcome::Succeeded)]
    );
}

fn evaluation(timeline: &Timeline) -> Option<(Outcome, String)> {
    let told = told(timeline, &[UnitKind::Evaluation]);
    told.into_iter()
        .next()
        .map(|(_, outcome, reason)| (outcome, reason))
}

#[test]
fn an_evaluation_can_fail_after_it_built() {
    let failed = |reason: &str| Some((Outcome::Failed, reason.to_owned()));
    let built = call(1, 1, true, "");
    let message = |msg: &str, raw: &str, file: &str| {
        format!(
            "9000000000 @nix {{\"action\":\"msg\",\"column\":null,\"file\":{file},\"level\":0,\"line\":null,\"msg\":\"{msg}\",\"raw_msg\":\"{raw}\"}}\n"
        )
    };
    let missing = "attribute 'foo' missing";
    // By its place, by its trace, and by its words.
    for (msg, raw, file) in [
        ("error: value is a set", "value is a set", "\"/src/x.nix\""),
        (
            "error:\\n       … while calling x\\n\\n       error: value is a set",
            "value is a set",
            "null",
        ),
        ("error: attribute 'foo' missing", missing, "null"),
    ] {
        let timeline = read(&format!("{built}{}", message(msg, raw, file)));
        assert_eq!(evaluation(&timeline), failed(raw), "{msg}");
        assert_eq!(
            outcomes(&timeline),
            [("tool-1.0".to_owned(), Outcome::Succeeded)]
        );
    }
    // Nobody knows whose this is, but it is the last that was said.
    let timeline = read(&format!(
        "{built}{}",
        message("error: no luck", "no luck", "null")
    ));
    assert_eq!(
        evaluation(&timeline).map(|(outcome, _)| outcome),
        Some(Outcome::Succeeded)
    );
    // No build is to blame, all succeeded.
    assert!(timeline.untold_failures().is_empty());
    assert_eq!(timeline.gave_up(), Some("no luck"));
    // What failed explains what is said last, in whichever words.
    let failed = read(&call(1, 1, false, "no luck"));
    assert_eq!(failed.gave_up(), None);
    assert!(failed.untold_failures().is_empty());
    // Plain, newer and older; and without times.
    for log in [
        "0.1 copying path '<P>' from 'https://x'...\n5.0 error:\n5.0        … while evaluating x\n5.0        error: value is a set\n5.0        at /src/x.nix:4:5:\n",
        "0.1 building '<D>'...\n5.0 error: value is a set\n\n5.0        at /src/x.nix:4:5:\n",
        "0.1 building '<D>'...\n5.0 error: while evaluating x at /src/x.nix:1:1: value is a set, at /src/x.nix:4:5\n",
        "building '<D>'...\nerror: value is a set\n\n       at /src/x.nix:4:5:\n",
    ] {
        let told = evaluation(&read(log));
        assert_eq!(
            told.as_ref().map(|told| told.0),
            Some(Outcome::Failed),
            "{log}"
        );
        assert!(
            told.is_some_and(|told| told.1.contains("value is a set")),
            "{log}"
        );
    }
    // A compiler's.
    let timeline =
        read("0.1 building '<D>'...\n5.0 error: value is a set\n5.0   --> src/x.rs:4:5:\n");
    assert!(evaluation(&timeline).is_none_or(|told| told.0 == Outcome::Succeeded));
}

#[test]
fn an_evaluation_that_needs_what_failed() {
    let failed = call(1, 1, false, "builder for '<D>' failed with exit code 1");
    let traced = "9000000000 @nix {\"action\":\"msg\",\"level\":0,\"msg\":\"error: \\n       … while evaluating x\\n\\n       error: builder for '<D>' failed with exit code 1\"}\n";
    let timeline = read(&format!("{failed}{traced}"));
    assert_eq!(
        outcomes(&timeline),
        [("tool-1.0".to_owned(), Outcome::Failed)]
    );
    let evaluation = evaluation(&timeline).map(|told| told.0);
    assert_eq!(evaluation, Some(Outcome::DependencyFailed));
}

#[test]
fn the_exit_status_is_not_overheard() {
    let end = r#"9000000000 @nixlog {"type":"end","exit_status":1,"signal":null,"duration_ns":9000000000,"thinned":0,"unterminated":false}"#;
    let header = r#"0 @nixlog {"type":"header","format":1,"clock":"recorded"}"#;
    let built = call(1, 1, true, "");
    let timeline = read(&format!("{header}\n{built}{end}\n"));
    assert_eq!(
        evaluation(&timeline).map(|told| told.0),
        Some(Outcome::Unknown)
    );
    let timeline = read(&format!("{header}\n{built}{}\n", end.replace(":1,", ":0,")));
    assert_eq!(
        evaluation(&timeline).map(|told| told.0),
        Some(Outcome::Succeeded)
    );
}

#[test]
fn a_dialect_gives_the_status() {
    let result = |status: &str, error: &str| {
        let path = r#"{"drvPath":"x8l5i34yws4jm9vi6nj1791xr3rjqr3g-tool-1.0.drv","outputs":["*"]}"#;
        format!(
            "4000000000 @nix {{\"action\":\"result\",\"id\":14,\"payload\":{{\"errorMsg\":\"{error}\",\"path\":{path},\"status\":\"{status}\",\"success\":false}},\"sid\":\"x\",\"type\":110}}\n"
        )
    };
    let cases = [
        (
            "OutputRejected",
            "output '<P>' is not allowed to refer to the following paths:",
            Outcome::Failed,
            "output refers to what is not allowed",
        ),
        (
            "OutputRejected",
            "",
            Outcome::Failed,
            "its output was rejected",
        ),
        (
            "PermanentFailure",
            "no luck\\nat all",
            Outcome::Failed,
            "no luck",
        ),
        ("Cancelled", "", Outcome::Interrupted, ""),
        (
            "TimedOut",
            "timed out after 2 seconds",
            Outcome::TimedOut,
            "timed out after 2 s",
        ),
        ("WhateverComesNext", "", Outcome::Failed, ""),
    ];
    for (status, error, outcome, reason) in cases {
        let log = call(1, 1, false, "");
        let tick = log
            .find("\"type\":105}\n5")
            .map_or(0, |at| at + "\"type\":105}\n".len());
        let mut log = log;
        if status == "Cancelled" {
            log = log.replace("[0,1,0,1]", "[0,1,0,0]");
        }
        log.insert_str(tick, &result(status, error));
        let want = ("tool-1.0".to_owned(), outcome, reason.to_owned());
        assert_eq!(builds(&read(&log)), [want], "{status}");
    }
}

/// Determinate Nix and whatever comes next frame calls and downloads with activities of new kinds.
#[test]
fn new_kinds_count_by_their_words() {
    let start = |id: u64, parent: u64, kind: u32, rest: &str| {
        format!(
            "@nix {{\"action\":\"start\",\"id\":{id},\"level\":4,{rest},\"parent\":{parent},\"type\":{kind}}}\n"
        )
    };
    let stop = |id: u64| format!("@nix {{\"action\":\"stop\",\"id\":{id}}}\n");
    for (kind, rest) in [
        (10113, r#""text":"evaluating derivation 'x#y'""#),
        (10999, r#""text":"evaluating derivation 'x#y'""#),
        (10999, r#""text":"evaluation of everything""#),
        (10113, r#""fields":["evaluate"],"text":"""#),
        (10113, r#""name":"evaluate","text":"""#),
    ] {
        let mut log = Vec::new();
        let mut at = |second: u64, line: String| log.push(format!("{second}000000000 {line}"));
        at(0, start(1, 0, 10998, r#""text":"building installables""#));
        at(1, start(2, 1, kind, rest));
        // A download of the evaluator's.
        at(
            2,
            start(
                3,
                2,
                101,
                r#""fields":["https://x/y.tar.gz"],"text":"downloading""#,
            ),
        );
        at(4, stop(3));
        at(6, start(4, 2, 102, r#""text":"""#));
        at(6, start(5, 2, 104, r#""text":"""#));
        at(
            6,
            start(6, 2, 105, r#""fields":["<D>","",1,1],"text":"building""#),
        );
        at(
            8,
            "@nix {\"action\":\"result\",\"fields\":[1,1,0,0],\"id\":5,\"type\":105}\n".to_owned(),
        );
        for id in [6, 5, 4] {
            at(8, stop(id));
        }
        at(9, stop(2));
        at(9, stop(1));
        let timeline = read(&log.concat());
        let units: Vec<_> = timeline.units().iter().map(|unit| unit.kind).collect();
        assert!(units.contains(&UnitKind::InputFetch), "{rest}: {units:?}");
        assert_eq!(
            outcomes(&timeline),
            [("tool-1.0".to_owned(), Outcome::Succeeded)]
        );
        assert_eq!(timeline.calls().len(), 1, "{rest}");
        let mut all = timeline.units().iter();
        let unit = all.find(|unit| unit.kind == UnitKind::Evaluation);
        let at_work = unit.and_then(Unit::duration).map(|took| took.get());
        assert!(
            at_work.is_some_and(|took| took >= 4_000_000_000),
            "{rest}: {at_work:?}"
        );
    }
}
