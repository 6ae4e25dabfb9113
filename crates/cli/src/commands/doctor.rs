//! `countermand doctor`.

use countermand_core::text::json_line;
use countermand_fleet::Diagnosis;
use countermand_fleet::input::InputProblem;

use crate::args::Global;
use crate::args::operations::Doctor;
use crate::commands::names::told;
use crate::connect;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::streams;

pub(crate) async fn run(global: &Global, options: Doctor) -> Result<Exit, Failure> {
    let endpoint = global.place();
    let target = options.name.as_deref();
    let target = target.map(|name| endpoint.parse_given_resource(name));
    let target = target.transpose();
    let target = target.map_err(|error| Failure::usage(told(&InputProblem::Name(error))))?;
    // Without credentials there is much to check as well.
    let access = connect::access_or_none(global).await?;
    let diagnosis = Diagnosis::of(&access, target).await;
    match global.json {
        true => {
            let line = json_line(&diagnosis);
            streams::print(&line.map_err(|error| Failure::new(Exit::Failed, error.to_string()))?);
        }
        false => streams::print(&diagnosis.to_string()),
    }
    Ok(diagnosis.exit_class().map_or(Exit::Done, Exit::from))
}
