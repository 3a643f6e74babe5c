//! Signatures, checked apart from the rules: the result is a function of the command's bytes alone, so a member may
//! compute it early, on another thread, and every member gets the same.

use primitives::ledger::{Command, SignedCommand, Speaker};
use primitives::{Hash32, NetworkId, ShardAck, SignatureError};

/// What the signatures of a command say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// What the speaker signed.
    pub hash: Hash32,
    /// Who speaks.
    pub speaker: Speaker,
    /// Acknowledgements whose signature does not hold: position of the command in its batch (0 when it is alone),
    /// position of the acknowledgement in the command.
    bad_acks: Vec<(usize, usize)>,
}

impl Checked {
    /// Checks the command's own signature and those of the acknowledgements inside.
    ///
    /// # Errors
    /// [`SignatureError`] when the command's own signature does not hold on this network.
    pub fn of(network: &NetworkId, signed: &SignedCommand) -> Result<Self, SignatureError> {
        let hash = SignedCommand::sign_hash(network, &signed.command, signed.session, signed.serial);
        let speaker = signed.speaker_of(&hash)?;
        let commands = match &signed.command {
            Command::Batch { commands } => commands.as_slice(),
            command => std::slice::from_ref(command),
        };
        let mut bad_acks = Vec::new();
        for (position, command) in commands.iter().enumerate() {
            for (index, ack) in acks(command).iter().enumerate() {
                if ack.verify(network).is_err() {
                    bad_acks.push((position, index));
                }
            }
        }
        Ok(Self { hash, speaker, bad_acks })
    }

    /// Signatures in a command: what checking it costs.
    #[must_use]
    pub fn cost(signed: &SignedCommand) -> usize {
        let inner = match &signed.command {
            Command::Batch { commands } => commands.iter().map(|command| acks(command).len()).sum(),
            command => acks(command).len(),
        };
        inner.saturating_add(1)
    }

    /// Whether the signature of an acknowledgement holds.
    #[must_use]
    pub fn ack_holds(&self, command: usize, ack: usize) -> bool {
        !self.bad_acks.contains(&(command, ack))
    }
}

fn acks(command: &Command) -> &[ShardAck] {
    match command {
        Command::PackCommit { acks, .. } => acks,
        Command::ShardHeld { ack } => std::slice::from_ref(ack),
        _ => &[],
    }
}

/// Checks many commands, on several threads when that pays.
#[must_use]
pub fn check_all(network: &NetworkId, commands: &[&SignedCommand]) -> Vec<Result<Checked, SignatureError>> {
    let cost: usize = commands.iter().map(|signed| Checked::cost(signed)).sum();
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(cost / SIGNATURES_PER_THREAD);
    if threads < 2 {
        return commands.iter().map(|signed| Checked::of(network, signed)).collect();
    }
    let share = commands.len().div_ceil(threads);
    std::thread::scope(|scope| {
        let check =
            |part: &[&SignedCommand]| part.iter().map(|signed| Checked::of(network, signed)).collect::<Vec<_>>();
        let parts: Vec<_> = commands.chunks(share).map(|part| scope.spawn(move || check(part))).collect();
        parts.into_iter().flat_map(|part| part.join().expect("checking a signature does not panic")).collect()
    })
}

/// Fewest signatures for which starting a thread (30 µs) is worth it: each costs 50 to 200 µs.
const SIGNATURES_PER_THREAD: usize = 8;
