//! Builds that Nix itself refuses: before a builder runs, or when it looks at what one has made.
//!
//! `registerOutputs`, `checkOutputs` and `DerivationGoal` in Nix's `libstore/build`, the same in
//! `libstore/unix/build` (from 2.23 on), `build.cc` (up to 2.3); `canonicalisePathMetaData` in
//! `posix-fs-canonicalise.cc`; `registerValidPaths` in `local-store.cc`. Lix and Determinate Nix have
//! most of them too, and a few of their own.

use super::failure::Failure;
use super::grammar::{quoted, without_outputs};
use super::note::Note;

/// What Nix says of outputs that it does not take, and what that means in short. `<D>` is what failed, quoted: a derivation, the path of an
/// output, or a file in one. `<*>` is something else in quotes.
const REFUSED: &[(&str, &str)] = &[
    // Its outputs refer to each other; by derivation from 2.4 on, by path from the store itself.
    ("cycle detected in build of <D>", CYCLE),
    ("cycle detected in the references of <D>", CYCLE),
    // `outputChecks`, `allowedReferences` and their like.
    ("output <D> is not allowed to refer to", REFERENCES),
    ("path <D> is too large at ", "output too large"),
    (
        "closure of path <D> is too large at ",
        "closure of its output too large",
    ),
    ("derivation <D> output check for ", SPECIFIER),
    (
        "derivation contains an illegal reference specifier",
        SPECIFIER,
    ),
    // Fixed outputs: up to 2.28, from 2.29 on, Lix.
    (
        "illegal path references in fixed-output derivation <D>",
        FIXED,
    ),
    (
        "fixed-output derivations must not reference store paths: <D>",
        FIXED,
    ),
    (
        "the fixed-output derivation <D> must not reference store paths",
        FIXED,
    ),
    (
        "output path <D> should be a non-executable regular file",
        FLAT,
    ),
    (
        "output path <D> has illegal content address",
        "its output refers to itself",
    ),
    // What kind of files they are, and whose.
    ("suspicious ownership or permission on <D>", OWNER),
    ("invalid ownership on file <D>", OWNER),
    (
        "file <D> has an unsupported type",
        "a file of an unsupported type in its output",
    ),
    (
        "no output reference for <*> in build of <D>",
        "an output without references",
    ),
];

/// The same of derivations that cannot be built at all.
const NOT_STARTED: &[(&str, &str)] = &[
    ("derivation <D> requires non-existent output ", INPUT),
    ("derivation <D> does not have wanted outputs ", NO_OUTPUT),
    ("derivation <D> does not have an output named ", NO_OUTPUT),
    ("cannot build missing derivation <D>", "no such derivation"),
    ("failed to obtain derivation of <D>", "no such derivation"),
    (
        "dependency <*> of <D> does not exist, and substitution is disabled",
        SOURCE,
    ),
    (
        "some outputs of <D> are not valid, so checking is not possible",
        "nothing to check it against",
    ),
    // Its builder cannot be started, and nobody says whose.
    ("while setting up the build environment: ", SETUP),
    ("unable to start build process", SETUP),
    (
        "all build users are currently in use",
        "no build user is free",
    ),
    (
        "the build users group <*> has no members",
        "there are no build users",
    ),
    (
        "the group <*> specified in 'build-users-group' does not exist",
        "there are no build users",
    ),
    (
        "the build users group <*> does not exist",
        "there are no build users",
    ),
];

const CYCLE: &str = "a cycle among its outputs";
const REFERENCES: &str = "output refers to what is not allowed";
const SPECIFIER: &str = "an output check names no path and no output";
const FIXED: &str = "a fixed output refers to store paths";
const FLAT: &str = "a fixed output that is no plain file";
const OWNER: &str = "suspicious owner or permissions of its output";
/// Built several times, with another result each time.
const ROUNDS: &str = "output <D> of <*> differs from <*> from previous round";
const INPUT: &str = "an input lacks the output that it asks for";
const NO_OUTPUT: &str = "it lacks an output that was asked for";
const SOURCE: &str = "an input does not exist";
const SETUP: &str = "the build environment could not be set up";

/// It was to be fetched, and may not be built instead.
const SUBSTITUTES: &str = "some substitutes for the outputs of derivation <D> failed";

/// Reads one of these texts.
pub(super) fn refused(text: &str) -> Option<Note<'_>> {
    let refused = REFUSED.iter();
    let refused = refused.map(|&(form, reason)| (form, Failure::Refused(reason)));
    let not_started = NOT_STARTED.iter();
    let not_started = not_started.map(|&(form, reason)| (form, Failure::NotStarted(reason)));
    let others = [
        (ROUNDS, Failure::NotDeterministic),
        (SUBSTITUTES, Failure::Substitutes),
    ];
    let mut forms = refused.chain(not_started).chain(others);
    forms.find_map(|(form, failure)| {
        let drv = fits(form, text)?;
        Some(Note::BuildFailed { drv, failure })
    })
}

/// Finds out whether a trace says that a builder could not be started: `while waiting for the build
/// environment for 'D' to initialize (…)` (≥ 2.4), `while setting up the build environment`.
pub(super) fn not_set_up(text: &str) -> Option<Note<'_>> {
    const WAITING: &str = "while waiting for the build environment for ";
    let named = text.find(WAITING).map(|at| &text[at + WAITING.len()..]);
    let drv = named.and_then(|rest| Some(without_outputs(quoted(rest).ok()?.1)));
    let told = drv.is_some() || text.contains("while setting up the build environment");
    let failure = Failure::NotStarted(SETUP);
    told.then_some(Note::BuildFailed { drv, failure })
}

/// Compares a text with a form; returns what stands for `<D>`, if the form has one.
fn fits<'a>(mut form: &str, mut text: &'a str) -> Option<Option<&'a str>> {
    let mut subject = None;
    while let Some((plain, rest)) = form.split_once('<') {
        text = text.strip_prefix(plain)?;
        let (what, behind) = rest.split_once('>')?;
        let (rest, name) = quoted(text).ok()?;
        if what == "D" {
            subject = Some(without_outputs(name));
        }
        (form, text) = (behind, rest);
    }
    text.starts_with(form).then_some(subject)
}
