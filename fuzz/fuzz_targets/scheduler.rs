//! libFuzzer's entry to [`countermand_fuzz::scheduler`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| countermand_fuzz::scheduler(data));
