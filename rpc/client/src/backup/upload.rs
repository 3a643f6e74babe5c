//! Sends shards and records packs.

use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender};
use primitives::ledger::Applied;

use super::run::Run;
use crate::ClientError;
use crate::session::Session;
use crate::stage::{Encoded, Placed};

/// Packs that one submission records at most.
const BATCH: usize = 64;

/// Sends shards until there are none; hands packs on whose last shard it sent.
pub(super) fn send(run: &Run<'_>, shards: &Receiver<(Arc<Encoded>, u8)>, placed: &Sender<Placed>) {
    for (pack, index) in shards {
        if run.is_stopped() {
            continue;
        }
        let node = run.client.node();
        let done =
            pack.send(index, node.as_ref(), run.client.network(), run.options.progress.as_ref()).and_then(|()| {
                // Exactly one thread is the last to let go of a pack.
                match Arc::into_inner(pack).filter(Encoded::is_sent) {
                    Some(pack) => placed.send(pack.placed()?).map_err(|_| ClientError::Cancelled),
                    None => Ok(()),
                }
            });
        if let Err(error) = done {
            run.fail(error);
        }
    }
}

/// Records packs in the ledger, then in the index, so that a later run finds them.
pub(super) fn commit(run: &Run<'_>, session: &Session<'_>, placed: &Receiver<Placed>) {
    while let Ok(first) = placed.recv() {
        let batch: Vec<Placed> = std::iter::once(first).chain(placed.try_iter().take(BATCH - 1)).collect();
        if !run.is_stopped()
            && let Err(error) = commit_batch(run, session, batch)
        {
            run.fail(error);
        }
    }
}

fn commit_batch(run: &Run<'_>, session: &Session<'_>, batch: Vec<Placed>) -> Result<(), ClientError> {
    let commands = batch.iter().map(|placed| placed.command(run.vault.id)).collect();
    let outcomes = session.submit(commands)?;
    for (placed, outcome) in batch.into_iter().zip(outcomes) {
        let applied = outcome.map_err(|refusal| ClientError::Refused { what: "a pack", refusal })?;
        let (number, bytes) = (placed.number, placed.stored_bytes());
        let (info, entries) = placed.recorded();
        let recorded = run.index.append(info, &entries)?;
        run.recorded(number, recorded, bytes, matches!(applied, Applied::Pack { degraded: true, .. }));
    }
    Ok(())
}
