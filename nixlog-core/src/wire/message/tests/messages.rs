//! Messages other than failures of builds.

use super::super::*;
use super::{D, P, fill};

#[test]
fn reads_the_plan() {
    let build = |count| Note::PlanBuild { count };
    let fetch = |count, download, unpacked| Note::PlanFetch {
        count,
        download_bytes: download,
        unpacked_bytes: unpacked,
    };
    let cases = [
        ("this derivation will be built:", build(Some(1))),
        ("these 1016 derivations will be built:", build(Some(1016))),
        ("these derivations will be built:", build(None)),
        (
            "this path will be fetched (0.00 MiB download, 0.29 MiB unpacked):",
            fetch(Some(1), Some(0), Some(304_087)),
        ),
        (
            "these 2 paths will be fetched (0.3 KiB download, 293.2 KiB unpacked):",
            fetch(Some(2), Some(307), Some(300_237)),
        ),
        (
            "these 3 paths will be fetched (1.5 GiB download, 2.0 TiB unpacked):",
            fetch(Some(3), Some(1_610_612_736), Some(2 << 40)),
        ),
        (
            "these paths will be fetched (1.00 MiB download, 2.00 MiB unpacked):",
            fetch(None, Some(1 << 20), Some(2 << 20)),
        ),
        ("don't know how to build these paths:", Note::PlanUnknown),
        (
            "don't know how to build these paths (may be caused by read-only store access):",
            Note::PlanUnknown,
        ),
        (
            "these 99999999999999999999 derivations will be built:",
            Note::Other,
        ),
        ("this derivation will be fun", Note::Other),
        ("  not a path", Note::Other),
        ("  /nix/store/short", Note::Other),
        (
            "    /nix/store/708gk5mc2p45d1gx8gi11vs6130h475x-x",
            Note::Other,
        ),
    ];
    for (text, want) in cases {
        assert_eq!(read(text), want, "{text}");
    }
    assert_eq!(read(&fill("  <D>")), Note::PlanItem { path: D });
    assert_eq!(read(&fill("  <P> and more")), Note::Other);
}

#[test]
fn reads_signs_of_evaluation() {
    let cases = [
        (
            "evaluating file '«nix-internal»/derivation-internal.nix'",
            Note::EvaluatingFile {
                path: "«nix-internal»/derivation-internal.nix",
            },
        ),
        (
            "evaluating file '/tmp/it's.nix'",
            Note::EvaluatingFile {
                path: "/tmp/it's.nix",
            },
        ),
        (
            "instantiated 'broken-1.0' -> '<D>'",
            Note::Instantiated {
                name: "broken-1.0",
                drv: D,
            },
        ),
        (
            "using revision 923318c of repo '/home/x'",
            Note::UsingRevision {
                revision: "923318c",
                uri: "/home/x",
            },
        ),
        ("derivation evaluated to <D>", Note::EvaluatedTo { drv: D }),
        (
            "copied source '/home/x' -> '<P>'",
            Note::CopiedSource {
                source: "/home/x",
                path: P,
            },
        ),
        (
            "copied '/home/x' to '<P>' (hash 'sha256-x=')",
            Note::CopiedSource {
                source: "/home/x",
                path: P,
            },
        ),
        (
            "warning: copied large path '/home/x' to the store (12.3 MiB)",
            Note::CopiedLargePath {
                source: "/home/x",
                bytes: 12_897_485,
            },
        ),
        ("evaluation warning: old", Note::EvaluationWarning),
        ("trace: evaluation warning: old", Note::EvaluationWarning),
        ("trace: warning: old", Note::EvaluationWarning),
        ("trace: tracing a value", Note::Trace),
        (
            "using cached attrset attribute 'packages.x'",
            Note::UsingEvalCache {
                attribute: "packages.x",
            },
        ),
        (
            "evaluating uncached attribute ''",
            Note::EvaluatingAttribute { attribute: "" },
        ),
        (
            "evaluating uncached attribute packages",
            Note::EvaluatingAttribute {
                attribute: "packages",
            },
        ),
        (
            "error: cached failure of attribute 'x.y'",
            Note::CachedFailure { attribute: "x.y" },
        ),
        (
            "function-trace entered /exp/t.nix:2:8 at 1789295721532984123",
            Note::FunctionTrace {
                entered: true,
                position: "/exp/t.nix:2:8",
                epoch_ns: 1_789_295_721_532_984_123,
            },
        ),
        ("warning: Git tree '/home/x' is dirty", Note::DirtyTree),
        (
            "warning: Git tree '/home/x' has uncommitted changes",
            Note::DirtyTree,
        ),
        (
            "warning: creating lock file '\"/x/flake.lock\"': \n• Added input 'common':",
            Note::LockFile {
                path: "/x/flake.lock",
                created: true,
            },
        ),
        (
            "warning: updating lock file \"/x/flake.lock\":",
            Note::LockFile {
                path: "/x/flake.lock",
                created: false,
            },
        ),
        (
            "warning: built '<D>^out' during evaluation due to an import from derivation",
            Note::ImportFromDerivation { drv: D },
        ),
        (
            "building '<D>' during evaluation due to the use of import from derivation",
            Note::ImportFromDerivation { drv: D },
        ),
        (
            "error: cannot build '<D>^out' during evaluation because the option 'allow-import-from-derivation' is disabled",
            Note::ImportFromDerivationForbidden { drv: D },
        ),
        (
            "error: attempted to realize '<D>' during evaluation but 'allow-import-from-derivation' is false",
            Note::ImportFromDerivationForbidden { drv: D },
        ),
    ];
    for (template, want) in cases {
        let text = fill(template);
        assert_eq!(read(&text), want, "{text}");
    }
}

