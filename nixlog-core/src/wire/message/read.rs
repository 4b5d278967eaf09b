//! One message to one [`Note`]: which form could it be, by its first letters.

use nom::branch::alt;
use nom::bytes::complete::{tag, take_until};
use nom::character::complete::{char, u64 as number};
use nom::combinator::{opt, rest, value};
use nom::sequence::{delimited, preceded, terminated};

use super::build;
use super::grammar::{between, quoted, seconds_as_nanos, size, start, unquoted};
use super::note::{Note, TransferFault};
use super::plan;
use super::refusal::{not_set_up, refused};

/// Reads one message: `raw_msg` or `msg` of a `msg` event, or a plain line or error block of a log
/// without JSON. Escape sequences must be gone.
///
/// The text may have the marks that Nix puts in front (`error: `, `warning: `, or both) and the
/// indentation of what follows. Where an error has a trace, the innermost error counts. Borrows
/// and allocates nothing; the first byte tells most messages to be [`Note::Other`].
///
/// # Examples
///
/// ```
/// use nixlog_core::wire::message::{Failure, Note, read};
///
/// let note = read("error: builder for '/nix/store/x.drv' failed with exit code 2;\n       last 1 log lines:");
/// let drv = Some("/nix/store/x.drv");
/// assert_eq!(note, Note::BuildFailed { drv, failure: Failure::Exit(2) });
/// ```
#[must_use]
pub fn read(text: &str) -> Note<'_> {
    catalogue(without_marks(text)).unwrap_or(Note::Other)
}

/// Reads what is known to be an error, with or without its mark: as [`read`], and what the error says
/// only on the way counts too.
///
/// An error can quote another one in its first line: `failed to build attribute 'x', build of 'D^*'
/// failed: Cannot build 'D'.` (≥ 2.34). And its trace can say what it was about.
#[must_use]
pub fn read_error(text: &str) -> Note<'_> {
    match read(text) {
        Note::Other => match quoted_failure(without_marks(text)) {
            Note::Other => not_set_up(text).unwrap_or(Note::Other),
            note => note,
        },
        note => note,
    }
}

/// Finds the failure that the first line of an error quotes.
fn quoted_failure(text: &str) -> Note<'_> {
    let line = text.lines().next().unwrap_or_default();
    let inner = line.match_indices(": ").find_map(|(at, colon)| {
        let inner = without_marks(&text[at + colon.len()..]);
        catalogue(inner).filter(|note| matches!(note, Note::BuildFailed { .. }))
    });
    inner.unwrap_or(Note::Other)
}

/// Takes all marks off the front of a message.
fn without_marks(text: &str) -> &str {
    let mut body = text;
    // Warnings of Nix ≤ 2.26 that quote an error have both marks, in that order; an error with a
    // trace has its own inside.
    loop {
        body = match body.as_bytes().first() {
            Some(b'e' | b'w') => match unmarked(body) {
                Some(inner) => inner,
                None => break,
            },
            _ => break,
        };
    }
    body
}

/// Takes one mark off the front of a message.
fn unmarked(text: &str) -> Option<&str> {
    if let Some(rest) = text.strip_prefix("error:") {
        if rest.trim_start_matches(' ').starts_with('\n') {
            // A trace, and at its end the error (≥ 2.20): `error:\n       … while …\n\n       error: `.
            let inner = rest.rfind(INNER_ERROR)?;
            return Some(&rest[inner + INNER_ERROR.len()..]);
        }
        return rest.strip_prefix(' ');
    }
    text.strip_prefix("warning: ")
}

/// How the innermost error stands in one with a trace.
const INNER_ERROR: &str = "\n       error: ";

/// Finds the form of a message without marks.
fn catalogue(text: &str) -> Option<Note<'_>> {
    by_first_letter(text).or_else(|| refused(text))
}

