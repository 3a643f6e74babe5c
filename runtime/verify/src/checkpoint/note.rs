//! Making and checking checkpoint notes.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use primitives::{Ed25519Signature, Header, NetworkId, Validator, ValidatorKey, ValidatorSet};

use super::names::{TYPE_COSIGNATURE, TYPE_LOG, cosigner_name, key_id, origin};

/// Most signature lines of a note.
pub const SIGNATURES_MAX: usize = 512;

/// Why a checkpoint is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// The text is not the one that the header fixes.
    #[error("the checkpoint's text must be {expected:?}, found {found:?}")]
    Text {
        /// The text that the header fixes.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// A line that is no signature line, or too many of them.
    #[error("not a signature line: {line:?} ({reason})")]
    Line {
        /// The line.
        line: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// A signature by a key that is no validator's, under another name, or twice.
    #[error("{name} with key id {key_id} is no validator of this block, or signs twice")]
    Signer {
        /// Name on the line.
        name: String,
        /// Key id on the line, hex.
        key_id: String,
    },
    /// The cosignature's time is not the header's.
    #[error("{name} cosigned at time {found}, the header's is {expected}")]
    Time {
        /// Name on the line.
        name: String,
        /// Seconds of the header's time.
        expected: u64,
        /// Seconds on the line.
        found: u64,
    },
    /// A signature that does not verify.
    #[error("the signature of {name} does not verify")]
    Signature {
        /// Name on the line.
        name: String,
    },
}

/// Who cosigned a checkpoint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cosigners {
    /// Validators with a cosignature.
    pub count: usize,
    /// Their voting power.
    pub power: u64,
    /// Log signatures.
    pub log_signatures: usize,
}

/// The text that a header fixes: origin, size and root, each with a line feed.
#[must_use]
pub fn text(network: &NetworkId, header: &Header) -> String {
    format!("{}\n{}\n{}\n", origin(network), header.log_size, STANDARD.encode(header.log_root))
}

/// What a validator cosigns: `"cosignature/v1\n" | "time <seconds>\n" | text`.
#[must_use]
pub fn cosignature_bytes(network: &NetworkId, header: &Header) -> Vec<u8> {
    format!("cosignature/v1\ntime {}\n{}", header.timestamp.as_secs(), text(network, header)).into_bytes()
}

/// The signature line of a cosignature over [`cosignature_bytes`], with its line feed.
#[must_use]
pub fn cosignature_line(
    network: &NetworkId,
    header: &Header,
    validator: &ValidatorKey,
    signature: &Ed25519Signature,
) -> String {
    let name = cosigner_name(network, validator);
    let mut bytes = key_id(&name, TYPE_COSIGNATURE, validator).to_vec();
    bytes.extend_from_slice(&header.timestamp.as_secs().to_be_bytes());
    bytes.extend_from_slice(signature.as_bytes());
    format!("— {name} {}\n", STANDARD.encode(bytes))
}

/// The signature line of a log signature, which is Ed25519 over [`text`], with its line feed.
#[must_use]
pub fn log_line(network: &NetworkId, validator: &ValidatorKey, signature: &Ed25519Signature) -> String {
    let name = origin(network);
    let mut bytes = key_id(&name, TYPE_LOG, validator).to_vec();
    bytes.extend_from_slice(signature.as_bytes());
    format!("— {name} {}\n", STANDARD.encode(bytes))
}

/// The note: the text, and when there are signature lines an empty line and the lines.
#[must_use]
pub fn note(network: &NetworkId, header: &Header, lines: &[String]) -> String {
    let text = text(network, header);
    if lines.is_empty() { text } else { format!("{text}\n{}", lines.concat()) }
}

