//! A client from options and environment.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use countermand::{
    ClientBuilder, ConnectError, Credentials, Endpoint, HyperConfig, Service, Token,
};
use countermand_emulator::{
    Config, Fate, NewOperation, NewParent, Server, Shared, Tls, credentials,
};
use serde_json::json;

type Variables<'a> = &'a [(&'a str, &'a Path)];

/// Variables of an environment, in which no metadata server is looked for.
fn environment(variables: Variables<'_>) -> impl Fn(&str) -> Option<OsString> {
    let variables: Vec<(String, OsString)> = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).into()))
        .chain([("NO_GCE_CHECK".to_owned(), "true".into())])
        .collect();
    move |name| {
        let mut found = variables.iter().filter(|(known, _)| known == name);
        found.next().map(|(_, value)| value.clone())
    }
}

fn given() -> Credentials {
    Credentials::from_tokens(Token::new("ya29.given").unwrap(), "a given token")
}

fn text(value: &str) -> &Path {
    Path::new(value)
}

/// The class of an error, and the text of its cause.
fn class(error: &ConnectError) -> (&'static str, String) {
    match error {
        ConnectError::Endpoint(error) => ("endpoint", error.to_string()),
        ConnectError::Option(error) => ("option", error.cause()),
        ConnectError::Credentials(error) => ("credentials", error.cause()),
        ConnectError::NoCredentials(error) => ("none", error.cause()),
    }
}

fn write(directory: &Path, name: &str, content: &str) -> PathBuf {
    let path = directory.join(name);
    std::fs::write(&path, content).unwrap();
    path
}

#[test]
fn credentials_come_from_the_option_then_the_token_variable_then_the_defaults() {
    let directory = tempfile::tempdir().unwrap();
    let user = credentials("authorized_user", "https://oauth2.example").unwrap();
    let file = write(directory.path(), "user.json", &user.to_string());
    let all: Variables<'_> = &[
        ("COUNTERMAND_TOKEN", text("ya29.variable")),
        ("GOOGLE_APPLICATION_CREDENTIALS", &file),
    ];
    let described = |builder: &ClientBuilder, variables: Variables<'_>| {
        let access = builder.resolve_in(&environment(variables));
        access.map(|access| access.description().to_owned())
    };
    let (none, option) = (
        ClientBuilder::new(),
        ClientBuilder::new().credentials(given()),
    );
    assert_eq!(described(&option, all).unwrap(), "a given token");
    assert_eq!(
        described(&none, all).unwrap(),
        "the token in COUNTERMAND_TOKEN"
    );
    let default = described(&none, &all[1..]).unwrap();
    assert!(
        default.starts_with("the user of the credentials file"),
        "{default}"
    );
    // An empty variable counts as absent.
    let empty: Variables<'_> = &[("COUNTERMAND_TOKEN", text("")), all[1]];
    assert_eq!(described(&none, empty).unwrap(), default);
    let (kind, problem) = class(&described(&none, &[]).unwrap_err());
    assert_eq!(kind, "none");
    assert!(
        problem.contains("GOOGLE_APPLICATION_CREDENTIALS is not set"),
        "{problem}"
    );
}

#[test]
fn an_error_says_whether_an_option_or_the_credentials_are_wrong() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("ca.pem");
    let new = || ClientBuilder::new().credentials(given());
    let cases: [(ClientBuilder, Variables<'_>, &str, &str); 9] = [
        (
            ClientBuilder::new(),
            &[("COUNTERMAND_TOKEN", text("two words"))],
            "credentials",
            "COUNTERMAND_TOKEN: ",
        ),
        (
            new(),
            &[("COUNTERMAND_ENDPOINT", text("not a url"))],
            "endpoint",
            "\"not a url\" is not an endpoint",
        ),
        (
            new(),
            &[("COUNTERMAND_ENDPOINT", text("http://192.0.2.1"))],
            "option",
            "http://192.0.2.1/v1 is plain http to another machine",
        ),
        (
            new().config(HyperConfig::default().ca_file(&missing)),
            // Also where TLS is not spoken.
            &[("COUNTERMAND_ENDPOINT", text("http://127.0.0.1"))],
            "option",
            "the CA file ",
        ),
        (
            new(),
            &[("GOOGLE_API_USE_CLIENT_CERTIFICATE", text("perhaps"))],
            "option",
            "GOOGLE_API_USE_CLIENT_CERTIFICATE is neither true nor false",
        ),
        (
            new().subject("admin@example.com"),
            &[],
            "option",
            "a subject goes with the key of a service account, not with a given token",
        ),
        (
            new().impersonate("no account"),
            &[],
            "option",
            "the service account to impersonate is neither",
        ),
        (
            new().quota_project("a b"),
            &[],
            "option",
            "the quota project is no id of a project",
        ),
        (
            ClientBuilder::new(),
            &[("GOOGLE_APPLICATION_CREDENTIALS", &missing)],
            "none",
            "GOOGLE_APPLICATION_CREDENTIALS: the credentials file ",
        ),
    ];
    for (builder, variables, kind, begin) in cases {
        let error = builder.resolve_in(&environment(variables)).unwrap_err();
        let (found, problem) = class(&error);
        assert_eq!(found, kind, "{problem}");
        assert!(problem.starts_with(begin), "{problem}");
    }
}

