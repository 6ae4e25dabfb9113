//! Names of other services than the default one: in each format, among others, and as the first name of all.

use countermand_core::Service;
use countermand_fleet::input::Others;

use super::*;

const OTHER: &str = "projects/p/locations/us/operations/";
const FULL: &str = "//documentai.googleapis.com/projects/p/locations/us/operations/";

/// Ids that were taken and problems, of a service or of none.
fn took(input: &str, service: Option<&str>) -> (Vec<String>, Vec<String>) {
    let (mut ids, mut problems) = (Vec::new(), Vec::new());
    let mut entries = read(input.as_bytes(), None);
    entries = match service {
        Some(id) => entries.endpoint(Service::named(id).unwrap().endpoint()),
        None => entries.of_any_service(None),
    };
    for entry in entries {
        match entry {
            Ok(entry) => ids.push(entry.target.name.id().to_owned()),
            Err(error) => problems.push(error.problem.to_string()),
        }
    }
    (ids, problems)
}

/// The documents of the manual, with names of each of these services.
fn formats(name: &str) -> [String; 9] {
    [
        format!("{name}1\n{name}2\n"),
        format!("# all\n  {name}1 \n\n{name}2"),
        format!("{name}1,\n{name}2,\n"),
        format!("\"{name}1\"\n\"{name}2\"\n"),
        format!("who,op\nann,{name}1\nbob,{name}2\n"),
        format!("name,operation\nann,{name}1\nbob,{name}2\n"),
        format!("operation_name;x\n{name}1;1\n{name}2;2\n"),
        format!("{{\"name\":\"{name}1\"}}\n{{\"name\":\"{name}2\"}}\n"),
        format!("[\"{name}1\",\n\"{name}2\"]"),
    ]
}

#[test]
fn each_format_takes_names_of_each_service() {
    let good = (vec!["1".to_owned(), "2".to_owned()], Vec::new());
    for (service, names) in [
        (
            "androidmanagement.v1",
            vec!["enterprises/e/devices/d/operations/"],
        ),
        ("documentai.v1", vec![OTHER, FULL]),
        ("logging.v2", vec!["folders/f/locations/us/operations/"]),
        (
            "sqladmin.v1",
            vec![
                "projects/p/operations/",
                "https://sqladmin.googleapis.com/v1/projects/p/operations/",
            ],
        ),
        ("storagetransfer.v1", vec!["transferOperations/"]),
    ] {
        for name in names {
            for text in formats(name) {
                assert_eq!(took(&text, Some(service)), good, "{service} {text}");
            }
        }
    }
    // The first name tells the service.
    for text in formats(FULL) {
        assert_eq!(took(&text, None), good, "{text}");
    }
}

#[test]
fn names_of_other_services_are_counted_by_service() {
    let redis = "//redis.googleapis.com/projects/p/locations/us/operations/";
    let lines = |name: &str| {
        (0..400)
            .map(|id| format!("{name}{id}\n"))
            .collect::<String>()
    };
    for (input, service, expected) in [
        (
            format!(
                "{FULL}1\n{}rubbish\n{}",
                lines(redis),
                lines("//file.googleapis.com/projects/p/locations/us/operations/")
            ),
            None,
            &[
                "397 more are names of the service file.v1",
                "397 more are names of the service redis.v1",
            ][..],
        ),
        (
            format!("name\n{}", lines(redis)),
            Some("documentai.v1"),
            &["397 more are names of the service redis.v1"],
        ),
        (
            format!("name\n{}", lines(OTHER)),
            Some("androidmanagement.v1"),
            &["397 more are names of other services"],
        ),
    ] {
        let mut mistakes = Mistakes::default();
        let mut entries = read(input.as_bytes(), None);
        entries = match service {
            Some(id) => entries.endpoint(Service::named(id).unwrap().endpoint()),
            None => entries.of_any_service(None),
        };
        for error in entries.filter_map(Result::err) {
            mistakes.add(&error.problem);
        }
        assert_eq!(mistakes.more().collect::<Vec<_>>(), expected);
    }
}

#[test]
fn a_word_without_a_version_takes_that_of_the_first_name() {
    let version = |word: &str, input: &str| {
        let service = Service::choose(word, None).unwrap();
        let mut entries = read(input.as_bytes(), None)
            .endpoint(service.endpoint())
            .of_any_service(Some(word.to_owned()));
        let taken = entries.by_ref().filter(Result::is_ok).count();
        (
            taken,
            entries.is_undecided(),
            entries.names_endpoint().service().id,
        )
    };
    let link = "https://sqladmin.googleapis.com/sql/v1beta4/projects/p/operations/1";
    assert_eq!(version("sqladmin", link), (1, false, "sqladmin.v1beta4"));
    assert_eq!(
        version("sqladmin", "projects/p/operations/1"),
        (1, false, "sqladmin.v1")
    );
    assert_eq!(version("sqladmin.v1", link), (0, true, "sqladmin.v1"));
    assert_eq!(
        version("cloudbuild", "x\noperations/build/p/1\n"),
        (1, false, "cloudbuild.v1")
    );
    assert_eq!(version("cloudbuild", "no name"), (0, true, "cloudbuild.v2"));
}

