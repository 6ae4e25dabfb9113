//! A search of a large fleet that cancels operations at once, or after the whole search.

use std::time::Duration;

use countermand_core::{Call, Phase};
use countermand_scheduler::Quota;
use countermand_scheduler::{Event, List, Scheduler};
use http::Request;

use crate::fleet::{Note, search};
use crate::server::{Delivery, answer, works};

/// Times at which the cancels left, since the start of the search.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Cancels {
    /// The first one.
    pub first: Duration,
    /// The time by which half of them had left.
    pub half: Duration,
    /// The last one.
    pub last: Duration,
}

const ENTERPRISE: &str = "enterprises/LC01abcd89";
const PAGE: usize = 100;

/// A fleet of `devices` devices with a pending operation each, with the whole documented quota.
///
/// # Panics
/// If a device is missed.
#[must_use]
pub fn rescue(devices: usize, at_once: bool) -> Cancels {
    let mut scheduler = Scheduler::new(1).quota(Quota::default().share(1.0));
    let enterprise = ENTERPRISE.parse().expect("as written here");
    scheduler.search(List::Parents(enterprise));
    scheduler.close();
    let (mut cancels, mut found) = (Vec::new(), Vec::new());
    search(
        &mut scheduler,
        Duration::from_secs(100_000),
        &mut |_, request| serve(request, devices),
        &mut |scheduler, now, note| match note {
            Note::Event(Event::Parents {
                parents: devices, ..
            }) => {
                for device in devices {
                    scheduler.search(List::Operations {
                        parent: device.name,
                        seen: device.active_time,
                        filter: None,
                    });
                }
            }
            Note::Event(Event::Operations { operations, .. }) => {
                found.extend(operations.into_iter().map(|operation| operation.name));
                if at_once || found.len() == devices {
                    for name in found.drain(..) {
                        scheduler.push(name, Phase::Unsent);
                    }
                }
            }
            Note::Event(Event::Sent {
                call: Call::Cancel, ..
            }) => cancels.push(now),
            _ => {}
        },
    );
    assert_eq!(cancels.len(), devices, "each was found and cancelled once");
    Cancels {
        first: cancels[0],
        half: cancels[devices / 2],
        last: cancels[devices - 1],
    }
}

fn serve(request: &Request<&'static str>, devices: usize) -> Delivery {
    let path = request.uri().path().trim_start_matches("/v1/");
    if let Some(device) = path.strip_suffix("/operations") {
        let name = format!("{device}/operations/1786048723669");
        return answer(200, format!(r#"{{"operations":[{{"name":"{name}"}}]}}"#));
    }
    if !path.ends_with("/devices") {
        return works(request);
    }
    let query = request.uri().query().unwrap_or_default();
    let token = query
        .split('&')
        .find_map(|part| part.strip_prefix("pageToken="));
    let from = token.map_or(0, |token| token.parse().expect("a number, as it was given"));
    let to = (from + PAGE).min(devices);
    let page = (from..to).map(|number| {
        // Last reports in an order that does not depend on the order of the list.
        let seen = number * 7919 % devices;
        let (minute, second) = (seen / 60 % 60, seen % 60);
        format!(
            r#"{{"name":"{ENTERPRISE}/devices/{number:016x}","lastStatusReportTime":"2026-11-02T{:02}:{minute:02}:{second:02}Z"}}"#,
            seen / 3600
        )
    });
    let next = match to < devices {
        true => format!(r#","nextPageToken":"{to}""#),
        false => String::new(),
    };
    let page = page.collect::<Vec<_>>().join(",");
    answer(200, format!(r#"{{"devices":[{page}]{next}}}"#))
}
