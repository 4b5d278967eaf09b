//! What every verb is held to. The program itself says which there are, so that none is left out.

use std::process::{Command, Stdio};
use std::sync::OnceLock;

use insta::assert_snapshot;

use crate::program::{
    DIAMOND, FAIL, REMOTE, SLOW, command, file, folder, nixlog, piped, run, unstamped,
};
use crate::runs::Home;

/// A verb, as the program declares it to nushell: that tells of hidden ones, too.
#[derive(Debug, Default)]
pub(crate) struct Verb {
    /// With the verb that it is below, if there is one: `runs list`.
    pub(crate) name: String,
    pub(crate) formats: Vec<String>,
    /// Flags with their dashes, and operands as they are declared.
    words: Vec<String>,
}

/// What a verb cannot do without, besides a log.
const NEEDS: &[(&str, &[&str])] = &[("inside", &["*"]), ("what-if", &["--max-jobs", "8"])];

/// Verbs that make no report of a log, with what they do. They are held to their help, and what they
/// print to a reader that leaves.
const NO_REPORTS: &[(&str, &str)] = &[
    ("run", "runs a command; `run.rs` holds it to its contract"),
    ("record", "reads a pipe or a socket, and reports nothing"),
    ("reconstruct", "asks the store, and reads no log"),
    (
        "profile",
        "evaluates and builds; `profile.rs` holds it to its contract",
    ),
    ("runs", "is no verb without another one"),
    ("runs list", "reads the ends of recordings"),
    ("runs show", "reads runs, and no other logs"),
    ("runs rename", "changes names"),
    ("runs rm", "removes runs"),
    ("runs prune", "removes runs"),
    ("runs export", "copies a recording"),
    ("runs path", "prints a path"),
    ("flamegraph", "draws the profile of an evaluation"),
    ("history", "reads the history"),
    ("history sql", "prints tables"),
    ("history export", "reads the history"),
    ("history import", "changes the history"),
    ("history import-hydra", "changes the history"),
    ("history rebuild", "changes the history"),
    ("history remove", "changes the history"),
    ("trends", "reads the history"),
    ("baseline", "is no verb without another one"),
    ("baseline set", "changes baselines"),
    ("baseline list", "reads baselines"),
    ("baseline show", "reads a baseline"),
    ("baseline remove", "changes baselines"),
    ("baseline export", "copies baselines"),
    ("baseline import", "changes baselines"),
    ("cache probe", "asks caches, and reads no log"),
    ("cache coverage", "asks caches, and reads no log"),
    (
        "compare",
        "reads two sides; `compare.rs` holds it to its contract",
    ),
    ("check", "needs limits; `check.rs` holds it to its contract"),
    ("ab", "runs commands; `ab.rs` holds it to its contract"),
    ("eta", "is about what is yet to be built"),
    ("lint", "reads Nix files, and no log"),
    ("impact", "compares derivations, and reads no log"),
    (
        "gate",
        "runs a command; `estimates.rs` holds it to its contract",
    ),
    ("cat", "prints the log; `cat.rs` holds it to its contract"),
    (
        "log",
        "prints the log of a build; `log.rs` holds it to its contract",
    ),
    ("import", "adds a log to the runs"),
    ("schema", "is about nixlog"),
    ("completions", "is about nixlog"),
    ("man", "is about nixlog"),
];

impl Verb {
    /// Returns its name, and what it cannot do without.
    pub(crate) fn words(&self) -> Vec<&str> {
        let needs = NEEDS.iter().find(|(name, _)| *name == self.name);
        let needs = needs.map_or(&[][..], |(_, needs)| needs);
        self.name.split(' ').chain(needs.iter().copied()).collect()
    }

    /// Returns the words that ask it about a log, and more.
    pub(crate) fn about<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        [&self.words()[..], more].concat()
    }

    fn takes(&self, word: &str) -> bool {
        self.words.iter().any(|own| own == word)
    }

    /// Names it in a snapshot.
    pub(crate) fn file_name(&self) -> String {
        self.name.replace([' ', '-'], "_")
    }
}

/// Returns all verbs, in the order of the help, and those below them.
pub(crate) fn verbs() -> &'static [Verb] {
    static VERBS: OnceLock<Vec<Verb>> = OnceLock::new();
    VERBS.get_or_init(|| declared(&nixlog(&["completions", "nushell"]).result()))
}

fn declared(script: &str) -> Vec<Verb> {
    let mut verbs = Vec::new();
    let mut formats = Vec::new();
    let mut lines = script.lines();
    while let Some(line) = lines.next() {
        if line.contains("def ") && line.contains(" format\"") {
            let values = lines.next().unwrap_or_default();
            formats = values
                .split('"')
                .skip(1)
                .step_by(2)
                .map(str::to_owned)
                .collect();
        }
        let Some(name) = line.trim().strip_prefix("export extern \"nixlog ") else {
            continue;
        };
        let name = name.trim_end_matches("\" [");
        let of_it = lines.by_ref().take_while(|line| *line != "  ]");
        let words = of_it.filter_map(|line| line.trim().split([':', '(', ' ']).next());
        let verb = Verb {
            name: name.to_owned(),
            formats: std::mem::take(&mut formats),
            words: words.map(str::to_owned).collect(),
        };
        if name.split(' ').all(|word| word != "help") {
            verbs.push(verb);
        }
    }
    verbs
}

