//! libFuzzer's entry to [`countermand_fuzz::campaign`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| countermand_fuzz::campaign(data));
