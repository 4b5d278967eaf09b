//! Builds that turn out to fetch something, once their derivations are known.

use super::model::{Part, UnitKind};
use super::{IssueCode, Timeline};

impl Timeline {
    /// Tells the timeline which derivations fetch something: those whose output's hash is fixed
    /// beforehand. The log alone tells so of few. `is_fixed` gets the path of a derivation, and returns
    /// `None` where it does not know.
    ///
    /// Their builds become source fetches, and their time becomes time spent on fetching.
    pub fn tell_fixed_outputs(&mut self, is_fixed: impl Fn(&str) -> Option<bool>) {
        let mut unknown = 0;
        for unit in &mut self.units {
            if unit.kind != UnitKind::Build {
                continue;
            }
            let path = unit.planned.unwrap_or(unit.subject);
            let known = is_fixed(self.names.text(path));
            match known.or_else(|| is_fixed(self.names.text(unit.subject))) {
                Some(true) => unit.kind = UnitKind::SourceFetch,
                Some(false) => continue,
                None => {
                    unknown += u64::from(unit.started);
                    continue;
                }
            }
            for stretch in &mut unit.stretches {
                if matches!(stretch.part, Part::LocalBuilds | Part::RemoteBuilds) {
                    stretch.part = Part::Sources;
                }
            }
        }
        if let Some(place) = self
            .issues
            .iter()
            .position(|issue| issue.code == IssueCode::FixedOutputUnknown)
        {
            self.issues[place].count = unknown;
            if unknown == 0 {
                self.issues.remove(place);
            }
        }
    }
}
