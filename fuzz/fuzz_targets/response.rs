//! libFuzzer's entry to [`countermand_fuzz::response`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| countermand_fuzz::response(data));
