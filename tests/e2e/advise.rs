//! `advise`: savings that other verbs confirm, and settings that are written only when somebody agrees.

use std::fs;

use crate::program::{file, folder, nixlog};
use crate::schema::{faults, recordings, schema};

const SLOW: &str = "2.34.8-subst-subst-slow.ts.log.zst";
const DERIVATIONS: &str = "2.34.8-subst-subst-slow.drvs.tar.gz";

/// What is advised saves what `what-if` says of the same change.
#[test]
fn the_saving_of_a_cache_is_that_of_what_if() {
    let words = [SLOW, "--derivations", DERIVATIONS, "--json"];
    let report = nixlog(&[&["advise"][..], &words].concat()).json();
    assert_eq!(faults(&schema("advise"), &report), [""; 0]);
    let advice = report["result"]["advice"].as_array().expect("a list");
    let cached = advice
        .iter()
        .find(|it| it["id"] == "put-into-cache")
        .expect("half of it was built");
    let units = cached["units"].as_array().expect("a list");
    let names: Vec<&str> = units
        .iter()
        .map(|unit| unit["name"].as_str().expect("a name"))
        .collect();
    let mut asked = vec!["what-if"];
    asked.extend(names.iter().flat_map(|name| ["--cached", name]));
    asked.extend(words);
    let what_if = nixlog(&asked).json();
    let saving = what_if["result"]["saving_ns"].as_i64().expect("a saving");
    let told = cached["saving_ns"].as_i64().expect("a saving");
    assert!(told > 0 && told <= saving, "{told} of {saving}");
    assert_eq!(cached["basis"], "simulated");
    // Together it is no more than the whole.
    let combined = report["result"]["combined_saving_ns"].as_u64();
    assert!(combined <= report["result"]["wall_ns"].as_u64());
}

#[test]
fn every_recording_has_advice_or_none() {
    let schema = schema("advise");
    for log in &recordings() {
        let report = nixlog(&["advise", log, "--json"]).json();
        assert_eq!(faults(&schema, &report), [""; 0], "{log}");
        let result = &report["result"];
        for it in result["advice"].as_array().expect("a list") {
            let (low, high) = (&it["saving_low_ns"], &it["saving_high_ns"]);
            assert!(low.as_u64() <= it["saving_ns"].as_u64(), "{log}: {it}");
            assert!(it["saving_ns"].as_u64() <= high.as_u64(), "{log}: {it}");
            assert!(
                !it["evidence"].as_array().expect("a list").is_empty(),
                "{log}: {it}"
            );
        }
    }
}

/// Four builds of a second each that need nothing of each other, one after the other.
const ONE_BY_ONE: &str = r#"0 @nixlog {"type":"header","format":1,"clock":"recorded","via":"run","command":["nix-build","-j","1"]}
0 @nix {"action":"start","id":1,"level":0,"parent":0,"text":"","type":102}
0 @nix {"action":"start","id":2,"level":0,"parent":0,"text":"","type":104}
A
4000000000 @nix {"action":"stop","id":2}
4000000000 @nix {"action":"stop","id":1}
"#;

fn one_by_one(folder: &tempfile::TempDir) -> [String; 2] {
    let hash = |n: usize| format!("{n}ajh8plhm64ypnph30js1a3lq6zsyxqr");
    let line = |n: usize| {
        let (id, drv) = (n + 10, format!("/nix/store/{}-b{n}.drv", hash(n)));
        format!(
            "{}000000000 @nix {{\"action\":\"start\",\"fields\":[\"{drv}\",\"\",1,1],\"id\":{id},\"level\":3,\"parent\":0,\"text\":\"\",\"type\":105}}\n{}000000000 @nix {{\"action\":\"stop\",\"id\":{id}}}",
            n,
            n + 1
        )
    };
    let lines: Vec<String> = (0..4).map(line).collect();
    let log = ONE_BY_ONE.replace("\nA\n", &format!("\n{}\n", lines.join("\n")));
    let drvs: Vec<String> = (0..4)
        .map(|n| {
            format!(
                "\"/nix/store/{}-b{n}.drv\":{{\"outputs\":{{\"out\":{{\"path\":\"/nix/store/{}-b{n}\"}}}},\"inputSrcs\":[],\"inputDrvs\":{{}},\"system\":\"x\",\"builder\":\"b\",\"args\":[],\"env\":{{}}}}",
                hash(n),
                hash(n + 4)
            )
        })
        .collect();
    let drvs = format!("{{{}}}", drvs.join(","));
    [
        file(folder, "log", log.as_bytes()),
        file(folder, "drvs.json", drvs.as_bytes()),
    ]
}

#[test]
fn settings_are_shown_and_written_with_a_backup() {
    let folder = folder();
    let [log, drvs] = one_by_one(&folder);
    let words = ["advise", &log, "--derivations", &drvs];
    let module = nixlog(&[&words[..], &["--format", "nix"]].concat()).result();
    assert!(module.contains("    max-jobs = 4;\n"), "{module}");
    let conf = file(&folder, "nix.conf", b"cores = 2\nmax-jobs = 1\n");
    let apply = [&words[..], &["--apply", "--to", &conf]].concat();
    // Nobody is there to be asked.
    let refused = nixlog(&apply).refused();
    assert!(refused.contains("--yes"), "{refused}");
    assert!(
        refused.contains("-max-jobs = 1\n+max-jobs = 4\n"),
        "{refused}"
    );
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).expect("a file");
    assert_eq!(read("nix.conf"), "cores = 2\nmax-jobs = 1\n");
    let agreed = nixlog(&[&apply[..], &["--yes"]].concat());
    assert_eq!(agreed.status, Some(0), "{}", agreed.stderr);
    assert_eq!(read("nix.conf"), "cores = 2\nmax-jobs = 4\n");
    assert_eq!(read("nix.conf.backup"), "cores = 2\nmax-jobs = 1\n");
    let again = nixlog(&[&apply[..], &["--yes"]].concat());
    assert!(
        again.stderr.contains("has all of it already"),
        "{}",
        again.stderr
    );
}
