//! Any lines behind the header of a recording: side lines count, and stamps are taken as they are.

#![no_main]

const HEADER: &[u8] = b"0 @nixlog {\"type\":\"header\",\"format\":1}\n";

libfuzzer_sys::fuzz_target!(|lines: &[u8]| {
    nixlog_fuzz::every_report(&[HEADER, lines].concat());
});
