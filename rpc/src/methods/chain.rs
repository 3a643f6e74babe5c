//! `chain_`.

use jsonrpsee::core::RpcResult;
use primitives::{Certificate, Header, Height, ValidatorSet};
use rpc_api::chain::{Block, ChainApiServer, Genesis};
use rpc_api::{BlockParam, Record};
use serde_json::value::RawValue;

use super::Methods;
use crate::BackendError;

impl Methods {
    /// Header, hashes and certificate of a block that is there.
    pub(super) fn native_block(&self, header: Header) -> RpcResult<Block> {
        let height = header.height;
        let eth_hash = self.backend.eth_hash(height)?.ok_or_else(|| missing("Ethereum hash", height))?;
        let certificate = self.backend.certificate(height)?.map(Record);
        Ok(Block { hash: header.hash(), eth_hash, header: Record(header), certificate })
    }

    /// A header of a block that must be there.
    pub(super) fn header_at(&self, height: Height) -> RpcResult<Header> {
        Ok(self.backend.header(height)?.ok_or_else(|| missing("header", height))?)
    }
}

impl ChainApiServer for Methods {
    fn head(&self) -> RpcResult<Block> {
        self.native_block(self.backend.head()?)
    }

    fn header(&self, block: BlockParam) -> RpcResult<Option<Block>> {
        let Some(height) = self.height(block)? else { return Ok(None) };
        self.backend.header(height)?.map(|header| self.native_block(header)).transpose()
    }

    fn certificate(&self, block: BlockParam) -> RpcResult<Option<Record<Certificate>>> {
        let Some(height) = self.height(block)? else { return Ok(None) };
        Ok(self.backend.certificate(height)?.map(Record))
    }

    fn validator_set(&self, block: Option<BlockParam>) -> RpcResult<Option<Record<ValidatorSet>>> {
        let Some(height) = self.height(block.unwrap_or_default())? else { return Ok(None) };
        Ok(self.backend.validators(height)?.map(Record))
    }

    fn genesis(&self) -> RpcResult<Genesis> {
        let spec = self.backend.spec();
        let json = spec.to_spec().to_json();
        Ok(Genesis {
            name: spec.name.clone(),
            network: spec.network,
            chain_id: spec.params.chain_id.get().into(),
            header: Record(self.header_at(Height::GENESIS)?),
            validators: Record(spec.validators.clone()),
            spec: RawValue::from_string(json).map_err(BackendError::internal)?,
        })
    }
}

/// A record that every block has and this one lacks: the store is damaged.
pub(super) fn missing(what: &str, height: Height) -> BackendError {
    BackendError::internal(format!("the {what} of block {height} is missing in the node's store"))
}
