//! A second service goes through every layer as a description alone: names, requests, the machine, the
//! scheduler, searches and the emulator.

use std::collections::BTreeMap;
use std::future::ready;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use countermand_core::{
    Call, CancelMethod, Cancellation, Endpoint, ErrorKind, GrandparentName, Level, NameErrorKind,
    NamePattern, OperationName, OperationReader, PageQuery, ParentName, Phase, Policy, Request,
    Service, Step, Time, Verdict,
};
use countermand_emulator::{
    Action, Config, Emulator, Fate, NewOperation, NewParent, Script, Server, ServerQuota, Shared,
    State,
};
use countermand_hyper::{Authorized, Client, HyperConfig, Token, Transmit};
use countermand_scheduler::{Event, List, NextStep, Quota, Scheduler, simulate};
use countermand_tests::fleet::{Note, search};
use countermand_tests::simulation::{Run, run, served};
use futures_util::StreamExt;
use serde_json::{Value, json};

/// Cloud Speech-to-Text, as its discovery document describes it.
static SPEECH: Service = Service {
    id: "speech.v1",
    title: "Cloud Speech-to-Text API",
    host: "speech.googleapis.com",
    mtls_host: "speech.mtls.googleapis.com",
    regional_hosts: &[],
    prefix: "/v1",
    scope: "https://www.googleapis.com/auth/cloud-platform",
    patterns: &[NamePattern::new(&[
        Level::new("projects", "project"),
        Level::new("locations", "location"),
        Level {
            fields: "name,done,error",
            ..Level::new("operations", "operation")
        },
    ])],
    cancel: CancelMethod::USUAL,
    list_query: "pageSize=",
    quota_levels: 1,
    denial_levels: 1,
    has_parent_records: false,
    lists_parents: true,
    unmanaged_parent: None,
    quota: &[(300, 60)],
    resource_quota: None,
    operation: OperationReader::PLAIN,
};

const LOCATION: &str = "projects/p/locations/europe-west4";

fn config() -> Config {
    Config::default().service(&SPEECH).parents(0)
}

fn operation(name: &str) -> OperationName {
    OperationName::parse(&SPEECH, name).unwrap()
}

/// An emulator with these operations of one location, and their names.
fn location(
    config: Config,
    operations: impl IntoIterator<Item = NewOperation>,
) -> (Emulator, Vec<OperationName>) {
    let mut emulator = Emulator::new(config);
    let location = NewParent::with(operations).name(LOCATION);
    let added = emulator.add(Duration::ZERO, location).unwrap();
    assert_eq!(added.name, LOCATION);
    let names = added.operations.iter().map(|name| operation(name));
    (emulator, names.collect())
}

/// The requests of a run, the result, and the fate of the operation.
fn countermand(emulator: &mut Emulator, name: &OperationName) -> Run {
    run(emulator, name, &Policy::default(), 1)
}

fn calls(run: &Run) -> Vec<Call> {
    run.sent.iter().map(|sent| sent.call).collect()
}

