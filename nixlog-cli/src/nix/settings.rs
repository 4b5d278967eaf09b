//! What Nix is set to, as far as it matters for how long things take.
//!
//! Only settings that are listed here are kept, so that no token, key or password gets into a recording,
//! whatever settings later versions have; and of addresses neither user names nor parameters.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nixlog_core::recording::Settings;
use serde_json::Value;

/// The settings that are kept.
const KEPT: &[&str] = &[
    "allow-import-from-derivation",
    "always-allow-substitutes",
    "auto-allocate-uids",
    "auto-optimise-store",
    "build-poll-interval",
    "build-users-group",
    "builders",
    "builders-use-substitutes",
    "compress-build-log",
    "connect-timeout",
    "cores",
    "download-attempts",
    "download-buffer-size",
    "download-speed",
    "eval-cache",
    "eval-cores",
    "fallback",
    "filetransfer-retry-attempts",
    "fsync-metadata",
    "fsync-store-paths",
    "http-connections",
    "http2",
    "keep-build-log",
    "keep-derivations",
    "keep-failed",
    "keep-going",
    "keep-outputs",
    "lazy-trees",
    "log-lines",
    "max-build-log-size",
    "max-call-depth",
    "max-free",
    "max-jobs",
    "max-silent-time",
    "max-substitution-jobs",
    "min-free",
    "min-free-check-interval",
    "nar-buffer-size",
    "narinfo-cache-meta-ttl",
    "narinfo-cache-negative-ttl",
    "narinfo-cache-positive-ttl",
    "post-build-hook",
    "require-sigs",
    "sandbox",
    "sandbox-fallback",
    "stalled-download-timeout",
    "substitute",
    "substituters",
    "sync-before-registering",
    "system",
    "system-features",
    "extra-platforms",
    "tarball-ttl",
    "timeout",
    "trace-import-from-derivation",
    "trusted-public-keys",
    "trusted-substituters",
    "use-cgroups",
    "use-sqlite-wal",
    "warn-large-path-threshold",
];

/// Nix answers in some hundredths of a second; one that hangs is not waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// Finds the `nix` that belongs to a program: beside it, else in the search path.
pub(crate) fn nix_beside(program: &OsStr) -> OsString {
    let beside = Path::new(program).parent().map(|folder| folder.join("nix"));
    beside
        // A folder called `nix` beside a script is nothing rare.
        .filter(|nix| nix.components().count() > 1 && nix.is_file())
        .map_or_else(|| OsString::from("nix"), OsString::from)
}

/// Asks Nix for its version.
pub(crate) fn version(nix: &OsStr) -> Option<String> {
    let printed = ask(nix, &["--version"])?;
    let line = printed.lines().next()?.trim();
    (!line.is_empty()).then(|| line.to_owned())
}

/// Asks Nix for its version and its settings.
pub(crate) fn settings(nix: &OsStr) -> Option<Settings> {
    let nix_version = version(nix)?;
    let feature = ["--extra-experimental-features", "nix-command"];
    // `nix config show` since 2.20, `nix show-config` before.
    let names: [&[&str]; 2] = [&["config", "show", "--json"], &["show-config", "--json"]];
    let printed = names
        .iter()
        .find_map(|name| ask(nix, &[&feature[..], name].concat()));
    let settings = printed.map(|json| kept(&json)).unwrap_or_default();
    let group = settings.get("build-users-group").and_then(Value::as_str);
    let groups = group.and_then(|_| std::fs::read_to_string("/etc/group").ok());
    Some(Settings {
        nix_version: Some(nix_version),
        build_users: group
            .zip(groups)
            .and_then(|(name, groups)| members(&groups, name)),
        settings,
    })
}

/// Counts the members of a group in what `/etc/group` holds.
fn members(groups: &str, name: &str) -> Option<u32> {
    let mut lines = groups.lines();
    let members = lines.find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(name)).then(|| fields.nth(2))
    });
    let members = members??
        .split(',')
        .filter(|member| !member.trim().is_empty());
    u32::try_from(members.count()).ok()
}

