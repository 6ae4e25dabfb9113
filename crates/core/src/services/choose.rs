//! The service that a word or a name means.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::sync::OnceLock;

use crate::name_parse;
use crate::service::{GOOGLE, Service};
use crate::services::file;
use crate::services::table::{self, Row, rows};

/// A word that names no service, or none that has the operation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnknownService {
    /// No service has this name.
    #[error("no service is named \"{word}\"{}", suggested(.nearest))]
    Word {
        /// The word, escaped and cut.
        word: String,
        /// The names that are most like it.
        nearest: Vec<&'static str>,
    },
    /// No version of the service has names like this one.
    #[error("no version of {api} has operations named like \"{name}\": {}", .patterns.join(", "))]
    Pattern {
        /// The name of the API.
        api: &'static str,
        /// The name of the operation, escaped and cut.
        name: String,
        /// The patterns of its newest version, at most three.
        patterns: Vec<String>,
    },
}

fn suggested(nearest: &[&str]) -> String {
    match nearest {
        [] => "; the list of services has all names".to_owned(),
        _ => format!("; the nearest are {}", nearest.join(", ")),
    }
}

impl Service {
    /// The service of an id, as in discovery: its name and version, `translate.v3`.
    ///
    /// It is built in, and decoded at the first call, or was [read from a file](Self::from_json).
    ///
    /// ```
    /// use countermand_core::Service;
    ///
    /// let translation = Service::named("translate.v3").expect("it is built in");
    /// assert_eq!(translation.title, "Cloud Translation API");
    /// assert!(Service::named("translate.v7").is_none());
    /// ```
    #[must_use]
    pub fn named(id: &str) -> Option<&'static Self> {
        table::row(id).map(Row::decoded).or_else(|| file::named(id))
    }

    /// Ids of the services that are built in, sorted.
    pub fn ids() -> impl Iterator<Item = &'static str> {
        rows().map(Row::id)
    }

    /// The service that a word means: `translate.v3`, or `translate` for its newest version.
    ///
    /// A stable version comes before one that is not, a newer one before an older, and one that is built in before one
    /// that a file describes. With the name of an operation or of a resource above some, relative or full, a version whose
    /// patterns do not hold it is passed over. A word with a version means that one, whatever the name.
    ///
    /// ```
    /// use countermand_core::Service;
    ///
    /// assert_eq!(Service::choose("dataproc", None)?.id, "dataproc.v1");
    /// let error = Service::choose("tranlsate", None).unwrap_err();
    /// assert!(error.to_string().contains("translate"), "{error}");
    /// # Ok::<(), countermand_core::UnknownService>(())
    /// ```
    ///
    /// # Errors
    /// No service has the word as its name, or none of its versions has such operations.
    pub fn choose(word: &str, name: Option<&str>) -> Result<&'static Self, UnknownService> {
        if let Some(service) = Self::named(word) {
            return Ok(service);
        }
        let built_in = rows().filter(|row| row.api() == word);
        let described = file::of_api(word).into_iter();
        let versions = built_in.map(Version::BuiltIn);
        let versions: Vec<_> = versions.chain(described.map(Version::Described)).collect();
        let Some(newest) = newest_of(versions.iter()) else {
            return Err(UnknownService::Word {
                word: crate::shown::shown_excerpt(word, 80),
                nearest: nearest(word),
            });
        };
        let relative = name.map(|name| match name.strip_prefix("//") {
            Some(full) => full.split_once('/').map_or("", |(_, relative)| relative),
            None => name,
        });
        match relative.map_or(Some(newest), |name| newest_with(&versions, name, ANY_LEVEL)) {
            Some(version) => Ok(version.service()),
            None => Err(UnknownService::Pattern {
                api: newest.api(),
                name: crate::shown::shown_excerpt(name.unwrap_or_default(), 80),
                patterns: newest.patterns().take(3).collect(),
            }),
        }
    }

    /// The service that a command or a client is for: of a word if there is one, else of the name of an
    /// operation, if that tells its host; else the default one.
    ///
    /// # Errors
    /// As for [`choose`](Self::choose).
    pub fn meant(word: Option<&str>, name: Option<&str>) -> Result<&'static Self, UnknownService> {
        let name = name.map(str::trim);
        let full = name.and_then(|name| Some(name.split_once("//")?.1));
        let (host, path) = full.map_or((None, name), |full| {
            let (host, path) = full.split_once('/').unwrap_or((full, ""));
            (Some(host), Some(path))
        });
        match (word, host.zip(path)) {
            // The text of a URL has the version before the name.
            (Some(word), Some((host, path))) => match Self::at_host(host, path, ANY_LEVEL) {
                Some(told) if told.id.split('.').next() == Some(word) => Ok(told),
                _ => Self::choose(word, None),
            },
            (Some(word), None) => match Self::choose(word, path) {
                // What is wrong with the name is told when it is read.
                Err(UnknownService::Pattern { .. }) => Self::choose(word, None),
                chosen => chosen,
            },
            (None, Some((host, path))) => {
                Ok(Self::at_host(host, path, ANY_LEVEL).unwrap_or(Self::DEFAULT))
            }
            (None, None) => Ok(Self::DEFAULT),
        }
    }

    /// The service of a full resource name so many levels above operations, by its host: the newest version whose
    /// patterns hold the rest.
    pub(crate) fn of_full_name(text: &str, up: u8) -> Option<&'static Self> {
        let rest = text.strip_prefix("//")?;
        let (host, name) = rest.split_once('/').unwrap_or((rest, ""));
        Self::at_host(host, name, up..=up)
    }

    /// The service at a host, one of its regional hosts included: of the versions of the API there, the one that a
    /// path begins with, else the newest whose patterns hold it at the first of these levels above operations at which
    /// some version has it, else the newest. A version that a file describes
    /// comes behind those that are built in.
    pub(crate) fn at_host(
        host: &str,
        path: &str,
        levels: RangeInclusive<u8>,
    ) -> Option<&'static Self> {
        let host = host.to_ascii_lowercase();
        let is_googles = host.ends_with(GOOGLE);
        let built_in = rows().filter(|row| is_googles && row.is_at(&host));
        let described = file::at_host(&host).into_iter();
        let versions = built_in.map(Version::BuiltIn);
        let versions: Vec<_> = versions.chain(described.map(Version::Described)).collect();
        let begun = newest_of(versions.iter().filter(|version| version.begins(path)));
        let found = begun
            .or_else(|| newest_with(&versions, path, levels))
            .or_else(|| newest_of(versions.iter()));
        found.map(|version| version.service())
    }

    /// The APIs of which some version has such names, so many levels above its operations, sorted.
    pub(crate) fn apis_with(name: &str, up: u8) -> Vec<&'static str> {
        static FIRST: OnceLock<BTreeSet<&'static str>> = OnceLock::new();
        let of_pattern = |pattern: &'static str| pattern.split('/').next().unwrap_or_default();
        let first = FIRST.get_or_init(|| rows().flat_map(Row::patterns).map(of_pattern).collect());
        // Texts that are no names at all may come by the hundred thousand.
        let begins = name.split_once('/').is_some_and(|it| first.contains(it.0));
        let holding = rows().filter(|row| begins && row.holds(name, up));
        let mut found: Vec<_> = holding.map(Row::api).collect();
        found.dedup();
        found
    }

    /// Ids of the services that are built in and have a word in their id or their title, or which people call so,
    /// sorted.
    ///
    /// ```
    /// use countermand_core::Service;
    ///
    /// assert_eq!(Service::ids_like("filestore").collect::<Vec<_>>(), ["file.v1", "file.v1beta1"]);
    /// assert!(Service::ids_like("Vertex AI").any(|id| id == "aiplatform.v1"));
    /// ```
    pub fn ids_like(word: &str) -> impl Iterator<Item = &'static str> {
        let word = squashed(word);
        let is_called = move |row: &Row| {
            row.id().contains(&word)
                || squashed(row.title()).contains(&word)
                || is_alias(&word, row.api())
        };
        rows().filter(is_called).map(Row::id)
    }
}

