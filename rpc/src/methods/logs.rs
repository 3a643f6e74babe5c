//! `eth_getLogs`, within limits.

use alloy_rpc_types_eth::{BlockNumberOrTag, Filter, FilterBlockOption, Log};
use jsonrpsee::core::RpcResult;
use primitives::Height;
use rpc_api::{BlockParam, HexBytes, codes};

use super::Methods;
use crate::error::{failure, invalid_params};

impl Methods {
    /// Logs that match. Blocks are read one by one; a limit that is passed says with which range to go on.
    pub(super) fn find_logs(&self, filter: &Filter) -> RpcResult<Vec<Log>> {
        if filter.topics.len() > 4 {
            return Err(invalid_params("exceed max topics"));
        }
        let (from, to) = self.range(&filter.block_option)?;
        let mut found: Vec<Log> = Vec::new();
        for height in from..=to {
            let Some(block) = self.eth_block(Height::new(height))? else { continue };
            if !filter.matches_bloom(block.bloom()) {
                continue;
            }
            found.extend(block.logs().into_iter().filter(|log| filter.matches(&log.inner)));
            if found.len() > self.limits.logs_max {
                let message = match height.checked_sub(1).filter(|last| *last >= from) {
                    Some(last) => format!(
                        "query exceeds max results {}, retry with the range {from}-{last}",
                        self.limits.logs_max
                    ),
                    None => format!("query exceeds max results {}, ask for fewer topics", self.limits.logs_max),
                };
                return Err(invalid_params(message));
            }
        }
        Ok(found)
    }

    /// First and last height to look at; geth's words for what is no range.
    fn range(&self, option: &FilterBlockOption) -> RpcResult<(u64, u64)> {
        let head = self.backend.head()?.height.get();
        let (from, to) = match option {
            FilterBlockOption::AtBlockHash(hash) => {
                return match self.height(BlockParam::Hash(HexBytes(hash.0)))? {
                    Some(height) => Ok((height.get(), height.get())),
                    None => Err(failure(codes::NOT_FOUND, "unknown block")),
                };
            }
            FilterBlockOption::Range { from_block, to_block } => {
                (from_block.map_or(head, |tag| number(tag, head)), to_block.map_or(head, |tag| number(tag, head)))
            }
        };
        if from > to {
            return Err(invalid_params("invalid block range params"));
        }
        if to > head {
            return Err(invalid_params("block range extends beyond current head block"));
        }
        let max = self.limits.log_blocks_max;
        if to.saturating_sub(from) >= max {
            return Err(invalid_params(format!("query exceeds max block range {max}")));
        }
        Ok((from, to))
    }
}

fn number(tag: BlockNumberOrTag, head: u64) -> u64 {
    match tag {
        BlockNumberOrTag::Number(number) => number,
        BlockNumberOrTag::Earliest => 0,
        _ => head,
    }
}
