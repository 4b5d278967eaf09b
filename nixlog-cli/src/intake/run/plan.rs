//! How a command is brought to tell what it does, without changing what it does.
//!
//! Three ways, the first that fits:
//!
//! 1. **log format**: the command takes `--log-format internal-json`, and its standard error is the
//!    event stream.
//! 2. **socket**: the Nix that it runs writes to `json-log-path` (Nix 2.30 and later, the `nix` command
//!    alone), and standard error stays as it is: for what talks to a terminal, and for commands of
//!    which nothing is known.
//! 3. **lines**: what it prints for people is stamped. It tells what starts, but not what ends.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use super::asked::Asked;
use crate::nix::program::{Kind, kind};
use crate::nix::version::NixVersion;

/// How the log of a command comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Way {
    /// Add `--log-format internal-json -v` to the command line and read standard error
    LogFormat,
    /// Let Nix write to a socket (`json-log-path`, Nix 2.30 or later); standard error stays as it is
    Socket,
    /// Read the plain output on standard error
    Lines,
    /// Not at all: only how long it took, and how it ended
    #[value(skip)]
    Nothing,
}

/// What is known of where the command runs.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Place {
    /// Somebody types and reads: the command may ask questions, or start a shell.
    pub(crate) interactive: bool,
    /// More of what the evaluator does is wanted.
    pub(crate) verbose_eval: bool,
}

/// What to run, and how its log comes in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) words: Vec<OsString>,
    pub(crate) way: Way,
    /// Why there is no log, if there is none.
    pub(crate) why: Option<&'static str>,
    /// What whoever typed the command wants to see.
    pub(crate) asked: Asked,
    /// It prints its results, and neither asks anything nor ends as a program that does: what it prints
    /// may come through us.
    pub(crate) only_prints: bool,
    /// Nobody wants what it prints as its result.
    pub(crate) discards_output: bool,
}

/// Subcommands of `nix` that print their results, and no more.
const ONLY_PRINTS: [&str; 7] = [
    "build",
    "flake",
    "eval",
    "copy",
    "profile",
    "store",
    "print-dev-env",
];

/// Subcommands of `nix` that end as another program.
const ENDS_AS_ANOTHER: [&str; 3] = ["run", "shell", "develop"];

/// What is looked up only where it matters.
pub(crate) trait LookUp {
    /// Asks the Nix that belongs to a program for its version.
    fn nix(&self, program: &OsStr) -> Option<NixVersion>;
    /// Reads a program's file, if it is a script.
    fn script(&self, program: &OsStr) -> Option<String>;
}

/// Makes the plan; `wanted` overrules.
pub(crate) fn plan(
    words: &[OsString],
    place: Place,
    wanted: Option<Way>,
    look_up: &dyn LookUp,
) -> Plan {
    let at = program_at(words);
    let Some(program) = words.get(at) else {
        return as_it_is(words, Way::Lines, None);
    };
    let args = &words[at + 1..];
    let kind = kind(program);
    let way = wanted.unwrap_or_else(|| match told_log_format(args) {
        Some("internal-json") => Way::LogFormat,
        Some(_) => Way::Lines,
        None => way(kind, program, args, place, look_up),
    });
    let asked = match way {
        Way::LogFormat => Asked::read(own(args), prints_logs(kind, args)),
        // What it prints is what it was asked for.
        _ => Asked::EVERYTHING,
    };
    let only_prints = only_prints(kind, program, args);
    match way {
        Way::LogFormat if told_log_format(args).is_none() => {
            let mut changed = words[..=at].to_vec();
            changed.extend(["--log-format", "internal-json"].map(OsString::from));
            changed.push(OsString::from(verbosity(program, place, look_up)));
            changed.extend_from_slice(args);
            Plan {
                asked,
                only_prints,
                ..as_it_is(&changed, way, None)
            }
        }
        Way::Nothing => as_it_is(words, way, Some(NO_LOG)),
        way => Plan {
            asked,
            only_prints,
            ..as_it_is(words, way, None)
        },
    }
}

