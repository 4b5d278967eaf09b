//! `parallelism`, `bottlenecks`, `what-if` and `cache-candidates`.

use insta::assert_snapshot;
use serde_json::Value;

use crate::contract::{has, list, units_hold, without_times};
use crate::program::{DIAMOND, SLOW, command, file, folder, nixlog, run, unstamped};

const DIAMOND_DRVS: &str = "2.26.3-diamond-build-v.drvs.tar.gz";
const SLOW_DRVS: &str = "2.34.8-subst-subst-slow.drvs.tar.gz";
const SLOW_INFOS: &str = "2.34.8-subst-subst-slow.path-info.json.zst";

/// Each verb, with what it cannot do without.
const VERBS: [&[&str]; 4] = [
    &["parallelism"],
    &["bottlenecks"],
    &["what-if", "--max-jobs", "8"],
    &["cache-candidates"],
];

const REPLAY: &[&str] = &["predicted_ns", "measured_ns", "error"];
const BRIEF: &[&str] = &[
    "kind",
    "name",
    "pname",
    "path",
    "machine",
    "start_ns",
    "end_ns",
    "duration_ns",
    "end",
    "outcome",
];

fn slow<'a>(args: &[&'a str]) -> Vec<&'a str> {
    let given = [
        SLOW,
        "--derivations",
        SLOW_DRVS,
        "--derivations",
        SLOW_INFOS,
    ];
    [&args[..1], &given, &args[1..]].concat()
}

fn diamond<'a>(args: &[&'a str]) -> Vec<&'a str> {
    [
        &args[..1],
        &[DIAMOND, "--derivations", DIAMOND_DRVS],
        &args[1..],
    ]
    .concat()
}

fn result(args: &[&str]) -> Value {
    let ran = nixlog(&[args, &["--json"]].concat());
    assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""), "{args:?}");
    let mut report = ran.json();
    let schema = format!("nixlog.{}/1", args[0]);
    assert_eq!(report["schema"], schema);
    units_hold("", &report);
    report["result"].take()
}

#[test]
fn text_fits_the_terminal() {
    for (name, args) in [
        ("parallelism", slow(&["parallelism"])),
        ("bottlenecks", slow(&["bottlenecks"])),
        (
            "what_if",
            slow(&[
                "what-if",
                "--cached",
                "py-*",
                "--skip-phase",
                "check",
                "--max-jobs",
                "6",
            ]),
        ),
        ("what_if_longer", slow(&["what-if", "--max-jobs", "1"])),
        ("cache_candidates", slow(&["cache-candidates"])),
    ] {
        for width in ["80", "140"] {
            let text = run(command(&args).env("COLUMNS", width)).result();
            let columns = width.parse().expect("a number");
            let mut lines = text.lines().filter(|line| !line.starts_with("next: "));
            let long = lines.find(|line| line.chars().count() > columns);
            assert_eq!(long, None, "{name} at {width}");
            assert_snapshot!(format!("{name}_{width}"), text);
        }
    }
}

#[test]
fn markdown_and_csv() {
    for args in VERBS {
        for format in ["md", "csv"] {
            let printed = nixlog(&[&diamond(args)[..], &["--format", format]].concat()).result();
            let name = args[0].replace('-', "_");
            assert_snapshot!(format!("{name}_{format}"), printed.replace("\r\n", "\n"));
        }
    }
}

#[test]
fn bars_are_ascii_where_nothing_else_can_be_shown() {
    let bars = |args: &[&str], locale: &str| {
        let mut command = command(&diamond(args));
        let text = run(command.env("LC_ALL", locale)).result();
        (text.contains('█'), text.contains("###"))
    };
    assert_eq!(bars(&["parallelism"], "C.UTF-8"), (true, false));
    assert_eq!(bars(&["parallelism"], "C"), (false, true));
    assert_eq!(bars(&["parallelism", "--ascii"], "C.UTF-8"), (false, true));
}

#[test]
fn parallelism() {
    for args in [slow(&["parallelism"]), diamond(&["parallelism"])] {
        let result = result(&args);
        has(
            &result,
            &[
                "work_ns",
                "span_ns",
                "makespan_ns",
                "parallelism",
                "parallelizable",
                "slots",
                "slots_source",
                "utilization",
                "concurrency",
                "replay",
                "baseline_ns",
                "sweep",
                "knee_slots",
                "critical_path_first_ns",
                "scheduling_loss_ns",
                "overhead_ns",
                "unlimited_ns",
                "coverage",
            ],
        );
        has(&result["replay"], REPLAY);
        let time = |of: &Value| of.as_u64().expect("a time");
        let concurrency = list(&result["concurrency"]);
        let total: u64 = concurrency.iter().map(|it| time(&it["busy_ns"])).sum();
        assert_eq!(total, time(&result["makespan_ns"]));
        let sweep = list(&result["sweep"]);
        assert_eq!(sweep.len(), 16);
        for step in sweep {
            let predicted = time(&step["predicted_ns"]);
            assert!(time(&step["lower_ns"]) <= predicted && predicted <= time(&step["upper_ns"]));
        }
        let knee = result["knee_slots"].as_u64().expect("a number");
        assert!((1..=16).contains(&knee));
    }
}

