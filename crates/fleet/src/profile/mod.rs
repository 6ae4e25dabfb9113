//! Profiles: files that name lanes, where the credentials of each are found, and the usual settings of an operator.

pub(crate) mod access;
mod fields;
mod location;
mod written;

use std::collections::BTreeSet;
use std::fmt::{self, Display};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use countermand_core::text::{shown_excerpt, shown_path};
use countermand_core::{
    Endpoint, GrandparentName, OperationName, ParentName, Service, UnknownService,
};
use countermand_scheduler::{Quota, QuotaError, ShareError, Window};

use self::fields::{Fields, Problem};
use crate::lane::{Lane, LaneError, Lanes, ParentPattern, check_name, place};
use crate::length::parse_length;
use crate::services::Services;

/// The version of the format.
const SCHEMA: &str = "countermand.profile/1";

/// The greatest size of a file: thousands of lanes have room.
const LARGEST: u64 = 16 << 20;

/// Named lanes, and defaults of settings: the contents of a TOML file.
///
/// ```
/// use countermand_fleet::{Profile, QuotaTerms};
///
/// let profile = Profile::parse(
///     r#"
///     schema = "countermand.profile/1"
///     [lanes.north]
///     project = "emm-north"
///     parents = ["enterprises/LC01"]
///     credentials = { token_file = "/run/keys/north" }
///     [lanes.south]
///     project = "emm-south"
///     parents = ["enterprises/LC02"]
///     share = 0.5
///     "#,
///     "config.toml",
/// )?;
/// let lanes = profile.lanes(&"https://androidmanagement.googleapis.com/v1".parse()?, &QuotaTerms::default())?;
/// assert_eq!((&*lanes[0].name, lanes[1].share), ("north", 0.5));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// `Display` gives a text that reads as the same profile, also elsewhere.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Profile {
    /// Place of the file: paths in it are relative to its folder.
    pub path: PathBuf,
    /// Settings for which a caller has named no value.
    pub defaults: Defaults,
    /// The lanes, in the order of their names.
    pub lanes: Vec<ProfileLane>,
}

/// Settings that a profile gives where a caller names no value.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Defaults {
    /// The service of the operations.
    pub service: Option<&'static Service>,
    /// Root and version of the API.
    pub endpoint: Option<Endpoint>,
    /// The quota, as far as it is named.
    pub quota: QuotaTerms,
    /// Maximum number of requests in flight.
    pub in_flight: Option<usize>,
    /// Time limit of an operation.
    pub deadline: Option<Duration>,
    /// The greatest age of a plan when it is first applied.
    pub max_age: Option<Duration>,
    /// A file of certificate authorities to trust.
    pub ca_file: Option<PathBuf>,
    /// Use the proxy of the environment.
    pub proxy_from_env: bool,
}

/// A lane of a profile: the owner of its quota, its names, and where its credentials are found.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ProfileLane {
    /// Its name.
    pub name: String,
    /// The service of its operations.
    pub service: &'static Service,
    /// The project that owns its quota.
    pub project: Option<String>,
    /// The project that each request names as the one to be charged.
    pub quota_project: Option<String>,
    /// The region whose quota it is.
    pub region: Option<String>,
    /// The resources whose operations belong to it.
    pub parents: Vec<ParentPattern>,
    /// Root and version of the API, where it has one of its own.
    pub endpoint: Option<Endpoint>,
    /// The quota, as far as it is named, over that of the defaults.
    pub quota: QuotaTerms,
    /// The place where its credentials are found; `None` for those of the caller.
    pub credentials: Option<CredentialsPlace>,
    /// The service account that they impersonate.
    pub impersonate: Option<String>,
    /// The user of the domain on whose behalf they act.
    pub subject: Option<String>,
}

/// The place where credentials are found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a caller acts on each of them")]
pub enum CredentialsPlace {
    /// A file of Google's: a key, a refresh token, workload identity.
    File(PathBuf),
    /// A file with an access token.
    TokenFile(PathBuf),
    /// A command line that prints an access token.
    Command(String),
    /// Google's application default credentials.
    Default,
}