fn by_first_letter(text: &str) -> Option<Note<'_>> {
    match text.as_bytes().first()? {
        b' ' => plan::item(text),
        b'0'..=b'9' => build::dependencies_of(text),
        b'C' => build::cannot_build(text),
        b'F' => build::no_machine(text),
        b'G' => dirty_tree(text),
        b'N' => incomplete_nar(text),
        b'S' => database_busy(text),
        b'U' => text
            .starts_with("Unable to start any build")
            .then_some(NO_SLOT),
        b'a' => build::required_to_build(text)
            .or_else(|| asked_for(text))
            .or_else(|| attempted(text)),
        b'b' => starting_with_b(text),
        b'c' => starting_with_c(text),
        b'd' => starting_with_d(text),
        b'e' => starting_with_e(text),
        b'f' => starting_with_f(text),
        b'h' => build::hash_mismatch(text).or_else(|| hash_mismatch_importing(text)),
        b'i' => starting_with_i(text),
        b'k' => build::stopped(text),
        b'n' => between(text, "note: keeping build directory ", "")
            .map(|path| Note::KeptBuildDirectory { path }),
        b'p' => no_substituter(text).or_else(|| build::program(text)),
        b'r' => auto_gc(text),
        b's' => starting_with_s(text),
        b't' => starting_with_t(text),
        b'u' => starting_with_u(text),
        b'w' => text
            .starts_with("waiting for ")
            .then(|| waiting(text))
            .flatten(),
        _ => None,
    }
}

/// `Unable to start any build; …` (≥ 2.21), `unable to start any build; …` (before).
const NO_SLOT: Note<'_> = Note::BuildFailed {
    drv: None,
    failure: super::Failure::NoSlot,
};

fn starting_with_b(text: &str) -> Option<Note<'_>> {
    match text.as_bytes().get(..7)? {
        b"builder" => build::builder_for(text),
        b"build o" => build::build_of(text),
        // `building of '…': woken up` and friends are most of level 6: they fail at once.
        b"buildin" => build::stopped(text).or_else(|| build::import(text)),
        b"built '" => build::import(text),
        b"binary " => {
            let form = preceded(
                tag("binary cache "),
                terminated(quoted, tag(" is for Nix stores")),
            );
            start(form, text).map(|uri| Note::WrongStoreDir { uri })
        }
        _ => None,
    }
}

fn starting_with_c(text: &str) -> Option<Note<'_>> {
    match text.as_bytes().get(..7)? {
        b"cannot " => build::cannot(text).or_else(|| unsigned_path(text)),
        b"copied " => copied(text),
        b"creatin" => lock_file(text, "creating lock file ", true),
        b"cached " => between(text, "cached failure of attribute ", "")
            .map(|attribute| Note::CachedFailure { attribute }),
        _ => None,
    }
}

fn starting_with_d(text: &str) -> Option<Note<'_>> {
    match text.as_bytes().get(..4)? {
        b"deri" => match text.strip_prefix("derivation evaluated to ") {
            Some(drv) => Some(Note::EvaluatedTo { drv }),
            None => build::not_deterministic(text),
        },
        b"don'" => plan::unknown(text),
        b"disa" => {
            let uri = preceded(tag("disabling binary cache "), quoted);
            let form = (uri, delimited(tag(" for "), number, tag(" seconds")));
            start(form, text).map(|(uri, seconds)| Note::CacheDisabled { uri, seconds })
        }
        _ => None,
    }
}

fn starting_with_e(text: &str) -> Option<Note<'_>> {
    if let Some(path) = between(text, "evaluating file ", "") {
        return Some(Note::EvaluatingFile { path });
    }
    // Without quotes up to 2.8.
    if let Some(attribute) = text.strip_prefix("evaluating uncached attribute ") {
        let attribute = unquoted(attribute);
        return Some(Note::EvaluatingAttribute { attribute });
    }
    text.starts_with("evaluation warning: ")
        .then_some(Note::EvaluationWarning)
}

