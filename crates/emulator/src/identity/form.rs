//! `application/x-www-form-urlencoded`.

use bytes::Bytes;
use http::{Request, header};

use crate::percent::decode_query;

/// The fields of a form, decoded.
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    /// The form in a request's body, if it is declared as one.
    pub(crate) fn of(request: &Request<Bytes>) -> Option<Self> {
        let kind = request.headers().get(header::CONTENT_TYPE)?;
        let kind = kind.to_str().ok()?.split(';').next()?.trim();
        (kind == "application/x-www-form-urlencoded")
            .then(|| Self::parse(str::from_utf8(request.body()).ok()?))?
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let fields = text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((
                decode_query(key)?.into_owned(),
                decode_query(value)?.into_owned(),
            ))
        });
        fields.collect::<Option<_>>().map(Self)
    }

    pub(crate) fn field(&self, key: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == key);
        found.map(|(_, value)| value.as_str())
    }
}
