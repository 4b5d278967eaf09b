//! Runs a command, and records and shows what its Nix does.

mod asked;
pub(crate) mod plan;
pub(crate) mod signals;
pub(crate) mod source;
pub(crate) mod stdout;

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use nixlog_core::log::Reading;
use nixlog_core::recording::End;
use nixlog_core::time::Stamp;
use nixlog_core::wire::{Carrier, LogReader};

use crate::archive::recorder::Recorder;
use crate::base::clock::now;
use crate::base::error::CliError;
use crate::intake::socket::Socket;
use crate::nix::settings;
use crate::nix::version::NixVersion;
use plan::{LookUp, Plan, Way};
use signals::Signals;
use source::{Feed, Told};
use stdout::Stdout;

/// How many blocks may wait for the main loop: a slow terminal holds up the build, as without us.
const AHEAD: usize = 16;

/// How often whoever watches is told that time passes.
const TICK: Duration = Duration::from_millis(50);

/// How long lines are waited for after the command has ended: something that it left behind may have
/// its standard error open for ever. To show what has come takes no part of it, however slow the terminal.
const REST: Duration = Duration::from_millis(500);

/// So many blocks may still come then: more than what was printed before and lies somewhere between, and
/// an end to what never stops.
const LATE: u32 = 256;

/// How long a process may have been waiting to be heard when the command ends.
const CONNECTING: Duration = Duration::from_millis(50);

/// How a command ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Exit {
    pub(crate) code: Option<i32>,
    pub(crate) signal: Option<i32>,
    pub(crate) at: Stamp,
}

impl Exit {
    /// Returns the exit status that shells make of it.
    pub(crate) fn status(self) -> u8 {
        let status = self.code.or_else(|| Some(128 + self.signal?)).unwrap_or(1);
        u8::try_from(status).unwrap_or(1)
    }

    /// Returns it as a recording has it.
    pub(crate) fn end(self) -> End {
        End {
            exit_status: self.code,
            signal: self.signal,
            duration_ns: self.at.as_nanos(),
            ..End::default()
        }
    }
}

/// Watches a command while it runs.
pub(crate) trait Watch {
    /// Takes in a line of the log.
    fn line(&mut self, line: &nixlog_core::wire::Line<'_>, now: Stamp);
    /// Is told that time passes, or that all lines that were there are read.
    fn tick(&mut self, now: Stamp);
    /// Prints what the command has printed as its result.
    fn output(&mut self, bytes: &[u8]);
    /// Is told that something cannot be read any more.
    fn broken_off(&mut self, error: &io::Error);
}

/// A command under way.
pub(crate) struct Running {
    start: Instant,
    told: Receiver<Told>,
    signals: Signals,
    /// Where it lies goes with it.
    _socket: Option<Socket>,
    stdout: Option<Stdout>,
    reads_stderr: bool,
}

/// Starts a command as planned; with `paints`, something moves on the terminal meanwhile.
pub(crate) fn start(
    plan: &Plan,
    paints: bool,
    start: Instant,
    recorder: Option<&mut Recorder>,
) -> Result<Running, CliError> {
    let (send, told) = mpsc::sync_channel(AHEAD);
    let feed = Feed::new(start, recorder.as_deref().map(Recorder::tap), send);
    let mut command = command(plan);
    let socket = match plan.way {
        Way::Socket => {
            let failed = |error| {
                CliError::new("cannot make a socket for `json-log-path`")
                    .because(error)
                    .hint("`--capture lines` needs no socket: it records the plain output")
            };
            let socket = Socket::own().map_err(failed)?;
            feed.read_each(&socket).map_err(failed)?;
            command.env("NIX_CONFIG", with_socket(socket.path()));
            Some(socket)
        }
        _ => None,
    };
    let mut stdout = None;
    if paints
        && plan.only_prints
        && stdout::is_shared()
        // Without one, the command has ours.
        && let Ok((ours, theirs)) = Stdout::make()
        && let Ok(reader) = ours.reader()
    {
        command.stdout(theirs);
        stdout = Some((ours, reader));
    }
    let caught = |error| CliError::new("cannot catch signals").because(error);
    let (signals, waiting) = Signals::catch().map_err(caught)?;
    let mut child = command.spawn().map_err(|error| not_started(plan, error))?;
    // It has the command's end of the terminal, which is to end with the command.
    drop(command);
    let stdout = stdout.map(|(ours, reader)| {
        feed.pass_on(reader);
        ours
    });
    signals.pass_on(waiting, &child);
    let stderr = child.stderr.take();
    let reads_stderr = stderr.is_some();
    if let Some(stderr) = stderr {
        feed.read_all(stderr);
    }
    feed.wait(child);
    if let (Some(recorder), Some(program)) = (recorder, plan.words.first()) {
        recorder.ask_settings(program);
    }
    Ok(Running {
        start,
        told,
        signals,
        _socket: socket,
        stdout,
        reads_stderr,
    })
}

impl Running {
    /// Tells whether what the command prints as its result comes through us.
    pub(crate) fn prints_results(&self) -> bool {
        self.stdout.is_some()
    }

