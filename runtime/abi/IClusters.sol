// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.0;

/// @title Clusters: the root clusters, their members and epochs
/// @notice System contract at 0x0000000000000000000000000000000000000802.
interface IClusters {
    /// @notice A root cluster as it is now.
    struct Cluster {
        /// Number of the present epoch.
        uint64 epoch;
        /// Ed25519 public keys of the members, ascending.
        bytes32[] members;
        /// Members that must attest.
        uint32 threshold;
        /// The account that pays for the cluster's transactions.
        address operator;
        /// Height of the block that began this epoch.
        uint64 since;
    }

    /// @notice One root member's word for a hand-over.
    struct Attestation {
        /// The member's Ed25519 public key.
        bytes32 member;
        /// First half of its Ed25519 signature.
        bytes32 r;
        /// Second half.
        bytes32 s;
    }

    /// @notice A cluster began a new epoch.
    event EpochBegan(bytes32 indexed cluster, uint64 indexed epoch, bytes32[] members, uint32 threshold, address operator);

    /// @notice Unknown function, or calldata that is not its one encoding.
    error MalformedCall();
    /// @notice No function of a system contract takes value.
    error ValueNotAccepted();
    /// @notice No such cluster.
    error UnknownCluster(bytes32 cluster);
    /// @notice The cluster is in another epoch.
    error WrongEpoch(uint64 expected, uint64 found);
    /// @notice No members, too many, or not strictly ascending.
    error InvalidMembers(uint256 limit, uint256 found);
    /// @notice A key that is no Ed25519 public key.
    error InvalidMember(bytes32 member);
    /// @notice Not 1 to the number of members.
    error InvalidThreshold(uint32 threshold);
    /// @notice Attestations must be strictly ascending by member.
    error AttestationOrder(bytes32 member);
    /// @notice Not a member of the cluster in this epoch.
    error NotMember(bytes32 member);
    /// @notice A member's signature does not hold.
    error BadAttestation(bytes32 member);
    /// @notice Fewer attestations than the cluster's threshold.
    error TooFewAttestations(uint256 threshold, uint256 found);

    /// @notice Begins epoch + 1 with other members, authorised by members of the present epoch. By anyone.
    function handOver(
        bytes32 cluster,
        uint64 epoch,
        bytes32[] calldata members,
        uint32 threshold,
        address operator,
        Attestation[] calldata attestations
    ) external;

    /// @notice A cluster as it is now; fails when there is none.
    function get(bytes32 cluster) external view returns (Cluster memory);
}
