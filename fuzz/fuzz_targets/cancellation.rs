//! libFuzzer's entry to [`countermand_fuzz::cancellation`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| countermand_fuzz::cancellation(data));
