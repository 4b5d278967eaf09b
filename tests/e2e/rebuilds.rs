//! `nixlog rebuilds`: two recordings without a store, and the reasons why the second one built anything.

use serde_json::{Value, json};

use crate::contract::list;
use crate::program::{file, folder, nixlog, run};
use crate::runs::{Home, recorded};

/// A derivation: its name, a variable of its own, what it needs.
type Drv<'a> = (&'a str, &'a str, &'a [&'a str]);

/// Makes a recording in which all these are built; a name is behind one of these 32 characters.
fn log(version: char, drvs: &[Drv<'_>], started_at: &str) -> Vec<u8> {
    let hash = |name: &str| {
        let mut hash: String = name.chars().filter(|c| "abcdfghij".contains(*c)).collect();
        hash.push(version);
        format!("{hash:0<32}")
    };
    let store = |name: &str, suffix: &str| format!("/nix/store/{}-{name}{suffix}", hash(name));
    let write = |stamp: &str, mark: &str, json: &Value, to: &mut String| {
        let line = [stamp, " ", mark, " ", &json.to_string(), "\n"].concat();
        to.push_str(&line);
    };
    let (mut side, mut events) = (String::new(), String::new());
    for (number, (name, says, needs)) in (1_u64..).zip(drvs) {
        let inputs = needs
            .iter()
            .map(|it| format!(r#"("{}",["out"])"#, store(it, ".drv")));
        let inputs: Vec<String> = inputs.collect();
        let outputs: Vec<String> = needs.iter().map(|it| store(it, "")).collect();
        let (path, out) = (store(name, ".drv"), store(name, ""));
        let aterm = format!(
            r#"Derive([("out","{out}","","")],[{}],[],"x86_64-linux","/bin/sh",[],[("inputs","{}"),("out","{out}"),("says","{says}")])"#,
            inputs.join(","),
            outputs.join(" "),
        );
        let record = json!({"type": "derivation", "path": path, "aterm": aterm});
        write("0", "@nixlog", &record, &mut side);
        let start = json!({"action": "start", "fields": [path, "", 1, 1], "id": number, "level": 3, "parent": 0, "text": "building", "type": 105});
        let stop = json!({"action": "stop", "id": number});
        let second = 1_000_000_000;
        write(&(number * second).to_string(), "@nix", &start, &mut events);
        write(
            &((number + 1) * second).to_string(),
            "@nix",
            &stop,
            &mut events,
        );
    }
    let header = json!({"format": 1, "via": "run", "clock": "recorded", "command": ["nix", "build"], "started_at": started_at});
    let end = json!({"exit_status": 0, "duration_ns": 9_000_000_000_u64});
    recorded(&header, (side + &events).as_bytes(), Some(&end))
}

fn names(units: &Value) -> Vec<&str> {
    let units = list(units).iter();
    units
        .map(|unit| unit["name"].as_str().expect("a name"))
        .collect()
}

const BEFORE: &[Drv<'_>] = &[
    ("ab-1", "x", &[]),
    ("bc-1", "one two", &["ab-1"]),
    ("cd-1", "", &[]),
    ("df-1", "", &["bc-1", "cd-1"]),
];

#[test]
fn roots_and_what_follows() {
    let folder = folder();
    let before = file(&folder, "before.nixlog.zst", &log('1', BEFORE, ""));
    let mut changed = BEFORE.to_vec();
    changed[1].1 = "one three two";
    changed[2].1 = "new";
    let after = file(&folder, "after.nixlog.zst", &log('2', &changed, ""));
    let report = nixlog(&["rebuilds", &before, &after, "--json", "--no-store"]).json();
    let result = &report["result"];
    assert_eq!(report["schema"], "nixlog.rebuilds/1");
    // `ab` has another hash and says the same: something that is not told differs.
    let roots = list(&result["roots"]);
    let of = |name: &str| roots.iter().find(|root| root["unit"]["name"] == name);
    let bc = of("bc-1").expect("it says more");
    assert_eq!(
        bc["changes"],
        json!([{"what": "says", "old": null, "new": "three"}])
    );
    assert_eq!(names(&bc["cascade"]), ["df-1"]);
    assert_eq!(
        (&bc["cost_ns"], &bc["alone_ns"]),
        (&json!(2_000_000_000), &json!(1_000_000_000))
    );
    assert_eq!(
        names(&of("cd-1").expect("it says something")["cascade"]),
        ["df-1"]
    );
    assert!(of("df-1").is_none(), "it only follows");
    assert_eq!(
        (&result["follow"], &result["shared"]),
        (&json!(1), &json!(1))
    );
    let what = |name: &str| of(name).map(|it| it["changes"][0]["what"].clone());
    assert_eq!(what("ab-1"), Some(json!("derivation")));
    let text = nixlog(&["rebuilds", &before, &after, "--no-store"]).result();
    assert!(text.contains("4 builds: 3 roots ("), "{text}");
    assert!(text.contains("says: + three"), "{text}");
}

#[test]
fn the_same_again_is_unexplained() {
    let folder = folder();
    let before = file(&folder, "before.nixlog.zst", &log('1', BEFORE, ""));
    let report = nixlog(&["rebuilds", &before, &before, "--json", "--no-store"]).json();
    let result = &report["result"];
    assert_eq!(
        (&result["total_roots"], &result["total_unexplained"]),
        (&json!(0), &json!(4))
    );
    for build in list(&result["unexplained"]) {
        assert_eq!(build["reason"], "built-before");
    }
    // One alone: nothing to compare with.
    let alone = nixlog(&["rebuilds", &before, "--json", "--no-store"]).json();
    assert_eq!(alone["result"]["before"], Value::Null);
    assert_eq!(list(&alone["result"]["unexplained"]).len(), 4);
}

#[test]
fn the_runs_are_named_like_all_others() {
    let home = Home::new();
    home.record(&crate::program::recording(crate::program::DIAMOND));
    home.record(&crate::program::recording(crate::program::DIAMOND));
    let ran = run(&mut home.command(&["rebuilds", "last~1", "last", "--no-store"]));
    let text = ran.result();
    assert!(text.contains("compared with last~1"), "{text}");
    let refused = nixlog(&["rebuilds", "no-such-log", "neither"]).refused();
    assert!(refused.contains("no-such-log"), "{refused}");
}
