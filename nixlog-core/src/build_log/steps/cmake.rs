//! `CMake`: what it looks for while it configures, one after the other, and the makefiles that it writes, which
//! print a line when a step begins, and one when all of a target is there.

use super::{Rule, Says::*, StepKind::*, rule};

pub(super) const RULES: &[Rule] = &[
    rule(BeginsBeside, Compile, "[{n}%] Building {*} object {name}"),
    rule(BeginsBeside, Link, "[{n}%] Linking {*} executable {name}"),
    rule(BeginsBeside, Link, "[{n}%] Linking {*} library {name}"),
    rule(BeginsBeside, Link, "[{n}%] Linking {*} module {name}"),
    rule(Closes, Other, "[{n}%] Built target {name}"),
    rule(BeginsBeside, Other, "[{n}%] Generating {name}"),
    rule(Works, Test, "[{n}%] Running {*}"),
    rule(BeginsBeside, Other, "[{n}%] {command}"),
    rule(Closes, Configure, "-- Looking for {name} - {*}"),
    rule(BeginsTold, Configure, "-- Looking for {name}"),
    rule(Closes, Configure, "-- Check size of {name} - {*}"),
    rule(BeginsTold, Configure, "-- Check size of {name}"),
    rule(Closes, Configure, "-- Performing Test {name} - {*}"),
    rule(BeginsTold, Configure, "-- Performing Test {name}"),
    rule(Closes, Configure, "-- Detecting {name} - {*}"),
    rule(BeginsTold, Configure, "-- Detecting {name}"),
    rule(Closes, Configure, "-- Check for {name} - {*}"),
    rule(BeginsTold, Configure, "-- Check for {name}"),
    rule(
        Answers,
        Configure,
        "-- The {name} compiler identification is {*}",
    ),
    rule(Answers, Configure, "-- Configuring done{*}"),
    rule(Answers, Configure, "-- Generating done{*}"),
    rule(Works, Configure, "-- Build files have been written to: {*}"),
    rule(Begins, Install, "-- Installing: {name}"),
    rule(Begins, Install, "-- Up-to-date: {name}"),
    rule(Works, Install, "-- Install configuration: {*}"),
    rule(Begins, Install, "Install the project...{*}"),
];

#[cfg(test)]
mod tests {
    use super::super::told;

    #[test]
    fn cmake_and_its_makefiles() {
        // json-c 0.16, CMake 3.25, GNU Make 4.3.
        let output = "
-- The C compiler identification is GNU 12.2.0
-- Detecting C compiler ABI info
-- Detecting C compiler ABI info - done
-- Check for working C compiler: /usr/bin/cc - skipped
-- Looking for uselocale
-- Looking for uselocale - found
-- Check size of int64_t
-- Check size of int64_t - done
-- Performing Test HAS_GNU_WARNING_LONG
-- Performing Test HAS_GNU_WARNING_LONG - Failed
-- Wrote /build/json-c-0.16/b/json_config.h
-- Configuring done
-- Generating done
-- Build files have been written to: /build/json-c-0.16/b
[  1%] Building C object CMakeFiles/json-c.dir/arraylist.c.o
[ 33%] Linking C shared library libjson-c.so
[ 33%] Built target json-c
[ 47%] Linking C executable test4
Install the project...
-- Install configuration: \"debug\"
-- Installing: /usr/lib/libjson-c.so.5.2.0
";
        let expected = [
            "cmake configure Answers C",
            "cmake configure BeginsTold C compiler ABI info",
            "cmake configure Closes C compiler ABI info",
            "cmake configure Closes working C compiler: /usr/bin/cc",
            "cmake configure BeginsTold uselocale",
            "cmake configure Closes uselocale",
            "cmake configure BeginsTold int64_t",
            "cmake configure Closes int64_t",
            "cmake configure BeginsTold HAS_GNU_WARNING_LONG",
            "cmake configure Closes HAS_GNU_WARNING_LONG",
            "cmake configure Answers -- Configuring done",
            "cmake configure Answers -- Generating done",
            "cmake configure Works ",
            "cmake compile BeginsBeside CMakeFiles/json-c.dir/arraylist.c.o",
            "cmake link BeginsBeside libjson-c.so",
            "cmake other Closes json-c",
            "cmake link BeginsBeside test4",
            "cmake install Begins Install the project...",
            "cmake install Works ",
            "cmake install Begins /usr/lib/libjson-c.so.5.2.0",
        ];
        assert_eq!(told(output), expected);
    }
}
