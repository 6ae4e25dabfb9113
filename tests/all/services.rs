//! Every service that is built in, against the emulator of it: names of all patterns, to the verdict.

use std::iter;
use std::time::Duration;

use countermand_core::{
    Call, Cancellation, Endpoint, NamePattern, Operation, OperationName, PageQuery, ParentName,
    Phase, Policy, Reading, Request, Response, Service, Step, Time, Verdict,
};
use countermand_emulator::{Config, Emulator, Fate, NewOperation, NewParent, Script, State};
use countermand_scheduler::{Event, NextStep, Scheduler};
use countermand_tests::schedule::{SERVICES, STATES, parent};
use countermand_tests::simulation::{Run, run, served};
use serde_json::{Value, json};

const T0: Duration = Duration::ZERO;

fn services() -> impl Iterator<Item = &'static Service> {
    SERVICES.iter().copied()
}

fn named(id: &str) -> &'static Service {
    Service::named(id).unwrap()
}

/// The names of operations of these fates at a parent.
fn add(emulator: &mut Emulator, parent: &str, fates: &[Fate]) -> Vec<OperationName> {
    let service = emulator.service();
    let operations = fates.iter().map(|fate| NewOperation::new(*fate));
    let new = NewParent::with(operations).name(parent);
    let added = emulator.add(T0, new).unwrap();
    let resource = ParentName::parse(service, parent).unwrap();
    assert_eq!(added.name, resource.relative());
    let names = added.operations.iter();
    names
        .map(|name| OperationName::parse(service, name).unwrap())
        .collect()
}

fn emulator(service: &'static Service) -> Emulator {
    Emulator::new(Config::default().service(service).parents(0))
}

fn calls(run: &Run) -> Vec<Call> {
    run.sent.iter().map(|sent| sent.call).collect()
}

/// The operations of all pages of the list that an operation is in, and the number of pages.
fn listed(emulator: &mut Emulator, name: &OperationName, size: u32) -> (Vec<String>, u32) {
    let (mut found, mut token, mut pages) = (Vec::new(), None, 0);
    loop {
        let page = PageQuery {
            size,
            token,
            filter: None,
        };
        let request = Request::ListOperations(name.parent(), page);
        let response = served(emulator, T0, &request.http(&endpoint()));
        let Ok(Response::Operations(page)) = request.read(&response) else {
            panic!("{name}: {response:?}")
        };
        assert_eq!(page.unreadable, None, "{name}");
        let names = page.entries.iter();
        found.extend(names.map(|operation| operation.name.relative().to_owned()));
        pages += 1;
        token = page.next_page_token;
        if token.is_none() {
            return (found, pages);
        }
    }
}

fn endpoint() -> Endpoint {
    "http://127.0.0.1".parse().unwrap()
}

/// True if what the service shows of an operation tells that a cancel was taken.
fn tells(service: &Service, pattern: &NamePattern) -> bool {
    match pattern.reading {
        Reading::Operation => {
            let paths = service.operation.paths();
            paths.is_some_and(|paths| !paths.cancel_asked.is_empty())
        }
        Reading::State(state) => !state.cancelling.is_empty(),
    }
}

#[test]
fn a_name_of_every_pattern_of_every_service_is_cancelled() {
    let (mut patterns, mut unverified) = (0, 0);
    for service in services() {
        let mut emulator = emulator(service);
        for pattern in service.patterns {
            patterns += 1;
            let parent = parent(pattern);
            let name = &add(&mut emulator, &parent, &[Fate::Cancellable])[0];
            assert_eq!(name.pattern(), pattern, "{name}");
            let run = run(&mut emulator, name, &Policy::default(), 1);
            let expected = match pattern.has_get {
                true => (Verdict::Cancelled, vec![Call::Cancel, Call::Get]),
                false => (Verdict::Unverified, vec![Call::Cancel]),
            };
            let outcome = run
                .result
                .as_ref()
                .unwrap_or_else(|error| panic!("{error}"));
            assert_eq!((outcome.verdict, calls(&run)), expected, "{name}");
            let truth = emulator.truth_of(run.ended, name.relative()).unwrap();
            assert_eq!(truth.state, State::Cancelled, "{name}");
            unverified += u32::from(!pattern.has_get);
            if let Some(operation) = &outcome.operation {
                let metadata = operation.metadata.as_ref().unwrap();
                let created = metadata.create_time.is_some();
                match pattern.reading {
                    Reading::Operation => {
                        assert_eq!(metadata.cancel_asked, tells(service, pattern), "{name}");
                        assert_eq!(created, service.operation.reads_create_time(), "{name}");
                        assert!(metadata.kind.is_some(), "{name}");
                    }
                    Reading::State(state) => {
                        let word = &*operation.state.as_ref().unwrap().word;
                        assert!(state.cancelled.contains(&word), "{name} {word}");
                        assert_eq!(created, !state.create_time.is_empty(), "{name}");
                    }
                }
            }
        }
    }
    assert!(patterns > 400 && unverified > 5, "{patterns} {unverified}");
}

