//! The statistics that an evaluator prints when it ends: `NIX_SHOW_STATS=1`, of every version.
//!
//! Source: `EvalState::printStatistics` in Nix's `src/libexpr/eval.cc`. Counters are exact, and the same
//! each time the same is evaluated by the same Nix; times are not.

use std::cmp::Reverse;
use std::fmt;
use std::time::Duration;

use indexmap::IndexMap;
use serde_json::{Map, Value};

/// The statistics of one evaluator.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct EvaluationStats {
    /// Processor time of the evaluator, in nanoseconds.
    pub cpu_ns: Option<u64>,
    /// How much of it went into garbage collection, in nanoseconds (≥ 2.24, not Lix).
    pub gc_ns: Option<u64>,
    /// The same as a share of the processor time.
    pub gc_share: Option<f64>,
    /// Every counter, by the name that Nix gives it, levels joined by dots: `nrThunks`, `gc.heapSize`.
    pub counters: IndexMap<String, u64>,
    /// How often each primop was called, most often first (`NIX_COUNT_CALLS=1`).
    pub primops: Option<Vec<(String, u64)>>,
    /// How often each function was called, most often first (`NIX_COUNT_CALLS=1`).
    pub functions: Option<Vec<Calls>>,
    /// How often each attribute was selected, most often first (`NIX_COUNT_CALLS=1`; Nix 2.12 to 2.35 have
    /// none).
    pub attributes: Option<Vec<Calls>>,
    /// All of it, as Nix wrote it.
    pub json: Box<str>,
}

/// How often something at a place in a file was called or selected.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Calls {
    /// The function's name; `None` for one without, and for attributes.
    pub name: Option<String>,
    /// The file; `None` where there is none.
    pub file: Option<String>,
    /// The line, from 1.
    pub line: Option<u64>,
    /// The column, from 1.
    pub column: Option<u64>,
    /// How often.
    pub count: u64,
}

impl Calls {
    /// Returns where it is: `file:line:column`.
    #[must_use]
    pub fn place(&self) -> String {
        place(self.file.as_deref(), self.line, self.column)
    }
}

/// Writes a place in a file: `file:line:column`, as far as it is known.
#[must_use]
pub fn place(file: Option<&str>, line: Option<u64>, column: Option<u64>) -> String {
    let parts = [line, column].into_iter().flatten();
    let numbers: String = parts.map(|part| format!(":{part}")).collect();
    format!("{}{numbers}", file.unwrap_or_default())
}

/// Why a text is no evaluator's statistics.
#[derive(Debug)]
#[non_exhaustive]
pub enum StatsError {
    /// It is no JSON.
    Json(serde_json::Error),
    /// It is JSON, but of something else.
    Other,
}

impl fmt::Display for StatsError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => write!(out, "no JSON: {error}"),
            Self::Other => out.write_str(
                "JSON, but not what Nix prints with NIX_SHOW_STATS=1: it has neither `cpuTime` nor `nrThunks`",
            ),
        }
    }
}

impl std::error::Error for StatsError {}

impl EvaluationStats {
    /// Reads what `NIX_SHOW_STATS_PATH` names, or what was printed: the object, with whatever else stands
    /// before and behind it.
    ///
    /// # Errors
    ///
    /// Where there is no such object.
    pub fn parse(text: &str) -> Result<Self, StatsError> {
        let mut lines = StatsLines::default();
        let whole = match Self::of(text) {
            Ok(whole) => whole,
            Err(error) => {
                // Of several evaluators the last is the one that was asked for.
                let found = text.lines().filter_map(|line| lines.push(line)).last();
                return found.ok_or(StatsError::Json(error));
            }
        };
        whole.ok_or(StatsError::Other)
    }

    /// Reads an object.
    fn of(json: &str) -> Result<Option<Self>, serde_json::Error> {
        let Value::Object(object) = serde_json::from_str(json)? else {
            return Ok(None);
        };
        if !object.contains_key("cpuTime") && !object.contains_key("nrThunks") {
            return Ok(None);
        }
        let time = |name: &str| object.get("time")?.get(name);
        let cpu = object.get("cpuTime").or_else(|| time("cpu"));
        let mut stats = Self {
            cpu_ns: cpu.and_then(nanos),
            gc_ns: time("gc").and_then(nanos),
            gc_share: time("gcFraction").and_then(Value::as_f64),
            primops: object
                .get("primops")
                .and_then(Value::as_object)
                .map(primops),
            functions: object.get("functions").and_then(calls),
            attributes: object.get("attributes").and_then(calls),
            json: json.trim().into(),
            ..Self::default()
        };
        for (name, value) in &object {
            if !matches!(&**name, "primops" | "functions" | "attributes") {
                counters(name, value, &mut stats.counters);
            }
        }
        Ok(Some(stats))
    }

