//! Enterprises, policies and enrollment tokens, as far as programs begin with them.
//!
//! Policies are kept as they are sent and change nothing; enrollment tokens enroll nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::answer::Failure;
use crate::mask::Mask;
use crate::time::{google_duration, rfc3339, seconds};

/// The validity of an enrollment token that names none, in seconds.
const HOUR: Duration = Duration::from_secs(3600);

/// Policies and enrollment tokens of all enterprises, by name.
#[derive(Debug, Default)]
pub(crate) struct Setup {
    policies: BTreeMap<String, Map<String, Value>>,
    tokens: BTreeMap<String, Value>,
}

impl Setup {
    pub(crate) fn policy(&self, name: &str) -> Option<Value> {
        self.policies.get(name).cloned().map(Value::Object)
    }

    pub(crate) fn policies(&self, enterprise: &str) -> Vec<Value> {
        let of = below(&self.policies, format!("{enterprise}/policies/"));
        of.cloned().map(Value::Object).collect()
    }

    /// Makes the policy, or changes it: whole, or the fields of `mask` alone.
    pub(crate) fn patch(
        &mut self,
        name: &str,
        mut sent: Map<String, Value>,
        mask: Option<&Mask>,
    ) -> Value {
        let kept = self.policies.remove(name).unwrap_or_default();
        let version = kept.get("version").and_then(Value::as_str);
        let version: u64 = version.and_then(|text| text.parse().ok()).unwrap_or(0);
        let mut policy = match mask {
            None => sent,
            Some(mask) => {
                let mut policy = kept;
                for field in mask.fields() {
                    match sent.remove(field) {
                        Some(value) => policy.insert(field.to_owned(), value),
                        None => policy.remove(field),
                    };
                }
                policy
            }
        };
        policy.insert("name".to_owned(), name.into());
        policy.insert(
            "version".to_owned(),
            version.saturating_add(1).to_string().into(),
        );
        self.policies.insert(name.to_owned(), policy.clone());
        Value::Object(policy)
    }

    pub(crate) fn token(&self, name: &str) -> Option<Value> {
        self.tokens.get(name).cloned()
    }

    pub(crate) fn tokens(&self, enterprise: &str) -> Vec<Value> {
        let of = below(&self.tokens, format!("{enterprise}/enrollmentTokens/"));
        of.cloned().collect()
    }

    /// Makes an enrollment token, which looks like one.
    pub(crate) fn make_token(
        &mut self,
        enterprise: &str,
        mut sent: Map<String, Value>,
        now: u64,
    ) -> Result<Value, Failure> {
        let duration = match sent.get("duration") {
            None => HOUR,
            Some(text) => text
                .as_str()
                .and_then(google_duration)
                .ok_or_else(|| Failure::invalid("Invalid value at 'enrollment_token.duration'"))?,
        };
        let duration = duration.as_millis() as u64;
        let number = self.tokens.len() + 1;
        let name = format!("{enterprise}/enrollmentTokens/emulator{number}");
        let value = format!("EMULATOR{number:012}");
        let code = json!({
            "android.app.extra.PROVISIONING_ADMIN_EXTRAS_BUNDLE": {
                "com.google.android.apps.work.clouddpc.EXTRA_ENROLLMENT_TOKEN": value,
            },
        });
        sent.entry("policyName")
            .or_insert_with(|| format!("{enterprise}/policies/default").into());
        for (field, value) in [
            ("name", name.as_str()),
            ("value", &value),
            ("duration", &seconds(duration)),
            (
                "expirationTimestamp",
                &rfc3339(now.saturating_add(duration)),
            ),
            ("qrCode", &code.to_string()),
        ] {
            sent.insert(field.to_owned(), value.into());
        }
        let token = Value::Object(sent);
        self.tokens.insert(name, token.clone());
        Ok(token)
    }
}

/// The values whose names begin with `prefix`, in order.
fn below<T>(map: &BTreeMap<String, T>, prefix: String) -> impl Iterator<Item = &T> {
    map.range(prefix.clone()..)
        .take_while(move |(name, _)| name.starts_with(&prefix))
        .map(|(_, value)| value)
}
