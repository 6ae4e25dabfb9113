//! Responses of the API: the readers of what its methods answer.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use http::StatusCode;
use http::header::CONTENT_ENCODING;
use serde_json::value::RawValue;

use crate::api_error::{ApiError, may_be_json};
use crate::caching::Signs;
use crate::error::Error;
use crate::error_kind::ErrorKind;
use crate::json::{Few, Object, Text, fields, without_value};
use crate::name::{GrandparentName, OperationName, ParentName};
use crate::operation::{Operation, Status};
use crate::operation_reader::{OperationReader, RawOperation};
use crate::page::{Page, PageToken, Parent};
use crate::printable::excerpt;
use crate::request::Request;
use crate::resource::Resource;
use crate::resource_reader::RawResource;
use crate::resource_state::{CancelAnswer, Reading, ResourceState, State};
use crate::service::{Level, Service};
use crate::timestamp::Timestamp;
use crate::view::View;

/// Answer of a method.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a method answers one of these")]
pub enum Response {
    /// To [`Request::Cancel`]: `{}`, white space allowed, or an empty body. It was asked, no more.
    Accepted,
    /// To [`Request::Get`].
    Operation(Operation),
    /// To [`Request::GetParent`]: the parent has a record.
    Parent,
    /// To [`Request::ListOperations`].
    Operations(Page<Operation>),
    /// To [`Request::ListParents`].
    Parents(Page<Parent>),
}

impl Request {
    /// Reads the response to it.
    ///
    /// Entries of a page that cannot be read are counted, and the others are read: they are as true as
    /// without such a neighbour, and the same page would come again. A page of which every entry is
    /// another parent's is an error: it is the answer to another request.
    ///
    /// # Errors
    /// Everything but a 200 with what the method answers, also what other clients take for success:
    /// HTML, a list, truncated JSON, and what a cache has kept, except for an operation that is done.
    pub fn read<B: AsRef<[u8]>>(&self, response: &http::Response<B>) -> Result<Response, Error> {
        self.read_now(View::of(self.service(), response))
    }

    pub(crate) fn read_now(&self, view: View<'_>) -> Result<Response, Error> {
        match self {
            Self::Get(name) => {
                let operation = view.operation_now(name);
                let operation = operation.map_err(|error| error.of_read(0))?;
                Ok(Response::Operation(operation))
            }
            _ => self.read_then(view),
        }
    }

    /// Likewise, but an operation is told as it was when the response was given, however long ago: a
    /// caller that acts on it has to look at [`age`](View::age), because only `done` is for ever.
    pub(crate) fn read_then(&self, view: View<'_>) -> Result<Response, Error> {
        match self {
            Self::Cancel(name) => return view.cancel_of(name).map(|()| Response::Accepted),
            Self::Get(name) => view.operation(name).map(Response::Operation),
            Self::GetParent(name) => view.parent(name).map(|()| Response::Parent),
            Self::ListOperations(parent, _) => view.operations(parent).map(Response::Operations),
            Self::ListParents(above, _) => view.parents(above).map(Response::Parents),
        }
        .map_err(|error| error.of_read(0))
    }
}

impl Operation {
    /// Reads the response to [`Request::Get`].
    ///
    /// # Errors
    /// Those of [`Request::read`].
    pub fn read<B: AsRef<[u8]>>(
        name: OperationName,
        response: &http::Response<B>,
    ) -> Result<Self, Error> {
        let view = View::of(name.service(), response);
        view.operation_now(&name).map_err(|error| error.of_read(0))
    }
}

