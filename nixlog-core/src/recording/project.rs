//! Which project a command builds: runs of the same project can be compared.
//!
//! A project is what is asked for, without what changes from run to run: a flake reference without its
//! revision and an attribute; a file and an attribute; the configuration of a machine. The folder of a local
//! flake or file is part of it, the options of the command are not.

use std::path::{Component, Path, PathBuf};

use super::side::Header;
use crate::store_path::{name_of, pname_of};

/// The longest name of a project that is made of a whole command line.
const LONGEST: usize = 120;

/// Options that take one value, of Nix and of the scripts around it; those of settings are in it as far as
/// they are seen on command lines.
const ONE_VALUE: &[&str] = &[
    "-j",
    "-o",
    "-I",
    "-p",
    "--max-jobs",
    "--cores",
    "--out-link",
    "--log-format",
    "--builders",
    "--store",
    "--eval-store",
    "--profile",
    "--include",
    "--inputs-from",
    "--update-input",
    "--reference-lock-file",
    "--output-lock-file",
    "--substituters",
    "--extra-substituters",
    "--trusted-public-keys",
    "--extra-trusted-public-keys",
    "--timeout",
    "--max-silent-time",
    "--experimental-features",
    "--extra-experimental-features",
    "--http-connections",
    "--max-substitution-jobs",
    "--connect-timeout",
    "--json-log-path",
    "--system",
    "--add-root",
    "--keep-env-var",
    "--specialisation",
    "--profile-name",
    "--build-host",
    "--target-host",
    "--attr-set",
    "--log-lines",
    "--post-build-hook",
    "--from",
    "--to",
    "--skip-cached",
    "--workers",
    "--eval-workers",
    "--eval-max-memory-size",
    "--hostname",
    "-H",
    "-b",
];

/// Options that take two values.
const TWO_VALUES: &[&str] = &[
    "--option",
    "--arg",
    "--argstr",
    "--override-input",
    "--override-flake",
    "--apply",
];

/// Programs that build something with Nix.
const PROGRAMS: &[&str] = &[
    "nix",
    "nom",
    "nix-build",
    "nom-build",
    "nix-shell",
    "nom-shell",
    "nix-instantiate",
    "nix-store",
    "nix-env",
    "nixos-rebuild",
    "nixos-rebuild-ng",
    "darwin-rebuild",
    "home-manager",
    "nh",
    "nix-fast-build",
    "nix-eval-jobs",
];

/// Programs that run another one.
const RUNNERS: &[&str] = &[
    "sudo",
    "doas",
    "env",
    "time",
    "nice",
    "ionice",
    "systemd-run",
    "systemd-inhibit",
    "nohup",
    "setsid",
    "stdbuf",
    "timeout",
    "bash",
    "sh",
    "python3",
    "command",
    "exec",
];

/// Returns the project of a recorded command; `None` where the command is not known.
pub(super) fn project(header: &Header) -> Option<String> {
    if let Some(told) = header.project.as_deref().filter(|told| !told.is_empty()) {
        return Some(told.to_owned());
    }
    let words: Vec<&str> = header.command.iter().map(String::as_str).collect();
    let place = Place {
        cwd: header.cwd.as_deref(),
        host: header.host.as_deref(),
    };
    let start = program(&words)?;
    let (name, rest) = (base(words[start]), &words[start + 1..]);
    place
        .of_program(name, rest)
        .or_else(|| place.of_command(&words[start..]))
}

/// Finds the program behind those that merely run it; `None` for an empty command line.
fn program(words: &[&str]) -> Option<usize> {
    let first = base(words.first()?);
    if !RUNNERS.contains(&first) {
        return Some(0);
    }
    let known = words.iter().position(|word| PROGRAMS.contains(&base(word)));
    Some(known.unwrap_or_default())
}

fn base(word: &str) -> &str {
    let name = word.rsplit('/').next().unwrap_or(word);
    // What a package wraps runs under such a name.
    let inner = name
        .strip_prefix('.')
        .and_then(|name| name.strip_suffix("-wrapped"));
    inner.unwrap_or(name)
}

/// What a command line asks for.
#[derive(Debug, Default)]
struct Asked<'a> {
    /// What is no option: installables, files, the words of verbs.
    words: Vec<&'a str>,
    file: Option<&'a str>,
    expression: Option<&'a str>,
    attributes: Vec<&'a str>,
    flake: Option<&'a str>,
    packages: bool,
}

