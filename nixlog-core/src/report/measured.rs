//! Numbers of several runs, made readable.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use super::table::Cell;
use crate::analysis::measures::MeasureUnit;

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

#[expect(clippy::cast_possible_truncation, reason = "`as` saturates")]
const fn whole(value: f64) -> i64 {
    value.round() as i64
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
