//! Logs as CI systems, containers and deploy tools hand them on.

use nixlog_core::time::Stamp;
use nixlog_core::timeline::{Timeline, TimelineBuilder, Unit, UnitKind};
use nixlog_core::wire::LogReader;

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
            let stretches = |unit: &Unit| {
                let stretches = unit.stretches.iter();
                let seconds = |stamp: Stamp| stamp.as_nanos() / S;
                let all = stretches
                    .map(|one| (seconds(one.interval.start()), seconds(one.interval.end())));
                all.collect::<Vec<_>>()
            };
            let build = unit(&timeline, UnitKind::Build);
            assert_eq!(stretches(build), [(71, 100)], "{ends}");
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
