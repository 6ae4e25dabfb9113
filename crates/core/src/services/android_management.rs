//! The Android Management API: an operation is a command that is sent to a device.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

use crate::duration;
use crate::json::Text;
use crate::metadata::Metadata;
use crate::operation_reader::OperationReader;
use crate::service::{CancelMethod, Level, NamePattern, Service};
use crate::timestamp::Timestamp;

/// The Android Management API, version 1.
///
/// Quotas: 600 calls in 60 s (documented) and 1,000 in 100 s (seen) of a project, 60 in 60 s of a method
/// on one device or enterprise.
pub static ANDROID_MANAGEMENT: Service = Service {
    id: "androidmanagement.v1",
    title: "Android Management API",
    host: "androidmanagement.googleapis.com",
    mtls_host: "androidmanagement.mtls.googleapis.com",
    regional_hosts: &[],
    prefix: "/v1",
    scope: "https://www.googleapis.com/auth/androidmanagement",
    patterns: &[NamePattern::new(&[
        Level::new("enterprises", "enterprise"),
        Level {
            fields: "name,lastStatusReportTime",
            active_time: Some("lastStatusReportTime"),
            ..Level::new("devices", "device")
        },
        Level {
            fields: OPERATION_FIELDS,
            ..Level::new("operations", "operation")
        },
    ])],
    cancel: CancelMethod::USUAL,
    list_query: "pageSize=",
    quota_levels: 2,
    denial_levels: 1,
    has_parent_records: true,
    lists_parents: true,
    unmanaged_parent: Some("device is no longer being managed"),
    quota: &[(600, 60), (1000, 100)],
    resource_quota: Some((60, 60)),
    operation: OperationReader::new::<Command>(),
};

const OPERATION_FIELDS: &str = "name,done,error,metadata(@type,type,createTime,duration,errorCode)";

/// The metadata of a command, without its parameters.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Command {
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(default, deserialize_with = "time")]
    create_time: Option<Timestamp>,
    #[serde(default, deserialize_with = "duration")]
    duration: Option<Duration>,
    error_code: Option<String>,
}

/// A time that cannot be read is as good as none: nothing is concluded from it.
fn time<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Timestamp>, D::Error> {
    let text = Option::<Text<'de>>::deserialize(value)?;
    Ok(text.and_then(|text| Timestamp::parse_rfc3339(text.as_str())))
}

fn duration<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Duration>, D::Error> {
    let text = Option::<Text<'de>>::deserialize(value)?;
    Ok(text.and_then(|text| duration::parse(text.as_str())))
}

impl From<Command> for Metadata {
    fn from(command: Command) -> Self {
        Self {
            kind: command.kind,
            create_time: command.create_time,
            duration: command.duration,
            // By the API, the field "is not set when the command is cancelled by the caller".
            error_code: command
                .error_code
                .filter(|code| code != "COMMAND_ERROR_CODE_UNSPECIFIED"),
            cancel_asked: false,
        }
    }
}
