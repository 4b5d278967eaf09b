//! Writes runs.

use nixlog_core::analysis::past_run::{PastRun, PastUnit};
use nixlog_core::timeline::Outcome;
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};

use super::{History, Trouble, end_number, kept_for};

/// How many old runs go at most when one is written: nobody is to wait for it.
const GO_AT_ONCE: i64 = 20;

/// The folder of most stores.
pub(super) const STORE: &str = "/nix/store/";

/// How long the hash of a store path is.
pub(super) const HASH: usize = 32;

impl History {
    /// Writes a run, all of it or nothing; returns `false` for one that is there already.
    pub(crate) fn add(&mut self, run: &PastRun) -> Result<bool, Trouble> {
        let write = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let is_new = add(&write, run)?;
        forget(&write)?;
        write.commit()?;
        Ok(is_new)
    }

    /// Writes many runs.
    pub(crate) fn add_all<'a>(
        &mut self,
        runs: impl IntoIterator<Item = &'a PastRun>,
    ) -> Result<(), Trouble> {
        let write = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        for run in runs {
            add(&write, run)?;
        }
        write.commit()?;
        Ok(())
    }

    /// Notes why a recording is not in the history.
    pub(crate) fn leave_out(&mut self, run: &str, why: &str) -> Result<(), Trouble> {
        Ok(leave_out(&self.connection, run, why)?)
    }

    /// Removes a run; returns `false` where there is none.
    pub(crate) fn remove(&mut self, run: &str) -> Result<bool, Trouble> {
        let write = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let id: Option<i64> = write
            .query_row("SELECT id FROM runs WHERE run = ?1", [run], |row| {
                row.get(0)
            })
            .optional()?;
        if let Some(id) = id {
            remove(&write, id)?;
            // Its recording may be there still.
            leave_out(&write, run, "removed")?;
        }
        write.commit()?;
        Ok(id.is_some())
    }
}

fn leave_out(connection: &Connection, run: &str, why: &str) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO left_out VALUES (?1, ?2)")?
        .execute([run, why])?;
    Ok(())
}

fn integer(number: Option<u64>) -> Option<i64> {
    number.map(|number| i64::try_from(number).unwrap_or(i64::MAX))
}

