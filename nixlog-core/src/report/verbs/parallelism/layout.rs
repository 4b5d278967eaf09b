//! The result of `parallelism`, laid out.

use super::{ConcurrencyView, ParallelismResult, SweepStepView};
use crate::report::coverage::{coverage, next_of_path};
use crate::report::document::Document;
use crate::report::envelope::{Report, share};
use crate::report::format::{duration, percent, plural, signed_duration};
use crate::report::simulated::{self, BuildOrder, LOAD, replay, untold, where_slots_come_from};
use crate::report::table::{Cell, Columns, Table, plain};
use crate::report::words::{next, notes, with_failures};

/// How the result of `parallelism` is shown.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Options {
    /// Only ASCII characters in bars; default: no.
    pub ascii: bool,
    /// Every number of slots that was tried; default: those that tell something.
    pub every: bool,
}

/// What is less than this part of the makespan is not worth a word.
const WORTH: u64 = 100;

/// Lays out the result of `parallelism`.
pub(super) fn document(report: &Report<ParallelismResult>, options: Options) -> Document {
    let result = &report.result;
    let mut all = Vec::new();
    let mut next = next_of_path(&report.input, &result.coverage, "critical-path");
    if result.makespan_ns.is_some() {
        let advice = advice(report);
        all.extend(advice.text);
        next = advice.next.or(next);
        all.extend(loss(result));
        if let Some(it) = &result.scheduling {
            all.extend(simulated::order(it));
            let slots = result.local_slots.max(result.with_build_users_slots);
            all.extend(simulated::build_users(it, slots));
            all.extend(simulated::hooks(it));
        }
        if !result.sweep.is_empty() {
            all.push(LOAD.to_owned());
        }
        all.extend(where_slots_come_from(
            result.local_slots,
            result.slots_source,
        ));
    }
    all.extend(coverage(&result.coverage));
    all.extend(notes(&report.diagnostics));
    Document {
        verdict: with_failures(verdict(report), &report.input),
        tables: vec![
            sweep_table(result, options),
            numbers(result),
            histogram(result, options),
        ],
        notes: all,
        next,
        ..Document::default()
    }
}

fn verdict(report: &Report<ParallelismResult>) -> String {
    let result = &report.result;
    if let Some(untold) = untold(
        &report.input,
        &result.coverage,
        result.units,
        result.makespan_ns,
    ) {
        return untold;
    }
    let work = duration(result.work_ns.unwrap_or_default());
    let makespan = duration(result.makespan_ns.unwrap_or_default());
    let Some((span, parallelism)) = result.span_ns.zip(result.parallelism) else {
        let most = result.concurrency.iter().map(|it| it.running).max();
        let at_once = most
            .filter(|&most| most > 0)
            .map(|most| format!(", at most {} at once", plural(most as u64, "build")));
        return format!(
            "work {work} in {makespan}{}; the possible parallelism is unknown",
            at_once.unwrap_or_default()
        );
    };
    let more = match (result.knee_slots, result.local_slots, gain(result)) {
        (Some(knee), Some(slots), Some(gain)) => format!(
            "; {} instead of {slots} would save {}",
            jobs(knee),
            duration(gain)
        ),
        (Some(knee), Some(_), None) => {
            let users = result.scheduling.as_ref().and_then(|it| it.build_users);
            let users = users.filter(|_| result.with_build_users_ns.is_some());
            let users = users.map(|users| format!(" with {}", plural(users.into(), "build user")));
            let users = users.unwrap_or_default();
            format!("; more than {} gain nothing{users}", jobs(knee))
        }
        _ => String::new(),
    };
    let loss = worth(result, result.scheduling_loss_ns);
    let loss = loss.map(|loss| format!(", Nix's order costs {}", duration(loss)));
    format!(
        "work {work}, span {}: parallelism {parallelism:.1}{more}{}",
        duration(span),
        loss.unwrap_or_default()
    )
}

fn jobs(n: u32) -> String {
    plural(n.into(), "job")
}

/// Returns a time if it is worth a word.
fn worth(result: &ParallelismResult, time: Option<u64>) -> Option<u64> {
    time.filter(|&time| time >= result.makespan_ns.unwrap_or_default() / WORTH && time > 0)
}

