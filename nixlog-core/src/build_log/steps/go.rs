//! Go. `go build -v` prints a package when it begins to compile it, and nothing that would tell such a line from
//! any other; so its compilations are not told. `go test` says how long the tests of each package took, in the
//! order in which packages were named: a line may come later than the tests ended.

use super::{Rule, Says::*, StepKind::*, rule};

pub(super) const RULES: &[Rule] = &[
    rule(BeginsBeside, Other, "go: downloading {name}"),
    rule(EndedBeside, Test, "ok  \t{name}\t{took}s{*}"),
    rule(EndedBeside, Test, "FAIL\t{name}\t{took}s{*}"),
    rule(EndedBeside, Test, "--- PASS: {name} ({took}s)"),
    rule(EndedBeside, Test, "--- FAIL: {name} ({took}s)"),
    rule(Works, Test, "?   \t{*}"),
    // nixpkgs' `buildGoModule`.
    rule(BeginsBeside, Compile, "Building subPackage {name}"),
];

#[cfg(test)]
mod tests {
    use super::super::told;

    #[test]
    fn go_tells_how_long_tests_took() {
        // Go 1.19.8.
        let output = "
go: downloading golang.org/x/text v0.14.0
example.org/gop/a
?   \texample.org/gop\t[no test files]
=== RUN   TestSlow
--- PASS: TestSlow (0.80s)
    --- PASS: TestSub/one (0.10s)
--- SKIP: TestSkip (0.00s)
PASS
ok  \texample.org/gop/a\t0.930s
ok  \texample.org/gop/a\t(cached)
";
        let expected = [
            "go other BeginsBeside golang.org/x/text v0.14.0",
            "go test Works ",
            "go test EndedBeside TestSlow 800ms",
            "go test EndedBeside example.org/gop/a 930ms",
        ];
        assert_eq!(told(output), expected);
    }
}
