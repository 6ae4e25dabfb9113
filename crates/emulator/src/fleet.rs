//! The emulated devices and operations, found by name.

use std::collections::HashMap;
use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::fate::Kind;
use crate::operation::Operation;
use crate::rng::Rng;
use crate::{BadInput, Fate, Quirks};

const HEX: &[u8] = b"0123456789abcdef";

#[derive(Debug)]
pub(crate) struct Device {
    pub(crate) name: String,
    pub(crate) enrolled: u64,
    /// When it last reported.
    pub(crate) seen: u64,
    /// Indices into the fleet's operations, oldest first.
    pub(crate) operations: Vec<usize>,
    last_id: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Fleet {
    pub(crate) devices: Vec<Device>,
    pub(crate) operations: Vec<Operation>,
    /// Indices of each enterprise's devices, by the enterprise's name.
    enterprises: HashMap<String, Vec<usize>>,
    device_index: HashMap<String, usize>,
    operation_index: HashMap<String, usize>,
}

/// A device to add, by [`Emulator::add`](crate::Emulator::add) or `POST /_emulator/devices`.
///
/// In JSON `{"name": "enterprises/E/devices/D", "operations": [{…}]}`, both optional.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewDevice {
    name: Option<String>,
    operations: Vec<NewOperation>,
}

impl NewDevice {
    /// A device with these operations and a name of the emulator's choice.
    pub fn with(operations: impl IntoIterator<Item = NewOperation>) -> Self {
        Self {
            name: None,
            operations: operations.into_iter().collect(),
        }
    }

    /// A name, `enterprises/E/devices/D`; a device that exists is given the operations.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }
}

/// An operation to add, or what a fault makes of one.
///
/// In JSON every field is optional: `{"type": "WIPE", "fate": "acknowledged", "after_ms": 3000, "code": 9, "duration_s": 600,
/// "age_s": 0, "id": "…", "params": {…}, "quirks": {…}}`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(remote = "Self", default, deny_unknown_fields)]
pub struct NewOperation {
    #[serde(rename = "type")]
    kind: Option<String>,
    fate: Option<Kind>,
    after_ms: Option<u64>,
    code: Option<i32>,
    duration_s: Option<u64>,
    age_s: u64,
    id: Option<String>,
    params: Map<String, Value>,
    quirks: Option<Quirks>,
    #[serde(skip)]
    exact: Option<Fate>,
    /// The validity, where it is not in whole seconds.
    #[serde(skip)]
    valid_for: Option<Duration>,
}

impl<'de> Deserialize<'de> for NewOperation {
    /// Names the field that is wrong.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields: Map<String, Value> = Deserialize::deserialize(deserializer)?;
        Self::deserialize(Value::Object(fields.clone())).map_err(|problem| {
            let wrong = fields.into_iter().find_map(|(name, value)| {
                let alone = Map::from_iter([(name.clone(), value)]);
                let problem = Self::deserialize(Value::Object(alone)).err()?;
                Some(D::Error::custom(format_args!("`{name}`: {problem}")))
            });
            wrong.unwrap_or_else(|| D::Error::custom(problem))
        })
    }
}

impl NewOperation {
    /// A WIPE of this fate, made now and valid for ten minutes.
    #[must_use]
    pub fn new(fate: Fate) -> Self {
        Self {
            exact: Some(fate),
            ..Self::default()
        }
    }

    /// The type of the command. Default `WIPE`.
    #[must_use]
    pub fn kind(mut self, kind: impl Into<String>) -> Self {
        self.kind = Some(kind.into());
        self
    }

    /// The validity, in whole seconds from `createTime`. Default 600.
    #[must_use]
    pub const fn duration(mut self, seconds: u64) -> Self {
        self.duration_s = Some(seconds);
        self
    }

    /// The validity to the millisecond, as it may be in a request.
    pub(crate) const fn valid_for(mut self, duration: Duration) -> Self {
        self.valid_for = Some(duration);
        self
    }

    /// How long ago it was made, in whole seconds. Default 0.
    #[must_use]
    pub const fn age(mut self, seconds: u64) -> Self {
        self.age_s = seconds;
        self
    }

    /// Quirks of its own, instead of the server's.
    #[must_use]
    pub const fn quirks(mut self, quirks: Quirks) -> Self {
        self.quirks = Some(quirks);
        self
    }

    /// Further fields of the command, which its metadata echoes.
    #[must_use]
    pub fn params(mut self, params: Map<String, Value>) -> Self {
        self.params = params;
        self
    }

    /// The fate asked for, if any.
    pub(crate) fn fate(&self) -> Result<Option<Fate>, BadInput> {
        match (self.exact, self.fate) {
            (Some(exact), _) => Ok(Some(exact)),
            (None, Some(kind)) => Fate::from_parts(kind, self.after_ms, self.code).map(Some),
            (None, None) if self.after_ms.is_some() || self.code.is_some() => {
                Err(BadInput::new("`after_ms` and `code` go with a `fate`"))
            }
            (None, None) => Ok(None),
        }
    }

