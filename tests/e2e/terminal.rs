//! The program in a real pseudo-terminal, which the command shares with it.

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use tempfile::TempDir;

use crate::program::{command, file, folder};
use crate::run::{saving, signal, wait_until};

/// A pseudo-terminal, and what a person would see on it.
struct Terminal {
    master: OwnedFd,
    path: PathBuf,
    screen: Arc<Mutex<avt::Terminal>>,
    /// Without anybody who has it open, it ends.
    _kept: File,
}

impl Terminal {
    fn new((columns, lines): (u16, u16)) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pseudo-terminal");
        grantpt(&master).expect("it is ours");
        unlockpt(&master).expect("it is ours");
        let name = ptsname(&master, Vec::new()).expect("it has a name");
        let path = PathBuf::from(name.into_string().expect("a plain path"));
        let kept = opened(&path);
        let screen = avt::Terminal::with_scrollback(columns.into(), lines.into(), None);
        let terminal = Self {
            screen: Arc::new(Mutex::new(screen.expect("a size"))),
            path,
            master,
            _kept: kept,
        };
        terminal.set_size((columns, lines));
        let (screen, reader) = (Arc::clone(&terminal.screen), terminal.master.try_clone());
        let mut reader = File::from(reader.expect("a second one"));
        thread::spawn(move || {
            let (mut buffer, mut rest) = (vec![0; 4096], Vec::new());
            while let Ok(n) = reader.read(&mut buffer) {
                rest.extend_from_slice(&buffer[..n]);
                // Half a character waits for its other half.
                let whole = match str::from_utf8(&rest) {
                    Err(error) if error.error_len().is_none() => error.valid_up_to(),
                    _ => rest.len(),
                };
                let text: Vec<u8> = rest.drain(..whole).collect();
                let text = String::from_utf8_lossy(&text);
                screen
                    .lock()
                    .expect("no test panics with it")
                    .feed(text.as_ref());
            }
        });
        terminal
    }

    fn set_size(&self, (columns, lines): (u16, u16)) {
        let size = Winsize {
            ws_col: columns,
            ws_row: lines,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&self.master, size).expect("it is a terminal");
    }

    fn resize(&self, (columns, lines): (u16, u16)) {
        self.screen
            .lock()
            .expect("no test panics with it")
            .resize(columns.into(), lines.into());
        self.set_size((columns, lines));
    }

    /// Opens it as a program does that is started there.
    fn open(&self) -> File {
        opened(&self.path)
    }

    fn stdio(&self) -> Stdio {
        self.open().into()
    }

    /// Starts a program on it.
    fn start(&self, command: &mut Command) -> Child {
        command
            .env("TERM", "xterm-256color")
            .env_remove("COLUMNS")
            .stdin(self.stdio())
            .stdout(self.stdio())
            .stderr(self.stdio());
        command.spawn().expect("it starts")
    }

    /// Returns the lines, those that have scrolled off too.
    fn history(&self) -> Vec<String> {
        let terminal = self.screen.lock().expect("no test panics with it");
        let rows = terminal.screen().all_lines();
        let mut rows: Vec<_> = rows.map(|row| row.text().trim_end().to_owned()).collect();
        while rows.last().is_some_and(String::is_empty) {
            rows.pop();
        }
        rows
    }

    /// Waits until what is to be seen is as it should be.
    fn wait_until(&self, is_so: impl Fn(&[String]) -> bool) {
        for _ in 0..3000 {
            if is_so(&self.history()) {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("it never came: {:#?}", self.history());
    }

    /// Waits until a text is to be seen.
    fn wait_for(&self, text: &str) {
        self.wait_until(|rows| has(rows, text));
    }
}

fn opened(path: &Path) -> File {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    options.open(path).expect("it is there")
}

fn has(rows: &[String], text: &str) -> bool {
    rows.iter().any(|row| row.contains(text))
}

const START: &str = r#"@nix {"action":"start","fields":["/nix/store/7ajh8plhm64ypnph30js1a3lq6zsyxqr-hello-2.12.drv","",1,1],"id":1,"level":3,"parent":0,"text":"building '/nix/store/7ajh8plhm64ypnph30js1a3lq6zsyxqr-hello-2.12.drv'","type":105}
@nix {"action":"start","fields":["/nix/store/8ajh8plhm64ypnph30js1a3lq6zsyxqr-world-1.0.drv","",1,1],"id":2,"level":3,"parent":0,"text":"building '/nix/store/8ajh8plhm64ypnph30js1a3lq6zsyxqr-world-1.0.drv'","type":105}
"#;

/// What is in a frame, and in nothing else.
const FRAME: &str = "2 running";

/// A stand-in for Nix that builds until it is told to print its result, and ends when it is told to.
struct Nix {
    folder: TempDir,
    program: String,
}

impl Nix {
    fn new(result: &[u8]) -> Self {
        let folder = folder();
        let log = file(&folder, "log", START.as_bytes());
        let result = file(&folder, "result", result);
        let at = folder.path().display();
        let wait = |name: &str| format!("while [ ! -e '{at}/{name}' ]; do sleep 0.02; done\n");
        let script = format!(
            "#!/bin/sh\ncat '{log}' >&2\n{}cat '{result}'\n: > '{at}/printed'\n{}exit 3\n",
            wait("print"),
            wait("end")
        );
        let program = file(&folder, "nix-build", script.as_bytes());
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(&program, mode).expect("the file is ours");
        Self { folder, program }
    }

    fn tell(&self, what: &str) {
        file(&self.folder, what, b"");
    }

    fn wait_for_result(&self) {
        wait_until(|| self.folder.path().join("printed").exists());
    }
}

/// In which ways a command may have the terminal besides nixlog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Run,
    RunWithLogs,
    /// A program of which nobody knows what it does with the terminal, which therefore keeps it.
    RunOther,
    /// Its log goes through a pipe, as in `nix build … 2> >(nixlog record)`.
    Record,
}

