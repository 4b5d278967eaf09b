//! What of two texts differs, once all that merely follows from something else is taken out.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::store_path::StorePath;

/// So many characters of a value are shown.
const MOST: usize = 160;

/// So many characters are shown before the first that differs, where a value is cut.
const BEFORE: usize = 40;

/// Characters in the hash of a store path, and in a placeholder for one that is not known yet
/// (`hashPlaceholder` in Nix's `derivations.cc`).
const HASH: usize = 32;
const PLACEHOLDER: usize = 52;

/// Store paths that follow from something else, and what stands in place of each.
#[derive(Debug, Default)]
pub(super) struct Tokens<'a>(HashMap<&'a str, (&'a str, String)>);

impl<'a> Tokens<'a> {
    /// Says what stands in place of a store path, given as its base name.
    pub(super) fn add(&mut self, base: &'a str, token: String) {
        if let Some(path) = StorePath::parse(base) {
            self.0.insert(path.hash(), (base, token));
        }
    }

    /// Returns a text with tokens in it. A placeholder is as good as any other: it changes with the inputs.
    pub(super) fn normal<'t>(&self, text: &'t str) -> Cow<'t, str> {
        rewritten(text, |out, text, run| match run.len() {
            HASH => {
                let (base, token) = self.0.get(&text[run.clone()])?;
                out.push('\u{1}');
                out.push_str(token);
                out.push('\u{2}');
                let whole = text[run.start..].starts_with(base);
                Some(if whole {
                    run.start + base.len()
                } else {
                    run.end
                })
            }
            PLACEHOLDER if text[..run.start].ends_with('/') => {
                out.push('\u{1}');
                Some(run.end)
            }
            _ => None,
        })
    }
}

/// Returns a text with some of its runs of base-32 characters rewritten: `rewrite` writes something else in
/// place of one, and says where the text goes on.
fn rewritten<'t>(
    text: &'t str,
    rewrite: impl Fn(&mut String, &str, std::ops::Range<usize>) -> Option<usize>,
) -> Cow<'t, str> {
    let bytes = text.as_bytes();
    let mut out = String::new();
    let (mut copied, mut at) = (0, 0);
    while at < bytes.len() {
        if !is_base32(bytes[at]) {
            at += 1;
            continue;
        }
        let end = bytes[at..].iter().position(|&byte| !is_base32(byte));
        let end = end.map_or(bytes.len(), |length| at + length);
        if end - at == HASH || end - at == PLACEHOLDER {
            out.push_str(&text[copied..at]);
            copied = at;
            if let Some(on) = rewrite(&mut out, text, at..end) {
                (copied, at) = (on, on);
                continue;
            }
        }
        at = end;
    }
    match copied {
        0 if out.is_empty() => Cow::Borrowed(text),
        _ => {
            out.push_str(&text[copied..]);
            Cow::Owned(out)
        }
    }
}

/// Tells whether a byte may be in a hash in base 32 as Nix writes it.
const fn is_base32(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'z') && !matches!(byte, b'e' | b'o' | b't' | b'u')
}

/// Returns what differs between two values: of the old one what is gone, of the new one what was not there.
/// `None` where they say the same. A value that is not there is no value.
pub(super) fn difference(
    old: Option<(&str, &Tokens<'_>)>,
    new: Option<(&str, &Tokens<'_>)>,
) -> Option<(Option<String>, Option<String>)> {
    let (Some((old, old_tokens)), Some((new, new_tokens))) = (old, new) else {
        return match (old, new) {
            (None, None) => None,
            (old, new) => {
                let shown = |(text, _): (&str, _)| cut(&readable(text, false), 0);
                Some((old.map(shown), new.map(shown)))
            }
        };
    };
    if old == new {
        return None;
    }
    let (before, after) = (old_tokens.normal(old), new_tokens.normal(new));
    if before == after {
        return None;
    }
    let by_lines = old.contains('\n') || new.contains('\n');
    let old = pieces(old, &before, by_lines);
    let new = pieces(new, &after, by_lines);
    let (gone, added) = unlike(&old, &new);
    let join = |pieces: &[&str]| pieces.join(if by_lines { "\n" } else { " " });
    let (gone, added) = (join(&gone), join(&added));
    Some(shown(&gone, &added))
}

/// Makes two texts that differ readable, and short enough to be read. What is empty is not there.
pub(super) fn shown(old: &str, new: &str) -> (Option<String>, Option<String>) {
    let (mut before, mut after) = (readable(old, false), readable(new, false));
    if before == after {
        (before, after) = (readable(old, true), readable(new, true));
    }
    let same = before.chars().zip(after.chars());
    let same = same.take_while(|(a, b)| a == b).count();
    let cut = |text: &str| (!text.is_empty()).then(|| cut(text, same));
    (cut(&before), cut(&after))
}

/// Cuts a value to what can be read; `same`: so many characters at its beginning are nothing new.
fn cut(text: &str, same: usize) -> String {
    if text.chars().count() <= MOST {
        return text.to_owned();
    }
    let from = same.saturating_sub(BEFORE);
    let mut out = String::new();
    if from > 0 {
        out.push('…');
    }
    out.extend(text.chars().skip(from).take(MOST));
    if text.chars().count() > from + MOST {
        out.push('…');
    }
    out
}

/// Shows store paths as names, or with the beginning of their hashes where these are all that differs.
pub(super) fn readable(text: &str, with_hash: bool) -> String {
    let named = rewritten(text, |out, text, run| {
        let is_path = run.len() == HASH && text[run.end..].starts_with('-');
        if !is_path {
            return None;
        }
        if out.ends_with("/nix/store/") {
            out.truncate(out.len() - "/nix/store/".len());
        }
        if !with_hash {
            return Some(run.end + 1);
        }
        out.push_str(&text[run.start..run.start + 7]);
        Some(run.end)
    });
    named.into_owned()
}

/// A piece of a value as it is, and as it is compared.
type Piece<'t> = (&'t str, String);

/// Takes a value apart, into lines or words. Tokens have no blanks in them, so that there are as many pieces
/// of the one as of the other.
fn pieces<'t>(text: &'t str, normal: &str, by_lines: bool) -> Vec<Piece<'t>> {
    let pair = |(text, normal): (&'t str, &str)| (text, normal.to_owned());
    match by_lines {
        true => text.split('\n').zip(normal.split('\n')).map(pair).collect(),
        false => {
            let words = text.split_ascii_whitespace();
            words
                .zip(normal.split_ascii_whitespace())
                .map(pair)
                .collect()
        }
    }
}

