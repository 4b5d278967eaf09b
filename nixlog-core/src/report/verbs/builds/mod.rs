//! `builds`: all units as a table, one by one or in groups.

mod layout;

use std::cmp::Reverse;

use schemars::JsonSchema;
use serde::Serialize;

use crate::analysis::critical_path::CriticalPath;
use crate::analysis::groups::{self, GroupBy};
use crate::names::named;
use crate::report::document::Document;
use crate::report::envelope::{Answer, Input, Report, nanos};
use crate::report::table::{Names, limit};
use crate::report::unit::{UnitView, unit_view};
use crate::timeline::{Timeline, Unit, UnitKind};

named! {
    /// What a list is sorted by.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum SortBy, default Start {
        /// When it started, the first first.
        Start = "start",
        /// How long it took, the longest first.
        Duration = "duration",
        /// The name.
        Name = "name",
        /// How many lines its log has, the most first.
        LogLines = "log-lines",
        /// How much came over the wire, the most first.
        Bytes = "bytes",
    }
}

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

/// Which units to list, and how.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Listing {
    /// Only these kinds; all where empty.
    pub kinds: Vec<UnitKind>,
    /// What to sort by.
    pub sort: SortBy,
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
    let is_asked_for = |unit: &Unit| {
        unit.started && (listing.kinds.is_empty() || listing.kinds.contains(&unit.kind))
    };
    let on_path = path.map(CriticalPath::by_unit);
    let mut units = Vec::new();
    for (index, unit) in timeline.units().iter().enumerate() {
        if !is_asked_for(unit) {
            continue;
        }
        let mut view = unit_view(timeline, unit);
        if wanted(&view) {
            view.on_critical_path = on_path.as_ref().map(|it| it.contains_key(&index));
            units.push((index, view));
        }
    }
    let durations = units.iter().filter_map(|(_, unit)| unit.duration_ns);
    let total_duration_ns = durations.clone().reduce(u64::saturating_add);
    let unknown_durations = units.len() - durations.count();
    let total_units = units.len();
    let groups = listing.group_by.map(|by| {
        let units: Vec<usize> = units.iter().map(|&(index, _)| index).collect();
        let all_lines = !timeline.is_reconstructed();
        let groups = groups::groups(timeline, &units, by, path);
        let mut groups: Vec<GroupView> = groups
            .iter()
            .map(|group| group_view(group, all_lines))
            .collect();
        sort_groups(&mut groups, listing.sort);
        groups
    });
    if groups.is_some() {
        units.clear();
    }
    let mut units: Vec<UnitView> = units.into_iter().map(|(_, unit)| unit).collect();
    sort_units(&mut units, listing.sort);
    let mut groups = groups.unwrap_or_default();
    let total_groups = groups.len();
    units.truncate(limit(listing.top, units.len()));
    groups.truncate(limit(listing.top, total_groups));
    BuildsResult {
        total_units,
        unknown_durations,
        total_duration_ns,
        sort: listing.sort,
        group_by: listing.group_by,
        units,
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

/// Sorts units; those of which it is not known come last, and what is equal stays as it was.
fn sort_units(units: &mut [UnitView], by: SortBy) {
    match by {
        SortBy::Start => units.sort_by_key(|unit| (unit.start_ns.is_none(), unit.start_ns)),
        SortBy::Duration => {
            units.sort_by_key(|unit| Reverse((unit.duration_ns, unit.end_at_most_ns)));
        }
        SortBy::Name => units.sort_by(|a, b| a.name.cmp(&b.name)),
        SortBy::LogLines => units.sort_by_key(|unit| Reverse(unit.log_lines)),
        SortBy::Bytes => units.sort_by_key(|unit| Reverse(unit.bytes)),
    }
}

fn sort_groups(groups: &mut [GroupView], by: SortBy) {
    match by {
        SortBy::Start => groups.sort_by_key(|group| (group.start_ns.is_none(), group.start_ns)),
        SortBy::Duration => groups.sort_by_key(|group| Reverse(group.work_ns)),
        SortBy::Name => groups.sort_by(|a, b| a.key.cmp(&b.key)),
        SortBy::LogLines => groups.sort_by_key(|group| Reverse(group.log_lines)),
        SortBy::Bytes => groups.sort_by_key(|group| Reverse(group.bytes)),
    }
}
