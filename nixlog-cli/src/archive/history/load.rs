//! Reads runs.

use nixlog_core::analysis::past_run::{
    PastBuilderPhase, PastEvaluation, PastPhase, PastRun, PastSubstituter, PastUnit,
};
use nixlog_core::timeline::{End, Outcome, Phase, UnitKind};
use rusqlite::{OptionalExtension as _, Row, params};

use super::store::{HASH, STORE};
use super::{History, Trouble};

/// Which runs are asked for. What is `None` does not matter.
#[derive(Debug, Clone, Default)]
pub(crate) struct Which {
    /// Project, system and machine are just these: what is `None` is not known of the run either.
    pub(crate) exactly: bool,
    pub(crate) project: Option<String>,
    pub(crate) system: Option<String>,
    pub(crate) host: Option<String>,
    /// Only those that succeeded, are complete and have times of their own.
    pub(crate) comparable: bool,
    /// Only those that started before this, in nanoseconds since 1970.
    pub(crate) before: Option<i64>,
    /// Only so many, the newest.
    pub(crate) limit: Option<usize>,
}

impl Which {
    /// Runs that can be compared with one.
    pub(crate) fn like(run: &PastRun) -> Self {
        Self {
            project: run.project.clone(),
            system: run.system.clone(),
            host: run.host.clone(),
            comparable: true,
            exactly: true,
            ..Self::default()
        }
    }
}

/// The runs of one project, on one machine and system.
#[derive(Debug, Clone)]
pub(crate) struct ProjectRow {
    pub(crate) project: Option<String>,
    pub(crate) system: Option<String>,
    pub(crate) host: Option<String>,
    pub(crate) runs: u64,
    /// How many of them can be compared: complete, successful, with times of their own.
    pub(crate) comparable: u64,
    pub(crate) first_at: Option<i64>,
    pub(crate) last_at: Option<i64>,
    /// The wall times of the latest comparable ones, the newest first.
    pub(crate) walls: Vec<u64>,
}

/// One build of a package.
#[derive(Debug, Clone)]
pub(crate) struct PackageTimes {
    pub(crate) name: String,
    pub(crate) system: String,
    pub(crate) machine: Option<String>,
    pub(crate) host: Option<String>,
    pub(crate) duration_ns: u64,
}

/// How many wall times of a project are read.
const WALLS: i64 = 20;

const RUN: &str = "runs.id, run, projects.name, system, host, started_at, command, nix_version, revision, \
     inputs_modified, exit_status, complete, timed, wall_ns, slots, path_known, substituted, built_asked, \
     evaluation_ns, blocked_ns, blocked";

/// What makes a run comparable.
const COMPARABLE: &str =
    "timed = 1 AND complete = 1 AND wall_ns IS NOT NULL AND coalesce(exit_status, 0) = 0";

impl History {
    /// Tells whether a run is in the history, or was left out of it for good.
    pub(crate) fn knows(&self, run: &str) -> Result<bool, Trouble> {
        let mut find = self.connection.prepare_cached(
            "SELECT 1 FROM runs WHERE run = ?1 UNION ALL SELECT 1 FROM left_out WHERE run = ?1",
        )?;
        Ok(find.exists([run])?)
    }

    /// Returns how many runs there are.
    pub(crate) fn count(&self) -> Result<u64, Trouble> {
        let n: i64 = self
            .connection
            .query_row("SELECT count(*) FROM runs", [], |row| row.get(0))?;
        Ok(n.unsigned_abs())
    }

    /// Returns all runs that can be read, and whether those are all there are: of a damaged file some may be lost.
    pub(crate) fn salvage(&self) -> (Vec<PastRun>, bool) {
        let ids = || -> Result<Vec<String>, Trouble> {
            let mut all = self
                .connection
                .prepare("SELECT run FROM runs ORDER BY id")?;
            let ids = all.query_map([], |row| row.get(0))?;
            // Up to where the file is damaged.
            Ok(ids.map_while(Result::ok).collect())
        };
        let check: Result<String, _> =
            self.connection
                .query_row("PRAGMA quick_check(1)", [], |row| row.get(0));
        let mut is_whole = check.is_ok_and(|said| said == "ok");
        let mut runs = Vec::new();
        for id in ids().unwrap_or_default() {
            match self.run(&id) {
                Ok(run) => runs.extend(run),
                Err(_) => is_whole = false,
            }
        }
        (runs, is_whole)
    }

