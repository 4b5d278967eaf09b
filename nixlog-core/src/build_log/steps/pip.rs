//! pip tells when it begins with something and when it is done.

use super::{Rule, Says::*, StepKind::*, rule};

pub(super) const RULES: &[Rule] = &[
    rule(
        Closes,
        Compile,
        "  Building wheel for {name}: finished with status {*}",
    ),
    rule(BeginsTold, Compile, "  Building wheel for {name}: started"),
    rule(
        Closes,
        Configure,
        "  Preparing metadata {name}: finished with status {*}",
    ),
    rule(
        BeginsTold,
        Configure,
        "  Preparing metadata {name}: started",
    ),
    rule(
        Closes,
        Configure,
        "  Getting requirements to {name}: finished with status {*}",
    ),
    rule(
        BeginsTold,
        Configure,
        "  Getting requirements to {name}: started",
    ),
    rule(
        Closes,
        Configure,
        "  Installing build {name}: finished with status {*}",
    ),
    rule(BeginsTold, Configure, "  Installing build {name}: started"),
    rule(BeginsTold, Install, "Installing collected packages: {name}"),
    rule(ClosesAll, Install, "Successfully installed {*}"),
    rule(Works, Other, "Processing {*}"),
];

#[cfg(test)]
mod tests {
    use super::super::told;

    #[test]
    fn pip_tells_begin_and_end() {
        // pip 23.2.1.
        let output = "
Processing ./dist/labpy-1.2-py3-none-any.whl
  Installing build dependencies: started
  Installing build dependencies: finished with status 'done'
  Building wheel for labpy (pyproject.toml): started
  Building wheel for labpy (pyproject.toml): finished with status 'done'
  Created wheel for labpy: filename=labpy-1.2-py3-none-any.whl size=1056
Installing collected packages: labpy
Successfully installed labpy-1.2
";
        let expected = [
            "pip other Works ",
            "pip configure BeginsTold dependencies",
            "pip configure Closes dependencies",
            "pip compile BeginsTold labpy (pyproject.toml)",
            "pip compile Closes labpy (pyproject.toml)",
            "pip install BeginsTold labpy",
            "pip install ClosesAll ",
        ];
        assert_eq!(told(output), expected);
    }
}
