//! Signatures, checked apart from the rules: the result is a function of the command's bytes alone, so a member may
//! compute it early, on another thread, and every member gets the same.

use primitives::ledger::{Command, SignedCommand, Speaker};
use primitives::{Hash32, NetworkId, ShardAck, SignatureError, Verifier};

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
        check_all_by(&self.verifier, &self.network, commands, threads)
    }
}

fn check_all_by(
    verifier: &(impl Verifier + Sync),
    network: &NetworkId,
    commands: &[&SignedCommand],
    threads: usize,
) -> Vec<Result<Checked, SignatureError>> {
    let mut checked = spread(commands, threads, |signed| own(verifier, network, signed));
    // Those of a command that nobody signed are not looked at: they would be work for strangers.
    let signed = (0..).zip(commands).zip(&checked).filter(|(_, checked)| checked.is_ok());
    let inner: Vec<Inner<'_>> = signed.flat_map(|((at, signed), _)| inner_of(at, signed)).collect();
    for (inner, holds) in inner.iter().zip(spread(&inner, threads, |inner| inner.holds(verifier, network))) {
        if let Some(Ok(checked)) = checked.get_mut(inner.signed).filter(|_| !holds) {
            checked.bad.push((inner.command, inner.position));
        }
    }
    checked
}

fn own(verifier: &impl Verifier, network: &NetworkId, signed: &SignedCommand) -> Result<Checked, SignatureError> {
    let hash = SignedCommand::sign_hash(network, &signed.command, signed.session, signed.serial);
    let speaker = signed.speaker_by(verifier, &hash)?;
    Ok(Checked { hash, speaker, bad: Vec::new() })
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

impl Inner<'_> {
    fn holds(&self, verifier: &impl Verifier, network: &NetworkId) -> bool {
        match self.signature {
            Signature::Ack(ack) => ack.verify_by(verifier, network).is_ok(),
            Signature::Consent(Command::VaultRegister { terms, consent, .. }) => {
                verifier.recover(consent, &terms.consent_hash(network)) == Ok(terms.owner)
            }
            Signature::Consent(_) => false,
        }
    }
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use primitives::{Address, EcdsaSignature, Ed25519Signature, Policy, Portable, SessionId};

    use super::*;
    use crate::testkit::*;

    /// Counts what it is asked.
    #[derive(Default)]
    struct Counting {
        ed25519: AtomicU32,
        recoveries: AtomicU32,
    }

    impl Verifier for Counting {
        fn ed25519(&self, signature: &Ed25519Signature, key: &[u8; 32], message: &[u8]) -> Result<(), SignatureError> {
            self.ed25519.fetch_add(1, Ordering::Relaxed);
            Portable.ed25519(signature, key, message)
        }

        fn recover(&self, signature: &EcdsaSignature, digest: &Hash32) -> Result<Address, SignatureError> {
            self.recoveries.fetch_add(1, Ordering::Relaxed);
            Portable.recover(signature, digest)
        }
    }

    #[test]
    fn signatures_inside_a_badly_signed_command_are_not_looked_at() {
        const PACKS: u64 = 20;
        let packs = (0..PACKS).map(|seed| {
            let header = header(Policy::ERASURE, seed);
            pack_commit(terms(1).vault(), &header, &everywhere(&header))
        });
        let commands = packs.chain([register(terms(1), &OWNER)]).collect();
        let good = sign(BY_NODE, Command::Batch { commands }, 1, 1);
        // What was signed is another session's.
        let bad = SignedCommand { session: SessionId::new([2; 16]), ..good.clone() };
        for threads in [1, 4] {
            let counting = Counting::default();
            let counts = || (counting.ed25519.load(Ordering::Relaxed), counting.recoveries.load(Ordering::Relaxed));
            let checked = check_all_by(&counting, &NETWORK, &[&bad], threads);
            assert!(checked[0].is_err());
            assert_eq!(counts(), (1, 0), "its own signature and no other");
            let checked = check_all_by(&counting, &NETWORK, &[&bad, &good], threads);
            assert!(checked[0].is_err() && checked[1].as_ref().is_ok_and(|checked| checked.bad.is_empty()));
            assert_eq!(counts(), (3 + 6 * 20, 1), "beside it, all of a command that its speaker signed");
        }
    }
}
