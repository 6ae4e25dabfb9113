//! `countermand get` and `countermand list`, which cancel nothing.

use std::pin::pin;

use countermand_core::text::{chain, shown};
use countermand_core::{Call, ErrorKind, Policy};
use countermand_fleet::input::InputProblem;
use countermand_fleet::{FilterError, Meant, QuotaTerms};
use futures_util::{StreamExt, stream};

use crate::args::Global;
use crate::args::operations::{Get, List};
use crate::args::selection::unanswered;
use crate::commands::names::{Given, Names, told};
use crate::connect;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::results::Report;
use crate::signals::{Hangup, Signals};

pub(crate) async fn get(global: &Global, options: Get) -> Result<Exit, Failure> {
    let mut signals = Signals::listen(Hangup::Ends)?;
    let given = Given::operations(options.names.names, Report::unreadable);
    let report = Report::start(global.json);
    let (mut report, names) = Names::read(given, global, report, &mut signals).await?;
    let global = &names.of_service(global);
    report.left_out(&names.left_out);
    let (endpoint, read) = (names.endpoint.clone(), names);
    let (names, _) = read.each_once();
    for name in &names {
        let method = name.check_method(Call::Get);
        method.map_err(|error| Failure::usage(error.to_string()))?;
    }
    let policy = Policy::default().deadline(options.deadline);
    let (meant, terms) = (read.meant(), QuotaTerms::default());
    let client = connect::client_for(global, &endpoint, &meant, &terms).await?;
    let client = client.0.policy(policy);
    report.align(&names);
    let mut exit = Exit::Done;
    let asked = stream::iter(names).map(|name| {
        let client = &client;
        async move {
            let result = client.get(&name).await;
            (name, result)
        }
    });
    let mut results = pin!(asked.buffered(options.flight.in_flight(global.usual())));
    while let Some((name, result)) = results.next().await {
        if let Err(error) = &result {
            exit = exit.max(Exit::of_error(error));
        }
        report.operation(&name, &result);
        if !report.output.is_open() {
            break;
        }
    }
    report.output.finish().await;
    Ok(exit)
}

pub(crate) async fn list(global: &Global, options: List) -> Result<Exit, Failure> {
    let text = options.device.to_str().ok_or_else(|| {
        let text = options.device.to_string_lossy();
        Failure::usage(format!("\"{}\" is not UTF-8", shown(&text)))
    })?;
    let endpoint = global.place();
    let device = endpoint.parse_given::<1>(text);
    let device = device.map_err(|error| Failure::usage(told(&InputProblem::Name(error))))?;
    let method = device.check_method(Call::ListOperations);
    method.map_err(|error| Failure::usage(error.to_string()))?;
    if options.server.filter.is_some() {
        let checked = device.check_filter().map_err(FilterError::from);
        checked.map_err(|error| unanswered(&error))?;
    }
    let policy = Policy::default().deadline(options.deadline);
    let meant = Meant {
        parents: std::slice::from_ref(&device),
        ..Meant::default()
    };
    let client = connect::client_for(global, &endpoint, &meant, &QuotaTerms::default()).await?;
    let client = client.0.policy(policy);
    let report = Report::start(global.json);
    let mut operations = client.list_operations(&device, options.server.filter);
    let mut exit = Exit::Done;
    while let Some(result) = operations.next().await {
        match result {
            Ok(operation) if options.pending && operation.done => {}
            Ok(operation) => report.operation(&operation.name.clone(), &Ok(operation)),
            Err(error) => {
                exit = Exit::of_error(&error);
                let what = match error.kind() {
                    ErrorKind::NotFound(_) => "there is no list",
                    _ => "the list is not complete",
                };
                report.output.note(&format!(
                    "error: {what}: {}; {}",
                    chain(&error),
                    error.advice()
                ));
            }
        }
        if !report.output.is_open() {
            break;
        }
    }
    report.output.finish().await;
    Ok(exit)
}
