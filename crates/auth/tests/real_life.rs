//! Credentials as people have them: each field is used, or refused by name.
#![cfg(any(feature = "ring", feature = "aws-lc-rs"))]

use countermand_core::Service;
use std::path::Path;
use std::sync::{Arc, Mutex};

use countermand_auth::Credentials;
use countermand_core::text::chain;
use countermand_emulator::credentials;
use countermand_hyper::{Client, Endpoint, HyperConfig, TokenSource, TransportErrorKind};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Answers every request with a token, and keeps what it was sent.
struct Giver {
    root: String,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Giver {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let root = format!("http://{}", listener.local_addr().unwrap());
        let heard: Arc<Mutex<Vec<String>>> = Arc::default();
        let ears = Arc::clone(&heard);
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let mut request = Vec::new();
                let text = loop {
                    let mut chunk = [0; 4096];
                    let read = client.read(&mut chunk).await.unwrap();
                    request.extend_from_slice(&chunk[..read]);
                    let text = String::from_utf8(request.clone()).unwrap();
                    let Some((head, body)) = text.split_once("\r\n\r\n") else {
                        continue;
                    };
                    let length = head.lines().find_map(|line| {
                        line.to_ascii_lowercase()
                            .strip_prefix("content-length: ")?
                            .parse::<usize>()
                            .ok()
                    });
                    if read == 0 || body.len() >= length.unwrap_or(0) {
                        break text;
                    }
                };
                let number = {
                    let mut heard = ears.lock().unwrap();
                    heard.push(text);
                    heard.len()
                };
                let body = json!({
                    "access_token": "ya29.given", "accessToken": "ya29.given", "expires_in": 3600,
                    "refresh_token": format!("next-{number}"),
                })
                .to_string();
                let answer = format!(
                    "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                    body.len()
                );
                client.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        Self { root, heard }
    }

    /// Requests for a token of these credentials, the last one first.
    async fn hear(&self, credentials: &Credentials) -> Vec<String> {
        self.heard.lock().unwrap().clear();
        let source = credentials
            .source(Service::DEFAULT.scope, &HyperConfig::default())
            .unwrap();
        source.token(false).await.unwrap();
        let mut heard = self.heard.lock().unwrap().clone();
        heard.reverse();
        heard
    }
}

fn parse(file: &Value) -> Credentials {
    Credentials::from_json(file.to_string().as_bytes(), "the file").unwrap()
}

fn refusal(file: &Value) -> String {
    let error = Credentials::from_json(file.to_string().as_bytes(), "the file").unwrap_err();
    assert_eq!(error.kind(), TransportErrorKind::CredentialsRejected);
    chain(&error)
}

const WORKFORCE: &str = "//iam.googleapis.com/locations/global/workforcePools/pool/providers/prov";

/// A file of workforce federation, whose subject token is in a file.
fn workforce(root: &str, subject: &Path) -> Value {
    std::fs::write(subject, "subject-token").unwrap();
    json!({
        "type": "external_account",
        "audience": WORKFORCE,
        "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
        "token_url": format!("{root}/sts"),
        "token_info_url": format!("{root}/info"),
        "credential_source": {"file": subject},
        "workforce_pool_user_project": "12345",
    })
}

#[tokio::test]
async fn fault_65_workforce_federation() {
    let (giver, directory) = (Giver::new().await, tempfile::tempdir().unwrap());
    let mut file = workforce(&giver.root, &directory.path().join("subject"));
    let credentials = parse(&file);
    assert_eq!(credentials.warnings(), [] as [String; 0]);
    let heard = giver.hear(&credentials).await;
    // {"userProject":"12345"}
    let options = "&options=%7B%22userProject%22%3A%2212345%22%7D";
    assert!(heard[0].contains(options), "{heard:?}");
    assert!(!heard[0].contains("authorization"), "{heard:?}");

    // A client of its own says what project it is of (as google-auth has it).
    file["client_id"] = "client".into();
    file["client_secret"] = "secret".into();
    let heard = giver.hear(&parse(&file)).await;
    let basic = "authorization: Basic Y2xpZW50OnNlY3JldA==";
    assert!(
        heard[0].contains(basic) && !heard[0].contains("options="),
        "{heard:?}"
    );

    // With a service account to impersonate.
    let account = format!(
        "{}/v1/projects/-/serviceAccounts/a@p.iam.gserviceaccount.com",
        giver.root
    );
    file["service_account_impersonation_url"] = format!("{account}:generateAccessToken").into();
    file["service_account_impersonation"] = json!({"token_lifetime_seconds": 2800});
    let heard = giver.hear(&parse(&file)).await;
    assert!(heard[0].contains("\"lifetime\":\"2800s\""), "{heard:?}");
    for seconds in [json!(0), json!("2800"), json!(50_000)] {
        file["service_account_impersonation"] = json!({"token_lifetime_seconds": seconds});
        assert!(refusal(&file).contains("token_lifetime_seconds"));
    }
    file["service_account_impersonation"] = json!(null);
    file["audience"] =
        "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p".into();
    assert!(refusal(&file).contains("`workforce_pool_user_project`"));
}

