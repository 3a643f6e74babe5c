//! Signs commands for an owner and submits them until the ledger has answered.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::sleep;
use std::time::Duration;

use primitives::SessionId;
use primitives::ledger::{Applied, Command, Refusal, SignedCommand, Signer};
use rand::RngCore;
use seal::OwnerSecret;

use crate::{Client, ClientError};

/// Times that a submission is repeated while the node cannot take it.
const ATTEMPTS: u32 = 9;
/// Longest wait between two attempts.
const WAIT_MAX: Duration = Duration::from_secs(5);
/// Wait before the second attempt; doubles each time.
const WAIT: Duration = Duration::from_millis(200);

/// One run of a client: a session of the ledger. Repeating a command within it has no second effect.
pub(crate) struct Session<'a> {
    client: &'a Client,
    secret: &'a OwnerSecret,
    id: SessionId,
    serial: AtomicU64,
}

impl<'a> Session<'a> {
    pub(crate) fn new(client: &'a Client, secret: &'a OwnerSecret) -> Self {
        let mut id = [0; SessionId::LEN];
        rand::rng().fill_bytes(&mut id);
        Self { client, secret, id: SessionId::new(id), serial: AtomicU64::new(1) }
    }

    /// Submits commands in order, repeating while the node is unreachable; one outcome each.
    pub(crate) fn submit(&self, commands: Vec<Command>) -> Result<Vec<Result<Applied, Refusal>>, ClientError> {
        let expected = commands.len();
        let signed: Vec<SignedCommand> = commands.into_iter().map(|command| self.sign(command)).collect();
        let mut wait = WAIT;
        for attempt in 1.. {
            match self.client.node().submit(&signed) {
                Ok(outcomes) if outcomes.len() == expected => {
                    let full = outcomes.iter().any(|outcome| matches!(outcome, Err(Refusal::OutboxFull { .. })));
                    if !full || attempt >= ATTEMPTS {
                        return Ok(outcomes);
                    }
                }
                Ok(outcomes) => {
                    return Err(ClientError::Internal {
                        what: "submitting to the ledger",
                        reason: format!("{} outcomes for {expected} commands", outcomes.len()),
                    });
                }
                Err(error) if error.is_temporary() && attempt < ATTEMPTS => {
                    tracing::debug!(target: "client", %error, attempt, "submission is repeated");
                }
                Err(error) => return Err(error.into()),
            }
            sleep(wait);
            wait = (wait * 2).min(WAIT_MAX);
        }
        unreachable!("the loop returns at the last attempt")
    }

    /// Submits one command that must not be refused.
    pub(crate) fn apply(&self, what: &'static str, command: Command) -> Result<Applied, ClientError> {
        let outcome = self.submit(vec![command])?.pop().expect("one outcome for one command");
        outcome.map_err(|refusal| ClientError::Refused { what, refusal })
    }

    fn sign(&self, command: Command) -> SignedCommand {
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        let hash = SignedCommand::sign_hash(&self.client.network().network, &command, self.id, serial);
        SignedCommand { command, session: self.id, serial, signer: Signer::Account(self.secret.sign(&hash)) }
    }
}
