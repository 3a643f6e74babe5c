//! The snapshot log in the store: leaves, nodes, proofs.

use merkle::log::{NodeSource, consistency_path, inclusion_path};
use primitives::{Commitment, CommitmentHash, Height, LogHash};
use store::schema;

use super::Chain;
use crate::error::ChainError;

impl NodeSource for Chain {
    type Error = ChainError;

    fn node(&self, stored_index: u64) -> Result<LogHash, ChainError> {
        self.store()
            .get::<schema::LogNodes>(&stored_index)?
            .ok_or_else(|| ChainError::Proof { reason: format!("the snapshot log has no node {stored_index}") })
    }
}

impl Chain {
    /// The commitment at a leaf.
    ///
    /// # Errors
    /// [`ChainError`] when the store fails.
    pub fn log_leaf(&self, index: u64) -> Result<Option<Commitment>, ChainError> {
        Ok(self.store().get::<schema::LogLeaves>(&index)?)
    }

    /// Where a commitment is: leaf index, and height of its block.
    ///
    /// # Errors
    /// [`ChainError`] when the store fails.
    pub fn leaf_of(&self, hash: &CommitmentHash) -> Result<Option<(u64, Height)>, ChainError> {
        Ok(self.store().get::<schema::LogByHash>(hash)?)
    }

    /// The audit path of a leaf in the log of `size` leaves.
    ///
    /// # Errors
    /// [`ChainError::Proof`] when the leaf is not in a log of that size, or the log is smaller than that.
    pub fn inclusion(&self, leaf: u64, size: u64) -> Result<Vec<LogHash>, ChainError> {
        self.check_size(size)?;
        inclusion_path(self, leaf, size).map_err(|error| ChainError::Proof { reason: error.to_string() })
    }

    /// The proof that the log of `new` leaves begins with the log of `old` leaves.
    ///
    /// # Errors
    /// [`ChainError::Proof`] when `old` is 0 or above `new`, or the log is smaller than that.
    pub fn consistency(&self, old: u64, new: u64) -> Result<Vec<LogHash>, ChainError> {
        self.check_size(new)?;
        consistency_path(self, old, new).map_err(|error| ChainError::Proof { reason: error.to_string() })
    }

    fn check_size(&self, size: u64) -> Result<(), ChainError> {
        let found = self.head().map_or(0, |tip| tip.log_size);
        if size > found {
            return Err(ChainError::Proof { reason: format!("the snapshot log has {found} leaves, not {size}") });
        }
        Ok(())
    }
}
