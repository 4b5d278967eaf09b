//! Costs and trees against a twin that adds up each stack by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use proptest::prelude::*;

use super::tree::{CallTree, Tree};
use super::*;

/// Frames with the key of each kind, by hand. A module's key in brackets counts only below the module system.
const FRAMES: &[[&str; 6]] = &[
    // frame, function, file, input, module, derivation
    ["/n/pkgs/a.nix:1:2:f", "f", "/n/pkgs/a.nix", "/n", "", ""],
    ["/n/pkgs/a.nix:1:9:f", "f", "/n/pkgs/a.nix", "/n", "", ""],
    [
        "/n/lib/modules.nix:7:1:f",
        "f",
        "/n/lib/modules.nix",
        "/n",
        "",
        "",
    ],
    [
        "/n/nixos/modules/x y.nix:3:4",
        "/n/nixos/modules/x y.nix:3:4",
        "/n/nixos/modules/x y.nix",
        "/n",
        "/n/nixos/modules/x y.nix",
        "",
    ],
    [
        "/etc/nixos/c.nix:5:6:go",
        "go",
        "/etc/nixos/c.nix",
        "/etc/nixos",
        "(/etc/nixos/c.nix)",
        "",
    ],
    [
        "«github:o/r/1»/f.nix:2:2:functor",
        "«github:o/r/1»/f.nix:2:2:functor",
        "«github:o/r/1»/f.nix",
        "github:o/r/1",
        "(«github:o/r/1»/f.nix)",
        "",
    ],
    [
        "«nix-internal»/d.nix:37:12:primop derivationStrict:hello 1",
        "primop derivationStrict",
        "«nix-internal»/d.nix",
        "",
        "",
        "hello 1",
    ],
    [
        "«nix-internal»/d.nix:37:12:primop derivationStrict:dep",
        "primop derivationStrict",
        "«nix-internal»/d.nix",
        "",
        "",
        "dep",
    ],
    ["primop attrNames", "primop attrNames", "", "", "", ""],
    ["«none»:0", "", "", "", "", ""],
];

const BY: [By; 6] = [
    By::Frame,
    By::Function,
    By::File,
    By::Input,
    By::Module,
    By::Derivation,
];

/// Returns the keys of a stack, each frame's own or the nearest caller's.
fn keys(stack: &[usize], column: usize) -> Vec<String> {
    let mut keys: Vec<String> = Vec::new();
    for (at, &frame) in stack.iter().enumerate() {
        let own = FRAMES[frame][column];
        let by_module_system = at > 0 && FRAMES[stack[at - 1]][0].contains("/lib/modules.nix");
        let own = match own.strip_prefix('(') {
            Some(inner) if by_module_system => inner.trim_end_matches(')'),
            Some(_) => "",
            None => own,
        };
        let inherited = || keys.last().cloned().unwrap_or_default();
        let key = if own.is_empty() {
            inherited()
        } else {
            own.to_owned()
        };
        keys.push(key);
    }
    keys
}

/// Own and inclusive costs, and those by caller, of each key.
#[derive(Debug, Default, PartialEq)]
struct Naive {
    own: u64,
    inclusive: u64,
    callers: BTreeMap<String, u64>,
}

fn naive(stacks: &[(Vec<usize>, u64)], column: usize) -> BTreeMap<String, Naive> {
    let mut all: BTreeMap<String, Naive> = BTreeMap::new();
    for (stack, count) in stacks {
        let keys = keys(stack, column);
        all.entry(keys[keys.len() - 1].clone()).or_default().own += count;
        for key in keys.iter().collect::<BTreeSet<_>>() {
            let row = all.entry(key.clone()).or_default();
            row.inclusive += count;
            let first = keys
                .iter()
                .position(|other| other == key)
                .expect("it is there");
            let caller = first.checked_sub(1).map_or("", |above| &keys[above]);
            if *count > 0 {
                *row.callers.entry(caller.to_owned()).or_default() += count;
            }
        }
    }
    all.retain(|_, row| row.inclusive > 0);
    all
}

