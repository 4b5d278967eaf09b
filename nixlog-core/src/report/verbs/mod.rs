//! A room for each verb: its result, what makes it, and its layout.

pub mod advise;
pub mod bottlenecks;
pub mod builds;
pub mod cache;
pub mod cache_candidates;
pub mod cache_coverage;
pub mod cache_probe;
pub mod check;
pub mod compare;
pub mod critical_path;
pub mod doctor;
pub mod eta;
pub mod eval;
pub mod eval_compare;
pub mod failures;
pub mod gate;
pub mod graph;
pub mod history;
pub mod impact;
pub mod inside;
pub mod lint;
pub mod machines;
pub mod parallelism;
pub mod phases;
pub mod rebuilds;
pub mod reconstruct;
pub mod runs;
pub mod silence;
pub mod slowest;
pub mod timeline;
pub mod trends;
pub mod what_if;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use super::envelope::{Answer, Report};

/// Lists verbs and their results.
macro_rules! answers {
    ($($verb:literal: $Result:ty,)+) => {
        /// The verbs that print a result as JSON.
        pub const VERBS: &[&str] = &[$($verb),+];

        /// Returns the JSON Schema (draft 2020-12) of what a verb prints; `None` for no such verb.
        #[must_use]
        pub fn schema(verb: &str) -> Option<Schema> {
            // It prints what the other one does.
            let verb = if verb == "ab" { "compare" } else { verb };
            match verb {
                $($verb => Some(root(report::<$Result>)),)+
                _ => None,
            }
        }

        /// Returns the JSON Schema of what any verb prints.
        #[must_use]
        pub fn any_schema() -> Schema {
            root(|generator| {
                let all = vec![$(report::<$Result>(generator)),+];
                json_schema!({ "oneOf": all })
            })
        }
    };
}

answers! {
    "advise": advise::AdviseResult,
    "baseline list": history::BaselineListResult,
    "baseline show": history::BaselineShowResult,
    "bottlenecks": bottlenecks::BottlenecksResult,
    "builds": builds::BuildsResult,
    "cache": cache::CacheResult,
    "cache coverage": cache_coverage::CacheCoverageResult,
    "cache probe": cache_probe::CacheProbeResult,
    "cache-candidates": cache_candidates::CacheCandidatesResult,
    "check": check::CheckResult,
    "compare": compare::CompareResult,
    "critical-path": critical_path::CriticalPathResult,
    "doctor": doctor::DoctorResult,
    "eta": eta::EtaResult,
    "eval": eval::EvalResult,
    "eval compare": eval_compare::EvalCompareResult,
    "failures": failures::FailuresResult,
    "gate": gate::GateResult,
    "graph": graph::GraphResult,
    "history": history::HistoryResult,
    "impact": impact::ImpactResult,
    "inside": inside::InsideResult,
    "lint": lint::LintResult,
    "machines": machines::MachinesResult,
    "parallelism": parallelism::ParallelismResult,
    "phases": phases::PhasesResult,
    "rebuilds": rebuilds::RebuildsResult,
    "reconstruct": reconstruct::ReconstructResult,
    "runs list": runs::RunsListResult,
    "runs prune": runs::RunsPruneResult,
    "runs show": runs::RunsShowResult,
    "silence": silence::SilenceResult,
    "slowest": slowest::SlowestResult,
    "timeline": timeline::TimelineResult,
    "trends": trends::TrendsResult,
    "what-if": what_if::WhatIfResult,
}

/// Makes the schema of a report, with the name of its own schema in it.
fn report<A: Answer>(generator: &mut SchemaGenerator) -> Schema
where
    Report<A, A::From>: JsonSchema,
{
    let report = generator.subschema_for::<Report<A, A::From>>();
    json_schema!({
        "title": A::SCHEMA,
        "allOf": [report],
        "properties": { "schema": { "const": A::SCHEMA } },
    })
}

/// Makes a whole schema of one that refers to others.
fn root(of: impl FnOnce(&mut SchemaGenerator) -> Schema) -> Schema {
    let mut generator = SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator();
    let mut schema = of(&mut generator);
    let others = generator.take_definitions(true);
    schema.insert("$defs".to_owned(), Value::Object(others));
    schema.insert(
        "$schema".to_owned(),
        Value::from("https://json-schema.org/draft/2020-12/schema"),
    );
    schema
}