#[test]
fn slots_may_be_told_and_are_never_fewer_than_seen() {
    let slots = |given: &str| {
        let result = result(&diamond(&["parallelism", "--max-jobs", given]));
        (
            result["local_slots"].clone(),
            result["slots_source"].clone(),
        )
    };
    assert_eq!(slots("7"), (7.into(), "given".into()));
    // Two ran at once.
    assert_eq!(slots("1"), (2.into(), "seen".into()));
    let sweep = result(&diamond(&["parallelism", "--most-slots", "40"]));
    assert_eq!(list(&sweep["sweep"]).len(), 40);
}

#[test]
fn bottlenecks() {
    let every = result(&slow(&["bottlenecks", "--top", "0"]));
    has(
        &every,
        &[
            "wall_ns",
            "makespan_ns",
            "slots",
            "slots_source",
            "total_units",
            "units",
            "idle_ns",
            "idle_share",
            "total_intervals",
            "intervals",
            "replay",
            "coverage",
        ],
    );
    let units = list(&every["units"]);
    assert_eq!(every["total_units"], units.len());
    for unit in units {
        has(unit, BRIEF);
        has(
            unit,
            &[
                "saving_ns",
                "drag_ns",
                "slack_ns",
                "direct_dependents",
                "transitive_dependents",
                "dependents_work_ns",
                "solo_ns",
                "blocked_ns",
            ],
        );
        let count = |name: &str| unit[name].as_u64().unwrap_or(0);
        assert!(count("direct_dependents") <= count("transitive_dependents"));
        assert!(count("solo_ns") <= count("duration_ns") || unit["kind"] == "evaluation");
    }
    let intervals = list(&every["intervals"]);
    for interval in intervals {
        has(
            interval,
            &[
                "start_ns",
                "end_ns",
                "duration_ns",
                "idle_ns",
                "busy_ns",
                "running",
                "held_by",
                "waiting_units",
                "waiting_ns",
            ],
        );
    }
    let idle: u64 = intervals
        .iter()
        .filter_map(|it| it["idle_ns"].as_u64())
        .sum();
    assert_eq!(every["idle_ns"], idle);

    // One by one or all at once, those behind are as many.
    let three = result(&slow(&["bottlenecks", "--top", "3"]));
    assert_eq!(list(&three["units"]), &units[..3]);
    assert_eq!(three["total_units"], every["total_units"]);
    let filtered = result(&slow(&[
        "bottlenecks",
        "--filter",
        "^py-",
        "--min-duration",
        "100ms",
    ]));
    assert!(!list(&filtered["units"]).is_empty());
    for unit in list(&filtered["units"]) {
        assert!(
            unit["name"]
                .as_str()
                .is_some_and(|name| name.starts_with("py-"))
        );
        assert!(unit["duration_ns"].as_u64() >= Some(100_000_000));
    }
}

#[test]
fn what_if() {
    let answer = result(&slow(&[
        "what-if",
        "--max-jobs",
        "8",
        "--machines",
        "1",
        "--cached",
        "{py,go}-*",
        "--speedup",
        "lib*=1.5",
        "--skip-phase",
        "checkPhase",
        "--substitution-bandwidth",
        "50MiB",
    ]));
    has(
        &answer,
        &[
            "changes",
            "replay",
            "slots",
            "baseline_ns",
            "predicted_ns",
            "lower_ns",
            "upper_ns",
            "saving_ns",
            "saving_share",
            "wall_ns",
            "predicted_wall_ns",
            "then_critical",
            "gone",
            "downloaded",
            "download_bytes",
            "unknown_downloads",
            "bandwidth_bps",
            "coverage",
        ],
    );
    has(&answer["replay"], REPLAY);
    assert_eq!(list(&answer["changes"]).len(), 6);
    assert_eq!(answer["bandwidth_bps"], 50 << 20);
    let number = |name: &str| answer[name].as_i64().expect("a number");
    assert_eq!(
        number("saving_ns"),
        number("baseline_ns") - number("predicted_ns")
    );
    assert_eq!(
        number("predicted_wall_ns"),
        number("wall_ns") - number("saving_ns")
    );
    assert!(number("lower_ns") <= number("predicted_ns"));
    assert!(number("predicted_ns") <= number("upper_ns"));
    let then = list(&answer["then_critical"]);
    assert!(!then.is_empty());
    for unit in then {
        has(unit, BRIEF);
        has(unit, &["then_duration_ns"]);
    }
}

#[test]
fn what_if_knows_a_unit_by_all_its_names() {
    let path = "/nix/store/*-diamond-b-1.0.drv";
    let output = "/nix/store/*-diamond-b-1.0";
    for glob in [
        "diamond-b",
        "diamond-b-1.0",
        "*-b",
        path,
        output,
        "{x,diamond-b}",
    ] {
        let answer = result(&diamond(&["what-if", "--cached", glob]));
        let names = list(&answer["downloaded"]).iter().map(|unit| &unit["name"]);
        assert_eq!(names.collect::<Vec<_>>(), ["diamond-b-1.0"], "{glob}");
    }
}