#[test]
fn reads_substitution_and_downloads() {
    let uri = "http://127.0.0.1:8080";
    let not_signed = |uri| Note::NotSigned { path: P, uri };
    let retry = |retrying, fault| Note::DownloadFailed {
        uri,
        retrying,
        fault,
    };
    let finished = |nanos| Note::DownloadFinished {
        uri,
        http_status: Some(200),
        bytes: Some(4212),
        nanos,
    };
    let cases = [
        (
            "error: unable to download '<U>': HTTP error 404",
            retry(false, TransferFault::Http(404)),
        ),
        (
            "warning: error: unable to download '<U>': HTTP error 500 ('x'); retrying in 303 ms",
            retry(true, TransferFault::Http(500)),
        ),
        (
            "warning: unable to download '<U>': HTTP error 500; retrying in 303 ms (attempt 1/5)",
            retry(true, TransferFault::Http(500)),
        ),
        (
            "warning: unable to download '<U>': Timeout; retrying from offset 12 in 303 ms",
            retry(true, TransferFault::Other),
        ),
        (
            "error: unable to download '<U>': HTTP error 200 ('OK') (curl error: Timeout was reached)",
            retry(false, TransferFault::TimedOut),
        ),
        (
            "error: unable to download '<U>': HTTP error 200 (curl error: Transferred a partial file)",
            retry(false, TransferFault::Truncated),
        ),
        (
            "warning: unable to download '<U>': Couldn't connect to server (7)",
            retry(false, TransferFault::Unreachable),
        ),
        (
            "warning: unable to download '<U>': Could not resolve hostname (6) Could not resolve host: x",
            retry(false, TransferFault::Unreachable),
        ),
        (
            "error: unable to upload '<U>': HTTP error 413",
            retry(false, TransferFault::Http(413)),
        ),
        (
            "finished download of '<U>'; curl status = 0, HTTP status = 200, body = 4212 bytes, duration = 0.25 s",
            finished(Some(250_000_000)),
        ),
        (
            "finished download of '<U>'; curl status = 0, HTTP status = 200, body = 4212 bytes",
            finished(None),
        ),
        (
            "error: disabling binary cache '<U>' for 60 seconds",
            Note::CacheDisabled { uri, seconds: 60 },
        ),
        (
            "error: substituter '<U>' is disabled",
            Note::SubstituterDisabled { uri },
        ),
        (
            "file 'nar/x' does not exist in binary cache '<U>'",
            Note::MissingInCache { file: "nar/x", uri },
        ),
        (
            "warning: ignoring substitute for '<P>' from '<U>', as it's not signed by any of the keys in 'trusted-public-keys'",
            not_signed(Some(uri)),
        ),
        (
            "warning: the substitute for '<P>' from '<U>' is not signed by any of the keys in 'trusted-public-keys'",
            not_signed(Some(uri)),
        ),
        (
            "substituter '<U>' does not have a valid signature for path '<P>'",
            not_signed(Some(uri)),
        ),
        (
            "error: cannot add path '<P>' because it lacks a signature by a trusted key",
            not_signed(None),
        ),
        (
            "cannot add path '<P>' because it lacks a valid signature",
            not_signed(None),
        ),
        (
            "NAR for '<P>' fetched from '<U>' is incomplete",
            Note::IncompleteNar { path: P, uri },
        ),
        (
            "error: hash mismatch importing path '<P>';\n         specified: sha256:0dhy\n         got:       sha256:0lcr",
            Note::HashMismatchImporting { path: P },
        ),
        (
            "asked '<U>' for '<P>' but got '<D>'",
            Note::WrongPath { uri, path: P },
        ),
        (
            "binary cache '<U>' is for Nix stores with prefix '/nix/store', not '/x'",
            Note::WrongStoreDir { uri },
        ),
        (
            "error: path '<P>' is required, but there is no substituter that can build it",
            Note::NoSubstituter { path: P },
        ),
        (
            "substitution of path '<P>' succeeded",
            Note::SubstitutionSucceeded { path: P },
        ),
        (
            "warning: ignoring untrusted substituter '<U>', you are not a trusted user.",
            Note::UntrustedSubstituter { uri },
        ),
        (
            "warning: ignoring the client-specified setting 'x', because it is a restricted setting and you are not a trusted user",
            Note::RestrictedSetting { name: "x" },
        ),
    ];
    for (template, want) in cases {
        let text = fill(template);
        assert_eq!(read(&text), want, "{text}");
    }
}

