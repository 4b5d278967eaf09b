//! `silence`: for how long builds printed nothing.

mod layout;

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use schemars::JsonSchema;
use serde::Serialize;

use super::inside::{SilenceView, silence_view};
use crate::analysis::inside::{Inside, Silence};
use crate::report::document::Document;
use crate::report::envelope::{Answer, Input, Report};
use crate::report::table::{Names, limit};
use crate::report::unit::{UnitBrief, brief};
use crate::store_path::pname_of;
use crate::time::Stamp;
use crate::timeline::Timeline;

/// The result of `silence`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct SilenceResult {
    /// How many builds that were asked for printed anything, or might have.
    pub builds: usize,
    /// The longest stretch without a line in any of them.
    pub longest_ns: Option<u64>,
    /// The least `max-silent-time`, in seconds, that lets all of them through.
    pub max_silent_time_s: Option<u64>,
    /// How many stretches there are, listed or not, of those that are kept of each build.
    pub total_silences: usize,
    /// The stretches, the longest first.
    pub silences: Vec<BuildSilenceView>,
    /// The longest stretch of each package, the longest first.
    pub packages: Vec<PackageSilenceView>,
}

/// A stretch of time in which a build printed no line.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct BuildSilenceView {
    /// The build.
    pub unit: UnitBrief,
    /// When, and after which line.
    #[serde(flatten)]
    pub silence: SilenceView,
}

/// The longest silence of a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct PackageSilenceView {
    /// The package's name, without its version.
    pub pname: String,
    /// How many builds of it there are.
    pub builds: usize,
    /// The longest stretch without a line in any of them.
    pub longest_ns: u64,
    /// The least `max-silent-time`, in seconds, that lets them through.
    pub max_silent_time_s: u64,
}

impl Answer for SilenceResult {
    const SCHEMA: &'static str = "nixlog.silence/1";
    type From = Input;
    type Options = Names;

    fn document(report: &Report<Self>, names: &Names) -> Document {
        layout::document(report, *names)
    }
}

/// Makes the result of `silence` of some builds. `top` cuts both lists (0: no cut).
#[must_use]
pub fn result(
    timeline: &Timeline,
    builds: &[usize],
    insides: &BTreeMap<usize, Inside>,
    min_ns: u64,
    top: usize,
) -> SilenceResult {
    // How long, since when, of which build, and what is known of it.
    let mut all: Vec<(u64, Option<u64>, usize, Option<&Silence>)> = Vec::new();
    let mut packages: HashMap<&str, (usize, u64)> = HashMap::new();
    for &index in builds {
        let unit = &timeline.units()[index];
        let before = all.len();
        match insides.get(&index).map(|inside| inside.trace.silences()) {
            Some(silences) => all.extend(silences.iter().map(|silence| {
                let interval = silence.interval;
                let since = Some(interval.start().as_nanos());
                (interval.length().get(), since, index, Some(silence))
            })),
            // Who prints nothing is silent all the time.
            None => all.extend(unit.duration().map(|took| {
                let since = unit.start.map(Stamp::as_nanos);
                (took.get(), since, index, None)
            })),
        }
        let Some(longest) = all[before..].iter().map(|silence| silence.0).max() else {
            continue;
        };
        let package = packages
            .entry(pname_of(timeline.unit_name(unit)))
            .or_default();
        *package = (package.0 + 1, package.1.max(longest));
    }
    all.retain(|&(length, since, ..)| since.is_some() && length >= min_ns.max(1));
    all.sort_by_key(|&(length, since, ..)| (Reverse(length), since));
    let longest_ns = packages.values().map(|&(_, longest)| longest).max();
    let mut packages: Vec<PackageSilenceView> = packages
        .into_iter()
        .map(|(pname, (builds, longest_ns))| PackageSilenceView {
            pname: pname.to_owned(),
            builds,
            longest_ns,
            max_silent_time_s: seconds(longest_ns),
        })
        .collect();
    packages.sort_by(|a, b| (b.longest_ns, &a.pname).cmp(&(a.longest_ns, &b.pname)));
    packages.truncate(limit(top, packages.len()));
    let total_silences = all.len();
    all.truncate(limit(top, total_silences));
    SilenceResult {
        builds: builds.len(),
        longest_ns,
        max_silent_time_s: longest_ns.map(seconds),
        total_silences,
        silences: all
            .into_iter()
            .map(|(length, since, unit, silence)| view(timeline, length, since, unit, silence))
            .collect(),
        packages,
    }
}

/// Describes a silence; of a build that printed nothing at all there is but one.
fn view(
    timeline: &Timeline,
    length: u64,
    since: Option<u64>,
    unit: usize,
    silence: Option<&Silence>,
) -> BuildSilenceView {
    let start_ns = since.unwrap_or_default();
    BuildSilenceView {
        unit: brief(timeline, unit),
        silence: silence.map_or_else(
            || SilenceView {
                start_ns,
                end_ns: start_ns.saturating_add(length),
                duration_ns: length,
                after_line: 0,
                after: String::new(),
            },
            silence_view,
        ),
    }
}

/// The least whole number of seconds for which nothing is stopped: Nix stops a build as soon as it was silent
/// for as long as the setting says (`Worker::waitForInput`).
fn seconds(nanos: u64) -> u64 {
    nanos / 1_000_000_000 + 1
}
