//! Logs and their companions as they come out of other people's tools.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::program::{DIAMOND, command, file, folder, nixlog, recording, run};

/// Writes JSON as another program might: with blanks, and the keys in another order.
fn written_again(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().rev();
            let fields: Vec<_> = fields
                .map(|(key, value)| format!("{} : {}", json!(key), written_again(value)))
                .collect();
            format!("{{ {} }}", fields.join(" , "))
        }
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(written_again).collect();
            format!("[ {} ]", items.join(" , "))
        }
        other => other.to_string(),
    }
}

#[test]
fn a_recording_may_be_written_again_by_another_program() {
    let header = r#"{"type":"header","format":1,"via":"run","clock":"recorded","command":["nix","build"],"cores":4,"started_at_unix_ns":1795290000000000000}"#;
    let settings =
        r#"{"type":"settings","nix_version":"nix (Nix) 2.26.3","settings":{"max-jobs":3}}"#;
    let end = r#"{"type":"end","exit_status":0,"duration_ns":4000000000}"#;
    let log = String::from_utf8(recording(DIAMOND)).expect("text");
    let log = format!("0 @nixlog {header}\n0 @nixlog {settings}\n{log}4000000000 @nixlog {end}\n");
    let mut again = String::new();
    for line in log.lines() {
        let (head, json) = line.split_at(line.find('{').expect("all lines have JSON"));
        let json: Value = serde_json::from_str(json).expect("JSON");
        writeln!(again, "{head}{}", written_again(&json)).expect("in memory");
    }
    let folder = folder();
    let [log, again] =
        [("log", log), ("again", again)].map(|(name, log)| file(&folder, name, log.as_bytes()));
    let facts = |path: &str| {
        let json = nixlog(&["phases", path, "--json"]).json();
        let mut input = json["input"].clone();
        for differs in ["source", "bytes"] {
            input.as_object_mut().expect("facts").remove(differs);
        }
        (input, json["result"].clone())
    };
    let (input, result) = facts(&again);
    assert_eq!(input["clock"], "recorded");
    assert_eq!((input, result), facts(&log));
    let text = |path: &str| nixlog(&["cat", path]).result();
    assert_eq!(text(&again).lines().count(), text(&log).lines().count());
}

#[test]
fn a_log_may_be_utf_16() {
    let log = "building '/nix/store/5jrd75v747s76s16zxk59384xfcjqn58-ünit-1.0.drv'...\n";
    let log = format!("2026-11-25T10:00:00Z {log}2026-11-25T10:00:05Z done\n");
    let folder = folder();
    let units = |mark: &str, bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
        let log = format!("{mark}{log}").replace('\n', "\r\n");
        log.encode_utf16().flat_map(bytes).collect()
    };
    for bytes in [
        units("", u16::to_le_bytes),
        units("", u16::to_be_bytes),
        units("\u{feff}", u16::to_le_bytes),
        units("\u{feff}", u16::to_be_bytes),
        format!("\u{feff}{log}").into_bytes(),
    ] {
        let path = file(&folder, "log", &bytes);
        let json = nixlog(&["slowest", &path, "--json"]).json();
        assert_eq!(json["input"]["carrier"], "date-time");
        assert_eq!(json["input"]["wall_ns"], 5_000_000_000_u64);
        assert_eq!(json["result"]["units"][0]["name"], "ünit-1.0");
        let diagnostics = json["diagnostics"].as_array().expect("a list");
        assert!(diagnostics.iter().all(|one| one["code"] != "not-utf8"));
    }
}

#[test]
fn path_infos_of_every_format_make_a_graph() {
    let folder = folder();
    for json in [
        r#"{"/nix/store/5z1g-a":{"narHash":"sha256-","references":["/nix/store/8l01-b"]},"/nix/store/8l01-b":{"narHash":"sha256-","references":[]},"/nix/store/none":null}"#,
        r#"{"info":{"5z1g-a":{"narHash":"sha256-","references":["8l01-b"],"signatures":["k:s"]},"8l01-b":{"narHash":"sha256-","references":[]},"none":null},"storeDir":"/nix/store","version":2}"#,
        r#"{"info":{"5z1g-a":{"narHash":"sha256-","references":["8l01-b"],"signatures":[{"keyName":"k","sig":"s"}],"version":3},"8l01-b":{"narHash":"sha256-","references":[]}},"storeDir":"/nix/store","version":3}"#,
    ] {
        let path = file(&folder, "infos.json", json.as_bytes());
        let ran = run(&mut command(&["graph", "--derivations", &path, "--json"]));
        assert_eq!(ran.status, Some(0), "{json}: {ran:?}");
        let result = &ran.json()["result"];
        assert_eq!(result["edges"], json!([[0, 1]]), "{json}");
    }
    // Nothing in it is no error of another kind.
    let path = file(
        &folder,
        "infos.json",
        br#"{"info":{},"storeDir":"/nix/store","version":2}"#,
    );
    let said = nixlog(&["graph", "--derivations", &path]).refused();
    assert!(said.contains("there are no derivations"), "{said}");
}
