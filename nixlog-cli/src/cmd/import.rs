//! `nixlog import`.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read, Seek as _};
use std::path::{self, Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use nixlog_core::analysis::sufficiency::HOW_TO_STAMP;
use nixlog_core::log::Log;
use nixlog_core::recording::{End, Header};
use nixlog_core::timeline::{Clock, IssueCode};
use nixlog_core::wire::LogReader;
use tempfile::NamedTempFile;
use uuid::Uuid;

use crate::archive::frames::last_frame;
use crate::archive::recorder::{self, Payloads, Recorder, Tap};
use crate::archive::runs::select::Store;
use crate::archive::runs::{Place, Recorded, objection, set_name};
use crate::base::arguments::ColorWhen;
use crate::base::error::CliError;
use crate::base::output;
use crate::base::unpack::unpack;
use crate::evidence::history;
use crate::intake::arguments::{InputArgs, SaveArgs, WrappingArgs};
use crate::intake::pump::{Next, pump};
use crate::intake::{input, load};

/// Add a log to the recorded runs: from a CI, from `ts`, or from another machine
///
/// nixlog import build.log --carrier github-actions --name nightly
///
/// A recording, such as `nixlog runs export` writes, is copied as it is and keeps its id. Any other log
/// needs timestamps; their format is detected and removed.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The log, or `-` for standard input
    ///
    /// Files may be compressed with gzip, zstd, xz or bzip2.
    #[arg(value_name = "FILE")]
    file: PathBuf,

    #[command(flatten)]
    wrapping: WrappingArgs,

    /// When the log starts, if its timestamps do not tell: 2026-11-21T19:41:12Z, or `2026-11-21 19:41`
    /// in local time
    #[arg(long, value_name = "TIME", value_parser = instant, help_heading = "Recording")]
    start: Option<Timestamp>,

    /// The command line of the build
    #[arg(long, value_name = "COMMAND", help_heading = "Recording")]
    command: Option<String>,

    /// The name of the run
    #[arg(long, value_name = "NAME", help_heading = "Recording")]
    name: Option<String>,

    /// The project that it belongs to, whatever its command says
    #[arg(long, value_name = "NAME", help_heading = "Recording")]
    project: Option<String>,

    /// Record all progress results, not only a few per second
    #[arg(long, help_heading = "Recording")]
    no_thin: bool,
}

/// Reads an instant, or a date and a time of day where we are.
fn instant(text: &str) -> Result<Timestamp, String> {
    let local = |text: &str| {
        let zoned = text.parse::<DateTime>()?.to_zoned(TimeZone::system())?;
        Ok::<_, jiff::Error>(zoned.timestamp())
    };
    text.parse().or_else(|_| local(text)).map_err(|_| {
        "expected a time such as `2026-11-21T19:41:12Z` or `2026-11-21 19:41`".to_owned()
    })
}

pub(crate) fn run(args: &Args) -> Result<(), CliError> {
    let place = Place::known()?;
    if let Some(name) = &args.name {
        is_free(&place, name)?;
    }
    let spooled = spool(&args.file)?;
    let shown = args.file.display().to_string();
    let path = spooled.as_ref().map_or(&*args.file, NamedTempFile::path);
    // A path that is absolute means no run.
    let path = path::absolute(path).map_err(|error| input::unreadable(&shown, error))?;
    let log = read(args, &path)?;
    let recorded = if log.source.recording.header.is_some() {
        copy(args, &place, &log, &path)?
    } else {
        let origin = spooled.is_none().then(|| path.display().to_string());
        record(args, &log, &path, origin)?
    };
    output::note(&format!("imported as {}", recorded.title()));
    history::remember(&recorded);
    let Some(name) = &args.name else {
        return Ok(());
    };
    let run = Store::read(&place)?.find(&recorded.id)?.run;
    set_name(&place, &run, name, false)
}

