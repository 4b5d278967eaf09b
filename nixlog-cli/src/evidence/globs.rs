//! Units that a glob on the command line means.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use globset::{Glob, GlobMatcher};
use nixlog_core::report::unit::brief;
use nixlog_core::store_path::{name_of, pname_of};
use nixlog_core::timeline::UnitKind;

use crate::base::error::CliError;
use crate::evidence::explained::Explained;

/// The units of the graph, by all the names that they go by.
#[derive(Debug)]
pub(crate) struct Globs {
    units: Vec<Named>,
}

#[derive(Debug)]
struct Named {
    unit: usize,
    kind: UnitKind,
    name: String,
    pname: String,
    /// Names and paths: of the unit, of its derivation, of what it makes.
    names: BTreeSet<String>,
}

impl Globs {
    /// Takes the units of a log that others can wait for.
    pub(crate) fn new(log: &Explained) -> Self {
        let timeline = &log.timeline;
        let named = |(unit, node): (usize, Option<_>)| {
            let it = &timeline.units()[unit];
            let brief = brief(timeline, unit);
            let mut paths = vec![brief.path];
            paths.extend(it.planned.map(|name| timeline.name(name).to_owned()));
            if let Some(node) = node {
                let outputs = log.graph.node(node).outputs.iter();
                paths.extend(outputs.filter_map(|output| {
                    let base = output.path.as_deref()?;
                    Some(format!("{}/{base}", folder(timeline.name(it.subject))))
                }));
            }
            let mut names = BTreeSet::from([brief.name.clone(), brief.pname.clone()]);
            for path in paths {
                let name = name_of(&path);
                names.extend([name.to_owned(), pname_of(name).to_owned()]);
                names.extend(path.rsplit('/').next().map(str::to_owned));
                names.insert(path);
            }
            Named {
                unit,
                kind: it.kind,
                name: brief.name,
                pname: brief.pname,
                names,
            }
        };
        let nodes = log.run.nodes().iter();
        let units = nodes.filter_map(|node| Some((node.unit?, node.node)));
        Self {
            units: units.map(named).collect(),
        }
    }

    /// Tells whether there is nothing that a glob could mean.
    pub(crate) fn is_empty(&self) -> bool {
        self.units.is_empty()
    }

    /// Returns the units of some kinds that a glob means; there is at least one.
    pub(crate) fn find(
        &self,
        option: &str,
        text: &str,
        wanted: impl Fn(UnitKind) -> bool,
    ) -> Result<Vec<usize>, CliError> {
        let all = self.matching(text)?;
        let found = all.iter().filter(|it| wanted(it.kind));
        let units: Vec<usize> = found.map(|it| it.unit).collect();
        if !units.is_empty() {
            return Ok(units);
        }
        let error = match all.first() {
            Some(other) => CliError::new(format!(
                "`{option} {text}` matches no build: `{}` was downloaded",
                other.name
            )),
            None => {
                let error = CliError::new(format!("`{option} {text}` matches nothing that ran"));
                match self.near(text) {
                    near if near.is_empty() => error,
                    near => error.hint(format!("did you mean {}?", near.join(", "))),
                }
            }
        };
        Err(error.hint(
            "a glob matches a whole name, with or without its version, or a store path: 'python3*', '*-doc'",
        ))
    }

    /// Returns all units that a glob means, which may be none.
    pub(crate) fn all(&self, text: &str) -> Result<Vec<usize>, CliError> {
        let all = self.matching(text)?;
        Ok(all.into_iter().map(|it| it.unit).collect())
    }

    fn matching(&self, text: &str) -> Result<Vec<&Named>, CliError> {
        let glob = glob(text)?;
        let means = |it: &&Named| it.names.iter().any(|name| glob.is_match(name));
        Ok(self.units.iter().filter(means).collect())
    }

    /// Returns what comes closest to a glob that matches nothing.
    fn near(&self, text: &str) -> Vec<String> {
        let letters = |c: &char| !"*?[]{}!".contains(*c);
        let core: String = name_of(text).chars().filter(letters).collect();
        let core = core.to_lowercase();
        let closeness = |name: &str| {
            let name = name.to_lowercase();
            let is_part = !core.is_empty() && (name.contains(&core) || core.contains(&name));
            let alike = strsim::jaro_winkler(&name, &core);
            // Thousandths, so that they sort.
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "from 0 to 1000"
            )]
            let alike = (alike * 1000.0) as u32;
            alike + if is_part { 1000 } else { 0 }
        };
        let names: BTreeSet<&str> = self.units.iter().map(|it| &*it.pname).collect();
        let mut near: Vec<(u32, &str)> = names
            .into_iter()
            .map(|name| (closeness(name), name))
            .filter(|&(closeness, _)| closeness > 750)
            .collect();
        near.sort_by_key(|&(closeness, name)| (Reverse(closeness), name));
        near.iter()
            .take(3)
            .map(|(_, name)| format!("`{name}`"))
            .collect()
    }
}

/// Reads a glob.
pub(crate) fn glob(text: &str) -> Result<GlobMatcher, CliError> {
    let glob = Glob::new(text).map_err(|error| {
        CliError::new(format!("`{text}` is not a valid glob"))
            .because(error)
            .hint("`*` stands for anything, `?` for one character, `[a-c]` for one of these, `{a,b}` for either")
    })?;
    Ok(glob.compile_matcher())
}

fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}
