//! The two curves of a job, cancels sent and ends known, as the geometry of a small picture.

use std::fmt::Write;

use countermand_core::Timestamp;

use super::html_rows::moment;
use super::summary::RunSpan;
use crate::counts::known;
use crate::job_row::JobRow;
use crate::spell::grouped;

/// The picture's size and the part that the curves take, in units of its view box.
const WIDTH: i64 = 960;
const HEIGHT: i64 = 300;
const LEFT: i64 = 64;
/// Room for half a label after the last mark.
const RIGHT: i64 = WIDTH - 48;
const TOP: i64 = 16;
const BOTTOM: i64 = HEIGHT - 52;

/// The times at which cancels were sent and ends were known, in milliseconds since the epoch: 16 bytes
/// a row.
#[derive(Default)]
pub(super) struct Moments {
    cancels_sent: Vec<i64>,
    known: Vec<i64>,
}

impl Moments {
    pub(super) fn add(&mut self, row: &JobRow) {
        let sent = row.progress.cancel_sent_at.map(Timestamp::unix_millis);
        self.cancels_sent.extend(sent);
        self.known.extend(known(row).map(Timestamp::unix_millis));
    }

    /// Puts them in order.
    pub(super) fn sort(&mut self) {
        self.cancels_sent.sort_unstable();
        self.known.sort_unstable();
    }
}

/// The parts that the template draws. Numbers and fixed words only; nothing comes from a server.
pub(super) struct Timeline {
    pub(super) sent: String,
    pub(super) known: String,
    pub(super) times: Vec<Tick>,
    pub(super) counts: Vec<Tick>,
    /// The runs as `(x, width)`, so that a pause between two of them is seen.
    pub(super) runs: Vec<(i64, i64)>,
    pub(super) description: String,
}

/// A mark of an axis: its place, its text, and a second line under it.
pub(super) struct Tick {
    pub(super) at: i64,
    pub(super) label: String,
    pub(super) second: String,
}

/// From where to where time goes, in milliseconds since the epoch.
#[derive(Clone, Copy)]
struct Span {
    begin: i64,
    end: i64,
}

impl Span {
    /// Of everything there is to draw; at least a second, so that one moment has a place.
    fn of(moments: &Moments, runs: &[RunSpan]) -> Option<Self> {
        let ends = [moments.cancels_sent.last(), moments.known.last()];
        let begins = [moments.cancels_sent.first(), moments.known.first()];
        let begin = begins.into_iter().flatten().min()?;
        let end = ends.into_iter().flatten().max()?;
        // A run that began just before belongs to it; one from long ago would squeeze the curves.
        let run = runs.iter().map(|run| run.begun.unix_millis());
        let begin = run
            .filter(|run| run < begin && begin.saturating_sub(*run) < 3_600_000)
            .min()
            .unwrap_or(*begin);
        let end = (*end).max(begin.saturating_add(1000));
        Some(Self { begin, end })
    }

    fn length(self) -> i64 {
        self.end.saturating_sub(self.begin).max(1)
    }

    fn x(self, time: i64) -> i64 {
        let part = i128::from(time.clamp(self.begin, self.end)) - i128::from(self.begin);
        let x = part * i128::from(RIGHT - LEFT) / i128::from(self.length());
        (LEFT + i64::try_from(x).unwrap_or(0)).min(RIGHT)
    }
}

impl Timeline {
    /// `None` where nothing was sent and nothing is known.
    pub(super) fn of(rows: u64, moments: &Moments, runs: &[RunSpan]) -> Option<Self> {
        let span = Span::of(moments, runs)?;
        let most = rows.max(1);
        Some(Self {
            sent: curve(&moments.cancels_sent, span, most),
            known: curve(&moments.known, span, most),
            times: times(span),
            counts: counts(most),
            runs: shades(moments, runs, span),
            description: format!(
                "From {} to {}: {} of {} operations had their first cancel sent, the end of {} was known.",
                moment(Some(Timestamp::from_unix_millis(span.begin))),
                moment(Some(Timestamp::from_unix_millis(span.end))),
                grouped(moments.cancels_sent.len() as u64),
                grouped(rows),
                grouped(moments.known.len() as u64),
            ),
        })
    }
}

