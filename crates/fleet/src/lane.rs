//! Lanes: the owners of quotas among which a job spreads its calls.
//!
//! A quota is never split: one scheduler spends it, in one process. A job whose operations belong to several quotas
//! has a lane for each, and they run side by side.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::{self, Display};
use std::str::FromStr;

use countermand_core::text::shown_excerpt;
use countermand_core::{Endpoint, Name, Service};
use countermand_scheduler::{Quota, Window};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::kept_service;
use crate::services::Services;
use crate::spell::{counted, few};

/// The longest name of a lane, in bytes.
const LONGEST: usize = 60;

/// One owner of a quota, and the names whose calls it pays for.
///
/// Its identity is the owner of that quota: the service, the project, and the region where the service
/// counts by region. Everything else is an attribute. How its credentials are found stands in no job file: each run
/// says it anew.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Lane {
    /// The name that people call it by: letters, digits, `-`, `_` and `.`. It is empty in the lane of a job
    /// that was made without lanes.
    pub name: String,
    /// The service of its operations: in the file its id, and the digest of the file that describes it if it is not
    /// built in.
    #[serde(with = "kept_service")]
    pub service: &'static Service,
    /// The project whose quota is used; `None` where only its credentials tell it.
    pub project: Option<String>,
    /// The region whose quota it is; `None` where the quota is not regional.
    pub region: Option<String>,
    /// The resources whose operations belong to it; none for all of the region, or of the service.
    pub parents: Vec<ParentPattern>,
    /// Root and version of the API, `https://androidmanagement.googleapis.com/v1`.
    pub endpoint: String,
    /// The quota windows, all at once; none for no limit.
    #[serde(with = "list")]
    pub quota: Vec<Window>,
    /// The window for one method on one device or enterprise.
    #[serde(with = "text")]
    pub per_resource: Option<Window>,
    /// The part of the quota that is the job's, from 0 to 1.
    pub share: f64,
}

impl Lane {
    /// The lane of all operations of an endpoint's service, with the quota that is documented for it.
    #[must_use]
    pub fn at(endpoint: &Endpoint) -> Self {
        let mut lane = Self {
            name: String::new(),
            service: endpoint.service(),
            project: None,
            region: None,
            parents: Vec::new(),
            endpoint: endpoint.to_string(),
            quota: Vec::new(),
            per_resource: None,
            share: 1.0,
        };
        lane.set_quota(&Quota::of_service(endpoint.service()));
        lane
    }

    /// True if its calls go to a server of Google.
    #[must_use]
    pub fn is_at_google(&self) -> bool {
        let endpoint = self.endpoint.parse::<Endpoint>();
        endpoint.is_ok_and(|endpoint| endpoint.of_service(self.service).is_googles())
    }

    /// Takes over a quota.
    pub fn set_quota(&mut self, quota: &Quota) {
        self.quota = quota.get_windows().to_vec();
        self.per_resource = quota.get_per_resource();
        self.share = quota.get_share();
    }

    /// Its quota.
    #[must_use]
    pub fn quota(&self) -> Quota {
        Quota::unlimited()
            .windows(self.quota.iter().copied())
            .per_resource(self.per_resource)
            .share(self.share)
    }

    /// The lane of all operations of a service in a run that names this endpoint, beside those of other services; `None` where
    /// the endpoint is another server than that of its service, which has no other service.
    pub(crate) fn beside(at: &Endpoint, service: &'static Service) -> Option<Self> {
        let name = service.id.to_owned();
        let place = place(at, service)?;
        Some(Self {
            name,
            ..Self::at(&place)
        })
    }

