//! Schedulers that search for their names: lists among cancels, simulated.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use countermand_core::{
    Call, Endpoint, ErrorKind, GrandparentName, Page, PageQuery, Parent, ParentName, Phase, Policy,
    Request, Time,
};
use countermand_core::{Resource, Timestamp, Verdict};
use countermand_emulator::{
    Config, Emulator, Fate, NewOperation, NewParent, Quirks, Script, ServerQuota,
};
use countermand_scheduler::Quota;
use countermand_scheduler::Window;
use countermand_scheduler::{Event, List, NextStep, Progress, Scheduler};
use countermand_tests::dice::Dice;
use countermand_tests::fleet::{Note, search};
use countermand_tests::rescue::rescue;
use countermand_tests::vectors::envelope;
use http::Response;
use http::header::AUTHORIZATION;
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(100_000);

/// Events and results of a search.
#[derive(Default)]
struct Told {
    /// Requests, in order.
    sent: Vec<(Call, String)>,
    /// Lists that were read to their end.
    listed: BTreeSet<String>,
    not_listed: BTreeMap<String, ErrorKind>,
    found: BTreeSet<String>,
    verdicts: BTreeMap<String, Option<Verdict>>,
    progress: Progress,
}

/// Searches the emulator's enterprise and, if asked, cancels every pending operation that is found.
fn run(emulator: &mut Emulator, mut scheduler: Scheduler, cancel: bool) -> Told {
    let mut told = Told::default();
    let enterprise = emulator.grandparent().parse().unwrap();
    scheduler.search(List::Parents(enterprise));
    scheduler.close();
    let token = format!("Bearer {}", emulator.token());
    let mut serve = |at, request: &http::Request<&'static str>| {
        let mut request = request.clone().map(Bytes::from);
        let token = token.parse().unwrap();
        request.headers_mut().insert(AUTHORIZATION, token);
        let reply = emulator.handle(at, &request);
        reply.deliver(Duration::from_secs(10))
    };
    search(
        &mut scheduler,
        LIMIT,
        &mut serve,
        &mut |scheduler, _, note| {
            let Note::Event(event) = note else { return };
            match event {
                Event::Sent { resource, call, .. } => told.sent.push((call, resource.to_string())),
                Event::Parents {
                    grandparent,
                    parents,
                    last,
                } => {
                    for device in parents {
                        let list = List::Operations {
                            parent: device.name,
                            seen: device.active_time,
                            filter: None,
                        };
                        scheduler.search(list);
                    }
                    if last {
                        assert!(told.listed.insert(grandparent.to_string()));
                    }
                }
                Event::Operations {
                    parent: device,
                    operations,
                    last,
                } => {
                    for operation in operations.into_iter().filter(|operation| !operation.done) {
                        told.found.insert(operation.name.to_string());
                        if cancel {
                            scheduler.push(operation.name, Phase::Unsent);
                        }
                    }
                    if last {
                        assert!(told.listed.insert(device.to_string()));
                    }
                }
                Event::NotListed { resource, error } => {
                    assert_eq!(error.resource(), Some(&resource));
                    assert!(!error.maybe_delivered());
                    let kind = match error.kind() {
                        ErrorKind::NotAttempted { cause } => ErrorKind::NotAttempted {
                            cause: cause.clone(),
                        },
                        ErrorKind::NotFound(answer) => ErrorKind::NotFound(answer.clone()),
                        ErrorKind::PermissionDenied(answer) => {
                            ErrorKind::PermissionDenied(answer.clone())
                        }
                        ErrorKind::Malformed(answer) => ErrorKind::Malformed(answer.clone()),
                        kind => panic!("{kind:?}"),
                    };
                    let before = told.not_listed.insert(resource.to_string(), kind);
                    assert!(before.is_none());
                }
                Event::Finished { name, result } => {
                    let verdict = result.ok().map(|outcome| outcome.verdict);
                    let before = told.verdicts.insert(name.to_string(), verdict);
                    assert!(before.is_none());
                }
                _ => {}
            }
            told.progress = scheduler.progress(Time::START);
        },
    );
    assert_eq!(told.progress.listing, 0);
    told
}

fn device(name: &str) -> &str {
    name.split_once("/operations/")
        .map_or(name, |(device, _)| device)
}

