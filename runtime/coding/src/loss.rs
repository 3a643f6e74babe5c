//! How likely a pack is lost within a year.

use primitives::Policy;

/// Hours of a year.
const YEAR_HOURS: f64 = 8760.0;

/// Probability, 0 to 1, that a pack is lost within a year when every holder fails independently `failures_per_year` times
/// a year (see [`failures_per_year`]) and a lost shard is rebuilt `repair_hours` after its loss, one at a time.
///
/// The pack is a birth-death chain over the number of lost shards `i = 0..=m`, with failure rate `(k+m−i)·λ` and repair
/// rate `μ`; it is lost on reaching `m+1`. With `T` the mean time to get there, the result is `1 − e^(−1/T)`, which is exact
/// to the digits shown anywhere while repairs are short against a year and pessimistic when they are not.
/// Failures that strike many holders at once (one power supply, one operator, one defect) are not in this number.
///
/// A rate of zero, or one that is no number, gives 0; a repair that takes no time gives 0 for every `m > 0`.
#[must_use]
pub fn annual_loss_probability(policy: Policy, failures_per_year: f64, repair_hours: f64) -> f64 {
    if failures_per_year.is_nan() || failures_per_year <= 0.0 {
        return 0.0;
    }
    if failures_per_year.is_infinite() {
        return 1.0;
    }
    let repairs_per_year = YEAR_HOURS / repair_hours.max(0.0);
    let mut step_years = 0.0;
    let mut total_years = 0.0;
    for lost in 0..=policy.parity_shards() {
        let failures = f64::from(policy.width().saturating_sub(lost)) * failures_per_year;
        // Mean time from `lost` to `lost + 1`: the wait for either event, and after a repair the way up again.
        let detour = if lost == 0 { 0.0 } else { repairs_per_year / failures * step_years };
        step_years = 1.0 / failures + detour;
        total_years += step_years;
    }
    -(-1.0 / total_years).exp_m1()
}

/// The failure rate `λ` of a holder that fails within a year with probability `annual_failure_probability` (0 to below 1,
/// what disk vendors call AFR): `−ln(1 − p)`.
#[must_use]
pub fn failures_per_year(annual_failure_probability: f64) -> f64 {
    -(-annual_failure_probability).ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rounds to `digits` significant digits.
    fn rounded(value: f64, digits: usize) -> String {
        format!("{value:.*e}", digits - 1)
    }

    #[test]
    fn known_schemes_have_their_known_probabilities() {
        // Independently computed table: scheme, then AFR 10 % with 6 h, AFR 10 % with 24 h, AFR 50 % with 24 h.
        let table = [
            ("1+2", "3e-9", "5e-8", "1.5e-5"),
            ("4+2", "7e-8", "1e-6", "3e-4"),
            ("4+4", "2e-14", "5e-12", "6e-8"),
            ("8+4", "3e-13", "7e-11", "8e-7"),
        ];
        for (policy, six, day, bad) in table {
            let policy: Policy = policy.parse().unwrap();
            for (afr, hours, expected) in [(0.1, 6.0, six), (0.1, 24.0, day), (0.5, 24.0, bad)] {
                let digits = if expected.contains('.') { 2 } else { 1 };
                let found = annual_loss_probability(policy, failures_per_year(afr), hours);
                assert_eq!(rounded(found, digits), expected, "{policy} {afr} {hours}");
            }
        }
    }

    #[test]
    fn without_parity_the_first_failure_is_the_loss() {
        let policy: Policy = "4+0".parse().unwrap();
        let expected = 1.0 - (1.0f64 - 0.1).powi(4);
        let found = annual_loss_probability(policy, failures_per_year(0.1), 6.0);
        assert!((found - expected).abs() < 1e-12, "{found} {expected}");
    }

    #[test]
    fn edges_stay_probabilities() {
        for policy in [Policy::ERASURE, Policy::COPIES, Policy::new(64, 64).unwrap(), Policy::new(64, 0).unwrap()] {
            for rate in [f64::NAN, -1.0, 0.0, 1e-9, 0.1, 50.0, f64::INFINITY] {
                for hours in [f64::NAN, -1.0, 0.0, 1e-9, 6.0, 1e6, f64::INFINITY] {
                    let found = annual_loss_probability(policy, rate, hours);
                    assert!((0.0..=1.0).contains(&found), "{policy} {rate} {hours}: {found}");
                }
            }
        }
        assert_eq!(annual_loss_probability(Policy::ERASURE, 0.0, 6.0), 0.0);
        assert_eq!(annual_loss_probability(Policy::ERASURE, 0.1, 0.0), 0.0);
    }
}
