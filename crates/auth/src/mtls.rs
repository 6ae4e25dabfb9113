//! The client certificate of this machine, and the endpoint that goes with it (AIP-4114).

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use countermand_core::text::shown_path;
use countermand_core::{Endpoint, Service, TransportError};
use countermand_hyper::{HyperConfig, SecretFile};

use crate::default::gcloud;
use crate::document::{Document, Problem};
use crate::error::rejected;

const USE: &str = "GOOGLE_API_USE_CLIENT_CERTIFICATE";
const ENDPOINT: &str = "GOOGLE_API_USE_MTLS_ENDPOINT";
const CONFIG: &str = "GOOGLE_API_CERTIFICATE_CONFIG";

/// Settings of the environment for mutual TLS.
///
/// - `GOOGLE_API_USE_CLIENT_CERTIFICATE`: `true` shows the certificate, `false` does not. Not set,
///   it is shown if there is one.
/// - `GOOGLE_API_USE_MTLS_ENDPOINT`: `always` uses Google's endpoint for mutual TLS, `never` the
///   plain one, `auto` (as if not set) goes by whether a certificate is shown.
/// - `GOOGLE_API_CERTIFICATE_CONFIG`: the file whose `cert_configs.workload` names certificate and
///   key by `cert_path` and `key_path`; else `certificate_config.json` among gcloud's settings.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Mtls {
    certificate: Option<(PathBuf, PathBuf)>,
    endpoint: bool,
}

impl fmt::Debug for Mtls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files = self.certificate.as_ref();
        let files = files.map(|(certificate, key)| (shown_path(certificate), shown_path(key)));
        f.debug_struct("Mtls")
            .field("certificate", &files)
            .field("endpoint", &self.endpoint)
            .finish()
    }
}

impl Mtls {
    /// Reads the variables, and the file they name.
    ///
    /// # Errors
    /// A variable has another value than those above, or the file is of no use.
    pub fn from_environment() -> Result<Self, TransportError> {
        Self::from_environment_in(&|name: &str| std::env::var_os(name))
    }

    /// The settings of an environment whose variables are those that `variable` knows.
    ///
    /// # Errors
    /// As for [`from_environment`](Self::from_environment).
    pub fn from_environment_in(
        variable: &dyn Fn(&str) -> Option<OsString>,
    ) -> Result<Self, TransportError> {
        let word = |name: &str| {
            let value = variable(name).filter(|value| !value.is_empty());
            value.map(|value| value.to_string_lossy().to_ascii_lowercase())
        };
        let wanted = match word(USE).as_deref() {
            None => None,
            Some("true") => Some(true),
            Some("false") => Some(false),
            Some(_) => return Err(rejected(format!("{USE} is neither true nor false"))),
        };
        let certificate = match wanted {
            Some(false) => None,
            _ => certificate(variable)?,
        };
        if wanted == Some(true) && certificate.is_none() {
            return Err(rejected(format!(
                "{USE} is true, but there is no certificate: {CONFIG} names no file with `cert_configs.workload`"
            )));
        }
        let endpoint = match word(ENDPOINT).as_deref() {
            Some("always") => true,
            Some("never") => false,
            None | Some("auto") => certificate.is_some(),
            Some(_) => {
                return Err(rejected(format!(
                    "{ENDPOINT} is none of always, never, auto"
                )));
            }
        };
        Ok(Self {
            certificate,
            endpoint,
        })
    }

    /// Google's endpoint of a service, the one for mutual TLS or the plain one. An endpoint that the user
    /// names stays as it is.
    #[must_use]
    pub fn endpoint(&self, service: &'static Service) -> Endpoint {
        match self.endpoint {
            true => service.mtls_endpoint(),
            false => service.endpoint(),
        }
    }

    /// Adds the client certificate to the settings of a transport, if one is to be shown.
    #[must_use]
    pub fn configure(&self, config: HyperConfig) -> HyperConfig {
        match &self.certificate {
            Some((certificate, key)) => config.client_certificate(certificate, key),
            None => config,
        }
    }

    /// The file of the client certificate and that of its key, if one is to be shown.
    #[must_use]
    pub fn certificate(&self) -> Option<(&std::path::Path, &std::path::Path)> {
        let (certificate, key) = self.certificate.as_ref()?;
        Some((certificate, key))
    }
}

/// Certificate and key of the workload, if the file names them.
fn certificate(
    variable: &dyn Fn(&str) -> Option<OsString>,
) -> Result<Option<(PathBuf, PathBuf)>, TransportError> {
    let named = variable(CONFIG).filter(|path| !path.is_empty());
    let path = match &named {
        Some(path) => PathBuf::from(path),
        None => match gcloud(variable).map(|gcloud| gcloud.join("certificate_config.json")) {
            Some(path) if path.exists() => path,
            _ => return Ok(None),
        },
    };
    let file = SecretFile::new(path);
    let problem =
        |problem: Problem| rejected(file.problem("the certificate configuration", problem));
    let document = file
        .read(SecretFile::CAP)
        .and_then(|bytes| Document::parse(&bytes));
    let workload = document.and_then(|document| match document.object("cert_configs")? {
        Some(configs) => configs.object("workload"),
        None => Err("the field `cert_configs` is missing, expected an object".to_owned()),
    });
    // Other sections are for other kinds of connections.
    let Some(workload) = workload.map_err(problem)? else {
        return Ok(None);
    };
    let named = |field| workload.text(field).map(PathBuf::from).map_err(problem);
    Ok(Some((named("cert_path")?, named("key_path")?)))
}
