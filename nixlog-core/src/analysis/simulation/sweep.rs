//! The same workload on more and fewer slots.

use rayon::prelude::*;

use super::engine::run;
use super::order::Places;
use super::{Options, Order, Workload, bounds, simulate};
use crate::time::Nanos;

/// What each number of slots would give.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Sweep {
    /// One for each number, in order.
    pub steps: Vec<Step>,
    /// The fewest slots with which it takes at most 1 % longer than with the best number.
    pub knee: Option<u32>,
}

/// What one number of slots would give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step {
    /// How many slots.
    pub slots: u32,
    /// No schedule is shorter.
    pub lower: Nanos,
    /// What the simulation says.
    pub predicted: Nanos,
    /// None is longer.
    pub upper: Nanos,
}

/// Simulates the workload with each of these numbers of slots, in order, in one pool, all at once on the machine's cores.
/// More slots may be worse (Graham's anomalies): that is how list scheduling is.
#[must_use]
pub fn sweep(workload: &Workload<'_>, options: &Options, pool: u16, slots: &[u32]) -> Sweep {
    let places = Places::new(workload, options);
    let step = |&slots: &u32| {
        let options = options.clone().with_slots(pool, slots);
        let bounds = bounds(workload, &options);
        Step {
            slots,
            lower: bounds.lower,
            predicted: run(workload, &options, &places).makespan,
            upper: bounds.upper,
        }
    };
    let steps: Vec<Step> = slots.par_iter().map(step).collect();
    let best = steps.iter().map(|step| step.predicted).min();
    let knee = best.and_then(|best| {
        let enough = Nanos::new(best.get().saturating_add(best.get() / 100));
        let mut steps = steps.iter();
        steps.find(|step| step.predicted <= enough)
    });
    let knee = knee.map(|step| step.slots);
    Sweep { steps, knee }
}

/// How many orders stand for all.
const ORDERS: u32 = 16;

/// Returns the shortest and the longest makespan over many orders of what waits: where Nix's order is
/// arbitrary, that is how far a prediction can be trusted. The order of the options is among them.
#[must_use]
pub fn over_orders(workload: &Workload<'_>, options: &Options) -> (Nanos, Nanos) {
    let orders = (0..ORDERS).into_par_iter().map(|seed| match seed {
        0 => options.order,
        1 => Order::Nix,
        seed => Order::Arbitrary { seed },
    });
    let makespans = orders.map(|order| {
        let makespan = simulate(workload, &options.clone().with_order(order)).makespan;
        (makespan, makespan)
    });
    let widest = makespans.reduce_with(|one, other| (one.0.min(other.0), one.1.max(other.1)));
    widest.unwrap_or_default()
}

/// What Nix's order costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SchedulingLoss {
    /// The makespan in the order of the options.
    pub given: Nanos,
    /// The makespan if the longest chain went first.
    pub critical_path_first: Nanos,
}

impl SchedulingLoss {
    /// Returns by how much the given order is longer; zero where it is not.
    #[must_use]
    pub fn loss(self) -> Nanos {
        self.given - self.critical_path_first
    }
}

/// Compares the order of the options with the longest chain first.
#[must_use]
pub fn scheduling_loss(workload: &Workload<'_>, options: &Options) -> SchedulingLoss {
    let best = options.clone().with_order(Order::CriticalPathFirst);
    let (given, critical_path_first) = rayon::join(
        || simulate(workload, options).makespan,
        || simulate(workload, &best).makespan,
    );
    SchedulingLoss {
        given,
        critical_path_first,
    }
}
