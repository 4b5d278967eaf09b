//! `nixlog log`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Instant;

use clap_complete::ArgValueCompleter;
use globset::GlobMatcher;
use nixlog_core::log::Reading;
use nixlog_core::store_path::{name_of, pname_of};
use nixlog_core::time::Stamp;
use nixlog_core::timeline::{BuildLine, PhaseBegins, WatchBuilds, Watched};
use serde_json::json;

use crate::archive::runs::complete;
use crate::base::error::CliError;
use crate::base::{output, terminal};
use crate::display::printable;
use crate::evidence::globs::glob;
use crate::intake::arguments::WrappingArgs;
use crate::intake::pump::{Next, broken_off, pump};
use crate::intake::{input, load};

/// Print the log of one build
///
/// As the builder wrote it. On a terminal without colours, and with control characters as escapes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The build: a name, with or without its version, a `.drv`, or a glob; of several the first that
    /// printed a line
    #[arg(value_name = "NAME")]
    name: String,

    /// The log: a file, `-` for standard input, or a recorded run (`last`, `last~2`, its name or id)
    ///
    /// Default: standard input if it is a pipe, else the last run.
    #[arg(value_name = "INPUT", add = ArgValueCompleter::new(complete::inputs))]
    input: Option<PathBuf>,

    /// Print the time before each line: seconds since the start of the recording
    #[arg(long)]
    timestamps: bool,

    /// Only the lines of this builder phase: checkPhase
    #[arg(long, value_name = "PHASE")]
    phase: Option<String>,

    /// Of a run that still goes on: wait for more lines until it ends
    #[arg(long, short)]
    follow: bool,

    /// Print JSON objects, one a line: `line` (its number), `at_ns`, `phase`, `text`
    #[arg(long, conflicts_with = "timestamps")]
    jsonl: bool,

    #[command(flatten)]
    wrapping: WrappingArgs,
}

pub(crate) fn run(args: &Args) -> Result<(), CliError> {
    let printer = Watched::new(Printing {
        glob: glob(&args.name)?,
        form: Form {
            timestamps: args.timestamps,
            jsonl: args.jsonl,
            is_shown: terminal::is_terminal(&io::stdout()),
        },
        only: args.phase.clone(),
        matching: BTreeMap::new(),
        chosen: None,
        others: BTreeSet::new(),
        phases: BTreeMap::new(),
        text: Vec::new(),
        failure: None,
    });
    let opened = match args.follow {
        true => input::follow(args.input.as_deref())?,
        false => input::open(args.input.as_deref())?,
    };
    let is_running = opened.run.as_ref().is_some_and(|run| run.is_running);
    let start = Instant::now();
    let input = opened.begin()?;
    let mut reading = Reading::new(load::reader(&args.wrapping)?);
    reading.watch_builds(printer.clone());
    let mut out = io::stdout().lock();
    let mut written = Ok(());
    let mut n_bytes = 0;
    let read = pump(input.bytes, |block| {
        let since = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let arrival = input.live.then(|| Stamp::from_nanos(since));
        n_bytes += block.as_bytes().len() as u64;
        reading.block(&block, arrival, |_| {});
        written = printer.lock().flush(&mut out);
        match written {
            Ok(()) => Next::Continue(block.into_buffer()),
            Err(_) => Next::Break(()),
        }
    });
    written = written.and_then(|()| {
        reading.end(|_| {});
        printer.lock().flush(&mut out)
    });
    written.map_err(|error| CliError::output("standard output", error))?;
    match read {
        Err(error) if n_bytes == 0 => return Err(input::unreadable(&input.name, error)),
        Err(error) if !is_running => {
            let broken_off = broken_off("the input", n_bytes, &error);
            output::warning(&format!("{broken_off}; the output ends there"));
        }
        _ if n_bytes == 0 && input.name == "-" => return Err(input::nothing_piped()),
        _ => {}
    }
    printer.lock().done(args)
}

