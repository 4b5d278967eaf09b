//! `gate`: whether a command may run, by how long it would take.

mod layout;

use schemars::JsonSchema;
use serde::Serialize;

use crate::names::named;
use crate::report::document::Document;
use crate::report::envelope::{Answer, Report};
use crate::report::estimated::EstimateView;
use crate::report::table::Names;

/// The result of `gate`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct GateResult {
    /// The estimate.
    #[serde(flatten)]
    pub estimate: EstimateView,
    /// How long nine of ten such runs may take at most.
    pub max_build_ns: Option<u64>,
    /// How much may be downloaded.
    pub max_download_bytes: Option<u64>,
    /// Whether it may run.
    pub verdict: Gate,
    /// What stands in the way.
    pub reasons: Vec<Refusal>,
}

named! {
    /// Whether a command may run.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Gate, default Refused {
        /// It keeps to the limits.
        Passed = "passed",
        /// It goes beyond them, or nobody knows.
        Refused = "refused",
    }
}

named! {
    /// Why a command may not run.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Refusal {
        /// Building takes too long.
        Build = "build",
        /// Nobody knows how long building takes.
        BuildUnknown = "build-unknown",
        /// There is too much to download.
        Download = "download",
        /// Nobody knows how much there is to download.
        DownloadUnknown = "download-unknown",
    }
}

impl Answer for GateResult {
    const SCHEMA: &'static str = "nixlog.gate/1";
    type From = ();
    type Options = Names;

    fn document(report: &Report<Self, ()>, names: &Names) -> Document {
        layout::document(report, *names)
    }
}

impl GateResult {
    /// Holds an estimate to limits. Where there is nothing to build, or nothing to fetch, there is nothing that
    /// could go beyond them.
    #[must_use]
    pub fn new(
        estimate: EstimateView,
        max_build_ns: Option<u64>,
        max_download_bytes: Option<u64>,
    ) -> Self {
        let mut reasons = Vec::new();
        if let Some(limit) = max_build_ns.filter(|_| estimate.builds > 0) {
            match estimate.p90_ns {
                None => reasons.push(Refusal::BuildUnknown),
                Some(p90) if p90 > limit => reasons.push(Refusal::Build),
                Some(_) => {}
            }
        }
        if let Some(limit) = max_download_bytes.filter(|_| estimate.fetches > 0) {
            match estimate.download_bytes {
                None => reasons.push(Refusal::DownloadUnknown),
                Some(bytes) if bytes > limit => reasons.push(Refusal::Download),
                Some(_) => {}
            }
        }
        Self {
            verdict: match reasons.is_empty() {
                true => Gate::Passed,
                false => Gate::Refused,
            },
            estimate,
            max_build_ns,
            max_download_bytes,
            reasons,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_does_not_pass() {
        let estimate = |builds, p90_ns, fetches, download_bytes| EstimateView {
            builds,
            p90_ns,
            fetches,
            download_bytes,
            ..EstimateView::default()
        };
        let cases = [
            (estimate(0, None, 0, None), &[][..]),
            (estimate(2, Some(10), 1, Some(7)), &[]),
            (estimate(2, Some(11), 1, Some(7)), &[Refusal::Build]),
            (
                estimate(2, None, 1, Some(8)),
                &[Refusal::BuildUnknown, Refusal::Download],
            ),
            (estimate(0, None, 1, None), &[Refusal::DownloadUnknown]),
        ];
        for (estimate, want) in cases {
            let unlimited = GateResult::new(estimate.clone(), None, None);
            assert_eq!(unlimited.verdict, Gate::Passed);
            let result = GateResult::new(estimate, Some(10), Some(7));
            assert_eq!(result.reasons, want);
            assert_eq!(result.verdict == Gate::Passed, want.is_empty());
        }
    }
}
