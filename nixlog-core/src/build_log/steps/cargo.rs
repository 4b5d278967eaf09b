//! Cargo prints a line when it begins with a crate, and one when all are done. Test runners print a line when a
//! test is over, in the order in which they end.

use super::{Rule, Says::*, StepKind::*, rule};

pub(super) const RULES: &[Rule] = &[
    rule(BeginsBeside, Compile, "   Compiling {name}"),
    rule(BeginsBeside, Compile, "    Checking {name}"),
    rule(BeginsBeside, Other, " Documenting {name}"),
    rule(ClosesAll, Compile, "    Finished {*}"),
    rule(Works, Other, "    Updating {*}"),
    rule(Works, Other, " Downloading {*}"),
    rule(Works, Other, "  Downloaded {*}"),
    rule(BeginsTold, Test, "     Running {name}"),
    rule(BeginsTold, Test, "   Doc-tests {name}"),
    rule(Works, Test, "running {n} tests"),
    rule(Works, Test, "running {n} test"),
    rule(ClosesAll, Test, "test result: {*}"),
    rule(EndedBeside, Test, "test {name} ... ok"),
    rule(EndedBeside, Test, "test {name} ... FAILED"),
    rule(EndedBeside, Test, "test {name} ... bench: {*}"),
    rule(Flags, Other, "cargoBuildHook flags: {name}"),
    rule(Flags, Other, "cargoCheckHook flags: {name}"),
    rule(EndedBeside, Test, "        PASS [ {took}s] {name}"),
    rule(EndedBeside, Test, "        FAIL [ {took}s] {name}"),
];

#[cfg(test)]
mod tests {
    use super::super::told;

    #[test]
    fn cargo_tells_when_it_begins_and_a_test_when_it_is_over() {
        // Cargo 1.95.
        let output = "
    Updating crates.io index
 Downloading crates ...
  Downloaded clap_lex v1.1.2
   Compiling libc v0.2.191
   Compiling labapp v0.3.1 (/build/rs)
    Finished `release` profile [optimized] target(s) in 2m 22s
     Running unittests src/main.rs (target/release/deps/labapp-b74b64195e9503d5)

running 3 tests
test not_now ... ignored
test quick ... ok
test slow_one ... ok

test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.70s
";
        let expected = [
            "cargo other Works ",
            "cargo other Works ",
            "cargo other Works ",
            "cargo compile BeginsBeside libc v0.2.191",
            "cargo compile BeginsBeside labapp v0.3.1 (/build/rs)",
            "cargo compile ClosesAll ",
            "cargo test BeginsTold unittests src/main.rs (target/release/deps/labapp-b74b64195e9503d5)",
            "cargo test Works ",
            "cargo test EndedBeside quick",
            "cargo test EndedBeside slow_one",
            "cargo test ClosesAll ",
        ];
        assert_eq!(told(output), expected);
    }
}
