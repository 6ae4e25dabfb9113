//! Faults by script: the calls that go wrong, the number of times, and the way.

use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;
use countermand_core::Service;
use http::Response;
use serde_json::Value;

use crate::answer::bare;
use crate::bad_input::BadInput;
use crate::call::Call;
use crate::fate::Fate;
use crate::identity::Door;
use crate::method::Methods;
use crate::operation::Operation;
use crate::presets;
use crate::quirks::Quirks;
use crate::reply::Action;
use crate::rng::Rng;
use crate::scripted::{Answer, Entry, How, Target};
use crate::services;
use crate::truth::State;

/// The faults of an emulator: an ordered list, of which the first that applies to a call is the one that happens.
///
/// Written as a JSON list, see `docs/emulator.md`; `"[]".parse()` is a server without faults, which is also the default.
///
/// ```
/// use countermand_emulator::Script;
/// let script: Script = r#"[{"fault": "quota", "method": "cancel", "times": 2}, {"status": 503, "probability": 0.1, "times": null}]"#.parse()?;
/// # Ok::<(), countermand_emulator::BadInput>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Script {
    faults: Vec<Fault>,
}

impl FromStr for Script {
    type Err = BadInput;

    fn from_str(text: &str) -> Result<Self, BadInput> {
        Self::parse(Service::DEFAULT, text)
    }
}

impl Script {
    /// The script in a JSON value, for the [default service](Service::DEFAULT).
    ///
    /// # Errors
    /// The entry that is wrong, and its mistake.
    pub fn from_value(script: Value) -> Result<Self, BadInput> {
        Self::of(Service::DEFAULT, script)
    }

    /// The script in a JSON text, for any service.
    ///
    /// # Errors
    /// The entry that is wrong, and its mistake.
    pub fn parse(service: &'static Service, text: &str) -> Result<Self, BadInput> {
        let script = serde_json::from_str(text)
            .map_err(|problem| BadInput::new(format!("not JSON: {problem}")))?;
        Self::of(service, script)
    }

    /// The script in a JSON value, for any service. The words of its methods are made from its collections.
    ///
    /// # Errors
    /// The entry that is wrong, and its mistake.
    pub fn of(service: &'static Service, script: Value) -> Result<Self, BadInput> {
        let methods = services::methods(service);
        let Value::Array(entries) = script else {
            return Err(BadInput::new("a script is a list of faults"));
        };
        let faults = entries.into_iter().enumerate().map(|(position, entry)| {
            let fault = presets::expand(service, entry);
            let fault = fault.and_then(|entry| Fault::parse(service, &methods, entry));
            fault.map_err(|problem| problem.at(format_args!("fault {}", position + 1)))
        });
        Ok(Self {
            faults: faults.collect::<Result<_, _>>()?,
        })
    }

    /// The fault that happens to this call. Later entries do not count a call that an earlier one took.
    pub(crate) fn strike(
        &mut self,
        call: Option<&Call>,
        door: Option<Door>,
        rng: &mut Rng,
    ) -> Option<Fault> {
        for fault in &mut self.faults {
            if fault.applies(call, door, rng) {
                return Some(fault.clone());
            }
        }
        None
    }
}

/// One entry of a script, checked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fault {
    target: Option<Target>,
    name: Option<Filter>,
    skip: u32,
    /// The number of times that it still happens; `None` for ever.
    left: Option<u32>,
    probability: f64,
    pub(crate) delay: Duration,
    effect: bool,
    fate: Option<Fate>,
    quirks: Option<Quirks>,
    answer: Option<Answer>,
    how: How,
}

