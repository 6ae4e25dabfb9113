//! The table of errors: it agrees with the docs, is stored and read back, and real answers reach it.

use std::fmt::Write;

use countermand_core::{
    Error, ErrorFacts, ErrorKey, ExitClass, FailureScope, Fetch, Operation, OperationName, Phase,
    Request, Service, Step, Time, TransportError, TransportErrorKind,
};
use countermand_scheduler::Quota;
use countermand_scheduler::{Event, Scheduler};
use countermand_tests::fleet::run;
use countermand_tests::server::{answer, works};
use countermand_tests::vectors::{cases, response};
use http::Response;
use serde_json::json;
use std::time::Duration;

/// Set by `make errors`.
const WRITE: &str = "COUNTERMAND_WRITE_ERRORS";

const LIMIT: Duration = Duration::from_secs(3600);

fn name(id: u32) -> OperationName {
    let name = format!("enterprises/LC01/devices/3f/operations/{id}");
    name.parse().unwrap()
}

/// The error of an operation that was left alone because of this one.
fn not_attempted(cause: &Error) -> Error {
    Error::not_attempted(cause.kind().into()).with_resource(&name(17))
}

/// The tables of docs/errors.md, generated from the code: one for the reader of an error, one of properties.
fn tables() -> [String; 2] {
    let mut advice = String::from("| key | text | exit code | advice |\n|---|---|---|---|\n");
    let mut properties = String::from(
        "| key | kind | what is done | concerns | sent | may be delivered | worth another run | Python |\n|---|---|---|---|---|---|---|---|\n",
    );
    for key in ErrorKey::ALL {
        let row = key.row();
        let yes = |yes| if yes { "yes" } else { "no" };
        let code = match key {
            ErrorKey::NotAttempted => "of the cause".to_owned(),
            _ => row.exit.code().to_string(),
        };
        let _ = writeln!(
            advice,
            "| `{}` | {} | {code} | {} |",
            row.word,
            row.text,
            row.advice(Service::DEFAULT),
        );
        let _ = writeln!(
            properties,
            "| `{}` | `{}` | {} | {} | {} | {} | {} | `{}` |",
            row.word,
            row.kind,
            row.retry_action.as_str(),
            row.failure_scope.as_str(),
            yes(row.may_have_left),
            yes(row.maybe_delivered),
            yes(row.again),
            row.exception,
        );
    }
    [advice, properties]
}

/// The page with its two tables, which are runs of lines that begin with `|`, replaced by those of the code.
fn page(written: &str) -> String {
    let mut tables = tables().into_iter();
    let mut page = String::new();
    let mut inside = false;
    for line in written.split_inclusive('\n') {
        let row = line.starts_with('|');
        if row && !inside {
            page += &tables.next().expect("docs/errors.md has two tables");
        } else if !row {
            page += line;
        }
        inside = row;
    }
    assert_eq!(tables.next(), None, "docs/errors.md has two tables");
    page
}

#[test]
fn fault_46_the_documented_tables_are_generated_from_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/errors.md");
    let written = std::fs::read_to_string(path).unwrap();
    let page = page(&written);
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(path, &page).unwrap();
        return;
    }
    let mut lines = page.lines().zip(written.lines());
    let differs = lines.find(|(new, old)| new != old);
    assert!(
        page == written,
        "docs/errors.md is not up to date: run `make errors`; the first line that differs: {differs:?}"
    );
}

