//! Scheduler, emulator and virtual clock: seeded fleets with random phases, fates, quirks, faults and
//! quotas, each compared with the truth and with the emulator's audit.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use countermand_core::{Error, OperationName, Outcome, Phase, Policy, Service, Timestamp, Verdict};
use countermand_emulator::{
    Config, Emulator, Hints, NewOperation, NewParent, ServerQuota, State, Truth, WindowKind,
};
use countermand_scheduler::{Event, Scheduler};
use countermand_scheduler::{Quota, Window};
use countermand_tests::dice::Dice;
use countermand_tests::fleet::{Note, drive};
use countermand_tests::simulation::asked_delay;
use countermand_tests::trouble;
use http::header::AUTHORIZATION;
use http::{Method, Request, StatusCode};

const SCHEDULES: u64 = 800;

/// Longer than any of these fleets takes: no scheduler waits for ever.
const LONGEST: Duration = Duration::from_secs(400_000);

/// The longest hold, whatever a server asks for.
const LONGEST_HOLD: Duration = Duration::from_secs(3600);

/// The server's clock when it is made, in Unix milliseconds.
const START: u64 = 1_793_606_400_000;

/// The time between the making of the world and the scheduler: no window remembers those requests.
const BEFORE: Duration = Duration::from_secs(200);

/// The time that an operation which is not done has left after its validity.
const MARGIN: Duration = Duration::from_secs(30);

struct World {
    emulator: RefCell<Emulator>,
    scheduler: Scheduler,
    /// Pushed names, each once.
    names: BTreeMap<OperationName, Phase>,
    limits: Limits,
    /// Number of requests that made the world, and of those that were refused for the quota.
    before: (usize, u64),
}

/// The numbers that describe the scheduler and its server.
#[derive(Debug)]
struct Limits {
    windows: Vec<(usize, Duration)>,
    per_resource: Option<(usize, Duration)>,
    in_flight: usize,
    attempts: u32,
    attempt_timeout: Duration,
    /// The server refuses more than the quota that the scheduler assumes.
    secretly_less: bool,
}

fn window(dice: &mut Dice) -> Window {
    Window::new(
        2 + dice.below(60) as u32,
        Duration::from_secs(1 + dice.below(60)),
    )
}

/// The quota that the scheduler assumes, its share of it, and the server's real quota.
fn quotas(dice: &mut Dice) -> (Quota, f64, Vec<Window>, Option<Window>, ServerQuota, bool) {
    let windows = (0..dice.below(3)).map(|_| window(dice)).collect::<Vec<_>>();
    let per_resource = dice.chance(50).then(|| window(dice));
    let share = *dice.pick(&[1.0, 1.0, 0.8, 0.5]);
    let ours = Quota::default()
        .windows(windows.clone())
        .per_resource(per_resource)
        .share(share);
    let secretly_less = dice.chance(30);
    let kind = match dice.chance(50) {
        true => WindowKind::Sliding,
        false => WindowKind::Fixed {
            phase: Duration::from_millis(dice.below(60_000)),
        },
    };
    let less = |window: &Window| match secretly_less {
        true => Window::new((window.limit() / 2).max(1), window.span()),
        false => *window,
    };
    let theirs = ServerQuota::default()
        .windows(windows.iter().map(less))
        .per_resource(per_resource.as_ref().map(less))
        .kind(kind)
        .hints(*dice.pick(&[Hints::None, Hints::RetryInfo, Hints::RetryAfter]))
        .count_refused(dice.chance(50));
    (ours, share, windows, per_resource, theirs, secretly_less)
}

/// A name and its phase: accepted if its cancel was accepted, otherwise perhaps sent.
fn come_so_far(emulator: &mut Emulator, name: &str, dice: &mut Dice) -> Phase {
    if !dice.chance(30) {
        return Phase::Unsent;
    }
    let request = authorized(
        emulator,
        Request::post(format!("http://emulator/v1/{name}:cancel")),
    );
    let delivered = dice.chance(60) && emulator.handle(Duration::ZERO, &request).effect;
    match delivered && dice.chance(70) {
        true => Phase::Accepted,
        false => Phase::MaybeSent,
    }
}

fn authorized(emulator: &Emulator, request: http::request::Builder) -> Request<Bytes> {
    let token = format!("Bearer {}", emulator.token());
    let request = request
        .header(AUTHORIZATION, token)
        .header("content-length", "0");
    request.body(Bytes::new()).unwrap()
}

