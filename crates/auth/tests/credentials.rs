//! Every source of tokens, against the emulator's token endpoint, metadata server and security
//! token service, over real sockets.
#![cfg(any(feature = "ring", feature = "aws-lc-rs"))]

use countermand_core::Service;
use std::collections::HashMap;
use std::error::Error as _;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use countermand_auth::{Credentials, well_known_file};
use countermand_emulator::{
    Config, Emulator, Fate, NewOperation, NewParent, Script, Server, Shared, credentials,
};
use countermand_hyper::{
    Client, ErrorKind, HyperConfig, OperationName, TokenSource, TransportError, TransportErrorKind,
};
use serde_json::{Value, json};

const CLOUD: &str = "https://www.googleapis.com/auth/cloud-platform";
const OTHER: &str = "other@emulator.iam.gserviceaccount.com";

/// An emulator on a socket, with an operation, and a directory for files.
struct Api {
    shared: Shared,
    server: Server,
    name: OperationName,
    directory: tempfile::TempDir,
}

impl Api {
    async fn new() -> Self {
        let shared = Shared::new(Config::default().parents(0));
        let server = Server::bind(([127, 0, 0, 1], 0).into(), shared.clone());
        let device = NewParent::with([NewOperation::new(Fate::Cancellable)]);
        let added = shared.with(|emulator, now| emulator.add(now, device).unwrap());
        Self {
            server: server.await.unwrap(),
            name: added.operations[0].parse().unwrap(),
            shared,
            directory: tempfile::tempdir().unwrap(),
        }
    }

    fn root(&self) -> String {
        self.server.endpoint()
    }

    fn file(&self, kind: &str) -> Value {
        credentials(kind, &self.root()).unwrap()
    }

    fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        std::fs::write(&path, content).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::Permissions::from_mode(0o600);
            std::fs::set_permissions(&path, mode).unwrap();
        }
        path
    }

    fn faults(&self, script: Value) {
        let script = Script::from_value(script).unwrap();
        self.shared.with(|emulator, _| emulator.set_script(script));
    }

    fn look<T>(&self, look: impl FnOnce(&mut Emulator) -> T) -> T {
        self.shared.with(|emulator, _| look(emulator))
    }

    /// Cancels with these credentials; what was given out, as principal and scope.
    async fn cancel(&self, credentials: &Credentials) -> Vec<(String, String)> {
        let before = self.look(|emulator| emulator.issued().len());
        self.client(credentials).cancel(&self.name).await.unwrap();
        self.look(|emulator| {
            let issued = emulator.issued()[before..].iter();
            issued
                .map(|it| (it.principal.clone(), it.scope.clone()))
                .collect()
        })
    }

    fn client(&self, credentials: &Credentials) -> Client {
        let config = HyperConfig::default();
        let source = credentials.source(Service::DEFAULT.scope, &config).unwrap();
        Client::connect(self.root().parse().unwrap(), source, config).unwrap()
    }

    /// The token that is given, or why none is.
    async fn fail(&self, credentials: &Credentials) -> (TransportErrorKind, String) {
        let source = credentials
            .source(Service::DEFAULT.scope, &HyperConfig::default())
            .unwrap();
        explain(&source.token(false).await.unwrap_err())
    }
}

fn explain(error: &TransportError) -> (TransportErrorKind, String) {
    let text = error.source().unwrap().to_string();
    for secret in SECRETS {
        assert!(!format!("{error:?} {text}").contains(secret), "{error:?}");
    }
    (error.kind(), text)
}

const SECRETS: [&str; 5] = ["canary", "PRIVATE KEY", "MIIE", "GOCSPX", "1//"];

fn parse(file: &Value) -> Credentials {
    Credentials::from_json(file.to_string().as_bytes(), "a file").unwrap()
}

/// An environment with these variables and no others.
fn environment(variables: &[(&str, &Path)]) -> impl Fn(&str) -> Option<OsString> + use<> {
    let variables: HashMap<String, OsString> = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.as_os_str().to_owned()))
        .collect();
    move |name| variables.get(name).cloned()
}

