//! Python's `unittest -v` prints a test's name first and the rest of the line when it is over.

use super::{Rule, Says::*, StepKind::*, rule};

pub(super) const RULES: &[Rule] = &[
    rule(Ended, Test, "{name} ({*}) ... ok"),
    rule(Ended, Test, "{name} ({*}) ... FAIL"),
    rule(Ended, Test, "{name} ({*}) ... ERROR"),
    rule(Ended, Test, "{name} ({*}) ... skipped '{*}'"),
];

#[cfg(test)]
mod tests {
    use super::super::told;

    #[test]
    fn unittest_tells_when_a_test_is_over() {
        // Python 3.11.
        let output = "
test_one (test_b.T.test_one) ... ok
test_two (test_b.T.test_two) ... FAIL
Ran 2 tests in 0.802s
OK
";
        let expected = [
            "unittest test Ended test_one",
            "unittest test Ended test_two",
        ];
        assert_eq!(told(output), expected);
    }
}