#[test]
fn reads_the_rest() {
    let cases = [
        (
            "builder for '<D>' terminated with status 256, user CPU 1.204s, system CPU 0.050s",
            Note::BuilderCpu {
                drv: D,
                status: 256,
                user_ns: 1_204_000_000,
                system_ns: 50_000_000,
            },
        ),
        ("error: interrupted by the user", Note::Interrupted),
        ("error: build of '<D>', '<D>' failed", Note::BuildsFailed),
        ("build of '<D>^out', '<D>^out' failed", Note::BuildsFailed),
        (
            "program \"/hook.sh\" failed with exit code 3",
            Note::ProgramFailed {
                program: "/hook.sh",
                failure: Failure::Exit(3),
            },
        ),
        (
            "note: keeping build directory '/tmp/x'",
            Note::KeptBuildDirectory { path: "/tmp/x" },
        ),
        (
            "waiting for the big Nix store lock...",
            Note::WaitingForStore,
        ),
        (
            "waiting for another Nix process to finish fetching input 'github:NixOS/nixpkgs'...",
            Note::WaitingForInput,
        ),
        (
            "running auto-GC to free 1024 bytes",
            Note::AutoGc { bytes: 1024 },
        ),
        (
            "warning: error: SQLite database '/x/db.sqlite' is busy",
            Note::DatabaseBusy {
                path: "/x/db.sqlite",
            },
        ),
        // Goal traces of level 6 and what the evaluator says of the code are nothing to us.
        (
            "building of '<D>^out' from .drv file: woken up",
            Note::Other,
        ),
        ("building derivation '<D>': done", Note::Other),
        ("builder process for '<D>' finished", Note::Other),
        ("substitution of '<P>': created", Note::Other),
        ("error: attribute 'missing' missing", Note::Other),
        ("error: builder is missing", Note::Other),
        ("error:", Note::Other),
        ("error: ", Note::Other),
        ("", Note::Other),
    ];
    for (template, want) in cases {
        let text = fill(template);
        assert_eq!(read(&text), want, "{text}");
    }
}