impl<'a> Asked<'a> {
    fn read(words: &[&'a str]) -> Self {
        let mut asked = Self::default();
        let mut words = words.iter().copied();
        while let Some(word) = words.next() {
            let (option, inline) = match word.split_once('=') {
                Some((option, value)) if option.starts_with("--") => (option, Some(value)),
                _ => (word, None),
            };
            let mut value = || inline.or_else(|| words.next());
            match option {
                // What follows is the command that is run inside.
                "--" | "-c" | "--command" | "--run" => break,
                "-f" | "--file" => asked.file = value(),
                "-E" | "--expr" => asked.expression = value(),
                "-A" | "--attr" | "-iA" => asked.attributes.extend(value()),
                "--flake" => asked.flake = value(),
                _ if TWO_VALUES.contains(&option) => {
                    words.nth(1);
                }
                _ if ONE_VALUE.contains(&option) => {
                    asked.packages |= option == "-p";
                    if option == "-p" {
                        asked.words.extend(value());
                    } else {
                        value();
                    }
                }
                _ if option.starts_with('-') && option.len() > 1 => {}
                _ => asked.words.push(word),
            }
        }
        asked
    }
}

/// Where a command ran.
#[derive(Debug, Clone, Copy)]
struct Place<'a> {
    cwd: Option<&'a str>,
    host: Option<&'a str>,
}