/// Returns what the knee saves, if more slots than there are would save anything.
fn gain(result: &ParallelismResult) -> Option<u64> {
    faster(result).filter(|_| result.knee_slots > result.local_slots)
}

/// Returns what the knee saves, whether it is more slots or fewer.
fn faster(result: &ParallelismResult) -> Option<u64> {
    let knee = result.knee_slots?;
    let step = result.sweep.iter().find(|step| step.slots == knee)?;
    let saving = result.baseline_ns?.saturating_sub(step.predicted_ns);
    worth(result, Some(saving))
}

/// One sentence, and the command that goes with it.
#[derive(Debug, Default)]
struct Advice {
    text: Option<String>,
    next: Option<String>,
}

fn advice(report: &Report<ParallelismResult>) -> Advice {
    let result = &report.result;
    let (Some(knee), Some(slots), Some(span), Some(makespan)) = (
        result.knee_slots,
        result.local_slots,
        result.span_ns,
        result.makespan_ns,
    ) else {
        return Advice::default();
    };
    if let Some(advice) = build_users(report) {
        return advice;
    }
    if let Some(gain) = gain(result) {
        let next = next(&report.input, "what-if");
        return Advice {
            text: Some(format!(
                "advice: raise max-jobs from {slots} to {knee}, if cores and memory allow: saves up to {}",
                duration(gain)
            )),
            next: next.map(|command| format!("{command} --max-jobs {knee}")),
        };
    }
    // A fifth is more than any build is worth, and no build can be made faster for it.
    let overhead = result.overhead_ns.unwrap_or_default();
    if overhead >= makespan / 5 && overhead > 0 {
        return Advice {
            text: Some(format!(
                "advice: Nix itself takes {} of the makespan, and does one thing at a time: more jobs do not help; fewer derivations do, cached or merged",
                percent(overhead as f64 / makespan.max(1) as f64)
            )),
            next: next(&report.input, "cache-candidates"),
        };
    }
    // Nine tenths of the makespan are one chain: nothing but a shorter chain helps.
    if span >= makespan / 10 * 9 {
        return Advice {
            text: Some(format!(
                "advice: the longest chain is {} of the makespan: more jobs do not help; a shorter chain does",
                percent(span as f64 / makespan.max(1) as f64)
            )),
            next: next(&report.input, "critical-path"),
        };
    }
    let text = if knee < slots {
        format!(
            "advice: max-jobs {knee} is as fast as {slots}, and leaves more cores and memory to each build"
        )
    } else {
        format!("advice: max-jobs {slots} is right; to get faster, look for bottlenecks")
    };
    Advice {
        text: Some(text),
        next: next(&report.input, "bottlenecks"),
    }
}

/// Advises on build users, where these are what holds builds back.
fn build_users(report: &Report<ParallelismResult>) -> Option<Advice> {
    let result = &report.result;
    let users = result.scheduling.as_ref()?.build_users?;
    let saving = result
        .baseline_ns
        .zip(result.with_build_users_ns)
        .map(|(baseline, then)| baseline.saturating_sub(then));
    let with_more = worth(result, saving).zip(result.with_build_users_slots);
    let few = format!(
        "advice: {} let no more than {users} builds run at once",
        plural(users.into(), "build user")
    );
    let (text, knee) = if let Some((saving, knee)) = with_more {
        let saving = duration(saving);
        let text = format!(
            "{few}; with {knee} of them and max-jobs {knee}, if cores and memory allow, it would be up to {saving} faster"
        );
        (text, knee)
    } else if let Some((saving, knee)) = faster(result).zip(result.knee_slots) {
        let saving = duration(saving);
        let text = format!(
            "{few}, and a build that finds none asks again only some seconds later; max-jobs {knee} would be up to {saving} faster"
        );
        (text, knee)
    } else {
        return (result.local_slots > Some(users)).then(|| Advice {
            text: Some(format!(
                "{few}, and more would gain nothing; max-jobs {} cannot be used in full",
                result.local_slots.unwrap_or_default()
            )),
            next: next(&report.input, "bottlenecks"),
        });
    };
    let next = next(&report.input, "what-if");
    Some(Advice {
        text: Some(text),
        next: next.map(|command| format!("{command} --max-jobs {knee}")),
    })
}

