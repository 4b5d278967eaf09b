//! Logs as CI systems, containers and deploy tools hand them on.

use nixlog_core::time::Stamp;
use nixlog_core::timeline::{Outcome, Timeline, TimelineBuilder, Unit, UnitKind};
use nixlog_core::wire::LogReader;
use nixlog_core::wire::carrier::IssueKind;

const S: u64 = 1_000_000_000;
const TOOL: &str = "/nix/store/x8l5i34yws4jm9vi6nj1791xr3rjqr3g-tool-1.0.drv";

/// Reads a log whatever it is wrapped in.
fn read(log: &str) -> (Timeline, LogReader) {
    let mut reader = LogReader::new(None);
    let mut builder = TimelineBuilder::default();
    for line in reader.block(log.as_bytes(), None) {
        builder.push(&line);
    }
    for line in reader.finish() {
        builder.push(&line);
    }
    (builder.finish(), reader)
}

/// Puts a stamp of GitHub's before each line, so many seconds after 15:00.
fn github(lines: &[(u64, &str)]) -> String {
    let stamp = |at: u64| format!("2025-03-17T15:{:02}:{:02}.0000000Z", at / 60, at % 60);
    let lines = lines.iter();
    lines
        .map(|(at, line)| format!("{} {line}\n", stamp(*at)))
        .collect()
}

fn seconds(stamp: Option<Stamp>) -> Option<u64> {
    stamp.map(|stamp| stamp.as_nanos() / S)
}

fn unit(timeline: &Timeline, kind: UnitKind) -> &Unit {
    let mut units = timeline.units().iter();
    units.find(|unit| unit.kind == kind).expect("it is there")
}

/// Ten minutes of another step are neither a build nor evaluation.
#[test]
fn what_runs_in_a_step_ends_with_it() {
    let building = format!("building '{TOOL}'...");
    let event = format!(
        r#"@nix {{"action":"start","fields":["{TOOL}","",1,1],"id":10,"level":3,"parent":0,"text":"","type":105}}"#
    );
    let plain = ["this derivation will be built:", building.as_str()];
    let call = r#"@nix {"action":"start","id":1,"level":0,"parent":0,"text":"","type":102}"#;
    for (begins, ends) in [
        (
            "##[group]Run nix build",
            "##[group]Run actions/upload-artifact@v4",
        ),
        (
            "##[group]Run nix build",
            "##[error]Process completed with exit code 1.",
        ),
        ("##[group]Run nix build", "Post job cleanup."),
        ("##[section]Starting: Build", "##[section]Finishing: Build"),
        ("[Pipeline] sh", "[Pipeline] }"),
    ] {
        for nix in [plain, [call, event.as_str()]] {
            let log = github(&[
                (0, "##[group]Run actions/checkout@v4"),
                (60, begins),
                (70, nix[0]),
                (71, nix[1]),
                (100, ends),
                (400, "[Pipeline] echo"),
                (700, "Done."),
            ]);
            let (timeline, _) = read(&log);
            let wall = timeline.wall().expect("there are stamps");
            assert_eq!(wall.end().as_nanos(), 100 * S, "{ends}");
            let seconds = |stamp: Stamp| stamp.as_nanos() / S;
            let stretches = |unit: &Unit| {
                let stretches = unit.stretches.iter();
                let all = stretches
                    .map(|one| (seconds(one.interval.start()), seconds(one.interval.end())));
                all.collect::<Vec<_>>()
            };
            let build = unit(&timeline, UnitKind::Build);
            // Plain lines tell by when it had ended at the latest, events when it was cut off.
            match build.end_at_most {
                Some(bound) => assert_eq!(seconds(bound), 100, "{ends}"),
                None => assert_eq!(stretches(build), [(71, 100)], "{ends}"),
            }
            let evaluation = unit(&timeline, UnitKind::Evaluation);
            assert_eq!(stretches(evaluation), [(60, 70)], "{ends}");
        }
    }
}

