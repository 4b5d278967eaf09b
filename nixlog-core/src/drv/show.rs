//! The JSON of `nix derivation show` (before 2.15: `nix show-derivation`), of every version.
//!
//! What differs between them: `inputDrvs` and `inputSrcs`, or `inputs` with `drvs` and `srcs` (2.33
//! and later); outputs wanted of an input as a list, or as an object with dynamic ones (2.18 and
//! later); paths with the store directory or without (2.32 and later); all of it under `derivations`
//! (2.33 and later); structured attributes as JSON in the environment, or apart (2.30 and later);
//! fixed outputs without their path (2.33 and later), which the environment has.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::aterm::OutputKind;
use super::json::{JsonError, Map, Str, texts};

/// A derivation as `nix derivation show` prints it. Borrows from the JSON where it can.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Shown<'a> {
    /// Its `.drv`, with or without the store directory.
    pub path: Cow<'a, str>,
    /// What it makes.
    pub outputs: Vec<ShownOutput<'a>>,
    /// The derivations whose outputs it needs.
    pub inputs: Vec<ShownInput<'a>>,
    /// The store paths that it needs as they are.
    pub sources: Vec<Cow<'a, str>>,
    /// The system it is built on.
    pub system: Cow<'a, str>,
    /// The program that builds it.
    pub builder: Cow<'a, str>,
    /// The builder's arguments.
    pub args: Vec<Cow<'a, str>>,
    /// The builder's environment.
    pub env: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// Structured attributes, where they are not in the environment.
    pub structured: Option<Value>,
}

impl Shown<'_> {
    /// Tells whether an output's hash is known beforehand: then it may use the network.
    #[must_use]
    pub fn is_fixed_output(&self) -> bool {
        let mut outputs = self.outputs.iter();
        outputs.any(|output| output.kind == OutputKind::Fixed)
    }
}

/// One output.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShownOutput<'a> {
    /// `out`, `dev`, `lib` …
    pub name: Cow<'a, str>,
    /// Its store path, with or without the store directory; `None` where it is not known.
    pub path: Option<Cow<'a, str>>,
    /// How its store path comes about.
    pub kind: OutputKind,
}

/// A derivation that another needs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShownInput<'a> {
    /// Its `.drv`, with or without the store directory.
    pub path: Cow<'a, str>,
    /// The outputs that are wanted of it.
    pub outputs: Vec<Cow<'a, str>>,
    /// The outputs of it that are derivations themselves, of which something is wanted.
    pub dynamic: Vec<Cow<'a, str>>,
}

/// Reads the JSON of `nix derivation show`.
///
/// # Errors
///
/// Returns what is wrong, and where: it is no JSON, or JSON of something else.
///
/// # Examples
///
/// ```
/// let json = br#"{"derivations":{"9af9-d.drv":{"args":[],"builder":"/bin/sh","env":{"name":"d"},
///     "inputs":{"drvs":{"8l01-b.drv":{"dynamicOutputs":{},"outputs":["out"]}},"srcs":[]},"name":"d",
///     "outputs":{"out":{"path":"5z1g-d"}},"system":"x86_64-linux","version":4}},"version":4}"#;
/// let shown = nixlog_core::drv::shown(json)?;
/// assert_eq!(shown[0].inputs[0].path, "8l01-b.drv");
/// # Ok::<(), nixlog_core::drv::JsonError>(())
/// ```
pub fn shown(json: &[u8]) -> Result<Vec<Shown<'_>>, JsonError> {
    let All(all) = serde_json::from_slice(json)?;
    Ok(all)
}

/// The whole document.
struct All<'a>(Vec<Shown<'a>>);

impl<'de: 'a, 'a> Deserialize<'de> for All<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(AllVisitor)
    }
}

struct AllVisitor;