/// The names that a job is about.
#[derive(Clone, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "the caller fills it in")]
pub struct Meant<'a> {
    /// Operations that were given by name.
    pub operations: Vec<&'a OperationName>,
    /// Resources whose operations are searched.
    pub parents: &'a [ParentName],
    /// Resources whose parents of operations are searched.
    pub grandparents: &'a [GrandparentName],
}

impl Meant<'_> {
    /// The services that they are of; without a name that of an endpoint.
    fn services(&self, at: &Endpoint) -> Services {
        let operations = self.operations.iter().map(|name| name.service());
        let parents = self.parents.iter().map(ParentName::service);
        let above = self.grandparents.iter().map(GrandparentName::service);
        let mut named = operations.chain(parents).chain(above).peekable();
        match named.peek() {
            Some(_) => Services::new(named),
            None => Services::new([at.service()]),
        }
    }

    /// The places of the lanes that they need.
    fn places(&self, lanes: &[Lane]) -> Result<BTreeSet<usize>, LaneError> {
        let lanes = Lanes::new(lanes)?;
        let operations = self.operations.iter();
        let operations = operations.map(|name| lanes.of(name));
        let parents = self.parents.iter();
        let parents = parents.map(|name| lanes.of_all(name));
        let above = self.grandparents.iter();
        let above = above.map(|name| lanes.of_all(name));
        operations.chain(parents).chain(above).collect()
    }
}

/// A quota as far as it is named; the rest is that of another one.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "the caller fills it in")]
pub struct QuotaTerms {
    /// Its windows, with the usual limit for one resource.
    pub quota: Option<Quota>,
    /// The limit of one method on one resource; `None` within for no limit.
    pub per_resource: Option<Option<Window>>,
    /// The part of it that may be used.
    pub share: Option<f64>,
}

impl QuotaTerms {
    /// The quota with these terms in place of those of another one.
    #[must_use]
    pub fn over(&self, below: Quota) -> Quota {
        let share = self.share.unwrap_or(below.get_share());
        let quota = self.quota.clone().unwrap_or(below).share(share);
        match self.per_resource {
            Some(window) => quota.per_resource(window),
            None => quota,
        }
    }
}

/// A mistake in a profile. Nothing was sent.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{}{problem}", Place(path, lane))]
#[non_exhaustive]
pub struct ProfileError {
    /// The file; empty where none is used.
    pub path: String,
    /// The lane, if it is in one.
    pub lane: Option<String>,
    /// The mistake, with the field.
    pub problem: String,
}

/// `the profile prod.toml, lane north: `.
struct Place<'a>(&'a str, &'a Option<String>);

impl Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        write!(f, "the profile {}", self.0)?;
        if let Some(lane) = self.1 {
            write!(f, ", lane {lane}")?;
        }
        f.write_str(": ")
    }
}

