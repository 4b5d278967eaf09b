//! npm prints the script that it begins to run, and how long it took to install. Tests that speak TAP print a
//! line when one is over.

use super::{Rule, Says::*, StepKind::*, rule};

pub(super) const RULES: &[Rule] = &[
    rule(Ended, Install, "added {name} in {took}s"),
    rule(Works, Test, "TAP version {*}"),
    rule(Ended, Test, "ok {n} - {name}"),
    rule(Ended, Test, "not ok {n} - {name}"),
    rule(Begins, Other, "> {name}@{*}"),
];

#[cfg(test)]
mod tests {
    use super::super::told;

    #[test]
    fn npm_and_tests_of_node() {
        // npm 11 and Node 20.
        let output = "
added 3 packages in 2s

> labnp@1.0.0 build
> node build.js
TAP version 13
# Subtest: slow
ok 2 - slow
  ---
  duration_ms: 508.775031
1..2
";
        let expected = [
            "node install Ended 3 packages 2000ms",
            "node other Begins labnp",
            "node test Works ",
            "node test Ended slow",
        ];
        assert_eq!(told(output), expected);
    }
}
