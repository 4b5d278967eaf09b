//! `nixlog check`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::ValueEnum;
use globset::{Glob, GlobMatcher};
use nixlog_core::analysis::limits::{Limits, Regress, check};
use nixlog_core::analysis::past_run::PastUnit;
use nixlog_core::report::envelope::Report;
use nixlog_core::report::format::harmless;
use nixlog_core::report::verbs::check::{CheckResult, result, summary};
use nixlog_core::report::{github, json, junit};
use nixlog_core::time::Nanos;
use nixlog_core::timeline::Phase;
use serde::Deserialize;

use crate::base::arguments::{Format, Formats, OutputArgs};
use crate::base::error::CliError;
use crate::base::notify::{Hook, Message};
use crate::base::output::{self, Stream};
use crate::base::selection::duration;
use crate::evidence::sides::{Side, Sides};

/// The file that limits are read from.
const CONFIG: &str = "nixlog.toml";

/// Hold a run against limits; exit status 1 if one is broken
///
/// Limits without data are skipped, which is no failure unless `--strict` is set. Of several runs, the median
/// counts.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Limits can stand in `nixlog.toml`, in this folder or above it in the repository; the \
                        command line goes before it:\n\n    \
                        [check]\n    \
                        max-wall = \"10m\"\n    \
                        max-regress = \"10%:20s\"\n    \
                        min-hit-rate = \"70%\"\n    \
                        baseline = \"main\"\n    \
                        max-phase = { evaluation = \"30s\" }\n    \
                        max-unit = { chromium = \"5m\", \"python3*\" = \"2m\" }"
)]
pub(crate) struct Args {
    /// The run: `last`, a name, an id, a file; or several, as for `compare`
    #[arg(value_name = "RUN", default_value = "last")]
    run: String,

    /// The wall time at most
    #[arg(long, value_name = "DURATION", value_parser = duration, help_heading = "Limits")]
    max_wall: Option<Nanos>,

    /// The wall time of a phase at most: evaluation=30s; repeatable
    #[arg(long, value_name = "PHASE=DURATION", value_parser = phase, help_heading = "Limits")]
    max_phase: Vec<(Phase, Nanos)>,

    /// By how much the wall time may be longer than that of the baseline: 10%:20s is broken by what is
    /// both a tenth and 20 s longer, and more than chance
    #[arg(long, value_name = "SHARE[:DURATION]", value_parser = regress, help_heading = "Limits")]
    max_regress: Option<Regress>,

    /// The cache hit rate at least: 70%
    #[arg(long, value_name = "SHARE", value_parser = share, help_heading = "Limits")]
    min_hit_rate: Option<f64>,

    /// The duration of a unit at most, by its package or a glob: chromium=5m; repeatable
    #[arg(long, value_name = "PNAME=DURATION", value_parser = unit, help_heading = "Limits")]
    max_unit: Vec<(String, Nanos)>,

    /// What to compare with: a baseline, or runs as for `compare`
    #[arg(long, value_name = "NAME", help_heading = "Limits")]
    baseline: Option<String>,

    /// A limit without data is broken
    #[arg(long, help_heading = "Limits")]
    strict: bool,

    /// Read limits from FILE
    #[arg(long, value_name = "FILE", help_heading = "Limits")]
    config: Option<PathBuf>,

    /// Post the result to a web hook; repeatable
    ///
    /// hooks.slack.com, and any address after `slack+`, gets a message as Slack takes it; ntfy.sh, and any
    /// after `ntfy+`, a push message; any other the report as JSON. Of the address, only the host is ever
    /// shown. Who cannot be told is a warning.
    #[arg(long, value_name = "URL", help_heading = "Output")]
    notify: Vec<String>,

