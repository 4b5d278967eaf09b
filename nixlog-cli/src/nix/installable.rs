//! What a name of a package means, by asking Nix. Evaluates, and never builds anything.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::base::error::CliError;

/// Asks Nix for the derivations of an installable, or of an attribute of a file; in the store of another
/// root, if there is one.
///
/// `nix path-info --derivation` writes the `.drv` files, as all evaluation does, and builds nothing;
/// evaluation that needs a build first is refused.
pub(crate) fn derivations(
    root: Option<&Path>,
    file: Option<&str>,
    installable: &str,
) -> Result<Vec<String>, CliError> {
    let mut command = Command::new("nix");
    command
        .args(["path-info", "--derivation"])
        .args(["--extra-experimental-features", "nix-command flakes"])
        .args(["--option", "allow-import-from-derivation", "false"]);
    if let Some(root) = root {
        command.arg("--store").arg(root);
    }
    match file {
        Some(file) => command.args(["--file", file]),
        None => command.arg("--no-write-lock-file"),
    };
    // What begins with a dash would be an option.
    command.arg("--").arg(installable);
    command.stdin(Stdio::null()).stderr(Stdio::piped());
    let failed = || CliError::new(format!("cannot evaluate `{installable}`"));
    let output = command.output().map_err(|error| {
        let missing = error.kind() == io::ErrorKind::NotFound;
        let failed = failed().because(error);
        match missing {
            true => failed.hint("no `nix` on the PATH: name a store path or a `.drv`"),
            false => failed,
        }
    })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(failed()
            .because(io::Error::other(gist(&said)))
            .hint("name a store path or a `.drv`: ./result, /run/current-system, /nix/store/…"));
    }
    let paths = String::from_utf8_lossy(&output.stdout);
    let paths: Vec<String> = paths.lines().map(str::to_owned).collect();
    if paths.is_empty() {
        return Err(failed().because(io::Error::other("Nix named no derivation")));
    }
    Ok(paths)
}

/// Returns what an error says: the last line that begins like one, with what comes below it.
pub(super) fn gist(said: &str) -> String {
    let plain = nixlog_core::wire::ansi::strip(said);
    let lines: Vec<&str> = plain.lines().map(str::trim_end).collect();
    let begins = |line: &&str| line.trim_start().starts_with("error:");
    let from = lines.iter().rposition(begins).unwrap_or(0);
    let text = lines[from..].iter().take(8).map(|line| line.trim());
    let text: Vec<&str> = text.filter(|line| !line.is_empty()).collect();
    let text = text.join(" ");
    let text = text.strip_prefix("error:").map_or(&*text, str::trim_start);
    match text {
        "" => "Nix failed without a word".to_owned(),
        text => nixlog_core::report::format::harmless(text).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_error_counts() {
        let said = "warning: x\nerror:\n       … while evaluating\n\n       error: cannot build \u{1b}[35mx\u{1b}[0m\n       at y\n";
        assert_eq!(gist(said), "cannot build x at y");
        assert_eq!(gist(""), "Nix failed without a word");
        assert_eq!(gist("no such flake"), "no such flake");
    }
}
