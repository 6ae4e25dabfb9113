//! Fault 50: a misspelt type, contradictory ages, a number without a unit; and a filter that leaves
//! everything out says what it has seen.

use countermand_emulator::Fate;
use serde_json::json;

use crate::api::Api;
use crate::fleet::Fleet;

#[test]
fn fault_50_what_would_find_nothing_is_a_usage_error() {
    let fleet = Fleet::of(Api::new([Fate::Cancellable]));
    let enterprise = format!("enterprises/{}", fleet.enterprise());
    let plan = ["plan", &enterprise, "--output", &fleet.job];
    let rescue = ["rescue", &enterprise, "--job", &fleet.job];
    for (options, words) in [
        (&["--type", "WIEP"][..], "did you mean WIPE?"),
        (&["--type", "ya29.secret"], "known are ADD_ESIM"),
        (&["--type", "WIPE", "--type", "wipes"], "did you mean WIPE?"),
        (
            &["--newer-than", "2h", "--older-than", "3h"],
            "contradict each other",
        ),
        (&["--newer-than", "2"], "2s, 2m or 2h"),
        (&["--older-than", "30"], "30s, 30m or 30h"),
    ] {
        for command in [&plan[..], &rescue, &["find", &enterprise]] {
            let run = fleet.command(&[command, options].concat()).run();
            assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run:?}");
            assert!(run.stderr.contains(words), "{run:?}");
            assert!(!run.stderr.contains("ya29"), "{run:?}");
        }
    }
    let run = fleet.command(&[&plan[..], &["--deadline", "30"]].concat());
    assert_eq!(run.run().code, 2);
    assert!(!std::fs::exists(&fleet.job).unwrap());
    assert_eq!(fleet.requests(), 0);
}

#[test]
fn fault_50_a_filter_that_leaves_everything_out_says_what_it_saw() {
    let fleet = Fleet::of(Api::new([Fate::Cancellable; 3]));
    let enterprise = format!("enterprises/{}", fleet.enterprise());
    let words = "3 operations were seen and left out: 3 of type WIPE";
    let plan = ["plan", &enterprise, "--output", &fleet.job];
    let run = fleet
        .command(&[&plan[..], &["--type", "lock"]].concat())
        .run();
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.stdout.contains("nothing to do"), "{run:?}");
    assert!(run.stdout.contains(words), "{run:?}");
    let run = fleet
        .command(&["find", &enterprise, "--type", "lock"])
        .run();
    assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{run:?}");
    assert!(run.stderr.contains(words), "{run:?}");
    let run = fleet
        .command(&[&plan[..], &["--older-than", "8000h"]].concat())
        .run();
    assert!(run.stdout.contains("3 newer than 333 d 8 h"), "{run:?}");
    // A type that this version does not know is looked for when it is meant.
    let run = fleet
        .command(&[&plan[..], &["--type", "unknown:DO_NEW_THINGS"]].concat())
        .run();
    assert!(run.code == 0 && run.stdout.contains(words), "{run:?}");
    let confirm = ["--confirm", &fleet.enterprise()].map(str::to_owned);
    let rescue = ["rescue", &enterprise, "--job", &fleet.job, "--type", "lock"];
    let rescue = rescue.map(str::to_owned);
    let words_of: Vec<&str> = rescue.iter().chain(&confirm).map(String::as_str).collect();
    let run = fleet.command(&words_of).run();
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.stdout.contains(words), "{run:?}");
    assert_eq!(fleet.cancels(), (0, 0));
}

#[test]
fn fault_50_names_that_a_filter_leaves_out_are_counted() {
    let fleet = Fleet::of(Api::new([]));
    let line = |number: u32, kind: &str| {
        let name = format!("enterprises/LC01/devices/d1/operations/{number}");
        json!({"name": name, "metadata": {"type": kind}}).to_string()
    };
    let input = [line(1, "REBOOT"), line(2, "REBOOT"), line(3, "LOCK")].join("\n");
    let args = ["plan", "-", "--type", "WIPE", "--output", &fleet.job];
    let run = fleet.command(&args).input(input).run();
    let words = "3 operations were seen and left out: 1 of type LOCK, 2 of type REBOOT";
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.stdout.contains(words), "{run:?}");
}

/// A name alone does not tell its type: it is kept, and the plan says so.
#[test]
fn names_whose_type_is_unknown_are_kept_and_told() {
    let fleet = Fleet::of(Api::new([Fate::Cancellable]));
    let name = fleet.names[0].as_str();
    let plan = ["plan", name, "--type", "LOCK", "--output", &fleet.job];
    let run = fleet.command(&plan).run();
    assert_eq!(run.code, 0, "{run:?}");
    let told = "1 operation of unknown type, which --type does not leave out";
    assert!(format!("{run:?}").contains(told), "{run:?}");
}
