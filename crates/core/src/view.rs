//! What an answer says: the parsers behind [`wire`](crate::wire).

use http::header::{CONTENT_ENCODING, HeaderMap};
use http::{Response, StatusCode};
use serde_json::value::RawValue;

use crate::answer::may_be_json;
use crate::json::{Few, Skip, Text, object, without_value};
use crate::operation::{Command, Status};
use crate::time::parse_duration;
use crate::withheld::Withheld;
use crate::{Answer, Device, DeviceName, DevicePage, EnterpriseName, Error, ErrorKind};
use crate::{Operation, OperationName, OperationPage, PageToken, Timestamp, Unreadable};

/// An answer without the type of its body, so that the parsers exist once.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) status: StatusCode,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
    /// What no error may quote.
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
        self.accept()?;
        if is_empty_object(self.body) {
            return Ok(());
        }
        Err(self.malformed("cancel answers an empty JSON object"))
    }

    pub(crate) fn operation(self, name: &OperationName) -> Result<Operation, Error> {
        self.read_operation(name).map_err(|error| error.of_read(0))
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
            let read = |json: &str| Self::element(json).and_then(|raw| listed(raw, device));
            match readable(raw.operations, read) {
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
            let read =
                |json: &str| Self::element(json).and_then(|raw| listed_device(&raw, enterprise));
            match readable(raw.devices, read) {
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
        let found = text(raw.name.as_ref());
        if found == name.as_str() {
            return Ok(raw.into_operation(name.clone()));
        }
        match found.parse() {
            Ok(found) => Err(Error::new(ErrorKind::Misattributed { found })),
            Err(error) => Err(self.malformed(error)),
        }
    }

    fn read_operations(self, device: &DeviceName) -> Result<OperationPage, Error> {
        let raw = self.page::<RawPage<'_>>()?;
        let operations = raw.operations.map_or_else(Vec::new, |few| few.0);
        let operations = operations.into_iter().map(|raw| {
            listed(raw, device).map_err(|strange| match strange {
                Strange::Malformed(problem) => self.malformed(problem),
                Strange::Other(found) => Error::new(ErrorKind::Misattributed { found }),
                Strange::OtherDevice => self.malformed(strange),
            })
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
            let device = listed_device(raw, enterprise);
            device.map_err(|strange| self.malformed(strange))
        });
        Ok(DevicePage {
            devices: devices.collect::<Result<_, Error>>()?,
            next_page_token: self.page_token(raw.next_page_token.as_ref())?,
            unreadable: None,
        })
    }

    /// An empty token is the end of a list.
    fn page_token(self, token: Option<&Text<'_>>) -> Result<Option<PageToken>, Error> {
        let token = token
            .map(|token| &*token.0)
            .filter(|token| !token.is_empty());
        let token = token.map(str::parse).transpose();
        token.map_err(|error: crate::PageTokenError| self.malformed(error))
    }

    fn read_device(self, device: &DeviceName) -> Result<(), Error> {
        let raw = self.parse::<RawDevice<'_>>()?;
        if text(raw.name.as_ref()) == device.as_str() {
            return Ok(());
        }
        Err(self.malformed("it is not the device that was asked for"))
    }

    /// The server's clock, by its `Date` header.
    pub(crate) fn time(self) -> Option<Timestamp> {
        crate::answer::date(self.headers)
    }

    fn parse<T: serde::Deserialize<'a>>(self) -> Result<T, Error> {
        self.accept()?;
        // Checked once, the text is not checked again string by string.
        let text = std::str::from_utf8(self.body).map_err(|error| self.malformed(error))?;
        serde_json::from_str(text)
            .map_err(|error| self.malformed(without_value(&error.to_string())))
    }

    fn malformed(self, problem: impl std::fmt::Display) -> Error {
        Error::new(ErrorKind::Malformed(Answer::malformed(self, problem)))
    }

    /// Refuses everything that is not a 2xx of the API, with the meaning it has for this API.
    pub(crate) fn accept(self) -> Result<(), Error> {
        if !self.status.is_success() {
            return Err(Error::new(Answer::read(self).judged(self.withheld)));
        }
        // An encoding that was not asked for is a fault of its own.
        if may_be_json(self.body) || self.headers.contains_key(CONTENT_ENCODING) {
            return Ok(());
        }
        Err(Error::new(ErrorKind::NotTheApi(Answer::of_no_method(self))))
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
}

/// An operation of a list of this device.
fn listed(raw: RawOperation<'_>, device: &DeviceName) -> Result<Operation, Strange> {
    let name = text(raw.name.as_ref()).parse::<OperationName>();
    let name = name.map_err(|error| Strange::Malformed(error.to_string()))?;
    match name.device() == *device {
        true => Ok(raw.into_operation(name)),
        false => Err(Strange::Other(name)),
    }
}

/// A device of a list of this enterprise.
fn listed_device(raw: &RawDevice<'_>, enterprise: &EnterpriseName) -> Result<Device, Strange> {
    let name = text(raw.name.as_ref()).parse::<DeviceName>();
    let name = name.map_err(|error| Strange::Malformed(error.to_string()))?;
    if name.enterprise() != *enterprise {
        return Err(Strange::OtherDevice);
    }
    let reported = raw.last_status_report_time.as_ref();
    Ok(Device {
        name,
        last_status_report_time: reported.and_then(|time| Timestamp::parse_rfc3339(&time.0)),
    })
}

/// Reads entries one by one: those that can be read, and the count of the others; `None` if there is
/// none, or each of them is somebody else's.
fn readable<T>(
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
                foreign &= !matches!(strange, Strange::Malformed(_));
                first.get_or_insert(strange);
            }
        }
    }
    let first = first.filter(|_| !(readable.is_empty() && foreign))?;
    let count = entries.len() - readable.len();
    let unreadable = Unreadable::new(count, entries.len(), &first.to_string());
    Some((readable, unreadable))
}

fn text<'a>(text: Option<&'a Text<'_>>) -> &'a str {
    text.map_or("", |text| &text.0)
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

impl RawOperation<'_> {
    fn into_operation(self, name: OperationName) -> Operation {
        let owned = |text: Option<Text<'_>>| text.map(|text| text.0.into_owned());
        Operation {
            name,
            done: self.done.unwrap_or(false),
            error: self.error.map(|status| Status {
                code: status.code.unwrap_or(0),
                message: owned(status.message).unwrap_or_default(),
            }),
            command: self.metadata.map(|command| Command {
                kind: owned(command.kind),
                create_time: command
                    .create_time
                    .and_then(|time| Timestamp::parse_rfc3339(&time.0)),
                duration: command
                    .duration
                    .and_then(|duration| parse_duration(&duration.0)),
                error_code: owned(command.error_code),
            }),
            has_response: self.response.is_some(),
        }
    }
}
