//! No secret is ever printed.

use countermand_emulator::{Fate, NewOperation, Quirks};
use serde_json::json;

use crate::api::{Api, TOKEN, ask};
use crate::process::Process;

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

/// Secrets that are given where something else belongs, each with a canary.
fn misplaced() -> Vec<String> {
    let key = json!({
        "type": "service_account",
        "private_key": "-----BEGIN PRIVATE KEY-----\nMIIcanary\n-----END PRIVATE KEY-----\n",
        "client_email": "canary@p.iam.gserviceaccount.com",
    });
    vec![
        key.to_string(),
        format!("{key:#}"),
        "-----BEGIN PRIVATE KEY-----\nMIIcanary\n-----END PRIVATE KEY-----".to_owned(),
        "ya29.a0AfB_canary".to_owned(),
        "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJjYW5hcnkiLCJzdWIi.canary".to_owned(),
        "first line\nsecond canary".to_owned(),
        "canary/".repeat(400),
    ]
}

#[test]
fn fault_55_a_secret_where_a_path_a_name_or_a_value_belongs_is_not_repeated() {
    let api = Api::new([Fate::Cancellable]);
    let name = api.names[0].as_str();
    let named = ["cancel", name, "--deadline", "2s", "-vvv"];
    // Options of every command, in a command and in `doctor`, whose output is sent to others.
    let options = [
        "--credentials",
        "--token-file",
        "--ca-file",
        "--endpoint",
        "--token-command",
        "--impersonate-service-account",
        "--subject",
        "--quota-project",
    ];
    let variables = [
        "GOOGLE_APPLICATION_CREDENTIALS",
        "COUNTERMAND_ENDPOINT",
        "COUNTERMAND_TOKEN",
        "GCE_METADATA_HOST",
        "GOOGLE_API_CERTIFICATE_CONFIG",
        "GOOGLE_API_USE_CLIENT_CERTIFICATE",
        "GOOGLE_API_USE_MTLS_ENDPOINT",
        "CLOUDSDK_CONFIG",
        "HOME",
    ];
    let words = [
        &["cancel", "*"][..],
        &["cancel", "--json", "*"],
        &["cancel", name, "--deadline", "*"],
        &["cancel", name, "--quota", "*"],
        &["cancel", name, "--share", "*"],
        &["cancel", name, "--in-flight", "*"],
        &["cancel", name, "--json=*"],
        &["cancel", name, "--credentails=*"],
        &["get", "*"],
        &["list", "*"],
        &["plan", "*", "--output", "/nonexistent/x.job"],
        &["plan", "--from", "*", "--output", "/nonexistent/x.job"],
        &["plan", name, "--order", "*", "--output", "x"],
        &[
            "plan",
            name,
            "--exclude",
            "*",
            "--output",
            "/nonexistent/x.job",
        ],
        &["plan", name, "--output", "/nonexistent/*"],
        &["apply", "*"],
        &["status", "*"],
        &["report", "*"],
        &["doctor", "*"],
        &["man", "*"],
        &["completions", "*"],
        &["emulator", "--faults", "*"],
        &["emulator", "--listen", "*"],
        &["*"],
    ];
    for secret in misplaced() {
        let mut processes: Vec<(String, Process)> = Vec::new();
        for command in [&named[..], &["doctor"]] {
            for option in options {
                let arguments = [command, &[option, &secret]].concat();
                let process = match option {
                    "--endpoint" => Process::new(&arguments),
                    _ => api.command(&arguments),
                };
                let process = match option {
                    "--subject" | "--impersonate-service-account" | "--quota-project" => process,
                    _ => process.without("COUNTERMAND_TOKEN"),
                };
                processes.push((format!("{command:?} {option}"), process));
            }
            for variable in variables {
                let process = match variable {
                    "COUNTERMAND_ENDPOINT" => Process::new(command).env("COUNTERMAND_TOKEN", TOKEN),
                    "GCE_METADATA_HOST" => api.command(command).without("NO_GCE_CHECK"),
                    _ => api.command(command),
                };
                let process = match variable {
                    "GOOGLE_APPLICATION_CREDENTIALS"
                    | "GCE_METADATA_HOST"
                    | "CLOUDSDK_CONFIG"
                    | "HOME" => process.without("COUNTERMAND_TOKEN"),
                    _ => process,
                };
                let process = process.env(variable, &secret);
                processes.push((format!("{command:?} {variable}"), process));
            }
        }
        for words in words {
            let words: Vec<String> = words
                .iter()
                .map(|word| word.replace('*', &secret))
                .collect();
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            processes.push((format!("{:.40}", format!("{words:?}")), api.command(&words)));
        }
        for variable in ["HTTPS_PROXY", "NO_PROXY"] {
            let process = Process::new(&[
                "get",
                name,
                "--proxy-from-env",
                "--endpoint",
                "https://127.0.0.1:1",
            ])
            .env("COUNTERMAND_TOKEN", TOKEN)
            .env("HTTPS_PROXY", "http://127.0.0.1:1")
            .env(variable, &secret);
            processes.push((variable.to_owned(), process));
        }
        for (place, process) in processes {
            let run = process.run();
            let text = format!("{} {}", run.stdout, run.stderr);
            assert!(!text.contains("canary"), "{place}: {run:?}");
            assert!(!text.contains("MII"), "{place}: {run:?}");
            // What is given as a place for default credentials may hold none.
            let harmless = ["CLOUDSDK_CONFIG", "HOME"]
                .iter()
                .any(|it| place.contains(it));
            assert!(run.code != 0 || harmless, "{place}: {run:?}");
        }
    }
    // A text that can be a token is sent as one.
    let asked = api.asked();
    assert!(
        asked.iter().all(|(_, status)| *status == Some(401)),
        "{asked:?}"
    );
}
