//! `nixlog cat`.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use clap_complete::ArgValueCompleter;
use jiff::Timestamp;
use nixlog_core::analysis::sufficiency::HOW_TO_STAMP;
use nixlog_core::recording::{RecordedLine, SideLine, recorded_line};
use nixlog_core::time::Stamp;
use nixlog_core::wire::block::Block;
use nixlog_core::wire::{ClockKind, LogReader};

use crate::archive::runs::complete;
use crate::base::arguments::{ColorArgs, ColorWhen};
use crate::base::error::CliError;
use crate::base::{output, terminal};
use crate::display::{Amount, Echo, printable};
use crate::intake::arguments::WrappingArgs;
use crate::intake::capture::is_recording;
use crate::intake::input::Input;
use crate::intake::pump::{Next, broken_off, pump};
use crate::intake::{input, load};

/// Print the log of a run or of a file as Nix wrote it
///
/// nixlog cat last | nom --json
///
/// Removes what wraps the log: the stamps and side lines of a recording, the prefixes of a CI. The rest
/// is kept byte for byte, except for progress results that were not recorded (`--no-thin` records
/// them). On a terminal, control characters show as escapes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The log: a file, `-` for standard input, or a recorded run (`last`, `last~2`, its name or id)
    ///
    /// Default: standard input if it is a pipe, else the last run.
    #[arg(value_name = "INPUT", add = ArgValueCompleter::new(complete::inputs))]
    input: Option<PathBuf>,

    /// Print the log as Nix wrote it; the default
    #[arg(long, group = "mode")]
    raw: bool,

    /// Print the time before each line: nanoseconds (`ns`) or seconds (`s`) since the start, or date
    /// and time (`iso`)
    #[arg(
        long,
        value_name = "UNIT",
        group = "mode",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "ns"
    )]
    stamped: Option<Unit>,

    /// Print the log as plain Nix would have shown it
    #[arg(long, group = "mode")]
    human: bool,

    #[command(flatten)]
    wrapping: WrappingArgs,

    #[command(flatten)]
    color: ColorArgs,
}

/// How times are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Unit {
    /// Nanoseconds since the start
    Ns,
    /// Seconds since the start
    S,
    /// Date and time, RFC 3339
    Iso,
}

pub(crate) fn run(args: &Args) -> Result<(), CliError> {
    let opened = input::open(args.input.as_deref())?;
    let is_running = opened.run.as_ref().is_some_and(|run| run.is_running);
    let input = opened.begin()?;
    let (name, live) = (input.name.clone(), input.live);
    let mut out = BufWriter::new(io::stdout().lock());
    let mut copy = Copy {
        args,
        name: &name,
        live,
        n_bytes: 0,
        out: &mut out,
    };
    let failure = copy.copy(input)?;
    let n_bytes = copy.n_bytes;
    out.flush().map_err(to_stdout)?;
    match failure {
        Some(error) if n_bytes == 0 => Err(input::unreadable(&name, error)),
        Some(error) if !is_running => {
            let broken_off = broken_off("the input", n_bytes, &error);
            output::warning(&format!("{broken_off}; the output ends there"));
            Ok(())
        }
        _ if n_bytes == 0 && name == "-" => Err(input::nothing_piped()),
        _ => Ok(()),
    }
}

/// Writes the log of a file as plain Nix would have shown it, without color.
pub(super) fn human(path: &Path, out: &mut dyn Write) -> Result<(), CliError> {
    let input = input::open(Some(path))?.begin()?;
    let name = input.name.clone();
    let args = Args {
        input: None,
        raw: false,
        stamped: None,
        human: true,
        wrapping: WrappingArgs::default(),
        color: ColorArgs {
            when: ColorWhen::Never,
        },
    };
    let mut copy = Copy {
        args: &args,
        name: &name,
        live: false,
        n_bytes: 0,
        out: &mut { out },
    };
    match copy.copy(input)? {
        None => Ok(()),
        Some(error) => Err(input::unreadable(&name, error)),
    }
}

fn to_stdout(error: io::Error) -> CliError {
    CliError::output("standard output", error)
}

