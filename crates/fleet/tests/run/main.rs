//! Jobs against the emulator: found, planned, applied, resumed, rescued, looked at again.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod feed;
mod lanes;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use countermand::hyper::Authorized;
use countermand::{Client, Endpoint, Token};
use countermand_core::{Metadata, Phase, Timestamp, Verdict};
use countermand_emulator::{Config, Fate, Script, ServerQuota, Shared, State, WindowKind};
use countermand_fleet::store::{JobErrorKind, Kind, View};
use countermand_fleet::{
    Authorization, AuthorizedJob, Estimate, Filter, Found, Job, JobProgress, Options, PlanSummary,
    Refusal, RowState, Run, Search, Settings, Target, now, order,
};
use countermand_scheduler::Event;
use countermand_scheduler::{Quota, Window};
use futures_util::StreamExt;
use serde_json::json;

struct World {
    shared: Shared,
    client: Client,
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl World {
    fn new(config: Config) -> Self {
        Self::with_seed(config, 5)
    }

    fn with_seed(config: Config, seed: u64) -> Self {
        let shared = Shared::new(config.seed(seed));
        let endpoint: Endpoint = "http://127.0.0.1".parse().unwrap();
        let token = Token::new("emulator-token").unwrap();
        let transport = Authorized::new(endpoint.clone(), token, shared.clone());
        let folder = tempfile::tempdir().unwrap();
        Self {
            client: Client::new(transport).endpoint(endpoint),
            path: folder.path().join("wipes.job"),
            shared,
            _folder: folder,
        }
    }

    fn settings(&self, kind: Kind) -> Settings {
        let mut settings = Settings::new(kind);
        settings.lane_mut().endpoint = "http://127.0.0.1/v1".to_owned();
        settings.lane_mut().quota.clear();
        settings.lane_mut().per_resource = None;
        settings.deadline = Duration::from_secs(3);
        if kind == Kind::Rescue {
            settings.enterprises.push(self.enterprise());
        }
        settings
    }

    fn enterprise(&self) -> countermand_core::GrandparentName {
        self.shared
            .with(|emulator, _| emulator.grandparent().parse().unwrap())
    }

    async fn find(&self, filter: Filter) -> Vec<Target> {
        let scheduler = self.client.scheduler().quota(Quota::unlimited());
        let enterprises = [self.enterprise()];
        let mut search = Search::new(&self.client, scheduler, enterprises, [], filter);
        let mut targets = Vec::new();
        while let Some(found) = search.next().await {
            let Found::Operation(target) = found else {
                panic!("{found:?}")
            };
            targets.push(target);
        }
        targets
    }

    async fn plan(&self) -> Job {
        self.plan_with(self.settings(Kind::Plan)).await
    }

    async fn plan_with(&self, settings: Settings) -> Job {
        let mut targets = self.find(Filter::default()).await;
        order::by_harm(&mut targets);
        let mut job = Job::create(&self.path, &settings, now()).unwrap();
        job.add(targets).unwrap();
        job.freeze().unwrap();
        job
    }

    /// States of the operations in the emulator, by name.
    fn truth(&self) -> BTreeMap<String, State> {
        let truth = self.shared.with(|emulator, now| emulator.truth(now));
        truth
            .into_iter()
            .map(|truth| (truth.name, truth.state))
            .collect()
    }

    /// Number of cancels of each operation.
    fn cancels(&self) -> BTreeMap<String, u32> {
        let mut cancels = BTreeMap::new();
        self.shared.with(|emulator, _| {
            for row in emulator.audit() {
                if let Some(name) = row.path.strip_suffix(":cancel") {
                    let name = name.trim_start_matches("/v1/").to_owned();
                    *cancels.entry(name).or_insert(0) += 1;
                }
            }
        });
        cancels
    }
}

/// Authorized by a caller who agrees with all that the file says.
fn authorized(job: Job, options: Options) -> AuthorizedJob {
    let counts = PlanSummary::of(&job).unwrap().enterprises.into_iter();
    let authorization = Authorization {
        endpoint: job.settings().lane().endpoint.parse().unwrap(),
        confirmed: Some(counts.map(|(name, count)| (name, Some(count))).collect()),
        max_age: Some(Duration::MAX),
        ..Authorization::default()
    };
    authorization.check(job, options, now()).unwrap()
}

fn begin(client: &Client, job: Job, options: Options) -> Run {
    Run::begin(client, authorized(job, options)).unwrap()
}

async fn finish(run: &mut Run) -> BTreeMap<String, Option<Verdict>> {
    let mut results = BTreeMap::new();
    while let Some(event) = run.next().await {
        if let Event::Finished { name, result } = event {
            let verdict = result.ok().map(|outcome| outcome.verdict);
            assert!(results.insert(name.to_string(), verdict).is_none());
        }
    }
    results
}

/// Holds a job file against the truth: each operation is there, and nothing is said of it that is
/// not so.
fn check(path: &Path, world: &World) {
    let truth = world.truth();
    let view = View::open(path).unwrap();
    for row in view.rows() {
        let row = row.unwrap();
        let state = truth[row.target.name.as_str()];
        let resolution = row.progress.resolution.unwrap();
        let verdict = resolution.verdict;
        assert_eq!(
            verdict == Some(Verdict::Cancelled),
            state == State::Cancelled,
            "{resolution:?}"
        );
        assert_eq!(
            verdict == Some(Verdict::Completed),
            state == State::Completed,
            "{resolution:?}"
        );
        assert_eq!(
            resolution.body_sha256.is_some(),
            verdict != Some(Verdict::Gone),
            "{resolution:?}"
        );
        assert!(row.progress.cancel_sent_at.is_some() && row.progress.attempts > 0);
    }
}

#[tokio::test]
async fn found_planned_applied_and_true() {
    let world = World::new(Config::default().parents(150));
    let job = world.plan().await;
    let pending: BTreeSet<_> = world
        .shared
        .with(|emulator, now| emulator.pending(now))
        .into_iter()
        .collect();
    assert_eq!(job.operations(), 150);
    assert_eq!(world.cancels(), BTreeMap::new(), "a plan sends no POST");
    let estimate = Estimate::of(&job, Options::default()).unwrap();
    assert!(estimate.last_cancel < estimate.last_verdict, "{estimate:?}");

    let mut run = begin(&world.client, job, Options::default());
    assert_eq!(run.expected(), 150);
    let results = finish(&mut run).await;
    let ended = run.end("done");
    assert!(ended.trouble.is_none());
    assert_eq!(results.keys().cloned().collect::<BTreeSet<_>>(), pending);
    let counts = ended.job.counts().clone();
    let verdicts = counts.resolved - counts.of(RowState::Error);
    assert_eq!(verdicts, 150, "{counts:?}");
    assert!(counts.of(RowState::Cancelled) > 100);
    assert!(world.cancels().values().all(|times| *times == 1));
    ended.job.close().unwrap();
    check(&world.path, &world);

    // Nothing is left to do of it.
    let one = World::new(Config::default().parents(1).mix([(1, Fate::Cancellable)]));
    let mut run = begin(&one.client, one.plan().await, Options::default());
    finish(&mut run).await;
    let left = Estimate::of(&run.end("done").job, Options::default()).unwrap();
    assert_eq!(left, Estimate::default());

    // Nothing is left to do, and nothing is done.
    let asked = world.shared.with(|emulator, _| emulator.audit().len());
    let job = Job::open(&world.path, now()).unwrap();
    let mut run = begin(&world.client, job, Options::default());
    let again = finish(&mut run).await;
    let open = counts.open();
    assert_eq!(again.len() as u64, open);
    let more = world.shared.with(|emulator, _| emulator.audit().len()) - asked;
    assert!(more as u64 <= 20 * open, "{more} requests for {open}");
}

/// The figures of a run and of its file are those of the job, whichever run did what.
#[tokio::test]
async fn a_resumed_run_counts_the_operations_of_the_job() {
    let world = World::new(
        Config::default()
            .parents(4)
            .mix([(1, Fate::Cancellable), (1, Fate::Stuck)]),
    );
    let job = world.plan().await;
    let figures = |progress: JobProgress| {
        [
            progress.operations,
            progress.cancels_sent,
            progress.cancels_maybe_sent,
            progress.cancels_accepted,
            progress.verdicts,
        ]
    };
    let mut run = begin(&world.client, job, Options::default());
    assert_eq!(figures(run.counted()), [4, 0, 0, 0, 0]);
    finish(&mut run).await;
    let told = figures(run.counted());
    let ended = run.end("done");
    let cancelled = ended.job.counts().of(RowState::Cancelled);
    assert!(0 < cancelled && cancelled < 4, "{cancelled}");
    assert_eq!(told, [4, 4, 0, 4, cancelled]);
    assert_eq!(
        figures(JobProgress::of_job(&ended.job, now()).unwrap()),
        told
    );
    let asked = ended.job.counts().last_cancel_sent_at;
    ended.job.close().unwrap();
    for recheck in [false, true] {
        let options = Options {
            recheck,
            ..Options::default()
        };
        let job = Job::open(&world.path, now());
        let mut run = begin(
            &world.client,
            job.unwrap_or_else(|error| panic!("{error}")),
            options,
        );
        assert_eq!(figures(run.counted()), told, "at the begin");
        while run.next().await.is_some() {
            assert_eq!(figures(run.counted()), told);
        }
        let job = run.end("done").job;
        assert_eq!(job.counts().last_cancel_sent_at, asked);
        job.close().unwrap();
    }
}

/// I1, I3, I7: dropped at any instant, a run goes on without a loss and repeats no more than was in
/// flight.
#[tokio::test]
async fn dropped_at_any_event_and_taken_up_again() {
    for seed in 0..12_usize {
        let world = World::new(Config::default().parents(40).mix([
            (6, Fate::Cancellable),
            (
                1,
                Fate::Completes {
                    after: Duration::ZERO,
                },
            ),
            (1, Fate::Vanishes),
        ]));
        let mut job = world.plan().await;
        let (mut drops, mut told) = (0, BTreeMap::new());
        let options = Options {
            in_flight: 7,
            ..Options::default()
        };
        loop {
            let mut run = begin(&world.client, job, options);
            let mut left = (seed * 31 + drops * 17) % 60 + 1;
            let mut ended = false;
            while left > 0 {
                left -= 1;
                match run.next().await {
                    Some(Event::Finished { name, result }) => {
                        let verdict = result.unwrap().verdict;
                        assert!(
                            told.insert(name.to_string(), verdict).is_none(),
                            "{name} twice"
                        );
                    }
                    Some(_) => {}
                    None => {
                        ended = true;
                        break;
                    }
                }
            }
            drop(run);
            if ended {
                break;
            }
            drops += 1;
            job = Job::open(&world.path, now()).unwrap();
            for row in job.rows() {
                let row = row.unwrap();
                if let Some(verdict) = told.get(row.target.name.as_str()) {
                    assert_eq!(row.progress.resolution.unwrap().verdict, Some(*verdict));
                }
            }
        }
        assert!(drops > 0);
        let repeats: u32 = world.cancels().values().map(|times| times - 1).sum();
        assert!(
            repeats as usize <= drops * options.in_flight,
            "{repeats} repeats of {drops} drops"
        );
        check(&world.path, &world);
    }
}

#[tokio::test]
async fn a_rescue_finds_cancels_and_resumes() {
    let world = World::new(Config::default().parents(230).mix([(1, Fate::Cancellable)]));
    let mut settings = world.settings(Kind::Rescue);
    let spared = world
        .shared
        .with(|emulator, _| emulator.parents()[3].clone());
    settings.filter.exclude.insert(spared.clone());
    settings.filter.types.insert("WIPE".to_owned());
    let mut job = Job::create(&world.path, &settings, now()).unwrap();
    for _ in 0..3 {
        let options = Options {
            in_flight: 5,
            ..Options::default()
        };
        let mut run = begin(&world.client, job, options);
        for _ in 0..150 {
            run.next().await;
        }
        drop(run);
        job = Job::open(&world.path, now()).unwrap();
    }
    let mut run = begin(&world.client, job, Options::default());
    finish(&mut run).await;
    let job = run.end("done").job;
    assert_eq!(job.duplicates(), 0);
    let wipes = job.rows().map(|row| row.unwrap().target);
    let wipes = wipes
        .filter(|target| target.command.kind.as_deref() == Some("WIPE"))
        .count() as u64;
    assert_eq!(wipes, job.operations());
    job.close().unwrap();
    check(&world.path, &world);
    let left = world
        .truth()
        .into_iter()
        .filter(|(_, state)| *state == State::Pending);
    let left = left.map(|(name, _)| name).collect::<Vec<_>>();
    let pending = world.find(Filter::default()).await;
    assert!(
        pending
            .iter()
            .all(|target| target.command.kind.as_deref() != Some("WIPE")
                || target.name.as_str().starts_with(&spared))
    );
    assert_eq!(pending.len(), left.len());
}

/// `--max`: beyond it operations are found and left alone, and a larger one takes them up.
#[tokio::test]
async fn a_rescue_takes_on_no_more_than_it_may() {
    let world = World::new(Config::default().parents(30).mix([(1, Fate::Cancellable)]));
    let mut settings = world.settings(Kind::Rescue);
    settings.max = Some(12);
    let job = Job::create(&world.path, &settings, now()).unwrap();
    let mut run = begin(&world.client, job, Options::default());
    assert_eq!(finish(&mut run).await.len(), 12);
    assert_eq!(run.skipped(), 18);
    let job = run.end("done").job;
    assert_eq!((job.operations(), world.cancels().len()), (30, 12));
    let mut run = begin(&world.client, job, Options::default());
    assert_eq!((finish(&mut run).await.len(), run.skipped()), (0, 18));
}

/// `--recheck` cancels nothing, and is not fooled by a second look.
#[tokio::test]
async fn a_recheck_only_looks() {
    let mix = [
        (1, Fate::Stuck),
        (1, Fate::Cancellable),
        (1, Fate::Vanishes),
    ];
    let world = World::new(Config::default().parents(30).mix(mix));
    let mut run = begin(&world.client, world.plan().await, Options::default());
    finish(&mut run).await;
    let job = run.end("done").job;
    let before = job.counts().clone();
    let (cancels, pending) = (world.cancels(), before.of(RowState::Pending));
    let recheck = Options {
        recheck: true,
        ..Options::default()
    };
    let mut run = begin(&world.client, job, recheck);
    let results = finish(&mut run).await;
    assert_eq!(world.cancels(), cancels);
    assert_eq!(results.len() as u64, pending + before.of(RowState::Gone));
    let job = run.end("done").job;
    assert_eq!(job.counts().states, before.states);
    // The plain way asks the pending ones again.
    let mut run = begin(&world.client, job, Options::default());
    assert_eq!(finish(&mut run).await.len() as u64, pending);
    let again = world
        .cancels()
        .values()
        .filter(|times| **times == 2)
        .count();
    assert_eq!(again as u64, pending);
}

/// Fault 40: the rescue goes on; what the disk does not take is told.
#[tokio::test]
async fn a_full_disk_does_not_stop_a_rescue() {
    let world = World::new(Config::default().parents(60).mix([(1, Fate::Cancellable)]));
    let mut job = world.plan().await;
    // No page more than it has.
    job.limit_pages(Some(1)).unwrap();
    let mut run = begin(&world.client, job, Options::default());
    let results = finish(&mut run).await;
    assert_eq!(results.len(), 60, "the rescue goes on");
    assert!(
        run.trouble().unwrap().contains("full"),
        "{:?}",
        run.trouble()
    );
    let mut ended = run.end("done");
    assert!(ended.trouble.unwrap().to_string().contains("full"));
    let counts = ended.job.counts();
    assert_eq!(
        counts.resolved - counts.of(RowState::Error),
        0,
        "{counts:?}"
    );
    ended.job.limit_pages(None).unwrap();
    let mut run = begin(&world.client, ended.job, Options::default());
    finish(&mut run).await;
    let ended = run.end("done");
    assert!(ended.trouble.is_none());
    ended.job.close().unwrap();
    check(&world.path, &world);
}

/// A disk that is full for a while loses nothing.
#[tokio::test]
async fn what_the_disk_did_not_take_is_written_later() {
    let world = World::new(Config::default().parents(60).mix([(1, Fate::Stuck)]));
    let mut settings = world.settings(Kind::Plan);
    settings.deadline = Duration::from_secs(8);
    let mut job = world.plan_with(settings).await;
    job.limit_pages(Some(1)).unwrap();
    // Pending operations are looked at for 8 s, which is longer than a try takes to be repeated.
    let mut run = begin(&world.client, job, Options::default());
    while run.trouble().is_none() {
        run.next().await.unwrap();
    }
    run.job(|job| job.limit_pages(None)).unwrap();
    assert_eq!(finish(&mut run).await.len(), 60);
    assert_eq!(run.trouble(), None);
    let job = run.end("done").job;
    assert_eq!(job.counts().of(RowState::Pending), 60);
}

/// Fault 16 and 15: what is left after everything is denied is as it was, and the next run does it.
#[tokio::test]
async fn what_a_stop_leaves_is_unsent() {
    let script = json!([{"fault": "scope-insufficient", "times": null}]);
    let world = World::new(Config::default().parents(60).mix([(1, Fate::Cancellable)]));
    let job = world.plan().await;
    world
        .shared
        .with(|emulator, _| emulator.set_script(Script::from_value(script).unwrap()));
    let options = Options {
        in_flight: 4,
        ..Options::default()
    };
    let mut run = begin(&world.client, job, options);
    finish(&mut run).await;
    let job = run.end("stopped").job;
    let counts = job.counts();
    let kinds = job
        .rows()
        .filter_map(|row| row.unwrap().progress.resolution?.error);
    let denied = kinds.map(|error| error["kind"] == "permission_denied");
    let denied = denied.collect::<Vec<_>>();
    assert!((1..=4).contains(&denied.len()), "{counts:?}");
    assert!(denied.iter().all(|denied| *denied), "{counts:?}");
    assert_eq!(counts.of(RowState::Error), denied.len() as u64);
    assert!(counts.of(RowState::Unsent) >= 56, "{counts:?}");
    assert!(job.notes().any(|note| note.unwrap().kind == "stopped"));
    world
        .shared
        .with(|emulator, _| emulator.set_script(Script::default()));
    let mut run = begin(&world.client, job, options);
    finish(&mut run).await;
    let job = run.end("done").job;
    assert_eq!(job.counts().of(RowState::Cancelled), 60);
    assert!(
        job.rows()
            .all(|row| row.unwrap().progress.phase == Phase::Accepted)
    );
}

#[tokio::test]
async fn fault_57_a_client_of_another_server_runs_no_job() {
    let world = World::new(Config::default().parents(3));
    let google = world.client.clone().endpoint(Endpoint::default());
    let error =
        Run::begin(&google, authorized(world.plan().await, Options::default())).unwrap_err();
    let of_another = matches!(error.kind(), JobErrorKind::OtherEndpoint { .. });
    assert!(of_another, "{error}");
    // Nothing was sent, and the job is as it was.
    let job = Job::open(&world.path, now()).unwrap();
    begin(&world.client, job, Options::default());
}

/// The refusal of this authorization, if it does not agree with the job, which stays.
fn refused(
    job: &mut Option<Job>,
    authorization: &Authorization,
    options: Options,
    time: Timestamp,
) -> Option<Refusal> {
    let (back, refusal) = match authorization.check(job.take().unwrap(), options, time) {
        Ok(authorized) => (authorized.into_job(), None),
        Err(error) => {
            let (job, refusal) = error.into_parts();
            (job, Some(refusal))
        }
    };
    *job = Some(back);
    refusal
}

/// A plan needs consent to what it holds each time, and no other plan passes for it.
#[tokio::test]
async fn a_job_is_applied_as_it_was_agreed_to() {
    let world = World::new(Config::default().parents(9));
    let job = world.plan().await;
    let planned = PlanSummary::of(&job).unwrap();
    assert_eq!(planned.enterprises, [(world.enterprise(), 9)].into());
    assert_eq!(planned.types.values().sum::<u64>(), 9);
    assert_eq!(planned.ages.values().sum::<u64>(), 9);
    let mut authorization = Authorization {
        endpoint: "http://127.0.0.1".parse().unwrap(),
        digest: job.digest(),
        ..Authorization::default()
    };
    let mut job = Some(job);
    let applying = Options::default();
    let later =
        |time: Duration| Timestamp::from_unix_millis(now().unix_millis() + time.as_millis() as i64);
    for confirmed in [
        None,
        Some([(world.enterprise(), Some(8))].into()),
        Some([(world.enterprise(), None)].into()),
        Some([].into()),
    ] {
        authorization.confirmed = confirmed;
        let refusal = refused(&mut job, &authorization, applying, now()).unwrap();
        assert!(matches!(refusal, Refusal::NotConfirmed { .. }), "{refusal}");
        let words = "the job has 9 operations of enterprises/LC";
        assert!(refusal.to_string().contains(words), "{refusal}");
    }
    authorization.confirmed = Some([(world.enterprise(), Some(9))].into());
    assert!(refused(&mut job, &authorization, applying, now()).is_none());

    let (hour, minute) = (Duration::from_secs(3600), Duration::from_secs(60));
    let mut check =
        |authorization: &Authorization, time| refused(&mut job, authorization, applying, time);
    assert!(check(&authorization, later(hour - minute)).is_none());
    let refusal = check(&authorization, later(hour + minute));
    assert!(
        matches!(refusal, Some(Refusal::Stale { .. })),
        "{refusal:?}"
    );
    authorization.max_age = Some(2 * hour);
    assert!(check(&authorization, later(hour + minute)).is_none());

    let recheck = Options {
        recheck: true,
        ..applying
    };
    // A look sends a token as well.
    for options in [applying, recheck] {
        let mut elsewhere = authorization.clone();
        elsewhere.endpoint = Endpoint::default();
        let refusal = refused(&mut job, &elsewhere, options, now());
        assert!(
            matches!(refusal, Some(Refusal::OtherEndpoint { .. })),
            "{refusal:?}"
        );
    }

    let other = World::new(Config::default().parents(8));
    let mut other = Some(other.plan().await);
    let refusal = refused(&mut other, &authorization, applying, now());
    assert!(
        matches!(refusal, Some(Refusal::OtherPlan { .. })),
        "{refusal:?}"
    );

    // Looking again cancels nothing.
    authorization.confirmed = None;
    assert!(refused(&mut job, &authorization, recheck, now()).is_none());

    // That it was begun is the file's own word: only its age does not matter any more.
    drop(begin(&world.client, job.take().unwrap(), applying));
    let mut job = Some(Job::open(&world.path, now()).unwrap());
    let mut check =
        |authorization: &Authorization| refused(&mut job, authorization, applying, later(9 * hour));
    let refusal = check(&authorization);
    assert!(
        matches!(refusal, Some(Refusal::NotConfirmed { .. })),
        "{refusal:?}"
    );
    authorization.confirmed = Some([(world.enterprise(), Some(9))].into());
    assert!(check(&authorization).is_none());
    authorization.digest = other.unwrap().digest();
    assert!(check(&authorization).is_some());
}

/// Nothing reaches the server: nothing is told, counted, timed or recorded as sent.
#[tokio::test(start_paused = true)]
async fn fault_45_nothing_that_never_left_was_sent() {
    use countermand_core::{TransportError, TransportErrorKind};

    for kind in [
        TransportErrorKind::Connect,
        TransportErrorKind::TokenUnavailable,
    ] {
        let mut world = World::new(Config::default().parents(20));
        let job = world.plan().await;
        let operations = job.operations();
        let fail = move |_| async move {
            Err::<http::Response<bytes::Bytes>, _>(TransportError::new(kind, "down"))
        };
        let endpoint: Endpoint = "http://127.0.0.1".parse().unwrap();
        world.client = Client::new(fail).endpoint(endpoint);
        let mut run = begin(&world.client, job, Options::default());
        let mut not_sent = 0;
        while not_sent < 20 {
            match run.next().await.unwrap() {
                Event::NotSent { cause, .. } => {
                    assert!(cause.ends_with(": down"), "{cause}");
                    not_sent += 1;
                }
                Event::Sent { .. } => panic!("nothing left"),
                _ => {}
            }
        }
        let progress = run.progress();
        assert_eq!((progress.sent, progress.cancels_sent), (0, 0));
        assert_eq!(progress.last_cancel, None);
        run.stop("enough");
        while run.next().await.is_some() {}
        let job = run.end("stopped").job;
        let counts = job.counts();
        assert_eq!(
            (counts.of(RowState::Unsent), counts.attempts),
            (operations, 0),
            "{kind:?}"
        );
        assert!(
            job.rows()
                .all(|row| row.unwrap().progress.cancel_sent_at.is_none())
        );
        assert!(job.spent(0, now(), None).unwrap().calls.is_empty());
    }
}

/// Nothing of a run that is killed between intent and answer is told as sent, or as unsent.
#[tokio::test(start_paused = true)]
async fn fault_45_what_was_about_to_leave_may_have_left() {
    let mut world = World::new(Config::default().parents(3));
    let job = world.plan().await;
    let never = |_| std::future::pending();
    let endpoint: Endpoint = "http://127.0.0.1".parse().unwrap();
    world.client = Client::new(never).endpoint(endpoint);
    let mut run = begin(&world.client, job, Options::default());
    assert!(matches!(run.next().await, Some(Event::Sending { .. })));
    drop(run);
    let counts = View::open(&world.path).unwrap().counts().clone();
    assert_eq!(counts.of(RowState::Unsent), 0);
    assert_eq!(counts.cancels_maybe_sent, counts.rows);
    assert_eq!((counts.cancels_sent, counts.attempts), (0, counts.rows));
}

/// Milliseconds by which the machine's clock is set.
static SET: AtomicI64 = AtomicI64::new(0);

fn set_clock() -> Timestamp {
    let wall = now().unix_millis() + SET.load(Ordering::SeqCst);
    Timestamp::from_unix_millis(wall)
}

/// The wall clock is set by an hour while a job is applied and between its runs: the server's meter
/// never finds the quota exceeded, and nothing waits for an hour.
#[tokio::test]
async fn fault_36_a_clock_that_is_set_causes_no_burst_and_no_wait() {
    const HOUR: i64 = 3_600_000;
    let window = Window::new(20, Duration::from_secs(1));
    for [during, between] in [[HOUR, -HOUR], [-HOUR, HOUR], [HOUR, HOUR], [-HOUR, -HOUR]] {
        let theirs = ServerQuota::default().windows([window]);
        let theirs = theirs.kind(WindowKind::Sliding).per_resource(None);
        let config = Config::default().parents(30).operations(1, 0);
        let world = World::new(config.mix([(1, Fate::Cancellable)]).quota(theirs));
        let mut settings = world.settings(Kind::Plan);
        settings.lane_mut().quota = vec![window];
        settings.lane_mut().share = 1.0;
        let names = world.shared.with(|emulator, now| emulator.pending(now));
        let targets = names.iter().map(|name| Target {
            name: name.parse().unwrap(),
            command: Metadata::default(),
            device_seen: None,
        });
        let mut job = Job::create(&world.path, &settings, now()).unwrap();
        job.add(targets).unwrap();
        job.freeze().unwrap();
        SET.store(0, Ordering::SeqCst);
        let begun = std::time::Instant::now();
        for run_of in 0..3 {
            let mut run = Run::begin_by(
                &world.client,
                authorized(job, Options::default()),
                set_clock,
            )
            .unwrap();
            let mut sent = 0;
            while let Some(event) = run.next().await {
                sent += u32::from(matches!(event, Event::Sent { .. }));
                if sent == 8 {
                    SET.fetch_add(during, Ordering::SeqCst);
                    sent += 1;
                }
                if sent > 18 && run_of < 2 {
                    break;
                }
            }
            // As after a crash.
            drop(run);
            SET.fetch_add(between, Ordering::SeqCst);
            job = Job::open(&world.path, set_clock()).unwrap();
        }
        let took = begun.elapsed();
        let counts = job.counts();
        assert_eq!(counts.of(RowState::Cancelled), 30, "{during} {between}");
        let quota = world.shared.with(|emulator, now| emulator.quota(now));
        assert_eq!(quota.refused, 0, "{during} {between}");
        assert!(
            quota.allowed >= 60 && took < Duration::from_secs(30),
            "{took:?}"
        );
    }
}