/// Every error that an answer or a transport can cause.
fn all() -> Vec<Error> {
    let name = name(17);
    let transports = TransportErrorKind::ALL.into_iter();
    let mut all: Vec<Error> = transports
        .map(|kind| TransportError::new(kind, "the cause").into())
        .collect();
    for case in cases("responses.json") {
        let answer = response(&case);
        all.extend(match case["parser"].as_str() {
            Some("cancel") => Request::Cancel(name.clone()).read(&answer).err(),
            Some("device") => Request::GetParent(name.parent()).read(&answer).err(),
            _ => None,
        });
    }
    let other = format!(r#"{{"name":"{}"}}"#, self::name(18));
    all.extend(Operation::read(name.clone(), &Response::new(other)).err());
    let sql = Service::named("sqladmin.v1").unwrap();
    let unshown = OperationName::parse(sql, "projects/p/operations/1").unwrap();
    match Fetch::new(Request::Get(unshown)).map(|fetch| fetch.start(Time::START, 1)) {
        Some(Step::Done(ended)) => all.extend(ended.err()),
        other => panic!("{other:?}"),
    }
    let causes: Vec<Error> = all.iter().map(not_attempted).collect();
    all.extend(causes);
    all
}

#[test]
fn fault_46_a_stored_error_is_read_back_into_its_row() {
    let mut met = Vec::new();
    for error in all() {
        let stored = serde_json::to_value(&error).unwrap();
        let facts = ErrorFacts::stored(&stored).unwrap();
        assert_eq!(facts, error.facts(), "{stored}");
        assert_eq!(stored["kind"], facts.key.row().kind);
        met.push(facts.key);
        // As an earlier version stored it: the words of the family and of the transport.
        let mut before = stored.clone();
        before.as_object_mut().unwrap().remove("key");
        let before = ErrorFacts::stored(&before).unwrap();
        assert_eq!(before.key.row().kind, facts.key.row().kind, "{stored}");
        // An operation that was not attempted ends as its cause does.
        let behind = not_attempted(&error);
        let cause = facts.cause.unwrap_or(facts.key);
        assert_eq!(behind.facts().cause, Some(cause));
        assert_eq!(behind.facts().exit_class(), cause.row().exit, "{stored}");
    }
    let out_of_reach = [ErrorKey::ParentNotFound, ErrorKey::Stopped];
    for key in ErrorKey::ALL {
        assert!(met.contains(key) != out_of_reach.contains(key), "{key:?}");
    }
    assert_eq!(
        ErrorFacts::stored(&json!({"kind": "of a later version"})),
        None
    );
    assert_eq!(ErrorFacts::stored(&json!({"kind": 7})), None);
    assert_eq!(ErrorFacts::stored(&json!(null)), None);
}

#[test]
fn fault_46_credentials_are_denied_and_doubt_is_unresolved() {
    for error in all() {
        let facts = error.facts();
        let denied = matches!(facts.exit_class(), ExitClass::Denied);
        let of_token = matches!(
            facts.cause.unwrap_or(facts.key),
            ErrorKey::Unauthenticated
                | ErrorKey::TokenUnavailable
                | ErrorKey::CredentialsRejected
                | ErrorKey::LoginExpired
                | ErrorKey::Proxy
        );
        let forbidden = facts.cause.unwrap_or(facts.key).row().kind == "permission_denied";
        assert_eq!(denied, of_token || forbidden, "{error}");
        if error.maybe_delivered() {
            assert_eq!(facts.exit_class(), ExitClass::Unresolved, "{error}");
        }
    }
    // A failure of any kind may follow an attempt that may have been delivered.
    for key in ErrorKey::ALL {
        let in_doubt = json!({"key": key.as_str(), "maybe_delivered": true});
        let expected = match key.row().exit {
            ExitClass::Failed => ExitClass::Unresolved,
            class => class,
        };
        let facts = ErrorFacts::stored(&in_doubt).unwrap();
        assert_eq!(facts.exit_class(), expected, "{key:?}");
    }
}

fn scheduler(names: u32) -> Scheduler {
    let mut scheduler = Scheduler::new(1).quota(Quota::unlimited()).in_flight(10);
    for id in 0..names {
        scheduler.push(name(id), Phase::Unsent);
    }
    scheduler.close();
    scheduler
}

/// A denial that concerns every caller: one answer, and nothing else is sent.
#[test]
fn fault_54_a_denial_of_everybody_stops_after_one_answer() {
    let mut met = 0;
    for case in cases("responses.json") {
        let everything = case["expect"]["failure_scope"] == "everything" && case["status"] == 403;
        if !everything || case["parser"] != "cancel" {
            continue;
        }
        let denial = response(&case);
        let report = run(&mut scheduler(100).in_flight(1), LIMIT, &mut |_, _| {
            answer(403, denial.body().clone())
        });
        assert_eq!(report.sent.len(), 1, "{case}");
        assert_eq!(report.finished.len(), 100);
        let key = case["expect"]["key"].as_str().and_then(ErrorKey::from_word);
        for (place, (_, result)) in report.finished.iter().enumerate() {
            let facts = result.as_ref().unwrap_err().facts();
            assert_eq!(facts.exit_class(), ExitClass::Denied);
            if let Some(key) = key {
                assert_eq!(facts.cause.unwrap_or(facts.key), key, "{place}");
            }
        }
        met += 1;
    }
    assert!(met > 5, "{met}");
}

/// The page of a captive portal, or of a front end.
fn portal(status: u16) -> (Duration, Result<Response<bytes::Bytes>, TransportError>) {
    answer(status, "<html>Error 404 (Not Found)!!1</html>")
}

#[test]
fn fault_53_a_page_ends_a_scheduler_at_once() {
    for status in [200, 302, 401, 403, 404, 405, 411, 451, 511] {
        let mut denied = scheduler(100).in_flight(1);
        let report = run(&mut denied, LIMIT, &mut |_, _| portal(status));
        assert_eq!(report.sent.len(), 1, "{status}");
        assert!(report.closed.is_empty());
        assert!(report.ended < Duration::from_secs(1), "{:?}", report.ended);
        for (_, result) in &report.finished {
            let facts = result.as_ref().unwrap_err().facts();
            let key = facts.cause.unwrap_or(facts.key);
            assert_eq!(
                key.row().exception == "NotTheApi",
                status != 302,
                "{status}"
            );
            assert_eq!(key.row().failure_scope, FailureScope::Everything);
        }
    }
}

#[test]
fn fault_53_a_job_probes_a_portal_until_the_api_is_back() {
    for status in [200, 302, 403, 404, 451] {
        let until = Duration::from_secs(600);
        let mut job = scheduler(300).probe_on();
        let report = run(&mut job, LIMIT, &mut |at, request| match at < until {
            true => portal(status),
            false => works(request),
        });
        assert!(report.closed.is_empty(), "a page closes no enterprise");
        assert_eq!(report.finished.len(), 300);
        for (name, result) in &report.finished {
            let outcome = result.as_ref().unwrap();
            assert_eq!(outcome.verdict.as_str(), "cancelled", "{name}");
        }
        let pages = report.sent.iter().filter(|(at, ..)| *at < until).count();
        assert!(pages <= 10 + 600 / 5 + 1, "{pages} probes with {status}");
        assert!(report.circuit[0].1);
        assert!(report.circuit[0].0 < Duration::from_secs(1), "told at once");
    }
}

/// In the middle of a run such a page is a failure like others; if nothing else comes, the run stops.
#[test]
fn fault_53_pages_in_the_middle_of_a_run() {
    // Every tenth answer is a page.
    let mut count = 0;
    let report = run(&mut scheduler(300), LIMIT, &mut |_, request| {
        count += 1;
        match count % 10 {
            5 => portal(404),
            _ => works(request),
        }
    });
    let cancelled = report.finished.iter().filter(|(_, result)| {
        result
            .as_ref()
            .is_ok_and(|outcome| outcome.verdict.as_str() == "cancelled")
    });
    assert_eq!(cancelled.count(), 300);

    // From some time on, all answers are pages.
    let report = run(&mut scheduler(300), LIMIT, &mut |at, request| match at
        < Duration::from_secs(1)
    {
        true => works(request),
        false => portal(200),
    });
    assert!(report.ended < Duration::from_secs(10), "{:?}", report.ended);
    assert_eq!(report.finished.len(), 300);
}

/// One name that a front end refuses does not stop the others, and is not requested without end.
#[test]
fn fault_53_a_page_for_one_name_is_that_names() {
    let odd = name(7);
    let report = run(&mut scheduler(300), LIMIT, &mut |_, request| match request
        .uri()
        .path()
        .contains("/operations/7:")
    {
        true => portal(400),
        false => works(request),
    });
    let asked = report
        .sent
        .iter()
        .filter(|(.., status)| *status == Some(400));
    assert!(asked.count() <= 10);
    for (name, result) in &report.finished {
        match result {
            Ok(outcome) => assert_eq!(outcome.verdict.as_str(), "cancelled"),
            Err(error) => assert_eq!((name, error.key()), (&odd, ErrorKey::NotTheApi)),
        }
    }
}

#[test]
fn fault_47_what_stops_a_scheduler_is_an_event_with_its_key() {
    let mut scheduler = scheduler(3).in_flight(1);
    let now = Time::START;
    let countermand_scheduler::NextStep::Send(ticket, _) = scheduler.next_step(now) else {
        panic!("it begins with a request")
    };
    let gone = TransportError::new(
        TransportErrorKind::CredentialsRejected,
        "the key was deleted",
    );
    scheduler.answer::<Vec<u8>>(ticket, now, Err(gone));
    let events = std::iter::from_fn(|| scheduler.next_event());
    let stopped = events.filter_map(|event| match event {
        Event::Stopped { cause } => Some(cause),
        _ => None,
    });
    let stopped: Vec<_> = stopped.collect();
    assert_eq!(stopped.len(), 1);
    assert_eq!(stopped[0].key(), ErrorKey::CredentialsRejected);
    assert_eq!(stopped[0].exit_class(), ExitClass::Denied);
    assert!(stopped[0].text().contains("the key was deleted"));
}
