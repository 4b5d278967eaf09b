//! Times of other machines, to estimate from where there are none of one's own.

use nixlog_core::analysis::elsewhere::{Times, factor};
use nixlog_core::statistics::sample::median;
use nixlog_core::time::Nanos;
use rusqlite::{TransactionBehavior, params};

use super::{History, Trouble};

/// So many builds of ours tell how long a package takes here.
const OURS: usize = 20;

/// So many packages that both have built tell the factor of a machine.
const PAIRS: usize = 500;

impl History {
    /// Writes times of other machines, in place of those of the same machine, package and system.
    pub(crate) fn add_elsewhere(&mut self, times: &[Times]) -> Result<(), Trouble> {
        let write = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        {
            let mut insert = write.prepare_cached(
                "INSERT OR REPLACE INTO elsewhere VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?;
            for it in times {
                let n = i64::try_from(it.n).unwrap_or(i64::MAX);
                insert.execute(params![
                    it.pname, it.machine, it.system, n, it.p10, it.p50, it.p90
                ])?;
            }
        }
        write.commit()?;
        Ok(())
    }

    /// Returns what other machines took for a package, in seconds, as if it had been built here: a tenth, the half
    /// and nine tenths of them took less. Where nothing tells how much faster or slower a machine is, its times
    /// are as they are.
    pub(crate) fn elsewhere(&self, pname: &str) -> Result<Vec<(String, [f64; 3])>, Trouble> {
        let mut find = self.connection.prepare_cached(
            "SELECT machine, system, p10, p50, p90 FROM elsewhere WHERE pname = ?1 ORDER BY machine, system",
        )?;
        let rows = find.query_map([pname], |row| {
            let machine: String = row.get(0)?;
            Ok((
                machine,
                row.get(1)?,
                [row.get(2)?, row.get(3)?, row.get(4)?],
            ))
        })?;
        let mut found = Vec::new();
        for row in rows {
            let (machine, system, times): (_, _, [f64; 3]) = row?;
            let factor = self.factor_of(&machine)?.unwrap_or(1.0);
            found.push((system, times.map(|seconds| seconds * factor)));
        }
        Ok(found)
    }

    /// Returns how long a package usually takes to build: the median here, else what other machines tell; `None`
    /// where nobody knows.
    pub(crate) fn usual(&self, pname: &str) -> Result<Option<Nanos>, Trouble> {
        let ours = self.builds_of(pname, OURS)?;
        let ours: Vec<f64> = ours.iter().map(|it| it.duration_ns as f64 / 1e9).collect();
        let seconds = match median(&ours) {
            Some(seconds) => Some(seconds),
            None => {
                let theirs = self.elsewhere(pname)?;
                median(
                    &theirs
                        .iter()
                        .map(|(_, times)| times[1])
                        .collect::<Vec<f64>>(),
                )
            }
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a length of time"
        )]
        Ok(seconds.map(|seconds| Nanos::new((seconds * 1e9) as u64)))
    }

    /// Returns how many times as long builds take here as on a machine, from what both have built.
    pub(crate) fn factor_of(&self, machine: &str) -> Result<Option<f64>, Trouble> {
        let mut find = self.connection.prepare_cached(
            "SELECT pname, avg(p50) FROM elsewhere WHERE machine = ?1 \
             AND pname IN (SELECT pname FROM packages WHERE kind = 'build') GROUP BY pname LIMIT ?2",
        )?;
        let most = i64::try_from(PAIRS).unwrap_or(i64::MAX);
        let rows = find.query_map(params![machine, most], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let mut pairs = Vec::new();
        for row in rows {
            let (pname, there): (String, f64) = row?;
            let ours = self.builds_of(&pname, OURS)?;
            let ours: Vec<f64> = ours.iter().map(|it| it.duration_ns as f64 / 1e9).collect();
            pairs.extend(median(&ours).map(|here| (there, here)));
        }
        Ok(factor(&pairs))
    }

    /// Returns the machines that times were taken over from, and how many packages each has.
    pub(crate) fn machines_elsewhere(&self) -> Result<Vec<(String, u64)>, Trouble> {
        let mut find = self.connection.prepare_cached(
            "SELECT machine, count(DISTINCT pname) FROM elsewhere GROUP BY machine ORDER BY machine",
        )?;
        let rows = find.query_map([], |row| {
            Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs()))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
