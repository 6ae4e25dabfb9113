//! The JSON form of a fault, and the answers and misbehaviours it can ask for.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::answer::{Failure, bare};
use crate::bad_input::BadInput;
use crate::fleet::NewOperation;
use crate::generated::Generated;
use crate::identity::Door;
use crate::method::{Method, Methods};
use crate::reply::{Action, Breakage, Mangling};

/// One entry as it is written, after its preset has been filled in.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Entry {
    method: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) skip: u32,
    /// `null` is for ever, and absent is once: two levels.
    #[serde(deserialize_with = "present")]
    pub(crate) times: Option<Option<u32>>,
    pub(crate) probability: Option<f64>,
    pub(crate) delay_ms: Option<u64>,
    pub(crate) effect: Option<bool>,
    pub(crate) set: Option<NewOperation>,
    status: Option<u16>,
    headers: BTreeMap<String, String>,
    content_type: Option<String>,
    body: Option<Value>,
    generated: Option<Generated>,
    action: Option<Word>,
    after: Option<usize>,
    interval_ms: Option<u64>,
    mib: Option<u64>,
    sized: Option<bool>,
}

/// The calls that a fault is for, if not for all of the API.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Target {
    Method(Method),
    Door(Door),
}

fn present<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Option<u32>>, D::Error> {
    Option::deserialize(value).map(Some)
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Word {
    Refuse,
    BlackHole,
    Reset,
    Stall,
    StallBody,
    Drip,
    Truncate,
    Flood,
    RefusedStream,
    EnhanceYourCalm,
    GoAway,
}

impl Entry {
    /// The calls that it is for; `any` and nothing are all methods of the API.
    pub(crate) fn target(&self, methods: &Methods) -> Result<Option<Target>, BadInput> {
        if self
            .probability
            .is_some_and(|probability| !(0.0..=1.0).contains(&probability))
        {
            return Err(BadInput::new("`probability` is from 0 to 1"));
        }
        let Some(word) = self.method.as_deref().filter(|word| *word != "any") else {
            return Ok(None);
        };
        let methods = methods.emulated();
        let methods = methods.map(|row| (&*row.word, Target::Method(row.method)));
        let doors = Door::WORDS.map(|(word, door)| (word, Target::Door(door)));
        let known: Vec<(&str, Target)> = methods.chain(doors).collect();
        let target = known.iter().find(|(known, _)| *known == word);
        target.map(|(_, target)| Some(*target)).ok_or_else(|| {
            let words: Vec<&str> = known.iter().map(|(word, _)| *word).collect();
            BadInput::new(format!(
                "unknown method `{word}`, expected any, {}",
                words.join(", ")
            ))
        })
    }

    /// The scripted answer, if the entry has one.
    pub(crate) fn answer(&mut self) -> Result<Option<Answer>, BadInput> {
        let generated = self.generated.map(Generated::bytes);
        if self.status.is_none() && self.body.is_none() && generated.is_none() {
            if !self.headers.is_empty() || self.content_type.is_some() {
                return Err(BadInput::new(
                    "`headers` and `content_type` go with a `status` or a `body`",
                ));
            }
            return Ok(None);
        }
        let status = self.status.unwrap_or(200);
        if !(200..600).contains(&status) {
            return Err(BadInput::new(format!(
                "`status` {status} is not a final HTTP status"
            )));
        }
        let (body, default_type) = match (generated, self.body.take()) {
            (Some(_), Some(_)) => {
                return Err(BadInput::new("`generated` and `body` are one too many"));
            }
            (Some(bytes), None) => (bytes, JSON),
            (None, Some(Value::String(text))) if text.starts_with('<') => (text.into(), HTML),
            (None, Some(Value::String(text))) => (text.into(), JSON),
            (None, Some(value)) => (value.to_string().into(), JSON),
            (None, None) if status < 300 => ("{}".into(), JSON),
            (None, None) if status < 400 => (Bytes::new(), HTML),
            (None, None) => {
                let usual = Failure::usual(status).body(true);
                (usual.to_string().into(), JSON)
            }
        };
        let content_type = self.content_type.as_deref().unwrap_or(default_type);
        let content_type = header_value("content_type", content_type)?;
        let headers = std::mem::take(&mut self.headers);
        let headers = headers.into_iter().map(|(name, value)| {
            let known = HeaderName::try_from(&name);
            let name = known.map_err(|_| BadInput::new(format!("`{name}` is no header name")))?;
            let value = header_value(name.as_str(), &value)?;
            Ok((name, value))
        });
        Ok(Some(Answer {
            status,
            content_type,
            headers: headers.collect::<Result<_, _>>()?,
            body,
        }))
    }

    /// The way of going wrong.
    pub(crate) fn how(&mut self) -> Result<How, BadInput> {
        let mut after = || self.after.take().unwrap_or(1);
        let how = match self.action {
            None => How::Whole,
            Some(Word::StallBody) => How::Mangle(Mangling::StallBody { after: after() }),
            Some(Word::Truncate) => How::Mangle(Mangling::Truncate { after: after() }),
            Some(Word::Drip) => How::Mangle(Mangling::Drip {
                interval: Duration::from_millis(self.interval_ms.take().unwrap_or(10_000)),
            }),
            Some(Word::Flood) => How::Mangle(Mangling::Flood {
                bytes: self.mib.take().unwrap_or(64).saturating_mul(1 << 20),
                sized: self.sized.take().unwrap_or(false),
            }),
            Some(Word::Refuse) => How::Break(Breakage::Refuse),
            Some(Word::BlackHole) => How::Break(Breakage::BlackHole),
            Some(Word::Reset) => How::Break(Breakage::Reset),
            Some(Word::Stall) => How::Break(Breakage::Stall),
            Some(Word::RefusedStream) => How::Break(Breakage::RefusedStream),
            Some(Word::EnhanceYourCalm) => How::Break(Breakage::EnhanceYourCalm),
            Some(Word::GoAway) => How::Break(Breakage::GoAway),
        };
        let unfit = [
            ("after", self.after.is_some()),
            ("interval_ms", self.interval_ms.is_some()),
            ("mib", self.mib.is_some()),
            ("sized", self.sized.is_some()),
        ];
        if let Some((word, _)) = unfit.iter().find(|(_, left)| *left) {
            let problem = format!("`{word}` does not go with this action");
            return Err(BadInput::new(problem));
        }
        if !how.has_answer()
            && (self.status.is_some() || self.body.is_some() || self.generated.is_some())
        {
            return Err(BadInput::new(
                "this action has no answer: `status` and `body` do not go with it",
            ));
        }
        Ok(how)
    }
}

const JSON: &str = "application/json; charset=UTF-8";
const HTML: &str = "text/html; charset=UTF-8";

fn header_value(name: &str, value: &str) -> Result<HeaderValue, BadInput> {
    HeaderValue::try_from(value)
        .map_err(|_| BadInput::new(format!("`{name}` cannot have the value {value:?}")))
}

/// A scripted answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    status: u16,
    content_type: HeaderValue,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
}

impl Answer {
    pub(crate) fn render(&self, now: u64) -> Response<Bytes> {
        let mut response = bare(
            self.status,
            self.content_type.clone(),
            self.body.clone(),
            now,
        );
        for (name, value) in &self.headers {
            response.headers_mut().insert(name, value.clone());
        }
        response
    }
}

/// A way of going wrong, before there is an answer to do it with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum How {
    Whole,
    Mangle(Mangling),
    Break(Breakage),
}

impl How {
    /// True if any of an answer reaches the sender.
    pub(crate) const fn has_answer(self) -> bool {
        !matches!(self, Self::Break(_))
    }

    pub(crate) fn act(self, response: Response<Bytes>) -> Action {
        match self {
            Self::Whole => Action::Respond(response),
            Self::Mangle(mangling) => Action::Mangle(response, mangling),
            Self::Break(breakage) => Action::Break(breakage),
        }
    }
}
