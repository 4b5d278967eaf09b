//! The start of an activity: what it is, what it belongs to, and what it entails.

use super::activity::{Activity, Role, Row};
use super::builder::{Call, Calls, TimelineBuilder};
use super::{evaluation, units};
use crate::ids::ActivityId;
use crate::json_str::JsonStr;
use crate::wire::ansi;
use crate::wire::detail::Detail;
use crate::wire::event::{ActivityKind, Start};
use crate::wire::message::{self, ActivityNote};

/// Tells what an activity is of a kind that is newer than this nixlog: by its title, or else by the
/// first word of it.
pub(super) fn by_words(title: &str) -> (Role, Option<&str>) {
    match by_title(message::activity(title)) {
        (Role::Other, _) => {}
        known => return known,
    }
    let word = title.split(|c: char| !c.is_ascii_alphabetic()).next();
    let word = word.unwrap_or_default().to_ascii_lowercase();
    let begins = |stems: &[&str]| stems.iter().any(|stem| word.starts_with(stem));
    if begins(&["eval", "instantiat", "pars", "lock", "check"]) {
        (Role::EvaluationSign, None)
    } else if begins(&["fetch", "download", "clon", "unpack"]) {
        (Role::InputFetch, Some(title))
    } else if begins(&["copy", "hash", "upload", "send", "add", "import"]) {
        (Role::CopyFrame, None)
    } else {
        (Role::Other, None)
    }
}

/// Tells what an activity is of which only the title speaks, and what it is about.
pub(super) fn by_title(title: ActivityNote<'_>) -> (Role, Option<&str>) {
    match title {
        ActivityNote::EvaluatingDerivation { attr } => (Role::Evaluating, Some(attr)),
        ActivityNote::QueryingMissing => (Role::Handover, None),
        ActivityNote::CopyingToStore { path } | ActivityNote::HashingPath { path } => {
            (Role::SourceImport, Some(path))
        }
        ActivityNote::FetchingGit { uri }
        | ActivityNote::FetchingMercurial { uri }
        | ActivityNote::FetchingInput { uri }
        | ActivityNote::UnpackingIntoGitCache { uri } => (Role::InputFetch, Some(uri)),
        ActivityNote::Submodules => (Role::InputFetch, None),
        ActivityNote::ConnectingTo { machine } => (Role::Connecting, Some(machine)),
        ActivityNote::WaitingForUploadLock { machine } => (Role::UploadLock, Some(machine)),
        ActivityNote::CopyingDependencies { machine } => (Role::Upload, Some(machine)),
        ActivityNote::CopyingOutputs { machine } => (Role::Download, Some(machine)),
        ActivityNote::WaitingForLock { paths } => (Role::WaitLock, Some(paths)),
        ActivityNote::WaitingForMachine { drv } => (Role::WaitMachine, Some(drv)),
        ActivityNote::WaitingForBuildUser { drv } => (Role::WaitUser, Some(drv)),
        title if evaluation::is_activity_sign(&title) => (Role::EvaluationSign, None),
        _ => (Role::Other, None),
    }
}

impl TimelineBuilder {
    /// Takes in the start of an activity.
    pub(super) fn start(&mut self, start: &Start<'_>) {
        let detail = start.detail();
        let parent = start.parent.filter(|&parent| parent != ActivityId::NONE);
        let parent = parent.and_then(|parent| self.activities.find(parent));
        let parent = parent.and_then(|parent| self.owner(parent));
        let mut activity = Activity::new(start.id, parent, self.now, self.facts.events);
        self.describe(&mut activity, start, detail);
        let role = activity.role;
        let (row, replaced) = self.activities.start(activity);
        if replaced.is_some() {
            self.facts.duplicate_start();
        }
        self.links.add(
            row,
            self.activities.get(row),
            start.parent.is_none(),
            &self.names,
        );
        self.started(row, role);
    }

    /// Fills in what the fields and the text say.
    fn describe(&mut self, activity: &mut Activity, start: &Start<'_>, detail: Detail<'_>) {
        match detail {
            Detail::Build { drv, machine } => {
                activity.subject = Some(self.intern(drv));
                activity.source = machine.map(|machine| self.intern(machine));
                activity.outer = if machine.is_none() {
                    self.links.outer(activity, &self.activities)
                } else {
                    None
                };
                activity.role = if activity.outer.is_some() {
                    Role::NestedBuild
                } else {
                    Role::Build
                };
            }
            Detail::Substitute { path, uri } => self.two(activity, Role::Substitute, path, uri),
            Detail::QueryPathInfo { path, uri } => self.two(activity, Role::Query, path, uri),
            Detail::CopyPath { path, from, to } => {
                self.two(activity, Role::CopyPath, path, from);
                activity.target = Some(self.intern(to));
                let substitution = activity
                    .subject
                    .and_then(|path| self.links.substitution(path, &self.activities));
                activity.parent = activity.parent.or(substitution);
            }
            Detail::FileTransfer { uri } => {
                let upload = start.text.raw().starts_with("uploading");
                self.one(
                    activity,
                    if upload {
                        Role::SendFile
                    } else {
                        Role::Transfer
                    },
                    uri,
                );
            }
            Detail::PostBuildHook { drv } => {
                self.one(activity, Role::Hook, drv);
                let text = start.text.decode();
                if let ActivityNote::PostBuildHook { program } =
                    message::activity(&ansi::strip(&text))
                {
                    activity.source = Some(self.names.intern(program));
                }
            }
            Detail::Realise => {
                activity.role = if activity.parent.is_some() {
                    Role::NestedCall
                } else {
                    Role::Call
                };
            }
            Detail::Builds => activity.role = Role::Builds,
            Detail::CopyPaths if start.text.is_empty() => activity.role = Role::Fetches,
            Detail::CopyPaths => activity.role = Role::CopyFrame,
            Detail::OptimiseStore | Detail::VerifyPaths => {
                let optimise = detail == Detail::OptimiseStore;
                activity.role = if optimise {
                    Role::Optimise
                } else {
                    Role::Verify
                };
                activity.subject = Some(self.names.intern("store"));
            }
            Detail::FetchTree => self.one(activity, Role::InputFetch, start.text),
            Detail::FetchToStore { source, .. } => self.one(activity, Role::SourceImport, source),
            Detail::Resolved { drv, resolved } => {
                let pair = (self.intern(drv), self.intern(resolved));
                self.resolved.push(pair);
            }
            Detail::Text | Detail::BuildWaiting | Detail::Other => {
                let is_new = matches!(
                    start.kind,
                    kind if kind == ActivityKind::STRINGLY || kind.name().is_none()
                );
                // A new kind may say what it is in a field.
                let text = match start.fields.first_str() {
                    Some(name) if is_new && start.text.is_empty() => name,
                    _ => start.text,
                };
                self.describe_text(activity, text, is_new);
            }
        }
    }

