//! Names that come while a job runs, of one lane: a row for each, from a file that outlives the process.

use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::path::Path;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use countermand::Client;
use countermand_core::{Endpoint, OperationName, Phase, Timestamp};
use countermand_scheduler::{Event, Progress};
use futures_core::Stream;
use futures_util::StreamExt;
use serde_json::json;

use crate::authorize::{Authorization, Refusal};
use crate::clock::{Wall, now};
use crate::job_row::{JobRow, Resolution, Target};
use crate::lane::{Lane, Lanes};
use crate::run::{Run, Shared};
use crate::schedule::Options;
use crate::side::lock;
use crate::store::{Job, JobError, JobErrorKind, Kind, Note, Record, Settings};

/// The kind of the error of an operation that is not of the lane.
const NO_LANE: &str = "no_lane";

/// Names that are taken in together: each time, the new ones are written to the disk before any of them is asked for.
const CHUNK: usize = 1000;

/// Operations of one lane whose names come while it runs: a stream with one final row for each name.
///
/// The file that it keeps is a job of the kind [`Feed`](Kind::Feed). It outlives the process: a later feed with the same
/// file gives the rows of what is settled at once, looks at what was accepted or may have been sent, and goes on with the quota
/// that is left. So a worker of an engine may take up the same names again.
///
/// A file that is new says nothing about the calls before it, so that nothing is sent for one full window of the
/// quota ([`open`](Self::open)), unless its maker knows that nothing was sent ([`create`](Self::create)).
///
/// Nothing is sent that is not in the file: if the disk does not take it, the feed ends with the disk's error.
///
/// ```
/// use countermand_fleet::store::Kind;
/// use countermand_fleet::{Feed, RowState, Settings, Target, now};
/// use futures_util::{StreamExt, stream};
/// # use countermand::{Client, Token, hyper::Authorized};
/// # use countermand_emulator::{Config, Fate, Shared};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let shared = Shared::new(Config::default().parents(3).mix([(1, Fate::Cancellable)]));
/// # let endpoint: countermand_core::Endpoint = "http://127.0.0.1".parse()?;
/// # let transport = Authorized::new(endpoint.clone(), Token::new("emulator-token")?, shared.clone());
/// # let client = Client::new(transport).endpoint(endpoint.clone());
/// # let names = shared.with(|emulator, now| emulator.pending(now));
/// # let names: Vec<_> = names.iter().map(|name| name.parse().map(Target::new)).collect::<Result<_, _>>()?;
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("north.job");
///
/// let settings = Settings::at(Kind::Feed, &endpoint);
/// Feed::create(&path, &settings, now())?; // by the program that begins everything
///
/// let file = Feed::open(&path, &settings, now())?; // by a worker, however often
/// let mut feed = Feed::begin(&client, file, stream::iter(names))?;
/// while let Some(row) = feed.next().await {
///     assert_eq!(RowState::of(&row?), RowState::Cancelled);
/// }
/// feed.end("done")?;
/// # Ok(())
/// # }
/// ```
///
/// # Cancellation safety
/// As of [`Run`]: dropping it is like a crash, after which the next feed with this file goes on.
pub struct Feed {
    /// `None` once it has ended.
    run: Option<Run>,
    given: Given,
}

/// The file of a feed, open and locked.
#[derive(Debug)]
pub struct FeedFile {
    job: Job,
    /// Those of the caller: quota and deadline of this run.
    settings: Settings,
    options: Options,
}

impl FeedFile {
    /// The same with so many requests in flight.
    #[must_use]
    pub const fn in_flight(mut self, requests: usize) -> Self {
        self.options.in_flight = requests;
        self
    }

    /// The job in it.
    pub const fn job(&mut self) -> &mut Job {
        &mut self.job
    }
}

/// Rows of names that were settled when they came, and wait for the caller.
type Given = Arc<Mutex<Waiting>>;

#[derive(Default)]
struct Waiting {
    rows: VecDeque<JobRow>,
    /// Wakes the source of names: it takes no more while rows wait.
    source: Option<Waker>,
}

impl Feed {
    /// Makes the file of a feed of which nothing was sent: the first one that opens it begins at once.
    ///
    /// # Errors
    /// A file that exists is left alone; the disk's.
    pub fn create(
        path: impl AsRef<Path>,
        settings: &Settings,
        at: Timestamp,
    ) -> Result<(), JobError> {
        let fill = |job: &mut Job| {
            let (kind, text) = (Note::NOTHING_SENT.to_owned(), String::new());
            job.record(&[Record::Note { at, kind, text }])
        };
        let (job, ()) = Job::create_with(path, &of_feed(settings), at, fill)?;
        job.close()
    }

