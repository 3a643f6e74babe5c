//! The receipt: one file that proves a commitment.

mod check;
mod error;
mod records;
mod wire;

pub use check::VerifiedReceipt;
pub use error::{ReceiptError, Step};

use primitives::{Certificate, Commitment, Genesis, Header, LogHash, NetworkId, ValidatorSet};
use serde::{Deserialize, Serialize};

/// Everything that proves to a stranger that a commitment is final. Unchecked until [`Receipt::verify`].
///
/// JSON form: `docs/spec/receipt.md`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "wire::Receipt", into = "wire::Receipt")]
pub struct Receipt {
    /// What the network's id stands for.
    pub network: NetworkProof,
    /// The commitment.
    pub commitment: Commitment,
    /// Index of its leaf in the snapshot log, from 0.
    pub leaf_index: u64,
    /// Audit path of the leaf in the log of the header's size, leaf to root.
    pub path: Vec<LogHash>,
    /// The log's checkpoint at that header, a C2SP signed note; with or without cosignatures.
    pub checkpoint: Option<String>,
    /// The header whose snapshot log holds the leaf.
    pub header: Header,
    /// The precommits that make it final.
    pub certificate: Certificate,
    /// Every change of the validator set from genesis to the header, in order.
    pub handovers: Vec<Handover>,
}

/// The network, from its id to its first validator set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkProof {
    /// The network's id.
    pub id: NetworkId,
    /// The record that the id is the hash of.
    pub genesis: Genesis,
    /// The set whose hash the record holds.
    pub validators: ValidatorSet,
}

/// A block whose next validator set is another one, and that set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handover {
    /// The last header that the old set signs.
    pub header: Header,
    /// The old set's precommits.
    pub certificate: Certificate,
    /// The set that signs from the next height on.
    pub validators: ValidatorSet,
}

impl Receipt {
    /// The only receipt version there is.
    pub const VERSION: u32 = 1;
    /// Longest receipt that is read, bytes.
    pub const BYTES_MAX: usize = 8 * 1024 * 1024;
    /// Most hand-overs.
    pub const HANDOVERS_MAX: usize = 4096;

    /// Reads a receipt; nothing of it is proven before [`Self::verify`].
    ///
    /// # Errors
    /// [`ReceiptError`] with [`Step::Format`] or [`Step::Version`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ReceiptError> {
        wire::parse(bytes)
    }

    /// The receipt as JSON, indented, with a line feed at the end.
    #[must_use]
    pub fn to_json(&self) -> String {
        wire::print(self)
    }

    /// Checks the whole chain from the network id to the commitment. Without a trusted id the result says for which
    /// network the receipt holds, and it is for the reader to judge whether that is the right one.
    ///
    /// # Errors
    /// [`ReceiptError`] naming the first step that does not hold.
    pub fn verify(&self, trusted_network: Option<NetworkId>) -> Result<VerifiedReceipt, ReceiptError> {
        check::verify(self, trusted_network)
    }
}

#[cfg(test)]
#[path = "receipt_test.rs"]
mod tests;