impl Place<'_> {
    fn of_program(self, name: &str, words: &[&str]) -> Option<String> {
        let mut asked = Asked::read(words);
        match name {
            "nix" | "nom" => {
                let verb = (!asked.words.is_empty()).then(|| asked.words.remove(0))?;
                // `nix flake check`, `nix profile install`.
                let second = matches!(verb, "flake" | "profile" | "store" | "derivation");
                let second = (second && !asked.words.is_empty()).then(|| asked.words.remove(0));
                let what = self.installables(&asked)?;
                Some(match (verb, second) {
                    ("build", _) => what,
                    (verb, None) => format!("{what} ({verb})"),
                    (verb, Some(second)) => format!("{what} ({verb} {second})"),
                })
            }
            "nix-build" | "nom-build" => self.files(&asked),
            "nix-shell" | "nom-shell" if asked.packages => {
                Some(format!("nix-shell -p {}", sorted(&asked.words)))
            }
            "nix-shell" | "nom-shell" | "nix-instantiate" => {
                Some(format!("{} ({name})", self.files(&asked)?))
            }
            "nix-store" | "nix-env" => {
                let names = asked
                    .words
                    .iter()
                    .chain(&asked.attributes)
                    .map(|word| store_name(word).unwrap_or(word));
                let names: Vec<&str> = names.collect();
                (!names.is_empty()).then(|| format!("{name} {}", sorted(&names)))
            }
            "nixos-rebuild" | "nixos-rebuild-ng" | "darwin-rebuild" | "home-manager" => {
                let kind = match name {
                    "home-manager" => "home-manager",
                    "darwin-rebuild" => "darwin",
                    _ => "nixos",
                };
                Some(self.configuration(kind, asked.flake, &asked))
            }
            "nh" => {
                let kind = match *asked.words.first()? {
                    "os" => "nixos",
                    "home" => "home-manager",
                    "darwin" => "darwin",
                    _ => return None,
                };
                Some(self.configuration(kind, asked.words.get(2).copied(), &asked))
            }
            "nix-fast-build" | "nix-eval-jobs" => Some(format!(
                "{} ({name})",
                self.flake(asked.flake.or(asked.words.first().copied())?)
            )),
            _ => None,
        }
    }

    /// The configuration of a machine or of a user.
    fn configuration(self, kind: &str, flake: Option<&str>, asked: &Asked<'_>) -> String {
        let file = asked.file.map(|file| self.path(file));
        let what = match (flake, file) {
            (Some(flake), _) => {
                let flake = self.flake(flake);
                match (flake.contains('#'), self.host) {
                    (false, Some(host)) => format!("{flake}#{host}"),
                    _ => flake,
                }
            }
            (None, Some(file)) => match asked.attributes.first() {
                Some(attribute) => format!("{file} -A {attribute}"),
                None => file,
            },
            (None, None) => self.host.unwrap_or_default().to_owned(),
        };
        format!("{kind} {what}").trim_end().to_owned()
    }

    /// What `nix build` and its like are asked for.
    fn installables(self, asked: &Asked<'_>) -> Option<String> {
        if let Some(expression) = asked.expression {
            return Some(format!("--expr {}", cut(expression)));
        }
        if let Some(file) = asked.file {
            return Some(with_attributes(&self.path(file), &asked.words));
        }
        if asked.words.is_empty() {
            return Some(self.flake("."));
        }
        let mut all: Vec<String> = asked
            .words
            .iter()
            .map(|word| store_name(word).map_or_else(|| self.flake(word), str::to_owned))
            .collect();
        all.sort_unstable();
        all.dedup();
        Some(all.join(" "))
    }

    /// What `nix-build` is asked for.
    fn files(self, asked: &Asked<'_>) -> Option<String> {
        if let Some(expression) = asked.expression.or_else(|| {
            // `nix-build -E EXPR`: an expression is an argument there.
            asked
                .words
                .iter()
                .copied()
                .find(|word| word.contains(['{', '(']))
        }) {
            return Some(with_attributes(
                &format!("-E {}", cut(expression)),
                &asked.attributes,
            ));
        }
        let stored: Vec<&str> = asked
            .words
            .iter()
            .filter_map(|word| store_name(word))
            .collect();
        if !stored.is_empty() {
            return Some(sorted(&stored));
        }
        let files: Vec<String> = match asked.words.is_empty() {
            true => vec![self.path(".")],
            false => asked.words.iter().map(|word| self.path(word)).collect(),
        };
        Some(with_attributes(&files.join(" "), &asked.attributes))
    }

    /// A flake reference with an attribute, without its revision.
    fn flake(self, word: &str) -> String {
        let (reference, attribute) = word.split_once('#').unwrap_or((word, ""));
        let attribute = attribute.split('^').next().unwrap_or_default();
        let reference = self.reference(reference);
        match attribute {
            "" => reference,
            attribute => format!("{reference}#{attribute}"),
        }
    }

    fn reference(self, reference: &str) -> String {
        let (address, parameters) = reference.split_once('?').unwrap_or((reference, ""));
        let kept: Vec<&str> = parameters
            .split('&')
            .filter(|parameter| {
                let name = parameter.split('=').next().unwrap_or_default();
                matches!(name, "dir" | "ref" | "submodules" | "host")
            })
            .collect();
        let local = ["path:", "git+file://", "git+file:"]
            .iter()
            .find_map(|scheme| address.strip_prefix(scheme));
        let is_path = address.is_empty() || address.starts_with(['.', '/', '~']);
        let address = match local {
            Some(path) => self.path(path),
            None if is_path => self.path(if address.is_empty() { "." } else { address }),
            None => without_revision(address),
        };
        match kept.is_empty() {
            true => address,
            false => format!("{address}?{}", kept.join("&")),
        }
    }

    /// An absolute path without `.` and `..`; `<nixpkgs>` and addresses stay as they are.
    fn path(self, path: &str) -> String {
        if path.starts_with('<') || path.contains("://") || path.starts_with("channel:") {
            return path.to_owned();
        }
        let whole = match self.cwd {
            Some(cwd) => Path::new(cwd).join(path),
            None => PathBuf::from(path),
        };
        let mut clean = PathBuf::new();
        for component in whole.components() {
            match component {
                Component::CurDir => {}
                Component::ParentDir if clean.file_name().is_some() => {
                    clean.pop();
                }
                other => clean.push(other),
            }
        }
        // The file that a folder stands for.
        if clean.file_name().is_some_and(|name| name == "default.nix") {
            clean.pop();
        }
        match clean.as_os_str().is_empty() {
            true => ".".to_owned(),
            false => clean.to_string_lossy().into_owned(),
        }
    }

    /// Any other command, with where it ran.
    fn of_command(self, words: &[&str]) -> Option<String> {
        let command = cut(&words.join(" "));
        match (command.is_empty(), self.cwd) {
            (true, _) => None,
            (false, Some(cwd)) => Some(format!("{command} (in {cwd})")),
            (false, None) => Some(command),
        }
    }
}

/// `github:owner/repo/REVISION` becomes `github:owner/repo`; a branch stays.
fn without_revision(address: &str) -> String {
    match address.rsplit_once('/') {
        Some((before, last))
            if last.len() == 40 && last.bytes().all(|byte| byte.is_ascii_hexdigit()) =>
        {
            before.to_owned()
        }
        _ => address.to_owned(),
    }
}

/// Returns the package of a store path, without version.
fn store_name(word: &str) -> Option<&str> {
    let path = word.split(['^', '!']).next().unwrap_or(word);
    let is_stored = path.contains("/store/") && path.len() > 40;
    is_stored.then(|| pname_of(name_of(path).trim_end_matches(".drv")))
}

fn with_attributes(what: &str, attributes: &[&str]) -> String {
    match attributes.is_empty() {
        true => what.to_owned(),
        false => format!("{what} -A {}", sorted(attributes)),
    }
}

