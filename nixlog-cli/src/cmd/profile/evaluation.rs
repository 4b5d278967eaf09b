//! Evaluating a command without running it: with statistics, with the profiler.

use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal as _};
use std::path::Path;
use std::time::Instant;

use nixlog_core::analysis::evaluation::EvaluationLog;
use nixlog_core::log::Log;
use nixlog_core::timeline::{Clock, Watched};

use super::super::run::{Showing, watch};
use crate::base::arguments::ColorArgs;
use crate::base::clock::unix_nanos;
use crate::base::error::CliError;
use crate::intake::run::plan::{LookUp as _, Place, Way, plan, program_at};
use crate::intake::run::{self, Exit, ThisMachine};
use crate::nix::dry_run;
use crate::nix::version::NixVersion;

/// A command that can be evaluated by itself.
pub(super) struct Evaluator<'a> {
    /// The command that evaluates, and no more.
    words: Vec<OsString>,
    /// Where its program stands in it.
    program: usize,
    version: Option<NixVersion>,
    command: &'a [OsString],
}

/// What came of an evaluation.
pub(super) struct Evaluated {
    /// The command line, for people.
    pub(super) command: String,
    pub(super) exit: Exit,
    pub(super) log: Log,
    pub(super) said: EvaluationLog,
}

impl<'a> Evaluator<'a> {
    /// Finds out how to evaluate what a command is about.
    pub(super) fn of(command: &'a [OsString]) -> Result<Self, CliError> {
        let words = match is_eval(command) {
            true => Some(command.to_vec()),
            false => instantiating(command),
        };
        let words = match words {
            Some(words) => words,
            None => dry_run::asking(command).ok_or_else(|| {
                dry_run::unknown(command, |words| {
                    format!("there is no way to evaluate `{words}` without running it")
                })
            })?,
        };
        let program = program_at(&words);
        let version = words
            .get(program)
            .and_then(|program| ThisMachine.nix(program));
        Ok(Self {
            words,
            program,
            version,
            command,
        })
    }

    /// Returns the version of this Nix, if it tells.
    pub(super) const fn version(&self) -> Option<NixVersion> {
        self.version
    }

    /// Tells whether this Nix has a profiler.
    pub(super) fn has_profiler(&self) -> bool {
        self.version.is_some_and(NixVersion::has_eval_profiler)
    }

    /// Tells whether the command builds anything itself.
    pub(super) fn builds(&self) -> bool {
        !is_eval(self.command)
    }

    /// Evaluates with statistics and counts of calls, and with the profiler where it is to be quick.
    pub(super) fn counted(
        &self,
        profile: Option<&Path>,
        color: ColorArgs,
    ) -> Result<Evaluated, CliError> {
        let counts = [
            ("NIX_SHOW_STATS", "1"),
            // On standard error, wherever somebody else wants them.
            ("NIX_SHOW_STATS_PATH", "-"),
            ("NIX_COUNT_CALLS", "1"),
        ];
        self.evaluate(&counts, profile, color)
    }

    /// Evaluates with the profiler alone, so that its times are of nothing else.
    pub(super) fn profiled(&self, profile: &Path, color: ColorArgs) -> Result<Evaluated, CliError> {
        self.evaluate(&[], Some(profile), color)
    }

    fn evaluate(
        &self,
        variables: &[(&str, &str)],
        profile: Option<&Path>,
        color: ColorArgs,
    ) -> Result<Evaluated, CliError> {
        let mut config = std::env::var_os("NIX_CONFIG").unwrap_or_default();
        // What is cached would not be evaluated.
        config.push("\neval-cache = false\n");
        if let Some(profile) = profile {
            config.push("eval-profiler = flamegraph\neval-profile-file = ");
            config.push(profile);
            config.push("\n");
        }
        let mut words = self.words[..self.program].to_vec();
        words.push(OsString::from("env"));
        words.extend(
            variables
                .iter()
                .map(|(name, value)| OsString::from(format!("{name}={value}"))),
        );
        let mut assignment = OsString::from("NIX_CONFIG=");
        assignment.push(config);
        words.push(assignment);
        words.extend_from_slice(&self.words[self.program..]);
        let (start, started_at) = (Instant::now(), unix_nanos());
        let place = Place {
            interactive: io::stdin().is_terminal() && io::stderr().is_terminal(),
            verbose_eval: false,
        };
        let wanted = plan(&words, place, None, &ThisMachine);
        // Statistics are printed past any socket.
        let mut plan = match wanted.way {
            Way::LogFormat => wanted,
            _ => plan(&words, place, Some(Way::Lines), &ThisMachine),
        };
        plan.discards_output = true;
        let said = Watched::new(EvaluationLog::default());
        let mut reading = run::reading();
        reading.watch_evaluation(said.clone());
        let showing = Showing {
            quiet: false,
            build_logs: false,
            ahead: None,
            hides_objects: true,
            color,
        };
        let exit = watch(&plan, &showing, start, None, &mut reading)?;
        reading.ends_at(exit.at);
        let mut log = reading.finish("-", started_at);
        log.source.clock = Clock::Recorded;
        Ok(Evaluated {
            command: self.shown(variables, profile.is_some()),
            exit,
            log,
            said: said.take(),
        })
    }

    /// Returns the command line, for people.
    fn shown(&self, variables: &[(&str, &str)], is_profiled: bool) -> String {
        let variables = variables
            .iter()
            .filter(|(name, _)| *name != "NIX_SHOW_STATS_PATH")
            .map(|(name, value)| format!("{name}={value}"));
        let words = self
            .words
            .iter()
            .map(|word| word.to_string_lossy().into_owned());
        let options = ["--option eval-cache false", "--eval-profiler flamegraph"];
        let options = options.into_iter().take(1 + usize::from(is_profiled));
        let all: Vec<String> = variables
            .chain(words)
            .chain(options.map(str::to_owned))
            .collect();
        all.join(" ")
    }
}

/// Returns the command that only evaluates what `nix-build` would build; `None` for any other command.
/// `nix-build` itself prints its statistics before it evaluates the derivation (seen with 2.8).
fn instantiating(command: &[OsString]) -> Option<Vec<OsString>> {
    const ALONE: [&str; 6] = [
        "--no-out-link",
        "--no-link",
        "--dry-run",
        "--check",
        "--repair",
        "--add-drv-link",
    ];
    const WITH_VALUE: [&str; 3] = ["-o", "--out-link", "--drv-link"];
    let at = program_at(command);
    let program = Path::new(command.get(at)?);
    if program.file_name()? != "nix-build" {
        return None;
    }
    let mut words = command[..at].to_vec();
    words.push(program.with_file_name("nix-instantiate").into());
    let mut rest = command[at + 1..].iter();
    while let Some(word) = rest.next() {
        let is = |options: &[&str]| options.iter().any(|option| word == option);
        if is(&WITH_VALUE) {
            rest.next();
        } else if !is(&ALONE) {
            words.push(word.clone());
        }
    }
    Some(words)
}

/// Tells whether a command evaluates, and does no more.
fn is_eval(command: &[OsString]) -> bool {
    let at = program_at(command);
    let name = command.get(at).map(Path::new).and_then(Path::file_name);
    match name.and_then(OsStr::to_str) {
        Some("nix") => command.get(at + 1).is_some_and(|word| word == "eval"),
        Some("nix-instantiate") => true,
        _ => false,
    }
}
