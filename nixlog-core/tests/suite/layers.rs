//! The layers as data: a module that imports upwards fails here.
//!
//! ARCHITECTURE.md has the same table with the reasons. The scan reads tokens, not types: it sees
//! every path that starts with `crate`, `super` or `self`, in imports and in expressions, in tests
//! too. What it forbids besides, since it would hide an import from it: names taken from the crate
//! root, and one layer's items re-exported by another.

use std::fs;
use std::path::Path;

use crate::rust_source::{Import, UNSEEN, imports, module_of, rust_files};

/// What every layer may import. A word imports at most the words before it.
const WORDS: &[&str] = &[
    "names",
    "dialect",
    "time",
    "intervals",
    "ids",
    "json_str",
    "store_path",
];

/// Each other module of the crate, with what it may import besides itself and the words.
const LAYERS: &[(&str, &[&str])] = &[
    ("drv", &[]),
    ("wire", &[]),
    ("build_log", &[]),
    ("statistics", &[]),
    ("eval", &[]),
    ("lint", &[]),
    ("recording", &["wire"]),
    ("graph", &["drv"]),
    ("timeline", &["wire", "recording"]),
    (
        "analysis",
        &[
            "timeline",
            "graph",
            "eval",
            "build_log",
            "statistics",
            "lint",
        ],
    ),
    (
        "report",
        &[
            "timeline",
            "graph",
            "analysis",
            "eval",
            "build_log",
            "statistics",
            "lint",
        ],
    ),
    (
        "log",
        &[
            "drv",
            "wire",
            "recording",
            "graph",
            "timeline",
            "analysis",
            "report",
        ],
    ),
];

/// The modules of `report` that see only the results made readable and the words: all formats show
/// the same numbers because they have nothing else to show.
const RENDERERS: &[&str] = &[
    "text", "markdown", "csv", "json", "chrome", "svg", "html", "drawing", "axis", "dot",
    "graphml", "junit", "github", "sarif",
];

/// What the renderers see: the views, the same laid out for people or drawn, and how numbers are
/// written.
const READABLE: &[&str] = &[
    "envelope", "verbs", "unit", "table", "document", "format", "drawing", "axis",
];

/// The named values that views hold: a renderer may tell them apart.
const VALUES: &[&[&str]] = &[
    &["timeline", "End"],
    &["timeline", "Outcome"],
    &["timeline", "UnitKind"],
    &["analysis", "lanes", "Group"],
    &["analysis", "limits", "Answer"],
    &["lint", "Rule"],
];

#[test]
fn no_module_imports_upwards() {
    let src = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"));
    let mut violations = Vec::new();
    let mut n_files = 0;
    for path in rust_files(src) {
        let file = path.strip_prefix(src).expect("found below src");
        let source = fs::read_to_string(&path).expect("a readable source file");
        violations.extend(check(file, &source));
        n_files += 1;
    }
    assert!(n_files > 5, "the scan found only {n_files} files");
    assert!(violations.is_empty(), "\n{}", violations.join("\n"));
}

#[test]
fn each_kind_of_violation_is_caught() {
    let cases = [
        ("time.rs", "use crate::ids::ActivityId;"),
        ("wire/event.rs", "use crate::timeline::Timeline;"),
        (
            "wire/event.rs",
            "fn f() -> u32 { crate::timeline::model::COUNT }",
        ),
        ("wire/event.rs", "use super::super::report::unit::UnitView;"),
        ("wire/carrier/ts.rs", "use super::super::super::graph::Dag;"),
        ("wire/mod.rs", "use super::analysis;"),
        (
            "wire/json.rs",
            "mod tests { use super::super::super::graph::Dag; }",
        ),
        (
            "wire/json.rs",
            "use crate::{ids::ActivityId, time::{Nanos, Stamp}, report::view};",
        ),
        (
            "wire/json.rs",
            "use {std::fmt, crate::{self as root, eval::stats as s}};",
        ),
        (
            "wire/json.rs",
            "pub(in crate::timeline) struct NotAnAncestor;",
        ),
        ("wire/json.rs", "let c = '\"'; use crate::graph::Dag; //\""),
        ("graph/dag.rs", "use crate::timeline::Timeline;"),
        ("timeline/builder.rs", "use crate::graph::DrvIdx;"),
        ("analysis/phases.rs", "use crate::wire::Event;"),
        ("analysis/phases.rs", "pub use crate::timeline::Timeline;"),
        ("analysis/mod.rs", "pub(crate) use super::timeline::Span;"),
        ("analysis/phases.rs", "use crate::Timeline;"),
        ("analysis/phases.rs", "use crate::*;"),
        ("analysis/mod.rs", "use super::*;"),
        ("report/text.rs", "use crate::analysis::Phases;"),
        ("report/json.rs", "use super::text::table;"),
        ("report/csv.rs", "use super::*;"),
        ("report/markdown/table.rs", "use super::super::text;"),
        ("utils.rs", ""),
        ("utils/mod.rs", "fn nothing() {}"),
        ("wire/line.rs", "#[path = \"../graph/dag.rs\"] mod dag;"),
        ("wire/line.rs", "include!(\"../graph/dag.rs\");"),
    ];
    for (file, source) in cases {
        let found = check(Path::new(file), source);
        assert!(!found.is_empty(), "not caught in {file}: {source}");
    }
}

