//! What the lines of findings cost in a profile of evaluation.

use std::collections::HashMap;
use std::rc::Rc;

use crate::eval::stacks::{Facts, Frame, Sink, Texts};
use crate::lint::Finding;

/// Adds up what was spent while a call from the lines of a finding was on the stack: in these lines, and in all
/// that is called there. However many such calls there are, each cost counts once.
#[derive(Debug, Default)]
pub struct LintCosts {
    files: HashMap<String, InFile>,
    ranges: Vec<Range>,
    /// The ranges that each frame is in, by its number; `None` until it is asked for.
    frames: Vec<Option<Rc<[usize]>>>,
    stack: Vec<Rc<[usize]>>,
    spent: u64,
}

#[derive(Debug, Default)]
struct InFile {
    /// Some frame is in it.
    is_seen: bool,
    ranges: Vec<usize>,
}

/// The lines of a finding.
#[derive(Debug)]
struct Range {
    lines: (u32, u32),
    /// How many calls on the stack are made from there.
    depth: u32,
    /// What had been spent when the outermost of them began.
    began: u64,
    cost: u64,
}

impl LintCosts {
    /// Adds the findings of a file, which has the path that frames have.
    pub fn watch<'a>(&mut self, file: &str, findings: impl IntoIterator<Item = &'a Finding>) {
        let own = self.files.entry(file.to_owned()).or_default();
        for it in findings {
            own.ranges.push(self.ranges.len());
            self.ranges.push(Range {
                lines: (it.line, it.end_line),
                depth: 0,
                began: 0,
                cost: 0,
            });
        }
    }

    /// Finds the ranges that a frame is in.
    fn ranges_of(&mut self, frame: u32, frames: &Texts) -> Rc<[usize]> {
        let at = frame as usize;
        if self.frames.len() <= at {
            self.frames.resize(at + 1, None);
        }
        if let Some(known) = &self.frames[at] {
            return Rc::clone(known);
        }
        let text = frames.text(frame);
        let place = Frame::parse(&text).place;
        let file = place.and_then(|place| Some((self.files.get_mut(place.file)?, place.line)));
        let found = file.map_or_else(Vec::new, |(file, line)| {
            file.is_seen = true;
            let has = |&&at: &&usize| {
                let (first, last) = self.ranges[at].lines;
                first <= line && line <= last
            };
            file.ranges.iter().filter(has).copied().collect()
        });
        let found: Rc<[usize]> = found.into();
        self.frames[at] = Some(Rc::clone(&found));
        found
    }
}

impl Sink for LintCosts {
    type Result = LintShares;

    fn push(&mut self, frame: u32, frames: &Texts) {
        let found = self.ranges_of(frame, frames);
        for &at in &*found {
            let range = &mut self.ranges[at];
            if range.depth == 0 {
                range.began = self.spent;
            }
            range.depth += 1;
        }
        self.stack.push(found);
    }

    fn pop(&mut self) {
        for &at in self.stack.pop().iter().flat_map(|found| &**found) {
            let range = &mut self.ranges[at];
            range.depth = range.depth.saturating_sub(1);
            if range.depth == 0 {
                range.cost += self.spent - range.began;
            }
        }
    }

    fn add(&mut self, cost: u64, _: &Texts) {
        self.spent += cost;
    }

    fn finish(self, _: &Texts, _: Facts) -> LintShares {
        LintShares {
            total: self.spent,
            files: self.files,
            ranges: self.ranges,
        }
    }
}

/// What findings cost.
#[derive(Debug)]
pub struct LintShares {
    total: u64,
    files: HashMap<String, InFile>,
    ranges: Vec<Range>,
}

impl LintShares {
    /// Returns how much of the profile a finding cost. `None` where no frame is in its file: it may not have been
    /// evaluated, or under another path, such as that of its copy in the store.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "a share needs no more than 52 bits"
    )]
    pub fn share(&self, file: &str, it: &Finding) -> Option<f64> {
        let own = self.files.get(file).filter(|own| own.is_seen)?;
        let mut ranges = own.ranges.iter().map(|&at| &self.ranges[at]);
        let range = ranges.find(|range| range.lines == (it.line, it.end_line))?;
        (self.total > 0).then(|| range.cost as f64 / self.total as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::stacks::{Kind, Reader};
    use crate::lint::Rule;

    fn finding(line: u32, end_line: u32) -> Finding {
        Finding {
            line,
            column: 1,
            character: 1,
            end_line,
            rule: Rule::With,
            message: String::new(),
        }
    }

    /// Against a count of the stacks that have a frame in the lines, one by one.
    #[test]
    fn shares_are_those_of_the_stacks() {
        let profile = "/a.nix:1:1:f;/b.nix:2:3:primop map 3\n\
                       /a.nix:1:1:f;/a.nix:5:1:g;/a.nix:6:1:f 4\n\
                       /a.nix:6:2:f 2\n/c.nix:1:1:f 1\n/a.nix:1:1:f;/a.nix:5:1:g;/b.nix:9:9 5\n";
        let findings = [finding(1, 1), finding(5, 6), finding(2, 4), finding(1, 9)];
        let mut costs = LintCosts::default();
        costs.watch("/a.nix", &findings);
        costs.watch("/b.nix", &findings);
        costs.watch("/d.nix", &findings);
        let mut reader = Reader::new(Kind::of(profile.as_bytes()), costs);
        reader.feed(profile.as_bytes());
        let shares = reader.finish();
        for file in ["/a.nix", "/b.nix"] {
            for it in &findings {
                let is_in = |frame: &str| {
                    let mut parts = frame.split(':');
                    let is_file = parts.next() == Some(file);
                    let line = parts.next().and_then(|line| line.parse().ok());
                    is_file && line.is_some_and(|line| (it.line..=it.end_line).contains(&line))
                };
                let cost = profile.lines().map(|stack| {
                    let (frames, count) = stack.rsplit_once(' ').expect("a count");
                    let counts = frames.split(';').any(is_in);
                    count.parse::<u32>().expect("a number") * u32::from(counts)
                });
                let want = f64::from(cost.sum::<u32>()) / 15.0;
                assert_eq!(shares.share(file, it), Some(want), "{file} {it:?}");
            }
        }
        // Nothing is known of a file that no frame is in.
        assert_eq!(shares.share("/d.nix", &findings[0]), None);
    }
}