fn text(stacks: &[(Vec<usize>, u64)]) -> String {
    let line = |(stack, count): &(Vec<usize>, u64)| {
        let frames: Vec<&str> = stack.iter().map(|&frame| FRAMES[frame][0]).collect();
        format!("{} {count}\n", frames.join(";"))
    };
    stacks.iter().map(line).collect()
}

fn read<S: Sink>(kind: Kind, sink: S, text: &[u8], block: usize) -> S::Result {
    let mut reader = Reader::new(kind, sink);
    for block in text.chunks(block.max(1)) {
        reader.feed(block);
    }
    reader.finish()
}

fn costs(by: &[By], text: &str) -> Profile {
    read(
        Kind::of(text.as_bytes()),
        Costs::new(by, &NoNames),
        text.as_bytes(),
        usize::MAX,
    )
}

fn tree(by: By, text: &str) -> CallTree {
    read(
        Kind::of(text.as_bytes()),
        Tree::new(by, &NoNames),
        text.as_bytes(),
        usize::MAX,
    )
}

fn row<'p>(profile: &'p Profile, by: By, name: &str) -> &'p Row {
    let table = profile.table(by).expect("asked for");
    let row = table
        .rows
        .iter()
        .find(|row| row.name.as_deref() == Some(name));
    row.unwrap_or_else(|| panic!("no {name} in {:?}", table.rows))
}

fn stacks() -> impl Strategy<Value = Vec<(Vec<usize>, u64)>> {
    let stack = prop::collection::vec(0..FRAMES.len(), 1..8);
    prop::collection::vec((stack, 0..9_u64), 0..20)
}

