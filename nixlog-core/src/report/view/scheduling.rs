//! By which rules and within which limits builds are simulated.

use serde::Serialize;

use crate::analysis::makespan::Makespan;
use crate::time::Nanos;

/// By which rules and within which limits builds are simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SchedulingView {
    /// In which order builds start that wait for a slot: `by-name` (Nix up to 2.34), `arbitrary`.
    pub order: &'static str,
    /// How that is known: `recorded` version, `log`, `assumed`.
    pub order_source: &'static str,
    /// The shortest makespan over many orders; `null` where the order is known.
    pub low_ns: Option<u64>,
    /// The longest makespan over many orders; `null` where the order is known.
    pub high_ns: Option<u64>,
    /// How many builds of this machine can run at once for want of build users; `null` where that is not
    /// known.
    pub build_users: Option<u32>,
    /// How that is known: `recorded`, or `seen` at work while a build waited for one.
    pub build_users_source: Option<&'static str>,
    /// For how long post-build hooks stopped all of Nix, as they do up to 2.34.
    pub hooks_ns: u64,
}

pub(super) fn scheduling(makespan: &Makespan, orders: Option<(Nanos, Nanos)>) -> SchedulingView {
    let (rules, users) = (makespan.slots().rules(), makespan.slots().users());
    SchedulingView {
        order: match rules.any_order {
            true => "arbitrary",
            false => "by-name",
        },
        order_source: rules.source.name(),
        low_ns: orders.map(|(low, _)| low.get()),
        high_ns: orders.map(|(_, high)| high.get()),
        build_users: users.map(|users| users.count),
        build_users_source: users.map(|users| match users.recorded {
            true => "recorded",
            false => "seen",
        }),
        hooks_ns: makespan.hooks().get(),
    }
}
