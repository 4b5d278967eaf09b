//! A `.drv` file, and the graph that it becomes part of.

#![no_main]

use nixlog_core::drv::Derivation;
use nixlog_core::graph::GraphBuilder;

libfuzzer_sys::fuzz_target!(|file: &[u8]| {
    if let Ok(derivation) = Derivation::parse(file) {
        let mut builder = GraphBuilder::default();
        builder.add_derivation(
            "/nix/store/7ajh8plhm64ypnph30js1a3lq6zsyxqr-hello-2.12.drv",
            &derivation,
        );
        drop(builder.finish_without_cycles());
    }
});
