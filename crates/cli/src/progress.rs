//! Cancels sent, which is what matters first, and verdicts known: two bars on a terminal, elsewhere
//! a line now and then.

use std::time::Duration;

use countermand_core::campaign::Progress;
use countermand_fleet::report::spell;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::{output, screen};

/// How often the bars move.
const TICK: Duration = Duration::from_millis(200);

/// How often there is a line instead.
const LINE: Duration = Duration::from_secs(5);

/// The bars, hidden until something is expected. Clones are the same bars.
#[derive(Clone)]
pub(crate) struct Bars {
    both: MultiProgress,
    cancels: ProgressBar,
    verdicts: ProgressBar,
}

impl Bars {
    pub(crate) fn hidden() -> Self {
        let both = MultiProgress::with_draw_target(ProgressDrawTarget::hidden());
        let cancels = both.add(ProgressBar::no_length());
        let verdicts = both.add(ProgressBar::no_length());
        Self {
            both,
            cancels,
            verdicts,
        }
    }

    /// Shows them, if standard error is a terminal. Gives how often there is something to tell.
    pub(crate) fn show(&self, expected: u64) -> Duration {
        let target = ProgressDrawTarget::stderr();
        if target.is_hidden() {
            return LINE;
        }
        for (bar, word) in [(&self.cancels, "cancels "), (&self.verdicts, "verdicts")] {
            bar.set_length(expected);
            bar.set_prefix(word);
            // The template is a constant, and a bar in the plain style is no harm.
            if let Ok(style) = ProgressStyle::with_template("{prefix} {bar:24} {pos}/{len}  {msg}")
            {
                bar.set_style(style);
            }
        }
        self.both.set_draw_target(screen::stderr());
        TICK
    }

    pub(crate) fn set(&self, standing: &Standing) {
        if self.both.is_hidden() {
            return output::note(&standing.line());
        }
        for bar in [&self.cancels, &self.verdicts] {
            bar.set_length(standing.expected);
        }
        self.cancels.set_position(standing.asked);
        self.cancels.set_message(standing.words());
        self.verdicts.set_position(standing.finished);
    }

    /// Writes without the bars in the way.
    pub(crate) fn suspend<T>(&self, write: impl FnOnce() -> T) -> T {
        self.both.suspend(write)
    }

    pub(crate) fn clear(&self) {
        self.cancels.finish_and_clear();
        self.verdicts.finish_and_clear();
    }
}

/// Where a run stands, for people.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    expected: u64,
    asked: u64,
    finished: u64,
    /// Requests a second so far.
    rate: f64,
    quota_left: Option<u32>,
    /// Until the last cancel is sent.
    remaining: Option<Duration>,
}

impl Standing {
    /// After so long, towards so many, at so many requests a second in the long run.
    pub(crate) fn of(
        progress: &Progress,
        elapsed: Duration,
        expected: u64,
        pace: Option<f64>,
    ) -> Self {
        let rate = progress.sent as f64 / elapsed.as_secs_f64().max(0.001);
        let open = expected.saturating_sub(progress.asked);
        let left = progress.quota_left.map_or(0.0, f64::from);
        // What the quota allows at once goes as fast as before; the rest as the quota comes back.
        let quickest = open as f64 / rate.max(0.001);
        let allowed = pace.map_or(0.0, |pace| (open as f64 - left).max(0.0) / pace);
        let remaining = Duration::try_from_secs_f64(quickest.max(allowed)).ok();
        Self {
            expected,
            asked: progress.asked,
            finished: progress.finished,
            rate,
            quota_left: progress.quota_left,
            remaining: remaining.filter(|_| open > 0 && progress.sent > 0),
        }
    }

    /// Where there are no bars.
    fn line(&self) -> String {
        let expected = self.expected;
        format!(
            "cancels {}/{expected}, verdicts {}/{expected}, {}",
            self.asked,
            self.finished,
            self.words(),
        )
    }

    fn words(&self) -> String {
        let mut words = format!("{:.1}/s", self.rate);
        if let Some(left) = self.quota_left {
            words.push_str(&format!(", quota left {left}"));
        }
        if let Some(remaining) = self.remaining {
            words.push_str(&format!(", last cancel in {}", spell(remaining)));
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_estimate_follows_the_quota_and_not_the_first_burst() {
        let mut progress = Progress::default();
        (progress.asked, progress.sent) = (480, 480);
        progress.quota_left = Some(0);
        let second = Duration::from_secs(1);
        let standing = Standing::of(&progress, second, 1280, Some(8.0));
        assert_eq!(
            standing.words(),
            "480.0/s, quota left 0, last cancel in 100 s"
        );
        let line = "cancels 480/1280, verdicts 0/1280, 480.0/s, quota left 0, last cancel in 100 s";
        assert_eq!(standing.line(), line);
        progress.quota_left = None;
        let free = Standing::of(&progress, second, 1440, None);
        assert_eq!(free.words(), "480.0/s, last cancel in 2.0 s");
        progress.asked = 1440;
        let all = Standing::of(&progress, second, 1440, None);
        assert_eq!(all.words(), "480.0/s");
    }
}
