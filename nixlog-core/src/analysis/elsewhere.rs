//! How long builds took on machines that nixlog never saw: build steps as Hydra tells them.
//!
//! Hydra's API gives builds (`/build/ID`, `/eval/ID/builds`) and its database gives steps (`buildsteps`), both
//! with start and stop in whole seconds. Other machines are faster or slower, so their times are only good in
//! relation: what both have built tells the factor.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::statistics::sample::{median, of_sorted};
use crate::store_path::{name_of, pname_of};

/// A step that took no whole second took about so much of one.
const LESS_THAN_A_SECOND: f64 = 0.5;

/// One build that succeeded somewhere.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Its name without hash.
    pub name: String,
    /// The system that it was built on.
    pub system: String,
    /// The machine; empty where that is not told.
    pub machine: String,
    /// How long it took.
    pub seconds: f64,
}

/// What was read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Steps {
    /// The builds that succeeded.
    pub steps: Vec<Step>,
    /// How many records there are without what is needed: a name, a start and a stop; and those that failed, did
    /// not end, or were no builds.
    pub left_out: u64,
}

/// How long a package took on a machine.
#[derive(Debug, Clone, PartialEq)]
pub struct Times {
    /// The machine.
    pub machine: String,
    /// The package.
    pub pname: String,
    /// The system.
    pub system: String,
    /// How often it was built there.
    pub n: u64,
    /// In seconds: a tenth of them took less.
    pub p10: f64,
    /// Half of them took less.
    pub p50: f64,
    /// A tenth of them took more.
    pub p90: f64,
}

/// One record, by the names of Hydra's API and of its database.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Record {
    #[serde(alias = "drvPath")]
    drvpath: Option<String>,
    nixname: Option<String>,
    #[serde(alias = "startTime")]
    starttime: Option<i64>,
    #[serde(alias = "stopTime")]
    stoptime: Option<i64>,
    system: Option<String>,
    machine: Option<String>,
    /// 0 for success; of steps and of builds.
    status: Option<i64>,
    buildstatus: Option<i64>,
    /// 0 for builds, 1 for substitutions.
    #[serde(rename = "type")]
    kind: Option<i64>,
    /// It was there already.
    #[serde(alias = "isCachedBuild")]
    iscachedbuild: Option<Value>,
}

/// Reads records: a list, one object a line, or objects that have a list of `builds` or `buildsteps`.
///
/// # Errors
///
/// Says in which line what is no JSON.
pub fn steps(text: &[u8]) -> Result<Steps, serde_json::Error> {
    let mut found = Steps::default();
    for value in serde_json::Deserializer::from_slice(text).into_iter::<Value>() {
        take(value?, &mut found);
    }
    Ok(found)
}

fn take(value: Value, found: &mut Steps) {
    match value {
        Value::Array(all) => all.into_iter().for_each(|value| take(value, found)),
        Value::Object(mut object) => {
            let lists = ["builds", "buildsteps", "buildSteps", "results"];
            let mut nested = false;
            for name in lists {
                // A build names its evaluations and products by numbers; only lists of objects are records.
                let is_list = object
                    .get(name)
                    .and_then(Value::as_array)
                    .is_some_and(|list| list.iter().all(Value::is_object) && !list.is_empty());
                if is_list && let Some(list) = object.remove(name) {
                    nested = true;
                    take(list, found);
                }
            }
            let record = serde_json::from_value(Value::Object(object)).unwrap_or_default();
            match step(record) {
                Some(step) => found.steps.push(step),
                None if nested => {}
                None => found.left_out += 1,
            }
        }
        _ => found.left_out += 1,
    }
}

fn step(record: Record) -> Option<Step> {
    let cached = record
        .iscachedbuild
        .is_some_and(|cached| cached == true || cached.as_i64().is_some_and(|cached| cached != 0));
    let failed = record
        .status
        .or(record.buildstatus)
        .is_some_and(|it| it != 0);
    if cached || failed || record.kind.is_some_and(|kind| kind != 0) {
        return None;
    }
    let (start, stop) = (record.starttime?, record.stoptime?);
    let seconds = stop.checked_sub(start).filter(|&it| it >= 0 && start > 0)?;
    let path = record.drvpath.as_deref().map(name_of);
    let name = path.map(|name| name.strip_suffix(".drv").unwrap_or(name));
    let name = name.or(record.nixname.as_deref())?.to_owned();
    Some(Step {
        name,
        system: record.system.unwrap_or_default(),
        machine: record.machine.unwrap_or_default(),
        seconds: match seconds {
            0 => LESS_THAN_A_SECOND,
            seconds => seconds as f64,
        },
    })
}

