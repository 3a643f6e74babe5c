// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.0;

/// @title Validators: who signs blocks
/// @notice System contract at 0x0000000000000000000000000000000000000803. Fees are credited to this address.
interface IValidators {
    /// @notice One validator.
    struct Validator {
        /// Ed25519 public key.
        bytes32 key;
        /// Voting power.
        uint64 power;
    }

    /// @notice Unknown function, or calldata that is not its one encoding.
    error MalformedCall();
    /// @notice No function of a system contract takes value.
    error ValueNotAccepted();

    /// @notice The set that signs the next block, ascending by key.
    function next() external view returns (Validator[] memory);

    /// @notice Its hash, as in the block header.
    function nextHash() external view returns (bytes32);

    /// @notice Its total voting power.
    function totalPower() external view returns (uint64);
}