#[tokio::test]
async fn a_service_account_exchanges_its_key_also_on_behalf_of_a_user() {
    let api = Api::new().await;
    let account = parse(&api.file("service_account"));
    let email = api.file("service_account")["client_email"].clone();
    let email = email.as_str().unwrap().to_owned();
    let expected = vec![(email, Service::DEFAULT.scope.to_owned())];
    assert_eq!(api.cancel(&account).await, expected);
    let boss = account.subject("boss@example.com").unwrap();
    assert_eq!(api.cancel(&boss).await, expected);
    let subject = api.look(|emulator| emulator.issued()[1].subject.clone());
    assert_eq!(subject.as_deref(), Some("boss@example.com"));
    assert!(boss.description().contains("boss@example.com"));
    assert!(
        parse(&api.file("service_account"))
            .subject("no user")
            .is_err()
    );
}

#[tokio::test]
async fn a_user_refreshes_and_names_the_project_that_pays() {
    let api = Api::new().await;
    let user = parse(&api.file("authorized_user"));
    let issued = api.cancel(&user).await;
    assert_eq!(issued[0].0, "user");
    let source = user
        .source(Service::DEFAULT.scope, &HyperConfig::default())
        .unwrap();
    assert_eq!(source.quota_project().unwrap(), "emulator-quota");
    let error = user.subject("boss@example.com").unwrap_err();
    assert!(explain(&error).1.contains("service account"));
}

#[tokio::test]
async fn a_metadata_server_is_asked_for_the_scope() {
    let api = Api::new().await;
    let host = PathBuf::from(api.root().strip_prefix("http://").unwrap());
    let variables = environment(&[("GCE_METADATA_HOST", &host)]);
    let machine = Credentials::application_default_in(&variables).unwrap();
    assert_eq!(api.cancel(&machine).await[0].1, Service::DEFAULT.scope);

    // A server that is there instead is not believed.
    let body = json!({"access_token": "emulator-token", "expires_in": 3600});
    api.faults(json!([{"method": "metadata", "body": body, "times": null}]));
    let (kind, text) = api.fail(&machine).await;
    assert_eq!(kind, TransportErrorKind::CredentialsRejected);
    assert!(text.contains("not as a metadata server"), "{text}");
    let bad = environment(&[("GCE_METADATA_HOST", Path::new("a b/c"))]);
    assert!(Credentials::application_default_in(&bad).is_err());
}

#[tokio::test]
async fn an_external_account_exchanges_a_subject_token_from_a_url_or_a_file() {
    let api = Api::new().await;
    let mut file = api.file("external_account");
    let audience = file["audience"].as_str().unwrap().to_owned();
    let expected = vec![(audience.clone(), Service::DEFAULT.scope.to_owned())];
    assert_eq!(api.cancel(&parse(&file)).await, expected);
    file["credential_source"] = json!({"url": format!("{}/subject-token", api.root())});
    assert_eq!(api.cancel(&parse(&file)).await, expected);

    let subject = "canary-subject-token-of-the-emulator";
    let path = api.write("subject", &format!("{subject}\n"));
    file["credential_source"] = json!({"file": path});
    let from_file = parse(&file);
    assert_eq!(api.cancel(&from_file).await, expected);
    let path = api.write("subject", &json!({"t": subject}).to_string());
    let format = json!({"type": "json", "subject_token_field_name": "t"});
    file["credential_source"] = json!({"file": path, "format": format});
    assert_eq!(api.cancel(&parse(&file)).await, expected);
    // It is read each time: a program rotates it.
    api.write("subject", "canary-stale");
    let (kind, text) = api.fail(&from_file).await;
    assert_eq!(kind, TransportErrorKind::CredentialsRejected);
    assert!(text.contains("invalid_grant"), "{text}");
    std::fs::remove_file(path).unwrap();
    assert_eq!(
        api.fail(&from_file).await.0,
        TransportErrorKind::TokenUnavailable
    );

    // With a service account to impersonate, the exchange is for the scope that takes.
    let mut file = api.file("external_account");
    file["service_account_impersonation_url"] =
        api.file("impersonated_service_account")["service_account_impersonation_url"].clone();
    let issued = api.cancel(&parse(&file)).await;
    assert_eq!(issued[0], (audience, CLOUD.to_owned()));
    assert_eq!(issued[1].1, Service::DEFAULT.scope);
}