fn world(seed: u64) -> World {
    let mut dice = Dice::new(seed);
    let (quota, share, windows, per_resource, theirs, secretly_less) = quotas(&mut dice);
    let script = trouble::faults(Service::DEFAULT, &mut dice, 40);
    let config = Config::default()
        .seed(seed)
        .start(START)
        .parents(0)
        .quota(theirs);
    let mut emulator = Emulator::new(config.quirks(trouble::quirks(&mut dice)));
    let limits = Limits {
        windows: windows.iter().map(|window| part(*window, share)).collect(),
        per_resource: per_resource.map(|window| part(window, share)),
        in_flight: 1 + dice.below(30) as usize,
        attempts: 1 + dice.below(8) as u32,
        // Longer than any latency: if no answer came in time, a storm would have no end.
        attempt_timeout: Duration::from_millis(3000 + dice.below(7000)),
        secretly_less,
    };
    let policy = Policy::default()
        .deadline(Duration::from_millis(dice.below(120_000)))
        .max_attempts(limits.attempts)
        .attempt_timeout(limits.attempt_timeout)
        .poll_interval(
            Duration::from_millis(500 + dice.below(3000)),
            Duration::from_secs(30),
        )
        .verify(!dice.chance(10));
    let mut scheduler = Scheduler::new(seed)
        .quota(quota)
        .in_flight(limits.in_flight)
        .policy(policy);
    let mut names = BTreeMap::new();
    for device in 0..1 + dice.below(8) {
        let operations = (0..1 + dice.below(6)).map(|_| {
            NewOperation::new(trouble::fate(&mut dice))
                .duration(5 + dice.below(600))
                .quirks(trouble::quirks(&mut dice))
        });
        let owner = format!("enterprises/e{}/devices/{device}", device % 3);
        let described = NewParent::with(operations.collect::<Vec<_>>()).name(owner);
        let added = emulator.add(Duration::ZERO, described).unwrap();
        for name in added.operations {
            let phase = come_so_far(&mut emulator, &name, &mut dice);
            names.insert(name.parse::<OperationName>().unwrap(), phase);
        }
    }
    let nowhere = "enterprises/e0/devices/0/operations/0";
    names.insert(nowhere.parse().unwrap(), Phase::Unsent);
    for (name, phase) in &names {
        assert!(scheduler.push(name.clone(), *phase));
        if dice.chance(10) {
            assert!(!scheduler.push(name.clone(), Phase::Unsent));
        }
    }
    scheduler.close();
    let before = (
        emulator.audit().len(),
        emulator.quota(Duration::ZERO).refused,
    );
    emulator.advance(BEFORE);
    emulator.set_script(script);
    World {
        emulator: RefCell::new(emulator),
        scheduler,
        names,
        limits,
        before,
    }
}

/// The calls in a share of a window, at least one.
fn part(window: Window, share: f64) -> (usize, Duration) {
    let calls = (f64::from(window.limit()) * share) as usize;
    (calls.max(1), window.span())
}

/// One request of a run and its result.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sent {
    at: Duration,
    answered: Duration,
    method: Method,
    /// Without version and `:cancel`.
    resource: String,
    status: Option<u16>,
    /// False if it was held up before it left: no connection, no token.
    left: bool,
    /// The pause that the answer asks for.
    delay: Option<Duration>,
}

/// The state of the world when an operation's result came out.
#[derive(Debug)]
struct Ended {
    truth: Option<Truth>,
    /// The server's time.
    clock: Timestamp,
}

struct Run {
    sent: Vec<Sent>,
    finished: Vec<(OperationName, Result<Outcome, Error>, Ended)>,
    /// Times at which the circuit opened and closed.
    circuit: Vec<Duration>,
    ended: Duration,
    most_in_flight: usize,
}

fn run(world: &mut World) -> Run {
    let World {
        emulator,
        scheduler,
        limits,
        ..
    } = world;
    let timeout = limits.attempt_timeout;
    let (mut sent, mut finished, mut circuit) = (Vec::new(), Vec::new(), Vec::new());
    let (ended, most_in_flight) = drive(
        scheduler,
        LONGEST,
        &mut |at, request| {
            let mut emulator = emulator.borrow_mut();
            let uri = format!("http://emulator{}", request.uri().path_and_query().unwrap());
            let whole = authorized(
                &emulator,
                Request::builder().method(request.method()).uri(uri),
            );
            let (took, result) = emulator.handle(at, &whole).deliver(timeout);
            let path = request.uri().path().trim_start_matches("/v1/");
            let answer = result.as_ref().ok();
            sent.push(Sent {
                at,
                answered: at + took,
                method: request.method().clone(),
                resource: path.strip_suffix(":cancel").unwrap_or(path).to_owned(),
                status: answer.map(|response| response.status().as_u16()),
                left: result
                    .as_ref()
                    .map_or_else(|error| error.kind().may_have_left(), |_| true),
                delay: answer.and_then(asked_delay),
            });
            (took, result)
        },
        &mut |at, note| match note {
            Note::Event(Event::Finished { name, result }) => {
                let truth = emulator.borrow().truth_of(at, name.as_str());
                let clock = u128::from(START) + (BEFORE + at).as_millis();
                let clock = Timestamp::from_unix_millis(clock as i64);
                finished.push((name, result, Ended { truth, clock }));
            }
            Note::Event(Event::CircuitOpened { .. } | Event::CircuitClosed) => circuit.push(at),
            Note::Event(_) | Note::Sent(..) => {}
        },
    );
    Run {
        sent,
        finished,
        circuit,
        ended,
        most_in_flight,
    }
}

