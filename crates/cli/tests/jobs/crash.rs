//! Fault 38: real processes, killed with SIGKILL at random instants, applied again until done.
//!
//! `COUNTERMAND_CRASH_RUNS` says how many runs there are, `COUNTERMAND_CRASH_SEED` with which seed
//! they begin; a run that fails names its own.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::invariants::{self, Figures, Past};
use crate::process::{Process, Run, Running};
use crate::rng::Rng;
use crate::world::{Kind, World};

/// Most of a run is waiting for the quota.
const AT_A_TIME: u64 = 6;
const KILLS: u64 = 4;

fn number(name: &str, default: u64) -> u64 {
    let value = std::env::var(name).ok();
    value.map_or(default, |value| value.parse().unwrap())
}

#[test]
fn fault_38_killed_at_any_instant_and_applied_again() {
    let runs = number("COUNTERMAND_CRASH_RUNS", 12);
    let first = number("COUNTERMAND_CRASH_SEED", 1);
    let (next, failed) = (AtomicU64::new(0), AtomicU64::new(0));
    let total = Mutex::new(Figures::default());
    thread::scope(|scope| {
        for _ in 0..AT_A_TIME.min(runs) {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= runs {
                        return;
                    }
                    let seed = first + number;
                    match catch_unwind(AssertUnwindSafe(|| run(seed))) {
                        Ok(figures) => total.lock().unwrap().add(&figures),
                        Err(_) => {
                            eprintln!("the run with COUNTERMAND_CRASH_SEED={seed} failed");
                            failed.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                }
            });
        }
    });
    let total = total.into_inner().unwrap();
    println!("{total}");
    assert_eq!(failed.into_inner(), 0, "of {runs} runs");
    // A harness that kills nothing, or only what has not begun, proves nothing.
    assert!(total.kills >= runs, "{total}");
    assert!(total.kills_amid * 2 >= runs, "{total}");
}

/// One job from its plan to its report, killed on the way.
fn run(seed: u64) -> Figures {
    let mut rng = Rng::new(seed);
    let world = World::new(&mut rng);
    let mut figures = Figures {
        runs: 1,
        ..Figures::default()
    };
    begin(&world, &mut rng, &mut figures);
    let mut past = Past::new(&world);

    let mut run = match world.kind {
        Kind::Rescue => None,
        Kind::Names | Kind::Search => {
            let (args, input) = world.first();
            Some(command(&world, &args).input(input).run())
        }
    };
    if let Some(run) = run.take() {
        assert_eq!(run.code, 0, "{run:?}");
        past.planned(&world);
    }
    let mut left = 1 + rng.below(KILLS);
    loop {
        let (args, input) = match past.has_begun() {
            false if world.kind == Kind::Rescue => world.first(),
            _ => (world.again(past.planned), String::new()),
        };
        let process = command(&world, &args).input(input).start();
        past.started(&world);
        let (run, killed) = match left {
            0 => (process.wait(), false),
            _ => {
                left -= 1;
                at_some_instant(&world, &mut rng, process)
            }
        };
        past.ended(&world, &run, killed, &mut figures);
        if !killed && left == 0 && invariants::is_done(&world) {
            break;
        }
        // 1: the record was dropped before a request for it.
        assert!(killed || [0, 1, 3, 5].contains(&run.code), "{run:?}");
        figures.applied += 1;
        assert!(figures.applied < 20, "it does not end: {run:?}");
    }
    past.end(&world, &mut figures);
    figures
}

/// Kills the command that writes a plan, sometimes; what it leaves is refused, or is whole.
fn begin(world: &World, rng: &mut Rng, figures: &mut Figures) {
    if world.kind == Kind::Rescue || rng.below(2) == 0 {
        return;
    }
    let (args, input) = world.first();
    let process = command(world, &args).input(input).start();
    let (run, killed) = at_some_instant(world, rng, process);
    if killed {
        figures.kills += 1;
        invariants::keeps_secrets(world, &run);
        let before = world.fleet.requests();
        // Not to apply it: with the count of a whole plan, and the name of another enterprise.
        let args = ["apply", &world.fleet.job, "--confirm", "another:1"];
        let refused = world.fleet.command(&args).run();
        assert!([2, 8, 9].contains(&refused.code), "{refused:?}");
        assert_eq!(world.fleet.requests(), before, "{refused:?}");
    }
    for ending in ["", "-wal", "-shm", "-journal"] {
        let _ = std::fs::remove_file(format!("{}{ending}", world.fleet.job));
    }
    // The calls of a search are in no file when its plan was killed.
    let longest = world.shares().map(|(_, span)| span).max().unwrap();
    thread::sleep(longest + Duration::from_millis(100));
}

fn command(world: &World, args: &[String]) -> Process {
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    world.fleet.command(&args)
}

/// Kills it, if it does not end before: after some time, or some requests.
fn at_some_instant(world: &World, rng: &mut Rng, mut process: Running) -> (Run, bool) {
    let requests = match rng.below(2) {
        0 => 0,
        _ => 1 + usize::try_from(rng.below(3 * world.fleet.names.len() as u64)).unwrap(),
    };
    let most = if requests > 0 {
        50
    } else {
        rng.of(&[60, 400, 4000])
    };
    let time = Duration::from_micros(rng.below(1000 * most));
    let before = world.fleet.requests();
    let mut since = Instant::now();
    let mut reached = requests == 0;
    loop {
        if process.has_ended() {
            return (process.wait(), false);
        }
        if !reached && world.fleet.requests() >= before + requests {
            (reached, since) = (true, Instant::now());
        }
        if reached && since.elapsed() >= time {
            let run = process.kill();
            return match run.code {
                -1 => (run, true),
                _ => (run, false),
            };
        }
        thread::sleep(Duration::from_millis(1));
    }
}
