//! What a log names while it passes: derivations, and paths that are substituted.
//!
//! A glance at bytes, not a reading: who names a derivation that is none costs a look into the store.

use std::collections::HashSet;
use std::ops::Range;

use memchr::memmem;
use nixlog_core::store_path::StorePath;

/// What was named so far.
#[derive(Debug, Default)]
pub(super) struct Named {
    derivations: HashSet<String>,
    substituted: HashSet<String>,
}

/// How the end of an activity's line says that a path is substituted (108).
const SUBSTITUTE: &[u8] = b",\"type\":108}";

impl Named {
    /// Looks through whole lines; hands on each derivation that is named for the first time.
    pub(super) fn look(&mut self, block: &[u8], mut found: impl FnMut(String)) {
        // A line may name a hundred thousand: where it ends, and what it is, is looked up once.
        let (mut end, mut is_skipped) = (0, false);
        for at in memmem::find_iter(block, b".drv") {
            if at >= end {
                let line = line_around(block, at);
                end = line.end;
                is_skipped = is_output(&block[line]);
            }
            if is_skipped {
                continue;
            }
            if let Some(path) = path_before(block, at + 4)
                && !self.derivations.contains(path)
            {
                self.derivations.insert(path.to_owned());
                found(path.to_owned());
            }
        }
        let mut end = 0;
        for at in memmem::find_iter(block, SUBSTITUTE) {
            if at < end {
                continue;
            }
            let line = line_around(block, at);
            end = line.end;
            let line = &block[line];
            let fields = memmem::find(line, b"\"fields\":[\"").map(|at| at + 11);
            let path = fields.and_then(|from| {
                let length = memchr::memchr(b'"', line.get(from..)?)?;
                std::str::from_utf8(&line[from..from + length]).ok()
            });
            self.substituted
                .extend(path.filter(|path| path.starts_with('/')).map(str::to_owned));
        }
    }

    /// Returns the paths that were substituted.
    pub(super) fn substituted(&self) -> &HashSet<String> {
        &self.substituted
    }
}

/// Returns where the line is that a place lies in.
fn line_around(block: &[u8], at: usize) -> Range<usize> {
    let start = memchr::memrchr(b'\n', &block[..at]).map_or(0, |at| at + 1);
    let end = memchr::memchr(b'\n', &block[at..]).map_or(block.len(), |length| at + length);
    start..end
}

/// Tells whether a line is what a builder printed.
fn is_output(line: &[u8]) -> bool {
    let line = line.strip_prefix(b"@nix ").unwrap_or(line);
    line.starts_with(b"{\"action\":\"result\"")
}

/// Returns the store path that ends at a place.
fn path_before(block: &[u8], end: usize) -> Option<&str> {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"+-._?=/".contains(&byte);
    if block.get(end).copied().is_some_and(is_part) {
        return None;
    }
    let length = block[..end]
        .iter()
        .rev()
        .take_while(|byte| is_part(**byte))
        .count();
    let path = std::str::from_utf8(&block[end - length..end]).ok()?;
    (path.starts_with('/') && StorePath::parse(path).is_some()).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derivations_and_substituted_paths() {
        let log = br#"@nix {"action":"msg","level":3,"msg":"  /nix/store/7ajh8plhm64ypnph30js1a3lq6zsyxqr-hello-2.12.drv"}
@nix {"action":"start","fields":["/s/8ajh8plhm64ypnph30js1a3lq6zsyxqr-a.drv","",1,1],"id":1,"level":3,"parent":0,"text":"building '/s/8ajh8plhm64ypnph30js1a3lq6zsyxqr-a.drv'","type":105}
@nix {"action":"result","fields":["/nix/store/9ajh8plhm64ypnph30js1a3lq6zsyxqr-printed.drv"],"id":1,"type":101}
@nix {"action":"start","fields":["/nix/store/0ajh8plhm64ypnph30js1a3lq6zsyxqr-fetched","http://x"],"id":2,"level":0,"parent":0,"text":"","type":108}
building '/nix/store/1ajh8plhm64ypnph30js1a3lq6zsyxqr-plain.drv'...
not a path: hello.drv /nix/store/short.drv /nix/store/2ajh8plhm64ypnph30js1a3lq6zsyxqr-x.drvs .drv
1ajh8plhm64ypnph30js1a3lq6zsyxqr-base.drv"#;
        let (mut named, mut found) = (Named::default(), Vec::new());
        for _ in 0..2 {
            named.look(log, |path| found.push(path));
        }
        assert_eq!(
            found,
            [
                "/nix/store/7ajh8plhm64ypnph30js1a3lq6zsyxqr-hello-2.12.drv",
                "/s/8ajh8plhm64ypnph30js1a3lq6zsyxqr-a.drv",
                "/nix/store/1ajh8plhm64ypnph30js1a3lq6zsyxqr-plain.drv",
            ]
        );
        let substituted: Vec<_> = named.substituted().iter().map(String::as_str).collect();
        assert_eq!(
            substituted,
            ["/nix/store/0ajh8plhm64ypnph30js1a3lq6zsyxqr-fetched"]
        );
    }

    /// Nothing is looked through again for each path that it names: that would take minutes here.
    #[test]
    fn one_line_with_many_paths() {
        let path = "/nix/store/7ajh8plhm64ypnph30js1a3lq6zsyxqr-hello.drv";
        let log = format!("{path} ").repeat(200_000);
        let mut found = Vec::new();
        Named::default().look(log.as_bytes(), |path| found.push(path));
        assert_eq!(found, [path]);
    }
}
