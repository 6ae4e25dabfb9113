//! The emulated parents and operations, found by name.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use countermand_core::{Ids, Level, NamePattern, ParentName, Reading, Service};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::bad_input::BadInput;
use crate::fate::{Fate, Kind};
use crate::name::{below, prefix, with_project, without_level};
use crate::operation::Operation;
use crate::quirks::Quirks;

/// A resource with operations, or with resources that have a state of their own.
#[derive(Debug)]
pub(crate) struct Parent {
    /// Its name; empty for that of operations which have no other.
    pub(crate) name: String,
    pub(crate) created: u64,
    /// The time at which it was last active.
    pub(crate) active: u64,
    lists: Vec<List>,
    last_id: u64,
}

/// A list of a parent: its operations of one kind.
#[derive(Debug)]
struct List {
    /// The names in it.
    pattern: &'static NamePattern,
    /// Indices into the fleet's operations, oldest first.
    operations: Vec<usize>,
}

impl Parent {
    /// Its operations in one list, by the collection at the end of their names.
    pub(crate) fn listed(&self, collection: &str) -> &[usize] {
        let mut lists = self.lists.iter();
        let list = lists.find(|list| list.pattern.own_level().collection == collection);
        list.map_or(&[], |list| &list.operations)
    }

    /// Its operations of all kinds.
    pub(crate) fn operations(&self) -> impl Iterator<Item = usize> {
        self.lists.iter().flat_map(|list| &list.operations).copied()
    }

    /// The list of this kind, which is made if there is none.
    fn list_mut(&mut self, pattern: &'static NamePattern) -> &mut Vec<usize> {
        let known = self.lists.iter().position(|list| list.pattern == pattern);
        let nth = known.unwrap_or(self.lists.len());
        if known.is_none() {
            let operations = Vec::new();
            self.lists.push(List {
                pattern,
                operations,
            });
        }
        &mut self.lists[nth].operations
    }
}

/// The place of a new operation: its parent, and the kind of what is added.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) parent: usize,
    pub(crate) pattern: &'static NamePattern,
}

/// The type and validity of an operation that is added without them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Defaults {
    pub(crate) kind: &'static str,
    /// Seconds from its creation; `None` if operations do not expire.
    pub(crate) validity: Option<u64>,
}

/// The emulated resources of a service.
#[derive(Debug)]
pub(crate) struct Fleet {
    service: &'static Service,
    defaults: Defaults,
    seed: u64,
    pub(crate) parents: Vec<Parent>,
    pub(crate) operations: Vec<Operation>,
    /// Indices of the parents below each grandparent, by its name.
    grandparents: HashMap<String, Vec<usize>>,
    /// Resources that the caller is authorized for, as many levels as a denial concerns.
    managed: HashSet<String>,
    /// The names of the projects, which every name may have by their number as well.
    projects: BTreeSet<String>,
    parent_index: HashMap<String, usize>,
    operation_index: HashMap<String, usize>,
}

/// A parent to add with its operations, by [`Emulator::add`](crate::Emulator::add) or `POST /_emulator/devices`.
///
/// In JSON `{"name": "enterprises/E/devices/D", "operations": [{…}]}`, both optional.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewParent {
    pub(crate) name: Option<String>,
    pub(crate) operations: Vec<NewOperation>,
    /// The pattern of the operations, where the emulator chooses the name.
    #[serde(skip)]
    pub(crate) pattern: Option<&'static NamePattern>,
}

impl NewParent {
    /// A parent with these operations and a name of the emulator's choice.
    pub fn with(operations: impl IntoIterator<Item = NewOperation>) -> Self {
        Self {
            name: None,
            operations: operations.into_iter().collect(),
            pattern: None,
        }
    }

    /// The pattern of its operations, one of the service, for a name of the emulator's choice; otherwise its usual one.
    #[must_use]
    pub fn pattern(mut self, pattern: &'static NamePattern) -> Self {
        self.pattern = Some(pattern);
        self
    }

    /// Its name, `enterprises/E/devices/D`; a parent that exists is given the operations.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }
}

/// An operation to add, or the changes that a fault makes to one.
///
/// In JSON every field is optional: `{"type": "WIPE", "fate": "acknowledged", "after_ms": 3000, "code": 9, "duration_s": 600,
/// "age_s": 0, "id": "…", "params": {…}, "quirks": {…}}`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(remote = "Self", default, deny_unknown_fields)]
pub struct NewOperation {
    #[serde(rename = "type")]
    kind: Option<String>,
    fate: Option<Kind>,
    after_ms: Option<u64>,
    code: Option<i32>,
    duration_s: Option<u64>,
    age_s: u64,
    id: Option<String>,
    params: Map<String, Value>,
    quirks: Option<Quirks>,
    #[serde(skip)]
    exact: Option<Fate>,
    /// The validity, where it is not in whole seconds.
    #[serde(skip)]
    valid_for: Option<Duration>,
}

