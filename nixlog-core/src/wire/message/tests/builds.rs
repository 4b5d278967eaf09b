//! Failed builds, in the words of every version.

use super::super::*;
use super::{D, P, as_error, fill};

#[test]
fn reads_every_form_of_a_failed_build() {
    let exit = Failure::Exit(2);
    let segfault = Failure::Signal {
        number: 11,
        name: "Segmentation fault",
    };
    let silent = Failure::Silent { seconds: 3 };
    let timed_out = Failure::TimedOut { seconds: 2 };
    let missing = Failure::MissingOutput { output: "out" };
    let too_long = Failure::LogTooLong { bytes: 1000 };
    let one = Failure::Dependency { count: 1 };
    let many = Failure::Dependency { count: 10 };
    let features = Failure::Features {
        required: "big, kvm",
        available: "kvm",
    };
    let platform = Failure::Platform {
        required: "aarch64-darwin",
        current: "x86_64-linux",
    };
    let sri = Failure::HashMismatch {
        specified: "sha256-AAA=",
        got: "sha256-Q0c=",
    };
    let base32 = Failure::HashMismatch {
        specified: "sha256:0dhy",
        got: "sha256:0lcr",
    };
    let cases = [
        // 2.0 to 2.3
        ("builder for '<D>' failed with exit code 2", exit),
        (
            "builder for '<D>' failed with exit code 2; last 2 log lines:\n  a\n  b",
            exit,
        ),
        (
            "cannot build derivation '<D>': 10 dependencies couldn't be built",
            many,
        ),
        (
            "builder for '<D>' failed to produce output path '<P>'",
            Failure::MissingOutput { output: P },
        ),
        (
            "hash mismatch in fixed-output derivation '<D>':\n  wanted: sha256:0dhy\n  got:    sha256:0lcr",
            base32,
        ),
        // 2.4 to 2.28
        (
            "builder for '<D>' failed with exit code 2;\nlast 1 log lines:\n> no\nFor full logs, run 'nix log <D>'.",
            exit,
        ),
        (
            "builder for '<D>' failed due to signal 11 (Segmentation fault)",
            segfault,
        ),
        ("builder for '<D>' died abnormally;", Failure::Died),
        ("1 dependencies of derivation '<D>' failed to build", one),
        (
            "builder for '<D>' failed to produce output path for output 'out' at '<P>'",
            missing,
        ),
        (
            "hash mismatch in fixed-output derivation '<D>':\n  specified: sha256-AAA=\n     got:    sha256-Q0c=",
            sri,
        ),
        (
            "building of '<D>!out' from .drv file timed out after 2 seconds",
            timed_out,
        ),
        (
            "building of '<D>^out' from .drv file timed out after 3 seconds of silence",
            silent,
        ),
        (
            "building of '<D>^*' from .drv file killed after writing more than 1000 bytes of log output",
            too_long,
        ),
        (
            "derivation '<D>' may not be deterministic: output '<P>' differs from '<P>.check'",
            Failure::NotDeterministic,
        ),
        (
            "a 'aarch64-darwin' with features {} is required to build '<D>', but I am a 'x86_64-linux' with features {benchmark, kvm}",
            platform,
        ),
        (
            "a 'x86_64-linux' with features {big, kvm} is required to build '<D>', but I am a 'x86_64-linux' with features {kvm}",
            features,
        ),
        // 2.29 and later
        (
            "Cannot build '<D>'.\nReason: builder failed with exit code 2.\nOutput paths:\n  <P>",
            exit,
        ),
        (
            "Cannot build '<D>'.\nReason: builder failed due to signal 11 (Segmentation fault).\nOutput paths:\n  <P>",
            segfault,
        ),
        (
            "Cannot build '<D>'.\nReason: builder died abnormally.",
            Failure::Died,
        ),
        (
            "Cannot build '<D>'.\nReason: 1 dependency failed.\nOutput paths:\n  <P>",
            one,
        ),
        (
            "Cannot build '<D>'.\nReason: 10 dependencies failed.\nOutput paths:\n  <P>",
            many,
        ),
        (
            "builder for '<D>' failed to produce output path for output 'out' at \"<P>\"",
            missing,
        ),
        (
            "derivation '<D>' may not be deterministic: output \"<P>\" differs",
            Failure::NotDeterministic,
        ),
        (
            "building of '<D>' from in-memory derivation timed out after 2 seconds",
            timed_out,
        ),
        (
            "Cannot build '<D>'.\nReason: required system or feature not available\nRequired system: 'x86_64-linux' with features {big, kvm}\nCurrent system: 'x86_64-linux' with features {kvm}",
            features,
        ),
        (
            "Cannot build '<D>'.\nReason: required system or feature not available\nRequired system: 'aarch64-darwin' with features {}\nCurrent system: 'x86_64-linux' with features {kvm}",
            platform,
        ),
        (
            "building derivation '<D>' timed out after 3 seconds of silence",
            silent,
        ),
        // 2.34 and later
        (
            "Cannot build '<D>'.\nReason: platform mismatch\nRequired system: 'aarch64-darwin'\nCurrent system: 'x86_64-linux'",
            platform,
        ),
        (
            "Cannot build '<D>'.\nReason: missing system features\nRequired features: big, kvm\nAvailable features: kvm",
            features,
        ),
        (
            "Cannot build '<D>'.\nReason: local builds are disabled (max-jobs = 0)",
            Failure::NoSlot,
        ),
        (
            "Cannot build '<D>'.\nReason: the moon is full.",
            Failure::Other("the moon is full"),
        ),
        ("Cannot build '<D>'.", Failure::Other("no reason given")),
        // Lix
        (
            "builder for '<D>' failed on remote builder",
            Failure::Remote,
        ),
    ];
    for (template, failure) in cases {
        let text = fill(template);
        let drv = Some(D);
        let want = Note::BuildFailed { drv, failure };
        assert_eq!(read(&text), want, "{text}");
        assert_eq!(read(&as_error(&text)), want, "{text}");
    }
}

