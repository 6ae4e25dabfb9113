//! Resource names in texts as people paste them: with blanks or a line end around them, or as the URL of a request.

use std::borrow::Cow;

use http::Uri;
use http::uri::Scheme;

use crate::endpoint::{Endpoint, location};
use crate::name::{Name, OperationName};
use crate::name_error::{MAX_NAME_BYTES, NameError, NameErrorKind};
use crate::printable::with_article;
use crate::resource::Resource;
use crate::service::{Level, Service};
use crate::surplus::{is_plain, line_of, surplus};

/// A percent-encoded byte takes three.
const LONGEST: usize = 4 * MAX_NAME_BYTES;

impl Endpoint {
    /// Parses a resource name of this endpoint's [service](Self::service) as people paste it.
    ///
    /// Taken are the name, or that of the service for the resource above names of one level, blanks around it, a line
    /// end behind it, its URL at this endpoint, and the path of that URL. Of a URL the query and `:cancel` are cut off
    /// and `%XX` is decoded; a level of the name that the query has is put into it. A name that is no URL has neither.
    /// The URL of another server is refused: the operation that it names is not one of this endpoint.
    ///
    /// A text that holds more than a name is refused, also where the pattern of the API would take the rest as a
    /// part of the id: `…/17,` would be sent as the name of an operation that does not exist. An id that has such a
    /// character is given as its URL, with `%2C`.
    ///
    /// ```
    /// use countermand_core::{Endpoint, OperationName};
    ///
    /// let endpoint = Endpoint::default();
    /// let url = "https://androidmanagement.googleapis.com/v1/enterprises/e/devices/d/operations/17:cancel";
    /// let name: OperationName = endpoint.parse_given(url)?;
    /// assert_eq!(name.as_str(), "enterprises/e/devices/d/operations/17");
    /// let other = "https://api.example/v1/enterprises/e/devices/d/operations/17";
    /// assert!(endpoint.parse_given::<0>(other).is_err());
    /// # Ok::<(), countermand_core::NameError>(())
    /// ```
    ///
    /// # Errors
    /// As `parse` of the type has them, and [`NameErrorKind::OtherServer`].
    pub fn parse_given<const UP: u8>(&self, text: &str) -> Result<Name<UP>, NameError> {
        // Nearly every text is a name as it is.
        let parsed = match Name::parse(self.service(), text) {
            Ok(name) if is_plain(text) => return Ok(name),
            parsed => self.parse_bare(text, parsed),
        };
        let named = |name: &Name<UP>| (name.described(), Vec::new());
        let parse = |word: &str| self.parse_bare(word, Name::parse(self.service(), word));
        refuse_surplus(text, parsed, named, parse)
    }

    /// A name without what makes it a URL, where the text was parsed as it is.
    fn parse_bare<const UP: u8>(
        &self,
        text: &str,
        parsed: Result<Name<UP>, NameError>,
    ) -> Result<Name<UP>, NameError> {
        parsed.or_else(|refusal| match self.bare_name(text) {
            // The resource above names of one level has no name of its own.
            Ok(name) if self.service().is_named(&name) => {
                Name::parse(self.service(), "").map_err(|_| refusal)
            }
            Ok(Cow::Borrowed(same)) if same.len() == text.len() => Err(refusal),
            Ok(name) => Name::parse(self.service(), &name),
            Err(kind) => {
                let error = NameError::new(text, kind, 0, refusal.expected());
                Err(error.of_services(self.service_of_url(text)))
            }
        })
    }

