//! Fault 49: the terminal is closed, the connection to it is lost.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use countermand_emulator::{Fate, State};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::json;

use crate::api::{Api, TOKEN};
use crate::fleet::Fleet;
use crate::process::Process;

const COUNT: usize = 60;
/// Several seconds at this rate, so that the terminal is closed in mid-run.
const SLOW: [&str; 4] = ["--quota", "20/1s", "--share", "1"];
const DEADLINE: Duration = Duration::from_secs(60);

/// A terminal of its own with a command in it, which leads a session there as a shell does.
struct Session {
    screen: File,
    child: Child,
}

impl Session {
    fn start(api: &Api, args: &[&str]) -> Self {
        let screen =
            openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        rustix::io::ioctl_fionbio(&screen, true).unwrap();
        grantpt(&screen).unwrap();
        unlockpt(&screen).unwrap();
        let path = ptsname(&screen, Vec::new()).unwrap();
        let path = std::ffi::OsStr::from_bytes(path.as_bytes());
        let end = || {
            let mut options = OpenOptions::new();
            options.read(true).write(true).open(path).unwrap()
        };
        let child = Command::new("setsid")
            .args(["--ctty", env!("CARGO_BIN_EXE_countermand")])
            .args(args)
            .env("COUNTERMAND_ENDPOINT", &api.endpoint)
            .env("COUNTERMAND_TOKEN", TOKEN)
            .env("HOME", "/nonexistent")
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .unwrap();
        let screen = screen.into();
        Self { screen, child }
    }

    /// Closes the terminal as soon as the condition comes true; the exit code in the end.
    fn closed_when(self, condition: impl Fn() -> bool) -> i32 {
        let Self {
            mut screen,
            mut child,
        } = self;
        let end = Instant::now() + DEADLINE;
        let wait = || {
            assert!(Instant::now() < end, "it does not come");
            std::thread::sleep(Duration::from_millis(5));
        };
        let mut shown = [0; 4096];
        while !condition() {
            assert_eq!(child.try_wait().unwrap(), None, "it has ended too soon");
            // A terminal that shows nothing would hold up a command that writes much.
            let _ = screen.read(&mut shown);
            wait();
        }
        drop(screen);
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                assert!(status.code().is_some(), "{status}");
                return status.code().unwrap();
            }
            wait();
        }
    }
}

fn sent(fleet: &Fleet) -> bool {
    fleet.cancels().0 >= 10
}

#[test]
fn fault_49_a_closed_terminal_does_not_stop_apply() {
    for more in [&[][..], &["-vv"], &["--json"]] {
        let fleet = Fleet::planned([Fate::Cancellable; COUNT], &SLOW);
        let phrase = fleet.phrase();
        let args = [&["apply", &fleet.job, "--confirm", &phrase], more].concat();
        let session = Session::start(&fleet, &args);
        assert_eq!(session.closed_when(|| sent(&fleet)), 0, "{more:?}");
        assert_eq!(fleet.states(), [State::Cancelled; COUNT]);
        assert_eq!(fleet.verdicts(), ["cancelled"; COUNT]);
        assert_eq!(fleet.cancels(), (COUNT, COUNT), "each was sent once");
    }
}

#[test]
fn fault_49_a_closed_terminal_does_not_stop_rescue() {
    let fleet = Fleet::of(Api::new([Fate::Cancellable; COUNT]));
    let enterprise = fleet.enterprise();
    let whole = format!("enterprises/{enterprise}");
    let rescue = ["rescue", &whole, "--job", &fleet.job, "--confirm"];
    let args = [&rescue[..], &[&enterprise], &["--quota", "40/1s"]].concat();
    let session = Session::start(&fleet, &args);
    assert_eq!(session.closed_when(|| sent(&fleet)), 0);
    assert_eq!(fleet.states(), [State::Cancelled; COUNT]);
    assert_eq!(fleet.verdicts(), ["cancelled"; COUNT]);
}

#[test]
fn fault_49_a_closed_terminal_does_not_stop_cancel() {
    let fleet = Fleet::of(Api::new([Fate::Cancellable; COUNT]));
    let names: Vec<&str> = fleet.names.iter().map(String::as_str).collect();
    let args = [&["cancel"], &SLOW[..], &names].concat();
    let session = Session::start(&fleet, &args);
    assert_eq!(session.closed_when(|| sent(&fleet)), 0);
    assert_eq!(fleet.states(), [State::Cancelled; COUNT]);
}

/// Commands that change nothing end, with the code of the signal.
#[test]
fn fault_49_other_commands_end_with_129() {
    let fleet = Fleet::of(Api::new([Fate::Cancellable]));
    let script = countermand_emulator::Script::from_value(json!([
        {"fault": "stall", "times": null}
    ]));
    let script = script.unwrap();
    fleet.shared.with(|emulator, _| emulator.set_script(script));
    let whole = format!("enterprises/{}", fleet.enterprise());
    for args in [
        &["find", &whole][..],
        &["plan", &whole, "--output", &fleet.job],
        &["get", &fleet.names[0]],
    ] {
        let before = fleet.requests();
        let session = Session::start(&fleet, args);
        let code = session.closed_when(|| fleet.requests() > before);
        assert_eq!(code, 129, "{args:?}");
    }
    assert!(!std::fs::exists(&fleet.job).unwrap());
}

/// By the signal alone, with a standard error that tells of it; and what comes first still counts.
#[test]
fn fault_49_the_signal_is_told_and_a_stop_still_stops() {
    for (stop, code) in [("INT", 130), ("TERM", 143)] {
        let fleet = Fleet::planned([Fate::Cancellable; COUNT], &SLOW);
        let running = fleet.apply(&[]).start();
        running.until("some cancels", |_| sent(&fleet));
        running.signal("HUP");
        running.until("a word about it", |running| {
            running.stderr().contains("the terminal is gone (SIGHUP)")
        });
        running.signal(stop);
        running.signal("HUP");
        let run = running.wait();
        assert_eq!(run.code, code, "{run:?}");
        assert!(run.stdout.contains("to go on:"), "it has drained: {run:?}");
    }
}

/// A hangup that nohup ignores stays ignored, for every command.
#[test]
#[cfg(target_os = "linux")]
fn fault_49_an_ignored_hangup_stays_ignored() {
    let fleet = Fleet::of(Api::new([Fate::Cancellable]));
    let script = countermand_emulator::Script::from_value(json!([
        {"delay_ms": 1500, "times": null}
    ]));
    let script = script.unwrap();
    fleet.shared.with(|emulator, _| emulator.set_script(script));
    let line = format!("trap '' HUP; exec countermand get {}", fleet.names[0]);
    let running = Process::shell(&line)
        .env("COUNTERMAND_ENDPOINT", &fleet.endpoint)
        .env("COUNTERMAND_TOKEN", TOKEN)
        .start();
    running.until("the request", |_| fleet.requests() > 0);
    running.signal("HUP");
    let run = running.wait();
    assert_eq!(run.code, 0, "{run:?}");
    assert!(!run.stderr.contains("SIGHUP"), "{run:?}");
}
