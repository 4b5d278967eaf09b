//! `machines`: what remote machines built, and what that cost besides building.

mod layout;

use schemars::JsonSchema;
use serde::Serialize;

use crate::analysis::machines::{Machine, MachineSlots, Machines};
use crate::report::document::Document;
use crate::report::envelope::{Answer, Input, Report, nanos, share};
use crate::time::Nanos;
use crate::timeline::Timeline;

/// The result of `machines`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct MachinesResult {
    /// The machines, in the order in which they were first used; this one comes first, where it built.
    pub machines: Vec<MachineView>,
    /// How builds were handed out; `null` where the log tells of no connection.
    pub dispatch: Option<DispatchView>,
    /// Machines fetch what they need from caches (`builders-use-substitutes`); `null` where it is not known.
    pub builders_use_substitutes: Option<bool>,
}

/// What one machine did.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct MachineView {
    /// Its address; `null` for this machine.
    pub machine: Option<String>,
    /// How many builds may run there at once; `null` where neither the settings nor the log tell.
    pub slots: Option<u32>,
    /// How that is known.
    pub slots_source: Option<MachineSlots>,
    /// How many builds it was given.
    pub builds: usize,
    /// How many of them failed.
    pub failed: usize,
    /// For how long any of them ran, copying included.
    pub busy_ns: Option<u64>,
    /// The sum of how long they ran, copying included.
    pub work_ns: Option<u64>,
    /// How long builds waited for it, in sum; `null`, as the parts below, where the log does not tell.
    pub queue_ns: Option<u64>,
    /// How long dependencies were copied there, in sum.
    pub upload_ns: Option<u64>,
    /// How long the builders were at work, in sum.
    pub build_ns: Option<u64>,
    /// How long outputs were copied back, in sum.
    pub download_ns: Option<u64>,
    /// For how many builds the log tells copying and building apart; the sums are of those.
    pub known_parts: usize,
    /// `work_ns` over its slots times the time from the first build of all to the last; `null` where either is
    /// not known.
    pub utilization: Option<f64>,
    /// How much of the critical path lies in its builds; `null` where it is not known what depends on what.
    pub critical_ns: Option<u64>,
    /// How much faster it builds than this machine, by the packages that both built; `null` where there are
    /// none, or where the log does not tell building from copying.
    pub speed: Option<f64>,
    /// How many packages that is from.
    pub speed_packages: usize,
    /// Builds that waited for it while another machine, which builds for the same system, was idle.
    pub misplaced: Vec<MisplacedView>,
}

/// Builds that waited for one machine while another one was idle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct MisplacedView {
    /// The machine that was idle.
    pub idle_machine: String,
    /// How many builds waited.
    pub builds: usize,
    /// For how long, in sum.
    pub waited_ns: u64,
}

/// How builds were handed out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct DispatchView {
    /// Connections that were made.
    pub connections: usize,
    /// For how long any was being made.
    pub connecting_ns: u64,
    /// No two at the same time.
    pub one_by_one: bool,
}

impl Answer for MachinesResult {
    const SCHEMA: &'static str = "nixlog.machines/1";
    type From = Input;
    type Options = ();

    fn document(report: &Report<Self>, (): &()) -> Document {
        layout::document(report)
    }
}

/// Makes the result of `machines`.
#[must_use]
pub fn result(timeline: &Timeline, machines: &Machines) -> MachinesResult {
    MachinesResult {
        machines: machines
            .machines
            .iter()
            .map(|machine| view(timeline, machine))
            .collect(),
        dispatch: machines.dispatch.map(|dispatch| DispatchView {
            connections: dispatch.connections,
            connecting_ns: dispatch.connecting.get(),
            one_by_one: dispatch.one_by_one,
        }),
        builders_use_substitutes: machines.use_substitutes,
    }
}

fn view(timeline: &Timeline, machine: &Machine) -> MachineView {
    let ratio = |a: Nanos, b: Nanos| share(Some(a.get()), Some(b.get()));
    let against = machine.against_local;
    let used = machine.work.zip(machine.capacity);
    MachineView {
        machine: machine.name.map(|name| timeline.name(name).to_owned()),
        slots: machine.slots.map(|(slots, _)| slots),
        slots_source: machine.slots.map(|(_, source)| source),
        builds: machine.builds.len(),
        failed: machine.failed,
        busy_ns: nanos(machine.busy),
        work_ns: nanos(machine.work),
        queue_ns: nanos(machine.queue),
        upload_ns: nanos(machine.upload),
        build_ns: nanos(machine.build),
        download_ns: nanos(machine.download),
        known_parts: machine.known_parts,
        utilization: used
            .and_then(|(work, capacity)| ratio(work, capacity))
            .filter(|&share| share <= 1.0),
        critical_ns: nanos(machine.critical),
        speed: against.and_then(|(_, here, there)| ratio(here, there)),
        speed_packages: against.map_or(0, |(n, ..)| n),
        misplaced: machine
            .misplaced
            .iter()
            .map(|it| MisplacedView {
                idle_machine: timeline.name(it.idle).to_owned(),
                builds: it.builds,
                waited_ns: it.waited.get(),
            })
            .collect(),
    }
}
