//! Joins `@nix {…}` lines that journald cut.
//!
//! journald cuts a line of a service's output that is longer than `LineMax` (48 KiB unless set)
//! into several entries, and no field says so. An entry that starts `@nix {` and is not complete
//! JSON is held back and joined with the entries of the same source that follow it, for as long
//! as that is plausible. Where it turns out not to be, the entries are handed on as they came.

use super::{IssueKind, LARGEST_LINE, Time, Unwrapped};

/// journald takes no smaller `LineMax` than 79 (`LINE_MAX_MIN`); a shorter entry was not cut.
const SHORTEST_CUT: usize = 79;

/// journald drops blanks at the ends of a piece, so that pieces are not all of one length.
const BLANKS: usize = 256;

/// Sources that may have a line open at once; past it the oldest is handed on as it is.
const MAX_OPEN: usize = 64;

/// How far a JSON object has been read.
#[derive(Debug, Default)]
struct Scan {
    depth: u32,
    in_string: bool,
    escaped: bool,
    ended: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Progress {
    /// The object ends with the text.
    Complete,
    /// The object goes on.
    Open,
    /// The object ended before the text did.
    Broken,
}

impl Scan {
    fn feed(&mut self, text: &[u8]) -> Progress {
        for &byte in text {
            if self.ended {
                if !byte.is_ascii_whitespace() {
                    return Progress::Broken;
                }
            } else if self.escaped {
                self.escaped = false;
            } else if self.in_string {
                match byte {
                    b'\\' => self.escaped = true,
                    b'"' => self.in_string = false,
                    _ => {}
                }
            } else {
                match byte {
                    b'"' => self.in_string = true,
                    b'{' | b'[' => self.depth = self.depth.saturating_add(1),
                    b'}' | b']' => {
                        self.depth = self.depth.saturating_sub(1);
                        self.ended = self.depth == 0;
                    }
                    _ => {}
                }
            }
        }
        if self.ended {
            Progress::Complete
        } else {
            Progress::Open
        }
    }
}

/// An entry within a line that is open.
#[derive(Debug)]
struct Piece {
    end: usize,
    time: Option<Time>,
    number: u64,
}

/// A line that is open.
#[derive(Debug)]
struct Open {
    source: Vec<u8>,
    text: Vec<u8>,
    pieces: Vec<Piece>,
    scan: Scan,
}

impl Open {
    fn add(&mut self, time: Option<Time>, piece: &[u8], number: u64) -> Progress {
        self.text.extend_from_slice(piece);
        let end = self.text.len();
        self.pieces.push(Piece { end, time, number });
        self.scan.feed(piece)
    }

    fn first_length(&self) -> usize {
        self.pieces.first().map_or(0, |piece| piece.end)
    }

    /// Hands on one line, at the time of its last piece.
    fn join(&self, out: &mut Unwrapped) {
        if let (Some(first), Some(last)) = (self.pieces.first(), self.pieces.last()) {
            out.push_from(first.number, last.time, &self.text);
        }
    }

    /// Hands on the entries as they came.
    fn give_up(&self, kind: IssueKind, out: &mut Unwrapped) {
        out.note(kind);
        let mut start = 0;
        for piece in &self.pieces {
            out.push_from(piece.number, piece.time, &self.text[start..piece.end]);
            start = piece.end;
        }
    }
}

/// Joins the entries of many sources.
#[derive(Debug, Default)]
pub(super) struct Joiner {
    open: Vec<Open>,
}

impl Joiner {
    /// Takes the text of an entry. `source` tells the streams apart: host, unit and process.
    pub(super) fn entry(
        &mut self,
        source: &[u8],
        time: Option<Time>,
        text: &[u8],
        out: &mut Unwrapped,
    ) {
        let starts = starts_nix(text);
        if self.open.is_empty() && !starts {
            out.push(time, text); // Nearly all entries.
            return;
        }
        let place = self.open.iter().position(|open| open.source == source);
        match place {
            Some(place) if starts => self.open.remove(place).give_up(IssueKind::Unfinished, out),
            Some(place) => {
                self.go_on(place, time, text, out);
                return;
            }
            None => {}
        }
        if !starts || text.len() < SHORTEST_CUT {
            out.push(time, text);
            return;
        }
        let mut scan = Scan::default();
        if scan.feed(text) != Progress::Open {
            out.push(time, text);
            return;
        }
        if self.open.len() >= MAX_OPEN {
            self.open.remove(0).give_up(IssueKind::Unfinished, out);
        }
        self.open.push(Open {
            source: source.to_vec(),
            text: text.to_vec(),
            pieces: vec![Piece {
                end: text.len(),
                time,
                number: out.number(),
            }],
            scan,
        });
    }

