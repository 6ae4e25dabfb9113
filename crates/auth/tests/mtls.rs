//! Mutual TLS, by Google's documented variables.
#![cfg(any(feature = "ring", feature = "aws-lc-rs"))]

use countermand_core::Service;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use countermand_auth::Mtls;
use countermand_core::text::chain;
use countermand_emulator::{Config, Server, Shared, Tls};
use countermand_hyper::{Endpoint, Hyper, HyperConfig, TransportError, TransportErrorKind};
use http::uri::PathAndQuery;
use http::{Request, Response};
use serde_json::json;

/// Sends a request without a token.
async fn ask(hyper: &Hyper, endpoint: &Endpoint) -> Result<Response<Bytes>, TransportError> {
    let mut request = Request::new(Bytes::new());
    *request.uri_mut() = endpoint.uri(PathAndQuery::from_static("/v1/enterprises/e"));
    hyper.call(request, Duration::from_secs(10)).await
}

fn read(variables: &[(&str, &Path)]) -> Result<Mtls, String> {
    let variable = |name: &str| {
        let mut found = variables.iter().filter(|(known, _)| *known == name);
        found.next().map(|(_, value)| OsString::from(value))
    };
    Mtls::from_environment_in(&variable).map_err(|error| chain(&error))
}

/// Files of a workload, and the variable that names their list.
fn workload(directory: &Path, certificate: &Path, key: &Path) -> PathBuf {
    let path = directory.join("certificate_config.json");
    let list = json!({"cert_configs": {"workload": {"cert_path": certificate, "key_path": key}}});
    std::fs::write(&path, list.to_string()).unwrap();
    path
}

#[tokio::test]
async fn a_client_certificate_is_shown_where_the_server_asks_for_one() {
    for http1_only in [false, true] {
        let tls = Tls::mutual().unwrap();
        let directory = tempfile::tempdir().unwrap();
        let shared = Shared::new(Config::default());
        let address = ([127, 0, 0, 1], 0).into();
        let server = Server::bind_tls(address, shared.clone(), &tls)
            .await
            .unwrap();
        let endpoint: Endpoint = server.endpoint().parse().unwrap();
        let ca = tls.write_to(directory.path()).unwrap();
        let config = HyperConfig::default().ca_file(ca).http1_only(http1_only);

        // Without one: refused, finally, and in words that say by whom.
        let hyper = Hyper::new(&endpoint, config.clone()).unwrap();
        let error = ask(&hyper, &endpoint).await.unwrap_err();
        assert_eq!(error.kind(), TransportErrorKind::Tls, "{error:?}");
        assert!(shared.with(|emulator, _| emulator.audit().is_empty()));

        // With one of another authority.
        let other = Tls::mutual().unwrap();
        let (certificate, key) = other.write_client_to(directory.path()).unwrap().unwrap();
        let wrong = config.clone().client_certificate(certificate, key);
        let hyper = Hyper::new(&endpoint, wrong).unwrap();
        let error = ask(&hyper, &endpoint).await.unwrap_err();
        assert_eq!(error.kind(), TransportErrorKind::Tls, "{error:?}");

        // With its own, by the documented file.
        let (certificate, key) = tls.write_client_to(directory.path()).unwrap().unwrap();
        let list = workload(directory.path(), &certificate, &key);
        let mtls = read(&[
            ("GOOGLE_API_USE_CLIENT_CERTIFICATE", Path::new("true")),
            ("GOOGLE_API_CERTIFICATE_CONFIG", &list),
        ])
        .unwrap();
        let hyper = Hyper::new(&endpoint, mtls.configure(config)).unwrap();
        let response = ask(&hyper, &endpoint).await.unwrap();
        // The certificate is no token.
        assert_eq!(response.status(), 401);
    }
}

