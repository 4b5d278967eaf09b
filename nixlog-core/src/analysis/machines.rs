//! Remote machines: what each built, how long that took besides building, and who waited for which while
//! another one was idle.

use std::collections::{BTreeMap, HashMap, HashSet};

use indexmap::IndexMap;
use serde_json::Value;

use super::address::authority;
use super::critical_path::CriticalPath;
use super::slots::{Pool, Slots, SlotsSource};
use crate::graph::DerivationGraph;
use crate::intervals::{concurrency, length, less, union};
use crate::names::named;
use crate::store_path::pname_of;
use crate::time::{Interval, Nanos, Stamp};
use crate::timeline::{Name, Outcome, Part, RemoteParts, Source, Timeline, Unit};

/// What machines did in one log.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Machines {
    /// The machines in the order in which they were first used; this one, where it built, is `None` and
    /// comes first.
    pub machines: Vec<Machine>,
    /// How builds were handed out; `None` where the log tells of no connection.
    pub dispatch: Option<Dispatch>,
    /// Machines fetch what they need from caches (`builders-use-substitutes`); `None` where it is not known.
    pub use_substitutes: Option<bool>,
}

named! {
    /// Where the number of a machine's slots comes from.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    #[non_exhaustive]
    pub enum MachineSlots {
        /// The settings say so.
        Settings = "settings",
        /// So many builds were seen running there at once.
        Seen = "seen",
    }
}

/// What one machine did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Machine {
    /// Its address; `None` for this machine.
    pub name: Option<Name>,
    /// How many builds may run there at once, and how that is known.
    pub slots: Option<(u32, MachineSlots)>,
    /// Builds, as indices into [`Timeline::units`].
    pub builds: Vec<usize>,
    /// How many of them failed.
    pub failed: usize,
    /// For how long any of them ran.
    pub busy: Option<Nanos>,
    /// The sum of how long they ran.
    pub work: Option<Nanos>,
    /// How much of the critical path lies in them; `None` without a path.
    pub critical: Option<Nanos>,
    /// How long builds waited for it, in sum.
    pub queue: Option<Nanos>,
    /// How long dependencies were copied there, in sum.
    pub upload: Option<Nanos>,
    /// How long the builders were at work, in sum.
    pub build: Option<Nanos>,
    /// How long outputs were copied back, in sum.
    pub download: Option<Nanos>,
    /// For how many builds the log tells these apart.
    pub known_parts: usize,
    /// For how long builds could have run: slots times the time from the first to the last build of all.
    pub capacity: Option<Nanos>,
    /// Packages that were built there and here, and how long a build of them took here and there, in sum.
    pub against_local: Option<(usize, Nanos, Nanos)>,
    /// Builds that waited for it while another machine was idle.
    pub misplaced: Vec<Misplaced>,
}

/// Builds that waited for one machine while another one was idle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Misplaced {
    /// The machine that was idle.
    pub idle: Name,
    /// How many builds waited.
    pub builds: usize,
    /// For how long, in sum.
    pub waited: Nanos,
}

/// How builds were handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dispatch {
    /// Connections that were made.
    pub connections: usize,
    /// For how long any was being made.
    pub connecting: Nanos,
    /// No two at the same time.
    pub one_by_one: bool,
}

