//! A flake's inputs, from its `flake.lock`.
//!
//! A lock file has the hash of each input's contents, from which the store path follows that its files
//! are read from: `fixed:out:r:sha256:…`, made a path as `makeStorePath` in Nix's `store-dir-config.cc`
//! does. So a file says which input it belongs to.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// The inputs of a flake.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Lock {
    /// All of them, those of inputs too, by name.
    pub inputs: Vec<LockedInput>,
}

/// An input of a flake, or of one of its inputs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct LockedInput {
    /// The node's name in the lock file: `nixpkgs`, `nixpkgs_2`.
    pub name: String,
    /// How the flake comes to it, the shortest way: `crane/nixpkgs`.
    pub path: String,
    /// Where it comes from, for people: `github:NixOS/nixpkgs/5f4f…`.
    pub url: String,
    /// The revision.
    pub revision: Option<String>,
    /// The hash of its contents, as the lock file has it.
    pub nar_hash: Option<String>,
    /// The store path of its contents.
    pub store_path: Option<String>,
    /// The directory that it is read from, where it is one of this machine.
    directory: Option<String>,
    /// The hash of its contents, as an address has it.
    encoded_hash: Option<String>,
}

#[derive(Deserialize)]
struct WireLock {
    nodes: BTreeMap<String, Node>,
    root: String,
}

#[derive(Deserialize)]
struct Node {
    #[serde(default)]
    inputs: BTreeMap<String, Value>,
    #[serde(default)]
    locked: Option<Locked>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Locked {
    #[serde(rename = "type")]
    kind: String,
    owner: Option<String>,
    repo: Option<String>,
    rev: Option<String>,
    url: Option<String>,
    path: Option<String>,
    nar_hash: Option<String>,
}

impl Lock {
    /// Reads a lock file.
    ///
    /// # Errors
    ///
    /// Where it is no JSON, or another.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        let lock: WireLock = serde_json::from_str(text)?;
        let mut paths: BTreeMap<&str, String> = BTreeMap::new();
        // Breadth first, so that the first way is a shortest one.
        let mut next = vec![(lock.root.as_str(), String::new())];
        while !next.is_empty() {
            for (node, path) in std::mem::take(&mut next) {
                let inputs = lock.nodes.get(node).map(|node| &node.inputs);
                for (name, target) in inputs.into_iter().flatten() {
                    // What follows another input is that one.
                    let Some(target) = target.as_str() else {
                        continue;
                    };
                    if !paths.contains_key(target) {
                        let path = match path.as_str() {
                            "" => name.clone(),
                            path => format!("{path}/{name}"),
                        };
                        paths.insert(target, path.clone());
                        next.push((target, path));
                    }
                }
            }
        }
        let inputs = lock.nodes.iter().filter_map(|(name, node)| {
            let locked = node.locked.as_ref()?;
            let path = paths.get(name.as_str())?.clone();
            Some(LockedInput::new(name, path, locked))
        });
        Ok(Self {
            inputs: inputs.collect(),
        })
    }

    /// Returns the input that a file belongs to, or that an address fetches.
    #[must_use]
    pub fn owner(&self, place: &str) -> Option<&LockedInput> {
        self.inputs.iter().find(|input| input.owns(place))
    }

    /// Lists inputs that have the same contents, by the names in the lock file: each is one, fetched and
    /// evaluated once more.
    #[must_use]
    pub fn twins(&self) -> Vec<Vec<&LockedInput>> {
        let mut by_hash: BTreeMap<&str, Vec<&LockedInput>> = BTreeMap::new();
        for input in &self.inputs {
            if let Some(hash) = &input.nar_hash {
                by_hash.entry(hash).or_default().push(input);
            }
        }
        by_hash
            .into_values()
            .filter(|twins| twins.len() > 1)
            .collect()
    }
}

impl LockedInput {
    fn new(name: &str, path: String, locked: &Locked) -> Self {
        let own = |text: &Option<String>| text.clone().unwrap_or_default();
        let at = |base: String| match &locked.rev {
            Some(rev) => format!("{base}/{rev}"),
            None => base,
        };
        let url = match locked.kind.as_str() {
            kind @ ("github" | "gitlab" | "sourcehut") => at(format!(
                "{kind}:{}/{}",
                own(&locked.owner),
                own(&locked.repo)
            )),
            "path" => format!("path:{}", own(&locked.path)),
            "git" => format!("git+{}", own(&locked.url)),
            _ => own(&locked.url),
        };
        let file = |url: &str| url.strip_prefix("file://").map(str::to_owned);
        Self {
            name: name.to_owned(),
            path,
            url,
            revision: locked.rev.clone(),
            nar_hash: locked.nar_hash.clone(),
            encoded_hash: locked.nar_hash.as_deref().map(|hash| {
                let hash = hash.replace('+', "%2B").replace('/', "%2F");
                hash.replace('=', "%3D")
            }),
            store_path: locked.nar_hash.as_deref().and_then(source_path),
            directory: locked
                .path
                .clone()
                .or_else(|| locked.url.as_deref().and_then(file)),
        }
    }

