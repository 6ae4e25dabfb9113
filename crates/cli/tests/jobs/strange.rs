//! One strange entry in a list of operations or devices does not hide the others, and is told.

use std::time::{Duration, Instant};

use countermand_emulator::{Fate, Script};
use serde_json::{Value, json};

use crate::api::Api;
use crate::fleet::Fleet;

fn script(fleet: &Fleet, faults: Value) {
    let script = Script::from_value(faults).unwrap();
    fleet.shared.with(|emulator, _| emulator.set_script(script));
}

/// A script that puts an entry without a name before the real ones of a list.
fn strange(fleet: &Fleet, list: &str) -> Value {
    let real: Vec<Value> = match list {
        "operations" => fleet
            .names
            .iter()
            .map(|name| json!({"name": name, "metadata": {"type": "WIPE"}}))
            .collect(),
        _ => fleet
            .names
            .iter()
            .filter_map(|name| name.split("/operations/").next())
            .map(|device| json!({"name": device}))
            .collect(),
    };
    let entries: Vec<Value> = [json!({"x": 1})].into_iter().chain(real).collect();
    let method = match list {
        "operations" => "list",
        _ => "devices.list",
    };
    json!([{"method": method, "times": null, "status": 200, "body": {list: entries}}])
}

#[test]
fn finding_31_a_strange_entry_hides_no_enterprise() {
    for list in ["operations", "devices"] {
        let fleet = Fleet::of(Api::new([Fate::Cancellable]));
        let enterprise = format!("enterprises/{}", fleet.enterprise());
        script(&fleet, strange(&fleet, list));
        let begun = Instant::now();
        let args = ["plan", &enterprise, "--output", &fleet.job, "--json"];
        let run = fleet.command(&args).run();
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "it is not asked for again"
        );
        // Not everything was seen: it has to be done again, as after each answer that cannot be read.
        assert_eq!(run.code, 5, "{run:?}");
        assert!(run.stderr.contains("1 of 2 entries"), "{run:?}");
        let plan = &run.json()[0];
        assert_eq!(
            (&plan["operations"], &plan["missed"]),
            (&json!(1), &json!(1))
        );

        let job = fleet.file("rescue.job");
        let confirm = fleet.enterprise();
        let args = [
            "rescue",
            &enterprise,
            "--confirm",
            &confirm,
            "--job",
            job.to_str().unwrap(),
        ];
        let run = fleet.command(&args).run();
        assert_eq!(run.code, 5, "{run:?}");
        assert!(run.stderr.contains("1 of 2 entries"), "{run:?}");
        assert_eq!(fleet.cancels().0, 1, "{run:?}");
        let run = fleet.command(&["status", job.to_str().unwrap()]).run();
        assert!(run.stdout.contains("1 of 2 entries"), "{run:?}");
    }
}

#[test]
fn a_list_of_empty_pages_makes_a_search_incomplete() {
    for (list, method) in [("operations", "list"), ("devices", "devices.list")] {
        let fleet = Fleet::of(Api::new([Fate::Cancellable]));
        let enterprise = format!("enterprises/{}", fleet.enterprise());
        // Ever new tokens, far more than the limit.
        let pages = (0..150).map(|number| {
            let body = json!({list: [], "nextPageToken": format!("page-{number}")});
            json!({"method": method, "status": 200, "body": body})
        });
        script(&fleet, pages.collect());
        let args = ["plan", &enterprise, "--output", &fleet.job, "--json"];
        let run = fleet.command(&args).run();
        assert_eq!(run.code, 5, "{run:?}");
        assert!(run.stderr.contains("20 pages in a row"), "{run:?}");
        assert!(run.stderr.contains(&enterprise), "{run:?}");
        let asked = fleet.asked();
        let of_list = |path: &str| path.contains(&format!("/{list}?"));
        let count = asked.iter().filter(|(path, _)| of_list(path)).count();
        assert_eq!(count, 20, "{run:?}");
    }
}
