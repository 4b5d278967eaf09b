//! The fields of an activity or a result, typed.
//!
//! Source: the `Activity` and `act.result` calls in Nix's `libstore`, `libutil` and `libfetchers`;
//! Determinate Nix's payloads in its `build-result.cc`.

use super::event::{ActivityKind, ActivityResult, Field, FieldIter, ResultKind, Start};
use crate::json_str::JsonStr;

/// What an activity is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Detail<'a> {
    /// Only its text says what it is.
    Text,
    /// A store path is copied.
    CopyPath {
        /// The store path.
        path: JsonStr<'a>,
        /// The store it comes from.
        from: JsonStr<'a>,
        /// The store it goes to.
        to: JsonStr<'a>,
    },
    /// A file is downloaded or uploaded.
    FileTransfer {
        /// The file's address.
        uri: JsonStr<'a>,
    },
    /// One call that makes paths valid.
    Realise,
    /// Several paths are copied.
    CopyPaths,
    /// The builds of one call.
    Builds,
    /// A derivation is built.
    Build {
        /// The derivation.
        drv: JsonStr<'a>,
        /// The remote machine, as the machines file names it; `None` when local.
        machine: Option<JsonStr<'a>>,
    },
    /// The store is optimised.
    OptimiseStore,
    /// Store paths are verified.
    VerifyPaths,
    /// A path is taken from a substituter.
    Substitute {
        /// The store path.
        path: JsonStr<'a>,
        /// The substituter.
        uri: JsonStr<'a>,
    },
    /// A substituter is asked about a path.
    QueryPathInfo {
        /// The store path.
        path: JsonStr<'a>,
        /// The substituter.
        uri: JsonStr<'a>,
    },
    /// The post-build hook runs.
    PostBuildHook {
        /// The derivation that was built.
        drv: JsonStr<'a>,
    },
    /// A build waits; its text says for what.
    BuildWaiting,
    /// A content-addressed derivation was resolved.
    Resolved {
        /// The derivation of the plan.
        drv: JsonStr<'a>,
        /// The one that is built in its place.
        resolved: JsonStr<'a>,
    },
    /// An input is fetched.
    FetchTree,
    /// A source is copied to the store, or only hashed.
    FetchToStore {
        /// The source.
        source: JsonStr<'a>,
        /// It is only hashed.
        dry_run: bool,
    },
    /// A kind, or fields, that this version of nixlog does not know.
    Other,
}

impl<'a> Start<'a> {
    /// Reads the fields.
    #[must_use]
    pub fn detail(&self) -> Detail<'a> {
        let mut fields = self.fields.iter();
        self.typed(&mut fields).unwrap_or(Detail::Other)
    }

    fn typed(&self, fields: &mut FieldIter<'a>) -> Option<Detail<'a>> {
        Some(match self.kind {
            ActivityKind::UNKNOWN | ActivityKind::STRINGLY => Detail::Text,
            ActivityKind::COPY_PATH => Detail::CopyPath {
                path: text(fields)?,
                from: text(fields)?,
                to: text(fields)?,
            },
            ActivityKind::FILE_TRANSFER => Detail::FileTransfer { uri: text(fields)? },
            ActivityKind::REALISE => Detail::Realise,
            ActivityKind::COPY_PATHS => Detail::CopyPaths,
            ActivityKind::BUILDS => Detail::Builds,
            ActivityKind::BUILD => Detail::Build {
                drv: text(fields)?,
                machine: text(fields).filter(|machine| !machine.is_empty()),
            },
            ActivityKind::OPTIMISE_STORE => Detail::OptimiseStore,
            ActivityKind::VERIFY_PATHS => Detail::VerifyPaths,
            ActivityKind::SUBSTITUTE => Detail::Substitute {
                path: text(fields)?,
                uri: text(fields)?,
            },
            ActivityKind::QUERY_PATH_INFO => Detail::QueryPathInfo {
                path: text(fields)?,
                uri: text(fields)?,
            },
            ActivityKind::POST_BUILD_HOOK => Detail::PostBuildHook { drv: text(fields)? },
            ActivityKind::BUILD_WAITING => match (text(fields), text(fields)) {
                (Some(drv), Some(resolved)) => Detail::Resolved { drv, resolved },
                _ => Detail::BuildWaiting,
            },
            ActivityKind::FETCH_TREE => Detail::FetchTree,
            ActivityKind::FETCH_TO_STORE => Detail::FetchToStore {
                source: text(fields)?,
                dry_run: number(fields)? != 0,
            },
            _ => Detail::Other,
        })
    }
}

