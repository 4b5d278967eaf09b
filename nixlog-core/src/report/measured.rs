//! Numbers of several runs, made readable: how large, how far apart, and whether one side has more.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use super::format::{bytes, count, duration, percent, signed_duration};
use super::table::Cell;
use super::verbs::history::PastRunView;
use crate::analysis::comparison::{Basis, Difference, Verdict};
use crate::analysis::measures::MeasureUnit;
use crate::analysis::past_run::PastRun;
use crate::statistics::sample::Spread;

/// A number of any unit; in JSON without a point where it is whole.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
pub struct Number(pub f64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // From 2^53 on, not every whole number is one of these.
        if self.0.fract() == 0.0 && self.0.abs() < 9e15 {
            return serializer.serialize_i64(whole(self.0));
        }
        serializer.serialize_f64(self.0)
    }
}

impl JsonSchema for Number {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Number".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number" })
    }
}

/// Some runs that were looked at together.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct SideView {
    /// What was asked for: `last`, the name of a baseline, a file …
    pub name: String,
    /// The runs.
    pub runs: Vec<PastRunView>,
}

impl SideView {
    /// Makes a side of what it is called and its runs.
    #[must_use]
    pub fn new(name: &str, runs: &[PastRun]) -> Self {
        Self {
            name: name.to_owned(),
            runs: runs.iter().map(PastRunView::from).collect(),
        }
    }
}

/// A number of one side.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct SpreadView {
    /// Of how many runs it is known.
    pub n: usize,
    /// The one in the middle.
    pub median: Number,
    /// A quarter of the runs lies below; `null` of a single run.
    pub low: Option<Number>,
    /// A quarter of the runs lies above.
    pub high: Option<Number>,
}

/// A number on both sides.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct DifferenceView {
    /// The first side; `null` where it is known of none of its runs.
    pub a: Option<SpreadView>,
    /// The second side.
    pub b: Option<SpreadView>,
    /// By how much the second side is larger: the median of the differences of all pairs of runs (Hodges and
    /// Lehmann).
    pub difference: Option<Number>,
    /// Where the true difference lies, but for 5 %: from here; `null` where the runs are too few to say.
    pub difference_low: Option<Number>,
    /// To here.
    pub difference_high: Option<Number>,
    /// The same as a multiple: the median of the first side and the difference, over that median.
    pub ratio: Option<f64>,
    /// How likely chance alone gives as large a difference (Mann and Whitney, two-sided); `null` where the runs
    /// are too few for any difference to count.
    pub p: Option<f64>,
    /// The relative difference that repeats of the project exceed in one pair of twenty, where it decided.
    pub noise_limit: Option<f64>,
    /// What the verdict rests on; `null` where nobody can tell.
    pub basis: Option<Basis>,
    /// What it comes to.
    pub verdict: Verdict,
}

impl DifferenceView {
    /// Makes a difference of a unit readable.
    #[must_use]
    pub fn new(of: &Difference, unit: MeasureUnit) -> Self {
        let number = |value| Number(rounded(value, unit));
        let spread = |spread: Spread| SpreadView {
            n: spread.n,
            median: number(spread.median),
            low: spread.quartiles.map(|(low, _)| number(low)),
            high: spread.quartiles.map(|(_, high)| number(high)),
        };
        let interval = of.shift.and_then(|shift| shift.interval);
        Self {
            a: of.a.map(spread),
            b: of.b.map(spread),
            difference: of.by().map(number),
            difference_low: interval.map(|(low, _)| number(low)),
            difference_high: interval.map(|(_, high)| number(high)),
            ratio: of.ratio(),
            p: of.p,
            noise_limit: of.floor.map(|floor| floor.limit),
            basis: of.basis,
            verdict: of.verdict,
        }
    }

    /// Shows the difference and what it rests on: `+2m 52s (+29.3%), p = 0.008`.
    pub(super) fn words(&self, unit: MeasureUnit) -> String {
        let by = self.difference.map(|by| signed(unit, by.0));
        let relative = self.ratio.map(|ratio| format!(" ({})", relative(ratio)));
        let p = self.p.map(|p| match p_words(p) {
            words if words.starts_with('<') => words.replacen('<', ", p < ", 1),
            words => format!(", p = {words}"),
        });
        let floor = self
            .noise_limit
            .map(|limit| format!(", repeats differ by up to {}", percent(limit)));
        let parts = [by, relative, p, floor].into_iter().flatten();
        parts.collect()
    }
}