    /// True if another lane is this one: of the same owner, and with the same names. Endpoint, quota and share are its
    /// attributes.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.name == other.name && self.owner() == other.owner() && self.parents == other.parents
    }

    /// The owner of its quota: the service, the project and the region.
    fn owner(&self) -> Owner<'_> {
        let (project, region) = (self.project.as_deref(), self.region.as_deref());
        (self.service.id, project, region)
    }

    /// True if calls about a resource are its own.
    fn has<const UP: u8>(&self, name: &Name<UP>) -> bool {
        let resource = name.relative();
        let in_region = |region| name.location() == Some(region);
        self.service == name.service()
            && self.region.as_deref().is_none_or(in_region)
            && (self.parents.is_empty() || self.parents.iter().any(|one| one.covers(resource)))
    }
}

/// The endpoint of a service in a run that names this one: that one, and of another service Google's own, unless the
/// endpoint [serves one](serves_one).
pub(crate) fn place(at: &Endpoint, service: &'static Service) -> Option<Endpoint> {
    if at.service() == service {
        return Some(at.clone());
    }
    (!serves_one(at) && service.is_googles()).then(|| service.endpoint())
}

/// True for an endpoint that is another server than that of its service by itself: it serves no other service, and no
/// other one is to be asked elsewhere.
#[must_use]
pub fn serves_one(at: &Endpoint) -> bool {
    !at.is_googles() && *at != at.service().endpoint()
}

/// The owner of a quota: service, project and region.
type Owner<'a> = (&'static str, Option<&'a str>, Option<&'a str>);

/// The relative name of a resource in which `*` stands for any id: `projects/*/locations/us-central1`. It covers the
/// resource and all that is below.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ParentPattern(Box<str>);

impl ParentPattern {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn is_literal(&self) -> bool {
        !self.0.split('/').any(|segment| segment == "*")
    }

    /// True if it has resources below this one that it does not cover itself.
    fn is_below(&self, resource: &str) -> bool {
        let mut own = self.0.split('/');
        let reached = resource
            .split('/')
            .all(|id| own.next().is_some_and(|own| own == "*" || own == id));
        reached && own.next().is_some()
    }

    fn covers(&self, resource: &str) -> bool {
        let mut segments = resource.split('/');
        let mut own = self.0.split('/');
        own.all(|own| segments.next().is_some_and(|id| own == "*" || own == id))
    }
}

impl Display for ParentPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for ParentPattern {
    type Err = LaneError;

    fn from_str(text: &str) -> Result<Self, LaneError> {
        let refuse = |why| {
            let text = shown_excerpt(text, 80);
            Err(LaneError::Parent { text, why })
        };
        if text.is_empty() {
            return refuse("it is empty");
        }
        for (at, segment) in text.split('/').enumerate() {
            match segment {
                "" => return refuse("a segment is empty"),
                "*" if at % 2 == 1 => {}
                _ if segment.contains(['*', ' ', '?', '#', ':', '@', '%', '\\'])
                    || segment.chars().any(char::is_control) =>
                {
                    return refuse(
                        "* stands for a whole id, and ids have no other special character",
                    );
                }
                _ => {}
            }
        }
        Ok(Self(text.into()))
    }
}

impl TryFrom<String> for ParentPattern {
    type Error = LaneError;

    fn try_from(text: String) -> Result<Self, LaneError> {
        text.parse()
    }
}

impl From<ParentPattern> for String {
    fn from(pattern: ParentPattern) -> Self {
        pattern.0.into()
    }
}

