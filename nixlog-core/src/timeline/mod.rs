//! The fold from lines to units: what ran, when, for how long, and how it ended.
//!
//! [`TimelineBuilder`] takes in one line after the other; [`Timeline`] is what it makes of them. The
//! log has no end for many things and no outcome for any, so much of this module is inference, each
//! kind in its own file: `counters` (when builds really ended), `evaluation` (when the evaluator
//! worked), `remote` (what builds on other machines consist of), `failures` and `results` (how they
//! ended), `human` and `status_line` (logs without events).

mod activity;
mod blame;
mod builder;
mod caches;
mod calls;
mod counters;
mod evaluation;
mod facts;
mod failures;
mod fetches;
mod finish;
mod fixed_outputs;
mod human;
mod issue;
mod links;
pub mod live;
mod model;
mod remote;
mod results;
mod source;
mod starts;
mod status_line;
mod strands;
mod told;
mod units;
mod watch;

pub use builder::TimelineBuilder;
pub use caches::{CacheEvent, CacheFault, CacheRemark};
pub use facts::{Facts, Tally};
pub use issue::{Issue, IssueCode, Severity};
pub use model::{
    BuilderPhase, End, FailureKind, Filler, Import, Name, Names, Outcome, Part, Phase, Place, Plan,
    Reason, RemoteParts, Stretch, Unit, UnitKind, Unreachable,
};

pub use source::{Clock, Source};
pub use watch::{
    BuildLine, EvaluatorSign, LineText, PhaseBegins, WatchBuilds, WatchEvaluation, Watched,
};

use std::collections::{HashMap, HashSet};

use crate::store_path::name_of;
use crate::time::{Interval, Stamp};

/// A map that is never iterated where the order would show. `SipHash` would take a twentieth of the
/// way from a log to its phases; keys are numbers of ours, or names that went through [`Names`].
type Map<K, V> = HashMap<K, V, foldhash::fast::FixedState>;

/// The same without values.
type Set<K> = HashSet<K, foldhash::fast::FixedState>;

/// Everything that a log tells, in units and stretches of time.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Timeline {
    wall: Option<Interval>,
    units: Vec<Unit>,
    fillers: Vec<Filler>,
    calls: Vec<Interval>,
    imports: Vec<Import>,
    names: Names,
    plan: Plan,
    planned_builds: Vec<Vec<Name>>,
    planned_fetches: Vec<Name>,
    cache_remarks: Vec<CacheRemark>,
    resolved: Vec<(Name, Name)>,
    facts: Facts,
    issues: Vec<Issue>,
    untold_failures: Vec<String>,
    gave_up: Option<String>,
    unreachable: Vec<Unreachable>,
    interrupted: bool,
    is_nix: bool,
    is_text: bool,
    is_reconstructed: bool,
    open_calls: bool,
}

impl Timeline {
    /// Returns the whole recording, from its start to its end, where that is told, else to the last stamp;
    /// `None` without timestamps.
    #[must_use]
    pub fn wall(&self) -> Option<Interval> {
        self.wall
    }

    /// Returns all units, in the order in which they started; those that never did come last.
    #[must_use]
    pub fn units(&self) -> &[Unit] {
        &self.units
    }

    /// Returns what explains instants in which no unit is at work.
    #[must_use]
    pub fn fillers(&self) -> &[Filler] {
        &self.fillers
    }

    /// Returns when the store was asked to build or fetch something, one interval for each call, sorted.
    /// Evaluation with import-from-derivation makes several; what a remote daemon is asked is no call.
    #[must_use]
    pub fn calls(&self) -> &[Interval] {
        &self.calls
    }

    /// Returns the calls for which evaluation stood still and after which it went on, in their order.
    /// What later calls of the same evaluation asked for came after what these brought forth.
    #[must_use]
    pub fn imports(&self) -> &[Import] {
        &self.imports
    }

    /// Returns for which of [`imports`](Self::imports) a build, a source fetch or a substitution ran.
    #[must_use]
    pub fn import_of(&self, unit: &Unit) -> Option<usize> {
        let import = |call| {
            self.imports
                .binary_search_by_key(&call, |import| import.call)
        };
        let is_asked_for = unit.started && unit.kind.is_asked_for();
        unit.call
            .filter(|_| is_asked_for)
            .and_then(|call| import(call).ok())
    }