fn starting_with_f(text: &str) -> Option<Note<'_>> {
    match text.as_bytes().get(..5)? {
        b"file " => {
            let file = delimited(
                tag("file "),
                quoted,
                tag(" does not exist in binary cache "),
            );
            start((file, quoted), text).map(|(file, uri)| Note::MissingInCache { file, uri })
        }
        b"finis" => download_finished(text),
        b"funct" => function_trace(text),
        _ => None,
    }
}

fn starting_with_i(text: &str) -> Option<Note<'_>> {
    match text.as_bytes().get(..3)? {
        b"ins" => {
            let names = text.strip_prefix("instantiated '")?.strip_suffix('\'')?;
            let (name, drv) = names.split_once("' -> '")?;
            Some(Note::Instantiated { name, drv })
        }
        b"int" => text
            .starts_with("interrupted by the user")
            .then_some(Note::Interrupted),
        b"ign" => ignoring(text),
        _ => None,
    }
}

fn starting_with_s(text: &str) -> Option<Note<'_>> {
    match text.as_bytes().get(..5)? {
        b"subst" => substitution(text),
        b"someb" => {
            let form = preceded(tag("somebody is hogging the upload lock for "), quoted);
            start(form, text).map(|machine| Note::UploadLockHogged { machine })
        }
        _ => None,
    }
}

fn starting_with_t(text: &str) -> Option<Note<'_>> {
    match text.as_bytes().get(..5)? {
        b"these" | b"this " => plan::header(text),
        b"trace" => trace(text),
        b"timed" => build::stopped(text),
        // 2.6 to 2.9.
        b"the s" => {
            let path = preceded(tag("the substitute for "), quoted);
            let uri = delimited(tag(" from "), quoted, tag(" is not signed"));
            start((path, uri), text).map(|(path, uri)| Note::NotSigned {
                path,
                uri: Some(uri),
            })
        }
        _ => None,
    }
}

fn starting_with_u(text: &str) -> Option<Note<'_>> {
    match text.as_bytes().get(..3)? {
        b"una" if text.starts_with("unable to start any build") => Some(NO_SLOT),
        b"una" => {
            let verb = (tag("unable to "), alt((tag("download "), tag("upload "))));
            let (uri, why) = start((preceded(verb, quoted), rest), text)?;
            Some(Note::DownloadFailed {
                uri,
                retrying: why.contains("; retrying "),
                fault: transfer_fault(why),
            })
        }
        b"usi" if text.starts_with("using revision ") => {
            let (revision, repository) = text["using revision ".len()..].split_once(" of repo ")?;
            let uri = between(repository, "", "")?;
            Some(Note::UsingRevision { revision, uri })
        }
        b"usi" => {
            let form = (
                tag("using cached "),
                take_until(" attribute "),
                tag(" attribute "),
            );
            let (_, _, attribute) = start((form, tag(""), rest), text)?;
            let attribute = unquoted(attribute);
            Some(Note::UsingEvalCache { attribute })
        }
        b"upd" => lock_file(text, "updating lock file ", false),
        _ => None,
    }
}

/// `trace: …`; nixpkgs' `lib.warn` is one where there is no `builtins.warn`.
fn trace(text: &str) -> Option<Note<'_>> {
    let traced = text.strip_prefix("trace: ")?;
    let warning = traced.starts_with("warning: ") || traced.starts_with("evaluation warning: ");
    Some(if warning {
        Note::EvaluationWarning
    } else {
        Note::Trace
    })
}

/// `function-trace entered F:L:C at NS`.
fn function_trace(text: &str) -> Option<Note<'_>> {
    let rest = text.strip_prefix("function-trace ")?;
    let (verb, rest) = rest.split_once(' ')?;
    let (position, time) = rest.rsplit_once(" at ")?;
    let entered = match verb {
        "entered" => true,
        "exited" => false,
        _ => return None,
    };
    Some(Note::FunctionTrace {
        entered,
        position,
        epoch_ns: time.parse().ok()?,
    })
}

