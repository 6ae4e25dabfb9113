//! The fates of operations, as the API shows them and as they are.

use std::time::Duration;

use crate::common::{self, T0, cancel, get, secs, single};
use countermand_core::Service;
use countermand_emulator::{
    Config, Emulator, Expiry, Fate, FinishedCancel, NewOperation, NewParent, NoCancel, Quirks,
    Shape, State,
};
use serde_json::json;

fn of(fate: Fate) -> (Emulator, String) {
    single(Config::default(), NewOperation::new(fate))
}

fn quirky(fate: Fate, quirks: Quirks) -> (Emulator, String) {
    single(Config::default(), NewOperation::new(fate).quirks(quirks))
}

fn state(emulator: &Emulator, now: Duration, name: &str) -> State {
    let truth = emulator.truth_of(now, name).unwrap();
    assert_eq!(truth.cancelled, truth.state == State::Cancelled);
    truth.state
}

const AFTER: Duration = Duration::from_secs(5);

#[test]
fn cancellable_is_pending_until_a_cancel_works() {
    let (mut emulator, name) = of(Fate::Cancellable);
    let (_, before) = get(&mut emulator, secs(1), &name);
    assert_eq!(before.get("done"), None);
    assert_eq!(before["metadata"]["type"], "WIPE");
    assert_eq!(cancel(&mut emulator, secs(2), &name), (200, json!({})));
    let (_, after) = get(&mut emulator, secs(2), &name);
    assert_eq!(
        (&after["done"], &after["error"]["code"]),
        (&json!(true), &json!(1))
    );
    assert_eq!(after.get("response"), None);
    assert_eq!(
        after["metadata"].get("errorCode"),
        None,
        "not set when cancelled by the caller"
    );
    assert_eq!(state(&emulator, secs(2), &name), State::Cancelled);
}

#[test]
fn acknowledged_is_lost_after_its_time_and_saved_before() {
    for (asked, expected) in [
        (4, State::Cancelled),
        (5, State::Completed),
        (6, State::Completed),
    ] {
        let (mut emulator, name) = of(Fate::Acknowledged { after: AFTER });
        assert_eq!(cancel(&mut emulator, secs(asked), &name).0, 200);
        assert_eq!(
            state(&emulator, secs(9), &name),
            expected,
            "asked at {asked}"
        );
        let shown = get(&mut emulator, secs(9), &name).1;
        assert_eq!(shown["done"], true);
        assert_eq!(
            shown.get("response").is_some(),
            expected == State::Completed
        );
    }
}

#[test]
fn completes_although_the_cancel_was_accepted() {
    let (mut emulator, name) = of(Fate::Completes { after: AFTER });
    assert_eq!(cancel(&mut emulator, secs(1), &name), (200, json!({})));
    assert_eq!(get(&mut emulator, secs(4), &name).1.get("done"), None);
    assert_eq!(get(&mut emulator, secs(5), &name).1["error"], json!(null));
    assert_eq!(state(&emulator, secs(5), &name), State::Completed);
}

#[test]
fn wiped_takes_the_device_along_unless_cancelled_before() {
    let (mut emulator, name) = of(Fate::Wiped { after: AFTER });
    let device = name.split("/operations/").next().unwrap().to_owned();
    assert_eq!(get(&mut emulator, secs(4), &device).0, 200);
    assert_eq!(cancel(&mut emulator, secs(5), &name).0, 404);
    for gone in [&name, &device, &format!("{device}/operations")] {
        assert_eq!(get(&mut emulator, secs(5), gone).0, 404, "{gone}");
    }
    let devices = format!("{}/devices", emulator.grandparent());
    let listed = get(&mut emulator, secs(5), &devices);
    assert_eq!(listed, (200, json!({})));

    let (mut emulator, name) = of(Fate::Wiped { after: AFTER });
    cancel(&mut emulator, secs(4), &name);
    assert_eq!(state(&emulator, secs(60), &name), State::Cancelled);
    assert_eq!(get(&mut emulator, secs(60), &name).0, 200);
}