#[test]
fn invariants_of_every_fleet() {
    let (mut verdicts, mut errors) = ([0_u32; 7], BTreeMap::new());
    let (mut circuits, mut refused) = (0, 0);
    for seed in 0..SCHEDULES {
        let mut world = world(seed);
        let run = run(&mut world);
        let shown = || format!("seed {seed}, {:?}", world.limits);
        each_comes_out_once(&run, &world, &shown);
        nobody_else_is_asked(&run, &world, &shown);
        the_share_is_kept(&run, &world, &shown);
        every_verdict_is_true(&run, &world, &shown);
        attempts_are_bounded_and_counted(&run, &world, &shown);
        silence_is_kept(&run, &shown);
        for (_, result, _) in &run.finished {
            match result {
                Ok(outcome) => {
                    let known = Verdict::ALL.iter();
                    verdicts[known
                        .clone()
                        .position(|verdict| *verdict == outcome.verdict)
                        .unwrap()] += 1;
                }
                Err(error) => *errors.entry(error.kind().as_str()).or_insert(0_u32) += 1,
            }
        }
        circuits += u32::from(!run.circuit.is_empty());
        refused += world.emulator.borrow().quota(run.ended).refused;
    }
    // A simulation that reaches only one verdict proves nothing about the others.
    assert!(
        verdicts.iter().all(|count| *count > 30) && errors.len() >= 6,
        "{verdicts:?} {errors:?}"
    );
    assert!(circuits > 20 && refused > 200, "{circuits} {refused}");
}

/// I1.
fn each_comes_out_once(run: &Run, world: &World, shown: &dyn Fn() -> String) {
    let mut out = run
        .finished
        .iter()
        .map(|(name, ..)| name)
        .collect::<Vec<_>>();
    out.sort();
    assert!(out.into_iter().eq(world.names.keys()), "{}", shown());
    assert!(run.most_in_flight <= world.limits.in_flight, "{}", shown());
}

/// I2: requests concern the operations and their devices; only unsent operations get a cancel.
fn nobody_else_is_asked(run: &Run, world: &World, shown: &dyn Fn() -> String) {
    let devices = world.names.keys().map(|name| name.parent().to_string());
    let devices = devices.collect::<BTreeSet<_>>();
    for sent in &run.sent {
        let name = sent.resource.parse::<OperationName>().ok();
        let phase = name.and_then(|name| world.names.get(&name));
        let asked_for = match (phase, sent.method == Method::POST) {
            (Some(phase), true) => *phase != Phase::Accepted,
            (Some(_), false) => true,
            (None, cancel) => !cancel && devices.contains(&sent.resource),
        };
        assert!(asked_for, "{sent:?} {}", shown());
    }
}

/// I4: for the project, and for a method on a device. A server that has the promised quota refuses
/// nothing, in whichever way it counts.
fn the_share_is_kept(run: &Run, world: &World, shown: &dyn Fn() -> String) {
    let within = |sent: &[Duration], (calls, span): (usize, Duration), whose: &str| {
        for at in sent.windows(calls + 1) {
            assert!(
                at[calls] - at[0] >= span,
                "{} calls for {whose} in {:?} {}",
                calls + 1,
                at[calls] - at[0],
                shown()
            );
        }
    };
    let left = || run.sent.iter().filter(|sent| sent.left);
    let all = left().map(|sent| sent.at).collect::<Vec<_>>();
    for window in &world.limits.windows {
        within(&all, *window, "the project");
    }
    let mut resources: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for sent in left() {
        let mut parts = sent.resource.split("/operations/");
        let key = (parts.next(), parts.next().is_some(), sent.method.as_str());
        resources.entry(key).or_default().push(sent.at);
    }
    for (resource, sent) in &resources {
        if let Some(window) = world.limits.per_resource {
            within(sent, window, &format!("{resource:?}"));
        }
    }
    if !world.limits.secretly_less {
        let refused = world.emulator.borrow().quota(run.ended).refused;
        assert_eq!(refused, world.before.1, "{}", shown());
    }
}

