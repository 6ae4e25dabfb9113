//! The settings of a job: of the options, of the profile, and of its names.

use countermand_fleet::store::{Kind, Settings};

use crate::args::Global;
use crate::args::jobs::Terms;
use crate::commands::names::Names;
use crate::connect;
use crate::failure::Failure;

/// The settings of a job about these names, with the lanes that they need.
pub(crate) fn settings(
    kind: Kind,
    global: &Global,
    terms: &Terms,
    names: &Names,
) -> Result<Settings, Failure> {
    let (endpoint, usual) = (&names.endpoint, global.usual());
    let mut settings = Settings::at(kind, endpoint);
    settings.deadline = terms.deadline.get(usual);
    if let Some(max_age) = usual.max_age {
        settings.max_age = max_age;
    }
    settings.enterprises.clone_from(&names.enterprises);
    let lanes = (global.profile).lanes_for(endpoint, &terms.budget.terms(), &names.meant());
    settings.lanes = lanes.map_err(|error| connect::wrong(&error))?;
    settings.filter = (terms.selection).filter(&settings.services(), |name| names.at(name))?;
    Ok(settings)
}
