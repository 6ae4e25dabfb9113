//! The identities that the emulator knows, and their secrets.

pub(super) const SERVICE_ACCOUNT: &str = "rescue@emulator.iam.gserviceaccount.com";
pub(super) const CLIENT_ID: &str = "764086051850-emulator.apps.googleusercontent.com";
pub(super) const CLIENT_SECRET: &str = "GOCSPX-canary-client-secret";
pub(super) const REFRESH_TOKEN: &str = "1//canary-refresh-token-of-the-emulator";
pub(super) const SUBJECT_TOKEN: &str = "canary-subject-token-of-the-emulator";
pub(super) const AUDIENCE: &str = "//iam.googleapis.com/projects/7/locations/global/workloadIdentityPools/pool/providers/emulator";
