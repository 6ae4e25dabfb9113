//! Tokens from Python.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use countermand::hyper::{BoxFuture, SecretFile};
use countermand::{Credentials, Token, TokenSource};
use countermand_core::{TransportError, TransportErrorKind};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::lock::Lock;
use crate::{arguments, errors};

/// The origin of a client's tokens, as Python names it.
pub(crate) enum Origin {
    /// Not named: `COUNTERMAND_TOKEN`, else application default credentials.
    Environment,
    /// The token itself.
    Text(Token),
    /// Credentials in Google's JSON.
    Json(Vec<u8>),
    /// A file with a token or with credentials.
    File(SecretFile),
    /// A function that returns a token; whether it takes `fresh`.
    Function(Py<PyAny>, bool),
}

impl Origin {
    pub(crate) fn clone_ref(&self, py: Python<'_>) -> Self {
        match self {
            Self::Environment => Self::Environment,
            Self::Text(token) => Self::Text(token.clone()),
            Self::Json(json) => Self::Json(json.clone()),
            Self::File(file) => Self::File(file.clone()),
            Self::Function(function, fresh) => Self::Function(function.clone_ref(py), *fresh),
        }
    }

    /// `token` is a text, a function or a path; `source` a function that takes whether the last
    /// token was refused.
    pub(crate) fn new(
        py: Python<'_>,
        token: Option<&Bound<'_, PyAny>>,
        source: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let token = match (source, token) {
            (Some(source), _) => return Ok(Self::Function(source.clone().unbind(), true)),
            (None, None) => return Ok(Self::Environment),
            (None, Some(token)) => token,
        };
        if let Ok(text) = token.extract::<String>() {
            let given = match text.len() < 256 && Path::new(&text).is_file() {
                true => Err(credentials(
                    "the access token is the path of a file".to_owned(),
                )),
                false => Token::new(&text),
            };
            let token = given.map_err(|error| {
                let hint = "a file is given as token=Path(...), credentials in JSON as a dict";
                let text = format!("{}; {hint}", error.cause());
                errors::error(py, &TransportError::new(error.kind(), text).into())
            })?;
            return Ok(Self::Text(token));
        }
        if token.is_instance_of::<PyDict>() {
            let json = py.import("json")?.call_method1("dumps", (token,))?;
            return Ok(Self::Json(json.extract::<String>()?.into_bytes()));
        }
        if token.is_callable() {
            return Ok(Self::Function(token.clone().unbind(), false));
        }
        let path: PathBuf = token.extract().map_err(|_| {
            let expected = "a str, a function, a path, a dict or credentials of google.auth";
            arguments::mistyped("token", token, expected)
        })?;
        Ok(Self::File(path.into()))
    }

    /// Credentials for this process, and the function behind them. A process must not share them with
    /// another: they have locks, and a fork may find them taken.
    pub(crate) fn credentials(
        &self,
        py: Python<'_>,
    ) -> Result<(Option<Credentials>, Option<Callback>), TransportError> {
        Ok(match self {
            Self::Environment => (None, None),
            Self::Text(token) => (
                Some(Credentials::from_tokens(token.clone(), "a token")),
                None,
            ),
            Self::Json(json) => (Some(Credentials::from_json(json, "the credentials")?), None),
            Self::File(file) => (Some(Credentials::from_any_file(file.clone())?), None),
            Self::Function(function, takes_fresh) => {
                let callback = Callback(Arc::new(Inner {
                    function: function.clone_ref(py),
                    takes_fresh: *takes_fresh,
                    token: tokio::sync::Mutex::default(),
                    raised: Lock::default(),
                }));
                let credentials = Credentials::from_tokens(callback.clone(), "a function");
                (Some(credentials), Some(callback))
            }
        })
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
    raised: Lock<Option<PyErr>>,
}

impl Callback {
    /// The exception of the last call of the function.
    pub(crate) fn raised(&self, py: Python<'_>) -> Option<PyErr> {
        let raised = self.0.raised.lock();
        raised.as_ref().map(|error| error.clone_ref(py))
    }

    /// Calls the function; our message names the type of an error alone,
    /// because its text may hold a secret.
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
                    let message = format!("the token callback raised {class} (see __cause__)");
                    (Err(credentials(message)), Some(error))
                }
            };
            let before = {
                let mut last = self.0.raised.lock();
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
    if returned.hasattr("__await__")? {
        // This thread has no event loop.
        let run = returned.py().import("asyncio")?.getattr("run")?;
        return read(&run.call1((returned,))?);
    }
    if !returned.is_instance_of::<PyTuple>() {
        return Ok(Token::new(&returned.extract::<String>()?));
    }
    let (text, seconds): (String, Option<f64>) = returned.extract()?;
    let life = seconds.map(|seconds| {
        // A number that is no time counts as the shortest or the longest.
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
                // A function that tells a lifetime is called again when that ends.
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