#[test]
fn purged_and_vanished_operations_are_404_and_their_device_is_not() {
    let (mut emulator, name) = of(Fate::Purged { after: AFTER });
    assert_eq!(cancel(&mut emulator, secs(1), &name).0, 200);
    assert_eq!(get(&mut emulator, secs(4), &name).0, 200);
    let (status, body) = get(&mut emulator, secs(5), &name);
    assert_eq!(
        (status, &body["error"]["message"]),
        (404, &json!("Requested entity was not found."))
    );
    assert_eq!(state(&emulator, secs(5), &name), State::Gone);

    let (mut emulator, name) = of(Fate::Vanishes);
    assert_eq!(get(&mut emulator, secs(1), &name).0, 200);
    assert_eq!(cancel(&mut emulator, secs(1), &name).0, 200);
    assert_eq!(get(&mut emulator, secs(1), &name).0, 404);
    let device = name.split("/operations/").next().unwrap().to_owned();
    assert_eq!(get(&mut emulator, secs(1), &device).0, 200);
}

#[test]
fn expiry_has_the_shape_of_its_quirk() {
    for expiry in [Expiry::Pending, Expiry::Error4, Expiry::NotFound] {
        let operation = NewOperation::new(Fate::Expires).duration(10);
        let config = Config::default().quirks(Quirks::default().expiry(expiry));
        let (mut emulator, name) = single(config, operation);
        assert_eq!(cancel(&mut emulator, secs(9), &name).0, 200);
        assert_eq!(state(&emulator, secs(9), &name), State::Pending);
        assert_eq!(state(&emulator, secs(10), &name), State::Expired);
        let (status, shown) = get(&mut emulator, secs(10), &name);
        match expiry {
            Expiry::Pending => assert_eq!((status, shown.get("done")), (200, None)),
            Expiry::Error4 => assert_eq!(
                (&shown["done"], &shown["error"]["code"]),
                (&json!(true), &json!(4))
            ),
            Expiry::NotFound => assert_eq!(status, 404),
        }
    }
    // A cancel in time is a cancel, also for what would have expired.
    let (mut emulator, name) = single(
        Config::default(),
        NewOperation::new(Fate::Cancellable).duration(10),
    );
    cancel(&mut emulator, secs(9), &name);
    assert_eq!(state(&emulator, secs(99), &name), State::Cancelled);
}

#[test]
fn stuck_stays_pending_for_ever() {
    let (mut emulator, name) = of(Fate::Stuck);
    assert_eq!(cancel(&mut emulator, secs(1), &name).0, 200);
    let year = secs(365 * 24 * 3600);
    assert_eq!(get(&mut emulator, year, &name).1.get("done"), None);
    assert_eq!(state(&emulator, year, &name), State::Pending);
}

#[test]
fn fails_with_its_code() {
    let (mut emulator, name) = of(Fate::Fails {
        after: AFTER,
        code: 9,
    });
    let shown = get(&mut emulator, secs(5), &name).1;
    assert_eq!(
        (&shown["done"], &shown["error"]["code"]),
        (&json!(true), &json!(9))
    );
    assert_eq!(shown["metadata"]["errorCode"], "UNKNOWN");
    assert_eq!(state(&emulator, secs(5), &name), State::Failed);
}

#[test]
fn a_cancel_of_a_finished_operation_answers_as_its_quirk_says() {
    for (quirk, status) in [
        (FinishedCancel::Ok, 200),
        (FinishedCancel::FailedPrecondition, 400),
        (FinishedCancel::NotFound, 404),
    ] {
        let quirks = Quirks::default().finished_cancel(quirk);
        let (mut emulator, name) = quirky(Fate::Acknowledged { after: T0 }, quirks);
        assert_eq!(cancel(&mut emulator, secs(1), &name).0, status);
        assert_eq!(get(&mut emulator, secs(1), &name).0, 200);
        assert_eq!(state(&emulator, secs(1), &name), State::Completed);
    }
}

#[test]
fn a_slow_cancel_can_lose_against_the_device() {
    let quirks = Quirks::default().cancel_delay(secs(3));
    for (asked, expected) in [(1, State::Cancelled), (3, State::Completed)] {
        let (mut emulator, name) = quirky(Fate::Acknowledged { after: AFTER }, quirks);
        cancel(&mut emulator, secs(asked), &name);
        assert_eq!(state(&emulator, secs(asked), &name), State::Pending);
        assert_eq!(state(&emulator, secs(9), &name), expected);
    }
}