    fn go_on(&mut self, place: usize, time: Option<Time>, piece: &[u8], out: &mut Unwrapped) {
        let open = &mut self.open[place];
        let progress = open.add(time, piece, out.number());
        // A piece that is cut is as long as the first; a shorter one should have been the last.
        let short = piece.len() + BLANKS < open.first_length();
        match progress {
            Progress::Complete => self.open.remove(place).join(out),
            Progress::Open if open.text.len() > LARGEST_LINE => {
                self.open.remove(place).give_up(IssueKind::TooLong, out);
            }
            Progress::Open if !short => {}
            Progress::Open | Progress::Broken => {
                self.open.remove(place).give_up(IssueKind::Unfinished, out);
            }
        }
    }

    /// Hands on what is open.
    pub(super) fn finish(&mut self, out: &mut Unwrapped) {
        for open in self.open.drain(..) {
            open.give_up(IssueKind::Unfinished, out);
        }
    }
}

/// Says whether a line of Nix's protocol starts here, maybe behind a syslog level.
fn starts_nix(text: &[u8]) -> bool {
    let text = match text {
        [b'<', b'0'..=b'7', b'>', rest @ ..] => rest,
        _ => text,
    };
    text.starts_with(b"@nix {")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn long(n: usize) -> Vec<u8> {
        let mut line = br#"@nix {"action":"msg","msg":"a}\"#.to_vec();
        line.push(b'"');
        line.resize(n - 2, b'x');
        line.extend_from_slice(b"\"}");
        line
    }

    fn run(entries: &[(&str, &[u8])]) -> Vec<(String, u64)> {
        let (mut joiner, mut out) = (Joiner::default(), Unwrapped::new());
        for (number, (source, text)) in (1..).zip(entries) {
            out.at_line(number);
            let time = Some(Time::Elapsed(number));
            joiner.entry(source.as_bytes(), time, text, &mut out);
        }
        joiner.finish(&mut out);
        let lines = out.text().split(|&byte| byte == b'\n');
        lines
            .zip(out.lines())
            .map(|(text, line)| match line.time {
                Some(Time::Elapsed(at)) => (String::from_utf8_lossy(text).into_owned(), at),
                _ => panic!("every entry had a time"),
            })
            .collect()
    }

    #[test]
    fn joins_the_pieces_of_each_source() {
        let line = long(2500);
        let text = String::from_utf8_lossy(&line).into_owned();
        let got = run(&[
            ("a", &line[..1000]),
            ("b", b"between"),
            ("b", &line[..1000]),
            ("a", &line[1000..2000]),
            ("a", &line[2000..]),
            ("b", b"no end"),
        ]);
        let want = [
            ("between".to_owned(), 2),
            (text.clone(), 5),
            (text[..1000].to_owned(), 3),
            ("no end".to_owned(), 6),
        ];
        assert_eq!(got, want);
    }

    #[test]
    fn leaves_what_is_not_cut() {
        let open = &long(300)[..200];
        let text = String::from_utf8_lossy(open).into_owned();
        let whole = long(100);
        let whole_text = String::from_utf8_lossy(&whole).into_owned();
        let got = run(&[
            ("a", b"@nix {short"),
            ("a", b"x"),
            ("a", open),
            ("a", &whole),
            ("a", b"y"),
        ]);
        let want = [
            ("@nix {short".to_owned(), 1),
            ("x".to_owned(), 2),
            (text, 3),
            (whole_text, 4),
            ("y".to_owned(), 5),
        ];
        assert_eq!(got, want);
    }
}
