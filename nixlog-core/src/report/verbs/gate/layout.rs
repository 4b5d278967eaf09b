//! The result of `gate`, laid out.

use super::{Gate, GateResult, Refusal};
use crate::report::document::Document;
use crate::report::envelope::Report;
use crate::report::estimated::UnitEstimateView;
use crate::report::format::{bytes, duration, harmless};
use crate::report::table::{Names, more};
use crate::report::words::notes;
use crate::timeline::UnitKind;

/// So many culprits are named.
const NAMED: usize = 3;

/// Lays out the result of `gate`.
pub(super) fn document(report: &Report<GateResult, ()>, names: Names) -> Document {
    let result = &report.result;
    let estimate = &result.estimate;
    let mut all = Vec::new();
    if result.verdict == Gate::Refused {
        all.extend(culprits(result));
    }
    all.extend(more(estimate.total_units, estimate.units.len(), "more"));
    all.extend(estimate.notes());
    all.extend(notes(&report.diagnostics));
    Document {
        verdict: verdict(result),
        tables: vec![estimate.table(names)],
        notes: all,
        ..Document::default()
    }
}

fn verdict(result: &GateResult) -> String {
    let estimate = &result.estimate;
    let to_do = estimate.to_do();
    let short = estimate.in_short().map(|short| format!(", {short}"));
    let what = format!("{to_do}{}", short.unwrap_or_default());
    if result.verdict == Gate::Passed {
        return format!("within the limits: {what}");
    }
    let reason = |reason: &Refusal| match reason {
        Refusal::Build => {
            let limit = result.max_build_ns.map(duration).unwrap_or_default();
            format!("building takes longer than {limit} in more than one of ten runs")
        }
        Refusal::BuildUnknown => "how long building takes is not known".to_owned(),
        Refusal::Download => {
            let limit = result.max_download_bytes.map(bytes).unwrap_or_default();
            format!("there is more to download than {limit}")
        }
        Refusal::DownloadUnknown => "how much there is to download is not known".to_owned(),
    };
    let reasons: Vec<String> = result.reasons.iter().map(reason).collect();
    format!("not run: {} ({what})", reasons.join("; "))
}

/// Names what takes longest.
fn culprits(result: &GateResult) -> Vec<String> {
    let is_long = |it: &&UnitEstimateView| it.kind != UnitKind::Substitution;
    let builds = result.estimate.units.iter().filter(is_long);
    let said = builds.take(NAMED).map(|it| {
        let name = harmless(&it.name);
        match it.p50_ns {
            Some(p50) => format!(
                "{name} would be built here: about {}; in no cache",
                duration(p50)
            ),
            None => format!("{name} would be built here; in no cache"),
        }
    });
    said.collect()
}
