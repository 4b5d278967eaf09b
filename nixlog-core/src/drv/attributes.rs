//! What Nix reads out of a derivation's environment, wherever it stands there.

use std::borrow::Cow;

use serde_json::Value;

use super::aterm::Derivation;
use super::show::Shown;

/// Attributes that mean something to Nix or to people. They are in the builder's environment, or in
/// the JSON of structured attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attributes<'a> {
    /// `name`.
    pub name: Option<Cow<'a, str>>,
    /// `pname`.
    pub pname: Option<Cow<'a, str>>,
    /// `version`.
    pub version: Option<Cow<'a, str>>,
    /// What a machine must offer: `big-parallel`, `kvm` …
    pub system_features: Vec<Cow<'a, str>>,
    /// `preferLocalBuild`: machines are not asked where this one can build it.
    pub prefers_local: bool,
    /// `allowSubstitutes`, true by default: caches are asked for it.
    pub allows_substitutes: bool,
}

impl Default for Attributes<'_> {
    fn default() -> Self {
        Self {
            name: None,
            pname: None,
            version: None,
            system_features: Vec::new(),
            prefers_local: false,
            allows_substitutes: true,
        }
    }
}

/// The variable that holds structured attributes.
const STRUCTURED: &str = "__json";

impl<'a> Attributes<'a> {
    /// Takes in one variable of the environment (`getBoolAttr`, `getStringsAttr` in Nix's
    /// `parsed-derivations.cc`): true is `1`, a list is separated by white space.
    fn variable(&mut self, name: &[u8], value: impl Fn() -> Cow<'a, str>) {
        match name {
            b"name" => self.name = Some(value()),
            b"pname" => self.pname = Some(value()),
            b"version" => self.version = Some(value()),
            b"preferLocalBuild" => self.prefers_local = value() == "1",
            b"allowSubstitutes" => self.allows_substitutes = value() == "1",
            b"requiredSystemFeatures" => {
                let text = value();
                let words = text.split_ascii_whitespace();
                self.system_features = words.map(|word| Cow::Owned(word.to_owned())).collect();
            }
            _ => {}
        }
    }

    /// Reads structured attributes, which are all there is.
    fn structured(json: &Value) -> Self {
        let text = |name| json.get(name).and_then(Value::as_str);
        let owned = |name| text(name).map(|text| Cow::Owned(text.to_owned()));
        let flag = |name| json.get(name).and_then(Value::as_bool);
        let features = json.get("requiredSystemFeatures").and_then(Value::as_array);
        let features = features.into_iter().flatten().filter_map(Value::as_str);
        Self {
            name: owned("name"),
            pname: owned("pname"),
            version: owned("version"),
            system_features: features.map(|name| Cow::Owned(name.to_owned())).collect(),
            prefers_local: flag("preferLocalBuild").unwrap_or(false),
            allows_substitutes: flag("allowSubstitutes").unwrap_or(true),
        }
    }
}

impl<'a> Derivation<'a> {
    /// Reads the attributes. Structured ones that are no JSON are as good as none.
    #[must_use]
    pub fn attributes(&self) -> Attributes<'a> {
        let mut attributes = Attributes::default();
        for (name, value) in self.env {
            if name == STRUCTURED
                && let Ok(json) = serde_json::from_slice(&value.decode())
            {
                return Attributes::structured(&json);
            }
            attributes.variable(name.raw(), || value.to_text());
        }
        attributes
    }
}

impl<'a> Shown<'a> {
    /// Reads the attributes. Structured ones that are no JSON are as good as none.
    #[must_use]
    pub fn attributes(&self) -> Attributes<'a> {
        if let Some(json) = &self.structured {
            return Attributes::structured(json);
        }
        let mut attributes = Attributes::default();
        for (name, value) in &self.env {
            if name == STRUCTURED
                && let Ok(json) = serde_json::from_str(value)
            {
                return Attributes::structured(&json);
            }
            attributes.variable(name.as_bytes(), || value.clone());
        }
        attributes
    }
}