#[tokio::test]
async fn a_service_account_is_impersonated() {
    let api = Api::new().await;
    let issued = api
        .cancel(&parse(&api.file("impersonated_service_account")))
        .await;
    assert_eq!(issued[0].0, "user");
    assert!(issued[1].0.starts_with("rescue@"));
    assert_eq!(issued[1].1, Service::DEFAULT.scope);
    // By the key of another one.
    let mut file = api.file("impersonated_service_account");
    file["source_credentials"] = api.file("service_account");
    let issued = api.cancel(&parse(&file)).await;
    assert_eq!(issued[0].1, CLOUD);
    // Who may not.
    let url = file["service_account_impersonation_url"].as_str().unwrap();
    let url = url.replace("rescue@", "forbidden@");
    file["service_account_impersonation_url"] = url.into();
    let (kind, text) = api.fail(&parse(&file)).await;
    assert_eq!(kind, TransportErrorKind::CredentialsRejected);
    assert!(
        text.contains("iam.serviceAccounts.getAccessToken"),
        "{text}"
    );
    assert!(
        parse(&file)
            .impersonate(OTHER)
            .unwrap()
            .description()
            .starts_with(OTHER)
    );
}

#[cfg(unix)]
#[tokio::test]
async fn a_command_prints_a_token() {
    let api = Api::new().await;
    for line in [
        "echo emulator-token",
        "echo '{\"access_token\": \"emulator-token\", \"expires_in\": 60}'",
        "printf '%s' '{\"token\": \"emulator-token\"}'",
    ] {
        api.cancel(&Credentials::command(line)).await;
    }
    for (line, kind, words) in [
        (
            "exit 3",
            TransportErrorKind::CredentialsRejected,
            "exit status: 3",
        ),
        ("true", TransportErrorKind::CredentialsRejected, "empty"),
        (
            "echo canary two",
            TransportErrorKind::CredentialsRejected,
            "space",
        ),
        (
            "echo '{\"canary\": 1}'",
            TransportErrorKind::CredentialsRejected,
            "`token` is missing",
        ),
        (
            "yes canary",
            TransportErrorKind::CredentialsRejected,
            "more than 65536",
        ),
    ] {
        let (found, text) = api.fail(&Credentials::command(line)).await;
        assert!(text.contains(words), "{line}: {text}");
        assert_eq!(found, kind, "{line}");
    }
}