/// Time of the last report of each device, as the server gives it.
fn seen(mut emulator: Emulator) -> BTreeMap<String, String> {
    let mut seen = BTreeMap::new();
    for name in emulator.parents() {
        let request = http::Request::get(format!("http://127.0.0.1/v1/{name}"));
        let request = request.header(AUTHORIZATION, format!("Bearer {}", emulator.token()));
        let reply = emulator.handle(Duration::ZERO, &request.body(Bytes::new()).unwrap());
        let (_, response) = reply.deliver(Duration::from_secs(10));
        let device: Value = serde_json::from_slice(response.unwrap().body()).unwrap();
        seen.insert(
            name,
            device["lastStatusReportTime"].as_str().unwrap().to_owned(),
        );
    }
    seen
}

/// Rules 1 and 7: devices are known before the first operations are listed, the device that was seen
/// last comes first, and operations are cancelled before the next list is requested.
#[test]
fn what_is_found_is_cancelled_before_the_next_list() {
    let config = Config::default().parents(150).operations(1, 2);
    let config = config.mix([(1, Fate::Cancellable)]);
    // Requests made here are not in this audit.
    let seen = seen(Emulator::new(config.clone()));
    let mut emulator = Emulator::new(config);
    let scheduler = Scheduler::new(1).in_flight(1).quota(Quota::unlimited());
    let told = run(&mut emulator, scheduler, true);
    let calls: Vec<Call> = told.sent.iter().map(|(call, _)| *call).collect();
    assert_eq!(calls[..2], [Call::ListParents; 2]);
    let (rest, looks) = told.sent[2..].split_at(300);
    for pair in rest.chunks(2) {
        let [(Call::ListOperations, listed), (Call::Cancel, cancelled)] = pair else {
            panic!("{pair:?}");
        };
        assert_eq!(device(cancelled), listed);
    }
    assert!(looks.iter().all(|(call, _)| *call == Call::Get));
    let order = rest.iter().map(|(_, name)| &seen[device(name)]);
    assert!(order.clone().is_sorted_by(|a, b| a >= b));
    assert!(order.collect::<BTreeSet<_>>().len() > 100, "they differ");
    let cancelled = told
        .verdicts
        .values()
        .filter(|verdict| **verdict == Some(Verdict::Cancelled));
    assert_eq!(cancelled.count(), 150);
}

/// If a failure passes, a search that reads all lists finds all pending operations, and every list
/// ends once.
#[test]
fn searches_miss_nothing() {
    let mut failed = 0;
    for seed in 0..30 {
        let mut dice = Dice::new(seed);
        let faults = [
            "unavailable",
            "internal",
            "bad-gateway",
            "reset-after",
            "stall",
            "truncated",
            "retry-info",
            "html-success",
            "quota",
            "go-away",
            "refused-stream",
            "not-found",
        ];
        let faults = (0..dice.below(5)).map(|_| {
            json!({ "fault": dice.pick(&faults), "method": null, "probability": 0.2, "times": 1 + dice.below(30) })
        });
        let script = Script::from_value(Value::Array(faults.collect())).unwrap();
        let mut quirks = Quirks::default();
        quirks.empty_page = dice.below(2) == 0;
        let config = Config::default()
            .seed(seed)
            .parents(1 + dice.below(60) as usize);
        let config = config.operations(dice.below(3) as usize, dice.below(130) as usize);
        let config = config.mix([(1, Fate::Stuck)]).script(script).quirks(quirks);
        let mut emulator = Emulator::new(config);
        let pending: BTreeSet<_> = emulator.pending(Duration::ZERO).into_iter().collect();
        let scheduler = Scheduler::new(seed).quota(Quota::unlimited()).probe_on();
        let told = run(&mut emulator, scheduler, false);
        let lists = 1 + emulator.parents().len();
        failed += told.not_listed.len();
        if !told.not_listed.contains_key(emulator.grandparent()) {
            assert_eq!(
                told.listed.len() + told.not_listed.len(),
                lists,
                "seed {seed}"
            );
        }
        let missed = pending.difference(&told.found);
        let missed = missed.filter(|name| told.listed.contains(device(name)));
        assert_eq!(
            missed.collect::<Vec<_>>(),
            Vec::<&String>::new(),
            "seed {seed}"
        );
        assert!(told.found.is_subset(&pending));
    }
    assert!(failed < 60, "most lists are read: {failed} were not");
}

