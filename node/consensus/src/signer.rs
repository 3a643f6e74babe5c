//! Signs for the engine, after the guard agreed; verifies with the one Ed25519 rule.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use ed25519_dalek::{Signer as _, SigningKey};
use malachite_core_types::{SignedMessage, ValidatorProof, VoteExtensionScope, VoteType};
use malachite_signing::{Error, Signer, VerificationResult, Verifier};
use primitives::{Ed25519Signature, NetworkId, ValidatorKey};
use tokio::sync::mpsc;

use crate::bft::{Bft, BlockProposal, BlockVote, proposal_sign_bytes, vote_sign_bytes};
use crate::error::{ConsensusError, GuardError};
use crate::guard::{Guard, Step};
use crate::metrics;

/// The validator's key behind its guard.
#[derive(Clone)]
pub(crate) struct GuardedSigner {
    network: NetworkId,
    key: Arc<SigningKey>,
    guard: Arc<Mutex<Guard>>,
    fatal: mpsc::Sender<ConsensusError>,
}

impl std::fmt::Debug for GuardedSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GuardedSigner").field("key", &self.key()).finish_non_exhaustive()
    }
}

impl GuardedSigner {
    /// A signer; a refusal of the guard also goes to `fatal`, because the engine only logs it and then waits for ever.
    pub(crate) fn new(network: NetworkId, key: SigningKey, guard: Guard, fatal: mpsc::Sender<ConsensusError>) -> Self {
        Self { network, key: Arc::new(key), guard: Arc::new(Mutex::new(guard)), fatal }
    }

    /// The public key.
    pub(crate) fn key(&self) -> ValidatorKey {
        ValidatorKey::new(self.key.verifying_key().to_bytes())
    }

    /// Height of the last signature on record.
    pub(crate) fn height(&self) -> primitives::Height {
        self.guard.lock().unwrap_or_else(PoisonError::into_inner).height()
    }

    /// A signature outside the voting steps: it commits to nothing that could contradict another one.
    pub(crate) fn sign_plain(&self, bytes: &[u8]) -> Ed25519Signature {
        Ed25519Signature::new(self.key.sign(bytes).to_bytes())
    }

    fn sign(
        &self,
        height: primitives::Height,
        round: malachite_core_types::Round,
        step: Step,
        bytes: &[u8],
    ) -> Result<Ed25519Signature, Error> {
        let round = crate::bft::round_of(round).get();
        let verdict = self.guard.lock().unwrap_or_else(PoisonError::into_inner).permit(height, round, step, bytes);
        verdict.map_err(|error| self.refuse(error))?;
        Ok(self.sign_plain(bytes))
    }

    fn refuse(&self, error: GuardError) -> Error {
        ::metrics::counter!(metrics::GUARD_REFUSED).increment(1);
        tracing::error!(target: "consensus", %error, "the signing guard refused");
        // Full or closed only when the node is stopping already.
        let _ = self.fatal.try_send(ConsensusError::Guard(error.clone()));
        Error::from_source(error)
    }
}

#[async_trait]
impl Signer<Bft> for GuardedSigner {
    async fn sign_vote(&self, vote: BlockVote) -> Result<SignedMessage<Bft, BlockVote>, Error> {
        let step = match vote.kind {
            VoteType::Prevote => Step::Prevote,
            VoteType::Precommit => Step::Precommit,
        };
        let signature = self.sign(vote.height.0, vote.round, step, &vote_sign_bytes(&self.network, &vote))?;
        Ok(SignedMessage::new(vote, signature))
    }

    async fn sign_proposal(&self, proposal: BlockProposal) -> Result<SignedMessage<Bft, BlockProposal>, Error> {
        let bytes = proposal_sign_bytes(&self.network, &proposal);
        let signature = self.sign(proposal.height.0, proposal.round, Step::Proposal, &bytes)?;
        Ok(SignedMessage::new(proposal, signature))
    }

    /// Extensions are switched off, so the engine never asks.
    async fn sign_vote_extension(&self, _: VoteExtensionScope<Bft>, (): ()) -> Result<SignedMessage<Bft, ()>, Error> {
        Err(Error::new())
    }

    async fn sign_validator_proof(&self, key: Vec<u8>, peer: Vec<u8>) -> Result<ValidatorProof<Bft>, Error> {
        let signature = self.sign_plain(&ValidatorProof::<Bft>::signing_bytes(&key, &peer));
        Ok(ValidatorProof::new(key, peer, signature))
    }
}

/// Verifies other validators' messages on one network.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StrictVerifier(pub NetworkId);

fn result(signature: &Ed25519Signature, key: &[u8; 32], bytes: &[u8]) -> VerificationResult {
    VerificationResult::from_bool(signature.verify(key, bytes).is_ok())
}

#[async_trait]
impl Verifier<Bft> for StrictVerifier {
    async fn verify_signed_vote(
        &self,
        vote: &BlockVote,
        signature: &Ed25519Signature,
        key: &ValidatorKey,
    ) -> Result<VerificationResult, Error> {
        Ok(result(signature, key.as_bytes(), &vote_sign_bytes(&self.0, vote)))
    }

    async fn verify_signed_proposal(
        &self,
        proposal: &BlockProposal,
        signature: &Ed25519Signature,
        key: &ValidatorKey,
    ) -> Result<VerificationResult, Error> {
        Ok(result(signature, key.as_bytes(), &proposal_sign_bytes(&self.0, proposal)))
    }

    /// Extensions are switched off: none is valid.
    async fn verify_signed_vote_extension(
        &self,
        _: &VoteExtensionScope<Bft>,
        (): &(),
        _: &Ed25519Signature,
        _: &ValidatorKey,
    ) -> Result<VerificationResult, Error> {
        Ok(VerificationResult::Invalid)
    }

    async fn verify_validator_proof(&self, proof: &ValidatorProof<Bft>) -> Result<VerificationResult, Error> {
        let Ok(key) = proof.public_key.as_slice().try_into() else {
            return Ok(VerificationResult::Invalid);
        };
        Ok(result(&proof.signature, key, &proof.preimage()))
    }
}
