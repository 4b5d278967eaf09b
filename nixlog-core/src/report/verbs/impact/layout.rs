//! The result of `impact`, laid out.

use super::ImpactResult;
use crate::report::document::Document;
use crate::report::envelope::Report;
use crate::report::format::{count, duration, harmless, plural};
use crate::report::table::{Names, more};
use crate::report::verbs::rebuilds::{root_section, root_table, roots_in_short};
use crate::report::words::notes;

/// Lays out the result of `impact`.
pub(super) fn document(report: &Report<ImpactResult, ()>, names: Names) -> Document {
    let result = &report.result;
    let estimate = &result.estimate;
    let mut all = Vec::new();
    all.extend(more(result.total_roots, result.roots.len(), "more root"));
    if let Some(work) = estimate.work_ns {
        all.push(format!("{} of work in all", duration(work)));
    }
    all.extend(estimate.notes());
    all.push(format!(
        "{} has {}, {} has {}; what caches have is not counted",
        harmless(&result.old.name),
        plural(result.old.derivations as u64, "derivation"),
        harmless(&result.new.name),
        count(result.new.derivations as u64)
    ));
    all.extend(notes(&report.diagnostics));
    Document {
        verdict: verdict(result),
        tables: vec![root_table(&result.roots, names)],
        sections: result
            .roots
            .iter()
            .map(|root| root_section(root, names))
            .collect(),
        notes: all,
        ..Document::default()
    }
}

fn verdict(result: &ImpactResult) -> String {
    if result.estimate.builds == 0 {
        return "nothing would be built again".to_owned();
    }
    let builds = plural(result.estimate.builds as u64, "build");
    let time = result.estimate.in_short();
    let time = time.map(|time| format!(", {time}"));
    let roots = roots_in_short(&result.roots, result.total_roots);
    format!("{builds}{}: {roots}", time.unwrap_or_default())
}
