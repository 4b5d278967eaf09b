//! What verbs that list things understand by the same words: `--top`, `--filter`, `--min-duration`.

use nixlog_core::analysis::selection::{Selection, SortBy};
use nixlog_core::analysis::slots::Slots;
use nixlog_core::log::Log;
use nixlog_core::report::unit::UnitView;
use nixlog_core::time::Nanos;
use nixlog_core::timeline::UnitKind;
use regex::Regex;

/// Which units a verb lists.
#[derive(Debug, clap::Args)]
pub(crate) struct UnitArgs {
    /// Only units whose name or path matches
    #[arg(long, value_name = "REGEX", help_heading = "Selection")]
    filter: Option<Regex>,

    /// Only units of these kinds: build, source-fetch, substitution, query, evaluation …
    #[arg(long, value_name = "KIND", value_delimiter = ',', value_parser = kind, help_heading = "Selection")]
    kind: Vec<UnitKind>,

    /// Only units that took at least this long: 500ms, 30s, 2m
    #[arg(long, value_name = "DURATION", value_parser = duration, help_heading = "Selection")]
    min_duration: Option<Nanos>,
}

impl UnitArgs {
    /// Returns which units these are, in an order.
    pub(crate) fn selection(&self, sort: SortBy) -> Selection {
        let mut selection = Selection::default();
        selection.kinds.clone_from(&self.kind);
        selection.min_duration = self.min_duration;
        selection.sort = sort;
        selection
    }

    /// Tells whether `--filter`, if there is one, lets a unit through.
    pub(crate) fn matches(&self, unit: &UnitView) -> bool {
        matches(self.filter.as_ref(), unit)
    }
}

/// Tells whether `--filter`, if there is one, lets a unit through.
pub(crate) fn matches(filter: Option<&Regex>, unit: &UnitView) -> bool {
    names(filter, &[&unit.name, &unit.path])
}

/// Tells whether `--filter`, if there is one, lets something of these names through.
pub(crate) fn names(filter: Option<&Regex>, names: &[&str]) -> bool {
    filter.is_none_or(|filter| names.iter().any(|name| filter.is_match(name)))
}

/// What is known of the slots that a recorded build had.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct SlotArgs {
    /// The `max-jobs` of the recorded build on this machine; default: as recorded, else the most builds
    /// seen at once
    #[arg(long, value_name = "N", value_parser = slots(), help_heading = "Simulation")]
    max_jobs: Option<u32>,
}

impl SlotArgs {
    /// Returns the slots of a log that has been read.
    pub(crate) fn of(self, log: &Log) -> Slots {
        log.slots(self.max_jobs)
    }
}

/// Reads a number of slots.
pub(crate) fn slots() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=4096)
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

/// Reads `500ms`, `30s`, `2m`, `1h`, `30d`; a bare number counts seconds.
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
        "d" => 86_400e9,
        "w" => 604_800e9,
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

/// Reads `50MiB`, `12.5MB/s`, `800k`; a bare number counts bytes. Keeps the text.
pub(crate) fn rate(text: &str) -> Result<(u64, String), String> {
    let bare = text.strip_suffix("/s").unwrap_or(text);
    let expected = "expected bytes per second, such as `50MiB` or `12.5MB`";
    let bytes = size(bare, expected)?;
    if bytes == 0 {
        return Err("expected more than nothing".to_owned());
    }
    Ok((bytes, text.to_owned()))
}

/// Reads `50MiB`, `12.5MB`, `800k`; a bare number counts bytes.
pub(crate) fn size(bare: &str, expected: &str) -> Result<u64, String> {
    let split = bare
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(bare.len());
    let (number, unit) = bare.split_at(split);
    let scale = match unit.trim() {
        "" | "B" => 1.0,
        "k" | "kB" | "KB" => 1e3,
        "M" | "MB" => 1e6,
        "G" | "GB" => 1e9,
        "K" | "Ki" | "KiB" => 1024.0,
        "Mi" | "MiB" => 1024.0 * 1024.0,
        "Gi" | "GiB" => 1024.0 * 1024.0 * 1024.0,
        _ => return Err(expected.to_owned()),
    };
    let number: f64 = number
        .parse()
        .map_err(|_| "expected a number in front of the unit".to_owned())?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the number has no sign, and `as` saturates"
    )]
    let bytes = (number * scale) as u64;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates() {
        for (text, want) in [
            ("50MiB", 52_428_800),
            ("12.5MB/s", 12_500_000),
            ("800k", 800_000),
            ("1", 1),
        ] {
            assert_eq!(rate(text), Ok((want, text.to_owned())));
        }
        for bad in ["", "x", "0", "-1", "3 furlongs", "0.1", "MiB"] {
            assert!(rate(bad).is_err(), "{bad}");
        }
    }

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
