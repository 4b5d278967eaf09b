//! `nixlog lint`.

use std::fs;
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use nixlog_core::analysis::lint_costs::{LintCosts, LintShares};
use nixlog_core::eval::stacks::{Kind, Reader};
use nixlog_core::lint::{Finding, Rule, check};
use nixlog_core::report::envelope::Report;
use nixlog_core::report::verbs::lint::{CostOf, Linted, Listing, ProblemView, result};
use nixlog_core::report::{github, sarif};
use rayon::ThreadPoolBuilder;
use rayon::prelude::*;

use crate::base::arguments::{Format, Formats, OutputArgs};
use crate::base::error::CliError;
use crate::base::output::{self, Stream};
use crate::base::selection::top;
use crate::base::unpack::unpack;

/// Find what slows the evaluation of Nix files, or hides what it costs
///
/// By what is written: imports from derivations, fetches without a hash, whole source trees, folds that copy or
/// keep all they have, `with` over many lines, and the like. Evaluates nothing. A finding is worth a look; where the
/// text does not tell, nothing is said.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Files, and folders whose `*.nix` files are read; links to folders are not followed
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,

    /// Only these rules; repeatable
    #[arg(long, value_name = "RULE", value_delimiter = ',', value_parser = rule(), help_heading = "Selection")]
    rule: Vec<Rule>,

    /// How many to list; 0 for all
    #[arg(
        long,
        value_name = "N",
        default_value_t = 30,
        value_parser = top,
        help_heading = "Selection"
    )]
    top: usize,

    /// A profile of evaluation (`--eval-profiler flamegraph`): says what each finding costs, and leaves out what
    /// costs nothing
    ///
    /// Its files are found by their full paths. A flake is evaluated from its copy in the store: name that one.
    #[arg(long, value_name = "FILE")]
    profile: Option<PathBuf>,

    /// What costs nothing in the profile, too
    #[arg(long, requires = "profile", help_heading = "Selection")]
    all: bool,

    /// Exit status 1 if anything is found, or a file could not be checked
    #[arg(long)]
    strict: bool,

    #[command(flatten)]
    output: OutputArgs<LintFormat>,
}

