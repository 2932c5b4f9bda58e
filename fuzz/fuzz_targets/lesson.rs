#![no_main]

#[path = "../../tests/hostile/targets.rs"]
#[allow(dead_code, reason = "each program uses one of them")]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::lesson(data));
