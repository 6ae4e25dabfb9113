//! Faults 21 and 52: what vanishes while it is searched, or between the search and the apply.

use countermand_emulator::{Fate, Script};
use countermand_fleet::now;
use countermand_fleet::report::Summary;
use countermand_fleet::store::View;
use serde_json::{Value, json};

use crate::api::Api;
use crate::fleet::Fleet;
use crate::process::Run;

/// Devices with a WIPE each, of which the server denies all knowledge once they have been listed
/// but for the last one.
fn vanishing(count: usize) -> (Fleet, Vec<String>) {
    let fleet = Fleet::of(Api::new(vec![Fate::Cancellable; count + 1]));
    let devices = fleet.names[..count].iter();
    let devices: Vec<String> = devices
        .map(|name| name.split("/operations/").next().unwrap().to_owned())
        .collect();
    let body = json!({"error": {"code": 404, "status": "NOT_FOUND",
        "message": "Requested entity was not found."}});
    let faults = devices.iter().map(
        |device| json!({"method": "list", "name": device, "status": 404, "body": body, "times": null}),
    );
    script(&fleet, faults.collect());
    (fleet, devices)
}

fn script(fleet: &Fleet, faults: Value) {
    let script = Script::from_value(faults).unwrap();
    fleet.shared.with(|emulator, _| emulator.set_script(script));
}

/// The first sentences of the page.
fn headline(fleet: &Fleet) -> String {
    let page = fleet.file("headline.html");
    let report = ["report", &fleet.job, "--output", page.to_str().unwrap()];
    assert_eq!(fleet.command(&report).run().code, 0);
    let text = std::fs::read_to_string(&page).unwrap();
    std::fs::remove_file(page).unwrap();
    let (_, text) = text.split_once("<h1").unwrap();
    text.split_once("</header>").unwrap().0.to_owned()
}

fn mentions(run: &Run, text: &str) -> usize {
    run.stdout.matches(text).count() + run.stderr.matches(text).count()
}

#[test]
fn fault_52_devices_that_vanish_leave_a_plan_good() {
    let (fleet, devices) = vanishing(3);
    let enterprise = format!("enterprises/{}", fleet.enterprise());
    let run = fleet
        .command(&["plan", &enterprise, "--output", &fleet.job])
        .run();
    assert_eq!(run.code, 0, "{run:?}");
    for device in &devices {
        assert_eq!(mentions(&run, device), 1, "told once: {run:?}");
    }
    assert!(
        run.stdout
            .contains("3 devices vanished while the search went on"),
        "{run:?}"
    );
    assert!(run.stdout.contains("probably wiped"), "{run:?}");
    assert!(!run.stdout.contains("could not be read"), "{run:?}");

    let run = fleet.command(&["status", &fleet.job]).run();
    assert!(run.stdout.contains("3 devices vanished"), "{run:?}");
    assert_eq!(mentions(&run, "Note:"), 0, "{run:?}");
    let run = fleet.command(&["status", &fleet.job, "--json"]).run();
    let [line] = &run.json()[..] else {
        panic!("{run:?}");
    };
    let vanished = line["vanished"].as_array().unwrap();
    assert_eq!(vanished.len(), 3, "{line}");
    assert!(devices.contains(&vanished[0]["device"].as_str().unwrap().to_owned()));
    assert_eq!(line["notes"], json!([]), "{line}");

    // The report's last line knows them as well.
    let run = fleet.command(&["report", &fleet.job]).run();
    let lines = run.json();
    assert_eq!(lines.last().unwrap()["vanished"], line["vanished"]);
    let run = fleet.apply(&[]).run();
    assert_eq!(run.code, 3, "{run:?}");
    assert!(run.stdout.contains("3 devices vanished"), "{run:?}");
    let run = fleet.apply(&["--json"]).run();
    let told = run.json();
    let last = told.last().unwrap();
    assert_eq!(last["schema"], "countermand.search/1");
    assert_eq!(last["vanished"].as_array().unwrap().len(), 3, "{last}");
    assert!(headline(&fleet).contains("3 devices vanished, and probably wiped"));
}