/// Finds out what machines did. `path` is `None` where it is not known what depends on what. Takes
/// O(n log n) for n units, and so much for each machine.
#[must_use]
pub fn machines(
    timeline: &Timeline,
    source: &Source,
    graph: &DerivationGraph,
    slots: &Slots,
    path: Option<&CriticalPath>,
) -> Machines {
    let on_path = path.map(CriticalPath::by_unit);
    let known = builders(source);
    let deaf = Deaf::new(timeline);
    let units = timeline.units();
    let mut builds: IndexMap<Option<Name>, Vec<usize>> = IndexMap::new();
    for (index, unit) in units.iter().enumerate() {
        if unit.started && unit.kind.is_derivation() {
            builds.entry(unit.machine).or_default().push(index);
        }
    }
    let window = builds
        .values()
        .flatten()
        .filter_map(|&it| units[it].interval());
    let window = window
        .reduce(|a, b| Interval::new(a.start().min(b.start()), a.end().max(b.end())).unwrap_or(a));
    let waits = waits_for_machines(timeline);
    let local = builds.get(&None).map(|it| durations(timeline, &deaf, it));
    let mut machines: Vec<Machine> = Vec::new();
    for (&name, builds) in &builds {
        let known_parts = builds
            .iter()
            .filter(|&&it| deaf.parts(&units[it]).is_some())
            .count();
        let machine_slots = match name {
            None => slots.of(Pool::Local).map(|it| match slots.source() {
                SlotsSource::Seen => (it, MachineSlots::Seen),
                _ => (it, MachineSlots::Settings),
            }),
            Some(name) => {
                let set = known.get(authority(timeline.name(name))).copied();
                // Where the build hook is read late, ends are late, too, and more seem to run than did.
                let seen = slots.of(Pool::Machine(name));
                let seen = seen.filter(|_| known_parts == builds.len());
                set.map(|set| (set, MachineSlots::Settings))
                    .or(seen.map(|seen| (seen, MachineSlots::Seen)))
            }
        };
        let spans: Vec<Interval> = builds
            .iter()
            .filter_map(|&it| units[it].interval())
            .collect();
        let sum = |part: &dyn Fn(&Unit) -> Option<Nanos>| {
            let parts = builds.iter().filter_map(|&it| part(&units[it]));
            parts.reduce(|a, b| a + b)
        };
        let remote = |part: fn(&RemoteParts) -> Option<Nanos>| sum(&|unit| part(deaf.parts(unit)?));
        let told = remote(|parts| parts.waiting);
        let asked = sum(&|unit| waits.get(&unit.subject).copied().filter(|_| name.is_some()));
        machines.push(Machine {
            name,
            slots: machine_slots,
            failed: builds
                .iter()
                .filter(|&&it| units[it].outcome.is_failure())
                .count(),
            busy: (!spans.is_empty()).then(|| length(&spans)),
            work: sum(&|unit| unit.interval().map(Interval::length)),
            critical: on_path.as_ref().map(|on_path| {
                let times = builds.iter().filter_map(|it| on_path.get(it).copied());
                times.sum()
            }),
            queue: [told, asked].into_iter().flatten().reduce(|a, b| a + b),
            upload: remote(|parts| parts.upload),
            build: remote(|parts| parts.build),
            download: remote(|parts| parts.download),
            known_parts,
            capacity: machine_slots.zip(window).and_then(|((slots, _), window)| {
                let capacity = window.length().get().checked_mul(u64::from(slots))?;
                Some(Nanos::new(capacity))
            }),
            against_local: name
                .and(local.as_ref())
                .and_then(|local| against(timeline, &deaf, builds, local)),
            misplaced: Vec::new(),
            builds: builds.clone(),
        });
    }
    machines.sort_by_key(|machine| machine.name.is_some());
    misplaced(timeline, graph, &deaf, &mut machines);
    Machines {
        machines,
        dispatch: dispatch(timeline),
        use_substitutes: source.recording.is_on("builders-use-substitutes"),
    }
}

/// When Nix had been deaf: while it connects to a machine, it reads nothing of what other hooks say, and then
/// all of it at once.
struct Deaf(Vec<Interval>);

/// How long after a connection what comes still waited for it.
const LATE: Nanos = Nanos::new(5_000_000);

impl Deaf {
    fn new(timeline: &Timeline) -> Self {
        let mut connecting: Vec<Interval> = connections(timeline).collect();
        connecting.sort_unstable();
        Self(connecting)
    }

    /// Tells whether something was read late, so that nobody knows when it was.
    fn is_late(&self, stamp: Stamp) -> bool {
        let before = self.0.partition_point(|it| it.end() <= stamp);
        let last = before.checked_sub(1).map(|last| self.0[last]);
        last.is_some_and(|it| stamp.since(it.end()) < LATE)
    }

    /// Returns the parts of a build on a machine, where the log tells them apart.
    fn parts<'a>(&self, unit: &'a Unit) -> Option<&'a RemoteParts> {
        let parts = unit.remote.as_deref().filter(|it| it.upload.is_some())?;
        let mut bounds = unit.stretches.iter().flat_map(|it| {
            let interval = it.interval;
            [interval.start(), interval.end()]
        });
        (!bounds.any(|bound| self.is_late(bound))).then_some(parts)
    }
}

/// Returns when connections to machines were made.
fn connections(timeline: &Timeline) -> impl Iterator<Item = Interval> {
    let fillers = timeline.fillers().iter();
    let connecting = fillers.filter(|it| it.stretch.part == Part::Machine && it.subject.is_none());
    connecting.map(|it| it.stretch.interval)
}

/// Returns how long each derivation waited until any machine took it.
fn waits_for_machines(timeline: &Timeline) -> HashMap<Name, Nanos> {
    let mut waits: HashMap<Name, Nanos> = HashMap::new();
    for filler in timeline.fillers() {
        if let (Part::Machine, Some(drv)) = (filler.stretch.part, filler.subject) {
            *waits.entry(drv).or_default() += filler.stretch.interval.length();
        }
    }
    waits
}

/// Returns how long builders were at work on each package, shortest first.
fn durations<'a>(
    timeline: &'a Timeline,
    deaf: &Deaf,
    builds: &[usize],
) -> HashMap<&'a str, Vec<Nanos>> {
    let mut durations: HashMap<&str, Vec<Nanos>> = HashMap::new();
    for &build in builds {
        let unit = &timeline.units()[build];
        let took = match unit.machine {
            Some(_) => deaf.parts(unit).and_then(|parts| parts.build),
            None => unit.duration(),
        };
        if let Some(took) = took.filter(|_| unit.outcome == Outcome::Succeeded) {
            let pname = pname_of(timeline.unit_name(unit));
            durations.entry(pname).or_default().push(took);
        }
    }
    for all in durations.values_mut() {
        all.sort_unstable();
    }
    durations
}

