//! The JSON form of a receipt: unknown, missing and repeated members are refused, every value has one form.

use primitives::{LogHash, NetworkId, ValidatorSet};
use serde::{Deserialize, Deserializer, Serialize};

use super::records::{Certificate, Commitment, Genesis, Header, Validator};
use super::{Handover as OwnHandover, NetworkProof, Receipt as Own, ReceiptError, Step};
use crate::strict::{Hex, Text};

/// What the member `type` says.
const TYPE: &str = "strongroom receipt";

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Network {
    id: Hex<NetworkId>,
    genesis: Genesis,
    validators: Vec<Validator>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Handover {
    header: Header,
    certificate: Certificate,
    validators: Vec<Validator>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Receipt {
    #[serde(rename = "type")]
    kind: String,
    version: u32,
    network: Network,
    commitment: Commitment,
    leaf_index: Text<u64>,
    path: Vec<Hex<LogHash>>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    checkpoint: Option<String>,
    header: Header,
    certificate: Certificate,
    handovers: Vec<Handover>,
}

/// A member that may be left out but, when it is there, is a string and not null.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    String::deserialize(deserializer).map(Some)
}

/// The members that say what the rest is.
#[derive(Deserialize)]
struct Label {
    #[serde(rename = "type")]
    kind: String,
    version: u32,
}

impl From<Own> for Receipt {
    fn from(own: Own) -> Self {
        let handover = |own: OwnHandover| Handover {
            header: own.header.into(),
            certificate: own.certificate.into(),
            validators: list(own.validators),
        };
        Self {
            kind: TYPE.to_owned(),
            version: Own::VERSION,
            network: Network {
                id: Hex(own.network.id),
                genesis: own.network.genesis.into(),
                validators: list(own.network.validators),
            },
            commitment: own.commitment.into(),
            leaf_index: Text(own.leaf_index),
            path: own.path.into_iter().map(Hex).collect(),
            checkpoint: own.checkpoint,
            header: own.header.into(),
            certificate: own.certificate.into(),
            handovers: own.handovers.into_iter().map(handover).collect(),
        }
    }
}

impl TryFrom<Receipt> for Own {
    type Error = ReceiptError;

    fn try_from(wire: Receipt) -> Result<Self, ReceiptError> {
        check_label(&wire.kind, wire.version)?;
        if wire.handovers.len() > Self::HANDOVERS_MAX {
            let expected = format!("at most {} hand-overs", Self::HANDOVERS_MAX);
            return Err(ReceiptError::new(Step::Format, expected, wire.handovers.len()));
        }
        let handover = |wire: Handover| {
            Ok(OwnHandover {
                header: wire.header.into(),
                certificate: wire.certificate.into(),
                validators: set(wire.validators)?,
            })
        };
        Ok(Self {
            network: NetworkProof {
                id: wire.network.id.0,
                genesis: wire.network.genesis.into(),
                validators: set(wire.network.validators)?,
            },
            commitment: wire.commitment.into(),
            leaf_index: wire.leaf_index.0,
            path: wire.path.into_iter().map(|hash| hash.0).collect(),
            checkpoint: wire.checkpoint,
            header: wire.header.into(),
            certificate: wire.certificate.into(),
            handovers: wire.handovers.into_iter().map(handover).collect::<Result<_, ReceiptError>>()?,
        })
    }
}

/// Reads a receipt: limits, then type and version, then everything.
pub(super) fn parse(bytes: &[u8]) -> Result<Own, ReceiptError> {
    if bytes.len() > Own::BYTES_MAX {
        let expected = format!("at most {} bytes", Own::BYTES_MAX);
        return Err(ReceiptError::new(Step::Format, expected, format!("{} bytes", bytes.len())));
    }
    let label: Label = serde_json::from_slice(bytes).map_err(malformed)?;
    check_label(&label.kind, label.version)?;
    let wire: Receipt = serde_json::from_slice(bytes).map_err(malformed)?;
    wire.try_into()
}

/// The JSON text, indented, with a line feed at the end.
pub(super) fn print(receipt: &Own) -> String {
    let wire = Receipt::from(receipt.clone());
    let mut text = serde_json::to_string_pretty(&wire).expect("strings, numbers and lists always print");
    text.push('\n');
    text
}

fn check_label(kind: &str, version: u32) -> Result<(), ReceiptError> {
    if kind != TYPE {
        return Err(ReceiptError::new(Step::Format, format!("type {TYPE:?}"), format!("{kind:?}")));
    }
    if version != Own::VERSION {
        return Err(ReceiptError::new(Step::Version, Own::VERSION, version));
    }
    Ok(())
}

fn malformed(error: serde_json::Error) -> ReceiptError {
    ReceiptError::new(Step::Format, "a receipt as docs/spec/receipt.md writes it", error)
}

fn list(set: ValidatorSet) -> Vec<Validator> {
    Vec::from(set).into_iter().map(Validator::from).collect()
}

fn set(list: Vec<Validator>) -> Result<ValidatorSet, ReceiptError> {
    ValidatorSet::new(list.into_iter().map(primitives::Validator::from).collect())
        .map_err(|error| ReceiptError::new(Step::Format, "a validator set", error))
}
