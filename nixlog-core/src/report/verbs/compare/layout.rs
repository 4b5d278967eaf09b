//! The result of `compare`, laid out.

use super::super::eval_compare;
use super::super::rebuilds::{root_table, roots_in_short};
use super::{CompareResult, LoneUnitView, MeasureView, UnitChangeView};
use crate::analysis::comparison::{Basis, Verdict};
use crate::analysis::measures::{Measure, MeasureUnit};
use crate::report::document::Document;
use crate::report::envelope::Report;
use crate::report::format::{count, harmless, plural, signed_duration};
use crate::report::measured::{
    DifferenceView, SideView, SpreadView, p_words, relative, signed, value,
};
use crate::report::table::{Cell, Columns, Names, Table, Weight, more, plain};
use crate::report::words::{notes, shell_word};
use crate::timeline::UnitKind;

/// Lays out the result of `compare`.
pub(super) fn document(report: &Report<CompareResult, ()>, names: Names) -> Document {
    let result = &report.result;
    // Where there is a difference, or nobody can tell.
    let shown = |unit: &&UnitChangeView| unit.of.verdict != Verdict::Same;
    let units: Vec<&UnitChangeView> = result.units.iter().filter(shown).collect();
    let mut tables = vec![
        measures(&result.measures),
        unit_table(&units, names),
        lone(&result.new, names).titled("only in B"),
        lone(&result.gone, names).titled("only in A"),
    ];
    let mut all = sides(result);
    if let Some(evaluation) = &result.evaluation {
        let of_evaluation = eval_compare::counter_tables(evaluation);
        tables.extend(of_evaluation.into_iter().filter(Table::is_shown));
        all.push(format!(
            "evaluation: {}",
            eval_compare::in_short(evaluation)
        ));
    }
    if let Some(rebuilds) = &result.rebuilds
        && rebuilds.total_roots > 0
    {
        tables.push(root_table(&rebuilds.roots, names).titled("Why B built it"));
        all.push(format!(
            "the newest run of B built {}: {}, {} follow",
            plural(rebuilds.builds as u64, "derivation"),
            roots_in_short(&rebuilds.roots, rebuilds.total_roots),
            rebuilds.follow
        ));
    }
    all.extend(limits(result));
    all.extend(uncertain(result));
    let is_cut = result.units.iter().all(|it| shown(&it));
    all.extend(match is_cut {
        true => more(result.total_units, result.units.len(), "more unit"),
        false => Some(result.total_units - units.len())
            .map(|n| format!("{} of both without a difference", plural(n as u64, "unit"))),
    });
    let lone = [
        (result.total_new, result.new.len(), "only in B"),
        (result.total_gone, result.gone.len(), "only in A"),
    ];
    for (total, shown, where_) in lone {
        let more = more(total, shown, "more unit");
        all.extend(more.map(|more| format!("{where_}: {more}")));
    }
    all.extend(notes(&report.diagnostics));
    Document {
        verdict: verdict(result),
        tables,
        notes: all,
        next: next(result),
        ..Document::default()
    }
}

fn verdict(result: &CompareResult) -> String {
    let mut measures = result.measures.iter();
    let wall = measures.find(|it| it.measure == Measure::Wall);
    let Some((wall, a, b)) = wall.and_then(|wall| Some((wall, wall.of.a?, wall.of.b?))) else {
        return "how long these runs took is not known of both sides".to_owned();
    };
    let ns = MeasureUnit::Nanoseconds;
    let from_to = format!("{} → {}", value(ns, a.median.0), value(ns, b.median.0));
    let by = wall.of.words(ns);
    let most = most(result).map_or_else(String::new, |most| format!("; {most}"));
    match wall.of.verdict {
        Verdict::Same => format!("no slower and no faster than chance makes it: {from_to}, {by}"),
        Verdict::Unknown => format!(
            "{from_to}, {by}; {} cannot tell that from chance{most}",
            runs_words(result)
        ),
        verdict => format!("{}: {from_to}, {by}{most}", verdict.name()),
    }
}

fn runs_words(result: &CompareResult) -> String {
    let n = |side: usize| result.sides.get(side).map_or(0, |side| side.runs.len());
    format!("{} against {}", plural(n(0) as u64, "run"), n(1))
}

/// Names the unit that moved the critical path most.
fn most(result: &CompareResult) -> Option<String> {
    let decided = result
        .units
        .iter()
        .filter(|it| it.of.verdict.is_different());
    let changed = decided.filter_map(|it| Some((&it.unit.name, it.critical_difference_ns?)));
    let new = result.new.iter();
    let new = new.filter_map(|it| Some((&it.unit.name, i64::try_from(it.critical_ns?).ok()?)));
    let (name, by) = changed
        .chain(new)
        .max_by_key(|&(_, by)| by.unsigned_abs())?;
    (by != 0).then(|| {
        format!(
            "most on the critical path: {} {}",
            harmless(name),
            signed_duration(by)
        )
    })
}