/// Prints the lines of one build.
#[derive(Debug)]
struct Printing {
    glob: GlobMatcher,
    form: Form,
    /// Only lines of this builder phase.
    only: Option<String>,
    /// Whether each build matches.
    matching: BTreeMap<u32, bool>,
    /// The build that is printed.
    chosen: Option<u32>,
    /// Others that match.
    others: BTreeSet<String>,
    /// In which builder phase builds are.
    phases: BTreeMap<u32, String>,
    /// What is still to be written.
    text: Vec<u8>,
    failure: Option<io::Error>,
}

/// What a line looks like.
#[derive(Debug, Clone, Copy)]
struct Form {
    timestamps: bool,
    jsonl: bool,
    /// It goes to a terminal.
    is_shown: bool,
}

impl WatchBuilds for Printing {
    fn line(&mut self, line: &BuildLine<'_>) {
        if self.chosen != Some(line.build) && !self.chooses(line) {
            return;
        }
        let phase = self.phases.get(&line.build);
        if self.only.is_some() && self.only.as_ref() != phase {
            return;
        }
        let written = write(line, phase.map(String::as_str), self.form, &mut self.text);
        self.failure = written.err().or(self.failure.take());
    }

    fn phase(&mut self, phase: &PhaseBegins<'_>) {
        self.phases.insert(phase.build, phase.name.to_owned());
    }
}

/// How many others that match are remembered.
const MOST_OTHERS: usize = 20;

impl Printing {
    fn flush(&mut self, out: &mut impl Write) -> io::Result<()> {
        let text = std::mem::take(&mut self.text);
        match self.failure.take() {
            Some(error) => Err(error),
            None if text.is_empty() => Ok(()),
            None => out.write_all(&text).and_then(|()| out.flush()),
        }
    }

    /// Takes a line's build for the one to print, if it matches and there is none yet.
    fn chooses(&mut self, line: &BuildLine<'_>) -> bool {
        // Of a build whose name is not known yet, the next line may tell.
        if line.drv.is_empty() {
            return false;
        }
        let glob = &self.glob;
        let matches = *self.matching.entry(line.build).or_insert_with(|| {
            let name = name_of(line.drv);
            let base = line.drv.rsplit('/').next().unwrap_or_default();
            let names = [name, pname_of(name), base, line.drv];
            names.iter().any(|name| glob.is_match(name))
        });
        if !matches {
            return false;
        }
        if self.chosen.is_none() {
            self.chosen = Some(line.build);
            return true;
        }
        if self.others.len() < MOST_OTHERS {
            self.others.insert(line.drv.to_owned());
        }
        false
    }

    /// Says what could not be printed, or was not.
    fn done(&self, args: &Args) -> Result<(), CliError> {
        if self.chosen.is_none() {
            return Err(CliError::new(format!(
                "`log {}` matches no build that printed a line",
                args.name
            ))
            .hint(
                "a glob matches a whole name, with or without its version, or a `.drv`: 'python3*'",
            )
            .hint("which builds there are: nixlog builds --kind build"));
        }
        let others: Vec<String> = self.others.iter().map(|drv| printable(drv)).collect();
        match others.as_slice() {
            [] => {}
            [other] => output::note(&format!("another build matches: {other}")),
            [first, ..] => {
                let n = others.len();
                output::note(&format!("{n} other builds match, such as {first}"));
            }
        }
        Ok(())
    }
}

fn write(
    line: &BuildLine<'_>,
    phase: Option<&str>,
    form: Form,
    out: &mut Vec<u8>,
) -> io::Result<()> {
    if form.jsonl {
        let at_ns = line.at.map(Stamp::as_nanos);
        let text = line.text.decode();
        let object = json!({ "line": line.number, "at_ns": at_ns, "phase": phase, "text": text });
        return writeln!(out, "{object}");
    }
    if form.timestamps {
        match line.at.map(Stamp::as_nanos) {
            Some(at) => write!(
                out,
                "{:>5}.{:03} ",
                at / 1_000_000_000,
                at / 1_000_000 % 1000
            )?,
            None => write!(out, "        – ")?,
        }
    }
    match form.is_shown {
        // A log must not be able to write to the terminal through us.
        true => out.write_all(printable(&line.text.plain()).as_bytes())?,
        false => out.write_all(line.text.decode().as_bytes())?,
    }
    out.write_all(b"\n")
}
