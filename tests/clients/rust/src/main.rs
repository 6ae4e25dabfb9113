//! google-androidmanagement1 and yup-oauth2, set up as their documentation does.

use std::env::var;
use std::error::Error;
use std::future::{Ready, ready};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::task::{Context, Poll};

use google_androidmanagement1::common::{self, GetToken};
use google_androidmanagement1::{
    AndroidManagement, Error as ApiError, hyper_rustls, hyper_util, yup_oauth2,
};
use http_body_util::BodyExt;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tower_service::Service;
use yup_oauth2::client::CustomHyperClientBuilder;

type Failure = Box<dyn Error + Send + Sync>;

/// Resolves no name: the client uses no proxy, and addresses in digits need no look-up.
#[derive(Clone)]
struct Nowhere;

impl Service<Name> for Nowhere {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = Failure;
    type Future = Ready<Result<Self::Response, Failure>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        ready(Err(format!("{name} is not asked for in a test").into()))
    }
}

fn connector() -> Result<HttpsConnector<HttpConnector<Nowhere>>, Failure> {
    let mut http = HttpConnector::new_with_resolver(Nowhere);
    http.enforce_http(false);
    Ok(HttpsConnectorBuilder::new()
        .with_native_roots()?
        .https_or_http()
        .enable_http2()
        .wrap_connector(http))
}

/// The authenticator for the type of the file: the crate leaves the choice to its caller.
async fn authenticator(file: &str) -> Result<Box<dyn GetToken>, Failure> {
    let client =
        CustomHyperClientBuilder::from(Client::builder(TokioExecutor::new()).build(connector()?));
    let text = std::fs::read(file)?;
    let mut content: Value = serde_json::from_slice(&text)?;
    Ok(match content["type"].as_str() {
        Some("service_account") => {
            let key = yup_oauth2::read_service_account_key(file).await?;
            let way = yup_oauth2::ServiceAccountAuthenticator::with_client(key, client);
            Box::new(way.build().await?)
        }
        Some("authorized_user") => {
            let secret = yup_oauth2::read_authorized_user_secret(file).await?;
            let way = yup_oauth2::AuthorizedUserAuthenticator::with_client(secret, client);
            Box::new(way.build().await?)
        }
        Some("external_account") => {
            let secret = yup_oauth2::read_external_account_secret(file).await?;
            let way = yup_oauth2::ExternalAccountAuthenticator::with_client(secret, client);
            Box::new(way.build().await?)
        }
        Some("impersonated_service_account") => {
            // The crate has no reader for this kind: the authenticator takes its parts.
            let url = content["service_account_impersonation_url"].as_str();
            let email = url.and_then(|url| url.rsplit('/').next()?.split(':').next());
            let email = email.ok_or("no account to impersonate")?.to_owned();
            let secret = serde_json::from_value(content["source_credentials"].take())?;
            let way = yup_oauth2::ServiceAccountImpersonationAuthenticator::with_client(
                secret, &email, client,
            );
            Box::new(way.build().await?)
        }
        other => return Err(format!("no authenticator for {other:?}").into()),
    })
}

/// The error with its causes: the crate's own text leaves the causes out.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    format!("{text} ({error:?})")
}

async fn run() -> Result<Value, Failure> {
    let (root, name) = (var("CLIENT_ROOT")?, var("CLIENT_OPERATION")?);
    let auth = match var("CLIENT_CREDENTIALS") {
        Ok(file) => authenticator(&file).await?,
        Err(_) => Box::new(var("CLIENT_TOKEN")?),
    };
    let client: common::Client<_> = Client::builder(TokioExecutor::new()).build(connector()?);
    let mut api = AndroidManagement::new(client, String::new());
    api.auth = auth;
    api.base_url(format!("{root}/"));
    api.root_url(format!("{root}/"));
    let methods = api.enterprises();

    let (answer, _) = methods.devices_operations_cancel(&name).doit().await?;
    let cancel: Value = serde_json::from_slice(&answer.into_body().collect().await?.to_bytes())?;
    let (_, operation) = methods.devices_operations_get(&name).doit().await?;
    let device = name.rsplit_once('/').ok_or("no device")?.0;
    let (_, page) = methods.devices_operations_list(device).doit().await?;
    let names = page.operations.unwrap_or_default().into_iter();
    let unknown = methods.devices_operations_cancel(&format!("{name}0"));
    let unknown = match unknown.doit().await {
        Err(ApiError::BadRequest(body)) => json!({
            "status": body["error"]["code"],
            "message": body["error"]["message"],
        }),
        Err(error) => return Err(error.into()),
        Ok(_) => Value::Null,
    };
    Ok(json!({
        "cancel": cancel,
        "get": operation,
        "list": names.map(|each| each.name).collect::<Vec<_>>(),
        "unknown": unknown,
        "batch": null,
    }))
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(said) => {
            println!("{said}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{}", chain(&*error));
            ExitCode::FAILURE
        }
    }
}