    /// Returns runs without their units, the newest first.
    pub(crate) fn runs(&self, which: &Which) -> Result<Vec<PastRun>, Trouble> {
        let comparable = if which.comparable { COMPARABLE } else { "1" };
        let sql = format!(
            "SELECT {RUN} FROM runs LEFT JOIN projects ON projects.id = project \
             WHERE (project = (SELECT id FROM projects WHERE name = ?1) \
             OR ?1 IS NULL AND (project IS NULL OR NOT ?6)) \
             AND (system IS ?2 OR ?2 IS NULL AND NOT ?6) AND (host IS ?3 OR ?3 IS NULL AND NOT ?6) \
             AND (?4 IS NULL OR started_at < ?4) AND {comparable} \
             ORDER BY started_at DESC, run DESC LIMIT ?5"
        );
        let limit = which.limit.and_then(|limit| i64::try_from(limit).ok());
        let mut find = self.connection.prepare_cached(&sql)?;
        let asked = params![
            which.project,
            which.system,
            which.host,
            which.before,
            limit.unwrap_or(-1),
            which.exactly
        ];
        let rows = find.query_map(asked, run)?;
        let rows: Vec<(i64, PastRun)> = rows.collect::<Result<_, _>>()?;
        rows.into_iter()
            .map(|(id, run)| self.with_parts(id, run))
            .collect()
    }

    /// The same, with their units.
    pub(crate) fn whole_runs(&self, which: &Which) -> Result<Vec<PastRun>, Trouble> {
        let mut runs = self.runs(which)?;
        for run in &mut runs {
            self.fill(run)?;
        }
        Ok(runs)
    }

    /// Returns a run with its units, by its id.
    pub(crate) fn run(&self, id: &str) -> Result<Option<PastRun>, Trouble> {
        let mut find = self.connection.prepare_cached(&format!(
            "SELECT {RUN} FROM runs LEFT JOIN projects ON projects.id = project WHERE run = ?1"
        ))?;
        let Some((id, found)) = find.query_row([id], run).optional()? else {
            return Ok(None);
        };
        let mut found = self.with_parts(id, found)?;
        found.units = self.units(id)?;
        Ok(Some(found))
    }

    /// Returns ids that begin so, the newest first; no more than some.
    pub(crate) fn ids(&self, beginning: &str) -> Result<Vec<String>, Trouble> {
        let mut find = self.connection.prepare_cached(
            "SELECT run FROM runs WHERE substr(run, 1, length(?1)) = ?1 ORDER BY run DESC LIMIT 6",
        )?;
        let ids = find.query_map([beginning], |row| row.get(0))?;
        Ok(ids.collect::<Result<_, _>>()?)
    }

    /// Adds its units to a run that was read without.
    pub(crate) fn fill(&self, past: &mut PastRun) -> Result<(), Trouble> {
        let mut find = self
            .connection
            .prepare_cached("SELECT id FROM runs WHERE run = ?1")?;
        if let Some(id) = find.query_row([&past.id], |row| row.get(0)).optional()? {
            past.units = self.units(id)?;
        }
        Ok(())
    }

    /// Returns the projects, those that were built last first.
    pub(crate) fn projects(&self) -> Result<Vec<ProjectRow>, Trouble> {
        let mut find = self.connection.prepare_cached(&format!(
            "SELECT projects.name, system, host, count(*), sum({COMPARABLE}), min(started_at), \
             max(started_at), project \
             FROM runs LEFT JOIN projects ON projects.id = project \
             GROUP BY project, system, host ORDER BY max(started_at) DESC, max(run) DESC"
        ))?;
        let rows = find.query_map([], |row| {
            let project = ProjectRow {
                project: row.get(0)?,
                system: row.get(1)?,
                host: row.get(2)?,
                runs: row.get::<_, i64>(3)?.unsigned_abs(),
                comparable: row.get::<_, i64>(4)?.unsigned_abs(),
                first_at: row.get(5)?,
                last_at: row.get(6)?,
                walls: Vec::new(),
            };
            Ok((row.get::<_, Option<i64>>(7)?, project))
        })?;
        let mut walls = self.connection.prepare_cached(&format!(
            "SELECT wall_ns FROM runs WHERE project IS ?1 AND system IS ?2 AND host IS ?3 AND {COMPARABLE} \
             ORDER BY started_at DESC LIMIT {WALLS}"
        ))?;
        let mut projects = Vec::new();
        for row in rows {
            let (id, mut project) = row?;
            let found = walls.query_map(params![id, project.system, project.host], |row| {
                Ok(row.get::<_, i64>(0)?.unsigned_abs())
            })?;
            project.walls = found.collect::<Result<_, _>>()?;
            projects.push(project);
        }
        Ok(projects)
    }

