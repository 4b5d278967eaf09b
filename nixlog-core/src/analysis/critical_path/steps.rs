//! The critical path in steps, as people tell it: what waited, and then what was done.

use std::collections::BTreeMap;

use super::super::lanes::CriticalStep;
use super::{CriticalPath, Segment, Wait};
use crate::time::{Interval, Nanos, Stamp};
use crate::timeline::{Part, Timeline, UnitKind};

/// A unit on the path, and what it waited for before it started. Queries that follow each other are
/// one step. The waits and times of all steps add up to the wall time.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step {
    /// When it became ready: when the step before it ended.
    pub ready: Stamp,
    /// The first of its units, as an index into [`Timeline::units`]; `None` for what was waited for at
    /// the end of the log, with nothing after it.
    pub unit: Option<usize>,
    /// How many units the step consists of.
    pub n_units: usize,
    /// What its work counts as first; `None` where it only waits.
    pub part: Option<Part>,
    /// For how long it was at work.
    pub took: Nanos,
    /// For how long it waited, by reason, and which unit ended the longest of these waits.
    pub waits: BTreeMap<Wait, (Nanos, Option<usize>)>,
    /// How many units there are of which any may have been at work; zero where it is known.
    pub candidates: usize,
    /// Its segments, as a range of [`CriticalPath::segments`].
    pub segments: std::ops::Range<usize>,
}

impl Step {
    const fn new(ready: Stamp, segment: usize) -> Self {
        Self {
            ready,
            unit: None,
            n_units: 0,
            part: None,
            took: Nanos::ZERO,
            waits: BTreeMap::new(),
            candidates: 0,
            segments: segment..segment,
        }
    }

    /// Returns for how long it waited.
    #[must_use]
    pub fn waited(&self) -> Nanos {
        self.waits.values().map(|&(wait, _)| wait).sum()
    }

    fn wait(&mut self, wait: Wait, segment: &Segment) {
        let (time, unit) = self.waits.entry(wait).or_default();
        *time += segment.interval.length();
        // The wait goes on until the last of those that it waited for made room.
        *unit = segment.unit.or(*unit);
    }
}

impl CriticalPath {
    /// Joins the segments into steps, in the order of time.
    #[must_use]
    pub fn steps(&self, timeline: &Timeline) -> Vec<Step> {
        let is_query = |unit: Option<usize>| {
            unit.is_some_and(|unit| timeline.units()[unit].kind == UnitKind::Query)
        };
        let mut steps: Vec<Step> = Vec::new();
        for (place, segment) in self.segments.iter().enumerate() {
            let open = steps.last().filter(|step| match segment.wait {
                _ if step.candidates > 0 => false,
                // It comes after what was waited for, but is nobody's work.
                None if segment.candidates > 0 => step.part.is_none(),
                // A wait belongs to what comes after it, or to a unit that goes on after it.
                Some(_) => step.unit.is_none() || goes_on(&self.segments[place..], step.unit),
                None => {
                    step.unit.is_none()
                        || step.unit == segment.unit
                        || (is_query(step.unit) && is_query(segment.unit))
                }
            });
            if open.is_none() {
                steps.push(Step::new(segment.interval.start(), place));
            }
            let Some(step) = steps.last_mut() else {
                continue;
            };
            step.segments.end = place + 1;
            match segment.wait {
                Some(wait) => step.wait(wait, segment),
                None => {
                    step.took += segment.interval.length();
                    step.candidates = segment.candidates;
                    // Copying to a machine and the like may be of no unit that is known.
                    let is_other = segment.unit.is_some() && segment.unit != step.unit;
                    step.n_units += usize::from(is_other);
                    step.part = step.part.or(Some(segment.part));
                    step.unit = step.unit.or(segment.unit);
                }
            }
        }
        steps
    }
}

impl CriticalPath {
    /// Returns the path as a chart draws it: each unit in one piece, and between two of them the waits,
    /// one for each reason.
    #[must_use]
    pub fn chart(&self, timeline: &Timeline) -> Vec<CriticalStep> {
        let mut chart: Vec<CriticalStep> = Vec::new();
        for segment in &self.segments {
            let unit = segment.unit.filter(|_| segment.wait.is_none());
            let same = |last: &&mut CriticalStep| (last.unit, last.reason) == (unit, segment.wait);
            let last = chart.last_mut().filter(same);
            let whole = last
                .as_ref()
                .and_then(|last| Interval::new(last.interval.start(), segment.interval.end()));
            match last.zip(whole) {
                Some((last, whole)) => last.interval = whole,
                None => chart.push(CriticalStep {
                    interval: segment.interval,
                    unit,
                    label: segment.wait.map_or("", Wait::words).to_owned(),
                    kind: unit.map(|unit| timeline.units()[unit].kind),
                    reason: segment.wait,
                }),
            }
        }
        chart
    }
}

/// Tells whether the next work in the segments is that of the same unit: it waited in between.
fn goes_on(segments: &[Segment], unit: Option<usize>) -> bool {
    let next = segments.iter().find(|segment| segment.wait.is_none());
    unit.is_some() && next.is_some_and(|next| next.unit == unit)
}