/// Says what a measure is.
fn measure_words(measure: Measure) -> String {
    match measure {
        Measure::Wall => "wall".to_owned(),
        Measure::Phase(phase) => phase.name().to_owned(),
        Measure::Critical(phase) => format!("critical path: {}", phase.name()),
        Measure::Evaluator => "evaluator at work".to_owned(),
        Measure::HitRate => "cache hit rate".to_owned(),
        Measure::Downloaded => "downloaded".to_owned(),
        Measure::Built => "built".to_owned(),
        Measure::Substituted => "from caches".to_owned(),
    }
}

fn measures(measures: &[MeasureView]) -> Table {
    let mut columns = Columns::<&MeasureView>::new();
    columns.text("measure", "measure", |it| {
        Cell::Worded(measure_words(it.measure), it.name.clone())
    });
    columns
        .text("unit", "unit", |it| Cell::text(it.unit.name()))
        .for_programs();
    difference(&mut columns, |it| (&it.of, it.unit));
    let weight = |it: &&MeasureView| match it.measure {
        Measure::Phase(_) => Weight::Part,
        _ => Weight::Plain,
    };
    Table::new(columns, measures, weight)
}

fn unit_table(units: &[&UnitChangeView], names: Names) -> Table {
    let mut columns = Columns::<&UnitChangeView>::new();
    columns.names(names, "unit", |it| (&it.unit.name, &it.unit.path));
    columns
        .text("kind", "kind", |it| Cell::text(it.unit.kind.name()))
        .rank(5);
    difference(&mut columns, |it| (&it.of, MeasureUnit::Nanoseconds));
    columns.number("critical_difference_ns", "on path", |it| {
        it.critical_difference_ns
            .map_or(Cell::Unknown, Cell::Change)
    });
    columns
        .text("changed", "drv", |it| match (it.changed, &it.was) {
            (true, Some(was)) => Cell::text(&format!("was {was}")),
            (true, None) => Cell::text("changed"),
            (false, _) => Cell::text("same"),
        })
        .rank(3);
    Table::new(columns, units.iter().copied(), plain).legend([
        (
            "critical_difference_ns",
            "how much more of the critical path lies in it",
        ),
        (
            "changed",
            "whether its derivation or store path is the same",
        ),
    ])
}

/// Adds the columns of a difference.
fn difference<T>(
    columns: &mut Columns<'_, T>,
    of: impl Fn(&T) -> (&DifferenceView, MeasureUnit) + Copy + 'static,
) {
    side(columns, ["a", "a_n", "a_low", "a_high"], "A", move |row| {
        let (it, unit) = of(row);
        (it.a, unit)
    });
    side(columns, ["b", "b_n", "b_low", "b_high"], "B", move |row| {
        let (it, unit) = of(row);
        (it.b, unit)
    });
    columns.number("difference", "difference", move |row| {
        let (it, unit) = of(row);
        let Some(by) = it.difference else {
            return Cell::Unknown;
        };
        let words = match it.verdict {
            Verdict::Same => "~".to_owned(),
            _ => signed(unit, by.0),
        };
        Cell::Worded(words, by.0.to_string())
    });
    columns
        .number("ratio", "%", move |row| {
            let (it, unit) = of(row);
            // Of percentages, points say it.
            let is_said = it.verdict != Verdict::Same && unit != MeasureUnit::Share;
            match it.ratio {
                Some(ratio) if is_said => Cell::Worded(relative(ratio), format!("{ratio:.6}")),
                Some(ratio) => Cell::Worded(String::new(), format!("{ratio:.6}")),
                None => Cell::Unknown,
            }
        })
        .rank(2);
    columns
        .number("p", "p", move |row| {
            let (it, _) = of(row);
            match (it.p, it.basis) {
                (Some(p), _) => Cell::Worded(p_words(p), p.to_string()),
                (None, Some(Basis::NoiseFloor)) => Cell::Worded("noise".to_owned(), String::new()),
                (None, Some(Basis::Exact)) => Cell::Worded("exact".to_owned(), String::new()),
                (None, _) => Cell::Worded("?".to_owned(), String::new()),
            }
        })
        .rank(1);
    columns
        .text("verdict", "verdict", move |row| {
            Cell::text(of(row).0.verdict.name())
        })
        .for_programs();
}

