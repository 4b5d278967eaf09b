//! The names of months in many languages, as `%b` of `strftime` writes them.

/// How names begin, in small letters; the longest that fits counts. Where a word means two months (`lis`
/// is November in Polish and October in Croatian), the language with more speakers has it: of dates
/// without a year, only the distances are used.
const NAMES: &[(&str, u8)] = &[
    // English, and what other languages share with it.
    ("jan", 1),
    ("feb", 2),
    ("mar", 3),
    ("apr", 4),
    ("may", 5),
    ("jun", 6),
    ("jul", 7),
    ("aug", 8),
    ("sep", 9),
    ("oct", 10),
    ("nov", 11),
    ("dec", 12),
    // French.
    ("fév", 2),
    ("fev", 2),
    ("avr", 4),
    ("mai", 5),
    ("juin", 6),
    ("juil", 7),
    ("aoû", 8),
    ("aou", 8),
    ("déc", 12),
    // German, Dutch, the languages of Scandinavia.
    ("jän", 1),
    ("mär", 3),
    ("maa", 3),
    ("mrt", 3),
    ("mei", 5),
    ("maj", 5),
    ("okt", 10),
    ("dez", 12),
    ("des", 12),
    // Spanish, Portuguese, Italian, Catalan, Romanian.
    ("ene", 1),
    ("gen", 1),
    ("ian", 1),
    ("abr", 4),
    ("mag", 5),
    ("giu", 6),
    ("iun", 6),
    ("lug", 7),
    ("iul", 7),
    ("ago", 8),
    ("set", 9),
    ("out", 10),
    ("ott", 10),
    ("dic", 12),
    // Polish.
    ("sty", 1),
    ("lut", 2),
    ("kwi", 4),
    ("cze", 6),
    ("lip", 7),
    ("sie", 8),
    ("wrz", 9),
    ("paź", 10),
    ("lis", 11),
    ("gru", 12),
    // Czech.
    ("led", 1),
    ("úno", 2),
    ("bře", 3),
    ("dub", 4),
    ("kvě", 5),
    ("čen", 6),
    ("čec", 7),
    ("srp", 8),
    ("zář", 9),
    ("říj", 10),
    ("pro", 12),
    // Hungarian.
    ("már", 3),
    ("ápr", 4),
    ("máj", 5),
    ("jún", 6),
    ("júl", 7),
    ("sze", 9),
    // Finnish.
    ("tam", 1),
    ("hel", 2),
    ("huh", 4),
    ("tou", 5),
    ("kes", 6),
    ("hei", 7),
    ("elo", 8),
    ("syy", 9),
    ("lok", 10),
    ("marr", 11),
    ("jou", 12),
    // Turkish.
    ("oca", 1),
    ("şub", 2),
    ("nis", 4),
    ("haz", 6),
    ("tem", 7),
    ("ağu", 8),
    ("eyl", 9),
    ("eki", 10),
    ("kas", 11),
    ("ara", 12),
    // Russian, Bulgarian.
    ("янв", 1),
    ("фев", 2),
    ("мар", 3),
    ("апр", 4),
    ("мая", 5),
    ("май", 5),
    ("июн", 6),
    ("юни", 6),
    ("июл", 7),
    ("юли", 7),
    ("авг", 8),
    ("сен", 9),
    ("окт", 10),
    ("ноя", 11),
    ("дек", 12),
    // Ukrainian.
    ("січ", 1),
    ("лют", 2),
    ("бер", 3),
    ("кві", 4),
    ("тра", 5),
    ("чер", 6),
    ("лип", 7),
    ("сер", 8),
    ("вер", 9),
    ("жов", 10),
    ("лис", 11),
    ("гру", 12),
    // Greek.
    ("ιαν", 1),
    ("φεβ", 2),
    ("μαρ", 3),
    ("απρ", 4),
    ("μαι", 5),
    ("μαΐ", 5),
    ("ιουν", 6),
    ("ιουλ", 7),
    ("αυγ", 8),
    ("σεπ", 9),
    ("οκτ", 10),
    ("νοε", 11),
    ("δεκ", 12),
];