/// A mistake in the lanes of a job, or a name that they do not place. Nothing was sent.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LaneError {
    /// There is no lane.
    #[error("a job needs a lane")]
    None,
    /// A name of a lane that cannot be typed.
    #[error(
        "\"{name}\" is no name for a lane: expected 1 to 60 letters, digits, \"-\", \"_\" and \".\", which does not come first"
    )]
    Name {
        /// An excerpt of it.
        name: String,
    },
    /// Two lanes have one name.
    #[error("two lanes have the name \"{name}\"")]
    SameName {
        /// The name.
        name: String,
    },
    /// Two lanes spend the same quota, and together more than all of it.
    #[error(
        "the lanes {first} and {second} have one quota ({owner}), and their shares come to {percent} %: \
         the shares of one quota may come to 100 % at most"
    )]
    Shares {
        /// A lane.
        first: String,
        /// Another one.
        second: String,
        /// The owner of the quota, in words.
        owner: String,
        /// The sum of all shares of that quota, in percent.
        percent: f64,
    },
    /// Two lanes are of two versions of one API, whose names have one text form.
    #[error(
        "the lanes {first} and {second} are of two versions of one API: names of both have the host {host}, so that a job \
         is of one of them"
    )]
    Versions {
        /// A lane.
        first: String,
        /// Another one.
        second: String,
        /// The host.
        host: &'static str,
    },
    /// A text that is no pattern of parents.
    #[error(
        "\"{text}\" is not the name of a resource such as projects/my-project or projects/*/locations/us-central1: {why}"
    )]
    Parent {
        /// An excerpt of it.
        text: String,
        /// Reason.
        why: &'static str,
    },
    /// A name fits no lane.
    #[error("{name} belongs to no lane: there {}", of(lanes))]
    NoLane {
        /// The name.
        name: String,
        /// The lanes that there are.
        lanes: Vec<String>,
    },
    /// A resource has operations of several lanes below it: they are searched for in each lane.
    #[error("{name} has operations of the lane {lane} below it: search {pattern} by itself")]
    Below {
        /// The resource.
        name: String,
        /// A lane of what is below.
        lane: String,
        /// The resource of that lane.
        pattern: String,
    },
    /// A run has another number of clients than its job has lanes.
    #[error("the job has {}, and the run has {}: it needs one for all, or one for each", counted(*lanes as u64, "lane"), counted(*clients as u64, "client"))]
    Clients {
        /// Number of lanes.
        lanes: usize,
        /// Number of clients.
        clients: usize,
    },
    /// A name fits two lanes.
    #[error("{name} belongs to the lane {first} and to the lane {second}: a name has one")]
    TwoLanes {
        /// The name.
        name: String,
        /// A lane.
        first: String,
        /// Another one.
        second: String,
    },
}

/// `are the lanes a, b and c`.
fn of(lanes: &[String]) -> String {
    let names = few(lanes);
    match lanes.len() {
        1 => format!("is the lane {names}"),
        _ => format!("are the lanes {names}"),
    }
}

/// The lanes of a job, which tell to which of them a name belongs.
#[derive(Clone, Debug)]
pub struct Lanes<'a> {
    lanes: &'a [Lane],
    /// Lanes by the parents that they name exactly.
    literal: HashMap<&'a str, Vec<usize>>,
    /// Lanes that are to be asked for each name.
    asked: Vec<usize>,
}

impl<'a> Lanes<'a> {
    /// Checks the lanes against each other.
    ///
    /// # Errors
    /// [`LaneError`], of the first mistake.
    pub fn new(lanes: &'a [Lane]) -> Result<Self, LaneError> {
        let mut names = HashMap::new();
        let mut limited = BTreeMap::<_, Vec<&Lane>>::new();
        for lane in lanes {
            let name = &*lane.name;
            if lanes.len() > 1 {
                check_name(name)?;
            }
            if names.insert(name, ()).is_some() {
                let name = name.to_owned();
                return Err(LaneError::SameName { name });
            }
            // Without a limit there is nothing to share.
            if lanes.len() > 1 && !lane.quota.is_empty() {
                let (service, project, _) = lane.owner();
                limited.entry((service, project)).or_default().push(lane);
            }
        }
        limited.values().try_for_each(|lanes| check_shares(lanes))?;
        if lanes.is_empty() {
            return Err(LaneError::None);
        }
        check_versions(lanes)?;
        let mut literal = HashMap::<_, Vec<_>>::new();
        let mut asked = Vec::new();
        for (at, lane) in lanes.iter().enumerate() {
            if lane.parents.is_empty() || !lane.parents.iter().all(ParentPattern::is_literal) {
                asked.push(at);
                continue;
            }
            for parent in &lane.parents {
                literal.entry(parent.as_str()).or_default().push(at);
            }
        }
        Ok(Self {
            lanes,
            literal,
            asked,
        })
    }