    /// Finds what an activity is a part of: new kinds, and the evaluator's, frame whole calls.
    fn owner(&self, parent: Row) -> Option<Row> {
        let mut row = parent;
        loop {
            let activity = self.activities.get(row);
            match activity.role {
                Role::Other | Role::Evaluating | Role::EvaluationSign => row = activity.parent?,
                _ => return Some(row),
            }
        }
    }

    fn one(&mut self, activity: &mut Activity, role: Role, subject: JsonStr<'_>) {
        activity.role = role;
        activity.subject = Some(self.intern(subject));
    }

    fn two(
        &mut self,
        activity: &mut Activity,
        role: Role,
        subject: JsonStr<'_>,
        source: JsonStr<'_>,
    ) {
        self.one(activity, role, subject);
        activity.source = Some(self.intern(source));
    }

    /// Fills in an activity that only its text describes.
    fn describe_text(&mut self, activity: &mut Activity, text: JsonStr<'_>, is_new: bool) {
        let decoded = text.decode();
        let plain = ansi::strip(&decoded);
        let (role, subject) = if is_new {
            by_words(&plain)
        } else {
            by_title(message::activity(&plain))
        };
        let subject = match role {
            Role::InputFetch => subject.or(Some(&plain)),
            _ => subject,
        };
        activity.role = role;
        activity.subject = subject.map(|subject| self.names.intern(subject));
    }

    /// Does what the start of an activity entails.
    fn started(&mut self, row: Row, role: Role) {
        let pid = self.activities.get(row).id.pid();
        match role {
            Role::Call => self.evaluation.call_started(self.now),
            Role::Builds => {
                if let Some(counter) = self.counters.add() {
                    self.counts(row, counter, |builder| &mut builder.calls);
                }
            }
            Role::Fetches => {
                if let Some(counter) = self.fetches.add() {
                    self.counts(row, counter, |builder| &mut builder.fetch_calls);
                }
            }
            Role::Build => {
                self.evaluation.store_at_work(self.now);
                let counter = self.calls.counter_of(pid);
                self.activities.get_mut(row).counter = counter;
                if let Some(counter) = counter {
                    self.counters.started(counter, &mut self.activities);
                }
            }
            Role::Substitute => {
                self.evaluation.store_at_work(self.now);
                self.activities.get_mut(row).counter = self.fetch_calls.counter_of(pid);
            }
            Role::Handover => self.evaluation.handover(self.now),
            Role::Query | Role::CopyPath | Role::CopyFrame => {
                self.evaluation.store_at_work(self.now);
            }
            Role::Optimise | Role::Verify => self.evaluation.store_at_work(self.now),
            Role::Transfer => self.transfer_started(row),
            Role::Evaluating | Role::EvaluationSign | Role::SourceImport | Role::InputFetch => {
                self.evaluation.sign();
            }
            _ => {}
        }
    }

    /// Notes that an activity is the counters of a call; those inside a remote builder count apart.
    fn counts(&mut self, row: Row, counter: u32, calls: impl Fn(&mut Self) -> &mut Calls) {
        let activity = self.activities.get_mut(row);
        activity.counter = Some(counter);
        if activity.parent.is_none() {
            let pid = activity.id.pid();
            calls(self).add(Call { pid, row, counter });
        }
    }

    /// Links a file transfer with what it is for. One that is for nothing else is the evaluator's.
    fn transfer_started(&mut self, row: Row) {
        let transfer = self.activities.get(row);
        let parent = transfer.parent.or_else(|| {
            let uri = self.names.text(transfer.subject?);
            self.links.transfer(transfer.id, uri, &self.activities)
        });
        self.activities.get_mut(row).parent = parent;
        match parent {
            Some(parent) if self.activities.get(parent).role == Role::Build => {
                self.activities.get_mut(parent).fetched = true;
            }
            Some(_) => {}
            None if self.is_cache_file(row) => self.evaluation.store_at_work(self.now),
            None => self.evaluation.sign(),
        }
    }

    /// Tells whether a transfer is of a binary cache's own files, and so no input of the evaluator.
    fn is_cache_file(&self, row: Row) -> bool {
        let uri = self
            .activities
            .get(row)
            .subject
            .map_or("", |uri| self.names.text(uri));
        units::is_query(uri) || uri.contains("/nar/")
    }
}