proptest! {
    #[test]
    fn adds_up_what_a_naive_twin_does(stacks in stacks(), block in 1..400_usize) {
        let text = text(&stacks);
        let profile = read(Kind::Samples, Costs::new(&BY, &NoNames), text.as_bytes(), block);
        let total: u64 = stacks.iter().map(|(_, count)| count).sum();
        prop_assert_eq!(profile.total, total);
        prop_assert_eq!(profile.facts.stacks, stacks.len() as u64);
        prop_assert_eq!(profile.facts.bad_lines, 0);
        for (column, &by) in BY.iter().enumerate() {
            let table = profile.table(by).expect("asked for");
            let own: u64 = table.rows.iter().map(|row| row.own).sum();
            prop_assert_eq!(own, total);
            let name = |at: Option<usize>| at.and_then(|at| table.rows[at].name.clone()).unwrap_or_default();
            let mut found = BTreeMap::new();
            for row in table.rows.iter().filter(|row| row.inclusive > 0) {
                prop_assert!(row.own <= row.inclusive && row.inclusive <= total);
                let mut callers = BTreeMap::new();
                for caller in &row.callers {
                    *callers.entry(name(caller.row)).or_default() += caller.inclusive;
                }
                let (own, inclusive) = (row.own, row.inclusive);
                let row_name = row.name.clone().unwrap_or_default();
                found.insert(row_name, Naive { own, inclusive, callers });
            }
            let mut want = naive(&stacks, column);
            for row in want.values_mut().filter(|row| row.callers.len() > 8) {
                row.callers.clear();
            }
            for (name, row) in &mut found {
                if want.get(name).is_some_and(|want| want.callers.is_empty()) {
                    row.callers.clear();
                }
            }
            prop_assert_eq!(found, want, "{}", by.name());
        }
    }

    #[test]
    fn a_tree_has_each_stack_once(stacks in stacks(), most in 2..40_usize) {
        let text = text(&stacks);
        let total: u64 = stacks.iter().map(|(_, count)| count).sum();
        let mut want: BTreeMap<Vec<String>, u64> = BTreeMap::new();
        for (stack, count) in stacks.iter().filter(|(_, count)| *count > 0) {
            let path = stack.iter().map(|&frame| FRAMES[frame][0].to_owned()).collect();
            *want.entry(path).or_default() += count;
        }
        let whole = tree(By::Frame, &text);
        prop_assert_eq!(paths(&whole), want);
        prop_assert_eq!(whole.merged(), 0);
        let bounded = read(Kind::Samples, Tree::with_most(By::Frame, &NoNames, most), text.as_bytes(), 64);
        for tree in [bounded, whole.narrowed(most, 0.1)] {
            check(&tree, total);
            let moved: u64 = paths(&tree)
                .iter()
                .map(|(path, own)| own.saturating_sub(paths(&whole).get(path).copied().unwrap_or(0)))
                .sum();
            prop_assert!(moved <= tree.merged(), "{moved} of {}", tree.merged());
        }
        let narrow = whole.narrowed(most, 0.1);
        prop_assert!(narrow.calls.len() <= most);
        prop_assert!(narrow.calls.iter().skip(1).all(|call| call.inclusive as f64 >= 0.1 * total as f64));
    }

    #[test]
    fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..300), block in 1..50_usize) {
        for kind in [Kind::Samples, Kind::FunctionCalls] {
            let whole = read(kind, Costs::new(&BY, &NoNames), &bytes, usize::MAX);
            let cut = read(kind, Costs::new(&BY, &NoNames), &bytes, block);
            prop_assert_eq!(whole.total, cut.total);
            prop_assert_eq!(whole.facts, cut.facts);
        }
    }

    #[test]
    fn traced_calls_cost_what_a_naive_twin_says(steps in prop::collection::vec((0..4_usize, 0..3_u8, 0..50_u64), 0..60)) {
        // Each step waits, and then enters a function, leaves the innermost, or leaves one further out.
        let mut log = String::new();
        let mut stack: Vec<usize> = Vec::new();
        let mut now = 1_000;
        let mut want: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        let mut total = 0;
        for (frame, step, wait) in steps {
            if step > 0 && stack.is_empty() {
                continue;
            }
            if log.is_empty() {
                now += wait;
            } else {
                now += wait;
                total += wait;
                let names: Vec<String> = stack.iter().map(|&frame| FRAMES[frame][0].to_owned()).collect();
                want.entry(names.last().cloned().unwrap_or_default()).or_default().0 += wait;
                for name in names.iter().collect::<BTreeSet<_>>() {
                    want.entry(name.clone()).or_default().1 += wait;
                }
                if names.is_empty() {
                    want.entry(String::new()).or_default().1 += wait;
                }
            }
            let (what, frame) = match step {
                0 => ("entered", frame),
                1 => ("exited", stack[stack.len() - 1]),
                _ => ("exited", stack[frame % stack.len()]),
            };
            if step == 0 {
                stack.push(frame);
            } else {
                let innermost = stack.iter().rposition(|&other| other == frame).expect("on the stack");
                stack.truncate(innermost);
            }
            writeln!(log, "function-trace {what} {} at {now}", FRAMES[frame][0]).expect("a text takes all");
        }
        want.retain(|_, cost| cost.1 > 0);
        let profile = read(Kind::FunctionCalls, Costs::new(&[By::Frame], &NoNames), log.as_bytes(), 17);
        prop_assert_eq!(profile.total, total);
        prop_assert_eq!(profile.facts.bad_lines, 0);
        prop_assert_eq!(profile.facts.open, stack.len() as u64);
        let rows = profile.tables[0].rows.iter().filter(|row| row.inclusive > 0);
        let found: BTreeMap<String, (u64, u64)> = rows
            .map(|row| (row.name.clone().unwrap_or_default(), (row.own, row.inclusive)))
            .collect();
        prop_assert_eq!(found, want);
    }
}

/// Returns what was spent at the end of each path.
fn paths(tree: &CallTree) -> BTreeMap<Vec<String>, u64> {
    let mut path: Vec<String> = Vec::new();
    let mut paths = BTreeMap::new();
    for call in &tree.calls {
        path.truncate(call.depth.saturating_sub(1));
        if call.depth > 0 {
            path.push(tree.name(call).to_owned());
        }
        if call.own > 0 {
            let before = paths.insert(path.clone(), call.own);
            assert_eq!(before, None, "{path:?} is there twice");
        }
    }
    paths
}