impl Fault {
    fn parse(service: &Service, methods: &Methods, entry: Value) -> Result<Self, BadInput> {
        let mut entry: Entry =
            serde_json::from_value(entry).map_err(|problem| BadInput::new(problem.to_string()))?;
        let how = entry.how()?;
        let answer = entry.answer()?;
        let (fate, quirks) = match entry.set.take() {
            Some(set) => set.change().map_err(|problem| problem.at("set"))?,
            None => (None, None),
        };
        if how == How::Whole
            && answer.is_none()
            && fate.is_none()
            && quirks.is_none()
            && entry.delay_ms.is_none()
        {
            return Err(BadInput::new(
                "nothing happens: give fault, status, body, action, set or delay_ms",
            ));
        }
        if entry.effect == Some(false) && answer.is_none() && how.has_answer() {
            return Err(BadInput::new(
                "`effect` false needs a status or a body: the real answer has the effect",
            ));
        }
        Ok(Self {
            target: entry.target(methods)?,
            name: entry.name.map(|name| Filter::of(service, name)),
            skip: entry.skip,
            left: entry.times.unwrap_or(Some(1)),
            probability: entry.probability.unwrap_or(1.0),
            delay: Duration::from_millis(entry.delay_ms.unwrap_or(0)),
            effect: entry.effect.unwrap_or(false),
            fate,
            quirks,
            answer,
            how,
        })
    }

    /// True if it happens now. Counts, so it is asked once for each call.
    fn applies(&mut self, call: Option<&Call>, door: Option<Door>, rng: &mut Rng) -> bool {
        let wanted = match self.target {
            // A fault for no method is for all of the API.
            None => door.is_none(),
            Some(Target::Method(method)) => call.is_some_and(|call| call.method == method),
            Some(Target::Door(wanted)) => door == Some(wanted),
        } && self
            .name
            .as_ref()
            .is_none_or(|filter| call.is_some_and(|call| filter.covers(&call.name)));
        if !wanted || self.left == Some(0) {
            return false;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        if self.probability < 1.0 && !rng.chance(self.probability) {
            return false;
        }
        self.left = self.left.map(|left| left - 1);
        true
    }

    /// Gives the operation the fate and the quirks of `set`; the fate's time starts now. What has ended keeps its fate:
    /// an end that was told is for ever.
    pub(crate) fn change(&self, operation: &mut Operation, server: &Quirks, now: u64) {
        let is_open = operation.state(server, now) == State::Pending;
        if let Some(fate) = self.fate.filter(|_| is_open) {
            operation.fate = fate;
            operation.added = now;
        }
        if let Some(quirks) = self.quirks {
            operation.quirks = Some(Box::new(quirks));
        }
    }

    /// True if the API is to carry the call out: for its effect, or because its own answer is mangled.
    pub(crate) const fn wants_genuine(&self) -> bool {
        self.effect || (self.answer.is_none() && self.how.has_answer())
    }

    /// The action that the sender sees. `genuine` is the API's own answer, when it was asked.
    pub(crate) fn action(&self, genuine: Option<Response<Bytes>>, now: u64) -> Action {
        let response = match (&self.answer, genuine) {
            (Some(scripted), _) => scripted.render(now),
            (None, Some(genuine)) => genuine,
            (None, None) => bare(
                200,
                http::HeaderValue::from_static("text/plain"),
                Bytes::new(),
                now,
            ),
        };
        self.how.act(response)
    }
}

/// The resources that a fault is for.
#[derive(Debug, Clone, PartialEq)]
enum Filter {
    /// This resource and everything below it.
    Below(String),
    /// Resources whose names contain this text.
    Containing(String),
}

impl Filter {
    /// A text that begins with a first collection of the service is a name; any other is a part of one.
    fn of(service: &Service, text: String) -> Self {
        let first = text.split_once('/').map(|(first, _)| first);
        let mut levels = service
            .patterns
            .iter()
            .map(|pattern| pattern.levels.first());
        match levels.any(|level| first.is_some() && first == level.map(|level| level.collection)) {
            true => Self::Below(text),
            false => Self::Containing(text),
        }
    }

    fn covers(&self, name: &str) -> bool {
        match self {
            Self::Below(above) => name
                .strip_prefix(&**above)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
            Self::Containing(text) => name.contains(&**text),
        }
    }
}
