//! `google WORK N`: google-androidmanagement1, set up as its documentation does.

use std::error::Error;

use bench_task::Task;
use futures_util::stream::{self, StreamExt};
use google_androidmanagement1::AndroidManagement;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::crypto::ring::default_provider;

type Hub = AndroidManagement<HttpsConnector<HttpConnector>>;

const FIELDS: &str = "name,done,error,metadata(@type,type,createTime,duration,errorCode)";

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(run(&Task::of_process()?))
}

async fn run(task: &Task) -> Result<(), Box<dyn Error>> {
    let builder = HttpsConnectorBuilder::new()
        .with_provider_and_native_roots(default_provider())?
        .https_only();
    let connector = if task.is_serial() {
        builder.enable_http1().build()
    } else {
        builder.enable_http2().build()
    };
    let client = Client::builder(TokioExecutor::new()).build(connector);
    let mut hub = AndroidManagement::new(client, task.token.clone());
    hub.base_url(format!("{}/", task.root));
    let mut good = 0;
    if task.is_serial() {
        for index in 0..task.operations {
            good += usize::from(one(&hub, task, index).await);
        }
    } else {
        // One request first: 100 at once would open 100 connections.
        good += usize::from(one(&hub, task, 0).await);
        let rest = stream::iter(1..task.operations)
            .map(|index| one(&hub, task, index))
            .buffer_unordered(task.in_flight);
        good += rest
            .fold(0, |good, fine| std::future::ready(good + usize::from(fine)))
            .await;
    }
    task.report(good, task.operations - good);
    Ok(())
}

async fn one(hub: &Hub, task: &Task, index: usize) -> bool {
    let name = Task::name(index);
    let fine = hub
        .enterprises()
        .devices_operations_cancel(&name)
        .doit()
        .await
        .is_ok();
    if !task.confirms() {
        return fine;
    }
    let call = hub.enterprises().devices_operations_get(&name);
    let told = call.param("fields", FIELDS).doit().await;
    fine && told.is_ok_and(|(_, operation)| {
        operation.done == Some(true) && operation.error.is_some_and(|error| error.code == Some(1))
    })
}
