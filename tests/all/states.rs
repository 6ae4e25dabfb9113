//! Resources that are read by their state: the words of discovery, and the machine.

use countermand_core::{
    Call, Cancellation, Endpoint, Operation, OperationName, PageQuery, ParentName, Phase, Reading,
    Request, Response, Service, Step, Time, Verdict,
};
use serde_json::Value;

use countermand_tests::dice::Dice;
use countermand_tests::vectors::cases;

fn named(service: &str, name: &str) -> OperationName {
    OperationName::parse(Service::named(service).unwrap(), name).unwrap()
}

fn vertex() -> OperationName {
    named(
        "aiplatform.v1",
        "projects/p/locations/europe-west4/customJobs/7",
    )
}

fn dataproc() -> OperationName {
    named("dataproc.v1", "projects/p/regions/r/jobs/j-1")
}

fn ok(body: &str) -> http::Response<String> {
    http::Response::new(body.to_owned())
}

/// The answer with the state of the Vertex job.
fn state(word: &str) -> http::Response<String> {
    let name = vertex();
    ok(&format!(
        r#"{{"name":"{}","state":"{word}"}}"#,
        name.relative()
    ))
}

fn read(name: &OperationName, body: &str) -> Result<Operation, String> {
    Operation::read(name.clone(), &ok(body)).map_err(|error| error.key().as_str().to_owned())
}

#[test]
fn each_word_of_discovery_has_its_verdict() {
    let cases = cases("states.json");
    assert!(cases.len() > 200, "{}", cases.len());
    let text = |case: &Value, field: &str| case[field].as_str().unwrap().to_owned();
    for case in &cases {
        let name = named(&text(case, "service"), &text(case, "name"));
        assert!(
            matches!(name.pattern().reading, Reading::State(_)),
            "{name}"
        );
        let operation = read(&name, &case["body"].to_string()).unwrap();
        let verdict = operation.verdict().map(Verdict::as_str);
        assert_eq!(verdict, case["verdict"].as_str(), "{case}");
        assert_eq!(operation.done, verdict.is_some(), "{case}");
        let metadata = operation.metadata.as_ref().unwrap();
        assert_eq!(
            metadata.cancel_asked,
            case["cancel_asked"] == true,
            "{case}"
        );
        assert_eq!(operation.state.as_ref().unwrap().word, text(case, "word"));
        // A job file keeps it.
        let kept = serde_json::to_string(&operation).unwrap();
        let back = Operation::read_back(name.service(), &kept);
        assert_eq!(back.unwrap(), operation, "{kept}");
    }
}

#[test]
fn the_proof_is_the_state_after_the_cancel() {
    let now = Time::START;
    let sent = |step: Step| match step {
        Step::Send(attempt) => attempt,
        step => panic!("{step:?}"),
    };
    let paused = |step: Step| match step {
        Step::Wait(pause) => {
            let until = pause.until();
            (until, pause.resume(until))
        }
        step => panic!("{step:?}"),
    };
    for (last, verdict) in [
        ("JOB_STATE_CANCELLED", Verdict::Cancelled),
        ("JOB_STATE_SUCCEEDED", Verdict::Completed),
        ("JOB_STATE_FAILED", Verdict::Failed),
    ] {
        let cancel = sent(Cancellation::new(vertex()).start(now, 1));
        let look = sent(cancel.response(now, &ok("{}")));
        assert_eq!(look.call(), Call::Get);
        let (now, again) = paused(look.response(now, &state("JOB_STATE_CANCELLING")));
        let (now, again) = paused(sent(again).response(now, &state("JOB_STATE_NEW_WORD")));
        match sent(again).response(now, &state(last)) {
            Step::Done(Ok(outcome)) => assert_eq!(outcome.verdict, verdict),
            step => panic!("{step:?}"),
        }
    }
    // The answer to the cancel is lost; the state tells that it was taken, so that none is sent again.
    let cancel = sent(Cancellation::new(vertex()).start(now, 1));
    let look = sent(cancel.response(now, &ok("{")));
    let (_, again) = paused(look.response(now, &state("JOB_STATE_CANCELLING")));
    let again = sent(again);
    assert_eq!((again.call(), again.phase()), (Call::Get, Phase::Accepted));
}

