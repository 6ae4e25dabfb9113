//! Fault 41: two processes, one job file.

use countermand_emulator::{Fate, State};
use serde_json::json;

use crate::api::Api;
use crate::fleet::Fleet;

#[test]
fn fault_41_the_second_process_is_told_who_has_the_file() {
    let fleet = Fleet::planned([Fate::Cancellable; 3], &[]);
    let script = json!([{"action": "stall", "name": fleet.names[1], "times": null}]);
    let script = countermand_emulator::Script::from_value(script).unwrap();
    fleet.shared.with(|emulator, _| emulator.set_script(script));
    let first = fleet.apply(&["--in-flight", "1"]).start();
    let stalled = fleet.names[1].clone();
    first.until("the request that hangs", |_| {
        fleet.requests_for(&stalled) > 0
    });

    let before = fleet.requests();
    for options in [&[][..], &["--recheck"]] {
        let second = fleet.apply(options).run();
        assert_eq!((second.code, second.stdout.as_str()), (9, ""), "{second:?}");
        let host = rustix::system::uname();
        let host = host.nodename().to_string_lossy().into_owned();
        let holder = format!("process {} on {host}", first.id());
        assert!(second.stderr.contains(&holder), "{holder}: {second:?}");
        assert!(second.stderr.contains("`status`"), "{second:?}");
    }
    // A process that only reads is not refused.
    let status = fleet.command(&["status", &fleet.job, "--json"]).run();
    assert_eq!(status.code, 0, "{status:?}");
    let status = status.json().remove(0);
    assert_eq!(status["counts"]["rows"], 3);
    assert!(
        status["holder"]
            .as_str()
            .unwrap()
            .contains(&first.id().to_string())
    );
    let text = fleet.command(&["status", &fleet.job]).run();
    assert!(text.stdout.starts_with("Applied by process "), "{text:?}");
    assert!(text.stdout.contains("which is alive"), "{text:?}");
    assert!(
        !text.stdout.contains("countermand apply"),
        "no second run: {text:?}"
    );
    assert_eq!(status["applied"], true);
    let report = fleet.command(&["report", &fleet.job]).run();
    assert_eq!((report.code, report.json().len()), (0, 4), "{report:?}");
    assert_eq!(fleet.requests(), before);

    // A killed one does not keep the file.
    assert_eq!(first.kill().code, -1);
    let text = fleet.command(&["status", &fleet.job]).run();
    assert!(
        text.stdout
            .contains("has recorded no end: it was killed, or its end could not be written"),
        "{text:?}"
    );
    assert!(text.stdout.contains("countermand apply"), "{text:?}");
    let script = countermand_emulator::Script::default();
    fleet.shared.with(|emulator, _| emulator.set_script(script));
    assert_eq!(fleet.apply(&[]).run().code, 0);
    assert_eq!(fleet.states(), [State::Cancelled; 3]);
}

/// Also while the first one still searches and knows of nothing to cancel.
#[test]
fn fault_41_a_rescue_holds_its_file_as_well() {
    let fleet = Fleet::of(Api::new([Fate::Cancellable]));
    let script = json!([{"action": "stall", "times": null}]);
    let script = countermand_emulator::Script::from_value(script).unwrap();
    fleet.shared.with(|emulator, _| emulator.set_script(script));
    let enterprise = fleet.enterprise();
    let first = fleet.rescue(&[]).start();
    first.until("the request that hangs", |_| fleet.requests() > 0);
    let before = fleet.requests();
    let args = ["apply", &fleet.job, "--confirm", &enterprise];
    let second = fleet.command(&args).run();
    assert_eq!(second.code, 9, "{second:?}");
    assert_eq!(fleet.requests(), before);
    first.kill();
}
