//! Feeds: names that come while they are cancelled, from a file that outlives the process.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use countermand_core::{ErrorKey, OperationName};
use countermand_fleet::{Feed, JobError, JobRow, Lane};
use futures_util::stream;

use super::*;

const WINDOW: Duration = Duration::from_secs(1);

/// A project whose quota is twenty calls a second.
fn world(parents: usize) -> World {
    let window = Window::new(20, WINDOW);
    let quota = ServerQuota::default().windows([window]);
    let quota = quota.kind(WindowKind::Sliding).per_resource(None);
    let config = Config::default().parents(parents).operations(1, 0);
    World::new(config.mix([(1, Fate::Cancellable)]).quota(quota))
}

fn lane() -> Lane {
    let mut lane = Lane::at(&"http://127.0.0.1".parse().unwrap());
    lane.name = "north".to_owned();
    lane.project = Some("north".to_owned());
    lane.quota = vec![Window::new(20, WINDOW)];
    lane.per_resource = None;
    lane.share = 1.0;
    lane
}

fn settings(world: &World) -> Settings {
    let mut settings = world.settings(Kind::Feed);
    settings.lanes = vec![lane()];
    settings
}

fn names(world: &World) -> Vec<Target> {
    let names = world.shared.with(|emulator, now| emulator.pending(now));
    let names = names.iter().map(|name| Target::new(name.parse().unwrap()));
    names.collect()
}

/// The day of the runs on a virtual clock.
fn day() -> Timestamp {
    Timestamp::from_unix_millis(1_790_000_000_000)
}

fn feed(world: &World, names: Vec<Target>) -> Feed {
    let file = Feed::open(&world.path, &settings(world), day()).unwrap();
    Feed::begin_by(&world.client, file, stream::iter(names), day).unwrap()
}

async fn rows(feed: &mut Feed) -> BTreeMap<String, JobRow> {
    let mut rows = BTreeMap::new();
    while let Some(row) = feed.next().await {
        let row = row.unwrap();
        let name = row.target.name.to_string();
        assert!(rows.insert(name, row).is_none(), "a name has one row");
    }
    rows
}

/// Times of the calls, by the clock of the emulator, in milliseconds.
fn calls(world: &World) -> Vec<u64> {
    world.shared.with(|emulator, _| {
        let calls = emulator.audit().iter();
        calls.map(|row| row.time).collect()
    })
}

fn refused(world: &World) -> u64 {
    let quota = world.shared.with(|emulator, now| emulator.quota(now));
    quota.refused
}

#[tokio::test(start_paused = true)]
async fn each_name_has_one_row_and_what_is_settled_is_not_asked_for_again() {
    let world = world(30);
    Feed::create(&world.path, &settings(&world), day()).unwrap();
    // Names that are given again come out no second time.
    let twice = [names(&world), names(&world)].concat();
    let mut first = feed(&world, twice.clone());
    let told = rows(&mut first).await;
    assert_eq!(told.len(), 30);
    assert!(
        told.values()
            .all(|row| RowState::of(row) == RowState::Cancelled)
    );
    first.end("done").unwrap();
    check(&world.path, &world);

    let before = calls(&world).len();
    let mut again = feed(&world, twice);
    assert_eq!(rows(&mut again).await, told);
    again.end("done").unwrap();
    assert_eq!(calls(&world).len(), before);
    assert_eq!(View::open(&world.path).unwrap().settings().kind, Kind::Feed);
}

/// A worker that is killed after any number of steps, and another one with the same names and the same file.
#[tokio::test(start_paused = true)]
async fn a_feed_that_is_dropped_anywhere_is_taken_up_again() {
    for steps in 0..60 {
        let world = world(24);
        Feed::create(&world.path, &settings(&world), day()).unwrap();
        let mut killed = feed(&world, names(&world));
        for _ in 0..steps {
            // A step is a row, or a wait of twenty milliseconds.
            let wait = Duration::from_millis(20);
            if let Ok(None) = tokio::time::timeout(wait, killed.next()).await {
                break;
            }
        }
        drop(killed);
        let mut again = feed(&world, names_of(&world));
        let told = rows(&mut again).await;
        again.end("done").unwrap();
        assert_eq!(told.len(), 24, "{steps}");
        assert!(
            told.values()
                .all(|row| RowState::of(row) == RowState::Cancelled)
        );
        assert_eq!(refused(&world), 0, "{steps}");
        let calls = calls(&world);
        for (first, last) in calls.iter().zip(calls.iter().skip(20)) {
            assert!(last - first >= 1000, "{steps}: {calls:?}");
        }
        // All of them may have been in flight.
        assert!(world.cancels().values().all(|times| *times <= 2), "{steps}");
        check(&world.path, &world);
    }
}