#[tokio::test]
async fn application_default_credentials_are_looked_for_in_googles_order() {
    let api = Api::new().await;
    let named = api.write("named.json", &api.file("service_account").to_string());
    std::fs::create_dir_all(api.directory.path().join("home/.config/gcloud")).unwrap();
    let user = api.file("authorized_user").to_string();
    let name = "home/.config/gcloud/application_default_credentials.json";
    let well_known = api.write(name, &user);
    let home = api.directory.path().join("home");
    let host = PathBuf::from(api.root().strip_prefix("http://").unwrap());
    let variables: [(&str, &Path); 3] = [
        ("GOOGLE_APPLICATION_CREDENTIALS", &named),
        ("HOME", &home),
        ("GCE_METADATA_HOST", &host),
    ];
    let all = environment(&variables);
    assert_eq!(well_known_file(&all).as_ref(), Some(&well_known));
    let found = |variables: &[(&str, &Path)]| {
        Credentials::application_default_in(&environment(variables)).map(|credentials| {
            let text = format!("{credentials:?}");
            assert!(!text.contains("canary"), "{text}");
            text
        })
    };
    assert!(found(&variables).unwrap().contains("named.json"));
    let text = found(&variables[1..]).unwrap();
    assert!(
        text.contains("application_default_credentials.json"),
        "{text}"
    );
    assert!(found(&variables[2..]).unwrap().contains("metadata server"));
    // An empty variable is none, a wrong one is not passed over.
    let empty: [(&str, &Path); 2] = [
        ("GOOGLE_APPLICATION_CREDENTIALS", Path::new("")),
        variables[1],
    ];
    assert!(found(&empty).unwrap().contains("application_default"));
    let wrong: [(&str, &Path); 2] = [
        ("GOOGLE_APPLICATION_CREDENTIALS", Path::new("/nowhere.json")),
        variables[1],
    ];
    let error = found(&wrong).unwrap_err();
    let (_, text) = explain(&error);
    assert!(
        text.starts_with("GOOGLE_APPLICATION_CREDENTIALS: "),
        "{text}"
    );
    assert!(text.contains("/nowhere.json"), "{text}");
    // `CLOUDSDK_CONFIG` moves gcloud's files.
    let moved = home.join(".config/gcloud");
    assert!(
        found(&[("CLOUDSDK_CONFIG", &moved)])
            .unwrap()
            .contains("the user")
    );
    let neither: [(&str, &Path); 2] = [
        ("HOME", Path::new("/nowhere")),
        ("NO_GCE_CHECK", Path::new("true")),
    ];
    let (_, text) = explain(&found(&neither).unwrap_err());
    assert!(
        text.contains("gcloud auth application-default login"),
        "{text}"
    );
}

#[tokio::test]
async fn a_metadata_server_that_is_not_there_means_that_there_are_no_credentials() {
    let api = Api::new().await;
    // Not named, only guessed, and then it is no passing trouble.
    let credentials = Credentials::application_default_in(&environment(&[])).unwrap();
    let (kind, text) = api.fail(&credentials).await;
    assert_eq!(kind, TransportErrorKind::CredentialsRejected);
    assert!(text.contains("there are no credentials"), "{text}");
    assert!(text.contains("metadata.google.internal"), "{text}");
}

