// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.0;

/// @title Vaults: who owns a vault, and who may commit snapshots to it
/// @notice System contract at 0x0000000000000000000000000000000000000800.
interface IVaults {
    /// @notice What an owner agrees to when a vault is opened.
    struct Terms {
        /// Who owns the vault.
        address owner;
        /// Salt of the vault's id.
        bytes32 salt;
        /// The root cluster that may commit for the owner; zero = none.
        bytes32 cluster;
        /// Shards that hold the data, 1 to 64.
        uint8 dataShards;
        /// Shards that may be lost, 0 to 64.
        uint8 parityShards;
        /// Each snapshot is locked for this long after it was taken, milliseconds; 0 = no lock.
        uint64 retentionMs;
        /// Accounts that may commit for the owner, at most 16, all different.
        address[] delegates;
    }

    /// @notice A vault as it is now.
    struct Vault {
        /// The terms it was opened with.
        Terms terms;
        /// The cluster that may commit now; zero = none.
        bytes32 cluster;
        /// The delegates now.
        address[] delegates;
        /// Height of the block that registered it.
        uint64 registeredAt;
        /// Sequence number of its last snapshot; 0 = none.
        uint64 headSeq;
        /// Hash of its last commitment; zero = none.
        bytes32 head;
    }

    /// @notice A vault was opened.
    event VaultRegistered(bytes32 indexed vault, address indexed owner, bytes32 indexed cluster, address sender);
    /// @notice A vault's owner let an account commit.
    event DelegateAdded(bytes32 indexed vault, address indexed delegate);
    /// @notice A vault's owner took that right back.
    event DelegateRemoved(bytes32 indexed vault, address indexed delegate);
    /// @notice A vault's owner chose another cluster.
    event ClusterChanged(bytes32 indexed vault, bytes32 indexed cluster);

    /// @notice Unknown function, or calldata that is not its one encoding.
    error MalformedCall();
    /// @notice No function of a system contract takes value.
    error ValueNotAccepted();
    /// @notice Only the owner may do this.
    error NotOwner(address owner, address caller);
    /// @notice The owner's signature over the terms does not hold on this network.
    error BadConsent(address owner);
    /// @notice The vault exists with other terms.
    error VaultExists(bytes32 vault);
    /// @notice No such vault.
    error UnknownVault(bytes32 vault);
    /// @notice No such cluster.
    error UnknownCluster(bytes32 cluster);
    /// @notice Not 1 to 64 data shards and 0 to 64 parity shards.
    error InvalidPolicy(uint8 dataShards, uint8 parityShards);
    /// @notice A delegate that is there twice.
    error InvalidDelegate(address delegate);
    /// @notice More delegates than a vault can have.
    error TooManyDelegates(uint256 limit);

    /// @notice Opens a vault. By its owner. The same terms again are a success without effect.
    function register(Terms calldata terms) external returns (bytes32 vault);

    /// @notice Opens a vault for its owner, whose signature over the terms is (r, s, yParity). By anyone.
    function registerFor(Terms calldata terms, bytes32 r, bytes32 s, uint8 yParity) external returns (bytes32 vault);

    /// @notice Lets an account commit to a vault. By its owner. Again: a success without effect.
    function addDelegate(bytes32 vault, address delegate) external;

    /// @notice Takes that right back. By its owner. Again: a success without effect.
    function removeDelegate(bytes32 vault, address delegate) external;

    /// @notice Chooses the root cluster that may commit; zero = none. By the vault's owner.
    function setCluster(bytes32 vault, bytes32 cluster) external;

    /// @notice A vault as it is now; fails when there is none.
    function get(bytes32 vault) external view returns (Vault memory);

    /// @notice The id of the vault that an owner opens with a salt.
    function idOf(address owner, bytes32 salt) external view returns (bytes32 vault);

    /// @notice Whether an account may commit to a vault: its owner or a delegate.
    function isCommitter(bytes32 vault, address account) external view returns (bool);
}
