//! `services`, `--service` and full names: operations of other services than the default one.

use countermand_core::Service;
use countermand_emulator::{Config, Fate, NewOperation, NewParent, Shared};
use serde_json::json;

use crate::api::{Api, TOKEN};
use crate::process::Process;

const PARENT: &str = "projects/p/locations/us";

/// Operations of Document AI, at an emulator on this machine.
pub(crate) fn documentai(operations: u32) -> Api {
    let service = Service::named("documentai.v1").unwrap();
    let config = Config::default().service(service).parents(0).token(TOKEN);
    let shared = Shared::new(config);
    let new = (0..operations).map(|_| NewOperation::new(Fate::Cancellable));
    let new = NewParent::with(new).name(PARENT);
    let added = shared.with(|emulator, now| emulator.add(now, new).unwrap());
    Api::serve(shared, added.operations, None)
}

pub(crate) fn full(name: &str) -> String {
    format!("//documentai.googleapis.com/{name}")
}

#[test]
fn operations_of_another_service_are_listed_and_cancelled() {
    let api = documentai(3);
    let parent = full(PARENT);
    let listed = api.command(&["list", "--pending", "--json", &parent]).run();
    assert_eq!(listed.code, 0, "{listed:?}");
    let names: Vec<_> = listed
        .json()
        .iter()
        .map(|line| line["operation"]["name"].clone())
        .collect();
    let expected: Vec<_> = api.names.iter().map(|name| json!(full(name))).collect();
    assert_eq!(names, expected);

    // By the full name, by the relative one, and by what `list` prints.
    let one = api
        .command(&["cancel", "--json", &full(&api.names[0])])
        .run();
    assert_eq!(
        (one.code, &one.json()[0]["verdict"]),
        (0, &json!("cancelled")),
        "{one:?}"
    );
    assert_eq!(one.json()[0]["name"], full(&api.names[0]));
    let two = api
        .command(&["cancel", "--service", "documentai", &api.names[1]])
        .run();
    assert_eq!(two.code, 0, "{two:?}");
    let args = ["cancel", "--json", "--service", "documentai.v1", "-"];
    let all = api.command(&args).input(listed.stdout.clone()).run();
    assert_eq!(all.code, 0, "{all:?}");
    assert_eq!(all.json().len(), 3);
    let got = api
        .command(&["get", "--service", "documentai", &full(&api.names[2])])
        .run();
    assert!(got.code == 0 && got.stdout.contains("cancelled"), "{got:?}");
}

#[test]
fn names_of_two_services_are_not_mixed() {
    let api = documentai(1);
    let own = full(&api.names[0]);
    let other = "//translation.googleapis.com/projects/p/locations/us/operations/1";
    let device = "enterprises/e/devices/d/operations/1";
    for (args, problem) in [
        (
            &["cancel", &own, other][..],
            "a name of the service translate.v3",
        ),
        (
            &["cancel", &own, device],
            "a name of the service androidmanagement",
        ),
        (
            &["cancel", "--service", "translate", &own],
            "a name of the service documentai.v1",
        ),
        (
            &["cancel", "--service", "documentaj", &own],
            "the nearest are documentai",
        ),
        (
            &["cancel", &api.names[0]],
            "set the service, or give the full name //HOST/NAME (--service NAME)",
        ),
        (
            &["get", "--service", "videostitcher", &own],
            "(`countermand services` lists all)",
        ),
    ] {
        let run = api.command(args).run();
        assert_eq!(run.code, 2, "{args:?} {run:?}");
        assert!(run.stderr.contains(problem), "{args:?} {run:?}");
    }
    assert!(api.asked().is_empty());
}

