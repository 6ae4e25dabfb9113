//! A service account that other credentials may impersonate.

use std::ffi::OsString;
use std::sync::Arc;

use bytes::Bytes;
use countermand_core::TransportError;
use countermand_hyper::{BoxFuture, HyperConfig, Token};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method};
use serde_json::json;

use crate::account::is_account;
use crate::address::Address;
use crate::document::{Document, Problem};
use crate::response::Answer;
use crate::source::Grant;

/// The scope that a token needs to impersonate a service account.
const CLOUD_PLATFORM: &str = "https://www.googleapis.com/auth/cloud-platform";

const IAM: &str = "https://iamcredentials.googleapis.com";

/// The variable that tells `gcloud` of another IAM endpoint.
const IAM_ELSEWHERE: &str = "CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS";

pub(crate) struct Impersonated {
    url: Address,
    email: String,
    delegates: Vec<String>,
    /// Lifetime of a token, in seconds.
    lifetime: u64,
    by: Arc<dyn Grant>,
}

impl Impersonated {
    /// From a file as `gcloud` writes it; `by` are the credentials inside it.
    pub(crate) fn parse(document: &Document, by: Arc<dyn Grant>) -> Result<Self, Problem> {
        let url = document.text("service_account_impersonation_url")?;
        let delegates = document.texts("delegates")?;
        let delegates = delegates.iter().map(|delegate| {
            let field = |problem| format!("the field `delegates` holds one that {problem}");
            delegate_name(delegate).map_err(field)
        });
        Ok(Self {
            delegates: delegates.collect::<Result<_, _>>()?,
            ..Self::at(url, by)?
        })
    }

    /// By the URL of `generateAccessToken`.
    pub(crate) fn at(url: &str, by: Arc<dyn Grant>) -> Result<Self, Problem> {
        let field = "service_account_impersonation_url";
        let email = url
            .strip_suffix(":generateAccessToken")
            .and_then(|url| Some(url.rsplit_once('/')?.1))
            .filter(|email| is_account(email).is_ok())
            .ok_or_else(|| {
                format!(
                    "the field `{field}` is none, expected {IAM}/v1/projects/-/serviceAccounts/EMAIL:generateAccessToken"
                )
            })?;
        Ok(Self {
            url: Address::new(field, url)?,
            email: email.to_owned(),
            delegates: Vec::new(),
            lifetime: 3600,
            by,
        })
    }

    /// Sets another lifetime of its tokens.
    pub(crate) fn lasting(self, seconds: Option<u64>) -> Self {
        Self {
            lifetime: seconds.unwrap_or(self.lifetime),
            ..self
        }
    }

    /// The last of a list of accounts, each of which may impersonate the next.
    pub(crate) fn of(
        chain: &str,
        universe: Option<&str>,
        by: Arc<dyn Grant>,
        variable: &dyn Fn(&str) -> Option<OsString>,
    ) -> Result<Self, Problem> {
        let mut delegates: Vec<&str> = chain.split(',').map(str::trim).collect();
        let email = delegates.pop().unwrap_or_default();
        is_account(email)?;
        let delegates = delegates.into_iter().map(delegate_name);
        let delegates = delegates.collect::<Result<_, _>>()?;
        let iam = universe.map(|domain| format!("https://iamcredentials.{domain}"));
        let elsewhere = variable(IAM_ELSEWHERE).filter(|value| !value.is_empty());
        let root = elsewhere.map(|root| root.to_string_lossy().into_owned());
        let root = root
            .as_deref()
            .or(iam.as_deref())
            .unwrap_or(IAM)
            .trim_end_matches('/');
        let url = format!("{root}/v1/projects/-/serviceAccounts/{email}:generateAccessToken");
        Ok(Self {
            delegates,
            ..Self::at(&url, by)?
        })
    }

    pub(crate) fn email(&self) -> &str {
        &self.email
    }

    async fn generate(
        &self,
        scope: &str,
        fresh: bool,
        config: &HyperConfig,
    ) -> Result<Token, TransportError> {
        let token = self.by.grant(CLOUD_PLATFORM, fresh, config).await?;
        let mut asked = json!({"scope": [scope], "lifetime": format!("{}s", self.lifetime)});
        if !self.delegates.is_empty() {
            asked["delegates"] = self.delegates.clone().into();
        }
        let headers = [
            (AUTHORIZATION, token.header()),
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        ];
        let body = Bytes::from(asked.to_string());
        let response = self.url.send(Method::POST, config, &headers, body).await?;
        Answer::read(&self.url.shown(), response)?.impersonated()
    }
}

/// An account as IAM has it in a list of delegates.
fn delegate_name(account: &str) -> Result<String, Problem> {
    let place = "projects/-/serviceAccounts/";
    let bare = account.strip_prefix(place).unwrap_or(account);
    is_account(bare).map(|()| format!("{place}{bare}"))
}

impl Grant for Impersonated {
    fn grant<'a>(
        &'a self,
        scope: &'a str,
        fresh: bool,
        config: &'a HyperConfig,
    ) -> BoxFuture<'a, Result<Token, TransportError>> {
        Box::pin(self.generate(scope, fresh, config))
    }
}
