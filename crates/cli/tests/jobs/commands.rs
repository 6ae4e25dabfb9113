//! Each command that is printed does what its sentence says: it is run as it is, by a shell that has no
//! variable of ours.

use std::fs;
use std::time::Duration;

use countermand_emulator::{Fate, Script, State};
use countermand_fleet::store::View;
use countermand_fleet::{Resume, now, report};
use serde_json::{Value, json};

use crate::api::{Api, TOKEN};
use crate::fleet::Fleet;
use crate::process::{Process, Run};

const GOOD: Fate = Fate::Cancellable;

/// A fleet with a token in a file whose path needs quoting, and the options that name both.
fn fleet(fates: impl IntoIterator<Item = Fate>) -> (Fleet, Vec<String>) {
    let fleet = Fleet::of(Api::new(fates));
    let token = fleet.file("my token");
    fs::write(&token, TOKEN).unwrap();
    let options = [
        "--endpoint",
        &fleet.endpoint,
        "--token-file",
        token.to_str().unwrap(),
    ];
    let options = options.map(str::to_owned).to_vec();
    (fleet, options)
}

/// The command of a user who gives options and sets no variable.
fn command(fleet: &Fleet, args: &[&str], options: &[String]) -> Process {
    let options = options.iter().map(String::as_str);
    let args: Vec<&str> = args.iter().copied().chain(options).collect();
    Process::new(&args).inside(fleet.folder())
}

/// The printed line from this word on, without what stands around it.
fn printed(run: &Run, begin: &str) -> String {
    let lines = run.stdout.lines().chain(run.stderr.lines());
    let line = lines
        .filter_map(|line| line.find(begin).map(|at| &line[at..]))
        .next_back();
    line.unwrap_or_else(|| panic!("no {begin}: {run:?}"))
        .to_owned()
}

fn shell(fleet: &Fleet, line: &str) -> Run {
    Process::shell(line).inside(fleet.folder()).run()
}

#[test]
fn a_command_that_goes_on_with_a_job_has_the_options_that_were_given() {
    let (fleet, options) = fleet([GOOD, Fate::Stuck]);
    let names = fleet.names.join("\n");
    let job = fleet.job.as_str();
    let plan = command(
        &fleet,
        &["plan", "-", "-o", job, "--deadline", "300ms"],
        &options,
    );
    let plan = plan.input(names).run();
    assert_eq!(plan.code, 0, "{plan:?}");
    let run = shell(&fleet, &printed(&plan, "countermand apply"));
    assert_eq!(run.code, 5, "{run:?}");
    let status = command(&fleet, &["status", job], &options).run();
    let report = command(&fleet, &["report", job], &options).run();
    let report = report.json().pop().unwrap()["resume"]
        .as_str()
        .unwrap()
        .to_owned();
    let recheck = command(
        &fleet,
        &["apply", job, "--recheck", "--json", "--in-flight", "3"],
        &options,
    );
    let recheck = recheck.run();
    let cancels = fleet.cancels().0;
    let after_recheck = printed(&recheck, "countermand apply");
    assert!(
        after_recheck.contains(" --in-flight 3 ") && after_recheck.contains(" --json"),
        "{after_recheck}"
    );
    for line in [
        printed(&recheck, "countermand apply"),
        printed(&run, "countermand apply"),
        printed(&status, "countermand apply"),
        report,
    ] {
        let again = shell(&fleet, &line);
        assert_eq!(again.code, 5, "{line}: {again:?}");
    }
    assert_eq!(fleet.cancels().0, cancels + 4);
    let cancel = command(
        &fleet,
        &["cancel", &fleet.names[1], "--deadline", "300ms"],
        &options,
    )
    .run();
    assert_eq!(
        shell(&fleet, &printed(&cancel, "countermand cancel")).code,
        5
    );
}