#[test]
fn a_client_certificate_chooses_googles_endpoint_and_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let tls = Tls::mutual().unwrap();
    let (certificate, key) = tls.write_client_to(directory.path()).unwrap().unwrap();
    let list = json!({"cert_configs": {"workload": {"cert_path": certificate, "key_path": key}}});
    let list = write(
        directory.path(),
        "certificate_config.json",
        &list.to_string(),
    );
    let variables: Variables<'_> = &[("GOOGLE_API_CERTIFICATE_CONFIG", &list)];
    let other: Endpoint = "https://api.example/v1".parse().unwrap();
    for (named, with, without) in [
        (None, Service::DEFAULT.mtls_endpoint(), Endpoint::default()),
        // Google's own stands for both, as a job file has it.
        (
            Some(Endpoint::default()),
            Service::DEFAULT.mtls_endpoint(),
            Endpoint::default(),
        ),
        (Some(other.clone()), other.clone(), other),
    ] {
        let builder = ClientBuilder::new().credentials(given()).endpoint(named);
        let access = builder.resolve_in(&environment(variables)).unwrap();
        assert_eq!(access.endpoint(), &with);
        #[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
        access.connect().unwrap();
        assert_eq!(access.warnings(), Vec::<String>::new());
        let access = builder.resolve_in(&environment(&[])).unwrap();
        assert_eq!(access.endpoint(), &without);
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
        let builder = ClientBuilder::new().credentials(given());
        let access = builder.resolve_in(&environment(variables)).unwrap();
        let told = access.warnings();
        assert!(
            told.len() == 1 && told[0].contains("client.key can be read by others"),
            "{told:?}"
        );
    }
}

#[test]
fn a_named_endpoint_is_one_of_the_service_that_is_set() {
    let service = Service::named("documentai.v1").unwrap();
    for url in [
        "https://documentai.googleapis.com",
        "https://DocumentAI.googleapis.com.:443/v1",
        "http://127.0.0.1:1",
    ] {
        let builder = ClientBuilder::new().credentials(given()).service(service);
        let named = builder.clone().endpoint(url.parse::<Endpoint>().unwrap());
        let variables: Variables<'_> = &[("COUNTERMAND_ENDPOINT", Path::new(url))];
        let accesses = [
            named.resolve_in(&environment(&[])),
            builder.resolve_in(&environment(variables)),
        ];
        for access in accesses {
            let endpoint = access.unwrap().endpoint().clone();
            assert_eq!(endpoint.service(), service);
            let regional = endpoint.regional("projects/p/locations/us/operations/1");
            let is_googles = url.starts_with("https");
            assert_eq!(regional.is_some(), is_googles, "{url} {regional:?}");
        }
    }
}

#[tokio::test]
async fn another_service_has_its_own_endpoint_and_scope() {
    static SPEECH: Service = Service {
        host: "speech.googleapis.com",
        mtls_host: "speech.mtls.googleapis.com",
        prefix: "/v2",
        scope: "https://www.googleapis.com/auth/cloud-platform",
        ..*Service::DEFAULT
    };
    let machine = Shared::new(Config::default().parents(0));
    let server = Server::bind(([127, 0, 0, 1], 0).into(), machine.clone());
    let server = server.await.unwrap();
    let root = server.endpoint();
    let directory = tempfile::tempdir().unwrap();
    let key = credentials("service_account", &root).unwrap().to_string();
    let key = write(directory.path(), "key.json", &key);
    let builder = ClientBuilder::new()
        .service(&SPEECH)
        .credentials(Credentials::from_file(key).unwrap());
    let access = builder.resolve_in(&environment(&[])).unwrap();
    assert_eq!(
        access.endpoint().to_string(),
        "https://speech.googleapis.com/v2"
    );
    access.tokens().token(false).await.unwrap();
    let issued = machine.with(|emulator, _| emulator.issued()[0].scope.clone());
    assert_eq!(issued, SPEECH.scope);
}

