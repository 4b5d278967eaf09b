//! What `nix derivation show` prints, and the graph that it becomes.

#![no_main]

use nixlog_core::drv::shown;
use nixlog_core::graph::GraphBuilder;

libfuzzer_sys::fuzz_target!(|json: &[u8]| {
    if let Ok(all) = shown(json) {
        let mut builder = GraphBuilder::default();
        for derivation in &all {
            builder.add_shown(derivation);
        }
        drop(builder.finish_without_cycles());
    }
});