/// Reads a month's name: a word, with or without a dot, or a number with the East Asian word for month.
/// `None` in place of the month where the word is not known.
pub(super) fn month(text: &[u8]) -> Option<(Option<u8>, &[u8])> {
    const LONGEST: usize = 48;
    let head = &text[..text.len().min(LONGEST)];
    let head = head.utf8_chunks().next()?.valid();
    let digits = head.bytes().take_while(u8::is_ascii_digit).count();
    let word = &head[digits..];
    if digits > 0 {
        let number = head[..digits].parse().ok().filter(is_month)?;
        let mark = ["月", "월"]
            .into_iter()
            .find(|mark| word.starts_with(mark))?;
        return Some((Some(number), &text[digits + mark.len()..]));
    }
    let letters = |char: &char| char.is_alphabetic() || *char == '.';
    let end: usize = head.chars().take_while(letters).map(char::len_utf8).sum();
    let rest = &text[end..];
    let word = head[..end].trim_end_matches('.').to_lowercase();
    if word.chars().count() < 2 {
        return None;
    }
    // Vietnamese counts: `Thg 7`.
    if matches!(&*word, "thg" | "th" | "tháng") {
        let blank = usize::from(rest.first() == Some(&b' '));
        let digits = rest[blank..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit());
        let (number, rest) = rest[blank..].split_at(digits.count());
        let number = std::str::from_utf8(number).ok()?.parse().ok();
        return Some((number.filter(is_month), rest));
    }
    let known = NAMES.iter().filter(|(name, _)| word.starts_with(name));
    let known = known.max_by_key(|(name, _)| name.len());
    Some((known.map(|&(_, month)| month), rest))
}

fn is_month(number: &u8) -> bool {
    (1..=12).contains(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_month_of_many_languages() {
        for names in [
            "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec",
            "January February March April May June July August September October November December",
            "janv. févr. mars avril mai juin juil. août sept. oct. nov. déc.",
            "Jan Feb Mär Apr Mai Jun Jul Aug Sep Okt Nov Dez",
            "Jän Feb März April Mai Juni Juli Aug Sept Okt Nov Dez",
            "ene feb mar abr may jun jul ago sep oct nov dic",
            "jan fev mar abr mai jun jul ago set out nov dez",
            "gen feb mar apr mag giu lug ago set ott nov dic",
            "jan feb mrt apr mei jun jul aug sep okt nov dec",
            "sty lut mar kwi maj cze lip sie wrz paź lis gru",
            "led úno bře dub kvě čen čec srp zář říj lis pro",
            "jan. febr. márc. ápr. máj. jún. júl. aug. szept. okt. nov. dec.",
            "jan feb mar apr maj jun jul aug sep okt nov dec",
            "jan. feb. mars april mai juni juli aug. sep. okt. nov. des.",
            "tammi helmi maalis huhti touko kesä heinä elo syys loka marras joulu",
            "Oca Şub Mar Nis May Haz Tem Ağu Eyl Eki Kas Ara",
            "янв фев мар апр мая июн июл авг сен окт ноя дек",
            "січ лют бер кві тра чер лип сер вер жов лис гру",
            "Ιαν Φεβ Μαρ Απρ Μαΐ Ιουν Ιουλ Αυγ Σεπ Οκτ Νοε Δεκ",
            "1月 2月 3月 4月 5月 6月 7月 8月 9月 10月 11月 12月",
            "1월 2월 3월 4월 5월 6월 7월 8월 9월 10월 11월 12월",
            "Thg01 Thg02 Thg03 Thg04 Thg05 Thg06 Thg07 Thg08 Thg09 Thg10 Thg11 Thg12",
        ] {
            for (number, name) in (1..).zip(names.split(' ')) {
                let text = format!("{name} 07 04:43:25");
                let want = Some((Some(number), &b" 07 04:43:25"[..]));
                assert_eq!(month(text.as_bytes()), want, "{name} of {names}");
            }
        }
        assert_eq!(month(b"Thg 7 07"), Some((Some(7), &b" 07"[..])));
        assert_eq!(month("يوليو 07".as_bytes()), Some((None, &b" 07"[..])));
        for text in ["", "7", "13月", "x 1", " Jan", "\u{ff}"] {
            assert_eq!(month(text.as_bytes()), None, "{text}");
        }
    }
}
