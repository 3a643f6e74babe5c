//! Who says it: a command with its session, serial and signature.

use parity_scale_codec::{Decode, Encode};

use super::Command;
use crate::{
    Address, Domain, EcdsaSignature, Ed25519Signature, Hash32, MemberKey, NetworkId, NodeKey, Portable, SessionId,
    SignatureError, Verifier, hash_parts,
};

/// For whom a command speaks.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Signer {
    /// A secp256k1 account: owner or delegate.
    #[codec(index = 0)]
    Account(EcdsaSignature),
    /// A storage node.
    #[codec(index = 1)]
    Node(NodeKey, Ed25519Signature),
    /// A root member.
    #[codec(index = 2)]
    Member(MemberKey, Ed25519Signature),
}

/// A command with its session, serial and signature.
///
/// The ledger remembers the outcome of the last serials of each session: sending the same command again gives the same
/// outcome again.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct SignedCommand {
    /// What to do.
    pub command: Command,
    /// The session, random per client run.
    pub session: SessionId,
    /// Unique within the session, ascending.
    pub serial: u64,
    /// Whom it speaks for.
    pub signer: Signer,
}

/// The checked speaker of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Speaker {
    /// An account.
    #[codec(index = 0)]
    Account(Address),
    /// A storage node.
    #[codec(index = 1)]
    Node(NodeKey),
    /// A root member.
    #[codec(index = 2)]
    Member(MemberKey),
}

impl Speaker {
    /// Key of the rows of this speaker's session (domain `session`): nobody else's commands touch them.
    #[must_use]
    pub fn session_key(&self, session: &SessionId) -> Hash32 {
        hash_parts(Domain::Session, &[&(self, session).encode()])
    }
}

impl SignedCommand {
    /// What the signer signs (domain `command`): network, command, session and serial in SCALE.
    #[must_use]
    pub fn sign_hash(network: &NetworkId, command: &Command, session: SessionId, serial: u64) -> Hash32 {
        hash_parts(Domain::Command, &[&(network, command, session, serial).encode()])
    }

    /// Verifies the signature and says who speaks.
    ///
    /// # Errors
    /// [`SignatureError`] when it does not hold on this network.
    pub fn speaker(&self, network: &NetworkId) -> Result<Speaker, SignatureError> {
        self.speaker_of(&Self::sign_hash(network, &self.command, self.session, self.serial))
    }

    /// As [`Self::speaker`], for who has the [`Self::sign_hash`] already.
    ///
    /// # Errors
    /// [`SignatureError`] when the signature does not hold over `hash`.
    pub fn speaker_of(&self, hash: &Hash32) -> Result<Speaker, SignatureError> {
        self.speaker_by(&Portable, hash)
    }

    /// As [`Self::speaker_of`], by other code for the same rules.
    ///
    /// # Errors
    /// [`SignatureError`] when the signature does not hold over `hash`.
    pub fn speaker_by(&self, verifier: &impl Verifier, hash: &Hash32) -> Result<Speaker, SignatureError> {
        match &self.signer {
            Signer::Account(signature) => verifier.recover(signature, hash).map(Speaker::Account),
            Signer::Node(key, signature) => {
                verifier.ed25519(signature, key.as_bytes(), hash.as_ref()).map(|()| Speaker::Node(*key))
            }
            Signer::Member(key, signature) => {
                verifier.ed25519(signature, key.as_bytes(), hash.as_ref()).map(|()| Speaker::Member(*key))
            }
        }
    }
}