/// I5.
fn every_verdict_is_true(run: &Run, world: &World, shown: &dyn Fn() -> String) {
    let emulator = world.emulator.borrow();
    let taken = emulator.audit()[world.before.0..]
        .iter()
        .filter(|row| row.effect && row.status.is_none_or(|status| status == 200))
        .filter_map(|row| row.path.split(":cancel").next()?.strip_prefix("/v1/"))
        .collect::<BTreeSet<_>>();
    for (name, result, Ended { truth, clock }) in &run.finished {
        let state = truth.as_ref().map(|truth| truth.state);
        let fits = match result {
            Ok(outcome) => match outcome.verdict {
                Verdict::Cancelled => truth.as_ref().is_some_and(|truth| truth.cancelled),
                Verdict::Completed => state == Some(State::Completed),
                Verdict::Failed => matches!(state, Some(State::Failed | State::Expired)),
                // By the server's answer: some servers show an operation that is done as pending for a while.
                Verdict::Expired => outcome.operation.as_ref().is_some_and(|operation| {
                    let over = operation.expire_time().map(|end| clock.since(end));
                    !operation.done && over.is_some_and(|over| over >= MARGIN)
                }),
                Verdict::Pending | Verdict::Gone | Verdict::Unverified => true,
            },
            Err(error) => error.maybe_delivered() || !taken.contains(name.as_str()),
        };
        assert!(fits, "{name}: {result:?}, but {truth:?} {}", shown());
    }
}

/// I8: events agree with the requests. An operation has no more cancels than the policy allows, apart
/// from those that failures of the whole server excuse.
fn attempts_are_bounded_and_counted(run: &Run, world: &World, shown: &dyn Fn() -> String) {
    let mut sent: BTreeMap<&str, Vec<&Sent>> = BTreeMap::new();
    for request in &run.sent {
        if request.left {
            sent.entry(&request.resource).or_default().push(request);
        }
    }
    let open = |at: Duration| run.circuit.partition_point(|change| *change <= at) % 2 == 1;
    for (name, result, _) in &run.finished {
        let requests = sent.get(name.as_str()).map_or(&[][..], Vec::as_slice);
        let told = match result {
            Ok(outcome) => outcome.attempts,
            Err(error) => error.attempts(),
        };
        // Gets of a device are not attributed to an operation.
        let device = sent.get(name.parent().as_str()).map_or(0, Vec::len);
        assert!(
            (requests.len()..=requests.len() + device).contains(&(told as usize)),
            "{name}: {told} told, {} sent {}",
            requests.len(),
            shown()
        );
        let counted = requests.iter().filter(|sent| {
            let quota = matches!(sent.status, Some(403 | 429));
            sent.method == Method::POST && !quota && !open(sent.answered)
        });
        let most = 2 * world.limits.attempts + 1;
        assert!(
            counted.count() as u32 <= most,
            "{name}: {requests:?} {}",
            shown()
        );
    }
}

/// A server that asks for a pause gets it: from all operations for the quota, else from the operation.
fn silence_is_kept(run: &Run, shown: &dyn Fn() -> String) {
    for (position, sent) in run.sent.iter().enumerate() {
        let quota = sent.status == Some(StatusCode::TOO_MANY_REQUESTS.as_u16());
        let minute = Duration::from_secs(60);
        let delay = match sent.delay {
            Some(delay) if !delay.is_zero() => delay.min(LONGEST_HOLD),
            _ if quota => minute,
            _ => continue,
        };
        let broken = run.sent[position + 1..].iter().find(|later| {
            // A get of a device may serve several operations.
            let same = later.resource == sent.resource && sent.resource.contains("/operations/");
            let concerned = quota || same;
            concerned && later.at > sent.answered && later.at < sent.answered + delay
        });
        assert!(broken.is_none(), "{sent:?}, {broken:?} {}", shown());
    }
}

/// I9.
#[test]
fn same_seed_same_fleet_same_schedule() {
    for seed in 0..100 {
        let [first, second] = [(); 2].map(|()| run(&mut world(seed)));
        assert_eq!(first.sent, second.sent, "seed {seed}");
        let [first, second] = [first, second].map(|run| format!("{:?}", run.finished));
        assert_eq!(first, second, "seed {seed}");
    }
}
