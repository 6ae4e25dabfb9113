//! Jobs of several lanes: each spends its own quota, beside the others.

use countermand_core::{GrandparentName, OperationName, Service};
use countermand_fleet::store::Contents;
use countermand_fleet::{Clients, Findings, Lane, NotAuthorized, Plan, SearchLane};
use proptest::prelude::*;

use super::*;

/// Projects with a quota each, whose devices are in one job.
struct Worlds {
    worlds: Vec<World>,
    settings: Settings,
    path: PathBuf,
}

fn window() -> Window {
    Window::new(20, Duration::from_secs(1))
}

/// A quota that lets a test end soon.
fn soon() -> ServerQuota {
    let quota = ServerQuota::default().windows([window()]);
    quota.kind(WindowKind::Sliding).per_resource(None)
}

fn world(service: &'static Service, seed: u64, parents: usize, theirs: ServerQuota) -> World {
    let config = Config::default().parents(parents).operations(1, 0);
    let config = config.mix([(1, Fate::Cancellable)]).quota(theirs);
    let mut world = World::with_seed(config.service(service), seed);
    let endpoint = world.client.get_endpoint().clone();
    world.client = world.client.endpoint(endpoint.of_service(service));
    world
}

fn batch() -> &'static Service {
    Service::named("batch.v1").unwrap()
}

fn service(world: &World) -> &'static Service {
    world.client.get_endpoint().service()
}

/// The resource that has all operations of a world.
fn above(world: &World) -> GrandparentName {
    let name = world
        .shared
        .with(|emulator, _| emulator.grandparent().to_owned());
    GrandparentName::parse(service(world), &name).unwrap()
}

impl Worlds {
    fn new(parents: [usize; 2]) -> Self {
        Self::with_quota(parents, &soon())
    }

    fn with_quota(parents: [usize; 2], theirs: &ServerQuota) -> Self {
        Self::of_services([Service::DEFAULT; 2], parents, theirs)
    }