/// A log on its way to standard output.
struct Copy<'a, W> {
    args: &'a Args,
    name: &'a str,
    live: bool,
    n_bytes: u64,
    out: &'a mut W,
}

impl<W: Write> Copy<'_, W> {
    /// Copies the log; returns why reading stopped, where it stopped early.
    fn copy(&mut self, input: Input) -> Result<Option<io::Error>, CliError> {
        let (mut form, mut copied) = (None, Ok(()));
        let read = pump(input.bytes, |block| {
            copied = self.block(&block, &mut form);
            match copied {
                Ok(()) => Next::Continue(block.into_buffer()),
                Err(_) => Next::Break(()),
            }
        });
        copied?;
        if let Some(form) = &mut form {
            form.end(self.out).map_err(to_stdout)?;
        }
        Ok(read.err())
    }

    fn block(&mut self, block: &Block, form: &mut Option<Form>) -> Result<(), CliError> {
        let form = match form {
            Some(form) => form,
            None => form.insert(self.form(block)?),
        };
        self.n_bytes += block.as_bytes().len() as u64;
        form.block(block, self.out).map_err(to_stdout)?;
        match self.live {
            true => self.out.flush().map_err(to_stdout),
            false => Ok(()),
        }
    }

    /// Looks at the first lines, and decides what comes of them.
    fn form(&self, first: &Block) -> Result<Form, CliError> {
        let args = self.args;
        let reader = || load::reader(&args.wrapping);
        if args.human {
            let color = terminal::color(args.color.when, &io::stdout());
            let echo = Echo::new(Amount::Everything, color);
            return Ok(Form::Human(Box::new(Human {
                reader: reader()?,
                echo,
                text: Vec::new(),
            })));
        }
        let lines = Lines::new(args.stamped);
        if args.wrapping.carrier.is_none()
            && args.wrapping.timing.is_none()
            && is_recording(first.as_bytes())
        {
            let started_at = header_start(first.as_bytes());
            let lines = lines.starting(started_at, self.name)?;
            return Ok(Form::Recording(lines));
        }
        // Whether there are times, and when they start, only a look ahead tells.
        let mut ahead = reader()?;
        ahead.payloads(first.as_bytes(), None, |_, _| {});
        if args.stamped.is_some() && ahead.clock_kind() == ClockKind::None {
            let name = input::quoted(self.name);
            return Err(CliError::new(format!("{name} has no timestamps"))
                .hint(format!("record the build: {HOW_TO_STAMP}")));
        }
        let lines = lines.starting(ahead.started_at(), self.name)?;
        Ok(Form::Log(Box::new(reader()?), lines))
    }
}

/// Returns the instant of stamp zero, in nanoseconds since 1970, as the header has it.
fn header_start(block: &[u8]) -> Option<i64> {
    let line = block.split(|&byte| byte == b'\n').next()?;
    let RecordedLine::Side(json) = recorded_line(line) else {
        return None;
    };
    match SideLine::parse(std::str::from_utf8(json).ok()?)? {
        SideLine::Header(header) => header.started_at_unix_ns,
        _ => None,
    }
}

/// What comes of a log.
enum Form {
    /// The lines of a recording.
    Recording(Lines),
    /// What is inside of any other log.
    Log(Box<LogReader>, Lines),
    /// What a person would have seen.
    Human(Box<Human>),
}

struct Human {
    reader: LogReader,
    echo: Echo,
    text: Vec<u8>,
}

impl Form {
    fn block(&mut self, block: &Block, out: &mut impl Write) -> io::Result<()> {
        match self {
            Self::Recording(lines) => {
                let bytes = block.as_bytes();
                let body = bytes.strip_suffix(b"\n").unwrap_or(bytes);
                body.split(|&byte| byte == b'\n')
                    .try_for_each(|line| match recorded_line(line) {
                        RecordedLine::Log(stamp, text) => lines.line(stamp, text, out),
                        RecordedLine::Side(json) => {
                            lines.side(json);
                            Ok(())
                        }
                    })
            }
            Self::Log(reader, lines) => {
                let mut written = Ok(());
                reader.payloads(block.as_bytes(), None, |stamp, text| {
                    if written.is_ok() {
                        written = lines.line(stamp, text, out);
                    }
                });
                written?;
                match block.as_bytes().ends_with(b"\n") {
                    true => lines.finish(out),
                    false => Ok(()),
                }
            }
            Self::Human(human) => {
                human.text.clear();
                for line in human.reader.checked_block(block, None) {
                    human.echo.line(&line, &mut human.text);
                }
                out.write_all(&human.text)
            }
        }
    }