impl Operation {
    /// Reads an operation of this service back from its serde form, which is the same for every service.
    ///
    /// ```
    /// use countermand_core::{Operation, OperationName, Service};
    ///
    /// let service = Service::named("dataproc.v1").expect("it is built in");
    /// let name = OperationName::parse(service, "projects/p/regions/r/operations/1")?;
    /// let body = r#"{"name":"projects/p/regions/r/operations/1","metadata":{"statusHistory":[]},"done":true}"#;
    /// let operation = Operation::read(name, &http::Response::new(body))?;
    /// let kept = serde_json::to_string(&operation)?;
    /// assert_eq!(Operation::read_back(service, &kept)?, operation);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Malformed`](ErrorKind::Malformed): it is no such text.
    pub fn read_back(service: &'static Service, json: &str) -> Result<Self, Error> {
        let response = http::Response::new(json);
        let view = View::of(service, &response);
        let read = || {
            let raw = OperationReader::KEPT
                .read(json)
                .map_err(Strange::Malformed)?;
            let name = view.named_operation(raw.name.as_ref())?;
            let kept = fields(json, ["hasResponse", "state"]);
            let [responded, state] = kept.map_err(Strange::Malformed)?;
            let mut operation = view.told(raw, name)?;
            let state = state.map(element::<Object<State>>).transpose()?;
            operation.state = state.map(|Object(state)| Box::new(state));
            operation.has_response |= responded.map(RawValue::get) == Some("true");
            Ok(operation)
        };
        read().map_err(|strange| view.strange(strange).of_read(0))
    }
}

impl Page<Operation> {
    /// Reads the response to [`Request::ListOperations`].
    ///
    /// # Errors
    /// Those of [`Request::read`].
    pub fn read<B: AsRef<[u8]>>(
        parent: &ParentName,
        response: &http::Response<B>,
    ) -> Result<Self, Error> {
        let view = View::of(parent.service(), response);
        view.operations(parent).map_err(|error| error.of_read(0))
    }
}

impl Page<Parent> {
    /// Reads the response to [`Request::ListParents`].
    ///
    /// # Errors
    /// Those of [`Request::read`].
    pub fn read<B: AsRef<[u8]>>(
        above: &GrandparentName,
        response: &http::Response<B>,
    ) -> Result<Self, Error> {
        let view = View::of(above.service(), response);
        view.parents(above).map_err(|error| error.of_read(0))
    }
}

impl Service {
    /// Refuses every response that is not the success of one of its methods, whichever method it is.
    ///
    /// # Errors
    /// The meaning of the response.
    pub fn check_success<B: AsRef<[u8]>>(
        &'static self,
        response: &http::Response<B>,
    ) -> Result<(), Error> {
        View::of(self, response).accept().map(drop)
    }
}

impl<'a> View<'a> {
    fn cancel(self) -> Result<(), Error> {
        self.of_now(self.accept()?.age)?;
        if is_empty_object(self.body) {
            return Ok(());
        }
        Err(self.malformed("cancel answers an empty JSON object"))
    }

    /// An empty object is an acceptance of every method, and proves nothing; only other answers need to know
    /// what is cancelled.
    fn cancel_of(self, name: &OperationName) -> Result<(), Error> {
        match self.cancel() {
            Err(error) if matches!(error.kind(), ErrorKind::Malformed(_)) => {
                match &name.pattern().reading {
                    Reading::Operation => Err(error),
                    Reading::State(state) => self.cancel_of_resource(state, name, error),
                }
            }
            result => result,
        }
    }

    fn cancel_of_resource(
        self,
        state: &ResourceState,
        name: &OperationName,
        error: Error,
    ) -> Result<(), Error> {
        self.of_now(self.accept()?.age)?;
        match state.answer {
            CancelAnswer::Empty => Err(error),
            CancelAnswer::Resource if state.answer_field.is_empty() => {
                self.operation(name).map(drop)
            }
            CancelAnswer::Resource => match self.fields([state.answer_field])? {
                [Some(resource)] => self.operation_in(resource.get(), name).map(drop),
                [None] => {
                    let field = state.answer_field;
                    Err(self.malformed(format!("cancel answers an object with `{field}`")))
                }
            },
            CancelAnswer::Operation => self.cancelling_operation(),
            CancelAnswer::Object => match self.fields(["error"])? {
                [None] => Ok(()),
                [Some(_)] => Err(self.malformed("it has an error")),
            },
        }
    }

