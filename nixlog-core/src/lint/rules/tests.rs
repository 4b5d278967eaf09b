use crate::lint::{Checked, Rule, check, join};

fn found(source: &str) -> Vec<(Rule, u32, u32)> {
    let checked = check(source).unwrap_or_else(|error| panic!("{error:?} in {source}"));
    let mut files = [checked];
    join(&mut files);
    let findings = files[0].findings.iter();
    findings.map(|it| (it.rule, it.line, it.column)).collect()
}

/// Holds each text to what is to be found in it: nothing, or one thing of a rule.
fn hold(rule: Rule, bad: &[&str], fine: &[&str]) {
    for source in bad {
        let rules: Vec<Rule> = found(source).into_iter().map(|(rule, ..)| rule).collect();
        assert_eq!(rules, [rule], "{source}");
    }
    for source in fine {
        assert_eq!(found(source), [], "{source}");
    }
}

fn lines(n: usize, line: &str) -> String {
    format!("{line}\n").repeat(n)
}

#[test]
fn with() {
    let module = |n| {
        format!(
            "{{ lib, ... }}:\nwith lib;\nlet c = 1; in {{\n{}}}",
            lines(n, "x = 1;")
        )
    };
    let inner = |n| format!("{{ a = with lib; {{\n{}}}; b = 1; }}", lines(n, "x = 1;"));
    assert_eq!(found(&module(30)), [(Rule::With, 2, 1)]);
    assert_eq!(found(&module(10)), []);
    assert_eq!(found(&inner(60)), [(Rule::With, 1, 7)]);
    assert_eq!(found(&inner(40)), []);
    let twice = format!("with lib; with types; {{\n{}}}", lines(60, "x = 1;"));
    assert_eq!(found(&twice), [(Rule::With, 1, 1)]);
    let list = lines(100, "name");
    let fine = [
        format!("{{ environment.systemPackages = with pkgs; [\n{list}]; }}"),
        format!("{{ p = with pkgs; [\n{list}] ++ lib.optionals a [\n{list}] ++ [ b ]; }}"),
        format!("python3.withPackages (ps: with ps; [\n{list}])"),
        format!("{{ meta = with lib; {{\n{}}}; }}", lines(80, "x = 1;")),
    ];
    for source in fine {
        assert_eq!(found(&source), [], "{source}");
    }
}

#[test]
fn recursive_sets() {
    hold(
        Rule::RecursiveSet,
        &[
            "mkDerivation rec { pname = \"a\"; version = \"1\"; }",
            "rec { a = 1; b = x.a; }",
            "rec { a = 1; b = { a = 2; }; }",
            "rec { inherit a; b = 1; }",
            "rec { inherit (x) a; b = 1; }",
            "{ a = rec { b = 1; c = b; }.c; }",
        ],
        &[
            "mkDerivation rec { version = \"1\"; src = f { url = \"u-${version}\"; }; }",
            "rec { a = 1; b = { inherit a; }; }",
            "rec { a.b = 1; c = a.b; }",
            "rec { a = 1; b = with x; a; }",
            "rec { \"a\" = 1; b = a; }",
            "rec { a = 1; ${x} = 2; }",
            "rec { a = 1; b = { ${a} = 2; }; }",
            "rec { a = x: a; }",
            "rec { }",
            "{ a = 1; b = 2; }",
        ],
    );
}