    /// Returns a counter by the name that Nix gives it.
    #[must_use]
    pub fn counter(&self, name: &str) -> Option<u64> {
        self.counters.get(name).copied()
    }

    /// Returns which share of the thunks was avoided: values that needed none, of both together.
    #[must_use]
    pub fn avoided_share(&self) -> Option<f64> {
        let (made, avoided) = (self.counter("nrThunks")?, self.counter("nrAvoided")?);
        let all = made.checked_add(avoided).filter(|&all| all > 0)?;
        Some(avoided as f64 / all as f64)
    }
}

/// A counter that is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NoCounter {
    /// What was asked for.
    pub name: String,
    /// What there is in its place.
    pub instead: Option<&'static str>,
}

impl NoCounter {
    /// Says that a counter is not there, and what became of it, if older guides tell of it.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            instead: instead_of(name),
        }
    }
}

impl fmt::Display for NoCounter {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "there is no `{}`", self.name)?;
        match self.instead {
            Some(instead) => write!(out, ": {instead}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for NoCounter {}

/// Tells what there is in place of a name that Nix never printed, or prints no more.
fn instead_of(name: &str) -> Option<&'static str> {
    Some(match name {
        "realTime" | "wallTime" | "elapsedTime" | "time.real" => {
            "it counts processor time only (`cpuTime`); the wall time is what nixlog measures"
        }
        "gcTime" | "gctime" | "time.gcTime" => {
            "it is `time.gc` since Nix 2.24, and nothing before it"
        }
        "gcCycles" | "nrGCs" => "it is `gc.cycles` since Nix 2.24",
        "memorySize" | "memory" | "maxRSS" | "peakMemory" => {
            "it knows the heap (`gc.heapSize`) and all that was ever allocated (`gc.totalBytes`), not what \
             the process takes"
        }
        "heapSize" => "it is `gc.heapSize`",
        "totalBytes" => "it is `gc.totalBytes`",
        "nrEnvs" | "numEnvs" => "it is `envs.number`",
        "nrValues" | "numValues" => "it is `values.number`",
        "nrSymbols" => "it is `symbols.number`",
        "nrAttrsets" | "nrSets" => "it is `sets.number`",
        "nrAttrsInAttrsets" => "it is `sets.elements`",
        "nrListElems" => "it is `list.elements`",
        "nrListConcats" => "it is `list.concats`",
        "nrThunksAvoided" => "it is `nrAvoided`",
        _ => return None,
    })
}

/// Finds statistics between the lines of a log: raw JSON, which an evaluator prints past the logger when
/// it ends.
#[derive(Debug, Default)]
pub struct StatsLines {
    held: String,
    is_inside: bool,
    /// Lines of others since the object began.
    others: u32,
}

impl StatsLines {
    /// So many bytes of one object are looked at.
    const MOST: usize = 256 << 20;
    /// So many lines of others may stand in between.
    const OTHERS: u32 = 1_000;

    /// Takes in a line; returns the statistics that end with it.
    pub fn push(&mut self, line: &str) -> Option<EvaluationStats> {
        let text = line.trim_end();
        if !self.is_inside {
            // All of it in one line, or its beginning.
            if text.starts_with("{\"") && text.contains("\"nrThunks\"") {
                return EvaluationStats::of(text).ok()?;
            }
            if text == "{" {
                self.begin();
            }
            return None;
        }
        match text {
            "}" => {
                self.is_inside = false;
                self.held.push('}');
                let held = std::mem::take(&mut self.held);
                return EvaluationStats::of(&held).ok()?;
            }
            // What came before was none.
            "{" => self.begin(),
            _ if text.starts_with("  ") && self.held.len() + text.len() < Self::MOST => {
                self.held.push_str(text);
                self.held.push('\n');
            }
            _ => {
                self.others += 1;
                self.is_inside = self.others < Self::OTHERS;
            }
        }
        None
    }

    fn begin(&mut self) {
        self.held.clear();
        self.held.push_str("{\n");
        (self.is_inside, self.others) = (true, 0);
    }
}

/// Reads a length of time, which Nix writes in seconds.
fn nanos(seconds: &Value) -> Option<u64> {
    let time = Duration::try_from_secs_f64(seconds.as_f64()?).ok()?;
    u64::try_from(time.as_nanos()).ok()
}

/// Collects the whole numbers below a name.
fn counters(name: &str, value: &Value, into: &mut IndexMap<String, u64>) {
    match value {
        Value::Object(object) => {
            for (inner, value) in object {
                counters(&format!("{name}.{inner}"), value, into);
            }
        }
        // Times are no counters, even where one happens to be a whole number.
        _ if name == "cpuTime" || name.starts_with("time.") => {}
        // With NIX_SHOW_SYMBOLS=1 it lists them.
        Value::Array(symbols) if name == "symbols" => {
            into.insert("symbols.number".to_owned(), symbols.len() as u64);
        }
        value => {
            into.extend(value.as_u64().map(|count| (name.to_owned(), count)));
        }
    }
}

fn primops(counts: &Map<String, Value>) -> Vec<(String, u64)> {
    let counts = counts.iter();
    let mut primops: Vec<(String, u64)> = counts
        .filter_map(|(name, count)| Some((name.clone(), count.as_u64()?)))
        .collect();
    primops.sort_by_key(|(_, count)| Reverse(*count));
    primops
}

fn calls(list: &Value) -> Option<Vec<Calls>> {
    let text = |of: &Value, name: &str| Some(of.get(name)?.as_str()?.to_owned());
    let number = |of: &Value, name: &str| of.get(name)?.as_u64();
    let calls = list.as_array()?.iter().filter_map(|of| {
        Some(Calls {
            name: text(of, "name"),
            file: text(of, "file"),
            line: number(of, "line"),
            column: number(of, "column"),
            count: number(of, "count")?,
        })
    });
    let mut calls: Vec<Calls> = calls.collect();
    calls.sort_by_key(|calls| Reverse(calls.count));
    Some(calls)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = r#"{
  "cpuTime": 0.25,
  "envs": {
    "number": 3,
    "bytes": 12
  },
  "nrThunks": 75,
  "nrAvoided": 25,
  "gc": {
    "heapSize": 402718720
  }
}"#;

    #[test]
    fn an_old_one_has_no_time_of_garbage_collection() {
        let stats = EvaluationStats::parse(OLD).expect("statistics");
        assert_eq!((stats.cpu_ns, stats.gc_ns), (Some(250_000_000), None));
        assert_eq!(stats.counter("gc.heapSize"), Some(402_718_720));
        assert_eq!(stats.counter("envs.number"), Some(3));
        assert_eq!(stats.avoided_share(), Some(0.25));
        assert!(stats.functions.is_none() && !stats.counters.contains_key("cpuTime"));
    }

    #[test]
    fn a_new_one_has_calls_in_order() {
        let text = r#"{"cpuTime":1.0,"time":{"cpu":1.0,"gc":0.25,"gcFraction":0.25},"nrThunks":1,
            "attributes":null,"primops":{"map":2,"head":9},"functions":[
            {"name":null,"file":"/a.nix","line":1,"column":2,"count":3},
            {"name":"f","file":"/b.nix","line":4,"column":5,"count":30}],"symbols":["a","b"]}"#;
        let stats = EvaluationStats::parse(text).expect("statistics");
        assert_eq!(stats.gc_ns, Some(250_000_000));
        assert_eq!(stats.attributes, None);
        let primops = stats.primops.as_ref().expect("primops");
        assert_eq!(primops[0], ("head".to_owned(), 9));
        let functions = stats.functions.as_ref().expect("functions");
        assert_eq!(functions[0].name.as_deref(), Some("f"));
        assert_eq!(stats.counter("symbols.number"), Some(2));
        assert_eq!(stats.counter("time.cpu"), None);
    }

    #[test]
    fn they_are_found_in_the_middle_of_a_log() {
        let log = format!("copying path\n{{\n  \"not\": 1\nbuilt\n{OLD}\nwarning: x\n");
        let mut lines = StatsLines::default();
        let found: Vec<_> = log.lines().filter_map(|line| lines.push(line)).collect();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0], EvaluationStats::parse(OLD).expect("statistics"));
        // Another process had a word in between.
        let torn = OLD.replace("  \"nrThunks\"", "warning: x\n  \"nrThunks\"");
        assert!(
            torn.lines()
                .filter_map(|line| lines.push(line))
                .last()
                .is_some()
        );
        let one_line = "{\"cpuTime\": 1, \"nrThunks\": 2}";
        assert!(lines.push(one_line).is_some());
    }

    #[test]
    fn what_is_none_says_so() {
        assert!(matches!(
            EvaluationStats::parse("{\"a\": 1}"),
            Err(StatsError::Other)
        ));
        assert!(matches!(
            EvaluationStats::parse("building"),
            Err(StatsError::Json(_))
        ));
        let error = NoCounter::new("gcTime").to_string();
        assert!(error.contains("`time.gc`"), "{error}");
    }
}