/// `copied source 'S' -> 'P'`, ` (hash 'H')` in recent versions; `copied 'S' to 'P'`;
/// `copied large path 'S' to the store (12.3 MiB)`.
fn copied(text: &str) -> Option<Note<'_>> {
    if let Some(large) = text.strip_prefix("copied large path ") {
        let bytes = delimited(tag(" to the store ("), size, char(')'));
        let (source, bytes) = start((quoted, bytes), large)?;
        return Some(Note::CopiedLargePath { source, bytes });
    }
    let arrow = alt((tag(" -> "), tag(" to ")));
    let form = (
        preceded((tag("copied "), opt(tag("source "))), quoted),
        preceded(arrow, quoted),
    );
    start(form, text).map(|(source, path)| Note::CopiedSource { source, path })
}

/// `updating lock file 'F':`, and the changes from the next line on.
fn lock_file<'a>(text: &'a str, verb: &'static str, created: bool) -> Option<Note<'a>> {
    let path = start(preceded(tag(verb), quoted), text)?;
    Some(Note::LockFile { path, created })
}

/// `Git tree 'S' is dirty`, `Git tree 'S' has uncommitted changes` (Determinate Nix).
fn dirty_tree(text: &str) -> Option<Note<'_>> {
    let state = alt((tag(" is dirty"), tag(" has uncommitted changes")));
    start((tag("Git tree "), quoted, state), text).map(|_| Note::DirtyTree)
}

/// `attempted to realize 'D' during evaluation but …` (2.3).
fn attempted(text: &str) -> Option<Note<'_>> {
    let verb = alt((tag("attempted to realize "), tag("attempted to realise ")));
    let form = delimited(verb, super::grammar::goal, tag(" during evaluation"));
    start(form, text).map(|drv| Note::ImportFromDerivationForbidden { drv })
}

/// Tells what was wrong with a transfer, by curl's words (`curl_easy_strerror`), which vary little, and by
/// the HTTP status. A transfer that breaks off or stalls may have the status 200.
fn transfer_fault(why: &str) -> TransferFault {
    let has = |words: &[&str]| words.iter().any(|word| why.contains(word));
    let status = why.split_once("HTTP error ").map(|(_, status)| status);
    let status = status.and_then(|status| start(number, status));
    if has(&["Timeout was reached", "timed out", "Operation too slow"]) {
        TransferFault::TimedOut
    } else if has(&[
        "partial file",
        "not closed cleanly",
        "Failure when receiving data",
    ]) {
        TransferFault::Truncated
    } else if has(&["onnect to server", "esolve host", "SSL connect error"]) {
        TransferFault::Unreachable
    } else {
        match status.and_then(|status| u16::try_from(status).ok()) {
            Some(status @ 400..) => TransferFault::Http(status),
            _ => TransferFault::Other,
        }
    }
}

/// `finished download of 'U'; curl status = …, HTTP status = …, body = N bytes, duration = X s`
/// (`TransferItem::finish` in `filetransfer.cc`).
fn download_finished(text: &str) -> Option<Note<'_>> {
    let verb = alt((tag("download"), tag("upload")));
    let form = (
        delimited((tag("finished "), verb, tag(" of ")), quoted, char(';')),
        rest,
    );
    let (uri, facts) = start(form, text)?;
    let fact = |label: &str| facts.find(label).map(|at| &facts[at + label.len()..]);
    Some(Note::DownloadFinished {
        uri,
        http_status: fact("HTTP status = ").and_then(|text| start(number, text)),
        bytes: fact("body = ").and_then(|text| start(number, text)),
        nanos: fact("duration = ").and_then(|text| start(seconds_as_nanos, text)),
    })
}

/// `substitution of path 'P' succeeded`, `substituter 'U' is disabled`, and ≤ 2.5
/// `substituter 'U' does not have a valid signature for path 'P'`.
fn substitution(text: &str) -> Option<Note<'_>> {
    if let Some(path) = between(text, "substitution of path ", " succeeded") {
        return Some(Note::SubstitutionSucceeded { path });
    }
    let (uri, rest) = start((preceded(tag("substituter "), quoted), rest), text)?;
    if rest.starts_with(" is disabled") {
        return Some(Note::SubstituterDisabled { uri });
    }
    let path = between(rest, " does not have a valid signature for path ", "")?;
    let uri = Some(uri);
    Some(Note::NotSigned { path, uri })
}

