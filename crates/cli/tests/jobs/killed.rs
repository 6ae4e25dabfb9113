//! Fault 38 for what only writes: a plan and a report, killed while they do.

use std::fs;
use std::time::Duration;

use countermand_core::Phase;
use countermand_emulator::{Fate, Script};
use countermand_fleet::store::View;
use serde_json::json;

use crate::api::Api;
use crate::fleet::Fleet;
use crate::rng::Rng;

/// A plan is whole, or it is refused and says what to do.
#[test]
fn fault_38_a_plan_killed_while_it_writes_is_refused() {
    const COUNT: usize = 4000;
    let fleet = Fleet::of(Api::new([]));
    let names = |count: usize| {
        let name = |number| format!("enterprises/LCplan/devices/d{number}/operations/1\n");
        (0..count).map(name).collect::<String>()
    };
    let plan = || {
        let args = ["plan", "-", "--output", &fleet.job];
        fleet.command(&args).input(names(COUNT))
    };
    let counted = "of enterprises/LCplan, the confirmation says 1";
    let args = ["apply", &fleet.job, "--confirm", "LCplan:1"];
    let (mut rng, mut half, mut kills) = (Rng::new(38), 0, 0);
    for round in 0..12 {
        let mut running = plan().start();
        // From when there is a file: before, nothing can be half.
        while !fs::exists(&fleet.job).unwrap() && !running.has_ended() {
            std::thread::sleep(Duration::from_micros(200));
        }
        // A first round is killed as soon as there is a file, the others some time later.
        std::thread::sleep(Duration::from_micros(round * rng.below(30_000)));
        let run = running.kill();
        kills += usize::from(run.code == -1);
        // The count is wrong, so that a whole plan is refused as well, for another reason.
        let refused = fleet.command(&args).run();
        assert!(
            ["nothing was sent", "this command sent nothing"]
                .iter()
                .any(|words| refused.stderr.contains(words)),
            "{run:?} {refused:?}"
        );
        match refused.code {
            8 if refused.stderr.contains("the confirmation does not match") => {
                assert!(refused.stderr.contains(counted), "{refused:?}");
                let view = View::open(&fleet.job).unwrap();
                assert_eq!(view.rows().count(), COUNT);
            }
            8 => {
                let words = "never finished; delete the file and plan again";
                assert!(refused.stderr.contains(words), "{refused:?}");
                half += 1;
            }
            // Not even the tables were there.
            9 => assert!(refused.stderr.contains("plan again"), "{refused:?}"),
            _ => panic!("{refused:?}"),
        }
        // In its way, until it is deleted.
        let again = plan().run();
        assert_eq!(again.code, 2, "{again:?}");
        for end in ["", "-wal", "-shm", "-journal"] {
            let _ = fs::remove_file(format!("{}{end}", fleet.job));
        }
    }
    assert!(kills >= 6 && half > 0, "{kills} kills, {half} half plans");
    assert_eq!(plan().run().code, 0);
    assert_eq!(fleet.requests(), 0);
}

/// A report has its name only when it is whole; the one of before stays until then.
#[test]
fn fault_38_a_report_killed_while_it_writes_leaves_the_last_one() {
    let fleet = Fleet::planned([Fate::Cancellable; 2000], &[]);
    let html = fleet.file("report.html");
    let args = ["report", &fleet.job, "--output", html.to_str().unwrap()];
    let report = || fleet.command(&args);
    assert_eq!(report().run().code, 0);
    let whole = fs::read_to_string(&html).unwrap();
    assert!(whole.trim_end().ends_with("</html>"));
    fs::write(&html, "the last one</html>").unwrap();
    let job = fs::read(&fleet.job).unwrap();
    let (mut rng, mut kept) = (Rng::new(39), 0);
    let parts = || -> Vec<_> {
        let entries = fs::read_dir(fleet.folder()).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths
            .filter(|path| path.extension().is_some_and(|ending| ending == "part"))
            .collect()
    };
    for _ in 0..8 {
        let mut running = report().start();
        while parts().is_empty() && !running.has_ended() {
            std::thread::sleep(Duration::from_micros(200));
        }
        std::thread::sleep(Duration::from_micros(rng.below(20_000)));
        running.kill();
        let text = fs::read_to_string(&html).unwrap();
        assert!(text.trim_end().ends_with("</html>"));
        kept += usize::from(text.starts_with("the last"));
        for part in parts() {
            fs::remove_file(part).unwrap();
        }
    }
    assert!(kept > 0, "no report was killed");
    assert_eq!(fs::read(&fleet.job).unwrap(), job, "it is only read");
    assert_eq!(report().run().code, 0);
    assert!(parts().is_empty());
}

/// The row that the next run writes has the requests that a killed run sent or may have sent.
#[test]
fn fault_38_a_row_counts_the_requests_of_a_killed_run() {
    let fleet = Fleet::planned([Fate::Cancellable], &[]);
    let script = |faults| {
        let script = Script::from_value(faults).unwrap();
        fleet.shared.with(|emulator, _| emulator.set_script(script));
    };
    script(json!([{"fault": "stall", "times": null}]));
    let progress = || fleet.rows().remove(0).progress;
    let mut running = fleet.apply(&[]).start();
    running.until("the request", |_| fleet.requests() == 1);
    running.kill();
    assert_eq!(progress().attempts, 1);

    running = fleet.apply(&[]).start();
    running.until("its time", |_| progress().cancel_sent_at.is_some());
    assert_eq!(fleet.requests(), 2, "no later event was waited for");
    running.kill();
    let killed = progress();
    assert_eq!((killed.phase, killed.attempts), (Phase::MaybeSent, 2));

    script(json!([]));
    let run = fleet.apply(&[]).run();
    assert_eq!(run.code, 0, "{run:?}");
    let resumed = progress();
    assert_eq!(resumed.attempts as usize, fleet.requests());
    assert_eq!(resumed.cancel_sent_at, killed.cancel_sent_at);
    assert_eq!(resumed.maybe_delivered_at, killed.maybe_delivered_at);
    assert!(resumed.asked_at() > killed.asked_at());
}
