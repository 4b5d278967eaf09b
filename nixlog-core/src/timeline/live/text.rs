//! Logs for people: what starts is told, and nothing else.

use super::super::activity::Role;
use super::super::starts;
use super::{Live, TaskKind};
use crate::time::Stamp;
use crate::wire::human::{HumanEvent, HumanReader};
use crate::wire::message::ActivityNote;

/// What a log for people has told.
#[derive(Debug, Default)]
pub(super) struct TextLog {
    reader: HumanReader,
    latest: Option<Started>,
    /// When anything was last said.
    last_line: Option<Stamp>,
}

#[derive(Debug)]
struct Started {
    /// `None` for a build.
    kind: Option<TaskKind>,
    subject: Box<str>,
    since: Option<Stamp>,
}

/// What a log for people says has started last. Whether it is still under way, no line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Latest<'a> {
    /// What it is; `None` for a build.
    pub kind: Option<TaskKind>,
    /// What it is about.
    pub subject: &'a str,
    /// When it started.
    pub since: Option<Stamp>,
    /// When the log last said anything.
    pub last_line: Option<Stamp>,
}

impl Live {
    /// Returns what a log for people says has started last.
    #[must_use]
    pub fn latest(&self) -> Option<Latest<'_>> {
        let latest = self.text.latest.as_ref().filter(|_| self.is_text())?;
        Some(Latest {
            kind: latest.kind,
            subject: &latest.subject,
            since: latest.since,
            last_line: self.text.last_line,
        })
    }

    /// Tells whether this is a log for people.
    pub(super) fn is_text(&self) -> bool {
        self.events == 0 && self.text.latest.is_some()
    }

    /// Takes in a line that is no record.
    pub(super) fn plain(&mut self, text: &str) {
        self.text.last_line = self.now;
        let mut reader = std::mem::take(&mut self.text.reader);
        reader.line(text, &mut |event| self.human(event));
        self.text.reader = reader;
    }

    fn human(&mut self, event: HumanEvent<'_>) {
        match event {
            HumanEvent::Note(note) => self.note(&note),
            HumanEvent::Activity(title) => self.title(title),
            HumanEvent::SystemConfiguration => self.evaluation.sign(),
            _ => {}
        }
        self.evaluation.forget();
    }

    fn title(&mut self, title: ActivityNote<'_>) {
        let (kind, subject) = match title {
            ActivityNote::Building { drv, .. }
            | ActivityNote::Checking { drv, .. }
            | ActivityNote::Repairing { drv, .. } => {
                self.evaluation.handover(self.now);
                (None, drv)
            }
            ActivityNote::CopyingPath { path, to: None, .. } => {
                self.evaluation.store_at_work(self.now);
                (Some(TaskKind::Substitution), path)
            }
            title => match starts::by_title(title) {
                (Role::InputFetch, Some(subject)) => {
                    self.evaluation.sign();
                    (Some(TaskKind::InputFetch), subject)
                }
                (Role::SourceImport, Some(subject)) => {
                    self.evaluation.sign();
                    (Some(TaskKind::SourceImport), subject)
                }
                (Role::Handover, _) => return self.evaluation.handover(self.now),
                (Role::Evaluating | Role::EvaluationSign, _) => return self.evaluation.sign(),
                _ => return,
            },
        };
        if self.events > 0 {
            // Somebody else's, among the events of this log.
            return;
        }
        match kind {
            None => self.builds.started += 1,
            Some(TaskKind::Substitution) => self.fetches.started += 1,
            Some(_) => {}
        }
        self.text.latest = Some(Started {
            kind,
            subject: subject.into(),
            since: self.now,
        });
    }
}
