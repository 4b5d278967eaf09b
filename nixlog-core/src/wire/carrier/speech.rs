//! Tells what only Nix writes: by it the detector finds where the wrapping ends.

use crate::wire::ansi;
use crate::wire::message::{self, ActivityNote, Note};

/// What a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speech {
    /// A record of Nix's protocol, or a line of a recording.
    Record,
    /// A sentence that Nix writes for people, and that nobody else does.
    Sentence,
}

/// Passes over colours.
pub(super) fn colors(text: &[u8]) -> &[u8] {
    let mut text = text;
    while let [0x1b, b'[', rest @ ..] = text {
        let n = rest
            .iter()
            .take_while(|byte| byte.is_ascii_digit() || **byte == b';')
            .count();
        match rest.get(n) {
            Some(b'm') => text = &rest[n + 1..],
            _ => break,
        }
    }
    text
}

/// Says whether a text is Nix's, behind colours and a syslog level.
pub(super) fn speech(text: &[u8]) -> Option<Speech> {
    /// No sentence is longer.
    const LONGEST: usize = 1024;
    let mut text = text;
    loop {
        text = match text {
            [b'<', b'0'..=b'7', b'>', rest @ ..] => rest,
            [0x1b, b'[', rest @ ..] => {
                &rest[memchr::memchr(b'm', &rest[..rest.len().min(16)])? + 1..]
            }
            _ => break,
        };
    }
    let records = [&b"@nix {"[..], b"@nixlog {", b"{\"action\":"];
    if records.iter().any(|start| text.starts_with(start)) {
        return Some(Speech::Record);
    }
    // Nearly all that is not Nix's ends here.
    let may_be = matches!(text.first()?, b'a'..=b'z' | b' ');
    let text = std::str::from_utf8(text)
        .ok()
        .filter(|text| may_be && text.len() <= LONGEST)?;
    let text = ansi::strip(text);
    let text = text.trim_end();
    let is_title = text.ends_with("...") && !matches!(message::activity(text), ActivityNote::Other);
    let is_note = || match message::read(text) {
        Note::PlanBuild { .. } | Note::PlanFetch { .. } | Note::PlanItem { .. } => true,
        Note::BuildFailed { .. } => text.starts_with("error: "),
        _ => false,
    };
    (is_title || is_note()).then_some(Speech::Sentence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_nixs() {
        for (text, want) in [
            ("@nix {\"action\"", Some(Speech::Record)),
            ("<6>\u{1b}[0m@nix {", Some(Speech::Record)),
            (
                "building '/nix/store/2r92n2zfwywjrahb1p8zhkypdj1rhzfd-etc.drv'...  ",
                Some(Speech::Sentence),
            ),
            (
                "\u{1b}[1mbuilding\u{1b}[0m '/nix/store/2r92n2zfwywjrahb1p8zhkypdj1rhzfd-etc.drv'...",
                Some(Speech::Sentence),
            ),
            ("these 2 derivations will be built:", Some(Speech::Sentence)),
            (
                "this path will be fetched (1.50 MiB download, 4.00 MiB unpacked):",
                Some(Speech::Sentence),
            ),
            (
                "  /nix/store/2r92n2zfwywjrahb1p8zhkypdj1rhzfd-etc.drv",
                Some(Speech::Sentence),
            ),
            (
                "error: builder for '/nix/store/2r92n2zfwywjrahb1p8zhkypdj1rhzfd-etc.drv' failed with exit code 1",
                Some(Speech::Sentence),
            ),
            ("building the docs...", None),
            ("/nix/store/2r92n2zfwywjrahb1p8zhkypdj1rhzfd-etc", None),
            (
                "> building '/nix/store/2r92n2zfwywjrahb1p8zhkypdj1rhzfd-etc.drv'...",
                None,
            ),
            (
                "builder for '/nix/store/2r92n2zfwywjrahb1p8zhkypdj1rhzfd-etc.drv' failed with exit code 1",
                None,
            ),
            ("", None),
        ] {
            assert_eq!(speech(text.as_bytes()), want, "{text}");
        }
    }
}