/// Adds the columns of one side.
fn side<T>(
    columns: &mut Columns<'_, T>,
    keys: [&'static str; 4],
    title: &'static str,
    of: impl Fn(&T) -> (Option<SpreadView>, MeasureUnit) + Copy + 'static,
) {
    let [median, n, low, high] = keys;
    columns.number(median, title, move |row| match of(row) {
        (None, _) => Cell::Unknown,
        (Some(spread), unit) => {
            let about = about(spread).map_or_else(String::new, |about| format!(" ±{about}"));
            let words = format!("{}{about}", value(unit, spread.median.0));
            Cell::Worded(words, spread.median.0.to_string())
        }
    });
    columns
        .number(n, "n", move |row| {
            Cell::count(of(row).0.map(|it| it.n as u64))
        })
        .for_programs();
    for (key, is_low) in [(low, true), (high, false)] {
        columns
            .number(key, key, move |row| {
                let spread = of(row).0;
                let end = spread.and_then(|it| if is_low { it.low } else { it.high });
                end.map_or(Cell::Unknown, |end| {
                    Cell::Worded(end.0.to_string(), end.0.to_string())
                })
            })
            .for_programs();
    }
}

/// Says how far from the median half of the runs lie at most, as a part of it.
fn about(spread: SpreadView) -> Option<String> {
    let (low, high) = spread.low.zip(spread.high)?;
    let median = spread.median.0;
    let most = (high.0 - median).max(median - low.0);
    (median > 0.0 && most > 0.0).then(|| format!("{:.0}%", (most / median * 100.0).ceil()))
}

fn lone(units: &[LoneUnitView], names: Names) -> Table {
    let mut columns = Columns::<&LoneUnitView>::new();
    columns.names(names, "unit", |it| (&it.unit.name, &it.unit.path));
    columns.text("kind", "kind", |it| Cell::text(it.unit.kind.name()));
    columns
        .number("runs", "runs", |it| Cell::number(it.runs))
        .rank(2);
    columns.number("duration_ns", "took", |it| Cell::nanos(it.duration_ns));
    columns.number("critical_ns", "on path", |it| Cell::nanos(it.critical_ns));
    columns
        .text("otherwise", "in the other", |it| match it.otherwise {
            Some(kind) => Cell::Worded(otherwise(kind).to_owned(), kind.name().to_owned()),
            None => Cell::Unknown,
        })
        .rank(1);
    Table::new(columns, units, plain)
}

const fn otherwise(kind: UnitKind) -> &'static str {
    match kind {
        UnitKind::Build => "built",
        UnitKind::Substitution => "fetched",
        kind => kind.name(),
    }
}

fn sides(result: &CompareResult) -> Vec<String> {
    let mut all = Vec::new();
    for (letter, side) in ["A", "B"].into_iter().zip(&result.sides) {
        let runs = plural(side.runs.len() as u64, "run");
        all.push(format!(
            "{letter}: {}, {runs}{}",
            harmless(&side.name),
            failed(side)
        ));
    }
    for it in &result.context {
        let words = |values: &[String]| harmless(&values.join(", ")).into_owned();
        all.push(format!(
            "{} differs: {} → {}",
            it.what,
            words(&it.a),
            words(&it.b)
        ));
    }
    all
}

/// Says how many runs of a side are not worth much.
fn failed(side: &SideView) -> String {
    match side.runs.iter().filter(|run| !run.comparable).count() {
        0 => String::new(),
        n => format!("; {n} failed, cut off, or without times of their own"),
    }
}

/// Says what the numbers can and cannot show.
fn limits(result: &CompareResult) -> Vec<String> {
    let mut all = Vec::new();
    let differences = || {
        let measures = result.measures.iter().map(|it| &it.of);
        measures.chain(result.units.iter().map(|it| &it.of))
    };
    // Units of which it is true are not shown.
    let mut measures = result.measures.iter();
    if measures.any(|it| it.of.verdict == Verdict::Same) {
        all.push("~: chance gives as large a difference".to_owned());
    }
    let quartiles = differences().any(|it| it.a.or(it.b).is_some_and(|side| side.low.is_some()));
    if quartiles {
        all.push("±: half of the runs lie within; p: how likely chance gives as much".to_owned());
    }
    let needed = result.more_needed;
    if needed.a + needed.b > 0 {
        let more = [(needed.a, "A"), (needed.b, "B")].into_iter();
        let more = more.filter(|(n, _)| *n > 0);
        let more: Vec<String> = more.map(|(n, side)| format!("{n} of {side}")).collect();
        all.push(format!(
            "{} cannot show anything at 5 % (least p {}): that takes more runs, {}",
            runs_words(result),
            p_words(result.least_p),
            more.join(" and ")
        ));
    }
    if differences().any(|it| it.basis == Some(Basis::NoiseFloor)) {
        all.push("noise: repeats of the project tell how far apart runs lie anyway".to_owned());
    }
    all
}

/// Says what of the matching is not certain.
fn uncertain(result: &CompareResult) -> Vec<String> {
    let mut all = Vec::new();
    if result.total_units + result.total_new + result.total_gone > 0 {
        all.push(format!(
            "units are matched by {}, not by hash",
            result.matched_by.join(" + ")
        ));
    }
    if result.uneven > 0 {
        all.push(format!(
            "{} with several units, not equally many in all runs: matched by their order",
            plural(result.uneven as u64, "package")
        ));
    }
    let untested = result
        .units
        .iter()
        .filter(|it| it.of.verdict == Verdict::Unknown)
        .count();
    if untested > 0 && result.more_needed.a + result.more_needed.b == 0 {
        all.push(format!(
            "{} units are in too few runs to tell",
            count(untested as u64)
        ));
    }
    all
}

fn next(result: &CompareResult) -> Option<String> {
    let side = result.sides.get(1)?;
    (side.runs.len() == 1).then(|| format!("nixlog critical-path {}", shell_word(&side.name)))
}