#[test]
fn names_follow_the_levels_and_messages_name_the_pattern() {
    let name = operation("projects/p/locations/global/operations/7281");
    assert_eq!(name.id(), "7281");
    assert_eq!(name.parent().relative(), "projects/p/locations/global");
    assert_eq!(name.parent().parent().relative(), "projects/p");
    assert_eq!(name.quota_resource(), "//speech.googleapis.com/projects/p");
    assert_eq!(name.denied_resource(), "//speech.googleapis.com/projects/p");
    assert_eq!(name.service(), &SPEECH);
    // The same text is no name of the default service, and a name of that is none of this one.
    assert!(name.relative().parse::<OperationName>().is_err());

    let location = &SPEECH.levels()[1];
    for (bad, kind) in [
        ("", NameErrorKind::Empty),
        ("projects/p", NameErrorKind::Other(&SPEECH.levels()[0])),
        (LOCATION, NameErrorKind::Other(location)),
        ("projects/p/locations", NameErrorKind::List(location)),
        (
            "projects/p/locations//operations/1",
            NameErrorKind::EmptySegment,
        ),
        (
            "projects/p/locations/../operations/1",
            NameErrorKind::DotSegment,
        ),
        (
            "projects/p/regions/l/operations/1",
            NameErrorKind::Collection("locations"),
        ),
        (
            "enterprises/e/devices/d/operations/1",
            NameErrorKind::Collection("projects"),
        ),
        (
            "projects/p/locations/l/operations/1:cancel",
            NameErrorKind::Verb(":cancel"),
        ),
        (
            "projects/p/locations/l/operations/1/x",
            NameErrorKind::ExtraSegments,
        ),
    ] {
        let error = OperationName::parse(&SPEECH, bad).unwrap_err();
        assert_eq!(error.kind(), kind, "{bad}");
        let pattern = "projects/{project}/locations/{location}/operations/{operation}";
        assert_eq!(error.expected(), pattern, "{bad}");
        let text = error.to_string();
        assert!(text.contains(pattern), "{text}");
        assert!(!text.replace(bad, "").contains("device"), "{text}");
    }
    let error = OperationName::parse(&SPEECH, LOCATION).unwrap_err();
    assert!(error.to_string().contains("names a location"), "{error}");
}

#[test]
fn requests_are_at_its_host_with_its_lists_and_masks() {
    let name = operation("projects/p/locations/l/operations/ü:1");
    let (parent, above) = (name.parent(), name.parent().parent());
    let endpoint = SPEECH.endpoint();
    let requests = [
        (
            Request::Cancel(name.clone()),
            "projects/p/locations/l/operations/%C3%BC%3A1:cancel",
        ),
        (
            Request::Get(name),
            "projects/p/locations/l/operations/%C3%BC%3A1?fields=name,done,error",
        ),
        (
            Request::ListOperations(parent, PageQuery::default()),
            "projects/p/locations/l/operations?pageSize=100&fields=nextPageToken,operations(name,done,error)",
        ),
        (
            Request::ListParents(above, PageQuery::default()),
            "projects/p/locations?pageSize=100&fields=nextPageToken,locations(name)",
        ),
    ];
    for (request, path) in requests {
        assert_eq!(request.service(), &SPEECH);
        let uri = request.http(&endpoint).uri().to_string();
        assert_eq!(uri, format!("https://speech.googleapis.com/v1/{path}"));
    }
    let mtls = SPEECH.mtls_endpoint();
    assert!(mtls.to_string().contains("speech.mtls.googleapis.com"));
}

#[test]
fn an_operation_is_cancelled_and_verified() {
    let (mut emulator, names) = location(config(), [NewOperation::new(Fate::Cancellable)]);
    let run = countermand(&mut emulator, &names[0]);
    assert_eq!(calls(&run), [Call::Cancel, Call::Get]);
    let outcome = run.result.unwrap();
    assert_eq!(outcome.verdict, Verdict::Cancelled);
    assert_eq!(outcome.operation.unwrap().name, names[0]);
    let truth = emulator.truth_of(run.ended, names[0].relative()).unwrap();
    assert_eq!(truth.state, State::Cancelled);
    assert_eq!(truth.kind, "create");
}

#[test]
fn an_operation_without_a_record_is_gone_and_no_parent_is_asked_for() {
    let (mut emulator, names) = location(config(), [NewOperation::new(Fate::Vanishes)]);
    let unknown = operation(&format!("{LOCATION}/operations/none"));
    for name in [&names[0], &unknown] {
        let run = countermand(&mut emulator, name);
        let parents = calls(&run)
            .iter()
            .filter(|call| **call == Call::GetParent)
            .count();
        assert_eq!(parents, 0, "{:?}", calls(&run));
        match &run.result {
            Ok(outcome) => assert_eq!((name, outcome.verdict), (&names[0], Verdict::Gone)),
            Err(error) => {
                assert_eq!(name, &unknown);
                assert!(matches!(error.kind(), ErrorKind::NotFound(_)), "{error}");
                assert_eq!(error.parent_exists(), None);
                assert!(!error.to_string().contains("device"), "{error}");
                assert!(!error.advice().contains("device"), "{}", error.advice());
            }
        }
    }
    // A project that is not ours.
    let foreign = operation("projects/other/locations/l/operations/1");
    let error = countermand(&mut emulator, &foreign).result.unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::PermissionDenied(_)),
        "{error}"
    );
    assert!(error.to_string().contains("manage project"), "{error}");
    assert!(!error.advice().contains("enterprise"), "{}", error.advice());
}