#[test]
fn an_endpoint_is_one_of_the_service_and_says_it_where_none_is_set() {
    let vertex = Service::named("aiplatform.v1").unwrap();
    let dataproc = Service::named("dataproc.v1").unwrap();
    let named: Variables<'_> = &[("COUNTERMAND_ENDPOINT", text("http://127.0.0.1:1"))];
    let new = || ClientBuilder::new().credentials(given());
    for (builder, variables, service) in [
        (new(), &[] as Variables<'_>, Service::DEFAULT),
        (new().endpoint(vertex.endpoint()), &[], vertex),
        (
            new().service(dataproc).endpoint(vertex.endpoint()),
            &[],
            dataproc,
        ),
        (new().service(dataproc), named, dataproc),
        (new().service(dataproc), &[], dataproc),
    ] {
        let access = builder.resolve_in(&environment(variables)).unwrap();
        assert_eq!(access.service(), service);
        assert_eq!(access.endpoint().service(), service, "{access:?}");
    }
}

#[tokio::test]
async fn a_service_without_a_scope_needs_one_or_tokens() {
    let service = Service::ids().filter_map(Service::named);
    let service = service.filter(|service| service.scope.is_empty());
    let service = service.collect::<Vec<_>>()[0];
    let machine = Shared::new(Config::default().parents(0));
    let server = Server::bind(([127, 0, 0, 1], 0).into(), machine.clone());
    let server = server.await.unwrap();
    let key = credentials("service_account", &server.endpoint()).unwrap();
    let key = Credentials::from_json(key.to_string().as_bytes(), "a key").unwrap();
    let builder = ClientBuilder::new().service(service);
    let keyed = builder.clone().credentials(key);
    let error = keyed.resolve_in(&environment(&[])).unwrap_err();
    let (kind, problem) = class(&error);
    assert_eq!(kind, "option");
    let begin = format!("{} documents no OAuth scope", service.id);
    assert!(problem.starts_with(&begin), "{problem}");
    // The scope of a token was chosen by another program.
    let given = builder.credentials(given());
    given.resolve_in(&environment(&[])).unwrap();
    let scope = "https://www.googleapis.com/auth/cloud-platform";
    let keyed = keyed.scope(scope.to_owned());
    let access = keyed.resolve_in(&environment(&[])).unwrap();
    access.tokens().token(false).await.unwrap();
    let issued = machine.with(|emulator, _| emulator.issued()[0].scope.clone());
    assert_eq!(issued, scope);
}

/// Fault 57: a file that describes a service may come from a stranger.
#[test]
fn fault_57_a_token_goes_to_another_host_than_googles_only_if_it_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, host: &str| {
        let form = serde_json::json!({
            "schema": "countermand.service/1",
            "id": format!("{name}.v1"),
            "title": "T",
            "host": host,
            "names": [{"pattern": "operations/{operation}"}],
        });
        let file = write(directory.path(), name, &form.to_string());
        countermand::service_from_file(file).unwrap()
    };
    let new = |service| ClientBuilder::new().credentials(given()).service(service);
    let google = file("googles", "googles.googleapis.com");
    let access = new(google).resolve_in(&environment(&[])).unwrap();
    assert_eq!(access.endpoint(), &google.endpoint());

    let other = file("others", "googleapis.com.others.example");
    let error = new(other).resolve_in(&environment(&[])).unwrap_err();
    let (kind, problem) = class(&error);
    assert_eq!(kind, "option");
    for part in [
        "googleapis.com.others.example of others.v1 is not a host of Google's",
        "https://googleapis.com.others.example/v1",
        "--endpoint",
    ] {
        assert!(problem.contains(part), "{problem}");
    }
    let named = new(other).endpoint(other.endpoint());
    let access = named.resolve_in(&environment(&[])).unwrap();
    assert_eq!(access.endpoint(), &other.endpoint());
}

