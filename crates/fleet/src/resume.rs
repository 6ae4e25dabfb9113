//! Resume commands, for people to copy into a shell.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt;
use std::path;
use std::time::Duration;

use countermand_core::{GrandparentName, Service, Timestamp};

use crate::authorize::stale;
use crate::progress;
use crate::services::Services;
use crate::spell::phrase;
use crate::store::{Contents, JobError, Kind, Settings};

/// The command that goes on with a job: `Display` is the command with all that the job itself asks
/// for. A front-end adds how it reaches the server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Resume {
    /// The words of the command, as they are before a shell quotes them.
    pub words: Vec<String>,
}

impl Resume {
    /// The command that goes on with a job at `now`: to apply it where that has something to do, otherwise to rescue what a
    /// rescue has found beyond its greatest number. `None` where no command would do anything: of a plan that is
    /// too old, the next step is another plan.
    ///
    /// # Errors
    /// The disk's.
    pub fn of(job: &Contents, now: Timestamp) -> Result<Option<Self>, JobError> {
        if stale(job, None, now)?.is_some() {
            return Ok(None);
        }
        let search = progress::search(job)?;
        let counts = job.counts();
        match counts.again > 0 || search.is_some_and(|search| search.is_open()) {
            true => Self::apply(job).map(Some),
            false if counts.beyond_max > 0 => Self::rest(job, now),
            false => Ok(None),
        }
    }

    /// The command that applies a job, whatever its state.
    ///
    /// # Errors
    /// The disk's.
    pub fn apply(job: &Contents) -> Result<Self, JobError> {
        let settings = job.settings();
        let mut words = vec!["countermand".to_owned(), "apply".to_owned()];
        words.push(path_word(job.path()));
        for phrase in phrases(settings.kind, job.services(), &job.enterprises()?) {
            words.extend(["--confirm".to_owned(), phrase]);
        }
        words.extend(option("--endpoint", settings.named_endpoint()));
        words.extend(
            settings
                .services()
                .only()
                .into_iter()
                .flat_map(service_option),
        );
        Ok(Self { words })
    }

    /// To search again, with the selection of the job at its begin. `None` if names were left out, which
    /// were in a file that the job does not know.
    fn rest(job: &Contents, now: Timestamp) -> Result<Option<Self>, JobError> {
        let settings = job.settings();
        let filter = &settings.filter;
        if !filter.exclude.is_empty() {
            return Ok(None);
        }
        let mut words = vec!["countermand".to_owned(), "rescue".to_owned()];
        words.extend(settings.enterprises.iter().map(ToString::to_string));
        for device in job.devices() {
            let name = device?.name;
            if !settings.enterprises.contains(&name.parent()) {
                words.push(name.to_string());
            }
        }
        words.extend(
            filter
                .types
                .iter()
                .flat_map(|kind| option("--type", Some(kind.clone()))),
        );
        // The window of time stays where it was.
        let since = now.since(job.created());
        let age = |age: Option<Duration>| age.map(|age| length(age + since));
        words.extend(option("--newer-than", age(filter.newer_than)));
        words.extend(option("--older-than", age(filter.older_than)));
        let server_side = filter.server_side.as_ref().map(ToString::to_string);
        words.extend(option("--filter", server_side));
        words.extend(option("--max", Some(job.operations().to_string())));
        for phrase in phrases(settings.kind, job.services(), &job.enterprises()?) {
            words.extend(["--confirm".to_owned(), phrase]);
        }
        words.extend(terms(settings));
        Ok(Some(Self { words }))
    }

    /// The command as a text of its own, where the place of the file that describes the service of the job is not
    /// known: `FILE` stands for it.
    #[must_use]
    pub fn without_files(&self, job: &Contents) -> String {
        let described = job.services().iter().find(|it| it.json_text().is_some());
        match described {
            None => self.to_string(),
            Some(service) => format!(
                "{self} --service-file FILE # with the file that describes {} in place of FILE",
                service.id
            ),
        }
    }

    /// The command for any folder: the path of the job is absolute.
    #[must_use]
    pub fn from_anywhere(mut self) -> Self {
        if let [_, verb, path, ..] = &mut self.words[..]
            && verb == "apply"
            && let Ok(whole) = path::absolute(&path)
        {
            *path = whole.to_string_lossy().into_owned();
        }
        self
    }
}

impl fmt::Display for Resume {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = self.words.iter().map(|word| quoted(OsStr::new(word)));
        f.write_str(&words.collect::<Vec<_>>().join(" "))
    }
}

/// An option, where it has a value.
fn option(option: &str, value: Option<String>) -> impl Iterator<Item = String> {
    let words = value.map(|value| [option.to_owned(), value]);
    words.into_iter().flatten()
}

/// The options for which a rescue has defaults, where the job has others.
fn terms(settings: &Settings) -> Vec<String> {
    let usual = Settings::at(settings.kind, &settings.lane().service.endpoint());
    let deadline = (settings.deadline != usual.deadline).then(|| length(settings.deadline));
    let deadline = option("--deadline", deadline);
    // The rest of several lanes is that of the profile.
    if !settings.has_one_lane() {
        return deadline.collect();
    }
    let (lane, usual_lane) = (settings.lane(), usual.lane());
    let quota = (lane.quota != usual_lane.quota).then(|| lane.quota().to_string());
    let per_resource = (lane.per_resource != usual_lane.per_resource).then(|| {
        let window = lane.per_resource;
        window.map_or_else(|| "none".to_owned(), |window| window.to_string())
    });
    let share = (lane.share != usual_lane.share).then(|| lane.share.to_string());
    let endpoint = settings.named_endpoint();
    [
        option("--quota", quota),
        option("--per-resource", per_resource),
        option("--share", share),
    ]
    .into_iter()
    .flatten()
    .chain(deadline)
    .chain(option("--endpoint", endpoint))
    .chain(service_option(settings.lane().service))
    .collect()
}