#[test]
fn what_a_rescue_left_beyond_max_is_rescued_by_the_printed_command() {
    let (fleet, options) = fleet([GOOD; 9]);
    let (enterprise, job) = (fleet.enterprise(), fleet.job.as_str());
    let whole = format!("enterprises/{enterprise}");
    let rescue = [
        "rescue",
        &whole,
        "--job",
        job,
        "--confirm",
        &enterprise,
        "--max",
        "4",
    ];
    let terms = [
        "--type",
        "wipe",
        "--older-than",
        "1ms",
        "--newer-than",
        "300d",
        "--share",
        "0.5",
        "--deadline",
        "20s",
    ];
    let run = command(&fleet, &[&rescue[..], &terms].concat(), &options).run();
    assert_eq!(run.code, 5, "{run:?}");
    let printed = printed(&run, "countermand rescue");
    for words in [
        "--type WIPE",
        "--share 0.5",
        "--deadline 20s",
        "--older-than ",
    ] {
        assert!(printed.contains(words), "{words}: {printed}");
    }
    let status = command(&fleet, &["status", job, "--json"], &options).run();
    let resume = status.json()[0]["resume"].as_str().unwrap().to_owned();
    assert!(resume.starts_with("countermand rescue "), "{resume}");
    let run = shell(&fleet, &printed);
    assert_eq!(run.code, 0, "{printed}: {run:?}");
    assert_eq!(fleet.states(), [State::Cancelled; 9]);
    assert_eq!(fleet.cancels(), (9, 9));
    // Of names that were left out the job has no file: no command would leave out the same.
    let fleet = Fleet::of(Api::new([GOOD; 3]));
    let (enterprise, spared) = (fleet.enterprise(), fleet.file("spared"));
    fs::write(&spared, &fleet.names[0]).unwrap();
    let whole = format!("enterprises/{enterprise}");
    let rescue = [
        "rescue",
        &whole,
        "--job",
        &fleet.job,
        "--confirm",
        &enterprise,
    ];
    let spared = ["--max", "1", "--exclude", spared.to_str().unwrap()];
    let run = fleet.command(&[&rescue[..], &spared].concat()).run();
    assert_eq!(run.code, 5, "{run:?}");
    assert!(
        run.stdout
            .contains("1 beyond --max, left alone: to cancel those, rescue again "),
        "{run:?}"
    );
}

#[test]
fn of_a_job_with_nothing_to_go_on_with_no_command_is_told() {
    let (fleet, options) = fleet([GOOD; 2]);
    let job = fleet.job.as_str();
    let plan = command(&fleet, &["plan", "-", "-o", job], &options);
    let plan = plan.input(fleet.names.join("\n")).run();
    assert_eq!(shell(&fleet, &printed(&plan, "countermand apply")).code, 0);
    let status = command(&fleet, &["status", job, "--json"], &options).run();
    assert_eq!(status.json()[0]["resume"], Value::Null);
    let report = command(&fleet, &["report", job], &options).run();
    assert_eq!(report.json().pop().unwrap()["resume"], Value::Null);
}

#[test]
fn a_job_whose_name_begins_like_an_option_is_named_as_a_path() {
    let (fleet, options) = fleet([GOOD]);
    let plan = command(&fleet, &["plan", "-", "--output=-w2.job"], &options);
    let plan = plan.input(fleet.names.join("\n")).run();
    assert_eq!(plan.code, 0, "{plan:?}");
    let run = shell(&fleet, &printed(&plan, "countermand apply"));
    assert_eq!(run.code, 0, "{run:?}");
    assert!(
        run.stdout.contains("countermand report ./-w2.job "),
        "{run:?}"
    );
}

#[test]
fn the_command_of_a_cancel_keeps_the_endpoint_and_what_was_asked() {
    let fleet = Fleet::of(Api::new([GOOD; 2]));
    let refused = json!([{"fault": "unauthenticated", "method": "cancel", "times": null}]);
    let script = Script::from_value(refused).unwrap();
    fleet.shared.with(|emulator, _| emulator.set_script(script));
    let run = fleet
        .command(&["cancel", &fleet.names[0], "--no-verify"])
        .run();
    assert_eq!(run.code, 4, "{run:?}");
    let line = printed(&run, "countermand cancel");
    let endpoint = format!(" --endpoint {}", fleet.endpoint);
    assert!(
        line.contains(" --no-verify") && line.contains(&endpoint),
        "{line}"
    );
}

