//! Carriers inside of carriers: a CI's stamps around `BuildKit`'s, with a host's name in front of each line.

use super::{Carrier, Decode, Unwrapped, UnwrappedLine};

/// The decoders of a log, from the outermost on.
pub(crate) struct Onion {
    outer: Box<dyn Decode>,
    inner: Vec<Inner>,
    /// What the outermost handed on.
    between: Unwrapped,
}

/// A carrier that is inside of another.
struct Inner {
    carrier: Carrier,
    /// One decoder for each log that those around it have mixed.
    decoders: Vec<(u32, Box<dyn Decode>)>,
    /// What those logs turned out to be mixed of themselves: the number out there and in here.
    strands: Vec<(u32, u32)>,
    /// The carrier around it has times, and they count.
    has_times: bool,
    /// What a decoder handed on, and the same with the times and numbers that count.
    said: Unwrapped,
    after: Unwrapped,
}

impl Onion {
    /// Makes one of a carrier; `None` for those that need no decoder.
    pub(crate) fn new(carrier: Carrier) -> Option<Self> {
        carrier.decoder().map(Self::around)
    }

    /// Makes one of a decoder.
    pub(crate) fn around(outer: Box<dyn Decode>) -> Self {
        Self {
            outer,
            inner: Vec::new(),
            between: Unwrapped::new(),
        }
    }

    /// Says what is inside of the outermost carrier; what was known already goes on.
    pub(crate) fn fill(&mut self, inside: &[Carrier]) {
        let carriers = self.inner.iter().map(|inner| inner.carrier);
        let same = carriers.zip(inside).take_while(|(own, new)| own == *new);
        let n_same = same.count();
        self.inner.truncate(n_same);
        let new = inside[n_same..].iter();
        self.inner.extend(new.map(|&carrier| Inner::new(carrier)));
    }
}

impl Decode for Onion {
    fn line(&mut self, raw: &[u8], out: &mut Unwrapped) {
        if self.inner.is_empty() {
            self.outer.line(raw, out);
            return;
        }
        self.between.at_line(out.number());
        self.outer.line(raw, &mut self.between);
        hand_on(&mut self.inner, &mut self.between, out);
    }

    fn finish(&mut self, out: &mut Unwrapped) {
        if self.inner.is_empty() {
            self.outer.finish(out);
            return;
        }
        self.outer.finish(&mut self.between);
        hand_on(&mut self.inner, &mut self.between, out);
        for at in 0..self.inner.len() {
            let (before, rest) = self.inner.split_at_mut(at + 1);
            if let Some(inner) = before.last_mut() {
                inner.finish();
                hand_on(rest, &mut inner.after, out);
            }
        }
    }
}

/// Hands on lines through the carriers that are left.
fn hand_on(inner: &mut [Inner], lines: &mut Unwrapped, out: &mut Unwrapped) {
    match inner.split_first_mut() {
        Some((first, rest)) => {
            for (line, payload) in lines.iter() {
                first.line(line, payload);
                hand_on(rest, &mut first.after, out);
            }
        }
        None => {
            for (line, payload) in lines.iter() {
                let strand = usize::try_from(line.strand).unwrap_or(usize::MAX);
                out.in_strand(strand, |out| out.push_from(line.number, line.time, payload));
            }
        }
    }
    lines.clear();
    out.take_over(lines);
}

impl Inner {
    fn new(carrier: Carrier) -> Self {
        Self {
            carrier,
            decoders: Vec::new(),
            strands: Vec::new(),
            has_times: false,
            said: Unwrapped::new(),
            after: Unwrapped::new(),
        }
    }

    fn line(&mut self, line: UnwrappedLine, payload: &[u8]) {
        self.has_times |= line.time.is_some();
        let mut known = self.decoders.iter();
        let place = known.position(|(strand, _)| *strand == line.strand);
        let place = place.or_else(|| {
            self.decoders.push((line.strand, self.carrier.decoder()?));
            Some(self.decoders.len() - 1)
        });
        self.said.at_line(line.number);
        if let Some(place) = place {
            self.decoders[place].1.line(payload, &mut self.said);
        }
        self.keep(line);
    }

    fn finish(&mut self) {
        for at in 0..self.decoders.len() {
            let (strand, decoder) = &mut self.decoders[at];
            decoder.finish(&mut self.said);
            let (strand, number, time) = (*strand, 0, None);
            self.keep(UnwrappedLine {
                time,
                number,
                strand,
            });
        }
    }

    /// Keeps lines with the times that count, and with numbers for what they are mixed of.
    fn keep(&mut self, line: UnwrappedLine) {
        let mut said = std::mem::take(&mut self.said);
        for (inner, payload) in said.iter() {
            let time = if self.has_times {
                line.time
            } else {
                inner.time
            };
            let strand = self.strand(line.strand, inner.strand);
            self.after
                .in_strand(strand, |out| out.push_from(inner.number, time, payload));
        }
        said.clear();
        self.after.take_over(&mut said);
        self.said = said;
    }

    /// Numbers what is mixed in here within what is mixed out there.
    fn strand(&mut self, outer: u32, inner: u32) -> usize {
        if (outer, inner) == (0, 0) {
            return 0;
        }
        let mut known = self.strands.iter();
        let place = known.position(|&strand| strand == (outer, inner));
        1 + place.unwrap_or_else(|| {
            self.strands.push((outer, inner));
            self.strands.len() - 1
        })
    }
}
