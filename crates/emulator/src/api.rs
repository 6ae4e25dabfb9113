//! The methods.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::answer::Failure;
use crate::call::{Call, Method, Query};
use crate::enterprise::Setup;
use crate::fleet::{Fleet, NewOperation};
use crate::quirks::{FinishedCancel, Quirks, Shape};
use crate::time::{google_duration, rfc3339};
use crate::{Fate, State};

const MAX_PAGE: usize = 100;
const TYPES: [&str; 11] = [
    "LOCK",
    "RESET_PASSWORD",
    "REBOOT",
    "RELINQUISH_OWNERSHIP",
    "CLEAR_APP_DATA",
    "START_LOST_MODE",
    "STOP_LOST_MODE",
    "ADD_ESIM",
    "REMOVE_ESIM",
    "REQUEST_DEVICE_INFO",
    "WIPE",
];
/// Parameters that say the type by themselves.
const IMPLIED: [(&str, &str); 6] = [
    ("addEsimParams", "ADD_ESIM"),
    ("clearAppsDataParams", "CLEAR_APP_DATA"),
    ("removeEsimParams", "REMOVE_ESIM"),
    ("requestDeviceInfoParams", "REQUEST_DEVICE_INFO"),
    ("startLostModeParams", "START_LOST_MODE"),
    ("wipeParams", "WIPE"),
];

/// What the methods work on for the length of one request.
pub(crate) struct Api<'a> {
    pub(crate) fleet: &'a mut Fleet,
    pub(crate) setup: &'a mut Setup,
    pub(crate) quirks: &'a Quirks,
    pub(crate) issued: Fate,
    /// Unix milliseconds.
    pub(crate) now: u64,
}

type Answer = Result<Value, Failure>;