#[tokio::test]
async fn bad_files_are_errors_that_name_the_file_and_the_field_and_quote_nothing() {
    let api = Api::new().await;
    let change = |kind: &str, field: &str, value: Value| {
        let mut file = api.file(kind);
        let at = file.pointer_mut(&format!("/{field}"));
        match at {
            Some(at) => *at = value,
            None => file[field] = value,
        }
        file.to_string()
    };
    let ec = "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----\n";
    let mut cases = vec![
        (String::new(), "not JSON"),
        ("canary".to_owned(), "not JSON"),
        ("[\"canary\"]".to_owned(), "found a list"),
        ("\"canary\"".to_owned(), "found a text"),
        ("{\"type\": \"canary\"}".to_owned(), "`type`"),
        ("{\"type\": 7}".to_owned(), "`type` is a number"),
        ("{}".to_owned(), "`type` is missing"),
        (
            "{\"installed\": {\"client_secret\": \"canary\"}}".to_owned(),
            "OAuth client",
        ),
        ("[".repeat(60_000), "not JSON"),
        ("{\"a\":".repeat(10_000), "not JSON"),
        ("x".repeat(70_000), "65536 bytes"),
    ];
    for (kind, field, value, words) in [
        (
            "service_account",
            "private_key",
            json!(null),
            "`private_key` is missing",
        ),
        (
            "service_account",
            "private_key",
            json!(["canary"]),
            "`private_key` is a list",
        ),
        (
            "service_account",
            "private_key",
            json!("canary"),
            "`private_key` is no private key",
        ),
        ("service_account", "private_key", json!(ec), "`private_key`"),
        (
            "service_account",
            "private_key",
            json!(""),
            "`private_key` is empty",
        ),
        (
            "service_account",
            "client_email",
            json!("canary"),
            "`client_email` is no e-mail",
        ),
        (
            "service_account",
            "token_uri",
            json!("canary"),
            "`token_uri`",
        ),
        (
            "service_account",
            "token_uri",
            json!("http://evil.example/t"),
            "in the clear",
        ),
        (
            "service_account",
            "token_uri",
            json!("https://h:99999/"),
            "`token_uri`",
        ),
        (
            "service_account",
            "quota_project_id",
            json!("a b"),
            "`quota_project_id`",
        ),
        (
            "authorized_user",
            "refresh_token",
            json!({"canary": 1}),
            "`refresh_token` is an object",
        ),
        (
            "authorized_user",
            "client_secret",
            json!(null),
            "`client_secret` is missing",
        ),
        (
            "external_account",
            "credential_source",
            json!(null),
            "`credential_source` is missing",
        ),
        (
            "external_account",
            "credential_source",
            json!({"executable": {}}),
            "`executable` asks for",
        ),
        (
            "external_account",
            "credential_source",
            json!({"environment_id": "aws1"}),
            "`environment_id`",
        ),
        (
            "external_account",
            "credential_source",
            json!({}),
            "either `file` or `url`",
        ),
        (
            "external_account",
            "credential_source/format/type",
            json!("xml"),
            "`format.type`",
        ),
        (
            "external_account",
            "credential_source",
            json!({"url": "http://127.0.0.1", "headers": {"a b": "canary"}}),
            "`headers`",
        ),
        (
            "external_account",
            "client_secret",
            json!("canary"),
            "`client_secret` needs `client_id`",
        ),
        (
            "external_account",
            "token_url",
            json!("ftp://x"),
            "`token_url`",
        ),
        (
            "impersonated_service_account",
            "source_credentials",
            json!(null),
            "`source_credentials` is missing",
        ),
        (
            "impersonated_service_account",
            "source_credentials",
            json!({"type": "canary"}),
            "`source_credentials`: ",
        ),
        (
            "impersonated_service_account",
            "delegates",
            json!([1]),
            "`delegates`",
        ),
        (
            "impersonated_service_account",
            "service_account_impersonation_url",
            json!("https://x/canary"),
            "generateAccessToken",
        ),
    ] {
        cases.push((change(kind, field, value), words));
    }
    for (content, words) in cases {
        let path = api.write("bad.json", &content);
        let (kind, text) = explain(&Credentials::from_file(&path).unwrap_err());
        assert_eq!(kind, TransportErrorKind::CredentialsRejected);
        let text = text.replace("BEGIN", "");
        assert!(
            text.contains("bad.json") && text.contains(words),
            "{words}: {text}"
        );
    }
    let (_, text) = explain(&Credentials::from_file(api.directory.path()).unwrap_err());
    assert!(text.contains("regular file"), "{text}");
}

#[tokio::test]
async fn damaged_files_of_every_kind_never_panic() {
    let api = Api::new().await;
    let kinds = [
        "service_account",
        "authorized_user",
        "external_account",
        "impersonated_service_account",
    ];
    for kind in kinds {
        let file = api.file(kind).to_string().into_bytes();
        for end in (0..file.len()).step_by(7) {
            let _ = Credentials::from_json(&file[..end], "cut");
        }
        for at in 0..file.len() {
            let mut damaged = file.clone();
            damaged[at] ^= 0x15;
            if let Err(error) = Credentials::from_json(&damaged, "damaged") {
                explain(&error);
            }
        }
    }
}

