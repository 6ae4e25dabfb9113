//! The client: names in, verdicts out.

use std::fmt;
use std::future::ready;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use countermand_core::{
    Cancellation, Endpoint, Error, Fetch, GrandparentName, ListFilter, Operation, OperationName,
    Outcome, Page, PageQuery, Pages, Parent, ParentName, Phase, Policy, Request, Resource,
    Response, Step, Time, TransportError,
};
use countermand_scheduler::Quota;
use countermand_scheduler::{Event, Scheduler};
use futures_core::Stream;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use tracing::Instrument;

use crate::authorized::Authorized;
use crate::clock::monotonic_now;
use crate::config::HyperConfig;
use crate::driver::drive_on;
use crate::hyper::Hyper;
use crate::log;
use crate::scheduler_stream::SchedulerStream;
use crate::token::{TokenSource, check_universe};
use crate::transport::{BoxStream, Transport};

/// Cancels operations and finds out the outcome of each.
///
/// Cheap to clone; clones share the transport. Its futures may be dropped at any time, which drops
/// the request that is under way: a cancel may then have been delivered or not.
///
/// A tokio runtime with time and, for [`connect`](Self::connect), I/O must be running when they
/// are polled. Pooled connections belong to the runtime they were made on and end with it.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use countermand_hyper::{Client, Endpoint, HyperConfig, Token, Verdict};
///
/// let token = Token::new(&std::env::var("COUNTERMAND_TOKEN")?)?;
/// let client = Client::connect(Endpoint::default(), token, HyperConfig::default())?;
/// let outcome = client.countermand(&"enterprises/LC01/devices/3f/operations/17".parse()?).await?;
/// assert_eq!(outcome.verdict, Verdict::Cancelled);
/// # Ok(())
/// # }
/// ```
///
/// # Another service
/// A [`Service`](countermand_core::Service) is data. Names of it are parsed by its own pattern; nothing else
/// changes.
///
/// ```
/// use countermand_emulator::{Config, Fate, NewOperation, NewParent, Server, Shared};
/// use countermand_hyper::core::{Level, NamePattern, OperationReader, Service, services::android_management::ANDROID_MANAGEMENT};
/// use countermand_hyper::{Client, Endpoint, HyperConfig, OperationName, Token, Verdict};
///
/// static SPEECH: Service = Service {
///     id: "speech.v1",
///     title: "Cloud Speech-to-Text API",
///     host: "speech.googleapis.com",
///     mtls_host: "speech.mtls.googleapis.com",
///     scope: "https://www.googleapis.com/auth/cloud-platform",
///     patterns: &[NamePattern::new(&[
///         Level::new("projects", "project"),
///         Level::new("locations", "location"),
///         Level { fields: "name,done,error", ..Level::new("operations", "operation") },
///     ])],
///     has_parent_records: false,
///     unmanaged_parent: None,
///     quota: &[(300, 60)],
///     resource_quota: None,
///     operation: OperationReader::PLAIN,
///     ..ANDROID_MANAGEMENT
/// };
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let emulator = Shared::new(Config::default().service(&SPEECH).parents(0));
/// let server = Server::bind(([127, 0, 0, 1], 0).into(), emulator.clone()).await?;
/// let location = NewParent::with([NewOperation::new(Fate::Cancellable)]).name("projects/p/locations/l");
/// let added = emulator.with(|emulator, now| emulator.add(now, location))?;
///
/// let endpoint: Endpoint = server.endpoint().parse()?; // SPEECH.endpoint() is Google's
/// let client = Client::connect(endpoint, Token::new("emulator-token")?, HyperConfig::default())?;
/// let name = OperationName::parse(&SPEECH, &added.operations[0])?;
/// assert_eq!(client.countermand(&name).await?.verdict, Verdict::Cancelled);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    transport: Arc<dyn Transport>,
    endpoint: Arc<Endpoint>,
    policy: Arc<Policy>,
    /// The same without a look at the outcome.
    asking: Arc<Policy>,
    quota: Quota,
    in_flight: usize,
    seed: Arc<AtomicU64>,
}

impl Client {
    /// A client of the [default service](countermand_core::Service::DEFAULT)'s endpoint over any transport,
    /// with the default policy.
    pub fn new(transport: impl Transport + 'static) -> Self {
        Self {
            transport: Arc::new(transport),
            endpoint: Arc::default(),
            policy: Arc::default(),
            asking: Arc::new(Policy::default().verify(false)),
            quota: Quota::default(),
            in_flight: 100,
            seed: Arc::new(AtomicU64::new(RandomState::new().hash_one(()))),
        }
    }

