//! Why things are built again: against derivations whose hashes are made as Nix makes them, and of which it is
//! known what was changed.

use std::collections::{BTreeMap, BTreeSet};

use nixlog_core::analysis::rebuilds::{Rebuilds, Side, rebuilds};
use nixlog_core::drv::Derivation;
use nixlog_core::graph::{DerivationGraph, GraphBuilder, NodeIdx};
use proptest::prelude::*;

/// One thing to build.
#[derive(Debug, Clone)]
struct Thing {
    name: usize,
    /// What it needs, all with lower numbers.
    needs: BTreeSet<usize>,
    is_download: bool,
    /// What it says in a variable of its own.
    says: u32,
    /// Where a download comes from, which its output does not depend on.
    url: u32,
}

/// A hash as Nix writes them, of anything.
fn hash(text: &str) -> String {
    let digits = b"0123456789abcdfghijklmnpqrsvwxyz";
    let mut state = 0xcbf2_9ce4_8422_2325_u64;
    for byte in text.bytes() {
        state = (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    let mut out = String::new();
    for _ in 0..32 {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(7);
        out.push(char::from(digits[(state >> 59) as usize]));
    }
    out
}

/// Derivations by their number, as a graph, with the output of each.
struct Closure {
    graph: DerivationGraph,
    paths: Vec<String>,
    outputs: Vec<String>,
}

impl Closure {
    fn new(things: &[Thing]) -> Self {
        let mut builder = GraphBuilder::default();
        builder.keep_recipes();
        let (mut paths, mut outputs) = (Vec::<String>::new(), Vec::<String>::new());
        for (number, thing) in things.iter().enumerate() {
            let name = format!("thing{}-1", thing.name);
            let needs: Vec<&str> = thing.needs.iter().map(|&it| &*outputs[it]).collect();
            // What its output depends on: not the files of its inputs, but what they make.
            let output = match thing.is_download {
                true => hash(&format!("{name} {}", thing.says)),
                false => hash(&format!("{number} {name} {} {needs:?}", thing.says)),
            };
            let output = format!("/nix/store/{output}-{name}");
            let needs = needs.join(" ");
            let inputs = thing.needs.iter();
            let inputs: BTreeSet<String> = inputs
                .map(|&it| format!(r#"("{}",["out"])"#, paths[it]))
                .collect();
            let inputs: Vec<String> = inputs.into_iter().collect();
            let fixed = match thing.is_download {
                true => format!(r#""sha256","{:08x}""#, thing.says),
                false => r#""","""#.to_owned(),
            };
            let file = format!(
                r#"Derive([("out","{output}",{fixed})],[{}],[],"s","/bin/sh",["-c","make {output}"],[("needs","{needs}"),("number","{number}"),("out","{output}"),("says","{}"),("url","{}")])"#,
                inputs.join(","),
                thing.says,
                thing.url
            );
            let path = format!("/nix/store/{}-{name}.drv", hash(&file));
            let derivation = Derivation::parse(file.as_bytes()).expect("well-formed");
            builder.add_derivation(&path, &derivation);
            paths.push(path);
            outputs.push(output);
        }
        Self {
            graph: builder.finish().expect("no circle"),
            paths,
            outputs,
        }
    }

    fn number(&self, node: NodeIdx) -> usize {
        let base = self.graph.base_name(node);
        let mut paths = self.paths.iter();
        paths
            .position(|path| path.ends_with(base))
            .expect("it is one of them")
    }

    fn numbers(&self, nodes: &[NodeIdx]) -> BTreeSet<usize> {
        nodes.iter().map(|&node| self.number(node)).collect()
    }
}

/// Compares two, where what makes something else than before is built.
fn compare(old: &Closure, new: &Closure) -> Rebuilds {
    let is_built = |node| {
        let number = new.number(node);
        old.outputs.get(number) != Some(&new.outputs[number])
    };
    rebuilds(&Side::all(&old.graph), &Side::all(&new.graph), is_built)
}

fn things() -> impl Strategy<Value = (Vec<Thing>, Vec<(bool, bool)>)> {
    (2..14_usize).prop_flat_map(|n| {
        let thing = (
            0..n,
            prop::collection::btree_set(0..n, 0..4),
            prop::bool::weighted(0.2),
        );
        let things = prop::collection::vec(thing, n).prop_map(|all| {
            let thing =
                |(number, (name, needs, is_download)): (usize, (usize, BTreeSet<usize>, bool))| {
                    Thing {
                        name,
                        needs: needs.into_iter().filter(|&it| it < number).collect(),
                        is_download,
                        says: u32::try_from(number).expect("few"),
                        url: 0,
                    }
                };
            all.into_iter().enumerate().map(thing).collect()
        });
        let changes = (prop::bool::weighted(0.15), prop::bool::weighted(0.1));
        (things, prop::collection::vec(changes, n))
    })
}

proptest! {
    #[test]
    fn roots_are_what_was_changed_and_the_rest_follows((things, changes) in things()) {
        // Things of one name that nothing tells apart are not what this is about.
        let mut things = things;
        let mut twice: BTreeMap<usize, usize> = BTreeMap::new();
        for thing in &mut things {
            let n = twice.entry(thing.name).or_default();
            *n += 1;
            if *n > 1 {
                thing.name += 100 * *n;
            }
        }
        let mut changed = things.clone();
        for (thing, (says, url)) in changed.iter_mut().zip(&changes) {
            thing.says += 1000 * u32::from(*says);
            thing.url += u32::from(*url && thing.is_download);
        }
        let (old, new) = (Closure::new(&things), Closure::new(&changed));
        let found = compare(&old, &new);
        let users = |it: usize| -> Vec<usize> {
            let all = things.iter().enumerate();
            all.filter(|(_, thing)| thing.needs.contains(&it)).map(|(user, _)| user).collect()
        };
        // A download that has one user is that one's; what only the address of a download changes makes the
        // same.
        let mut roots: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        for (number, thing) in things.iter().enumerate().filter(|&(it, _)| changes[it].0) {
            match (thing.is_download, &users(number)[..]) {
                // A download of a download makes no difference to it.
                (true, &[user]) if !things[user].is_download => {
                    roots.entry(user).or_default().insert(number);
                }
                (true, &[_]) => return Ok(()),
                _ => {
                    roots.entry(number).or_default();
                }
            }
        }
        let ids = found.roots.iter().map(|root| new.number(root.node));
        prop_assert_eq!(ids.collect::<BTreeSet<_>>(), roots.keys().copied().collect());
        let mut explained = BTreeSet::new();
        for root in &found.roots {
            let number = new.number(root.node);
            prop_assert_eq!(&new.numbers(&root.needed), &roots[&number]);
            // Whatever can be reached upwards, as long as it is no download.
            let (mut above, mut todo) = (BTreeSet::new(), vec![number]);
            while let Some(it) = todo.pop() {
                for user in users(it) {
                    if !things[user].is_download && above.insert(user) {
                        todo.push(user);
                    }
                }
            }
            prop_assert_eq!(&new.numbers(&root.cascade), &above);
            let what: BTreeSet<&str> = root.changes.iter().map(|it| &*it.what).collect();
            let mut want = BTreeSet::new();
            if changes[number].0 {
                want.insert("says");
            }
            if changes[number].1 && things[number].is_download {
                want.insert("url");
            }
            if !roots[&number].is_empty() {
                want.insert("needs");
            }
            prop_assert_eq!(what, want);
            explained.extend(above);
            explained.insert(number);
            explained.extend(&roots[&number]);
        }
        let built = (0..things.len()).filter(|&it| old.outputs[it] != new.outputs[it]);
        prop_assert_eq!(built.collect::<BTreeSet<_>>(), explained);
        prop_assert!(found.unexplained.is_empty());
    }
}

fn thing(name: usize, needs: &[usize]) -> Thing {
    Thing {
        name,
        needs: needs.iter().copied().collect(),
        is_download: false,
        says: 0,
        url: 0,
    }
}

/// Three things of one name in one list: which is which is told by where they stand.
#[test]
fn namesakes_are_told_apart_by_their_place() {
    let things = [
        thing(0, &[]),
        thing(7, &[0]),
        thing(7, &[0]),
        thing(7, &[0]),
        thing(9, &[1, 2, 3]),
    ];
    let mut changed = things.clone();
    changed[0].says = 5;
    changed[2].says = 5;
    let (old, new) = (Closure::new(&things), Closure::new(&changed));
    let found = compare(&old, &new);
    let roots: Vec<(usize, usize)> = found
        .roots
        .iter()
        .map(|root| (new.number(root.node), root.cascade.len()))
        .collect();
    assert_eq!(roots, [(0, 4), (2, 1)]);
    assert_eq!((found.n_follow, found.n_shared), (3, 1));
    let what: Vec<&str> = found.roots[1].changes.iter().map(|it| &*it.what).collect();
    assert_eq!(what, ["says"]);
}

/// What is newly needed belongs to what needs it, and is no root; what was there before is not needed newly.
#[test]
fn what_is_new_is_needed_by_its_root() {
    // 1 is new, below 2, which is changed by that; 3 follows.
    let before = Closure::new(&[thing(0, &[]), thing(8, &[]), thing(2, &[0]), thing(3, &[2])]);
    let after = Closure::new(&[
        thing(0, &[]),
        thing(9, &[0]),
        thing(2, &[0, 1]),
        thing(3, &[2]),
    ]);
    let found = compare(&before, &after);
    let [root] = &found.roots[..] else {
        panic!("{found:?}");
    };
    assert_eq!(after.number(root.node), 2);
    assert_eq!(after.numbers(&root.needed), [1].into());
    assert_eq!(after.numbers(&root.cascade), [3].into());
    let change = &root.changes[0];
    assert_eq!(
        (&*change.what, change.old.as_deref(), change.new.as_deref()),
        ("needs", None, Some("thing9-1"))
    );
    assert_eq!((found.n_needed, found.n_follow), (1, 1));
}

/// Where a recipe is not at hand, nothing is said of what differs.
#[test]
fn without_recipes_nothing_is_guessed() {
    let things = [thing(0, &[]), thing(1, &[0])];
    let mut changed = things.clone();
    changed[0].says = 1;
    let old = Closure::new(&things);
    let new = Closure::new(&changed);
    let mut bare = GraphBuilder::default();
    for path in &old.paths {
        bare.node(path);
    }
    let bare = bare.finish().expect("no circle");
    let found = rebuilds(&Side::all(&bare), &Side::all(&new.graph), |_| true);
    assert!(found.roots.iter().all(|root| root.changes.is_empty()));
    let empty = DerivationGraph::default();
    let found = rebuilds(&Side::all(&empty), &Side::all(&new.graph), |_| true);
    assert_eq!(
        found.roots.len(),
        1,
        "what was asked for, and what it needs"
    );
    assert_eq!(new.numbers(&found.roots[0].needed), [0].into());
}
