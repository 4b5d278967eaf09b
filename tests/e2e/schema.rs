//! What every verb prints as JSON, held to the schema that the program prints of it.

use std::fs;

use jsonschema::Validator;
use serde_json::{Map, Value};

use crate::program::{nixlog, root};
use crate::verbs::{Verb, reports, verbs};

/// Lets no field pass that a schema does not name: each that is printed must be told.
fn strict(value: &mut Value) {
    match value {
        Value::Object(object) => {
            if object.contains_key("properties") && !object.contains_key("allOf") {
                object.insert("additionalProperties".to_owned(), false.into());
            }
            object.values_mut().for_each(strict);
        }
        Value::Array(values) => values.iter_mut().for_each(strict),
        _ => {}
    }
}

pub(crate) fn schema(verb: &str) -> Validator {
    let words: Vec<&str> = ["schema"].into_iter().chain(verb.split(' ')).collect();
    let mut schema = nixlog(&words).json();
    strict(&mut schema);
    jsonschema::validator_for(&schema).expect("a schema")
}

/// Returns where a report is not what its schema says.
pub(crate) fn faults(schema: &Validator, report: &Value) -> Vec<String> {
    let errors = schema.iter_errors(report);
    errors
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

pub(crate) fn recordings() -> Vec<String> {
    let all = fs::read_dir(root().join("corpus")).expect("the corpus is there");
    let names = all.map(|entry| entry.expect("a file").file_name().into_string());
    let mut logs: Vec<String> = names
        .map(|name| name.expect("a plain name"))
        .filter(|name| name.contains(".ts.log"))
        .collect();
    logs.sort();
    logs
}

#[test]
fn every_report_of_every_recording_is_what_its_schema_says() {
    let logs = recordings();
    assert!(logs.len() > 10, "{logs:?}");
    for verb in reports() {
        let schema = schema(&verb.name);
        for log in &logs {
            let ran = nixlog(&verb.about(&[log, "--json", "--no-store"]));
            assert_eq!(ran.status, Some(0), "{verb:?} {log}");
            let faults = faults(&schema, &ran.json());
            assert!(faults.is_empty(), "{} {log}: {faults:#?}", verb.name);
        }
    }
}

/// A validator that lets everything pass would hold nobody to anything.
#[test]
fn a_report_that_is_otherwise_does_not_pass() {
    let log = recordings().swap_remove(0);
    let report = nixlog(&["phases", &log, "--json"]).json();
    let schema = schema("phases");
    assert_eq!(faults(&schema, &report), [""; 0]);
    let changed = |change: &dyn Fn(&mut Map<String, Value>)| {
        let mut report = report.clone();
        change(report["result"].as_object_mut().expect("an object"));
        !faults(&schema, &report).is_empty()
    };
    assert!(changed(&|it| {
        it.insert("wall_ns".to_owned(), "soon".into());
    }));
    assert!(changed(&|it| {
        it.insert("more".to_owned(), 1.into());
    }));
    assert!(changed(&|it| {
        it.remove("phases");
    }));
    assert!(changed(&|it| {
        it["phases"][0]["phase"] = "napping".into();
    }));
}

/// `nixlog schema` knows every verb that has `--json`, and its schema of all takes what each prints.
#[test]
fn each_verb_that_prints_json_has_a_schema() {
    let known = |verb: &Verb| {
        let words: Vec<&str> = ["schema"].into_iter().chain(verb.name.split(' ')).collect();
        nixlog(&words).status == Some(0)
    };
    for verb in verbs() {
        let prints_json = verb.formats.iter().any(|format| format == "json");
        assert_eq!(known(verb), prints_json, "{}", verb.name);
    }
    let any = jsonschema::validator_for(&nixlog(&["schema"]).json()).expect("a schema");
    let log = recordings().swap_remove(0);
    for verb in reports() {
        let report = nixlog(&verb.about(&[&log, "--json"])).json();
        assert_eq!(faults(&any, &report), [""; 0], "{}", verb.name);
    }
}

#[test]
fn a_verb_without_a_schema_is_told_which_have_one() {
    let ran = nixlog(&["schema", "cat"]);
    assert_eq!(ran.status, Some(2));
    assert!(ran.stderr.contains("phases"), "{}", ran.stderr);
}