    /// An operation that cancels: one that has failed already is a refusal.
    fn cancelling_operation(self) -> Result<(), Error> {
        let raw = OperationReader::PLAIN.read(self.json()?);
        let raw = raw.map_err(|problem| self.malformed(problem))?;
        if text(raw.name.as_ref()).is_empty() {
            return Err(self.malformed("cancel answers an operation with a name"));
        }
        match raw.error {
            Some(status) if raw.done && status.code.is_some_and(|code| code != 0) => {
                let message = text(status.message.as_ref());
                let message = format!("the cancel has failed: {}", excerpt(message, 200));
                let answer = ApiError::with_message(200, &message);
                Err(Error::new(ErrorKind::FailedPrecondition(answer)))
            }
            _ => Ok(()),
        }
    }

    /// An answer that a cache has kept, which is evidence of the past.
    pub(crate) fn of_the_past(self) -> Error {
        let age = match self.age() {
            Duration::MAX => "it is stale".to_owned(),
            age => format!("it is {} s old", age.as_secs()),
        };
        self.malformed(format!("a cache gave this answer, and {age}"))
            .of_read(0)
    }

    fn of_now(self, age: Duration) -> Result<(), Error> {
        match age {
            Duration::ZERO => Ok(()),
            _ => Err(self.of_the_past()),
        }
    }

    /// An operation, unless a cache remembers that it was not done.
    fn operation_now(self, name: &OperationName) -> Result<Operation, Error> {
        let operation = self.operation(name)?;
        if operation.verdict().is_none() {
            self.of_now(self.age())?;
        }
        Ok(operation)
    }

    fn operation(self, name: &OperationName) -> Result<Operation, Error> {
        self.operation_in(self.json()?, name)
    }

    /// The operation that this part of the body tells.
    fn operation_in(self, json: &str, name: &OperationName) -> Result<Operation, Error> {
        let read = || {
            if let Reading::State(state) = name.pattern().reading {
                return self.resource(state, json, name);
            }
            let raw = self
                .service
                .operation
                .read(json)
                .map_err(Strange::Malformed)?;
            match name.is_spelled(text(raw.name.as_ref())) {
                true => self.told(raw, name.clone()),
                false => Err(Strange::Other(self.named_operation(raw.name.as_ref())?)),
            }
        };
        read().map_err(|strange| self.strange(strange))
    }

    /// The resource of this name, by its state.
    fn resource(
        self,
        state: &ResourceState,
        json: &str,
        name: &OperationName,
    ) -> Result<Operation, Strange> {
        let raw = state.read(json, name.parent().relative(), name.pattern());
        let raw = raw.map_err(Strange::Malformed)?;
        match name.is_spelled(&raw.name) {
            true => Ok(of_state(raw, name.clone())),
            false => {
                let other = OperationName::parse(self.service, &raw.name);
                Err(Strange::Other(other.map_err(malformed)?))
            }
        }
    }

