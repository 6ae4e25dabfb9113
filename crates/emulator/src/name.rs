//! Parts of the names of resources.

/// The first so many levels of a name, each a collection and an id; all of it, if it has no more.
pub(crate) fn prefix(name: &str, levels: usize) -> &str {
    let mut slashes = name.match_indices('/').map(|(at, _)| at);
    match (2 * levels).checked_sub(1).map(|nth| slashes.nth(nth)) {
        None => "",
        Some(end) => &name[..end.unwrap_or(name.len())],
    }
}

/// The name of the resource one level above, empty if there is none.
pub(crate) fn above(name: &str) -> &str {
    let mut slashes = name.rmatch_indices('/').map(|(at, _)| at);
    &name[..slashes.nth(1).unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_prefixes() {
        let name = "projects/p/locations/l/operations/1";
        let prefixes = [0, 1, 2, 3, 4].map(|levels| prefix(name, levels));
        let location = "projects/p/locations/l";
        assert_eq!(prefixes, ["", "projects/p", location, name, name]);
        assert_eq!(above(name), location);
        assert_eq!(above("projects/p"), "");
    }
}