/// Runs Nix without anything to read, and returns what it prints.
fn ask(nix: &OsStr, args: &[&str]) -> Option<String> {
    let mut command = Command::new(nix);
    command
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    let mut stdout = child.stdout.take()?;
    let reader = thread::spawn(move || {
        let mut text = String::new();
        stdout.read_to_string(&mut text).ok().map(|_| text)
    });
    let since = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return reader.join().ok().flatten(),
            Ok(None) if since.elapsed() < PATIENCE => thread::sleep(Duration::from_millis(5)),
            Ok(Some(_)) => return None,
            _ => {
                drop(child.kill());
                drop(child.wait());
                return None;
            }
        }
    }
}

/// Keeps what may be kept.
fn kept(json: &str) -> BTreeMap<String, Value> {
    let Ok(Value::Object(all)) = serde_json::from_str(json) else {
        return BTreeMap::new();
    };
    let mut kept = BTreeMap::new();
    for (name, mut setting) in all {
        if KEPT.contains(&name.as_str())
            && let Some(value) = setting.get_mut("value").map(Value::take)
        {
            kept.insert(name, without_secrets(value));
        }
    }
    kept
}

/// Takes out of addresses what may be a secret.
fn without_secrets(value: Value) -> Value {
    match value {
        Value::String(text) => {
            // `builders` has lines.
            let words = text.split_inclusive(char::is_whitespace).map(address);
            Value::String(words.collect())
        }
        Value::Array(values) => values.into_iter().map(without_secrets).collect(),
        value => value,
    }
}

/// `https://user:password@host/path?key=…` becomes `https://host/path`.
fn address(word: &str) -> String {
    let Some((scheme, rest)) = word.split_once("://") else {
        return word.to_owned();
    };
    let (rest, space) = rest.split_at(rest.trim_end().len());
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}{path}{space}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_kept() {
        let json = r#"{
            "access-tokens": {"value": {"github.com": "ghp_SECRET"}},
            "netrc-file": {"value": "/etc/SECRET"},
            "secret-key-files": {"value": ["/SECRET"]},
            "some-later-setting": {"value": "SECRET"},
            "max-jobs": {"value": 4, "defaultValue": 1},
            "substituters": {"value": ["https://me:SECRET@cache.example.org/x?token=SECRET#SECRET", "daemon"]},
            "builders": {"value": "ssh://SECRET@builder?ssh-key=/SECRET x86_64-linux - 4\nssh://me:SECRET@other\tx ; @/etc/nix/machines"},
            "cores": {"other": 1}
        }"#;
        let kept = kept(json);
        let text = format!("{kept:?}");
        assert!(!text.contains("SECRET"), "{text}");
        assert_eq!(
            kept.keys().collect::<Vec<_>>(),
            ["builders", "max-jobs", "substituters"]
        );
        assert_eq!(kept["max-jobs"], 4);
        assert_eq!(kept["substituters"][0], "https://cache.example.org/x");
        assert_eq!(kept["substituters"][1], "daemon");
        assert_eq!(
            kept["builders"],
            "ssh://builder x86_64-linux - 4\nssh://other\tx ; @/etc/nix/machines"
        );
    }

    #[test]
    fn what_is_no_json_is_nothing() {
        for text in ["", "max-jobs = 4", "[]", "{\"max-jobs\":{\"value\":1}"] {
            assert!(kept(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn the_nix_beside_a_program() {
        assert_eq!(nix_beside(OsStr::new("nix-build")), "nix");
        assert_eq!(nix_beside(OsStr::new("/nonexistent/nix-build")), "nix");
    }

    #[test]
    fn a_folder_is_no_nix() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let script = folder.path().join("build.sh");
        let nix = folder.path().join("nix");
        std::fs::create_dir(&nix)?;
        assert_eq!(nix_beside(script.as_os_str()), "nix");
        std::fs::remove_dir(&nix)?;
        std::fs::write(&nix, "#!/bin/sh\n")?;
        assert_eq!(nix_beside(script.as_os_str()), nix.as_os_str());
        Ok(())
    }

    #[test]
    fn members_of_a_group() {
        let groups = "root:x:0:\nnixbld:x:30000:nixbld1,nixbld2,nixbld3\nempty:x:1:\nbroken\n";
        assert_eq!(members(groups, "nixbld"), Some(3));
        assert_eq!(members(groups, "empty"), Some(0));
        assert_eq!(members(groups, "broken"), None);
        assert_eq!(members(groups, "nix"), None);
    }
}
