//! How many builds can run at once, before anything runs.

use std::ffi::OsStr;
use std::thread::available_parallelism;

use nixlog_core::recording::{Contents, Header};
use nixlog_core::report::estimated::PlannedSlots;

use crate::nix::settings::settings;

/// On how many slots.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub(crate) struct SlotArgs {
    /// Builds at once; by default as many as Nix is set to
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_jobs: Option<u32>,
}

impl SlotArgs {
    /// Returns how many a command has, which may say so itself, and where that is from.
    pub(crate) fn find_for(self, command: Vec<String>) -> (u32, PlannedSlots) {
        let mut contents = Contents::default();
        contents.header = Some(Box::new(Header {
            command,
            ..Header::default()
        }));
        let told = contents.max_jobs().filter(|&jobs| jobs > 0);
        match told.filter(|_| self.max_jobs.is_none()) {
            Some(told) => (told, PlannedSlots::Given),
            None => self.find(),
        }
    }

    /// Returns how many, and where that is from.
    pub(crate) fn find(self) -> (u32, PlannedSlots) {
        if let Some(given) = self.max_jobs {
            return (given, PlannedSlots::Given);
        }
        let set = settings(OsStr::new("nix"));
        let set = set.and_then(|it| it.settings.get("max-jobs")?.as_u64());
        match set
            .and_then(|it| u32::try_from(it).ok())
            .filter(|&it| it > 0)
        {
            Some(set) => (set, PlannedSlots::Settings),
            None => {
                let cores = available_parallelism().map_or(1, usize::from);
                (
                    u32::try_from(cores).unwrap_or(u32::MAX),
                    PlannedSlots::Cores,
                )
            }
        }
    }
}