/// Tells whether a command prints build logs unless it is asked not to: `nix-build` and its like do. The
/// scripts around Nix run `nix build` for flakes, and else `nix-build`.
fn prints_logs(kind: Kind, args: &[OsString]) -> bool {
    let is_flake = |word: &str| word == "--flake" || word.starts_with("--flake=");
    match kind {
        Kind::Nix => false,
        Kind::Wrapper => !own(args).any(is_flake),
        Kind::Legacy | Kind::Other => true,
    }
}

const NO_LOG: &str = "an interactive shell needs the terminal for itself, and only the `nix` command of \
                      Nix 2.30 and later logs elsewhere at the same time: only how long it takes is recorded";

fn as_it_is(words: &[OsString], way: Way, why: Option<&'static str>) -> Plan {
    Plan {
        words: words.to_vec(),
        way,
        why,
        asked: Asked::EVERYTHING,
        only_prints: false,
        discards_output: false,
    }
}

fn way(kind: Kind, program: &OsStr, args: &[OsString], place: Place, look_up: &dyn LookUp) -> Way {
    let has_socket = || {
        look_up
            .nix(program)
            .is_some_and(NixVersion::has_json_log_path)
    };
    match kind {
        Kind::Nix if place.interactive && ends_as_another(args) => {
            if has_socket() {
                Way::Socket
            } else if is_shell(args) {
                Way::Nothing
            } else {
                Way::LogFormat
            }
        }
        Kind::Nix => Way::LogFormat,
        Kind::Legacy if place.interactive && is_legacy_shell(program, args) => Way::Nothing,
        Kind::Legacy => Way::LogFormat,
        Kind::Wrapper if hands_on(&look_up.script(program).unwrap_or_default()) => Way::LogFormat,
        Kind::Wrapper | Kind::Other if has_socket() => Way::Socket,
        Kind::Wrapper | Kind::Other => Way::Lines,
    }
}

/// How much the command is to say. `-v` names the files that are evaluated, `-vv` also each derivation
/// that is made; Lix does the former with `-vvv` alone.
fn verbosity(program: &OsStr, place: Place, look_up: &dyn LookUp) -> &'static str {
    match place.verbose_eval {
        false => "-v",
        true if look_up.nix(program).is_some_and(|nix| nix.is_lix) => "-vvv",
        true => "-vv",
    }
}

/// Tells whether a script hands a log format on to Nix. Today's `nixos-rebuild` is a program in Python,
/// which does, behind a script that does not say so.
fn hands_on(script: &str) -> bool {
    ["log-format", "nixos_rebuild", "nixos-rebuild-wrapped"]
        .iter()
        .any(|sign| script.contains(sign))
}

/// Finds the program behind `sudo`, `doas` or `env`.
pub(crate) fn program_at(words: &[OsString]) -> usize {
    let mut at = 0;
    loop {
        let name = words.get(at).map(Path::new).and_then(Path::file_name);
        let with_value: &[&str] = match name.and_then(OsStr::to_str) {
            Some("sudo") => &[
                "-u", "-g", "-h", "-p", "-C", "-r", "-t", "-T", "-U", "-D", "-R", "--user",
                "--group", "--host", "--prompt", "--chdir", "--chroot",
            ],
            Some("doas") => &["-u", "-C"],
            Some("env") => &["-u", "-C", "--unset", "--chdir"],
            _ => return at,
        };
        at += 1;
        while let Some(word) = words.get(at).and_then(|word| word.to_str()) {
            if word == "--" {
                at += 1;
                break;
            }
            if with_value.contains(&word) {
                at += 2;
            } else if word.starts_with('-') || word.contains('=') {
                at += 1;
            } else {
                break;
            }
        }
    }
}

/// The words that are Nix's own: none behind `--`, or behind the command that `nix shell` is to run.
fn own(args: &[OsString]) -> impl Iterator<Item = &str> {
    let ends = ["--", "-c", "--command", "--run"];
    let words = args.iter().map(|word| word.to_str().unwrap_or_default());
    words.take_while(move |word| !ends.contains(word))
}