fn add(write: &Transaction<'_>, run: &PastRun) -> rusqlite::Result<bool> {
    let project = match &run.project {
        Some(name) => Some(number(write, "projects", name)?),
        None => None,
    };
    let command = serde_json::to_string(&run.command).unwrap_or_default();
    // Where a file system has no locks, somebody may have taken it for a wreck while it went on.
    let unfinished: Option<i64> = write
        .prepare_cached("SELECT id FROM runs WHERE run = ?1 AND complete = 0")?
        .query_row([&run.id], |row| row.get(0))
        .optional()?;
    if let Some(id) = unfinished.filter(|_| run.complete) {
        remove(write, id)?;
    }
    let added = write
        .prepare_cached(
            "INSERT INTO runs (run, project, system, host, started_at, command, nix_version, revision, \
             inputs_modified, exit_status, complete, timed, wall_ns, slots, path_known, substituted, \
             built_asked, evaluation_ns, blocked_ns, blocked) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20) \
             ON CONFLICT (run) DO NOTHING",
        )?
        .execute(params![
            run.id,
            project,
            run.system,
            run.host,
            run.started_at,
            command,
            run.nix_version,
            run.revision,
            run.inputs_modified,
            run.exit_status,
            run.complete,
            run.timed,
            integer(run.wall_ns),
            run.slots,
            run.path_known,
            integer(Some(run.substituted)),
            integer(run.built_asked),
            integer(run.evaluation.wall_ns),
            integer(run.evaluation.blocked_ns),
            integer(Some(run.evaluation.blocked)),
        ])?;
    if added == 0 {
        return Ok(false);
    }
    let id = write.last_insert_rowid();
    let mut insert =
        write.prepare_cached("INSERT INTO phases VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
    for phase in &run.phases {
        insert.execute(params![
            id,
            phase.phase.name(),
            integer(phase.wall_ns),
            integer(phase.busy_ns),
            integer(phase.work_ns),
            integer(phase.critical_ns),
            integer(Some(phase.units)),
        ])?;
    }
    let mut insert =
        write.prepare_cached("INSERT OR IGNORE INTO builder_phases VALUES (?1, ?2, ?3, ?4)")?;
    for phase in &run.builder_phases {
        let (work, critical) = (integer(phase.work_ns), integer(phase.critical_ns));
        insert.execute(params![id, phase.name, work, critical])?;
    }
    let mut insert = write.prepare_cached(
        "INSERT OR IGNORE INTO substituters VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?;
    for cache in &run.substituters {
        insert.execute(params![
            id,
            cache.uri,
            integer(Some(cache.asked)),
            integer(Some(cache.hit)),
            integer(Some(cache.missed)),
            integer(Some(cache.failed)),
            integer(Some(cache.paths)),
            integer(cache.bytes),
            integer(cache.unpacked_bytes),
            integer(cache.busy_ns),
            integer(cache.latency_p50_ns),
        ])?;
    }
    for (nr, unit) in (0_i64..).zip(&run.units) {
        add_unit(write, id, nr, unit)?;
    }
    Ok(true)
}

fn add_unit(write: &Transaction<'_>, run: i64, nr: i64, unit: &PastUnit) -> rusqlite::Result<()> {
    let place = |name: &Option<String>| match name {
        Some(name) => number(write, "places", name).map(Some),
        None => Ok(None),
    };
    let (machine, substituter) = (place(&unit.machine)?, place(&unit.substituter)?);
    let phases = (!unit.builder_phases.is_empty())
        .then(|| serde_json::to_string(&unit.builder_phases).unwrap_or_default());
    let outcome = Outcome::ALL
        .iter()
        .position(|outcome| *outcome == unit.outcome);
    let mut insert = write.prepare_cached(
        "INSERT INTO units VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
    )?;
    insert.execute(params![
        run,
        nr,
        package(write, unit)?,
        unit.kind.is_derivation(),
        short_path(unit),
        machine,
        substituter,
        integer(unit.bytes),
        integer(unit.unpacked_bytes),
        integer(unit.duration_ns),
        end_number(unit.end),
        outcome.and_then(|place| i64::try_from(place).ok()),
        integer(unit.critical_ns),
        integer(unit.saving_ns),
        phases,
    ])?;
    Ok(())
}

/// Of a path of most stores the hash: the rest is the name.
fn short_path(unit: &PastUnit) -> &str {
    let inside = unit.path.strip_prefix(STORE);
    let end = if unit.kind.is_derivation() {
        ".drv"
    } else {
        ""
    };
    let short = inside.and_then(|inside| {
        let (hash, name) = inside.split_at_checked(HASH)?;
        let is_name = name.strip_prefix('-')?.strip_suffix(end)? == unit.name;
        is_name.then_some(hash)
    });
    short.unwrap_or(&unit.path)
}

/// Returns the number of a name, which may be new.
fn number(write: &Transaction<'_>, table: &str, name: &str) -> rusqlite::Result<i64> {
    let mut find = write.prepare_cached(&format!("SELECT id FROM {table} WHERE name = ?1"))?;
    if let Some(id) = find.query_row([name], |row| row.get(0)).optional()? {
        return Ok(id);
    }
    write
        .prepare_cached(&format!("INSERT INTO {table} (name) VALUES (?1)"))?
        .insert([name])
}

fn package(write: &Transaction<'_>, unit: &PastUnit) -> rusqlite::Result<i64> {
    let outputs = unit.outputs.join(" ");
    let system = unit.system.as_deref().unwrap_or_default();
    let key = params![unit.pname, unit.kind.name(), unit.name, system, outputs];
    let mut find = write.prepare_cached(
        "SELECT id FROM packages WHERE pname = ?1 AND kind = ?2 AND name = ?3 AND system = ?4 AND outputs = ?5",
    )?;
    if let Some(id) = find.query_row(key, |row| row.get(0)).optional()? {
        return Ok(id);
    }
    write
        .prepare_cached(
            "INSERT INTO packages (pname, kind, name, system, outputs) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .insert(key)
}

/// Removes runs that are too old.
fn forget(write: &Transaction<'_>) -> rusqlite::Result<()> {
    let (Some(kept), Some(now)) = (kept_for(), crate::base::clock::unix_nanos()) else {
        return Ok(());
    };
    let mut old =
        write.prepare_cached("SELECT id, run FROM runs WHERE started_at < ?1 LIMIT ?2")?;
    let old: Vec<(i64, String)> = old
        .query_map([now.saturating_sub(kept), GO_AT_ONCE], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect::<Result<_, _>>()?;
    for (id, run) in old {
        remove(write, id)?;
        leave_out(write, &run, "older than what is kept")?;
    }
    Ok(())
}

fn remove(write: &Transaction<'_>, id: i64) -> rusqlite::Result<()> {
    for table in ["units", "phases", "builder_phases", "substituters"] {
        write
            .prepare_cached(&format!("DELETE FROM {table} WHERE run = ?1"))?
            .execute([id])?;
    }
    write
        .prepare_cached("DELETE FROM runs WHERE id = ?1")?
        .execute([id])?;
    Ok(())
}
