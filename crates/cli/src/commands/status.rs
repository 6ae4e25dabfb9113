//! `countermand status`.

use countermand_fleet::now;
use countermand_fleet::report;

use crate::args::Global;
use crate::args::jobs::Status;
use crate::args::resume::Way;
use crate::commands::open;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::streams;

pub(crate) fn run(global: &Global, options: &Status) -> Result<Exit, Failure> {
    let open = match options.check {
        true => open::view,
        false => open::unchecked,
    };
    let mut views = open::each(global, &options.jobs, open)?;
    let resume = |job: &_| Way::of(global).resume(job);
    let status = report::Status::of(&mut views, now(), resume);
    let status = status.map_err(|error| open::failure(&error))?;
    let text = match global.json {
        // Names, words and numbers: there is nothing in it that could fail.
        true => countermand_core::text::json_line(&status).unwrap_or_default(),
        false => status.to_string(),
    };
    streams::print(&text);
    if options.check && !global.json {
        streams::note(match options.jobs.len() {
            1 => {
                "checked: the rows and records of the job file are whole, and its counts are theirs"
            }
            _ => {
                "checked: the rows and records of each job file are whole, and its counts are theirs"
            }
        });
    }
    Ok(Exit::Done)
}