/// All names, settled ones as well.
fn names_of(world: &World) -> Vec<Target> {
    let names = world.truth().into_keys();
    names
        .map(|name| Target::new(name.parse().unwrap()))
        .collect()
}

/// A lost file does not tell the calls before it: the window passes first.
#[tokio::test(start_paused = true)]
async fn a_file_that_is_lost_costs_one_window() {
    let world = world(24);
    Feed::create(&world.path, &settings(&world), day()).unwrap();
    let mut first = feed(&world, names(&world));
    while calls(&world).len() < 20 {
        let _ = tokio::time::timeout(Duration::from_millis(5), first.next()).await;
    }
    drop(first);
    let lost = world.shared.with(|_, now| now).as_millis() as u64;
    let sent = calls(&world).len();
    assert!(lost < 1000, "{lost}");
    for file in std::fs::read_dir(world.path.parent().unwrap()).unwrap() {
        std::fs::remove_file(file.unwrap().path()).unwrap();
    }
    // A worker that is killed while it waits goes on waiting, and no longer than that.
    let mut killed = feed(&world, names_of(&world));
    let waited = tokio::time::timeout(Duration::from_millis(500), killed.next()).await;
    assert!(waited.is_err());
    drop(killed);
    let mut again = feed(&world, names_of(&world));
    assert_eq!(rows(&mut again).await.len(), 24);
    let after = calls(&world)[sent];
    assert!(after >= lost + 1000, "{after}, lost at {lost}");
    assert_eq!(refused(&world), 0);
    again.end("done").unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_damaged_file_is_kept_aside_and_costs_one_window() {
    let world = world(3);
    Feed::create(&world.path, &settings(&world), day()).unwrap();
    let mut first = feed(&world, names(&world));
    rows(&mut first).await;
    first.end("done").unwrap();
    let mut bytes = std::fs::read(&world.path).unwrap();
    let name = names_of(&world)[0].name.to_string();
    let places = bytes
        .windows(name.len())
        .position(|part| part == name.as_bytes());
    bytes[places.unwrap()] ^= 1;
    std::fs::write(&world.path, &bytes).unwrap();

    let before = world.shared.with(|_, now| now).as_millis() as u64;
    let sent = calls(&world).len();
    let mut again = feed(&world, names_of(&world));
    assert_eq!(rows(&mut again).await.len(), 3);
    again.end("done").unwrap();
    assert!(calls(&world)[sent] >= before + 1000);
    let folder = std::fs::read_dir(world.path.parent().unwrap()).unwrap();
    let files = folder.map(|file| file.unwrap().path());
    let aside: Vec<_> = files.filter(|file| *file != world.path).collect();
    assert_eq!(aside.len(), 1, "{aside:?}");
    assert_eq!(std::fs::read(&aside[0]).unwrap(), bytes);
}

/// A disk that is full ends the feed: nothing is sent that is not in the file.
#[tokio::test(start_paused = true)]
async fn nothing_is_sent_that_the_disk_does_not_take() {
    let world = world(200);
    Feed::create(&world.path, &settings(&world), day()).unwrap();
    let mut errors = 0;
    for pages in 26..60 {
        let mut file = Feed::open(&world.path, &settings(&world), day()).unwrap();
        file.job().limit_pages(Some(pages)).unwrap();
        let names = stream::iter(names_of(&world));
        let Ok(mut feed) = Feed::begin_by(&world.client, file, names, day) else {
            continue;
        };
        let mut failed = None::<JobError>;
        while let Some(row) = feed.next().await {
            failed = row.err().or(failed);
        }
        let view = View::open(&world.path).unwrap();
        let asked: BTreeMap<_, _> = view
            .rows()
            .map(|row| row.unwrap())
            .map(|row| (row.target.name.to_string(), row.progress.attempts))
            .collect();
        for name in world.cancels().keys() {
            assert!(
                asked[name] > 0,
                "{name} was sent, and the file does not know"
            );
        }
        match failed {
            Some(error) => {
                assert!(matches!(error.kind(), JobErrorKind::Disk { .. }), "{error}");
                errors += 1;
            }
            None => break,
        }
    }
    assert!(errors > 3, "{errors}");
    assert_eq!(refused(&world), 0);
}

/// A token that is refused: each name has a row, which says why, and the next feed goes on.
#[tokio::test(start_paused = true)]
async fn a_lane_that_is_refused_gives_a_row_for_each_name() {
    let mut world = world(12);
    let endpoint: Endpoint = "http://127.0.0.1".parse().unwrap();
    let token = Token::new("another-token").unwrap();
    let transport = Authorized::new(endpoint.clone(), token, world.shared.clone());
    let refused = Client::new(transport).endpoint(endpoint);
    let good = std::mem::replace(&mut world.client, refused);
    Feed::create(&world.path, &settings(&world), day()).unwrap();
    let mut first = feed(&world, names(&world));
    let told = rows(&mut first).await;
    first.end("done").unwrap();
    assert_eq!(told.len(), 12);
    for row in told.values() {
        let facts = row
            .progress
            .resolution
            .as_ref()
            .unwrap()
            .error_facts()
            .unwrap();
        let keys = [ErrorKey::Unauthenticated, ErrorKey::NotAttempted];
        assert!(keys.contains(&facts.key), "{facts:?}");
    }
    world.client = good;
    let mut again = feed(&world, names(&world));
    let told = rows(&mut again).await;
    assert!(
        told.values()
            .all(|row| RowState::of(row) == RowState::Cancelled)
    );
    again.end("done").unwrap();
}

/// A file does not say where a token goes, nor which operations are meant.
#[tokio::test(start_paused = true)]
async fn fault_57_the_lane_and_the_names_of_a_feed_are_the_callers() {
    let world = world(4);
    Feed::create(&world.path, &settings(&world), day()).unwrap();
    let refused = |change: fn(&mut Lane)| {
        let mut settings = settings(&world);
        change(settings.lane_mut());
        Feed::open(&world.path, &settings, day()).unwrap_err()
    };
    for change in [
        (|lane| lane.project = Some("south".to_owned())) as fn(&mut Lane),
        |lane| lane.name = "south".to_owned(),
        |lane| lane.name.clear(),
        |lane| lane.parents.push("enterprises/e".parse().unwrap()),
    ] {
        assert!(matches!(refused(change), Refusal::OtherLane { .. }));
    }
    let other = refused(|lane| lane.endpoint = "http://127.0.0.2/v1".to_owned());
    assert!(matches!(other, Refusal::OtherEndpoint { .. }));

    // Names that stand in the file and are not given are left alone.
    let given = names(&world);
    let mut file = Feed::open(&world.path, &settings(&world), day()).unwrap();
    let found = given
        .iter()
        .cloned()
        .map(countermand_fleet::store::Record::Found);
    file.job().record(&found.collect::<Vec<_>>()).unwrap();
    drop(file);
    let mut one = feed(&world, given[..1].to_vec());
    assert_eq!(rows(&mut one).await.len(), 1);
    one.end("done").unwrap();
    assert_eq!(world.cancels().len(), 1);

    // A plan is no file of a feed.
    std::fs::remove_file(&world.path).unwrap();
    world.plan().await.close().unwrap();
    let error = Feed::open(&world.path, &settings(&world), day()).unwrap_err();
    assert!(
        matches!(&error, Refusal::Job(error) if matches!(error.kind(), JobErrorKind::OtherKind { .. })),
        "{error}"
    );
}

/// Names are pulled as there is room for them, and a caller that leaves ends it.
#[tokio::test(start_paused = true)]
async fn names_are_pulled_as_there_is_room() {
    let world = world(40);
    Feed::create(&world.path, &settings(&world), day()).unwrap();
    let pulled = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&pulled);
    let known = names(&world);
    let endless = stream::iter(0_usize..).map(move |number| {
        count.fetch_add(1, Ordering::SeqCst);
        let other = format!("enterprises/e/devices/d/operations/{number}");
        let name: OperationName = other.parse().unwrap();
        known
            .get(number)
            .cloned()
            .unwrap_or_else(|| Target::new(name))
    });
    let file = Feed::open(&world.path, &settings(&world), day()).unwrap();
    let mut feed = Feed::begin_by(&world.client, file, endless, day).unwrap();
    let _ = tokio::time::timeout(Duration::from_secs(5), feed.next()).await;
    assert!((40..4000).contains(&pulled.load(Ordering::SeqCst)));
    feed.end("closed").unwrap();
    assert!(Job::open(&world.path, now()).is_ok());
}