/// What a result says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResultDetail<'a> {
    /// A file was linked to an equal one.
    FileLinked {
        /// The bytes saved.
        bytes: u64,
        /// The disk blocks saved; not told on Windows.
        blocks: Option<u64>,
    },
    /// A line of the build's log.
    BuildLogLine(JsonStr<'a>),
    /// A store path without a trusted signature.
    UntrustedPath(JsonStr<'a>),
    /// A store path whose content is not what it was.
    CorruptedPath(JsonStr<'a>),
    /// The builder enters a phase.
    SetPhase(JsonStr<'a>),
    /// How much is expected of the activities of a kind: bytes for 100 and 101.
    SetExpected {
        /// The kind of activity.
        kind: ActivityKind,
        /// The sum expected.
        expected: u64,
    },
    /// A line of the post-build hook's output.
    PostBuildLogLine(JsonStr<'a>),
    /// How far a fetch is.
    FetchStatus(JsonStr<'a>),
    /// Nix after 2.35, Determinate Nix from 3.23 on: the source is in the store.
    FetchToStore(JsonStr<'a>),
    /// Determinate Nix: a fixed-output derivation has another hash; raw JSON with `storePath`,
    /// `wanted` and `got`.
    HashMismatch(&'a str),
    /// Determinate Nix: how a build ended; raw JSON with `status`, `startTime`, `stopTime` …
    BuildResult(&'a str),
    /// Determinate Nix: how a server answered; raw JSON with `httpStatus` and `bodySize`.
    HttpStatus(&'a str),
    /// A kind, or fields, that this version of nixlog does not know.
    Other,
}

impl<'a> ActivityResult<'a> {
    /// Reads the fields or the payload. Code 109 is told by which of the two it has.
    #[must_use]
    pub fn detail(&self) -> ResultDetail<'a> {
        let mut fields = self.fields.iter();
        self.typed(&mut fields).unwrap_or(ResultDetail::Other)
    }

    fn typed(&self, fields: &mut FieldIter<'a>) -> Option<ResultDetail<'a>> {
        Some(match self.kind {
            ResultKind::FILE_LINKED => ResultDetail::FileLinked {
                bytes: number(fields)?,
                blocks: number(fields),
            },
            ResultKind::BUILD_LOG_LINE => ResultDetail::BuildLogLine(self.fields.first_str()?),
            ResultKind::UNTRUSTED_PATH => ResultDetail::UntrustedPath(self.fields.first_str()?),
            ResultKind::CORRUPTED_PATH => ResultDetail::CorruptedPath(self.fields.first_str()?),
            ResultKind::SET_PHASE => ResultDetail::SetPhase(self.fields.first_str()?),
            ResultKind::SET_EXPECTED => ResultDetail::SetExpected {
                kind: ActivityKind(u32::try_from(number(fields)?).ok()?),
                expected: number(fields)?,
            },
            ResultKind::POST_BUILD_LOG_LINE => {
                ResultDetail::PostBuildLogLine(self.fields.first_str()?)
            }
            ResultKind::FETCH_STATUS => ResultDetail::FetchStatus(self.fields.first_str()?),
            ResultKind::FETCH_TO_STORE_OR_HASH_MISMATCH => match self.payload {
                Some(payload) => ResultDetail::HashMismatch(payload),
                None => ResultDetail::FetchToStore(self.fields.first_str()?),
            },
            ResultKind::FETCH_TO_STORE => ResultDetail::FetchToStore(self.fields.first_str()?),
            ResultKind::HTTP_STATUS => ResultDetail::HttpStatus(self.payload?),
            ResultKind::BUILD_RESULT => ResultDetail::BuildResult(self.payload?),
            _ => ResultDetail::Other,
        })
    }
}

fn text<'a>(fields: &mut FieldIter<'a>) -> Option<JsonStr<'a>> {
    fields.next().and_then(Field::as_str)
}

fn number(fields: &mut FieldIter<'_>) -> Option<u64> {
    fields.next().and_then(Field::as_int)
}
