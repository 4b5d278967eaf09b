//! Many questions at once.

/// Corrects p values for how many were asked for: those that stay below a level after it contain, on average,
/// no larger a share of false ones than the level.
///
/// Benjamini and Hochberg, "Controlling the false discovery rate: a practical and powerful approach to multiple
/// testing", Journal of the Royal Statistical Society B 57 (1995). These are the adjusted values: the p of rank
/// k of n becomes the least of p·n/k over all ranks from k on. O(n log n) for n values.
#[must_use]
pub fn adjusted(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]));
    let mut adjusted = vec![1.0; p.len()];
    let mut least: f64 = 1.0;
    for (rank, &at) in order.iter().enumerate().rev() {
        least = least.min(p[at] * p.len() as f64 / (rank + 1) as f64);
        adjusted[at] = least;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_paper() {
        // Section 3.2 of the paper: 15 hypotheses, of which the first four stand at 5 %.
        let p = [
            0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262,
            0.5719, 0.6528, 0.7590, 1.0000,
        ];
        let adjusted = adjusted(&p);
        assert_eq!(adjusted.iter().filter(|&&p| p <= 0.05).count(), 4);
        assert!((adjusted[3] - 0.0095 * 15.0 / 4.0).abs() < 1e-12);
    }

    #[test]
    fn order_does_not_matter_and_none_falls_below_itself() {
        let p = [0.04, 0.01, 0.03, 0.04];
        let got = adjusted(&p);
        let want = [0.04, 0.04, 0.04, 0.04];
        for (got, want) in got.iter().zip(want) {
            assert!((got - want).abs() < 1e-12, "{got} in place of {want}");
        }
        assert_eq!(adjusted(&[]), [0.0; 0]);
        assert_eq!(adjusted(&[0.2]), [0.2]);
    }
}