/// Holds a tree to what every tree is.
fn check(tree: &CallTree, total: u64) {
    assert_eq!(tree.total(), total);
    assert!(tree.calls.iter().all(|call| call.merged <= call.own));
    assert_eq!(tree.calls.iter().map(|call| call.own).sum::<u64>(), total);
    for (at, call) in tree.calls.iter().enumerate() {
        let below = tree.calls[at + 1..].iter();
        let below = below.take_while(|other| other.depth > call.depth);
        let own: u64 = below.map(|call| call.own).sum();
        assert_eq!(call.inclusive, call.own + own);
    }
}

#[test]
fn the_same_stack_again_is_added() {
    let profile = costs(
        &[By::Function],
        "a.nix:1:1:f 1\na.nix:1:1:g 2\na.nix:1:1:f 4\r\n\n",
    );
    assert_eq!(row(&profile, By::Function, "f").own, 5);
    assert_eq!(
        (profile.total, profile.facts.stacks, profile.facts.bad_lines),
        (7, 3, 0)
    );
}

#[test]
fn bad_lines_cost_nothing_but_themselves() {
    let text =
        "a 1\nno count\n\na;b -1\n 5\na;b 99999999999999999999\na;b 2\nb x 18446744073709551615\nb";
    let profile = costs(&[By::Frame], text);
    assert_eq!(profile.total, 3);
    assert_eq!(row(&profile, By::Frame, "a").inclusive, 3);
    assert_eq!(
        (profile.facts.bad_lines, profile.facts.first_bad_line),
        (6, Some(2))
    );
    assert_eq!(profile.facts.lines, 9);
}

#[test]
fn a_line_without_end_is_passed_over() {
    let mut reader = Reader::new(Kind::Samples, Costs::new(&[By::Frame], &NoNames));
    reader.feed(b"a 1\n");
    for _ in 0..20 {
        reader.feed(&vec![b'x'; 1 << 20]);
    }
    reader.feed(b" 7\nb 2\n");
    let profile = reader.finish();
    assert_eq!(profile.total, 3);
    assert_eq!(
        (profile.facts.bad_lines, profile.facts.first_bad_line),
        (1, Some(2))
    );
}

#[test]
fn traced_calls_in_every_carrier() {
    let bare = "function-trace entered /a \\u00e4\"b.nix:1:2 at 100\nnoise\n\
                function-trace entered undefined position at 130\n\
                function-trace exited undefined position at 170\n\
                function-trace exited /a \\u00e4\"b.nix:1:2 at 200\n";
    let json = "5 @nix {\"action\":\"msg\",\"level\":3,\"msg\":\"function-trace entered /a \\\\u00e4\\\"b.nix:1:2 at 100\"}\n\
                @nix {\"action\":\"msg\",\"level\":3,\"msg\":\"function-trace entered undefined position at 130\"}\n\
                2024-05-30T14:30:00Z @nix {\"action\":\"msg\",\"level\":3,\"msg\":\"function-trace exited undefined position at 170\"}\n\
                @nix {\"action\":\"msg\",\"level\":3,\"msg\":\"function-trace exited /a \\\\u00e4\\\"b.nix:1:2 at 200\"}\n";
    for log in [bare, json] {
        assert_eq!(Kind::of(log.as_bytes()), Kind::FunctionCalls);
        let profile = costs(&[By::Frame, By::File], log);
        assert_eq!((profile.unit, profile.total), (Unit::Nanoseconds, 100));
        let file = row(&profile, By::File, "/a \\u00e4\"b.nix");
        assert_eq!((file.own, file.inclusive, file.calls), (100, 100, Some(1)));
        let inner = row(&profile, By::Frame, "undefined position");
        assert_eq!((inner.own, inner.calls), (40, Some(1)));
        assert_eq!((profile.facts.bad_lines, profile.facts.open), (0, 0));
    }
}