fn rounded(value: f64, unit: MeasureUnit) -> f64 {
    match unit {
        MeasureUnit::Nanoseconds | MeasureUnit::Bytes => value.round(),
        MeasureUnit::Share | MeasureUnit::Count => value,
    }
}

/// Shows a number of a unit.
pub(super) fn value(unit: MeasureUnit, value: f64) -> String {
    match unit {
        MeasureUnit::Nanoseconds => duration(whole(value).unsigned_abs()),
        MeasureUnit::Bytes => bytes(whole(value).unsigned_abs()),
        MeasureUnit::Share => percent(value),
        MeasureUnit::Count if value.fract() == 0.0 => count(whole(value).unsigned_abs()),
        MeasureUnit::Count => format!("{value:.1}"),
    }
}

/// Shows a difference of a unit, with its sign.
pub(super) fn signed(unit: MeasureUnit, by: f64) -> String {
    match unit {
        MeasureUnit::Nanoseconds => signed_duration(whole(by)),
        // A difference of percentages is not a percentage of anything.
        MeasureUnit::Share => format!("{:+.1} points", by * 100.0),
        _ if by == 0.0 => "0".to_owned(),
        _ => format!(
            "{}{}",
            if by > 0.0 { '+' } else { '-' },
            value(unit, by.abs())
        ),
    }
}

/// Returns a number as a cell.
pub(super) fn cell(unit: MeasureUnit, number: Option<Number>) -> Cell {
    let Some(Number(number)) = number else {
        return Cell::Unknown;
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "lengths of time, bytes and counts are not below 0"
    )]
    let whole = number.round() as u64;
    match unit {
        MeasureUnit::Nanoseconds => Cell::Nanos(whole),
        MeasureUnit::Bytes => Cell::Bytes(whole),
        MeasureUnit::Share => Cell::Share(number),
        MeasureUnit::Count => Cell::Count(whole),
    }
}

/// Says how many times as large something is: `+12%`, `-3.4%`, `×5.2`.
pub(super) fn relative(ratio: f64) -> String {
    let percent = (ratio - 1.0) * 100.0;
    match percent.abs() {
        _ if ratio >= 3.0 => format!("×{ratio:.1}"),
        size if size < 10.0 => format!("{percent:+.1}%"),
        _ => format!("{percent:+.0}%"),
    }
}

/// Shows a probability.
pub(super) fn p_words(p: f64) -> String {
    match p {
        p if p < 0.001 => "<0.001".to_owned(),
        p => format!("{p:.3}"),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "`as` saturates")]
const fn whole(value: f64) -> i64 {
    value.round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_whole_where_they_can_be() {
        let json = |number| serde_json::to_string(&Number(number)).expect("JSON");
        assert_eq!(json(12_300_000_000.0), "12300000000");
        assert_eq!((json(-3.0), json(0.5)), ("-3".to_owned(), "0.5".to_owned()));
    }

    #[test]
    fn differences_of_any_unit() {
        use MeasureUnit::{Bytes, Count, Nanoseconds, Share};
        for (unit, by, want) in [
            (Nanoseconds, 80e9, "+1m 20s"),
            (Nanoseconds, -0.2, "0s"),
            (Bytes, 1024.0, "+1.00 KiB"),
            (Bytes, -640.0, "-640 B"),
            (Share, -0.125, "-12.5 points"),
            (Count, 3.0, "+3"),
            (Count, -2.5, "-2.5"),
            (Count, 0.0, "0"),
        ] {
            assert_eq!(signed(unit, by), want);
        }
        for (ratio, want) in [
            (1.293, "+29%"),
            (0.5, "-50%"),
            (1.012, "+1.2%"),
            (5.24, "×5.2"),
        ] {
            assert_eq!(relative(ratio), want);
        }
        assert_eq!(
            (p_words(0.0004), p_words(0.0079)),
            ("<0.001".to_owned(), "0.008".to_owned())
        );
    }
}
