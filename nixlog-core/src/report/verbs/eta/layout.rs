//! The result of `eta`, laid out.

use super::{BacktestCaseView, BacktestView, EtaResult};
use crate::report::document::Document;
use crate::report::envelope::Report;
use crate::report::format::{percent, plural, short_id};
use crate::report::table::{Cell, Columns, Names, Table, Weight, more};
use crate::report::words::{notes, second};

/// Lays out the result of `eta`.
pub(super) fn document(report: &Report<EtaResult, ()>, names: Names) -> Document {
    let result = &report.result;
    if let Some(backtest) = &result.backtest {
        return backtested(report, backtest);
    }
    let estimate = &result.estimate;
    let to_do = estimate.to_do();
    let verdict = match estimate.in_short() {
        Some(short) => format!("{short} for {to_do}"),
        None => match estimate.total_units {
            0 => to_do,
            _ => format!("{to_do}; how long is not known"),
        },
    };
    let mut all = Vec::new();
    let shown = estimate.units.len();
    all.extend(more(estimate.total_units, shown, "more"));
    all.extend(estimate.notes());
    all.extend(notes(&report.diagnostics));
    Document {
        verdict,
        tables: vec![estimate.table(names)],
        notes: all,
        next: (estimate.p50_ns.is_some()).then(|| "nixlog eta --backtest".to_owned()),
        ..Document::default()
    }
}

fn backtested(report: &Report<EtaResult, ()>, backtest: &BacktestView) -> Document {
    let runs = plural(backtest.runs as u64, "past run");
    let verdict = match backtest.inside.zip(backtest.median_error) {
        None => "no past run can be estimated from the others".to_owned(),
        Some((inside, error)) => format!(
            "{} of {runs} within the range of eight in ten; half of them no further off than {}",
            percent(inside),
            percent(error)
        ),
    };
    let mut columns = Columns::<&BacktestCaseView>::new();
    columns.text("run", "run", |it| Cell::text(short_id(&it.run)));
    columns
        .text("started_at", "started (UTC)", |it| {
            Cell::text(&it.started_at.as_deref().map(second).unwrap_or_default())
        })
        .rank(1);
    columns.number("took_ns", "took", |it| Cell::Nanos(it.took_ns));
    columns.number("p50_ns", "estimated", |it| Cell::Nanos(it.p50_ns));
    columns.number("p10_ns", "from", |it| Cell::Nanos(it.p10_ns));
    columns.number("p90_ns", "to", |it| Cell::Nanos(it.p90_ns));
    columns.number("error", "off", |it| Cell::Share(it.error));
    let weight = |it: &&BacktestCaseView| match it.inside {
        true => Weight::Plain,
        false => Weight::Bad,
    };
    let mut all = vec![
        "each run is estimated from all others; what it took is from the first start to the last end".to_owned(),
    ];
    if backtest.left_out > 0 {
        let left_out = plural(backtest.left_out as u64, "run");
        all.push(format!(
            "{left_out} left out: what depended on what is not known, or nothing was built"
        ));
    }
    all.extend(notes(&report.diagnostics));
    Document {
        verdict,
        tables: vec![Table::new(columns, &backtest.cases, weight)],
        notes: all,
        next: None,
        ..Document::default()
    }
}
