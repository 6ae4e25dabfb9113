//! The services of a job.

use countermand_core::{ErrorRow, Name, Service};

/// The services of the lanes of a job, each once, and the words that they have in common.
///
/// The text form of a name tells which of them it is of: no two have one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Services(Vec<&'static Service>);

impl Services {
    /// These services, each once.
    #[must_use]
    pub fn new(services: impl IntoIterator<Item = &'static Service>) -> Self {
        let mut each = Vec::new();
        for service in services {
            if !each.contains(&service) {
                each.push(service);
            }
        }
        Self(each)
    }

    /// The services, in the order given.
    pub fn iter(&self) -> impl Iterator<Item = &'static Service> {
        self.0.iter().copied()
    }

    /// Their ids: `batch.v1, sqladmin.v1`.
    #[must_use]
    pub fn ids(&self) -> String {
        let ids = self.iter().map(|service| service.id);
        ids.collect::<Vec<_>>().join(", ")
    }

    /// The only one; `None` of several.
    #[must_use]
    pub fn only(&self) -> Option<&'static Service> {
        match self.0[..] {
            [only] => Some(only),
            _ => None,
        }
    }

    /// True for the default service alone.
    #[must_use]
    pub fn are_default(&self) -> bool {
        self.only() == Some(Service::DEFAULT)
    }

    /// Two that have one host, which are versions of one API: the text form of a name does not tell them apart.
    pub(crate) fn of_one_host(&self) -> Option<(&'static Service, &'static Service)> {
        let mut all = self.0.iter().enumerate();
        all.find_map(|(at, one)| {
            let other = self.0[at + 1..].iter().find(|other| other.host == one.host);
            other.map(|other| (*one, *other))
        })
    }

    /// The name of one of them, by its text form.
    pub(crate) fn parse<const UP: u8>(&self, text: &str) -> Option<Name<UP>> {
        let of_several = || {
            let host = text.strip_prefix("//").map(|rest| {
                let end = rest.find('/').unwrap_or(rest.len());
                &rest[..end]
            });
            self.iter().find(|service| match host {
                Some(host) => service.host == host,
                None => *service == Service::DEFAULT,
            })
        };
        let service = self.only().or_else(of_several)?;
        Name::parse(service, text).ok()
    }

    /// A resource so many levels above the operations: `device`, or `resource` where the services have several words.
    #[must_use]
    pub fn noun(&self, up: u8) -> &'static str {
        self.word(|service| service.level_above(up).noun, "resource")
    }

    /// Such resources: `devices`, or `resources`.
    #[must_use]
    pub fn nouns(&self, up: u8) -> &'static str {
        self.word(|service| service.level_above(up).collection, "resources")
    }

    /// The title, or words for several.
    #[must_use]
    pub fn title(&self) -> &'static str {
        self.word(|service| service.title, "its service")
    }

    /// The word of all of them, or one for several.
    fn word(
        &self,
        of: impl Fn(&'static Service) -> &'static str,
        several: &'static str,
    ) -> &'static str {
        let mut words = self.iter().map(of);
        match words.next() {
            Some(first) if words.all(|word| word == first) => first,
            _ => several,
        }
    }

    /// One of what is searched: `device`, or a general word where some service has no list of those.
    pub(crate) fn searched(&self, general: &'static str) -> &'static str {
        match self.iter().all(|service| service.lists_parents) {
            true => self.noun(1),
            false => general,
        }
    }

    /// True if one of them tells when the parents of operations were last active.
    pub(crate) fn tell_active_time(&self) -> bool {
        let mut all = self.iter();
        all.any(|service| service.lists_parents && service.level_above(1).active_time.is_some())
    }

    /// The advice of an error, in a sentence for an operator: with the service behind it where that makes a difference.
    #[must_use]
    pub fn advice(&self, row: &ErrorRow) -> String {
        let mut texts: Vec<(String, Vec<&str>)> = Vec::new();
        for service in self.iter() {
            let text = row.advice(service);
            match texts.iter_mut().find(|(other, _)| *other == text) {
                Some((_, ids)) => ids.push(service.id),
                None => texts.push((text, vec![service.id])),
            }
        }
        match &texts[..] {
            [(text, _)] => text.clone(),
            _ => {
                let each = texts
                    .iter()
                    .map(|(text, ids)| format!("of {}: {text}", ids.join(", ")));
                each.collect::<Vec<_>>().join("; ")
            }
        }
    }

    /// True if operations of all of them are commands, which resources with a record carry out.
    pub(crate) fn are_commands(&self) -> bool {
        self.iter().all(|service| service.has_parent_records)
    }

    /// True if operations of one of them are carried out by resources of which it keeps records.
    #[must_use]
    pub fn have_parent_records(&self) -> bool {
        self.iter().any(|service| service.has_parent_records)
    }
}

#[cfg(test)]
mod tests {
    use countermand_core::OperationName;

    use super::*;

    fn of(ids: &[&str]) -> Services {
        Services::new(ids.iter().map(|id| Service::named(id).unwrap()))
    }

    #[test]
    fn a_name_tells_its_service() {
        let all = of(&["androidmanagement.v1", "batch.v1", "documentai.v1beta3"]);
        for name in [
            "enterprises/e/devices/d/operations/1",
            "//batch.googleapis.com/projects/p/locations/l/operations/1",
            "//documentai.googleapis.com/projects/p/locations/l/operations/1",
        ] {
            let parsed: OperationName = all.parse(name).unwrap();
            assert_eq!(parsed.as_str(), name);
            let copy: OperationName = of(&[parsed.service().id]).parse(name).unwrap();
            assert_eq!((copy.service(), &copy), (parsed.service(), &parsed));
        }
        for name in [
            "projects/p/locations/l/operations/1",
            "//run.googleapis.com/projects/p/locations/l/operations/1",
            "//batch.googleapis.com",
            "",
        ] {
            assert_eq!(all.parse::<0>(name), None, "{name}");
        }
    }

    #[test]
    fn words_are_those_of_all() {
        let one = of(&["androidmanagement.v1", "androidmanagement.v1"]);
        assert_eq!((one.noun(1), one.nouns(2)), ("device", "enterprises"));
        assert!(one.are_default() && one.have_parent_records());
        let two = of(&["batch.v1", "workflowexecutions.v1"]);
        assert_eq!((two.only(), two.title()), (None, "its service"));
        let several = of(&["androidmanagement.v1", "batch.v1"]);
        assert_eq!(
            (several.noun(1), several.nouns(2)),
            ("resource", "resources")
        );
        assert_eq!(several.searched("list"), "list");
        assert!(several.have_parent_records());
        assert_eq!(
            of(&["documentai.v1", "documentai.v1beta3"])
                .of_one_host()
                .map(|it| it.0.id),
            Some("documentai.v1")
        );
        assert_eq!(several.of_one_host(), None);
    }
}
