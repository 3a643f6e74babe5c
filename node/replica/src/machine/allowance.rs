//! Bytes that repair may spend.

use std::time::Duration;

/// A token bucket that may go into debt: what is spent is known only afterwards, and then the next repair waits.
/// Holds at most one second's worth.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowance {
    rate: u64,
    // Bytes at hand × 1000, so that milliseconds lose nothing.
    balance: i128,
    at: Duration,
}

impl Allowance {
    pub(crate) fn new(bytes_per_second: u64) -> Self {
        let rate = bytes_per_second.max(1);
        Self { rate, balance: i128::from(rate) * 1000, at: Duration::ZERO }
    }

    pub(crate) fn permits(&mut self, now: Duration) -> bool {
        self.refill(now);
        self.balance > 0
    }

    pub(crate) fn spend(&mut self, now: Duration, bytes: u64) {
        self.refill(now);
        self.balance -= i128::from(bytes) * 1000;
    }

    fn refill(&mut self, now: Duration) {
        let elapsed = now.saturating_sub(self.at).as_millis();
        self.at = self.at.max(now);
        let earned = i128::try_from(elapsed).unwrap_or(i128::MAX).saturating_mul(i128::from(self.rate));
        self.balance = self.balance.saturating_add(earned).min(i128::from(self.rate) * 1000);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn over_any_stretch_no_more_is_spent_than_was_earned_plus_one_second_and_one_repair() {
        let mut allowance = Allowance::new(1000);
        let mut spent = 0;
        for ms in 0..20_000 {
            let now = Duration::from_millis(ms);
            while allowance.permits(now) {
                allowance.spend(now, 700);
                spent += 700;
            }
            assert!(spent <= ms + 1000 + 700, "{spent} after {ms} ms");
        }
        assert!(spent >= 20_000, "{spent}");
    }
}
