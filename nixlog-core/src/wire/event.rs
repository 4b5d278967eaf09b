//! One record of Nix's event stream, borrowed from the log.
//!
//! Sources: `JSONLogger` in Nix's `src/libutil/logging.cc`; `activity-types` in `logging.hh`.

use std::fmt;

use super::json;
use crate::ids::ActivityId;
use crate::json_str::JsonStr;

/// What one record says. Borrows from the log, is `Copy`, and allocates nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// An activity begins.
    Start(Start<'a>),
    /// An activity ends. Nix does not say how.
    Stop(ActivityId),
    /// The counters of an activity: result 105 with its four integers, 98 % of many logs.
    Progress(Progress),
    /// Any other result.
    Result(ActivityResult<'a>),
    /// A message for people.
    Message(Message<'a>),
    /// A builder names its phase. Nix never prints this itself; stored build logs hold it.
    SetPhase(JsonStr<'a>),
    /// An action that this version of nixlog does not know.
    Unknown {
        /// The action's name.
        action: JsonStr<'a>,
    },
}

impl Event<'_> {
    /// Returns the same with the numbers that activities have where several logs are mixed into one.
    #[must_use]
    pub fn in_strand(mut self, strand: u32) -> Self {
        match &mut self {
            Self::Start(start) => {
                start.id = start.id.in_strand(strand);
                start.parent = start.parent.map(|parent| parent.in_strand(strand));
            }
            Self::Stop(id) => *id = id.in_strand(strand),
            Self::Progress(progress) => progress.id = progress.id.in_strand(strand),
            Self::Result(result) => result.id = result.id.in_strand(strand),
            Self::Message(_) | Self::SetPhase(_) | Self::Unknown { .. } => {}
        }
        self
    }
}

/// The start of an activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start<'a> {
    /// The activity's number.
    pub id: ActivityId,
    /// The parent's number; `None` where the log has no such key (before Nix 2.18).
    pub parent: Option<ActivityId>,
    /// What kind of activity it is.
    pub kind: ActivityKind,
    /// From which verbosity on plain Nix would show it.
    pub level: Level,
    /// What plain Nix would show; often empty.
    pub text: JsonStr<'a>,
    /// What the activity is about; [`detail`](Self::detail) reads them.
    pub fields: Fields<'a>,
    /// Determinate Nix's session (from 3.20 on).
    pub session: Option<JsonStr<'a>>,
}

/// The counters of an activity. Their unit depends on the activity: builds, paths or bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The activity that reports.
    pub id: ActivityId,
    /// Finished so far.
    pub done: u64,
    /// Expected in all; an estimate that may shrink.
    pub expected: u64,
    /// Under way.
    pub running: u64,
    /// Failed so far.
    pub failed: u64,
}

/// A result that an activity reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActivityResult<'a> {
    /// The activity that reports; zero on some of Determinate Nix's.
    pub id: ActivityId,
    /// What kind of result it is. Read it together with `payload`: code 109 means two things.
    pub kind: ResultKind,
    /// The result's values.
    pub fields: Fields<'a>,
    /// Determinate Nix's JSON object in place of fields, as raw JSON.
    pub payload: Option<&'a str>,
}

/// A message for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    /// How important it is; 0 is an error. Through a daemon everything arrives as 0.
    pub level: Level,
    /// The whole text with colours, prefix and indentation.
    pub text: JsonStr<'a>,
    /// The bare text, where the message was made from an error or warning.
    pub raw: Option<JsonStr<'a>>,
    /// The file that the error points at.
    pub file: Option<JsonStr<'a>>,
    /// The line that the error points at.
    pub line: Option<u64>,
    /// The column that the error points at.
    pub column: Option<u64>,
    /// The trace, as raw JSON.
    pub trace: Option<&'a str>,
}

/// A verbosity level, 0 (error) to 7 (vomit).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Level(pub u8);

impl Level {
    /// Errors.
    pub const ERROR: Self = Self(0);
    /// Warnings.
    pub const WARN: Self = Self(1);
    /// What `nix-build` shows by default.
    pub const INFO: Self = Self(3);
}

