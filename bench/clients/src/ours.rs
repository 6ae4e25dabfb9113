//! Countermand, with everything that a user has: a token source, a timeout for each attempt, the
//! state of retries, the cap of bodies, `tracing`.

use std::error::Error;

use countermand_hyper::{
    Client, Endpoint, HyperConfig, OperationName, Policy, Quota, Token, Verdict,
};
use futures_util::stream::{self, StreamExt};

use bench_task::{Task, Work};

/// Does the task.
///
/// # Errors
/// When the client cannot be made; a refused operation is counted.
pub(crate) async fn run(task: &Task) -> Result<(), Box<dyn Error>> {
    let endpoint: Endpoint = task.root.parse()?;
    let config = HyperConfig::default()
        .ca_file(&task.ca)
        .http1_only(task.is_serial());
    let client = Client::connect(endpoint, Token::new(&task.token)?, config)?
        .policy(Policy::default())
        .quota(Quota::unlimited())
        .in_flight(task.in_flight);
    let names = (0..task.operations).map(name);
    let mut good = 0;
    match task.work {
        Work::Serial => {
            for name in names {
                good += usize::from(client.cancel(&name).await.is_ok());
            }
        }
        Work::ConfirmSerial => {
            for name in names {
                good += usize::from(countermand(&client, name).await);
            }
        }
        Work::Bulk => {
            let cancels = stream::iter(names)
                .map(|name| {
                    let client = &client;
                    async move { client.cancel(&name).await.is_ok() }
                })
                .buffer_unordered(task.in_flight);
            good = count(cancels).await;
        }
        Work::ConfirmBulk => {
            let countermands = stream::iter(names)
                .map(|name| countermand(&client, name))
                .buffer_unordered(task.in_flight);
            good = count(countermands).await;
        }
        Work::Scheduler => {
            let results = client.countermand_all(names).map(|(_, result)| {
                result.is_ok_and(|outcome| outcome.verdict == Verdict::Cancelled)
            });
            good = count(results).await;
        }
    }
    task.report(good, task.operations - good);
    Ok(())
}

async fn countermand(client: &Client, name: OperationName) -> bool {
    let outcome = client.countermand(&name).await;
    outcome.is_ok_and(|outcome| outcome.verdict == Verdict::Cancelled)
}

async fn count(results: impl stream::Stream<Item = bool>) -> usize {
    results
        .fold(0, |good, fine| std::future::ready(good + usize::from(fine)))
        .await
}

/// A user's names are texts, and have to be checked.
fn name(index: usize) -> OperationName {
    let name = Task::name(index);
    name.parse().expect("the name of an operation")
}
