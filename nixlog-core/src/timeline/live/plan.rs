//! How many builds and substitutions were announced.

use crate::wire::message::Note;

/// What was announced and no call has taken up yet.
#[derive(Debug, Default)]
pub(super) struct Announced {
    pub(super) builds: Option<u64>,
    pub(super) fetches: Option<u64>,
    pub(super) download_bytes: u64,
    pub(super) unpacked_bytes: u64,
    /// The last header had no count, as in Nix up to 2.3: its items are counted.
    counting: Option<Counting>,
}

#[derive(Debug, Clone, Copy)]
enum Counting {
    Builds,
    Fetches,
}

impl Announced {
    /// Takes in a header or an item of the plan.
    pub(super) fn note(&mut self, note: &Note<'_>) {
        let add = |sum: &mut Option<u64>, more: u64| {
            *sum = Some(sum.unwrap_or(0).saturating_add(more));
        };
        match *note {
            Note::PlanBuild { count } => {
                add(&mut self.builds, count.unwrap_or(0));
                self.counting = count.is_none().then_some(Counting::Builds);
            }
            Note::PlanFetch {
                count,
                download_bytes,
                unpacked_bytes,
            } => {
                add(&mut self.fetches, count.unwrap_or(0));
                self.counting = count.is_none().then_some(Counting::Fetches);
                let more = |sum: &mut u64, more: Option<u64>| {
                    *sum = sum.saturating_add(more.unwrap_or(0));
                };
                more(&mut self.download_bytes, download_bytes);
                more(&mut self.unpacked_bytes, unpacked_bytes);
            }
            Note::PlanUnknown => self.counting = None,
            Note::PlanItem { .. } => match self.counting {
                Some(Counting::Builds) => add(&mut self.builds, 1),
                Some(Counting::Fetches) => add(&mut self.fetches, 1),
                None => {}
            },
            _ => {}
        }
    }
}
