//! The rows that an operator has to see, where there is no room for all.

use crate::job_row::JobRow;
use crate::row_state::RowState;

/// The first `most` rows, the worst news first, and of the same news in the job's order.
///
/// Reads every row, and keeps no more than `most`.
///
/// # Errors
/// The first error among them.
pub fn worst<E>(
    rows: impl IntoIterator<Item = Result<JobRow, E>>,
    most: usize,
) -> Result<Vec<JobRow>, E> {
    let mut kept: Vec<(RowState, JobRow)> = Vec::with_capacity(most);
    for row in rows {
        let row = row?;
        let state = RowState::of(&row);
        let at = kept.partition_point(|(other, _)| *other <= state);
        if at < most {
            kept.truncate(most - 1);
            kept.insert(at, (state, row));
        }
    }
    Ok(kept.into_iter().map(|(_, row)| row).collect())
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use countermand_core::{Timestamp, Verdict};

    use super::*;
    use crate::job_row::{Resolution, Target};

    #[test]
    fn the_worst_come_first_and_no_more_than_asked_for() {
        let verdicts = [
            Some(Verdict::Cancelled),
            Some(Verdict::Gone),
            None,
            Some(Verdict::Completed),
            Some(Verdict::Gone),
        ];
        let rows = verdicts.iter().zip(1..).map(|(verdict, position)| {
            let name = format!("enterprises/e/devices/d/operations/{position}");
            let mut row = JobRow::new(position, Target::new(name.parse().unwrap()));
            row.progress.resolution = verdict
                .map(|verdict| Resolution::new(Timestamp::from_unix_millis(1), Some(verdict)));
            Ok::<_, Infallible>(row)
        });
        for most in 0..7 {
            let worst = worst(rows.clone(), most).unwrap();
            let positions = worst.iter().map(|row| row.position).collect::<Vec<_>>();
            assert_eq!(positions, [4, 2, 5, 3, 1][..most.min(5)]);
        }
    }
}