/// Declares an open set of codes: the known ones as constants with their names in Nix.
macro_rules! codes {
    ($(#[$doc:meta])* $type:ident { $($(#[$each:meta])* $name:ident = $code:literal $label:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(pub u32);

        impl $type {
            $($(#[$each])* pub const $name: Self = Self($code);)*

            /// Returns the name that Nix's source gives it; `None` for a code newer than nixlog.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($code => Some($label),)*
                    _ => None,
                }
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.name() {
                    Some(name) => f.write_str(name),
                    None => write!(f, "{}", self.0),
                }
            }
        }
    };
}

codes! {
    /// The kind of an activity. An open set: a code that nobody knows yet is kept.
    ActivityKind {
        /// Free text: evaluation, fetching, a remote builder's steps.
        UNKNOWN = 0 "Unknown",
        /// A store path is copied.
        COPY_PATH = 100 "CopyPath",
        /// A file is downloaded or uploaded.
        FILE_TRANSFER = 101 "FileTransfer",
        /// One call that makes paths valid; has the expected sizes.
        REALISE = 102 "Realise",
        /// Several paths are copied; has the counters of substitution.
        COPY_PATHS = 103 "CopyPaths",
        /// Has the counters of the builds of one call.
        BUILDS = 104 "Builds",
        /// A derivation is built.
        BUILD = 105 "Build",
        /// The store is optimised.
        OPTIMISE_STORE = 106 "OptimiseStore",
        /// Store paths are verified.
        VERIFY_PATHS = 107 "VerifyPaths",
        /// A path is taken from a substituter.
        SUBSTITUTE = 108 "Substitute",
        /// A substituter is asked about a path.
        QUERY_PATH_INFO = 109 "QueryPathInfo",
        /// The post-build hook runs.
        POST_BUILD_HOOK = 110 "PostBuildHook",
        /// A build waits; or an unresolved derivation was resolved.
        BUILD_WAITING = 111 "BuildWaiting",
        /// An input is fetched (from Nix 2.20 on).
        FETCH_TREE = 112 "FetchTree",
        /// A source is copied or hashed (after Nix 2.35).
        FETCH_TO_STORE = 113 "FetchToStore",
        /// Determinate Nix (from 3.23 on): a kind that is a name, of which the text has to do.
        STRINGLY = 10113 "Stringly",
    }
}

codes! {
    /// The kind of a result. An open set, and code 109 means two things: see
    /// [`ActivityResult::detail`].
    ResultKind {
        /// A file was linked while optimising.
        FILE_LINKED = 100 "FileLinked",
        /// A line of a build's log.
        BUILD_LOG_LINE = 101 "BuildLogLine",
        /// A path without a trusted signature.
        UNTRUSTED_PATH = 102 "UntrustedPath",
        /// A path whose content changed.
        CORRUPTED_PATH = 103 "CorruptedPath",
        /// The builder enters a phase.
        SET_PHASE = 104 "SetPhase",
        /// Counters.
        PROGRESS = 105 "Progress",
        /// What is expected of other activities.
        SET_EXPECTED = 106 "SetExpected",
        /// A line of the post-build hook's output.
        POST_BUILD_LOG_LINE = 107 "PostBuildLogLine",
        /// How far a fetch is, as text.
        FETCH_STATUS = 108 "FetchStatus",
        /// Nix: a source is in the store. Determinate Nix: a hash mismatch.
        FETCH_TO_STORE_OR_HASH_MISMATCH = 109 "FetchToStore",
        /// Determinate Nix: how a build ended.
        BUILD_RESULT = 110 "BuildResult",
        /// Determinate Nix (from 3.23 on): what 109 is in Nix.
        FETCH_TO_STORE = 10109 "FetchToStore",
        /// Determinate Nix (from 3.23 on): how a server answered.
        HTTP_STATUS = 10111 "HttpStatus",
    }
}

/// The inside of a `fields` array, as raw JSON. Read on request.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Fields<'a>(&'a str);

impl<'a> Fields<'a> {
    /// Takes the text between the brackets of a JSON array that is known to be valid.
    pub(crate) const fn new(raw: &'a str) -> Self {
        Self(raw)
    }

    /// Returns the raw JSON between the brackets.
    #[must_use]
    pub const fn raw(self) -> &'a str {
        self.0
    }

    /// Iterates over the values.
    #[must_use]
    pub const fn iter(self) -> FieldIter<'a> {
        FieldIter { raw: self.0, at: 0 }
    }

    /// Returns the first value where it is a string: the quick way for a line of a build's log.
    #[must_use]
    pub fn first_str(self) -> Option<JsonStr<'a>> {
        // Most results have one string without escapes.
        let inside = self
            .0
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'));
        if let Some(inside) = inside
            && memchr::memchr2(b'"', b'\\', inside.as_bytes()).is_none()
        {
            return Some(JsonStr::new(inside));
        }
        match self.iter().next() {
            Some(Field::Str(text)) => Some(text),
            _ => None,
        }
    }
}

