//! Every way to go wrong: what, where, why, and what to do next; and the exit status.

use std::fs::File;
use std::process::{Command, Stdio};

use insta::assert_snapshot;

use crate::program::{DIAMOND, REMOTE, Ran, command, file, folder, nixlog, piped, recording, run};
use crate::verbs::{all_refuse, reports};

/// Returns what all verbs say to an input.
fn refused(name: &str, bytes: &[u8]) -> String {
    let folder = folder();
    let path = file(&folder, name, bytes);
    all_refuse(&[&path]).replace(&folder.path().display().to_string(), "FOLDER")
}

#[test]
fn nothing_there() {
    assert_snapshot!(all_refuse(&["missing.log"]), @r"
    error: there is no file, no run and no name `missing.log`
    hint: name a log file, or record a build: nixlog run -- nix build …
    ");
}

#[test]
fn a_folder() {
    assert_snapshot!(nixlog(&["phases", "."]).refused(), @r"
    error: cannot read `.`
    caused by: is a directory
    hint: name a log file inside the folder
    ");
    let folder = File::open(".").expect("here");
    assert_snapshot!(run(command(&["phases"]).stdin(folder)).refused(), @r"
    error: cannot read standard input
    caused by: Is a directory (os error 21)
    hint: name a log file inside the folder
    ");
}

/// Whoever counts on the status is told; `doctor` says what was read.
#[test]
fn nothing_in_it() {
    let empty = zstd::encode_all(&b""[..], 1).expect("memory takes it");
    for (name, bytes) in [("empty.log", &b""[..]), ("empty.log.zst", &empty)] {
        let folder = folder();
        let path = file(&folder, name, bytes);
        for verb in reports().filter(|verb| verb.name != "doctor") {
            let said = nixlog(&verb.about(&[&path])).refused();
            assert!(said.contains(" is empty\n"), "{verb:?}: {said}");
            // Programs get their object all the same.
            let ran = nixlog(&verb.about(&[&path, "--json"]));
            assert_eq!(ran.status, Some(2), "{verb:?}");
            assert_eq!(ran.json()["input"]["lines"], 0, "{verb:?}");
            assert!(ran.stderr.contains(" is empty\n"), "{verb:?}: {ran:?}");
        }
        let text = nixlog(&["doctor", &path]).result();
        assert!(text.contains("empty"), "{text}");
    }
    let text: &[u8] = b"# A page\n\nthat is no log\n";
    for bytes in [text, b"{\"a\": 1}\n", b"0 hello\n1 world\n", b"\n"] {
        let folder = folder();
        let path = file(&folder, "page.md", bytes);
        let said = nixlog(&["phases", &path]).refused();
        let said = said.replace(&path, "PAGE");
        assert!(
            said.starts_with("error: nothing of a Nix build in `PAGE`\nhint: "),
            "{said}"
        );
        let said = piped(&["phases"], bytes).refused();
        assert!(
            said.contains("nothing of a Nix build in standard input\n"),
            "{said}"
        );
    }
}

/// `nix build … | nixlog phases`, without the `&`.
#[test]
fn nothing_in_the_pipe() {
    assert_snapshot!(piped(&["phases"], b"").refused(), @r"
    error: standard input is empty
    hint: Nix logs to standard error: `nix build … |& nixlog phases`, or `2>&1 |` if the shell has no `|&`
    ");
    assert_snapshot!(piped(&["phases", "-"], b"").refused(), @r"
    error: standard input is empty
    hint: Nix logs to standard error: `nix build … |& nixlog phases`, or `2>&1 |` if the shell has no `|&`
    ");
}

#[test]
fn not_a_log() {
    let mut seed = 1_u32;
    let mut next = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        seed.to_be_bytes()[0]
    };
    let garbage: Vec<u8> = (0..5000).map(|_| next()).collect();
    assert_snapshot!(refused("garbage", &garbage), @r"
    error: `FOLDER/garbage` is not a log: 26 of its 27 lines are not text
    hint: nixlog unpacks gzip, zstd, xz and bzip2; unpack anything else first
    ");
}

#[test]
fn damaged_from_the_start() {
    let cases: [(&str, &[u8]); 4] = [
        ("log.gz", b"\x1f\x8b\x08\x00"),
        ("log.zst", b"\x28\xb5\x2f\xfd"),
        ("log.xz", b"\xfd7zXZ\x00"),
        ("log.bz2", b"BZh9"),
    ];
    let said = cases.map(|(name, bytes)| refused(name, bytes));
    assert_snapshot!(said.join("\n"), @r"
    error: cannot read `FOLDER/log.gz`
    caused by: unexpected end of file
    hint: the first bytes say gzip: is the file complete?

    error: cannot read `FOLDER/log.zst`
    caused by: incomplete frame
    hint: the first bytes say zstd: is the file complete?

    error: cannot read `FOLDER/log.xz`
    caused by: premature eof
    hint: the first bytes say xz: is the file complete?

    error: cannot read `FOLDER/log.bz2`
    caused by: decompression not finished but EOF reached
    hint: the first bytes say bzip2: is the file complete?
    ");
}

/// What was read before the damage still counts.
#[test]
fn cut_off() {
    let log = recording(REMOTE);
    let zstd = zstd::encode_all(log.as_slice(), 1).expect("memory takes it");
    let mut gzip = flate2::read::GzEncoder::new(log.as_slice(), flate2::Compression::fast());
    let mut gzipped = Vec::new();
    std::io::copy(&mut gzip, &mut gzipped).expect("memory takes it");
    let folder = folder();
    for (name, bytes) in [("log.zst", zstd), ("log.gz", gzipped)] {
        let path = file(&folder, name, &bytes[..bytes.len() / 2]);
        let ran = nixlog(&["doctor", &path, "--json"]);
        assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""));
        let report = ran.json();
        assert_eq!(report["input"]["complete"], false);
        assert!(report["input"]["lines"].as_u64() > Some(1000), "{name}");
        let diagnostics = report["diagnostics"].as_array().expect("a list");
        let cut = diagnostics.iter().find(|each| each["code"] == "input-cut");
        let message = cut.expect("it is said")["message"].as_str().expect("text");
        assert!(
            message.starts_with("the input breaks off after "),
            "{message}"
        );
        assert!(
            message.ends_with("; what came before was read"),
            "{message}"
        );
    }
}

#[test]
fn carriers() {
    assert_snapshot!(nixlog(&["phases", DIAMOND, "--carrier", "pigeon"]).refused(), @r"
    error: unknown carrier `pigeon`
    hint: known carriers: none, nanos, seconds, seconds-interval, ts, ts-iso, ts-elapsed, ts-interval, time-of-day, date-time, unix, unix-millis, unix-micros, unix-nanos, github-actions, github-cli, gitlab, journald-short, journald-iso, journald-unix, journald-full, journald-monotonic, journald-export, journald-json, docker-json, docker-logs, cri, kubectl, asciinema-v1, asciinema-v2, asciinema-v3, script, buildkite, buildkit, teamcity, line-above, names
    hint: without `--carrier`, nixlog detects the format
    ");
    let clock = |carrier: &str| nixlog(&["phases", DIAMOND, "--json", "--carrier", carrier]).json();
    let right = clock("nanos");
    assert_eq!(
        (&right["input"]["clock"], &right["input"]["carrier"]),
        (&"carrier".into(), &"nanos".into())
    );
    assert_eq!(
        right["result"],
        nixlog(&["phases", DIAMOND, "--json"]).json()["result"]
    );
    let wrong = clock("gitlab");
    assert_eq!(
        (&wrong["input"]["clock"], &wrong["input"]["carrier"]),
        (&"none".into(), &"gitlab".into())
    );
    assert!(wrong["result"]["wall_ns"].is_null());
}

#[test]
fn timing_files() {
    assert_snapshot!(nixlog(&["phases", DIAMOND, "--timing", "missing"]).refused(), @r"
    error: cannot read the timing file `missing`
    caused by: No such file or directory (os error 2)
    hint: `script --log-timing FILE --log-out TYPESCRIPT` writes it beside the log
    ");
    // As `script` writes them: seconds since the last piece, and how many bytes came.
    let folder = folder();
    let start = "@nix {\"action\":\"start\",\"fields\":[\"/nix/store/7ajh8plhm64ypnph30js1a3lq6zsyxqr-hello-2.12.drv\",\"\",1,1],\"id\":1,\"level\":3,\"parent\":0,\"text\":\"\",\"type\":105}\r\n";
    let stop = "@nix {\"action\":\"stop\",\"id\":1}\r\n";
    let header = "Script started on 2026-11-21 19:41:12+00:00 [COMMAND=\"nix build\"]\n";
    let typescript = file(
        &folder,
        "typescript",
        format!("{header}{start}{stop}").as_bytes(),
    );
    let timing = format!("0.500000 {}\n2.000000 {}\n", start.len(), stop.len());
    let timing = file(&folder, "timing", timing.as_bytes());
    let ran = nixlog(&["slowest", &typescript, "--timing", &timing, "--json"]);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    let report = ran.json();
    assert_eq!(report["input"]["carrier"], "script");
    assert_eq!(
        report["result"]["units"][0]["duration_ns"],
        2_000_000_000_u64
    );
}

#[test]
fn wrong_use() {
    let said = |args: &[&str]| nixlog(args).refused();
    assert_snapshot!(said(&["frobnicate"]), @r"
    error: unrecognized subcommand 'frobnicate'

    Usage: nixlog <COMMAND>

    For more information, try '--help'.
    ");
    assert_snapshot!(said(&["phases", "one", "two"]), @r"
    error: unexpected argument 'two' found

    Usage: nixlog phases [OPTIONS] [INPUT]

    For more information, try '--help'.
    ");
    assert_snapshot!(said(&["phases", "--format", "xml"]), @r"
    error: invalid value 'xml' for '--format <FORMAT>'
      [possible values: text, json, md, csv]

    For more information, try '--help'.
    ");
    assert_snapshot!(said(&["phases", "--json", "--format", "md"]), @r"
    error: the argument '--json' cannot be used with '--format <FORMAT>'

    Usage: nixlog phases --json [INPUT]

    For more information, try '--help'.
    ");
    assert_snapshot!(said(&["phases", "--tee", "-o", "report"]), @r"
    error: the argument '--tee' cannot be used with '--output <FILE>'

    Usage: nixlog phases --tee [INPUT]

    For more information, try '--help'.
    ");
    assert_snapshot!(said(&["slowest", "--top", "ten"]), @r"
    error: invalid value 'ten' for '--top <N>': expected a number, or 0 for all

    For more information, try '--help'.
    ");
    assert_snapshot!(said(&["slowest", "--kind", "build,pizza"]), @r"
    error: invalid value 'pizza' for '--kind <KIND>': known kinds: evaluation, input-fetch, source-import, query, substitution, source-fetch, build, copy, post-build-hook, optimise, verify, activation

    For more information, try '--help'.
    ");
    assert_snapshot!(said(&["slowest", "--filter", "("]), @r"
    error: invalid value '(' for '--filter <REGEX>': regex parse error:
        (
        ^
    error: unclosed group

    For more information, try '--help'.
    ");
    assert_snapshot!(said(&["slowest", "--min-duration", "soon"]), @r"
    error: invalid value 'soon' for '--min-duration <DURATION>': expected a length of time such as `500ms`, `30s` or `2m`

    For more information, try '--help'.
    ");
}

/// Nothing named and nothing piped: a hint, never a wait.
#[cfg(target_os = "linux")]
#[test]
fn a_terminal() {
    let nixlog = env!("CARGO_BIN_EXE_nixlog");
    let script = |command: &str| {
        let mut script = Command::new("script");
        script
            .args(["-qec", command, "/dev/null"])
            .env("NIXLOG_DIR", "/nonexistent/nixlog")
            .stdin(Stdio::null());
        script.output().map(Ran::from)
    };
    // `script` gives its child a terminal. Where it is missing, so is this test.
    let Ok(works) = script("true") else { return };
    if works.status != Some(0) {
        return;
    }
    let ran = script(&format!("{nixlog} phases")).expect("it just worked");
    assert_eq!(ran.status, Some(2), "{ran:?}");
    assert_snapshot!(ran.stdout.replace("\r\n", "\n"), @r"
    error: no input: nothing is piped in, and no run is recorded yet
    hint: record one: nixlog run -- nix build …
    hint: or name a log file: nixlog phases build.log
    hint: or pipe a build in: nix build … --log-format internal-json -v |& nixlog phases
    ");
}
