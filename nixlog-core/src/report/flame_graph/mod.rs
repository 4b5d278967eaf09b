//! The stacks of an evaluation, for programs that draw them, and what is said beside the picture.

pub mod collapsed;
pub mod speedscope;

use std::time::Duration;

use super::format::{count, duration, harmless, percent, plural};
use crate::eval::stacks::tree::CallTree;
use crate::eval::stacks::{Frame, Unit, What};

/// Says how much a profile holds: `3 069 samples at 99 Hz, about 31.0s`, `1.20s in 4 033 calls`.
///
/// No profile tells how often samples were taken. Where somebody knows, that is how long it took.
#[must_use]
pub fn extent(tree: &CallTree, frequency: Option<f64>) -> String {
    let total = tree.total();
    match (tree.unit, frequency) {
        (Unit::Nanoseconds, _) => {
            format!(
                "{} in {}",
                duration(total),
                plural(tree.facts.stacks, "call")
            )
        }
        (Unit::Samples, None) => plural(total, "sample"),
        (Unit::Samples, Some(hertz)) => {
            let took = Duration::try_from_secs_f64(total as f64 / hertz).unwrap_or_default();
            let took = duration(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
            format!("{} at {hertz} Hz, about {took}", plural(total, "sample"))
        }
    }
}

/// Says what became a part of its callers; `None` where nothing did.
#[must_use]
pub fn merged(tree: &CallTree) -> Option<String> {
    let merged = tree.merged();
    let share = merged as f64 / tree.total().max(1) as f64;
    let shown = plural(tree.calls.len().saturating_sub(1) as u64, "call");
    (merged > 0).then(|| {
        format!(
            "{shown} shown; {} of all was spent in smaller ones and is shown in their callers",
            percent(share)
        )
    })
}

/// Says what was odd about a profile, one sentence each.
#[must_use]
pub fn oddities(tree: &CallTree) -> Vec<String> {
    let facts = &tree.facts;
    let mut all = Vec::new();
    if let Some(first) = facts.first_bad_line {
        let bad = plural(facts.bad_lines, "line");
        all.push(format!(
            "{bad} could not be read, the first is line {}",
            count(first)
        ));
    }
    if facts.unwound > 0 {
        let calls = plural(facts.unwound, "call");
        all.push(format!(
            "{calls} ended by an error: no line says when, so they count up to their callers' end"
        ));
    }
    if facts.open > 0 {
        let calls = plural(facts.open, "call");
        all.push(format!("{calls} had not ended when the log did"));
    }
    if facts.clock_went_back > 0 {
        let times = plural(facts.clock_went_back, "time");
        all.push(format!("the clock went back {times}; no time passed there"));
    }
    all
}

/// Returns how a frame is shown: what is called first, so that a narrow box says more than the begin of a path.
#[must_use]
pub fn label(text: &str) -> String {
    let frame = Frame::parse(text);
    let what = match frame.what {
        What::Lambda(name) => name.to_owned(),
        What::Primop(name) => format!("primop {name}"),
        What::Derivation(name) => format!("derivation {name}"),
        What::Functor => "functor".to_owned(),
        What::Anonymous => "lambda".to_owned(),
    };
    let label = match frame.place {
        Some(place) => format!("{what} ({})", place.text),
        None if text.is_empty() => "(unnamed)".to_owned(),
        None => what,
    };
    harmless(&label).into_owned()
}
