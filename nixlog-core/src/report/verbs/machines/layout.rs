//! The result of `machines`, laid out.

use super::{MachineView, MachinesResult};
use crate::analysis::machines::MachineSlots;
use crate::report::document::Document;
use crate::report::envelope::Report;
use crate::report::format::{duration, harmless, plural};
use crate::report::table::{Cell, Columns, Table, Weight};
use crate::report::words::{next, notes, nothing, with_failures};

/// Lays out the result of `machines`.
pub(super) fn document(report: &Report<MachinesResult>) -> Document {
    let result = &report.result;
    let wall = report.input.wall_ns.unwrap_or_default();
    let mut all = misplaced(result, wall / 100);
    all.extend(dispatch(result));
    all.extend(parts(result));
    all.extend(speeds(result));
    let is_remote = result.machines.iter().any(|it| it.machine.is_some());
    let is_seen =
        |it: &MachineView| it.machine.is_some() && it.slots_source == Some(MachineSlots::Seen);
    if result.machines.iter().any(is_seen) {
        all.push(
            "slots of machines: as many as were seen at work at once; they may have more"
                .to_owned(),
        );
    }
    if is_remote && result.builders_use_substitutes == Some(false) {
        all.push(
            "setting: `builders-use-substitutes` is off: what machines need is copied from here, even where \
             a cache has it"
                .to_owned(),
        );
    }
    all.extend(notes(&report.diagnostics));
    Document {
        verdict: with_failures(verdict(report), &report.input),
        tables: vec![table(result)],
        notes: all,
        next: next(&report.input, "parallelism"),
        ..Document::default()
    }
}

fn verdict(report: &Report<MachinesResult>) -> String {
    let machines = &report.result.machines;
    if let Some(nothing) = nothing(&report.input) {
        return nothing;
    }
    let local: usize = machines
        .iter()
        .filter(|it| it.machine.is_none())
        .map(|it| it.builds)
        .sum();
    let there: usize = machines.iter().map(|it| it.builds).sum::<usize>() - local;
    let n = machines.iter().filter(|it| it.machine.is_some()).count() as u64;
    match (there as u64, local as u64) {
        (0, 0) => "nothing was built".to_owned(),
        (0, local) => format!(
            "no remote machine was used: {} ran here",
            plural(local, "build")
        ),
        (there, 0) => format!(
            "{} ran on {}, none here",
            plural(there, "build"),
            plural(n, "machine")
        ),
        (there, local) => format!(
            "{} ran on {}, {local} here",
            plural(there, "build"),
            plural(n, "machine")
        ),
    }
}

fn table(result: &MachinesResult) -> Table {
    let mut columns = Columns::<&MachineView>::new();
    columns.text("machine", "machine", |it| {
        Cell::text(it.machine.as_deref().unwrap_or("(this machine)"))
    });
    columns.number("slots", "slots", |it| Cell::count(it.slots.map(u64::from)));
    columns.number("builds", "builds", |it| Cell::number(it.builds));
    columns
        .number("failed", "failed", |it| Cell::number(it.failed))
        .rank(2);
    columns.number("busy_ns", "busy", |it| Cell::nanos(it.busy_ns));
    columns.number("utilization", "used", |it| Cell::share(it.utilization));
    columns
        .number("queue_ns", "waited", |it| Cell::nanos(it.queue_ns))
        .rank(1);
    columns
        .number("upload_ns", "upload", |it| Cell::nanos(it.upload_ns))
        .rank(1);
    columns
        .number("build_ns", "building", |it| Cell::nanos(it.build_ns))
        .rank(3);
    columns
        .number("download_ns", "download", |it| Cell::nanos(it.download_ns))
        .rank(1);
    columns
        .number("work_ns", "work", |it| Cell::nanos(it.work_ns))
        .rank(5);
    columns
        .number("critical_ns", "critical", |it| Cell::nanos(it.critical_ns))
        .rank(4);
    let weight = |it: &&MachineView| match it.failed {
        0 => Weight::Plain,
        _ => Weight::Bad,
    };
    Table::new(columns, &result.machines, weight).legend([
        (
            "utilization",
            "time of its builds over what its slots had room for",
        ),
        ("queue_ns", "what its builds waited for it, in sum"),
        ("upload_ns", "copying there, in sum"),
        ("download_ns", "copying back, in sum"),
    ])
}

/// Says who waited while another machine was idle, for at least so long.
fn misplaced(result: &MachinesResult, least: u64) -> Vec<String> {
    let remote = result.machines.iter().filter_map(|machine| {
        let name = harmless(machine.machine.as_deref()?);
        Some((name, machine))
    });
    let said = remote.flat_map(|(name, machine)| {
        let one = move |it: &super::MisplacedView| {
            format!(
                "{} waited {} for {name} while {} was idle, which builds for the same system",
                plural(it.builds as u64, "build"),
                duration(it.waited_ns),
                harmless(&it.idle_machine)
            )
        };
        let long = machine.misplaced.iter().filter(|it| it.waited_ns >= least);
        long.map(one).collect::<Vec<_>>()
    });
    said.collect()
}

fn dispatch(result: &MachinesResult) -> Option<String> {
    let dispatch = result.dispatch.as_ref()?;
    let how = match dispatch.one_by_one && dispatch.connections > 1 {
        true => ", one after the other",
        false => "",
    };
    Some(format!(
        "{}{how}, took {}",
        plural(dispatch.connections as u64, "connection"),
        duration(dispatch.connecting_ns)
    ))
}

/// Says for how many builds the log does not tell copying from building.
fn parts(result: &MachinesResult) -> Option<String> {
    let remote = || result.machines.iter().filter(|it| it.machine.is_some());
    let all: usize = remote().map(|it| it.builds).sum();
    let known: usize = remote().map(|it| it.known_parts).sum();
    (known < all).then(|| {
        format!(
            "waiting, copying and building are told apart of {known} of {all} builds on machines, and the sums \
             are of those: Nix often reads what its build hook says only later"
        )
    })
}

fn speeds(result: &MachinesResult) -> Vec<String> {
    let speed = |machine: &MachineView| {
        let speed = machine.speed?;
        Some(format!(
            "{} built {} that were built here, too, at {speed:.2} times the speed",
            harmless(machine.machine.as_deref()?),
            plural(machine.speed_packages as u64, "package")
        ))
    };
    result.machines.iter().filter_map(speed).collect()
}
