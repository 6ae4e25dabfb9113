//! The places that give out tokens: the tokens, their principals, and the refusals.

use crate::common::{T0, get, respond, secs, single};
use bytes::Bytes;
use countermand_emulator::{Config, Emulator, Fate, NewOperation, Script, credentials};
use http::{Request, Response};
use serde_json::{Value, json};

const SCOPE: &str = "https://www.googleapis.com/auth/androidmanagement";
const CLOUD: &str = "https://www.googleapis.com/auth/cloud-platform";

fn emulator() -> (Emulator, String) {
    single(Config::default(), NewOperation::new(Fate::Cancellable))
}

fn post(emulator: &mut Emulator, path: &str, form: &[(&str, &str)]) -> (u16, Value) {
    let escape =
        |text: &str| -> String { text.bytes().map(|byte| format!("%{byte:02X}")).collect() };
    let body: Vec<String> = form
        .iter()
        .map(|(key, value)| format!("{key}={}", escape(value)))
        .collect();
    let body = body.join("&");
    let request = Request::post(path)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("content-length", body.len())
        .body(Bytes::from(body))
        .unwrap();
    read(&respond(emulator.handle(T0, &request).action))
}

fn read(response: &Response<Bytes>) -> (u16, Value) {
    let value = serde_json::from_slice(response.body()).unwrap_or(Value::Null);
    (response.status().as_u16(), value)
}

fn refresh(emulator: &mut Emulator) -> (u16, Value) {
    let user = credentials("authorized_user", "http://e").unwrap();
    let field = |name: &str| user[name].as_str().unwrap().to_owned();
    post(
        emulator,
        "/token",
        &[
            ("grant_type", "refresh_token"),
            ("client_id", &field("client_id")),
            ("client_secret", &field("client_secret")),
            ("refresh_token", &field("refresh_token")),
        ],
    )
}

#[test]
fn a_refresh_token_gives_tokens_that_open_the_api_until_they_expire() {
    let (mut emulator, name) = emulator();
    let (status, answer) = refresh(&mut emulator);
    assert_eq!((status, &answer["expires_in"]), (200, &json!(3600)));
    let token = answer["access_token"].as_str().unwrap().to_owned();
    let mut ask = |now| {
        let request = Request::get(format!("/v1/{name}"))
            .header("authorization", format!("Bearer {token}"))
            .body(Bytes::new())
            .unwrap();
        respond(emulator.handle(now, &request).action)
            .status()
            .as_u16()
    };
    assert_eq!((ask(secs(3599)), ask(secs(3600))), (200, 401));
    emulator.accept_tokens(["other"]);
    assert_eq!(get(&mut emulator, T0, &name).0, 200);
    let issued = &emulator.issued()[0];
    assert_eq!((issued.by, &*issued.principal), ("token", "user"));
    assert!(!format!("{issued:?}").contains("ya29"));
}

#[test]
fn what_is_asked_wrongly_is_refused_as_google_words_it() {
    let (mut emulator, _) = emulator();
    let (status, answer) = post(&mut emulator, "/token", &[("grant_type", "password")]);
    assert_eq!(
        (status, &answer["error"]),
        (400, &json!("unsupported_grant_type"))
    );
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
        ("assertion", "e30.e30.AAAA"),
    ];
    let (status, answer) = post(&mut emulator, "/token", &form);
    assert_eq!((status, &answer["error"]), (400, &json!("invalid_grant")));
    let form = [("grant_type", "refresh_token"), ("client_id", "x")];
    assert_eq!(post(&mut emulator, "/token", &form).0, 401);
    assert_eq!(post(&mut emulator, "/v1/token", &[]).0, 400);
    let account = "/v1/projects/-/serviceAccounts/a@b.iam.gserviceaccount.com:generateAccessToken";
    assert_eq!(post(&mut emulator, account, &[]).0, 401);
    assert!(emulator.issued().is_empty());
}

#[test]
fn a_metadata_server_answers_who_asks_for_one() {
    let (mut emulator, name) = emulator();
    let path = "/computeMetadata/v1/instance/service-accounts/default/token";
    let mut ask = |flavor: bool, query: &str| {
        let mut request = Request::get(format!("{path}{query}"));
        if flavor {
            request = request.header("metadata-flavor", "Google");
        }
        let request = request.body(Bytes::new()).unwrap();
        respond(emulator.handle(T0, &request).action)
    };
    assert_eq!(ask(false, "").status(), 403);
    let scoped = ask(true, &format!("?scopes={SCOPE}"));
    assert_eq!(scoped.headers()["metadata-flavor"], "Google");
    let broad = ask(true, "");
    for (answer, expected) in [(scoped, 200), (broad, 403)] {
        let token = read(&answer).1["access_token"].as_str().unwrap().to_owned();
        let request = Request::get(format!("/v1/{name}"))
            .header("authorization", format!("Bearer {token}"))
            .body(Bytes::new())
            .unwrap();
        let status = respond(emulator.handle(T0, &request).action).status();
        assert_eq!(status, expected);
    }
    let scopes: Vec<&str> = emulator.issued().iter().map(|it| &*it.scope).collect();
    assert_eq!(scopes, [SCOPE, CLOUD]);
}