    fn parent(self, name: &ParentName) -> Result<(), Error> {
        let [found] = self.fields(["name"])?;
        self.of_now(self.age())?;
        let found = found.map(element::<Text<'_>>).transpose();
        let found = found.map_err(|strange| self.strange(strange))?;
        match name.is_spelled(text(found.as_ref())) {
            true => Ok(()),
            false => Err(self.malformed("it is not the resource that was asked for")),
        }
    }

    fn operations(self, parent: &ParentName) -> Result<Page<Operation>, Error> {
        let level = parent.pattern().own_level();
        self.page(parent.into(), level, |entry| {
            if let Reading::State(state) = parent.pattern().reading {
                let raw = state.read(entry.get(), parent.relative(), parent.pattern());
                let raw = raw.map_err(Strange::Malformed)?;
                let name = OperationName::parse(self.service, &raw.name).map_err(malformed)?;
                if name.pattern() != parent.pattern() {
                    return Err(Strange::Other(name));
                }
                let above = name.parent();
                if above == *parent || parent.is_spelled(above.relative()) {
                    let operation = of_state(raw, name.of(parent).map_err(malformed)?);
                    return Ok(Some(operation));
                }
                return match parent.pattern().query_level {
                    // Its list covers all ids of that level.
                    Some(_) if parent.parent().is_spelled(above.parent().relative()) => Ok(None),
                    _ => Err(Strange::Other(name)),
                };
            }
            let read = self.service.operation.read(entry.get());
            let raw = read.map_err(Strange::Malformed)?;
            let name = self.named_operation(raw.name.as_ref())?;
            match name.parent() {
                own if own == *parent => self.told(raw, name).map(Some),
                own if parent.is_spelled(own.relative()) => {
                    let name = name.of(parent).map_err(malformed)?;
                    self.told(raw, name).map(Some)
                }
                _ => Err(Strange::Other(name)),
            }
        })
    }

    fn parents(self, above: &GrandparentName) -> Result<Page<Parent>, Error> {
        let active_time = self.service.level_above(1).active_time.unwrap_or("");
        self.page(above.into(), self.service.level_above(1), |entry| {
            let values = fields(entry.get(), ["name", active_time]);
            let [name, active] = values.map_err(Strange::Malformed)?;
            let name = name.map(element::<Text<'_>>).transpose()?;
            let name = ParentName::parse(self.service, text(name.as_ref())).map_err(malformed)?;
            let active = active.map(element::<Text<'_>>).transpose()?;
            let active = active.and_then(|time| Timestamp::parse_rfc3339(time.as_str()));
            match name.parent() == *above {
                true => Ok(Some(Parent::new(name, active))),
                false => Err(Strange::OtherParent),
            }
        })
    }

    /// A page of the list of a level: entries that can be read, and one error for the others. What is none of the
    /// list that was asked for, and may be there, is left out.
    fn page<T>(
        self,
        list: Resource,
        level: &Level,
        read: impl Fn(&RawValue) -> Result<Option<T>, Strange>,
    ) -> Result<Page<T>, Error> {
        let names = [
            level.page_field,
            "nextPageToken",
            "error",
            "name",
            level.unreachable,
        ];
        let [entries, token, error, name, unreached] = self.fields(names)?;
        let unreached = unreached.filter(|_| !level.unreachable.is_empty());
        let unreached = unreached.map(unreached_places).transpose();
        let unreached = unreached
            .map_err(|strange| self.strange(strange))?
            .flatten();
        self.of_now(self.age())?;
        if error.is_some() || name.is_some() {
            return Err(self.malformed("it is not a page of a list"));
        }
        let entries = entries.map(element::<Few<&RawValue>>).transpose();
        let entries = entries.map_err(|strange| self.strange(strange))?;
        let entries = entries.map_or_else(Vec::new, |few| few.0);
        let mut page = Page::default();
        let (mut first, mut foreign, mut unread) = (None, true, 0);
        for entry in &entries {
            match read(entry) {
                Ok(entry) => page.entries.extend(entry),
                Err(strange) => {
                    unread += 1;
                    foreign &= matches!(strange, Strange::Other(_) | Strange::OtherParent);
                    first.get_or_insert(strange);
                }
            }
        }
        if let Some(first) = first {
            if page.entries.is_empty() && foreign {
                return Err(self.strange(first));
            }
            let all = entries.len();
            let problem = excerpt(&first.to_string(), 200);
            let problem = format!(
                "{unread} of {all} entries of the page cannot be read; the first: {problem}"
            );
            let answer = ApiError::with_message(200, &problem);
            let error = Error::new(ErrorKind::Malformed(answer));
            page.unreadable = Some(error.with_resource(list).of_read(1));
        } else if let Some(problem) = unreached {
            let error = Error::new(ErrorKind::Unavailable(ApiError::of_partial_list(&problem)));
            page.unreadable = Some(error.with_resource(list).of_read(1));
        }
        page.next_page_token = self
            .page_token(token)
            .map_err(|strange| self.strange(strange))?;
        Ok(page)
    }

    /// An empty token is the end of a list.
    fn page_token(self, token: Option<&RawValue>) -> Result<Option<PageToken>, Strange> {
        let token = token.map(element::<Text<'_>>).transpose()?;
        match text(token.as_ref()) {
            "" => Ok(None),
            token => PageToken::from_str(token).map(Some).map_err(malformed),
        }
    }

    fn named_operation(self, found: Option<&Text<'_>>) -> Result<OperationName, Strange> {
        OperationName::parse(self.service, text(found)).map_err(malformed)
    }

    /// The operation of this name as the answer tells it.
    fn told(self, raw: RawOperation<'_>, name: OperationName) -> Result<Operation, Strange> {
        let error = raw.error.map(|status| Status {
            code: status.code.unwrap_or(0),
            message: status.message.map(Text::into_string).unwrap_or_default(),
        });
        let operation = Operation {
            name,
            done: raw.done,
            error,
            metadata: raw.metadata,
            has_response: raw.has_response,
            state: None,
        };
        match operation.contradiction() {
            None => Ok(operation),
            Some(problem) => Err(Strange::Malformed(problem.to_owned())),
        }
    }

    /// The body of a success.
    fn json(self) -> Result<&'a str, Error> {
        self.accept()?;
        // Checked once, the text is not checked again string by string.
        std::str::from_utf8(self.body).map_err(|error| self.malformed(error))
    }

    fn fields<const N: usize>(self, names: [&str; N]) -> Result<[Option<&'a RawValue>; N], Error> {
        fields(self.json()?, names).map_err(|problem| self.malformed(problem))
    }

    fn strange(self, strange: Strange) -> Error {
        match strange {
            Strange::Other(found) => Error::new(ErrorKind::Misattributed { found }),
            strange => self.malformed(strange),
        }
    }

    fn malformed(self, problem: impl Display) -> Error {
        Error::new(ErrorKind::Malformed(ApiError::malformed(self, problem)))
    }

    /// Refuses everything that is not a 2xx of the API, with the meaning it has for this API.
    pub(crate) fn accept(self) -> Result<Signs, Error> {
        if !self.status.is_success() {
            return Err(judged(ApiError::read(self), self.repeats_token));
        }
        // What is compressed is not JSON, and told as what it is.
        if !(may_be_json(self.body) || self.headers.contains_key(CONTENT_ENCODING)) {
            return Err(Error::new(ErrorKind::NotTheApi(ApiError::of_no_method(
                self,
            ))));
        }
        let signs = Signs::of(self.headers);
        // The signs that a 2xx is not what the API gave, or not as it gave it.
        let of_another = if self.status != StatusCode::OK {
            Some("the API answers success with 200 and no other status")
        } else if signs.is_of_another_type {
            Some("the API answers application/json and no other type")
        } else {
            signs
                .is_transformed
                .then_some("a proxy has changed the answer")
        };
        match of_another {
            None if signs.is_encoded => {
                Err(self.malformed("it says that it is compressed, which was not asked for"))
            }
            None if self.repeats_token => {
                Err(self.malformed("no answer of the API repeats the access token"))
            }
            None => Ok(signs),
            Some(problem) => {
                let answer = ApiError::malformed(self, problem);
                Err(Error::new(ErrorKind::NotTheApi(answer)))
            }
        }
    }
}

/// The resource of this name in the words of an operation.
fn of_state(raw: RawResource, name: OperationName) -> Operation {
    Operation {
        name,
        done: raw.state.meaning.verdict().is_some(),
        error: None,
        metadata: Some(raw.metadata),
        has_response: false,
        state: Some(Box::new(raw.state)),
    }
}

/// Nothing at all, or `{}` with JSON white space anywhere.
fn is_empty_object(body: &[u8]) -> bool {
    if body == b"{}" {
        return true;
    }
    let mut rest = body
        .iter()
        .filter(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
    matches!(
        (rest.next(), rest.next(), rest.next()),
        (Some(b'{'), Some(b'}'), None) | (None, ..)
    )
}

/// A reason for which a part of an answer is not taken.
#[derive(Debug, thiserror::Error)]
enum Strange {
    #[error("{0}")]
    Malformed(String),
    #[error("it lists an operation of another {}", .0.service().level_above(1).noun)]
    Other(OperationName),
    #[error("it lists a resource of another parent")]
    OtherParent,
}

fn malformed(problem: impl Display) -> Strange {
    Strange::Malformed(problem.to_string())
}

/// A sentence about the places that the server did not reach, if there are any.
fn unreached_places(places: &RawValue) -> Result<Option<String>, Strange> {
    let places = element::<Few<&RawValue>>(places)?.0;
    let Some(first) = places.first() else {
        return Ok(None);
    };
    // Of what is no text nothing is quoted.
    let first = element::<Text<'_>>(first);
    let first = first.map(|first| format!("; the first: {}", excerpt(first.as_str(), 200)));
    Ok(Some(format!(
        "the server did not reach {} of the places of this list, and shows nothing of them{}",
        places.len(),
        first.unwrap_or_default()
    )))
}

/// A part of an answer.
fn element<'a, T: serde::Deserialize<'a>>(json: &'a RawValue) -> Result<T, Strange> {
    serde_json::from_str(json.get()).map_err(|error| malformed(without_value(&error.to_string())))
}

fn text<'a>(text: Option<&'a Text<'_>>) -> &'a str {
    text.map_or("", Text::as_str)
}

/// The meaning of an answer that is not success: the one place where a server's words are compared.
///
/// A text that repeats the token is dropped afterwards: its words are compared all the same.
fn judged(answer: ApiError, repeats_token: bool) -> Error {
    let kind: fn(ApiError) -> ErrorKind = match answer.http_status() {
        300..=399 => ErrorKind::Redirected,
        _ if answer.is_of_the_api() => kind_of_the_api(&answer),
        // The page of a network that wants a login has a status of its own.
        511 => ErrorKind::NotTheApi,
        408 | 429 | 500..=599 => ErrorKind::Unavailable,
        _ => ErrorKind::NotTheApi,
    };
    Error::new(kind(match repeats_token {
        true => answer.without_text(),
        false => answer,
    }))
}

fn kind_of_the_api(answer: &ApiError) -> fn(ApiError) -> ErrorKind {
    let failed_precondition = matches!(
        answer.status(),
        Some("FAILED_PRECONDITION" | "ABORTED" | "ALREADY_EXISTS")
    ) || answer.is_unmanaged();
    match answer.http_status() {
        400 if failed_precondition => ErrorKind::FailedPrecondition,
        401 => ErrorKind::Unauthenticated,
        403 if answer.is_rate_limit() => ErrorKind::ResourceExhausted,
        403 => ErrorKind::PermissionDenied,
        404 => ErrorKind::NotFound,
        // 499 is what CANCELLED of a call, not of an operation, is mapped to.
        408 | 499 => ErrorKind::Unavailable,
        409 => ErrorKind::FailedPrecondition,
        429 => ErrorKind::ResourceExhausted,
        // Seen in production: the text of a 404 with the status of an internal error.
        500 if answer.is_not_found() => ErrorKind::NotFound,
        501 => ErrorKind::Unimplemented,
        500..=599 => ErrorKind::Unavailable,
        400..=499 => ErrorKind::InvalidArgument,
        // 1xx and numbers no standard knows.
        _ => ErrorKind::NotTheApi,
    }
}
