//! Numbers and texts as people read them.

use std::borrow::Cow;

/// Shows a length of time: `1h 02m`, `12m 40s`, `38.2s`, `3.25s`, `850ms`, `412µs`.
#[must_use]
pub fn duration(nanos: u64) -> String {
    // Rounded first, so that 59.96 s is a minute and not `60.0s`.
    let tenths = nanos.saturating_add(50_000_000) / 100_000_000;
    let hundredths = nanos.saturating_add(5_000_000) / 10_000_000;
    let millis = nanos.saturating_add(500_000) / 1_000_000;
    let seconds = nanos.saturating_add(500_000_000) / 1_000_000_000;
    match nanos {
        0 => "0s".to_owned(),
        _ if seconds >= 3600 => {
            let minutes = seconds.saturating_add(30) / 60;
            format!("{}h {:02}m", minutes / 60, minutes % 60)
        }
        _ if tenths >= 600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        _ if hundredths >= 1000 => format!("{}.{}s", tenths / 10, tenths % 10),
        _ if millis >= 1000 => format!("{}.{:02}s", hundredths / 100, hundredths % 100),
        _ if nanos >= 1_000_000 => format!("{millis}ms"),
        _ => format!("{}µs", nanos.saturating_add(999) / 1000),
    }
}

/// Shows a difference: `+1m 20s`, `-850ms`, `0s`.
#[must_use]
pub fn signed_duration(nanos: i64) -> String {
    let length = duration(nanos.unsigned_abs());
    match nanos {
        0 => length,
        1.. => format!("+{length}"),
        _ => format!("-{length}"),
    }
}

/// Shows a size in IEC units: `1.95 GiB`, `640 B`.
#[must_use]
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut scaled = u128::from(bytes) * 100 / 1024;
    let mut unit = 0;
    while scaled >= 102_400 && unit + 1 < UNITS.len() {
        scaled /= 1024;
        unit += 1;
    }
    let unit = UNITS[unit];
    match scaled {
        0..1_000 => format!("{}.{:02} {unit}", scaled / 100, scaled % 100),
        1_000..10_000 => format!("{}.{} {unit}", scaled / 100, scaled / 10 % 10),
        _ => format!("{} {unit}", scaled / 100),
    }
}

/// Shows a count with thin groups: `1 026 344`.
#[must_use]
pub fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

/// Shows a share as a percentage with one decimal.
#[must_use]
pub fn percent(share: f64) -> String {
    format!("{:.1}%", share * 100.0)
}

/// Returns `1 build`, `2 builds`, `3 queries`.
#[must_use]
pub fn plural(n: u64, one: &str) -> String {
    let number = count(n);
    match (n, one.strip_suffix('y')) {
        (1, _) => format!("{number} {one}"),
        (_, Some(stem)) => format!("{number} {stem}ies"),
        (_, None) => format!("{number} {one}s"),
    }
}

/// Makes text from a log harmless: a build must not be able to write to the terminal through us.
///
/// Control characters, and characters that reorder text, become visible escapes.
#[must_use]
pub fn harmless(text: &str) -> Cow<'_, str> {
    let odd = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(odd) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if odd(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// Makes text from a log harmless in XML and HTML, as text and within quoted attributes.
#[must_use]
pub fn xml(text: &str) -> String {
    let text = harmless(text);
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // Not allowed in XML at all.
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// Returns as much of a run's id as people need: its last digits. It begins with the time, which the runs
/// of an hour share.
#[must_use]
pub fn short_id(id: &str) -> &str {
    /// One of 16 million; a hundred runs are kept.
    const SHORT: usize = 6;
    let start = id.len().saturating_sub(SHORT);
    id.get(start..).unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let cases = [
            (0, "0s"),
            (1, "1µs"),
            (412_000, "412µs"),
            (850_000_000, "850ms"),
            (999_600_000, "1.00s"),
            (3_254_000_000, "3.25s"),
            (9_996_000_000, "10.0s"),
            (38_240_000_000, "38.2s"),
            (59_960_000_000, "1m 00s"),
            (760_300_000_000, "12m 40s"),
            (3_599_600_000_000, "1h 00m"),
            (3_720_000_000_000, "1h 02m"),
            (u64::MAX, "5124095h 35m"),
        ];
        for (nanos, want) in cases {
            assert_eq!(duration(nanos), want, "{nanos}");
        }
    }

    #[test]
    fn differences() {
        for (nanos, want) in [
            (0, "0s"),
            (80_000_000_000, "+1m 20s"),
            (-850_000_000, "-850ms"),
            (i64::MIN, "-2562047h 47m"),
        ] {
            assert_eq!(signed_duration(nanos), want, "{nanos}");
        }
    }

    #[test]
    fn sizes_and_counts() {
        let cases = [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.00 KiB"),
            (95_107_358, "90.7 MiB"),
            (1 << 40, "1.00 TiB"),
        ];
        for (size, want) in cases {
            assert_eq!(bytes(size), want, "{size}");
        }
        assert_eq!(count(1_026_344), "1 026 344");
        assert_eq!(plural(1, "build"), "1 build");
        assert_eq!(plural(1200, "build"), "1 200 builds");
        assert_eq!(plural(1, "query"), "1 query");
        assert_eq!(plural(0, "query"), "0 queries");
    }

    #[test]
    fn markup_is_text() {
        let odd = "</script><a b='\"'>&\u{ffff}\u{7}";
        let harmless = "&lt;/script&gt;&lt;a b=&#39;&quot;&#39;&gt;&amp;\u{fffd}\\u{7}";
        assert_eq!(xml(odd), harmless);
    }

    #[test]
    fn escapes_are_shown() {
        assert_eq!(harmless("a\u{1b}[31mb\u{202e}c"), "a\\u{1b}[31mb\\u{202e}c");
        assert!(matches!(harmless("grün"), Cow::Borrowed(_)));
    }
}
