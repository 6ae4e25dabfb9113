//! The methods of the Android Management API beside those of every service.

use crate::method::{OwnMethod, PAGES};

pub(super) const METHODS: &[OwnMethod] = &[
    OwnMethod {
        word: "enterprises.list",
        path: "enterprises",
        query: &["projectId", "view", "pageSize", "pageToken"],
        message: "Enterprise",
    },
    OwnMethod {
        word: "enterprises.get",
        path: "enterprises/*",
        query: &[],
        message: "Enterprise",
    },
    OwnMethod {
        word: "issueCommand",
        path: "enterprises/*/devices/*:issueCommand",
        query: &[],
        message: "Command",
    },
    OwnMethod {
        word: "policies.list",
        path: "enterprises/*/policies",
        query: PAGES,
        message: "Policy",
    },
    OwnMethod {
        word: "policies.get",
        path: "enterprises/*/policies/*",
        query: &[],
        message: "Policy",
    },
    OwnMethod {
        word: "policies.patch",
        path: "enterprises/*/policies/*",
        query: &["updateMask"],
        message: "Policy",
    },
    OwnMethod {
        word: "enrollmentTokens.create",
        path: "enterprises/*/enrollmentTokens",
        query: &[],
        message: "EnrollmentToken",
    },
    OwnMethod {
        word: "enrollmentTokens.get",
        path: "enterprises/*/enrollmentTokens/*",
        query: &[],
        message: "EnrollmentToken",
    },
    OwnMethod {
        word: "enrollmentTokens.list",
        path: "enterprises/*/enrollmentTokens",
        query: PAGES,
        message: "EnrollmentToken",
    },
];

/// The rest of the real API, as far as its paths go.
pub(super) const NOT_EMULATED: &[(&str, &str)] = &[
    ("POST", "signupUrls"),
    ("POST", "enterprises"),
    ("GET", "provisioningInfo/*"),
    ("PATCH", "enterprises/*"),
    ("DELETE", "enterprises/*"),
    ("POST", "enterprises/*:generateEnterpriseUpgradeUrl"),
    ("GET", "enterprises/*/webApps"),
    ("POST", "enterprises/*/webApps"),
    ("POST", "enterprises/*/webTokens"),
    ("GET", "enterprises/*/migrationTokens"),
    ("POST", "enterprises/*/migrationTokens"),
    ("PATCH", "enterprises/*/devices/*"),
    ("DELETE", "enterprises/*/devices/*"),
    ("DELETE", "enterprises/*/policies/*"),
    ("POST", "enterprises/*/policies/*:modifyPolicyApplications"),
    ("POST", "enterprises/*/policies/*:removePolicyApplications"),
    ("DELETE", "enterprises/*/enrollmentTokens/*"),
    ("GET", "enterprises/*/applications/*"),
    ("GET", "enterprises/*/migrationTokens/*"),
    ("GET", "enterprises/*/webApps/*"),
    ("PATCH", "enterprises/*/webApps/*"),
    ("DELETE", "enterprises/*/webApps/*"),
];