impl Profile {
    /// Reads a file.
    ///
    /// # Errors
    /// The file cannot be read, or has a mistake.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, ProfileError> {
        let path = path.as_ref();
        let refuse = |problem: String| ProfileError {
            path: shown_path(path),
            lane: None,
            problem,
        };
        let found = fs::metadata(path);
        // A device may have no end, and a pipe none that comes.
        if found.as_ref().is_ok_and(|found| !found.is_file()) {
            return Err(refuse("it is not a regular file".to_owned()));
        }
        let size = found.map(|found| found.len());
        if size.as_ref().is_ok_and(|size| *size > LARGEST) {
            return Err(refuse(format!("it has more than {} MiB", LARGEST >> 20)));
        }
        let text = size.and_then(|_| fs::read_to_string(path));
        let text = text.map_err(|error| refuse(format!("it cannot be read: {error}")))?;
        Self::parse(&text, path)
    }

    /// Reads the text of a file; relative paths are those beside `path`.
    ///
    /// # Errors
    /// A mistake in it.
    pub fn parse(text: &str, path: impl AsRef<Path>) -> Result<Self, ProfileError> {
        let path = path.as_ref();
        let refuse = |problem: Problem| ProfileError {
            path: shown_path(path),
            lane: problem.lane,
            problem: problem.text,
        };
        let mut root = Fields::parse(text).map_err(refuse)?;
        let mut profile = Self {
            path: path.to_owned(),
            defaults: Defaults::default(),
            lanes: Vec::new(),
        };
        profile.fill(&mut root).map_err(refuse)?;
        root.end().map_err(refuse)?;
        profile.check()?;
        Ok(profile)
    }

    fn fill(&mut self, root: &mut Fields) -> Result<(), Problem> {
        let word = root.text("schema")?;
        if word.as_deref() != Some(SCHEMA) {
            return Err(root.problem("schema", format_args!("expected \"{SCHEMA}\"")));
        }
        if let Some(mut table) = root.table("defaults")? {
            self.defaults = Defaults::read(&mut table, &self.path)?;
            table.end()?;
        }
        let lanes = root.table("lanes")?;
        for mut table in lanes.map(Fields::tables).transpose()?.into_iter().flatten() {
            let lane = ProfileLane::read(&mut table, self)?;
            table.end()?;
            self.lanes.push(lane);
        }
        Ok(())
    }

    /// Refuses lanes that contradict each other.
    fn check(&self) -> Result<(), ProfileError> {
        for lane in &self.lanes {
            check_name(&lane.name).map_err(|error| self.refuse(&error))?;
        }
        let at = |lane: &ProfileLane| lane.service.endpoint();
        let lanes = self.lanes.iter();
        let lanes = lanes.map(|lane| lane.lane(&at(lane), &self.defaults, &QuotaTerms::default()));
        self.checked(lanes.collect()).map(|_| ())
    }

    /// The lanes of a run that names this endpoint: those of its service are there, and those of other services at Google's,
    /// unless they have an endpoint of their own. Where the endpoint is another server than Google's, the others are left
    /// out: it serves one service. `over` is what a caller names of the quota of each.
    ///
    /// # Errors
    /// Lanes that contradict each other.
    pub fn lanes(&self, at: &Endpoint, over: &QuotaTerms) -> Result<Vec<Lane>, ProfileError> {
        let place = |lane: &ProfileLane| lane.endpoint.clone().or_else(|| place(at, lane.service));
        let lanes = self.lanes.iter().filter_map(|lane| {
            let at = place(lane)?;
            Some(lane.lane(&at, &self.defaults, over))
        });
        self.checked(lanes.collect())
    }

    fn checked(&self, lanes: Vec<Lane>) -> Result<Vec<Lane>, ProfileError> {
        if !lanes.is_empty() {
            Lanes::new(&lanes).map_err(|error| self.refuse(&error))?;
        }
        Ok(lanes)
    }

    /// The lanes that a job of these names needs: without any in this profile, one of all names, or of each service.
    ///
    /// # Errors
    /// As of [`lanes`](Self::lanes), and a name that belongs to none of them, or to two.
    pub fn lanes_for(
        &self,
        at: &Endpoint,
        over: &QuotaTerms,
        meant: &Meant<'_>,
    ) -> Result<Vec<Lane>, ProfileError> {
        let services = meant.services(at);
        if self.lanes.is_empty() {
            return self.lanes_of(&services, at, over);
        }
        let all = self.lanes(at, over)?;
        let has_none = |service: &&Service| all.iter().all(|lane| lane.service != *service);
        if let Some(service) = services.iter().find(has_none) {
            let id = service.id;
            return Err(self.mistake(match self.lanes.iter().any(|lane| lane.service == service) {
                false => format!("it has no lane of the service {id}"),
                true => format!(
                    "its lanes of the service {id} have no endpoint, and {at} is that of {}: give them their own",
                    at.service().id
                ),
            }));
        }
        let places = meant.places(&all).map_err(|error| self.refuse(&error))?;
        let mut lanes = all.into_iter().enumerate();
        let needed = lanes.by_ref().filter(|(place, _)| places.contains(place));
        Ok(needed.map(|(_, lane)| lane).collect())
    }

    /// The lanes of services where this profile has none.
    fn lanes_of(
        &self,
        services: &Services,
        at: &Endpoint,
        over: &QuotaTerms,
    ) -> Result<Vec<Lane>, ProfileError> {
        let lane = |service: &'static Service| match services.only() {
            Some(_) => place(at, service).map(|at| Lane::at(&at)),
            None => Lane::beside(at, service),
        };
        let lanes = services.iter().map(|service| {
            let mut lane = lane(service).ok_or_else(|| ProfileError {
                path: String::new(),
                lane: None,
                problem: format!(
                    "{at} is the endpoint of the service {}, and names are of {}: a job of both needs a profile \
                     with a lane for each, which has its endpoint",
                    at.service().id,
                    service.id
                ),
            })?;
            let quota = self.defaults.quota.over(lane.quota());
            lane.set_quota(&over.over(quota));
            Ok(lane)
        });
        let lanes = lanes.collect::<Result<_, _>>()?;
        self.checked(lanes)
    }

    fn refuse(&self, error: &LaneError) -> ProfileError {
        self.mistake(error.to_string())
    }

    fn mistake(&self, problem: String) -> ProfileError {
        ProfileError {
            path: shown_path(&self.path),
            lane: None,
            problem,
        }
    }

    /// The service that is meant: that of a word, else the one that a full name tells, else that of the defaults.
    ///
    /// # Errors
    /// A word that names no service.
    pub fn service(
        &self,
        word: Option<&str>,
        name: Option<&str>,
    ) -> Result<&'static Service, UnknownService> {
        let told = name.is_some_and(|name| name.contains("//"));
        let usual = self.defaults.service.filter(|_| !told);
        Service::meant(word.or(usual.map(|service| service.id)), name)
    }

    /// The endpoint of a service where a caller names none: that of the defaults, else the service's own.
    #[must_use]
    pub fn endpoint(&self, service: &'static Service) -> Endpoint {
        let usual = self.defaults.endpoint.clone();
        usual.map_or_else(
            || service.endpoint(),
            |endpoint| endpoint.of_service(service),
        )
    }

    /// The profile of a lane alone: its service and its endpoint are those of the defaults as well.
    #[must_use]
    pub fn only(&self, name: &str) -> Option<Self> {
        let lane = self.lanes.iter().find(|lane| lane.name == name)?.clone();
        let mut defaults = self.defaults.clone();
        let same = *lane.service == *defaults.service.unwrap_or(Service::DEFAULT);
        let usual = defaults.endpoint.filter(|_| same);
        defaults.endpoint = lane.endpoint.clone().or(usual);
        defaults.service = Some(lane.service);
        Some(Self {
            path: self.path.clone(),
            defaults,
            lanes: vec![lane],
        })
    }

    /// The lane of this name and service.
    #[must_use]
    pub fn lane(&self, service: &Service, name: &str) -> Option<&ProfileLane> {
        let mut lanes = self.lanes.iter();
        lanes.find(|lane| lane.name == name && *lane.service == *service)
    }
}

