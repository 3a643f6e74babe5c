//! What a command did, or why it was refused.

use parity_scale_codec::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::{CommitmentHash, PackId, VaultId};

/// What a command did.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum Applied {
    /// Done, or done before.
    #[codec(index = 0)]
    Done,
    /// A pack is recorded.
    #[codec(index = 1)]
    Pack {
        /// Its id.
        pack: PackId,
        /// Fewer holders than the write quorum: a repair is due.
        degraded: bool,
    },
    /// A snapshot is recorded and waits for the chain.
    #[codec(index = 2)]
    Snapshot {
        /// The commitment's hash.
        commitment: CommitmentHash,
    },
    /// What each command of a batch did, in order.
    #[codec(index = 3)]
    Batch {
        /// One outcome a command.
        outcomes: Vec<Result<Self, Refusal>>,
    },
}

impl Applied {
    /// How many outcomes these are: one, or as many as a batch has commands.
    #[must_use]
    pub fn count(&self) -> u64 {
        match self {
            Self::Batch { outcomes } => u64::try_from(outcomes.len()).unwrap_or(u64::MAX),
            _ => 1,
        }
    }

    /// Whether nothing was applied: a batch of which every command was refused.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        matches!(self, Self::Batch { outcomes } if outcomes.iter().all(Result::is_err))
    }
}

/// Why the ledger refused a command. Permanent: the same command will be refused again, unless stated.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum Refusal {
    /// The signature does not hold.
    #[codec(index = 0)]
    #[error("the command's signature does not verify on this network")]
    BadSignature,
    /// The signer may not do this.
    #[codec(index = 1)]
    #[error("the signer may not do this: it needs to be {needs}")]
    NotAllowed {
        /// Who may.
        needs: String,
    },
    /// No such vault.
    #[codec(index = 2)]
    #[error("unknown vault {vault}")]
    UnknownVault {
        /// The vault asked for.
        vault: VaultId,
    },
    /// The vault exists with other terms.
    #[codec(index = 3)]
    #[error("vault {vault} exists with other terms")]
    VaultExists {
        /// The vault.
        vault: VaultId,
    },
    /// Out of sequence; read the stream's head and try again.
    #[codec(index = 4)]
    #[error("expected sequence number {expected}, found {found}")]
    Sequence {
        /// Next number of the stream.
        expected: u64,
        /// Number of the command.
        found: u64,
    },
    /// The commitment does not continue the stream's head.
    #[codec(index = 5)]
    #[error("the commitment's prev is {found}, the vault's head is {expected}")]
    Prev {
        /// Hash of the stream's head.
        expected: CommitmentHash,
        /// Hash in the commitment.
        found: CommitmentHash,
    },
    /// Another commitment stands at this place of the stream.
    #[codec(index = 6)]
    #[error("another commitment is recorded at sequence number {seq}")]
    Conflict {
        /// The place.
        seq: u64,
    },
    /// A pack that is not recorded for this vault.
    #[codec(index = 7)]
    #[error("pack {pack} is not recorded for this vault")]
    UnknownPack {
        /// The pack.
        pack: PackId,
    },
    /// Too few acknowledgements.
    #[codec(index = 8)]
    #[error("{found} shards are acknowledged on distinct volumes, {needed} are needed")]
    TooFewHolders {
        /// Acknowledgements that count.
        found: u8,
        /// Fewest accepted.
        needed: u8,
    },
    /// An acknowledgement that is wrong.
    #[codec(index = 9)]
    #[error("the acknowledgement of shard {index} is wrong: {reason}")]
    BadAck {
        /// Position in the pack.
        index: u8,
        /// What is wrong.
        reason: String,
    },
    /// A field that breaks a rule.
    #[codec(index = 10)]
    #[error("{what} is invalid: {reason}")]
    Invalid {
        /// The field.
        what: String,
        /// The rule.
        reason: String,
    },
    /// A serial below the session's window.
    #[codec(index = 11)]
    #[error("serial {found} is older than this session remembers (from {oldest})")]
    StaleSerial {
        /// Oldest serial remembered.
        oldest: u64,
        /// Serial of the command.
        found: u64,
    },
    /// The outbox is full because the chain does not take commitments; retry later.
    #[codec(index = 12)]
    #[error("the outbox holds {limit} commitments that wait for the chain; retry when the chain moves")]
    OutboxFull {
        /// Its limit.
        limit: u32,
    },
}
