//! The methods that the description of a service implies.

use serde_json::{Value, json};

use crate::answer::Failure;
use crate::call::{Call, Query, object, unknown_field};
use crate::extras::Extras;
use crate::method::Method;
use crate::name::prefix;
use crate::operation::Operation;
use crate::page::{MAX_PAGE, page};
use crate::quirks::{FinishedCancel, NoCancel, Quirks, Shape};
use crate::show::Show;
use crate::truth::State;
use crate::world::World;

/// The length of a page of parents, where the query says nothing.
const PARENTS_PAGE: usize = 10;

/// The methods, for the length of one request.
pub(crate) struct Api<'a> {
    pub(crate) world: World<'a>,
    pub(crate) extras: &'static Extras,
}

type Answer = Result<Value, Failure>;

impl Api<'_> {
    /// Carries the call out.
    pub(crate) fn perform(&mut self, call: &Call, query: &Query, body: &[u8]) -> Answer {
        if call.method == Method::NotEmulated {
            return Err(Failure::not_emulated());
        }
        let fleet = &self.world.fleet;
        let service = fleet.service();
        // An operation without a parent belongs to every caller.
        let is_alone =
            matches!(call.method, Method::Cancel | Method::Get) && call.levels.len() == 1;
        let denied = call.prefix(service.denial_levels);
        if !(denied.is_empty() || is_alone || fleet.manages(denied)) {
            let message = service.fill("Caller is not authorized to manage {denied}.");
            return Err(Failure::new(403, "PERMISSION_DENIED", message));
        }
        match call.method {
            Method::Cancel => self.cancel(&call.name, body),
            Method::Get => self.get(&call.name),
            Method::List => self.list(call, query),
            Method::GetParent => {
                let parent = self.world.live_parent(&call.name)?;
                Ok(self.show_parent(parent))
            }
            Method::ListParents => self.parents(call, query),
            Method::Own(_) | Method::NotEmulated => {
                (self.extras.perform)(&mut self.world, call, query, body)
            }
        }
    }

    /// The operation, its state and its quirks; 404 for one that is dropped.
    fn live(&self, name: &str) -> Result<(usize, State, Quirks), Failure> {
        let world = &self.world;
        let index = world.fleet.operation(name).ok_or_else(|| world.missing())?;
        let operation = &world.fleet.operations[index];
        let quirks = operation.quirks(world.quirks);
        let state = operation.state(world.quirks, world.now);
        if operation.shown_missing(state, &quirks) || world.deleted(operation.parent) {
            return Err(Failure::not_found(quirks.missing_is_500));
        }
        Ok((index, state, quirks))
    }

    fn cancel(&mut self, name: &str, body: &[u8]) -> Answer {
        let mut fields = object(body)?;
        for (key, value) in object(self.world.fleet.service().cancel.body.as_bytes())? {
            if fields.remove(&key) != Some(value) {
                return Err(Failure::invalid(format!(
                    "The update does not set `{key}`."
                )));
            }
        }
        for (key, value) in fields {
            // Generated clients of the long-running operations service repeat the name.
            match key.as_str() {
                "name" if value == name => {}
                "name" => {
                    return Err(Failure::invalid(
                        "The name in the body is not the one in the path.",
                    ));
                }
                _ => return Err(unknown_field(&key)),
            }
        }
        let (index, state, quirks) = self.live(name)?;
        let operation = &mut self.world.fleet.operations[index];
        match quirks.no_cancel {
            Some(NoCancel::Unimplemented) => return Err(Failure::usual(501)),
            Some(NoCancel::FailedPrecondition) => return Err(Failure::failed_precondition()),
            None => {}
        }
        if operation.shown_done(state, &quirks) {
            return match quirks.finished_cancel {
                FinishedCancel::Ok => Ok(self.show(index, &quirks).cancelling(state)),
                FinishedCancel::NotFound => Err(Failure::not_found(quirks.missing_is_500)),
                FinishedCancel::FailedPrecondition => Err(Failure::failed_precondition()),
            };
        }
        operation.cancel_asked.get_or_insert(self.world.now);
        let state = operation.state(self.world.quirks, self.world.now);
        Ok(self.show(index, &quirks).cancelling(state))
    }

    fn show<'a>(&'a self, index: usize, quirks: &'a Quirks) -> Show<'a> {
        Show {
            service: self.world.fleet.service(),
            extras: self.extras,
            operation: &self.world.fleet.operations[index],
            quirks,
        }
    }

    fn get(&mut self, name: &str) -> Answer {
        let (index, state, quirks) = self.live(name)?;
        let show = self.show(index, &quirks);
        let Operation {
            cancel_asked,
            views,
            ..
        } = *show.operation;
        let teases = quirks.shape == Shape::CodeWithoutDone && cancel_asked.is_some();
        let counts = teases || show.operation.shown_done(state, &quirks);
        let shown = match quirks.other_name {
            true => show.other(),
            false => show.of(state, views),
        };
        self.world.fleet.operations[index].views += u32::from(counts);
        Ok(shown)
    }

    fn list(&self, call: &Call, query: &Query) -> Answer {
        if query.partial_success {
            return Err(Failure::usual(501));
        }
        let world = &self.world;
        let (collection, field, unreachable) = call.listed.map_or(("", "", ""), |level| {
            (level.collection, level.page_field, level.unreachable)
        });
        let across = call.query_level;
        let across = across.and_then(|it| world.fleet.across(&call.name, it, collection));
        let operations = match (&across, world.live_parent(&call.name)) {
            (Some(operations), _) => operations,
            (None, Ok(parent)) => world.fleet.parents[parent].listed(collection),
            // The root is there, with or without operations.
            (None, Err(_)) if call.name.is_empty() => &[][..],
            (None, Err(missing)) => return Err(missing),
        };
        let is_unreached = |index: usize| {
            let quirks = world.fleet.operations[index].quirks(world.quirks);
            quirks.unreachable && !unreachable.is_empty()
        };
        let mut page = page(world.quirks, query, field, MAX_PAGE, operations, |index| {
            if is_unreached(index) {
                return None;
            }
            let operation = &world.fleet.operations[index];
            let quirks = operation.quirks(world.quirks);
            let state = operation.state(world.quirks, world.now);
            // Even views: a list is not what flaps.
            (!operation.shown_missing(state, &quirks))
                .then(|| self.show(index, &quirks).of(state, 2))
        })?;
        if let Some(&index) = operations.iter().find(|&&index| is_unreached(index)) {
            let Operation { name, pattern, .. } = &world.fleet.operations[index];
            page[unreachable] = json!([prefix(pattern.levels, name, 2)]);
        }
        Ok(page)
    }

    fn parents(&self, call: &Call, query: &Query) -> Answer {
        let world = &self.world;
        let parents = world.fleet.grandparent(&call.name);
        let parents = parents.ok_or_else(|| world.missing())?;
        page(
            world.quirks,
            query,
            call.listed.map_or("", |level| level.page_field),
            PARENTS_PAGE,
            parents,
            |parent| (!world.deleted(parent)).then(|| self.show_parent(parent)),
        )
    }

    fn show_parent(&self, parent: usize) -> Value {
        (self.extras.parent)(&self.world.fleet.parents[parent])
    }
}
