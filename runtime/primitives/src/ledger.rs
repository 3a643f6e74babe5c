//! The operational ledger's commands and records: what clients sign, what every member applies.
//!
//! A command is data plus the signature of whom it speaks for. Applying one is deterministic; the rules are
//! `docs/spec/ledger.md`, their code is the ledger crate's `machine.rs`.

use parity_scale_codec::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::{
    Address, Certificate, Commitment, CommitmentHash, Domain, EcdsaSignature, Ed25519Signature, Hash32, Header, Height,
    LogHash, MemberKey, NetworkId, NodeKey, ObjectKey, PackHeader, PackId, Policy, SessionId, ShardAck, SignatureError,
    TimestampMs, VaultId, VolumeId, hash_parts,
};

/// Longest encoded command, bytes.
pub const COMMAND_MAX: usize = 8 * 1024 * 1024;
/// Longest sealed record (vault name, object record), bytes.
pub const SEALED_MAX: usize = 64 * 1024;
/// Most delegates of a vault.
pub const DELEGATES_MAX: usize = 16;

/// What an owner agrees to when a vault is opened; the chain checks the owner's signature over it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VaultTerms {
    /// Who owns the vault.
    pub owner: Address,
    /// Salt of the vault id: 32 bytes that the owner derives from the vault's name and its secret.
    pub salt: Hash32,
    /// The root cluster that may commit for the owner.
    pub cluster: Hash32,
    /// Durability policy of data packs.
    pub policy: Policy,
    /// Each snapshot is locked for this long after it was taken, milliseconds; 0 = no lock.
    pub retention_ms: u64,
    /// Accounts that may write for the owner.
    pub delegates: Vec<Address>,
}

impl VaultTerms {
    /// The vault's id.
    #[must_use]
    pub fn vault(&self) -> VaultId {
        VaultId::derive(self.owner, &self.salt)
    }

    /// What the owner signs (domain `owner consent`): network and these terms in SCALE.
    #[must_use]
    pub fn consent_hash(&self, network: &NetworkId) -> Hash32 {
        hash_parts(Domain::OwnerConsent, &[&(network, self).encode()])
    }
}

/// What a root member signs so that the chain accepts its cluster's commitments (domain `attestation`):
/// network, cluster, epoch and the commitments' hashes, in order, in SCALE.
#[must_use]
pub fn attestation_hash(network: &NetworkId, cluster: &Hash32, epoch: u64, commitments: &[CommitmentHash]) -> Hash32 {
    hash_parts(Domain::Attestation, &[&(network, cluster, epoch, commitments).encode()])
}

/// One volume of a storage node, as the node announces it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VolumeInfo {
    /// Unique within the node.
    pub volume: VolumeId,
    /// Placement weight: capacity in GiB, at least 1.
    pub weight: u32,
}

/// What a command does.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Command {
    /// Opens a vault. By its owner. The same terms again are a success without effect.
    #[codec(index = 0)]
    VaultRegister {
        /// The terms; the vault's id follows from them.
        terms: VaultTerms,
        /// The vault's name and settings, sealed for the owner, at most [`SEALED_MAX`] bytes.
        sealed: Vec<u8>,
        /// The owner's signature over [`VaultTerms::consent_hash`], for the chain.
        consent: EcdsaSignature,
    },
    /// Records a pack whose shards are held. By the vault's owner or a delegate.
    #[codec(index = 1)]
    PackCommit {
        /// The vault that refers to it.
        vault: VaultId,
        /// Geometry and shard ids.
        header: PackHeader,
        /// Acknowledgements, at most one per index; `k + ⌈m/2⌉` on distinct volumes make it complete,
        /// `k` make it degraded, fewer are refused.
        acks: Vec<ShardAck>,
    },
    /// Adds a version of an object, or its tombstone. By the vault's owner or a delegate.
    #[codec(index = 2)]
    ObjectCommit {
        /// The vault.
        vault: VaultId,
        /// Keyed hash of the object's name.
        key: ObjectKey,
        /// Version, from 1 without gaps.
        version: u64,
        /// Sealed object record; empty = tombstone.
        sealed: Vec<u8>,
        /// Packs that the object needs, ascending.
        packs: Vec<PackId>,
    },
    /// Ends a snapshot: checks the stream, takes references on its packs, puts the commitment into the outbox.
    /// By the vault's owner or a delegate. The same commitment again is a success without effect.
    #[codec(index = 3)]
    SnapshotCommit {
        /// The commitment, bytes as the chain will see them.
        commitment: Commitment,
        /// Packs that the snapshot needs, ascending; their tree root is in the commitment.
        packs: Vec<PackId>,
        /// The copies pack that holds the sealed manifest.
        manifest_pack: PackId,
    },
    /// Announces a storage node's volumes. By that node.
    #[codec(index = 4)]
    NodeAnnounce {
        /// All volumes, ascending; those absent are gone.
        volumes: Vec<VolumeInfo>,
    },
    /// Records a new holder of a shard after a repair or a move. By the new holder.
    #[codec(index = 5)]
    ShardHeld {
        /// The new holder's acknowledgement.
        ack: ShardAck,
    },
    /// Takes a holder off a shard that it lost. By that holder.
    #[codec(index = 6)]
    ShardLost {
        /// The pack.
        pack: PackId,
        /// Position in the pack.
        index: u8,
        /// The volume that lost it.
        volume: VolumeId,
    },
    /// Brings finality back from the chain. By any root member; `apply` verifies all of it.
    #[codec(index = 7)]
    FinalityRecord {
        /// The header of the block.
        header: Header,
        /// Its certificate.
        certificate: Certificate,
        /// Inclusion proofs of commitments in that header's snapshot log.
        proofs: Vec<CommitmentProof>,
    },
    /// Notes that the chain knows a vault now. By any root member.
    #[codec(index = 8)]
    VaultOnChain {
        /// The vault.
        vault: VaultId,
        /// Height of the block that registered it.
        height: Height,
    },
}

