//! What a person, or a CI, would see of recorded builds.

use std::cell::RefCell;
use std::fs;
use std::path::Path;
use std::rc::Rc;

use insta::assert_snapshot;
use nixlog_core::wire::LogReader;
use proptest::prelude::*;

use super::*;

/// A terminal in memory.
#[derive(Clone)]
struct Fake(Rc<RefCell<avt::Terminal>>);

impl Fake {
    fn new(columns: u16, lines: u16) -> Self {
        let terminal = avt::Terminal::with_scrollback(columns.into(), lines.into(), None);
        Self(Rc::new(RefCell::new(terminal.expect("a size"))))
    }

    fn resize(&self, columns: u16, lines: u16) {
        self.0.borrow_mut().resize(columns.into(), lines.into());
    }

    /// Prints as anybody might, without a word to nixlog.
    fn print(&self, text: &str) {
        // As a terminal does.
        let text = text.replace('\n', "\r\n");
        self.0.borrow_mut().feed(text.as_str());
    }

    /// Returns what is on the screen, without the empty lines at its end.
    fn contents(&self) -> String {
        let terminal = self.0.borrow();
        joined(terminal.screen().visible_lines())
    }

    /// The same, with all that has scrolled off before it.
    fn history(&self) -> String {
        let terminal = self.0.borrow();
        joined(terminal.screen().all_lines())
    }

    /// Returns the line of the cursor, which rests in the first column.
    fn cursor(&self) -> usize {
        let cursor = self.0.borrow().cursor();
        assert_eq!(cursor.col, 0);
        cursor.row
    }
}

fn joined<'a>(rows: impl Iterator<Item = &'a avt::Line>) -> String {
    let rows: Vec<String> = rows.map(|row| row.text().trim_end().to_owned()).collect();
    rows.join("\n").trim_end().to_owned()
}

impl Sink for Fake {
    fn write(&mut self, bytes: &[u8]) {
        const CLEAR: &str = "\x1b[J";
        for part in String::from_utf8_lossy(bytes).split_inclusive(CLEAR) {
            let before = part.strip_suffix(CLEAR);
            self.print(before.unwrap_or(part));
            if before.is_some() {
                // tmux takes this for `clear`, and keeps the screen in its history.
                let cursor = self.0.borrow().cursor();
                assert_ne!((cursor.col, cursor.row), (0, 0), "all is cleared");
                self.print(CLEAR);
            }
        }
    }

    fn size(&self) -> Size {
        let (columns, lines) = self.0.borrow().size();
        Size { columns, lines }
    }
}

/// A file.
#[derive(Clone, Default)]
struct Paper(Rc<RefCell<Vec<u8>>>);

impl Paper {
    fn text(&self) -> String {
        String::from_utf8(self.0.borrow().clone()).expect("what nixlog prints is UTF-8")
    }
}

impl Sink for Paper {
    fn write(&mut self, bytes: &[u8]) {
        self.0.borrow_mut().extend_from_slice(bytes);
    }

    fn size(&self) -> Size {
        Size {
            columns: 80,
            lines: 24,
        }
    }
}

const PLAIN: Style = Style {
    color: false,
    ascii: false,
};

fn recording(name: &str) -> Vec<u8> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus");
    let bytes = fs::read(corpus.join(name)).expect("the recording is there");
    if name.ends_with(".zst") {
        return zstd::decode_all(bytes.as_slice()).expect("the recording is whole");
    }
    bytes
}

/// Shows a log as it came, until a time in milliseconds.
fn show(display: &mut Display, log: &[u8], until: u64, mut each: impl FnMut(&Display)) {
    let until = at(until);
    let mut reader = LogReader::new(None);
    let mut now = Stamp::ZERO;
    for line in reader.block(log, None) {
        let stamp = line.stamp.unwrap_or(now);
        // Time passes while nothing comes, too.
        while now + FRAME < stamp.min(until) {
            now = now + FRAME;
            display.tick(now);
            each(display);
        }
        if stamp > until {
            return;
        }
        now = stamp;
        display.line(&line, now);
        display.tick(now);
        each(display);
    }
}