#[test]
fn what_is_only_needed_by_what_is_cached_is_gone() {
    let answer = result(&diamond(&["what-if", "--cached", "diamond-d"]));
    assert_eq!(list(&answer["gone"]).len(), 3);
    assert_eq!(answer["unknown_downloads"], 1);
    assert!(answer["download_bytes"].is_null());
    // Both of those that need it have to go.
    for (globs, gone) in [(&["diamond-b"][..], 0), (&["diamond-b", "diamond-c"], 1)] {
        let options = globs.iter().flat_map(|glob| ["--cached", glob]);
        let args: Vec<&str> = ["what-if"].into_iter().chain(options).collect();
        let answer = result(&diamond(&args));
        assert_eq!(list(&answer["gone"]).len(), gone, "{globs:?}");
    }
}

#[test]
fn candidates_are_suggested_by_either_name() {
    let candidates = nixlog(&slow(&["cache-candidates", "--top", "2", "--json"])).result();
    let suggested = nixlog(&slow(&["what-if", "--suggest-cached", "2", "--json"])).result();
    assert_eq!(candidates, suggested);
    let result = result(&slow(&["cache-candidates", "--top", "2"]));
    let picks = list(&result["picks"]);
    assert!((1..=2).contains(&picks.len()));
    for pick in picks {
        has(pick, BRIEF);
        has(
            pick,
            &[
                "outputs",
                "saving_ns",
                "together_ns",
                "transitive_dependents",
                "gone_units",
                "unpacked_bytes",
            ],
        );
    }
    assert_eq!(result["saving_ns"], picks[picks.len() - 1]["together_ns"]);
}

#[test]
fn candidates_are_excluded_by_globs() {
    let names = |args: &[&str]| -> Vec<Value> {
        let result = result(&diamond(&[&["cache-candidates"], args].concat()));
        let picks = list(&result["picks"]).iter();
        picks.map(|pick| pick["pname"].clone()).collect()
    };
    assert_eq!(names(&["--top", "0"]), ["diamond-b", "diamond-c"]);
    let exclude = ["--exclude", "diamond-[bc]", "--exclude", "no-such-build"];
    assert_eq!(names(&exclude), ["diamond-a"]);
    let refused = nixlog(&diamond(&["cache-candidates", "--exclude", "[b"])).refused();
    assert!(refused.contains("`[b` is no"), "{refused}");
    let text = nixlog(&diamond(&["cache-candidates", "--exclude", "diamond-b"])).result();
    assert!(
        text.contains("builds left out: 1 requested, 1 excluded"),
        "{text}"
    );
}

#[test]
fn what_cannot_be_asked() {
    let refused = |args: &[&str]| nixlog(&diamond(args)).refused();
    assert_snapshot!(refused(&["what-if"]));
    assert_snapshot!(refused(&["what-if", "--cached", "diamnd-b"]));
    assert_snapshot!(refused(&["what-if", "--remove", "[b"]));
    assert_snapshot!(refused(&["what-if", "--skip-phase", "chekPhase"]));
    assert_snapshot!(refused(&["what-if", "--speedup", "diamond-b=0"]));
    assert_snapshot!(refused(&["what-if", "--substitution-bandwidth", "fast"]));
    let downloaded = nixlog(&slow(&["what-if", "--cached", "isl"])).refused();
    assert_snapshot!(downloaded);
    assert_snapshot!(refused(&[
        "what-if",
        "--suggest-cached",
        "2",
        "--max-jobs",
        "8"
    ]));
    assert_snapshot!(refused(&["parallelism", "--max-jobs", "0"]));
}

/// The first line of what each verb says where it cannot tell; JSON has `null` then.
#[test]
fn what_cannot_be_told_is_said_plainly() {
    let folder = folder();
    let untimed = file(&folder, "untimed.log", &unstamped(DIAMOND));
    let evaluated = file(
        &folder,
        "evaluated.log",
        b"0 @nix {\"action\":\"start\",\"id\":1,\"level\":4,\"parent\":0,\"text\":\"evaluating\",\"type\":0}\n\
          900000000 @nix {\"action\":\"stop\",\"id\":1}\n",
    );
    let mut said = Vec::new();
    for (what, args) in [
        ("no derivations", vec![DIAMOND]),
        (
            "no timestamps",
            vec![&*untimed, "--derivations", DIAMOND_DRVS],
        ),
        ("neither", vec![&*untimed]),
        ("nothing built", vec![&*evaluated]),
    ] {
        for verb in VERBS {
            let args = [verb, &args[..], &["--no-store"]].concat();
            let printed = run(command(&args).env_remove("COLUMNS")).result();
            let first = printed.lines().next().unwrap_or_default();
            said.push(format!("{what}, {}: {first}", verb[0]));
            let result = result(&args);
            if what == "no derivations" {
                for name in ["span_ns", "predicted_ns", "saving_ns", "idle_ns"] {
                    assert!(result[name].is_null(), "{args:?}: {name}");
                }
            } else if what != "nothing built" {
                without_times("", &result);
            }
        }
    }
    assert_snapshot!(said.join("\n"));
}