fn y(count: u64, most: u64) -> i64 {
    let up = u128::from(count) * (BOTTOM - TOP).unsigned_abs() as u128 / u128::from(most);
    BOTTOM - i64::try_from(up).unwrap_or(0)
}

/// A path that rises by one for each time. Moments that fall on the same unit of the picture are
/// one step, so a million of them make a path of some thousand characters.
fn curve(times: &[i64], span: Span, most: u64) -> String {
    let mut path = format!("M{LEFT} {BOTTOM}");
    let mut rest = times;
    let mut count = 0;
    let mut height = BOTTOM;
    while let Some(first) = rest.first() {
        let x = span.x(*first);
        let here = rest.partition_point(|time| span.x(*time) <= x);
        count += here as u64;
        rest = &rest[here..];
        let now = y(count, most);
        if now != height {
            height = now;
            let _ = write!(path, "H{x}V{height}");
        }
    }
    let _ = write!(path, "H{RIGHT}");
    path
}

/// Spans in which runs were at work. A run without an end goes on or was killed: its span lasts
/// until the last event before the next run.
fn shades(moments: &Moments, runs: &[RunSpan], span: Span) -> Vec<(i64, i64)> {
    let next = runs.iter().skip(1).map(|run| run.begun.unix_millis());
    let next = next.chain([i64::MAX]);
    let shade = |(run, next): (&RunSpan, i64)| {
        let began = run.begun.unix_millis();
        let last = |times: &[i64]| {
            let before = times.partition_point(|time| *time < next);
            times[..before].last().copied()
        };
        let happened = last(&moments.cancels_sent).max(last(&moments.known));
        let ended = run.ended.map(Timestamp::unix_millis).or(happened)?;
        if began > span.end || ended < span.begin.max(began) {
            return None;
        }
        let x = span.x(began);
        Some((x, (span.x(ended) - x).max(1)))
    };
    runs.iter().zip(next).filter_map(shade).collect()
}

/// Marks at round distances from the beginning, with the time of day in UTC.
fn times(span: Span) -> Vec<Tick> {
    const SECOND: i64 = 1000;
    const STEPS: [i64; 23] = [
        1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200,
        86_400, 172_800, 432_000, 864_000, 2_592_000, 8_640_000,
    ];
    let fits = |step: &&i64| span.length() / (**step * SECOND) <= 8;
    // Beyond all sense a clock was wrong; eight marks then still fit.
    let step = STEPS
        .iter()
        .find(fits)
        .map_or(span.length() / 8, |step| step * SECOND);
    (0..=8)
        .map(|number| span.begin.saturating_add(step.saturating_mul(number)))
        .take_while(|time| *time <= span.end)
        .map(|time| Tick {
            at: span.x(time),
            label: elapsed(time.saturating_sub(span.begin) / SECOND),
            second: clock(time),
        })
        .collect()
}

fn elapsed(seconds: i64) -> String {
    match seconds {
        0 => "0".to_owned(),
        _ if seconds % 86_400 == 0 => format!("{} d", seconds / 86_400),
        _ if seconds % 3600 == 0 => format!("{} h", seconds / 3600),
        _ if seconds % 60 == 0 => format!("{} min", seconds / 60),
        1..60 => format!("{seconds} s"),
        _ => format!("{}:{:02} min", seconds / 60, seconds % 60),
    }
}

/// The time of day, out of RFC 3339.
fn clock(time: i64) -> String {
    let text = Timestamp::from_unix_millis(time).to_string();
    let clock = text.split_once('T').and_then(|(_, clock)| clock.get(..8));
    clock.unwrap_or_default().to_owned()
}

