//! Which builds are worth having in a cache, and which are no candidates whatever they save.

use nixlog_core::analysis::cache_candidates::{Candidates, LeftOut, cache_candidates};
use nixlog_core::analysis::makespan::Makespan;
use nixlog_core::analysis::run_graph::RunGraph;
use nixlog_core::analysis::slots::{KnownSlots, Slots};
use nixlog_core::analysis::sufficiency::{HOW_TO_SEE_EVALUATION, sufficiency};
use nixlog_core::analysis::what_if::{Assumptions, Questions};
use nixlog_core::drv::Derivation;
use nixlog_core::graph::{DerivationGraph, GraphBuilder};
use nixlog_core::timeline::Timeline;

use crate::recordings::timeline;

const HASH: &str = "7ajh8plhm64ypnph30js1a3lq6zsyxqr";

/// A system: `system` needs `etc` and `path`, which no cache is asked for, and `app`; `path` needs `app`;
/// `app` needs `lib`, `lib` needs `libc`. Name, seconds, what it needs, environment.
const BUILDS: [(&str, u64, &[&str], &str); 6] = [
    ("libc", 90, &[], ""),
    ("lib", 5, &["libc"], ""),
    ("app", 5, &["lib"], ""),
    ("path", 1, &["app"], r#"("allowSubstitutes","")"#),
    (
        "etc",
        1,
        &["path"],
        r#"("__json","{\"allowSubstitutes\":false}")"#,
    ),
    ("system", 1, &["etc", "app"], ""),
];

fn drv(name: &str) -> String {
    format!("/nix/store/{HASH}-{name}-1.0.drv")
}

/// Runs the builds one after the other, up to the one that fails.
fn log(failing: Option<&str>) -> Timeline {
    let mut lines =
        vec![r#"0 @nix {"action":"start","id":99,"level":0,"text":"","type":104}"#.to_owned()];
    let mut at = 0;
    for (id, (name, took, ..)) in (1..).zip(BUILDS) {
        let path = drv(name);
        lines.push(format!(
            r#"{at} @nix {{"action":"start","fields":["{path}","",1,1],"id":{id},"level":3,"text":"building '{path}'","type":105}}"#
        ));
        at += took * 1_000_000_000;
        let fails = failing == Some(name);
        if fails {
            lines.push(format!(
                r#"{at} @nix {{"action":"msg","level":0,"msg":"error: builder for '{path}' failed with exit code 1"}}"#
            ));
        }
        let (n_done, n_failed) = (id - u64::from(fails), u64::from(fails));
        lines.push(format!(
            r#"{at} @nix {{"action":"result","fields":[{n_done},6,0,{n_failed}],"id":99,"type":105}}"#
        ));
        lines.push(format!(r#"{at} @nix {{"action":"stop","id":{id}}}"#));
        if fails {
            break;
        }
    }
    timeline(lines.join("\n").as_bytes())
}

fn graph() -> DerivationGraph {
    let mut builder = GraphBuilder::default();
    for (name, _, needs, env) in BUILDS {
        let inputs: Vec<String> = needs
            .iter()
            .map(|name| format!(r#"("{}",["out"])"#, drv(name)))
            .collect();
        let file = format!(
            r#"Derive([("out","/nix/store/{HASH}-{name}-1.0","","")],[{}],[],"x86_64-linux","/bin/sh",[],[{env}])"#,
            inputs.join(",")
        );
        let derivation = Derivation::parse(file.as_bytes()).expect("well-formed");
        builder.add_derivation(&drv(name), &derivation);
    }
    builder.finish().expect("no circle")
}

fn name(timeline: &Timeline, unit: usize) -> &str {
    let path = timeline.name(timeline.units()[unit].subject);
    let name = path.rsplit_once("-1.0").map_or(path, |(name, _)| name);
    name.rsplit('-').next().unwrap_or(name)
}

/// Returns the candidates, and the others with their reasons.
fn sorted<'a>(
    timeline: &'a Timeline,
    command: &[&str],
    always: bool,
    exclude: &str,
) -> (Vec<&'a str>, Vec<(&'a str, LeftOut)>) {
    let graph = graph();
    let run = RunGraph::new(timeline, &graph);
    let command: Vec<String> = command.iter().map(|&word| word.to_owned()).collect();
    let is_excluded = |unit| name(timeline, unit) == exclude;
    let all = Candidates::new(timeline, &run, &graph, &command, always, is_excluded);
    let left_out = all.left_out.iter();
    (
        all.units.iter().map(|&it| name(timeline, it)).collect(),
        left_out
            .map(|&(it, why)| (name(timeline, it), why))
            .collect(),
    )
}

#[test]
fn what_was_asked_for_and_what_no_cache_is_asked_for_is_no_candidate() {
    use LeftOut::{Excluded, NotSubstituted, Requested};
    let timeline = log(None);
    let usual = [
        ("path", NotSubstituted),
        ("etc", NotSubstituted),
        ("system", Requested),
    ];
    let (units, left_out) = sorted(&timeline, &[], false, "");
    assert_eq!(units, ["libc", "lib", "app"]);
    assert_eq!(left_out, usual);
    let (units, left_out) = sorted(&timeline, &[], true, "lib");
    assert_eq!(units, ["libc", "app", "path", "etc"]);
    assert_eq!(left_out, [("lib", Excluded), ("system", Requested)]);
    // What the command names is asked for, too.
    let made = format!("/nix/store/{HASH}-app-1.0");
    for command in [
        &["nix", "build", "nixpkgs#app"][..],
        &["nix", "build", ".#pkgs.app^dev,out"],
        &["nix-build", "-A", "pkgs.app"],
        &["nix-build", "--attr", "app"],
        &["nix-store", "-r", &drv("app")],
        &["nix-store", "-r", &made],
    ] {
        let (units, _) = sorted(&timeline, command, false, "");
        assert_eq!(units, ["libc", "lib"], "{command:?}");
    }
    let (units, _) = sorted(&timeline, &["nix", "build", ".#", "app"], false, "");
    assert_eq!(units, ["libc", "lib", "app"]);
}

/// What was asked for never started: what nothing that ran needs is still not it.
#[test]
fn of_a_failed_build_what_is_missing_is_no_reason() {
    let timeline = log(Some("app"));
    let (units, left_out) = sorted(&timeline, &[], false, "");
    assert_eq!(left_out, [("app", LeftOut::Failed)]);
    assert_eq!(units, ["libc", "lib"]);
}

/// The one nearest to the root saves most, but hardly more than the one that all others need.
#[test]
fn what_many_builds_need_comes_first() {
    let timeline = log(None);
    let graph = graph();
    let run = RunGraph::new(&timeline, &graph);
    let slots = Slots::new(&timeline, KnownSlots::default());
    let makespan = Makespan::new(&timeline, &run, &slots).expect("it has times");
    let questions = Questions::new(&timeline, &run, &makespan, Assumptions::default());
    let all = Candidates::new(&timeline, &run, &graph, &[], false, |_| false);
    let picks = cache_candidates(&run, &questions, &all.units, 5);
    let picked: Vec<(&str, usize)> = picks
        .iter()
        .map(|pick| (name(&timeline, pick.unit), pick.dependents))
        .collect();
    assert_eq!(picked, [("libc", 5), ("app", 3)]);
}

/// `nix-build` says nothing while it evaluates: what is not in the log, `-v` supplies. Where the time of
/// evaluation is known, nothing is missing.
#[test]
fn what_is_missing_of_evaluation() {
    let question = |log: &str| {
        let answers = sufficiency(&timeline(log.as_bytes()), &Default::default());
        let mut answers = answers.into_iter();
        let found = answers.find(|answer| answer.question.contains("evaluation"));
        let found = found.expect("it is asked");
        (found.extent.name(), found.fix)
    };
    let start = |text: &str, fields: &str, kind: u32| {
        format!(
            r#"5 @nix {{"action":"start","fields":[{fields}],"id":1,"level":3,"text":"{text}","type":{kind}}}"#
        )
    };
    let build = start("building", &format!(r#""{}","",1,1"#, drv("a")), 105);
    let stop = r#"9 @nix {"action":"stop","id":1}"#;
    let log = format!("{build}\n{stop}\n");
    assert_eq!(question(&log), ("no", Some(HOW_TO_SEE_EVALUATION)));
    let plan = r#"4 @nix {"action":"msg","level":3,"msg":"this derivation will be built:"}"#;
    let file = r#"3 @nix {"action":"msg","level":4,"msg":"evaluating file '/etc/nixos/a.nix'"}"#;
    // A single file without imports says nothing at the level of `-v`.
    for sign in [plan, file] {
        let log = format!("{sign}\n{build}\n{stop}\n");
        assert_eq!(question(&log), ("yes", None), "{sign}");
    }
}
