//! What an answer says: the parsers behind [`wire`](crate::wire).

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use http::header::{CONTENT_ENCODING, HeaderMap};
use http::{Response, StatusCode};
use serde_json::value::RawValue;

use crate::api_error::may_be_json;
use crate::caching::Signs;
use crate::json::{Few, Skip, Text, object, without_value};
use crate::operation::{Command, Status};
use crate::time::parse_duration;
use crate::withheld::Withheld;
use crate::{ApiError, Device, DeviceName, DevicePage, EnterpriseName, Error, ErrorKind};
use crate::{Operation, OperationName, OperationPage, PageToken, Timestamp, Unreadable};

/// An answer without the type of its body, so that the parsers exist once.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) status: StatusCode,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
    /// The token, which nothing that is read from the answer may repeat.
    pub(crate) withheld: Option<&'a Withheld>,
}

impl<'a> View<'a> {
    pub(crate) fn of<B: AsRef<[u8]>>(response: &'a Response<B>) -> Self {
        Self {
            status: response.status(),
            headers: response.headers(),
            body: response.body().as_ref(),
            withheld: response.extensions().get(),
        }
    }

    pub(crate) fn cancel(self) -> Result<(), Error> {
        self.of_now(self.accept()?.age)?;
        if is_empty_object(self.body) {
            return Ok(());
        }
        Err(self.malformed("cancel answers an empty JSON object"))
    }

    /// The operation, unless a cache remembers that it was not done.
    pub(crate) fn operation(self, name: &OperationName) -> Result<Operation, Error> {
        let operation = self.operation_of_then(name)?;
        if operation.verdict().is_none() {
            self.is_of_now().map_err(|error| error.of_read(0))?;
        }
        Ok(operation)
    }

    /// The operation as it was when the answer was given, however long ago: whoever acts on it has to
    /// look at [`age`](Self::age), because only `done` is for ever.
    pub(crate) fn operation_of_then(self, name: &OperationName) -> Result<Operation, Error> {
        self.read_operation(name).map_err(|error| error.of_read(0))
    }

    /// The age of the answer.
    pub(crate) fn age(self) -> Duration {
        Signs::of(self.headers).age
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

    fn is_of_now(self) -> Result<(), Error> {
        self.of_now(self.age())
    }

    fn of_now(self, age: Duration) -> Result<(), Error> {
        match age {
            Duration::ZERO => Ok(()),
            _ => Err(self.of_the_past()),
        }
    }

    pub(crate) fn operations(self, device: &DeviceName) -> Result<OperationPage, Error> {
        self.read_operations(device)
            .map_err(|error| error.of_read(0))
    }

    pub(crate) fn devices(self, enterprise: &EnterpriseName) -> Result<DevicePage, Error> {
        self.read_devices(enterprise)
            .map_err(|error| error.of_read(0))
    }

    /// As [`operations`](Self::operations), but entries that cannot be read are counted, and the
    /// others are read.
    ///
    /// The others are as true as without such a neighbour, and the same page would come again: to
    /// ask for it once more helps nothing. A page of which every entry is another device's is an
    /// error: it is the answer to another request.
    pub(crate) fn readable_operations(self, device: &DeviceName) -> Result<OperationPage, Error> {
        self.operations(device).or_else(|error| {
            let Ok(raw) = self.page::<LoosePage<'_>>() else {
                return Err(error);
            };
            let read = |json: &str| Self::element(json).and_then(|raw| self.listed(raw, device));
            match self.readable(raw.operations, read) {
                None => Err(error),
                Some((operations, unreadable)) => Ok(OperationPage {
                    operations,
                    next_page_token: self.page_token(raw.next_page_token.as_ref())?,
                    unreadable: Some(unreadable),
                }),
            }
        })
    }

