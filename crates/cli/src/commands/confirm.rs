//! Nothing is cancelled at fleet scale before the operator has said which fleet.

use std::ffi::OsStr;
use std::io::{self, BufRead, IsTerminal};

use countermand_core::text::printable;
use countermand_core::{ParentName, Service};
use countermand_fleet::store::{Kind, Settings};
use countermand_fleet::{
    Authorization, AuthorizedJob, AuthorizedRescue, Confirmed, Job, NotSearched, Options, Refusal,
    Services, confirmed, counted, not_googles, now, phrases, quoted,
};
use tokio::task::spawn_blocking;

use crate::args::Global;
use crate::commands::{open, plan};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::streams;
use crate::signals::{NOTHING_SENT, Signals};

/// Reads `--confirm`: `ENTERPRISE:COUNT`, or `ENTERPRISE` alone; `None` if it was not given.
pub(crate) fn parse(given: &[String], services: &Services) -> Result<Option<Confirmed>, Failure> {
    if given.is_empty() {
        return Ok(None);
    }
    let expected = expected(services);
    let confirmed = (1..).zip(given).map(|(at, phrase)| {
        // Not repeated: nothing says that it is a name.
        let text = format!("--confirm, value {at}: expected {expected}; nothing was sent");
        confirmed(services, phrase).ok_or_else(|| Failure::new(Exit::Refused, text))
    });
    confirmed.collect::<Result<Confirmed, _>>().map(Some)
}

/// The form of a value of `--confirm`, for people.
fn expected(services: &Services) -> String {
    let forms = services.iter().map(|service| {
        let is_only = services.only().is_some();
        expected_of(service, is_only)
    });
    forms.collect::<Vec<_>>().join(", or ")
}

/// The form of a value for operations of one service; beside others its names are full.
fn expected_of(service: &'static Service, is_only: bool) -> String {
    if *service == *Service::DEFAULT {
        return "ENTERPRISE:COUNT, like LC01abcd89:5000".to_owned();
    }
    let host = match is_only {
        true => String::new(),
        false => format!("//{}/", service.host),
    };
    let named = service.described_above(2);
    let is_root = service
        .patterns
        .iter()
        .any(|pattern| pattern.above().is_empty());
    let root = is_root.then(|| format!("{}:COUNT for operations that belong to none", service.id));
    let named = named.map(|name| format!("{host}{name}:COUNT"));
    let forms = named.into_iter().chain(root).collect::<Vec<_>>();
    forms.join(", or ")
}

/// Authorizes a job where the command line, or the operator at the terminal, agrees with it.
pub(crate) async fn authorize(
    global: &Global,
    job: Job,
    mut authorization: Authorization,
    options: Options,
    signals: &mut Signals,
) -> Result<AuthorizedJob, Failure> {
    let mut checked = authorization.check(job, options, now());
    if let Err(error) = checked {
        let (job, refusal) = error.into_parts();
        if let Refusal::NotConfirmed { .. } = refusal {
            plan::show(global, &job)?;
        }
        let named = job.named_devices().map_err(|error| open::failure(&error))?;
        authorization.confirmed = Some(ask(refusal, job.settings(), &named, signals).await?);
        checked = authorization.check(job, options, now());
    }
    checked.map_err(|error| refused(error.refusal()))
}

/// Authorizes a rescue, which has no file yet, where its enterprises are confirmed.
pub(crate) async fn rescue(
    settings: Settings,
    devices: Vec<ParentName>,
    mut authorization: Authorization,
    signals: &mut Signals,
) -> Result<AuthorizedRescue, Failure> {
    let mut checked = authorization.check_rescue(settings.clone(), devices.clone());
    if let Err(refusal) = checked {
        authorization.confirmed = Some(ask(refusal, &settings, &devices, signals).await?);
        checked = authorization.check_rescue(settings, devices);
    }
    checked.map_err(|refusal| refused(&refusal))
}

/// A refusal, with what helps.
pub(crate) fn refused(refusal: &Refusal) -> Failure {
    let advice = match refusal {
        Refusal::Job(error) => return open::failure(error),
        Refusal::OtherEndpoint { lane, .. } if !lane.is_empty() => {
            ". If the server of the job is the right one, mend the endpoint of that lane in the profile".to_owned()
        }
        Refusal::OtherEndpoint { job, .. } => {
            let endpoint = quoted(OsStr::new(job));
            let endpoint = printable(&endpoint);
            format!(
                ". If the server of the job is the right one, give --endpoint {endpoint} instead"
            )
        }
        Refusal::OtherService { job, .. } => {
            format!(". Give --service {job}, or --service-file with the file that describes it")
        }
        Refusal::OtherLane { lane, .. } if lane.is_empty() => {
            ". It was made without a profile that has lanes: give --profile none".to_owned()
        }
        Refusal::OtherLane { .. } => {
            ". Give the profile that it was planned with: --profile FILE".to_owned()
        }
        Refusal::Stale { .. } => ". Plan again, or allow a greater age with --max-age".to_owned(),
        Refusal::NotConfirmed { kind, planned, .. } => match kind {
            Kind::Plan | Kind::Feed => ". Confirm what is shown above".to_owned(),
            Kind::Rescue => format!(
                ". Confirm the {} of the names on the command line",
                planned
                    .keys()
                    .next()
                    .map_or("resources", |name| name.service().level_above(2).collection)
            ),
        },
        _ => String::new(),
    };
    Failure::new(
        Exit::Refused,
        format!("{refusal}; nothing was sent{advice}"),
    )
}

