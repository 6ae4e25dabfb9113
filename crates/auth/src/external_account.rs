//! Workload and workforce identity federation: a token of another issuer, exchanged for one of Google's
//! (AIP-4117, RFC 8693).

use std::sync::Arc;

use countermand_core::TransportError;
use countermand_hyper::{BoxFuture, HyperConfig, SecretFile, Token, runtime};
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::json;
use zeroize::Zeroizing;

use crate::address::{Address, ClientAuth};
use crate::document::{Document, Problem, Secret};
use crate::error::{rejected, unavailable};
use crate::impersonation::Impersonated;
use crate::response::{Answer, may_pass};
use crate::source::Grant;

/// Either the exchange alone, or a service account that its token may impersonate.
pub(crate) struct ExternalAccount(Arc<dyn Grant>);

impl ExternalAccount {
    pub(crate) fn parse(document: &Document) -> Result<Self, Problem> {
        let exchange = Arc::new(Exchange::parse(document)?);
        let url = document.optional("service_account_impersonation_url")?;
        Ok(Self(match url {
            None => exchange,
            Some(url) => {
                let lifetime = lifetime(document)?;
                Arc::new(Impersonated::at(url, exchange)?.lasting(lifetime))
            }
        }))
    }
}

/// Lifetime of a token of the impersonated account, in seconds.
fn lifetime(document: &Document) -> Result<Option<u64>, Problem> {
    let field = "token_lifetime_seconds";
    let options = document.object("service_account_impersonation")?;
    match options.as_ref().and_then(|options| options.field(field)) {
        None => Ok(None),
        Some(seconds) => match seconds.as_u64() {
            Some(seconds @ 600..=43_200) => Ok(Some(seconds)),
            _ => Err(format!(
                "the field `service_account_impersonation.{field}` is not one of 600 to 43200"
            )),
        },
    }
}

impl Grant for ExternalAccount {
    fn grant<'a>(
        &'a self,
        scope: &'a str,
        fresh: bool,
        config: &'a HyperConfig,
    ) -> BoxFuture<'a, Result<Token, TransportError>> {
        self.0.grant(scope, fresh, config)
    }
}

struct Exchange {
    audience: String,
    subject_token_type: String,
    token_url: Address,
    subject: Subject,
    client: Option<ClientAuth>,
    /// The project that a user of a workforce pool works for, as the exchange takes it.
    options: Option<String>,
    /// The field of the subject's JSON that holds the token; without one it is the token itself.
    subject_field: Option<String>,
}

/// The place of the other issuer's token.
enum Subject {
    File(SecretFile),
    Url(Address, Vec<(HeaderName, HeaderValue)>),
}

impl Exchange {
    fn parse(document: &Document) -> Result<Self, Problem> {
        let source = document.object("credential_source")?.ok_or(
            "the field `credential_source` is missing, expected an object with `file` or `url`",
        )?;
        let within = |problem: Problem| format!("`credential_source`: {problem}");
        for (field, kind) in [
            ("executable", "a token of an executable"),
            ("environment_id", "the identity of AWS"),
            ("certificate", "a certificate (X.509)"),
        ] {
            if source.field(field).is_some() {
                return Err(within(format!(
                    "the field `{field}` asks for {kind}, which is not supported; expected `file` or `url`. Have another program make the access token: --token-command 'gcloud auth application-default print-access-token', or in Python Client(token=google.auth.default(scopes=[...])[0])"
                )));
            }
        }
        let audience = document.text("audience")?;
        let id = document.optional("client_id")?;
        let client = match (id, document.optional("client_secret")?) {
            (Some(id), secret) => Some(ClientAuth::new(id, secret.unwrap_or_default())?),
            (None, None) => None,
            (None, Some(_)) => {
                return Err("the field `client_secret` needs `client_id`".to_owned());
            }
        };
        let project = document.optional("workforce_pool_user_project")?;
        if project.is_some() && !audience.contains("/workforcePools/") {
            return Err(
                "the field `workforce_pool_user_project` is for workforce pools, and the `audience` is of none".to_owned(),
            );
        }
        let file = source.optional("file").map_err(within)?;
        let url = source.optional("url").map_err(within)?;
        let subject = match (file, url) {
            (Some(file), None) => Subject::File(SecretFile::new(file)),
            (None, Some(url)) => {
                let headers = source.pairs("headers").and_then(headers).map_err(within)?;
                let address = Address::of_subject("url", url, &headers).map_err(within)?;
                Subject::Url(address, headers)
            }
            _ => return Err(within("expected either `file` or `url`".to_owned())),
        };
        Ok(Self {
            audience: audience.to_owned(),
            subject_token_type: document.text("subject_token_type")?.to_owned(),
            token_url: Address::new("token_url", document.text("token_url")?)?,
            subject,
            // A client of its own says what project it is of.
            options: project
                .filter(|_| client.is_none())
                .map(|project| json!({"userProject": project}).to_string()),
            client,
            subject_field: subject_field(&source).map_err(within)?,
        })
    }

