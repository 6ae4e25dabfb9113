//! Faults by script: which calls go wrong, how often, and how.

use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use serde_json::Value;

use crate::answer::bare;
use crate::call::Call;
use crate::identity::Door;
use crate::operation::Operation;
use crate::presets;
use crate::rng::Rng;
use crate::scripted::{Answer, Entry, How, Target};
use crate::{Action, BadInput, Fate, Quirks};

/// The faults of an emulator: an ordered list, of which the first that applies to a call is the one that happens.
///
/// Written as a JSON list, see `docs/emulator.md`; `"[]".parse()` is a server without faults, which is also the default.
///
/// ```
/// use countermand_emulator::Script;
/// let script: Script = r#"[{"fault": "quota", "method": "cancel", "times": 2}, {"status": 503, "probability": 0.1, "times": null}]"#.parse()?;
/// # Ok::<(), countermand_emulator::BadInput>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Script {
    faults: Vec<Fault>,
}

impl FromStr for Script {
    type Err = BadInput;

    fn from_str(text: &str) -> Result<Self, BadInput> {
        let script = serde_json::from_str(text)
            .map_err(|problem| BadInput::new(format!("not JSON: {problem}")))?;
        Self::from_value(script)
    }
}

impl Script {
    /// The script in a JSON value.
    ///
    /// # Errors
    /// Which entry is wrong, and what is wrong with it.
    pub fn from_value(script: Value) -> Result<Self, BadInput> {
        let Value::Array(entries) = script else {
            return Err(BadInput::new("a script is a list of faults"));
        };
        let faults = entries.into_iter().enumerate().map(|(position, entry)| {
            let fault = presets::expand(entry).and_then(Fault::parse);
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
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    target: Option<Target>,
    name: Option<String>,
    skip: u32,
    /// How often it happens still; `None` for ever.
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
    fn parse(entry: Value) -> Result<Self, BadInput> {
        let mut entry: Entry =
            serde_json::from_value(entry).map_err(|problem| BadInput::new(problem.to_string()))?;
        let (answer, how) = (entry.answer()?, entry.how()?);
        let (fate, quirks) = match entry.set.take() {
            Some(set) => set.change().map_err(|problem| problem.at("set"))?,
            None => (None, None),
        };
        if how == How::Respond
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
            target: entry.target()?,
            name: entry.name,
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

    /// Whether it happens now. Counts, so it is asked once for each call.
    fn applies(&mut self, call: Option<&Call>, door: Option<Door>, rng: &mut Rng) -> bool {
        let wanted = match self.target {
            // Who has no method in mind means the API's.
            None => door.is_none(),
            Some(Target::Method(method)) => call.is_some_and(|call| call.method == method),
            Some(Target::Door(wanted)) => door == Some(wanted),
        } && self
            .name
            .as_ref()
            .is_none_or(|name| call.is_some_and(|call| covers(name, &call.name)));
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

    /// Gives the operation the fate and the quirks of `set`; the fate's time starts now.
    pub(crate) fn change(&self, operation: &mut Operation, now: u64) {
        if let Some(fate) = self.fate {
            operation.fate = fate;
            operation.added = now;
        }
        if let Some(quirks) = self.quirks {
            operation.quirks = Some(Box::new(quirks));
        }
    }

    /// Whether the API is to carry the call out: for its effect, or because its own answer is what gets mangled.
    pub(crate) const fn wants_genuine(&self) -> bool {
        self.effect || (self.answer.is_none() && self.how.has_answer())
    }

    /// What the sender sees. `genuine` is the API's own answer, when it was asked.
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

/// A name from `enterprises/` on covers itself and everything below it; any other text covers the names it occurs in.
fn covers(filter: &str, name: &str) -> bool {
    if filter.starts_with("enterprises/") {
        name.strip_prefix(filter)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    } else {
        name.contains(filter)
    }
}
