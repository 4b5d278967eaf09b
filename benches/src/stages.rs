//! nixlog's own stages, each as far as it goes on a whole log.
//!
//! The log is handed over as [`Blocks`](nixlog_core::wire::block::Blocks) would, in blocks of whole
//! lines that fit into the second-level cache, and as bytes: what checking UTF-8 costs is part of
//! what is measured, although the readers to beat get text that was checked before.

use nixlog_core::analysis::phases::{Phases, phases as analyse};
use nixlog_core::recording::{Pending, Thinning};
use nixlog_core::time::Stamp;
use nixlog_core::timeline::live::Live;
use nixlog_core::timeline::{Timeline, TimelineBuilder};
use nixlog_core::wire::block::BLOCK_SIZE;
use nixlog_core::wire::event::Event;
use nixlog_core::wire::{Body, Line, LogReader};

use crate::baseline::{Checksum, place};

/// Reads every line to an event and adds up what it says, without looking into fields: strings
/// count as they stand in the log, since nixlog leaves their escapes to whoever reads them.
#[must_use]
pub fn events(log: &str) -> Checksum {
    let mut sum = Checksum::default();
    let mut reader = LogReader::new(None);
    for block in blocks(log.as_bytes()) {
        for line in reader.block(block, None) {
            add(&line, &mut sum);
        }
    }
    sum
}

/// Folds every line into a timeline, and leaves it at that.
#[must_use]
pub fn timeline(log: &str) -> TimelineBuilder {
    let mut reader = LogReader::new(None);
    let mut builder = TimelineBuilder::default();
    for block in blocks(log.as_bytes()) {
        for line in reader.block(block, None) {
            builder.push(&line);
        }
    }
    builder
}

/// Follows every line as it is watched live.
#[must_use]
pub fn live(log: &str) -> Live {
    let mut reader = LogReader::new(None);
    let mut live = Live::default();
    for block in blocks(log.as_bytes()) {
        for line in reader.block(block, None) {
            live.push(&line);
        }
    }
    live
}

/// Stamps, thins and collects every line as a recording does before it is compressed; returns how many
/// bytes are left.
#[must_use]
pub fn pending(log: &str) -> usize {
    /// As much as the recorder writes at once.
    const FRAME: usize = 1 << 20;
    let mut pending = Pending::new(Thinning::On);
    let (mut frame, mut n_bytes, mut nanos) = (Vec::new(), 0, 0);
    for block in blocks(log.as_bytes()) {
        // A build at ten thousand lines a second or so.
        nanos += block.len() as u64 * 1000;
        pending.lines(block, Stamp::from_nanos(nanos));
        if pending.len() >= FRAME {
            pending.take(&mut frame);
            n_bytes += frame.len();
        }
    }
    pending.take(&mut frame);
    n_bytes + frame.len()
}

/// The whole way: the timeline, finished, and the phases computed from it.
#[must_use]
pub fn phases(log: &str) -> (Timeline, Phases) {
    let timeline = timeline(log).finish();
    let phases = analyse(&timeline);
    (timeline, phases)
}

/// Cuts a log into blocks of whole lines.
fn blocks(log: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = log;
    std::iter::from_fn(move || {
        let window = &rest[..rest.len().min(BLOCK_SIZE)];
        let end = if window.len() == rest.len() {
            rest.len()
        } else {
            memchr::memrchr(b'\n', window)
                .or_else(|| memchr::memchr(b'\n', rest))
                .map_or(rest.len(), |at| at + 1)
        };
        let (block, later) = rest.split_at(end);
        rest = later;
        (!block.is_empty()).then_some(block)
    })
}

#[inline]
fn add(line: &Line<'_>, sum: &mut Checksum) {
    sum.lines += 1;
    match &line.body {
        Body::Event(event) => {
            sum.events += 1;
            add_event(event, sum);
        }
        Body::Text(_) => {}
        Body::Malformed(..) => sum.unreadable += 1,
        Body::Side(_) => {}
    }
}

#[inline]
fn add_event(event: &Event<'_>, sum: &mut Checksum) {
    match event {
        Event::Progress(progress) => {
            sum.number(place::ACTION, 2);
            sum.number(place::ID, progress.id.0);
            sum.number(place::KIND, 105);
            sum.number(place::FIELD, progress.done);
            sum.number(place::FIELD + 1, progress.expected);
            sum.number(place::FIELD + 2, progress.running);
            sum.number(place::FIELD + 3, progress.failed);
        }
        Event::Result(result) => {
            sum.number(place::ACTION, 2);
            sum.number(place::ID, result.id.0);
            sum.number(place::KIND, u64::from(result.kind.0));
            sum.text(result.fields.raw().len());
        }
        Event::Start(start) => {
            sum.number(place::ID, start.id.0);
            sum.number(place::KIND, u64::from(start.kind.0));
            sum.number(place::LEVEL, u64::from(start.level.0));
            sum.number(place::PARENT, start.parent.map_or(0, |parent| parent.0));
            sum.text(start.text.raw().len());
            sum.text(start.fields.raw().len());
        }
        Event::Stop(id) => {
            sum.number(place::ACTION, 1);
            sum.number(place::ID, id.0);
        }
        Event::Message(message) => {
            sum.number(place::ACTION, 3);
            sum.number(place::LEVEL, u64::from(message.level.0));
            sum.text(message.text.raw().len());
        }
        _ => sum.number(place::ACTION, 4),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline;
    use crate::{Mix, generate, generate_stamped};

    #[test]
    fn the_stages_see_what_the_baseline_sees() {
        for mix in [Mix::Build, Mix::Download, Mix::Escapes] {
            for log in [generate(mix, 1, 600_000), generate_stamped(mix, 1, 600_000)] {
                let (ours, theirs) = (events(&log), baseline::parse(&log));
                assert_eq!(ours.lines, theirs.lines, "{mix:?}");
                assert_eq!(ours.events, theirs.events, "{mix:?}");
                assert_eq!(ours.unreadable, 0, "{mix:?}");
                let (timeline, _) = phases(&log);
                assert_eq!(timeline.facts().lines, theirs.lines, "{mix:?}");
            }
        }
    }
}
