//! `chain_`: native headers, certificates and validator sets.

use jsonrpsee::core::RpcResult;
use jsonrpsee::proc_macros::rpc;
use primitives::{BlockHash, Certificate, EthHash, Header, NetworkId, ValidatorSet};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{BlockParam, Quantity, Record};

/// The chain as it is.
#[rpc(server, client, namespace = "chain")]
pub trait ChainApi {
    /// The last block, with its certificate.
    #[method(name = "getHead")]
    fn head(&self) -> RpcResult<Block>;

    /// A block's header and certificate; `null` when there is no such block.
    #[method(name = "getHeader")]
    fn header(&self, block: BlockParam) -> RpcResult<Option<Block>>;

    /// The precommits that made a block final; `null` for genesis and for blocks that are not there.
    #[method(name = "getCertificate")]
    fn certificate(&self, block: BlockParam) -> RpcResult<Option<Record<Certificate>>>;

    /// The set that signed a block; `null` when there is no such block. Default: the last block.
    #[method(name = "getValidatorSet")]
    fn validator_set(&self, block: Option<BlockParam>) -> RpcResult<Option<Record<ValidatorSet>>>;

    /// The network: its id, chain id and the genesis description it was started from.
    #[method(name = "getGenesis")]
    fn genesis(&self) -> RpcResult<Genesis>;
}

/// A block without its transactions.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Block {
    /// Native hash: BLAKE3 of the header.
    pub hash: BlockHash,
    /// Keccak hash of the derived Ethereum header.
    pub eth_hash: EthHash,
    /// The header.
    pub header: Record<Header>,
    /// The certificate; absent for genesis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Record<Certificate>>,
}

/// The network's identity and beginning.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Genesis {
    /// The network's name.
    pub name: String,
    /// The network id: hash of the genesis description.
    pub network: NetworkId,
    /// EIP-155 chain id.
    pub chain_id: Quantity,
    /// Header of block 0.
    pub header: Record<Header>,
    /// The first validator set.
    pub validators: Record<ValidatorSet>,
    /// The genesis description, as a node reads it from its file.
    pub spec: Box<RawValue>,
}