#[test]
fn reads_failures_that_name_no_derivation() {
    let cases = [
        (
            "timed out after 2 seconds",
            Failure::TimedOut { seconds: 2 },
        ),
        (
            "timed out after 3 seconds of silence",
            Failure::Silent { seconds: 3 },
        ),
        ("Unable to start any build; either …", Failure::NoSlot),
        ("unable to start any build; either …", Failure::NoSlot),
    ];
    for (text, failure) in cases {
        let want = Note::BuildFailed { drv: None, failure };
        assert_eq!(read(text), want, "{text}");
    }
}

#[test]
fn reads_what_the_build_hook_says() {
    let text = fill(
        "error: build of '<D>' on '<M>' failed: error: builder for '<D>' failed with exit code 127;\n       last 1 log lines:\n       > gone",
    );
    let Note::RemoteBuildFailed {
        drv,
        machine,
        detail,
    } = read(&text)
    else {
        panic!("{:?}", read(&text));
    };
    assert_eq!((drv, machine), (D, "ssh-ng://builder-a"));
    let failure = Failure::Exit(127);
    let drv = Some(D);
    assert_eq!(read(detail), Note::BuildFailed { drv, failure });
    assert_eq!(log_tail(&text).collect::<Vec<_>>(), ["gone"]);

    let text = fill(
        "error: build of '<D>' on '<M>' failed: Cannot build '<D>'.\n       Reason: builder failed with exit code 1.",
    );
    assert!(
        matches!(read(&text), Note::RemoteBuildFailed { detail, .. } if matches!(
            read(detail),
            Note::BuildFailed { failure: Failure::Exit(1), .. }
        ))
    );

    let text = fill("cannot build on '<M>': error: failed to start SSH connection");
    let machine = "ssh-ng://builder-a";
    let detail = "error: failed to start SSH connection";
    assert_eq!(read(&text), Note::CannotBuildOn { machine, detail });

    let text = fill(
        "Failed to find a machine for remote build!\nderivation: <D>\nrequired (system, features): (x86_64-linux, [])",
    );
    assert_eq!(read(&text), Note::NoMachine { drv: Some(D) });

    let text = fill("somebody is hogging the upload lock for '<M>', continuing...");
    assert_eq!(read(&text), Note::UploadLockHogged { machine });
}

#[test]
fn reads_the_error_inside_of_a_trace() {
    let text = fill(
        "error:\n       … while calling the 'derivationStrict' builtin\n         at <nix/derivation-internal.nix>:37:12:\n           36|\n\n       error: Cannot build '<D>'.\n       Reason: builder failed with exit code 3.\n       Output paths:\n         <P>",
    );
    let drv = Some(D);
    let failure = Failure::Exit(3);
    assert_eq!(read(&text), Note::BuildFailed { drv, failure });
}

#[test]
fn failures_read_well() {
    let cases = [
        (Failure::Exit(1), "exit code 1"),
        (
            Failure::Signal {
                number: 9,
                name: "Killed",
            },
            "signal 9 (Killed)",
        ),
        (Failure::TimedOut { seconds: 2 }, "timed out after 2 s"),
        (Failure::Silent { seconds: 2 }, "silent for 2 s"),
        (Failure::Dependency { count: 1 }, "1 dependency failed"),
        (Failure::Dependency { count: 2 }, "2 dependencies failed"),
        (
            Failure::MissingOutput { output: "dev" },
            "output `dev` missing",
        ),
        (Failure::Other("the moon is full"), "the moon is full"),
    ];
    for (failure, want) in cases {
        assert_eq!(failure.to_string(), want);
    }
}
