//! Sources of the command's tokens.

use std::path::{Path, PathBuf};

use countermand_emulator::{Fate, Issued, credentials};

use crate::api::{Api, TOKEN};
use crate::process::Process;

/// A file that only its owner can read.
pub(crate) fn secret(directory: &Path, name: &str, content: &str) -> PathBuf {
    let path = directory.join(name);
    std::fs::write(&path, content).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    path
}

/// A credentials file for an emulator.
pub(crate) fn file(api: &Api, directory: &Path, kind: &str) -> String {
    let file = credentials(kind, &api.endpoint).unwrap().to_string();
    let path = secret(directory, &format!("{kind}.json"), &file);
    path.to_str().unwrap().to_owned()
}

/// A cancel with these options and no token in the environment.
fn cancel(api: &Api, options: &[&str]) -> Process {
    api.cancel(options).without("COUNTERMAND_TOKEN")
}

fn last(api: &Api) -> Issued {
    let issued = api
        .shared
        .with(|emulator, _| emulator.issued().last().cloned());
    issued.unwrap()
}

#[test]
fn every_kind_of_credentials_file_works_and_prints_nothing_of_itself() {
    let api = Api::new([Fate::Cancellable]);
    let directory = tempfile::tempdir().unwrap();
    for kind in [
        "service_account",
        "authorized_user",
        "external_account",
        "impersonated_service_account",
    ] {
        let path = file(&api, directory.path(), kind);
        let run = cancel(&api, &["-vvvv", "--credentials", &path]).run();
        assert_eq!(run.code, 0, "{kind} {run:?}");
        let by_default = cancel(&api, &["-vvvv"]).env("GOOGLE_APPLICATION_CREDENTIALS", &path);
        let run_by_default = by_default.run();
        assert_eq!(run_by_default.code, 0, "{kind} {run_by_default:?}");
        for run in [run, run_by_default] {
            for text in [&run.stdout, &run.stderr] {
                for secret in ["canary", "PRIVATE KEY", "MIIE", "assertion"] {
                    assert!(!text.contains(secret), "{run:?}");
                }
            }
        }
    }
}

#[test]
fn options_come_before_the_variable_and_that_before_the_default() {
    let api = Api::new([Fate::Cancellable]);
    let directory = tempfile::tempdir().unwrap();
    let user = file(&api, directory.path(), "authorized_user");
    let key = file(&api, directory.path(), "service_account");
    let issued = || api.shared.with(|emulator, _| emulator.issued().len());
    // The variable, although there are default credentials.
    let run = api
        .cancel(&[])
        .env("GOOGLE_APPLICATION_CREDENTIALS", &key)
        .run();
    assert_eq!((run.code, issued()), (0, 0), "{run:?}");
    // An option, although there is a variable.
    let process = api.cancel(&["--credentials", &user]);
    assert_eq!(process.env("COUNTERMAND_TOKEN", "stale").run().code, 0);
    assert_eq!(last(&api).principal, "user");
    let command = format!("echo {TOKEN}");
    let process = api.cancel(&["--token-command", &command]);
    assert_eq!(process.env("COUNTERMAND_TOKEN", "stale").run().code, 0);
    // The well-known file.
    let home = directory.path().join(".config/gcloud");
    std::fs::create_dir_all(&home).unwrap();
    std::fs::copy(&key, home.join("application_default_credentials.json")).unwrap();
    let process = cancel(&api, &[]).env("HOME", directory.path().to_str().unwrap());
    assert_eq!(process.run().code, 0);
    assert!(last(&api).principal.starts_with("rescue@"));
    // The metadata server.
    let host = api.endpoint.strip_prefix("http://").unwrap();
    let process = cancel(&api, &[]).without("NO_GCE_CHECK");
    assert_eq!(process.env("GCE_METADATA_HOST", host).run().code, 0);
    assert_eq!(last(&api).by, "metadata");
    // Two options are one too many.
    for options in [
        ["--credentials", &user, "--token-file", &user],
        ["--credentials", &user, "--token-command", "true"],
        ["--token-file", &user, "--token-command", "true"],
    ] {
        assert_eq!(cancel(&api, &options).run().code, 2);
    }
}

#[test]
fn on_behalf_of_others() {
    let api = Api::new([Fate::Cancellable]);
    let directory = tempfile::tempdir().unwrap();
    let user = file(&api, directory.path(), "authorized_user");
    let key = file(&api, directory.path(), "service_account");
    let run = cancel(
        &api,
        &["--credentials", &key, "--subject", "boss@example.com"],
    )
    .run();
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(last(&api).subject.as_deref(), Some("boss@example.com"));

    let other = "other@emulator.iam.gserviceaccount.com";
    let iam = "CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS";
    let impersonate = ["--impersonate-service-account", other];
    let options = [&["--credentials", &user][..], &impersonate].concat();
    let run = cancel(&api, &options).env(iam, &api.endpoint).run();
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(last(&api).principal, other);
    // By a token that was had elsewhere: one that may not.
    let run = api.cancel(&impersonate).env(iam, &api.endpoint).run();
    assert_eq!(run.code, 4, "{run:?}");

    for options in [
        &["--credentials", &user, "--subject", "boss@example.com"][..],
        &["--credentials", &key, "--subject", "boss"],
        &[
            "--credentials",
            &key,
            "--impersonate-service-account",
            "a/b@c",
        ],
        &["--credentials", &key, "--quota-project", "a b"],
        &["--subject", "boss@example.com"],
    ] {
        let run = api.cancel(options).run();
        assert_eq!(
            (run.code, run.stdout.as_str()),
            (2, ""),
            "{options:?} {run:?}"
        );
    }
}