/// Returns the pieces that only one of two has; where both have the same in another order, those that stand
/// elsewhere.
fn unlike<'t>(old: &[Piece<'t>], new: &[Piece<'t>]) -> (Vec<&'t str>, Vec<&'t str>) {
    let same = |(a, b): &(&Piece<'_>, &Piece<'_>)| a.1 == b.1;
    let first = old.iter().zip(new).take_while(same).count();
    let (old, new) = (&old[first..], &new[first..]);
    let last = old.iter().rev().zip(new.iter().rev());
    let last = last.take_while(same).count();
    let (old, new) = (&old[..old.len() - last], &new[..new.len() - last]);
    let only = |these: &[Piece<'t>], others: &[Piece<'t>]| -> Vec<&'t str> {
        let mut left: HashMap<&str, usize> = HashMap::new();
        for (_, normal) in others {
            *left.entry(normal).or_default() += 1;
        }
        let mut only = Vec::new();
        for (text, normal) in these {
            match left.get_mut(&**normal) {
                Some(n) if *n > 0 => *n -= 1,
                _ => only.push(*text),
            }
        }
        only
    };
    let (gone, added) = (only(old, new), only(new, old));
    match gone.is_empty() && added.is_empty() {
        true => (
            old.iter().map(|(text, _)| *text).collect(),
            new.iter().map(|(text, _)| *text).collect(),
        ),
        false => (gone, added),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "/nix/store/7ajh8plhm64ypnph30js1a3lq6zsyxqr-zlib-1.2";
    const B: &str = "/nix/store/6bjh8plhm64ypnph30js1a3lq6zsyxqr-zlib-1.3";

    fn differ(old: &str, new: &str) -> Option<(Option<String>, Option<String>)> {
        let (mut a, mut b) = (Tokens::default(), Tokens::default());
        a.add(&A[11..], "7:out".to_owned());
        b.add(&B[11..], "7:out".to_owned());
        difference(Some((old, &a)), Some((new, &b)))
    }

    fn some(old: &str, new: &str) -> Option<(Option<String>, Option<String>)> {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Some((text(old), text(new)))
    }

    #[test]
    fn what_merely_follows_is_no_difference() {
        assert_eq!(
            differ(&format!("-L{A}/lib x"), &format!("-L{B}/lib x")),
            None
        );
        assert_eq!(differ(A, A), None);
        // The other way round it is another path.
        assert_eq!(differ(B, A), some("zlib-1.3", "zlib-1.2"));
        let (p, q) = ("0".repeat(52), "1".repeat(52));
        assert_eq!(differ(&format!("/{p}/bin"), &format!("/{q}/bin")), None);
        assert_eq!(
            differ(&format!("{p}/bin"), &format!("{q}/bin")),
            some(&p, &q).map(|(a, b)| { (a.map(|a| a + "/bin"), b.map(|b| b + "/bin")) })
        );
    }

    #[test]
    fn only_what_differs_is_shown() {
        let old = format!("a.patch {A} c.patch");
        assert_eq!(
            differ(&old, &format!("{B} a.patch b.patch c.patch")),
            some("", "b.patch")
        );
        assert_eq!(differ("a b c", "c b a"), some("a b c", "c b a"));
        assert_eq!(differ("a\nb c\nd", "a\nb  c\nd"), some("b c", "b  c"));
        // Only the hashes differ: then they are what there is to see.
        let source = "/nix/store/8ajh8plhm64ypnph30js1a3lq6zsyxqr-source";
        let other = "/nix/store/9ajh8plhm64ypnph30js1a3lq6zsyxqr-source";
        assert_eq!(
            differ(source, other),
            some("8ajh8pl-source", "9ajh8pl-source")
        );
        let long = format!("{}{}", "x".repeat(300), "y".repeat(300));
        let (_, new) = differ(&long, &long.replacen('y', "z", 1)).expect("they differ");
        let new = new.expect("there is some");
        assert!(
            new.starts_with("…x") && new.contains("xzy") && new.ends_with("y…"),
            "{new}"
        );
        let tokens = Tokens::default();
        assert_eq!(difference(None, Some((A, &tokens))), some("", "zlib-1.2"));
    }
}