/// Refuses a name before the work is done.
fn is_free(place: &Place, name: &str) -> Result<(), CliError> {
    let refused = CliError::new(format!("a run cannot be called `{}`", name.escape_debug()));
    if let Some(objection) = objection(name) {
        return Err(refused.hint(objection));
    }
    let store = Store::read(place)?;
    let owner = store.names.get(name);
    match owner.is_some_and(|owner| store.runs.iter().any(|run| run.id == owner)) {
        true => Err(
            CliError::new(format!("another run is already called `{name}`"))
                .hint("to rename that one: nixlog runs rename"),
        ),
        false => Ok(()),
    }
}

/// Puts standard input into a file: it is read twice.
fn spool(path: &Path) -> Result<Option<NamedTempFile>, CliError> {
    if path != Path::new("-") {
        return Ok(None);
    }
    if io::stdin().is_terminal() {
        return Err(
            CliError::new("nothing to import: standard input is a terminal")
                .hint("name a log file, or pipe one in: nixlog import - < build.log"),
        );
    }
    let spooled = NamedTempFile::new().and_then(|mut file| {
        io::copy(&mut io::stdin().lock(), &mut file)?;
        Ok(file)
    });
    let failed = |error| CliError::new("cannot copy standard input").because(error);
    spooled.map(Some).map_err(failed)
}

/// Reads the log a first time, and refuses what no run can be made of.
fn read(args: &Args, path: &Path) -> Result<Log, CliError> {
    let mut input = InputArgs::of_file(path.to_owned());
    input.wrapping.clone_from(&args.wrapping);
    let shown = args.file.display().to_string();
    // Errors name what was given.
    let given = || File::open(path).and_then(|file| file.metadata());
    match given() {
        Ok(metadata) if metadata.is_dir() => {
            let error = io::Error::from(io::ErrorKind::IsADirectory);
            return Err(input::unreadable(&shown, error));
        }
        Ok(_) => {}
        Err(error) => return Err(input::unreadable(&shown, error)),
    }
    let mut log = load::load(&input, ColorWhen::Never, |_, _| {})?.log;
    log.source.name = shown;
    if log.source.recording.header.is_some() {
        return Ok(log);
    }
    let name = input::quoted(&log.source.name);
    if !log.timeline.is_nix() {
        return Err(CliError::new(format!("no Nix build in {name}"))
            .hint("if the format of its lines was not detected, name it with `--carrier NAME`"));
    }
    if log.source.clock != Clock::Carrier {
        return Err(CliError::new(format!(
            "{name} has no timestamps, so a run of it would show no times"
        ))
        .hint(format!("record the build: {HOW_TO_STAMP}"))
        .hint("or add timestamps while it runs: nix build … --log-format internal-json -v |& ts '%.s' > build.log"));
    }
    for issue in &log.source.issues {
        if issue.code == IssueCode::InputCut {
            output::warning(&issue.message);
        }
    }
    Ok(log)
}

/// Copies a recording of nixlog's, under the id that it has.
fn copy(args: &Args, place: &Place, log: &Log, path: &Path) -> Result<Recorded, CliError> {
    let name = input::quoted(&log.source.name);
    let is_given = args.start.is_some()
        || args.command.is_some()
        || args.wrapping.carrier.is_some()
        || args.wrapping.timing.is_some();
    if is_given {
        return Err(CliError::new(format!("{name} is already a recording"))
            .hint("recordings are copied as they are: only `--name` applies"));
    }
    let header = log.source.recording.header.as_deref();
    let id = header.and_then(|header| Uuid::try_parse(header.id.as_deref()?).ok());
    if let Some(there) = id.and_then(|id| Store::read(place).ok()?.find(&id.to_string()).ok()) {
        let id = there.run.id.to_string();
        output::note(&format!("{name} is already among the runs"));
        let bytes = there.run.summary().map_or(0, |summary| summary.bytes);
        let path = there.run.path().to_owned();
        let file = None;
        return Ok(Recorded {
            id,
            path,
            bytes,
            file,
        });
    }
    let failed = |error| {
        let failed = CliError::new(format!(
            "cannot copy {name} to the runs in `{}`",
            place.runs().display()
        ));
        failed
            .because(error)
            .hint("`NIXLOG_DIR` sets another folder")
    };
    let is_complete = log.source.recording.end.is_some();
    let copied = recorder::keep_copy(place, id, || {
        let mut file = File::open(path)?;
        // What another zstd packed has no index: it takes the same room, and its end is soon found.
        let is_ours = !is_complete || last_frame(&mut file)?.is_some();
        file.rewind()?;
        if is_ours && log.source.compression == Some("zstd") {
            return Ok(recorder::Packed::As(file));
        }
        let mut text = Vec::new();
        unpack(file)?.bytes.read_to_end(&mut text)?;
        Ok(recorder::Packed::Not(text))
    });
    copied.map_err(failed)
}

