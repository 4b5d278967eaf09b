//! `lint`: what slows the evaluation of Nix files, or hides what it costs.

mod layout;

use std::cmp::Reverse;
use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::lint::{Checked, Finding, Rule, join};
use crate::report::document::Document;
use crate::report::envelope::{Answer, Report};
use crate::report::table::limit;

/// The result of `lint`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct LintResult {
    /// How many files were checked.
    pub files: usize,
    /// How many bytes they have.
    pub bytes: u64,
    /// How many findings there are of each rule that was asked for, listed or not, without those that are hidden.
    pub counts: BTreeMap<&'static str, usize>,
    /// The sum of the counts.
    pub total_findings: usize,
    /// In how many files they are.
    pub files_with_findings: usize,
    /// How many findings cost nothing in the profile, and are left out; `null` without a profile.
    pub hidden: Option<usize>,
    /// What was found: what costs most in the profile first, then by rule, file and line.
    pub findings: Vec<FindingView>,
    /// Files that could not be checked.
    pub problems: Vec<ProblemView>,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct FindingView {
    /// Which rule found it.
    pub rule: Rule,
    /// The file, as it was named.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1, in bytes.
    pub column: u32,
    /// The same in characters, for formats that count these.
    #[serde(skip)]
    pub character: u32,
    /// The last line of what was found.
    pub end_line: u32,
    /// What it is.
    pub message: String,
    /// What to write instead.
    pub fix: String,
    /// How much of the profile was spent in these lines, and in what is called there; `null` without a profile,
    /// and where the profile has nothing of the file.
    pub cost_share: Option<f64>,
}

/// A file that could not be checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct ProblemView {
    /// The file, as it was named.
    pub file: String,
    /// The line, from 1; `null` where it could not be read at all.
    pub line: Option<u32>,
    /// The column, from 1, in bytes.
    pub column: Option<u32>,
    /// What is wrong.
    pub message: String,
}

impl ProblemView {
    /// Says that a file could not be read.
    #[must_use]
    pub fn unreadable(file: String, why: String) -> Self {
        Self {
            file,
            line: None,
            column: None,
            message: why,
        }
    }

    /// Says where a file is not Nix.
    #[must_use]
    pub fn syntax(file: String, (line, column): (u32, u32), message: String) -> Self {
        Self {
            file,
            line: Some(line),
            column: Some(column),
            message,
        }
    }
}

impl Answer for LintResult {
    const SCHEMA: &'static str = "nixlog.lint/1";
    type From = ();
    type Options = ();

    fn document(report: &Report<Self, ()>, (): &()) -> Document {
        layout::document(report)
    }
}

/// A file that was looked at.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Linted {
    /// As it was named.
    pub file: String,
    /// Its length.
    pub bytes: u64,
    /// What was found.
    pub checked: Checked,
}

impl Linted {
    /// Puts together what is known of a file.
    #[must_use]
    pub const fn new(file: String, bytes: u64, checked: Checked) -> Self {
        Self {
            file,
            bytes,
            checked,
        }
    }
}

/// Which findings to list.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Listing {
    /// Only these rules; all, where there are none.
    pub rules: Vec<Rule>,
    /// What costs nothing, too.
    pub all: bool,
    /// How many to list; 0, the default, for all.
    pub top: usize,
}

/// Tells how much of a profile a finding in a file cost; `None` where that is not known.
pub type CostOf<'a> = &'a dyn Fn(&str, &Finding) -> Option<f64>;

