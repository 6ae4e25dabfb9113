//! Fault 38 and I7: what is left after a kill is a prefix of what was recorded, and holds every
//! commit that had returned.

use std::fs;
use std::path::Path;

use countermand_fleet::job::{Job, Record};

use crate::{at, dump, plan, proof, sent};

/// https://sqlite.org/fileformat.html, 4.1: a header, then frames of a header and a page.
const LOG_HEADER: usize = 32;
const FRAME: usize = 24 + 4096;

/// The file and its log, as a kill would leave them.
fn copy(from: &Path, to: &Path, log: &[u8]) {
    fs::copy(from, to).unwrap();
    fs::write(to.with_extension("job-wal"), log).unwrap();
}

fn recovered(path: &Path) -> String {
    dump(&Job::open(path, at(9)).unwrap())
}

#[test]
fn fault_38_a_kill_at_any_byte_of_the_log_leaves_a_prefix() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.job");
    let log = path.with_extension("job-wal");
    plan(&path, 40).close().unwrap();
    let mut job = Job::open(&path, at(0)).unwrap();

    // How long the log was after each commit, and what the job held then.
    let mut states = vec![(fs::read(&log).unwrap().len(), dump(&job))];
    for number in 0..20 {
        let millis = number as i64;
        let note = Record::Note {
            at: at(millis),
            kind: "length".to_owned(),
            // Some of them need several pages.
            text: "x".repeat(number * 700),
        };
        job.record(&[sent(number, at(millis)), note]).unwrap();
        job.record(&[proof(number, at(millis))]).unwrap();
        states.push((fs::read(&log).unwrap().len(), dump(&job)));
        let killed = folder.path().join("killed.job");
        copy(&path, &killed, &fs::read(&log).unwrap());
        assert_eq!(recovered(&killed), states[number + 1].1);
    }

    let whole = fs::read(&log).unwrap();
    let frames = (whole.len() - LOG_HEADER) / FRAME;
    assert_eq!(whole.len(), LOG_HEADER + frames * FRAME);
    let ends = (0..=frames).map(|frame| LOG_HEADER + frame * FRAME);
    let mut last = 0;
    for end in ends {
        for cut in [
            end,
            (end + 11).min(whole.len()),
            (end + FRAME / 2).min(whole.len()),
        ] {
            let killed = folder.path().join("cut.job");
            copy(&path, &killed, &whole[..cut]);
            let state = recovered(&killed);
            // States between two of ours: the commit of the sent record.
            let committed = states.iter().rposition(|(length, _)| *length <= cut);
            if let Some(committed) = committed {
                let between = state != states[committed].1;
                let is_later = states[committed..]
                    .iter()
                    .skip(1)
                    .any(|(_, later)| *later == state);
                assert!(!is_later, "a state that was not there yet, cut at {cut}");
                assert!(
                    !between || state.len() > states[committed].1.len(),
                    "lost at {cut}"
                );
                assert!(committed >= last);
                last = committed;
            }
        }
    }
    assert_eq!(last, states.len() - 1);
}
