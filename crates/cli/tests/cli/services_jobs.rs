//! Searches and jobs of other services than the default one.

use std::time::Duration;

use countermand_core::Service;
use countermand_emulator::{Config, Fate, NewOperation, NewParent, Quirks, Script, Shared, State};
use serde_json::{Value, json};

use crate::api::{Api, TOKEN};
use crate::process::{Process, Run};

const PARENT: &str = "projects/p/locations/us";

pub(crate) struct World {
    pub(crate) api: Api,
    pub(crate) folder: tempfile::TempDir,
    /// The options that name the service.
    service: [String; 2],
}

impl World {
    pub(crate) fn new(service: &str, parent: &str, fates: &[Fate]) -> Self {
        let options = ["--service".to_owned(), service.to_owned()];
        Self::of(Service::named(service).unwrap(), options, parent, fates)
    }

    /// The service that a file of docs/service-files describes.
    fn of_file(name: &str, parent: &str, fates: &[Fate]) -> Self {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/service-files");
        let file = format!("{folder}/{name}");
        let service = Service::from_json(&std::fs::read(&file).unwrap()).unwrap();
        let options = ["--service-file".to_owned(), file];
        Self::of(service, options, parent, fates)
    }

    fn of(
        description: &'static Service,
        service: [String; 2],
        parent: &str,
        fates: &[Fate],
    ) -> Self {
        let config = Config::default();
        let shared = Shared::new(config.service(description).parents(0).token(TOKEN));
        let new = NewParent::with(fates.iter().copied().map(NewOperation::new)).name(parent);
        let added = shared.with(|emulator, now| emulator.add(now, new).unwrap());
        Self {
            api: Api::serve(shared, added.operations, None),
            folder: tempfile::tempdir().unwrap(),
            service,
        }
    }

    /// Adds a parent with these operations.
    pub(crate) fn add(&self, parent: &str, fates: &[Fate]) {
        let new = NewParent::with(fates.iter().copied().map(NewOperation::new)).name(parent);
        let shared = &self.api.shared;
        shared.with(|emulator, now| emulator.add(now, new).unwrap());
    }

    pub(crate) fn job(&self) -> String {
        self.folder
            .path()
            .join("a.job")
            .to_str()
            .unwrap()
            .to_owned()
    }

    pub(crate) fn command(&self, args: &[&str]) -> Process {
        let service = self.service.each_ref().map(String::as_str);
        self.api.command(&[args, &service].concat())
    }

    pub(crate) fn planned(&self, names: &[&str]) -> Run {
        let job = self.job();
        let run = self
            .command(&[&["plan", "-o", &job][..], names].concat())
            .run();
        assert_eq!(run.code, 0, "{run:?}");
        run
    }

    /// Cancels that were accepted, by the path of each.
    fn accepted(&self) -> Vec<String> {
        let asked = self.api.asked().into_iter();
        let cancels = asked.filter(|(path, status)| is_cancel(path) && *status == Some(200));
        cancels.map(|(path, _)| path).collect()
    }

    /// Applies the job, and kills the process when so many cancels are accepted and the others have no answer.
    fn killed(&self, phrase: &str, accepted: usize) {
        self.kills(&["apply", &self.job(), "--confirm", phrase], accepted);
    }

    /// Starts a command, and kills it then.
    fn kills(&self, args: &[&str], accepted: usize) {
        let stall =
            json!([{"fault": "stall", "method": "cancel", "skip": accepted, "times": null}]);
        let script = |faults| {
            let script = Script::from_value(faults).unwrap();
            self.api
                .shared
                .with(|emulator, _| emulator.set_script(script));
        };
        script(stall);
        let running = self.command(args).start();
        running.until("cancels", |_| {
            let asked = self.api.asked();
            let cancels = asked.iter().filter(|(path, _)| is_cancel(path)).count();
            self.accepted().len() == accepted && cancels > accepted
        });
        let run = running.kill();
        assert_eq!(run.code, -1, "{run:?}");
        script(json!([]));
    }

    /// The verdicts in the report of the job.
    fn verdicts(&self) -> Vec<Value> {
        // A report needs no service, unless a file describes it.
        let report = self.command(&["report", &self.job()]).run();
        let rows = report.json().into_iter();
        rows.filter(|row| row["schema"] == "countermand.row/1")
            .map(|row| row["verdict"].clone())
            .collect()
    }
}

fn is_cancel(path: &str) -> bool {
    let (path, _) = path.split_once('?').unwrap_or((path, ""));
    path.ends_with(":cancel") || path.ends_with("/cancel")
}

fn documentai(operations: usize) -> World {
    World::new(
        "documentai.v1",
        PARENT,
        &vec![Fate::Cancellable; operations],
    )
}

