//! A server that repeats the token of a request in its answers: no output and no file has it.

use countermand_emulator::{Fate, Script};
use serde_json::json;

use crate::api::TOKEN;
use crate::fleet::Fleet;
use crate::process::Run;

const CANARY: &str = "canary0123456789";

const NOT_SHOWN: &str = "is not shown, because it repeats the access token";

/// As it is, and percent-encoded.
fn spellings() -> [String; 2] {
    [
        TOKEN.to_owned(),
        TOKEN.replace('.', "%2E").replace('-', "%2d"),
    ]
}

fn assert_clean(run: &Run) {
    let text = format!("{} {}", run.stdout, run.stderr);
    assert!(!text.contains("canary"), "{run:?}");
}

#[test]
fn fault_55_a_token_that_answers_repeat_is_in_no_output_and_in_no_file() {
    for token in spellings() {
        let fleet = Fleet::planned(
            [Fate::Cancellable, Fate::Cancellable],
            &["--deadline", "3s"],
        );
        let operation = |name: &str| {
            json!({
                "name": name, "done": true,
                "error": {"code": 1, "message": format!("by Bearer {token}")},
                "metadata": {"type": "WIPE", "createTime": &token, "errorCode": null, &token: &token},
            })
        };
        let device = fleet.names[0]
            .split("/operations/")
            .next()
            .unwrap()
            .to_owned();
        let enterprise = format!("enterprises/{}", fleet.enterprise());
        let list = [
            json!({"name": format!("{device}/operations/{token}"), "metadata": {"type": "WIPE"}}),
            json!({"name": fleet.names[0], "metadata": {"type": "WIPE", "x": &token}}),
        ];
        // One operation is always told with the token, the other only at first.
        let repeat = |lists: Option<u32>| {
            let script = Script::from_value(json!([
                {"method": "get", "name": fleet.names[0], "times": null, "body": operation(&fleet.names[0])},
                {"method": "get", "name": fleet.names[1], "times": 1, "body": operation(&format!("{device}/operations/{token}"))},
                {"method": "list", "times": lists, "body": {"operations": list}},
            ]));
            fleet
                .shared
                .with(|emulator, _| emulator.set_script(script.unwrap()));
        };

        repeat(Some(1));
        let found = fleet.file("found.job");
        let plan = ["plan", &enterprise, "--output", found.to_str().unwrap()];
        let run = fleet.command(&plan).run();
        assert_clean(&run);
        assert_eq!(run.code, 0, "{run:?}");
        repeat(None);
        let run = fleet.cancel(&["--json", "-vvv", "--deadline", "3s"]).run();
        assert_clean(&run);
        let verdicts: Vec<_> = run
            .json()
            .into_iter()
            .map(|line| line["verdict"].clone())
            .collect();
        assert_eq!(verdicts.len(), 2, "{run:?}");
        assert!(verdicts.contains(&"unverified".into()), "{run:?}");
        assert!(verdicts.contains(&"cancelled".into()), "{run:?}");
        assert!(run.stdout.contains(NOT_SHOWN), "{run:?}");
        for args in [
            &["get", "--json", &fleet.names[0]][..],
            &["get", &fleet.names[0]],
            &["list", "--json", &device],
        ] {
            let run = fleet.command(args).run();
            assert_clean(&run);
            let text = format!("{} {}", run.stdout, run.stderr);
            assert!(run.code != 0 && text.contains(NOT_SHOWN), "{run:?}");
        }
        let run = fleet.apply(&["--json"]).run();
        assert_clean(&run);
        assert_eq!(fleet.verdicts(), ["unverified", "cancelled"], "{run:?}");
        assert_ne!(run.code, 0, "{run:?}");
        assert_clean(&fleet.command(&["status", &fleet.job]).run());
        for format in ["report.ndjson", "report.csv", "report.html"] {
            let report = fleet.file(format);
            let args = ["report", &fleet.job, "--output", report.to_str().unwrap()];
            let run = fleet.command(&args).run();
            assert_clean(&run);
            assert!(report.exists(), "{run:?}");
        }
        let mut files = 0;
        for file in std::fs::read_dir(fleet.folder()).unwrap() {
            let path = file.unwrap().path();
            let bytes = std::fs::read(&path).unwrap();
            let text = String::from_utf8_lossy(&bytes);
            assert!(
                !text.contains(CANARY) && !text.contains(&token),
                "{}",
                path.display()
            );
            files += 1;
        }
        assert!(files >= 5, "{files}");
    }
}
