//! What the side lines of a recording say.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The version of the form that this nixlog writes. Fields and types of side lines may be added within
/// it; readers pass over what they do not know.
pub const FORMAT: u32 = 1;

/// One side line.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SideLine<'a> {
    /// How the recording came about; the first line.
    Header(Box<Header>),
    /// What Nix is set to.
    Settings(Settings),
    /// A derivation that the log names, or that one of those needs.
    Derivation(DerivationRecord<'a>),
    /// What a substituted store path refers to.
    PathInfo(PathInfoRecord<'a>),
    /// What is known of one unit otherwise than by the lines of the log.
    Unit(UnitRecord<'a>),
    /// How the command ended; the last line.
    End(End),
    /// A type of side line that is newer than this nixlog.
    Other,
}

/// How a recording came about.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Header {
    /// The version of the form, see [`FORMAT`].
    pub format: u32,
    /// The nixlog that wrote it.
    pub nixlog_version: String,
    /// The run's id, a UUID of version 7.
    pub id: Option<String>,
    /// How the log came in: `run`, `pipe`, `socket`, `import`, `reconstruct`.
    pub via: String,
    /// Where the stamps come from: `recorded`, `carrier`, `reconstructed`.
    pub clock: String,
    /// The command line; empty where it is not known.
    pub command: Vec<String>,
    /// The working directory.
    pub cwd: Option<String>,
    /// The machine's name.
    pub host: Option<String>,
    /// The processors that could be used.
    pub cores: Option<u64>,
    /// Main memory.
    pub memory_bytes: Option<u64>,
    /// The kernel's name and release.
    pub kernel: Option<String>,
    /// The instant of stamp zero, RFC 3339.
    pub started_at: Option<String>,
    /// The same in nanoseconds since 1970.
    pub started_at_unix_ns: Option<i64>,
    /// Whether the shell had `pipefail` set; `None`: a pipe does not tell.
    pub pipefail: Option<bool>,
    /// The log that was imported.
    pub imported_from: Option<String>,
    /// What was wrapped around the lines of an imported log.
    pub carrier: Option<String>,
    /// The project that somebody named; it counts before what the command says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// The revision that was checked out in the working directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// When the newest input in the `flake.lock` there was last changed, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inputs_modified: Option<i64>,
}

/// What Nix is set to, as far as it matters for how long things take. Never a secret.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// What `nix --version` prints: the client's version.
    pub nix_version: Option<String>,
    /// Settings by name, with the values of `nix config show --json`.
    pub settings: BTreeMap<String, Value>,
    /// How many members the group of the build users has, where the system tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_users: Option<u32>,
}

/// A derivation in a recording.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DerivationRecord<'a> {
    /// The `.drv` file's store path, which is its content's address: each is recorded once.
    #[serde(borrow)]
    pub path: Cow<'a, str>,
    /// The file's content.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub aterm: Cow<'a, str>,
    /// The same where it is not UTF-8: each byte as the character of that number.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub aterm_latin1: Cow<'a, str>,
}

/// What a store path refers to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PathInfoRecord<'a> {
    /// The store path.
    #[serde(borrow)]
    pub path: Cow<'a, str>,
    /// The bytes of its unpacked archive.
    #[serde(default)]
    pub nar_bytes: Option<u64>,
    /// What it needs at run time.
    #[serde(borrow, default)]
    pub references: Vec<Cow<'a, str>>,
    /// The `.drv` that made it.
    #[serde(borrow, default)]
    pub deriver: Option<Cow<'a, str>>,
}