/// Makes a recording of any other log.
fn record(
    args: &Args,
    log: &Log,
    path: &Path,
    origin: Option<String>,
) -> Result<Recorded, CliError> {
    let source = &log.source;
    let start = args.start.map(Timestamp::as_nanosecond);
    let start = start.and_then(|nanos| i64::try_from(nanos).ok());
    let header = header(args, &source.carrier, start.or(source.started_at), origin)?;
    let thinning = SaveArgs::on(args.no_thin).thinning();
    let recorder = Recorder::create(header, thinning).map_err(|error| {
        CliError::new("cannot record the log")
            .because(error)
            .hint("`NIXLOG_DIR` sets another folder")
    })?;
    let end = log.timeline.wall().map_or(0, |wall| wall.end().as_nanos());
    let reader = match &args.wrapping.timing {
        Some(_) => load::reader(&args.wrapping)?,
        None => LogReader::new(input::carrier(Some(&source.carrier))?),
    };
    let fed = File::open(path).and_then(unpack);
    let fed = fed.and_then(|unpacked| feed(recorder.tap(), reader, unpacked.bytes));
    match fed {
        // The first reading said so; what came before is worth keeping.
        Err(_) if source.is_cut => {}
        Err(error) => {
            recorder.discard();
            return Err(input::unreadable(&source.name, error));
        }
        Ok(()) => {}
    }
    let (recorded, _) = recorder.finish(End {
        duration_ns: end,
        ..End::default()
    });
    recorded.ok_or_else(|| {
        CliError::new("the log could not be recorded").hint("the warning above says why")
    })
}

/// Makes the header: nothing in it is about this machine, where the log does not come from.
fn header(
    args: &Args,
    carrier: &str,
    started_at: Option<i64>,
    origin: Option<String>,
) -> Result<Header, CliError> {
    let command = match &args.command {
        Some(command) => shlex::split(command)
            .ok_or_else(|| CliError::new("`--command` has an unclosed quote"))?,
        None => Vec::new(),
    };
    let mut header = recorder::header("import", command, started_at);
    header.cwd = None;
    header.host = None;
    header.cores = None;
    header.memory_bytes = None;
    header.kernel = None;
    "carrier".clone_into(&mut header.clock);
    header.carrier = Some(carrier.to_owned());
    header.imported_from = origin;
    header.project = args.project.clone().or(header.project);
    Ok(header)
}

/// Hands the lines inside of a log to a recorder, with their times.
fn feed(tap: Tap, mut reader: LogReader, bytes: impl Read) -> io::Result<()> {
    let mut payloads = Payloads::new(tap);
    let mut is_terminated = true;
    let read = pump(bytes, |block| {
        is_terminated = block.as_bytes().ends_with(b"\n");
        reader.payloads(block.as_bytes(), None, |stamp, line| {
            payloads.line(stamp, line);
        });
        Next::Continue(block.into_buffer())
    });
    reader.last_payloads(|stamp, line| payloads.line(stamp, line));
    if !is_terminated {
        payloads.unterminated();
    }
    payloads.hand_on();
    read
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants() {
        let utc = "2026-11-21T19:41:12Z".parse::<Timestamp>().ok();
        assert_eq!(instant("2026-11-21T19:41:12Z").ok(), utc);
        assert_eq!(instant("2026-11-21 20:41:12+01").ok(), utc);
        for local in ["2026-11-21 19:41", "2026-11-21T19:41:12.5", "2026-11-21"] {
            assert!(instant(local).is_ok(), "{local}");
        }
        for bad in ["", "yesterday", "19:41", "2026-13-01 00:00"] {
            assert!(instant(bad).is_err(), "{bad}");
        }
    }
}