#[test]
fn a_service_file_is_named_in_its_error() {
    let directory = tempfile::tempdir().unwrap();
    let long = " ".repeat(70_000);
    for (content, problem) in [
        ("{}", "`schema`: it is missing"),
        ("", "it is not JSON"),
        (&long, "it has more than 65536 bytes"),
    ] {
        let file = write(directory.path(), "my.json", content);
        let error = countermand::service_from_file(&file).unwrap_err();
        let (kind, text) = class(&error);
        let begin = format!("the service file {}: ", file.display());
        assert_eq!(kind, "option");
        assert!(text.starts_with(&begin) && text.contains(problem), "{text}");
    }
    let none = countermand::service_from_file(directory.path().join("none")).unwrap_err();
    assert!(class(&none).1.contains("No such file"), "{none:?}");
}

#[cfg(unix)]
#[test]
fn warnings_name_the_files_that_others_can_read() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let file = write(directory.path(), "token", "ya29.file");
    let warnings = |mode| {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        let credentials = Credentials::from_token_file(&file);
        let builder = ClientBuilder::new().credentials(credentials);
        let access = builder.resolve_in(&environment(&[])).unwrap();
        access.warnings().to_vec()
    };
    assert_eq!(warnings(0o600), Vec::<String>::new());
    let told = warnings(0o644);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("can be read by others"), "{told:?}");
}

#[tokio::test]
async fn the_project_of_the_option_pays_and_the_token_goes_to_the_named_endpoint() {
    let shared = Shared::new(Config::default().parents(0));
    let address = ([127, 0, 0, 1], 0).into();
    let server = Server::bind(address, shared.clone()).await.unwrap();
    let device = NewParent::with([NewOperation::new(Fate::Cancellable)]);
    let added = shared.with(|emulator, now| emulator.add(now, device).unwrap());
    let endpoint = server.endpoint();
    let variables: Variables<'_> = &[
        ("COUNTERMAND_ENDPOINT", text(&endpoint)),
        ("COUNTERMAND_TOKEN", text("emulator-token")),
    ];
    let builder = ClientBuilder::new().quota_project("acme-mdm");
    let access = builder.resolve_in(&environment(variables)).unwrap();
    access.check_credentials().await.unwrap();
    assert_eq!(access.tokens().quota_project().unwrap(), "acme-mdm");
    let client = access.connect().unwrap();
    client
        .cancel(&added.operations[0].parse().unwrap())
        .await
        .unwrap();
    let asked =
        shared.with(|emulator, _| emulator.audit().iter().filter(|row| row.had_token).count());
    assert_eq!(asked, 1);
}

#[test]
fn the_project_that_pays_is_read_from_the_environment_that_is_given() {
    let directory = tempfile::tempdir().unwrap();
    let user = credentials("authorized_user", "https://oauth2.example").unwrap();
    let file = write(directory.path(), "user.json", &user.to_string());
    let variables: Variables<'_> = &[
        ("GOOGLE_APPLICATION_CREDENTIALS", &file),
        ("GOOGLE_CLOUD_QUOTA_PROJECT", text("acme-mdm")),
    ];
    let access = ClientBuilder::new().resolve_in(&environment(variables));
    let project = access.unwrap().tokens().quota_project().unwrap();
    assert_eq!(project, "acme-mdm");
    let access = ClientBuilder::new().resolve_in(&environment(&variables[..1]));
    let project = access.unwrap().tokens().quota_project().unwrap();
    assert_eq!(project, "emulator-quota", "the file's");
}

#[tokio::test]
async fn a_metadata_server_that_is_not_there_means_that_there_are_no_credentials() {
    let nowhere = |name: &str| (name == "HOME").then(|| OsString::from("/nonexistent"));
    let config = HyperConfig::default().resolver(|_| async { Ok(Vec::new()) });
    let access = ClientBuilder::new()
        .config(config)
        .resolve_in(&nowhere)
        .unwrap();
    let error = access.check_credentials().await.unwrap_err();
    let (kind, problem) = class(&error);
    assert_eq!(kind, "none");
    assert!(problem.contains("and no metadata server"), "{problem}");
    // Credentials that are given are not tried.
    let given = ClientBuilder::new()
        .credentials(given())
        .resolve_in(&nowhere)
        .unwrap();
    given.check_credentials().await.unwrap();
}
