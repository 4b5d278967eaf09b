//! The wordings of every version, from Nix's sources and from recordings of 2.8.0, 2.26.3, 2.34.8.

mod builds;
mod messages;
mod refusals;
mod titles;

use proptest::prelude::*;

use super::*;

const D: &str = "/nix/store/nj4lr50fi8zx82q4v3k55sslqjf0iv0h-broken-1.0.drv";
const P: &str = "/nix/store/708gk5mc2p45d1gx8gi11vs6130h475x-go-orc-3.19.4";

/// Puts the derivation, the path and a URI in their places.
fn fill(template: &str) -> String {
    template
        .replace("<D>", D)
        .replace("<P>", P)
        .replace("<U>", "http://127.0.0.1:8080")
        .replace("<M>", "ssh-ng://builder-a")
}

/// As Nix prints an error: marked, and indented from the second line on.
fn as_error(body: &str) -> String {
    format!("error: {}", body.replace('\n', "\n       "))
}

/// Words that the texts are made of, in any order.
const WORDS: &str = "(error:|warning:|builder for|Cannot build|building of|build of|copying path|these|this|last|log lines:|Reason:|failed with exit code|timed out after|seconds|will be fetched|\\(|\\)|'|\"|\\^|!|\\.drv|/nix/store|Required system:|MiB|KiB|download,|1|99999999999999999999|1\\.5|\n|\n       | |:|;|,|>|->|\\.\\.\\.|ä|\u{1b}\\[0m)*";

proptest! {
    #[test]
    fn reads_any_text(text in "\\PC*") {
        let _ = (read(&text), read_error(&text), activity(&text), phase_footer(&text), phase_header(&text));
        prop_assert!(log_tail(&text).count() <= text.lines().count());
    }

    #[test]
    fn reads_any_mix_of_known_words(text in WORDS) {
        let _ = (read(&text), read_error(&text), activity(&text), phase_footer(&text), phase_header(&text));
        prop_assert!(log_tail(&text).count() <= text.lines().count());
    }

    #[test]
    fn marks_change_nothing(text in WORDS) {
        let note = read(&text);
        let warning = format!("warning: {text}");
        prop_assert_eq!(read(&warning), note);
        let error = format!("error: {text}");
        prop_assert_eq!(read(&error), note);
    }
}
