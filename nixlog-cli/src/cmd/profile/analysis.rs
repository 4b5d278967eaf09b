//! What a profile has, and ANALYSIS.md, which says it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use jiff::Zoned;
use nixlog_core::analysis::phases::phases;
use nixlog_core::analysis::selection::{Selection, select};
use nixlog_core::analysis::structural::{structural, without_builder_phases};
use nixlog_core::eval::stacks::Profile;
use nixlog_core::eval::stats::EvaluationStats;
use nixlog_core::log::Explained;
use nixlog_core::report::document::Document;
use nixlog_core::report::envelope::Report;
use nixlog_core::report::format::duration;
use nixlog_core::report::markdown;
use nixlog_core::report::table::Names;
use nixlog_core::report::verbs;
use nixlog_core::report::verbs::eval::{self, Material, Shown, SourceKind, SourceView};
use serde_json::Value;

use super::evaluation::Evaluated;
use super::folder::Folder;
use crate::base::error::CliError;
use crate::base::output;
use crate::base::unpack::unpack;
use crate::cmd::{cat, flamegraph};
use crate::evidence::profiles::{self, InputNames, LockFile, PROFILE, STATS};
use crate::evidence::sources::largest;
use crate::intake::input::PROFILED as RECORDING;
use crate::nix::version::NixVersion;

/// What a profile has so far.
pub(super) struct Analysis<'a> {
    folder: &'a Folder,
    command: String,
    version: Option<NixVersion>,
    started_at: Zoned,
    runs: Vec<Ran>,
    /// The evaluation with statistics, and what the profiler says.
    counted: Option<Evaluated>,
    /// The inputs of the flake in this folder.
    lock: Option<LockFile>,
    profile: Option<Profile>,
    /// The other parts of the report, with their titles.
    parts: Vec<(&'static str, Document)>,
    /// Why a file is not there.
    missing: BTreeMap<&'static str, String>,
}

/// A run of the command, or of its evaluation.
struct Ran {
    what: String,
    command: String,
    took_ns: u64,
    status: u8,
}

/// All files of a profile, and what each is.
const FILES: [(&str, &str); 8] = [
    ("ANALYSIS.md", "this report"),
    (STATS, "what the evaluator says of itself (NIX_SHOW_STATS)"),
    (
        "function-calls.log",
        "how often each function was called (NIX_COUNT_CALLS)",
    ),
    (PROFILE, "the profiler's samples: `nixlog eval --profile`"),
    (GRAPH, "the same, as a picture that can be searched"),
    ("build-output.log", "what the build printed"),
    (
        "build-stats.json",
        "phases, critical path and longest units of the build",
    ),
    (
        RECORDING,
        "the recording of the build, for every verb of nixlog",
    ),
];

/// The profile as a picture.
const GRAPH: &str = "evaluation-flamegraph.svg";

impl<'a> Analysis<'a> {
    pub(super) fn new(
        folder: &'a Folder,
        command: &[OsString],
        version: Option<NixVersion>,
    ) -> Self {
        let words: Vec<_> = command.iter().map(|word| word.to_string_lossy()).collect();
        let mut missing = BTreeMap::new();
        let not_yet = "an earlier step failed, or was interrupted";
        for (name, _) in &FILES[1..] {
            missing.insert(*name, not_yet.to_owned());
        }
        if !version.is_some_and(NixVersion::has_eval_profiler) {
            let why = match version {
                Some(version) => format!(
                    "this Nix ({version}) has no profiler: it came with Nix 2.30, and Lix has none"
                ),
                None => "this Nix does not tell its version".to_owned(),
            };
            missing.insert(PROFILE, why.clone());
            missing.insert(GRAPH, why);
        }
        Self {
            folder,
            command: words.join(" "),
            version,
            started_at: Zoned::now(),
            runs: Vec::new(),
            counted: None,
            lock: LockFile::read(Path::new("flake.lock")).ok(),
            profile: None,
            parts: Vec::new(),
            missing,
        }
    }

    /// Says that nothing is to be built.
    pub(super) fn only_evaluates(&mut self) {
        for name in ["build-output.log", "build-stats.json", RECORDING] {
            self.lacks(name, "only the evaluation was asked for");
        }
    }

    /// Notes that something was run.
    pub(super) fn ran(&mut self, what: &str, command: &str, took_ns: u64, status: u8) {
        self.runs.push(Ran {
            what: what.to_owned(),
            command: command.to_owned(),
            took_ns,
            status,
        });
    }