/// `ignoring substitute for 'P' from 'U', as it's not signed by …` (≥ 2.10), and what is ignored
/// because the user is not trusted.
fn ignoring(text: &str) -> Option<Note<'_>> {
    let rest = text.strip_prefix("ignoring ")?;
    let unsigned = (
        preceded(tag("substitute for "), quoted),
        delimited(tag(" from "), quoted, tag(", as it's not signed")),
    );
    if let Some((path, uri)) = start(unsigned, rest) {
        let uri = Some(uri);
        return Some(Note::NotSigned { path, uri });
    }
    let substituter = preceded(tag("untrusted substituter "), quoted);
    let setting = preceded(tag("the client-specified setting "), quoted);
    start(substituter, rest)
        .map(|uri| Note::UntrustedSubstituter { uri })
        .or_else(|| start(setting, rest).map(|name| Note::RestrictedSetting { name }))
}

/// `cannot add path 'P' because it lacks a signature by a trusted key` (≥ 2.12), `… lacks a valid
/// signature` (before).
fn unsigned_path(text: &str) -> Option<Note<'_>> {
    let form = preceded(
        tag("cannot add path "),
        terminated(quoted, tag(" because it lacks a ")),
    );
    start(form, text).map(|path| Note::NotSigned { path, uri: None })
}

/// `NAR for 'P' fetched from 'U' is incomplete`.
fn incomplete_nar(text: &str) -> Option<Note<'_>> {
    let path = preceded(tag("NAR for "), quoted);
    let uri = delimited(tag(" fetched from "), quoted, tag(" is incomplete"));
    start((path, uri), text).map(|(path, uri)| Note::IncompleteNar { path, uri })
}

/// `hash mismatch importing path 'P'`, with the two hashes on the next lines.
fn hash_mismatch_importing(text: &str) -> Option<Note<'_>> {
    let form = preceded(tag("hash mismatch importing path "), quoted);
    start(form, text).map(|path| Note::HashMismatchImporting { path })
}

/// `asked 'U' for 'P' but got 'Q'`.
fn asked_for(text: &str) -> Option<Note<'_>> {
    let uri = preceded(tag("asked "), quoted);
    let path = delimited(tag(" for "), quoted, tag(" but got "));
    start((uri, path), text).map(|(uri, path)| Note::WrongPath { uri, path })
}

/// `path 'P' is required, but there is no substituter that can build it`.
fn no_substituter(text: &str) -> Option<Note<'_>> {
    let tail = tag(" is required, but there is no substituter");
    let form = delimited(tag("path "), quoted, tail);
    start(form, text).map(|path| Note::NoSubstituter { path })
}

/// `SQLite database 'P' is busy`.
fn database_busy(text: &str) -> Option<Note<'_>> {
    let form = delimited(tag("SQLite database "), quoted, tag(" is busy"));
    start(form, text).map(|path| Note::DatabaseBusy { path })
}

/// `running auto-GC to free N bytes`.
fn auto_gc(text: &str) -> Option<Note<'_>> {
    let form = delimited(tag("running auto-GC to free "), number, tag(" bytes"));
    start(form, text).map(|bytes| Note::AutoGc { bytes })
}

/// The waits of `local-store.cc`, `gc.cc` and `fetchers.cc` that are messages, not activities.
fn waiting(text: &str) -> Option<Note<'_>> {
    if text.starts_with("waiting for another Nix process to finish fetching input ") {
        return Some(Note::WaitingForInput);
    }
    let form = preceded(
        tag("waiting for "),
        alt((
            tag("the big Nix store lock"),
            tag("exclusive access to the Nix store"),
            tag("the big garbage collector lock"),
            tag("auto-GC to finish"),
        )),
    );
    start(value(Note::WaitingForStore, form), text)
}
