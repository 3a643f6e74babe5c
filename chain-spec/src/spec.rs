//! The JSON form of a network description, unchecked.

use serde::{Deserialize, Serialize};

use crate::{GasTable, SpecError};

/// A network description as people write it: keys and addresses are hex text, amounts decimal text.
///
/// Nothing here is believed before [`Spec::check`]. Unknown fields are refused, so that a misspelt one is noticed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Spec {
    /// Name of the network: 1 to 32 characters of `a-z 0-9 - .`; part of the checkpoint's origin.
    pub name: String,
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Time of the genesis block, milliseconds since the Unix epoch.
    pub timestamp: u64,
    /// Shared numbers.
    pub params: ParamsJson,
    /// Balances at genesis.
    pub allocations: Vec<AllocationJson>,
    /// Validators at genesis, in any order.
    pub validators: Vec<ValidatorJson>,
    /// Root clusters at genesis, in any order.
    pub clusters: Vec<ClusterJson>,
}

/// [`crate::Params`] without the chain id, unchecked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ParamsJson {
    /// Wei per gas, ≥ 1.
    pub base_fee: u64,
    /// Gas per block.
    pub block_gas_limit: u64,
    /// Bytes of transactions per block.
    pub block_bytes_max: u32,
    /// Bytes per transaction.
    pub transaction_bytes_max: u32,
    /// Commitments per batch.
    pub batch_max: u32,
    /// Tolerated clock skew, milliseconds.
    pub clock_skew_ms_max: u64,
    /// What work costs.
    pub gas: GasTable,
}

/// A balance at genesis, unchecked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AllocationJson {
    /// The account, 20 bytes in hex.
    pub address: String,
    /// Wei, decimal text (JSON numbers are too short for it).
    pub balance: String,
}

/// A validator at genesis, unchecked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ValidatorJson {
    /// Ed25519 public key, 32 bytes in hex.
    pub key: String,
    /// Voting power, ≥ 1.
    pub power: u64,
}

/// A root cluster at genesis, unchecked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClusterJson {
    /// The cluster's id, 32 bytes in hex.
    pub id: String,
    /// The first epoch.
    pub epoch: u64,
    /// Ed25519 public keys of the members, in any order.
    pub members: Vec<String>,
    /// Members that must attest, 1 to all.
    pub threshold: u32,
    /// The account that pays for the cluster's transactions.
    pub operator: String,
}

impl Spec {
    /// Reads the JSON form.
    ///
    /// # Errors
    /// [`SpecError::Json`] with line and column: no JSON, a field missing, unknown or of the wrong kind.
    pub fn from_json(text: &str) -> Result<Self, SpecError> {
        serde_json::from_str(text).map_err(|error| SpecError::Json { reason: error.to_string() })
    }

    /// The JSON form, indented, ending in a newline.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("a tree of text and numbers always has a JSON form");
        text.push('\n');
        text
    }
}
