//! pytest prints a file's name first and the rest of the line when its tests are over; with `-v` the same for
//! each test. At the end it says how long the slowest took, where it was asked to.

use super::{Rule, Says::*, StepKind::*, rule};

pub(super) const RULES: &[Rule] = &[
    rule(Works, Test, "collected {*}"),
    rule(Works, Test, "collecting ... {*}"),
    rule(Took, Test, "{took}s call {name}"),
    rule(Took, Test, "{took}s setup {name}"),
    rule(EndedBeside, Test, "[gw{n}] [{n}%] PASSED {name}"),
    rule(EndedBeside, Test, "[gw{n}] [{n}%] FAILED {name}"),
    rule(Ended, Test, "{name} PASSED {*}%]"),
    rule(Ended, Test, "{name} FAILED {*}%]"),
    rule(Ended, Test, "{name} SKIPPED {*}%]"),
    rule(Ended, Test, "{name} XFAIL {*}%]"),
    rule(Ended, Test, "{name+}.py {*}%]"),
    // More tests of the same file than fit in a line.
    rule(Continues, Test, ".{*}[{n}%]"),
];

#[cfg(test)]
mod tests {
    use super::super::told;

    #[test]
    fn pytest_tells_when_a_file_or_a_test_is_over() {
        // pytest 7.2.1.
        let output = "
============================= test session starts ==============================
platform linux -- Python 3.11.2, pytest-7.2.1, pluggy-1.0.0+repack
collected 9 items

tests/test_a.py ......s                                                  [ 77%]
tests/test_b.py ..                                                       [ 90%]
....................F                                                    [100%]
============================= slowest 10 durations =============================
0.90s call     tests/test_a.py::test_slow
collecting ... collected 9 items
tests/test_a.py::test_param[1] PASSED                                    [ 33%]
tests/test_a.py::test_skip SKIPPED (unconditional skip)                  [ 77%]
";
        let expected = [
            "pytest test Works ",
            "pytest test Ended tests/test_a.py",
            "pytest test Ended tests/test_b.py",
            "pytest test Continues ",
            "pytest test Took tests/test_a.py::test_slow 900ms",
            "pytest test Works ",
            "pytest test Ended tests/test_a.py::test_param[1]",
            "pytest test Ended tests/test_a.py::test_skip",
        ];
        assert_eq!(told(output), expected);
    }
}