/// An accepted cancel of such a name is its end: a run that takes it up again has nothing to send.
#[test]
fn without_a_method_to_look_an_accepted_cancel_is_told_and_final() {
    let mut found = 0;
    for service in services() {
        let patterns = service.patterns.iter();
        for pattern in patterns.filter(|pattern| !pattern.has_get) {
            found += 1;
            let mut emulator = emulator(service);
            let name = add(&mut emulator, &parent(pattern), &[Fate::Cancellable]).remove(0);
            let again = Cancellation::new(name.clone()).begin(Phase::Accepted, 3, Time::START, 1);
            let Step::Done(Ok(outcome)) = again else {
                panic!("{name}: {again:?}")
            };
            assert_eq!(
                (outcome.verdict, outcome.attempts),
                (Verdict::Unverified, 3)
            );
            for phase in [Phase::Unsent, Phase::Accepted] {
                let mut scheduler = Scheduler::new(1);
                scheduler.push(name.clone(), phase);
                scheduler.close();
                if let NextStep::Send(ticket, _) = scheduler.next_step(Time::START) {
                    assert_eq!((ticket.call(), phase), (Call::Cancel, Phase::Unsent));
                    let answer = http::Response::new("{}");
                    scheduler.answer(ticket, Time::START, Ok(&answer));
                }
                assert!(matches!(scheduler.next_step(Time::START), NextStep::Done));
                let events: Vec<_> = iter::from_fn(|| scheduler.next_event()).collect();
                let accepted = Event::Accepted { name: name.clone() };
                assert_eq!(
                    events.contains(&accepted),
                    phase == Phase::Unsent,
                    "{events:?}"
                );
                assert!(
                    matches!(events.last(), Some(Event::Finished { result: Ok(outcome), .. })
                        if outcome.verdict == Verdict::Unverified),
                    "{events:?}"
                );
                assert_eq!(scheduler.progress(Time::START).accepted, 1);
            }
        }
    }
    assert!(found > 5, "{found}");
}

#[test]
fn a_list_has_the_operations_of_its_parent_and_no_others() {
    let (mut lists, mut none) = (0, 0);
    for service in services() {
        let mut emulator = emulator(service);
        let parents = service.patterns.iter().map(parent);
        let added: Vec<_> = parents
            .map(|parent| add(&mut emulator, &parent, &[Fate::Cancellable; 3]))
            .collect();
        for (pattern, names) in service.patterns.iter().zip(&added) {
            let own: Vec<_> = names.iter().map(OperationName::relative).collect();
            let list = Request::ListOperations(names[0].parent(), PageQuery::default());
            if pattern.has_list {
                lists += 1;
                let (listed, pages) = listed(&mut emulator, &names[0], 2);
                assert_eq!(
                    (listed.iter().map(|name| &**name).collect(), pages),
                    (own, 2)
                );
            } else {
                none += 1;
                not_there(&mut emulator, &list);
            }
            if !pattern.has_get {
                not_there(&mut emulator, &Request::Get(names[0].clone()));
            }
        }
    }
    assert!(lists > 400 && none > 15, "{lists} {none}");
}

/// A method that a service has not is a page of the front end.
fn not_there(emulator: &mut Emulator, request: &Request) {
    let response = served(emulator, T0, &request.http(&endpoint()));
    assert_eq!(response.status(), 404, "{request:?}");
    let kind = &response.headers()["content-type"];
    assert_eq!(kind, "text/html; charset=UTF-8", "{request:?}");
}

