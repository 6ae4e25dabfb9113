//! libFuzzer's entry to [`countermand_fuzz::job`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| countermand_fuzz::job(data));