    /// The place of the lane to which calls about a resource belong.
    ///
    /// # Errors
    /// [`LaneError::NoLane`], [`LaneError::TwoLanes`].
    pub fn of<const UP: u8>(&self, name: &Name<UP>) -> Result<usize, LaneError> {
        let relative = name.relative();
        let ends = relative.match_indices('/').map(|(end, _)| end);
        let ends = ends.chain([relative.len()]);
        let named = ends.filter_map(|end| self.literal.get(&relative[..end]));
        let candidates = named.flatten().chain(&self.asked);
        let mut found = None;
        for &at in candidates {
            if found == Some(at) || !self.lanes[at].has(name) {
                continue;
            }
            if let Some(first) = found.replace(at) {
                return Err(LaneError::TwoLanes {
                    name: name.to_string(),
                    first: self.lanes[first].name.clone(),
                    second: self.lanes[at].name.clone(),
                });
            }
        }
        found.ok_or_else(|| LaneError::NoLane {
            name: name.to_string(),
            lanes: self.lanes.iter().map(|lane| lane.name.clone()).collect(),
        })
    }
}

impl Lanes<'_> {
    /// The place of the lane to which a resource and all that is below it belong.
    ///
    /// # Errors
    /// As of [`of`](Self::of), and [`LaneError::Below`].
    pub fn of_all<const UP: u8>(&self, name: &Name<UP>) -> Result<usize, LaneError> {
        let of_service = |lane: &&Lane| lane.service == name.service();
        for lane in self.lanes.iter().filter(of_service) {
            let mut parents = lane.parents.iter();
            let below = parents.find(|parent| parent.is_below(name.relative()));
            if let Some(pattern) = below {
                return Err(LaneError::Below {
                    name: name.to_string(),
                    lane: lane.name.clone(),
                    pattern: pattern.to_string(),
                });
            }
        }
        self.of(name)
    }
}

/// Refuses lanes of two versions of one API.
fn check_versions(lanes: &[Lane]) -> Result<(), LaneError> {
    let services = Services::new(lanes.iter().map(|lane| lane.service));
    let Some((first, second)) = services.of_one_host() else {
        return Ok(());
    };
    let name = |service| {
        let lane = lanes.iter().find(|lane| lane.service == service);
        lane.map(|lane| lane.name.clone()).unwrap_or_default()
    };
    Err(LaneError::Versions {
        first: name(first),
        second: name(second),
        host: first.host,
    })
}

/// Refuses lanes of one service and project that spend a quota more than once. One without a region may spend that of each
/// region: nothing tells whether the service counts by region.
fn check_shares(of_project: &[&Lane]) -> Result<(), LaneError> {
    let regions: BTreeSet<_> = of_project.iter().map(|lane| &lane.region).collect();
    for region in regions {
        let spends = |lane: &&&Lane| lane.region.is_none() || lane.region == *region;
        let mut share = 0.0;
        let mut first = None;
        for lane in of_project.iter().filter(spends) {
            share += lane.share;
            let first = *first.get_or_insert(&lane.name);
            // A thousandth more is what three thirds may come to.
            if share > 1.001 {
                let (service, project, _) = lane.owner();
                return Err(LaneError::Shares {
                    first: first.clone(),
                    second: lane.name.clone(),
                    owner: owner_words((service, project, region.as_deref())),
                    percent: (share * 1000.0).round() / 10.0,
                });
            }
        }
    }
    Ok(())
}

/// Refuses a name that cannot be typed.
pub(crate) fn check_name(name: &str) -> Result<(), LaneError> {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    // A file with its name would be hidden.
    let hidden = name.starts_with('.');
    if (1..=LONGEST).contains(&name.len()) && name.bytes().all(good) && !hidden {
        return Ok(());
    }
    let name = shown_excerpt(name, 80);
    Err(LaneError::Name { name })
}

