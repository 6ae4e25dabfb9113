//! Jobs whose lanes are of several services.

use std::collections::BTreeMap;
use std::fs;

use countermand_core::{OperationName, Service};
use countermand_emulator::{Config, Fate, NewOperation, NewParent, Shared, State};
use countermand_fleet::store::View;

use crate::api::{Api, TOKEN};
use crate::fleet::resume;
use crate::process::{Process, Run};

/// Name of a lane, id of its service, and the parent of its operations.
const LANES: [(&str, &str, &str); 3] = [
    (
        "devices",
        "androidmanagement.v1",
        "enterprises/LC01/devices/d",
    ),
    ("batch", "batch.v1", "projects/p/locations/us-central1"),
    // Of a file.
    ("earth", "earthengine.v1", "projects/p"),
];

const FILE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../docs/service-files/earthengine.json"
);

/// A server with a token for each service.
struct Services {
    apis: Vec<Api>,
    folder: tempfile::TempDir,
}

fn token(lane: usize) -> String {
    format!("{TOKEN}-{}", LANES[lane].0)
}

fn api(lane: usize, operations: usize) -> Api {
    let (_, id, parent) = LANES[lane];
    let service = Service::named(id).unwrap();
    let config = Config::default().parents(0).service(service);
    let shared = Shared::new(config.seed(30 + lane as u64).token(token(lane)));
    let new = (0..operations).map(|_| NewOperation::new(Fate::Cancellable));
    let parent = NewParent::with(new).name(parent);
    let added = shared.with(|emulator, now| emulator.add(now, parent).unwrap());
    Api::serve(shared, added.operations, None)
}