#[test]
fn steps_one_after_the_other_are_kept_apart() {
    let event = |id: u64, name: &str| {
        format!(
            r#"@nix {{"action":"start","fields":["/nix/store/x8l5i34yws4jm9vi6nj1791xr3rjqr3g-{name}.drv","",1,1],"id":{id},"level":3,"parent":0,"text":"","type":105}}"#
        )
    };
    let log = github(&[
        (0, "##[group]Run nix build .#a"),
        (10, &event(10, "a")),
        (30, "##[error]Process completed with exit code 143."),
        (31, "##[group]Run nix build .#b"),
        (40, &event(20, "b")),
        (50, r#"@nix {"action":"stop","id":20}"#),
        (55, "/nix/store/7ajh8plhm64ypnph30js1a3lq6zsyxqr-b"),
    ]);
    let (timeline, _) = read(&log);
    let builds = timeline.units().iter();
    let builds = builds.filter(|unit| unit.kind == UnitKind::Build);
    let ends: Vec<_> = builds
        .map(|unit| (seconds(unit.start), seconds(unit.end)))
        .collect();
    assert_eq!(ends, [(Some(10), Some(30)), (Some(40), Some(50))]);
    assert_eq!(
        timeline.wall().map(|wall| wall.end().as_nanos()),
        Some(55 * S)
    );
}

#[test]
fn a_job_that_was_cancelled_is_no_complete_log() {
    for said in [
        "##[error]The operation was canceled.",
        "##[error]The job running on runner GitHub Actions 2 has exceeded the maximum execution time of 360 minutes.",
        "##[error]The action 'Build' has timed out after 5 minutes.",
        "##[error]The runner has received a shutdown signal. This can happen when the runner service is stopped.",
        "ERROR: Job failed: canceled",
        "ERROR: Job failed: execution took longer than 1h0m0s seconds",
        "Sending interrupt signal to process",
        "Aborted by me",
    ] {
        let building = format!("building '{TOOL}'...");
        let log = github(&[
            (0, "+ nix build"),
            (1, &building),
            (60, said),
            (61, "Post job cleanup."),
        ]);
        let (timeline, _) = read(&log);
        assert!(timeline.is_interrupted(), "{said}");
    }
    let (timeline, _) = read(&github(&[
        (0, "The operation was canceled."),
        (1, "building"),
    ]));
    assert!(!timeline.is_interrupted());
}

/// Names of the builds, in the order in which they start, with when they did.
fn builds(timeline: &Timeline) -> Vec<(&str, Option<u64>)> {
    let units = timeline.units().iter();
    let builds = units.filter(|unit| unit.kind.is_derivation());
    let name = |unit: &Unit| nixlog_core::store_path::name_of(timeline.name(unit.subject));
    builds
        .map(|unit| (name(unit), seconds(unit.start)))
        .collect()
}

const PLAIN: [(u64, &str); 6] = [
    (6, "these 2 derivations will be built:"),
    (
        6,
        "  /nix/store/2r92n2zfwywjrahb1p8zhkypdj1rhzfd-deps-1.0.drv",
    ),
    (
        6,
        "  /nix/store/3r92n2zfwywjrahb1p8zhkypdj1rhzfd-app-1.0.drv",
    ),
    (
        7,
        "building '/nix/store/2r92n2zfwywjrahb1p8zhkypdj1rhzfd-deps-1.0.drv'...",
    ),
    (
        47,
        "building '/nix/store/3r92n2zfwywjrahb1p8zhkypdj1rhzfd-app-1.0.drv'...",
    ),
    (
        99,
        "error: builder for '/nix/store/3r92n2zfwywjrahb1p8zhkypdj1rhzfd-app-1.0.drv' failed with exit code 101;",
    ),
];

/// One log in every wrapping of text: the carriers that are found, and the times.
#[test]
fn carriers_inside_of_carriers() {
    let hms = |at: u64| format!("{:02}:{:02}", 10 + at / 60, at % 60);
    type Wrap<'a> = &'a dyn Fn(u64, &str) -> String;
    let buildkit = |at: u64, line: &str| format!("#11 {at}.00 {line}");
    let github = |at: u64, line: &str| format!("2025-03-17T15:{}.0000000Z {line}", hms(at));
    let wraps: [(&str, Wrap<'_>); 15] = [
        ("buildkit", &buildkit),
        ("seconds", &|at, line| format!("{at}.00 {line}")),
        ("github-actions", &github),
        ("github-actions+buildkit", &|at, line| {
            github(at, &buildkit(at, line))
        }),
        ("github-actions+buildkit", &|at, line| {
            github(at, &buildkit(at, &format!("\u{1b}[36;1m{line}\u{1b}[0m")))
        }),
        ("github-actions+buildkit", &|at, line| {
            github(at, &format!("\u{1b}[34m{}\u{1b}[0m", buildkit(at, line)))
        }),
        ("github-actions+names", &|at, line| {
            github(at, &format!("alpha | {line}"))
        }),
        ("github-actions+docker-logs+buildkit", &|at, line| {
            let inner = format!("2025-03-17T15:{}Z {}", hms(at), buildkit(at, line));
            github(at, &format!("web-1  | {inner}"))
        }),
        ("date-time+buildkit", &|at, line| {
            format!("2025-Jan-13 15:{}.700143 {}", hms(at), buildkit(at, line))
        }),
        ("line-above+buildkit", &|at, line| {
            format!("2025-Jan-13 15:{}.700143\n{}", hms(at), buildkit(at, line))
        }),
        ("teamcity", &|at, line| {
            format!("[15:{}]W:\t [Step 1/2] {line}", hms(at))
        }),
        ("date-time", &|at, line| {
            format!("Mon Jan 13 15:{} UTC 2025 {line}", hms(at))
        }),
        ("time-of-day+names", &|at, line| {
            format!("15:{} web.1  | {line}", hms(at))
        }),
        ("ts", &|at, line| format!("janv. 13 15:{} {line}", hms(at))),
        ("journald-short", &|at, line| {
            format!(" 7月 13 15:{} host nix[12]: {line}", hms(at))
        }),
    ];
    for (want, wrap) in wraps {
        let mut lines = vec![wrap(0, "warning: Git tree '/src' is dirty")];
        lines.extend(PLAIN.map(|(at, line)| wrap(at, line)));
        let log = lines.join("\n");
        let (timeline, reader) = read(&log);
        assert_eq!(reader.carriers(), want, "{log}");
        let found = [("deps-1.0", Some(7)), ("app-1.0", Some(47))];
        assert_eq!(builds(&timeline), found, "{log}");
        let wall = timeline.wall().map(|wall| wall.end().as_nanos() / S);
        assert_eq!(wall, Some(99), "{log}");
        let failed = timeline.units().iter();
        let failed = failed.filter(|unit| unit.outcome == Outcome::Failed);
        assert_eq!(failed.count(), 1, "{log}");
    }
}

#[test]
fn journals_of_every_language() {
    for month in [
        "Nov",
        "nov.",
        "listopadu",
        "ноя",
        "11月",
        "11월",
        "Thg 11",
        "نوفمبر",
        "Νοε",
        "kasım",
    ] {
        let lines = [(0, "starting"), (38, PLAIN[3].1), (98, PLAIN[4].1)];
        let lines = lines.map(|(at, line)| {
            format!(
                "{month} 07 04:{:02}:{:02} host nix[42]: {line}",
                43 + at / 60,
                at % 60
            )
        });
        let (timeline, reader) = read(&lines.join("\n"));
        assert_eq!(reader.carriers(), "journald-short", "{month}");
        let starts: Vec<_> = builds(&timeline).iter().map(|build| build.1).collect();
        assert_eq!(starts, [Some(38), Some(98)], "{month}");
    }
}

/// What two hosts say at once is not read into one another.
#[test]
fn hosts_are_told_apart_by_their_names() {
    let drv = |host: &str| {
        format!(
            "/nix/store/{}r92n2zfwywjrahb1p8zhkypdj1rhzfd-sys-{host}.drv",
            host.len()
        )
    };
    let (alpha, beta) = (drv("alpha"), drv("beta"));
    for (a, b) in [
        ("alpha | ", "beta  | "),
        ("[alpha] ", "[beta] "),
        ("alpha> ", "beta> "),
        ("\u{1b}[36malpha | \u{1b}[0m", "\u{1b}[33mbeta  | \u{1b}[0m"),
        ("alpha: ", "beta: "),
    ] {
        let log = [
            "[INFO ] Selected all 2 nodes.".to_owned(),
            format!("{a}this derivation will be built:"),
            format!("{b}this derivation will be built:"),
            format!("{a}  {alpha}"),
            format!("{b}  {beta}"),
            format!("{a}building '{alpha}'..."),
            format!("{b}building '{beta}'..."),
            format!("{b}error: builder for '{beta}' failed with exit code 3;"),
            format!("{a}Linking"),
            format!("{b}       last 1 log lines:"),
            format!("{b}       > boom"),
            format!("{a}Linked"),
        ]
        .join("\n");
        let (timeline, reader) = read(&log);
        assert_eq!(reader.carriers(), "names", "{log}");
        let units = timeline
            .units()
            .iter()
            .filter(|unit| unit.kind.is_derivation());
        let outcomes: Vec<_> = units.map(|unit| unit.outcome).collect();
        assert_eq!(outcomes, [Outcome::Unknown, Outcome::Failed], "{log}");
        let failed = timeline
            .units()
            .iter()
            .find(|unit| unit.outcome == Outcome::Failed);
        let reason = failed.and_then(|unit| unit.reason.as_deref());
        assert_eq!(reason.and_then(|reason| reason.exit_code), Some(3), "{log}");
        let codes: Vec<_> = timeline
            .issues()
            .iter()
            .map(|issue| (issue.code.name(), issue.count))
            .collect();
        assert!(codes.contains(&("several-logs", 2)), "{codes:?}");
        assert_eq!(reader.carrier_issues()[0].kind, IssueKind::Unnamed);
    }
}

/// Process numbers recur on other hosts.
#[test]
fn records_of_two_hosts_are_kept_apart() {
    let start = |name: &str| {
        format!(
            r#"@nix {{"action":"start","fields":["/nix/store/x8l5i34yws4jm9vi6nj1791xr3rjqr3g-{name}.drv","",1,1],"id":10,"level":3,"parent":0,"text":"","type":105}}"#
        )
    };
    let stop = r#"@nix {"action":"stop","id":10}"#;
    let stamped = |host: &str, at: u64, line: &str| {
        format!("{host}  | 2025-03-17T15:00:{at:02}.000000000Z {line}\n")
    };
    let log = [
        stamped("alpha", 0, &start("a")),
        stamped("beta", 5, &start("b")),
        stamped("alpha", 10, stop),
        stamped("beta", 20, stop),
    ]
    .concat();
    let (timeline, _) = read(&log);
    let builds = timeline.units().iter();
    let builds = builds.filter(|unit| unit.kind == UnitKind::Build);
    let times: Vec<_> = builds
        .map(|unit| (seconds(unit.start), seconds(unit.end)))
        .collect();
    assert_eq!(times, [(Some(0), Some(10)), (Some(5), Some(20))]);
}

/// `gh run view --log` prints one job after the other, though they ran side by side.
#[test]
fn jobs_of_one_run_are_put_side_by_side() {
    let job = |name: &str, lines: &[(u64, &str)]| {
        let lines = github(lines);
        let lines = lines
            .lines()
            .map(|line| format!("build ({name})\tBuild\t{line}\n"));
        lines.collect::<String>()
    };
    let log = job(
        "linux",
        &[
            (0, "##[group]Run nix build"),
            (4, PLAIN[3].1),
            (600, "/nix/store/iaddlmk85rsykjpx54glm9vnzh66ixbw-deps-1.0"),
        ],
    ) + &job(
        "macos",
        &[
            (5, "##[group]Run nix build"),
            (9, PLAIN[4].1),
            (305, PLAIN[5].1),
            (305, "##[error]Process completed with exit code 1."),
        ],
    );
    let (timeline, reader) = read(&log);
    assert_eq!(reader.carriers(), "github-cli");
    assert_eq!(
        builds(&timeline),
        [("deps-1.0", Some(4)), ("app-1.0", Some(9))]
    );
    assert_eq!(
        timeline.wall().map(|wall| wall.end().as_nanos()),
        Some(600 * S)
    );
    assert!(reader.clock_issues().backward.count == 0);
}

/// A build says many things; its lines are not taken for a carrier's.
#[test]
fn what_builders_print_is_no_carrier() {
    for log in [
        format!("{}\nmachine: {}\nserver | ready\n", PLAIN[3].1, PLAIN[4].1),
        format!("deps> {}\ndeps> make: *** Error\n", PLAIN[3].1),
        format!("{}\n#11 0.1 x\n#11 0.2 y\n", PLAIN[3].1),
        "Test 10 12:00:01 passed\nok\nok\n".to_owned(),
        "[1/5] CC\n[2/5] LD\n".to_owned(),
    ] {
        let (_, reader) = read(&log);
        assert_eq!(reader.carriers(), "none", "{log}");
    }
}

/// A step of `BuildKit` ends with its own words, whatever runs in others meanwhile and after.
#[test]
fn steps_of_buildkit_are_kept_apart() {
    let log = format!(
        "#5 [internal] load\n#5 DONE 0.0s\n#11 [build 3/5] RUN nix build\n#11 1.000 {}\n#11 7.000 {}\n\
         #12 [web 1/2] RUN sleep\n#12 5.000 x\n#12 DONE 6.0s\n#11 60.00 /nix/store/iaddlmk85rsykjpx54glm9vnzh66ixbw-deps-1.0\n\
         #11 DONE 60.5s\n#13 [build 4/5] RUN test\n#13 600.0 y\n#13 DONE 601.0s\n",
        PLAIN[0].1, PLAIN[3].1
    );
    let (timeline, reader) = read(&log);
    assert_eq!(reader.carriers(), "buildkit");
    assert_eq!(builds(&timeline), [("deps-1.0", Some(7))]);
    assert_eq!(
        timeline
            .wall()
            .map(|wall| wall.end().as_nanos() / 1_000_000),
        Some(60_500)
    );
    let build = unit(&timeline, UnitKind::Build);
    let bound = build.end_at_most.map(|bound| bound.as_nanos() / 1_000_000);
    assert_eq!(bound, Some(60_500));
}
