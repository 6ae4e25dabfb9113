//! `reqwest WORK N`: reqwest with its defaults.

use std::error::Error;

use bench_task::Task;
use futures_util::stream::{self, StreamExt};
use reqwest::{Client, RequestBuilder, StatusCode};

const FIELDS: &str = "name,done,error,metadata(@type,type,createTime,duration,errorCode)";

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(run(&Task::of_process()?))
}

async fn run(task: &Task) -> Result<(), Box<dyn Error>> {
    let builder = Client::builder();
    let client = if task.is_serial() {
        builder.http1_only().build()?
    } else {
        builder.build()?
    };
    let mut good = 0;
    if task.is_serial() {
        for index in 0..task.operations {
            good += usize::from(one(&client, task, index).await?);
        }
    } else {
        // One request first: 100 at once would open 100 connections.
        good += usize::from(one(&client, task, 0).await?);
        let rest = stream::iter(1..task.operations)
            .map(|index| one(&client, task, index))
            .buffer_unordered(task.in_flight);
        let mut rest = std::pin::pin!(rest);
        while let Some(fine) = rest.next().await {
            good += usize::from(fine?);
        }
    }
    task.report(good, task.operations - good);
    Ok(())
}

async fn one(client: &Client, task: &Task, index: usize) -> Result<bool, reqwest::Error> {
    let (root, name) = (&task.root, Task::name(index));
    let cancel = client.post(format!("{root}/v1/{name}:cancel"));
    let fine = is_good(cancel.header("content-length", "0"), task).await?;
    if !task.confirms() {
        return Ok(fine);
    }
    let get = client.get(format!("{root}/v1/{name}?fields={FIELDS}"));
    Ok(is_good(get, task).await? && fine)
}

async fn is_good(request: RequestBuilder, task: &Task) -> Result<bool, reqwest::Error> {
    let response = request.bearer_auth(&task.token).send().await?;
    let status = response.status();
    let body = response.bytes().await?;
    Ok(status == StatusCode::OK && !body.is_empty())
}