#[tokio::test]
async fn fault_34_what_a_token_endpoint_answers_in_trouble() {
    let api = Api::new().await;
    use TransportErrorKind::{CredentialsRejected as Final, TokenUnavailable as Passing};
    for (kind, method) in [
        ("service_account", "token"),
        ("authorized_user", "token"),
        ("external_account", "sts"),
        ("external_account", "subject-token"),
        ("impersonated_service_account", "generateAccessToken"),
    ] {
        let credentials = parse(&api.file(kind));
        for (answer, expected, words) in [
            (json!({"status": 500}), Passing, "500"),
            (
                json!({"status": 503, "body": "<html>canary</html>"}),
                Passing,
                "503",
            ),
            (json!({"status": 429}), Passing, "429"),
            (json!({"status": 200, "body": "<html>canary"}), Passing, ""),
            (json!({"status": 200, "body": {}}), Passing, "missing"),
            (
                json!({"status": 200, "body": {"access_token": 7, "accessToken": 7, "id_token": 7}}),
                Passing,
                "a number",
            ),
            (
                json!({"status": 200, "body": {"access_token": "canary two", "accessToken": "canary two"}}),
                Passing,
                "",
            ),
            (json!({"status": 200, "generated": "nesting"}), Passing, ""),
            (
                json!({"action": "flood", "status": 200, "mib": 64}),
                Passing,
                "too large",
            ),
            (json!({"action": "reset"}), Passing, "127.0.0.1"),
            (json!({"action": "truncate"}), Passing, "127.0.0.1"),
            (
                json!({"status": 302, "headers": {"location": "http://127.0.0.2:9/"}}),
                Passing,
                "302",
            ),
            (
                json!({"status": 400, "body": {"error": "invalid_grant", "error_description": format!("no {}", "canary".repeat(9))}}),
                Final,
                "400",
            ),
            (json!({"status": 403}), Final, "403"),
        ] {
            let mut entry = answer.clone();
            entry["method"] = method.into();
            entry["times"] = json!(null);
            api.faults(json!([entry]));
            let (found, text) = api.fail(&credentials).await;
            assert_eq!(found, expected, "{method} {answer}: {text}");
            assert!(text.contains(words), "{method} {answer}: {text}");
            assert!(text.contains("http://127.0.0.1"), "{text}");
        }
    }
}

#[tokio::test]
async fn fault_34_an_odd_expires_in_is_no_reason_to_fail_or_to_hammer() {
    let api = Api::new().await;
    let user = parse(&api.file("authorized_user"));
    for (said, believed) in [
        (json!(null), 300),
        (json!(0), 300),
        (json!(-5), 300),
        (json!("3000"), 3000),
        (json!("soon"), 300),
        (json!(1_000_000_000_000_u64), 3600),
    ] {
        let body = json!({"access_token": "emulator-token", "expires_in": said});
        api.faults(json!([{"method": "token", "body": body, "times": null}]));
        let source = user
            .source(Service::DEFAULT.scope, &HyperConfig::default())
            .unwrap();
        let token = source.token(false).await.unwrap();
        let remaining = token.remaining().unwrap().as_secs_f64();
        assert!(
            (remaining - f64::from(believed)).abs() < 5.0,
            "{said}: {remaining}"
        );
        let before = asked(&api, "/token");
        let client = api.client(&user);
        for _ in 0..3 {
            client.cancel(&api.name).await.unwrap();
        }
        assert_eq!(asked(&api, "/token") - before, 1, "{said}");
    }
}

fn asked(api: &Api, path: &str) -> usize {
    api.look(|emulator| {
        let audit = emulator.audit().iter();
        audit.filter(|row| row.path == path).count()
    })
}

#[tokio::test]
async fn fault_34_an_endpoint_that_hangs_is_given_up_within_ten_seconds() {
    let api = Api::new().await;
    api.faults(json!([
        {"method": "token", "action": "stall", "times": null},
        {"method": "sts", "action": "stall-body", "times": null},
    ]));
    let begun = std::time::Instant::now();
    let (user, federated) = (
        parse(&api.file("authorized_user")),
        parse(&api.file("external_account")),
    );
    let both = futures_util::future::join(api.fail(&user), api.fail(&federated));
    for (found, text) in <[_; 2]>::from(both.await) {
        assert_eq!(found, TransportErrorKind::TokenUnavailable);
        assert!(text.contains("within 8000 ms"), "{text}");
    }
    assert!(begun.elapsed().as_secs_f64() < 10.0);
}

