//! What Nix, Lix and Determinate Nix refuse, in the words of their sources.

use super::super::*;
use super::{D, P, as_error, fill};

/// Since when (`to` for until) a text is in which source, the text, and whom it blames.
const TEXTS: &[(&str, &str, Option<&str>)] = &[
    (
        "Nix 2.4",
        "cycle detected in build of '<D>' in the references of output 'a' from output 'b'",
        Some(D),
    ),
    (
        "Lix 2.94",
        "cycle detected in build of '<D>' in the references of output 'a' from output 'b'.\n\nShown below are the files inside the outputs leading to the cycle:\n<P>",
        Some(D),
    ),
    (
        "Nix 2.0",
        "cycle detected in the references of '<P>' from '<P>-dev'",
        Some(P),
    ),
    (
        "Nix 2.0",
        "output '<P>' is not allowed to refer to the following paths:\n  <P>-x",
        Some(P),
    ),
    (
        "Nix 2.33",
        "output \"<P>\" is not allowed to refer to the following paths:\n  <P>-x",
        Some(P),
    ),
    (
        "Nix 2.2",
        "path '<P>' is too large at 1050000 bytes; limit is 1048576 bytes",
        Some(P),
    ),
    (
        "Nix 2.2",
        "closure of path '<P>' is too large at 1050000 bytes; limit is 1048576 bytes",
        Some(P),
    ),
    (
        "to Nix 2.30",
        "derivation contains an illegal reference specifier 'lib'",
        None,
    ),
    (
        "Nix 2.31",
        "derivation '<D>' output check for 'out' contains an illegal reference specifier 'lib', expected store path or output name (one of [out])",
        Some(D),
    ),
    (
        "Nix 2.4 to 2.28",
        "illegal path references in fixed-output derivation '<D>'",
        Some(D),
    ),
    (
        "Nix 2.29",
        "fixed-output derivations must not reference store paths: '<D>' references 2 distinct paths, e.g. '<P>'",
        Some(D),
    ),
    (
        "Lix 2.93",
        "the fixed-output derivation '<D>' must not reference store paths but 1 such references were found:\n  <P>",
        Some(D),
    ),
    (
        "Nix 2.0",
        "output path '<P>' should be a non-executable regular file",
        Some(P),
    ),
    (
        "Nix 2.4",
        "output path '<P>' should be a non-executable regular file since recursive hashing is not enabled (one of outputHashMode={flat,text} is true)",
        Some(P),
    ),
    (
        "to Nix 2.3",
        "suspicious ownership or permission on '<P>'; rejecting this build output",
        Some(P),
    ),
    (
        "Nix 2.4",
        "suspicious ownership or permission on '<P>' for output 'out'; rejecting this build output",
        Some(P),
    ),
    ("Nix 2.0", "invalid ownership on file '<P>'", Some(P)),
    ("Nix 2.0", "file '<P>' has an unsupported type", Some(P)),
    (
        "Nix 2.0 to 2.12",
        "output '<P>' of '<D>' differs from '<P>.check' from previous round",
        Some(P),
    ),
    (
        "Nix 2.4",
        "builder for '<D>' has no scratch output for 'out'",
        Some(D),
    ),
    (
        "Nix 2.4",
        "no output reference for 'out' in build of '<D>'",
        Some(D),
    ),
    (
        "Nix 2.0",
        "derivation '<D>' requires non-existent output 'out' from input derivation '<P>.drv'",
        Some(D),
    ),
    (
        "Nix 2.4",
        "derivation '<D>' does not have wanted outputs 'dev'",
        Some(D),
    ),
    ("Nix 2.0", "cannot build missing derivation '<D>'", Some(D)),
    (
        "Nix 2.18",
        "failed to obtain derivation of '<D>^out'",
        Some(D),
    ),
    (
        "Nix 2.0",
        "dependency '<P>' of '<D>' does not exist, and substitution is disabled",
        Some(D),
    ),
    (
        "Nix 2.0",
        "some outputs of '<D>' are not valid, so checking is not possible",
        Some(D),
    ),
    (
        "Nix 2.0",
        "some substitutes for the outputs of derivation '<D>' failed (usually happens due to networking issues); try '--fallback' to build derivation from source ",
        Some(D),
    ),
    (
        "to Nix 2.3",
        "while setting up the build environment: executing '/bin/sh': No such file or directory",
        None,
    ),
    (
        "Nix 2.0",
        "all build users are currently in use; consider creating additional users and adding them to the 'nixbld' group",
        None,
    ),
    (
        "Nix 2.0",
        "the build users group 'nixbld' has no members",
        None,
    ),
    (
        "Nix 2.0",
        "the group 'nixbld' specified in 'build-users-group' does not exist",
        None,
    ),
];

#[test]
fn reads_what_is_refused() {
    for &(since, template, blamed) in TEXTS {
        let text = fill(template);
        for text in [text.clone(), as_error(&text)] {
            let Note::BuildFailed { drv, failure } = read(&text) else {
                panic!("{since}: {text}");
            };
            assert_eq!(drv, blamed, "{since}: {text}");
            let reason = failure.to_string();
            assert!(
                !reason.is_empty() && !reason.contains('/'),
                "{since}: {reason}"
            );
        }
    }
}

#[test]
fn reads_base_names_as_lix_prints_them() {
    let name = D.trim_start_matches("/nix/store/");
    let text = format!(
        "derivation '{name}' may not be deterministic: outputs differ\n  output '{P}' differs"
    );
    let failure = Failure::NotDeterministic;
    assert_eq!(
        read(&text),
        Note::BuildFailed {
            drv: Some(name),
            failure
        }
    );
}

#[test]
fn an_error_can_quote_another_one() {
    let exit = |code| Note::BuildFailed {
        drv: Some(D),
        failure: Failure::Exit(code),
    };
    let cases = [
        (
            "error: failed to build attribute 'checks.x86_64-linux.a', build of '<D>^*' failed: Cannot build '<D>'.\n       Reason: builder failed with exit code 3.",
            exit(3),
        ),
        (
            "error: build of '<D>^out' failed: error: builder for '<D>' failed with exit code 4;",
            exit(4),
        ),
        // As it comes without its mark.
        (
            "something new: Cannot build '<D>'.\nReason: builder failed with exit code 5.",
            exit(5),
        ),
        (
            "error: \n       … while evaluating x\n\n       error: Cannot build '<D>'.\n       Reason: builder failed with exit code 6.",
            exit(6),
        ),
        ("error: something new: nothing to see", Note::Other),
    ];
    for (template, note) in cases {
        let text = fill(template);
        assert_eq!(read_error(&text), note, "{text}");
    }
    // A message that is no error quotes what it likes.
    let text = fill("note: builder for '<D>' failed with exit code 3");
    assert_eq!(read(&text), Note::Other);
}

#[test]
fn a_trace_can_say_what_it_was_about() {
    let text = fill(
        "error:\n       … while waiting for the build environment for '<D>' to initialize (failed with exit code 1, previous messages: )\n\n       … while setting up the build environment\n\n       error: executing '/x': No such file or directory",
    );
    assert!(matches!(
        read_error(&text),
        Note::BuildFailed { drv: Some(D), .. }
    ));
    let text = "error: executing '/x': No such file or directory\n\n       … while setting up the build environment";
    assert!(matches!(
        read_error(text),
        Note::BuildFailed { drv: None, .. }
    ));
}