#[test]
fn fault_52_a_rescue_keeps_who_vanished_and_does_not_search_them_again() {
    let (fleet, devices) = vanishing(2);
    let enterprise = fleet.enterprise();
    let run = fleet.rescue(&[]).run();
    assert_eq!(run.code, 3, "{run:?}");
    assert!(run.stdout.contains("2 devices vanished"), "{run:?}");
    assert!(headline(&fleet).contains("2 devices vanished, and probably wiped"));
    assert_eq!(mentions(&run, "not searched"), 0, "{run:?}");
    let view = View::open(&fleet.job).unwrap();
    let summary = Summary::of_job(&view, now(), None).unwrap();
    let gone = summary.vanished.iter();
    let mut gone: Vec<_> = gone.map(|gone| gone.device.to_string()).collect();
    gone.sort();
    let mut expected = devices.clone();
    expected.sort();
    assert_eq!(gone, expected);
    assert_eq!(summary.notes, Vec::<String>::new());
    drop(view);

    let before = fleet.requests_for(&devices[0]);
    let run = fleet
        .command(&["apply", &fleet.job, "--confirm", &enterprise])
        .run();
    assert_eq!(run.code, 3, "{run:?}");
    assert_eq!(fleet.requests_for(&devices[0]), before);
}

#[test]
fn fault_52_find_says_it_once_and_exits_0() {
    let (fleet, devices) = vanishing(2);
    let enterprise = format!("enterprises/{}", fleet.enterprise());
    let run = fleet.command(&["find", &enterprise]).run();
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.stderr.contains("2 devices vanished"), "{run:?}");
    for device in &devices {
        assert_eq!(mentions(&run, device), 1, "told once: {run:?}");
    }
}

#[test]
fn fault_52_a_page_of_a_front_end_and_a_mistyped_device_prove_nothing() {
    let (fleet, devices) = vanishing(1);
    let html = "<html><title>Error 404 (Not Found)!!1</title></html>";
    let fault = json!([{"method": "list", "name": devices[0], "status": 404, "body": html,
        "times": null}]);
    script(&fleet, fault);
    let enterprise = format!("enterprises/{}", fleet.enterprise());
    let running = fleet.command(&["find", &enterprise]).start();
    running.until("the cause", |running| {
        running
            .stderr()
            .contains("something other than the API answered")
    });
    assert!(!running.stderr().contains("delivered"), "it was a list");
    running.signal("TERM");
    let run = running.wait();
    assert_ne!(run.code, 0, "{run:?}");
    assert_eq!(mentions(&run, "vanished"), 0, "{run:?}");

    // That one was never seen.
    script(&fleet, json!([]));
    let mistyped = format!("{enterprise}/devices/mistyped");
    let run = fleet.command(&["find", &mistyped]).run();
    assert_ne!(run.code, 0, "{run:?}");
    assert_eq!(mentions(&run, "vanished"), 0, "{run:?}");
}

/// Devices that are wiped between the search and the apply, and one that answers.
fn wiped_after_the_plan(fleet: &Fleet, wiped: &[String]) {
    let body = json!({"error": {"code": 404, "status": "NOT_FOUND",
        "message": "Requested entity was not found."}});
    let devices = wiped.iter().map(|name| name.split("/operations/").next());
    let faults =
        devices.map(|device| json!({"name": device, "status": 404, "body": body, "times": null}));
    script(fleet, faults.collect());
}

