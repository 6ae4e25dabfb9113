//! Commands that cut names out of a text.

use std::fmt;

use countermand_core::Service;

/// A command that cuts names of one pattern out of any text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut(String);

impl Cut {
    /// Of names of a pattern as errors tell it: `projects/{project}/operations/{operation}`.
    pub(super) fn of_pattern(pattern: &str) -> Self {
        let (before, id) = pattern.rsplit_once('/').unwrap_or(("", pattern));
        // Ids of operations are plainer than others, and what stands behind one is often a comma or a dot.
        let id = match id.ends_with("=**}") {
            true => "[A-Za-z0-9_/-]+",
            false => "[A-Za-z0-9_-]+",
        };
        Self(format!("{}/{id}", expression(before)))
    }

    /// Of names of the usual pattern of a service.
    pub(super) fn of_service(service: &Service) -> Self {
        Self::of_pattern(&service.pattern())
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "this cuts names out: grep -oE '{}'", self.0)
    }
}

/// The command that prints the lines which are names of what a search takes; `None` where that has no name.
#[must_use]
pub fn searched(service: &Service) -> Option<String> {
    let pattern = service.pattern();
    let parent = above(&pattern)?;
    let host = match service == Service::DEFAULT {
        true => String::new(),
        false => format!("(//{}/)?", service.host),
    };
    let names = match above(parent).filter(|_| service.lists_parents) {
        Some(first) => format!(
            "{}({})?",
            expression(first),
            expression(&parent[first.len()..])
        ),
        None => expression(parent),
    };
    Some(format!("grep -xE '{host}{names}'"))
}

/// The part of a pattern without its last collection and id.
fn above(pattern: &str) -> Option<&str> {
    pattern.rsplitn(3, '/').nth(2)
}

/// The regular expression of a pattern.
fn expression(pattern: &str) -> String {
    let segment = |segment: &str| {
        match segment {
            _ if segment.ends_with("=**}") => "[^ ]+",
            _ if segment.starts_with('{') => "[^/ ]+",
            _ => segment,
        }
        .to_owned()
    };
    pattern
        .split('/')
        .map(segment)
        .collect::<Vec<_>>()
        .join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_of_the_pattern_of_the_service() {
        let of = |id| Service::named(id).unwrap();
        let cut = |id| Cut::of_service(of(id)).to_string();
        let begin = "this cuts names out: grep -oE '";
        assert_eq!(
            cut("androidmanagement.v1"),
            format!("{begin}enterprises/[^/ ]+/devices/[^/ ]+/operations/[A-Za-z0-9_-]+'")
        );
        assert_eq!(
            cut("vault.v1"),
            format!("{begin}operations/[A-Za-z0-9_/-]+'")
        );
        let find = |id| searched(of(id));
        assert_eq!(
            find("androidmanagement.v1").as_deref(),
            Some("grep -xE 'enterprises/[^/ ]+(/devices/[^/ ]+)?'")
        );
        assert_eq!(
            find("documentai.v1").as_deref(),
            Some("grep -xE '(//documentai.googleapis.com/)?projects/[^/ ]+/locations/[^/ ]+'")
        );
        assert_eq!(find("vault.v1"), None);
    }
}