/// That a commitment is a leaf of a snapshot log.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CommitmentProof {
    /// The vault.
    pub vault: VaultId,
    /// The commitment's position in the vault's stream.
    pub seq: u64,
    /// Index of its leaf, from 0.
    pub leaf_index: u64,
    /// RFC 6962 audit path, leaf to root.
    pub path: Vec<LogHash>,
}

/// For whom a command speaks.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Signer {
    /// A secp256k1 account: owner or delegate.
    #[codec(index = 0)]
    Account(EcdsaSignature),
    /// A storage node.
    #[codec(index = 1)]
    Node(NodeKey, Ed25519Signature),
    /// A root member.
    #[codec(index = 2)]
    Member(MemberKey, Ed25519Signature),
}

/// A command with its session, serial and signature.
///
/// The ledger remembers the outcome of the last serials of each session: sending the same command again gives the same
/// outcome again.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct SignedCommand {
    /// What to do.
    pub command: Command,
    /// The session, random per client run.
    pub session: SessionId,
    /// Unique within the session, ascending.
    pub serial: u64,
    /// Whom it speaks for.
    pub signer: Signer,
}

/// The checked speaker of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaker {
    /// An account.
    Account(Address),
    /// A storage node.
    Node(NodeKey),
    /// A root member.
    Member(MemberKey),
}

impl SignedCommand {
    /// What the signer signs (domain `command`): network, command, session and serial in SCALE.
    #[must_use]
    pub fn sign_hash(network: &NetworkId, command: &Command, session: SessionId, serial: u64) -> Hash32 {
        hash_parts(Domain::Command, &[&(network, command, session, serial).encode()])
    }

    /// Verifies the signature and says who speaks.
    ///
    /// # Errors
    /// [`SignatureError`] when it does not hold on this network.
    pub fn speaker(&self, network: &NetworkId) -> Result<Speaker, SignatureError> {
        let hash = Self::sign_hash(network, &self.command, self.session, self.serial);
        match &self.signer {
            Signer::Account(signature) => signature.recover(&hash).map(Speaker::Account),
            Signer::Node(key, signature) => {
                signature.verify(key.as_bytes(), hash.as_ref()).map(|()| Speaker::Node(*key))
            }
            Signer::Member(key, signature) => {
                signature.verify(key.as_bytes(), hash.as_ref()).map(|()| Speaker::Member(*key))
            }
        }
    }
}

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

/// A vault, as the ledger records it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VaultRecord {
    /// The terms.
    pub terms: VaultTerms,
    /// Sealed name and settings.
    pub sealed: Vec<u8>,
    /// The owner's consent, for the chain.
    pub consent: EcdsaSignature,
    /// Last sequence number of the stream; 0 = no snapshot yet.
    pub head_seq: u64,
    /// Hash of the last commitment; zero = none.
    pub head: CommitmentHash,
    /// Height of the block that registered the vault on chain; `None` = not yet.
    pub on_chain: Option<Height>,
    /// Packs recorded.
    pub packs: u64,
    /// Bytes of their shards.
    pub stored_bytes: u64,
}

/// Where a shard is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Holder {
    /// Position in the pack.
    pub index: u8,
    /// The node.
    pub node: NodeKey,
    /// The volume.
    pub volume: VolumeId,
}

/// A pack, as the ledger records it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PackRecord {
    /// The vault that it belongs to.
    pub vault: VaultId,
    /// Geometry and shard ids.
    pub header: PackHeader,
    /// Actual holders, ascending, at most one per index and volume.
    pub holders: Vec<Holder>,
    /// Snapshots and objects that need it.
    pub references: u32,
}

impl PackRecord {
    /// Whether fewer shards are held than the policy places.
    #[must_use]
    pub fn is_degraded(&self) -> bool {
        self.holders.len() < usize::from(self.header.policy.width())
    }
}

/// A snapshot, as the ledger records it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotRecord {
    /// The commitment.
    pub commitment: Commitment,
    /// Packs that it needs, ascending.
    pub packs: Vec<PackId>,
    /// The copies pack of the sealed manifest.
    pub manifest_pack: PackId,
    /// Its finality; `None` = waits in the outbox.
    pub finality: Option<Finality>,
}

/// That and where the chain made a commitment final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finality {
    /// Height of the block whose header proves it.
    pub height: Height,
    /// Index of the commitment's leaf.
    pub leaf_index: u64,
    /// Time of that block.
    pub timestamp: TimestampMs,
}

/// One version of an object, as the ledger records it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectRecord {
    /// Keyed hash of the name.
    pub key: ObjectKey,
    /// Version, from 1.
    pub version: u64,
    /// Sealed record; empty = tombstone.
    pub sealed: Vec<u8>,
    /// Packs that it needs, ascending.
    pub packs: Vec<PackId>,
}

/// A storage node, as the ledger records it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeRecord {
    /// The node.
    pub node: NodeKey,
    /// Its volumes, ascending.
    pub volumes: Vec<VolumeInfo>,
}
