//! Logs for people: starts, but no ends.

use super::activity::Row;
use super::builder::TimelineBuilder;
use super::model::Unit;
use crate::time::Stamp;

#[derive(Debug, Default)]
pub(super) struct HumanLog;

pub(super) struct HumanBuild;

impl HumanBuild {
    pub(super) fn apply(&self, _unit: &mut Unit, _last: Option<Stamp>) {}
}

impl HumanLog {
    pub(super) fn line(_builder: &mut TimelineBuilder, _text: &str) {}
    pub(super) fn finish(_builder: &mut TimelineBuilder) {}
    pub(super) fn build(&self, _row: Row) -> Option<&HumanBuild> { None }
    pub(super) fn saw_nix(&self) -> bool { false }
}
