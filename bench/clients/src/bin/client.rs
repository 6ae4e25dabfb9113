//! `client WORK N`, with `BENCH_CLIENT` `raw` or `ours`: see `bench_task::Task`.
//!
//! Both are one program, so that nothing but what they do can differ.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    bench_clients::main()
}
