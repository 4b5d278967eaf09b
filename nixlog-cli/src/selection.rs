//! What verbs that list things understand by the same words: `--top`, `--filter`, `--min-duration`.

use nixlog_core::report::view::UnitView;
use nixlog_core::time::Nanos;
use nixlog_core::timeline::UnitKind;
use regex::Regex;

/// Tells whether `--filter`, if there is one, lets a unit through.
pub(crate) fn matches(filter: Option<&Regex>, unit: &UnitView) -> bool {
    filter.is_none_or(|filter| filter.is_match(&unit.name) || filter.is_match(&unit.path))
}

/// Reads how many rows to show.
pub(crate) fn top(text: &str) -> Result<usize, String> {
    text.parse()
        .map_err(|_| "expected a number, or 0 for all".to_owned())
}

/// Reads the name of a kind of units.
pub(crate) fn kind(text: &str) -> Result<UnitKind, String> {
    UnitKind::ALL
        .into_iter()
        .find(|kind| kind.name() == text)
        .ok_or_else(|| {
            let names: Vec<&str> = UnitKind::ALL.into_iter().map(UnitKind::name).collect();
            format!("known kinds: {}", names.join(", "))
        })
}

/// Reads `500ms`, `30s`, `2m`, `1h`; a bare number counts seconds.
pub(crate) fn duration(text: &str) -> Result<Nanos, String> {
    let split = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let scale = match unit.trim() {
        "ns" => 1.0,
        "us" | "µs" => 1e3,
        "ms" => 1e6,
        "" | "s" => 1e9,
        "m" | "min" => 60e9,
        "h" => 3600e9,
        _ => return Err("expected a length of time such as `500ms`, `30s` or `2m`".to_owned()),
    };
    let number: f64 = number
        .parse()
        .map_err(|_| "expected a number in front of the unit".to_owned())?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the number has no sign, and `as` saturates"
    )]
    let nanos = (number * scale) as u64;
    Ok(Nanos::new(nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, want) in [
            ("500ms", 500_000_000),
            ("30s", 30_000_000_000),
            ("2", 2_000_000_000),
            ("1.5m", 90_000_000_000),
        ] {
            assert_eq!(duration(text), Ok(Nanos::new(want)), "{text}");
        }
        for bad in ["", "x", "3 weeks", "1.2.3s", "-1s"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
