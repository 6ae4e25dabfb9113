//! Resources with a state of their own: their JSON, and the walk of their states.

use std::time::Duration;

use countermand_core::{Reading, ResourceState, Service};
use countermand_emulator::{
    Config, Emulator, Expiry, Fate, NewOperation, NewParent, NoCancel, Quirks, Script, Shape, State,
};
use serde_json::{Value, json};

use crate::common::{T0, cancel, get, secs, send};

/// An emulator of a service with resources of these kinds in one list, and their names.
fn of(
    service: &str,
    list: &str,
    operations: impl IntoIterator<Item = NewOperation>,
) -> (Emulator, Vec<String>) {
    let service = Service::named(service).unwrap();
    let mut emulator = Emulator::new(Config::default().service(service).parents(0));
    let new = NewParent::with(operations).name(list);
    let added = emulator.add(T0, new).unwrap();
    (emulator, added.operations)
}

fn one(service: &str, list: &str, fate: Fate, quirks: Quirks) -> (Emulator, String) {
    let (emulator, mut names) = of(service, list, [NewOperation::new(fate).quirks(quirks)]);
    (emulator, names.remove(0))
}

fn description(service: &str, collection: &str) -> &'static ResourceState {
    let patterns = Service::named(service).unwrap().patterns.iter();
    let mut states = patterns.filter_map(|pattern| match pattern.reading {
        Reading::State(state) if pattern.own_level().collection == collection => Some(state),
        _ => None,
    });
    states.next().unwrap()
}

const JOBS: &str = "projects/p/locations/l/jobs";
#[test]
fn a_state_walks_from_pending_through_cancelling_to_cancelled() {
    let quirks = Quirks::default().cancel_delay(Duration::from_secs(5));
    let (mut emulator, name) = one("batch.v1", JOBS, Fate::Cancellable, quirks);
    let words = description("batch.v1", "jobs");
    let word = |emulator: &mut Emulator, at| {
        let (status, job) = get(emulator, at, &name);
        assert_eq!((status, &job["name"]), (200, &json!(name)));
        assert!(
            job["createTime"].is_string() && job.get("done").is_none(),
            "{job}"
        );
        job["status"]["state"].as_str().unwrap().to_owned()
    };
    let pending = word(&mut emulator, T0);
    let known = [
        words.cancelled,
        words.cancelling,
        words.completed,
        words.failed,
    ]
    .concat();
    assert!(!known.contains(&&*pending), "{pending}");
    let (status, operation) = cancel(&mut emulator, secs(1), &name);
    assert_eq!(status, 200);
    let own = operation["name"].as_str().unwrap();
    assert!(
        own.starts_with("projects/p/locations/l/operations/"),
        "{own}"
    );
    assert_eq!(word(&mut emulator, secs(2)), "CANCELLATION_IN_PROGRESS");
    assert_eq!(word(&mut emulator, secs(6)), "CANCELLED");
    assert_eq!(
        emulator.truth_of(secs(6), &name).unwrap().state,
        State::Cancelled
    );
    assert_eq!(emulator.truth_of(secs(6), &name).unwrap().kind, "job");
}

#[test]
fn each_end_has_one_of_its_words_and_all_of_them_are_used() {
    let after = Duration::ZERO;
    for (service, list, collection) in [
        ("batch.v1", JOBS, "jobs"),
        ("dataproc.v1", "projects/p/regions/r/jobs", "jobs"),
        ("cloudbuild.v1", "projects/p/builds", "builds"),
        ("testing.v1", "projects/p/testMatrices", "testMatrices"),
    ] {
        let state = description(service, collection);
        let path = format!("/{}", state.path.replace('.', "/"));
        for (fate, words) in [
            (Fate::Cancellable, state.cancelled),
            (Fate::Completes { after }, state.completed),
            (Fate::Fails { after, code: 9 }, state.failed),
        ] {
            let (mut emulator, names) = of(service, list, vec![NewOperation::new(fate); 12]);
            let mut seen = Vec::new();
            for name in &names {
                assert_eq!(cancel(&mut emulator, secs(1), name).0, 200);
                let (_, shown) = get(&mut emulator, secs(2), name);
                let word = shown.pointer(&path).and_then(Value::as_str).unwrap();
                assert!(words.contains(&word), "{name} {word}");
                let (_, again) = get(&mut emulator, secs(3), name);
                assert_eq!(again, shown);
                seen.push(word.to_owned());
            }
            assert!(
                words.iter().all(|word| seen.contains(&(*word).to_owned())),
                "{seen:?}"
            );
        }
    }
}

