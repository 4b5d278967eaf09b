//! TeX says when it starts and what it wrote.

use super::{Rule, Says::*, StepKind::*, rule};

pub(super) const RULES: &[Rule] = &[
    rule(BeginsTold, Other, "This is {name}, Version {*}"),
    rule(ClosesAll, Other, "Output written on {*}"),
    rule(ClosesAll, Other, "No pages of output."),
];

#[cfg(test)]
mod tests {
    use super::super::told;

    #[test]
    fn tex_tells_begin_and_end() {
        // TeX Live 2022.
        let output = "
This is pdfTeX, Version 3.141592653-2.6-1.40.24 (TeX Live 2022/Debian) (preloaded format=pdflatex)
(./doc.tex
Output written on doc.pdf (2 pages, 22375 bytes).
Transcript written on doc.log.
";
        let expected = ["latex other BeginsTold pdfTeX", "latex other ClosesAll "];
        assert_eq!(told(output), expected);
    }
}
