//! What a log alone tells about dependencies, on logs that are made up.

use nixlog_core::analysis::implied_graph::implied_graph;
use nixlog_core::timeline::{Timeline, TimelineBuilder};
use nixlog_core::wire::LogReader;

/// Builds with their starts and ends in seconds, in a plan of this order.
fn log(builds: &[(char, u64, u64)], plan: &str) -> Timeline {
    let path = |c: char| format!("/nix/store/{}-{c}.drv", c.to_string().repeat(32));
    let mut events = vec![(
        0,
        format!(
            r#"{{"action":"msg","level":3,"msg":"these {} derivations will be built:"}}"#,
            plan.len()
        ),
    )];
    for c in plan.chars() {
        let line = format!(r#"{{"action":"msg","level":3,"msg":"  {}"}}"#, path(c));
        events.push((0, line));
    }
    for (id, &(c, start, end)) in (1..).zip(builds) {
        events.push((start, format!(
            r#"{{"action":"start","fields":["{}","",1,1],"id":{id},"level":3,"parent":0,"text":"building","type":105}}"#,
            path(c)
        )));
        events.push((end, format!(r#"{{"action":"stop","id":{id}}}"#)));
    }
    events.sort_by_key(|&(time, _)| time);
    let lines = events
        .iter()
        .map(|(time, event)| format!("{time}.0 @nix {event}\n"));
    let log: String = lines.collect();
    let mut reader = LogReader::new(None);
    let mut builder = TimelineBuilder::default();
    for line in reader.block(log.as_bytes(), None) {
        builder.push(&line);
    }
    for line in reader.finish() {
        builder.push(&line);
    }
    builder.finish()
}

#[test]
fn time_and_plan_rule_out() {
    let builds = [('d', 1, 2), ('b', 2, 4), ('c', 3, 5), ('a', 6, 7)];
    let timeline = log(&builds, "dbca");
    let implied = implied_graph(&timeline);
    assert_eq!((implied.builds, implied.pairs), (4, 12));
    // Possible by time: b, c on d; a on all.
    assert_eq!(implied.excluded_by_time, 7);
    assert_eq!(implied.excluded_by_plan, 0);
    assert!(implied.is_excluded(0, 1) && !implied.is_excluded(1, 0));
    let count = |dependent, dependency| {
        implied
            .proven
            .iter()
            .filter(|proof| (proof.dependent, proof.dependency) == (dependent, dependency))
            .count()
    };
    assert_eq!(count(3, 2), 1);
    assert_eq!(implied.open(), 12 - 7 - implied.proven.len() as u64);
}

#[test]
fn a_plan_that_contradicts_the_times_counts_for_nothing() {
    // By the plan, a needs b; but b was still running when a started.
    let implied = implied_graph(&log(&[('a', 1, 2), ('b', 1, 9)], "ba"));
    assert_eq!((implied.proven.len(), implied.excluded_by_plan), (0, 0));
    assert_eq!(implied.excluded_by_time, 2);
    let implied = implied_graph(&log(&[('b', 1, 2), ('a', 3, 4)], "ab"));
    assert_eq!((implied.excluded_by_time, implied.excluded_by_plan), (1, 1));
    assert_eq!(implied.open(), 0);
}

#[test]
fn a_build_that_was_not_planned_rules_out_nothing() {
    let implied = implied_graph(&log(&[('a', 1, 2), ('b', 1, 9)], "a"));
    // That b needs a is ruled out; that a needs b is not, since b was there before.
    assert_eq!((implied.excluded_by_time, implied.open()), (1, 1));
}