    async fn subject(&self, config: &HyperConfig) -> Result<Secret, TransportError> {
        let (from, bytes) = match &self.subject {
            Subject::File(path) => {
                let shown = format!(
                    "the subject token file {}",
                    countermand_core::text::shown_path(path.path())
                );
                let file = path.clone();
                runtime::check()?;
                let read = tokio::task::spawn_blocking(move || file.read(SecretFile::CAP)).await;
                let read = read.unwrap_or_else(|error| Err(error.to_string()));
                // The program that rotates it may not have finished.
                (
                    shown.clone(),
                    read.map_err(|it| unavailable(format!("{shown}: {it}")))?,
                )
            }
            Subject::Url(address, headers) => {
                let shown = address.shown();
                let response = address.get(config, headers).await?;
                match response.status() {
                    StatusCode::OK => (shown, Zeroizing::new(response.into_body().to_vec())),
                    status if may_pass(status) => {
                        return Err(unavailable(format!("{shown} answered {status}")));
                    }
                    status => return Err(rejected(format!("{shown} answered {status}"))),
                }
            }
        };
        let token = match &self.subject_field {
            Some(field) => Document::parse(&bytes).and_then(|document| document.secret(field)),
            None => match str::from_utf8(&bytes).map(str::trim) {
                Ok("") => Err("it is empty".to_owned()),
                Ok(token) => Ok(Secret::new(token)),
                Err(_) => Err("it is no text".to_owned()),
            },
        };
        token.map_err(|problem| unavailable(format!("{from}: {problem}")))
    }

    async fn exchange(&self, scope: &str, config: &HyperConfig) -> Result<Token, TransportError> {
        let subject = self.subject(config).await?;
        let mut form = vec![
            (
                "grant_type",
                "urn:ietf:params:oauth:grant-type:token-exchange",
            ),
            ("audience", self.audience.as_str()),
            ("scope", scope),
            (
                "requested_token_type",
                "urn:ietf:params:oauth:token-type:access_token",
            ),
            ("subject_token_type", self.subject_token_type.as_str()),
            ("subject_token", subject.reveal()),
        ];
        if let Some(options) = &self.options {
            form.push(("options", options));
        }
        let client = self.client.as_ref();
        let response = self.token_url.post_form(config, &form, client).await?;
        Answer::read(&self.token_url.shown(), response)?.token()
    }
}

impl Grant for Exchange {
    fn grant<'a>(
        &'a self,
        scope: &'a str,
        _: bool,
        config: &'a HyperConfig,
    ) -> BoxFuture<'a, Result<Token, TransportError>> {
        Box::pin(self.exchange(scope, config))
    }
}

/// The field of the subject's JSON, if it is JSON.
fn subject_field(source: &Document) -> Result<Option<String>, Problem> {
    let Some(format) = source.object("format")? else {
        return Ok(None);
    };
    match format.optional("type")? {
        None | Some("text") => Ok(None),
        Some("json") => Ok(Some(format.text("subject_token_field_name")?.to_owned())),
        Some(_) => Err("the field `format.type` is none of text, json".to_owned()),
    }
}

fn headers(pairs: Vec<(String, Secret)>) -> Result<Vec<(HeaderName, HeaderValue)>, Problem> {
    let pairs = pairs.iter().map(|(name, value)| {
        let problem = || "the field `headers` holds what is no header".to_owned();
        let name = HeaderName::try_from(name.as_str()).map_err(|_| problem())?;
        let mut value = HeaderValue::try_from(value.reveal()).map_err(|_| problem())?;
        value.set_sensitive(true);
        Ok((name, value))
    });
    pairs.collect()
}
