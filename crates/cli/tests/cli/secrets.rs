//! No secret is ever printed.

use std::path::Path;

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
            // A folder that is given as a place for default credentials may hold none.
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

/// Every option with a value and every argument of a command, as its help lists them.
fn places(command: &str) -> Vec<String> {
    let help = Process::new(&[command, "--help"]).run();
    let listed = help.stdout.lines().map(str::trim_start);
    let mut places: Vec<String> = listed
        .filter(|line| line.starts_with("--") || line.starts_with("-") && line.contains(", --"))
        .filter(|line| line.contains('<'))
        .map(|line| {
            let option = &line[line.find("--").unwrap()..];
            option.split([' ', '<']).next().unwrap().to_owned()
        })
        .collect();
    places.push(String::new());
    places
}

/// All that is in a folder: names and contents.
fn contents(folder: &Path) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        text.push_str(&path.to_string_lossy());
        match path.is_dir() {
            true => text.push_str(&contents(&path)),
            false => text.push_str(&String::from_utf8_lossy(&std::fs::read(&path).unwrap())),
        }
    }
    text
}

#[test]
fn fault_55_no_option_and_no_argument_repeats_a_secret() {
    let api = Api::new([Fate::Cancellable]);
    let name = api.names[0].as_str();
    let device = name.split("/operations/").next().unwrap();
    let enterprise = name.split("/devices/").next().unwrap();
    let id = enterprise.split('/').nth(1).unwrap();
    // A right command line of each, which lacks nothing but the place.
    let right: [(&str, &[&str]); 18] = [
        ("cancel", &[name]),
        ("get", &[name]),
        ("list", &[device]),
        ("find", &[enterprise]),
        ("plan", &[name, "--output", "plan.job"]),
        ("apply", &["given.job", "--confirm", &format!("{id}:1")]),
        (
            "rescue",
            &[enterprise, "--confirm", id, "--job", "rescue.job"],
        ),
        ("status", &["given.job"]),
        ("report", &["given.job"]),
        ("simulate", &["--operations", "3"]),
        ("emulator", &["--devices", "1"]),
        ("doctor", &[enterprise]),
        ("services", &["documentai"]),
        ("completions", &["bash"]),
        ("man", &["plan"]),
        ("demo", &[]),
        ("help", &["plan"]),
        ("", &[]),
    ];
    let commands = Process::new(&["--help"]).run().stdout;
    let commands = commands.split("Commands:\n").nth(1).unwrap();
    let commands = commands.lines().take_while(|line| !line.is_empty());
    let commands = commands.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    for command in commands.map(|line| line.split_whitespace().next().unwrap()) {
        let known = right.iter().any(|(known, _)| *known == command);
        assert!(known, "{command} has no command line here");
    }
    let secret = "ya29.a0AfB_canary-SECRET";
    let mut count = 0;
    for (command, right) in right {
        let places = match command {
            "" | "demo" | "help" => vec![String::new()],
            _ => places(command),
        };
        for place in &places {
            // The emulator's token is no secret: it tells it.
            if (command, place.as_str()) == ("emulator", "--token") {
                continue;
            }
            let value = match place.as_str() {
                "--endpoint" => format!("{}/{secret}", api.endpoint),
                _ => secret.to_owned(),
            };
            let folder = tempfile::tempdir().unwrap();
            let planned = api
                .command(&["plan", name, "--output", "given.job"])
                .inside(folder.path())
                .run();
            assert_eq!(planned.code, 0, "{planned:?}");
            let mut args = vec![command];
            args.retain(|command| !command.is_empty());
            match place.as_str() {
                "" => args.push(&value),
                option => {
                    // Given twice, an option is refused for that.
                    let at = right.iter().position(|word| *word == option);
                    let kept = (0..right.len())
                        .filter(|it| at.is_none_or(|at| *it != at && *it != at + 1));
                    args.extend(kept.map(|it| right[it]));
                    args.extend([option, &value]);
                }
            }
            if matches!(command, "cancel" | "get" | "list" | "plan")
                && !args.contains(&"--deadline")
                && command != "plan"
            {
                args.extend(["--deadline", "2s"]);
            }
            let process = api.command(&args).inside(folder.path());
            let process = match place.as_str() {
                "--token-file" | "--credentials" | "--token-command" => {
                    process.without("COUNTERMAND_TOKEN")
                }
                _ => process,
            };
            let mut running = process.start();
            if command == "emulator" {
                running.until("the line that says where, or the end", |running| {
                    running.stdout().ends_with('\n') || running.stderr().ends_with('\n')
                });
                if !running.has_ended() {
                    running.signal("TERM");
                }
            }
            let run = running.wait();
            let told = format!("{}{}{}", run.stdout, run.stderr, contents(folder.path()));
            assert!(
                !told.contains("canary"),
                "{command} {place}: {run:?} {:?}",
                contents(folder.path()).len()
            );
            count += 1;
        }
    }
    assert!(count > 100, "{count} places");
}
