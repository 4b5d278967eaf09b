//! What a log says of caches apart from its units: requests that were repeated or that failed, paths that
//! were refused, and stretches in which nothing arrived.

use super::Map;
use super::activity::{Activities, Activity, Role, Row};
use super::model::{Name, Names};
use crate::names::named;
use crate::time::{Interval, Nanos, Stamp};
use crate::wire::message::{Note, TransferFault};

/// From when on a download of which nothing arrives has stalled.
const STALL: Nanos = Nanos::new(5_000_000_000);

named! {
    /// What was wrong with what a cache did.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    #[non_exhaustive]
    pub enum CacheFault {
        /// No connection: no such host, nobody listens.
        Unreachable = "unreachable",
        /// No answer in time, or it stopped coming.
        TimedOut = "timed-out",
        /// A status from 400 to 499.
        ClientError = "http-4xx",
        /// A status from 500 on.
        ServerError = "http-5xx",
        /// The connection broke off, or the archive was incomplete.
        Truncated = "truncated",
        /// No signature by a trusted key.
        NotSigned = "not-signed",
        /// Not the contents that the cache promised.
        HashMismatch = "hash-mismatch",
        /// It sent another path than the one asked for.
        WrongPath = "wrong-path",
        /// It is for stores in another folder.
        WrongStore = "wrong-store",
        /// Nix did not use it any more, after other failures.
        Disabled = "disabled",
        /// The user may not use it.
        Untrusted = "untrusted",
        /// Something else.
        Other = "other",
    }
}

impl From<TransferFault> for CacheFault {
    fn from(fault: TransferFault) -> Self {
        match fault {
            TransferFault::Http(status) if status < 500 => Self::ClientError,
            TransferFault::Http(_) => Self::ServerError,
            TransferFault::TimedOut => Self::TimedOut,
            TransferFault::Unreachable => Self::Unreachable,
            TransferFault::Truncated => Self::Truncated,
            TransferFault::Other => Self::Other,
        }
    }
}

/// What happened with a cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CacheEvent {
    /// A transfer failed, and Nix tried it again.
    Retried(CacheFault),
    /// A transfer failed for good, or what came was refused.
    Failed(CacheFault),
    /// A transfer ended with this HTTP status; only told at `-vvv`.
    Answered(u64),
    /// Nix did not use the cache for some time after a failure.
    Disabled,
    /// Nothing arrived although the transfer had begun, for at least five seconds.
    Stalled(Interval),
}

/// What a log says of a cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct CacheRemark {
    /// What happened.
    pub event: CacheEvent,
    /// Which cache, as units name it; `None` where the log does not tell.
    pub cache: Option<Name>,
    /// The store path that it was about.
    pub path: Option<Name>,
    /// The file that it was about, where it was about one.
    pub file: Option<Name>,
    /// It was about a question, not about a download.
    pub is_query: bool,
}

/// What one message said.
#[derive(Debug)]
struct Said {
    event: CacheEvent,
    cache: Option<Name>,
    path: Option<Name>,
    file: Option<Name>,
    /// So many activities had started by then.
    before: Row,
}

/// Collects what is said of caches.
#[derive(Debug, Default)]
pub(super) struct Caches {
    said: Vec<Said>,
    stalls: Vec<(Row, Interval)>,
}

impl Caches {
    /// Takes in one message, by when so many activities had started.
    pub(super) fn note(&mut self, note: &Note<'_>, names: &mut Names, before: Row) {
        let failed = CacheEvent::Failed;
        let (event, cache, path, file) = match *note {
            Note::DownloadFailed {
                uri,
                retrying,
                fault,
            } => {
                let event = match retrying {
                    true => CacheEvent::Retried(fault.into()),
                    false => failed(fault.into()),
                };
                (event, None, None, Some(uri))
            }
            Note::DownloadFinished {
                uri,
                http_status: Some(status),
                ..
            } => (CacheEvent::Answered(status), None, None, Some(uri)),
            Note::CacheDisabled { uri, .. } => (CacheEvent::Disabled, Some(uri), None, None),
            Note::NotSigned { path, uri } => (failed(CacheFault::NotSigned), uri, Some(path), None),
            Note::IncompleteNar { path, uri } => {
                (failed(CacheFault::Truncated), Some(uri), Some(path), None)
            }
            Note::HashMismatchImporting { path } => {
                (failed(CacheFault::HashMismatch), None, Some(path), None)
            }
            Note::WrongPath { uri, path } => {
                (failed(CacheFault::WrongPath), Some(uri), Some(path), None)
            }
            Note::WrongStoreDir { uri } => (failed(CacheFault::WrongStore), Some(uri), None, None),
            Note::UntrustedSubstituter { uri } => {
                (failed(CacheFault::Untrusted), Some(uri), None, None)
            }
            _ => return,
        };
        let mut name = |text: Option<&str>| text.map(|text| names.intern(text));
        self.said.push(Said {
            event,
            cache: name(cache),
            path: name(path),
            file: name(file),
            before,
        });
    }