#[test]
fn a_resource_tells_its_ids_at_their_paths() {
    let list = "projects/p/regions/r/jobs";
    let (mut emulator, name) = one("dataproc.v1", list, Fate::Stuck, Quirks::default());
    let id = name.rsplit('/').next().unwrap();
    let (_, job) = get(&mut emulator, T0, &name);
    assert_eq!(job["reference"], json!({"projectId": "p", "jobId": id}));
    assert_eq!(job.get("name"), None);
    // The answer to a cancel is the job.
    let (status, cancelling) = cancel(&mut emulator, T0, &name);
    assert_eq!((status, &cancelling["reference"]), (200, &job["reference"]));
    assert!(
        cancelling["status"]["state"]
            .as_str()
            .unwrap()
            .starts_with("CANCEL_")
    );
    // A mask of nested fields, and the field of a page.
    let masked = format!("/v1/{name}?fields=reference/jobId");
    let masked = send(&mut emulator, T0, "GET", &masked, "");
    assert_eq!(masked, (200, json!({"reference": {"jobId": id}})));
    let path = format!("/v1/{list}?fields=nextPageToken,jobs(status/state)");
    let (_, page) = send(&mut emulator, T0, "GET", &path, "");
    let state = &cancelling["status"]["state"];
    assert_eq!(page, json!({"jobs": [{"status": {"state": state}}]}));

    let mut numbers = Quirks::default();
    numbers.project_number = true;
    emulator.set_quirks(numbers);
    let added = NewParent::with([NewOperation::new(Fate::Stuck)]).name(list);
    let name = emulator.add(T0, added).unwrap().operations.remove(0);
    let (_, job) = get(&mut emulator, T0, &name);
    assert_eq!(job["reference"]["projectId"], "123456789012");
    let (mut emulator, name) = one(
        "aiplatform.v1",
        "projects/p/locations/l/nasJobs",
        Fate::Stuck,
        numbers,
    );
    let (_, job) = get(&mut emulator, T0, &name);
    assert!(
        job["name"]
            .as_str()
            .unwrap()
            .starts_with("projects/123456789012/locations/l/nasJobs/")
    );
}

#[test]
fn a_cancel_is_answered_in_the_form_of_its_method() {
    for (service, list, expected) in [
        (
            "aiplatform.v1",
            "projects/p/locations/l/customJobs",
            Some(json!({})),
        ),
        (
            "workflowexecutions.v1",
            "projects/p/locations/l/workflows/w/executions",
            None,
        ),
        (
            "testing.v1",
            "projects/p/testMatrices",
            Some(json!({"isCanceled": true})),
        ),
    ] {
        for fate in [
            Fate::Cancellable,
            Fate::Stuck,
            Fate::Completes { after: T0 },
        ] {
            let (mut emulator, name) = one(service, list, fate, Quirks::default());
            let (status, answer) = cancel(&mut emulator, secs(1), &name);
            let (_, shown) = get(&mut emulator, secs(1), &name);
            assert_eq!(
                (status, &answer),
                (200, expected.as_ref().unwrap_or(&shown)),
                "{name}"
            );
        }
        let mut refuses = Quirks::default();
        refuses.no_cancel = Some(NoCancel::FailedPrecondition);
        let (mut emulator, name) = one(service, list, Fate::Cancellable, refuses);
        let (status, answer) = cancel(&mut emulator, secs(1), &name);
        assert_eq!(
            (status, &answer["error"]["status"]),
            (400, &json!("FAILED_PRECONDITION"))
        );
    }
}