#[test]
fn imports_from_derivations() {
    hold(
        Rule::ImportFromDerivation,
        &[
            "{ pkgs }: import (pkgs.runCommand \"a\" { } \"\")",
            "{ pkgs }: import (pkgs.runCommand \"a\" { } \"\") { a = 1; }",
            "{ pkgs }: let d = pkgs.runCommand \"a\" { } \"\"; in import \"${d}/x.nix\"",
            "{ pkgs }: let d = pkgs.runCommand \"a\" { } \"\"; in import (d + \"/x.nix\") { }",
            "{ pkgs }: builtins.readFile \"${pkgs.hello}/share/x\"",
            "{ pkgs }: builtins.fromJSON (builtins.readFile \"${pkgs.hello}/x.json\")",
            "{ pkgs }: builtins.fromTOML (readFile (pkgs.fetchurl { url = \"u\"; sha256 = \"s\"; }))",
            "{ pkgs, lib }: lib.importJSON (pkgs.runCommand \"a\" { } \"\")",
            "{ fetchFromGitHub }: import (fetchFromGitHub { owner = \"a\"; }) { }",
            "{ fetchurl }: builtins.readFile (fetchurl { url = \"u\"; })",
            "with import <nixpkgs> { }; builtins.readDir (fetchurl { url = \"u\"; })",
            "{ stdenv }: builtins.readDir (stdenv.mkDerivation { name = \"a\"; }).out",
            "{ pkgs }: import \"${pkgs.home-manager.src}/nixos\"",
            "{ pkgs }: builtins.readFile \"${pkgs.vimPlugins.a}/b.conf\"",
            "let pkgs = import ./nixpkgs { }; in import \"${pkgs.a}/b.nix\"",
            "let pkgs = nixpkgs.legacyPackages.${system}; in import \"${pkgs.a}/b.nix\"",
            "{ pkgs }: pkgs.callPackage (pkgs.fetchFromGitHub { owner = \"a\"; }) { }",
            "{ pkgs }: import (toString (pkgs.hello.overrideAttrs (o: { })))",
            "{ haskellPackages }: haskellPackages.callCabal2nix \"a\" ./a { }",
            "{ pkgs }: let inherit (builtins) readFile; in readFile pkgs.hello",
        ],
        &[
            "import ./a.nix { }",
            "let pkgs = import ./sources.nix; in import \"${pkgs.a}/b.nix\" { }",
            "{ pkgs }: import \"${pkgs.inputs.a}/b.nix\"",
            "{ pkgs }: import pkgs.path { }",
            "{ pkgs }: import (pkgs.path + \"/nixos\")",
            "{ pkgs }: import \"${pkgs.path}/nixos\"",
            "{ pkgs }: import \"${pkgs.lib.x}/nixos\"",
            "{ pkgs }: import ./versions/${pkgs.system}.nix",
            "{ pkgs }: import \"/etc/${pkgs.system}.nix\"",
            "{ modulesPath }: import \"${modulesPath}/profiles/x.nix\"",
            "{ self, nixpkgs }: import nixpkgs { system = \"a\"; }",
            "{ inputs }: import \"${inputs.nixpkgs}/lib\"",
            "import (builtins.fetchTarball { url = \"u\"; sha256 = \"s\"; }) { }",
            "import (builtins.fetchurl { url = \"u\"; sha256 = \"s\"; }) { }",
            "let inherit (builtins) fetchurl; in import (fetchurl { url = \"u\"; sha256 = \"s\"; }) { }",
            "{ fetchurl ? import <nix/fetchurl.nix> }: { src = fetchurl { url = \"u\"; sha256 = \"s\"; }; }",
            "let sources = import ./sources.nix; in import sources.nixpkgs { }",
            "{ pkgs }: pkgs.writeText \"a\" (builtins.readFile ./a)",
            "{ pkgs }: pkgs.callPackage ./a.nix { x = pkgs.runCommand \"a\" { } \"\"; }",
            "{ pkgs }: pkgs.runCommand \"a\" { } \"cat ${pkgs.hello}/x\"",
            "{ pkgs }: let readFile = x: x; in readFile pkgs.hello",
            "{ pkgs }: f (pkgs.runCommand \"a\" { } \"\")",
            "{ lib }: lib.importJSON ./a.json",
            "let a = a; in import a",
        ],
    );
}

