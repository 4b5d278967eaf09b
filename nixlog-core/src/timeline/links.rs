//! Which open activity another one belongs to, where the log does not say so itself.
//!
//! Before Nix 2.18 there are no parents at all; and what a remote daemon says hangs below the
//! local call, not below the build that it is about.

use std::collections::BTreeMap;

use super::Map;
use super::activity::{Activities, Activity, Role, Row};
use super::model::{Name, Names};
use crate::ids::ActivityId;
use crate::store_path::{StorePath, name_of};

/// What can be found again by something other than its number.
#[derive(Debug, Default)]
pub(super) struct Links {
    /// Open queries by the hash of their path, in logs without parents.
    queries: Map<Box<str>, Row>,
    /// Open builds by the name of their derivation, in logs without parents.
    builds: Map<Box<str>, Row>,
    /// Substitutions by their path, in logs without parents.
    substitutions: Map<Name, Row>,
    /// Builds on machines by their derivation.
    remote: Map<Name, Row>,
    /// Open copies by their number, and whether a transfer is known, in logs without parents.
    copies: BTreeMap<ActivityId, (Row, bool)>,
}

impl Links {
    /// Remembers an activity. `orphaned`: its log has no parents.
    pub(super) fn add(&mut self, row: Row, activity: &Activity, orphaned: bool, names: &Names) {
        let Some(subject) = activity.subject else {
            return;
        };
        if activity.role == Role::Build && activity.source.is_some() {
            self.remote.insert(subject, row);
        }
        if !orphaned {
            return;
        }
        let path = names.text(subject);
        match activity.role {
            Role::Substitute => {
                self.substitutions.insert(subject, row);
            }
            Role::CopyPath => {
                self.copies.insert(activity.id, (row, false));
            }
            Role::Build => {
                self.builds.insert(name_of(path).into(), row);
            }
            Role::Query => {
                let hash = StorePath::parse(path).map(StorePath::hash);
                self.queries.extend(hash.map(|hash| (hash.into(), row)));
            }
            _ => {}
        }
    }

    /// Forgets an activity that stopped.
    pub(super) fn remove(&mut self, activity: &Activity, names: &Names) {
        let Some(subject) = activity.subject else {
            return;
        };
        if activity.role == Role::Query && !self.queries.is_empty() {
            let hash = StorePath::parse(names.text(subject)).map(StorePath::hash);
            hash.map(|hash| self.queries.remove(hash));
        }
        self.copies.remove(&activity.id);
    }

    /// Finds the build on a machine that a remote daemon's own report of it belongs to.
    pub(super) fn outer(&self, nested: &Activity, activities: &Activities) -> Option<Row> {
        // Remote builds hang below the local call; everything else has no parent.
        nested.parent?;
        let row = *self.remote.get(&nested.subject?)?;
        activities.get(row).is_open().then_some(row)
    }

    /// Finds the substitution that a copy belongs to.
    pub(super) fn substitution(&self, path: Name, activities: &Activities) -> Option<Row> {
        let row = *self.substitutions.get(&path)?;
        activities.get(row).is_open().then_some(row)
    }

    /// Finds what a file transfer is for: the query of that narinfo, the build that bears the file's
    /// name, or the copy that was numbered right before it. Copies in several threads may start
    /// together and transfer in any order, but each takes the next numbers for itself.
    pub(super) fn transfer(
        &mut self,
        id: ActivityId,
        uri: &str,
        activities: &Activities,
    ) -> Option<Row> {
        let file = uri.rsplit('/').next().unwrap_or(uri);
        let row = match file.strip_suffix(".narinfo") {
            Some(hash) => *self.queries.get(hash)?,
            None if uri.contains("/nar/") => {
                let mut before = self.copies.range_mut(..id).rev().peekable();
                let nearest = before.peek().map(|(_, copy)| copy.0);
                match before.find(|(_, (_, transfers))| !transfers) {
                    Some((_, (row, transfers))) => {
                        *transfers = true;
                        *row
                    }
                    None => nearest?,
                }
            }
            None => *self.builds.get(file)?,
        };
        activities.get(row).is_open().then_some(row)
    }
}
