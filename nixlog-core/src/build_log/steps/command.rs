//! Commands of compilers, linkers and archivers, as make prints them before it runs them.

use memchr::memmem;

use super::StepKind;

/// Runs what comes behind it.
const WRAPPERS: &[&str] = &[
    "/bin/sh",
    "/bin/bash",
    "sh",
    "bash",
    "ccache",
    "sccache",
    "distcc",
    "time",
];

/// Programs, and what they are for where their flags do not tell.
const PROGRAMS: &[(&str, Program)] = &[
    ("gcc", Program::Compiler),
    ("g++", Program::Compiler),
    ("cc", Program::Compiler),
    ("c++", Program::Compiler),
    ("clang", Program::Compiler),
    ("clang++", Program::Compiler),
    ("gfortran", Program::Compiler),
    ("libtool", Program::Libtool),
    ("ld", Program::Linker),
    ("ar", Program::Archiver),
    ("ranlib", Program::Archiver),
    ("bison", Program::Other),
    ("flex", Program::Other),
    ("makeinfo", Program::Other),
    ("help2man", Program::Other),
    ("install", Program::Installer),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Program {
    Compiler,
    Linker,
    Archiver,
    Libtool,
    Installer,
    Other,
}

/// Tells what a command does, and to which file.
pub(super) fn read(line: &str) -> Option<(StepKind, &str)> {
    let mut rest = line;
    let program = loop {
        let (word, behind) = rest.trim_start().split_once(' ')?;
        rest = behind;
        if WRAPPERS.contains(&word) {
            continue;
        }
        break program(word)?;
    };
    match program {
        Program::Compiler => compiler(rest),
        Program::Linker => Some((StepKind::Link, output(rest)?)),
        Program::Archiver => {
            let is_archive = |word: &&str| has_extension(word, &["a"]);
            let archive = rest.split_ascii_whitespace().find(is_archive)?;
            Some((StepKind::Link, archive))
        }
        Program::Libtool => {
            let (_, mode) = rest.split_once("--mode=")?;
            let (mode, command) = mode.split_once(' ')?;
            match mode {
                "compile" => Some((
                    StepKind::Compile,
                    output(command).or_else(|| source(command))?,
                )),
                "link" => Some((StepKind::Link, output(command)?)),
                "install" => Some((
                    StepKind::Install,
                    command.split_ascii_whitespace().next_back()?,
                )),
                _ => None,
            }
        }
        // With flags: prose may begin with the word.
        Program::Installer if rest.starts_with('-') => Some((
            StepKind::Install,
            rest.split_ascii_whitespace().next_back()?,
        )),
        Program::Installer => None,
        Program::Other => {
            let file = rest.split_ascii_whitespace().next_back()?;
            file.contains('.').then_some((StepKind::Other, file))
        }
    }
}

/// Finds a program by its name: `/nix/store/…/bin/x86_64-linux-gnu-gcc-12`.
fn program(word: &str) -> Option<Program> {
    let name = word.rsplit('/').next()?;
    let mut parts = name.rsplit('-');
    let mut last = parts.next()?;
    if last.starts_with(|c: char| c.is_ascii_digit()) {
        last = parts.next()?;
    }
    let known = PROGRAMS.iter().find(|(known, _)| *known == last);
    known.map(|(_, program)| *program)
}

fn compiler(flags: &str) -> Option<(StepKind, &str)> {
    let has = |flag: &str| memmem::find(flags.as_bytes(), flag.as_bytes()).is_some();
    if flags.starts_with("-c ") || has(" -c ") || flags.ends_with(" -c") {
        return Some((StepKind::Compile, output(flags).or_else(|| source(flags))?));
    }
    // Neither a compilation nor a link: `-E`, `-M`, `--version`.
    Some((StepKind::Link, output(flags)?))
}

/// Returns what is behind `-o`.
fn output(flags: &str) -> Option<&str> {
    let behind = match flags.strip_prefix("-o ") {
        Some(behind) => behind,
        None => &flags[memmem::rfind(flags.as_bytes(), b" -o ")? + 4..],
    };
    behind.split_ascii_whitespace().next()
}

/// Returns the last source file.
fn source(flags: &str) -> Option<&str> {
    const SOURCES: &[&str] = &[
        "c", "cc", "cpp", "cxx", "C", "S", "s", "m", "mm", "f", "f90", "F90",
    ];
    let mut words = flags.rsplit(|c: char| c.is_ascii_whitespace());
    words.find(|word| has_extension(word, SOURCES))
}

fn has_extension(word: &str, extensions: &[&str]) -> bool {
    let extension = word.rsplit_once('.').map(|(_, extension)| extension);
    extension.is_some_and(|extension| extensions.contains(&extension))
}

#[cfg(test)]
mod tests {
    use super::super::told;

    #[test]
    fn what_make_prints_before_it_runs_it() {
        // Lua 5.4.4 and GNU Hello 2.10, GNU Make 4.3, gcc 12.2.
        let output = r#"
gcc -std=gnu99 -O2 -Wall -Wextra -DLUA_COMPAT_5_3     -c -o lapi.o lapi.c
gcc -std=gnu99 -O2 -Wall -Wextra -DLUA_COMPAT_5_3    -c lcode.c
ar rcu liblua.a lapi.o lcode.o lctype.o ldebug.o
ar: `u' modifier ignored since `D' is the default (see `U')
ranlib liblua.a
gcc -std=gnu99 -o lua   lua.o liblua.a -lm  
/usr/bin/ld: liblua.a(loslib.o): in function `os_tmpname':
gcc -DLOCALEDIR=\"/usr/share/locale\" -DHAVE_CONFIG_H -I. -g -O2 -MT src/hello.o -MD -MP -MF $depbase.Tpo -c -o src/hello.o src/hello.c &&\
 /usr/bin/mkdir -p '/tmp/inst/bin'
/usr/bin/install -c -m 644 lua.h luaconf.h /tmp/inst/include
gcc -E -dM - < /dev/null
gcc is a compiler with -c and -o
"#;
        let expected = [
            "make compile BeginsBeside lapi.o",
            "make compile BeginsBeside lcode.c",
            "make link BeginsBeside liblua.a",
            "make link BeginsBeside liblua.a",
            "make link BeginsBeside lua",
            "make compile BeginsBeside src/hello.o",
            "make install BeginsBeside /tmp/inst/include",
        ];
        assert_eq!(told(output), expected);
    }

    #[test]
    fn a_compiler_has_many_names() {
        let output = "\
/nix/store/7ajh8plhm64ypnph30js1a3lq6zsyxqr-gcc-wrapper-12/bin/x86_64-unknown-linux-gnu-g++-12 -c -o a.o a.cc
ccache clang -c a.c
/bin/sh ./libtool --tag=CC --mode=compile gcc -DX -c -o src/a.lo src/a.c
/bin/bash ../libtool  --tag=CC   --mode=link gcc -g -O2   -o libjq.la -rpath /usr/lib a.lo
";
        let expected = [
            "make compile BeginsBeside a.o",
            "make compile BeginsBeside a.c",
            "make compile BeginsBeside src/a.lo",
            "make link BeginsBeside libjq.la",
        ];
        assert_eq!(told(output), expected);
    }
}