/// Sums steps up, by machine, package and system.
#[must_use]
pub fn times(steps: &[Step]) -> Vec<Times> {
    let mut groups: BTreeMap<(&str, &str, &str), Vec<f64>> = BTreeMap::new();
    for step in steps {
        let key = (&*step.machine, pname_of(&step.name), &*step.system);
        groups.entry(key).or_default().push(step.seconds);
    }
    let times = groups
        .into_iter()
        .filter_map(|((machine, pname, system), mut all)| {
            all.sort_by(f64::total_cmp);
            Some(Times {
                machine: machine.to_owned(),
                pname: pname.to_owned(),
                system: system.to_owned(),
                n: all.len() as u64,
                p10: of_sorted(&all, 0.1)?,
                p50: of_sorted(&all, 0.5)?,
                p90: of_sorted(&all, 0.9)?,
            })
        });
    times.collect()
}

/// Returns how many times as long builds take here as there, from the times of what both have built; `None` where
/// there is nothing of the kind. The median: one package that is odd on either side does not decide.
#[must_use]
pub fn factor(there_and_here: &[(f64, f64)]) -> Option<f64> {
    let pairs = there_and_here.iter();
    let ratios: Vec<f64> = pairs
        .filter(|(there, here)| *there > 0.0 && *here > 0.0)
        .map(|(there, here)| here / there)
        .collect();
    median(&ratios)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hydra_gives_is_read() {
        let api = br#"{"id":1,"nixname":"hello-2.12","system":"x86_64-linux","starttime":100,"stoptime":130,
            "buildstatus":0,"finished":1,"jobsetevals":[1],"buildproducts":{},"drvpath":"/nix/store/7ajh8plhm64ypnph30js1a3lq6zsyxqr-hello-2.12.drv"}
            {"id":2,"nixname":"hello-2.11","starttime":100,"stoptime":140,"buildstatus":1}
            {"id":3,"nixname":"x"}"#;
        let read = steps(api).expect("JSON");
        assert_eq!(read.left_out, 2);
        let step = &read.steps[0];
        assert_eq!(
            (&*step.name, &*step.system, step.seconds),
            ("hello-2.12", "x86_64-linux", 30.0)
        );
        let database = br#"[{"build":1,"stepnr":1,"type":0,"drvpath":"/nix/store/7ajh8plhm64ypnph30js1a3lq6zsyxqr-a-1.drv","busy":0,
             "status":0,"system":"x86_64-linux","machine":"ssh://mac","starttime":5,"stoptime":5},
            {"type":1,"drvpath":"x","status":0,"starttime":5,"stoptime":6}, 7]"#;
        let read = steps(database).expect("JSON");
        assert_eq!((read.steps.len(), read.left_out), (1, 2));
        assert_eq!(
            (&*read.steps[0].machine, read.steps[0].seconds),
            ("ssh://mac", 0.5)
        );
        let nested = br#"{"builds":[{"nixname":"a-1","starttime":1,"stoptime":4}]}"#;
        assert_eq!(steps(nested).expect("JSON").steps.len(), 1);
        assert!(steps(b"{\"builds\":").is_err());
        assert_eq!(steps(b"").expect("nothing"), Steps::default());
    }

    #[test]
    fn times_and_factors() {
        let step = |name: &str, machine: &str, seconds| Step {
            name: name.to_owned(),
            system: "s".to_owned(),
            machine: machine.to_owned(),
            seconds,
        };
        let all = [
            step("a-1", "m", 10.0),
            step("a-2", "m", 20.0),
            step("a-2", "n", 5.0),
            step("a-3", "m", 30.0),
        ];
        let found = times(&all);
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].n, found[0].p50), (3, 20.0));
        let pairs = [(10.0, 20.0), (1.0, 2.0), (3.0, 90.0), (0.0, 5.0)];
        assert_eq!(factor(&pairs), Some(2.0));
        assert_eq!(factor(&[]), None);
    }
}
