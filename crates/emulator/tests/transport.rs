//! The failure that a client notices of an action, without a socket.

use std::time::Duration;

use crate::common::{T0, reply, secs, single};
use countermand_core::{Endpoint, OperationName, Request, Transmit, TransportErrorKind};
use countermand_emulator::{Config, Fate, NewOperation, NewParent, Shared, State};
use countermand_hyper::Transport;

/// The time and the status, or the kind of failure, that a fault gives a client with 10 s to wait.
fn noticed(entry: &str) -> (Duration, Result<u16, TransportErrorKind>) {
    let script = format!("[{entry}]").parse().unwrap();
    let (mut emulator, name) = single(
        Config::default().script(script),
        NewOperation::new(Fate::Cancellable),
    );
    let (after, delivery) =
        reply(&mut emulator, T0, "POST", &format!("/v1/{name}:cancel")).deliver(secs(10));
    (
        after,
        delivery
            .map(|response| response.status().as_u16())
            .map_err(|problem| problem.kind()),
    )
}

#[test]
fn every_action_is_what_a_client_would_notice() {
    use TransportErrorKind::{
        Connect, ConnectionLost, EnhanceYourCalm, TimedOut, TooLarge, Unprocessed,
    };
    for (entry, after, expected) in [
        (r#"{"status": 418}"#, T0, Ok(418)),
        (r#"{"delay_ms": 7000}"#, secs(7), Ok(200)),
        (r#"{"delay_ms": 70000}"#, secs(10), Err(TimedOut)),
        (r#"{"fault": "refused"}"#, T0, Err(Connect)),
        (r#"{"fault": "black-hole"}"#, secs(3), Err(Connect)),
        (
            r#"{"fault": "reset-after", "delay_ms": 2000}"#,
            secs(2),
            Err(ConnectionLost),
        ),
        (r#"{"fault": "stall"}"#, secs(10), Err(TimedOut)),
        (r#"{"fault": "stall-body"}"#, secs(10), Err(TimedOut)),
        (r#"{"fault": "stall-body", "after": 3}"#, T0, Ok(200)),
        (r#"{"fault": "drip"}"#, secs(10), Err(TimedOut)),
        (
            r#"{"fault": "drip", "interval_ms": 1000}"#,
            secs(3),
            Ok(200),
        ),
        (r#"{"fault": "truncated"}"#, T0, Err(ConnectionLost)),
        (r#"{"fault": "flood"}"#, T0, Err(TooLarge)),
        (r#"{"fault": "flood", "mib": 1}"#, T0, Ok(200)),
        (r#"{"fault": "refused-stream"}"#, T0, Err(Unprocessed)),
        (r#"{"fault": "go-away"}"#, T0, Err(Unprocessed)),
        (
            r#"{"fault": "enhance-your-calm"}"#,
            T0,
            Err(EnhanceYourCalm),
        ),
    ] {
        assert_eq!(noticed(entry), (after, expected), "{entry}");
    }
}

#[tokio::test(start_paused = true)]
async fn it_is_a_transport() {
    let shared = Shared::new(
        Config::default()
            .parents(0)
            .script(r#"[{"delay_ms": 50}]"#.parse().unwrap()),
    );
    let device = NewParent::with([NewOperation::new(Fate::Cancellable)]);
    let name = shared.with(|emulator, now| emulator.add(now, device).unwrap().operations.remove(0));
    let name: OperationName = name.parse().unwrap();
    let send = async |token: Option<&str>| {
        let mut request = Request::Cancel(name.clone()).http(&Endpoint::default());
        if let Some(token) = token {
            request
                .headers_mut()
                .insert("authorization", format!("Bearer {token}").parse().unwrap());
        }
        let transmit = Transmit {
            request,
            timeout: secs(10),
            reauthorize: false,
            wrong_endpoint: false,
            body_cap: 64 << 10,
            departure: countermand_core::Departure::default(),
        };
        shared.send(transmit).await.unwrap().status().as_u16()
    };
    assert_eq!(send(None).await, 401);
    assert_eq!(send(Some("emulator-token")).await, 200);
    let state = shared.with(|emulator, now| emulator.truth_of(now, name.as_ref()).unwrap().state);
    assert_eq!(state, State::Cancelled);
}
