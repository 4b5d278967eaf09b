//! What there is to see at an instant.

use std::collections::BTreeSet;

use super::super::Map;
use super::Live;
use super::model::{Bytes, Count, Evaluating, RunningBuild, Task, TaskKind, Totals};
use super::open::Kind;
use crate::time::Stamp;

impl Live {
    /// Returns how far everything is.
    #[must_use]
    pub fn totals(&self, now: Stamp) -> Totals {
        let some = |n: u64| Some(n).filter(|&n| n > 0);
        let (mut builds, mut fetches) = (self.builds.count(), self.fetches.count());
        let mut expected_builds = self.builds.expected;
        let mut expected_fetches = self.fetches.expected;
        let (mut download, mut unpacked) = (self.download_bytes, self.unpacked_bytes);
        for activity in self.open.iter() {
            match &activity.kind {
                Kind::Builds(ticks) => {
                    builds.done = builds.done.saturating_add(ticks.done);
                    builds.failed = builds.failed.saturating_add(ticks.failed);
                    let tried = ticks.done.saturating_add(ticks.failed);
                    let expected = ticks.planned.unwrap_or(ticks.expected).max(tried);
                    expected_builds = expected_builds.saturating_add(expected);
                }
                Kind::Fetches { failed, planned } => {
                    fetches.done = fetches.done.saturating_add(activity.done);
                    fetches.failed = fetches.failed.saturating_add(*failed);
                    let tried = activity.done.saturating_add(*failed);
                    let expected = planned.unwrap_or(activity.expected).max(tried);
                    expected_fetches = expected_fetches.saturating_add(expected);
                }
                Kind::Call {
                    download: more,
                    unpacked: more_unpacked,
                } => {
                    download = download.saturating_add(*more);
                    unpacked = unpacked.saturating_add(*more_unpacked);
                }
                Kind::Task(doing) if doing.kind == TaskKind::Substitution => fetches.running += 1,
                _ => {}
            }
        }
        builds.running = self.running().count() as u64;
        builds.expected = some(expected_builds.saturating_add(self.announced.builds.unwrap_or(0)));
        fetches.expected =
            some(expected_fetches.saturating_add(self.announced.fetches.unwrap_or(0)));
        let rate = self.wire.rate_bps(now);
        Totals {
            builds,
            fetches,
            download: Bytes {
                done: self.downloaded,
                expected: some(download.saturating_add(self.announced.download_bytes)),
            },
            unpacked: self
                .unpacked
                .bytes(unpacked.saturating_add(self.announced.unpacked_bytes)),
            rate_bps: rate.or_else(|| self.unpacked.rate_bps(now).filter(|_| self.downloaded == 0)),
            evaluated_files: some(self.evaluated_files),
            evaluated_derivations: some(self.evaluated_derivations),
            is_text: self.is_text(),
        }
    }

    /// Returns what the evaluator is at; `None` while it is not at work.
    #[must_use]
    pub fn evaluating(&self) -> Option<Evaluating<'_>> {
        let since = self.evaluation.working_since()?;
        let what = Some(self.evaluating.as_str()).filter(|what| !what.is_empty());
        Some(Evaluating { since, what })
    }

    /// Returns the builds that are under way, those that have been for longest first.
    #[must_use]
    pub fn builds(&self) -> Vec<RunningBuild<'_>> {
        let mut builds: Vec<_> = self.running().collect();
        builds.sort_unstable_by_key(|&(id, build)| (build.since(), id));
        builds.iter().map(|(_, build)| build.running()).collect()
    }

    /// Tells whether nothing is under way: neither the evaluator nor the store is at work.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.open.is_empty() && self.evaluation.working_since().is_none() && !self.is_text()
    }

    /// Returns the number of open activities of all kinds.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open.len()
    }

    /// Iterates over the builds that have not ended, although they may be open still.
    fn running(&self) -> impl Iterator<Item = (u64, &super::Build)> {
        let mut ended = BTreeSet::new();
        for (call, ticks) in self.open.ticks() {
            let builds = self.open.builds();
            let own = builds.filter(|(_, build)| build.call == Some(call) && !build.failed);
            ended.extend(
                ticks.ended(
                    own.map(|(activity, build)| (build.alive, activity.id))
                        .collect(),
                ),
            );
        }
        let builds = self.open.builds();
        builds
            .filter(move |(activity, build)| !build.failed && !ended.contains(&activity.id))
            .map(|(activity, build)| (activity.id, build))
    }

    /// Returns the open queries as one task, that of the oldest.
    fn queries(&self) -> Option<(Option<Stamp>, u64, Task<'_>)> {
        let queries = self
            .open
            .iter()
            .filter_map(|activity| match &activity.kind {
                Kind::Query(cache) => Some((activity.since, activity.id, &**cache)),
                _ => None,
            });
        let queries: Vec<_> = queries.collect();
        let count = queries.len();
        let (since, id, subject) = queries.into_iter().min()?;
        let task = Task {
            kind: TaskKind::Query,
            subject,
            place: None,
            since,
            bytes: None,
            count,
        };
        Some((since, id, task))
    }

    /// Returns everything else that is under way, what has been for longest first.
    #[must_use]
    pub fn tasks(&self) -> Vec<Task<'_>> {
        let mut parts: Map<u64, (u64, u64)> = Map::default();
        for (activity, doing) in self.open.tasks() {
            if let Some(whole) = doing.part_of {
                parts.insert(whole, (activity.done, activity.expected));
            }
        }
        let mut tasks: Vec<_> = self
            .open
            .tasks()
            .filter(|(_, doing)| doing.part_of.is_none_or(|whole| !self.open.has(whole)))
            .map(|(activity, doing)| {
                let counted = match doing.kind {
                    TaskKind::Substitution => parts.get(&activity.id).copied(),
                    TaskKind::Copy | TaskKind::Download => Some((activity.done, activity.expected)),
                    _ => None,
                };
                let task = Task {
                    kind: doing.kind,
                    subject: &doing.subject,
                    place: doing.place.as_deref(),
                    since: activity.since,
                    bytes: counted.map(|(done, expected)| Bytes {
                        done,
                        expected: Some(expected).filter(|&expected| expected > 0),
                    }),
                    count: 1,
                };
                (activity.since, activity.id, task)
            })
            .collect();
        tasks.extend(self.queries());
        tasks.sort_unstable_by_key(|&(since, id, _)| (since, id));
        tasks.into_iter().map(|(_, _, task)| task).collect()
    }
}

impl super::Settled {
    fn count(&self) -> Count {
        Count {
            started: self.started,
            done: self.done,
            failed: self.failed,
            ..Count::default()
        }
    }
}
