//! `docs/job-file.md` has the schema as it is.

use std::collections::BTreeSet;

use crate::{at, finished, name, plan};
use countermand_fleet::Target;
use countermand_fleet::store::{Job, Kind, Settings};
use rusqlite::Connection;

const DOCUMENT: &str = include_str!("../../../../docs/job-file.md");

#[test]
fn the_document_has_the_schema_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("job");
    finished(&path);
    let file = Connection::open(&path).unwrap();
    let sql = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND type <> 'trigger'";
    let mut statement = file.prepare(sql).unwrap();
    let found = statement
        .query_map([], |row| row.get::<_, String>(0))
        .unwrap();
    let found = found.collect::<Result<BTreeSet<_>, _>>().unwrap();

    let blocks = DOCUMENT
        .split("```sql\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap());
    let (triggers, tables) =
        blocks.partition::<Vec<_>, _>(|block| block.starts_with("CREATE TRIGGER"));
    let statements = tables.iter().flat_map(|block| block.split(";\n"));
    let documented = statements.map(|statement| statement.trim().to_owned());
    let documented = documented.filter(|statement| statement.starts_with("CREATE"));
    assert_eq!(found, documented.collect());

    let sql = "SELECT sql FROM sqlite_schema WHERE name = 'operations_update'";
    let trigger: String = file.query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(triggers, [format!("{trigger};\n")]);
    let count = |sql: &str| file.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    let tables = count("SELECT count(*) FROM sqlite_schema WHERE sql LIKE '%checksum INTEGER%'");
    assert_eq!(
        count("SELECT count(*) FROM sqlite_schema WHERE type = 'trigger'"),
        3 * tables
    );

    let id: i64 = count("PRAGMA application_id");
    assert!(DOCUMENT.contains(&format!("`0x{id:08x}`")), "{id:x}");
}

/// The queries of the document run, on a job that is applied at the same time.
#[test]
fn the_queries_of_the_document_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("job");
    let _job = plan(&path, 3);
    let file = Connection::open(&path).unwrap();
    let queries = DOCUMENT
        .split("```sh\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap());
    let queries = queries.flat_map(|block| block.split('"').skip(1).step_by(2).collect::<Vec<_>>());
    let queries = queries.collect::<Vec<_>>();
    assert!(queries.len() >= 3);
    for query in queries {
        let mut statement = file.prepare(query).unwrap();
        let _ = statement.query([]).unwrap().next().unwrap();
    }
}

/// The digest by the rules of the document alone.
#[test]
fn the_digest_can_be_recomputed() {
    use sha2::{Digest as _, Sha256};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("job");
    let mut job = Job::create(&path, &Settings::new(Kind::Plan), at(0)).unwrap();
    let mut target = Target::new(name(1));
    target.command.kind = Some("WIPE".to_owned());
    target.device_seen = Some(at(5));
    job.add([target]).unwrap();
    let digest = job.freeze().unwrap();
    let file = Connection::open(&path).unwrap();
    let settings: String = file
        .query_row("SELECT text FROM settings", [], |row| row.get(0))
        .unwrap();

    let mut bytes = Vec::new();
    let text = |text: &str, bytes: &mut Vec<u8>| {
        bytes.push(2);
        bytes.extend((text.len() as u64).to_be_bytes());
        bytes.extend(text.bytes());
    };
    text(&settings, &mut bytes);
    bytes.push(1);
    bytes.extend(1_i64.to_be_bytes());
    text(name(1).as_str(), &mut bytes);
    text("WIPE", &mut bytes);
    bytes.extend([0, 0, 0, 1]);
    bytes.extend(at(5).unix_millis().to_be_bytes());
    assert_eq!(&digest.as_bytes()[..], &Sha256::digest(&bytes)[..]);
}
