//! The schemas of the discovery document of the Android Management API.

use serde_json::{Map, Value, json};

/// The schemas beside those of every service.
pub(super) fn schemas() -> Map<String, Value> {
    let text = || json!({"type": "string"});
    let any = || json!({"type": "object", "additionalProperties": {"type": "any"}});
    let time = || json!({"type": "string", "format": "google-datetime"});
    let duration = || json!({"type": "string", "format": "google-duration"});
    let rows = [
        (
            "Command",
            json!({
                "type": text(), "duration": duration(), "createTime": time(), "newPassword": text(),
                "errorCode": text(), "wipeParams": any(),
            }),
        ),
        (
            "Device",
            json!({
                "name": text(), "state": text(), "appliedState": text(), "managementMode": text(),
                "ownership": text(), "enrollmentTime": time(), "lastStatusReportTime": time(),
                "lastPolicySyncTime": time(),
            }),
        ),
        (
            "EnrollmentToken",
            json!({
                "name": text(), "value": text(), "duration": duration(), "expirationTimestamp": time(),
                "policyName": text(), "qrCode": text(), "additionalData": text(),
                "oneTimeOnly": {"type": "boolean"},
            }),
        ),
        (
            "Enterprise",
            json!({"name": text(), "enterpriseDisplayName": text()}),
        ),
        (
            "Policy",
            json!({"name": text(), "version": {"type": "string", "format": "int64"}}),
        ),
    ];
    let rows = rows.into_iter();
    rows.map(|(id, properties)| (id.to_owned(), properties))
        .collect()
}
