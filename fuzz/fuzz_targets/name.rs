//! libFuzzer's entry to [`countermand_fuzz::name`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| countermand_fuzz::name(data));