/// Operations of each fate, whose names have this pattern.
fn each_fate_has_its_verdict(service: &'static Service, pattern: &NamePattern) {
    let after = Duration::ZERO;
    let fates = [
        (
            Fate::Completes { after },
            Verdict::Completed,
            State::Completed,
        ),
        (
            Fate::Acknowledged { after },
            Verdict::Completed,
            State::Completed,
        ),
        (
            Fate::Fails { after, code: 9 },
            Verdict::Failed,
            State::Failed,
        ),
        (Fate::Stuck, Verdict::Pending, State::Pending),
        (Fate::Expires, Verdict::Pending, State::Pending),
        (Fate::Vanishes, Verdict::Gone, State::Gone),
        (Fate::Cancellable, Verdict::Cancelled, State::Cancelled),
    ];
    let mut emulator = emulator(service);
    let parent = parent(pattern);
    let names = add(&mut emulator, &parent, &fates.map(|(fate, ..)| fate));
    for (name, (fate, verdict, state)) in names.iter().zip(fates) {
        let run = run(&mut emulator, name, &Policy::default(), 1);
        let outcome = run
            .result
            .as_ref()
            .unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(outcome.verdict, verdict, "{name} {fate:?}");
        let truth = emulator.truth_of(run.ended, name.relative()).unwrap();
        assert_eq!(truth.state, state, "{name} {fate:?}");
    }
}

#[test]
fn each_fate_has_its_verdict_whatever_the_service() {
    for id in [
        "documentai.v1",
        "translate.v3",
        "cloudbuild.v1",
        "aiplatform.v1",
        "dataproc.v1",
        "spanner.v1",
        "cloudshell.v1",
        "logging.v2",
        "storage.v1",
        "datalabeling.v1beta1",
    ] {
        each_fate_has_its_verdict(named(id), &named(id).patterns[0]);
    }
    assert!(STATES.len() > 30);
    for (service, pattern) in STATES.iter() {
        each_fate_has_its_verdict(service, pattern);
    }
}

/// The files that are shown as examples.
#[test]
fn each_fate_has_its_verdict_for_a_service_in_a_file() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/service-files");
    let files: Vec<_> = std::fs::read_dir(folder).unwrap().collect();
    assert!(!files.is_empty());
    for file in files {
        let text = std::fs::read(file.unwrap().path()).unwrap();
        let service = Service::from_json(&text).unwrap();
        for pattern in service.patterns {
            each_fate_has_its_verdict(service, pattern);
        }
    }
}

/// A location has no record that a confirmed operation could delete.
#[test]
fn an_operation_that_is_carried_out_takes_no_other_along() {
    let mut emulator = emulator(named("documentai.v1"));
    let after = Duration::ZERO;
    let fates = [Fate::Wiped { after }, Fate::Cancellable];
    let names = add(&mut emulator, "projects/p/locations/us", &fates);
    let gone = run(&mut emulator, &names[0], &Policy::default(), 1);
    assert!(gone.result.is_err(), "{gone:?}");
    let other = run(&mut emulator, &names[1], &Policy::default(), 1);
    assert_eq!(other.result.unwrap().verdict, Verdict::Cancelled);
}

/// The answers to all cancels are unreadable. The metadata of some services tells that one was taken, which is
/// worth as much; that of the others does not, and the cancel is repeated.
#[test]
fn metadata_that_tells_of_a_cancel_stands_for_its_answer() {
    let mut told = 0;
    let patterns =
        services().flat_map(|service| service.patterns.iter().map(move |it| (service, it)));
    for (service, pattern) in patterns.filter(|(_, pattern)| pattern.has_get) {
        let lost = json!([{"body": "{", "effect": true, "method": "cancel", "times": null}]);
        let script = Script::of(service, lost).unwrap();
        let config = Config::default().service(service).parents(0);
        let mut emulator = Emulator::new(config.script(script));
        let says = tells(service, pattern);
        told += u32::from(says);
        // One for each spelling.
        for name in add(&mut emulator, &parent(pattern), &[Fate::Stuck; 2]) {
            let run = run(&mut emulator, &name, &Policy::default(), 1);
            let cancels = calls(&run).into_iter().filter(|call| *call == Call::Cancel);
            let cancels = cancels.count();
            match run.result {
                Ok(outcome) => {
                    assert_eq!((outcome.verdict, says), (Verdict::Pending, true), "{name}");
                    assert_eq!(cancels, 1, "{name}");
                }
                Err(error) => {
                    assert!(!says && error.maybe_delivered(), "{name}: {error}");
                    assert!(cancels > 1, "{name}");
                }
            }
        }
    }
    assert!(told > 100, "{told}");
}