#[test]
fn traced_calls_that_an_error_ended() {
    let log = "function-trace entered a at 0\nfunction-trace entered b at 10\n\
               function-trace entered c at 20\nfunction-trace exited a at 50\n\
               function-trace exited z at 55\nfunction-trace entered d at 45\nfunction-trace x\n";
    let profile = costs(&[By::Frame], log);
    assert_eq!(profile.total, 50);
    let costs_of = |name| {
        (
            row(&profile, By::Frame, name).own,
            row(&profile, By::Frame, name).inclusive,
        )
    };
    assert_eq!(
        (costs_of("a"), costs_of("b"), costs_of("c")),
        ((10, 50), (10, 40), (30, 30))
    );
    let facts = &profile.facts;
    assert_eq!(
        (facts.unwound, facts.open, facts.clock_went_back),
        (2, 1, 1)
    );
    assert_eq!((facts.bad_lines, facts.first_bad_line), (2, Some(5)));
}

#[test]
fn names_from_outside_are_asked_for_once_a_frame() {
    struct Known(std::cell::Cell<usize>);
    impl Names for Known {
        fn input(&self, root: &str) -> Option<String> {
            (root == "«github:o/r/1»").then(|| "r".to_owned())
        }
        fn option(&self, file: &str, line: u32, column: u32) -> Option<String> {
            self.0.set(self.0.get() + 1);
            (file == "/m.nix" && line == 3 && column == 4).then(|| "services.x".to_owned())
        }
    }
    let known = Known(std::cell::Cell::new(0));
    let text = "«github:o/r/1»/a.nix:1:1;/m.nix:3:4:f;/n/lib/b.nix:9:9 5\n/n/lib/b.nix:9:9 2\n";
    let sink = Costs::new(&[By::Input, By::Option], &known);
    let profile = read(Kind::Samples, sink, text.as_bytes(), usize::MAX);
    assert_eq!(row(&profile, By::Input, "r").inclusive, 5);
    assert_eq!(row(&profile, By::Option, "services.x").own, 5);
    assert_eq!(profile.tables[1].rows[0].name, None);
    assert_eq!(
        (
            profile.tables[1].rows[0].own,
            profile.tables[1].rows[0].inclusive
        ),
        (2, 7)
    );
    assert_eq!(known.0.get(), 3);
}

#[test]
fn calls_within_a_file_are_drawn_as_one() {
    let text = "/a.nix:1:1:f;primop map;/a.nix:2:2:g;/b.nix:1:1:f;/b.nix:1:1:f;/a.nix:1:1:f 3\n";
    let names = |by| {
        let tree = tree(by, text);
        let names: Vec<String> = tree
            .calls
            .iter()
            .map(|call| tree.name(call).to_owned())
            .collect();
        names.join(" ")
    };
    assert_eq!(names(By::File), "all /a.nix /b.nix /a.nix");
    assert_eq!(names(By::Function), "all f primop map g f f f");
}

#[test]
fn many_stacks_are_kept_in_bounds() {
    let mut reader = Reader::new(Kind::Samples, Tree::with_most(By::Frame, &NoNames, 1000));
    for n in 0..20_000 {
        reader.feed(format!("root;often;x{} 1\nroot;often 1\n", n % 7000).as_bytes());
    }
    let tree = reader.finish();
    check(&tree, 40_000);
    assert!(tree.calls.len() <= 1010, "{}", tree.calls.len());
    assert!(
        tree.merged() > 10_000 && tree.merged() <= 20_000,
        "{}",
        tree.merged()
    );
    let often = tree
        .calls
        .iter()
        .find(|call| tree.name(call) == "often")
        .expect("it is kept");
    assert_eq!(often.inclusive, 40_000);
}

#[test]
fn one_tree_within_another() {
    let before = tree(By::Frame, "a 1\na;b 2\na;b;c 4\na;x;y 8\nz 16\n");
    let after = tree(By::Frame, "a;b 1\na;c;b 1\nq 1\n");
    let own = before.own_in(&after);
    let named: Vec<(&str, u64)> = after
        .calls
        .iter()
        .zip(own)
        .map(|(call, own)| (after.name(call), own))
        .collect();
    let want = [
        ("all", 16),
        ("a", 9),
        ("b", 6),
        ("c", 0),
        ("b", 0),
        ("q", 0),
    ];
    assert_eq!(named, want);
}
