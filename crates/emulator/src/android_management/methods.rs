//! The methods of the Android Management API beside those of every service.

use crate::method::{OwnMethod, PAGES};

pub(super) const METHODS: &[OwnMethod] = &[
    OwnMethod {
        word: "enterprises.list",
        path: "enterprises",
        query: &["projectId", "view", "pageSize", "pageToken"],
        request: "",
        response: "ListEnterprisesResponse",
    },
    OwnMethod {
        word: "enterprises.get",
        path: "enterprises/*",
        query: &[],
        request: "",
        response: "Enterprise",
    },
    OwnMethod {
        word: "issueCommand",
        path: "enterprises/*/devices/*:issueCommand",
        query: &[],
        request: "Command",
        response: "Operation",
    },
    OwnMethod {
        word: "policies.list",
        path: "enterprises/*/policies",
        query: PAGES,
        request: "",
        response: "ListPoliciesResponse",
    },
    OwnMethod {
        word: "policies.get",
        path: "enterprises/*/policies/*",
        query: &[],
        request: "",
        response: "Policy",
    },
    OwnMethod {
        word: "policies.patch",
        path: "enterprises/*/policies/*",
        query: &["updateMask"],
        request: "Policy",
        response: "Policy",
    },
    OwnMethod {
        word: "enrollmentTokens.create",
        path: "enterprises/*/enrollmentTokens",
        query: &[],
        request: "EnrollmentToken",
        response: "EnrollmentToken",
    },
    OwnMethod {
        word: "enrollmentTokens.get",
        path: "enterprises/*/enrollmentTokens/*",
        query: &[],
        request: "",
        response: "EnrollmentToken",
    },
    OwnMethod {
        word: "enrollmentTokens.list",
        path: "enterprises/*/enrollmentTokens",
        query: PAGES,
        request: "",
        response: "ListEnrollmentTokensResponse",
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
