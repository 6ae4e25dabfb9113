//! `countermand doctor`.

use std::env::consts;

use countermand::hyper::{Check, CheckName, CheckResult, checkup};
use serde::Serialize;

use crate::args::Global;
use crate::args::operations::Doctor;
use crate::connect;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::streams;

/// The variables that can matter. Whether they are set is told, never to what.
const VARIABLES: [&str; 16] = [
    "COUNTERMAND_ENDPOINT",
    "COUNTERMAND_TOKEN",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GOOGLE_CLOUD_QUOTA_PROJECT",
    "GOOGLE_API_USE_CLIENT_CERTIFICATE",
    "GOOGLE_API_USE_MTLS_ENDPOINT",
    "GOOGLE_API_CERTIFICATE_CONFIG",
    "GCE_METADATA_HOST",
    "NO_GCE_CHECK",
    "CLOUDSDK_CONFIG",
    "HOME",
    "HTTPS_PROXY",
    "https_proxy",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];

/// What can be sent to somebody who helps.
#[derive(Serialize)]
struct Bundle {
    schema: &'static str,
    version: &'static str,
    system: String,
    endpoint: Option<String>,
    /// Where tokens come from.
    tokens: Option<String>,
    variables: Vec<&'static str>,
    checks: Vec<Row>,
    exit_code: u8,
}

#[derive(Serialize)]
struct Row {
    check: &'static str,
    outcome: &'static str,
    message: String,
}

pub(crate) async fn run(global: &Global, options: Doctor) -> Result<Exit, Failure> {
    let endpoint = global.endpoint.clone().unwrap_or_default();
    let target = options.name.as_deref();
    let target = target.map(|name| endpoint.parse_given_resource(name));
    let target = target.transpose();
    let target = target.map_err(|error| Failure::usage(error.to_string()))?;
    let mut bundle = Bundle {
        schema: "countermand.doctor/1",
        version: env!("CARGO_PKG_VERSION"),
        system: format!("{} {}", consts::OS, consts::ARCH),
        endpoint: None,
        tokens: None,
        variables: VARIABLES
            .into_iter()
            .filter(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
            .collect(),
        checks: Vec::new(),
        exit_code: 0,
    };
    let mut exit = Exit::Done;
    match connect::access(global).await {
        Ok(access) => {
            let files = access.warnings().iter().map(|problem| Row {
                check: CheckName::Files.as_str(),
                outcome: Check::Warn.as_str(),
                message: problem.clone(),
            });
            bundle.checks.extend(files);
            if bundle.checks.is_empty() {
                bundle.checks.push(Row {
                    check: CheckName::Files.as_str(),
                    outcome: Check::Ok.as_str(),
                    message: "no secret can be read by others".to_owned(),
                });
            }
            bundle.endpoint = Some(access.endpoint().to_string());
            bundle.tokens = Some(access.description().to_owned());
            let findings =
                checkup(access.endpoint(), access.tokens(), access.config(), target).await;
            exit = findings.iter().map(of_finding).max().unwrap_or(exit);
            bundle.checks.extend(findings.into_iter().map(Row::from));
        }
        // Without credentials there is nothing to ask with; that is a finding, too.
        Err(failure) if failure.exit == Exit::Denied => {
            exit = Exit::Denied;
            bundle.checks.push(Row {
                check: CheckName::Token.as_str(),
                outcome: Check::Fail.as_str(),
                message: failure.to_string(),
            });
        }
        Err(failure) => return Err(failure),
    }
    bundle.exit_code = exit.code();
    match global.json {
        true => {
            let line = countermand_core::json_line(&bundle);
            streams::print(&line.map_err(|error| Failure::new(Exit::Failed, error.to_string()))?);
        }
        false => streams::print(&bundle.text()),
    }
    Ok(exit)
}

fn of_finding(finding: &CheckResult) -> Exit {
    match (finding.outcome, finding.check) {
        (Check::Ok | Check::Skipped | Check::Warn, _) => Exit::Done,
        (Check::Fail, CheckName::Token | CheckName::Scope) => Exit::Denied,
        (Check::Fail, _) if finding.denied => Exit::Denied,
        (Check::Fail, CheckName::Quota) => Exit::Quota,
        (Check::Fail, _) => Exit::Failed,
    }
}

impl From<CheckResult> for Row {
    fn from(finding: CheckResult) -> Self {
        Self {
            check: finding.check.as_str(),
            outcome: finding.outcome.as_str(),
            message: finding.message,
        }
    }
}

impl Bundle {
    fn text(&self) -> String {
        let none = "none";
        let mut lines = vec![
            format!("countermand {} on {}", self.version, self.system),
            format!("endpoint    {}", self.endpoint.as_deref().unwrap_or(none)),
            format!("tokens      {}", self.tokens.as_deref().unwrap_or(none)),
            format!("variables   {}", self.variables.join(" ")),
            String::new(),
        ];
        let rows = self.checks.iter();
        lines.extend(
            rows.map(|row| format!("{:<10}  {:<7}  {}", row.check, row.outcome, row.message)),
        );
        lines.join("\n")
    }
}
