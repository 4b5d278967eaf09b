//! `cache probe`: how fast caches are now.

mod layout;

use schemars::JsonSchema;
use serde::Serialize;

use crate::report::document::Document;
use crate::report::envelope::{Answer, Report};

/// The result of `cache probe`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct CacheProbeResult {
    /// How long any request may take.
    pub deadline_ns: u64,
    /// The caches, in the order in which they were named.
    pub caches: Vec<ProbedCacheView>,
}

/// What one cache did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct ProbedCacheView {
    /// Its address.
    pub uri: String,
    /// It is on this machine, and may be a proxy for another one.
    pub local: bool,
    /// Why it was not asked at all.
    pub unsupported: Option<String>,
    /// The file in which it says what it is, over a new connection.
    pub info: Option<RequestView>,
    /// The same once more, over the same connection.
    pub info_again: Option<RequestView>,
    /// The store folder that it is for.
    pub store_dir: Option<String>,
    /// Lower is asked first.
    pub priority: Option<i64>,
    /// What its answer says of servers and proxies.
    pub headers: Vec<HeaderView>,
    /// Of a path that it cannot have.
    pub absent: Option<RequestView>,
    /// Of a path that it has; `null` where none is known.
    pub present: Option<RequestView>,
    /// That path.
    pub present_path: Option<String>,
    /// Parts of the archive of that path: the first MiB, the first eight.
    pub ranges: Vec<RangeView>,
    /// Over IPv4 only.
    pub ipv4: Option<RequestView>,
    /// Over IPv6 only.
    pub ipv6: Option<RequestView>,
}

/// One request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct RequestView {
    /// The HTTP status; `null` where there was no answer, and of files.
    pub status: Option<u16>,
    /// Until the answer began.
    pub first_byte_ns: Option<u64>,
    /// Until it was there.
    pub took_ns: Option<u64>,
    /// Bytes of the answer.
    pub bytes: Option<u64>,
    /// Where it came from in the end, where that is another address.
    pub redirected_to: Option<String>,
    /// What went wrong.
    pub error: Option<String>,
}

/// A part of an archive.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct RangeView {
    /// Bytes that were asked for.
    pub asked_bytes: u64,
    /// The request.
    pub request: RequestView,
    /// Bytes per second, from the first byte on.
    pub bandwidth_bps: Option<u64>,
}

/// A line of an answer's head.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct HeaderView {
    /// Its name, in small letters.
    pub name: String,
    /// What it says.
    pub value: String,
}

impl Answer for CacheProbeResult {
    const SCHEMA: &'static str = "nixlog.cache-probe/1";
    type From = ();
    type Options = ();

    fn document(report: &Report<Self, ()>, (): &()) -> Document {
        layout::document(report)
    }
}
