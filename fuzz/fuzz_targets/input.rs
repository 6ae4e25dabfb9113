//! libFuzzer's entry to [`countermand_fuzz::input`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| countermand_fuzz::input(data));