#[test]
fn variables_choose_the_endpoint_and_the_certificate() {
    let directory = tempfile::tempdir().unwrap();
    let list = workload(directory.path(), Path::new("/c.pem"), Path::new("/k.pem"));
    let (usage, endpoint, config) = (
        "GOOGLE_API_USE_CLIENT_CERTIFICATE",
        "GOOGLE_API_USE_MTLS_ENDPOINT",
        "GOOGLE_API_CERTIFICATE_CONFIG",
    );
    let mut rows = 0;
    for used in ["", "true", "false", "maybe"] {
        for chosen in ["", "auto", "always", "never", "ALWAYS", "perhaps"] {
            for file in ["", list.to_str().unwrap()] {
                let read = read(&[
                    (usage, Path::new(used)),
                    (endpoint, Path::new(chosen)),
                    (config, Path::new(file)),
                ]);
                let shown = !file.is_empty() && used != "false";
                let bad = used == "maybe" || chosen == "perhaps" || (used == "true" && !shown);
                assert_eq!(read.is_err(), bad, "{used} {chosen} {file} {read:?}");
                let Ok(mtls) = read else { continue };
                assert_eq!(mtls.certificate().is_some(), shown);
                let expected = match chosen {
                    "always" | "ALWAYS" => Service::DEFAULT.mtls_endpoint(),
                    "never" => Endpoint::default(),
                    _ if shown => Service::DEFAULT.mtls_endpoint(),
                    _ => Endpoint::default(),
                };
                assert_eq!(
                    mtls.endpoint(Service::DEFAULT),
                    expected,
                    "{used} {chosen} {file}"
                );
                rows += 1;
            }
        }
    }
    assert!(rows > 20);
    // The file among gcloud's settings.
    let mtls = read(&[("CLOUDSDK_CONFIG", directory.path())]).unwrap();
    assert_eq!(mtls.certificate().unwrap().1, Path::new("/k.pem"));
}

#[test]
fn a_bad_list_or_a_bad_certificate_is_a_clear_error() {
    let directory = tempfile::tempdir().unwrap();
    let list = directory.path().join("list.json");
    let variables: [(&str, &Path); 1] = [("GOOGLE_API_CERTIFICATE_CONFIG", &list)];
    assert!(read(&variables).unwrap_err().contains("list.json"));
    for (content, words) in [
        ("x", "not JSON"),
        ("{}", "`cert_configs` is missing"),
        (
            r#"{"cert_configs": {"workload": 7}}"#,
            "`workload` is a number",
        ),
        (
            r#"{"cert_configs": {"workload": {}}}"#,
            "`cert_path` is missing",
        ),
    ] {
        std::fs::write(&list, content).unwrap();
        let text = read(&variables).unwrap_err();
        assert!(text.contains(words) && text.contains("list.json"), "{text}");
    }
    std::fs::write(&list, r#"{"cert_configs": {"ecp": {}}}"#).unwrap();
    assert!(read(&variables).unwrap().certificate().is_none());

    let tls = Tls::mutual().unwrap();
    let (certificate, key) = tls.write_client_to(directory.path()).unwrap().unwrap();
    let junk = directory.path().join("junk.pem");
    std::fs::write(&junk, "canary").unwrap();
    let strange = Tls::mutual().unwrap();
    let strange = strange
        .write_client_to(&directory.path().join("x"))
        .unwrap()
        .unwrap();
    for (certificate, key, words) in [
        (&junk, &key, "the client certificate"),
        (&certificate, &junk, "the key of the client certificate"),
        (
            &certificate,
            &strange.1,
            "the key of the client certificate",
        ),
        (&certificate, &PathBuf::from("/nowhere"), "/nowhere"),
    ] {
        let config = HyperConfig::default().client_certificate(certificate, key);
        let error = Hyper::new(&Endpoint::default(), config).unwrap_err();
        assert_eq!(error.kind(), TransportErrorKind::Tls);
        let text = chain(&error);
        assert!(text.contains(words) && !text.contains("canary"), "{text}");
    }
}
