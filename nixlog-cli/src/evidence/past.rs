//! Past runs, to estimate others from them.

use std::collections::HashSet;

use nixlog_core::analysis::estimate::{Case, Plan};
use nixlog_core::analysis::past_run::{PastRun, PastUnit};
use nixlog_core::timeline::UnitKind;

use crate::archive::history::{History, Which};
use crate::archive::runs::{Place, Run};
use crate::base::error::CliError;
use crate::base::output;
use crate::base::unpack::unpack;
use crate::evidence::history;

/// So many runs are taken, the newest.
const MOST: usize = 200;

/// So many older builds of a package are taken that the newest runs did not build.
const MOST_BUILDS: usize = 20;

/// Past runs, and those of them that can be estimated after the fact.
#[derive(Debug, Default)]
pub(crate) struct Past {
    pub(crate) runs: Vec<PastRun>,
    pub(crate) cases: Vec<Case>,
}

/// Returns the runs of the history, the newest and those that built what is planned; where it cannot be read it
/// says so, and there are none.
pub(crate) fn runs(plan: &Plan) -> Vec<PastRun> {
    let all = || {
        let history = history::open(&Place::known()?)?;
        let mut runs = known(&history)?;
        runs.extend(older(&history, plan, &runs)?);
        Ok(runs)
    };
    all().unwrap_or_else(|error: CliError| {
        let said = error.to_string();
        let said = said.lines().next().unwrap_or_default();
        let why = said.strip_prefix("error: ").unwrap_or(said);
        output::warning(&format!("past runs are not known: {why}"));
        Vec::new()
    })
}

/// Returns older builds of what is planned, where the newest runs had none of it.
fn older(history: &History, plan: &Plan, newest: &[PastRun]) -> Result<Vec<PastRun>, CliError> {
    let units = newest.iter().flat_map(|run| &run.units);
    let mut seen: HashSet<&str> = units.map(|unit| &*unit.pname).collect();
    let mut older = Vec::new();
    for (_, task) in plan.tasks() {
        if !task.kind.is_derivation() || !seen.insert(task.pname()) {
            continue;
        }
        let found = history.builds_of(task.pname(), MOST_BUILDS);
        let found = found.map_err(|error| history.error(error))?;
        if found.is_empty() {
            older.extend(elsewhere(history, task.kind, task.pname())?);
        }
        for times in found {
            let system = Some(&*times.system).filter(|system| !system.is_empty());
            let mut unit = PastUnit::seen(task.kind, &times.name, system, times.duration_ns);
            unit.machine = times.machine;
            older.push(PastRun {
                timed: true,
                host: times.host,
                units: vec![unit],
                ..PastRun::default()
            });
        }
    }
    Ok(older)
}

/// Returns what other machines took for a package that was never built here, as if it had been.
fn elsewhere(history: &History, kind: UnitKind, pname: &str) -> Result<Vec<PastRun>, CliError> {
    let found = history.elsewhere(pname);
    let found = found.map_err(|error| history.error(error))?;
    let times = found.iter().flat_map(|(system, times)| {
        let system = Some(&**system).filter(|system| !system.is_empty());
        times.iter().map(move |&seconds| (system, seconds))
    });
    let run = times.map(|(system, seconds)| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a length of time"
        )]
        let nanos = (seconds * 1e9) as u64;
        PastRun {
            timed: true,
            units: vec![PastUnit::seen(kind, pname, system, nanos)],
            ..PastRun::default()
        }
    });
    Ok(run.collect())
}

fn known(history: &History) -> Result<Vec<PastRun>, CliError> {
    let which = Which {
        limit: Some(MOST),
        ..Which::default()
    };
    let runs = history.whole_runs(&which);
    runs.map_err(|error| history.error(error))
}

/// Returns the same, and what depended on what in those whose recordings are still there.
pub(crate) fn cases() -> Result<Past, CliError> {
    let place = Place::known()?;
    let mut past = Past {
        runs: known(&history::open(&place)?)?,
        cases: Vec::new(),
    };
    for run in place.list().unwrap_or_default() {
        let id = run.id.to_string();
        if let Some(place) = past.runs.iter().position(|past| past.id == id) {
            past.cases.extend(case(&run, &past.runs[place], place));
        }
    }
    Ok(past)
}

/// Reads what a run did; `None` where that cannot be estimated: it failed, it built nothing, or nobody knows
/// what depended on what.
fn case(run: &Run, past: &PastRun, place: usize) -> Option<Case> {
    if !past.is_comparable() {
        return None;
    }
    let (file, _) = run.open().ok()?;
    let log = nixlog_core::log::read_from(unpack(file).ok()?.bytes).ok()?;
    let log = log.explain();
    let slots = log.slots(None).local();
    let case = Case::new(place, &log.timeline, (&log.run, &log.graph), slots)?;
    let is_one = log.is_known() && case.plan.count(UnitKind::is_derivation) > 0;
    is_one.then_some(case)
}