impl Defaults {
    fn read(table: &mut Fields, path: &Path) -> Result<Self, Problem> {
        let service = service(table)?;
        Ok(Self {
            service,
            endpoint: endpoint(table, service.unwrap_or(Service::DEFAULT))?,
            quota: quota(table)?,
            in_flight: in_flight(table)?,
            deadline: length(table, "deadline")?,
            max_age: length(table, "max_age")?,
            ca_file: table.text("ca_file")?.map(|file| beside(path, &file)),
            proxy_from_env: table.flag("proxy_from_env")?.unwrap_or_default(),
        })
    }
}

impl ProfileLane {
    fn read(table: &mut Fields, profile: &Profile) -> Result<Self, Problem> {
        let service = service(table)?.or(profile.defaults.service);
        let service = service.unwrap_or(Service::DEFAULT);
        let (project, quota_project) = (table.text("project")?, table.text("quota_project")?);
        if let (Some(project), Some(other)) = (&project, &quota_project)
            && project != other
        {
            let problem = format_args!(
                "it is not {}, and calls that name a quota project use the quota of that one",
                shown_excerpt(project, 80)
            );
            return Err(table.problem("quota_project", problem));
        }
        for (field, value) in [("project", &project), ("quota_project", &quota_project)] {
            if let Some(value) = value
                && let Err(error) = countermand::hyper::quota_project_header(value)
            {
                return Err(table.problem(field, error.cause()));
            }
        }
        let parents = table.texts("parents")?.unwrap_or_default();
        let parents = parents.iter().map(|text| text.parse::<ParentPattern>());
        let parents = parents.collect::<Result<_, _>>();
        Ok(Self {
            name: table.name().to_owned(),
            service,
            project: project.or_else(|| quota_project.clone()),
            quota_project,
            region: table.text("region")?,
            parents: parents.map_err(|error| table.problem("parents", error))?,
            endpoint: endpoint(table, service)?,
            quota: quota(table)?,
            credentials: credentials(table, &profile.path)?,
            impersonate: table.text("impersonate")?,
            subject: table.text("subject")?,
        })
    }

