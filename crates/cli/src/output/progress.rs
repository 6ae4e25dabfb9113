//! Shows progress on standard error: bars on a terminal, elsewhere a line now and then.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use console::Term;
use countermand_fleet::grouped;
use countermand_fleet::{JobProgress, now};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output::{screen, streams};

/// The period of the bars.
const TICK: Duration = Duration::from_millis(200);

/// The period of lines, while the figures change.
const LINE: Duration = Duration::from_secs(5);

/// The period of lines, while they do not.
const REST: Duration = Duration::from_secs(30);

/// Columns of a bar, where there is room.
const BAR: usize = 24;

/// The bars, hidden until something is expected. Clones are the same bars.
#[derive(Clone)]
pub(crate) struct Bars {
    /// All lines are one message, so that no bar moves without its words.
    bar: ProgressBar,
    /// The last line that was written instead, and when.
    told: Arc<Mutex<Option<(String, Instant)>>>,
}

impl Bars {
    pub(crate) fn hidden() -> Self {
        Self {
            bar: ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()),
            told: Arc::default(),
        }
    }

    /// Shows them, if standard error is a terminal. Gives how often there is something to tell.
    pub(crate) fn show(&self) -> Duration {
        if ProgressDrawTarget::stderr().is_hidden() {
            return LINE;
        }
        // The template is a constant, and a bar in the plain style is no harm.
        if let Ok(style) = ProgressStyle::with_template("{msg}") {
            self.bar.set_style(style);
        }
        self.bar.set_draw_target(screen::stderr());
        TICK
    }

    pub(crate) fn set(&self, progress: &JobProgress) {
        if self.bar.is_hidden() {
            return self.tell(progress);
        }
        let width = usize::from(Term::stderr().size().1);
        self.bar.set_message(lines(progress, width).join("\n"));
        self.bar.tick();
    }

    /// Writes a line, if something has changed or the last one is long ago.
    fn tell(&self, progress: &JobProgress) {
        let figures = [progress.search_words(), progress.counts()];
        let figures = figures.into_iter().flatten().collect::<String>();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let same = told
            .as_ref()
            .is_some_and(|(last, at)| *last == figures && rests(at.elapsed()));
        if same {
            return;
        }
        *told = Some((figures, Instant::now()));
        streams::note(&format!("{} {}", time_of_day(), progress.line()));
    }

    /// Writes without the bars in the way.
    pub(crate) fn suspend<T>(&self, write: impl FnOnce() -> T) -> T {
        self.bar.suspend(write)
    }

    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

/// Figures that have not changed for so long are not worth a line. The next chance for one is a
/// [`LINE`] later, which must not be too late.
fn rests(unchanged: Duration) -> bool {
    unchanged + LINE / 2 < REST
}

/// The time of day in UTC, `07:44:33Z`: out of 2026-11-28T07:44:33.123Z.
pub(crate) fn time_of_day() -> String {
    let time = now().to_string();
    format!("{}Z", time.get(11..19).unwrap_or_default())
}

/// Lines that are drawn, none of them wider than the terminal.
fn lines(progress: &JobProgress, width: usize) -> Vec<String> {
    // A terminal that is full to its last column may wrap.
    let width = width.saturating_sub(1).max(1);
    let mut lines = Vec::new();
    if let Some(search) = &progress.search {
        let more = if search.all_listed { "" } else { "+" };
        let mut figures = format!(
            "{}/{}{more} {}s",
            grouped(search.searched),
            grouped(search.devices),
            search.noun(),
        );
        let found = format!(", {} found", grouped(search.found));
        if 9 + figures.len() + found.len() <= width {
            figures.push_str(&found);
        }
        lines.push(row("searched", search.fraction(), &figures, width));
    }
    if progress.operations > 0 || progress.search.is_none() {
        let (verdicts, all) = (grouped(progress.verdicts), grouped(progress.operations));
        for (word, count, figures) in [
            ("cancels", progress.cancels_sent, progress.cancels()),
            ("verdicts", progress.verdicts, format!("{verdicts}/{all}")),
        ] {
            let part = count as f64 / progress.expected().max(1.0);
            lines.push(row(word, part, &figures, width));
        }
    }
    wrapped(&progress.words(), width, &mut lines);
    lines
}

