//! The rules, as data. The order matters: the first that fits is a line's rule.

use super::Extent::{After, Begins, Indented, Line, Paragraph, Traceback};
use super::Meaning::{DiskFull, OutOfMemory};
use super::Weight::{Cause, Consequence, Failure, Hint};
use super::{Extent, Headline, Meaning, Rule, Weight};

const fn rule(tool: &'static str, weight: Weight, pattern: &'static str, extent: Extent) -> Rule {
    Rule {
        tool,
        weight,
        pattern,
        extent,
        headline: match extent {
            Traceback => Headline::Last,
            _ => Headline::First,
        },
        meaning: None,
    }
}

/// The first line says where, and the second what.
const fn two(tool: &'static str, pattern: &'static str, extent: Extent) -> Rule {
    Rule {
        headline: Headline::Both,
        ..rule(tool, Cause, pattern, extent)
    }
}

const fn means(meaning: Meaning, tool: &'static str, pattern: &'static str) -> Rule {
    Rule {
        tool,
        weight: Cause,
        pattern,
        extent: Line,
        headline: Headline::First,
        meaning: Some(meaning),
    }
}

/// What every line has in it that fits a rule, in either case, if the rule says why.
pub(super) const SIGNS: &str = concat!(
    "error|fail|fatal|cannot|can't|can’t|could not|couldn't|not found|no such |undefined|panic|traceback|",
    "exception|\\*\\*\\*|no space|memory|denied|unbound|killed|fault|assert|abort|bad_alloc|missing|",
    "multiple definition|\\.go:|inconsistent|unable|invalid|unsupported|do not know how|not a |not in gzip|",
    "not look like|timed out|timeout|dubious|reversed|unmatched|usage:|not match|forbidden|unresolved|^! |",
    "^E |characters \\d|no package|^lua|● |npm err|went wrong|mismatch|not satisf|BUG:|unexpected"
);

