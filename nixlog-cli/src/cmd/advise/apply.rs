//! Writing settings to `nix.conf`.

use std::fs;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use nixlog_core::report::verbs::advise::{AdviseResult, ChangeView};

use crate::base::error::CliError;
use crate::base::output;

/// Writes the settings that are safe, after it was shown what is written, and after somebody agreed.
pub(super) fn apply(result: &AdviseResult, to: Option<&Path>, yes: bool) -> Result<(), CliError> {
    let settings: Vec<(&str, &str)> = result
        .advice
        .iter()
        .filter_map(|it| match &it.change {
            ChangeView::Setting {
                name,
                value,
                safe: true,
            } => Some((name.as_str(), value.as_str())),
            _ => None,
        })
        .collect();
    if settings.is_empty() {
        output::note(
            "no advice is a setting that changes nothing but the speed: nothing was written",
        );
        return Ok(());
    }
    let path = match to {
        Some(path) => path.to_owned(),
        None => own_conf().ok_or_else(|| {
            CliError::new("it is not known where your nix.conf is")
                .hint("name the file: `--to FILE`")
        })?,
    };
    let cannot = |what: &str, error: io::Error| {
        CliError::new(format!("cannot {what} `{}`", path.display())).because(error)
    };
    let before = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(cannot("read", error)),
    };
    let (after, difference) = changed(&before, &settings);
    if before == after {
        output::note(&format!("{} has all of it already", path.display()));
        return Ok(());
    }
    let mut shown = format!("--- {0}\n+++ {0}\n", path.display());
    shown.extend(difference.iter().map(|line| format!("{line}\n")));
    io::stderr()
        .lock()
        .write_all(shown.as_bytes())
        .map_err(|error| CliError::output("standard error", error))?;
    if !yes && !agrees()? {
        output::note("nothing was changed");
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| cannot("make the folder of", error))?;
    }
    if !before.is_empty() {
        let backup = free(&path);
        // Nobody may read it who may not read the file.
        fs::copy(&path, &backup).map_err(|error| cannot("copy", error))?;
        output::note(&format!("what there was is in {}", backup.display()));
    }
    output::write_file(&path, |out| out.write_all(after.as_bytes()))?;
    output::note(&format!("{} was written", path.display()));
    Ok(())
}

/// Asks on the terminal.
fn agrees() -> Result<bool, CliError> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(
            CliError::new("nobody can be asked here: this is no terminal")
                .hint("`--yes` writes without asking"),
        );
    }
    // Where standard error is gone, the answer will not come either.
    drop(write!(io::stderr(), "Write it? [y/N] "));
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    read.map_err(|error| CliError::new("cannot read the answer").because(error))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Returns the user's own configuration, where Nix looks for it first.
fn own_conf() -> Option<PathBuf> {
    if let Some(files) = std::env::var_os("NIX_USER_CONF_FILES") {
        return std::env::split_paths(&files).next();
    }
    let config = std::env::var_os("XDG_CONFIG_HOME").filter(|it| !it.is_empty());
    let config = config.map(PathBuf::from).or_else(|| {
        let home = std::env::var_os("HOME").filter(|it| !it.is_empty())?;
        Some(PathBuf::from(home).join(".config"))
    })?;
    Some(config.join("nix/nix.conf"))
}

/// Returns a name beside a file that nothing has yet.
fn free(path: &Path) -> PathBuf {
    let named = |n: u32| {
        let end = if n == 0 {
            String::new()
        } else {
            format!(".{n}")
        };
        PathBuf::from(format!("{}.backup{end}", path.display()))
    };
    (0..)
        .map(named)
        .find(|path| !path.exists())
        .unwrap_or_else(|| named(0))
}

/// Tells whether a line has as much already, or lets Nix decide: advice is never to have less.
fn is_more(line: &str, value: &str) -> bool {
    let own = line.split_once('=').map_or("", |(_, own)| own.trim());
    let number = |text: &str| text.parse::<u64>().ok();
    own == "auto"
        || number(own)
            .zip(number(value))
            .is_some_and(|(own, new)| own >= new)
}

/// Sets settings in the text of a `nix.conf`; returns the new text, and the lines that differ.
fn changed(text: &str, settings: &[(&str, &str)]) -> (String, Vec<String>) {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut difference = Vec::new();
    for (name, value) in settings {
        let new = format!("{name} = {value}");
        let is_it = |line: &String| {
            let (own, rest) = line.split_once('=').unwrap_or_default();
            own.trim() == *name && !rest.is_empty()
        };
        // Of several the last one counts.
        match lines.iter().rposition(is_it) {
            Some(at) if lines[at] == new => {}
            Some(at) if is_more(&lines[at], value) => {}
            Some(at) => {
                difference.push(format!("-{}", lines[at]));
                difference.push(format!("+{new}"));
                lines[at] = new;
            }
            None => {
                difference.push(format!("+{new}"));
                lines.push(new);
            }
        }
    }
    match difference.is_empty() {
        true => (text.to_owned(), difference),
        false => (lines.join("\n") + "\n", difference),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_replaced_where_it_counts() {
        let text = "# mine\nmax-jobs = 1\ncores=2\nmax-jobs = 2\n";
        let (after, difference) = changed(text, &[("max-jobs", "8"), ("cores", "4")]);
        assert_eq!(after, "# mine\nmax-jobs = 1\ncores = 4\nmax-jobs = 8\n");
        assert_eq!(
            difference,
            ["-max-jobs = 2", "+max-jobs = 8", "-cores=2", "+cores = 4"]
        );
        let (again, difference) = changed(&after, &[("max-jobs", "8"), ("cores", "4")]);
        assert_eq!((again, difference.len()), (after, 0));
        assert_eq!(changed("", &[("a", "b")]).0, "a = b\n");
        for more in ["max-jobs = 64\n", "max-jobs = auto\n"] {
            assert_eq!(changed(more, &[("max-jobs", "8")]).0, more);
        }
    }
}
