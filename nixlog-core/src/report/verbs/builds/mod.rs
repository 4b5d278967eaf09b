//! `builds`: all units as a table, one by one or in groups.

mod layout;

use std::cmp::Reverse;

use schemars::JsonSchema;
use serde::Serialize;

use crate::analysis::critical_path::CriticalPath;
use crate::analysis::groups::{self, GroupBy};
use crate::analysis::selection::{Selection, SortBy, select};
use crate::report::document::Document;
use crate::report::envelope::{Answer, Input, Report, nanos};
use crate::report::table::{Names, limit};
use crate::report::unit::{UnitView, listed};
use crate::timeline::Timeline;

/// The result of `builds`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct BuildsResult {
    /// How many units there are that were asked for, listed or not.
    pub total_units: usize,
    /// How many of them have no known duration.
    pub unknown_durations: usize,
    /// The sum of all durations that are known.
    pub total_duration_ns: Option<u64>,
    /// What the list is sorted by.
    pub sort: SortBy,
    /// What the units are grouped by; `null` where they are listed one by one.
    pub group_by: Option<GroupBy>,
    /// The units; empty where they are grouped.
    pub units: Vec<UnitView>,
    /// How many groups there are, listed or not.
    pub total_groups: usize,
    /// The groups; empty where the units are listed one by one.
    pub groups: Vec<GroupView>,
}

/// Units that have something in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct GroupView {
    /// What they have in common; `null` for those that have none of it: no machine, no substituter.
    pub key: Option<String>,
    /// How many units.
    pub units: usize,
    /// When the first of them started.
    pub start_ns: Option<u64>,
    /// The sum of their durations, as far as these are known.
    pub work_ns: Option<u64>,
    /// How many of them have no known duration.
    pub unknown_durations: usize,
    /// For how long any of them ran.
    pub busy_ns: Option<u64>,
    /// How much of the critical path lies in them; `null` where it is not known what depends on what.
    pub critical_ns: Option<u64>,
    /// How many of them failed.
    pub failed: usize,
    /// Bytes that went over the wire; `null` of builder phases.
    pub bytes: Option<u64>,
    /// Lines of their logs; `null` of builder phases and in a reconstruction.
    pub log_lines: Option<u64>,
}

impl Answer for BuildsResult {
    const SCHEMA: &'static str = "nixlog.builds/1";
    type From = Input;
    type Options = Names;

    fn document(report: &Report<Self>, names: &Names) -> Document {
        layout::document(report, *names)
    }
}

/// How to list units.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Listing {
    /// Which, and in which order.
    pub selection: Selection,
    /// What to group by; default: nothing.
    pub group_by: Option<GroupBy>,
    /// How many to list; 0, the default, for all.
    pub top: usize,
}

/// Makes the result of `builds`. `path` is `None` where it is not known what depends on what; `wanted` chooses
/// among the units.
#[must_use]
pub fn result(
    timeline: &Timeline,
    path: Option<&CriticalPath>,
    listing: &Listing,
    wanted: impl Fn(&UnitView) -> bool,
) -> BuildsResult {
    let units = select(timeline, &listing.selection);
    let most = match listing.group_by {
        Some(_) => 0,
        None => limit(listing.top, units.len()),
    };
    let listed = listed(timeline, &units, path, wanted, most);
    let groups = listing
        .group_by
        .map(|by| groups::groups(timeline, &listed.wanted, by, path));
    let all_lines = !timeline.is_reconstructed();
    let mut groups: Vec<GroupView> = groups
        .iter()
        .flatten()
        .map(|group| group_view(group, all_lines))
        .collect();
    sort_groups(&mut groups, listing.selection.sort);
    let total_groups = groups.len();
    groups.truncate(limit(listing.top, total_groups));
    BuildsResult {
        total_units: listed.wanted.len(),
        unknown_durations: listed.unknown_durations,
        total_duration_ns: listed.total_duration_ns,
        sort: listing.selection.sort,
        group_by: listing.group_by,
        units: listed.units,
        total_groups,
        groups,
    }
}

fn group_view(group: &groups::Group<'_>, all_lines: bool) -> GroupView {
    GroupView {
        key: group.key.map(str::to_owned),
        units: group.n_units,
        start_ns: group.start.map(|start| start.as_nanos()),
        work_ns: nanos(group.work),
        unknown_durations: group.n_unknown,
        busy_ns: nanos(group.busy),
        critical_ns: nanos(group.critical),
        failed: group.n_failed,
        bytes: group.bytes,
        log_lines: group.log_lines.filter(|_| all_lines),
    }
}

/// Sorts groups as units are sorted.
fn sort_groups(groups: &mut [GroupView], by: SortBy) {
    match by {
        SortBy::Start => groups.sort_by_key(|group| (group.start_ns.is_none(), group.start_ns)),
        SortBy::Duration => groups.sort_by_key(|group| Reverse(group.work_ns)),
        SortBy::Name => groups.sort_by(|a, b| a.key.cmp(&b.key)),
        SortBy::LogLines => groups.sort_by_key(|group| Reverse(group.log_lines)),
        SortBy::Bytes => groups.sort_by_key(|group| Reverse(group.bytes)),
    }
}
