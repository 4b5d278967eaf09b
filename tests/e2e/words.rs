//! One vocabulary: what users see does not use the words that it once had for the same things.

use std::fs;
use std::path::Path;

/// Phrases that readers stumbled over, and what says it.
const BANNED: [(&str, &str); 12] = [
    ("needed by", "direct dependents"),
    ("most needed", "node"),
    ("with room", "unlimited slots"),
    ("if no build had it", "if free"),
    ("what is missing", "why"),
    ("Nix overhead", "Nix itself"),
    ("nix-overhead", "Nix itself"),
    ("for want of", "without"),
    ("a log for people", "plain output"),
    ("so many builds", "the most builds"),
    ("in place of", "instead of"),
    ("at hand", "found"),
];

#[test]
fn what_users_see_has_one_vocabulary() -> Result<(), Box<dyn std::error::Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut texts = vec![root.join("README.md")];
    for entry in fs::read_dir(root.join("tests/e2e/snapshots"))? {
        texts.push(entry?.path());
    }
    let mut found = Vec::new();
    for path in texts {
        let text = fs::read_to_string(&path)?;
        // The line breaks of a terminal are nobody's words.
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for (banned, better) in BANNED {
            if text.contains(banned) {
                let path = path.display();
                found.push(format!("{path}: `{banned}`; say `{better}`"));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
    Ok(())
}
