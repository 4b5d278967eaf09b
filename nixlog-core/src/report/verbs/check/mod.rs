//! `check`: runs held against limits.

mod layout;

use schemars::JsonSchema;
use serde::Serialize;

use crate::analysis::limits::{Answer as Came, Checked, Subject, Why};
use crate::analysis::measures::MeasureUnit;
use crate::report::document::Document;
use crate::report::envelope::{Answer, Report};
use crate::report::measured::{DifferenceView, Number, SideView};
use crate::report::verbs::compare::{PastUnitView, Side};

/// The result of `check`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct CheckResult {
    /// The answer: no limit is broken and, with `strict`, none is skipped.
    pub passed: bool,
    /// What was skipped counts as broken.
    pub strict: bool,
    /// The runs that were checked.
    pub side: SideView,
    /// The runs that these were compared with; `null` where none were named.
    pub baseline: Option<SideView>,
    /// The file that limits were read from; `null` where there was none.
    pub config: Option<String>,
    /// The limits, and what came of each.
    pub checks: Vec<CheckView>,
}

/// A limit, and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct CheckView {
    /// What is limited: `wall`, a phase, `regression`, `hit-rate`, `unit:` and a package.
    pub name: String,
    /// The same, for the layout.
    #[serde(skip)]
    pub subject: Subject,
    /// What `limit` and `value` count.
    pub unit: MeasureUnit,
    /// The limit: the most, of the hit rate the least.
    pub limit: Number,
    /// By how much longer it must be besides to be a regression.
    pub limit_ns: Option<u64>,
    /// What there is, of several runs the median; `null` where it is not known.
    pub value: Option<Number>,
    /// What came of it.
    pub verdict: Came,
    /// Why, for people.
    pub why: String,
    /// The unit that took longest, of a limit on units.
    pub longest: Option<PastUnitView>,
    /// The wall time against that of the baseline, of a regression.
    pub difference: Option<DifferenceView>,
}

impl Answer for CheckResult {
    const SCHEMA: &'static str = "nixlog.check/1";
    type From = ();
    type Options = ();

    fn document(report: &Report<Self, ()>, (): &()) -> Document {
        layout::document(report)
    }
}

/// Makes the result of `check`.
#[must_use]
pub fn result(
    side: Side<'_>,
    baseline: Option<Side<'_>>,
    config: Option<String>,
    checked: &[Checked<'_>],
    strict: bool,
) -> CheckResult {
    let is_broken = |it: &Checked<'_>| match it.answer {
        Came::Ok => false,
        Came::Fail => true,
        Came::Skip => strict,
    };
    CheckResult {
        passed: !checked.iter().any(is_broken),
        strict,
        side: SideView::new(side.name, side.runs),
        baseline: baseline.map(|side| SideView::new(side.name, side.runs)),
        config,
        checks: checked.iter().map(view).collect(),
    }
}

fn view(it: &Checked<'_>) -> CheckView {
    let difference = it.difference.as_ref();
    let difference = difference.map(|it| DifferenceView::new(it, MeasureUnit::Nanoseconds));
    CheckView {
        name: it.subject.name(),
        subject: it.subject.clone(),
        unit: it.unit,
        limit: Number(it.limit),
        limit_ns: it.limit_time.map(|time| time.get()),
        value: it.value.map(Number),
        verdict: it.answer,
        why: why(it, difference.as_ref()),
        longest: it.longest.map(PastUnitView::new),
        difference,
    }
}

fn why(it: &Checked<'_>, difference: Option<&DifferenceView>) -> String {
    let by = difference.map(|it| it.words(MeasureUnit::Nanoseconds));
    let by = by.unwrap_or_default();
    let is_regression = it.subject == Subject::Regression;
    match it.why {
        Why::Within | Why::Beyond if is_regression => by,
        Why::Within | Why::Beyond => match it.longest {
            Some(unit) => format!("longest: {}", unit.name),
            None => String::new(),
        },
        Why::Chance => format!("{by}: chance gives as much"),
        Why::Untested => format!("{by}; too few runs to tell it from chance"),
        Why::Unfinished => "not exceeded, but the command failed or the log has no end".to_owned(),
        Why::Unknown => "not known of these runs".to_owned(),
        Why::NoUnit => "no unit of this name in these runs".to_owned(),
        Why::NoBaseline => "nothing to compare with: name it with `--baseline`".to_owned(),
    }
}

impl CheckView {
    /// Says what came of it in one line.
    #[must_use]
    pub fn line(&self) -> String {
        layout::line(self)
    }
}

/// Says in a few lines what came of it, for a message.
#[must_use]
pub fn summary(report: &Report<CheckResult, ()>) -> Vec<String> {
    layout::summary(&report.result)
}