    /// Returns the latest successful builds of a package, the newest first, of whatever version and system.
    pub(crate) fn builds_of(&self, pname: &str, most: usize) -> Result<Vec<PackageTimes>, Trouble> {
        let mut find = self.connection.prepare_cached(
            "SELECT packages.name, packages.system, places.name, runs.host, duration_ns \
             FROM packages JOIN units ON units.package = packages.id AND units.built = 1 \
             JOIN runs ON runs.id = units.run LEFT JOIN places ON places.id = units.machine \
             WHERE pname = ?1 AND duration_ns IS NOT NULL AND runs.timed = 1 \
             AND outcome = (SELECT id FROM outcomes WHERE name = 'succeeded') \
             ORDER BY units.run DESC LIMIT ?2",
        )?;
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let rows = find.query_map(params![pname, most], |row| {
            Ok(PackageTimes {
                name: row.get(0)?,
                system: row.get(1)?,
                machine: row.get(2)?,
                host: row.get(3)?,
                duration_ns: row.get::<_, i64>(4)?.unsigned_abs(),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn with_parts(&self, id: i64, mut past: PastRun) -> Result<PastRun, Trouble> {
        let mut find = self.connection.prepare_cached(
            "SELECT phase, wall_ns, busy_ns, work_ns, critical_ns, units FROM phases WHERE run = ?1",
        )?;
        let rows = find.query_map([id], |row| {
            let phase: String = row.get(0)?;
            let Some(phase) = Phase::named(&phase) else {
                return Ok(None);
            };
            Ok(Some(PastPhase {
                phase,
                wall_ns: unsigned(row, 1)?,
                busy_ns: unsigned(row, 2)?,
                work_ns: unsigned(row, 3)?,
                critical_ns: unsigned(row, 4)?,
                units: unsigned(row, 5)?.unwrap_or_default(),
            }))
        })?;
        let phases: Vec<Option<PastPhase>> = rows.collect::<Result<_, _>>()?;
        past.phases = phases.into_iter().flatten().collect();
        past.phases.sort_by_key(|phase| phase.phase);
        let mut find = self.connection.prepare_cached(
            "SELECT name, work_ns, critical_ns FROM builder_phases WHERE run = ?1 ORDER BY work_ns DESC, name",
        )?;
        let rows = find.query_map([id], |row| {
            Ok(PastBuilderPhase {
                name: row.get(0)?,
                work_ns: unsigned(row, 1)?,
                critical_ns: unsigned(row, 2)?,
            })
        })?;
        past.builder_phases = rows.collect::<Result<_, _>>()?;
        let mut find = self.connection.prepare_cached(
            "SELECT uri, asked, hit, missed, failed, paths, bytes, unpacked_bytes, busy_ns, latency_p50_ns \
             FROM substituters WHERE run = ?1",
        )?;
        let rows = find.query_map([id], |row| {
            let count = |place| Ok::<_, rusqlite::Error>(unsigned(row, place)?.unwrap_or_default());
            Ok(PastSubstituter {
                uri: row.get(0)?,
                asked: count(1)?,
                hit: count(2)?,
                missed: count(3)?,
                failed: count(4)?,
                paths: count(5)?,
                bytes: unsigned(row, 6)?,
                unpacked_bytes: unsigned(row, 7)?,
                busy_ns: unsigned(row, 8)?,
                latency_p50_ns: unsigned(row, 9)?,
            })
        })?;
        past.substituters = rows.collect::<Result<_, _>>()?;
        Ok(past)
    }

    fn units(&self, run: i64) -> Result<Vec<PastUnit>, Trouble> {
        let mut find = self.connection.prepare_cached(
            "SELECT kind, pname, packages.name, system, outputs, path, built, machine.name, substituter.name, \
             bytes, unpacked_bytes, duration_ns, \"end\", outcome, critical_ns, saving_ns, builder_phases \
             FROM units JOIN packages ON packages.id = package \
             LEFT JOIN places AS machine ON machine.id = machine \
             LEFT JOIN places AS substituter ON substituter.id = substituter \
             WHERE run = ?1 ORDER BY nr",
        )?;
        let rows = find.query_map([run], unit)?;
        let units: Vec<Option<PastUnit>> = rows.collect::<Result<_, _>>()?;
        Ok(units.into_iter().flatten().collect())
    }
}

fn unsigned(row: &Row<'_>, place: usize) -> rusqlite::Result<Option<u64>> {
    let number: Option<i64> = row.get(place)?;
    Ok(number.map(i64::unsigned_abs))
}

fn run(row: &Row<'_>) -> rusqlite::Result<(i64, PastRun)> {
    let command: String = row.get(6)?;
    let run = PastRun {
        id: row.get(1)?,
        project: row.get(2)?,
        system: row.get(3)?,
        host: row.get(4)?,
        started_at: row.get(5)?,
        command: serde_json::from_str(&command).unwrap_or_default(),
        nix_version: row.get(7)?,
        revision: row.get(8)?,
        inputs_modified: row.get(9)?,
        exit_status: row.get(10)?,
        complete: row.get(11)?,
        timed: row.get(12)?,
        wall_ns: unsigned(row, 13)?,
        slots: row.get(14)?,
        path_known: row.get(15)?,
        substituted: unsigned(row, 16)?.unwrap_or_default(),
        built_asked: unsigned(row, 17)?,
        evaluation: PastEvaluation {
            wall_ns: unsigned(row, 18)?,
            blocked_ns: unsigned(row, 19)?,
            blocked: unsigned(row, 20)?.unwrap_or_default(),
        },
        ..PastRun::default()
    };
    Ok((row.get(0)?, run))
}

/// Reads a unit; `None` for one of a kind that a newer nixlog knows.
fn unit(row: &Row<'_>) -> rusqlite::Result<Option<PastUnit>> {
    let kind: String = row.get(0)?;
    let Some(kind) = UnitKind::named(&kind) else {
        return Ok(None);
    };
    let name: String = row.get(2)?;
    let system: String = row.get(3)?;
    let outputs: String = row.get(4)?;
    let path: String = row.get(5)?;
    let is_built: bool = row.get(6)?;
    let (end, outcome): (i64, i64) = (row.get(12)?, row.get(13)?);
    let phases: Option<String> = row.get(16)?;
    Ok(Some(PastUnit {
        kind,
        pname: row.get(1)?,
        path: match path.len() {
            HASH => format!("{STORE}{path}-{name}{}", if is_built { ".drv" } else { "" }),
            _ => path,
        },
        name,
        system: Some(system).filter(|system| !system.is_empty()),
        outputs: outputs.split_whitespace().map(str::to_owned).collect(),
        machine: row.get(7)?,
        substituter: row.get(8)?,
        bytes: unsigned(row, 9)?,
        unpacked_bytes: unsigned(row, 10)?,
        duration_ns: unsigned(row, 11)?,
        end: super::ENDS
            .into_iter()
            .find(|&known| super::end_number(known) == end)
            .unwrap_or(End::Unknown),
        outcome: usize::try_from(outcome)
            .ok()
            .and_then(|place| Outcome::ALL.get(place).copied())
            .unwrap_or(Outcome::Unknown),
        critical_ns: unsigned(row, 14)?,
        saving_ns: unsigned(row, 15)?,
        builder_phases: phases
            .and_then(|phases| serde_json::from_str(&phases).ok())
            .unwrap_or_default(),
    }))
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::thread;

    use super::*;
    use crate::archive::runs::Place;

    fn past(id: &str, started_at: i64) -> PastRun {
        let log = include_bytes!("../../../../corpus/2.26.3-diamond-build-v.ts.log");
        let mut run = nixlog_core::read(log).explain().past_run(id);
        run.project = Some("p".to_owned());
        run.started_at = Some(started_at);
        run.substituters.push(PastSubstituter {
            uri: "https://c".to_owned(),
            bytes: Some(7),
            ..PastSubstituter::default()
        });
        run
    }

    fn place() -> (tempfile::TempDir, Place) {
        let folder = tempfile::tempdir().expect("a folder");
        let place = Place::at(folder.path());
        (folder, place)
    }

    const NOW: i64 = 1_795_000_000_000_000_000;

    #[test]
    fn what_is_written_comes_back() {
        let (_folder, place) = place();
        let mut history = History::open(&place).expect("a new one");
        let (one, mut two) = (past("one", NOW), past("two", NOW + 1));
        two.exit_status = Some(1);
        two.units[0].path = "/other/store/7ajh8plhm64ypnph30js1a3lq6zsyxqr-x.drv".to_owned();
        assert!(history.add(&one).expect("written") && history.add(&two).expect("written"));
        assert!(!history.add(&one).expect("it is there already"));
        let mut cut = past("cut", NOW - 1);
        cut.complete = false;
        history.add(&cut).expect("written");
        cut.complete = true;
        assert!(history.add(&cut).expect("it has its end now"));
        assert!(history.remove("cut").expect("removed"));
        drop(history);
        let mut history = History::open(&place).expect("the same");
        assert_eq!(history.run("one").expect("a row").as_ref(), Some(&one));
        assert_eq!(history.run("two").expect("a row").as_ref(), Some(&two));
        let ids = |history: &History, which: &Which| -> Vec<String> {
            let runs = history.runs(which).expect("rows");
            runs.into_iter().map(|run| run.id).collect()
        };
        assert_eq!(ids(&history, &Which::default()), ["two", "one"]);
        assert_eq!(
            ids(&history, &Which::like(&one)),
            ["one"],
            "only what succeeded"
        );
        let mut unknown = past("unknown", NOW + 2);
        unknown.project = None;
        history.add(&unknown).expect("written");
        assert_eq!(
            ids(&history, &Which::like(&unknown)),
            ["unknown"],
            "nobody knows that it is the same"
        );
        let other = Which {
            project: Some("other".to_owned()),
            ..Which::default()
        };
        assert!(ids(&history, &other).is_empty());
        let builds = history.builds_of("diamond-a", 10).expect("rows");
        assert_eq!(builds.len(), 3, "{builds:?}");
    }

    /// Whoever is killed in the middle of a transaction leaves nothing of it, and others go on.
    #[test]
    fn many_write_at_once() {
        let (_folder, place) = place();
        thread::scope(|scope| {
            for n in 0..16 {
                let place = &place;
                scope.spawn(move || {
                    let mut history = History::open(place).expect("opened");
                    history.add(&past(&format!("{n}"), NOW)).expect("written");
                });
            }
        });
        let history = History::open(&place).expect("opened");
        assert_eq!(history.count().expect("a number"), 16);
    }

    #[test]
    fn what_is_too_old_goes_and_does_not_come_back() {
        let (_folder, place) = place();
        let mut history = History::open(&place).expect("a new one");
        let old = NOW - 1_000 * 86_400_000_000_000;
        history.add(&past("old", old)).expect("written");
        assert!(history.run("old").expect("asked").is_none());
        assert!(history.knows("old").expect("asked"));
    }

    fn trouble(path: &Path, place: &Place) -> String {
        let opened = History::open(place);
        opened.map_or_else(
            |trouble| trouble.error(path).to_string(),
            |_| "none".to_owned(),
        )
    }

    #[test]
    fn files_that_cannot_be_used_are_told_apart() {
        let (_folder, place) = place();
        let path = History::path_in(&place);
        let mut history = History::open(&place).expect("a new one");
        history.add(&past("one", NOW)).expect("written");
        history
            .connection
            .pragma_update(None, "user_version", 9)
            .expect("set");
        drop(history);
        let said = trouble(&path, &place);
        assert!(said.contains("newer nixlog"), "{said}");
        std::fs::remove_file(&path).expect("removed");
        let other = rusqlite::Connection::open(&path).expect("another one's");
        other.execute_batch("CREATE TABLE x (y)").expect("made");
        drop(other);
        assert!(trouble(&path, &place).contains("another program"));
        std::fs::write(&path, vec![b'x'; 4096]).expect("written");
        let said = trouble(&path, &place);
        assert!(said.contains("damaged"), "{said}");
        assert!(History::set_aside(&place).expect("moved").is_some());
        assert_eq!(trouble(&path, &place), "none");
    }
}
