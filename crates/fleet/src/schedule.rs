//! The scheduler of a job: its quota, and how it is shared.

use countermand_core::{OperationName, Phase, Policy, Timestamp};
use countermand_scheduler::{PastCall, Scheduler};

use crate::lane::{LaneError, Lanes};
use crate::store::{Contents, JobError, JobErrorKind, LEAVING, Settings, Uptime};

/// Options of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "each of them is the caller's to set"
)]
pub struct Options {
    /// Requests in flight at a time: 100 by default. Several lanes share them, and each has eight at least.
    pub in_flight: usize,
    /// Only looks again at operations whose cancel was sent and that are not settled; cancels nothing.
    pub recheck: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            in_flight: 100,
            recheck: false,
        }
    }
}

impl Options {
    /// The fewest requests in flight of one of several lanes: enough for a quota of 600 calls a minute where an
    /// answer takes half a second.
    const FEWEST: usize = 8;

    /// The requests in flight of each of so many lanes.
    #[must_use]
    pub fn in_flight_of_each(self, lanes: usize) -> usize {
        let fewest = self.in_flight.min(Self::FEWEST);
        (self.in_flight / lanes.max(1)).max(fewest)
    }
}

/// Operations of a lane, and how far each had come, in pieces of which each is freed when the last of it was taken.
pub(crate) type Pieces = Vec<Vec<(OperationName, Phase)>>;

/// The longest piece.
const PIECE: usize = 1024;

/// The operations that a run takes up, by the places of their lanes.
pub(crate) struct TakenUp {
    pub(crate) lanes: Vec<Pieces>,
    /// Operations that a recheck leaves alone, because their service has no method that shows them.
    pub(crate) not_rechecked: u64,
}

impl TakenUp {
    pub(crate) fn of(job: &Contents, recheck: bool) -> Result<Self, JobError> {
        let settings = job.settings();
        let refuse = |error: LaneError| JobErrorKind::from(error).at(job.path());
        let lanes = Lanes::new(&settings.lanes).map_err(refuse)?;
        let mut all = Self {
            lanes: vec![Vec::new(); settings.lanes.len()],
            not_rechecked: 0,
        };
        for row in job.rows() {
            let row = row?;
            all.not_rechecked += u64::from(recheck && row.cannot_be_rechecked());
            if let Some(phase) = row.taken_up(recheck) {
                let name = row.target.name;
                let lane = lanes.of(&name).map_err(refuse)?;
                let pieces = &mut all.lanes[lane];
                match pieces.last_mut() {
                    Some(last) if last.len() < PIECE => last.push((name, phase)),
                    _ => pieces.push(vec![(name, phase)]),
                }
            }
        }
        Ok(all)
    }

    pub(crate) fn count(&self) -> u64 {
        let pieces = self.lanes.iter().flatten();
        pieces.map(|names| names.len() as u64).sum()
    }
}

/// The scheduler of a lane of these settings, which knows the calls of earlier runs of the job.
pub(crate) fn scheduler(
    job: &Contents,
    (settings, lane): (&Settings, usize),
    options: Options,
    wall: Timestamp,
    uptime: Option<&Uptime>,
) -> Result<Scheduler, JobError> {
    let spent = job.spent(lane, wall, uptime)?;
    let clock = countermand::hyper::monotonic_now();
    // Lanes that begin at once do not wait for the same moments.
    let seed = wall.unix_millis().unsigned_abs().wrapping_add(lane as u64);
    let mut scheduler = Scheduler::new(seed)
        .policy(Policy::default().deadline(settings.deadline))
        .quota(settings.lanes[lane].quota())
        .in_flight(options.in_flight_of_each(settings.lanes.len()))
        .probe_on();
    let limiter = scheduler.rate_limiter();
    for window in &spent.lowered {
        limiter.lower(window.limit(), window.span());
    }
    limiter.restore(clock, spent.calls.into_iter().map(sent_later));
    if let Some(left) = spent.pause {
        limiter.pause_until(clock + left);
    }
    Ok(scheduler)
}

/// A call of an earlier run was written down before it left, at most so long: beside windows of
/// minutes it costs nothing.
fn sent_later(mut spent: PastCall) -> PastCall {
    spent.age = spent.age.saturating_sub(LEAVING);
    spent
}