/// Returns the log format that a command line asks for.
fn told_log_format(args: &[OsString]) -> Option<&str> {
    let mut words = own(args);
    while let Some(word) = words.next() {
        if word == "--log-format" {
            return words.next();
        }
        if let Some(format) = word.strip_prefix("--log-format=") {
            return Some(format);
        }
    }
    None
}

fn subcommand(args: &[OsString]) -> Option<&str> {
    own(args).find(|word| {
        ENDS_AS_ANOTHER.contains(word) || ONLY_PRINTS.contains(word) || *word == "repl"
    })
}

/// Tells whether a command does no more with the terminal than to print.
fn only_prints(kind: Kind, program: &OsStr, args: &[OsString]) -> bool {
    match kind {
        Kind::Nix => subcommand(args).is_some_and(|word| ONLY_PRINTS.contains(&word)),
        Kind::Legacy => Path::new(program).file_name() != Some(OsStr::new("nix-shell")),
        Kind::Wrapper | Kind::Other => false,
    }
}

fn ends_as_another(args: &[OsString]) -> bool {
    subcommand(args).is_some_and(|word| ENDS_AS_ANOTHER.contains(&word))
}

/// Tells whether a `nix` command line ends in a shell to type into.
fn is_shell(args: &[OsString]) -> bool {
    let has_command = args.iter().any(|word| word == "-c" || word == "--command");
    !has_command && matches!(subcommand(args), Some("shell" | "develop"))
}

fn is_legacy_shell(program: &OsStr, args: &[OsString]) -> bool {
    let is_named = Path::new(program).file_name() == Some(OsStr::new("nix-shell"));
    is_named && !args.iter().any(|word| word == "--run")
}

#[cfg(test)]
mod tests {
    use crate::nix::program::WRAPPERS;

    use super::*;

    /// What a machine has.
    struct Machine(&'static str, &'static str);

    impl LookUp for Machine {
        fn nix(&self, _: &OsStr) -> Option<NixVersion> {
            NixVersion::parse(self.0)
        }

        fn script(&self, _: &OsStr) -> Option<String> {
            Some(self.1.to_owned())
        }
    }

    fn planned(command: &str, interactive: bool, machine: &Machine) -> (String, Way) {
        let words: Vec<OsString> = command.split(' ').map(OsString::from).collect();
        let place = Place {
            interactive,
            verbose_eval: false,
        };
        let plan = plan(&words, place, None, machine);
        let words: Vec<_> = plan
            .words
            .iter()
            .map(|word| word.to_string_lossy())
            .collect();
        (
            words
                .join(" ")
                .replace("--log-format internal-json -v", "JSON"),
            plan.way,
        )
    }