/// How tools word their errors.
#[rustfmt::skip]
pub const RULES: &[Rule] = &[
    // What memory and disks have to say, whoever says it.
    means(DiskFull, "disk", r"No space left on device|Disk quota exceeded|database or disk is full"),
    means(OutOfMemory, "memory", r"(?:virtual memory|memory) exhausted|[Oo]ut of memory|Cannot allocate memory|std::bad_alloc|^(?:\w+\.)*MemoryError\b|Killed signal terminated program|heap out of memory|java\.lang\.OutOfMemoryError|memory allocation of \d+ bytes failed"),

    // What other errors led to.
    rule("make", Consequence, r"^(?:g?make|gmake|bmake)(?:\[\d+\])?: \*\*\* \[?.*(?:Error \d+|Terminated|Interrupt|Waiting for unfinished jobs)", Line),
    rule("make", Consequence, r"^(?:g?make)(?:\[\d+\])?: Target .* not remade", Line),
    rule("ninja", Consequence, r"^ninja: (?:build stopped|error: rebuilding)|^ninja: subcommand failed", Line),
    rule("gcc", Consequence, r"^compilation terminated\.|^collect2: |^\d+ errors? generated|^clang.*: error: linker command failed|^\d+ errors?$", Line),
    rule("cargo", Consequence, r"^error: (?:could not compile|aborting due to|test failed|build failed|\d+ targets? failed|process didn't exit successfully)|^Some errors have detailed explanations|^test result: FAILED|^For more information about", Line),
    rule("go", Consequence, r"^FAIL(?:\t|$)", Line),
    rule("python", Consequence, r"^error: (?:subprocess-exited-with-error|metadata-generation-failed|legacy-install-failure|command '?[^ ]+ failed)|^(?:FAILED|ERROR) \((?:failures|errors)=|^=+ .*\b(?:failed|error)s?\b.* in [\d.]+s.*=+$|^!+ .*Interrupted|^=+ (?:FAILURES|ERRORS) =+$|^ERROR: Failed building wheel", Line),
    rule("npm", Consequence, r"^npm (?:ERR!|error) (?:A complete log|code ELIFECYCLE|Lifecycle script|errno|path|command|$)", Line),
    rule("meson", Consequence, r"^(?:Ok|Expected Fail|Fail|Unexpected Pass|Skipped|Timeout): +\d+", Line),
    rule("cmake", Consequence, r"^-- Configuring incomplete, errors occurred|^CMake Error: The following variables are used|^Errors while running CTest|^\d+% tests passed", Line),
    rule("stdenv", Consequence, r"^(?:builder for|error: builder for) '", Line),
    rule("perl", Consequence, r"^Result: FAIL|^Failed \d+/\d+ (?:subtests|test programs)|^BEGIN failed--|^# Looks like you failed", Line),
    rule("maven", Consequence, r"^\[ERROR\] *(?:$|To see the full stack trace|Re-run Maven|For more information|\[Help|-> \[Help|After correcting)|^\[INFO\] BUILD FAILURE|^BUILD FAILED", Line),

    // Compilers and linkers.
    rule("ld", Cause, r"undefined reference to |: undefined symbol|cannot find -l|multiple definition of |final link failed|^(?:\S*/)?ld(?:\.\w+)?: (?:error: )?cannot find |Undefined symbols for architecture|^ld: symbol\(s\) not found|unresolved external symbol|file format not recognized|DSO missing from command line", Line),
    rule("swift", Cause, r"^\S+\.swift:\d+:\d+: error: ", Indented),
    rule("autoconf", Cause, r"^(?:configure\.(?:ac|in)|aclocal\.m4):\d+: error: ", Line),
    rule("rustc", Cause, r"^error\[E\d+\]: ", Paragraph),
    rule("ghc", Cause, r"^\S+\.l?hs:\d+:\d+(?:-\d+)?: error", Paragraph),
    rule("java", Cause, r"^\S+\.(?:java|kt|scala|groovy):\d+(?::\d+)?: (?:error|e): ", After(2)),
    rule("typescript", Cause, r"^\S+\.[cm]?tsx?(?:\(\d+,\d+\)|:\d+:\d+)(?::| -) error TS\d+: ", Line),
    rule("gcc", Cause, r"^(?:[^\s:][^:]*):\d+(?::\d+)?: (?:fatal |internal compiler )?error: ", Indented),
    rule("gcc", Cause, r"^(?:cc1\w*|gcc|g\+\+|cc|c\+\+|clang(?:\+\+|-\d+)?|as|f951|ld\.lld|mold|lld)(?:: |: fatal |: internal compiler )+error: ", Line),
    rule("gcc", Cause, r"^\S+:\d+: Error: ", Line),
    rule("go", Cause, r"^(?:vet: |# )?(?:\./|\.\./|/)?[^\s:]+\.go:\d+(?::\d+)?: ", Line),
    rule("go", Cause, r"^\s+[^\s:]+_test\.go:\d+: ", Line),
    rule("go", Cause, r"^go: .*(?:inconsistent|cannot|not found|no required|missing|invalid|requires|disabled|error|unknown)", Indented),
    rule("go", Cause, r"^(?:panic|fatal error): ", After(6)),
    two("rust", r"^thread '.*' (?:\(\d+\) )?panicked at ", After(3)),
    rule("cargo", Cause, r"^error: failed to |^error: no matching package|^error: the lock file |^error: package `", Paragraph),
    rule("tex", Cause, r"^! ", After(2)),
    two("ocaml", r#"^File ".*", lines? \d+(?:-\d+)?, characters \d+-\d+:"#, After(6)),

    // Configuration.
    two("cmake", r"^CMake Error", Indented),
    rule("meson", Cause, r"meson\.build:\d+:\d+: ERROR: ", Line),
    rule("configure", Cause, r"configure: error: ", After(1)),
    rule("pkg-config", Cause, r"^Package .* was not found in the pkg-config search path|^No package '.*' found", Line),

    // Languages with tracebacks.
    rule("pytest", Cause, r"^E  ", Begins("E  ")),
    rule("python", Cause, r"^Traceback \(most recent call last\):", Traceback),
    rule("exception", Cause, r"^(?:\w+\.)*\w*(?:Error|Exception): ", Line),
    rule("python", Cause, r"^(?:\S*/)?python[\d.]*: (?:No module named|can't open file)", Line),
    rule("node", Cause, r"^(?:Uncaught )?(?:[A-Z]\w*)?(?:Error|Exception) \[\w+\]: ", After(4)),
    rule("ruby", Cause, r"^.+:\d+:in .+\((?:\w|::)+\)$", Line),
    rule("java", Cause, r"^Exception in thread ", After(3)),
    rule("perl", Cause, r"^Can't locate \S+ in @INC|^Can't (?:open|exec|find) |^syntax error at \S+ line \d+", Line),
    rule("perl", Cause, r"^#   Failed test ", Begins("#  ")),
    rule("lua", Cause, r"^lua[\d.]*: .*:\d+: ", Line),

    // Test runners.
    two("gtest", r"^\S+:\d+: Failure$", After(4)),
    rule("jest", Cause, r"^\s*● .+ › ", After(6)),
    rule("python", Failure, r"^(?:FAIL|ERROR): test\w* \(", Line),
    rule("pytest", Failure, r"^(?:FAILED|ERROR) \S+", Line),
    rule("go", Failure, r"^\s*--- FAIL: ", Line),
    rule("cargo", Failure, r"^test .+ \.\.\. FAILED", Line),
    rule("nextest", Failure, r"^\s+(?:FAIL|SIGABRT|SIGSEGV|TIMEOUT) \[", Line),
    rule("automake", Failure, r"^(?:FAIL|XPASS): \S+|^ERROR: \S+$", Line),
    rule("ctest", Failure, r"\*\*\*(?:Failed|Timeout|Exception|Not Run)", After(6)),
    rule("ctest", Failure, r"^\s+\d+ - .+ \((?:Failed|Timeout|SEGFAULT|Subprocess aborted|Not Run)\)", Line),
    rule("meson", Failure, r"^\s*\d+/\d+ .* (?:FAIL|ERROR|TIMEOUT) +[\d.]+s", Line),
    rule("gtest", Failure, r"^\[  FAILED  \] ", Line),
    rule("ninja", Failure, r"^FAILED: ", Line),

    // The build environment of nixpkgs.
    rule("patch", Cause, r"^Hunk #\d+ FAILED|hunks? FAILED|^can't find file to patch|^Reversed \(or previously applied\) patch detected|^patch: \*\*\*\*", Line),
    rule("stdenv", Cause, r"substitute(?:Stream|InPlace|All)?\(\).*(?:ERROR|does not exist)|^do not know how to unpack|^unpacker appears to have produced no directories|^unpacker produced multiple directories|^variable \$\S+ (?:not set|is not)|^ERROR: noBrokenSymlinks|auto-patchelf could not satisfy dependency|^Error: detected references to forbidden paths|^ERROR: cargoHash or cargoSha256 is out of date|^ERROR: (?:npmDepsHash|pnpmDeps) is out of date|^RPATH of binary .* contains a forbidden reference", After(2)),
    rule("python", Cause, r"^(?:ERROR|error): (?:Could not find a version|No matching distribution|Missing dependencies)|^\s+- \S+ not installed$|^  - .* not satisfied by version ", After(2)),

    // Package managers and build tools.
    rule("npm", Failure, r"^npm (?:ERR!|error) ", Line),
    rule("yarn", Cause, r"^➤ YN\d+: .*(?:Error|can't|couldn't)|^error An unexpected error", Line),
    two("gradle", r"^\* What went wrong:", After(3)),
    rule("maven", Failure, r"^\[ERROR\] ", Line),
    rule("make", Cause, r"^g?make(?:\[\d+\])?: \*\*\* (?:No rule to make target|No targets|missing separator|.*[Ss]top\.)|^\S*[Mm]akefile\S*:\d+: \*\*\* ", Line),
    rule("git", Cause, r"^fatal: ", Line),
    rule("bison", Cause, r"^\S+\.(?:y|l|yy|ll):\d+(?:\.\d+(?:-\d+)?)?: (?:error|syntax error)", Indented),

    // Shells and the programs that they run.
    rule("system", Failure, r"(?:Segmentation fault|Bus error|Illegal instruction|Aborted|Killed)(?: +\(core dumped\))?(?:  .*)?$|Trace/breakpoint trap", Line),
    rule("shell", Cause, r": (?:command )?not found$|: unbound variable$|: bad substitution$|: syntax error |: ambiguous redirect$|: Permission denied$|: cannot execute", Line),
    rule("shell", Cause, r"^\S*(?:sh|bash|/stdenv/setup|setup\.sh|environment): (?:line )?\d+: ", Line),
    rule("system", Cause, r"Assertion .* failed|[Aa]ssertion failed", Line),
    rule("coreutils", Failure, r"^(?:cp|mv|install|mkdir|ln|rm|cat|chmod|tar|ls|touch|sed|grep|find|stat|rmdir|gzip|unzip|xz|bzip2|dd|head|tail|sort|awk|gawk|cmp|diff|test|cd|rsync|strip|objcopy|patchelf|wrapProgram|makeWrapper): ", Line),
    rule("system", Failure, r"No such file or directory$|Permission denied|Operation not permitted|Read-only file system|Exec format error|cannot open shared object file", Line),

    // Whoever says so.
    rule("error", Cause, r"^(?:ERROR|Error|error|FATAL|Fatal|fatal)(?: error)?: ", After(2)),
    rule("error", Failure, r"^\S+: (?:ERROR|Error|error|fatal|FATAL)(?: error)?: ", Line),
    rule("error", Hint, r"(?i)\b(?:error|fatal|failed|failure)\b", Line),
];