fn loss(result: &ParallelismResult) -> Option<String> {
    let (baseline, first) = result.baseline_ns.zip(result.critical_path_first_ns)?;
    worth(result, result.scheduling_loss_ns)?;
    let how = match result.scheduling.as_ref().map(|it| it.order) {
        Some(BuildOrder::Arbitrary) => "in no particular order",
        _ => "by name",
    };
    Some(format!(
        "with the longest chain first the build would take {} instead of {}: Nix starts ready builds {how}",
        duration(first),
        duration(baseline)
    ))
}

/// The makespan with more and fewer slots. People are shown the numbers that tell something.
fn sweep_table(result: &ParallelismResult, options: Options) -> Table {
    let baseline = signed(result.baseline_ns.unwrap_or_default());
    let is_now = |step: &SweepStepView| Some(step.slots) == result.local_slots;
    let note = |step: &&SweepStepView| {
        let mut words = Vec::new();
        if is_now(step) {
            let measured = result.makespan_ns.map(duration).unwrap_or_default();
            words.push(format!("now; measured {measured}"));
        }
        if Some(step.slots) == result.knee_slots {
            words.push("knee: within 1% of the best".to_owned());
        }
        Cell::Text(words.join("; "))
    };
    let mut columns = Columns::<&SweepStepView>::new();
    columns.number("slots", "jobs", |step| Cell::Count(step.slots.into()));
    columns
        .number("lower_ns", "at least", |step| Cell::Nanos(step.lower_ns))
        .rank(2);
    columns.number("predicted_ns", "predicted", |step| {
        Cell::Nanos(step.predicted_ns)
    });
    columns
        .number("upper_ns", "at most", |step| Cell::Nanos(step.upper_ns))
        .rank(3);
    columns.number("change_ns", "vs now", move |step| match is_now(step) {
        true => Cell::Unknown,
        false => Cell::Change(signed(step.predicted_ns).saturating_sub(baseline)),
    });
    columns.text("note", "note", note).wraps();

    let shown = shown(result);
    let steps = result.sweep.iter();
    let steps = steps.filter(|step| options.every || shown.contains(&step.slots));
    Table::new(columns, steps, plain)
}

fn signed(nanos: u64) -> i64 {
    i64::try_from(nanos).unwrap_or(i64::MAX)
}

/// Chooses 1, 2, 3, 4, 6, 8, 12, 16 …, what there is, and the knee; not what only repeats the row
/// before it.
fn shown(result: &ParallelismResult) -> Vec<u32> {
    let special =
        |slots: u32| Some(slots) == result.local_slots || Some(slots) == result.knee_slots;
    // Powers of two, and half as much again.
    let round = |slots: u32| {
        slots == 1
            || slots.is_power_of_two()
            || (slots.is_multiple_of(3) && (slots / 3).is_power_of_two())
    };
    let steps = result.sweep.iter();
    let mut shown: Vec<_> = steps
        .filter(|step| special(step.slots) || round(step.slots))
        .collect();
    while let [.., before, last] = shown.as_slice()
        && before.predicted_ns == last.predicted_ns
        && !special(last.slots)
    {
        shown.pop();
    }
    shown.iter().map(|step| step.slots).collect()
}

/// The rest of the numbers, each with what it means.
fn numbers(result: &ParallelismResult) -> Table {
    let slots = result.slots.map(|slots| {
        let remote = slots - result.local_slots.unwrap_or_default().min(slots);
        let others = match remote {
            0 => String::new(),
            n => format!(", {n} of them on other machines"),
        };
        format!("of the time of {}{others}", plural(slots.into(), "slot"))
    });
    let (order, replayed) = (order(result), replay(&result.replay));
    let all = [
        ("work", Cell::nanos(result.work_ns), "sum of all durations"),
        (
            "span",
            Cell::nanos(result.span_ns),
            "the longest chain: the time with unlimited jobs",
        ),
        (
            "makespan",
            Cell::nanos(result.makespan_ns),
            "first start to last end, without evaluation",
        ),
        (
            "parallelizable",
            Cell::share(result.parallelizable),
            "of the work is not on the longest chain",
        ),
        (
            "utilization",
            Cell::share(result.utilization.filter(|_| slots.is_some())),
            slots.as_deref().unwrap_or_default(),
        ),
        (
            "Nix itself",
            Cell::nanos(result.overhead_ns),
            "of the makespan, between the builds",
        ),
        (
            "longest first",
            Cell::nanos(result.critical_path_first_ns),
            &order,
        ),
        ("replay", Cell::nanos(result.replay.predicted_ns), &replayed),
    ];
    type Line<'a> = (&'a str, Cell, &'a str);
    let mut columns = Columns::<Line<'_>>::new();
    columns.text("what", "", |(what, ..)| Cell::text(what));
    columns.number("value", "", |(_, value, _)| value.clone());
    columns
        .text("meaning", "", |(.., meaning)| Cell::text(meaning))
        .wraps();

    let known = all
        .into_iter()
        .filter(|(_, value, _)| *value != Cell::Unknown);
    Table::new(columns, known, plain).titled("Numbers")
}

