//! Makefiles that print a word and a file in place of a command, before they run it.

use super::{Rule, Says::*, StepKind::*, rule};

pub(super) const RULES: &[Rule] = &[
    rule(BeginsBeside, Compile, "  CC [M]{ }{name}"),
    rule(BeginsBeside, Compile, "  CC{ }{name}"),
    rule(BeginsBeside, Compile, "  CXX{ }{name}"),
    rule(BeginsBeside, Compile, "  HOSTCC{ }{name}"),
    rule(BeginsBeside, Compile, "  AS{ }{name}"),
    rule(BeginsBeside, Link, "  CCLD{ }{name}"),
    rule(BeginsBeside, Link, "  CXXLD{ }{name}"),
    rule(BeginsBeside, Link, "  AR{ }{name}"),
    rule(BeginsBeside, Link, "  LD [M]{ }{name}"),
    rule(BeginsBeside, Link, "  LD{ }{name}"),
    rule(BeginsBeside, Link, "  HOSTLD{ }{name}"),
    rule(BeginsBeside, Other, "  GEN{ }{name}"),
    rule(BeginsBeside, Install, "  INSTALL{ }{name}"),
];

#[cfg(test)]
mod tests {
    use super::super::told;

    #[test]
    fn silent_rules_of_automake() {
        // GNU Hello 2.10 with `make V=0`.
        let output = "
  GEN      lib/configmake.h
  CC       lib/c-ctype.o
  AR       lib/libhello.a
  CCLD     hello
  CC
";
        let expected = [
            "kbuild other BeginsBeside lib/configmake.h",
            "kbuild compile BeginsBeside lib/c-ctype.o",
            "kbuild link BeginsBeside lib/libhello.a",
            "kbuild link BeginsBeside hello",
        ];
        assert_eq!(told(output), expected);
    }
}
