//! Time and allocations of building a request and parsing an answer.
//!
//! Prints the allocations first: they are exact, and asserted; the times are for comparison
//! within one run.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;

use countermand_core::{Endpoint, Operation, OperationName, Request as Ask};
use criterion::{Criterion, criterion_group, criterion_main};
use http::{Request, Response};

const NAME: &str = "enterprises/LC01abcd89/devices/3f00c0ffee123456/operations/1786048723669";

/// The system's allocator, counting.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call is handed to the system's allocator unchanged.
#[expect(unsafe_code, reason = "an allocator cannot be written without")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations<T>(mut work: impl FnMut() -> T) -> u64 {
    drop(work());
    let before = ALLOCATIONS.with(Cell::get);
    drop(black_box(work()));
    ALLOCATIONS.with(Cell::get) - before
}

/// The work of a program without this crate.
fn naive(name: &str) -> Request<&'static str> {
    let url = format!("https://androidmanagement.googleapis.com/v1/{name}:cancel");
    Request::post(url)
        .header("content-length", "0")
        .body("")
        .expect("a request")
}

/// An operation of 499 bytes, as the server answers when `fields` is honoured.
fn operation() -> Response<String> {
    let body = include_str!("operation.json").replace("{name}", NAME);
    assert_eq!(body.len(), 499);
    Response::new(body)
}

#[expect(clippy::print_stdout, reason = "a benchmark reports")]
fn core(criterion: &mut Criterion) {
    let name: OperationName = NAME.parse().expect("a name");
    let endpoint = Endpoint::default();
    // Of its own bytes, as one given on a command line.
    let parsed: Endpoint = endpoint.to_string().parse().expect("an endpoint");
    let (answer, empty) = (operation(), Response::new("{}"));
    let cancel = Ask::Cancel(name.clone());

    let build = allocations(|| Ask::Cancel(name.clone()).http(&endpoint));
    let build_parsed = allocations(|| Ask::Cancel(name.clone()).http(&parsed));
    let parse = allocations(|| Operation::read(name.clone(), &answer).expect("an operation"));
    println!(
        "allocations: build cancel {build}, parsed endpoint {build_parsed}, naive {}, parse operation {parse}",
        allocations(|| naive(NAME))
    );
    assert!(
        build <= 3 && build_parsed <= 3,
        "a request takes at most 3 allocations"
    );

    criterion.bench_function("build cancel", |b| {
        b.iter(|| Ask::Cancel(black_box(&name).clone()).http(black_box(&endpoint)))
    });
    criterion.bench_function("build cancel, naive", |b| b.iter(|| naive(black_box(NAME))));
    criterion.bench_function("parse name", |b| {
        b.iter(|| black_box(NAME).parse::<OperationName>())
    });
    criterion.bench_function("parse cancel", |b| {
        b.iter(|| cancel.read(black_box(&empty)))
    });
    criterion.bench_function("parse operation, floor: skipped by serde_json", |b| {
        b.iter(|| serde_json::from_str::<serde::de::IgnoredAny>(black_box(answer.body())))
    });
    criterion.bench_function("parse operation, naive: serde_json's Value", |b| {
        b.iter(|| serde_json::from_str::<serde_json::Value>(black_box(answer.body())))
    });
    criterion.bench_function("parse operation", |b| {
        b.iter(|| Operation::read(black_box(&name).clone(), black_box(&answer)))
    });
}

criterion_group!(benches, core);
criterion_main!(benches);
