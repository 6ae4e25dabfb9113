//! Attempts of a failing call: a caller that waits for one operation gets the error sooner than a
//! scheduler.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use countermand_core::{OperationName, Policy, Transmit};
use countermand_hyper::Client;
use futures_util::stream::StreamExt;
use http::{Method, Response};

/// Number of cancels that a server receives when it answers each with 503: of one countermand, and
/// of a scheduler of one operation.
async fn cancels(policy: Policy) -> (u32, u32) {
    let seen = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&seen);
    let client = Client::new(move |transmit: Transmit| {
        let name = transmit.request.uri().path().trim_start_matches("/v1/");
        let (status, body) = match *transmit.request.method() {
            Method::POST => {
                count.fetch_add(1, Ordering::Relaxed);
                (503, String::new())
            }
            _ => (
                200,
                format!(r#"{{"name":"{name}","done":true,"error":{{"code":1}}}}"#),
            ),
        };
        async move {
            Ok(Response::builder()
                .status(status)
                .body(Bytes::from(body))
                .unwrap())
        }
    });
    let client = client.policy(policy);
    let name: OperationName = "enterprises/e/devices/d/operations/17".parse().unwrap();
    client.countermand(&name).await.unwrap();
    let alone = seen.swap(0, Ordering::Relaxed);
    let all = client.countermand_all([name]).collect::<Vec<_>>().await;
    all.into_iter()
        .for_each(|(_, result)| drop(result.unwrap()));
    (alone, seen.load(Ordering::Relaxed))
}

#[tokio::test(start_paused = true)]
async fn attempts_that_are_not_set_are_5_and_10_in_a_scheduler() {
    let patient = Policy::default().deadline(Duration::from_secs(3600));
    assert_eq!(cancels(patient.clone()).await, (5, 10));
    // The default's own number, set explicitly, counts as set.
    assert_eq!(cancels(patient.clone().max_attempts(5)).await, (5, 5));
    assert_eq!(cancels(patient.max_attempts(7)).await, (7, 7));
}