    /// What an existing operation can be changed to: fate and quirks, nothing else.
    pub(crate) fn change(&self) -> Result<(Option<Fate>, Option<Quirks>), BadInput> {
        let birth = self.kind.is_some() || self.id.is_some() || self.duration_s.is_some();
        if birth || self.age_s != 0 || !self.params.is_empty() {
            return Err(BadInput::new(
                "only fate, after_ms, code and quirks of an operation can be set",
            ));
        }
        Ok((self.fate()?, self.quirks))
    }
}

/// The names of what was added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Added {
    /// The device.
    pub name: String,
    /// Its new operations, in the order given.
    pub operations: Vec<String>,
}

impl Fleet {
    pub(crate) fn enterprise(&self, name: &str) -> Option<&[usize]> {
        self.enterprises.get(name).map(Vec::as_slice)
    }

    /// The names of the enterprises, in alphabetical order.
    pub(crate) fn enterprises(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.enterprises.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }

    pub(crate) fn device(&self, name: &str) -> Option<usize> {
        self.device_index.get(name).copied()
    }

    pub(crate) fn operation(&self, name: &str) -> Option<usize> {
        self.operation_index.get(name).copied()
    }

    pub(crate) fn found_enterprise(&mut self, name: &str) {
        self.enterprises.entry(name.to_owned()).or_default();
    }

    /// A described device with its operations, made now.
    pub(crate) fn add(
        &mut self,
        new: NewDevice,
        enterprise: &str,
        now: u64,
        rng: &mut Rng,
    ) -> Result<Added, BadInput> {
        let device = self.add_device(enterprise, new.name, now, now, rng)?;
        let mut operations = Vec::with_capacity(new.operations.len());
        for (position, operation) in new.operations.into_iter().enumerate() {
            let index = self
                .add_operation(device, operation, now)
                .map_err(|problem| problem.at(format_args!("operation {}", position + 1)))?;
            operations.push(self.operations[index].name.clone());
        }
        Ok(Added {
            name: self.devices[device].name.clone(),
            operations,
        })
    }

    /// A device of the enterprise, with the given name or a new one.
    pub(crate) fn add_device(
        &mut self,
        enterprise: &str,
        name: Option<String>,
        enrolled: u64,
        seen: u64,
        rng: &mut Rng,
    ) -> Result<usize, BadInput> {
        let name = match name {
            None => format!("{enterprise}/devices/{}", rng.word(HEX, 16)),
            Some(name) => name,
        };
        if let Some(known) = self.device(&name) {
            return Ok(known);
        }
        let parts: Vec<&str> = name.split('/').collect();
        let ["enterprises", owner, "devices", id] = parts[..] else {
            return Err(BadInput::new(format!(
                "`{name}` is not enterprises/…/devices/…"
            )));
        };
        if owner.is_empty() || id.is_empty() {
            return Err(BadInput::new(format!("`{name}` has an empty part")));
        }
        let index = self.devices.len();
        self.enterprises
            .entry(format!("enterprises/{owner}"))
            .or_default()
            .push(index);
        self.device_index.insert(name.clone(), index);
        self.devices.push(Device {
            name,
            enrolled,
            seen,
            operations: Vec::new(),
            last_id: 0,
        });
        Ok(index)
    }

    /// An operation of the device; its id is its time of creation, or the next free one.
    pub(crate) fn add_operation(
        &mut self,
        device: usize,
        new: NewOperation,
        now: u64,
    ) -> Result<usize, BadInput> {
        let fate = new.fate()?.unwrap_or(Fate::Cancellable);
        let owner = &mut self.devices[device];
        let created = now.saturating_sub(new.age_s.saturating_mul(1000));
        let (id, created) = match new.id {
            Some(id) if id.is_empty() || id.contains('/') => {
                return Err(BadInput::new(format!("`{id}` is no operation id")));
            }
            Some(id) => (id, created),
            None => {
                let free = created.max(owner.last_id + 1);
                owner.last_id = free;
                (free.to_string(), free)
            }
        };
        let name = format!("{}/operations/{id}", owner.name);
        let index = self.operations.len();
        if self.operation_index.contains_key(&name) {
            return Err(BadInput::new(format!("`{name}` exists")));
        }
        let rank = owner
            .operations
            .partition_point(|&known| self.operations[known].created <= created);
        owner.operations.insert(rank, index);
        self.operation_index.insert(name.clone(), index);
        self.operations.push(Operation {
            name,
            device,
            kind: new.kind.unwrap_or_else(|| "WIPE".to_owned()),
            params: new.params,
            created,
            added: now,
            duration: match new.valid_for {
                Some(duration) => duration.as_millis() as u64,
                None => new.duration_s.unwrap_or(600).saturating_mul(1000),
            },
            fate,
            quirks: new.quirks.map(Box::new),
            cancel_asked: None,
            views: 0,
        });
        Ok(index)
    }
}
