//! A rescue under a quota: operations that are found are cancelled before the next list or get.

use std::time::Duration;

use countermand_core::{Call, OperationName, Phase, Time};
use countermand_scheduler::{Event, List, Scheduler};
use countermand_scheduler::{Quota, RateLimiter};
use countermand_tests::fleet::{Note, search};
use countermand_tests::server::{Delivery, answer, works};
use http::Request;

const ENTERPRISE: &str = "enterprises/LC01abcd89";
const LIMIT: Duration = Duration::from_secs(100_000);

/// The number of pending operations of a device.
type Pending = fn(usize) -> usize;

/// A fleet whose devices each have some pending operations, behind a server with a delay.
struct Fleet {
    pending: Pending,
    devices: usize,
    latency: Duration,
}

/// A run of a rescue.
#[derive(Debug, Default)]
struct Told {
    /// Each request that left: its time and its method.
    sent: Vec<(Duration, Call)>,
    /// The delay from the page that showed an operation to its cancel.
    waited: Vec<Duration>,
    ended: Duration,
}

fn device(number: usize) -> String {
    format!("{ENTERPRISE}/devices/{number:016x}")
}

fn operation(device: usize, number: usize) -> OperationName {
    let name = format!("{}/operations/{}", self::device(device), number + 1);
    name.parse().unwrap()
}