#[test]
fn fetches_without_a_hash() {
    hold(
        Rule::FetchWithoutHash,
        &[
            "fetchTarball \"https://a/${rev}.tar.gz\"",
            "builtins.fetchTarball https://a/b.tar.gz",
            "builtins.fetchTarball { url = \"https://a\"; }",
            "builtins.fetchurl \"https://a\"",
            "let inherit (builtins) fetchurl; in fetchurl \"https://a\"",
            "builtins.fetchGit { url = \"https://a\"; ref = \"main\"; }",
            "fetchGit \"https://a\"",
            "builtins.fetchTree \"github:a/b\"",
            "let fetch = builtins.fetchTarball; in builtins.fetchTree { type = \"github\"; owner = \"a\"; repo = \"b\"; }",
        ],
        &[
            "fetchTarball { url = \"https://a\"; sha256 = \"s\"; }",
            "fetchTarball { inherit url sha256; }",
            "fetchTarball { inherit (x) url sha256; }",
            "builtins.fetchurl x",
            "builtins.fetchGit (x // { a = 1; })",
            "builtins.fetchGit { ${a} = 1; }",
            "builtins.fetchGit ./.",
            "builtins.fetchGit { url = root; }",
            "builtins.fetchGit { inherit url; ref = \"main\"; }",
            "builtins.fetchGit { url = ./.; }",
            "builtins.fetchGit { url = \"https://a\"; rev = \"b\"; }",
            "builtins.fetchTree \"github:a/b/0123456789012345678901234567890123456789\"",
            "builtins.fetchTree \"github:a/b/${rev}\"",
            "builtins.fetchTree { type = \"path\"; path = \"/a\"; }",
            "{ fetchurl }: fetchurl { url = \"https://a\"; }",
            "{ fetchTarball }: fetchTarball \"https://a\"",
            "let fetchGit = x: x; in fetchGit \"https://a\"",
            "pkgs.fetchurl { url = \"https://a\"; }",
            "map builtins.fetchTarball x",
        ],
    );
}

#[test]
fn updates_in_folds() {
    hold(
        Rule::UpdateInFold,
        &[
            "builtins.foldl' (acc: x: acc // { ${x} = 1; }) { } xs",
            "lib.foldl' (acc: x: acc // x) { } xs",
            "lib.foldl (acc: x: acc // f x) { } xs",
            "lib.foldr (x: acc: { ${x} = 1; } // acc) { } xs",
            "fold (x: acc: if a then acc else let b = 1; in acc // { \"${x}\" = b; }) { }",
            "lib.foldlAttrs (acc: n: v: acc // { ${n} = v; }) { } s",
            "lib.foldl' lib.recursiveUpdate { } xs",
            "foldl' mergeAttrs { } xs",
            "foldl' (acc: x: acc // { a = 1; } // x) { } xs",
        ],
        &[
            "foldl' (acc: x: acc // { n = acc.n + 1; }) { n = 0; } xs",
            "foldl' (acc: x: acc + x) 0 xs",
            "foldl' (acc: x: x // { a = acc; }) { } xs",
            "foldl' (acc: x: [ (acc // x) ]) { } xs",
            "foldl' f { } xs",
            "lib.foldl' (acc: x: acc // import x) { } [ ./a ./b ]",
            "lib.foldr (x: acc: x // { a = 1; }) { } xs",
            "let foldl' = op: x: y: x; in foldl' (acc: x: acc // x) { } xs",
            "map (a: a // b) xs",
        ],
    );
}

#[test]
fn lazy_folds() {
    hold(
        Rule::LazyFold,
        &[
            "lib.foldl (a: b: a + b) 0 xs",
            "{ lib }: with lib; foldl f x xs",
            "lib.foldr (a: b: a * b) 1 xs",
            "lib.fold (a: n: n + 1) 0 xs",
            "lib.foldr lib.max 0 xs",
        ],
        &[
            "builtins.foldl' (a: b: a + b) 0 xs",
            "lib.foldr (a: b: [ a ] ++ b) [ ] xs",
            "lib.foldr (a: b: a + b) \"\" xs",
            "lib.foldr (a: b: a && b) true xs",
            "lib.fold lib.extends f xs",
            "let foldl = op: x: y: x; in foldl f 0 xs",
            "{ inherit (lib) foldl; }",
        ],
    );
}

