//! Fault 48: nothing answers.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use countermand_emulator::Fate;

use crate::api::{Api, TOKEN};
use crate::fleet::Fleet;
use crate::process::Process;

const DEADLINE: Duration = Duration::from_secs(3);

/// A port of this machine that was free a moment ago.
fn closed() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[test]
fn fault_48_cancel_ends_on_a_dead_network_and_says_the_cause_once() {
    for count in [1, 2, 3, 100] {
        let name = |id| format!("enterprises/e/devices/d{id}/operations/{id}");
        let names: Vec<String> = (0..count).map(name).collect();
        let process = |options: &[&str]| {
            let args = [&["cancel", "-", "--deadline", "3s"], options].concat();
            let process = Process::new(&args).env("COUNTERMAND_ENDPOINT", &closed());
            process
                .env("COUNTERMAND_TOKEN", TOKEN)
                .input(names.join("\n"))
        };
        let begun = Instant::now();
        let run = process(&[]).run();
        let took = begun.elapsed();
        assert!(took < DEADLINE * 2, "{count}: {took:?}");
        assert_eq!(run.code, 5, "{run:?}");
        assert_eq!(run.stderr.matches("failing: ").count(), 1, "{run:?}");
        assert!(!run.stdout.contains("The last cancel was sent"), "{run:?}");
        if count == 100 {
            let told = run
                .stderr
                .matches("no request has succeeded for 3 s")
                .count();
            assert_eq!(told, 1, "{run:?}");
            assert!(!run.stdout.contains("no request has"), "{run:?}");
            assert!(
                run.stderr.contains(" operations were not attempted"),
                "{run:?}"
            );
            assert!(run.stdout.lines().count() < 50, "{run:?}");
        }
        let run = process(&["--json"]).run();
        assert_eq!(run.code, 5, "{run:?}");
        let lines = run.json();
        let (stopped, lines): (Vec<_>, Vec<_>) = lines
            .into_iter()
            .partition(|line| line["schema"] == "countermand.stopped/1");
        assert_eq!(lines.len(), count, "{run:?}");
        let left = lines.iter();
        let left = left.filter(|line| line["error"]["kind"] == "not_attempted");
        let left = left.count() as u64;
        let told = stopped
            .first()
            .map_or(0, |line| line["not_attempted"].as_u64().unwrap_or_default());
        assert_eq!(told, left, "{run:?}");
        for line in lines {
            assert_eq!(line["error"]["maybe_delivered"], false, "{line}");
            assert_eq!(line["error"]["attempts"].as_u64().unwrap_or(0), 0, "{line}");
        }
    }
}

/// A line of progress says how it stands; what never left is nowhere counted as sent.
#[test]
fn fault_45_apply_says_how_it_fails_and_counts_nothing_as_sent() {
    let fleet = Fleet::of(Api::new([Fate::Cancellable; 3]));
    let server = closed();
    let args = ["plan", "-", "--output", &fleet.job, "--endpoint", &server];
    let plan = fleet.command(&args).input(fleet.names.join("\n")).run();
    assert_eq!(plan.code, 0, "{plan:?}");
    let running = fleet.apply(&["--endpoint", &server]).start();
    running.until("a line of the failure", |running| {
        let text = running.stderr();
        [
            "FAILING for",
            "next try",
            "Ctrl-C is safe",
            "Connection refused",
        ]
        .iter()
        .all(|words| text.contains(words))
    });
    running.signal("INT");
    let run = running.wait();
    assert_eq!(run.code, 130, "{run:?}");
    assert!(!run.stderr.contains("last cancel in"), "{run:?}");
    let status = fleet
        .command(&["status", &fleet.job, "--json"])
        .run()
        .json();
    assert_eq!(status[0]["counts"]["states"]["unsent"], 3, "{status:?}");
    assert_eq!(status[0]["progress"]["cancels_sent"], 0, "{status:?}");
    let counts = &status[0]["counts"];
    assert!(counts["first_cancel_sent_at"].is_null(), "{status:?}");
    assert!(counts["last_cancel_sent_at"].is_null(), "{status:?}");
    let report = fleet.command(&["report", &fleet.job]).run().json();
    let rows = report
        .iter()
        .filter(|row| row["schema"] == "countermand.row/1");
    let rows: Vec<_> = rows.collect();
    assert_eq!(rows.len(), 3, "{report:?}");
    for row in rows {
        assert_eq!(
            (&row["state"], &row["attempts"]),
            (&"unsent".into(), &0.into()),
            "{row}"
        );
        assert!(row["cancel_sent_at"].is_null(), "{row}");
    }
    assert_eq!(fleet.requests(), 0);
}
