//! `counted WORK N`: `client`, counting allocations.

use bench_task::Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    bench_clients::main()
}
