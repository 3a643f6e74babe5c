//! From what a caller calls a block to a height, a state, an assembled block.

use std::sync::Arc;

use jsonrpsee::core::RpcResult;
use primitives::{BlockHash, EthHash, Height};
use rpc_api::{BlockParam, codes};

use super::Methods;
use crate::StateAt;
use crate::error::failure;
use crate::ethereum::EthBlock;

impl Methods {
    /// The height that is meant; `None` when there is no such block.
    pub(super) fn height(&self, block: BlockParam) -> RpcResult<Option<Height>> {
        let head = self.backend.head()?.height;
        match block {
            BlockParam::Latest | BlockParam::Safe | BlockParam::Finalized | BlockParam::Pending => Ok(Some(head)),
            BlockParam::Earliest => Ok(Some(Height::GENESIS)),
            BlockParam::Number(number) => Ok(Some(Height::new(number)).filter(|height| *height <= head)),
            BlockParam::Hash(hash) => match self.backend.height_of_eth(&EthHash::new(hash.0))? {
                Some(height) => Ok(Some(height)),
                None => Ok(self.backend.height_of(&BlockHash::new(hash.0))?),
            },
        }
    }

    /// The state that is meant. A block that is not there is an error here, as EIP-1898 asks.
    pub(super) fn state(&self, block: Option<BlockParam>) -> RpcResult<StateAt> {
        let block = block.unwrap_or_default();
        match block {
            BlockParam::Latest | BlockParam::Safe | BlockParam::Finalized | BlockParam::Pending => Ok(StateAt::Latest),
            _ => match self.height(block)? {
                Some(height) if height == self.backend.head()?.height => Ok(StateAt::Latest),
                Some(height) => Ok(StateAt::Height(height)),
                None => Err(failure(codes::NOT_FOUND, "header not found")),
            },
        }
    }

    /// The assembled block at this height.
    pub(super) fn eth_block(&self, height: Height) -> RpcResult<Option<Arc<EthBlock>>> {
        if let Some(block) = self.blocks.find(height) {
            return Ok(Some(block));
        }
        let Some(data) = self.backend.block(height)? else { return Ok(None) };
        let block = Arc::new(EthBlock::new(data, &self.backend.spec().params));
        self.blocks.keep(height, &block);
        Ok(Some(block))
    }
}