fn started(terminal: &Terminal, way: Way, nix: &Nix) -> Child {
    let program = nix.program.as_str();
    match way {
        Way::Run => terminal.start(&mut saving(&nix.folder, &["run", "--", program])),
        Way::RunWithLogs => terminal.start(&mut saving(&nix.folder, &["run", "-L", "--", program])),
        Way::RunOther => {
            let other = nix.folder.path().join("other");
            fs::copy(program, &other).expect("the folder is ours");
            let other = other.to_str().expect("a plain path");
            let args = ["run", "--capture", "log-format", "--", other];
            terminal.start(&mut saving(&nix.folder, &args))
        }
        Way::Record => {
            let mut nix_alone = Command::new(program);
            nix_alone
                .stdin(Stdio::null())
                .stdout(terminal.stdio())
                .stderr(Stdio::piped());
            let mut writer = nix_alone.spawn().expect("it starts");
            let log = writer.stderr.take().expect("a pipe");
            let mut record = saving(&nix.folder, &["record"]);
            record
                .env("TERM", "xterm-256color")
                .env_remove("COLUMNS")
                .stdin(log)
                .stdout(terminal.stdio())
                .stderr(terminal.stdio());
            let reader = record.spawn().expect("it starts");
            thread::spawn(move || writer.wait());
            reader
        }
    }
}

/// Whatever a command prints while the display is up is there at once, and still there at the end, as it
/// would be without nixlog.
#[test]
fn what_the_command_prints_survives() {
    let many: String = (1..=60).map(|n| format!("line {n}\n")).collect();
    let wide = format!("{}\n", "wide ".repeat(50)).repeat(3);
    let results: [(&str, &[u8]); 6] = [
        ("whole", b"/nix/store/x-hello-2.12\n"),
        ("half", b"half a line"),
        ("many", many.as_bytes()),
        ("binary", b"\x80\xff\x00\x07 bytes \xf0\x9f\n"),
        ("coloured", b"\x1b[31mred\x1b[0m and plain\n"),
        ("wide", wide.as_bytes()),
    ];
    let mut n = 0;
    for (name, result) in results {
        for way in [Way::Run, Way::RunWithLogs, Way::RunOther, Way::Record] {
            // At the top of the screen and at its bottom, on screens of different sizes.
            let size = [(80, 24), (40, 10), (120, 30)][n % 3];
            let above = if n % 2 == 0 {
                "$ \n".to_owned()
            } else {
                "above\n".repeat(40)
            };
            n += 1;
            let (terminal, plain) = (Terminal::new(size), Terminal::new(size));
            for each in [&terminal, &plain] {
                each.open()
                    .write_all(above.as_bytes())
                    .expect("it takes it");
            }
            // How a terminal without nixlog shows it.
            plain.open().write_all(result).expect("it takes it");
            plain.open().write_all(b"\nlast").expect("it takes it");
            plain.wait_for("last");
            let mut want = plain.history();
            want.pop();
            want.retain(|row| !row.is_empty());
            let nix = Nix::new(result);
            let mut child = started(&terminal, way, &nix);
            terminal.wait_for(FRAME);
            nix.tell("print");
            nix.wait_for_result();
            let filled = |rows: &[String]| {
                let filled = rows.iter().filter(|row| !row.is_empty());
                filled.cloned().collect::<Vec<_>>()
            };
            terminal.wait_until(|rows| filled(rows).starts_with(&want));
            nix.tell("end");
            let status = child.wait().expect("nixlog ends");
            assert_eq!(status.code(), Some(if way == Way::Record { 0 } else { 3 }));
            terminal.wait_for("recorded as run");
            let rows = filled(&terminal.history());
            assert!(rows.starts_with(&want), "{name}, {way:?}: {rows:#?}");
            let rest = &rows[want.len()..];
            assert!(
                rest[0].starts_with("nixlog: "),
                "{name}, {way:?}: {rest:#?}"
            );
            assert!(!has(rest, FRAME), "{name}, {way:?}: {rest:#?}");
        }
    }
}