impl Services {
    fn new<const COUNT: usize>(operations: [usize; COUNT]) -> Self {
        Service::from_json(&fs::read(FILE).unwrap()).unwrap();
        let apis = operations.into_iter().enumerate();
        let all = Self {
            apis: apis
                .map(|(lane, operations)| api(lane, operations))
                .collect(),
            folder: tempfile::tempdir().unwrap(),
        };
        let lanes = all.apis.iter().enumerate().map(|(lane, api)| {
            let (name, id, _) = LANES[lane];
            fs::write(all.folder.path().join(name), token(lane)).unwrap();
            format!(
                "[lanes.{name}]\nservice = \"{id}\"\nproject = \"one\"\nendpoint = \"{}\"\n\
                 credentials = {{ token_file = \"{name}\" }}\nquota = \"100/1s\"\n",
                api.endpoint
            )
        });
        let text = format!(
            "schema = \"countermand.profile/1\"\n{}",
            lanes.collect::<String>()
        );
        fs::write(all.folder.path().join("lanes.toml"), text).unwrap();
        all
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn command(&self, args: &[&str]) -> Process {
        let profile = self.path("lanes.toml");
        let file = ["--service-file", FILE];
        let file: &[&str] = if self.apis.len() > 2 { &file } else { &[] };
        Process::new(&[args, file, &["--profile", &profile]].concat())
    }

    /// The names of all operations as a report has them, one of each service after the other.
    fn names(&self) -> String {
        let mut names = Vec::new();
        for (api, (_, id, _)) in self.apis.iter().zip(LANES) {
            let service = Service::named(id).unwrap();
            let full = |name: &String| OperationName::parse(service, name).unwrap().to_string();
            names.extend(api.names.iter().map(full).enumerate());
        }
        names.sort();
        let names = names.into_iter().map(|(_, name)| name);
        names.collect::<Vec<_>>().join("\n")
    }

    fn plan(&self, options: &[&str]) -> Run {
        let job = self.path("a.job");
        let args = [&["plan", "-", "--output", &job], options].concat();
        self.command(&args).input(self.names()).run()
    }

    /// The operations of each lane that are cancelled.
    fn cancelled(&self) -> Vec<usize> {
        let of = |api: &Api| {
            let states = api.states().into_iter();
            states.filter(|state| *state == State::Cancelled).count()
        };
        self.apis.iter().map(of).collect()
    }

    /// Number of cancels of each operation, by lane and path.
    fn cancels(&self) -> BTreeMap<(usize, String), usize> {
        let mut cancels = BTreeMap::new();
        for (lane, api) in self.apis.iter().enumerate() {
            for (path, _) in api.asked() {
                if path.ends_with(":cancel") {
                    *cancels.entry((lane, path)).or_default() += 1;
                }
            }
        }
        cancels
    }

    fn requests(&self) -> usize {
        self.apis.iter().map(|api| api.asked().len()).sum()
    }
}

#[test]
fn a_job_has_operations_of_several_services() {
    let all = Services::new([4, 3, 2]);
    let run = all.plan(&[]);
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(all.requests(), 0);
    for confirm in [
        "--confirm LC01:4",
        "--confirm //batch.googleapis.com/projects/p:3",
        "--confirm //earthengine.googleapis.com/projects/p:2",
    ] {
        assert!(run.stdout.contains(confirm), "{confirm}: {run:?}");
    }
    let view = View::open(all.path("a.job")).unwrap();
    let services = view.settings().lanes.iter().map(|lane| lane.service.id);
    // In the order of the lanes' names.
    assert_eq!(
        services.collect::<Vec<_>>(),
        ["batch.v1", "androidmanagement.v1", "earthengine.v1"]
    );
    drop(view);
    // The command that it prints is whole.
    let run = Process::shell(&resume(&run)).run();
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(all.cancelled(), [4, 3, 2]);
    assert!(all.cancels().values().all(|times| *times == 1));
    let job = all.path("a.job");
    let status = all.command(&["status", &job]).run();
    let lines = [
        (
            "  lane devices (project one) at ",
            ", 80 % of 100/1s: 4 operations: 4 cancelled",
        ),
        (
            "  lane batch (batch.v1, project one) at ",
            ", 80 % of 100/1s: 3 operations: 3 cancelled",
        ),
    ];
    for line in lines {
        let found = |told: &str| told.starts_with(line.0) && told.ends_with(line.1);
        assert!(status.stdout.lines().any(found), "{line:?}: {status:?}");
    }
    let report = all.command(&["report", &job]).run();
    let rows = report.json();
    let mut services = BTreeMap::<_, usize>::new();
    for row in rows
        .iter()
        .filter(|row| row["schema"] == "countermand.row/1")
    {
        let of = (row["lane"].as_str(), row["service"].as_str());
        *services.entry(of).or_default() += 1;
    }
    assert_eq!(
        services[&(Some("batch"), Some("batch.v1"))],
        3,
        "{report:?}"
    );
    assert_eq!(services[&(Some("earth"), Some("earthengine.v1"))], 2);
    let summary = rows.last().unwrap();
    assert!(summary["service"].is_null(), "{summary}");
    assert_eq!(summary["lanes"][0]["service"], "batch.v1", "{summary}");
    let html = all.path("a.html");
    let run = all.command(&["report", &job, "--output", &html]).run();
    assert_eq!(run.code, 0, "{run:?}");
    let page = fs::read_to_string(html).unwrap();
    assert!(page.contains("batch.v1, androidmanagement.v1, earthengine.v1"));
}

#[test]
fn a_token_that_one_service_refuses_leaves_the_others_alone() {
    let all = Services::new([3, 5]);
    let run = all.plan(&[]);
    assert_eq!(run.code, 0, "{run:?}");
    let apply = resume(&run);
    fs::write(all.path("batch"), token(0)).unwrap();
    let run = Process::shell(&apply).run();
    assert_eq!(run.code, 4, "{run:?}");
    assert_eq!(all.cancelled(), [3, 0]);
    assert!(run.stderr.contains("lane batch stopped: "), "{run:?}");
    fs::write(all.path("batch"), token(1)).unwrap();
    let run = Process::shell(&apply).run();
    assert_eq!((run.code, all.cancelled()), (0, vec![3, 5]), "{run:?}");
    // What the first run did is not asked again.
    let cancels = all.cancels();
    assert!(
        cancels
            .iter()
            .all(|((lane, _), times)| *lane == 1 || *times == 1),
        "{cancels:?}"
    );
}

#[test]
fn a_killed_run_of_several_services_is_resumed() {
    let all = Services::new([60, 60]);
    let run = all.plan(&["--in-flight", "8", "--per-resource", "none"]);
    assert_eq!(run.code, 0, "{run:?}");
    let apply = resume(&run);
    let running = Process::shell(&format!("exec {apply}")).start();
    running.until("a cancel of each service", |_| {
        all.cancelled().iter().all(|count| *count > 3)
    });
    running.kill();
    let run = Process::shell(&apply).run();
    assert_eq!((run.code, all.cancelled()), (0, vec![60, 60]), "{run:?}");
    // Each lane has four of the eight that may be in flight, or its least share of eight.
    let repeated = all.cancels().values().filter(|times| **times > 1).count();
    assert!(repeated <= 16, "{repeated}");
}

#[test]
fn parents_of_several_services_are_searched_and_rescued() {
    let all = Services::new([3, 2]);
    let (devices, batch) = (LANES[0].2, format!("//batch.googleapis.com/{}", LANES[1].2));
    let job = all.path("a.job");
    let run = all
        .command(&["plan", devices, &batch, "--output", &job])
        .run();
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(View::open(&job).unwrap().operations(), 5);
    let project = "//batch.googleapis.com/projects/p";
    let (other, confirm) = (all.path("b.job"), format!("LC01,{project}"));
    let args = ["rescue", devices, &batch, "--job", &other];
    let run = all.command(&args).run();
    assert_eq!(run.code, 8, "{run:?}");
    assert!(
        run.stderr
            .contains(&format!("--confirm {project} --confirm LC01")),
        "{run:?}"
    );
    let run = all
        .command(&[&args[..], &["--confirm", &confirm]].concat())
        .run();
    assert_eq!((run.code, all.cancelled()), (0, vec![3, 2]), "{run:?}");
}

/// Nothing is guessed, and nothing of what is refused is sent.
#[test]
fn names_that_belong_to_no_service_of_the_lanes_are_refused() {
    let all = Services::new([1, 1]);
    let other = "//run.googleapis.com/projects/p/locations/us/operations/1";
    let relative = "projects/p/locations/us/operations/1";
    for (names, words) in [
        (other, "run.v"),
        (relative, "enterprises"),
        (
            "//batch.googleapis.com/projects/p",
            "locations/{location}/operations",
        ),
    ] {
        let names = format!("{}\n{names}\n", all.apis[0].names[0]);
        let args = ["plan", "-", "--output", &all.path("a.job")];
        let run = all.command(&args).input(names).run();
        assert_eq!(run.code, 2, "{run:?}");
        assert!(run.stderr.contains(words), "{words}: {run:?}");
    }
    // A filter that one of the services cannot answer says so.
    let run = all.plan(&["--type", "WIPPE"]);
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.stderr.contains("did you mean WIPE?"), "{run:?}");
    // The endpoint of one service is not that of the other.
    let text = fs::read_to_string(all.path("lanes.toml")).unwrap();
    let endpoint = &all.apis[1].endpoint;
    fs::write(
        all.path("lanes.toml"),
        text.replace(&format!("endpoint = \"{endpoint}\"\n"), ""),
    )
    .unwrap();
    let endpoint = ["--endpoint", &all.apis[0].endpoint];
    let names = all.names();
    let mut names: Vec<_> = names.lines().collect();
    names.sort_by_key(|name| name.starts_with("//"));
    let args = ["plan", "-", "--output", &all.path("a.job")];
    let run = all.command(&[&args[..], &endpoint].concat());
    let run = run.input(names.join("\n")).run();
    assert_eq!(run.code, 2, "{run:?}");
    assert_eq!(all.requests(), 0);
    assert!(!std::path::Path::new(&all.path("a.job")).exists());
}

