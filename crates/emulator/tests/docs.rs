//! The documentation says what is so.

use crate::common::{T0, respond};
use bytes::Bytes;
use countermand_emulator::{Config, Emulator, PRESETS};
use http::Request;
use serde_json::Value;

const MANUAL: &str = include_str!("../../../docs/emulator.md");

#[test]
fn every_example_of_the_manual_is_accepted() {
    let mut examples = 0;
    for block in MANUAL.split("```json\n").skip(1) {
        let text = block.split("```").next().unwrap();
        let endpoint = if text.starts_with('[') {
            "faults"
        } else {
            "devices"
        };
        let mut emulator = Emulator::new(Config::default());
        let request = Request::post(format!("/_emulator/{endpoint}"))
            .body(Bytes::from(text))
            .unwrap();
        let response = respond(emulator.handle(T0, &request).action);
        assert_eq!(response.status(), 200, "{text}: {:?}", response.body());
        examples += 1;
    }
    assert!(examples > 8, "{examples}");
}

#[test]
fn the_manual_lists_every_preset_with_its_marks() {
    let (_, presets) = MANUAL.split_once("### Presets").unwrap();
    for preset in PRESETS.iter() {
        let row = presets
            .lines()
            .find(|line| line.starts_with(&format!("| {} |", preset.number)));
        let row = row.unwrap_or_else(|| panic!("no row {}", preset.number));
        let mut marked = format!("`{}`", preset.name);
        if preset.entry.get("times") == Some(&Value::Null) {
            marked.push_str(" ∞");
        }
        if preset.entry.contains_key("method") {
            marked.push_str(" †");
        }
        let found = row.split(" | ").nth(1).unwrap().trim_end_matches(" |");
        assert!(
            found.split(", ").any(|name| name == marked),
            "{marked} in {row}"
        );
    }
}