#[test]
fn another_resource_and_another_type_are_refused() {
    let job = vertex();
    let name = job.relative();
    let other = name.replace("customJobs/7", "customJobs/8");
    let pipeline = name.replace("customJobs/7", "pipelineJobs/7");
    let number = name.replace("projects/p/", "projects/90210/");
    let body = |name: &str| format!(r#"{{"name":"{name}","state":"JOB_STATE_CANCELLED"}}"#);
    let cancelled = |read: Result<Operation, String>| read.map(|it| it.verdict());
    for same in [name, &number] {
        let read = cancelled(read(&job, &body(same)));
        assert_eq!(read, Ok(Some(Verdict::Cancelled)), "{same}");
    }
    for wrong in [other.as_str(), &pipeline] {
        let found = cancelled(read(&job, &body(wrong)));
        assert_eq!(found, Err("misattributed".to_owned()), "{wrong}");
    }
    for wrong in [
        r#"{"state":"JOB_STATE_CANCELLED"}"#.to_owned(),
        format!(r#"{{"name":"{name}","state":7}}"#),
        format!(r#"{{"name":"{name}","state":{{"x":"JOB_STATE_CANCELLED"}}}}"#),
        format!(r#"{{"name":"{name}","state":"JOB_STATE_RUNNING","state":"JOB_STATE_CANCELLED"}}"#),
        "[]".to_owned(),
    ] {
        assert_eq!(
            cancelled(read(&job, &wrong)),
            Err("malformed".to_owned()),
            "{wrong}"
        );
    }
    // A word elsewhere says nothing, nor does an operation's end.
    for pending in [
        format!(r#"{{"name":"{name}","trial":{{"state":"JOB_STATE_CANCELLED"}}}}"#),
        format!(r#"{{"name":"{name}","state":"job_state_cancelled"}}"#),
        format!(r#"{{"name":"{name}","done":true,"error":{{"code":1}}}}"#),
    ] {
        assert_eq!(cancelled(read(&job, &pending)), Ok(None), "{pending}");
    }
    let ids = |project: &str, id: &str| {
        let reference = format!(r#"{{"projectId":"{project}","jobId":"{id}"}}"#);
        format!(r#"{{"reference":{reference},"status":{{"state":"CANCELLED"}}}}"#)
    };
    let dataproc = dataproc();
    for (project, id, expected) in [
        ("p", "j-1", Ok(Some(Verdict::Cancelled))),
        ("90210", "j-1", Ok(Some(Verdict::Cancelled))),
        ("q", "j-1", Err("misattributed".to_owned())),
        ("p", "j-2", Err("misattributed".to_owned())),
        ("p", "j/1", Err("malformed".to_owned())),
        ("p", "", Err("malformed".to_owned())),
    ] {
        assert_eq!(
            cancelled(read(&dataproc, &ids(project, id))),
            expected,
            "{project} {id}"
        );
    }
}

#[test]
fn the_answer_to_a_cancel_has_the_form_of_its_method() {
    let accepted = |name: &OperationName, body: &str| {
        let read = Request::Cancel(name.clone()).read(&ok(body));
        read.map(|it| assert_eq!(it, Response::Accepted))
            .map_err(|error| error.key().as_str().to_owned())
    };
    let error = |word: &str| Err(word.to_owned());
    let vertex = vertex();
    assert_eq!(accepted(&vertex, "{}"), Ok(()));
    assert_eq!(accepted(&vertex, r#"{"name":"x"}"#), error("malformed"));
    let dataproc = dataproc();
    let job =
        r#"{"reference":{"projectId":"p","jobId":"j-1"},"status":{"state":"CANCEL_PENDING"}}"#;
    assert_eq!(accepted(&dataproc, job), Ok(()));
    assert_eq!(
        accepted(&dataproc, &job.replace("j-1", "j-2")),
        error("misattributed")
    );
    assert_eq!(accepted(&dataproc, "{}"), Ok(()));
    assert_eq!(accepted(&dataproc, r#"{"x":1}"#), error("malformed"));
    let batch = named("batch.v1", "projects/p/locations/l/jobs/j");
    let operation = r#"{"name":"projects/p/locations/l/operations/o","done":false}"#;
    assert_eq!(accepted(&batch, operation), Ok(()));
    let failed = r#"{"name":"o","done":true,"error":{"code":9,"message":"it has ended"}}"#;
    assert_eq!(accepted(&batch, failed), error("failed_precondition"));
    assert_eq!(accepted(&batch, "{}"), Ok(()));
    assert_eq!(accepted(&batch, r#"{"x":1}"#), error("malformed"));
    let matrix = named("testing.v1", "projects/p/testMatrices/m");
    assert_eq!(accepted(&matrix, r#"{"testState":"RUNNING"}"#), Ok(()));
    assert_eq!(accepted(&matrix, "[]"), error("malformed"));
}

#[test]
fn one_parent_has_a_list_of_each_kind() {
    let service = Service::named("dataproc.v1").unwrap();
    let url = |request: &Request| request.http(&service.endpoint()).uri().to_string();
    let operations = ParentName::parse(service, "projects/p/regions/r/operations");
    assert!(operations.is_err());
    let jobs = ParentName::parse(service, "projects/p/regions/r/jobs").unwrap();
    assert_eq!(jobs.relative(), "projects/p/regions/r");
    let list = Request::ListOperations(jobs, PageQuery::default());
    let expected = "https://dataproc.googleapis.com/v1/projects/p/regions/r/jobs?pageSize=100&fields=\
                    nextPageToken,unreachable,jobs(reference/jobId,reference/projectId,status/state)";
    assert_eq!(url(&list), expected);
    assert_eq!(
        url(&Request::ListOperations(
            dataproc().parent(),
            PageQuery::default()
        )),
        expected
    );
    let page = r#"{"jobs":[
        {"reference":{"projectId":"p","jobId":"a"},"status":{"state":"RUNNING"}},
        {"reference":{"projectId":"7","jobId":"b"},"status":{"state":"CANCELLED"}},
        {"reference":{"projectId":"q","jobId":"c"},"status":{"state":"RUNNING"}},
        {"status":{"state":"RUNNING"}}]}"#;
    let Ok(Response::Operations(page)) = list.read(&ok(page)) else {
        panic!("it is a page")
    };
    let names: Vec<_> = page.entries.iter().map(|it| it.name.relative()).collect();
    let jobs = ["a", "b"].map(|id| format!("projects/p/regions/r/jobs/{id}"));
    assert_eq!(names, jobs);
    assert_eq!(page.entries[1].verdict(), Some(Verdict::Cancelled));
    let unreadable = page.unreadable.unwrap().to_string();
    assert!(unreadable.contains("2 of 4 entries"), "{unreadable}");
}

#[test]
fn a_list_at_the_root_has_the_name_of_its_collection() {
    let service = Service::named("accesscontextmanager.v1").unwrap();
    for text in [
        "operations",
        "//accesscontextmanager.googleapis.com/operations",
        "//accesscontextmanager.googleapis.com",
        "",
    ] {
        let list = ParentName::parse(service, text).unwrap();
        assert_eq!(list.as_str(), "//accesscontextmanager.googleapis.com");
        assert_eq!(list.relative(), "");
    }
    for text in ["xoperations", "x/operations", "projects/p", "operations/1"] {
        let error = ParentName::parse(service, text).unwrap_err().to_string();
        assert!(error.contains("expected operations"), "{error}");
    }
}

#[test]
fn names_of_jobs_lead_to_their_service() {
    for (text, id) in [
        (
            "//workflowexecutions.googleapis.com/projects/p/locations/l/workflows/w/executions/e",
            "workflowexecutions.v1",
        ),
        (
            "//cloudbuild.googleapis.com/projects/p/builds/b",
            "cloudbuild.v1",
        ),
        (
            "//dataproc.googleapis.com/projects/p/regions/r/jobs/j",
            "dataproc.v1",
        ),
    ] {
        let name: OperationName = text.parse().unwrap();
        assert_eq!((name.service().id, name.as_str()), (id, text));
    }
    let given = "https://dataproc.googleapis.com/v1/projects/p/regions/r/jobs/j-1:cancel";
    let endpoint: Endpoint = Service::named("dataproc.v1").unwrap().endpoint();
    let name: OperationName = endpoint.parse_given(given).unwrap();
    assert_eq!(name, dataproc());
}

/// A service of the same form as one that is built in, as a file describes it.
fn copy(service: &str) -> &'static Service {
    let mut form = serde_json::to_value(Service::named(service).unwrap()).unwrap();
    form["id"] = format!("{service}form").into();
    Service::from_json(form.to_string().as_bytes()).unwrap()
}

#[test]
fn a_service_in_a_file_sends_and_reads_as_the_one_that_it_is_a_copy_of() {
    for case in cases("states.json") {
        let name = case["name"].as_str().unwrap();
        let own = named(case["service"].as_str().unwrap(), name);
        let copied = OperationName::parse(copy(own.service().id), name).unwrap();
        for (own, copied) in [
            (
                Request::Cancel(own.clone()),
                Request::Cancel(copied.clone()),
            ),
            (Request::Get(own.clone()), Request::Get(copied.clone())),
            (
                Request::ListOperations(own.parent(), PageQuery::default()),
                Request::ListOperations(copied.parent(), PageQuery::default()),
            ),
        ] {
            let endpoint: Endpoint = "http://127.0.0.1".parse().unwrap();
            let (own, copied) = (own.http(&endpoint), copied.http(&endpoint));
            assert_eq!((own.method(), own.uri()), (copied.method(), copied.uri()));
            assert_eq!(own.body(), copied.body());
        }
        let body = case["body"].to_string();
        let own = read(&own, &body).unwrap();
        let copied = read(&copied, &body).unwrap();
        assert_eq!(
            (own.state, own.metadata),
            (copied.state, copied.metadata),
            "{case}"
        );
    }
}

/// The answers that clients of the Gemini API have seen.
#[test]
fn a_batch_of_gemini_is_read_by_its_state() {
    let file = include_bytes!("../../docs/service-files/gemini.json");
    let service = Service::from_json(file).unwrap();
    let name = OperationName::parse(service, "batches/b").unwrap();
    let endpoint: Endpoint = "http://127.0.0.1".parse().unwrap();
    for (request, expected) in [
        (
            Request::Cancel(name.clone()),
            "POST http://127.0.0.1/v1beta/batches/b:cancel",
        ),
        (
            Request::Get(name.clone()),
            "GET http://127.0.0.1/v1beta/batches/b?fields=name,metadata/state,metadata/createTime",
        ),
        (
            Request::ListOperations(name.parent(), PageQuery::default()),
            "GET http://127.0.0.1/v1beta/batches?pageSize=100\
             &fields=nextPageToken,operations(name,metadata/state,metadata/createTime)",
        ),
    ] {
        let http = request.http(&endpoint);
        assert_eq!(format!("{} {}", http.method(), http.uri()), expected);
    }
    for (rest, verdict) in [
        (r#""metadata":{"state":"BATCH_STATE_PENDING"}"#, None),
        (
            r#""done":false,"metadata":{"state":"BATCH_STATE_RUNNING"}"#,
            None,
        ),
        (
            r#""done":true,"metadata":{"state":"BATCH_STATE_CANCELLED"},"error":{"code":13,"message":"Cancelled."}"#,
            Some(Verdict::Cancelled),
        ),
        (
            r#""done":true,"metadata":{"state":"BATCH_STATE_SUCCEEDED"},"response":{}"#,
            Some(Verdict::Completed),
        ),
        (
            r#""done":true,"metadata":{"state":"BATCH_STATE_EXPIRED"}"#,
            Some(Verdict::Failed),
        ),
        (
            r#""done":true,"metadata":{"state":"BATCH_STATE_FAILED"},"error":{"code":1}"#,
            Some(Verdict::Failed),
        ),
        // Nothing says what became of it.
        (r#""done":true,"error":{"code":1}"#, None),
    ] {
        let read = read(&name, &format!(r#"{{"name":"batches/b",{rest}}}"#)).unwrap();
        assert_eq!(read.verdict(), verdict, "{rest}");
    }
}

fn bigquery() -> OperationName {
    named("bigquery.v2", "projects/p/locations/us/jobs/j-1")
}

fn dataflow() -> OperationName {
    named(
        "dataflow.v1b3",
        "projects/p/locations/europe-west1/jobs/2026-11-29_1",
    )
}

fn execution() -> OperationName {
    named(
        "run.v2",
        "projects/p/locations/europe-west1/jobs/j/executions/e",
    )
}

fn verdict_of(name: &OperationName, body: &str) -> Result<Option<Verdict>, String> {
    read(name, body).map(|it| it.verdict())
}

#[test]
fn dataflow_is_cancelled_by_an_update() {
    let name = dataflow();
    let endpoint = name.service().endpoint();
    let request = Request::Cancel(name.clone()).http(&endpoint);
    assert_eq!(request.method(), "PUT");
    let url = "https://dataflow.europe-west1.rep.googleapis.com/v1b3/projects/p/locations/europe-west1/jobs/\
               2026-11-29_1?fields=id,location,projectId,currentState,createTime";
    assert_eq!(request.uri(), url);
    assert_eq!(
        *request.body(),
        r#"{"requestedState":"JOB_STATE_CANCELLED"}"#
    );
    assert_eq!(request.headers()["content-type"], "application/json");
    assert_eq!(request.headers()["content-length"], "40");
    let job = |state: &str| {
        format!(
            r#"{{"id":"2026-11-29_1","projectId":"p","location":"europe-west1",
                "currentState":"{state}","requestedState":"JOB_STATE_CANCELLED","name":"x"}}"#
        )
    };
    let accepted = Request::Cancel(name.clone()).read(&ok(&job("JOB_STATE_RUNNING")));
    assert_eq!(accepted, Ok(Response::Accepted));
    // What was asked for is not what is so.
    assert_eq!(verdict_of(&name, &job("JOB_STATE_RUNNING")), Ok(None));
    let elsewhere = job("JOB_STATE_CANCELLED").replace("europe-west1", "europe-west4");
    assert_eq!(
        verdict_of(&name, &elsewhere),
        Err("misattributed".to_owned())
    );
    // No suffix tells the method from the name.
    assert_eq!(endpoint.parse_given(url).as_ref(), Ok(&name));
}

#[test]
fn a_bigquery_job_has_its_location_in_the_query() {
    let name = bigquery();
    let endpoint = name.service().endpoint();
    let url = |request: Request| request.http(&endpoint).uri().to_string();
    let at = "https://bigquery.googleapis.com/bigquery/v2/projects/p/jobs";
    let fields = "jobReference/jobId,jobReference/location,jobReference/projectId,status/state,\
                  statistics/creationTime,status/errorResult";
    let cancel = url(Request::Cancel(name.clone()));
    assert_eq!(
        cancel,
        format!("{at}/j-1/cancel?location=us&fields=job({fields})")
    );
    let get = url(Request::Get(name.clone()));
    assert_eq!(get, format!("{at}/j-1?location=us&fields={fields}"));
    let list = Request::ListOperations(name.parent(), PageQuery::default());
    assert_eq!(
        url(list.clone()),
        format!(
            "{at}?allUsers=true&projection=full&maxResults=100&fields=nextPageToken,unreachable,jobs({fields})"
        )
    );
    for given in [&cancel, &get] {
        assert_eq!(endpoint.parse_given(given).as_ref(), Ok(&name));
    }
    // The location of a job is never guessed.
    assert!(
        endpoint
            .parse_given::<0>(get.split('?').next().unwrap())
            .is_err()
    );
    let strange = named("bigquery.v2", "projects/p/locations/a&b=c/jobs/j");
    assert!(url(Request::Get(strange)).starts_with(&format!("{at}/j?location=a%26b%3Dc&fields=")));
    let job = |id: &str, project: &str, location: &str| {
        let ids = [
            ("jobId", id),
            ("projectId", project),
            ("location", location),
        ];
        let ids = ids.map(|(key, id)| format!(r#""{key}":"{id}""#)).join(",");
        format!(
            r#"{{"jobReference":{{{ids}}},"status":{{"state":"DONE","errorResult":{{"reason":"stopped"}}}},
                "statistics":{{"creationTime":"1786048723669"}}}}"#
        )
    };
    // A list covers all locations, and the names of multi-regions are written in both ways.
    let jobs = [
        job("j-1", "p", "US"),
        job("j-2", "p", "EU"),
        job("j-3", "q", "US"),
    ];
    assert_eq!(
        named("bigquery.v2", "projects/p/locations/US/jobs/j-1"),
        name
    );
    let page = format!(r#"{{"jobs":[{}],"nextPageToken":"t"}}"#, jobs.join(","));
    let Ok(Response::Operations(page)) = list.read(&ok(&page)) else {
        panic!("it is a page")
    };
    let names: Vec<_> = page.entries.iter().map(|it| it.name.clone()).collect();
    assert_eq!(names, std::slice::from_ref(&name));
    let created = page.entries[0].metadata.as_ref().unwrap().create_time;
    assert_eq!(created.unwrap().unix_millis(), 1_786_048_723_669);
    assert!(
        page.unreadable
            .unwrap()
            .to_string()
            .contains("1 of 3 entries")
    );
    let other = format!(r#"{{"jobs":[{}]}}"#, job("j-2", "p", "EU"));
    let Ok(Response::Operations(page)) = list.read(&ok(&other)) else {
        panic!("it is a page")
    };
    assert!(page.entries.is_empty() && page.unreadable.is_none());
    let response = |job: &str| ok(&format!(r#"{{"kind":"x","job":{job}}}"#));
    let cancel = Request::Cancel(name.clone());
    assert_eq!(cancel.read(&response(&jobs[0])), Ok(Response::Accepted));
    for (body, key) in [
        (response(&jobs[1]), "misattributed"),
        (ok(r#"{"kind":"x"}"#), "malformed"),
        (response("7"), "malformed"),
    ] {
        let error = cancel.read(&body).unwrap_err();
        assert_eq!(error.key().as_str(), key);
    }
    assert_eq!(verdict_of(&name, &jobs[0]), Ok(Some(Verdict::Cancelled)));
    for (id, project, location) in [("j-2", "p", "US"), ("j-1", "q", "US"), ("j-1", "p", "EU")] {
        let other = verdict_of(&name, &job(id, project, location));
        assert_eq!(other, Err("misattributed".to_owned()));
    }
}

/// AIP-217: the rest of the list is as true as without that, and the list is not complete.
#[test]
fn a_list_says_which_places_were_not_reached() {
    for (service, name, field) in [
        ("batch.v1", "projects/p/locations/l/jobs/j", "unreachable"),
        (
            "dataplex.v1",
            "projects/p/locations/l/metadataJobs/j",
            "unreachableLocations",
        ),
        (
            "dataflow.v1b3",
            "projects/p/locations/l/jobs/j",
            "failedLocation",
        ),
    ] {
        let job = named(service, name);
        let list = Request::ListOperations(job.parent(), PageQuery::default());
        let url = list.http(&job.service().endpoint()).uri().to_string();
        assert!(
            url.contains(&format!("fields=nextPageToken,{field},")),
            "{url}"
        );
        let level = job.pattern().own_level();
        let page = |unreached: &str| {
            let entry =
                r#"{"name":"projects/p/locations/l/x/j","id":"j","projectId":"p","location":"l"}"#;
            let entry = entry.replace("/x/", &format!("/{}/", level.collection));
            let body = format!(r#"{{"{}":[{entry}]{unreached}}}"#, level.page_field);
            match list.read(&ok(&body)) {
                Ok(Response::Operations(page)) => Ok(page),
                other => Err(other.unwrap_err().key().as_str()),
            }
        };
        for complete in [
            "",
            &format!(r#","{field}":null"#),
            &format!(r#","{field}":[]"#),
        ] {
            let page = page(complete).unwrap();
            assert_eq!(
                (page.entries.len(), page.unreadable),
                (1, None),
                "{complete}"
            );
        }
        for (places, first) in [
            (
                r#"["projects/p/locations/m"]"#,
                Some(
                    "reach 1 of the places of this list, and shows nothing of them; the first: projects/p/locations/m",
                ),
            ),
            (r#"["m","n"]"#, Some("reach 2 of")),
            (r#"[{"name":"m"}]"#, Some("reach 1 of")),
            ("[null]", Some("reach 1 of")),
        ] {
            let page = page(&format!(r#","{field}":{places}"#)).unwrap();
            assert_eq!(page.entries.len(), 1);
            let error = page.unreadable.unwrap();
            assert_eq!(error.key().as_str(), "unavailable");
            let text = error.to_string();
            assert!(first.is_none_or(|first| text.contains(first)), "{text}");
        }
        for strange in ["7", "\"m\"", "{}"] {
            let read = page(&format!(r#","{field}":{strange}"#));
            assert_eq!(read.unwrap_err(), "malformed", "{strange}");
        }
    }
    // A list without such a field tells nothing by one.
    let job = named("aiplatform.v1", "projects/p/locations/l/customJobs/j");
    let list = Request::ListOperations(job.parent(), PageQuery::default());
    let Ok(Response::Operations(page)) = list.read(&ok(r#"{"unreachable":["m"],"":["m"]}"#)) else {
        panic!("it is a page")
    };
    assert_eq!(page.unreadable, None);
}

#[test]
fn a_state_that_does_not_tell_its_reason_has_it_beside() {
    let name = bigquery();
    let status = |status: &str| {
        let ids = r#"{"projectId":"p","location":"US","jobId":"j-1"}"#;
        let body = format!(r#"{{"jobReference":{ids},"status":{status}}}"#);
        read(&name, &body).map(|it| (it.state.as_ref().unwrap().word.clone(), it.verdict()))
    };
    let malformed = || Err("malformed".to_owned());
    let told = |word: &str, verdict| Ok((word.to_owned(), verdict));
    for (body, expected) in [
        (
            r#"{"state":"DONE"}"#,
            told("DONE", Some(Verdict::Completed)),
        ),
        (
            r#"{"state":"DONE","errorResult":null}"#,
            told("DONE", Some(Verdict::Completed)),
        ),
        // Errors on the way are no result.
        (
            r#"{"state":"DONE","errors":[{"reason":"stopped"}]}"#,
            told("DONE", Some(Verdict::Completed)),
        ),
        (
            r#"{"state":"DONE","errorResult":{}}"#,
            told("DONE/", Some(Verdict::Failed)),
        ),
        (
            r#"{"state":"DONE","errorResult":{"reason":"Stopped"}}"#,
            told("DONE/Stopped", Some(Verdict::Failed)),
        ),
        (
            r#"{"state":"RUNNING","errorResult":{"reason":"stopped"}}"#,
            told("RUNNING/stopped", None),
        ),
        (r#"{"state":"DONE/stopped"}"#, told("DONE/stopped", None)),
        (r#"{"state":"DONE/*"}"#, told("DONE/*", None)),
        (
            r#"{"errorResult":{"reason":"stopped"}}"#,
            told("/stopped", None),
        ),
        ("null", told("", None)),
        (r#"{"state":"DONE","errorResult":"stopped"}"#, malformed()),
        (
            r#"{"state":"DONE","errorResult":{"reason":7}}"#,
            malformed(),
        ),
        (
            r#"{"state":"DONE","errorResult":{"reason":"x","reason":"stopped"}}"#,
            malformed(),
        ),
    ] {
        assert_eq!(status(body), expected, "{body}");
    }
}

#[test]
fn the_state_of_an_execution_is_that_of_one_condition() {
    let name = execution();
    let fields = "name,conditions/type,conditions/state,createTime,conditions/executionReason";
    assert_eq!(name.pattern().own_level().fields, fields);
    let read = |conditions: &str| {
        let name_text = name.relative();
        let body = format!(r#"{{"name":"{name_text}","conditions":{conditions}}}"#);
        verdict_of(&name, &body)
    };
    let cancelled = r#""state":"CONDITION_FAILED","executionReason":"CANCELLED""#;
    let completed = format!(r#"{{"type":"Completed",{cancelled}}}"#);
    let malformed = || Err("malformed".to_owned());
    for (conditions, expected) in [
        (
            format!(r#"[{{"type":"Started"}},{completed}]"#),
            Ok(Some(Verdict::Cancelled)),
        ),
        (format!(r#"[{{"type":"Started",{cancelled}}}]"#), Ok(None)),
        (format!("[{{{cancelled}}}]"), Ok(None)),
        ("[]".to_owned(), Ok(None)),
        ("null".to_owned(), Ok(None)),
        (format!("[{completed},{completed}]"), malformed()),
        (format!("[7,{completed}]"), malformed()),
        (completed.clone(), malformed()),
        (format!(r#"[{{"type":7}},{completed}]"#), malformed()),
    ] {
        assert_eq!(read(&conditions), expected, "{conditions}");
    }
}

/// Rows with a state, each with a name.
fn names_with_a_state() -> Vec<OperationName> {
    let mut names: Vec<_> = cases("states.json")
        .iter()
        .map(|case| {
            let text = |field: &str| case[field].as_str().unwrap();
            named(text("service"), text("name"))
        })
        .collect();
    names.dedup();
    names
}

/// Changes a text in so many places: bytes, words of the vectors, and pieces of JSON.
fn changed(text: &str, words: &[String], dice: &mut Dice) -> Vec<u8> {
    let pieces = [
        "\"", "{", "}", "[", "]", ",", ":", "null", "/", "\\u0000", "7",
    ];
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..=dice.below(3) {
        let at = dice.below(bytes.len() as u64 + 1) as usize;
        let end = (at + dice.below(4) as usize).min(bytes.len());
        let put = match dice.below(4) {
            0 => vec![dice.below(256) as u8],
            1 => dice.pick(words).clone().into_bytes(),
            2 => dice.pick(&pieces).as_bytes().to_vec(),
            _ => Vec::new(),
        };
        bytes.splice(at..end, put);
    }
    bytes
}

#[test]
fn no_bytes_are_a_proof_without_the_word() {
    let cases = cases("states.json");
    let words: Vec<String> = cases
        .iter()
        .flat_map(|case| {
            let word = case["word"].as_str().unwrap();
            word.split('/').map(str::to_owned).collect::<Vec<_>>()
        })
        .collect();
    let mut dice = Dice::new(20_261_129);
    let mut proven = 0;
    for name in names_with_a_state() {
        let Reading::State(state) = name.pattern().reading else {
            panic!("{name}")
        };
        let own = cases
            .iter()
            .filter(|case| case["name"] == name.relative() && case["service"] == name.service().id);
        for case in own {
            let body = case["body"].to_string();
            for _ in 0..150 {
                let bytes = changed(&body, &words, &mut dice);
                let response = http::Response::new(bytes.clone());
                let cancel = Request::Cancel(name.clone()).read(&response);
                assert!(!matches!(cancel, Ok(response) if response != Response::Accepted));
                let list = Request::ListOperations(name.parent(), PageQuery::default());
                drop(list.read(&response));
                let Ok(operation) = Operation::read(name.clone(), &response) else {
                    continue;
                };
                if operation.verdict() != Some(Verdict::Cancelled) {
                    continue;
                }
                proven += 1;
                let value: Value = serde_json::from_slice(&bytes).unwrap();
                let text = value.to_string();
                let has = |word: &str| {
                    word.split('/')
                        .all(|it| text.contains(&format!("\"{it}\"")))
                };
                assert!(state.cancelled.iter().any(|word| has(word)), "{text}");
            }
        }
    }
    assert!(proven > 100, "{proven}");
}
