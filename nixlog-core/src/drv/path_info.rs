//! The JSON of `nix path-info`, of every version.
//!
//! A list (up to 2.18), an object by path (2.19 and later), or such an object under `info` (format 2,
//! since 2.33; paths without the store directory).

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::json::{JsonError, Str, texts};

/// A store path, and what it refers to. Borrows from the JSON where it can.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct PathInfo<'a> {
    /// The path, with or without the store directory.
    pub path: Cow<'a, str>,
    /// The bytes of its unpacked archive.
    pub nar_bytes: Option<u64>,
    /// The paths that it needs at run time; itself may be among them.
    pub references: Vec<Cow<'a, str>>,
    /// The `.drv` that made it, as far as the store knows.
    pub deriver: Option<Cow<'a, str>>,
}

impl<'a> PathInfo<'a> {
    /// Makes one from what a store's database has.
    #[must_use]
    pub fn new(
        path: impl Into<Cow<'a, str>>,
        nar_bytes: Option<u64>,
        references: Vec<Cow<'a, str>>,
        deriver: Option<Cow<'a, str>>,
    ) -> Self {
        Self {
            path: path.into(),
            nar_bytes,
            references,
            deriver,
        }
    }
}

/// Reads the JSON of `nix path-info`. Paths that are not in the store are left out.
///
/// # Errors
///
/// Returns what is wrong, and where: it is no JSON, or JSON of something else.
///
/// # Examples
///
/// ```
/// let json = br#"{"/nix/store/5z1g-d":{"narSize":120,"references":["/nix/store/8l01-b"]}}"#;
/// let infos = nixlog_core::drv::path_infos(json)?;
/// assert_eq!((infos[0].nar_bytes, &*infos[0].references[0]), (Some(120), "/nix/store/8l01-b"));
/// # Ok::<(), nixlog_core::drv::JsonError>(())
/// ```
pub fn path_infos(json: &[u8]) -> Result<Vec<PathInfo<'_>>, JsonError> {
    let All(all) = serde_json::from_slice(json)?;
    Ok(all)
}

/// The whole document.
struct All<'a>(Vec<PathInfo<'a>>);

impl<'de: 'a, 'a> Deserialize<'de> for All<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AllVisitor)
    }
}

struct AllVisitor;

impl<'de> Visitor<'de> for AllVisitor {
    type Value = All<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("store paths, as `nix path-info --json` prints them")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut all = Vec::new();
        while let Some(info) = seq.next_element::<Info<'_>>()? {
            all.extend(info.named(None)?);
        }
        Ok(All(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut all = Vec::new();
        while let Some(Str(key)) = map.next_key()? {
            match &*key {
                "info" => {
                    let All(nested) = map.next_value()?;
                    all.extend(nested);
                }
                "version" | "storeDir" => drop(map.next_value::<IgnoredAny>()?),
                // Not in the store: `null`.
                _ => {
                    if let Some(info) = map.next_value::<Option<Info<'_>>>()? {
                        all.extend(info.named(Some(key))?);
                    }
                }
            }
        }
        Ok(All(all))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Info<'a> {
    #[serde(borrow, default)]
    path: Option<Str<'a>>,
    #[serde(default)]
    nar_size: Option<u64>,
    #[serde(borrow, default)]
    references: Option<Vec<Str<'a>>>,
    #[serde(borrow, default)]
    deriver: Option<Str<'a>>,
    #[serde(default)]
    valid: Option<bool>,
}

impl<'a> Info<'a> {
    /// Puts the path to it; `None` for one that is not in the store.
    fn named<E: Error>(self, key: Option<Cow<'a, str>>) -> Result<Option<PathInfo<'a>>, E> {
        let path = key.or(self.path.map(Cow::from));
        let path = path.ok_or_else(|| E::missing_field("path"))?;
        if self.valid == Some(false) {
            return Ok(None);
        }
        let references = self.references;
        let references = references.ok_or_else(|| E::missing_field("references"))?;
        Ok(Some(PathInfo {
            path,
            nar_bytes: self.nar_size,
            references: texts(references),
            deriver: self.deriver.map(Cow::from),
        }))
    }
}