    /// The id of the service of a text that is a URL, if it is another one.
    fn service_of_url(&self, text: &str) -> Vec<&'static str> {
        let url = text.trim().parse().ok();
        let other = url.and_then(|url| self.other_service(&url));
        other.map(|service| service.id).into_iter().collect()
    }

    /// The service of a URL, if it is another one.
    fn other_service(&self, url: &Uri) -> Option<&'static Service> {
        let service = Service::at_host(url.host()?, url.path().strip_prefix('/')?, 0..=2);
        service.filter(|service| *service != self.service())
    }

    /// As [`parse_given`](Self::parse_given), for a name of any kind of that service; the number of its parts
    /// tells which, and of several patterns the first kind that it is of.
    ///
    /// # Errors
    /// Likewise.
    pub fn parse_given_resource(&self, text: &str) -> Result<Resource, NameError> {
        let named = |name: &Resource| (name.described(), Vec::new());
        let parse = |word: &str| self.parse_resource(word);
        refuse_surplus(text, parse(text), named, parse)
    }

    fn parse_resource(&self, text: &str) -> Result<Resource, NameError> {
        let service = self.service();
        let refused = |kind| {
            let nouns = [2, 1, 0].map(|up| service.level_above(up).noun);
            let [first, second, last] = nouns.map(with_article);
            let expected = format!("the name of {first}, {second} or {last}");
            NameError::new(text, kind, 0, expected)
        };
        let mut name = self
            .bare_name(text)
            .map_err(|kind| refused(kind).of_services(self.service_of_url(text)))?;
        if service.is_named(&name) && Name::<1>::parse(service, "").is_ok() {
            name = Cow::Borrowed("");
        }
        // Names of one service may have several numbers of levels. Operations are listed of what has some.
        if let Ok(name) = Name::parse(service, &name) {
            return Ok(Resource::Operation(name));
        }
        let of_parent = match Name::parse(service, &name) {
            Ok(name) => return Ok(Resource::Parent(name)),
            Err(error) => error,
        };
        if let Ok(name) = Name::parse(service, &name) {
            return Ok(Resource::Grandparent(name));
        }
        // A list of operations is that of their parent.
        if let NameErrorKind::List(level) = of_parent.kind()
            && service.patterns.iter().any(|one| one.own_level() == level)
        {
            return Err(of_parent);
        }
        let levels = name.split('/').count().div_ceil(2);
        // A path of something else is of no kind; the id of an enterprise is answered with its name.
        let first = service.level_above(2).collection;
        if name.contains('/') && name.split('/').next() != Some(first) && !name.starts_with('/') {
            let mut services: Vec<_> = (0..3)
                .flat_map(|up| Service::apis_with(&name, up))
                .collect();
            services.sort_unstable();
            services.dedup();
            return Err(refused(NameErrorKind::Collection(first)).of_services(services));
        }
        Ok(match service.levels().len().saturating_sub(levels) {
            0 => Resource::Operation(Name::parse(service, &name)?),
            above if above > 1 && service.lists_parents => {
                Resource::Grandparent(Name::parse(service, &name)?)
            }
            _ => return Err(of_parent),
        })
    }

    /// As [`parse_given_resource`](Self::parse_given_resource), for a search: a name of both kinds, such as that of a
    /// job that can be cancelled and has operations of its own, is the parent of those.
    ///
    /// # Errors
    /// Likewise.
    pub fn parse_given_searched(&self, text: &str) -> Result<Resource, NameError> {
        let resource = self.parse_given_resource(text)?;
        let parent = resource.operation().and_then(OperationName::as_parent);
        Ok(parent.map_or(resource, Resource::Parent))
    }

    /// The text without what a URL and its surroundings add to a name. A text that is too long for both is
    /// given back as it is.
    fn bare_name<'a>(&self, text: &'a str) -> Result<Cow<'a, str>, NameErrorKind> {
        if text.len() > LONGEST {
            return Ok(Cow::Borrowed(text));
        }
        let text = line_of(text);
        let whole = text;
        let path = if text.contains("://") {
            let end = text.find(['?', '#']).unwrap_or(text.len());
            let Ok(url) = text[..end].parse::<Uri>() else {
                return Ok(Cow::Borrowed(text));
            };
            let other = self.other_service(&url).is_some();
            if other || !self.serves(&url) {
                return Err(match other {
                    true => NameErrorKind::OtherService,
                    false => NameErrorKind::OtherServer,
                });
            }
            let begin = text.find("://").map_or(0, |at| at + 3);
            let begin = text[begin..end].find('/').map_or(end, |at| begin + at);
            &text[begin..]
        } else if text.starts_with('/') {
            text
        } else {
            return Ok(Cow::Borrowed(text));
        };
        let name = path.strip_prefix(self.prefix());
        let Some(name) = name.and_then(|name| name.strip_prefix('/')) else {
            return Ok(Cow::Borrowed(text));
        };
        let whole = whole.split('#').next().unwrap_or_default();
        let query = whole.split_once('?').map(|(_, query)| query);
        let name = &name[..name.find(['?', '#']).unwrap_or(name.len())];
        // The method of the only URL that is more than a name.
        let service = self.service();
        let is_own = |segment: &str| {
            let mut patterns = service.patterns.iter();
            patterns.any(|pattern| pattern.own_level().collection == segment)
        };
        let name = match service.cancel.name_in(name) {
            Some(operation) if operation.split('/').any(is_own) => operation,
            _ => name,
        };
        // Another method is not the name that it stands behind.
        if name.contains(':') {
            return Err(NameErrorKind::Url);
        }
        let name = decoded(name).ok_or(NameErrorKind::Url)?;
        let whole = query.and_then(|query| with_query_level(service, &name, query));
        Ok(whole.map_or(name, Cow::Owned))
    }

    /// True for URLs of this endpoint's server. Google has two hosts for one server, and two spellings of the host
    /// that serves a location.
    fn serves(&self, url: &Uri) -> bool {
        let google = [self.service().endpoint(), self.service().mtls_endpoint()];
        let of_location = || {
            let host = url
                .authority()
                .filter(|_| url.scheme() == Some(&Scheme::HTTPS));
            let place = host.and_then(|host| self.service().location_at(host.as_str()));
            place.is_some() && place == location(url.path())
        };
        self.is_origin_of(url)
            || google.contains(self)
                && (google.iter().any(|google| google.is_origin_of(url)) || of_location())
    }
}

