//! What a reconstruction says of single units, which its synthetic lines cannot.

use super::issue::{Issue, IssueCode, Severity};
use super::model::{End, Outcome, Part, Reason, Stretch, Unit, UnitKind};
use crate::recording::{Certainty, UnitRecord};

/// What a side line says of one unit.
#[derive(Debug, Clone)]
pub(super) struct ToldUnit {
    start: Certainty,
    end: Certainty,
    outcome: Outcome,
    reason: Option<String>,
    fault: Option<String>,
    nar_bytes: Option<u64>,
}

impl ToldUnit {
    pub(super) fn new(record: &UnitRecord<'_>) -> Self {
        Self {
            start: record.start,
            end: record.end,
            outcome: match &*record.outcome {
                "succeeded" => Outcome::Succeeded,
                "failed" => Outcome::Failed,
                _ => Outcome::Unknown,
            },
            reason: record.reason.as_deref().map(str::to_owned),
            fault: record.fault.as_deref().map(str::to_owned),
            nar_bytes: record.nar_bytes,
        }
    }

    /// Corrects what the lines alone make of a unit.
    pub(super) fn apply(&self, unit: &mut Unit) {
        if self.start == Certainty::Unknown {
            unit.start = None;
            unit.stretches.clear();
        }
        if unit.end_kind == End::Measured {
            unit.end_kind = match (self.start, self.end) {
                (_, Certainty::Unknown) => End::Unknown,
                // How long it took is as uncertain as either.
                (Certainty::Inferred, _) | (_, Certainty::Inferred) => End::Inferred,
                _ => End::Measured,
            };
        }
        unit.outcome = self.outcome;
        unit.reason = self.reason.as_ref().map(|text| {
            Box::new(Reason {
                text: text.clone(),
                ..Reason::default()
            })
        });
        unit.nar_bytes = self.nar_bytes.or(unit.nar_bytes);
        if unit.kind == UnitKind::Substitution {
            // Nobody remembers where it came from; it was unpacked while it came.
            (unit.source, unit.target) = (None, None);
            let download = |interval| Stretch {
                interval,
                part: Part::Downloads,
            };
            unit.stretches = unit.interval().map(download).into_iter().collect();
        }
    }
}

/// What each fault of a reconstruction means, worst first.
const FAULTS: [(IssueCode, &str); 7] = [
    (
        IssueCode::EarlierTry,
        "builds whose log an earlier try had made, so that its age says nothing: their starts are estimated, \
         and may have been later",
    ),
    (
        IssueCode::BuiltAgain,
        "builds of what was there already, into the same log: when they started is not known",
    ),
    (
        IssueCode::NoBirth,
        "builds whose start is not known: the file system does not tell when a log was made",
    ),
    (
        IssueCode::CopiedLog,
        "builds whose log was copied here from elsewhere: its age says nothing of the build",
    ),
    (
        IssueCode::NoLog,
        "builds without a log: only the second in which they were registered is known",
    ),
    (
        IssueCode::UnfinishedLog,
        "builds whose log was never finished: they still run, or Nix was killed",
    ),
    (
        IssueCode::NoStart,
        "paths from elsewhere whose start is not known: only the second in which they were registered is",
    ),
];

/// What a reader of a reconstruction should know.
pub(super) fn issues<'a>(told: impl Iterator<Item = &'a ToldUnit>) -> Vec<Issue> {
    let told: Vec<&ToldUnit> = told.collect();
    let issue = |severity, code, count, message: &str| Issue {
        severity,
        code,
        count,
        first_line: None,
        message: message.to_owned(),
    };
    let with = |fault: &str| {
        let with = told
            .iter()
            .filter(|told| told.fault.as_deref() == Some(fault));
        with.count() as u64
    };
    let faults = FAULTS
        .iter()
        .map(|&(code, message)| (code, with(code.name()), message));
    let mut issues: Vec<Issue> = faults
        .filter(|&(_, count, _)| count > 0)
        .map(|(code, count, message)| issue(Severity::Warning, code, count, message))
        .collect();
    let message = "reconstructed from the store: it knows builds and what was fetched, but no evaluation, no \
                   waiting, no questions to caches, and builder phases only by name";
    issues.push(issue(Severity::Info, IssueCode::Reconstructed, 1, message));
    issues
}