impl<'de> Visitor<'de> for AllVisitor {
    type Value = All<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("derivations by their paths, as `nix derivation show -r` prints them")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut all = Vec::new();
        while let Some(Str(key)) = map.next_key()? {
            // `derivations`, `version`, and whatever comes to be written beside them.
            if key == "derivations" {
                let All(nested) = map.next_value()?;
                all.extend(nested);
            } else if key.ends_with(".drv") {
                all.push(map.next_value::<Entry<'_>>()?.shown(key));
            } else if key.contains('/') {
                return Err(serde::de::Error::custom(format!(
                    "`{key}` is not a derivation"
                )));
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(All(all))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    #[serde(borrow)]
    outputs: Map<'a, Made<'a>>,
    #[serde(borrow, default)]
    input_drvs: Map<'a, Wanted<'a>>,
    #[serde(borrow, default)]
    input_srcs: Vec<Str<'a>>,
    #[serde(borrow, default)]
    inputs: Inputs<'a>,
    #[serde(borrow, default, alias = "platform")]
    system: Str<'a>,
    #[serde(borrow, default)]
    builder: Str<'a>,
    #[serde(borrow, default)]
    args: Vec<Str<'a>>,
    #[serde(borrow, default)]
    env: Map<'a, Str<'a>>,
    #[serde(default)]
    structured_attrs: Option<Value>,
}

#[derive(Deserialize, Default)]
struct Inputs<'a> {
    #[serde(borrow, default)]
    drvs: Map<'a, Wanted<'a>>,
    #[serde(borrow, default)]
    srcs: Vec<Str<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Made<'a> {
    #[serde(borrow, default)]
    path: Option<Str<'a>>,
    #[serde(default)]
    hash: Option<IgnoredAny>,
    #[serde(default)]
    hash_algo: Option<IgnoredAny>,
    #[serde(default)]
    impure: bool,
}

impl Made<'_> {
    fn kind(&self) -> OutputKind {
        match (self.hash.is_some(), self.hash_algo.is_some()) {
            _ if self.impure => OutputKind::Impure,
            (true, _) => OutputKind::Fixed,
            (false, true) => OutputKind::Floating,
            (false, false) if self.path.is_some() => OutputKind::InputAddressed,
            (false, false) => OutputKind::Deferred,
        }
    }
}

impl<'a> Entry<'a> {
    fn shown(self, path: Cow<'a, str>) -> Shown<'a> {
        let env = self.env.0.into_iter();
        let env: Vec<_> = env.map(|(name, Str(value))| (name, value)).collect();
        let output = |(name, made): (Cow<'a, str>, Made<'a>)| {
            let kind = made.kind();
            let in_env = || {
                let mut env = env.iter();
                let (_, path) = env.find(|(key, _)| *key == name)?;
                (kind == OutputKind::Fixed && path.starts_with('/')).then(|| path.clone())
            };
            let path = made.path.map(Cow::from).or_else(in_env);
            ShownOutput { path, kind, name }
        };
        let outputs = self.outputs.0.into_iter().map(output).collect();
        let inputs = self.input_drvs.0.into_iter().chain(self.inputs.drvs.0);
        let mut sources = texts(self.input_srcs);
        sources.extend(texts(self.inputs.srcs));
        Shown {
            path,
            outputs,
            inputs: inputs
                .map(|(path, wanted)| ShownInput {
                    path,
                    outputs: wanted.outputs,
                    dynamic: wanted.dynamic,
                })
                .collect(),
            sources,
            system: self.system.0,
            builder: self.builder.0,
            args: texts(self.args),
            env,
            structured: self.structured_attrs,
        }
    }
}

/// What is wanted of an input: a list of outputs, or an object that has one.
#[derive(Default)]
struct Wanted<'a> {
    outputs: Vec<Cow<'a, str>>,
    dynamic: Vec<Cow<'a, str>>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Wanted<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WantedVisitor)
    }
}

struct WantedVisitor;

impl<'de> Visitor<'de> for WantedVisitor {
    type Value = Wanted<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the outputs that are wanted")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut wanted = Wanted::default();
        while let Some(Str(output)) = seq.next_element()? {
            wanted.outputs.push(output);
        }
        Ok(wanted)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut wanted = Wanted::default();
        while let Some(Str(key)) = map.next_key()? {
            match &*key {
                "outputs" => wanted.outputs = texts(map.next_value()?),
                "dynamicOutputs" => {
                    let Map(dynamic) = map.next_value::<Map<'_, IgnoredAny>>()?;
                    wanted.dynamic = dynamic.into_iter().map(|(output, _)| output).collect();
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(wanted)
    }
}