impl<'de> Deserialize<'de> for NewOperation {
    /// Names the field that is wrong.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields: Map<String, Value> = Deserialize::deserialize(deserializer)?;
        Self::deserialize(Value::Object(fields.clone())).map_err(|problem| {
            let wrong = fields.into_iter().find_map(|(name, value)| {
                let alone = Map::from_iter([(name.clone(), value)]);
                let problem = Self::deserialize(Value::Object(alone)).err()?;
                Some(D::Error::custom(format_args!("`{name}`: {problem}")))
            });
            wrong.unwrap_or_else(|| D::Error::custom(problem))
        })
    }
}

impl NewOperation {
    /// An operation of this fate, made now. In the Android Management API it is a WIPE that is valid for ten minutes.
    #[must_use]
    pub fn new(fate: Fate) -> Self {
        Self {
            exact: Some(fate),
            ..Self::default()
        }
    }

    /// The type of the command.
    #[must_use]
    pub fn kind(mut self, kind: impl Into<String>) -> Self {
        self.kind = Some(kind.into());
        self
    }

    /// The validity, in whole seconds from its creation.
    #[must_use]
    pub const fn duration(mut self, seconds: u64) -> Self {
        self.duration_s = Some(seconds);
        self
    }

    /// The validity to the millisecond, as it may be in a request.
    pub(crate) const fn valid_for(mut self, duration: Duration) -> Self {
        self.valid_for = Some(duration);
        self
    }

    /// Its age, in whole seconds. Default 0.
    #[must_use]
    pub const fn age(mut self, seconds: u64) -> Self {
        self.age_s = seconds;
        self
    }

    /// Quirks of its own, instead of the server's.
    #[must_use]
    pub const fn quirks(mut self, quirks: Quirks) -> Self {
        self.quirks = Some(quirks);
        self
    }

    /// Further fields of the command, which its metadata echoes.
    #[must_use]
    pub fn params(mut self, params: Map<String, Value>) -> Self {
        self.params = params;
        self
    }

    /// The fate asked for, if any.
    pub(crate) fn fate(&self) -> Result<Option<Fate>, BadInput> {
        match (self.exact, self.fate) {
            (Some(exact), _) => Ok(Some(exact)),
            (None, Some(kind)) => Fate::from_parts(kind, self.after_ms, self.code).map(Some),
            (None, None) if self.after_ms.is_some() || self.code.is_some() => {
                Err(BadInput::new("`after_ms` and `code` go with a `fate`"))
            }
            (None, None) => Ok(None),
        }
    }

    /// The changes to an existing operation: fate and quirks, nothing else.
    pub(crate) fn change(&self) -> Result<(Option<Fate>, Option<Quirks>), BadInput> {
        let birth = self.kind.is_some() || self.id.is_some() || self.duration_s.is_some();
        if birth || self.age_s != 0 || !self.params.is_empty() {
            return Err(BadInput::new(
                "only fate, after_ms, code and quirks of an operation can be set",
            ));
        }
        Ok((self.fate()?, self.quirks))
    }
}

/// The names of what was added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Added {
    /// The parent.
    pub name: String,
    /// Its new operations, in the order given.
    pub operations: Vec<String>,
}

impl Fleet {
    pub(crate) fn new(service: &'static Service, defaults: Defaults, seed: u64) -> Self {
        Self {
            service,
            defaults,
            seed,
            parents: Vec::new(),
            operations: Vec::new(),
            grandparents: HashMap::new(),
            managed: HashSet::new(),
            projects: BTreeSet::new(),
            parent_index: HashMap::new(),
            operation_index: HashMap::new(),
        }
    }

