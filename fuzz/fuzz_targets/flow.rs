//! libFuzzer's entry to [`countermand_fuzz::flow`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| countermand_fuzz::flow(data));
