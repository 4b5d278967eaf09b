//! Ninja. Where it does not write to a terminal, as in a build of nixpkgs (`TERM=dumb`), it prints a line when
//! a step is over; only what has the console for itself, such as a test runner, is told when it begins.

use super::{Rule, Says::*, StepKind::*, rule};

pub(super) const RULES: &[Rule] = &[
    rule(BeginsBeside, Test, "[{n}/{n}] Running {name}"),
    rule(BeginsBeside, Install, "[{n}/{n}] Installing files{*}"),
    rule(BeginsBeside, Install, "[{n}/{n}] Install the project...{*}"),
    rule(EndedBeside, Compile, "[{n}/{n}] Building {*} object {name}"),
    rule(
        EndedBeside,
        Compile,
        "[{n}/{n}] Compiling {*} object {name}",
    ),
    rule(EndedBeside, Link, "[{n}/{n}] Linking target {name}"),
    rule(EndedBeside, Link, "[{n}/{n}] Linking static target {name}"),
    rule(EndedBeside, Link, "[{n}/{n}] Linking {*} executable {name}"),
    rule(EndedBeside, Link, "[{n}/{n}] Linking {*} library {name}"),
    rule(EndedBeside, Link, "[{n}/{n}] Linking {*} module {name}"),
    rule(EndedBeside, Other, "[{n}/{n}] Generating {name}"),
    // With `-v`, and where the project has no words for it.
    rule(EndedBeside, Other, "[{n}/{n}] {command}"),
    rule(Works, Other, "ninja: Entering directory {*}"),
];

#[cfg(test)]
mod tests {
    use super::super::told;

    #[test]
    fn ninja_tells_when_a_step_is_over() {
        // pkgconf 1.8.1 with Meson 1.0.1, json-c 0.16 with CMake 3.25, Ninja 1.11.1.
        let output = "
ninja: Entering directory `b'
[1/20] Compiling C object libpkgconf.so.3.0.0.p/libpkgconf_audit.c.o
[15/20] Linking target libpkgconf.so.3.0.0
[19/20] Generating symbol file libpkgconf.so.3.0.0.p/libpkgconf.so.3.0.0.symbols
[1/85] Building C object CMakeFiles/json-c.dir/debug.c.o
[15/85] Linking C shared library libjson-c.so.5.2.0
[16/85] Creating library symlink libjson-c.so.5 libjson-c.so
[31/85] Linking C executable tests/test1Formatted
[0/1] Running tests...
[0/1] Running all tests.
[12/20] cc -Ilibpkgconf.so.3.0.0.p -I. -I.. -fdiagnostics-color=always -MD -MQ x.o -MF x.o.d -o pkgconf.p/cli_main.c.o -c ../cli/main.c
[16/20] /usr/bin/meson --internal symbolextractor /build/b libpkgconf.so.3.0.0
ninja: no work to do.
";
        let expected = [
            "ninja other Works ",
            "ninja compile EndedBeside libpkgconf.so.3.0.0.p/libpkgconf_audit.c.o",
            "ninja link EndedBeside libpkgconf.so.3.0.0",
            "ninja other EndedBeside symbol file libpkgconf.so.3.0.0.p/libpkgconf.so.3.0.0.symbols",
            "ninja compile EndedBeside CMakeFiles/json-c.dir/debug.c.o",
            "ninja link EndedBeside libjson-c.so.5.2.0",
            "ninja other EndedBeside Creating library symlink libjson-c.so.5 libjson-c.so",
            "ninja link EndedBeside tests/test1Formatted",
            "ninja test BeginsBeside tests...",
            "ninja test BeginsBeside all tests.",
            "ninja compile EndedBeside pkgconf.p/cli_main.c.o",
            "ninja other EndedBeside /usr/bin/meson --internal symbolextractor /build/b libpkgconf.so.3.0.0",
        ];
        assert_eq!(told(output), expected);
    }
}
