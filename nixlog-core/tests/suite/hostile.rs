//! Logs that somebody makes to keep a reader busy: what they cost grows with what is in them, not with
//! its square. The sizes are such that a square would take minutes, and nothing here looks at a clock.

use std::fmt::Write as _;

use nixlog_core::analysis::structural::{structural, without_builder_phases};
use nixlog_core::log::{Explained, read};
use nixlog_core::timeline::Part;

/// Writes down what happens at each second.
fn explained(happens: impl Iterator<Item = String>) -> Explained {
    let mut log = String::new();
    for (second, what) in (1..).zip(happens) {
        for line in what.lines() {
            writeln!(log, "{second}000000000 @nix {line}").expect("a String takes any text");
        }
    }
    read(log.as_bytes()).explain()
}

fn start(id: usize, kind: u32, text: &str, field: &str) -> String {
    format!(
        r#"{{"action":"start","fields":["{field}","",1,1],"id":{id},"level":3,"parent":0,"text":"{text}","type":{kind}}}"#
    )
}

fn stop(id: usize) -> String {
    format!(r#"{{"action":"stop","id":{id}}}"#)
}

fn path(number: usize, suffix: &str) -> String {
    format!("/nix/store/{number:032}-app-{number}{suffix}")
}

#[test]
fn waits_are_looked_up() {
    const N: usize = 40_000;
    // Each waits for a second and runs for another, one after the other.
    let log = explained((0..=2 * N).map(|second| {
        let (number, id) = (second / 2, 10 + second);
        let before = second.checked_sub(1).map(|_| stop(id - 1));
        let before = before.unwrap_or_default();
        let next = match second {
            last if last == 2 * N => String::new(),
            even if even % 2 == 0 => {
                let text = format!("waiting for lock on '{}'", path(number, ""));
                start(id, 0, &text, "")
            }
            _ => start(id, 105, "", &path(number, ".drv")),
        };
        format!("{before}\n{next}")
    }));
    assert_eq!(log.timeline.fillers().len(), N);
    let wall = log.timeline.wall().expect("stamps");
    let units = 0..log.timeline.units().len();
    let holds = units.flat_map(|unit| log.run.holds(unit, wall));
    assert_eq!(holds.filter(|&(_, part)| part == Part::Lock).count(), N);
}

#[test]
fn waits_for_what_is_built_again_and_again_are_looked_up() {
    const N: usize = 40_000;
    let drv = path(0, ".drv");
    let log = explained((0..=2 * N).map(|second| {
        let id = 10 + second;
        let before = second.checked_sub(1).map(|_| stop(id - 1));
        let before = before.unwrap_or_default();
        let next = match second {
            last if last == 2 * N => String::new(),
            even if even % 2 == 0 => start(
                id,
                0,
                &format!("waiting for a machine to build '{drv}'"),
                "",
            ),
            _ => start(id, 105, "", &drv),
        };
        format!("{before}\n{next}")
    }));
    let waits = log
        .path
        .segments
        .iter()
        .filter(|segment| segment.part == Part::Machine);
    assert_eq!(waits.count(), N);
}

#[test]
fn builder_phases_are_summed_once() {
    const N: usize = 100_000;
    let log = explained((0..=N).map(|second| match second {
        0 => start(10, 105, "", &path(0, ".drv")),
        last if last == N => stop(10),
        phase => {
            format!(r#"{{"action":"result","fields":["phase{phase}"],"id":10,"type":104}}"#)
        }
    }));
    let structural = structural(&log.run);
    let without = without_builder_phases(&log.timeline, &log.run, &structural);
    assert_eq!(without.len(), N - 1);
    assert!(without.iter().all(|it| it.saving.get() == 1_000_000_000));
    assert_eq!(log.path.by_builder_phase(&log.timeline).len(), N - 1);
}