    /// As [`devices`](Self::devices), but entries that cannot be read are counted, and the others
    /// are read.
    pub(crate) fn readable_devices(self, enterprise: &EnterpriseName) -> Result<DevicePage, Error> {
        self.devices(enterprise).or_else(|error| {
            let Ok(raw) = self.page::<LooseDevicePage<'_>>() else {
                return Err(error);
            };
            let read = |json: &str| {
                Self::element(json).and_then(|raw| self.listed_device(&raw, enterprise))
            };
            match self.readable(raw.devices, read) {
                None => Err(error),
                Some((devices, unreadable)) => Ok(DevicePage {
                    devices,
                    next_page_token: self.page_token(raw.next_page_token.as_ref())?,
                    unreadable: Some(unreadable),
                }),
            }
        })
    }

    pub(crate) fn device(self, device: &DeviceName) -> Result<(), Error> {
        self.read_device(device).map_err(|error| error.of_read(0))
    }

    fn read_operation(self, name: &OperationName) -> Result<Operation, Error> {
        let raw = self.parse::<RawOperation<'_>>()?;
        let operation = match text(raw.name.as_ref()) == name.as_str() {
            true => self.told(raw, name.clone()),
            false => self
                .named(raw.name.as_ref())
                .and_then(|found| Err(Strange::Other(found))),
        };
        operation.map_err(|strange| self.strange(strange))
    }

    fn read_operations(self, device: &DeviceName) -> Result<OperationPage, Error> {
        let raw = self.page::<RawPage<'_>>()?;
        let operations = raw.operations.map_or_else(Vec::new, |few| few.0);
        let operations = operations.into_iter().map(|raw| {
            let operation = self.listed(raw, device);
            operation.map_err(|strange| self.strange(strange))
        });
        Ok(OperationPage {
            operations: operations.collect::<Result<_, Error>>()?,
            next_page_token: self.page_token(raw.next_page_token.as_ref())?,
            unreadable: None,
        })
    }

    /// A page of a list, however its entries are read.
    fn page<T: serde::Deserialize<'a> + Page>(self) -> Result<T, Error> {
        let raw = self.parse::<T>()?;
        self.is_of_now()?;
        match raw.is_page() {
            true => Ok(raw),
            false => Err(self.malformed("it is not a page of a list")),
        }
    }

    fn element<'b, T: serde::Deserialize<'b>>(json: &'b str) -> Result<T, Strange> {
        serde_json::from_str(json)
            .map_err(|error| Strange::Malformed(without_value(&error.to_string())))
    }

    fn read_devices(self, enterprise: &EnterpriseName) -> Result<DevicePage, Error> {
        let raw = self.page::<RawDevicePage<'_>>()?;
        let devices = raw.devices.map_or_else(Vec::new, |few| few.0);
        let devices = devices.iter().map(|raw| {
            let device = self.listed_device(raw, enterprise);
            device.map_err(|strange| self.strange(strange))
        });
        Ok(DevicePage {
            devices: devices.collect::<Result<_, Error>>()?,
            next_page_token: self.page_token(raw.next_page_token.as_ref())?,
            unreadable: None,
        })
    }

    /// An empty token is the end of a list.
    fn page_token(self, token: Option<&Text<'_>>) -> Result<Option<PageToken>, Error> {
        let token = token.filter(|token| !token.as_str().is_empty());
        let token = token.map(|token| self.named(Some(token))).transpose();
        token.map_err(|strange| self.strange(strange))
    }

    fn read_device(self, device: &DeviceName) -> Result<(), Error> {
        let raw = self.parse::<RawDevice<'_>>()?;
        self.is_of_now()?;
        if text(raw.name.as_ref()) == device.as_str() {
            return Ok(());
        }
        Err(self.malformed("it is not the device that was asked for"))
    }

    /// A name or a page token of the answer. One that repeats the token of the request is not taken: it
    /// would stand in the path of the next request, and with another text it would mean another thing.
    fn named<T: FromStr<Err: Display>>(self, found: Option<&Text<'_>>) -> Result<T, Strange> {
        let found = text(found);
        if self
            .withheld
            .is_some_and(|token| token.is_repeated_by(found))
        {
            return Err(Strange::Secret);
        }
        let read = found.parse();
        read.map_err(|error: T::Err| Strange::Malformed(error.to_string()))
    }

    /// A word that has a meaning: masked only if there is no doubt that it is the secret.
    fn word(self, word: Text<'_>) -> String {
        let repeated = |token: &&Withheld| token.is_repeated_by(word.as_str());
        let withheld = self.withheld.filter(repeated);
        word.told(withheld)
    }

    /// The operation of this name as the answer tells it.
    fn told(self, raw: RawOperation<'_>, name: OperationName) -> Result<Operation, Strange> {
        let error = raw.error.map(|status| Status {
            code: status.code.unwrap_or(0),
            message: status
                .message
                .map(|message| message.told(self.withheld))
                .unwrap_or_default(),
        });
        let command = raw.metadata.map(|command| Command {
            kind: command.kind.map(|kind| self.word(kind)),
            create_time: command
                .create_time
                .and_then(|time| Timestamp::parse_rfc3339(time.as_str())),
            duration: command
                .duration
                .and_then(|duration| parse_duration(duration.as_str())),
            error_code: command.error_code.map(|code| self.word(code)),
        });
        let operation = Operation {
            name,
            done: raw.done.unwrap_or(false),
            error,
            command,
            has_response: raw.response.is_some(),
        };
        match operation.contradiction() {
            None => Ok(operation),
            Some(problem) => Err(Strange::Malformed(problem.to_owned())),
        }
    }

    /// An operation of a list of this device.
    fn listed(self, raw: RawOperation<'_>, device: &DeviceName) -> Result<Operation, Strange> {
        let name = self.named::<OperationName>(raw.name.as_ref())?;
        match name.device() == *device {
            true => self.told(raw, name),
            false => Err(Strange::Other(name)),
        }
    }

    /// A device of a list of this enterprise.
    fn listed_device(
        self,
        raw: &RawDevice<'_>,
        enterprise: &EnterpriseName,
    ) -> Result<Device, Strange> {
        let name = self.named::<DeviceName>(raw.name.as_ref())?;
        if name.enterprise() != *enterprise {
            return Err(Strange::OtherDevice);
        }
        let reported = raw.last_status_report_time.as_ref();
        let reported = reported.and_then(|time| Timestamp::parse_rfc3339(time.as_str()));
        Ok(Device {
            name,
            last_status_report_time: reported,
        })
    }

    /// Reads entries one by one: those that can be read, and the count of the others; `None` if there
    /// is none, or each of them is of another parent.
    fn readable<T>(
        self,
        entries: Option<Few<&RawValue>>,
        read: impl Fn(&str) -> Result<T, Strange>,
    ) -> Option<(Vec<T>, Unreadable)> {
        let entries = entries?.0;
        let mut readable = Vec::new();
        let (mut first, mut foreign) = (None, true);
        for entry in &entries {
            match read(entry.get()) {
                Ok(entry) => readable.push(entry),
                Err(strange) => {
                    foreign &= matches!(strange, Strange::Other(_) | Strange::OtherDevice);
                    first.get_or_insert(strange);
                }
            }
        }
        let first = first.filter(|_| !(readable.is_empty() && foreign))?;
        let count = entries.len() - readable.len();
        let problem = first.to_string();
        let problem = match self.withheld {
            Some(withheld) => withheld.taken_out(&problem),
            None => problem,
        };
        let unreadable = Unreadable::new(count, entries.len(), &problem);
        Some((readable, unreadable))
    }

    /// The server's clock, by its `Date` header.
    pub(crate) fn time(self) -> Option<Timestamp> {
        crate::api_error::date(self.headers)
    }

    fn parse<T: serde::Deserialize<'a>>(self) -> Result<T, Error> {
        self.accept()?;
        // Checked once, the text is not checked again string by string.
        let text = std::str::from_utf8(self.body).map_err(|error| self.malformed(error))?;
        serde_json::from_str(text)
            .map_err(|error| self.malformed(without_value(&error.to_string())))
    }

    fn strange(self, strange: Strange) -> Error {
        match strange {
            Strange::Other(found) => Error::new(ErrorKind::Misattributed { found }),
            Strange::Malformed(_) | Strange::OtherDevice | Strange::Secret => {
                self.malformed(strange)
            }
        }
    }

    fn malformed(self, problem: impl Display) -> Error {
        Error::new(ErrorKind::Malformed(ApiError::malformed(self, problem)))
    }

    /// Refuses everything that is not a 2xx of the API, with the meaning it has for this API.
    pub(crate) fn accept(self) -> Result<Signs, Error> {
        if !self.status.is_success() {
            return Err(Error::new(ApiError::read(self).judged(self.withheld)));
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
            None => Ok(signs),
            Some(problem) => {
                let answer = ApiError::malformed(self, problem);
                Err(Error::new(ErrorKind::NotTheApi(answer)))
            }
        }
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

/// The reason why an entry of a page is not taken.
#[derive(Debug, thiserror::Error)]
enum Strange {
    #[error("{0}")]
    Malformed(String),
    #[error("it lists an operation of another device")]
    Other(OperationName),
    #[error("it lists a device of another enterprise")]
    OtherDevice,
    #[error("a name or a page token in it repeats the access token")]
    Secret,
}

fn text<'a>(text: Option<&'a Text<'_>>) -> &'a str {
    text.map_or("", Text::as_str)
}

object! { RawOperation {
    name: Text<'a> = "name",
    done: bool = "done",
    error: RawStatus<'a> = "error",
    response: Skip = "response",
    metadata: RawCommand<'a> = "metadata",
} }

object! { RawStatus {
    code: i32 = "code",
    message: Text<'a> = "message",
} }

object! { RawCommand {
    kind: Text<'a> = "type",
    create_time: Text<'a> = "createTime",
    duration: Text<'a> = "duration",
    error_code: Text<'a> = "errorCode",
} }

object! { RawDevice {
    name: Text<'a> = "name",
    last_status_report_time: Text<'a> = "lastStatusReportTime",
} }

object! { RawDevicePage {
    devices: Few<RawDevice<'a>> = "devices",
    next_page_token: Text<'a> = "nextPageToken",
    error: Skip = "error",
    name: Skip = "name",
} }

object! { RawPage {
    operations: Few<RawOperation<'a>> = "operations",
    next_page_token: Text<'a> = "nextPageToken",
    error: Skip = "error",
    name: Skip = "name",
} }

// The same with entries that are read one by one.
object! { LooseDevicePage {
    devices: Few<&'a RawValue> = "devices",
    next_page_token: Text<'a> = "nextPageToken",
    error: Skip = "error",
    name: Skip = "name",
} }

object! { LoosePage {
    operations: Few<&'a RawValue> = "operations",
    next_page_token: Text<'a> = "nextPageToken",
    error: Skip = "error",
    name: Skip = "name",
} }

/// Pages of lists, and what tells them from other answers.
trait Page {
    fn is_page(&self) -> bool;
}

macro_rules! pages {
    ($($page:ident),+) => {
        $(impl Page for $page<'_> {
            fn is_page(&self) -> bool {
                self.error.is_none() && self.name.is_none()
            }
        })+
    };
}
pages!(RawPage, RawDevicePage, LoosePage, LooseDevicePage);
