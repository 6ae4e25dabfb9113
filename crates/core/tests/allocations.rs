//! How much memory management a request costs: a number, not a time.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use countermand_core::{Endpoint, OperationName, wire};

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

#[test]
fn a_request_takes_at_most_three() {
    let name: OperationName =
        "enterprises/LC01abcd89/devices/3f00c0ffee123456/operations/1786048723669"
            .parse()
            .expect("a name");
    for endpoint in [
        "https://androidmanagement.googleapis.com/v1",
        "http://127.0.0.1:8080",
    ] {
        let endpoint: Endpoint = endpoint.parse().expect("an endpoint");
        // What is shared is made with the first one.
        drop(wire::cancel(&endpoint, &name));
        let before = ALLOCATIONS.with(Cell::get);
        let request = wire::cancel(&endpoint, &name);
        let cancel = ALLOCATIONS.with(Cell::get) - before;
        let get = wire::get(&endpoint, &name);
        let both = ALLOCATIONS.with(Cell::get) - before;
        assert!(
            (1..=3).contains(&cancel) && both - cancel <= cancel,
            "{cancel}, {both}"
        );
        drop((request, get));
    }
}
