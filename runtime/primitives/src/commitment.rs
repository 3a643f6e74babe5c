//! The public record of a snapshot.

use parity_scale_codec::{Decode, Encode, MaxEncodedLen};
use serde::{Deserialize, Serialize};

use crate::{CommitmentHash, Domain, Hash32, Policy, ShardId, TimestampMs, TreeRoot, VaultId, hash_parts};

/// The only commitment version there is.
pub const COMMITMENT_VERSION: u8 = 1;

/// What the chain records of a snapshot: hashes, counts, sizes, policy, retention. No names, no plaintext.
///
/// SCALE, fields in this order, integers little endian, 215 bytes. The leaf data of the snapshot log is exactly
/// this encoding (`docs/spec/commitment.md`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Encode, Decode, MaxEncodedLen, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Commitment {
    /// Format version, [`COMMITMENT_VERSION`].
    pub version: u8,
    /// The vault whose stream this belongs to.
    pub vault: VaultId,
    /// Position in the vault's stream, from 1, without gaps.
    pub seq: u64,
    /// Hash of the commitment at `seq - 1`; zero for the first.
    pub prev: CommitmentHash,
    /// Keyed content root of the backed-up tree: only the owner can recompute it from files.
    pub content_root: Hash32,
    /// Id of the sealed manifest's bytes (a shard that holders keep).
    pub manifest: ShardId,
    /// Tree over the ids of all packs that the snapshot needs, ascending.
    pub packs_root: TreeRoot,
    /// Number of those packs.
    pub packs: u32,
    /// Number of files (for an object snapshot: objects).
    pub files: u64,
    /// Sum of file sizes, bytes.
    pub logical_bytes: u64,
    /// Bytes of shards this snapshot added to the network, padding and parity included.
    pub stored_bytes: u64,
    /// Durability policy of its packs.
    pub policy: Policy,
    /// Not deletable before this time; 0 = no lock.
    pub retain_until: TimestampMs,
    /// When the owner says the snapshot was taken; not checked by anybody.
    pub taken_at: TimestampMs,
}

impl Commitment {
    /// Longest encoding a decoder accepts, bytes.
    pub const ENCODED_MAX: usize = 512;

    /// The commitment's hash: BLAKE3 (domain `commitment`) of its SCALE bytes.
    #[must_use]
    pub fn hash(&self) -> CommitmentHash {
        hash_parts(Domain::Commitment, &[&self.encode()]).into()
    }

    /// Decodes exactly one commitment and checks its version.
    ///
    /// # Errors
    /// [`crate::CodecError`] when malformed, too long, or of an unknown version.
    pub fn decode_exact(bytes: &[u8]) -> Result<Self, crate::CodecError> {
        let value: Self = crate::decode_exact("commitment", bytes, Self::ENCODED_MAX)?;
        if value.version != COMMITMENT_VERSION {
            return Err(crate::CodecError::Version {
                what: "commitment",
                found: value.version,
                known: COMMITMENT_VERSION,
            });
        }
        Ok(value)
    }
}
