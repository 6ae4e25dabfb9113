//! Output while a run goes on, on a terminal and in a pipe.

use std::fs::{File, OpenOptions};
use std::os::unix::ffi::OsStrExt;

use countermand_emulator::{Fate, State};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use serde_json::json;

use crate::api::Api;

const OPERATIONS: usize = 12;

/// Width of a terminal by default.
const COLUMNS: u16 = 80;

/// A pseudo-terminal: what a process writes into, and what shows it.
fn terminal() -> (File, File) {
    let screen = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&screen).unwrap();
    unlockpt(&screen).unwrap();
    let size = Winsize {
        ws_row: 24,
        ws_col: COLUMNS,
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
    let mut column = 0;
    while let Some(next) = rest.next() {
        match next {
            '\u{1b}' => {
                rest.find(char::is_ascii_alphabetic);
                text.push('\n');
            }
            '\r' => text.push('\n'),
            other => text.push(other),
        }
        // A terminal goes on in the next line where a line is full: indicatif fills them so.
        column = if text.ends_with('\n') { 0 } else { column + 1 };
        if column == COLUMNS {
            text.push('\n');
            column = 0;
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
            has(&["last cancel in ", ", last verdict in ", " requests/s"]),
        ),
        ("four cancels", has(&["cancels ", " 4/12"])),
        ("no verdict yet", has(&["verdicts ", " 0/12"])),
        ("all cancels", has(&["cancels ", " 12/12"])),
        ("some verdicts", has(&["verdicts ", " 4/12"])),
    ] {
        running.until(what, |running| seen(&running.stderr()));
    }
    let run = running.wait();
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(api.states(), [State::Cancelled; OPERATIONS]);
    // Once all are sent only the verdicts are estimated.
    let drawn = lines(&run.stderr);
    let all = drawn.iter().rposition(|line| line.contains(" 12/12"));
    let rest = &drawn[all.unwrap()..];
    assert!(
        rest.iter().all(|line| !line.contains("last cancel in")),
        "{rest:?}"
    );
    for line in &drawn {
        assert!(line.chars().count() < usize::from(COLUMNS), "{line}");
        let words = ["cancels ", "verdicts ", "last ", "quota ", "next "];
        let own = words.iter().any(|word| line.starts_with(word));
        assert!(
            own || line.starts_with(|char: char| char.is_ascii_digit()),
            "it was wrapped: {line}"
        );
    }
    // In the end the bars are gone, and results were never among them.
    let (_, after) = run.stderr.rsplit_once("\u{1b}[2K").unwrap();
    assert!(lines(after).is_empty(), "{after:?}");
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
    let (time, rest) = told.split_once(' ').unwrap();
    let digits = time.replace(|char: char| char.is_ascii_digit(), "0");
    assert_eq!(digits, "00:00:00Z", "{told:?}");
    assert!(
        rest.starts_with("cancels sent 2/3, verdicts 0/3, last cancel in ")
            && rest.contains(" requests/s, quota left 0"),
        "{told:?}"
    );
    assert!(told.lines().count() == 1 && !told.contains('\u{1b}'));
    running.signal("TERM");
    running.wait();
}

/// Fault 57: a job file does not decide where a token goes without a person who has seen it.
#[test]
fn fault_57_the_prompt_names_the_service_of_a_file_and_its_host() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (file, job) = (path("typed.json"), path("a.job"));
    let form = json!({
        "schema": "countermand.service/1",
        "id": "typed.v1",
        "title": "A typed API",
        "host": "typed.example.com",
        "names": [{"pattern": "projects/{project}/operations/{operation}"}],
    });
    std::fs::write(&file, form.to_string()).unwrap();
    let api = Api::new([]);
    let options = ["--service-file", &file];
    let args = ["plan", "-o", &job, "projects/p/operations/1"];
    let plan = api.command(&[&args[..], &options].concat()).run();
    assert_eq!(plan.code, 0, "{plan:?}");
    let (terminal, screen) = terminal();
    let run = api
        .command(&[&["apply", &job][..], &options].concat())
        .at(terminal, screen)
        .input("projects/p:2\n")
        .run();
    assert_eq!(run.code, 8, "{run:?}");
    let shown = lines(&run.stderr).join(" ");
    for text in [
        "The service is typed.v1, at typed.example.com: A typed API.",
        &format!(
            "It goes to {}, which is not Google's server.",
            api.endpoint_v1()
        ),
        "To go on with the plan, type projects/p:1",
        "another text was typed than the one asked for; nothing was sent",
    ] {
        assert!(shown.contains(text), "{text}: {run:?}");
    }
    assert!(api.asked().is_empty());
}