/// What is known of one unit otherwise than by the lines of the log: in a reconstruction, how well its
/// times are known, and how it ended. Stands between the lines that start and stop its activity.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct UnitRecord<'a> {
    /// Nix's number of the activity.
    pub activity: u64,
    /// How well its start is known.
    pub start: Certainty,
    /// How well its end is known.
    pub end: Certainty,
    /// How it ended: `succeeded`, `failed`, `unknown`.
    #[serde(borrow)]
    pub outcome: Cow<'a, str>,
    /// Why it failed.
    #[serde(borrow)]
    pub reason: Option<Cow<'a, str>>,
    /// Why less is known of it than should be, in one word.
    #[serde(borrow)]
    pub fault: Option<Cow<'a, str>>,
    /// The bytes of a substituted path's unpacked archive.
    pub nar_bytes: Option<u64>,
}

/// How well a point in time is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Certainty {
    /// To some milliseconds.
    Measured,
    /// To the second, or as what other things leave room for.
    Inferred,
    /// Not at all: the stamp of its line means nothing.
    #[default]
    #[serde(other)]
    Unknown,
}

/// How a recorded command ended.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct End {
    /// The command's exit status; `None` where a signal ended it, or where nobody knows: in a pipe.
    pub exit_status: Option<i32>,
    /// The signal that ended the command.
    pub signal: Option<i32>,
    /// From the start until the command ended, or until its log did.
    pub duration_ns: u64,
    /// Progress results that were left out.
    pub thinned: u64,
    /// The last line of the log had no line feed.
    pub unterminated: bool,
}

impl<'a> SideLine<'a> {
    /// Reads what follows [`MARK`](super::MARK); `None` where that is no side line.
    #[must_use]
    pub fn parse(json: &'a str) -> Option<Self> {
        /// Only what tells one type from the others.
        #[derive(Deserialize)]
        struct Tag<'a> {
            #[serde(rename = "type", borrow)]
            kind: Cow<'a, str>,
        }
        let Tag { kind } = serde_json::from_str(json).ok()?;
        match &*kind {
            "header" => serde_json::from_str(json).ok().map(Self::Header),
            "settings" => serde_json::from_str(json).ok().map(Self::Settings),
            "derivation" => serde_json::from_str(json).ok().map(Self::Derivation),
            "path-info" => serde_json::from_str(json).ok().map(Self::PathInfo),
            "unit" => serde_json::from_str(json).ok().map(Self::Unit),
            "end" => serde_json::from_str(json).ok().map(Self::End),
            _ => Some(Self::Other),
        }
    }

    /// Writes the side line: one line of JSON without its line feed, the type first.
    ///
    /// # Errors
    ///
    /// Passes on what `out` says.
    pub fn write(&self, out: &mut dyn io::Write) -> io::Result<()> {
        /// A side line's fields behind its type.
        #[derive(Serialize)]
        struct Typed<'a, T> {
            #[serde(rename = "type")]
            kind: &'static str,
            #[serde(flatten)]
            fields: &'a T,
        }
        fn typed<T: Serialize>(
            out: &mut dyn io::Write,
            kind: &'static str,
            fields: &T,
        ) -> io::Result<()> {
            serde_json::to_writer(out, &Typed { kind, fields }).map_err(io::Error::from)
        }
        match self {
            Self::Header(header) => typed(out, "header", header),
            Self::Settings(settings) => typed(out, "settings", settings),
            Self::Derivation(derivation) => typed(out, "derivation", derivation),
            Self::PathInfo(info) => typed(out, "path-info", info),
            Self::Unit(unit) => typed(out, "unit", unit),
            Self::End(end) => typed(out, "end", end),
            Self::Other => out.write_all(b"{\"type\":\"other\"}"),
        }
    }
}

impl<'a> DerivationRecord<'a> {
    /// Makes a record of a `.drv` file.
    #[must_use]
    pub fn new(path: impl Into<Cow<'a, str>>, file: &'a [u8]) -> Self {
        let mut record = Self {
            path: path.into(),
            ..Self::default()
        };
        match std::str::from_utf8(file) {
            Ok(text) => record.aterm = Cow::Borrowed(text),
            Err(_) => record.aterm_latin1 = file.iter().copied().map(char::from).collect(),
        }
        record
    }

