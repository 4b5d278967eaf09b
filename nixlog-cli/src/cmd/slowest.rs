//! `nixlog slowest`.

use nixlog_core::analysis::slowest::{self, Options};
use nixlog_core::report::{document, view};
use nixlog_core::time::Nanos;
use nixlog_core::timeline::UnitKind;
use regex::Regex;

use crate::cli::{InputArgs, OutputArgs};
use crate::error::CliError;
use crate::{load, output};

/// List what took longest: builds, downloads, queries, evaluation
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    input: InputArgs,

    /// How many to list; 0 for all
    #[arg(
        long,
        value_name = "N",
        default_value_t = 10,
        value_parser = top,
        help_heading = "Selection"
    )]
    top: usize,

    /// Only those whose name or path matches
    #[arg(long, value_name = "REGEX", help_heading = "Selection")]
    filter: Option<Regex>,

    /// Only these kinds: build, source-fetch, substitution, query, evaluation …
    #[arg(long, value_name = "KIND", value_delimiter = ',', value_parser = kind, help_heading = "Selection")]
    kind: Vec<UnitKind>,

    /// Only those that took at least this long: 500ms, 30s, 2m
    #[arg(long, value_name = "DURATION", value_parser = duration, help_heading = "Selection")]
    min_duration: Option<Nanos>,

    /// Show store paths in place of names
    #[arg(long, help_heading = "Output")]
    full_paths: bool,

    #[command(flatten)]
    output: OutputArgs,
}

pub(crate) fn run(args: &Args) -> Result<(), CliError> {
    let log = load::log(&args.input, args.output.color)?;
    let mut options = Options::default();
    options.kinds.clone_from(&args.kind);
    options.min_duration = args.min_duration;
    let slowest = slowest::slowest(&log.timeline, &options);
    let wanted = |unit: &view::UnitView| {
        args.filter
            .as_ref()
            .is_none_or(|filter| filter.is_match(&unit.name) || filter.is_match(&unit.path))
    };
    let result = view::slowest(&log.timeline, &slowest, wanted, args.top);
    let report = log.report("nixlog.slowest/1", result);
    let document = document::slowest(&report, document::Options::new(args.full_paths));
    output::write(&args.output, &args.input, &report, &document)
}

fn top(text: &str) -> Result<usize, String> {
    text.parse()
        .map_err(|_| "expected a number, or 0 for all".to_owned())
}

fn kind(text: &str) -> Result<UnitKind, String> {
    UnitKind::ALL
        .into_iter()
        .find(|kind| kind.name() == text)
        .ok_or_else(|| {
            let names: Vec<&str> = UnitKind::ALL.into_iter().map(UnitKind::name).collect();
            format!("known kinds: {}", names.join(", "))
        })
}

/// Reads `500ms`, `30s`, `2m`, `1h`; a bare number counts seconds.
fn duration(text: &str) -> Result<Nanos, String> {
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