/// Checks a note against the header and the set that signs it. There may be no signatures at all; those that are there
/// must all be of validators of the set, each at most once per kind, and verify.
///
/// # Errors
/// [`CheckpointError`] naming what does not hold.
pub fn verify_checkpoint(
    network: &NetworkId,
    header: &Header,
    set: &ValidatorSet,
    note: &str,
) -> Result<Cosigners, CheckpointError> {
    let text = text(network, header);
    let refused = || CheckpointError::Text { expected: text.clone(), found: note.chars().take(256).collect() };
    let rest = note.strip_prefix(text.as_str()).ok_or_else(refused)?;
    if rest.is_empty() {
        return Ok(Cosigners::default());
    }
    let lines = rest.strip_prefix('\n').and_then(|lines| lines.strip_suffix('\n')).ok_or_else(refused)?;
    let mut cosigners = Cosigners::default();
    let mut seen = BTreeSet::new();
    for (number, line) in lines.split('\n').enumerate() {
        if number >= SIGNATURES_MAX {
            return Err(CheckpointError::Line { line: line.to_owned(), reason: "too many signatures" });
        }
        let signature = Line::parse(line)?;
        let (member, kind) = signature.signer(network, set)?;
        if !seen.insert((member.key, kind)) {
            return Err(signature.unknown());
        }
        signature.verify(network, header, member, kind)?;
        if kind == TYPE_COSIGNATURE {
            cosigners.count = cosigners.count.saturating_add(1);
            cosigners.power = cosigners.power.saturating_add(member.power);
        } else {
            cosigners.log_signatures = cosigners.log_signatures.saturating_add(1);
        }
    }
    Ok(cosigners)
}

/// One signature line, taken apart.
struct Line<'a> {
    name: &'a str,
    key_id: [u8; 4],
    body: Vec<u8>,
}

impl<'a> Line<'a> {
    fn parse(line: &'a str) -> Result<Self, CheckpointError> {
        let refused = |reason| CheckpointError::Line { line: line.chars().take(256).collect(), reason };
        let (name, base64) = line
            .strip_prefix("— ")
            .and_then(|rest| rest.split_once(' '))
            .ok_or_else(|| refused("expected an em dash, a name and base64, with one space between"))?;
        let bytes = STANDARD.decode(base64).map_err(|_| refused("not canonical base64"))?;
        let (key_id, body) = bytes.split_first_chunk::<4>().ok_or_else(|| refused("no key id"))?;
        Ok(Self { name, key_id: *key_id, body: body.to_vec() })
    }

    /// The validator and the kind that name and key id speak of.
    fn signer<'s>(&self, network: &NetworkId, set: &'s ValidatorSet) -> Result<(&'s Validator, u8), CheckpointError> {
        let origin = origin(network);
        set.members()
            .iter()
            .find_map(|member| {
                if self.name == origin && self.key_id == key_id(&origin, TYPE_LOG, &member.key) {
                    return Some((member, TYPE_LOG));
                }
                let name = cosigner_name(network, &member.key);
                let fits = self.name == name && self.key_id == key_id(&name, TYPE_COSIGNATURE, &member.key);
                fits.then_some((member, TYPE_COSIGNATURE))
            })
            .ok_or_else(|| self.unknown())
    }

    fn unknown(&self) -> CheckpointError {
        CheckpointError::Signer { name: self.name.to_owned(), key_id: hex::encode(self.key_id) }
    }

    fn verify(
        &self,
        network: &NetworkId,
        header: &Header,
        member: &Validator,
        kind: u8,
    ) -> Result<(), CheckpointError> {
        let refused = || CheckpointError::Signature { name: self.name.to_owned() };
        let (message, signature) = if kind == TYPE_LOG {
            (text(network, header).into_bytes(), self.body.as_slice())
        } else {
            let (time, signature) = self.body.split_first_chunk::<8>().ok_or_else(refused)?;
            let (expected, found) = (header.timestamp.as_secs(), u64::from_be_bytes(*time));
            if expected != found {
                return Err(CheckpointError::Time { name: self.name.to_owned(), expected, found });
            }
            (cosignature_bytes(network, header), signature)
        };
        let signature: [u8; 64] = signature.try_into().map_err(|_| refused())?;
        Ed25519Signature::new(signature).verify(member.key.as_bytes(), &message).map_err(|_| refused())
    }
}

#[cfg(test)]
#[path = "note_test.rs"]
mod tests;