    /// Takes in what an evaluation with statistics told.
    pub(super) fn take_counted(&mut self, evaluated: Evaluated) -> Result<(), CliError> {
        match evaluated.said.most() {
            Some(stats) => {
                self.file(STATS, |out| writeln!(out, "{}", stats.json))?;
                match &stats.functions {
                    Some(_) => self.file("function-calls.log", |out| write_calls(stats, out))?,
                    None => self.lacks("function-calls.log", "the evaluator counted no calls"),
                }
            }
            None => {
                let why = match evaluated.exit.status() {
                    0 => "no evaluator printed statistics where nixlog reads: on standard error",
                    _ => {
                        "the evaluator printed no statistics: it was interrupted, or failed too early"
                    }
                };
                self.lacks(STATS, why);
                self.lacks("function-calls.log", why);
            }
        }
        self.counted = Some(evaluated);
        Ok(())
    }

    /// Says of evaluation what there is to say.
    fn evaluation(&self, evaluated: &Evaluated) -> Document {
        let mut sources = Vec::new();
        if self.profile.is_some() {
            sources.push(SourceView::new(SourceKind::Profile, PROFILE));
        }
        let material = Material {
            log: Some((&evaluated.log.timeline, &evaluated.said)),
            profile: self.profile.as_ref().map(|profile| (profile, None)),
            lock: self.lock.as_ref().map(|lock| &lock.lock),
            sources,
            top: TOP,
            ..Material::default()
        };
        let read = (&evaluated.log.source, &evaluated.log.timeline);
        let report = Report::of_any(Some(read), &[], eval::result(material, largest));
        let mut shown = Shown::new(Names::default(), None, TOP);
        // The files below say what is missing.
        shown.hints = false;
        report.document(&shown)
    }

    /// Takes in what the profiler has written.
    pub(super) fn take_profile(&mut self) -> Result<(), CliError> {
        let path = self.folder.path(PROFILE);
        match fs::metadata(&path) {
            Ok(metadata) if metadata.len() > 0 => {
                self.missing.remove(PROFILE);
                let names = InputNames::new(self.lock.as_ref());
                self.profile = Some(profiles::read(&path, &names)?);
                let title = format!("Evaluation of {}", self.command);
                flamegraph::image(&path, &title, &self.folder.path(GRAPH))?;
                self.missing.remove(GRAPH);
            }
            Ok(_) => {
                let why = "the evaluation was too short for a single sample";
                self.lacks(PROFILE, why);
                self.lacks(GRAPH, why);
            }
            Err(_) => {
                let why = match self.runs.last().map(|ran| ran.status) {
                    Some(0) => "the profiler wrote elsewhere: is `eval-profile-file` set?",
                    _ => "the profiler wrote nothing: the evaluation was interrupted, or failed",
                };
                self.lacks(PROFILE, why);
                self.lacks(GRAPH, why);
            }
        }
        Ok(())
    }

    /// Takes in the recording of the build.
    pub(super) fn take_build(&mut self, mut recording: File, status: u8) -> Result<(), CliError> {
        let rewind = |file: &mut File| io::Seek::rewind(file);
        let unreadable = |error| CliError::new("cannot read what was recorded").because(error);
        rewind(&mut recording).map_err(unreadable)?;
        self.file(RECORDING, |out| io::copy(&mut recording, out).map(drop))?;
        let path = self.folder.path(RECORDING);
        let mut copied = Ok(());
        self.file("build-output.log", |out| {
            copied = cat::human(&path, out);
            Ok(())
        })?;
        copied?;
        let file = File::open(&path).map_err(unreadable)?;
        let read = unpack(file).and_then(|file| nixlog_core::log::read_from(file.bytes));
        let mut log = read.map_err(unreadable)?;
        RECORDING.clone_into(&mut log.source.name);
        let log = log.explain();
        let took = log.timeline.wall().map_or(0, |wall| wall.end().as_nanos());
        let command = self.command.clone();
        self.ran("build", &command, took, status);
        let (documents, reports) = build(&log);
        self.file("build-stats.json", |out| {
            serde_json::to_writer_pretty(&mut *out, &reports)?;
            writeln!(out)
        })?;
        self.parts = documents;
        Ok(())
    }

    fn lacks(&mut self, name: &'static str, why: &str) {
        self.missing.insert(name, why.to_owned());
    }

    /// Writes a file of the folder.
    fn file(
        &mut self,
        name: &'static str,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), CliError> {
        output::write_file(&self.folder.path(name), write)?;
        self.missing.remove(name);
        Ok(())
    }

