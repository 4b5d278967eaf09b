//! What shells complete, and man pages.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::program::{command, folder, nixlog, run};
use crate::runs::Home;
use crate::verbs::verbs;

const SHELLS: [&str; 6] = ["bash", "zsh", "fish", "nushell", "elvish", "powershell"];

/// Returns a home with two runs, one of them with a name.
fn home() -> Home {
    let home = Home::new();
    let header = json!({
        "format": 1, "via": "run", "clock": "recorded", "command": ["nix", "build", ".#foo"],
    });
    home.kept(1, &header, None);
    home.kept(2, &header, None);
    let named = home.nixlog(&["runs", "rename", "last", "before-upgrade"]);
    assert_eq!(named.status, Some(0), "{named:?}");
    home
}

/// Returns what the last word of a line may be, as fish is told.
fn completed(home: &Home, line: &[&str]) -> String {
    let mut command = home.command(&[&["--", "nixlog"], line].concat());
    run(command.env("NIXLOG_COMPLETE", "fish")).result()
}

#[test]
fn runs_are_completed_by_name_and_id() {
    let home = home();
    let runs = "last\tnix build .#foo\n\
                before-upgrade\tnix build .#foo\n\
                a2b2c2\tnix build .#foo\n\
                a1b1c1\tnix build .#foo\n";
    for line in [
        &["runs", "show", ""][..],
        &["runs", "rm", "last", ""],
        &["runs", "rename", ""],
        &["cat", ""],
        &["slowest", "--top", "3", ""],
        &["what-if", ""],
    ] {
        let completed = completed(&home, line);
        assert!(completed.starts_with(runs), "{line:?}: {completed}");
    }
    assert_eq!(
        completed(&home, &["cat", "bef"]),
        "before-upgrade\tnix build .#foo\n"
    );
    assert_eq!(
        completed(&home, &["cat", "a1"]),
        "a1b1c1\tnix build .#foo\n"
    );
}

#[test]
fn files_verbs_and_values_are_completed() {
    let home = home();
    let files = completed(&home, &["phases", "2.26.3-diamond-build-v.t"]);
    let diamond = "2.26.3-diamond-build-v.truth.json\n2.26.3-diamond-build-v.ts.log\n";
    assert_eq!(files, diamond);
    assert!(completed(&home, &["crit"]).starts_with("critical-path\t"));
    let carriers = completed(&home, &["phases", "--carrier", "git"]);
    assert_eq!(carriers, "github-actions\ngithub-cli\ngitlab\n");
}

/// Nobody wants to read of an error where he pressed Tab.
#[test]
fn what_cannot_be_read_is_not_completed() {
    let home = Home::new();
    assert_eq!(completed(&home, &["cat", "x"]), "");
    let id = "0198c9f4-5e2a-7000-8000-000000abcdef";
    home.file(&format!("{id}.nixlog.zst"), b"no recording");
    assert_eq!(completed(&home, &["cat", "a"]), "abcdef\n");
    let mut elsewhere = command(&["--", "nixlog", "runs", "show", "l"]);
    for folder in ["/nonexistent", "/dev/null", ""] {
        elsewhere
            .env("NIXLOG_DIR", folder)
            .env("HOME", "/nonexistent");
        assert_eq!(run(elsewhere.env("NIXLOG_COMPLETE", "fish")).result(), "");
    }
}

#[test]
fn there_is_a_script_for_every_shell() {
    for shell in SHELLS {
        let script = nixlog(&["completions", shell]).result();
        assert!(script.contains("NIXLOG_COMPLETE"), "{shell}: {script}");
        // Wherever it was written, it asks the program that is there when it is used.
        assert!(!script.contains("/nixlog"), "{shell}: {script}");
    }
    let said = nixlog(&["completions", "csh"]).refused();
    assert!(said.contains("bash, zsh, fish, nushell"), "{said}");
}

/// Nushell has declarations, and all that means a run is looked up.
#[test]
fn nushell_looks_up_runs() {
    let script = nixlog(&["completions", "nushell"]).result();
    let words = |line: &&str| {
        ["input?:", "run?:", "run:", "...runs:"]
            .contains(&line.split_whitespace().next().unwrap_or_default())
    };
    let runs: Vec<&str> = script.lines().filter(words).collect();
    assert!(runs.len() > 12, "{runs:?}");
    for line in runs {
        assert!(line.contains("@\"nu-complete nixlog runs\" "), "{line}");
    }
}

/// The shells that are there, with their scripts.
#[test]
fn shells_complete_a_run() {
    let home = home();
    let program = Path::new(env!("CARGO_BIN_EXE_nixlog"))
        .parent()
        .expect("it is in a folder");
    let path = std::env::var("PATH").unwrap_or_default();
    let path = format!("{}:{path}", program.display());
    let bash = "source <(nixlog completions bash)\n\
                COMP_WORDS=(nixlog phases bef) COMP_CWORD=2 COMP_TYPE=9\n\
                _clap_complete_nixlog nixlog bef phases\n\
                printf '%s\\n' \"${COMPREPLY[@]}\"";
    let fish = "nixlog completions fish | source; complete -C 'nixlog phases bef' | cut -f 1";
    for (shell, flag, script) in [("bash", "-c", bash), ("fish", "-c", fish)] {
        let mut command = Command::new(shell);
        command
            .args([flag, script])
            .env("PATH", &path)
            .env("NIXLOG_DIR", home.folder.path());
        match command.output() {
            Ok(output) => assert_eq!(
                String::from_utf8_lossy(&output.stdout),
                "before-upgrade\n",
                "{shell}: {output:?}"
            ),
            Err(_) => assert_ne!(shell, "bash", "bash is needed for CI, too"),
        }
    }
}

#[test]
fn every_verb_has_a_man_page() {
    let folder = folder();
    let pages = folder.path().join("share/man1");
    let path = pages.to_str().expect("temporary folders have plain names");
    assert_eq!(nixlog(&["man", path]).result(), "");
    let entries = fs::read_dir(&pages).expect("it was made");
    let found: BTreeSet<String> = entries
        .map(|entry| {
            entry
                .expect("readable")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    let shown = verbs().iter().filter(|verb| verb.name != "man");
    let of_verbs = shown.map(|verb| format!("nixlog-{}.1", verb.name.replace(' ', "-")));
    assert!(found.contains("nixlog.1"), "{found:?}");
    let missing: Vec<String> = of_verbs.filter(|page| !found.contains(page)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    let page = fs::read_to_string(pages.join("nixlog-runs-rm.1")).expect("a page");
    let version = concat!("\"nixlog ", env!("CARGO_PKG_VERSION"), "\"");
    assert!(
        page.contains(version) && page.contains("nixlog runs rm"),
        "{page}"
    );
    let said = nixlog(&["man", "/dev/null/man1"]).refused();
    assert!(
        said.starts_with("error: cannot write the man pages into `/dev/null/man1`"),
        "{said}"
    );
}
