//! What differs between the statistics of two evaluations. Counters are deterministic: a difference is
//! exact, and needs no repetition to be believed.

use std::cmp::Reverse;

use indexmap::IndexMap;

use super::stats::{Calls, EvaluationStats};
use crate::store_path::innermost;

/// A number before and after. `None`: not there.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change<T> {
    /// What is counted.
    pub what: T,
    /// How many there were.
    pub before: Option<u64>,
    /// How many there are.
    pub after: Option<u64>,
}

impl<T> Change<T> {
    /// Returns by how much it grew; `None` where one of the two does not count it.
    #[must_use]
    pub fn difference(&self) -> Option<i64> {
        let (before, after) = (self.before?, self.after?);
        let by = i64::try_from(before.abs_diff(after)).unwrap_or(i64::MAX);
        Some(if after < before { -by } else { by })
    }

    /// Returns by which share it grew; `None` where there was nothing before.
    #[must_use]
    pub fn share(&self) -> Option<f64> {
        let before = self.before.filter(|&before| before > 0)?;
        Some(self.difference()? as f64 / before as f64)
    }

    fn is_one(&self) -> bool {
        self.before != self.after
    }
}

/// Where a function stands, without what differs from one store path to the next.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Function {
    /// The function's name; `None` for one without.
    pub name: Option<String>,
    /// The file, from its source tree on.
    pub file: String,
    /// The line before, or where it is now; `None` where several of that name are taken together.
    pub line: Option<u64>,
}

/// What differs between two evaluations.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Difference {
    /// Counters that changed, those first that changed most in proportion.
    pub counters: Vec<Change<String>>,
    /// How many counters did not.
    pub same: usize,
    /// Functions that were called more or less often, most first; `None` where either was not counted.
    pub functions: Option<Vec<Change<Function>>>,
    /// Primops that were called more or less often, most first; `None` where either was not counted.
    pub primops: Option<Vec<Change<String>>>,
    /// The two Nix lay values out differently in memory: numbers of bytes say nothing.
    pub other_layout: bool,
}

/// Compares the statistics of two evaluations.
#[must_use]
pub fn difference(before: &EvaluationStats, after: &EvaluationStats) -> Difference {
    let all = paired(
        before
            .counters
            .iter()
            .map(|(name, count)| (name.clone(), *count)),
        after
            .counters
            .iter()
            .map(|(name, count)| (name.clone(), *count)),
    );
    let is_layout = |change: &Change<String>| change.what.starts_with("sizes.");
    let is_both = |change: &Change<String>| change.before.is_some() && change.after.is_some();
    let other_layout = all
        .iter()
        .any(|change| is_layout(change) && is_both(change) && change.is_one());
    let n_all = all.len();
    let mut counters: Vec<_> = all.into_iter().filter(Change::is_one).collect();
    let proportion = |change: &Change<String>| {
        let (before, after) = (change.before?.max(1) as f64, change.after?.max(1) as f64);
        Some((after / before).ln().abs())
    };
    // What only one of the versions counts comes last.
    counters.sort_by(|a, b| {
        let (a, b) = (proportion(a), proportion(b));
        b.is_some().cmp(&a.is_some()).then_with(|| {
            let (a, b) = (a.unwrap_or_default(), b.unwrap_or_default());
            b.total_cmp(&a)
        })
    });
    let primops = before.primops.as_ref().zip(after.primops.as_ref());
    let functions = before.functions.as_ref().zip(after.functions.as_ref());
    Difference {
        same: n_all - counters.len(),
        counters,
        functions: functions.map(|(before, after)| functions_changed(before, after)),
        primops: primops
            .map(|(before, after)| by_size(paired(before.iter().cloned(), after.iter().cloned()))),
        other_layout,
    }
}

fn functions_changed(before: &[Calls], after: &[Calls]) -> Vec<Change<Function>> {
    let at_place = |calls: &Calls| Function {
        name: calls.name.clone(),
        file: within_tree(calls.file.as_deref().unwrap_or_default()).to_owned(),
        line: calls.line,
    };
    let (places_before, places_after) = (summed(before, at_place), summed(after, at_place));
    // What stands where nothing stood before, or no more, may have moved: by name, if it has one.
    let mut moved: IndexMap<Function, (u64, u64)> = IndexMap::new();
    let mut changes = Vec::new();
    for change in paired(places_before, places_after) {
        let is_moved = change.before.is_none() || change.after.is_none();
        match change.what.name.is_some() && is_moved {
            true => {
                let by_name = Function {
                    line: None,
                    ..change.what
                };
                let (before, after) = moved.entry(by_name).or_default();
                *before += change.before.unwrap_or_default();
                *after += change.after.unwrap_or_default();
            }
            false => changes.push(change),
        }
    }
    changes.extend(moved.into_iter().map(|(what, (before, after))| Change {
        what,
        before: (before > 0).then_some(before),
        after: (after > 0).then_some(after),
    }));
    by_size(changes)
}

