//! Whether a job may be applied: what somebody agreed to is what would be cancelled.

use std::collections::BTreeMap;
use std::time::Duration;

use countermand_core::{Endpoint, EnterpriseName, Timestamp};

use crate::job::{Contents, Digest, JobError, Kind};
use crate::{Options, Outline, report};

/// What somebody agreed to when they applied a job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "whoever applies a job fills it in"
)]
pub struct Consent {
    /// The digest of the plan they saw, if they saw it.
    pub digest: Option<Digest>,
    /// How many operations of which enterprises, if they were asked.
    pub counts: Option<BTreeMap<EnterpriseName, u64>>,
}

/// Why a job is not applied. Nothing was sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It is for another server than this client.
    #[error("the job is for {job}, this client for {client}")]
    OtherEndpoint {
        /// The job's.
        job: String,
        /// The client's.
        client: String,
    },
    /// The file holds another plan than the one that was seen.
    #[error("the file holds another plan than before: {found} instead of {seen}")]
    OtherPlan {
        /// The digest of the one that was seen.
        seen: Digest,
        /// The digest of the one in the file.
        found: String,
    },
    /// The plan is too old: what it found may have changed.
    #[error("the plan is {} old and was good for {}: plan again", report::spell(*age), report::spell(*max_age))]
    Stale {
        /// How old it is.
        age: Duration,
        /// How old it may be.
        max_age: Duration,
    },
    /// Nobody agreed to it, or to something else.
    #[error("this cancels {}{}", counts(planned), match agreed {
        None => ", which nobody has confirmed".to_owned(),
        Some(agreed) => format!(", and {} was confirmed", counts(agreed)),
    })]
    Unconfirmed {
        /// How many operations of which enterprises there are.
        planned: BTreeMap<EnterpriseName, u64>,
        /// To what they agreed.
        agreed: Option<BTreeMap<EnterpriseName, u64>>,
    },
    /// The file cannot be read.
    #[error(transparent)]
    Job(#[from] JobError),
}

impl Consent {
    /// Holds it against a job that is about to be applied by a client of this endpoint.
    ///
    /// A plan needs the counts, and must not be too old, until its first run begins: who goes on
    /// with it has the consent of whoever began. Looking again cancels nothing and needs neither.
    /// Nor does a rescue, whose file is only made once somebody has named the enterprises.
    ///
    /// # Errors
    /// Why it must not be applied.
    pub fn check(
        &self,
        job: &Contents,
        endpoint: &Endpoint,
        options: Options,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let (settings, client) = (job.settings(), endpoint.to_string());
        if settings.endpoint != client {
            let job = settings.endpoint.clone();
            return Err(Refusal::OtherEndpoint { job, client });
        }
        if let Some(seen) = self.digest
            && job.digest() != Some(seen)
        {
            let found = job.digest().map(|digest| digest.to_string());
            let found = found.unwrap_or_else(|| "a rescue".to_owned());
            return Err(Refusal::OtherPlan { seen, found });
        }
        let begun = job.runs().next().transpose()?.is_some();
        if settings.kind == Kind::Rescue || begun || options.recheck {
            return Ok(());
        }
        let (age, max_age) = (now.since(job.created()), settings.max_age);
        if age > max_age {
            return Err(Refusal::Stale { age, max_age });
        }
        let planned = Outline::of(job)?.enterprises;
        if planned.is_empty() || self.counts.as_ref() == Some(&planned) {
            return Ok(());
        }
        let agreed = self.counts.clone();
        Err(Refusal::Unconfirmed { planned, agreed })
    }
}

/// `2,000 operations of enterprises/LC01 and 3 of enterprises/LC02`.
fn counts(counts: &BTreeMap<EnterpriseName, u64>) -> String {
    let each = counts.iter().enumerate();
    let each = each.map(|(at, (enterprise, count))| {
        let what = if at == 0 { " operations" } else { "" };
        format!("{}{what} of {enterprise}", report::grouped(*count))
    });
    match each.collect::<Vec<_>>() {
        none if none.is_empty() => "nothing".to_owned(),
        each => each.join(" and "),
    }
}