fn owner_words((service, project, region): Owner<'_>) -> String {
    let project = match project {
        Some(project) => format!("{service}, project {project}"),
        None => format!("{service}, the project of the credentials"),
    };
    match region {
        Some(region) => format!("{project}, region {region}"),
        None => project,
    }
}

/// A value as the text that its own parser reads; absent is `null`.
mod text {
    use super::*;

    pub(super) fn serialize<T: Display, S: Serializer>(
        value: &Option<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => serializer.collect_str(value),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, T, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<T>, D::Error>
    where
        T: FromStr<Err: Display>,
    {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| text.parse().map_err(Error::custom))
            .transpose()
    }
}

/// Windows, separated by commas; none are `null`.
mod list {
    use super::*;

    pub(super) fn serialize<S: Serializer>(
        windows: &[Window],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let texts = windows.iter().map(Window::to_string).collect::<Vec<_>>();
        text::serialize(
            &Some(texts.join(",")).filter(|text| !text.is_empty()),
            serializer,
        )
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<Window>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        let windows = text.iter().flat_map(|text| text.split(','));
        windows
            .map(|window| window.parse().map_err(Error::custom))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use countermand_core::OperationName;

    use super::*;

    fn lane(name: &str, parents: &[&str]) -> Lane {
        Lane {
            name: name.to_owned(),
            parents: parents.iter().map(|one| one.parse().unwrap()).collect(),
            project: Some(name.to_owned()),
            ..of_document_ai()
        }
    }

    fn of_document_ai() -> Lane {
        Lane::at(&Service::named("documentai.v1").unwrap().endpoint())
    }

    fn place(lanes: &[Lane], name: &str) -> Result<usize, LaneError> {
        let name = OperationName::parse(lanes[0].service, name).unwrap();
        Lanes::new(lanes).unwrap().of(&name)
    }

    #[test]
    fn a_name_has_one_lane() {
        let mut lanes = vec![
            lane("a", &["projects/a"]),
            lane("b", &["projects/b/locations/us", "projects/c"]),
            lane("eu", &["projects/*/locations/eu"]),
        ];
        let of = |lanes: &[Lane], project: &str, location: &str| {
            let name = format!("projects/{project}/locations/{location}/operations/1");
            place(lanes, &name).map_err(|error| error.to_string())
        };
        assert_eq!(of(&lanes, "a", "us"), Ok(0));
        assert_eq!(of(&lanes, "b", "us"), Ok(1));
        assert_eq!(of(&lanes, "c", "us"), Ok(1));
        assert_eq!(of(&lanes, "b", "eu"), Ok(2));
        // An id that begins like another one is another one.
        let none = of(&lanes, "ab", "us").unwrap_err();
        assert!(none.contains(
            "projects/ab/locations/us/operations/1 belongs to no lane: there are the lanes a, b and eu"
        ));
        let two = of(&lanes, "a", "eu").unwrap_err();
        assert!(
            two.contains("belongs to the lane a and to the lane eu"),
            "{two}"
        );
        lanes[2].region = Some("us".to_owned());
        assert!(of(&lanes, "b", "eu").is_err());
        // Two patterns of one lane are one lane.
        lanes[0]
            .parents
            .push("projects/a/locations/us".parse().unwrap());
        assert_eq!(of(&lanes, "a", "us"), Ok(0));
    }

    #[test]
    fn the_only_lane_has_every_name() {
        let only = [of_document_ai()];
        assert_eq!(place(&only, "projects/a/locations/us/operations/1"), Ok(0));
        let other = [lane("a", &["projects/a"])];
        assert!(place(&other, "projects/b/locations/us/operations/1").is_err());
    }

    #[test]
    fn a_quota_is_spent_once() {
        let mut lanes = vec![lane("a", &["projects/a"]), lane("b", &["projects/b"])];
        assert!(Lanes::new(&lanes).is_ok());
        lanes[1].project = Some("a".to_owned());
        let error = Lanes::new(&lanes).unwrap_err().to_string();
        assert!(
            error.contains(
                "the lanes a and b have one quota (documentai.v1, project a), and their shares come to 160 %"
            ),
            "{error}"
        );
        // One without a region may spend the quota of each region, in either order.
        lanes[1].region = Some("us".to_owned());
        for _ in 0..2 {
            let error = Lanes::new(&lanes).unwrap_err().to_string();
            assert!(
                error.contains("(documentai.v1, project a, region us)"),
                "{error}"
            );
            lanes.reverse();
        }
        lanes[0].region = Some("eu".to_owned());
        assert!(Lanes::new(&lanes).is_ok());
        lanes.push(Lane {
            share: 0.3,
            ..lane("c", &["projects/c"])
        });
        lanes[2].project = Some("a".to_owned());
        assert!(Lanes::new(&lanes).is_err());
        (lanes[0].share, lanes[1].share) = (0.7, 0.7);
        assert!(Lanes::new(&lanes).is_ok());
        lanes.pop();
        (lanes[0].region, lanes[1].region) = (None, None);
        for lane in &mut lanes {
            lane.share = 0.5;
        }
        assert!(Lanes::new(&lanes).is_ok());
        // One without a limit takes nothing from the other.
        (lanes[0].share, lanes[1].share) = (1.0, 1.0);
        assert!(Lanes::new(&lanes).is_err());
        lanes[0].quota.clear();
        assert!(Lanes::new(&lanes).is_ok());
    }

    #[test]
    fn lanes_of_several_services_place_a_name_by_its_service() {
        let of = |id: &str| Lane {
            name: id.to_owned(),
            ..Lane::at(&Service::named(id).unwrap().endpoint())
        };
        // Each owns a quota of its own, with names that are alike but for the service.
        let mut lanes = vec![of("documentai.v1"), of("batch.v1")];
        let all = Lanes::new(&lanes).unwrap();
        for (at, lane) in lanes.iter().enumerate() {
            let name = "projects/a/locations/us/operations/1";
            let name = OperationName::parse(lane.service, name).unwrap();
            assert_eq!(all.of(&name), Ok(at));
            assert_eq!(all.of_all(&name.parent()), Ok(at));
        }
        let other: OperationName = "enterprises/e/devices/d/operations/1".parse().unwrap();
        assert!(matches!(all.of(&other), Err(LaneError::NoLane { .. })));
        lanes.push(of("documentai.v1beta3"));
        let error = Lanes::new(&lanes).unwrap_err().to_string();
        assert!(
            error.contains("the lanes documentai.v1 and documentai.v1beta3 are of two versions"),
            "{error}"
        );
    }

    #[test]
    fn names_of_lanes_can_be_typed_and_told_apart() {
        for name in ["", "a b", "ä", "a/b", ".a", "..", &"a".repeat(61)] {
            let lanes = [lane(name, &["projects/a"]), lane("b", &["projects/b"])];
            let error = Lanes::new(&lanes).unwrap_err();
            assert!(matches!(error, LaneError::Name { .. }), "{name}");
        }
        let lanes = [lane("a", &["projects/a"]), lane("a", &["projects/b"])];
        assert!(matches!(
            Lanes::new(&lanes),
            Err(LaneError::SameName { .. })
        ));
        assert!(matches!(Lanes::new(&[]), Err(LaneError::None)));
    }

    #[test]
    fn patterns_are_names_of_resources() {
        for text in [
            "",
            "projects/",
            "/projects",
            "projects//a",
            "projects/a*",
            "*/a",
            "projects/a?b",
            "projects/a\nb",
            "//h/projects",
        ] {
            assert!(text.parse::<ParentPattern>().is_err(), "{text}");
        }
        for text in [
            "projects",
            "projects/a",
            "projects/*",
            "enterprises/LC01",
            "projects/*/locations/us-central1",
        ] {
            assert_eq!(text.parse::<ParentPattern>().unwrap().as_str(), text);
        }
    }
}
