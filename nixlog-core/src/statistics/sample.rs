//! The middle of some numbers, and how far they lie apart.

/// Some measurements of the same thing, in brief.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Spread {
    /// How many.
    pub n: usize,
    /// The one in the middle, or between the two in the middle.
    pub median: f64,
    /// The quartiles: half of all lie between these. `None` of a single one, which has no spread.
    pub quartiles: Option<(f64, f64)>,
}

/// Returns the median and the quartiles; `None` of nothing.
#[must_use]
pub fn spread(values: &[f64]) -> Option<Spread> {
    let sorted = sorted(values);
    let median = of_sorted(&sorted, 0.5)?;
    let quartiles = of_sorted(&sorted, 0.25).zip(of_sorted(&sorted, 0.75));
    Some(Spread {
        n: sorted.len(),
        median,
        quartiles: quartiles.filter(|_| sorted.len() > 1),
    })
}

/// Returns the one in the middle, or what lies between the two in the middle; `None` of nothing.
#[must_use]
pub fn median(values: &[f64]) -> Option<f64> {
    of_sorted(&sorted(values), 0.5)
}

pub(super) fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// Returns the quantile of sorted values: definition 7 of Hyndman and Fan, "Sample quantiles in statistical
/// packages", The American Statistician 50 (1996). `share` is from 0 to 1; `None` of nothing.
#[must_use]
pub fn of_sorted(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let place = share.clamp(0.0, 1.0) * last as f64;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it lies between 0 and the last place"
    )]
    let below = (place.floor() as usize).min(last);
    let above = (below + 1).min(last);
    let part = place - below as f64;
    Some(sorted[below] + (sorted[above] - sorted[below]) * part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        assert_eq!(spread(&[]), None);
        let one = spread(&[3.0]).expect("of one");
        assert_eq!((one.n, one.median, one.quartiles), (1, 3.0, None));
        let five = spread(&[5.0, 1.0, 4.0, 2.0, 3.0]).expect("of five");
        assert_eq!((five.median, five.quartiles), (3.0, Some((2.0, 4.0))));
        let four = spread(&[4.0, 1.0, 3.0, 2.0]).expect("of four");
        // R: quantile(1:4)
        assert_eq!((four.median, four.quartiles), (2.5, Some((1.75, 3.25))));
        assert_eq!(median(&[1.0, 2.0, 1000.0]), Some(2.0));
    }
}