#[test]
fn a_resource_with_a_bare_name_is_named_by_its_self_link() {
    let sql = json!({
        "kind": "sql#operation",
        "name": "3f",
        "operationType": "EXPORT",
        "selfLink": "https://sqladmin.googleapis.com/sql/v1beta4/projects/p/operations/3f",
        "status": "RUNNING",
        "targetLink": "https://sqladmin.googleapis.com/sql/v1beta4/projects/p/instances/i",
    });
    let gke = json!({
        "name": "operation-1-a",
        "selfLink": "https://container.googleapis.com/v1/projects/1/zones/us-central1-a/operations/operation-1-a",
        "status": "RUNNING",
        "zone": "us-central1-a",
    });
    for (answer, id, service) in [
        (&sql, "3f", "sqladmin.v1beta4"),
        (&gke, "operation-1-a", "container.v1"),
    ] {
        let list = serde_json::to_string_pretty(&json!([answer])).unwrap();
        for text in [answer.to_string(), list] {
            let good = (vec![id.to_owned()], Vec::new());
            assert_eq!(took(&text, Some(service)), good);
            assert_eq!(took(&text, None), good);
            let (_, problems) = took(&text, Some("documentai.v1"));
            assert!(
                problems[0].contains(&format!("a name of the service {service}")),
                "{problems:?}"
            );
        }
    }
    let (_, problems) = took(&sql.to_string(), Some("sqladmin.v1"));
    assert!(
        problems[0].contains("a name of the service sqladmin.v1beta4"),
        "{problems:?}"
    );
}

#[test]
fn what_stands_around_a_name_is_no_part_of_it() {
    for name in [format!("{NAME}7"), format!("{OTHER}7")] {
        let service = match name.starts_with('e') {
            true => "androidmanagement.v1",
            false => "documentai.v1",
        };
        for (text, told) in [
            (format!("{name}."), "has `.` at byte"),
            (format!("x\n{name},"), "has `,` at byte"),
            (format!("x\n'{name}'"), "remove the quotes"),
            (
                format!("({name})"),
                "has `(` at byte 0: give the name alone",
            ),
            (format!("x\n- {name}"), "more than a name"),
            (format!("{name} RUNNING"), "more than a name"),
            (
                format!("x\n12:00 token=canary {name}, was sent"),
                "this cuts names out: grep -oE '",
            ),
            (
                format!("curl -H 'Authorization: Bearer canary' https://a.example/{name}:cancel"),
                "this cuts names out: grep -oE '",
            ),
            (format!("who,op\nx,{name};"), "has `;` at byte"),
            (format!("\"{name}.\""), "has `.` at byte"),
            (format!("{{\"name\":\"{name},\"}}"), "has `,` at byte"),
        ] {
            let (good, problems) = took(&text, Some(service));
            assert!(good.is_empty(), "{text}: {good:?}");
            let problem = problems.last().unwrap();
            assert!(
                problem.contains(told) && !problem.contains("canary"),
                "{text}: {problems:?}"
            );
            let pattern = Service::named(service).unwrap().pattern();
            let first = pattern.split('/').next().unwrap();
            assert!(
                !problem.contains("grep") || problem.contains(&format!("'{first}/")),
                "{problem}"
            );
        }
    }
    // Data that a program wrote is taken as it is.
    let odd = format!("{NAME}(1),");
    let line = json!({"name": odd, "done": false}).to_string();
    assert_eq!(took(&line, Some("androidmanagement.v1")).0, ["1(1),"]);
}

/// Names of several services, each in the form that tells it, in every format and in any order.
#[test]
fn names_of_several_services_are_taken_where_they_tell_theirs() {
    const DEVICE: &str = "enterprises/e/devices/d/operations/";
    const URL: &str = "https://batch.googleapis.com/v1/projects/p/locations/l/operations/";
    let batch = Service::named("batch.v1").unwrap().endpoint();
    let at = |host: &str| {
        format!("http://{host}/v1")
            .parse::<countermand_core::Endpoint>()
            .unwrap()
    };
    let own = [
        (URL, batch.clone()),
        (
            "http://127.0.0.1:7/v1/projects/p/locations/l/operations/",
            at("127.0.0.1:7").of_service(batch.service()),
        ),
    ];
    for (url, place) in own {
        for order in [[DEVICE, url], [url, DEVICE]] {
            for mixed in formats("#").iter().map(|text| {
                text.replace("#1", &format!("{}1", order[0]))
                    .replace("#2", &format!("{}2", order[1]))
            }) {
                let taken = |others: Others| {
                    let mut services = Vec::new();
                    let entries = read(mixed.as_bytes(), None)
                        .endpoint(place.clone())
                        .others(others);
                    for entry in entries {
                        services.push(entry.ok().map(|entry| entry.target.name.service().id));
                    }
                    services
                };
                let of = |name: &str| {
                    let is_device = name == DEVICE;
                    Some(if is_device {
                        "androidmanagement.v1"
                    } else {
                        "batch.v1"
                    })
                };
                let all = order.map(of).to_vec();
                let default = Service::DEFAULT.endpoint();
                assert_eq!(taken(Others::At(vec![default])), all, "{mixed}");
                assert_eq!(taken(Others::Any), all, "{mixed}");
                // Otherwise the one is refused, and the other one stays.
                let alone = taken(Others::None);
                assert!(
                    alone.contains(&Some("batch.v1")) && alone.contains(&None),
                    "{mixed}"
                );
            }
        }
    }
}
