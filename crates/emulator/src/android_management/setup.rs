//! Policies and enrollment tokens, as far as programs begin with them.
//!
//! Policies are kept as they are sent and change nothing; enrollment tokens enroll nothing.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::answer::Failure;
use crate::mask::Mask;
use crate::time::{google_duration, rfc3339, seconds};
use crate::world::World;

/// The validity of an enrollment token that names none.
const HOUR: Duration = Duration::from_secs(3600);

/// Makes the policy, or changes it: whole, or the fields of `mask` alone.
pub(super) fn patch_policy(
    world: &mut World<'_>,
    name: &str,
    mut sent: Map<String, Value>,
    mask: Option<&Mask>,
) -> Value {
    let kept = match world.resources.remove(name) {
        Some(Value::Object(policy)) => policy,
        _ => Map::new(),
    };
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
    let version = version.saturating_add(1).to_string();
    policy.insert("version".to_owned(), version.into());
    let policy = Value::Object(policy);
    world.resources.insert(name.to_owned(), policy.clone());
    policy
}

/// Makes an enrollment token, which looks like one.
pub(super) fn make_token(
    world: &mut World<'_>,
    enterprise: &str,
    mut sent: Map<String, Value>,
) -> Result<Value, Failure> {
    let duration = match sent.get("duration") {
        None => HOUR,
        Some(text) => text
            .as_str()
            .and_then(google_duration)
            .ok_or_else(|| Failure::invalid("Invalid value at 'enrollment_token.duration'"))?,
    };
    let duration = duration.as_millis() as u64;
    let tokens = world.resources.keys();
    let tokens = tokens.filter(|name| name.contains("/enrollmentTokens/"));
    let number = tokens.count() + 1;
    let name = format!("{enterprise}/enrollmentTokens/emulator{number}");
    let value = format!("EMULATOR{number:012}");
    let code = json!({
        "android.app.extra.PROVISIONING_ADMIN_EXTRAS_BUNDLE": {
            "com.google.android.apps.work.clouddpc.EXTRA_ENROLLMENT_TOKEN": value,
        },
    });
    sent.entry("policyName")
        .or_insert_with(|| format!("{enterprise}/policies/default").into());
    let end = rfc3339(world.now.saturating_add(duration));
    for (field, value) in [
        ("name", name.as_str()),
        ("value", &value),
        ("duration", &seconds(duration)),
        ("expirationTimestamp", &end),
        ("qrCode", &code.to_string()),
    ] {
        sent.insert(field.to_owned(), value.into());
    }
    let token = Value::Object(sent);
    world.resources.insert(name, token.clone());
    Ok(token)
}
