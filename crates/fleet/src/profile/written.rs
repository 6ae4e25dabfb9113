//! Text of a profile, which reads as the same profile wherever it is sent: paths in it are absolute.

use std::fmt::{self, Display, Write};
use std::path::Path;
use std::time::Duration;

use super::{CredentialsPlace, Defaults, Profile, ProfileLane, QuotaTerms, SCHEMA};

impl Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Text(format!("schema = {}\n", quoted(SCHEMA)));
        let Defaults {
            service,
            endpoint,
            quota,
            in_flight,
            deadline,
            max_age,
            ca_file,
            proxy_from_env,
        } = &self.defaults;
        text.0.push_str("[defaults]\n");
        text.field("service", service.map(|service| service.id));
        text.field("endpoint", endpoint.as_ref());
        text.quota(quota);
        text.bare("in_flight", in_flight.as_ref());
        let length = |length: &Duration| format!("{}s", length.as_secs_f64());
        text.field("deadline", deadline.as_ref().map(length));
        text.field("max_age", max_age.as_ref().map(length));
        text.field("ca_file", ca_file.as_deref().map(Path::display));
        text.bare("proxy_from_env", proxy_from_env.then_some(true));
        for lane in &self.lanes {
            text.lane(lane);
        }
        f.write_str(&text.0)
    }
}

struct Text(String);

impl Text {
    /// A field that is a text.
    fn field(&mut self, name: &str, value: Option<impl Display>) {
        self.bare(name, value.map(|value| quoted(&value.to_string())));
    }

    /// A field of another kind.
    fn bare(&mut self, name: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            let _ = writeln!(self.0, "{name} = {value}");
        }
    }

    fn quota(&mut self, terms: &QuotaTerms) {
        let QuotaTerms {
            quota,
            per_resource,
            share,
        } = terms;
        let none = || "none".to_owned();
        let windows = quota.as_ref().map(|quota| {
            let windows = quota.get_windows().iter().map(ToString::to_string);
            match windows.collect::<Vec<_>>().join(",") {
                windows if windows.is_empty() => none(),
                windows => windows,
            }
        });
        self.field("quota", windows);
        let window = per_resource.map(|window| window.map_or_else(none, |it| it.to_string()));
        self.field("per_resource", window);
        self.bare("share", share.as_ref());
    }

    fn lane(&mut self, lane: &ProfileLane) {
        let ProfileLane {
            name,
            service,
            project,
            quota_project,
            region,
            parents,
            endpoint,
            quota,
            credentials,
            impersonate,
            subject,
        } = lane;
        let _ = writeln!(self.0, "[lanes.{}]", quoted(name));
        self.field("service", Some(service.id));
        self.field("project", project.as_ref());
        self.field("quota_project", quota_project.as_ref());
        self.field("region", region.as_ref());
        let parents = parents.iter().map(|parent| quoted(parent.as_str()));
        let parents = parents.collect::<Vec<_>>().join(", ");
        let parents = Some(format!("[{parents}]")).filter(|_| !lane.parents.is_empty());
        self.bare("parents", parents);
        self.field("endpoint", endpoint.as_ref());
        self.quota(quota);
        let place = credentials.as_ref().map(|place| match place {
            CredentialsPlace::File(path) => format!("{{ file = {} }}", shown(path)),
            CredentialsPlace::TokenFile(path) => format!("{{ token_file = {} }}", shown(path)),
            CredentialsPlace::Command(line) => format!("{{ command = {} }}", quoted(line)),
            CredentialsPlace::Default => "{ default = true }".to_owned(),
        });
        self.bare("credentials", place);
        self.field("impersonate", impersonate.as_ref());
        self.field("subject", subject.as_ref());
    }
}

fn shown(path: &Path) -> String {
    quoted(&path.to_string_lossy())
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for char in text.chars() {
        match char {
            '"' | '\\' => quoted.extend(['\\', char]),
            char if char.is_control() => {
                let _ = write!(quoted, "\\U{:08X}", u32::from(char));
            }
            char => quoted.push(char),
        }
    }
    quoted.push('"');
    quoted
}