/// The name of an operation whose path lacks a level that the query of its URL has.
fn with_query_level(service: &'static Service, name: &str, query: &str) -> Option<String> {
    service.patterns.iter().find_map(|pattern| {
        let number = pattern.query_level?;
        let level = pattern.levels.get(number)?;
        let mut parameters = query.split('&').filter_map(|it| it.split_once('='));
        let (_, id) = parameters.find(|(key, _)| *key == level.noun)?;
        let mut segments: Vec<&str> = name.split('/').collect();
        let before: usize = pattern.levels[..number].iter().map(Level::segments).sum();
        let id = decoded(id)?;
        if before > segments.len() {
            return None;
        }
        segments.splice(before..before, [level.collection, &*id]);
        let whole = segments.join("/");
        OperationName::parse(service, &whole)
            .is_ok()
            .then_some(whole)
    })
}

/// The result of parsing a text, or the refusal of one that holds more than a name.
fn refuse_surplus<T>(
    text: &str,
    parsed: Result<T, NameError>,
    named: impl Fn(&T) -> (String, Vec<&'static str>),
    parse: impl Fn(&str) -> Result<T, NameError>,
) -> Result<T, NameError> {
    if text.len() > LONGEST {
        return parsed;
    }
    let of_word = |word: &str| match parse(word) {
        Ok(name) => Some(named(&name)),
        Err(error) => {
            let services = error.services().to_vec();
            (!services.is_empty()).then(|| (error.expected().to_owned(), services))
        }
    };
    let Some(surplus) = surplus(text, parsed.is_ok(), of_word) else {
        return parsed;
    };
    // A character that is not seen is told as what it is.
    let unseen = |kind| {
        use NameErrorKind::{Bidi, Control, WhiteSpace};
        matches!(kind, Control(_) | Bidi(_) | WhiteSpace(_))
    };
    let is_one = matches!(surplus.kind, NameErrorKind::Character(_));
    if is_one && parsed.as_ref().is_err_and(|error| unseen(error.kind())) {
        return parsed;
    }
    let (expected, services) = surplus.name.unwrap_or_else(|| match &parsed {
        Ok(name) => named(name),
        Err(error) => (error.expected().to_owned(), Vec::new()),
    });
    Err(NameError::new(text, surplus.kind, surplus.at, expected).of_services(services))
}

/// Decodes `%XX`; `None` where that is no text, or gives a slash, which would be another name.
fn decoded(path: &str) -> Option<Cow<'_, str>> {
    if !path.contains('%') {
        return Some(Cow::Borrowed(path));
    }
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16);
        let decoded = (digit()? * 16 + digit()?) as u8;
        if decoded == b'/' {
            return None;
        }
        bytes.push(decoded);
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}
