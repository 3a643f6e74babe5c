//! Whose rows are taken from the outbox: a vault in trouble waits by itself, and nobody waits behind it.

use std::collections::HashMap;
use std::time::Duration;

use primitives::VaultId;
use tokio::time::Instant;

use super::{BACKOFF_MAX, BACKOFF_MIN};

/// A row of the outbox: its number, the vault, the snapshot's sequence number.
pub(super) type Row = (u64, VaultId, u64);

/// Vaults whose commitments the chain did not take, and when each is tried again.
#[derive(Debug, Default)]
pub(super) struct Turns {
    vaults: HashMap<VaultId, Turn>,
}

#[derive(Clone, Copy, Debug)]
struct Turn {
    at: Instant,
    /// The wait after the next failure.
    backoff: Duration,
}

impl Turns {
    /// The chain took nothing of a vault: it waits, twice as long each time. Returns how long.
    pub(super) fn failed(&mut self, now: Instant, vault: VaultId) -> Duration {
        let wait = self.vaults.get(&vault).map_or(BACKOFF_MIN, |turn| turn.backoff);
        self.vaults.insert(vault, Turn { at: now + wait, backoff: (wait * 2).min(BACKOFF_MAX) });
        wait
    }

    /// The vault got on.
    pub(super) fn passed(&mut self, vault: &VaultId) {
        self.vaults.remove(vault);
    }

    /// Whether the vault's turn has not come yet.
    pub(super) fn waits(&self, now: Instant, vault: &VaultId) -> bool {
        self.vaults.get(vault).is_some_and(|turn| now < turn.at)
    }

    /// Nothing was there to be taken at `now`: vaults whose turn had come have no rows left.
    pub(super) fn forget_due(&mut self, now: Instant) {
        self.vaults.retain(|_, turn| now < turn.at);
    }

    /// When the next turn comes.
    pub(super) fn next(&self) -> Option<Instant> {
        self.vaults.values().map(|turn| turn.at).min()
    }
}

/// The first `limit` rows of vaults that do not wait, in order. `page` gives at most `limit` rows from a number on; a
/// page that is not full is the last.
pub(super) fn take<E>(
    limit: usize,
    waits: impl Fn(&VaultId) -> bool,
    page: impl Fn(u64) -> Result<Vec<Row>, E>,
) -> Result<Vec<(VaultId, u64)>, E> {
    let (mut taken, mut from) = (Vec::new(), 0u64);
    loop {
        let rows = page(from)?;
        let last = rows.last().map(|(row, _, _)| *row).filter(|_| rows.len() >= limit);
        let free = rows.into_iter().filter(|(_, vault, _)| !waits(vault)).map(|(_, vault, seq)| (vault, seq));
        taken.extend(free.take(limit.saturating_sub(taken.len())));
        match last {
            Some(last) if taken.len() < limit => from = last.saturating_add(1),
            _ => return Ok(taken),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    const fn vault(byte: u8) -> VaultId {
        VaultId::new([byte; 32])
    }

    /// Takes from an outbox that gives `limit` rows at once.
    fn taken(rows: &[Row], limit: usize, waiting: &[VaultId]) -> Vec<(VaultId, u64)> {
        let page = |from| Ok::<_, Infallible>(rows.iter().filter(|row| row.0 >= from).take(limit).copied().collect());
        take(limit, |vault| waiting.contains(vault), page).unwrap()
    }

    #[test]
    fn rows_are_taken_past_the_vaults_that_wait() {
        // Five rows of a vault in trouble, with gaps where others left, and three of a good one behind them.
        let bad = [0, 2, 3, 7, 8].map(|row| (row, vault(1), row));
        let good = [9, 11, 12].map(|row| (row, vault(2), row));
        let rows = [&bad[..], &good].concat();
        let of = |rows: &[Row]| rows.iter().map(|(_, vault, seq)| (*vault, *seq)).collect::<Vec<_>>();
        assert_eq!(taken(&rows, 2, &[]), of(&bad[..2]));
        assert_eq!(taken(&rows, 2, &[vault(1)]), of(&good[..2]));
        assert_eq!(taken(&rows, 5, &[vault(1)]), of(&good));
        assert_eq!(taken(&rows, 7, &[]), of(&rows[..7]));
        assert_eq!(taken(&rows, 100, &[vault(2)]), of(&bad));
        assert_eq!(taken(&rows, 4, &[vault(1), vault(2)]), []);
        assert_eq!(taken(&[], 4, &[]), []);
    }

    #[test]
    fn each_vault_waits_by_itself_and_ever_longer() {
        let (mut turns, start) = (Turns::default(), Instant::now());
        let mut waits = Vec::new();
        for _ in 0..10 {
            waits.push(turns.failed(start, vault(1)).as_millis());
        }
        assert_eq!(waits, [50, 100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000]);
        assert_eq!(turns.failed(start, vault(2)), BACKOFF_MIN);
        assert!(turns.waits(start, &vault(1)) && turns.waits(start, &vault(2)) && !turns.waits(start, &vault(3)));
        assert_eq!(turns.next(), Some(start + BACKOFF_MIN));
        assert!(!turns.waits(start + BACKOFF_MIN, &vault(2)) && turns.waits(start + BACKOFF_MIN, &vault(1)));
        // A vault that got on begins anew, and one without rows is forgotten when its turn has come.
        turns.passed(&vault(1));
        assert_eq!(turns.failed(start, vault(1)), BACKOFF_MIN);
        turns.forget_due(start);
        assert_eq!(turns.next(), Some(start + BACKOFF_MIN));
        turns.forget_due(start + BACKOFF_MIN);
        assert_eq!(turns.next(), None);
    }
}