#[test]
fn one_parent_has_a_list_of_each_kind() {
    let (mut emulator, jobs) = of("batch.v1", JOBS, vec![NewOperation::new(Fate::Stuck); 3]);
    let operations =
        NewParent::with([NewOperation::new(Fate::Stuck)]).name("projects/p/locations/l");
    let operations = emulator.add(T0, operations).unwrap();
    assert_eq!(operations.name, "projects/p/locations/l");
    let names = |page: &Value, field: &str| -> Vec<String> {
        let entries = page[field].as_array().unwrap().iter();
        entries
            .map(|entry| entry["name"].as_str().unwrap().to_owned())
            .collect()
    };
    let mut list = |path: &str| send(&mut emulator, T0, "GET", &format!("/v1/{path}"), "");
    let (_, page) = list("projects/p/locations/l/operations");
    assert_eq!(names(&page, "operations"), operations.operations);
    let (_, page) = list("projects/p/locations/l/jobs?pageSize=2&filter=x");
    assert_eq!(names(&page, "jobs"), jobs[..2]);
    let token = page["nextPageToken"].as_str().unwrap().replace('+', "%2B");
    let (_, page) = list(&format!("projects/p/locations/l/jobs?pageToken={token}"));
    assert_eq!(names(&page, "jobs"), jobs[2..]);
    assert_eq!(page.get("nextPageToken"), None);
    // The location is one.
    let (_, page) = list("projects/p/locations");
    assert_eq!(page["locations"].as_array().unwrap().len(), 1);
    // Only a list of operations may be partial; one of what a location has none of is empty.
    assert_eq!(
        list("projects/p/locations/l/jobs?returnPartialSuccess=true").0,
        400
    );
    assert_eq!(list("projects/p/locations/m/jobs").0, 404);
    let mut other = of("aiplatform.v1", "projects/p/locations/l/customJobs", []).0;
    let nas = send(
        &mut other,
        T0,
        "GET",
        "/v1/projects/p/locations/l/nasJobs",
        "",
    );
    assert_eq!(nas, (200, json!({})));
    // The fleet of a seed has some of each kind.
    let service = Service::named("batch.v1").unwrap();
    let seeded = Emulator::new(Config::default().service(service).parents(1));
    let jobs = seeded
        .truth(T0)
        .into_iter()
        .filter(|row| row.name.contains("/jobs/"));
    assert_eq!((jobs.count(), seeded.truth(T0).len()), (3, 6));
}

#[test]
fn quirks_are_those_of_operations() {
    let shown = |fate, quirks: Quirks, at: u64| {
        let (mut emulator, name) = one("batch.v1", JOBS, fate, quirks);
        cancel(&mut emulator, T0, &name);
        let (status, job) = get(&mut emulator, secs(at), &name);
        (status, job, name)
    };
    let word = |job: &Value| job["status"]["state"].as_str().map(str::to_owned);
    let mut other = Quirks::default();
    other.other_name = true;
    let (_, job, name) = shown(Fate::Stuck, other, 1);
    assert_eq!(job["name"], json!(format!("{name}0")));
    assert_eq!(word(&job).as_deref(), Some("CANCELLED"));
    let mut bare = Quirks::default();
    bare.no_metadata = true;
    let (_, job, name) = shown(Fate::Stuck, bare, 1);
    assert_eq!(job, json!({"name": name}));
    // A word that only resembles one that is known, and an end that is told elsewhere.
    let mut strange = Quirks::default().shape(Shape::CodeWithoutDone);
    strange.extras = true;
    let (_, job, _) = shown(Fate::Cancellable, strange, 1);
    assert_eq!(
        (&job["done"], &job["error"]["code"]),
        (&json!(true), &json!(1))
    );
    assert_eq!(word(&job).as_deref(), Some("CANCELLATION_IN_PROGRESS"));
    assert!(job["provenance"].is_object());
    for (fate, expiry, status, expected) in [
        (Fate::Vanishes, Expiry::Pending, 404, None),
        (Fate::Expires, Expiry::NotFound, 404, None),
        (Fate::Expires, Expiry::Error4, 200, Some("FAILED")),
        (
            Fate::Expires,
            Expiry::Pending,
            200,
            Some("CANCELLATION_IN_PROGRESS"),
        ),
    ] {
        let operation = NewOperation::new(fate)
            .duration(5)
            .quirks(Quirks::default().expiry(expiry));
        let (mut emulator, names) = of("batch.v1", JOBS, [operation]);
        cancel(&mut emulator, T0, &names[0]);
        let (found, job) = get(&mut emulator, secs(6), &names[0]);
        assert_eq!(
            (found, word(&job).as_deref()),
            (status, expected),
            "{fate:?} {expiry:?}"
        );
    }
    let flapping = Quirks::default().shape(Shape::Flapping);
    let (mut emulator, name) = one("batch.v1", JOBS, Fate::Completes { after: T0 }, flapping);
    let words = [1, 2, 3].map(|at| word(&get(&mut emulator, secs(at), &name).1).unwrap());
    assert!(
        words[0] == "SUCCEEDED" && words[1] != words[0] && words[2] == words[0],
        "{words:?}"
    );
}

