//! Writing a plan: all of it at once, or no file.

use std::path::Path;

use countermand_core::{Project, Timestamp};

use crate::filter::{Excluded, Filter};
use crate::input::Evidence;
use crate::job_row::{Resolution, Target};
use crate::lane::Lanes;
use crate::not_searched::NotSearched;
use crate::order;
use crate::search::Findings;
use crate::spell::counted;
use crate::spelling::{SameProject, Spellings};
use crate::store::{Job, JobError, JobErrorKind, Kind, Note, Record, Settings};

/// Number of reasons for an empty plan that are told; the rest is counted.
const REASONS: usize = 3;

/// Contents of a plan.
///
/// ```
/// use countermand_fleet::store::Kind;
/// use countermand_fleet::{Plan, PlanSummary, Settings, Target, now};
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("wipes.job");
///
/// let name = "enterprises/LC01/devices/3f/operations/17".parse()?;
/// let plan = Plan { targets: vec![Target::new(name)], ..Plan::default() };
/// let settings = Settings::new(Kind::Plan);
/// let summary = plan.write(&path, &settings, now(), |job| PlanSummary::of(job))?;
/// assert_eq!(summary.to_cancel, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "the caller fills it in")]
pub struct Plan {
    /// The operations, in the order in which they were given or found.
    pub targets: Vec<Target>,
    /// Other known facts: the calls that the search has spent, the lists that it could not read,
    /// the operations that evidence settles already.
    pub known: Vec<Record>,
    /// Clauses about the operations that were seen and left out, as of [`Excluded::sentence`].
    pub left_out: Vec<String>,
    /// Sends first what does most harm, on devices seen last, instead of what was given first.
    pub by_harm: bool,
}

impl Plan {
    /// Takes an operation that was given, with the proof of its end if its input has one, unless the
    /// filter leaves it out; ages are counted against this time.
    pub fn give(
        &mut self,
        target: Target,
        evidence: Option<Evidence>,
        (filter, at): (&Filter, Timestamp),
        excluded: &mut Excluded,
    ) {
        if !filter.takes_target(&target, at, excluded) {
            return;
        }
        self.known.extend(evidence.map(|evidence| {
            let operation = &evidence.operation;
            let mut resolution = Resolution::new(at, operation.verdict());
            resolution.operation = serde_json::to_value(operation).ok();
            resolution.body_sha256 = evidence.body_sha256;
            let name = target.name.clone();
            Record::Finished { name, resolution }
        }));
        self.targets.push(target);
    }

    /// Takes over what a search has found, and its records: what it missed is noted, and what it has
    /// spent is not spent again.
    pub fn found(&mut self, findings: &mut Findings) {
        self.known.extend(findings.records());
        self.left_out.extend(findings.excluded.clone());
        self.targets.append(&mut findings.targets);
    }

    /// Writes the file, lets `look` read it while it is open, and closes it.
    ///
    /// Operations and what is known of them become a plan in one transaction, so that no plan is
    /// complete without what it cost. After an error there is no file.
    ///
    /// # Errors
    /// [`JobErrorKind::Nothing`] without an operation, [`JobErrorKind::SameProject`] where two may be one,
    /// [`JobErrorKind::Lane`] for one that the lanes of the settings do not place. A file that exists is left alone; the disk's; those of `look`.
    pub fn write<T>(
        self,
        path: impl AsRef<Path>,
        settings: &Settings,
        created: Timestamp,
        look: impl FnOnce(&Job) -> Result<T, JobError>,
    ) -> Result<T, JobError> {
        debug_assert_eq!(settings.kind, Kind::Plan, "a rescue is not planned");
        let path = path.as_ref();
        self.check(settings).map_err(|kind| kind.at(path))?;
        let Self {
            mut targets,
            known,
            by_harm,
            ..
        } = self;
        if by_harm {
            order::by_harm(&mut targets);
        }
        let (job, seen) = Job::create_with(path, settings, created, |job| {
            job.add(targets)?;
            job.freeze_with(&known)?;
            look(job)
        })?;
        job.close()?;
        Ok(seen)
    }

    pub(crate) fn check(&self, settings: &Settings) -> Result<(), JobErrorKind> {
        if self.targets.is_empty() {
            let missed = self.known.iter().filter_map(|record| match record {
                Record::Missed(missed) => Some(missed.sentence()),
                Record::Note { kind, text, .. } if kind == Note::NOT_SEARCHED => {
                    NotSearched::read(text).sentence()
                }
                _ => None,
            });
            let mut why: Vec<_> = self.left_out.iter().cloned().chain(missed).collect();
            let more = why.len().saturating_sub(REASONS);
            if more > 0 {
                why.truncate(REASONS);
                why.push(format!("{} more", counted(more as u64, "reason")));
            }
            return Err(JobErrorKind::Nothing { why });
        }
        let lanes = Lanes::new(&settings.lanes)?;
        for target in &self.targets {
            lanes.of(&target.name)?;
        }
        Ok(self.check_projects()?)
    }

    /// Refuses two operations that may be one: it would be confirmed, and cancelled, twice.
    fn check_projects(&self) -> Result<(), SameProject> {
        let names = || self.targets.iter().map(|target| target.name.as_str());
        let is_number = |name: &&str| Project::of(name).is_some_and(|project| project.is_number);
        let numbers = Spellings::new(names().filter(is_number));
        names().try_for_each(|name| numbers.check(name))
    }
}
