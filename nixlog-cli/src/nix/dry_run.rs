//! What Nix would build and fetch, as it says itself.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use super::installable::gist;
use crate::base::error::CliError;

/// Asks Nix what it would build and fetch for these; returns what it says.
pub(crate) fn of_installables(installables: &[String]) -> Result<Vec<u8>, CliError> {
    let is_file = |it: &String| it.ends_with(".drv") && it.starts_with('/');
    // `nix build` of a `.drv` means the file itself, since 2.15.
    let words: &[&str] = match installables.iter().all(is_file) {
        true => &["nix-store", "--realise", "--dry-run"],
        false => &[
            "nix",
            "build",
            "--dry-run",
            "--no-link",
            "--extra-experimental-features",
            "nix-command flakes",
            // What begins with a dash would be an option.
            "--",
        ],
    };
    let words = words.iter().map(OsString::from);
    let command: Vec<OsString> = words
        .chain(installables.iter().map(OsString::from))
        .collect();
    ask(&command)
}

/// Asks a command what it would build and fetch, if there is a way to ask it; returns what it says.
pub(crate) fn of(command: &[OsString]) -> Result<Vec<u8>, CliError> {
    match asking(command) {
        Some(asking) => ask(&asking),
        None => Err(unknown(command, |words| {
            format!("there is no way to ask `{words}` what it would build")
        })),
    }
}

/// Says that there is no way to do something with a command but to run it.
pub(crate) fn unknown(command: &[OsString], what: impl FnOnce(&str) -> String) -> CliError {
    let words: Vec<_> = command.iter().map(|word| word.to_string_lossy()).collect();
    CliError::new(what(&words.join(" "))).hint(
        "known: nix build, nix-build, nix-store -r, nixos-rebuild, darwin-rebuild and home-manager, \
         each with the action first",
    )
}

/// Returns the command that only says what another one would do.
pub(crate) fn asking(command: &[OsString]) -> Option<Vec<OsString>> {
    let is_sudo = |word: &&OsString| **word == *"sudo";
    let program = command.iter().take_while(is_sudo).count();
    let name = Path::new(command.get(program)?).file_name()?.to_str()?;
    // Further back, the same word may be the value of an option, and the command would do more than say.
    let action = program + 1;
    let is = |words: &[&str]| {
        let first = command.get(action);
        first.is_some_and(|it| words.iter().any(|word| **it == **word))
    };
    let mut asking = command.to_vec();
    match name {
        "nix" if is(&["build"]) => asking.insert(action + 1, OsString::from("--dry-run")),
        "nix-build" => asking.insert(action, OsString::from("--dry-run")),
        "nix-store" if is(&["-r", "--realise", "--realize"]) => {
            asking.insert(action, OsString::from("--dry-run"));
        }
        "nixos-rebuild" if is(&["switch", "boot", "test", "build", "dry-build"]) => {
            asking[action] = OsString::from("dry-build");
        }
        "darwin-rebuild" | "home-manager" if is(&["switch", "build"]) => {
            asking[action] = OsString::from("build");
            let option = match name {
                "home-manager" => "-n",
                _ => "--dry-run",
            };
            asking.insert(action + 1, OsString::from(option));
        }
        _ => return None,
    }
    Some(asking)
}

fn ask(words: &[OsString]) -> Result<Vec<u8>, CliError> {
    let (program, arguments) = words
        .split_first()
        .map_or((OsStr::new("nix"), words), |(program, rest)| {
            (program.as_os_str(), rest)
        });
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let failed = || {
        let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
        CliError::new(format!(
            "`{}` does not say what it would build",
            words.join(" ")
        ))
    };
    let output = command.output().map_err(|error| {
        let failed = failed().because(error);
        failed.hint("save the output of `nix build --dry-run`, or name --derivations FILE")
    })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(failed().because(io::Error::other(gist(&said))));
    }
    Ok(output.stderr)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(command: &str) -> Option<String> {
        let words: Vec<OsString> = command.split(' ').map(OsString::from).collect();
        let asking = asking(&words)?;
        let words: Vec<_> = asking.iter().map(|word| word.to_string_lossy()).collect();
        Some(words.join(" "))
    }

    /// Nothing that is asked may build or switch anything.
    #[test]
    fn commands_are_only_asked() {
        let cases = [
            ("nix build .#a -L", "nix build --dry-run .#a -L"),
            ("/bin/nix build", "/bin/nix build --dry-run"),
            ("nix-build -A x", "nix-build --dry-run -A x"),
            ("nix-store -r /x.drv", "nix-store --dry-run -r /x.drv"),
            (
                "sudo nixos-rebuild switch --flake .#h",
                "sudo nixos-rebuild dry-build --flake .#h",
            ),
            ("home-manager switch", "home-manager build -n"),
            ("darwin-rebuild switch", "darwin-rebuild build --dry-run"),
        ];
        for (command, want) in cases {
            assert_eq!(asked(command).as_deref(), Some(want));
        }
        for command in [
            "make",
            "nix run .#a",
            "nixos-rebuild list-generations",
            "nix-store --gc",
            "sudo",
            "nix run .#a build",
            "nixos-rebuild --profile-name test switch",
        ] {
            assert_eq!(asked(command), None, "{command}");
        }
    }
}