#[test]
fn an_operation_does_not_expire_where_the_service_gives_no_validity() {
    let (mut emulator, names) = location(config(), [NewOperation::new(Fate::Expires)]);
    let run = countermand(&mut emulator, &names[0]);
    assert_eq!(run.result.unwrap().verdict, Verdict::Pending);
    let year = Duration::from_hours(24 * 365);
    let truth = emulator.truth_of(year, names[0].relative()).unwrap();
    assert_eq!(truth.state, State::Pending);
}

#[test]
fn a_bulk_keeps_to_the_quota_of_its_project() {
    // Two locations of one project share the quota of a method, by the levels of the description.
    let (text, limit) = ("600/60s", "60/60s");
    let quota: Quota = text.parse().unwrap();
    let quota = quota.share(1.0).per_resource(Some(limit.parse().unwrap()));
    let server = ServerQuota::from(&quota);
    let mut emulator = Emulator::new(config().quota(server));
    let mut scheduler = Scheduler::new(7).quota(quota);
    for at in ["europe-west4", "us-central1"] {
        let operations = (0..45).map(|_| NewOperation::new(Fate::Cancellable));
        let new = NewParent::with(operations).name(format!("projects/p/locations/{at}"));
        for name in emulator.add(Duration::ZERO, new).unwrap().operations {
            assert!(scheduler.push(operation(&name), Phase::Unsent));
        }
    }
    scheduler.close();
    let mut verdicts = BTreeMap::new();
    let mut last = Duration::ZERO;
    let ended = simulate(
        &mut scheduler,
        Time::START,
        |now, _, request| {
            last = now;
            (
                Duration::from_millis(80),
                served(&mut emulator, now, request),
            )
        },
        |_, event| {
            if let Event::Finished { name, result } = event {
                verdicts.insert(name, result.unwrap().verdict);
            }
        },
    );
    assert!(ended.is_some());
    assert_eq!(verdicts.len(), 90);
    assert!(
        verdicts
            .values()
            .all(|verdict| *verdict == Verdict::Cancelled)
    );
    let report = emulator.quota(last);
    assert_eq!((report.allowed, report.refused), (180, 0));
    assert!(!report.resources.is_empty());
    for row in &report.resources {
        assert_eq!(row.resource, "projects/p");
    }
    // 90 cancels of one method at 60 a minute: the second minute has the rest.
    assert!(last > Duration::from_secs(60), "{last:?}");
}

#[test]
fn a_search_lists_the_locations_of_a_project_and_their_operations() {
    let mut emulator = Emulator::new(config());
    let fates = [
        Fate::Cancellable,
        Fate::Acknowledged {
            after: Duration::ZERO,
        },
    ];
    let mut pending = Vec::new();
    for number in 0..12 {
        let at = format!("projects/p/locations/l{number}");
        let new = NewParent::with(fates.map(NewOperation::new)).name(at);
        pending.push(emulator.add(Duration::ZERO, new).unwrap().operations[0].clone());
    }
    let mut scheduler = Scheduler::new(3);
    let project = GrandparentName::parse(&SPEECH, "projects/p").unwrap();
    scheduler.search(List::Parents(project));
    scheduler.close();
    let mut cancelled = Vec::new();
    let mut lists = 0;
    let mut serve = |at, request: &http::Request<&'static str>| {
        let response = served(&mut emulator, at, request);
        (Duration::from_millis(80), Ok(response))
    };
    let mut tell = |scheduler: &mut Scheduler, _, note| {
        let Note::Event(event) = note else { return };
        match event {
            Event::Parents { parents, .. } => {
                for parent in parents {
                    assert_eq!(parent.name.service(), &SPEECH);
                    let (parent, seen) = (parent.name, parent.active_time);
                    scheduler.search(List::Operations {
                        parent,
                        seen,
                        filter: None,
                    });
                }
            }
            Event::Operations { operations, .. } => {
                lists += 1;
                for found in operations.into_iter().filter(|found| !found.done) {
                    scheduler.push(found.name, Phase::Unsent);
                }
            }
            Event::Finished { name, result } => {
                assert_eq!(result.unwrap().verdict, Verdict::Cancelled);
                cancelled.push(name.relative().to_owned());
            }
            Event::NotListed { error, .. } => panic!("{error}"),
            _ => {}
        }
    };
    search(
        &mut scheduler,
        Duration::from_hours(1),
        &mut serve,
        &mut tell,
    );
    cancelled.sort();
    pending.sort();
    assert_eq!(cancelled, pending);
    assert_eq!(lists, 12);
}