    /// A client over [`Hyper`] with tokens: the one for most programs.
    ///
    /// Connects when the first request is made.
    ///
    /// # Errors
    /// Those of [`Hyper::new`], and tokens of another [universe](TokenSource::universe_domain) for
    /// Google's endpoint.
    pub fn connect(
        endpoint: Endpoint,
        tokens: impl TokenSource + 'static,
        config: HyperConfig,
    ) -> Result<Self, TransportError> {
        Self::over(Hyper::new(&endpoint, config)?, tokens)
    }

    /// A client with tokens over a transport that other clients may use as well, as [`Transports`](crate::Transports) gives it.
    ///
    /// # Errors
    /// Tokens of another [universe](TokenSource::universe_domain) for Google's endpoint.
    pub fn over(
        transport: Hyper,
        tokens: impl TokenSource + 'static,
    ) -> Result<Self, TransportError> {
        let endpoint = transport.endpoint().clone();
        check_universe(&endpoint, &tokens)?;
        Ok(Self::new(Authorized::new(endpoint.clone(), tokens, transport)).endpoint(endpoint))
    }

    /// Root of the API: Google's by default, after [`connect`](Self::connect) the one given there.
    ///
    /// It must be one that the transport serves. After `connect`, another host makes every call
    /// fail with [`NotAllowed`](countermand_core::TransportErrorKind::NotAllowed).
    #[must_use]
    pub fn endpoint(mut self, endpoint: impl Into<Arc<Endpoint>>) -> Self {
        self.endpoint = endpoint.into();
        self
    }

    /// The endpoint that the requests are for.
    #[must_use]
    pub fn get_endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Time limits and retries of each call.
    #[must_use]
    pub fn policy(mut self, policy: impl Into<Arc<Policy>>) -> Self {
        self.policy = policy.into();
        self.asking = Arc::new((*self.policy).clone().verify(false));
        self
    }

    /// Time limits and retries of each call.
    #[must_use]
    pub fn get_policy(&self) -> &Policy {
        &self.policy
    }

    /// Quota of [`countermand_all`](Self::countermand_all): the service's [known quota](countermand_core::Service::quota) and a share
    /// of 0.8 of it by default.
    #[must_use]
    pub fn quota(mut self, quota: Quota) -> Self {
        self.quota = quota;
        self
    }

    /// Quota of [`countermand_all`](Self::countermand_all).
    #[must_use]
    pub const fn get_quota(&self) -> &Quota {
        &self.quota
    }

    /// Number of requests that [`countermand_all`](Self::countermand_all) has in flight: 100 by
    /// default, as many as servers take on one HTTP/2 connection; at least 1.
    #[must_use]
    pub fn in_flight(mut self, requests: usize) -> Self {
        self.in_flight = requests.max(1);
        self
    }

    /// Number of requests that [`countermand_all`](Self::countermand_all) has in flight.
    #[must_use]
    pub const fn get_in_flight(&self) -> usize {
        self.in_flight
    }