fn summed(calls: &[Calls], key: impl Fn(&Calls) -> Function) -> IndexMap<Function, u64> {
    let mut sums: IndexMap<Function, u64> = IndexMap::new();
    for call in calls {
        *sums.entry(key(call)).or_default() += call.count;
    }
    sums
}

/// Returns a file's place in its source tree: the same tree has another store path each time it changes.
#[must_use]
pub fn within_tree(file: &str) -> &str {
    if let Some((_, rest)) = file
        .strip_prefix('«')
        .and_then(|rest| rest.split_once("»/"))
    {
        return rest;
    }
    if let Some(rest) = file
        .strip_prefix("<nix/")
        .and_then(|rest| rest.strip_suffix('>'))
    {
        return rest;
    }
    let path = innermost(file).map(|path| path.as_str());
    let rest = path.and_then(|path| file.strip_prefix(path)?.strip_prefix('/'));
    rest.unwrap_or(file)
}

fn paired<T: std::hash::Hash + Eq>(
    before: impl IntoIterator<Item = (T, u64)>,
    after: impl IntoIterator<Item = (T, u64)>,
) -> Vec<Change<T>> {
    let mut both: IndexMap<T, (Option<u64>, Option<u64>)> = IndexMap::new();
    for (what, count) in before {
        both.entry(what).or_default().0 = Some(count);
    }
    for (what, count) in after {
        both.entry(what).or_default().1 = Some(count);
    }
    let change = |(what, (before, after))| Change {
        what,
        before,
        after,
    };
    both.into_iter().map(change).collect()
}

/// What is counted and not there was not called.
fn called<T>(change: Change<T>) -> Change<T> {
    Change {
        before: Some(change.before.unwrap_or(0)),
        after: Some(change.after.unwrap_or(0)),
        ..change
    }
}

/// Leaves what changed, the largest difference first.
fn by_size<T>(changes: Vec<Change<T>>) -> Vec<Change<T>> {
    let changes = changes.into_iter().map(called);
    let mut changes: Vec<_> = changes.filter(Change::is_one).collect();
    changes.sort_by_key(|change| Reverse(change.difference().map(i64::unsigned_abs)));
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats(text: &str) -> EvaluationStats {
        EvaluationStats::parse(text).expect("statistics")
    }

    #[test]
    fn what_changed_most_in_proportion_comes_first() {
        let before = stats(
            r#"{"cpuTime":1,"nrThunks":1000,"nrLookups":10,"nrExprs":5,"sizes":{"Value":24}}"#,
        );
        let after = stats(
            r#"{"cpuTime":2,"nrThunks":1100,"nrLookups":30,"nrExprs":5,"sizes":{"Value":24},"gc":{"cycles":1}}"#,
        );
        let told = difference(&before, &after);
        let names: Vec<&str> = told.counters.iter().map(|it| &*it.what).collect();
        assert_eq!(names, ["nrLookups", "nrThunks", "gc.cycles"]);
        assert_eq!(
            (told.counters[0].difference(), told.counters[0].share()),
            (Some(20), Some(2.0))
        );
        assert_eq!((told.same, told.other_layout), (2, false));
        assert_eq!(told.functions, None);
        let back = difference(&after, &before);
        assert_eq!(back.counters[0].difference(), Some(-20));
        // What only one of them counts is no difference.
        assert_eq!(told.counters[2].difference(), None);
    }

    #[test]
    fn functions_are_known_again_in_another_tree_and_in_another_line() {
        let of = |tree: &str, line: u32, count: u32| {
            format!(
                r#"{{"cpuTime":1,"functions":[
                {{"name":"f","file":"{tree}/a.nix","line":{line},"column":1,"count":{count}}},
                {{"name":null,"file":"{tree}/a.nix","line":9,"column":1,"count":7}}]}}"#
            )
        };
        let old = of("/nix/store/7ajh8plhm64ypnph30js1a3lq6zsyxqr-source", 3, 10);
        let new = of("«github:a/b/0123»", 4, 25);
        let told = difference(&stats(&old), &stats(&new));
        let functions = told.functions.expect("both are counted");
        assert_eq!(functions.len(), 1, "{functions:?}");
        assert_eq!(
            (functions[0].difference(), functions[0].what.line),
            (Some(15), None)
        );
        assert_eq!(functions[0].what.file, "a.nix");
        assert_eq!(within_tree("/home/me/a.nix"), "/home/me/a.nix");
        let internal = ["<nix/fetchurl.nix>", "«nix-internal»/fetchurl.nix"];
        assert_eq!(internal.map(within_tree), ["fetchurl.nix"; 2]);
    }
}