/// The JSON that the emulator answers.
fn json_of(emulator: &mut Emulator, path: &str) -> (u16, Value) {
    let request = http::Request::get(path).body("").unwrap();
    let response = served(emulator, T0, &request);
    let json = serde_json::from_slice(response.body()).unwrap_or_default();
    (response.status().as_u16(), json)
}

#[test]
fn metadata_has_its_facts_at_the_paths_of_the_description() {
    for (id, created, asked) in [
        (
            "documentai.v1",
            &["createTime", "commonMetadata.createTime"][..],
            &[][..],
        ),
        ("translate.v3", &[], &[]),
        ("dataproc.v1", &["createTime", "startTime"], &[]),
        ("logging.v2", &["startTime"], &["cancellationRequested"]),
        (
            "apihub.v1",
            &["createTime"],
            &["requestedCancellation", "cancelRequested"],
        ),
    ] {
        let service = named(id);
        let mut emulator = emulator(service);
        let parent = parent(&service.patterns[0]);
        let names = add(&mut emulator, &parent, &[Fate::Stuck; 8]);
        let mut seen = (Vec::new(), Vec::new());
        for name in &names {
            let path = format!("{}/{}", service.prefix, name.relative());
            let at = |value: &Value, paths: &[&'static str]| {
                let there = |path: &&&str| {
                    let pointer = format!("/metadata/{}", path.replace('.', "/"));
                    value.pointer(&pointer).is_some()
                };
                paths.iter().filter(there).copied().collect::<Vec<_>>()
            };
            let (_, before) = json_of(&mut emulator, &path);
            let api = id.split_once('.').unwrap();
            let kind = format!(
                "type.googleapis.com/google.cloud.{}.{}.OperationMetadata",
                api.0, api.1
            );
            assert_eq!(before["metadata"]["@type"], kind);
            assert_eq!(before["metadata"]["verb"], "create");
            assert_eq!(at(&before, asked), [""; 0]);
            let cancel = Request::Cancel(name.clone()).http(&endpoint());
            assert_eq!(served(&mut emulator, T0, &cancel).status(), 200);
            let (_, after) = json_of(&mut emulator, &path);
            seen.0.extend(at(&after, created));
            seen.1.extend(at(&after, asked));
            // One product of a service has one spelling of each.
            let one = |paths: &[&str]| usize::from(!paths.is_empty());
            assert_eq!(at(&after, created).len(), one(created), "{after}");
            assert_eq!(at(&after, asked).len(), one(asked), "{after}");
        }
        for path in created {
            assert!(seen.0.contains(path), "{id} {path}");
        }
        for path in asked {
            assert!(seen.1.contains(path), "{id} {path}");
        }
    }
}

/// The type of an operation in the truth is the one that its client reads, whatever path the description names.
#[test]
fn the_type_of_an_operation_is_where_the_description_reads_it() {
    for (number, paths) in [
        json!(["type"]),
        json!(["verb"]),
        json!(["common.kind", "type"]),
        json!(["@type"]),
        json!([]),
    ]
    .into_iter()
    .enumerate()
    {
        let host = format!("typed{number}.googleapis.com");
        let text = json!({
            "schema": "countermand.service/1",
            "id": format!("typed{number}.v1"),
            "title": "A service of a file",
            "host": host,
            "names": [{"pattern": "projects/{project}/operations/{operation}"}],
            "kind_paths": paths,
        });
        let service = Service::from_json(text.to_string().as_bytes()).unwrap();
        let mut emulator = emulator(service);
        let operations = [
            json!({"type": "EXPORT_IMAGE"}),
            json!({}),
            json!({}),
            json!({}),
        ];
        let body = json!({"name": "projects/p", "operations": operations});
        let new: NewParent = serde_json::from_value(body).unwrap();
        emulator.add(T0, new).unwrap();
        let truth = emulator.truth(T0);
        assert_eq!(truth[0].kind, "EXPORT_IMAGE");
        for truth in truth {
            let name = OperationName::parse(service, &truth.name).unwrap();
            let get = Request::Get(name.clone()).http(&endpoint());
            let response = served(&mut emulator, T0, &get);
            let operation = Operation::read(name, &response).unwrap();
            let kind = operation.metadata.unwrap().kind;
            assert_eq!(kind.as_deref(), Some(truth.kind.as_str()), "{paths}");
        }
    }
}

