//! `nixlog completions`.

use std::io::{self, Write as _};

use clap::{CommandFactory as _, ValueEnum};
use clap_complete::env::{Bash, Elvish, EnvCompleter, Fish, Powershell, Zsh};
use clap_complete_nushell::Nushell;

use crate::base::error::CliError;
use crate::cmd::Cli;

/// Where a shell says that it asks for completions. The usual name is `COMPLETE`, which may be meant for
/// the command that `nixlog run` runs.
pub(crate) const VARIABLE: &str = "NIXLOG_COMPLETE";

/// Print the script that makes a shell complete verbs, flags and runs
///
/// source <(nixlog completions bash)
///
/// Names and ids of runs are looked up when you press Tab. The package of the flake installs the scripts
/// for bash, zsh, fish and nushell.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
In the shell's own start file:

    bash        source <(nixlog completions bash)
    zsh         source <(nixlog completions zsh)       after compinit
    fish        nixlog completions fish | source
    elvish      eval (nixlog completions elvish | slurp)
    nushell     use nixlog.nu *, after once: nixlog completions nushell | save nixlog.nu
    powershell  nixlog completions powershell | Out-String | Invoke-Expression")]
pub(crate) struct Args {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
    Nushell,
    Elvish,
    Powershell,
}

pub(crate) fn run(args: &Args) -> Result<(), CliError> {
    let script = match args.shell {
        Shell::Bash => registration(&Bash),
        Shell::Zsh => registration(&Zsh).map(|mut script| {
            script.extend_from_slice(ZSH_LOADED);
            script
        }),
        Shell::Fish => registration(&Fish),
        Shell::Elvish => registration(&Elvish),
        Shell::Powershell => registration(&Powershell),
        Shell::Nushell => Ok(nushell().into_bytes()),
    };
    script
        .and_then(|script| io::stdout().write_all(&script))
        .map_err(|error| CliError::output("standard output", error))
}

/// Writes a script that asks the nixlog in `PATH`.
fn registration(shell: &dyn EnvCompleter) -> io::Result<Vec<u8>> {
    let mut script = Vec::new();
    shell.write_registration(VARIABLE, "nixlog", "nixlog", "nixlog", &mut script)?;
    Ok(script)
}

/// Zsh loads a file of completions at the first Tab, and runs it as a function that is to complete.
const ZSH_LOADED: &[u8] = br#"
if [[ $funcstack[1] == _nixlog ]]; then _clap_dynamic_completer_nixlog "$@"; fi
"#;

/// Asks nixlog for runs, as fish does. Without any, nushell completes files.
const NUSHELL_RUNS: &str = r#"  def "nu-complete nixlog runs" [context: string] {
    let word = $context | split row " " | last
    let runs = try {
      with-env {NIXLOG_COMPLETE: fish} { ^nixlog -- nixlog runs show $word } | complete | get stdout
      | lines | where $it !~ "^-" | split column "\t" value description
    } catch { [] }
    if ($runs | is-empty) { null } else { $runs }
  }
"#;

/// Writes nushell's declarations, in which what means a run is completed by nixlog.
fn nushell() -> String {
    let mut script = Vec::new();
    clap_complete::generate(Nushell, &mut Cli::command(), "nixlog", &mut script);
    let mut script = String::from_utf8_lossy(&script).into_owned();
    for declared in [
        "input?: path",
        "run?: string",
        "run: string",
        "runs: string",
    ] {
        let completed = format!("{declared}@\"nu-complete nixlog runs\"");
        script = script.replace(&format!("{declared} "), &format!("{completed} "));
    }
    let (module, declarations) = script.split_once('\n').unwrap_or((&script, ""));
    format!("{module}\n{NUSHELL_RUNS}{declarations}")
}