    fn end(&mut self, out: &mut impl Write) -> io::Result<()> {
        match self {
            Self::Recording(lines) if lines.is_unterminated => Ok(()),
            Self::Recording(lines) => lines.finish(out),
            Self::Log(reader, lines) => {
                let mut written = Ok(());
                reader.last_payloads(|stamp, text| {
                    if written.is_ok() {
                        written = lines
                            .line(stamp, text, out)
                            .and_then(|()| lines.finish(out));
                    }
                });
                written
            }
            Self::Human(human) => {
                human.text.clear();
                for line in human.reader.finish() {
                    human.echo.line(&line, &mut human.text);
                }
                out.write_all(&human.text)
            }
        }
    }
}

/// Lines that are written one by one.
#[derive(Debug)]
struct Lines {
    unit: Option<Unit>,
    /// The instant of stamp zero, where instants are asked for.
    started_at: Option<i64>,
    /// They go to a terminal.
    is_shown: bool,
    /// The stamp of the line before: one without a time has that.
    last: Stamp,
    /// The last line's line feed is still to be written.
    is_open: bool,
    /// A recording's end said that the last line had none.
    is_unterminated: bool,
}

impl Lines {
    fn new(unit: Option<Unit>) -> Self {
        Self {
            unit,
            started_at: None,
            is_shown: terminal::is_terminal(&io::stdout()),
            last: Stamp::ZERO,
            is_open: false,
            is_unterminated: false,
        }
    }

    /// Takes over when the log starts, in nanoseconds since 1970.
    fn starting(self, started_at: Option<i64>, name: &str) -> Result<Self, CliError> {
        if self.unit == Some(Unit::Iso) && started_at.is_none() {
            let name = input::quoted(name);
            return Err(
                CliError::new(format!("the start time of {name} is unknown"))
                    .hint("for times since the start: `--stamped=ns` or `--stamped=s`")
                    .hint("to add a start time: nixlog import --start TIME"),
            );
        }
        Ok(Self { started_at, ..self })
    }

    fn line(&mut self, stamp: Option<Stamp>, text: &[u8], out: &mut impl Write) -> io::Result<()> {
        self.finish(out)?;
        let stamp = stamp.unwrap_or(self.last);
        self.last = stamp;
        let nanos = stamp.as_nanos();
        match self.unit {
            None => {}
            Some(Unit::Ns) => write!(out, "{nanos} ")?,
            Some(Unit::S) => {
                let (seconds, rest) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
                write!(out, "{seconds}.{rest:09} ")?;
            }
            Some(Unit::Iso) => {
                let since = i128::from(self.started_at.unwrap_or_default()) + i128::from(nanos);
                let instant = Timestamp::from_nanosecond(since).unwrap_or(Timestamp::MAX);
                write!(out, "{instant:.9} ")?;
            }
        }
        match self.is_shown {
            // A log must not be able to write to the terminal through us.
            true => out.write_all(printable(&String::from_utf8_lossy(text)).as_bytes())?,
            false => out.write_all(text)?,
        }
        self.is_open = true;
        Ok(())
    }

    /// Looks for the end of a recording.
    fn side(&mut self, json: &[u8]) {
        let side = std::str::from_utf8(json).ok().and_then(SideLine::parse);
        if let Some(SideLine::End(end)) = side {
            self.is_unterminated = end.unterminated;
        }
    }

    /// Writes the line feed that is still to be written.
    fn finish(&mut self, out: &mut impl Write) -> io::Result<()> {
        match std::mem::take(&mut self.is_open) {
            true => out.write_all(b"\n"),
            false => Ok(()),
        }
    }
}
