//! Where an instant lies in a chart, and what is written above it: the same in every format.

/// The wall time on a number of cells.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    /// Never 0.
    wall: u64,
    pub(super) n_cells: usize,
}

impl Scale {
    pub(super) fn new(wall: u64, n_cells: usize) -> Self {
        Self {
            wall: wall.max(1),
            n_cells: n_cells.max(1),
        }
    }

    /// Returns the edge between cells that is nearest to an instant. What does not overlap in time
    /// does not overlap between edges.
    pub(super) fn edge(self, at: u64) -> usize {
        let cells = u128::try_from(self.n_cells).unwrap_or(1);
        let edge =
            (u128::from(at) * cells * 2 + u128::from(self.wall)) / (u128::from(self.wall) * 2);
        usize::try_from(edge).map_or(self.n_cells, |edge| edge.min(self.n_cells))
    }

    /// Returns the cell that holds an instant.
    pub(super) fn cell(self, at: u64) -> usize {
        let cells = u128::try_from(self.n_cells).unwrap_or(1);
        let cell = u128::from(at) * cells / u128::from(self.wall);
        usize::try_from(cell).map_or(self.n_cells - 1, |cell| cell.min(self.n_cells - 1))
    }

    /// Returns when a cell begins.
    fn begin(self, cell: usize) -> u64 {
        let cells = u128::try_from(self.n_cells).unwrap_or(1);
        let cell = u128::try_from(cell).unwrap_or(0);
        u64::try_from(u128::from(self.wall) * cell / cells).unwrap_or(u64::MAX)
    }

    /// Returns how long a cell is.
    pub(super) fn length(self, cell: usize) -> u64 {
        (self.begin(cell + 1) - self.begin(cell)).max(1)
    }

    /// Adds to each cell how much of a stretch lies in it.
    pub(super) fn cover(self, start: u64, end: u64, cells: &mut [u64]) {
        if end <= start {
            return;
        }
        let (first, last) = (self.cell(start), self.cell(end - 1));
        for (cell, covered) in (first..).zip(&mut cells[first..=last]) {
            let from = start.max(self.begin(cell));
            let until = end.min(self.begin(cell + 1));
            *covered += until.saturating_sub(from);
        }
    }

    /// Returns the marks of the axis, at least so many cells apart: where, and what is written there.
    pub(super) fn ticks(self, fewest_cells: usize) -> Vec<(usize, String)> {
        let room = |step: u64| self.edge(step) >= fewest_cells;
        let mut steps = STEPS.iter().map(|&millis| millis * 1_000_000);
        let step = steps.find(|&step| room(step)).unwrap_or_else(|| {
            let days = |n: u32| DAY.saturating_mul(1_u64 << n);
            let mut steps = (0..40).map(days);
            steps.find(|&step| room(step)).unwrap_or(u64::MAX)
        });
        let n_ticks = self.wall / step;
        let ticks = (0..=n_ticks).map(|n| (self.edge(n * step), label(n * step, self.wall)));
        ticks.collect()
    }
}

const DAY: u64 = 86_400_000_000_000;

/// How far apart marks may be, in milliseconds: what people count in.
const STEPS: [u64; 28] = [
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 20_000, 30_000,
    60_000, 120_000, 300_000, 600_000, 900_000, 1_200_000, 1_800_000, 3_600_000, 7_200_000,
    14_400_000, 21_600_000, 43_200_000,
];

/// Writes an instant: `250ms`, `1.5s`, `2:30`, `1:02:30`, all of one axis alike.
fn label(at: u64, wall: u64) -> String {
    let millis = at / 1_000_000;
    let seconds = millis / 1000;
    match wall / 1_000_000 {
        _ if at == 0 => "0".to_owned(),
        0..1_000 => format!("{millis}ms"),
        1_000..60_000 if millis.is_multiple_of(1000) => format!("{seconds}s"),
        1_000..60_000 => format!("{}.{}s", seconds, millis % 1000 / 100),
        60_000..3_600_000 => format!("{}:{:02}", seconds / 60, seconds % 60),
        _ => format!(
            "{}:{:02}:{:02}",
            seconds / 3600,
            seconds / 60 % 60,
            seconds % 60
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_round_and_have_room() {
        let marks = |seconds_in_millis: u64, n_cells| {
            let scale = Scale::new(seconds_in_millis * 1_000_000, n_cells);
            let ticks = scale.ticks(9);
            let texts: Vec<String> = ticks.into_iter().map(|(_, text)| text).collect();
            texts.join(" ")
        };
        assert_eq!(marks(760_300, 60), "0 2:00 4:00 6:00 8:00 10:00 12:00");
        assert_eq!(marks(6_000, 60), "0 1s 2s 3s 4s 5s 6s");
        assert_eq!(marks(2_500, 60), "0 0.5s 1s 1.5s 2s 2.5s");
        assert_eq!(marks(3, 40), "0 1ms 2ms 3ms");
        assert_eq!(marks(0, 40), "0");
        assert_eq!(
            marks(36_000_000, 50),
            "0 2:00:00 4:00:00 6:00:00 8:00:00 10:00:00"
        );
        assert!(marks(u64::MAX / 1_000_000, 20).starts_with("0 "));
    }

    #[test]
    fn cells_take_up_all_of_a_stretch() {
        let scale = Scale::new(1000, 7);
        let mut cells = vec![0; 7];
        scale.cover(0, 1000, &mut cells);
        scale.cover(13, 14, &mut cells);
        scale.cover(500, 500, &mut cells);
        scale.cover(999, 1000, &mut cells);
        assert_eq!(cells.iter().sum::<u64>(), 1002);
    }
}
