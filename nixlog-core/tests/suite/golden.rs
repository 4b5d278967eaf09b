//! What comes out for each recording: all numbers, as JSON.
//!
//! `just bless` rewrites the snapshots; read the diff. To keep it readable, a snapshot has one line
//! for each element of an array, and leaves out what is `null` in units.

use std::fmt::Write as _;

use insta::Settings;
use nixlog_core::analysis::phases::phases;
use nixlog_core::analysis::run_graph::RunGraph;
use nixlog_core::analysis::selection::{Selection, select};
use nixlog_core::analysis::sufficiency::sufficiency;
use nixlog_core::graph::DerivationGraph;
use nixlog_core::report::envelope::Report;
use nixlog_core::report::verbs;
use serde::Serialize;
use serde_json::Value;

use crate::recordings::{corpus, read};

/// Lays an object out: a line for each key, and one for each element of an array of objects.
fn lay_out(out: &mut String, value: &Value, indent: usize) {
    let Value::Object(object) = value else {
        write!(out, "{value}").expect("a String takes any text");
        return;
    };
    for (key, value) in object {
        write!(out, "\n{:indent$}{key}:", "").expect("a String takes any text");
        match value {
            Value::Object(_) => lay_out(out, value, indent + 2),
            Value::Array(elements) if elements.iter().any(Value::is_object) => {
                for element in elements {
                    let mut element = element.clone();
                    prune(&mut element);
                    write!(out, "\n{:indent$}  {element}", "").expect("a String takes any text");
                }
            }
            value => write!(out, " {value}").expect("a String takes any text"),
        }
    }
}

/// Removes what says nothing from an element of an array.
fn prune(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.retain(|_, value| {
                !value.is_null() && value.as_array().is_none_or(|all| !all.is_empty())
            });
            object.values_mut().for_each(prune);
        }
        Value::Array(elements) => elements.iter_mut().for_each(prune),
        _ => {}
    }
}

fn json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).expect("views are plain data")
}

/// Makes one text of a recording's three reports; what they have in common comes once.
fn snapshot(name: &str, bytes: &[u8]) -> String {
    let (source, timeline) = read(name, bytes);
    let phases = verbs::phases::result(&timeline, &phases(&timeline));
    let slowest = select(&timeline, &Selection::default());
    let slowest = verbs::slowest::result(&timeline, &slowest, None, |_| true, 0);
    let doctor = verbs::doctor::result(
        &source,
        &timeline,
        &sufficiency(
            &timeline,
            &RunGraph::new(&timeline, &DerivationGraph::default()).coverage(),
        ),
    );
    let mut out = String::new();
    let mut common = None;
    for mut report in [
        json(&Report::new(&source, &timeline, phases)),
        json(&Report::new(&source, &timeline, slowest)),
        json(&Report::new(&source, &timeline, doctor)),
    ] {
        let object = report.as_object_mut().expect("a report is an object");
        let schema = object.remove("schema").expect("a schema");
        let result = object.remove("result").expect("a result");
        assert_eq!(
            object.remove("nixlog_version"),
            Some(env!("CARGO_PKG_VERSION").into())
        );
        assert_eq!(*common.get_or_insert_with(|| report.clone()), report);
        write!(out, "\n\n== {}", schema.as_str().expect("a string"))
            .expect("a String takes any text");
        lay_out(&mut out, &result, 0);
    }
    let mut head = String::new();
    lay_out(&mut head, &common.expect("three reports"), 0);
    head.trim_start().to_owned() + &out + "\n"
}

#[test]
fn every_recording_gives_the_same_numbers() {
    let mut settings = Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_snapshot_path("golden");
    settings.set_omit_expression(true);
    settings.bind(|| {
        for recording in corpus() {
            let snapshot = snapshot(&recording.name, &recording.bytes());
            insta::assert_snapshot!(recording.name.as_str(), snapshot);
        }
    });
}
