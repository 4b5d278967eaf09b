//! Lines of every style, and recordings of real builds against what their builders noted.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::wire::message::{ActivityNote, Note, log_tail, read};

const D: &str = "/nix/store/nj4lr50fi8zx82q4v3k55sslqjf0iv0h-broken-1.0.drv";
const P: &str = "/nix/store/708gk5mc2p45d1gx8gi11vs6130h475x-go-orc-3.19.4";

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!("../../../tests/fixtures/human/", $name))
    };
}

/// Gives all events of a log, as text that can be compared.
fn told(log: &str) -> Vec<String> {
    let mut all = Vec::new();
    each(log, |event| all.push(format!("{event:?}")));
    all
}

/// Gives all events of a log to `see`.
fn each(log: &str, mut see: impl FnMut(HumanEvent<'_>)) {
    let mut reader = HumanReader::default();
    for line in log.split_inclusive('\n') {
        reader.line(line, &mut see);
    }
    reader.finish(&mut see);
}

/// Gives the derivations whose builds start in a log, in order.
fn started(log: &str) -> Vec<String> {
    let mut all = Vec::new();
    each(log, |event| {
        if let HumanEvent::Activity(ActivityNote::Building { drv, machine: None }) = event {
            all.push(drv.to_owned());
        }
    });
    all
}

/// Gives the failed builds of a log: name and reason.
fn failures(log: &str) -> Vec<(String, String)> {
    let mut all = Vec::new();
    each(log, |event| {
        if let HumanEvent::Note(Note::BuildFailed { drv, failure }) = event {
            let drv = drv.expect("all of these name the derivation");
            all.push((
                crate::store_path::name_of(drv).to_owned(),
                failure.to_string(),
            ));
        }
    });
    all
}

#[test]
fn reads_single_lines() {
    let machine = Some("ssh-ng://builder-a");
    let from = Some("https://cache.nixos.org");
    let cases = [
        (
            "building '<D>'...",
            HumanEvent::Activity(ActivityNote::Building {
                drv: D,
                machine: None,
            }),
        ),
        (
            "building '<D>' on 'ssh-ng://builder-a'...",
            HumanEvent::Activity(ActivityNote::Building { drv: D, machine }),
        ),
        (
            "checking outputs of '<D>'...",
            HumanEvent::Activity(ActivityNote::Checking {
                drv: D,
                machine: None,
            }),
        ),
        (
            "repairing outputs of '<D>'...",
            HumanEvent::Activity(ActivityNote::Repairing {
                drv: D,
                machine: None,
            }),
        ),
        (
            "copying path '<P>' from 'https://cache.nixos.org'...",
            HumanEvent::Activity(ActivityNote::CopyingPath {
                path: P,
                from,
                to: None,
            }),
        ),
        (
            "downloading 'https://x/y.tar.gz'...",
            HumanEvent::Activity(ActivityNote::Downloading {
                uri: "https://x/y.tar.gz",
            }),
        ),
        (
            "evaluating derivation 'path:/x#default'...",
            HumanEvent::Activity(ActivityNote::EvaluatingDerivation {
                attr: "path:/x#default",
            }),
        ),
        (
            "waiting for lock on '<P>'...",
            HumanEvent::Activity(ActivityNote::WaitingForLock {
                paths: "'/nix/store/708gk5mc2p45d1gx8gi11vs6130h475x-go-orc-3.19.4'",
            }),
        ),
        (
            "evaluating file '/x/flake.nix'",
            HumanEvent::Note(Note::EvaluatingFile {
                path: "/x/flake.nix",
            }),
        ),
        (
            "warning: Git tree '/x' is dirty",
            HumanEvent::Note(Note::DirtyTree),
        ),
        (
            "disabling binary cache 'https://x' for 60 seconds",
            HumanEvent::Note(Note::CacheDisabled {
                uri: "https://x",
                seconds: 60,
            }),
        ),
        (
            "\u{1b}[32mhello> \u{1b}[0mtext",
            HumanEvent::BuildLog {
                pname: "hello",
                text: "text",
                post_hook: false,
            },
        ),
        (
            "hello (post)> text",
            HumanEvent::BuildLog {
                pname: "hello",
                text: "text",
                post_hook: true,
            },
        ),
        (
            "hello>",
            HumanEvent::BuildLog {
                pname: "hello",
                text: "",
                post_hook: false,
            },
        ),
        (
            "post-build-hook: uploaded",
            HumanEvent::HookLog { text: "uploaded" },
        ),
        (
            "building the system configuration...",
            HumanEvent::SystemConfiguration,
        ),
        (
            "setting up /etc...",
            HumanEvent::Activation {
                text: "setting up /etc...",
            },
        ),
        (
            "Activating linkGeneration",
            HumanEvent::Activation {
                text: "Activating linkGeneration",
            },
        ),
    ];
    for (template, want) in cases {
        let line = template.replace("<D>", D).replace("<P>", P);
        assert_eq!(told(&line), [format!("{want:?}")], "{line}");
    }
}

#[test]
fn other_lines_are_text() {
    for line in [
        "",
        "building 'hello-1.0' with ",
        "building...",
        "checking for vector.h... yes",
        "a > b",
        "-> b",
        ">>> import this",
        "<html> x",
        "bash-5.2> ls",
        "x>y",
        "[43%] Building CXX object src/index.cc.o",
        "[1/4] Linking",
        "  /nix/store/708gk5mc2p45d1gx8gi11vs6130h475x-go-orc-3.19.4",
        "timed out after 3 seconds",
        "interrupted by the user",
        "Activating foo",
        "Activating the thing",
        "setting up users...",
        "       indented",
        "warning: unused variable",
    ] {
        let want = format!("{:?}", HumanEvent::Text(line.trim_end()));
        assert_eq!(told(&format!("{line}\n")), [want], "{line}");
    }
}

#[test]
fn a_name_counts_only_where_it_is_built() {
    let log = format!("building '{D}'...\nbroken> x\nother> x\nbroken (post)> y\n");
    let told = told(&log);
    assert_eq!(
        told[1..],
        [
            format!(
                "{:?}",
                HumanEvent::BuildLog {
                    pname: "broken",
                    text: "x",
                    post_hook: false
                }
            ),
            format!("{:?}", HumanEvent::Text("other> x")),
            format!(
                "{:?}",
                HumanEvent::BuildLog {
                    pname: "broken",
                    text: "y",
                    post_hook: true
                }
            ),
        ]
    );
}

#[test]
fn a_plan_ends_with_the_first_other_line() {
    let item = format!("{:?}", HumanEvent::Note(Note::PlanItem { path: D }));
    let log = format!("this derivation will be built:\n  {D}\n  {D}\nx\n  {D}\n");
    let told = told(&log);
    assert_eq!(told[1..3], [item.clone(), item]);
    assert_eq!(
        told[4],
        format!("{:?}", HumanEvent::Text(&format!("  {D}")))
    );
}

#[test]
fn joins_the_lines_of_an_error() {
    let log = format!(
        "error: Cannot build '{D}'.\n       Reason: builder failed with exit code 2.\n       Last 2 log lines:\n       > a\n       > b\n       For full logs, run:\n         nix log {D}\n       more\n"
    );
    let mut tail = Vec::new();
    let mut notes = 0;
    each(&log, |event| match event {
        HumanEvent::Error { text } => tail.extend(log_tail(text).map(str::to_owned)),
        HumanEvent::Note(Note::BuildFailed { .. }) => notes += 1,
        HumanEvent::Text(text) => assert_eq!(text, "       more"),
        other => panic!("{other:?}"),
    });
    assert_eq!((tail, notes), (vec!["a".to_owned(), "b".to_owned()], 1));
}

#[test]
fn empty_lines_belong_to_an_error_that_goes_on() {
    let log = "error: x\n\n       at y\n\nz\n";
    assert_eq!(
        told(log),
        [
            format!(
                "{:?}",
                HumanEvent::Error {
                    text: "error: x\n\n       at y"
                }
            ),
            format!("{:?}", HumanEvent::Text("")),
            format!("{:?}", HumanEvent::Text("z")),
        ]
    );
}

#[test]
fn an_endless_error_is_not_kept() {
    let line = format!("       > {}\n", "x".repeat(4096));
    let log = format!(
        "error: builder for '{D}' failed with exit code 1;\n{}",
        line.repeat(200)
    );
    each(&log, |event| {
        if let HumanEvent::Error { text } = event {
            assert!(text.len() < 300 * 1024, "{}", text.len());
        }
    });
    assert_eq!(failures(&log).len(), 1);
}

#[test]
fn reads_an_activation() {
    let log = "building the system configuration...
these 2 derivations will be built:
  /nix/store/708gk5mc2p45d1gx8gi11vs6130h475x-etc.drv
building '/nix/store/708gk5mc2p45d1gx8gi11vs6130h475x-etc.drv'...
setting up users...
updating GRUB 2 menu...
stopping the following units: a.service
activating the configuration...
setting up /etc...
setting up users...
reloading user units for root...
restarting the following units: b.service
the following new units were started: c.service
Starting Home Manager activation
Activating checkFilesChanged
Creating home file links in /home/x
done
";
    let mut activation = 0;
    let mut texts = Vec::new();
    each(log, |event| match event {
        HumanEvent::Activation { .. } => activation += 1,
        HumanEvent::Text(text) => texts.push(text.to_owned()),
        _ => {}
    });
    assert_eq!(
        (activation, texts),
        (
            11,
            vec!["setting up users...".to_owned(), "done".to_owned()]
        )
    );
}

#[test]
fn reads_status_lines() {
    let tally = |running, done, expected| Tally {
        running,
        done,
        expected,
        failed: 0,
    };
    let status = |text: &str| {
        let mut found = None;
        each(text, |event| {
            if let HumanEvent::BarStatus(status) = event {
                found = Some((
                    status.built,
                    status.copied,
                    status.copied_bytes,
                    status.downloaded_bytes,
                    status.build().map(|build| format!("{build:?}")),
                ));
            }
        });
        found
    };
    let mib = 1_048_576;
    assert_eq!(
        status("[1/0/4 built, 0/1/2 copied (1.5/3.0 MiB), 0.5 MiB DL] building foo-1.0 (buildPhase): last: line"),
        Some((
            Some(tally(1, 0, 4)),
            Some(tally(0, 1, 2)),
            Some(tally(0, mib + mib / 2, 3 * mib)),
            Some(tally(0, mib / 2, mib / 2)),
            Some(r#"BarBuild { name: "foo-1.0", machine: None, phase: Some("buildPhase"), line: Some("last: line") }"#.to_owned()),
        ))
    );
    assert_eq!(
        status("[2/5 built (1 failed)] building foo on ssh-ng://a: x"),
        Some((
            Some(Tally { failed: 1, ..tally(0, 2, 5) }),
            None,
            None,
            None,
            Some(r#"BarBuild { name: "foo", machine: Some("ssh-ng://a"), phase: None, line: Some("x") }"#.to_owned()),
        ))
    );
    // From 2.33 on, each size has a unit of its own where one for all does not do.
    let copied = |text: &str| {
        status(&format!(
            "[1/4 built, 1/196/197 copied ({text}), 3.0 KiB DL] x"
        ))?
        .2
    };
    let gib = 1024 * mib;
    for (text, want) in [
        ("773.7 MiB/2.1 GiB", tally(0, 811_283_251, 2_254_857_830)),
        (
            "1.0 KiB/1.5 MiB/3.0 GiB",
            tally(1024, mib + mib / 2, 3 * gib),
        ),
        ("1.0/1.5/3.0 GiB", tally(gib, gib + gib / 2, 3 * gib)),
        ("3.0 GiB", tally(0, 3 * gib, 3 * gib)),
        (
            "1.0/2.0 GiB (1.0 MiB failed)",
            Tally {
                failed: mib,
                ..tally(0, gib, 2 * gib)
            },
        ),
    ] {
        assert_eq!(copied(text), Some(want), "{text}");
    }
    assert_eq!(copied("1.0/2.0"), None);
    assert_eq!(
        status("[3 paths verified] checking x"),
        Some((None, None, None, None, None))
    );
    assert_eq!(status("[1/4 eaten] x"), None);
}

/// Gives the activities of all states of a status line, with the builds that run then.
fn states(log: &str) -> Vec<(Option<u64>, String)> {
    let mut all = Vec::new();
    each(log, |event| match event {
        HumanEvent::BarStatus(status) => {
            let running = status.built.map(|built| built.running);
            all.push((running, status.activity.to_owned()));
        }
        other => all.push((None, format!("{other:?}"))),
    });
    all
}

#[test]
fn a_status_can_have_a_line_for_each_activity() {
    let frame = "[2/0/3 built]\u{1b}[0m\r\nbuilding \u{1b}[1ma-1.0\u{1b}[0m (buildPhase): x\u{1b}[0m\r\nfetching \u{1b}[1mb-1.0\u{1b}[0m from https://x\u{1b}[0m\r\n";
    let want = [
        (Some(2), String::new()),
        (None, "building a-1.0 (buildPhase): x".to_owned()),
        (None, "fetching b-1.0 from https://x".to_owned()),
    ];
    let message = format!(
        "{:?}",
        HumanEvent::BuildLog {
            pname: "a",
            text: "y",
            post_hook: false
        }
    );
    let evaluating = (None, "evaluating derivation 'x#y'".to_owned());
    let (update, show) = UPDATE;
    for (begin, end) in [(update, show), ("", "")] {
        // What was there, a message, the same again.
        let log = format!(
            "{begin}\u{1b}[G\u{1b}[1F\u{1b}[J{frame}{end}{begin}\u{1b}[G\u{1b}[3F\u{1b}[J\u{1b}[2ma> \u{1b}[0my\u{1b}[0m\r\n{begin}\u{1b}[J{frame}{end}{begin}\u{1b}[G\u{1b}[3F\u{1b}[J{end}done\n"
        );
        let got = states(&log);
        assert_eq!(got[..3], want, "{log:?}");
        assert_eq!(got[3], (None, message.clone()));
        assert_eq!(got[4..7], want);
        assert_eq!(got[7..], [(None, "Text(\"done\")".to_owned())]);
    }
    let early = format!("{update}\r\u{1b}[K{}\u{1b}[0m\r\n{show}\n", evaluating.1);
    assert_eq!(states(&early), [evaluating]);
    // Outside of what is drawn, no line is taken for one.
    let plain = "[1/4 built] x\nbuilding a-1.0\nfetching b-1.0 from https://x\n";
    assert_eq!(states(plain)[1].1, "Text(\"building a-1.0\")");
}

const UPDATE: (&str, &str) = ("\u{1b}[?2026h", "\u{1b}[?2026l");

#[test]
fn a_status_shows_substitutions() {
    let mut found = Vec::new();
    let log = "\r[1/2 copied] fetching a-1.0 from https://x\u{1b}[K\r[1/2 copied] copying b from local://y\u{1b}[K\r[1/2 copied] copying path '/nix/store/x' from 'y'\u{1b}[K\r\u{1b}[K\n";
    each(log, |event| {
        if let HumanEvent::BarStatus(status) = event {
            assert!(status.overdrawn);
            found.extend(
                status
                    .fetch()
                    .map(|fetch| format!("{} {}", fetch.name, fetch.from)),
            );
        }
    });
    assert_eq!(found, ["a-1.0 https://x", "b local://y"]);
}

#[test]
fn the_builds_of_a_log_are_those_that_ran() {
    for (log, built) in [
        (
            fixture!("nix-2.8.0-raw.log"),
            fixture!("nix-2.8.0-raw.built"),
        ),
        (
            fixture!("nix-2.26.3-raw.log"),
            fixture!("nix-2.26.3-raw.built"),
        ),
        (
            fixture!("nix-2.34.8-raw.log"),
            fixture!("nix-2.34.8-raw.built"),
        ),
    ] {
        let started = started(log);
        let distinct: BTreeSet<_> = started.iter().map(String::as_str).collect();
        assert_eq!(started.len(), 40);
        assert_eq!(distinct, built.lines().collect());
    }
}

#[test]
fn failures_have_the_right_derivation_and_reason() {
    let broken = ("broken-1.0".to_owned(), "exit code 2".to_owned());
    for log in [
        fixture!("nix-2.8.0-fail.log"),
        fixture!("nix-2.26.3-fail.log"),
        fixture!("nix-2.34.8-fail.log"),
    ] {
        assert_eq!(failures(log), std::slice::from_ref(&broken));
        assert_eq!(started(log).len(), 2);
        each(log, |event| {
            if let HumanEvent::Error { text } = event {
                let last = log_tail(text).last();
                assert_eq!(last, Some("make: *** [Makefile:42: render.o] Error 1"));
            }
            assert!(!matches!(event, HumanEvent::Text(_)), "{event:?}");
        });
    }
    let offline = [
        ("bash44-003", "exit code 1"),
        ("bash-4.4-p12", "1 dependency failed"),
        ("hello-2.10", "1 dependency failed"),
    ]
    .map(|(name, why)| (name.to_owned(), why.to_owned()));
    for log in [
        fixture!("nix-2.26.3-offline.log"),
        fixture!("nix-2.34.8-offline.log"),
    ] {
        assert_eq!(failures(log), offline);
        let mut downloads = (0, 0);
        each(log, |event| match event {
            HumanEvent::Note(Note::DownloadFailed { retrying: true, .. }) => downloads.0 += 1,
            HumanEvent::Note(Note::DownloadFailed { .. }) => downloads.1 += 1,
            HumanEvent::Text(text) => panic!("{text}"),
            _ => {}
        });
        assert_eq!(downloads, (16, 1));
    }
}

#[test]
fn every_state_of_a_terminal_is_given() {
    for log in [
        fixture!("nix-2.8.0-bar-pty.log"),
        fixture!("nix-2.26.3-bar-pty.log"),
        fixture!("nix-2.34.8-bar-pty.log"),
    ] {
        let (mut states, mut most, mut done) = (0, 0, 0);
        each(log, |event| {
            let HumanEvent::BarStatus(status) = event else {
                panic!("{event:?}");
            };
            states += 1;
            if let Some(built) = status.built {
                most = most.max(built.running);
                assert!(built.done >= done && built.done <= built.expected);
                done = built.done;
            }
            assert!(status.build().is_some() || !status.activity.starts_with("building"));
        });
        assert_eq!((most, done), (4, 39));
        // Erased lines are redrawn as nothing.
        let drawn = log.split('\r').map(crate::wire::ansi::strip);
        assert_eq!(states, drawn.filter(|text| !text.trim().is_empty()).count());
    }
}

#[test]
fn lines_of_builds_are_told_from_the_status_line() {
    let (mut lines, mut states) = (0, 0);
    each(
        fixture!("nix-2.26.3-bar-with-logs-pty.log"),
        |event| match event {
            HumanEvent::BuildLog {
                post_hook: false, ..
            } => lines += 1,
            HumanEvent::BarStatus(_) => states += 1,
            other => panic!("{other:?}"),
        },
    );
    assert_eq!(lines, 120);
    assert!(states > 0);
}

#[test]
fn lines_of_builds_have_their_names() {
    let mut kinds = [0; 4];
    each(fixture!("nix-2.34.8-build-L.log"), |event| match event {
        HumanEvent::Note(_) => kinds[0] += 1,
        HumanEvent::Activity(ActivityNote::Building { .. }) => kinds[1] += 1,
        HumanEvent::BuildLog { .. } => kinds[2] += 1,
        other => panic!("{other:?}"),
    });
    assert_eq!(kinds[0], 41);
    assert_eq!(kinds.iter().sum::<i32>(), 150);

    // Bare lines of nix-build: nothing tells whose they are, and none is taken for something else.
    each(fixture!("nix-2.34.8-nix-build.log"), |event| {
        assert!(
            matches!(
                event,
                HumanEvent::Note(Note::PlanBuild { .. } | Note::PlanItem { .. })
                    | HumanEvent::Activity(ActivityNote::Building { .. })
                    | HumanEvent::Text(_)
            ),
            "{event:?}"
        );
    });

    let mut texts = Vec::new();
    each(fixture!("nix-2.34.8-atnix-L.log"), |event| {
        if let HumanEvent::Text(text) = event {
            texts.push(text[..6].to_owned());
        }
    });
    assert_eq!(texts, ["forged", "bad JS", "bad JS"]);
}

#[test]
fn evaluation_shows_in_verbose_logs() {
    let (mut files, mut derivations) = (0, 0);
    each(fixture!("nix-2.26.3-flake-v-L.log"), |event| match event {
        HumanEvent::Note(Note::EvaluatingFile { .. }) => files += 1,
        HumanEvent::Activity(ActivityNote::EvaluatingDerivation { .. }) => derivations += 1,
        _ => {}
    });
    assert_eq!((files, derivations), (35, 1));
}

#[test]
fn line_endings_do_not_matter() {
    for log in [
        fixture!("nix-2.26.3-fail.log"),
        fixture!("nix-2.34.8-offline.log"),
        fixture!("nix-2.34.8-build-L.log"),
        fixture!("nix-2.26.3-flake-v-L.log"),
    ] {
        assert_eq!(told(log), told(&log.replace('\n', "\r\n")));
    }
}

/// What lines are made of, in any order.
const LINES: &str = "(error:|       |Reason: |building|'/nix/store/708gk5mc2p45d1gx8gi11vs6130h475x-x.drv'|these 2 derivations will be built:|x> |x \\(post\\)> |\\[1/4 built|, 0/1/2 copied|\\]|\\.\\.\\.|For full logs, run:|got:|specified:|\n|\n\n|\r|\u{1b}\\[K|\u{1b}\\[2m|\u{1b}\\[0m| |ä|> )*";

proptest! {
    #[test]
    fn reads_any_lines(log in LINES) {
        let told = told(&log);
        prop_assert!(told.len() <= 2 * (log.matches(['\n', '\r']).count() + 1));
    }

    #[test]
    fn reads_any_text(log in "(\\PC|\n|\r|\u{1b})*") {
        drop(told(&log));
    }

    #[test]
    fn carriage_returns_at_the_end_do_not_matter(log in LINES) {
        let log = log.replace('\r', "");
        prop_assert_eq!(told(&log), told(&log.replace('\n', "\r\n")));
    }

    #[test]
    fn an_error_block_reads_as_the_message(text in "[ -~]*") {
        let block = format!("error: {text}");
        let mut seen = Vec::new();
        each(&block, |event| if let HumanEvent::Note(note) = event {
            seen.push(format!("{note:?}"));
        });
        let note = read(&block);
        let want = if note == Note::Other { Vec::new() } else { vec![format!("{note:?}")] };
        prop_assert_eq!(seen, want);
    }
}

#[test]
fn blanks_that_pad_lines_are_not_read() {
    let log = [
        "these 2 derivations will be built:",
        "  /nix/store/5jrd75v747s76s16zxk59384xfcjqn58-bash-5.2.tar.gz.drv",
        "building '/nix/store/5jrd75v747s76s16zxk59384xfcjqn58-bash-5.2.tar.gz.drv'...",
        "error: hash mismatch in fixed-output derivation '/nix/store/5jrd75v747s76s16zxk59384xfcjqn58-bash-5.2.tar.gz.drv':",
        "         specified: sha256-oTnBZt9/9EccXgczBRZC7lVWwcyKSnjxRVg8XIGrMvs=",
        "            got:    sha256-0ofL38Lr0XXVdJAbqpJb2oCQelqqUmG2z6JLdIRjUkE=",
        "error: builder for '/nix/store/nj4lr50fi8zx82q4v3k55sslqjf0iv0h-broken-1.0.drv' failed with exit code 1;",
        "",
        "       last 1 log lines:",
        "       > boom",
    ];
    let as_is = told(&log.map(|line| format!("{line}\n")).concat());
    for pad in [" ", "\t", "  \u{1b}[0m ", " \r"] {
        let padded = log.map(|line| format!("{line:<130}{pad}\n")).concat();
        assert_eq!(told(&padded), as_is, "{pad:?}");
    }
}
