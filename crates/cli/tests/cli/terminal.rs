//! What is seen while a run goes on, on a terminal and in a pipe.

use std::fs::{File, OpenOptions};
use std::os::unix::ffi::OsStrExt;

use countermand_emulator::{Fate, State};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::api::Api;

const OPERATIONS: usize = 12;

/// A pseudo-terminal: what a process writes into, and what shows it.
fn terminal() -> (File, File) {
    let screen = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&screen).unwrap();
    unlockpt(&screen).unwrap();
    let size = Winsize {
        ws_row: 24,
        ws_col: 120,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(&screen, size).unwrap();
    let path = ptsname(&screen, Vec::new()).unwrap();
    let path = std::ffi::OsStr::from_bytes(path.as_bytes());
    let stderr = OpenOptions::new().read(true).write(true).open(path);
    (stderr.unwrap(), screen.into())
}

/// The lines as they were drawn, one after the other, without what moves the cursor.
fn lines(drawn: &str) -> Vec<String> {
    let mut text = String::new();
    let mut rest = drawn.chars();
    while let Some(next) = rest.next() {
        match next {
            '\u{1b}' => {
                rest.find(char::is_ascii_alphabetic);
                text.push('\n');
            }
            '\r' => text.push('\n'),
            other => text.push(other),
        }
    }
    let lines = text.lines().map(str::trim_end);
    lines
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect()
}

#[test]
fn two_bars_tell_how_far_it_is() {
    let api = Api::new([Fate::Cancellable; OPERATIONS]);
    let (stderr, screen) = terminal();
    // Four at once, in windows of half a second: twelve cancels, and then twelve looks.
    let options = ["cancel", "-", "--quota", "4/0.5s", "--share", "1"];
    let running = api
        .command(&options)
        .env("TERM", "xterm")
        .input(api.names.join("\n"))
        .stderr(stderr, screen)
        .start();
    let has = |parts: &[&str]| {
        let parts = parts.iter().map(ToString::to_string).collect::<Vec<_>>();
        move |drawn: &str| {
            lines(drawn)
                .iter()
                .any(|line| parts.iter().all(|part| line.contains(part)))
        }
    };
    for (what, seen) in [
        (
            "the estimate",
            has(&["cancels ", "/12", "/s, quota left ", ", last cancel in "]),
        ),
        ("four cancels", has(&["cancels ", " 4/12", "quota left 0"])),
        ("no verdict yet", has(&["verdicts ", " 0/12"])),
        (
            "all cancels",
            has(&["cancels ", " 12/12", "/s, quota left "]),
        ),
        ("some verdicts", has(&["verdicts ", " 4/12"])),
    ] {
        running.until(what, |running| seen(&running.stderr()));
    }
    let run = running.wait();
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(api.states(), [State::Cancelled; OPERATIONS]);
    // Once all are sent there is nothing to estimate. A bar moves before its words do, so that only
    // the last line counts.
    let drawn = lines(&run.stderr);
    let last = drawn.iter().rfind(|line| line.contains("cancels "));
    let last = last.unwrap();
    assert!(
        last.contains(" 12/12") && !last.contains("last cancel in"),
        "{last}"
    );
    // In the end the bars are gone, and results were never among them.
    assert!(
        run.stderr.ends_with("\u{1b}[2K") || run.stderr.ends_with("\u{1b}[J"),
        "{:?}",
        &run.stderr[run.stderr.len().saturating_sub(40)..]
    );
    assert!(!run.stdout.contains('\u{1b}'), "{run:?}");
    for name in &api.names {
        assert_eq!(run.verdict(name), "cancelled");
        assert!(!run.stderr.contains(name.as_str()), "{run:?}");
    }
}

/// In a log nothing else would tell of a run whose cancels take minutes.
#[test]
fn lines_tell_it_where_there_is_no_terminal() {
    let api = Api::new([Fate::Cancellable; 3]);
    let running = api.cancel(&["--quota", "1/3s", "--share", "1"]).start();
    running.until("a line of progress", |running| {
        running.stderr().ends_with('\n')
    });
    let told = running.stderr();
    assert!(
        told.starts_with("cancels 2/3, verdicts 0/3, 0.4/s, quota left 0, last cancel in "),
        "{told:?}"
    );
    assert!(told.lines().count() == 1 && !told.contains('\u{1b}'));
    running.signal("TERM");
    running.wait();
}