    /// Notes that something of a transfer arrived again, at last.
    #[cold]
    pub(super) fn stalled(&mut self, row: Row, stall: Interval) {
        self.stalls.push((row, stall));
    }

    /// Finds out which cache and which path each remark is about.
    pub(super) fn remarks(
        &self,
        activities: &Activities,
        names: &Names,
        last: Option<Stamp>,
    ) -> Vec<CacheRemark> {
        let mut remarks = Vec::new();
        if !self.said.is_empty() {
            let rows = Rows::new(activities, self);
            let mut seen = super::Set::default();
            for said in &self.said {
                let (remark, row) = rows.remark(said, names);
                // Nix says some of it twice; tries are all told apart.
                let again = !seen.insert((remark, row));
                if !again || matches!(said.event, CacheEvent::Retried(_)) {
                    remarks.push(remark);
                }
            }
        }
        let unfinished = (0..).zip(activities.rows()).filter_map(|(row, transfer)| {
            let is_whole = transfer.expected > 0 && transfer.done >= transfer.expected;
            let is_transfer = transfer.role == Role::Transfer && !is_whole;
            let stall = stall(transfer, transfer.end(last)).filter(|_| is_transfer)?;
            Some((row, stall))
        });
        for (row, stall) in self.stalls.iter().copied().chain(unfinished) {
            let transfer = activities.get(row);
            let owner = owner(activities, transfer);
            remarks.push(CacheRemark {
                event: CacheEvent::Stalled(stall),
                cache: owner.and_then(|owner| owner.source),
                path: owner.and_then(|owner| owner.subject),
                file: transfer.subject,
                is_query: owner.is_some_and(|owner| owner.role == Role::Query),
            });
        }
        remarks
    }
}

/// Returns since when nothing has arrived of a transfer that has begun, if that is long ago.
#[inline]
pub(super) fn stall(transfer: &Activity, now: Option<Stamp>) -> Option<Interval> {
    let (since, now) = (transfer.moved?, now?);
    (now.since(since) >= STALL)
        .then(|| Interval::new(since, now))
        .flatten()
}

/// Finds what a transfer is for, as far as caches go: the substitution, the copy, the query.
fn owner<'a>(activities: &'a Activities, transfer: &Activity) -> Option<&'a Activity> {
    let parent = activities.get(transfer.parent?);
    let of_parent = parent.parent.map(|row| activities.get(row));
    match (parent.role, of_parent) {
        (Role::CopyPath, Some(substitution)) if substitution.role == Role::Substitute => {
            Some(substitution)
        }
        (Role::CopyPath | Role::Query, _) => Some(parent),
        _ => None,
    }
}

/// The activities that remarks may be about, by what remarks name.
struct Rows<'a> {
    activities: &'a Activities,
    /// Transfers by their file.
    transfers: Map<Name, Vec<Row>>,
    /// Substitutions and copies by their path.
    paths: Map<Name, Vec<Row>>,
    /// All caches that units name.
    caches: Vec<Name>,
}

impl<'a> Rows<'a> {
    fn new(activities: &'a Activities, caches: &Caches) -> Self {
        let mut rows = Self {
            activities,
            transfers: Map::default(),
            paths: Map::default(),
            caches: Vec::new(),
        };
        for said in &caches.said {
            said.file
                .map(|file| rows.transfers.entry(file).or_default());
            said.path.map(|path| rows.paths.entry(path).or_default());
        }
        let mut known = super::Set::default();
        for (row, activity) in (0..).zip(activities.rows()) {
            let Some(subject) = activity.subject else {
                continue;
            };
            let of_subject = match activity.role {
                Role::Transfer | Role::SendFile => rows.transfers.get_mut(&subject),
                Role::Substitute | Role::CopyPath => rows.paths.get_mut(&subject),
                _ => None,
            };
            if let Some(of_subject) = of_subject {
                of_subject.push(row);
            }
            if matches!(activity.role, Role::Substitute | Role::Query) {
                rows.caches
                    .extend(activity.source.filter(|&it| known.insert(it)));
            }
        }
        rows
    }

