//! Commits of packs on their way to the ledger: their shards are looked for here first, and stay until the answer
//! (`docs/adr/0051-orphan-shards.md`).

use ledger::{Consistency, Ledger, LedgerError};
use primitives::ledger::{Applied, Command, Refusal, SignedCommand};
use primitives::{PackHeader, PackId, ShardAck};
use replica::{Confirmed, Replica, Shortage};
use rpc::BackendError;

use super::ledger::failed;

/// Submits commands; one outcome each, in order. A pack of which too few shards are here is refused before the ledger hears
/// of it, and with it the whole batch that it is in: its speaker signed all of the batch or nothing.
pub(super) async fn submit(
    ledger: &Ledger,
    replica: &Replica,
    commands: Vec<SignedCommand>,
) -> Result<Vec<Result<Applied, Refusal>>, BackendError> {
    let packs: Vec<_> = commands.iter().flat_map(|signed| commits(&signed.command)).collect();
    if packs.is_empty() {
        return ledger.submit(commands).await.map_err(failed);
    }
    let confirmed = replica.confirm(packs).await.map_err(BackendError::internal)?;
    order(ledger.clone(), confirmed, commands).await
}

/// Has the ledger order commands whose shards are claimed. In a task of its own: a client that leaves does not end the claim
/// before the ledger has answered.
async fn order(
    ledger: Ledger,
    confirmed: Confirmed,
    commands: Vec<SignedCommand>,
) -> Result<Vec<Result<Applied, Refusal>>, BackendError> {
    tokio::spawn(async move { order_claimed(&ledger, confirmed, commands).await })
        .await
        .map_err(BackendError::internal)?
}

/// A pack of which too few shards are here is refused before the ledger hears of it.
async fn order_claimed(
    ledger: &Ledger,
    confirmed: Confirmed,
    commands: Vec<SignedCommand>,
) -> Result<Vec<Result<Applied, Refusal>>, BackendError> {
    let refusals = refusals(ledger, &commands, confirmed.short()).await.map_err(failed)?;
    let passed = commands.into_iter().zip(&refusals).filter(|(_, refusal)| refusal.is_none());
    let passed: Vec<SignedCommand> = passed.map(|(command, _)| command).collect();
    let sent: Vec<Vec<PackId>> = passed.iter().map(packs_of).collect();
    let answers = ledger.submit(passed).await;
    match &answers {
        Ok(answers) => confirmed.answered(|pack| is_recorded(answers, &sent, pack)),
        // It has not taken them, and will not.
        Err(LedgerError::Busy | LedgerError::DiskLow { .. }) => confirmed.answered(|_| false),
        Err(_) => confirmed.unanswered().await.map_err(BackendError::internal)?,
    }
    let mut answers = answers.map_err(failed)?.into_iter();
    let outcome = |refusal: Option<Refusal>| refusal.map_or_else(|| answers.next(), |refusal| Some(Err(refusal)));
    Ok(refusals.into_iter().map_while(outcome).collect())
}

fn packs_of(signed: &SignedCommand) -> Vec<PackId> {
    commits(&signed.command).iter().map(|(header, _)| header.id()).collect()
}

/// Whether the ledger took a command that records the pack. What it refused was perhaps signed by nobody.
fn is_recorded(answers: &[Result<Applied, Refusal>], sent: &[Vec<PackId>], pack: &PackId) -> bool {
    sent.iter().zip(answers).any(|(packs, answer)| answer.is_ok() && packs.contains(pack))
}

/// The packs that a command records, with the acknowledgements of their shards.
fn commits(command: &Command) -> Vec<(PackHeader, Vec<ShardAck>)> {
    let commits = inner(command).iter().filter_map(commit);
    commits.map(|(header, acks)| (header.clone(), acks.to_vec())).collect()
}

/// The commands of a batch, which has no batches in it; the command itself when it is none.
fn inner(command: &Command) -> &[Command] {
    match command {
        Command::Batch { commands } => commands,
        single => std::slice::from_ref(single),
    }
}

fn commit(command: &Command) -> Option<(&PackHeader, &[ShardAck])> {
    match command {
        Command::PackCommit { header, acks, .. } => Some((header, acks)),
        _ => None,
    }
}

/// Why each command must not reach the ledger; `None` for those that may. A pack of which too few shards are left could not
/// be read by anybody; one that is recorded already is the ledger's own matter.
async fn refusals(
    ledger: &Ledger,
    commands: &[SignedCommand],
    short: &[Shortage],
) -> Result<Vec<Option<Refusal>>, LedgerError> {
    let unreadable: Vec<&Shortage> = short.iter().filter(|shortage| shortage.have < shortage.need).collect();
    if unreadable.is_empty() {
        return Ok(vec![None; commands.len()]);
    }
    let reader = ledger.read(Consistency::Stale).await?;
    let refusal = |signed: &SignedCommand| {
        for (position, command) in inner(&signed.command).iter().enumerate() {
            let Some((header, _)) = commit(command) else { continue };
            let pack = header.id();
            let Some(shortage) = unreadable.iter().find(|shortage| shortage.pack == pack) else { continue };
            if reader.pack(&pack)?.is_none() {
                return Ok(Some(too_few(&signed.command, position, shortage)));
            }
        }
        Ok(None)
    };
    commands.iter().map(refusal).collect()
}

/// The refusal of a command; of a batch it says which of its commands is at fault.
fn too_few(command: &Command, position: usize, shortage: &Shortage) -> Refusal {
    let Shortage { pack, have, need } = *shortage;
    match command {
        Command::Batch { .. } => Refusal::Invalid {
            what: "batch".to_owned(),
            reason: format!(
                "nothing of it was applied: command {position} records pack {pack}, of which {have} acknowledged shards are \
                 here and {need} are needed; send its shards again, or the batch without it"
            ),
        },
        _ => Refusal::TooFewHolders { found: have, needed: need },
    }
}

#[cfg(test)]
#[path = "commits_test.rs"]
mod tests;
