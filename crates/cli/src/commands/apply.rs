//! `countermand apply`.

use countermand_fleet::{Authorization, Options};

use crate::args::Global;
use crate::args::jobs::Apply;
use crate::commands::confirm;
use crate::commands::open;
use crate::commands::run::run;
use crate::connect;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::results::Report;
use crate::signals::{Hangup, Signals};

pub(crate) async fn apply(global: &Global, options: Apply) -> Result<Exit, Failure> {
    let mut signals = Signals::listen(Hangup::Outlived)?;
    let job = open::job(&options.job)?;
    let mut authorization = Authorization {
        endpoint: global.place(),
        lanes: connect::lanes(global, &global.place())?,
        digest: None,
        confirmed: None,
        max_age: options.max_age,
    };
    // First, because the services decide how a confirmation is phrased.
    let is_for = authorization.is_for(job.settings());
    is_for.map_err(|refusal| confirm::refused(&refusal))?;
    authorization.confirmed = confirm::parse(&options.confirm, job.services())?;
    let options = Options {
        in_flight: options.flight.in_flight(global.usual()),
        recheck: options.recheck,
    };
    let job = confirm::authorize(global, job, authorization, options, &mut signals).await?;
    let settings = job.job().settings();
    let clients = connect::clients(global, &settings.lanes).await?;
    let report = Report::start(global.json);
    run(global, clients, job, options, report, signals).await
}
