//! What starts: which of it is to be shown, and what it is a part of.

use super::super::activity::Role;
use super::super::{starts, units};
use super::Live;
use super::build::Build;
use super::model::TaskKind;
use super::open::{Activity, Doing, Kind, Transfer};
use super::ticks::Ticks;
use crate::ids::ActivityId;
use crate::json_str::JsonStr;
use crate::store_path::StorePath;
use crate::wire::ansi;
use crate::wire::detail::Detail;
use crate::wire::event::Start;
use crate::wire::message;

impl Live {
    /// Takes in the start of an activity.
    pub(super) fn start(&mut self, start: &Start<'_>) {
        let id = start.id.0;
        if self.open.has(id) {
            // The log will not say more of the other one.
            self.stop(id);
        }
        let parent = start.parent.filter(|&parent| parent != ActivityId::NONE);
        // What frames whole calls is no part of any: the evaluator's activities, and new kinds.
        let parent = parent.filter(|parent| {
            let kind = self
                .open
                .find(parent.0)
                .and_then(|slot| self.open.kind(slot));
            kind.is_some_and(|kind| !matches!(kind, Kind::Other | Kind::Attribute))
        });
        let kind = self.kind(start, parent);
        let opens = match &kind {
            Kind::Build(build) => Some((
                build.machine.is_some().then(|| build.drv.clone()),
                build.call,
            )),
            _ => None,
        };
        let slot = self.open.add(Activity {
            id,
            since: self.now,
            done: 0,
            expected: 0,
            kind,
        });
        if let Some((remote, call)) = opens {
            self.builds.started += 1;
            if let Some(drv) = remote {
                self.remote.insert(drv, (slot, id));
            }
            if let Some(ticks) = call.and_then(|call| self.open.ticks_mut(call)) {
                ticks.started();
            }
        }
        self.evaluation.forget();
    }

    fn kind(&mut self, start: &Start<'_>, parent: Option<ActivityId>) -> Kind {
        match start.detail() {
            Detail::Build { drv, machine } => {
                self.evaluation.store_at_work(self.now);
                self.build(start.id, &drv.decode(), machine, parent)
            }
            Detail::Substitute { path, uri } => {
                self.evaluation.store_at_work(self.now);
                self.fetches.started += u64::from(parent.is_none());
                task(TaskKind::Substitution, path, Some(uri))
            }
            Detail::CopyPath { path, from, to } => {
                self.evaluation.store_at_work(self.now);
                self.copy(path, from, to, parent)
            }
            Detail::FileTransfer { uri } => self.transfer(start, uri, parent),
            Detail::QueryPathInfo { uri, .. } => {
                self.evaluation.store_at_work(self.now);
                Kind::Query(uri.decode().into())
            }
            Detail::PostBuildHook { drv } => task(TaskKind::PostBuildHook, drv, None),
            Detail::Realise if parent.is_none() => {
                self.evaluation.call_started(self.now);
                self.undecided.clear();
                self.announced.download_bytes = 0;
                self.announced.unpacked_bytes = 0;
                Kind::Call {
                    download: 0,
                    unpacked: 0,
                }
            }
            Detail::Builds if parent.is_none() => {
                self.calls.push((start.id.pid(), start.id.0));
                Kind::Builds(Box::new(Ticks::new(self.announced.builds.take())))
            }
            Detail::CopyPaths if parent.is_none() && start.text.is_empty() => Kind::Fetches {
                failed: 0,
                planned: self.announced.fetches.take(),
            },
            Detail::CopyPaths => {
                self.evaluation.store_at_work(self.now);
                Kind::Other
            }
            Detail::OptimiseStore | Detail::VerifyPaths => {
                self.evaluation.store_at_work(self.now);
                task(TaskKind::Store, start.text, None)
            }
            Detail::FetchTree => {
                self.evaluation.sign();
                task(TaskKind::InputFetch, start.text, None)
            }
            Detail::FetchToStore { source, .. } => {
                self.evaluation.sign();
                task(TaskKind::SourceImport, source, None)
            }
            Detail::Text | Detail::BuildWaiting => self.titled(start.text, false),
            Detail::Other => self.titled(start.text, true),
            _ => Kind::Other,
        }
    }

    fn build(
        &mut self,
        id: ActivityId,
        drv: &str,
        machine: Option<JsonStr<'_>>,
        parent: Option<ActivityId>,
    ) -> Kind {
        // What a remote daemon says of a build hangs below the local call.
        if machine.is_none()
            && parent.is_some()
            && let Some(&(outer, outer_id)) = self.remote.get(drv)
        {
            if let Some(build) = self.open.build_mut(outer, outer_id) {
                build.alive = self.events;
            }
            return Kind::NestedBuild { outer, outer_id };
        }
        let own = self.calls.iter().rev().find(|(pid, _)| *pid == id.pid());
        let call = own.or_else(|| self.calls.last()).map(|&(_, call)| call);
        let machine = machine.map(|machine| machine.decode().into());
        let tail = self.spare.pop().unwrap_or_default();
        Kind::Build(Box::new(Build::new(
            drv,
            machine,
            call,
            self.moment(),
            tail,
        )))
    }