    /// Returns what a message is about, and its row.
    fn remark(&self, said: &Said, names: &Names) -> (CacheRemark, Option<Row>) {
        let latest = |rows: Option<&Vec<Row>>| {
            let mut rows = rows.into_iter().flatten().rev().copied();
            rows.find(|&row| row < said.before)
        };
        let transfer = said.file.and_then(|file| latest(self.transfers.get(&file)));
        let copy = said.path.and_then(|path| latest(self.paths.get(&path)));
        let owner = match (transfer, copy) {
            (Some(transfer), _) => owner(self.activities, self.activities.get(transfer)),
            (None, Some(copy)) => Some(self.activities.get(copy)),
            (None, None) => None,
        };
        let file = said.file.map(|file| names.text(file));
        // What belongs to nothing (`nix-cache-info`) is told by its address.
        let by_address = || {
            let is_of = |cache: &&Name| {
                let rest = file?.strip_prefix(names.text(**cache))?;
                rest.starts_with('/').then_some(())
            };
            self.caches
                .iter()
                .find(|cache| is_of(cache).is_some())
                .copied()
        };
        let remark = CacheRemark {
            event: said.event,
            cache: said
                .cache
                .or_else(|| owner.and_then(|owner| owner.source))
                .or_else(by_address),
            path: said.path.or_else(|| owner.and_then(|owner| owner.subject)),
            file: said.file,
            is_query: owner.is_some_and(|owner| owner.role == Role::Query)
                || file.is_some_and(super::units::is_query),
        };
        (remark, transfer.or(copy))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Timeline, TimelineBuilder};
    use super::*;
    use crate::wire::LogReader;

    fn timeline(log: &str) -> Timeline {
        let mut builder = TimelineBuilder::default();
        for line in LogReader::new(None).block(log.as_bytes(), None) {
            builder.push(&line);
        }
        builder.finish()
    }

    const LOG: &str = r#"0 @nix {"action":"start","fields":["/nix/store/7ajh8plhm64ypnph30js1a3lq6zsyxqr-a","http://c"],"id":1,"level":0,"parent":0,"text":"","type":108}
0 @nix {"action":"start","fields":["/nix/store/7ajh8plhm64ypnph30js1a3lq6zsyxqr-a","http://c","local"],"id":2,"level":0,"parent":1,"text":"","type":100}
0 @nix {"action":"start","fields":["http://c/nar/x"],"id":3,"level":0,"parent":2,"text":"","type":101}
1000000000 @nix {"action":"result","fields":[1,9,0,0],"id":3,"type":105}
3000000000 @nix {"action":"msg","level":1,"msg":"warning: unable to download 'http://c/nar/x': HTTP error 503; retrying in 1 ms"}
6000000000 @nix {"action":"result","fields":[1,9,0,0],"id":3,"type":105}
7000000000 @nix {"action":"result","fields":[2,9,0,0],"id":3,"type":105}
9000000000 @nix {"action":"msg","level":0,"msg":"error: unable to download 'http://c/nar/x': HTTP error 404"}
9000000000 @nix {"action":"msg","level":0,"msg":"error: unable to download 'http://c/nar/x': HTTP error 404"}
9000000000 @nix {"action":"msg","level":0,"msg":"error: unable to download 'http://c/nix-cache-info': Couldn't connect to server (7)"}
13000000000 @nix {"action":"stop","id":3}
"#;

    #[test]
    fn remarks_know_their_cache_and_path() {
        let timeline = timeline(LOG);
        let remarks = timeline.cache_remarks();
        let at = |seconds: u64| Stamp::from_nanos(seconds * 1_000_000_000);
        let stall = |from, to| {
            let interval = Interval::new(at(from), at(to)).expect("in order");
            CacheEvent::Stalled(interval)
        };
        let events: Vec<_> = remarks.iter().map(|remark| remark.event).collect();
        assert_eq!(
            events,
            [
                CacheEvent::Retried(CacheFault::ServerError),
                CacheEvent::Failed(CacheFault::ClientError),
                CacheEvent::Failed(CacheFault::Unreachable),
                // The same number again is no progress.
                stall(1, 7),
                stall(7, 13),
            ]
        );
        for remark in remarks {
            let text = |name: Option<Name>| name.map(|name| timeline.name(name));
            assert_eq!(text(remark.cache), Some("http://c"), "{remark:?}");
            let is_info = text(remark.file) == Some("http://c/nix-cache-info");
            assert_eq!((remark.path.is_none(), remark.is_query), (is_info, is_info));
        }
    }
}