/// The option that names a service, unless it is the default one. One that a file describes is named by that file,
/// whose place the front-end knows.
pub fn service_option(service: &Service) -> impl Iterator<Item = String> + use<> {
    let named = *service != *Service::DEFAULT && service.json_text().is_none();
    option("--service", named.then(|| service.id.to_owned()))
}

/// A length as [`parse_length`](crate::parse_length) reads it.
fn length(length: Duration) -> String {
    match length.subsec_millis() {
        0 => format!("{}s", length.as_secs()),
        _ => format!("{}ms", length.as_millis()),
    }
}

/// The phrases that confirm a job on a command line, each as of [`phrase`]: `LC01abcd89:5000` for each resource of a
/// plan, the resource alone for a rescue, whose number is not known before it ends.
#[must_use]
pub fn phrases(
    kind: Kind,
    services: &Services,
    planned: &BTreeMap<GrandparentName, u64>,
) -> Vec<String> {
    let phrase = |(name, count): (&GrandparentName, &u64)| match kind {
        Kind::Plan | Kind::Feed => format!("{}:{count}", phrase(services, name)),
        Kind::Rescue => phrase(services, name).to_owned(),
    };
    planned.iter().map(phrase).collect()
}

/// Reads a confirmation of the operations of a job of these services: a [`phrase`] or a name, and behind a colon the
/// number, if it has one.
///
/// ```
/// use countermand_core::Service;
/// use countermand_fleet::{Services, confirmed, phrase};
///
/// let document_ai = Service::named("documentai.v1").expect("it is built in");
/// let one = Services::new([document_ai]);
/// let (name, count) = confirmed(&one, "projects/example.com:p:12").expect("a confirmation");
/// assert_eq!((phrase(&one, &name), count), ("projects/example.com:p", Some(12)));
///
/// let two = Services::new([Service::DEFAULT, document_ai]);
/// let full = "//documentai.googleapis.com/projects/example.com:p";
/// assert_eq!(confirmed(&two, &format!("{full}:12")), Some((name, Some(12))));
/// assert!(confirmed(&two, "projects/example.com:p:12").is_none(), "of which service?");
/// let (name, count) = confirmed(&two, "LC01:7").expect("a confirmation");
/// assert_eq!((name.as_str(), count), ("enterprises/LC01", Some(7)));
/// assert!(confirmed(&two, "LC01:seven").is_none());
/// ```
#[must_use]
pub fn confirmed(services: &Services, text: &str) -> Option<(GrandparentName, Option<u64>)> {
    let of_default = services.are_default();
    let (name, count) = match text.rsplit_once(':') {
        Some((name, count)) => match count.parse() {
            Ok(count) => (name, Some(count)),
            // A project of a domain has a colon in its id.
            Err(_) if !of_default && text.contains('/') => (text, None),
            Err(_) => return None,
        },
        None => (text, None),
    };
    if name.is_empty() {
        return None;
    }
    // Operations that belong to no resource have the name of the service.
    let of_service = || {
        let service = services.iter().find(|service| service.id == name)?;
        GrandparentName::parse(service, "").ok()
    };
    let of_enterprise = || {
        let is_among = services.iter().any(|service| service == Service::DEFAULT);
        let above = Service::DEFAULT.level_above(2).collection;
        let name = is_among.then(|| format!("{above}/{name}"))?;
        GrandparentName::parse(Service::DEFAULT, &name).ok()
    };
    let name = services
        .parse(name)
        .or_else(of_service)
        .or_else(of_enterprise)?;
    Some((name, count))
}

/// A path as an argument that is no option: `-w2.job` is `./-w2.job`.
///
/// ```
/// use countermand_fleet::path_word;
/// assert_eq!(path_word("wipes.job".as_ref()), "wipes.job");
/// assert_eq!(path_word("-w2.job".as_ref()), "./-w2.job");
/// ```
#[must_use]
pub fn path_word(path: &path::Path) -> String {
    let text = path.to_string_lossy();
    let before = if text.starts_with('-') { "./" } else { "" };
    format!("{before}{text}")
}

/// A word as a POSIX shell reads it back.
///
/// ```
/// use countermand_fleet::quoted;
/// assert_eq!(quoted("wipes.job".as_ref()), "wipes.job");
/// assert_eq!(quoted("my wipes.job".as_ref()), "'my wipes.job'");
/// assert_eq!(quoted("it's".as_ref()), r"'it'\''s'");
/// assert_eq!(quoted("".as_ref()), "''");
/// ```
#[must_use]
pub fn quoted(word: &OsStr) -> String {
    let text = word.to_string_lossy();
    let bare = |char: char| char.is_ascii_alphanumeric() || "-_./:=,@%+".contains(char);
    if !text.is_empty() && text.chars().all(bare) {
        text.into_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}