/// Round numbers up to `most`, and `most` itself.
fn counts(most: u64) -> Vec<Tick> {
    let tick = |count: u64| Tick {
        at: y(count, most),
        label: grouped(count),
        second: String::new(),
    };
    let scale = 10_u64.pow((most / 4).max(1).ilog10());
    let step = [1, 2, 5, 10]
        .into_iter()
        .map(|factor| scale.saturating_mul(factor))
        .find(|step| most / step <= 4)
        .unwrap_or(most);
    let below = (0..4).map(|number| step.saturating_mul(number));
    // None that would touch the one at the top.
    below
        .take_while(|count| count.saturating_add(step / 3) < most)
        .chain([most])
        .map(tick)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeline(cancels_sent: Vec<i64>, known: Vec<i64>, runs: &[RunSpan]) -> Option<Timeline> {
        let rows = cancels_sent.len() as u64;
        Timeline::of(
            rows,
            &Moments {
                cancels_sent,
                known,
            },
            runs,
        )
    }

    #[test]
    fn nothing_has_no_picture() {
        assert!(timeline(vec![], vec![], &[]).is_none());
    }

    #[test]
    fn one_moment_is_one_step() {
        let timeline = timeline(vec![5], vec![5], &[]).unwrap();
        assert_eq!(timeline.sent, "M64 248H64V16H912");
        assert_eq!(timeline.known, timeline.sent);
        assert_eq!(timeline.counts.len(), 2);
        assert_eq!(timeline.times[0].second, "00:00:00");
    }

    #[test]
    fn a_hundred_thousand_moments_are_a_short_line() {
        let asked: Vec<i64> = (0..100_000).map(|number| number * 7).collect();
        let timeline = timeline(asked, vec![699_993], &[]).unwrap();
        assert!(timeline.sent.len() < 10_000, "{}", timeline.sent.len());
        assert!(timeline.sent.ends_with("V16H912"), "all of them at the end");
        // Half of them at half the time.
        let steps = timeline.sent.split('H').skip(1);
        let steps = steps.filter_map(|step| {
            let (x, y) = step.split_once('V')?;
            Some((x.parse::<i64>().ok()?, y.parse::<i64>().ok()?))
        });
        let (_, height) = steps.take_while(|(x, _)| *x <= 488).last().unwrap();
        assert!((height - 132).abs() <= 1, "{height}");
        assert_eq!(timeline.known, "M64 248H912", "one of 100,000 is no height");
        let labels: Vec<_> = timeline.times.iter().map(|tick| &*tick.label).collect();
        assert_eq!(labels, ["0", "2 min", "4 min", "6 min", "8 min", "10 min"]);
        let counts: Vec<_> = timeline.counts.iter().map(|tick| &*tick.label).collect();
        assert_eq!(counts, ["0", "50,000", "100,000"]);
    }

    #[test]
    fn a_pause_between_runs_is_not_shaded() {
        let timeline = |runs: &[RunSpan]| {
            let known = vec![1000, 10_000];
            timeline(vec![0, 1000, 9000, 10_000], known, runs).unwrap()
        };
        let run = |begun, ended: Option<i64>| RunSpan {
            begun: Timestamp::from_unix_millis(begun),
            ended: ended.map(Timestamp::from_unix_millis),
        };
        let killed = [run(0, None), run(8900, None)];
        assert_eq!(timeline(&killed).runs, [(64, 84), (818, 94)]);
        let ended = [run(0, Some(5000)), run(20_000, None)];
        assert_eq!(
            timeline(&ended).runs,
            [(64, 424)],
            "what is beyond the curves is not drawn"
        );
    }

    #[test]
    fn absurd_clocks_are_drawn() {
        for (first, last) in [(i64::MIN, i64::MAX), (0, i64::MAX), (i64::MIN, 0), (-1, 1)] {
            let timeline = timeline(vec![first, last], vec![], &[]).unwrap();
            assert!(timeline.times.len() <= 9);
        }
    }
}
