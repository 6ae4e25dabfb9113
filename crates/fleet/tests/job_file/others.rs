//! Fault 41: one process applies a job; others may look.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use countermand_fleet::store::{Job, JobErrorKind, Record, View};

use crate::{at, dump, plan, sent};

/// In a process of its own: has a job open until its standard input ends.
#[test]
fn child() {
    let Some(path) = std::env::var_os("COUNTERMAND_JOB_HELD") else {
        return;
    };
    let mut job = Job::open(path, at(77)).unwrap();
    job.record(&[sent(1, at(78))]).unwrap();
    println!("\nheld");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    std::process::exit(0);
}

#[test]
fn fault_41_the_second_process_is_told_who_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("job");
    plan(&path, 3).close().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "others::child", "--nocapture"])
        .env("COUNTERMAND_JOB_HELD", &path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "held"));

    let error = Job::open(&path, at(80)).unwrap_err();
    let JobErrorKind::Locked {
        holder: Some(holder),
    } = error.kind()
    else {
        panic!("{error}");
    };
    assert_eq!((holder.pid, holder.since), (child.id(), at(77)));
    assert!(!holder.host.is_empty());
    let told = error.to_string();
    assert!(
        told.contains(&format!("in use by process {} on ", child.id())),
        "{told}"
    );
    // Looking is allowed, and sees what was committed.
    let view = View::open(&path).unwrap();
    assert_eq!(view.counts().cancels_sent, 1);

    // kill -9 gives it back, with all that was committed.
    child.kill().unwrap();
    child.wait().unwrap();
    let job = Job::open(&path, at(81)).unwrap();
    assert_eq!(dump(&job), dump(&view));
    assert_eq!(job.holder().unwrap().unwrap().pid, std::process::id());
}

#[test]
fn fault_41_a_second_handle_of_this_process_is_refused_and_harms_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("job");
    let mut job = plan(&path, 3);
    for _ in 0..3 {
        let error = Job::open(&path, at(1)).unwrap_err();
        assert!(
            matches!(error.kind(), JobErrorKind::Locked { .. }),
            "{error}"
        );
    }
    // SQLite's own locks are still there: another process that closes the file as the last one
    // would take the log away otherwise.
    let output = Command::new("sqlite3")
        .arg(&path)
        .arg("SELECT count(*) FROM operations")
        .output();
    assert!(output.is_ok_and(|output| output.status.success()));
    assert!(folder.path().join("job-wal").exists());
    job.record(&[sent(1, at(2))]).unwrap();
    drop(job);
    let job = Job::open(&path, at(3)).unwrap();
    assert_eq!(job.counts().cancels_sent, 1);
}

#[test]
fn a_view_sees_one_state_while_a_job_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("job");
    let mut job = plan(&path, 300);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..300 {
                let note = Record::Note {
                    at: at(1),
                    kind: "with".to_owned(),
                    text: "it".to_owned(),
                };
                job.record(&[sent(number, at(1)), note]).unwrap();
            }
            done.store(true, Ordering::Relaxed);
        });
        let mut followed = View::open(&path).unwrap();
        let mut last = 0;
        while !done.load(Ordering::Relaxed) {
            let view = View::open(&path).unwrap();
            let seen = view.counts().cancels_sent;
            assert!(seen >= last);
            last = seen;
            assert_eq!(view.notes().count() as u64, seen);
            assert_eq!(view.counts().cancels_sent, seen);
            followed.refresh().unwrap();
            assert!(followed.counts().cancels_sent >= seen);
        }
        followed.refresh().unwrap();
        assert_eq!(followed.counts().cancels_sent, 300);
    });
}

#[test]
fn a_job_file_is_its_owners_and_is_not_overwritten() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("job");
    let job = plan(&path, 1);
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let mode = file.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let before = dump(&job);
    job.close().unwrap();
    let error = Job::create(
        &path,
        &countermand_fleet::store::Settings::new(countermand_fleet::store::Kind::Plan),
        at(0),
    );
    assert!(matches!(error.unwrap_err().kind(), JobErrorKind::Exists));
    assert_eq!(dump(&View::open(&path).unwrap()), before);
}

/// The log beside a job that is in use, or that was killed, is a part of it: advice to remove it would
/// be advice to lose what the job knows.
#[test]
fn fault_63_the_log_of_a_job_that_is_there_is_not_called_in_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("job");
    let job = plan(&path, 3);
    assert!(folder.path().join("job-wal").exists());
    let before = dump(&job);
    let settings = countermand_fleet::store::Settings::new(countermand_fleet::store::Kind::Rescue);
    let error = Job::create(&path, &settings, at(0)).unwrap_err();
    assert!(matches!(error.kind(), JobErrorKind::Exists), "{error}");
    assert!(!error.to_string().contains("remove"), "{error}");
    assert_eq!(dump(&job), before);
}
