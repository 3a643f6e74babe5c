//! Signatures, checked apart from the rules: the result is a function of the command's bytes alone, so a member may
//! compute it early, on another thread, and every member gets the same.

use primitives::ledger::{Command, SignedCommand, Speaker};
use primitives::{Hash32, NetworkId, ShardAck, SignatureError, Verifier as _};

use crate::verifier::FastVerifier;

/// Fewest signatures for which starting a thread (30 µs) is worth it: each costs 20 to 50 µs.
const SIGNATURES_PER_THREAD: usize = 16;

/// What the signatures of a command say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// What the speaker signed.
    pub hash: Hash32,
    /// Who speaks.
    pub speaker: Speaker,
    /// Signatures inside that do not hold: position of the command in its batch (0 when it is alone), position of the
    /// acknowledgement in the command (0 for a consent). Ascending.
    bad: Vec<(usize, usize)>,
}

impl Checked {
    /// Whether the signature of an acknowledgement holds.
    #[must_use]
    pub fn ack_holds(&self, command: usize, ack: usize) -> bool {
        self.bad.binary_search(&(command, ack)).is_err()
    }

    /// Whether the owner's consent in a registration holds.
    #[must_use]
    pub fn consent_holds(&self, command: usize) -> bool {
        self.ack_holds(command, 0)
    }
}

/// Checks commands for one network; remembers which keys come often.
#[derive(Debug)]
pub struct Checker {
    network: NetworkId,
    verifier: FastVerifier,
}

impl Checker {
    /// Commands must be signed for this network.
    #[must_use]
    pub fn new(network: NetworkId) -> Self {
        Self { network, verifier: FastVerifier }
    }

    /// Checks each command's own signature and those inside, on up to `threads` threads when that pays.
    ///
    /// Per command: [`SignatureError`] when its own signature does not hold on this network.
    #[must_use]
    pub fn check_all(&self, commands: &[&SignedCommand], threads: usize) -> Vec<Result<Checked, SignatureError>> {
        let mut checked = spread(commands, threads, |signed| self.own(signed));
        // Those of a command that nobody signed are not looked at: they would be work for strangers.
        let signed = (0..).zip(commands).zip(&checked).filter(|(_, checked)| checked.is_ok());
        let inner: Vec<Inner<'_>> = signed.flat_map(|((at, signed), _)| inner_of(at, signed)).collect();
        for (inner, holds) in inner.iter().zip(spread(&inner, threads, |inner| self.holds(inner))) {
            if let Some(Ok(checked)) = checked.get_mut(inner.signed).filter(|_| !holds) {
                checked.bad.push((inner.command, inner.position));
            }
        }
        checked
    }

    fn own(&self, signed: &SignedCommand) -> Result<Checked, SignatureError> {
        let hash = SignedCommand::sign_hash(&self.network, &signed.command, signed.session, signed.serial);
        let speaker = signed.speaker_by(&self.verifier, &hash)?;
        Ok(Checked { hash, speaker, bad: Vec::new() })
    }

    fn holds(&self, inner: &Inner<'_>) -> bool {
        match inner.signature {
            Signature::Ack(ack) => ack.verify_by(&self.verifier, &self.network).is_ok(),
            Signature::Consent(Command::VaultRegister { terms, consent, .. }) => {
                self.verifier.recover(consent, &terms.consent_hash(&self.network)) == Ok(terms.owner)
            }
            Signature::Consent(_) => false,
        }
    }
}

/// A signature inside a command.
struct Inner<'a> {
    /// Position of the signed command among those that are checked.
    signed: usize,
    /// Position of the command in its batch.
    command: usize,
    /// Position in the command.
    position: usize,
    signature: Signature<'a>,
}

enum Signature<'a> {
    Ack(&'a ShardAck),
    /// Of a registration.
    Consent(&'a Command),
}

fn inner_of(signed_at: usize, signed: &SignedCommand) -> impl Iterator<Item = Inner<'_>> {
    let commands = match &signed.command {
        Command::Batch { commands } => commands.as_slice(),
        command => std::slice::from_ref(command),
    };
    (0..).zip(commands).flat_map(move |(command_at, command)| {
        let acks = match command {
            Command::PackCommit { acks, .. } => acks.as_slice(),
            Command::ShardHeld { ack } => std::slice::from_ref(ack),
            _ => &[],
        };
        let consent = matches!(command, Command::VaultRegister { .. }).then_some(Signature::Consent(command));
        let signatures = acks.iter().map(Signature::Ack).chain(consent);
        (0..).zip(signatures).map(move |(position, signature)| Inner {
            signed: signed_at,
            command: command_at,
            position,
            signature,
        })
    })
}

/// Does the work for each item, in order, in equal shares on up to `threads` threads.
fn spread<T: Sync, R: Send>(items: &[T], threads: usize, work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = threads.min(items.len() / SIGNATURES_PER_THREAD);
    if threads < 2 {
        return items.iter().map(work).collect();
    }
    let share = &|items: &[T]| items.iter().map(&work).collect::<Vec<_>>();
    std::thread::scope(|scope| {
        let shares = items.chunks(items.len().div_ceil(threads));
        let threads: Vec<_> = shares.map(|items| scope.spawn(move || share(items))).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("checking a signature does not panic")).collect()
    })
}