    /// Seed of the random pauses: drawn at random by default. With the same seed and the same order
    /// of calls, the pauses are the same.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Arc::new(AtomicU64::new(seed));
        self
    }

    /// Asks the server to cancel an operation, with retries, and does not verify the outcome.
    ///
    /// # Cancellation safety
    /// Dropping the future drops the request under way: the cancel may have been delivered or not.
    /// To call it again is harmless.
    ///
    /// # Errors
    /// The server did not accept it; [`Error::maybe_delivered`] says whether it may have taken
    /// effect all the same.
    pub async fn cancel(&self, name: &OperationName) -> Result<(), Error> {
        let cancellation = self.cancellation(name).policy(Arc::clone(&self.asking));
        let start = |now, seed| cancellation.start(now, seed);
        self.drive_one(name.as_str(), start, |outcome| Some(outcome))
            .await
            .map(|_| ())
    }

    /// The operation as the server tells it.
    ///
    /// # Cancellation safety
    /// Dropping the future drops the request under way, which changes nothing on the server.
    ///
    /// # Errors
    /// The server did not tell it.
    pub async fn get(&self, name: &OperationName) -> Result<Operation, Error> {
        let fetch = Fetch::operation(name.clone())
            .endpoint(Arc::clone(&self.endpoint))
            .policy(Arc::clone(&self.policy));
        self.drive_one(name.as_str(), |now, seed| fetch.start(now, seed), |_| None)
            .await
    }

    /// Reads as little of a resource as there is: the operation, or one entry of its list. The future
    /// may be dropped at any time.
    ///
    /// # Errors
    /// The server refuses it, has no such resource, or no answer came.
    pub async fn check(&self, resource: &Resource) -> Result<(), Error> {
        let one = PageQuery {
            size: 1,
            ..PageQuery::default()
        };
        let request = match resource {
            Resource::Operation(name) => Request::Get(name.clone()),
            Resource::Parent(name) => Request::ListOperations(name.clone(), one),
            Resource::Grandparent(name) => Request::ListParents(name.clone(), one),
        };
        let fetch = Fetch::new(request).expect("it only reads");
        self.fetch(resource.as_str(), fetch).await.map(drop)
    }

    async fn fetch<T: 'static>(&self, of: &str, fetch: Fetch<T>) -> Result<T, Error> {
        let fetch = fetch
            .endpoint(Arc::clone(&self.endpoint))
            .policy(Arc::clone(&self.policy));
        let start = |now, seed| fetch.start(now, seed);
        self.drive_one(of, start, |_| None).await
    }

    /// All operations of a parent, oldest first, page by page as they are pulled. The pending ones
    /// come last. With a filter, which the server applies, what it leaves out is not seen.
    ///
    /// ```
    /// use countermand_emulator::{Config, Fate, Shared};
    /// use countermand_hyper::{Authorized, Client, ParentName, Token};
    /// use futures_util::TryStreamExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// // The emulator is also a transport.
    /// let emulator = Shared::new(Config::default().parents(1).mix([(1, Fate::Cancellable)]));
    /// let pending = emulator.with(|emulator, now| emulator.pending(now)).remove(0);
    /// let device: ParentName = pending.split("/operations/").next().expect("its device").parse()?;
    /// let token = Token::new("emulator-token")?;
    /// let client = Client::new(Authorized::new(Default::default(), token, emulator));
    ///
    /// let mut operations = client.list_operations(&device, None);
    /// let mut names = Vec::new();
    /// while let Some(operation) = operations.try_next().await? {
    ///     names.push(operation.name.to_string());
    /// }
    /// assert!(names.contains(&pending));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::NoMethod`](countermand_core::ErrorKind::NoMethod), with nothing sent, where the service has no such
    /// list, or it takes no filter. The stream ends after an error, except after one that counts entries of a page that cannot be
    /// read: the entries after them still come.
    ///
    /// # Cancellation safety
    /// The stream holds the request for a page: a future of its next entry may be dropped, and the
    /// next one goes on. Dropping the stream drops the request.
    #[must_use = "a stream reads nothing until it is polled"]
    pub fn list_operations(
        &self,
        parent: &ParentName,
        filter: Option<ListFilter>,
    ) -> BoxStream<'static, Result<Operation, Error>> {
        self.list(
            Pages::operations(parent.clone(), filter),
            |page| match page {
                Response::Operations(page) => Some(page),
                _ => None,
            },
        )
    }

    /// All parents of operations under a resource, such as the devices of an enterprise, page by page as
    /// they are pulled, with the time at which each was last active.
    ///
    /// # Errors
    /// As of [`list_operations`](Self::list_operations).
    ///
    /// # Cancellation safety
    /// As of [`list_operations`](Self::list_operations).
    #[must_use = "a stream reads nothing until it is polled"]
    pub fn list_parents(
        &self,
        above: &GrandparentName,
    ) -> BoxStream<'static, Result<Parent, Error>> {
        self.list(Pages::parents(above.clone()), |page| match page {
            Response::Parents(page) => Some(page),
            _ => None,
        })
    }

    /// The entries of a list, to its last page; `take` knows the pages of its kind.
    fn list<T: Send + 'static>(
        &self,
        pages: Pages,
        take: fn(Response) -> Option<Page<T>>,
    ) -> BoxStream<'static, Result<T, Error>> {
        let client = self.clone();
        stream::try_unfold(pages, move |mut pages| {
            let client = client.clone();
            async move {
                let Some(fetch) = pages.next_fetch() else {
                    return Ok::<_, Error>(None);
                };
                let page = client.fetch(pages.resource().as_str(), fetch).await?;
                let page = take(page).expect("a list is answered with its pages");
                // Entries of a page that leads nowhere are still true.
                let lost = pages.turn(&page).err();
                let errors = page.unreadable.into_iter().chain(lost).map(Err);
                let errors: Vec<_> = errors.collect();
                let entries = page.entries.into_iter().map(Ok).chain(errors);
                Ok(Some((stream::iter(entries), pages)))
            }
        })
        .try_flatten()
        .boxed()
    }

    /// Cancels an operation and verifies the outcome.
    ///
    /// # Cancellation safety
    /// Dropping the future drops the request under way: the cancel may have been delivered or not.
    /// To call it again is harmless.
    ///
    /// # Errors
    /// The server neither accepted the cancellation nor told the operation's fate;
    /// [`Error::maybe_delivered`] says whether it may have taken effect all the same.
    pub async fn countermand(&self, name: &OperationName) -> Result<Outcome, Error> {
        let cancellation = self.cancellation(name).policy(Arc::clone(&self.policy));
        let start = |now, seed| cancellation.start(now, seed);
        self.drive_one(name.as_str(), start, |outcome| Some(outcome))
            .await
    }

    /// Countermands many operations under the client's [`quota`](Self::quota); each name comes out
    /// once, in the order they end, however often it is given.
    ///
    /// Names are pulled as there is room. Cancels go before looks, so results come when there is no
    /// name left to ask for. After a failure that concerns
    /// [everything](countermand_core::FailureScope::Everything), such as a refused token, what has not
    /// begun comes out as [`NotAttempted`](countermand_core::ErrorKind::NotAttempted) without a
    /// request. [`scheduler`](Self::scheduler) tells more of the events on the way.
    ///
    /// # Cancellation safety
    /// The stream holds the requests in flight: a future of its next result may be dropped, and the
    /// next one goes on. Dropping the stream drops the requests, of which each may have been delivered
    /// or not.
    pub fn countermand_all<I>(
        &self,
        names: I,
    ) -> BoxStream<'static, (OperationName, Result<Outcome, Error>)>
    where
        I: IntoIterator<Item = OperationName>,
        I::IntoIter: Send + 'static,
    {
        self.countermand_stream(stream::iter(names))
    }

    /// Countermands many operations whose names are not all known yet, as
    /// [`countermand_all`](Self::countermand_all) does.
    ///
    /// # Cancellation safety
    /// That of [`countermand_all`](Self::countermand_all).
    pub fn countermand_stream<S>(
        &self,
        names: S,
    ) -> BoxStream<'static, (OperationName, Result<Outcome, Error>)>
    where
        S: Stream<Item = OperationName> + Send + 'static,
    {
        let names = names.map(|name| (name, Phase::Unsent));
        let events = self.run(self.scheduler(), names);
        let finished = |event| match event {
            Event::Finished { name, result } => ready(Some((name, result))),
            _ => ready(None),
        };
        events.filter_map(finished).boxed()
    }

    /// A scheduler with this client's policy, quota and limit of requests in flight, for [`run`](Self::run).
    #[must_use]
    pub fn scheduler(&self) -> Scheduler {
        Scheduler::new(self.next_seed())
            .endpoint(Arc::clone(&self.endpoint))
            .policy(Arc::clone(&self.policy))
            .quota(self.quota.clone())
            .in_flight(self.in_flight)
    }

    /// Runs a scheduler with its quota and its limits, at this client's endpoint: cancels first, then the
    /// verification of each operation. Names come with their progress so far, and are pulled as there is
    /// room.
    ///
    /// ```no_run
    /// # async fn example(client: countermand_hyper::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// use countermand_hyper::{core::Phase, scheduler::Event};
    /// use futures_util::{StreamExt, stream};
    ///
    /// let names = ["17", "18"].map(|id| format!("enterprises/LC01/devices/3f/operations/{id}").parse());
    /// let names = names.into_iter().collect::<Result<Vec<_>, _>>()?;
    /// let names = stream::iter(names.into_iter().map(|name| (name, Phase::Unsent)));
    /// let scheduler = client.scheduler().quota("600/60s".parse()?).in_flight(50);
    /// let mut events = client.run(scheduler, names);
    /// while let Some(event) = events.next().await {
    ///     if let Event::Finished { name, result } = event {
    ///         println!("{name}: {}", result?.verdict);
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Cancellation safety
    /// That of a [`SchedulerStream`].
    pub fn run<S>(&self, scheduler: Scheduler, names: S) -> SchedulerStream<S>
    where
        S: Stream<Item = (OperationName, Phase)> + Send + 'static,
    {
        let scheduler = scheduler.endpoint(Arc::clone(&self.endpoint));
        SchedulerStream::new(scheduler, Arc::clone(&self.transport), names)
    }

    fn cancellation(&self, name: &OperationName) -> Cancellation {
        Cancellation::new(name.clone()).endpoint(Arc::clone(&self.endpoint))
    }

    /// Starts a machine, drives it to its end and tells the log.
    fn drive_one<T>(
        &self,
        operation: &str,
        start: impl FnOnce(Time, u64) -> Step<T>,
        outcome: fn(&T) -> Option<&Outcome>,
    ) -> impl Future<Output = Result<T, Error>> {
        let now = monotonic_now();
        let step = start(now, self.next_seed());
        let ended = move |result: &Result<T, Error>| log::ended(result.as_ref().map(outcome));
        drive_on(step, &*self.transport, now, ended).instrument(log::span(operation))
    }

    fn next_seed(&self) -> u64 {
        self.seed.fetch_add(1, Ordering::Relaxed)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("endpoint", &self.endpoint)
            .field("policy", &self.policy)
            .field("in_flight", &self.in_flight)
            .finish_non_exhaustive()
    }
}
