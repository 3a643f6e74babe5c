// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.0;

/// @title Snapshots: the public record of every snapshot of every vault
/// @notice System contract at 0x0000000000000000000000000000000000000801.
interface ISnapshots {
    /// @notice The public record of a snapshot; its hash and its leaf in the snapshot log are made of its SCALE bytes.
    struct Commitment {
        /// Format version, 1.
        uint8 version;
        /// The vault whose stream this belongs to.
        bytes32 vault;
        /// Position in the stream, from 1, without gaps.
        uint64 seq;
        /// Hash of the commitment before; zero for the first.
        bytes32 prev;
        /// Keyed content root of the backed-up tree.
        bytes32 contentRoot;
        /// Id of the sealed manifest's bytes.
        bytes32 manifest;
        /// Tree over the ids of all packs that the snapshot needs.
        bytes32 packsRoot;
        /// Number of those packs.
        uint32 packs;
        /// Number of files.
        uint64 files;
        /// Sum of file sizes, bytes.
        uint64 logicalBytes;
        /// Bytes that this snapshot added to the network.
        uint64 storedBytes;
        /// Policy: shards that hold the data.
        uint8 dataShards;
        /// Policy: shards that may be lost.
        uint8 parityShards;
        /// Not deletable before this time, milliseconds since 1970; 0 = no lock.
        uint64 retainUntil;
        /// When the owner says the snapshot was taken, milliseconds since 1970.
        uint64 takenAt;
    }

    /// @notice One root member's word for a batch.
    struct Attestation {
        /// The member's Ed25519 public key.
        bytes32 member;
        /// First half of its Ed25519 signature.
        bytes32 r;
        /// Second half.
        bytes32 s;
    }

    /// @notice A snapshot was recorded as a leaf of the snapshot log.
    event SnapshotCommitted(bytes32 indexed vault, uint64 indexed seq, bytes32 indexed commitment, uint64 leafIndex);
    /// @notice Somebody with the right to commit signed a second commitment for a place that is taken.
    event Equivocation(bytes32 indexed vault, uint64 indexed seq, bytes32 recorded, bytes32 conflicting);
    /// @notice A batch's item was left out, with the error that `commit` would have given.
    event Refused(bytes32 indexed vault, uint64 indexed seq, bytes32 indexed commitment, bytes error);

    /// @notice Unknown function, or calldata that is not its one encoding.
    error MalformedCall();
    /// @notice No function of a system contract takes value.
    error ValueNotAccepted();
    /// @notice A commitment version that this network does not know.
    error UnsupportedVersion(uint8 found);
    /// @notice Not 1 to 64 data shards and 0 to 64 parity shards.
    error InvalidPolicy(uint8 dataShards, uint8 parityShards);
    /// @notice No such vault.
    error UnknownVault(bytes32 vault);
    /// @notice No such cluster.
    error UnknownCluster(bytes32 cluster);
    /// @notice Neither the vault's owner nor a delegate.
    error NotCommitter(bytes32 vault, address caller);
    /// @notice The vault's cluster is another one.
    error WrongCluster(bytes32 vault, bytes32 expected, bytes32 found);
    /// @notice The cluster is in another epoch.
    error WrongEpoch(uint64 expected, uint64 found);
    /// @notice The commitment's policy is not the vault's.
    error WrongPolicy(bytes32 vault, uint8 dataShards, uint8 parityShards);
    /// @notice The vault's retention rule asks for a later time.
    error RetentionTooShort(bytes32 vault, uint64 earliest, uint64 found);
    /// @notice Not the next place of the stream.
    error WrongSequence(bytes32 vault, uint64 expected, uint64 found);
    /// @notice The commitment does not continue the stream's head.
    error WrongPrev(bytes32 vault, uint64 seq, bytes32 expected, bytes32 found);
    /// @notice A batch without commitments.
    error EmptyBatch();
    /// @notice A batch with too many commitments.
    error BatchTooLarge(uint256 limit, uint256 found);
    /// @notice Attestations must be strictly ascending by member.
    error AttestationOrder(bytes32 member);
    /// @notice Not a member of the cluster in this epoch.
    error NotMember(bytes32 member);
    /// @notice A member's signature does not hold.
    error BadAttestation(bytes32 member);
    /// @notice Fewer attestations than the cluster's threshold.
    error TooFewAttestations(uint256 threshold, uint256 found);

    /// @notice Records a snapshot. By the vault's owner or a delegate. The same commitment again is a success without
    /// effect; another one for a place that is taken is recorded as equivocation.
    function commit(Commitment calldata commitment) external returns (uint64 leafIndex);

    /// @notice Records snapshots of vaults that chose this cluster, attested by enough of its members. By anyone. An item
    /// that breaks a rule of its vault is left out with an event, so that no owner can hold up the others. Returns how
    /// many were new.
    function commitBatch(bytes32 cluster, uint64 epoch, Commitment[] calldata items, Attestation[] calldata attestations)
        external
        returns (uint64 added);

    /// @notice The last snapshot of a vault; (0, 0) when there is none.
    function head(bytes32 vault) external view returns (uint64 seq, bytes32 commitment);

    /// @notice The snapshot at a place of a vault's stream; zeros when there is none.
    function at(bytes32 vault, uint64 seq) external view returns (bytes32 commitment, uint64 leafIndex, uint64 height);

    /// @notice The first conflicting commitment recorded for a place; zeros when there is none.
    function equivocationAt(bytes32 vault, uint64 seq) external view returns (bytes32 conflicting, uint64 height);

    /// @notice Size and RFC 6962 root of the snapshot log.
    function log() external view returns (uint64 size, bytes32 root);
}
