//! The chart and the formats that only it has.

use insta::assert_snapshot;
use serde_json::Value;

use crate::program::{DIAMOND, FAIL, REMOTE, SLOW, command, file, folder, nixlog, run, unstamped};

const DIAMOND_DRVS: &str = "2.26.3-diamond-build-v.drvs.tar.gz";

/// Returns the rows of a chart, without what is around it.
fn rows(text: &str) -> Vec<&str> {
    let is_row = |line: &&str| line.contains('│') || line.matches('|').count() > 1;
    text.lines().filter(is_row).collect()
}

/// The steps of a build lie inside it in a trace, and in one another: a viewer drops what does not nest.
#[test]
fn traces_show_the_steps_of_builds() {
    const KINDS: [&str; 7] = [
        "configure",
        "compile",
        "link",
        "test",
        "install",
        "fixup",
        "other",
    ];
    for (log, at_least) in [(DIAMOND, 3), (REMOTE, 50)] {
        let trace = nixlog(&["timeline", log, "--format", "chrome"]).json();
        let mut slices: Vec<(u64, u64, u64, bool)> = Vec::new();
        let events = trace["traceEvents"].as_array().expect("a list").iter();
        for event in events.filter(|event| event["ph"] == "X") {
            let nanos = |key: &str| {
                let micros = event[key].to_string();
                let (whole, rest) = micros.split_once('.').unwrap_or((&micros, "0"));
                let whole: u64 = whole.parse().expect("a number");
                whole * 1000
                    + format!("{rest:0<3}")
                        .parse::<u64>()
                        .expect("three decimals")
            };
            let (start, length) = (nanos("ts"), nanos("dur"));
            let is_step = KINDS.contains(&event["cat"].as_str().expect("a kind"));
            let thread = event["tid"].as_u64().expect("a thread");
            slices.push((thread, start, u64::MAX - (start + length), is_step));
        }
        slices.sort_unstable();
        let mut around: Vec<(u64, u64, bool)> = Vec::new();
        let mut n_steps = 0;
        for (thread, start, end, is_step) in slices {
            let end = u64::MAX - end;
            while around
                .last()
                .is_some_and(|outer| outer.0 != thread || outer.1 <= start)
            {
                around.pop();
            }
            if let Some(outer) = around.last() {
                assert!(end <= outer.1, "{log}: {start}..{end} leaves {outer:?}");
            }
            if is_step {
                n_steps += 1;
                assert!(
                    around.iter().any(|outer| !outer.2),
                    "{log}: {start} is in no build"
                );
            }
            around.push((thread, end, is_step));
        }
        assert!(n_steps >= at_least, "{log}: {n_steps}");
    }
}

#[test]
fn traces() {
    assert_snapshot!(nixlog(&["timeline", DIAMOND, "--format", "chrome"]).result());
    for log in [FAIL, REMOTE, SLOW] {
        let trace = nixlog(&["timeline", log, "--format", "chrome"]).result();
        let trace: Value = serde_json::from_str(&trace).expect("a trace is JSON");
        assert!(
            trace["traceEvents"]
                .as_array()
                .is_some_and(|events| events.len() > 20)
        );
        assert_eq!(trace["otherData"]["source"], log);
    }
}

#[test]
fn pictures_and_pages() {
    assert_snapshot!(nixlog(&["timeline", DIAMOND, "--format", "svg"]).result());
    let page = nixlog(&["timeline", FAIL, "--format", "html"]).result();
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>\n"));
    assert!(
        page.contains("libaspell-0.14.7") && page.contains("exit code 7"),
        "{page}"
    );
    let folder = folder();
    let path = folder.path().join("timeline.html");
    let to = path.to_str().expect("temporary folders have plain names");
    nixlog(&["timeline", FAIL, "--format", "html", "-o", to]).result();
    assert_eq!(std::fs::read_to_string(path).ok(), Some(page));
}

/// Opens a page in a browser, runs a script in it, and returns what that says; `None` without a browser.
fn in_a_browser(page: &str, script: &str) -> Option<String> {
    const HELPERS: &str = r#"
        const chart = document.getElementById("c"), pin = document.getElementById("pin"), said = [];
        const press = (...keys) => { for (const key of keys) chart.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true })); };
        const texts = (of) => [...pin.querySelectorAll(of)].map((it) => it.textContent).join(", ");
    "#;
    let script = format!(
        "<script>{{{HELPERS}{script}\ndocument.body.dataset.said = said.join('; ');}}</script></body>"
    );
    let folder = folder();
    let page = page.replace("</body>", &script);
    let path = file(&folder, "page.html", page.as_bytes());
    let dumped = ["chromium", "chromium-browser", "google-chrome"]
        .iter()
        .find_map(|browser| {
            std::process::Command::new(browser)
                .args(["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"])
                .args(["--virtual-time-budget=1000", "--window-size=1400,900"])
                .arg(format!("--user-data-dir={}", folder.path().display()))
                .arg(format!("file://{path}"))
                .output()
                .ok()
        })?;
    let dumped = String::from_utf8_lossy(&dumped.stdout).into_owned();
    let (_, said) = dumped.split_once("data-said=\"")?;
    Some(said.split('"').next()?.to_owned())
}

