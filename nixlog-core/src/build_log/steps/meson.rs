//! Meson prints what it found when it has found it, and tests when they are over, with how long they took.

use super::{Rule, Says::*, StepKind::*, rule};

pub(super) const RULES: &[Rule] = &[
    rule(Works, Configure, "The Meson build system"),
    rule(Answers, Configure, "Checking {name} : {*}"),
    rule(Answers, Configure, "Compiler for {name} : {*}"),
    rule(Answers, Configure, "Header {name} : {*}"),
    rule(Answers, Configure, "Has header {name} : {*}"),
    rule(Answers, Configure, "Library {name} found: {*}"),
    rule(Answers, Configure, "Program {name} found: {*}"),
    rule(Answers, Configure, "Run-time dependency {name} found: {*}"),
    rule(Answers, Configure, "Dependency {name} found: {*}"),
    rule(
        Answers,
        Configure,
        "C compiler for the host machine: {name}",
    ),
    rule(
        Answers,
        Configure,
        "C++ compiler for the host machine: {name}",
    ),
    rule(Answers, Configure, "Host machine cpu family: {name}"),
    rule(EndedBeside, Test, "{n}/{n} {name} OK {took}s{*}"),
    rule(EndedBeside, Test, "{n}/{n} {name} FAIL {took}s{*}"),
    rule(EndedBeside, Test, "{n}/{n} {name} SKIP {took}s{*}"),
    rule(EndedBeside, Test, "{n}/{n} {name} TIMEOUT {took}s{*}"),
    rule(EndedBeside, Test, "{n}/{n} {name} EXPECTEDFAIL {took}s{*}"),
    rule(Begins, Install, "Installing {name} to {*}"),
    rule(Begins, Install, "Installing symlink {name}"),
];

#[cfg(test)]
mod tests {
    use super::super::told;

    #[test]
    fn meson_tells_what_it_found_and_how_long_tests_took() {
        // pkgconf 1.8.1, Meson 1.0.1; tests with a suite, to a pipe and (the last line) to a terminal.
        let output = "
The Meson build system
Version: 1.0.1
C compiler for the host machine: cc (gcc 12.2.0 \"cc (Debian 12.2.0-14+deb12u1) 12.2.0\")
Host machine cpu family: x86_64
Checking for function \"strlcat\" : NO 
Header \"string.h\" has symbol \"strndup\" : YES 
Program sleep found: YES (/usr/bin/sleep)
Build targets in project: 2
1/3 mt / quick     OK              0.01s
2/3 mt:big / other OK              0.41s
Ok:                 3   
3/3 mt / slow             OK              0.71s  0/30s
Installing libpkgconf.so.3.0.0 to /usr/local/lib/x86_64-linux-gnu
Installing symlink pointing to libpkgconf.so.3 to /usr/local/lib/x86_64-linux-gnu/libpkgconf.so
";
        let expected = [
            "meson configure Works ",
            "meson configure Answers cc (gcc 12.2.0 \"cc (Debian 12.2.0-14+deb12u1) 12.2.0\")",
            "meson configure Answers x86_64",
            "meson configure Answers for function \"strlcat\"",
            "meson configure Answers \"string.h\" has symbol \"strndup\"",
            "meson configure Answers sleep",
            "meson test EndedBeside mt / quick 10ms",
            "meson test EndedBeside mt:big / other 410ms",
            "meson test EndedBeside mt / slow 710ms",
            "meson install Begins libpkgconf.so.3.0.0",
            "meson install Begins symlink pointing",
        ];
        assert_eq!(told(output), expected);
    }
}
