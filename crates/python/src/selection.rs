//! The scope of a search, and the filter of what it finds.

use std::time::Duration;

use countermand_core::{Call, Endpoint, GrandparentName, ParentName};
use countermand_fleet::{Filter, FilterError, Meant, SameProject, Services, Target};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::arguments::ServerSide;
use crate::clock::Length;
use crate::{arguments, clock, names, rows};

/// Filter and scope of a search, as `countermand.selection.Selection` holds it.
#[derive(Clone)]
pub(crate) struct Selection {
    pub(crate) enterprises: Vec<GrandparentName>,
    pub(crate) parents: Vec<ParentName>,
    pub(crate) filter: Filter,
}

impl Selection {
    /// Checks it; URLs of names lead to this endpoint.
    pub(crate) fn of(given: &Bound<'_, PyAny>, endpoint: &Endpoint) -> PyResult<Self> {
        let field = |name: &str| given.getattr(name);
        let service = endpoint.service();
        let mut filter = Filter::default();
        for kind in field("types")?.try_iter()? {
            let kind = arguments::text("types", &kind?)?;
            filter
                .add_type(&Services::new([service]), &kind)
                .map_err(refused)?;
        }
        // One that is none could be a typing error in the name of what must be left alone.
        for name in field("exclude")?.try_iter()? {
            let name = rows::resource(&name?, endpoint)?;
            filter.exclude.insert(name.to_string());
        }
        filter.newer_than = age("newer_than", &field("newer_than")?)?;
        filter.older_than = age("older_than", &field("older_than")?)?;
        let server_side = field("filter")?.extract::<Option<ServerSide>>()?;
        filter.server_side = server_side.map(|ServerSide(filter)| filter);
        filter.check().map_err(refused)?;
        let enterprises = field("enterprises")?;
        let py = given.py();
        let above = |name| {
            let name = names::enterprise(&name, endpoint)?;
            names::check_method(py, &name, Call::ListParents).map(|()| name)
        };
        let enterprises = enterprises.try_iter()?.map(|name| above(name?));
        let enterprises = enterprises.collect::<PyResult<Vec<GrandparentName>>>();
        let enterprises = enterprises.map_err(|error| match service.lists_parents {
            true => error,
            false => {
                let pattern = service.pattern();
                let hint = "parents=... takes the resources whose operations are listed";
                names::with_hint(py, error, &format!("{hint}, those of {pattern}"))
            }
        })?;
        let list = |name| names::callable(&name, endpoint, Call::ListOperations);
        let devices = field("devices")?;
        let devices = devices.try_iter()?.map(|name| list(name?));
        let parents = field("parents")?;
        let parents = parents.try_iter()?.map(|name| list(name?));
        let selection = Self {
            enterprises,
            parents: devices.chain(parents).collect::<PyResult<_>>()?,
            filter,
        };
        selection.check(&selection.filter)?;
        Ok(selection)
    }

    /// The places that are searched.
    pub(crate) fn meant(&self) -> Meant<'_> {
        Meant {
            parents: &self.parents,
            grandparents: &self.enterprises,
            ..Meant::default()
        }
    }

    /// Refuses a filter that cannot be answered of what is searched, because it would be ignored, and what it may
    /// exclude by another spelling of a name.
    pub(crate) fn check(&self, filter: &Filter) -> PyResult<()> {
        let above = self.enterprises.iter().map(|name| filter.check_name(name));
        let parents = self.parents.iter().map(|name| filter.check_name(name));
        let checked: Result<(), _> = above.chain(parents).collect();
        checked.map_err(refused)?;
        let enterprises = self.enterprises.iter().map(GrandparentName::as_str);
        let parents = self.parents.iter().map(ParentName::as_str);
        let checked = filter.check_excluded(enterprises.chain(parents));
        checked.map_err(excluded)?;
        let left = filter.check_search(&self.enterprises, &self.parents);
        left.map_err(refused)
    }

    /// As [`check`](Self::check), of operations that are given.
    pub(crate) fn check_given(&self, targets: &[Target]) -> PyResult<()> {
        let targets = targets.iter();
        let checked = targets
            .clone()
            .try_for_each(|target| self.filter.check_name(&target.name));
        checked.map_err(refused)?;
        let names = targets.map(|target| target.name.as_str());
        self.filter.check_excluded(names).map_err(excluded)
    }
}

/// The exception where the filter may exclude what is meant by another spelling.
#[expect(clippy::needless_pass_by_value, reason = "it is given to `map_err`")]
fn excluded(error: SameProject) -> PyErr {
    PyValueError::new_err(format!("exclude: {error}"))
}

pub(crate) fn refused(error: FilterError) -> PyErr {
    PyValueError::new_err(error.to_string())
}

fn age(what: &str, age: &Bound<'_, PyAny>) -> PyResult<Option<Duration>> {
    let age = age.extract::<Option<Length>>()?;
    age.map(|age| clock::seconds(what, age)).transpose()
}