    /// Tells whether a file lies in it, or an address is its.
    fn owns(&self, place: &str) -> bool {
        let below = |directory: &str| {
            let rest = place.strip_prefix(directory);
            !directory.is_empty()
                && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let has = |part: &Option<String>| {
            part.as_deref()
                .is_some_and(|part| !part.is_empty() && place.contains(part))
        };
        self.store_path.as_deref().is_some_and(below)
            || self.directory.as_deref().is_some_and(below)
            // Of what it fetches, and of files that newer versions read without a store path, the revision
            // is in the address; without a revision the hash of the contents.
            || has(&self.revision)
            || has(&self.encoded_hash)
            || (self.revision.is_none() && is_whole_address(place, &self.url))
    }
}

/// Tells whether an address stands in a text, and not only the beginning of a longer one.
fn is_whole_address(text: &str, address: &str) -> bool {
    let mut found = text.match_indices(address);
    let is_ended = |end: usize| !matches!(text.as_bytes().get(end), Some(byte) if !b"?&\xc2/'\"".contains(byte));
    address.contains(':') && found.any(|(at, _)| is_ended(at + address.len()))
}

/// Returns the store path of a source tree of a hash (`sha256-…`, as lock files have it); `None` for
/// hashes of another kind.
#[must_use]
pub fn source_path(nar_hash: &str) -> Option<String> {
    let hash = base64(nar_hash.strip_prefix("sha256-")?)?;
    let hash: [u8; 32] = hash.try_into().ok()?;
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    let whole = Sha256::digest(format!("source:sha256:{hex}:/nix/store:source"));
    // A store path's hash is folded to 20 bytes.
    let mut folded = [0u8; 20];
    for (at, byte) in whole.iter().enumerate() {
        folded[at % 20] ^= byte;
    }
    Some(format!("/nix/store/{}-source", base32(&folded)))
}

/// Writes bytes in Nix's base 32: its own alphabet, the last bits first.
fn base32(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789abcdfghijklmnpqrsvwxyz";
    let digits = (bytes.len() * 8).div_ceil(5);
    let digit = |n: usize| {
        let (byte, bit) = (n * 5 / 8, n * 5 % 8);
        let low = u16::from(bytes[byte]);
        let high = bytes.get(byte + 1).copied().map_or(0, u16::from);
        let value = ((high << 8 | low) >> bit) & 31;
        char::from(ALPHABET[usize::from(value)])
    };
    (0..digits).rev().map(digit).collect()
}

/// Reads base 64, with or without its padding.
fn base64(text: &str) -> Option<Vec<u8>> {
    let value = |byte: u8| {
        Some(u32::from(match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        }))
    };
    let (mut bytes, mut held, mut bits) = (Vec::new(), 0u32, 0);
    for byte in text.trim_end_matches('=').bytes() {
        held = (held << 6 | value(byte)?) & 0xffff;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits & 0xff).ok()?);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = r#"{"nodes":{
        "crane":{"inputs":{"nixpkgs":"nixpkgs_2"},"locked":{"type":"github","owner":"ipetkov","repo":"crane","rev":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","narHash":"sha256-AAAA"}},
        "mine":{"flake":false,"locked":{"type":"path","path":"/home/me/mine","narHash":"sha256-BBBB"}},
        "nixpkgs":{"locked":{"type":"github","owner":"NixOS","repo":"nixpkgs","rev":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","narHash":"sha256-CCCC"}},
        "nixpkgs_2":{"locked":{"type":"github","owner":"NixOS","repo":"nixpkgs","rev":"cccccccccccccccccccccccccccccccccccccccc","narHash":"sha256-CCCC"}},
        "root":{"inputs":{"crane":"crane","mine":"mine","nixpkgs":"nixpkgs","same":["crane","nixpkgs"]}}
    },"root":"root","version":7}"#;

    #[test]
    fn inputs_have_names_ways_and_addresses() {
        let lock = Lock::parse(LOCK).expect("a lock file");
        let of = |place: &str| lock.owner(place).map(|input| input.path.as_str());
        assert_eq!(
            of("«github:NixOS/nixpkgs/cccccccccccccccccccccccccccccccccccccccc»/flake.nix"),
            Some("crane/nixpkgs")
        );
        assert_eq!(of("/home/me/mine/default.nix"), Some("mine"));
        assert_eq!(of("/home/me/mine2/default.nix"), None);
        assert_eq!(
            of("«path:/home/me/mine?lastModified=1»/a.nix"),
            Some("mine")
        );
        assert_eq!(of("«path:/home/me/mine2?lastModified=1»/a.nix"), None);
        assert_eq!(
            of(
                "https://github.com/ipetkov/crane/archive/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.tar.gz"
            ),
            Some("crane")
        );
        let twins = lock.twins();
        assert_eq!(twins.len(), 1);
        assert_eq!(
            [&*twins[0][0].name, &*twins[0][1].name],
            ["nixpkgs", "nixpkgs_2"]
        );
    }

    #[test]
    fn odd_lock_files_end() {
        // Two inputs that need each other, and one that nobody reaches.
        let text = r#"{"nodes":{"root":{"inputs":{"a":"a"}},"a":{"inputs":{"b":"b"},"locked":{}},
            "b":{"inputs":{"a":"a"},"locked":{}},"c":{"locked":{}}},"root":"root"}"#;
        let lock = Lock::parse(text).expect("a lock file");
        let paths: Vec<_> = lock
            .inputs
            .iter()
            .map(|input| input.path.as_str())
            .collect();
        assert_eq!(paths, ["a", "a/b"]);
        assert_eq!(lock.owner("/x"), None);
        assert!(Lock::parse("{}").is_err());
    }

    #[test]
    fn store_paths_are_those_of_nix() {
        // What `nix hash path` and `nix-store --add` of Nix 2.8 say of a directory called `source`.
        let hash = "sha256-lYm+o5HTptO6iNGG6L41EMhGGyh2L9gt5P7stJH8gqI=";
        let path = "/nix/store/j6x55z428hhmgvc0v2fbi1iz9mjkqn4w-source";
        assert_eq!(source_path(hash).as_deref(), Some(path));
        assert_eq!(source_path("sha1-x"), None);
        assert_eq!(source_path("sha256-x"), None);
    }
}