/// Says what another order would give.
fn order(result: &ParallelismResult) -> String {
    let (Some(baseline), Some(first)) = (result.baseline_ns, result.critical_path_first_ns) else {
        return String::new();
    };
    let change = signed(first).saturating_sub(signed(baseline));
    match change {
        0 => "with the longest chain first: no gain over Nix's order".to_owned(),
        _ => format!(
            "with the longest chain first: {} on {} in Nix's order",
            signed_duration(change),
            duration(baseline)
        ),
    }
}

/// How wide a bar is at most, and how many there are at most.
const BAR: u64 = 30;
const MOST_BARS: usize = 12;

/// For how long how many builds ran at once, as bars.
fn histogram(result: &ParallelismResult, options: Options) -> Table {
    let total: u64 = result.concurrency.iter().map(|it| it.busy_ns).sum();
    let groups = groups(&result.concurrency);
    let longest = groups.iter().map(|group| group.2).max().unwrap_or(0).max(1);
    let glyph = if options.ascii { "#" } else { "█" };
    let mut columns = Columns::<(usize, usize, u64)>::new();
    columns.number("running", "builds", |&(from, to, _)| {
        Cell::Text(match from == to {
            true => from.to_string(),
            false => format!("{from}-{to}"),
        })
    });
    columns.number("busy_ns", "time", |&(.., time)| Cell::Nanos(time));
    columns.number("share", "share", move |&(.., time)| {
        Cell::share(share(Some(time), Some(total)))
    });
    columns
        .text("bar", "", move |&(.., time)| {
            let length = u128::from(time) * u128::from(BAR) / u128::from(longest);
            let length = usize::try_from(length).unwrap_or(0);
            // What there was shows.
            Cell::Text(glyph.repeat(length.max(usize::from(time > 0))))
        })
        .rank(1);

    let groups = groups.into_iter().filter(|_| total > 0);
    Table::new(columns, groups, plain).titled("Builds at once")
}

/// Joins numbers of builds so that few bars are left: none on its own, the others in steps of one
/// size.
fn groups(concurrency: &[ConcurrencyView]) -> Vec<(usize, usize, u64)> {
    let most = concurrency.len().saturating_sub(1);
    let size = most.div_ceil(MOST_BARS).max(1);
    let mut groups: Vec<(usize, usize, u64)> = Vec::new();
    for it in concurrency {
        let at = if it.running == 0 {
            0
        } else {
            1 + (it.running - 1) / size
        };
        if groups.len() <= at {
            groups.push((it.running, it.running, 0));
        }
        groups[at].1 = it.running;
        groups[at].2 += it.busy_ns;
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    /// None is a group of its own; the sum stays what it was.
    #[test]
    fn many_numbers_of_builds_share_bars() {
        let concurrency = |most: usize| -> Vec<ConcurrencyView> {
            (0..=most)
                .map(|running| ConcurrencyView {
                    running,
                    busy_ns: running as u64 + 1,
                })
                .collect()
        };
        for (most, n_groups, last) in [(0, 1, (0, 0)), (4, 5, (4, 4)), (30, 11, (28, 30))] {
            let concurrency = concurrency(most);
            let groups = groups(&concurrency);
            assert_eq!(groups.len(), n_groups, "{most}");
            assert_eq!(groups.last().map(|it| (it.0, it.1)), Some(last), "{most}");
            let sum: u64 = groups.iter().map(|it| it.2).sum();
            let all: u64 = concurrency.iter().map(|it| it.busy_ns).sum();
            assert_eq!(sum, all);
            assert_eq!((groups[0].0, groups[0].1), (0, 0));
        }
    }
}