fn rule() -> impl TypedValueParser<Value = Rule> {
    let names = PossibleValuesParser::new(Rule::ALL.map(Rule::name));
    names.try_map(|name| Rule::named(&name).ok_or("no such rule"))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LintFormat {
    /// Tables for people
    Text,
    /// One JSON object, stable and versioned
    Json,
    /// Markdown, for step summaries and comments
    #[value(alias = "markdown")]
    Md,
    /// The table of findings
    Csv,
    /// SARIF 2.1.0 with all findings, for code hosts and editors
    Sarif,
    /// Annotations of GitHub Actions, ten at most
    Github,
}

impl Formats for LintFormat {
    const JSON: Self = Self::Json;
}

/// The stack of each thread that looks at files.
const STACK: usize = 64 << 20;

pub(crate) fn run(args: &Args) -> Result<ExitCode, CliError> {
    let (files, mut problems) = find(&args.paths)?;
    // What nests deeply needs more of a stack than threads have.
    let threads = ThreadPoolBuilder::new().stack_size(STACK).build();
    let threads = threads
        .map_err(|error| CliError::new("cannot start threads").because(io::Error::other(error)))?;
    let look_at_all = || files.par_iter().map(|path| look(path)).collect();
    let looked: Vec<_> = threads.install(look_at_all);
    let mut linted = Vec::new();
    for file in looked {
        match file {
            Ok(file) => linted.push(file),
            Err(problem) => problems.push(problem),
        }
    }
    let mut listing = Listing::default();
    listing.rules.clone_from(&args.rule);
    listing.top = match args.output.format {
        LintFormat::Sarif => 0,
        _ => args.top,
    };
    listing.all = args.all;
    let costs = args.profile.as_ref().map(|path| costs(path, &linted));
    let costs = costs.transpose()?;
    let cost = |file: &str, it: &Finding| costs.as_ref()?.share(&full(file), it);
    let cost = costs.is_some().then_some(&cost as CostOf<'_>);
    let report = Report::without_log(&[], result(linted, problems, cost, &listing));
    output::write_with(&args.output, Stream::Output, |format, style, out| {
        let common = match format {
            LintFormat::Text => Format::Text,
            LintFormat::Json => Format::Json,
            LintFormat::Md => Format::Md,
            LintFormat::Csv => Format::Csv,
            LintFormat::Sarif => return sarif::write(&report, out),
            LintFormat::Github => return github::write_lint(&report, out),
        };
        output::render(common, style, &report, &(), out)
    })?;
    let result = &report.result;
    let is_clean = result.total_findings == 0 && result.problems.is_empty();
    Ok(match args.strict && !is_clean {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    })
}

/// Returns the path that Nix has for a file.
fn full(file: &str) -> String {
    let path = fs::canonicalize(file).unwrap_or_else(|_| PathBuf::from(file));
    path.display().to_string()
}

/// Reads a profile for what the findings cost in it.
fn costs(path: &Path, files: &[Linted]) -> Result<LintShares, CliError> {
    let mut costs = LintCosts::default();
    for it in files {
        let findings = it.checked.findings.iter().chain(&it.checked.nixpkgs);
        costs.watch(&full(&it.file), findings);
    }
    let unreadable = |error: io::Error| {
        let hint =
            "make one: nix eval --eval-profiler flamegraph --eval-profile-file nix.profile …";
        CliError::new(format!("cannot read `{}`", path.display()))
            .because(error)
            .hint(hint)
    };
    let file = fs::File::open(path).map_err(unreadable)?;
    let unpacked = unpack(file).map_err(unreadable)?.bytes;
    let mut bytes = BufReader::with_capacity(1 << 18, unpacked);
    let start = bytes.fill_buf().map_err(unreadable)?;
    let mut reader = Reader::new(Kind::of(start), costs);
    loop {
        let block = bytes.fill_buf().map_err(unreadable)?;
        if block.is_empty() {
            return Ok(reader.finish());
        }
        let length = block.len();
        reader.feed(block);
        bytes.consume(length);
    }
}

/// Reads and checks one file.
fn look(path: &Path) -> Result<Linted, ProblemView> {
    let name = || path.display().to_string();
    let unreadable = |why: String| ProblemView::unreadable(name(), why);
    let bytes = fs::read(path).map_err(|error| unreadable(error.to_string()))?;
    let length = bytes.len() as u64;
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        unreadable(format!("not UTF-8 at byte {at}"))
    })?;
    match check(&text) {
        Ok(checked) => Ok(Linted::new(name(), length, checked)),
        Err(error) => Err(ProblemView::syntax(
            name(),
            (error.line, error.column),
            error.message,
        )),
    }
}

/// Finds the files, sorted, each once. What is named must be there; what is not readable below it is a problem.
fn find(named: &[PathBuf]) -> Result<(Vec<PathBuf>, Vec<ProblemView>), CliError> {
    let (mut files, mut problems) = (Vec::new(), Vec::new());
    for path in named {
        let metadata = fs::metadata(path).map_err(|error| {
            let hint = "name Nix files, or folders that have some";
            CliError::new(format!("cannot read `{}`", path.display()))
                .because(error)
                .hint(hint)
        })?;
        match metadata.is_dir() {
            true => walk(path, &mut files, &mut problems),
            false => files.push(path.clone()),
        }
    }
    files.sort();
    files.dedup();
    Ok((files, problems))
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>, problems: &mut Vec<ProblemView>) {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        if let Err(error) = entries(&folder, files, &mut folders) {
            let name = folder.display().to_string();
            problems.push(ProblemView::unreadable(name, error.to_string()));
        }
    }
}

fn entries(folder: &Path, files: &mut Vec<PathBuf>, folders: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        let path = match folder == Path::new(".") {
            true => PathBuf::from(entry.file_name()),
            false => entry.path(),
        };
        if kind.is_dir() {
            if entry.file_name() != ".git" {
                folders.push(path);
            }
        } else if path.extension().is_some_and(|it| it == "nix")
            && (kind.is_file() || path.is_file())
        {
            files.push(path);
        }
    }
    Ok(())
}