/// The device and the words of what may have executed, wherever an operator or a program looks.
fn told_as_gone(fleet: &Fleet, run: &Run, names: &[String]) {
    assert_eq!(run.code, 3, "{run:?}");
    let status = fleet.command(&["status", &fleet.job]).run();
    let warning = format!("WARNING: {} gone: the server has no record", names.len());
    for run in [run, &status] {
        assert!(run.stdout.contains(&warning), "{run:?}");
    }
    let lines = fleet.command(&["report", &fleet.job]).run().json();
    let page = fleet.file("report.html");
    let report = ["report", &fleet.job, "--output", page.to_str().unwrap()];
    assert_eq!(fleet.command(&report).run().code, 0);
    let page = std::fs::read_to_string(page).unwrap();
    let (_, part) = page.split_once("Gone, and may have executed").unwrap();
    let (part, _) = part.split_once("</section>").unwrap();
    for name in names {
        let line = lines.iter().find(|line| line["name"] == **name).unwrap();
        let told = (&line["state"], &line["verdict"], &line["parent_exists"]);
        assert_eq!(told, (&json!("gone"), &json!("gone"), &json!(false)));
        let (device, _) = name.split_once("/operations/").unwrap();
        assert!(part.contains(device.rsplit('/').next().unwrap()), "{part}");
    }
    assert!(page.contains(&format!("{} of {} operation", names.len(), lines.len() - 1)));
}

#[test]
fn fault_21_an_operation_that_the_search_saw_and_that_is_404_now_is_gone() {
    for (count, wiped) in [(1, 1), (3, 2)] {
        let fleet = Fleet::of(Api::new(vec![Fate::Cancellable; count]));
        let enterprise = format!("enterprises/{}", fleet.enterprise());
        let plan = ["plan", &enterprise, "--output", &fleet.job];
        assert_eq!(fleet.command(&plan).run().code, 0);
        let gone = &fleet.names[..wiped];
        wiped_after_the_plan(&fleet, gone);
        let run = fleet.apply(&[]).run();
        told_as_gone(&fleet, &run, gone);
        let before = fleet.requests();
        let again = fleet.apply(&[]).run();
        assert_eq!((again.code, fleet.requests()), (3, before), "{again:?}");
    }
}

#[test]
fn fault_21_an_operation_of_an_input_that_the_server_told_is_gone_and_a_name_alone_is_an_error() {
    let fleet = Fleet::of(Api::new([Fate::Cancellable; 2]));
    let enterprise = format!("enterprises/{}", fleet.enterprise());
    let found = fleet.command(&["find", &enterprise, "--json"]).run().stdout;
    wiped_after_the_plan(&fleet, &fleet.names);
    let run = fleet
        .command(&["cancel", "-", "--json"])
        .input(found.clone())
        .run();
    assert_eq!(run.code, 3, "{run:?}");
    for line in run.json() {
        assert_eq!(line["verdict"], "gone", "{line}");
    }
    let plan = ["plan", "-", "--output", &fleet.job];
    assert_eq!(fleet.command(&plan).input(found).run().code, 0);
    let run = fleet.apply(&[]).run();
    assert!(
        run.stdout.contains("; the device has no record either"),
        "{run:?}"
    );
    told_as_gone(&fleet, &run, &fleet.names);

    std::fs::remove_file(&fleet.job).unwrap();
    assert_eq!(fleet.plan(&[]).code, 0);
    let run = fleet.apply(&[]).run();
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stdout.contains("may have executed"), "{run:?}");
    assert_eq!(fleet.verdicts(), ["error"; 2]);
    let page = fleet.file("page.html");
    let report = ["report", &fleet.job, "--output", page.to_str().unwrap()];
    assert_eq!(fleet.command(&report).run().code, 0);
    let page = std::fs::read_to_string(page).unwrap();
    let (_, part) = page.split_once("Without a verdict").unwrap();
    let (part, _) = part.split_once("</section>").unwrap();
    for name in &fleet.names {
        let (device, _) = name.split_once("/operations/").unwrap();
        assert!(part.contains(device.rsplit('/').next().unwrap()), "{part}");
    }
}

/// A list that the server denies, of one device of three.
fn denied(fleet: &Fleet) {
    let device = fleet.names[0].split("/operations/").next();
    let body = json!({"error": {"code": 403, "status": "PERMISSION_DENIED", "message": "no"}});
    script(
        fleet,
        json!([{"method": "list", "name": device, "status": 403, "body": body, "times": null}]),
    );
}

