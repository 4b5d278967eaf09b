//! `nixlog flamegraph`.

use std::collections::BTreeMap;
use std::fs;

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::program::{Ran, command, file, folder, nixlog, piped, run};

/// A profile as Nix writes it: the same stack twice, a path with a space, text that tries to be markup.
const PROFILE: &str = "\
/x y/a.nix:1:1:main;/x y/a.nix:2:3:fold';«nix-internal»/d.nix:37:12:primop derivationStrict:hello-1.0 3
/x y/a.nix:1:1:main;/x y/a.nix:2:3:fold;/lib/b.nix:4:5 5
/x y/a.nix:1:1:main;/x y/a.nix:2:3:fold 2
/x y/a.nix:1:1:main;/x y/a.nix:2:3:fold;/lib/b.nix:4:5 1
primop <b>&\u{1b}[31m 1
";

const TRACE: &str = "\
5 function-trace entered /a.nix:1:1 at 1795290360000000000
6 warning: something else
7 function-trace entered /b.nix:2:2 at 1795290360001000000
8 function-trace exited /b.nix:2:2 at 1795290360003500000
9 function-trace exited /a.nix:1:1 at 1795290360004000000
";

/// What speedscope's `file-format-spec.ts` asks for, and nothing else.
fn speedscope() -> Validator {
    let event = json!({
        "type": "object",
        "required": ["type", "at", "frame"],
        "additionalProperties": false,
        "properties": {
            "type": { "enum": ["O", "C"] },
            "at": { "type": "number" },
            "frame": { "type": "integer", "minimum": 0 },
        },
    });
    let units = json!([
        "none",
        "nanoseconds",
        "microseconds",
        "milliseconds",
        "seconds",
        "bytes"
    ]);
    let schema = json!({
        "type": "object",
        "required": ["$schema", "shared", "profiles"],
        "additionalProperties": false,
        "properties": {
            "$schema": { "const": "https://www.speedscope.app/file-format-schema.json" },
            "name": { "type": "string" },
            "exporter": { "type": "string" },
            "activeProfileIndex": { "type": "integer" },
            "shared": {
                "type": "object",
                "required": ["frames"],
                "properties": { "frames": { "type": "array", "items": {
                    "type": "object",
                    "required": ["name"],
                    "additionalProperties": false,
                    "properties": {
                        "name": { "type": "string" },
                        "file": { "type": "string" },
                        "line": { "type": "integer" },
                        "col": { "type": "integer" },
                    },
                } } },
            },
            "profiles": { "type": "array", "minItems": 1, "items": {
                "type": "object",
                "required": ["type", "name", "unit", "startValue", "endValue", "events"],
                "additionalProperties": false,
                "properties": {
                    "type": { "const": "evented" },
                    "name": { "type": "string" },
                    "unit": { "enum": units },
                    "startValue": { "type": "number" },
                    "endValue": { "type": "number" },
                    "events": { "type": "array", "items": event },
                },
            } },
        },
    });
    jsonschema::validator_for(&schema).expect("a schema")
}

/// Draws a profile; returns what is written and what is told.
fn draw(profile: &str, name: &str, more: &[&str]) -> (String, String) {
    let folder = folder();
    let profile = file(&folder, "my.profile", profile.as_bytes());
    let picture = folder.path().join(name);
    let picture = picture.to_str().expect("a name in UTF-8");
    let ran = nixlog(&[&["flamegraph", &profile, "-o", picture], more].concat());
    assert_eq!(
        (ran.status, ran.stdout.as_str()),
        (Some(0), ""),
        "{}",
        ran.stderr
    );
    (
        fs::read_to_string(picture).expect("it is written"),
        ran.stderr,
    )
}

/// Returns what the boxes of an image say: `what (place) (samples, share)`.
fn boxes(svg: &str) -> Vec<&str> {
    let titles = svg.split("<title>").skip(1);
    titles
        .filter_map(|rest| rest.split("</title>").next())
        .collect()
}

#[test]
fn an_image_says_what_it_shows() {
    let (svg, told) = draw(
        PROFILE,
        "out.svg",
        &["--frequency", "10", "--title", "<My & title>"],
    );
    let extent = "12 samples at 10 Hz, about 1.20s";
    assert_eq!(told, format!("nixlog: {extent}\n"));
    assert!(
        svg.contains("&lt;My &amp; title&gt;") && svg.contains(extent),
        "{svg}"
    );
    let mut found = boxes(&svg);
    found.sort_unstable();
    let want = [
        "all (12 samples, 100%)",
        "derivation hello-1.0 («nix-internal»/d.nix:37:12) (3 samples, 25.00%)",
        "fold (/x y/a.nix:2:3) (8 samples, 66.67%)",
        "fold&apos; (/x y/a.nix:2:3) (3 samples, 25.00%)",
        "lambda (/lib/b.nix:4:5) (6 samples, 50.00%)",
        "main (/x y/a.nix:1:1) (11 samples, 91.67%)",
        r"primop &lt;b&gt;&amp;\u{1b}[31m (1 samples, 8.33%)",
    ];
    assert_eq!(found, want);
    assert!(!svg.contains('\u{1b}'));
}

#[test]
fn calls_hang_from_their_callers_unless_they_are_to_stand() {
    let place = |svg: &str, name: &str| {
        let rest = svg
            .split(&format!("<title>{name} ("))
            .nth(1)
            .expect("its box");
        let y = rest
            .split(" y=\"")
            .nth(1)
            .and_then(|rest| rest.split('"').next());
        y.and_then(|y| y.parse::<f64>().ok()).expect("its place")
    };
    let (icicle, _) = draw("main;f 1\n", "out.svg", &["--width", "800"]);
    assert!(place(&icicle, "main") < place(&icicle, "f"));
    let (flame, _) = draw("main;f 1\n", "out.svg", &["--flame"]);
    assert!(place(&flame, "main") > place(&flame, "f"));
    assert!(icicle.contains(" width=\"800\""));
}

#[test]
fn the_difference_of_two_profiles() {
    let folder = folder();
    let before = file(&folder, "before", b"main;f 4\nmain;g 4\n");
    let (svg, told) = draw("main;f 1\nmain;g 7\n", "out.svg", &["--diff", &before]);
    assert_eq!(told, "nixlog: 8 samples; before: 8 samples\n");
    let mut found = boxes(&svg);
    found.sort_unstable();
    let want = [
        "all (8 samples, 100%)",
        "f (1 samples, 12.50%; -37.50%)",
        "g (7 samples, 87.50%; +37.50%)",
    ];
    assert_eq!((found[0], found[1], found[2]), (want[0], want[1], want[2]));
    let ran = nixlog(&[
        "flamegraph",
        &before,
        "--diff",
        &before,
        "--format",
        "collapsed",
    ]);
    assert!(ran.refused().contains("`--diff` needs an image"));
    let trace = file(&folder, "trace", TRACE.as_bytes());
    let ran = nixlog(&["flamegraph", &before, "--diff", &trace]);
    assert!(
        ran.refused()
            .contains("one profile has samples, and the other one times")
    );
}

#[test]
fn a_profile_for_speedscope() {
    for (profile, more, unit, end, frames) in [
        (PROFILE, &[][..], "none", 12.0, 6),
        (PROFILE, &["--frequency", "10"][..], "seconds", 1.2, 6),
        (TRACE, &[][..], "nanoseconds", 4e6, 2),
    ] {
        let (text, _) = draw(profile, "out.json", more);
        let json: Value = serde_json::from_str(&text).expect("JSON");
        let errors: Vec<String> = speedscope()
            .iter_errors(&json)
            .map(|error| error.to_string())
            .collect();
        assert_eq!(errors, [""; 0]);
        let profile = &json["profiles"][0];
        assert_eq!(
            (&profile["unit"], profile["endValue"].as_f64()),
            (&json!(unit), Some(end))
        );
        let names = json["shared"]["frames"].as_array().expect("frames");
        assert_eq!(names.len(), frames, "{names:?}");
        // Calls begin and end in order, and all of the profile lies in them.
        let mut open = Vec::new();
        let mut now = 0.0;
        for event in profile["events"].as_array().expect("events") {
            let at = event["at"].as_f64().expect("a time");
            assert!(at >= now && at <= end, "{event} after {now}");
            now = at;
            match event["type"].as_str() {
                Some("O") => open.push(&event["frame"]),
                _ => assert_eq!(open.pop(), Some(&event["frame"])),
            }
        }
        assert!(open.is_empty() && (now - end).abs() < 1e-9, "{now}");
    }
    let (text, _) = draw(PROFILE, "out.json", &[]);
    let json: Value = serde_json::from_str(&text).expect("JSON");
    let frame = &json["shared"]["frames"][1];
    assert_eq!(
        *frame,
        json!({ "name": "fold", "file": "/x y/a.nix", "line": 2, "col": 3 })
    );
}

#[test]
fn collapsed_stacks_are_each_there_once() {
    let (text, _) = draw(PROFILE, "out.folded", &[]);
    let stacks = |text: &str| {
        let mut all: BTreeMap<String, u64> = BTreeMap::new();
        for line in text.lines() {
            let (stack, count) = line.rsplit_once(' ').expect("a count");
            *all.entry(stack.to_owned()).or_default() += count.parse::<u64>().expect("a number");
        }
        all
    };
    assert_eq!(stacks(&text), stacks(PROFILE));
    assert_eq!(text.lines().count(), 4);
    // What it writes, it reads.
    assert_eq!(draw(&text, "again.folded", &[]).0, text);
    let (by_file, _) = draw(PROFILE, "out.folded", &["--by", "file"]);
    assert_eq!(
        by_file,
        "(none) 1\n/x y/a.nix 2\n/x y/a.nix;/lib/b.nix 6\n/x y/a.nix;«nix-internal»/d.nix 3\n"
    );
    let (traced, told) = draw(TRACE, "out.folded", &[]);
    assert_eq!(
        traced,
        "/a.nix:1:1 1500000\n/a.nix:1:1;/b.nix:2:2 2500000\n"
    );
    assert_eq!(told, "nixlog: 4ms in 2 calls\n");
}

#[test]
fn profiles_come_from_pipes_and_from_the_folder_where_nix_leaves_them() {
    let want = draw(PROFILE, "out.folded", &[]).0;
    let packed = zstd::encode_all(PROFILE.as_bytes(), 1).expect("it is compressed");
    for bytes in [PROFILE.as_bytes(), &packed] {
        let ran = piped(&["flamegraph", "--format", "collapsed"], bytes);
        assert_eq!((ran.status, ran.stdout), (Some(0), want.clone()));
    }
    let folder = folder();
    let here = |args: &[&str]| -> Ran { run(command(args).current_dir(folder.path())) };
    let refused = here(&["flamegraph"]).refused();
    assert!(
        refused.contains("there is no `nix.profile` here"),
        "{refused}"
    );
    file(&folder, "nix.profile", PROFILE.as_bytes());
    let ran = here(&["flamegraph", "--format", "collapsed"]);
    assert_eq!((ran.status, ran.stdout), (Some(0), want));
}

#[test]
fn what_is_no_profile_is_refused() {
    let folder = folder();
    for (bytes, hint) in [
        ("", "Nix leaves a profile empty when"),
        (
            "error: no\nbuilding '/nix/store/x.drv'...\n",
            "a profile is what `--eval-profiler flamegraph` writes",
        ),
    ] {
        let path = file(&folder, "profile", bytes.as_bytes());
        let refused = nixlog(&["flamegraph", &path]).refused();
        assert!(
            refused.contains("has no stacks") && refused.contains(hint),
            "{refused}"
        );
    }
    let (_, told) = draw("a 1\nwhat is this\n\nb;c x\n", "out.svg", &[]);
    assert!(
        told.starts_with("warning: `")
            && told.contains("2 lines could not be read, the first is line 2"),
        "{told}"
    );
}

#[test]
fn what_is_too_small_to_be_seen_is_part_of_its_caller() {
    let mut profile = "main;often 1000000\n".to_owned();
    for n in 0..50 {
        profile += &["main;seldom;f", &n.to_string(), " 1\n"].concat();
    }
    let (svg, told) = draw(&profile, "out.svg", &[]);
    assert!(
        told.contains("1 000 050 samples; 2 calls shown; 0.0% of all was spent in smaller ones"),
        "{told}"
    );
    assert_eq!(boxes(&svg).len(), 3, "{:?}", boxes(&svg));
}