    /// Writes ANALYSIS.md, as far as there is anything to say.
    pub(super) fn write(&self) -> Result<(), CliError> {
        output::write_file(&self.folder.path("ANALYSIS.md"), |out| self.markdown(out))
    }

    fn markdown(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "# Profile of `{}`\n", self.command.replace('`', "'"))?;
        let version = self.version.map(|version| format!("Nix {version}, "));
        let at = self.started_at.strftime("%Y-%m-%d %H:%M:%S %Z");
        writeln!(out, "{}{at}\n", version.unwrap_or_default())?;
        writeln!(
            out,
            "| run | took | status | command |\n| --- | ---: | ---: | --- |"
        )?;
        for ran in &self.runs {
            let took = duration(ran.took_ns);
            let command = ran.command.replace('|', "\\|");
            writeln!(
                out,
                "| {} | {took} | {} | `{command}` |",
                ran.what, ran.status
            )?;
        }
        for ran in self.runs.iter().filter(|ran| ran.status != 0) {
            writeln!(
                out,
                "\n**{} ended with status {}: what there is of it is of the part until then.**",
                ran.what, ran.status
            )?;
        }
        let evaluations = self.runs.iter().filter(|ran| ran.what != "build").count();
        if evaluations > 0 {
            writeln!(
                out,
                "\nEach evaluation ran by itself, without the evaluation cache and without building what was \
                 asked for. Counting calls and the profiler make an evaluation slower; the build's own \
                 evaluation found the files in memory, and may use the cache. What an import from derivation \
                 needs was built by the first of them."
            )?;
        }
        if let Some(evaluated) = &self.counted {
            writeln!(out, "\n## Evaluation\n")?;
            markdown::write(&self.evaluation(evaluated), out)?;
        }
        for (title, document) in &self.parts {
            writeln!(out, "\n## {title}\n")?;
            markdown::write(document, out)?;
        }
        writeln!(out, "\n## Files\n")?;
        for (name, what) in FILES {
            match self.missing.get(name) {
                None => writeln!(out, "- `{name}`: {what}")?,
                Some(why) => writeln!(out, "- `{name}` is not there: {why}")?,
            }
        }
        Ok(())
    }
}

/// How much is listed of anything.
const TOP: usize = 10;

/// Writes how often functions, primops and attributes were used, most often first.
fn write_calls(stats: &EvaluationStats, out: &mut dyn Write) -> io::Result<()> {
    for (name, count) in stats.primops.iter().flatten() {
        writeln!(out, "{count:>12}  primop     {name}")?;
    }
    let lists = [
        ("function", &stats.functions),
        ("attribute", &stats.attributes),
    ];
    for (kind, calls) in lists {
        for call in calls.iter().flatten() {
            let name = call.name.as_deref().unwrap_or("-");
            writeln!(
                out,
                "{:>12}  {kind:<9}  {name}  {}",
                call.count,
                call.place()
            )?;
        }
    }
    Ok(())
}

/// Makes the reports of a build, for people and for programs.
fn build(log: &Explained) -> (Vec<(&'static str, Document)>, Value) {
    let mut all = phases(&log.timeline);
    all.explain(&log.path);
    if let Some(path) = log.known_path() {
        all.book(&log.timeline, path);
    }
    let phases = log.report(verbs::phases::result(&log.timeline, &all));
    let chain = structural(&log.run);
    let without = without_builder_phases(&log.timeline, &log.run, &chain);
    let path = verbs::critical_path::result(&log.timeline, &log.run, &log.path, &chain, &without);
    let path = log.report(path);
    let mut options = verbs::critical_path::Options::default();
    options.top = TOP;
    let units = select(&log.timeline, &Selection::default());
    let slowest = verbs::slowest::result(&log.timeline, &units, log.known_path(), |_| true, TOP);
    let slowest = log.report(slowest);
    let documents = [
        ("Build: phases", phases.document(&())),
        ("Build: critical path", path.document(&options)),
        ("Build: longest units", slowest.document(&Names::default())),
    ];
    let documents = documents.map(|(title, mut document)| {
        // All of it is of one run, and lies beside it.
        (document.heading, document.next) = (None, None);
        (title, document)
    });
    let value = |report: serde_json::Result<Value>| report.unwrap_or_default();
    let reports = Value::Object(
        [
            ("phases", value(serde_json::to_value(&phases))),
            ("critical_path", value(serde_json::to_value(&path))),
            ("slowest", value(serde_json::to_value(&slowest))),
        ]
        .map(|(name, report)| (name.to_owned(), report))
        .into_iter()
        .collect(),
    );
    (documents.into(), reports)
}