    /// Opens the file of a feed, or makes it where there is none. The lane, its endpoint and its quota are those of the
    /// settings: a file does not say where a token goes.
    ///
    /// A file that is damaged, or was edited, is as one that is lost: it is moved aside, to a name that ends with the time,
    /// and a new one is made.
    ///
    /// # Errors
    /// [`Refusal::Job`] with [`Locked`](JobErrorKind::Locked) while another process has it, with
    /// [`OtherKind`](JobErrorKind::OtherKind) for the file of another job, or the disk's; another refusal for the file of
    /// another lane or server.
    pub fn open(
        path: impl AsRef<Path>,
        settings: &Settings,
        at: Timestamp,
    ) -> Result<FeedFile, Refusal> {
        let (path, settings) = (path.as_ref(), of_feed(settings));
        let opened = Job::open(path, at).and_then(|job| match job.settings().kind {
            Kind::Feed => Ok(job),
            kind => Err(JobErrorKind::OtherKind { kind }.at(path)),
        });
        let job = match opened {
            Err(error) if error.is_lost() => {
                Job::set_aside(path, at)?;
                Job::create(path, &settings, at)
            }
            opened => opened,
        }?;
        let own = settings.lane();
        let authorization = Authorization {
            endpoint: own
                .endpoint
                .parse::<Endpoint>()
                .unwrap_or_default()
                .of_service(own.service),
            lanes: match settings.has_one_lane() {
                true => Vec::new(),
                false => vec![own.clone()],
            },
            ..Authorization::default()
        };
        authorization.is_for(job.settings())?;
        Ok(FeedFile {
            job,
            settings,
            options: Options::default(),
        })
    }

    /// Begins, or goes on, with these names. One that is given again comes out no second time.
    ///
    /// Names are pulled as the scheduler has room for them. One that is not of the lane has a row with the position 0 and
    /// an error. Operations of the file that are not given are left alone.
    ///
    /// # Errors
    /// [`OtherEndpoint`](JobErrorKind::OtherEndpoint) for a client of another endpoint than the job's, and the disk's;
    /// nothing was sent.
    pub fn begin(
        client: &Client,
        file: FeedFile,
        names: impl Stream<Item = Target> + Send + 'static,
    ) -> Result<Self, JobError> {
        Self::begin_by(client, file, names, now)
    }

    /// The same by another clock than the machine's, for tests.
    ///
    /// # Errors
    /// As of [`begin`](Self::begin).
    #[doc(hidden)]
    pub fn begin_by(
        client: &Client,
        file: FeedFile,
        names: impl Stream<Item = Target> + Send + 'static,
        wall: Wall,
    ) -> Result<Self, JobError> {
        let FeedFile {
            mut job,
            settings,
            options,
        } = file;
        rest(&mut job, settings.lane(), wall())?;
        let given = Given::default();
        let waiting = Arc::clone(&given);
        let own = settings.lane().clone();
        let run = Run::fed((client, settings), job, options, wall, |recorder| {
            let of_lane = move |target: &Target| not_of(&target.name, &own);
            Box::pin(taken_in(names, of_lane, recorder, waiting))
        })?;
        Ok(Self {
            run: Some(run),
            given,
        })
    }

    /// Its progress.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.run.as_ref().map(Run::progress).unwrap_or_default()
    }

    /// The run beneath, until it has ended.
    #[must_use]
    pub const fn run(&self) -> Option<&Run> {
        self.run.as_ref()
    }

    /// Ends it, in a few words, and closes the file. What has not come out is as after a crash.
    ///
    /// # Errors
    /// The disk's: results since then are not in the file.
    pub fn end(mut self, how: &str) -> Result<(), JobError> {
        let Some(run) = self.run.take() else {
            return Ok(());
        };
        let ended = run.end(how);
        ended.trouble.map_or(Ok(()), Err)?;
        ended.job.close()
    }

    /// Ends it with the disk's error.
    fn fail(&mut self, what: String) -> Option<JobError> {
        let run = self.run.take()?;
        let ended = run.end("the job file could not be written");
        let path = ended.job.path().to_owned();
        Some(
            ended
                .trouble
                .unwrap_or_else(|| JobErrorKind::Disk { what }.at(&path)),
        )
    }

    /// The row of an operation that has come out.
    fn row(&mut self, event: Event) -> Option<Result<JobRow, JobError>> {
        let Event::Finished { name, result } = event else {
            return None;
        };
        let run = self.run.as_mut()?;
        let row = run.job(|job| {
            let row = job.row(&name)?;
            row.ok_or_else(|| JobErrorKind::Unknown { name: name.clone() }.at(job.path()))
        });
        Some(row.map(|mut row| {
            // What was not attempted stays as it is in the file, and the caller is told why.
            if row.progress.resolution.is_none() && result.is_err() {
                row.progress.resolution = Some(Resolution::of(now(), &result));
            }
            row
        }))
    }
}