/// Returns the verbs that make a report of a log: all that are not said to be something else.
pub(crate) fn reports() -> impl Iterator<Item = &'static Verb> {
    let is_one = |verb: &&Verb| NO_REPORTS.iter().all(|(name, _)| *name != verb.name);
    verbs().iter().filter(is_one)
}

#[test]
fn no_verb_is_exempt_by_mistake() {
    let find = |name: &str| verbs().iter().find(|verb| verb.name == name);
    for (name, why) in NO_REPORTS {
        let verb = find(name).unwrap_or_else(|| panic!("there is no verb `{name}`"));
        let is_report = verb.takes("input?") && verb.takes("--format");
        assert!(!is_report && !why.is_empty(), "`{name}` makes reports");
    }
    for (name, _) in NEEDS {
        assert!(find(name).is_some(), "there is no verb `{name}`");
    }
    assert!(verbs().len() > 20 && reports().count() > 8, "{:?}", verbs());
    for verb in reports() {
        for word in [
            "input?",
            "--format",
            "--json",
            "--output",
            "--no-store",
            "--color",
        ] {
            assert!(verb.takes(word), "{verb:?} has no {word}");
        }
        assert_eq!(verb.formats[..4], ["text", "json", "md", "csv"], "{verb:?}");
    }
}

/// Those that are not hidden stand in the help of the program, in the same order.
#[test]
fn the_help_lists_every_verb() {
    let help = nixlog(&["-h"]).result();
    let listed = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        // What goes on in the next line is indented further.
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
        .filter(|verb| !["", "help"].contains(verb));
    let verbs = verbs().iter().map(|verb| verb.name.as_str());
    let verbs = verbs.filter(|name| !name.contains(' ') && *name != "man");
    assert_eq!(listed.collect::<Vec<_>>(), verbs.collect::<Vec<_>>());
}

#[test]
fn help() {
    for verb in verbs() {
        let mut asked: Vec<&str> = verb.name.split(' ').collect();
        asked.push("--help");
        let help = run(command(&asked).env("COLUMNS", "100")).result();
        assert_snapshot!(format!("help_{}", verb.file_name()), help);
    }
}

#[test]
fn width() {
    for verb in reports() {
        for log in [DIAMOND, FAIL, REMOTE, SLOW] {
            for width in [80, 140] {
                let mut asked = command(&verb.about(&[log]));
                let text = run(asked.env("COLUMNS", width.to_string())).result();
                // A command to copy is not broken into lines.
                let mut lines = text.lines().filter(|line| !line.starts_with("next: "));
                let long = lines.find(|line| line.chars().count() > width);
                assert_eq!(long, None, "{} at {width}", verb.name);
                if log == REMOTE {
                    assert_snapshot!(format!("{}_{width}", verb.file_name()), text);
                }
            }
        }
    }
}

/// The same input gives the same bytes.
#[test]
fn formats() {
    for verb in reports() {
        for log in [DIAMOND, FAIL, REMOTE, SLOW] {
            for format in &verb.formats {
                let asked = verb.about(&[log, "--format", format]);
                let printed = nixlog(&asked).result();
                assert!(!printed.is_empty(), "{asked:?}");
                assert_eq!(printed, nixlog(&asked).result(), "{asked:?}");
                match format.as_str() {
                    "json" => assert_eq!(printed, nixlog(&verb.about(&[log, "--json"])).result()),
                    "csv" => has_columns(&printed, &verb.name),
                    _ => {}
                }
                if log == DIAMOND && ["md", "csv"].contains(&format.as_str()) {
                    let name = format!("{}_{format}", verb.file_name());
                    assert_snapshot!(name, printed.replace("\r\n", "\n"));
                }
            }
        }
    }
}

/// Holds all lines to as many fields as the first has.
fn has_columns(csv: &str, name: &str) {
    let fields = |line: &str| {
        let mut quoted = false;
        let separates = |c: char| {
            quoted ^= c == '"';
            c == ',' && !quoted
        };
        line.chars().map(separates).filter(|&s| s).count()
    };
    let mut lines = csv.lines();
    let header = lines.next().map(fields);
    assert!(
        lines.all(|line| Some(fields(line)) == header),
        "{name}\n{csv}"
    );
}

/// Holds all reports to the same refusal; returns it.
pub(crate) fn all_refuse(more: &[&str]) -> String {
    let said: Vec<String> = reports()
        .map(|verb| nixlog(&verb.about(more)).refused())
        .collect();
    assert!(said.iter().all(|each| *each == said[0]), "{said:#?}");
    said[0].clone()
}