#[test]
fn the_services_are_listed() {
    let run = Process::new(&["services"]).run();
    assert_eq!(
        (run.code, run.stdout.lines().count()),
        (0, Service::ids().count()),
        "{run:?}"
    );
    let run = Process::new(&["services", "--json", "texttospeech.v1"]).run();
    let line = &run.json()[0];
    assert_eq!((run.code, &line["id"]), (0, &json!("texttospeech.v1")));
    let none = json!({
        "pattern": "operations/{operation=**}",
        "get": false,
        "list": false,
        "filter": false,
        "list_field": "operations",
    });
    assert!(line["names"].as_array().unwrap().contains(&none), "{line}");
    let run = Process::new(&["services", "documentia"]).run();
    assert!(
        run.code == 2 && run.stderr.contains("documentai"),
        "{run:?}"
    );
}

/// A service that is not built in, as a file.
fn described(id: &str, host: &str) -> String {
    let form = json!({
        "schema": "countermand.service/1",
        "id": id,
        "title": "A private API",
        "host": host,
        "names": [{"pattern": "projects/{project}/locations/{location}/operations/{operation}"}],
    });
    form.to_string()
}

/// The emulator does not know the service: it serves one with the same names.
#[test]
fn operations_of_a_service_in_a_file_are_cancelled() {
    let api = documentai(2);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("private.json");
    std::fs::write(&file, described("private.v1", "private.googleapis.com")).unwrap();
    let file = file.to_str().unwrap();
    let full = |name: &str| format!("//private.googleapis.com/{name}");
    let args = ["cancel", "--json", "--service-file", file];
    let names = [api.names[0].as_str(), &full(&api.names[1])];
    let run = api.command(&[&args[..], &names].concat()).run();
    assert_eq!(run.code, 0, "{run:?}");
    for line in run.json() {
        let name = line["name"].as_str().unwrap();
        assert_eq!(line["verdict"], json!("cancelled"));
        assert!(name.starts_with("//private.googleapis.com/"), "{name}");
    }
    let run = Process::new(&["services", "--json", "--service-file", file]).run();
    assert_eq!(
        (run.code, &run.json()[0]["id"], run.json().len()),
        (0, &json!("private.v1"), 1),
        "{run:?}"
    );
}

#[test]
fn a_service_file_with_a_mistake_sends_nothing() {
    let api = documentai(1);
    let directory = tempfile::tempdir().unwrap();
    for (text, problem) in [
        ("{", "it is not JSON"),
        (
            &described("translate.v3", "x.googleapis.com"),
            "`id`: translate.v3 is built in",
        ),
        (
            &described("private.v1", "https://x.googleapis.com"),
            "`host`: expected a DNS name such as speech.googleapis.com, found a URL with a scheme",
        ),
        (
            &described("private.v1", "x.googleapis.com").replace("names", "patterns"),
            "`names`: it is missing",
        ),
    ] {
        let file = directory.path().join("service.json");
        std::fs::write(&file, text).unwrap();
        let file = file.to_str().unwrap();
        let run = api
            .command(&["cancel", "--service-file", file, &api.names[0]])
            .run();
        assert_eq!(run.code, 2, "{run:?}");
        let place = format!("the service file {file}: ");
        assert!(
            run.stderr.contains(&place) && run.stderr.contains(problem),
            "{run:?}"
        );
    }
    let args = ["cancel", "--service", "documentai", "--service-file", "x"];
    let run = api.command(&[&args[..], &[&api.names[0]]].concat()).run();
    assert!(
        run.code == 2 && run.stderr.contains("cannot be used with"),
        "{run:?}"
    );
    assert!(api.asked().is_empty());
}

#[test]
fn fault_57_a_host_that_is_not_googles_is_named_with_the_run() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("private.json");
    std::fs::write(&file, described("private.v1", "private.example")).unwrap();
    let file = file.to_str().unwrap();
    let name = "projects/p/locations/us/operations/1";
    let run = Process::new(&["cancel", "--service-file", file, name])
        .env("COUNTERMAND_TOKEN", TOKEN)
        .run();
    assert_eq!(run.code, 2, "{run:?}");
    let problem = "name the endpoint https://private.example/v1";
    assert!(run.stderr.contains(problem), "{run:?}");
}
