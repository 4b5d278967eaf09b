//! What `nix path-info --json` prints, and the graph that it becomes.

#![no_main]

use nixlog_core::drv::path_infos;
use nixlog_core::graph::GraphBuilder;

libfuzzer_sys::fuzz_target!(|json: &[u8]| {
    if let Ok(all) = path_infos(json) {
        let mut builder = GraphBuilder::default();
        for info in &all {
            builder.add_path_info(info);
        }
        drop(builder.finish_without_cycles());
    }
});
