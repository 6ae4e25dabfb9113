//! The metadata server, which gives tokens of the machine's service account
//! (<https://cloud.google.com/compute/docs/access/authenticate-workloads>).

use std::ffi::OsString;
use std::sync::atomic::{AtomicBool, Ordering};

use countermand_core::TransportError;
use countermand_core::text::looks_secret;
use countermand_hyper::{BoxFuture, HyperConfig, Token};
use http::{HeaderName, HeaderValue, StatusCode};

use crate::address::{Address, escaped};
use crate::document::Problem;
use crate::error::{rejected, unavailable};
use crate::response::Answer;
use crate::source::Grant;

const HOST: &str = "metadata.google.internal";
const FLAVOR: HeaderName = HeaderName::from_static("metadata-flavor");

pub(crate) struct Metadata {
    root: Address,
    /// The sources that were not there, if the server is only guessed to be there.
    instead_of: Option<String>,
    /// True once it has answered as a metadata server.
    proven: AtomicBool,
}

impl Metadata {
    pub(crate) fn new(
        variable: &dyn Fn(&str) -> Option<OsString>,
        instead_of: Option<String>,
    ) -> Result<Self, Problem> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        // The second one is the old name.
        let host = set("GCE_METADATA_HOST").or_else(|| set("GCE_METADATA_ROOT"));
        let named = host.is_some();
        let host = host.map(|host| host.to_string_lossy().into_owned());
        if host
            .as_deref()
            .is_some_and(|host| looks_secret(host).is_some())
        {
            return Err("GCE_METADATA_HOST is no host: it looks like a secret".to_owned());
        }
        let url = format!("http://{}/", host.as_deref().unwrap_or(HOST));
        let root = Address::local("GCE_METADATA_HOST", &url)
            .map_err(|_| "GCE_METADATA_HOST is no host with an optional port".to_owned())?;
        Ok(Self {
            root,
            instead_of: instead_of.filter(|_| !named),
            proven: AtomicBool::new(false),
        })
    }

    pub(crate) fn shown(&self) -> String {
        self.root.shown()
    }

    async fn ask(&self, scope: &str, config: &HyperConfig) -> Result<Token, TransportError> {
        let path = format!(
            "/computeMetadata/v1/instance/service-accounts/default/token?scopes={}",
            escaped(scope)
        );
        let address = self.root.at(&path).map_err(rejected)?;
        let google = (FLAVOR, HeaderValue::from_static("Google"));
        let response = address.get(config, &[google]).await?;
        let from = address.shown();
        let genuine = response.headers().get(FLAVOR);
        if genuine.is_none_or(|flavor| flavor != "Google") {
            let problem = format!("{from} answered, but not as a metadata server does");
            return Err(match response.status().is_server_error() {
                true => unavailable(problem),
                false => rejected(problem),
            });
        }
        self.proven.store(true, Ordering::Relaxed);
        if response.status() == StatusCode::NOT_FOUND {
            return Err(rejected(format!(
                "{from} answered 404: this machine has no service account"
            )));
        }
        Answer::read(&from, response)?.token()
    }

    /// Makes the failure final where the server was only guessed to be there and never answered.
    fn explain(&self, error: TransportError) -> TransportError {
        match &self.instead_of {
            Some(instead_of) if !self.proven.load(Ordering::Relaxed) => {
                let cause = error.cause();
                rejected(format!("{instead_of}, and no metadata server ({cause})"))
            }
            _ => error,
        }
    }
}

impl Grant for Metadata {
    fn grant<'a>(
        &'a self,
        scope: &'a str,
        _: bool,
        config: &'a HyperConfig,
    ) -> BoxFuture<'a, Result<Token, TransportError>> {
        Box::pin(async move {
            let token = self.ask(scope, config).await;
            token.map_err(|error| self.explain(error))
        })
    }
}