impl Stream for Feed {
    type Item = Result<JobRow, JobError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            if let Some(row) = this.given.lock_rows() {
                return Poll::Ready(Some(Ok(row)));
            }
            let Some(run) = &mut this.run else {
                return Poll::Ready(None);
            };
            let event = pin!(run).poll_next(context);
            if let Some(trouble) = this.run.as_ref().and_then(Run::trouble) {
                return Poll::Ready(this.fail(trouble).map(Err));
            }
            match event {
                Poll::Ready(Some(event)) => {
                    if let Some(row) = this.row(event) {
                        return Poll::Ready(Some(row));
                    }
                }
                // The last names may have been settled all.
                Poll::Ready(None) if lock(&this.given).rows.is_empty() => return Poll::Ready(None),
                Poll::Pending if lock(&this.given).rows.is_empty() => return Poll::Pending,
                Poll::Ready(None) | Poll::Pending => {}
            }
        }
    }
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed")
            .field("run", &self.run)
            .finish_non_exhaustive()
    }
}

trait Rows {
    fn lock_rows(&self) -> Option<JobRow>;
}

impl Rows for Given {
    fn lock_rows(&self) -> Option<JobRow> {
        let mut waiting = lock(self);
        let row = waiting.rows.pop_front();
        if waiting.rows.is_empty()
            && let Some(source) = waiting.source.take()
        {
            source.wake();
        }
        row
    }
}

/// The settings of the file of a feed.
fn of_feed(settings: &Settings) -> Settings {
    Settings {
        kind: Kind::Feed,
        ..settings.clone()
    }
}

/// Takes the quota for spent where the file does not know what was sent before it: until one full window has passed.
fn rest(job: &mut Job, lane: &Lane, at: Timestamp) -> Result<(), JobError> {
    let begun = job.runs().next().transpose()?.is_some();
    let mut notes = job.notes();
    let unused = notes.any(|note| note.is_ok_and(|note| note.kind == Note::NOTHING_SENT));
    drop(notes);
    let quota = lane.quota();
    let spans = lane.quota.iter().chain(&lane.per_resource);
    let Some(longest) = spans.map(|window| window.span()).max() else {
        return Ok(());
    };
    if begun || unused {
        return Ok(());
    }
    let until = at.saturating_add(longest + quota.get_guard());
    let text = "the job file is new, and calls before it are not known: nothing is sent for one window of the quota";
    let (kind, text) = (Note::NEW.to_owned(), text.to_owned());
    job.record(&[
        Record::Paused {
            lane: 0,
            at,
            until,
            limit: None,
        },
        Record::Note { at, kind, text },
    ])
}

/// Reason why the calls of an operation are not those of a lane.
fn not_of(name: &OperationName, lane: &Lane) -> Option<String> {
    let lanes = Lanes::new(std::slice::from_ref(lane));
    let placed = lanes.and_then(|lanes| lanes.of(name));
    placed.err().map(|error| error.to_string())
}

/// The row of an operation that is not in the file, because it is not of the lane: its position is 0.
fn refused(target: Target, message: &str) -> JobRow {
    let mut row = JobRow::new(0, target);
    let mut resolution = Resolution::new(now(), None);
    let advice = "give names of one lane";
    resolution.error = Some(json!({"kind": NO_LANE, "message": message, "advice": advice}));
    row.progress.resolution = Some(resolution);
    row
}

/// Takes names into the file as the scheduler pulls them; those that are settled there go to the caller at once.
fn taken_in(
    names: impl Stream<Item = Target> + Send + 'static,
    not_of_lane: impl Fn(&Target) -> Option<String> + Send + 'static,
    recorder: Shared,
    given: Given,
) -> impl Stream<Item = (OperationName, Phase)> + Send {
    let mut known = HashSet::new();
    let mut chunks = Box::pin(names.ready_chunks(CHUNK));
    let mut open = VecDeque::new();
    futures_util::stream::poll_fn(move |context| {
        loop {
            if let Some(name) = open.pop_front() {
                return Poll::Ready(Some(name));
            }
            {
                let mut waiting = lock(&given);
                if !waiting.rows.is_empty() {
                    waiting.source = Some(context.waker().clone());
                    return Poll::Pending;
                }
            }
            let chunk = match chunks.as_mut().poll_next(context) {
                Poll::Ready(Some(chunk)) => chunk,
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => return Poll::Pending,
            };
            let new = chunk.into_iter();
            let new = new.filter(|target| known.insert(target.name.clone()));
            let (mut own, mut rows) = (Vec::new(), Vec::new());
            for target in new {
                match not_of_lane(&target) {
                    None => own.push(target),
                    Some(message) => rows.push(refused(target, &message)),
                }
            }
            let Some(taken) = recorder.take_in(own) else {
                // The run ends with the disk's error.
                return Poll::Pending;
            };
            open.extend(taken.open);
            rows.extend(taken.settled);
            lock(&given).rows.extend(rows);
        }
    })
}
