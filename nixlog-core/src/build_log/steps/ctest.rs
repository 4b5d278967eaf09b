//! `CTest` tells when a test begins, when it is over, and how long it took.

use super::{Rule, Says::*, StepKind::*, rule};

pub(super) const RULES: &[Rule] = &[
    rule(Works, Test, "Test project {*}"),
    rule(BeginsTold, Test, "{ }Start {n}: {name}"),
    rule(
        EndedBeside,
        Test,
        "{n}/{n} Test{ }#{n}: {name} .{*}Passed {took} sec",
    ),
    rule(
        EndedBeside,
        Test,
        "{n}/{n} Test{ }#{n}: {name} .{*}Failed {took} sec",
    ),
    rule(ClosesAll, Test, "Total Test time (real) = {*}"),
];

#[cfg(test)]
mod tests {
    use super::super::told;

    #[test]
    fn ctest_tells_all() {
        // json-c 0.16, CMake 3.25.
        let output = "
Test project /build/json-c-0.16/b
      Start  1: test1
 1/23 Test  #1: test1 ............................   Passed    4.78 sec
      Start 10: test_float
10/23 Test #10: test_float .......................   Passed    0.63 sec
    Start 6: test_charcase
1/1 Test #6: test_charcase ....................***Failed    0.07 sec
Total Test time (real) =  24.55 sec
";
        let expected = [
            "ctest test Works ",
            "ctest test BeginsTold test1",
            "ctest test EndedBeside test1 4780ms",
            "ctest test BeginsTold test_float",
            "ctest test EndedBeside test_float 630ms",
            "ctest test BeginsTold test_charcase",
            "ctest test EndedBeside test_charcase 70ms",
            "ctest test ClosesAll ",
        ];
        assert_eq!(told(output), expected);
    }
}
