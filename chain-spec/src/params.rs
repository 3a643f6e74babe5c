//! The numbers that every node of a network must share.

use parity_scale_codec::{Decode, Encode, MaxEncodedLen};
use primitives::{Address, ChainId, Domain, Hash32, hash_parts};
use serde::{Deserialize, Serialize};

/// Bytes of calldata that one more commitment adds to a batch: 15 ABI words.
pub const COMMITMENT_CALLDATA_BYTES: u64 = 15 * 32;

/// What work costs, in gas. Every amount is known from the calldata alone, before anything runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GasTable {
    /// Every transaction. Wallets assume 21,000 for a plain transfer.
    pub transaction: u64,
    /// Each zero byte of calldata.
    pub byte_zero: u64,
    /// Each other byte of calldata.
    pub byte_nonzero: u64,
    /// Each address of an access list (which has no other effect here).
    pub access_list_address: u64,
    /// Each storage key of an access list.
    pub access_list_key: u64,
    /// A call of a view function.
    pub view: u64,
    /// Opening a vault.
    pub vault_register: u64,
    /// Changing a vault's delegates or cluster.
    pub vault_update: u64,
    /// One secp256k1 signature inside calldata.
    pub ecdsa_verify: u64,
    /// One Ed25519 signature inside calldata.
    pub ed25519_verify: u64,
    /// One commitment.
    pub commitment: u64,
    /// Handing a cluster over to its next epoch.
    pub hand_over: u64,
    /// Each member of the next epoch.
    pub hand_over_member: u64,
}

/// The checked parameters of a network; their hash is in every header.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Params {
    /// EIP-155 chain id, 1 to 4,503,599,627,370,476 (the largest that wallets take).
    pub chain_id: ChainId,
    /// Price of one unit of gas in wei, constant, at least 1.
    pub base_fee: u64,
    /// Most gas that the transactions of one block may ask for.
    pub block_gas_limit: u64,
    /// Most bytes of transactions in one block.
    pub block_bytes_max: u32,
    /// Longest transaction, bytes.
    pub transaction_bytes_max: u32,
    /// Most commitments in one `commitBatch`.
    pub batch_max: u32,
    /// How far a block's time may be ahead of a validator's clock, milliseconds.
    pub clock_skew_ms_max: u64,
    /// What work costs.
    pub gas: GasTable,
}

impl Params {
    /// Hash of the parameters: BLAKE3 (domain `params`) of their SCALE bytes.
    #[must_use]
    pub fn hash(&self) -> Hash32 {
        hash_parts(Domain::Params, &[&self.encode()])
    }
}

/// Whether an address is in the range kept for system contracts, `0x…0800` to `0x…08ff`.
#[must_use]
pub fn is_system_address(address: &Address) -> bool {
    matches!(address.as_bytes(), [zeros @ .., 0x08, _] if zeros.iter().all(|byte| *byte == 0))
}