/// The terminal is whole again, whatever ends nixlog but `kill -9`, and while it is stopped.
#[test]
fn the_terminal_is_given_back() {
    let terminal = Terminal::new((80, 24));
    let nix = Nix::new(b"");
    let mut child = terminal.start(&mut saving(&nix.folder, &["run", "--", &nix.program]));
    terminal.wait_for(FRAME);
    signal(&child, "TSTP");
    terminal.wait_until(|rows| !has(rows, FRAME));
    signal(&child, "CONT");
    terminal.wait_for(FRAME);
    nix.tell("print");
    nix.tell("end");
    child.wait().expect("nixlog ends");
    terminal.wait_for("recorded as run");
    assert!(!has(&terminal.history(), FRAME));

    let mut command = command(&["phases"]);
    command.env("TERM", "xterm-256color").env_remove("COLUMNS");
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(terminal.stdio());
    let mut child = command.spawn().expect("it starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(START.as_bytes()).expect("nixlog reads");
    terminal.wait_for(FRAME);
    signal(&child, "INT");
    // So that the two signals are not one.
    stdin.write_all(b"still here\n").expect("nixlog reads");
    terminal.wait_for("still here");
    signal(&child, "INT");
    assert_eq!(child.wait().expect("nixlog ends").code(), None);
    // What it wrote last may still be on its way.
    terminal.wait_until(|rows| !has(rows, FRAME));
    // All of it scrolls.
    terminal
        .open()
        .write_all("x\n".repeat(50).as_bytes())
        .expect("it takes it");
    terminal.open().write_all(b"last").expect("it takes it");
    terminal.wait_for("last");
    let screen = terminal.screen.lock().expect("no test panics with it");
    assert_eq!(screen.cursor().row, 23);
}

/// A terminal of which nobody knows how large it is has no bottom.
#[test]
fn nothing_moves_where_the_size_is_unknown() {
    let terminal = Terminal::new((80, 24));
    terminal.set_size((0, 0));
    let nix = Nix::new(b"/nix/store/x-hello\n");
    nix.tell("print");
    nix.tell("end");
    let mut child = terminal.start(&mut saving(&nix.folder, &["run", "--", &nix.program]));
    child.wait().expect("nixlog ends");
    terminal.wait_for("recorded as run");
    let history = terminal.history();
    assert!(
        history.iter().any(|row| row == "/nix/store/x-hello"),
        "{history:#?}"
    );
    assert!(
        !history.iter().any(|row| row.contains(FRAME)),
        "{history:#?}"
    );
}

#[test]
fn a_resized_terminal_keeps_no_debris() {
    for sizes in [
        [(80, 24), (120, 24), (60, 24)],
        [(200, 50), (40, 50), (80, 50)],
    ] {
        let terminal = Terminal::new(sizes[0]);
        let nix = Nix::new(b"/nix/store/x-hello\n");
        let mut child = terminal.start(&mut saving(&nix.folder, &["run", "--", &nix.program]));
        terminal.wait_for(FRAME);
        for &size in &sizes[1..] {
            terminal.resize(size);
            terminal.wait_until(|rows| {
                let frames = rows.iter().filter(|row| row.contains(FRAME));
                let last = rows.last().is_some_and(|row| row.contains("world-1.0"));
                frames.count() == 1 && last
            });
        }
        nix.tell("print");
        nix.tell("end");
        child.wait().expect("nixlog ends");
        terminal.wait_for("recorded as run");
        let history = terminal.history();
        assert_eq!(history[0], "/nix/store/x-hello", "{history:#?}");
        assert!(
            history[1].starts_with("nixlog: exit status 3"),
            "{history:#?}"
        );
    }
}

/// The command has a terminal for its results, as large as the one there is.
#[test]
fn the_command_sees_a_terminal() {
    let terminal = Terminal::new((100, 30));
    let nix = Nix::new(b"");
    let script = "#!/bin/sh\nstty size <&1\nsleep 0.3\nstty size <&1\n";
    fs::write(&nix.program, script).expect("the file is ours");
    let mut child = terminal.start(&mut saving(&nix.folder, &["run", "--", &nix.program]));
    terminal.wait_for("30 100");
    terminal.resize((90, 20));
    terminal.wait_for("20 90");
    child.wait().expect("nixlog ends");
}