    /// Returns the text of a name.
    #[must_use]
    pub fn name(&self, name: Name) -> &str {
        self.names.text(name)
    }

    /// Returns what to call a unit: the name in its store path, else the text as it is.
    #[must_use]
    pub fn unit_name(&self, unit: &Unit) -> &str {
        let subject = self.name(unit.subject);
        match unit.kind {
            UnitKind::InputFetch | UnitKind::SourceImport if !subject.ends_with(".narinfo") => {
                subject
            }
            _ => name_of(subject),
        }
    }

    /// Returns what Nix said it would do.
    #[must_use]
    pub fn plan(&self) -> Plan {
        self.plan
    }

    /// Returns the derivations that Nix said it would build, one list for each announcement, in its
    /// order: dependencies first.
    pub fn planned_builds(&self) -> impl ExactSizeIterator<Item = &[Name]> {
        self.planned_builds.iter().map(Vec::as_slice)
    }

    /// Returns the store paths that Nix said it would fetch, in its order.
    #[must_use]
    pub fn planned_fetches(&self) -> &[Name] {
        &self.planned_fetches
    }

    /// Returns what the log says of caches apart from its units: messages in their order, then stalls.
    #[must_use]
    pub fn cache_remarks(&self) -> &[CacheRemark] {
        &self.cache_remarks
    }

    /// Returns the planned and the resolved derivation of each content-addressed build.
    #[must_use]
    pub fn resolved(&self) -> &[(Name, Name)] {
        &self.resolved
    }

    /// Returns counts of what the log holds.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Returns what a reader of the result should know about the log.
    #[must_use]
    pub fn issues(&self) -> &[Issue] {
        &self.issues
    }

    /// Returns why builds failed of which the log does not say which they were.
    #[must_use]
    pub fn untold_failures(&self) -> &[String] {
        &self.untold_failures
    }

    /// Returns what the command gave up with, where nothing of which the log tells has failed: a `throw`
    /// without a place, after all builds succeeded, or an error of another kind.
    #[must_use]
    pub fn gave_up(&self) -> Option<&str> {
        self.gave_up.as_deref()
    }

    /// Returns the remote machines that Nix could not use, in the order of the log.
    #[must_use]
    pub fn unreachable(&self) -> &[Unreachable] {
        &self.unreachable
    }

    /// Tells whether the user or a signal ended the build, as far as Nix said so.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        self.interrupted
    }

    /// Tells whether any of the log is Nix's: a record, or a line for people that Nix prints.
    #[must_use]
    pub fn is_nix(&self) -> bool {
        self.is_nix
    }

    /// Tells whether this is a log for people, which has starts but no ends.
    #[must_use]
    pub fn is_text(&self) -> bool {
        self.is_text
    }

    /// Tells whether nobody watched: the log was put together afterwards, so that it has no evaluation,
    /// no waits and only few lines of the builds' logs.
    #[must_use]
    pub fn is_reconstructed(&self) -> bool {
        self.is_reconstructed
    }

    /// Takes in by when units had ended, as far as that is known from elsewhere than the log. Of those
    /// whose end the log gives, nothing changes.
    pub fn tell_ended_by(&mut self, bounds: impl IntoIterator<Item = (usize, Stamp)>) {
        let wall = self.wall.map(Interval::length).unwrap_or_default();
        for (unit, bound) in bounds {
            let unit = self.units.get_mut(unit);
            let Some(unit) = unit.filter(|unit| unit.end_at_most.is_some()) else {
                continue;
            };
            let bound = Some(bound).max(unit.end).max(unit.start);
            unit.end_at_most = unit.end_at_most.min(bound);
            unit.settle(wall);
        }
    }

    /// Tells whether the log stops while something is under way.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.open_calls
            || self.facts.ends_in_a_cut()
            || self.units.iter().any(|unit| unit.end_kind == End::Open)
    }
}