#[test]
fn scripts_and_own_endpoints_have_the_words_of_its_collections() {
    let mut emulator = Emulator::new(config());
    let add = |emulator: &mut Emulator, endpoint: &str, body: &Value| {
        let path = format!("/_emulator/{endpoint}");
        let request = http::Request::post(path).body(Bytes::from(body.to_string()));
        let Action::Respond(response) = emulator.handle(Duration::ZERO, &request.unwrap()).action
        else {
            panic!("no answer")
        };
        let json: Value = serde_json::from_slice(response.body()).unwrap();
        (response.status().as_u16(), json)
    };
    let body = json!({"locations": [{"name": LOCATION, "operations": [{}, {}]}]});
    let (status, added) = add(&mut emulator, "locations", &body);
    assert_eq!(status, 200, "{added}");
    assert_eq!(added["project"], emulator.grandparent());
    assert_eq!(
        added["locations"][0]["operations"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert_eq!(add(&mut emulator, "devices", &body).0, 404);

    let faults = json!([
        {"method": "locations.list", "status": 503},
        {"fault": "forbidden-enterprise", "method": "get"},
        {"fault": "service-disabled", "name": "projects/p", "times": 1},
    ]);
    emulator.set_script(Script::of(&SPEECH, faults.clone()).unwrap());
    let problem = Script::from_value(faults).unwrap_err().to_string();
    assert!(
        problem.contains("unknown method `locations.list`"),
        "{problem}"
    );

    let endpoint: Endpoint = "http://127.0.0.1".parse().unwrap();
    let name = operation(&emulator.pending(Duration::ZERO)[0]);
    let list = Request::ListParents(name.parent().parent(), PageQuery::default());
    let mut ask = |request: &Request| {
        let response = served(&mut emulator, Duration::ZERO, &request.http(&endpoint));
        let json: Value = serde_json::from_slice(response.body()).unwrap();
        (response.status().as_u16(), json)
    };
    assert_eq!(ask(&list).0, 503);
    let (status, denied) = ask(&Request::Get(name.clone()));
    let message = "Caller is not authorized to manage project.";
    assert_eq!(
        (status, &denied["error"]["message"]),
        (403, &json!(message))
    );
    let (status, disabled) = ask(&Request::Cancel(name));
    assert_eq!(status, 403);
    let service = &disabled["error"]["details"][0]["metadata"]["service"];
    assert_eq!(service, "speech.googleapis.com");
    let (status, page) = ask(&list);
    assert_eq!(
        (status, &page),
        (200, &json!({"locations": [{"name": LOCATION}]}))
    );
}

#[test]
fn the_discovery_document_is_made_from_the_description() {
    let mut emulator = Emulator::new(config());
    let mut document = |path: &str| {
        let request = http::Request::get(path).body(Bytes::new()).unwrap();
        let Action::Respond(response) = emulator.handle(Duration::ZERO, &request).action else {
            panic!("no answer")
        };
        serde_json::from_slice::<Value>(response.body()).ok()
    };
    assert_eq!(
        document("/discovery/v1/apis/androidmanagement/v1/rest"),
        None
    );
    let found = document("/discovery/v1/apis/speech/v1/rest").unwrap();
    assert_eq!(found["id"], "speech:v1");
    let operations = &found["resources"]["projects"]["resources"]["locations"]["resources"];
    let cancel = &operations["operations"]["methods"]["cancel"];
    assert_eq!(cancel["id"], "speech.projects.locations.operations.cancel");
    assert_eq!(cancel["path"], "v1/{+name}:cancel");
    let list = &operations["operations"]["methods"]["list"];
    assert_eq!(list["path"], "v1/{+name}/operations");
    let pattern = &list["parameters"]["name"]["pattern"];
    assert_eq!(pattern, "^projects/[^/]+/locations/[^/]+$");
    let text = found.to_string();
    for noun in ["enterprise", "device", "policies", "Command"] {
        assert!(!text.contains(noun), "{noun}");
    }
}

#[tokio::test]
async fn a_client_cancels_over_a_transport_without_sockets() {
    let shared = Shared::new(config());
    let new = NewParent::with([NewOperation::new(Fate::Cancellable)]).name(LOCATION);
    let added = shared.with(|emulator, now| emulator.add(now, new)).unwrap();
    let name = operation(&added.operations[0]);
    let endpoint = SPEECH.endpoint();
    let token = Token::new("emulator-token").unwrap();
    let transport = Authorized::new(endpoint.clone(), token, shared.clone());
    let client = Client::new(transport).endpoint(endpoint);
    let outcome = client.countermand(&name).await.unwrap();
    assert_eq!(outcome.verdict, Verdict::Cancelled);
    let audit = shared.with(|emulator, _| emulator.audit().to_vec());
    assert_eq!(audit.len(), 2);
    assert!(audit.iter().all(|row| row.had_token && row.effect));
}

#[tokio::test]
async fn a_client_lists_and_cancels_over_a_socket() {
    let shared = Shared::new(config());
    let operations = (0..3).map(|_| NewOperation::new(Fate::Cancellable));
    let new = NewParent::with(operations).name(LOCATION);
    shared.with(|emulator, now| emulator.add(now, new)).unwrap();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let server = Server::bind(address, shared.clone()).await.unwrap();
    let endpoint: Endpoint = server.endpoint().parse().unwrap();
    let token = Token::new("emulator-token").unwrap();
    let client = Client::connect(endpoint, token, HyperConfig::default()).unwrap();

    let project = GrandparentName::parse(&SPEECH, "projects/p").unwrap();
    let parents: Vec<_> = client.list_parents(&project).collect().await;
    let location = ParentName::parse(&SPEECH, LOCATION).unwrap();
    assert_eq!(parents.len(), 1);
    assert_eq!(parents[0].as_ref().unwrap().name, location);
    let operations: Vec<_> = client.list_operations(&location, None).collect().await;
    let names: Vec<_> = operations.into_iter().map(|it| it.unwrap().name).collect();
    assert_eq!(names.len(), 3);
    let mut results = Box::pin(client.countermand_all(names));
    let mut cancelled = 0;
    while let Some((name, result)) = results.next().await {
        assert_eq!(name.service(), &SPEECH);
        assert_eq!(result.unwrap().verdict, Verdict::Cancelled);
        cancelled += 1;
    }
    assert_eq!(cancelled, 3);
    assert!(
        shared
            .with(|emulator, now| emulator.pending(now))
            .is_empty()
    );
}

/// The token of one service goes to no other: neither by a name that was mixed up, nor by an endpoint.
#[tokio::test]
async fn a_name_of_another_service_is_sent_nowhere() {
    let device = "enterprises/e/devices/d/operations/1".parse().unwrap();
    let speech = operation(&format!("{LOCATION}/operations/1"));
    let regional = "https://us-speech.googleapis.com".parse().unwrap();
    let private = "https://speech-team.p.googleapis.com".parse().unwrap();
    for (endpoint, name, goes) in [
        (SPEECH.endpoint(), &speech, true),
        (SPEECH.mtls_endpoint(), &speech, true),
        (regional, &speech, true),
        (private, &speech, true),
        ("http://127.0.0.1:1".parse().unwrap(), &speech, true),
        (SPEECH.endpoint(), &device, false),
        (SPEECH.mtls_endpoint(), &device, false),
        (Service::DEFAULT.endpoint(), &speech, false),
        (
            "https://Speech.GoogleAPIs.com".parse().unwrap(),
            &device,
            false,
        ),
    ] {
        let sent = Arc::new(AtomicUsize::new(0));
        let server = {
            let sent = Arc::clone(&sent);
            move |_: Transmit| {
                sent.fetch_add(1, Ordering::Relaxed);
                ready(Ok(http::Response::new(Bytes::from_static(b"{}"))))
            }
        };
        let token = Token::new("emulator-token").unwrap();
        let client = Client::new(Authorized::new(endpoint.clone(), token, server));
        let client = client
            .endpoint(endpoint.clone())
            .policy(Policy::default().verify(false));
        let one = client.cancel(name).await;
        let many: Vec<_> = client.countermand_all([name.clone()]).collect().await;
        assert_eq!(one.is_ok(), goes, "{endpoint} {name} {one:?}");
        assert_eq!(many[0].1.is_ok(), goes, "{endpoint} {name}");
        assert_eq!(sent.load(Ordering::Relaxed), if goes { 2 } else { 0 });
        if let Err(error) = one {
            assert_eq!(error.key().as_str(), "not_allowed");
            assert!(!error.maybe_delivered());
            let text = countermand_core::text::chain(&error);
            assert!(text.contains("endpoint of another service"), "{text}");
        }
    }
}

#[test]
fn a_machine_asks_the_host_of_its_service() {
    let name = operation(&format!("{LOCATION}/operations/1"));
    let Step::Send(attempt) = Cancellation::new(name).start(Time::START, 1) else {
        panic!("it does not send")
    };
    let request = attempt.transmit(Time::START).request;
    assert_eq!(request.uri().host(), Some(SPEECH.host));
}

/// A scheduler that was given no endpoint sends nothing of one service to the host of another.
#[test]
fn a_scheduler_asks_the_host_of_each_service() {
    let mut scheduler = Scheduler::new(1).quota(Quota::unlimited());
    let ours = operation("projects/p/locations/l/operations/1");
    let other: OperationName = "enterprises/e/devices/d/operations/1".parse().unwrap();
    scheduler.push(ours, Phase::Unsent);
    scheduler.push(other, Phase::Unsent);
    scheduler.search(List::Operations {
        parent: ParentName::parse(&SPEECH, "projects/p/locations/l").unwrap(),
        seen: None,
        filter: None,
    });
    let mut hosts = Vec::new();
    while let NextStep::Send(_, transmit) = scheduler.next_step(Time::START) {
        hosts.push(transmit.request.uri().host().unwrap().to_owned());
    }
    let default = Service::DEFAULT.host;
    assert_eq!(hosts, [SPEECH.host, default, SPEECH.host]);
}

#[test]
fn a_list_that_the_service_does_not_have_ends_without_a_request() {
    let parts = Service::named("artifactregistry.v1").unwrap();
    let parent = ParentName::parse(parts, "projects/p/locations/us").unwrap();
    let refused = [
        List::Operations {
            parent,
            seen: None,
            filter: None,
        },
        List::Parents(GrandparentName::parse(parts, "projects/p").unwrap()),
    ];
    for list in refused {
        let mut scheduler = Scheduler::new(3);
        scheduler.search(list);
        scheduler.close();
        let step = scheduler.next_step(Time::START);
        assert!(matches!(step, NextStep::Done), "{step:?}");
        let told: Vec<_> = std::iter::from_fn(|| scheduler.next_event()).collect();
        assert!(
            matches!(&told[..], [Event::NotListed { error, .. }] if !error.maybe_delivered()),
            "{told:?}"
        );
    }
}