/// A page token that repeats is an error: neither an end nor a loop.
#[test]
fn a_list_that_turns_in_circles_is_told() {
    let mut quirks = Quirks::default();
    quirks.repeat_token = true;
    let mut emulator = Emulator::new(Config::default().parents(3).quirks(quirks));
    let told = run(&mut emulator, Scheduler::new(1), false);
    let problem = &told.not_listed[emulator.grandparent()];
    assert!(
        problem.to_string().contains("repeats a page token"),
        "{problem}"
    );
    assert_eq!(told.found.len(), 3, "what stands on such a page is true");
}

/// Fault 16, for lists: an enterprise that denies access gets no more requests.
#[test]
fn an_enterprise_that_is_denied_is_not_searched() {
    let script = json!([{"fault": "forbidden-enterprise", "method": "list", "times": null}]);
    let config = Config::default().parents(50);
    let mut emulator = Emulator::new(config.script(Script::from_value(script).unwrap()));
    let scheduler = Scheduler::new(1).in_flight(2);
    let told = run(&mut emulator, scheduler, true);
    let asked = told
        .sent
        .iter()
        .filter(|(call, _)| *call == Call::ListOperations)
        .count();
    assert!((3..6).contains(&asked), "{asked} lists were asked for");
    assert_eq!(told.not_listed.len(), 50);
    let left = told.not_listed.values();
    let left = left.filter(|kind| matches!(kind, ErrorKind::NotAttempted { .. }));
    assert_eq!(left.count(), 50 - asked);
}

/// A device that is gone is reported as not found; nothing else is affected.
#[test]
fn a_device_without_a_record_is_told() {
    let mut emulator = Emulator::new(Config::default().parents(0));
    for fate in [
        Fate::Wiped {
            after: Duration::ZERO,
        },
        Fate::Cancellable,
    ] {
        let device = NewParent::with([NewOperation::new(fate)]);
        emulator.add(Duration::ZERO, device).unwrap();
    }
    let script = json!([{"fault": "not-found", "method": "list", "times": 1}]);
    emulator.set_script(Script::from_value(script).unwrap());
    let told = run(&mut emulator, Scheduler::new(1).in_flight(1), true);
    assert!(
        told.not_listed
            .values()
            .all(|kind| matches!(kind, ErrorKind::NotFound(_)))
    );
}

/// Lists obey the quota: the project's windows and those of a method on a resource.
#[test]
fn searches_keep_to_the_quota() {
    let minute = Duration::from_secs(60);
    let quota = ServerQuota::default()
        .windows([Window::new(600, minute)])
        .per_resource(Some(Window::new(60, minute)));
    let config = Config::default()
        .parents(6500)
        .operations(1, 0)
        .quota(quota);
    let mut emulator = Emulator::new(config.mix([(1, Fate::Cancellable)]));
    let quota: Quota = "600/60s".parse().unwrap();
    let policy = Policy::default().verify(false);
    let told = run(
        &mut emulator,
        Scheduler::new(1).quota(quota.share(1.0)).policy(policy),
        true,
    );
    assert_eq!(told.verdicts.len(), 6500);
    let refused = emulator
        .audit()
        .iter()
        .filter(|row| row.status == Some(429))
        .count();
    assert_eq!(refused, 0);
    let devices = told
        .sent
        .iter()
        .filter(|(call, _)| *call == Call::ListParents);
    assert_eq!(devices.count(), 65);
    assert_eq!(
        told.sent[0].1,
        Resource::Grandparent(emulator.grandparent().parse().unwrap()).as_str()
    );
}

/// Time to the cancels: searching and cancelling together, compared with searching first.
#[test]
fn a_rescue_cancels_within_seconds() {
    let (at_once, after) = (rescue(10_000, true), rescue(10_000, false));
    assert!(at_once.first < Duration::from_secs(10), "{at_once:?}");
    assert!(after.first > Duration::from_secs(900), "{after:?}");
    assert!(at_once.half * 4 < after.half * 3, "{at_once:?} {after:?}");
    assert!(
        at_once.last <= after.last + Duration::from_secs(10),
        "{at_once:?} {after:?}"
    );
}