/// A word, a bar as far as there is room, and figures.
fn row(word: &str, part: f64, figures: &str, width: usize) -> String {
    let room = width.saturating_sub(11 + figures.chars().count());
    let bar = match room.min(BAR) {
        0..4 => String::new(),
        length => {
            let full = (part.clamp(0.0, 1.0) * length as f64) as usize;
            format!("{}{} ", "█".repeat(full), "░".repeat(length - full))
        }
    };
    let line = format!("{word:<8} {bar}{figures}");
    line.chars().take(width).collect()
}

/// Parts one after the other, on as many lines as they need; one that fits a line is not broken.
fn wrapped(parts: &[String], width: usize, lines: &mut Vec<String>) {
    let mut line = String::new();
    for (at, part) in parts.iter().enumerate() {
        let comma = if at + 1 < parts.len() { "," } else { "" };
        let part = format!("{part}{comma}");
        let columns = part.chars().count();
        if columns <= width && line.chars().count() + 1 + columns > width && !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        for word in part.split(' ') {
            let long = line.chars().count() + 1 + word.chars().count() > width;
            if long && !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
            // A word without end is cut like a rope.
            while line.chars().count() > width {
                let rest = line.chars().skip(width).collect();
                lines.push(line.chars().take(width).collect());
                line = rest;
            }
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
}

#[cfg(test)]
mod tests {
    use countermand_core::Service;
    use countermand_fleet::{Meter, Pace, SearchProgress};
    use countermand_scheduler::Quota;

    use super::*;

    /// A rescue of 20,000 devices, a quarter of which is searched.
    fn rescue() -> JobProgress {
        let mut search = SearchProgress::default();
        (search.devices, search.searched, search.pages) = (20_000, 4898, 4898);
        (search.all_listed, search.found) = (true, 4898);
        let mut standing = countermand_scheduler::Progress::default();
        (
            standing.cancels_sent,
            standing.sent,
            standing.quota_remaining,
        ) = (4898, 10_000, Some(12));
        let begun = countermand_core::Time::START;
        let mut meter = Meter::new(begun, Pace::of(&Quota::default(), Service::DEFAULT));
        let now = begun + Duration::from_secs(1250);
        let counted = JobProgress::of_scheduler(&standing, 4898, Some(search));
        meter.measure(now, &standing, counted, None)
    }

    /// A timer fires a little early or late.
    #[test]
    fn fault_51_a_line_comes_each_30_s_at_least() {
        let slack = Duration::from_millis(20);
        for late in [Duration::ZERO, slack, slack * 2] {
            let chances = (1..20).map(|number| LINE * number + late - slack);
            let next = chances.into_iter().find(|at| !rests(*at)).unwrap();
            assert!(next <= REST + slack, "{next:?}");
        }
    }

    #[test]
    fn fault_51_bars_fit_the_terminal() {
        let progress = rescue();
        for width in [1, 2, 20, 40, 60, 80, 120, 200] {
            for line in lines(&progress, width) {
                let columns = line.chars().count();
                assert!(columns < width.max(2), "{columns} of {width}: {line}");
            }
        }
        assert_eq!(
            lines(&progress, 80),
            [
                "searched █████░░░░░░░░░░░░░░░░░░░ 4,898/20,000 devices, 4,898 found",
                "cancels  █████░░░░░░░░░░░░░░░░░░░ 4,898/4,898",
                "verdicts ░░░░░░░░░░░░░░░░░░░░░░░░ 0/4,898",
                "search ends in 62 min 56 s, last cancel in 62 min 56 s,",
                "last verdict in 104 min 36 s, 8.0 requests/s, quota left 12",
            ]
        );
        assert_eq!(
            lines(&progress, 40),
            [
                "searched █░░░░░░░ 4,898/20,000 devices",
                "cancels  ████░░░░░░░░░░░░░ 4,898/4,898",
                "verdicts ░░░░░░░░░░░░░░░░░░░░░ 0/4,898",
                "search ends in 62 min 56 s,",
                "last cancel in 62 min 56 s,",
                "last verdict in 104 min 36 s,",
                "8.0 requests/s, quota left 12",
            ]
        );
    }
}
