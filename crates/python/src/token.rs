//! Tokens from Python.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use countermand_auth::{Credentials, TokenFile, TokenOrCredentials};
use countermand_core::Endpoint;
use countermand_hyper::{
    BoxFuture, HyperConfig, Token, TokenSource, TransportError, TransportErrorKind, billed_to,
    exposure,
};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::{arguments, errors};

/// What a client was given to get tokens with.
pub(crate) struct Given {
    way: Way,
    quota_project: Option<String>,
    /// What to tell about files that hold secrets.
    pub(crate) warnings: Vec<String>,
}

enum Way {
    /// The token itself.
    Text(Token),
    /// A file that holds it.
    File(TokenFile),
    /// What tokens are exchanged for.
    Credentials(Credentials),
    /// A function that returns it; whether it takes `fresh`.
    Function(Py<PyAny>, bool),
}

impl Given {
    /// `token` is a text, a function or a path; `source` a function that takes whether the last
    /// token was refused. Neither is application default credentials.
    pub(crate) fn new(
        py: Python<'_>,
        token: Option<&Bound<'_, PyAny>>,
        source: Option<&Bound<'_, PyAny>>,
        quota_project: Option<String>,
    ) -> PyResult<Self> {
        let raise = |error: TransportError| errors::error(py, &error.into());
        let mut warnings = Vec::new();
        let way = if let Some(source) = source {
            Way::Function(source.clone().unbind(), true)
        } else if let Some(token) = token {
            if let Ok(text) = token.extract::<String>() {
                Way::Text(Token::new(&text).map_err(raise)?)
            } else if token.is_callable() {
                Way::Function(token.clone().unbind(), false)
            } else {
                let path: PathBuf = token.extract().map_err(|_| {
                    let expected = "a str, a function, a path or credentials of google.auth";
                    arguments::mistyped("token", token, expected)
                })?;
                match TokenOrCredentials::from_file(path).map_err(raise)? {
                    TokenOrCredentials::Token(file) => {
                        warnings.extend(exposure(file.path()));
                        Way::File(file)
                    }
                    TokenOrCredentials::Credentials(credentials) => Way::Credentials(credentials),
                }
            }
        } else {
            Way::Credentials(Credentials::application_default().map_err(|error| {
                let none = "there is no access token: give token=..., or set COUNTERMAND_TOKEN";
                let cause = std::error::Error::source(&error);
                let cause = cause.map(ToString::to_string).unwrap_or_default();
                raise(credentials(format!("{none}; {cause}")))
            })?)
        };
        if let Way::Credentials(credentials) = &way {
            warnings.extend_from_slice(credentials.warnings());
        }
        Ok(Self {
            way,
            quota_project,
            warnings,
        })
    }

    /// A new source, and the function behind it. A process must not share one with another: it
    /// has locks, and a fork may find them taken.
    pub(crate) fn source(
        &self,
        py: Python<'_>,
        config: &HyperConfig,
    ) -> Result<(Arc<dyn TokenSource>, Option<Callback>), TransportError> {
        let mut behind = None;
        let source: Arc<dyn TokenSource> = match &self.way {
            Way::Text(token) => Arc::new(token.clone()),
            Way::File(file) => Arc::new(file.again()),
            Way::Credentials(credentials) => Arc::new(credentials.source(Endpoint::SCOPE, config)?),
            Way::Function(function, takes_fresh) => {
                let callback = Callback(Arc::new(Inner {
                    function: function.clone_ref(py),
                    takes_fresh: *takes_fresh,
                    token: tokio::sync::Mutex::default(),
                    raised: Mutex::default(),
                }));
                behind = Some(callback.clone());
                Arc::new(callback)
            }
        };
        let source = match &self.quota_project {
            Some(project) => Arc::new(billed_to(project, source)?),
            None => source,
        };
        Ok((source, behind))
    }
}

/// A Python function that returns a token, or a token and for how many seconds it is good.
///
/// One that does not say how long is called once, and again when that token was refused.
#[derive(Clone)]
pub(crate) struct Callback(Arc<Inner>);

struct Inner {
    function: Py<PyAny>,
    takes_fresh: bool,
    token: tokio::sync::Mutex<Option<Token>>,
    raised: Mutex<Option<PyErr>>,
}

impl Callback {
    /// What the function raised when it was called last.
    pub(crate) fn raised(&self, py: Python<'_>) -> Option<PyErr> {
        let raised = self.0.raised.lock().unwrap_or_else(PoisonError::into_inner);
        raised.as_ref().map(|error| error.clone_ref(py))
    }

    /// Calls the function; the text of an error names its type, for the message of ours.
    fn call(&self, fresh: bool) -> Result<Token, TransportError> {
        let result = Python::try_attach(|py| {
            let returned = match self.0.takes_fresh {
                true => self.0.function.call1(py, (fresh,)),
                false => self.0.function.call0(py),
            };
            let returned = returned.and_then(|returned| read(returned.bind(py)));
            let (result, raised) = match returned {
                Ok(token) => (token, None),
                Err(error) => {
                    let class = error.get_type(py).qualname()?;
                    let message = format!("the token callback raised {class}");
                    (Err(credentials(message)), Some(error))
                }
            };
            let before = {
                let mut last = self.0.raised.lock().unwrap_or_else(PoisonError::into_inner);
                std::mem::replace(&mut *last, raised)
            };
            // Dropping it may run Python code, which must not find the lock taken.
            drop(before);
            PyResult::Ok(result)
        });
        match result {
            Some(Ok(result)) => result,
            Some(Err(_)) | None => Err(credentials("the interpreter is exiting".to_owned())),
        }
    }
}

/// The token of what a function returned.
fn read(returned: &Bound<'_, PyAny>) -> PyResult<Result<Token, TransportError>> {
    if !returned.is_instance_of::<PyTuple>() {
        return Ok(Token::new(&returned.extract::<String>()?));
    }
    let (text, seconds): (String, Option<f64>) = returned.extract()?;
    let life = seconds.map(|seconds| {
        // What is no time at all is as short as can be.
        Duration::try_from_secs_f64(seconds).unwrap_or(match seconds > 0.0 {
            true => Duration::MAX,
            false => Duration::ZERO,
        })
    });
    Ok(Token::new(&text).map(|token| match life {
        Some(life) => token.expiring(life),
        None => token,
    }))
}

impl TokenSource for Callback {
    fn token(&self, fresh: bool) -> BoxFuture<'_, Result<Token, TransportError>> {
        Box::pin(async move {
            let mut known = self.0.token.lock().await;
            match &*known {
                // Who says how long it is good is asked when it is time.
                Some(token) if !fresh && token.remaining().is_none() => return Ok(token.clone()),
                _ => {}
            }
            let callback = self.clone();
            // The function may take its time, and it needs the GIL.
            let token = tokio::task::spawn_blocking(move || callback.call(fresh))
                .await
                .unwrap_or_else(|error| Err(credentials(error.to_string())))?;
            *known = Some(token.clone());
            Ok(token)
        })
    }
}

fn credentials(problem: String) -> TransportError {
    TransportError::new(TransportErrorKind::CredentialsRejected, problem)
}