#[test]
fn a_hint_keeps_the_options_and_quotes_the_path() {
    let (fleet, options) = fleet([GOOD; 3]);
    let file = |name: &str, lines: &[String]| {
        fs::write(fleet.file(name), lines.join("\n")).unwrap();
        name.to_owned()
    };
    let names = file("my names.txt", &fleet.names);
    let devices: Vec<_> = fleet
        .names
        .iter()
        .map(|name| name.split("/operations/").next().unwrap().to_owned())
        .collect();
    let bad = [String::from("# ours"), String::from("enterprises/e/oops")];
    let devices = file("my devices.txt", &[&bad[..], &devices].concat());
    let job = fleet.job.as_str();

    let run = command(&fleet, &["plan", &names, "-o", job], &options).run();
    assert_eq!(run.code, 2, "{run:?}");
    let run = shell(&fleet, &printed(&run, "countermand plan"));
    assert_eq!(run.code, 0, "{run:?}");
    assert!(fs::exists(job).unwrap());

    // A file of devices, in place of a name, as a file and as standard input; and an enterprise.
    let found = |run: &Run, line: &str| {
        let found = shell(&fleet, line);
        assert_eq!((run.code, found.code), (2, 0), "{line}: {run:?} {found:?}");
        let mut lines: Vec<_> = found.stdout.lines().collect();
        lines.sort_unstable();
        let mut names: Vec<_> = fleet.names.iter().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(lines, names, "{line}");
    };
    let run = command(&fleet, &["cancel", &devices], &options).run();
    let run = shell(&fleet, &printed(&run, "countermand cancel"));
    let line = printed(&run, "grep -xE");
    found(&run, &format!("cat 'my devices.txt' | {line}"));
    let again = fleet.file("another.job");
    let plan = command(
        &fleet,
        &["plan", "--from", &devices, "-o", again.to_str().unwrap()],
        &options,
    )
    .run();
    found(&plan, &printed(&plan, "grep -xE"));
    let whole = format!("enterprises/{}", fleet.enterprise());
    for verb in ["cancel", "get"] {
        let run = command(&fleet, &[verb, &whole], &options).run();
        found(&run, &printed(&run, "countermand find"));
    }
    // What finds already takes no file of operations.
    let run = command(&fleet, &["find", &names], &options).run();
    assert!(
        run.stderr
            .contains("a file of operations is for `plan`, with --from"),
        "{run:?}"
    );
    let run = command(&fleet, &["get", &names], &options).run();
    assert_eq!(shell(&fleet, &printed(&run, "countermand get")).code, 0);
}

#[test]
fn a_refused_confirmation_shows_what_is_to_be_confirmed() {
    let (fleet, options) = fleet([GOOD; 7]);
    let job = fleet.job.as_str();
    let whole = format!("enterprises/{}", fleet.enterprise());
    assert_eq!(
        command(&fleet, &["plan", &whole, "-o", job], &options)
            .run()
            .code,
        0
    );
    let wrong = format!("{}:9", fleet.enterprise());
    for confirm in [&[][..], &["--confirm", &wrong]] {
        let args = [&["apply", job], confirm].concat();
        let run = command(&fleet, &args, &options).run();
        assert_eq!((run.code, run.stdout.as_str()), (8, ""), "{run:?}");
        let shown = [
            "7 operations to be cancelled: 7 WIPE",
            &whole,
            "7 over a day",
            "\n  and 2 more\n",
            "nothing was sent",
        ];
        for words in shown {
            assert!(run.stderr.contains(words), "{words}: {run:?}");
        }
        let names = fleet.names.iter().filter(|name| run.stderr.contains(*name));
        assert_eq!(names.count(), 5, "{run:?}");
        let run = command(&fleet, &[&args[..], &["--json"]].concat(), &options).run();
        let line = &run.json()[0];
        assert_eq!(line["schema"], "countermand.plan/1");
        assert_eq!(
            (
                &line["types"]["WIPE"],
                line["first"].as_array().unwrap().len()
            ),
            (&7.into(), 5)
        );
        assert_eq!(run.code, 8, "{run:?}");
    }
    // What a rescue will find is not known; its selection and its places are.
    let device = fleet.names[0].split("/operations/").next().unwrap();
    let run = command(&fleet, &["rescue", device, "--type", "wipe"], &options).run();
    assert_eq!(run.code, 8, "{run:?}");
    let searches = format!("It searches {device}.");
    assert!(
        run.stderr.contains("of type WIPE") && run.stderr.contains(&searches),
        "{run:?}"
    );
    assert_eq!(fleet.cancels(), (0, 0));
}

