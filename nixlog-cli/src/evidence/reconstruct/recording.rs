//! A session as a recording: the events that Nix would have written, as far as the store tells of them.

use std::collections::BTreeMap;
use std::io::{self, Write as _};

use nixlog_core::analysis::reconstruction::{Known as Certain, Moment, Run, Session, Subject};
use nixlog_core::graph::{Direction, NodeIdx, closure};
use nixlog_core::recording::{
    Certainty, DerivationRecord, End, FORMAT, Header, MARK, PathInfoRecord, SideLine, UnitRecord,
};
use nixlog_core::timeline::{Outcome, UnitKind};
use serde_json::json;

use super::collect::Known;
use crate::archive::recorder;
use crate::nix::logs;
use crate::nix::store::Store;

/// How many of the last lines of a failed build are kept. Nix shows ten (25 since 2.26).
const TAIL: usize = 25;

/// What happens at an instant; at the same one, ends come before starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Stop,
    Start,
    /// The start and the stop of what has only one of the two.
    Both,
}

/// Writes a session as a recording, not compressed, under the id of a run if it becomes one.
pub(super) fn write(
    store: &Store,
    known: &Known,
    session: &Session,
    command: &[String],
    id: Option<&str>,
) -> io::Result<Vec<u8>> {
    let mut writer = Writer {
        out: Vec::new(),
        store,
        known,
        start: session.start,
    };
    writer.header(session, command, id)?;
    writer.derivations(session)?;
    writer.path_infos(session)?;
    let mut steps = Vec::new();
    for (place, run) in session.runs.iter().enumerate() {
        match (run.start, run.end) {
            (Some(start), Some(end)) if start.at < end.at => {
                steps.push((start.at, Step::Start, place));
                steps.push((end.at, Step::Stop, place));
            }
            (Some(start), None) => steps.push((start.at, Step::Start, place)),
            (_, Some(end)) => steps.push((end.at, Step::Both, place)),
            (None, None) => {}
        }
    }
    steps.sort_unstable();
    for (at, step, place) in steps {
        let run = &session.runs[place];
        if step != Step::Stop {
            writer.start(at, place, run)?;
        }
        if step != Step::Start {
            writer.stop(at, place, run)?;
        }
    }
    let end = End {
        duration_ns: writer.since_start(session.end),
        ..End::default()
    };
    writer.side(session.end, &SideLine::End(end))?;
    Ok(writer.out)
}

struct Writer<'a> {
    out: Vec<u8>,
    store: &'a Store,
    known: &'a Known,
    start: i64,
}

/// Numbers activities from 1: Nix's 0 is none.
fn id(place: usize) -> u64 {
    place as u64 + 1
}

impl Writer<'_> {
    fn since_start(&self, at: i64) -> u64 {
        at.abs_diff(self.start.min(at))
    }

    fn header(
        &mut self,
        session: &Session,
        command: &[String],
        id: Option<&str>,
    ) -> io::Result<()> {
        let mut header = Header {
            format: FORMAT,
            nixlog_version: env!("CARGO_PKG_VERSION").to_owned(),
            id: id.map(str::to_owned),
            via: "reconstruct".to_owned(),
            clock: "reconstructed".to_owned(),
            command: command.to_owned(),
            ..Header::default()
        };
        recorder::set_start(&mut header, Some(session.start));
        self.side(session.start, &SideLine::Header(Box::new(header)))
    }

    /// Writes what was built and all that it needs.
    fn derivations(&mut self, session: &Session) -> io::Result<()> {
        let graph = &self.known.graph;
        let built = session.runs.iter().filter_map(|run| match run.subject {
            Subject::Derivation(node) => Some(node.0),
            Subject::Path(_) => None,
        });
        let built: Vec<u32> = built.collect();
        for node in closure(graph.dag(), &built, Direction::Dependencies) {
            let base = graph.base_name(NodeIdx(node));
            if let Some(file) = self.known.files.get(base) {
                let record = DerivationRecord::new(self.store.path(base), file);
                self.side(self.start, &SideLine::Derivation(record))?;
            }
        }
        Ok(())
    }

    fn path_infos(&mut self, session: &Session) -> io::Result<()> {
        let known = self.known;
        let infos: BTreeMap<&str, _> = known
            .infos
            .iter()
            .map(|info| (nixlog_core::store_path::base_name(&info.path), info))
            .collect();
        for run in &session.runs {
            let Subject::Path(path) = &run.subject else {
                continue;
            };
            if let Some(info) = infos.get(&**path) {
                let record = PathInfoRecord {
                    path: (&*info.path).into(),
                    nar_bytes: info.nar_bytes,
                    references: info
                        .references
                        .iter()
                        .map(|path| (&**path).into())
                        .collect(),
                    deriver: info.deriver.as_deref().map(Into::into),
                };
                self.side(self.start, &SideLine::PathInfo(record))?;
            }
        }
        Ok(())
    }

    fn start(&mut self, at: i64, place: usize, run: &Run) -> io::Result<()> {
        let (text, kind, fields) = match &run.subject {
            Subject::Derivation(node) => {
                let path = self.store.path(self.known.graph.base_name(*node));
                (format!("building '{path}'"), 105, json!([path, "", 1, 1]))
            }
            Subject::Path(base) => {
                let path = self.store.path(base);
                (format!("fetching '{path}'"), 108, json!([path, ""]))
            }
        };
        let start = json!({
            "action": "start", "id": id(place), "level": 3, "parent": 0,
            "text": text, "type": kind, "fields": fields,
        });
        self.event(at, &start)?;
        let failed = run.outcome == Outcome::Failed;
        let record = UnitRecord {
            activity: id(place),
            start: certainty(run.start),
            end: certainty(run.end),
            outcome: run.outcome.name().into(),
            reason: failed.then(|| "its outputs are not in the store".into()),
            fault: run.fault.map(|fault| fault.code().into()),
            nar_bytes: run.nar_bytes.filter(|_| run.kind == UnitKind::Substitution),
        };
        self.side(at, &SideLine::Unit(record))
    }

    fn stop(&mut self, at: i64, place: usize, run: &Run) -> io::Result<()> {
        if let (Outcome::Failed, Subject::Derivation(node)) = (run.outcome, &run.subject)
            && let Some(log) = self.known.logs.get(node)
            && let Ok(text) = logs::read(log, TAIL)
        {
            // Their times mean nothing, and are not read as any.
            for phase in text.phases {
                let phase =
                    json!({"action": "result", "fields": [phase], "id": id(place), "type": 104});
                self.event(at, &phase)?;
            }
            for line in text.tail {
                let line =
                    json!({"action": "result", "fields": [line], "id": id(place), "type": 101});
                self.event(at, &line)?;
            }
        }
        self.event(at, &json!({"action": "stop", "id": id(place)}))
    }

    fn event(&mut self, at: i64, event: &serde_json::Value) -> io::Result<()> {
        let stamp = self.since_start(at);
        writeln!(self.out, "{stamp} @nix {event}")
    }

    fn side(&mut self, at: i64, line: &SideLine<'_>) -> io::Result<()> {
        let stamp = self.since_start(at);
        write!(self.out, "{stamp} {MARK}")?;
        line.write(&mut self.out)?;
        self.out.push(b'\n');
        Ok(())
    }
}

fn certainty(moment: Option<Moment>) -> Certainty {
    match moment.map(|moment| moment.known) {
        Some(Certain::Measured) => Certainty::Measured,
        Some(Certain::Second | Certain::Estimated) => Certainty::Inferred,
        None => Certainty::Unknown,
    }
}