#[test]
fn shapes_of_a_finished_operation() {
    let (mut emulator, name) = quirky(
        Fate::Completes { after: T0 },
        Quirks::default().shape(Shape::NoResult),
    );
    let shown = get(&mut emulator, T0, &name).1;
    assert_eq!(
        (&shown["done"], shown.get("error"), shown.get("response")),
        (&json!(true), None, None)
    );

    let (mut emulator, name) = quirky(Fate::Cancellable, Quirks::default().shape(Shape::Both));
    cancel(&mut emulator, T0, &name);
    let shown = get(&mut emulator, T0, &name).1;
    assert!(
        shown.get("response").is_some() && shown["error"]["code"] == 1,
        "{shown}"
    );

    // The trap: a code without done says nothing, here about an operation that then completes.
    let quirks = Quirks::default().shape(Shape::CodeWithoutDone);
    let (mut emulator, name) = quirky(Fate::Completes { after: AFTER }, quirks);
    get(&mut emulator, T0, &name);
    cancel(&mut emulator, T0, &name);
    let shown = get(&mut emulator, T0, &name).1;
    assert_eq!(
        (shown.get("done"), &shown["error"]["code"]),
        (None, &json!(1))
    );
    let shown = get(&mut emulator, AFTER, &name).1;
    assert_eq!((&shown["done"], shown.get("error")), (&json!(true), None));

    let quirks = Quirks::default()
        .shape(Shape::Flapping)
        .cancel_delay(secs(1));
    let (mut emulator, name) = quirky(Fate::Cancellable, quirks);
    cancel(&mut emulator, T0, &name);
    assert_eq!(get(&mut emulator, T0, &name).1.get("done"), None);
    let dones: Vec<bool> = (0..4)
        .map(|_| get(&mut emulator, secs(1), &name).1["done"] == true)
        .collect();
    assert_eq!(dones, [true, false, true, false]);
}

#[test]
fn oddities_of_one_operation_leave_its_neighbour_alone() {
    let mut quirks = Quirks::default();
    quirks.other_name = true;
    quirks.no_metadata = true;
    quirks.extras = true;
    let odd = NewOperation::new(Fate::Cancellable).quirks(quirks);
    let (mut emulator, names) = common::with(
        Config::default(),
        [odd, NewOperation::new(Fate::Cancellable)],
    );
    let shown = get(&mut emulator, T0, &names[0]).1;
    assert_ne!(shown["name"], names[0].as_str());
    assert_eq!(
        (shown.get("metadata"), &shown["error"]["code"]),
        (None, &json!(1))
    );
    assert!(shown.get("provenance").is_some());
    assert_eq!(state(&emulator, T0, &names[0]), State::Pending);
    let shown = get(&mut emulator, T0, &names[1]).1;
    assert_eq!(
        (&shown["name"], shown.get("error")),
        (&json!(names[1]), None)
    );
}

#[test]
fn servers_without_cancel_and_with_500_for_404() {
    let mut quirks = Quirks::default();
    quirks.no_cancel = Some(NoCancel::FailedPrecondition);
    quirks.missing_is_500 = true;
    let (mut emulator, name) = single(
        Config::default().quirks(quirks),
        NewOperation::new(Fate::Cancellable),
    );
    let mut refused = |status: u16, word: &str| {
        let (answered, body) = cancel(&mut emulator, T0, &name);
        assert_eq!((answered, &body["error"]["status"]), (status, &json!(word)));
        assert_eq!(state(&emulator, T0, &name), State::Pending);
        quirks.no_cancel = Some(NoCancel::Unimplemented);
        emulator.set_quirks(quirks);
    };
    refused(400, "FAILED_PRECONDITION");
    refused(501, "UNIMPLEMENTED");
    let (status, body) = get(&mut emulator, T0, &format!("{name}9"));
    assert_eq!(
        (status, &body["error"]["message"]),
        (500, &json!("Requested entity was not found."))
    );
}

/// A server may write the number of a project in place of its id: the operation is the same.
#[test]
fn names_may_have_the_number_of_their_project() {
    let service = Service::named("documentai.v1").unwrap();
    let mut emulator = Emulator::new(Config::default().service(service).parents(0));
    let mut quirks = Quirks::default();
    quirks.project_number = true;
    let operation = NewOperation::new(Fate::Cancellable).quirks(quirks);
    let location = NewParent::with([operation]).name("projects/p/locations/us");
    let name = emulator.add(T0, location).unwrap().operations.remove(0);
    let (status, shown) = get(&mut emulator, T0, &name);
    let expected = name.replace("projects/p/", "projects/123456789012/");
    assert_eq!((status, &shown["name"]), (200, &json!(expected)));
    assert_ne!(expected, name);
    // The name that was shown is one.
    assert_eq!(get(&mut emulator, T0, &expected), (200, shown));
    let (status, _) = get(&mut emulator, T0, &expected.replace("123456789012", "4"));
    assert_eq!(status, 403);
}
