//! Names before lines: `alpha | text`, `[alpha] text`, `alpha> text`, `alpha: text`, `alpha<TAB>text`.
//!
//! Deploy tools, `docker compose`, process managers and whoever else mixes the output of several
//! commands put one before each line. Any line may begin like that, so that a name counts only once it
//! has said something that only Nix says.

use super::speech::{Speech, colors, speech};
use super::{Decode, IssueKind, Unwrapped};
use crate::store_path::{name_of, pname_of};
use crate::wire::message::{ActivityNote, activity};

/// The longest name.
const LONGEST: usize = 80;

/// No log has so many; later ones are not looked for.
const MAX_NAMES: usize = 1024;

/// A line taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Named<'a> {
    pub(super) name: &'a [u8],
    /// What stands behind the name: `|`, `]`, `>` …
    mark: u8,
    pub(super) payload: &'a [u8],
}

/// Takes off a name, whoever has it.
fn named(raw: &[u8]) -> Option<Named<'_>> {
    let text = blanks(colors(blanks(raw)));
    let (name, mark, rest) = match text {
        [open @ (b'[' | b'('), inner @ ..] => {
            let close = if *open == b'[' { b']' } else { b')' };
            let head = &inner[..inner.len().min(LONGEST)];
            let end = head.iter().position(|byte| b"[](){}".contains(byte))?;
            let rest = (inner[end] == close).then(|| colors(&inner[end + 1..]))?;
            let rest = rest.strip_prefix(b":").unwrap_or(rest);
            (inner[..end].trim_ascii(), close, rest)
        }
        _ => {
            let head = &text[..text.len().min(LONGEST)];
            let n = head.iter().take_while(|&&byte| is_of_name(byte)).count();
            let (word, after) = text.split_at(n);
            let gap = blanks(colors(after));
            match gap.first() {
                Some(b'|') => (word, b'|', &gap[1..]),
                // `│` and `┃`.
                Some(0xe2)
                    if gap.starts_with("│".as_bytes()) || gap.starts_with("┃".as_bytes()) =>
                {
                    (word, b'|', &gap[3..])
                }
                // Some pad a name with dots.
                Some(b'>') if gap.len() == after.len() => {
                    let name = word.iter().rposition(|&byte| byte != b'.');
                    (&word[..name.map_or(0, |last| last + 1)], b'>', &gap[1..])
                }
                _ if after.starts_with(b"\t") => (word, b'\t', after),
                _ => (word.strip_suffix(b":")?, b':', colors(after)),
            }
        }
    };
    // A bar may stand alone on an empty line; everything else has a blank behind it.
    let rest = colors(rest);
    let payload = match rest {
        [] | b"\r" => rest,
        [b' ' | b'\t', payload @ ..] => colors(payload),
        _ if mark == b'|' => rest,
        _ => return None,
    };
    (!name.is_empty()).then_some(Named {
        name,
        mark,
        payload,
    })
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.@/+:=~".contains(&byte) || byte >= 0x80 && byte != 0xe2
}

fn blanks(text: &[u8]) -> &[u8] {
    let n = text.iter().take_while(|&&byte| byte == b' ').count();
    &text[n..]
}

/// Takes off a name that says something of Nix's.
pub(super) fn speaking(raw: &[u8]) -> Option<Named<'_>> {
    let named = named(raw)?;
    let said = speech(named.payload)?;
    // `hello> building …` is a line of hello's builder, or of a program that shows builds by name.
    let is_build = said == Speech::Sentence && named.mark == b'>' && is_its_build(named);
    (!is_build).then_some(named)
}

fn is_its_build(named: Named<'_>) -> bool {
    let text = std::str::from_utf8(named.payload).unwrap_or_default();
    match activity(text.trim_end()) {
        ActivityNote::Building { drv, .. } => {
            let name = name_of(drv);
            let own = name.strip_suffix(".drv").unwrap_or(name);
            [own, pname_of(own)]
                .iter()
                .any(|own| own.as_bytes() == named.name)
        }
        _ => false,
    }
}

/// Takes off the name of a line for the detector.
pub(super) fn payload(raw: &[u8]) -> Option<&[u8]> {
    speaking(raw).map(|named| named.payload)
}

