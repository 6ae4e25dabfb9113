//! Tokens from Python.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use countermand_hyper::{
    BoxFuture, Token, TokenFile, TokenSource, TransportError, TransportErrorKind,
};
use pyo3::prelude::*;

use crate::errors;

/// What a client was given as its token.
pub(crate) enum Given {
    /// The token itself.
    Text(Token),
    /// A file that holds it.
    File(PathBuf),
    /// A function that returns it.
    Function(Py<PyAny>),
}

impl Given {
    pub(crate) fn new(token: &Bound<'_, PyAny>) -> PyResult<Self> {
        if let Ok(text) = token.extract::<String>() {
            return Token::new(&text)
                .map(Self::Text)
                .map_err(|error| errors::error(token.py(), &error.into()));
        }
        if token.is_callable() {
            return Ok(Self::Function(token.clone().unbind()));
        }
        token.extract().map(Self::File)
    }

    /// A new source, and the function behind it. A process must not share one with another: it
    /// has locks, and a fork may find them taken.
    pub(crate) fn source(&self, py: Python<'_>) -> (Arc<dyn TokenSource>, Option<Callback>) {
        match self {
            Self::Text(token) => (Arc::new(token.clone()), None),
            Self::File(path) => (Arc::new(TokenFile::new(path)), None),
            Self::Function(function) => {
                let callback = Callback(Arc::new(Inner {
                    function: function.clone_ref(py),
                    token: tokio::sync::Mutex::default(),
                    raised: Mutex::default(),
                }));
                (Arc::new(callback.clone()), Some(callback))
            }
        }
    }
}

/// A Python function that returns a token; called once, and again when that one was refused.
#[derive(Clone)]
pub(crate) struct Callback(Arc<Inner>);

struct Inner {
    function: Py<PyAny>,
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
    fn call(&self) -> Result<Token, TransportError> {
        let result = Python::try_attach(|py| {
            let returned = self
                .0
                .function
                .call0(py)
                .and_then(|token| token.extract::<String>(py));
            let (result, raised) = match returned {
                Ok(text) => (Token::new(&text), None),
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

impl TokenSource for Callback {
    fn token(&self, fresh: bool) -> BoxFuture<'_, Result<Token, TransportError>> {
        Box::pin(async move {
            let mut known = self.0.token.lock().await;
            match &*known {
                Some(token) if !fresh => return Ok(token.clone()),
                _ => {}
            }
            let callback = self.clone();
            // The function may take its time, and it needs the GIL.
            let token = tokio::task::spawn_blocking(move || callback.call())
                .await
                .unwrap_or_else(|error| Err(credentials(error.to_string())))?;
            *known = Some(token.clone());
            Ok(token)
        })
    }
}

fn credentials(problem: String) -> TransportError {
    TransportError::new(TransportErrorKind::Credentials, problem)
}
