//! What nom (nix-output-monitor) prints where it does not paint, as in CI, also for nh.
//!
//! It puts the derivation's name before what Nix says of a build, without the dots, and lists at the end
//! which builds there were: `┃ ✔ hello-2.12 ⏱ 1m2s`.

use crate::store_path::{StorePath, pname_of};
use crate::time::Nanos;
use crate::wire::message::{ActivityNote, activity};

/// Reads `NAME> building 'D'`; gives the derivation and the machine.
pub(super) fn started(line: &str) -> Option<(&str, Option<&str>)> {
    let (name, title) = line.split_once("> ")?;
    let ActivityNote::Building { drv, machine } = activity(title) else {
        return None;
    };
    // What a builder prints would name another one.
    let own = StorePath::parse(drv)?.name();
    (name == own || name == pname_of(own)).then_some((drv, machine))
}

/// Reads a line of the list of builds, one that succeeded; gives the name and how long it took, which is
/// there from a second on.
pub(super) fn finished(line: &str) -> Option<(&str, Nanos)> {
    let rest = line.trim_start_matches(['┃', '│', '┌', '├', '└', '─', ' ']);
    let rest = rest.strip_prefix("✔ ")?;
    let (name, took) = rest.split_once(" ⏱ ")?;
    let (name, _) = name.split_once(" on ").unwrap_or((name, ""));
    Some((name, duration(took)?))
}

/// Reads `1h2m3s`, `1m2s` or `3s`.
fn duration(text: &str) -> Option<Nanos> {
    let (mut seconds, mut rest) = (0_u64, text.trim_end());
    while !rest.is_empty() {
        let end = rest.find(|byte: char| !byte.is_ascii_digit())?;
        let number: u64 = rest[..end].parse().ok()?;
        let in_seconds = match rest.as_bytes().get(end)? {
            b'd' => 86_400,
            b'h' => 3600,
            b'm' => 60,
            b's' => 1,
            _ => return None,
        };
        seconds = seconds.checked_add(number.checked_mul(in_seconds)?)?;
        rest = &rest[end + 1..];
    }
    seconds.checked_mul(1_000_000_000).map(Nanos::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_starts() {
        let drv = "/nix/store/zwrw97v830rp08ds4970acnfvbs7vm9z-a-b-1.0.drv";
        for name in ["a-b", "a-b-1.0"] {
            let line = format!("{name}> building '{drv}'");
            assert_eq!(started(&line), Some((drv, None)), "{line}");
            let line = format!("{line} on 'ssh://x'");
            assert_eq!(started(&line), Some((drv, Some("ssh://x"))), "{line}");
        }
        assert_eq!(started(&format!("nix> building '{drv}'")), None);
        assert_eq!(started("a-b> building 'a-b'"), None);
    }

    #[test]
    fn reads_what_succeeded() {
        let took = |seconds: u64| Nanos::new(seconds * 1_000_000_000);
        for (line, want) in [
            ("┃ ✔ a-1.0 ⏱ 1m2s", Some(("a-1.0", took(62)))),
            ("┃ │  ┌─ ✔ a ⏱ 1h0m5s", Some(("a", took(3605)))),
            ("┃ ✔ a on ssh://x ⏱ 18s", Some(("a", took(18)))),
            ("┃ ✔ a", None),
            (
                "┗━ ∑ ⏵ 0 │ ✔ 3 │ ⏸ 0 │ Finished at 09:23:50 after 1m30s",
                None,
            ),
            ("┃ ⚠ a failed with exit code 1 after ⏱ 3s", None),
            ("✔ all tests passed", None),
            ("✔ a ⏱ soon", None),
        ] {
            assert_eq!(finished(line), want, "{line}");
        }
    }
}