#[test]
fn a_confirmation_shows_what_this_run_would_take_up() {
    let (fleet, options) = fleet([GOOD; 4]);
    let (enterprise, job) = (fleet.enterprise(), fleet.job.as_str());
    let whole = format!("enterprises/{enterprise}");
    let rescue = ["rescue", &whole, "--job", job, "--confirm", &enterprise];
    let run = command(&fleet, &[&rescue[..], &["--max", "1"]].concat(), &options).run();
    assert_eq!(run.code, 5, "{run:?}");
    let run = command(&fleet, &["apply", job], &options).run();
    let told = "4 operations in the rescue, 0 to be cancelled\n  \
                4 operations: 3 unsent, 1 cancelled\nAll of the rescue: 4 WIPE\n";
    assert!(run.stderr.contains(told), "{run:?}");
    assert!(!run.stderr.contains("more\n"), "no name is listed: {run:?}");
    let run = command(&fleet, &["apply", job, "--json"], &options).run();
    let line = &run.json()[0];
    assert_eq!(
        (&line["operations"], &line["to_cancel"]),
        (&4.into(), &0.into())
    );
}

#[test]
fn of_a_plan_that_is_too_old_no_command_is_told_but_that_it_is() {
    let fleet = Fleet::planned([GOOD; 2], &[]);
    let mut view = View::open(&fleet.job).unwrap();
    for (hours, old) in [(0, false), (2, true)] {
        let then = now().saturating_add(Duration::from_secs(3600 * hours));
        let resume = |job: &_| Ok(Resume::of(job, then)?.map(|it| it.to_string()));
        let status = report::Status::of(std::slice::from_mut(&mut view), then, resume).unwrap();
        assert_eq!(status.summary.resume.is_none(), old);
        let told =
            "its greatest age is 60 min 0 s, and its operations may have changed: plan again";
        assert_eq!(status.to_string().contains(told), old, "{status}");
    }
}

#[test]
fn a_job_file_in_place_of_a_name_is_told_as_one() {
    let fleet = Fleet::planned([GOOD], &[]);
    let other = fleet.file("other.job");
    let other = other.to_str().unwrap();
    for args in [
        &["cancel", &fleet.job][..],
        &["rescue", &fleet.job],
        &["plan", &fleet.job, "-o", other],
    ] {
        let run = fleet.command(args).run();
        assert_eq!(run.code, 2, "{run:?}");
        assert!(
            run.stderr
                .contains("apply, status and report take job files"),
            "{run:?}"
        );
        assert!(!run.stderr.contains("names in a file"), "{run:?}");
    }
}

#[test]
fn of_a_device_that_is_not_there_nothing_is_said_of_operations() {
    let fleet = Fleet::of(Api::new([GOOD]));
    let device = format!("enterprises/{}/devices/none", fleet.enterprise());
    let run = fleet.command(&["list", &device]).run();
    assert_eq!(run.code, 1, "{run:?}");
    assert_eq!(run.stderr.matches(&device).count(), 1, "{run:?}");
    let advice = "; check the name; if it is right, the device has no record any more: it may have executed a command that erased it\n";
    assert!(run.stderr.ends_with(advice), "{run:?}");
}