/// Names that people use, and that neither ids nor titles of discovery have.
const ALIASES: [(&str, &str); 4] = [
    ("amapi", "androidmanagement"),
    ("docai", "documentai"),
    ("gke", "container"),
    ("vertexai", "aiplatform"),
];

/// True for the beginning of a name that people use for an API.
fn is_alias(word: &str, api: &str) -> bool {
    let mut names = ALIASES.iter().filter(|(_, own)| *own == api);
    word.len() > 2 && names.any(|(alias, _)| alias.starts_with(word))
}

/// A text in small letters and without blanks.
fn squashed(text: &str) -> String {
    text.split_whitespace().collect::<String>().to_lowercase()
}

/// A version of an API.
enum Version {
    /// A row, which is decoded when it is chosen.
    BuiltIn(Row),
    Described(&'static Service),
}

impl Version {
    const fn is_built_in(&self) -> bool {
        matches!(self, Self::BuiltIn(_))
    }

    fn id(&self) -> &'static str {
        match self {
            Self::BuiltIn(row) => row.id(),
            Self::Described(service) => service.id,
        }
    }

    /// The name of the API.
    fn api(&self) -> &'static str {
        self.id().split('.').next().unwrap_or_default()
    }

    /// The patterns of the names of its operations, for people.
    fn patterns(&self) -> Box<dyn Iterator<Item = String>> {
        match self {
            Self::BuiltIn(row) => Box::new(row.patterns().map(str::to_owned)),
            Self::Described(service) => Box::new(service.patterns.iter().map(ToString::to_string)),
        }
    }

    /// True if the path of a URL begins with that of this version.
    fn begins(&self, path: &str) -> bool {
        let prefix = match self {
            Self::BuiltIn(row) => row.prefix(),
            Self::Described(service) => service.prefix,
        };
        let rest = path.strip_prefix(prefix.trim_start_matches('/'));
        rest.is_some_and(|rest| rest.starts_with('/'))
    }

    fn holds(&self, name: &str, up: u8) -> bool {
        match self {
            Self::BuiltIn(row) => row.holds(name, up),
            Self::Described(service) => name_parse::holds(service, name, up),
        }
    }

    fn service(&self) -> &'static Service {
        match self {
            Self::BuiltIn(row) => row.decoded(),
            Self::Described(service) => service,
        }
    }
}

