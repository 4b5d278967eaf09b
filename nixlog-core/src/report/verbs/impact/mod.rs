//! `impact`: what a change would have rebuilt, and how long that would take.

mod layout;

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::rebuilds::{RootView, root_view};
use crate::analysis::estimate::{Estimate, Plan};
use crate::analysis::rebuilds::{Rebuilds, Side};
use crate::graph::NodeIdx;
use crate::report::document::Document;
use crate::report::envelope::{Answer, Report};
use crate::report::estimated::EstimateView;
use crate::report::table::{Names, limit};

/// The result of `impact`. The estimate is that of building all that differs, as if no cache had any of it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct ImpactResult {
    /// The estimate.
    #[serde(flatten)]
    pub estimate: EstimateView,
    /// What was compared.
    pub old: SideView,
    /// What it was compared with.
    pub new: SideView,
    /// How many derivations differ by themselves.
    pub total_roots: usize,
    /// How many are newly needed, or sources of what differs.
    pub needed: usize,
    /// How many differ only in what they depend on.
    pub follow: usize,
    /// What differs by itself; those behind most first. Durations are estimates of which half take less.
    pub roots: Vec<RootView>,
}

/// One of the two closures.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct SideView {
    /// As it was named.
    pub name: String,
    /// How many derivations it has.
    pub derivations: usize,
}

impl SideView {
    /// Describes a closure.
    #[must_use]
    pub fn new(name: &str, side: &Side<'_>) -> Self {
        Self {
            name: name.to_owned(),
            derivations: side.derivations().count(),
        }
    }
}

impl Answer for ImpactResult {
    const SCHEMA: &'static str = "nixlog.impact/1";
    type From = ();
    type Options = Names;

    fn document(report: &Report<Self, ()>, names: &Names) -> Document {
        layout::document(report, *names)
    }
}

/// Returns what differs, to be planned.
#[must_use]
pub fn differing(found: &Rebuilds) -> Vec<NodeIdx> {
    let roots = found.roots.iter();
    let mut nodes: Vec<NodeIdx> = roots
        .flat_map(|root| [&[root.node][..], &root.needed, &root.cascade].concat())
        .collect();
    nodes.sort_unstable();
    nodes.dedup();
    nodes
}

/// Makes the result of `impact`. So many roots are listed; 0 for all.
#[must_use]
pub fn result(
    (old, new): (&Side<'_>, &Side<'_>),
    (old_view, new_view): (SideView, SideView),
    found: &Rebuilds,
    (plan, estimate): (&Plan, &Estimate),
    view: EstimateView,
    top: usize,
) -> ImpactResult {
    let took: HashMap<NodeIdx, u64> = estimate
        .units
        .iter()
        .filter_map(|it| Some((plan.task(it.node)?.node?, it.range?.p50.get())))
        .collect();
    let most = limit(top, found.roots.len());
    let roots = found.roots[..most].iter();
    let roots = roots.map(|root| {
        let took = |node| took.get(&node).copied();
        root_view(root, found, old, new, "/nix/store", took)
    });
    ImpactResult {
        estimate: view,
        old: old_view,
        new: new_view,
        total_roots: found.roots.len(),
        needed: found.n_needed,
        follow: found.n_follow,
        roots: roots.collect(),
    }
}
