//! Names of one project in two spellings: its number and its id.

use std::collections::HashMap;

use countermand_core::Project;
use countermand_core::text::printable;

/// Two names, one with the number of a project and the other with an id, that may be of one project.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{} and {} may be of one project, which the one names by its number and the other by its id: \
     name it in one way, for no name tells which number is that of which id",
    printable(one),
    printable(other)
)]
#[non_exhaustive]
pub struct SameProject {
    /// The name that was looked for.
    pub one: String,
    /// The name that may be the same, or may be of a resource above.
    pub other: String,
}

/// Names of resources by what they have besides their project, to be found by the other spelling of that.
#[derive(Debug, Default)]
pub(crate) struct Spellings<'a>(HashMap<Project<'a>, &'a str>);

impl<'a> Spellings<'a> {
    pub(crate) fn new(names: impl IntoIterator<Item = &'a str>) -> Self {
        let names = names.into_iter();
        Self(
            names
                .filter_map(|name| Some((Project::of(name)?, name)))
                .collect(),
        )
    }

    /// Refuses a name if one of these may name the same resource, or one above it, in the other spelling.
    pub(crate) fn check(&self, name: &str) -> Result<(), SameProject> {
        let Some(own) = Project::of(name).filter(|_| !self.0.is_empty()) else {
            return Ok(());
        };
        let slashes = own.below.match_indices('/').map(|(at, _)| at);
        let found = slashes.chain([own.below.len()]).find_map(|end| {
            self.0.get(&Project {
                is_number: !own.is_number,
                below: &own.below[..end],
                ..own
            })
        });
        match found {
            None => Ok(()),
            Some(other) => Err(SameProject {
                one: name.to_owned(),
                other: (*other).to_owned(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_may_be_any_id_and_nothing_else() {
        let host = "//documentai.googleapis.com/";
        let operation = format!("{host}projects/p-1/locations/us/operations/7");
        for (other, may_be) in [
            ("projects/90210", true),
            ("projects/90210/locations/us", true),
            ("projects/90210/locations/us/operations/7", true),
            ("projects/90210/locations/us/operations/8", false),
            ("projects/90210/locations/eu", false),
            ("projects/90210/locations/u", false),
            ("projects/p-1/locations/us/operations/7", false),
            ("projects/p-2/locations/us/operations/7", false),
            ("folders/90210", false),
        ] {
            let other = format!("{host}{other}");
            let spellings = Spellings::new([&*other]);
            assert_eq!(spellings.check(&operation).is_err(), may_be, "{other}");
            // A project by its number may be one by its id, and not the other way round alone.
            let number = operation.replace("p-1", "4");
            assert!(
                spellings.check(&number).is_ok() || other.contains("/p-"),
                "{other}"
            );
        }
        let other = "//vision.googleapis.com/projects/90210/locations/us/operations/7";
        assert_eq!(Spellings::new([other]).check(&operation), Ok(()));
        assert_eq!(
            Spellings::default().check("enterprises/e/devices/d"),
            Ok(())
        );
    }
}