/// The levels of names above operations, and of operations themselves: all that a name can have.
const ANY_LEVEL: RangeInclusive<u8> = 0..=2;

/// The newest version that has such a name at the first of these levels at which some version has it.
fn newest_with<'a>(
    versions: &'a [Version],
    name: &str,
    mut levels: RangeInclusive<u8>,
) -> Option<&'a Version> {
    levels.find_map(|up| newest_of(versions.iter().filter(|version| version.holds(name, up))))
}

/// The newest version that is built in, else the newest.
fn newest_of<'a>(versions: impl Iterator<Item = &'a Version>) -> Option<&'a Version> {
    versions.max_by_key(|version| (version.is_built_in(), newness(version.id())))
}

/// The order of the versions of an API: stable ones behind the others, then by number.
fn newness(id: &'static str) -> (bool, u32, &'static str) {
    let version = id.rsplit_once(".v").map_or("", |(_, version)| version);
    let digits = version.find(|char: char| !char.is_ascii_digit());
    let (number, rest) = version.split_at(digits.unwrap_or(version.len()));
    let number: u32 = number.parse().unwrap_or(0);
    // `v1beta2` is newer than `v1beta1`, and `v1beta1` than `v1alpha3`.
    (rest.is_empty(), number, rest)
}

/// The APIs whose names are most like a word, at most three.
fn nearest(word: &str) -> Vec<&'static str> {
    let word = squashed(word);
    let (api, _) = word.split_once('.').unwrap_or((&word, ""));
    let called: Vec<_> = match api.len() > 2 {
        true => Service::ids_like(api).collect(),
        false => Vec::new(),
    };
    let mut like: Vec<_> = rows()
        .map(|row| {
            let is_called = called.contains(&row.id());
            let likeness = match is_alias(api, row.api()) {
                true => 1.0,
                false => strsim::jaro_winkler(api, row.api()),
            };
            (is_called, likeness, row.api())
        })
        .filter(|(is_called, likeness, _)| *is_called || *likeness > 0.8)
        .collect();
    like.sort_by(|(one, near, _), (other, far, _)| other.cmp(one).then(far.total_cmp(near)));
    let mut apis: Vec<_> = like.into_iter().map(|(.., api)| api).collect();
    apis.dedup();
    apis.truncate(3);
    apis
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::{OperationName, ParentName};

    fn chosen(word: &str, name: Option<&str>) -> &'static str {
        Service::choose(word, name).unwrap().id
    }

    #[test]
    fn a_word_means_the_newest_stable_version_that_has_the_name() {
        assert_eq!(chosen("dialogflow", None), "dialogflow.v3");
        assert_eq!(chosen("dialogflow.v2beta1", None), "dialogflow.v2beta1");
        assert_eq!(chosen("cloudbuild", None), "cloudbuild.v2");
        // Only version 1 has these.
        assert_eq!(
            chosen("cloudbuild", Some("operations/build/p/1")),
            "cloudbuild.v1"
        );
        let full = "//cloudbuild.googleapis.com/operations/build/p/1";
        assert_eq!(chosen("cloudbuild", Some(full)), "cloudbuild.v1");
        assert_eq!(chosen("checks", None), "checks.v1alpha");
        assert_eq!(chosen("gameservices", None), "gameservices.v1");
        let error = Service::choose("dialogflow", Some("operations/1")).unwrap_err();
        let text = "no version of dialogflow has operations named like \"operations/1\": \
                    projects/*/locations/*/operations/*, projects/*/operations/*";
        assert_eq!(error.to_string(), text);
    }

    #[test]
    fn an_unknown_word_is_told_with_the_nearest() {
        for (word, like) in [
            ("tranlsate", "translate"),
            ("Translate", "translate"),
            ("big", "bigquery"),
            ("vertex", "aiplatform"),
            ("vertexai", "aiplatform"),
            ("docai", "documentai"),
            ("gke", "container"),
            ("memorystore", "redis"),
            ("cloudsql", "sqladmin"),
            ("Document AI", "documentai"),
        ] {
            let text = Service::choose(word, None).unwrap_err().to_string();
            assert!(text.contains(like) && text.contains(word), "{text}");
        }
    }

    #[test]
    fn apis_have_names_of_a_level() {
        let found = |name, up| Service::apis_with(name, up);
        let location = "projects/p/locations/us";
        assert!(found(location, 1).len() > 50 && found(location, 0).is_empty());
        assert!(found("projects/p/instances/i", 1).contains(&"spanner"));
        assert!(found("enterprises/e", 2).contains(&"androidmanagement"));
        let list = "projects/p/regions/r/jobs";
        assert_eq!(found(list, 1), ["dataproc"]);
        assert!(found(list, 0).is_empty() && found(list, 2).is_empty());
        let none: [&str; 4] = ["", "text/of/a/line", "projects", "projects//locations/us"];
        for name in none {
            for up in 0..3 {
                assert!(found(name, up).is_empty(), "{name}");
            }
        }
    }

    #[test]
    fn the_service_is_that_of_the_word_or_of_the_name() {
        let meant = |word, name| Service::meant(word, name).unwrap().id;
        let beta = "https://sqladmin.googleapis.com/sql/v1beta4/projects/p/operations/1";
        assert_eq!(meant(Some("sqladmin"), Some(beta)), "sqladmin.v1beta4");
        assert_eq!(meant(Some("sqladmin.v1"), Some(beta)), "sqladmin.v1");
        assert_eq!(meant(Some("translate"), Some(beta)), "translate.v3");
        let relative = "projects/p/locations/us/operations/1";
        assert_eq!(meant(None, None), "androidmanagement.v1");
        assert_eq!(meant(None, Some(relative)), "androidmanagement.v1");
        assert_eq!(meant(Some("documentai"), Some(relative)), "documentai.v1");
        assert_eq!(meant(Some("documentai"), Some("nonsense")), "documentai.v1");
        for (name, id) in [
            (
                "//documentai.googleapis.com/projects/p/locations/us/operations/1",
                "documentai.v1",
            ),
            (
                " https://us-documentai.googleapis.com/v1beta3/projects/p/locations/us/operations/1",
                "documentai.v1beta3",
            ),
            (
                "https://aiplatform.us.rep.googleapis.com/v1/operations/1",
                "aiplatform.v1",
            ),
            (
                "//cloudbuild.googleapis.com/operations/build/1",
                "cloudbuild.v1",
            ),
            (
                "https://evil.example/v1/operations/1",
                "androidmanagement.v1",
            ),
            ("//firebaseml.googleapis.com/operations/1", "firebaseml.v1"),
        ] {
            assert_eq!(meant(None, Some(name)), id, "{name}");
        }
        assert!(Service::meant(Some("nothing"), None).is_err());
    }

    #[test]
    fn the_text_form_leads_back_to_the_name() {
        let text = "//translation.googleapis.com/projects/p/locations/l/operations/1";
        let name: OperationName = text.parse().unwrap();
        assert_eq!(name.service().id, "translate.v3");
        assert_eq!((name.as_str(), name.relative()), (text, &text[29..]));
        assert_eq!(name.parent().as_str(), &text[..text.len() - 13]);
        assert_eq!(name.prefix(1), "//translation.googleapis.com/projects/p");
        assert_eq!(name.prefix(0), "//translation.googleapis.com");
        assert_eq!(name.parent().relative(), "projects/p/locations/l");
        assert_eq!(name.parent().parent().as_str(), name.prefix(1));
        assert_eq!(
            OperationName::parse(name.service(), name.relative()).unwrap(),
            name
        );

        let name: OperationName = "//cloudshell.googleapis.com/operations/a/b"
            .parse()
            .unwrap();
        assert_eq!(
            (name.id(), name.parent().as_str()),
            ("a/b", "//cloudshell.googleapis.com")
        );
        assert_eq!(name.parent().relative(), "");
        let parent: ParentName = name.parent().as_str().parse().unwrap();
        assert_eq!(parent, name.parent());
        let default = "//androidmanagement.googleapis.com/enterprises/e/devices/d/operations/o";
        let name: OperationName = default.parse().unwrap();
        assert_eq!(name.as_str(), "enterprises/e/devices/d/operations/o");
    }
}
