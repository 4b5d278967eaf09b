//! What the verbs that simulate have in common: how good the replay is, by which rules builds are simulated,
//! and where the number of slots comes from.

use schemars::JsonSchema;
use serde::Serialize;

use super::coverage::CoverageView;
use super::envelope::Input;
use super::format::{count, duration, plural};
use super::words::nothing;
use crate::analysis::makespan::{Makespan, Replay};
use crate::analysis::nix_rules::RulesSource;
use crate::analysis::slots::SlotsSource;
use crate::names::named;
use crate::time::Nanos;
use crate::timeline::Clock;

/// How well the simulation replays the recording.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct ReplayView {
    /// What it makes of the same units in the same order on the same slots.
    pub predicted_ns: Option<u64>,
    /// What it took.
    pub measured_ns: Option<u64>,
    /// By which fraction the prediction is longer.
    pub error: Option<f64>,
}

impl From<Replay> for ReplayView {
    fn from(replay: Replay) -> Self {
        Self {
            predicted_ns: Some(replay.predicted.get()),
            measured_ns: Some(replay.measured.get()),
            error: replay.error(),
        }
    }
}

/// Says how far the simulation is off.
pub(super) fn replay(replay: &ReplayView) -> String {
    let Some((measured, error)) = replay.measured_ns.zip(replay.error) else {
        return String::new();
    };
    format!(
        "the simulated build is {} (measured {})",
        off(error),
        duration(measured)
    )
}

/// Says by how much a simulation is off.
pub(super) fn off(error: f64) -> String {
    // Nobody wants to read about minus nothing.
    let percent = (error * 1000.0).round() / 10.0;
    if percent == 0.0 {
        return "0.0% off".to_owned();
    }
    format!("{percent:+.1}% off")
}

/// By which rules and within which limits builds are simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct SchedulingView {
    /// In which order builds start that wait for a slot.
    pub order: BuildOrder,
    /// How that is known.
    pub order_source: RulesSource,
    /// The shortest makespan over many orders; `null` where the order is known.
    pub low_ns: Option<u64>,
    /// The longest makespan over many orders; `null` where the order is known.
    pub high_ns: Option<u64>,
    /// How many builds of this machine can run at once for want of build users; `null` where that is not
    /// known.
    pub build_users: Option<u32>,
    /// How that is known.
    pub build_users_source: Option<UsersSource>,
    /// For how long post-build hooks stopped all of Nix, as they do up to 2.34.
    pub hooks_ns: u64,
}

named! {
    /// In which order builds start that wait for a slot.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum BuildOrder {
        /// By name: Nix up to 2.34.
        ByName = "by-name",
        /// In no particular order.
        Arbitrary = "arbitrary",
    }
}

named! {
    /// How it is known how many build users there are.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum UsersSource {
        /// The recording says it.
        Recorded = "recorded",
        /// So many builds were at work while another waited for one.
        Seen = "seen",
    }
}

pub(super) fn scheduling(makespan: &Makespan, orders: Option<(Nanos, Nanos)>) -> SchedulingView {
    let (rules, users) = (makespan.slots().rules(), makespan.slots().users());
    SchedulingView {
        order: match rules.any_order {
            true => BuildOrder::Arbitrary,
            false => BuildOrder::ByName,
        },
        order_source: rules.source,
        low_ns: orders.map(|(low, _)| low.get()),
        high_ns: orders.map(|(_, high)| high.get()),
        build_users: users.map(|users| users.count),
        build_users_source: users.map(|users| match users.recorded {
            true => UsersSource::Recorded,
            false => UsersSource::Seen,
        }),
        hooks_ns: makespan.hooks().get(),
    }
}

/// What makes less of a difference is not worth a word: one in so many.
const WORTH: u64 = 100;

/// What lifts the limit that build users are.
pub(super) const MORE_BUILD_USERS: &str = "more users in the group that `build-users-group` names (NixOS: `nix.nrBuildUsers`), or `auto-allocate-uids`, lift that";

