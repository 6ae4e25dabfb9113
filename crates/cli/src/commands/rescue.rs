//! `countermand rescue`.

use std::path::PathBuf;

use countermand_fleet::store::Kind;
use countermand_fleet::{Authorization, Options, now};

use crate::args::Global;
use crate::args::jobs::Rescue;
use crate::args::resume::Way;
use crate::commands::confirm;
use crate::commands::names::{Given, Names, searched};
use crate::commands::open;
use crate::commands::run::run;
use crate::commands::settings::settings;
use crate::connect;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::results::Report;
use crate::signals::{Hangup, Signals};

pub(crate) async fn rescue(global: &Global, options: Rescue) -> Result<Exit, Failure> {
    let mut signals = Signals::listen(Hangup::Outlived)?;
    let report = Report::start(global.json);
    let given = Given {
        several: true,
        ..Given::searched(options.names)
    };
    let (report, sources) = Names::read(given, global, report, &mut signals).await?;
    if !sources.operations.is_empty() {
        return Err(Failure::usage(format!(
            "a rescue searches {}; names of operations are for `cancel` or `plan`",
            searched(global.meant)
        )));
    }
    let begun = now();
    let mut settings = settings(Kind::Rescue, global, &options.terms, &sources)?;
    sources.check(&settings.filter)?;
    settings.max = Some(options.max);
    let path = options.job.unwrap_or_else(|| {
        let time = begun.to_string().replace(['-', ':', '.'], "");
        PathBuf::from(format!("rescue-{time}.job"))
    });

    let authorization = Authorization {
        lanes: connect::lanes(global, &sources.endpoint)?,
        endpoint: sources.endpoint,
        confirmed: confirm::parse(&options.confirm, &settings.services())?,
        ..Authorization::default()
    };
    // Before there is a file: what is not confirmed leaves nothing behind.
    let rescue = confirm::rescue(settings, sources.devices, authorization, &mut signals).await?;
    // Nor do credentials that are of no use.
    let of_job = rescue.settings();
    let clients = connect::clients(global, &of_job.lanes).await?;
    let options = Options {
        in_flight: options.terms.flight.in_flight(global.usual()),
        ..Options::default()
    };
    let job = rescue.create(&path, options, begun);
    let job = job.map_err(|error| open::uncreated(&error, "--job FILE"))?;
    let mut way = Way::of(global);
    way.in_flight = options.in_flight;
    let apply = way
        .apply(job.job())
        .map_err(|error| open::failure(&error))?;
    // A process that is killed says nothing more.
    report.output.note(&format!(
        "the job file is {}; if this process ends early, this goes on:\n  {apply}",
        countermand_core::text::shown_path(&path)
    ));
    run(global, clients, job, options, report, signals).await
}
