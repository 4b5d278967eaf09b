//! Builds on other machines: one unit each, with the copying there and back told apart.
//!
//! The build hook says "copying dependencies to M" and "copying outputs from M", but not for which
//! derivation; its activities hang below the local call (`handleJSONLogMessage` flattens them). Only
//! one build at a time uploads to a machine (the upload lock), so uploads and the builds' first
//! signs of life pair up in order; outputs are copied right before the build stops.
//!
//! ```text
//! start ── upload lock ── upload ── (nested) build: log, phases ── download ── stop
//!         └── waiting ──┘
//! ```

use std::collections::{BTreeMap, VecDeque};

use super::activity::{Activities, Activity, Role, Row};
use super::model::Name;
use crate::time::{Interval, Stamp};

/// When the parts of one remote build were, as far as the log tells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct RemoteTimes {
    pub(super) upload: Option<Interval>,
    pub(super) build: Option<Interval>,
    pub(super) download: Option<Interval>,
}

/// What the hook did on one machine, in the order in which it ended.
#[derive(Default)]
struct Machine {
    builds: Vec<Row>,
    uploads: VecDeque<Row>,
    downloads: VecDeque<Row>,
}

/// Finds the parts of all builds on machines.
pub(super) fn times(activities: &Activities, last: Option<Stamp>) -> BTreeMap<Row, RemoteTimes> {
    let mut machines: BTreeMap<Name, Machine> = BTreeMap::new();
    let mut nested: BTreeMap<Row, Row> = BTreeMap::new();
    for (row, activity) in (0..).zip(activities.rows()) {
        match (activity.role, activity.source, activity.subject) {
            (Role::Build, Some(machine), _) => {
                machines.entry(machine).or_default().builds.push(row);
            }
            (Role::Upload, _, Some(machine)) => {
                machines.entry(machine).or_default().uploads.push_back(row);
            }
            (Role::Download, _, Some(machine)) => {
                machines
                    .entry(machine)
                    .or_default()
                    .downloads
                    .push_back(row);
            }
            (Role::NestedBuild, ..) => {
                activity.outer.map(|outer| nested.insert(outer, row));
            }
            _ => {}
        }
    }
    let mut times = BTreeMap::new();
    for machine in machines.into_values() {
        machine.pair(activities, &nested, last, &mut times);
    }
    times
}

impl Machine {
    fn pair(
        mut self,
        activities: &Activities,
        nested: &BTreeMap<Row, Row>,
        last: Option<Stamp>,
        times: &mut BTreeMap<Row, RemoteTimes>,
    ) {
        let ended = |row: &Row| order_of_end(activities.get(*row));
        self.uploads.make_contiguous().sort_by_key(ended);
        self.downloads.make_contiguous().sort_by_key(ended);
        // A build that never shows life is last: its upload is what the others leave.
        let first_sign = |row: Row| {
            let start = nested.get(&row).and_then(|&row| activities.get(row).start);
            start.or(activities.get(row).first_sign)
        };
        self.builds
            .sort_by_key(|&row| (first_sign(row).is_none(), first_sign(row), row));
        for &row in &self.builds {
            let build = activities.get(row);
            let sign = first_sign(row);
            let fits = |upload: &Row| {
                let upload = activities.get(*upload);
                upload.started > build.started && (sign.is_none() || upload.stop <= sign)
            };
            let position = self.uploads.iter().position(fits);
            let upload = position.and_then(|position| self.uploads.remove(position));
            let upload = upload.and_then(|row| activities.get(row).interval(last));
            times.insert(
                row,
                RemoteTimes {
                    upload,
                    ..RemoteTimes::default()
                },
            );
        }
        self.builds.sort_by_key(ended);
        for &row in &self.builds {
            let build = activities.get(row);
            let fits = |download: &Row| {
                let download = activities.get(*download);
                download.started >= build.alive
                    && (build.is_open() || download.stopped < build.stopped)
            };
            let position = self.downloads.iter().position(fits);
            let download = position.and_then(|position| self.downloads.remove(position));
            let download = download.and_then(|row| activities.get(row).interval(last));
            let times = times.entry(row).or_default();
            times.download = download;
            times.build = building(
                build,
                nested.get(&row).map(|&row| activities.get(row)),
                times,
                last,
            );
        }
    }
}

/// Returns when the builder was at work: as the remote daemon says, else what lies between the
/// copying there and back.
fn building(
    build: &Activity,
    nested: Option<&Activity>,
    times: &RemoteTimes,
    last: Option<Stamp>,
) -> Option<Interval> {
    if let Some(nested) = nested {
        return nested.interval(last);
    }
    let whole = build.interval(last)?;
    let start = times.upload.map_or(whole.start(), Interval::end);
    let end = times
        .download
        .map_or(build.counted_end.unwrap_or(whole.end()), Interval::start);
    Interval::new(start, end)
}

/// Orders by when something ended; what is open comes last.
fn order_of_end(activity: &Activity) -> u64 {
    if activity.is_open() {
        u64::MAX
    } else {
        activity.stopped
    }
}
