//! Operations below a searched name that none of the lists of the search has.

use countermand_emulator::Fate;
use serde_json::{Value, json};

use crate::services_jobs::World;

const INSTANCE: &str = "projects/p/instances/i";
const SAID: &str = "operations of other lists are not searched: \
    projects/{project}/instances/{instance}/backups/{backup}/operations/{operation}, \
    projects/{project}/instances/{instance}/databases/{database}/operations/{operation}, \
    projects/{project}/instances/{instance}/instancePartitions/{instancePartition}/operations/{operation}; \
    search such a list by its own name";

fn patterns() -> Value {
    [
        "backups/{backup}",
        "databases/{database}",
        "instancePartitions/{instancePartition}",
    ]
    .map(|below| {
        format!("projects/{{project}}/instances/{{instance}}/{below}/operations/{{operation}}")
    })
    .into_iter()
    .collect()
}

/// The value of the field in the lines of these schemas.
fn fields(lines: &[Value], schema: &str) -> Vec<Value> {
    let lines = lines.iter().filter(|line| line["schema"] == schema);
    lines.map(|line| line["not_searched"].clone()).collect()
}

#[test]
fn a_search_says_which_lists_it_does_not_read() {
    let world = World::new("spanner.v1", INSTANCE, &[Fate::Cancellable; 2]);
    let found = world.command(&["find", "--names-only", INSTANCE]).run();
    assert_eq!(
        (found.code, found.stdout.lines().count()),
        (0, 2),
        "{found:?}"
    );
    assert!(found.stderr.contains(SAID), "{found:?}");
    let found = world.command(&["find", "--json", INSTANCE]).run();
    assert_eq!(fields(&found.json(), "countermand.search/1"), [patterns()]);
    // All that was asked for was read.
    assert_eq!(found.code, 0);

    let database = format!("{INSTANCE}/databases/d");
    world.add(&database, &[Fate::Cancellable]);
    let found = world.command(&["find", "--json", &database]).run();
    assert_eq!((found.code, found.json().len()), (0, 1), "{found:?}");
    assert!(!found.stderr.contains("not searched"), "{found:?}");
}

#[test]
fn a_plan_and_all_that_is_told_of_it_say_so() {
    let world = World::new("spanner.v1", INSTANCE, &[Fate::Cancellable; 2]);
    let plan = world.planned(&[INSTANCE]);
    assert!(plan.stdout.contains(SAID), "{plan:?}");
    let other = world.folder.path().join("json.job");
    let other = other.to_str().unwrap().to_owned();
    let json = world
        .command(&["plan", "--json", "-o", &other, INSTANCE])
        .run();
    assert_eq!(fields(&json.json(), "countermand.plan/1"), [patterns()]);
    std::fs::remove_file(&other).unwrap();
    let job = world.job();
    let refused = world.command(&["apply", &job]).run();
    assert!(refused.stderr.contains(SAID), "{refused:?}");
    let applied = world
        .command(&["apply", &job, "--confirm", "projects/p:2", "--json"])
        .run();
    assert_eq!(applied.code, 0, "{applied:?}");
    assert_eq!(
        fields(&applied.json(), "countermand.search/1"),
        [patterns()]
    );
    let status = world.command(&["status", &job, "--json"]).run();
    assert_eq!(fields(&status.json(), "countermand.status/1"), [patterns()]);
    let status = world.command(&["status", &job]).run();
    assert!(status.stdout.contains(SAID), "{status:?}");
    let report = world.command(&["report", &job]).run();
    assert_eq!(fields(&report.json(), "countermand.report/1"), [patterns()]);
    let page = world.command(&["report", &job, "--format", "html"]).run();
    assert!(
        page.stdout
            .contains("operations of other lists are not searched"),
        "{}",
        page.stdout
    );

    let plan = world.command(&["plan", "-o", &other, INSTANCE]).run();
    assert!(plan.stdout.contains(SAID), "all are done: {plan:?}");
}

#[test]
fn a_rescue_says_so_before_it_is_confirmed_and_at_its_end() {
    let world = World::new("spanner.v1", INSTANCE, &[Fate::Cancellable; 2]);
    let job = world.job();
    let refused = world.command(&["rescue", "--job", &job, INSTANCE]).run();
    let (before, _) = refused.stderr.split_once("To confirm:").unwrap();
    assert!(before.contains(SAID), "{refused:?}");
    assert!(world.api.asked().is_empty());
    let run = world
        .command(&["rescue", "--job", &job, INSTANCE, "--confirm", "projects/p"])
        .run();
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.stdout.contains(SAID), "{run:?}");
    let report = world.command(&["report", &job]).run();
    assert_eq!(fields(&report.json(), "countermand.report/1"), [patterns()]);
}

/// Two lists of one resource, both of which are searched.
#[test]
fn a_list_that_is_searched_as_well_is_no_other_list() {
    let region = "projects/p/regions/r";
    let world = World::new("dataproc.v1", region, &[Fate::Cancellable]);
    let jobs = "//dataproc.googleapis.com/projects/p/regions/r/jobs";
    let one = world.command(&["find", "--json", region]).run();
    let job = "projects/{project}/regions/{region}/jobs/{job}";
    assert_eq!(
        fields(&one.json(), "countermand.search/1"),
        [json!([job])],
        "{one:?}"
    );
    let both = world.command(&["find", "--json", region, jobs]).run();
    assert_eq!(
        (both.code, fields(&both.json(), "countermand.search/1")),
        (0, vec![]),
        "{both:?}"
    );
    // Of another region it is.
    let elsewhere = jobs.replace("/r/", "/other/");
    let both = world.command(&["find", "--json", region, &elsewhere]).run();
    let mut others = fields(&both.json(), "countermand.search/1");
    let others = others.pop().unwrap();
    assert!(others.as_array().unwrap().contains(&json!(job)), "{both:?}");
}
