//! A job file for each lane, for several machines or people.

use std::fs;

use countermand_fleet::store::View;

use crate::lanes::{Lanes, NAMES, token};
use crate::process::{Process, Run};

impl Lanes {
    /// Plans into a folder.
    fn split(&self, options: &[&str]) -> Run {
        let folder = self.path("plans");
        let args = [&["plan", "-", "--split-lanes", &folder], options].concat();
        self.command(&args).input(self.names()).run()
    }

    fn part(&self, lane: usize) -> String {
        self.path(&format!("plans/{}.job", NAMES[lane]))
    }
}

/// The commands that a plan prints.
fn commands(run: &Run) -> Vec<String> {
    let lines = run.stdout.lines().map(str::trim);
    let commands = lines.filter(|line| line.starts_with("countermand apply "));
    commands.map(str::to_owned).collect()
}

#[test]
fn each_lane_has_a_file_and_a_command_that_applies_it() {
    let lanes = Lanes::new([4, 3]);
    lanes.limit("600/60s");
    let run = lanes.split(&[]);
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(lanes.requests(), 0);
    for (lane, count) in [4, 3].into_iter().enumerate() {
        let job = View::open(lanes.part(lane)).unwrap();
        let named: Vec<_> = job
            .settings()
            .lanes
            .iter()
            .map(|lane| &*lane.name)
            .collect();
        assert_eq!((named, job.operations()), (vec![NAMES[lane]], count));
    }
    let told = format!("2 plans in {}, one for each lane", lanes.path("plans"));
    assert!(run.stdout.contains(&told), "{run:?}");
    // Each of them alone, as another machine would: without the credentials of the other lane.
    let printed = commands(&run);
    assert_eq!(printed.len(), 2, "{run:?}");
    fs::remove_file(lanes.file(NAMES[1])).unwrap();
    let run = Process::shell(&printed[0]).run();
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(lanes.cancelled(), [4, 0]);
    fs::remove_file(lanes.file(NAMES[0])).unwrap();
    fs::write(lanes.file(NAMES[1]), token(1)).unwrap();
    let run = Process::shell(&printed[1]).run();
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(lanes.cancelled(), [4, 3]);
}

#[test]
fn programs_are_told_of_each_file() {
    let lanes = Lanes::new([2, 1]);
    let run = lanes.split(&["--json"]);
    assert_eq!(run.code, 0, "{run:?}");
    let lines = run.json();
    let told: Vec<_> = lines
        .iter()
        .map(|line| (line["path"].as_str().unwrap(), line["operations"].as_u64()))
        .collect();
    assert_eq!(
        told,
        [(&*lanes.part(0), Some(2)), (&*lanes.part(1), Some(1))]
    );
    for line in &lines {
        assert_eq!(line["schema"], "countermand.plan/1");
        assert_eq!(line["lanes"].as_array().unwrap().len(), 1);
        let run = Process::shell(line["apply"].as_str().unwrap()).run();
        assert_eq!(run.code, 0, "{run:?}");
    }
    assert_eq!(lanes.cancelled(), [2, 1]);
}

#[test]
fn what_a_search_has_spent_stands_in_the_file_of_its_lane() {
    let lanes = Lanes::new([3, 2]);
    lanes.limit("600/60s");
    let (north, south, folder) = (
        lanes.enterprise(0),
        lanes.enterprise(1),
        lanes.path("plans"),
    );
    let run = lanes
        .command(&["plan", &north, &south, "--split-lanes", &folder])
        .run();
    assert_eq!(run.code, 0, "{run:?}");
    for (lane, calls) in [4, 3].into_iter().enumerate() {
        let file = rusqlite::Connection::open(lanes.part(lane)).unwrap();
        let sql = "SELECT count(*) FROM sends WHERE lane = 0";
        let spent = file.query_row(sql, [], |row| row.get::<_, u64>(0));
        assert_eq!(spent.unwrap(), calls);
        let job = View::open(lanes.part(lane)).unwrap();
        let searched = job.settings().enterprises.iter().map(ToString::to_string);
        assert_eq!(searched.collect::<Vec<_>>(), [lanes.enterprise(lane)]);
    }
    // A lane where nothing is left to be cancelled has no file.
    for command in commands(&run) {
        assert_eq!(Process::shell(&command).run().code, 0);
    }
    assert_eq!(lanes.cancelled(), [3, 2]);
}

#[test]
fn nothing_is_overwritten_and_no_part_of_a_plan_stays() {
    let lanes = Lanes::new([2, 1]);
    fs::create_dir(lanes.file("plans")).unwrap();
    let run = lanes.split(&[]);
    assert_eq!((run.code, &*run.stdout), (2, ""), "{run:?}");
    let words = "plans: something stands there already, which was left alone";
    assert!(run.stderr.contains(words), "{run:?}");
    fs::remove_dir(lanes.file("plans")).unwrap();
    // Two lanes of which the file system cannot tell the files apart, or a full disk, fail half-way: here a folder that
    // takes nothing.
    let missing = lanes.path("nowhere/plans");
    let args = ["plan", "-", "--split-lanes", &missing];
    let run = lanes.command(&args).input(lanes.names()).run();
    assert_ne!(run.code, 0, "{run:?}");
    let left: Vec<_> = fs::read_dir(lanes.folder.path()).unwrap().collect();
    assert_eq!(left.len(), 3, "the profile and two tokens: {left:?}");
    assert_eq!(lanes.requests(), 0);
}

#[test]
fn a_plan_without_lanes_is_not_split() {
    let lanes = Lanes::new([2, 1]);
    let api = &lanes.apis[0];
    let run = api.command(&["plan", &api.names[0], "--split-lanes", &lanes.path("plans")]);
    let run = run.run();
    assert_eq!((run.code, &*run.stdout), (2, ""), "{run:?}");
    assert!(
        run.stderr
            .contains("a profile names lanes (--profile FILE)"),
        "{run:?}"
    );
    let job = lanes.path("a.job");
    let args = [
        "plan",
        &api.names[0],
        "--output",
        &job,
        "--split-lanes",
        &lanes.path("plans"),
    ];
    assert_eq!(api.command(&args).run().code, 2);
    assert_eq!(api.command(&["plan", &api.names[0]]).run().code, 2);
    assert!(!lanes.file("plans").exists());
}

/// The shell of another person has neither the variable nor the usual profile.
#[test]
fn a_printed_command_names_the_profile_of_the_environment() {
    let lanes = Lanes::new([2, 1]);
    let folder = lanes.path("plans");
    let args = ["plan", "-", "--split-lanes", &folder];
    let plan = Process::new(&args).env("COUNTERMAND_PROFILE", &lanes.path("config.toml"));
    let run = plan.input(lanes.names()).run();
    assert_eq!(run.code, 0, "{run:?}");
    for command in commands(&run) {
        assert_eq!(Process::shell(&command).run().code, 0, "{command}");
    }
    assert_eq!(lanes.cancelled(), [2, 1]);
    // Without any, the command says what it needs.
    let other = Lanes::new([1, 1]);
    assert_eq!(other.split(&[]).code, 0);
    let run = Process::new(&["status", &other.part(0)]).run();
    let words = "--profile FILE # with the profile that names its lanes in place of FILE";
    assert!(run.stdout.contains(words), "{run:?}");
}