/// The paths of BigQuery lack the location, which is a query parameter.
#[test]
fn a_level_in_the_query_is_part_of_the_name() {
    let us = vec![NewOperation::new(Fate::Cancellable); 2];
    let (mut emulator, american) = of("bigquery.v2", "projects/p/locations/US/jobs", us);
    let list = |location: &str| format!("projects/p/locations/{location}/jobs");
    let mut add = |location: &str, id: &str| {
        let job: NewOperation = serde_json::from_value(json!({"id": id})).unwrap();
        let new = NewParent::with([job]).name(list(location));
        emulator.add(secs(1), new).unwrap().operations.remove(0)
    };
    let [dutch, european] = ["europe-west4", "eu"].map(|location| add(location, "j"));
    assert!(american[0].starts_with("projects/p/locations/us/jobs/"));
    let id = american[0].rsplit('/').next().unwrap();
    let mut call = |method: &str, path: &str| {
        let body = if method == "POST" { "{}" } else { "" };
        send(
            &mut emulator,
            secs(2),
            method,
            &format!("/bigquery/v2/projects/p/jobs{path}"),
            body,
        )
    };
    let location = |job: &Value| job["jobReference"]["location"].as_str().unwrap().to_owned();
    for (path, expected) in [
        ("/j?location=europe-west4", Some("europe-west4")),
        ("/j?location=Europe-West4", Some("europe-west4")),
        ("/j?location=EU", Some("eu")),
        // Jobs of the two multi-regions need none.
        ("/j", Some("eu")),
        ("/j?location=", Some("eu")),
        ("/j?location=us", None),
        ("/j?location=us-east1", None),
        ("/j?location=a%2Fb", None),
        ("/k", None),
    ] {
        let (status, job) = call("GET", path);
        let found = (status == 200).then(|| location(&job));
        assert_eq!(
            (found.as_deref(), status == 404),
            (expected, expected.is_none()),
            "{path}"
        );
    }
    assert_eq!(call("GET", "/j?location=eu&projection=full").0, 400);
    let (_, job) = call("GET", "/j?location=europe-west4");
    assert_eq!(job["jobReference"]["jobId"], "j");
    assert!(
        job["statistics"]["creationTime"]
            .as_str()
            .unwrap()
            .parse::<u64>()
            .is_ok(),
        "{job}"
    );
    // A list covers all locations, and has a size of its own name.
    let (status, page) = call("GET", "?allUsers=true&projection=full&maxResults=3");
    assert_eq!((status, page["jobs"].as_array().unwrap().len()), (200, 3));
    let token = page["nextPageToken"].as_str().unwrap().replace('+', "%2B");
    let (_, rest) = call("GET", &format!("?pageToken={token}"));
    let jobs = [
        page["jobs"].as_array().unwrap(),
        rest["jobs"].as_array().unwrap(),
    ];
    let locations: Vec<_> = jobs.into_iter().flatten().map(location).collect();
    assert_eq!(locations, ["us", "us", "europe-west4", "eu"]);
    for query in ["pageSize=1", "location=us", "filter=x"] {
        assert_eq!(call("GET", &format!("?{query}")).0, 400, "{query}");
    }
    let (status, answer) = call("POST", &format!("/{id}/cancel?location=us"));
    assert_eq!((status, location(&answer["job"])), (200, "us".to_owned()));
    let cancelled = json!({"state": "DONE", "errorResult": {"reason": "stopped"}});
    assert_eq!(answer["job"]["status"], cancelled);
    assert_eq!(call("POST", "/j/cancel?location=us").0, 404);
    assert_eq!(call("GET", &format!("/{id}")).1, answer["job"]);
    let state = |name: &str| emulator.truth_of(secs(2), name).unwrap().state;
    assert_eq!(state(&american[0]), State::Cancelled);
    let others = [&american[1], &dutch, &european];
    assert!(others.iter().all(|name| state(name) == State::Pending));
    let (status, _) = send(&mut emulator, T0, "GET", "/bigquery/v2/projects/q/jobs", "");
    assert_eq!(status, 403);
}

