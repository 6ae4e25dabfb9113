//! From the options to a client.

use std::io;
use std::path::Path;
use std::sync::Arc;

use countermand_auth::{Credentials, Mtls, TokenFile};
use countermand_core::{
    Endpoint, TransportError, TransportErrorKind, chain, path_problem, shown_path,
};
use countermand_hyper::{Client, HyperConfig, Token, TokenSource, billed_to, exposure};

use crate::args::Global;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::streams;

const TOKEN: &str = "COUNTERMAND_TOKEN";

/// Where the API is, and the way in.
pub(crate) struct Access {
    pub(crate) endpoint: Endpoint,
    pub(crate) config: HyperConfig,
    pub(crate) tokens: Arc<dyn TokenSource>,
    /// Where the tokens come from, in words that can be shown.
    pub(crate) description: String,
    /// What to tell about files that hold secrets.
    pub(crate) warnings: Vec<String>,
}

/// A client for the options; connects when the first request is made.
pub(crate) async fn client(global: &Global) -> Result<Client, Failure> {
    let access = access(global).await?;
    for warning in &access.warnings {
        streams::note(&format!("warning: {warning}"));
    }
    Client::connect(access.endpoint, access.tokens, access.config).map_err(|error| {
        match error.kind() {
            TransportErrorKind::CredentialsRejected => Failure::new(Exit::Denied, cause(&error)),
            _ => Failure::usage(chain(&error)),
        }
    })
}

/// The path of standard input for `-`.
fn or_stdin(path: &Path) -> &Path {
    match path.as_os_str() == "-" {
        true => Path::new("/dev/stdin"),
        false => path,
    }
}

/// What the options and the environment give.
pub(crate) async fn access(global: &Global) -> Result<Access, Failure> {
    let mtls = Mtls::from_environment().map_err(|error| Failure::usage(cause(&error)))?;
    // Google's is Google's, also where a job names it.
    let elsewhere = global.endpoint.clone();
    let elsewhere = elsewhere.filter(|endpoint| *endpoint != Endpoint::default());
    let endpoint = elsewhere.unwrap_or_else(|| mtls.endpoint());
    if endpoint.is_plaintext() && !endpoint.is_loopback() && !global.allow_plaintext {
        return Err(Failure::usage(format!(
            "{endpoint} is plain http to another machine, and the token would travel in the clear: \
             use https (or --allow-plaintext, if you know the way there)"
        )));
    }
    let mut config = HyperConfig::default()
        .allow_plaintext(global.allow_plaintext)
        .proxy_from_env(global.proxy_from_env);
    if let Some(path) = global.ca_file.as_deref().map(or_stdin) {
        readable(path, Exit::Usage)?;
        config = config.ca_file(path);
    }
    if !endpoint.is_plaintext() {
        config = mtls.configure(config);
    }
    let mut way = Way::find(global, &config).await?;
    if let Some((_, key)) = mtls.certificate() {
        way.warnings.extend(exposure(key));
    }
    Ok(Access {
        tokens: match &global.access.quota_project {
            None => way.tokens,
            Some(project) => Arc::new(
                billed_to(project, way.tokens).map_err(|error| Failure::usage(cause(&error)))?,
            ),
        },
        description: way.description,
        warnings: way.warnings,
        endpoint,
        config,
    })
}

/// Where the tokens come from.
struct Way {
    tokens: Arc<dyn TokenSource>,
    description: String,
    warnings: Vec<String>,
}

impl Way {
    /// By an option, else by the variable, else what Google documents as default.
    async fn find(global: &Global, config: &HyperConfig) -> Result<Self, Failure> {
        let denied = |error: TransportError| Failure::new(Exit::Denied, cause(&error));
        let given = std::env::var_os(TOKEN).filter(|token| !token.is_empty());
        let credentials = if let Some(path) = global.token_file.as_deref().map(or_stdin) {
            return Self::file(path)?.changed(global, config);
        } else if let Some(path) = global.access.credentials.as_deref().map(or_stdin) {
            Credentials::from_file(path).map_err(denied)?
        } else if let Some(line) = &global.access.token_command {
            Credentials::command(line)
        } else if let Some(token) = given {
            // What is not UTF-8 is not visible ASCII either, and is refused as such.
            let token = Token::new(&token.to_string_lossy()).map_err(|error| {
                Failure::new(Exit::Denied, format!("{TOKEN}: {}", chain(&error)))
            })?;
            let way = Self {
                tokens: Arc::new(token),
                description: format!("the token in {TOKEN}"),
                warnings: Vec::new(),
            };
            return way.changed(global, config);
        } else {
            let none = |error| {
                let options = "--token-file FILE, --credentials FILE or --token-command COMMAND";
                Failure::new(
                    Exit::Denied,
                    format!(
                        "there is no access token: set the environment variable {TOKEN} or give {options}; {}",
                        cause(&error)
                    ),
                )
            };
            let credentials = Credentials::application_default().map_err(none)?;
            credentials
                .found(Endpoint::SCOPE, config)
                .await
                .map_err(none)?;
            credentials
        };
        Self::of(credentials, global, config)
    }

    fn file(path: &Path) -> Result<Self, Failure> {
        readable(path, Exit::Denied)?;
        Ok(Self {
            tokens: Arc::new(TokenFile::new(path)),
            description: format!("the token file {}", shown_path(path)),
            warnings: exposure(path).into_iter().collect(),
        })
    }

    /// On somebody else's behalf, if the options say so.
    fn changed(self, global: &Global, config: &HyperConfig) -> Result<Self, Failure> {
        let access = &global.access;
        if access.subject.is_none() && access.impersonate_service_account.is_none() {
            return Ok(self);
        }
        let credentials = Credentials::from_tokens(self.tokens, &self.description);
        let warnings = self.warnings;
        Self::of(credentials, global, config).map(|way| Self { warnings, ..way })
    }

    fn of(
        mut credentials: Credentials,
        global: &Global,
        config: &HyperConfig,
    ) -> Result<Self, Failure> {
        let usage = |error: TransportError| Failure::usage(cause(&error));
        if let Some(email) = &global.access.subject {
            credentials = credentials.subject(email).map_err(usage)?;
        }
        if let Some(email) = &global.access.impersonate_service_account {
            credentials = credentials.impersonate(email).map_err(usage)?;
        }
        Ok(Self {
            tokens: Arc::new(credentials.source(Endpoint::SCOPE, config).map_err(usage)?),
            description: credentials.description().to_owned(),
            warnings: credentials.warnings().to_vec(),
        })
    }
}

/// What happened, without the words for its kind.
fn cause(error: &TransportError) -> String {
    let cause = std::error::Error::source(error);
    cause.map_or_else(|| error.to_string(), chain)
}

/// Fails at once where a file cannot be opened, instead of once for each operation.
fn readable(path: &Path, exit: Exit) -> Result<(), Failure> {
    // Opening a pipe waits for its writer.
    let opened: io::Result<_> = std::fs::metadata(path).and_then(|metadata| {
        if metadata.is_file() {
            std::fs::File::open(path)?;
        }
        Ok(())
    });
    opened.map_err(|error| Failure::new(exit, path_problem("cannot read", path, error)))
}
