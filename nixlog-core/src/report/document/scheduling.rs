//! By which rules and within which limits builds were simulated, in words.

use super::super::format::{duration, plural};
use super::super::view::SchedulingView;

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
        ("arbitrary", true) => Some(format!(
            "Nix 2.35 and later start builds that wait in no particular order: over 16 orders the makespan is {range}"
        )),
        ("arbitrary", false) => Some(
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
        Some("recorded") => format!("there are {}", plural(users.into(), "build user")),
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