    #[test]
    fn each_command_gets_its_way() {
        let old = "nix (Nix) 2.28.3";
        let new = "nix (Nix) 2.34.8";
        let lix = "nix (Lix, like Nix) 2.94.2";
        let cases = [
            (
                "nix build .#foo",
                old,
                true,
                "nix JSON build .#foo",
                Way::LogFormat,
            ),
            (
                "/usr/bin/nix flake check",
                new,
                true,
                "/usr/bin/nix JSON flake check",
                Way::LogFormat,
            ),
            (
                "nix-build -A x",
                new,
                true,
                "nix-build JSON -A x",
                Way::LogFormat,
            ),
            (
                "nix-env -iA x",
                old,
                true,
                "nix-env JSON -iA x",
                Way::LogFormat,
            ),
            (
                "nix-shell --run make",
                old,
                true,
                "nix-shell JSON --run make",
                Way::LogFormat,
            ),
            (
                "nix-shell -p hello",
                new,
                true,
                "nix-shell -p hello",
                Way::Nothing,
            ),
            (
                "nix-shell -p hello",
                new,
                false,
                "nix-shell JSON -p hello",
                Way::LogFormat,
            ),
            ("nix develop", old, true, "nix develop", Way::Nothing),
            ("nix develop", new, true, "nix develop", Way::Socket),
            ("nix develop", lix, true, "nix develop", Way::Nothing),
            (
                "nix develop -c make",
                old,
                true,
                "nix JSON develop -c make",
                Way::LogFormat,
            ),
            (
                "nix shell .#x -c sh -c y",
                new,
                false,
                "nix JSON shell .#x -c sh -c y",
                Way::LogFormat,
            ),
            (
                "nix run .#x -- --log-format raw",
                old,
                true,
                "nix JSON run .#x -- --log-format raw",
                Way::LogFormat,
            ),
            ("nix run .#x", new, true, "nix run .#x", Way::Socket),
            (
                "nix build --log-format bar x",
                old,
                true,
                "nix build --log-format bar x",
                Way::Lines,
            ),
            (
                "nix build --log-format=internal-json x",
                old,
                true,
                "nix build --log-format=internal-json x",
                Way::LogFormat,
            ),
            ("make", new, true, "make", Way::Socket),
            ("make", old, true, "make", Way::Lines),
            ("make", lix, true, "make", Way::Lines),
            ("colmena apply", new, false, "colmena apply", Way::Socket),
            (
                "sudo -u root nix build x",
                old,
                true,
                "sudo -u root nix JSON build x",
                Way::LogFormat,
            ),
            (
                "sudo -E A=b env -i C=d nix-build",
                old,
                true,
                "sudo -E A=b env -i C=d nix-build JSON",
                Way::LogFormat,
            ),
            ("sudo", old, true, "sudo", Way::Lines),
        ];
        for (command, nix, interactive, want, way) in cases {
            let got = planned(command, interactive, &Machine(nix, ""));
            assert_eq!(got, (want.to_owned(), way), "{command} with {nix}");
        }
    }

    /// Nobody is shown what only we asked for.
    #[test]
    fn as_quiet_as_nix() {
        let asked = |command: &str| {
            let words: Vec<OsString> = command.split(' ').map(OsString::from).collect();
            let plan = plan(&words, Place::default(), None, &Machine("", "log-format"));
            (plan.asked.level.0, plan.asked.build_logs)
        };
        let cases = [
            ("nix build .#x", (3, false)),
            ("nix build .#x -L", (3, true)),
            ("nix build --log-format internal-json .#x", (3, false)),
            ("nix run .#x -- -v -L", (3, false)),
            ("nix-build -A x", (3, true)),
            ("nix-build -Q --quiet", (2, false)),
            ("sudo nixos-rebuild switch", (3, true)),
            ("nixos-rebuild switch --flake .#x -v", (4, false)),
            ("make -Q", (u8::MAX, true)),
            ("nix build --log-format bar .#x", (u8::MAX, true)),
        ];
        for (command, want) in cases {
            assert_eq!(asked(command), want, "{command}");
        }
    }

    #[test]
    fn wrappers_are_asked_whether_they_hand_it_on() {
        let nix = "nix (Nix) 2.26.3";
        let handing = Machine(nix, "case \"$i\" in --log-format) …");
        let old = Machine(nix, "#!/bin/sh");
        for name in WRAPPERS {
            let got = planned(&format!("{name} switch"), true, &handing);
            assert_eq!(got, (format!("{name} JSON switch"), Way::LogFormat));
            let got = planned(&format!("{name} switch"), true, &old);
            assert_eq!(got, (format!("{name} switch"), Way::Lines));
        }
    }

    #[test]
    fn more_of_the_evaluator() {
        let words = ["nix", "build"].map(OsString::from);
        for (nix, want) in [
            ("nix (Nix) 2.34.8", "-vv"),
            ("nix (Lix, like Nix) 2.94.2", "-vvv"),
        ] {
            let place = Place {
                interactive: false,
                verbose_eval: true,
            };
            assert_eq!(plan(&words, place, None, &Machine(nix, "")).words[3], want);
        }
    }

    #[test]
    fn whoever_asks_is_given_what_he_asks_for() {
        let words = ["make", "all"].map(OsString::from);
        let place = Place::default();
        let machine = Machine("", "");
        let way = plan(&words, place, Some(Way::Socket), &machine).way;
        assert_eq!(way, Way::Socket);
        let words = plan(&words, place, Some(Way::LogFormat), &machine).words;
        assert_eq!(words[1], "--log-format");
    }
}
