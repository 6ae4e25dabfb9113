//! Names of one lane that come while they are cancelled, with the file that outlives the process.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use countermand_fleet::report::Row;
use countermand_fleet::store::{JobErrorKind, Kind};
use countermand_fleet::{self as fleet, FeedFile, JobError, JobRow, Lane, Refusal, Settings, now};
use futures_util::StreamExt;
use futures_util::future::{Either, select};
use pyo3::prelude::*;
use pyo3::types::PyCapsule;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::apply::Failure;
use crate::arguments::InFlight;
use crate::call::Ready;
use crate::client::NativeClient;
use crate::clock::{self, Length};
use crate::feed::Feed;
use crate::files::OpenFile;
use crate::stream::Stream;
use crate::ways::NoClient;
use crate::{arrow, rows};

/// Time between two looks at a file that another process has.
const LOOK: Duration = Duration::from_millis(200);

/// Rows of the names that the feed is given, with the file at this path. Among them is what else the caller has to know: a
/// name that is none, and that the feed is hungry.
#[pyfunction]
pub(crate) fn lane_feed(
    client: PyRef<'_, NativeClient>,
    py: Python<'_>,
    path: PathBuf,
    deadline: Option<Length>,
    in_flight: Option<InFlight>,
    patience: Length,
) -> PyResult<(Stream, Feed)> {
    let (settings, lane) = client.lane_settings(py, deadline)?;
    let patience = clock::seconds("patience", patience)?;
    let requests = client.options(in_flight, false).in_flight;
    let connected = client.here(py, None)?;
    let (file, endpoint) = (OpenFile::new()?, client.endpoint.clone());
    let mut feed = None;
    let results = Stream::of_work(py, |out, mut stopped| {
        let (taken, names) = Feed::new(out.clone(), endpoint, None);
        feed = Some(taken);
        async move {
            let raiser = connected.raiser.clone();
            let begun = async {
                let clients = connected.clients(std::slice::from_ref(&lane)).await?;
                let file = open((path, settings), patience).await?.in_flight(requests);
                let begin = move || match &clients[..] {
                    [client, ..] => fleet::Feed::begin(client, file, names).map_err(Failure::from),
                    [] => Err(NoClient::Several(Vec::new()).into()),
                };
                spawn_blocking(begin).await?
            };
            let begun = match select(&mut stopped, Box::pin(begun)).await {
                Either::Left(_) => return,
                Either::Right((begun, _)) => begun,
            };
            let mut running: fleet::Feed = match begun {
                Ok(running) => running,
                Err(failure) => {
                    let failure: Failure = failure;
                    let _ = out.send(Box::new(move |py| Err(failure.raise(py, &raiser))));
                    return;
                }
            };
            let ended = loop {
                match select(&mut stopped, running.next()).await {
                    Either::Left(_) => break "interrupted",
                    Either::Right((None, _)) => break "done",
                    Either::Right((Some(row), _)) => {
                        if out.send(told(row)).is_err() {
                            break "interrupted";
                        }
                    }
                }
            };
            let closed = spawn_blocking(move || running.end(ended)).await;
            drop(file);
            let failure = match closed {
                Ok(Ok(())) => return,
                Ok(Err(error)) => Failure::from(error),
                Err(error) => Failure::from(error),
            };
            let _ = out.send(Box::new(move |py| Err(failure.raise(py, &raiser))));
        }
    })?;
    let feed = feed.expect("the work was made with its feed");
    Ok((results, feed))
}

/// A row of a name.
#[pyclass(module = "countermand._countermand", frozen)]
pub(crate) struct LaneRow(JobRow);

#[pymethods]
impl LaneRow {
    /// The row as JSON, by the schema `countermand.row/1`.
    fn json(&self) -> PyResult<String> {
        rows::json(&Row::of(&self.0))
    }
}

/// Rows that become a table.
#[pyclass(module = "countermand._countermand", frozen)]
pub(crate) struct LaneRows {
    rows: Vec<JobRow>,
    refused: Vec<arrow::Refused>,
}

#[pymethods]
impl LaneRows {
    #[new]
    fn new(rows: Vec<PyRef<'_, LaneRow>>, refused: Vec<arrow::Refused>) -> Self {
        Self {
            rows: rows.iter().map(|row| row.0.clone()).collect(),
            refused,
        }
    }

    /// The rows as a stream of Arrow record batches.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        drop(requested_schema);
        arrow::of_rows(py, &self.rows, &self.refused)
    }
}

/// A row, or the disk's error.
fn told(row: Result<JobRow, JobError>) -> Ready {
    Box::new(move |py| match row {
        Ok(row) => Ok(Py::new(py, LaneRow(row))?.into_any()),
        Err(error) => Err(crate::job_errors::error(py, &error)),
    })
}

/// The file of a lane, once no other process has it; so long it is waited for at most.
async fn open(
    (path, settings): (PathBuf, Settings),
    patience: Duration,
) -> Result<FeedFile, Failure> {
    let begun = Instant::now();
    loop {
        let (path, settings) = (path.clone(), settings.clone());
        let opened = spawn_blocking(move || fleet::Feed::open(path, &settings, now())).await?;
        match opened {
            Err(Refusal::Job(error))
                if matches!(error.kind(), JobErrorKind::Locked { .. })
                    && begun.elapsed() < patience =>
            {
                sleep(LOOK).await;
            }
            opened => return Ok(opened?),
        }
    }
}

impl NativeClient {
    /// The settings of a file of the only lane, and that lane.
    fn lane_settings(
        &self,
        py: Python<'_>,
        deadline: Option<Length>,
    ) -> PyResult<(Settings, Lane)> {
        let mut settings = self.settings(Kind::Feed, deadline)?;
        let lane = self
            .here(py, None)?
            .ways
            .only_lane(&fleet::QuotaTerms::default());
        let lane = lane.map_err(|error| error.raise(py))?;
        settings.lanes = vec![lane.clone()];
        Ok((settings, lane))
    }
}