fn at(millis: u64) -> Stamp {
    Stamp::from_nanos(millis * 1_000_000)
}

/// Returns what is to be seen after so many milliseconds of a build.
fn seen(name: &str, (columns, lines): (u16, u16), millis: u64) -> String {
    let fake = Fake::new(columns, lines);
    let mut display = Display::terminal(Screen::on(Box::new(fake.clone())), PLAIN);
    show(&mut display, &recording(name), millis, |_| {});
    let contents = fake.contents();
    display.finish();
    contents
}

const SMALL: (u16, u16) = (80, 24);
const LARGE: (u16, u16) = (200, 50);
const REMOTE: &str = "2.26.3-remote-ssh-ng-mixed.ts.log.zst";
const SLOW: &str = "2.34.8-subst-subst-slow.ts.log.zst";
const FAIL: &str = "2.26.3-fail-fail-dep-keep-going.ts.log.zst";

#[test]
fn builds_on_machines() {
    assert_snapshot!(seen(REMOTE, SMALL, 4000));
    assert_snapshot!(seen(REMOTE, LARGE, 4000));
}

#[test]
fn downloads() {
    assert_snapshot!(seen(SLOW, SMALL, 2500));
    assert_snapshot!(seen(SLOW, LARGE, 2500));
}

#[test]
fn evaluation() {
    assert_snapshot!(seen("2.34.8-flake-git-v.ts.log", SMALL, 400));
}

#[test]
fn a_failure_stands_above_what_still_runs() {
    assert_snapshot!(seen(FAIL, SMALL, 400));
}

#[test]
fn a_log_for_people_tells_what_started_last() {
    assert_snapshot!(seen(
        "2.8.0-mixed-small-human-nix-build.ts.log.zst",
        SMALL,
        2000
    ));
}

/// Every recording, on terminals of all sizes: what moves is never more than a third of the screen,
/// never wider, and gone in the end.
#[test]
fn it_fits_and_leaves_nothing_behind() {
    let logs = [REMOTE, SLOW, FAIL, "2.34.8-flake-git-v.ts.log"];
    let sizes = [(80, 24), (200, 50), (40, 10), (20, 6)];
    for name in logs {
        for (columns, lines) in sizes {
            let fake = Fake::new(columns, lines);
            let mut display = Display::terminal(Screen::on(Box::new(fake.clone())), PLAIN);
            let mut most = 0;
            show(
                &mut display,
                &recording(name),
                u64::MAX / 1_000_000,
                |display| {
                    let Face::Terminal { frame, screen, .. } = &display.face else {
                        panic!("it is a terminal");
                    };
                    let Size { columns, lines } = screen.size();
                    assert!(frame.len() < (lines / 3).max(2), "{name}: {frame:#?}");
                    for line in frame {
                        let width = console::measure_text_width(line);
                        assert!(width < columns.max(2), "{name}, {columns}: {line:?}");
                    }
                    most = most.max(frame.len());
                },
            );
            assert!(most > 0, "{name}: nothing was shown");
            display.finish();
            let contents = fake.contents();
            let moved = contents
                .lines()
                .any(|line| line.contains(" built") || line.starts_with('▸'));
            assert!(!moved, "{name}, {columns} × {lines}:\n{contents}");
            // What comes next stands below all that was said.
            assert_eq!(fake.cursor(), contents.lines().count());
        }
    }
}

/// The smallest of terminals get one line, cut to size.
#[test]
fn a_terminal_may_be_small() {
    let fake = Fake::new(80, 24);
    let mut display = Display::terminal(Screen::on(Box::new(fake)), PLAIN);
    show(&mut display, &recording(SLOW), 2500, |_| {});
    for columns in 0..40 {
        let size = Size {
            columns,
            lines: columns / 4,
        };
        let lines = frame::lines(&display.live, at(2500), None, PLAIN, size);
        assert!(
            lines.len() < (size.lines / 3).max(2),
            "{size:?}: {lines:#?}"
        );
        let widths = lines.iter().map(|line| console::measure_text_width(line));
        assert!(widths.max() < Some(columns.max(2)), "{size:?}: {lines:#?}");
    }
}