#[test]
fn a_plan_of_names_is_applied_and_reported() {
    let world = documentai(3);
    let names: Vec<_> = world.api.names.iter().map(String::as_str).collect();
    let plan = world.planned(&names);
    assert!(world.api.asked().is_empty());
    assert!(plan.stdout.contains("--confirm projects/p:3"), "{plan:?}");
    assert!(plan.stdout.contains("--service documentai.v1"), "{plan:?}");
    let told = "3 operations to be cancelled: 3 of unknown type\n";
    assert!(plan.stdout.starts_with(told), "{plan:?}");
    let job = world.job();

    // The service is said by the caller, and not by the file.
    let run = world
        .api
        .command(&["apply", &job, "--confirm", "projects/p:3"])
        .run();
    assert_eq!(run.code, 8, "{run:?}");
    assert!(
        run.stderr.contains("Give --service documentai.v1"),
        "{run:?}"
    );
    for phrase in [
        "projects/p:2",
        "projects/q:3",
        "documentai.v1:3",
        "p",
        "LC01:3",
    ] {
        let run = world.command(&["apply", &job, "--confirm", phrase]).run();
        assert_eq!(run.code, 8, "{phrase} {run:?}");
    }
    assert!(world.api.asked().is_empty());

    let run = world
        .command(&["apply", &job, "--confirm", "projects/p:3"])
        .run();
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(world.api.states(), [State::Cancelled; 3]);
    let status = world.api.command(&["status", &job]).run();
    assert!(
        status.code == 0 && status.stdout.contains("3 cancelled"),
        "{status:?}"
    );
    let wrong = world
        .api
        .command(&["status", &job, "--service", "speech"])
        .run();
    assert_eq!(wrong.code, 2, "{wrong:?}");
    let report = world.api.command(&["report", &job]).run();
    let rows = report.json();
    assert_eq!(
        rows.iter()
            .filter(|row| row["verdict"] == "cancelled")
            .count(),
        3
    );
    let name = format!("//documentai.googleapis.com/{}", world.api.names[0]);
    assert!(
        rows.iter().any(|row| row["name"] == json!(name)),
        "{report:?}"
    );
    // What is said of devices is said of none, and the rest has the service.
    let parent = format!("//documentai.googleapis.com/{PARENT}");
    for row in &rows[..3] {
        assert_eq!(
            ["enterprise", "device", "device_seen", "parent", "service"].map(|field| &row[field]),
            [
                &json!(null),
                &json!(null),
                &json!(null),
                &json!(parent),
                &json!("documentai.v1")
            ],
        );
    }
    assert_eq!(rows[3]["service"], "documentai.v1");
    let status = world.api.command(&["status", &job, "--json"]).run();
    assert_eq!(status.json()[0]["service"], "documentai.v1");
    assert_eq!(status.json()[0]["server_filter"], json!(null));
    let csv = world
        .api
        .command(&["report", &job, "--format", "csv"])
        .run();
    let end = format!(r#""documentai.v1","{parent}","","""#);
    assert!(
        csv.stdout.lines().nth(1).unwrap().ends_with(&end),
        "{csv:?}"
    );
}

#[test]
fn a_parent_is_searched_planned_and_rescued() {
    let world = documentai(3);
    let found = world.command(&["find", "--names-only", PARENT]).run();
    assert_eq!(
        (found.code, found.stdout.lines().count()),
        (0, 3),
        "{found:?}"
    );
    world.planned(&[PARENT]);
    let job = world.folder.path().join("rescue.job");
    let job = job.to_str().unwrap();
    let args = ["rescue", PARENT, "--job", job, "--confirm"];
    let run = world.command(&[&args[..], &["projects/q"]].concat()).run();
    assert_eq!(run.code, 8, "{run:?}");
    assert_eq!(world.api.states(), [State::Pending; 3]);
    let run = world.command(&[&args[..], &["projects/p"]].concat()).run();
    assert_eq!(run.code, 0, "{run:?}");
    assert!(
        !run.stderr.contains("device") && !run.stdout.contains("device"),
        "{run:?}"
    );
    assert_eq!(world.api.states(), [State::Cancelled; 3]);
}

#[test]
fn what_a_service_cannot_answer_is_refused_before_anything_is_sent() {
    let world = documentai(1);
    for (args, problem) in [
        (
            &["find", "projects/p"][..],
            "names a project, and operations are listed by location; \
             expected projects/{project}/locations/{location}",
        ),
        (
            &["find", "projects/p/locations/-"],
            "stands for several resources (`-`), and a request is for one",
        ),
        (
            &["rescue", &world.api.names[0]],
            "a rescue searches locations",
        ),
        (
            &["find", "enterprises/LC01"],
            "the name of a project, a location or an operation",
        ),
    ] {
        let run = world.command(args).run();
        assert!(
            run.code == 2 && run.stderr.contains(problem),
            "{args:?} {run:?}"
        );
    }
    let unlisted = Process::new(&["find", "--service", "cloudbuild.v1", PARENT]).run();
    assert_eq!(unlisted.code, 2, "{unlisted:?}");
    assert!(
        unlisted
            .stderr
            .contains("no method that lists the operations of projects/p/locations/us in the form"),
        "{unlisted:?}"
    );
    assert!(world.api.asked().is_empty());
}

#[test]
fn operations_of_no_project_are_confirmed_by_the_service() {
    let world = World::new("accesscontextmanager.v1", "", &[Fate::Cancellable; 2]);
    let names: Vec<_> = world.api.names.iter().map(String::as_str).collect();
    world.planned(&names);
    let job = world.job();
    let phrase = "accesscontextmanager.v1:2";
    let run = world.command(&["apply", &job, "--confirm", phrase]).run();
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(world.api.states(), [State::Cancelled; 2]);
}

#[test]
fn an_operation_of_a_project_is_confirmed_by_the_project() {
    let world = World::new("datastore.v1", "projects/p", &[Fate::Cancellable]);
    world.planned(&[&world.api.names[0]]);
    let run = world
        .command(&["apply", &world.job(), "--confirm", "projects/p:1"])
        .run();
    assert_eq!(run.code, 0, "{run:?}");
}

#[test]
fn a_simulation_is_of_the_service() {
    let run = Process::new(&["simulate", "--operations", "20", "--service", "documentai"]).run();
    assert!(
        run.code == 0 && run.stdout.contains("20 cancelled"),
        "{run:?}"
    );
}

/// Jobs, builds and executions are proven by their own state: found, planned, applied and reported as operations are.
#[test]
fn resources_with_a_state_are_found_planned_applied_and_reported() {
    let after = Duration::ZERO;
    for (service, list, pending) in [
        (
            "workflowexecutions.v1",
            "projects/p/locations/l/workflows/w/executions",
            4,
        ),
        ("dataproc.v1", "projects/p/regions/r/jobs", 4),
        ("batch.v1", "projects/p/locations/l/jobs", 4),
        ("bigquery.v2", "projects/p/locations/us/jobs", 4),
    ] {
        let fates = [
            Fate::Cancellable,
            Fate::Cancellable,
            Fate::Vanishes,
            Fate::Stuck,
            Fate::Fails { after, code: 9 },
            Fate::Completes { after },
        ];
        let world = World::new(service, list, &fates);
        let found = world.command(&["find", "--names-only", list]).run();
        let count = found.stdout.lines().count();
        assert_eq!((found.code, count), (0, pending), "{found:?}");
        let names: Vec<_> = world.api.names.iter().map(String::as_str).collect();
        let plan = world.planned(&[&names[..], &["--deadline", "3s"]].concat());
        let (_, phrase) = plan.stdout.split_once("--confirm ").unwrap();
        let phrase = phrase.split_whitespace().next().unwrap();
        assert!(phrase.ends_with(":6"), "{plan:?}");
        let job = world.job();
        let args = ["apply", &job, "--confirm", phrase];
        let run = world.command(&args).run();
        let report = world.api.command(&["report", &job]).run();
        let rows = report.json();
        let verdict = |name: &str| {
            let full = format!("//{}/{name}", Service::named(service).unwrap().host);
            let row = rows.iter().find(|row| row["name"] == json!(full));
            let row = row.unwrap_or_else(|| panic!("{full} {run:?} {report:?}"));
            let verdict = row["verdict"].as_str();
            verdict
                .unwrap_or_else(|| panic!("{row} {run:?}"))
                .to_owned()
        };
        let verdicts: Vec<_> = names.iter().map(|name| verdict(name)).collect();
        let expected = [
            "cancelled",
            "cancelled",
            "gone",
            "pending",
            "failed",
            "completed",
        ];
        assert_eq!(verdicts, expected, "{service} {run:?}");
        let states = [
            State::Cancelled,
            State::Cancelled,
            State::Gone,
            State::Pending,
            State::Failed,
            State::Completed,
        ];
        assert_eq!(world.api.states(), states);
    }
}

/// The location of a job of BigQuery is written in both ways, and only the URL has it as a parameter.
#[test]
fn two_spellings_of_a_location_are_one_job() {
    let list = "projects/p/locations/US/jobs";
    let world = World::new("bigquery.v2", list, &[Fate::Cancellable; 2]);
    world.add("projects/p/locations/eu/jobs", &[Fate::Cancellable]);
    let own = &*world.api.names[0];
    let id = own.rsplit('/').next().unwrap();
    let american = format!("//bigquery.googleapis.com/projects/p/locations/US/jobs/{id}");
    let mixed = format!("projects/p/locations/Us/jobs/{id}");
    let plan = world.planned(&[own, &american, &mixed]);
    assert!(plan.stdout.contains("--confirm projects/p:1"), "{plan:?}");
    let job = world.job();
    let run = world
        .command(&["apply", &job, "--confirm", "projects/p:1"])
        .run();
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(world.verdicts(), [json!("cancelled")]);
    let query = "location=us&fields=job(";
    let paths = world.accepted();
    assert!(paths.len() == 1 && paths[0].contains(query), "{paths:?}");
    // Either spelling names the list, which has no job of another location.
    for list in [
        list,
        "projects/p/locations/us/jobs",
        "projects/p/locations/us",
    ] {
        let found = world.command(&["find", "--names-only", list]).run();
        let names: Vec<_> = found.stdout.lines().collect();
        let left = format!("//bigquery.googleapis.com/{}", world.api.names[1]);
        assert_eq!((found.code, names), (0, vec![&*left]), "{found:?}");
    }
}

/// A search that was told so has not seen everything, and says so as of a list that could not be read.
#[test]
fn a_list_with_places_that_were_not_reached_is_no_complete_search() {
    let list = "projects/p/locations/l/jobs";
    let world = World::new("batch.v1", list, &[Fate::Cancellable; 2]);
    let mut quirks = Quirks::default();
    quirks.unreachable = true;
    let new = NewParent::with([NewOperation::new(Fate::Cancellable).quirks(quirks)]).name(list);
    let shared = &world.api.shared;
    shared.with(|emulator, now| emulator.add(now, new).unwrap());
    let told = "the server did not reach 1 of the places of this list";
    let (file, rescue) = (world.job(), world.folder.path().join("rescue.job"));
    let rescue = rescue.to_str().unwrap();
    for args in [
        &["find", list][..],
        &["plan", list, "--output", &file],
        &["rescue", list, "--job", rescue, "--confirm", "projects/p"],
    ] {
        let run = world.command(args).run();
        assert_eq!(run.code, 5, "{args:?} {run:?}");
        assert!(
            run.stderr.contains(told) && run.stderr.contains(list),
            "{args:?} {run:?}"
        );
    }
    let states = [State::Cancelled, State::Cancelled, State::Pending];
    let truth = world.api.shared.with(|emulator, now| emulator.truth(now));
    assert_eq!(
        truth.iter().map(|row| row.state).collect::<Vec<_>>(),
        states
    );
    let status = world.api.command(&["status", rescue]).run();
    assert!(status.stdout.contains(told), "{status:?}");
    let run = world.command(&["list", list]).run();
    assert!(run.code != 0 && run.stderr.contains(told), "{run:?}");
}

/// One region has jobs and operations; neither list stands for the other.
#[test]
fn two_lists_of_one_parent_are_two_searches() {
    let (region, jobs) = ("projects/p/regions/r", "projects/p/regions/r/jobs");
    let world = World::new("dataproc.v1", jobs, &[Fate::Cancellable; 3]);
    world.add(region, &[Fate::Cancellable; 2]);
    let found = |names: &[&str]| {
        let run = world
            .command(&[&["find", "--names-only"][..], names].concat())
            .run();
        let count = |list: &str| {
            run.stdout
                .lines()
                .filter(|line| line.contains(list))
                .count()
        };
        assert_eq!(run.code, 0, "{run:?}");
        (count("/jobs/"), count("/operations/"))
    };
    assert_eq!(found(&[jobs]), (3, 0));
    assert_eq!(found(&[region]), (0, 2));
    assert_eq!(found(&[region, jobs]), (3, 2));
    assert_eq!(found(&[jobs, region, jobs]), (3, 2));

    // Killed when one job is cancelled, the rescue of the jobs goes on with the jobs.
    let file = world.job();
    let rescue = ["rescue", jobs, "--job", &file, "--confirm", "projects/p"];
    world.kills(&rescue, 1);
    let again = world.command(&["apply", &file]).run();
    let searches = "It searches //dataproc.googleapis.com/projects/p/regions/r/jobs.";
    assert!(
        again.code == 8 && again.stderr.contains(searches),
        "{again:?}"
    );
    let run = world
        .command(&["apply", &file, "--confirm", "projects/p"])
        .run();
    assert_eq!(run.code, 0, "{run:?}");
    let states = |state: State| {
        let truth = world.api.shared.with(|emulator, now| emulator.truth(now));
        truth.iter().filter(|one| one.state == state).count()
    };
    assert_eq!((states(State::Cancelled), states(State::Pending)), (3, 2));
    assert_eq!(found(&[region, jobs]), (0, 2));
}

#[test]
fn a_location_that_is_not_there_has_erased_nothing() {
    let world = documentai(1);
    let run = world.command(&["list", "projects/p/locations/none"]).run();
    assert!(
        run.code == 1 && run.stderr.ends_with("; check the name\n"),
        "{run:?}"
    );
}

#[test]
fn a_simulation_is_of_resources_with_a_state() {
    for service in ["batch.v1", "workflowexecutions.v1"] {
        let run = Process::new(&["simulate", "--operations", "20", "--service", service]).run();
        let cancelled = run.stdout.contains("20 cancelled");
        assert!(run.code == 0 && cancelled, "{service} {run:?}");
    }
    for (pattern, shown) in [
        (
            None,
            "pattern       projects/{project}/locations/{location}/jobs/{job}\n",
        ),
        (
            Some("operations"),
            "pattern       projects/{project}/locations/{location}/operations/{operation}\n",
        ),
    ] {
        let args = ["simulate", "--operations", "20", "--service", "batch.v1"];
        let pattern = pattern.map(|word| ["--pattern", word]);
        let args: Vec<_> = args
            .into_iter()
            .chain(pattern.into_iter().flatten())
            .collect();
        let run = Process::new(&args).run();
        assert!(run.code == 0 && run.stdout.contains(shown), "{run:?}");
        let run = Process::new(&[&args[..], &["--json"]].concat()).run();
        assert!(
            shown.contains(run.json()[0]["pattern"].as_str().unwrap()),
            "{run:?}"
        );
    }
    let args = [
        "simulate",
        "--operations",
        "1",
        "--service",
        "batch.v1",
        "--pattern",
        "tasks",
    ];
    let run = Process::new(&args).run();
    let problem =
        "--pattern: batch.v1 has no names of the pattern or collection \"tasks\"; expected one of ";
    assert!(run.code == 2 && run.stderr.contains(problem), "{run:?}");
}

/// Only commands have a device that carries them out.
#[test]
fn the_page_of_a_job_names_no_device_to_look_at() {
    let done = Fate::Acknowledged {
        after: Duration::ZERO,
    };
    let world = World::new("documentai.v1", PARENT, &[Fate::Cancellable, done]);
    let names: Vec<_> = world.api.names.iter().map(String::as_str).collect();
    world.planned(&names);
    let job = world.job();
    let run = world
        .command(&["apply", &job, "--confirm", "projects/p:2"])
        .run();
    assert_eq!(run.code, 3, "{run:?}");
    let page = world.folder.path().join("page.html");
    let page = page.to_str().unwrap();
    let args = ["report", &job, "--format", "html", "-o", page];
    let run = world.api.command(&args).run();
    assert_eq!(run.code, 0, "{run:?}");
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.contains(
        "1 operation completed, before the cancellation or despite it: look at what was done first."
    ));
    let text = page.split("<body>").nth(1).unwrap().to_lowercase();
    for word in ["device", "enterprise", "command will", "commands will"] {
        let at = text
            .find(word)
            .map(|at| &text[at.saturating_sub(90)..at + 60]);
        assert_eq!(at, None, "{word}");
    }
    assert!(page.contains(r#"<th scope="col">Parent</th>"#), "{page}");
    assert!(page.contains("documentai.v1"), "{page}");
}

/// Queries of the lists that were asked for.
fn lists(world: &World) -> Vec<String> {
    let asked = world.api.asked().into_iter();
    let lists = asked.filter(|(path, _)| path.contains("pageSize"));
    lists.map(|(path, _)| path).collect()
}

/// The emulator ignores it, as a server may: what is pending is decided here.
#[test]
fn the_filter_of_the_server_is_sent_recorded_and_no_verdict() {
    let done = Fate::Acknowledged {
        after: Duration::ZERO,
    };
    let world = World::new("documentai.v1", PARENT, &[Fate::Cancellable, done]);
    let option = ["--filter", "done = false"];
    let sent = "&filter=done%20%3D%20false&";
    let find = ["find", "--names-only", PARENT];
    let found = world.command(&[&find[..], &option].concat()).run();
    let full = format!("//documentai.googleapis.com/{}\n", world.api.names[0]);
    assert_eq!((found.code, found.stdout), (0, full));
    assert!(lists(&world).iter().all(|path| path.contains(sent)));

    let plan = world.planned(&[&[PARENT][..], &option].concat());
    let json = world.folder.path().join("json.job");
    let json = ["plan", "--json", "-o", json.to_str().unwrap(), PARENT];
    let json = world.command(&[&json[..], &option].concat()).run().json();
    assert_eq!(json[0]["service"], "documentai.v1");
    assert_eq!(json[0]["server_filter"], "done = false");
    let told =
        "found with the filter done = false: what the server does not list for it was not seen";
    assert!(plan.stdout.contains(told), "{plan:?}");
    let job = rusqlite::Connection::open(world.job()).unwrap();
    let settings = job.query_row("SELECT text FROM settings", [], |row| {
        row.get::<_, String>(0)
    });
    let settings = settings.unwrap();
    assert!(
        settings.contains(r#""server_side":"done = false""#),
        "{settings}"
    );

    // A rescue asks with it, tells it, and goes on with it.
    let job = world.folder.path().join("rescue.job");
    let rescue = ["rescue", PARENT, "--job", job.to_str().unwrap()];
    let asked = world.command(&[&rescue[..], &option].concat()).run();
    assert_eq!(asked.code, 8, "{asked:?}");
    let words = "as far as the server lists them for the filter done = false";
    assert!(asked.stderr.contains(words), "{asked:?}");
    let confirmed = ["--confirm", "projects/p", "--max", "0"];
    let run = world
        .command(&[&rescue[..], &option, &confirmed].concat())
        .run();
    assert!(run.stdout.contains("--filter 'done = false'"), "{run:?}");
    assert!(lists(&world).len() > 2 && lists(&world).iter().all(|path| path.contains(sent)));
}

#[test]
fn a_list_takes_a_filter_of_the_server() {
    let world = documentai(2);
    let run = world
        .command(&["list", PARENT, "--filter", "done = false"])
        .run();
    assert_eq!((run.code, run.stdout.lines().count()), (0, 2), "{run:?}");
    let asked = world.api.asked();
    let sent = "&filter=done%20%3D%20false&";
    assert!(
        !asked.is_empty() && asked.iter().all(|(path, _)| path.contains(sent)),
        "{asked:?}"
    );
    let scan = "projects/p/locations/l/lakes/a/tasks/t/jobs";
    let world = World::new("dataplex.v1", scan, &[]);
    let run = world
        .command(&["list", scan, "--filter", "state=RUNNING"])
        .run();
    let problem = "--filter: Cloud Dataplex API takes no filter for the list";
    assert!(run.code == 2 && run.stderr.contains(problem), "{run:?}");
    assert!(world.api.asked().is_empty());
}

#[test]
fn what_the_names_cannot_answer_is_a_usage_error() {
    let scan = "projects/p/locations/l/lakes/a/tasks/t/jobs";
    let jobs = "projects/p/regions/r/jobs";
    let operation = "projects/p/locations/us/operations/1";
    for (service, name, option, problem) in [
        (
            "dataplex.v1",
            scan,
            ["--filter", "state=RUNNING"],
            "--filter: Cloud Dataplex API takes no filter for the list",
        ),
        (
            "dataproc.v1",
            jobs,
            ["--newer-than", "2h"],
            "--newer-than, --older-than: what is named like",
        ),
        (
            "dataproc.v1",
            jobs,
            ["--type", "x"],
            "regions/{region}/jobs/{job} (dataproc.v1) tells no type",
        ),
        (
            "cloudshell.v1",
            "operations/1",
            ["--older-than", "2h"],
            "does not tell when it was created",
        ),
        (
            "documentai.v1",
            PARENT,
            ["--filter", ""],
            "a filter of 0 bytes",
        ),
        (
            "documentai.v1",
            operation,
            ["--filter", "done=false"],
            "--filter is for the lists of a search",
        ),
    ] {
        let world = World::new("documentai.v1", PARENT, &[Fate::Cancellable]);
        let job = world.job();
        let given = [name, "--service", service, option[0], option[1]];
        let is_operation = name.contains("operations/");
        let mut commands = vec![vec!["plan", "-o", &job]];
        if !is_operation {
            commands.extend([
                vec!["find"],
                vec!["rescue", "--job", &job, "--confirm", "x"],
            ]);
        }
        for command in commands {
            let run = world.api.command(&[&command[..], &given].concat()).run();
            assert_eq!((run.code, &*run.stdout), (2, ""), "{service} {run:?}");
            assert!(run.stderr.contains(problem), "{service} {run:?}");
        }
        assert!(world.api.asked().is_empty());
        assert!(!std::fs::exists(&job).unwrap());
    }
}

/// One look that cancels nothing. A role that shows jobs need not be one that cancels them.
#[test]
fn the_doctor_looks_at_resources_with_a_state() {
    let executions = "projects/p/locations/us/workflows/w";
    for (service, parent, collection, unnamed) in [
        (
            "batch.v1",
            "projects/p/locations/us",
            "jobs",
            "name a location to",
        ),
        (
            "dataflow.v1b3",
            "projects/p/locations/us",
            "jobs",
            "name a location to",
        ),
        (
            "workflowexecutions.v1",
            executions,
            "executions",
            "name a workflow to",
        ),
    ] {
        let list = format!("{parent}/{collection}");
        let world = World::new(service, &list, &[Fate::Stuck]);
        let host = Service::named(service).unwrap().host;
        let name = world.api.names[0].clone();
        let full = format!("//{host}/{name}");
        let missing = format!("{list}/0");
        let shown = format!("{full} was shown; a cancel can need another permission");
        let listed = format!("the list of //{host}/{parent}");
        for (given, outcome, said) in [
            (None, "ok", unnamed),
            (Some(&name), "ok", &shown),
            (Some(&full), "ok", &shown),
            (Some(&list), "ok", &listed),
            (
                Some(&missing),
                "fail",
                &format!("there is no //{host}/{missing}"),
            ),
        ] {
            let before = world.api.asked().len();
            let args = ["doctor", "--json"].into_iter();
            let args: Vec<_> = args.chain(given.map(String::as_str)).collect();
            let report = world.command(&args).run().json().remove(0);
            let checks = report["checks"].as_array().unwrap();
            let check = |check: &str| checks.iter().find(|one| one["check"] == check).unwrap();
            assert_eq!(check("api")["outcome"], outcome, "{report:#}");
            let message = check("api")["message"].as_str().unwrap();
            assert!(message.contains(said), "{said}: {report:#}");
            assert_eq!(check("token")["outcome"], "ok", "{report:#}");
            let asked = world.api.asked().split_off(before);
            let [(path, _)] = &asked[..] else {
                panic!("{asked:?}");
            };
            assert!(path.contains(parent) || given.is_none(), "{path}");
            assert!(!is_cancel(path), "{path}");
        }
    }
}

#[test]
fn the_doctor_says_which_name_it_cannot_check() {
    for (service, name, outcomes, said) in [
        (
            "documentai.v1",
            Some("projects/names"),
            ["ok", "skipped"],
            "not checked: \"projects/names\" names a project, and operations are listed by location; \
             expected projects/{project}/locations/{location}",
        ),
        (
            "documentai.v1",
            None,
            ["ok", "ok"],
            "name a location to check the access to it",
        ),
        (
            "spanner.v1",
            Some("projects/sp"),
            ["ok", "skipped"],
            "or projects/{project}/instances/{instance}",
        ),
        (
            "sqladmin.v1",
            Some("projects/sqlp"),
            ["skipped", "skipped"],
            "not checked: Cloud SQL Admin API has no method that lists the operations of projects/sqlp",
        ),
        (
            "sqladmin.v1",
            Some("projects/sqlp/operations/1"),
            ["skipped", "skipped"],
            "not checked: Cloud SQL Admin API has no method that shows projects/sqlp/operations/1",
        ),
        (
            "sqladmin.v1",
            None,
            ["skipped", "skipped"],
            "not checked: Cloud SQL Admin API has no method that shows an operation",
        ),
    ] {
        let world = World::new(
            service,
            &match service {
                "sqladmin.v1" => "projects/sqlp".to_owned(),
                "spanner.v1" => "projects/sp/instances/i".to_owned(),
                _ => PARENT.to_owned(),
            },
            &[],
        );
        let args: Vec<_> = ["doctor", "--json"].into_iter().chain(name).collect();
        let run = world.command(&args).run();
        let report = run.json().remove(0);
        let check = |check: &str| {
            let checks = report["checks"].as_array().unwrap();
            checks
                .iter()
                .find(|one| one["check"] == check)
                .cloned()
                .unwrap()
        };
        let found = ["token", "api"].map(|one| check(one)["outcome"].clone());
        assert_eq!(found, outcomes, "{report:#}");
        // The emulator's clock is its own.
        let checks = report["checks"].as_array().unwrap().iter();
        let mut failed = checks.filter(|one| one["outcome"] == "fail");
        assert!(failed.all(|one| one["check"] == "clock"), "{report:#}");
        let message = check("api")["message"].as_str().unwrap().to_owned();
        assert!(message.contains(said), "{report:#}");
    }
}

#[test]
fn a_job_with_operations_of_its_own_is_searched_for_those() {
    let job = "projects/p/locations/us-central1/tuningJobs/5";
    let world = World::new("aiplatform.v1", job, &[Fate::Cancellable; 2]);
    let found = world.command(&["find", "--names-only", job]).run();
    assert_eq!(
        (found.code, found.stdout.lines().count()),
        (0, 2),
        "{found:?}"
    );
    let list = format!("{job}/operations");
    let run = world.command(&["find", &list]).run();
    assert_eq!(run.code, 2, "{run:?}");
    assert!(
        run.stderr.contains("names a list of operations; expected projects/{project}/locations/{location}/tuningJobs/{tuningJob}"),
        "{run:?}"
    );
    let plan = world.planned(&[job]);
    let all = format!("{}{}", plan.stdout, plan.stderr);
    assert!(all.contains("for the operations below it: "), "{plan:?}");
    assert!(
        all.contains("to be cancelled") && all.contains(&format!("/{job}\n")),
        "{plan:?}"
    );
}

/// Also one that stands more than two levels above the operations.
#[test]
fn an_exclusion_that_leaves_nothing_to_search_is_a_usage_error() {
    let database = "projects/sp/instances/i/databases/d";
    let world = World::new("spanner.v1", database, &[Fate::Cancellable; 2]);
    let file = world.folder.path().join("exclude.txt");
    let path = file.to_str().unwrap();
    let job = world.job();
    for excluded in [database, "projects/sp/instances/i", "projects/sp"] {
        std::fs::write(&file, excluded).unwrap();
        for command in [
            &["find"][..],
            &["plan", "-o", &job],
            &[
                "rescue",
                "--job",
                &job,
                "--confirm",
                "projects/sp/instances/i",
            ],
        ] {
            let args = [command, &[database, "--exclude", path]].concat();
            let run = world.command(&args).run();
            let said = "--exclude: all that is to be searched is excluded by name (1 resource)";
            assert!(
                run.code == 2 && run.stderr.contains(said),
                "{excluded} {run:?}"
            );
        }
        // Given by name, it is counted.
        let args = ["plan", "-o", &job, &world.api.names[0], "--exclude", path];
        let run = world.command(&args).run();
        let said = "1 operation was seen and left out: 1 excluded by name";
        assert!(format!("{run:?}").contains(said), "{excluded} {run:?}");
    }
    assert!(world.api.asked().is_empty());
    std::fs::write(&file, "projects/sp/instances/other").unwrap();
    let run = world
        .command(&["find", "--names-only", database, "--exclude", path])
        .run();
    assert_eq!((run.code, run.stdout.lines().count()), (0, 2), "{run:?}");
}

#[test]
fn a_job_that_was_killed_is_resumed() {
    let world = documentai(12);
    let names: Vec<_> = world.api.names.iter().map(String::as_str).collect();
    world.planned(&names);
    world.killed("projects/p:12", 5);
    let status = world.api.command(&["status", &world.job()]).run();
    assert!(!status.stdout.contains("12 cancelled"), "{status:?}");
    let job = world.job();
    let run = world
        .command(&["apply", &job, "--confirm", "projects/p:12"])
        .run();
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(world.api.states(), [State::Cancelled; 12]);
    assert_eq!(world.verdicts(), ["cancelled"; 12]);
    // What was in flight is asked again, and once.
    let mut accepted = world.accepted();
    accepted.sort_unstable();
    let times = accepted.chunk_by(PartialEq::eq).map(<[_]>::len);
    let times: Vec<_> = times.collect();
    let once_more = times.iter().all(|times| *times <= 2);
    assert!(times.len() == 12 && once_more, "{accepted:?}");
}

/// From the search to the report, with a process that is killed in between.
#[test]
fn fault_57_a_job_of_a_service_in_a_file_needs_the_same_file_to_the_end() {
    let world = World::of_file("earthengine.json", "projects/p", &[Fate::Cancellable; 9]);
    let found = world.command(&["find", "--names-only", "projects/p"]).run();
    assert_eq!(found.code, 0, "{found:?}");
    let full = |name: &String| format!("//earthengine.googleapis.com/{name}");
    let mut names: Vec<_> = world.api.names.iter().map(full).collect();
    let mut told: Vec<_> = found.stdout.lines().map(str::to_owned).collect();
    names.sort_unstable();
    told.sort_unstable();
    assert_eq!(told, names);
    let job = world.job();
    let plan = world
        .command(&["plan", "-o", &job, "-"])
        .input(found.stdout);
    let plan = plan.run();
    assert_eq!(plan.code, 0, "{plan:?}");
    assert!(plan.stdout.contains("--confirm projects/p:9"), "{plan:?}");
    assert!(plan.stdout.contains(&world.service.join(" ")), "{plan:?}");

    let before = world.api.asked().len();
    let other = world.folder.path().join("other.json");
    let mut text = std::fs::read(&world.service[1]).unwrap();
    text.push(b'\n');
    std::fs::write(&other, text).unwrap();
    let other = ["--service-file", other.to_str().unwrap()];
    let apply = ["apply", &job, "--confirm", "projects/p:9"];
    for (options, problem) in [
        (
            &[][..],
            "earthengine.v1, which is not built in: give the file that describes it",
        ),
        (
            &other,
            "made with another description of the service earthengine.v1",
        ),
        (
            &["--service", "documentai.v1"],
            "give the file that describes it",
        ),
    ] {
        let run = world.api.command(&[&apply[..], options].concat()).run();
        assert!(
            run.code == 2 && run.stderr.contains(problem),
            "{options:?} {run:?}"
        );
    }
    assert_eq!(world.api.asked().len(), before);

    world.killed("projects/p:9", 4);
    let run = world.command(&apply).run();
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(world.api.states(), [State::Cancelled; 9]);
    assert_eq!(world.verdicts(), ["cancelled"; 9]);
}

/// Their operations have another form, so that no look proves what became of one.
#[test]
fn what_cannot_be_proven_is_unverified_to_the_report() {
    for (service, parent) in [
        ("sqladmin.v1", "projects/p"),
        ("container.v1", PARENT),
        ("container.v1", "projects/p/zones/z"),
    ] {
        let world = World::new(service, parent, &[Fate::Cancellable; 2]);
        let names: Vec<_> = world.api.names.iter().map(String::as_str).collect();
        world.planned(&names);
        let job = world.job();
        let apply = ["apply", &job, "--confirm", "projects/p:2"];
        let run = world.command(&apply).run();
        assert_eq!(run.code, 5, "{run:?}");
        assert!(run.stdout.contains("2 unverified"), "{run:?}");
        assert_eq!(world.verdicts(), ["unverified"; 2]);
        assert_eq!(world.accepted().len(), 2);
        // A cancel was accepted, and nothing tells more: no run goes on, and none is offered.
        assert!(!run.stdout.contains("to go on"), "{run:?}");
        for more in [&[][..], &["--recheck"]] {
            let run = world.command(&[&apply[..], more].concat()).run();
            assert_eq!(run.code, 5, "{run:?}");
            assert_eq!(world.api.asked().len(), 2, "{:?}", world.api.asked());
        }
    }
}

/// The example of a file with states; the list of its batches stands at the root of the API.
#[test]
fn batches_of_the_gemini_api_are_found_planned_applied_and_reported() {
    let done = Fate::Acknowledged {
        after: Duration::ZERO,
    };
    let fates = [Fate::Cancellable, Fate::Cancellable, done];
    let world = World::of_file("gemini.json", "batches", &fates);
    // One is done.
    let found = world.command(&["find", "--names-only", "batches"]).run();
    let count = found.stdout.lines().count();
    assert_eq!((found.code, count), (0, 2), "{found:?}");
    let names: Vec<_> = world.api.names.iter().map(String::as_str).collect();
    let plan = world.planned(&names);
    let phrase = "generativelanguage.v1beta:3";
    assert!(plan.stdout.contains(phrase), "{plan:?}");
    let job = world.job();
    let run = world.command(&["apply", &job, "--confirm", phrase]).run();
    assert_eq!(run.code, 3, "{run:?}");
    let truth = [State::Cancelled, State::Cancelled, State::Completed];
    assert_eq!(world.api.states(), truth);
    let mut verdicts = world.verdicts();
    verdicts.sort_unstable_by_key(ToString::to_string);
    assert_eq!(verdicts, ["cancelled", "cancelled", "completed"]);
}

/// No name tells which number is that of which project: what may be excluded is not cancelled.
#[test]
fn an_exclusion_by_the_number_of_a_project_is_refused_beside_an_id() {
    let world = documentai(2);
    let (job, keep) = (world.job(), world.folder.path().join("keep.txt"));
    let numbered = world.api.names[0].replace("projects/p/", "projects/123456789012/");
    std::fs::write(&keep, &numbered).unwrap();
    let exclude = ["--exclude", keep.to_str().unwrap()];
    let rescue = ["rescue", "--job", &job, "--confirm", "projects/p", PARENT];
    let plan = ["plan", "-o", &job];
    for command in [
        &["find", PARENT][..],
        &rescue,
        &[&plan[..], &[PARENT]].concat(),
        &[&plan[..], &[&world.api.names[0]]].concat(),
    ] {
        let run = world.command(&[command, &exclude].concat()).run();
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run:?}");
        let told = "--exclude: //documentai.googleapis.com/projects/";
        assert!(run.stderr.contains(told) && run.stderr.contains("may be of one project"));
    }
    // Nor is one operation planned under two names.
    let run = world
        .command(&[&plan[..], &[&world.api.names[0], &numbered]].concat())
        .run();
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.stderr.contains("may be of one project"), "{run:?}");
    assert!(world.api.asked().is_empty() && !std::fs::exists(&job).unwrap());

    std::fs::write(&keep, &world.api.names[0]).unwrap();
    let run = world.command(&[&rescue[..], &exclude].concat()).run();
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(world.api.states(), [State::Pending, State::Cancelled]);
}

/// A list that fails is told with the service, and a search counts lists where the service has no list of parents.
#[test]
fn a_search_of_another_service_speaks_of_lists() {
    let world = documentai(1);
    let world = World {
        api: world
            .api
            .faults(json!([{"fault": "forbidden-enterprise", "method": "list", "times": null}])),
        ..world
    };
    let job = world.folder.path().join("rescue.job");
    let args = [
        "rescue",
        PARENT,
        "--job",
        job.to_str().unwrap(),
        "--confirm",
        "projects/p",
    ];
    let run = world.command(&[&args[..], &["--json"]].concat()).run();
    assert_ne!(run.code, 0, "{run:?}");
    let line = run.json();
    let search = line
        .iter()
        .find(|line| line["schema"] == "countermand.search/1");
    assert_eq!(search.unwrap()["service"], "documentai.v1", "{run:?}");
    let status = world.api.command(&["status", job.to_str().unwrap()]).run();
    let text = format!("{}{}{}", run.stderr, status.stdout, status.stderr);
    assert!(text.contains("searched 0 of 1 lists"), "{text}");
    assert!(!text.contains("device"), "{text}");
}

/// One that discovery lists, and the one that it does not: both are Google's, and named in the command that goes on.
#[test]
fn a_regional_endpoint_is_googles() {
    let folder = tempfile::tempdir().unwrap();
    let name = "projects/p/locations/us/operations/1";
    for (number, (endpoint, foreign)) in [
        ("https://documentai.us.rep.googleapis.com", false),
        ("https://us-documentai.googleapis.com", false),
        ("https://documentai.example", true),
    ]
    .into_iter()
    .enumerate()
    {
        let job = folder.path().join(format!("{number}.job"));
        let job = job.to_str().unwrap();
        let args = [
            "plan",
            "-o",
            job,
            name,
            "--service",
            "documentai",
            "--endpoint",
            endpoint,
        ];
        let plan = Process::new(&args).env("COUNTERMAND_TOKEN", TOKEN).run();
        assert_eq!(plan.code, 0, "{plan:?}");
        assert!(
            plan.stdout.contains(&format!("--endpoint {endpoint}/v1")),
            "{plan:?}"
        );
        let status = Process::new(&["status", job]).run();
        for run in [&plan, &status] {
            assert_eq!(
                run.stdout.contains("not Google's server"),
                foreign,
                "{run:?}"
            );
        }
    }
}
