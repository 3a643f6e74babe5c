//! Commands that this node's own keys sign: one session a start, serials that only grow.

use std::sync::atomic::{AtomicU64, Ordering};

use ed25519_dalek::{Signer as _, SigningKey};
use eyre::{Result, bail};
use ledger::Ledger;
use primitives::ledger::{Applied, Command, SignedCommand, Signer};
use primitives::{Ed25519Signature, MemberKey, NetworkId, NodeKey, SessionId};
use rand::TryRngCore;

/// In which role the node speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// As a root member.
    Member,
    /// As a storage node.
    Storage,
}

/// Signs and submits commands in one role.
pub(crate) struct Speaker {
    ledger: Ledger,
    network: NetworkId,
    role: Role,
    key: SigningKey,
    session: SessionId,
    serial: AtomicU64,
}

impl Speaker {
    /// # Errors
    /// The system has no randomness.
    pub(crate) fn new(ledger: Ledger, network: NetworkId, role: Role, key: SigningKey) -> Result<Self> {
        let mut session = [0u8; 16];
        rand::rngs::OsRng.try_fill_bytes(&mut session)?;
        Ok(Self { ledger, network, role, key, session: SessionId::new(session), serial: AtomicU64::new(0) })
    }

    /// The ledger that it speaks to.
    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Submits one command and waits until it is applied; also while the disk is nearly full, since it is about data that is
    /// here already.
    ///
    /// # Errors
    /// The ledger does not answer, or refuses.
    pub(crate) async fn submit(&self, command: Command) -> Result<Applied> {
        let serial = self.serial.fetch_add(1, Ordering::Relaxed) + 1;
        let hash = SignedCommand::sign_hash(&self.network, &command, self.session, serial);
        let signature = Ed25519Signature::new(self.key.sign(hash.as_ref()).to_bytes());
        let public = self.key.verifying_key().to_bytes();
        let signer = match self.role {
            Role::Member => Signer::Member(MemberKey::new(public), signature),
            Role::Storage => Signer::Node(NodeKey::new(public), signature),
        };
        let signed = SignedCommand { command, session: self.session, serial, signer };
        match self.ledger.submit_own(vec![signed]).await?.pop() {
            Some(Ok(applied)) => Ok(applied),
            Some(Err(refusal)) => bail!("the ledger refused it: {refusal}"),
            None => bail!("the ledger gave no outcome"),
        }
    }
}