    /// One of each of these services.
    fn of_services(
        services: [&'static Service; 2],
        parents: [usize; 2],
        theirs: &ServerQuota,
    ) -> Self {
        let worlds = (5..).zip(services).zip(parents);
        let world = |((seed, service), parents)| world(service, seed, parents, theirs.clone());
        Self::of(worlds.map(world).collect())
    }

    fn of(worlds: Vec<World>) -> Self {
        let mut settings = worlds[0].settings(Kind::Plan);
        settings.lanes = worlds.iter().map(lane).collect();
        Self {
            path: worlds[0].path.clone(),
            worlds,
            settings,
        }
    }

    fn names(&self) -> Vec<OperationName> {
        let pending = |world: &World| {
            let names = world.shared.with(|emulator, now| emulator.pending(now));
            let parse = |name: String| OperationName::parse(service(world), &name).unwrap();
            names.into_iter().map(parse).collect::<Vec<_>>()
        };
        let mut all: Vec<_> = self.worlds.iter().map(pending).collect();
        // One after the other, as they may come.
        let mut names = Vec::new();
        while all.iter().any(|names| !names.is_empty()) {
            names.extend(all.iter_mut().filter_map(Vec::pop));
        }
        names
    }

    fn plan(&self) -> Job {
        let mut job = Job::create(&self.path, &self.settings, now()).unwrap();
        job.add(self.names().into_iter().map(Target::new)).unwrap();
        job.freeze().unwrap();
        job
    }

    fn clients(&self) -> Clients {
        let clients = self.worlds.iter().map(|world| world.client.clone());
        clients.collect::<Vec<_>>().into()
    }

    fn check(&self, job: Job, lanes: Vec<Lane>) -> Result<AuthorizedJob, NotAuthorized> {
        let counts = PlanSummary::of(&job).unwrap().enterprises.into_iter();
        let authorization = Authorization {
            lanes,
            confirmed: Some(counts.map(|(name, count)| (name, Some(count))).collect()),
            max_age: Some(Duration::MAX),
            ..Authorization::default()
        };
        authorization.check(job, Options::default(), now())
    }

    fn begin(&self, job: Job) -> Run {
        let job = self.check(job, self.settings.lanes.clone()).unwrap();
        Run::begin(self.clients(), job).unwrap()
    }
}

fn lane(world: &World) -> Lane {
    let enterprise = above(world);
    let mut lane = Lane::at(world.client.get_endpoint());
    lane.name = match service(world) == Service::DEFAULT {
        true => enterprise.id().to_owned(),
        false => service(world).id.to_owned(),
    };
    lane.project = Some(format!("project-of-{}", enterprise.id()));
    lane.parents = vec![enterprise.relative().parse().unwrap()];
    lane.quota = vec![window()];
    lane.per_resource = None;
    lane.share = 1.0;
    lane
}

fn cancelled(job: &Contents) -> u64 {
    job.counts().of(RowState::Cancelled)
}

#[tokio::test]
async fn lanes_run_side_by_side_and_each_spends_its_own_quota() {
    let worlds = Worlds::new([60, 20]);
    let job = worlds.plan();
    // Sixty cancels at 20 a second, with the looks between them: the longer lane, and not the sum.
    let estimate = Estimate::of(&job, Options::default()).unwrap();
    let alone = {
        let one = Worlds::new([60, 1]);
        let mut settings = one.settings.clone();
        settings.lanes.truncate(1);
        let mut job = Job::create(&one.path, &settings, now()).unwrap();
        let of_first = one.worlds[0].enterprise();
        let names = one.names().into_iter();
        let names = names.filter(|name| name.parent().parent() == of_first);
        job.add(names.map(Target::new)).unwrap();
        job.freeze().unwrap();
        Estimate::of(&job, Options::default()).unwrap()
    };
    assert_eq!(estimate, alone);

    let mut run = worlds.begin(job);
    assert_eq!(run.expected(), 80);
    finish(&mut run).await;
    let ended = run.end("done");
    assert_eq!(cancelled(&ended.job), 80);
    for (world, count) in worlds.worlds.iter().zip([60, 20]) {
        assert!(
            world
                .truth()
                .values()
                .all(|state| *state == State::Cancelled)
        );
        let quota = world.shared.with(|emulator, now| emulator.quota(now));
        assert_eq!((quota.refused, quota.allowed), (0, 2 * count));
    }
    // What each has spent stands in the file by itself.
    let spent = |lane| ended.job.spent(lane, now(), None).unwrap().calls.len();
    assert_eq!((spent(0), spent(1)), (120, 40));
    ended.job.close().unwrap();
}

/// The token of one lane is refused: nothing of that lane is cancelled, and the other one does not notice.
#[tokio::test]
async fn a_lane_that_fails_leaves_the_others_alone() {
    let mut worlds = Worlds::new([5, 40]);
    let (endpoint, token) = ("http://127.0.0.1", "another-token");
    let endpoint: Endpoint = endpoint.parse().unwrap();
    let shared = worlds.worlds[0].shared.clone();
    let transport = Authorized::new(endpoint.clone(), Token::new(token).unwrap(), shared);
    let good = std::mem::replace(
        &mut worlds.worlds[0].client,
        Client::new(transport).endpoint(endpoint),
    );
    let mut run = worlds.begin(worlds.plan());
    finish(&mut run).await;
    assert!(run.stopped().is_some());
    let ended = run.end("done");
    assert_eq!(cancelled(&ended.job), 40);
    assert!(
        worlds.worlds[0]
            .truth()
            .values()
            .all(|state| *state == State::Pending)
    );
    let texts = ended.job.notes().map(|note| note.unwrap().text);
    let texts: Vec<_> = texts.filter(|text| text.starts_with("lane ")).collect();
    let stopped = format!("lane {}: ", worlds.settings.lanes[0].name);
    assert!(
        texts.iter().any(|text| text.starts_with(&stopped)),
        "{texts:?}"
    );
    ended.job.close().unwrap();

    // Once it is mended, the next run takes up what is left, and no more.
    worlds.worlds[0].client = good;
    let mut run = worlds.begin(Job::open(&worlds.path, now()).unwrap());
    assert_eq!(run.expected(), 5);
    finish(&mut run).await;
    assert_eq!(cancelled(&run.end("done").job), 45);
    let cancels = worlds.worlds[1].cancels();
    assert!(cancels.values().all(|times| *times == 1), "{cancels:?}");
}

/// Runs that are dropped anywhere and taken up again keep to each quota.
#[tokio::test]
async fn a_run_of_lanes_that_is_dropped_is_taken_up_again() {
    let worlds = Worlds::new([25, 15]);
    let mut job = worlds.plan();
    for most in [30, 60, usize::MAX] {
        let mut run = worlds.begin(job);
        let mut events = 0;
        while run.next().await.is_some() && events < most {
            events += 1;
        }
        drop(run);
        job = Job::open(&worlds.path, now()).unwrap();
    }
    assert_eq!(cancelled(&job), 40);
    for world in &worlds.worlds {
        let quota = world.shared.with(|emulator, now| emulator.quota(now));
        assert_eq!(quota.refused, 0);
    }
}

/// Which token goes where is said by the caller: a job names lanes, and the caller has them.
#[tokio::test]
async fn fault_57_the_lanes_of_a_job_are_the_callers() {
    let worlds = Worlds::new([1, 1]);
    let mut job = worlds.plan();
    let lanes = &worlds.settings.lanes;
    let changed = |change: fn(&mut Lane)| {
        let mut lanes = lanes.clone();
        change(&mut lanes[1]);
        lanes
    };
    for (given, words) in [
        (Vec::new(), "this run has no lanes"),
        (
            vec![lanes[0].clone()],
            "this run has 1 lane, none of this name",
        ),
        (
            changed(|lane| lane.name.push('x')),
            "2 lanes, none of this name",
        ),
        (
            changed(|lane| lane.parents.clear()),
            "another service, another project",
        ),
        (
            changed(|lane| lane.project = None),
            "another service, another project",
        ),
        (
            changed(|lane| lane.endpoint = "http://127.0.0.2/v1".to_owned()),
            "would send to http://127.0.0.2/v1",
        ),
    ] {
        let refused = worlds.check(job, given).unwrap_err();
        assert!(refused.to_string().contains(words), "{refused}");
        job = refused.into_parts().0;
    }
    // Quotas are the job's.
    let other_quota = changed(|lane| lane.share = 0.1);
    let authorized = worlds.check(job, other_quota).unwrap();
    let clients = worlds.clients();
    assert!(Run::begin(clients, authorized).is_ok());
}

#[test]
fn an_operation_that_fits_no_lane_is_in_no_plan() {
    let worlds = Worlds::new([1, 1]);
    let mut settings = worlds.settings.clone();
    settings.lanes.truncate(1);
    let targets = worlds.names().into_iter().map(Target::new).collect();
    let plan = Plan {
        targets,
        ..Plan::default()
    };
    let error = plan
        .write(&worlds.path, &settings, now(), |_| Ok(()))
        .unwrap_err();
    let second = worlds.worlds[1].enterprise();
    let text = error.to_string();
    assert!(
        text.contains(second.as_str()) && text.contains("belongs to no lane"),
        "{text}"
    );
    assert!(!worlds.path.exists());
}

/// The day that the schedules below begin, by which their pauses are drawn.
fn day() -> Timestamp {
    Timestamp::from_unix_millis(1_790_000_000_000)
}

/// Applies a job on the virtual clock of its runtime; gives the times of the cancels in each world, in the order in
/// which they came.
async fn schedule(worlds: &Worlds, clients: Clients) -> Vec<Vec<(u64, String)>> {
    let job = worlds.check(worlds.plan(), worlds.settings.lanes.clone());
    let mut run = Run::begin_by(clients, job.unwrap(), day).unwrap();
    finish(&mut run).await;
    run.end("done").job.close().unwrap();
    std::fs::remove_file(&worlds.path).unwrap();
    let calls = |world: &World| {
        world.shared.with(|emulator, _| {
            let calls = emulator.audit().iter();
            calls.map(|row| (row.time, row.path.clone())).collect()
        })
    };
    worlds.worlds.iter().map(calls).collect()
}

/// Trouble of one lane: the other one sends each request at the very moment at which it does beside a lane without any.
#[tokio::test(start_paused = true)]
async fn trouble_of_a_lane_moves_no_request_of_another() {
    let (own, other) = (Service::DEFAULT, batch());
    for services in [[own, own], [own, other], [other, own]] {
        trouble_of(services).await;
    }
}

async fn trouble_of(services: [&'static Service; 2]) {
    let mut usual = None;
    for faults in [
        json!([]),
        json!([{"status": 401, "times": null}]),
        json!([{"status": 403, "times": null}]),
        json!([{"fault": "quota", "method": "cancel", "times": 3}]),
        json!([{"status": 503, "times": 200}]),
        json!([{"method": "cancel", "status": 429, "headers": {"retry-after": "30"}, "times": 2}]),
        json!([{"delay_ms": 20_000, "times": 10}]),
        json!([{"action": "reset", "times": 30}]),
    ] {
        let worlds = Worlds::of_services(services, [40, 60], &soon());
        let script = Script::from_value(faults.clone()).unwrap();
        let (first, of_second) = (&worlds.worlds[0].shared, &worlds.worlds[1]);
        first.with(|emulator, _| emulator.set_script(script));
        let [_, other] = <[_; 2]>::try_from(schedule(&worlds, worlds.clients()).await).unwrap();
        // A parent may have operations and jobs.
        let count = of_second.shared.with(|emulator, _| emulator.audit().len());
        assert!(other.len() == count && count >= 120, "{count}");
        assert_eq!(
            *usual.get_or_insert_with(|| other.clone()),
            other,
            "{faults}"
        );
    }
}

/// A job of two services is one job: a search of both, one plan, and a rescue, with what each of them is.
#[tokio::test(start_paused = true)]
async fn a_job_of_two_services_is_searched_and_rescued() {
    let worlds = Worlds::of_services([Service::DEFAULT, batch()], [7, 5], &soon());
    let mut settings = worlds.settings.clone();
    settings.kind = Kind::Rescue;
    let (first, second) = (above(&worlds.worlds[0]), &worlds.worlds[1]);
    settings.enterprises.push(first.clone());
    // Batch has no list of what has operations.
    let parents = second.shared.with(|emulator, now| emulator.pending(now));
    let parents = parents.iter().map(|name| {
        let name = OperationName::parse(batch(), name).unwrap();
        name.parent()
    });
    let parents: Vec<_> = parents.collect();
    let authorization = Authorization {
        lanes: settings.lanes.clone(),
        confirmed: Some([(first, None), (above(second), None)].into()),
        ..Authorization::default()
    };
    let rescue = authorization.check_rescue(settings, parents).unwrap();
    let job = rescue
        .create(&worlds.path, Options::default(), day())
        .unwrap();
    let mut run = Run::begin_by(worlds.clients(), job, day).unwrap();
    finish(&mut run).await;
    let ended = run.end("done");
    let all = ended.job.operations();
    assert_eq!(cancelled(&ended.job), all);
    assert_eq!(ended.job.services().ids(), "androidmanagement.v1, batch.v1");
    ended.job.close().unwrap();
    let view = View::open(&worlds.path).unwrap();
    let mut each = BTreeMap::<_, usize>::new();
    for row in view.rows() {
        *each
            .entry(row.unwrap().target.name.service().id)
            .or_default() += 1;
    }
    assert_eq!(each["androidmanagement.v1"], 7);
    let cancelled = |state: &State| *state == State::Cancelled;
    let truth = worlds.worlds[1].truth();
    assert!(
        each["batch.v1"] >= 5 && truth.values().all(cancelled),
        "{each:?}"
    );
}

/// Two projects with the documented quota: the last cancel leaves when the later of the two is done, as if it were alone.
#[tokio::test(start_paused = true)]
async fn the_last_cancel_is_that_of_the_later_lane() {
    let last_cancels = async |parents: [usize; 2], alone: bool| {
        let mut worlds = Worlds::with_quota(parents, &ServerQuota::default());
        for lane in &mut worlds.settings.lanes {
            lane.set_quota(&Quota::default());
        }
        if alone {
            worlds.worlds.truncate(1);
            worlds.settings.lanes.truncate(1);
        }
        let worlds_of = schedule(&worlds, worlds.clients()).await;
        let last = |calls: &Vec<(u64, String)>| {
            let cancels = calls.iter().filter(|(_, path)| path.ends_with(":cancel"));
            cancels.map(|(time, _)| *time).max().unwrap_or_default()
        };
        worlds_of.iter().map(last).collect::<Vec<_>>()
    };
    let alone = last_cancels([2000, 1], true).await;
    let both = last_cancels([2000, 1500], false).await;
    let (later, alone) = (both[0].max(both[1]), alone[0]);
    assert!(alone > 200_000, "{alone}");
    assert!(
        later.abs_diff(alone) * 50 <= alone,
        "{both:?}, alone {alone}"
    );
}

/// Lanes write together, and a request leaves only when its intent is in the file.
#[tokio::test(start_paused = true)]
async fn no_request_of_a_lane_leaves_before_its_intent_is_kept() {
    let worlds = Worlds::new([6, 9]);
    let job = worlds.plan();
    let seen = std::sync::Arc::new(std::sync::Mutex::new(0));
    let clients = worlds.worlds.iter().map(|_| {
        let (path, seen) = (worlds.path.clone(), seen.clone());
        let endpoint: Endpoint = "http://127.0.0.1".parse().unwrap();
        let client = Client::new(move |transmit: countermand::hyper::Transmit| {
            let path = path.clone();
            let seen = seen.clone();
            async move {
                let name = transmit.request.uri().path();
                let body = match name.strip_suffix(":cancel") {
                    Some(name) => {
                        let view = View::open(&path).unwrap();
                        let name: OperationName = name["/v1/".len()..].parse().unwrap();
                        let row = view.row(&name).unwrap().unwrap();
                        assert_eq!(row.progress.phase, Phase::MaybeSent, "{name}");
                        *seen.lock().unwrap() += 1;
                        "{}".to_owned()
                    }
                    None => {
                        let name = &name["/v1/".len()..];
                        format!(r#"{{"name":"{name}","done":true,"error":{{"code":1}}}}"#)
                    }
                };
                Ok(http::Response::new(bytes::Bytes::from(body)))
            }
        });
        client.endpoint(endpoint)
    });
    let clients = clients.collect::<Vec<_>>();
    let lanes = worlds.settings.lanes.clone();
    let mut run = Run::begin(clients, worlds.check(job, lanes).unwrap()).unwrap();
    finish(&mut run).await;
    let ended = run.end("done");
    assert_eq!((cancelled(&ended.job), *seen.lock().unwrap()), (15, 15));
}

/// Two lanes are searched in the time of the longer one.
#[tokio::test(start_paused = true)]
async fn a_search_runs_its_lanes_side_by_side() {
    let search = async |count: usize| {
        let worlds = Worlds::new([80, 60]);
        let lanes = worlds.worlds.iter().zip(&worlds.settings.lanes).take(count);
        let lanes = lanes.map(|(world, lane)| SearchLane {
            name: lane.name.clone(),
            client: world.client.clone(),
            scheduler: world.client.scheduler().quota(lane.quota()),
            enterprises: vec![above(world)],
            devices: Vec::new(),
        });
        let mut search = Search::of_lanes(lanes.collect::<Vec<_>>(), Filter::default());
        let begun = tokio::time::Instant::now();
        let mut findings = Findings::default();
        while let Some(found) = search.next().await {
            findings.take(found);
        }
        let took = begun.elapsed();
        findings.end(&mut search);
        for world in &worlds.worlds {
            let quota = world.shared.with(|emulator, now| emulator.quota(now));
            assert_eq!(quota.refused, 0);
        }
        (took, findings)
    };
    let (alone, findings) = search(1).await;
    assert_eq!((findings.targets.len(), findings.costs.len()), (80, 1));
    assert!(alone > Duration::from_secs(3), "{alone:?}");
    let (both, findings) = search(2).await;
    assert!(both <= alone + alone / 50, "{both:?}, alone {alone:?}");
    assert_eq!(findings.targets.len(), 140);
    let costs = findings.costs.iter().map(|cost| cost.lane);
    assert_eq!(costs.collect::<Vec<_>>(), [0, 1]);
}

/// Lanes of any quotas and shares, one of which meets a fault.
#[derive(Clone, Debug)]
struct Case {
    /// Limit, seconds, share and operations of each.
    lanes: Vec<(u32, u64, f64, usize)>,
    faulty: usize,
    faults: serde_json::Value,
}

fn case() -> impl Strategy<Value = Case> {
    let share = prop::sample::select(vec![0.3, 0.5, 0.8, 1.0]);
    let lane = (4..30_u32, 1..4_u64, share, 1..25_usize);
    let faults = prop_oneof![
        (1..3_u64, 1..40_u64).prop_map(|(times, wait)| json!([
            {"method": "cancel", "status": 429, "headers": {"retry-after": wait.to_string()}, "times": times}
        ])),
        (1..100_u64).prop_map(|times| json!([{"status": 503, "times": times}])),
        (1..20_u64).prop_map(|times| json!([{"delay_ms": 20_000, "times": times}])),
        (1..20_u64).prop_map(|times| json!([{"action": "reset", "effect": true, "times": times}])),
        Just(json!([{"fault": "quota", "times": 2}])),
    ];
    (prop::collection::vec(lane, 2..4), 0..2_usize, faults).prop_map(|(lanes, faulty, faults)| {
        Case {
            lanes,
            faulty,
            faults,
        }
    })
}

impl Case {
    fn worlds(&self, with_faults: bool) -> Worlds {
        let lanes = (5..).zip(&self.lanes);
        let worlds = lanes.map(|(seed, (limit, seconds, _, parents))| {
            let window = Window::new(*limit, Duration::from_secs(*seconds));
            world(Service::DEFAULT, seed, *parents, soon().windows([window]))
        });
        let mut worlds = Worlds::of(worlds.collect());
        worlds.settings.deadline = Duration::from_secs(120);
        for (lane, (limit, seconds, share, _)) in worlds.settings.lanes.iter_mut().zip(&self.lanes)
        {
            lane.quota = vec![Window::new(*limit, Duration::from_secs(*seconds))];
            lane.share = *share;
        }
        if with_faults {
            let script = Script::from_value(self.faults.clone()).unwrap();
            let faulty = &worlds.worlds[self.faulty].shared;
            faulty.with(|emulator, _| emulator.set_script(script));
        }
        worlds
    }

    /// Applies a job; gives the requests of each lane, and how often each name has come out.
    async fn run(&self, with_faults: bool) -> (Vec<Vec<(u64, String)>>, BTreeMap<String, usize>) {
        let worlds = self.worlds(with_faults);
        let job = worlds.check(worlds.plan(), worlds.settings.lanes.clone());
        let mut run = Run::begin_by(worlds.clients(), job.unwrap(), day).unwrap();
        let mut ends = BTreeMap::new();
        let mut proven = BTreeSet::new();
        while let Some(event) = run.next().await {
            if let Event::Finished { name, result } = event {
                *ends.entry(name.to_string()).or_insert(0) += 1;
                if matches!(result, Ok(outcome) if outcome.verdict == Verdict::Cancelled) {
                    proven.insert(name.to_string());
                }
            }
        }
        for (at, world) in worlds.worlds.iter().enumerate() {
            for (name, state) in world.truth() {
                let is_proven = proven.contains(&name);
                assert!(
                    !is_proven || state == State::Cancelled,
                    "{name} in {self:?}"
                );
                // The fault may have cost an operation of its own lane all attempts.
                let may_fail = with_faults && at == self.faulty;
                assert!(is_proven || may_fail, "{name} in {self:?}");
            }
        }
        let ended = run.end("done");
        ended.job.close().unwrap();
        let requests = worlds.worlds.iter().map(|world| {
            world.shared.with(|emulator, _| {
                let rows = emulator.audit().iter();
                rows.map(|row| (row.time, row.path.clone())).collect()
            })
        });
        (requests.collect(), ends)
    }

    fn check(&self) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        let [(usual, _), (troubled, ends)] =
            [false, true].map(|faults| runtime.block_on(self.run(faults)));
        for (at, (limit, seconds, share, _)) in self.lanes.iter().enumerate() {
            if at != self.faulty {
                assert_eq!(usual[at], troubled[at], "lane {at} of {self:?}");
            }
            let most = (f64::from(*limit) * share).floor() as usize;
            for requests in [&usual[at], &troubled[at]] {
                for (nth, (begin, _)) in requests.iter().enumerate() {
                    let window = requests[nth..].iter();
                    let sent = window.take_while(|(time, _)| time - begin < seconds * 1000);
                    let sent = sent.count();
                    assert!(sent <= most, "{sent} > {most} in lane {at} of {self:?}");
                }
            }
        }
        let all = self
            .lanes
            .iter()
            .map(|(.., parents)| *parents)
            .sum::<usize>();
        assert_eq!(ends.len(), all);
        assert!(ends.values().all(|times| *times == 1), "{ends:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Each lane keeps to its share of its own quota in every window, every name comes out once and is cancelled, and the fault
    /// of one lane moves no request of another.
    #[test]
    fn lanes_keep_to_their_shares_and_move_no_request_of_another(case in case()) {
        case.check();
    }
}