/// Makes the result of `lint`. `cost` is `None` without a profile.
#[must_use]
pub fn result(
    mut files: Vec<Linted>,
    problems: Vec<ProblemView>,
    cost: Option<CostOf<'_>>,
    listing: &Listing,
) -> LintResult {
    join(files.iter_mut().map(|file| &mut file.checked));
    let rules = || Rule::ALL.into_iter();
    let is_wanted = |rule: Rule| listing.rules.is_empty() || listing.rules.contains(&rule);
    let mut findings: Vec<FindingView> = Vec::new();
    for linted in &files {
        let wanted = linted.checked.findings.iter();
        let wanted = wanted.filter(|it| is_wanted(it.rule));
        findings.extend(wanted.map(|it| {
            let cost = cost.and_then(|cost| cost(&linted.file, it));
            view(&linted.file, it, cost)
        }));
    }
    let n_all = findings.len();
    findings.retain(|it| listing.all || it.cost_share != Some(0.0));
    let hidden = cost.map(|_| n_all - findings.len());
    let by_cost = |a: &FindingView, b: &FindingView| {
        let cost = |it: &FindingView| it.cost_share.unwrap_or_default();
        cost(b).total_cmp(&cost(a)).then(a.rule.cmp(&b.rule))
    };
    // What is equal stays in the order of files and lines.
    findings.sort_by(by_cost);
    let count = |rule| findings.iter().filter(|it| it.rule == rule).count();
    let counts = rules().filter(|&rule| is_wanted(rule));
    let mut result = LintResult {
        files: files.len(),
        bytes: files.iter().map(|it| it.bytes).sum(),
        counts: counts.map(|rule| (rule.name(), count(rule))).collect(),
        total_findings: findings.len(),
        files_with_findings: 0,
        hidden,
        findings: Vec::new(),
        problems,
    };
    let mut named: Vec<&str> = findings.iter().map(|it| it.file.as_str()).collect();
    named.sort_unstable();
    named.dedup();
    result.files_with_findings = named.len();
    findings.truncate(limit(listing.top, findings.len()));
    result.findings = findings;
    result.problems.sort_by_key(|it| Reverse(it.line.is_none()));
    result
}

fn view(file: &str, found: &Finding, cost_share: Option<f64>) -> FindingView {
    FindingView {
        rule: found.rule,
        file: file.to_owned(),
        line: found.line,
        column: found.column,
        character: found.character,
        end_line: found.end_line,
        message: found.message.clone(),
        fix: found.rule.fix().to_owned(),
        cost_share,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn linted(file: &str, findings: &[(Rule, u32)]) -> Linted {
        let finding = |&(rule, line): &(Rule, u32)| Finding {
            line,
            column: 1,
            character: 1,
            end_line: line,
            rule,
            message: String::new(),
        };
        let checked = Checked {
            findings: findings.iter().map(finding).collect(),
            ..Checked::default()
        };
        Linted::new(file.to_owned(), 10, checked)
    }

    /// What costs nothing is hidden and counted; what costs most comes first.
    #[test]
    fn findings_with_their_costs() {
        let files = || {
            let a = linted("a", &[(Rule::With, 1), (Rule::LazyFold, 2)]);
            let b = linted("b", &[(Rule::With, 3), (Rule::SourceTree, 4)]);
            vec![a, b]
        };
        let cost = |file: &str, it: &Finding| match (file, it.line) {
            ("a", 1) => Some(0.25),
            ("b", 3) => Some(0.5),
            ("b", 4) => None,
            _ => Some(0.0),
        };
        let mut listing = Listing::default();
        let lines =
            |result: &LintResult| result.findings.iter().map(|it| it.line).collect::<Vec<_>>();
        let result_of = |listing: &Listing| result(files(), Vec::new(), Some(&cost), listing);
        let some = result_of(&listing);
        assert_eq!((lines(&some), some.hidden), (vec![3, 1, 4], Some(1)));
        assert_eq!(
            (
                some.total_findings,
                some.counts["with"],
                some.counts["lazy-fold"]
            ),
            (3, 2, 0)
        );
        listing.all = true;
        let all = result_of(&listing);
        assert_eq!((lines(&all), all.hidden), (vec![3, 1, 4, 2], Some(0)));
        let unknown = result(files(), Vec::new(), None, &Listing::default());
        assert_eq!((lines(&unknown), unknown.hidden), (vec![4, 2, 1, 3], None));
    }
}
