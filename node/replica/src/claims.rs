//! Who needs a shard that is here at this moment: so that one which nobody needs is let go only while nobody begins to.
//!
//! ```text
//!   put, commit of a pack ──claim──► held while they run ──► dropped
//!   removal of an orphan ──let_go──► refused while claimed; until its row is gone, claims wait
//!                        ──row_gone─► claims go on; until its file is gone, nobody writes it on that volume
//! ```
//!
//! The ledger and the index decide whether a shard goes, and both answer. Its disk, which may hang, only deletes the file.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use primitives::{ShardId, VolumeId};
use tokio::sync::Notify;

/// Claims on shards; clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Claims(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    state: Mutex<State>,
    // Something was let go or kept: those who wait look again.
    settled: Notify,
}

#[derive(Debug, Default)]
struct State {
    claimed: HashMap<ShardId, u32>,
    // From where; and whether its row is gone.
    leaving: HashMap<ShardId, (VolumeId, bool)>,
}

/// Shards that stay until this is dropped.
#[derive(Debug)]
pub(crate) struct Claim {
    claims: Claims,
    shards: Vec<ShardId>,
}

/// A shard that leaves a volume: nobody can claim it until its row is gone, or write it there until this is dropped.
#[derive(Debug)]
pub(crate) struct Leaving {
    claims: Claims,
    shard: ShardId,
}

impl Claims {
    /// Claims shards, whether they are here or not; waits while one of them is being let go, until its row is gone. Where
    /// [`Self::is_leaving`] is true afterwards, it must not be written.
    pub(crate) async fn claim(&self, shards: Vec<ShardId>) -> Claim {
        loop {
            let settled = self.0.settled.notified();
            tokio::pin!(settled);
            // Listens from here on, so that nothing is missed between the look and the wait.
            settled.as_mut().enable();
            if let Some(claim) = self.try_claim(&shards) {
                return claim;
            }
            settled.await;
        }
    }

    /// Begins to let a shard go; `None` while it is claimed, or somebody else lets it go.
    pub(crate) fn let_go(&self, volume: VolumeId, shard: ShardId) -> Option<Leaving> {
        let mut state = self.state();
        if state.claimed.contains_key(&shard) || state.leaving.contains_key(&shard) {
            return None;
        }
        state.leaving.insert(shard, (volume, false));
        Some(Leaving { claims: self.clone(), shard })
    }

    /// Whether the shard's file on this volume is about to go. Stays `false` for whoever has claimed the shard and found it so.
    pub(crate) fn is_leaving(&self, volume: VolumeId, shard: &ShardId) -> bool {
        self.state().leaving.get(shard).is_some_and(|(from, _)| *from == volume)
    }

    /// Claims shards; `None` while one of them is being let go and has its row yet.
    pub(crate) fn try_claim(&self, shards: &[ShardId]) -> Option<Claim> {
        let mut state = self.state();
        if shards.iter().any(|shard| state.leaving.get(shard).is_some_and(|(_, row_gone)| !row_gone)) {
            return None;
        }
        for shard in shards {
            *state.claimed.entry(*shard).or_default() += 1;
        }
        Some(Claim { claims: self.clone(), shards: shards.to_vec() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Leaving {
    /// The row is gone, and so nobody takes the shard to be on that volume any more: claims go on.
    pub(crate) fn row_gone(&self) {
        if let Some((_, row_gone)) = self.claims.state().leaving.get_mut(&self.shard) {
            *row_gone = true;
        }
        self.claims.0.settled.notify_waiters();
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut state = self.claims.state();
        for shard in &self.shards {
            if let Some(count) = state.claimed.get_mut(shard) {
                *count -= 1;
                if *count == 0 {
                    state.claimed.remove(shard);
                }
            }
        }
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.claims.state().leaving.remove(&self.shard);
        self.claims.0.settled.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    const V: VolumeId = VolumeId(3);
    const A: ShardId = ShardId::new([1; 32]);
    const B: ShardId = ShardId::new([2; 32]);

    #[tokio::test]
    async fn a_claimed_shard_does_not_leave_and_a_leaving_one_is_not_claimed() {
        let claims = Claims::default();
        let first = claims.claim(vec![A, B]).await;
        let second = claims.claim(vec![A, A]).await;
        assert!(claims.let_go(V, A).is_none() && claims.let_go(V, B).is_none());
        drop(first);
        assert!(claims.let_go(V, A).is_none(), "the second claim holds it");
        let leaving = claims.let_go(V, B).unwrap();
        assert!(claims.let_go(V, B).is_none(), "one at a time");
        drop(second);
        assert!(claims.let_go(V, A).is_some());
        let mut waiting = Box::pin(claims.claim(vec![A, B]));
        assert!(waiting.as_mut().now_or_never().is_none(), "B is leaving");
        drop(claims.let_go(V, A).expect("a claim that waits holds nothing"));
        assert!(waiting.as_mut().now_or_never().is_none(), "B still is");
        drop(leaving);
        drop(waiting.await);
        let state = claims.state();
        assert!(state.claimed.is_empty() && state.leaving.is_empty(), "nothing is left behind");
    }

    #[tokio::test]
    async fn a_shard_whose_row_is_gone_is_claimed_and_not_written_where_its_file_goes() {
        let claims = Claims::default();
        let leaving = claims.let_go(V, A).unwrap();
        let mut waiting = Box::pin(claims.claim(vec![A]));
        assert!(waiting.as_mut().now_or_never().is_none());
        leaving.row_gone();
        let claim = waiting.as_mut().now_or_never().expect("the row is gone");
        assert!(claims.is_leaving(V, &A) && !claims.is_leaving(VolumeId(4), &A) && !claims.is_leaving(V, &B));
        drop(claim);
        assert!(claims.let_go(V, A).is_none(), "one at a time");
        drop(leaving);
        assert!(!claims.is_leaving(V, &A) && claims.let_go(V, A).is_some());
    }
}