#[test]
fn bad_credentials_are_4_in_one_sentence_and_nothing_is_asked() {
    let api = Api::new([Fate::Cancellable]);
    let directory = tempfile::tempdir().unwrap();
    let bad = secret(directory.path(), "bad.json", "{\"type\": \"canary\"}");
    let bad = bad.to_str().unwrap();
    for process in [
        cancel(&api, &["--credentials", bad]),
        cancel(&api, &["--credentials", "/nonexistent.json"]),
        cancel(&api, &[]).env("GOOGLE_APPLICATION_CREDENTIALS", bad),
    ] {
        let run = process.run();
        assert_eq!((run.code, run.stdout.as_str()), (4, ""), "{run:?}");
        assert_eq!(run.stderr.lines().count(), 1, "{run:?}");
        assert!(!run.stderr.contains("canary"), "{run:?}");
    }
    assert!(api.asked().is_empty());
    let run = cancel(&api, &["--token-command", "exit 7"]).run();
    assert_eq!(run.code, 4, "{run:?}");
}

#[test]
fn a_bad_variable_for_mutual_tls_is_2() {
    let api = Api::new([Fate::Cancellable]);
    for (name, value) in [
        ("GOOGLE_API_USE_MTLS_ENDPOINT", "perhaps"),
        ("GOOGLE_API_USE_CLIENT_CERTIFICATE", "true"),
        ("GOOGLE_API_CERTIFICATE_CONFIG", "/nonexistent.json"),
    ] {
        let run = api.cancel(&[]).env(name, value).run();
        assert_eq!(run.code, 2, "{run:?}");
        assert!(run.stderr.contains("GOOGLE_API") || run.stderr.contains("/nonexistent"));
    }
}

#[cfg(unix)]
#[test]
fn secrets_that_others_can_read_are_warned_of() {
    use std::os::unix::fs::PermissionsExt;
    let api = Api::new([Fate::Cancellable]);
    let directory = tempfile::tempdir().unwrap();
    let key = file(&api, directory.path(), "service_account");
    let token = secret(directory.path(), "token", TOKEN);
    let token = token.to_str().unwrap();
    for options in [["--credentials", &key], ["--token-file", token]] {
        assert_eq!(cancel(&api, &options).run().stderr, "");
        let mode = std::fs::Permissions::from_mode(0o644);
        std::fs::set_permissions(options[1], mode).unwrap();
        let run = cancel(&api, &options).run();
        assert_eq!(run.code, 0);
        assert!(run.stderr.starts_with("warning: "), "{run:?}");
        assert!(run.stderr.contains("chmod 600"), "{run:?}");
    }
}

/// Processes that the command starts end with it: at the time-out, after success, and at a signal.
#[cfg(unix)]
#[test]
fn fault_65_a_token_command_leaves_no_process_behind_and_gets_no_token_of_ours() {
    let api = Api::new([Fate::Cancellable]);
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let alive = |pid: &str| {
        let line = format!("kill -0 {} 2>/dev/null", pid.trim());
        let shell = std::process::Command::new("sh")
            .args(["-c", &line])
            .status();
        // A process that has ended and was not waited for is no process any more.
        let state = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
        shell.unwrap().success() && !state.unwrap_or_default().contains(") Z ")
    };
    let gone = |file: &Path| {
        let pid = std::fs::read_to_string(file).unwrap();
        let begun = std::time::Instant::now();
        while alive(&pid) {
            assert!(begun.elapsed().as_secs() < 10, "{pid} is still there");
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    };
    // It prints its token and leaves a process that holds its output open.
    let line = format!(
        "sleep 300 & echo $! > {}; test -z \"$COUNTERMAND_TOKEN\" && echo {TOKEN}",
        at("first").display()
    );
    let process = api.cancel(&["--token-command", &line]);
    let run = process.env("COUNTERMAND_TOKEN", "canary").run();
    assert_eq!(run.code, 0, "{run:?}");
    gone(&at("first"));
    // It never ends, and a signal ends us.
    let line = format!("sleep 300 & echo $! > {}; wait", at("second").display());
    let running = cancel(&api, &["--token-command", &line]).start();
    running.until("the command", |_| {
        std::fs::read_to_string(at("second")).is_ok_and(|pid| pid.ends_with('\n'))
    });
    running.signal("INT");
    running.wait();
    gone(&at("second"));
}