/// An answer that is not a page of the enterprise's devices is an error.
#[test]
fn pages_of_devices_are_read_strictly() {
    let enterprise: GrandparentName = "enterprises/é".parse().unwrap();
    let page = PageQuery {
        size: 500,
        token: Some("a+b/=".parse().unwrap()),
        // The list of parents has none.
        filter: Some("done=false".parse().unwrap()),
    };
    let request = Request::ListParents(enterprise.clone(), page).http(&Endpoint::default());
    assert_eq!(
        request.uri(),
        "https://androidmanagement.googleapis.com/v1/enterprises/%C3%A9/devices\
         ?pageSize=100&pageToken=a%2Bb/%3D&fields=nextPageToken,devices(name,lastStatusReportTime)"
    );
    let parse = |body: &str| Page::<Parent>::read(&enterprise, &Response::new(body));
    let page = parse(
        r#"{"devices":[{"name":"enterprises/é/devices/1","lastStatusReportTime":"1970-01-01T00:00:01Z"},
            {"name":"enterprises/é/devices/2","lastStatusReportTime":"never","state":"ACTIVE"}],"nextPageToken":"x"}"#,
    )
    .unwrap();
    let seen = page.entries.iter().map(|device| device.active_time);
    let second = Timestamp::from_unix_millis(1000);
    assert_eq!(seen.collect::<Vec<_>>(), [Some(second), None]);
    assert_eq!(page.next_page_token.unwrap().as_str(), "x");
    assert_eq!(parse("{}").unwrap().entries, []);
    for bad in [
        r#"{"devices":[{"name":"enterprises/other/devices/1"}]}"#,
        r#"{"devices":[{"name":"enterprises/é/devices/1/operations/2"}]}"#,
        r#"{"devices":[{}]}"#,
        r#"{"error":{"code":403}}"#,
        r#"{"name":"enterprises/é"}"#,
        r#"{"devices":"#,
        "[]",
        "",
    ] {
        let error = match parse(bad) {
            Ok(page) => {
                assert_eq!(page.entries, [], "{bad}");
                page.unreadable.expect("it is counted")
            }
            Err(error) => error,
        };
        assert!(
            matches!(error.kind(), ErrorKind::Malformed(_)),
            "{bad}: {error}"
        );
    }
}

/// A device that reported lately may be on any page: its operations come first only if all pages
/// are known.
#[test]
fn lists_of_operations_wait_for_those_of_devices() {
    let start = Time::START;
    let begun = || {
        let mut scheduler = Scheduler::new(1).quota(Quota::unlimited());
        let device: ParentName = "enterprises/e/devices/d".parse().unwrap();
        scheduler.search(List::Parents(device.parent()));
        scheduler.search(List::Operations {
            parent: device,
            seen: None,
            filter: None,
        });
        scheduler.close();
        scheduler
    };
    let next = |scheduler: &mut Scheduler, now| match scheduler.next_step(now) {
        NextStep::Send(ticket, _) => Ok(ticket),
        NextStep::Wait(until) => Err(until),
        other => panic!("{other:?}"),
    };
    let wait = start + Duration::from_secs(5);

    let mut slow = begun();
    let devices = next(&mut slow, start).unwrap();
    assert_eq!(devices.call(), Call::ListParents);
    assert_eq!(next(&mut slow, start).unwrap_err(), wait);
    let early = wait - Duration::from_nanos(1);
    assert_eq!(next(&mut slow, early).unwrap_err(), wait);
    assert_eq!(next(&mut slow, wait).unwrap().call(), Call::ListOperations);

    let mut quick = begun();
    let devices = next(&mut quick, start).unwrap();
    quick.answer(
        devices,
        start,
        Ok(&Response::new(r#"{"nextPageToken":"2"}"#)),
    );
    let devices = next(&mut quick, start).unwrap();
    assert_eq!(devices.call(), Call::ListParents);
    assert_eq!(next(&mut quick, start).unwrap_err(), wait);
    quick.answer(devices, start, Ok(&Response::new("{}")));
    assert_eq!(
        next(&mut quick, start).unwrap().call(),
        Call::ListOperations
    );

    // The failed page is still to come.
    let mut failing = begun();
    let devices = next(&mut failing, start).unwrap();
    let failed = Response::builder().status(401).body(envelope(401)).unwrap();
    failing.answer(devices, start, Ok(&failed));
    assert_eq!(next(&mut failing, start).unwrap().call(), Call::ListParents);
}
