//! What is made of a log while it is read: the timeline, and what a recording says beside it.

use nixlog_core::drv::{Derivation, PathInfo};
use nixlog_core::graph::GraphBuilder;
use nixlog_core::recording::{Contents, SideLine};
use nixlog_core::time::Stamp;
use nixlog_core::timeline::{Timeline, TimelineBuilder};
use nixlog_core::wire::block::Block;
use nixlog_core::wire::{Body, Line, LogReader};

/// A log that is being read.
pub(crate) struct Session {
    pub(crate) reader: LogReader,
    builder: TimelineBuilder,
    pub(crate) contents: Contents,
    /// The derivations of a recording.
    pub(crate) graph: GraphBuilder,
}

impl Session {
    pub(crate) fn new(reader: LogReader) -> Self {
        Self {
            reader,
            builder: TimelineBuilder::default(),
            contents: Contents::default(),
            graph: GraphBuilder::default(),
        }
    }

    /// Takes in whole lines; `each` sees those that are lines of the log.
    pub(crate) fn block(
        &mut self,
        block: &Block,
        arrival: Option<Stamp>,
        mut each: impl FnMut(&Line<'_>),
    ) {
        for line in self.reader.checked_block(block, arrival) {
            self.builder.push(&line);
            match line.body {
                Body::Side(json) => side(json, &mut self.contents, &mut self.graph),
                _ => each(&line),
            }
        }
    }

    /// Takes in what the reader still holds back.
    pub(crate) fn end(&mut self, mut each: impl FnMut(&Line<'_>)) {
        for line in self.reader.finish() {
            self.builder.push(&line);
            each(&line);
        }
    }

    /// Says when the command ended, or its log.
    pub(crate) fn ends_at(&mut self, end: Stamp) {
        self.builder.ends_at(end);
    }

    /// Returns what came of it; the reader, the recording's words and its derivations come apart.
    pub(crate) fn finish(self) -> (Timeline, LogReader, Contents, GraphBuilder) {
        let timeline = self.builder.finish();
        (timeline, self.reader, self.contents, self.graph)
    }
}

/// Takes in a side line of a recording.
fn side(json: &str, contents: &mut Contents, graph: &mut GraphBuilder) {
    match contents.push(json) {
        Some(SideLine::Derivation(record)) => {
            let file = record.file();
            let parsed = file
                .as_deref()
                .and_then(|file| Derivation::parse(file).ok());
            match parsed {
                Some(derivation) => {
                    graph.add_derivation(&record.path, &derivation);
                }
                None => contents.unreadable += 1,
            }
        }
        Some(SideLine::PathInfo(record)) => {
            graph.add_path_info(&PathInfo::new(
                record.path,
                record.nar_bytes,
                record.references,
                record.deriver,
            ));
        }
        _ => {}
    }
}
