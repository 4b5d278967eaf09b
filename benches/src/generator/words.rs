//! Names, store paths and the lines that builds print.

use std::fmt::Write as _;

use super::rng::Rng;

const NOUNS: &[&str] = &[
    "alloc", "buffer", "codec", "driver", "event", "frame", "graph", "hash", "index", "journal",
    "kernel", "linker", "module", "node", "object", "parser", "queue", "render", "socket", "table",
];

const PACKAGES: &[&str] = &[
    "acl",
    "boost",
    "curl",
    "dbus",
    "expat",
    "fontconfig",
    "glib",
    "harfbuzz",
    "icu4c",
    "jansson",
    "krb5",
    "libxml2",
    "mesa",
    "ncurses",
    "openssl",
    "pcre2",
    "qtbase",
    "readline",
    "sqlite",
    "systemd",
    "texinfo",
    "util-linux",
    "vala",
    "wayland",
    "xz",
    "zlib",
];

const PREFIXES: &[&str] = &["", "", "lib", "go-", "py-", "perl5.38.2-", "haskell-"];

/// The builder phases of stdenv, with each one's share of a build's output in percent.
pub(super) const PHASES: &[(&str, u64)] = &[
    ("unpackPhase", 4),
    ("patchPhase", 3),
    ("configurePhase", 20),
    ("buildPhase", 45),
    ("checkPhase", 12),
    ("installPhase", 8),
    ("fixupPhase", 8),
];

/// Appends to a text; a `String` takes any.
macro_rules! put {
    ($out:expr, $($arg:tt)*) => {
        write!($out, $($arg)*).expect("a String takes any text")
    };
}

/// Returns a package's name with a version.
pub(super) fn package(rng: &mut Rng) -> String {
    let prefix = rng.pick(PREFIXES);
    let name = rng.pick(PACKAGES);
    let (major, minor, patch) = (rng.below(5), rng.below(20), rng.below(10));
    format!("{prefix}{name}-{major}.{minor}.{patch}")
}

/// Returns `<hash>` in Nix's alphabet: no `e`, `o`, `t` or `u`.
pub(super) fn hash(rng: &mut Rng, len: usize) -> String {
    const BASE32: &[u8; 32] = b"0123456789abcdfghijklmnpqrsvwxyz";
    (0..len)
        .map(|_| char::from(BASE32[rng.index(BASE32.len())]))
        .collect()
}

/// Returns `/nix/store/<hash>-<name>`.
pub(super) fn store_path(rng: &mut Rng, name: &str) -> String {
    format!("/nix/store/{}-{name}", hash(rng, 32))
}

/// Writes one line of a build's output, as the phase and the package have it.
pub(super) fn log_line(out: &mut String, rng: &mut Rng, phase: usize, path: &str) {
    let (a, b, c) = (rng.pick(NOUNS), rng.pick(NOUNS), rng.pick(NOUNS));
    let n = rng.below(100);
    match (PHASES[phase].0, rng.below(8)) {
        ("unpackPhase", _) => put!(out, "unpacking source archive source/{a}-{b}/{c}{n}.tar.xz"),
        ("patchPhase", _) => put!(out, "applying patch {n:04}-{a}-{b}-{c}.patch"),
        ("configurePhase", 0) => put!(out, "config.status: creating {a}/{b}/Makefile"),
        ("configurePhase", 1) => put!(out, "checking whether {a} supports {b}... no"),
        ("configurePhase", 2) => put!(out, "checking for {path}/include/{a}/{b}.h... yes"),
        ("configurePhase", 3) => {
            put!(
                out,
                "checking for x86_64-unknown-linux-gnu-{a}... {path}/bin/{b}"
            );
        }
        ("configurePhase", _) => put!(
            out,
            "-- Looking for {a}_{b}_{c}_create in {path}/lib/lib{a}.so - found"
        ),
        ("buildPhase", 0 | 1) => put!(out, "  CC       {a}/{b}.o"),
        ("buildPhase", 2) => put!(
            out,
            "{a}/{b}.c:{n}:7: \u{1b}[35;1mwarning:\u{1b}[m unused variable \u{1b}[1m{c}\u{1b}[m [-Wunused-variable]"
        ),
        ("buildPhase", 3) => put!(
            out,
            "g++ -DVERSION=\"{n}.{n}\" -I. -I{path}/include -O2 -fPIC -c src/{a}/{b}.cc -o {a}-{b}.o"
        ),
        ("buildPhase", 4..=6) => put!(
            out,
            "[{n:>3}%] Building CXX object src/{a}/CMakeFiles/{b}.dir/{c}/{a}_{b}.cc.o"
        ),
        ("buildPhase", _) => put!(
            out,
            "libtool: compile:  gcc -DHAVE_CONFIG_H -I. -I../{a} -I../{b}/include -O2 -c {c}.c -fPIC -o .libs/{a}_{c}.o"
        ),
        ("checkPhase", 0) => put!(out, "PASS: test-{a}-{b}-{n}"),
        ("checkPhase", 1) => put!(
            out,
            "test {a}::{b}::tests::it_keeps_the_{c}_across_{n}_calls ... ok"
        ),
        ("checkPhase", _) => put!(
            out,
            "{n:>3}/100 {a}:{b} / {a}-{b}-{c}-regression-{n:03}          \u{1b}[32mOK\u{1b}[0m              0.{n:02}s"
        ),
        ("installPhase", _) => put!(
            out,
            "/bin/install -c -m 644 {a}/{b}.h {path}/include/{a}/{b}.h"
        ),
        (_, _) => put!(
            out,
            "shrinking RPATHs of ELF executables and libraries in {path}/lib/{a}{n}.so"
        ),
    }
}

/// Writes one line that is dense with quotes, backslashes and colors, as test runners, linters and
/// compilers with `--message-format=json` print them.
pub(super) fn escaped_line(out: &mut String, rng: &mut Rng, phase: usize, path: &str) {
    let (a, b, c) = (rng.pick(NOUNS), rng.pick(NOUNS), rng.pick(NOUNS));
    let n = rng.below(100);
    match rng.below(5) {
        0 => put!(
            out,
            r#"{{"reason":"{a}","target":{{"kind":["{b}"],"name":"{c}","src":"C:\\{a}\\{b}\\{c}.rs"}},"features":["{a}","{b}"],"fresh":"{n}"}}"#
        ),
        1 => put!(
            out,
            "\u{1b}[0m\u{1b}[1m\u{1b}[38;5;9merror\u{1b}[0m\u{1b}[0m\u{1b}[1m: \"{a}\" in \u{1b}[0m\u{1b}[1m\u{1b}[38;5;12m\"{b}\"\u{1b}[0m\t\u{1b}[32m{n}\u{1b}[0m"
        ),
        2 => put!(
            out,
            r#"sed -e "s/\\({a}\\)\\.\\({b}\\)/\"\\1\\\\\\2\"/" -e 's,"{c}","\\t\\n",' -e "s|\\\"|'|" {n}.in"#
        ),
        3 => put!(
            out,
            "{{\"v\":\"\u{1b}[33m{a}\u{1b}[0m\",\"e\":\"\\\"{b}\\\"\",\"p\":\"\\\\\\\\{c}\\\\{n}\",\"t\":\"\\u00e9\\n\"}}"
        ),
        _ => put!(
            out,
            "\t\"{path}\"\t\"{}\"\t\"{a}\\{b}\\{c}\"\t\u{1b}[1m\"{n}\"\u{1b}[m",
            PHASES[phase].0
        ),
    }
}