fn sorted(words: &[&str]) -> String {
    let mut words = words.to_vec();
    words.sort_unstable();
    words.dedup();
    words.join(" ")
}

/// One line of a text, and not more of it than is good for a name.
fn cut(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(command: &str) -> Option<String> {
        let header = Header {
            command: command
                .split(' ')
                .filter(|word| !word.is_empty())
                .map(str::to_owned)
                .collect(),
            cwd: Some("/home/me/proj".to_owned()),
            host: Some("web01".to_owned()),
            ..Header::default()
        };
        project(&header)
    }

    #[test]
    fn what_is_asked_for_is_the_project() {
        let rev = "0123456789abcdef0123456789abcdef01234567";
        let cases = [
            ("nix build", "/home/me/proj"),
            ("nix build .#foo", "/home/me/proj#foo"),
            (
                "nix build -L -j 4 --option max-jobs 2 .#foo^dev",
                "/home/me/proj#foo",
            ),
            (
                "nix build --out-link x ../other#a .#b",
                "/home/me/other#a /home/me/proj#b",
            ),
            ("nix build path:.#foo", "/home/me/proj#foo"),
            (
                "nix build git+file:///srv/x?rev=1&dir=sub#foo",
                "/srv/x?dir=sub#foo",
            ),
            (
                "nix build github:NixOS/nixpkgs/nixos-24.05#hello",
                "github:NixOS/nixpkgs/nixos-24.05#hello",
            ),
            (
                "nix --extra-experimental-features nix-command build nixpkgs#hello",
                "nixpkgs#hello",
            ),
            (
                "nix build -f default.nix foo bar",
                "/home/me/proj -A bar foo",
            ),
            ("nix build --file ./ci.nix", "/home/me/proj/ci.nix"),
            ("nix build --expr 1", "--expr 1"),
            ("nix flake check", "/home/me/proj (flake check)"),
            ("nix flake check ./x", "/home/me/proj/x (flake check)"),
            ("nix develop .#x -c make -j 4", "/home/me/proj#x (develop)"),
            ("nix run .#x -- build .#y", "/home/me/proj#x (run)"),
            ("nom build .#foo", "/home/me/proj#foo"),
            ("nix-build", "/home/me/proj"),
            ("nix-build -A hello", "/home/me/proj -A hello"),
            ("nix-build default.nix -A b -A a", "/home/me/proj -A a b"),
            (
                "nix-build <nixpkgs> -A hello --argstr x y",
                "<nixpkgs> -A hello",
            ),
            ("nix-shell -p hello jq", "nix-shell -p hello jq"),
            ("nix-shell x.nix", "/home/me/proj/x.nix (nix-shell)"),
            (
                "nix-store -r /nix/store/7ajh8plhm64ypnph30js1a3lq6zsyxqr-hello-2.12.drv",
                "nix-store hello",
            ),
            (
                "nix build /nix/store/7ajh8plhm64ypnph30js1a3lq6zsyxqr-hello-2.12.drv^*",
                "hello",
            ),
            ("nixos-rebuild switch", "nixos web01"),
            (
                "sudo nixos-rebuild switch --flake .",
                "nixos /home/me/proj#web01",
            ),
            (
                "sudo -u root nixos-rebuild boot --flake /etc/nixos#db",
                "nixos /etc/nixos#db",
            ),
            (
                "home-manager switch --flake github:me/dots#me",
                "home-manager github:me/dots#me",
            ),
            ("nh os switch .", "nixos /home/me/proj#web01"),
            (
                "nix-fast-build --flake .#checks",
                "/home/me/proj#checks (nix-fast-build)",
            ),
            ("env A=1 nice -n 5 nix-build -A x", "/home/me/proj -A x"),
            (
                "/run/current-system/sw/bin/nix build .#x",
                "/home/me/proj#x",
            ),
            (
                "python3 /nix/store/x/bin/.nixos-rebuild-wrapped switch",
                "nixos web01",
            ),
            ("./ci.sh fast", "./ci.sh fast (in /home/me/proj)"),
        ];
        for (command, want) in cases {
            assert_eq!(of(command).as_deref(), Some(want), "{command}");
        }
        let pinned = format!("nix build github:NixOS/nixpkgs/{rev}#hello");
        assert_eq!(of(&pinned).as_deref(), Some("github:NixOS/nixpkgs#hello"));
        assert_eq!(of(""), None);
    }

    #[test]
    fn what_is_told_counts() {
        let header = Header {
            command: vec!["nix".to_owned(), "build".to_owned()],
            project: Some("mine".to_owned()),
            ..Header::default()
        };
        assert_eq!(project(&header).as_deref(), Some("mine"));
    }
}