    #[command(flatten)]
    output: OutputArgs<CheckFormat>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum CheckFormat {
    /// A table for people
    Text,
    /// One JSON object, stable and versioned
    Json,
    /// Markdown, for step summaries and comments
    #[value(alias = "markdown")]
    Md,
    /// The table, in nanoseconds
    Csv,
    /// Annotations of GitHub Actions
    Github,
    /// For GitLab CI, as `artifacts:reports:junit`: the same as `junit`
    Gitlab,
    /// JUnit XML: each limit is a test case
    Junit,
}

impl Formats for CheckFormat {
    const JSON: Self = Self::Json;
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, CliError> {
    let told = config(args)?;
    let mut limits = Limits::default();
    let from_file = told.as_ref().map(|(_, told)| told);
    limits.max_wall = args.max_wall.or(from_file.and_then(|it| it.max_wall));
    limits.max_regress = args.max_regress.or(from_file.and_then(|it| it.max_regress));
    limits.min_hit_rate = args
        .min_hit_rate
        .or(from_file.and_then(|it| it.min_hit_rate));
    let of_file = from_file.map_or(&[][..], |it| &it.max_phase);
    limits.max_phase = over(&args.max_phase, of_file);
    let of_file = from_file.map_or(&[][..], |it| &it.max_unit);
    limits.max_unit = over(&args.max_unit, of_file);
    if limits.is_empty() {
        let hint = format!(
            "`--max-wall 10m`, or a table `[check]` in {CONFIG}: see `nixlog check --help`"
        );
        return Err(CliError::new("there are no limits to check").hint(hint));
    }
    let globs: Vec<(&str, GlobMatcher)> = limits
        .max_unit
        .iter()
        .map(|(pattern, _)| Ok((pattern.as_str(), glob(pattern)?)))
        .collect::<Result<_, CliError>>()?;
    let hooks = hooks(&args.notify)?;
    let sides = Sides::open_or_warn()?;
    let side = sides.find(&args.run)?;
    let baseline = args.baseline.as_ref();
    let baseline = baseline.or(from_file.and_then(|it| it.baseline.as_ref()));
    let baseline = baseline.map(|name| sides.find(name)).transpose()?;
    if let Some(baseline) = &baseline {
        same_project(baseline, &side);
    }
    let repeats = match &baseline {
        Some(baseline) => sides.repeats(baseline, &side)?,
        None => Vec::new(),
    };
    let before = baseline.as_ref().map_or(&[][..], |it| &it.runs);
    let is_meant = |pattern: &str, unit: &PastUnit| {
        let mut meant = globs.iter().filter(|(other, _)| *other == pattern);
        meant.any(|(_, glob)| glob.is_match(&unit.pname) || glob.is_match(&unit.name))
    };
    let checked = check(&side.runs, before, &repeats, &limits, is_meant);
    let strict = args.strict || from_file.is_some_and(|it| it.strict);
    let file = told.as_ref().map(|(path, _)| path.display().to_string());
    let baseline = baseline.as_ref().map(Side::named);
    let result = result(side.named(), baseline, file, &checked, strict);
    let report = Report::without_log(&[], result);
    let written = output::write_with(&args.output, Stream::Output, |format, style, out| {
        let common = match format {
            CheckFormat::Text => Format::Text,
            CheckFormat::Json => Format::Json,
            CheckFormat::Md => Format::Md,
            CheckFormat::Csv => Format::Csv,
            CheckFormat::Github => return github::write_check(&report, out),
            CheckFormat::Gitlab | CheckFormat::Junit => return junit::write_check(&report, out),
        };
        output::render(common, style, &report, &(), out)
    });
    // Whoever reads the output may be gone: others are told all the same.
    notify(&hooks, &report)?;
    written?;
    Ok(match report.result.passed {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

/// Warns where a run is compared with those of another project: a name is quickly mixed up.
fn same_project(baseline: &Side, side: &Side) {
    let project = |side: &Side| side.newest().and_then(|run| run.project.clone());
    if let (Some(one), Some(other)) = (project(baseline), project(side))
        && one != other
    {
        let (one, other) = (harmless(&one), harmless(&other));
        output::warning(&format!(
            "the baseline is of another project: `{one}`, and the run of `{other}`"
        ));
    }
}

/// Puts the limits of the command line over those of the file.
fn over<T: Clone + PartialEq>(args: &[(T, Nanos)], file: &[(T, Nanos)]) -> Vec<(T, Nanos)> {
    let is_new = |(subject, _): &&(T, Nanos)| !args.iter().any(|(other, _)| other == subject);
    args.iter()
        .chain(file.iter().filter(is_new))
        .cloned()
        .collect()
}

fn glob(pattern: &str) -> Result<GlobMatcher, CliError> {
    let glob = Glob::new(pattern).map_err(|error| {
        CliError::new(format!("`{pattern}` is neither a package nor a glob")).because(error)
    })?;
    Ok(glob.compile_matcher())
}

/// Reads whom to tell. What is no address may still hold a secret: it is not repeated.
fn hooks(addresses: &[String]) -> Result<Vec<Hook>, CliError> {
    let hook = |(nth, address): (usize, &String)| {
        Hook::of(address).ok_or_else(|| {
            CliError::new(format!("`--notify` number {} is no address", nth + 1))
                .hint("it begins with `https://`, `slack+https://` or `ntfy+https://`")
        })
    };
    addresses.iter().enumerate().map(hook).collect()
}

fn notify(hooks: &[Hook], report: &Report<CheckResult, ()>) -> Result<(), CliError> {
    if hooks.is_empty() {
        return Ok(());
    }
    let mut body = Vec::new();
    json::write(report, &mut body).map_err(|error| CliError::output("a message", error))?;
    let is_bad = !report.result.passed;
    let lines = summary(report);
    let message = Message {
        title: if is_bad {
            "nixlog check failed"
        } else {
            "nixlog check passed"
        },
        lines: &lines,
        report: &body,
        is_bad,
    };
    let untold: Vec<String> = hooks
        .iter()
        .filter_map(|hook| hook.tell(&message).err())
        .collect();
    if !untold.is_empty() {
        output::warning(&untold.join("; "));
    }
    Ok(())
}

/// What a file says of limits.
#[derive(Debug, Default)]
struct Told {
    max_wall: Option<Nanos>,
    max_phase: Vec<(Phase, Nanos)>,
    max_regress: Option<Regress>,
    min_hit_rate: Option<f64>,
    max_unit: Vec<(String, Nanos)>,
    baseline: Option<String>,
    strict: bool,
}

/// The file, as it is written. Other tables are for others.
#[derive(Debug, Default, Deserialize)]
struct Config {
    check: Option<Table>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Table {
    max_wall: Option<String>,
    max_phase: toml::Table,
    max_regress: Option<String>,
    min_hit_rate: Option<String>,
    max_unit: toml::Table,
    baseline: Option<String>,
    strict: bool,
}

/// Reads the limits of the file that is named, or found; `None` where there is none.
fn config(args: &Args) -> Result<Option<(PathBuf, Told)>, CliError> {
    let Some(path) = args.config.clone().or_else(find) else {
        return Ok(None);
    };
    let refused = || CliError::new(format!("cannot read limits from `{}`", path.display()));
    let text = fs::read_to_string(&path).map_err(|error| refused().because(error))?;
    let config: Config = toml::from_str(&text).map_err(|error| refused().because(error))?;
    let Some(table) = config.check else {
        return match args.config {
            Some(_) => Err(refused().hint("it has no table `[check]`")),
            None => Ok(None),
        };
    };
    let told = table.read().map_err(|why| refused().hint(why))?;
    Ok(Some((path, told)))
}

/// Finds the file in the working directory, or above it up to the root of the repository.
fn find() -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    let root = here.ancestors().find(|folder| folder.join(".git").exists());
    let root = root.unwrap_or(&here).to_owned();
    let below = here
        .ancestors()
        .take_while(|folder| folder.starts_with(&root));
    let mut files = below.map(|folder| folder.join(CONFIG));
    files.find(|file| Path::is_file(file))
}

impl Table {
    fn read(self) -> Result<Told, String> {
        let told = |key: &str, error: String| format!("`{key}`: {error}");
        let limits = |key: &str, table: &toml::Table| -> Result<Vec<(String, Nanos)>, String> {
            let read = |(name, value): (&String, &toml::Value)| {
                let text = value.as_str();
                let text =
                    text.ok_or_else(|| told(key, format!("`{name}` is no text in quotes")))?;
                let most =
                    duration(text).map_err(|error| told(key, format!("`{name}`: {error}")))?;
                Ok((name.clone(), most))
            };
            table.iter().map(read).collect()
        };
        let phases = limits("max-phase", &self.max_phase)?.into_iter();
        let phases = phases.map(|(name, most)| {
            let phase = phase_named(&name).map_err(|error| told("max-phase", error))?;
            Ok((phase, most))
        });
        let text = |key: &'static str, value: Option<String>| value.map(|text| (key, text));
        let wall = text("max-wall", self.max_wall);
        let wall = wall.map(|(key, text)| duration(&text).map_err(|error| told(key, error)));
        let regressed = text("max-regress", self.max_regress);
        let regressed =
            regressed.map(|(key, text)| regress(&text).map_err(|error| told(key, error)));
        let rate = text("min-hit-rate", self.min_hit_rate);
        let rate = rate.map(|(key, text)| share(&text).map_err(|error| told(key, error)));
        Ok(Told {
            max_wall: wall.transpose()?,
            max_phase: phases.collect::<Result<_, String>>()?,
            max_regress: regressed.transpose()?,
            min_hit_rate: rate.transpose()?,
            max_unit: limits("max-unit", &self.max_unit)?,
            baseline: self.baseline,
            strict: self.strict,
        })
    }
}

/// Splits `NAME=DURATION`; a name may have `=` in it.
fn assignment(text: &str) -> Result<(&str, Nanos), String> {
    let (name, most) = text
        .rsplit_once('=')
        .filter(|(name, _)| !name.is_empty())
        .ok_or("expected a name, `=` and a length of time")?;
    Ok((name, duration(most)?))
}

fn phase(text: &str) -> Result<(Phase, Nanos), String> {
    let (name, most) = assignment(text)?;
    Ok((phase_named(name)?, most))
}

fn phase_named(name: &str) -> Result<Phase, String> {
    Phase::named(name).ok_or_else(|| {
        let names = Phase::ALL.map(Phase::name);
        format!("`{name}` is no phase; known phases: {}", names.join(", "))
    })
}

fn unit(text: &str) -> Result<(String, Nanos), String> {
    let (name, most) = assignment(text)?;
    Ok((name.to_owned(), most))
}

/// Reads `70%` or `0.7`.
fn share(text: &str) -> Result<f64, String> {
    let share = part(text)?;
    match share <= 1.0 {
        true => Ok(share),
        false => Err("expected at most 100%; a bare number is a fraction of 1".to_owned()),
    }
}

/// Reads `10%:20s`, `10%`, or `0.1`.
fn regress(text: &str) -> Result<Regress, String> {
    let (most, time) = match text.split_once(':') {
        Some((most, time)) => (most, duration(time)?),
        None => (text, Nanos::default()),
    };
    Ok(Regress::new(part(most)?, time))
}

fn part(text: &str) -> Result<f64, String> {
    let (number, scale) = match text.strip_suffix('%') {
        Some(number) => (number.trim(), 100.0),
        None => (text, 1.0),
    };
    let number: f64 = number
        .parse()
        .map_err(|_| "expected a percentage such as `10%`".to_owned())?;
    match number.is_finite() && number >= 0.0 {
        true => Ok(number / scale),
        false => Err("expected a percentage of 0 or more".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_of_the_command_line() {
        assert_eq!(
            phase("evaluation=30s"),
            Ok((Phase::Evaluation, Nanos::new(30_000_000_000)))
        );
        assert_eq!(
            unit("a=b=1m"),
            Ok(("a=b".to_owned(), Nanos::new(60_000_000_000)))
        );
        let regressed = regress("10%:20s").expect("well formed");
        assert!((regressed.share - 0.1).abs() < 1e-12);
        assert_eq!(regressed.time, Nanos::new(20_000_000_000));
        assert_eq!(regress("150%").expect("well formed").time, Nanos::default());
        assert_eq!((share("70%"), share("0.7")), (Ok(0.7), Ok(0.7)));
        for bad in ["", "70", "x%", "-1%", "NaN", "inf%"] {
            assert!(share(bad).is_err(), "{bad}");
        }
        for bad in ["evaluation", "=30s", "evaluating=30s", "evaluation=x"] {
            assert!(phase(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn limits_of_a_file() {
        let read = |text: &str| {
            let config: Config = toml::from_str(text).map_err(|error| error.to_string())?;
            config.check.unwrap_or_default().read()
        };
        let told = read(
            "[check]\nmax-wall = \"10m\"\nbaseline = \"main\"\nstrict = true\n\
             [check.max-phase]\nevaluation = \"30s\"\n[check.max-unit]\n\"python3*\" = \"2m\"\n[other]\nx = 1\n",
        )
        .expect("well formed");
        assert_eq!(told.max_wall, Some(Nanos::new(600_000_000_000)));
        assert_eq!(
            told.max_phase,
            [(Phase::Evaluation, Nanos::new(30_000_000_000))]
        );
        assert_eq!(
            told.max_unit,
            [("python3*".to_owned(), Nanos::new(120_000_000_000))]
        );
        assert!(told.strict && told.baseline.as_deref() == Some("main"));
        for bad in [
            "[check]\nmax-wal = \"10m\"",
            "[check]\nmax-wall = \"ten\"",
            "[check]\nmax-wall = 10",
            "[check]\nmin-hit-rate = \"70\"",
            "[check.max-phase]\nlunch = \"30s\"",
            "[check.max-unit]\nx = 5",
            "check",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