/// Takes the names off.
#[derive(Debug, Default)]
pub(super) struct Names {
    known: Vec<(u8, Vec<u8>)>,
}

impl Names {
    /// Returns the place of a name among those that have spoken.
    fn place(&self, named: Named<'_>) -> Option<usize> {
        let mut known = self.known.iter();
        known.position(|(mark, name)| *mark == named.mark && name == named.name)
    }
}

impl Decode for Names {
    fn line(&mut self, raw: &[u8], out: &mut Unwrapped) {
        let place = named(raw).and_then(|named| {
            let known = self.place(named);
            let known = known.or_else(|| {
                let fits = self.known.len() < MAX_NAMES;
                let speaks = fits.then(|| speaking(raw)).flatten().is_some();
                speaks.then(|| {
                    self.known.push((named.mark, named.name.to_vec()));
                    self.known.len() - 1
                })
            });
            known.map(|known| (known, named.payload))
        });
        match place {
            Some((place, payload)) => out.in_strand(place + 1, |out| out.push(None, payload)),
            None => {
                if !matches!(raw, [] | b"\r") {
                    out.note(IssueKind::Unnamed);
                }
                out.push(None, raw);
            }
        }
    }

    fn finish(&mut self, _out: &mut Unwrapped) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUILDING: &str = "building '/nix/store/2r92n2zfwywjrahb1p8zhkypdj1rhzfd-etc-1.0.drv'...";

    #[test]
    fn forms() {
        for (before, name) in [
            ("alpha | ", "alpha"),
            ("beta  | ", "beta"),
            ("      +deps | ", "+deps"),
            ("web.1  │ ", "web.1"),
            ("\u{1b}[36mbuilder-1  | \u{1b}[0m", "builder-1"),
            ("\u{1b}[36;1mbuilder-1  |\u{1b}[0m ", "builder-1"),
            ("[alpha] ", "alpha"),
            ("[ alpha ] ", "alpha"),
            ("\u{1b}[32m[alpha]\u{1b}[0m ", "alpha"),
            ("[root@alpha:22]: ", "root@alpha:22"),
            ("(alpha) ", "alpha"),
            ("alpha> ", "alpha"),
            ("alpha.....> ", "alpha"),
            ("alpha: ", "alpha"),
            ("pkg:build: ", "pkg:build"),
            ("alpha\t", "alpha"),
            ("müller | ", "müller"),
        ] {
            let raw = format!("{before}{BUILDING}");
            let named = speaking(raw.as_bytes()).expect(before);
            let want = (name, BUILDING);
            let text = |bytes| std::str::from_utf8(bytes).expect("text");
            assert_eq!((text(named.name), text(named.payload)), want, "{before}");
        }
        for raw in [
            BUILDING.to_owned(),
            format!("> {BUILDING}"),
            format!("etc> {BUILDING}"),
            format!("etc-1.0> {BUILDING}"),
            format!("[etc]{BUILDING}"),
            format!("two words | {BUILDING}"),
            "alpha | text".to_owned(),
            "error: a b".to_owned(),
        ] {
            assert_eq!(speaking(raw.as_bytes()), None, "{raw}");
        }
    }

    #[test]
    fn a_name_counts_once_it_has_said_something() {
        let (mut decoder, mut out) = (Names::default(), Unwrapped::new());
        for raw in [
            "alpha | Linux alpha 6.6",
            "gcc: warning",
            &format!("alpha | {BUILDING}"),
            "alpha |   indented",
            "alpha |",
            &format!("beta: {BUILDING}"),
            "beta: text",
            "alpha: text",
            "",
        ] {
            decoder.line(raw.as_bytes(), &mut out);
        }
        let want = format!(
            "alpha | Linux alpha 6.6\ngcc: warning\n{BUILDING}\n  indented\n\n{BUILDING}\ntext\nalpha: text\n\n"
        );
        assert_eq!(String::from_utf8_lossy(out.text()), want);
        let strands: Vec<_> = out.lines().iter().map(|line| line.strand).collect();
        assert_eq!(strands, [0, 0, 1, 1, 1, 2, 2, 0, 0]);
        let issue = out.issues()[0];
        assert_eq!((issue.kind, issue.count), (IssueKind::Unnamed, 3));
    }
}