/// Asks at the terminal for the phrase of each enterprise, if that is all that is missing. `devices` are
/// searched by a rescue besides its enterprises.
async fn ask(
    refusal: Refusal,
    settings: &Settings,
    devices: &[ParentName],
    signals: &mut Signals,
) -> Result<Confirmed, Failure> {
    let Refusal::NotConfirmed {
        kind,
        planned,
        confirmed: None,
    } = refusal
    else {
        return Err(refused(&refusal));
    };
    let services = settings.services();
    let phrases = phrases(kind, &services, &planned);
    let what = match kind {
        Kind::Plan => "the plan",
        Kind::Feed => "the job",
        Kind::Rescue => "the rescue",
    };
    // A plan was shown; what a rescue will find is not known yet.
    let meant = match kind {
        Kind::Plan | Kind::Feed => String::new(),
        Kind::Rescue => format!(
            "It cancels what it finds: {}. It searches {}.{}",
            settings.filter.words(&services),
            places(settings, devices),
            not_searched(devices)
        ),
    };
    let refuse = |text: String| Err(Failure::new(Exit::Refused, text));
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        let options = phrases.iter().map(|phrase| format!(" --confirm {phrase}"));
        return refuse(format!(
            "{what} is not confirmed, and there is no terminal to ask at; nothing was sent.{}{meant} To confirm:{}",
            if meant.is_empty() { "" } else { " " },
            options.collect::<String>()
        ));
    }
    if !meant.is_empty() {
        streams::note(&meant);
    }
    for service in services.iter().filter(|one| **one != *Service::DEFAULT) {
        streams::note(&format!(
            "The service is {}, at {}: {}.",
            service.id, service.host, service.title
        ));
    }
    if let Some(servers) = not_googles(&settings.other_endpoints()) {
        streams::note(&format!("It goes to {servers}."));
    }
    for (phrase, (name, count)) in phrases.into_iter().zip(&planned) {
        let count = (kind != Kind::Rescue).then_some(*count);
        streams::note(&format!("To go on with {what}, type {phrase}"));
        let read = spawn_blocking(|| {
            let mut line = String::new();
            io::stdin().lock().read_line(&mut line).map(|_| line)
        });
        match signals.unless(read, NOTHING_SENT).await? {
            Ok(Ok(line)) if confirmed(&services, line.trim()) == Some((name.clone(), count)) => {}
            _ => {
                return refuse(
                    "another text was typed than the one asked for; nothing was sent".to_owned(),
                );
            }
        }
    }
    let confirmed = planned.into_iter();
    Ok(confirmed.map(|(name, count)| (name, Some(count))).collect())
}

/// A sentence about operations that no list of the search has, behind a blank; empty without any.
fn not_searched(devices: &[ParentName]) -> String {
    let clause = NotSearched::of(devices).sentence();
    clause.map_or_else(String::new, |clause| format!(" The {clause}."))
}

/// `enterprises/LC01, 2 devices`.
fn places(settings: &Settings, devices: &[ParentName]) -> String {
    let enterprises = settings.enterprises.iter().map(ToString::to_string);
    let devices = match devices {
        [] => None,
        [device] => Some(device.to_string()),
        devices => Some(counted(devices.len() as u64, settings.services().noun(1))),
    };
    enterprises.chain(devices).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The form that a refusal expects is taken, once the words in braces are ids.
    #[test]
    fn a_refused_confirmation_expects_what_is_taken() {
        let services = Service::ids().filter_map(Service::named);
        for service in services.filter(|service| **service != *Service::DEFAULT) {
            let services = Services::new([service]);
            for form in expected(&services).split(", or ") {
                let form = form.split(' ').next().unwrap_or_default();
                let id = |char| !matches!(char, '{' | '}' | '=' | '*');
                let phrase = form.chars().filter(|char| id(*char)).collect::<String>();
                let phrase = phrase.replace("COUNT", "7");
                let taken = confirmed(&services, &phrase);
                assert!(
                    matches!(taken, Some((_, Some(7)))),
                    "{}: {form}",
                    service.id
                );
            }
        }
        let run = Service::named("run.v2").unwrap();
        assert_eq!(
            expected(&Services::new([run])),
            "projects/{project}/locations/{location}:COUNT"
        );
        let none = Service::named("cloudshell.v1").unwrap();
        assert_eq!(
            expected(&Services::new([none])),
            "cloudshell.v1:COUNT for operations that belong to none"
        );
    }
}
