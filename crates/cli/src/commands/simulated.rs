//! The server of a simulation: fates, failures and a quota, and no clock of its own.

use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;
use countermand_emulator::{ServerQuota, ServerUsage};
use http::{Method, Request, Response, StatusCode};

/// Which answers fail.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failing {
    status: StatusCode,
    part: f64,
}

impl FromStr for Failing {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (status, part) = text.split_once(':')?;
            let part = part.strip_suffix('%')?.parse::<f64>().ok()? / 100.0;
            let status = status.parse::<StatusCode>().ok()?;
            let fails = status.is_client_error() || status.is_server_error();
            ((0.0..=1.0).contains(&part) && fails).then_some(Self { status, part })
        };
        parse().ok_or("expected a status of 400 to 599 and a part of all answers, like 503:20%")
    }
}

/// What becomes of an operation.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Cancellable,
    Completes,
    Stuck,
}

/// Fates with their weights.
#[derive(Clone, Debug)]
pub(crate) struct Fates(Vec<(Fate, u32)>);

impl FromStr for Fates {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = |part: &str| {
            let (fate, weight) = part.trim().split_once(':')?;
            let fate = match fate {
                "cancellable" => Fate::Cancellable,
                "completes" => Fate::Completes,
                "stuck" => Fate::Stuck,
                _ => return None,
            };
            let weight = weight.parse().ok().filter(|weight| *weight <= 1_000_000)?;
            Some((fate, weight))
        };
        let fates: Option<Vec<_>> = text.split(',').map(parse).collect();
        fates
            .filter(|fates| fates.len() <= 100 && fates.iter().any(|(_, weight)| *weight > 0))
            .map(Self)
            .ok_or("expected parts like cancellable:90,completes:5,stuck:5")
    }
}

impl Fates {
    fn draw(&self, chance: f64) -> Fate {
        let all: u32 = self.0.iter().map(|(_, weight)| weight).sum();
        let mut left = chance * f64::from(all);
        for (fate, weight) in &self.0 {
            left -= f64::from(*weight);
            if left < 0.0 {
                return *fate;
            }
        }
        Fate::Cancellable
    }
}

/// Answers as it is told, and refuses what is beyond the whole quota.
pub(crate) struct Server<'a> {
    fail: Option<Failing>,
    fates: &'a Fates,
    seed: u64,
    usage: ServerUsage,
    draws: u64,
    /// Requests refused for the quota.
    pub(crate) refused: u64,
    /// Requests that failed as was asked for.
    pub(crate) failed: u64,
}

impl<'a> Server<'a> {
    pub(crate) fn new(
        quota: ServerQuota,
        fail: Option<Failing>,
        fates: &'a Fates,
        seed: u64,
    ) -> Self {
        Self {
            fail,
            fates,
            seed,
            usage: ServerUsage::new(quota),
            draws: 0,
            refused: 0,
            failed: 0,
        }
    }

    /// Its answer to a request that reaches it so long after the start.
    pub(crate) fn serve(&mut self, now: Duration, request: &Request<()>) -> Response<Bytes> {
        if let Some(refusal) = self.usage.refuse(now, request) {
            self.refused += 1;
            return refusal;
        }
        if let Some(Failing { status, part }) = self.fail {
            self.draws += 1;
            if chance(self.seed, self.draws) < part {
                self.failed += 1;
                return answer(status, String::new());
            }
        }
        if request.method() == Method::POST {
            return answer(StatusCode::OK, "{}".to_owned());
        }
        let name = request.uri().path().trim_start_matches("/v1/");
        let number = name.rsplit('/').next().and_then(|id| id.parse().ok());
        // Another stream of chance than that of the failures.
        let drawn = chance(!self.seed, number.unwrap_or(0));
        let end = match self.fates.draw(drawn) {
            Fate::Cancellable => r#","done":true,"error":{"code":1}"#,
            Fate::Completes => r#","done":true,"response":{}"#,
            Fate::Stuck => "",
        };
        answer(StatusCode::OK, format!(r#"{{"name":"{name}"{end}}}"#))
    }
}

fn answer(status: StatusCode, body: String) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response
}

/// A fraction in [0, 1) that looks like chance, for a seed and a number.
fn chance(seed: u64, number: u64) -> f64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    (seed, number).hash(&mut hasher);
    (hasher.finish() >> 11) as f64 / (1_u64 << 53) as f64
}