#[test]
fn a_list_leaves_out_what_it_says_was_not_reached() {
    let mut quirks = Quirks::default();
    quirks.unreachable = true;
    let there = || NewOperation::new(Fate::Stuck);
    let (mut emulator, names) = of("batch.v1", JOBS, [there(), there().quirks(quirks)]);
    let (_, page) = send(&mut emulator, T0, "GET", &format!("/v1/{JOBS}"), "");
    assert_eq!(page["unreachable"], json!(["projects/p/locations/l"]));
    assert_eq!(page["jobs"].as_array().unwrap().len(), 1);
    assert_eq!(page["jobs"][0]["name"], json!(names[0]));
    assert_eq!(get(&mut emulator, T0, &names[1]).0, 200);
    // Another list has no field for it, and is complete.
    let list = "projects/p/locations/l/customJobs";
    let (mut emulator, _) = of("aiplatform.v1", list, [there().quirks(quirks)]);
    let (_, page) = send(&mut emulator, T0, "GET", &format!("/v1/{list}"), "");
    assert_eq!(
        (
            page["customJobs"].as_array().unwrap().len(),
            page.get("unreachable")
        ),
        (1, None)
    );
}

/// Fields beside the described ones, as a job has them, are left out by a mask.
#[test]
fn parameters_are_fields_of_the_resource() {
    let params = json!({"status": {"message": "m"}, "secret": "s"});
    let Value::Object(params) = params else {
        unreachable!()
    };
    let (mut emulator, names) = of(
        "batch.v1",
        JOBS,
        [NewOperation::new(Fate::Stuck).params(params)],
    );
    let (_, job) = get(&mut emulator, T0, &names[0]);
    assert_eq!(
        (&job["secret"], &job["status"]["message"]),
        (&json!("s"), &json!("m"))
    );
    assert!(job["status"]["state"].is_string());
    let path = format!("/v1/{}?fields=name,status.message", names[0]);
    let (_, job) = send(&mut emulator, T0, "GET", &path, "");
    assert_eq!(job, json!({"name": names[0], "status": {"message": "m"}}));
}

/// A client that has seen an end may believe it for ever.
#[test]
fn a_fault_gives_what_has_ended_no_other_fate() {
    let (mut emulator, name) = one(
        "batch.v1",
        JOBS,
        Fate::Completes { after: T0 },
        Quirks::default(),
    );
    let script = json!([{"method": "cancel", "set": {"fate": "stuck"}}]);
    emulator.set_script(Script::of(emulator.service(), script).unwrap());
    cancel(&mut emulator, secs(1), &name);
    let truth = emulator.truth_of(secs(2), &name).unwrap();
    assert_eq!(truth.state, State::Completed);
}