#[test]
fn fault_52_a_job_whose_search_missed_a_list_is_no_complete_success() {
    let fleet = Fleet::of(Api::new([Fate::Cancellable; 3]));
    denied(&fleet);
    let enterprise = format!("enterprises/{}", fleet.enterprise());
    let plan = ["plan", &enterprise, "--output", &fleet.job];
    assert_eq!(fleet.command(&plan).run().code, 4);
    for _ in 0..2 {
        let run = fleet.apply(&[]).run();
        assert_eq!(run.code, 4, "{run:?}");
        let words = "WARNING: 1 list was not searched to the end: operations there are not in";
        assert!(run.stdout.contains(words), "{run:?}");
    }
    let first = headline(&fleet);
    assert!(
        first.contains("2 of 2 operations cancelled, and not everything searched"),
        "{first}"
    );
    assert!(
        first.contains("1 list was not searched to the end"),
        "{first}"
    );
    let last = fleet
        .command(&["report", &fleet.job])
        .run()
        .json()
        .pop()
        .unwrap();
    let search = &last["search"];
    let told = (&search["devices"], &search["searched"], &search["missed"]);
    assert_eq!(told, (&json!(3), &json!(2), &json!(1)), "{last}");
    assert!(
        last["resume"].is_null(),
        "a plan is not searched again: {last}"
    );
    let told = fleet.apply(&["--json"]).run().json();
    let missed = &told.last().unwrap()["missed"];
    assert_eq!(missed[0]["error"]["http_status"], 403, "{missed}");
}

#[test]
fn fault_52_a_missed_list_counts_once_however_many_runs_miss_it() {
    let fleet = Fleet::of(Api::new([Fate::Cancellable; 3]));
    denied(&fleet);
    let enterprise = fleet.enterprise();
    let apply = ["apply", &fleet.job, "--confirm", &enterprise];
    let again = || fleet.command(&apply);
    for process in [fleet.rescue(&[]), again(), again()] {
        let run = process.run();
        assert_eq!(run.code, 4, "{run:?}");
        let status = fleet.command(&["status", &fleet.job]).run();
        let words = "searched 2 of 3 devices, 1 list missed, 2 operations found";
        assert!(status.stdout.contains(words), "{status:?}");
        let line = fleet
            .command(&["status", &fleet.job, "--json"])
            .run()
            .json()
            .remove(0);
        let search = &line["search"];
        let told = (&search["searched"], &search["missed"]);
        assert_eq!(told, (&json!(2), &json!(1)), "{line}");
    }
    script(&fleet, json!([]));
    let run = fleet.command(&apply).run();
    assert_eq!(run.code, 0, "{run:?}");
    let first = headline(&fleet);
    assert!(first.contains("All 3 operations cancelled"), "{first}");
}

#[test]
fn fault_52_a_device_without_a_record_is_not_searched_again_and_may_have_been_wiped() {
    let fleet = Fleet::of(Api::new([Fate::Cancellable; 2]));
    wiped_after_the_plan(&fleet, &fleet.names[..1]);
    let enterprise = fleet.enterprise();
    let devices = fleet.names.iter();
    let devices: Vec<&str> = devices
        .map(|name| name.split("/operations/").next().unwrap())
        .collect();
    let rescue = [
        "rescue",
        devices[0],
        devices[1],
        "--job",
        &fleet.job,
        "--confirm",
        &enterprise,
    ];
    let run = fleet.command(&rescue).run();
    assert_eq!(run.code, 1, "{run:?}");
    assert!(
        run.stdout
            .contains("WARNING: 1 list was not searched to the end"),
        "{run:?}"
    );
    assert!(
        !run.stdout.contains("to go on"),
        "another run changes nothing: {run:?}"
    );
    assert!(headline(&fleet).contains("1 of 1 operation cancelled, and not everything searched"));
    let before = fleet.requests();
    let run = fleet
        .command(&["apply", &fleet.job, "--confirm", &enterprise])
        .run();
    assert_eq!((run.code, fleet.requests()), (1, before), "{run:?}");
    for verb in ["find", "list"] {
        let run = fleet.command(&[verb, devices[0]]).run();
        assert_eq!(run.code, 1, "{run:?}");
        assert!(run.stderr.contains("has no record any more"), "{run:?}");
        assert!(!run.stderr.contains("not complete"), "{run:?}");
    }
}