    fn copy(
        &mut self,
        path: JsonStr<'_>,
        from: JsonStr<'_>,
        to: JsonStr<'_>,
        parent: Option<ActivityId>,
    ) -> Kind {
        let path = path.decode();
        let parent = parent.map(|parent| parent.0);
        let mut tasks = self.open.tasks();
        let same = tasks.find(|(activity, doing)| {
            let is_it = parent.is_none_or(|parent| activity.id == parent);
            is_it && doing.kind == TaskKind::Substitution && *doing.subject == *path
        });
        let part_of = same.map(|(activity, _)| activity.id);
        let (from, to) = (from.decode(), to.decode());
        let away = matches!(&*from, "local" | "daemon" | "auto" | "");
        Kind::Task(Box::new(Doing {
            kind: TaskKind::Copy,
            subject: path.into(),
            place: Some(if away { to } else { from }.into()),
            unpacks: part_of.is_some(),
            part_of,
            has_transfer: false,
        }))
    }

    fn transfer(
        &mut self,
        start: &Start<'_>,
        uri: JsonStr<'_>,
        parent: Option<ActivityId>,
    ) -> Kind {
        let uri = uri.decode();
        if start.text.raw().starts_with("uploading") {
            return Kind::Transfer(Transfer::Small);
        }
        if units::is_query(&uri) {
            self.evaluation.store_at_work(self.now);
            // A part of the query, or what is asked of a cache before the first one.
            return match parent {
                Some(_) => Kind::Transfer(Transfer::Small),
                None if uri.ends_with(".narinfo") => Kind::Transfer(Transfer::Small),
                None => Kind::Query(uri.strip_suffix("/nix-cache-info").unwrap_or(&uri).into()),
            };
        }
        let copy = match parent {
            Some(parent) => Some(parent.0).filter(|&id| self.open.task_mut(id).is_some()),
            None if uri.contains("/nar/") => self.copy_before(start.id.0),
            None => None,
        };
        if let Some(doing) = copy.and_then(|id| self.open.task_mut(id)) {
            doing.has_transfer = true;
            if doing.kind == TaskKind::Copy {
                return Kind::Transfer(Transfer::Archive);
            }
        }
        if parent.is_none() && !uri.contains("/nar/") {
            self.evaluation.sign();
        }
        Kind::Task(Box::new(Doing {
            kind: TaskKind::Download,
            subject: uri.into(),
            place: None,
            unpacks: false,
            part_of: None,
            has_transfer: false,
        }))
    }

    /// Finds the copy that was numbered right before a transfer, in logs without parents: the last
    /// one that has no transfer yet.
    fn copy_before(&self, id: u64) -> Option<u64> {
        let copies = self
            .open
            .tasks()
            .filter(|(activity, doing)| doing.kind == TaskKind::Copy && activity.id < id);
        let best = copies.max_by_key(|(activity, doing)| (!doing.has_transfer, activity.id));
        best.map(|(activity, _)| activity.id)
    }

    /// Takes in an activity that only its text describes.
    fn titled(&mut self, text: JsonStr<'_>, is_new: bool) -> Kind {
        let decoded = text.decode();
        let plain = ansi::strip(&decoded);
        let (role, subject) = if is_new {
            starts::by_words(&plain)
        } else {
            starts::by_title(message::activity(&plain))
        };
        let kind = match role {
            Role::Evaluating => {
                self.evaluation.sign();
                self.evaluates(subject.unwrap_or_default());
                return Kind::Attribute;
            }
            Role::Handover => {
                self.evaluation.handover(self.now);
                return Kind::Other;
            }
            Role::EvaluationSign => {
                self.evaluation.sign();
                return Kind::Other;
            }
            Role::InputFetch => TaskKind::InputFetch,
            Role::SourceImport => TaskKind::SourceImport,
            Role::Connecting => TaskKind::Connecting,
            Role::UploadLock => TaskKind::UploadLock,
            Role::Upload => TaskKind::ToMachine,
            Role::Download => TaskKind::FromMachine,
            Role::WaitLock => TaskKind::Lock,
            Role::WaitMachine => TaskKind::Machine,
            Role::WaitUser => TaskKind::BuildUser,
            _ => return Kind::Other,
        };
        if matches!(kind, TaskKind::InputFetch | TaskKind::SourceImport) {
            self.evaluation.sign();
        }
        let subject = subject.unwrap_or(&plain);
        // The lock is on several paths where a derivation has several outputs; one will do.
        let subject = match kind {
            TaskKind::Lock => first_quoted(subject),
            _ => subject,
        };
        Kind::Task(Box::new(Doing {
            kind,
            subject: subject.into(),
            place: None,
            unpacks: false,
            part_of: None,
            has_transfer: false,
        }))
    }
}

/// Makes something to show of a field.
fn task(kind: TaskKind, subject: JsonStr<'_>, place: Option<JsonStr<'_>>) -> Kind {
    Kind::Task(Box::new(Doing {
        kind,
        subject: subject.decode().into(),
        place: place.map(|place| place.decode().into()),
        unpacks: false,
        part_of: None,
        has_transfer: false,
    }))
}

/// Returns the first of a list of paths in quotes.
fn first_quoted(list: &str) -> &str {
    let mut parts = list.split(['\'', '"']).map(str::trim);
    parts
        .find(|part| StorePath::parse(part.trim_end_matches(".lock")).is_some())
        .unwrap_or(list)
}