    fn lane(&self, at: &Endpoint, defaults: &Defaults, over: &QuotaTerms) -> Lane {
        let mut lane = Lane::at(self.endpoint.as_ref().unwrap_or(at));
        lane.name.clone_from(&self.name);
        lane.project.clone_from(&self.project);
        lane.region.clone_from(&self.region);
        lane.parents.clone_from(&self.parents);
        let quota = defaults.quota.over(Quota::of_service(self.service));
        lane.set_quota(&over.over(self.quota.over(quota)));
        lane
    }
}

fn service(table: &mut Fields) -> Result<Option<&'static Service>, Problem> {
    let Some(word) = table.text("service")? else {
        return Ok(None);
    };
    let chosen = Service::choose(&word, None);
    chosen
        .map(Some)
        .map_err(|error| table.problem("service", error))
}

fn endpoint(table: &mut Fields, service: &'static Service) -> Result<Option<Endpoint>, Problem> {
    let Some(url) = table.text("endpoint")? else {
        return Ok(None);
    };
    let endpoint = url.parse::<Endpoint>();
    let endpoint = endpoint.map(|endpoint| Some(endpoint.of_service(service)));
    endpoint.map_err(|error| table.problem("endpoint", error))
}

fn quota(table: &mut Fields) -> Result<QuotaTerms, Problem> {
    let quota = table.text("quota")?.map(|text| text.parse::<Quota>());
    let quota = quota.transpose();
    let window = |text: String| match &*text {
        "none" => Ok(None),
        text => text.parse().map(Some),
    };
    let per_resource = table.text("per_resource")?.map(window);
    let per_resource: Result<_, QuotaError> = per_resource.transpose();
    let share = table.number("share")?.map(ShareError::check).transpose();
    Ok(QuotaTerms {
        quota: quota.map_err(|error| table.problem("quota", error))?,
        per_resource: per_resource.map_err(|error| table.problem("per_resource", error))?,
        share: share.map_err(|error| table.problem("share", error))?,
    })
}

fn in_flight(table: &mut Fields) -> Result<Option<usize>, Problem> {
    let Some(number) = table.integer("in_flight")? else {
        return Ok(None);
    };
    let number = usize::try_from(number).ok();
    let number = number.filter(|number| (1..=10_000).contains(number));
    let refuse = || table.problem("in_flight", "expected a number from 1 to 10,000");
    number.map(Some).ok_or_else(refuse)
}

fn length(table: &mut Fields, field: &str) -> Result<Option<Duration>, Problem> {
    let length = table.text(field)?.map(|text| parse_length(&text));
    length
        .transpose()
        .map_err(|error| table.problem(field, error))
}

fn credentials(table: &mut Fields, path: &Path) -> Result<Option<CredentialsPlace>, Problem> {
    const FIELD: &str = "credentials";
    let Some(mut place) = table.table(FIELD)? else {
        return Ok(None);
    };
    let file = place.text("file")?;
    let token_file = place.text("token_file")?;
    let found = [
        file.map(|file| CredentialsPlace::File(beside(path, &file))),
        token_file.map(|file| CredentialsPlace::TokenFile(beside(path, &file))),
        place.text("command")?.map(CredentialsPlace::Command),
        (place.flag("default")? == Some(true)).then_some(CredentialsPlace::Default),
    ];
    place.end()?;
    let mut found = found.into_iter().flatten();
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(Some(one)),
        _ => Err(table.problem(
            FIELD,
            "expected one of { file = \"…\" }, { token_file = \"…\" }, { command = \"…\" } and { default = true }",
        )),
    }
}