#[tokio::test]
async fn fault_65_a_user_of_a_workforce_pool() {
    let giver = Giver::new().await;
    let file = json!({
        "type": "external_account_authorized_user",
        "audience": WORKFORCE,
        "client_id": "client",
        "client_secret": "secret",
        "refresh_token": "canary+first",
        "token_url": format!("{}/sts", giver.root),
        "token_info_url": format!("{}/info", giver.root),
        "quota_project_id": "p",
    });
    let credentials = parse(&file);
    assert_eq!(credentials.warnings(), [] as [String; 0]);
    let heard = giver.hear(&credentials).await;
    assert!(
        heard[0].contains("authorization: Basic Y2xpZW50OnNlY3JldA=="),
        "{heard:?}"
    );
    let form = "grant_type=refresh_token&refresh_token=canary%2Bfirst";
    assert!(heard[0].ends_with(form), "{heard:?}");
    // The server has replaced it.
    let heard = giver.hear(&credentials).await;
    assert!(heard[0].ends_with("refresh_token=next-1"), "{heard:?}");
    let shown = format!("{credentials:?}");
    assert!(
        shown.contains("workforce") && !shown.contains("canary"),
        "{shown}"
    );
    let mut file = file;
    file["refresh_token"] = "".into();
    assert!(refusal(&file).contains("`refresh_token` is empty"));
}

#[tokio::test]
async fn fault_65_delegates_chains_and_numbers_of_accounts() {
    let giver = Giver::new().await;
    let user = json!({
        "type": "authorized_user", "account": "", "client_id": "c", "client_secret": "s",
        "refresh_token": "r", "universe_domain": "googleapis.com", "quota_project_id": "",
        "token_uri": format!("{}/token", giver.root),
    });
    let url = |account: &str| {
        let root = &giver.root;
        format!("{root}/v1/projects/-/serviceAccounts/{account}:generateAccessToken")
    };
    let mut file = json!({
        "type": "impersonated_service_account",
        "delegates": ["b@p.iam.gserviceaccount.com", "projects/-/serviceAccounts/117"],
        "service_account_impersonation_url": url("108234567890123456789"),
        "source_credentials": user,
    });
    let heard = giver.hear(&parse(&file)).await;
    let delegates = "\"delegates\":[\"projects/-/serviceAccounts/b@p.iam.gserviceaccount.com\",\"projects/-/serviceAccounts/117\"]";
    assert!(heard[0].contains(delegates), "{heard:?}");
    assert!(
        heard[0].contains("/serviceAccounts/108234567890123456789:"),
        "{heard:?}"
    );
    file["delegates"] = json!(["projects/other/serviceAccounts/b"]);
    assert!(refusal(&file).contains("`delegates`"));

    // As the option of the command has it; IAM is Google's, so that only what is refused is seen.
    for chain in ["a@x", "a@x,b@x", "a@x, 117"] {
        parse(&user).impersonate(chain).unwrap();
    }
    for chain in ["", ",", "a@x,", ",a@x", "a/b@x", "a@x;b@x"] {
        assert!(parse(&user).impersonate(chain).is_err(), "{chain}");
    }
}

#[tokio::test]
async fn fault_65_a_key_with_line_ends_as_they_stand_in_json() {
    let giver = Giver::new().await;
    let mut file = credentials("service_account", &giver.root).unwrap();
    let key = file["private_key"].as_str().unwrap().replace('\n', "\\n");
    file["private_key"] = key.into();
    let heard = giver.hear(&parse(&file)).await;
    assert!(heard[0].contains("&assertion=ey"), "{heard:?}");
}