    /// Returns the content of the `.drv` file; `None` where the record has characters that are no
    /// bytes.
    #[must_use]
    pub fn file(&self) -> Option<Cow<'_, [u8]>> {
        if self.aterm_latin1.is_empty() {
            return Some(Cow::Borrowed(self.aterm.as_bytes()));
        }
        let bytes = self.aterm_latin1.chars().map(|c| u8::try_from(c).ok());
        bytes.collect::<Option<Vec<u8>>>().map(Cow::Owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(side: &SideLine<'_>) -> String {
        let mut out = Vec::new();
        side.write(&mut out).expect("memory takes everything");
        String::from_utf8(out).expect("JSON is UTF-8")
    }

    #[test]
    fn side_lines_are_read_as_they_were_written() {
        let sides = [
            SideLine::Header(Box::new(Header {
                format: FORMAT,
                command: vec!["nix".to_owned(), "build".to_owned(), "a\nb".to_owned()],
                started_at_unix_ns: Some(-5),
                ..Header::default()
            })),
            SideLine::Settings(Settings {
                nix_version: Some("2.34.8".to_owned()),
                settings: [("max-jobs".to_owned(), Value::from(4))].into(),
                build_users: Some(32),
            }),
            SideLine::Derivation(DerivationRecord::new(
                "/nix/store/a.drv",
                b"Derive([\"\\n\"])",
            )),
            SideLine::PathInfo(PathInfoRecord {
                path: "/nix/store/b".into(),
                references: vec!["/nix/store/c".into()],
                ..PathInfoRecord::default()
            }),
            SideLine::Unit(UnitRecord {
                activity: u64::MAX,
                start: Certainty::Inferred,
                outcome: "failed".into(),
                reason: Some("its \"outputs\" are gone".into()),
                ..UnitRecord::default()
            }),
            SideLine::End(End {
                signal: Some(2),
                duration_ns: u64::MAX,
                unterminated: true,
                ..End::default()
            }),
        ];
        for side in sides {
            let json = written(&side);
            assert!(
                json.starts_with("{\"type\":\"") && !json.contains('\n'),
                "{json}"
            );
            assert_eq!(SideLine::parse(&json), Some(side), "{json}");
        }
    }

    #[test]
    fn what_is_newer_is_passed_over() {
        assert_eq!(
            SideLine::parse(r#"{"type":"sample","cpu":1}"#),
            Some(SideLine::Other)
        );
        let unit = SideLine::parse(r#"{"type":"unit","activity":3,"start":"guessed"}"#);
        let Some(SideLine::Unit(unit)) = unit else {
            panic!("{unit:?}");
        };
        assert_eq!((unit.activity, unit.start), (3, Certainty::Unknown));
        let end = SideLine::parse(r#"{"exit_status":3,"colour":"red","type":"end"}"#);
        let Some(SideLine::End(end)) = end else {
            panic!("{end:?}");
        };
        assert_eq!((end.exit_status, end.signal), (Some(3), None));
        for bad in [
            "",
            "{}",
            "[]",
            "{\"type\":7}",
            "{\"type\":\"end\"",
            "{\"type\":\"end\",\"signal\":\"x\"}",
        ] {
            assert_eq!(SideLine::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn derivations_keep_their_bytes() {
        let all: Vec<u8> = (0..=255).collect();
        for file in [&b"Derive(\"\xc3\xa9\\\\\")"[..], &all, b""] {
            let json = written(&SideLine::Derivation(DerivationRecord::new("/p", file)));
            let Some(SideLine::Derivation(read)) = SideLine::parse(&json) else {
                panic!("{json}");
            };
            assert_eq!(read.file().as_deref(), Some(file));
        }
        let odd = DerivationRecord {
            aterm_latin1: "€".into(),
            ..DerivationRecord::default()
        };
        assert_eq!(odd.file(), None);
    }
}