/// A path of a profile: relative ones are those beside its file, wherever the process goes.
fn beside(profile: &Path, path: &str) -> PathBuf {
    let path = profile.parent().unwrap_or(Path::new("")).join(path);
    std::path::absolute(&path).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEAD: &str = "schema = \"countermand.profile/1\"\n";

    fn profile(text: &str) -> Profile {
        Profile::parse(&format!("{HEAD}{text}"), "/etc/lanes.toml").unwrap()
    }

    fn windows(lane: &Lane) -> String {
        let windows = lane.quota.iter().map(ToString::to_string);
        windows.collect::<Vec<_>>().join(",")
    }

    #[test]
    fn what_is_nearer_to_the_caller_overrules() {
        let profile = profile(
            "[defaults]\nquota = \"10/1s\"\nshare = 0.5\n[lanes.a]\nproject = \"a\"\nshare = 0.25\n\
             [lanes.b]\nproject = \"b\"\nquota = \"20/1s\"\nper_resource = \"none\"\n",
        );
        let lanes = |over: &QuotaTerms| profile.lanes(&Endpoint::default(), over).unwrap();
        let [a, b] = <[Lane; 2]>::try_from(lanes(&QuotaTerms::default())).unwrap();
        assert_eq!((windows(&a), a.share), ("10/1s".to_owned(), 0.25));
        assert_eq!((windows(&b), b.share), ("20/1s".to_owned(), 0.5));
        assert_eq!((a.per_resource.is_some(), b.per_resource), (true, None));
        let over = QuotaTerms {
            share: Some(1.0),
            ..QuotaTerms::default()
        };
        let [a, b] = <[Lane; 2]>::try_from(lanes(&over)).unwrap();
        assert_eq!((windows(&a), a.share), ("10/1s".to_owned(), 1.0));
        assert_eq!((windows(&b), b.share), ("20/1s".to_owned(), 1.0));
    }

    #[test]
    fn a_job_has_the_lanes_that_its_names_need() {
        let profile = profile(
            "[lanes.a]\nproject = \"a\"\nparents = [\"enterprises/A\"]\n\
             [lanes.b]\nproject = \"b\"\nparents = [\"enterprises/B\"]\n\
             [lanes.d]\nservice = \"documentai\"\n",
        );
        let name: OperationName = "enterprises/B/devices/d/operations/1".parse().unwrap();
        let meant = Meant {
            operations: vec![&name],
            ..Meant::default()
        };
        let named = |at: &Endpoint, meant: &Meant<'_>| {
            let lanes = profile.lanes_for(at, &QuotaTerms::default(), meant);
            let names = |lanes: Vec<Lane>| lanes.into_iter().map(|lane| lane.name).collect();
            lanes.map(names).map_err(|error| error.to_string())
        };
        assert_eq!(
            named(&Endpoint::default(), &meant),
            Ok(vec!["b".to_owned()])
        );
        let other: OperationName = "enterprises/C/devices/d/operations/1".parse().unwrap();
        let meant = Meant {
            operations: vec![&name, &other],
            ..Meant::default()
        };
        let error = named(&Endpoint::default(), &meant).unwrap_err();
        let start =
            "the profile /etc/lanes.toml: enterprises/C/devices/d/operations/1 belongs to no lane";
        assert!(error.starts_with(start), "{error}");
        let beta = Service::named("documentai.v1beta3").unwrap().endpoint();
        let error = named(&beta, &Meant::default()).unwrap_err();
        assert!(
            error.contains("it has no lane of the service documentai.v1beta3"),
            "{error}"
        );
    }

    #[test]
    fn without_lanes_a_job_has_one_for_all() {
        let profile = profile("[defaults]\nquota = \"10/1s\"\n");
        let lanes = profile.lanes_for(
            &Endpoint::default(),
            &QuotaTerms::default(),
            &Meant::default(),
        );
        let [only] = <[Lane; 1]>::try_from(lanes.unwrap()).unwrap();
        assert_eq!((&*only.name, windows(&only)), ("", "10/1s".to_owned()));
    }

    #[cfg(unix)]
    #[test]
    fn a_device_is_no_profile() {
        let error = Profile::read("/dev/zero").unwrap_err().to_string();
        assert!(error.ends_with("it is not a regular file"), "{error}");
    }

    #[test]
    fn paths_are_beside_the_profile() {
        let profile = profile(
            "[defaults]\nca_file = \"ca.pem\"\n[lanes.a]\ncredentials = { file = \"/run/key\" }\n\
             [lanes.b]\nproject = \"b\"\ncredentials = { token_file = \"keys/b\" }\n",
        );
        assert_eq!(profile.defaults.ca_file, Some("/etc/ca.pem".into()));
        let places = profile
            .lanes
            .iter()
            .map(|lane| lane.credentials.clone().unwrap());
        assert_eq!(
            places.collect::<Vec<_>>(),
            [
                CredentialsPlace::File("/run/key".into()),
                CredentialsPlace::TokenFile("/etc/keys/b".into())
            ]
        );
    }

    #[test]
    fn a_profile_is_written_as_it_reads() {
        let profile = profile(
            "[defaults]\nservice = \"documentai\"\nendpoint = \"http://127.0.0.1:81\"\nquota = \"10/1s,20/3s\"\nshare = 1\n\
             in_flight = 7\ndeadline = \"1.5s\"\nmax_age = \"2d\"\nca_file = \"a b.pem\"\nproxy_from_env = true\n\
             [lanes.a]\nproject = \"a\"\nregion = \"eu\"\nparents = [\"projects/*\", \"projects/a\"]\nquota = \"none\"\n\
             per_resource = \"none\"\ncredentials = { command = 'cat \"a\\b\" \u{e4}' }\n\
             [lanes.\"b.c\"]\nservice = \"androidmanagement\"\nquota_project = \"b\"\nshare = 0.25\nper_resource = \"5/1s\"\n\
             endpoint = \"http://127.0.0.1:82/v1\"\ncredentials = { token_file = \"t\" }\nimpersonate = \"a@b\"\nsubject = \"c@d\"\n\
             [lanes.d]\nregion = \"us\"\ncredentials = { default = true }\n[lanes.e]\nregion = \"x\"\ncredentials = { file = \"/k\" }\n",
        );
        // It may be read in another folder.
        let read = Profile::parse(&profile.to_string(), "/elsewhere/x.toml").unwrap();
        let moved = Profile {
            path: profile.path.clone(),
            ..read
        };
        assert_eq!(moved, profile);
        let only = profile.only("b.c").unwrap();
        assert_eq!(only.defaults.service, Some(Service::DEFAULT));
        assert_eq!(only.defaults.endpoint, only.lanes[0].endpoint);
        // An endpoint of another service is none for this one.
        let only = profile.only("a").unwrap();
        assert_eq!(only.defaults.endpoint, profile.defaults.endpoint);
        assert_eq!(profile.only("z"), None);
    }

    proptest! {
        #[test]
        fn quoted_texts_are_read_back(text in "(?s).{1,60}") {
            let file = |text: &str| Profile {
                lanes: vec![ProfileLane {
                    subject: Some(text.to_owned()),
                    ..Profile::parse(&format!("{HEAD}[lanes.a]\n"), "a.toml").unwrap().lanes.remove(0)
                }],
                ..Profile::default()
            };
            let written = file(&text).to_string();
            match Profile::parse(&written, "") {
                Ok(read) => prop_assert_eq!(read, file(&text)),
                // A text that no profile has.
                Err(error) => prop_assert!(
                    error.problem.contains("looks like") || error.problem.contains("empty"),
                    "{}", error
                ),
            }
        }

        #[test]
        fn no_text_panics(text in "(?s).{0,200}", lane in "[a-z]{1,20} ?= ?[\\[\\]{}\"a-z0-9./,= ]{0,40}") {
            let _ = Profile::parse(&text, "a.toml");
            let _ = Profile::parse(&format!("{HEAD}[lanes.a]\n{lane}\n"), "a.toml");
        }
    }
}