#[test]
fn what_is_allowed_passes() {
    let cases = [
        (
            "lib.rs",
            "pub use crate::report::View; pub use timeline::Timeline;",
        ),
        ("time.rs", "use std::fmt; mod tests { use super::*; }"),
        (
            "wire/event.rs",
            "use crate::ids::ActivityId; use super::json::Scan;",
        ),
        (
            "wire/mod.rs",
            "pub use event::Event; pub use self::line::{Line, LineBuf};",
        ),
        ("wire/event.rs", "// use crate::report::view;"),
        (
            "wire/event.rs",
            "/// [`Timeline`](crate::timeline::Timeline)",
        ),
        (
            "wire/event.rs",
            "/* use /* crate::graph; */ crate::eval; */",
        ),
        (
            "wire/event.rs",
            r##"const S: &str = r#"" crate::graph::Dag "#; "##,
        ),
        (
            "wire/event.rs",
            r#"const S: &[u8] = b"\" crate::graph::Dag "; "#,
        ),
        (
            "wire/event.rs",
            "fn f<'a>(x: &'a str) -> Self { self.x.superb() }",
        ),
        (
            "wire/event.rs",
            "mod tests { mod deep { use super::super::*; } }",
        ),
        ("timeline/builder.rs", "use crate::wire::{Detail, Event};"),
        ("graph/dag.rs", "use crate::drv::aterm::Derivation;"),
        (
            "analysis/phases.rs",
            "use crate::{graph::Dag, timeline::Timeline};",
        ),
        ("report/view.rs", "use crate::analysis::Phases;"),
        (
            "report/text.rs",
            "use super::unit::UnitView; mod tests { use super::*; }",
        ),
        (
            "report/text/table.rs",
            "use super::super::unit::UnitView; use super::width;",
        ),
        (
            "report/json.rs",
            "use crate::report::unit::UnitView; use crate::timeline::Outcome;",
        ),
        ("report/mod.rs", "pub mod text; pub use unit::UnitView;"),
        (
            "store_path.rs",
            "fn f() -> S { let path = 1; S { path, x } }",
        ),
    ];
    for (file, source) in cases {
        assert_eq!(check(Path::new(file), source), [""; 0], "{file}: {source}");
    }
}

#[test]
fn every_layer_imports_only_earlier_ones() {
    for (at, (layer, imports)) in LAYERS.iter().enumerate() {
        for import in *imports {
            let earlier = LAYERS[..at].iter().any(|(name, _)| name == import);
            assert!(earlier, "`{layer}` imports `{import}`, which is not below");
        }
    }
}

/// Returns what is wrong in one file, given by its path below `src`.
fn check(file: &Path, source: &str) -> Vec<String> {
    let module = module_of(file);
    let Some(layer) = module.first() else {
        return Vec::new(); // lib.rs declares and re-exports.
    };
    let at = file.display();
    if !WORDS.contains(&layer.as_str()) && !LAYERS.iter().any(|(name, _)| name == layer) {
        return vec![format!("{at}: the module `{layer}` is in no layer")];
    }
    let mut violations = Vec::new();
    for unseen in UNSEEN.into_iter().filter(|word| source.contains(word)) {
        violations.push(format!("{at}: `{unseen}` brings in a file unseen"));
    }
    for import in imports(&module, source) {
        if let Err(why) = judge(&module, &import) {
            let path = import.path.join("::");
            violations.push(format!("{at}: `{path}`: {why}"));
        }
    }
    violations
}

/// Tells whether a module may import a path.
fn judge(module: &[String], import: &Import) -> Result<(), &'static str> {
    let layer = module[0].as_str();
    let renderer = module
        .get(1)
        .filter(|name| layer == "report" && RENDERERS.contains(&name.as_str()));
    let target = import.path.first().map_or("*", String::as_str);
    if target == layer {
        let within = import.path.get(1);
        return match renderer {
            Some(own)
                if within != Some(own)
                    && within.is_none_or(|name| !READABLE.contains(&name.as_str())) =>
            {
                Err("a renderer sees only what is made readable")
            }
            _ => Ok(()),
        };
    }
    let is_word = WORDS.contains(&target);
    let is_layer = LAYERS.iter().any(|(name, _)| *name == target);
    if !is_word && !is_layer {
        return Err("name the module it comes from, so that its layer shows");
    }
    if import.re_exported {
        return Err("one path per item: only lib.rs re-exports another layer's items");
    }
    let place = |name: &str| WORDS.iter().position(|word| *word == name);
    if let Some(own) = place(layer) {
        return match place(target) {
            Some(other) if other < own => Ok(()),
            _ => Err("a word imports at most the words before it"),
        };
    }
    if is_word {
        return Ok(());
    }
    if renderer.is_some()
        && VALUES.contains(&&*import.path.iter().map(String::as_str).collect::<Vec<_>>())
    {
        return Ok(());
    }
    if renderer.is_some() {
        return Err("a renderer sees only what is made readable, and the words");
    }
    let may = LAYERS.iter().find(|(name, _)| *name == layer);
    if may.is_some_and(|(_, may)| may.contains(&target)) {
        Ok(())
    } else {
        Err("not below this layer")
    }
}
