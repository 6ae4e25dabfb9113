//! Parts of the names of resources.

use countermand_core::{Ids, Level};

/// The first so many levels of a name that has these; all of it, if it has no more. Where no levels are known,
/// each is a collection and an id.
pub(crate) fn prefix<'a>(levels: &[Level], name: &'a str, count: usize) -> &'a str {
    if levels
        .iter()
        .take(count)
        .any(|level| level.ids == Ids::Rest)
    {
        return name;
    }
    let segments = (0..count).map(|nth| match levels.get(nth) {
        Some(level) if level.ids == Ids::None => 1,
        _ => 2,
    });
    let mut slashes = name.match_indices('/').map(|(at, _)| at);
    match segments.sum::<usize>().checked_sub(1) {
        None => "",
        Some(nth) => &name[..slashes.nth(nth).unwrap_or(name.len())],
    }
}

/// The name of a resource in a path, which lacks the level of this number.
pub(crate) fn without_level(levels: &[Level], name: &str, number: usize) -> String {
    let rest = &name[prefix(levels, name, number + 1).len()..];
    format!("{}{rest}", prefix(levels, name, number))
}

/// The name of the resource of a path that lacks the level of this number, with that level.
pub(crate) fn with_level(levels: &[Level], name: &str, number: usize, id: &str) -> Option<String> {
    let before = prefix(levels, name, number);
    let collection = levels.get(number)?.collection;
    let rest = &name[before.len()..];
    Some(format!("{before}/{collection}/{id}{rest}"))
}

/// The number that stands for every project.
const PROJECT_NUMBER: &str = "123456789012";

/// The name with the number of its project, if it has a project that is not spelled so already.
pub(crate) fn with_number(name: &str) -> String {
    let below = name.strip_prefix("projects/");
    match below.and_then(|rest| rest.split_once('/')) {
        Some((id, rest)) if !id.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("projects/{PROJECT_NUMBER}/{rest}")
        }
        _ => name.to_owned(),
    }
}

/// The name in which this project stands in place of the number.
pub(crate) fn with_project(name: &str, project: &str) -> Option<String> {
    let rest = name
        .strip_prefix("projects/")?
        .strip_prefix(PROJECT_NUMBER)?;
    (rest.is_empty() || rest.starts_with('/')).then(|| format!("{project}{rest}"))
}

/// The name of a resource below another, which is the root if its name is empty.
pub(crate) fn below(above: &str, rest: &str) -> String {
    match above {
        "" => rest.to_owned(),
        _ => format!("{above}/{rest}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_prefixes() {
        const LOCATED: &str = "projects/p/locations/l/operations/1";
        let name = LOCATED;
        let location = "projects/p/locations/l";
        let levels = [
            Level::new("projects", "project"),
            Level::new("locations", "location"),
            Level::new("operations", "operation"),
        ];
        for levels in [&[], &levels[..]] {
            let prefixes = [0, 1, 2, 3, 4].map(|count| prefix(levels, name, count));
            assert_eq!(prefixes, ["", "projects/p", location, name, name]);
        }
        let config = Level {
            ids: Ids::None,
            ..Level::new("config", "config")
        };
        let operations = Level {
            ids: Ids::Rest,
            ..Level::new("operations", "operation")
        };
        let name = "config/operations/a/b";
        let prefixes = [0, 1, 2].map(|count| prefix(&[config, operations], name, count));
        assert_eq!(prefixes, ["", "config", name]);
        let lacking = without_level(&levels, LOCATED, 1);
        assert_eq!(lacking, "projects/p/operations/1");
        assert_eq!(
            with_level(&levels, &lacking, 1, "l").as_deref(),
            Some(LOCATED)
        );
        assert_eq!(
            without_level(&levels, "projects/p/locations/l", 1),
            "projects/p"
        );
        assert_eq!(below("", "operations/1"), "operations/1");
        assert_eq!(
            below("projects/p", "operations/1"),
            "projects/p/operations/1"
        );
    }
}
