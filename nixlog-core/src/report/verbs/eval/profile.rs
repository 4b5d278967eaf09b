//! What a profile says, as `eval` shows it.

use schemars::JsonSchema;
use serde::Serialize;

use crate::eval::stacks::{By, Profile, Row, Table, Unit};
use crate::report::table::limit;
use crate::statistics::proportion::interval;

/// What a profile says.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct ProfileView {
    /// What it counts.
    pub unit: Unit,
    /// How many samples; of function calls, nanoseconds.
    pub samples: u64,
    /// How many samples were taken in a second; `null` where nobody knows: Nix takes 99 unless it is told
    /// otherwise, and does not write it down.
    pub frequency_hz: Option<f64>,
    /// The deepest stack.
    pub depth: usize,
    /// Different frames.
    pub frames: usize,
    /// Lines that are none of a profile.
    pub bad_lines: u64,
    /// By the file that calls, what costs most first; so are the others.
    pub files: Vec<CostView>,
    /// By function.
    pub functions: Vec<CostView>,
    /// By module of NixOS, Home Manager or nix-darwin.
    pub modules: Vec<CostView>,
    /// By input.
    pub inputs: Vec<CostView>,
    /// By option, where the sources are there to tell.
    pub options: Vec<CostView>,
    /// By derivation that is made.
    pub derivations: Vec<CostView>,
    /// How many rows each of these has, listed or not.
    pub totals: TotalsView,
}

/// How many rows there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct TotalsView {
    /// Of files.
    pub files: usize,
    /// Of functions.
    pub functions: usize,
    /// Of modules.
    pub modules: usize,
    /// Of inputs.
    pub inputs: usize,
    /// Of options.
    pub options: usize,
    /// Of derivations.
    pub derivations: usize,
}

/// What something cost.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct CostView {
    /// What; `null` for what belongs to nothing of the kind.
    pub name: Option<String>,
    /// The share that was spent in it, and in nothing else of the kind that it called.
    #[serde(rename = "self")]
    pub own: f64,
    /// The share that was spent in it and in all that it called; recursion counts once.
    pub inclusive: f64,
    /// The same in samples, or nanoseconds.
    pub self_samples: u64,
    /// The same in samples, or nanoseconds.
    pub inclusive_samples: u64,
    /// Between which shares `inclusive` lies with 95 % confidence; `null` where nothing was sampled.
    pub inclusive_range: Option<(f64, f64)>,
    /// How many calls; `null` where samples do not tell.
    pub calls: Option<u64>,
    /// Who asked for it, who made it cost most first.
    pub callers: Vec<CallerView>,
}

/// Who asked for something.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct CallerView {
    /// Who; `null` where nothing of the kind did.
    pub name: Option<String>,
    /// The share of the whole that was spent on behalf of it.
    pub inclusive: f64,
}

impl ProfileView {
    pub(super) fn new(profile: &Profile, frequency_hz: Option<f64>, top: usize) -> Self {
        let rows = |by| profile.table(by).map_or(0, |table| table.rows.len());
        let list = |by| {
            profile
                .table(by)
                .map_or_else(Vec::new, |table| costs(profile, table, top))
        };
        Self {
            unit: profile.unit,
            samples: profile.total,
            frequency_hz,
            depth: profile.facts.depth,
            frames: profile.facts.frames,
            bad_lines: profile.facts.bad_lines,
            files: list(By::File),
            functions: list(By::Function),
            modules: list(By::Module),
            inputs: list(By::Input),
            options: list(By::Option),
            derivations: list(By::Derivation),
            totals: TotalsView {
                files: rows(By::File),
                functions: rows(By::Function),
                modules: rows(By::Module),
                inputs: rows(By::Input),
                options: rows(By::Option),
                derivations: rows(By::Derivation),
            },
        }
    }

    /// Returns the rows of a kind, and how many there are.
    pub(super) fn by(&self, by: By) -> (&[CostView], usize) {
        let totals = self.totals;
        match by {
            By::File => (&self.files, totals.files),
            By::Function => (&self.functions, totals.functions),
            By::Module => (&self.modules, totals.modules),
            By::Input => (&self.inputs, totals.inputs),
            By::Option => (&self.options, totals.options),
            By::Derivation => (&self.derivations, totals.derivations),
            By::Frame | By::Place => (&[], 0),
        }
    }

    /// Tells whether it is of samples, which are not exact.
    pub(super) fn is_sampled(&self) -> bool {
        self.unit == Unit::Samples
    }
}

fn costs(profile: &Profile, table: &Table, top: usize) -> Vec<CostView> {
    let all = profile.total.max(1) as f64;
    let share = |samples: u64| samples as f64 / all;
    let is_sampled = profile.unit == Unit::Samples;
    let view = |row: &Row| CostView {
        name: row.name.clone(),
        own: share(row.own),
        inclusive: share(row.inclusive),
        self_samples: row.own,
        inclusive_samples: row.inclusive,
        inclusive_range: match is_sampled {
            true => interval(row.inclusive, profile.total),
            false => None,
        },
        calls: row.calls,
        callers: row
            .callers
            .iter()
            .map(|caller| CallerView {
                name: caller.row.and_then(|row| table.rows.get(row)?.name.clone()),
                inclusive: share(caller.inclusive),
            })
            .collect(),
    };
    let most = limit(top, table.rows.len());
    table.rows[..most].iter().map(view).collect()
}
