//! Jobs of several lanes, which a profile defines.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use countermand_core::Phase;
use countermand_emulator::{
    Config, Fate, NewOperation, NewParent, Quirks, Script, Shared, State, Tls,
};
use countermand_fleet::store::View;
use serde_json::{Value, json};

use crate::api::{Api, TOKEN};
use crate::fleet::resume;
use crate::process::{Process, Run};

/// Two servers with an enterprise, a token and a quota each.
pub(crate) struct Lanes {
    pub(crate) apis: [Api; 2],
    pub(crate) folder: tempfile::TempDir,
}

pub(crate) const NAMES: [&str; 2] = ["north", "south"];

pub(crate) fn token(lane: usize) -> String {
    format!("{TOKEN}-{}", NAMES[lane])
}

fn api(lane: usize, operations: usize) -> Api {
    let config = Config::default().parents(0).seed(20 + lane as u64);
    let shared = Shared::new(config.token(token(lane)));
    let mut names = Vec::new();
    for _ in 0..operations {
        let device = NewParent::with([NewOperation::new(Fate::Cancellable)]);
        let added = shared.with(|emulator, now| emulator.add(now, device).unwrap());
        names.extend(added.operations);
    }
    Api::serve(shared, names, None)
}

impl Lanes {
    pub(crate) fn new(operations: [usize; 2]) -> Self {
        let lanes = Self {
            apis: [api(0, operations[0]), api(1, operations[1])],
            folder: tempfile::tempdir().unwrap(),
        };
        for (lane, name) in NAMES.iter().enumerate() {
            fs::write(lanes.file(name), token(lane)).unwrap();
        }
        lanes.write("");
        lanes
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.file(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn enterprise(&self, lane: usize) -> String {
        let shared = &self.apis[lane].shared;
        shared.with(|emulator, _| emulator.grandparent().to_owned())
    }

    /// Writes the profile, with more fields in the second lane.
    pub(crate) fn write(&self, more: &str) {
        let lane = |lane: usize| {
            format!(
                "[lanes.{name}]\nproject = \"emm-{name}\"\nparents = [\"{}\"]\nendpoint = \"{}\"\n\
                 credentials = {{ token_file = \"{name}\" }}\nquota = \"none\"\n",
                self.enterprise(lane),
                self.apis[lane].endpoint,
                name = NAMES[lane],
            )
        };
        let text = format!(
            "schema = \"countermand.profile/1\"\n{}{}{more}",
            lane(0),
            lane(1)
        );
        fs::write(self.file("config.toml"), text).unwrap();
    }

    /// The endpoints, as they are shown.
    pub(crate) fn servers(&self) -> [String; 2] {
        [0, 1].map(|lane| format!("{}/v1", self.apis[lane].endpoint))
    }

    /// Gives each lane this quota.
    pub(crate) fn limit(&self, quota: &str) {
        let text = fs::read_to_string(self.file("config.toml")).unwrap();
        let text = text.replace("quota = \"none\"", &format!("quota = \"{quota}\""));
        fs::write(self.file("config.toml"), text).unwrap();
    }

    pub(crate) fn command(&self, args: &[&str]) -> Process {
        let profile = self.path("config.toml");
        Process::new(&[args, &["--profile", &profile]].concat())
    }

    pub(crate) fn names(&self) -> String {
        let names = self.apis.iter().flat_map(|api| &api.names);
        names.cloned().collect::<Vec<_>>().join("\n")
    }

    pub(crate) fn plan(&self, options: &[&str]) -> Run {
        let job = self.path("a.job");
        let args = [&["plan", "-", "--output", &job], options].concat();
        self.command(&args).input(self.names()).run()
    }

    pub(crate) fn apply(&self) -> Process {
        self.apply_with(&[])
    }

    pub(crate) fn apply_with(&self, options: &[&str]) -> Process {
        let phrases = (0..2).map(|lane| {
            let count = self.apis[lane].names.len();
            format!("{}:{count}", self.enterprise(lane))
        });
        let confirm = phrases.collect::<Vec<_>>().join(",");
        let args = ["apply", &self.path("a.job"), "--confirm", &confirm];
        self.command(&[&args, options].concat())
    }

    pub(crate) fn cancelled(&self) -> [usize; 2] {
        let of = |api: &Api| {
            let states = api.states().into_iter();
            states.filter(|state| *state == State::Cancelled).count()
        };
        [of(&self.apis[0]), of(&self.apis[1])]
    }

    pub(crate) fn requests(&self) -> usize {
        self.apis.iter().map(|api| api.asked().len()).sum()
    }

    /// Number of cancels of each operation.
    pub(crate) fn cancels(&self) -> BTreeMap<String, usize> {
        let mut cancels = BTreeMap::new();
        for (path, _) in self.apis.iter().flat_map(Api::asked) {
            if path.ends_with(":cancel") {
                *cancels.entry(path).or_default() += 1;
            }
        }
        cancels
    }
}

#[test]
fn two_lanes_have_a_server_a_token_and_a_quota_each() {
    let lanes = Lanes::new([4, 3]);
    let run = lanes.plan(&[]);
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(lanes.requests(), 0);
    let [north, south] = lanes.servers();
    let line = format!(
        "  lane north (project emm-north) at {north}, no quota: 4 operations: 4 unsent, last cancel after "
    );
    let servers = format!("{north} and {south}, which are not Google's servers");
    for words in [&line, &servers] {
        let told = run.stderr.contains(words) || run.stdout.contains(words);
        assert!(told, "{words}: {run:?}");
    }
    let settings = View::open(lanes.file("a.job")).unwrap().settings().clone();
    let named: Vec<_> = settings.lanes.iter().map(|lane| &*lane.name).collect();
    assert_eq!(named, NAMES);
    // The command that it prints is whole.
    let run = Process::shell(&resume(&run)).run();
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(lanes.cancelled(), [4, 3]);
    let cancels = lanes.cancels();
    assert!(cancels.values().all(|times| *times == 1), "{cancels:?}");
    // Status and report tell them apart.
    let status = lanes.command(&["status", &lanes.path("a.job")]).run();
    let line =
        format!("  lane south (project emm-south) at {south}, no quota: 3 operations: 3 cancelled");
    for words in [&line, &format!("For {servers}.")] {
        assert!(status.stdout.contains(words), "{words}: {status:?}");
    }
    let page = lanes.path("a.html");
    let run = lanes.command(&["report", &lanes.path("a.job"), "--output", &page]);
    assert_eq!(run.run().code, 0);
    let page = fs::read_to_string(page).unwrap();
    assert!(page.contains(&format!("{north} and {south}")), "{page}");
    for args in [&["status", "--json"][..], &["report"]] {
        let job = lanes.path("a.job");
        let run = lanes.command(&[args, &[&job]].concat()).run();
        let last = run.json().pop().unwrap();
        let told = last["lanes"].as_array().unwrap().iter();
        let told = told.map(|lane| (lane["name"].clone(), lane["counts"]["rows"].clone()));
        assert_eq!(
            told.collect::<Vec<_>>(),
            [("north".into(), 4.into()), ("south".into(), 3.into())],
            "{last}"
        );
    }
    // Each row has its lane.
    let report = lanes.command(&["report", &lanes.path("a.job")]).run();
    for row in report.json() {
        if let Some(name) = row["name"].as_str() {
            let north = usize::from(name.starts_with(&lanes.enterprise(0)));
            assert_eq!(row["lane"], NAMES[1 - north], "{row}");
        }
    }
}

#[test]
fn the_endpoint_of_lanes_without_their_own_is_in_the_command_that_is_printed() {
    let lanes = Lanes::new([2, 1]);
    let endpoint = lanes.apis[0].endpoint.clone();
    let text = fs::read_to_string(lanes.file("config.toml")).unwrap();
    let text = text.replace(&format!("endpoint = \"{endpoint}\"\n"), "");
    fs::write(lanes.file("config.toml"), text).unwrap();
    let run = lanes.plan(&["--endpoint", &endpoint]);
    assert_eq!(run.code, 0, "{run:?}");
    let run = Process::shell(&resume(&run)).run();
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(lanes.cancelled(), [2, 1]);
}

#[test]
fn a_plan_searches_each_lane_with_its_own_credentials() {
    let lanes = Lanes::new([3, 2]);
    lanes.limit("600/60s");
    let job = lanes.path("a.job");
    let (north, south) = (lanes.enterprise(0), lanes.enterprise(1));
    let run = lanes.command(&["plan", &north, &south, "--output", &job]);
    let run = run.run();
    assert_eq!(run.code, 0, "{run:?}");
    // What each search has spent is counted in its own lane.
    let view = View::open(&job).unwrap();
    assert_eq!(view.operations(), 5);
    drop(view);
    let file = rusqlite::Connection::open(&job).unwrap();
    let spent = |lane: usize| {
        let sql = "SELECT count(*) FROM sends WHERE lane = ?1";
        file.query_row(sql, [lane], |row| row.get::<_, u64>(0))
            .unwrap()
    };
    assert_eq!((spent(0), spent(1)), (4, 3));
    assert_eq!(lanes.apply().run().code, 0);
    assert_eq!(lanes.cancelled(), [3, 2]);
    // A lane whose token is refused is named at once.
    fs::write(lanes.file("south"), "another-token").unwrap();
    let args = ["plan", &north, &south, "--output", &lanes.path("b.job")];
    let run = lanes.command(&args).run();
    assert!(run.stderr.contains("lane south"), "{run:?}");
    assert!(!run.stderr.contains("lane north"), "{run:?}");
}

#[test]
fn a_rescue_runs_its_lanes_side_by_side() {
    let lanes = Lanes::new([3, 2]);
    let job = lanes.path("a.job");
    let (north, south) = (lanes.enterprise(0), lanes.enterprise(1));
    let confirm = format!("{north},{south}");
    let args = [
        "rescue",
        &north,
        &south,
        "--job",
        &job,
        "--confirm",
        &confirm,
    ];
    let run = lanes.command(&args).run();
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(lanes.cancelled(), [3, 2]);
}

#[test]
fn a_lane_whose_token_is_refused_leaves_the_other_alone() {
    let lanes = Lanes::new([3, 5]);
    assert_eq!(lanes.plan(&[]).code, 0);
    fs::write(lanes.file(NAMES[0]), "another-token").unwrap();
    let run = lanes.apply().run();
    assert_eq!(run.code, 4, "{run:?}");
    assert_eq!(lanes.cancelled(), [0, 5]);
    // At once, and again at the end with the counts.
    let told = run.stderr.matches("lane north stopped: ").count();
    assert_eq!(told, 2, "{run:?}");
    assert!(run.stderr.contains("; it stops no other lane"), "{run:?}");
    assert!(!run.stderr.contains("lane south stopped"), "{run:?}");
    // Once it is mended, the same command does what is left.
    fs::write(lanes.file(NAMES[0]), token(0)).unwrap();
    let run = lanes.apply().run();
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(lanes.cancelled(), [3, 5]);
    assert!(lanes.apis[1].names.iter().all(|name| {
        let cancel = format!("/v1/{name}:cancel");
        lanes.cancels().get(&cancel) == Some(&1)
    }));
}

#[test]
fn programs_are_told_of_each_lane_that_stopped_and_why() {
    let lanes = Lanes::new([30, 50]);
    assert_eq!(lanes.plan(&[]).code, 0);
    let stopped = |run: &Run| -> Vec<Value> {
        let lines = run.json().into_iter();
        lines
            .filter(|line| line["schema"] == "countermand.stopped/1")
            .collect()
    };
    let options = ["--json", "--in-flight", "2"];
    // One cause of both lanes is one line.
    for name in NAMES {
        fs::write(lanes.file(name), "another-token").unwrap();
    }
    let run = lanes.apply_with(&options).run();
    assert_eq!(run.code, 4, "{run:?}");
    let [line] = <[Value; 1]>::try_from(stopped(&run)).unwrap();
    assert_eq!(line["lanes"], json!(NAMES));
    let count = |line: &Value, field| line[field].as_u64().unwrap();
    let of = |line: &Value| count(line, "not_attempted") + count(line, "same_error");
    assert_eq!(of(&line), 80, "{line}");
    assert!(
        run.stderr.contains("lanes north and south stopped: "),
        "{run:?}"
    );
    // Two causes are two lines, each with the operations of its own lane.
    let denied = Script::from_value(json!([{"fault": "scope-insufficient"}])).unwrap();
    let south = &lanes.apis[1].shared;
    south.with(|emulator, _| emulator.set_script(denied));
    fs::write(lanes.file(NAMES[1]), token(1)).unwrap();
    let run = lanes.apply_with(&options).run();
    let [first, second] = <[Value; 2]>::try_from(stopped(&run)).unwrap();
    let (north, south) = match first["lanes"][0] == "north" {
        true => (first, second),
        false => (second, first),
    };
    assert_eq!((of(&north), of(&south)), (30, 50), "{north} {south}");
    assert_eq!(north["cause"], "unauthenticated");
    assert_eq!(south["lanes"], json!(["south"]));
    assert_eq!(south["cause"], "scope_insufficient");
}

#[test]
fn a_run_of_lanes_that_is_killed_is_resumed() {
    let lanes = Lanes::new([60, 40]);
    lanes.write("[defaults]\nin_flight = 8\n");
    lanes.limit("100/1s");
    assert_eq!(lanes.plan(&[]).code, 0);
    let running = lanes.apply().start();
    running.until("a cancel in each lane", |_| {
        let [north, south] = lanes.cancelled();
        north > 5 && south > 5
    });
    running.kill();
    let rows = View::open(lanes.file("a.job")).unwrap();
    let rows = rows.rows().map(Result::unwrap);
    let in_flight = rows.filter(|row| row.progress.phase == Phase::MaybeSent);
    let in_flight = in_flight.map(|row| format!("/v1/{}:cancel", row.target.name));
    let in_flight: BTreeSet<_> = in_flight.collect();
    let asked = lanes.cancels().len();
    assert!(
        asked < 100 && in_flight.len() <= 16,
        "{asked}, {in_flight:?}"
    );
    let run = lanes.apply().run();
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(lanes.cancelled(), [60, 40]);
    // The resumed run asks again for nothing but what the killed one had in flight.
    for (cancel, times) in lanes.cancels() {
        let most = 1 + usize::from(in_flight.contains(&cancel));
        assert!(times <= most, "{cancel}: {times}");
    }
}

/// Lanes differ in their names and quotas, and go to one server.
#[test]
fn lanes_of_one_endpoint_share_a_connection() {
    let tls = Tls::localhost().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    fs::write(file("ca.pem"), tls.ca_pem()).unwrap();
    let operations = (0..12).map(|_| NewOperation::new(Fate::Cancellable));
    let api = Api::with(operations, Quirks::default(), Some(&tls));
    let mut profile = format!(
        "schema = \"countermand.profile/1\"\n[defaults]\nca_file = \"ca.pem\"\nendpoint = \"{}\"\n",
        api.endpoint
    );
    for (lane, name) in api.names.iter().enumerate() {
        let device = name.split("/operations/").next().unwrap();
        profile += &format!(
            "[lanes.l{lane}]\nproject = \"p{lane}\"\nparents = [\"{device}\"]\nquota = \"none\"\n\
             credentials = {{ token_file = \"token{lane}\" }}\n",
        );
        fs::write(file(&format!("token{lane}")), TOKEN).unwrap();
    }
    fs::write(file("lanes.toml"), profile).unwrap();
    let (job, profile) = (file("a.job"), file("lanes.toml"));
    let [job, profile] = [&job, &profile].map(|path| path.to_str().unwrap());
    let plan = ["plan", "-", "--output", job, "--profile", profile];
    let run = Process::new(&plan).input(api.names.join("\n")).run();
    assert_eq!(run.code, 0, "{run:?}");
    let run = Process::shell(&resume(&run)).run();
    assert_eq!(run.code, 0, "{run:?}");
    assert!(api.states().iter().all(|state| *state == State::Cancelled));
    assert_eq!(api.connections(), 1);
}

#[test]
fn a_job_of_lanes_is_8_without_its_profile() {
    let lanes = Lanes::new([1, 1]);
    assert_eq!(lanes.plan(&[]).code, 0);
    let job = lanes.path("a.job");
    let refused = |run: &Run, words: &str| {
        assert_eq!(run.code, 8, "{run:?}");
        assert!(run.stderr.contains(words), "{words}: {run:?}");
        assert_eq!(lanes.requests(), 0);
    };
    let endpoint = &lanes.apis[0].endpoint;
    let args = ["apply", &job, "--profile", "none", "--endpoint", endpoint];
    let run = Process::new(&args)
        .env("COUNTERMAND_TOKEN", &token(0))
        .run();
    refused(
        &run,
        "the job has the lane north, and this run has no lanes",
    );
    assert!(run.stderr.contains("--profile FILE"), "{run:?}");
    lanes.write("region = \"us-central1\"\n");
    let run = lanes.apply().run();
    refused(&run, "the lane south, and this run has other names");
    // A server that only the file names gets no token, and no advice to give it one.
    lanes.write("");
    let text = fs::read_to_string(lanes.file("config.toml")).unwrap();
    let text = text.replace(&lanes.apis[1].endpoint, &lanes.apis[0].endpoint);
    fs::write(lanes.file("config.toml"), text).unwrap();
    let run = lanes.apply().run();
    let [north, south] = lanes.servers();
    refused(
        &run,
        &format!("the lane south of the job is for {south}, and this run would send to {north}"),
    );
    refused(&run, "mend the endpoint of that lane in the profile");
    assert!(!run.stderr.contains("--endpoint"), "{run:?}");
}

#[test]
fn commands_without_a_job_take_names_of_one_lane() {
    let lanes = Lanes::new([2, 1]);
    let (north, south) = (&lanes.apis[0].names[0], &lanes.apis[1].names[0]);
    let device = south.split("/operations/").next().unwrap();
    for args in [
        &["get", south][..],
        &["list", device],
        &["find", device],
        &["cancel", north],
    ] {
        let run = lanes.command(args).run();
        assert_eq!(run.code, 0, "{run:?}");
    }
    assert_eq!(lanes.cancelled(), [1, 0]);
    let before = lanes.requests();
    let (of_north, of_south) = (lanes.enterprise(0), lanes.enterprise(1));
    for args in [
        &["get", north, south][..],
        &["cancel", south, north],
        &["find", &of_north, &of_south],
    ] {
        let run = lanes.command(args).run();
        assert_eq!(run.code, 2, "{run:?}");
        let words = "the names are of several lanes (north and south)";
        assert!(run.stderr.contains(words), "{run:?}");
    }
    let run = lanes.command(&["doctor"]).run();
    assert_eq!(run.code, 2, "{run:?}");
    assert_eq!(lanes.requests(), before);
}

/// A profile with a mistake sends nothing, and says where the mistake is.
#[test]
fn a_mistake_in_a_profile_is_named() {
    let lanes = Lanes::new([1, 1]);
    let south = "config.toml, lane south: ";
    for (more, words) in [
        (
            "colour = \"red\"\n",
            "colour: there is no such field here; the fields are service, project, ",
        ),
        ("share = 2\n", "share: "),
        (
            "share = \"half\"\n",
            "share: expected a number, found a text",
        ),
        ("region = 5\n", "region: expected a text, found a number"),
        (
            "per_resource = \"often\"\n",
            "per_resource: \"often\" is not a quota",
        ),
        ("service = \"nothing\"\n", "service: "),
        (
            "quota_project = \"another\"\n",
            "quota_project: it is not emm-south",
        ),
        ("subject = \"\"\n", "subject: it is empty"),
    ] {
        lanes.write(more);
        let run = lanes.plan(&[]);
        assert_eq!((run.code, &*run.stdout), (2, ""), "{more}: {run:?}");
        let found = run.stderr.contains(south) && run.stderr.contains(words);
        assert!(found, "{words}: {run:?}");
    }
    for (more, words) in [
        ("[lanes.south]\n", "line "),
        (
            "[lanes.east]\nparents = [\"*\"]\n",
            "lane east: parents: \"*\" is not the name",
        ),
        (
            "[lanes.east]\nparents = []\n",
            "lane east: parents: it is empty",
        ),
        (
            "[lanes.east]\ncredentials = { file = \"a\", default = true }\n",
            "lane east: credentials: expected one of",
        ),
        ("[lanes.\"a b\"]\n", "\"a b\" is no name for a lane"),
        ("[lanes.east]\n", "belongs to the lane "),
        (
            "[lanes.east]\nproject = \"one\"\nquota = \"10/1s\"\n[lanes.west]\nproject = \"one\"\nquota = \"10/1s\"\n",
            "their shares come to 160 %",
        ),
        (
            "[defaults]\nin_flight = 0\n",
            "defaults.in_flight: expected a number from 1 to 10,000",
        ),
        (
            "[defaults]\nca_file = 1\n",
            "defaults.ca_file: expected a text",
        ),
    ] {
        lanes.write(more);
        let run = lanes.plan(&[]);
        assert_eq!((run.code, &*run.stdout), (2, ""), "{more}: {run:?}");
        assert!(run.stderr.contains(words), "{words}: {run:?}");
    }
    assert_eq!(lanes.requests(), 0);
    assert!(!lanes.file("a.job").exists());
}

#[test]
fn a_name_that_fits_no_lane_is_in_no_plan() {
    let lanes = Lanes::new([1, 1]);
    let job = lanes.path("a.job");
    let name = "enterprises/LCother/devices/d/operations/1";
    let run = lanes.command(&["plan", name, "--output", &job]).run();
    assert_eq!(run.code, 2, "{run:?}");
    for words in ["config.toml", name, "belongs to no lane", "north", "south"] {
        assert!(run.stderr.contains(words), "{words}: {run:?}");
    }
    assert!(!lanes.file("a.job").exists());
}

#[test]
fn credentials_that_are_missing_are_named_before_anything_is_sent() {
    let lanes = Lanes::new([1, 1]);
    assert_eq!(lanes.plan(&[]).code, 0);
    fs::remove_file(lanes.file(NAMES[1])).unwrap();
    let run = lanes.apply().run();
    assert_eq!(run.code, 4, "{run:?}");
    assert!(run.stderr.contains("lane south: cannot read"), "{run:?}");
    assert_eq!(lanes.requests(), 0);
}

#[test]
fn a_profile_has_no_secret_and_repeats_none() {
    let lanes = Lanes::new([1, 1]);
    let key = "-----BEGIN PRIVATE KEY-----\\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBK\\n";
    for more in [
        format!("region = \"{TOKEN}\"\n"),
        format!("subject = \"{key}\"\n"),
        format!("parents2 = [\"{TOKEN}\"]\n"),
        format!("\"{TOKEN}\" = 1\n"),
        format!("subject = {TOKEN}\n"),
    ] {
        lanes.write(&more);
        let run = lanes.plan(&[]);
        assert_eq!(run.code, 2, "{run:?}");
        assert!(run.stderr.contains("config.toml"), "{run:?}");
        for part in [TOKEN, "MIIEvQ"] {
            assert!(!run.stderr.contains(part), "{more}: {run:?}");
        }
    }
}

/// The places where a profile is found, and what overrules what.
#[test]
fn a_profile_is_found_by_option_variable_and_folder() {
    let lanes = Lanes::new([1, 1]);
    let folder = lanes.file("config").join("countermand");
    fs::create_dir_all(&folder).unwrap();
    let text = |deadline: &str| {
        format!("schema = \"countermand.profile/1\"\n[defaults]\ndeadline = \"{deadline}\"\n")
    };
    fs::write(folder.join("config.toml"), text("11s")).unwrap();
    fs::write(folder.join("prod.toml"), text("22s")).unwrap();
    let deadline = |number: usize, options: &[&str], variable: &str| {
        let job = lanes.path(&format!("{number}.job"));
        let args = [&["plan", "-", "--output", &job], options].concat();
        let process = Process::new(&args).input(lanes.apis[0].names[0].clone());
        let config = lanes.path("config");
        let process = process.env("XDG_CONFIG_HOME", &config);
        let run = process.env("COUNTERMAND_PROFILE", variable).run();
        assert_eq!(run.code, 0, "{run:?}");
        View::open(&job).unwrap().settings().deadline.as_secs()
    };
    assert_eq!(deadline(1, &[], ""), 11);
    assert_eq!(deadline(2, &[], "prod"), 22);
    assert_eq!(deadline(3, &["--profile", "prod"], "none"), 22);
    assert_eq!(deadline(4, &["--profile", "none"], "prod"), 120);
    assert_eq!(deadline(5, &["--deadline", "33s"], "prod"), 33);
}
