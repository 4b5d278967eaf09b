//! `configure` prints a question first and the answer behind it, and so does what regenerates files afterwards.
//! The test runner of automake prints a test when it is over.

use super::{Rule, Says::*, StepKind::*, rule};

pub(super) const RULES: &[Rule] = &[
    rule(Answers, Configure, "checking {name}...{*}"),
    rule(Answers, Configure, "configure: creating {name}"),
    rule(Answers, Configure, "config.status: creating {name}"),
    rule(
        Answers,
        Configure,
        "config.status: executing {name} commands",
    ),
    rule(Works, Configure, "autoreconf: {*}"),
    rule(EndedBeside, Test, "PASS: {name}"),
    rule(EndedBeside, Test, "FAIL: {name}"),
    rule(EndedBeside, Test, "XFAIL: {name}"),
    rule(EndedBeside, Test, "SKIP: {name}"),
    rule(ClosesAll, Test, "Testsuite summary for {*}"),
    rule(Begins, Install, "Making install in {name}"),
    rule(Works, Test, "Making check in {*}"),
    rule(Works, Compile, "Making all in {*}"),
];

#[cfg(test)]
mod tests {
    use super::super::told;

    #[test]
    fn configure_answers_and_tests_end() {
        // GNU Hello 2.10: autoconf 2.69, automake 1.14.
        let output = "
checking for a BSD-compatible install... /usr/bin/install -c
checking whether gcc accepts -g... yes
checking for suffix of executables... 
configure: creating ./config.status
config.status: creating po/Makefile.in
config.status: executing depfiles commands
make  check-TESTS
PASS: tests/greeting-1
SKIP: tests/greeting-2
Testsuite summary for GNU Hello 2.10
# PASS:  4
Making install in po
";
        let expected = [
            "autotools configure Answers for a BSD-compatible install",
            "autotools configure Answers whether gcc accepts -g",
            "autotools configure Answers for suffix of executables",
            "autotools configure Answers ./config.status",
            "autotools configure Answers po/Makefile.in",
            "autotools configure Answers depfiles",
            "autotools test EndedBeside tests/greeting-1",
            "autotools test EndedBeside tests/greeting-2",
            "autotools test ClosesAll ",
            "autotools install Begins po",
        ];
        assert_eq!(told(output), expected);
    }
}
