//! Any bytes, read as a log: every report, in every format.

#![no_main]

libfuzzer_sys::fuzz_target!(|log: &[u8]| nixlog_fuzz::every_report(log));
