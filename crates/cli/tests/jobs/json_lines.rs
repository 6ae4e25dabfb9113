//! docs/json-lines.md describes every field of every line of `--json`.

use std::collections::{BTreeMap, BTreeSet};

use countermand_emulator::Fate;
use serde_json::Value;

use crate::fleet::Fleet;
use crate::process::Process;

const MANUAL: &str = include_str!("../../../../docs/json-lines.md");
const REPORTS: &str = include_str!("../../../../docs/report.md");

/// The words in backquotes below the heading of a schema.
fn described(schema: &str) -> BTreeSet<String> {
    let section = MANUAL.split("\n## ").find_map(|section| {
        let (heading, text) = section.split_once('\n')?;
        (heading == schema).then_some(text)
    });
    let text = section.unwrap_or_else(|| panic!("{schema} is not described"));
    let words = text.split('`').skip(1).step_by(2);
    words.map(str::to_owned).collect()
}

#[test]
fn fault_61_every_field_of_every_line_is_described() {
    let fleet = Fleet::planned([Fate::Cancellable; 3], &[]);
    let name = fleet.names[0].as_str();
    let device = name.split("/operations/").next().unwrap();
    let enterprise = name.split("/devices/").next().unwrap();
    let plan = fleet.file("other.job");
    let plan = plan.to_str().unwrap();
    let mut lines: Vec<Value> = Vec::new();
    let mut take = |process: Process| lines.extend(process.run().json());
    take(fleet.command(&["find", enterprise, "--json"]));
    // A search that misses a list says so in a line of its own.
    take(fleet.command(&["find", &format!("{enterprise}/devices/none"), "--json"]));
    take(fleet.command(&["services", "--json"]));
    take(fleet.command(&["get", name, "--json"]));
    take(fleet.command(&["list", device, "--json"]));
    take(fleet.command(&["plan", name, "--output", plan, "--json"]));
    take(fleet.command(&["status", &fleet.job, "--json"]));
    let input = format!("{{\"name\": \"{name}\"}}\nnull\n");
    let cancel = fleet.command(&["cancel", "-", "--json"]);
    take(cancel.env("COUNTERMAND_TOKEN", "expired").input(input));
    take(fleet.apply(&["--json"]));
    take(fleet.command(&["doctor", enterprise, "--json"]));
    take(fleet.command(&["simulate", "--operations", "3", "--json"]));
    let emulator = Process::new(&["emulator", "--devices", "1"]).start();
    emulator.until("its line", |emulator| emulator.stdout().ends_with('\n'));
    lines.push(serde_json::from_str(&emulator.stdout()).unwrap());
    drop(emulator);

    let mut fields: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in &lines {
        let schema = line["schema"].as_str().unwrap().to_owned();
        let keys = line.as_object().unwrap().keys().cloned();
        fields.entry(schema).or_default().extend(keys);
    }
    for (schema, fields) in &fields {
        let described = described(schema);
        for field in fields.iter().filter(|field| *field != "schema") {
            assert!(described.contains(field), "{schema}: {field}");
        }
    }
    // All but the demo, which takes half a minute, and the two of a report.
    let listed = MANUAL
        .lines()
        .filter(|line| line.starts_with("| [`countermand."));
    assert_eq!(listed.count(), fields.len() + 1, "{:?}", fields.keys());
    for schema in ["countermand.row/1", "countermand.report/1"] {
        assert!(REPORTS.contains(schema), "{schema}");
    }
}
