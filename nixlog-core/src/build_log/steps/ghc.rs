//! GHC prints a line when it begins with a module, Cabal when it begins with a component.

use super::{Rule, Says::*, StepKind::*, rule};

pub(super) const RULES: &[Rule] = &[
    rule(BeginsBeside, Compile, "[{n} of {n}] Compiling {name} {*}"),
    rule(BeginsBeside, Link, "[{n} of {n}] Linking {name}"),
    rule(Begins, Link, "Linking {name} ..."),
    rule(Flags, Other, "setupCompileFlags: {name}"),
    rule(Begins, Configure, "Configuring {name}..."),
    rule(Begins, Other, "Preprocessing {name}.."),
    rule(Works, Compile, "Building executable {*}"),
    rule(Works, Compile, "Building library {*}"),
    rule(Works, Compile, "Building test suite {*}"),
    rule(Begins, Other, "Running Haddock on {name}.."),
    rule(Begins, Install, "Installing {name} in {*}"),
    rule(BeginsTold, Test, "Test suite {name}: RUNNING..."),
    rule(Closes, Test, "Test suite {name}: PASS"),
    rule(Closes, Test, "Test suite {name}: FAIL"),
];

#[cfg(test)]
mod tests {
    use super::super::told;

    #[test]
    fn ghc_tells_when_it_begins() {
        // GHC 9.0.2 with Cabal 3.4, and a build of nixpkgs' cabal-fmt with the same.
        let output = "
setupCompileFlags: -package-db=/build/tmp.XUH3E7kysY/setup-package.conf.d -j8 +RTS -A64M -RTS -threaded -rtsopts
Configuring lab-0.1...
Preprocessing executable 'lab' for lab-0.1..
Building executable 'lab' for lab-0.1..
[1 of 3] Compiling A                ( src/A.hs, dist/build/lab/lab-tmp/A.o )
[ 1 of 20] Compiling CabalFmt.Error   ( src/CabalFmt/Error.hs, dist/build/CabalFmt/Error.o )
Linking dist/build/lab/lab ...
Running 1 test suites...
Test suite spec: RUNNING...
Test suite spec: PASS
Running Haddock on library for atomic-primops-0.8.4..
Installing executable lab in /usr/local/bin
";
        let expected = [
            "ghc other Flags -package-db=/build/tmp.XUH3E7kysY/setup-package.conf.d -j8 +RTS -A64M -RTS -threaded -rtsopts",
            "ghc configure Begins lab-0.1",
            "ghc other Begins executable 'lab' for lab-0.1",
            "ghc compile Works ",
            "ghc compile BeginsBeside A",
            "ghc compile BeginsBeside CabalFmt.Error",
            "ghc link Begins dist/build/lab/lab",
            "ghc test BeginsTold spec",
            "ghc test Closes spec",
            "ghc other Begins library for atomic-primops-0.8.4",
            "ghc install Begins executable lab",
        ];
        assert_eq!(told(output), expected);
    }
}