    pub(crate) const fn service(&self) -> &'static Service {
        self.service
    }

    /// True if the caller is authorized for a resource of as many levels as a denial concerns.
    pub(crate) fn manages(&self, name: &str) -> bool {
        self.known(name, |name| self.managed.get(name)).is_some()
    }

    /// The parents below a grandparent.
    pub(crate) fn grandparent(&self, name: &str) -> Option<&[usize]> {
        self.known(name, |name| self.grandparents.get(name))
            .map(Vec::as_slice)
    }

    /// The names of the grandparents, in alphabetical order.
    pub(crate) fn grandparents(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.grandparents.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }

    pub(crate) fn parent(&self, name: &str) -> Option<usize> {
        self.known(name, |name| self.parent_index.get(name).copied())
    }

    pub(crate) fn operation(&self, name: &str) -> Option<usize> {
        self.known(name, |name| self.operation_index.get(name).copied())
    }

    /// The operations in the lists of one collection whose names without the level of this number are below this one,
    /// oldest first; `None` where there is no such list.
    pub(crate) fn across(&self, name: &str, number: usize, collection: &str) -> Option<Vec<usize>> {
        let levels = self.service.levels();
        let below = |name: &str| {
            let lists = self.parents.iter();
            let lists = lists.filter(|parent| without_level(levels, &parent.name, number) == name);
            let lists: Vec<_> = lists.map(|parent| parent.listed(collection)).collect();
            (!lists.is_empty()).then(|| lists.concat())
        };
        let mut found = self.known(name, below)?;
        found.sort_by_key(|&index| self.operations[index].created);
        Some(found)
    }

    /// The entry of a name, or of the one that it means where it has the number of a project.
    fn known<T>(&self, name: &str, find: impl Fn(&str) -> Option<T>) -> Option<T> {
        let by_id = |project: &String| find(&with_project(name, project)?);
        find(name).or_else(|| self.projects.iter().find_map(by_id))
    }

    /// The parents below a grandparent, which is made if there is none.
    pub(crate) fn grandparent_mut(&mut self, levels: &[Level], name: &str) -> &mut Vec<usize> {
        let managed = prefix(levels, name, self.service.denial_levels);
        if !self.managed.contains(managed) {
            self.managed.insert(managed.to_owned());
        }
        self.grandparents.entry(name.to_owned()).or_default()
    }

    /// A parent of this name, which is made if there is none. The name of a list, `projects/p/regions/r/jobs`, says the
    /// kind of what is added to it.
    pub(crate) fn add_parent(
        &mut self,
        name: &str,
        created: u64,
        active: u64,
    ) -> Result<Place, BadInput> {
        let parsed = ParentName::parse(self.service, name).map_err(|problem| {
            let noun = self.service.level_above(1).noun;
            BadInput::new(format!("`{name}` is not the name of a {noun}: {problem}"))
        })?;
        let (name, pattern) = (parsed.relative(), parsed.pattern());
        if let Some(parent) = self.parent(name) {
            return Ok(Place { parent, pattern });
        }
        let parent = self.parents.len();
        let levels = pattern.levels;
        let (levels, above) = (
            &levels[..levels.len() - 1],
            &levels[..levels.len().saturating_sub(2)],
        );
        self.grandparent_mut(above, parsed.parent().relative())
            .push(parent);
        let managed = prefix(levels, name, self.service.denial_levels);
        self.managed.insert(managed.to_owned());
        if name.starts_with("projects/") {
            self.projects.insert(prefix(&[], name, 1).to_owned());
        }
        self.parent_index.insert(name.to_owned(), parent);
        self.parents.push(Parent {
            name: name.to_owned(),
            created,
            active,
            lists: Vec::new(),
            last_id: 0,
        });
        Ok(Place { parent, pattern })
    }

    /// A described parent's operations, made now.
    pub(crate) fn add_operations(
        &mut self,
        place: Place,
        operations: Vec<NewOperation>,
        now: u64,
    ) -> Result<Added, BadInput> {
        let mut added = Added {
            name: self.parents[place.parent].name.clone(),
            operations: Vec::with_capacity(operations.len()),
        };
        for (position, operation) in operations.into_iter().enumerate() {
            let index = self
                .add_operation(place, operation, now)
                .map_err(|problem| problem.at(format_args!("operation {}", position + 1)))?;
            added.operations.push(self.operations[index].name.clone());
        }
        Ok(added)
    }

    /// An operation of the parent; its id is its time of creation, or the next free one.
    pub(crate) fn add_operation(
        &mut self,
        Place { parent, pattern }: Place,
        new: NewOperation,
        now: u64,
    ) -> Result<usize, BadInput> {
        let fate = new.fate()?.unwrap_or(Fate::Cancellable);
        let owner = &mut self.parents[parent];
        let level = pattern.own_level();
        let has_parts = level.ids == Ids::Rest;
        let created = now.saturating_sub(new.age_s.saturating_mul(1000));
        let (id, created) = match new.id {
            Some(id) if id.split('/').any(str::is_empty) || (id.contains('/') && !has_parts) => {
                return Err(BadInput::new(format!("`{id}` is no operation id")));
            }
            Some(id) => (id, created),
            None => {
                let free = created.max(owner.last_id + 1);
                owner.last_id = free;
                let above = if has_parts { "emulator" } else { "" };
                (below(above, &free.to_string()), free)
            }
        };
        let name = below(&owner.name, &format!("{}/{id}", level.collection));
        let index = self.operations.len();
        if self.operation_index.contains_key(&name) {
            return Err(BadInput::new(format!("`{name}` exists")));
        }
        let list = owner.list_mut(pattern);
        let rank = list.partition_point(|&known| self.operations[known].created <= created);
        list.insert(rank, index);
        self.operation_index.insert(name.clone(), index);
        self.operations.push(Operation {
            name,
            pattern,
            parent,
            choice: self.seed.wrapping_add(created),
            kind: new.kind.unwrap_or_else(|| {
                let kind = match pattern.reading {
                    Reading::Operation => self.defaults.kind,
                    Reading::State(_) => level.noun,
                };
                kind.to_owned()
            }),
            params: new.params,
            created,
            added: now,
            validity: match new.valid_for {
                Some(duration) => Some(duration.as_millis() as u64),
                None => new
                    .duration_s
                    .or(self.defaults.validity)
                    .map(|seconds| seconds.saturating_mul(1000)),
            },
            fate,
            quirks: new.quirks.map(Box::new),
            cancel_asked: None,
            views: 0,
        });
        Ok(index)
    }
}