#[test]
fn no_input() {
    assert_snapshot!(all_refuse(&[]), @r"
    error: no input: nothing is piped in, and no run is recorded yet
    hint: record one: nixlog run -- nix build …
    hint: or name a log file: nixlog phases build.log
    hint: or pipe a build in: nix build … --log-format internal-json -v |& nixlog phases
    ");
    for verb in reports() {
        let said = piped(&verb.words(), b"").refused();
        assert!(
            said.starts_with("error: standard input is empty\n"),
            "{said}"
        );
    }
}

#[test]
fn unreadable_input() {
    let folder = folder();
    let path = file(&folder, "log.zst", b"\x28\xb5\x2f\xfd");
    assert_snapshot!(all_refuse(&["./missing.log"]), @r"
    error: cannot read `./missing.log`
    caused by: No such file or directory (os error 2)
    hint: name a log file, or record a build: nixlog run -- nix build …
    ");
    assert_snapshot!(all_refuse(&["."]), @r"
    error: cannot read `.`
    caused by: is a directory
    hint: name a log file inside the folder
    ");
    let said = all_refuse(&[&path]).replace(&folder.path().display().to_string(), "FOLDER");
    assert_snapshot!(said, @r"
    error: cannot read `FOLDER/log.zst`
    caused by: incomplete frame
    hint: the first bytes say zstd: is the file complete?
    ");
}

/// Whatever prints to standard output bears a reader that leaves.
#[test]
fn a_reader_that_leaves() {
    let others: [&[&str]; 2] = [&["cat", REMOTE], &["completions", "zsh"]];
    let reports = reports().flat_map(|verb| {
        let formats = verb.formats.iter();
        formats.map(|format| verb.about(&[REMOTE, "--format", format]))
    });
    let all = others.into_iter().map(<[&str]>::to_vec).chain(reports);
    for asked in all {
        assert_eq!(left(command(&asked)), (Some(0), String::new()), "{asked:?}");
    }
}

/// Runs a command whose reader has left; returns its status, and what it says.
fn left(mut command: Command) -> (Option<i32>, String) {
    let (reader, writer) = std::io::pipe().expect("the system makes pipes");
    drop(reader);
    let ran = run(command.stdout(writer).stderr(Stdio::piped()));
    (ran.status, ran.stderr)
}

/// What is reported of runs has the same formats, and bears the same.
#[test]
fn reports_of_runs() {
    let home = Home::with(&[DIAMOND, REMOTE]);
    let of_runs = |verb: &&Verb| verb.name.starts_with("runs ") && verb.takes("--format");
    for verb in verbs().iter().filter(of_runs) {
        assert_eq!(verb.formats, ["text", "json", "md", "csv"], "{verb:?}");
        for format in &verb.formats {
            let asked = verb.about(&["--format", format]);
            let ran = home.nixlog(&asked);
            assert_eq!((ran.status, &*ran.stderr), (Some(0), ""), "{asked:?}");
            assert!(!ran.stdout.is_empty(), "{asked:?}");
            if format == "json" {
                let schema = format!("nixlog.{}/1", verb.name.replace(' ', "-"));
                assert_eq!(ran.json()["schema"], schema);
            }
            assert_eq!(
                left(home.command(&asked)),
                (Some(0), String::new()),
                "{asked:?}"
            );
        }
    }
}

/// What the store has is read, unless nobody wants it.
#[test]
fn without_the_store() {
    let log = String::from_utf8(unstamped(DIAMOND)).expect("text");
    let (before, _) = log.split_once(".drv").expect("it names derivations");
    let name = before.rsplit('/').next().unwrap_or_default();
    let store = folder();
    file(&store, &format!("{name}.drv"), b"no derivation");
    for verb in reports() {
        let damage = |more: &[&str]| {
            let mut asked = command(&verb.about(&[&[DIAMOND, "--json"], more].concat()));
            let ran = run(asked.env("NIX_STORE_DIR", store.path()));
            assert_eq!(ran.status, Some(0), "{}", verb.name);
            let report = ran.json();
            let diagnostics = report["diagnostics"].as_array().expect("a list");
            let mut codes = diagnostics.iter().map(|each| &each["code"]);
            codes.any(|code| code == "unreadable-derivations")
        };
        assert!(damage(&[]), "{} does not look into the store", verb.name);
        assert!(
            !damage(&["--no-store"]),
            "{} looks into the store",
            verb.name
        );
    }
}

#[test]
fn live_in_a_pipe() {
    for verb in reports() {
        let ran = piped(&verb.about(&["--json"]), &unstamped(DIAMOND));
        assert_eq!(ran.status, Some(0), "{}: {ran:?}", verb.name);
        assert_eq!(ran.json()["input"]["clock"], "arrival", "{}", verb.name);
        // What Nix would have shown is passed on.
        assert!(
            ran.stderr.contains("building '/nix/store/"),
            "{}: {ran:?}",
            verb.name
        );
    }
}