#[test]
fn without_a_profile_each_service_has_a_lane_at_googles_server() {
    let folder = tempfile::tempdir().unwrap();
    let job = folder.path().join("a.job");
    let job = job.to_str().unwrap();
    let names = "//batch.googleapis.com/projects/p/locations/us/operations/1\n\
                 enterprises/LC01/devices/d/operations/2\n\
                 https://sqladmin.googleapis.com/v1/projects/p/operations/3\n";
    let args = ["plan", "-", "--output", job, "--profile", "none"];
    let run = Process::new(&args).input(names.to_owned()).run();
    assert_eq!(run.code, 0, "{run:?}");
    let lanes = View::open(job).unwrap().settings().lanes.clone();
    let found: Vec<_> = lanes
        .iter()
        .map(|lane| (&*lane.name, &*lane.endpoint))
        .collect();
    assert_eq!(
        found,
        [
            ("batch.v1", "https://batch.googleapis.com/v1"),
            (
                "androidmanagement.v1",
                "https://androidmanagement.googleapis.com/v1"
            ),
            ("sqladmin.v1", "https://sqladmin.googleapis.com/v1"),
        ]
    );
    // An endpoint of another server is of one service: nothing goes from there to Google's.
    let endpoint = ["--endpoint", "http://127.0.0.1:9"];
    let run = Process::new(&[&["apply", job, "--confirm", "LC01:1"][..], &endpoint].concat()).run();
    assert_eq!(run.code, 8, "{run:?}");
    let other = folder.path().join("b.job");
    let args = ["plan", "-", "--output", other.to_str().unwrap()];
    let run = Process::new(&[&args[..], &endpoint].concat())
        .input(names.to_owned())
        .run();
    assert_eq!((run.code, other.exists()), (2, false), "{run:?}");
}