impl Api<'_> {
    /// Carries the call out.
    pub(crate) fn perform(&mut self, call: &Call, query: &Query, body: &[u8]) -> Answer {
        match call.method {
            Method::NotEmulated => return Err(not_emulated()),
            Method::EnterprisesList => return self.enterprises(query),
            _ => {}
        }
        let enterprise: Vec<&str> = call.name.splitn(3, '/').take(2).collect();
        if self.fleet.enterprise(&enterprise.join("/")).is_none() {
            let message = "Caller is not authorized to manage enterprise.";
            return Err(Failure::new(403, "PERMISSION_DENIED", message));
        }
        match call.method {
            Method::Cancel => self.cancel(&call.name, body),
            Method::Get => self.get(&call.name),
            Method::List => self.list(&call.name, query),
            Method::DevicesGet => self
                .live_device(&call.name)
                .map(|device| self.show_device(device)),
            Method::DevicesList => self.devices(&call.name, query),
            Method::IssueCommand => self.issue(&call.name, body),
            Method::EnterprisesGet => {
                Ok(json!({"name": call.name, "enterpriseDisplayName": "Countermand emulator"}))
            }
            Method::PoliciesGet => self.setup.policy(&call.name).ok_or_else(|| self.missing()),
            Method::PoliciesList => self.all("policies", &self.setup.policies(&call.name), query),
            Method::PoliciesPatch => {
                let mask = query.update_mask.as_ref();
                Ok(self.setup.patch(&call.name, object(body)?, mask))
            }
            Method::EnrollmentTokensCreate => {
                self.setup.make_token(&call.name, object(body)?, self.now)
            }
            Method::EnrollmentTokensGet => {
                self.setup.token(&call.name).ok_or_else(|| self.missing())
            }
            Method::EnrollmentTokensList => {
                self.all("enrollmentTokens", &self.setup.tokens(&call.name), query)
            }
            Method::NotEmulated | Method::EnterprisesList => Err(not_emulated()),
        }
    }

    fn missing(&self) -> Failure {
        Failure::not_found(self.quirks.missing_is_500)
    }

    /// The operation, its state and its quirks; 404 for one that is dropped.
    fn live(&self, name: &str) -> Result<(usize, State, Quirks), Failure> {
        let index = self.fleet.operation(name).ok_or_else(|| self.missing())?;
        let operation = &self.fleet.operations[index];
        let quirks = operation.quirks(self.quirks);
        let state = operation.state(self.quirks, self.now);
        if operation.shown_missing(state, &quirks) || self.deleted(operation.device) {
            return Err(Failure::not_found(quirks.missing_is_500));
        }
        Ok((index, state, quirks))
    }

    /// Whether a confirmed wipe has deleted the device.
    fn deleted(&self, device: usize) -> bool {
        self.fleet.devices[device].operations.iter().any(|&index| {
            let operation = &self.fleet.operations[index];
            matches!(operation.fate, Fate::Wiped { .. })
                && operation.state(self.quirks, self.now) == State::Gone
        })
    }

    fn live_device(&self, name: &str) -> Result<usize, Failure> {
        let device = self
            .fleet
            .device(name)
            .filter(|&device| !self.deleted(device));
        device.ok_or_else(|| self.missing())
    }

    fn cancel(&mut self, name: &str, body: &[u8]) -> Answer {
        for (key, value) in object(body)? {
            // Generated clients of the long-running operations service repeat the name.
            match key.as_str() {
                "name" if value == name => {}
                "name" => {
                    return Err(Failure::invalid(
                        "The name in the body is not the one in the path.",
                    ));
                }
                _ => return Err(unknown_field(&key)),
            }
        }
        let (index, state, quirks) = self.live(name)?;
        let operation = &mut self.fleet.operations[index];
        if quirks.no_cancel {
            return Err(Failure::unimplemented());
        }
        if operation.shown_done(state, &quirks) {
            return match quirks.finished_cancel {
                FinishedCancel::Ok => Ok(json!({})),
                FinishedCancel::NotFound => Err(Failure::not_found(quirks.missing_is_500)),
                FinishedCancel::FailedPrecondition => Err(Failure::new(
                    400,
                    "FAILED_PRECONDITION",
                    "Precondition check failed.",
                )),
            };
        }
        operation.cancel_asked.get_or_insert(self.now);
        Ok(json!({}))
    }

    fn get(&mut self, name: &str) -> Answer {
        let (index, state, quirks) = self.live(name)?;
        let operation = &mut self.fleet.operations[index];
        let mut shown = operation.show(state, &quirks, operation.views);
        let teases = quirks.shape == Shape::CodeWithoutDone && operation.cancel_asked.is_some();
        if teases || operation.shown_done(state, &quirks) {
            operation.views += 1;
        }
        if quirks.other_name {
            shown["name"] = format!("{name}0").into();
            shown["done"] = true.into();
            shown["error"] = json!({"code": 1, "message": "The command was cancelled."});
        }
        Ok(shown)
    }

    fn list(&self, device: &str, query: &Query) -> Answer {
        if query.partial_success {
            return Err(Failure::unimplemented());
        }
        let device = self.live_device(device)?;
        self.page(
            "operations",
            &self.fleet.devices[device].operations,
            query,
            MAX_PAGE,
            |index| {
                let operation = &self.fleet.operations[index];
                let quirks = operation.quirks(self.quirks);
                let state = operation.state(self.quirks, self.now);
                // Even views: a list is not what flaps.
                (!operation.shown_missing(state, &quirks))
                    .then(|| operation.show(state, &quirks, 2))
            },
        )
    }

    fn devices(&self, enterprise: &str, query: &Query) -> Answer {
        let devices = self
            .fleet
            .enterprise(enterprise)
            .ok_or_else(|| self.missing())?;
        self.page("devices", devices, query, 10, |device| {
            (!self.deleted(device)).then(|| self.show_device(device))
        })
    }

    fn enterprises(&self, query: &Query) -> Answer {
        if query.project.as_deref().unwrap_or_default().is_empty() {
            return Err(Failure::usual(400));
        }
        let names = self.fleet.enterprises();
        let shown: Vec<Value> = names.iter().map(|name| json!({ "name": name })).collect();
        self.all("enterprises", &shown, query)
    }

    /// One page of `values`.
    fn all(&self, key: &str, values: &[Value], query: &Query) -> Answer {
        let indices: Vec<usize> = (0..values.len()).collect();
        self.page(key, &indices, query, MAX_PAGE, |index| {
            Some(values[index].clone())
        })
    }

    /// One page of what `show` shows of `indices`.
    fn page(
        &self,
        key: &str,
        indices: &[usize],
        query: &Query,
        default: usize,
        show: impl Fn(usize) -> Option<Value>,
    ) -> Answer {
        let size = match query.page_size as usize {
            0 => default,
            size => size.min(MAX_PAGE),
        };
        let mut page = Map::new();
        let start = match &query.page_token {
            None if self.quirks.empty_page => {
                page.insert("nextPageToken".to_owned(), token(0).into());
                return Ok(page.into());
            }
            None => 0,
            Some(text) => offset(text)
                .filter(|start| *start <= indices.len())
                .ok_or_else(|| Failure::invalid("Request contains an invalid argument."))?,
        };
        let end = indices.len().min(start + size);
        let shown: Vec<Value> = indices[start..end]
            .iter()
            .filter_map(|&index| show(index))
            .collect();
        if !shown.is_empty() {
            page.insert(key.to_owned(), shown.into());
        }
        if self.quirks.repeat_token {
            page.insert("nextPageToken".to_owned(), token(start).into());
        } else if end < indices.len() {
            page.insert("nextPageToken".to_owned(), token(end).into());
        }
        Ok(page.into())
    }

    fn issue(&mut self, device: &str, body: &[u8]) -> Answer {
        let device = self.live_device(device)?;
        let mut command = object(body)?;
        let duration = match command.remove("duration") {
            None => Duration::from_secs(600),
            Some(text) => text
                .as_str()
                .and_then(google_duration)
                .ok_or_else(|| Failure::invalid("Invalid value at 'command.duration'"))?,
        };
        let kind = match command.remove("type") {
            Some(Value::String(kind)) if TYPES.contains(&kind.as_str()) => kind,
            Some(other) => {
                return Err(Failure::invalid(format!(
                    "Invalid value at 'command.type', {other}"
                )));
            }
            None => IMPLIED
                .iter()
                .find(|(params, _)| command.contains_key(*params))
                .map(|(_, kind)| (*kind).to_owned())
                .ok_or_else(|| Failure::invalid("Command type must be specified."))?,
        };
        // What the server sets is not taken from the sender.
        for output in ["createTime", "errorCode"] {
            command.remove(output);
        }
        let new = NewOperation::new(self.issued)
            .kind(kind)
            .valid_for(duration)
            .params(command);
        let added = self.fleet.add_operation(device, new, self.now);
        let index = added.map_err(|problem| Failure::invalid(problem.to_string()))?;
        let operation = &self.fleet.operations[index];
        Ok(operation.show(operation.state(self.quirks, self.now), self.quirks, 0))
    }

    fn show_device(&self, device: usize) -> Value {
        let device = &self.fleet.devices[device];
        json!({
            "name": device.name,
            "managementMode": "DEVICE_OWNER",
            "ownership": "COMPANY_OWNED",
            "state": "ACTIVE",
            "appliedState": "ACTIVE",
            "enrollmentTime": rfc3339(device.enrolled),
            "lastStatusReportTime": rfc3339(device.seen),
            "lastPolicySyncTime": rfc3339(device.seen),
        })
    }
}

fn not_emulated() -> Failure {
    Failure::new(
        501,
        "UNIMPLEMENTED",
        "The emulator does not have this method of the API; docs/emulator.md lists those it has.",
    )
}

/// A page token holds characters that have to be escaped, as the real ones may.
fn token(start: usize) -> String {
    format!("C{start:x}+/==")
}

fn offset(token: &str) -> Option<usize> {
    let digits = token.strip_prefix('C')?.strip_suffix("+/==")?;
    usize::from_str_radix(digits, 16).ok()
}

/// The message in a body; no body is an empty one.
fn object(body: &[u8]) -> Result<Map<String, Value>, Failure> {
    if body.is_empty() {
        return Ok(Map::new());
    }
    serde_json::from_slice(body)
        .map_err(|_| Failure::invalid("Invalid JSON payload received. Unexpected token."))
}

fn unknown_field(key: &str) -> Failure {
    Failure::invalid(format!(
        "Invalid JSON payload received. Unknown name \"{key}\": Cannot find field."
    ))
}