impl<'a> IntoIterator for Fields<'a> {
    type Item = Field<'a>;
    type IntoIter = FieldIter<'a>;

    fn into_iter(self) -> FieldIter<'a> {
        self.iter()
    }
}

impl fmt::Debug for Fields<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}]", self.0)
    }
}

/// One value of a `fields` array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field<'a> {
    /// An unsigned integer.
    Int(u64),
    /// A string.
    Str(JsonStr<'a>),
    /// Anything else, as raw JSON. Nix writes none.
    Other(&'a str),
}

impl<'a> Field<'a> {
    /// Returns the string, if it is one.
    #[must_use]
    pub const fn as_str(self) -> Option<JsonStr<'a>> {
        match self {
            Self::Str(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the integer, if it is one.
    #[must_use]
    pub const fn as_int(self) -> Option<u64> {
        match self {
            Self::Int(value) => Some(value),
            _ => None,
        }
    }
}

/// Iterates over the values of a `fields` array.
#[derive(Debug, Clone)]
pub struct FieldIter<'a> {
    raw: &'a str,
    at: usize,
}

impl<'a> Iterator for FieldIter<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        let bytes = self.raw.as_bytes();
        let skip = bytes[self.at..]
            .iter()
            .position(|byte| !matches!(byte, b',' | b' ' | b'\t' | b'\r' | b'\n'));
        let from = self.at + skip?;
        if bytes[from] == b'"' {
            // The array is valid JSON, so the string has an end.
            let end = json::string_end(bytes, from + 1)?;
            self.at = end + 1;
            return Some(Field::Str(JsonStr::new(&self.raw[from + 1..end])));
        }
        let end = value_end(bytes, from);
        self.at = end;
        let raw = self.raw[from..end].trim_ascii_end();
        Some(raw.parse().map_or(Field::Other(raw), Field::Int))
    }
}

/// Returns where the value that starts at `from` ends: at the next comma outside of everything.
fn value_end(bytes: &[u8], from: usize) -> usize {
    let mut depth = 0_usize;
    let mut at = from;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b',' if depth == 0 => return at,
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            b'"' => at = json::string_end(bytes, at + 1).unwrap_or(bytes.len()),
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_every_type() {
        let fields = Fields::new(r#""a\"b,]", 17 ,[1,"]"],{"k":[2]},-1,null,18446744073709551615"#);
        let want = [
            Field::Str(JsonStr::new(r#"a\"b,]"#)),
            Field::Int(17),
            Field::Other(r#"[1,"]"]"#),
            Field::Other(r#"{"k":[2]}"#),
            Field::Other("-1"),
            Field::Other("null"),
            Field::Int(u64::MAX),
        ];
        assert_eq!(fields.iter().collect::<Vec<_>>(), want);
        assert_eq!(Fields::new("").iter().count(), 0);
    }

    #[test]
    fn codes_know_their_names() {
        assert_eq!(ActivityKind::BUILD.name(), Some("Build"));
        assert_eq!(
            format!("{:?} {:?}", ActivityKind(105), ActivityKind(999)),
            "Build 999"
        );
        assert_eq!(ResultKind(4711).name(), None);
    }
}