#[tokio::test]
async fn fault_65_another_universe_needs_its_endpoint() {
    let giver = Giver::new().await;
    let mut file = credentials("service_account", &giver.root).unwrap();
    file["universe_domain"] = "apis-other.example".into();
    let config = HyperConfig::default();
    let source = || {
        parse(&file)
            .source(Service::DEFAULT.scope, &config)
            .unwrap()
    };
    let spelled = "https://AndroidManagement.GoogleAPIs.com.:443/v1".parse();
    for endpoint in [
        Endpoint::default(),
        Service::DEFAULT.mtls_endpoint(),
        spelled.unwrap(),
    ] {
        let error = Client::connect(endpoint, source(), config.clone()).unwrap_err();
        assert_eq!(error.kind(), TransportErrorKind::CredentialsRejected);
        let text = chain(&error);
        assert!(
            text.contains("apis-other.example") && text.contains("name the endpoint"),
            "{text}"
        );
    }
    let other: Endpoint = "https://androidmanagement.apis-other.example"
        .parse()
        .unwrap();
    Client::connect(other, source(), config.clone()).unwrap();
    // Impersonating is asked of that universe, and what wraps a source keeps it.
    let impersonated = parse(&file).impersonate("a@x").unwrap();
    let wrapped = Arc::new(
        impersonated
            .source(Service::DEFAULT.scope, &config)
            .unwrap(),
    );
    assert!(Client::connect(Endpoint::default(), wrapped, config.clone()).is_err());
    // That of the one who impersonates counts, too.
    let nested = json!({
        "type": "impersonated_service_account",
        "service_account_impersonation_url": "https://x/v1/projects/-/serviceAccounts/a@x:generateAccessToken",
        "source_credentials": file,
    });
    let nested = parse(&nested)
        .source(Service::DEFAULT.scope, &config)
        .unwrap();
    assert!(Client::connect(Endpoint::default(), nested, config).is_err());
}

#[test]
fn fault_65_what_is_not_supported_is_refused_by_name_with_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let mut file = workforce("https://sts.example", &directory.path().join("subject"));
    for (source, words) in [
        (json!({"executable": {"command": "canary"}}), "`executable`"),
        (
            json!({"environment_id": "aws1", "region_url": "canary"}),
            "AWS",
        ),
        (
            json!({"certificate": {"use_default_certificate_config": true}}),
            "X.509",
        ),
    ] {
        file["credential_source"] = source;
        let text = refusal(&file);
        assert!(
            text.contains(words) && text.contains("--token-command"),
            "{text}"
        );
        assert!(!text.contains("canary"), "{text}");
    }
}

#[test]
fn fault_65_secrets_do_not_travel_in_the_clear() {
    let directory = tempfile::tempdir().unwrap();
    let mut file = workforce("https://sts.example", &directory.path().join("subject"));
    for (url, headers, good) in [
        (
            "https://vault.example/t",
            json!({"x-vault-token": "canary"}),
            true,
        ),
        (
            "http://127.0.0.1:1/t",
            json!({"x-vault-token": "canary"}),
            true,
        ),
        (
            "http://169.254.169.254/t",
            json!({"Metadata": "True"}),
            true,
        ),
        (
            "http://metadata.google.internal/t",
            json!({"Metadata-Flavor": "Google"}),
            true,
        ),
        (
            "http://169.254.169.254/t",
            json!({"x-vault-token": "canary"}),
            false,
        ),
        (
            "http://vault.example/t",
            json!({"x-vault-token": "canary"}),
            false,
        ),
        ("http://vault.example/t", json!({}), false),
    ] {
        file["credential_source"] = json!({"url": url, "headers": headers});
        let parsed = Credentials::from_json(file.to_string().as_bytes(), "the file");
        assert_eq!(parsed.is_ok(), good, "{url} {headers}");
        if let Err(error) = parsed {
            let text = chain(&error);
            assert!(
                text.contains("in the clear") && !text.contains("canary"),
                "{text}"
            );
        }
    }
}

#[test]
fn fault_65_no_field_is_ignored_silently() {
    for kind in [
        "service_account",
        "authorized_user",
        "external_account",
        "impersonated_service_account",
    ] {
        let mut file = credentials(kind, "http://127.0.0.1:1").unwrap();
        assert_eq!(parse(&file).warnings(), [] as [String; 0], "{kind}");
        file["reach"] = "canary".into();
        let warnings = parse(&file).warnings().to_vec();
        assert_eq!(warnings.len(), 1, "{kind} {warnings:?}");
        assert!(warnings[0].contains("`reach`") && !warnings[0].contains("canary"));
    }
}