impl Fleet {
    fn serve(&self, request: &Request<&'static str>) -> Delivery {
        let path = request.uri().path().trim_start_matches("/v1/");
        let (_, answered) = if let Some(device) = path.strip_suffix("/operations") {
            let number = usize::from_str_radix(device.rsplit('/').next().unwrap(), 16).unwrap();
            let names = (0..(self.pending)(number))
                .map(|one| format!(r#"{{"name":"{}"}}"#, operation(number, one)));
            let names = names.collect::<Vec<_>>().join(",");
            answer(200, format!(r#"{{"operations":[{names}]}}"#))
        } else if path.ends_with("/devices") {
            let query = request.uri().query().unwrap_or_default();
            let mut parts = query.split('&');
            let token = parts.find_map(|part| part.strip_prefix("pageToken="));
            let from = token.map_or(0, |token| token.parse().unwrap());
            let to = (from + 100).min(self.devices);
            let names = (from..to).map(|number| format!(r#"{{"name":"{}"}}"#, device(number)));
            let names = names.collect::<Vec<_>>().join(",");
            let next = match to < self.devices {
                true => format!(r#","nextPageToken":"{to}""#),
                false => String::new(),
            };
            answer(200, format!(r#"{{"devices":[{names}]{next}}}"#))
        } else {
            works(request)
        };
        (self.latency, answered)
    }

    /// Searches the fleet and cancels the operations found; `known` of them were found before.
    fn rescue(&self, quota: Quota, known: &[(OperationName, Phase)]) -> Told {
        let mut scheduler = Scheduler::new(1).quota(quota);
        for (name, phase) in known {
            scheduler.push(name.clone(), *phase);
        }
        scheduler.search(List::Parents(ENTERPRISE.parse().unwrap()));
        scheduler.close();
        let mut told = Told::default();
        let mut found = std::collections::HashMap::new();
        (told.ended, _) = search(
            &mut scheduler,
            LIMIT,
            &mut |_, request| self.serve(request),
            &mut |scheduler, now, note| match note {
                Note::Event(Event::Parents { parents, .. }) => {
                    for parent in parents {
                        let (parent, seen) = (parent.name, None);
                        scheduler.search(List::Operations {
                            parent,
                            seen,
                            filter: None,
                        });
                    }
                }
                Note::Event(Event::Operations { operations, .. }) => {
                    for operation in operations {
                        if scheduler.push(operation.name.clone(), Phase::Unsent) {
                            found.insert(operation.name.to_string(), now);
                        }
                    }
                }
                Note::Event(Event::Sent { call, resource, .. }) => {
                    told.sent.push((now, call));
                    if call == Call::Cancel
                        && let Some(at) = found.get(resource.as_str())
                    {
                        told.waited.push(now - *at);
                    }
                }
                _ => {}
            },
        );
        told
    }

    fn operations(&self) -> usize {
        (0..self.devices).map(self.pending).sum()
    }
}

impl Told {
    fn count(&self, call: Call) -> usize {
        self.sent.iter().filter(|(_, of)| *of == call).count()
    }

    fn last_cancel(&self) -> Duration {
        let mut sent = self.sent.iter().rev();
        sent.find(|(_, call)| *call == Call::Cancel).unwrap().0
    }

    /// Number of operations that were known for longer than this before their cancel left.
    fn waited_longer(&self, than: Duration) -> usize {
        self.waited.iter().filter(|waited| **waited > than).count()
    }
}

/// The moment at which the last of `requests` requests can leave, if each leaves as early as the
/// quota and 200 requests a second allow.
fn bound(quota: &Quota, requests: usize) -> Duration {
    let begun = Time::START;
    let mut limiter = RateLimiter::new(quota.clone());
    let mut now = begun;
    for number in 0..requests {
        now = limiter.project_allowed(now);
        limiter.record_call(now, Call::Cancel, &number.to_string());
        now += Duration::from_millis(5);
    }
    now - begun
}

fn quota(text: &str) -> Quota {
    text.parse::<Quota>().unwrap().share(1.0)
}

/// Every device, few of them, the first of them, and many operations of a device, with windows that
/// are short and long beside the time that an answer takes: the last cancel and the last verdict
/// come when the quota allows the requests that they need, within some round trips.
#[test]
fn a_rescue_is_as_quick_as_its_quota() {
    for (pending, prompt) in FLEETS {
        for text in [
            "300/60s",
            "600/60s,1000/100s",
            "60/10s",
            "20/1s",
            "1000/100s",
        ] {
            for latency in [80, 2000].map(Duration::from_millis) {
                let fleet = Fleet {
                    pending,
                    devices: 500,
                    latency,
                };
                let quota = quota(text);
                let told = fleet.rescue(quota.clone(), &[]);
                let operations = fleet.operations();
                assert_eq!(told.count(Call::Cancel), operations);
                let requests = 5 + 500 + operations;
                let trips = latency * 10 + Duration::from_secs(2);
                let shown = || format!("{operations} operations, {text}, {latency:?}");
                let last = told.last_cancel();
                assert!(
                    last <= bound(&quota, requests) + trips,
                    "{last:?} {}",
                    shown()
                );
                let ended = told.ended;
                let bound = bound(&quota, requests + operations);
                assert!(ended <= bound + trips, "{ended:?} {}", shown());
                let mean = told.waited.iter().sum::<Duration>() / operations as u32;
                let most = Duration::from_secs(if prompt { 2 } else { 10 });
                assert!(mean <= most, "{mean:?} {}", shown());
            }
        }
    }
}

/// Number of operations of a device; and whether each cancel can follow its list at once, because no
/// list brings more of them than the lists before.
const FLEETS: [(Pending, bool); 6] = [
    (|_| 1, true),
    (|device| usize::from(device % 20 == 7), true),
    (|device| usize::from(device < 74), true),
    (|device| if device % 10 == 3 { 20 } else { 0 }, false),
    (|_| 5, false),
    (|device| usize::from(device > 250), false),
];

/// Lists do not use up a window before the cancels of the operations that they find.
#[test]
fn lists_leave_room_for_what_they_find() {
    for latency in [80, 2000].map(Duration::from_millis) {
        let fleet = Fleet {
            pending: |_| 1,
            devices: 400,
            latency,
        };
        let told = fleet.rescue(quota("300/60s"), &[]);
        let minute = Duration::from_secs(60);
        let lists = told.sent.iter().filter(|(at, _)| *at < minute);
        let lists = lists
            .filter(|(_, call)| *call == Call::ListOperations)
            .count();
        assert!((140..150).contains(&lists), "{lists} lists, {latency:?}");
        assert_eq!(told.waited_longer(Duration::from_secs(5)), 0, "{latency:?}");
    }
}

/// A resumed rescue: operations accepted earlier are polled when all others are cancelled.
#[test]
fn a_rescue_that_goes_on_cancels_before_it_looks() {
    for text in ["60/10s", "100/60s", "300/60s"] {
        for latency in [80, 2000].map(Duration::from_millis) {
            let fleet = Fleet {
                pending: |_| 1,
                devices: 300,
                latency,
            };
            let phase = |number| match number {
                0..113 => Phase::Accepted,
                _ => Phase::Unsent,
            };
            let known = (0..178).map(|number| (operation(300 + number, 0), phase(number)));
            let quota = quota(text);
            let told = fleet.rescue(quota.clone(), &known.collect::<Vec<_>>());
            assert_eq!(told.count(Call::Cancel), 65 + 300);
            let mut first = told.sent[..65].iter();
            assert!(first.all(|(_, call)| *call == Call::Cancel));
            let calls = told.sent.iter().map(|(_, call)| *call);
            let searched = calls.clone().take_while(|call| *call != Call::Get);
            let lists = searched
                .filter(|call| *call == Call::ListOperations)
                .count();
            assert_eq!(lists, 300, "{text} {latency:?}");
            let late = told.waited_longer(Duration::from_secs(5));
            assert_eq!(late, 0, "{text} {latency:?}");
            let bound = bound(&quota, 65 + 3 + 300 + 300 + 478);
            assert!(told.ended <= bound + latency * 7 + Duration::from_secs(2));
        }
    }
}