#[test]
fn a_page_is_walked_by_keys_with_a_real_browser() {
    let page = |args: &[&str]| nixlog(&[&["timeline", "--format", "html"], args].concat()).result();
    let known = page(&[DIAMOND, "--derivations", DIAMOND_DRVS]);
    let script = r#"
        chart.focus();
        press("ArrowRight", "ArrowDown", "ArrowDown", "ArrowDown", "ArrowRight", "Enter");
        said.push(texts("h2"), texts(".n, .n ~ button"), texts(".d, .d ~ button"));
        press("ArrowDown");
        said.push(document.getElementById("h").textContent.split("\n")[0]);
        press("Escape");
        said.push(pin.hidden);
        const search = document.getElementById("q");
        search.value = "DIAMOND-B";
        search.dispatchEvent(new Event("input"));
        said.push(document.getElementById("m").textContent, document.querySelectorAll("table#units tr").length - 1);
    "#;
    let Some(said) = in_a_browser(&known, script) else {
        return;
    };
    let want = "diamond-b-1.0; needs 1 , diamond-a-1.0; needed by 1 , diamond-d-1.0; diamond-c-1.0; true; 1 of 7 units; 1";
    assert_eq!(said, want);
    // What is not known is not guessed.
    let unknown = page(&[DIAMOND, "--no-store"]);
    let script = r#"press("ArrowRight", "ArrowDown", "ArrowDown", "Enter"); said.push(texts("p:last-child"));"#;
    let said = in_a_browser(&unknown, script);
    let want = "what it needs and what needs it is not known, since no derivations were found";
    assert_eq!(said.as_deref(), Some(want));
}

/// A verb's formats are those that its help lists.
#[test]
fn formats_of_another_verb_are_refused() {
    let said = nixlog(&["phases", DIAMOND, "--format", "chrome"]).refused();
    assert!(
        said.contains("[possible values: text, json, md, csv]"),
        "{said}"
    );
    let said = nixlog(&["timeline", DIAMOND, "--format", "pdf"]).refused();
    assert!(said.contains("csv, chrome, html, svg]"), "{said}");
}

#[test]
fn width() {
    let widest = |text: &str| rows(text).iter().map(|row| row.chars().count()).max();
    for (args, want) in [
        (&[][..], 80),
        (&["--width", "120"], 120),
        (&["--width", "50"], 50),
    ] {
        let text = nixlog(&[&["timeline", FAIL], args].concat()).result();
        assert_eq!(widest(&text), Some(want), "{text}");
    }
    let piped = run(command(&["timeline", FAIL]).env_remove("COLUMNS")).result();
    assert_eq!(widest(&piped), Some(100), "{piped}");
    for bad in ["39", "10001", "wide"] {
        let said = nixlog(&["timeline", FAIL, "--width", bad]).refused();
        assert!(said.contains("from 40 to 10000"), "{said}");
    }
}

#[test]
fn ascii_is_asked_for_or_all_that_the_locale_has() {
    let asked = nixlog(&["timeline", FAIL, "--ascii"]).result();
    assert!(asked.is_ascii(), "{asked}");
    assert_snapshot!(asked);
    let by_locale = |locale: &str| {
        let mut command = command(&["timeline", FAIL]);
        run(command.env("LC_ALL", locale)).result()
    };
    assert_eq!(by_locale("C"), asked);
    assert_ne!(by_locale("de_DE.UTF-8"), asked);
    let mut unset = command(&["timeline", FAIL]);
    let unset = run(unset
        .env_remove("LC_ALL")
        .env_remove("LC_CTYPE")
        .env_remove("LANG"))
    .result();
    assert!(unset.contains('│'), "{unset}");
}

#[test]
fn rows_are_folded() {
    let label = |row: &&str| {
        row.split(['│', '|'])
            .next()
            .map(|label| label.trim().to_owned())
    };
    let labels = |args: &[&str]| -> Vec<String> {
        let text = nixlog(&[&["timeline", FAIL], args].concat()).result();
        rows(&text).iter().filter_map(label).collect()
    };
    assert_eq!(
        labels(&["--top", "2"]),
        ["evaluation", "inputs", "slot 1", "slot 2", "slots 3–4"]
    );
    // A fold of one saves nothing.
    assert_eq!(labels(&["--top", "3"]), labels(&["--top", "0"]));
}

#[test]
fn only_what_is_asked_for() {
    let text = nixlog(&["timeline", FAIL, "--filter", "^libaspell"]).result();
    let chart = rows(&text);
    assert!(chart.len() == 1 && chart[0].starts_with("slot 3"), "{text}");
    assert!(text.contains("units not drawn: filtered out"), "{text}");
    let text = nixlog(&["timeline", FAIL, "--min-duration", "1h"]).result();
    assert!(
        rows(&text).is_empty() && text.contains("no unit matches"),
        "{text}"
    );
}

#[test]
fn without_times_there_is_no_chart() {
    let folder = folder();
    let path = file(&folder, "plain.log", &unstamped(FAIL));
    let text = nixlog(&["timeline", &path]).result();
    assert!(rows(&text).is_empty(), "{text}");
    let first = text.lines().next().unwrap_or_default();
    assert!(first.contains("without timestamps: no chart"), "{text}");
    assert!(text.contains("next: nixlog run -- nix build …"), "{text}");
    for format in ["md", "csv", "svg", "html", "chrome"] {
        nixlog(&["timeline", &path, "--format", format]).result();
    }
}

/// Colour never says what the text does not.
#[test]
fn color_adds_nothing() {
    let plain = nixlog(&["timeline", FAIL]).result();
    let colored = nixlog(&["timeline", FAIL, "--color", "always"]).result();
    let mut stripped = String::new();
    for (at, piece) in colored.split('\u{1b}').enumerate() {
        stripped += if at == 0 {
            piece
        } else {
            piece.split_once('m').map_or("", |(_, text)| text)
        };
    }
    assert_eq!(stripped, plain);
}