    /// Reads until the command has ended, and all that it said is read.
    pub(crate) fn watch(mut self, reading: &mut Reading, watch: &mut dyn Watch) -> Exit {
        let mut open = 0_u32;
        let mut exit: Option<Exit> = None;
        let (mut waited, mut n_late) = (Duration::ZERO, 0);
        loop {
            let told = match exit {
                None => self.told.recv_timeout(TICK),
                Some(_) if open > 0 && (waited >= REST || n_late >= LATE) => break,
                Some(_) if open > 0 => {
                    let since = Instant::now();
                    let told = self.told.recv_timeout(TICK);
                    waited += since.elapsed();
                    told
                }
                // Nothing is open any more: what connected in its last moment may still be heard.
                Some(_) if self.reads_stderr => self
                    .told
                    .try_recv()
                    .map_err(|_| RecvTimeoutError::Disconnected),
                Some(_) => self
                    .told
                    .recv_timeout(CONNECTING)
                    .map_err(|_| RecvTimeoutError::Disconnected),
            };
            let at = now(self.start);
            match told {
                Ok(Told::Output(bytes)) => {
                    n_late += u32::from(exit.is_some());
                    watch.output(&bytes);
                }
                Ok(Told::Began) => open += 1,
                Ok(Told::Ended(read)) => {
                    open = open.saturating_sub(1);
                    if let Err(error) = read {
                        watch.broken_off(&error);
                    }
                }
                Ok(Told::Lines(block, stamp)) => {
                    n_late += u32::from(exit.is_some());
                    reading.block(&block, Some(stamp), |line| watch.line(line, stamp));
                    watch.tick(at);
                }
                Ok(Told::Exited(status, at)) => {
                    self.signals.over();
                    exit = Some(ended(status, at));
                }
                Err(RecvTimeoutError::Timeout) => {
                    if let Some(stdout) = &mut self.stdout {
                        stdout.resize();
                    }
                    watch.tick(at);
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        reading.end(|line| watch.line(line, now(self.start)));
        // Without a word from whoever waited for it, nobody knows how it ended.
        exit.unwrap_or(Exit {
            code: None,
            signal: None,
            at: now(self.start),
        })
    }
}

/// Begins to read what a command prints: always bare lines, whatever they look like.
pub(crate) fn reading() -> Reading {
    Reading::new(LogReader::new(Some(Carrier::None)))
}

fn command(plan: &Plan) -> Command {
    let mut words = plan.words.iter();
    let mut command = Command::new(words.next().map_or(OsStr::new(""), OsString::as_os_str));
    command.args(words);
    if matches!(plan.way, Way::LogFormat | Way::Lines) {
        command.stderr(Stdio::piped());
    }
    if plan.discards_output {
        command.stdout(Stdio::null());
    }
    command
}

/// Adds the socket to what `NIX_CONFIG` says.
fn with_socket(path: &Path) -> OsString {
    let mut config = std::env::var_os("NIX_CONFIG").unwrap_or_default();
    if !config.is_empty() {
        config.push("\n");
    }
    config.push("json-log-path = ");
    config.push(path);
    config
}

fn not_started(plan: &Plan, error: io::Error) -> CliError {
    let program = plan.words.first().map(|word| word.to_string_lossy());
    let program = program.unwrap_or_default();
    let (status, hint) = match error.kind() {
        io::ErrorKind::NotFound => (127, "is it in the search path?"),
        _ => (126, "is it a program?"),
    };
    CliError::new(format!("cannot run `{program}`"))
        .because(error)
        .hint(hint)
        .status(status)
}

fn ended(status: io::Result<ExitStatus>, at: Stamp) -> Exit {
    let status = status.ok();
    Exit {
        code: status.and_then(|status| status.code()),
        signal: status.and_then(|status| status.signal()),
        at,
    }
}

/// Looks things up on this machine.
pub(crate) struct ThisMachine;

impl LookUp for ThisMachine {
    fn nix(&self, program: &OsStr) -> Option<NixVersion> {
        let printed = settings::version(&settings::nix_beside(program))?;
        NixVersion::parse(&printed)
    }

    fn script(&self, program: &OsStr) -> Option<String> {
        /// No script around Nix is larger.
        const MOST: u64 = 1 << 20;
        let mut text = Vec::new();
        let file = File::open(in_path(program)?).ok()?;
        file.take(MOST).read_to_end(&mut text).ok()?;
        text.starts_with(b"#!")
            .then(|| String::from_utf8_lossy(&text).into_owned())
    }
}

/// Finds a program as a shell would.
fn in_path(program: &OsStr) -> Option<PathBuf> {
    let path = Path::new(program);
    if path.components().count() > 1 {
        return Some(path.to_owned());
    }
    let folders = std::env::var_os("PATH")?;
    let mut places = std::env::split_paths(&folders).map(|folder| folder.join(path));
    places.find(|place| place.is_file())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::SyncSender;
    use std::thread;

    use nixlog_core::wire::block::Block;
    use nixlog_core::wire::{Body, Line};

    use super::*;
    use crate::intake::pump::tests::Breaks;

    /// Shows lines as a slow terminal does.
    struct Slow(Vec<String>, Duration);

    impl Watch for Slow {
        fn line(&mut self, line: &Line<'_>, _: Stamp) {
            if let Body::Text(text) = line.body {
                self.0.push(text.to_owned());
            }
            thread::sleep(self.1);
        }

        fn tick(&mut self, _: Stamp) {}
        fn output(&mut self, _: &[u8]) {}

        fn broken_off(&mut self, error: &io::Error) {
            self.0.push(error.to_string());
        }
    }

    fn running() -> (SyncSender<Told>, Running) {
        let (send, told) = mpsc::sync_channel(AHEAD);
        let running = Running {
            start: Instant::now(),
            told,
            signals: Signals::default(),
            _socket: None,
            stdout: None,
            reads_stderr: true,
        };
        (send, running)
    }

    fn line(text: &str) -> Told {
        Told::Lines(Block::new(text.as_bytes().to_vec()), Stamp::ZERO)
    }

    /// What was printed before the end is shown, although something keeps standard error open.
    #[test]
    fn a_slow_terminal_loses_nothing() {
        let (send, running) = running();
        let exited = Told::Exited(Ok(ExitStatus::from_raw(7 << 8)), Stamp::ZERO);
        for told in [Told::Began, exited, line("a\n"), line("b\n"), line("c\n")] {
            send.send(told).expect("there is room");
        }
        let mut slow = Slow(Vec::new(), REST);
        let exit = running.watch(&mut reading(), &mut slow);
        assert_eq!(
            (exit.code, slow.0),
            (Some(7), vec!["a".into(), "b".into(), "c".into()])
        );
    }

    /// Whatever reads, its error is told, and what came before it is shown.
    #[test]
    fn what_breaks_off_is_told() {
        let (tell, running) = running();
        let (send, told) = mpsc::sync_channel(AHEAD);
        let feed = Feed::new(Instant::now(), None, send);
        feed.read_all(Breaks(b"a\nhalf"));
        feed.pass_on(Breaks(b""));
        drop(feed);
        let exited = Told::Exited(Ok(ExitStatus::from_raw(0)), Stamp::ZERO);
        for told in told.into_iter().chain([exited]) {
            tell.send(told).expect("there is room");
        }
        let mut quick = Slow(Vec::new(), Duration::ZERO);
        running.watch(&mut reading(), &mut quick);
        quick.0.sort();
        let reset = io::Error::from(io::ErrorKind::ConnectionReset).to_string();
        assert_eq!(quick.0, ["a", &reset, &reset, "half"]);
    }

    /// What the command left behind may print for ever.
    #[test]
    fn what_never_stops_is_left() {
        let (send, running) = running();
        let exited = Told::Exited(Ok(ExitStatus::from_raw(0)), Stamp::ZERO);
        let endless = thread::spawn(move || {
            let before = [Told::Began, exited].into_iter();
            let mut all = before.chain(std::iter::repeat_with(|| line("y\n")));
            all.all(|told| send.send(told).is_ok())
        });
        let mut quick = Slow(Vec::new(), Duration::ZERO);
        running.watch(&mut reading(), &mut quick);
        assert!(!endless.join().expect("it ends with the watching"));
    }
}
