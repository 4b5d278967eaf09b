//! The hot way through costs no allocation, and hot types stay small.

use std::fmt::Debug;

use nixlog_core::ids::ActivityId;
use nixlog_core::json_str::JsonStr;
use nixlog_core::time::{Interval, Nanos, Stamp};
use nixlog_core::timeline::live::Live;
use nixlog_core::timeline::{Stretch, TimelineBuilder};
use nixlog_core::wire::event::{Event, Field, Fields, Message, Progress, Start};
use nixlog_core::wire::{Body, Carrier, Line, LogReader, ParseError};

use crate::recordings::{corpus, recording};

/// What is handed around by the million: without a destructor, on any thread, printable.
const fn hot<T: Copy + Debug + Send + Sync>(at_most: usize) {
    assert!(size_of::<T>() <= at_most);
}

// Held when this compiles.
const _: () = {
    hot::<Event<'_>>(128);
    hot::<Body<'_>>(128);
    hot::<Line<'_>>(192);
    hot::<Start<'_>>(104);
    hot::<Message<'_>>(128);
    hot::<Progress>(40);
    hot::<Fields<'_>>(16);
    hot::<Field<'_>>(24);
    hot::<JsonStr<'_>>(16);
    hot::<ParseError>(1);
    hot::<ActivityId>(8);
    hot::<Stamp>(8);
    hot::<Nanos>(8);
    hot::<Interval>(16);
    hot::<Stretch>(24);
};

/// What moves between threads: one reads, another scans.
const fn sendable<T: Send>() {}

const _: () = {
    sendable::<LogReader>();
    sendable::<TimelineBuilder>();
    sendable::<Live>();
};

/// Counts the allocations of reading a block with a reader that has read it once before.
fn allocations(reader: &mut LogReader, block: &[u8]) -> u64 {
    let events = |reader: &mut LogReader| {
        let lines = reader.block(block, None);
        lines
            .filter(|line| matches!(line.body, Body::Event(_)))
            .count()
    };
    let n_events = events(reader);
    assert!(n_events > 10, "a block of {n_events} events shows nothing");
    allocation_counter::measure(|| assert_eq!(events(reader), n_events)).count_total
}

#[test]
fn events_cost_no_allocation() {
    for recording in corpus() {
        if recording.name.contains("human") || recording.name.contains("log-path-file") {
            continue;
        }
        let bytes = recording.bytes();
        let mut reader = LogReader::new(Some(Carrier::Nanos));
        assert_eq!(allocations(&mut reader, &bytes), 0, "{}", recording.name);
    }
}

#[test]
fn records_in_another_shape_cost_no_allocation() {
    let bytes = recording("2.26.3-ifd-ifd-v").bytes();
    let text = String::from_utf8(bytes).expect("this one is UTF-8");
    let spaced = text.replace("@nix {\"action\":", "@nix { \"action\" : ");
    assert_ne!(spaced, text);
    let mut reader = LogReader::new(Some(Carrier::Nanos));
    assert_eq!(allocations(&mut reader, spaced.as_bytes()), 0);
}

#[test]
fn looking_into_fields_costs_no_allocation() {
    let bytes = recording("2.34.8-subst-subst-slow").bytes();
    let text = std::str::from_utf8(&bytes).expect("this one is UTF-8");
    let payload: String = text
        .lines()
        .map(|line| line.split_once(' ').map_or("", |(_, record)| record))
        .map(|record| format!("{record}\n"))
        .collect();
    let counted = allocation_counter::measure(|| {
        let mut n_fields = 0;
        for line in nixlog_core::wire::scan(&payload) {
            match line.body {
                Body::Event(Event::Start(start)) => n_fields += start.fields.iter().count(),
                Body::Event(Event::Result(result)) => n_fields += result.fields.iter().count(),
                _ => {}
            }
        }
        assert!(n_fields > 1000);
    });
    assert_eq!(counted.count_total, 0);
}

/// Memory grows with the activities, never with the length of the log.
#[test]
fn progress_and_log_lines_leave_nothing_behind() {
    let start = concat!(
        r#"@nix {"action":"start","fields":["/nix/store/7ajh8plhm64ypnph30js1a3lq6zsyxqr-a.drv","",1,1],"id":1,"level":3,"parent":0,"text":"","type":105}"#,
        "\n",
        r#"@nix {"action":"start","id":2,"level":0,"parent":0,"text":"","type":104}"#,
        "\n",
    );
    let more = (0..1000).map(|done| {
        [
            format!(r#"@nix {{"action":"result","fields":["line {done}"],"id":1,"type":101}}"#),
            format!(r#"@nix {{"action":"result","fields":[0,{done},1,0],"id":2,"type":105}}"#),
            r#"@nix {"action":"result","fields":[101,5000],"id":2,"type":106}"#.to_owned(),
        ]
        .join("\n")
    });
    let more = more.collect::<Vec<_>>().join("\n");
    let mut builder = TimelineBuilder::default();
    for line in nixlog_core::wire::scan(start) {
        builder.push(&line);
    }
    let mut fold = |text: &str| {
        for line in nixlog_core::wire::scan(text) {
            builder.push(&line);
        }
    };
    fold(&more);
    let counted = allocation_counter::measure(|| {
        for _ in 0..10 {
            fold(&more);
        }
    });
    assert_eq!((counted.count_total, counted.bytes_current), (0, 0));
}

/// The same of what is seen while a build runs, once the last lines that it keeps are full; and its
/// memory does not even grow with the activities.
#[test]
fn watching_leaves_nothing_behind() {
    let build = |id: u64| {
        let line = |n: u64| {
            format!(r#"@nix {{"action":"result","fields":["line {n:9}"],"id":{id},"type":101}}"#)
        };
        let lines = (0..100).map(line).collect::<Vec<_>>().join("\n");
        let progress = r#"@nix {"action":"result","fields":[0,9,1,0],"id":2,"type":105}"#;
        let start = format!(
            r#"@nix {{"action":"start","fields":["/nix/store/7ajh8plhm64ypnph30js1a3lq6zsyxqr-{id:9}.drv","",1,1],"id":{id},"level":3,"parent":0,"text":"","type":105}}"#
        );
        [start, lines, progress.to_owned()].join("\n")
    };
    let mut live = Live::default();
    let mut follow = |text: &str| {
        for line in nixlog_core::wire::scan(text) {
            live.push(&line);
        }
    };
    follow(r#"@nix {"action":"start","id":2,"level":0,"parent":0,"text":"","type":104}"#);
    let build_and_stop = |id| format!("{}\n@nix {{\"action\":\"stop\",\"id\":{id}}}\n", build(id));
    follow(&build_and_stop(3));
    let more = build_and_stop(4);
    let more: Vec<_> = (0..1000)
        .map(|id| more.replace("\"id\":4", &format!("\"id\":{}", id + 5)))
        .collect();
    let counted = allocation_counter::measure(|| more.iter().for_each(|build| follow(build)));
    assert!(counted.bytes_current < 1000, "{counted:?}");
    assert!(counted.bytes_max < 10_000, "{counted:?}");
    let lines = build(2000);
    let (start, lines) = lines.split_once('\n').expect("several lines");
    follow(start);
    (0..9).for_each(|_| follow(lines));
    let counted = allocation_counter::measure(|| follow(lines));
    assert_eq!((counted.count_total, counted.bytes_current), (0, 0));
}

/// A counter that sees nothing would make all of the above hold.
#[test]
fn an_allocation_is_counted() {
    let counted = allocation_counter::measure(|| drop(std::hint::black_box(Box::new(1))));
    assert_eq!(counted.count_total, 1);
}
