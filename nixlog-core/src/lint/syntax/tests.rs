use std::path::Path;
use std::{fs, iter};

use proptest::prelude::*;
use rnix::SyntaxKind as Theirs;

use super::*;

/// All that the language has.
const ALL: &str = r#"# A comment.
args@{ a, b ? 1 + 2, ... }:
{ }: { x }: { x }@y: { ... }: z: /* another */
with (import <nixpkgs> { }); assert a != b -> true; let
  inherit a "b" ${"c"};
  inherit (args) d e;
  f.g."h i".${j} = -1.5e3 * 2 - 3 / 4;
  k = let { body = 1; };
in if ! a ? b.c && c || d then rec { l = a.b.c or d.e or { }; or = m or; } // { } // { n = x: y: x y; }
else "s ${a "${b}"} $${c} \${d}" + ''
  many ''${lines} ${toString [ 1 ./a ./a/${b}/c.nix ~/d /e <f/g> http://h.i/j ]}
'' ++ [ (a) b.c "d" { } [ ] ] ++ [ __curPos ] <= 3 == (x < y) |> z
"#;

/// Returns what rnix's own parser makes of a text: kinds, starts and ends; `None` where it finds it wrong.
fn theirs(source: &str) -> Option<Vec<(String, u32, u32)>> {
    let parsed = rnix::Root::parse(source);
    if !parsed.errors().is_empty() {
        return None;
    }
    let mut all = Vec::new();
    for node in parsed.syntax().descendants() {
        let is_recursive = || {
            node.children_with_tokens()
                .any(|it| it.kind() == Theirs::TOKEN_REC)
        };
        let kind = match node.kind() {
            Theirs::NODE_ROOT | Theirs::NODE_PAREN | Theirs::NODE_PATTERN => continue,
            Theirs::NODE_IDENT_PARAM | Theirs::NODE_PAT_BIND => continue,
            Theirs::NODE_IDENT | Theirs::NODE_CUR_POS => "Name",
            Theirs::NODE_LITERAL => "Literal",
            Theirs::NODE_STRING => "String",
            Theirs::NODE_INTERPOL | Theirs::NODE_DYNAMIC => "Interpolation",
            Theirs::NODE_PATH_ABS | Theirs::NODE_PATH_REL | Theirs::NODE_PATH_HOME => "Path",
            Theirs::NODE_PATH_SEARCH => "SearchPath",
            Theirs::NODE_LIST => "List",
            Theirs::NODE_ATTR_SET if is_recursive() => "RecursiveSet",
            Theirs::NODE_ATTR_SET => "Set",
            Theirs::NODE_LEGACY_LET => "LetSet",
            Theirs::NODE_LET_IN => "Let",
            Theirs::NODE_ATTRPATH_VALUE => "Binding",
            Theirs::NODE_INHERIT => "Inherit",
            Theirs::NODE_INHERIT_FROM => "InheritFrom",
            Theirs::NODE_ATTRPATH => "AttributePath",
            Theirs::NODE_SELECT => "Select",
            Theirs::NODE_HAS_ATTR => "HasAttribute",
            Theirs::NODE_APPLY => "Apply",
            Theirs::NODE_LAMBDA => "Function",
            Theirs::NODE_PAT_ENTRY => "Formal",
            Theirs::NODE_WITH => "With",
            Theirs::NODE_ASSERT => "Assert",
            Theirs::NODE_IF_ELSE => "If",
            Theirs::NODE_BIN_OP => "Binary",
            Theirs::NODE_UNARY_OP => "Unary",
            other => panic!("{other:?}"),
        };
        let range = node.text_range();
        all.push((kind.to_owned(), range.start().into(), range.end().into()));
    }
    all.sort();
    Some(all)
}

fn ours(source: &str) -> Option<Vec<(String, u32, u32)>> {
    let tree = parse(source).ok()?;
    let nodes = tree
        .all()
        .filter(|&id| !matches!(tree.kind(id), Kind::Root | Kind::Parameters));
    let named = nodes.map(|id| {
        let kind = format!("{:?}", tree.kind(id));
        let (start, end) = tree.range(id);
        (
            kind.split('(').next().unwrap_or_default().to_owned(),
            start,
            end,
        )
    });
    let mut all: Vec<_> = named.collect();
    all.sort();
    Some(all)
}

/// Returns the Nix files of the repository.
fn nix_files(folder: &Path) -> Vec<String> {
    let mut all = Vec::new();
    #[expect(clippy::disallowed_methods, reason = "the repository's own files")]
    let entries = fs::read_dir(folder).expect("a readable folder");
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name();
        if path.is_dir() && name != "target" && name != ".git" {
            all.extend(nix_files(&path));
        } else if path.extension().is_some_and(|it| it == "nix") {
            #[expect(clippy::disallowed_methods, reason = "the repository's own files")]
            all.extend(fs::read_to_string(&path));
        }
    }
    all
}

#[test]
fn the_tree_is_that_of_rnix() {
    let files = nix_files(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/..")));
    assert!(files.len() > 1, "{}", files.len());
    for source in files.iter().map(String::as_str).chain([ALL]) {
        let (ours, theirs) = (ours(source), theirs(source));
        let start: String = source.chars().take(200).collect();
        assert_eq!(
            ours.is_some(),
            theirs.is_some(),
            "{start}\n{:?}",
            parse(source).err()
        );
        assert_eq!(ours, theirs, "{start}");
    }
    assert!(ours(ALL).is_some_and(|nodes| nodes.len() > 100));
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    for (source, at, message) in [
        ("", 0, "the file ends in the middle of an expression"),
        ("{ a = 1; b }", 11, "`}` is not expected here"),
        ("a b )", 4, "`)` is not expected here"),
        ("1 < 2 < 3", 6, "`<` is not expected here"),
        ("\"${a b:\"", 6, "`:` is not expected here"),
        (
            "/* never closed",
            0,
            "`/* never closed` is not expected here",
        ),
    ] {
        let broken = parse(source).expect_err(source);
        assert_eq!(
            (broken.at, broken.message.as_str()),
            (at, message),
            "{source}"
        );
    }
}

/// On a thread with the smallest stack that rayon gives anybody: 2 MiB.
#[test]
fn no_file_exhausts_the_stack() {
    let n = 10_000;
    let deep = [
        "(",
        "[",
        "{ a = ",
        "\"${",
        "a: ",
        "{ a ? ",
        "!",
        "-",
        "if ",
        "let a = 1; in ",
        "a.b or ",
        "f (",
        "rec { ${",
    ];
    for start in deep {
        let source = start.repeat(n);
        assert!(parse(&source).is_err(), "{start}");
        assert!(crate::lint::check(&source).is_err(), "{start}");
    }
    // These are as wide as they look deep.
    for part in [" ++ a", " // a", " -> a", " + a", " a", ".a"] {
        let source = format!("a{}", part.repeat(n));
        assert!(parse(&source).is_ok(), "{part}");
    }
    let allowed = format!("{}a{}", "(".repeat(300), ")".repeat(300));
    assert!(parse(&allowed).is_ok());
    let mut bindings = String::from("{");
    bindings.extend(iter::repeat_n("a = f { b = ./.; } (a: a // b);", 1000));
    bindings.push('}');
    assert!(crate::lint::check(&bindings).is_ok());
}

#[test]
fn places_are_those_of_nix() {
    let source = "a\r\nbé c\rd\n";
    let lines = Lines::new(source);
    for (at, line, column, character) in [
        (0, 1, 1, 1),
        (3, 2, 1, 1),
        (7, 2, 5, 4),
        (9, 3, 1, 1),
        (11, 4, 1, 1),
    ] {
        let place = lines.place(at);
        assert_eq!(
            (place.line, place.column, place.character),
            (line, column, character),
            "{at}"
        );
        assert_eq!(lines.at(line, column), Some(at));
    }
    assert_eq!(lines.at(2, 99), Some(8));
    assert_eq!(lines.at(0, 1).or(lines.at(1, 0)).or(lines.at(9, 1)), None);
}

#[test]
fn attributes_of_places() {
    // `¦` is the place.
    let cases = [
        ("{ a.b = { c = ¦1; }; }", Some("a.b.c")),
        ("{ a.¦b = 1; }", Some("a.b")),
        ("{ a = 1; ¦ }", None),
        (
            "{ config.environment.systemPackages = with pkgs; [ (f ¦x) ]; }",
            Some("config.environment.systemPackages"),
        ),
        (
            "{ config, ... }: let x = 1; in { config = lib.mkIf cfg.enable { services.a = ¦1; }; }",
            Some("config.services.a"),
        ),
        (
            "{ config = mkMerge [ { a = 1; } (mkIf b { c.d = ¦1; }) ]; }",
            Some("config.c.d"),
        ),
        ("{ config = mkIf (f ¦x) { }; }", Some("config")),
        (
            "{ a = { b = 1; } // optionalAttrs c { d = ¦1; }; }",
            Some("a.d"),
        ),
        (
            "{ a = if b then { c = 1; } else { d = ¦1; }; }",
            Some("a.d"),
        ),
        ("{ a = [ (p.override { b = ¦1; }) ]; }", Some("a")),
        ("{ a.b = map (x: { c = ¦x; }) d; }", Some("a.b")),
        ("{ a = [ { b = ¦1; } ]; }", Some("a")),
        ("{ a = let b = f ¦1; in { }; }", Some("a")),
        (
            "{ imports = [ ({ pkgs, ... }: { config.a = mkIf b ¦1; }) ./c.nix ]; }",
            Some("config.a"),
        ),
        (
            "{ outputs = { self }: { x = nixosSystem { modules = [ { a.b = ¦1; } ]; }; }; }",
            Some("a.b"),
        ),
        ("{ imports = [ (f ¦x) ]; }", Some("imports")),
        ("let b = { c = ¦1; }; in { a = b; }", None),
        ("let b = f { c = ¦1; }; in { a = b; }", None),
        ("pkgs.mkShell { packages = [ ¦a ]; }", Some("packages")),
        (
            "{ pkgs }: stdenv.mkDerivation rec { src = fetchurl { url = ¦a; }; }",
            Some("src"),
        ),
        (
            "{ outputs = { self }: { packages.x = ¦1; }; }",
            Some("outputs.packages.x"),
        ),
        ("{ a.\"b c\".${d}.e = ¦1; }", Some("a.\"b c\".${d}.e")),
        ("{ a = { inherit (b) c ¦d; }; }", Some("a.d")),
        ("{ a = { inherit (¦b) c; }; }", Some("a")),
        ("¦{ a = 1; }", None),
        ("{ a = ¦; }", None),
    ];
    for (marked, want) in cases {
        let at = marked.find('¦').expect("a mark");
        let source = marked.replace('¦', "");
        let column = u32::try_from(at + 1).expect("a short line");
        assert_eq!(
            attribute_at(&source, 1, column).as_deref(),
            want,
            "{marked}"
        );
        let source = format!("\n\n{source}");
        assert_eq!(
            attribute_at(&source, 3, column).as_deref(),
            want,
            "{marked}"
        );
    }
    assert_eq!(attribute_at("{ a = 1; }", 2, 1), None);
    assert_eq!(attribute_at("{ a = 1; }", 1, 99), None);
}

/// Words that make a file now and then.
fn soup() -> impl Strategy<Value = String> {
    const WORDS: &[&str] = &[
        "a", "b", "or", "1", "1.5", "\"s\"", "\"", "${", "}", "{", "rec", "let", "in", "=", ";",
        ".", "inherit", "(", ")", "[", "]", "if", "then", "else", "with", "assert", "+", "-", "*",
        "/", "//", "++", "->", "&&", "||", "==", "<", "!", "?", "@", ":", ",", "...", "./a", "<n>",
        "''", "x:", "{}:", "a = 1;", "|>", "<|", "import", "./.",
    ];
    prop::collection::vec(prop::sample::select(WORDS), 0..24).prop_map(|words| words.join(" "))
}

proptest! {
    #[test]
    fn any_text_is_read(source in ".*") {
        drop(crate::lint::check(&source));
        drop(attribute_at(&source, 1, 3));
    }

    /// Ours takes a few things that rnix does not, as Nix does: `1 + !a`.
    #[test]
    fn what_both_take_they_take_alike(source in soup()) {
        drop(crate::lint::check(&source));
        if let (Some(ours), Some(theirs)) = (ours(&source), theirs(&source)) {
            prop_assert_eq!(ours, theirs);
        }
    }

    #[test]
    fn cut_and_mangled_files_are_read(from in 0..ALL.len(), to in 0..ALL.len(), word in soup()) {
        let start = ALL.get(..from.min(to)).unwrap_or_default();
        let rest = ALL.get(from.max(to)..).unwrap_or_default();
        for source in [start.to_owned(), rest.to_owned(), format!("{start}{word}{rest}")] {
            drop(crate::lint::check(&source));
        }
    }
}
