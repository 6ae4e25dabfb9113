//! No secret is ever printed.

use countermand_emulator::{Fate, NewOperation, Quirks};
use serde_json::json;

use crate::api::{Api, TOKEN, ask};

#[test]
fn neither_token_nor_parameters_in_output_or_logs() {
    let secret = "canary-new-password";
    let params =
        json!({"newPassword": secret, "wipeParams": {"wipeReason": {"defaultMessage": secret}}});
    let wipe = || {
        let params = params.as_object().unwrap().clone();
        NewOperation::new(Fate::Cancellable).params(params)
    };
    let mut quirks = Quirks::default();
    quirks.ignore_fields = true;
    let api = Api::with([wipe(), wipe(), wipe()], quirks, None);
    let faults = json!([
        {"fault": "token-expired", "name": api.names[1]},
        {"fault": "reset-after", "name": api.names[2]},
    ]);
    let api = api.faults(faults);
    let name = api.names[0].clone();
    let device = name.split("/operations/").next().unwrap();
    for process in [
        api.cancel(&["-vv"]),
        api.cancel(&["-vvvv", "--json"]),
        api.cancel(&["-vv"])
            .env("COUNTERMAND_TOKEN", &format!("{TOKEN}-stale")),
        api.command(&["get", "-vv", &name]),
        api.command(&["list", "-vvv", "--json", device]),
        api.command(&["cancel", "--help"]),
    ] {
        let run = process.run();
        for text in [&run.stdout, &run.stderr] {
            assert!(!text.contains(TOKEN) && !text.contains(secret), "{run:?}");
        }
    }
    // The server does send the secret, whatever fields it is asked for, and the logs are there.
    let path = format!("/v1/{name}?fields=name");
    assert!(ask(&api.endpoint, &path, TOKEN).contains(secret));
    let run = api.cancel(&["-vv"]).run();
    assert!(run.stderr.contains("countermand{operation="), "{run:?}");
    assert!(run.stderr.contains("answered"), "{run:?}");
}

#[test]
fn an_impossible_token_is_not_repeated() {
    let api = Api::new([Fate::Cancellable]);
    let run = api
        .cancel(&[])
        .env("COUNTERMAND_TOKEN", "canary\nx: y")
        .run();
    assert_eq!(run.code, 4, "{run:?}");
    assert!(!run.stderr.contains("canary"), "{run:?}");
    assert!(api.asked().is_empty());
}