#[test]
fn doors_have_words_in_a_script_and_are_not_any() {
    let (mut emulator, name) = emulator();
    let script = json!([
        {"status": 503},
        {"method": "token", "status": 500},
        {"method": "token", "body": {"access_token": "emulator-token", "expires_in": -5}},
    ]);
    emulator.set_script(Script::from_value(script).unwrap());
    assert_eq!(refresh(&mut emulator).0, 500);
    assert_eq!(refresh(&mut emulator).1["expires_in"], -5);
    assert_eq!(refresh(&mut emulator).1["expires_in"], 3600);
    assert_eq!(get(&mut emulator, T0, &name).0, 503);
    for word in ["metadata", "sts", "subject-token", "generateAccessToken"] {
        Script::from_value(json!([{"method": word, "status": 500}])).unwrap();
    }
    assert_eq!(emulator.audit().len(), 4);
}

#[test]
fn credentials_are_handed_out_for_where_the_emulator_is() {
    let (mut emulator, _) = emulator();
    let kinds = [
        "service_account",
        "authorized_user",
        "external_account",
        "impersonated_service_account",
    ];
    for kind in kinds {
        let request = Request::get(format!("/_emulator/credentials/{kind}"))
            .header("host", "127.0.0.1:8080")
            .body(Bytes::new())
            .unwrap();
        let (status, file) = read(&respond(emulator.handle(T0, &request).action));
        assert_eq!(status, 200);
        assert_eq!(file, credentials(kind, "http://127.0.0.1:8080/").unwrap());
        assert!(file.to_string().contains("http://127.0.0.1:8080/"));
    }
    let request = Request::get("/_emulator/credentials/passport");
    let request = request.body(Bytes::new()).unwrap();
    assert_eq!(respond(emulator.handle(T0, &request).action).status(), 400);
}

/// The assertion of a service account, signed with the key of its file.
fn assertion(scope: &str, padded: bool) -> String {
    use base64::Engine;
    use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
    use rustls::SignatureScheme::RSA_PKCS1_SHA256;
    use rustls_pki_types::PrivateKeyDer;
    use rustls_pki_types::pem::PemObject;

    let encode = |bytes: &[u8]| match padded {
        true => URL_SAFE.encode(bytes),
        false => URL_SAFE_NO_PAD.encode(bytes),
    };
    let file = credentials("service_account", "http://e").unwrap();
    let claims = json!({"iss": file["client_email"], "scope": scope, "aud": "http://e/token", "iat": 1, "exp": 3601});
    let head = json!({"alg": "RS256", "typ": "JWT"});
    let signed = format!(
        "{}.{}",
        encode(head.to_string().as_bytes()),
        encode(claims.to_string().as_bytes())
    );
    let key = PrivateKeyDer::from_pem_slice(file["private_key"].as_str().unwrap().as_bytes());
    let provider = rustls::crypto::ring::default_provider();
    let key = provider.key_provider.load_private_key(key.unwrap());
    let signer = key.unwrap().choose_scheme(&[RSA_PKCS1_SHA256]).unwrap();
    let signature = signer.sign(signed.as_bytes()).unwrap();
    format!("{signed}.{}", encode(&signature))
}

#[test]
fn fault_68_an_assertion_may_be_padded() {
    let (mut emulator, _) = emulator();
    for padded in [false, true] {
        let assertion = assertion(SCOPE, padded);
        assert_eq!(assertion.contains('='), padded, "{assertion}");
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
            ("assertion", &*assertion),
        ];
        assert_eq!(post(&mut emulator, "/token", &form).0, 200);
        let (body, signature) = assertion.rsplit_once('.').unwrap();
        let forged = format!("{body}.A{}", &signature[1..]);
        let form = [form[0], ("assertion", &*forged)];
        assert_eq!(post(&mut emulator, "/token", &form).0, 400);
    }
}

#[test]
fn fault_68_the_scope_iam_makes_tokens_and_opens_nothing_else() {
    let (mut emulator, name) = emulator();
    for (scope, status) in [("https://www.googleapis.com/auth/iam", 200), (SCOPE, 403)] {
        let assertion = assertion(scope, false);
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
            ("assertion", &*assertion),
        ];
        let token = post(&mut emulator, "/token", &form).1["access_token"].clone();
        let mut ask = |path: &str, token: &str| {
            let body = json!({ "scope": [SCOPE] }).to_string();
            let request = Request::builder()
                .method(if path.ends_with("Token") {
                    "POST"
                } else {
                    "GET"
                })
                .uri(path)
                .header("authorization", format!("bearer {token}"))
                .header("content-length", body.len())
                .body(Bytes::from(body))
                .unwrap();
            read(&respond(emulator.handle(T0, &request).action))
        };
        let account =
            "/v1/projects/-/serviceAccounts/a@b.iam.gserviceaccount.com:generateAccessToken";
        let (got, made) = ask(account, token.as_str().unwrap());
        assert_eq!(got, status, "{scope}: {made}");
        let operation = format!("/v1/{name}");
        if status == 200 {
            assert_eq!(ask(&operation, token.as_str().unwrap()).0, 403);
            assert_eq!(
                ask(&operation, made["accessToken"].as_str().unwrap()).0,
                200
            );
        } else {
            assert_eq!(made["error"]["errors"][0]["reason"], "forbidden");
        }
    }
}
