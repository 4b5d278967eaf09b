//! SARIF 2.1.0, which code hosts and editors show beside the code.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::envelope::Report;
use super::format::harmless;
use super::verbs::lint::LintResult;
use crate::lint::Rule;

/// Something to be shown at a place.
struct Alert<'a> {
    /// The name of the rule that it breaks.
    rule: &'a str,
    message: String,
    place: Place<'a>,
    /// What else is known.
    properties: Value,
}

/// A place in a file. Columns are in characters.
struct Place<'a> {
    file: &'a str,
    line: Option<u32>,
    column: Option<u32>,
    end_line: Option<u32>,
}

impl Place<'_> {
    fn location(&self) -> Value {
        let mut region = serde_json::Map::new();
        let lines = [
            ("startLine", self.line),
            ("startColumn", self.column),
            ("endLine", self.end_line),
        ];
        for (name, number) in lines {
            region.extend(number.map(|number| (name.to_owned(), json!(number))));
        }
        let mut location = json!({ "artifactLocation": artifact(self.file) });
        if !region.is_empty() {
            location["region"] = Value::Object(region);
        }
        json!({ "physicalLocation": location })
    }
}

/// Writes the findings of `lint`.
///
/// # Errors
///
/// Passes on what the output says.
pub fn write(report: &Report<LintResult, ()>, out: &mut dyn Write) -> io::Result<()> {
    let result = &report.result;
    let rules = Rule::ALL.map(|rule| {
        json!({
            "id": rule.name(),
            "shortDescription": { "text": rule.title() },
            "fullDescription": { "text": rule.reason() },
            "help": { "text": rule.fix() },
        })
    });
    let alerts = result.findings.iter().map(|it| Alert {
        rule: it.rule.name(),
        message: format!("{}: {}", it.message, it.rule.reason()),
        place: Place {
            file: &it.file,
            line: Some(it.line),
            column: Some(it.character),
            end_line: Some(it.end_line),
        },
        properties: json!({ "cost_share": it.cost_share }),
    });
    let problems = result.problems.iter().map(|it| {
        let place = Place {
            file: &it.file,
            line: it.line,
            column: None,
            end_line: None,
        };
        json!({
            "level": "warning",
            "message": { "text": harmless(&it.message) },
            "locations": [place.location()],
        })
    });
    let problems: Vec<Value> = problems.collect();
    let log = log(report.nixlog_version, &rules, alerts, &problems);
    serde_json::to_writer_pretty(&mut *out, &log)?;
    writeln!(out)
}

/// Makes a log of one run.
fn log<'a>(
    version: &str,
    rules: &[Value],
    alerts: impl Iterator<Item = Alert<'a>>,
    notifications: &[Value],
) -> Value {
    let results = alerts.map(|alert| {
        json!({
            "ruleId": alert.rule,
            "ruleIndex": rules.iter().position(|rule| rule["id"] == alert.rule),
            "level": "warning",
            "message": { "text": harmless(&alert.message) },
            "locations": [alert.place.location()],
            "properties": alert.properties,
        })
    });
    let results: Vec<Value> = results.collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "nixlog", "semanticVersion": version, "rules": rules } },
            "columnKind": "unicodeCodePoints",
            "invocations": [{
                "executionSuccessful": true,
                "toolExecutionNotifications": notifications,
            }],
            "results": results,
        }],
    })
}

/// Names a file as an address: below the root of the sources, unless its path is absolute.
fn artifact(file: &str) -> Value {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let path = file.strip_prefix("./").unwrap_or(file);
    let mut uri = String::new();
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b'~' => {
                uri.push(char::from(byte));
            }
            _ => {
                let [high, low] = [byte >> 4, byte & 15].map(|half| HEX[usize::from(half)]);
                uri.extend([b'%', high, low].map(char::from));
            }
        }
    }
    match path.starts_with('/') {
        true => json!({ "uri": format!("file://{uri}") }),
        false => json!({ "uri": uri, "uriBaseId": "%SRCROOT%" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_addresses() {
        let uri = |file| artifact(file)["uri"].as_str().map(str::to_owned);
        assert_eq!(uri("./a b/é.nix").as_deref(), Some("a%20b/%C3%A9.nix"));
        assert_eq!(uri("/a/b#.nix").as_deref(), Some("file:///a/b%23.nix"));
        assert_eq!(artifact("/a").get("uriBaseId"), None);
        assert_eq!(artifact("a")["uriBaseId"], "%SRCROOT%");
    }
}