/// Says in which order builds start, where that is not known or decides little.
pub(super) fn order(scheduling: &SchedulingView) -> Option<String> {
    let (low, high) = scheduling.low_ns.zip(scheduling.high_ns)?;
    let matters = high - low.min(high) > high / WORTH;
    let range = format!("{} to {}", duration(low), duration(high));
    match (scheduling.order, matters) {
        (BuildOrder::Arbitrary, true) => Some(format!(
            "Nix 2.35 and later start builds that wait in no particular order: over 16 orders the makespan is {range}"
        )),
        (BuildOrder::Arbitrary, false) => Some(
            "Nix 2.35 and later start builds that wait in no particular order; here it makes no difference"
                .to_owned(),
        ),
        (_, true) => Some(format!(
            "which Nix wrote this log is not known: builds that wait are taken to start by name, as up to 2.34; later versions start them in no particular order, and over 16 orders the makespan is {range}"
        )),
        (_, false) => None,
    }
}

/// Says how many build users there are, where so many slots need more.
pub(super) fn build_users(scheduling: &SchedulingView, slots: Option<u32>) -> Option<String> {
    let users = scheduling
        .build_users
        .filter(|&users| slots > Some(users))?;
    let there_are = match scheduling.build_users_source {
        Some(UsersSource::Recorded) => format!("there are {}", plural(users.into(), "build user")),
        _ => format!(
            "a build waited for a build user while {} ran",
            plural(users.into(), "build")
        ),
    };
    Some(format!(
        "{there_are}: no more builds run at once here, whatever `max-jobs` says; {MORE_BUILD_USERS}"
    ))
}

/// Says for how long post-build hooks stopped everything.
pub(super) fn hooks(scheduling: &SchedulingView) -> Option<String> {
    (scheduling.hooks_ns > 0).then(|| {
        format!(
            "post-build hooks stopped all of Nix for {}, as they do up to 2.34; the simulation has that in it",
            duration(scheduling.hooks_ns)
        )
    })
}

/// What no simulation of ours knows.
pub(super) const LOAD: &str = "durations are those measured; with more builds at once on the same cores, each would take longer";

/// Says where the number of slots comes from, if it was not given.
pub(super) fn where_slots_come_from(
    slots: Option<u32>,
    source: Option<SlotsSource>,
) -> Option<String> {
    let slots = plural(slots?.into(), "slot");
    match source? {
        SlotsSource::Seen => Some(format!(
            "{slots}: the most builds seen at once; if more were allowed, add `--max-jobs N`"
        )),
        SlotsSource::Settings => Some(format!("{slots}: `max-jobs` of the recorded run")),
        SlotsSource::Given => None,
    }
}

/// Why there is nothing to say about times, if so: of a log without any, or without anything in it.
pub(super) fn untold(
    input: &Input,
    coverage: &CoverageView,
    units: usize,
    makespan: Option<u64>,
) -> Option<String> {
    if let Some(nothing) = nothing(input) {
        return Some(nothing);
    }
    if units == 0 {
        return Some("nothing was built or downloaded".to_owned());
    }
    let ran = plural(units as u64, "unit");
    if input.clock == Clock::None {
        return Some(format!("{ran} without timestamps: their times are unknown"));
    }
    if coverage.unknown_ends > 0 {
        let n = count(coverage.unknown_ends as u64);
        return Some(format!("{ran}; when {n} of them ended is not in this log"));
    }
    makespan
        .is_none()
        .then(|| format!("{ran}, none with a known duration"))
}

/// Says why nothing can be predicted.
pub(super) fn unpredictable(input: &Input, coverage: &CoverageView) -> String {
    let n_units = coverage.builds + coverage.substitutions;
    let is_known = coverage.known_builds + coverage.known_substitutions > 0;
    let untold = untold(input, coverage, n_units, Some(0).filter(|_| !is_known));
    untold.unwrap_or_else(|| "no prediction: dependencies are unknown".to_owned())
}

/// Returns how many local slots there were.
pub(super) fn slots(makespan: Option<&Makespan>) -> Option<u32> {
    let slots = makespan.map(Makespan::local_slots);
    slots.filter(|&slots| slots > 0)
}

/// Tells how well the recording was replayed, where something was made of it.
pub(super) fn replay_view(makespan: Option<&Makespan>, answered: bool) -> ReplayView {
    let makespan = makespan.filter(|_| answered);
    makespan
        .map(|makespan| makespan.replay().into())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_simulation_is_off_by() {
        for (error, want) in [
            (0.0, "0.0% off"),
            (-0.0004, "0.0% off"),
            (-0.0376, "-3.8% off"),
            (0.12, "+12.0% off"),
        ] {
            assert_eq!(off(error), want);
        }
    }
}