#[test]
fn ids_of_several_segments_are_names() {
    let mut emulator = emulator(named("cloudshell.v1"));
    let body = json!({"operations": [{"id": "a/b/c"}, {}]});
    let new: NewParent = serde_json::from_value(body).unwrap();
    let added = emulator.add(T0, new).unwrap();
    assert_eq!(added.name, "");
    assert_eq!(added.operations[0], "operations/a/b/c");
    assert!(added.operations[1].starts_with("operations/emulator/"));
    let (status, shown) = json_of(&mut emulator, "/v1/operations/a/b/c");
    assert_eq!((status, &shown["name"]), (200, &json!("operations/a/b/c")));
    assert_eq!(json_of(&mut emulator, "/v1/operations/a/b").0, 404);
    let (status, list) = json_of(&mut emulator, "/v1/operations?pageSize=1");
    assert_eq!(
        (status, &list["operations"][0]["name"]),
        (200, &shown["name"])
    );
    for bad in ["a//b", "/a", "a/", ""] {
        let body = json!({"operations": [{"id": bad}]});
        let new = serde_json::from_value(body).unwrap();
        assert!(emulator.add(T0, new).is_err(), "{bad}");
    }
}

#[test]
fn a_list_takes_the_parameters_of_discovery_and_no_others() {
    let mut emulator = emulator(named("documentai.v1"));
    let parent = "projects/p/locations/us";
    add(&mut emulator, parent, &[Fate::Stuck; 2]);
    let list = format!("/v1/{parent}/operations");
    let query = "filter=done%3Dfalse&pageSize=1&pageToken=";
    let (status, page) = json_of(&mut emulator, &format!("{list}?{query}"));
    assert_eq!(
        (status, page["operations"].as_array().unwrap().len()),
        (200, 1)
    );
    for (query, status) in [
        ("returnPartialSuccess=false", 200),
        ("returnPartialSuccess=true", 501),
        ("pageSize=x", 400),
        ("maxResults=1", 400),
        ("updateMask=done", 400),
    ] {
        let (answered, _) = json_of(&mut emulator, &format!("{list}?{query}"));
        assert_eq!(answered, status, "{query}");
    }
    // A project that is known, without such a location; a project that is not ours.
    assert_eq!(
        json_of(&mut emulator, "/v1/projects/p/locations/eu/operations").0,
        404
    );
    assert_eq!(
        json_of(&mut emulator, "/v1/projects/q/locations/us/operations").0,
        403
    );
}

#[test]
fn the_fleet_of_a_seed_is_below_the_usual_parents() {
    for (id, parents) in [
        (
            "documentai.v1",
            &[
                "projects/emulator/locations/us-central1",
                "projects/emulator/locations/europe-west4",
                "projects/emulator/locations/asia-northeast1",
            ][..],
        ),
        (
            "spanner.v1",
            &[
                "projects/emulator/instanceConfigs/instanceConfig-1",
                "projects/emulator/instanceConfigs/instanceConfig-2",
                "projects/emulator/instanceConfigs/instanceConfig-3",
            ],
        ),
        (
            "managedidentities.v1",
            &["projects/emulator/locations/global"],
        ),
        ("cloudshell.v1", &[""]),
        (
            "securitycenter.v1",
            &[
                "organizations/organization-1",
                "organizations/organization-2",
                "organizations/organization-3",
            ],
        ),
    ] {
        let emulator = Emulator::new(Config::default().service(named(id)));
        assert_eq!(emulator.parents(), parents);
        // Two finished ones and an open one of each of three.
        assert_eq!(emulator.truth(T0).len(), 9, "{id}");
        let again = Emulator::new(Config::default().service(named(id)));
        assert_eq!(again.truth(T0), emulator.truth(T0));
    }
    // As many as anyone wants, each another one.
    let config = Config::default()
        .service(named("documentai.v1"))
        .parents(50);
    let mut parents = Emulator::new(config).parents();
    parents.sort();
    parents.dedup();
    assert_eq!(parents.len(), 50);
}