/// Compares a machine with this one, by the medians of the packages that both built.
fn against(
    timeline: &Timeline,
    deaf: &Deaf,
    builds: &[usize],
    local: &HashMap<&str, Vec<Nanos>>,
) -> Option<(usize, Nanos, Nanos)> {
    let there = durations(timeline, deaf, builds);
    let median = |all: &[Nanos]| all.get(all.len() / 2).copied();
    let both = there.iter().filter_map(|(pname, there)| {
        let here = median(local.get(pname)?)?;
        Some((here, median(there)?))
    });
    both.fold(None, |sum, (here, there)| {
        let (n, all_here, all_there) = sum.unwrap_or_default();
        Some((n + 1, all_here + here, all_there + there))
    })
}

/// Finds builds that waited for their machine while another one, which builds for the same system, had
/// nothing to do.
fn misplaced(timeline: &Timeline, graph: &DerivationGraph, deaf: &Deaf, machines: &mut [Machine]) {
    let system = |unit: &Unit| {
        let node = graph.find(timeline.name(unit.subject))?;
        Some(&*graph.node(node).system).filter(|system| !system.is_empty())
    };
    let units = timeline.units();
    let all: Vec<(Name, Vec<Interval>, HashSet<&str>)> = machines
        .iter()
        .filter_map(|machine| {
            let builds = || machine.builds.iter().map(|&it| &units[it]);
            let spans: Vec<Interval> = builds().filter_map(Unit::interval).collect();
            let systems = builds().filter_map(system).collect();
            Some((machine.name?, union(&spans), systems))
        })
        .collect();
    for machine in machines.iter_mut() {
        let Some(name) = machine.name else { continue };
        let mut found: BTreeMap<usize, (usize, Nanos)> = BTreeMap::new();
        for &build in &machine.builds {
            let unit = &units[build];
            let (Some(system), Some(wait)) = (system(unit), wait_for_upload(deaf, unit)) else {
                continue;
            };
            for (place, (other, busy, systems)) in all.iter().enumerate() {
                if *other == name || !systems.contains(system) {
                    continue;
                }
                let idle: Nanos = less(&[wait], busy).iter().map(|it| it.length()).sum();
                if idle > Nanos::ZERO {
                    let (builds, waited) = found.entry(place).or_default();
                    *builds += 1;
                    *waited += idle;
                }
            }
        }
        machine.misplaced = found
            .into_iter()
            .map(|(place, (builds, waited))| Misplaced {
                idle: all[place].0,
                builds,
                waited,
            })
            .collect();
    }
}

/// Returns when a build had a machine, and waited there for its turn to copy its dependencies.
fn wait_for_upload(deaf: &Deaf, unit: &Unit) -> Option<Interval> {
    deaf.parts(unit)?.waiting?;
    let mut stretches = unit.stretches.iter();
    let upload: &Stamp = &stretches
        .find(|it| it.part == Part::Machines)?
        .interval
        .start();
    Interval::new(unit.start?, *upload)
}

fn dispatch(timeline: &Timeline) -> Option<Dispatch> {
    let connections: Vec<Interval> = connections(timeline).collect();
    let most = concurrency(connections.iter().copied());
    let most = most.iter().map(|&(_, n)| n).max()?;
    Some(Dispatch {
        connections: connections.len(),
        connecting: length(&connections),
        one_by_one: most <= 1,
    })
}

/// Returns how many builds each machine takes, by its host, where the settings list them.
fn builders(source: &Source) -> HashMap<String, u32> {
    let setting = source.recording.setting("builders");
    let Some(Value::String(setting)) = setting else {
        return HashMap::new();
    };
    let lines = setting.split(['\n', ';']).map(str::trim);
    let builder = |line: &str| {
        let mut fields = line.split_whitespace();
        let name = fields.next().filter(|name| !name.starts_with(['@', '#']))?;
        let jobs = match fields.nth(2) {
            None | Some("-") => 1,
            Some(jobs) => jobs.parse().ok()?,
        };
        Some((authority(name).to_owned(), jobs))
    };
    lines.filter_map(builder).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_of_the_settings() {
        let mut source = Source::default();
        source.recording.push(r#"{"type":"settings","settings":{"builders":"ssh://a x86_64-linux /k 3 1 ; ssh-ng://me@b?x=y x - - 2\nc x86_64-linux - 4\n@/etc/nix/machines"}}"#);
        let found = builders(&source);
        let want = [("a", 3), ("b", 1), ("c", 4)];
        assert_eq!(found, want.map(|(host, n)| (host.to_owned(), n)).into());
    }
}
