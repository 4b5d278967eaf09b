//! nixpkgs' `setup.sh` and its hooks: they do one thing at a time, and print what they begin with.

use super::{Rule, Says::*, StepKind::*, rule};

pub(super) const RULES: &[Rule] = &[
    rule(Begins, Other, "unpacking source archive {name}"),
    rule(Works, Other, "source root is {*}"),
    rule(Works, Other, "patching sources"),
    rule(Begins, Other, "applying patch {name}"),
    rule(Works, Configure, "configure flags: {*}"),
    rule(Works, Other, "no configure script, doing nothing"),
    rule(Flags, Compile, "build flags: {name}"),
    rule(Flags, Test, "check flags: {name}"),
    rule(Flags, Install, "install flags: {name}"),
    rule(Works, Fixup, "post-installation fixup"),
    rule(
        Begins,
        Fixup,
        "shrinking RPATHs of ELF executables and libraries in {name}",
    ),
    rule(Begins, Fixup, "shrinking {name}"),
    rule(Begins, Fixup, "checking for references to {name} in {*}..."),
    rule(Begins, Fixup, "patching script interpreter paths in {name}"),
    rule(Begins, Fixup, "gzipping man pages under {name}"),
    rule(Begins, Fixup, "stripping {*} in {name}"),
    rule(Begins, Fixup, "moving {name} to {*}"),
    rule(Works, Fixup, "strip is {*}"),
    rule(
        Begins,
        Fixup,
        "automatically fixing dependencies for ELF files{*}",
    ),
];

#[cfg(test)]
mod tests {
    use super::super::told;

    #[test]
    fn stdenv_tells_when_it_begins() {
        // A build of nixpkgs' cabal-fmt 0.1.5.1, Nix 2.8.
        let output = "
unpacking sources
unpacking source archive /nix/store/fpxv4wv4gmp8bi1xh1fwisskhmjnxsgb-cabal-fmt-0.1.5.1.tar.gz
source root is cabal-fmt-0.1.5.1
patching sources
post-installation fixup
shrinking RPATHs of ELF executables and libraries in /nix/store/r06b3grwx03bn736pyl470vs516apabn-cabal-fmt-0.1.5.1
shrinking /nix/store/r06b3grwx03bn736pyl470vs516apabn-cabal-fmt-0.1.5.1/lib/libHScabal-fmt.so
strip is /nix/store/k6yka69n28j47wjhm14h41r2kbv262y6-gcc-wrapper-11.3.0/bin/strip
stripping (with command strip and flags -S) in  /nix/store/r06b3grwx03bn736pyl470vs516apabn-cabal-fmt-0.1.5.1/lib
patching script interpreter paths in /nix/store/r06b3grwx03bn736pyl470vs516apabn-cabal-fmt-0.1.5.1
checking for references to /build/ in /nix/store/r06b3grwx03bn736pyl470vs516apabn-cabal-fmt-0.1.5.1...
";
        let expected = [
            "stdenv other Begins /nix/store/fpxv4wv4gmp8bi1xh1fwisskhmjnxsgb-cabal-fmt-0.1.5.1.tar.gz",
            "stdenv other Works ",
            "stdenv other Works ",
            "stdenv fixup Works ",
            "stdenv fixup Begins /nix/store/r06b3grwx03bn736pyl470vs516apabn-cabal-fmt-0.1.5.1",
            "stdenv fixup Begins /nix/store/r06b3grwx03bn736pyl470vs516apabn-cabal-fmt-0.1.5.1/lib/libHScabal-fmt.so",
            "stdenv fixup Works ",
            "stdenv fixup Begins /nix/store/r06b3grwx03bn736pyl470vs516apabn-cabal-fmt-0.1.5.1/lib",
            "stdenv fixup Begins /nix/store/r06b3grwx03bn736pyl470vs516apabn-cabal-fmt-0.1.5.1",
            "stdenv fixup Begins /build/",
        ];
        assert_eq!(told(output), expected);
    }
}
