//! The open activities, found by Nix's number.

use super::super::Map;
use super::build::Build;
use super::model::TaskKind;
use super::ticks::Ticks;
use crate::time::Stamp;

/// A place in the table of open activities; taken again by another once it is free.
pub(super) type Slot = u32;

/// What an open activity is.
#[derive(Debug)]
pub(super) enum Kind {
    Build(Box<Build>),
    /// What a remote daemon says of a build that is open under another number.
    NestedBuild {
        outer: Slot,
        outer_id: u64,
    },
    /// The counters of a call's builds.
    Builds(Box<Ticks>),
    /// The counters of a call's substitutions.
    Fetches {
        failed: u64,
        planned: Option<u64>,
    },
    /// A call, which has the estimates.
    Call {
        download: u64,
        unpacked: u64,
    },
    /// Something that is shown while it is open.
    Task(Box<Doing>),
    /// A cache is asked for something.
    Query(Box<str>),
    /// A file transfer that is a part of something else.
    Transfer(Transfer),
    /// The evaluation of a flake's attribute.
    Attribute,
    Other,
}

/// What a [`Task`](super::Task) is made from.
#[derive(Debug)]
pub(super) struct Doing {
    pub(super) kind: TaskKind,
    pub(super) subject: Box<str>,
    pub(super) place: Option<Box<str>>,
    /// The bytes of the store path are counted: it comes to this store.
    pub(super) unpacks: bool,
    /// Where this is shown as another task, a copy as its substitution: that one's number.
    pub(super) part_of: Option<u64>,
    /// A copy has got its download.
    pub(super) has_transfer: bool,
}

/// What a file transfer is for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Transfer {
    /// The archive of a store path.
    Archive,
    /// A question to a cache, or an upload: nothing that anybody waits for bytes of.
    Small,
}

/// An open activity.
#[derive(Debug)]
pub(super) struct Activity {
    pub(super) id: u64,
    pub(super) since: Option<Stamp>,
    /// Progress, in the unit of its kind.
    pub(super) done: u64,
    pub(super) expected: u64,
    pub(super) kind: Kind,
}

/// All open activities.
#[derive(Debug, Default)]
pub(super) struct Open {
    slots: Vec<Option<Activity>>,
    free: Vec<Slot>,
    by_id: Map<u64, Slot>,
    /// The one asked for last: most lines name the same activity as the line before.
    last: Option<(u64, Slot)>,
    /// The same of progress, which otherwise alternates with the lines of a build's log.
    last_counting: Option<(u64, Slot)>,
}

impl Open {
    /// Adds an activity; whatever is open under the same number must be taken first.
    pub(super) fn add(&mut self, activity: Activity) -> Slot {
        let id = activity.id;
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot as usize] = Some(activity);
                slot
            }
            None => {
                let slot = Slot::try_from(self.slots.len())
                    .expect("fewer than 2^32 activities fit into memory");
                self.slots.push(Some(activity));
                slot
            }
        };
        self.by_id.insert(id, slot);
        slot
    }

    /// Takes an activity out.
    pub(super) fn take(&mut self, id: u64) -> Option<(Slot, Activity)> {
        let slot = self.by_id.remove(&id)?;
        (self.last, self.last_counting) = (None, None);
        self.free.push(slot);
        Some((slot, self.slots[slot as usize].take()?))
    }

    /// Finds an activity.
    #[inline]
    pub(super) fn find(&mut self, id: u64) -> Option<Slot> {
        if let Some((last, slot)) = self.last
            && last == id
        {
            return Some(slot);
        }
        let slot = *self.by_id.get(&id)?;
        self.last = Some((id, slot));
        Some(slot)
    }

    /// Finds an activity, for progress.
    #[inline]
    pub(super) fn find_counting(&mut self, id: u64) -> Option<Slot> {
        if let Some((last, slot)) = self.last_counting
            && last == id
        {
            return Some(slot);
        }
        let slot = *self.by_id.get(&id)?;
        self.last_counting = Some((id, slot));
        Some(slot)
    }

    #[inline]
    pub(super) fn kind(&self, slot: Slot) -> Option<&Kind> {
        let activity = self.slots.get(slot as usize)?.as_ref()?;
        Some(&activity.kind)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, slot: Slot) -> Option<&mut Activity> {
        self.slots.get_mut(slot as usize)?.as_mut()
    }

    /// Finds the build in a place, if it still is the one with that number.
    #[inline]
    pub(super) fn build_mut(&mut self, slot: Slot, id: u64) -> Option<&mut Build> {
        match self.get_mut(slot)? {
            Activity {
                id: found,
                kind: Kind::Build(build),
                ..
            } if *found == id => Some(build),
            _ => None,
        }
    }

    /// Finds the counters with a number.
    pub(super) fn ticks_mut(&mut self, id: u64) -> Option<&mut Ticks> {
        let slot = *self.by_id.get(&id)?;
        match &mut self.get_mut(slot)?.kind {
            Kind::Builds(ticks) => Some(ticks),
            _ => None,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// Tells whether an activity is open.
    pub(super) fn has(&self, id: u64) -> bool {
        self.by_id.contains_key(&id)
    }

    /// Finds the task with a number.
    pub(super) fn task_mut(&mut self, id: u64) -> Option<&mut Doing> {
        let slot = *self.by_id.get(&id)?;
        match &mut self.get_mut(slot)?.kind {
            Kind::Task(doing) => Some(doing),
            _ => None,
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Activity> {
        self.slots.iter().flatten()
    }

    /// Iterates over the tasks.
    pub(super) fn tasks(&self) -> impl Iterator<Item = (&Activity, &Doing)> {
        self.iter().filter_map(|activity| match &activity.kind {
            Kind::Task(doing) => Some((activity, &**doing)),
            _ => None,
        })
    }

    /// Iterates over the builds.
    pub(super) fn builds(&self) -> impl Iterator<Item = (&Activity, &Build)> {
        self.iter().filter_map(|activity| match &activity.kind {
            Kind::Build(build) => Some((activity, &**build)),
            _ => None,
        })
    }

    /// Iterates over the counters of builds.
    pub(super) fn ticks(&self) -> impl Iterator<Item = (u64, &Ticks)> {
        self.iter().filter_map(|activity| match &activity.kind {
            Kind::Builds(ticks) => Some((activity.id, &**ticks)),
            _ => None,
        })
    }
}
