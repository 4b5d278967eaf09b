//! `.drv` files of a store, and all that they need.

use std::fs;
use std::io;
use std::path::Path;

use nixlog_core::drv::Derivation;
use nixlog_core::graph::GraphBuilder;
use rayon::prelude::*;

/// What to do with files: those that were read, with their base names, and those that could not be.
pub(crate) trait Sink {
    fn builder(&mut self) -> &mut GraphBuilder;
    fn found(&mut self, base: &str, derivation: &Derivation<'_>, file: &[u8]);
    fn unreadable(&mut self, path: &Path, error: &io::Error);
}

/// Reads missing derivations, then those that these need, until there are no more. Those that are not
/// there stay missing.
///
/// Reading is nearly all of it: on several threads, a level of the graph at a time.
pub(crate) fn read_missing(files: &Path, sink: &mut impl Sink) {
    let mut seen = 0;
    loop {
        let missing: Vec<String> = sink.builder().missing(seen).map(str::to_owned).collect();
        seen = sink.builder().len();
        if missing.is_empty() {
            return;
        }
        let read: Vec<io::Result<Vec<u8>>> = missing
            .par_iter()
            .map(|base| fs::read(files.join(base)))
            .collect();
        for (base, file) in missing.iter().zip(read) {
            let file = match file {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => {
                    sink.unreadable(&files.join(base), &error);
                    continue;
                }
            };
            match Derivation::parse(&file) {
                Ok(derivation) => {
                    sink.builder().add_derivation(base, &derivation);
                    sink.found(base, &derivation, &file);
                }
                Err(error) => sink.unreadable(&files.join(base), &io::Error::other(error)),
            }
        }
    }
}
