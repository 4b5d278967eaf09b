//! What Nix reads out of a derivation's environment, wherever it stands there.

use std::borrow::Cow;

use serde_json::Value;

use super::aterm::Derivation;
use super::show::Shown;
use super::text::Text;

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
pub const STRUCTURED: &str = "__json";

/// The variables that attributes are read from, found while the environment is read: going over it
/// again would take as long as reading all of the file.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Known<'a> {
    name: Option<Text<'a>>,
    pname: Option<Text<'a>>,
    version: Option<Text<'a>>,
    system_features: Option<Text<'a>>,
    prefers_local: Option<Text<'a>>,
    allows_substitutes: Option<Text<'a>>,
    structured: Option<Text<'a>>,
}

impl<'a> Known<'a> {
    /// Takes a look at one variable. None of the names has anything to escape.
    pub(super) fn see(&mut self, name: Text<'a>, value: Text<'a>) {
        let known = match name.raw() {
            b"name" => &mut self.name,
            b"pname" => &mut self.pname,
            b"version" => &mut self.version,
            b"requiredSystemFeatures" => &mut self.system_features,
            b"preferLocalBuild" => &mut self.prefers_local,
            b"allowSubstitutes" => &mut self.allows_substitutes,
            b"__json" => &mut self.structured,
            _ => return,
        };
        *known = Some(value);
    }
}

impl<'a> Attributes<'a> {
    /// Reads plain variables (`getBoolAttr`, `getStringsAttr` in Nix's `parsed-derivations.cc`): true is
    /// `1`, a list is separated by white space.
    fn plain(value: impl Fn(&str) -> Option<Cow<'a, str>>) -> Self {
        let features = value("requiredSystemFeatures").unwrap_or_default();
        let words = features.split_ascii_whitespace();
        Self {
            name: value("name"),
            pname: value("pname"),
            version: value("version"),
            system_features: words.map(|word| Cow::Owned(word.to_owned())).collect(),
            prefers_local: value("preferLocalBuild").is_some_and(|value| value == "1"),
            allows_substitutes: value("allowSubstitutes").is_none_or(|value| value == "1"),
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
        let known = &self.known;
        if let Some(json) = known.structured
            && let Ok(json) = serde_json::from_slice(&json.decode())
        {
            return Attributes::structured(&json);
        }
        let text = |text: Option<Text<'a>>| text.map(Text::to_text);
        Attributes::plain(|name| match name {
            "name" => text(known.name),
            "pname" => text(known.pname),
            "version" => text(known.version),
            "requiredSystemFeatures" => text(known.system_features),
            "preferLocalBuild" => text(known.prefers_local),
            "allowSubstitutes" => text(known.allows_substitutes),
            _ => None,
        })
    }
}

impl<'a> Shown<'a> {
    /// Reads the attributes. Structured ones that are no JSON are as good as none.
    #[must_use]
    pub fn attributes(&self) -> Attributes<'a> {
        if let Some(json) = &self.structured {
            return Attributes::structured(json);
        }
        let value = |name: &str| {
            let mut env = self.env.iter();
            env.find(|(key, _)| key == name)
                .map(|(_, value)| value.clone())
        };
        if let Some(json) = value(STRUCTURED)
            && let Ok(json) = serde_json::from_str(&json)
        {
            return Attributes::structured(&json);
        }
        Attributes::plain(value)
    }
}
