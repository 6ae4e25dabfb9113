//! Fault 38 and I7: what is left after a kill is a prefix of what was recorded, and holds every
//! commit that had returned.

use std::fs;
use std::path::Path;

use countermand_fleet::store::{Job, Record};

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

    // The length of the log after each commit, and the content of the job then.
    let mut states = vec![(fs::read(&log).unwrap().len(), dump(&job))];
    let killed = folder.path().join("killed.job");
    for number in 0..10 {
        let millis = number as i64;
        let note = Record::Note {
            at: at(millis),
            kind: "length".to_owned(),
            // Some of them need several pages.
            text: "x".repeat(number * 900),
        };
        for records in [
            vec![sent(number, at(millis)), note],
            vec![proof(number, at(millis))],
        ] {
            job.record(&records).unwrap();
            let log = fs::read(&log).unwrap();
            states.push((log.len(), dump(&job)));
            copy(&path, &killed, &log);
            assert_eq!(recovered(&killed), dump(&job));
        }
    }

    let whole = fs::read(&log).unwrap();
    let frames = (whole.len() - LOG_HEADER) / FRAME;
    assert_eq!(whole.len(), LOG_HEADER + frames * FRAME);
    let ends = (0..frames).map(|frame| LOG_HEADER + frame * FRAME);
    let cuts = ends.flat_map(|end| [end, end + 11, end + FRAME - 1]);
    // Less than the first state is that of the file without its log.
    for cut in cuts.filter(|cut| *cut >= states[0].0) {
        copy(&path, &killed, &whole[..cut]);
        let committed = states.iter().rfind(|(length, _)| *length <= cut);
        assert_eq!(
            Some(recovered(&killed)),
            committed.map(|(_, state)| state.clone()),
            "cut at {cut}"
        );
    }
}
