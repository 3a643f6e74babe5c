//! `proof_`.

use jsonrpsee::core::RpcResult;
use primitives::{Commitment, Header, Height};
use rpc_api::proof::{Consistency, Inclusion, ProofApiServer};
use rpc_api::snapshot::SnapshotId;
use rpc_api::{Quantity, Record, codes};
use serde_json::value::RawValue;
use verify::{Handover, NetworkProof, Receipt};

use super::Methods;
use super::chain::missing;
use crate::BackendError;
use crate::error::{failure, invalid_params};

impl ProofApiServer for Methods {
    fn inclusion(&self, of: SnapshotId, tree_size: Option<Quantity>) -> RpcResult<Inclusion> {
        let (index, commitment) = self.leaf_that_is_there(of)?;
        let header = match tree_size {
            None => self.backend.head()?,
            Some(size) => self.header_of_size(size.get())?.ok_or_else(|| {
                failure(codes::PROOF_NO_HEADER, format!("no header fixes the snapshot log at {} leaves", size.get()))
            })?,
        };
        let size = header.log_size;
        if index >= size {
            return Err(invalid_params(format!("leaf {index} is not in a log of {size} leaves")));
        }
        Ok(Inclusion {
            leaf_index: index.into(),
            tree_size: size.into(),
            commitment: Record(commitment),
            path: self.backend.inclusion(index, size)?,
            root: header.log_root,
            certificate: self.backend.certificate(header.height)?.map(Record),
            header: Record(header),
        })
    }

    fn consistency(&self, first: Quantity, second: Option<Quantity>) -> RpcResult<Consistency> {
        let head = self.backend.head()?.log_size;
        let (first, second) = (first.get(), second.map_or(head, Quantity::get));
        if second > head {
            let message = format!("the snapshot log has {head} leaves, not {second}");
            return Err(failure(codes::PROOF_BEYOND_HEAD, message));
        }
        if first > second {
            let message = format!("the first size, {first}, is above the second, {second}");
            return Err(failure(codes::PROOF_ORDER, message));
        }
        if first == 0 {
            return Err(invalid_params("every log continues the empty one: the first size must be at least 1"));
        }
        Ok(Consistency {
            first: first.into(),
            second: second.into(),
            path: self.backend.consistency(first, second)?,
            first_root: self.header_of_size(first)?.map(|header| header.log_root),
            second_root: self.header_of_size(second)?.map(|header| header.log_root),
        })
    }

    fn receipt(&self, of: SnapshotId) -> RpcResult<Box<RawValue>> {
        let (index, commitment) = self.leaf_that_is_there(of)?;
        let receipt = self.assemble(index, commitment)?;
        Ok(RawValue::from_string(receipt.to_json()).map_err(BackendError::internal)?)
    }
}

impl Methods {
    fn leaf_that_is_there(&self, of: SnapshotId) -> RpcResult<(u64, Commitment)> {
        let unknown = || failure(codes::PROOF_UNKNOWN_LEAF, "the chain has no such commitment (yet)");
        self.find(of)?.ok_or_else(unknown)
    }

    /// The receipt of the block that added the leaf, so that a commitment has one receipt for ever.
    fn assemble(&self, index: u64, commitment: Commitment) -> RpcResult<Receipt> {
        let hash = commitment.hash();
        let Some((_, height)) = self.backend.leaf_of(&hash)? else {
            return Err(BackendError::internal(format!("commitment {hash} is not in the node's index")).into());
        };
        let header = self.header_at(height)?;
        let certificate = self.backend.certificate(height)?.ok_or_else(|| missing("certificate", height))?;
        let spec = self.backend.spec();
        Ok(Receipt {
            network: NetworkProof { id: spec.network, genesis: spec.genesis(), validators: spec.validators.clone() },
            commitment,
            leaf_index: index,
            path: self.backend.inclusion(index, header.log_size)?,
            checkpoint: Some(self.backend.checkpoint(&header)?),
            handovers: self.handovers(&header)?,
            header,
            certificate,
        })
    }

    /// Every change of the validator set before `header`.
    fn handovers(&self, header: &Header) -> RpcResult<Vec<Handover>> {
        let mut handovers = Vec::new();
        if header.validators == self.backend.spec().validators.hash() {
            return Ok(handovers);
        }
        for height in (1..header.height.get()).map(Height::new) {
            let change = self.header_at(height)?;
            if change.validators == change.next_validators {
                continue;
            }
            handovers.push(Handover {
                certificate: self.backend.certificate(height)?.ok_or_else(|| missing("certificate", height))?,
                validators: self.backend.validators(height.next())?.ok_or_else(|| missing("validator set", height))?,
                header: change,
            });
        }
        Ok(handovers)
    }

    /// The first header whose snapshot log has exactly `size` leaves. Sizes never fall from block to block.
    fn header_of_size(&self, size: u64) -> RpcResult<Option<Header>> {
        let head = self.backend.head()?;
        if size > head.log_size {
            return Ok(None);
        }
        let (mut low, mut high) = (0, head.height.get());
        while low < high {
            let middle = low.midpoint(high);
            match self.header_at(Height::new(middle))?.log_size < size {
                true => low = middle.saturating_add(1),
                false => high = middle,
            }
        }
        let header = self.header_at(Height::new(low))?;
        Ok(Some(header).filter(|header| header.log_size == size))
    }
}
