//! Settings of a job: kept in its file, so that each run does the same.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use countermand_core::{Endpoint, GrandparentName, Policy, words};
use countermand_scheduler::{Quota, Window};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::filter::Filter;
use crate::job_row::JobRow;
use crate::seconds;

/// The settings of a job, as readable JSON in its file.
///
/// Durations are `600s`, windows `600/60s,1000/100s`. A field that this version does not know is
/// an error: to leave it out could mean to cancel more than was wanted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {
    /// The kind of the job.
    pub kind: Kind,
    /// Root and version of the API, `https://androidmanagement.googleapis.com/v1`.
    pub endpoint: String,
    /// The project's quota windows, all at once; none for no limit.
    #[serde(with = "list")]
    pub quota: Vec<Window>,
    /// The window for one method on one device or enterprise.
    #[serde(with = "text")]
    pub per_resource: Option<Window>,
    /// The part of the quota that is the job's, from 0 to 1.
    pub share: f64,
    /// The time limit of an operation.
    #[serde(with = "seconds")]
    pub deadline: Duration,
    /// The greatest age of a plan when it is first applied.
    #[serde(with = "seconds")]
    pub max_age: Duration,
    /// The enterprises that are searched; empty when names were given.
    pub enterprises: Vec<GrandparentName>,
    /// The filter of the search.
    pub filter: Filter,
    /// The greatest number of operations that a rescue cancels.
    pub max: Option<u64>,
}

words! {
    /// The kind of a job: the way in which it comes by its operations.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
    #[serde(rename_all = "lowercase")]
    #[expect(
        clippy::exhaustive_enums,
        reason = "a program that runs jobs acts on each of them"
    )]
    pub enum Kind {
        /// They are settled before the first request and never change afterwards.
        Plan = "plan",
        /// They are found while it runs.
        Rescue = "rescue",
    }
}

impl Settings {
    /// The number of operations that a rescue cancels at most, unless its caller says another.
    pub const MAX_OF_RESCUE: u64 = 10_000;

    /// The number of operations, from the first one, that a run takes up.
    pub(crate) fn most(&self) -> u64 {
        let max = self.max.filter(|_| self.kind == Kind::Rescue);
        max.unwrap_or(u64::MAX)
    }

    /// The row, with the words of the limit of a rescue about it.
    pub(crate) fn limited(&self, mut row: JobRow) -> JobRow {
        row.beyond_max = row.position > self.most();
        row
    }

    /// A job of this kind for Google's endpoint, with the documented quota, the deadline of a
    /// [`Policy`] and a plan that is good for an hour.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        let mut settings = Self {
            kind,
            endpoint: Endpoint::default().to_string(),
            quota: Vec::new(),
            per_resource: None,
            share: 1.0,
            deadline: Policy::default().get_deadline(),
            max_age: Duration::from_secs(3600),
            enterprises: Vec::new(),
            filter: Filter::default(),
            max: None,
        };
        settings.set_quota(&Quota::default());
        settings
    }

    /// Takes over a quota.
    pub fn set_quota(&mut self, quota: &Quota) {
        self.quota = quota.get_windows().to_vec();
        self.per_resource = quota.get_per_resource();
        self.share = quota.get_share();
    }

    /// The quota these settings describe.
    #[must_use]
    pub fn quota(&self) -> Quota {
        Quota::unlimited()
            .windows(self.quota.iter().copied())
            .per_resource(self.per_resource)
            .share(self.share)
    }
}

/// A value as the text that its own parser reads; absent is `null`.
mod text {
    use super::*;

    pub(super) fn serialize<T: Display, S: Serializer>(
        value: &Option<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => serializer.collect_str(value),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, T, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<T>, D::Error>
    where
        T: FromStr<Err: Display>,
    {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| text.parse().map_err(Error::custom))
            .transpose()
    }
}

/// Windows, separated by commas; none are `null`.
mod list {
    use super::*;

    pub(super) fn serialize<S: Serializer>(
        windows: &[Window],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let texts = windows.iter().map(Window::to_string).collect::<Vec<_>>();
        text::serialize(
            &Some(texts.join(",")).filter(|text| !text.is_empty()),
            serializer,
        )
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<Window>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        let windows = text.iter().flat_map(|text| text.split(','));
        windows
            .map(|window| window.parse().map_err(Error::custom))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_read_back_what_they_wrote() {
        let mut settings = Settings::new(Kind::Rescue);
        for _ in 0..2 {
            let json = serde_json::to_string(&settings).unwrap();
            assert_eq!(serde_json::from_str::<Settings>(&json).unwrap(), settings);
            settings.quota.clear();
            settings.per_resource = None;
            settings.deadline = Duration::from_millis(1500);
        }
    }

    #[test]
    fn an_unknown_field_is_refused() {
        let json = serde_json::to_string(&Settings::new(Kind::Plan)).unwrap();
        let json = json.replacen('{', r#"{"only_on_sundays":true,"#, 1);
        let error = serde_json::from_str::<Settings>(&json).unwrap_err();
        assert!(error.to_string().contains("only_on_sundays"), "{error}");
    }
}
