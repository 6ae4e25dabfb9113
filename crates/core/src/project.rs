//! The project in a name: it has an id and a number, and a server may write either.

/// Project that a name begins with, spelled by its id or by its number.
///
/// No name tells whether an id and a number are those of one project: two names that agree in everything else
/// may be one resource.
///
/// ```
/// use countermand_core::Project;
///
/// let by_id = Project::of("//documentai.googleapis.com/projects/p-1/locations/us").expect("a project");
/// let by_number = Project::of("projects/90210/locations/us").expect("a project");
/// assert!(!by_id.is_number && by_number.is_number);
/// assert_eq!(by_id.below, by_number.below);
/// assert_eq!(by_id.host, "documentai.googleapis.com");
/// assert_eq!(Project::of("enterprises/LC01"), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_structs,
    reason = "it is the rest of a name and what was cut off"
)]
pub struct Project<'a> {
    /// The host of a full name; empty for a relative one.
    pub host: &'a str,
    /// True for a number, false for an id.
    pub is_number: bool,
    /// Rest of the name behind the project: empty, or it begins with `/`.
    pub below: &'a str,
}

impl<'a> Project<'a> {
    /// The project of a name, relative or full; `None` for a name that begins with another resource.
    #[must_use]
    pub fn of(name: &'a str) -> Option<Self> {
        let (host, relative) = match name.strip_prefix("//") {
            Some(full) => full.split_once('/')?,
            None => ("", name),
        };
        let rest = relative.strip_prefix("projects/")?;
        let end = rest.find('/').unwrap_or(rest.len());
        Some(Self {
            host,
            is_number: rest[..end].bytes().all(|byte| byte.is_ascii_digit()),
            below: &rest[end..],
        })
    }
}