/// What is usual is shown where it is known, and in a locale without UTF-8 all is ASCII.
#[test]
fn what_is_usual_and_what_is_ascii() {
    let fake = Fake::new(80, 24);
    let mut display = Display::terminal(Screen::on(Box::new(fake)), PLAIN);
    show(&mut display, &recording(REMOTE), 4000, |_| {});
    let style = Style {
        color: false,
        ascii: true,
    };
    struct Knows;
    impl Foresight for Knows {
        fn line(&mut self, _: &Line<'_>) {}
        fn tick(&mut self, _: &Live, _: Stamp) {}

        fn usual(&self, name: &str) -> Option<Nanos> {
            name.starts_with("libX")
                .then_some(Nanos::new(724_000_000_000))
        }

        fn left(&self, _: Stamp) -> Option<Left> {
            let minutes = |minutes: u64| Nanos::new(minutes * 60_000_000_000);
            Some(Left {
                middle: minutes(6),
                low: minutes(4),
                high: minutes(9),
            })
        }
    }
    let size = Size {
        columns: 80,
        lines: 24,
    };
    let lines = frame::lines(&display.live, at(4000), Some(&Knows), style, size).join("\n");
    assert!(lines.is_ascii(), "{lines}");
    assert_snapshot!(lines);
}

/// Whatever the terminal makes of the frame when its size changes: there is one frame afterwards, and none
/// in the end.
#[test]
fn resizing_leaves_nothing_behind() {
    for sizes in [
        &[(80, 24), (120, 24), (60, 24)][..],
        &[(200, 50), (40, 50), (80, 50)],
        &[(200, 50), (40, 12), (200, 50)],
        &[(80, 24), (80, 8), (80, 40), (20, 6), (100, 30)],
    ] {
        for (is_full, is_alone) in [(false, false), (true, false), (false, true), (true, true)] {
            let fake = Fake::new(sizes[0].0, sizes[0].1);
            let above = if is_full { 60 } else { 1 };
            (0..above).for_each(|line| fake.print(&format!("above {line}\n")));
            let display = Display::terminal(Screen::on(Box::new(fake.clone())), PLAIN);
            let mut display = display.alone(is_alone);
            show(&mut display, &recording(REMOTE), 4000, |_| {});
            for (n, &(columns, lines)) in (1..).zip(&sizes[1..]) {
                fake.resize(columns, lines);
                display.tick(at(4000 + 500 * n));
                let history = fake.history();
                assert_eq!(history.matches(" built").count(), 1, "{sizes:?}: {history}");
            }
            display.finish();
            let want: Vec<_> = (0..above).map(|line| format!("above {line}")).collect();
            assert_eq!(fake.history(), want.join("\n"), "{sizes:?}");
        }
    }
}

/// What happens on a terminal that is not ours alone.
#[derive(Debug, Clone)]
enum Step {
    /// Somebody else prints.
    Foreign(&'static str),
    /// We say something.
    Text(&'static str),
    /// A frame of so many lines.
    Frame(usize),
    /// Somebody presses Return at the start of a line.
    Return,
}

fn any_step() -> impl Strategy<Value = Step> {
    const WIDE: &str = "wide wide wide wide wide wide wide wide wide wide wide wide wide";
    let foreign = prop::sample::select(vec![
        "/nix/store/x-hello\n",
        "half a line",
        " the other half\n",
        "one\ntwo\n\nfour\nfive\nsix\nseven\neight\nnine\nten\n",
        "\u{1b}[31mred\u{1b}[0m\n",
        WIDE,
        "\u{fffd}\u{7}\t\u{fffd}\n",
        "1%\r2%\n",
    ]);
    let text = prop::sample::select(vec!["said\n", "said\nmore\n", WIDE]);
    prop_oneof![
        foreign.prop_map(Step::Foreign),
        text.prop_map(Step::Text),
        (0_usize..5).prop_map(Step::Frame),
        Just(Step::Return),
    ]
}

proptest! {
    /// What others print is there in the end, as if there had been no frame.
    #[test]
    fn what_others_print_stays(
        steps in prop::collection::vec(any_step(), 1..30),
        (columns, lines) in prop::sample::select(vec![(30_u16, 8_u16), (80, 24), (47, 12)]),
        above in 0_usize..30,
        is_alone in any::<bool>(),
    ) {
        let (fake, plain) = (Fake::new(columns, lines), Fake::new(columns, lines));
        let before = "before\n".repeat(above);
        fake.print(&before);
        plain.print(&before);
        let mut screen = Screen::on(Box::new(fake.clone()));
        screen.alone(is_alone);
        let mut frame = Vec::new();
        for (n, step) in steps.iter().enumerate() {
            match step {
                Step::Foreign(text) => {
                    match is_alone {
                        true => screen.print(text.as_bytes(), frame.clone()),
                        false => fake.print(text),
                    }
                    plain.print(text);
                }
                Step::Text(text) => {
                    screen.paint(text.as_bytes(), frame.clone());
                    let column = plain.0.borrow().cursor().col;
                    plain.print(if column > 0 { "\r\u{1b}D" } else { "" });
                    plain.print(text.strip_suffix('\n').unwrap_or(text));
                    plain.print("\n");
                }
                Step::Return => {
                    if plain.0.borrow().cursor().col == 0 {
                        fake.print("\n");
                        plain.print("\n");
                        frame.iter_mut().for_each(|row: &mut String| row.push('.'));
                        screen.paint(b"", frame.clone());
                    }
                }
                Step::Frame(height) => {
                    frame = (0..*height).map(|row| format!("frame {n} {row}")).collect();
                    screen.paint(b"", frame.clone());
                    let contents = fake.contents();
                    let rows: Vec<&str> = contents.lines().filter(|row| row.starts_with("frame ")).collect();
                    // Half a line has nothing below it.
                    let is_half = is_alone && plain.0.borrow().cursor().col > 0;
                    prop_assert_eq!(rows, if is_half { Vec::new() } else { frame.clone() });
                }
            }
        }
        screen.paint(b"", Vec::new());
        prop_assert_eq!(fake.history(), plain.history());
    }
}

#[test]
fn nothing_moves_while_nothing_runs() {
    let fake = Fake::new(80, 24);
    let mut display = Display::terminal(Screen::on(Box::new(fake.clone())), PLAIN);
    display.tick(at(100));
    assert_eq!(fake.contents(), "");
    let log = recording("2.26.3-diamond-build-v.ts.log");
    show(&mut display, &log, u64::MAX / 1_000_000, |_| {});
    // Before anybody says that this is the end: the command prints its results now.
    assert!(!fake.contents().contains(" built"), "{}", fake.contents());
}

#[test]
fn the_last_words_of_nix_are_not_said_twice() {
    let message = "builder for 'x' failed with exit code 1;\n       last 2 log lines:\n       > a\n       > b\n       For full logs, run:\n         nix log x\n       note: keeping build directory 'y'";
    let want = "builder for 'x' failed with exit code 1;\n       note: keeping build directory 'y'";
    assert_eq!(words::without_tail(message), want);
}

#[test]
fn of_what_is_drawn_over_the_last_counts() {
    let log = b"0 receiving: 1%\rreceiving: 99%\rreceiving: done\r\n";
    assert_eq!(printed(log, None), "receiving: done\n");
}

/// Returns what is printed of a whole build.
fn printed(log: &[u8], ci: Option<Ci>) -> String {
    let paper = Paper::default();
    let ci = ci.map(|ci| (ci, 1_700_000_000));
    let mut display = Display::plain(Box::new(paper.clone()), ci, PLAIN);
    show(&mut display, log, u64::MAX / 1_000_000, |_| {});
    display.finish();
    paper.text()
}

/// The same log, a hundred times as slow.
fn slowed(log: &[u8]) -> Vec<u8> {
    let slower = |line: &[u8]| {
        let space = line.iter().position(|&byte| byte == b' ').expect("a stamp");
        let nanos = str::from_utf8(&line[..space])
            .ok()
            .and_then(|nanos| nanos.parse::<u64>().ok());
        let nanos = nanos.expect("a stamp is a number") * 100;
        [nanos.to_string().as_bytes(), &line[space..]].concat()
    };
    let lines = log.split_inclusive(|&byte| byte == b'\n');
    lines.flat_map(slower).collect()
}

#[test]
fn twice_a_minute_there_is_a_sign_of_life() {
    let text = printed(&slowed(&recording(REMOTE)), None);
    let beats: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("nixlog: "))
        .collect();
    for (n, beat) in (1_u64..).zip(&beats) {
        let time = words::clock(Nanos::new(n * 30_000_000_000));
        assert!(
            beat.starts_with(&format!("nixlog: {time}  ")),
            "{n}: {beat}"
        );
    }
    assert_eq!(beats.len(), 56);
    assert_snapshot!(beats[8..12].join("\n"));
    // In a build that is over sooner, there is none.
    assert!(!printed(&recording(REMOTE), None).contains("nixlog: "));
}

#[test]
fn build_output_is_folded_and_failures_are_not() {
    let text = printed(&recording(FAIL), Some(Ci::GitHub));
    let mut is_open = false;
    for line in text.lines() {
        match line {
            line if line.starts_with("::group::") => {
                assert!(!is_open, "folds do not nest");
                is_open = true;
            }
            "::endgroup::" => {
                assert!(is_open, "only an open fold is closed");
                is_open = false;
            }
            line if line.contains("> ") && !line.starts_with(' ') => {
                assert!(is_open, "outside: {line}");
            }
            line if line.starts_with("error:") || line.contains(" failed in ") => {
                assert!(!is_open, "in a fold: {line}");
            }
            _ => {}
        }
    }
    assert!(!is_open);
    let outside = text.lines().filter(|line| line.starts_with("nixlog: "));
    assert_snapshot!(outside.collect::<Vec<_>>().join("\n"));
    let gitlab = printed(&recording(FAIL), Some(Ci::GitLab));
    let (open, close) = (
        gitlab.matches("section_start:").count(),
        gitlab.matches("section_end:").count(),
    );
    assert_eq!(
        (open, close),
        (
            text.matches("::group::").count(),
            text.matches("::endgroup::").count()
        )
    );
    assert!(gitlab.contains("section_start:1700000000:nixlog_1[collapsed=true]\r"));
}

#[test]
fn a_build_cannot_speak_to_the_ci() {
    let log = br###"0 @nix {"action":"start","fields":["/nix/store/7ajh8plhm64ypnph30js1a3lq6zsyxqr-hello-2.12.drv","",1,1],"id":1,"level":3,"parent":0,"text":"building","type":105}
1 @nix {"action":"result","fields":["::error::from a build"],"id":1,"type":101}
2 @nix {"action":"result","fields":["##[error]from a build\n::error::second line"],"id":1,"type":101}
3 @nix {"action":"result","fields":["::add-mask::of nobody"],"id":9,"type":101}
4   ::error::from another program
5 ##[group]from another program
6 @nix {"action":"msg","level":0,"msg":"error: x\n::set-output name=a::b"}
7 section_start:1:nixlog_9 and \u001b[0Ksection_end:1:x
8 @nix {"action":"result","fields":["\u001b[0Ksection_end:1:nixlog_1\r\u001b[0K"],"id":1,"type":101}
"###;
    for ci in [Ci::GitHub, Ci::GitLab] {
        let text = printed(log, Some(ci));
        let ours = |line: &str| line.starts_with("::group::build output") || line == "::endgroup::";
        for line in text.lines() {
            let line = line.trim_start();
            assert!(
                !line.starts_with("::") || ours(line) || ci == Ci::GitLab,
                "{line}"
            );
            assert!(!line.contains("##[") || ci == Ci::GitLab, "{line}");
        }
        assert_eq!(text.matches("from a build").count(), 2, "{text}");
        if ci == Ci::GitHub {
            continue;
        }
        // Ours stand at the start of a line, and have the carriage return that nobody else gets in.
        let marks = text
            .split('\n')
            .filter(|line| line.contains("section_start:") || line.contains("section_end:"));
        for mark in marks {
            assert!(
                mark.starts_with("\u{1b}[0Ksection_") && mark.contains('\r'),
                "{mark:?}"
            );
        }
    }
}