#[cfg(test)]
mod tests {
    use super::super::{Timeline, TimelineBuilder};
    use super::*;
    use crate::wire::LogReader;

    /// Reads a reconstruction of a build and a substitution, with what side lines say of them.
    fn timeline(build: &str, substitution: &str) -> Timeline {
        let log = format!(
            r#"0 @nixlog {{"type":"header","format":1,"clock":"reconstructed"}}
0 @nix {{"action":"start","fields":["/nix/store/7ajh8plhm64ypnph30js1a3lq6zsyxqr-a.drv","",1,1],"id":1,"level":3,"parent":0,"text":"","type":105}}
0 @nixlog {{"type":"unit","activity":1,{build}}}
5 @nix {{"action":"result","fields":["buildPhase"],"id":1,"type":104}}
5 @nix {{"action":"stop","id":1}}
7 @nix {{"action":"start","fields":["/nix/store/6ajh8plhm64ypnph30js1a3lq6zsyxqr-b",""],"id":2,"level":3,"parent":0,"text":"","type":108}}
7 @nixlog {{"type":"unit","activity":2,{substitution}}}
7 @nixlog {{"type":"unit","activity":9,"outcome":"failed"}}
9 @nix {{"action":"stop","id":2}}
"#
        );
        let mut reader = LogReader::new(None);
        let mut builder = TimelineBuilder::default();
        for line in reader.block(log.as_bytes(), None) {
            builder.push(&line);
        }
        for line in reader.finish() {
            builder.push(&line);
        }
        builder.finish()
    }

    fn found(timeline: &Timeline, kind: UnitKind) -> &Unit {
        let found = timeline.units().iter().find(|unit| unit.kind == kind);
        found.expect("the log has one")
    }

    #[test]
    fn what_is_measured_stays() {
        let timeline = timeline(
            r#""start":"measured","end":"measured","outcome":"succeeded""#,
            r#""start":"measured","end":"measured","outcome":"succeeded","nar_bytes":120"#,
        );
        let build = found(&timeline, UnitKind::Build);
        assert_eq!(build.duration().map(|took| took.get()), Some(5));
        assert_eq!(
            (build.end_kind, build.outcome),
            (End::Measured, Outcome::Succeeded)
        );
        assert!(build.phases.len() == 1 && build.phases[0].interval.is_none());
        let fetched = found(&timeline, UnitKind::Substitution);
        assert_eq!((fetched.nar_bytes, fetched.wire_bytes), (Some(120), None));
        assert_eq!(
            (fetched.source, fetched.outcome),
            (None, Outcome::Succeeded)
        );
        assert_eq!(fetched.stretches.len(), 1);
        assert_eq!(fetched.stretches[0].part, Part::Downloads);
        assert!(timeline.is_reconstructed());
        let kinds: Vec<_> = timeline.units().iter().map(|unit| unit.kind).collect();
        assert!(!kinds.contains(&UnitKind::Evaluation), "{kinds:?}");
    }

    #[test]
    fn what_is_not_known_has_no_length() {
        let timeline = timeline(
            r#""start":"inferred","end":"measured","outcome":"failed","reason":"no outputs","fault":"earlier-try""#,
            r#""start":"unknown","end":"inferred","outcome":"succeeded","fault":"no-start""#,
        );
        let build = found(&timeline, UnitKind::Build);
        assert_eq!(
            (build.end_kind, build.outcome),
            (End::Inferred, Outcome::Failed)
        );
        assert_eq!(
            build.reason.as_deref().map(|reason| &*reason.text),
            Some("no outputs")
        );
        let fetched = found(&timeline, UnitKind::Substitution);
        assert_eq!((fetched.start, fetched.duration()), (None, None));
        assert!(fetched.end.is_some() && fetched.stretches.is_empty());
        let codes: Vec<_> = timeline.issues().iter().map(|issue| issue.code).collect();
        for code in [
            IssueCode::EarlierTry,
            IssueCode::NoStart,
            IssueCode::Reconstructed,
        ] {
            assert!(codes.contains(&code), "{codes:?}");
        }
        assert!(
            !codes.iter().any(|code| code.name().starts_with("end-")),
            "{codes:?}"
        );
    }
}
