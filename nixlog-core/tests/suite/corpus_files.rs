//! The recordings in `corpus/` are the ones that its README lists, byte for byte.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use sha2::{Digest as _, Sha256};

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../corpus");

/// What a recording may consist of, compressed or not.
const KINDS: [&str; 5] = [
    "ts.log",
    "truth.json",
    "drvs.tar.gz",
    "derivations.json",
    "path-info.json",
];

/// Reads the checksums out of the README: `<64 hex digits>  <file>`.
fn listed(readme: &str) -> BTreeMap<String, String> {
    let lines = readme.lines().filter_map(|line| line.split_once("  "));
    lines
        .filter(|(sum, _)| sum.len() == 64 && sum.bytes().all(|b| b.is_ascii_hexdigit()))
        .map(|(sum, file)| (file.to_owned(), sum.to_owned()))
        .collect()
}

/// Computes the checksum of every file in the directory but the README.
fn present(dir: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(dir).expect("the corpus directory is in the repository");
    let paths = entries.map(|entry| entry.expect("a readable entry").path());
    let mut sums = BTreeMap::new();
    for path in paths.filter(|path| !path.ends_with("README.md")) {
        let name = path.file_name().expect("an entry of a directory");
        let name = name.to_str().expect("the names are ASCII").to_owned();
        let bytes = fs::read(&path).expect("a readable recording");
        sums.insert(name, hex(&Sha256::digest(&bytes)));
    }
    sums
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes any text");
        text
    })
}

#[test]
fn every_recording_is_listed_with_its_checksum() {
    let dir = Path::new(CORPUS);
    let readme = fs::read_to_string(dir.join("README.md")).expect("corpus/README.md");
    let listed = listed(&readme);
    assert!(listed.len() >= 12, "the list in corpus/README.md is gone");
    assert_eq!(present(dir), listed, "left: the files; right: README.md");
}

#[test]
fn every_recording_is_described() {
    let readme = fs::read_to_string(Path::new(CORPUS).join("README.md")).expect("corpus/README.md");
    for file in listed(&readme).keys() {
        let (name, kind) = split(file);
        assert!(
            KINDS.contains(&kind.trim_end_matches(".zst")),
            "{file}: what kind of file is this?"
        );
        assert!(
            readme.contains(&format!("| `{name}` |")),
            "{file}: what does this recording show?"
        );
    }
}

/// Splits `2.8.0-scenario-name.ts.log` before `ts.log`; the version has dots of its own.
fn split(file: &str) -> (&str, &str) {
    let from_name = file.find('-').expect("a version comes first");
    let dot = file[from_name..].find('.').expect("an extension") + from_name;
    (&file[..dot], &file[dot + 1..])
}

#[test]
fn a_changed_recording_is_noticed() {
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(hex(&Sha256::digest(b"")), empty);
    assert_ne!(hex(&Sha256::digest(b"x")), empty);
    let sums = listed(&format!(
        "# Title\n\n```text\n{empty}  2.8.0-a-b.ts.log\n```\n"
    ));
    assert_eq!(sums["2.8.0-a-b.ts.log"], empty);
    assert_eq!(sums.len(), 1);
}