#[tokio::test]
async fn fault_14_a_crowd_whose_token_expired_has_one_fetched() {
    let api = Api::new().await;
    let client = api.client(&parse(&api.file("service_account")));
    client.cancel(&api.name).await.unwrap();
    api.look(|emulator| emulator.accept_tokens(["another"]));
    let cancels = (0..512).map(|_| client.cancel(&api.name));
    for result in futures_util::future::join_all(cancels).await {
        result.unwrap();
    }
    assert_eq!(asked(&api, "/token"), 2);
}

#[tokio::test]
async fn fault_15_a_401_for_ever_refreshes_once() {
    let api = Api::new().await;
    let client = api.client(&parse(&api.file("service_account")));
    api.faults(json!([{"fault": "unauthenticated"}]));
    let cancels = (0..100).map(|_| client.cancel(&api.name));
    for result in futures_util::future::join_all(cancels).await {
        let error = result.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Unauthenticated(_)));
    }
    assert_eq!(asked(&api, "/token"), 2);
}

#[tokio::test]
async fn fault_35_a_refresh_that_fails_in_time_is_not_noticed() {
    let api = Api::new().await;
    let body = json!({"access_token": "emulator-token", "expires_in": 11});
    api.faults(json!([
        {"method": "token", "body": body},
        {"method": "token", "status": 500, "times": null},
    ]));
    let client = api.client(&parse(&api.file("authorized_user")));
    let begun = std::time::Instant::now();
    // Due after 9.9 to 10.45 s, good for 11 s.
    while asked(&api, "/token") < 2 {
        assert!(begun.elapsed().as_secs_f64() < 10.9, "never refreshed");
        client.cancel(&api.name).await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

/// A login that an organisation's limit has ended is told apart from credentials that are wrong.
#[tokio::test]
async fn fault_54_a_login_that_is_over_says_to_log_in_again() {
    for (body, kind) in [
        (
            json!({"error": "invalid_grant", "error_subtype": "invalid_rapt", "error_description": "no"}),
            TransportErrorKind::LoginExpired,
        ),
        (
            json!({"error": "invalid_grant", "error_description": "reauth related error (rapt_required)"}),
            TransportErrorKind::LoginExpired,
        ),
        (
            json!({"error": "invalid_grant", "error_description": "Token has been revoked."}),
            TransportErrorKind::CredentialsRejected,
        ),
        (
            json!({"error": "invalid_client", "error_description": "reauth"}),
            TransportErrorKind::CredentialsRejected,
        ),
    ] {
        let api = Api::new().await;
        api.faults(json!([{"method": "token", "status": 400, "body": body, "times": null}]));
        let (error, text) = api.fail(&parse(&api.file("authorized_user"))).await;
        assert_eq!(error, kind, "{text}");
    }
}

/// The clock of this machine, an hour wrong, is named where a token is refused.
#[tokio::test]
async fn a_clock_that_is_wrong_is_named() {
    let api = Api::new().await;
    api.faults(json!([{"method": "token", "status": 400, "body": {"error": "invalid_grant"}, "times": null}]));
    // The emulator's clock begins on a fixed day.
    let (_, text) = api.fail(&parse(&api.file("service_account"))).await;
    assert!(text.contains("the clock of this machine is"), "{text}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_that_others_can_read_is_warned_of() {
    use std::os::unix::fs::PermissionsExt;
    let api = Api::new().await;
    let path = api.write("key.json", &api.file("service_account").to_string());
    assert!(Credentials::from_file(&path).unwrap().warnings().is_empty());
    for mode in [0o640, 0o604, 0o644] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let warnings = Credentials::from_file(&path).unwrap().warnings().to_vec();
        assert!(warnings[0].contains("chmod 600"), "{warnings:?}");
        assert!(warnings[0].contains(&format!("{mode:04o}")), "{warnings:?}");
    }
}