#[test]
fn nixpkgs_more_than_once() {
    let twice = "{ a = import <nixpkgs> { }; b = (import <nixpkgs> { config = { }; }).c; }";
    let places = [
        (Rule::RepeatedNixpkgs, 1, 7),
        (Rule::RepeatedNixpkgs, 1, 34),
    ];
    assert_eq!(found(twice), places);
    assert_eq!(
        found("{ p ? import <nixpkgs> { }, l ? (import <nixpkgs> { }).lib }: p").len(),
        2
    );
    for fine in [
        "{ pkgs ? import <nixpkgs> { } }: pkgs",
        "let p = import <nixpkgs>; in p { }",
        "[ (import <nixpkgs> { }) (import <nixpkgs/lib>) (import <unstable> { }) ]",
        "{ import }: [ (import <nixpkgs> { }) (import <nixpkgs> { }) ]",
    ] {
        assert_eq!(found(fine), [], "{fine}");
    }
    let together = |sources: &[&str]| {
        let mut files: Vec<Checked> = sources.iter().map(|it| check(it).expect(it)).collect();
        join(&mut files);
        let counts = files.iter().map(|it| it.findings.len());
        counts.collect::<Vec<_>>()
    };
    let (plain, default) = (
        "with import <nixpkgs> { }; a",
        "{ pkgs ? import <nixpkgs> { } }: pkgs",
    );
    assert_eq!(together(&[plain, default, default]), [0, 0, 0]);
    assert_eq!(together(&[plain, default, plain]), [1, 0, 1]);
}

#[test]
fn source_trees() {
    hold(
        Rule::SourceTree,
        &[
            "mkDerivation { src = ./.; }",
            "mkDerivation { src = ../.; }",
            "mkDerivation { src = ./..; }",
            "mkDerivation { src = ../../.; }",
            "mkDerivation (a: { src = ./.; })",
            "\"cp -r ${./.} x\"",
            "builtins.path { path = ./.; name = \"a\"; }",
        ],
        &[
            "mkDerivation { src = ./src; }",
            "mkDerivation { src = lib.cleanSource ./.; }",
            "mkDerivation { src = builtins.filterSource f ./.; }",
            "mkDerivation { src = fileset.toSource { root = ./.; fileset = ./src; }; }",
            "lib.cleanSourceWith { src = ./.; filter = f; }",
            "lib.cleanSourceWith { src = ./.; }",
            "lib.sourceByRegex ./. [ ]",
            "craneLib.buildPackage { src = craneLib.cleanCargoSource ./.; }",
            "builtins.path { path = ./.; filter = f; }",
            "(import (fetchTarball { url = \"u\"; sha256 = \"s\"; }) { src = ./.; }).defaultNix",
            "{ root = ./.; }",
            "toString ./.",
            "import (./. + \"/a.nix\")",
            "./a/${./.}",
            "mkDerivation { src = self; }",
        ],
    );
}

#[test]
fn recursive_read_dirs() {
    hold(
        Rule::RecursiveReadDir,
        &[
            "let walk = d: mapAttrs (n: t: if t == \"directory\" then walk (d + n) else t) (builtins.readDir d); in walk ./a",
            "rec { walk = d: concatMap walk (attrNames (readDir d)); }",
            "let walk = d: let each = n: walk (d + n); in map each (readDir d); in walk ./a",
        ],
        &[
            "let go = p: let f = attrNames (readDir p); in if f == [ ] then go (dirOf p) else p; in go ./a",
            "let files = d: attrNames (readDir d); in files ./a",
            "let walk = d: map (n: walk n) d; in walk ./a",
            "let walk = d: map (walk: walk d) (readDir d); in walk ./a",
            "{ walk = d: map (n: lib.walk n) (readDir d); }",
        ],
    );
}

#[test]
fn rules_have_words() {
    for rule in Rule::ALL {
        assert!(rule.fix().len() < 120, "{}", rule.fix());
        assert!(rule.reason().len() < 140, "{}", rule.reason());
        assert!(!rule.title().is_empty());
        assert_eq!(Rule::named(rule.name()), Some(rule));
    }
}

/// The end of what is found goes with a profile; the characters with formats that count these.
#[test]
fn findings_have_places() {
    let source = "{\n  e = \"éé\"; a = mkDerivation rec {\n    b = 1;\n  };\n}\n";
    let checked = check(source).expect("it parses");
    let only = &checked.findings[0];
    assert_eq!(
        (only.line, only.column, only.character, only.end_line),
        (2, 32, 30, 4)
    );
}
